/* The event engine: which pending event the virtual processor takes at the next entry. */
/* Part: machine/; event_merge() is pure and knows all rules, event_prepare() applies its answer. */
#ifndef VMM_MACHINE_EVENT_H
#define VMM_MACHINE_EVENT_H

#include "vmm/dispatcher.h"

enum exception_vector {
	EXC_DE = 0, EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_BR = 5, EXC_UD = 6, EXC_NM = 7,
	EXC_DF = 8, EXC_TS = 10, EXC_NP = 11, EXC_SS = 12, EXC_GP = 13, EXC_PF = 14, EXC_MF = 16, EXC_AC = 17,
	EXC_MC = 18, EXC_XM = 19, EXC_CP = 21,
};

/* What the guest's processor would let in now. */
struct event_gate {
	bool interrupts_on;	/* RFLAGS.IF */
	uint32_t blocking;	/* BLOCKING_ bits */
};

struct event_choice {
	struct event inject;	/* valid = deliver this */
	bool take_interrupt;	/* acknowledge the controller and deliver that vector: inject is not valid then */
	bool want_interrupt_window, want_nmi_window;
	bool triple_fault;	/* a fault while delivering #DF: the processor shuts down */
};

/* Takes what it chose out of *pending. */
struct event_choice event_merge(struct pending *pending, struct event_gate gate);

/* What comes of a second exception while a first is being delivered. SDM, "Interrupt 8 - Double Fault". */
enum event_clash { CLASH_SECOND, CLASH_DOUBLE_FAULT, CLASH_TRIPLE_FAULT };
enum event_clash event_clash(uint8_t first, uint8_t second);

/* Interpreter routines end with one of these: a fault at the current instruction. Both return V_RESUME. */
enum verdict event_raise(struct vm *vm, uint8_t vector);
enum verdict event_raise_error(struct vm *vm, uint8_t vector, uint32_t error);
enum verdict event_page_fault(struct vm *vm, gva_t address, uint32_t error);

/* Before an entry with VM_WORK_EVENT: merges and arms the processor. False = triple fault. */
bool event_prepare(struct vm *vm);
/* Does an NMI wait for the end of the one before? */
bool event_nmi_masked(struct vm *vm);
/* Would the machine, in HLT, be woken by what is pending? */
bool event_wakes(struct vm *vm);

#endif
