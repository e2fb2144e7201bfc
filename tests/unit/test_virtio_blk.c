/* Unit tests of virtio: the PCI transport, split virtqueues, and the block device with what a request costs. */
/* Part: tests only. UNIT: vmm/devices/virtio_blk.c vmm/devices/virtio.c vmm/devices/virtio_ring.c vmm/devices/virtio_pci.c */
/* UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c vmm/devices/vpci_assign.c vmm/devices/vpiix.c */
/* UNIT: vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/virtio_fake.h"

#include "vmm/devices/virtio_blk.h"

#define SECTORS 4096u
#define BLK VPCI_DEVFN(3, 0)
#define REQUEST 0x40000u
#define STATUS 0x40100u
#define DATA 0x50000u

/* The disk is faked below: of the real structure only the size and the right to write are used. */
static struct vdisk disk;
static uint8_t *disk_bytes;
static unsigned int disk_reads, disk_writes;
static struct virtio_blk blk;
static struct driver drv;

static enum vdisk_result disk_check(struct vdisk *d, uint64_t sector, uint32_t count)
{
	return sector > d->sectors || count > d->sectors - sector ? VDISK_OUTSIDE : VDISK_DONE;
}

enum vdisk_result vdisk_read(struct vdisk *d, uint64_t sector, uint32_t count, void *to)
{
	disk_reads++;
	if (disk_check(d, sector, count) == VDISK_DONE)
		memcpy(to, disk_bytes + sector * 512, count * 512);
	return disk_check(d, sector, count);
}

enum vdisk_result vdisk_write(struct vdisk *d, uint64_t sector, uint32_t count, const void *from)
{
	disk_writes++;
	if (d->read_only)
		return VDISK_READ_ONLY;
	if (disk_check(d, sector, count) == VDISK_DONE)
		memcpy(disk_bytes + sector * 512, from, count * 512);
	return disk_check(d, sector, count);
}

uint64_t vdisk_sectors(const struct vdisk *d)
{
	return d->sectors;
}

bool vdisk_is_read_only(const struct vdisk *d)
{
	return d->read_only;
}

const char *vdisk_name(const struct vdisk *d)
{
	(void)d;
	return "debian.img";
}

static void up(bool read_only)
{
	machine_up();
	free(disk_bytes);
	disk = (struct vdisk){ .sectors = SECTORS, .read_only = read_only };
	disk_bytes = malloc(SECTORS * 512);
	disk_reads = disk_writes = 0;
	for (unsigned int i = 0; i < SECTORS * 512; i++)
		disk_bytes[i] = (uint8_t)(i / 512 + i * 7);
	assert_int_equal(virtio_blk_init(&blk, &fake, &pci, BLK, &disk), 0);
}

static void start(uint64_t features, bool msix)
{
	assert_true(driver_start(&drv, &blk.t, features, msix));
	driver_queue(&drv, 0, 256);
	driver_ready(&drv);
}

static int setup(void **state)
{
	(void)state;
	up(false);
	return 0;
}

static void put_request(uint64_t at, uint32_t type, uint64_t sector)
{
	uint32_t words[4] = { type, 0, (uint32_t)sector, (uint32_t)(sector >> 32) };

	memcpy(fake.memory + at, words, 16);
}

