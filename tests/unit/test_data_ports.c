/* Tests strings at data ports: ATA's, ATAPI's and fw_cfg's blocks leave what the same accesses leave one by one.
 * Part: tests; UNIT: vmm/devices/vide.c vmm/devices/vide_pio.c vmm/devices/vide_dma.c vmm/devices/vata.c
 * UNIT: vmm/devices/vatapi.c vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c
 * UNIT: vmm/machine/vdisk.c vmm/machine/bus.c lib/string.c lib/printf.c vmm/devices/vfwcfg.c
 */
#include "tests/unit/vide_fake.h"

#include "vmm/devices/vfwcfg.h"

static uint64_t seed = 7;

static uint32_t any(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* A string of `count` accesses as the interpreter makes it; blocks = false: one by one. */
static void string(unsigned int channel, void *data, uint32_t count, uint8_t size, bool write, bool blocks)
{
	uint8_t *at = data;

	while (count != 0) {
		struct io_block b = { .addr = base_of(channel), .data = at, .count = count, .size = size, .write = write };
		uint32_t done = blocks ? bus_block(&fake.bus, BUS_PORT, &b) : 0;

		assert_true(done <= count);
		if (done == 0) {
			struct io_access a = { .addr = base_of(channel), .size = size, .write = write };

			if (write)
				memcpy(&a.value, at, size);
			bus_access(&fake.bus, BUS_PORT, &a);
			if (!write)
				memcpy(at, &a.value, size);
			done = 1;
		}
		at += done * size;
		count -= done;
	}
}

static struct vide_state ide_before, ide_after;
static uint8_t first[128 * 1024], second[128 * 1024];

/* Reading: the same twice, from the same state. */
static void read_both(unsigned int channel, uint32_t count, uint8_t size)
{
	memset(first, 0x11, sizeof(first));
	memset(second, 0x11, sizeof(second));
	ide_before = ide.s;
	string(channel, first, count, size, false, true);
	ide_after = ide.s;
	ide.s = ide_before;
	string(channel, second, count, size, false, false);
	assert_memory_equal(first, second, sizeof(first));
	assert_memory_equal(&ide.s, &ide_after, sizeof(ide_after));
}

static void test_read(void **state)
{
	static const uint8_t sizes[] = { 1, 2, 4 }, commands[] = { 0x20, 0xc4, 0xec };

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		uint32_t sectors = 1 + any(20), size = sizes[any(3)];

		ata_go(0, any(2), any(1000), sectors, false, commands[any(3)]);
		if (any(3) == 0)
			read_both(0, 1 + any(200), sizes[any(3)]);
		read_both(0, any(2) ? sectors * 512 / size : any(sectors * 1024 / size), (uint8_t)size);
	}
	ata_go(0, 0, 5, 3, false, 0x20);	/* and it is the disk that is read */
	string(0, first, 3 * 256, 2, false, true);
	for (unsigned int i = 0; i < 3 * 512; i++)
		assert_int_equal(first[i], file_byte(5 * 512 + i, 1));
}

static void packet(uint32_t lba, uint32_t sectors, uint32_t limit, bool blocks)
{
	uint8_t p[12] = { 0x28, 0, (uint8_t)(lba >> 24), (uint8_t)(lba >> 16), (uint8_t)(lba >> 8), (uint8_t)lba, 0,
			  (uint8_t)(sectors >> 8), (uint8_t)sectors };

	outb(0x174, limit & 0xff);
	outb(0x175, limit >> 8);
	outb(0x176, 0xa0);
	outb(0x177, 0xa0);
	string(1, p, 6, 2, true, blocks);
}

static void test_cd(void **state)
{
	(void)state;
	packet(0, 1, 2048, true);	/* the attention after power-on */
	for (unsigned int i = 0; i < 100; i++) {
		uint32_t sectors = 1 + any(8);

		packet(any(500), sectors, any(2) ? 2048 : 2 + any(0xfff0), any(2) != 0);
		read_both(1, any(2) ? sectors * 1024 : any(sectors * 1100), 2);
	}
	packet(16, 2, 0xfffe, true);
	string(1, first, 2048, 2, false, true);
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(first[i], i >= 1 && i < 6 ? (uint8_t)"CD001"[i - 1] : file_byte(16 * 2048 + i, 2));
}

static void test_write(void **state)
{
	static const uint8_t sizes[] = { 1, 2, 4 };

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t sectors = 1 + any(20), lba = any(1000), size = sizes[any(3)], odd = any(2) ? any(100) : 0;
		unsigned int rises;

		for (uint32_t n = 0; n < sectors * 512; n++)
			first[n] = (uint8_t)any(256);
		ata_go(0, 0, lba, sectors, false, any(2) ? 0x30 : 0xc5);
		rises = fake.rises[14];
		string(0, first, odd, (uint8_t)size, true, true);
		string(0, first + odd * size, sectors * 512 / size - odd, (uint8_t)size, true, true);
		assert_true(fake.rises[14] > rises);
		assert_int_equal(ata_status(0), 0x50);
		ata_go(0, 0, lba, sectors, false, 0x20);
		string(0, second, sectors * 256, 2, false, false);
		assert_memory_equal(first, second, sectors * 512);
	}
}

/* Nothing is transferred: the port reads 0 and takes no block; no block of another register. */
static void test_idle(void **state)
{
	struct io_block b = { .addr = 0x1f0, .data = first, .count = 10, .size = 2 };

	(void)state;
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	b.write = true;
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	ata_go(0, 0, 0, 1, false, 0x20);
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	b.write = false;
	b.addr = 0x1f1;
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	b.addr = 0x1f7;		/* an element that leaves the claim */
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	b.addr = 0x2000;	/* nobody's */
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
}

static void test_fwcfg(void **state)
{
	static struct vfwcfg f;
	static uint8_t file[1000];
	struct io_block b = { .addr = 0x511, .data = first, .count = 600, .size = 1 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i * 7 + 1);
	vfwcfg_init(&f, &fake);
	assert_int_equal(vfwcfg_claim(&f, &fake.bus), 0);
	assert_int_equal(vfwcfg_add(&f, 0x30, file, sizeof(file)), 0);
	fake_out(0x510, 2, 0x30);
	assert_int_equal(fake_in(0x511, 1), 1);
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 600);
	assert_memory_equal(first, file + 1, 600);
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 600);
	assert_memory_equal(first, file + 601, 399);
	for (unsigned int i = 399; i < 600; i++)
		assert_int_equal(first[i], 0);
	assert_int_equal(f.s.offset, sizeof(file));
	fake_out(0x510, 2, 0x7777);	/* no such item */
	memset(first, 1, 600);
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 600);
	assert_true(first[0] == 0 && first[599] == 0);
	b.size = 2;
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
	b.size = 1;
	b.write = true;
	assert_int_equal(bus_block(&fake.bus, BUS_PORT, &b), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, vide_setup, vide_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_read), TEST(test_cd), TEST(test_write), TEST(test_idle), TEST(test_fwcfg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
