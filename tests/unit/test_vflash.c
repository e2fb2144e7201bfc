/* Tests the flash: every dialogue of its command set, what is mapped when, OVMF's probe, random accesses.
 * Part: unit tests, on the host.
 * UNIT: vmm/devices/vflash.c vmm/machine/bus.c lib/string.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "lib/errno.h"
#include "vmm/devices/vflash.h"

#define SIZE 0x8000u
#define BASE 0xffbf8000u

static struct vflash dev;
static uint8_t contents[SIZE];

static uint64_t in_n(uint64_t at, unsigned int size)
{
	return fake_read(BASE + at, size);
}

static void out_n(uint64_t at, unsigned int size, uint64_t value)
{
	fake_write(BASE + at, size, value);
}

static uint8_t in(uint64_t at)
{
	return (uint8_t)in_n(at, 1);
}

static void out(uint64_t at, uint8_t value)
{
	out_n(at, 1, value);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	for (size_t i = 0; i < SIZE; i++)
		contents[i] = (uint8_t)(i * 3 + i / 256);
	free(dev.storage);
	vflash_init(&dev, &fake, &fake.bus);
	assert_int_equal(vflash_insert(&dev, BASE, contents, SIZE, true), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(dev.storage);
	dev.storage = NULL;
	return 0;
}

static uint32_t rights(void)
{
	return fake.row[ROW_FLASH].rights;
}

static void test_array(void **state)
{
	(void)state;
	assert_int_equal(fake.row[ROW_FLASH].gpa, BASE);
	assert_int_equal(fake.row[ROW_FLASH].bytes, SIZE);
	assert_ptr_equal(fake.row[ROW_FLASH].storage, dev.storage);
	assert_int_equal(rights(), 5);
	assert_memory_equal(dev.storage, contents, SIZE);
	assert_int_equal(in(0x123), contents[0x123]);
	assert_int_equal(in_n(0x120, 8) >> 24 & 0xff, contents[0x123]);
	assert_int_equal(in_n(SIZE - 1, 4), 0xffffff00u | contents[SIZE - 1]);
	out(5, 0x70);
	assert_int_equal(rights(), 0);
	assert_int_equal(in(9), 0x80);
	out(5, 0xff);
	assert_int_equal(rights(), 5);
}

/* The order in which OVMF finds out what it has before it. */
static void test_probe(void **state)
{
	(void)state;
	out(0x10, 0x50);
	assert_int_equal(rights(), 5);
	assert_int_equal(in(0x10), contents[0x10]);
	out(0x10, 0x70);
	assert_int_equal(in(0x10), 0x00);
	out(0x10, 0xff);
	assert_int_equal(in(0x10), contents[0x10]);
}

static void test_program(void **state)
{
	(void)state;
	contents[0] = 0;
	dev.storage[0x777] = 0xff;
	dev.storage[0x778] = 0xf0;
	out(0x777, 0x10);
	assert_int_equal(rights(), 0);
	out(0x777, 0x5a);
	assert_int_equal(in(0), 0x80);
	out(0x778, 0x40);
	out(0x778, 0x3c);
	out(0x778, 0xff);
	assert_int_equal(in(0x777), 0x5a);
	assert_int_equal(in(0x778), 0x30);	/* bits are only cleared */
	assert_int_equal(rights(), 5);
}

static void test_erase(void **state)
{
	(void)state;
	out(0x2345, 0x20);
	out(0x2345, 0xd0);
	assert_int_equal(in(0), 0x80);
	out(0, 0xff);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(dev.storage[i], i / 4096 == 2 ? 0xff : contents[i]);
	out(0x4000, 0x20);
	out(0x4000, 0x33);
	assert_int_equal(in(0), 0xb0);
	out(0, 0x50);
	out(0, 0x70);
	assert_int_equal(in(0), 0);
	out(0, 0xff);
	assert_int_equal(in(0x4000), contents[0x4000]);
	out(0x4000, 0x20);
	out(0x4000, 0xff);
	assert_int_equal(rights(), 5);
	out(0x4000, 0x60);
	out(0x4000, 0xd0);
	assert_int_equal(in(0x4000) & 0x80, 0x80);
}

static void test_buffer(void **state)
{
	(void)state;
	memset(dev.storage + 0x1000, 0xff, 0x1000);
	out(0x1010, 0xe8);
	assert_int_equal(in(0x1010) & 0x80, 0x80);
	out(0x1010, 3);
	out_n(0x1010, 4, 0x44332211);
	out(0x1010, 0xd0);
	assert_int_equal(in(0) & 0xb0, 0x80);
	out(0, 0xff);
	assert_int_equal(in_n(0x1010, 4), 0x44332211);
	assert_int_equal(in(0x1014), 0xff);
	/* too many, outside the window, not confirmed: errors, and nothing is changed */
	out(0x1020, 0xe8);
	out(0x1020, 64);
	assert_int_equal(in(0) & 0x30, 0x30);
	out(0, 0x50);
	out(0x1020, 0xe8);
	out(0x1020, 1);
	out(0x1020, 1);
	out(0x1060, 2);
	out(0x1020, 0xd0);
	assert_int_equal(in(0) & 0x30, 0x30);
	out(0, 0x50);
	out(0x1020, 0xe8);
	out(0x1020, 0);
	out(0x1020, 1);
	out(0x1020, 0x55);
	out(0, 0xff);
	for (unsigned int i = 0x1014; i < 0x2000; i++)
		assert_int_equal(dev.storage[i], 0xff);
	/* at the very end */
	dev.storage[SIZE - 1] = 0xff;
	out(0, 0x50);
	out(SIZE - 1, 0xe8);
	out(SIZE - 1, 0);
	out(SIZE - 1, 0x12);
	out(SIZE - 1, 0xd0);
	out(0, 0xff);
	assert_int_equal(in(SIZE - 1), 0x12);
}

