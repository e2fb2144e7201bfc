/*
 * The screen reader: scripted screens of terminals, menus, counters and firmware, and what the console reads of them.
 * Part: unit test on the host.
 * UNIT: vmm/machine/screen.c vmm/machine/console.c vmm/devices/vvga.c vmm/devices/vvga_ports.c vmm/devices/vvga_memory.c vmm/devices/vvga_dispi.c vmm/devices/vvga_screen.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vvga_fake.h"

#include <stdio.h>

#include "vmm/machine/screen.h"

static struct screen screen;
static struct vm_console console;
static char out[1 << 20];
static size_t out_length;
static uint64_t ran;
static unsigned int cx, cy;	/* where the scripted guest writes */

static int setup(void **state)
{
	(void)state;
	fake_vga_setup();
	screen_init(&screen);
	memset(&console, 0, sizeof(console));
	out_length = 0;
	cx = cy = 0;
	return 0;
}

static void cursor(unsigned int x, unsigned int y)
{
	fake_indexed(0x3d4, 0x0e, (y * 80 + x) >> 8);
	fake_indexed(0x3d4, 0x0f, (y * 80 + x) & 255);
	cx = x;
	cy = y;
}

static void cell(unsigned int x, unsigned int y, uint8_t c)
{
	poke(0xb8000 + 2 * (y * 80 + x), c);
}

static void clear(void)
{
	for (unsigned int i = 0; i < 80 * 25; i++)
		fake_memory(0xb8000 + 2 * i, 2, true, 0x0720);
	cursor(0, 0);
}

/* As a terminal does it, with scrolling. */
static void print(const char *text)
{
	for (; *text; text++) {
		if (*text == '\r') {
			cx = 0;
		} else if (*text == '\b') {
			cx--;
			cell(cx, cy, ' ');
		} else if (*text == '\n') {
			cx = 0;
			cy++;
		} else {
			cell(cx++, cy, (uint8_t)*text);
		}
		if (cx == 80) {
			cx = 0;
			cy++;
		}
		if (cy == 25) {
			memmove(vga.vram, vga.vram + 160, 160 * 24);
			for (unsigned int x = 0; x < 80; x++)
				cell(x, 24, ' ');
			cy = 24;
		}
	}
	cursor(cx, cy);
}

static void at(unsigned int x, unsigned int y, const char *text)
{
	while (*text)
		cell(x++, y, (uint8_t)*text++);
}

static void drain(void)
{
	int byte;

	while ((byte = vm_console_take(&console)) >= 0)
		out[out_length++] = (char)byte;
	out[out_length] = 0;
}

/* The guest runs for so long; the reader looks when it wants to. */
static void run(unsigned int milliseconds)
{
	while (milliseconds--) {
		fake.now += fake.hz / 1000;
		ran++;
		if (screen_deadline(&screen) <= fake.now) {
			screen_service(&screen, &vga, &console, ran, fake.now, fake.hz);
			drain();
		}
	}
}

static void expect(const char *text)
{
	assert_string_equal(out, text);
	out_length = 0;
	out[0] = 0;
}

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *p = out; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void a_terminal(void **state)
{
	(void)state;
	run(1000);
	expect("");
	print("Booting...\nReady.\n");
	run(120);
	expect("Booting...\r\nReady.\r\n");
	print("login: ");
	run(150);
	expect("");
	run(300);
	expect("login: ");
	for (const char *c = "root"; *c; c++) {
		char text[2] = { *c, 0 };

		print(text);
		run(110);
	}
	expect("root");
	print("\b\bx");
	run(210);
	expect("\rlogin: rox\033[K");
	print("ot\nPassword: ");
	run(500);
	expect("ot\r\nPassword: ");
	run(5000);
	expect("");
	print("\n");
	run(200);
	expect("\r\n");
	/* line after line, without one lost or told twice */
	for (unsigned int i = 0; i < 100; i++) {
		char text[40];

		snprintf(text, sizeof(text), "line %u of many\n", i);
		print(text);
		run(20);
	}
	run(200);
	for (unsigned int i = 0; i < 100; i++) {
		char text[40];

		snprintf(text, sizeof(text), "line %u of many\r\n", i);
		assert_int_equal(count(text), 1);
		if (i > 0)
			assert_true(strstr(out, text) > out);
	}
	assert_int_equal(count("\n"), 100);
	expect(out);
	/* the prompt stands at the bottom when a command makes it scroll */
	print("# ");
	run(400);
	expect("# ");
	print("ls\na  b\n# ");
	run(120);
	assert_true(strncmp(out, "ls\r\na  b\r\n", 10) == 0);
	run(400);
	expect("ls\r\na  b\r\n# ");
	/* and when the screen is cleared below it */
	clear();
	print("# ");
	run(500);
	assert_true(count("#") <= 1);
}

