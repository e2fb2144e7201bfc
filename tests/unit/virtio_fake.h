/* A guest's virtio driver for the unit tests: finds a device over PCI, sets its queues up, fills and empties them. */
/* Part: tests only; all it does goes through configuration space and BARs, as a guest's would. */
#ifndef TESTS_UNIT_VIRTIO_FAKE_H
#define TESTS_UNIT_VIRTIO_FAKE_H

#include "tests/unit/vdev_fake.h"

#include "vmm/devices/virtio_pci.h"
#include "vmm/devices/vpci.h"
#include "vmm/devices/vpiix.h"

#define RAM 0x100000u
#define CANARY 4096u
#define CANARY_BYTE 0xc5u
#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u

static struct vpci pci;
static struct vpiix piix;
static uint8_t *ram_block;	/* canary, RAM, canary */

/* Where a queue's parts are: three pages each, from 64 KiB down. */
struct driver {
	struct virtio_pci *t;
	uint64_t base;		/* BAR 4 */
	uint64_t accepted;
	struct driver_queue {
		uint64_t desc, avail, used;
		uint16_t size, next_avail, seen_used, free;
	} q[VIRTIO_QUEUES];
	unsigned int notifications;
};

static inline void machine_up(void)
{
	fake_init();
	free(ram_block);
	ram_block = malloc(RAM + 2 * CANARY);
	memset(ram_block, CANARY_BYTE, RAM + 2 * CANARY);
	memset(ram_block + CANARY, 0, RAM);
	fake.memory = ram_block + CANARY;
	fake.storage = RAM;
	vpci_init(&pci, &fake);
	assert_int_equal(vpci_claim(&pci, &fake.bus), 0);
	assert_int_equal(vpiix_init(&piix, &fake, &pci), 0);
}

static inline void check_canaries(void)
{
	for (unsigned int i = 0; i < CANARY; i++)
		if (ram_block[i] != CANARY_BYTE || ram_block[CANARY + RAM + i] != CANARY_BYTE)
			fail_msg("a byte beside the guest's storage was changed");
}

static inline uint64_t config_in(struct virtio_pci *t, unsigned int offset, unsigned int size)
{
	return fake_read(VPCI_ECAM_BASE + t->pci.devfn * 0x1000u + offset, size);
}

static inline void config_out(struct virtio_pci *t, unsigned int offset, unsigned int size, uint64_t value)
{
	fake_write(VPCI_ECAM_BASE + t->pci.devfn * 0x1000u + offset, size, value);
}

/* The offset in BAR 4 of the structure of this type, found by its capability. */
static inline uint32_t find_structure(struct virtio_pci *t, unsigned int type, unsigned int *capability)
{
	unsigned int at = (unsigned int)config_in(t, 0x34, 1), left = 48;

	assert_true(config_in(t, 6, 1) & 0x10);
	for (; at != 0 && left > 0; at = (unsigned int)config_in(t, at + 1, 1), left--)
		if (config_in(t, at, 1) == 9 && config_in(t, at + 3, 1) == type) {
			if (capability)
				*capability = at;
			return (uint32_t)config_in(t, at + 8, 4);
		}
	fail_msg("no structure %u", type);
	return 0;
}

static inline void set_vector(struct driver *d, unsigned int vector)
{
	uint64_t entry = d->t->pci.bar[1].at + 16 * vector;

	fake_write(entry, 8, 0xfee00000);
	fake_write(entry + 8, 4, 0x40 + vector);
	fake_write(entry + 12, 4, 0);
}

/* Resets, agrees on `features` (as far as offered), up to FEATURES_OK. False = the device does not agree. */
static inline bool driver_start(struct driver *d, struct virtio_pci *t, uint64_t features, bool msix)
{
	uint64_t offered;

	memset(d, 0, sizeof(*d));
	d->t = t;
	vpci_assign(&pci);
	d->base = t->pci.bar[4].at;
	assert_true(t->pci.bar[4].mapped);
	fake_write(d->base + 0x14, 1, 0);
	assert_int_equal(fake_read(d->base + 0x14, 1), 0);
	config_out(t, t->pci.msix.capability + 2, 2, msix ? 0x8000 : 0);
	fake_write(d->base + 0x14, 1, 1);
	fake_write(d->base + 0x14, 1, 3);
	fake_write(d->base, 4, 0);
	offered = fake_read(d->base + 4, 4);
	fake_write(d->base, 4, 1);
	offered |= fake_read(d->base + 4, 4) << 32;
	d->accepted = features & offered;
	fake_write(d->base + 8, 4, 0);
	fake_write(d->base + 12, 4, (uint32_t)d->accepted);
	fake_write(d->base + 8, 4, 1);
	fake_write(d->base + 12, 4, d->accepted >> 32);
	fake_write(d->base + 0x14, 1, 11);
	return fake_read(d->base + 0x14, 1) == 11;
}

