/* Tests the delivery of events where a table or the stack lies at a device or nowhere: each mode, each fault in order.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/deliver_fake.h"

static void test_real_mode(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(16);
		if (moved == 0) {	/* the stack alone */
			core_segments[SEG_SS] = (struct segment){ .selector = B >> 4, .base = B, .limit = 0xffff, .access = 0x93 };
		}
		put(moved + 4 * 0x21, 0x12345678, 4);
		core_regs[VREG_RFLAGS] = 0x302 | AC;
		core_blocking = BLOCKING_BY_STI;
		delivered(0x21, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RIP], 0x5678);
		assert_int_equal(core_segments[SEG_CS].base, 0x12340);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		assert_int_equal(core_regs[VREG_RSP], STACK - 6);
		assert_int_equal(core_blocking, 0);
		FRAME((moved == 0 ? B : 0) + STACK - 6, 2, CODE + 2, 0, 0x302);
		/* back again */
		if (moved == 0) {
			trap.rip = 0x5678;
			core_storage[0x12340 + 0x5678] = 0xcf;
			trap.vectoring.valid = false;
			done(memory_trap(&core, &trap));
			assert_int_equal(core_regs[VREG_RIP], CODE + 2);
			assert_int_equal(core_regs[VREG_RFLAGS], 0x302);
			assert_int_equal(core_regs[VREG_RSP], STACK);
		}
	}
	moved = B;
	machine(16);
	core_regs[VREG_IDTR_LIMIT] = 0x86;
	core_expect_fault(deliver(0x21, EVENT_INTERRUPT, -1), EXC_GP, 1);
	machine(16);
	core_regs[VREG_RSP] = 3;
	core_expect_fault(deliver(0x21, EVENT_INTERRUPT, -1), EXC_SS, 1);
	machine(16);
	core_segments[SEG_CS].limit = 0xfff;
	put(moved + 4 * 0x21, 0x1000, 4);
	core_expect_fault(deliver(0x21, EVENT_EXCEPTION, -1), EXC_GP, 1);
	moved = 0;
}

static void test_same_level(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		idt(13, CODE0, HANDLER, 0x8e00);
		idt(0x40, CODE0, HANDLER, 0x8f00);
		idt(0x41, CODE0, 0xffff1234, 0x8600);
		core_regs[VREG_RFLAGS] = 0x10302 | NT;
		delivered(13, EVENT_EXCEPTION, 0x1238);
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 16);
		assert_int_equal(core_segments[SEG_CS].access, 0xc09b);
		assert_int_equal(get(GDT + moved + CODE0 + 5, 1), 0x9b);
		FRAME(STACK + moved - 16, 4, 0x1238, CODE, CODE0, 0x10302 | NT);
		core_regs[VREG_RFLAGS] = 0x202;
		core_regs[VREG_RSP] = STACK + moved;
		delivered(0x40, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		FRAME(STACK + moved - 12, 4, CODE + 2, CODE0, 0x202);
		core_regs[VREG_RSP] = STACK + moved;
		delivered(0x41, EVENT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RIP], 0x1234);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		FRAME(STACK + moved - 6, 2, CODE, CODE0, 0x202);
	}
	moved = 0;
}

static void test_to_inner_level(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		level(3);
		idt(2, CODE0, HANDLER, 0x8e00);
		idt(0x30, CODE1, HANDLER, 0xee00);
		idt(0x31, CONFORMING, HANDLER, 0xee00);
		delivered(2, EVENT_NMI, -1);
		assert_int_equal(core_blocking, BLOCKING_BY_NMI);
		assert_int_equal(core_segments[SEG_SS].selector, DATA0);
		assert_int_equal(core_segments[SEG_SS].access, 0xc093);
		assert_int_equal(core_segments[SEG_CS].selector, CODE0);
		assert_int_equal(core_regs[VREG_RSP], STACK0 + moved - 20);
		FRAME(STACK0 + moved - 20, 4, CODE, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		machine(32);
		level(3);
		idt(0x30, CODE1, HANDLER, 0xee00);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_CS].selector, CODE1 | 1);
		assert_int_equal(core_segments[SEG_SS].selector, DATA1 | 1);
		FRAME(STACK0 + moved - 0x214, 4, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		machine(32);
		level(3);
		idt(0x31, CONFORMING, HANDLER, 0xee00);
		delivered(0x31, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_CS].selector, CONFORMING | 3);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 12);
	}
	moved = 0;
}

