/*
 * The 8042: dialogues as SeaBIOS and Linux hold them, keys through both scan-code sets, the mouse, anything at all.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vps2.c vmm/devices/vps2_keyboard.c vmm/devices/vps2_mouse.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vps2.h"
#include "vmm/devices/vps2_parts.h"

static struct vps2 ps2;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vps2_init(&ps2, &fake);
	assert_int_equal(vps2_claim(&ps2, &fake.bus), 0);
	return 0;
}

static void pass_time(uint64_t microseconds)
{
	fake.now += fake.hz * microseconds / 1000000;
	if (ps2.dev.ops->deadline(&ps2.dev) <= fake.now)
		ps2.dev.ops->service(&ps2.dev, fake.now);
}

static void command(unsigned int byte)
{
	assert_int_equal(inb(0x64) & 2, 0);
	outb(0x64, byte);
}

static void expect(unsigned int byte)
{
	assert_int_equal(inb(0x64) & 0x21, 0x01);
	assert_int_equal(inb(0x60), byte);
}

static void expect_mouse(unsigned int byte)
{
	assert_int_equal(inb(0x64) & 0x21, 0x21);
	assert_int_equal(inb(0x60), byte);
}

static void expect_nothing(void)
{
	assert_int_equal(inb(0x64) & 1, 0);
}

static void set_command_byte(unsigned int value)
{
	command(0x60);
	outb(0x60, value);
}

static void to_mouse(unsigned int byte)
{
	command(0xd4);
	outb(0x60, byte);
	expect_mouse(0xfa);
}

static void key(const char *codes)
{
	assert_true(vps2_key(&ps2, (const uint8_t *)codes, strlen(codes)));
}

/* The order in which SeaBIOS brings controller and keyboard up. */
static void as_seabios_starts_it(void **state)
{
	(void)state;
	expect_nothing();
	command(0xaa);
	expect(0x55);
	command(0xab);
	expect(0x00);
	set_command_byte(0x30);
	outb(0x60, 0xff);
	expect(0xfa);
	expect(0xaa);
	outb(0x60, 0xf5);
	expect(0xfa);
	outb(0x60, 0xf0);
	expect(0xfa);
	outb(0x60, 0x02);
	expect(0xfa);
	set_command_byte(0x61);
	outb(0x60, 0xf4);
	expect(0xfa);
	expect_nothing();
	command(0x20);
	expect(0x61);
	fake.rises[1] = 0;
	pass_time(1000);
	key("\x1c\xf0\x1c");
	assert_true(fake.line[1]);
	assert_int_equal(inb(0x60), 0x1e);
	assert_false(fake.line[1]);
	assert_int_equal(inb(0x60), 0x1e);	/* a handler that reads twice loses nothing */
	pass_time(500);
	assert_true(fake.line[1]);
	assert_int_equal(inb(0x60), 0x9e);
	assert_int_equal(fake.rises[1], 2);
	assert_true(ps2.dev.ops->deadline(&ps2.dev) == TIME_NEVER);
}

