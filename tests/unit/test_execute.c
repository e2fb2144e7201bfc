/* Tests the executor where Unicorn cannot: protection of operands, faults in the middle, strings, AVX.
 * Part: unit tests, on the host; `make fuzz` compares the rest with Unicorn.
 * UNIT: $(INTERPRETER)
 */
#include "tests/unit/execute_fake.h"

static void test_segment_limits(void **state)
{
	(void)state;
	machine(32);
	segments[SEG_DS].limit = 0x4fff;
	gpr[RBX] = 0x4ffc;
	DONE("\x8b\x03");
	gpr[RBX] = 0x4ffd;
	FAULT("\x8b\x03", GP, 0);
	FAULT("\x89\x03", GP, 0);
	gpr[RBX] = 0xfffffffd;		/* does not wrap into the segment */
	FAULT("\x8b\x03", GP, 0);
	segments[SEG_SS].limit = 0x4fff;
	gpr[RBP] = 0x4ffd;
	FAULT("\x8b\x45\x00", SS, 0);
	FAULT("\x36\x8b\x03", SS, 0);
	segments[SEG_DS].access = 0xc097;	/* expand-down: above the limit */
	gpr[RBX] = 0x5000;
	DONE("\x8b\x03");
	gpr[RBX] = 0x4fff;
	FAULT("\x8b\x03", GP, 0);
	segments[SEG_DS].access = 0x0097;	/* and up to 64 KiB */
	gpr[RBX] = 0xfffc;
	DONE("\x8b\x03");
	gpr[RBX] = 0xfffd;
	FAULT("\x8b\x03", GP, 0);
	machine(16);
	gpr[RBX] = 0xffff;
	FAULT("\x8b\x07", GP, 0);
	gpr[RSP] = 1;
	FAULT("\x50", SS, 0);
}

static void test_segment_types(void **state)
{
	(void)state;
	machine(32);
	gpr[RBX] = DATA;
	segments[SEG_ES].access = SEGMENT_UNUSABLE;
	FAULT("\x26\x8b\x03", GP, 0);
	FAULT("\xaa", GP, 0);
	segments[SEG_ES].access = 0xc091;	/* read-only data */
	DONE("\x26\x8b\x03");
	FAULT("\x26\x89\x03", GP, 0);
	FAULT("\x26\x01\x03", GP, 0);
	FAULT("\x2e\x89\x03", GP, 0);		/* code is not written */
	DONE("\x2e\x8b\x03");
	segments[SEG_CS].access = 0xc099;	/* nor read, if it is for execution only */
	FAULT("\x2e\x8b\x03", GP, 0);
	machine(16);				/* real mode does not ask */
	gpr[RBX] = DATA;
	DONE("\x2e\x89\x07");
	machine(32);
	x.rflags |= VM;				/* nor does virtual-8086 mode */
	gpr[RBX] = DATA;
	DONE("\x2e\x89\x03");
}

static void test_canonical(void **state)
{
	(void)state;
	machine(64);
	gpr[RBX] = 0x800000000000;
	FAULT("\x8b\x03", GP, 0);
	gpr[RBX] = 0x7ffffffffffd;		/* the last byte is beyond */
	FAULT("\x8b\x03", GP, 0);
	gpr[RBP] = gpr[RSP] = 0xffff700000000000;
	FAULT("\x8b\x45\x00", SS, 0);
	FAULT("\x50", SS, 0);
	FAULT("\x58", SS, 0);
	segments[SEG_GS].base = 0x1000000000000000;
	gpr[RBX] = DATA;
	FAULT("\x65\x8b\x03", GP, 0);
	segments[SEG_DS] = (struct segment){ .access = SEGMENT_UNUSABLE };	/* means nothing in 64-bit mode */
	DONE("\x8b\x03");
	gpr[RBX] = 0x800000000000;
	FAULT("\xff\xe3", GP, 0);		/* the branch itself faults */
	gpr[RSP] = 0x7000;
	memcpy(memory + 0x7000, &gpr[RBX], 8);
	FAULT("\xc3", GP, 0);
}

