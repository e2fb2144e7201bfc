/* The page walk: no paging, 32-bit, PAE, 4-level and 5-level paging, with SMEP, SMAP, NX and protection keys. */
/* Part: machine/; pure; gmem.c is its caller, tests/unit/test_walk.c its judge. */
#include "vmm/machine/walk.h"

/* Bits of an entry that all formats share. SDM, figures "Formats of CR3 and Paging-Structure Entries". */
#define PTE_P (1ull << 0)
#define PTE_W (1ull << 1)
#define PTE_U (1ull << 2)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define PTE_IGNORED 0x7ff0000000000000ull	/* 62:52: the system's own, but reserved in PAE paging */
#define PTE_KEY_SHIFT 59

#define CR0_PE (1ull << 0)
#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define CR4_PKE (1ull << 22)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)
#define RFLAGS_AC (1ull << 18)

#define PAE_PDPTE_RESERVED 0x1e6ull

struct looking {
	const struct walk_state *s;
	const struct walk_ops *ops;
	void *context;
	uint64_t linear;
	uint32_t intent;
	struct walk *w;
};

static inline bool read_entry(const struct looking *l, uint64_t at, unsigned int size, uint64_t *entry)
{
	uint64_t offset = at - l->s->run_start;

	if (__builtin_expect(offset >= l->s->run_bytes, 0))
		return l->ops->read(l->context, at, size, entry);
	*entry = size == 4 ? *(const uint32_t *)(l->s->run + offset) : *(const uint64_t *)(l->s->run + offset);
	return true;
}

static bool as_user(uint32_t intent)
{
	return (intent & (WALK_USER | WALK_IMPLICIT)) == WALK_USER;
}

static enum walk_outcome __attribute__((noinline)) fault(const struct looking *l, uint32_t why)
{
	bool fetch_told = (l->s->cr4 & CR4_SMEP) || ((l->s->cr4 & CR4_PAE) && (l->s->efer & EFER_NXE));

	if (l->intent & WALK_WRITE)
		why |= WALK_ERROR_WRITE;
	if (as_user(l->intent))
		why |= WALK_ERROR_USER;
	if ((l->intent & WALK_FETCH) && fetch_told)
		why |= WALK_ERROR_FETCH;
	l->w->error = why;
	return WALK_FAULT;
}

static enum walk_outcome absent(const struct looking *l, uint64_t at)
{
	l->w->gpa = at;
	return WALK_ABSENT;
}

/* SDM, "Determination of Access Rights". rights: PTE_W and PTE_U as all levels together grant them. */
static bool allowed(const struct looking *l, uint64_t rights, bool no_execute)
{
	const struct walk_state *s = l->s;
	bool user_page = (rights & PTE_U) != 0;

	if (as_user(l->intent)) {
		if (!user_page || ((l->intent & WALK_WRITE) && !(rights & PTE_W)))
			return false;
		return !((l->intent & WALK_FETCH) && no_execute);
	}
	if (l->intent & WALK_FETCH)
		return !no_execute && !(user_page && (s->cr4 & CR4_SMEP));
	if (user_page && (s->cr4 & CR4_SMAP) && (!(s->rflags & RFLAGS_AC) || (l->intent & WALK_IMPLICIT)))
		return false;
	return !(l->intent & WALK_WRITE) || (rights & PTE_W) || !(s->cr0 & CR0_WP);
}

/* SDM, "Protection Keys": of user-mode addresses, for data only, whoever makes the access. */
static bool key_refuses(const struct looking *l, uint64_t rights, uint64_t entry)
{
	const struct walk_state *s = l->s;
	uint32_t key;

	if (!(rights & PTE_U) || (l->intent & WALK_FETCH))
		return false;
	key = s->pkru >> (entry >> PTE_KEY_SHIFT & 15) * 2;
	if (key & 1)
		return true;
	return (key & 2) && (l->intent & WALK_WRITE) && (as_user(l->intent) || (s->cr0 & CR0_WP));
}

/* 32-bit paging; a large page may lie above 4 GiB. SDM, "32-Bit Paging" and "PSE-36 Mechanism". */
static enum walk_outcome look_32(const struct looking *l)
{
	const struct walk_state *s = l->s;
	struct walk *w = l->w;
	uint64_t pde, pte, at = (s->cr3 & 0xfffff000) + (l->linear >> 20 & 0xffc), rights;

