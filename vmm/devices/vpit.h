/* The virtual timer: an 8254 at ports 40h-43h, with the system control port 61h. */
/* Part: devices/; gives a guest its ticks, in step with real time although it is often not run. */
#ifndef VMM_DEVICES_VPIT_H
#define VMM_DEVICES_VPIT_H

#include "vmm/devices/vpit_channel.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VPIT_HZ 1193182u

struct vpic;

/*
 * Channel 0 and a guest that was not running: every tick that fell due is owed and delivered, one
 * at a time, each when the one before has been acknowledged, and not closer together than a
 * quarter of the period (or 16 clock pulses). So a guest that counts ticks keeps its second. What
 * is owed never exceeds one second; more than that is dropped and counted in `dropped`: a guest
 * that did not listen for so long has stopped counting, and must not drown in interrupts when it
 * comes back. Time during which the guest masks the line is time not listened, no more and no
 * less. A control word forgets what is owed.
 */
struct vpit {
	struct vdev dev;
	uint64_t hz;		/* TSC ticks a second */
	uint64_t epoch;		/* TSC at which the clock stood at s.tick */
	uint64_t not_before;	/* TSC: the next tick may not be delivered earlier */
	uint64_t spacing;	/* least TSC ticks from one delivery to the next */
	uint64_t deadline;	/* what deadline() answers */
	struct vpit_state {
		struct vpit_channel channel[3];
		uint64_t tick;		/* the 1193182 Hz clock at the epoch */
		uint64_t next_edge;	/* tick of channel 0's next rising edge not yet counted */
		uint64_t delivered, dropped;
		uint32_t owed;		/* ticks that fell due and were not delivered */
		uint8_t asked;		/* IRQ 0 is requested and not yet acknowledged */
		uint8_t port61;		/* bits 0-3 as written */
		uint8_t line;		/* what line 0 was last driven to */
	} s;
};

void vpit_init(struct vpit *pit, struct vm *vm);
int vpit_claim(struct vpit *pit, struct bus *bus);

/*
 * Makes the 8259 pair tell the timer when IRQ 0 was taken. Without this, or calls of the next, it
 * ticks once.
 */
void vpit_attach(struct vpit *pit, struct vpic *pic);
/* The same as vpit_irq0_taken(), in the form that vioapic_watch() wants; `who` is the vpit. */
void vpit_free(void *who);
/* Line 0 has led nowhere for a while and is about to lead to the controllers again, at the level it has. */
void vpit_reconnect(struct vpit *pit);
/* IRQ 0 was acknowledged. A call too many does no harm. */
void vpit_irq0_taken(struct vpit *pit, uint64_t now);

#endif