static void test_alignment(void **state)
{
	(void)state;
	machine(64);
	gpr[RBX] = DATA + 1;
	x.rflags |= AC_FLAG;
	level(3);
	DONE("\x8b\x03");			/* CR0.AM is off */
	control[VREG_CR0] |= 1u << 18;
	FAULT("\x8b\x03", AC, 0);
	DONE("\x8a\x03");
	level(0);
	DONE("\x8b\x03");
	FAULT("\x0f\x28\x03", GP, 0);		/* MOVAPS */
	DONE("\x0f\x10\x03");
	gpr[RBX] = DATA + 8;
	FAULT("\x48\x0f\xc7\x0b", GP, 0);	/* CMPXCHG16B */
	DONE("\x0f\xc7\x0b");
	gpr[RBX] = HOLE + 1;
	level(3);
	FAULT("\x8b\x03", PF, 0);		/* a page fault goes first */
}

/* A read-modify-write reads once and writes once, and what cannot be written is not read either. */
static void test_once(void **state)
{
	static const struct { const char *bytes; unsigned int n; } cases[] = {
		{ "\x01\x03", 2 }, { "\xff\x03", 2 }, { "\xd1\x23", 2 }, { "\xf7\x1b", 2 }, { "\x87\x03", 2 }, { "\x0f\xc1\x03", 3 },
		{ "\x0f\xb1\x03", 3 }, { "\x0f\xc7\x0b", 3 }, { "\x0f\xba\x2b\x05", 4 }, { "\x0f\xa4\x03\x05", 4 }, { "\x83\x33\x07", 3 },
		{ "\xc1\x13\x20", 3 },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(cases); n++) {
		machine(32);
		gpr[RBX] = DATA;
		memory[DATA] = 0x77;
		assert_int_equal(run(cases[n].bytes, cases[n].n), INTERP_DONE);
		assert_true(loads == 1 && stores == 1);
		gpr[RBX] = HOLE + 0x1000;
		faults(cases[n].bytes, cases[n].n, PF, INTERP_WRITE);
		assert_int_equal(loads, 1);
		gpr[RBX] = HOLE - 2;
		faults(cases[n].bytes, cases[n].n, PF, INTERP_WRITE);
		assert_true(x.fault.address == HOLE);
	}
}

static void test_strings_fault_in_the_middle(void **state)
{
	(void)state;
	machine(64);
	memset(memory + HOLE - 16, 0x41, 16);
	gpr[RSI] = HOLE - 12;
	gpr[RDI] = DATA;
	gpr[RCX] = 10;
	assert_int_equal(run("\xf3\xa5", 2), INTERP_FAULT);	/* rep movsd */
	assert_true(gpr[RSI] == HOLE && gpr[RDI] == DATA + 12 && gpr[RCX] == 7 && x.rip == 0x2000);
	assert_true(x.fault.vector == PF && x.fault.address == HOLE && peek(DATA + 8, 8) == 0x41414141);
	gpr[RSI] = DATA;
	gpr[RDI] = HOLE - 4;
	gpr[RCX] = 10;
	assert_int_equal(run("\xf3\xa5", 2), INTERP_FAULT);
	assert_true(gpr[RSI] == DATA + 4 && gpr[RDI] == HOLE && gpr[RCX] == 9 && x.fault.error == INTERP_WRITE);
	gpr[RDI] = HOLE - 2;
	gpr[RCX] = 5;
	gpr[RDX] = 0x80;
	assert_int_equal(run("\xf3\x6c", 2), INTERP_FAULT);	/* rep insb: the port is not read for nothing */
	assert_true(ins == 2 && gpr[RCX] == 3);
	gpr[RSI] = HOLE - 3;
	gpr[RCX] = 5;
	assert_int_equal(run("\xf3\x6e", 2), INTERP_FAULT);
	assert_true(outs == 3 && last_out == 0x45 && gpr[RCX] == 2);
	gpr[RDI] = HOLE + 0x1ffe;	/* scasb ends with the count or what it finds */
	memory[HOLE + 0x2001] = 9;
	gpr[RCX] = 100;
	gpr[RAX] = 9;
	DONE("\xf2\xae");
	assert_true(gpr[RCX] == 96 && gpr[RDI] == HOLE + 0x2002 && (x.rflags & ZF));
}

