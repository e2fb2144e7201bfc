/* Unit tests of the virtio balloon. */
/* Part: tests only. UNIT: vmm/devices/virtio_balloon.c vmm/devices/virtio.c vmm/devices/virtio_ring.c vmm/devices/virtio_pci.c */
/* UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c vmm/devices/vpci_assign.c vmm/devices/vpiix.c */
/* UNIT: vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/virtio_fake.h"

#include "vmm/devices/virtio_balloon.h"

#define NUMBERS 0x50000u
#define STATS 0x58000u

static struct virtio_balloon balloon;
static struct driver drv;

static int setup(void **state)
{
	(void)state;
	machine_up();
	assert_int_equal(virtio_balloon_init(&balloon, &fake, &pci, VPCI_DEVFN(3, 0)), 0);
	return 0;
}

static void start(void)
{
	assert_true(driver_start(&drv, &balloon.t, UINT64_MAX, true));
	for (unsigned int q = 0; q < 3; q++)
		driver_queue(&drv, q, 16);
	driver_ready(&drv);
}

static void pages(unsigned int q, uint32_t first, uint32_t count)
{
	uint32_t head, length;

	for (uint32_t i = 0; i < count; i++, first++)
		memcpy(fake.memory + NUMBERS + 4 * i, &first, 4);
	driver_do(&drv, q, &(struct part){ NUMBERS, 4 * count, false }, 1);
	assert_true(driver_get(&drv, q, &head, &length));
}

static void up_and_down(void **state)
{
	(void)state;
	virtio_balloon_set(&balloon, 100);	/* before there is a driver */
	assert_int_equal(fake.msis, 0);
	start();
	assert_int_equal(config_in(&balloon.t, 0, 4), 0x10451af4);
	assert_int_equal(fake_read(drv.base + 0x2000, 4), 100);
	pages(0, 10, 100);
	assert_int_equal(virtio_balloon_pages(&balloon), 100);
	fake_write(drv.base + 0x2004, 4, 100);
	assert_int_equal(fake_read(drv.base + 0x2004, 4), 100);
	fake_write(drv.base + 0x2000, 4, 7);	/* the target is ours */
	assert_int_equal(fake_read(drv.base + 0x2000, 4), 100);
	fake.msis = 0;
	virtio_balloon_set(&balloon, 20);
	assert_int_equal(fake.msis, 1);
	assert_int_equal(fake.msi_data, 0x40);
	assert_int_equal(fake_read(drv.base + 0x15, 1), 2);
	pages(1, 10, 80);
	assert_int_equal(virtio_balloon_pages(&balloon), 20);
	pages(0, RAM / 4096 - 2, 5);	/* three of them are no pages of ours */
	assert_int_equal(virtio_balloon_pages(&balloon), 22);
	for (int i = 0; i < 5; i++)
		pages(0, 0, 200);
	assert_int_equal(virtio_balloon_pages(&balloon), RAM / 4096);
	for (int i = 0; i < 5; i++)
		pages(1, 0, 200);
	assert_int_equal(virtio_balloon_pages(&balloon), 0);
	virtio_balloon_set(&balloon, UINT64_MAX);
	assert_int_equal(fake_read(drv.base + 0x2000, 4), RAM / 4096);
}

static void statistics(void **state)
{
	static const uint8_t stats[] = {
		4, 0, 0x11, 0x22, 0x33, 0, 0, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 99, 0, 1, 1, 1, 1, 1, 1, 1, 1, 6, 0, 1,
	};
	uint32_t head, length;
	size_t size;
	void *bytes;

	(void)state;
	assert_false(virtio_balloon_ask(&balloon));
	start();
	assert_false(virtio_balloon_ask(&balloon));
	memcpy(fake.memory + STATS, stats, sizeof(stats));
	driver_do(&drv, 2, &(struct part){ STATS, sizeof(stats), false }, 1);
	assert_false(driver_get(&drv, 2, &head, &length));	/* kept until it is wanted */
	assert_true(balloon.s.stats[BALLOON_FREE] == 0x332211);
	assert_true(balloon.s.stats[BALLOON_TOTAL] == 0x8000000000000001u);
	assert_int_equal(balloon.s.told, 1u << BALLOON_FREE | 1u << BALLOON_TOTAL);
	bytes = fake_save(&balloon.t.pci.dev, &size);
	balloon.t.pci.dev.ops->reset(&balloon.t.pci.dev);
	assert_false(virtio_balloon_ask(&balloon));
	assert_true(balloon.t.pci.dev.ops->restore(&balloon.t.pci.dev, bytes, size));
	free(bytes);
	assert_true(virtio_balloon_ask(&balloon));
	assert_true(driver_get(&drv, 2, &head, &length));
	assert_false(virtio_balloon_ask(&balloon));
	fake.memory[STATS + 2] = 0x99;
	driver_do(&drv, 2, &(struct part){ STATS, sizeof(stats), false }, 1);
	assert_true(balloon.s.stats[BALLOON_FREE] == 0x332299);
	check_canaries();
}

static void anything_may_be_written(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		driver_attack(&balloon.t, 3, UINT64_MAX, 10);
		virtio_balloon_ask(&balloon);
		virtio_balloon_set(&balloon, fake_random());
		assert_in_range(virtio_balloon_pages(&balloon), 0, RAM / 4096);
	}
	start();
	fake_check_bad_restore(&balloon.t.pci.dev);
	check_canaries();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(up_and_down, setup),
		cmocka_unit_test_setup(statistics, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(ram_block);
	return failed;
}