/* One request of three parts, and its answer: the status byte, 0xee = none came. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t bytes)
{
	struct part parts[3] = { { REQUEST, 16, false }, { DATA, bytes, type != 1 }, { STATUS, 1, true } };
	uint32_t head, length;

	put_request(REQUEST, type, sector);
	fake.memory[STATUS] = 0xee;
	driver_do(&drv, 0, parts, 3);
	run_service(&blk.t.pci.dev, 1000);
	if (!driver_get(&drv, 0, &head, &length))
		return 0xee;
	if (type == 0 && fake.memory[STATUS] == 0)
		assert_int_equal(length, bytes + 1);
	return fake.memory[STATUS];
}

static void identity(void **state)
{
	unsigned int capability;

	(void)state;
	assert_int_equal(config_in(&blk.t, 0, 4), 0x10421af4);
	assert_int_equal(config_in(&blk.t, 8, 1), 1);
	assert_int_equal(find_structure(&blk.t, 1, NULL), 0);
	assert_int_equal(find_structure(&blk.t, 2, &capability), 0x3000);
	assert_int_equal(config_in(&blk.t, capability + 16, 4), 4);
	assert_int_equal(find_structure(&blk.t, 3, NULL), 0x1000);
	assert_int_equal(find_structure(&blk.t, 4, NULL), 0x2000);
	/* VERSION_1 is a must, and so is not asking for what is not offered */
	assert_false(driver_start(&drv, &blk.t, 0, true));
	assert_false(driver_start(&drv, &blk.t, VIRTIO_F_EVENT_IDX, true));
	assert_true(driver_start(&drv, &blk.t, UINT64_MAX, true));
	assert_int_equal(fake_read(drv.base + 0x2000, 8), SECTORS);
	assert_int_equal(fake_read(drv.base + 0x200c, 4), 254);
	assert_int_equal(fake_read(drv.base + 0x2014, 4), 512);
	assert_int_equal(fake_read(drv.base + 0x2000 + 60, 4), 0);
	assert_int_equal(fake_read(drv.base + 0x12, 2), 1);
	fake_write(drv.base + 0x16, 2, 1);
	assert_int_equal(fake_read(drv.base + 0x18, 2), 0);	/* there is no second queue */
	fake_write(drv.base + 0x16, 2, 0);
	fake_write(drv.base + 0x1a, 2, 2);
	assert_int_equal(fake_read(drv.base + 0x1a, 2), 0xffff);	/* nor a third vector */
	fake_write(drv.base + 0x18, 2, 512);
	assert_int_equal(fake_read(drv.base + 0x18, 2), 256);
	fake_write(drv.base + 0x18, 2, 100);	/* no power of two */
	fake_write(drv.base + 0x1c, 2, 1);
	assert_true(driver_status(&drv) & VIRTIO_NEEDS_RESET);
	fake_write(drv.base + 0x14, 1, 0);
	assert_int_equal(driver_status(&drv), 0);
	/* features that are not offered */
	fake_write(drv.base + 8, 4, 0);
	fake_write(drv.base + 12, 4, 0xffffffff);
	fake_write(drv.base + 8, 4, 1);
	fake_write(drv.base + 12, 4, 1);
	fake_write(drv.base + 0x14, 1, 15);
	assert_int_equal(driver_status(&drv), 3);
}

static void reads_and_writes(void **state)
{
	(void)state;
	start(UINT64_MAX, true);
	assert_int_equal(request(0, 5, 4096), 0);
	assert_memory_equal(fake.memory + DATA, disk_bytes + 5 * 512, 4096);
	assert_int_equal(disk_reads, 1);	/* one piece, straight into the guest's storage */
	memset(fake.memory + DATA, 0x5c, 1024);
	assert_int_equal(request(1, 4094, 1024), 0);
	assert_int_equal(disk_bytes[4094 * 512], 0x5c);
	assert_int_equal(disk_bytes[4096 * 512 - 1], 0x5c);
	assert_int_equal(request(4, 0, 0), 0);
	memset(fake.memory + DATA, 0xff, 32);
	assert_int_equal(request(8, 0, 20), 0);
	assert_memory_equal(fake.memory + DATA, "debian.img\0\0\0\0\0\0\0\0\0\0", 20);
	assert_int_equal(fake.memory[DATA + 20], 0xff);
	assert_int_equal(request(8, 0, 5), 0);
	assert_int_equal(request(11, 0, 16), 2);
	assert_int_equal(request(0, 4095, 1024), 1);	/* beyond the end */
	assert_int_equal(request(0, UINT64_MAX, 512), 1);
	assert_int_equal(request(0, 0, 700), 1);
	assert_int_equal(request(0, 0, 0), 0);
	assert_int_equal(driver_status(&drv), 15);
	up(true);
	start(UINT64_MAX, true);
	assert_int_equal(request(1, 0, 512), 1);
	assert_true(drv.accepted & 1u << 5);
	check_canaries();
}

