/* ATA disks and the IDE controller: registers, PIO, bus mastering, interrupts, errors, and a fuzz with wild tables. */
/* Part: tests; UNIT: vmm/devices/vide.c vmm/devices/vide_pio.c vmm/devices/vide_dma.c vmm/devices/vata.c */
/* UNIT: vmm/devices/vatapi.c vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c */
/* UNIT: vmm/machine/vdisk.c vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/vide_fake.h"

static void identify(void **state)
{
	uint16_t w[256], again[256];
	uint8_t sum = 0;

	(void)state;
	ata_go(0, 0, 0, 0, false, 0xec);
	assert_true(fake.line[14]);
	assert_int_equal(inb(0x3f6), 0x58);
	assert_true(fake.line[14]);
	assert_int_equal(ata_status(0), 0x58);
	assert_false(fake.line[14]);
	data_in(0, w, 512, 2);
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(fake.rises[14], 1);
	ata_go(0, 0, 0, 0, false, 0xec);
	data_in(0, again, 512, 4);
	assert_memory_equal(w, again, 512);
	for (int i = 0; i < 512; i++)
		sum = (uint8_t)(sum + ((uint8_t *)w)[i]);
	assert_int_equal(sum, 0);
	assert_int_equal(w[0], 0x0040);
	assert_int_equal(w[60] | w[61] << 16, DISK_BYTES / 512);
	assert_int_equal(w[100] | w[101] << 16, DISK_BYTES / 512);
	assert_int_equal(w[1], DISK_BYTES / 512 / 16 / 63);
	assert_int_equal(w[27], 'V' << 8 | 'M');
	assert_int_equal(w[10], '0' << 8 | '0');
	assert_true(w[49] & 0x300 && w[83] & 0x400 && w[86] & 0x400);
	assert_int_equal(w[88], 0x203f);
	/* SET FEATURES changes what is told of the mode. */
	outb(0x1f1, 3);
	outb(0x1f2, 0x22);
	outb(0x1f7, 0xef);
	assert_int_equal(ata_status(0), 0x50);
	ata_go(0, 0, 0, 0, false, 0xec);
	data_in(0, w, 512, 4);
	assert_int_equal(w[63], 0x0407);
	assert_int_equal(w[88], 0x003f);
	outb(0x1f1, 3);
	outb(0x1f2, 0x46);
	outb(0x1f7, 0xef);
	assert_int_equal(ata_status(0), 0x51);
	assert_int_equal(inb(0x1f1), 4);
}

static void reads_by_pio(void **state)
{
	static uint8_t to[70000];

	(void)state;
	ata_go(0, 0, 100, 3, false, 0x20);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fake.rises[14], i + 1);
		assert_int_equal(ata_status(0), 0x58);
		data_in(0, to + 512 * i, 512, 2);
	}
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(fake.rises[14], 3);
	assert_memory_equal(to, disk_file + 100 * 512, 3 * 512);
	/* Nothing more comes. */
	assert_int_equal(fake_in(0x1f0, 2), 0);
	/* CHS: cylinder 1, head 2, sector 3. */
	outb(0x1f6, 0xa2);
	outb(0x1f2, 1);
	outb(0x1f3, 3);
	outb(0x1f4, 1);
	outb(0x1f5, 0);
	outb(0x1f7, 0x21);
	data_in(0, to, 512, 4);
	assert_memory_equal(to, disk_file + ((1 * 16 + 2) * 63 + 2) * 512, 512);
	/* LBA48, and a count of 0 of LBA28 is 256. */
	ata_go(0, 1, 5, 2, true, 0x24);
	data_in(0, to, 1024, 2);
	assert_memory_equal(to, disk_file + 5 * 512, 1024);
	ata_go(0, 0, 7, 0, false, 0x20);
	for (unsigned int i = 0; i < 256; i++)
		data_in(0, to, 512, 4);
	assert_memory_equal(to, disk_file + (7 + 255) * 512, 512);
	assert_int_equal(ata_status(0), 0x50);
	/* Odd widths: whatever the pieces are, the bytes come in order. */
	ata_go(0, 0, 9, 40, true, 0x29);
	for (size_t i = 0; i < 40 * 512;) {
		static const uint8_t widths[] = { 1, 2, 4 };
		unsigned int width = widths[fake_below(3)], in_block = 8192 - (unsigned int)(i % 8192);

		width = width > in_block ? 1 : width;
		data_in(0, to + i, width, width);
		i += width;
	}
	assert_memory_equal(to, disk_file + 9 * 512, 40 * 512);
	assert_int_equal(ata_status(0), 0x50);
}

