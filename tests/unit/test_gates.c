/* Tests IRET, gates and returns to outer levels with tables and stacks at a device; and all of it, with events, on noise.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/deliver_fake.h"

static void test_iret_faults(void **state)
{
	static const struct {
		uint64_t word[5];
		uint8_t vector;
		uint16_t error;
	} cases[] = {
		{ { CODE, 0, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, BEYOND, 2, 0, 0 }, EXC_GP, BEYOND },
		{ { CODE, DATA0, 2, 0, 0 }, EXC_GP, DATA0 },
		{ { CODE, CODE0 | 3, 2, 0, 0 }, EXC_GP, CODE0 },
		{ { CODE, CODE3, 2, 0, 0 }, EXC_GP, CODE3 },
		{ { CODE, ABSENT, 2, 0, 0 }, EXC_NP, ABSENT },
		{ { 0x100, TIGHT, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, CODE3 | 3, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, CODE3 | 3, 2, 0, BEYOND | 3 }, EXC_GP, BEYOND },
		{ { CODE, CODE3 | 3, 2, 0, DATA0 | 3 }, EXC_GP, DATA0 },
		{ { CODE, CODE3 | 3, 2, 0, DATA3 }, EXC_GP, DATA3 },
		{ { CODE, CODE3 | 3, 2, 0, CODE3 | 3 }, EXC_GP, CODE3 },
		{ { 0x10000, 0x1000, 2 | VM86, 0, 0 }, EXC_GP, 0 },
	};

	(void)state;
	moved = B;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine(32);
		for (unsigned int n = 0; n < 5; n++)
			put(STACK + B + 4 * n, cases[i].word[n], 4);
		core_blocking = BLOCKING_BY_NMI;
		core_expect_fault(EXECUTE("\xcf"), cases[i].vector, cases[i].error);
		assert_int_equal(core_regs[VREG_RSP], STACK + B);
		assert_int_equal(core_blocking, 0);	/* even so */
	}
	/* what a program may change, and that RF stays */
	machine(32);
	level(3);
	put(STACK + B, HANDLER, 4);
	put(STACK + B + 4, CODE3 | 3, 4);
	put(STACK + B + 8, 0x3f7fd7 & ~VM86, 4);
	core_regs[VREG_RFLAGS] = 2;
	done(EXECUTE("\xcf"));
	assert_int_equal(core_regs[VREG_RFLAGS], 0x3f7fd7 & ~(VM86 | 0x200 | IOPL3 | 0x180000));
	assert_int_equal(core_regs[VREG_RSP], STACK + B + 12);
	moved = 0;
}

static void test_virtual_iret(void **state)
{
	(void)state;
	machine(32);
	virtual_8086(IOPL3);
	core_segments[SEG_SS].base = B;
	put(B + 0x100, 0x00080123, 4);
	put(B + 0x104, 0xffff, 2);
	memcpy(core_storage + 0x8020, "\xcf", 1);
	trap.vectoring.valid = false;
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RIP], 0x123);
	assert_int_equal(core_segments[SEG_CS].base, 0x80);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x7fd7 | VM86);
	virtual_8086(0);
	core_segments[SEG_SS].base = B;
	core_expect_fault(memory_trap(&core, &trap), EXC_GP, 0);
	core_regs[VREG_CR4] = 1;
	core_expect_fault(memory_trap(&core, &trap), EXC_GP, 0);	/* TF */
	put(B + 0x104, 0x202, 2);
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86 | VIF);
}

