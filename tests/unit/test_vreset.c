/*
 * The ways out of a machine (reset, power-off) and the POST port.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vreset.c vmm/devices/vdelay.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vdelay.h"
#include "vmm/devices/vreset.h"

static struct vreset reset;
static struct vdelay delay;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vreset_init(&reset, &fake);
	vdelay_init(&delay, &fake);
	assert_int_equal(vreset_claim(&reset, &fake.bus), 0);
	assert_int_equal(vdelay_claim(&delay, &fake.bus), 0);
	return 0;
}

static void port_92(void **state)
{
	(void)state;
	assert_int_equal(reset.s.port92, 0);
	assert_int_equal(inb(0x92), 0x02);
	outb(0x92, 0x00);
	assert_int_equal(inb(0x92), 0x00);
	assert_false(machine_a20(&fake));
	machine_set_a20(&fake, true);	/* the 8042's doing */
	assert_int_equal(inb(0x92), 0x02);
	outb(0x92, 0x00);
	reset.dev.ops->reset(&reset.dev);
	assert_true(machine_a20(&fake));
	assert_int_equal(fake.resets, 0);
	outb(0x92, 0x03);
	assert_int_equal(fake.resets, 1);
	outb(0x92, 0x03);	/* no edge */
	assert_int_equal(fake.resets, 1);
	reset.dev.ops->reset(&reset.dev);
	outb(0x92, 0x01);
	assert_int_equal(fake.resets, 2);
	assert_string_equal(fake.by, "port 92h");
}

static void port_cf9(void **state)
{
	(void)state;
	fake_out(0xcf8, 4, 0x8000fffc);	/* a PCI configuration address, not a reset */
	fake_out(0xcf8, 2, 0x0600);
	fake_out(0xcf9, 2, 0x0606);
	assert_int_equal(fake.resets, 0);
	assert_int_equal(fake_in(0xcf8, 4), 0xffffffff);
	assert_int_equal(inb(0xcfb), 0xff);
	outb(0xcf9, 0x02);
	assert_int_equal(inb(0xcf9), 0x02);
	assert_int_equal(fake.resets, 0);
	outb(0xcf9, 0x06);
	assert_int_equal(fake.resets, 1);
	outb(0xcf9, 0x0e);
	assert_int_equal(fake.resets, 1);
	outb(0xcf9, 0x00);
	outb(0xcf9, 0x04);
	assert_int_equal(fake.resets, 2);
	assert_string_equal(fake.by, "port CF9h");
}

static void spell(const char *word)
{
	for (; *word; word++)
		outb(0x8900, (uint8_t)*word);
}

static void spelled_power_off(void **state)
{
	(void)state;
	spell("shutdown");
	spell("Shutdow");
	assert_int_equal(fake.power_offs, 0);
	spell("nShutdownShut");
	assert_int_equal(fake.power_offs, 2);
	spell("Shutdown");	/* "ShutS" begins again at its last letter */
	assert_int_equal(fake.power_offs, 3);
	assert_string_equal(fake.by, "port 8900h");
	assert_int_equal(inb(0x8900), 0xff);
	fake_out(0x8900, 1, 'S');
	fake_out(0x8900, 4, 0x74756800 | 'h');	/* four ports: one letter for this one */
	spell("utdown");
	assert_int_equal(fake.power_offs, 4);
}

static void post_port_keeps_a_byte(void **state)
{
	char text[32];

	(void)state;
	outb(0x80, 0x42);
	assert_int_equal(inb(0x80), 0x42);
	delay.dev.ops->dump(&delay.dev, text, sizeof(text));
	assert_string_equal(text, "code=42");
	delay.dev.ops->reset(&delay.dev);
	assert_int_equal(inb(0x80), 0);
}

static void state_goes_round(void **state)
{
	size_t size, delay_size;
	void *bytes, *delay_bytes;
	unsigned int spelled;

	(void)state;
	outb(0xcf9, 0x02);
	outb(0x92, 0x0c);
	outb(0x80, 0x77);
	spell("Shut");
	bytes = fake_save(&reset.dev, &size);
	delay_bytes = fake_save(&delay.dev, &delay_size);
	reset.dev.ops->reset(&reset.dev);
	delay.dev.ops->reset(&delay.dev);
	assert_int_equal(inb(0xcf9), 0);
	assert_true(reset.dev.ops->restore(&reset.dev, bytes, size));
	assert_true(delay.dev.ops->restore(&delay.dev, delay_bytes, delay_size));
	assert_false(delay.dev.ops->restore(&delay.dev, bytes, size));
	assert_int_equal(inb(0xcf9), 0x02);
	assert_int_equal(inb(0x92), 0x0c);	/* A20 off again */
	assert_false(machine_a20(&fake));
	assert_int_equal(inb(0x80), 0x77);
	spell("down");
	assert_int_equal(fake.power_offs, 1);
	spell("down");	/* the word is over */
	assert_int_equal(fake.power_offs, 1);
	for (spelled = 0; spelled < 256; spelled++) {
		/* behind the header: ports 92h and CF9h, then the letters */
		((uint8_t *)bytes)[size - 1] = (uint8_t)spelled;
		assert_true(reset.dev.ops->restore(&reset.dev, bytes, size) == (spelled < 8));
	}
	free(bytes);
	free(delay_bytes);
	fake_check_bad_restore(&reset.dev);
	fake_check_bad_restore(&delay.dev);
}

static void anything_may_be_written(void **state)
{
	static const uint16_t ports[] = { 0x5e, 0x60, 0x64, 0x80, 0x90, 0xcf4, 0xcf8, 0x88fe };
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		fake_random_access(&reset.dev, 7, ports[fake_below(ARRAY_LEN(ports))], 5);
		if (i % 1000 == 0)
			reset.dev.ops->reset(&reset.dev);
		assert_true(reset.s.spelled < 8);
	}
	assert_true(fake.resets > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(port_92, setup),
		cmocka_unit_test_setup(port_cf9, setup),
		cmocka_unit_test_setup(spelled_power_off, setup),
		cmocka_unit_test_setup(post_port_keeps_a_byte, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
