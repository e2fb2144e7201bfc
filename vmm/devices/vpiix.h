/* The virtual chipset on the PCI bus: i440FX host bridge, PIIX3 ISA bridge, PIIX4 power management. */
/* Part: devices/; what firmware looks for to know its board, and the interrupt router. */
#ifndef VMM_DEVICES_VPIIX_H
#define VMM_DEVICES_VPIIX_H

#include "vmm/devices/vpci.h"

#define VPIIX_PM_BASE 0x600u	/* the power-management ports after reset */

/* One function of the three; each is a device of its own to its machine. */
struct vpiix_function {
	struct vpci_function pci;	/* first */
	struct vpiix *chipset;
};

struct vpiix {
	struct vpiix_function host, isa, pm;
	/* Told when the power-management ports move or are switched, and at every reset and restore. May be NULL. */
	void (*pm_moved)(void *context, uint16_t base, bool enabled);
	void *pm_context;
};

/* Puts 00:00.0, 00:01.0 and 00:01.3 on the bus. 0 or vpci_attach()'s error. */
int vpiix_init(struct vpiix *x, struct vm *vm, struct vpci *bus);
/* Who is told about the power-management ports; told at once where they are now. */
void vpiix_attach_pm(struct vpiix *x, void (*moved)(void *context, uint16_t base, bool enabled), void *context);

#endif
