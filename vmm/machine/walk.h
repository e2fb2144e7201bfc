/* The page walk: what the processor finds for a linear address, as the SDM's chapter "Paging" says. */
/* Part: machine/; pure: it reads page-table entries through an ops table, so it also runs on the host. */
#ifndef VMM_MACHINE_WALK_H
#define VMM_MACHINE_WALK_H

#include "lib/types.h"

/* What kind of access it is. WALK_PEEK ignores rights (CP looks); the caller does not mark then either. */
enum walk_intent {
	WALK_READ = 0,
	WALK_WRITE = 1,
	WALK_FETCH = 2,
	WALK_USER = 4,		/* at CPL 3 */
	WALK_PEEK = 8,
	WALK_IMPLICIT = 16,	/* the processor's own, to GDT, LDT, IDT or TSS: supervisor at any CPL, and AC does not count */
};

/* Bits of a page-fault error code. SDM, "Page-Fault Exceptions". */
#define WALK_ERROR_PRESENT 0x1u
#define WALK_ERROR_WRITE 0x2u
#define WALK_ERROR_USER 0x4u
#define WALK_ERROR_RESERVED 0x8u
#define WALK_ERROR_FETCH 0x10u
#define WALK_ERROR_KEY 0x20u

#define WALK_ACCESSED 0x20u
#define WALK_DIRTY 0x40u

/* What decides about a translation besides the tables. */
struct walk_state {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t rflags;		/* AC, for SMAP */
	uint32_t pkru;			/* counts with CR4.PKE in IA-32e mode */
	const uint64_t *pdptes;		/* PAE paging: the four registers; NULL = they are read where CR3 points */
	unsigned int physical_bits;	/* MAXPHYADDR, 32 to 52 */
	bool pages_1g, pse36;		/* what CPUID offers */
	/* Entries in [run_start, run_start + run_bytes), whole pages, are read here and without a call; 0 bytes = none. */
	const uint8_t *run;
	uint64_t run_start, run_bytes;
};

struct walk_ops {
	/* The entry of 4 or 8 bytes at a guest-physical address, which is aligned to it. False = no storage there. */
	bool (*read)(void *context, uint64_t at, unsigned int size, uint64_t *entry);
	/* Sets bits of the low half of an entry that read() has given, atomically. */
	void (*set_bits)(void *context, uint64_t at, uint32_t bits);
};

enum walk_outcome {
	WALK_FOUND,		/* gpa */
	WALK_FAULT,		/* #PF with `error` */
	WALK_ABSENT,		/* the entry at gpa is not storage */
	WALK_NOT_CANONICAL,	/* #GP or #SS, which the caller knows */
};

#define WALK_LEVELS 5

struct walk {
	uint64_t gpa;
	uint32_t error;
	uint32_t have;			/* WALK_ACCESSED if every one has it, WALK_DIRTY if the page's has it */
	unsigned int used;		/* entries on the way that have an accessed flag; the last one is the page's */
	uint64_t at[WALK_LEVELS];
	uint32_t low[WALK_LEVELS];	/* their low halves */
};

/* Looks; changes nothing. Outside IA-32e mode only the low half of the address counts. */
enum walk_outcome walk_look(const struct walk_state *s, const struct walk_ops *ops, void *context, uint64_t linear,
			    uint32_t intent, struct walk *w);

/* Sets what walk_mark() has found missing. */
void walk_mark_missing(const struct walk_ops *ops, void *context, const struct walk *w, uint32_t intent);

/* After WALK_FOUND, when the access is made: accessed flags, and the page's dirty flag for a write. */
static inline void walk_mark(const struct walk_ops *ops, void *context, const struct walk *w, uint32_t intent)
{
	uint32_t need = intent & WALK_WRITE ? WALK_ACCESSED | WALK_DIRTY : WALK_ACCESSED;

	if ((w->have & need) != need)
		walk_mark_missing(ops, context, w, intent);
}

#endif