static inline void driver_queue(struct driver *d, unsigned int q, uint16_t size)
{
	struct driver_queue *x = &d->q[q];
	uint64_t at = 0x4000 * q + (d->t->pci.devfn >> 3 & 3) * 0x10000ull;

	x->size = size;
	x->desc = at;
	x->avail = at + 0x1000;
	x->used = at + 0x2000;
	x->next_avail = x->seen_used = x->free = 0;
	memset(fake.memory + at, 0, 0x4000);
	fake_write(d->base + 0x16, 2, q);
	assert_true(fake_read(d->base + 0x18, 2) >= size);
	fake_write(d->base + 0x18, 2, size);
	fake_write(d->base + 0x1a, 2, q + 1);
	fake_write(d->base + 0x20, 8, x->desc);
	fake_write(d->base + 0x28, 4, x->avail);
	fake_write(d->base + 0x2c, 4, 0);
	fake_write(d->base + 0x30, 8, x->used);
	fake_write(d->base + 0x1c, 2, 1);
	assert_int_equal(fake_read(d->base + 0x1c, 2), 1);
	set_vector(d, q + 1);
}

static inline void driver_ready(struct driver *d)
{
	set_vector(d, 0);
	fake_write(d->base + 0x10, 2, 0);
	fake_write(d->base + 0x14, 1, 15);
	assert_int_equal(fake_read(d->base + 0x14, 1), 15);
}

static inline uint16_t ram16(uint64_t at)
{
	return (uint16_t)(fake.memory[at] | fake.memory[at + 1] << 8);
}

static inline void set16(uint64_t at, unsigned int value)
{
	fake.memory[at] = (uint8_t)value;
	fake.memory[at + 1] = (uint8_t)(value >> 8);
}

static inline void put_desc(uint64_t table, unsigned int i, uint64_t at, uint32_t length, unsigned int flags,
			    unsigned int next)
{
	memcpy(fake.memory + table + 16 * i, &at, 8);
	memcpy(fake.memory + table + 16 * i + 8, &length, 4);
	set16(table + 16 * i + 12, flags);
	set16(table + 16 * i + 14, next);
}

struct part { uint64_t at; uint32_t length; bool write; };

/* Puts one chain into the queue without notifying. Returns its head. */
static inline uint16_t driver_add(struct driver *d, unsigned int q, const struct part *parts, unsigned int count)
{
	struct driver_queue *x = &d->q[q];
	uint16_t head = x->free;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int at = x->free, next = (at + 1) % x->size;

		put_desc(x->desc, at, parts[i].at, parts[i].length,
			 (parts[i].write ? DESC_WRITE : 0) | (i + 1 < count ? DESC_NEXT : 0), next);
		x->free = (uint16_t)next;
	}
	set16(x->avail + 4 + 2 * (x->next_avail % x->size), head);
	x->next_avail++;
	set16(x->avail + 2, x->next_avail);
	return head;
}

/* Notifies as a driver does: only when the device wants it. old: next_avail at the last look. */
static inline void driver_kick(struct driver *d, unsigned int q, uint16_t old)
{
	struct driver_queue *x = &d->q[q];

	if (d->accepted & VIRTIO_F_EVENT_IDX) {
		uint16_t event = ram16(x->used + 4 + 8 * x->size);

		if ((uint16_t)(x->next_avail - event - 1) >= (uint16_t)(x->next_avail - old))
			return;
	} else if (ram16(x->used) & 1) {
		return;
	}
	d->notifications++;
	fake_write(d->base + VIRTIO_PCI_NOTIFY + 4 * q, 2, q);
}

/* The next used element; false = none. */
static inline bool driver_get(struct driver *d, unsigned int q, uint32_t *head, uint32_t *length)
{
	struct driver_queue *x = &d->q[q];
	uint64_t at = x->used + 4 + 8 * (x->seen_used % x->size);

	if (x->seen_used == ram16(x->used + 2))
		return false;
	memcpy(head, fake.memory + at, 4);
	memcpy(length, fake.memory + at + 4, 4);
	x->seen_used++;
	/* the driver wants to hear of the next one */
	set16(x->avail + 4 + 2 * x->size, x->seen_used);
	return true;
}

