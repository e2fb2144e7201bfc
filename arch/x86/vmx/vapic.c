/* The virtual APIC: what the processor does of a guest's local APIC by itself, and how far. */
/* Part: arch/x86/vmx; SDM, "APIC Virtualization and Virtual Interrupts". */
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"

#define MSR_X2APIC 0x800u
#define X2APIC_MSRS 0x40u	/* the rest up to 8FFh is reserved and faults */
#define X2APIC_READABLE 0x43fd01ffffffa50cull	/* by number; the processor would read others as 0, which fault */
#define X2APIC_TPR 0x08u
#define X2APIC_PPR 0x0au
#define X2APIC_EOI 0x0bu
#define X2APIC_TIMER_NOW 0x39u
#define X2APIC_SELF_IPI 0x3fu

/* The control words for a mode; the rest of each word stays. */
#define PROC2_APIC \
	(PROC2_APIC_ACCESSES | PROC2_X2APIC_MODE | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPTS)

static uint32_t proc2_for(enum apic_mode mode)
{
	uint32_t delivery = vmx_caps.virtual_interrupts ? PROC2_VIRTUAL_INTERRUPTS : 0;

	if (mode == APIC_MODE_MMIO && vmx_caps.apic_registers)
		return PROC2_APIC_ACCESSES | PROC2_APIC_REGISTERS | delivery;
	if (mode == APIC_MODE_X2 && vmx_caps.x2apic_registers)
		return PROC2_X2APIC_MODE | PROC2_APIC_REGISTERS | delivery;
	return 0;
}

/*
 * Reads come from the page, but for the timer's current count, which is computed when asked for, and the processor
 * priority where the processor does not keep it itself. Writes without an exit: those the processor knows what to do
 * with when it delivers by itself.
 */
static void pass_x2apic(struct arch_vcpu *av, bool on)
{
	bool delivery = on && vmx_caps.virtual_interrupts;

	for (uint32_t r = 0; r < X2APIC_MSRS; r++) {
		bool read = (X2APIC_READABLE >> r & 1) && r != X2APIC_TIMER_NOW && (delivery || r != X2APIC_PPR);
		bool write = r == X2APIC_TPR || (delivery && (r == X2APIC_EOI || r == X2APIC_SELF_IPI));

		arch_vcpu_pass_msr(av, MSR_X2APIC + r, on && read, on && write);
	}
}

void arch_vcpu_set_apic(struct arch_vcpu *av, void *page, void *access)
{
	struct vmx_vcpu *v = av->vmx;

	vmx_make_current(v);
	v->apic = page;
	if (!vmx_caps.tpr_shadow)
		return;
	vmcs_write(VMCS_VIRTUAL_APIC_PAGE, cpu_direct_address(page).v);
	vmcs_write(VMCS_TPR_THRESHOLD, 0);
	if (vmx_caps.apic_registers)
		vmcs_write(VMCS_APIC_ACCESS_PAGE, cpu_direct_address(access).v);
	vmx_set_proc(v, PROC_TPR_SHADOW, true);
	vmx_set_proc(v, PROC_CR8_LOAD | PROC_CR8_STORE, false);
}

void arch_vcpu_apic_mode(struct arch_vcpu *av, enum apic_mode mode)
{
	struct vmx_vcpu *v = av->vmx;

	vmx_make_current(v);
	v->apic_mode = mode;
	v->proc2 = (v->proc2 & ~PROC2_APIC) | proc2_for(mode);
	vmcs_write(VMCS_PROC2_CONTROLS, v->proc2);
	if (vmx_caps.x2apic_registers)
		pass_x2apic(av, mode == APIC_MODE_X2);
	/* Translations may have been kept that do not know of the access page. SDM, "Guidelines for Use of the INVVPID Instruction". */
	vpid_invalidate(v->vpid);
}

bool arch_apic_has_registers(void)
{
	return vmx_caps.apic_registers;
}

bool arch_vcpu_delivers(const struct arch_vcpu *av)
{
	return (av->vmx->proc2 & PROC2_VIRTUAL_INTERRUPTS) != 0;
}

/*
 * RVI, the low byte of the guest interrupt status, is the highest vector in IRR: the processor lowers it as it
 * delivers, so it only ever has to be raised here. SVI above it moves under the processor's hands.
 */
void arch_vcpu_request_vector(struct arch_vcpu *av, uint8_t vector)
{
	uint64_t status;

	vmx_make_current(av->vmx);
	status = vmcs_read(VMCS_GUEST_INTERRUPT_STATUS);
	if ((uint8_t)status < vector)
		vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (status & 0xff00) | vector);
}

void arch_vcpu_set_vectors(struct arch_vcpu *av, uint8_t requested, uint8_t service)
{
	if (!vmx_caps.virtual_interrupts)
		return;
	vmx_make_current(av->vmx);
	vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (uint64_t)service << 8 | requested);
}

void arch_vcpu_tpr_threshold(struct arch_vcpu *av, uint8_t threshold)
{
	struct vmx_vcpu *v = av->vmx;

	if (!vmx_caps.tpr_shadow || threshold == v->tpr_threshold)
		return;
	vmx_make_current(v);
	v->tpr_threshold = threshold;
	vmcs_write(VMCS_TPR_THRESHOLD, threshold);
}

void arch_vcpu_eoi_exits(struct arch_vcpu *av, const uint64_t vectors[4])
{
	if (!vmx_caps.virtual_interrupts)
		return;
	vmx_make_current(av->vmx);
	for (uint32_t i = 0; i < 4; i++)
		vmcs_write(VMCS_EOI_EXITS_0 + 2 * i, vectors[i]);
}
