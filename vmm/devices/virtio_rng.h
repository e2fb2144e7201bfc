/* The virtio entropy device. */
/* Part: devices/; gives a guest random bytes of the real processor's generator. */
#ifndef VMM_DEVICES_VIRTIO_RNG_H
#define VMM_DEVICES_VIRTIO_RNG_H

#include "vmm/devices/virtio_pci.h"

struct virtio_rng {
	struct virtio_pci t;	/* first */
	uint64_t bytes;		/* given so far */
};

/* 0 or vpci_attach()'s error. */
int virtio_rng_init(struct virtio_rng *r, struct vm *vm, struct vpci *bus, uint8_t devfn);

#endif
