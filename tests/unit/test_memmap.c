/* Tests how a firmware's memory list becomes boot_info's ranges.
 * Part: unit tests, on the host.
 * UNIT: boot/memmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "boot/memmap.h"

static struct memmap map;
static struct boot_info bi;

static void expect(uint32_t i, uint64_t base, uint64_t end, uint32_t kind)
{
	assert_true(i < bi.range_count);
	assert_int_equal(bi.ranges[i].base, base);
	assert_int_equal(bi.ranges[i].base + bi.ranges[i].size, end);
	assert_int_equal(bi.ranges[i].kind, kind);
}

static void test_unsorted_is_sorted_and_joined(void **state)
{
	(void)state;
	memmap_reset(&map);
	memmap_add(&map, 0x5000, 0x1000, BOOT_MEM_FREE);
	memmap_add(&map, 0x1000, 0x1000, BOOT_MEM_FREE);
	memmap_add(&map, 0x9000, 0x1000, BOOT_MEM_RESERVED);
	memmap_add(&map, 0x2000, 0x3000, BOOT_MEM_FREE);
	assert_true(memmap_finish(&map, &bi));
	assert_int_equal(bi.range_count, 2);
	expect(0, 0x1000, 0x6000, BOOT_MEM_FREE);
	expect(1, 0x9000, 0xa000, BOOT_MEM_RESERVED);
}

static void test_free_shrinks_rest_grows(void **state)
{
	(void)state;
	memmap_reset(&map);
	memmap_add(&map, 0x800, 0x9f400, BOOT_MEM_FREE);	/* 0x800..0x9fc00, as BIOSes say */
	memmap_add(&map, 0x9fc00, 0x400, BOOT_MEM_RESERVED);
	memmap_add(&map, 0x100010, 0x20, BOOT_MEM_FREE);	/* no whole page */
	memmap_add(&map, 0x200000, 0, BOOT_MEM_FREE);
	assert_true(memmap_finish(&map, &bi));
	assert_int_equal(bi.range_count, 2);
	expect(0, 0x1000, 0x9f000, BOOT_MEM_FREE);
	expect(1, 0x9f000, 0xa0000, BOOT_MEM_RESERVED);
}

static void test_carving(void **state)
{
	(void)state;
	memmap_reset(&map);
	memmap_add(&map, 0x100000, 0x700000, BOOT_MEM_FREE);
	memmap_add(&map, 0x200000, 0x12345, BOOT_MEM_KERNEL);
	memmap_add(&map, 0x213000, 0x10, BOOT_MEM_MODULE);
	memmap_add(&map, 0x180000, 0x300000, BOOT_MEM_LOADER);
	memmap_add(&map, 0x7ff000, 0x2000, BOOT_MEM_RESERVED);
	assert_true(memmap_finish(&map, &bi));
	assert_int_equal(bi.range_count, 7);
	expect(0, 0x100000, 0x180000, BOOT_MEM_FREE);
	expect(1, 0x180000, 0x200000, BOOT_MEM_LOADER);
	expect(2, 0x200000, 0x213000, BOOT_MEM_KERNEL);
	expect(3, 0x213000, 0x214000, BOOT_MEM_MODULE);
	expect(4, 0x214000, 0x480000, BOOT_MEM_LOADER);
	expect(5, 0x480000, 0x7ff000, BOOT_MEM_FREE);
	expect(6, 0x7ff000, 0x801000, BOOT_MEM_RESERVED);
}

static void test_end_of_addresses(void **state)
{
	(void)state;
	memmap_reset(&map);
	memmap_add(&map, 0xfffffffffffff000ull, 0x1000, BOOT_MEM_FREE);
	memmap_add(&map, 0xfd00000000ull, UINT64_MAX, BOOT_MEM_RESERVED);
	assert_true(memmap_finish(&map, &bi));
	assert_int_equal(bi.range_count, 1);
	expect(0, 0xfd00000000ull, 1ull << 52, BOOT_MEM_RESERVED);
}

static void test_too_many(void **state)
{
	uint64_t i;

	(void)state;
	memmap_reset(&map);
	for (i = 0; i < BOOT_MAX_RANGES; i++)
		memmap_add(&map, i * 0x2000, 0x1000, BOOT_MEM_FREE);
	assert_true(memmap_finish(&map, &bi));
	assert_int_equal(bi.range_count, BOOT_MAX_RANGES);
	memmap_add(&map, i * 0x2000, 0x1000, BOOT_MEM_FREE);
	assert_false(memmap_finish(&map, &bi));
	for (; i <= MEMMAP_MAX_PIECES; i++)
		memmap_add(&map, i * 0x2000, 0x1000, BOOT_MEM_FREE);
	assert_true(map.overflow);
	assert_false(memmap_finish(&map, &bi));
}

/* Against a plain picture of 64 pages: the strongest kind that covers a page owns it. */
static void test_random_against_picture(void **state)
{
	static const uint8_t strength[] = { 0, 1, 2, 4, 3, 5, 7, 6 };
	uint32_t seed = 99;
	int round;

	(void)state;
	for (round = 0; round < 5000; round++) {
		uint8_t picture[64] = { 0 };
		uint64_t last = 0;
		uint32_t pieces, i, p;

		memmap_reset(&map);
		seed = seed * 1664525u + 1013904223u;
		pieces = (seed >> 16) % 12;
		for (i = 0; i < pieces; i++) {
			uint32_t base, size, kind;

			seed = seed * 1664525u + 1013904223u;
			base = (seed >> 8) % 60;
			size = 1 + (seed >> 16) % 4;
			kind = 1 + (seed >> 24) % 7;
			memmap_add(&map, base * 4096ull, size * 4096ull, kind);
			for (p = base; p < base + size; p++) {
				if (strength[kind] > strength[picture[p]])
					picture[p] = (uint8_t)kind;
			}
		}
		assert_true(memmap_finish(&map, &bi));
		for (i = 0; i < bi.range_count; i++) {
			assert_true(bi.ranges[i].size > 0 && bi.ranges[i].base >= last);
			last = bi.ranges[i].base + bi.ranges[i].size;
			for (p = 0; p < bi.ranges[i].size / 4096; p++) {
				uint64_t at = bi.ranges[i].base / 4096 + p;

				assert_int_equal(picture[at], bi.ranges[i].kind);
				picture[at] = 0;
			}
		}
		for (p = 0; p < 64; p++)
			assert_int_equal(picture[p], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsorted_is_sorted_and_joined),
		cmocka_unit_test(test_free_shrinks_rest_grows),
		cmocka_unit_test(test_carving),
		cmocka_unit_test(test_end_of_addresses),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_random_against_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