/* What Linux' i8042, atkbd and psmouse do. */
static void as_linux_probes_it(void **state)
{
	(void)state;
	command(0x20);
	expect(0x65);
	set_command_byte(0x74);		/* both lines closed, no interrupts */
	command(0xd3);			/* the loop through the mouse's place */
	outb(0x60, 0x5a);
	expect_mouse(0x5a);
	command(0xa7);
	command(0x20);
	expect(0x74);
	command(0xa8);
	command(0x20);
	assert_int_equal(inb(0x60) & 0x20, 0);
	command(0xa9);
	expect(0x00);
	command(0xd3);			/* and its interrupt */
	set_command_byte(0x56);
	command(0xd3);
	outb(0x60, 0xa5);
	assert_true(fake.line[12]);
	expect_mouse(0xa5);
	assert_false(fake.line[12]);
	/* a multiplexer would answer otherwise */
	command(0xd3);
	outb(0x60, 0xf0);
	expect_mouse(0xf0);
	set_command_byte(0x47);
	outb(0x60, 0xf2);
	expect(0xfa);
	expect(0xab);
	expect(0x41);			/* 83h, translated */
	outb(0x60, 0xed);
	expect(0xfa);
	outb(0x60, 0x02);
	expect(0xfa);
	assert_int_equal(ps2.s.leds, 2);
	outb(0x60, 0xf3);
	expect(0xfa);
	outb(0x60, 0x00);
	expect(0xfa);
	outb(0x60, 0xee);
	expect(0xee);
	outb(0x60, 0xfe);
	expect(0xee);
	outb(0x60, 0xf0);
	expect(0xfa);
	outb(0x60, 0x00);
	expect(0xfa);
	expect(0x41);			/* set 2, translated */
	outb(0x60, 0xf0);
	expect(0xfa);
	outb(0x60, 0x03);
	expect(0xfe);
	outb(0x60, 0xe1);		/* no command */
	expect(0xfe);
	outb(0x60, 0xf4);
	expect(0xfa);
	/* the mouse: plain, then with the wheel's knock */
	to_mouse(0xff);
	expect_mouse(0xaa);
	expect_mouse(0x00);
	to_mouse(0xf2);
	expect_mouse(0x00);
	static const uint8_t knock[] = { 200, 100, 80 };
	for (unsigned int i = 0; i < 3; i++) {
		to_mouse(0xf3);
		to_mouse(knock[i]);
	}
	to_mouse(0xf2);
	expect_mouse(0x03);
	to_mouse(0xe8);
	to_mouse(3);
	to_mouse(0xe7);
	to_mouse(0xf4);
	to_mouse(0xe9);
	expect_mouse(0x30);
	expect_mouse(3);
	expect_mouse(80);
	to_mouse(0xe6);
	pass_time(1000);
	fake.rises[12] = 0;
	vps2_mouse(&ps2, 5, -3, 1, 1);
	expect_mouse(0x29);
	pass_time(1000);
	expect_mouse(5);
	pass_time(1000);
	expect_mouse(0xfd);
	pass_time(1000);
	expect_mouse(1);
	assert_int_equal(fake.rises[12], 4);
	expect_nothing();
}

static void mouse_modes(void **state)
{
	int x = 0, packets = 0;

	(void)state;
	set_command_byte(0x47);
	vps2_mouse(&ps2, 1, 1, 0, 0);
	expect_nothing();		/* not enabled */
	to_mouse(0xf4);
	expect_nothing();
	pass_time(1000);
	vps2_mouse(&ps2, 500, 0, 9, 4);	/* more than one packet holds */
	while (inb(0x64) & 1) {
		assert_int_equal(inb(0x60) & 0x2f, 0x0c);
		pass_time(1000);
		x += (int8_t)inb(0x60);
		pass_time(1000);
		assert_int_equal(inb(0x60), 0);
		pass_time(1000);
		packets++;
	}
	assert_int_equal(x, 500);
	assert_int_equal(packets, 4);
	/* remote: only when asked */
	to_mouse(0xf0);
	vps2_mouse(&ps2, -2, 7, 0, 2);
	expect_nothing();
	to_mouse(0xeb);
	pass_time(1000);
	expect_mouse(0x1a);
	pass_time(1000);
	expect_mouse(0xfe);
	pass_time(1000);
	expect_mouse(7);
	/* wrap: everything comes back */
	to_mouse(0xee);
	command(0xd4);
	outb(0x60, 0xf4);
	expect_mouse(0xf4);
	to_mouse(0xec);
	to_mouse(0xea);
	/* 2:1 */
	to_mouse(0xe7);
	to_mouse(0xf4);
	pass_time(1000);
	vps2_mouse(&ps2, 5, -100, 0, 0);
	expect_mouse(0x28);
	pass_time(1000);
	expect_mouse(9);
	pass_time(1000);
	expect_mouse(0x38);		/* -200, the ninth bit in the first byte */
	command(0xd4);
	outb(0x60, 0x11);
	expect_mouse(0xfe);
	to_mouse(0xe8);
	command(0xd4);
	outb(0x60, 9);			/* not a resolution */
	expect_mouse(0xfe);
}

