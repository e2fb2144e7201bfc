/* The virtio console: one port over the machine's console. */
/* Part: devices/; a guest's hvc0. */
#ifndef VMM_DEVICES_VIRTIO_CONSOLE_H
#define VMM_DEVICES_VIRTIO_CONSOLE_H

#include "vmm/devices/virtio_pci.h"

#define VIRTIO_CONSOLE_CONFIG 12u
#define VIRTIO_CONSOLE_UNIT 3u	/* as machine_console_put() and the others know it */

struct virtio_console {
	struct virtio_pci t;	/* first */
	uint8_t config[VIRTIO_CONSOLE_CONFIG];
	uint64_t progress;	/* bytes of the buffer at the front that have been sent already */
};

/* 0 or vpci_attach()'s error. */
int virtio_console_init(struct virtio_console *c, struct vm *vm, struct vpci *bus, uint8_t devfn);
void virtio_console_kick(struct virtio_console *c);	/* typed input has come */

#endif
