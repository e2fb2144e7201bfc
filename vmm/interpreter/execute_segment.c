/* Segment registers, LDTR and TR: loads with their checks, stores, and far pointers. */
/* Part: interpreter/; SDM volume 3, "Protection"; volume 2, "MOV", "LDS/LES/LFS/LGS/LSS". */
#include "vmm/interpreter/execute_inner.h"

enum interp_result interp_read_descriptor(struct interp *x, uint16_t selector, uint8_t vector, uint64_t *raw, uint64_t *at)
{
	uint64_t base;
	uint32_t limit, offset = selector & 0xfff8u;
	struct interp_place place;
	enum interp_result r;

	if (selector & 4) {
		const struct segment *ldt = interp_segment(x, SEG_LDTR);

		if (ldt->access & SEGMENT_UNUSABLE)
			return interp_raise_error(x, vector, selector & 0xfffc);
		base = ldt->base;
		limit = ldt->limit;
	} else {
		base = x->ops->get(x, VREG_GDTR_BASE);
		limit = (uint32_t)x->ops->get(x, VREG_GDTR_LIMIT);
	}
	if (offset + 7 > limit)
		return interp_raise_error(x, vector, selector & 0xfffc);
	*at = base + offset;
	r = x->ops->prepare(x, &place, *at, 8, INTERP_READ | INTERP_SYSTEM);
	if (r == INTERP_DONE)
		*raw = interp_load(x, &place);
	return r;
}

void interp_make_segment(struct segment *s, uint16_t selector, uint64_t d)
{
	s->selector = selector;
	s->base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
	s->limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
	if (d >> 55 & 1)
		s->limit = s->limit << 12 | 0xfff;
	s->access = (uint32_t)(d >> 40) & 0xf0ff;
}

enum interp_result interp_find_segment(struct interp *x, struct interp_descriptor *d, uint16_t selector, uint8_t vector, uint64_t *at)
{
	uint64_t raw = 0;
	enum interp_result r;

	if ((selector & 0xfffc) == 0)
		return interp_raise_error(x, vector, 0);
	r = interp_read_descriptor(x, selector, vector, &raw, at);
	if (r == INTERP_DONE)
		interp_make_segment(&d->s, selector, raw);
	return r;
}

/* Is the descriptor one that `seg` may hold? 0 = yes, else the vector. */
static unsigned int refused(struct interp *x, enum seg seg, uint16_t selector, uint32_t access)
{
	unsigned int cpl = interp_cpl(x), rpl = selector & 3, dpl = access >> 5 & 3, type = access & 15;
	bool code = type & 8;

	if (!(access & ACCESS_S))
		return VECTOR_GP;
	switch (seg) {
	case SEG_CS:	/* a far JMP or CALL within one level */
		if (!code || (type & 4 ? dpl > cpl : rpl > cpl || dpl != cpl))
			return VECTOR_GP;
		break;
	case SEG_SS:
		if (rpl != cpl || code || !(type & 2) || dpl != cpl)
			return VECTOR_GP;
		return access & ACCESS_P ? 0 : VECTOR_SS;
	default:
		if (code && !(type & 2))
			return VECTOR_GP;
		if (!(code && (type & 4)) && (rpl > dpl || cpl > dpl))
			return VECTOR_GP;
		break;
	}
	return access & ACCESS_P ? 0 : VECTOR_NP;
}

static enum interp_result null_segment(struct interp *x, enum seg seg, uint16_t selector, struct interp_descriptor *d)
{
	unsigned int cpl = interp_cpl(x);

	if (seg == SEG_CS || (seg == SEG_SS && (x->insn->bits != 64 || cpl == 3 || (selector & 3) != cpl)))
		return interp_raise_error(x, VECTOR_GP, 0);
	/* the level is SS's; FS and GS keep no base: AMD's processors do, Intel's do not */
	d->s = (struct segment){ .selector = selector, .access = SEGMENT_UNUSABLE | (seg == SEG_SS ? cpl << 5 : 0) };
	return INTERP_DONE;
}

enum interp_result interp_mark_segment(struct interp *x, struct interp_descriptor *d, uint64_t at)
{
	d->mark = !(d->s.access & 1);
	if (!d->mark)
		return INTERP_DONE;
	d->s.access |= 1;
	return x->ops->prepare(x, &d->place, at + 5, 1, INTERP_READ | INTERP_WRITE | INTERP_SYSTEM);
}

enum interp_result interp_fetch_segment(struct interp *x, enum seg seg, uint16_t selector, struct interp_descriptor *d)
{
	uint64_t raw = 0, at = 0;
	unsigned int vector;
	enum interp_result r;

