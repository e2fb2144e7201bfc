/* The PCI transport of virtio 1.x: the capabilities, the common configuration, notifications and interrupts. */
/* Part: devices/; each virtio device of a machine embeds one as its first member. */
#ifndef VMM_DEVICES_VIRTIO_PCI_H
#define VMM_DEVICES_VIRTIO_PCI_H

#include "vmm/devices/virtio.h"
#include "vmm/devices/vpci.h"

#define VIRTIO_PCI_VECTORS (VIRTIO_QUEUES + 1)	/* one a queue, one for the configuration */
#define VIRTIO_PCI_MSIX_BAR 1u
#define VIRTIO_PCI_BAR 4u

/* Offsets in BAR 4, one page each. */
#define VIRTIO_PCI_COMMON 0x0000u
#define VIRTIO_PCI_ISR 0x1000u
#define VIRTIO_PCI_DEVICE 0x2000u
#define VIRTIO_PCI_NOTIFY 0x3000u
#define VIRTIO_PCI_BAR_SIZE 0x4000u
#define VIRTIO_PCI_NOTIFY_STEP 4u

struct virtio_pci {
	struct vpci_function pci;	/* first */
	struct virtio v;
	struct vpci_msix_entry table[VIRTIO_PCI_VECTORS];
	uint8_t window;			/* offset of the configuration-access capability */
};

/* The transport's and the queues' part of a device's saved state. */
struct virtio_pci_state {
	struct vpci_function_state pci;
	struct virtio_state virtio;
	struct vpci_msix_entry table[VIRTIO_PCI_VECTORS];
};

/*
 * The function with its BARs and capabilities on the bus. type: the standard's device number. The vdev's ops and vm, and
 * v.ops, v.offered, v.queues, v.size[], v.config* must be set; v.ops->interrupt and
 * reach are the two below.
 */
int virtio_pci_init(struct virtio_pci *t, struct vpci *bus, uint8_t devfn, uint16_t type, uint32_t class_code);
void virtio_pci_interrupt(struct virtio *v, uint16_t vector, bool config);
bool virtio_pci_reach(const struct virtio *v);

/* For each device's vdev_ops. */
void virtio_pci_reset(struct vdev *d);
void virtio_pci_access(struct vdev *d, uint32_t region, struct io_access *a);
uint64_t virtio_pci_deadline(const struct vdev *d);
void virtio_pci_service(struct vdev *d, uint64_t now);
/* "status=0f queues=256 256 0" and the like; returns what text_format() does. */
int virtio_pci_dump(const struct virtio_pci *t, char *text, size_t room);
void virtio_pci_save(const struct virtio_pci *t, struct virtio_pci_state *to);
bool virtio_pci_good(const struct virtio_pci *t, const struct virtio_pci_state *from);
void virtio_pci_restore(struct virtio_pci *t, const struct virtio_pci_state *from);	/* only what is good */

#endif
