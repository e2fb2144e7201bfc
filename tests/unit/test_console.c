/* The operator's terminal on a made-up machine: a UART that takes time, a VGA, an i8042. */
/* UNIT: drivers/serial.c drivers/ring.c drivers/font.c drivers/terminal.c drivers/terminal_csi.c */
/* UNIT: drivers/framebuffer.c drivers/vgatext.c drivers/bochsvbe.c drivers/keyboard.c */
/* UNIT: drivers/keymap.c lib/string.c lib/printf.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* Included, not linked: each test begins with a console that has never been used. */
#include "drivers/console.c"

/* A font without a table: every glyph is full of the byte 55. */
__asm__(".section .rodata\n"
	".globl _binary_font_psf_start, _binary_font_psf_end\n"
	"_binary_font_psf_start:\n.byte 0x36, 0x04, 0, 16\n.fill 4096, 1, 0x55\n"
	"_binary_font_psf_end:\n.text\n");

#define HZ 1000000000ull

static struct {
	uint64_t tsc;
	bool uart, uart_stuck;
	uint8_t reg[8];
	unsigned int in_fifo;
	uint64_t empty_at;		/* when the transmitter's FIFO has run empty */
	char sent[200000];
	size_t sent_length;
	const char *typed;		/* still to be received */
	const char *scan_codes;
	size_t scan_length;
	int config_answer;
	bool vga;
	uint8_t index_crtc, index_gc;
	uint8_t crtc[256];
	uint16_t text[16384];
	uint8_t font[8192];
	uint8_t *pixels;
} m;

uint64_t cpu_tsc(void)
{
	return m.tsc += 10;
}

uint64_t cpu_tsc_hz(void)
{
	return HZ;
}

void *cpu_map_mmio(hpa_t base, uint64_t size, enum cpu_map_type type)
{
	(void)size;
	(void)type;
	return base.v == 0xb8000 ? (void *)m.text : base.v == 0xa0000 ? (void *)m.font : m.pixels;
}

static uint8_t uart_in(unsigned int reg)
{
	switch (reg) {
	case 0:
		return (uint8_t)(*m.typed ? *m.typed++ : 0);
	case 2:
		return 0xc1;
	case 5:
		return (uint8_t)((*m.typed ? 1 : 0) |
				 (!m.uart_stuck && m.tsc >= m.empty_at ? 0x60 : 0));
	case 6:
		return (m.reg[4] & 0x10) == 0 ? 0xb0 :
		       (uint8_t)((m.reg[4] & 8) << 4 | (m.reg[4] & 2) << 3);
	default:
		return m.reg[reg];
	}
}

/* 16 bytes fit; more, or bytes while it is not empty, are lost as in the real one. */
static void uart_out(unsigned int reg, uint8_t v)
{
	m.reg[reg] = v;
	if (reg != 0 || (m.reg[3] & 0x80) != 0)
		return;
	if (m.tsc >= m.empty_at) {
		m.in_fifo = 0;
		m.empty_at = m.tsc;
	}
	assert_true(m.in_fifo < 16);
	assert_false(m.uart_stuck);
	m.in_fifo++;
	m.empty_at += HZ * 10 / 115200;
	m.sent[m.sent_length++] = (char)v;
}

static uint8_t keyboard_in(void)
{
	if (m.config_answer >= 0) {
		int answer = m.config_answer;

		m.config_answer = -1;
		return (uint8_t)answer;
	}
	if (m.scan_length == 0)
		return 0;
	m.scan_length--;
	return (uint8_t)*m.scan_codes++;
}

/* A port takes a microsecond, as on a real machine. */
uint8_t cpu_in8(uint16_t port)
{
	m.tsc += HZ / 1000000;
	if (port >= 0x3f8 && port < 0x400)
		return m.uart ? uart_in(port - 0x3f8u) : 0xff;
	switch (port) {
	case 0x60:
		return keyboard_in();
	case 0x64:
		return m.config_answer >= 0 || m.scan_length > 0 ? 1 : 0;
	case 0x3cc:
		return m.vga ? 0x67 : 0xff;
	case 0x3cf:
		return m.index_gc == 6 ? 0x0e : 0;
	case 0x3d5:
		return m.index_crtc == 9 ? 0x0f : m.crtc[m.index_crtc];
	default:
		return 0xff;
	}
}

