/* INS and OUTS, with REP: storage on one side, the machine's bus on the other. */
/* Part: interpreter/; a string stops at page faults and slice ends as the instruction itself would. */
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/interpreter/breakpoints.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_DF (1ull << 10)

static uint64_t width_mask(unsigned int bytes)
{
	return bytes >= 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
}

/* A register used as an address: its low 2, 4 or 8 bytes change, and 4-byte writes clear the rest. */
static void set_address(struct vm *vm, enum gpr r, unsigned int bytes, uint64_t value)
{
	if (bytes == 2)
		vm->av.gpr[r] = (vm->av.gpr[r] & ~0xffffull) | (value & 0xffff);
	else
		vm->av.gpr[r] = value & width_mask(bytes);
}

/* Limit and rights as the processor would look at them; 64-bit code has neither. SDM, "Limit Checking". */
static bool segment_allows(const struct segment *s, uint64_t offset, unsigned int size, bool write)
{
	if (s->access & SEGMENT_UNUSABLE)
		return false;
	if (write ? (s->access & 0xa) != 0x2 : (s->access & 0xa) == 0x8)	/* not writable data; execute-only code */
		return false;
	if ((s->access & 0xc) == 0x4) {	/* expand-down data */
		uint64_t top = (s->access & 0x4000) ? 0xffffffff : 0xffff;

		return offset > s->limit && offset + size - 1 <= top;
	}
	return offset + size - 1 <= s->limit;
}

struct string_place {
	enum seg seg;
	struct segment s;
	bool flat;		/* 64-bit code and neither FS nor GS */
	bool long_mode;
	bool down;		/* the direction flag */
	uint64_t step;		/* from one element to the next */
	uint64_t mask;		/* of the address size */
	uint32_t intent;
};

static bool string_address(const struct string_place *p, uint64_t offset, unsigned int size, gva_t *out)
{
	uint64_t base = p->flat ? 0 : p->s.base;

	if (!p->long_mode && !segment_allows(&p->s, offset, size, (p->intent & GMEM_WRITE) != 0))
		return false;
	*out = GVA(p->long_mode ? base + offset : (uint32_t)(base + offset));
	return true;
}

/* Memory that is no storage: a device's, or nobody's. The executor knows the bus for both sides of the string. */
static enum verdict through_the_bus(struct vm *vm, const struct vm_exit *exit)
{
	struct storage_touch touch;
	enum verdict v = interpret_storage(vm, exit, &touch);

	if (touch.nobody) {
		vm->account.memory_traps++;
		cp_note(vm, "V64IOS462I %s STRING I/O AT ABSENT STORAGE %010lX; FURTHER ONES ARE NOT SHOWN", vm->userid,
			touch.gpa.v);
	}
	return v;
}

static enum verdict string_fault(struct vm *vm, const struct vm_exit *exit, const struct string_place *p,
				 const struct gmem_fault *fault)
{
	if (fault->page_fault)
		return event_page_fault(vm, fault->address, fault->error);
	if (!fault->absent)	/* not canonical: the exit comes before that is looked at */
		return event_raise_error(vm, p->seg == SEG_SS ? EXC_SS : EXC_GP, 0);
	return through_the_bus(vm, exit);
}

/* One element. V_NEXT = done. */
static enum verdict string_element(struct vm *vm, const struct vm_exit *exit, const struct string_place *p,
				   uint64_t offset)
{
	struct io_access a = { .addr = exit->io.port, .size = exit->io.size, .write = !exit->io.in,
			       .value = width_mask(exit->io.size) };
	struct gmem_fault fault = { 0 };
	gva_t at;

	if (!string_address(p, offset, exit->io.size, &at))
		return event_raise_error(vm, p->seg == SEG_SS ? EXC_SS : EXC_GP, 0);
	if (exit->io.in) {
		uint64_t second = (at.v + exit->io.size - 1) & ~(PAGE_SIZE - 1);	/* the page of the last byte */
		gpa_t first, last;

		/* a fault must come before the device is touched, and so must the knowledge that there is storage */
		if (!gmem_translate(vm, at, p->intent, &first, &fault))
			return string_fault(vm, exit, p, &fault);
		last = first;
		if (second > at.v && !gmem_translate(vm, GVA(second), p->intent, &last, &fault))
			return string_fault(vm, exit, p, &fault);
		if (gmem_window(vm, first, 1) == NULL || gmem_window(vm, last, 1) == NULL)
			return through_the_bus(vm, exit);
		bus_access(&vm->bus, BUS_PORT, &a);
		if (!gmem_write_linear(vm, at, &a.value, exit->io.size, p->intent, &fault))
			return string_fault(vm, exit, p, &fault);
	} else {
		a.value = 0;
		if (!gmem_read_linear(vm, at, &a.value, exit->io.size, p->intent, &fault))
			return string_fault(vm, exit, p, &fault);
		bus_access(&vm->bus, BUS_PORT, &a);
	}
	return V_NEXT;
}

/* What one element will meet: the port and the memory. */
static uint32_t string_breakpoints(struct vm *vm, const struct vm_exit *exit, const struct string_place *p, uint64_t offset)
{
	uint64_t at = p->flat ? offset : p->s.base + offset;

	return breakpoints_met(vm, exit->io.port, exit->io.size, BREAKPOINT_IO) |
	       breakpoints_met(vm, p->long_mode ? at : (uint32_t)at, exit->io.size,
			       exit->io.in ? BREAKPOINT_WRITE : BREAKPOINT_READ);
}

