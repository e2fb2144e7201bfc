/* The virtual high-precision event timer: a 64-bit counter of 100 MHz and three comparators at FED00000h. */
/* Part: devices/; gives a guest a clock and interrupts that are finer than the 8254's. */
#ifndef VMM_DEVICES_VHPET_H
#define VMM_DEVICES_VHPET_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VHPET_BASE 0xfed00000u
#define VHPET_HZ 100000000u
#define VHPET_TIMERS 3u
#define VHPET_ROUTES 0x00f00000u	/* I/O APIC pins that a timer may use: 20 to 23 */

struct vhpet {
	struct vdev dev;
	uint64_t hz;		/* TSC ticks a second */
	uint64_t epoch;		/* TSC at which the counter stood at s.counter; while it runs */
	uint64_t not_before;	/* TSC: periodic timers are not looked at earlier */
	uint64_t spacing;
	uint64_t deadline;
	uint32_t lines;		/* what is asserted now: bits 0-23 pins, 24 and 25 the legacy lines 0 and 8 */
	struct vhpet_state {
		uint64_t counter;
		uint8_t config;		/* bit 0 = it runs, bit 1 = legacy replacement */
		uint8_t status;		/* a bit for each timer whose level interrupt is asserted */
		uint8_t unused[6];
		struct vhpet_timer {
			uint64_t comparator, period;
			uint64_t next;	/* ticks after the epoch when it matches, TIME_NEVER = it does not */
			uint32_t config;
			uint32_t unused;
		} timer[VHPET_TIMERS];
	} s;
};

void vhpet_init(struct vhpet *h, struct vm *vm);
int vhpet_claim(struct vhpet *h, struct bus *bus);

#endif