static void multiple(void **state)
{
	static uint8_t to[35 * 512], back[35 * 512];
	unsigned int rises;

	(void)state;
	outb(0x1f2, 3);
	outb(0x1f7, 0xc6);
	assert_int_equal(ata_status(0), 0x51);
	outb(0x1f2, 8);
	outb(0x1f7, 0xc6);
	assert_int_equal(ata_status(0), 0x50);
	rises = fake.rises[14];
	ata_go(0, 0, 1000, 35, false, 0xc4);
	for (unsigned int i = 0; i < 35; i += 8) {
		assert_int_equal(ata_status(0), 0x58);
		data_in(0, to + 512 * i, 512 * (i == 32 ? 3 : 8), 2);
	}
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(fake.rises[14] - rises, 5);
	assert_memory_equal(to, disk_file + 1000 * 512, sizeof(to));
	/* Writing: no interrupt for the first block, one after each. */
	for (size_t i = 0; i < sizeof(to); i++)
		to[i] = (uint8_t)fake_random();
	rises = fake.rises[14];
	ata_go(0, 0, 1000, 35, false, 0xc5);
	assert_int_equal(fake.rises[14], rises);
	for (unsigned int i = 0; i < 35; i += 8) {
		assert_int_equal(ata_status(0), 0x58);
		data_out(0, to + 512 * i, 512 * (i == 32 ? 3 : 8), i % 16 ? 2 : 4);
	}
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(fake.rises[14] - rises, 5);
	ata_go(0, 0, 1000, 35, true, 0x29);
	data_in(0, back, sizeof(back), 4);
	assert_memory_equal(to, back, sizeof(to));
	outb(0x1f2, 0);
	outb(0x1f7, 0xc6);
	ata_go(0, 0, 1000, 1, false, 0xc4);
	assert_int_equal(ata_status(0), 0x51);
}

static void writes_by_pio(void **state)
{
	uint8_t from[1024], back[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7);
	ata_go(0, 0, 50, 2, true, 0x34);
	data_out(0, from, 512, 2);
	assert_true(fake.line[14]);
	assert_int_equal(ata_status(0), 0x58);
	data_out(0, from + 512, 512, 4);
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(vdisk_read(&disk, 50, 2, back), VDISK_DONE);
	assert_memory_equal(back, from, 1024);
	/* The slave has the same file, but not the same changes, and is read-only. */
	assert_int_equal(vdisk_read(&disk2, 50, 2, back), VDISK_DONE);
	assert_memory_equal(back, disk_file + 50 * 512, 1024);
	ata_go(0, 1, 50, 1, false, 0x30);
	assert_int_equal(ata_status(0), 0x51);
	assert_int_equal(inb(0x1f1), 4);
	/* Bytes that do not meet sectors and words still come in order. */
	ata_go(0, 0, 60, 2, false, 0xc5);
	fake_out(0x1f0, 1, from[0]);
	for (size_t i = 1; i < 1024; i += 2)
		data_out(0, from + i, i == 1023 ? 1 : 2, i == 1023 ? 1 : 2);
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(vdisk_read(&disk, 60, 2, back), VDISK_DONE);
	assert_memory_equal(back, from, 1024);
	outb(0x1f7, 0xe7);
	assert_int_equal(ata_status(0), 0x50);
	/* No storage for changes: a media error with the sector's address. */
	fake.own_limit = 1;
	pool.left = 0;
	ata_go(0, 0, 2000, 2, false, 0x30);
	data_out(0, from, 512, 2);
	assert_int_equal(ata_status(0), 0x51);
	assert_int_equal(inb(0x1f1), 0x40);
	assert_int_equal(inb(0x1f3) | inb(0x1f4) << 8, 2000);
	assert_true(notes > 0);
}