void cpu_out8(uint16_t port, uint8_t v)
{
	if (port >= 0x3f8 && port < 0x400 && m.uart)
		uart_out(port - 0x3f8u, v);
	if (port == 0x64 && v == 0x20)
		m.config_answer = 0x10;
	if (port == 0x60 && v == 0xf4)
		m.config_answer = 0xfa;
	if (port == 0x3ce)
		m.index_gc = v;
	if (port == 0x3d4)
		m.index_crtc = v;
	if (port == 0x3d5)
		m.crtc[m.index_crtc] = v;
}

uint16_t cpu_in16(uint16_t port)
{
	(void)port;
	return 0xffff;
}

void cpu_out16(uint16_t port, uint16_t v)
{
	(void)port;
	(void)v;
}

uint32_t cpu_in32(uint16_t port)
{
	(void)port;
	return 0xffffffff;
}

void cpu_out32(uint16_t port, uint32_t v)
{
	(void)port;
	(void)v;
}

static const struct boot_info no_screen_told;

static int start(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	m.uart = true;
	m.vga = true;
	m.typed = "";
	m.config_answer = -1;
	memset(&console, 0, sizeof(console));
	return 0;
}

static void say(const char *text)
{
	console_write(text, strlen(text));
}

static void drain(void)
{
	for (int i = 0; i < 2000000 && console_busy(); i++) {
		m.tsc += 10000;
		console_service();
	}
	assert_false(console_busy());
}

static const char *screen_row(uint32_t row, uint32_t columns)
{
	static char text[161];
	uint32_t end = columns;

	for (uint32_t i = 0; i < columns; i++)
		text[i] = (char)(m.text[row * columns + i] & 0xff);
	while (end > 0 && text[end - 1] == ' ')
		end--;
	text[end] = '\0';
	return text;
}

static void both_show_the_same(void **state)
{
	(void)state;
	console_early_init();
	say("early\n");
	console_init(&no_screen_told, NULL);
	console_status("CP READ");
	say("one\r\ntwo\n");
	console_write_raw("a\nb", 3);
	drain();
	assert_string_equal(m.sent, "early\r\none\r\ntwo\r\na\nb");
	assert_string_equal(screen_row(0, 80), "early");
	assert_string_equal(screen_row(2, 80), "two");
	assert_string_equal(screen_row(3, 80), "a");
	assert_string_equal(screen_row(4, 80), " b");
	assert_string_equal(screen_row(24, 80) + 60, "CP READ   VM64");
	assert_int_equal(m.crtc[0x0e] << 8 | m.crtc[0x0f], 4 * 80 + 2);
	assert_int_equal(m.font['A' * 32], 0x55);
	assert_int_equal(console_irqs(), 1 << 4 | 1 << 1);
	assert_int_equal(m.reg[1], 1); /* nothing to send, no transmit interrupt */
}

static void no_cr_twice(void **state)
{
	(void)state;
	say("a\r");
	say("\nb\n\nc");
	console_init(&no_screen_told, "display=none");
	drain();
	assert_string_equal(m.sent, "a\r\nb\r\n\r\nc");
	assert_int_equal(m.text[0], 0);
}

/*
 * Nothing that the serial line loses is on the screen, and everything else is sent once, in order.
 */
static void a_full_ring_loses_and_counts(void **state)
{
	static char big[70000];
	size_t taken;

	(void)state;
	console_init(&no_screen_told, "");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('A' + i % 23);
	assert_int_equal(console_room(), 32768);
	console_write(big, sizeof(big));
	assert_int_equal(console_lost(), 70000 - 65536);
	assert_int_equal(console_room(), 0);
	console_write("xyz", 3);
	taken = 65536;
	drain();
	assert_int_equal(m.sent_length, taken);
	assert_memory_equal(m.sent, big, taken);
	assert_int_equal(screen_row(23, 80)[0], 'A' + (65536 / 80 * 80) % 23);
	assert_int_equal(console_room(), 32768);
}

static void room_is_enough_for_line_feeds(void **state)
{
	(void)state;
	console_init(&no_screen_told, "");
	for (size_t n = console_room(); n > 0; n--)
		say("\n");
	assert_int_equal(console_lost(), 0);
}

/* The transmitter is not asked again and again while it cannot be empty. */
static void service_does_not_wait(void **state)
{
	(void)state;
	console_init(&no_screen_told, "display=none");
	say("0123456789abcdefghij");
	console_service();
	assert_int_equal(m.sent_length, 16);
	assert_int_equal(m.reg[1], 3);
	for (int i = 0; i < 1000; i++)
		console_service();
	assert_int_equal(m.sent_length, 16);
	m.tsc = m.empty_at;
	console_interrupt(4);
	console_service();
	assert_int_equal(m.sent_length, 20);
	assert_int_equal(m.reg[1], 1);
}

