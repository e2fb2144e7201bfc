/* Registers of a virtual processor: from the VMCS, from the processor if resident, or from where they rest. */
/* Part: arch/x86/vmx; the one place that knows which register lives where. */
#include "arch/x86/percpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"

/*
 * CR0: a guest owns what changes nothing for the monitor. PE and PG pass through it because EFER.LMA and the
 * IA-32e-mode entry control follow PG, and PAE paging's PDPTEs must be read.
 */
#define CR0_GUEST_OWNED (CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM)
#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
/* Caching stays on whatever the guest says: its own storage is cached by the real machine's rules. */
#define CR0_NEVER_REAL (CR0_CD | CR0_NW)
/* CR4.MCE stays on: a machine check with MCE off would shut the real processor down. */
#define CR4_ALWAYS_REAL (CR4_VMXE | CR4_MCE)
#define CR4_GUEST_OWNED_MAX                                                                        \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE | CR4_OSFXSR | \
	 CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)

#define EXCEPTION_MF (1u << 16)
#define APIC_TPR 0x80	/* in the virtual-APIC page */

static uint64_t cr4_owned(void)
{
	return arch_vcpu_cr4_allowed() & CR4_GUEST_OWNED_MAX;
}

uint64_t arch_vcpu_cr0_allowed(void)
{
	return CR0_DEFINED;
}

uint64_t arch_vcpu_cr4_allowed(void)
{
	static uint64_t allowed;

	if (allowed == 0) {
		struct cpuid_regs one = cpu_cpuid(1, 0), seven = { 0 };

		if (cpu_cpuid(0, 0).eax >= 7)
			seven = cpu_cpuid(7, 0);
		allowed = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
			  CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
		if (one.ecx & (1u << 17))
			allowed |= CR4_PCIDE;
		if (extended_allowed() != 0)
			allowed |= CR4_OSXSAVE;
		if (seven.ebx & (1u << 0))
			allowed |= CR4_FSGSBASE;
		if (seven.ebx & (1u << 7))
			allowed |= CR4_SMEP;
		if (seven.ebx & (1u << 20))
			allowed |= CR4_SMAP;
		if (seven.ecx & (1u << 2))
			allowed |= CR4_UMIP;
		allowed &= vmx_caps.cr4_fixed1;
	}
	return allowed;
}

/* EFER.LMA and the entry control follow EFER.LME and CR0.PG. SDM, "VM-Entry Controls". */
static void follow_long_mode(struct vmx_vcpu *v)
{
	uint64_t efer = vmcs_read(VMCS_GUEST_EFER) & ~EFER_LMA;
	uint32_t entry = v->entry & ~ENTRY_IA32E;

	if ((efer & EFER_LME) && (v->cr0_shadow & CR0_PG)) {
		uint64_t tr = vmcs_read(VMCS_GUEST_TR_ACCESS);

		efer |= EFER_LMA;
		entry |= ENTRY_IA32E;
		/* Entry wants a 64-bit busy TSS, where a guest may still have a 16-bit one that it does not use. */
		vmcs_write(VMCS_GUEST_TR_ACCESS, (tr & ~0xfull) | 0xb);
	}
	vmcs_write(VMCS_GUEST_EFER, efer);
	if (entry != v->entry)
		vmcs_write(VMCS_ENTRY_CONTROLS, entry);
	v->entry = entry;
}

/*
 * VMX operation wants CR0.NE on. To a guest that has it off a floating-point error is an interrupt, so its #MF exits.
 * SDM, "MS-DOS Compatibility Sub-mode".
 */
static void follow_ne(struct vmx_vcpu *v)
{
	uint32_t wanted = (v->cr0_shadow & CR0_NE) ? v->exceptions & ~EXCEPTION_MF : v->exceptions | EXCEPTION_MF;

	if (wanted == v->exceptions)
		return;
	v->exceptions = wanted;
	vmcs_write(VMCS_EXCEPTION_BITMAP, wanted);
}

