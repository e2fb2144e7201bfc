/* The virtual pair of 8259A interrupt controllers, with a PC chip set's edge/level register. */
/* Part: devices/; between the ISA lines of the other devices and the processor's INTR. */
#ifndef VMM_DEVICES_VPIC_H
#define VMM_DEVICES_VPIC_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

struct vpic_chip {
	uint8_t lines;		/* the input pins */
	uint8_t edges;		/* requests latched from a rising edge, until acknowledged */
	uint8_t imr, isr;
	uint8_t elcr;		/* 1 = that line is sensitive to its level */
	uint8_t base;		/* ICW2: vector of line 0 */
	uint8_t lowest;		/* the line of the lowest priority; 7 unless rotated */
	uint8_t icw1;
	uint8_t icw_wanted;	/* 2, 3 or 4 in the middle of the initialization sequence, else 0 */
	uint8_t auto_eoi, rotate_auto, special_mask, nested;	/* 0 or 1 */
	uint8_t read_isr;	/* OCW3: what a read of the command port shows */
	uint8_t poll;		/* OCW3: the next read is an acknowledge */
};

struct vpic {
	struct vdev dev;
	bool intr;		/* the INT output as last told to the machine */
	uint64_t spurious;	/* acknowledge cycles that found no request */
	void (*timer_free)(void *who);	/* see vpic_watch_timer() */
	void *timer;
	struct vpic_state {
		struct vpic_chip chip[2];	/* master, slave */
	} s;
};

void vpic_init(struct vpic *pic, struct vm *vm);
int vpic_claim(struct vpic *pic, struct bus *bus);

/* An ISA line 0-15 goes up or down. Line 2 is the cascade and cannot be driven. */
void vpic_set(struct vpic *pic, unsigned int line, bool asserted);

/* Is INT up? The machine asks before it opens an interrupt window. */
static inline bool vpic_pending(const struct vpic *pic)
{
	return pic->intr;
}

/*
 * The processor's interrupt acknowledge cycle: the vector. Without a request it is the spurious
 * one (line 7).
 */
int vpic_acknowledge(struct vpic *pic);

/*
 * Calls timer_free(who) whenever a request of line 0 ceases to be pending: acknowledged, polled,
 * or wiped out by ICW1. The timer delivers its ticks one by one this way. It may call vpic_set()
 * from there.
 */
void vpic_watch_timer(struct vpic *pic, void (*timer_free)(void *who), void *who);

#endif
