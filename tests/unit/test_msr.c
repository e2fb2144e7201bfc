/* Tests RDMSR and WRMSR: which MSRs a guest finds, every #GP, and the arithmetic of the time-stamp counter.
 * Part: unit tests, on the host.
 * UNIT: vmm/interpreter/msr.c vmm/machine/event.c vmm/machine/mtrr.c
 */
#include "tests/unit/core_fake.h"

#include "vmm/interpreter/interpreter.h"

#define TSC 0x10u
#define APIC_BASE 0x1bu
#define FEATURE_CONTROL 0x3au
#define TSC_ADJUST 0x3bu
#define MISC_ENABLE 0x1a0u
#define DEBUGCTL 0x1d9u
#define PLATFORM_INFO 0xceu
#define EFER 0xc0000080u

uint64_t cpu_tsc_hz(void)
{
	return 2394459371u;
}

static const struct vm_exit none = { .insn_len = 2 };

static int setup(void **state)
{
	(void)state;
	core_make(4096);
	core.tsc_hz = cpu_tsc_hz();
	return 0;
}

static enum verdict read_msr(uint32_t msr, uint64_t *value)
{
	enum verdict v;

	core.av.gpr[RCX] = 0xffffffff00000000 | msr;	/* ECX is meant */
	core.av.gpr[RAX] = core.av.gpr[RDX] = 0xdddddddddddddddd;
	v = interpret_rdmsr(&core, &none);
	*value = core.av.gpr[RDX] << 32 | core.av.gpr[RAX];
	if (v == V_NEXT)
		assert_true(core.av.gpr[RAX] >> 32 == 0 && core.av.gpr[RDX] >> 32 == 0);
	else
		assert_true(core.av.gpr[RAX] == 0xdddddddddddddddd && core.av.gpr[RDX] == 0xdddddddddddddddd);
	return v;
}

static uint64_t get(uint32_t msr)
{
	uint64_t value;

	core_expect_done(read_msr(msr, &value));
	return value;
}

static enum verdict write_msr(uint32_t msr, uint64_t value)
{
	core.av.gpr[RCX] = 0xffffffff00000000 | msr;
	core.av.gpr[RAX] = 0xeeeeeeee00000000 | (uint32_t)value;
	core.av.gpr[RDX] = 0xeeeeeeee00000000 | value >> 32;
	return interpret_wrmsr(&core, &none);
}

static void put(uint32_t msr, uint64_t value)
{
	core_expect_done(write_msr(msr, value));
}

static void refuse(uint32_t msr, uint64_t value)
{
	uint64_t regs[VREGS], adjust = core.tsc_adjust, misc = core.misc_enable;

	memcpy(regs, core_regs, sizeof(regs));
	core_expect_fault(write_msr(msr, value), EXC_GP, 0);
	assert_memory_equal(regs, core_regs, sizeof(regs));
	assert_true(adjust == core.tsc_adjust && misc == core.misc_enable);
}

/* Of all numbers there are exactly these answer; the rest is #GP(0), counted and told. */
static void test_which(void **state)
{
	static const uint32_t known[] = { 0, 1, 0x10, 0x17, 0x1b, 0x2a, 0x3a, 0x3b, 0x79, 0x8b, 0xce, 0x179, 0x17a, 0x1a0,
					  0x1d9, 0x6e0, EFER };
	static const uint32_t starts[] = { 0, 0x40000000, 0x7fffe000, 0xc0000000, 0xc0010000, 0xffffe000 };
	uint64_t value, unknown = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		for (uint32_t msr = starts[i]; msr - starts[i] < 0x2000; msr++) {
			bool is_known = mtrr_is(msr) || msr >> 8 == 8;	/* MTRRs and x2APIC's */

			for (size_t k = 0; k < ARRAY_LEN(known); k++)
				is_known |= known[k] == msr;
			if (is_known) {
				core_expect_done(read_msr(msr, &value));
				continue;
			}
			core_expect_fault(read_msr(msr, &value), EXC_GP, 0);
			core_expect_fault(write_msr(msr, 0), EXC_GP, 0);
			unknown += 2;
		}
	assert_true(core.account.unknown_msrs == unknown);
	assert_int_equal(core_notes, unknown);
	core_expect_fault(read_msr(0x345, &value), EXC_GP, 0);
	assert_non_null(strstr(core_note, "RDMSR 00000345"));
	core_expect_fault(write_msr(0x345, 0), EXC_GP, 0);
	assert_non_null(strstr(core_note, "WRMSR 00000345"));
}