	d->mark = false;
	if (!interp_protected(x)) {	/* SDM, "Real-Address Mode": only selector and base change */
		d->s = *interp_segment(x, seg);
		d->s.selector = selector;
		d->s.base = (uint64_t)selector << 4;
		return INTERP_DONE;
	}
	if ((selector & 0xfffc) == 0)
		return null_segment(x, seg, selector, d);
	r = interp_read_descriptor(x, selector, VECTOR_GP, &raw, &at);
	if (r != INTERP_DONE)
		return r;
	interp_make_segment(&d->s, selector, raw);
	/* Gates and tasks: 1, 3 to 5, 9, Bh, Ch. SDM, "System- and Gate-Descriptor Types". */
	if (seg == SEG_CS && !(d->s.access & ACCESS_S) && (0x1a3au >> (d->s.access & 15) & 1))
		return INTERP_UNKNOWN;
	vector = refused(x, seg, selector, d->s.access);
	if (vector == 0 && seg == SEG_CS && (x->ops->get(x, VREG_EFER) >> 10 & 1) && (d->s.access & ACCESS_L) &&
	    (d->s.access & ACCESS_D))
		vector = VECTOR_GP;
	if (vector != 0)
		return interp_raise_error(x, (uint8_t)vector, selector & 0xfffc);
	if (seg == SEG_CS)
		d->s.selector = (uint16_t)((selector & ~3u) | interp_cpl(x));
	return interp_mark_segment(x, d, at);
}

void interp_load_segment(struct interp *x, enum seg seg, const struct interp_descriptor *d)
{
	if (d->mark)
		interp_store(x, &d->place, interp_load(x, &d->place) | 1);
	interp_put_segment(x, seg, &d->s);
}

static enum interp_result load_from(struct interp *x, enum seg seg, uint16_t selector)
{
	struct interp_descriptor d;
	enum interp_result r = interp_fetch_segment(x, seg, selector, &d);

	if (r != INTERP_DONE)
		return r;
	interp_load_segment(x, seg, &d);
	if (seg == SEG_SS)
		x->shadow = BLOCKING_BY_MOV_SS;
	return INTERP_DONE;
}

static enum interp_result move_to(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	enum interp_result r;

	if (!i->memory)
		return load_from(x, i->reg & 7, (uint16_t)x->gpr[i->rm]);
	r = interp_prepare(x, &place, i->seg, interp_offset(x), 2, INTERP_READ);
	return r == INTERP_DONE ? load_from(x, i->reg & 7, (uint16_t)interp_load(x, &place)) : r;
}

/* A register gets the selector zero-extended, memory always 16 bits. */
static enum interp_result move_from(struct interp *x, uint64_t value)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	enum interp_result r;

	if (!i->memory) {
		interp_set_gpr(x, i->rm, i->operand_size, value);
		return INTERP_DONE;
	}
	r = interp_prepare(x, &place, i->seg, interp_offset(x), 2, INTERP_WRITE);
	if (r == INTERP_DONE)
		interp_store(x, &place, value);
	return r;
}

/* LES, LDS, LSS, LFS, LGS. */
static enum interp_result load_pointer(struct interp *x)
{
	static const uint8_t by_opcode[8] = { [2] = SEG_SS, [4] = SEG_FS, [5] = SEG_GS };
	const struct insn *i = x->insn;
	enum seg seg = i->map == MAP_0F ? by_opcode[i->opcode & 7] : i->opcode == 0xc4 ? SEG_ES : SEG_DS;
	struct interp_descriptor d;
	struct interp_place place;
	uint8_t pointer[16] = { 0 };
	uint16_t selector;
	uint64_t offset = 0;
	enum interp_result r = interp_prepare(x, &place, i->seg, interp_offset(x), i->operand_size + 2u, INTERP_READ);

	if (r != INTERP_DONE)
		return r;
	x->ops->load(x, &place, pointer);
	for (unsigned int n = 0; n < i->operand_size; n++)
		offset |= (uint64_t)pointer[n] << 8 * n;
	selector = (uint16_t)(pointer[i->operand_size] | pointer[i->operand_size + 1] << 8);
	r = interp_fetch_segment(x, seg, selector, &d);
	if (r != INTERP_DONE)
		return r;
	interp_load_segment(x, seg, &d);
	interp_merge(&x->gpr[i->reg], i->operand_size, offset);
	return INTERP_DONE;
}

static enum interp_result pop_segment(struct interp *x)
{
	const struct insn *i = x->insn;
	enum seg seg = i->map == MAP_ONE ? i->opcode >> 3 & 3 : i->opcode == 0xa1 ? SEG_FS : SEG_GS;
	unsigned int delta = i->operand_size, size = interp_stack_size(x);
	struct interp_place place;
	enum interp_result r = interp_stack_place(x, &place, 0, i->operand_size, INTERP_READ);

