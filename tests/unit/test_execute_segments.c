/* Tests the executor's stacks, flags, segment registers and far transfers, and their faults.
 * Part: unit tests, on the host; `make fuzz` compares the rest with Unicorn.
 * UNIT: $(INTERPRETER)
 */
#include "tests/unit/execute_fake.h"

static void test_stack(void **state)
{
	(void)state;
	machine(64);
	for (unsigned int n = 0; n < 8; n++)
		gpr[n] = n == RSP ? 0x7000 : 0x100 + n;
	DONE("\x54");			/* push rsp: the old one */
	assert_true(gpr[RSP] == 0x6ff8 && peek(0x6ff8, 8) == 0x7000);
	DONE("\x5c");			/* pop rsp */
	assert_true(gpr[RSP] == 0x7000);
	DONE("\x66\x6a\xff");
	assert_true(gpr[RSP] == 0x6ffe && peek(0x6ffe, 2) == 0xffff);
	gpr[RSP] = 0x6ff0;
	memory[0x6ff0] = 0x12;
	DONE("\x8f\x44\x24\x08");	/* pop [rsp + 8], with RSP after the pop */
	assert_true(peek(0x7000, 8) == 0x12 && gpr[RSP] == 0x6ff8);
	gpr[RBX] = HOLE;
	FAULT("\x8f\x03", PF, INTERP_WRITE);
	FAULT("\xff\x33", PF, 0);
	gpr[RSP] = HOLE + 8;
	FAULT("\x50", PF, INTERP_WRITE);
	gpr[RBX] = DATA;
	loads = 0;
	FAULT("\xff\x33", PF, INTERP_WRITE);
	assert_int_equal(loads, 0);	/* the device is not read for nothing */
	FAULT("\xff\x13", PF, INTERP_WRITE);
	machine(32);
	gpr[RSP] = HOLE + 0x1008;	/* PUSHA: all or nothing */
	FAULT("\x60", PF, INTERP_WRITE);
	gpr[RSP] = HOLE - 8;
	FAULT("\x61", PF, 0);
	gpr[RBP] = 0x5000;
	memcpy(memory + 0x4ffc, "\1\2\3\4\5\6\7\x8", 8);
	gpr[RSP] = 0x6000;
	DONE("\xc8\x10\x00\x02");	/* enter 16, 2 */
	assert_true(gpr[RBP] == 0x5ffc && gpr[RSP] == 0x5ff4 - 16);
	assert_true(peek(0x5ffc, 4) == 0x5000 && peek(0x5ff8, 4) == 0x04030201 && peek(0x5ff4, 4) == 0x5ffc);
	DONE("\xc9");
	assert_true(gpr[RBP] == 0x5000 && gpr[RSP] == 0x6000);
	segments[SEG_SS].access &= ~0x4000u;	/* a 16-bit stack in 32-bit code */
	gpr[RSP] = 0x12340002;
	segments[SEG_SS].base = 0x1000;
	DONE("\x66\x50");
	assert_true(gpr[RSP] == 0x12340000);
}

static void test_flags_and_levels(void **state)
{
	(void)state;
	machine(32);
	memcpy(memory + 0x7000, "\xff\xff\xff\xff", 4);
	DONE("\x9d");
	assert_true(x.rflags == 0x247fd7);
	machine(32);
	level(3);
	x.rflags |= 0x1000;		/* IOPL 1 */
	memcpy(memory + 0x7000, "\xff\xff\xff\xff", 4);
	DONE("\x9d");			/* IF and IOPL stay */
	assert_true(x.rflags == (0x244dd7 | 0x1000));
	FAULT("\xfa", GP, 0);
	FAULT("\xfb", GP, 0);
	level(1);
	DONE("\xfb");
	assert_true((x.rflags & IF) && x.shadow == BLOCKING_BY_STI);
	DONE("\xfb");
	assert_int_equal(x.shadow, 0);	/* it was on */
	machine(16);
	control[VREG_CR0] |= 1;
	x.rflags |= VM;
	FAULT("\x9c", GP, 0);
	control[VREG_CR4] |= 1;		/* VME has rules of its own */
	assert_int_equal(run("\x9c", 1), INTERP_UNKNOWN);
	x.rflags |= 0x3000;
	DONE("\x9c");
	assert_true(peek(0x6ffe, 2) == 0x3002);
	control[VREG_CR4] = 0x800;	/* UMIP */
	gpr[RBX] = DATA;
	FAULT("\x0f\x01\x27", GP, 0);
	control[VREG_CR4] = 0;
	DONE("\x0f\x01\x27");
	assert_int_equal(peek(DATA, 4), 0x11);
}

