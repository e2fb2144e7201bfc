/* Bits: tests, scans, counts, and double shifts. */
/* Part: interpreter/. */
#include "vmm/interpreter/execute_inner.h"

/*
 * BT and its kind. A bit number in a register is signed and reaches beyond the operand in memory: the operand that is
 * accessed is the one the bit lies in. SDM, "BT".
 */
static enum interp_result bit_test(struct interp *x)
{
	const struct insn *i = x->insn;
	uint32_t access = i->op == OP_BT ? INTERP_READ : INTERP_READ | INTERP_WRITE;
	uint64_t number = i->form == FORM_RM_I ? i->imm : x->gpr[i->reg], a, bit;
	struct interp_place place;

	if (i->memory) {
		uint64_t offset = interp_offset(x);
		enum interp_result r;

		if (i->form == FORM_RM_R) {
			int64_t operand = (int64_t)interp_sign_extend(number & interp_mask(i->width), i->width) >>
					  (i->width == 8 ? 6 : i->width == 4 ? 5 : 4);

			offset = (offset + (uint64_t)operand * i->width) & interp_mask(i->address_size);
		}
		r = interp_prepare(x, &place, i->seg, offset, i->width, access);
		if (r != INTERP_DONE)
			return r;
		a = interp_load(x, &place);
	} else {
		a = interp_gpr(x, i->rm, i->width);
	}
	bit = 1ull << (number & (8u * i->width - 1));
	x->rflags = (x->rflags & ~(uint64_t)FLAG_CF) | (a & bit ? FLAG_CF : 0);
	if (i->op == OP_BT)
		return INTERP_DONE;
	a = i->op == OP_BTS ? a | bit : i->op == OP_BTR ? a & ~bit : a ^ bit;
	if (i->memory)
		interp_store(x, &place, a);
	else
		interp_set_gpr(x, i->rm, i->width, a);
	return INTERP_DONE;
}

static unsigned int lowest(uint64_t v)
{
	return (unsigned int)__builtin_ctzll(v);
}

static unsigned int highest(uint64_t v)
{
	return 63 - (unsigned int)__builtin_clzll(v);
}

/* Without the instruction set it came with, the prefix means nothing: TZCNT is BSF, LZCNT is BSR. */
static unsigned int scan_op(const struct interp *x)
{
	if (x->insn->op == OP_TZCNT && !(x->features & INTERP_HAS_TZCNT))
		return OP_BSF;
	if (x->insn->op == OP_LZCNT && !(x->features & INTERP_HAS_LZCNT))
		return OP_BSR;
	return x->insn->op;
}

static unsigned int count_ones(uint64_t v)
{
	unsigned int n = 0;

	for (; v != 0; v &= v - 1)
		n++;
	return n;
}

static enum interp_result scan(struct interp *x)
{
	unsigned int width = x->insn->width, bits = 8 * width, op = scan_op(x);
	struct operands o;
	enum interp_result r = interp_operands(x, &o, INTERP_WRITE);
	uint64_t result, f;

	if (r != INTERP_DONE)
		return r;
	f = x->rflags & ~FLAGS_ARITHMETIC;
	switch (op) {
	case OP_BSF: case OP_BSR:
		if (o.b == 0) {	/* the register keeps what it has */
			f |= FLAG_ZF | FLAG_PF;
			result = o.a;
			x->rflags = f;
			if (width == 4)
				return INTERP_DONE;
		} else {
			result = op == OP_BSF ? lowest(o.b) : highest(o.b);
			alu_result_flags(result, width, &f);
			f &= ~(uint64_t)FLAG_ZF;
		}
		break;
	case OP_TZCNT: case OP_LZCNT:
		result = o.b == 0 ? bits : op == OP_TZCNT ? lowest(o.b) : bits - 1 - highest(o.b);
		f |= (o.b == 0 ? FLAG_CF : 0) | (result == 0 ? FLAG_ZF : 0);
		break;
	default:
		result = count_ones(o.b);
		f |= o.b == 0 ? FLAG_ZF : 0;
		break;
	}
	x->rflags = f;
	interp_result_to(x, &o, result);
	return INTERP_DONE;
}

static enum interp_result double_shift(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int count = (i->form == FORM_RM_R_CL ? x->gpr[RCX] : i->imm) & 0xff;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, INTERP_READ | INTERP_WRITE);

	if (r == INTERP_DONE)
		interp_result_to(x, &o, alu_double_shift(i->op == OP_SHLD, o.a, o.b, count, i->width, &x->rflags));
	return r;
}

enum interp_result interp_bits(struct interp *x)
{
	switch (x->insn->op) {
	case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC: return bit_test(x);
	case OP_SHLD: case OP_SHRD: return double_shift(x);
	default: return scan(x);
	}
}
