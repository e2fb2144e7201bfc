/* Tests the allocator's run table against a page-by-page model.
 * Part: unit tests, on the host.
 * UNIT: lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* The table is static: the test empties it between cases. */
#include "vmm/allocator/storage.c"

#define PAGES	6144u	/* 24 MiB of pretended real storage */
#define MISSING 0xfff0u /* model: not in the firmware's map */

static uint8_t *arena;
static uint16_t model[PAGES];
static bool model_system[PAGES];

void *cpu_direct(hpa_t address)
{
	assert_true(address.v < PAGES * PAGE_SIZE);
	return arena + address.v;
}

void cpu_panic(const char *format, ...)
{
	fail_msg("cpu_panic: %s", format);
	abort();
}

static int empty(void **state)
{
	(void)state;
	run_count = 0;
	memset(runs, 0, sizeof(runs));
	free(arena);
	arena = malloc(PAGES * PAGE_SIZE);
	assert_non_null(arena);
	for (uint32_t i = 0; i < PAGES; i++) {
		model[i] = MISSING;
		model_system[i] = false;
	}
	return 0;
}

static int cleanup(void **state)
{
	(void)state;
	free(arena);
	arena = NULL;
	return 0;
}

static void give(uint64_t first, uint64_t end)
{
	storage_add(HPA(first), end - first);
	for (uint64_t p = first / PAGE_SIZE; p < end / PAGE_SIZE; p++)
		if (p != 0)
			model[p] = STORAGE_FREE;
}

/* Table and model say the same, and the table keeps its promises. */
static void compare(void)
{
	uint64_t total = 0, free_bytes = 0, largest = 0;
	const struct storage_run *r, *last = NULL;
	uint32_t page = 0;

	for (uint32_t i = 0; (r = storage_run_at(i)) != NULL; last = r, i++) {
		assert_true(r->size != 0 && r->base.v % PAGE_SIZE == 0 && r->size % PAGE_SIZE == 0);
		if (last) {
			assert_true(last->base.v + last->size <= r->base.v);
			assert_false(last->owner == STORAGE_FREE && r->owner == STORAGE_FREE &&
				     last->base.v + last->size == r->base.v);
		}
		for (; page < r->base.v / PAGE_SIZE; page++)
			assert_int_equal(model[page], MISSING);
		for (; page < (r->base.v + r->size) / PAGE_SIZE; page++) {
			assert_int_equal(model[page], r->owner);
			assert_int_equal(model_system[page], r->system);
		}
		total += r->size;
		if (r->owner == STORAGE_FREE) {
			free_bytes += r->size;
			largest = r->size > largest ? r->size : largest;
		}
	}
	for (; page < PAGES; page++)
		assert_int_equal(model[page], MISSING);
	assert_int_equal(storage_total(), total);
	assert_int_equal(storage_free_bytes(), free_bytes);
	assert_int_equal(storage_largest(), largest);
}

static bool model_fits(uint32_t at, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		if (at + i >= PAGES || model[at + i] != STORAGE_FREE)
			return false;
	return true;
}

/* Where the model would put it: the rule written down a second time, page by page. */
static uint64_t model_place(uint32_t pages, uint64_t align)
{
	uint32_t step = (uint32_t)(align / PAGE_SIZE), low = 256;

	if (pages >= 256) {
		for (uint32_t at = PAGES / step * step; at >= low && at > 0; at -= step)
			if (model_fits(at, pages))
				return at * PAGE_SIZE;
		return 0;
	}
	for (uint32_t at = (low + step - 1) / step * step; at < PAGES; at += step)
		if (model_fits(at, pages))
			return at * PAGE_SIZE;
	for (uint32_t at = step; at + pages <= low; at += step)
		if (model_fits(at, pages))
			return at * PAGE_SIZE;
	return 0;
}

static void model_set(uint64_t base, uint64_t size, uint16_t owner, bool system)
{
	for (uint64_t p = base / PAGE_SIZE; p < (base + size) / PAGE_SIZE; p++) {
		model[p] = owner;
		model_system[p] = system;
	}
}

