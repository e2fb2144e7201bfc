/* PUSH, POP and all of their kind, and the instructions on flags. */
/* Part: interpreter/; the stack may lie in a device, and is checked before anything is read or written. */
#include "vmm/interpreter/execute_inner.h"

/* What POPF may change at all. */
#define FLAGS_POPPABLE                                                                              \
	(FLAGS_ARITHMETIC | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | 1u << 21)

unsigned int interp_stack_size(struct interp *x)
{
	if (x->insn->bits == 64)
		return 8;
	return interp_segment(x, SEG_SS)->access & 0x4000 ? 4 : 2;
}

enum interp_result interp_stack_place(struct interp *x, struct interp_place *place, int64_t delta, unsigned int width,
				      uint32_t access)
{
	uint64_t offset = (x->gpr[RSP] + (uint64_t)delta) & interp_mask(interp_stack_size(x));

	return interp_prepare(x, place, SEG_SS, offset, width, access);
}

void interp_move_stack(struct interp *x, int64_t delta)
{
	interp_merge(&x->gpr[RSP], interp_stack_size(x), x->gpr[RSP] + (uint64_t)delta);
}

static enum interp_result push(struct interp *x, uint64_t value)
{
	unsigned int width = x->insn->operand_size;
	struct interp_place place;
	enum interp_result r = interp_stack_place(x, &place, -(int64_t)width, width, INTERP_WRITE);

	if (r != INTERP_DONE)
		return r;
	interp_store(x, &place, value);
	interp_move_stack(x, -(int64_t)width);
	return INTERP_DONE;
}

static enum interp_result push_operand(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place from, to;
	enum interp_result r;

	if (i->form == FORM_I)
		return push(x, i->imm);
	if (i->form == FORM_O)
		return push(x, x->gpr[(i->opcode & 7u) | (i->rex & REX_B ? 8u : 0)]);
	if (!i->memory)
		return push(x, x->gpr[i->rm]);
	r = interp_prepare(x, &from, i->seg, interp_offset(x), i->width, INTERP_READ);
	/* before a device is read for nothing */
	if (r == INTERP_DONE)
		r = interp_stack_place(x, &to, -(int64_t)i->width, i->width, INTERP_WRITE);
	if (r != INTERP_DONE)
		return r;
	interp_store(x, &to, interp_load(x, &from));
	interp_move_stack(x, -(int64_t)i->width);
	return INTERP_DONE;
}

/* POP to memory: the address is made with the stack pointer after the pop. SDM, "POP". */
static enum interp_result pop_operand(struct interp *x)
{
	const struct insn *i = x->insn;
	struct interp_place from, to;
	uint64_t sp = x->gpr[RSP];
	enum interp_result r = interp_stack_place(x, &from, 0, i->width, INTERP_READ);

	if (r != INTERP_DONE)
		return r;
	if (!i->memory) {
		unsigned int reg = i->form == FORM_O ? (i->opcode & 7u) | (i->rex & REX_B ? 8u : 0) : i->rm;
		uint64_t value = interp_load(x, &from);

		interp_move_stack(x, i->width);
		interp_set_gpr(x, reg, i->width, value);
		return INTERP_DONE;
	}
	interp_move_stack(x, i->width);
	r = interp_prepare(x, &to, i->seg, interp_offset(x), i->width, INTERP_WRITE);
	if (r == INTERP_DONE)
		interp_store(x, &to, interp_load(x, &from));
	else
		x->gpr[RSP] = sp;
	return r;
}

/* PUSHA: all eight places are checked before the first is written. */
static enum interp_result push_all(struct interp *x)
{
	int64_t width = x->insn->operand_size;
	struct interp_place place;
	enum interp_result r;

	for (int pass = 0; pass < 2; pass++)
		for (int n = 0; n < 8; n++) {
			r = interp_stack_place(x, &place, -width * (n + 1), (unsigned int)width, INTERP_WRITE);
			if (r != INTERP_DONE)
				return r;
			if (pass == 1)
				interp_store(x, &place, x->gpr[n]);	/* RSP is the old one still */
		}
	interp_move_stack(x, -8 * width);
	return INTERP_DONE;
}

static enum interp_result pop_all(struct interp *x)
{
	int64_t width = x->insn->operand_size;
	struct interp_place place;
	uint64_t value[8];

	for (int n = 0; n < 8; n++) {
		enum interp_result r = interp_stack_place(x, &place, width * n, (unsigned int)width, INTERP_READ);

		if (r != INTERP_DONE)
			return r;
		value[n] = interp_load(x, &place);
	}
	interp_move_stack(x, 8 * width);
	for (unsigned int n = 0; n < 8; n++)	/* the first popped is RDI; the stack pointer's is dropped */
		if (n != 3)
			interp_merge(&x->gpr[7 - n], (unsigned int)width, value[n]);
	return INTERP_DONE;
}

/* May IF be changed? In virtual-8086 mode the same asks whether PUSHF and POPF are allowed at all. */
static bool may_change_if(struct interp *x)
{
	return !(interp_cr0(x) & CR0_PE_BIT) || interp_cpl(x) <= (x->rflags >> 12 & 3);
}

/* With VME or PVI other rules hold, for which nobody has a use here. */
static enum interp_result flags_refused(struct interp *x)
{
	if (x->ops->get(x, VREG_CR4) & 3)
		return INTERP_UNKNOWN;
	return interp_raise_error(x, VECTOR_GP, 0);
}

