/* The run table of real storage: add, reserve, grant, revoke. */
/* Part: the allocator A; every frame beyond the kernel image is granted and taken back here. */
#include "vmm/allocator/storage.h"

#include "arch/api/cpu.h"
#include "lib/string.h"

/*
 * The table is the only state. Runs are sorted by base, page aligned, disjoint, and two free
 * neighbours that touch are always one. Lock: one processor runs now; with a second one, a spinlock
 * belongs around the body of every exported function (the clearing in storage_grant() after the
 * table is settled needs none, since the run already has its owner).
 */
static struct storage_run runs[STORAGE_RUNS];
static uint32_t run_count;

#define LARGE	 MIB(1) /* from here on runs are granted from the top */
#define LOW_END	 MIB(1) /* below: kept for trampolines and real-mode code */
#define ANYTHING UINT64_MAX

static uint64_t run_end(const struct storage_run *r)
{
	return r->base.v + r->size;
}

static void insert(uint32_t at, hpa_t base, uint64_t size, uint16_t owner, bool system)
{
	CHECK(run_count < STORAGE_RUNS && at <= run_count);
	memmove(&runs[at + 1], &runs[at], (run_count - at) * sizeof(runs[0]));
	runs[at] = (struct storage_run){base, size, owner, system};
	run_count++;
}

static void remove_at(uint32_t at)
{
	run_count--;
	memmove(&runs[at], &runs[at + 1], (run_count - at) * sizeof(runs[0]));
}

static bool belong_together(const struct storage_run *a, const struct storage_run *b)
{
	return run_end(a) == b->base.v && a->owner == b->owner && a->system == b->system;
}

/*
 * What CP has of its own for a machine grows with what the machine does (its disks' changed blocks): neighbours are one
 * run, so that one machine cannot fill the table for all.
 */
static void join(uint32_t at)
{
	if (at + 1 < run_count && belong_together(&runs[at], &runs[at + 1])) {
		runs[at].size += runs[at + 1].size;
		remove_at(at + 1);
	}
	if (at > 0 && belong_together(&runs[at - 1], &runs[at])) {
		runs[at - 1].size += runs[at].size;
		remove_at(at);
	}
}

/* One pass that joins free neighbours. */
static void merge_free(void)
{
	uint32_t i = 0;

	while (i + 1 < run_count) {
		struct storage_run *a = &runs[i];
		const struct storage_run *b = &runs[i + 1];

		if (a->owner == STORAGE_FREE && belong_together(a, b)) {
			a->size += b->size;
			remove_at(i + 1);
		} else {
			i++;
		}
	}
}

