/* Tests strings at the display's planes: blocks and copies do what the same bytes do one by one, whatever the registers say.
 * Part: unit tests, on the host; what single bytes do is tested in test_vvga.c.
 * UNIT: vmm/devices/vvga.c vmm/devices/vvga_ports.c vmm/devices/vvga_memory.c vmm/devices/vvga_dispi.c vmm/devices/vvga_screen.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vvga_fake.h"

#include "vmm/devices/vvga_parts.h"

#define WINDOW 0xa0000u

static uint64_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static int setup(void **state)
{
	(void)state;
	fake_vga_setup();
	return 0;
}

/* Graphics of any kind, more often one that is used. */
static void random_registers(void)
{
	struct vvga_state *s = &vga.s;
	static const uint8_t memory[] = { 0x06, 0x06, 0x02, 0x0e, 0x0e }, misc[] = { 0x05, 0x05, 0x01, 0x07, 0x0d, 0x03 };

	s->misc = 0x03;
	s->dispi[DISPI_ENABLE] = 0;
	s->seq[SEQ_MAP_MASK] = any(2) ? 15 : (uint8_t)any(256);
	s->seq[SEQ_MEMORY] = memory[any(ARRAY_LEN(memory))];
	for (unsigned int i = 0; i < 9; i++)
		s->gc[i] = any(2) ? 0 : (uint8_t)any(256);
	s->gc[GC_MISC] = misc[any(ARRAY_LEN(misc))];
	s->gc[GC_BIT_MASK] = any(2) ? 0xff : (uint8_t)any(256);
	if (any(20) == 0) {
		s->dispi[DISPI_ENABLE] = DISPI_ENABLED;
		s->dispi[DISPI_BPP] = any(2) ? 4 : 8;
		s->dispi[DISPI_BANK] = (uint16_t)any(100);
	}
	if (any(30) == 0)
		s->misc = 0x01;
	for (unsigned int p = 0; p < 4; p++)
		s->latch[p] = (uint8_t)any(256);
}

static void one_by_one_write(uint64_t at, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		vvga_memory_write(&vga, (uint32_t)(at - WINDOW) + i, data[i]);
}

static void one_by_one_read(uint64_t at, uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		data[i] = vvga_memory_read(&vga, (uint32_t)(at - WINDOW) + i);
}

static uint8_t *vram_before, *vram_after;
static struct vvga_state state_before, state_after;

static void keep(uint8_t *vram, struct vvga_state *s)
{
	memcpy(vram, vga.vram, VVGA_VRAM / 4);
	*s = vga.s;
}

static void put_back(void)
{
	memcpy(vga.vram, vram_before, VVGA_VRAM / 4);
	vga.s = state_before;
}

static void compare_with(void)
{
	assert_memory_equal(vga.vram, vram_after, VVGA_VRAM / 4);
	assert_memory_equal(&vga.s, &state_after, sizeof(state_after));
}

static void one_trial(void)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	uint8_t data[4096], read[4096] = { 0 }, size = sizes[any(4)], element[8];
	uint32_t count = 1 + any(4096 / size), done, kind = any(4);
	uint64_t at = WINDOW + any(0x20000 - 4096), from = any(2) ? at + any(200) : WINDOW + any(0x20000 - 4096);
	struct io_block b = { .addr = at, .data = data, .size = size, .write = true, .count = count };

	for (uint32_t i = 0; i < count * size; i++)
		data[i] = (uint8_t)any(256);
	if (kind == 1) {	/* fill, mostly with one byte */
		b.fill = true;
		if (any(3) != 0)
			memset(data, (int)any(256), size);
	} else if (kind == 2) {
		b.write = false;
		b.data = read;
	}
	memcpy(element, data, size);
	if (kind == 3)
		done = vga.pci.dev.ops->copy(&vga.pci.dev, 2, at, from, size, count);
	else
		done = bus_block(&fake.bus, BUS_MMIO, &b);
	assert_true(done <= count);
	keep(vram_after, &state_after);
	put_back();
	for (uint32_t i = 0; i < done; i++) {
		uint8_t got[8];

		switch (kind) {
		case 0: one_by_one_write(at + i * size, data + i * size, size); break;
		case 1: one_by_one_write(at + i * size, element, size); break;
		case 2:
			one_by_one_read(at + i * size, got, size);
			assert_memory_equal(got, read + i * size, size);
			break;
		default:
			one_by_one_read(from + i * size, got, size);
			one_by_one_write(at + i * size, got, size);
			break;
		}
	}
	compare_with();
}

