/* Operands: registers, effective addresses, and the checks on the way to memory. */
/* Part: interpreter/; SDM volume 3, "Limit Checking", "Type Checking", "Canonical Addressing", "Alignment Check". */
#include "vmm/interpreter/execute_inner.h"

#define KNOWN_CR0 0x10000u

enum interp_result interp_raise(struct interp *x, uint8_t vector)
{
	x->fault = (struct interp_fault){ .vector = vector };
	return INTERP_FAULT;
}

enum interp_result interp_raise_error(struct interp *x, uint8_t vector, uint32_t error)
{
	x->fault = (struct interp_fault){ .vector = vector, .has_error = true, .error = error | x->outside };
	return INTERP_FAULT;
}

const struct segment *interp_segment(struct interp *x, enum seg seg)
{
	if (!(x->known >> seg & 1)) {
		x->ops->get_segment(x, seg, &x->seg[seg]);
		x->known |= 1u << seg;
	}
	return &x->seg[seg];
}

void interp_put_segment(struct interp *x, enum seg seg, const struct segment *s)
{
	x->known &= ~(1u << seg);
	x->ops->set_segment(x, seg, s);
}

uint64_t interp_cr0(struct interp *x)
{
	if (!(x->known & KNOWN_CR0)) {
		x->cr0 = x->ops->get(x, VREG_CR0);
		x->known |= KNOWN_CR0;
	}
	return x->cr0;
}

bool interp_protected(struct interp *x)
{
	return x->insn->bits == 64 || ((interp_cr0(x) & CR0_PE_BIT) && !(x->rflags & FLAG_VM));
}

unsigned int interp_cpl(struct interp *x)
{
	if (!(interp_cr0(x) & CR0_PE_BIT))
		return 0;
	return x->rflags & FLAG_VM ? 3 : interp_segment(x, SEG_SS)->access >> 5 & 3;
}

uint64_t interp_offset(const struct interp *x)
{
	const struct insn *i = x->insn;
	uint64_t offset = (uint64_t)i->disp;

	if (i->base >= 0)
		offset += x->gpr[i->base];
	if (i->index >= 0)
		offset += x->gpr[i->index] * i->scale;
	if (i->rip_relative)
		offset += x->rip + i->length;
	return offset & interp_mask(i->address_size);
}

static bool type_allows(const struct segment *s, uint32_t access)
{
	if (s->access & SEGMENT_UNUSABLE)
		return false;
	if ((access & INTERP_WRITE) && (s->access & 0xa) != 0x2)	/* code, or data that is not writable */
		return false;
	return !(access & INTERP_READ) || (s->access & 0xa) != 0x8;	/* code for execution only */
}

bool interp_within(const struct segment *s, uint64_t offset, uint32_t n)
{
	if ((s->access & 0xc) == 0x4)	/* data that expands down */
		return offset > s->limit && offset + n - 1 <= (s->access & 0x4000 ? 0xffffffff : 0xffff);
	return offset + n - 1 <= s->limit;
}

static enum interp_result stack_or_general(struct interp *x, enum seg seg)
{
	return interp_raise_error(x, seg == SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
}

static enum interp_result to_linear(struct interp *x, enum seg seg, uint64_t offset, uint32_t n, uint32_t access,
				    uint64_t *linear)
{
	const struct segment *s;

	if (x->insn->bits == 64) {
		*linear = offset + (seg >= SEG_FS ? interp_segment(x, seg)->base : 0);
		if (!interp_canonical(*linear) || !interp_canonical(*linear + n - 1))
			return stack_or_general(x, seg);
		return INTERP_DONE;
	}
	s = interp_segment(x, seg);
	if ((interp_protected(x) && !type_allows(s, access)) || !interp_within(s, offset, n))
		return stack_or_general(x, seg);
	*linear = (uint32_t)(s->base + offset);
	return INTERP_DONE;
}

static bool misaligned(struct interp *x, uint64_t linear, uint32_t n)
{
	if (!(x->rflags & FLAG_AC) || (linear & (n - 1)) == 0 || (n & (n - 1)) != 0 || n > 8)
		return false;
	return (interp_cr0(x) & CR0_AM_BIT) && interp_cpl(x) == 3;
}

enum interp_result interp_prepare(struct interp *x, struct interp_place *place, enum seg seg, uint64_t offset, uint32_t n,
				  uint32_t access)
{
	uint64_t linear;
	enum interp_result r = to_linear(x, seg, offset, n, access, &linear);

	if (r != INTERP_DONE)
		return r;
	r = x->ops->prepare(x, place, linear, n, access);
	if (r == INTERP_DONE && __builtin_expect(misaligned(x, linear, n), 0))
		return interp_raise_error(x, VECTOR_AC, 0);	/* a page fault goes before */
	return r;
}

uint64_t interp_load(struct interp *x, const struct interp_place *place)
{
	uint64_t v = 0;

	x->ops->load(x, place, &v);
	return v;
}

void interp_store(struct interp *x, const struct interp_place *place, uint64_t value)
{
	x->ops->store(x, place, &value);
}

/* The second operand, if it is none in memory. */
static uint64_t source(const struct interp *x)
{
	const struct insn *i = x->insn;

	switch (i->form) {
	case FORM_RM_R: case FORM_RM_R_I: case FORM_RM_R_CL: return interp_gpr(x, i->reg, i->width);
	case FORM_RM_I: case FORM_A_I: case FORM_O_I: return i->imm & interp_mask(i->width);
	case FORM_RM_1: return 1;
	case FORM_RM_CL: return x->gpr[RCX] & 0xff;
	case FORM_M_A: return x->gpr[RAX] & interp_mask(i->width);
	case FORM_A_O: return interp_gpr(x, (i->opcode & 7u) | (i->rex & REX_B ? 8u : 0), i->width);
	default: return 0;
	}
}

static uint8_t target_register(const struct insn *i)
{
	switch (i->form) {
	case FORM_R_RM: case FORM_R_RM_I: return i->reg;
	case FORM_O: case FORM_O_I: return (uint8_t)((i->opcode & 7u) | (i->rex & REX_B ? 8u : 0));
	case FORM_A_I: case FORM_A_M: case FORM_A_O: return RAX;
	default: return i->rm;
	}
}

static bool memory_is_source(const struct insn *i)
{
	return i->form == FORM_R_RM || i->form == FORM_R_RM_I || i->form == FORM_A_M;
}

enum interp_result interp_operands(struct interp *x, struct operands *o, uint32_t access)
{
	const struct insn *i = x->insn;
	bool from_memory = memory_is_source(i);
	enum interp_result r;

	o->in_memory = i->memory && !from_memory;
	o->reg = target_register(i);
	if (i->memory) {
		r = interp_prepare(x, &o->place, i->seg, interp_offset(x), i->width, from_memory ? INTERP_READ : access);
		if (r != INTERP_DONE)
			return r;
	}
	o->a = 0;
	if (!o->in_memory)
		o->a = interp_gpr(x, o->reg, i->width);
	else if (access & INTERP_READ)
		o->a = interp_load(x, &o->place);
	if (!from_memory)
		o->b = source(x);
	else
		o->b = i->memory ? interp_load(x, &o->place) : interp_gpr(x, i->rm, i->width);
	return INTERP_DONE;
}

void interp_result_to(struct interp *x, const struct operands *o, uint64_t value)
{
	if (o->in_memory)
		interp_store(x, &o->place, value);
	else
		interp_set_gpr(x, o->reg, x->insn->width, value);
}