/* The figure of the design: one notification and one interrupt a request, and fewer when the queue is busy. */
static void cost_of_requests(void **state)
{
	struct part parts[3] = { { REQUEST, 16, false }, { DATA, 4096, true }, { STATUS, 1, true } };
	uint32_t head, length;
	unsigned int done = 0;

	(void)state;
	start(UINT64_MAX, true);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(request(0, i, 4096), 0);
	assert_int_equal(drv.notifications, 100);
	assert_int_equal(fake.msis, 100);
	assert_int_equal(fake.msi_data, 0x41);
	assert_int_equal(disk_reads, 100);
	/* 32 requests in one go */
	drv.notifications = fake.msis = 0;
	for (unsigned int i = 0; i < 32; i++)
		driver_add(&drv, 0, parts, 3);
	driver_kick(&drv, 0, (uint16_t)(drv.q[0].next_avail - 32));
	while (driver_get(&drv, 0, &head, &length))
		done++;
	assert_int_equal(done, 32);
	assert_int_equal(drv.notifications, 1);
	assert_int_equal(fake.msis, 1);
	/* the driver asks to hear only after the eighth */
	set16(drv.q[0].avail + 4 + 2 * 256, drv.q[0].seen_used + 7);
	for (unsigned int i = 0; i < 16; i++)
		driver_do(&drv, 0, parts, 3);
	assert_int_equal(fake.msis, 2);
	/* without the event index, the driver's flag says it */
	start(~VIRTIO_F_EVENT_IDX, true);
	fake.msis = 0;
	assert_int_equal(request(0, 1, 4096), 0);
	assert_int_equal(fake.msis, 1);
	set16(drv.q[0].avail, 1);
	assert_int_equal(request(0, 1, 4096), 0);
	assert_int_equal(fake.msis, 1);
}

static void without_msix(void **state)
{
	(void)state;
	start(UINT64_MAX, false);
	assert_false(fake.line[11]);
	assert_int_equal(request(0, 1, 512), 0);
	assert_true(fake.line[11]);	/* slot 3: PIRQC# */
	assert_int_equal(config_in(&blk.t, 6, 1) & 8, 8);
	assert_int_equal(fake_read(drv.base + 0x1000, 1), 1);
	assert_false(fake.line[11]);
	assert_int_equal(fake_read(drv.base + 0x1000, 1), 0);
	assert_int_equal(fake.msis, 0);
	assert_int_equal(request(0, 1, 512), 0);
	fake_write(drv.base + 0x14, 1, 0);
	assert_false(fake.line[11]);
	/* without bus mastering, no storage is touched */
	start(UINT64_MAX, false);
	config_out(&blk.t, 4, 2, 3);
	assert_int_equal(request(0, 1, 512), 0xee);
}

