/* The virtual clock and CMOS memory: an MC146818 at ports 70h and 71h. */
/* Part: devices/; tells a guest the date, and how much storage it has. */
#ifndef VMM_DEVICES_VRTC_H
#define VMM_DEVICES_VRTC_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VRTC_BYTES 128u

struct vrtc {
	struct vdev dev;
	uint64_t hz;		/* TSC ticks a second */
	uint64_t second_start;	/* TSC at which the second `now_second` began */
	uint64_t next_periodic;	/* TSC of the next periodic event, TIME_NEVER = rate 0 */
	uint64_t deadline;
	bool line;		/* IRQ 8 as last told to the machine */
	struct vrtc_state {
		int64_t second;		/* the date it shows, in seconds since 1970 */
		int64_t offset;		/* saved state only: distance from the machine's date */
		uint64_t phase;		/* saved state only: nanoseconds into the second */
		uint8_t written;	/* the guest changed date bytes; `second` follows later */
		uint8_t index;
		uint8_t bytes[VRTC_BYTES];	/* bytes 0, 2, 4, 6-9 and 32h show the date */
	} s;
};

void vrtc_init(struct vrtc *rtc, struct vm *vm);
int vrtc_claim(struct vrtc *rtc, struct bus *bus);
/* A byte of the memory behind the clock, for firmware to read; not one of the clock's own registers. */
void vrtc_set_cmos(struct vrtc *rtc, uint8_t index, uint8_t value);

#endif
