/* What the parts of the UEFI loader share. */
/* Part: boot/efi, the way in from UEFI. */
#ifndef BOOT_EFI_LOADER_H
#define BOOT_EFI_LOADER_H

#include <efi.h>
#include <efilib.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"

#define LOADER_PAGE 4096ull
#define LOADER_4GIB 0x100000000ull

/* loader.c: one plain line each; the second kind tells why the start cannot go on. */
#define loader_say(...) ((void)(Print(L"VM/64 loader: "), Print(__VA_ARGS__), Print(L"\n")))

/* storage.c: whole pages that the kernel gets back as BOOT_MEM_LOADER; 0 = none left. */
uint64_t storage_pages(uint64_t bytes, bool must_be_low);
void storage_free(uint64_t base, uint64_t bytes);
/* For the kernel: below 4 GiB, on a multiple of ALIGN (a power of two). */
uint64_t storage_aligned(uint64_t bytes, uint64_t align);
/* The end of the highest RAM that the firmware lists; 0 = the firmware does not say. */
uint64_t storage_top(void);
/*
 * Fills BI's ranges from the memory map and ends boot services. When it returns false, why not
 * has been said and boot services are still there.
 */
bool storage_leave_firmware(EFI_HANDLE image, struct boot_info *bi);

/* volume.c: the files of \vm64 on the volume that the loader itself came from. */
bool volume_open(EFI_HANDLE image);
void volume_close(void);
/* Reads NAME (ASCII) into new pages; sets base, size, status and name of *M. */
void volume_read(const char *name, struct boot_module *m);

/* screen.c */
void screen_choose(struct boot_framebuffer *fb);

/* machine.c */
uint64_t machine_find_rsdp(EFI_SYSTEM_TABLE *table);
uint32_t machine_stop_bus_masters(void);
bool machine_has_gib_pages(void);

/* handoff.c: leaves for the kernel's entry on its own tables; never returns. */
struct paging_roots;
bool handoff_prepare(void);
void handoff_go(const struct paging_roots *roots, uint64_t entry, struct boot_info *bi)
	__attribute__((noreturn));

#endif