/* Any split of header, data and status into segments gives the same, directly and by an indirect table. */
static void any_layout(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		bool write = fake_below(2), indirect = fake_below(2);
		uint32_t sectors = 1 + (uint32_t)fake_below(20), total = sectors * 512, done = 0, head, length;
		uint64_t sector = fake_below(SECTORS - sectors), table = indirect ? 0x90000 : 0;
		unsigned int n = 0, in_desc;
		uint64_t place[256];
		uint32_t sizes[256];
		uint8_t *model = malloc(total);

		if (round % 50 == 0)
			start(UINT64_MAX, round % 100 == 0);
		table = indirect ? table : drv.q[0].desc;
		put_request(REQUEST, write, sector);
		/* the header in two, sometimes */
		if (fake_below(3) == 0) {
			put_desc(table, n, REQUEST, 5, DESC_NEXT, n + 1);
			n++;
			put_desc(table, n, REQUEST + 5, 11, DESC_NEXT, n + 1);
			n++;
		} else {
			put_desc(table, n, REQUEST, 16, DESC_NEXT, n + 1);
			n++;
		}
		in_desc = 0;
		while (done < total) {
			uint32_t piece = fake_below(2) ? 512 * (1 + (uint32_t)fake_below(4)) : (uint32_t)fake_below(900);

			if (piece > total - done || in_desc > 200)
				piece = total - done;
			sizes[in_desc] = piece;
			place[in_desc] = DATA + 2 * done + fake_below(piece + 1);
			for (uint32_t i = 0; i < piece; i++)
				fake.memory[place[in_desc] + i] = model[done + i] = (uint8_t)fake_random();
			put_desc(table, n, place[in_desc], piece, DESC_NEXT | (write ? 0 : DESC_WRITE), n + 1);
			n++;
			in_desc++;
			done += piece;
		}
		fake.memory[STATUS] = 0xee;
		put_desc(table, n, STATUS, 1, DESC_WRITE, 0);
		n++;
		if (indirect)
			put_desc(drv.q[0].desc, 0, table, 16 * n, DESC_INDIRECT, 0);
		set16(drv.q[0].avail + 4 + 2 * (drv.q[0].next_avail % 256), 0);
		drv.q[0].next_avail++;
		set16(drv.q[0].avail + 2, drv.q[0].next_avail);
		driver_kick(&drv, 0, (uint16_t)(drv.q[0].next_avail - 1));
		run_service(&blk.t.pci.dev, 10);
		assert_true(driver_get(&drv, 0, &head, &length));
		assert_int_equal(fake.memory[STATUS], 0);
		if (write) {
			assert_int_equal(length, 1);
			assert_memory_equal(disk_bytes + sector * 512, model, total);
		} else {
			assert_int_equal(length, total + 1);
			for (unsigned int i = 0, at = 0; i < in_desc; at += sizes[i], i++)
				assert_memory_equal(fake.memory + place[i], disk_bytes + sector * 512 + at, sizes[i]);
		}
		free(model);
	}
	check_canaries();
}

/* More than one portion of work: the guest goes on meanwhile, and all of it is done once. */
static void long_requests_take_turns(void **state)
{
	struct part parts[3] = { { REQUEST, 16, false }, { DATA, 0, true }, { STATUS, 1, true } };
	uint32_t head, length;
	unsigned int turns;

	(void)state;
	/* 254 segments over the same 64 KiB: 16 MB of work in one request */
	start(UINT64_MAX, true);
	disk.sectors = 254 * 128;
	disk_bytes = realloc(disk_bytes, disk.sectors * 512);
	for (unsigned int i = 0; i < disk.sectors; i++)
		memset(disk_bytes + i * 512ull, (int)(i / 128), 512);
	put_request(REQUEST, 0, 0);
	put_desc(0x90000, 0, REQUEST, 16, DESC_NEXT, 1);
	for (unsigned int i = 1; i <= 254; i++)
		put_desc(0x90000, i, DATA, 65536, DESC_NEXT | DESC_WRITE, i + 1);
	put_desc(0x90000, 255, STATUS, 1, DESC_WRITE, 0);
	put_desc(drv.q[0].desc, 0, 0x90000, 4096, DESC_INDIRECT, 0);
	set16(drv.q[0].avail + 2, ++drv.q[0].next_avail);
	fake.memory[STATUS] = 0xee;
	driver_kick(&drv, 0, 0);
	assert_false(driver_get(&drv, 0, &head, &length));
	assert_true(blk.t.pci.dev.ops->deadline(&blk.t.pci.dev) > fake.now);
	{
		/* saved in the middle and put back */
		size_t size;
		void *bytes = fake_save(&blk.t.pci.dev, &size);

		blk.t.pci.dev.ops->reset(&blk.t.pci.dev);
		assert_true(blk.t.pci.dev.ops->deadline(&blk.t.pci.dev) == TIME_NEVER);
		assert_true(blk.t.pci.dev.ops->restore(&blk.t.pci.dev, bytes, size));
		free(bytes);
	}
	turns = run_service(&blk.t.pci.dev, 1000);
	assert_in_range(turns, 2, 10);
	assert_true(driver_get(&drv, 0, &head, &length));
	assert_int_equal(length, 254 * 65536 + 1);
	assert_int_equal(fake.memory[STATUS], 0);
	assert_int_equal(fake.memory[DATA + 65535], 253);
	assert_int_equal(fake.msis, 1);
	/* a queue full of them, given up in the middle */
	for (unsigned int i = 0; i < 50; i++) {
		set16(drv.q[0].avail + 4 + 2 * (drv.q[0].next_avail % 256), 0);
		set16(drv.q[0].avail + 2, ++drv.q[0].next_avail);
	}
	driver_kick(&drv, 0, (uint16_t)(drv.q[0].next_avail - 50));
	run_service(&blk.t.pci.dev, 7);
	fake_write(drv.base + 0x14, 1, 0);
	assert_int_equal(run_service(&blk.t.pci.dev, 10), 0);
	assert_int_equal(blk.progress, 0);
	(void)parts;
	check_canaries();
}

