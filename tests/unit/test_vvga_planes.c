/*
 * The display's planes against a second model, and the 256-color mode that is linear.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vvga.c vmm/devices/vvga_ports.c vmm/devices/vvga_memory.c vmm/devices/vvga_dispi.c vmm/devices/vvga_screen.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vvga_fake.h"

static int setup(void **state)
{
	(void)state;
	fake_vga_setup();
	return 0;
}

/*
 * A second model of the planes, made another way: four arrays, each bit of each plane on its own.
 */
static struct {
	uint8_t plane[4][65536], latch[4], sr2, sr4, gr[9];
} model;

static int model_offset(uint32_t gpa, uint32_t *a)
{
	uint32_t first = 0xa0000, last = 0xbffff;

	switch (model.gr[6] >> 2) {
	case 1:
		last = 0xaffff;
		break;
	case 2:
		first = 0xb0000;
		last = 0xb7fff;
		break;
	case 3:
		first = 0xb8000;
		break;
	}
	*a = gpa - first;
	return gpa >= first && gpa <= last;
}

static uint32_t model_plane_address(uint32_t a)
{
	if (model.sr4 & 8)
		return a & 0xfffc;
	if (model.gr[6] & 2)
		return a & 0x10000 ? (a & 0xfffe) | 1 : a & 0xfffe;
	return a & 0xffff;
}

static unsigned int model_read(uint32_t gpa)
{
	uint32_t a, at;
	unsigned int value = 0;

	if (!model_offset(gpa, &a))
		return 0xff;
	at = model_plane_address(a);
	for (int p = 0; p < 4; p++)
		model.latch[p] = model.plane[p][at];
	if (model.sr4 & 8)
		return model.plane[a % 4][at];
	if (!(model.gr[5] & 8)) {
		unsigned int p = model.gr[4];

		if (model.gr[5] & 16)
			p = (p & 2) + a % 2;
		return model.plane[p][at];
	}
	for (int bit = 0; bit < 8; bit++) {
		int same = 1;

		for (int p = 0; p < 4; p++)
			if ((model.gr[7] >> p) % 2 == 1 && (model.latch[p] >> bit) % 2 != (model.gr[2] >> p) % 2)
				same = 0;
		value += (unsigned int)same << bit;
	}
	return value;
}

static void model_write(uint32_t gpa, unsigned int value)
{
	uint32_t a, at;
	unsigned int by = model.gr[3] % 8, turned = (value >> by) + (value << (8 - by)) % 256;

	if (!model_offset(gpa, &a))
		return;
	at = model_plane_address(a);
	for (unsigned int p = 0; p < 4; p++) {
		unsigned int set = (model.gr[0] >> p) % 2;

		if ((model.sr2 >> p) % 2 == 0)
			continue;
		if (model.sr4 & 8 ? a % 4 != p : !(model.sr4 & 4) && a % 2 != p % 2)
			continue;
		for (int bit = 0; bit < 8; bit++) {
			unsigned int old = (model.latch[p] >> bit) % 2, new = old, open = (model.gr[8] >> bit) % 2;
			int mode = model.gr[5] & 3;

			if (mode == 0)
				new = (model.gr[1] >> p) % 2 ? set : (turned >> bit) % 2;
			if (mode == 2)
				new = (value >> p) % 2;
			if (mode == 3) {
				new = set;
				open = open && (turned >> bit) % 2;
			}
			if (mode != 1) {
				int function = model.gr[3] / 8;

				if (function == 1)
					new = new && old;
				if (function == 2)
					new = new || old;
				if (function == 3)
					new = new != old;
				if (!open)
					new = old;
			}
			model.plane[p][at] = (uint8_t)((model.plane[p][at] & ~(1u << bit)) | new << bit);
		}
	}
}

