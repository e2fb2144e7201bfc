/* Where the operands of an interpreted instruction lie: translation, storage, the bus, and blocks of strings. */
/* Part: interpreter/; functions of the executor's table that reach memory and ports. */
#include "lib/string.h"
#include "vmm/interpreter/breakpoints.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage_run.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

/* The second page's part of an access: 32-bit addresses go round. A descriptor table may lie above them all the same. */
static uint64_t behind(const struct interp *x, uint64_t linear, uint32_t n)
{
	return x->insn->bits == 64 || linear >> 32 != 0 ? linear + n : (uint32_t)(linear + n);
}

static uint32_t intent_of(struct run *m, uint32_t access)
{
	uint32_t intent = access & INTERP_WRITE ? GMEM_WRITE : GMEM_READ;

	if (access & (INTERP_SYSTEM | INTERP_SUPERVISOR))
		return access & INTERP_SYSTEM ? intent | GMEM_IMPLICIT : intent;
	return guest_cpl(m->vm) == 3 ? intent | GMEM_USER : intent;
}

/* One page's part. The pages used last are known, so that most elements of a string need no walk. */
static enum interp_result translate(struct run *m, uint64_t linear, uint32_t access, uint64_t *gpa)
{
	bool write = (access & INTERP_WRITE) != 0;
	struct known_page *known = &m->known[write];
	uint64_t offset = linear & (PAGE_SIZE - 1);
	struct gmem_fault fault;
	gpa_t found;

	if (linear - offset == known->linear && !(access & (INTERP_SYSTEM | INTERP_SUPERVISOR))) {
		*gpa = known->gpa | offset;
		return INTERP_DONE;
	}
	if (gmem_translate(m->vm, GVA(linear), intent_of(m, access), &found, &fault)) {
		*gpa = found.v;
		if (m->x.insn->rep != 0 && !(access & INTERP_SYSTEM))
			*known = (struct known_page){ .linear = linear - offset, .gpa = found.v - offset,
						      .absent = !gmem_there(m->vm, found, 1, write) };
		return INTERP_DONE;
	}
	if (fault.page_fault) {
		m->x.fault = (struct interp_fault){ .vector = EXC_PF, .has_error = true, .error = fault.error,
						    .address = fault.address.v };
		return INTERP_FAULT;
	}
	m->absent = fault.gpa;
	return INTERP_ABSENT;
}

enum interp_result storage_prepare(struct interp *x, struct interp_place *place, uint64_t linear, uint32_t n, uint32_t access)
{
	struct run *m = x->machine;
	uint32_t in_page = (uint32_t)(PAGE_SIZE - (linear & (PAGE_SIZE - 1)));
	enum interp_result r;

	place->linear = linear;
	place->n = n;
	place->first = n < in_page ? n : in_page;
	place->access = access;
	r = translate(m, linear, access, &place->at[0]);
	if (r == INTERP_DONE && place->first < n)
		r = translate(m, behind(x, linear, place->first), access, &place->at[1]);
	if (m->watched && r == INTERP_DONE && !(access & INTERP_SYSTEM))
		m->hits |= breakpoints_met(m->vm, linear, n, access & INTERP_WRITE ? BREAKPOINT_WRITE : BREAKPOINT_READ);
	return r;
}

void storage_met(struct storage_touch *touch, bool claimed, uint64_t gpa, bool write)
{
	if (claimed) {
		touch->device = true;
	} else if (!touch->nobody) {
		touch->nobody = true;
		touch->gpa = GPA(gpa);
		touch->write = write;
	}
}

