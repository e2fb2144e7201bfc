/* The dispatcher D of the monitor <D, A, {v_i}>: every trap arrives here and is routed by one table. */
/* Part: vmm/; calls allocator and interpreter routines, applies their verdicts, picks who runs next. */
#ifndef VMM_DISPATCHER_H
#define VMM_DISPATCHER_H

#include "vmm/machine/vm.h"

enum verdict {
	V_RESUME,	/* re-enter at the current RIP: a fault is pending, or state is already right */
	V_NEXT,		/* effect done: the dispatcher advances RIP and clears the STI/MOV SS shadow */
	V_YIELD,	/* slice over, or something outside the guest needs the processor */
	V_BLOCK,	/* nothing to do until an event; the instruction is complete (RIP is advanced) */
	V_STOP,		/* the guest asked for reset or power-off */
	V_CRASH,	/* this guest cannot go on: dumped and stopped, the others live */
};

enum exit_to { R_NONE, R_DISPATCHER, R_ALLOCATOR, R_INTERPRETER, R_REFLECT };

struct exit_route {
	const char *name;	/* for traces, statistics, documentation */
	enum exit_to to;
	enum verdict (*routine)(struct vm *vm, const struct vm_exit *exit);
	const char *what;	/* one phrase for the documentation */
};

const struct exit_route *dispatcher_route(enum exit_kind kind);
const char *dispatcher_to_name(enum exit_to to);

/* Never returns: runs the machines, CP's console between them, and waits when there is nothing to do. */
void dispatcher_loop(void) __attribute__((noreturn));

/* What the machine that runs does has woken another one: its stay ends early, so that the other is served soon. */
void dispatcher_woken(void);

/* Scheduler's view for INDICATE. */
struct dispatcher_load {
	uint64_t since;		/* TSC when counting began */
	uint64_t idle_ticks;	/* processor waited */
	uint64_t cp_ticks;	/* CP's own work not charged to a machine */
	uint64_t slices;
};
const struct dispatcher_load *dispatcher_load(void);

/* The last traps of all machines, oldest first, for QUERY TRACE, dumps and the panic screen. */
struct trace_entry {
	struct vm_exit exit;
	uint64_t tsc;
	uint32_t vm;		/* its number */
	enum verdict verdict;
} __attribute__((aligned(128)));	/* a power of two: the exit path multiplies by it */
#define TRACE_ENTRIES 256u
/* i = 0 is the oldest kept; NULL past the newest. Exits are decoded in place here, so a trace costs next to nothing. */
const struct trace_entry *dispatcher_trace(uint32_t i);

#endif
