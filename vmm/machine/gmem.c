/* Guest memory: windows into a machine's storage, the guest's page walk, and copies over both. */
/* Part: machine/; nobody else turns a guest address into a pointer. */
#include "vmm/machine/gmem.h"

#include "arch/api/cpu.h"
#include "lib/string.h"

/* Bytes from gpa on that belong to row i, or to a row before it, and to none after it. */
static uint64_t run_of(const struct vm *vm, uint32_t i, uint64_t at)
{
	uint64_t end = vm->rows[i].guest.v + vm->rows[i].bound;

	for (i++; i < vm->row_count; i++)
		if (vm->rows[i].bound != 0 && vm->rows[i].guest.v > at && vm->rows[i].guest.v < end)
			end = vm->rows[i].guest.v;
	return end - at;
}

/* The storage at gpa with at least `rights`, and how many bytes of the same row follow. NULL = none. */
static uint8_t *storage_at(struct vm *vm, gpa_t gpa, uint32_t rights, uint64_t *left)
{
	uint32_t i;

	/* Where rows overlap the last one counts. */
	for (i = vm->row_count; i-- > 0;) {
		const struct npt_row *row = &vm->rows[i];
		uint64_t offset = gpa.v - row->guest.v;

		if (gpa.v < row->guest.v || offset >= row->bound)
			continue;
		if (row->device || (row->rights & rights) != rights)
			return NULL;
		*left = run_of(vm, i, gpa.v);
		return (uint8_t *)cpu_direct(HPA(row->base.v + offset));
	}
	return NULL;
}

/* Is every byte storage? Asked first, so that a copy does all of its work or none. */
static bool all_there(struct vm *vm, gpa_t gpa, size_t n, uint32_t rights)
{
	uint64_t left;

	if (n != 0 && gpa.v > UINT64_MAX - (n - 1))
		return false;
	while (n != 0) {
		if (!storage_at(vm, gpa, rights, &left))
			return false;
		if (left >= n)
			return true;
		n -= left;
		gpa.v += left;
	}
	return true;
}

bool gmem_read(struct vm *vm, gpa_t from, void *to, size_t n)
{
	uint8_t *into = to;

	if (!all_there(vm, from, n, NPT_READ))
		return false;
	while (n != 0) {
		uint64_t left = 0;
		const uint8_t *p = storage_at(vm, from, NPT_READ, &left);
		size_t part = left < n ? left : n;

		memcpy(into, p, part);
		into += part;
		from.v += part;
		n -= part;
	}
	return true;
}

bool gmem_write(struct vm *vm, gpa_t to, const void *from, size_t n)
{
	const uint8_t *source = from;

	if (!all_there(vm, to, n, NPT_WRITE))
		return false;
	while (n != 0) {
		uint64_t left = 0;
		uint8_t *p = storage_at(vm, to, NPT_WRITE, &left);
		size_t part = left < n ? left : n;

		/* memmove: the source may be another window of the same storage (a guest's block
		 * move). */
		memmove(p, source, part);
		source += part;
		to.v += part;
		n -= part;
	}
	return true;
}

bool gmem_fill(struct vm *vm, gpa_t to, uint8_t byte, size_t n)
{
	if (!all_there(vm, to, n, NPT_WRITE))
		return false;
	while (n != 0) {
		uint64_t left = 0;
		uint8_t *p = storage_at(vm, to, NPT_WRITE, &left);
		size_t part = left < n ? left : n;

		memset(p, byte, part);
		to.v += part;
		n -= part;
	}
	return true;
}

void *gmem_window(struct vm *vm, gpa_t gpa, size_t n)
{
	uint64_t left;
	uint8_t *p;

	if (n == 0)
		return NULL;
	p = storage_at(vm, gpa, NPT_READ | NPT_WRITE, &left);
	return p && left >= n ? p : NULL;
}

/* Bits of a page-table entry that all formats share (SDM "Paging", figures "Formats of ...
 * Entries"). */
