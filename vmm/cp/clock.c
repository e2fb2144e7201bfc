/* Times as VM/370 writes them: time of day with date, spans, processor time. */
/* Part: cp/; pure, tested on the host. */
#include "vmm/cp/clock.h"

#include "lib/printf.h"
#include "lib/timebase.h"

static const char *const weekdays[7] = {
	/* 1970-01-01 was the first of these */
	"THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY",
};

static bool is_leap(uint64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01 to a date. */
static void find_date(uint64_t days, uint64_t *year, unsigned int *month, unsigned int *day)
{
	static const uint8_t lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	/* 400 years repeat exactly, so that a wild clock costs no more than a sane one. */
	uint64_t y = 1970 + days / 146097 * 400;
	unsigned int m = 0;

	days %= 146097;
	for (; days >= (is_leap(y) ? 366u : 365u); y++)
		days -= is_leap(y) ? 366 : 365;
	for (;; m++) {
		unsigned int length = lengths[m] + (m == 1 && is_leap(y) ? 1u : 0u);

		if (days < length)
			break;
		days -= length;
	}
	*year = y;
	*month = m + 1;
	*day = (unsigned int)days + 1;
}

void clock_time(char *to, size_t room, uint64_t seconds)
{
	unsigned int s = (unsigned int)(seconds % 86400);

	text_format(to, room, "%02u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
}

void clock_stamp(char *to, size_t room, uint64_t seconds)
{
	uint64_t year;
	unsigned int month, day;
	char time[CLOCK_ROOM];

	find_date(seconds / 86400, &year, &month, &day);
	clock_time(time, sizeof(time), seconds);
	text_format(to, room, "%s GMT %s %02u/%02u/%02u", time, weekdays[seconds / 86400 % 7],
		    month, day, (unsigned int)(year % 100));
}

void clock_span(char *to, size_t room, uint64_t seconds)
{
	text_format(to, room, "%02llu:%02u:%02u", (unsigned long long)(seconds / 3600),
		    (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
}

void clock_processor(char *to, size_t room, uint64_t ticks, uint64_t hz)
{
	uint64_t whole = ticks / hz;
	unsigned int hundredths = (unsigned int)muldiv64(ticks % hz, 100, hz);

	text_format(to, room, "%03llu:%02u.%02u", (unsigned long long)(whole / 60),
		    (unsigned int)(whole % 60), hundredths);
}
