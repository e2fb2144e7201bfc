/* arch_vcpu_run(): one stay in the guest. */
/* Part: arch/x86/vmx; the hot path, so every line here is counted by the bench. */
#include "arch/x86/percpu.h"
#include "arch/x86/apic.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx/audit.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"
#include "lib/timebase.h"

/* VM entry failed before any guest state was loaded: our controls or host state are wrong. */
static void __attribute__((noinline, cold)) entry_refused(struct vmx_vcpu *v, struct vm_exit *exit)
{
	uint64_t error = vmcs_read(VMCS_INSTRUCTION_ERROR);

	*exit = (struct vm_exit){
		.kind = EXIT_BAD_GUEST_STATE,
		.raw_reason = (uint32_t)error,
		.rip = vmcs_read(VMCS_GUEST_RIP),
		.qualification = error,
	};
	exit->bad_state.rule = audit_guest_state(v->av);
	if (exit->bad_state.rule == NULL)
		exit->bad_state.rule = "controls or host state: the number is the VM-instruction error";
}

/*
 * The field has 32 bits and VMWRITE drops the rest: a deadline that far away makes an early exit, after which the
 * timer is set again.
 */
static inline uint64_t preemption_ticks(uint64_t now, uint64_t deadline)
{
	return __builtin_expect(deadline > now, 1) ? (deadline - now) >> vmx_caps.preemption_shift : 0;
}

/* SDM, "Exit Qualification for I/O Instructions"; here because guests do little else so often. */
static inline void decode_io(struct vm_exit *e)
{
	uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	e->qualification = q;
	e->io.port = (uint16_t)(q >> 16);
	e->io.size = (uint8_t)((q & 7) + 1);
	e->io.in = (q & 8) != 0;
	e->io.string = (q & 16) != 0;
	if (__builtin_expect(e->io.string, 0))
		vmx_decode_string(e);
}

static inline bool decode(struct arch_vcpu *av, struct vm_exit *e)
{
	uint8_t kind = vmx_exit_kinds[vmcs_read(VMCS_EXIT_REASON) % VMX_EXIT_REASONS];

	e->rip = vmcs_read(VMCS_GUEST_RIP);
	if (__builtin_expect(kind & VMX_EXIT_MORE, 0)) {
		/* Between two instructions: there is nothing to say, and no event was being delivered. */
		if (kind == (EXIT_TIME | VMX_EXIT_MORE)) {
			e->kind = EXIT_TIME;
			e->insn_len = 0;
			return false;
		}
		if (kind != (EXIT_IO | VMX_EXIT_MORE))
			return vmx_decode_more(av->vmx, kind & ~VMX_EXIT_MORE, e);
		decode_io(e);
		kind = EXIT_IO;
	}
	e->kind = kind;
	e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
	return false;
}

/* The first entry after something else was on the processor; and every entry where there is no preemption timer. */
static uint64_t __attribute__((noinline)) enter_slowly(struct arch_vcpu *av, uint64_t now, uint64_t deadline)
{
	struct vmx_vcpu *v = av->vmx;
	uint64_t failed;
	bool entered;

	vmx_make_resident(v);
	av->trapped = false;
	if (vmx_caps.preemption_timer)
		vmcs_write(VMCS_PREEMPTION_TIMER, preemption_ticks(now, deadline));
	else
		apic_timer(deadline);
	failed = v->launched ? vmx_enter_resume(av->gpr) : vmx_enter_launch(av->gpr);
	/* An entry that fails on guest state exits too, and leaves the VMCS not launched. SDM, "VMLAUNCH/VMRESUME". */
	entered = failed == 0 && !(vmcs_read(VMCS_EXIT_REASON) >> 31 & 1);
	v->launched |= entered;
	av->fast = entered && vmx_caps.preemption_timer;
	return failed;
}

bool arch_vcpu_run(struct arch_vcpu *av, uint64_t now, uint64_t deadline, struct vm_exit *exit)
{
	uint64_t failed;

	if (__builtin_expect(av->fast, 1)) {
		vmcs_write(VMCS_PREEMPTION_TIMER, preemption_ticks(now, deadline));
		failed = vmx_enter_resume(av->gpr);
	} else {
		failed = enter_slowly(av, now, deadline);
	}
	if (__builtin_expect(failed != 0, 0)) {
		entry_refused(av->vmx, exit);
		return false;
	}
	return decode(av, exit);
}

#define PENDING_DEBUG_BS (1ull << 14)
#define PENDING_DEBUG_ENABLED (1ull << 12)	/* a breakpoint that is on was met */

static void due_trap(struct arch_vcpu *av, uint64_t pending)
{
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, pending);
	av->trapped = true;
	av->fast = false;	/* the next entry takes that back */
}

/*
 * A guest that single-steps gets its #DB after this instruction as after any other. BTF: it steps by branches, and this
 * was none. RF ends with the instruction. SDM, "Single-Stepping on Branches", "Resume Flag".
 */
static void __attribute__((noinline)) advance_watched(struct arch_vcpu *av, uint64_t flags)
{
	if (flags & RFLAGS_RF)
		vmcs_write(VMCS_GUEST_RFLAGS, flags & ~(uint64_t)RFLAGS_RF);
	if ((flags & RFLAGS_TF) && !(vmcs_read(VMCS_GUEST_DEBUGCTL) & 2))
		due_trap(av, PENDING_DEBUG_BS);
}

inline void arch_vcpu_advance(struct arch_vcpu *av, const struct vm_exit *exit)
{
	uint64_t blocking, flags, rip = exit->rip + exit->insn_len;

	CHECK(exit->insn_len != 0);
	/* The routine may have spoken to another machine: a frame sent interrupts who gets it, and that is in its VMCS. */
	if (__builtin_expect(!av->fast, 0))
		vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_RIP, rip);
	blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	if (__builtin_expect(blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS), 0))
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
	flags = vmcs_read(VMCS_GUEST_RFLAGS);
	if (__builtin_expect(flags & (RFLAGS_TF | RFLAGS_RF), 0))
		advance_watched(av, flags);
}

void arch_vcpu_arrive(struct arch_vcpu *av, uint64_t rip, bool stepped, bool branched, uint32_t hits)
{
	uint64_t blocking, pending = hits != 0 ? hits | PENDING_DEBUG_ENABLED : 0;

	vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_RIP, rip);
	blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	if (blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS))
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
	if (stepped && (branched || !(vmcs_read(VMCS_GUEST_DEBUGCTL) & 2)))
		pending |= PENDING_DEBUG_BS;
	if (pending != 0)
		due_trap(av, pending);
}

inline void arch_vcpu_completed(struct arch_vcpu *av)
{
	if (__builtin_expect(vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF, 0) && !(vmcs_read(VMCS_GUEST_DEBUGCTL) & 2))
		due_trap(av, PENDING_DEBUG_BS);
}

inline uint32_t arch_vcpu_breakpoints(struct arch_vcpu *av)
{
	(void)av;
	return vmcs_read(VMCS_GUEST_DR7) & 0xff;
}

bool arch_vcpu_has_invpcid(void)
{
	return vmx_caps.invpcid;
}

bool arch_vcpu_has_rdtscp(void)
{
	return vmx_caps.rdtscp;
}

bool arch_has_tsc_scaling(void)
{
	return vmx_caps.tsc_scaling;
}

uint64_t arch_vcpu_xcr0_allowed(void)
{
	return extended_allowed();
}
