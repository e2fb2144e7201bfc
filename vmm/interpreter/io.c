/* IN and OUT: one access through the machine's bus. */
/* Part: interpreter/; the most frequent exit; INS and OUTS are in io_string.c. */
#include "vmm/interpreter/breakpoints.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/bus.h"

#define RFLAGS_TF (1ull << 8)

static uint64_t width_mask(unsigned int bytes)
{
	return bytes >= 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
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
		return interpret_io_string(vm, exit);
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
