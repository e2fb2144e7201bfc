/* Turns a firmware's memory list into the sorted, page-aligned ranges of struct boot_info. */
/* Part: shared by boot/efi and boot/multiboot2; pure, so it is tested on the host. */
#ifndef BOOT_MEMMAP_H
#define BOOT_MEMMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"

#define MEMMAP_MAX_PIECES 1024

struct memmap_piece {
	uint64_t base, end;	/* page aligned, end exclusive */
	uint32_t kind;		/* enum boot_mem_kind */
};

struct memmap {
	struct memmap_piece pieces[MEMMAP_MAX_PIECES];
	uint32_t count;
	bool overflow;	/* a piece found no place: the result would not be safe to use */
};

void memmap_reset(struct memmap *map);

/*
 * Adds BASE..BASE+SIZE (bytes, any alignment). Free memory shrinks to whole pages and everything
 * else grows to whole pages. Pieces may come in any order and may overlap.
 */
void memmap_add(struct memmap *map, uint64_t base, uint64_t size, enum boot_mem_kind kind);

/* Writes out->ranges and out->range_count; false when there are too many pieces or ranges. */
bool memmap_finish(const struct memmap *map, struct boot_info *out);

#endif