static void test_call_gates(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		level(3);
		gdt(GATE, gate(CODE0, HANDLER, 0xec02));
		put(STACK + moved, 0x1111, 4);
		put(STACK + moved + 4, 0x2222, 4);
		done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_segments[SEG_CS].selector, CODE0);
		FRAME(STACK0 + moved - 24, 4, CODE + 7, CODE3 | 3, 0x1111, 0x2222, STACK + moved, DATA3 | 3);
		/* RETF 8 drops them on both stacks, and what level 3 may not have */
		core_segments[SEG_ES].access = 0xc093;
		done(EXECUTE("\xca\x08\x00"));
		assert_int_equal(core_regs[VREG_RIP], CODE + 7);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved + 8);
		assert_int_equal(core_segments[SEG_SS].selector, DATA3 | 3);
		assert_int_equal(core_segments[SEG_ES].selector, 0);
		/* 16 bits */
		machine(32);
		level(3);
		gdt(GATE, gate(CODE1, 0x1234, 0xe401));
		put(STACK + moved, 0x3333, 2);
		done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));
		FRAME(STACK0 + moved - 0x20a, 2, CODE + 7, CODE3 | 3, 0x3333, STACK + moved, DATA3 | 3);
		/* the same level, and JMP */
		machine(32);
		gdt(GATE, gate(CODE0, HANDLER, 0x8c1f));
		done(EXECUTE("\x9a\x00\x00\x00\x00\x68\x00"));
		FRAME(STACK + moved - 8, 4, CODE + 7, CODE0);
		done(EXECUTE("\xea\x00\x00\x00\x00\x68\x00"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 8);
		/* 64 bits */
		machine(64);
		level(3);
		gdt(GATE, gate(CODE0, HANDLER, 0xec00));
		gdt(GATE_HIGH, 1);
		put(0x8100, 0x6b00000000, 8);
		core.av.gpr[RBX] = 0x8100;
		done(EXECUTE("\xff\x1b"));
		assert_int_equal(core_regs[VREG_RIP], 0x100000000 | HANDLER);
		assert_int_equal(core_segments[SEG_SS].selector, 0);
		FRAME(STACK0 + moved + 8 - 32, 8, CODE + 2, CODE3 | 3, STACK + moved, DATA3 | 3);
		done(EXECUTE("\x48\xcb"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved);
	}
	moved = 0;
}

static void test_gate_faults(void **state)
{
	static const struct {
		uint16_t selector;
		uint32_t offset, type;
		uint8_t vector;
		uint16_t error;
		bool jump;
	} cases[] = {
		{ CODE0, 0, 0x8c00, EXC_GP, GATE, false }, { CODE0, 0, 0x6c00, EXC_NP, GATE, false },
		{ 3, 0, 0xec00, EXC_GP, 0, false }, { BEYOND, 0, 0xec00, EXC_GP, BEYOND, false },
		{ DATA3, 0, 0xec00, EXC_GP, DATA3, false }, { ABSENT, 0, 0xec00, EXC_NP, ABSENT, false },
		{ TIGHT, 0x100, 0xec00, EXC_GP, 0, false }, { CODE0, 0, 0xec00, EXC_GP, CODE0, true },
		{ ABSENT, 0, 0xec00, EXC_GP, ABSENT, true }, { NEW_TSS, 0, 0x8500, EXC_GP, GATE, false },
		{ NEW_TSS, 0, 0x6500, EXC_NP, GATE, false }, { THE_TSS, 0, 0xe500, EXC_GP, THE_TSS, true },
	};

	(void)state;
	moved = B;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum verdict v;

		machine(32);
		level(3);
		gdt(GATE, gate(cases[i].selector, cases[i].offset, cases[i].type));
		v = cases[i].jump ? EXECUTE("\xea\x00\x00\x00\x00\x6b\x00") : EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00");
		core_expect_fault(v, cases[i].vector, cases[i].error);
		assert_int_equal(core_regs[VREG_RSP], STACK + B);
	}
	machine(32);
	level(3);
	gdt(GATE, gate(CODE0, 0, 0xec1f));
	put(TSS + B + 8, DATA3, 2);
	core_expect_fault(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"), EXC_TS, DATA3);
	put(TSS + B + 8, DATA0, 2);
	put(TSS + B + 4, 35 * 4, 4);
	gdt(DATA0, descriptor(B, 0xffff, 0x4092));
	done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));	/* 35 words, to the last */
	assert_int_equal(core_regs[VREG_RSP], 0);
	machine(32);
	level(3);
	gdt(GATE, gate(CODE0, 0, 0xec1f));
	put(TSS + B + 4, 35 * 4 - 1, 4);
	gdt(DATA0, descriptor(B, 0xffff, 0x4092));
	core_expect_fault(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"), EXC_SS, DATA0);
	machine(64);
	gdt(GATE, gate(CODE0, HANDLER, 0x8c00));
	gdt(GATE_HIGH, 0x0c0000000000);			/* type bits */
	put(0x8100, 0x6800000000, 8);
	core.av.gpr[RBX] = 0x8100;
	core_expect_fault(EXECUTE("\xff\x1b"), EXC_GP, GATE);
	core_regs[VREG_GDTR_LIMIT] = GATE + 14;
	core_expect_fault(EXECUTE("\xff\x1b"), EXC_GP, GATE);
	moved = 0;
}