/* Each of these must leave the device waiting for its reset, and everybody unharmed. */
static void broken_rings(void **state)
{
	for (unsigned int kind = 0; kind < 14; kind++) {
		uint64_t desc;
		uint16_t index = 1;

		(void)state;
		up(false);
		start(UINT64_MAX & ~(kind == 8 ? VIRTIO_F_INDIRECT : 0), true);
		desc = drv.q[0].desc;
		put_request(REQUEST, 0, 0);
		put_desc(desc, 0, REQUEST, 16, DESC_NEXT, 1);
		put_desc(desc, 1, DATA, 512, DESC_NEXT | DESC_WRITE, 2);
		put_desc(desc, 2, STATUS, 1, DESC_WRITE, 0);
		put_desc(0x90000, 0, REQUEST, 16, DESC_NEXT, 1);
		put_desc(0x90000, 1, STATUS, 1, DESC_WRITE, 0);
		switch (kind) {
		case 0:		/* loop */
			put_desc(desc, 1, DATA, 512, DESC_NEXT | DESC_WRITE, 1);
			break;
		case 1:		/* wild address */
			put_desc(desc, 1, 0xfffffffffffff000u, 512, DESC_NEXT | DESC_WRITE, 2);
			break;
		case 2:		/* one byte too far */
			put_desc(desc, 1, RAM - 511, 512, DESC_NEXT | DESC_WRITE, 2);
			break;
		case 3:		/* absurd length */
			put_desc(desc, 1, DATA, 0xffffffff, DESC_NEXT | DESC_WRITE, 2);
			break;
		case 4:		/* next is no descriptor */
			put_desc(desc, 1, DATA, 512, DESC_NEXT | DESC_WRITE, 256);
			break;
		case 5:		/* head is none */
			set16(drv.q[0].avail + 4, 0xffff);
			break;
		case 6:		/* more available than the ring holds */
			index = 257;
			break;
		case 7:		/* to be read after to be written */
			put_desc(desc, 2, STATUS, 1, 0, 0);
			break;
		case 8:		/* indirect, not agreed on */
			put_desc(desc, 0, 0x90000, 32, DESC_INDIRECT, 0);
			break;
		case 9:		/* indirect in indirect */
			put_desc(0x90000, 0, 0x90000, 32, DESC_INDIRECT, 1);
			put_desc(desc, 0, 0x90000, 32, DESC_INDIRECT, 0);
			break;
		case 10:	/* a table that is none */
			put_desc(desc, 0, 0x90000, 33, DESC_INDIRECT, 0);
			break;
		case 11:
			put_desc(desc, 0, RAM - 16, 32, DESC_INDIRECT, 0);
			break;
		case 12:	/* header too short */
			put_desc(desc, 0, REQUEST, 15, DESC_NEXT, 1);
			break;
		case 13:	/* nowhere to put the status */
			put_desc(desc, 0, REQUEST, 16, 0, 0);
			break;
		}
		set16(drv.q[0].avail + 2, index);
		fake_write(drv.base + 0x3000, 2, 0);
		assert_int_equal(driver_status(&drv), 15 | VIRTIO_NEEDS_RESET);
		assert_int_equal(fake.msi_data, 0x40);	/* told as a change of configuration */
		assert_int_equal(fake.msis, 1);
		fake_write(drv.base + 0x3000, 2, 0);
		assert_int_equal(fake.msis, 1);
		assert_int_equal(ram16(drv.q[0].used + 2), 0);
		check_canaries();
		start(UINT64_MAX, true);
		assert_int_equal(request(0, 1, 512), 0);
	}
}

