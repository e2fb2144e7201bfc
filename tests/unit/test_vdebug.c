/*
 * The debug exit and the debug console.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vdebug.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vdebug.h"

static struct vdebug debug;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vdebug_init(&debug, &fake);
	return 0;
}

static void exit_with_a_code(void **state)
{
	(void)state;
	assert_int_equal(vdebug_claim(&debug, &fake.bus, true, false), 0);
	assert_int_equal(inb(0xf4), 0);
	outb(0xf4, 0x10);
	assert_int_equal(fake.exit_codes, 1);
	assert_int_equal(fake.exit_code, 0x21);
	fake_out(0xf4, 2, 0x1234);
	assert_int_equal(fake.exit_code, 0x2469);
	fake_out(0xf4, 4, 0xffffffff);
	assert_int_equal(fake.exit_codes, 3);
	assert_int_equal(fake.exit_code, 0xffffffff);
	assert_int_equal(inb(0xe9), 0xff);
}

static void console(void **state)
{
	(void)state;
	assert_int_equal(vdebug_claim(&debug, &fake.bus, false, true), 0);
	assert_int_equal(inb(0xe9), 0xe9);
	for (const char *c = "hello"; *c; c++)
		outb(0xe9, (unsigned int)*c);
	assert_memory_equal(fake.out, "hello", 5);
	fake.room = 1;
	outb(0xe9, 'a');
	outb(0xe9, 'b');
	assert_int_equal(debug.lost, 1);
	assert_int_equal(fake.out_length, 6);
	outb(0xf4, 1);
	assert_int_equal(fake.exit_codes, 0);
	fake_check_bad_restore(&debug.dev);
	debug.dev.ops->reset(&debug.dev);
	for (unsigned int i = 0; i < 100000; i++)
		fake_random_access(&debug.dev, 3, 0xe0, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(exit_with_a_code, setup),
		cmocka_unit_test_setup(console, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