static void errors(void **state)
{
	static const uint8_t refused[] = { 0x00, 0x08, 0xa0, 0xa1, 0xb0, 0xf5, 0xf6, 0x50, 0x92, 0xff, 0x60 };
	unsigned int last = DISK_BYTES / 512 - 1;

	(void)state;
	ata_go(0, 0, last, 1, false, 0x40);
	assert_int_equal(ata_status(0), 0x50);
	ata_go(0, 0, last, 2, false, 0x20);
	assert_int_equal(ata_status(0), 0x51);
	assert_int_equal(inb(0x1f1), 0x10);
	assert_int_equal(fake_in(0x1f0, 2), 0);
	ata_go(0, 0, 0xffffffffffff, 0, true, 0x25);
	assert_int_equal(ata_status(0), 0x51);
	ata_go(0, 0, last, 0, true, 0x42);
	assert_int_equal(ata_status(0), 0x51);
	for (size_t i = 0; i < sizeof(refused); i++) {
		ata_go(0, 0, 0, 1, false, refused[i]);
		assert_int_equal(ata_status(0), 0x51);
		assert_int_equal(inb(0x1f1), 4);
	}
	/* CHS has no sector 0. */
	outb(0x1f6, 0xa0);
	outb(0x1f3, 0);
	outb(0x1f7, 0x20);
	assert_int_equal(inb(0x1f1), 0x10);
	outb(0x1f2, 17);
	outb(0x1f6, 0xa7);
	outb(0x1f7, 0x91);
	assert_int_equal(ata_status(0), 0x50);
	outb(0x1f3, 18);
	outb(0x1f7, 0x70);
	assert_int_equal(ata_status(0), 0x51);
	outb(0x1f3, 17);
	outb(0x1f7, 0x70);
	assert_int_equal(ata_status(0), 0x50);
	outb(0x1f7, 0x10);
	assert_int_equal(ata_status(0), 0x50);
	outb(0x1f7, 0xe5);
	assert_int_equal(inb(0x1f2), 0xff);
	/* READ NATIVE MAX ADDRESS, and the halves that HOB shows. */
	ata_go(0, 0, 0x123456789abc, 0x1122, true, 0x27);
	assert_int_equal(inb(0x1f3) | inb(0x1f4) << 8 | inb(0x1f5) << 16, last);
	ata_registers(0, 0, 0x123456789abc, 0x1122, true);
	assert_int_equal(inb(0x1f5), 0x78);
	assert_int_equal(inb(0x1f2), 0x22);
	outb(0x3f6, 0x80);
	assert_int_equal(inb(0x1f5), 0x12);
	assert_int_equal(inb(0x1f4), 0x34);
	assert_int_equal(inb(0x1f3), 0x56);
	assert_int_equal(inb(0x1f2), 0x11);
	outb(0x1f1, 0);
	assert_int_equal(inb(0x1f5), 0x78);
}

static void absent_drives(void **state)
{
	(void)state;
	/* The slave beside a master shows no status; commands to it do nothing. */
	outb(0x176, 0xb0);
	assert_int_equal(ata_status(1), 0);
	outb(0x172, 0x55);
	outb(0x177, 0xec);
	assert_int_equal(ata_status(1), 0);
	assert_false(fake.line[15]);
	assert_int_equal(fake_in(0x170, 2), 0);
	/* Nothing at all: everything reads 0. */
	vide_attach(&ide, 2, NULL);
	outb(0x176, 0xa0);
	for (uint16_t port = 0x170; port <= 0x177; port++) {
		outb(port, 0x55);
		assert_int_equal(inb(port), 0);
	}
	assert_int_equal(inb(0x376), 0);
	outb(0x177, 0x90);
	assert_false(fake.line[15]);
	/* A slave alone answers when it is selected. */
	vide_attach(&ide, 3, &cd);
	outb(0x176, 0xb0);
	assert_int_equal(inb(0x174) | inb(0x175) << 8, 0xeb14);
	outb(0x177, 0xa1);
	assert_int_equal(ata_status(1), 0x58);
}

