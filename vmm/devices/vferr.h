/* The wire from the floating-point unit's FERR output to line 13, and the latch that port F0h clears. */
/* Part: devices/; how programs that leave CR0.NE off learn of their floating-point errors. */
#ifndef VMM_DEVICES_VFERR_H
#define VMM_DEVICES_VFERR_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

struct vferr {
	struct vdev dev;
	uint8_t latched;	/* line 13 is up */
};

void vferr_init(struct vferr *ferr, struct vm *vm);
int vferr_claim(struct vferr *ferr, struct bus *bus);
/* The virtual processor has met an unmasked floating-point error with CR0.NE off. */
void vferr_assert(struct vferr *ferr);

#endif
