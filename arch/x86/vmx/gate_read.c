/* Reads the capability MSRs of this processor for the gate. */
/* Part: arch/x86/vmx; SDM, "VMX Capability Reporting Facility". */
#include "arch/x86/vmx/gate.h"
#include "arch/x86/regs.h"
#include "lib/string.h"

#define MSR_VMX_TRUE_PIN 0x48du
#define BASIC_TRUE_CONTROLS (1ull << 55)

static uint64_t read_or_zero(uint32_t msr)
{
	uint64_t v = 0;

	return cpu_rdmsr_safe(msr, &v) ? v : 0;
}

void gate_read(struct vmx_snapshot *s)
{
	struct cpuid_regs id = cpu_cpuid(0, 0), features = cpu_cpuid(1, 0);
	uint32_t true_controls;

	*s = (struct vmx_snapshot){ 0 };
	memcpy(s->vendor, &id.ebx, 4);
	memcpy(s->vendor + 4, &id.edx, 4);
	memcpy(s->vendor + 8, &id.ecx, 4);
	s->cpuid_vmx = (features.ecx & (1u << 5)) != 0;
	s->hypervisor = (features.ecx & (1u << 31)) != 0;
	if (!s->cpuid_vmx)
		return;
	s->feature_control_readable = cpu_rdmsr_safe(MSR_FEATURE_CONTROL, &s->feature_control);
	s->basic = read_or_zero(MSR_VMX_BASIC);
	true_controls = (s->basic & BASIC_TRUE_CONTROLS) ? MSR_VMX_TRUE_PIN : MSR_VMX_BASIC + 1;
	s->pin = read_or_zero(true_controls);
	s->proc = read_or_zero(true_controls + 1);
	s->exit = read_or_zero(true_controls + 2);
	s->entry = read_or_zero(true_controls + 3);
	s->misc = read_or_zero(MSR_VMX_BASIC + 5);
	s->cr0_fixed0 = read_or_zero(MSR_VMX_BASIC + 6);
	s->cr0_fixed1 = read_or_zero(MSR_VMX_BASIC + 7);
	s->cr4_fixed0 = read_or_zero(MSR_VMX_BASIC + 8);
	s->cr4_fixed1 = read_or_zero(MSR_VMX_BASIC + 9);
	if (s->proc >> 32 & (1u << 31))
		s->proc2 = read_or_zero(MSR_VMX_BASIC + 0xb);
	if (s->proc2 >> 32 & (1u << 1 | 1u << 5))
		s->ept_vpid = read_or_zero(MSR_VMX_BASIC + 0xc);
}
