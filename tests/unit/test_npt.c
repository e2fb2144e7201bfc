/* Tests the nested page table on the host: rows anywhere, over each other, again and again, within the pages promised.
 * Part: unit tests, on the host; the table's source is included, since INVEPT cannot be executed here.
 * UNIT: lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"

static unsigned int flushes;

static bool fake_invalidate(uint64_t kind, struct vmx_descriptor d)
{
	(void)kind;
	(void)d;
	flushes++;
	return true;
}

#define vmx_invept fake_invalidate
#define vmx_invvpid fake_invalidate
#include "arch/x86/vmx/ept.c"

struct vmx_capabilities vmx_caps;

void cpu_panic(const char *format, ...)
{
	fprintf(stderr, "panic: %s\n", format);
	abort();
}

int mtrr_type(hpa_t base, uint64_t size)
{
	(void)base;
	(void)size;
	return TYPE_WB;
}

/* Tables lie in an arena of their own at this "real" address; what they map is never touched. */
#define ARENA_AT GIB(100)
#define ARENA_PAGES 4096u

static uint8_t (*arena)[PAGE_SIZE];
static uint32_t taken, most;

void *cpu_direct(hpa_t address)
{
	assert_true(address.v >= ARENA_AT && address.v < ARENA_AT + ARENA_PAGES * PAGE_SIZE);
	return (uint8_t *)arena + (address.v - ARENA_AT);
}

static hpa_t page(void *context)
{
	(void)context;
	if (taken == most)
		return HPA(0);
	return HPA(ARENA_AT + taken++ * PAGE_SIZE);
}

static uint64_t seed = 88172645463325252ull;

static uint64_t number(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

#define ROWS 7u
#define ROW_MOST MIB(16)

static struct npt_row rows[ROWS];

/* What a machine has: R from 0 on, and rows of devices over it or beside it. As vmm/machine/vm.c counts them. */
static void make_rows(uint64_t storage)
{
	rows[0] = (struct npt_row){ .guest = GPA(0), .base = HPA(GIB(200) + number(512) * MIB(2)), .bound = storage,
				    .rights = NPT_ALL };
	for (unsigned int i = 1; i < ROWS; i++) {
		uint64_t bytes = (1 + number(number(2) ? ROW_MOST / PAGE_SIZE : 40)) * PAGE_SIZE;
		uint64_t span = number(3) == 0 ? GIB(4) : number(2) ? storage + ROW_MOST : (1ull << 48) - ROW_MOST;
		uint64_t align = number(2) ? PAGE_SIZE : MIB(2);

		if (number(8) == 0)
			bytes = 0;
		rows[i] = (struct npt_row){ .guest = GPA(align_down(number(span), align)),
					    .base = HPA(GIB(300) + i * GIB(1) + number(8) * PAGE_SIZE * number(2)),
					    .bound = bytes, .rights = (uint32_t)(uint64_t[]){ 0, 3, 5, 7 }[number(4)] };
		/* near another one: borders are where the mistakes are */
		if (number(3) == 0) {
			uint64_t near = rows[number(i)].guest.v + number(64) * PAGE_SIZE;

			rows[i].guest = GPA(near < (1ull << 48) - ROW_MOST ? near : 0);
		}
	}
}

static const struct npt_row *row_at(uint64_t at)
{
	for (unsigned int i = ROWS; i-- > 0;)
		if (at - rows[i].guest.v < rows[i].bound)
			return &rows[i];
	return NULL;
}

static void look_at(const struct npt *npt, uint64_t at)
{
	const struct npt_row *row = row_at(at);
	uint64_t size = 0;
	uint32_t rights = 0;
	hpa_t real = HPA(0);
	bool found = npt_lookup(npt, GPA(at), &real, &rights, &size);

	assert_int_equal(found, row != NULL && row->rights != 0);
	if (found) {
		assert_int_equal(real.v, row->base.v + (at - row->guest.v));
		assert_int_equal(rights, row->rights);
	}
}

static void look_everywhere(const struct npt *npt)
{
	for (unsigned int i = 0; i < ROWS; i++) {
		uint64_t first = rows[i].guest.v, end = first + rows[i].bound;

		look_at(npt, first);
		look_at(npt, end);
		if (first != 0)
			look_at(npt, first - 1);
		if (end != 0)
			look_at(npt, end - 1);
		for (unsigned int k = 0; k < 8 && rows[i].bound != 0; k++)
			look_at(npt, first + number(rows[i].bound));
	}
}

static void rows_anywhere_fit_in_the_pages_promised(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6000; i++) {
		uint64_t storage = number(4) == 0 ? (1 + number(512)) * PAGE_SIZE : (1 + number(1700)) * MIB(2);
		struct npt npt;

		vmx_caps.page_1g = number(2);
		vmx_caps.page_2m = vmx_caps.page_1g || number(4) != 0;
		if (!vmx_caps.page_2m && storage > MIB(64))
			storage = MIB(64);
		make_rows(storage);
		memset(arena, 0, taken * PAGE_SIZE);
		taken = 0;
		most = (uint32_t)(npt_pages_needed(storage) + (ROWS - 1) * npt_pages_needed(ROW_MOST));
		assert_true(most <= ARENA_PAGES);
		assert_int_equal(npt_prepare(&npt, rows, ROWS, page, NULL), 0);
		look_everywhere(&npt);
	}
}

/* Rights of a row that others lie over: nothing stops, and what nobody covers has the new ones. */
static void rights_change_under_other_rows(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		struct npt npt;
		unsigned int n = 1 + (unsigned int)number(ROWS - 1);

		vmx_caps.page_1g = vmx_caps.page_2m = true;
		make_rows(MIB(64));
		memset(arena, 0, taken * PAGE_SIZE);
		taken = 0;
		most = ARENA_PAGES;
		assert_int_equal(npt_prepare(&npt, rows, ROWS, page, NULL), 0);
		rows[n].rights ^= NPT_ALL;
		if (rows[n].rights == NPT_WRITE || rows[n].rights == NPT_EXECUTE)
			rows[n].rights |= NPT_READ;
		flushes = 0;
		npt_set_rights(&npt, rows[n].guest, rows[n].bound, rows[n].rights);
		assert_int_equal(flushes, 1);
		if (rows[n].bound != 0 && row_at(rows[n].guest.v) == &rows[n])
			look_at(&npt, rows[n].guest.v);
	}
}

static int make_arena(void **state)
{
	(void)state;
	arena = calloc(ARENA_PAGES, PAGE_SIZE);
	return arena == NULL ? -1 : 0;
}

static int free_arena(void **state)
{
	(void)state;
	free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_anywhere_fit_in_the_pages_promised),
		cmocka_unit_test(rights_change_under_other_rows),
	};

	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
