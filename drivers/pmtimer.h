/* ACPI's power management timer, as a measure for the TSC where there is no 8254. */
/* Part: used once, at start. */
#ifndef DRIVERS_PMTIMER_H
#define DRIVERS_PMTIMER_H

#include "lib/types.h"

/*
 * PORT: the FADT's PM_TMR_BLK. TSC ticks in a second, 0 when the timer stands still. About 50 ms.
 */
uint64_t pmtimer_measure_tsc(uint16_t port);

#endif
