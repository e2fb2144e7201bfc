/* What a guest is told about its processor, and why something is kept from it. */
/* Part: interpreter/; SDM, "CPUID - CPU Identification", leaf by leaf. */
#include "vmm/interpreter/cpuid_policy.h"
#include "lib/string.h"

enum { EAX, EBX, ECX, EDX };

#define ALL UINT32_MAX
#define BIT(n) (1u << (n))

/* A leaf without a row is all zero. */
const struct cpuid_rule cpuid_rules[] = {
	{ 0, 0, EBX, ALL, 0, "" }, { 0, 0, ECX, ALL, 0, "" }, { 0, 0, EDX, ALL, 0, "" },
	{ 1, 0, EAX, ALL, 0, "" },
	{ 1, 0, EBX, 0x0000ff00, 0x00010000, "one processor, APIC ID 0: the machine has one" },
	{ 1, 0, ECX,
	  ALL & ~(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(10) | BIT(11) | BIT(14) |
		  BIT(15) | BIT(16) | BIT(18) | BIT(21) | BIT(24) | BIT(27)), BIT(21) | BIT(24) | BIT(31),
	  "DTES64, DS-CPL, PDCM: PMU hidden; MONITOR: idle is HLT; VMX, SMX: not offered; EIST, TM2: power is the "
	  "real machine's; CNXT-ID, xTPR: bits of MISC_ENABLE that a guest may not change; SDBG, DCA: real machine's; x2APIC and TSC deadline are the virtual APIC's; OSXSAVE follows CR4" },
	{ 1, 0, EDX, ALL & ~(BIT(9) | BIT(12) | BIT(18) | BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31)), BIT(9) | BIT(12),
	  "APIC and MTRR are virtual; PSN, DS, ACPI, TM, PBE: power and PMU; HTT: one "
	  "processor" },
	{ 2, 0, EAX, ALL, 0, "" }, { 2, 0, EBX, ALL, 0, "" }, { 2, 0, ECX, ALL, 0, "" }, { 2, 0, EDX, ALL, 0, "" },
	{ 6, 0, EAX, 0, BIT(2), "ARAT: the virtual APIC's timer never stops; power and thermal features are the real machine's" },
	{ 7, 0, EBX,
	  BIT(0) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(13) | BIT(16) | BIT(17) |
		  BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) |
		  BIT(29) | BIT(30) | BIT(31), BIT(1),
	  "SGX, MPX, HLE, RTM, PT, RDT: state or controls the monitor does not switch; TSC_ADJUST is interpreted" },
	{ 7, 0, ECX, BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14), 0,
	  "PKU, CET, LA57, WAITPKG, RDPID, KL, ENQCMD: state or controls the monitor does not switch" },
	{ 7, 0, EDX, BIT(2) | BIT(3) | BIT(4) | BIT(8) | BIT(10) | BIT(14), 0,
	  "speculation controls: not switched; AMX, UINTR, hybrid, LBR: hidden" },
	{ 0x80000000, 0, EBX, ALL, 0, "" },
	{ 0x80000001, 0, ECX, BIT(0) | BIT(5) | BIT(8), 0, "" },
	{ 0x80000001, 0, EDX, BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29), 0, "" },
	{ 0x80000002, 0, EAX, ALL, 0, "" }, { 0x80000002, 0, EBX, ALL, 0, "" },
	{ 0x80000002, 0, ECX, ALL, 0, "" }, { 0x80000002, 0, EDX, ALL, 0, "" },
	{ 0x80000003, 0, EAX, ALL, 0, "" }, { 0x80000003, 0, EBX, ALL, 0, "" },
	{ 0x80000003, 0, ECX, ALL, 0, "" }, { 0x80000003, 0, EDX, ALL, 0, "" },
	{ 0x80000004, 0, EAX, ALL, 0, "" }, { 0x80000004, 0, EBX, ALL, 0, "" },
	{ 0x80000004, 0, ECX, ALL, 0, "" }, { 0x80000004, 0, EDX, ALL, 0, "" },
	{ 0x80000006, 0, ECX, ALL, 0, "" },
	{ 0x80000007, 0, EDX, BIT(8), 0, "invariant TSC passes; power management does not" },
	{ 0x80000008, 0, EAX, 0x0000ffff, 0, "" },
};

