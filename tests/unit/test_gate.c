/* Tests the capability gate on snapshots of real and emulated machines, and on machines with one thing missing.
 * Part: unit tests, on the host.
 * UNIT: arch/x86/vmx/gate.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/vmx/gate.h"
#include "arch/x86/vmx/vmcs.h"

/* What Bochs 2.7 shows for its processors: may-be-1 words; the must-be-1 words are the same for all. */
struct model {
	const char *name;
	uint32_t revision, pin, proc, proc2, exit, entry;
	uint64_t ept_vpid, misc;
};

#define MUST_PIN 0x16u
#define MUST_PROC 0x04006172u
#define MUST_EXIT 0x00036dfbu
#define MUST_ENTRY 0x000011fbu

enum { GENERIC, PENRYN, LYNNFIELD, ARRANDALE, SANDY_BRIDGE, IVY_BRIDGE, HASWELL, BROADWELL, SKYLAKE_X, CANNON_LAKE,
       ICELAKE, TIGERLAKE, MODELS };

static const struct model models[MODELS] = {
	{ "bx_generic", 0x2b, 0x3f, 0xf7f9fffe, 0x49, 0x3efff, 0x1fff, 0, 0x401e0 },
	{ "penryn", 0x2b, 0x3f, 0xf7f9fffe, 0x41, 0x3ffff, 0x3fff, 0, 0x401e0 },
	{ "lynnfield", 0x2b, 0x7f, 0xf7f9fffe, 0x7f, 0x7fffff, 0xffff, 0xf0106114141, 0x401e0 },
	{ "arrandale", 0x2b, 0x7f, 0xf7f9fffe, 0xff, 0x7fffff, 0xffff, 0xf0106114141, 0x401e0 },
	{ "sandy bridge", 0x2b, 0x7f, 0xf7f9fffe, 0xff, 0x7fffff, 0xffff, 0xf0106114141, 0x401e0 },
	{ "ivy bridge", 0x2b, 0x7f, 0xf7f9fffe, 0x8ff, 0x7fffff, 0xffff, 0xf0106114141, 0x401e0 },
	{ "haswell", 0x2b, 0x7f, 0xf7f9fffe, 0x47fff, 0x7fffff, 0xffff, 0xf0106334141, 0x200401e0 },
	{ "broadwell", 0x2b, 0x7f, 0xf7f9fffe, 0x57fff, 0x7fffff, 0xffff, 0xf0106334141, 0x200401e0 },
	{ "skylake x", 0x2b, 0x7f, 0xf7f9fffe, 0x2177fff, 0x7fffff, 0xffff, 0xf0106334141, 0x600401e0 },
	{ "cannon lake", 0x2b, 0x7f, 0xf7f9fffe, 0x2157cff, 0x7fffff, 0xffff, 0xf0106334141, 0x600401e0 },
	{ "icelake", 0x04, 0x7f, 0xfff9fffe, 0x2977fff, 0x7fffff, 0xffff, 0xf0106334141, 0x600401e0 },
	{ "tigerlake", 0x04, 0x7f, 0xfff9fffe, 0x2977fff, 0x107fffff, 0x10ffff, 0xf0106b34141, 0x600401e0 },
};

static struct gate_report report;
static struct vmx_capabilities caps;

static uint64_t word(uint32_t may, uint32_t must)
{
	return (uint64_t)may << 32 | must;
}

static struct vmx_snapshot snapshot(unsigned int which)
{
	const struct model *m = &models[which];

	return (struct vmx_snapshot){
		.vendor = "GenuineIntel", .cpuid_vmx = true, .feature_control_readable = true,
		.basic = 0x00d8100000000000ull | m->revision,
		.pin = word(m->pin, MUST_PIN), .proc = word(m->proc, MUST_PROC), .proc2 = word(m->proc2, 0),
		.exit = word(m->exit, MUST_EXIT), .entry = word(m->entry, MUST_ENTRY),
		.ept_vpid = m->ept_vpid, .misc = m->misc,
		.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff, .cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3727ff,
	};
}

static bool said(const char *what)
{
	for (uint32_t i = 0; i < report.count; i++)
		if (strstr(report.missing[i].what, what))
			return true;
	return false;
}