static void a_dead_line_does_not_stop_the_machine(void **state)
{
	(void)state;
	console_init(&no_screen_told, "");
	m.uart_stuck = true;
	say("lost on the line\n");
	console_service();
	m.tsc += HZ;
	console_service();
	assert_int_not_equal(ring_used(&console.out), 0);
	m.tsc += HZ + 1000;
	console_service();
	assert_int_equal(ring_used(&console.out), 0);
	assert_int_equal(console_lost(), 18);
	say("also\n");
	console_service();
	assert_int_equal(ring_used(&console.out), 0);
	m.uart_stuck = false;
	say("back\n");
	drain();
	assert_string_equal(m.sent, "back\r\n");
	assert_string_equal(screen_row(0, 80), "lost on the line");
}

static void without_serial_line(void **state)
{
	(void)state;
	m.uart = false;
	console_init(&no_screen_told, "");
	for (int i = 0; i < 100000; i++)
		say("text ");
	say("\nend");
	assert_int_equal(console_lost(), 0);
	assert_int_equal(console_room(), 32768);
	drain();
	assert_string_equal(screen_row(23, 80), "end");
	assert_int_equal(console_irqs(), 2);
	assert_int_equal(console_read(), -1);
	console_panic_write("panic", 5);
	assert_string_equal(screen_row(23, 80), "endpanic");
}

static void with_nothing_at_all(void **state)
{
	(void)state;
	m.uart = false;
	m.vga = false;
	console_init(&no_screen_told, "");
	say("nobody sees this\n");
	assert_false(console_busy());
	console_panic_write("nor this", 8);
}

static void input_from_either(void **state)
{
	(void)state;
	console_init(&no_screen_told, "");
	assert_int_equal(console_read(), -1);
	m.typed = "hi";
	assert_int_equal(console_read(), -1); /* not looked at so soon */
	m.tsc += HZ / 1000;
	assert_int_equal(console_read(), 'h');
	assert_int_equal(console_read(), 'i');
	assert_int_equal(console_read(), -1);
	m.scan_codes = "\x2a\x1e\xaa\xe0\x48";
	m.scan_length = 5;
	console_interrupt(KEYBOARD_IRQ);
	assert_int_equal(console_read(), 'A');
	assert_int_equal(console_read(), 033);
	assert_int_equal(console_read(), '[');
	assert_int_equal(console_read(), 'A');
	assert_int_equal(console_read(), -1);
}

static void panic_says_everything(void **state)
{
	(void)state;
	console_init(&no_screen_told, "");
	for (int i = 0; i < 3000; i++)
		say("waiting ");
	console_panic_write("CPI: the end\n", 13);
	assert_int_equal(m.sent_length, 3000 * 8 + 14);
	assert_string_equal(m.sent + 3000 * 8, "CPI: the end\r\n");
	assert_string_equal(screen_row(22, 80) + (3000 * 8) % 80, "CPI: the end");
}

static void a_dead_line_in_a_panic(void **state)
{
	(void)state;
	console_init(&no_screen_told, "");
	m.uart_stuck = true;
	say("before\n");
	console_panic_write("the end", 7);
	assert_string_equal(screen_row(1, 80), "the end");
	assert_int_equal(m.sent_length, 0);
}