static void lines_and_answers(void **state)
{
	(void)state;
	/* a closed line keeps its bytes */
	command(0xad);
	key("\x1c");
	expect_nothing();
	command(0xae);
	expect(0x1e);
	pass_time(1000);
	/* an answer of the controller's goes before a key that already stands there; the key is not lost */
	key("\x32");
	command(0x20);
	expect(0x65);
	expect(0x30);
	/* the output port: A20, and the reset, which works from both ends */
	command(0xd0);
	expect(0x03);
	command(0xd1);
	outb(0x60, 0xdd);
	assert_false(machine_a20(&fake));
	command(0xd0);
	expect(0x01);
	command(0xdf);
	assert_true(machine_a20(&fake));
	command(0xdd);
	command(0xd0);
	expect(0x01);
	command(0xd1);
	outb(0x60, 0xdf);
	command(0xd0);
	expect(0x03);
	assert_int_equal(fake.resets, 0);
	command(0xd1);
	outb(0x60, 0xfe);
	assert_int_equal(fake.resets, 1);
	for (unsigned int i = 0xf0; i < 0x100; i++)
		command(i);
	assert_int_equal(fake.resets, 9);
	assert_string_equal(fake.by, "port 64h");
	/* its memory */
	for (unsigned int i = 1; i < 32; i++) {
		command(0x60 + i);
		outb(0x60, i * 3);
	}
	for (unsigned int i = 1; i < 32; i++) {
		command(0x20 + i);
		expect(i * 3);
	}
	command(0xd2);
	outb(0x60, 0x1c);
	expect(0x1c);
	command(0xa4);
	expect(0xf1);
	command(0xc0);
	expect(0xa0);
	/* the keyboard switched off says nothing; its queue holds sixteen */
	outb(0x60, 0xf5);
	expect(0xfa);
	assert_false(vps2_key(&ps2, (const uint8_t *)"\x1c", 1));
	outb(0x60, 0xf4);
	expect(0xfa);
	key("0123456789abcdef");	/* the first moves on when its time has come */
	assert_false(vps2_key(&ps2, (const uint8_t *)"\x1c\x1c", 2));
	assert_false(vps2_idle(&ps2));
	ps2.dev.ops->reset(&ps2.dev);
	assert_true(vps2_idle(&ps2));
}

static void both_sets(void **state)
{
	uint8_t seen[256] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 0x84; i++)
		seen[vps2_translate((uint8_t)i)]++;
	for (unsigned int i = 1; i < 0x80; i++)
		assert_int_equal(seen[i], i == 0x41 || i == 0x54 ? (i == 0x41 ? 2 : 1) : 1);
	assert_int_equal(vps2_translate(0x84), 0x54);
	/* without translation the keys come as they are */
	set_command_byte(0x05);
	key("\xe0\x75\xe0\xf0\x75");
	static const uint8_t raw[] = { 0xe0, 0x75, 0xe0, 0xf0, 0x75 };
	for (unsigned int i = 0; i < 5; i++) {
		expect(raw[i]);
		pass_time(1000);
	}
	outb(0x60, 0xf0);
	expect(0xfa);
	outb(0x60, 0x01);
	expect(0xfa);
	outb(0x60, 0xf0);
	expect(0xfa);
	outb(0x60, 0x00);
	expect(0xfa);
	expect(0x01);
	pass_time(1000);
	key("\xe0\x75\xe0\xf0\x75");
	static const uint8_t old[] = { 0xe0, 0x48, 0xe0, 0xc8 };
	for (unsigned int i = 0; i < 4; i++) {
		expect(old[i]);
		pass_time(1000);
	}
	outb(0x60, 0xf6);
	expect(0xfa);
	set_command_byte(0x45);
	pass_time(1000);
	key("\xe0\x75\xe0\xf0\x75");
	for (unsigned int i = 0; i < 4; i++) {
		expect(old[i]);
		pass_time(1000);
	}
}