#define PTE_P	    (1ull << 0)
#define PTE_W	    (1ull << 1)
#define PTE_U	    (1ull << 2)
#define PTE_A	    (1ull << 5)
#define PTE_D	    (1ull << 6)
#define PTE_PS	    (1ull << 7)
#define PTE_NX	    (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* Bits of the page-fault error code (SDM "Page-Fault Exceptions"). */
#define PF_PRESENT  0x1u
#define PF_WRITE    0x2u
#define PF_USER	    0x4u
#define PF_RESERVED 0x8u
#define PF_FETCH    0x10u

#define CR0_PE	  (1ull << 0)
#define CR0_WP	  (1ull << 16)
#define CR0_PG	  (1ull << 31)
#define CR4_PSE	  (1ull << 4)
#define CR4_PAE	  (1ull << 5)
#define CR4_SMEP  (1ull << 20)
#define CR4_SMAP  (1ull << 21)
#define EFER_LMA  (1ull << 10)
#define EFER_NXE  (1ull << 11)
#define RFLAGS_AC (1ull << 18)

#define MAX_LEVELS 4

struct walk {
	struct vm *vm;
	gva_t gva;
	uint32_t intent;
	uint64_t cr0, cr3, cr4, efer, rflags;
	unsigned int levels;	 /* 2, 3 or 4 */
	unsigned int entry_size; /* bytes: 4 or 8 */
	uint64_t
	    beyond; /* address bits that this processor does not have: reserved in every entry */
	uint64_t rights;	   /* PTE_W and PTE_U: of all levels; PTE_NX: of any */
	void *entries[MAX_LEVELS]; /* those used, for the accessed flags */
	unsigned int used;
	struct gmem_fault *fault;
};

static bool page_fault(struct walk *w, uint32_t why)
{
	bool fetch_known = (w->cr4 & CR4_SMEP) || ((w->cr4 & CR4_PAE) && (w->efer & EFER_NXE));

	w->fault->page_fault = true;
	w->fault->address = w->gva;
	w->fault->error = why;
	if (w->intent & GMEM_WRITE)
		w->fault->error |= PF_WRITE;
	if (w->intent & GMEM_USER)
		w->fault->error |= PF_USER;
	if ((w->intent & GMEM_FETCH) && fetch_known)
		w->fault->error |= PF_FETCH;
	return false;
}

static bool absent(struct gmem_fault *fault, gva_t gva, uint64_t gpa)
{
	fault->absent = true;
	fault->address = gva;
	fault->gpa = GPA(gpa);
	return false;
}

static bool read_entry(struct walk *w, uint64_t table, unsigned int index, uint64_t *entry)
{
	uint64_t at = table + (uint64_t)index * w->entry_size;
	void *p = gmem_window(w->vm, GPA(at), w->entry_size);
	uint32_t small;

	if (!p)
		return absent(w->fault, w->gva, at);
	if (w->entry_size == 4) {
		memcpy(&small, p, sizeof(small));
		*entry = small;
	} else {
		memcpy(entry, p, sizeof(*entry));
	}
	w->entries[w->used++] = p;
	return true;
}

/* SDM "Determination of Access Rights". */
static bool allowed(const struct walk *w)
{
	bool user_page = w->rights & PTE_U;

	if (w->intent & GMEM_USER) {
		if (!user_page || ((w->intent & GMEM_WRITE) && !(w->rights & PTE_W)))
			return false;
		return !((w->intent & GMEM_FETCH) && (w->rights & PTE_NX));
	}
	if (w->intent & GMEM_FETCH)
		return !(w->rights & PTE_NX) && !(user_page && (w->cr4 & CR4_SMEP));
	if (user_page && (w->cr4 & CR4_SMAP) && !(w->rflags & RFLAGS_AC))
		return false;
	return !(w->intent & GMEM_WRITE) || (w->rights & PTE_W) || !(w->cr0 & CR0_WP);
}

/* SDM "Accessed and Dirty Flags". Locked, since the guest's own processor may walk the same tables
 * one day. */