/* Each wrong thing is in what comes after the right ones: the SDM's order. */
static void test_faults_in_order(void **state)
{
	const uint16_t code = 0x30 * 8 + 2;

	(void)state;
	moved = B;
	machine(32);
	level(3);
	core_regs[VREG_IDTR_LIMIT] = 0x30 * 8 + 6;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, code);
	assert_false(core.pending.requeued_valid);
	core_regs[VREG_IDTR_LIMIT] = 0x30 * 8 + 7;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, code + 1);	/* no gate at all */
	idt(0x30, 0, 0, 0x0e00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, code);	/* DPL */
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_NP, code + 1);
	core_expect_fault(deliver(0x30, EVENT_PRIV_SOFT_EXCEPTION, -1), EXC_NP, code + 1);
	idt(0x30, 3, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_EXCEPTION, -1), EXC_GP, 0);
	core_expect_fault(deliver(0x30, EVENT_EXCEPTION, -1), EXC_GP, 1);
	assert_true(core.pending.requeued_valid);
	idt(0x30, BEYOND, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, BEYOND | 1);
	idt(0x30, 4, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 5);
	idt(0x30, DATA3, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, DATA3 | 1);
	idt(0x30, ABSENT, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_NP, ABSENT | 1);
	idt(0x30, TIGHT, 0x100, 0xee00);
	core_segments[SEG_TR].limit = 8;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, THE_TSS | 1);
	core_segments[SEG_TR].limit = 9;
	put(TSS + B + 8, 3, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, 1);
	put(TSS + B + 8, BEYOND, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, BEYOND | 1);
	put(TSS + B + 8, DATA0 | 1, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, DATA0 | 1);
	put(TSS + B + 8, DATA3, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, DATA3 | 1);
	put(TSS + B + 8, CODE0, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, CODE0 | 1);
	put(TSS + B + 8, DATA0, 2);
	gdt(DATA0, descriptor(0, 0xfffff, 0xc012));
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, DATA0 | 1);
	gdt(DATA0, descriptor(0, STACK0 + B - 21, 0x4096));	/* expand-down: 20 bytes */
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, 5), EXC_SS, DATA0 | 1);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 1);	/* and the offset */
	assert_int_equal(get(GDT + B + TIGHT + 5, 1), 0x9a);	/* nothing has been marked */
	idt(0x30, TIGHT, 0xff, 0xee00);
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(get(GDT + B + TIGHT + 5, 1), 0x9b);
	assert_int_equal(get(GDT + B + DATA0 + 5, 1), 0x97);
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_segments[SEG_SS].limit = core_regs[VREG_RSP] - 2;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, 1);
	moved = 0;
}

/* The second exception, and the third. */
static void test_clashes(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	idt(8, CODE0, HANDLER, 0x8e00);
	assert_int_equal(deliver(EXC_GP, EVENT_EXCEPTION, 0), V_RESUME);
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.vector, EXC_DF);
	assert_true(core_injected.has_error && core_injected.error == 0);
	delivered(EXC_DF, EVENT_EXCEPTION, 0);
	machine(32);
	assert_int_equal(deliver(EXC_DF, EVENT_EXCEPTION, 0), V_RESUME);
	assert_false(event_prepare(&core));
	machine(32);
	assert_int_equal(deliver(EXC_UD, EVENT_EXCEPTION, -1), V_RESUME);
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.vector, EXC_GP);
	assert_int_equal(core_injected.error, EXC_UD * 8 + 3);
	assert_false(core.pending.requeued_valid);
	moved = 0;
}

/* An inner level's stack is the supervisor's, and a page fault has CR2. */
static void test_pages(void **state)
{
	enum { DIRECTORY = 0x1000, TABLE = 0x2000 };

	(void)state;
	moved = B;
	machine(32);
	level(3);
	idt(0x30, CODE0, HANDLER, 0xee00);
	put(DIRECTORY, TABLE | 7, 4);
	for (uint32_t i = 0; i < 1024; i++)
		put(TABLE + 4 * i, i << 12 | 3, 4);
	core_regs[VREG_CR0] = CR0_PE_PG;
	core_regs[VREG_CR3] = DIRECTORY;
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	FRAME(STACK0 + moved - 20, 4, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
	for (unsigned int i = 0; i < 2; i++) {	/* a stack that is not there; and not the user's own */
		machine(32);
		level(3);
		idt(0x30, i == 0 ? CODE0 : CONFORMING, HANDLER, 0xee00);
		put(DIRECTORY, TABLE | 7, 4);
		for (uint32_t n = 0; n < 1024; n++)
			put(TABLE + 4 * n, n << 12 | 3, 4);
		if (i == 0)
			put(TABLE + 4 * ((STACK0 + B - 1) >> 12), 0, 4);
		core_regs[VREG_CR0] = CR0_PE_PG;
		core_regs[VREG_CR3] = DIRECTORY;
		core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_PF, i == 0 ? 2 : 7);
		assert_int_equal(core_regs[VREG_CR2], i == 0 ? STACK0 + B - 4 : STACK + B - 4);
		assert_int_equal(core_segments[SEG_SS].selector, DATA3 | 3);
	}
	/* page tables are no device's business */
	put(TABLE + 4 * ((IDT + B) >> 12), 7, 4);
	put(DIRECTORY, B | 7, 4);
	assert_int_equal(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), V_CRASH);
	moved = 0;
}

