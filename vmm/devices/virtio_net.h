/* The virtio network card: plugs a machine into the virtual Ethernet. */
/* Part: devices/; frames are copied from the sender's storage to the receiver's, and dropped where nobody waits. */
#ifndef VMM_DEVICES_VIRTIO_NET_H
#define VMM_DEVICES_VIRTIO_NET_H

#include "vmm/devices/virtio_pci.h"
#include "vmm/machine/net.h"

#define VIRTIO_NET_CONFIG 12u

struct virtio_net {
	struct virtio_pci t;	/* first */
	struct net_port port;
	uint8_t config[VIRTIO_NET_CONFIG];
	uint8_t frame[NET_FRAME_MAX];	/* for frames that lie in several segments */
};

/* number: of the machine, for the address 52:54:00:xx:xx:xx. 0, or the error of vpci_attach() or net_plug(). */
int virtio_net_init(struct virtio_net *n, struct vm *vm, struct vpci *bus, uint8_t devfn, struct net *net,
		    uint32_t number);
/* Before the machine's storage goes: others must not send here any more. */
void virtio_net_fini(struct virtio_net *n);

#endif
