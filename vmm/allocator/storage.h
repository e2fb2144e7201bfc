/* Real storage: who owns which run of it. */
/* Part: the allocator A; every frame beyond the kernel image is granted and taken back here. */
#ifndef VMM_ALLOCATOR_STORAGE_H
#define VMM_ALLOCATOR_STORAGE_H

#include "lib/types.h"

#define STORAGE_RUNS 2048	/* virtual disks grow by runs of up to 32 MiB */
#define STORAGE_OWNER_CP 0xfffeu	/* CP's fixed part */
#define STORAGE_OWNER_MODULE 0xfffdu	/* a file from the boot volume */
#define STORAGE_FREE 0xffffu
/* Owners 0 .. VM_MAX - 1 are machines: vm->number. */

struct storage_run {
	hpa_t base;
	uint64_t size;		/* bytes, page multiple */
	uint16_t owner;
	bool system;		/* CP's own storage for that machine, not the guest's R */
};

/* Adds a free run found in the firmware's map. Runs must not overlap. */
void storage_add(hpa_t base, uint64_t size);
/* Marks what was there at start: the kernel image and modules. Returns false if [base, base+size) is not free. */
bool storage_reserve(hpa_t base, uint64_t size, uint16_t owner);

/*
 * Grants one contiguous run aligned to `align` (a power of two >= PAGE_SIZE), zeroed. base 0 = there is none.
 * Prefers high addresses for large runs so that memory below 1 MiB and below 4 GiB stays for those who need it.
 */
hpa_t storage_grant(uint64_t size, uint64_t align, uint16_t owner, bool system);
/* Takes back everything an owner has. Returns bytes. */
uint64_t storage_revoke(uint16_t owner);

/* For QUERY ALLOC. run(i) in address order; NULL past the end. */
const struct storage_run *storage_run_at(uint32_t i);
uint64_t storage_total(void);			/* bytes the firmware gave */
uint64_t storage_free_bytes(void);
uint64_t storage_largest(void);			/* bytes of the largest free run */
uint64_t storage_owned(uint16_t owner, bool system);	/* bytes of one owner */

#endif
