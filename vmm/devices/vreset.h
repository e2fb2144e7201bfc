/* The virtual ways out: reset by ports 92h and CF9h, power-off by port 8900h. */
/* Part: devices/; an interpreter of I/O that ends in a request to the machine. */
#ifndef VMM_DEVICES_VRESET_H
#define VMM_DEVICES_VRESET_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

struct vreset {
	struct vdev dev;
	struct vdev *pci;	/* gets the rest of CF8h-CFBh; NULL = nobody does */
	uint32_t pci_region;
	struct vreset_state {
		uint8_t port92;		/* without A20, which the machine knows */
		uint8_t cf9;		/* reset control register */
		uint8_t spelled;	/* letters of "Shutdown" seen so far at port 8900h */
	} s;
};

void vreset_init(struct vreset *reset, struct vm *vm);
int vreset_claim(struct vreset *reset, struct bus *bus);
/* Who answers at CF8h-CFBh beside the byte CF9h: the PCI configuration address. */
void vreset_attach_pci(struct vreset *reset, struct vdev *pci, uint32_t region);

#endif