	if (!read_entry(l, at, 4, &pde))
		return absent(l, at);
	w->at[0] = at;
	w->low[0] = (uint32_t)pde;
	w->used = 1;
	if (!(pde & PTE_P))
		return fault(l, 0);
	if ((pde & PTE_PS) && (s->cr4 & CR4_PSE)) {
		unsigned int width = s->physical_bits < 40 ? s->physical_bits : 40;
		uint64_t high = s->pse36 && width > 32 ? (1ull << (width - 32)) - 1 : 0;

		if (pde & 0x3fe000 & ~(high << 13))
			return fault(l, WALK_ERROR_PRESENT | WALK_ERROR_RESERVED);
		rights = w->have = (uint32_t)pde;
		w->gpa = (pde & 0xffc00000) | (pde >> 13 & high) << 32 | (l->linear & 0x3fffff);
	} else {
		at = (pde & 0xfffff000) + (l->linear >> 10 & 0xffc);
		if (!read_entry(l, at, 4, &pte))
			return absent(l, at);
		w->at[1] = at;
		w->low[1] = (uint32_t)pte;
		w->used = 2;
		if (!(pte & PTE_P))
			return fault(l, 0);
		rights = pde & pte;
		w->have = (uint32_t)(pte & (pde | ~(uint64_t)WALK_ACCESSED));
		w->gpa = (pte & 0xfffff000) | (l->linear & 0xfff);
	}
	if (!(l->intent & WALK_PEEK) && !allowed(l, rights, false))
		return fault(l, WALK_ERROR_PRESENT);
	return WALK_FOUND;
}

/* Of an entry with PS or a reserved bit set: is it good, and does it map a page? */
static bool __attribute__((noinline)) good_large(const struct walk_state *s, unsigned int shift, uint64_t entry,
						 uint64_t reserved, bool *page)
{
	*page = shift == PAGE_SHIFT || (entry & PTE_PS);
	if (shift > PAGE_SHIFT && (entry & PTE_PS)) {
		if (shift > 30 || (shift == 30 && !s->pages_1g))
			return false;
		/* A large page has address bits from its size up only; bit 12 is its PAT bit. */
		reserved |= ((1ull << shift) - 1) & ~0x1fffull;
	}
	return !(entry & reserved);
}

/*
 * Levels of 512 entries from the one whose index begins at bit `shift` on down: all of 4- and 5-level paging, and PAE
 * paging behind its PDPTEs. `reserved` is what no entry may have set.
 */
static inline enum walk_outcome look_wide(const struct looking *l, uint64_t table, unsigned int shift, uint64_t reserved)
{
	const struct walk_state *s = l->s;
	struct walk *w = l->w;
	uint64_t all = PTE_W | PTE_U | WALK_ACCESSED, any = 0, entry;
	unsigned int used = 0;

	for (;; shift -= 9) {
		uint64_t at = table + (l->linear >> (shift - 3) & 0xff8);
		bool page = shift == PAGE_SHIFT;

		if (!read_entry(l, at, 8, &entry))
			return absent(l, at);
		if (!(entry & PTE_P))
			return fault(l, 0);
		w->at[used] = at;
		w->low[used++] = (uint32_t)entry;
		all &= entry;
		any |= entry;
		if (__builtin_expect((entry & (reserved | PTE_PS)) != 0, 0) && !good_large(s, shift, entry, reserved, &page))
			return fault(l, WALK_ERROR_PRESENT | WALK_ERROR_RESERVED);
		if (page)
			break;
		table = entry & PTE_ADDRESS;
	}
	w->used = used;
	w->have = (uint32_t)((all & WALK_ACCESSED) | (entry & WALK_DIRTY));
	w->gpa = (entry & PTE_ADDRESS & -(1ull << shift)) | (l->linear & ((1ull << shift) - 1));
	if (l->intent & WALK_PEEK)
		return WALK_FOUND;
	if ((s->cr4 & CR4_PKE) && (s->efer & EFER_LMA) && key_refuses(l, all, entry))
		return fault(l, WALK_ERROR_PRESENT | WALK_ERROR_KEY);
	return allowed(l, all, (any & PTE_NX) != 0) ? WALK_FOUND : fault(l, WALK_ERROR_PRESENT);
}

/*
 * Behind the four PDPTEs, which carry no rights and have no accessed flag. MOV CR3 has refused reserved bits in the
 * registers; read from memory they may have come later, and #PF is the way to say it. SDM, "PDPTE Registers".
 */
static enum walk_outcome look_pae(const struct looking *l, uint64_t reserved)
{
	uint64_t at = (l->s->cr3 & 0xffffffe0) + (l->linear >> 27 & 0x18), pdpte;

	reserved |= PTE_IGNORED;
	if (l->s->pdptes != NULL)
		pdpte = l->s->pdptes[l->linear >> 30 & 3];
	else if (!read_entry(l, at, 8, &pdpte))
		return absent(l, at);
	if (!(pdpte & PTE_P))
		return fault(l, 0);
	if (pdpte & (reserved | PTE_NX | PAE_PDPTE_RESERVED))
		return fault(l, WALK_ERROR_PRESENT | WALK_ERROR_RESERVED);
	return look_wide(l, pdpte & PTE_ADDRESS, 21, reserved);
}