static void test_virtual_8086(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		idt(0x30, CODE0, HANDLER, 0xee00);
		virtual_8086(IOPL3 | 0x200);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		FRAME(STACK0 + moved - 36, 4, 0x22, 0x800, 0x202 | IOPL3 | VM86, 0x100, 0x900, 0x11, 0x22, 0x33, 0x44);
		assert_int_equal(core_regs[VREG_RFLAGS], 2 | IOPL3);
		for (enum seg s = SEG_ES; s <= SEG_GS; s++)
			assert_true(s == SEG_CS || s == SEG_SS || (core_segments[s].access == SEGMENT_UNUSABLE && core_segments[s].selector == 0));
		assert_int_equal(core_segments[SEG_SS].access, 0xc093);
		/* and back */
		done(EXECUTE("\xcf"));
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202 | IOPL3 | VM86);
		assert_int_equal(core_regs[VREG_RIP], 0x22);
		assert_int_equal(core_regs[VREG_RSP], 0x100);
		assert_int_equal(core_segments[SEG_SS].base, 0x9000);
		assert_int_equal(core_segments[SEG_GS].base, 0x440);
		assert_int_equal(core_segments[SEG_CS].access, 0xf3);
	}
	moved = B;
	idt(0x30, CONFORMING, HANDLER, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, CONFORMING);
	idt(0x30, CODE1, HANDLER, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, CODE1);
	moved = 0;
}

/* VME: the map in the TSS, then the program's own table; or the IDT, or #GP. */
static void test_redirection(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	core_regs[VREG_CR4] = 1;
	put(TSS + B + 102, 0xa0, 2);
	put(4 * 0x30, 0x12345678, 4);
	virtual_8086(VIF | 0x100);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RIP], 0x5678);
	assert_int_equal(core_segments[SEG_CS].selector, 0x1234);
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86);
	FRAME(0x9000 + 0x100 - 6, 2, 0x22, 0x800, 0x302 | IOPL3);
	virtual_8086(IOPL3 | 0x200);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86 | IOPL3);
	/* as an instruction, where the processor calls it none of its events */
	core.pending.requeued = (struct event){ .valid = true, .vector = 0x77, .type = EVENT_INTERRUPT };
	core.pending.requeued_valid = true;
	virtual_8086(IOPL3);
	memcpy(core_storage + 0x8020, "\xcd\x30", 2);
	trap.vectoring.valid = false;
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RIP], 0x5678);
	assert_true(core.pending.requeued_valid);
	core.pending.requeued_valid = false;
	put(TSS + B + 0x80 + 0x30 / 8, 1, 1);
	virtual_8086(0);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	idt(0x30, CODE0, HANDLER, 0xee00);
	virtual_8086(IOPL3);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RIP], HANDLER);
	virtual_8086(IOPL3);
	core_segments[SEG_TR].limit = 102;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	core_segments[SEG_TR].limit = 0x85;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	put(TSS + B + 102, 0, 2);		/* before the TSS: beyond its end */
	core_segments[SEG_TR].limit = 0xff;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	moved = 0;
}

static void test_tasks(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		new_task();
		idt(13, NEW_TSS, 0, 0x8500);
		done(deliver(13, EVENT_EXCEPTION, 0x1238));
		assert_false(core.pending.requeued_valid);
		assert_int_equal(core_regs[VREG_RIP], 0x4444);
		assert_int_equal(core_segments[SEG_TR].base, NEW + moved);
		assert_int_equal(get(STACK0 + moved - 4, 4), 0x1238);
		assert_int_equal(get(TSS + moved + 32, 4), CODE);
		assert_int_equal(get(NEW + moved, 2), THE_TSS);
		assert_true(core_regs[VREG_RFLAGS] & NT);
		/* back by IRET */
		done(EXECUTE("\xcf"));
		assert_int_equal(core_segments[SEG_TR].selector, THE_TSS);
		assert_int_equal(core_regs[VREG_RIP], CODE);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		gdt(GATE, gate(NEW_TSS, 0, 0x8500));
		new_task();
		done(EXECUTE("\x9a\x00\x00\x00\x00\x68\x00"));
		assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
		assert_int_equal(get(TSS + moved + 32, 4), CODE + 7);
		machine(32);
		new_task();
		done(EXECUTE("\xea\x00\x00\x00\x00\x58\x00"));
		assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
		assert_int_equal(get(GDT + moved + THE_TSS + 5, 1), 0x89);
	}
	moved = B;
	machine(32);
	idt(13, NEW_TSS, 0, 0x8500);
	gdt(NEW_TSS, descriptor(NEW + B, 103, 0x09));
	core_expect_fault(deliver(13, EVENT_EXCEPTION, 0), EXC_NP, NEW_TSS | 1);
	assert_true(core.pending.requeued_valid);
	core_expect_fault(deliver(13, EVENT_SOFT_INTERRUPT, -1), EXC_NP, NEW_TSS);
	assert_false(core.pending.requeued_valid);
	moved = 0;
}

