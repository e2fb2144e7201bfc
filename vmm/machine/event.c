/* The event engine: which pending event the virtual processor takes at the next entry. */
/* Part: machine/; the one place where exceptions, NMI and interrupts meet. */
#include "vmm/machine/event.h"
#include "vmm/machine/pc.h"

#define RFLAGS_IF_BIT (1ull << 9)
#define RFLAGS_RF_BIT (1ull << 16)

static bool contributory(uint8_t vector)
{
	return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP);
}

enum event_clash event_clash(uint8_t first, uint8_t second)
{
	bool bad = contributory(second) || second == EXC_PF;

	if (first == EXC_DF)
		return bad ? CLASH_TRIPLE_FAULT : CLASH_SECOND;
	if (first == EXC_PF && bad)
		return CLASH_DOUBLE_FAULT;
	if (contributory(first) && contributory(second))
		return CLASH_DOUBLE_FAULT;
	return CLASH_SECOND;
}

static bool is_exception(const struct event *e)
{
	return e->type == EVENT_EXCEPTION || e->type == EVENT_SOFT_EXCEPTION ||
	       e->type == EVENT_PRIV_SOFT_EXCEPTION;
}

/* An exception raised while another event was being delivered. */
static void settle_clash(struct pending *p, struct event_choice *c)
{
	switch (is_exception(&p->requeued) ? event_clash(p->requeued.vector, p->exception.vector)
					   : CLASH_SECOND) {
	case CLASH_TRIPLE_FAULT:
		c->triple_fault = true;
		return;
	case CLASH_DOUBLE_FAULT:
		p->exception = (struct event){ .valid = true, .vector = EXC_DF, .type = EVENT_EXCEPTION,
					       .has_error = true };
		break;
	case CLASH_SECOND:
		break;
	}
	/* An interrupted instruction raises its exception again when it is run again; INT n likewise. */
	if (p->requeued.type != EVENT_INTERRUPT && p->requeued.type != EVENT_NMI)
		p->requeued_valid = false;
}

