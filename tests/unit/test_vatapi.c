/* The ATAPI CD drive: packet commands by PIO and by bus mastering, sense, media events. */
/* Part: tests; UNIT: vmm/devices/vide.c vmm/devices/vide_pio.c vmm/devices/vide_dma.c vmm/devices/vata.c */
/* UNIT: vmm/devices/vatapi.c vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c */
/* UNIT: vmm/machine/vdisk.c vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/vide_fake.h"

#define SECTORS (CD_BYTES / 2048)

static uint8_t got[128 * 1024];
static unsigned int blocks;	/* DRQ blocks of the last packet() */

/* Sends a packet and takes what comes, as a driver does. Returns the bytes; *status is the last one. */
static size_t packet(const uint8_t p[12], unsigned int limit, uint8_t *status)
{
	size_t total = 0;

	outb(0x176, 0xa0);
	outb(0x171, 0);
	outb(0x174, limit & 0xff);
	outb(0x175, limit >> 8);
	outb(0x177, 0xa0);
	assert_false(fake.line[15]);
	assert_int_equal(ata_status(1) & 0x88, 8);
	assert_int_equal(inb(0x172), 1);
	data_out(1, p, 12, 2);
	assert_true(fake.line[15]);
	blocks = 0;
	memset(got, 0xcc, sizeof(got));
	while (*status = ata_status(1), *status & 8) {
		unsigned int n = inb(0x174) | (unsigned int)inb(0x175) << 8;

		assert_int_equal(inb(0x172), 2);
		assert_in_range(n, 1, limit == 0 || limit == 0xffff ? 0xfffe : limit);
		assert_true(total + n <= sizeof(got));
		data_in(1, got + total, n, 2);
		total += n;
		blocks++;
		assert_true(fake.line[15]);
	}
	assert_int_equal(inb(0x172), 3);
	assert_false(fake.line[15]);
	return total;
}

#define PACKET(limit, status, ...) packet((const uint8_t[12]){ __VA_ARGS__ }, limit, status)

static void expect_sense(uint8_t key, uint8_t code, uint8_t qualifier)
{
	uint8_t status;

	assert_int_equal(inb(0x171) >> 4, key);
	assert_int_equal(PACKET(0xfffe, &status, 0x03, 0, 0, 0, 18), 18);
	assert_int_equal(status, 0x50);
	assert_int_equal(got[0], 0x70);
	assert_int_equal(got[2], key);
	assert_int_equal(got[12], code);
	assert_int_equal(got[13], qualifier);
}

static void identify(void **state)
{
	uint16_t w[256];
	unsigned int rises;

	(void)state;
	outb(0x176, 0xa0);
	assert_int_equal(inb(0x376), 0);
	outb(0x177, 0xec);
	assert_int_equal(ata_status(1), 0x51);
	assert_int_equal(inb(0x171), 4);
	assert_int_equal(inb(0x174) | inb(0x175) << 8, 0xeb14);
	rises = fake.rises[15];
	outb(0x177, 0xa1);
	assert_int_equal(ata_status(1), 0x58);
	data_in(1, w, 512, 2);
	assert_int_equal(ata_status(1), 0x50);
	assert_int_equal(fake.rises[15], rises + 1);
	assert_int_equal(w[0], 0x85c0);
	assert_int_equal(w[27], 'V' << 8 | 'M');
	assert_int_equal(w[10], '1' << 8 | '0');
	outb(0x177, 0x08);
	assert_int_equal(inb(0x376), 0);
	assert_false(fake.line[15]);
	outb(0x177, 0x30);
	assert_int_equal(ata_status(1), 0x51);
	outb(0x171, 3);
	outb(0x172, 0x22);
	outb(0x177, 0xef);
	assert_int_equal(ata_status(1), 0x50);
}

