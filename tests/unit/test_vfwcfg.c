/* Tests fw_cfg: selector, data port, DMA with its bounds, the directory, random requests between canaries.
 * Part: unit tests, on the host.
 * UNIT: vmm/devices/vfwcfg.c vmm/machine/bus.c lib/string.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include <stdio.h>

#include "lib/errno.h"
#include "vmm/devices/vfwcfg.h"

#define STORAGE 0x8000u
#define CANARY	64u

static struct vfwcfg dev;
static uint8_t arena[STORAGE + 2 * CANARY];
static uint8_t item[3000], writable[40];

static int setup(void **state)
{
	(void)state;
	fake_init();
	memset(arena, 0xc5, sizeof(arena));
	fake.memory = arena + CANARY;
	fake.storage = STORAGE;
	for (size_t i = 0; i < sizeof(item); i++)
		item[i] = (uint8_t)(i * 7 + i / 256 + 1);
	vfwcfg_init(&dev, &fake);
	assert_int_equal(vfwcfg_claim(&dev, &fake.bus), 0);
	return 0;
}

static void check_canaries(void)
{
	for (size_t i = 0; i < CANARY; i++) {
		assert_int_equal(arena[i], 0xc5);
		assert_int_equal(arena[CANARY + STORAGE + i], 0xc5);
	}
}

static void be32(uint8_t *to, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(to, &v, 4);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t v;

	memcpy(&v, from, 4);
	return __builtin_bswap32(v);
}

static uint32_t dma(uint64_t at, uint32_t control, uint32_t length, uint64_t address)
{
	uint8_t *r = fake.memory + at;

	be32(r, control);
	be32(r + 4, length);
	be32(r + 8, (uint32_t)(address >> 32));
	be32(r + 12, (uint32_t)address);
	fake_out(0x518, 4, __builtin_bswap32((uint32_t)at));
	return get32(r);
}

static void test_ports(void **state)
{
	(void)state;
	fake_out(0x510, 2, 0);
	assert_int_equal(inb(0x511), 'Q');
	assert_int_equal(inb(0x511), 'E');
	assert_int_equal(inb(0x511), 'M');
	assert_int_equal(inb(0x511), 'U');
	assert_int_equal(inb(0x511), 0);
	fake_out(0x510, 2, 1);
	assert_int_equal(inb(0x511), 3);
	/* data writes and byte selectors do nothing */
	outb(0x511, 9);
	outb(0x510, 9);
	assert_int_equal(inb(0x511), 0);
	assert_int_equal(inb(0x510), 0);
	assert_int_equal(vfwcfg_add_number(&dev, VFWCFG_CPUS, 0x102, 2), 0);
	assert_int_equal(vfwcfg_add_number(&dev, VFWCFG_CPUS, 1, 2), -EEXIST);
	fake_out(0x510, 2, VFWCFG_CPUS);
	assert_int_equal(fake_in(0x510, 2), 0x200);	/* the byte at 511h is data */
	assert_int_equal(inb(0x511), 1);
	assert_int_equal(inb(0x511), 0);
	fake_out(0x510, 2, 0x7777);
	assert_int_equal(inb(0x511), 0);
	assert_int_equal(fake_in(0x514, 4), 0x554d4551);
	assert_int_equal(fake_in(0x518, 4), 0x47464320);
	assert_int_equal(fake_in(0x51a, 1), 'F');
}

