/* The executor's entrance: moves and arithmetic here, the rest by kind. */
/* Part: interpreter/. Fallible work comes before visible work: operands are prepared, then results are put down. */
#include "vmm/interpreter/execute_inner.h"

#define RW (INTERP_READ | INTERP_WRITE)

static enum interp_result arithmetic(struct interp *x)
{
	const struct insn *i = x->insn;
	bool writes = i->op != OP_CMP && i->op != OP_TEST;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, writes ? RW : INTERP_READ);
	uint64_t value;

	if (r != INTERP_DONE)
		return r;
	value = alu_binary(i->op, o.a, o.b, i->width, &x->rflags);
	if (writes)
		interp_result_to(x, &o, value);
	return INTERP_DONE;
}

static enum interp_result one_operand(struct interp *x)
{
	const struct insn *i = x->insn;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, RW);

	if (r != INTERP_DONE)
		return r;
	switch (i->op) {
	case OP_NOT: o.a = ~o.a & interp_mask(i->width); break;
	case OP_NEG: o.a = alu_binary(OP_SUB, 0, o.a, i->width, &x->rflags); break;
	case OP_INC: case OP_DEC: o.a = alu_step(i->op == OP_INC, o.a, i->width, &x->rflags); break;
	default: o.a = alu_shift(i->op, o.a, o.b & 0xff, i->width, &x->rflags); break;
	}
	interp_result_to(x, &o, o.a);
	return INTERP_DONE;
}

static uint64_t reversed(uint64_t v, unsigned int width)
{
	return __builtin_bswap64(v) >> (64 - 8 * width);
}

/* What is written does not depend on what was there. */
static enum interp_result move(struct interp *x)
{
	const struct insn *i = x->insn;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, INTERP_WRITE);

	if (r != INTERP_DONE)
		return r;
	switch (i->op) {
	case OP_MOVBE: o.b = reversed(o.b, i->width); break;
	case OP_SETCC: o.b = alu_condition(i->opcode, x->rflags); break;
	case OP_CMOVCC: o.b = alu_condition(i->opcode, x->rflags) ? o.b : o.a; break;
	default: break;
	}
	interp_result_to(x, &o, o.b);
	return INTERP_DONE;
}

/* MOVZX, MOVSX, MOVSXD: the source is narrower than the register. */
static enum interp_result move_extended(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	uint64_t value;

	if (i->memory) {
		enum interp_result r = interp_prepare(x, &place, i->seg, interp_offset(x), i->from_width, INTERP_READ);

		if (r != INTERP_DONE)
			return r;
		value = interp_load(x, &place);
	} else {
		value = interp_gpr(x, i->rm, i->from_width);
	}
	if (i->op == OP_MOVSX)
		value = interp_sign_extend(value, i->from_width);
	interp_merge(&x->gpr[i->reg], i->width, value);
	return INTERP_DONE;
}

/* XCHG, XADD: both operands are written. With two times the same register the first counts last (XADD). */
static enum interp_result exchange(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int other = i->form == FORM_A_O ? (i->opcode & 7u) | (i->rex & REX_B ? 8u : 0) : i->reg;
	struct operands o;
	enum interp_result r = interp_operands(x, &o, RW);
	uint64_t value = o.b;

	if (r != INTERP_DONE)
		return r;
	if (i->op == OP_XADD)
		value = alu_binary(OP_ADD, o.a, o.b, i->width, &x->rflags);
	if (o.in_memory)
		interp_store(x, &o.place, value);
	interp_set_gpr(x, other, i->width, o.a);
	if (!o.in_memory)
		interp_set_gpr(x, o.reg, i->width, value);
	return INTERP_DONE;
}

/* The destination is written either way; the accumulator only where they differ. SDM, "CMPXCHG". */
static enum interp_result compare_exchange(struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t accumulator = x->gpr[RAX] & interp_mask(i->width);
	struct operands o;
	enum interp_result r = interp_operands(x, &o, RW);

	if (r != INTERP_DONE)
		return r;
	alu_binary(OP_CMP, accumulator, o.a, i->width, &x->rflags);
	if (accumulator == o.a) {
		interp_result_to(x, &o, o.b);
	} else {
		interp_result_to(x, &o, o.a);
		interp_merge(&x->gpr[RAX], i->width, o.a);
	}
	return INTERP_DONE;
}

