/*
 * The display: text as plain storage, VBE modes, registers, anything at all.
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

static void text_is_plain_storage(void **state)
{
	struct vvga_screen screen;
	uint16_t cells[VVGA_COLUMNS];
	unsigned int changes;

	(void)state;
	assert_int_equal(fake.row[ROW_VGA].gpa, 0xa0000);
	assert_int_equal(fake.row[ROW_VGA].bytes, 0x20000);
	assert_int_equal(fake.row[ROW_VGA].rights, 0);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xb8000);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].bytes, 0x8000);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 7);
	assert_true(ROW_VGA_WINDOW > ROW_VGA);
	vvga_screen(&vga, &screen);
	assert_false(screen.blank || screen.graphics);
	assert_int_equal(screen.columns, 80);
	assert_int_equal(screen.rows, 25);
	assert_true(screen.cursor_on);
	vvga_screen_row(&vga, &screen, 24, cells);
	assert_int_equal(cells[79], 0x0720);
	/* stores that make no exit, and the same bytes over the bus */
	fake_memory(0xb8000 + 2 * (80 * 3 + 5), 4, true, 0x1f421f41);
	vvga_screen_row(&vga, &screen, 3, cells);
	assert_int_equal(cells[5], 0x1f41);
	assert_int_equal(cells[6], 0x1f42);
	assert_int_equal(fake_read(0xb8000 + 2 * (80 * 3 + 5), 4), 0x1f421f41);
	assert_int_equal(peek(0xa0000), 0xff);
	assert_int_equal(peek(0xb7fff), 0xff);
	/* the page moves with the start address; the cursor counts from there */
	fake_indexed(CRTC, 0x0d, 160);
	fake_indexed(CRTC, 0x0f, 165);
	vvga_screen(&vga, &screen);
	vvga_screen_row(&vga, &screen, 1, cells);
	assert_int_equal(cells[5], 0x1f41);
	assert_int_equal(screen.cursor_x, 5);
	assert_int_equal(screen.cursor_y, 0);
	fake_indexed(CRTC, 0x0f, 0);
	vvga_screen(&vga, &screen);
	assert_int_equal(screen.cursor_y, 25);
	/* fonts: rights go, the text stays, and they come back; the row does not move */
	changes = fake.row[ROW_VGA_WINDOW].changes;
	fake_font_access(true);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 0);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xb8000);
	for (unsigned int i = 0; i < 0x2000; i++)
		poke(0xa0000 + i, i * 7 >> 3);
	for (unsigned int i = 0; i < 0x2000; i++)
		assert_int_equal(peek(0xa0000 + i), (i * 7 >> 3) & 0xff);
	fake_font_access(false);
	assert_true(fake.row[ROW_VGA_WINDOW].changes > changes);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 7);
	assert_int_equal(fake_memory(0xb8000 + 2 * (80 * 3 + 5), 4, false, 0), 0x1f421f41);
	fake_font_access(true);
	assert_int_equal(peek(0xa0123), (0x123 * 7 >> 3) & 0xff);
	fake_font_access(false);
	/* everything else that takes the rights away */
	static const struct { uint16_t port; uint8_t index, odd, usual; } ways[] = {
		{ SEQ, 2, 0x0f, 3 }, { SEQ, 4, 0x0a, 2 }, { GC, 1, 1, 0 }, { GC, 3, 8, 0 }, { GC, 3, 1, 0 }, { GC, 4, 2, 0 },
		{ GC, 5, 0x11, 0x10 }, { GC, 5, 0x18, 0x10 }, { GC, 6, 0x0c, 0x0e }, { GC, 6, 0x06, 0x0e }, { GC, 8, 0x7f, 0xff },
	};
	for (unsigned int i = 0; i < ARRAY_LEN(ways); i++) {
		fake_indexed(ways[i].port, ways[i].index, ways[i].odd);
		assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 0);
		fake_indexed(ways[i].port, ways[i].index, ways[i].usual);
		assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 7);
	}
	/* the bit that closes the memory is nobody's */
	outb(0x3c2, 0x65);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 7);
	fake_indexed(GC, 6, 0x0c);
	poke(0xb8002, 'x');
	assert_int_equal(peek(0xb8002), 'x');
	fake_indexed(GC, 6, 0x0e);
	outb(0x3c2, 0x67);
	/* the monochrome text window */
	fake_indexed(GC, 6, 0x0a);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xb0000);
	assert_int_equal(fake_memory(0xb0000 + 2 * (80 * 3 + 5), 4, false, 0), 0x1f421f41);
	assert_int_equal(peek(0xb8000), 0xff);
}

