/* The kernel's own page tables: image W^X, a direct map of storage, device windows. */
/* Part: arch/x86. */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include "boot/boot_info.h"
#include "lib/types.h"

#define DIRECT_BASE 0xffff800000000000ull
#define MMIO_BASE 0xffffc00000000000ull

/* Builds the tables from the firmware's map and switches to them. Needs the loader's identity map until then. */
void paging_init(const struct boot_info *bi);

/* Is this address of real storage in the direct map? */
bool paging_is_direct(hpa_t base);

/* A second mapping of one of the kernel's own pages, for its execution and not for writing; NULL = no room for tables. */
const void *paging_map_code(const void *page);

/*
 * A CR3 value whose tables map the first 4 GiB one to one (all rights) and the kernel beside it: for
 * leaving the machine to a bare system.
 */
uint64_t paging_identity_root(void);

#endif
