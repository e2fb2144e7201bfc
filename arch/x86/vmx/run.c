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

/* Instructions that exit with nothing to say but where they are and how long: most of all exits. */
static const uint64_t plain_instructions =
	1ull << EXIT_CPUID | 1ull << EXIT_RDMSR | 1ull << EXIT_WRMSR | 1ull << EXIT_VMCALL | 1ull << EXIT_HLT |
	1ull << EXIT_GETSEC | 1ull << EXIT_INVD | 1ull << EXIT_WBINVD | 1ull << EXIT_INVLPG | 1ull << EXIT_RDPMC |
	1ull << EXIT_RDTSC | 1ull << EXIT_RDTSCP | 1ull << EXIT_RSM | 1ull << EXIT_VMX_INSTRUCTION |
	1ull << EXIT_MWAIT | 1ull << EXIT_MONITOR | 1ull << EXIT_PAUSE | 1ull << EXIT_GDTR_IDTR |
	1ull << EXIT_LDTR_TR | 1ull << EXIT_XSETBV | 1ull << EXIT_RDRAND | 1ull << EXIT_RDSEED |
	1ull << EXIT_INVPCID | 1ull << EXIT_VMFUNC | 1ull << EXIT_ENCLS | 1ull << EXIT_XSAVES | 1ull << EXIT_XRSTORS;
_Static_assert(EXIT_KINDS <= 64, "the kinds fit one word");

static inline bool decode(struct arch_vcpu *av, struct vm_exit *e)
{
	uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON), basic = reason & 0xffff;

	e->raw_reason = reason;
	e->kind = __builtin_expect(basic < VMX_EXIT_REASONS, 1) ? vmx_exit_kinds[basic] : EXIT_UNKNOWN;
	e->rip = vmcs_read(VMCS_GUEST_RIP);
	e->qualification = 0;
	if (__builtin_expect(plain_instructions >> e->kind & 1, 1)) {
		e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
		return false;
	}
	return vmx_decode_more(av->vmx, e);
}

/* The first entry after something else was on the processor; and every entry where there is no preemption timer. */
static uint64_t __attribute__((noinline)) enter_slowly(struct arch_vcpu *av, uint64_t now, uint64_t deadline)
{
	struct vmx_vcpu *v = av->vmx;
	uint64_t failed;

	vmx_make_resident(v);
	if (vmx_caps.preemption_timer)
		vmcs_write(VMCS_PREEMPTION_TIMER, preemption_ticks(now, deadline));
	else
		apic_timer(deadline);
	if (v->launched)
		VMX_ENTER("vmx_resume", failed, av->gpr);
	else
		VMX_ENTER("vmx_launch", failed, av->gpr);
	v->launched |= failed == 0;
	av->fast = failed == 0 && vmx_caps.preemption_timer;
	return failed;
}

bool arch_vcpu_run(struct arch_vcpu *av, uint64_t now, uint64_t deadline, struct vm_exit *exit)
{
	uint64_t failed;

	if (__builtin_expect(av->fast, 1)) {
		vmcs_write(VMCS_PREEMPTION_TIMER, preemption_ticks(now, deadline));
		VMX_ENTER("vmx_resume", failed, av->gpr);
	} else {
		failed = enter_slowly(av, now, deadline);
	}
	if (__builtin_expect(failed != 0, 0)) {
		entry_refused(av->vmx, failed, exit);
		return false;
	}
	return decode(av, exit);
}

#define PENDING_DEBUG_BS (1ull << 14)

inline void arch_vcpu_advance(struct arch_vcpu *av, const struct vm_exit *exit)
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
