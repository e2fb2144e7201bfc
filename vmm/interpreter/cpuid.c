/* CPUID: the policy, a table with a reason for what is hidden, and the instruction. */
/* Part: interpreter/; answers are made once at start, so that the instruction is a table look-up. */
#include "vmm/interpreter/cpuid_policy.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/pc.h"

#define CR4_OSXSAVE_BIT (1ull << 18)
#define OSXSAVE (1u << 27)
#define APIC (1u << 9)

static struct cpuid_policy policy;
/* Basic leaves whose answer is always the same; NULL for those that have subleaves or follow the guest or its machine. */
static const struct cpuid_regs *just_a_row[POLICY_BASIC];
static const uint8_t not_just_a_row[] = { 1, 4, 7, 0xb, 0xd, 0x15, 0x16 };

void cpuid_init(void)
{
	struct cpuid_machine machine = {
		.read = cpu_cpuid,
		.tsc_hz = cpu_tsc_hz(),
		.xcr0 = arch_vcpu_xcr0_allowed(),
		.invpcid = arch_vcpu_has_invpcid(),
		.rdtscp = arch_vcpu_has_rdtscp(),
	};

	cpuid_policy_make(&policy, &machine);
	for (uint32_t leaf = 0; leaf < POLICY_BASIC; leaf++)
		just_a_row[leaf] = &policy.basic[leaf];
	for (size_t i = 0; i < ARRAY_LEN(not_just_a_row); i++)
		just_a_row[not_just_a_row[i]] = NULL;
}

static enum verdict answer(struct vm *vm, const struct cpuid_regs *r)
{
	vm->av.gpr[RAX] = r->eax;
	vm->av.gpr[RBX] = r->ebx;
	vm->av.gpr[RCX] = r->ecx;
	vm->av.gpr[RDX] = r->edx;
	return V_NEXT;
}

/* Leaves with subleaves, and those with bits that follow the guest's own registers. */
static enum verdict __attribute__((noinline)) interpret_rest(struct vm *vm)
{
	uint32_t leaf = gpr32(vm, RAX), subleaf = gpr32(vm, RCX);
	const struct cpuid_regs *row = cpuid_policy_find(&policy, leaf, subleaf);
	struct cpuid_regs clocked;

	if (vm->tsc_multiplier != TSC_SAME_RATE) {
		clocked = cpuid_policy_clocked(&policy, row, vm->tsc_hz);
		row = &clocked;
	}
	answer(vm, row);
	if (leaf == 1 && (arch_vcpu_get(&vm->av, VREG_CR4) & CR4_OSXSAVE_BIT))
		vm->av.gpr[RCX] |= OSXSAVE;
	/* SDM, "Enabling or Disabling the Local APIC" */
	if (leaf == 1 && !(vlapic_base(&vm->devices->lapic) & VLAPIC_BASE_ENABLE))
		vm->av.gpr[RDX] &= ~(uint64_t)APIC;
	if (leaf == 0xb && subleaf >= POLICY_TOPOLOGY)	/* no such level: the question comes back */
		vm->av.gpr[RCX] = (uint8_t)subleaf;
	if (leaf == 0xd && subleaf == 0)
		vm->av.gpr[RBX] = cpuid_policy_xsave_size(&policy, arch_vcpu_get(&vm->av, VREG_XCR0));
	return V_NEXT;
}

enum verdict interpret_cpuid(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t leaf = gpr32(vm, RAX);

	(void)exit;
	if (__builtin_expect(leaf < POLICY_BASIC && just_a_row[leaf] != NULL, 1))
		return answer(vm, just_a_row[leaf]);
	return interpret_rest(vm);
}
