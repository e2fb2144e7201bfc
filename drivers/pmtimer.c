/* Measures the TSC against ACPI's power management timer. */
/* Part: drivers/, at start only; ACPI specification, "Power Management Timer". */
#include "drivers/pmtimer.h"
#include "arch/api/cpu.h"
#include "lib/timebase.h"

#define PMTIMER_HZ   3579545
#define PMTIMER_MASK 0xffffff /* it may have 32 bits; 24 are enough here */

#define COUNT 35796 /* 10 ms */
#define TRIES 5

/* A timer that stands still is given up after this many reads (about 0.1 s). */
#define STILL_READS 100000

struct sample {
	uint64_t before, after;	/* TSC around the read */
	uint32_t value;
};

static void take(uint16_t port, struct sample *s)
{
	s->before = cpu_tsc();
	s->value = cpu_in32(port) & PMTIMER_MASK;
	s->after = cpu_tsc();
}

/*
 * Some chipsets sometimes give a value in the middle of a change: only steps forward are believed.
 */
static bool measure(uint16_t port, struct sample *first, struct sample *last)
{
	uint32_t passed = 0, still = 0;

	take(port, first);
	while (passed < COUNT) {
		uint32_t step;

		take(port, last);
		step = (last->value - first->value) & PMTIMER_MASK;
		if (step <= passed || step > PMTIMER_MASK / 2) {
			if (++still > STILL_READS)
				return false;
			continue;
		}
		passed = step;
		still = 0;
	}
	return true;
}

/*
 * The median of the tries: one that was cut short by a false value, or delayed by SMM, does not
 * count.
 */
uint64_t pmtimer_measure_tsc(uint16_t port)
{
	uint64_t rates[TRIES];

	for (unsigned int i = 0; i < TRIES; i++) {
		struct sample first, last;
		uint64_t ticks, rate;
		unsigned int at = i;

		if (!measure(port, &first, &last))
			return 0;
		ticks = (last.before + last.after) / 2 - (first.before + first.after) / 2;
		rate = muldiv64(ticks, PMTIMER_HZ, (last.value - first.value) & PMTIMER_MASK);
		for (; at > 0 && rates[at - 1] > rate; at--)
			rates[at] = rates[at - 1];
		rates[at] = rate;
	}
	return rates[TRIES / 2];
}