static void mark(struct walk *w, bool pdpte_first)
{
	unsigned int i;

	for (i = 0; i < w->used; i++) {
		uint32_t bits = (uint32_t)PTE_A;

		/* PAE's PDPTEs have no accessed flag. */
		if (i == 0 && pdpte_first)
			continue;
		if (i + 1 == w->used && (w->intent & GMEM_WRITE))
			bits |= (uint32_t)PTE_D;
		/* Both flags lie in the low half of either entry size. */
		__atomic_fetch_or((uint32_t *)w->entries[i], bits, __ATOMIC_RELAXED);
	}
}

/* Reserved bits of an entry at `level` (1 = page table); SDM "Reserved Bits" notes to the format
 * tables. */
static uint64_t reserved_bits(const struct walk *w, unsigned int level, bool large)
{
	uint64_t bits;

	if (w->levels == 2) {
		unsigned int width = cpu_physical_bits() < 40 ? cpu_physical_bits() : 40;

		if (!large)
			return 0;
		/* PSE-36 puts address bits 32 and up into bits 13 and up; without it 13 to 21 are
		 * reserved. */
		if (!(cpu_cpuid(1, 0).edx & 1u << 17))
			return 0x3fe000;
		return 0x3fe000 & ~((1ull << (13 + width - 32)) - 1);
	}
	bits = w->beyond;
	if (!(w->efer & EFER_NXE) || (w->levels == 3 && level == 3))
		bits |= PTE_NX;
	if (w->levels == 3) {
		bits |= 0x7ff0000000000000ull; /* 62:52 are ignored in 4-level paging only */
		if (level == 3)
			return bits | 0x1e6;
	}
	if (level == 4)
		return bits | PTE_PS;
	if (level == 3 && !(cpu_cpuid(0x80000001, 0).edx & 1u << 26))
		return bits | PTE_PS;
	if (large)
		bits |= level == 3 ? 0x3fffe000 : 0x1fe000;
	return bits;
}

static bool is_large(const struct walk *w, unsigned int level, uint64_t entry)
{
	if (!(entry & PTE_PS) || level == 1)
		return false;
	if (w->levels == 2)
		return w->cr4 & CR4_PSE;
	return level == 2 || (w->levels == 4 && level == 3);
}

static uint64_t page_address(const struct walk *w, unsigned int shift, bool large, uint64_t entry)
{
	uint64_t mask = (1ull << shift) - 1;
	uint64_t base = entry & PTE_ADDRESS & ~mask;

	if (large && w->levels == 2)
		base = (entry & 0xffc00000) | (entry & 0x1fe000) << 19;
	return base | (w->gva.v & mask);
}

static bool walk_tables(struct walk *w, bool check, gpa_t *gpa)
{
	unsigned int index_bits = w->levels == 2 ? 10 : 9;
	unsigned int level = w->levels, shift;
	uint64_t table = w->cr3 & (w->levels == 4   ? PTE_ADDRESS
				   : w->levels == 3 ? 0xffffffe0ull
						    : 0xfffff000ull);
	uint64_t entry;
	bool large;

	w->rights = PTE_W | PTE_U;
	for (;; level--) {
		shift = PAGE_SHIFT + (level - 1) * index_bits;
		if (!read_entry(w, table,
				(unsigned int)(w->gva.v >> shift) & ((1u << index_bits) - 1),
				&entry))
			return false;
		if (!(entry & PTE_P))
			return page_fault(w, 0);
		large = is_large(w, level, entry);
		if (entry & reserved_bits(w, level, large))
			return page_fault(w, PF_PRESENT | PF_RESERVED);
		/* PAE's PDPTEs carry no rights. */
		if (!(w->levels == 3 && level == 3)) {
			w->rights &= entry | ~(PTE_W | PTE_U);
			w->rights |= entry & PTE_NX;
		}
		if (level == 1 || large)
			break;
		table = entry & PTE_ADDRESS;
	}
	if (check && !allowed(w))
		return page_fault(w, PF_PRESENT);
	*gpa = GPA(page_address(w, shift, large, entry));
	return true;
}

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* `marks` = set accessed and dirty flags; a first pass over several pages leaves them. */
static bool translate(struct vm *vm, gva_t gva, uint32_t intent, bool marks, gpa_t *gpa,
		      struct gmem_fault *fault)
{
	struct walk w = {.vm = vm, .intent = intent, .fault = fault};
	bool peek = intent & GMEM_PEEK;
	unsigned int bits;

