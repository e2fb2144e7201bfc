/*
 * The ACPI power-management block: power-off, timer and its overflow, power button, where it is decoded.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vacpi.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vacpi.h"

static struct vacpi acpi;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vacpi_init(&acpi, &fake);
	assert_int_equal(vacpi_claim(&acpi, &fake.bus), 0);
	return 0;
}

static uint64_t deadline(void)
{
	return acpi.dev.ops->deadline(&acpi.dev);
}

static void service(void)
{
	acpi.dev.ops->service(&acpi.dev, fake.now);
}

static void power_off(void **state)
{
	(void)state;
	fake_out(0x604, 2, 0xdfff);
	fake_out(0x604, 1, 0xff);
	fake_out(0x605, 1, 0xdf);
	assert_int_equal(fake.power_offs, 0);
	assert_int_equal(fake_in(0x604, 2), 0x1c03);
	fake_out(0x604, 2, 0x2000);
	assert_int_equal(fake.power_offs, 1);
	assert_string_equal(fake.by, "port 604h");
	fake_out(0x604, 4, 0x3c00);
	assert_int_equal(fake.power_offs, 2);
	fake_out(0x605, 1, 0x20);
	assert_int_equal(fake.power_offs, 3);
	assert_int_equal(fake_in(0x604, 2) & 0x2000, 0);
}

static void smi_command(void **state)
{
	(void)state;
	outb(0xb3, 0x55);
	outb(0xb2, 0x11);
	assert_int_equal(inb(0xb2), 0x11);
	assert_int_equal(inb(0xb3), 0x55);
	assert_int_equal(fake_in(0x604, 2), 0);
	outb(0xb2, VACPI_ENABLE);
	assert_int_equal(fake_in(0x604, 2), 1);
	outb(0xb2, VACPI_DISABLE);
	assert_int_equal(fake_in(0x604, 2), 0);
}

static void timer(void **state)
{
	uint64_t start, i;

	(void)state;
	start = fake.now;
	for (i = 0; i < 100000; i++) {
		uint64_t want = (uint64_t)((unsigned __int128)(fake.now - start) * VACPI_PM_HZ / fake.hz);

		assert_int_equal(fake_in(0x608, 4), (uint32_t)want);
		assert_int_equal(fake_in(0x60a, 2), (uint32_t)want >> 16);
		assert_int_equal(fake_in(0x609, 1), want >> 8 & 0xff);
		fake.now += fake_below(1ull << fake_below(36));
		if (i == 50000)
			acpi.dev.ops->reset(&acpi.dev);	/* it runs on */
	}
	fake_out(0x608, 4, 0);
	assert_true(fake_in(0x608, 4) != 0);
	/* once in 2^31 ticks the highest bit changes */
	setup(NULL);
	outb(0xb2, VACPI_ENABLE);
	assert_true(deadline() == TIME_NEVER);
	fake_out(0x602, 2, 0x0001);
	start = fake.now;
	for (i = 1; i < 20; i++) {
		assert_true(deadline() == start + (uint64_t)(((unsigned __int128)(i << 31) * fake.hz + VACPI_PM_HZ - 1) /
							     VACPI_PM_HZ));
		fake.now = deadline() - 1;
		service();
		assert_false(fake.line[9]);
		fake.now++;
		service();
		assert_true(fake.line[9]);
		assert_true(deadline() == TIME_NEVER);
		assert_int_equal(fake_in(0x600, 4), 0x10001);
		fake_out(0x600, 2, 0xfffe);
		assert_true(fake.line[9]);
		fake_out(0x600, 2, 0x0001);
		assert_false(fake.line[9]);
	}
	/* away for hours: one interrupt */
	fake.now += fake.hz * 50000;
	service();
	assert_int_equal(fake.rises[9], i);
	fake_out(0x600, 2, 0x0001);
	assert_false(fake.line[9]);
	assert_true(deadline() > fake.now);
	/* not enabled: the bit is there when somebody looks */
	fake_out(0x602, 2, 0);
	assert_true(deadline() == TIME_NEVER);
	fake.now += fake.hz * 1000;
	assert_int_equal(fake_in(0x600, 2), 1);
	assert_false(fake.line[9]);
	fake_out(0x602, 2, 1);
	assert_true(fake.line[9]);
}