static void test_blocks(void **state)
{
	(void)state;
	vram_before = malloc(VVGA_VRAM / 4);
	vram_after = malloc(VVGA_VRAM / 4);
	for (uint32_t i = 0; i < VVGA_VRAM; i++)
		vga.vram[i] = (uint8_t)any(256);
	for (unsigned int i = 0; i < 3000; i++) {
		random_registers();
		keep(vram_before, &state_before);
		one_trial();
	}
	free(vram_before);
	free(vram_after);
}

/* What goes quickly, goes in large pieces. */
static void test_pieces(void **state)
{
	uint32_t data[1024] = { 0x5a5a5a5a };
	struct io_block b = { .addr = WINDOW + 0x3000, .data = data, .count = 1024, .size = 4, .write = true, .fill = true };

	(void)state;
	random_registers();
	vga.s.misc = 3;
	vga.s.dispi[DISPI_ENABLE] = 0;
	vga.s.gc[GC_MODE] = 0;
	vga.s.gc[GC_MISC] = 5;
	vga.s.seq[SEQ_MEMORY] = 6;
	assert_int_equal(bus_block(&fake.bus, BUS_MMIO, &b), 256);
	b.fill = false;
	assert_int_equal(bus_block(&fake.bus, BUS_MMIO, &b), 64);
	b.addr = WINDOW + 0xff80;	/* only so much of it is decoded */
	assert_int_equal(bus_block(&fake.bus, BUS_MMIO, &b), 0);
	b.count = 32;
	assert_int_equal(bus_block(&fake.bus, BUS_MMIO, &b), 32);
	assert_int_equal(bus_copy(&fake.bus, WINDOW, WINDOW + 80, 1, 4000), 256);
	assert_int_equal(bus_copy(&fake.bus, WINDOW, WINDOW - 80, 1, 4000), 0);
	b.addr = 0xbffff;		/* an element that leaves the claim */
	assert_int_equal(bus_block(&fake.bus, BUS_MMIO, &b), 0);
}

/* Wide accesses are blocks of bytes: at the aperture's end, and where there is nothing, byte by byte. */
static void test_wide(void **state)
{
	struct io_access a = { .addr = WINDOW + 0x100, .size = 8, .write = true, .value = 0x1122334455667788 };

	(void)state;
	vga.s.misc = 3;
	vga.s.gc[GC_MODE] = vga.s.gc[GC_SET_RESET_ON] = vga.s.gc[GC_ROTATE] = vga.s.gc[GC_READ_MAP] = 0;
	vga.s.gc[GC_MISC] = 5;
	vga.s.gc[GC_BIT_MASK] = 0xff;
	vga.s.seq[SEQ_MEMORY] = 6;
	vga.s.seq[SEQ_MAP_MASK] = 15;
	assert_true(bus_access(&fake.bus, BUS_MMIO, &a));
	a.write = false;
	assert_true(bus_access(&fake.bus, BUS_MMIO, &a) && a.value == 0x1122334455667788);
	a.addr = WINDOW + 0xfffc;	/* half of it is not decoded */
	assert_true(bus_access(&fake.bus, BUS_MMIO, &a) && a.value >> 32 == 0xffffffff);
	vga.s.gc[GC_MISC] = 1;
	a.addr = 0xbfff8;
	assert_true(bus_access(&fake.bus, BUS_MMIO, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_blocks, setup), cmocka_unit_test_setup(test_pieces, setup),
		cmocka_unit_test_setup(test_wide, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
