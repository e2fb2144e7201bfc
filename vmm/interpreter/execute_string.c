/* String operations with all their repetitions, and ports. */
/* Part: interpreter/; one element at a time: a fault finds the registers where the element before left them. */
#include "vmm/interpreter/execute_inner.h"

static enum interp_result at_source(struct interp *x, struct interp_place *place)
{
	const struct insn *i = x->insn;

	return interp_prepare(x, place, i->seg, x->gpr[RSI] & interp_mask(i->address_size), i->width, INTERP_READ);
}

static enum interp_result at_target(struct interp *x, struct interp_place *place, uint32_t access)
{
	const struct insn *i = x->insn;

	return interp_prepare(x, place, SEG_ES, x->gpr[RDI] & interp_mask(i->address_size), i->width, access);
}

static void step(struct interp *x, enum gpr index)
{
	uint64_t by = x->rflags & FLAG_DF ? -(uint64_t)x->insn->width : x->insn->width;

	interp_merge(&x->gpr[index], x->insn->address_size, x->gpr[index] + by);
}

static enum interp_result move(struct interp *x)
{
	struct interp_place from, to;
	enum interp_result r = at_source(x, &from);

	if (r == INTERP_DONE)
		r = at_target(x, &to, INTERP_WRITE);
	if (r != INTERP_DONE)
		return r;
	interp_store(x, &to, interp_load(x, &from));
	step(x, RSI);
	step(x, RDI);
	return INTERP_DONE;
}

static enum interp_result compare(struct interp *x)
{
	struct interp_place from, to;
	uint64_t a, b;
	enum interp_result r = at_source(x, &from);

	if (r == INTERP_DONE)
		r = at_target(x, &to, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	a = interp_load(x, &from);
	b = interp_load(x, &to);
	alu_binary(OP_CMP, a, b, x->insn->width, &x->rflags);
	step(x, RSI);
	step(x, RDI);
	return INTERP_DONE;
}

/* STOS, SCAS, INS: memory at rDI. */
static enum interp_result with_target(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	enum interp_result r = at_target(x, &place, i->op == OP_SCAS ? INTERP_READ : INTERP_WRITE);

	if (r != INTERP_DONE)
		return r;
	if (i->op == OP_STOS)
		interp_store(x, &place, x->gpr[RAX] & interp_mask(i->width));
	else if (i->op == OP_SCAS)
		alu_binary(OP_CMP, x->gpr[RAX] & interp_mask(i->width), interp_load(x, &place), i->width, &x->rflags);
	else
		interp_store(x, &place, x->ops->in(x, (uint16_t)x->gpr[RDX], i->width));
	step(x, RDI);
	return INTERP_DONE;
}

/* LODS, OUTS: memory at rSI. */
static enum interp_result with_source(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	enum interp_result r = at_source(x, &place);

	if (r != INTERP_DONE)
		return r;
	if (i->op == OP_LODS)
		interp_merge(&x->gpr[RAX], i->width, interp_load(x, &place));
	else
		x->ops->out(x, (uint16_t)x->gpr[RDX], i->width, interp_load(x, &place));
	step(x, RSI);
	return INTERP_DONE;
}

static enum interp_result element(struct interp *x)
{
	switch (x->insn->op) {
	case OP_MOVS: return move(x);
	case OP_CMPS: return compare(x);
	case OP_LODS: case OP_OUTS: return with_source(x);
	default: return with_target(x);
	}
}

/* CMPS and SCAS end by what they find; the others take F2 for F3. SDM, "REP". */
static bool found(const struct interp *x)
{
	const struct insn *i = x->insn;

	if (i->op != OP_CMPS && i->op != OP_SCAS)
		return false;
	return (i->rep == 0xf3) != ((x->rflags & FLAG_ZF) != 0);
}

enum interp_result interp_string(struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t mask = interp_mask(i->address_size);

	if (i->rep == 0)
		return element(x);
	for (uint32_t done = 0; done < x->batch; done++) {
		enum interp_result r;

		if ((x->gpr[RCX] & mask) == 0)
			return INTERP_DONE;
		r = element(x);
		if (r != INTERP_DONE)
			return r;
		interp_merge(&x->gpr[RCX], i->address_size, x->gpr[RCX] - 1);
		if (found(x))
			return INTERP_DONE;
	}
	return (x->gpr[RCX] & mask) == 0 ? INTERP_DONE : INTERP_AGAIN;
}

/* The right to a port is the processor's to check: that exit comes first. */
enum interp_result interp_port(struct interp *x)
{
	const struct insn *i = x->insn;
	uint16_t port = (uint16_t)(i->form == FORM_A_DX ? x->gpr[RDX] : i->imm & 0xff);

	if (i->op == OP_OUT)
		x->ops->out(x, port, i->width, x->gpr[RAX] & interp_mask(i->width));
	else
		interp_merge(&x->gpr[RAX], i->width, x->ops->in(x, port, i->width));
	return INTERP_DONE;
}
