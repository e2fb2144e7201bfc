/* Near branches: Jcc, JMP, CALL, RET, LOOP, JCXZ. */
/* Part: interpreter/; the target may be read from a device, the return address may go to one. */
#include "vmm/interpreter/execute_inner.h"

uint64_t interp_next(const struct interp *x)
{
	uint64_t next = x->rip + x->insn->length;

	return x->insn->bits == 64 ? next : (uint32_t)next;
}

/* May a near branch go there? */
static enum interp_result check_target(struct interp *x, uint64_t target)
{
	bool good = x->insn->bits == 64 ? interp_canonical(target) : target <= interp_segment(x, SEG_CS)->limit;

	return good ? INTERP_DONE : interp_raise_error(x, VECTOR_GP, 0);
}

void interp_jump(struct interp *x, uint64_t target)
{
	x->rip = target;
	x->branched = true;
}

static uint64_t relative(const struct interp *x)
{
	return (interp_next(x) + x->insn->imm) & interp_mask(x->insn->operand_size);
}

static enum interp_result jump_if(struct interp *x, bool taken)
{
	enum interp_result r = INTERP_DONE;

	if (taken) {
		r = check_target(x, relative(x));
		if (r == INTERP_DONE)
			interp_jump(x, relative(x));
	}
	return r;
}

/* The count goes down even if the branch is not taken, but not if its target is bad. */
static enum interp_result loop(struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t count = (x->gpr[RCX] - 1) & interp_mask(i->address_size);
	bool taken = count != 0;
	enum interp_result r;

	if (i->op != OP_LOOP)
		taken = taken && ((x->rflags & FLAG_ZF) != 0) == (i->op == OP_LOOPE);
	r = jump_if(x, taken);
	if (r == INTERP_DONE)
		interp_merge(&x->gpr[RCX], i->address_size, count);
	return r;
}

/* Where JMP and CALL go. */
static enum interp_result find_target(struct interp *x, uint64_t *target)
{
	const struct insn *i = x->insn;
	struct operands o;
	enum interp_result r;

	if (i->form == FORM_I) {
		*target = relative(x);
		return INTERP_DONE;
	}
	r = interp_operands(x, &o, INTERP_READ);
	*target = o.a;
	return r;
}

static enum interp_result call(struct interp *x)
{
	unsigned int width = x->insn->operand_size;
	struct interp_place place;
	uint64_t target;
	enum interp_result r = find_target(x, &target);

	if (r == INTERP_DONE)
		r = interp_stack_place(x, &place, -(int64_t)width, width, INTERP_WRITE);
	if (r == INTERP_DONE)
		r = check_target(x, target);
	if (r != INTERP_DONE)
		return r;
	interp_store(x, &place, interp_next(x));
	interp_move_stack(x, -(int64_t)width);
	interp_jump(x, target);
	return INTERP_DONE;
}

static enum interp_result jump(struct interp *x)
{
	uint64_t target;
	enum interp_result r = find_target(x, &target);

	if (r == INTERP_DONE)
		r = check_target(x, target);
	if (r == INTERP_DONE)
		interp_jump(x, target);
	return r;
}

static enum interp_result ret(struct interp *x)
{
	unsigned int width = x->insn->operand_size;
	struct interp_place place;
	uint64_t target;
	enum interp_result r = interp_stack_place(x, &place, 0, width, INTERP_READ);

	if (r != INTERP_DONE)
		return r;
	target = interp_load(x, &place);
	r = check_target(x, target);
	if (r != INTERP_DONE)
		return r;
	interp_move_stack(x, (int64_t)(width + (x->insn->imm & 0xffff)));
	interp_jump(x, target);
	return INTERP_DONE;
}

enum interp_result interp_branch(struct interp *x)
{
	const struct insn *i = x->insn;

	switch (i->op) {
	case OP_JCC: return jump_if(x, alu_condition(i->opcode, x->rflags));
	case OP_JCXZ: return jump_if(x, (x->gpr[RCX] & interp_mask(i->address_size)) == 0);
	case OP_JMP: return jump(x);
	case OP_CALL: return call(x);
	case OP_RET: return ret(x);
	default: return loop(x);
	}
}
