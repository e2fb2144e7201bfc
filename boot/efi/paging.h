/* Builds the page tables with which the kernel is entered. */
/* Part: boot/efi; pure, so it is tested on the host. */
#ifndef BOOT_EFI_PAGING_H
#define BOOT_EFI_PAGING_H

#include <stdbool.h>
#include <stdint.h>

struct paging_wish {
	uint64_t top;		/* real storage 0..top is mapped one to one; at least 4 GiB is */
	bool large_gib;		/* the processor has 1 GiB pages */
	uint64_t kernel_base;	/* real address, a multiple of 2 MiB */
	uint64_t kernel_size;
};

struct paging_roots {
	uint64_t level4;	/* for CR3 with CR4.LA57 clear: what the kernel gets */
	uint64_t level5;	/* the same map for CR3 with CR4.LA57 set: for the way there */
};

/* The largest top that is honoured: half of what four levels reach. */
#define PAGING_TOP_MAX (1ull << 47)

uint64_t paging_pages_needed(const struct paging_wish *wish);

/* TABLES: that many pages, page aligned, whose address is their real address. */
struct paging_roots paging_build(const struct paging_wish *wish, void *tables);

#endif
