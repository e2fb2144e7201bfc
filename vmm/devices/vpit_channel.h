/* One counter of an 8254 as a function of the clock: nothing runs, all is worked out when asked. */
/* Part: devices/; pure arithmetic for vpit.c. */
#ifndef VMM_DEVICES_VPIT_CHANNEL_H
#define VMM_DEVICES_VPIT_CHANNEL_H

#include "lib/timebase.h"
#include "lib/types.h"

enum vpit_phase {
	VPIT_IDLE,	/* a control word came, but no count yet */
	VPIT_ARMED,	/* modes 1 and 5: waits for the first rising edge of the gate */
	VPIT_RUN,
	VPIT_PAUSED,	/* the gate is low and stops the counting */
};

/*
 * All times are clock pulses ("ticks") since some moment; `t` is the current one and never runs
 * back.
 */
struct vpit_channel {
	uint64_t start;		/* tick at which the counting element takes `count` */
	uint64_t swap;		/* modes 2 and 3: tick at which `reload` follows, or TIME_NEVER */
	uint64_t paused;	/* modes 0 and 4: ticks that were counted when the gate fell */
	uint32_t count;		/* what is counted from, 1 to 65536 */
	uint32_t reload;	/* what the guest wrote last, same range */
	uint16_t held;		/* what the element shows while it stands or waits for `start` */
	uint16_t latch;
	uint8_t mode;		/* 0-5 */
	uint8_t alias;		/* 4 = written as 6 or 7, which are 2 and 3; the status says what was written */
	uint8_t access;		/* 1 = low byte, 2 = high byte, 3 = low then high */
	uint8_t bcd, gate;
	uint8_t phase;		/* enum vpit_phase */
	uint8_t fresh;		/* `reload` has not reached the counting element: "null count" */
	uint8_t swap_in_half;	/* the planned swap is at the falling edge of mode 3 */
	uint8_t out_before;	/* OUT until `start` */
	uint8_t low_byte, write_high, read_high;	/* the low byte came; which byte is next */
	uint8_t latched;	/* bytes of `latch` not yet read */
	uint8_t status, status_latched;
};

void vpit_channel_reset(struct vpit_channel *c, bool gate);
/* Is every field one that the functions here could have left at tick t? */
bool vpit_channel_is_sound(const struct vpit_channel *c, uint64_t t);

/* Carries out a planned swap whose tick has come; call it before anything else that has a t. */
void vpit_channel_sync(struct vpit_channel *c, uint64_t t);

void vpit_channel_control(struct vpit_channel *c, uint64_t t, uint8_t word);
/* Returns true when that byte completed a count. */
bool vpit_channel_write(struct vpit_channel *c, uint64_t t, uint8_t byte);
uint8_t vpit_channel_read(struct vpit_channel *c, uint64_t t);
void vpit_channel_latch_count(struct vpit_channel *c, uint64_t t);
void vpit_channel_latch_status(struct vpit_channel *c, uint64_t t);
void vpit_channel_set_gate(struct vpit_channel *c, uint64_t t, bool gate);
bool vpit_channel_out(const struct vpit_channel *c, uint64_t t);

static inline bool vpit_channel_is_periodic(const struct vpit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

/*
 * The tick of the first rising edge of OUT after `start`, if the gate stays as it is; TIME_NEVER =
 * none.
 */
uint64_t vpit_channel_first_edge(const struct vpit_channel *c);

#endif
