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

/* Does a row after R cover the address? */
static bool covered(const struct vm *vm, uint64_t at)
{
	for (uint32_t i = 1; i < vm->row_count; i++)
		if (at - vm->rows[i].guest.v < vm->rows[i].bound)
			return true;
	return false;
}

static uint32_t generation;	/* of all machines' rows: what was found under an older one is void */

static void keep_run(struct vm *vm, uint64_t start, uint64_t bytes)
{
	unsigned int place = bytes > vm->plain[0].bytes ? 0 : 1;

	if (bytes <= vm->plain[place].bytes)
		return;
	if (place == 0)
		vm->plain[1] = vm->plain[0];
	vm->plain[place].start = start;
	vm->plain[place].bytes = bytes;
}

/*
 * R without what lies over it is a few runs; the two largest are all of a machine's storage but for the rims of its
 * windows below 1 MiB. Each begins at 0 or behind another row.
 */
void gmem_rows_changed(struct vm *vm)
{
	const struct npt_row *r = &vm->rows[0];

	generation++;
	memset(vm->plain, 0, sizeof(vm->plain));
	if (vm->row_count == 0 || r->guest.v != 0 || r->device || r->rights != NPT_ALL)
		return;
	for (uint32_t i = 0; i < vm->row_count; i++) {
		uint64_t at = i == 0 ? 0 : vm->rows[i].guest.v + vm->rows[i].bound;

		if (at >= r->bound || covered(vm, at) || (i != 0 && at == vm->plain[0].start))
			continue;
		keep_run(vm, at, run_of(vm, 0, at));
	}
}

static inline bool in_plain(const struct vm *vm, unsigned int i, uint64_t at, size_t n)
{
	uint64_t offset = at - vm->plain[i].start;

	return offset < vm->plain[i].bytes && n <= vm->plain[i].bytes - offset;
}

/* The common case: all n bytes in a plain run of R. NULL = look at the rows. */
static inline uint8_t *plain_run(const struct vm *vm, uint64_t at, size_t n)
{
	if (__builtin_expect(in_plain(vm, 0, at, n), 1) || in_plain(vm, 1, at, n))
		return (uint8_t *)cpu_direct(HPA(vm->rows[0].base.v + at));
	return NULL;
}

/* Most copies are one operand. From and to may overlap, as memmove()'s. */
static inline void copy(void *to, const void *from, size_t n)
{
	switch (n) {
	case 1:
		__builtin_memcpy(to, from, 1);
		return;
	case 2:
		__builtin_memcpy(to, from, 2);
		return;
	case 4:
		__builtin_memcpy(to, from, 4);
		return;
	case 8:
		__builtin_memcpy(to, from, 8);
		return;
	default:
		memmove(to, from, n);
	}
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
	const uint8_t *run = plain_run(vm, from.v, n);

	if (run != NULL) {
		copy(to, run, n);
		return true;
	}
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
	uint8_t *run = plain_run(vm, to.v, n);

	if (run != NULL) {
		copy(run, from, n);
		return true;
	}
	if (!all_there(vm, to, n, NPT_WRITE))
		return false;
	while (n != 0) {
		uint64_t left = 0;
		uint8_t *p = storage_at(vm, to, NPT_WRITE, &left);
		size_t part = left < n ? left : n;

		/* memmove: the source may be another window of the same storage (a guest's block move). */
		memmove(p, source, part);
		source += part;
		to.v += part;
		n -= part;
	}
	return true;
}

bool gmem_there(struct vm *vm, gpa_t gpa, size_t n, bool write)
{
	return plain_run(vm, gpa.v, n) != NULL || all_there(vm, gpa, n, write ? NPT_WRITE : NPT_READ);
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
	p = plain_run(vm, gpa.v, n);
	if (p != NULL)
		return p;
	p = storage_at(vm, gpa, NPT_READ | NPT_WRITE, &left);
	return p && left >= n ? p : NULL;
}

static bool entry_read(void *context, uint64_t at, unsigned int size, uint64_t *entry)
{
	const void *p = gmem_window(context, GPA(at), size);

	if (p == NULL)
		return false;
	*entry = size == 4 ? *(const uint32_t *)p : *(const uint64_t *)p;
	return true;
}

/* Locked: another processor of the guest's may walk the same tables. */
static void entry_set_bits(void *context, uint64_t at, uint32_t bits)
{
	uint32_t *p = gmem_window(context, GPA(at), sizeof(*p));

	if (p != NULL)
		__atomic_fetch_or(p, bits, __ATOMIC_RELAXED);
}

static const struct walk_ops tables = { entry_read, entry_set_bits };

#define CR0_PE (1ull << 0)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define CR4_SMAP (1ull << 21)
#define EFER_LMA (1ull << 10)

/* What CPUID says: asked once, since CPUID is no quick instruction. */
static struct {
	bool known, pages_1g, pse36;
	uint8_t physical_bits;
} features;

