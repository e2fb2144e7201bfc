/* RETF and IRET in protected mode: the code segment that was popped, and at an outer level its stack. */
/* Part: interpreter/; SDM volume 2, "RET", "IRET": the steps that both have, in their order. */
#include "vmm/interpreter/execute_inner.h"

static enum interp_result fetch_code(struct interp *x, uint16_t selector, struct interp_descriptor *d)
{
	unsigned int rpl = selector & 3, dpl;
	uint64_t at = 0;
	enum interp_result r = interp_find_segment(x, d, selector, VECTOR_GP, &at);

	if (r != INTERP_DONE)
		return r;
	dpl = interp_dpl(&d->s);
	if ((d->s.access & (ACCESS_S | ACCESS_CODE)) != (ACCESS_S | ACCESS_CODE) || rpl < interp_cpl(x) ||
	    (d->s.access & ACCESS_CONFORMING ? dpl > rpl : dpl != rpl) ||
	    ((d->s.access & ACCESS_L) && (d->s.access & ACCESS_D) && interp_long(x)))
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	if (!(d->s.access & ACCESS_P))
		return interp_raise_error(x, VECTOR_NP, selector & 0xfffc);
	return interp_mark_segment(x, d, at);
}

/* wide: it returns to 64-bit code, which needs no stack segment but at level 3. */
static enum interp_result fetch_stack(struct interp *x, uint16_t selector, unsigned int level, bool wide,
				      struct interp_descriptor *d)
{
	if ((selector & 0xfffc) != 0 || !wide || level == 3 || (selector & 3u) != level)
		return interp_fetch_stack(x, d, selector, level, VECTOR_GP);
	d->s = (struct segment){ .selector = selector, .access = SEGMENT_UNUSABLE | level << 5 };
	d->mark = false;
	return INTERP_DONE;
}

/* Data that the outer level may not use does not stay in its registers. Conforming code is for all. */
static void drop_segments(struct interp *x, unsigned int level)
{
	static const enum seg data[] = { SEG_ES, SEG_FS, SEG_GS, SEG_DS };

	for (unsigned int i = 0; i < ARRAY_LEN(data); i++) {
		struct segment s = *interp_segment(x, data[i]);

		if ((s.access & SEGMENT_UNUSABLE) || interp_dpl(&s) >= level ||
		    (s.access & (ACCESS_CODE | ACCESS_CONFORMING)) == (ACCESS_CODE | ACCESS_CONFORMING))
			continue;
		s.selector = 0;
		s.access |= SEGMENT_UNUSABLE;
		interp_put_segment(x, data[i], &s);
	}
}

enum interp_result interp_return(struct interp *x, const struct interp_return *back, uint64_t offset, uint16_t selector)
{
	unsigned int width = x->insn->operand_size, level = selector & 3;
	int64_t above = (int64_t)width * back->words + back->release;
	bool outer = level > interp_cpl(x), stack = outer || back->always_stack, wide;
	struct interp_place sp_at, ss_at;
	struct interp_descriptor cs, ss;
	uint64_t sp = 0;
	enum interp_result r = fetch_code(x, selector, &cs);

	if (r != INTERP_DONE)
		return r;
	wide = (cs.s.access & ACCESS_L) && interp_long(x);
	if (stack) {
		r = interp_stack_place(x, &sp_at, above, width, INTERP_READ);
		if (r == INTERP_DONE)
			r = interp_stack_place(x, &ss_at, above + width, width, INTERP_READ);
		if (r != INTERP_DONE)
			return r;
		sp = interp_load(x, &sp_at);
		r = fetch_stack(x, (uint16_t)interp_load(x, &ss_at), level, wide, &ss);
	}
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &cs.s, offset);
	if (r != INTERP_DONE)
		return r;
	if (stack) {
		interp_load_segment(x, SEG_SS, &ss);
		interp_merge(&x->gpr[RSP], wide ? 8 : ss.s.access & ACCESS_D ? 4 : 2, sp + (outer ? back->release : 0));
	} else {
		interp_move_stack(x, above);
	}
	interp_load_segment(x, SEG_CS, &cs);
	if (outer)
		drop_segments(x, level);
	interp_jump(x, offset);
	return INTERP_DONE;
}
