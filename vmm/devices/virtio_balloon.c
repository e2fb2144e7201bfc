/* The virtio balloon: how much of its storage a guest is asked to do without, and does. */
/* Part: devices/; "Traditional Memory Balloon Device" of the OASIS standard. */
#include "vmm/devices/virtio_balloon.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define BALLOON_KIND 0x4e4c4142u
#define BALLOON_TYPE 5u
#define BALLOON_CLASS 0x00ff00u
#define QUEUE_SIZE 128u

#define F_STATS (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)

enum { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_STATS, QUEUES };

#define CONFIG_TARGET 0u
#define CONFIG_ACTUAL 4u

#define GATHERED 64u		/* page numbers looked at together */
#define MOST_PAGES 65536u	/* of one buffer; drivers send a few hundred */
#define STAT_BYTES 10u		/* tag and value, packed */
#define MOST_STATS 32u

static struct virtio_balloon *of(struct virtio *v)
{
	return (struct virtio_balloon *)((uint8_t *)v - offsetof(struct virtio_balloon, t.v));
}

static uint64_t all_pages(const struct virtio_balloon *b)
{
	return machine_storage_size(b->t.v.vm) / PAGE_SIZE;
}

/* How many of the page numbers in this buffer are of the machine's storage. */
static uint64_t count_pages(struct virtio_balloon *b, const struct virtio_chain *c)
{
	uint32_t numbers[GATHERED];
	uint64_t limit = all_pages(b), good = 0, at = 0;
	size_t n;

	do {
		n = virtio_read(c, at, numbers, sizeof(numbers));
		for (size_t i = 0; i < n / sizeof(numbers[0]); i++)
			good += numbers[i] < limit;
		at += n;
		virtio_spend(&b->t.v, n);
	} while (n == sizeof(numbers) && at < MOST_PAGES * sizeof(numbers[0]));
	return good;
}

static void inflate_or_deflate(struct virtio *v, unsigned int q)
{
	struct virtio_balloon *b = of(v);
	const struct virtio_chain *c;

	while ((c = virtio_next(v)) != NULL) {
		uint64_t pages = count_pages(b, c), room = all_pages(b) - b->s.pages;

		if (q == QUEUE_INFLATE)
			b->s.pages += pages < room ? pages : room;
		else
			b->s.pages -= pages < b->s.pages ? pages : b->s.pages;
		virtio_used(v, 0);
	}
}

/* The buffer stays here until new statistics are wanted: giving it back is how the guest is asked. */
static void take_stats(struct virtio *v)
{
	struct virtio_balloon *b = of(v);
	const struct virtio_chain *c = virtio_next(v);
	uint8_t stat[STAT_BYTES];

	if (c == NULL)
		return;
	for (unsigned int i = 0; i < MOST_STATS; i++) {
		unsigned int tag;

		if (virtio_read(c, i * STAT_BYTES, stat, sizeof(stat)) != sizeof(stat))
			break;
		tag = stat[0] | (unsigned int)stat[1] << 8;
		if (tag >= BALLOON_TAGS)
			continue;
		memcpy(&b->s.stats[tag], stat + 2, sizeof(b->s.stats[tag]));
		b->s.told |= 1u << tag;
	}
	b->s.asked = 1;
}

static void balloon_notify(struct virtio *v, unsigned int q)
{
	if (!virtio_begin(v, q))
		return;
	if (q == QUEUE_STATS)
		take_stats(v);
	else
		inflate_or_deflate(v, q);
	virtio_end(v);
}

bool virtio_balloon_ask(struct virtio_balloon *b)
{
	struct virtio *v = &b->t.v;

	if (!b->s.asked || !virtio_begin(v, QUEUE_STATS))
		return false;
	b->s.asked = 0;
	if (virtio_next(v) != NULL)
		virtio_used(v, 0);
	virtio_end(v);
	return true;
}

static void put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

void virtio_balloon_set(struct virtio_balloon *b, uint64_t pages)
{
	uint64_t most = all_pages(b);

	if (most > UINT32_MAX)
		most = UINT32_MAX;
	put32(b->config + CONFIG_TARGET, (uint32_t)(pages < most ? pages : most));
	virtio_config_changed(&b->t.v);
}