static void test_string_batches(void **state)
{
	(void)state;
	machine(32);
	x.batch = 4;
	gpr[RDI] = DATA + 100;
	gpr[RCX] = 9;
	gpr[RAX] = 0x5a;
	x.rflags |= DF | RF;
	assert_int_equal(run("\xf3\xaa", 2), INTERP_AGAIN);
	assert_true(gpr[RCX] == 5 && gpr[RDI] == DATA + 96 && x.rip == 0x2000 && (x.rflags & RF));
	assert_int_equal(run("\xf3\xaa", 2), INTERP_AGAIN);
	DONE("\xf3\xaa");
	assert_true(gpr[RCX] == 0 && gpr[RDI] == DATA + 91 && x.rip == 0x2002 && !(x.rflags & RF));
	assert_int_equal(stores, 9);
	x.rip = 0x2000;
	gpr[RCX] = 4;			/* exactly a batch */
	DONE("\xf3\xaa");
	machine(64);			/* 32-bit addresses clear the upper halves */
	gpr[RDI] = 0xaaaaaaaa00000000 | DATA;
	gpr[RCX] = 0xbbbbbbbb00000002;
	DONE("\x67\xf3\xaa");
	assert_true(gpr[RDI] == DATA + 2 && gpr[RCX] == 0);
	machine(16);			/* 16-bit ones keep what is above */
	gpr[RDI] = 0x5555ffff;
	gpr[RCX] = 0x66660002;
	DONE("\xf3\xaa");
	assert_true(gpr[RDI] == 0x55550001 && gpr[RCX] == 0x66660000);
}

/* RIP wraps with the code size: 32-bit code may end at 4 GiB. */
static void test_wrap(void **state)
{
	(void)state;
	machine(32);
	gpr[RBX] = DATA;
	x.rip = 0xfffffffe;
	DONE("\x8b\x03");
	assert_true(x.rip == 0);
	x.rip = 0xfffffffc;
	DONE("\xeb\x10");
	assert_true(x.rip == 0xe && x.branched);
	machine(64);
	gpr[RBX] = DATA;
	x.rip = 0xfffffffe;
	DONE("\x8b\x03");
	assert_true(x.rip == 0x100000000);
	x.rip = 0xfff0;
	machine(16);
	x.rip = 0xfff0;
	DONE("\xeb\x20");
	assert_true(x.rip == 0x12);
	segments[SEG_CS].limit = 0x1fff;
	x.rip = 0x1ff0;
	FAULT("\xeb\x20", GP, 0);
}

