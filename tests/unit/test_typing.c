/*
 * Typed bytes: to the serial port or to the keyboard, and which keys they are.
 * Part: unit test on the host.
 * UNIT: vmm/machine/typing.c vmm/machine/console.c vmm/devices/vps2.c vmm/devices/vps2_keyboard.c vmm/devices/vps2_mouse.c vmm/devices/vuart.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/machine/typing.h"

static struct vps2 ps2;
static struct vuart uart;
static struct vm_console console;
static struct typing typing;

/* The fake machine's input and the console's ring are the same bytes here. */
static void type_at(const char *text)
{
	for (; *text != '\0'; text++) {
		assert_true(vm_console_type(&console, (uint8_t)*text));
		fake.in[fake.in_length++ % FAKE_TEXT] = (uint8_t)*text;
	}
	typing_service(&typing, fake.now);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	memset(&console, 0, sizeof(console));
	vps2_init(&ps2, &fake);
	vuart_init(&uart, &fake, 0);
	typing_init(&typing, &console, &uart, &ps2);
	typing_reset(&typing);
	assert_int_equal(vps2_claim(&ps2, &fake.bus), 0);
	assert_int_equal(vuart_claim(&uart, &fake.bus), 0);
	return 0;
}

static void pass_time(uint64_t microseconds)
{
	fake.now += fake.hz * microseconds / 1000000;
	if (ps2.dev.ops->deadline(&ps2.dev) <= fake.now)
		ps2.dev.ops->service(&ps2.dev, fake.now);
	if (typing_deadline(&typing) <= fake.now)
		typing_service(&typing, fake.now);
}

/* A guest's keyboard driver for a while: what it read, of set 1. */
static size_t read_keys(uint8_t *codes, size_t room, unsigned int milliseconds)
{
	size_t n = 0;

	while (milliseconds--) {
		pass_time(1000);
		while ((inb(0x64) & 0x21) == 1 && n < room)
			codes[n++] = inb(0x60);
	}
	return n;
}

static void expect_keys(const char *typed, const uint8_t *codes, size_t n)
{
	uint8_t got[64];

	type_at(typed);
	assert_int_equal(read_keys(got, sizeof(got), 300), n);
	assert_memory_equal(got, codes, n);
	assert_true(typing_deadline(&typing) == TIME_NEVER);
}

#define EXPECT(typed, ...) do { \
	static const uint8_t want[] = { __VA_ARGS__ }; \
	expect_keys(typed, want, sizeof(want)); \
} while (0)

static void open_keyboard(void)
{
	outb(0x64, 0x60);
	outb(0x60, 0x45);
}

static void keys_of_a_terminal(void **state)
{
	(void)state;
	open_keyboard();
	EXPECT("a", 0x1e, 0x9e);
	EXPECT("aB\r", 0x1e, 0x9e, 0x2a, 0x30, 0xb0, 0xaa, 0x1c, 0x9c);
	EXPECT("\x7f\b\t ", 0x0e, 0x8e, 0x0e, 0x8e, 0x0f, 0x8f, 0x39, 0xb9);
	EXPECT("\x03", 0x1d, 0x2e, 0xae, 0x9d);
	EXPECT("\x1c", 0x1d, 0x2b, 0xab, 0x9d);
	EXPECT("~/?", 0x2a, 0x29, 0xa9, 0xaa, 0x35, 0xb5, 0x2a, 0x35, 0xb5, 0xaa);
	EXPECT("\033[A", 0xe0, 0x48, 0xe0, 0xc8);
	EXPECT("\033OB", 0xe0, 0x50, 0xe0, 0xd0);
	EXPECT("\033[1;5C", 0xe0, 0x4d, 0xe0, 0xcd);
	EXPECT("\033[3~", 0xe0, 0x53, 0xe0, 0xd3);
	EXPECT("\033[24~", 0x58, 0xd8);
	EXPECT("\033OP", 0x3b, 0xbb);
	EXPECT("\033[[B", 0x3c, 0xbc);
	EXPECT("\033[18~", 0x41, 0xc1);
	EXPECT("\033", 0x01, 0x81);
	EXPECT("\033q", 0x01, 0x81, 0x10, 0x90);
	EXPECT("\033\033[A", 0x01, 0x81, 0xe0, 0x48, 0xe0, 0xc8);
	EXPECT("\033[", 0x01, 0x81, 0x1a, 0x9a);
	EXPECT("\033[99~x", 0x2d, 0xad);
	EXPECT("\xc3\x84x", 0x2d, 0xad);
}