static void shapes_of_text(void **state)
{
	struct vvga_screen screen;

	(void)state;
	fake_indexed(CRTC, 9, 0x47);	/* 8 lines a character: 50 rows */
	vvga_screen(&vga, &screen);
	assert_int_equal(screen.rows, 50);
	fake_indexed(CRTC, 0x11, 0x0e);
	fake_indexed(CRTC, 1, 39);
	fake_indexed(CRTC, 0x13, 20);
	fake_indexed(CRTC, 9, 0x4f);
	fake_indexed(CRTC, 0x0f, 85);
	vvga_screen(&vga, &screen);
	assert_int_equal(screen.columns, 40);
	assert_int_equal(screen.rows, 25);
	assert_int_equal(screen.cursor_y, 2);
	assert_int_equal(screen.cursor_x, 5);
	fake_indexed(CRTC, 0x0a, 0x20);
	vvga_screen(&vga, &screen);
	assert_false(screen.cursor_on);
	fake_indexed(SEQ, 1, 0x20);
	vvga_screen(&vga, &screen);
	assert_true(screen.blank);
	fake_indexed(SEQ, 1, 0);
	fake_mode_13h();
	vvga_screen(&vga, &screen);
	assert_true(screen.graphics);
	assert_int_equal(screen.width, 320);
	assert_int_equal(screen.height, 200);
	assert_int_equal(screen.bits, 8);
	fake_mode_12h();
	vvga_screen(&vga, &screen);
	assert_int_equal(screen.width, 640);
	assert_int_equal(screen.height, 480);
	assert_int_equal(screen.bits, 4);
}