static void judge(const struct vmx_snapshot *s)
{
	struct vmx_capabilities poison;

	memset(&poison, 0x5a, sizeof(poison));
	caps = poison;
	memset(&report, 0x5a, sizeof(report));
	gate_judge(s, &caps, &report);
	assert_true(report.count <= GATE_FINDINGS);
	for (uint32_t i = 0; i < report.count; i++) {
		assert_true(strlen(report.missing[i].what) > 3);
		assert_true(strlen(report.missing[i].advice) > 10);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(report.missing[k].what, report.missing[i].what);
	}
	if (report.count != 0)	/* nothing half done that could be used */
		assert_memory_equal(&caps, &poison, sizeof(caps));
}

static void check_word(uint32_t granted, uint64_t capability)
{
	assert_int_equal(granted & (uint32_t)capability, (uint32_t)capability);	/* must be 1 */
	assert_int_equal(granted & ~(uint32_t)(capability >> 32), 0);		/* may be 1 */
}

static void check_words(const struct vmx_snapshot *s)
{
	check_word(caps.pin, s->pin);
	check_word(caps.proc, s->proc);
	check_word(caps.proc2, s->proc2);
	check_word(caps.exit, s->exit);
	check_word(caps.entry, s->entry);
}

static void test_models_that_do(void **state)
{
	(void)state;
	for (unsigned int i = ARRANDALE; i < MODELS; i++) {
		struct vmx_snapshot s = snapshot(i);

		judge(&s);
		assert_int_equal(report.count, 0);
		check_words(&s);
		assert_int_equal(caps.revision, models[i].revision);
		assert_true(caps.preemption_timer && caps.virtual_nmi && caps.vpid && caps.page_2m);
		assert_int_equal(caps.preemption_shift, 0);
		assert_int_equal(caps.page_1g, i >= HASWELL);
		assert_int_equal(caps.ept_ad, i >= HASWELL);
		assert_int_equal(caps.invpcid, i >= HASWELL);
		assert_int_equal(caps.rdtscp, (models[i].proc2 & PROC2_RDTSCP) != 0);
		assert_int_equal(caps.tsc_scaling, (models[i].proc2 & PROC2_TSC_SCALING) != 0);
		assert_int_equal(caps.proc & (PROC_CR3_LOAD | PROC_CR3_STORE | PROC_INVLPG | PROC_RDTSC), 0);
		assert_true(caps.proc2 & PROC2_VPID);
		assert_true(caps.cr0_fixed0 == s.cr0_fixed0 && caps.cr0_fixed1 == s.cr0_fixed1);
		assert_true(caps.cr4_fixed0 == s.cr4_fixed0 && caps.cr4_fixed1 == s.cr4_fixed1);
		assert_true(caps.ept_vpid == s.ept_vpid);
		/* what changes what a guest sees without having been asked for */
		assert_int_equal(caps.proc2 & ~(PROC2_APIC_ACCESSES | PROC2_X2APIC_MODE | PROC2_APIC_REGISTERS |
						PROC2_VIRTUAL_INTERRUPTS | PROC2_EPT | PROC2_RDTSCP | PROC2_VPID | PROC2_WBINVD |
						PROC2_UNRESTRICTED_GUEST | PROC2_INVPCID | PROC2_TSC_SCALING), 0);
		assert_int_equal(caps.entry & ENTRY_IA32E, 0);
		/* APIC virtualization, each step on the one before */
		assert_true(caps.tpr_shadow);
		assert_int_equal(caps.apic_registers, i >= HASWELL && i != CANNON_LAKE);
		assert_int_equal(caps.virtual_interrupts, caps.apic_registers);
		assert_int_equal(caps.x2apic_registers, caps.apic_registers);
		assert_int_equal((caps.proc2 & PROC2_APIC_ACCESSES) != 0, caps.apic_registers);
	}
}

