/* Tests the event engine: what is delivered at the next entry, what waits for a window, what kills the guest.
 * Part: unit tests, on the host.
 * UNIT: vmm/machine/event.c
 */
#include "tests/unit/core_fake.h"

static const uint8_t contributories[] = { EXC_DE, EXC_TS, EXC_NP, EXC_SS, EXC_GP };
static const struct event_gate open_gate = { .interrupts_on = true };

static bool in(const uint8_t *list, size_t n, unsigned int vector)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == vector)
			return true;
	return false;
}

static struct event exception(uint8_t vector, bool has_error, uint32_t error)
{
	return (struct event){ .valid = true, .vector = vector, .type = EVENT_EXCEPTION, .has_error = has_error,
			       .error = error };
}

static struct event interrupt(uint8_t vector)
{
	return (struct event){ .valid = true, .vector = vector, .type = EVENT_INTERRUPT };
}

static struct event nmi(void)
{
	return (struct event){ .valid = true, .vector = EXC_NMI, .type = EVENT_NMI };
}

static struct event soft(uint8_t vector, enum event_type type, uint8_t length)
{
	return (struct event){ .valid = true, .vector = vector, .type = (uint8_t)type, .insn_len = length };
}

static void assert_event(const struct event *e, const struct event *expected)
{
	assert_int_equal(e->valid, expected->valid);
	assert_int_equal(e->vector, expected->vector);
	assert_int_equal(e->type, expected->type);
	assert_int_equal(e->has_error, expected->has_error);
	if (e->has_error)
		assert_int_equal(e->error, expected->error);
	assert_int_equal(e->insn_len, expected->insn_len);
}

/* SDM, table "Conditions for Generating a Double Fault", every pair of the first 20 vectors. */
static void test_clash_table(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < 20; first++)
		for (unsigned int second = 0; second < 20; second++) {
			bool c1 = in(contributories, sizeof(contributories), first);
			bool c2 = in(contributories, sizeof(contributories), second);
			enum event_clash expected = CLASH_SECOND;

			if (c1 && c2)
				expected = CLASH_DOUBLE_FAULT;
			if (first == EXC_PF && (c2 || second == EXC_PF))
				expected = CLASH_DOUBLE_FAULT;
			if (first == EXC_DF && (c2 || second == EXC_PF))
				expected = CLASH_TRIPLE_FAULT;
			assert_int_equal(event_clash((uint8_t)first, (uint8_t)second), expected);
		}
}

static void test_nothing(void **state)
{
	struct pending p = { 0 };
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_false(c.inject.valid || c.take_interrupt || c.triple_fault);
	assert_false(c.want_interrupt_window || c.want_nmi_window);
}

/* An exception of the current instruction goes before everything, and nothing blocks it. */
static void test_exception_first(void **state)
{
	static const uint32_t blockings[] = { 0, BLOCKING_BY_STI, BLOCKING_BY_MOV_SS, BLOCKING_BY_NMI, 0xb };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blockings); i++)
		for (unsigned int on = 0; on < 2; on++) {
			struct pending p = { .exception = exception(EXC_GP, true, 0x1234), .nmi = true, .intr = true };
			struct event expected = p.exception;
			struct event_choice c = event_merge(&p, (struct event_gate){ on != 0, blockings[i] });

			assert_event(&c.inject, &expected);
			assert_false(c.take_interrupt);
			assert_false(p.exception.valid);
			assert_true(p.nmi && p.intr);	/* not lost: windows are asked for */
			assert_true(c.want_nmi_window && c.want_interrupt_window);
		}
}

/* An exception while another exception was being delivered. */
static void test_exception_meets_exception(void **state)
{
	static const uint8_t soft_types[] = { EVENT_SOFT_EXCEPTION, EVENT_PRIV_SOFT_EXCEPTION };
	struct pending p;
	struct event_choice c;
	struct event expected;

	(void)state;
	p = (struct pending){ .requeued_valid = true, .requeued = exception(EXC_PF, true, 2),
			      .exception = exception(EXC_GP, true, 8) };
	c = event_merge(&p, open_gate);
	expected = exception(EXC_DF, true, 0);
	assert_event(&c.inject, &expected);
	assert_false(p.requeued_valid || p.exception.valid || c.triple_fault);
	assert_false(c.want_interrupt_window);

	p = (struct pending){ .requeued_valid = true, .requeued = exception(EXC_DF, true, 0),
			      .exception = exception(EXC_NP, true, 8) };
	c = event_merge(&p, open_gate);
	assert_true(c.triple_fault);
	assert_false(c.inject.valid);

	/* Serial: the first comes again when its instruction is run again. */
	p = (struct pending){ .requeued_valid = true, .requeued = exception(EXC_GP, true, 8),
			      .exception = exception(EXC_PF, true, 2) };
	expected = p.exception;
	c = event_merge(&p, open_gate);
	assert_event(&c.inject, &expected);
	assert_false(p.requeued_valid);

	for (size_t i = 0; i < ARRAY_LEN(soft_types); i++) {	/* INT3, INTO, INT1 are benign */
		p = (struct pending){ .requeued_valid = true, .requeued = soft(EXC_BP, soft_types[i], 1),
				      .exception = exception(EXC_NP, true, 8) };
		expected = p.exception;
		c = event_merge(&p, open_gate);
		assert_event(&c.inject, &expected);
		assert_false(p.requeued_valid);
	}
}

