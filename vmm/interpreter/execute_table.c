/* What looks into descriptor tables or at the registers that say where they are: LAR, LSL, VERR, VERW, ARPL, LGDT, SGDT and so on. */
/* Part: interpreter/; for their operands in memory. SDM volume 2, each under its name. */
#include "vmm/interpreter/execute_inner.h"

/* Types of system descriptors that have attributes for LAR, and a limit for LSL; in long mode fewer. */
#define LAR_TYPES 0x1a3eu
#define LAR_TYPES_LONG 0x1a04u
#define LSL_TYPES 0x0a0eu
#define LSL_TYPES_LONG 0x0a04u

static enum interp_result read_operand(struct interp *x, unsigned int bytes, uint8_t *to)
{
	struct interp_place place;
	enum interp_result r = interp_prepare(x, &place, x->insn->seg, interp_offset(x), bytes, INTERP_READ);

	if (r == INTERP_DONE)
		x->ops->load(x, &place, to);
	return r;
}

/* The selector's descriptor, if there is one: *found. Only page faults are faults here. */
static enum interp_result find_descriptor(struct interp *x, uint16_t selector, uint64_t *raw, bool *found)
{
	uint64_t at;
	enum interp_result r;

	*found = false;
	if ((selector & 0xfffc) == 0)
		return INTERP_DONE;
	r = interp_read_descriptor(x, selector, VECTOR_GP, raw, &at);
	*found = r == INTERP_DONE;
	return r == INTERP_FAULT && x->fault.vector == VECTOR_GP ? INTERP_DONE : r;
}

static bool reachable(struct interp *x, uint16_t selector, const struct segment *s)
{
	unsigned int dpl = s->access >> 5 & 3;

	if ((s->access & ACCESS_S) && (s->access & 0xc) == 0xc)	/* conforming code */
		return true;
	return dpl >= interp_cpl(x) && dpl >= (selector & 3u);
}

static bool fits(struct interp *x, const struct segment *s)
{
	bool is_long = interp_long(x);
	unsigned int types, type = s->access & 15;

	switch (x->insn->op) {
	case OP_VERR: return (s->access & ACCESS_S) && (type & 0xa) != 8;
	case OP_VERW: return (s->access & ACCESS_S) && (type & 0xa) == 2;
	case OP_LAR: types = is_long ? LAR_TYPES_LONG : LAR_TYPES; break;
	default: types = is_long ? LSL_TYPES_LONG : LSL_TYPES; break;
	}
	return (s->access & ACCESS_S) || (types >> type & 1);
}

/* LAR, LSL, VERR, VERW: ZF says whether the selector would do. */
static enum interp_result ask(struct interp *x)
{
	const struct insn *i = x->insn;
	uint8_t operand[2] = { 0 };
	uint64_t raw = 0;
	struct segment s;
	uint16_t selector;
	bool found;
	enum interp_result r;

	if (!interp_protected(x))
		return interp_raise(x, VECTOR_UD);
	r = read_operand(x, 2, operand);
	selector = (uint16_t)(operand[0] | operand[1] << 8);
	if (r == INTERP_DONE)
		r = find_descriptor(x, selector, &raw, &found);
	if (r != INTERP_DONE)
		return r;
	interp_make_segment(&s, selector, raw);
	found = found && fits(x, &s) && reachable(x, selector, &s);
	x->rflags = (x->rflags & ~(uint64_t)FLAG_ZF) | (found ? FLAG_ZF : 0);
	if (found && i->op == OP_LAR)
		interp_merge(&x->gpr[i->reg], i->operand_size, raw >> 32 & 0xffff00);
	if (found && i->op == OP_LSL)
		interp_merge(&x->gpr[i->reg], i->operand_size, s.limit);
	return INTERP_DONE;
}

static enum interp_result adjust_level(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	uint64_t selector, level = x->gpr[i->reg] & 3;
	enum interp_result r;

	if (!interp_protected(x))
		return interp_raise(x, VECTOR_UD);
	r = interp_prepare(x, &place, i->seg, interp_offset(x), 2, INTERP_READ | INTERP_WRITE);
	if (r != INTERP_DONE)
		return r;
	selector = interp_load(x, &place);
	x->rflags &= ~(uint64_t)FLAG_ZF;
	if ((selector & 3) < level) {
		x->rflags |= FLAG_ZF;
		interp_store(x, &place, (selector & ~3ull) | level);
	}
	return INTERP_DONE;
}

/* In 64-bit code ten bytes, elsewhere six: the limit comes first. */
static enum interp_result store_register(struct interp *x, enum vreg base, enum vreg limit)
{
	unsigned int bytes = x->insn->bits == 64 ? 10 : 6;
	uint64_t words[2] = { x->ops->get(x, limit) & 0xffff, 0 }, at = x->ops->get(x, base);
	struct interp_place place;
	enum interp_result r;

	if (interp_user_prevented(x))
		return interp_raise_error(x, VECTOR_GP, 0);
	r = interp_prepare(x, &place, x->insn->seg, interp_offset(x), bytes, INTERP_WRITE);
	if (r != INTERP_DONE)
		return r;
	words[0] |= at << 16;
	words[1] = at >> 48;
	x->ops->store(x, &place, words);
	return INTERP_DONE;
}

static enum interp_result load_register(struct interp *x, enum vreg base, enum vreg limit)
{
	const struct insn *i = x->insn;
	uint8_t operand[16] = { 0 };
	uint64_t at = 0;
	enum interp_result r;

	if (interp_cpl(x) != 0)
		return interp_raise_error(x, VECTOR_GP, 0);
	r = read_operand(x, i->bits == 64 ? 10 : 6, operand);
	if (r != INTERP_DONE)
		return r;
	for (unsigned int n = 0; n < 8; n++)
		at |= (uint64_t)operand[2 + n] << 8 * n;
	if (i->bits != 64 && i->operand_size == 2)
		at &= 0xffffff;
	if (!interp_canonical(at))
		return interp_raise_error(x, VECTOR_GP, 0);
	x->ops->set(x, limit, (uint64_t)(operand[0] | operand[1] << 8));
	x->ops->set(x, base, at);
	return INTERP_DONE;
}

enum interp_result interp_table(struct interp *x)
{
	if (!x->insn->memory)
		return INTERP_UNKNOWN;
	switch (x->insn->op) {
	case OP_SGDT: return store_register(x, VREG_GDTR_BASE, VREG_GDTR_LIMIT);
	case OP_SIDT: return store_register(x, VREG_IDTR_BASE, VREG_IDTR_LIMIT);
	case OP_LGDT: return load_register(x, VREG_GDTR_BASE, VREG_GDTR_LIMIT);
	case OP_LIDT: return load_register(x, VREG_IDTR_BASE, VREG_IDTR_LIMIT);
	case OP_ARPL: return adjust_level(x);
	default: return ask(x);
	}
}
