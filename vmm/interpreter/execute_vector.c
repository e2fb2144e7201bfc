/* Moves of SSE and AVX registers. */
/* Part: interpreter/; SDM volume 2, the MOVs of each name; "Exceptions" classes for #UD and #NM. */
#include "vmm/interpreter/execute_inner.h"

#define CR4_OSFXSR_BIT (1u << 9)
#define CR4_OSXSAVE_BIT (1u << 18)

/* The tables of SDM, "AVX and SSE Instruction Exception Classification". */
enum interp_result interp_vector_usable(struct interp *x)
{
	uint64_t cr0 = interp_cr0(x), cr4 = x->ops->get(x, VREG_CR4);

	if (x->insn->vex) {
		if (!interp_protected(x) || !(cr4 & CR4_OSXSAVE_BIT) || (x->ops->get(x, VREG_XCR0) & 6) != 6)
			return interp_raise(x, VECTOR_UD);
	} else if ((cr0 & CR0_EM_BIT) || !(cr4 & CR4_OSFXSR_BIT)) {
		return interp_raise(x, VECTOR_UD);
	}
	return cr0 & CR0_TS_BIT ? interp_raise(x, VECTOR_NM) : INTERP_DONE;
}

/* The linear address must be a multiple; what wraps away from it is one. */
enum interp_result interp_aligned(struct interp *x, uint64_t offset)
{
	const struct insn *i = x->insn;
	uint64_t base;

	if (!i->aligned)
		return INTERP_DONE;
	base = i->bits != 64 || i->seg >= SEG_FS ? interp_segment(x, i->seg)->base : 0;
	return (base + offset) & (i->width - 1u) ? interp_raise_error(x, VECTOR_GP, 0) : INTERP_DONE;
}

static uint64_t half_of(struct interp *x, unsigned int n, unsigned int which)
{
	uint64_t v[2];

	x->ops->get_vector(x, n, v, 16);
	return v[which];
}

static void put_low(struct interp *x, unsigned int n, uint64_t low, uint64_t high)
{
	uint64_t v[2] = { low, high };

	x->ops->set_vector(x, n, v, 16, x->insn->vex);
}

/* A whole register: memory or register, of the vector's length. */
static enum interp_result move_whole(struct interp *x, const struct interp_place *place, bool load)
{
	const struct insn *i = x->insn;
	uint64_t v[4] = { 0 };

	if (i->memory && load)
		x->ops->load(x, place, v);
	else
		x->ops->get_vector(x, load ? i->rm : i->reg, v, i->width);
	if (i->memory && !load)
		x->ops->store(x, place, v);
	else
		x->ops->set_vector(x, load ? i->reg : i->rm, v, i->width, i->vex);
	return INTERP_DONE;
}

/* MOVSS, MOVSD: from memory the rest becomes 0, between registers it is kept (VEX: it is vvvv's). */
static enum interp_result move_scalar(struct interp *x, uint64_t value, bool load)
{
	const struct insn *i = x->insn;
	unsigned int to = load ? i->reg : i->rm, rest = i->vex ? i->vvvv : to;
	uint64_t v[2], mask = interp_mask(i->width);

	if (i->memory) {
		put_low(x, to, value, 0);
		return INTERP_DONE;
	}
	x->ops->get_vector(x, rest, v, 16);
	put_low(x, to, (v[0] & ~mask) | (half_of(x, load ? i->rm : i->reg, 0) & mask), v[1]);
	return INTERP_DONE;
}

/* Into one half of a register; the other is kept (VEX: it is vvvv's). Without memory: MOVHLPS, MOVLHPS. */
static enum interp_result move_half(struct interp *x, uint64_t value)
{
	const struct insn *i = x->insn;
	bool low = i->op == OP_MOVLOW;
	unsigned int rest = i->vex ? i->vvvv : i->reg;

	if (!i->memory)
		value = half_of(x, i->rm, low ? 1 : 0);
	if (low)
		put_low(x, i->reg, value, half_of(x, rest, 1));
	else
		put_low(x, i->reg, half_of(x, rest, 0), value);
	return INTERP_DONE;
}

static enum interp_result load(struct interp *x, const struct interp_place *place)
{
	const struct insn *i = x->insn;
	uint64_t value;

	if (i->op == OP_MOVV)
		return move_whole(x, place, true);
	value = i->memory ? interp_load(x, place) : 0;
	switch (i->op) {
	case OP_MOVSCALAR: return move_scalar(x, value, true);
	case OP_MOVLOW: case OP_MOVHIGH: return move_half(x, value);
	case OP_MOVQ: put_low(x, i->reg, i->memory ? value : half_of(x, i->rm, 0), 0); break;
	default: put_low(x, i->reg, i->memory ? value : interp_gpr(x, i->rm, i->width), 0); break;	/* MOVD */
	}
	return INTERP_DONE;
}

static enum interp_result store(struct interp *x, const struct interp_place *place)
{
	const struct insn *i = x->insn;
	uint64_t value;

	if (i->op == OP_MOVV)
		return move_whole(x, place, false);
	value = half_of(x, i->reg, i->op == OP_MOVHIGH ? 1 : 0);
	if (i->memory) {
		interp_store(x, place, value);
	} else if (i->op == OP_MOVSCALAR) {
		return move_scalar(x, value, false);
	} else if (i->op == OP_MOVD) {
		interp_set_gpr(x, i->rm, i->width, value);
	} else {
		put_low(x, i->rm, value, 0);	/* MOVQ */
	}
	return INTERP_DONE;
}

enum interp_result interp_vector(struct interp *x)
{
	const struct insn *i = x->insn;
	bool loads = i->form == FORM_R_RM;
	struct interp_place place = { 0 };
	enum interp_result r = interp_vector_usable(x);

	if (r != INTERP_DONE)
		return r;
	if (i->memory) {
		uint64_t offset = interp_offset(x);

		r = interp_aligned(x, offset);
		if (r != INTERP_DONE)
			return r;
		r = interp_prepare(x, &place, i->seg, offset, i->width, loads ? INTERP_READ : INTERP_WRITE);
		if (r != INTERP_DONE)
			return r;
	}
	return loads ? load(x, &place) : store(x, &place);
}