void gmem_init(void)
{
	unsigned int bits = cpu_physical_bits();

	features.physical_bits = (uint8_t)(bits < 32 ? 32 : bits > 52 ? 52 : bits);
	features.pse36 = (cpu_cpuid(1, 0).edx & 1u << 17) != 0;
	features.pages_1g = (cpu_cpuid(0x80000001, 0).edx & 1u << 26) != 0;
	features.known = true;
}

/* The control registers, read once for each call from outside, and only those that count now. */
struct view {
	struct vm *vm;
	uint32_t intent;
	struct gmem_fault *fault;
	struct walk_state s;
	uint64_t pdptes[4];
};

/* CR4.PKE is hidden from guests, so PKRU is 0 here. */
static void open_view(struct view *v, struct vm *vm, uint32_t intent, struct gmem_fault *fault)
{
	struct walk_state *s = &v->s;

	v->vm = vm;
	v->intent = intent;
	v->fault = fault;
	if (__builtin_expect(!features.known, 0))
		gmem_init();
	s->physical_bits = features.physical_bits;
	s->pages_1g = features.pages_1g;
	s->pse36 = features.pse36;
	s->run_start = vm->plain[0].start;
	s->run_bytes = vm->plain[0].bytes;
	s->run = s->run_bytes != 0 ? cpu_direct(HPA(vm->rows[0].base.v + s->run_start)) : NULL;
	s->cr0 = arch_vcpu_get(&vm->av, VREG_CR0);
	s->efer = arch_vcpu_get(&vm->av, VREG_EFER);
	s->cr3 = s->cr4 = s->rflags = 0;
	s->pkru = 0;
	s->pdptes = NULL;
	if (!(s->cr0 & CR0_PG) || !(s->cr0 & CR0_PE))
		return;
	s->cr3 = arch_vcpu_get(&vm->av, VREG_CR3);
	s->cr4 = arch_vcpu_get(&vm->av, VREG_CR4);
	if (s->cr4 & CR4_SMAP)
		s->rflags = arch_vcpu_get(&vm->av, VREG_RFLAGS);
	if ((s->cr4 & CR4_PAE) && !(s->efer & EFER_LMA)) {
		for (unsigned int i = 0; i < 4; i++)
			v->pdptes[i] = arch_vcpu_get_pdpte(&vm->av, i);
		s->pdptes = v->pdptes;
	}
}

static bool __attribute__((noinline)) no_storage(const struct view *v, uint64_t linear, uint64_t gpa)
{
	*v->fault = (struct gmem_fault){ .absent = true, .address = GVA(linear), .gpa = GPA(gpa) };
	return false;
}

static bool __attribute__((noinline)) failed(const struct view *v, uint64_t linear, enum walk_outcome outcome,
					     const struct walk *w)
{
	if (!(v->s.efer & EFER_LMA))
		linear = (uint32_t)linear;
	if (outcome == WALK_ABSENT)
		return no_storage(v, linear, w->gpa);
	*v->fault = (struct gmem_fault){ .address = GVA(linear) };
	if (outcome == WALK_FAULT) {
		v->fault->page_fault = true;
		v->fault->error = w->error;
	}
	return false;
}

static inline bool look(const struct view *v, uint64_t linear, struct walk *w)
{
	enum walk_outcome outcome = walk_look(&v->s, &tables, v->vm, linear, v->intent, w);

	return __builtin_expect(outcome == WALK_FOUND, 1) || failed(v, linear, outcome, w);
}

/* Accessed and dirty flags are set when nothing can stop the access any more. */
static inline void mark(const struct view *v, const struct walk *w)
{
	if (!(v->intent & GMEM_PEEK))
		walk_mark(&tables, v->vm, w, v->intent);
}

bool gmem_translate(struct vm *vm, gva_t gva, uint32_t intent, gpa_t *gpa, struct gmem_fault *fault)
{
	struct view v;
	struct walk w;

	open_view(&v, vm, intent, fault);
	if (!look(&v, gva.v, &w))
		return false;
	mark(&v, &w);
	*fault = (struct gmem_fault){ .address = gva };
	*gpa = GPA(w.gpa);
	return true;
}

#define TRAILS 16u
#define LEVELS 4u
#define PTE_P (1ull << 0)
#define PTE_PS (1ull << 7)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* A way through a guest's page tables to a page of code. */
struct trail {
	const struct vm *vm;	/* NULL = empty */
	uint64_t cr3, page;	/* page: linear address */
	uint32_t generation;
	const uint64_t *at[LEVELS];	/* the entries; behind that of a large page the same again */
	uint64_t entry[LEVELS];
	const uint8_t *code;	/* the page */
};
static struct trail trails[TRAILS];

static inline bool holds(const struct trail *t, const struct vm *vm, uint64_t cr3, uint64_t page)
{
	return t->vm == vm && t->page == page && t->cr3 == cr3 && t->generation == generation &&
	       *t->at[0] == t->entry[0] && *t->at[1] == t->entry[1] && *t->at[2] == t->entry[2] &&
	       *t->at[3] == t->entry[3];
}

