/* Tests the dispatcher's loop with machines that follow a script: verdicts, events, slices, waiting, the trace.
 * Part: unit tests, on the host.
 * UNIT: vmm/dispatcher.c vmm/machine/event.c arch/x86/vmx/exit.c lib/printf.c lib/string.c
 */
#include "tests/unit/dispatcher_fake.h"

static void test_verdicts(void **state)
{
	static const struct step steps[] = {
		{ EXIT_CPUID, V_NEXT, 2, false, 50 }, { EXIT_IO, V_RESUME, 1, false, 50 },
		{ EXIT_IO, V_NEXT, 1, false, 50 }, { EXIT_RDMSR, V_NEXT, 15, false, 50 },
		{ EXIT_HLT, V_BLOCK, 1, false, 50 },
	};
	const struct trace_entry *t;

	(void)state;
	core_regs[VREG_RIP] = 0x1000;
	LOOP(steps, 1);
	assert_int_equal(entries, ARRAY_LEN(steps));
	assert_int_equal(core_regs[VREG_RIP], 0x1000 + 2 + 1 + 15 + 1);
	assert_int_equal(core_advances, 4);
	assert_int_equal(core.state, VM_WAITING);
	assert_int_equal(core.account.exits[EXIT_IO], 2);
	assert_int_equal(core.account.exits[EXIT_CPUID], 1);
	assert_true(core.account.guest_ticks >= 250 && core.account.guest_ticks < 250 + 5 * 30);
	assert_true(core.account.total_ticks > core.account.guest_ticks);
	for (uint32_t i = 0; (t = dispatcher_trace(i)) != NULL; i++)
		if (dispatcher_trace(i + 1) == NULL) {
			assert_int_equal(t->exit.kind, EXIT_HLT);
			assert_int_equal(t->verdict, V_BLOCK);
			assert_int_equal(dispatcher_trace(i - 1)->exit.kind, EXIT_RDMSR);
			assert_int_equal(dispatcher_trace(i - 3)->verdict, V_RESUME);
		}
}

/* A machine that has been stopped while its routine ran is not made to wait. */
static void test_verdicts_that_leave(void **state)
{
	static const enum verdict leaving[] = { V_YIELD, V_STOP, V_CRASH };

	for (size_t i = 0; i < ARRAY_LEN(leaving); i++) {
		const struct step step = { EXIT_VMCALL, leaving[i], 3, false, 50 };

		setup(state);
		loop(&step, 1, 1);
		assert_int_equal(entries, 1);
		assert_int_equal(core_advances, 0);
		assert_int_equal(services, 2);
		assert_int_equal(core.state, VM_RUNNABLE);	/* the routine says what becomes of it */
	}
}

static void test_real_interrupt(void **state)
{
	static const struct step steps[] = { { EXIT_INTERRUPT, V_NEXT, 0, false, 50 } };

	(void)state;
	LOOP(steps, 1);
	assert_int_equal(interrupts_taken, 1);
	assert_int_equal(interrupt_taken, 0xec);
	assert_int_equal(services, 2);	/* CP has its turn: a key may have been pressed */
	assert_int_equal(core_advances, 0);
}

