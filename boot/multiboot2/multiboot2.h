/* The multiboot2 information's translation into struct boot_info. */
/* Part: the way in for GRUB, from BIOS and from UEFI alike. */
#ifndef BOOT_MULTIBOOT2_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_MULTIBOOT2_H

#include <stddef.h>
#include <stdint.h>

#include "boot/boot_info.h"

#define MULTIBOOT2_BOOT_MAGIC 0x36d76289u

/* ACPI Specification, "Root System Description Pointer": bytes of an RSDP, and a field of it. */
#define MULTIBOOT2_RSDP_OLD 20	/* revision 0 */
#define MULTIBOOT2_RSDP_MAX 36	/* revision 2 and later */
#define MULTIBOOT2_RSDP_REVISION 15

/* When it is not MULTIBOOT2_OK, *out is not to be used. */
enum multiboot2_result {
	MULTIBOOT2_OK = 0,
	MULTIBOOT2_BAD_ADDRESS,	/* not on a multiple of 8 */
	MULTIBOOT2_BAD_SIZE,	/* the size it gives for itself is impossible */
	MULTIBOOT2_BAD_TAG,	/* a tag is too short for its kind, or reaches beyond the end */
	MULTIBOOT2_NO_END,	/* the closing tag is missing */
	MULTIBOOT2_NO_MEMORY_MAP,
	MULTIBOOT2_TOO_MANY_RANGES,
};

/*
 * Translates the information of LEN bytes at INFO, whose address must be its real address, into
 * *OUT. The caller has set out->kernel_base and out->kernel_size; everything else is overwritten.
 * out->rsdp is the address of GRUB's copy inside INFO. Modules beyond BOOT_MAX_MODULES are not
 * listed, and their storage is BOOT_MEM_LOADER. Not reentrant (its work area is static).
 */
int multiboot2_translate(const void *info, size_t len, struct boot_info *out);

const char *multiboot2_result_text(int result);

void multiboot2_start(uint32_t magic, uint64_t info_phys);

#endif