/* Whatever stands in the tables and registers: an end, and a state with one level. */
static void test_noise(void **state)
{
	static const unsigned int widths[] = { 16, 32, 64 };
	static const char insns[][8] = { "\xcf", "\x48\xcf", "\x66\xcf", "\xcb", "\xca\x08\x00", "\x9a\x00\x00\x00\x00\x6b\x00",
					 "\xea\x00\x00\x00\x00\x68\x00", "\xff\x1b", "\xcd\x30" };
	unsigned int ok = 0, faults = 0;

	(void)state;
	for (unsigned int i = 0; i < 60000; i++) {
		uint64_t r = core_random();
		uint8_t vector = r & 1 ? 0x30 : (uint8_t)(r >> 56);
		enum verdict v;

		moved = r & 2 ? B : 0;
		machine(widths[r >> 8 & 0xff & 1 ? (r >> 9) % 3 : 1]);
		core_regs[VREG_CR4] |= r >> 20 & 1;
		if (r & 4)
			level(3);
		idt(vector, (uint16_t)((core_random() % 20 * 8) | (r >> 12 & 3)), (uint32_t)core_random() & 0x1ffff, 0x8400 | (r >> 16 & 0x6b07));
		gdt(GATE, gate((uint16_t)(core_random() % 20 * 8), HANDLER, 0x8400 | (r >> 24 & 0x6f1f)));
		for (unsigned int n = 0; n < (r >> 32 & 7); n++)
			put(GDT + moved + (uint32_t)(core_random() % 0x88), core_random(), 1);
		for (unsigned int n = 0; n < (r >> 35 & 3); n++)
			put(TSS + moved + (uint32_t)(core_random() % 0x100), core_random(), 1);
		for (unsigned int n = 0; n < 9; n++)
			put(STACK + moved + 4 * n, n == 1 || n == 4 ? core_random() % 20 * 8 | (r >> 40 & 3) : core_random() & 0x3ffff, 4);
		new_task();
		if (r >> 45 & 1)
			core_regs[VREG_RFLAGS] |= core_random() & 0x7fd5;
		if ((r >> 46 & 15) == 0 && (core_regs[VREG_CR0] & 1) && !core_regs[VREG_EFER])
			virtual_8086(core_random() & 0x187fd5);
		if ((r >> 50 & 15) == 0)
			core_regs[VREG_RSP] = core_random();
		if ((r >> 54 & 7) == 0)
			core_segments[SEG_TR].limit = (uint32_t)core_random() & 0xff;
		core.av.gpr[RBX] = 0x8100;
		if (r & 8) {
			v = deliver(vector, (uint8_t[]){ 0, 2, 3, 4, 5, 6, 3, 4 }[r >> 4 & 7], r & 0x80 ? (int)(r >> 44 & 0xffff) : -1);
		} else {
			uint64_t linear = core_segments[SEG_CS].base + trap.rip;

			memcpy(core_storage + linear, insns[(r >> 4 & 15) % 9], 8);
			v = memory_trap(&core, &trap);
		}
		if (v == V_RESUME && !core.pending.exception.valid && core_regs[VREG_CR0] & 1)
			assert_int_equal(core_regs[VREG_RFLAGS] & VM86 ? 3 : core_segments[SEG_CS].selector & 3,
					 core_segments[SEG_SS].access >> 5 & 3);
		ok += v == V_RESUME && !core.pending.exception.valid;
		faults += v == V_RESUME && core.pending.exception.valid;
	}
	moved = 0;
	assert_true(ok > 3000 && faults > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_iret_faults, core_teardown),
		cmocka_unit_test_teardown(test_virtual_iret, core_teardown),
		cmocka_unit_test_teardown(test_call_gates, core_teardown),
		cmocka_unit_test_teardown(test_gate_faults, core_teardown),
		cmocka_unit_test_teardown(test_noise, core_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
