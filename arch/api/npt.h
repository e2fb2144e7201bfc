/* The nested page table: EPT derived from the rows of a guest's storage table, and from nothing else. */
/* Part: contract header owned by the allocator; arch/x86/vmx/ept.c implements it. */
#ifndef ARCH_API_NPT_H
#define ARCH_API_NPT_H

#include "lib/types.h"

enum npt_rights { NPT_READ = 1, NPT_WRITE = 2, NPT_EXECUTE = 4, NPT_ALL = 7 };

/* One row of the relocation table: guest-physical [guest, guest + bound) is real [base, base + bound). */
struct npt_row {
	gpa_t guest;
	hpa_t base;
	uint64_t bound;		/* bytes, page multiple */
	uint32_t rights;	/* enum npt_rights */
	bool device;		/* memory type UC instead of what the MTRRs say */
};

struct npt {
	hpa_t root;		/* of the EPT PML4 */
	uint64_t pointer;	/* the EPTP to put into the VMCS */
	uint32_t page_count;	/* tables in use, the root among them; owned by whoever gave them */
	uint64_t leaves[3];	/* how many 4 KiB, 2 MiB, 1 GiB pages map storage: QUERY RELOC shows them */
};

/* Takes a zeroed page for a table; base 0 = none left. */
typedef hpa_t (*npt_page_source)(void *context);

/* The most tables that one row of `bound` bytes can need on this machine, whatever its alignment. */
uint64_t npt_pages_needed(uint64_t bound);

/*
 * Builds tables for the rows; where two cover an address the later one counts. May fail and then nothing that a processor
 * uses has changed: -ENOMEM, -EINVAL (a row not page aligned).
 */
int npt_prepare(struct npt *npt, const struct npt_row *rows, size_t count, npt_page_source source,
		void *context);

/*
 * Changes the rights (0 = every access exits) of a range that one row covers exactly and that npt_prepare() has mapped.
 * Cannot fail; the processor forgets what it kept of the old ones.
 */
void npt_set_rights(struct npt *npt, gpa_t guest, uint64_t bound, uint32_t rights);
/* The processor forgets what it kept of these tables: after they were built anew in the same pages. */
void npt_flush(const struct npt *npt);

/* What the tables say about one address: false = not mapped. */
bool npt_lookup(const struct npt *npt, gpa_t guest, hpa_t *real, uint32_t *rights, uint64_t *page_size);

#endif