/* The last MSR asked for is remembered: the answer must not depend on it. */
static void test_any_order(void **state)
{
	static const uint32_t known[] = { 0x17, 0x1b, 0x3a, 0x8b, 0x179, 0x17a, 0x1a0, 0x1d9, EFER };
	uint64_t expected[ARRAY_LEN(known)], value;

	(void)state;
	core.misc_enable = 0x850089;
	core_regs[VREG_EFER] = 0xd01;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		expected[i] = get(known[i]);
	for (unsigned int n = 0; n < 2000; n++) {
		size_t i = core_random() % ARRAY_LEN(known);

		assert_true(get(known[i]) == expected[i]);
		if (n % 5 == 0)
			core_expect_fault(read_msr(known[i] + 0x1000, &value), EXC_GP, 0);
	}
}

static void test_constants(void **state)
{
	static const uint32_t fixed[] = { 0x17, FEATURE_CONTROL, 0x179, 0xce };

	(void)state;
	assert_int_equal(get(0xce), 23 << 8);	/* 2.39 GHz over a bus of 100 MHz */
	assert_int_equal(get(FEATURE_CONTROL), 1);	/* locked, VMX off */
	assert_int_equal(get(0x17), 0);
	assert_int_equal(get(0x179), 0);
	assert_true(get(0x8b) != 0);	/* a microcode revision: some systems refuse 0 */
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		refuse(fixed[i], 0);
		refuse(fixed[i], 5);
		refuse(fixed[i], get(fixed[i]));
	}
	put(0x8b, 0);	/* as the SDM has it before CPUID is asked for the revision */
	put(0x79, 0x12345678);
	put(0x17a, 0);
	assert_int_equal(core.account.unknown_msrs, 0);
}

/* The APIC's own are its business: they reach it, and its refusal is #GP. */
static void test_apic(void **state)
{
	static const uint32_t msrs[] = { APIC_BASE, 0x6e0, 0x800, 0x80b, 0x83f, 0x8ff };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(msrs); i++) {
		put(msrs[i], 0x1234567800000000 | i);
		assert_int_equal(core_apic_asked, msrs[i]);
		assert_true(get(msrs[i]) == (0x1234567800000000 | i));
		core_expect_fault(write_msr(msrs[i], 1ull << 63), EXC_GP, 0);
	}
	assert_int_equal(core.account.unknown_msrs, 0);
}

static void test_mtrrs(void **state)
{
	uint64_t value;

	(void)state;
	mtrr_reset(&core.mtrr);
	assert_int_equal(get(0xfe), 0x508);	/* eight ranges, fixed ones, WC */
	refuse(0xfe, 0x508);
	assert_int_equal(get(0x2ff), 0);
	put(0x2ff, 0xc06);
	refuse(0x2ff, 0xc02);
	refuse(0x2ff, 0x1c06);
	assert_int_equal(get(0x2ff), 0xc06);
	put(0x250, 0x0605040100060606);
	refuse(0x250, 0x0306060606060606);
	refuse(0x26f, 0x0606060606060607);
	assert_true(get(0x250) == 0x0605040100060606);
	put(0x20f, 0xfff0000800);
	refuse(0x20f, 0x10000000800);	/* beyond 40 bits */
	refuse(0x20f, 0xfff0000400);
	put(0x20e, 0xff00000001);
	refuse(0x20e, 0xff00000002);
	refuse(0x20e, 0x10000000000);
	assert_true(get(0x20f) == 0xfff0000800 && get(0x20e) == 0xff00000001);
	core_expect_fault(read_msr(0x210, &value), EXC_GP, 0);
	mtrr_firmware(&core.mtrr, 40);
	assert_int_equal(get(0x2ff), 0xc06);
	assert_true(get(0x259) == 0 && get(0x258) == 0x0606060606060606 && get(0x268) == 0x0606060606060606);
	assert_true(get(0x200) == 0xc0000000 && get(0x201) == 0xffc0000800);
}

static void test_tsc(void **state)
{
	(void)state;
	core_tsc = 1000000;
	core_regs[VREG_TSC_OFFSET] = (uint64_t)-400000;
	assert_int_equal(get(TSC), 600000);
	assert_int_equal(get(TSC_ADJUST), 0);

	core_tsc_moves = 0;
	put(TSC, 650000);	/* moves TSC_ADJUST by as much */
	assert_int_equal(core_tsc_moves, 1);
	assert_int_equal(get(TSC), 650000);
	assert_int_equal(get(TSC_ADJUST), 50000);
	core_tsc += 77;
	assert_int_equal(get(TSC), 650077);

	put(TSC_ADJUST, 0);	/* and back */
	assert_int_equal(get(TSC), 600077);
	put(TSC_ADJUST, (uint64_t)-1000);
	assert_int_equal(get(TSC), 599077);
	assert_true(get(TSC_ADJUST) == (uint64_t)-1000);

	put(TSC, 0);
	assert_int_equal(get(TSC), 0);
	assert_true(get(TSC_ADJUST) == (uint64_t)-600077);
	put(TSC, UINT64_MAX);
	assert_true(get(TSC) == UINT64_MAX);
	core_tsc++;
	assert_int_equal(get(TSC), 0);
}

