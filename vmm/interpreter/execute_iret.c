/* IRET in every mode: to the same level, to an outer one, into virtual-8086 mode, back to another task. */
/* Part: interpreter/; SDM volume 2, "IRET/IRETD/IRETQ", whose steps and faults these are in their order. */
#include "vmm/interpreter/execute_inner.h"

#define CR4_VME 1u
#define FLAGS_PROGRAM (FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT)
#define FLAGS_DOUBLE (uint64_t)(FLAG_RF | FLAG_AC | FLAG_ID)

/* The words from the top of the stack: they are read at once, since nothing else has been done. */
static enum interp_result pop_words(struct interp *x, unsigned int first, unsigned int count, uint64_t *word)
{
	unsigned int width = x->insn->operand_size;
	struct interp_place place;

	for (unsigned int n = first; n < first + count; n++) {
		enum interp_result r = interp_stack_place(x, &place, (int64_t)width * n, width, INTERP_READ);

		if (r != INTERP_DONE)
			return r;
		word[n] = interp_load(x, &place);
	}
	return INTERP_DONE;
}

static void set_flags(struct interp *x, uint64_t value, uint64_t may)
{
	may &= interp_mask(x->insn->operand_size);
	x->rflags = (x->rflags & ~may) | (value & may);
}

/* The frame of real mode and of virtual-8086 mode, and the segment that it names. */
static enum interp_result pop_frame(struct interp *x, uint64_t word[3], struct interp_descriptor *cs)
{
	enum interp_result r = pop_words(x, 0, 3, word);

	if (r == INTERP_DONE)
		r = interp_fetch_segment(x, SEG_CS, (uint16_t)word[1], cs);
	return r == INTERP_DONE ? interp_check_entry(x, &cs->s, word[0]) : r;
}

/* Real mode, and virtual-8086 mode with IOPL 3. */
static enum interp_result plainly(struct interp *x, uint64_t may)
{
	struct interp_descriptor cs;
	uint64_t word[3];
	enum interp_result r = pop_frame(x, word, &cs);

	if (r != INTERP_DONE)
		return r;
	interp_move_stack(x, 3 * (int64_t)x->insn->operand_size);
	interp_load_segment(x, SEG_CS, &cs);
	set_flags(x, word[2], may);
	interp_jump(x, word[0]);
	return INTERP_DONE;
}

/* With VME a program that may not change IF changes VIF. SDM, "Method 5" of "Software Interrupt Handling Methods". */
static enum interp_result with_virtual_if(struct interp *x)
{
	struct interp_descriptor cs;
	uint64_t word[3];
	enum interp_result r = pop_frame(x, word, &cs);

	if (r != INTERP_DONE)
		return r;
	if ((word[2] & FLAG_TF) || ((word[2] & FLAG_IF) && (x->rflags & FLAG_VIP)))
		return interp_raise_error(x, VECTOR_GP, 0);
	interp_move_stack(x, 6);
	interp_load_segment(x, SEG_CS, &cs);
	set_flags(x, word[2], FLAGS_PROGRAM);
	x->rflags = word[2] & FLAG_IF ? x->rflags | FLAG_VIF : x->rflags & ~(uint64_t)FLAG_VIF;
	interp_jump(x, word[0]);
	return INTERP_DONE;
}

static enum interp_result from_virtual_8086(struct interp *x)
{
	if ((x->rflags & FLAG_IOPL) == FLAG_IOPL)
		return plainly(x, FLAGS_PROGRAM | FLAGS_DOUBLE | FLAG_IF);
	if (x->insn->operand_size == 2 && (x->ops->get(x, VREG_CR4) & CR4_VME))
		return with_virtual_if(x);
	return interp_raise_error(x, VECTOR_GP, 0);
}

/* SDM, "RETURN-TO-VIRTUAL-8086-MODE": nine doublewords; the segments need no descriptors. */
static enum interp_result to_virtual_8086(struct interp *x, uint64_t word[9])
{
	static const enum seg segs[] = { SEG_CS, SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	static const uint8_t words[] = { 1, 4, 5, 6, 7, 8 };
	enum interp_result r = pop_words(x, 3, 6, word);

	if (r != INTERP_DONE)
		return r;
	if (word[0] > 0xffff)
		return interp_raise_error(x, VECTOR_GP, 0);
	for (unsigned int i = 0; i < ARRAY_LEN(segs); i++) {
		uint16_t selector = (uint16_t)word[words[i]];
		struct segment s = { .selector = selector, .base = (uint64_t)selector << 4, .limit = 0xffff, .access = 0xf3 };

		interp_put_segment(x, segs[i], &s);
	}
	x->gpr[RSP] = (uint32_t)word[3];
	set_flags(x, word[2], FLAGS_PROGRAM | FLAGS_DOUBLE | FLAG_IF | FLAG_IOPL | FLAG_VM | FLAG_VIF | FLAG_VIP);
	interp_jump(x, word[0]);
	return INTERP_DONE;
}

/* What the level that returns may change. */
static uint64_t flags_allowed(struct interp *x, unsigned int cpl)
{
	uint64_t may = FLAGS_PROGRAM | FLAGS_DOUBLE;

	if (cpl <= (x->rflags >> 12 & 3))
		may |= FLAG_IF;
	if (cpl == 0)
		may |= FLAG_IOPL | FLAG_VIF | FLAG_VIP;
	return may;
}

/* SDM, "TASK-RETURN": to the task whose TSS the present one names. */
static enum interp_result to_task(struct interp *x)
{
	const struct segment *tr = interp_segment(x, SEG_TR);
	struct interp_place place;
	enum interp_result r;

	r = x->ops->prepare(x, &place, (uint32_t)tr->base, 2, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	x->task = (uint16_t)interp_load(x, &place);
	x->task_source = TASK_IRET;
	return INTERP_TASK;
}

static enum interp_result protected(struct interp *x)
{
	unsigned int cpl = interp_cpl(x);
	struct interp_return back = { .words = 3, .always_stack = x->insn->bits == 64 };
	uint64_t word[9], may = flags_allowed(x, cpl);
	enum interp_result r;

	if (x->rflags & FLAG_NT)
		return interp_long(x) ? interp_raise_error(x, VECTOR_GP, 0) : to_task(x);
	r = pop_words(x, 0, 3, word);
	if (r != INTERP_DONE)
		return r;
	if ((word[2] & FLAG_VM) && cpl == 0 && x->insn->operand_size == 4 && !interp_long(x))
		return to_virtual_8086(x, word);
	r = interp_return(x, &back, word[0], (uint16_t)word[1]);
	if (r == INTERP_DONE)
		set_flags(x, word[2], may);
	return r;
}

enum interp_result interp_iret(struct interp *x)
{
	x->nmi_over = true;
	if (interp_protected(x))
		return protected(x);
	if (x->rflags & FLAG_VM)
		return from_virtual_8086(x);
	return plainly(x, FLAGS_PROGRAM | FLAGS_DOUBLE | FLAG_IF | FLAG_IOPL);
}
