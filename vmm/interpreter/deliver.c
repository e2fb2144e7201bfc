/* The delivery of an event where a table or the stack lies at a device or nowhere: the processor's work, done by the monitor. */
/* Part: interpreter/; called by the memory trap; steps and faults are those of the SDM's volume 2, "INT n/INTO/INT3/INT1". */
#include "vmm/interpreter/execute_inner.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage_run.h"
#include "vmm/machine/event.h"

#define CR4_VME 1u
#define IDT_ERROR 2u	/* error codes: the selector is a vector */
#define GATE_TASK 5u
#define TSS_MAP_BASE 102u

/* Of a gate's type: SDM, "IDT Descriptors". */
#define TYPE_TRAP 1u
#define TYPE_WIDE 8u

struct delivery {
	struct run run;
	const struct event *event;
	bool software;		/* INT n, INT3, INTO: by gates that the program may use */
};

struct gate {
	uint16_t selector;
	uint64_t offset;
	unsigned int type, dpl, ist;
	bool present;
};

/* Where the handler returns to: behind the instruction that asked for the event; a faulting one is done again. */
static uint64_t return_ip(struct delivery *d)
{
	struct interp *x = &d->run.x;
	uint64_t ip = x->rip + (d->event->type >= EVENT_SOFT_INTERRUPT ? d->event->insn_len : 0);
	const struct segment *cs = interp_segment(x, SEG_CS);

	if ((cs->access & ACCESS_L) && interp_long(x))
		return ip;
	return cs->access & ACCESS_D || ip == x->rip ? (uint32_t)ip : (uint16_t)ip;
}

/* Real mode's table, or the program's own in virtual-8086 mode: 16-bit pointers, no checks but for limits. */
static enum interp_result through_table(struct delivery *d, uint64_t table, uint64_t pushed, uint64_t off)
{
	struct interp *x = &d->run.x;
	struct interp_descriptor cs;
	struct interp_place place;
	struct interp_frame f;
	uint64_t entry;
	enum interp_result r = x->ops->prepare(x, &place, table + 4u * d->event->vector, 4, INTERP_READ | INTERP_SYSTEM);

	if (r != INTERP_DONE)
		return r;
	interp_frame_here(x, &f, 2);
	r = interp_frame_room(x, &f, 3);
	if (r != INTERP_DONE)
		return r;
	entry = interp_load(x, &place);
	r = interp_fetch_segment(x, SEG_CS, (uint16_t)(entry >> 16), &cs);
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &cs.s, (uint16_t)entry);
	if (r != INTERP_DONE)
		return r;
	interp_frame_word(&f, pushed);
	interp_frame_word(&f, interp_segment(x, SEG_CS)->selector);
	interp_frame_word(&f, return_ip(d));
	r = interp_frame_push(x, &f);
	if (r != INTERP_DONE)
		return r;
	interp_load_segment(x, SEG_CS, &cs);
	x->rflags &= ~(off | FLAG_TF | FLAG_RF);
	interp_jump(x, (uint16_t)entry);
	return INTERP_DONE;
}

static enum interp_result in_real_mode(struct delivery *d)
{
	struct interp *x = &d->run.x;

	if (4u * d->event->vector + 3 > x->ops->get(x, VREG_IDTR_LIMIT))
		return interp_raise_error(x, VECTOR_GP, 0);
	return through_table(d, x->ops->get(x, VREG_IDTR_BASE), x->rflags, FLAG_IF | FLAG_AC);
}

/*
 * INT n in virtual-8086 mode with VME: a bit for each vector, before the I/O map, says whether the program's own handler
 * takes it. INTERP_UNKNOWN = the IDT's does. SDM, "Software Interrupt Handling Methods While Operating in Virtual-8086 Mode".
 */
static enum interp_result by_redirection(struct delivery *d)
{
	struct interp *x = &d->run.x;
	const struct segment *tr = interp_segment(x, SEG_TR);
	bool trusted = (x->rflags & FLAG_IOPL) == FLAG_IOPL;
	uint64_t pushed = x->rflags, at;
	struct interp_place place;
	enum interp_result r;