	if (r == INTERP_DONE)
		r = load_from(x, seg, (uint16_t)interp_load(x, &place));
	if (r == INTERP_DONE)	/* the stack pointer's size is the old SS's */
		interp_merge(&x->gpr[RSP], size, x->gpr[RSP] + delta);
	return r;
}

bool interp_user_prevented(struct interp *x)
{
	return interp_cpl(x) == 3 && (x->ops->get(x, VREG_CR4) >> 11 & 1);
}

/* SMSW, SLDT, STR. */
static enum interp_result store_system(struct interp *x, uint64_t value)
{
	if (interp_user_prevented(x))
		return interp_raise_error(x, VECTOR_GP, 0);
	return move_from(x, value);
}

/* What LLDT and LTR take from the GDT: an entry of 8 bytes, of 16 in 64-bit mode. SDM, "LLDT", "LTR". */
static enum interp_result fetch_system(struct interp *x, bool task, uint16_t selector, struct interp_descriptor *d)
{
	bool wide = x->insn->bits == 64;
	unsigned int type, allowed = !task ? 1u << 2 : wide ? 1u << 9 : 1u << 1 | 1u << 9;
	uint64_t raw = 0, at = 0, high = 0;
	struct interp_place place;
	enum interp_result r;

	if ((selector & 4) || (selector & 0xfff8u) + (wide ? 15u : 7u) > (uint32_t)x->ops->get(x, VREG_GDTR_LIMIT))
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	r = interp_read_descriptor(x, selector, VECTOR_GP, &raw, &at);
	if (r == INTERP_DONE && wide) {
		r = x->ops->prepare(x, &place, at + 8, 8, INTERP_READ | INTERP_SYSTEM);
		high = r == INTERP_DONE ? interp_load(x, &place) : 0;
	}
	if (r != INTERP_DONE)
		return r;
	interp_make_segment(&d->s, selector, raw);
	d->s.base |= high << 32;
	type = d->s.access & 15;
	if ((d->s.access & ACCESS_S) || !(allowed >> type & 1) || (high >> 40 & 0x1f) != 0 ||
	    (wide && !interp_canonical(d->s.base)))
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	if (!(d->s.access & ACCESS_P))
		return interp_raise_error(x, VECTOR_NP, selector & 0xfffc);
	if (!task)
		return INTERP_DONE;
	d->s.access |= ACCESS_BUSY;
	return x->ops->prepare(x, &d->place, at + 5, 1, INTERP_READ | INTERP_WRITE | INTERP_SYSTEM);
}

static enum interp_result load_system(struct interp *x)
{
	const struct insn *i = x->insn;
	bool task = i->op == OP_LTR;
	uint16_t selector = (uint16_t)x->gpr[i->rm];
	struct interp_descriptor d;
	struct interp_place place;
	enum interp_result r;

	if (interp_cpl(x) != 0)
		return interp_raise_error(x, VECTOR_GP, 0);
	if (i->memory) {
		r = interp_prepare(x, &place, i->seg, interp_offset(x), 2, INTERP_READ);
		if (r != INTERP_DONE)
			return r;
		selector = (uint16_t)interp_load(x, &place);
	}
	if ((selector & 0xfffc) == 0) {
		if (task)
			return interp_raise_error(x, VECTOR_GP, 0);
		d.s = *interp_segment(x, SEG_LDTR);
		d.s.selector = selector;
		d.s.access |= SEGMENT_UNUSABLE;
		interp_put_segment(x, SEG_LDTR, &d.s);
		return INTERP_DONE;
	}
	r = fetch_system(x, task, selector, &d);
	if (r != INTERP_DONE)
		return r;
	if (task)
		interp_store(x, &d.place, interp_load(x, &d.place) | ACCESS_BUSY);
	interp_put_segment(x, task ? SEG_TR : SEG_LDTR, &d.s);
	return INTERP_DONE;
}

enum interp_result interp_segment_move(struct interp *x)
{
	switch (x->insn->op) {
	case OP_MOV_TO_SEG: return move_to(x);
	case OP_MOV_FROM_SEG: return move_from(x, interp_segment(x, x->insn->reg & 7)->selector);
	case OP_POP_SEG: return pop_segment(x);
	case OP_SMSW: return store_system(x, interp_cr0(x));
	case OP_SLDT: return store_system(x, interp_segment(x, SEG_LDTR)->selector);
	case OP_STR: return store_system(x, interp_segment(x, SEG_TR)->selector);
	case OP_LLDT: case OP_LTR: return load_system(x);
	default: return load_pointer(x);
	}
}
