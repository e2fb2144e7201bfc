/* Tests what guests are told about their processor, for machines made up here and for ones that say anything.
 * Part: unit tests, on the host.
 * UNIT: vmm/interpreter/cpuid_policy.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/interpreter/cpuid_policy.h"

#define BIT(n) (1u << (n))
#define AVX 7ull
#define AVX512 0xe7ull

/* The machine that is asked: rows as a processor gives them, or noise. */
struct row {
	uint32_t leaf, subleaf;
	struct cpuid_regs regs;
};

static const struct row broadwell[] = {
	{ 0, 0, { 0x14, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 1, 0, { 0x000306d4, 0x03100800, 0x7ffafbff, 0xbfebfbff } },
	{ 2, 0, { 0x76036301, 0x00f0b5ff, 0, 0x00c30000 } },
	{ 4, 0, { 0x1c004121, 0x01c0003f, 0x3f, 0 } }, { 4, 1, { 0x1c004122, 0x01c0003f, 0x3f, 0 } },
	{ 4, 2, { 0x1c004143, 0x01c0003f, 0x1ff, 0 } }, { 4, 3, { 0x1c03c163, 0x02c0003f, 0xfff, 6 } },
	{ 6, 0, { 0x77, 2, 9, 0 } },
	{ 7, 0, { 0, 0x021c2fbb, 0, 0x9c000000 } },
	{ 0xa, 0, { 0x07300403, 0, 0, 0x603 } },
	{ 0xd, 0, { 7, 0x340, 0x340, 0 } }, { 0xd, 1, { 1, 0, 0, 0 } }, { 0xd, 2, { 0x100, 0x240, 0, 0 } },
	{ 0x14, 0, { 0, 1, 1, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000002, 0, { 0x65746e49, 0x2952286c, 0x726f4320, 0x4d542865 } },
	{ 0x80000006, 0, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x3027, 0, 0, 0 } },
};

/* Westmere: the oldest that is accepted; no XSAVE, leaf 7 does not exist. */
static const struct row westmere[] = {
	{ 0, 0, { 0xb, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 1, 0, { 0x000206c2, 0x00200800, 0x029ee3ff, 0xbfebfbff } },
	{ 4, 0, { 0x1c004121, 0x01c0003f, 0x3f, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 1, 0x2c100800 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x3028, 0, 0, 0 } },
};

/* Ice Lake, with everything: AVX-512, PKU, XSAVES, SGX, PT, LA57 and leaves the policy has never heard of. */
static const struct row icelake[] = {
	{ 0, 0, { 0x1b, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 1, 0, { 0x000706e5, 0x03100800, 0x7ffefbbf, 0xbfebfbff } },
	{ 4, 0, { 0x1c004121, 0x02c0003f, 0x3f, 0 } },
	{ 7, 0, { 2, 0xf2bf67ef, 0x40417f5e, 0xbc000510 } },
	{ 7, 1, { 0x30, 0, 0, 0 } },
	{ 0xd, 0, { 0x2e7, 0xa80, 0xa88, 0 } }, { 0xd, 1, { 0xf, 0xa00, 0x2100, 0 } },
	{ 0xd, 2, { 0x100, 0x240, 0, 0 } }, { 0xd, 5, { 0x40, 0x440, 0, 0 } }, { 0xd, 6, { 0x200, 0x480, 0, 0 } },
	{ 0xd, 7, { 0x400, 0x680, 0, 0 } }, { 0xd, 8, { 0x80, 0, 1, 0 } }, { 0xd, 9, { 8, 0xa80, 0, 0 } },
	{ 0x15, 0, { 2, 0x60, 0x0249f000, 0 } }, { 0x16, 0, { 0x3e8, 0xe74, 0x64, 0 } },
	{ 0x1a, 0, { 0x20000001, 0xffffffff, 0xffffffff, 0xffffffff } },
	{ 0x80000000, 0, { 0x8000001f, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000008, 0, { 0x3927, 0, 0, 0 } },
	{ 0x8000001f, 0, { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff } },
};

static const struct row *rows;
static size_t row_count;
static uint64_t noise;		/* 0 = the rows; else the seed of a machine that answers anything */
static uint32_t noise_basic, noise_extended;

static struct cpuid_regs lookup(uint32_t leaf, uint32_t subleaf)
{
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].leaf == leaf && rows[i].subleaf == subleaf)
			return rows[i].regs;
	return (struct cpuid_regs){ 0 };
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static struct cpuid_regs read_noise(uint32_t leaf, uint32_t subleaf)
{
	uint64_t a = mix(noise + ((uint64_t)leaf << 32 | subleaf)), b = mix(a + 1);
	struct cpuid_regs r = { (uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32) };

	if (leaf == 0)
		r.eax = noise_basic;
	if (leaf == 0x80000000)
		r.eax = noise_extended;
	return r;
}

/* A basic leaf beyond the highest gives what the highest gives: a policy that asks for one is fooled. */
static struct cpuid_regs read_machine(uint32_t leaf, uint32_t subleaf)
{
	if (noise != 0)
		return read_noise(leaf, subleaf);
	if (leaf > lookup(leaf & 0x80000000, 0).eax)
		leaf = lookup(0, 0).eax;
	return lookup(leaf, subleaf);
}

static struct cpuid_policy policy;
static struct cpuid_machine machine;

static void make(const struct row *of, size_t count, uint64_t xcr0)
{
	rows = of;
	row_count = count;
	noise = 0;
	machine = (struct cpuid_machine){ .read = read_machine, .tsc_hz = 2400000000u, .xcr0 = xcr0, .invpcid = true,
					  .rdtscp = true };
	cpuid_policy_make(&policy, &machine);
}

#define MAKE(of, xcr0) make(of, ARRAY_LEN(of), xcr0)

static struct cpuid_regs ask(uint32_t leaf, uint32_t subleaf)
{
	return *cpuid_policy_find(&policy, leaf, subleaf);
}

static uint32_t part(const struct cpuid_regs *r, unsigned int reg)
{
	return reg == 0 ? r->eax : reg == 1 ? r->ebx : reg == 2 ? r->ecx : r->edx;
}

static void test_broadwell(void **state)
{
	struct cpuid_regs r;

	(void)state;
	MAKE(broadwell, AVX);
	r = ask(0, 0);
	assert_int_equal(r.eax, 0x16);
	assert_int_equal(r.ebx, 0x756e6547);
	assert_int_equal(r.ecx, 0x6c65746e);
	assert_int_equal(r.edx, 0x49656e69);
	r = ask(1, 0);
	assert_int_equal(r.eax, 0x306d4);
	assert_int_equal(r.ebx, 0x00010800);	/* CLFLUSH size stays; one processor, APIC ID 0 */
	/* no DTES64 MONITOR DS-CPL VMX SMX EIST TM2 SDBG PDCM OSXSAVE */
	assert_int_equal(r.ecx & (0x9fcu | BIT(15) | BIT(18) | BIT(27)), 0);
	assert_int_equal(r.ecx & (BIT(21) | BIT(24)), BIT(21) | BIT(24));	/* the virtual APIC's: x2APIC, TSC deadline */
	assert_true(r.ecx & BIT(31));	/* runs under a hypervisor */
	assert_int_equal(r.ecx & (BIT(0) | BIT(1) | BIT(13) | BIT(17) | BIT(26) | BIT(28) | BIT(30)),
			 BIT(0) | BIT(1) | BIT(13) | BIT(17) | BIT(26) | BIT(28) | BIT(30));
	assert_int_equal(r.edx & (BIT(9) | BIT(12)), BIT(9) | BIT(12));
	assert_int_equal(r.edx & (BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31)), 0);
	assert_int_equal(r.edx & 0x178bf1ff, 0x078bf1ff);	/* the rest as the machine has it */
	r = ask(7, 0);
	assert_int_equal(r.eax, 0);
	assert_int_equal(r.ebx, (0x021c2fbbu & ~(BIT(4) | BIT(11) | BIT(25))) | BIT(1));	/* no HLE RTM PT */
	assert_int_equal(r.edx, 0);
	r = ask(0x80000000, 0);
	assert_int_equal(r.eax, 0x80000008);
	r = ask(0x80000001, 0);
	assert_int_equal(r.ecx, 0x121);
	assert_int_equal(r.edx, 0x2c100800);
	assert_int_equal(ask(0x80000002, 0).ebx, 0x2952286c);
	assert_int_equal(ask(0x80000007, 0).edx, 0x100);
	assert_int_equal(ask(0x80000008, 0).eax, 0x3027);
	assert_int_equal(ask(0xa, 0).eax, 0);
	assert_int_equal(ask(0x14, 0).ebx, 0);
}

/* xTPR and L1 context ID are switched by bits of IA32_MISC_ENABLE that a guest may not change; bit 16 is reserved. */
static void test_leaf_1_without_misc_enable_features(void **state)
{
	(void)state;
	MAKE(broadwell, AVX);
	assert_int_equal(ask(1, 0).ecx & (BIT(10) | BIT(14) | BIT(16)), 0);
}

static void test_caches(void **state)
{
	(void)state;
	MAKE(broadwell, AVX);
	for (uint32_t i = 0; i < 4; i++) {
		struct cpuid_regs real = lookup(4, i), r = ask(4, i);

		assert_int_equal(r.eax, real.eax & 0x3fff);	/* nobody else shares it */
		assert_int_equal(r.ebx, real.ebx);
		assert_int_equal(r.ecx, real.ecx);
		assert_int_equal(r.edx, real.edx);
	}
	assert_int_equal(ask(4, 4).eax, 0);
	assert_int_equal(ask(4, 1000000).eax, 0);
}

static void test_topology(void **state)
{
	struct cpuid_regs r;

	(void)state;
	MAKE(broadwell, AVX);
	r = ask(0xb, 0);
	assert_true(r.eax == 0 && r.ebx == 1 && r.ecx == 0x100 && r.edx == 0);
	r = ask(0xb, 1);
	assert_true(r.eax == 0 && r.ebx == 1 && r.ecx == 0x201 && r.edx == 0);
	r = ask(0xb, 2);
	assert_true(r.eax == 0 && r.ebx == 0 && r.ecx == 2 && r.edx == 0);
	assert_int_equal(ask(6, 0).eax, BIT(2));
}

static void test_controls_missing(void **state)
{
	(void)state;
	MAKE(broadwell, AVX);
	assert_true(ask(7, 0).ebx & BIT(10));
	assert_true(ask(0x80000001, 0).edx & BIT(27));
	machine.invpcid = false;
	cpuid_policy_make(&policy, &machine);
	assert_false(ask(7, 0).ebx & BIT(10));
	assert_true(ask(0x80000001, 0).edx & BIT(27));
	machine.rdtscp = false;
	machine.invpcid = true;
	cpuid_policy_make(&policy, &machine);
	assert_true(ask(7, 0).ebx & BIT(10));
	assert_false(ask(0x80000001, 0).edx & BIT(27));
}

static void test_westmere(void **state)
{
	(void)state;
	MAKE(westmere, 0);
	assert_int_equal(ask(1, 0).ecx & (BIT(26) | BIT(27) | BIT(28)), 0);
	/* leaf 7 is beyond this machine's highest: nothing but what is interpreted */
	assert_int_equal(ask(7, 0).eax, 0);
	assert_int_equal(ask(7, 0).ebx, BIT(1));
	assert_int_equal(ask(7, 0).ecx, 0);
	assert_int_equal(ask(7, 1).eax, 0);
	for (uint32_t i = 0; i < 70; i++) {
		struct cpuid_regs r = ask(0xd, i);

		assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	}
}

/* A machine with AVX whose XSAVE the back end cannot use: everything that lives in YMM goes too. */
static void test_without_xsave(void **state)
{
	(void)state;
	MAKE(icelake, 0);
	assert_int_equal(ask(1, 0).ecx & (BIT(12) | BIT(26) | BIT(28) | BIT(29)), 0);
	assert_int_equal(ask(7, 0).ebx & BIT(5), 0);
	assert_int_equal(ask(7, 0).ebx & 0xd0230000 & ~(BIT(20) | BIT(19) | BIT(18)), 0);	/* AVX-512 */
	assert_int_equal(ask(0xd, 0).eax | ask(0xd, 0).ecx | ask(0xd, 1).eax, 0);
	assert_int_equal(ask(7, 0).ecx & (BIT(9) | BIT(10)), 0);	/* VAES, VPCLMULQDQ */
	assert_int_equal(ask(7, 1).eax & (BIT(4) | BIT(5)), 0);	/* AVX-VNNI, AVX512-BF16 */
}

static void test_avx512(void **state)
{
	const uint32_t ebx = BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31);
	const uint32_t ecx = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14);

	(void)state;
	MAKE(icelake, AVX512);
	assert_int_equal(ask(7, 0).ebx & ebx, ebx);
	assert_int_equal(ask(7, 0).ecx & ecx, ecx);
	assert_int_equal(ask(7, 0).eax, 1);
	assert_int_equal(ask(7, 1).eax, 0x30);
	assert_int_equal(ask(7, 2).eax, 0);
	/* PKU, OSPKE, LA57, RDPID, SGX_LC; SGX, MPX, PT, RDT: not offered */
	assert_int_equal(ask(7, 0).ecx & (BIT(3) | BIT(4) | BIT(16) | BIT(22) | BIT(30)), 0);
	assert_int_equal(ask(7, 0).ebx & (BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25)), 0);
	assert_int_equal(ask(7, 0).edx & ~0x4000u, 0x10 | 0x400 | (0x100 & icelake[3].regs.edx));

	MAKE(icelake, AVX);
	assert_int_equal(ask(7, 0).ebx & ebx, 0);
	assert_int_equal(ask(7, 0).ecx & ecx, 0);
	assert_true(ask(7, 0).ebx & BIT(5));
	assert_int_equal(ask(7, 0).ecx & (BIT(9) | BIT(10)), BIT(9) | BIT(10));
	assert_int_equal(ask(7, 0).edx & 0x10c, 0);
}

