/* Arithmetic and its flags. */
/* Part: interpreter/; pure. SDM volume 1, "EFLAGS Cross-Reference"; undefined flags are left as processors leave them. */
#include "vmm/interpreter/execute_inner.h"

static uint64_t sign_of(unsigned int width)
{
	return 1ull << (8 * width - 1);
}

void alu_result_flags(uint64_t r, unsigned int width, uint64_t *flags)
{
	uint64_t f = *flags & ~(uint64_t)(FLAG_SF | FLAG_ZF | FLAG_PF);

	if (r == 0)
		f |= FLAG_ZF;
	if (r & sign_of(width))
		f |= FLAG_SF;
	if (0x9669 >> ((r ^ r >> 4) & 15) & 1)	/* a bit for each nibble whose ones are even in number */
		f |= FLAG_PF;
	*flags = f;
}

void alu_logic_flags(uint64_t r, unsigned int width, uint64_t *flags)
{
	*flags &= ~(uint64_t)(FLAG_CF | FLAG_OF | FLAG_AF);
	alu_result_flags(r, width, flags);
}

static void put(uint64_t *flags, uint64_t flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned int width, uint64_t *flags)
{
	uint64_t sign = sign_of(width), r = (a + b + carry) & interp_mask(width);

	put(flags, FLAG_CF, (((a & b) | ((a | b) & ~r)) & sign) != 0);
	put(flags, FLAG_OF, ((a ^ r) & (b ^ r) & sign) != 0);
	put(flags, FLAG_AF, ((a ^ b ^ r) & 0x10) != 0);
	alu_result_flags(r, width, flags);
	return r;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned int width, uint64_t *flags)
{
	uint64_t sign = sign_of(width), r = (a - b - borrow) & interp_mask(width);

	put(flags, FLAG_CF, (((~a & b) | ((~a | b) & r)) & sign) != 0);
	put(flags, FLAG_OF, ((a ^ b) & (a ^ r) & sign) != 0);
	put(flags, FLAG_AF, ((a ^ b ^ r) & 0x10) != 0);
	alu_result_flags(r, width, flags);
	return r;
}

uint64_t alu_binary(unsigned int op, uint64_t a, uint64_t b, unsigned int width, uint64_t *flags)
{
	bool carry = *flags & FLAG_CF;
	uint64_t r;

	switch (op) {
	case OP_ADD: return add(a, b, false, width, flags);
	case OP_ADC: return add(a, b, carry, width, flags);
	case OP_SUB: case OP_CMP: return subtract(a, b, false, width, flags);
	case OP_SBB: return subtract(a, b, carry, width, flags);
	case OP_OR: r = a | b; break;
	case OP_XOR: r = a ^ b; break;
	default: r = a & b; break;	/* AND, TEST */
	}
	alu_logic_flags(r, width, flags);
	return r;
}

uint64_t alu_step(bool up, uint64_t a, unsigned int width, uint64_t *flags)
{
	uint64_t carry = *flags & FLAG_CF;
	uint64_t r = up ? add(a, 1, false, width, flags) : subtract(a, 1, false, width, flags);

	*flags = (*flags & ~(uint64_t)FLAG_CF) | carry;
	return r;
}

/* ROL, ROR: CF is the bit that went round; OF is defined for one place only and given for all as processors do. */
static uint64_t rotate(bool left, uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	unsigned int bits = 8 * width, n = count % bits;
	uint64_t r = a;

	if (n != 0)
		r = (left ? a << n | a >> (bits - n) : a >> n | a << (bits - n)) & interp_mask(width);
	if (left) {
		put(flags, FLAG_CF, r & 1);
		put(flags, FLAG_OF, ((r >> (bits - 1)) ^ r) & 1);
	} else {
		put(flags, FLAG_CF, r >> (bits - 1) & 1);
		put(flags, FLAG_OF, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
	}
	return r;
}

/* RCL, RCR: through CF, so there is one bit more; at most 63 steps of one bit. */
static uint64_t rotate_carry(bool left, uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	unsigned int bits = 8 * width, n = count % (bits + 1);
	uint64_t carry = *flags & FLAG_CF ? 1 : 0;

	if (n == 0)
		return a;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t out = left ? a >> (bits - 1) & 1 : a & 1;

		a = left ? (a << 1 | carry) & interp_mask(width) : a >> 1 | carry << (bits - 1);
		carry = out;
	}
	put(flags, FLAG_CF, carry);
	put(flags, FLAG_OF, left ? ((a >> (bits - 1)) ^ carry) & 1 : (a >> (bits - 1) ^ a >> (bits - 2)) & 1);
	return a;
}