static inline void driver_do(struct driver *d, unsigned int q, const struct part *parts, unsigned int count)
{
	uint16_t old = d->q[q].next_avail;

	driver_add(d, q, parts, count);
	driver_kick(d, q, old);
}

static inline uint8_t driver_status(struct driver *d)
{
	return (uint8_t)fake_read(d->base + 0x14, 1);
}

/* Lets the time come for which the device waits, until it waits for nothing. Returns how often it was called. */
static inline unsigned int run_service(struct vdev *dev, unsigned int most)
{
	unsigned int n = 0;

	while (n < most && dev->ops->deadline(dev) != TIME_NEVER) {
		if (fake.now < dev->ops->deadline(dev))
			fake.now = dev->ops->deadline(dev);
		dev->ops->service(dev, fake.now);
		n++;
	}
	return n;
}

/* One descriptor of any kind somewhere in a queue's table or where indirect tables are. */
static inline void attack_descriptor(const struct driver_queue *x)
{
	uint64_t at = fake_below(8) ? fake_below(RAM) : fake_below(2) ? fake_random() : RAM - fake_below(64);
	uint32_t length = (uint32_t)(fake_below(4) ? fake_below(2000) : fake_below(3) ? 16 * fake_below(20) : fake_random());

	put_desc(fake_below(4) ? x->desc : 0x80000, (unsigned int)fake_below(x->size), at, length,
		 (unsigned int)fake_below(8), (unsigned int)fake_below(fake_below(8) ? x->size : 0x10000));
}

/* A chain in good order, often with a header that a block device understands. */
static inline void attack_chain(struct driver *d, unsigned int q)
{
	unsigned int n = 1 + (unsigned int)fake_below(d->q[q].size < 6 ? d->q[q].size : 6), split = (unsigned int)fake_below(n + 1);
	uint32_t words[4] = { (uint32_t)fake_below(3), 0, (uint32_t)fake_below(5000), 0 };
	struct part parts[6];

	memcpy(fake.memory + 0x40000, words, 16);
	for (unsigned int i = 0; i < n; i++)
		parts[i] = (struct part){ 0x40000 + fake_below(RAM - 0x41000),
					  (uint32_t)(fake_below(4) ? 512 : fake_below(2000)), i >= split };
	if (fake_below(8) && n > 1) {
		parts[0] = (struct part){ 0x40000, 16, false };
		parts[n - 1] = (struct part){ 0x40100, 1, true };
	}
	driver_add(d, q, parts, n);
}

/*
 * A malicious driver: good chains, random descriptors, rings and registers. After each round the canaries are intact, and
 * the device still does its service.
 */
static inline void driver_attack(struct virtio_pci *t, unsigned int queues, uint64_t features, unsigned int rounds)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	struct driver d;

	for (unsigned int round = 0; round < rounds; round++) {
		driver_start(&d, t, features & (fake_below(4) ? UINT64_MAX : ~fake_random()), fake_below(2));
		for (unsigned int q = 0; q < queues; q++) {
			uint16_t most = (uint16_t)(fake_write(d.base + 0x16, 2, q), fake_read(d.base + 0x18, 2));
			uint16_t size = (uint16_t)(1u << fake_below(9));

			driver_queue(&d, q, size > most ? most : size);
		}
		fake_write(d.base + 0x14, 1, 15);
		for (unsigned int step = 0; step < 12; step++) {
			unsigned int q = (unsigned int)fake_below(queues);
			struct driver_queue *x = &d.q[q];

			for (unsigned int n = (unsigned int)fake_below(4); n > 0; n--)
				attack_chain(&d, q);
			for (unsigned int n = fake_below(3) ? 0 : (unsigned int)fake_below(6); n > 0; n--)
				attack_descriptor(x);
			if (fake_below(10) == 0)
				set16(x->avail + 4 + 2 * fake_below(x->size), (unsigned int)fake_below(x->size));
			if (fake_below(100) == 0)
				set16(x->avail + 2, (unsigned int)fake_random());
			set16(x->avail + 4 + 2 * x->size, (unsigned int)fake_random());
			fake_write(d.base + VIRTIO_PCI_NOTIFY + 4 * fake_below(queues + 1), 2, q);
			if (fake_below(40) == 0)
				fake_write(d.base + fake_below(0x3100), sizes[fake_below(4)], fake_random());
			if (fake_below(20) == 0)
				fake_read(d.base + fake_below(0x4000), sizes[fake_below(4)]);
			run_service(&t->pci.dev, 3);
		}
		check_canaries();
	}
}

#endif