/* OPTION TSC: the offset is added to what has been scaled, and the ratio MSR tells the guest's rate. */
static void test_tsc_scaled(void **state)
{
	(void)state;
	core.tsc_multiplier = 3 * TSC_SAME_RATE / 2;
	core.tsc_hz = 3600000000u;
	core_tsc = 1000000;
	core_regs[VREG_TSC_OFFSET] = (uint64_t)-1500000;
	assert_int_equal(get(TSC), 0);
	core_tsc += 1000;
	assert_int_equal(get(TSC), 1500);
	put(TSC, 70000);
	assert_int_equal(get(TSC), 70000);
	assert_int_equal(get(TSC_ADJUST), 68500);
	put(TSC_ADJUST, 0);
	assert_int_equal(get(TSC), 1500);
	assert_int_equal(get(PLATFORM_INFO), 36u << 8);
}

/*
 * SDM, "Time-Stamp Counter Adjustment": whatever is written, the TSC less TSC_ADJUST goes on as if nothing had been.
 * The real TSC runs on while the monitor works.
 */
static void test_tsc_runs_on(void **state)
{
	uint64_t invariant;

	(void)state;
	core_tsc_step = 13;
	core_regs[VREG_TSC_OFFSET] = 0x1234567;
	invariant = core_regs[VREG_TSC_OFFSET] - core.tsc_adjust;
	for (unsigned int i = 0; i < 1000; i++) {
		put(core_random() & 1 ? TSC : TSC_ADJUST, core_random());
		assert_true(core_regs[VREG_TSC_OFFSET] - core.tsc_adjust == invariant);
	}
}

static void test_misc_enable(void **state)
{
	(void)state;
	core.misc_enable = 0x850088;
	assert_int_equal(get(MISC_ENABLE), 0x850088);
	put(MISC_ENABLE, 0x850089);
	assert_int_equal(get(MISC_ENABLE), 0x850089);
	put(MISC_ENABLE, 0x850088);
	for (unsigned int bit = 1; bit < 64; bit++)
		refuse(MISC_ENABLE, 0x850088 ^ 1ull << bit);
	assert_int_equal(get(MISC_ENABLE), 0x850088);
}

static void test_debugctl(void **state)
{
	(void)state;
	put(DEBUGCTL, 3);
	assert_int_equal(get(DEBUGCTL), 2);	/* no last-branch records here */
	put(DEBUGCTL, 0);
	assert_int_equal(core_regs[VREG_DEBUGCTL], 0);
	for (unsigned int bit = 2; bit < 64; bit++)
		refuse(DEBUGCTL, 1ull << bit);
}

static void test_efer(void **state)
{
	(void)state;
	put(EFER, 0x901);
	assert_int_equal(core_regs[VREG_EFER] & ~0x400ull, 0x901);
	for (unsigned int bit = 0; bit < 64; bit++) {
		bool defined = bit == 0 || bit == 8 || bit == 10 || bit == 11;

		if (!defined)
			refuse(EFER, 1ull << bit);
		else
			put(EFER, 1ull << bit);
	}
	put(EFER, 0x400);	/* LMA is read only: written, it changes nothing */
	assert_int_equal(core_regs[VREG_EFER] & 0x400, 0);

	core_regs[VREG_CR0] = CR0_PE_PG;	/* LME does not move while paging is on */
	core_regs[VREG_EFER] = 0;
	refuse(EFER, 0x100);
	put(EFER, 0x801);
	core_regs[VREG_EFER] = 0xd01;
	refuse(EFER, 0x801);
	refuse(EFER, 0);
	assert_int_equal(get(EFER), 0xd01);
	put(EFER, 0xd01);
	put(EFER, 0x901);	/* LMA left out is not an attempt to leave long mode */
	put(EFER, 0x500);
	assert_int_equal(core_regs[VREG_EFER] & 0x901, 0x100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_which), TEST(test_any_order), TEST(test_constants), TEST(test_apic), TEST(test_mtrrs),
		TEST(test_tsc), TEST(test_tsc_runs_on), TEST(test_tsc_scaled),
		TEST(test_misc_enable), TEST(test_debugctl), TEST(test_efer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