static enum interp_result compare_exchange_pair(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int half = i->operand_size == 8 ? 8 : 4;
	uint64_t mask = interp_mask(half), offset = interp_offset(x), old[2] = { 0 }, new[2], low, high;
	struct interp_place place;
	enum interp_result r;

	/* a base that is no multiple of 16 cannot be told from an offset that is none: only FS and GS have one in 64-bit code */
	if (half == 8 && ((offset + (i->seg >= SEG_FS ? interp_segment(x, i->seg)->base : 0)) & 15))
		return interp_raise_error(x, VECTOR_GP, 0);
	r = interp_prepare(x, &place, i->seg, offset, 2 * half, RW);
	if (r != INTERP_DONE)
		return r;
	x->ops->load(x, &place, old);
	low = half == 8 ? old[0] : old[0] & mask;
	high = half == 8 ? old[1] : old[0] >> 32;
	if (low == (x->gpr[RAX] & mask) && high == (x->gpr[RDX] & mask)) {
		new[0] = half == 8 ? x->gpr[RBX] : (x->gpr[RBX] & mask) | x->gpr[RCX] << 32;
		new[1] = x->gpr[RCX];
		x->ops->store(x, &place, new);
		x->rflags |= FLAG_ZF;
	} else {
		x->ops->store(x, &place, old);
		x->rflags &= ~(uint64_t)FLAG_ZF;
		interp_merge(&x->gpr[RAX], half, low);
		interp_merge(&x->gpr[RDX], half, high);
	}
	return INTERP_DONE;
}

static enum interp_result swap_bytes(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int reg = (i->opcode & 7u) | (i->rex & REX_B ? 8u : 0);

	/* of 16 bits undefined; processors clear them */
	interp_merge(&x->gpr[reg], i->width, i->width == 2 ? 0 : reversed(x->gpr[reg], i->width));
	return INTERP_DONE;
}

static enum interp_result translate_byte(struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t offset = (x->gpr[RBX] + (x->gpr[RAX] & 0xff)) & interp_mask(i->address_size);
	struct interp_place place;
	enum interp_result r = interp_prepare(x, &place, i->seg, offset, 1, INTERP_READ);

	if (r == INTERP_DONE)
		interp_merge(&x->gpr[RAX], 1, interp_load(x, &place));
	return r;
}