static uint64_t shift_left(uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	unsigned int bits = 8 * width;
	uint64_t r = a << count & interp_mask(width);	/* count is below 64 */
	bool carry = count <= bits && (a >> (bits - count) & 1);

	put(flags, FLAG_CF, carry);
	put(flags, FLAG_OF, (r & sign_of(width) ? true : false) != carry);
	return r;
}

static uint64_t shift_right(uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	put(flags, FLAG_CF, a >> (count - 1) & 1);
	put(flags, FLAG_OF, a & sign_of(width));
	return a >> count;
}

static uint64_t shift_signed(uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	int64_t wide = (int64_t)interp_sign_extend(a, width);

	put(flags, FLAG_CF, wide >> (count - 1) & 1);
	put(flags, FLAG_OF, false);
	return (uint64_t)(wide >> count) & interp_mask(width);
}

uint64_t alu_shift(unsigned int op, uint64_t a, unsigned int count, unsigned int width, uint64_t *flags)
{
	uint64_t r;

	count &= width == 8 ? 63 : 31;
	if (count == 0)
		return a;
	switch (op) {
	case OP_ROL: case OP_ROR: return rotate(op == OP_ROL, a, count, width, flags);
	case OP_RCL: case OP_RCR: return rotate_carry(op == OP_RCL, a, count, width, flags);
	case OP_SHR: r = shift_right(a, count, width, flags); break;
	case OP_SAR: r = shift_signed(a, count, width, flags); break;
	default: r = shift_left(a, count, width, flags); break;
	}
	put(flags, FLAG_AF, false);
	alu_result_flags(r, width, flags);
	return r;
}

/* SHLD, SHRD. With 16-bit operands and more than 16 places both result and flags are undefined; the source then wraps. */
uint64_t alu_double_shift(bool left, uint64_t a, uint64_t b, unsigned int count, unsigned int width, uint64_t *flags)
{
	unsigned int bits = 8 * width;
	uint64_t r;

	count &= width == 8 ? 63 : 31;
	if (count == 0)
		return a;
	if (count > bits) {	/* 16 bits only */
		uint64_t swap = a;

		a = b;
		b = swap;
		count -= bits;
	}
	if (left) {
		r = (count == bits ? b : a << count | b >> (bits - count)) & interp_mask(width);
		put(flags, FLAG_CF, a >> (bits - count) & 1);
	} else {
		r = (count == bits ? b : a >> count | b << (bits - count)) & interp_mask(width);
		put(flags, FLAG_CF, a >> (count - 1) & 1);
	}
	put(flags, FLAG_OF, (r ^ a) & sign_of(width));
	put(flags, FLAG_AF, false);
	alu_result_flags(r, width, flags);
	return r;
}

/* SDM volume 1, "EFLAGS Condition Codes": an odd number negates the one before. */
bool alu_condition(unsigned int condition, uint64_t f)
{
	bool less = ((f & FLAG_SF) != 0) != ((f & FLAG_OF) != 0), holds;

	switch (condition >> 1 & 7) {
	case 0: holds = f & FLAG_OF; break;
	case 1: holds = f & FLAG_CF; break;
	case 2: holds = f & FLAG_ZF; break;
	case 3: holds = f & (FLAG_CF | FLAG_ZF); break;
	case 4: holds = f & FLAG_SF; break;
	case 5: holds = f & FLAG_PF; break;
	case 6: holds = less; break;
	default: holds = less || (f & FLAG_ZF); break;
	}
	return holds != (condition & 1);
}