/* First run whose end lies beyond `address`: the one that holds it, or the next one up. */
static uint32_t find_place(uint64_t address)
{
	uint32_t low = 0, high = run_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (run_end(&runs[middle]) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void storage_add(hpa_t base, uint64_t size)
{
	uint64_t first = align_up(base.v, PAGE_SIZE), end;
	uint32_t at;

	if (size == 0 || size > UINT64_MAX - base.v || first < base.v)
		return;
	end = align_down(base.v + size, PAGE_SIZE);
	/* Frame 0 stays out: base 0 means "none" in every answer we give. */
	if (first == 0)
		first = PAGE_SIZE;
	if (end <= first)
		return;
	at = find_place(first);
	/* Firmware maps are not ours: what overlaps an earlier run is left out rather than trusted.
	 */
	if (at < run_count && runs[at].base.v < end)
		return;
	/* With a full table a run can still be had if it only lengthens a free neighbour. */
	if (at > 0 && runs[at - 1].owner == STORAGE_FREE && run_end(&runs[at - 1]) == first) {
		runs[at - 1].size += end - first;
	} else if (at < run_count && runs[at].owner == STORAGE_FREE && runs[at].base.v == end) {
		runs[at].base = HPA(first);
		runs[at].size += end - first;
	} else if (run_count < STORAGE_RUNS) {
		insert(at, HPA(first), end - first, STORAGE_FREE, false);
	}
	merge_free();
}

/* Gives [base, base + size) out of free run `at` to an owner. False: the table has no room for the
 * split. */
static bool carve(uint32_t at, uint64_t base, uint64_t size, uint16_t owner, bool system)
{
	uint64_t before = base - runs[at].base.v;
	uint64_t after = run_end(&runs[at]) - (base + size);
	uint32_t more = (before != 0 ? 1u : 0u) + (after != 0 ? 1u : 0u);

	if (STORAGE_RUNS - run_count < more)
		return false;
	if (after != 0)
		insert(at + 1, HPA(base + size), after, STORAGE_FREE, false);
	if (before != 0) {
		insert(at, runs[at].base, before, STORAGE_FREE, false);
		at++;
	}
	runs[at] = (struct storage_run){HPA(base), size, owner, system};
	if (system)
		join(at);
	return true;
}

bool storage_reserve(hpa_t base, uint64_t size, uint16_t owner)
{
	uint64_t first = align_down(base.v, PAGE_SIZE), end;
	uint32_t at;

	if (size == 0 || size > UINT64_MAX - PAGE_SIZE - base.v || owner == STORAGE_FREE)
		return false;
	end = align_up(base.v + size, PAGE_SIZE);
	at = find_place(first);
	if (at >= run_count || runs[at].owner != STORAGE_FREE || runs[at].base.v > first ||
	    run_end(&runs[at]) < end)
		return false;
	return carve(at, first, end - first, owner, false);
}

/* Highest place for size in the part of a run above `floor`; 0 = none. */
static uint64_t place_high(const struct storage_run *r, uint64_t size, uint64_t align,
			   uint64_t floor)
{
	uint64_t bottom = r->base.v > floor ? r->base.v : floor;
	uint64_t place;

	if (run_end(r) <= bottom || run_end(r) - bottom < size)
		return 0;
	place = align_down(run_end(r) - size, align);
	return place >= bottom ? place : 0;
}

/* Lowest place for size in the part of a run above `floor` and below `ceiling`; 0 = none. */
static uint64_t place_low(const struct storage_run *r, uint64_t size, uint64_t align,
			  uint64_t floor, uint64_t ceiling)
{
	uint64_t bottom = r->base.v > floor ? r->base.v : floor;
	uint64_t top = run_end(r) < ceiling ? run_end(r) : ceiling;
	uint64_t place = align_up(bottom, align);

	if (place < bottom || place >= top || top - place < size)
		return 0;
	return place;
}

/* Finds a place and takes it. 0 = there is none. */
static uint64_t take(uint64_t size, uint64_t align, uint16_t owner, bool system)
{
	uint64_t floors[2] = {LOW_END, PAGE_SIZE};
	uint64_t ceilings[2] = {ANYTHING, LOW_END};
	uint32_t pass, i, at;
	uint64_t place;

	if (size >= LARGE) {
		for (i = run_count; i-- > 0;) {
			place = runs[i].owner == STORAGE_FREE
				    ? place_high(&runs[i], size, align, LOW_END)
				    : 0;
			if (place != 0 && carve(i, place, size, owner, system))
				return place;
		}
		return 0;
	}
	for (pass = 0; pass < 2; pass++) {
		for (at = 0; at < run_count; at++) {
			if (runs[at].owner != STORAGE_FREE)
				continue;
			place = place_low(&runs[at], size, align, floors[pass], ceilings[pass]);
			if (place != 0 && carve(at, place, size, owner, system))
				return place;
		}
	}
	return 0;
}

hpa_t storage_grant(uint64_t size, uint64_t align, uint16_t owner, bool system)
{
	uint64_t place;

	CHECK(align >= PAGE_SIZE && (align & (align - 1)) == 0);
	CHECK(owner != STORAGE_FREE);
	if (size == 0 || size > UINT64_MAX - PAGE_SIZE)
		return HPA(0);
	size = align_up(size, PAGE_SIZE);
	place = take(size, align, owner, system);
	/* Nobody may find what another left behind, so a run is cleared when it changes hands. */
	if (place != 0)
		memset(cpu_direct(HPA(place)), 0, size);
	return HPA(place);
}

uint64_t storage_revoke(uint16_t owner)
{
	uint64_t bytes = 0;
	uint32_t i;

	if (owner == STORAGE_FREE)
		return 0;
	for (i = 0; i < run_count; i++) {
		if (runs[i].owner != owner)
			continue;
		bytes += runs[i].size;
		runs[i].owner = STORAGE_FREE;
		runs[i].system = false;
	}
	merge_free();
	return bytes;
}

const struct storage_run *storage_run_at(uint32_t i)
{
	return i < run_count ? &runs[i] : NULL;
}

uint64_t storage_total(void)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < run_count; i++)
		bytes += runs[i].size;
	return bytes;
}

uint64_t storage_free_bytes(void)
{
	return storage_owned(STORAGE_FREE, false);
}

uint64_t storage_largest(void)
{
	uint64_t largest = 0;
	uint32_t i;

	for (i = 0; i < run_count; i++)
		if (runs[i].owner == STORAGE_FREE && runs[i].size > largest)
			largest = runs[i].size;
	return largest;
}

uint64_t storage_owned(uint16_t owner, bool system)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < run_count; i++)
		if (runs[i].owner == owner && runs[i].system == system)
			bytes += runs[i].size;
	return bytes;
}