static uint64_t grant_checked(uint64_t size, uint64_t align, uint16_t owner, bool system)
{
	uint64_t whole = align_up(size, PAGE_SIZE);
	uint64_t want = model_place((uint32_t)(whole / PAGE_SIZE), align);
	uint64_t got = storage_grant(size, align, owner, system).v;

	assert_int_equal(got, want);
	if (got == 0)
		return 0;
	for (uint64_t i = 0; i < whole; i += 512)
		assert_int_equal(arena[got + i], 0);
	memset(arena + got, 0xa5, whole);
	model_set(got, whole, owner, system);
	return got;
}

static void test_add_trims_and_merges(void **state)
{
	(void)state;
	storage_add(HPA(0), 0x9f123); /* page 0 is never ours; the last part page neither */
	assert_int_equal(storage_run_at(0)->base.v, 0x1000);
	assert_int_equal(storage_total(), 0x9e000);
	storage_add(HPA(0x200000), 0x1000);
	storage_add(HPA(0x202000), 0x1000);
	storage_add(HPA(0x201000), 0x1000); /* closes the hole */
	assert_int_equal(storage_run_at(1)->size, 0x3000);
	assert_null(storage_run_at(2));
	storage_add(HPA(0x201000), 0x9000);	/* overlaps: not believed */
	storage_add(HPA(UINT64_MAX - 10), 100); /* wraps */
	storage_add(HPA(0x500001), 0xffe);	/* no whole page */
	storage_add(HPA(0x500000), 0);
	assert_null(storage_run_at(2));
	assert_int_equal(storage_total(), 0xa1000);
}

static void test_reserve(void **state)
{
	(void)state;
	give(0x100000, 0x400000);
	assert_true(storage_reserve(HPA(0x200010), 0x1000, STORAGE_OWNER_CP));
	model_set(0x200000, 0x2000, STORAGE_OWNER_CP, false);
	compare();
	assert_false(storage_reserve(HPA(0x201000), 0x1000, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0x1ff000), 0x2000, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0x3ff000), 0x2000, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0xff000), 0x1000, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0x300000), UINT64_MAX, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0x300000), 0, STORAGE_OWNER_MODULE));
	assert_false(storage_reserve(HPA(0x300000), 0x1000, STORAGE_FREE));
	compare();
	assert_true(storage_reserve(HPA(0x3ff000), 0x1000, STORAGE_OWNER_MODULE));
	model_set(0x3ff000, 0x1000, STORAGE_OWNER_MODULE, false);
	compare();
}

static void test_high_and_low(void **state)
{
	(void)state;
	give(0x1000, 0x9f000);
	give(0x100000, 0x1800000);
	assert_int_equal(grant_checked(MIB(4), MIB(2), 0, false), 0x1400000);
	assert_int_equal(grant_checked(PAGE_SIZE, PAGE_SIZE, 0, true), 0x100000);
	assert_int_equal(grant_checked(MIB(8), MIB(8), 1, false), 0x800000);
	assert_int_equal(storage_owned(0, false), MIB(4));
	assert_int_equal(storage_owned(0, true), PAGE_SIZE);
	assert_int_equal(storage_revoke(0), MIB(4) + PAGE_SIZE);
	assert_int_equal(storage_revoke(0), 0);
	assert_int_equal(storage_revoke(STORAGE_FREE), 0);
	assert_int_equal(storage_owned(1, false), MIB(8));
	assert_int_equal(storage_revoke(1), MIB(8));
	assert_null(storage_run_at(2));
}

static void test_sizes_at_the_edge(void **state)
{
	(void)state;
	give(0x100000, 0x300000);
	assert_int_equal(storage_grant(0, PAGE_SIZE, 0, false).v, 0);
	assert_int_equal(storage_grant(UINT64_MAX, PAGE_SIZE, 0, false).v, 0);
	assert_int_equal(storage_grant(UINT64_MAX - 8192, PAGE_SIZE, 0, false).v, 0);
	assert_int_equal(storage_grant(MIB(2) + 1, PAGE_SIZE, 0, false).v, 0);
	assert_int_equal(storage_grant(MIB(1), 1ull << 63, 0, false).v, 0);
	assert_int_equal(storage_grant(PAGE_SIZE, 1ull << 63, 0, false).v, 0);
	compare();
	assert_int_equal(grant_checked(MIB(2), PAGE_SIZE, 0, false), 0x100000);
	assert_int_equal(grant_checked(1, PAGE_SIZE, 0, false), 0);
}

