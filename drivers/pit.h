/* Channel 2 of the real 8254, as a measure for the TSC. */
/* Part: used once, at start. */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H

#include "lib/types.h"

/* TSC ticks in a second, 0 when no 8254 answers. Takes about 50 ms. Interrupts should be off. */
uint64_t pit_measure_tsc(void);

#endif
