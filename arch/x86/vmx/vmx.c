/* VMX operation on a processor, and the life of a virtual processor: made, reset, current, resident, gone. */
/* Part: arch/x86/vmx. */
#include "arch/x86/vmx/vmx.h"
#include "arch/x86/apic.h"
#include "arch/x86/percpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"
#include "lib/errno.h"
#include "lib/string.h"

struct vmx_capabilities vmx_caps;

/* One VMXON region for each processor. SDM, "VMXON Region". */
static uint8_t vmxon_region[PAGE_SIZE] __attribute__((aligned(4096)));
/* Every port traps: the bus decides. One pair serves all guests. SDM, "I/O-Bitmap Addresses". */
static uint8_t io_bitmaps[2 * PAGE_SIZE] __attribute__((aligned(4096)));

extern char kernel_start[];

static uint64_t image_delta;

static hpa_t image_address(const void *p)
{
	return HPA((uint64_t)p - image_delta);
}

void vmx_set_image_base(uint64_t kernel_base)
{
	image_delta = (uint64_t)kernel_start - kernel_base;
}

/* For each processor: FEATURE_CONTROL, CR0/CR4 fixed bits, VMXON. */
static bool enable(void)
{
	uint64_t control = rdmsr(MSR_FEATURE_CONTROL);
	uint32_t *region = (uint32_t *)(void *)vmxon_region;

	CHECK(percpu()->number == 0);
	if (!(control & FEATURE_CONTROL_LOCK))
		wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON);
	write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
	write_cr4(((read_cr4() | vmx_caps.cr4_fixed0) & vmx_caps.cr4_fixed1) | CR4_VMXE);
	region[0] = vmx_caps.revision;
	return vmx_vmxon(image_address(vmxon_region));
}

void vmx_init(struct gate_report *report)
{
	struct vmx_snapshot snapshot;

	gate_read(&snapshot);
	gate_judge(&snapshot, &vmx_caps, report);
	if (report->count != 0)
		return;
	if (!vmx_caps.preemption_timer && !apic_has_timer()) {
		report->missing[report->count++] = (struct gate_finding){
			"a timer that ends a guest's slice: neither VMX-preemption timer nor local APIC timer",
			"switch the local APIC on in the firmware's set-up, or give the virtual processor one",
		};
		return;
	}
	if (!enable()) {
		report->missing[report->count++] = (struct gate_finding){
			"VMXON failed although every capability is reported",
			"the firmware or a hypervisor below does not keep its word; look for an update",
		};
		return;
	}
	memset(io_bitmaps, 0xff, sizeof(io_bitmaps));
	vmx_exit_init();
	mtrr_read();
	extended_init();
	CHECK(direct_init());
}

void vmx_change_current(struct vmx_vcpu *v)
{
	struct percpu *p = percpu();

	if (p->current != NULL)
		p->current->av->fast = false;
	CHECK(vmx_vmptrld(v->vmcs));
	p->current = v;
}

void vmx_evict(struct vmx_vcpu *v)
{
	struct percpu *p = percpu();

	if (p->resident != v)
		return;
	p->resident = NULL;
	v->av->fast = false;
	extended_save(v->extended);
	v->cr2 = read_cr2();
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	v->dr6 = read_dr6();
	v->star = rdmsr(MSR_STAR);
	v->lstar = rdmsr(MSR_LSTAR);
	v->cstar = rdmsr(MSR_CSTAR);
	v->fmask = rdmsr(MSR_FMASK);
	v->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	if (vmx_caps.rdtscp)
		v->tsc_aux = rdmsr(MSR_TSC_AUX);
}

void vmx_make_resident(struct vmx_vcpu *v)
{
	struct percpu *p = percpu();

	vmx_make_current(v);
	if (p->resident == v)
		return;
	if (p->resident != NULL)
		vmx_evict(p->resident);
	extended_load(v->extended);
	extended_set_xcr0(v->xcr0);
	write_cr2(v->cr2);
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	write_dr6(v->dr6);
	wrmsr(MSR_STAR, v->star);
	wrmsr(MSR_LSTAR, v->lstar);
	wrmsr(MSR_CSTAR, v->cstar);
	wrmsr(MSR_FMASK, v->fmask);
	wrmsr(MSR_KERNEL_GS_BASE, v->kernel_gs_base);
	if (vmx_caps.rdtscp)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
	p->resident = v;
}