static void reads(void **state)
{
	uint8_t status;

	(void)state;
	assert_int_equal(PACKET(0xfffe, &status, 0x25), 8);
	assert_int_equal(got[0] << 24 | got[1] << 16 | got[2] << 8 | got[3], SECTORS - 1);
	assert_int_equal(got[6], 8);
	assert_int_equal(PACKET(0xfffe, &status, 0x28, 0, 0, 0, 0, 16, 0, 0, 40), 40 * 2048);
	assert_memory_equal(got, cd_file + 16 * 2048, 40 * 2048);
	assert_int_equal(blocks, 2);
	/* Any limit of a block: odd ones are made even. */
	assert_int_equal(PACKET(2048, &status, 0x28, 0, 0, 0, 1, 0, 0, 0, 3), 3 * 2048);
	assert_memory_equal(got, cd_file + 256 * 2048, 3 * 2048);
	assert_int_equal(blocks, 3);
	assert_int_equal(PACKET(1001, &status, 0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 2), 2 * 2048);
	assert_memory_equal(got, cd_file + 3 * 2048, 2 * 2048);
	assert_int_equal(blocks, 5);
	assert_int_equal(PACKET(0xffff, &status, 0xbe, 0, 0, 0, 0, 9, 0, 0, 1, 0x10), 2048);
	assert_memory_equal(got, cd_file + 9 * 2048, 2048);
	assert_int_equal(PACKET(2, &status, 0x28, 0, 0, 0, 0, 5, 0, 0, 1), 2048);
	assert_memory_equal(got, cd_file + 5 * 2048, 2048);
	/* Nothing asked for, and what is not there. */
	assert_int_equal(PACKET(0, &status, 0x28, 0, 0, 0, 0, 5, 0, 0, 0), 0);
	assert_int_equal(status, 0x50);
	assert_int_equal(PACKET(0, &status, 0x28, 0, 0, 0, (SECTORS - 1) >> 8, (SECTORS - 1) & 255, 0, 0, 1), 2048);
	assert_memory_equal(got, cd_file + CD_BYTES - 2048, 2048);
	assert_int_equal(PACKET(0, &status, 0x28, 0, 0, 0, (SECTORS - 1) >> 8, (SECTORS - 1) & 255, 0, 0, 2), 0);
	assert_int_equal(status, 0x51);
	expect_sense(5, 0x21, 0);
	expect_sense(0, 0, 0);
	assert_int_equal(PACKET(0, &status, 0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0);
	expect_sense(5, 0x21, 0);
	assert_int_equal(PACKET(0, &status, 0xbe, 0, 0, 0, 0, 9, 0, 0, 1, 0xf8), 0);
	expect_sense(5, 0x24, 0);
	assert_int_equal(PACKET(0, &status, 0x2b, 0, 0xff), 0);
	expect_sense(5, 0x21, 0);
	assert_int_equal(PACKET(0, &status, 0x2a), 0);
	expect_sense(5, 0x20, 0);
}

static void by_bus_master(void **state)
{
	static const uint8_t read[12] = { 0x28, 0, 0, 0, 0, 20, 0, 0, 10 };
	static const uint8_t capacity[12] = { 0x25 };

	(void)state;
	put_prd(0x100, 0, 0x1000, 3000, false);
	put_prd(0x100, 1, 0x4000, 20480 - 3000, true);
	outb(0x176, 0xa0);
	outb(0x171, 1);
	outb(0x177, 0xa0);
	data_out(1, read, 12, 2);
	assert_false(fake.line[15]);
	dma_start(1, 0x100, true);
	assert_true(fake.line[15]);
	assert_int_equal(dma_status(1), 4);
	assert_int_equal(ata_status(1), 0x50);
	assert_int_equal(inb(0x172), 3);
	assert_memory_equal(fake.memory + 0x1000, cd_file + 20 * 2048, 3000);
	assert_memory_equal(fake.memory + 0x4000, cd_file + 20 * 2048 + 3000, 20480 - 3000);
	dma_stop(1);
	/* Answers that are no sectors go that way too. */
	put_prd(0x100, 0, 0x9000, 8, true);
	outb(0x177, 0xa0);
	data_out(1, capacity, 12, 4);
	dma_start(1, 0x100, true);
	assert_int_equal(dma_status(1), 4);
	assert_int_equal(fake.memory[0x9006], 8);
	dma_stop(1);
}

static void answers(void **state)
{
	uint8_t status;

	(void)state;
	assert_int_equal(PACKET(0xfffe, &status, 0x00), 0);
	assert_int_equal(status, 0x50);
	assert_int_equal(PACKET(0xfffe, &status, 0x12, 0, 0, 0, 96), 36);
	assert_int_equal(got[0], 5);
	assert_memory_equal(got + 8, "VM/64   VIRTUAL CD", 18);
	assert_int_equal(PACKET(0xfffe, &status, 0x12, 0, 0, 0, 5), 5);
	assert_int_equal(PACKET(0xfffe, &status, 0x12, 1, 0, 0, 36), 0);
	expect_sense(5, 0x24, 0);
	/* TOC: a data track and the lead-out, as LBA and as MSF; sessions; the raw form. */
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 0, 0, 0, 0, 0, 0, 0, 100), 20);
	assert_int_equal(got[1], 18);
	assert_int_equal(got[5], 0x14);
	assert_int_equal(got[6], 1);
	assert_int_equal(got[14], 0xaa);
	assert_int_equal(got[18] << 8 | got[19], SECTORS);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 2, 0, 0, 0, 0, 1, 0, 100), 20);
	assert_int_equal(got[9] << 16 | got[10] << 8 | got[11], 2 << 8);
	assert_int_equal((got[17] * 60 + got[18]) * 75 + got[19], SECTORS + 150);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 0, 0, 0, 0, 0, 0xaa, 0, 100), 12);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 0, 1, 0, 0, 0, 0, 0, 12), 12);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40), 12);
	assert_int_equal(got[1], 10);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 2, 2, 0, 0, 0, 0, 1, 0), 48);
	assert_int_equal(got[4 + 3], 0xa0);
	assert_int_equal(got[4 + 33 + 3], 1);
	assert_int_equal(PACKET(0xfffe, &status, 0x43, 0, 0, 0, 0, 0, 2, 0, 100), 0);
	expect_sense(5, 0x24, 0);
	/* Mode pages. */
	assert_int_equal(PACKET(0xfffe, &status, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128), 30);
	assert_int_equal(got[1], 28);
	assert_int_equal(got[8], 0x2a);
	assert_int_equal(PACKET(0xfffe, &status, 0x1a, 0, 0x3f, 0, 255), 34);
	assert_int_equal(got[0], 33);
	assert_int_equal(PACKET(0xfffe, &status, 0x5a, 0, 0xea, 0, 0, 0, 0, 0, 128), 0);
	expect_sense(5, 0x39, 0);
	assert_int_equal(PACKET(0xfffe, &status, 0x5a, 0, 0x08, 0, 0, 0, 0, 0, 128), 0);
	expect_sense(5, 0x24, 0);
	/* Profiles and features. */
	assert_int_equal(PACKET(0xfffe, &status, 0x46, 0, 0, 0, 0, 0, 0, 1, 0), 80);
	assert_int_equal(got[3], 76);
	assert_int_equal(got[7], 8);
	assert_int_equal(PACKET(0xfffe, &status, 0x46, 2, 0, 0x1e, 0, 0, 0, 1, 0), 16);
	assert_int_equal(got[9], 0x1e);
	assert_int_equal(got[10] & 1, 1);
	assert_int_equal(PACKET(0xfffe, &status, 0x46, 1, 0, 0x1e, 0, 0, 0, 1, 0), 8 + 8 + 4 + 8);
	assert_int_equal(PACKET(0xfffe, &status, 0x51, 0, 0, 0, 0, 0, 0, 0, 64), 34);
	assert_int_equal(got[2], 0x0e);
	assert_int_equal(PACKET(0xfffe, &status, 0xbd, 0, 0, 0, 0, 0, 0, 0, 8), 8);
	assert_int_equal(PACKET(0xfffe, &status, 0xbb, 0, 0xff, 0xff), 0);
	assert_int_equal(status, 0x50);
}

