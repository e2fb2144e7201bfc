/* The virtual POST port 80h, which programs write to pass a microsecond. */
/* Part: devices/; an interpreter of I/O that does as little as can be done. */
#ifndef VMM_DEVICES_VDELAY_H
#define VMM_DEVICES_VDELAY_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

struct vdelay {
	struct vdev dev;
	uint8_t code;	/* what was written last; some guests report their progress here */
};

void vdelay_init(struct vdelay *delay, struct vm *vm);
int vdelay_claim(struct vdelay *delay, struct bus *bus);

#endif
