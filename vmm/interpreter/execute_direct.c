/* Vector instructions with an operand in memory: the interpreter moves the operand, the processor does the rest. */
/* Part: interpreter/; direct execution in Popek and Goldberg's sense: of an innocuous instruction, with its operand relocated. */
#include "vmm/interpreter/execute_inner.h"

#define CR4_OSXMMEXCPT_BIT (1u << 10)
#define IN_RDI 7u	/* ModR/M's rm for [RDI] */

/* General registers are renamed: ModR/M's is R8, VEX.vvvv's R9. BLSR and its kin have an opcode where the first would be. */
static bool names_reg(const struct insn *i)
{
	if (i->direct == DIRECT_TO_GPR)
		return true;
	return i->direct == DIRECT_GPR && !(i->vex && i->map == MAP_0F38 && i->opcode == 0xf3);
}

static bool names_vvvv(const struct insn *i)
{
	return i->direct == DIRECT_GPR && i->vex && i->map == MAP_0F38;
}

static unsigned int put_legacy(const struct insn *i, unsigned int reg, uint8_t *code)
{
	unsigned int n = 0, rex = (i->w ? REX_W : 0) | (reg >= 8 ? REX_R : 0);
	bool word = i->pp == PP_F2 && i->direct == DIRECT_GPR && i->operand_size == 2;	/* CRC32 of 16 bits */

	if (i->pp == PP_66 || word)
		code[n++] = 0x66;
	if (i->pp == PP_F2 || i->pp == PP_F3)
		code[n++] = i->pp == PP_F2 ? 0xf2 : 0xf3;
	if (rex != 0)
		code[n++] = (uint8_t)(0x40 | rex);
	code[n++] = 0x0f;
	if (i->map != MAP_0F)
		code[n++] = i->map == MAP_0F38 ? 0x38 : 0x3a;
	return n;
}

/* SDM, "The VEX Prefix": R, X, B and vvvv are inverted. */
static unsigned int put_vex(const struct insn *i, unsigned int reg, unsigned int vvvv, uint8_t *code)
{
	code[0] = 0xc4;
	code[1] = (uint8_t)((reg >= 8 ? 0 : 0x80) | 0x60 | i->map);
	code[2] = (uint8_t)((i->w ? 0x80 : 0) | (~vvvv & 15) << 3 | (i->vector == 32 ? 4 : 0) | i->pp);
	return 3;
}

unsigned int interp_direct_code(const struct insn *i, uint8_t code[INSN_MAX])
{
	unsigned int reg = names_reg(i) ? 8 : i->reg, vvvv = names_vvvv(i) ? 9 : i->vvvv, n;

	n = i->vex ? put_vex(i, reg, vvvv, code) : put_legacy(i, reg, code);
	code[n++] = i->opcode;
	code[n++] = (uint8_t)((reg & 7) << 3 | IN_RDI);
	if (decode_vector_immediate(i->map, i->opcode))
		code[n++] = (uint8_t)i->imm;
	return n;
}

/* SDM volume 2, "Exceptions" of each: what would have been found before memory was touched. */
static enum interp_result usable(struct interp *x)
{
	uint64_t cr0 = interp_cr0(x);

	switch (x->insn->direct) {
	case DIRECT_GPR: return INTERP_DONE;
	case DIRECT_MMX:
		if (cr0 & CR0_EM_BIT)
			return interp_raise(x, VECTOR_UD);
		return cr0 & CR0_TS_BIT ? interp_raise(x, VECTOR_NM) : INTERP_DONE;
	default: return interp_vector_usable(x);
	}
}

static void give_registers(const struct interp *x, struct direct_insn *d)
{
	const struct insn *i = x->insn;

	d->rax = x->gpr[RAX];
	d->rcx = x->gpr[RCX];
	d->rdx = x->gpr[RDX];
	d->r8 = x->gpr[i->reg];
	d->r9 = x->gpr[i->vvvv];
	d->rflags = x->rflags & FLAGS_ARITHMETIC;
}

/* RCX: PCMPESTRI's. Of two that MULX names alike the first is what stays. */
static void take_registers(struct interp *x, const struct direct_insn *d)
{
	const struct insn *i = x->insn;

	if (i->direct == DIRECT_VECTOR)
		x->gpr[RCX] = d->rcx;
	if (names_vvvv(i))
		x->gpr[i->vvvv] = d->r9;
	if (names_reg(i))
		x->gpr[i->reg] = d->r8;
	x->rflags = (x->rflags & ~FLAGS_ARITHMETIC) | (d->rflags & FLAGS_ARITHMETIC);
}

enum interp_result interp_direct(struct interp *x)
{
	const struct insn *i = x->insn;
	bool store = i->op == OP_DIRECT_STORE;
	struct direct_insn d = { .vector = i->direct != DIRECT_GPR && i->direct != DIRECT_CONTROL };
	uint8_t operand[32] __attribute__((aligned(32))) = { 0 };
	uint64_t offset = interp_offset(x);
	struct interp_place place;
	enum interp_result r;

	if (x->ops->direct == NULL)
		return INTERP_UNKNOWN;
	r = usable(x);
	if (r == INTERP_DONE)
		r = interp_aligned(x, offset);
	if (r == INTERP_DONE)
		r = interp_prepare(x, &place, i->seg, offset, i->width, store ? INTERP_WRITE : INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	if (!store)
		x->ops->load(x, &place, operand);
	d.length = (uint8_t)interp_direct_code(i, d.code);
	give_registers(x, &d);
	switch (x->ops->direct(x, &d, operand)) {
	case DIRECT_DONE: break;
	case DIRECT_WAITS: return interp_raise(x, VECTOR_MF);
	case DIRECT_ERROR:
		return interp_raise(x, x->ops->get(x, VREG_CR4) & CR4_OSXMMEXCPT_BIT ? VECTOR_XM : VECTOR_UD);
	case DIRECT_REFUSED:	/* MXCSR has reserved bits; else there is no such instruction */
		return i->direct == DIRECT_CONTROL && !store ? interp_raise_error(x, VECTOR_GP, 0) : interp_raise(x, VECTOR_UD);
	}
	take_registers(x, &d);
	if (store)
		x->ops->store(x, &place, operand);
	return INTERP_DONE;
}