static void vbe_modes(void **state)
{
	struct vvga_screen screen;

	(void)state;
	assert_int_equal(fake_pci_identity->vendor, 0x1234);
	assert_int_equal(fake_pci_identity->device, 0x1111);
	assert_int_equal(fake_pci_identity->class_code, 0x030000);
	assert_int_equal(vga.pci.devfn, 0x10);
	for (unsigned int id = 0xb0bf; id <= 0xb0c6; id++) {
		fake_dispi(DISPI_ID, id);
		assert_int_equal(fake_in(0x1cf, 2), id < 0xb0c0 ? 0xb0c5 : id > 0xb0c5 ? 0xb0c5 : id);
	}
	fake_out(0x1ce, 2, DISPI_MEMORY_64K);
	assert_int_equal(fake_in(0x1d0, 2), 64);
	assert_int_equal(fake_in(0x1ce, 2), DISPI_MEMORY_64K);
	fake_dispi(DISPI_ENABLE, 2);
	fake_out(0x1ce, 2, DISPI_XRES);
	assert_int_equal(fake_in(0x1cf, 2), 1280);
	fake_out(0x1ce, 2, DISPI_BPP);
	assert_int_equal(fake_in(0x1cf, 2), 32);
	fake_dispi(DISPI_ENABLE, 0);
	poke(0xb8000, 'A');
	/* A depth of 0 is 8. */
	fake_dispi(DISPI_BPP, 0);
	assert_int_equal(fake_in(0x1cf, 2), 8);
	fake_dispi(DISPI_XRES, 1024);
	fake_dispi(DISPI_YRES, 768);
	fake_dispi(DISPI_BPP, 32);
	vga.vram[1024 * 768 * 4 - 1] = vga.vram[1024 * 768 * 4] = 0x55;
	fake_dispi(DISPI_ENABLE, 0xc1);
	assert_int_equal(vga.vram[0], 'A');
	fake_dispi(DISPI_ENABLE, 0);
	fake_dispi(DISPI_ENABLE, 0x41);
	assert_int_equal(vga.vram[0], 0);
	assert_int_equal(vga.vram[1024 * 768 * 4 - 1], 0);
	assert_int_equal(vga.vram[1024 * 768 * 4], 0x55);
	vvga_screen(&vga, &screen);
	assert_true(screen.graphics);
	assert_int_equal(screen.width, 1024);
	assert_int_equal(screen.height, 768);
	assert_int_equal(screen.bits, 32);
	fake_out(0x1ce, 2, DISPI_VIRT_HEIGHT);
	assert_int_equal(fake_in(0x1cf, 2), 1024);
	/* the banked window is plain storage */
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xa0000);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].bytes, 0x10000);
	fake_dispi(DISPI_BANK, 5);
	poke(0xa1234, 0x77);
	assert_int_equal(vga.vram[0x51234], 0x77);
	assert_int_equal(peek(0xb8000), 0xff);
	assert_int_equal(fake_read(0xa1234, 1), 0x77);
	fake_dispi(DISPI_BANK, 0xffff);
	poke(0xaffff, 0x78);
	assert_int_equal(vga.vram[VVGA_VRAM - 1], 0x78);
	/* panning, and what does not fit */
	fake_dispi(DISPI_Y_OFFSET, 999);
	assert_int_equal(fake_in(0x1cf, 2), 1024 - 768);
	fake_dispi(DISPI_VIRT_WIDTH, 5000);
	assert_int_equal(fake_in(0x1cf, 2), 1024);
	fake_dispi(DISPI_BPP, 77);
	assert_int_equal(fake_in(0x1cf, 2), 8);
	fake_dispi(DISPI_VIRT_WIDTH, 2048);
	assert_int_equal(fake_in(0x1cf, 2), 2048);
	fake_dispi(DISPI_ENABLE, 0);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xb8000);
	for (unsigned int x = 0; x < 2000; x += 9)
		for (unsigned int bpp = 0; bpp < 40; bpp++) {
			uint64_t line;

			fake_dispi(DISPI_XRES, x);
			fake_dispi(DISPI_YRES, x * 7 % 1500);
			fake_dispi(DISPI_BPP, bpp);
			fake_dispi(DISPI_ENABLE, 0x81);
			line = vga.s.dispi[DISPI_VIRT_WIDTH] * (vga.s.dispi[DISPI_BPP] == 15 ? 16u : vga.s.dispi[DISPI_BPP]) / 8;
			assert_true(line > 0 && line * vga.s.dispi[DISPI_YRES] <= VVGA_VRAM && vga.s.dispi[DISPI_YRES] > 0);
			fake_dispi(DISPI_ENABLE, 0);
		}
	/* planar: the bank extends each plane */
	fake_mode_12h();
	fake_dispi(DISPI_XRES, 1024);
	fake_dispi(DISPI_YRES, 768);
	fake_dispi(DISPI_BPP, 4);
	fake_dispi(DISPI_ENABLE, 1);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].rights, 0);
	fake_dispi(DISPI_BANK, 1);
	poke(0xa0003, 0xaa);
	assert_int_equal(peek(0xa0003), 0xaa);
	fake_dispi(DISPI_BANK, 0);
	assert_int_equal(peek(0xa0003), 0);
}

