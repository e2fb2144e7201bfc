/* Turns a firmware's memory list into the sorted, page-aligned ranges of struct boot_info. */
/* Part: shared by boot/efi and boot/multiboot2; pure, so it is tested on the host. */
#include "boot/memmap.h"

#define MEMMAP_PAGE 4096ull
/* No processor has more than 52 bits of real address; a piece beyond that is a firmware's slip. */
#define MEMMAP_TOP (1ull << 52)

/*
 * Where pieces overlap, the higher number wins: what the machine says is unusable is never given
 * away, and what lies in usable memory and is in use is never called free.
 */
static unsigned int rank(uint32_t kind)
{
	switch (kind) {
	case BOOT_MEM_FREE:
		return 1;
	case BOOT_MEM_LOADER:
		return 2;
	case BOOT_MEM_MODULE:
		return 3;
	case BOOT_MEM_KERNEL:
		return 4;
	case BOOT_MEM_ACPI:
		return 5;
	case BOOT_MEM_MMIO:
		return 6;
	default:
		return 7;
	}
}

void memmap_reset(struct memmap *map)
{
	map->count = 0;
	map->overflow = false;
}

void memmap_add(struct memmap *map, uint64_t base, uint64_t size, enum boot_mem_kind kind)
{
	struct memmap_piece *last = map->count ? &map->pieces[map->count - 1] : 0;
	uint64_t end;

	if (size == 0 || base >= MEMMAP_TOP)
		return;
	end = size > MEMMAP_TOP - base ? MEMMAP_TOP : base + size;
	if (kind == BOOT_MEM_FREE) {
		base = (base + MEMMAP_PAGE - 1) & ~(MEMMAP_PAGE - 1);
		end &= ~(MEMMAP_PAGE - 1);
		if (base >= end)
			return;
	} else {
		base &= ~(MEMMAP_PAGE - 1);
		end = (end + MEMMAP_PAGE - 1) & ~(MEMMAP_PAGE - 1);
	}
	/* UEFI lists hundreds of small neighbours of one kind: join them as they come. */
	if (last && last->kind == kind && last->end == base) {
		last->end = end;
		return;
	}
	if (map->count == MEMMAP_MAX_PIECES) {
		map->overflow = true;
		return;
	}
	map->pieces[map->count++] =
		(struct memmap_piece){ .base = base, .end = end, .kind = kind };
}

static bool emit(struct boot_info *out, uint64_t base, uint64_t end, uint32_t kind)
{
	struct boot_range *last = out->range_count ? &out->ranges[out->range_count - 1] : 0;

	if (last && last->kind == kind && last->base + last->size == base) {
		last->size += end - base;
		return true;
	}
	if (out->range_count == BOOT_MAX_RANGES)
		return false;
	out->ranges[out->range_count++] =
		(struct boot_range){ .base = base, .size = end - base, .kind = kind };
	return true;
}

bool memmap_finish(const struct memmap *map, struct boot_info *out)
{
	uint64_t at = 0;

	out->range_count = 0;
	if (map->overflow)
		return false;
	/* Each round settles at..next, the longest stretch in which no piece begins or ends. */
	while (at < MEMMAP_TOP) {
		uint64_t next = MEMMAP_TOP;
		uint32_t kind = 0;
		uint32_t i;

		for (i = 0; i < map->count; i++) {
			const struct memmap_piece *p = &map->pieces[i];

			if (p->end <= at)
				continue;
			if (p->base > at) {
				if (p->base < next)
					next = p->base;
				continue;
			}
			if (p->end < next)
				next = p->end;
			if (kind == 0 || rank(p->kind) > rank(kind))
				kind = p->kind;
		}
		if (kind != 0 && !emit(out, at, next, kind))
			return false;
		at = next;
	}
	return true;
}