static void every_printable_character_has_its_key(void **state)
{
	static const char row[] = "\0\033" "1234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./";
	static const char upper[] = "\0\033" "!@#$%^&*()_+\b\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

	(void)state;
	open_keyboard();
	for (char c = '!'; c <= '~'; c++) {
		char text[2] = { c, 0 };
		uint8_t got[16];
		size_t n;

		type_at(text);
		n = read_keys(got, sizeof(got), 60);
		if (n == 2)
			assert_int_equal(row[got[0]], c);
		else
			assert_int_equal(upper[got[1]], c);
		assert_true(n == 2 || (n == 4 && got[0] == 0x2a && got[3] == 0xaa));
	}
}

static void serial_port_first(void **state)
{
	uint8_t got[8];

	(void)state;
	open_keyboard();
	outb(0x3fc, 0x0b);
	outb(0x3f9, 0x01);
	type_at("x");
	assert_int_equal(inb(0x3f8), 'x');
	assert_int_equal(vm_console_get(&console), 'x');	/* as the one ring of the machine */
	assert_int_equal(read_keys(got, sizeof(got), 50), 0);
	/* a guest that only prints there does not take what is for the keyboard */
	outb(0x3f9, 0x00);
	fake.now += 3 * fake.hz;
	for (unsigned int i = 0; i < 100; i++) {
		while (!(inb(0x3fd) & 0x20))
			;
		outb(0x3f8, 'p');
		while (!(inb(0x3fd) & 0x40))
			;
	}
	type_at("y");
	assert_int_equal(inb(0x3fd) & 1, 0);
	assert_int_equal(read_keys(got, sizeof(got), 50), 2);
	assert_int_equal(got[0], 0x15);
	/* but one that looks and looks does */
	fake.in_taken = fake.in_length;
	for (unsigned int i = 0; i < 10; i++)
		inb(0x3fd);
	type_at("z");
	assert_int_equal(inb(0x3fd) & 1, 1);
	assert_int_equal(inb(0x3f8), 'z');
	assert_int_equal(read_keys(got, sizeof(got), 50), 0);
}

static void waits_for_a_listener(void **state)
{
	uint8_t got[64];
	size_t n;

	(void)state;
	type_at("hello");
	pass_time(1000000);
	assert_true(vm_console_pending(&console));
	assert_true(typing_deadline(&typing) > fake.now && typing_deadline(&typing) != TIME_NEVER);
	open_keyboard();
	n = read_keys(got, sizeof(got), 500);
	assert_int_equal(n, 10);
	assert_false(vm_console_pending(&console));
	/* a guest that does not read gets one key, not more */
	type_at("abc");
	pass_time(3000000);
	assert_int_equal(console.in_head - console.in_tail, 2);
	assert_int_equal(read_keys(got, sizeof(got), 500), 6);
	/* a serial port that is opened later has it too */
	ps2.dev.ops->reset(&ps2.dev);
	fake.in_taken = fake.in_length;
	type_at("k");
	pass_time(100000);
	outb(0x3f9, 0x01);
	assert_int_equal(inb(0x3f8), 'k');
}

static void any_bytes(void **state)
{
	(void)state;
	open_keyboard();
	for (unsigned int i = 0; i < 300000; i++) {
		uint8_t codes[TYPING_CODES + 8];
		static const char some[] = "\033\033\033[[O;~0123456789AB";
		size_t n;

		memset(codes, 0xcc, sizeof(codes));
		if (fake_below(10) == 0)
			n = typing_flush(&typing, codes);
		else
			n = typing_codes(&typing, fake_below(4) ? (uint8_t)some[fake_below(sizeof(some))] :
					 (uint8_t)fake_random(), codes);
		assert_in_range(n, 0, VPS2_QUEUE);	/* and the keyboard can take it */
		for (size_t k = n; k < sizeof(codes); k++)
			assert_int_equal(codes[k], 0xcc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_of_a_terminal, setup),
		cmocka_unit_test_setup(every_printable_character_has_its_key, setup),
		cmocka_unit_test_setup(serial_port_first, setup),
		cmocka_unit_test_setup(waits_for_a_listener, setup),
		cmocka_unit_test_setup(any_bytes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
