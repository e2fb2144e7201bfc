/* HLT, INVD and WBINVD, RDTSC and RDTSCP, MOV DR, and the exceptions the monitor looks at. */
/* Part: interpreter/; the short routines. */
#include "arch/api/cpu.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/event.h"
#include "vmm/machine/pc.h"

#define RFLAGS_IF (1ull << 9)

/*
 * HLT with interrupts off can only be ended by an NMI, and not inside an NMI's handler, which keeps others waiting until
 * its IRET. Where none can come: VM/370's disabled wait.
 */
enum verdict interpret_hlt(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t flags = arch_vcpu_get(&vm->av, VREG_RFLAGS);
	struct segment cs;

	if ((flags & RFLAGS_IF) || (!event_nmi_masked(vm) && (vm->pending.nmi || pc_nmi_may_come(vm))))
		return event_wakes(vm) ? V_NEXT : V_BLOCK;
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	vm_ended(vm, "DMKDSP450W CP ENTERED; DISABLED WAIT PSW '%04X %016lX %08lX'", cs.selector, exit->rip, flags);
	return V_CRASH;
}

/*
 * A guest's own caches hold nothing that another observer would miss: all its storage is coherent. INVD must
 * never be done for real, since it would drop the monitor's stores too. SDM, "INVD".
 */
enum verdict interpret_cache(struct vm *vm, const struct vm_exit *exit)
{
	(void)vm;
	(void)exit;
	return V_NEXT;
}

enum verdict interpret_rdtsc(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t tsc = vm_tsc(vm, cpu_tsc());

	vm->av.gpr[RAX] = (uint32_t)tsc;
	vm->av.gpr[RDX] = tsc >> 32;
	if (exit->kind == EXIT_RDTSCP)
		vm->av.gpr[RCX] = (uint32_t)arch_vcpu_get(&vm->av, VREG_TSC_AUX);
	return V_NEXT;
}

#define DR6_FIXED 0xffff0ff0ull
#define DR7_GD (1ull << 13)
#define DR6_BD (1ull << 13)
#define CR4_DE (1ull << 3)

/* SDM, "Debug Registers": DR4 and DR5 are DR6 and DR7 unless CR4.DE; GD traps every access. */
enum verdict interpret_dr(struct vm *vm, const struct vm_exit *exit)
{
	static const enum vreg regs[8] = { VREG_DR0, VREG_DR1, VREG_DR2, VREG_DR3, VREG_DR6, VREG_DR7,
					   VREG_DR6, VREG_DR7 };
	enum vreg reg = regs[exit->dr.dr];
	uint64_t value = gpr_read(vm, exit->dr.gpr);

	if ((exit->dr.dr == 4 || exit->dr.dr == 5) && (arch_vcpu_get(&vm->av, VREG_CR4) & CR4_DE))
		return event_raise(vm, EXC_UD);
	if (guest_cpl(vm) != 0)
		return event_raise_error(vm, EXC_GP, 0);
	if (arch_vcpu_get(&vm->av, VREG_DR7) & DR7_GD) {
		arch_vcpu_set(&vm->av, VREG_DR6, arch_vcpu_get(&vm->av, VREG_DR6) | DR6_BD);
		arch_vcpu_set(&vm->av, VREG_DR7, arch_vcpu_get(&vm->av, VREG_DR7) & ~DR7_GD);
		return event_raise(vm, EXC_DB);
	}
	if (!exit->dr.write) {
		gpr_write(vm, exit->dr.gpr, arch_vcpu_get(&vm->av, reg));
		return V_NEXT;
	}
	if (!guest_64bit(vm))
		value = (uint32_t)value;
	if ((reg == VREG_DR6 || reg == VREG_DR7) && value >> 32)
		return event_raise_error(vm, EXC_GP, 0);
	if (reg == VREG_DR6)
		value = (value & 0xe00full) | DR6_FIXED;
	if (reg == VREG_DR7)
		value = (value & 0xffff2bffull) | 0x400;
	arch_vcpu_set(&vm->av, reg, value);
	return V_NEXT;
}

/* Delivery ends the shadow of STI or MOV SS, and entering with both is refused while a guest steps. */
static void clear_shadow(struct vm *vm)
{
	arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
}

/*
 * #DB, #AC and #MF are the guest's own: they pass through here only so that a guest whose handler raises them again
 * and again comes back to the monitor each time. For #DB the processor has not written DR6 yet.
 * SDM, "Debug Exceptions" in "VM Exits caused by exceptions".
 */
enum verdict interpret_exception(struct vm *vm, const struct vm_exit *exit)
{
	uint8_t vector = exit->exception.vector;

	if (vector == EXC_DB) {
		uint64_t dr6 = arch_vcpu_get(&vm->av, VREG_DR6);

		if (exit->exception.type == EVENT_PRIV_SOFT_EXCEPTION) {	/* INT1 tells nothing in DR6 */
			event_raise(vm, vector);
			vm->pending.exception.type = EVENT_PRIV_SOFT_EXCEPTION;
			vm->pending.exception.insn_len = (uint8_t)exit->insn_len;
			clear_shadow(vm);
			return V_RESUME;
		}
		arch_vcpu_set(&vm->av, VREG_DR6, (dr6 & ~15ull) | exit->exception.address | DR6_FIXED);
		arch_vcpu_set(&vm->av, VREG_DR7, arch_vcpu_get(&vm->av, VREG_DR7) & ~DR7_GD);
		clear_shadow(vm);
		return event_raise(vm, vector);
	}
	if (vector == EXC_MF) {
		/* CR0.NE is off: the instruction waits for the interrupt, whose handler clears the error. */
		pc_float_error(vm);
		return V_RESUME;
	}
	if (vector == EXC_AC)
		return event_raise_error(vm, vector, exit->exception.error);
	if (vector == EXC_MC)	/* of the real machine: nothing we know can be trusted */
		cpu_panic("MACHINE CHECK WHILE %s RAN AT %lx", vm->userid, exit->rip);
	vm_ended(vm, "V64DSP463W %s STOPPED: EXCEPTION %u WAS NOT ASKED FOR", vm->userid, vector);
	return V_CRASH;
}
