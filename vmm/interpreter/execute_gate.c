/* Far CALL and JMP by call gates and task gates, and to a TSS. */
/* Part: interpreter/; SDM volume 2, "CALL", "JMP"; volume 3, "Accessing a Code Segment Through a Call Gate". */
#include "vmm/interpreter/execute_inner.h"

/* SDM, "System- and Gate-Descriptor Types". */
enum { TYPE_CALL16 = 4, TYPE_TASK = 5, TYPE_CALL = 12 };
#define TYPE_WIDE 8u

struct call_gate {
	uint16_t selector;
	uint64_t offset;
	unsigned int width;	/* of what is pushed */
	unsigned int count;	/* parameters */
};

/* What was pushed for the procedure goes to the inner level's stack, in the same order. */
static enum interp_result copy_parameters(struct interp *x, struct interp_frame *f, unsigned int count)
{
	struct interp_place place;

	while (count-- > 0) {
		enum interp_result r = interp_stack_place(x, &place, (int64_t)f->width * count, f->width, INTERP_READ);

		if (r != INTERP_DONE)
			return r;
		interp_frame_word(f, interp_load(x, &place));
	}
	return INTERP_DONE;
}

static enum interp_result call_through(struct interp *x, const struct call_gate *g, const struct interp_descriptor *cs)
{
	unsigned int level = cs->s.selector & 3;
	bool inner = level < interp_cpl(x);
	struct interp_frame f;
	enum interp_result r = INTERP_DONE;

	if (inner)
		r = interp_frame_inner(x, &f, g->width, level, 0);
	else
		interp_frame_here(x, &f, g->width);
	if (r == INTERP_DONE)
		r = interp_frame_room(x, &f, inner ? 4 + g->count : 2);
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &cs->s, g->offset);
	if (r == INTERP_DONE && inner) {
		interp_frame_word(&f, interp_segment(x, SEG_SS)->selector);
		interp_frame_word(&f, x->gpr[RSP]);
		r = copy_parameters(x, &f, g->count);
	}
	if (r != INTERP_DONE)
		return r;
	interp_frame_word(&f, interp_segment(x, SEG_CS)->selector);
	interp_frame_word(&f, interp_next(x));
	r = interp_frame_push(x, &f);
	if (r != INTERP_DONE)
		return r;
	interp_load_segment(x, SEG_CS, cs);
	interp_jump(x, g->offset);
	return INTERP_DONE;
}

static enum interp_result jump_through(struct interp *x, const struct call_gate *g, const struct interp_descriptor *cs)
{
	enum interp_result r = interp_check_entry(x, &cs->s, g->offset);

	if (r != INTERP_DONE)
		return r;
	interp_load_segment(x, SEG_CS, cs);
	interp_jump(x, g->offset);
	return INTERP_DONE;
}

/* The second half of a 64-bit mode's gate, whose type bits are 0. */
static enum interp_result read_upper(struct interp *x, uint16_t selector, uint64_t at, uint64_t *high)
{
	struct interp_place place;
	uint64_t limit = selector & 4 ? interp_segment(x, SEG_LDTR)->limit : x->ops->get(x, VREG_GDTR_LIMIT);
	enum interp_result r;

	if ((selector & 0xfff8u) + 15 > limit)
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	r = x->ops->prepare(x, &place, at + 8, 8, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	*high = interp_load(x, &place);
	return (*high >> 40 & 0x1f) == 0 ? INTERP_DONE : interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
}

static enum interp_result by_call_gate(struct interp *x, bool call, uint16_t selector, uint64_t low, uint64_t at)
{
	bool is_long = interp_long(x), wide = (low >> 40 & TYPE_WIDE) != 0;
	struct call_gate g = { .selector = (uint16_t)(low >> 16), .width = is_long ? 8 : wide ? 4 : 2 };
	struct interp_descriptor cs;
	uint64_t high = 0;
	enum interp_result r;

	if (is_long) {
		r = read_upper(x, selector, at, &high);
		if (r != INTERP_DONE)
			return r;
	}
	g.count = is_long ? 0 : low >> 32 & 31;
	g.offset = (low & 0xffff) | (wide ? low >> 32 & 0xffff0000 : 0) | high << 32;
	r = interp_gate_code(x, g.selector, call, &cs);
	if (r != INTERP_DONE)
		return r;
	return call ? call_through(x, &g, &cs) : jump_through(x, &g, &cs);
}

enum interp_result interp_gate(struct interp *x, bool call, uint16_t selector)
{
	uint64_t low = 0, at = 0;
	unsigned int type, dpl;
	enum interp_result r = interp_read_descriptor(x, selector, VECTOR_GP, &low, &at);

	if (r != INTERP_DONE)
		return r;
	type = low >> 40 & 15;
	dpl = low >> 45 & 3;
	if ((low >> 44 & 1) || dpl < interp_cpl(x) || dpl < (selector & 3u) || (interp_long(x) && type != TYPE_CALL))
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	x->task_source = call ? TASK_CALL : TASK_JMP;
	if (type != TYPE_CALL && type != TYPE_CALL16 && type != TYPE_TASK) {	/* a TSS, which the switch looks at */
		x->task = selector;
		return INTERP_TASK;
	}
	if (!(low >> 47 & 1))
		return interp_raise_error(x, VECTOR_NP, selector & 0xfffc);
	if (type != TYPE_TASK)
		return by_call_gate(x, call, selector, low, at);
	x->task = (uint16_t)(low >> 16);
	return INTERP_TASK;
}