/* AVX512-BF16 is an AVX-512 feature like the others. */
static void test_bf16_follows_avx512(void **state)
{
	(void)state;
	MAKE(icelake, AVX);
	assert_int_equal(ask(7, 1).eax, BIT(4));
	assert_int_equal(ask(7, 0).eax, 1);
}

/* XCR0 without AVX: SDM, "Detection of AVX Instructions". */
static void test_xcr0_without_avx(void **state)
{
	(void)state;
	MAKE(icelake, 3);
	assert_true(ask(1, 0).ecx & BIT(26));
	assert_int_equal(ask(1, 0).ecx & (BIT(12) | BIT(28) | BIT(29)), 0);
	assert_int_equal(ask(7, 0).ebx & BIT(5), 0);
}

static void test_xsave_sizes(void **state)
{
	(void)state;
	MAKE(icelake, AVX512);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 1), 576);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 3), 576);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 7), 0x340);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 0x27), 0x480);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 0x67), 0x680);
	assert_int_equal(cpuid_policy_xsave_size(&policy, AVX512), 0xa80);
	assert_int_equal(cpuid_policy_xsave_size(&policy, 0x80), 0xa80);	/* the standard form has holes */
	assert_int_equal(ask(0xd, 0).eax, 0xe7);
	assert_int_equal(ask(0xd, 0).ecx, 0xa80);
	assert_int_equal(ask(0xd, 0).edx, 0);
	assert_int_equal(ask(0xd, 1).eax, 1);	/* XSAVEOPT; no XSAVEC, XGETBV 1, XSAVES */
	assert_int_equal(ask(0xd, 1).ebx | ask(0xd, 1).ecx | ask(0xd, 1).edx, 0);
	assert_int_equal(ask(0xd, 5).ebx, 0x440);
	assert_int_equal(ask(0xd, 8).eax | ask(0xd, 9).eax, 0);	/* not in XCR0 as offered */
	assert_int_equal(ask(0xd, 10).eax | ask(0xd, 63).eax | ask(0xd, UINT32_MAX).eax, 0);
	MAKE(icelake, AVX);
	assert_int_equal(ask(0xd, 0).ecx, 0x340);
	assert_int_equal(ask(0xd, 5).eax, 0);
	assert_int_equal(cpuid_policy_xsave_size(&policy, AVX512), 0x340);
}

