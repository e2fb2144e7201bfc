/* Ways from one privilege level to another: where a gate leads, the stack it changes to, what is left there. */
/* Part: interpreter/; for gates of instructions and of the IDT. SDM volume 2, "CALL", "INT n"; volume 3, "Stack Switching". */
#include "vmm/interpreter/execute_inner.h"

bool interp_long(struct interp *x)
{
	return x->ops->get(x, VREG_EFER) >> 10 & 1;
}

void interp_frame_here(struct interp *x, struct interp_frame *f, unsigned int width)
{
	f->ss.s = *interp_segment(x, SEG_SS);
	f->ss.mark = false;
	f->changed = false;
	f->size = width == 8 ? 8 : f->ss.s.access & ACCESS_D ? 4 : 2;
	f->sp = x->gpr[RSP];
	f->width = width;
	f->access = INTERP_WRITE;
	f->count = 0;
}

enum interp_result interp_fetch_stack(struct interp *x, struct interp_descriptor *d, uint16_t selector, unsigned int level,
				      uint8_t vector)
{
	uint64_t at = 0;
	enum interp_result r = interp_find_segment(x, d, selector, vector, &at);

	if (r != INTERP_DONE)
		return r;
	if ((selector & 3u) != level || interp_dpl(&d->s) != level ||
	    (d->s.access & (ACCESS_S | ACCESS_CODE | ACCESS_WRITABLE)) != (ACCESS_S | ACCESS_WRITABLE))
		return interp_raise_error(x, vector, selector & 0xfffc);
	if (!(d->s.access & ACCESS_P))
		return interp_raise_error(x, VECTOR_SS, selector & 0xfffc);
	return interp_mark_segment(x, d, at);
}

/* SDM, figures of the three formats of a TSS: the stacks stand one after the other, the selector behind the pointer. */
enum interp_result interp_frame_inner(struct interp *x, struct interp_frame *f, unsigned int width, unsigned int level,
				      unsigned int ist)
{
	const struct segment *tr = interp_segment(x, SEG_TR);
	bool wide = (tr->access & 8) != 0, is_long = interp_long(x);
	unsigned int pointer = is_long ? 8 : wide ? 4 : 2, n = is_long ? 8 : pointer + 2;
	uint64_t at = is_long ? (ist != 0 ? 28 + 8 * ist : 4 + 8 * level) : wide ? 4 + 8 * level : 2 + 4 * level, value;
	struct interp_place place;
	enum interp_result r;

	if ((tr->access & SEGMENT_UNUSABLE) || at + n - 1 > tr->limit)
		return interp_raise_error(x, VECTOR_TS, tr->selector & 0xfffc);
	at += tr->base;
	r = x->ops->prepare(x, &place, is_long ? at : (uint32_t)at, n, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	value = interp_load(x, &place);
	f->sp = value & interp_mask(pointer);
	f->width = width;
	f->access = level < 3 ? INTERP_WRITE | INTERP_SUPERVISOR : INTERP_WRITE;
	f->changed = true;
	f->count = 0;
	if (is_long) {	/* SDM, "Stack Switching in IA-32e Mode": a null selector that tells the level */
		f->ss.mark = false;
		f->ss.s = (struct segment){ .selector = (uint16_t)level, .access = SEGMENT_UNUSABLE | level << 5 };
		f->size = 8;
		return INTERP_DONE;
	}
	r = interp_fetch_stack(x, &f->ss, (uint16_t)(value >> 8 * pointer), level, VECTOR_TS);
	f->size = f->ss.s.access & ACCESS_D ? 4 : 2;
	return r;
}

static uint64_t place_of(const struct interp_frame *f, unsigned int word)
{
	return (f->sp - (uint64_t)f->width * (word + 1)) & interp_mask(f->size);
}

enum interp_result interp_frame_room(struct interp *x, const struct interp_frame *f, unsigned int words)
{
	uint32_t error = f->changed ? f->ss.s.selector & 0xfffcu : 0;

	if (f->size == 8)
		return interp_canonical(f->sp) && interp_canonical(place_of(f, words - 1))
			       ? INTERP_DONE : interp_raise_error(x, VECTOR_SS, error);
	if (f->ss.s.access & SEGMENT_UNUSABLE)
		return interp_raise_error(x, VECTOR_SS, error);
	for (unsigned int n = 0; n < words; n++)
		if (!interp_within(&f->ss.s, place_of(f, n), f->width))
			return interp_raise_error(x, VECTOR_SS, error);
	return INTERP_DONE;
}

void interp_frame_word(struct interp_frame *f, uint64_t value)
{
	if (f->count < FRAME_WORDS)
		f->word[f->count++] = value;
}

/* All places are checked before the first is written, as PUSHA's. */
enum interp_result interp_frame_push(struct interp *x, struct interp_frame *f)
{
	struct interp_place place;

	for (int pass = 0; pass < 2; pass++)
		for (unsigned int n = 0; n < f->count; n++) {
			uint64_t at = place_of(f, n);
			enum interp_result r;

			if (f->size != 8)
				at = (uint32_t)(f->ss.s.base + at);
			r = x->ops->prepare(x, &place, at, f->width, f->access);
			if (r != INTERP_DONE)
				return r;
			if (pass == 1)
				interp_store(x, &place, f->word[n]);
		}
	if (f->changed)
		interp_load_segment(x, SEG_SS, &f->ss);
	interp_merge(&x->gpr[RSP], f->size, f->sp - (uint64_t)f->width * f->count);
	return INTERP_DONE;
}

enum interp_result interp_gate_code(struct interp *x, uint16_t selector, bool inward, struct interp_descriptor *d)
{
	unsigned int cpl = interp_cpl(x), dpl;
	uint64_t at = 0;
	enum interp_result r = interp_find_segment(x, d, selector, VECTOR_GP, &at);

	if (r != INTERP_DONE)
		return r;
	dpl = interp_dpl(&d->s);
	if ((d->s.access & (ACCESS_S | ACCESS_CODE)) != (ACCESS_S | ACCESS_CODE) || dpl > cpl ||
	    (!inward && !(d->s.access & ACCESS_CONFORMING) && dpl != cpl) ||
	    (interp_long(x) && (d->s.access & (ACCESS_L | ACCESS_D)) != ACCESS_L))
		return interp_raise_error(x, VECTOR_GP, selector & 0xfffc);
	if (!(d->s.access & ACCESS_P))
		return interp_raise_error(x, VECTOR_NP, selector & 0xfffc);
	d->s.selector = (uint16_t)((selector & ~3u) | (d->s.access & ACCESS_CONFORMING ? cpl : dpl));
	return interp_mark_segment(x, d, at);
}

enum interp_result interp_check_entry(struct interp *x, const struct segment *cs, uint64_t offset)
{
	bool good = (cs->access & ACCESS_L) && interp_long(x) ? interp_canonical(offset) : offset <= cs->limit;

	return good ? INTERP_DONE : interp_raise_error(x, VECTOR_GP, 0);
}