static void tray(void **state)
{
	uint8_t status;

	(void)state;
	assert_int_equal(PACKET(0xfffe, &status, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	assert_int_equal(got[4], 2);	/* new medium, told once */
	assert_int_equal(got[5], 2);
	assert_int_equal(PACKET(0xfffe, &status, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	assert_int_equal(got[4], 0);
	assert_int_equal(PACKET(0xfffe, &status, 0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8), 4);
	assert_int_equal(got[2], 0x80);
	assert_int_equal(PACKET(0xfffe, &status, 0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8), 0);
	expect_sense(5, 0x24, 0);
	/* Locked: no way out. */
	PACKET(0, &status, 0x1e, 0, 0, 0, 1);
	PACKET(0, &status, 0x1b, 0, 0, 0, 2);
	expect_sense(5, 0x53, 2);
	PACKET(0, &status, 0x1e, 0, 0, 0, 0);
	PACKET(0, &status, 0x1b, 0, 0, 0, 2);
	assert_int_equal(status, 0x50);
	PACKET(0, &status, 0x00);
	expect_sense(2, 0x3a, 0);
	PACKET(0, &status, 0x28, 0, 0, 0, 0, 5, 0, 0, 1);
	expect_sense(2, 0x3a, 0);
	PACKET(0, &status, 0x25);
	expect_sense(2, 0x3a, 0);
	assert_int_equal(PACKET(0, &status, 0x46, 0, 0, 0, 0, 0, 0, 0, 8), 8);
	assert_int_equal(got[7], 0);
	assert_int_equal(PACKET(0xfffe, &status, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	assert_int_equal(got[4] << 8 | got[5], 0x0301);
	/* In again: the first command is told of it. */
	PACKET(0, &status, 0x1b, 0, 0, 0, 3);
	assert_int_equal(PACKET(0, &status, 0x12, 0, 0, 0, 36), 36);
	PACKET(0, &status, 0x00);
	expect_sense(6, 0x28, 0);
	PACKET(0, &status, 0x00);
	assert_int_equal(status, 0x50);
	/* Out, and the machine is reset: its firmware closes the tray. */
	PACKET(0, &status, 0x1b, 0, 0, 0, 2);
	ide.function.dev.ops->reset(&ide.function.dev);
	PACKET(0, &status, 0x00);
	assert_int_equal(status, 0x50);
}

/* Every packet of random bytes ends in a status. */
static void fuzz(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t p[12], status;

		for (int i = 0; i < 12; i++)
			p[i] = (uint8_t)(fake_random() & (fake_below(2) ? 3 : 0xff));
		if (round % 2)
			p[0] = (const uint8_t[]){ 0x28, 0x43, 0x46, 0x4a, 0x5a, 0xbe, 0x1a, 0x51 }[fake_below(8)];
		/* Not more than this test can keep. */
		if (p[0] == 0x28 || p[0] == 0xbe)
			p[6] = p[7] = 0, p[8] &= 31;
		if (p[0] == 0xa8)
			p[6] = p[7] = p[8] = 0, p[9] &= 31;
		packet(p, 2 + (unsigned int)fake_below(0xfffe), &status);
		assert_int_equal(status & 0xfe, 0x50);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, vide_setup, vide_teardown)
	const struct CMUnitTest tests[] = {
		TEST(identify), TEST(reads), TEST(by_bus_master), TEST(answers), TEST(tray), TEST(fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