/* An event that was being delivered is delivered again at the next entry, before the guest does anything. */
static void test_vectoring(void **state)
{
	static const struct step steps[] = { { EXIT_STORAGE, V_RESUME, 0, true, 50 }, { EXIT_CPUID, V_NEXT, 2, false, 50 },
					     { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	LOOP(steps, 1);
	assert_int_equal(injected_entries, 1);
	assert_int_equal(core.account.events, 1);
	assert_false(core.pending.requeued_valid);
	setup(state);
	loop(steps, 2, 1);
	assert_true(entered_with.valid);
	assert_int_equal(entered_with.vector, 0x31);
	assert_int_equal(entered_with.insn_len, 2);
}

/* An NMI whose delivery was interrupted gave way to an exception, whose delivery is interrupted too: it is not lost. */
static void test_vectoring_behind_an_nmi(void **state)
{
	static const struct step steps[] = { { EXIT_STORAGE, V_RESUME, 0, true, 50 }, { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	core.pending.requeued = (struct event){ .valid = true, .vector = EXC_NMI, .type = EVENT_NMI };
	core.pending.requeued_valid = true;
	core.pending.exception = (struct event){ .valid = true, .vector = EXC_UD, .type = EVENT_EXCEPTION };
	core.work = VM_WORK_EVENT;
	LOOP(steps, 1);
	assert_int_equal(injected_entries, 2);
	assert_int_equal(entered_with.vector, 0x31);
	assert_true(core.pending.nmi && core_nmi_window);
}

static void test_raised_exception_is_entered_with(void **state)
{
	static const struct step steps[] = { { EXIT_VMFUNC, V_RESUME, 3, false, 50 }, { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	core_regs[VREG_RIP] = 0x1000;
	LOOP(steps, 1);
	assert_true(entered_with.valid);
	assert_int_equal(entered_with.vector, EXC_UD);
	assert_int_equal(core_regs[VREG_RIP], 0x1002);	/* the fault does not move RIP, CPUID does */
}

static void test_triple_fault_ends(void **state)
{
	static const struct step steps[] = { { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	core.pending.requeued = (struct event){ .valid = true, .vector = EXC_DF, .type = EVENT_EXCEPTION };
	core.pending.requeued_valid = true;
	core.pending.exception = (struct event){ .valid = true, .vector = EXC_NP, .type = EVENT_EXCEPTION };
	core.work = VM_WORK_EVENT;
	LOOP(steps, 2);
	assert_int_equal(entries, 0);
	assert_int_equal(core.state, VM_ENDED);
	assert_non_null(strstr(core.why, "TRIPLE FAULT"));
	assert_true(idles >= 1);
}

static void test_triple_fault_resets(void **state)
{
	static const struct step steps[] = { { EXIT_TRIPLE_FAULT, V_RESUME, 0, false, 50 }, { EXIT_CPUID, V_NEXT, 2, false, 50 } };
	static const struct directory_user resets = { .userid = "RESETS", .triple_reset = true };

	(void)state;
	core.user = &resets;
	LOOP(steps, 1);
	assert_int_equal(ipls, 1);
	assert_int_equal(core.state, VM_RUNNABLE);
	assert_int_equal(core.account.exits[EXIT_CPUID], 1);	/* it runs again */
}

/* The same when CP finds it while it merges events. */
static void test_triple_fault_by_merge_resets(void **state)
{
	static const struct step steps[] = { { EXIT_CPUID, V_NEXT, 2, false, 50 } };
	static const struct directory_user resets = { .userid = "RESETS", .triple_reset = true };

	(void)state;
	core.user = &resets;
	core.pending.requeued = (struct event){ .valid = true, .vector = EXC_DF, .type = EVENT_EXCEPTION };
	core.pending.requeued_valid = true;
	core.pending.exception = (struct event){ .valid = true, .vector = EXC_NP, .type = EVENT_EXCEPTION };
	core.work = VM_WORK_EVENT;
	LOOP(steps, 2);
	assert_int_equal(ipls, 1);
	assert_int_equal(core.state, VM_RUNNABLE);
}

/* The slice ends after 20 ms of the machine's time at the latest; the processor is told so at the entry. */
static void test_slice(void **state)
{
	uint64_t start = core_tsc;

	(void)state;
	repeat_ticks = SLICE / 7;
	loop(NULL, 0, 1);
	assert_true(first_deadline >= start + SLICE && first_deadline < start + SLICE + 1000);
	assert_int_equal(entries, 7);
	assert_int_equal(services, 2);

	setup(state);		/* CP's errand cuts it short, but not below half a millisecond */
	repeat_ticks = WAKE / 2;
	service_due = core_tsc + SLICE / 4;
	loop(NULL, 0, 1);
	assert_true(last_deadline == service_due);
	setup(state);
	repeat_ticks = WAKE;
	service_due = core_tsc;
	start = core_tsc;
	loop(NULL, 0, 1);
	assert_true(first_deadline >= start + WAKE && first_deadline < start + WAKE + 1000);
	assert_int_equal(entries, 1);
}

/* It wakes another by what it does: its stay ends there, but not below half a millisecond. */
static void test_woken(void **state)
{
	static const struct step late[] = { { EXIT_CPUID, V_NEXT, 2, false, SLICE / 4 }, { EXIT_CPUID, V_NEXT, 2, false, 50 } };
	static const struct step early[] = { { EXIT_CPUID, V_NEXT, 2, false, 50 }, { EXIT_TIME, V_RESUME, 0, false, WAKE } };
	uint64_t start = core_tsc;

	(void)state;
	dispatcher_woken();	/* by CP: nobody runs */
	wakes_another = true;
	LOOP(late, 1);
	assert_int_equal(entries, 1);
	assert_int_equal(services, 2);

	setup(state);
	wakes_another = true;
	LOOP(early, 1);
	assert_int_equal(entries, 2);
	assert_true(last_deadline >= start + WAKE && last_deadline < start + WAKE + 1000);
	assert_int_equal(services, 2);
}

/* A device's deadline is met: the guest leaves for it, and its interrupt is entered with. */
static void test_deadline(void **state)
{
	static const struct step steps[] = { { EXIT_TIME, V_RESUME, 0, false, 2000 }, { EXIT_CPUID, V_NEXT, 2, false, 50 } };
	uint64_t due = core_tsc + 1000;

	(void)state;
	core_regs[VREG_RFLAGS] |= FLAGS_IF;
	core_pic_vector = 0x20;
	device_deadline = due;
	core.work = VM_WORK_DEADLINE;
	LOOP(steps, 1);
	assert_true(first_deadline == due);
	assert_int_equal(device_services, 1);
	assert_true(entered_with.valid);
	assert_int_equal(entered_with.vector, 0x20);
	assert_int_equal(entered_with.type, EVENT_INTERRUPT);
}

/* Waiting in HLT: nobody runs, the processor idles until the timer is due, and then the guest goes on. */
static void test_waiting(void **state)
{
	static const struct step steps[] = { { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	core_regs[VREG_RFLAGS] |= FLAGS_IF;
	core_pic_vector = 0x20;
	core.state = VM_WAITING;
	device_deadline = core_tsc + 350;
	core.work = VM_WORK_DEADLINE;
	LOOP(steps, 30);
	assert_true(idles >= 1 && idles < 10);
	assert_int_equal(device_services, 1);
	assert_int_equal(core.state, VM_RUNNABLE);
	assert_int_equal(entries, 1);
	assert_true(dispatcher_load()->idle_ticks >= 100);

	setup(state);			/* not before CP's own errand */
	core.state = VM_WAITING;
	core.deadline = core.device_deadline = device_deadline = core_tsc + 100000;
	service_due = core_tsc + 700;
	loop(NULL, 0, 1);
	assert_true(idle_until == service_due);
	setup(state);
	core.state = VM_STOPPED;
	loop(NULL, 0, 3);
	assert_int_equal(idles, 3);
	/* nothing is due: still not for ever, since a board may keep the interrupt of a key to itself */
	assert_true(idle_until <= core_tsc + cpu_tsc_hz() / 50);
	assert_int_equal(entries, 0);
}

static void test_reset(void **state)
{
	static const struct step steps[] = { { EXIT_CPUID, V_NEXT, 2, false, 50 } };

	(void)state;
	vm_kick(&core, VM_WORK_RESET);
	LOOP(steps, 1);
	assert_int_equal(ipls, 1);
	assert_false(core.work & VM_WORK_RESET);
	assert_true(entries >= 1);

	setup(state);			/* the file is gone */
	ipl_answer = -2;
	vm_kick(&core, VM_WORK_RESET);
	LOOP(steps, 2);
	assert_int_equal(entries, 0);
	assert_int_equal(core.state, VM_ENDED);
	assert_string_equal(core.why, "NO FILE");

	setup(state);			/* out of HLT as well */
	core.state = VM_WAITING;
	vm_kick(&core, VM_WORK_RESET);
	LOOP(steps, 2);
	assert_int_equal(ipls, 1);
}

/* Two machines that want all there is get about half each; one that has slept is not paid for the time. */
static void test_fair(void **state)
{
	uint64_t one, two;

	(void)state;
	table[5] = &other;
	other.state = VM_RUNNABLE;
	other.number = 5;
	other.deadline = other.device_deadline = other.apic_deadline = TIME_NEVER;
	repeat_ticks = SLICE / 3;
	loop(NULL, 0, 400);
	one = core.account.total_ticks;
	two = other.account.total_ticks;
	assert_true(one > two ? one - two <= 2 * SLICE : two - one <= 2 * SLICE);
	assert_true(one > 150ull * SLICE);

	setup(state);
	table[5] = &other;
	other.state = VM_STOPPED;
	other.deadline = other.device_deadline = other.apic_deadline = TIME_NEVER;
	repeat_ticks = SLICE / 3;
	loop(NULL, 0, 200);
	assert_int_equal(entries_of[1], 0);
	other.state = VM_RUNNABLE;
	entries_of[0] = 0;
	loop(NULL, 0, 40);
	assert_true(entries_of[0] >= 40 && entries_of[1] >= 40);
}

static void test_trace_goes_round(void **state)
{
	uint64_t before = 0;
	uint32_t n = 0;

	(void)state;
	repeat_ticks = SLICE / 100;
	loop(NULL, 0, 10);
	assert_true(entries > TRACE_ENTRIES);
	for (const struct trace_entry *t; (t = dispatcher_trace(n)) != NULL; n++) {
		assert_true(t->tsc > before);	/* oldest first */
		before = t->tsc;
		assert_int_equal(t->vm, 0);
	}
	assert_int_equal(n, TRACE_ENTRIES);
	assert_null(dispatcher_trace(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verdicts), TEST(test_verdicts_that_leave), TEST(test_real_interrupt), TEST(test_vectoring),
		TEST(test_vectoring_behind_an_nmi), TEST(test_raised_exception_is_entered_with), TEST(test_triple_fault_ends),
		TEST(test_triple_fault_resets), TEST(test_triple_fault_by_merge_resets),
		TEST(test_slice),
		TEST(test_woken),
		TEST(test_deadline), TEST(test_waiting), TEST(test_reset), TEST(test_fair), TEST(test_trace_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