/* INT n whose vector number is that of a contributory exception is not one. */
static void test_exception_meets_int_n(void **state)
{
	struct pending p = { .requeued_valid = true, .requeued = soft(EXC_GP, EVENT_SOFT_INTERRUPT, 2),
			     .exception = exception(EXC_NP, true, 0x6a) };
	struct event expected = p.exception;
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_event(&c.inject, &expected);
	assert_false(p.requeued_valid);	/* RIP is still at INT n */
	assert_false(c.want_interrupt_window);
}

/* Nobody would raise a real interrupt or an NMI again: they wait. */
static void test_exception_meets_interrupt(void **state)
{
	struct pending p = { .requeued_valid = true, .requeued = interrupt(EXC_GP),
			     .exception = exception(EXC_PF, true, 2) };
	struct event expected = p.exception;
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_event(&c.inject, &expected);
	assert_true(p.requeued_valid);
	assert_true(c.want_interrupt_window);
	c = event_merge(&p, open_gate);
	expected = interrupt(EXC_GP);
	assert_event(&c.inject, &expected);
	assert_false(p.requeued_valid || c.want_interrupt_window);
}

/* The same with an NMI, whose window is another: the handler may keep interrupts off for ever. */
static void test_exception_meets_nmi(void **state)
{
	struct pending p = { .requeued_valid = true, .requeued = nmi(), .exception = exception(EXC_PF, true, 2) };
	struct event expected = p.exception;
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_event(&c.inject, &expected);
	assert_true(p.requeued_valid);
	assert_true(c.want_nmi_window);
	c = event_merge(&p, (struct event_gate){ .interrupts_on = false });
	expected = nmi();
	assert_event(&c.inject, &expected);
	assert_false(p.requeued_valid);
}

