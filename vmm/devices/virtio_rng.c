/* The virtio entropy device. */
/* Part: devices/; "Entropy Device" of the OASIS standard. */
#include "vmm/devices/virtio_rng.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define RNG_KIND 0x31474e52u
#define RNG_TYPE 4u
#define RNG_CLASS 0x00ff00u
#define QUEUE_SIZE 64u

/* A buffer need not be filled: the generator takes some hundred ticks for eight bytes, and others wait meanwhile. */
#define MOST_BYTES 512u
#define BYTE_COST 256u

static void fill(struct virtio_rng *r, const struct virtio_chain *c)
{
	uint32_t most = c->in_bytes < MOST_BYTES ? (uint32_t)c->in_bytes : MOST_BYTES;
	uint32_t done, n;

	for (done = 0; done < most; done += n) {
		uint64_t value = machine_random(r->t.v.vm);

		n = most - done < sizeof(value) ? most - done : (uint32_t)sizeof(value);
		virtio_write(c, done, &value, n);
	}
	r->bytes += most;
	virtio_spend(&r->t.v, (uint64_t)most * BYTE_COST);
	virtio_used(&r->t.v, most);
}

static void rng_notify(struct virtio *v, unsigned int q)
{
	struct virtio_rng *r = (struct virtio_rng *)((uint8_t *)v - offsetof(struct virtio_rng, t.v));
	const struct virtio_chain *c;

	if (!virtio_begin(v, q))
		return;
	while ((c = virtio_next(v)) != NULL)
		fill(r, c);
	virtio_end(v);
}

static void rng_dump(const struct vdev *d, char *text, size_t room)
{
	const struct virtio_rng *r = (const struct virtio_rng *)d;
	int n = virtio_pci_dump(&r->t, text, room);

	if (n >= 0 && (size_t)n < room)
		text_format(text + n, room - (size_t)n, " bytes=%lu", r->bytes);
}

static size_t rng_save(const struct vdev *d, void *to, size_t room)
{
	struct virtio_pci_state s;

	virtio_pci_save(&((const struct virtio_rng *)d)->t, &s);
	return state_save(RNG_KIND, &s, sizeof(s), to, room);
}

static bool rng_restore(struct vdev *d, const void *from, size_t size)
{
	struct virtio_rng *r = (struct virtio_rng *)d;
	struct virtio_pci_state s;

	if (!state_load(RNG_KIND, &s, sizeof(s), from, size) || !virtio_pci_good(&r->t, &s))
		return false;
	virtio_pci_restore(&r->t, &s);
	return true;
}

static const struct vdev_ops rng_vdev_ops = {
	.name = "VIRTRNG",
	.reset = virtio_pci_reset,
	.access = virtio_pci_access,
	.deadline = virtio_pci_deadline,
	.service = virtio_pci_service,
	.dump = rng_dump,
	.save = rng_save,
	.restore = rng_restore,
};

static const struct virtio_ops rng_ops = {
	.notify = rng_notify,
	.interrupt = virtio_pci_interrupt,
	.reach = virtio_pci_reach,
};

int virtio_rng_init(struct virtio_rng *r, struct vm *vm, struct vpci *bus, uint8_t devfn)
{
	struct virtio *v = &r->t.v;

	memset(r, 0, sizeof(*r));
	r->t.pci.dev.ops = &rng_vdev_ops;
	r->t.pci.dev.vm = vm;
	v->ops = &rng_ops;
	v->offered = VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
	v->queues = 1;
	v->size[0] = QUEUE_SIZE;
	return virtio_pci_init(&r->t, bus, devfn, RNG_TYPE, RNG_CLASS);
}