static void too_much_text(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%u messages\n", i);
		print(text);
		if (i % 8 == 0)
			run(2);
	}
	run(300);
	assert_int_equal(count("2999 messages\r\n"), 1);
	assert_true(count("...\r\n") > 3);
	assert_true(count("\n") > 300);
	for (const char *p = out, *end; *p; p = end + 2) {	/* in order, each whole */
		static unsigned int last;
		unsigned int number;

		end = strstr(p, "\r\n");
		assert_non_null(end);
		if (strncmp(p, "...", 3) == 0)
			continue;
		assert_int_equal(sscanf(p, "%u messages", &number), 1);
		assert_true(number == 0 || number > last);
		last = number;
	}
}

static void a_menu(void **state)
{
	(void)state;
	/* drawn with the cursor parked at the bottom, box and all */
	clear();
	cell(0, 3, 0xda);
	cell(79, 3, 0xbf);
	for (unsigned int x = 1; x < 79; x++)
		cell(x, 3, 0xc4);
	at(4, 1, "GNU GRUB  version 2.06");
	cell(0, 4, 0xb3);
	at(1, 4, "*Debian GNU/Linux");
	cell(79, 4, 0xb3);
	cell(0, 5, 0xb3);
	at(1, 5, " Memory test");
	cell(79, 5, 0xb3);
	fake_indexed(0x3d4, 0x0a, 0x20);
	run(100);
	run(500);
	assert_int_equal(count("    GNU GRUB  version 2.06\r\n+----"), 1);
	assert_int_equal(count("----+\r\n|*Debian GNU/Linux "), 1);
	assert_int_equal(count("| Memory test "), 1);
	assert_int_equal(count("\n"), 4);
	expect(out);
	/* another entry: just the two rows */
	cell(1, 4, ' ');
	cell(1, 5, '*');
	run(500);
	assert_int_equal(count("| Debian"), 1);
	assert_int_equal(count("|*Memory"), 1);
	assert_int_equal(count("\n"), 2);
	expect(out);
	/* the seconds below */
	for (unsigned int s = 5; s > 0; s--) {
		char text[80];

		snprintf(text, sizeof(text), "Booting in %us.", s);
		at(2, 20, text);
		run(1000);
	}
	assert_in_range(count("Booting in"), 3, 5);
	assert_int_equal(count("\n"), count("Booting in"));
}

static void counters_that_never_stand_still(void **state)
{
	(void)state;
	clear();
	fake_indexed(0x3d4, 0x0a, 0x20);
	at(0, 0, "Memtest86+ v6.10");
	for (unsigned int i = 0; i < 1000; i++) {
		char text[40];

		snprintf(text, sizeof(text), "Pass %5u%%", i);
		at(30, 1, text);
		snprintf(text, sizeof(text), "Test %5u", i * 7);
		at(30, 2, text);
		run(20);
	}
	assert_int_equal(count("Memtest86+"), 1);
	assert_in_range(count("Pass"), 7, 11);	/* in 20 seconds */
	assert_in_range(count("Test "), 7, 11);
	run(3000);
	assert_int_equal(count("Pass   999%"), 1);
	assert_int_equal(count("Test  6993"), 1);
}

static void erased_and_drawn_again(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		clear();
		run(7);
		at(10, 5, "The same screen");
		at(10, 6, "as before");
		run(293);
	}
	assert_int_equal(count("The same screen"), 1);
	assert_int_equal(count("as before"), 1);
	clear();
	run(1000);
	at(10, 5, "The same screen");
	run(1000);
	assert_int_equal(count("The same screen"), 2);
}