static void host_state(void)
{
	struct percpu *p = percpu();
	struct descriptor_table gdtr, idtr;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	__asm__ volatile("sidt %0" : "=m"(idtr));
	vmcs_write(VMCS_HOST_CR0, read_cr0());
	vmcs_write(VMCS_HOST_CR3, read_cr3());
	vmcs_write(VMCS_HOST_CR4, read_cr4());
	vmcs_write(VMCS_HOST_ES_SELECTOR, SEL_DATA);
	vmcs_write(VMCS_HOST_CS_SELECTOR, SEL_CODE);
	vmcs_write(VMCS_HOST_SS_SELECTOR, SEL_DATA);
	vmcs_write(VMCS_HOST_DS_SELECTOR, SEL_DATA);
	vmcs_write(VMCS_HOST_FS_SELECTOR, 0);
	vmcs_write(VMCS_HOST_GS_SELECTOR, 0);
	vmcs_write(VMCS_HOST_TR_SELECTOR, SEL_TSS);
	vmcs_write(VMCS_HOST_FS_BASE, 0);
	vmcs_write(VMCS_HOST_GS_BASE, (uint64_t)p);
	vmcs_write(VMCS_HOST_TR_BASE, (uint64_t)&p->tss);
	vmcs_write(VMCS_HOST_GDTR_BASE, gdtr.base);
	vmcs_write(VMCS_HOST_IDTR_BASE, idtr.base);
	vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
	vmcs_write(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
}

/* Controls that are clamped in by the gate but wanted only at times. */
#define PROC_NOT_AT_FIRST (PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW | PROC_TPR_SHADOW)
#define PROC2_NOT_AT_FIRST \
	(PROC2_APIC_ACCESSES | PROC2_X2APIC_MODE | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPTS | PROC2_TSC_SCALING)

/*
 * #DB and #AC: a guest can make their delivery recurse for ever in microcode, so each passes through the
 * monitor (and with it the preemption timer). #MC belongs to the real machine.
 */
#define EXCEPTIONS_TAKEN (1u << 1 | 1u << 17 | 1u << 18)

static void vmcs_init(struct vmx_vcpu *v, const struct npt *npt)
{
	v->proc = vmx_caps.proc & ~PROC_NOT_AT_FIRST;
	v->entry = vmx_caps.entry;
	v->exceptions = EXCEPTIONS_TAKEN;
	vmcs_write(VMCS_PIN_CONTROLS, vmx_caps.pin);
	vmcs_write(VMCS_PROC_CONTROLS, v->proc);
	v->proc2 = vmx_caps.proc2 & ~PROC2_NOT_AT_FIRST;
	vmcs_write(VMCS_PROC2_CONTROLS, v->proc2);
	vmcs_write(VMCS_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write(VMCS_ENTRY_CONTROLS, v->entry);
	vmcs_write(VMCS_EXCEPTION_BITMAP, v->exceptions);
	vmcs_write(VMCS_PF_ERROR_MASK, 0);
	vmcs_write(VMCS_PF_ERROR_MATCH, 0);
	vmcs_write(VMCS_CR3_TARGET_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	vmcs_write(VMCS_IO_BITMAP_A, image_address(io_bitmaps).v);
	vmcs_write(VMCS_IO_BITMAP_B, image_address(io_bitmaps + PAGE_SIZE).v);
	vmcs_write(VMCS_MSR_BITMAP, cpu_direct_address(v->msr_bitmap).v);
	vmcs_write(VMCS_EPT_POINTER, npt->pointer);
	if (vmx_caps.vpid)
		vmcs_write(VMCS_VPID, v->vpid);
	if (vmx_caps.tsc_scaling)
		vmcs_write(VMCS_TSC_MULTIPLIER, TSC_SAME_RATE);
	if (vmx_caps.proc2 & PROC2_XSAVES)
		vmcs_write(VMCS_XSS_EXITING_BITMAP, UINT64_MAX);
	vmcs_write(VMCS_LINK_POINTER, UINT64_MAX);
	host_state();
}

static size_t extended_pages(void)
{
	return align_up(extended_size(), PAGE_SIZE);
}

size_t arch_vcpu_storage(void)
{
	return 3 * PAGE_SIZE + extended_pages();
}

int arch_vcpu_create(struct arch_vcpu *av, void *storage, const struct npt *npt, uint16_t vpid)
{
	struct vmx_vcpu *v = storage;
	uint8_t *pages = storage;

	_Static_assert(sizeof(struct vmx_vcpu) <= PAGE_SIZE, "vmx_vcpu has one page");
	av->vmx = v;
	v->av = av;
	v->vpid = vpid;
	v->vmcs = cpu_direct_address(pages + PAGE_SIZE);
	v->msr_bitmap = (uint32_t *)(void *)(pages + 2 * PAGE_SIZE);
	v->extended = pages + 3 * PAGE_SIZE;
	*(uint32_t *)(void *)(pages + PAGE_SIZE) = vmx_caps.revision;
	memset(v->msr_bitmap, 0xff, PAGE_SIZE);
	if (!vmx_vmclear(v->vmcs))
		return -EINVAL;
	vmx_make_current(v);
	vmcs_init(v, npt);
	ept_invalidate(npt->pointer);
	vpid_invalidate(vpid);
	arch_vcpu_reset(av);
	return 0;
}

void arch_vcpu_destroy(struct arch_vcpu *av)
{
	struct vmx_vcpu *v = av->vmx;
	struct percpu *p = percpu();

	if (v == NULL)
		return;
	vmx_evict(v);
	/* SDM, "Software Use of Virtual-Machine Control Structures": VMCLEAR writes the cached VMCS back and lets it go. */
	CHECK(vmx_vmclear(v->vmcs));
	if (p->current == v)
		p->current = NULL;
	vpid_invalidate(v->vpid);
	av->vmx = NULL;
}

static void reset_segments(struct arch_vcpu *av)
{
	static const struct segment data = { .limit = 0xffff, .access = 0x93 };
	static const struct segment code = { .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff,
					     .access = 0x93 };
	static const struct segment ldtr = { .limit = 0xffff, .access = 0x82 };
	static const struct segment tr = { .limit = 0xffff, .access = 0x8b };

	for (enum seg s = SEG_ES; s <= SEG_GS; s++)
		arch_vcpu_set_segment(av, s, s == SEG_CS ? &code : &data);
	arch_vcpu_set_segment(av, SEG_LDTR, &ldtr);
	arch_vcpu_set_segment(av, SEG_TR, &tr);
}

/* SDM, "Processor State After Reset". */
void arch_vcpu_reset(struct arch_vcpu *av)
{
	struct vmx_vcpu *v = av->vmx;

	vmx_evict(v);
	vmx_make_current(v);
	memset(av->gpr, 0, sizeof(av->gpr));
	av->gpr[RDX] = cpu_cpuid(1, 0).eax;
	extended_reset(v->extended);
	v->xcr0 = 1;
	v->cr2 = 0;
	memset(v->dr, 0, sizeof(v->dr));
	v->dr6 = 0xffff0ff0;
	v->star = v->lstar = v->cstar = v->fmask = v->kernel_gs_base = v->tsc_aux = 0;
	vmcs_write(VMCS_GUEST_PAT, 0x0007040600070406ull);
	vmcs_write(VMCS_GUEST_EFER, 0);
	arch_vcpu_set(av, VREG_EFER, 0);
	arch_vcpu_set(av, VREG_CR0, CR0_ET | CR0_CD | CR0_NW);
	arch_vcpu_set(av, VREG_CR3, 0);
	arch_vcpu_set(av, VREG_CR4, 0);
	arch_vcpu_set(av, VREG_DR7, 0x400);
	arch_vcpu_set(av, VREG_RFLAGS, 2);
	arch_vcpu_set(av, VREG_RIP, 0xfff0);
	arch_vcpu_set(av, VREG_RSP, 0);
	reset_segments(av);
	for (enum vreg r = VREG_GDTR_BASE; r <= VREG_SYSENTER_EIP; r++)
		arch_vcpu_set(av, r, r == VREG_GDTR_LIMIT || r == VREG_IDTR_LIMIT ? 0xffff : 0);
	arch_vcpu_set(av, VREG_DEBUGCTL, 0);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmcs_write(VMCS_GUEST_ACTIVITY, 0);
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
	vmcs_write(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	arch_vcpu_want_window(av, false, false);
}