static void descriptor(unsigned int selector, uint64_t d)
{
	memcpy(memory + GDT + selector, &d, 8);
}

static void test_segment_loads(void **state)
{
	(void)state;
	machine(32);
	descriptor(0x18, 0x00cf92000000ffff);	/* flat data, not accessed */
	descriptor(0x20, 0x0040f20012340123);	/* level 3, small */
	descriptor(0x28, 0x00cf12000000ffff);	/* not present */
	descriptor(0x30, 0x00cf98000000ffff);	/* execute-only code */
	gpr[RAX] = 0x18;
	DONE("\x8e\xd8");
	assert_true(segments[SEG_DS].selector == 0x18 && segments[SEG_DS].access == 0xc093 && segments[SEG_DS].limit == 0xffffffff);
	assert_int_equal(memory[GDT + 0x18 + 5], 0x93);	/* marked */
	assert_int_equal(x.shadow, 0);
	DONE("\x8e\xd0");
	assert_int_equal(x.shadow, BLOCKING_BY_MOV_SS);
	gpr[RAX] = 0x23;
	DONE("\x8e\xc0");
	assert_true(segments[SEG_ES].base == 0x1234 && segments[SEG_ES].limit == 0x123 && segments[SEG_ES].access == 0x40f3);
	FAULT("\x8e\xd0", GP, 0x20);
	gpr[RAX] = 0x28;
	FAULT("\x8e\xc0", NP, 0x28);
	FAULT("\x8e\xd0", SS, 0x28);
	gpr[RAX] = 0x30;
	FAULT("\x8e\xc0", GP, 0x30);
	gpr[RAX] = 0x80;
	FAULT("\x8e\xc0", GP, 0x80);		/* beyond the table */
	gpr[RAX] = 0x0c;
	FAULT("\x8e\xc0", GP, 0x0c);		/* no LDT */
	gpr[RAX] = 3;
	DONE("\x8e\xe8");			/* null */
	assert_int_equal(segments[SEG_GS].access, SEGMENT_UNUSABLE);
	FAULT("\x8e\xd0", GP, 0);
	memcpy(memory + DATA, "\x78\x56\x34\x12\x18\x00", 6);
	gpr[RBX] = DATA;
	DONE("\x0f\xb4\x0b");			/* lfs ecx, [ebx] */
	assert_true(gpr[RCX] == 0x12345678 && segments[SEG_FS].selector == 0x18);
	gpr[RSP] = 0x7000;
	DONE("\x0f\xa0");			/* push fs, pop es */
	DONE("\x07");
	assert_true(segments[SEG_ES].selector == 0x18 && gpr[RSP] == 0x7000);
	DONE("\x8c\x03");
	assert_int_equal(peek(DATA, 4), 0x12340000 | segments[SEG_ES].selector);
	machine(16);
	gpr[RAX] = 0x1234;
	DONE("\x8e\xd8");
	assert_true(segments[SEG_DS].base == 0x12340 && segments[SEG_DS].limit == 0xffff);
}