/* Every finding of an old machine at once. */
static void test_models_too_old(void **state)
{
	static const unsigned int oldest[] = { GENERIC, PENRYN };
	static const char *const expected[] = { "EPT", "unrestricted guest", "save IA32_PAT", "load IA32_PAT (exit)",
						"save IA32_EFER", "load IA32_EFER (exit)", "load IA32_PAT (entry)",
						"load IA32_EFER (entry)" };
	struct vmx_snapshot s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(oldest); i++) {
		s = snapshot(oldest[i]);
		judge(&s);
		assert_int_equal(report.count, ARRAY_LEN(expected));
		for (size_t k = 0; k < ARRAY_LEN(expected); k++)
			assert_true(said(expected[k]));
		assert_non_null(strstr(report.missing[0].advice, "too old"));
	}
	s = snapshot(LYNNFIELD);
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("unrestricted guest"));
	s.hypervisor = true;	/* a virtual machine of that model: the advice is another */
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_non_null(strstr(report.missing[0].advice, "nested"));
}

static void test_no_vmx(void **state)
{
	struct vmx_snapshot s = { .vendor = "AuthenticAMD" };

	(void)state;
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("VT-x"));
	assert_non_null(strstr(report.missing[0].advice, "no Intel VT-x"));
	assert_non_null(strstr(report.missing[0].advice, "bochs"));
	s.hypervisor = true;
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("virtual machine"));
	assert_non_null(strstr(report.missing[0].advice, "nested"));
	assert_non_null(strstr(report.missing[0].advice, "bochs"));
}

static void test_feature_control(void **state)
{
	struct vmx_snapshot s = snapshot(BROADWELL);

	(void)state;
	s.feature_control_readable = false;
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("IA32_FEATURE_CONTROL"));

	s.feature_control_readable = true;
	for (uint64_t value = 0; value < 8; value++) {
		bool off = (value & FEATURE_CONTROL_LOCK) && !(value & FEATURE_CONTROL_VMXON);

		s.feature_control = value;
		judge(&s);
		assert_int_equal(report.count, off ? 1 : 0);
		assert_int_equal(said("locked"), off);
		if (off)
			assert_non_null(strstr(report.missing[0].advice, "firmware"));
	}
	/* Off, and too old: both are said, before somebody goes into the set-up for nothing. */
	s = snapshot(LYNNFIELD);
	s.feature_control = FEATURE_CONTROL_LOCK;
	judge(&s);
	assert_int_equal(report.count, 2);
	assert_true(said("locked") && said("unrestricted guest"));
}

struct need {
	size_t word;
	uint32_t bit;
	bool required;
};

#define IN(field) offsetof(struct vmx_snapshot, field)

/* What the back end uses, from the SDM's names; the gate must know each. */
static const struct need needs[] = {
	{ IN(pin), PIN_EXTERNAL_INTERRUPT, true }, { IN(pin), PIN_NMI, true },
	{ IN(pin), PIN_VIRTUAL_NMI, false }, { IN(pin), PIN_PREEMPTION_TIMER, false },
	{ IN(proc), PROC_TSC_OFFSETTING, true }, { IN(proc), PROC_HLT, true }, { IN(proc), PROC_MWAIT, true },
	{ IN(proc), PROC_MONITOR, true }, { IN(proc), PROC_RDPMC, true }, { IN(proc), PROC_CR8_LOAD, true },
	{ IN(proc), PROC_CR8_STORE, true }, { IN(proc), PROC_IO_BITMAPS, true }, { IN(proc), PROC_MSR_BITMAPS, true },
	{ IN(proc), PROC_SECONDARY, true },
	{ IN(proc2), PROC2_EPT, true }, { IN(proc2), PROC2_UNRESTRICTED_GUEST, true }, { IN(proc2), PROC2_VPID, false },
	{ IN(proc2), PROC2_RDTSCP, false }, { IN(proc2), PROC2_WBINVD, false }, { IN(proc2), PROC2_INVPCID, false },
	{ IN(proc2), PROC2_TSC_SCALING, false },
	{ IN(exit), EXIT_SAVE_DEBUG, true }, { IN(exit), EXIT_HOST_64BIT, true }, { IN(exit), EXIT_ACK_INTERRUPT, true },
	{ IN(exit), EXIT_SAVE_PAT, true }, { IN(exit), EXIT_LOAD_PAT, true }, { IN(exit), EXIT_SAVE_EFER, true },
	{ IN(exit), EXIT_LOAD_EFER, true },
	{ IN(entry), ENTRY_LOAD_DEBUG, true }, { IN(entry), ENTRY_LOAD_PAT, true }, { IN(entry), ENTRY_LOAD_EFER, true },
};

