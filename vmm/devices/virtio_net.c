/* The virtio network card: plugs a machine into the virtual Ethernet. */
/* Part: devices/; "Network Device" of the OASIS standard: one pair of queues, no offloads. */
#include "vmm/devices/virtio_net.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define NET_KIND 0x3154454eu
#define NET_TYPE 1u
#define NET_CLASS 0x020000u

#define F_MAC (1ull << 5)
#define F_STATUS (1ull << 16)

#define QUEUE_RECEIVE 0u
#define QUEUE_SEND 1u

#define CONFIG_STATUS 6u
#define LINK_UP 1u

#define HEADER_BYTES 12u
#define HEARING_COST 2048u	/* of each that gets a frame, beside the copying */
#define HEADER_BUFFERS 10u	/* how many buffers the frame fills: always one here */

static struct virtio_net *of(struct virtio *v)
{
	return (struct virtio_net *)((uint8_t *)v - offsetof(struct virtio_net, t.v));
}

static void send(struct virtio_net *n, const struct virtio_chain *c)
{
	uint64_t length = c->out_bytes - HEADER_BYTES;
	uint32_t piece;
	const uint8_t *frame;

	if (c->out_bytes < HEADER_BYTES + NET_FRAME_MIN || length > NET_FRAME_MAX)
		return;		/* no frame: lost */
	frame = virtio_piece(c, false, HEADER_BYTES, &piece);
	if (piece < length) {
		virtio_read(c, HEADER_BYTES, n->frame, length);
		frame = n->frame;
	}
	/* Whoever hears of it works too, in our time. */
	virtio_spend(&n->t.v, (length + HEARING_COST) * (1 + net_send(&n->port, frame, length)));
}

static void net_notify(struct virtio *v, unsigned int q)
{
	const struct virtio_chain *c;

	if (!virtio_begin(v, q))
		return;
	if (q == QUEUE_RECEIVE) {
		/* Buffers are looked for when a frame comes; how many there are is of no interest before. */
		virtio_end_quietly(v);
		return;
	}
	while ((c = virtio_next(v)) != NULL) {
		send(of(v), c);
		virtio_used(v, 0);
	}
	virtio_end(v);
}

/* A frame from another card's net_notify(). Never our own: a switch does not send back where it came from. */
static bool net_receive(struct net_port *port, const uint8_t *frame, size_t length)
{
	struct virtio_net *n = (struct virtio_net *)((uint8_t *)port - offsetof(struct virtio_net, port));
	struct virtio *v = &n->t.v;
	static const uint8_t header[HEADER_BYTES] = { [HEADER_BUFFERS] = 1 };
	const struct virtio_chain *c;
	bool taken = false;

	if (!virtio_begin(v, QUEUE_RECEIVE))
		return false;
	c = virtio_next(v);
	if (c != NULL && c->in_bytes >= HEADER_BYTES + length) {
		virtio_write(c, 0, header, sizeof(header));
		virtio_write(c, HEADER_BYTES, frame, length);
		virtio_used(v, (uint32_t)(HEADER_BYTES + length));
		taken = true;
	}
	virtio_end_quietly(v);
	machine_attend(n->t.pci.dev.vm);
	return taken;
}

static void net_dump(const struct vdev *d, char *text, size_t room)
{
	const struct virtio_net *n = (const struct virtio_net *)d;
	const uint8_t *m = n->config;
	int at = virtio_pci_dump(&n->t, text, room);

	if (at >= 0 && (size_t)at < room)
		text_format(text + at, room - (size_t)at,
			    " mac=%02x:%02x:%02x:%02x:%02x:%02x sent=%lu received=%lu lost=%lu", m[0], m[1], m[2], m[3],
			    m[4], m[5], n->port.sent, n->port.received, n->port.lost);
}

static size_t net_save(const struct vdev *d, void *to, size_t room)
{
	struct virtio_pci_state s;

	virtio_pci_save(&((const struct virtio_net *)d)->t, &s);
	return state_save(NET_KIND, &s, sizeof(s), to, room);
}

static bool net_restore(struct vdev *d, const void *from, size_t size)
{
	struct virtio_net *n = (struct virtio_net *)d;
	struct virtio_pci_state s;

	if (!state_load(NET_KIND, &s, sizeof(s), from, size) || !virtio_pci_good(&n->t, &s))
		return false;
	virtio_pci_restore(&n->t, &s);
	return true;
}

static const struct vdev_ops net_vdev_ops = {
	.name = "VIRTNET",
	.reset = virtio_pci_reset,
	.access = virtio_pci_access,
	.deadline = virtio_pci_deadline,
	.service = virtio_pci_service,
	.dump = net_dump,
	.save = net_save,
	.restore = net_restore,
};

static const struct virtio_ops net_ops = {
	.notify = net_notify,
	.interrupt = virtio_pci_interrupt,
	.reach = virtio_pci_reach,
};

int virtio_net_init(struct virtio_net *n, struct vm *vm, struct vpci *bus, uint8_t devfn, struct net *net,
		    uint32_t number)
{
	struct virtio *v = &n->t.v;
	int e;

	memset(n, 0, sizeof(*n));
	n->t.pci.dev.ops = &net_vdev_ops;
	n->t.pci.dev.vm = vm;
	n->config[0] = 0x52;	/* locally administered, as virtual machines have them */
	n->config[1] = 0x54;
	n->config[3] = (uint8_t)(number >> 16);
	n->config[4] = (uint8_t)(number >> 8);
	n->config[5] = (uint8_t)number;
	n->config[CONFIG_STATUS] = LINK_UP;
	v->ops = &net_ops;
	v->offered = F_MAC | F_STATUS | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
	v->queues = 2;
	v->size[QUEUE_RECEIVE] = v->size[QUEUE_SEND] = VIRTIO_QUEUE_SIZE;
	v->config = n->config;
	v->config_bytes = sizeof(n->config);
	e = virtio_pci_init(&n->t, bus, devfn, NET_TYPE, NET_CLASS);
	if (e != 0)
		return e;
	n->port.receive = net_receive;
	return net_plug(net, &n->port);
}

void virtio_net_fini(struct virtio_net *n)
{
	net_unplug(&n->port);
}