static void test_directory(void **state)
{
	uint8_t *d = fake.memory + 0x1000;
	char name[80];

	(void)state;
	assert_int_equal(vfwcfg_add_file(&dev, "etc/one", item, 100), 0);
	assert_int_equal(vfwcfg_add_number_file(&dev, "etc/two", 0x01020304, 4), 0);
	assert_int_equal(vfwcfg_add_file(&dev, "etc/one", item, 5), -EEXIST);
	assert_int_equal(vfwcfg_add_file(&dev, "", item, 5), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[56] = '\0';
	assert_int_equal(vfwcfg_add_file(&dev, name, item, 5), -EINVAL);
	name[55] = '\0';
	assert_int_equal(vfwcfg_add_file(&dev, name, item, 5), 0);
	assert_int_equal(dma(0, VFWCFG_DIRECTORY << 16 | 8 | 2, 4 + 3 * 64, 0x1000), 0);
	assert_int_equal(get32(d), 3);
	assert_int_equal(get32(d + 4), 100);
	assert_int_equal(get32(d + 8), 0x20u << 16);
	assert_string_equal((char *)d + 12, "etc/one");
	assert_int_equal(get32(d + 68), 4);
	assert_int_equal(get32(d + 72), 0x21u << 16);
	assert_string_equal((char *)d + 68 + 8, "etc/two");
	assert_string_equal((char *)d + 132 + 8, name);
	for (unsigned int i = 3; i < VFWCFG_FILES; i++) {
		snprintf(name, sizeof(name), "opt/%u", i);
		assert_int_equal(vfwcfg_add_file(&dev, name, item, i), 0);
	}
	assert_int_equal(vfwcfg_add_file(&dev, "opt/more", item, 1), -ENOSPC);
	vfwcfg_clear(&dev);
	assert_int_equal(dma(0, VFWCFG_DIRECTORY << 16 | 8 | 2, 68, 0x1000), 0);
	assert_int_equal(get32(d), 0);
	assert_int_equal(get32(d + 64), 0);
}

static void test_dma(void **state)
{
	(void)state;
	assert_int_equal(vfwcfg_add_file(&dev, "f", item, sizeof(item)), 0);
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, 1000, 0x1000), 0);
	assert_memory_equal(fake.memory + 0x1000, item, 1000);
	assert_int_equal(fake.memory[0x1000 + 1000], 0xc5);
	/* goes on; skip; port and DMA share the offset */
	assert_int_equal(dma(0x10, 2, 10, 0x2000), 0);
	assert_memory_equal(fake.memory + 0x2000, item + 1000, 10);
	assert_int_equal(dma(0x10, 4, 90, 0), 0);
	assert_int_equal(inb(0x511), item[1100]);
	/* zeros behind the end */
	assert_int_equal(dma(0x10, 2, 2000, 0x3000), 0);
	assert_memory_equal(fake.memory + 0x3000, item + 1101, sizeof(item) - 1101);
	for (size_t i = sizeof(item) - 1101; i < 2000; i++)
		assert_int_equal(fake.memory[0x3000 + i], 0);
	/* a skip cannot come round */
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 4, UINT32_MAX, 0), 0);
	assert_int_equal(dma(0x10, 4, UINT32_MAX, 0), 0);
	assert_int_equal(inb(0x511), 0);
	/* to the last byte of storage, and one beyond */
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, 100, STORAGE - 100), 0);
	assert_memory_equal(fake.memory + STORAGE - 100, item, 100);
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, 101, STORAGE - 100), 1);
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, 100, UINT64_MAX - 50), 1);
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, UINT32_MAX, 0), 1);
	/* read-only; and what is writable only so far as it reaches */
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 16, 4, 0x1000), 1);
	assert_int_equal(vfwcfg_add_writable(&dev, "w", writable, sizeof(writable)), 0);
	assert_int_equal(dma(0x10, 0x21u << 16 | 8 | 16, sizeof(writable), 0x1000), 0);
	assert_memory_equal(writable, fake.memory + 0x1000, sizeof(writable));
	assert_int_equal(dma(0x10, 16, 1, 0x1000), 1);
	assert_int_equal(dma(0x10, 0x21u << 16 | 8 | 16, sizeof(writable) + 1, 0x1000), 1);
	assert_int_equal(dma(0x10, 0x21u << 16 | 8 | 16, 8, STORAGE - 4), 1);
	/* a request at the end, half outside, and far away: the upper half counts once */
	assert_int_equal(dma(STORAGE - 16, 0x20u << 16 | 8 | 2, 4, 0), 0);
	fake_out(0x518, 4, __builtin_bswap32(STORAGE - 8));
	fake_out(0x514, 4, __builtin_bswap32(1));
	fake_out(0x518, 4, __builtin_bswap32(0x10));
	assert_int_equal(dma(0x10, 0x20u << 16 | 8 | 2, 4, 0x1000), 0);
	assert_int_equal(dma(0x10, 0, 0, 0), 0);
	check_canaries();
}

static void test_fuzz(void **state)
{
	(void)state;
	vfwcfg_add_file(&dev, "f", item, sizeof(item));
	vfwcfg_add_writable(&dev, "w", writable, sizeof(writable));
	for (int i = 0; i < 300000; i++) {
		if (fake_below(4) == 0) {
			uint64_t at = fake_below(STORAGE - 16);
			uint64_t to = fake_below(3) ? fake_below(STORAGE + 4096) : fake_random() << fake_below(32);
			uint32_t length = (uint32_t)(fake_below(3) ? fake_below(4096) : fake_random());

			dma(at, (uint32_t)(fake_below(0x24) << 16 | fake_below(32)), length, to);
		} else {
			fake_random_access(&dev.dev, 2, 0x508, 24);
		}
	}
	check_canaries();
	for (size_t i = 0; i < sizeof(item); i++)	/* what is read-only stayed so */
		assert_int_equal(item[i], (uint8_t)(i * 7 + i / 256 + 1));
}

static void test_state(void **state)
{
	void *bytes;
	size_t size;
	char text[128];

	(void)state;
	vfwcfg_add_file(&dev, "f", item, sizeof(item));
	fake_out(0x510, 2, 0x20);
	inb(0x511);
	bytes = fake_save(&dev.dev, &size);
	dev.dev.ops->reset(&dev.dev);
	assert_int_equal(inb(0x511), 'Q');
	assert_true(dev.dev.ops->restore(&dev.dev, bytes, size));
	assert_int_equal(inb(0x511), item[1]);
	free(bytes);
	fake_check_bad_restore(&dev.dev);
	dev.dev.ops->dump(&dev.dev, text, sizeof(text));
	assert_non_null(strstr(text, "files=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_directory, setup),
		cmocka_unit_test_setup(test_dma, setup),
		cmocka_unit_test_setup(test_fuzz, setup),
		cmocka_unit_test_setup(test_state, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
