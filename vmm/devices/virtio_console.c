/* The virtio console: one port over the machine's console. */
/* Part: devices/; "Console Device" of the OASIS standard, without multiport. */
#include "vmm/devices/virtio_console.h"

#include "vmm/devices/state.h"

#define CONSOLE_KIND 0x4e4f4356u
#define CONSOLE_TYPE 3u
#define CONSOLE_CLASS 0x078000u
#define QUEUE_SIZE 64u

#define F_EMERGENCY_WRITE (1ull << 2)
#define CONFIG_EMERGENCY 8u

#define QUEUE_RECEIVE 0u
#define QUEUE_SEND 1u

#define ROOM_POLLS_HZ 1000u	/* looks for room in a full console, each second */
#define BYTE_COST 64u
#define GATHERED 64u

static struct virtio_console *of(struct virtio *v)
{
	return (struct virtio_console *)((uint8_t *)v - offsetof(struct virtio_console, t.v));
}

/* The buffer at the front, from `progress` on. False: the console is full, or it is enough for this time. */
static bool send(struct virtio_console *c, const struct virtio_chain *chain)
{
	struct virtio *v = &c->t.v;

	while (c->progress < chain->out_bytes) {
		uint32_t length;
		const uint8_t *at = virtio_piece(chain, false, c->progress, &length);

		for (; length > 0; length--, at++, c->progress++) {
			if (!machine_console_room(v->vm, VIRTIO_CONSOLE_UNIT)) {
				virtio_again(v, QUEUE_SEND, machine_tsc_hz(v->vm) / ROOM_POLLS_HZ);
				return false;
			}
			if (!virtio_spend(v, BYTE_COST)) {
				virtio_again(v, QUEUE_SEND, 0);
				return false;
			}
			machine_console_put(v->vm, VIRTIO_CONSOLE_UNIT, *at);
		}
	}
	c->progress = 0;
	virtio_used(v, 0);
	return true;
}

static void receive(struct virtio *v, const struct virtio_chain *chain)
{
	uint8_t bytes[GATHERED];
	uint64_t done = 0;
	size_t n;

	do {
		for (n = 0; n < GATHERED && done + n < chain->in_bytes; n++) {
			int byte = machine_console_get(v->vm, VIRTIO_CONSOLE_UNIT);

			if (byte < 0)
				break;
			bytes[n] = (uint8_t)byte;
		}
		virtio_write(chain, done, bytes, n);
		done += n;
	} while (n == GATHERED && virtio_spend(v, GATHERED * BYTE_COST));
	virtio_used(v, (uint32_t)done);
}

static void console_notify(struct virtio *v, unsigned int q)
{
	const struct virtio_chain *chain;

	if (!virtio_begin(v, q))
		return;
	if (q == QUEUE_SEND) {
		while ((chain = virtio_next(v)) != NULL && send(of(v), chain))
			;
	} else {
		while (machine_console_pending(v->vm, VIRTIO_CONSOLE_UNIT) && (chain = virtio_next(v)) != NULL)
			receive(v, chain);
	}
	virtio_end(v);
}

void virtio_console_kick(struct virtio_console *c)
{
	virtio_notify(&c->t.v, QUEUE_RECEIVE);
}

/* For a driver in its first or last moments, that has no queues. What finds no room is lost. */
static void console_config_written(struct virtio *v, unsigned int offset, unsigned int size)
{
	(void)size;
	if (offset == CONFIG_EMERGENCY && machine_console_room(v->vm, VIRTIO_CONSOLE_UNIT))
		machine_console_put(v->vm, VIRTIO_CONSOLE_UNIT, v->config[CONFIG_EMERGENCY]);
}

static void console_reset(struct virtio *v)
{
	of(v)->progress = 0;
}

static void console_dump(const struct vdev *d, char *text, size_t room)
{
	virtio_pci_dump(&((const struct virtio_console *)d)->t, text, room);
}

struct console_state {
	struct virtio_pci_state t;
	uint64_t progress;
};

static size_t console_save(const struct vdev *d, void *to, size_t room)
{
	const struct virtio_console *c = (const struct virtio_console *)d;
	struct console_state s;

	virtio_pci_save(&c->t, &s.t);
	s.progress = c->progress;
	return state_save(CONSOLE_KIND, &s, sizeof(s), to, room);
}

static bool console_restore(struct vdev *d, const void *from, size_t size)
{
	struct virtio_console *c = (struct virtio_console *)d;
	struct console_state s;

	if (!state_load(CONSOLE_KIND, &s, sizeof(s), from, size) || !virtio_pci_good(&c->t, &s.t))
		return false;
	c->progress = s.progress;
	virtio_pci_restore(&c->t, &s.t);
	return true;
}

static const struct vdev_ops console_vdev_ops = {
	.name = "VIRTCONS",
	.reset = virtio_pci_reset,
	.access = virtio_pci_access,
	.deadline = virtio_pci_deadline,
	.service = virtio_pci_service,
	.dump = console_dump,
	.save = console_save,
	.restore = console_restore,
};

static const struct virtio_ops console_ops = {
	.reset = console_reset,
	.notify = console_notify,
	.config_written = console_config_written,
	.interrupt = virtio_pci_interrupt,
	.reach = virtio_pci_reach,
};

int virtio_console_init(struct virtio_console *c, struct vm *vm, struct vpci *bus, uint8_t devfn)
{
	static const uint8_t writable[VIRTIO_CONSOLE_CONFIG] = {
		[CONFIG_EMERGENCY] = 0xff, [CONFIG_EMERGENCY + 1] = 0xff, [CONFIG_EMERGENCY + 2] = 0xff,
		[CONFIG_EMERGENCY + 3] = 0xff,
	};
	struct virtio *v = &c->t.v;

	memset(c, 0, sizeof(*c));
	c->t.pci.dev.ops = &console_vdev_ops;
	c->t.pci.dev.vm = vm;
	v->ops = &console_ops;
	v->offered = F_EMERGENCY_WRITE | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
	v->queues = 2;
	v->size[QUEUE_RECEIVE] = v->size[QUEUE_SEND] = QUEUE_SIZE;
	v->config = c->config;
	v->config_writable = writable;
	v->config_bytes = sizeof(c->config);
	return virtio_pci_init(&c->t, bus, devfn, CONSOLE_TYPE, CONSOLE_CLASS);
}
