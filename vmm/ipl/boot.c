/* Boot sectors, disk images, CDs and flash images: how they are known. */
/* Part: ipl/; they start by firmware: disk.c, firmware.c. */
#include "vmm/ipl/job.h"

#include "lib/string.h"

#define SECTOR	  512u
#define SIGNATURE 510u

bool boot_looks_like(const uint8_t *data, uint64_t size)
{
	return size >= SECTOR && ipl_u16(data + SIGNATURE) == 0xaa55;
}

/* ECMA-119, "Volume Descriptor Set": the first descriptor lies in sector 16. */
bool boot_looks_like_cd(const uint8_t *data, uint64_t size)
{
	return size >= 17 * 2048 && memcmp(data + 16 * 2048 + 1, "CD001", 5) == 0;
}

/* UEFI Platform Initialization, "Firmware Volume Header". */
bool boot_looks_like_flash(const uint8_t *data, uint64_t size)
{
	return size >= 4096 && memcmp(data + 0x28, "_FVH", 4) == 0;
}