static void modes(void **state)
{
	(void)state;
	print("SeaBIOS (version 1.16)\n");
	run(300);
	fake_dispi(DISPI_XRES, 800);
	fake_dispi(DISPI_YRES, 600);
	fake_dispi(DISPI_BPP, 32);
	fake_dispi(DISPI_ENABLE, 0x41);
	run(50);
	fake_dispi(DISPI_ENABLE, 0);
	fake_dispi(DISPI_XRES, 1024);
	fake_dispi(DISPI_YRES, 768);
	fake_dispi(DISPI_ENABLE, 0x41);
	run(1000);
	expect("SeaBIOS (version 1.16)\r\n(GRAPHICS 1024x768, 32 BITS A PIXEL)\r\n");
	fake_dispi(DISPI_ENABLE, 0);
	clear();
	print("back\n");
	run(300);
	expect("back\r\n");
	fake_indexed(0x3c4, 1, 0x20);	/* switched off while it is filled */
	print("hidden\n");
	run(300);
	expect("");
	fake_indexed(0x3c4, 1, 0);
	run(300);
	expect("hidden\r\n");
	/* 40 columns */
	fake_indexed(0x3d4, 0x11, 0);
	fake_indexed(0x3d4, 1, 39);
	fake_indexed(0x3d4, 0x13, 20);
	clear();
	run(300);
	cell(0, 0, 'x');
	run(1000);
	expect("x");
}

static void serial(const char *text)
{
	for (; *text; text++) {
		screen_before_serial(&screen, &vga, &console, fake.now, fake.hz);
		vm_console_put(&console, (uint8_t)*text);
	}
}

/* However soon the one follows the other: in the order in which they were written. */
static void screen_and_serial_in_order(void **state)
{
	(void)state;
	print("firmware 1.0\nbooting...\n");
	serial("kernel\r\n");
	print("A\n");
	serial("B\r\n");
	print("C\n");
	serial("D");
	print("E\n");		/* within the port's line, which stays whole */
	serial("F\r\n");
	serial("G\r\n");
	for (const char *c = "both"; *c; c++) {	/* the row on which the cursor stands is not whole yet */
		const char one[2] = { *c };

		print(one);
		serial(one);
	}
	print("\n");
	serial("\r\n");
	serial("H\r\n");
	drain();
	expect("firmware 1.0\r\nbooting...\r\nkernel\r\nA\r\nB\r\nC\r\nDF\r\nE\r\nG\r\nboth\r\nboth\r\nH\r\n");
	run(1000);
	expect("");
}

/* The serial port's lines are not broken while they come, however slowly; one that never ends does not hide the screen. */
static void within_a_serial_line(void **state)
{
	(void)state;
	print("x\n");
	run(1000);
	expect("x\r\n");
	for (const char *c = "a slow line"; *c; c++) {
		const char one[2] = { *c };

		serial(one);
		print(".\n");
		run(60);
	}
	serial("\r\n");
	drain();
	assert_memory_equal(out, "a slow line\r\n", 13);
	out_length = 0;
	run(1000);
	assert_int_equal(count("."), 11);
	out_length = 0;
	print("seen\n");
	for (unsigned int i = 0; i < 100; i++) {
		serial("*");
		run(60);
	}
	assert_int_equal(count("seen"), 1);
}

/* A row that never stands still is not shown at each of the port's lines. */
static void a_counter_beside_serial_lines(void **state)
{
	char text[16];

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "pass %u", i);
		at(0, 3, text);
		serial("line\r\n");
		run(1);
		drain();
	}
	assert_int_equal(count("line\r\n"), 5000);
	assert_in_range(count("pass"), 1, 3);
}