/* Devices have accesses of 1, 2, 4 or 8 bytes; others, and vectors, are made of these. */
static uint8_t piece(uint32_t n)
{
	return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

/* Most accesses are to a page that is known. */
static bool known_absent(const struct run *m, uint64_t gpa, bool write)
{
	const struct known_page *known = &m->known[write];

	return known->absent && (gpa & ~(PAGE_SIZE - 1)) == known->gpa;
}

static void load_part(struct run *m, uint64_t gpa, uint8_t *to, uint32_t n)
{
	if (!known_absent(m, gpa, false) && gmem_read(m->vm, GPA(gpa), to, n))
		return;
	while (n != 0) {
		struct io_access a = { .addr = gpa, .size = piece(n), .value = UINT64_MAX };

		storage_met(m->touch, bus_access(&m->vm->bus, BUS_MMIO, &a), gpa, false);
		memcpy(to, &a.value, a.size);
		to += a.size;
		gpa += a.size;
		n -= a.size;
	}
}

static void store_part(struct run *m, uint64_t gpa, const uint8_t *from, uint32_t n)
{
	if (!known_absent(m, gpa, true) && gmem_write(m->vm, GPA(gpa), from, n))
		return;
	while (n != 0) {
		struct io_access a = { .addr = gpa, .size = piece(n), .write = true };

		memcpy(&a.value, from, a.size);
		storage_met(m->touch, bus_access(&m->vm->bus, BUS_MMIO, &a), gpa, true);
		from += a.size;
		gpa += a.size;
		n -= a.size;
	}
}

void storage_load(struct interp *x, const struct interp_place *place, void *to)
{
	load_part(x->machine, place->at[0], to, place->first);
	if (place->first < place->n)
		load_part(x->machine, place->at[1], (uint8_t *)to + place->first, place->n - place->first);
}

void storage_store(struct interp *x, const struct interp_place *place, const void *from)
{
	store_part(x->machine, place->at[0], from, place->first);
	if (place->first < place->n)
		store_part(x->machine, place->at[1], (const uint8_t *)from + place->first, place->n - place->first);
}

#define RUN_BUFFER 512u	/* bytes */

/* From storage, through a buffer: a window would have to be writable, and what is moved may be a ROM's. */
static uint32_t run_to_device(struct run *m, struct io_block *b, uint64_t from)
{
	uint8_t buffer[RUN_BUFFER];

	if (b->count > sizeof(buffer) / b->size)
		b->count = sizeof(buffer) / b->size;
	if (!gmem_read(m->vm, GPA(from), buffer, (size_t)b->count * b->size))
		return 0;
	b->data = buffer;
	return bus_block(&m->vm->bus, BUS_MMIO, b);
}

static uint32_t run_from_device(struct run *m, struct io_block *b, uint64_t from, uint64_t to)
{
	b->data = gmem_window(m->vm, GPA(to), (size_t)b->count * b->size);
	b->addr = from;
	b->write = false;
	return b->data != NULL ? bus_block(&m->vm->bus, BUS_MMIO, b) : 0;
}

/* Blocks of elements, if the device can take them. Strings from storage to storage are the processor's own. */
uint32_t storage_run(struct interp *x, const struct interp_place *from, const struct interp_place *to, uint32_t most)
{
	struct run *m = x->machine;
	struct io_block b = { .addr = to->at[0], .size = (uint8_t)to->n, .write = true, .count = most };
	bool to_device = known_absent(m, to->at[0], true);
	uint32_t n;

	if (from == NULL) {
		b.fill = true;
		b.data = &x->gpr[RAX];
		n = to_device ? bus_block(&m->vm->bus, BUS_MMIO, &b) : 0;
	} else if (!known_absent(m, from->at[0], false)) {
		n = to_device ? run_to_device(m, &b, from->at[0]) : 0;
	} else {
		n = to_device ? bus_copy(&m->vm->bus, to->at[0], from->at[0], b.size, most)
			      : run_from_device(m, &b, from->at[0], to->at[0]);
	}
	if (n != 0)
		storage_met(m->touch, true, to->at[0], true);
	return n;
}

uint64_t storage_port_in(struct interp *x, uint16_t port, unsigned int size)
{
	struct run *m = x->machine;
	struct io_access a = { .addr = port, .size = (uint8_t)size, .value = UINT64_MAX >> (64 - 8 * size) };

	if (m->watched)
		m->hits |= breakpoints_met(m->vm, port, size, BREAKPOINT_IO);
	bus_access(&m->vm->bus, BUS_PORT, &a);
	return a.value;
}

void storage_port_out(struct interp *x, uint16_t port, unsigned int size, uint64_t value)
{
	struct run *m = x->machine;
	struct io_access a = { .addr = port, .size = (uint8_t)size, .value = value, .write = true };

	if (m->watched)
		m->hits |= breakpoints_met(m->vm, port, size, BREAKPOINT_IO);
	bus_access(&m->vm->bus, BUS_PORT, &a);
}
