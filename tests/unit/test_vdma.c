/*
 * The DMA controllers' registers and the floating-point unit's wire to line 13.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vdma.c vmm/devices/vferr.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vdma.h"
#include "vmm/devices/vferr.h"

static struct vdma dma;
static struct vferr ferr;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vdma_init(&dma, &fake);
	vferr_init(&ferr, &fake);
	assert_int_equal(vdma_claim(&dma, &fake.bus), 0);
	assert_int_equal(vferr_claim(&ferr, &fake.bus), 0);
	return 0;
}

static void addresses_by_bytes(void **state)
{
	static const struct { uint16_t port, clear; } registers[] = {
		{ 0x00, 0x0c }, { 0x03, 0x0c }, { 0x07, 0x0c }, { 0xc4, 0xd8 }, { 0xce, 0xd8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(registers); i++) {
		outb(registers[i].clear, 0);
		outb(registers[i].port, 0x34);
		outb(registers[i].port, 0x12);
		assert_int_equal(inb(registers[i].port), 0x34);
		assert_int_equal(inb(registers[i].port), 0x12);
		inb(registers[i].port);
		outb(registers[i].clear, 0);
		assert_int_equal(inb(registers[i].port), 0x34);
		outb(registers[i].clear, 0);
	}
}

static void masks_and_requests(void **state)
{
	(void)state;
	assert_int_equal(inb(0x0f), 0xff);
	outb(0x0a, 2);
	assert_int_equal(inb(0x0f), 0xfb);
	outb(0x0a, 6);
	outb(0x0e, 0);
	assert_int_equal(inb(0x0f), 0xf0);
	outb(0x0f, 0x35);
	assert_int_equal(inb(0x0f), 0xf5);
	outb(0x09, 5);
	assert_int_equal(inb(0x08), 0x20);
	outb(0xd2, 7);
	assert_int_equal(inb(0xd0), 0x80);
	outb(0xda, 0);
	assert_int_equal(inb(0xd0), 0);
	assert_int_equal(inb(0xde), 0xff);
	assert_int_equal(inb(0x0d), 0);
	outb(0x0b, 0x5a);
	assert_int_equal(dma.s.chip[0].mode[2], 0x58);
}

static void pages(void **state)
{
	(void)state;
	for (uint16_t port = 0x81; port <= 0x8f; port++) {
		assert_int_equal(inb(port), 0);
		outb(port, port ^ 0x55);
	}
	for (uint16_t port = 0x81; port <= 0x8f; port++)
		assert_int_equal(inb(port), port ^ 0x55);
	assert_int_equal(inb(0x80), 0xff);
	dma.dev.ops->reset(&dma.dev);
	assert_int_equal(inb(0x87), 0);
}

static void error_latch(void **state)
{
	(void)state;
	vferr_assert(&ferr);
	vferr_assert(&ferr);
	assert_true(fake.line[13]);
	assert_int_equal(fake.rises[13], 1);
	assert_int_equal(inb(0xf0), 0xff);
	assert_true(fake.line[13]);
	outb(0xf0, 0);
	assert_false(fake.line[13]);
	vferr_assert(&ferr);
	ferr.dev.ops->reset(&ferr.dev);
	assert_false(fake.line[13]);
}

static void state_goes_and_comes(void **state)
{
	size_t size;
	void *bytes;

	(void)state;
	for (int i = 0; i < 100000; i++)
		fake_random_access(&dma.dev, 4, 0, 0x100);
	bytes = fake_save(&dma.dev, &size);
	dma.dev.ops->reset(&dma.dev);
	assert_true(dma.dev.ops->restore(&dma.dev, bytes, size));
	assert_memory_equal((uint8_t *)bytes + 8, &dma.s, sizeof(dma.s));
	free(bytes);
	fake_check_bad_restore(&dma.dev);
	fake_check_bad_restore(&ferr.dev);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(addresses_by_bytes, setup),
		cmocka_unit_test_setup(masks_and_requests, setup),
		cmocka_unit_test_setup(pages, setup),
		cmocka_unit_test_setup(error_latch, setup),
		cmocka_unit_test_setup(state_goes_and_comes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