/* What a loader sets up for a system that wants a picture. */
static void modes_without_a_bios(void **state)
{
	static const struct { uint32_t width, height, bits; bool good; } wishes[] = {
		{ 640, 480, 32, true }, { 800, 600, 24, true }, { 1024, 768, 32, true }, { 1280, 1024, 16, true },
		{ 320, 200, 15, true }, { 1280, 1024, 32, false }, { 1281, 1024, 16, false }, { 643, 480, 32, false },
		{ 640, 480, 8, false }, { 640, 480, 31, false }, { 640, 480, 33, false }, { 0, 480, 32, false },
		{ 640, 0, 32, false }, { UINT32_MAX, UINT32_MAX, UINT32_MAX, false }, { 0x10280, 0x101e0, 32, false },
	};
	struct vvga_mode m = { 0 };
	struct vvga_screen screen;

	(void)state;
	assert_false(vvga_set_mode(&vga, 640, 480, 32, &m));	/* nowhere to be seen */
	fake_move_bar(0, true, 0xf0000000);
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		uint32_t width = wishes[i].width, height = wishes[i].height, bits = wishes[i].bits;

		fake_dispi(DISPI_ENABLE, 0);
		vga.vram[0] = 'A';
		assert_int_equal(vvga_set_mode(&vga, width, height, bits, &m), wishes[i].good);
		vvga_screen(&vga, &screen);
		assert_int_equal(screen.graphics, wishes[i].good);
		assert_int_equal(vga.vram[0], wishes[i].good ? 0 : 'A');
		if (!wishes[i].good)
			continue;
		assert_true(screen.width == width && screen.height == height && screen.bits == bits);
		assert_true(m.at == 0xf0000000 && m.width == width && m.height == height && m.bits == bits);
		assert_int_equal(m.pitch, width * ((bits + 7) / 8));
		assert_true(m.blue.at == 0 && m.green.at == m.blue.bits && m.red.at == m.green.at + m.green.bits);
		assert_int_equal(m.red.bits + m.green.bits + m.blue.bits, bits == 32 ? 24 : bits);
		/* a second one over it */
		assert_true(vvga_set_mode(&vga, 640, 480, 16, &m) && m.pitch == 1280);
		fake_out(0x1ce, 2, DISPI_VIRT_WIDTH);
		assert_int_equal(fake_in(0x1cf, 2), 640);
	}
	fake_dispi(DISPI_ENABLE, 0);
	fake_move_bar(0, false, 0);
}

static void function_on_the_pci_bus(void **state)
{
	(void)state;
	assert_int_equal(vga.pci.bar[0].size, MIB(4));
	assert_int_equal(vga.pci.bar[2].size, 4096);
	fake_move_bar(0, true, 0xf0000000);
	assert_int_equal(fake.row[ROW_VIDEO].gpa, 0xf0000000);
	assert_int_equal(fake.row[ROW_VIDEO].bytes, MIB(4));
	assert_int_equal(fake.row[ROW_VIDEO].rights, 7);
	fake_memory(0xf0000000 + MIB(4) - 8, 8, true, 0x1122334455667788);
	assert_int_equal(fake_read(0xf0000000 + MIB(4) - 4, 4), 0x11223344);
	fake_write(0xf0000010, 2, 0xbeef);
	assert_int_equal(vga.vram[0x11], 0xbe);
	fake_move_bar(0, false, 0);
	assert_int_equal(fake.row[ROW_VIDEO].bytes, 0);
	fake_move_bar(2, true, 0xf0400000);
	assert_int_equal(fake_memory(0xf0400500, 2, false, 0), 0xb0c5);
	fake_memory(0xf0400502, 2, true, 800);
	fake_memory(0xf0400504, 2, true, 600);
	fake_memory(0xf0400506, 2, true, 32);
	fake_memory(0xf0400508, 2, true, 0x41);
	assert_int_equal(vga.s.dispi[DISPI_VIRT_HEIGHT], MIB(4) / 3200);
	assert_int_equal(fake_memory(0xf0400502, 4, false, 0), 600 << 16 | 800);
	assert_int_equal(fake_memory(0xf0400400 + 0x1a, 1, false, 0) & ~9, 0);
	fake_memory(0xf0400400, 1, true, 0x20);	/* as bochs-drm unblanks */
	assert_int_equal(vga.s.attr_index, 0x20);
	fake_memory(0xf040040c + 2, 2, true, 0x0305);
	assert_int_equal(vga.s.gc[5], 3);
	assert_int_equal(fake_memory(0xf0400000, 4, false, 0), 0);
	assert_int_equal(fake_memory(0xf0400600, 4, false, 0), 0);
	fake_move_bar(2, false, 0);
}