/* Four levels: five are hidden from guests. False = leave it to the walk. */
static bool __attribute__((noinline)) follow(struct trail *t, struct vm *vm, uint64_t cr3, uint64_t page)
{
	uint64_t table = cr3 & PTE_ADDRESS, size, entry = 0;
	unsigned int shift = 39, level = 0;

	t->vm = NULL;
	for (bool last = false; !last; shift -= 9, level++) {
		const uint8_t *p = plain_run(vm, table + (page >> (shift - 3) & 0xff8), sizeof(entry));

		if (p == NULL)
			return false;
		t->at[level] = (const uint64_t *)(const void *)p;
		t->entry[level] = entry = *t->at[level];
		if (!(entry & PTE_P))
			return false;
		last = shift == PAGE_SHIFT || (shift < 39 && (entry & PTE_PS));
		table = entry & PTE_ADDRESS;
	}
	size = 1ull << (shift + 9);
	for (; level < LEVELS; level++) {
		t->at[level] = t->at[level - 1];
		t->entry[level] = entry;
	}
	t->code = plain_run(vm, (table & ~(size - 1)) | (page & (size - 1)), PAGE_SIZE);
	if (t->code == NULL)
		return false;
	t->vm = vm;
	t->cr3 = cr3;
	t->page = page;
	t->generation = generation;
	return true;
}

const uint8_t *gmem_code(struct vm *vm, uint64_t linear)
{
	uint64_t offset = linear & (PAGE_SIZE - 1), page = linear - offset, cr3 = arch_vcpu_get(&vm->av, VREG_CR3);
	struct trail *t = &trails[(page >> PAGE_SHIFT) % TRAILS];

	if (offset > PAGE_SIZE - 16 || (!holds(t, vm, cr3, page) && !follow(t, vm, cr3, page)))
		return NULL;
	return t->code + offset;
}

static uint64_t left_in_page(uint64_t linear)
{
	return PAGE_SIZE - (linear & (PAGE_SIZE - 1));
}

static bool __attribute__((noinline)) copy_page(const struct view *v, const struct walk *w, uint8_t *bytes, size_t n)
{
	return v->intent & GMEM_WRITE ? gmem_write(v->vm, GPA(w->gpa), bytes, n) : gmem_read(v->vm, GPA(w->gpa), bytes, n);
}

/*
 * Over several pages: first every page translates and is storage with the rights asked for, then all is copied. The
 * first two translations are kept, since what is written may be the tables of the other page.
 */
static bool __attribute__((noinline)) copy_pages(const struct view *v, uint64_t linear, uint8_t *bytes, size_t n)
{
	uint32_t rights = v->intent & GMEM_WRITE ? NPT_WRITE : NPT_READ;
	struct walk walks[3];	/* the first page, the second, any other */
	unsigned int page = 0;
	size_t done, part;

	for (done = 0; done < n; done += part, page++) {
		struct walk *w = &walks[page < 2 ? page : 2];

		part = left_in_page(linear + done) < n - done ? left_in_page(linear + done) : n - done;
		if (!look(v, linear + done, w))
			return false;
		if (!all_there(v->vm, GPA(w->gpa), part, rights))
			return no_storage(v, linear + done, w->gpa);
	}
	mark(v, &walks[0]);
	mark(v, &walks[1]);
	page = 0;
	for (done = 0; done < n; done += part, page++) {
		struct walk *w = &walks[page < 2 ? page : 2];

		part = left_in_page(linear + done) < n - done ? left_in_page(linear + done) : n - done;
		if (page >= 2) {
			if (!look(v, linear + done, w))
				return false;
			mark(v, w);
		}
		if (!copy_page(v, w, bytes + done, part))
			return no_storage(v, linear + done, w->gpa);
	}
	*v->fault = (struct gmem_fault){ .address = GVA(linear) };
	return true;
}

static inline bool copy_linear(struct vm *vm, gva_t at, void *bytes, size_t n, uint32_t intent,
			       struct gmem_fault *fault)
{
	struct view v;
	struct walk w;
	uint8_t *run;

	open_view(&v, vm, intent, fault);
	if (__builtin_expect(n - 1 >= left_in_page(at.v), 0))
		return n == 0 || copy_pages(&v, at.v, bytes, n);
	if (!look(&v, at.v, &w))
		return false;
	run = plain_run(vm, w.gpa, n);
	if (__builtin_expect(run == NULL, 0)) {
		if (!copy_page(&v, &w, bytes, n))
			return no_storage(&v, at.v, w.gpa);
		mark(&v, &w);
	} else {
		mark(&v, &w);
		if (intent & GMEM_WRITE)
			copy(run, bytes, n);
		else
			copy(bytes, run, n);
	}
	*fault = (struct gmem_fault){ .address = at };
	return true;
}

bool gmem_read_linear(struct vm *vm, gva_t from, void *to, size_t n, uint32_t intent, struct gmem_fault *fault)
{
	return copy_linear(vm, from, to, n, intent & ~(uint32_t)GMEM_WRITE, fault);
}

bool gmem_write_linear(struct vm *vm, gva_t to, const void *from, size_t n, uint32_t intent, struct gmem_fault *fault)
{
	/* the bytes are only read where the intent is to write */
	return copy_linear(vm, to, (void *)(uintptr_t)from, n, intent | GMEM_WRITE, fault);
}
