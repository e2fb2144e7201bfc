/* Measures the TSC against channel 2 of the 8254, which can be seen at port 61. */
/* Part: drivers/, at start only. */
#include "drivers/pit.h"
#include "arch/api/cpu.h"
#include "lib/timebase.h"

#define PIT_CHANNEL2 0x42
#define PIT_CONTROL  0x43
#define PIT_HZ_3     3579545 /* three times the 8254's clock, which is not a whole number of Hz */

#define CONTROL_CHANNEL2_MODE0 0xb0 /* low then high byte, output rises at the end of the count */

#define SYSTEM_B	 0x61
#define SYSTEM_B_GATE	 0x01
#define SYSTEM_B_SPEAKER 0x02
#define SYSTEM_B_OUT	 0x20
#define SYSTEM_B_WRITE	 0x0f /* the upper half is status */

#define COUNT 11932 /* 10 ms */
#define TRIES 5

/* 10 ms of any processor up to 13 GHz; ends the loop where the output never rises. */
#define TOO_LONG (1ull << 27)

struct try {
	uint64_t ticks;
	uint64_t doubt;	/* how far ticks may be off */
};

/*
 * The start is known to lie between the TSC before and after the write of the count's high byte,
 * the end between the last read that saw the output low and the first that saw it high.
 */
static bool measure(struct try *result)
{
	uint64_t before, start, last, now;
	bool ended;

	cpu_out8(PIT_CONTROL, CONTROL_CHANNEL2_MODE0);
	cpu_out8(PIT_CHANNEL2, COUNT & 0xff);
	before = cpu_tsc();
	cpu_out8(PIT_CHANNEL2, COUNT >> 8);
	start = cpu_tsc();
	if ((cpu_in8(SYSTEM_B) & SYSTEM_B_OUT) != 0)
		return false; /* no 8254: mode 0 begins with the output low */
	now = start;
	do {
		last = now;
		if (last - start > TOO_LONG)
			return false;
		ended = (cpu_in8(SYSTEM_B) & SYSTEM_B_OUT) != 0;
		now = cpu_tsc();
	} while (!ended);
	result->ticks = (last + now) / 2 - (before + start) / 2;
	result->doubt = now - last + (start - before);
	return true;
}

uint64_t pit_measure_tsc(void)
{
	uint8_t system_b = cpu_in8(SYSTEM_B) & SYSTEM_B_WRITE;
	struct try best = { 0, UINT64_MAX }, one;

	cpu_out8(SYSTEM_B, (uint8_t)((system_b & ~SYSTEM_B_SPEAKER) | SYSTEM_B_GATE));
	for (unsigned int i = 0; i < TRIES; i++) {
		if (!measure(&one)) {
			best.ticks = 0;
			break;
		}
		if (one.doubt < best.doubt)
			best = one;
	}
	cpu_out8(SYSTEM_B, (uint8_t)(system_b & ~(SYSTEM_B_SPEAKER | SYSTEM_B_GATE)));
	/*
	 * Mode 0 ends one clock after the count: it is loaded by the first (8254 data sheet, "Mode
	 * 0").
	 */
	return muldiv64(best.ticks, PIT_HZ_3, 3 * (COUNT + 1));
}
