/* What a guest is told about its processor, and why something is kept from it. */
/* Part: interpreter/; pure, on a function that reads a processor, so that the host tests feed it any. */
#ifndef VMM_INTERPRETER_CPUID_POLICY_H
#define VMM_INTERPRETER_CPUID_POLICY_H

#include "arch/api/cpu.h"

#define POLICY_BASIC 0x17u	/* leaves 0 .. 16h */
#define POLICY_EXTENDED 9u	/* leaves 80000000h .. 80000008h */
#define POLICY_HYPERVISOR 17u	/* leaves 40000000h .. 40000010h */
#define POLICY_XSAVE 10u	/* subleaves of leaf Dh */
#define POLICY_TOPOLOGY 3u	/* subleaves of leaf Bh */
#define POLICY_CACHES 6u	/* subleaves of leaf 4 */

struct cpuid_machine {
	struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf);
	uint64_t tsc_hz;
	uint64_t xcr0;		/* components a guest may have; 0 = no XSAVE */
	bool invpcid, rdtscp;	/* the back end has the controls these need */
};

struct cpuid_policy {
	struct cpuid_regs basic[POLICY_BASIC];
	struct cpuid_regs extended[POLICY_EXTENDED];
	struct cpuid_regs hypervisor[POLICY_HYPERVISOR];
	struct cpuid_regs xsave[POLICY_XSAVE];
	struct cpuid_regs caches[POLICY_CACHES];
	struct cpuid_regs topology[POLICY_TOPOLOGY];
	struct cpuid_regs features1;	/* leaf 7, subleaf 1 */
	struct cpuid_regs none;
};

void cpuid_policy_make(struct cpuid_policy *p, const struct cpuid_machine *m);
/* XSAVE area bytes for the components of xcr0. */
uint32_t cpuid_policy_xsave_size(const struct cpuid_policy *p, uint64_t xcr0);
const struct cpuid_regs *cpuid_policy_subleaf(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf);
/*
 * `row` of the policy as a machine has it whose TSC runs at `hz` and not at the processor's rate. Its APIC timer does run at
 * that, and leaf 15h has no way to tell the two apart that systems' 32-bit arithmetic would survive: it is left empty, and
 * they calibrate, as on processors without it.
 */
struct cpuid_regs cpuid_policy_clocked(const struct cpuid_policy *p, const struct cpuid_regs *row, uint64_t hz);

/* SDM, "CPUID": a basic leaf beyond the highest answers as the highest one. */
static inline const struct cpuid_regs *cpuid_policy_find(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd)
		return cpuid_policy_subleaf(p, leaf, subleaf);
	if (leaf < POLICY_BASIC)
		return &p->basic[leaf];
	if (leaf - 0x80000000u < POLICY_EXTENDED)
		return &p->extended[leaf - 0x80000000u];
	if (leaf - 0x40000000u < POLICY_HYPERVISOR)
		return &p->hypervisor[leaf - 0x40000000u];
	return &p->basic[POLICY_BASIC - 1];
}

/* The table itself, for the documentation: what is hidden, and why. */
struct cpuid_rule {
	uint32_t leaf, subleaf;
	uint8_t reg;		/* 0 EAX .. 3 EDX */
	uint32_t offered;	/* bits passed from the real processor */
	uint32_t always;	/* bits set whatever the processor says */
	const char *why;	/* of what is not offered */
};
extern const struct cpuid_rule cpuid_rules[];
extern const size_t cpuid_rule_count;

#endif