static enum interp_result push_flags(struct interp *x)
{
	if ((x->rflags & FLAG_VM) && !may_change_if(x))
		return flags_refused(x);
	return push(x, x->rflags & ~(uint64_t)(FLAG_VM | FLAG_RF));
}

static enum interp_result pop_flags(struct interp *x)
{
	unsigned int width = x->insn->operand_size;
	uint64_t may = FLAGS_POPPABLE & interp_mask(width), value;
	struct interp_place place;
	enum interp_result r;

	if ((x->rflags & FLAG_VM) && !may_change_if(x))
		return flags_refused(x);
	if ((interp_cr0(x) & CR0_PE_BIT) && interp_cpl(x) != 0)
		may &= ~(uint64_t)FLAG_IOPL;
	if (!may_change_if(x))
		may &= ~(uint64_t)FLAG_IF;
	r = interp_stack_place(x, &place, 0, width, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	value = interp_load(x, &place);
	interp_move_stack(x, width);
	x->rflags = (x->rflags & ~may) | (value & may);
	return INTERP_DONE;
}

/* SDM, "ENTER": with a level the frame pointers of the enclosing procedures are copied. */
static enum interp_result enter(struct interp *x)
{
	const struct insn *i = x->insn;
	unsigned int level = i->imm2 & 31, size = interp_stack_size(x);
	int64_t width = i->operand_size, pushed = -width * (1 + (int64_t)level);
	uint64_t frame = (x->gpr[RSP] - (uint64_t)width) & interp_mask(size);
	struct interp_place place;
	enum interp_result r;

	for (int pass = 0; pass < 2; pass++)
		for (unsigned int n = 0; n <= level; n++) {
			uint64_t value = n == 0 ? x->gpr[RBP] : frame;

			if (n > 0 && n < level) {
				uint64_t from = (x->gpr[RBP] - (uint64_t)width * n) & interp_mask(size);

				r = interp_prepare(x, &place, SEG_SS, from, (uint32_t)width, INTERP_READ);
				if (r != INTERP_DONE)
					return r;
				if (pass == 1)
					value = interp_load(x, &place);
			}
			r = interp_stack_place(x, &place, -width * (1 + (int64_t)n), (unsigned int)width, INTERP_WRITE);
			if (r != INTERP_DONE)
				return r;
			if (pass == 1)
				interp_store(x, &place, value);
		}
	interp_move_stack(x, pushed - (int64_t)(i->imm & 0xffff));
	interp_merge(&x->gpr[RBP], i->bits == 64 ? 8 : i->operand_size, frame);
	return INTERP_DONE;
}

static enum interp_result leave(struct interp *x)
{
	unsigned int size = interp_stack_size(x), width = x->insn->operand_size;
	uint64_t top = x->gpr[RBP] & interp_mask(size);
	struct interp_place place;
	enum interp_result r = interp_prepare(x, &place, SEG_SS, top, width, INTERP_READ);

	if (r != INTERP_DONE)
		return r;
	interp_merge(&x->gpr[RSP], size, top + width);
	interp_merge(&x->gpr[RBP], width, interp_load(x, &place));
	return INTERP_DONE;
}

static enum interp_result push_segment(struct interp *x)
{
	const struct insn *i = x->insn;
	/* 06 0E 16 1E; 0F A0, 0F A8 */
	enum seg seg = i->map == MAP_ONE ? i->opcode >> 3 & 3 : i->opcode == 0xa0 ? SEG_FS : SEG_GS;

	return push(x, interp_segment(x, seg)->selector);
}

enum interp_result interp_stack(struct interp *x)
{
	switch (x->insn->op) {
	case OP_PUSH: return push_operand(x);
	case OP_POP: return pop_operand(x);
	case OP_PUSHA: return push_all(x);
	case OP_POPA: return pop_all(x);
	case OP_PUSHF: return push_flags(x);
	case OP_POPF: return pop_flags(x);
	case OP_ENTER: return enter(x);
	case OP_LEAVE: return leave(x);
	default: return push_segment(x);
	}
}

static enum interp_result change_if(struct interp *x, bool on)
{
	if (!may_change_if(x))
		return flags_refused(x);
	if (on && !(x->rflags & FLAG_IF))
		x->shadow = BLOCKING_BY_STI;
	x->rflags = on ? x->rflags | FLAG_IF : x->rflags & ~(uint64_t)FLAG_IF;
	return INTERP_DONE;
}

enum interp_result interp_flag(struct interp *x)
{
	const uint64_t low = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF;

	switch (x->insn->op) {
	case OP_CLC: x->rflags &= ~(uint64_t)FLAG_CF; break;
	case OP_STC: x->rflags |= FLAG_CF; break;
	case OP_CMC: x->rflags ^= FLAG_CF; break;
	case OP_CLD: x->rflags &= ~(uint64_t)FLAG_DF; break;
	case OP_STD: x->rflags |= FLAG_DF; break;
	case OP_CLI: return change_if(x, false);
	case OP_STI: return change_if(x, true);
	case OP_SAHF: x->rflags = (x->rflags & ~low) | (x->gpr[RAX] >> 8 & low); break;
	case OP_LAHF: x->gpr[RAX] = (x->gpr[RAX] & ~0xff00ull) | (x->rflags & low) << 8 | 2u << 8; break;
	default:	/* SALC */
		interp_merge(&x->gpr[RAX], 1, x->rflags & FLAG_CF ? 0xff : 0);
		break;
	}
	return INTERP_DONE;
}