/* LLDT, LTR and their opposites: the tables' entries have 16 bytes in 64-bit mode. */
static void test_system_segments(void **state)
{
	(void)state;
	machine(32);
	descriptor(0x18, 0x0000820012340067);	/* an LDT */
	descriptor(0x20, 0x0000890056780067);	/* a task that is not busy */
	descriptor(0x28, 0x0000090056780067);	/* one that is not present */
	descriptor(0x30, 0x00cf92000000ffff);
	descriptor(0x38, 0x0000810056780067);	/* of 16 bits */
	gpr[RAX] = 0x18;
	DONE("\x0f\x00\xd0");			/* lldt ax */
	assert_true(segments[SEG_LDTR].selector == 0x18 && segments[SEG_LDTR].base == 0x1234 && segments[SEG_LDTR].limit == 0x67);
	assert_int_equal(segments[SEG_LDTR].access, 0x82);
	FAULT("\x0f\x00\xd8", GP, 0x18);	/* ltr ax */
	gpr[RAX] = 0x20;
	FAULT("\x0f\x00\xd0", GP, 0x20);
	DONE("\x0f\x00\xd8");
	assert_true(segments[SEG_TR].selector == 0x20 && segments[SEG_TR].base == 0x5678 && segments[SEG_TR].access == 0x8b);
	assert_int_equal(memory[GDT + 0x20 + 5], 0x8b);
	FAULT("\x0f\x00\xd8", GP, 0x20);	/* busy now */
	gpr[RAX] = 0x28;
	FAULT("\x0f\x00\xd8", NP, 0x28);
	gpr[RAX] = 0x30;
	FAULT("\x0f\x00\xd8", GP, 0x30);
	gpr[RAX] = 0x24;
	FAULT("\x0f\x00\xd8", GP, 0x24);	/* in the LDT */
	gpr[RAX] = 0x80;
	FAULT("\x0f\x00\xd8", GP, 0x80);
	gpr[RAX] = 3;
	FAULT("\x0f\x00\xd8", GP, 0);
	DONE("\x0f\x00\xd0");
	assert_true(segments[SEG_LDTR].selector == 3 && (segments[SEG_LDTR].access & SEGMENT_UNUSABLE));
	gpr[RBX] = DATA;
	memcpy(memory + DATA, "\x38\x00\x11\x11", 4);
	DONE("\x0f\x00\x1b");			/* ltr [ebx] */
	assert_true(segments[SEG_TR].selector == 0x38 && segments[SEG_TR].access == 0x83);
	DONE("\x0f\x00\x03");			/* sldt [ebx] */
	assert_int_equal(peek(DATA, 4), 0x11110003);
	gpr[RCX] = 0xffffffff;
	DONE("\x0f\x00\xc9");			/* str ecx */
	assert_int_equal((uint32_t)gpr[RCX], 0x38);

	machine(64);
	descriptor(0x18, 0x0000890056780067);
	descriptor(0x20, 0x00000000ffff8000);
	descriptor(0x28, 0x0000890056780067);
	descriptor(0x30, 0x000001000000ffff);	/* with a type above */
	descriptor(0x38, 0x0000810056780067);
	descriptor(0x78, 0x0000890056780067);	/* half of it beyond the table */
	gpr[RAX] = 0x18;
	DONE("\x0f\x00\xd8");
	assert_true(segments[SEG_TR].base == 0xffff800000005678 && segments[SEG_TR].access == 0x8b);
	gpr[RAX] = 0x28;
	FAULT("\x0f\x00\xd8", GP, 0x28);
	gpr[RAX] = 0x38;
	FAULT("\x0f\x00\xd8", GP, 0x38);
	gpr[RAX] = 0x78;
	FAULT("\x0f\x00\xd8", GP, 0x78);
}

static void test_far(void **state)
{
	(void)state;
	machine(32);
	segments[SEG_CS].selector = 0x38;
	descriptor(0x40, 0x00cf9a000000ffff);	/* code */
	descriptor(0x48, 0x0000ec0000400000);	/* a call gate */
	descriptor(0x50, 0x00409a000000000f);	/* 16 bytes of code */
	DONE("\xea\x78\x56\x34\x12\x40\x00");
	assert_true(x.rip == 0x12345678 && segments[SEG_CS].selector == 0x40 && segments[SEG_CS].access == 0xc09b && x.branched);
	DONE("\x9a\x00\x30\x00\x00\x40\x00");
	assert_true(x.rip == 0x3000 && gpr[RSP] == 0x6ff8 && peek(0x6ffc, 4) == 0x40 && peek(0x6ff8, 4) == 0x1234567f);
	DONE("\xcb");
	assert_true(x.rip == 0x1234567f && gpr[RSP] == 0x7000);
	DONE("\xea\x78\x56\x34\x12\x48\x00");
	assert_true(x.rip == 0 && segments[SEG_CS].selector == 0x40 && gpr[RSP] == 0x7000);
	FAULT("\xea\x10\x00\x00\x00\x50\x00", GP, 0);
	FAULT("\x9a\x10\x00\x00\x00\x50\x00", GP, 0);
	FAULT("\xea\x10\x00\x00\x00\x00\x00", GP, 0);
	FAULT("\xea\x10\x00\x00\x00\x18\x00", GP, 0x18);
	memcpy(memory + 0x7004, "\x43", 1);
	FAULT("\xcb", GP, 0x40);		/* to level 3, and the code is level 0's */
	machine(16);
	memcpy(memory + DATA, "\x22\x11\x00\x40", 4);
	gpr[RBX] = DATA;
	DONE("\xff\x1f");			/* call far [bx] */
	assert_true(x.rip == 0x1122 && segments[SEG_CS].base == 0x40000 && peek(0x6ffc, 4) == 0x00102002);
	DONE("\xca\x04\x00");
	assert_true(x.rip == 0x2002 && segments[SEG_CS].selector == 0x10 && gpr[RSP] == 0x7004);
}

#define TEST(name) cmocka_unit_test(name)