static enum interp_result bound(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int width = i->operand_size;
	struct interp_place low, high;
	uint64_t offset = interp_offset(x);
	int64_t index = (int64_t)interp_sign_extend(x->gpr[i->reg], width);
	enum interp_result r = interp_prepare(x, &low, i->seg, offset, width, INTERP_READ);

	if (r == INTERP_DONE)
		r = interp_prepare(x, &high, i->seg, (offset + width) & interp_mask(i->address_size), width, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	if (index < (int64_t)interp_sign_extend(interp_load(x, &low), width) ||
	    index > (int64_t)interp_sign_extend(interp_load(x, &high), width))
		return interp_raise(x, VECTOR_BR);
	return INTERP_DONE;
}

/* CBW CWDE CDQE; CWD CDQ CQO. */
static enum interp_result widen(struct interp *x)
{
	unsigned int width = x->insn->operand_size;

	if (x->insn->op == OP_CBW)
		interp_merge(&x->gpr[RAX], width, interp_sign_extend(x->gpr[RAX], width / 2));
	else
		interp_merge(&x->gpr[RDX], width, x->gpr[RAX] >> (8 * width - 1) & 1 ? UINT64_MAX : 0);
	return INTERP_DONE;
}

static enum interp_result by_kind(struct interp *x)
{
	switch (x->insn->op) {
	case OP_MOV: case OP_MOVBE: case OP_SETCC: case OP_CMOVCC: return move(x);
	case OP_MOVZX: case OP_MOVSX: return move_extended(x);
	case OP_ADD: case OP_OR: case OP_ADC: case OP_SBB: case OP_AND: case OP_SUB: case OP_XOR: case OP_CMP: case OP_TEST:
		return arithmetic(x);
	case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR: case OP_SHL: case OP_SHR: case OP_SAL: case OP_SAR:
	case OP_NOT: case OP_NEG: case OP_INC: case OP_DEC:
		return one_operand(x);
	case OP_MOVS: case OP_CMPS: case OP_STOS: case OP_LODS: case OP_SCAS: case OP_INS: case OP_OUTS:
		return interp_string(x);
	case OP_MUL: case OP_IMUL1: case OP_DIV: case OP_IDIV: case OP_IMUL: return interp_multiply(x);
	case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC: case OP_SHLD: case OP_SHRD: case OP_BSF: case OP_BSR:
	case OP_TZCNT: case OP_LZCNT: case OP_POPCNT:
		return interp_bits(x);
	case OP_LEA:
		interp_merge(&x->gpr[x->insn->reg], x->insn->width, interp_offset(x));
		return INTERP_DONE;
	case OP_XCHG: case OP_XADD: return exchange(x);
	case OP_CMPXCHG: return compare_exchange(x);
	case OP_CMPXCHG8B: return compare_exchange_pair(x);
	case OP_BSWAP: return swap_bytes(x);
	case OP_XLAT: return translate_byte(x);
	case OP_BOUND: return bound(x);
	case OP_CBW: case OP_CWD: return widen(x);
	case OP_DAA: case OP_DAS: case OP_AAA: case OP_AAS: case OP_AAM: case OP_AAD: return interp_decimal(x);
	case OP_NOP: return INTERP_DONE;
	case OP_LAHF: case OP_SAHF: case OP_SALC: case OP_CLC: case OP_STC: case OP_CMC: case OP_CLD: case OP_STD: case OP_CLI:
	case OP_STI:
		return interp_flag(x);
	case OP_PUSH: case OP_POP: case OP_PUSH_SEG: case OP_PUSHA: case OP_POPA: case OP_PUSHF: case OP_POPF: case OP_ENTER:
	case OP_LEAVE:
		return interp_stack(x);
	case OP_IN: case OP_OUT: return interp_port(x);
	case OP_JCC: case OP_JMP: case OP_CALL: case OP_RET: case OP_LOOPNE: case OP_LOOPE: case OP_LOOP: case OP_JCXZ:
		return interp_branch(x);
	case OP_JMPF: case OP_CALLF: case OP_RETF: return interp_far(x);
	case OP_IRET: return interp_iret(x);
	case OP_MOV_FROM_SEG: case OP_MOV_TO_SEG: case OP_POP_SEG: case OP_LFP: case OP_SMSW:
	case OP_SLDT: case OP_STR: case OP_LLDT: case OP_LTR:
		return interp_segment_move(x);
	case OP_VERR: case OP_VERW: case OP_LAR: case OP_LSL: case OP_ARPL: case OP_SGDT: case OP_SIDT: case OP_LGDT: case OP_LIDT:
		return interp_table(x);
	case OP_MOVV: case OP_MOVSCALAR: case OP_MOVLOW: case OP_MOVHIGH: case OP_MOVD: case OP_MOVQ: return interp_vector(x);
	case OP_DIRECT_LOAD: case OP_DIRECT_STORE: return interp_direct(x);
	case OP_X87_LOAD: case OP_X87_STORE: return interp_x87(x);
	case OP_UD: return interp_raise(x, VECTOR_UD);
	default: return INTERP_UNKNOWN;
	}
}

enum interp_result interp_execute(struct interp *x, const struct insn *insn)
{
	enum interp_result r;

	x->insn = insn;
	x->known = 0;
	x->shadow = 0;
	x->branched = false;
	x->nmi_over = false;
	r = by_kind(x);
	if (r == INTERP_DONE) {
		if (!x->branched)
			x->rip = interp_next(x);
		if (insn->op != OP_IRET)	/* SDM, "Resume Flag": an instruction that is through ends it */
			x->rflags &= ~(uint64_t)FLAG_RF;
	}
	return r;
}