static void power_button(void **state)
{
	(void)state;
	fake_out(0x602, 2, 0x0100);
	assert_false(vacpi_power_button(&acpi));	/* no ACPI yet */
	assert_false(fake.line[9]);
	assert_int_equal(fake_in(0x600, 2), 0x0100);
	fake_out(0x600, 2, 0x0100);
	outb(0xb2, VACPI_ENABLE);
	assert_true(vacpi_power_button(&acpi));
	assert_true(fake.line[9]);
	fake_out(0x601, 1, 0x01);
	assert_false(fake.line[9]);
	fake_out(0x602, 2, 0);
	assert_false(vacpi_power_button(&acpi));
	assert_false(fake.line[9]);
	fake_out(0x602, 4, 0x00010120);	/* enable, and SCI_EN behind it */
	assert_int_equal(fake_in(0x602, 4), 0x00010120);
	assert_true(fake.line[9]);
	outb(0xb2, VACPI_DISABLE);
	assert_false(fake.line[9]);
}

static void general_purpose_events(void **state)
{
	(void)state;
	assert_int_equal(fake_in(0xafe0, 4), 0);
	fake_out(0xafe0, 4, 0x1234ffff);
	assert_int_equal(fake_in(0xafe0, 4), 0x12340000);
	assert_int_equal(fake_in(0xafe2, 1), 0x34);
	acpi.s.gpe_status = 0x0010;
	outb(0xb2, VACPI_ENABLE);
	assert_true(fake.line[9]);
	outb(0xafe0, 0x10);
	fake_in(0xafe0, 1);
	assert_false(fake.line[9]);
}

static void moves(void **state)
{
	(void)state;
	vacpi_set_base(&acpi, 0xb03f, true);
	assert_int_equal(fake_in(0x604, 2), 0xffff);
	assert_int_equal(fake_in(0xb004, 2), 0);
	fake_out(0xb004, 2, 0x2000);
	assert_string_equal(fake.by, "port B004h");
	vacpi_set_base(&acpi, 0xb000, false);
	fake_out(0xb004, 2, 0x2000);
	assert_int_equal(fake.power_offs, 1);
	vacpi_set_base(&acpi, 0, true);
	vacpi_set_base(&acpi, 0xafc0, true);	/* over GPE0: not decoded */
	assert_int_equal(fake_in(0xafc4, 2), 0xffff);
	assert_int_equal(fake_in(0xafe0, 4), 0);
	vacpi_set_base(&acpi, 0xffc0, true);
	assert_int_equal(fake_in(0xffff, 1), 0);
	acpi.dev.ops->reset(&acpi.dev);
	assert_int_equal(fake_in(0x604, 2), 0);
}

static void state_goes_round(void **state)
{
	char text[160];
	uint64_t ticks;
	size_t size;
	uint8_t *bytes;

	(void)state;
	outb(0xb2, VACPI_ENABLE);
	fake_out(0x602, 2, 0x0101);
	vacpi_set_base(&acpi, 0x500, true);
	fake.now += fake.hz * 700;
	bytes = fake_save(&acpi.dev, &size);
	ticks = fake_in(0x508, 4);
	acpi.dev.ops->dump(&acpi.dev, text, sizeof(text));
	assert_non_null(strstr(text, "base=500/1 status=0000 enable=0101 control=0001 timer=95"));
	acpi.dev.ops->reset(&acpi.dev);
	fake.now += fake.hz;
	assert_true(acpi.dev.ops->restore(&acpi.dev, bytes, size));
	assert_int_equal(fake_in(0x508, 4), ticks);
	assert_int_equal(fake_in(0x500, 2), 1);
	assert_true(fake.line[9]);
	free(bytes);
	fake_check_bad_restore(&acpi.dev);
}

static void anything_may_be_written(void **state)
{
	static const uint16_t ports[] = { 0x5fc, 0x600, 0x604, 0x608, 0xb0, 0xafdc, 0xafe0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		fake_random_access(&acpi.dev, 4, ports[fake_below(ARRAY_LEN(ports))], 8);
		fake.now += fake_below(1ull << fake_below(36));
		if (deadline() <= fake.now)
			service();
		assert_true(deadline() > fake.now);
		if (fake_below(100) == 0)
			vacpi_power_button(&acpi);
		if (fake_below(1000) == 0)
			vacpi_set_base(&acpi, (uint16_t)fake_random(), fake_below(2));
		if (i % 3000 == 0)
			acpi.dev.ops->reset(&acpi.dev);
	}
	assert_true(fake.power_offs > 1000 && fake.rises[9] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_off, setup),
		cmocka_unit_test_setup(smi_command, setup),
		cmocka_unit_test_setup(timer, setup),
		cmocka_unit_test_setup(power_button, setup),
		cmocka_unit_test_setup(general_purpose_events, setup),
		cmocka_unit_test_setup(moves, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
