/* Tests the dispatcher's routing table, and that docs/exits.md says what the table says.
 * Part: unit tests, on the host. UPDATE_DOCS=1 in the environment writes docs/exits.md anew.
 * UNIT: vmm/dispatcher.c vmm/machine/event.c arch/x86/vmx/exit.c lib/printf.c lib/string.c
 */
#include "tests/unit/dispatcher_fake.h"

static void test_every_kind_has_a_route(void **state)
{
	(void)state;
	for (enum exit_kind kind = 0; kind < EXIT_KINDS; kind++) {
		const struct exit_route *r = dispatcher_route(kind);

		assert_non_null(r->name);
		assert_non_null(r->routine);
		assert_non_null(r->what);
		assert_in_range(strlen(r->name), 2, 8);
		assert_true(strlen(r->what) > 2);
		assert_in_range(r->to, R_NONE, R_REFLECT);
		assert_non_null(dispatcher_to_name(r->to));
		for (const char *c = r->name; *c; c++)
			assert_true((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'));
		for (enum exit_kind k = 0; k < kind; k++)
			assert_string_not_equal(dispatcher_route(k)->name, r->name);
		assert_true(strlen(exit_kind_name(kind)) >= 3);
		if (kind != EXIT_UNKNOWN)
			assert_string_not_equal(exit_kind_name(kind), "unknown reason");
	}
}

/* Unknown never means continue. */
static void test_nobodys(void **state)
{
	unsigned int nobodys = 0;

	for (enum exit_kind kind = 0; kind < EXIT_KINDS; kind++) {
		const struct exit_route *r = dispatcher_route(kind);
		struct vm_exit e = { .kind = kind, .raw_reason = 0x1234abcd, .rip = 0x7777 };

		setup(state);
		if (r->to != R_NONE)
			continue;
		nobodys++;
		assert_int_equal(r->routine(&core, &e), V_CRASH);
		assert_int_equal(core.state, VM_ENDED);
		assert_non_null(strstr(core.why, "1234ABCD"));
		assert_non_null(strstr(core.why, exit_kind_name(kind)));
		assert_non_null(strstr(core.why, "7777"));
	}
	assert_true(nobodys >= 10);
	assert_int_equal(dispatcher_route(EXIT_UNKNOWN)->to, R_NONE);
}

static void test_reflected(void **state)
{
	static const enum exit_kind undefined[] = { EXIT_GETSEC, EXIT_RSM, EXIT_VMX_INSTRUCTION, EXIT_MWAIT, EXIT_MONITOR,
						    EXIT_VMFUNC, EXIT_ENCLS, EXIT_XSAVES, EXIT_XRSTORS };
	struct vm_exit e = { .insn_len = 3 };
	unsigned int reflected = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(undefined); i++) {
		assert_int_equal(dispatcher_route(undefined[i])->to, R_REFLECT);
		core_expect_fault(dispatcher_route(undefined[i])->routine(&core, &e), EXC_UD, -1);
	}
	assert_int_equal(dispatcher_route(EXIT_RDPMC)->to, R_REFLECT);
	core_expect_fault(dispatcher_route(EXIT_RDPMC)->routine(&core, &e), EXC_GP, 0);
	for (enum exit_kind kind = 0; kind < EXIT_KINDS; kind++)
		reflected += dispatcher_route(kind)->to == R_REFLECT;
	assert_int_equal(reflected, ARRAY_LEN(undefined) + 1);
}

static void test_routines(void **state)
{
	static const struct { enum exit_kind kind; enum exit_to to; const char *name; } expected[] = {
		{ EXIT_EXCEPTION, R_INTERPRETER, "interpret_exception" }, { EXIT_CPUID, R_INTERPRETER, "interpret_cpuid" },
		{ EXIT_HLT, R_INTERPRETER, "interpret_hlt" }, { EXIT_INVD, R_INTERPRETER, "interpret_cache" },
		{ EXIT_WBINVD, R_INTERPRETER, "interpret_cache" }, { EXIT_RDTSC, R_INTERPRETER, "interpret_rdtsc" },
		{ EXIT_RDTSCP, R_INTERPRETER, "interpret_rdtsc" }, { EXIT_VMCALL, R_INTERPRETER, "interpret_vmcall" },
		{ EXIT_CR, R_INTERPRETER, "interpret_cr" }, { EXIT_DR, R_INTERPRETER, "interpret_dr" },
		{ EXIT_IO, R_INTERPRETER, "interpret_io" }, { EXIT_RDMSR, R_INTERPRETER, "interpret_rdmsr" },
		{ EXIT_WRMSR, R_INTERPRETER, "interpret_wrmsr" }, { EXIT_XSETBV, R_INTERPRETER, "interpret_xsetbv" },
		{ EXIT_TASK_SWITCH, R_INTERPRETER, "interpret_task_switch" }, { EXIT_STORAGE, R_ALLOCATOR, "memory_trap" },
	};
	struct vm_exit e = { .insn_len = 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct exit_route *r = dispatcher_route(expected[i].kind);

		assert_int_equal(r->to, expected[i].to);
		called = "";
		answer = (enum verdict)(i % 6);
		assert_int_equal(r->routine(&core, &e), i % 6);	/* its verdict passes through */
		assert_string_equal(called, expected[i].name);
	}
}

static void test_own_routines(void **state)
{
	static const enum exit_kind ending[] = { EXIT_TRIPLE_FAULT, EXIT_BAD_GUEST_STATE, EXIT_BAD_MSR_LOAD,
						 EXIT_STORAGE_MISMAP };
	static const enum exit_kind windows[] = { EXIT_INTERRUPT_WINDOW, EXIT_NMI_WINDOW };
	struct vm_exit e = { .insn_len = 2, .rip = 0x4242 };

	for (size_t i = 0; i < ARRAY_LEN(ending); i++) {
		setup(state);
		e.kind = ending[i];
		e.bad_state.rule = ending[i] == EXIT_BAD_GUEST_STATE ? "CS IS BAD" : NULL;
		assert_int_equal(dispatcher_route(ending[i])->routine(&core, &e), V_CRASH);
		assert_int_equal(core.state, VM_ENDED);
		assert_true(strlen(core.why) > 20);
		if (ending[i] == EXIT_BAD_GUEST_STATE)
			assert_non_null(strstr(core.why, "CS IS BAD"));
	}
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		setup(state);
		assert_int_equal(dispatcher_route(windows[i])->routine(&core, &e), V_RESUME);
		assert_true(core.work & VM_WORK_EVENT);
	}
	setup(state);
	core_blocking = BLOCKING_BY_NMI | BLOCKING_BY_STI;
	assert_int_equal(dispatcher_route(EXIT_NMI)->routine(&core, &e), V_RESUME);
	assert_int_equal(core_blocking, BLOCKING_BY_STI);
	assert_int_equal(nmis_taken, 1);
	assert_int_equal(dispatcher_route(EXIT_TIME)->to, R_ALLOCATOR);
	assert_int_equal(dispatcher_route(EXIT_TIME)->routine(&core, &e), V_RESUME);
}

