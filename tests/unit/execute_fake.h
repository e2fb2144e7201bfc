/* A machine for the tests of the executor: 64 KiB with a hole, registers in arrays; it counts what is loaded and stored. */
/* Part: unit tests, on the host; included by one test file each. */
#ifndef TESTS_UNIT_EXECUTE_FAKE_H
#define TESTS_UNIT_EXECUTE_FAKE_H

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

static inline enum interp_result prepare(struct interp *m, struct interp_place *p, uint64_t linear, uint32_t n, uint32_t access)
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

static inline void load(struct interp *m, const struct interp_place *p, void *to)
{
	(void)m;
	assert_true(p->access & INTERP_READ);
	loads++;
	memcpy(to, memory + p->linear, p->n);
}

static inline void store(struct interp *m, const struct interp_place *p, const void *from)
{
	(void)m;
	assert_true(p->access & INTERP_WRITE);
	stores++;
	memcpy(memory + p->linear, from, p->n);
}

static inline uint64_t in(struct interp *m, uint16_t port, unsigned int size)
{
	(void)m;
	assert_int_equal(port, 0x80);
	return (0x11223344u + ins++) & (UINT64_MAX >> (64 - 8 * size));
}

static inline void out(struct interp *m, uint16_t port, unsigned int size, uint64_t value)
{
	(void)m;
	(void)size;
	assert_int_equal(port, 0x80);
	outs++;
	last_out = value;
}

static inline uint64_t get(struct interp *m, enum vreg reg)
{
	(void)m;
	return control[reg];
}

static inline void set(struct interp *m, enum vreg reg, uint64_t value)
{
	(void)m;
	control[reg] = value;
}

static inline void get_segment(struct interp *m, enum seg seg, struct segment *s)
{
	(void)m;
	*s = segments[seg];
}

static inline void set_segment(struct interp *m, enum seg seg, const struct segment *s)
{
	(void)m;
	segments[seg] = *s;
}

static inline void get_vector(struct interp *m, unsigned int n, void *to, unsigned int bytes)
{
	(void)m;
	memcpy(to, vectors[n], bytes);
}

static inline void set_vector(struct interp *m, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	(void)m;
	if (zero_rest)
		memset(vectors[n], 0, 64);
	memcpy(vectors[n], from, bytes);
}

static const struct interp_ops ops = {
	.prepare = prepare, .load = load, .store = store, .in = in, .out = out, .get = get, .set = set, .get_segment = get_segment,
	.set_segment = set_segment, .get_vector = get_vector, .set_vector = set_vector,
};

/* Flat, level 0; bits 16 = real mode. */
static inline void machine(unsigned int bits)
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

static inline void level(unsigned int cpl)
{
	segments[SEG_SS].access = (segments[SEG_SS].access & ~0x60u) | cpl << 5;
}

static inline enum interp_result run(const char *bytes, size_t n)
{
	assert_int_equal(decode_insn((const uint8_t *)bytes, n, insn.bits, &insn), DECODE_OK);
	assert_int_equal(insn.length, n);
	return interp_execute(&x, &insn);
}

#define DONE(bytes)                                                                  \
	do {                                                                         \
		assert_int_equal(run(bytes, sizeof(bytes) - 1), INTERP_DONE);       \
	} while (0)

static inline void faults(const char *bytes, size_t n, unsigned int vector, int error)
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

static inline uint64_t peek(uint64_t at, unsigned int n)
{
	uint64_t v = 0;

	memcpy(&v, memory + at, n);
	return v;
}

#endif