static void model_register(void)
{
	static const uint8_t masks[9] = { 15, 15, 15, 31, 3, 0x7b, 15, 15, 255 };
	unsigned int i = (unsigned int)fake_below(12), value = (unsigned int)fake_below(256);

	if (i < 9) {
		fake_indexed(GC, i, value);
		model.gr[i] = value & masks[i];
	} else if (i == 9) {
		fake_indexed(SEQ, 2, value);
		model.sr2 = value & 15;
	} else if (i == 10) {
		fake_indexed(SEQ, 4, value);
		model.sr4 = value & 14;
	} else if (fake_below(8) == 0) {
		fake_font_access(false);	/* the state in which text is plain storage, and back from it */
		fake_indexed(GC, 1, 0);
		fake_indexed(GC, 3, 0);
		fake_indexed(GC, 8, 255);
		outb(0x3c2, 0x67);
		assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 7);
		model.sr2 = 3;
		model.sr4 = 2;
		model.gr[1] = model.gr[3] = model.gr[4] = 0;
		model.gr[5] = 16;
		model.gr[6] = 14;
		model.gr[8] = 255;
	} else {
		value |= fake_below(4) ? 3 : 1;
		outb(0x3c2, value);
	}
}

static void planes_are_as_the_model_has_them(void **state)
{
	unsigned int plain = 0;

	(void)state;
	memset(&model, 0, sizeof(model));
	model.sr2 = 3;
	model.sr4 = 2;
	model.gr[5] = 16;
	model.gr[6] = 14;
	model.gr[8] = 255;
	for (unsigned int i = 0; i < 0x8000; i += 2) {
		model.plane[0][i] = ' ';
		model.plane[1][i] = 7;
	}
	for (unsigned int round = 0; round < 200000; round++) {
		bool mapped;
		unsigned int accesses = 1 + (unsigned int)fake_below(30);

		model_register();
		mapped = fake.row[ROW_VGA_WINDOW].rights != 0;
		plain += mapped;
		while (accesses--) {
			/* the same few addresses again and again, so that what was written is read */
			uint32_t gpa = 0xa0000 + (uint32_t)(fake_below(4) << 15 | fake_below(2) << 14 | fake_below(12));
			unsigned int value = (unsigned int)fake_below(256);

			if (fake_below(2)) {
				model_write(gpa, value);
				poke(gpa, value);
			} else {
				assert_int_equal(model_read(gpa), peek(gpa));
				/* plain storage loads no latches; the real thing is not asked for them */
				if (mapped)
					memcpy(model.latch, vga.s.latch, 4);
			}
		}
	}
	assert_true(plain > 300);
	for (unsigned int i = 0; i < 4; i++) {	/* all of the planes: nothing went elsewhere */
		outb(0x3c2, 0x67);
		fake_indexed(SEQ, 4, 6);
		fake_indexed(GC, 5, 0);
		fake_indexed(GC, 6, 5);
		fake_indexed(GC, 4, i);
		for (uint32_t a = 0; a < 65536; a++)
			assert_int_equal(peek(0xa0000 + a), model.plane[i][a]);
	}
	for (uint32_t a = 0x40000; a < VVGA_VRAM; a++)
		if (vga.vram[a] != 0)
			fail();
}

static void mode_13h_is_linear_to_the_guest(void **state)
{
	(void)state;
	fake_mode_13h();
	for (uint32_t i = 0; i < 64000; i += 8)
		fake_memory(0xa0000 + i, 8, true, i * 0x0123456789abcdefull);
	for (uint32_t i = 0; i < 64000; i += 8)
		assert_true(fake_memory(0xa0000 + i, 8, false, 0) == i * 0x0123456789abcdefull);
	/* unchained, each plane has every fourth pixel, at the address of the first of them */
	fake_indexed(SEQ, 4, 6);
	fake_indexed(GC, 4, 2);
	assert_int_equal(peek(0xa0004), 0);
	assert_int_equal(peek(0xa0008), (uint8_t)(8 * 0x0123456789abcdefull >> 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(planes_are_as_the_model_has_them, setup),
		cmocka_unit_test_setup(mode_13h_is_linear_to_the_guest, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