static void set_cr0(struct vmx_vcpu *v, uint64_t value)
{
	uint64_t fixed0 = vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);	/* unrestricted guest */

	/* SDM, "Operations that Invalidate TLBs and Paging-Structure Caches": VMWRITE is none of them. */
	if ((v->cr0_shadow ^ value) & CR0_PG)
		vpid_invalidate(v->vpid);
	v->cr0_shadow = value | CR0_ET;
	vmcs_write(VMCS_CR0_SHADOW, v->cr0_shadow);
	vmcs_write(VMCS_CR0_MASK, ~CR0_GUEST_OWNED);
	vmcs_write(VMCS_GUEST_CR0, ((value & ~CR0_NEVER_REAL) | fixed0 | CR0_ET) & vmx_caps.cr0_fixed1);
	follow_ne(v);
	follow_long_mode(v);
}

static void set_cr4(struct vmx_vcpu *v, uint64_t value)
{
	vpid_invalidate(v->vpid);
	v->cr4_shadow = value;
	vmcs_write(VMCS_CR4_SHADOW, value);
	vmcs_write(VMCS_CR4_MASK, ~cr4_owned());
	vmcs_write(VMCS_GUEST_CR4, value | CR4_ALWAYS_REAL);
}

static uint64_t merge(uint64_t real, uint64_t shadow, uint64_t owned)
{
	return (real & owned) | (shadow & ~owned);
}

/* Registers that lie in one VMCS field as they are. 0 = elsewhere (VMCS_VPID is no register). */
static const uint16_t plain_field[VREGS] = {
	[VREG_RIP] = VMCS_GUEST_RIP, [VREG_RSP] = VMCS_GUEST_RSP, [VREG_RFLAGS] = VMCS_GUEST_RFLAGS,
	[VREG_CR3] = VMCS_GUEST_CR3, [VREG_DR7] = VMCS_GUEST_DR7,
	[VREG_GDTR_BASE] = VMCS_GUEST_GDTR_BASE, [VREG_GDTR_LIMIT] = VMCS_GUEST_GDTR_LIMIT,
	[VREG_IDTR_BASE] = VMCS_GUEST_IDTR_BASE, [VREG_IDTR_LIMIT] = VMCS_GUEST_IDTR_LIMIT,
	[VREG_SYSENTER_CS] = VMCS_GUEST_SYSENTER_CS, [VREG_SYSENTER_ESP] = VMCS_GUEST_SYSENTER_ESP,
	[VREG_SYSENTER_EIP] = VMCS_GUEST_SYSENTER_EIP, [VREG_PAT] = VMCS_GUEST_PAT,
	[VREG_DEBUGCTL] = VMCS_GUEST_DEBUGCTL,
};

/* Registers that rest in struct vmx_vcpu and are in the processor while resident. */
static uint64_t *resting(struct vmx_vcpu *v, enum vreg reg)
{
	switch (reg) {
	case VREG_CR2: return &v->cr2;
	case VREG_XCR0: return &v->xcr0;
	case VREG_DR0: return &v->dr[0];
	case VREG_DR1: return &v->dr[1];
	case VREG_DR2: return &v->dr[2];
	case VREG_DR3: return &v->dr[3];
	case VREG_DR6: return &v->dr6;
	case VREG_STAR: return &v->star;
	case VREG_LSTAR: return &v->lstar;
	case VREG_CSTAR: return &v->cstar;
	case VREG_FMASK: return &v->fmask;
	case VREG_KERNEL_GS_BASE: return &v->kernel_gs_base;
	case VREG_TSC_AUX: return &v->tsc_aux;
	default: cpu_panic("NO SUCH REGISTER: %u", (unsigned int)reg);
	}
}

uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg)
{
	struct vmx_vcpu *v = av->vmx;

	vmx_make_current(v);
	if (plain_field[reg] != 0)
		return vmcs_read(plain_field[reg]);
	switch (reg) {
	case VREG_CR0:
		return merge(vmcs_read(VMCS_GUEST_CR0), v->cr0_shadow, CR0_GUEST_OWNED);
	case VREG_CR4:
		return merge(vmcs_read(VMCS_GUEST_CR4), v->cr4_shadow, cr4_owned());
	case VREG_EFER:
		return vmcs_read(VMCS_GUEST_EFER);
	case VREG_TSC_OFFSET:
		return v->tsc_offset;
	case VREG_XCR0:
		return *resting(v, reg);	/* changed only through us */
	case VREG_CR8:
		return v->apic[APIC_TPR] >> 4;
	case VREG_CR2:		/* cheap enough to ask the processor, and it changes without an exit */
		return percpu()->resident == v ? read_cr2() : v->cr2;
	case VREG_DR6:
		return percpu()->resident == v ? read_dr6() : v->dr6;
	case VREG_TSC_AUX:	/* RDTSCP may exit */
		return percpu()->resident == v && vmx_caps.rdtscp ? rdmsr(MSR_TSC_AUX) : v->tsc_aux;
	default:
		vmx_evict(v);	/* the rest is rare: let it rest, it comes back at the next entry */
		return *resting(v, reg);
	}
}

void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value)
{
	struct vmx_vcpu *v = av->vmx;

	vmx_make_current(v);
	if (plain_field[reg] != 0) {
		vmcs_write(plain_field[reg], value);
		if (reg == VREG_CR3)
			vpid_invalidate(v->vpid);
		return;
	}
	switch (reg) {
	case VREG_CR0:
		set_cr0(v, value);
		break;
	case VREG_CR4:
		set_cr4(v, value);
		break;
	case VREG_EFER:
		vmcs_write(VMCS_GUEST_EFER, value);
		follow_long_mode(v);
		break;
	case VREG_TSC_OFFSET:
		v->tsc_offset = value;
		vmcs_write(VMCS_TSC_OFFSET, value);
		break;
	case VREG_CR8:
		v->apic[APIC_TPR] = (uint8_t)(value << 4);
		break;
	case VREG_XCR0:
		v->xcr0 = value;
		if (percpu()->resident == v)
			extended_set_xcr0(value);
		break;
	case VREG_CR2:
		v->cr2 = value;
		if (percpu()->resident == v)
			write_cr2(value);
		break;
	case VREG_DR6:
		v->dr6 = value;
		if (percpu()->resident == v)
			write_dr6(value);
		break;
	default:
		vmx_evict(v);
		*resting(v, reg) = value;
	}
}

void arch_vcpu_get_segment(struct arch_vcpu *av, enum seg seg, struct segment *s)
{
	uint32_t at = 2 * (uint32_t)seg;

	vmx_make_current(av->vmx);
	s->selector = (uint16_t)vmcs_read(VMCS_GUEST_ES_SELECTOR + at);
	s->base = vmcs_read(VMCS_GUEST_ES_BASE + at);
	s->limit = (uint32_t)vmcs_read(VMCS_GUEST_ES_LIMIT + at);
	s->access = (uint32_t)vmcs_read(VMCS_GUEST_ES_ACCESS + at);
}

void arch_vcpu_set_segment(struct arch_vcpu *av, enum seg seg, const struct segment *s)
{
	uint32_t at = 2 * (uint32_t)seg;

	vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_ES_SELECTOR + at, s->selector);
	vmcs_write(VMCS_GUEST_ES_BASE + at, s->base);
	vmcs_write(VMCS_GUEST_ES_LIMIT + at, s->limit);
	vmcs_write(VMCS_GUEST_ES_ACCESS + at, s->access);
}

void arch_vcpu_set_pdpte(struct arch_vcpu *av, unsigned int n, uint64_t value)
{
	vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_PDPTE0 + 2 * n, value);
}

/* A VM exit saves them where EPT is on. SDM, "Saving Non-Register State". */
uint64_t arch_vcpu_get_pdpte(struct arch_vcpu *av, unsigned int n)
{
	vmx_make_current(av->vmx);
	return vmcs_read(VMCS_GUEST_PDPTE0 + 2 * n);
}