	if (tr->limit < TSS_MAP_BASE + 1)
		return interp_raise_error(x, VECTOR_GP, 0);
	r = x->ops->prepare(x, &place, tr->base + TSS_MAP_BASE, 2, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	at = interp_load(x, &place) - 32 + d->event->vector / 8;
	if (at > tr->limit)
		return interp_raise_error(x, VECTOR_GP, 0);
	r = x->ops->prepare(x, &place, tr->base + at, 1, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	if (interp_load(x, &place) >> (d->event->vector & 7) & 1)
		return trusted ? INTERP_UNKNOWN : interp_raise_error(x, VECTOR_GP, 0);
	if (trusted)
		return through_table(d, 0, pushed, FLAG_IF);
	pushed = (pushed & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (pushed & FLAG_VIF ? FLAG_IF : 0);
	return through_table(d, 0, pushed, FLAG_VIF);
}

static enum interp_result read_gate(struct delivery *d, struct gate *g)
{
	struct interp *x = &d->run.x;
	bool is_long = interp_long(x);
	uint32_t size = is_long ? 16 : 8, error = d->event->vector * 8u | IDT_ERROR;
	/* task gate (5), interrupt and trap gates of 16 bits (6, 7) and of 32 or 64 */
	uint32_t types = is_long ? 0xc000 : 0xc0e0;
	uint64_t at = x->ops->get(x, VREG_IDTR_BASE) + size * d->event->vector, low, high = 0;
	struct interp_place place;
	enum interp_result r;

	if (size * d->event->vector + size - 1 > x->ops->get(x, VREG_IDTR_LIMIT))
		return interp_raise_error(x, VECTOR_GP, error);
	r = x->ops->prepare(x, &place, is_long ? at : (uint32_t)at, 8, INTERP_READ | INTERP_SYSTEM);
	if (r != INTERP_DONE)
		return r;
	low = interp_load(x, &place);
	if (is_long) {
		r = x->ops->prepare(x, &place, at + 8, 8, INTERP_READ | INTERP_SYSTEM);
		if (r != INTERP_DONE)
			return r;
		high = interp_load(x, &place);
	}
	g->selector = (uint16_t)(low >> 16);
	g->type = low >> 40 & 15;
	g->dpl = low >> 45 & 3;
	g->ist = is_long ? low >> 32 & 7 : 0;
	g->offset = (low & 0xffff) | (g->type & TYPE_WIDE ? low >> 32 & 0xffff0000 : 0) | (is_long ? high << 32 : 0);
	if ((low >> 44 & 1) || !(types >> g->type & 1) || (d->software && g->dpl < interp_cpl(x)))
		return interp_raise_error(x, VECTOR_GP, error);
	if (!(low >> 47 & 1))
		return interp_raise_error(x, VECTOR_NP, error);
	return INTERP_DONE;
}

/* What the handler finds on its stack, from the top down. */
static void fill_frame(struct delivery *d, struct interp_frame *f, bool with_stack)
{
	static const enum seg data[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
	struct interp *x = &d->run.x;

	if (x->rflags & FLAG_VM)
		for (unsigned int i = 0; i < ARRAY_LEN(data); i++)
			interp_frame_word(f, interp_segment(x, data[i])->selector);
	if (with_stack) {
		interp_frame_word(f, interp_segment(x, SEG_SS)->selector);
		interp_frame_word(f, x->gpr[RSP]);
	}
	interp_frame_word(f, x->rflags);
	interp_frame_word(f, interp_segment(x, SEG_CS)->selector);
	interp_frame_word(f, return_ip(d));
	if (d->event->has_error)
		interp_frame_word(f, d->event->error);
}

/* SDM, "Virtual-8086 Mode": the handler begins with null selectors. */
static void leave_virtual_8086(struct interp *x)
{
	static const enum seg data[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
	const struct segment none = { .access = SEGMENT_UNUSABLE };

	for (unsigned int i = 0; i < ARRAY_LEN(data); i++)
		interp_put_segment(x, data[i], &none);
}

static enum interp_result through_gate(struct delivery *d, const struct gate *g)
{
	struct interp *x = &d->run.x;
	bool is_long = interp_long(x), virtual = (x->rflags & FLAG_VM) != 0, inner;
	unsigned int width = is_long ? 8 : g->type & TYPE_WIDE ? 4 : 2, level;
	struct interp_descriptor cs;
	struct interp_frame f;
	enum interp_result r = interp_gate_code(x, g->selector, true, &cs);

	if (r != INTERP_DONE)
		return r;
	level = cs.s.selector & 3;
	inner = level < interp_cpl(x);
	if (virtual && level != 0)
		return interp_raise_error(x, VECTOR_GP, g->selector & 0xfffc);
	if (inner || g->ist != 0)
		r = interp_frame_inner(x, &f, width, level, g->ist);
	else
		interp_frame_here(x, &f, width);
	if (r != INTERP_DONE)
		return r;
	if (is_long) {
		f.changed = inner;	/* a stack by IST for the same level keeps SS */
		f.sp &= ~15ull;
	}
	r = interp_frame_room(x, &f, (virtual ? 9 : inner || is_long ? 5 : 3) + (d->event->has_error ? 1u : 0));
	if (r == INTERP_DONE)
		r = interp_check_entry(x, &cs.s, g->offset);
	if (r != INTERP_DONE)
		return r;
	fill_frame(d, &f, inner || is_long);
	r = interp_frame_push(x, &f);
	if (r != INTERP_DONE)
		return r;
	if (virtual)
		leave_virtual_8086(x);
	interp_load_segment(x, SEG_CS, &cs);
	x->rflags &= ~(uint64_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (g->type & TYPE_TRAP ? 0 : FLAG_IF));
	interp_jump(x, g->offset);
	return INTERP_DONE;
}

static enum interp_result deliver(struct delivery *d)
{
	struct interp *x = &d->run.x;
	struct gate g;
	enum interp_result r;

	if (!(interp_cr0(x) & CR0_PE_BIT))
		return in_real_mode(d);
	if ((x->rflags & FLAG_VM) && d->event->type == EVENT_SOFT_INTERRUPT && (x->ops->get(x, VREG_CR4) & CR4_VME)) {
		r = by_redirection(d);
		if (r != INTERP_UNKNOWN)
			return r;
	}
	r = read_gate(d, &g);
	if (r != INTERP_DONE)
		return r;
	if (g.type != GATE_TASK)
		return through_gate(d, &g);
	x->task = g.selector;
	return INTERP_TASK;
}

static bool is_exception(const struct event *e)
{
	return e->type == EVENT_EXCEPTION || e->type == EVENT_SOFT_EXCEPTION || e->type == EVENT_PRIV_SOFT_EXCEPTION;
}

/* The first event as the event engine has it: still to be delivered, unless it is an instruction's that is interpreted. */
static void drop(struct delivery *d)
{
	if (d->run.exit->vectoring.valid)
		d->run.vm->pending.requeued_valid = false;
}

static enum verdict switch_task(struct delivery *d)
{
	struct vm_exit exit = { .kind = EXIT_TASK_SWITCH, .rip = d->run.exit->rip, .vectoring = *d->event };

	exit.vectoring.valid = d->run.exit->vectoring.valid;
	exit.task.source = TASK_GATE;
	exit.task.selector = d->run.x.task;
	exit.task.gate_vector = d->event->vector;
	return interpret_task_switch(d->run.vm, &exit);
}

static void begin_handler(struct delivery *d)
{
	struct vm *vm = d->run.vm;

	storage_close(&d->run);
	arch_vcpu_arrive(&vm->av, d->run.x.rip, false, true, d->run.hits);
	if (d->event->type == EVENT_NMI)
		arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) | BLOCKING_BY_NMI);
	drop(d);
}

enum verdict interpret_delivery(struct vm *vm, const struct vm_exit *exit, const struct event *event,
				struct storage_touch *touch)
{
	struct delivery d = { .event = event };
	struct insn none = { 0 };	/* tells how wide linear addresses are */

	d.software = event->type == EVENT_SOFT_INTERRUPT || event->type == EVENT_SOFT_EXCEPTION;
	storage_open(&d.run, vm, exit, touch);
	d.run.x.insn = &none;
	d.run.x.outside = !d.software;
	none.bits = interp_long(&d.run.x) ? 64 : 32;
	switch (deliver(&d)) {
	case INTERP_DONE:
		begin_handler(&d);
		return V_RESUME;
	case INTERP_TASK:
		return switch_task(&d);
	case INTERP_FAULT:
		/* An exception stays, for the clash of the two; anything else is lost, as the processor loses it. */
		if (!is_exception(event))
			drop(&d);
		return storage_raise(&d.run);
	default:
		return storage_absent(&d.run);
	}
}
