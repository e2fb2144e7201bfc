/* IN, OUT, INS, OUTS with REP: one element at a time through the machine's bus. */
/* Part: interpreter/; a string stops at page faults and slice ends as the instruction itself would. */
#include "vmm/cp/cp.h"
#include "vmm/interpreter/breakpoints.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_DF (1ull << 10)
/* Elements done before the guest is entered again, so that a long string cannot hold the processor. */
#define STRING_BATCH 64u

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
		gpa_t first, last;

		/* a fault must come before the device is touched, and so must the knowledge that there is storage */
		if (!gmem_translate(vm, at, p->intent, &first, &fault) ||
		    !gmem_translate(vm, GVA(at.v + exit->io.size - 1), p->intent, &last, &fault))
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

static enum verdict __attribute__((noinline)) interpret_string(struct vm *vm, const struct vm_exit *exit)
{
	unsigned int bytes = exit->io.address_size;
	enum gpr index = exit->io.in ? RDI : RSI;
	uint64_t flags = arch_vcpu_get(&vm->av, VREG_RFLAGS);
	uint64_t step = flags & RFLAGS_DF ? -(uint64_t)exit->io.size : exit->io.size;
	bool watched = arch_vcpu_breakpoints(&vm->av) != 0, stepping = (flags & RFLAGS_TF) != 0;
	struct string_place p = { .seg = exit->io.seg, .long_mode = guest_64bit(vm) };

	p.flat = p.long_mode && p.seg != SEG_FS && p.seg != SEG_GS;
	p.intent = (exit->io.in ? GMEM_WRITE : GMEM_READ) | (guest_cpl(vm) == 3 ? GMEM_USER : 0);
	arch_vcpu_get_segment(&vm->av, p.seg, &p.s);
	for (uint32_t done = 0; done < STRING_BATCH; done++) {
		uint64_t left = vm->av.gpr[RCX] & width_mask(bytes);
		uint64_t offset = vm->av.gpr[index] & width_mask(bytes);
		uint32_t hits = 0;
		enum verdict v;

		if (exit->io.rep && left == 0)
			return V_NEXT;
		if (watched)
			hits = string_breakpoints(vm, exit, &p, offset);
		v = string_element(vm, exit, &p, offset);
		if (v != V_NEXT)
			return v;
		set_address(vm, index, bytes, offset + step);
		if (exit->io.rep)
			set_address(vm, RCX, bytes, --left);
		else
			left = 0;
		/* A trap comes after each element. */
		if (stepping || hits != 0) {
			arch_vcpu_arrive(&vm->av, exit->rip + (left == 0 ? exit->insn_len : 0), stepping, false, hits);
			return V_RESUME;
		}
		if (left == 0)
			return V_NEXT;
	}
	return V_RESUME;	/* RIP is still at the instruction: it goes on with what is left */
}

/* Ports of 16 and 32 bits; kept out of line so that bytes do not pay for their masks. */
static enum verdict __attribute__((noinline)) interpret_wide(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t mask = width_mask(exit->io.size);
	struct io_access a = { .addr = exit->io.port, .size = exit->io.size, .write = !exit->io.in };

	a.value = a.write ? vm->av.gpr[RAX] & mask : mask;
	bus_access_port(&vm->bus, &a);
	if (!a.write)
		vm->av.gpr[RAX] = (a.size == 4 ? 0 : vm->av.gpr[RAX] & ~mask) | (a.value & mask);
	return V_NEXT;
}

/* Some breakpoint is on. The trap of one on a port comes after the instruction. */
static enum verdict __attribute__((noinline)) interpret_watched(struct vm *vm, const struct vm_exit *exit)
{
	uint32_t hits = breakpoints_met(vm, exit->io.port, exit->io.size, BREAKPOINT_IO);
	bool stepping = (arch_vcpu_get(&vm->av, VREG_RFLAGS) & RFLAGS_TF) != 0;
	enum verdict verdict = interpret_wide(vm, exit);

	if (hits == 0)
		return verdict;
	arch_vcpu_arrive(&vm->av, exit->rip + exit->insn_len, stepping, false, hits);
	return V_RESUME;
}

/* No stack protector here: the one object on the stack is a plain struct, and this is the most frequent exit. */
__attribute__((no_stack_protector)) enum verdict interpret_io(struct vm *vm, const struct vm_exit *exit)
{
	struct io_access a;

	if (__builtin_expect(exit->io.string, 0))
		return interpret_string(vm, exit);
	if (__builtin_expect(arch_vcpu_breakpoints(&vm->av) != 0, 0))
		return interpret_watched(vm, exit);
	if (__builtin_expect(exit->io.size != 1, 0))
		return interpret_wide(vm, exit);
	a.addr = exit->io.port;
	a.size = 1;
	a.write = !exit->io.in;
	a.value = a.write ? (uint8_t)vm->av.gpr[RAX] : 0xff;
	bus_access_port(&vm->bus, &a);
	if (!a.write)
		*(uint8_t *)&vm->av.gpr[RAX] = (uint8_t)a.value;
	return V_NEXT;
}
