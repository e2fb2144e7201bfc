/* The virtual I/O APIC: 24 pins of an 82093AA of version 20h. */
/* Part: devices/; between the interrupt lines of the other devices and the local APIC. */
#ifndef VMM_DEVICES_VIOAPIC_H
#define VMM_DEVICES_VIOAPIC_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VIOAPIC_BASE 0xfec00000u
#define VIOAPIC_PINS 24u
#define VIOAPIC_TIMER_PIN 2u	/* ISA line 0; pin 0 is the 8259s' output */

struct vlapic;

struct vioapic {
	struct vdev dev;
	struct vlapic *lapic;
	uint64_t eoi_map[4];
	struct {
		void (*fn)(void *who);
		void *who;
	} watch[VIOAPIC_PINS];
	struct vioapic_state {
		uint64_t entry[VIOAPIC_PINS];	/* redirection table */
		uint32_t lines;			/* pins that are asserted */
		uint32_t id;			/* register 0 as read */
		uint8_t select;
		uint8_t unused[7];
	} s;
};

void vioapic_init(struct vioapic *io, struct vm *vm, struct vlapic *lapic);
int vioapic_claim(struct vioapic *io, struct bus *bus);

/* A pin becomes active or inactive, whichever level that is: see the comment on polarity in vioapic.c. */
void vioapic_set(struct vioapic *io, unsigned int pin, bool asserted);

/* The local APIC has ended this vector. Cheap when no pin cares. */
void vioapic_eoi(struct vioapic *io, uint8_t vector);

/*
 * fn(who) is called when an interrupt of this pin is done with: it has been ended, or it was a kind that is never
 * ended (NMI); and at each write of the pin's entry, when whatever was under way may have been lost. It may call
 * vioapic_set() from there. A timer delivers its ticks one by one this way.
 */
void vioapic_watch(struct vioapic *io, unsigned int pin, void (*fn)(void *who), void *who);

/* Vectors whose EOI matters here, 256 bits. machine_eoi_map_changed() tells of changes. */
static inline const uint64_t *vioapic_eoi_map(const struct vioapic *io)
{
	return io->eoi_map;
}

/* Does the 8259s' output reach the processor by pin 0 (ExtINT, unmasked, to this processor)? */
bool vioapic_accepts_pic(const struct vioapic *io);
/* Is some pin set up to send what no flag holds back: NMI or INIT? */
bool vioapic_may_nmi(const struct vioapic *io);

#endif
