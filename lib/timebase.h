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

/* How a processor scales its TSC for a guest: by multiplier / 2^48. SDM, "TSC Multiplier". */
#define TSC_SAME_RATE (1ull << 48)

static inline uint64_t tsc_scaled(uint64_t ticks, uint64_t multiplier)
{
	if (__builtin_expect(multiplier == TSC_SAME_RATE, 1))
		return ticks;
	return (uint64_t)((unsigned __int128)ticks * multiplier >> 48);
}

/* The first tick whose scaled value is not below `scaled`; TIME_NEVER = there is none. multiplier must not be 0. */
static inline uint64_t tsc_unscaled(uint64_t scaled, uint64_t multiplier)
{
	if (__builtin_expect(multiplier == TSC_SAME_RATE, 1))
		return scaled;
	return scaled >> 16 >= multiplier ? TIME_NEVER : muldiv64_up(scaled, TSC_SAME_RATE, multiplier);
}

#endif