static void resets(void **state)
{
	(void)state;
	ata_go(0, 1, 0x10203, 9, false, 0x20);
	assert_true(fake.line[14]);
	outb(0x3f6, 4);
	assert_false(fake.line[14]);
	assert_int_equal(inb(0x3f6), 0x80);
	outb(0x1f2, 0x77);	/* deaf meanwhile */
	outb(0x3f6, 0);
	assert_int_equal(inb(0x3f6), 0x50);
	assert_int_equal(inb(0x1f1), 1);
	assert_int_equal(inb(0x1f2), 1);
	assert_int_equal(inb(0x1f3), 1);
	assert_int_equal(inb(0x1f4), 0);
	assert_int_equal(inb(0x1f5), 0);
	assert_int_equal(inb(0x1f6), 0xa0);
	assert_int_equal(fake_in(0x1f0, 2), 0);
	/* nIEN holds the line off, and lets it go again. */
	outb(0x3f6, 2);
	ata_go(0, 0, 0, 1, false, 0x20);
	assert_false(fake.line[14]);
	outb(0x3f6, 0);
	assert_true(fake.line[14]);
	/* The other drive has no interrupt of its own. */
	outb(0x1f6, 0xb0);
	assert_false(fake.line[14]);
	outb(0x1f6, 0xa0);
	assert_true(fake.line[14]);
	/* EXECUTE DEVICE DIAGNOSTIC, on a channel whose drive is a CD. */
	outb(0x177, 0x90);
	assert_true(fake.line[15]);
	assert_int_equal(inb(0x171), 1);
	assert_int_equal(inb(0x174) | inb(0x175) << 8, 0xeb14);
	assert_int_equal(ata_status(1), 0);
	/* The machine's reset leaves what is on the disks. */
	ata_go(0, 0, 3, 1, false, 0x30);
	data_out(0, "twelve bytes", 12, 4);
	data_out(0, disk_file, 500, 4);
	ide.function.dev.ops->reset(&ide.function.dev);
	assert_false(fake.line[14]);
	assert_int_equal(inb(0x3f6), 0x50);
	ata_go(0, 0, 3, 1, false, 0x20);
	assert_int_equal(fake_in(0x1f0, 4), 0x6c657774);
}

static void bus_master(void **state)
{
	static uint8_t back[64 * 512];

	(void)state;
	/* Scattered over regions that do not meet sectors; the table first, the command then, and the other way. */
	put_prd(0x100, 0, 0x1000, 700, false);
	put_prd(0x100, 1, 0x3002, 2, false);
	put_prd(0x100, 2, 0x8000, 4096 - 702, true);
	ata_go(0, 0, 20, 8, false, 0xc8);
	assert_int_equal(inb(0x3f6), 0x58);
	assert_false(fake.line[14]);
	dma_start(0, 0x100, true);
	assert_int_equal(dma_status(0), 4);
	assert_true(fake.line[14]);
	assert_int_equal(ata_status(0), 0x50);
	assert_memory_equal(fake.memory + 0x1000, disk_file + 20 * 512, 700);
	assert_memory_equal(fake.memory + 0x3002, disk_file + 20 * 512 + 700, 2);
	assert_memory_equal(fake.memory + 0x8000, disk_file + 20 * 512 + 702, 4096 - 702);
	assert_int_equal(fake.memory[0x3001] | fake.memory[0x3004] | fake.memory[0x8000 + 4096 - 702], 0);
	dma_stop(0);
	assert_int_equal(dma_status(0), 0);
	/* Back to another place of the disk, the bus master started first; 64 KiB is told as 0. */
	memcpy(fake.memory + 0x20000, disk_file + 1234, 32768);
	put_prd(0x100, 0, 0x20000, 0, true);
	dma_start(0, 0x100, false);
	assert_int_equal(dma_status(0), 1);
	ata_go(0, 0, 200, 64, true, 0x35);
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(dma_status(0), 5);	/* the table was longer */
	dma_stop(0);
	assert_int_equal(vdisk_read(&disk, 200, 64, back), VDISK_DONE);
	assert_memory_equal(back, disk_file + 1234, 32768);
	/* A table that is too short: the drive waits, and goes on with the next one. */
	put_prd(0x100, 0, 0x40000, 600, true);
	ata_go(0, 0, 200, 4, true, 0x25);
	dma_start(0, 0x100, true);
	assert_int_equal(dma_status(0), 0);
	assert_int_equal(inb(0x3f6), 0x58);
	dma_stop(0);
	put_prd(0x100, 0, 0x40000 + 600, 2048 - 600, true);
	dma_start(0, 0x100, true);
	assert_int_equal(dma_status(0), 4);
	assert_memory_equal(fake.memory + 0x40000, back, 2048);
	dma_stop(0);
	/* Without the right to the bus nothing moves until it is given. */
	vpci_config_write(&ide.function, 4, 2, 1);
	put_prd(0x100, 0, 0x50000, 512, true);
	ata_go(0, 0, 200, 1, true, 0x25);
	dma_start(0, 0x100, true);
	assert_int_equal(dma_status(0), 1);
	vpci_config_write(&ide.function, 4, 2, 5);
	assert_int_equal(dma_status(0), 4);
	assert_memory_equal(fake.memory + 0x50000, back, 512);
}

