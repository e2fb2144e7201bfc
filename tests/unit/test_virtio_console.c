/* Unit tests of the virtio console. */
/* Part: tests only. UNIT: vmm/devices/virtio_console.c vmm/devices/virtio.c vmm/devices/virtio_ring.c vmm/devices/virtio_pci.c */
/* UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c vmm/devices/vpci_assign.c vmm/devices/vpiix.c */
/* UNIT: vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/virtio_fake.h"

#include "vmm/devices/virtio_console.h"

#define TEXT 0x50000u
#define INPUT 0x60000u

static struct virtio_console con;
static struct driver drv;

static int setup(void **state)
{
	(void)state;
	machine_up();
	assert_int_equal(virtio_console_init(&con, &fake, &pci, VPCI_DEVFN(3, 0)), 0);
	return 0;
}

static void start(void)
{
	assert_true(driver_start(&drv, &con.t, UINT64_MAX, true));
	driver_queue(&drv, 0, 16);
	driver_queue(&drv, 1, 16);
	driver_ready(&drv);
}

static void output(void **state)
{
	struct part parts[2] = { { TEXT, 5, false }, { TEXT + 5, 6, false } };
	uint32_t head, length;

	(void)state;
	start();
	assert_int_equal(config_in(&con.t, 0, 4), 0x10431af4);
	memcpy(fake.memory + TEXT, "hello world", 11);
	driver_do(&drv, 1, parts, 2);
	assert_memory_equal(fake.out, "hello world", 11);
	assert_true(driver_get(&drv, 1, &head, &length));
	assert_int_equal(length, 0);
	assert_int_equal(fake.msis, 1);
	/* a full console holds the buffer, and nothing is lost or doubled */
	fake.room = 3;
	driver_do(&drv, 1, parts, 2);
	assert_int_equal(fake.out_length, 14);
	assert_false(driver_get(&drv, 1, &head, &length));
	assert_int_equal(run_service(&con.t.pci.dev, 5), 5);
	fake.room = 4;
	run_service(&con.t.pci.dev, 1);
	{
		size_t size;
		void *bytes = fake_save(&con.t.pci.dev, &size);

		con.t.pci.dev.ops->reset(&con.t.pci.dev);
		assert_int_equal(con.progress, 0);
		assert_true(con.t.pci.dev.ops->restore(&con.t.pci.dev, bytes, size));
		free(bytes);
	}
	fake.room = 100;
	run_service(&con.t.pci.dev, 5);
	assert_memory_equal(fake.out, "hello worldhello world", 22);
	assert_true(driver_get(&drv, 1, &head, &length));
	assert_int_equal(fake.msis, 2);
	fake_write(drv.base + 0x2008, 4, '!');
	assert_int_equal(fake.out[22], '!');
	assert_int_equal(fake.out_length, 23);
	check_canaries();
}

static void input(void **state)
{
	struct part part = { INPUT, 8, true };
	uint32_t head, length;

	(void)state;
	fake_type("before");
	virtio_console_kick(&con);	/* no driver yet: it waits */
	start();
	driver_do(&drv, 0, &part, 1);
	assert_true(driver_get(&drv, 0, &head, &length));
	assert_int_equal(length, 6);
	assert_memory_equal(fake.memory + INPUT, "before", 6);
	driver_do(&drv, 0, &part, 1);
	assert_false(driver_get(&drv, 0, &head, &length));
	fake_type("0123456789");
	virtio_console_kick(&con);
	assert_true(driver_get(&drv, 0, &head, &length));
	assert_int_equal(length, 8);
	assert_memory_equal(fake.memory + INPUT, "01234567", 8);
	assert_false(driver_get(&drv, 0, &head, &length));
	driver_do(&drv, 0, &part, 1);
	assert_true(driver_get(&drv, 0, &head, &length));
	assert_memory_equal(fake.memory + INPUT, "89", 2);
	assert_int_equal(fake.msis, 3);
	check_canaries();
}

static void anything_may_be_written(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 600; i++) {
		fake.room = (unsigned int)fake_below(1000);
		fake.in_length = fake.in_taken + (unsigned int)fake_below(200);
		driver_attack(&con.t, 2, UINT64_MAX, 10);
		virtio_console_kick(&con);
	}
	assert_true(fake.out_length > 10000 && fake.in_taken > 10000);
	start();
	fake_check_bad_restore(&con.t.pci.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(output, setup),
		cmocka_unit_test_setup(input, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(ram_block);
	return failed;
}