/*
 * How many elements from `offset` on, in the string's direction, lie in one page and inside the segment, and no address
 * wraps. 0 = not even the first, or there is but one: what is at an edge goes element by element.
 */
static uint32_t run_length(const struct string_place *p, uint64_t offset, uint64_t linear, unsigned int size, uint64_t left)
{
	uint64_t in_page = linear & (PAGE_SIZE - 1);
	uint64_t n = (p->down ? in_page + size : PAGE_SIZE - in_page) / size;
	uint64_t room = (p->down ? offset : p->mask - offset) / size;

	if (in_page + size > PAGE_SIZE)
		return 0;
	if (n > room)
		n = room;
	if (n > left)
		n = left;
	if (n < 2)
		return 0;
	if (!p->long_mode && !segment_allows(&p->s, p->down ? offset - (n - 1) * size : offset + (n - 1) * size, size,
					     (p->intent & GMEM_WRITE) != 0))
		return 0;
	return (uint32_t)n;
}

/* Elements in storage, one by one: `at` is the first, the device may end them. */
static uint32_t each_element(struct vm *vm, const struct vm_exit *exit, uint8_t *at, uint32_t n, uint64_t step, uint64_t begun)
{
	struct io_access a = { .addr = exit->io.port, .size = exit->io.size, .write = !exit->io.in };
	uint64_t mask = width_mask(a.size);
	uint32_t done = 0;

	do {
		a.value = mask;
		if (a.write) {
			a.value = 0;
			__builtin_memcpy(&a.value, at, a.size);
		}
		bus_access_port(&vm->bus, &a);
		if (!a.write)
			memcpy(at, &a.value, a.size);
		at += (int64_t)step;
		done++;
	} while (done < n && !string_due(vm, begun));
	return done;
}

/*
 * Elements whose storage is one run, so that they need one translation, one look for it, and no check of their own. How
 * many are done; 0 = string_element() is to do the next, and finds what is wrong with it.
 */
static uint32_t string_run(struct vm *vm, const struct vm_exit *exit, const struct string_place *p, uint64_t offset,
			   uint64_t left, uint64_t begun)
{
	struct io_block b = { .addr = exit->io.port, .size = exit->io.size, .write = !exit->io.in };
	struct gmem_fault fault;
	uint32_t below, done;
	uint8_t *storage;
	gpa_t gpa;
	gva_t at;

	if (!string_address(p, offset, b.size, &at))
		return 0;
	b.count = run_length(p, offset, at.v, b.size, left);
	if (b.count == 0 || !gmem_translate(vm, at, p->intent, &gpa, &fault))
		return 0;
	below = p->down ? (b.count - 1) * b.size : 0;
	storage = gmem_window(vm, GPA(gpa.v - below), (size_t)b.count * b.size);
	if (storage == NULL)
		return 0;
	b.data = storage;
	done = p->down ? 0 : bus_block(&vm->bus, BUS_PORT, &b);
	return done != 0 ? done : each_element(vm, exit, storage + below, b.count, p->step, begun);
}

static void open_place(struct vm *vm, const struct vm_exit *exit, struct string_place *p)
{
	p->seg = exit->io.seg;
	p->long_mode = guest_64bit(vm);
	p->flat = p->long_mode && p->seg != SEG_FS && p->seg != SEG_GS;
	p->down = (arch_vcpu_get(&vm->av, VREG_RFLAGS) & RFLAGS_DF) != 0;
	p->step = p->down ? -(uint64_t)exit->io.size : exit->io.size;
	p->mask = width_mask(exit->io.address_size);
	p->intent = (exit->io.in ? GMEM_WRITE : GMEM_READ) | (guest_cpl(vm) == 3 ? GMEM_USER : 0);
	arch_vcpu_get_segment(&vm->av, p->seg, &p->s);
}

enum verdict __attribute__((noinline)) interpret_io_string(struct vm *vm, const struct vm_exit *exit)
{
	unsigned int bytes = exit->io.address_size;
	enum gpr index = exit->io.in ? RDI : RSI;
	bool stepping = (arch_vcpu_get(&vm->av, VREG_RFLAGS) & RFLAGS_TF) != 0;
	bool watched = arch_vcpu_breakpoints(&vm->av) != 0;
	uint64_t begun = cpu_tsc();
	struct string_place p;

	open_place(vm, exit, &p);
	do {
		uint64_t left = exit->io.rep ? vm->av.gpr[RCX] & p.mask : 1;
		uint64_t offset = vm->av.gpr[index] & p.mask;
		uint32_t hits = 0, done = 0;

		if (left == 0)
			return V_NEXT;
		if (watched)
			hits = string_breakpoints(vm, exit, &p, offset);
		else if (!stepping)
			done = string_run(vm, exit, &p, offset, left, begun);
		if (done == 0) {
			enum verdict v = string_element(vm, exit, &p, offset);

			if (v != V_NEXT)
				return v;
			done = 1;
		}
		left -= done;
		set_address(vm, index, bytes, offset + done * p.step);
		if (exit->io.rep)
			set_address(vm, RCX, bytes, left);
		/* A trap comes after each element. */
		if (stepping || hits != 0) {
			arch_vcpu_arrive(&vm->av, exit->rip + (left == 0 ? exit->insn_len : 0), stepping, false, hits);
			return V_RESUME;
		}
		if (left == 0)
			return V_NEXT;
	} while (!string_due(vm, begun));
	return V_RESUME;	/* RIP is still at the instruction: it goes on with what is left */
}
