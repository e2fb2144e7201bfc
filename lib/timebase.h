/* Time in one unit: ticks of the host's TSC, converted exactly (128-bit) to any other rate. */
/* Part: leaf; every deadline of the monitor and of its virtual devices is kept in these ticks. */
#ifndef LIB_TIMEBASE_H
#define LIB_TIMEBASE_H

#include "lib/types.h"

#define TIME_NEVER UINT64_MAX

/* a * b / c without losing the high half. c must not be 0 and the quotient must fit 64 bits. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t quotient, high, low;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"(b) : "cc");
	__asm__("divq %4" : "=a"(quotient), "=d"(high) : "a"(low), "d"(high), "r"(c) : "cc");
	return quotient;
}

/* The same, rounded up: the remainder is below c, so 64 bits of the products tell whether there is one. */
static inline uint64_t muldiv64_up(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t quotient = muldiv64(a, b, c);

	return quotient + (quotient * c != a * b);
}

#endif