const size_t cpuid_rule_count = ARRAY_LEN(cpuid_rules);

static uint32_t *reg_of(struct cpuid_regs *r, uint8_t reg)
{
	switch (reg) {
	case EAX: return &r->eax;
	case EBX: return &r->ebx;
	case ECX: return &r->ecx;
	default: return &r->edx;
	}
}

static struct cpuid_regs *slot(struct cpuid_policy *p, uint32_t leaf)
{
	return leaf >= 0x80000000 ? &p->extended[leaf - 0x80000000] : &p->basic[leaf];
}

static void make_caches(struct cpuid_policy *p, const struct cpuid_machine *m)
{
	for (uint32_t i = 0; i < POLICY_CACHES && m->read(0, 0).eax >= 4; i++) {
		struct cpuid_regs r = m->read(4, i);

		if ((r.eax & 31) == 0)
			break;
		r.eax &= 0x3fff;	/* shared by one logical processor, one core in the package */
		p->caches[i] = r;
	}
}

/* One thread of one core, x2APIC ID 0. SDM, "CPUID", leaf 0Bh: level types 1 (SMT) and 2 (core). */
static void make_topology(struct cpuid_policy *p)
{
	p->topology[0] = (struct cpuid_regs){ .ebx = 1, .ecx = 1 << 8 };
	p->topology[1] = (struct cpuid_regs){ .ebx = 1, .ecx = 2 << 8 | 1 };
	p->topology[2] = (struct cpuid_regs){ .ecx = 2 };
}

#define XCR0_AVX BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))

/* Instructions whose registers the guest cannot have go with them. SDM, "Detection of AVX Instructions". */
static void follow_xcr0(struct cpuid_policy *p, uint64_t xcr0)
{
	if (xcr0 == 0)
		p->basic[1].ecx &= ~BIT(26);	/* XSAVE */
	if (!(xcr0 & XCR0_AVX)) {
		p->basic[1].ecx &= ~(BIT(12) | BIT(28) | BIT(29));	/* FMA, AVX, F16C */
		p->basic[7].ebx &= ~BIT(5);				/* AVX2 */
		p->basic[7].ecx &= ~(BIT(9) | BIT(10));			/* VAES, VPCLMULQDQ */
		p->features1.eax &= ~BIT(4);				/* AVX-VNNI */
	}
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512) {
		p->basic[7].ebx &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
		p->basic[7].ecx &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
		p->basic[7].edx &= ~(BIT(2) | BIT(3) | BIT(8));
		p->features1.eax &= ~BIT(5);				/* AVX512-BF16 */
	}
}

static void make_xsave(struct cpuid_policy *p, const struct cpuid_machine *m)
{
	uint32_t size = 0;

	if (m->xcr0 == 0)
		return;
	for (uint32_t i = 2; i < POLICY_XSAVE; i++)
		if (m->xcr0 >> i & 1)
			p->xsave[i] = m->read(0xd, i);
	size = cpuid_policy_xsave_size(p, m->xcr0);
	p->xsave[0] = (struct cpuid_regs){ .eax = (uint32_t)m->xcr0, .ecx = size, .edx = (uint32_t)(m->xcr0 >> 32) };
	/* XSAVEOPT only: XSAVES needs a supervisor state that is not switched, XSAVEC its size arithmetic */
	p->xsave[1].eax = m->read(0xd, 1).eax & BIT(0);
	p->basic[0xd] = p->xsave[0];
}