uint32_t arch_vcpu_blocking(struct arch_vcpu *av)
{
	vmx_make_current(av->vmx);
	return (uint32_t)vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
}

inline bool arch_vcpu_open(struct arch_vcpu *av)
{
	vmx_make_current(av->vmx);
	return (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) && !av->trapped &&
	       !(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
}

void arch_vcpu_set_blocking(struct arch_vcpu *av, uint32_t blocking)
{
	vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking);
}

void vmx_set_proc(struct vmx_vcpu *v, uint32_t bit, bool on)
{
	uint32_t proc = on ? v->proc | bit : v->proc & ~bit;

	if (proc == v->proc)
		return;
	v->proc = proc;
	vmcs_write(VMCS_PROC_CONTROLS, proc);
}

/* SDM, "Use TSC Scaling" in "Secondary Processor-Based VM-Execution Controls": the offset is added to what is scaled. */
void arch_vcpu_scale_tsc(struct arch_vcpu *av, uint64_t multiplier)
{
	struct vmx_vcpu *v = av->vmx;
	bool scaled = multiplier != TSC_SAME_RATE;

	vmx_make_current(v);
	if (vmx_caps.tsc_scaling) {
		v->proc2 = scaled ? v->proc2 | PROC2_TSC_SCALING : v->proc2 & ~PROC2_TSC_SCALING;
		vmcs_write(VMCS_PROC2_CONTROLS, v->proc2);
		vmcs_write(VMCS_TSC_MULTIPLIER, multiplier);
	} else {
		vmx_set_proc(v, PROC_RDTSC, scaled);
	}
}

static void __attribute__((noinline)) change_windows(struct vmx_vcpu *v, uint32_t windows)
{
	vmx_make_current(v);
	vmx_set_proc(v, PROC_INTERRUPT_WINDOW, (windows & PROC_INTERRUPT_WINDOW) != 0);
	vmx_set_proc(v, PROC_NMI_WINDOW, (windows & PROC_NMI_WINDOW) != 0);
}

inline void arch_vcpu_want_window(struct arch_vcpu *av, bool interrupt, bool nmi)
{
	uint32_t windows = (interrupt ? PROC_INTERRUPT_WINDOW : 0) |
			   (nmi && vmx_caps.virtual_nmi ? PROC_NMI_WINDOW : 0);

	if (windows != (av->vmx->proc & (PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW)))
		change_windows(av->vmx, windows);
}

inline void arch_vcpu_inject_interrupt(struct arch_vcpu *av, int vector)
{
	vmx_make_current(av->vmx);
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, vector >= 0 ? INTR_INFO_VALID | (uint32_t)vector : 0);
}

void arch_vcpu_inject(struct arch_vcpu *av, const struct event *e)
{
	vmx_make_current(av->vmx);
	if (!e->valid) {
		vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, 0);
		return;
	}
	if (e->has_error)
		vmcs_write(VMCS_ENTRY_ERROR_CODE, e->error);
	if (e->type >= EVENT_SOFT_INTERRUPT)
		vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, e->insn_len);
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, INTR_INFO_VALID | (uint32_t)e->type << 8 | e->vector |
						 (e->has_error ? INTR_INFO_ERROR : 0));
}

/* SDM, "MSR-Bitmap Address": reads of low, of high MSRs, then writes of low, of high, 1 KiB each. */
void arch_vcpu_pass_msr(struct arch_vcpu *av, uint32_t msr, bool read, bool write)
{
	uint32_t at = msr & 0x1fff, high = msr >= 0xc0000000u ? 256 : 0;
	uint32_t *bitmap = av->vmx->msr_bitmap;
	uint32_t bit = 1u << (at & 31);

	CHECK(msr < 0x2000 || (msr >= 0xc0000000u && msr < 0xc0002000u));
	bitmap[high + at / 32] = read ? bitmap[high + at / 32] & ~bit : bitmap[high + at / 32] | bit;
	bitmap += 512;
	bitmap[high + at / 32] = write ? bitmap[high + at / 32] & ~bit : bitmap[high + at / 32] | bit;
}
