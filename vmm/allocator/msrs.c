/* MSRs as a resource: which of the real processor's a guest may touch without the monitor. */
/* Part: the allocator A; each row is an MSR whose value belongs to the guest alone while it runs. */
#include "vmm/allocator/msrs.h"

struct grant {
	uint32_t msr;
	bool read, write;
	const char *why;
};

static const struct grant grants[] = {
	{ 0x010, true, false, "TSC: RDMSR scales and offsets as RDTSC does; a write changes the offset" },
	{ 0x174, true, true, "SYSENTER_CS: in the VMCS" },
	{ 0x175, true, true, "SYSENTER_ESP: in the VMCS" },
	{ 0x176, true, true, "SYSENTER_EIP: in the VMCS" },
	{ 0x277, true, true, "PAT: loaded and saved with the VMCS" },
	{ 0xc0000080, true, false, "EFER: in the VMCS; a write moves LMA and the entry controls" },
	{ 0xc0000081, true, true, "STAR: changes hands with the virtual processor" },
	{ 0xc0000082, true, true, "LSTAR" },
	{ 0xc0000083, true, true, "CSTAR" },
	{ 0xc0000084, true, true, "FMASK" },
	{ 0xc0000100, true, true, "FS_BASE: in the VMCS" },
	{ 0xc0000101, true, true, "GS_BASE: in the VMCS" },
	{ 0xc0000102, true, true, "KERNEL_GS_BASE: changes hands with the virtual processor" },
};

#define MSR_TSC_NUMBER 0x10u
#define MSR_TSC_AUX_NUMBER 0xc0000103u

void msrs_grant(struct vm *vm)
{
	for (size_t i = 0; i < ARRAY_LEN(grants); i++)
		arch_vcpu_pass_msr(&vm->av, grants[i].msr, grants[i].read, grants[i].write);
	if (arch_vcpu_has_rdtscp())
		arch_vcpu_pass_msr(&vm->av, MSR_TSC_AUX_NUMBER, true, true);
	if (vm->tsc_multiplier != TSC_SAME_RATE && !arch_has_tsc_scaling())
		arch_vcpu_pass_msr(&vm->av, MSR_TSC_NUMBER, false, false);	/* with RDTSC it is interpreted */
}
