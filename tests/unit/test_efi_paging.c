/* Tests the page tables that the UEFI loader hands to the kernel, by walking them.
 * Part: unit tests, on the host.
 * UNIT: boot/efi/paging.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/efi/paging.h"

#define NOT_MAPPED UINT64_MAX
#define ADDRESS 0x000ffffffffff000ull

/* As the processor does it; the tables' addresses are pointers here. */
static uint64_t walk(uint64_t root, int levels, uint64_t virt)
{
	uint64_t entry = root;
	int level;

	for (level = levels; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (unsigned int)(level - 1);
		const uint64_t *table = (const uint64_t *)(uintptr_t)(entry & ADDRESS);

		entry = table[virt >> shift & 511];
		if ((entry & 3) != 3)
			return NOT_MAPPED;
		if (level <= 3 && (entry & 0x80)) {
			uint64_t mask = (1ull << shift) - 1;

			assert_int_equal(entry & ADDRESS & mask, 0);
			return (entry & ADDRESS & ~mask) | (virt & mask);
		}
	}
	return NOT_MAPPED;
}

static void check(struct paging_wish wish, uint64_t mapped_top)
{
	uint64_t pages = paging_pages_needed(&wish);
	uint64_t virt = KERNEL_VIRT_BASE + 0x200000;
	void *tables = aligned_alloc(4096, pages * 4096);
	struct paging_roots r;
	uint64_t at;

	assert_non_null(tables);
	r = paging_build(&wish, tables);
	for (at = 0; at < mapped_top; at += mapped_top / 64 + 0x1234567) {
		assert_int_equal(walk(r.level4, 4, at), at);
		assert_int_equal(walk(r.level5, 5, at), at);
	}
	assert_int_equal(walk(r.level4, 4, mapped_top - 1), mapped_top - 1);
	assert_int_equal(walk(r.level4, 4, mapped_top), NOT_MAPPED);
	for (at = 0; at < wish.kernel_size; at += 4096) {
		assert_int_equal(walk(r.level4, 4, virt + at), wish.kernel_base + at);
		assert_int_equal(walk(r.level5, 5, virt + at), wish.kernel_base + at);
	}
	assert_int_equal(walk(r.level4, 4, virt - 1), NOT_MAPPED);
	assert_int_equal(walk(r.level4, 4, virt + wish.kernel_size + 0x200000), NOT_MAPPED);
	free(tables);
}

static void test_small_machine(void **state)
{
	(void)state;
	check((struct paging_wish){ 512ull << 20, false, 0x1e000000, 0x4e1000 }, 1ull << 32);
	check((struct paging_wish){ 512ull << 20, true, 0x200000, 0x1000 }, 1ull << 32);
	check((struct paging_wish){ 0, true, 0xffe00000, 0x200000 }, 1ull << 32);
}

static void test_large_machine(void **state)
{
	(void)state;
	check((struct paging_wish){ (6ull << 30) + 1, false, 0xbe000000, 0x1000000 }, 7ull << 30);
	check((struct paging_wish){ 600ull << 30, false, 0xbe000000, 0x200001 }, 600ull << 30);
	check((struct paging_wish){ 3ull << 40, true, 0xbe000000, 0x200001 }, 3ull << 40);
	check((struct paging_wish){ UINT64_MAX, true, 0xbe000000, 0x200001 }, PAGING_TOP_MAX);
}

static void test_no_page_to_spare(void **state)
{
	struct paging_wish wish = { 5ull << 30, true, 0x200000, 0x200000 };

	(void)state;
	/* two roots, one table of pointers, four directories, two tables for the kernel */
	assert_int_equal(paging_pages_needed(&wish), 9);
	wish.large_gib = false;
	assert_int_equal(paging_pages_needed(&wish), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_machine),
		cmocka_unit_test(test_large_machine),
		cmocka_unit_test(test_no_page_to_spare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