static void test_what_unicorn_has_not(void **state)
{
	(void)state;
	machine(64);
	gpr[RBX] = DATA;
	memcpy(memory + DATA, "\x01\x02\x03\x84\x05\x06\x07\x08", 8);
	DONE("\x0f\x38\xf0\x03");		/* movbe eax, [rbx] */
	assert_true(gpr[RAX] == 0x01020384);
	DONE("\x48\x0f\x38\xf1\x43\x08");
	assert_true(peek(DATA + 8, 8) == 0x8403020100000000);
	DONE("\xf3\x48\x0f\xb8\x0b");
	assert_true(gpr[RCX] == 1 + 1 + 2 + 2 + 2 + 2 + 3 + 1 && !(x.rflags & ZF));
	memset(memory + DATA, 0, 8);
	gpr[RCX] = 0x1234567800000009;
	DONE("\x0f\xbc\x0b");			/* bsf of 0 leaves the register */
	assert_true(gpr[RCX] == 0x1234567800000009 && (x.rflags & ZF));
	DONE("\xf3\x0f\xbc\x0b");
	assert_true(gpr[RCX] == 32 && (x.rflags & CF));
	x.features = 0;				/* a processor without TZCNT takes it for BSF */
	gpr[RCX] = 5;
	DONE("\xf3\x0f\xbc\x0b");
	assert_true(gpr[RCX] == 5);
	memory[DATA + 1] = 1;
	DONE("\xf3\x0f\xbd\x0b");
	assert_true(gpr[RCX] == 8);
	gpr[RCX] = (uint64_t)-65;		/* BTS by a signed number beyond the operand */
	gpr[RBX] = DATA + 16;
	DONE("\x48\x0f\xab\x0b");
	assert_int_equal(memory[DATA + 7], 0x80);
	gpr[RBX] = DATA;
	FAULT("\x0f\x0b", UD, -1);
	gpr[RDX] = 0x100;
	FAULT("\xf7\x33", DE, -1);
	machine(32);
	gpr[RBX] = DATA;
	memcpy(memory + DATA, "\xf0\xff\xff\xff\x10\0\0\0", 8);
	gpr[RAX] = 0xfffffff0;
	DONE("\x62\x03");
	gpr[RAX] = 0x11;
	FAULT("\x62\x03", BR, -1);
	assert_int_equal(run("\x0f\xae\x03", 3), INTERP_UNKNOWN);	/* FXSAVE */
}

static void test_vectors(void **state)
{
	(void)state;
	machine(64);
	gpr[RBX] = DATA;
	for (unsigned int n = 0; n < 32; n++)
		memory[DATA + n] = (uint8_t)n;
	DONE("\x0f\x10\x0b");			/* movups xmm1, [rbx] */
	assert_memory_equal(vectors[1], memory + DATA, 16);
	assert_int_equal(vectors[1][16], 0xee);	/* SSE leaves the rest */
	DONE("\xc5\xf8\x10\x0b");		/* VEX clears it */
	assert_int_equal(vectors[1][16], 0);
	DONE("\xc5\xfe\x6f\x13");		/* vmovdqu ymm2, [rbx] */
	assert_memory_equal(vectors[2], memory + DATA, 32);
	assert_int_equal(vectors[2][32], 0);
	gpr[RBX] = DATA + 0x50;
	FAULT("\xc5\xfd\x7f\x13", GP, 0);	/* vmovdqa wants 32 */
	DONE("\xc5\xfe\x7f\x13");
	assert_memory_equal(memory + DATA + 0x50, memory + DATA, 32);
	assert_int_equal(stores, 1);
	gpr[RBX] = DATA;
	DONE("\xc5\xe8\x12\x1b");		/* vmovlps xmm3, xmm2, [rbx] */
	assert_memory_equal(vectors[3] + 8, memory + DATA + 8, 8);
	DONE("\xf3\x0f\x10\x23");		/* movss clears the rest of 16 */
	assert_true(vectors[4][3] == 3 && vectors[4][4] == 0 && vectors[4][15] == 0 && vectors[4][16] == 0xee);
	control[VREG_CR0] |= 8;			/* TS */
	FAULT("\x0f\x10\x0b", NM, -1);
	FAULT("\xc5\xf8\x10\x0b", NM, -1);
	control[VREG_CR0] = 0x15;		/* EM */
	FAULT("\x0f\x10\x0b", UD, -1);
	control[VREG_CR0] = 0x11;
	control[VREG_CR4] = 0x40400;		/* no OSFXSR */
	FAULT("\x0f\x10\x0b", UD, -1);
	DONE("\xc5\xf8\x10\x0b");
	control[VREG_XCR0] = 3;
	FAULT("\xc5\xf8\x10\x0b", UD, -1);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_segment_limits), TEST(test_segment_types), TEST(test_canonical), TEST(test_alignment),
		TEST(test_once), TEST(test_strings_fault_in_the_middle), TEST(test_string_batches), TEST(test_wrap),
		TEST(test_what_unicorn_has_not), TEST(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
