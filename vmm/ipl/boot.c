/* Boot sectors, disk images, CDs and flash images: how they are known. */
/* Part: ipl/; they start by firmware: disk.c, firmware.c. */
#include "vmm/ipl/job.h"

#include "lib/string.h"

#define SECTOR	  512u
#define SIGNATURE 510u
#define ROM_LEAST KIB(64)
#define ROM_MOST  MIB(16)

bool boot_looks_like(const uint8_t *data, uint64_t size)
{
	return size >= SECTOR && ipl_u16(data + SIGNATURE) == 0xaa55;
}

/* ECMA-119, "Volume Descriptor Set": the first descriptor lies in sector 16. */
bool boot_looks_like_cd(const uint8_t *data, uint64_t size)
{
	return size >= 17 * 2048 && memcmp(data + 16 * 2048 + 1, "CD001", 5) == 0;
}

/* The last 16 bytes are where a processor begins after a reset: a ROM jumps back from there, a little preparation before. */
static bool begins_at_reset(const uint8_t *p)
{
	const uint8_t *end = p + 8;

	while (p < end && (p[0] == 0xfa || p[0] == 0xfc || p[0] == 0x90))	/* cli, cld, nop */
		p++;
	/* jmp F000:anywhere, or near and backwards */
	return (p[0] == 0xea && ipl_u16(p + 3) == 0xf000) || (p[0] == 0xe9 && (ipl_u16(p + 1) & 0x8000));
}

/* UEFI Platform Initialization, "Firmware Volume Header"; other firmware by its end. */
bool boot_looks_like_flash(const uint8_t *data, uint64_t size)
{
	if (size >= 4096 && memcmp(data + 0x28, "_FVH", 4) == 0)
		return true;
	return size >= ROM_LEAST && size <= ROM_MOST && size % PAGE_SIZE == 0 && memcmp(data, "\x7f" "ELF", 4) != 0 &&
	       !boot_looks_like(data, size) && !boot_looks_like_cd(data, size) && begins_at_reset(data + size - 16);
}

bool boot_looks_like_gzip(const uint8_t *data, uint64_t size)
{
	return size >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}
