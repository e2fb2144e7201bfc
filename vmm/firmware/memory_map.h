/* What is where in a machine's address space, as firmware tells operating systems (E820). */
/* Part: firmware/; one list for Linux, multiboot, SeaBIOS and OVMF. */
#ifndef VMM_FIRMWARE_MEMORY_MAP_H
#define VMM_FIRMWARE_MEMORY_MAP_H

#include "lib/string.h"
#include "lib/types.h"

enum { E820_USABLE = 1, E820_RESERVED = 2, E820_ACPI = 3 };

struct memory_range {
	uint64_t base, size;
	uint32_t type;
};

#define MEMORY_MAP_RANGES 5u
#define MEMORY_RANGE_BYTES 20u

/* As INT 15h E820, Linux, fw_cfg and both versions of multiboot have it. */
static inline void memory_range_put(uint8_t to[MEMORY_RANGE_BYTES], const struct memory_range *r)
{
	memcpy(to, &r->base, sizeof(r->base));
	memcpy(to + 8, &r->size, sizeof(r->size));
	memcpy(to + 16, &r->type, sizeof(r->type));
}

/* Where the IPL puts the tables that a PC's firmware leaves below 1 MiB. */
#define FIRMWARE_RSDP	      0xe0000u
#define FIRMWARE_ACPI	      0xe0040u
#define FIRMWARE_SMBIOS	      0xee000u
#define FIRMWARE_SMBIOS_ENTRY 0xf0000u	/* both entry points, 32 bytes apart: searched from here on */
#define FIRMWARE_MPTABLE      0xf0040u
#define FIRMWARE_LOW_END      0x9fc00u	/* the extended BIOS data area begins */
#define FIRMWARE_HIGH	      0x100000u

/* For an operating system loaded without firmware. Returns the number of ranges, in address order. */
static inline uint32_t memory_map(struct memory_range map[MEMORY_MAP_RANGES], uint64_t storage)
{
	const struct memory_range all[MEMORY_MAP_RANGES] = {
		{ 0, FIRMWARE_LOW_END, E820_USABLE },
		{ FIRMWARE_LOW_END, 0xa0000 - FIRMWARE_LOW_END, E820_RESERVED },
		{ 0xe0000, FIRMWARE_HIGH - 0xe0000, E820_RESERVED },	/* the tables, the BIOS */
		{ FIRMWARE_HIGH, storage - FIRMWARE_HIGH, E820_USABLE },
		{ 0xe0000000, 0x10000000, E820_RESERVED },	/* PCI configuration space */
	};

	for (uint32_t i = 0; i < MEMORY_MAP_RANGES; i++)
		map[i] = all[i];
	return MEMORY_MAP_RANGES;
}

#endif
