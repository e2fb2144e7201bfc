/* Dates as the clock chip shows them: its bytes in BCD or binary, 12 or 24 hours, and its alarm. */
/* Part: devices/; pure arithmetic for vrtc.c. */
#ifndef VMM_DEVICES_VRTC_DATE_H
#define VMM_DEVICES_VRTC_DATE_H

#include "lib/types.h"

/* Registers of the chip, and the byte where PCs keep the century. */
enum { VRTC_A = 0x0a, VRTC_B, VRTC_C, VRTC_D, VRTC_CENTURY = 0x32 };

/* Seconds from the year 0 to the year 9999, where the chip's two times two digits begin again. */
#define VRTC_DATE_SPAN 315569520000ull

/* Brings seconds since 1970 into the years 0 to 9999. */
int64_t vrtc_date_wrap(int64_t second);
/* The second of its day, 0 to 86399. */
unsigned int vrtc_date_of_day(int64_t second);

/* Fills the date bytes from seconds since 1970, in the form that register B (in bytes) asks for. */
void vrtc_date_show(uint8_t *bytes, int64_t second);
/* The other way; whatever the bytes hold, the result is a date. */
int64_t vrtc_date_read(const uint8_t *bytes);

bool vrtc_date_is_alarm(unsigned int index);
/*
 * Seconds from that second of the day to the first one that the alarm bytes match, -1 = none does.
 */
int vrtc_date_alarm_delay(const uint8_t *bytes, unsigned int second_of_day);

#endif