static void test_requeued(void **state)
{
	static const uint32_t shadows[] = { BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
	const struct event all[] = { exception(EXC_PF, true, 6), soft(0x80, EVENT_SOFT_INTERRUPT, 2),
				     soft(EXC_BP, EVENT_SOFT_EXCEPTION, 1), soft(EXC_DB, EVENT_PRIV_SOFT_EXCEPTION, 1),
				     soft(0x21, EVENT_SOFT_INTERRUPT, 3), interrupt(0x30), nmi() };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {	/* as they were, lengths kept, before what is new */
		struct pending p = { .requeued_valid = true, .requeued = all[i], .nmi = true, .intr = true };
		struct event_choice c = event_merge(&p, open_gate);

		assert_event(&c.inject, &all[i]);
		assert_false(p.requeued_valid || c.take_interrupt);
		assert_true(p.nmi && c.want_nmi_window && p.intr && c.want_interrupt_window);
	}
	for (size_t i = 0; i < 5; i++) {	/* IF says nothing to exceptions and INT n */
		struct pending p = { .requeued_valid = true, .requeued = all[i] };
		struct event_choice c = event_merge(&p, (struct event_gate){ .interrupts_on = false });

		assert_event(&c.inject, &all[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(shadows); i++) {
		struct pending p = { .requeued_valid = true, .requeued = interrupt(0x30) };
		struct event_choice c = event_merge(&p, (struct event_gate){ true, shadows[i] });

		assert_false(c.inject.valid);
		assert_true(p.requeued_valid && c.want_interrupt_window);
	}
}

/* VM entry refuses an interrupt with IF = 0: the requeued one waits, and no new one overtakes it. */
static void test_requeued_interrupt_waits(void **state)
{
	struct pending p = { .requeued_valid = true, .requeued = interrupt(0x30), .intr = true };
	struct event_choice c = event_merge(&p, (struct event_gate){ .interrupts_on = false });

	(void)state;
	assert_false(c.inject.valid || c.take_interrupt);
	assert_true(p.requeued_valid && p.intr && c.want_interrupt_window);
	assert_false(c.want_nmi_window);
	c = event_merge(&p, open_gate);
	assert_int_equal(c.inject.vector, 0x30);
	assert_false(c.take_interrupt);
	assert_true(c.want_interrupt_window);	/* for the new one */
}

/*
 * While an interrupt waits for IF, an NMI that nothing blocks must be delivered: asking for an NMI window instead
 * would make the guest exit at once, again and again, without an instruction done.
 */
static void test_nmi_passes_waiting_interrupt(void **state)
{
	struct pending p = { .requeued_valid = true, .requeued = interrupt(0x30), .nmi = true };
	struct event_choice c = event_merge(&p, (struct event_gate){ .interrupts_on = false });
	struct event expected = nmi();

	(void)state;
	assert_true(p.requeued_valid && c.want_interrupt_window);
	assert_event(&c.inject, &expected);
	assert_false(p.nmi || c.want_nmi_window);
}

static void test_nmi(void **state)
{
	static const uint32_t closed[] = { BLOCKING_BY_NMI, BLOCKING_BY_MOV_SS, BLOCKING_BY_STI };
	struct event expected = nmi();
	struct pending p = { .nmi = true, .intr = true };
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_event(&c.inject, &expected);	/* before interrupts */
	assert_false(p.nmi || c.want_nmi_window || c.take_interrupt);
	assert_true(c.want_interrupt_window);
	p = (struct pending){ .nmi = true };
	c = event_merge(&p, (struct event_gate){ .interrupts_on = false });
	assert_event(&c.inject, &expected);	/* IF does not matter */
	for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
		p = (struct pending){ .nmi = true };
		c = event_merge(&p, (struct event_gate){ true, closed[i] });
		assert_false(c.inject.valid);
		assert_true(p.nmi && c.want_nmi_window);
	}
	/* An NMI that is blocked by the last NMI's handler does not hold interrupts up. */
	p = (struct pending){ .nmi = true, .intr = true };
	c = event_merge(&p, (struct event_gate){ true, BLOCKING_BY_NMI });
	assert_true(c.take_interrupt && c.want_nmi_window && p.nmi);
}

static void test_interrupt(void **state)
{
	static const uint32_t shadows[] = { BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
	struct pending p = { .intr = true };
	struct event_choice c = event_merge(&p, open_gate);

	(void)state;
	assert_true(c.take_interrupt);
	assert_false(c.inject.valid || c.want_interrupt_window);
	c = event_merge(&p, (struct event_gate){ .interrupts_on = false });
	assert_false(c.take_interrupt);
	assert_true(c.want_interrupt_window && p.intr);
	for (size_t i = 0; i < ARRAY_LEN(shadows); i++) {
		c = event_merge(&p, (struct event_gate){ true, shadows[i] });
		assert_false(c.take_interrupt);
		assert_true(c.want_interrupt_window);
	}
	c = event_merge(&p, (struct event_gate){ true, BLOCKING_BY_NMI });
	assert_true(c.take_interrupt);
}

/*
 * Every state there is: nothing is lost or delivered twice, what VM entry checks is kept, and whatever stays behind
 * has a window asked for.
 */
static void test_every_state(void **state)
{
	const struct event requeueds[] = { { 0 }, exception(EXC_PF, true, 2), soft(0x80, EVENT_SOFT_INTERRUPT, 2),
					   interrupt(0x31) };
	const struct event exceptions[] = { { 0 }, exception(EXC_UD, false, 0), exception(EXC_GP, true, 0) };

	(void)state;
	for (unsigned int i = 0; i < 4 * 3 * 2 * 2 * 2 * 16; i++) {
		struct event_gate gate = { i & 1, i >> 1 & 0xb };
		struct pending p = { .nmi = i >> 5 & 1, .intr = i >> 6 & 1 }, before;
		struct event_choice c;
		bool shadow = gate.blocking & 3;

		p.requeued = requeueds[i >> 7 & 3];
		p.requeued_valid = p.requeued.valid;
		p.exception = exceptions[(i >> 9) % 3];
		before = p;
		c = event_merge(&p, gate);
		assert_false(c.triple_fault);
		assert_false(p.exception.valid);
		assert_false(c.inject.valid && c.take_interrupt);
		if (c.take_interrupt || (c.inject.valid && c.inject.type == EVENT_INTERRUPT))
			assert_true(gate.interrupts_on && !shadow);
		if (c.inject.valid && c.inject.type == EVENT_NMI)
			assert_true(before.nmi && !p.nmi && !gate.blocking);
		else
			assert_int_equal(p.nmi, before.nmi);
		if (p.intr && !c.take_interrupt)
			assert_true(c.want_interrupt_window);
		if (p.nmi)
			assert_true(c.want_nmi_window);
		if (p.requeued_valid)
			assert_true(c.want_interrupt_window || c.want_nmi_window);
		if (before.exception.valid)
			assert_true(c.inject.valid);
		if (before.requeued_valid && before.requeued.type == EVENT_INTERRUPT)
			assert_true(p.requeued_valid || c.inject.vector == 0x31);
	}
}

static void test_raise(void **state)
{
	(void)state;
	core_make(4096);
	core.look_at = 55;
	core_expect_fault(event_raise(&core, EXC_UD), EXC_UD, -1);
	assert_int_equal(core.look_at, 0);
	core_expect_fault(event_raise_error(&core, EXC_GP, 0x18), EXC_GP, 0x18);
	core_expect_fault(event_page_fault(&core, GVA(0xffff800000001234), 6), EXC_PF, 6);
	assert_true(core_regs[VREG_CR2] == 0xffff800000001234);
	/* The error code of the last one does not stick. */
	core_expect_fault(event_raise(&core, EXC_NM), EXC_NM, -1);
}

static void prepare(struct event e)
{
	core_make(4096);
	core_regs[VREG_CR0] = 0x11;
	core.pending.exception = e;
	core.work = VM_WORK_EVENT | VM_WORK_DEADLINE;
	assert_true(event_prepare(&core));
	assert_int_equal(core.work, VM_WORK_DEADLINE);
	assert_int_equal(core_injections, 1);
}

static void test_prepare_exception(void **state)
{
	(void)state;
	prepare(exception(EXC_GP, true, 0x50));
	assert_true(core_injected.valid && core_injected.has_error);
	assert_int_equal(core_injected.error, 0x50);
	assert_int_equal(core.account.events, 1);
	/* Real mode pushes no error code. */
	core_make(4096);
	core.pending.exception = exception(EXC_GP, true, 0x50);
	assert_true(event_prepare(&core));
	assert_true(core_injected.valid);
	assert_int_equal(core_injected.vector, EXC_GP);
	assert_false(core_injected.has_error);
	/* Nothing pending: what an earlier call armed is taken back. */
	assert_true(event_prepare(&core));
	assert_false(core_injected.valid);
	assert_int_equal(core_injections, 2);
	assert_int_equal(core.account.events, 1);
}

/* Faults push RF set, so that the instruction is not stopped again at a breakpoint on it; traps and aborts do not. */
static void test_prepare_rf(void **state)
{
	static const uint8_t faults[] = { EXC_DE, EXC_BR, EXC_UD, EXC_NM, EXC_TS, EXC_NP, EXC_SS, EXC_GP, EXC_PF, EXC_MF,
					  EXC_AC, EXC_XM };
	static const uint8_t others[] = { EXC_DB, EXC_DF, EXC_MC };

	(void)state;
	for (size_t i = 0; i < sizeof(faults); i++) {
		prepare(exception(faults[i], false, 0));
		assert_int_equal(core_regs[VREG_RFLAGS], 2 | FLAGS_RF);
	}
	for (size_t i = 0; i < sizeof(others); i++) {
		prepare(exception(others[i], false, 0));
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
	}
	prepare(soft(EXC_BP, EVENT_SOFT_EXCEPTION, 1));
	assert_int_equal(core_regs[VREG_RFLAGS], 2);
	prepare(soft(EXC_DB, EVENT_PRIV_SOFT_EXCEPTION, 1));
	assert_int_equal(core_regs[VREG_RFLAGS], 2);
	core_make(4096);
	core_regs[VREG_RFLAGS] |= FLAGS_IF;
	core.pending.intr = true;
	core_pic_vector = 8;	/* in real mode IRQ 0 has the number of #DF */
	assert_true(event_prepare(&core));
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | FLAGS_IF);
	assert_int_equal(core_injected.type, EVENT_INTERRUPT);
}

static void test_prepare_interrupt(void **state)
{
	(void)state;
	core_make(4096);
	core_regs[VREG_RFLAGS] |= FLAGS_IF;
	core.pending.intr = true;
	core_pic_vector = 0x76;
	assert_true(event_prepare(&core));
	assert_int_equal(core_pic_asked, 1);
	assert_true(core_injected.valid);
	assert_int_equal(core_injected.vector, 0x76);
	assert_int_equal(core_injected.type, EVENT_INTERRUPT);
	assert_false(core_injected.has_error || core_interrupt_window);
	assert_int_equal(core.account.events, 1);
	assert_false(core.work & VM_WORK_EVENT);

	core.pending.intr = true;	/* the 8259s hold one more */
	core_pic_more = true;
	assert_true(event_prepare(&core));
	assert_true(core_injected.valid && core_interrupt_window);

	core.pending.intr = true;	/* it went away again */
	core_pic_more = false;
	core_pic_vector = -1;
	assert_true(event_prepare(&core));
	assert_false(core_injected.valid || core_interrupt_window);
	assert_int_equal(core.account.events, 2);

	core_regs[VREG_RFLAGS] &= ~FLAGS_IF;
	core.pending.intr = true;
	core_pic_asked = 0;
	assert_true(event_prepare(&core));	/* not acknowledged while the guest would not take it */
	assert_int_equal(core_pic_asked, 0);
	assert_true(core_interrupt_window && core.pending.intr);
	core_regs[VREG_RFLAGS] |= FLAGS_IF;
	core_blocking = BLOCKING_BY_STI;
	assert_true(event_prepare(&core));
	assert_int_equal(core_pic_asked, 0);
	assert_true(core_interrupt_window);
}

static void test_prepare_triple_fault(void **state)
{
	(void)state;
	core_make(4096);
	core.pending.requeued = exception(EXC_DF, true, 0);
	core.pending.requeued_valid = true;
	core.pending.exception = exception(EXC_GP, true, 0);
	assert_false(event_prepare(&core));
	assert_int_equal(core_injections, 0);
}

static void test_prepare_requeued(void **state)
{
	(void)state;
	core_make(4096);
	core_regs[VREG_CR0] = 0x11;
	core.pending.requeued = soft(0x80, EVENT_SOFT_INTERRUPT, 2);
	core.pending.requeued_valid = true;
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.type, EVENT_SOFT_INTERRUPT);
	assert_int_equal(core_injected.insn_len, 2);
	assert_int_equal(core_regs[VREG_RFLAGS], 2);
}

/*
 * The processor blocks NMIs before it delivers one; one that was interrupted must be entered with unblocked, or VM
 * entry fails. SDM, "Resuming Guest Software after Handling an Exception" and "Checks on Guest Non-Register State".
 */
static void test_prepare_requeued_nmi(void **state)
{
	(void)state;
	core_make(4096);
	core_blocking = BLOCKING_BY_NMI;
	core.pending.requeued = nmi();
	core.pending.requeued_valid = true;
	assert_true(event_prepare(&core));
	assert_true(core_injected.valid);
	assert_int_equal(core_injected.type, EVENT_NMI);
	assert_false(core_blocking & BLOCKING_BY_NMI);
}

static void test_wakes(void **state)
{
	(void)state;
	core_make(4096);
	assert_false(event_wakes(&core));
	core.pending.intr = true;
	assert_true(event_wakes(&core));
	core.pending = (struct pending){ .nmi = true };
	assert_true(event_wakes(&core));
	core_blocking = BLOCKING_BY_NMI;	/* in an NMI's handler */
	assert_false(event_wakes(&core));
	core_blocking = 0;
	core.pending = (struct pending){ .requeued_valid = true };
	assert_true(event_wakes(&core));
	core.pending = (struct pending){ .exception = exception(EXC_DB, false, 0) };
	assert_true(event_wakes(&core));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clash_table), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_exception_first), cmocka_unit_test(test_exception_meets_exception),
		cmocka_unit_test(test_exception_meets_int_n), cmocka_unit_test(test_exception_meets_interrupt),
		cmocka_unit_test(test_exception_meets_nmi), cmocka_unit_test(test_requeued),
		cmocka_unit_test(test_requeued_interrupt_waits), cmocka_unit_test(test_nmi_passes_waiting_interrupt),
		cmocka_unit_test(test_nmi), cmocka_unit_test(test_interrupt), cmocka_unit_test(test_every_state),
		cmocka_unit_test_teardown(test_raise, core_teardown),
		cmocka_unit_test_teardown(test_prepare_exception, core_teardown),
		cmocka_unit_test_teardown(test_prepare_rf, core_teardown),
		cmocka_unit_test_teardown(test_prepare_interrupt, core_teardown),
		cmocka_unit_test_teardown(test_prepare_triple_fault, core_teardown),
		cmocka_unit_test_teardown(test_prepare_requeued, core_teardown),
		cmocka_unit_test_teardown(test_prepare_requeued_nmi, core_teardown),
		cmocka_unit_test_teardown(test_wakes, core_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
