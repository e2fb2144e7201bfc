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
static void __attribute__((noinline, cold)) entry_refused(struct vmx_vcpu *v, uint64_t failed, struct vm_exit *exit)
{
	uint64_t error = failed == 1 ? vmcs_read(VMCS_INSTRUCTION_ERROR) : 0;

	*exit = (struct vm_exit){
		.kind = EXIT_BAD_GUEST_STATE,
		.raw_reason = (uint32_t)error,
		.rip = vmcs_read(VMCS_GUEST_RIP),
		.qualification = error,
	};
	exit->bad_state.rule = audit_guest_state(v->av);
	if (exit->bad_state.rule == NULL)
		exit->bad_state.rule = failed == 1 ? "VMfailValid: see the VM-instruction error number"
						   : "VMfailInvalid: no current VMCS";
}

static inline uint32_t preemption_ticks(uint64_t now, uint64_t deadline)
{
	uint64_t left = deadline > now ? (deadline - now) >> vmx_caps.preemption_shift : 0;

	return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

void arch_vcpu_run(struct arch_vcpu *av, uint64_t now, uint64_t deadline, struct vm_exit *exit)
{
	struct vmx_vcpu *v = av->vmx;
	uint64_t failed;

	if (__builtin_expect(percpu()->resident != v || percpu()->current != v, 0))
		vmx_make_resident(v);
	if (__builtin_expect(vmx_caps.preemption_timer, 1))
		vmcs_write(VMCS_PREEMPTION_TIMER, preemption_ticks(now, deadline));
	else
		apic_timer(deadline);
	failed = vmx_enter(av->gpr, v->launched);
	if (__builtin_expect(failed != 0, 0)) {
		entry_refused(v, failed, exit);
		return;
	}
	v->launched = true;
	vmx_decode_exit(v, exit);
}

#define PENDING_DEBUG_BS (1ull << 14)

void arch_vcpu_advance(struct arch_vcpu *av, const struct vm_exit *exit)
{
	uint64_t blocking, rip = exit->rip + exit->insn_len;

	CHECK(exit->insn_len - 1u < 15u);
	(void)av;
	vmcs_write(VMCS_GUEST_RIP, rip);
	blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	if (__builtin_expect(blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS), 0))
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
	/* A guest that single-steps gets its #DB after this instruction as after any other. */
	if (__builtin_expect(vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF, 0))
		vmcs_write(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

bool arch_vcpu_has_invpcid(void)
{
	return vmx_caps.invpcid;
}

bool arch_vcpu_has_rdtscp(void)
{
	return vmx_caps.rdtscp;
}

uint64_t arch_vcpu_xcr0_allowed(void)
{
	return extended_allowed();
}

const char *arch_vcpu_audit(struct arch_vcpu *av)
{
	return audit_guest_state(av);
}