static void registers(void **state)
{
	unsigned int blank = 0, retrace = 0, i;

	(void)state;
	/* the palette */
	assert_int_equal(inb(0x3c7), 0);
	outb(0x3c8, 200);
	for (i = 0; i < 6; i++)
		outb(0x3c9, 0xc0 + i);
	assert_int_equal(inb(0x3c8), 202);
	outb(0x3c7, 200);
	assert_int_equal(inb(0x3c7), 3);
	for (i = 0; i < 6; i++)
		assert_int_equal(inb(0x3c9), i);
	fake_dispi(DISPI_ENABLE, 0x20);
	outb(0x3c8, 255);
	for (i = 0; i < 4; i++)
		outb(0x3c9, 0xc0 + i);
	outb(0x3c7, 255);
	assert_int_equal(inb(0x3c9), 0xc0);
	outb(0x3c7, 7);
	for (i = 0; i < 3; i++)
		assert_int_equal(inb(0x3c9), 0x2a);
	/* attribute controller: the flip-flop, and the palette's lock */
	inb(0x3da);
	outb(0x3c0, 0x03);
	outb(0x3c0, 0x2a);
	assert_int_equal(inb(0x3c1), 0x2a);
	outb(0x3c0, 0x23);
	outb(0x3c0, 0x15);
	assert_int_equal(inb(0x3c1), 0x2a);
	assert_int_equal(inb(0x3c0), 0x23);
	outb(0x3c0, 0x05);
	inb(0x3da);
	outb(0x3c0, 0x20);
	assert_int_equal(inb(0x3c0), 0x20);
	/* CRTC: protection, both addresses */
	fake_indexed(CRTC, 1, 0x77);
	assert_int_equal(inb(CRTC + 1), 0x4f);
	fake_indexed(CRTC, 7, 0xff);
	assert_int_equal(inb(CRTC + 1), 0x1f);
	fake_indexed(CRTC, 7, 0);
	assert_int_equal(inb(CRTC + 1), 0x0f);
	outb(CRTC, 0x99);
	assert_int_equal(inb(CRTC + 1), 0);
	assert_int_equal(inb(0x3b4), 0xff);
	outb(0x3c2, 0x66);
	assert_int_equal(inb(CRTC), 0xff);
	outb(0x3b4, 0x0f);
	assert_int_equal(inb(0x3b4), 0x0f);
	outb(0x3c2, 0x67);
	assert_int_equal(inb(0x3cc), 0x67);
	/* the beam */
	for (i = 0; i < 4000; i++) {
		uint8_t status = inb(0x3da);

		fake.now += fake.hz / 40000;
		blank += status & 1;
		retrace += status >> 3 & 1;
	}
	assert_in_range(retrace, 250, 420);	/* 37 of 449 lines */
	assert_in_range(blank, 900, 1400);
	fake.hz = 1;
	inb(0x3da);
	/* a word to the index register is index and data */
	fake_out(GC, 2, 0x5a08);
	assert_int_equal(inb(GC + 1), 0x5a);
}

static void state_goes_round(void **state)
{
	size_t size;
	uint8_t *bytes;
	unsigned int taken = 0;
	char before[160], after[160];

	(void)state;
	poke(0xb8000, 'Q');
	fake_dispi(DISPI_XRES, 640);
	fake_dispi(DISPI_YRES, 400);
	fake_dispi(DISPI_BPP, 8);
	fake_dispi(DISPI_ENABLE, 0x81);
	fake_dispi(DISPI_BANK, 2);
	vga.pci.dev.ops->dump(&vga.pci.dev, before, sizeof(before));
	bytes = fake_save(&vga.pci.dev, &size);
	vga.pci.dev.ops->reset(&vga.pci.dev);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xb8000);
	assert_true(vga.pci.dev.ops->restore(&vga.pci.dev, bytes, size));
	vga.pci.dev.ops->dump(&vga.pci.dev, after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(fake.row[ROW_VGA_WINDOW].gpa, 0xa0000);
	assert_int_equal(vga.vram[0], 'Q');
	assert_false(vga.pci.dev.ops->restore(&vga.pci.dev, bytes, size - 1));
	assert_false(vga.pci.dev.ops->restore(&vga.pci.dev, NULL, size));
	for (unsigned int i = 0; i < 1500; i++) {
		size_t at = fake_below(8 + sizeof(struct vvga_state));
		uint8_t old = bytes[at];

		bytes[at] = (uint8_t)fake_random();
		if (vga.pci.dev.ops->restore(&vga.pci.dev, bytes, size)) {
			struct vvga_screen screen;
			uint16_t cells[VVGA_COLUMNS];

			taken++;
			for (uint16_t port = 0x3b4; port < 0x3e0; port++)
				inb(port);
			for (uint32_t gpa = 0xa0000; gpa < 0xc0000; gpa += 4093) {
				poke(gpa, 1);
				peek(gpa);
			}
			vvga_screen(&vga, &screen);
			for (unsigned int y = 0; y < screen.rows; y++)
				vvga_screen_row(&vga, &screen, y, cells);
		}
		bytes[at] = old;
	}
	assert_in_range(taken, 100, 1499);
	free(bytes);
}