uint32_t cpuid_policy_xsave_size(const struct cpuid_policy *p, uint64_t xcr0)
{
	uint32_t size = 576;	/* legacy region and header */

	for (uint32_t i = 2; i < POLICY_XSAVE; i++)
		if ((xcr0 >> i & 1) && p->xsave[i].ebx + p->xsave[i].eax > size)
			size = p->xsave[i].ebx + p->xsave[i].eax;
	return size;
}

static struct cpuid_regs megahertz(uint64_t hz)
{
	uint32_t mhz = (uint32_t)((hz + 500000) / 1000000);

	return (struct cpuid_regs){ .eax = mhz, .ebx = mhz, .ecx = 100 };
}

/* The rate of the TSC, told exactly: a guest that believes it need not measure. */
static void make_time(struct cpuid_policy *p, const struct cpuid_machine *m)
{
	uint32_t halves = m->tsc_hz > UINT32_MAX ? 8 : 1;

	p->basic[0x15] = (struct cpuid_regs){ .eax = 1, .ebx = halves, .ecx = (uint32_t)(m->tsc_hz / halves) };
	p->basic[0x16] = megahertz(m->tsc_hz);
	p->hypervisor[0x10].eax = (uint32_t)(m->tsc_hz / 1000);
}

struct cpuid_regs cpuid_policy_clocked(const struct cpuid_policy *p, const struct cpuid_regs *row, uint64_t hz)
{
	if (row == &p->basic[0x15])
		return (struct cpuid_regs){ 0 };
	if (row == &p->basic[0x16])
		return megahertz(hz);
	if (row == &p->hypervisor[0x10])
		return (struct cpuid_regs){ .eax = (uint32_t)(hz / 1000) };
	return *row;
}

static void make_hypervisor(struct cpuid_policy *p)
{
	static const char name[] = "VM64VM64VM64";

	p->hypervisor[0].eax = 0x40000010;
	memcpy(&p->hypervisor[0].ebx, name, 4);
	memcpy(&p->hypervisor[0].ecx, name + 4, 4);
	memcpy(&p->hypervisor[0].edx, name + 8, 4);
}

void cpuid_policy_make(struct cpuid_policy *p, const struct cpuid_machine *m)
{
	uint32_t basic_max = m->read(0, 0).eax, extended_max = m->read(0x80000000, 0).eax;

	*p = (struct cpuid_policy){ 0 };
	for (size_t i = 0; i < cpuid_rule_count; i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];
		struct cpuid_regs real = { 0 };

		if (rule->leaf >= 0x80000000 ? rule->leaf <= extended_max : rule->leaf <= basic_max)
			real = m->read(rule->leaf, rule->subleaf);
		*reg_of(slot(p, rule->leaf), rule->reg) = (*reg_of(&real, rule->reg) & rule->offered) | rule->always;
	}
	p->basic[0].eax = POLICY_BASIC - 1;
	p->extended[0].eax = 0x80000000 + POLICY_EXTENDED - 1;
	if (!m->invpcid)
		p->basic[7].ebx &= ~BIT(10);
	if (!m->rdtscp)
		p->extended[1].edx &= ~BIT(27);
	if (basic_max >= 7 && m->read(7, 0).eax >= 1)
		p->features1.eax = m->read(7, 1).eax & (BIT(4) | BIT(5));	/* AVX-VNNI, AVX512-BF16 */
	follow_xcr0(p, m->xcr0);
	p->basic[7].eax = p->features1.eax != 0;
	make_caches(p, m);
	make_topology(p);
	make_xsave(p, m);
	make_time(p, m);
	make_hypervisor(p);
}

const struct cpuid_regs *cpuid_policy_subleaf(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 4)
		return subleaf < POLICY_CACHES ? &p->caches[subleaf] : &p->none;
	if (leaf == 0xb)
		return subleaf < POLICY_TOPOLOGY ? &p->topology[subleaf] : &p->none;
	if (leaf == 7)
		return subleaf == 0 ? &p->basic[7] : subleaf == 1 ? &p->features1 : &p->none;
	return subleaf < POLICY_XSAVE ? &p->xsave[subleaf] : &p->none;
}