/* Beyond the highest leaf of each range: SDM, "CPUID", the answer of the highest basic leaf. */
static void test_out_of_range(void **state)
{
	static const uint32_t leaves[] = { 0x17, 0x18, 0x1a, 0x1f, 0x20000000, 0x3fffffff, 0x40000011, 0x400000ff,
					   0x7fffffff, 0x80000009, 0x8000001f, 0x80860000, 0xc0000000, UINT32_MAX };

	(void)state;
	MAKE(icelake, AVX512);
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		struct cpuid_regs r = ask(leaves[i], 0), last = ask(0x16, 0);

		assert_memory_equal(&r, &last, sizeof(r));
	}
	assert_int_equal(ask(0x40000000, 0).eax, 0x40000010);
	assert_int_equal(ask(0x40000000, 0).ebx, 0x34364d56);	/* "VM64" */
	assert_int_equal(ask(0x40000000, 0).ecx, 0x34364d56);
	assert_int_equal(ask(0x40000000, 0).edx, 0x34364d56);
	assert_int_equal(ask(0x40000001, 0).eax, 0);	/* no interface that a guest might know */
}

/* Firmware can limit CPUID to leaf 2: leaf 4 then answers as leaf 2, which is not a list of caches. */
static void test_few_leaves(void **state)
{
	static const struct row few[] = {
		{ 0, 0, { 2, 0x756e6547, 0x6c65746e, 0x49656e69 } },
		{ 1, 0, { 0x206c2, 0x800, 0x029ee3ff, 0xbfebfbff } },
		{ 2, 0, { 0x55035a01, 0x00f0b2ff, 0, 0x00ca0000 } },
		{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	};

	(void)state;
	MAKE(few, 0);
	assert_int_equal(ask(2, 0).eax, 0x55035a01);
	assert_int_equal(ask(7, 0).ebx, BIT(1));
	assert_int_equal(ask(4, 0).eax, 0);
	assert_int_equal(ask(4, 0).ebx, 0);
}

/* A machine with another rate: 15h is empty, 16h and the hypervisor's leaf tell it; the rest is the policy's. */
static void check_clocked(uint64_t hz)
{
	struct cpuid_regs r = cpuid_policy_clocked(&policy, cpuid_policy_find(&policy, 0x15, 0), hz);

	assert_true(r.eax == 0 && r.ebx == 0 && r.ecx == 0 && r.edx == 0);
	r = cpuid_policy_clocked(&policy, cpuid_policy_find(&policy, 0x16, 0), hz);
	assert_true(r.eax == (hz + 500000) / 1000000 && r.ebx == r.eax && r.ecx == 100);
	r = cpuid_policy_clocked(&policy, cpuid_policy_find(&policy, 0x40000010, 0), hz);
	assert_true(r.eax == hz / 1000 && r.ebx == 0);
	r = cpuid_policy_clocked(&policy, cpuid_policy_find(&policy, 7, 0), hz);
	assert_true(r.ebx == ask(7, 0).ebx && r.ecx == ask(7, 0).ecx);
}

static void check_time(uint64_t hz)
{
	struct cpuid_regs r;
	uint64_t told;

	machine.tsc_hz = hz;
	cpuid_policy_make(&policy, &machine);
	r = ask(0x15, 0);
	assert_true(r.eax != 0 && r.ebx != 0 && r.ecx != 0);
	told = (uint64_t)r.ecx * r.ebx / r.eax;
	assert_true(told <= hz && hz - told < 1000);
	if (hz <= UINT32_MAX)
		assert_true(told == hz);
	assert_int_equal(ask(0x40000010, 0).eax, hz / 1000);
	r = ask(0x16, 0);
	assert_int_equal(r.eax, (hz + 500000) / 1000000);
	assert_int_equal(r.ebx, r.eax);
	assert_true(r.eax <= 0xffff && r.ecx == 100);
	check_clocked(hz / 3 + 1000000);
}

static void test_time(void **state)
{
	static const uint64_t rates[] = { 1000000, 1000001, 50000000, 2394459371, 4294967295, 4294967296, 4294967297,
					  4294967303, 5999999999, 9999999999, 10000000000 };

	(void)state;
	MAKE(broadwell, AVX);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		check_time(rates[i]);
	for (uint64_t i = 0; i < 20000; i++)
		check_time(1000000 + mix(i + 1) % 9999000001ull);
}

/* What the table lets through and what it always sets, for one register of a leaf. */
static void rule_of(uint32_t leaf, unsigned int reg, uint32_t *offered, uint32_t *always)
{
	*offered = *always = 0;
	for (size_t i = 0; i < cpuid_rule_count; i++)
		if (cpuid_rules[i].leaf == leaf && cpuid_rules[i].reg == reg) {
			*offered = cpuid_rules[i].offered;
			*always = cpuid_rules[i].always;
		}
}

/* Leaves that the policy makes itself; every other answer must come from the table. */
static bool made(uint32_t leaf, unsigned int reg)
{
	if (leaf == 4 || leaf == 0xb || leaf == 0xd || leaf == 0x15 || leaf == 0x16 || leaf >> 28 == 4)
		return true;
	return reg == 0 && (leaf == 0 || leaf == 7 || leaf == 0x80000000);
}

static void check_leaf(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs told = ask(leaf, subleaf), real = machine.read(leaf, subleaf);
	bool exists = leaf <= (leaf >> 31 ? noise_extended : noise_basic);

	for (unsigned int reg = 0; reg < 4; reg++) {
		uint32_t offered, always, bits = part(&told, reg);

		if (made(leaf, reg))
			continue;
		rule_of(leaf, reg, &offered, &always);
		assert_int_equal(bits & ~(offered | always), 0);	/* nothing outside the table */
		assert_int_equal(bits & always, always);
		/* nothing that the machine does not have */
		assert_int_equal(bits & ~always & ~(exists ? part(&real, reg) : 0), 0);
	}
}

static void test_any_machine(void **state)
{
	static const uint64_t xcr0s[] = { 0, 3, AVX, AVX512, 0x2ff };
	static const uint32_t highest[] = { 4, 7, 0xb, 0xd, 0x16, 0x20, 0x7fffffff };

	(void)state;
	for (uint64_t i = 0; i < 4000; i++) {
		noise = mix(i + 77) | 1;
		noise_basic = highest[i % ARRAY_LEN(highest)];
		noise_extended = i & 1 ? 0x80000008 : 0x80000004 + (uint32_t)(i % 0x30);
		machine = (struct cpuid_machine){ .read = read_machine, .tsc_hz = 3000000000u, .xcr0 = xcr0s[i % 5],
						  .invpcid = i & 2, .rdtscp = i & 4 };
		cpuid_policy_make(&policy, &machine);
		for (uint32_t leaf = 0; leaf < 0x17; leaf++)
			check_leaf(leaf, 0);
		for (uint32_t leaf = 0x80000000; leaf < 0x80000009; leaf++)
			check_leaf(leaf, 0);
		assert_int_equal(ask(0, 0).eax, 0x16);
		assert_int_equal(ask(0x80000000, 0).eax, 0x80000008);
		/* leaf 7, subleaf 1: AVX-VNNI and AVX512-BF16 only */
		assert_int_equal(ask(7, 1).eax & ~0x30u, 0);
		assert_int_equal(ask(7, 1).ebx | ask(7, 1).ecx | ask(7, 1).edx, 0);
		assert_int_equal(ask(7, 0).eax, ask(7, 1).eax != 0);
		for (uint32_t sub = 0; sub < 8; sub++)	/* nobody shares a cache */
			assert_int_equal(ask(4, sub).eax & ~0x3fffu, 0);
		assert_int_equal(ask(0xd, 1).eax & ~1u, 0);
		assert_int_equal(ask(0xd, 0).eax, (uint32_t)machine.xcr0);
	}
}

/* The table: sorted as the leaves are, each register once, and a reason wherever something is kept back. */
static void test_table(void **state)
{
	(void)state;
	assert_true(cpuid_rule_count > 10);
	for (size_t i = 0; i < cpuid_rule_count; i++) {
		const struct cpuid_rule *r = &cpuid_rules[i];

		assert_in_range(r->reg, 0, 3);
		assert_int_equal(r->subleaf, 0);
		assert_true(r->leaf < POLICY_BASIC || r->leaf - 0x80000000u < POLICY_EXTENDED);
		assert_non_null(r->why);
		for (size_t k = 0; k < i; k++)
			assert_false(cpuid_rules[k].leaf == r->leaf && cpuid_rules[k].reg == r->reg);
		if (r->leaf == 1 && r->reg >= 1)
			assert_true(strlen(r->why) > 10);
		if (r->leaf == 7)
			assert_true(strlen(r->why) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broadwell), cmocka_unit_test(test_leaf_1_without_misc_enable_features),
		cmocka_unit_test(test_caches), cmocka_unit_test(test_topology), cmocka_unit_test(test_controls_missing), cmocka_unit_test(test_westmere),
		cmocka_unit_test(test_without_xsave), cmocka_unit_test(test_avx512),
		cmocka_unit_test(test_bf16_follows_avx512), cmocka_unit_test(test_xcr0_without_avx),
		cmocka_unit_test(test_xsave_sizes), cmocka_unit_test(test_out_of_range), cmocka_unit_test(test_few_leaves),
		cmocka_unit_test(test_time), cmocka_unit_test(test_any_machine), cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
