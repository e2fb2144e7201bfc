/* struct boot_info: the one contract between whoever starts the machine and the kernel. */
/* Part: written by boot/efi or boot/multiboot2, read once by the kernel's main(). */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include <stdint.h>

#define BOOT_INFO_MAGIC 0x34364d56u /* "VM64" */
#define BOOT_INFO_VERSION 1u

/*
 * State at entry to kernel_entry64 (the ELF entry point for EFI), interrupts off, 64-bit mode:
 *   RDI  address of struct boot_info (as mapped by the tables in CR3 at that moment)
 *   CR3  tables that map at least the first 4 GiB one to one, all of struct boot_info's memory, and
 *        the kernel at its linked address (KERNEL_VIRT_BASE and up) with whatever rights.
 * The tables, the stack and the boot_info itself lie in memory that `ranges` calls BOOT_MEM_LOADER,
 * which the kernel frees when it has copied what it needs.
 */
#define KERNEL_VIRT_BASE 0xffffffff80000000ull

enum boot_source { BOOT_FROM_UEFI = 1, BOOT_FROM_GRUB_BIOS = 2, BOOT_FROM_GRUB_UEFI = 3 };

enum boot_mem_kind {
	BOOT_MEM_FREE = 1,	/* usable from the start */
	BOOT_MEM_LOADER = 2,	/* usable once boot_info, tables and modules have been copied or freed */
	BOOT_MEM_KERNEL = 3,	/* the kernel image */
	BOOT_MEM_MODULE = 4,	/* a file: see modules[] */
	BOOT_MEM_ACPI = 5,	/* ACPI tables */
	BOOT_MEM_RESERVED = 6,	/* firmware, unusable */
	BOOT_MEM_MMIO = 7,	/* memory-mapped devices */
};

struct boot_range {
	uint64_t base;		/* bytes, page aligned */
	uint64_t size;		/* bytes, page multiple */
	uint32_t kind;		/* enum boot_mem_kind */
	uint32_t reserved;
};

enum boot_fb_kind { BOOT_FB_NONE = 0, BOOT_FB_RGB = 1, BOOT_FB_TEXT = 2 };

struct boot_framebuffer {
	uint64_t base;
	uint32_t kind;		/* enum boot_fb_kind */
	uint32_t width, height;	/* pixels; characters for BOOT_FB_TEXT */
	uint32_t pitch;		/* bytes a row */
	uint32_t bits_per_pixel;
	uint8_t red_shift, green_shift, blue_shift, reserved;
};

#define BOOT_NAME_LEN 48
struct boot_module {
	uint64_t base;		/* page aligned */
	uint64_t size;		/* bytes */
	char name[BOOT_NAME_LEN];	/* as the directory file names it; the directory itself is "directory" */
	uint32_t status;	/* 0 = loaded, else enum boot_module_fault */
	uint32_t reserved;
};
enum boot_module_fault { BOOT_MODULE_OK = 0, BOOT_MODULE_MISSING = 1, BOOT_MODULE_TOO_BIG = 2, BOOT_MODULE_READ_ERROR = 3 };

#define BOOT_MAX_RANGES 256
#define BOOT_MAX_MODULES 64
#define BOOT_COMMAND_LINE 256

struct boot_info {
	uint32_t magic;		/* BOOT_INFO_MAGIC */
	uint32_t version;	/* BOOT_INFO_VERSION */
	uint32_t size;		/* sizeof(struct boot_info) as the loader knows it */
	uint32_t source;	/* enum boot_source */
	uint64_t kernel_base;	/* real address of the byte linked at KERNEL_VIRT_BASE + KERNEL_PHYS_LINK */
	uint64_t kernel_size;	/* bytes, .bss included */
	uint64_t rsdp;		/* real address of ACPI's RSDP, 0 = none */
	uint64_t efi_system_table;	/* 0 = not started by UEFI */
	struct boot_framebuffer fb;
	uint32_t range_count;
	uint32_t module_count;
	struct boot_range ranges[BOOT_MAX_RANGES];	/* sorted by base, not overlapping */
	struct boot_module modules[BOOT_MAX_MODULES];
	char command_line[BOOT_COMMAND_LINE];
};

#endif