/* Queues at the end of storage and beyond, and unaligned ones. */
static void wild_queues(void **state)
{
	static const uint64_t wild[] = { RAM, RAM - 16, RAM - 4096 + 16, 0xfffffffffffffff0u, 0x8000000000000000u, 8 };

	(void)state;
	for (unsigned int field = 0; field < 3; field++)
		for (unsigned int i = 0; i < ARRAY_LEN(wild); i++) {
			uint64_t at[3] = { 0x10000, 0x11000, 0x12000 };

			driver_start(&drv, &blk.t, UINT64_MAX, true);
			at[field] = wild[i];
			fake_write(drv.base + 0x16, 2, 0);
			for (unsigned int f = 0; f < 3; f++)
				fake_write(drv.base + 0x20 + 8 * f, 8, at[f]);
			fake_write(drv.base + 0x1c, 2, 1);
			fake_write(drv.base + 0x14, 1, 15);
			set16(0x11002, 1);
			fake_write(drv.base + 0x3000, 2, 0);
			if (i < 2 || (i > 2 && i < 5) || field == 0)
				assert_true(driver_status(&drv) & VIRTIO_NEEDS_RESET);
			check_canaries();
		}
}

static void configuration_window(void **state)
{
	unsigned int at;

	(void)state;
	start(UINT64_MAX, true);
	find_structure(&blk.t, 5, &at);
	config_out(&blk.t, at + 4, 1, 4);
	config_out(&blk.t, at + 8, 4, 0x2000);
	config_out(&blk.t, at + 12, 4, 4);
	assert_int_equal(config_in(&blk.t, at + 16, 4), SECTORS);
	config_out(&blk.t, at + 8, 4, 0x14);
	config_out(&blk.t, at + 12, 4, 1);
	assert_int_equal(config_in(&blk.t, at + 16, 1), 15);
	config_out(&blk.t, at + 16, 1, 0);
	assert_int_equal(driver_status(&drv), 0);
	/* anything */
	for (unsigned int i = 0; i < 100000; i++) {
		config_out(&blk.t, at + 4 + (unsigned int)fake_below(16), 1u << fake_below(3),
			   fake_below(2) ? fake_random() : fake_below(0x4100));
		config_in(&blk.t, at + 16, 1u << fake_below(3));
	}
	check_canaries();
}

static void state_goes_round(void **state)
{
	size_t size;
	void *bytes;

	(void)state;
	start(UINT64_MAX, true);
	assert_int_equal(request(0, 7, 512), 0);
	bytes = fake_save(&blk.t.pci.dev, &size);
	blk.t.pci.dev.ops->reset(&blk.t.pci.dev);
	assert_false(blk.t.pci.bar[4].mapped);
	assert_true(blk.t.pci.dev.ops->restore(&blk.t.pci.dev, bytes, size));
	free(bytes);
	assert_true(blk.t.pci.bar[4].mapped);
	assert_int_equal(request(0, 8, 512), 0);
	assert_memory_equal(fake.memory + DATA, disk_bytes + 8 * 512, 512);
	assert_int_equal(fake.msis, 2);
	fake_check_bad_restore(&blk.t.pci.dev);
	check_canaries();
}

static void anything_may_be_written(void **state)
{
	(void)state;
	driver_attack(&blk.t, 1, UINT64_MAX, 30000);
	assert_true(disk_reads > 3000 && disk_writes > 3000 && blk.requests > 20000);
	/* and it still works */
	start(UINT64_MAX, true);
	assert_int_equal(request(0, 8, 512), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(identity, setup),
		cmocka_unit_test_setup(reads_and_writes, setup),
		cmocka_unit_test_setup(cost_of_requests, setup),
		cmocka_unit_test_setup(without_msix, setup),
		cmocka_unit_test_setup(any_layout, setup),
		cmocka_unit_test_setup(long_requests_take_turns, setup),
		cmocka_unit_test_setup(broken_rings, setup),
		cmocka_unit_test_setup(wild_queues, setup),
		cmocka_unit_test_setup(configuration_window, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(disk_bytes);
	free(ram_block);
	return failed;
}