uint64_t virtio_balloon_pages(const struct virtio_balloon *b)
{
	return b->s.pages;
}

/* A driver that starts anew has everything back; what it is asked for stays. */
static void balloon_reset(struct virtio *v)
{
	struct virtio_balloon *b = of(v);

	memset(&b->s, 0, sizeof(b->s));
	put32(b->config + CONFIG_ACTUAL, 0);
}

static void balloon_dump(const struct vdev *d, char *text, size_t room)
{
	const struct virtio_balloon *b = (const struct virtio_balloon *)d;
	int n = virtio_pci_dump(&b->t, text, room);

	if (n >= 0 && (size_t)n < room)
		text_format(text + n, room - (size_t)n, " target=%u actual=%u pages=%lu free=%lu total=%lu",
			    get32(b->config + CONFIG_TARGET), get32(b->config + CONFIG_ACTUAL), b->s.pages,
			    b->s.stats[BALLOON_FREE], b->s.stats[BALLOON_TOTAL]);
}

struct balloon_saved {
	struct virtio_pci_state t;
	struct virtio_balloon_state own;
};

static size_t balloon_save(const struct vdev *d, void *to, size_t room)
{
	const struct virtio_balloon *b = (const struct virtio_balloon *)d;
	struct balloon_saved s;

	virtio_pci_save(&b->t, &s.t);
	s.own = b->s;
	s.own.target = get32(b->config + CONFIG_TARGET);
	s.own.actual = get32(b->config + CONFIG_ACTUAL);
	return state_save(BALLOON_KIND, &s, sizeof(s), to, room);
}

static bool balloon_restore(struct vdev *d, const void *from, size_t size)
{
	struct virtio_balloon *b = (struct virtio_balloon *)d;
	struct balloon_saved s;

	if (!state_load(BALLOON_KIND, &s, sizeof(s), from, size) || !virtio_pci_good(&b->t, &s.t) ||
	    s.own.pages > all_pages(b) || s.own.told >> BALLOON_TAGS || s.own.asked > 1)
		return false;
	b->s = s.own;
	put32(b->config + CONFIG_TARGET, s.own.target);
	put32(b->config + CONFIG_ACTUAL, s.own.actual);
	virtio_pci_restore(&b->t, &s.t);
	return true;
}

static const struct vdev_ops balloon_vdev_ops = {
	.name = "BALLOON",
	.reset = virtio_pci_reset,
	.access = virtio_pci_access,
	.deadline = virtio_pci_deadline,
	.service = virtio_pci_service,
	.dump = balloon_dump,
	.save = balloon_save,
	.restore = balloon_restore,
};

static const struct virtio_ops balloon_ops = {
	.reset = balloon_reset,
	.notify = balloon_notify,
	.interrupt = virtio_pci_interrupt,
	.reach = virtio_pci_reach,
};

int virtio_balloon_init(struct virtio_balloon *b, struct vm *vm, struct vpci *bus, uint8_t devfn)
{
	static const uint8_t writable[VIRTIO_BALLOON_CONFIG] = {
		[CONFIG_ACTUAL] = 0xff, [CONFIG_ACTUAL + 1] = 0xff, [CONFIG_ACTUAL + 2] = 0xff,
		[CONFIG_ACTUAL + 3] = 0xff,
	};
	struct virtio *v = &b->t.v;

	memset(b, 0, sizeof(*b));
	b->t.pci.dev.ops = &balloon_vdev_ops;
	b->t.pci.dev.vm = vm;
	v->ops = &balloon_ops;
	v->offered = F_STATS | F_DEFLATE_ON_OOM | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
	v->queues = QUEUES;
	v->size[QUEUE_INFLATE] = v->size[QUEUE_DEFLATE] = v->size[QUEUE_STATS] = QUEUE_SIZE;
	v->config = b->config;
	v->config_writable = writable;
	v->config_bytes = sizeof(b->config);
	return virtio_pci_init(&b->t, bus, devfn, BALLOON_TYPE, BALLOON_CLASS);
}