static void test_long_mode(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(64);
		idt(14, CODE0, HANDLER, 0x8e00);
		core_regs[VREG_RSP] += 5;
		delivered(14, EVENT_EXCEPTION, 7);
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 48);
		assert_int_equal(core_segments[SEG_SS].selector, 0x10);
		FRAME(STACK + moved - 48, 8, 7, CODE, CODE0, 0x202, STACK + moved + 5, DATA0);
		core_regs[VREG_RSP] += 8;
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved + 5);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		/* to level 0, whose SS is null; and back */
		machine(64);
		level(3);
		idt(0x30, CODE0, HANDLER, 0xee00);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_SS].selector, 0);
		assert_int_equal(core_segments[SEG_SS].access, SEGMENT_UNUSABLE);
		FRAME(STACK0 + moved - 40, 8, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		core_segments[SEG_FS] = core_segments[SEG_GS] = (struct segment){ .selector = DATA3, .limit = 0xffffffff, .access = 0xc0f3 };
		core_segments[SEG_FS].access = 0xc093;
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_segments[SEG_CS].selector, CODE3 | 3);
		assert_int_equal(core_segments[SEG_SS].access, 0xc0f3);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved);
		assert_int_equal(core_segments[SEG_FS].selector, 0);
		assert_true(core_segments[SEG_FS].access & SEGMENT_UNUSABLE);
		assert_int_equal(core_segments[SEG_GS].selector, DATA3);
		/* IST, at the same level and from another */
		machine(64);
		idt(2, CODE0, HANDLER, 0x8e03);
		delivered(2, EVENT_NMI, -1);
		assert_int_equal(core_segments[SEG_SS].selector, 0x10);
		FRAME(STACK0 + moved - 0x400 - 40, 8, CODE, CODE0, 0x202, STACK + moved, DATA0);
		assert_int_equal(core_blocking, BLOCKING_BY_NMI);
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_blocking, 0);
	}
	moved = B;
	machine(64);
	idt(0x30, CODE0, HANDLER, 0x8500);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 0x30 * 8 + 3);
	idt(0x30, CODE64, HANDLER, 0x8e00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, CODE64 | 1);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	put(IDT + B + 0x30 * 16 + 8, 0x8000, 4);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 1);
	core_regs[VREG_RSP] = 0x800000000000;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, 1);
	core_regs[VREG_RFLAGS] |= NT;
	core_expect_fault(EXECUTE("\x48\xcf"), EXC_GP, 0);
	moved = 0;
}

/* Ones and zeros where there is nothing. */
static void test_nowhere(void **state)
{
	(void)state;
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_regs[VREG_RSP] = B + DEVICE_BYTES + 0x1000;
	trap.storage.gpa = GPA(B + DEVICE_BYTES);
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(core.account.memory_traps, 1);
	assert_int_equal(core_notes, 1);
	core_expect_fault(EXECUTE("\x66\xcf"), EXC_GP, 0xfffc);
	machine(32);
	core_regs[VREG_IDTR_BASE] = B + DEVICE_BYTES;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 0x30 * 8 + 3);
}

/* A data breakpoint on the stack is met by the delivery. */
static void test_breakpoint(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_regs[VREG_DR0] = STACK + B - 8;
	core_regs[VREG_DR7] = 0xd0001;
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(core_hits, 1);
	moved = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_real_mode, core_teardown),
		cmocka_unit_test_teardown(test_same_level, core_teardown),
		cmocka_unit_test_teardown(test_to_inner_level, core_teardown),
		cmocka_unit_test_teardown(test_faults_in_order, core_teardown),
		cmocka_unit_test_teardown(test_clashes, core_teardown),
		cmocka_unit_test_teardown(test_pages, core_teardown),
		cmocka_unit_test_teardown(test_virtual_8086, core_teardown),
		cmocka_unit_test_teardown(test_redirection, core_teardown),
		cmocka_unit_test_teardown(test_tasks, core_teardown),
		cmocka_unit_test_teardown(test_long_mode, core_teardown),
		cmocka_unit_test_teardown(test_nowhere, core_teardown),
		cmocka_unit_test_teardown(test_breakpoint, core_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
