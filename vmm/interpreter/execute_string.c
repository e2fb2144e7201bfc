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

/*
 * How many elements from the offset on, upwards, lie in the page of `linear`, inside the segment, and wrap nowhere. What is
 * at an edge may be left out.
 */
static uint64_t extent(struct interp *x, enum seg seg, uint64_t offset, const struct interp_place *place)
{
	const struct insn *i = x->insn;
	uint64_t bytes = PAGE_SIZE - (place->linear & (PAGE_SIZE - 1)), room = interp_mask(i->address_size) - offset;

	if (i->bits != 64) {
		const struct segment *s = interp_segment(x, seg);
		uint64_t end = s->limit;

		if ((s->access & 0xc) == 0x4)	/* data that expands down */
			end = s->access & 0x4000 ? 0xffffffff : 0xffff;
		if (end - offset < room)
			room = end - offset;
	}
	return (bytes < room ? bytes : room) / i->width;
}

/*
 * Several elements at once, where the machine can do so; how many. If 0, *alone of them go one by one, since the same
 * question would get the same answer before that.
 */
static uint32_t run(struct interp *x, uint32_t *alone)
{
	const struct insn *i = x->insn;
	uint64_t mask = interp_mask(i->address_size), most = x->gpr[RCX] & mask, n;
	struct interp_place from, to;
	uint32_t done;

	*alone = 1;
	if (i->op == OP_MOVS) {
		if (at_source(x, &from) != INTERP_DONE)
			return 0;	/* the element finds the same */
		n = extent(x, i->seg, x->gpr[RSI] & mask, &from);
		most = n < most ? n : most;
	}
	if (at_target(x, &to, INTERP_WRITE) != INTERP_DONE)
		return 0;
	n = extent(x, SEG_ES, x->gpr[RDI] & mask, &to);
	most = n < most ? n : most;
	if (most < 2)
		return 0;
	done = x->ops->run(x, i->op == OP_MOVS ? &from : NULL, &to, (uint32_t)most);
	*alone = done == 0 ? (uint32_t)most : 0;
	interp_merge(&x->gpr[RDI], i->address_size, x->gpr[RDI] + (uint64_t)done * i->width);
	if (i->op == OP_MOVS)
		interp_merge(&x->gpr[RSI], i->address_size, x->gpr[RSI] + (uint64_t)done * i->width);
	return done;
}

static bool may_run(const struct interp *x)
{
	const struct insn *i = x->insn;

	return x->ops->run != NULL && x->batch > 1 && (i->op == OP_MOVS || i->op == OP_STOS) && !(x->rflags & FLAG_DF);
}

enum interp_result interp_string(struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t mask = interp_mask(i->address_size);
	uint32_t alone = may_run(x) ? 0 : UINT32_MAX, n;

	if (i->rep == 0)
		return element(x);
	for (uint32_t done = 0; done < x->batch; done += n) {
		if ((x->gpr[RCX] & mask) == 0)
			return INTERP_DONE;
		n = alone == 0 ? run(x, &alone) : 0;
		if (n == 0) {
			enum interp_result r = element(x);

			if (r != INTERP_DONE)
				return r;
			n = 1;
			alone -= alone != UINT32_MAX;
		}
		interp_merge(&x->gpr[RCX], i->address_size, x->gpr[RCX] - n);
		if (found(x))
			return INTERP_DONE;
		if (x->ops->due != NULL && x->ops->due(x))
			break;
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