static void beside_the_serial_port(void **state)
{
	(void)state;
	print("screen: ");
	run(500);
	expect("screen: ");
	serial("serial\r\nhalf");
	print("more");
	run(500);
	/* what the port wrote ends our line; ours begins a new one, whole */
	expect("\r\nserial\r\nhalf\r\nscreen: more");
	/* a console that nobody empties: the serial port keeps its half, and the last state is shown when there is room */
	for (unsigned int i = 0; i < 3000; i++) {
		char text[80];

		snprintf(text, sizeof(text), "\n%u aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i);
		print(text);
		fake.now += fake.hz / 10;
		ran++;
		screen_service(&screen, &vga, &console, ran, fake.now, fake.hz);
		assert_true(console.out_head - console.out_tail <= CONSOLE_OUT / 2);
	}
	drain();
	out_length = 0;
	run(1000);
	assert_int_equal(count("2999 aaa"), 1);
	assert_in_range(count("\n"), 20, 30);
}

static void the_last_words(void **state)
{
	(void)state;
	print("one\ntwo");
	run(100);
	print("\nthree\nfour\n");
	screen_finish(&screen, &vga, &console, fake.now);
	drain();
	expect("one\r\ntwo\r\nthree\r\nfour\r\n");
	screen_finish(&screen, &vga, &console, fake.now);
	drain();
	expect("");
}

static void quiet_guests_cost_little(void **state)
{
	unsigned int looks = 0;

	(void)state;
	print("idle\n");
	run(1000);
	for (unsigned int i = 0; i < 10000; i++) {
		fake.now += fake.hz / 1000;
		if (screen_deadline(&screen) <= fake.now) {
			screen_service(&screen, &vga, &console, ran, fake.now, fake.hz);
			looks++;
		}
	}
	assert_in_range(looks, 20, 30);
	screen_wake(&screen);
	assert_true(screen_deadline(&screen) <= fake.now);
}

/* Whatever stands in the registers and in the RAM. */
static void any_screen(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 60000; i++) {
		if (fake_below(3) == 0)
			fake_indexed(0x3d4, (unsigned int)fake_below(0x19), (unsigned int)fake_below(256));
		if (fake_below(50) == 0)
			fake_indexed(0x3d4, 0x11, 0);
		if (fake_below(500) == 0)
			vga.pci.dev.ops->reset(&vga.pci.dev);
		for (unsigned int k = 0; k < 20; k++)
			vga.vram[fake_below(0x8000)] = (uint8_t)(fake_below(2) ? fake_random() : ' ');
		if (fake_below(20) == 0)
			memmove(vga.vram, vga.vram + 160, 160 * 24);
		fake.now += fake_below(fake.hz / 4);
		ran++;
		screen_service(&screen, &vga, &console, ran, fake.now, fake.hz);
		for (uint32_t k = console.out_tail; k != console.out_head; k++) {
			char c = (char)console.out[k % CONSOLE_OUT];

			assert_true((c >= ' ' && c <= '~') || c == '\r' || c == '\n' || c == '\033');
		}
		if (fake_below(2))
			console.out_tail = console.out_head;
	}
}

/* A screen that has stood still is not read again, until a single cell, the cursor or the page changes. */
static void after_standing_still(void **state)
{
	(void)state;
	clear();
	print("FIRST LINE\n");
	run(3000);
	expect("FIRST LINE\r\n");
	assert_true(screen.still > 2);
	at(0, 5, "X");
	run(3000);
	expect("X\r\n");
	assert_true(screen.still > 2);
	cursor(0, 7);
	run(50);
	run(100);
	assert_true(screen.still <= 2);
	run(3000);
	print("A QUESTION: ");
	run(3000);
	expect("A QUESTION: ");
	print("ANSWER\n");
	run(3000);
	expect("ANSWER\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_terminal, setup),
		cmocka_unit_test_setup(too_much_text, setup),
		cmocka_unit_test_setup(a_menu, setup),
		cmocka_unit_test_setup(counters_that_never_stand_still, setup),
		cmocka_unit_test_setup(erased_and_drawn_again, setup),
		cmocka_unit_test_setup(modes, setup),
		cmocka_unit_test_setup(screen_and_serial_in_order, setup),
		cmocka_unit_test_setup(within_a_serial_line, setup),
		cmocka_unit_test_setup(a_counter_beside_serial_lines, setup),
		cmocka_unit_test_setup(beside_the_serial_port, setup),
		cmocka_unit_test_setup(the_last_words, setup),
		cmocka_unit_test_setup(quiet_guests_cost_little, setup),
		cmocka_unit_test_setup(after_standing_still, setup),
		cmocka_unit_test_setup(any_screen, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