/* Any access of any size to everything it answers, with ASan at both ends of the video RAM. */
static void anything_may_be_written(void **state)
{
	(void)state;
	fake_move_bar(0, true, 0xf0000000);
	fake_move_bar(2, true, 0xf0400000);
	for (unsigned int i = 0; i < 1500000; i++) {
		static const uint64_t places[][2] = {
			{ 0xa0000 - 8, 0x20010 }, { 0xf0000000 - 8, 16 }, { 0xf0400000 - 16, 32 }, { 0xf0400400 - 8, 0x140 },
			{ 0xf0400ff8, 16 },
		};
		static const uint8_t sizes[] = { 1, 2, 4, 8 };
		unsigned int which = (unsigned int)fake_below(ARRAY_LEN(places));
		struct io_access a = { .addr = places[which][0] + fake_below(places[which][1]), .value = fake_random(),
				       .size = sizes[fake_below(4)], .write = fake_below(2) };

		fake.now += fake_below(1000000);
		fake_random_access(NULL, 0, fake_below(4) ? 0x3b0 : 0x1cc, 48);
		if (fake_below(4) == 0)	/* whatever the indexes are */
			fake_indexed(fake_below(2) ? SEQ : GC, (unsigned int)fake_below(9), (unsigned int)fake_below(256));
		bus_access(&fake.bus, BUS_MMIO, &a);
		if (fake_below(16) == 0) {
			uint32_t regions[] = { 0, 1, 2, 3, VPCI_REGION_BAR, VPCI_REGION_BAR + 2 };

			a.addr = fake_random() >> fake_below(64);
			vga.pci.dev.ops->access(&vga.pci.dev, regions[fake_below(6)], &a);
		}
		assert_true(fake.row[ROW_VGA_WINDOW].bytes == 0x8000 || fake.row[ROW_VGA_WINDOW].bytes == 0x10000);
		assert_true((uint8_t *)fake.row[ROW_VGA_WINDOW].storage >= vga.vram &&
			    (uint8_t *)fake.row[ROW_VGA_WINDOW].storage + fake.row[ROW_VGA_WINDOW].bytes <= vga.vram + VVGA_VRAM);
		if (i % 64 == 0) {
			struct vvga_screen screen;
			uint16_t *cells = malloc(sizeof(*cells) * VVGA_COLUMNS);

			vvga_screen(&vga, &screen);
			assert_true(screen.columns <= VVGA_COLUMNS && screen.rows <= VVGA_ROWS);
			for (unsigned int y = 0; y < screen.rows; y++)
				vvga_screen_row(&vga, &screen, y, cells);
			free(cells);
		}
	}
	fake_move_bar(0, false, 0);
	fake_move_bar(2, false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_plain_storage, setup),
		cmocka_unit_test_setup(shapes_of_text, setup),
		cmocka_unit_test_setup(vbe_modes, setup),
		cmocka_unit_test_setup(modes_without_a_bios, setup),
		cmocka_unit_test_setup(function_on_the_pci_bus, setup),
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