static uint64_t *word_at(struct vmx_snapshot *s, size_t offset)
{
	return (uint64_t *)(void *)((char *)s + offset);
}

static void take_away(struct vmx_snapshot *s, const struct need *n)
{
	*word_at(s, n->word) &= ~((uint64_t)n->bit << 32 | n->bit);
}

static void test_one_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		struct vmx_snapshot s = snapshot(SKYLAKE_X);

		take_away(&s, &needs[i]);
		judge(&s);
		assert_int_equal(report.count, needs[i].required ? 1 : 0);
		if (!needs[i].required)
			check_words(&s);
	}
}

/* The back end asks for an exit when interrupts open: without that control an interrupt would wait for ever. */
static void test_interrupt_window(void **state)
{
	struct vmx_snapshot s = snapshot(SKYLAKE_X);

	(void)state;
	s.proc &= ~((uint64_t)PROC_INTERRUPT_WINDOW << 32);
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("interrupt-window"));
}

static void test_options_missing(void **state)
{
	struct vmx_snapshot s = snapshot(SKYLAKE_X);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (!needs[i].required)
			take_away(&s, &needs[i]);
	s.ept_vpid &= ~(EPT_CAP_1G | EPT_CAP_2M | EPT_CAP_AD);
	s.misc |= 5;
	judge(&s);
	assert_int_equal(report.count, 0);
	assert_false(caps.preemption_timer || caps.vpid || caps.virtual_nmi || caps.invpcid || caps.rdtscp);
	assert_false(caps.page_1g || caps.page_2m || caps.ept_ad);
	assert_int_equal(caps.preemption_shift, 5);
	assert_int_equal(caps.proc2 & PROC2_VPID, 0);
	check_words(&s);
}

/* A VPID that cannot be cleared is not used. */
static void test_vpid_needs_invvpid(void **state)
{
	struct vmx_snapshot s = snapshot(SKYLAKE_X);

	(void)state;
	s.ept_vpid &= ~VPID_CAP_INVVPID;
	judge(&s);
	assert_int_equal(report.count, 0);
	assert_false(caps.vpid || (caps.proc2 & PROC2_VPID));
	s = snapshot(SKYLAKE_X);
	s.ept_vpid &= ~(VPID_CAP_SINGLE | VPID_CAP_ALL);
	judge(&s);
	assert_false(caps.vpid || (caps.proc2 & PROC2_VPID));
	s.ept_vpid |= VPID_CAP_ALL;
	judge(&s);
	assert_true(caps.vpid && (caps.proc2 & PROC2_VPID));
}

static void test_ept_capabilities(void **state)
{
	static const struct { uint64_t gone; const char *what; } cases[] = {
		{ EPT_CAP_WALK_4, "page-walk length 4" }, { EPT_CAP_WB, "WB" }, { EPT_CAP_INVEPT, "INVEPT" },
		{ EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL, "INVEPT" },
	};
	struct vmx_snapshot s = snapshot(SKYLAKE_X);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		s = snapshot(SKYLAKE_X);
		s.ept_vpid &= ~cases[i].gone;
		judge(&s);
		assert_int_equal(report.count, 1);
		assert_true(said(cases[i].what));
	}
	s.ept_vpid = 0;
	judge(&s);
	assert_int_equal(report.count, 3);
	s = snapshot(SKYLAKE_X);
	s.proc |= PROC_CR3_LOAD;	/* no TRUE controls: these exits could not be switched off */
	judge(&s);
	assert_int_equal(report.count, 1);
	assert_true(said("CR3"));
}

/* All together: what is missing is said in one go, however much it is. */
static void test_everything_missing(void **state)
{
	struct vmx_snapshot s = snapshot(SKYLAKE_X);
	uint32_t required = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (needs[i].required && !(needs[i].word == IN(proc2) && needs[i].bit == PROC2_EPT)) {
			take_away(&s, &needs[i]);
			required++;
		}
	s.ept_vpid = 0;
	s.feature_control = FEATURE_CONTROL_LOCK;
	judge(&s);
	assert_int_equal(report.count, required + 3 + 1);
}