/* LAR, LSL, VERR, VERW, ARPL: ZF is the answer, and only page faults are faults. */
static void test_questions(void **state)
{
	(void)state;
	machine(32);
	gpr[RBX] = DATA;
	descriptor(0x10, 0x00cf92000000ffff);	/* data, level 0, 4 GiB */
	descriptor(0x18, 0x0040f80000001234);	/* execute-only code, level 3 */
	descriptor(0x20, 0x00409e0000001000);	/* conforming code, level 0 */
	descriptor(0x28, 0x00008900000010ff);	/* a task */
	descriptor(0x30, 0x00008e0000080000);	/* an interrupt gate */
	memory[DATA] = 0x10;
	DONE("\x0f\x02\x0b");			/* lar ecx, [ebx] */
	assert_true((x.rflags & ZF) && gpr[RCX] == 0xcf9200);
	DONE("\x0f\x03\x0b");			/* lsl ecx, [ebx] */
	assert_true((x.rflags & ZF) && gpr[RCX] == 0xffffffff);
	DONE("\x0f\x00\x2b");			/* verw [ebx] */
	assert_true(x.rflags & ZF);
	memory[DATA] = 0x18;
	DONE("\x0f\x00\x23");			/* verr [ebx] */
	assert_false(x.rflags & ZF);
	DONE("\x66\x0f\x03\x0b");		/* lsl cx, [ebx] */
	assert_true((x.rflags & ZF) && gpr[RCX] == 0xffff1234);
	memory[DATA] = 0x28;
	DONE("\x0f\x02\x0b");
	assert_true((x.rflags & ZF) && gpr[RCX] == 0x8900);
	DONE("\x0f\x00\x23");
	assert_false(x.rflags & ZF);
	memory[DATA] = 0x30;
	gpr[RCX] = 5;
	DONE("\x0f\x02\x0b");
	assert_true(!(x.rflags & ZF) && gpr[RCX] == 5);
	memory[DATA] = 0x98;			/* beyond the table's end */
	DONE("\x0f\x03\x0b");
	assert_true(!(x.rflags & ZF) && gpr[RCX] == 5);
	level(3);
	memory[DATA] = 0x10;
	DONE("\x0f\x00\x23");
	assert_false(x.rflags & ZF);
	memory[DATA] = 0x20;
	DONE("\x0f\x00\x23");			/* conforming code is everyone's */
	assert_true(x.rflags & ZF);
	gpr[RCX] = 3;
	stores = 0;
	DONE("\x63\x0b");			/* arpl [ebx], cx */
	assert_true((x.rflags & ZF) && memory[DATA] == 0x23);
	DONE("\x63\x0b");
	assert_true(!(x.rflags & ZF) && stores == 1);
	control[VREG_GDTR_BASE] = HOLE;
	FAULT("\x0f\x02\x0b", PF, 0);
	x.rflags |= VM;
	FAULT("\x63\x0b", UD, -1);
	FAULT("\x0f\x02\x0b", UD, -1);
	machine(16);
	FAULT("\x0f\x00\x27", UD, -1);
}

static void test_table_registers(void **state)
{
	(void)state;
	machine(64);
	gpr[RBX] = DATA;
	memcpy(memory + DATA, "\x34\x12\x11\x22\x33\x44\x55\x00\x00\x00", 10);
	DONE("\x0f\x01\x13");			/* lgdt [rbx] */
	assert_true(control[VREG_GDTR_LIMIT] == 0x1234 && control[VREG_GDTR_BASE] == 0x5544332211);
	DONE("\x0f\x01\x43\x20");		/* sgdt [rbx + 32] */
	assert_memory_equal(memory + DATA, memory + DATA + 32, 10);
	memory[DATA + 9] = 1;
	FAULT("\x0f\x01\x1b", GP, 0);		/* lidt: not canonical */
	level(3);
	FAULT("\x0f\x01\x13", GP, 0);
	DONE("\x0f\x01\x4b\x20");		/* sidt */
	control[VREG_CR4] |= 0x800;		/* UMIP */
	FAULT("\x0f\x01\x4b\x20", GP, 0);
	machine(32);
	gpr[RBX] = DATA;
	memcpy(memory + DATA, "\x34\x12\x11\x22\x33\x44\x55", 7);
	DONE("\x66\x0f\x01\x1b");		/* lidt with 24 bits */
	assert_true(control[VREG_IDTR_LIMIT] == 0x1234 && control[VREG_IDTR_BASE] == 0x332211);
	DONE("\x0f\x01\x1b");
	assert_true(control[VREG_IDTR_BASE] == 0x44332211);
	DONE("\x66\x0f\x01\x4b\x20");
	assert_true(memory[DATA + 37] == 0x44 && memory[DATA + 38] == 0);
	gpr[RBX] = HOLE + 0x1000;
	FAULT("\x0f\x01\x0b", PF, INTERP_WRITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stack), TEST(test_flags_and_levels), TEST(test_segment_loads), TEST(test_system_segments),
		TEST(test_far), TEST(test_questions), TEST(test_table_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
