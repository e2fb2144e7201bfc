/* Multiplication, division, and the decimal adjustments. */
/* Part: interpreter/. 128-bit division is the processor's own: a library's would have to be brought along. */
#include "vmm/interpreter/execute_inner.h"

static void carry_and_overflow(struct interp *x, bool on)
{
	x->rflags &= ~(uint64_t)(FLAG_CF | FLAG_OF);
	if (on)
		x->rflags |= FLAG_CF | FLAG_OF;
}

/* The double-width accumulator: AX for bytes, else rDX:rAX. */
static void put_wide(struct interp *x, unsigned int width, uint64_t low, uint64_t high)
{
	if (width == 1) {
		interp_merge(&x->gpr[RAX], 2, (high & 0xff) << 8 | (low & 0xff));
	} else {
		interp_merge(&x->gpr[RAX], width, low);
		interp_merge(&x->gpr[RDX], width, high);
	}
}

static void multiply(struct interp *x, uint64_t a, uint64_t b, bool is_signed)
{
	unsigned int width = x->insn->width, bits = 8 * width;
	unsigned __int128 product;
	uint64_t low, high, filler;

	if (is_signed)
		product = (unsigned __int128)((__int128)(int64_t)interp_sign_extend(a, width) *
					      (int64_t)interp_sign_extend(b, width));
	else
		product = (unsigned __int128)a * b;
	low = (uint64_t)product & interp_mask(width);
	high = (uint64_t)(product >> bits) & interp_mask(width);
	filler = is_signed && (low >> (bits - 1) & 1) ? interp_mask(width) : 0;
	alu_result_flags(low, width, &x->rflags);	/* undefined, and so with processors */
	carry_and_overflow(x, high != filler);
	put_wide(x, width, low, high);
}

/* IMUL with two and three operands: the upper half is dropped. */
static enum interp_result multiply_short(struct interp *x)
{
	const struct insn *i = x->insn;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, INTERP_READ | INTERP_WRITE);
	uint64_t a, result;
	__int128 product;

	if (r != INTERP_DONE)
		return r;
	a = i->form == FORM_R_RM_I ? i->imm : o.a;
	product = (__int128)(int64_t)interp_sign_extend(a, i->width) * (int64_t)interp_sign_extend(o.b, i->width);
	result = (uint64_t)product & interp_mask(i->width);
	alu_result_flags(result, i->width, &x->rflags);
	carry_and_overflow(x, product != (__int128)(int64_t)interp_sign_extend(result, i->width));
	interp_result_to(x, &o, result);
	return INTERP_DONE;
}

/* high:low / by, where high < by. */
static uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest)
{
	uint64_t quotient;

	__asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "rm"(by) : "cc");
	return quotient;
}

/* Magnitudes are divided; the quotient must fit with its sign. SDM, "DIV", "IDIV". */
static enum interp_result divide(struct interp *x, uint64_t by, bool is_signed)
{
	unsigned int width = x->insn->width, bits = 8 * width;
	uint64_t high, low, quotient, rest, mask = interp_mask(width), most = mask;
	bool negative = false, other = false;

	if (width == 1) {
		low = x->gpr[RAX] & 0xff;
		high = x->gpr[RAX] >> 8 & 0xff;
	} else {
		low = x->gpr[RAX] & mask;
		high = x->gpr[RDX] & mask;
	}
	if (is_signed) {
		negative = high >> (bits - 1) & 1;
		other = by >> (bits - 1) & 1;
		if (negative) {
			low = -low & mask;
			high = (~high + (low == 0)) & mask;
		}
		if (other)
			by = -by & mask;
		most = negative != other ? 1ull << (bits - 1) : (1ull << (bits - 1)) - 1;
	}
	if (by == 0 || high >= by)
		return interp_raise(x, VECTOR_DE);
	if (width == 8) {
		quotient = divide_wide(high, low, by, &rest);
	} else {
		uint64_t whole = high << bits | low;

		quotient = whole / by;
		rest = whole % by;
	}
	if (quotient > most)
		return interp_raise(x, VECTOR_DE);
	put_wide(x, width, negative != other ? -quotient : quotient, negative ? -rest : rest);
	return INTERP_DONE;
}

enum interp_result interp_multiply(struct interp *x)
{
	struct operands o;
	enum interp_result r;

	if (x->insn->op == OP_IMUL)
		return multiply_short(x);
	r = interp_operands(x, &o, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	if (x->insn->op == OP_DIV || x->insn->op == OP_IDIV)
		return divide(x, o.a, x->insn->op == OP_IDIV);
	multiply(x, x->gpr[RAX] & interp_mask(x->insn->width), o.a, x->insn->op == OP_IMUL1);
	return INTERP_DONE;
}

/* DAA, DAS: SDM's own wording of it. */
static void adjust_packed(struct interp *x, bool add)
{
	unsigned int al = x->gpr[RAX] & 0xff, old = al;
	bool carry = x->rflags & FLAG_CF, half = x->rflags & FLAG_AF, out = false;

	if ((al & 15) > 9 || half) {
		out = carry || (add ? al > 0xf9 : al < 6);
		al = add ? al + 6 : al - 6;
		half = true;
	} else {
		half = false;
	}
	if (old > 0x99 || carry) {
		al = add ? al + 0x60 : al - 0x60;
		out = true;
	} else if (add) {
		out = false;
	}
	interp_merge(&x->gpr[RAX], 1, al);
	x->rflags &= ~FLAGS_ARITHMETIC;
	x->rflags |= (out ? FLAG_CF : 0) | (half ? FLAG_AF : 0);
	alu_result_flags(al & 0xff, 1, &x->rflags);
}

/* AAA, AAS. */
static void adjust_unpacked(struct interp *x, bool add)
{
	uint64_t ax = x->gpr[RAX] & 0xffff;
	bool adjust = (ax & 15) > 9 || (x->rflags & FLAG_AF);

	if (adjust)
		ax = add ? ax + 0x106 : ax - 0x106;
	interp_merge(&x->gpr[RAX], 2, ax & 0xff0f);
	x->rflags &= ~FLAGS_ARITHMETIC;
	x->rflags |= adjust ? FLAG_CF | FLAG_AF : 0;
	alu_result_flags(ax & 0x0f, 1, &x->rflags);
}

enum interp_result interp_decimal(struct interp *x)
{
	unsigned int base = x->insn->imm & 0xff, al = x->gpr[RAX] & 0xff, ah = x->gpr[RAX] >> 8 & 0xff;

	switch (x->insn->op) {
	case OP_DAA: case OP_DAS:
		adjust_packed(x, x->insn->op == OP_DAA);
		return INTERP_DONE;
	case OP_AAA: case OP_AAS:
		adjust_unpacked(x, x->insn->op == OP_AAA);
		return INTERP_DONE;
	case OP_AAM:
		if (base == 0)
			return interp_raise(x, VECTOR_DE);
		ah = al / base;
		al %= base;
		break;
	default:	/* AAD */
		al = (al + ah * base) & 0xff;
		ah = 0;
		break;
	}
	interp_merge(&x->gpr[RAX], 2, ah << 8 | al);
	alu_logic_flags(al, 1, &x->rflags);
	return INTERP_DONE;
}