static uint32_t pixel(const struct boot_framebuffer *fb, uint32_t x, uint32_t y)
{
	const uint8_t *at = m.pixels + y * fb->pitch + x * fb->bits_per_pixel / 8;

	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

/*
 * On every layout the letter's pixels come out, and nothing beyond the frame buffer is touched
 * (ASan).
 */
static void pixels(void **state)
{
	static const struct boot_framebuffer layouts[] = {
		{ 0x80000000, BOOT_FB_RGB, 640, 480, 640 * 4, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 800, 600, 800 * 3, 24, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 1024, 768, 1024 * 3 + 5, 24, 0, 8, 16, 0 },
		{ 0x80000000, BOOT_FB_RGB, 1366, 768, 1376 * 4, 32, 0, 8, 16, 0 },
		{ 0x80000000, BOOT_FB_RGB, 1920, 1200, 1920 * 4, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 3840, 2160, 3840 * 4, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 163, 33, 163 * 3, 24, 16, 8, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		struct boot_info info = { .fb = layouts[i] };
		uint32_t scale, left, x0, y0;

		(void)start(NULL);
		m.pixels = malloc((size_t)layouts[i].pitch * layouts[i].height);
		memset(m.pixels, 0x77, (size_t)layouts[i].pitch * layouts[i].height);
		console_init(&info, "quiet display=auto");
		say("\033[31mX\033[?25l");
		drain();
		scale = layouts[i].width >= 3840 ? 4 : layouts[i].width >= 1920 ? 2 : 1;
		left = (layouts[i].width - console.terminal.columns * 8 * scale) / 2;
		x0 = left;
		y0 = (layouts[i].height - (console.terminal.rows + 1) * 16 * scale) / 2;
		for (uint32_t x = 0; x < 8 * scale; x++) {
			uint32_t expected = (x / scale) % 2 ? 0xaau << layouts[i].red_shift : 0;

			assert_int_equal(pixel(&layouts[i], x0 + x, y0), expected);
			assert_int_equal(pixel(&layouts[i], x0 + x, y0 + 16 * scale - 1), expected);
		}
		/* what the firmware drew is gone to the last pixel */
		assert_int_not_equal(pixel(&layouts[i], layouts[i].width - 1, 0), 0x777777);
		assert_int_not_equal(pixel(&layouts[i], 0, layouts[i].height - 1), 0x777777);
		free(m.pixels);
	}
}

static void bad_frame_buffers_give_text(void **state)
{
	static const struct boot_framebuffer bad[] = {
		{ 0, BOOT_FB_RGB, 640, 480, 640 * 4, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 640, 480, 640 * 3, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 640, 480, 640 * 2, 16, 11, 5, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 640, 480, 640 * 4, 32, 25, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 100000, 480, 400000, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 100, 20, 400, 32, 16, 8, 0, 0 },
		{ 0x80000000, BOOT_FB_RGB, 640, 480, 640 * 4, 32, 16, 8, 0, 0 }, /* no room */
		{ 0xb8000, BOOT_FB_TEXT, 80, 25, 160, 16, 0, 0, 0, 0 },
		{ 0xb8000, BOOT_FB_TEXT, 100000, 25, 160, 16, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct boot_info info = { .fb = bad[i] };

		(void)start(NULL);
		console_init(&info, "");
		say("text");
		drain();
		assert_string_equal(screen_row(0, 80), "text");
	}
}

/*
 * A budget of N draws N cells at most; all are drawn in the end although the text keeps changing.
 */
static void drawing_is_budgeted(void **state)
{
	struct boot_info info = { .fb = { 0x80000000, BOOT_FB_RGB, 1024, 768, 4096, 32, 16, 8, 0,
					  0 } };
	unsigned int calls = 0;

	(void)state;
	m.pixels = calloc(4096, 768);
	console_init(&info, "");
	for (int i = 0; i < 48; i++)
		say("0123456789012345678901234567890123456789\n");
	while (console.flush(&console.terminal, 100)) {
		calls++;
		assert_true(calls < 1000);
		if (calls < 50)
			terminal_write(&console.terminal, "x\b", 2);
	}
	assert_true(calls >= 128 * 48 / 100);
	assert_int_equal(pixel(&info.fb, 1, 0), 0xaaaaaa);
	assert_int_equal(pixel(&info.fb, 1, 45 * 16), 0xaaaaaa);
	free(m.pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_show_the_same, start),
		cmocka_unit_test_setup(no_cr_twice, start),
		cmocka_unit_test_setup(a_full_ring_loses_and_counts, start),
		cmocka_unit_test_setup(room_is_enough_for_line_feeds, start),
		cmocka_unit_test_setup(service_does_not_wait, start),
		cmocka_unit_test_setup(a_dead_line_does_not_stop_the_machine, start),
		cmocka_unit_test_setup(without_serial_line, start),
		cmocka_unit_test_setup(with_nothing_at_all, start),
		cmocka_unit_test_setup(input_from_either, start),
		cmocka_unit_test_setup(panic_says_everything, start),
		cmocka_unit_test_setup(a_dead_line_in_a_panic, start),
		cmocka_unit_test_setup(pixels, start),
		cmocka_unit_test_setup(bad_frame_buffers_give_text, start),
		cmocka_unit_test_setup(drawing_is_budgeted, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
