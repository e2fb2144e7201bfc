/* Checks the kernel's ELF file and says what goes where. */
/* Part: boot/efi; pure, so it is tested on the host. */
#ifndef BOOT_EFI_ELF_H
#define BOOT_EFI_ELF_H

#include <stdint.h>

#define ELF_MAX_SEGMENTS 8
#define ELF_KERNEL_LINK 0x200000ull	/* KERNEL_PHYS_LINK of linker.ld */
#define ELF_KERNEL_MAX 0x1000000ull	/* KERNEL_MAX_SIZE of linker.ld */

struct elf_segment {
	uint64_t file_offset, file_size;
	uint64_t offset, size;	/* where in the loaded kernel; bytes beyond file_size are zero */
};

struct elf_plan {
	uint64_t entry;		/* linked address */
	uint64_t size;		/* bytes from the first segment's start to the last one's end */
	uint32_t count;
	struct elf_segment segments[ELF_MAX_SEGMENTS];
};

/* Returns 0 and fills *PLAN, or a sentence's end that says what is wrong with the file. */
const char *elf_check(const void *file, uint64_t size, struct elf_plan *plan);

#endif
