/* Far JMP, CALL and RET. */
/* Part: interpreter/; SDM volume 2, "JMP", "CALL", "RET". */
#include "vmm/interpreter/execute_inner.h"

static enum interp_result read_pointer(struct interp *x, uint64_t *offset, uint16_t *selector)
{
	const struct insn *i = x->insn;
	struct interp_place place;
	uint8_t pointer[16] = { 0 };
	enum interp_result r;

	if (i->form == FORM_FAR) {
		*offset = i->imm;
		*selector = i->imm2;
		return INTERP_DONE;
	}
	r = interp_prepare(x, &place, i->seg, interp_offset(x), i->operand_size + 2u, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	x->ops->load(x, &place, pointer);
	*offset = 0;
	for (unsigned int n = 0; n < i->operand_size; n++)
		*offset |= (uint64_t)pointer[n] << 8 * n;
	*selector = (uint16_t)(pointer[i->operand_size] | pointer[i->operand_size + 1] << 8);
	return INTERP_DONE;
}

static enum interp_result go(struct interp *x, bool call)
{
	unsigned int width = x->insn->operand_size;
	struct interp_place first, second;
	struct interp_descriptor d;
	uint64_t offset = 0;
	uint16_t selector = 0;
	enum interp_result r = read_pointer(x, &offset, &selector);

	if (r != INTERP_DONE)
		return r;
	r = interp_fetch_segment(x, SEG_CS, selector, &d);
	if (r == INTERP_UNKNOWN)
		return interp_gate(x, call, selector);
	if (r == INTERP_DONE && call)
		r = interp_stack_place(x, &first, -(int64_t)width, width, INTERP_WRITE);
	if (r == INTERP_DONE && call)
		r = interp_stack_place(x, &second, -2 * (int64_t)width, width, INTERP_WRITE);
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &d.s, offset);
	if (r != INTERP_DONE)
		return r;
	if (call) {
		interp_store(x, &first, interp_segment(x, SEG_CS)->selector);
		interp_store(x, &second, interp_next(x));
		interp_move_stack(x, -2 * (int64_t)width);
	}
	interp_load_segment(x, SEG_CS, &d);
	interp_jump(x, offset);
	return INTERP_DONE;
}

static enum interp_result back(struct interp *x)
{
	unsigned int width = x->insn->operand_size;
	struct interp_return to = { .words = 2, .release = x->insn->imm & 0xffff };
	struct interp_place first, second;
	struct interp_descriptor d;
	uint64_t offset;
	uint16_t selector;
	enum interp_result r = interp_stack_place(x, &first, 0, width, INTERP_READ);

	if (r == INTERP_DONE)
		r = interp_stack_place(x, &second, width, width, INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	offset = interp_load(x, &first);
	selector = (uint16_t)interp_load(x, &second);
	if (interp_protected(x))
		return interp_return(x, &to, offset, selector);
	r = interp_fetch_segment(x, SEG_CS, selector, &d);
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &d.s, offset);
	if (r != INTERP_DONE)
		return r;
	interp_move_stack(x, (int64_t)(2 * width + to.release));
	interp_load_segment(x, SEG_CS, &d);
	interp_jump(x, offset);
	return INTERP_DONE;
}

enum interp_result interp_far(struct interp *x)
{
	return x->insn->op == OP_RETF ? back(x) : go(x, x->insn->op == OP_CALLF);
}