	*fault = (struct gmem_fault){.address = gva};
	w.cr0 = arch_vcpu_get(&vm->av, VREG_CR0);
	w.efer = arch_vcpu_get(&vm->av, VREG_EFER);
	if (!(w.efer & EFER_LMA))
		gva.v &= 0xffffffff;
	w.gva = gva;
	if (!(w.cr0 & CR0_PG) || !(w.cr0 & CR0_PE)) {
		*gpa = GPA(gva.v);
		return true;
	}
	w.cr3 = arch_vcpu_get(&vm->av, VREG_CR3);
	w.cr4 = arch_vcpu_get(&vm->av, VREG_CR4);
	w.rflags = arch_vcpu_get(&vm->av, VREG_RFLAGS);
	if (w.efer & EFER_LMA) {
		/* #GP or #SS, not #PF: neither `page_fault` nor `absent` says so to the caller. */
		if (!canonical(gva.v))
			return false;
		w.levels = 4;
	} else {
		w.levels = w.cr4 & CR4_PAE ? 3 : 2;
	}
	w.entry_size = w.levels == 2 ? 4 : 8;
	bits = cpu_physical_bits();
	w.beyond = PTE_ADDRESS & ~((1ull << bits) - 1);
	if (!walk_tables(&w, !peek, gpa))
		return false;
	if (marks && !peek)
		mark(&w, w.levels == 3);
	return true;
}

bool gmem_translate(struct vm *vm, gva_t gva, uint32_t intent, gpa_t *gpa, struct gmem_fault *fault)
{
	return translate(vm, gva, intent, true, gpa, fault);
}

/* One page's part of a linear copy: how many bytes, and where they are. */
static bool linear_part(struct vm *vm, gva_t gva, size_t n, uint32_t intent, bool marks, gpa_t *gpa,
			size_t *part, struct gmem_fault *fault)
{
	uint64_t in_page = PAGE_SIZE - (gva.v & (PAGE_SIZE - 1));

	*part = n < in_page ? n : in_page;
	return translate(vm, gva, intent, marks, gpa, fault);
}

/* First pass: every page translates, and is storage with the rights asked for. */
static bool linear_ready(struct vm *vm, gva_t gva, size_t n, uint32_t intent,
			 struct gmem_fault *fault)
{
	size_t part;
	gpa_t gpa;

	for (; n != 0; n -= part, gva.v += part) {
		if (!linear_part(vm, gva, n, intent, false, &gpa, &part, fault))
			return false;
		if (!all_there(vm, gpa, part, intent & GMEM_WRITE ? NPT_WRITE : NPT_READ))
			return absent(fault, gva, gpa.v);
	}
	return true;
}

bool gmem_read_linear(struct vm *vm, gva_t from, void *to, size_t n, uint32_t intent,
		      struct gmem_fault *fault)
{
	uint8_t *into = to;
	size_t part;
	gpa_t gpa;

	intent &= ~(uint32_t)GMEM_WRITE;
	if (!linear_ready(vm, from, n, intent, fault))
		return false;
	for (; n != 0; n -= part, from.v += part, into += part) {
		if (!linear_part(vm, from, n, intent, true, &gpa, &part, fault) ||
		    !gmem_read(vm, gpa, into, part))
			return false;
	}
	return true;
}

bool gmem_write_linear(struct vm *vm, gva_t to, const void *from, size_t n, uint32_t intent,
		       struct gmem_fault *fault)
{
	const uint8_t *source = from;
	size_t part;
	gpa_t gpa;

	intent |= GMEM_WRITE;
	if (!linear_ready(vm, to, n, intent, fault))
		return false;
	for (; n != 0; n -= part, to.v += part, source += part) {
		if (!linear_part(vm, to, n, intent, true, &gpa, &part, fault) ||
		    !gmem_write(vm, gpa, source, part))
			return false;
	}
	return true;
}