static inline bool quick_entry(const struct walk_state *s, uint64_t table, uint64_t index, uint64_t *entry)
{
	uint64_t offset = (table & PTE_ADDRESS) + index - s->run_start;

	if (offset >= s->run_bytes)
		return false;
	*entry = *(const uint64_t *)(s->run + offset);
	return true;
}

/*
 * The usual walk in a straight line, since every access to a device that lies in memory makes two: 4-level paging, pages
 * of 4 KiB or 2 MiB, no key, nothing to mark, and rights that need no thought. An entry that is not present may lead
 * anywhere in the run; it is looked at in the end. False says nothing but "walk".
 */
static inline __attribute__((always_inline)) bool look_quickly(const struct walk_state *s, uint64_t linear,
								uint32_t intent, uint64_t *gpa)
{
	uint64_t stop = (PTE_ADDRESS & ~0ull << s->physical_bits) | (s->efer & EFER_NXE ? 0 : PTE_NX);
	uint64_t want = PTE_P | WALK_ACCESSED, mask = PAGE_SIZE - 1, e4, e3, e2, leaf, all;
	bool user = as_user(intent);

	if (!quick_entry(s, s->cr3, linear >> 36 & 0xff8, &e4) || !quick_entry(s, e4, linear >> 27 & 0xff8, &e3) ||
	    !quick_entry(s, e3, linear >> 18 & 0xff8, &e2))
		return false;
	leaf = e2;
	if (e2 & PTE_PS)
		mask = 0x1fffff;
	else if (!quick_entry(s, e2, linear >> 9 & 0xff8, &leaf))
		return false;
	all = e4 & e3 & e2 & leaf;
	if (user) {
		want |= PTE_U;
		want |= intent & WALK_WRITE ? PTE_W : 0ull;
	} else if (intent & WALK_WRITE) {
		want |= s->cr0 & CR0_WP ? PTE_W : 0ull;
	}
	if (((e4 | e3) & PTE_PS) || ((e4 | e3 | e2 | leaf) & stop) || (all & want) != want ||
	    (mask > PAGE_SIZE && (leaf & 0x1fe000)) || ((intent & WALK_WRITE) && !(leaf & WALK_DIRTY)) ||
	    ((intent & WALK_FETCH) && ((e4 | e3 | e2 | leaf) & PTE_NX)) ||
	    (!user && (all & PTE_U) && (s->cr4 & (intent & WALK_FETCH ? CR4_SMEP : CR4_SMAP))))
		return false;
	*gpa = (leaf & PTE_ADDRESS & ~mask) | (linear & mask);
	return true;
}

static enum walk_outcome __attribute__((noinline)) look(const struct walk_state *s, const struct walk_ops *ops,
							void *context, uint64_t linear, uint32_t intent, struct walk *w)
{
	struct looking l = { s, ops, context, linear, intent, w };
	/* Address bits that this processor does not have are reserved in every entry, and NX where it is off. */
	uint64_t reserved = (PTE_ADDRESS & ~0ull << s->physical_bits) | (s->efer & EFER_NXE ? 0 : PTE_NX);
	unsigned int unused = s->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	w->used = 0;
	w->have = WALK_ACCESSED | WALK_DIRTY;
	if (!(s->efer & EFER_LMA))
		l.linear = (uint32_t)linear;
	if ((s->cr0 & (CR0_PE | CR0_PG)) != (CR0_PE | CR0_PG)) {
		w->gpa = l.linear;
		return WALK_FOUND;
	}
	if (!(s->efer & EFER_LMA))
		return s->cr4 & CR4_PAE ? look_pae(&l, reserved) : look_32(&l);
	if ((uint64_t)((int64_t)(linear << unused) >> unused) != linear)
		return WALK_NOT_CANONICAL;
	return look_wide(&l, s->cr3 & PTE_ADDRESS, s->cr4 & CR4_LA57 ? 48 : 39, reserved);
}

enum walk_outcome walk_look(const struct walk_state *s, const struct walk_ops *ops, void *context, uint64_t linear,
			    uint32_t intent, struct walk *w)
{
	if (__builtin_expect((s->efer & EFER_LMA) && !(s->cr4 & (CR4_LA57 | CR4_PKE)), 1) &&
	    (uint64_t)((int64_t)(linear << 16) >> 16) == linear && look_quickly(s, linear, intent, &w->gpa)) {
		w->used = 0;
		w->have = WALK_ACCESSED | WALK_DIRTY;
		return WALK_FOUND;
	}
	return look(s, ops, context, linear, intent, w);
}

void walk_mark_missing(const struct walk_ops *ops, void *context, const struct walk *w, uint32_t intent)
{
	for (unsigned int i = 0; i < w->used; i++) {
		uint32_t bits = WALK_ACCESSED;

		if (i + 1 == w->used && (intent & WALK_WRITE))
			bits |= WALK_DIRTY;
		if ((w->low[i] & bits) != bits)
			ops->set_bits(context, w->at[i], bits);
	}
}