static void wild_tables(void **state)
{
	uint8_t back[2048], ones[512];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	/* Half of it is no storage: that half goes nowhere, and reads as ones. */
	put_prd(0x100, 0, STORAGE - 512, 1024, true);
	ata_go(0, 0, 0, 2, false, 0xc8);
	dma_start(0, 0x100, true);
	assert_int_equal(ata_status(0), 0x50);
	assert_memory_equal(fake.memory + STORAGE - 512, disk_file, 512);
	dma_stop(0);
	ata_go(0, 0, 300, 2, false, 0xca);
	dma_start(0, 0x100, false);
	assert_int_equal(ata_status(0), 0x50);
	assert_int_equal(vdisk_read(&disk, 300, 2, back), VDISK_DONE);
	assert_memory_equal(back, disk_file, 512);
	assert_memory_equal(back + 512, ones, 512);
	dma_stop(0);
	/* The table itself is nowhere. */
	ata_go(0, 0, 0, 0, true, 0x25);
	dma_start(0, 0xfffffffc, true);
	ata_status(0);
	dma_stop(0);
	/* A table without end, of the smallest regions. */
	for (unsigned int i = 0; i < STORAGE / 8; i++)
		put_prd(0, i, 0x80000, 2, false);
	ata_go(0, 0, 0, 200, true, 0x25);
	dma_start(0, 0, true);
	assert_int_equal(dma_status(0) & 5, 0);	/* 8192 regions and no more */
	assert_int_equal(inb(0x3f6), 0x58);
}

/* The registers as a driver would use them, with mistakes of all kinds. */
static void fuzz_step(void)
{
	static const uint8_t commands[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0xa0, 0xa0, 0xa0, 0xa1,
					    0x08, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xec, 0xef, 0x91, 0x27, 0xf8, 0x90, 0x70 };
	unsigned int channel = (unsigned int)fake_below(2);
	uint16_t base = base_of(channel);

	switch (fake_below(12)) {
	case 0:
		ata_go(channel, (unsigned int)fake_below(2), fake_below(DISK_BYTES / 512 + 20),
		       (unsigned int)fake_below(40), fake_below(2), commands[fake_below(sizeof(commands))]);
		return;
	case 1:
		outb((uint16_t)(base + 7), commands[fake_below(sizeof(commands))]);
		return;
	case 2:
		for (uint64_t n = fake_below(3000); n > 0; n--)
			fake_in(base, 1u << fake_below(4));
		return;
	case 3:
		for (uint64_t n = fake_below(3000); n > 0; n--)
			fake_out(base, 1u << fake_below(4), fake_random());
		return;
	case 4:
		for (unsigned int i = 0; i < 20; i++)
			put_prd(0x100, i, (uint32_t)(fake_below(4) ? fake_below(STORAGE + 100) : fake_random()),
				(uint32_t)fake_random() & (fake_below(2) ? 0xfffe : 0x7fe), fake_below(8) == 0);
		dma_start(channel, fake_below(8) ? 0x100 : (uint32_t)fake_random(), fake_below(2));
		return;
	case 5:
		dma_stop(channel);
		return;
	case 6:
		outb(channel == 0 ? 0x3f6 : 0x376, (unsigned int)(fake_below(4) ? 0 : fake_random() & 0xff));
		return;
	case 7:
		fake_random_access(&ide.function.dev, VPCI_REGION_BAR + 6, BM, 16);
		return;
	case 8:	/* a packet */
		outb((uint16_t)(base + 6), 0xa0);
		outb((uint16_t)(base + 1), (unsigned int)fake_below(2));
		outb((uint16_t)(base + 7), 0xa0);
		for (unsigned int i = 0; i < 6; i++)
			fake_out(base, 2, fake_random() & (fake_below(3) ? 0x0303 : 0xffff));
		return;
	default:
		fake_random_access(&ide.function.dev, 4, base - 2u, 12);
	}
}

