/* The virtual debug ports: QEMU's isa-debug-exit at F4h and the debug console at E9h. */
/* Part: devices/; for test programs that tell how they ended, and that print before they have a driver. */
#ifndef VMM_DEVICES_VDEBUG_H
#define VMM_DEVICES_VDEBUG_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VDEBUG_UNIT 2u	/* the console's number at the machine */

struct vdebug {
	struct vdev dev;
	uint64_t lost;	/* bytes written while the console had no room */
};

void vdebug_init(struct vdebug *debug, struct vm *vm);
/* Either is there only if the machine's options say so. */
int vdebug_claim(struct vdebug *debug, struct bus *bus, bool exit_port, bool console_port);

#endif