/* Every second page is granted until the table has no place left: an error, and nothing has
 * changed. */
static void test_full_table(void **state)
{
	uint32_t i;

	(void)state;
	give(0x100000, 0x1800000);
	for (i = 0; run_count + 2 <= STORAGE_RUNS; i++) {
		assert_true(storage_reserve(HPA(0x102000 + (uint64_t)i * 0x2000), 0x1000, 1));
		model_set(0x102000 + (uint64_t)i * 0x2000, 0x1000, 1, false);
	}
	assert_true(storage_reserve(HPA(0x100000), 0x1000, 1));
	model_set(0x100000, 0x1000, 1, false);
	assert_int_equal(run_count, STORAGE_RUNS);
	compare();
	assert_false(storage_reserve(HPA(0x1000000), 0x1000, 1));
	assert_int_equal(storage_grant(MIB(1), MIB(2), 2, false).v, 0);
	compare();
	storage_add(HPA(0x1000), 0x1000);
	compare(); /* no room: left out, nothing broken */
	/* What needs no split still works: a hole of exactly one page. */
	assert_true(storage_reserve(HPA(0x103000), 0x1000, 3));
	model_set(0x103000, 0x1000, 3, false);
	compare();
	assert_true(storage_revoke(1) != 0);
	assert_int_equal(storage_owned(3, false), PAGE_SIZE);
}

/* A machine whose own storage grows bit by bit has one run for it, not one for each bit. */
static void test_growing(void **state)
{
	(void)state;
	give(0x100000, 0x1700000);
	for (uint32_t i = 0; i < 16; i++) {
		assert_true(storage_grant(MIB(1), PAGE_SIZE, 5, true).v != 0);
		assert_true(storage_grant(PAGE_SIZE, PAGE_SIZE, 5, true).v != 0);
	}
	assert_int_equal(storage_owned(5, true), MIB(16) + 16 * PAGE_SIZE);
	assert_int_equal(run_count, 3);
	assert_true(storage_grant(MIB(1), PAGE_SIZE, 5, false).v != 0);	/* a guest's R is a run of its own */
	assert_int_equal(run_count, 4);
	assert_int_equal(storage_revoke(5), MIB(17) + 16 * PAGE_SIZE);
	assert_int_equal(run_count, 1);
}

static void test_random(void **state)
{
	static const uint64_t aligns[] = {PAGE_SIZE, PAGE_SIZE, 0x4000, 0x10000, MIB(1), MIB(2)};
	uint32_t granted = 0, refused = 0;

	(void)state;
	srand(370);
	give(0, 0x9f000);
	give(0x100000, 0x700000);
	give(0x780000, 0xd43000);
	give(0xd44000, 0x1800000);
	compare();
	for (uint32_t step = 0; step < 4000; step++) {
		uint16_t owner = (uint16_t)(rand() % 12);

		if (rand() % 4 == 0) {
			uint64_t bytes = storage_owned(owner, false) + storage_owned(owner, true);

			assert_int_equal(storage_revoke(owner), bytes);
			for (uint32_t p = 0; p < PAGES; p++)
				if (model[p] == owner) {
					model[p] = STORAGE_FREE;
					model_system[p] = false;
				}
		} else {
			uint64_t size = rand() % 3 == 0 ? (uint64_t)(rand() % 0x500000) + 1
							: (uint64_t)(rand() % 0x30000) + 1;

			if (grant_checked(size, aligns[rand() % 6], owner, rand() % 2))
				granted++;
			else
				refused++;
		}
		compare();
	}
	/* Both ways of the code have been seen. */
	assert_true(granted > 500 && refused > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_add_trims_and_merges, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_reserve, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_high_and_low, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_sizes_at_the_edge, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_full_table, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_growing, empty, cleanup),
	    cmocka_unit_test_setup_teardown(test_random, empty, cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