static void test_identity(void **state)
{
	(void)state;
	out(0, 0x90);
	assert_int_equal(in(0), 0x89);
	assert_int_equal(in(1), 0x18);
	assert_int_equal(in(2), 0);
	out(0x55, 0x98);
	assert_int_equal(in(0x10), 'Q');
	assert_int_equal(in(0x11), 'R');
	assert_int_equal(in(0x12), 'Y');
	assert_int_equal(in(0x27), 15);
	assert_int_equal(in(0x2d) | in(0x2e) << 8, SIZE / 4096 - 1);
	assert_int_equal((in(0x2f) | in(0x30) << 8) * 256, 4096 * 256);
	assert_int_equal(in(0x31), 'P');
	assert_int_equal(in(0xff), 0);
	out(0, 0xff);
}

static void test_insert(void **state)
{
	(void)state;
	out(0x777, 0x20);
	out(0x777, 0xd0);
	/* the same bank keeps what was written, also over a reset */
	dev.dev.ops->reset(&dev.dev);
	assert_int_equal(rights(), 5);
	assert_int_equal(vflash_insert(&dev, BASE, contents, SIZE, false), 0);
	assert_int_equal(in(0x777), 0xff);
	assert_int_equal(vflash_insert(&dev, BASE, contents, SIZE, true), 0);
	assert_int_equal(in(0x777), contents[0x777]);
	vflash_remove(&dev);
	assert_int_equal(rights(), 0);
	assert_int_equal(in(0), 0xff);
	vflash_remove(&dev);
	assert_int_equal(vflash_insert(&dev, BASE, contents, 0x1000, false), 0);
	assert_int_equal(fake.row[ROW_FLASH].bytes, 0x1000);
	assert_int_equal(vflash_insert(&dev, BASE + 1, contents, 0x1000, false), -EINVAL);
	assert_int_equal(vflash_insert(&dev, BASE, contents, 0x1001, false), -EINVAL);
	assert_int_equal(vflash_insert(&dev, BASE, contents, 0, false), -EINVAL);
	assert_int_equal(vflash_insert(&dev, BASE, contents, MIB(17), false), -EINVAL);
}

static void test_state(void **state)
{
	void *bytes;
	size_t size;
	char text[128];

	(void)state;
	dev.storage[0x99] = 0xff;
	out(0x99, 0x40);
	bytes = fake_save(&dev.dev, &size);
	out(0x99, 0x0f);
	dev.dev.ops->reset(&dev.dev);
	assert_true(dev.dev.ops->restore(&dev.dev, bytes, size));
	assert_int_equal(rights(), 0);
	out(0x99, 0xf0);
	out(0x99, 0xff);
	assert_int_equal(in(0x99), 0xf0);
	free(bytes);
	dev.dev.ops->dump(&dev.dev, text, sizeof(text));
	assert_non_null(strstr(text, "32 KiB"));
	/* a small bank, so that random bytes hit the registers */
	assert_int_equal(vflash_insert(&dev, BASE, contents, 0x1000, true), 0);
	bytes = fake_save(&dev.dev, &size);
	for (int i = 0; i < 40000; i++) {
		uint8_t *bad = malloc(size);

		memcpy(bad, bytes, size);
		for (unsigned int flips = 1 + (unsigned int)fake_below(3); flips--;)
			bad[8 + fake_below(sizeof(dev.s))] = (uint8_t)(fake_below(2) ? fake_random() : fake_below(12));
		if (dev.dev.ops->restore(&dev.dev, bad, size))
			for (int k = 0; k < 70; k++)
				out(fake_below(0x1000), (uint8_t)(fake_below(3) ? fake_random() : 0xd0));
		free(bad);
	}
	free(bytes);
	fake_check_bad_restore(&dev.dev);
}

static void test_fuzz(void **state)
{
	static const uint8_t commands[] = { 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff };
	static const uint8_t sizes[] = { 1, 1, 1, 2, 4, 8 };

	(void)state;
	for (int i = 0; i < 400000; i++) {
		uint64_t at = fake_below(8) ? fake_below(SIZE) : SIZE - 16 + fake_below(32);
		unsigned int size = sizes[fake_below(sizeof(sizes))];

		if (fake_below(3) == 0)
			in_n(at, size);
		else
			out_n(at, size, fake_below(2) ? commands[fake_below(sizeof(commands))] : fake_random());
		assert_int_equal(rights(), dev.s.mode == 0 ? 5 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_array, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_erase, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_insert, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fuzz, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