static void fuzz(void **state)
{
	struct vdev *dev = &ide.function.dev;
	char text[160];

	(void)state;
	for (int round = 0; round < 60000; round++) {
		fuzz_step();
		if (round % 100 == 0) {
			size_t size;
			void *bytes = fake_save(dev, &size);

			assert_true(dev->ops->restore(dev, bytes, size));
			free(bytes);
			dev->ops->dump(dev, text, sizeof(text));
			assert_true(strlen(text) < sizeof(text));
		}
		if (round % 1000 == 0) {
			vpci_config_write(&ide.function, 4, 2, (uint32_t)fake_random());
			vpci_config_write(&ide.function, 4, 2, fake_below(4) ? 5 : 1);
		}
		assert_in_range(ide.s.channel[0].selected, 0, 1);
	}
}

/* Saved bytes with faults: refused, or a state that may be used. */
static void bad_restore(void **state)
{
	struct vdev *dev = &ide.function.dev;

	(void)state;
	ata_go(0, 0, 30, 20, false, 0xc5);
	data_out(0, disk_file, 600, 2);
	ata_go(1, 0, 0, 0, false, 0xa1);
	fake_check_bad_restore(dev);
	for (int round = 0; round < 4000; round++) {
		size_t size;
		uint8_t *bytes = fake_save(dev, &size);

		for (uint64_t n = 1 + fake_below(3); n > 0; n--) {
			/* Where the states of the drives begin, apart from their buffers. */
			size_t drive = fake_below(VIDE_DRIVES) * sizeof(struct vide_drive_state);

			bytes[size - sizeof(ide.s.drive) + drive +
			      fake_below(offsetof(struct vide_drive_state, buffer))] = (uint8_t)fake_random();
		}
		dev->ops->restore(dev, bytes, size);
		free(bytes);
		for (unsigned int i = 0; i < 20; i++)
			fuzz_step();
	}
}

static void place_on_the_bus(void **state)
{
	(void)state;
	assert_int_equal(vpci_config_read(&ide.function, 0, 4), 0x70108086);
	assert_int_equal(vpci_config_read(&ide.function, 8, 4) >> 8, 0x010180);
	assert_int_equal(vpci_config_read(&ide.function, 0x40, 4), 0x80008000);
	assert_int_equal(vpci_config_read(&ide.function, 0x20, 4), BM | 1);
	assert_ptr_equal(vpci_find(&pci, VPCI_DEVFN(1, 1)), &ide.function);
	fake_out(BM + 8, 4, 0xfff8);
	assert_int_equal(fake_in(BM + 8, 4), 0x0008);
	outb(BM + 10, 0xff);
	assert_int_equal(inb(BM + 10), 0x60);
	fake_out(BM + 4, 4, 0x12345677);
	assert_int_equal(fake_in(BM + 4, 4), 0x12345674);
	assert_int_equal(fake_in(BM + 6, 2), 0x1234);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, vide_setup, vide_teardown)
	const struct CMUnitTest tests[] = {
		TEST(identify), TEST(reads_by_pio), TEST(multiple), TEST(writes_by_pio), TEST(errors), TEST(absent_drives),
		TEST(resets), TEST(bus_master), TEST(wild_tables), TEST(fuzz), TEST(bad_restore), TEST(place_on_the_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
