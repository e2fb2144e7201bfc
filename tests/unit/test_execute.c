/* Tests the executor where Unicorn cannot: protection, faults in the middle, segments, stacks, far transfers, AVX.
 * Part: unit tests, on the host; `make fuzz` compares the rest with Unicorn.
 * UNIT: $(INTERPRETER)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/interpreter/execute.h"

#define MEMORY 0x10000u
#define GDT 0x1000u
#define DATA 0x4000u
#define HOLE 0x8000u	/* this page is not there; the one after it only for reading */

enum { DE = 0, BR = 5, UD = 6, NM = 7, NP = 11, SS = 12, GP = 13, PF = 14, AC = 17 };
enum { CF = 1, PF_FLAG = 4, ZF = 0x40, SF = 0x80, TF = 0x100, IF = 0x200, DF = 0x400, OF = 0x800, VM = 0x20000, RF = 0x10000, AC_FLAG = 0x40000 };

static uint8_t memory[MEMORY];
static uint64_t gpr[16], control[VREGS];
static struct segment segments[SEGS];
static uint8_t vectors[16][64];
static unsigned int loads, stores, ins, outs;
static uint64_t last_out;
static struct interp x;
static struct insn insn;

static enum interp_result prepare(struct interp *m, struct interp_place *p, uint64_t linear, uint32_t n, uint32_t access)
{
	uint64_t last = linear + n - 1;

	*p = (struct interp_place){ .linear = linear, .n = n, .access = access };
	for (uint64_t page = linear >> 12; page <= last >> 12; page++)
		if (page >= MEMORY >> 12 || page == HOLE >> 12 || (page == (HOLE >> 12) + 1 && (access & INTERP_WRITE))) {
			m->fault = (struct interp_fault){ .vector = PF, .has_error = true, .error = access & INTERP_WRITE,
							  .address = page == linear >> 12 ? linear : page << 12 };
			return INTERP_FAULT;
		}
	return INTERP_DONE;
}

static void load(struct interp *m, const struct interp_place *p, void *to)
{
	(void)m;
	assert_true(p->access & INTERP_READ);
	loads++;
	memcpy(to, memory + p->linear, p->n);
}

static void store(struct interp *m, const struct interp_place *p, const void *from)
{
	(void)m;
	assert_true(p->access & INTERP_WRITE);
	stores++;
	memcpy(memory + p->linear, from, p->n);
}

static uint64_t in(struct interp *m, uint16_t port, unsigned int size)
{
	(void)m;
	assert_int_equal(port, 0x80);
	return (0x11223344u + ins++) & (UINT64_MAX >> (64 - 8 * size));
}

static void out(struct interp *m, uint16_t port, unsigned int size, uint64_t value)
{
	(void)m;
	(void)size;
	assert_int_equal(port, 0x80);
	outs++;
	last_out = value;
}

static uint64_t get(struct interp *m, enum vreg reg)
{
	(void)m;
	return control[reg];
}

static void get_segment(struct interp *m, enum seg seg, struct segment *s)
{
	(void)m;
	*s = segments[seg];
}

static void set_segment(struct interp *m, enum seg seg, const struct segment *s)
{
	(void)m;
	segments[seg] = *s;
}

static void get_vector(struct interp *m, unsigned int n, void *to, unsigned int bytes)
{
	(void)m;
	memcpy(to, vectors[n], bytes);
}

static void set_vector(struct interp *m, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	(void)m;
	if (zero_rest)
		memset(vectors[n], 0, 64);
	memcpy(vectors[n], from, bytes);
}

static const struct interp_ops ops = {
	.prepare = prepare, .load = load, .store = store, .in = in, .out = out, .get = get, .get_segment = get_segment,
	.set_segment = set_segment, .get_vector = get_vector, .set_vector = set_vector,
};

/* Flat, level 0; bits 16 = real mode. */
static void machine(unsigned int bits)
{
	memset(memory, 0, sizeof(memory));
	memset(gpr, 0, sizeof(gpr));
	memset(control, 0, sizeof(control));
	memset(vectors, 0xee, sizeof(vectors));
	loads = stores = ins = outs = 0;
	for (unsigned int n = 0; n < SEGS; n++)
		segments[n] = (struct segment){ .selector = 0x10, .limit = bits == 16 ? 0xffff : 0xffffffff, .access = bits == 16 ? 0x93 : 0xc093 };
	segments[SEG_CS].access = bits == 16 ? 0x93 : bits == 32 ? 0xc09b : 0xa09b;
	segments[SEG_LDTR].access = SEGMENT_UNUSABLE;
	control[VREG_CR0] = bits == 16 ? 0x10 : 0x11;
	control[VREG_CR4] = 0x40600;
	control[VREG_XCR0] = 7;
	control[VREG_EFER] = bits == 64 ? 0x500 : 0;
	control[VREG_GDTR_BASE] = GDT;
	control[VREG_GDTR_LIMIT] = 0x7f;
	gpr[RSP] = 0x7000;
	x = (struct interp){ .ops = &ops, .gpr = gpr, .rip = 0x2000, .rflags = 2, .batch = 1000,
			     .features = INTERP_HAS_TZCNT | INTERP_HAS_LZCNT };
	insn.bits = (uint8_t)bits;
}

static void level(unsigned int cpl)
{
	segments[SEG_SS].access = (segments[SEG_SS].access & ~0x60u) | cpl << 5;
}

static enum interp_result run(const char *bytes, size_t n)
{
	assert_int_equal(decode_insn((const uint8_t *)bytes, n, insn.bits, &insn), DECODE_OK);
	assert_int_equal(insn.length, n);
	return interp_execute(&x, &insn);
}

#define DONE(bytes)                                                                  \
	do {                                                                         \
		assert_int_equal(run(bytes, sizeof(bytes) - 1), INTERP_DONE);       \
	} while (0)

static void faults(const char *bytes, size_t n, unsigned int vector, int error)
{
	uint64_t before[16], flags = x.rflags, rip = x.rip;
	unsigned int old = stores;

	memcpy(before, gpr, sizeof(gpr));
	assert_int_equal(run(bytes, n), INTERP_FAULT);
	assert_int_equal(x.fault.vector, vector);
	assert_int_equal(x.fault.has_error, error >= 0);
	if (error >= 0)
		assert_int_equal(x.fault.error, (uint32_t)error);
	assert_memory_equal(before, gpr, sizeof(gpr));
	assert_true(x.rflags == flags && x.rip == rip && stores == old);
}

#define FAULT(bytes, vector, error) faults(bytes, sizeof(bytes) - 1, vector, error)

static uint64_t peek(uint64_t at, unsigned int n)
{
	uint64_t v = 0;

	memcpy(&v, memory + at, n);
	return v;
}

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
		TEST(test_segment_limits), TEST(test_segment_types), TEST(test_canonical), TEST(test_alignment), TEST(test_once),
		TEST(test_strings_fault_in_the_middle), TEST(test_string_batches), TEST(test_wrap), TEST(test_stack),
		TEST(test_flags_and_levels), TEST(test_segment_loads), TEST(test_system_segments), TEST(test_far), TEST(test_what_unicorn_has_not),
		TEST(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
