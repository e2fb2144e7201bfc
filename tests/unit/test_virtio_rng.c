/* Unit tests of the virtio entropy device. */
/* Part: tests only. UNIT: vmm/devices/virtio_rng.c vmm/devices/virtio.c vmm/devices/virtio_ring.c vmm/devices/virtio_pci.c */
/* UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c vmm/devices/vpci_assign.c vmm/devices/vpiix.c */
/* UNIT: vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/virtio_fake.h"

#include "vmm/devices/virtio_rng.h"

#define BUFFER 0x50000u

static struct virtio_rng rng;
static struct driver drv;

static int setup(void **state)
{
	(void)state;
	machine_up();
	assert_int_equal(virtio_rng_init(&rng, &fake, &pci, VPCI_DEVFN(3, 0)), 0);
	return 0;
}

static void start(void)
{
	assert_true(driver_start(&drv, &rng.t, UINT64_MAX, true));
	driver_queue(&drv, 0, 16);
	driver_ready(&drv);
}

static void bytes_come(void **state)
{
	uint32_t head, length;

	(void)state;
	start();
	assert_int_equal(config_in(&rng.t, 0, 4), 0x10441af4);
	for (uint32_t n = 1; n < 700; n += 13) {
		unsigned int zeros = 0, expected = n < 512 ? n : 512;

		memset(fake.memory + BUFFER, 0, 1024);
		driver_do(&drv, 0, &(struct part){ BUFFER, n, true }, 1);
		assert_true(driver_get(&drv, 0, &head, &length));
		assert_int_equal(length, expected);
		for (unsigned int i = 0; i < 1024; i++)
			zeros += fake.memory[BUFFER + i] == 0;
		assert_in_range(zeros, 1024 - expected, 1024 - expected + expected / 20 + 3);
		assert_int_equal(fake.memory[BUFFER + expected], 0);
	}
	check_canaries();
}

/* A driver that knows MSI alone: one message an interrupt, and the pin stays quiet. */
static void messages_without_a_table(void **state)
{
	unsigned int at = rng.t.pci.msi;
	uint32_t head, length;

	(void)state;
	assert_true(driver_start(&drv, &rng.t, UINT64_MAX, false));
	driver_queue(&drv, 0, 16);
	driver_ready(&drv);
	config_out(&rng.t, at + 4, 4, 0xfee00000);
	config_out(&rng.t, at + 12, 2, 0x51);
	config_out(&rng.t, at + 2, 2, 1);
	for (unsigned int n = 1; n < 4; n++) {
		driver_do(&drv, 0, &(struct part){ BUFFER, 16, true }, 1);
		assert_true(driver_get(&drv, 0, &head, &length));
		assert_int_equal(fake.msis, n);
		assert_true(fake.msi_address == 0xfee00000 && fake.msi_data == 0x51);
		assert_false(rng.t.pci.driven);
	}
	config_out(&rng.t, at + 2, 2, 0);
	assert_true(rng.t.pci.driven);
}

static void anything_may_be_written(void **state)
{
	(void)state;
	driver_attack(&rng.t, 1, UINT64_MAX, 6000);
	assert_true(rng.bytes > 10000);
	start();
	fake_check_bad_restore(&rng.t.pci.dev);
	check_canaries();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_come, setup),
		cmocka_unit_test_setup(messages_without_a_table, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(ram_block);
	return failed;
}
