/* The virtio block device over a virtual disk. */
/* Part: devices/; a guest's disk in two exits a request: its notification and our interrupt. */
#ifndef VMM_DEVICES_VIRTIO_BLK_H
#define VMM_DEVICES_VIRTIO_BLK_H

#include "vmm/devices/virtio_pci.h"
#include "vmm/machine/vdisk.h"

#define VIRTIO_BLK_CONFIG 60u
#define VIRTIO_BLK_ID 20u

struct virtio_blk {
	struct virtio_pci t;	/* first */
	struct vdisk *disk;
	uint8_t config[VIRTIO_BLK_CONFIG];
	uint8_t sector[VDISK_SECTOR];	/* for sectors that lie across two segments */
	char id[VIRTIO_BLK_ID];
	uint64_t requests, bytes;
	uint64_t progress;	/* bytes of the request at the front that have been moved already */
};

/* 0 or vpci_attach()'s error. The disk must outlive the machine's use of the device. */
int virtio_blk_init(struct virtio_blk *b, struct vm *vm, struct vpci *bus, uint8_t devfn, struct vdisk *disk);

#endif