/* An interrupt that had to give way to an exception, whose handler may have closed the door since. */
static bool must_wait(const struct event *requeued, struct event_gate gate)
{
	bool shadow = (gate.blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0;

	return requeued->type == EVENT_INTERRUPT && (!gate.interrupts_on || shadow);
}

struct event_choice event_merge(struct pending *p, struct event_gate gate)
{
	struct event_choice c = { 0 };
	bool shadow = (gate.blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) != 0;

	if (!p->requeued_valid && p->held.valid) {
		p->requeued = p->held;
		p->requeued_valid = true;
		p->held.valid = false;
	}
	if (p->exception.valid && p->requeued_valid)
		settle_clash(p, &c);
	if (c.triple_fault)
		return c;
	if (p->exception.valid) {
		c.inject = p->exception;
		p->exception.valid = false;
	} else if (p->requeued_valid && !must_wait(&p->requeued, gate)) {
		/* Its delivery had begun: whatever blocks now did not block then. */
		c.inject = p->requeued;
		p->requeued_valid = false;
	} else if (p->nmi && !(gate.blocking & (BLOCKING_BY_NMI | BLOCKING_BY_MOV_SS | BLOCKING_BY_STI))) {
		c.inject = (struct event){ .valid = true, .vector = EXC_NMI, .type = EVENT_NMI };
		p->nmi = false;
	} else if (p->intr && !p->requeued_valid && gate.interrupts_on && !shadow) {
		c.take_interrupt = true;
	}
	c.want_nmi_window = p->nmi || (p->requeued_valid && p->requeued.type == EVENT_NMI);
	c.want_interrupt_window = (p->intr && !c.take_interrupt) || p->held.valid ||
				  (p->requeued_valid && p->requeued.type == EVENT_INTERRUPT);
	return c;
}

enum verdict event_raise(struct vm *vm, uint8_t vector)
{
	vm->pending.exception = (struct event){ .valid = true, .vector = vector, .type = EVENT_EXCEPTION };
	vm_kick(vm, VM_WORK_EVENT);
	return V_RESUME;
}

enum verdict event_raise_error(struct vm *vm, uint8_t vector, uint32_t error)
{
	event_raise(vm, vector);
	vm->pending.exception.has_error = true;
	vm->pending.exception.error = error;
	return V_RESUME;
}

enum verdict event_page_fault(struct vm *vm, gva_t address, uint32_t error)
{
	arch_vcpu_set(&vm->av, VREG_CR2, address.v);
	return event_raise_error(vm, EXC_PF, error);
}

/* Real mode pushes no error code, and VM entry refuses to. SDM, "VM-Entry Interruption-Information Field". */
static void fit_to_mode(struct vm *vm, struct event *e)
{
	if (e->type != EVENT_EXCEPTION)
		return;
	if (!(arch_vcpu_get(&vm->av, VREG_CR0) & 1))
		e->has_error = false;
	/* Faults push RFLAGS with RF set; traps (#DB, #BP, #OF) and aborts do not. */
	if (e->vector != EXC_DB && e->vector != EXC_DF && e->vector != EXC_MC)
		arch_vcpu_set(&vm->av, VREG_RFLAGS, arch_vcpu_get(&vm->av, VREG_RFLAGS) | RFLAGS_RF_BIT);
}

static bool only_interrupts(const struct pending *p)
{
	return !p->exception.valid && !p->requeued_valid && !p->held.valid && !p->nmi;
}

/* What event_merge() comes to when there is nothing but an interrupt, or nothing at all: most of the times. */
static void prepare_interrupt(struct vm *vm)
{
	int vector = -1;

	if (vm->pending.intr && arch_vcpu_open(&vm->av))
		vector = pc_acknowledge(vm);
	arch_vcpu_inject_interrupt(&vm->av, vector);
	vm->account.events += vector >= 0;
	/* If there is one still, it waits for the guest to let it in. */
	arch_vcpu_want_window(&vm->av, vm->pending.intr, false);
	vm->work &= ~VM_WORK_EVENT;
}

bool event_prepare(struct vm *vm)
{
	struct event_choice c;
	struct event_gate gate;

	pc_poll_interrupts(vm);
	if (only_interrupts(&vm->pending)) {
		prepare_interrupt(vm);
		return true;
	}
	gate.interrupts_on = (arch_vcpu_get(&vm->av, VREG_RFLAGS) & RFLAGS_IF_BIT) != 0;
	gate.blocking = arch_vcpu_blocking(&vm->av);
	if (vm->av.trapped)	/* neither interrupt nor NMI takes the place of a trap that is due */
		gate.blocking |= BLOCKING_BY_MOV_SS;
	c = event_merge(&vm->pending, gate);
	if (c.triple_fault)
		return false;
	if (c.take_interrupt) {
		int vector = pc_acknowledge(vm);

		if (vector >= 0)
			c.inject = (struct event){ .valid = true, .vector = (uint8_t)vector,
						   .type = EVENT_INTERRUPT };
		/* There may be more: wait for the handler to let them in. */
		c.want_interrupt_window |= vm->pending.intr;
	}
	/* An NMI is entered with unblocked: the processor blocked when it began to deliver it the first time. */
	vm->nmi_delivered |= c.inject.valid && c.inject.type == EVENT_NMI;
	if (c.inject.valid && c.inject.type == EVENT_NMI && (gate.blocking & BLOCKING_BY_NMI))
		arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) & ~BLOCKING_BY_NMI);
	if (c.inject.valid && c.inject.type != EVENT_INTERRUPT)
		c.want_interrupt_window |= pc_hold_delivery(vm);
	if (c.inject.valid) {
		fit_to_mode(vm, &c.inject);
		vm->account.events++;
	}
	arch_vcpu_inject(&vm->av, &c.inject);
	arch_vcpu_want_window(&vm->av, c.want_interrupt_window, c.want_nmi_window);
	/* What the controllers said while they were acknowledged has been taken into account. */
	vm->work &= ~VM_WORK_EVENT;
	return true;
}

bool event_nmi_masked(struct vm *vm)
{
	return (arch_vcpu_blocking(&vm->av) & BLOCKING_BY_NMI) != 0;
}

bool event_wakes(struct vm *vm)
{
	const struct pending *p = &vm->pending;

	return pc_interrupt_waits(vm) || p->held.valid || (p->nmi && !event_nmi_masked(vm)) || p->requeued_valid ||
	       p->exception.valid;
}
