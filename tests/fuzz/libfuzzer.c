/* libFuzzer's target: bytes become a mode, registers, segments and code; the executor must keep its promises on all. */
/* Part: tests, on the host, with ASan and UBSan. */
#include <stdlib.h>
#include <string.h>

#include "vmm/interpreter/execute.h"

#define MEMORY 4096u

static uint8_t memory[MEMORY];
static unsigned int stores, elements;
static struct segment segments[SEGS];
static uint64_t control[VREGS];
static const uint8_t *input;
static size_t left;

static uint64_t next(unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes && left > 0; i++, left--)
		v |= (uint64_t)*input++ << 8 * i;
	return v;
}

static void promise(bool kept)
{
	if (!kept)
		abort();
}

/* Pages whose number is a multiple of 5 are not there; all others are the same small memory. */
static enum interp_result prepare(struct interp *x, struct interp_place *p, uint64_t linear, uint32_t n, uint32_t access)
{
	promise(n >= 1 && n <= 32 && access != 0);
	*p = (struct interp_place){ .linear = linear, .n = n, .access = access };
	if ((linear >> 12) % 5 == 0 || ((linear + n - 1) >> 12) % 5 == 0) {
		x->fault = (struct interp_fault){ .vector = 14, .has_error = true, .address = linear };
		return INTERP_FAULT;
	}
	return (linear >> 12) % 7 == 0 ? INTERP_ABSENT : INTERP_DONE;
}

static void load(struct interp *x, const struct interp_place *p, void *to)
{
	uint8_t *t = to;

	(void)x;
	promise(p->access & INTERP_READ);
	for (uint32_t i = 0; i < p->n; i++)
		t[i] = memory[(p->linear + i) % MEMORY];
}

static void store(struct interp *x, const struct interp_place *p, const void *from)
{
	const uint8_t *f = from;

	(void)x;
	promise(p->access & INTERP_WRITE);
	stores++;
	for (uint32_t i = 0; i < p->n; i++)
		memory[(p->linear + i) % MEMORY] = f[i];
}

/* A block stays in the pages that have been prepared. */
static uint32_t run(struct interp *x, const struct interp_place *from, const struct interp_place *to, uint32_t most)
{
	promise(most >= 2 && most <= 4096 && (to->linear & 0xfff) + most * to->n <= 0x1000 && (to->access & INTERP_WRITE));
	promise(from == NULL || ((from->linear & 0xfff) + most * from->n <= 0x1000 && from->n == to->n));
	promise(!(x->rflags & 0x400));
	stores++;
	return most / 2;
}

static uint64_t in(struct interp *x, uint16_t port, unsigned int size)
{
	(void)x;
	promise(size == 1 || size == 2 || size == 4);
	elements++;
	return port;
}

static void out(struct interp *x, uint16_t port, unsigned int size, uint64_t value)
{
	(void)x;
	(void)port;
	(void)value;
	promise(size == 1 || size == 2 || size == 4);
	elements++;
}

static uint64_t get(struct interp *x, enum vreg reg)
{
	(void)x;
	promise(reg < VREGS);
	return control[reg];
}

static void set(struct interp *x, enum vreg reg, uint64_t value)
{
	promise(x->insn->op == OP_LGDT || x->insn->op == OP_LIDT);
	promise(reg >= VREG_GDTR_BASE && reg <= VREG_IDTR_LIMIT);
	control[reg] = value;
}

static void get_segment(struct interp *x, enum seg seg, struct segment *s)
{
	(void)x;
	promise(seg < SEGS);
	*s = segments[seg];
}

static void set_segment(struct interp *x, enum seg seg, const struct segment *s)
{
	promise(seg < SEG_LDTR || (seg == SEG_LDTR && x->insn->op == OP_LLDT) || (seg == SEG_TR && x->insn->op == OP_LTR));
	stores++;
	segments[seg] = *s;
}

static void get_vector(struct interp *x, unsigned int n, void *to, unsigned int bytes)
{
	(void)x;
	promise(n < 16 && (bytes == 16 || bytes == 32));
	memset(to, (int)n, bytes);
}

static void set_vector(struct interp *x, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	uint8_t copy[32];

	(void)x;
	(void)zero_rest;
	promise(n < 16 && (bytes == 16 || bytes == 32));
	memcpy(copy, from, bytes);	/* the sanitizer looks */
}

static const struct interp_ops ops = {
	.prepare = prepare, .load = load, .store = store, .run = run, .in = in, .out = out, .get = get, .set = set, .get_segment = get_segment,
	.set_segment = set_segment, .get_vector = get_vector, .set_vector = set_vector,
};

static void make_machine(unsigned int bits, uint64_t *gpr)
{
	uint64_t mode = next(1);

	control[VREG_CR0] = bits == 64 || (mode & 1) ? 1 | (mode & 2 ? 1u << 18 : 0) : 0;
	control[VREG_CR4] = 0x40600 | (mode & 4);
	control[VREG_XCR0] = 7;
	control[VREG_EFER] = bits == 64 ? 0x500 : 0;
	control[VREG_GDTR_BASE] = 0x1000;
	control[VREG_GDTR_LIMIT] = 0xfff;
	for (unsigned int i = 0; i < SEGS; i++) {
		uint64_t v = next(2);

		segments[i] = (struct segment){ .selector = (uint16_t)(v * 8), .base = v & 0xf0 ? 0 : v << 4, .access = 0x93 | (uint32_t)(v & 0x4060),
						.limit = v & 0x100 ? 0xffff : 0xffffffff };
		if (v & 0x8000)
			segments[i].access = (uint32_t)(v & 0x1ff0ff);
	}
	for (unsigned int i = 0; i < 16; i++)
		gpr[i] = i < 8 ? next(2) * 0x101 : 0x1000u * i;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int modes[4] = { 16, 32, 64, 64 };
	uint64_t gpr[16], before[16], flags;
	uint8_t *exact, code[15];
	enum interp_result r;
	struct insn insn;
	size_t room;
	struct interp x;
	unsigned int bits;

	if (size < 2)
		return 0;
	input = data + 1;
	left = size - 1;
	bits = modes[data[0] & 3];
	room = left < 15 ? left : 15;
	memcpy(code, input, room);
	input += room;
	left -= room;
	exact = malloc(room);	/* to the byte, so that reading beyond it is seen */
	memcpy(exact, code, room);
	if (decode_insn(exact, room, bits, &insn) != DECODE_OK) {
		free(exact);
		return 0;
	}
	free(exact);
	promise(insn.length >= 1 && insn.length <= room && insn.op < OP_COUNT);
	make_machine(bits, gpr);
	flags = 2 | (next(3) & (bits == 64 ? 0x40ed5 : 0x60ed5));
	memset(&x, 0x5a, sizeof(x));
	x.ops = &ops;
	x.gpr = gpr;
	x.rip = 0x8000;
	x.rflags = flags;
	x.features = (uint32_t)next(1);
	x.batch = 64;
	memcpy(before, gpr, sizeof(before));
	stores = elements = 0;
	r = interp_execute(&x, &insn);
	promise(r == INTERP_DONE || x.rip == 0x8000);
	promise(elements <= 64);
	if (r == INTERP_FAULT || r == INTERP_UNKNOWN || r == INTERP_ABSENT || r == INTERP_TASK) {
		bool string = insn.op >= OP_MOVS && insn.op <= OP_OUTS;

		promise(string || (memcmp(gpr, before, sizeof(before)) == 0 && x.rflags == flags && stores == 0));
	}
	return 0;
}