/* Any machine: a word that is granted never breaks the machine's rules. */
static void test_any_machine(void **state)
{
	uint64_t seed = 12345;
	unsigned int granted = 0;

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		struct vmx_snapshot s = snapshot(SKYLAKE_X);

		for (size_t k = 0; k < 5; k++) {
			static const size_t words[] = { IN(pin), IN(proc), IN(proc2), IN(exit), IN(entry) };
			uint64_t *w = word_at(&s, words[k]);
			uint32_t must = 0, may;

			for (unsigned int n = 0; n < 3; n++) {
				seed = seed * 6364136223846793005ull + 1442695040888963407ull;
				must = n ? must & (uint32_t)(seed >> 32) : (uint32_t)(seed >> 32);
			}
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			/* usually all that is required may be, so that many get through */
			may = (uint32_t)(*w >> 32) | (uint32_t)(seed >> 32) | must;
			if (i % 3 == 0)
				may &= ~(1u << (seed >> 20 & 31)) | must;
			*w = word(may, must);
		}
		judge(&s);
		if (report.count == 0) {
			check_words(&s);
			assert_int_equal(caps.preemption_timer, (caps.pin & PIN_PREEMPTION_TIMER) != 0);
			granted++;
		}
	}
	assert_true(granted > 10000);
}

/* What the operator gives up for a trial is given up everywhere at once, and nothing else is. */
static void test_without(void **state)
{
	static const struct { const char *words, *answer; bool timer, vpid, page_1g, page_2m, kept_scaling; } cases[] = {
		{ "", NULL, true, true, true, true, true },
		{ "timer", NULL, false, true, true, true, true },
		{ "vpid", NULL, true, false, true, true, true },
		{ "1g", NULL, true, true, false, true, true },
		{ "2m", NULL, true, true, false, false, true },
		{ "1g,timer,vpid", NULL, false, false, false, true, true },
		{ "timer,vpid,2m", NULL, false, false, false, false, true },
		{ "ept", "ept", true, true, true, true, true },
		{ "timers", "timers", true, true, true, true, true },
		{ "time", "time", true, true, true, true, true },
		{ "vpid,smp,timer", "smp,timer", true, false, true, true, true },
		{ "vpid,", NULL, true, false, true, true, true },
		{ ",vpid", ",vpid", true, true, true, true, true },
			{ "scale", NULL, true, true, true, true, false },
		{ "scaled", "scaled", true, true, true, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vmx_snapshot s = snapshot(SKYLAKE_X);
		struct vmx_capabilities before;
		const char *answer;

		judge(&s);
		before = caps;
		answer = gate_without(&caps, cases[i].words);
		if (cases[i].answer == NULL)
			assert_null(answer);
		else
			assert_string_equal(answer, cases[i].answer);
		assert_int_equal(caps.preemption_timer, cases[i].timer);
		assert_int_equal(caps.vpid, cases[i].vpid);
		assert_int_equal(caps.tsc_scaling, cases[i].kept_scaling);
		assert_int_equal((caps.proc2 & PROC2_TSC_SCALING) != 0, cases[i].kept_scaling);
		assert_int_equal(caps.page_1g, cases[i].page_1g);
		assert_int_equal(caps.page_2m, cases[i].page_2m);
		assert_int_equal(caps.pin, before.pin & ~(cases[i].timer ? 0 : PIN_PREEMPTION_TIMER));
		assert_int_equal(caps.proc2, before.proc2 & ~((cases[i].vpid ? 0 : PROC2_VPID) | (cases[i].kept_scaling ? 0 : PROC2_TSC_SCALING)));
		assert_int_equal(caps.proc, before.proc);
		check_words(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models_that_do), cmocka_unit_test(test_models_too_old), cmocka_unit_test(test_no_vmx),
		cmocka_unit_test(test_feature_control), cmocka_unit_test(test_one_missing),
		cmocka_unit_test(test_interrupt_window), cmocka_unit_test(test_options_missing),
		cmocka_unit_test(test_vpid_needs_invvpid), cmocka_unit_test(test_ept_capabilities),
		cmocka_unit_test(test_everything_missing), cmocka_unit_test(test_any_machine),
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