#define PAGE "docs/exits.md"

static const char heading[] =
	"# Exits\n"
	"\n"
	"Every trap of a guest arrives at the dispatcher, which looks it up in one table (`routes` in `vmm/dispatcher.c`).\n"
	"This page is that table, one row for each kind of exit, in the order of the SDM's appendix \"VMX Basic Exit\n"
	"Reasons\". A unit test compares the two (`tests/unit/test_exits.c`; with `UPDATE_DOCS=1` it writes this page).\n"
	"\n"
	"| by | who handles it |\n"
	"| --- | --- |\n"
	"| D | the dispatcher itself: the real machine's events, entry failures |\n"
	"| A | the allocator: a resource of the guest ends here (storage, processor time) |\n"
	"| v | an interpreter routine v_i: simulates one sensitive instruction |\n"
	"| reflect | the guest gets the exception that a processor without the feature raises |\n"
	"| none | nobody asked for such an exit: the guest is stopped with a dump, it never continues |\n"
	"\n"
	"| name | SDM | by | what is done |\n"
	"| --- | --- | --- | --- |\n";

static void print_page(char *to, size_t room)
{
	size_t n = (size_t)snprintf(to, room, "%s", heading);

	for (enum exit_kind kind = 0; kind < EXIT_KINDS; kind++) {
		const struct exit_route *r = dispatcher_route(kind);

		n += (size_t)snprintf(to + n, room - n, "| %s | %s | %s | %s |\n", r->name, exit_kind_name(kind),
				      dispatcher_to_name(r->to), r->what);
		assert_true(n < room);
	}
}

static void test_docs(void **state)
{
	static char expected[16384], found[16384];
	const char *update = getenv("UPDATE_DOCS");
	FILE *f;
	size_t n;

	(void)state;
	print_page(expected, sizeof(expected));
	if (update != NULL && strcmp(update, "1") == 0) {
		f = fopen(PAGE, "w");
		assert_non_null(f);
		assert_true(fputs(expected, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(PAGE, "r");
	n = f != NULL ? fread(found, 1, sizeof(found) - 1, f) : 0;
	found[n] = '\0';
	if (f != NULL)
		fclose(f);
	if (strcmp(found, expected) != 0) {
		/* cmocka's own print cuts long texts */
		fprintf(stderr, PAGE " is not what the routing table says (UPDATE_DOCS=1 rewrites it). Expected:\n%s", expected);
		fail();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_kind_has_a_route), TEST(test_nobodys), TEST(test_reflected), TEST(test_routines),
		TEST(test_own_routines), TEST(test_docs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