static void who_listens(void **state)
{
	(void)state;
	assert_false(vps2_listens(&ps2, fake.now));
	/* the A20 switching of a boot loader is not listening */
	for (unsigned int i = 0; i < 4; i++)
		inb(0x64);
	outb(0x64, 0xd1);
	for (unsigned int i = 0; i < 4; i++)
		inb(0x64);
	outb(0x60, 0xdf);
	assert_false(vps2_listens(&ps2, fake.now));
	for (unsigned int i = 0; i < 40; i++)
		inb(0x64);
	assert_true(vps2_listens(&ps2, fake.now));
	assert_false(vps2_listens(&ps2, fake.now + 3 * fake.hz));
	set_command_byte(0x45);
	assert_true(vps2_listens(&ps2, fake.now + 3 * fake.hz));
	command(0xad);
	assert_false(vps2_listens(&ps2, fake.now));
}

static void state_goes_round(void **state)
{
	size_t size;
	void *bytes;

	(void)state;
	set_command_byte(0x47);
	key("\x1c\xf0\x1c");
	command(0x60);
	bytes = fake_save(&ps2.dev, &size);
	ps2.dev.ops->reset(&ps2.dev);
	assert_false(fake.line[1]);
	assert_true(ps2.dev.ops->restore(&ps2.dev, bytes, size));
	assert_true(fake.line[1]);
	assert_int_equal(inb(0x60), 0x1e);
	pass_time(1000);
	assert_int_equal(inb(0x60), 0x9e);
	outb(0x60, 0x55);
	assert_int_equal(ps2.s.ram[0], 0x55);
	free(bytes);
	fake_check_bad_restore(&ps2.dev);
}

static void anything_may_be_written(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1500000; i++) {
		uint64_t deadline;

		fake.now += fake_below(fake.hz / 5000);
		if (fake_below(2))
			outb(fake_below(2) ? 0x60 : 0x64, (unsigned int)fake_random() & 0xff);
		else
			inb(fake_below(2) ? 0x60 : 0x64);
		if (fake_below(8) == 0)
			fake_random_access(&ps2.dev, 2, 0x5e, 9);
		if (fake_below(4) == 0) {
			uint8_t codes[8];

			for (unsigned int k = 0; k < 8; k++)
				codes[k] = (uint8_t)fake_random();
			vps2_key(&ps2, codes, fake_below(9));
		}
		if (fake_below(4) == 0)
			vps2_mouse(&ps2, (int)fake_random(), (int)fake_random() >> fake_below(32), (int)fake_random(),
				   (uint8_t)fake_random());
		deadline = ps2.dev.ops->deadline(&ps2.dev);
		if (deadline <= fake.now) {
			ps2.dev.ops->service(&ps2.dev, fake.now);
			assert_true(ps2.dev.ops->deadline(&ps2.dev) > fake.now);
		}
		assert_true(fake.line[1] == (ps2.s.full && !ps2.s.from_mouse && (ps2.s.ram[0] & 1)));
		assert_true(fake.line[12] == (ps2.s.full && ps2.s.from_mouse && (ps2.s.ram[0] & 2)));
		if (i % 4000 == 0) {	/* else both are soon switched off for good */
			ps2.dev.ops->reset(&ps2.dev);
			set_command_byte(0x47);
			outb(0x64, 0xd4);
			outb(0x60, 0xf4);
		}
	}
	assert_true(fake.rises[1] > 1000 && fake.rises[12] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_seabios_starts_it, setup),
		cmocka_unit_test_setup(as_linux_probes_it, setup),
		cmocka_unit_test_setup(mouse_modes, setup),
		cmocka_unit_test_setup(lines_and_answers, setup),
		cmocka_unit_test_setup(both_sets, setup),
		cmocka_unit_test_setup(who_listens, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
