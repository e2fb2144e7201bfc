/* One interpreted instruction whose operands may be storage, a device's memory or nobody's. */
/* Part: interpreter/, private to storage.c, which fetches and ends it, and storage_memory.c, which reaches the operands. */
#ifndef VMM_INTERPRETER_STORAGE_RUN_H
#define VMM_INTERPRETER_STORAGE_RUN_H

#include "vmm/interpreter/execute.h"
#include "vmm/interpreter/storage.h"

/* A linear page whose translation is known, for reads or for writes: within one instruction it cannot change. */
struct known_page {
	uint64_t linear;	/* UINT64_MAX = none */
	uint64_t gpa;
	bool absent;		/* no storage for such accesses: the bus */
};

/* What the executor's functions work on. */
struct run {
	struct interp x;
	struct vm *vm;
	const struct vm_exit *exit;
	struct storage_touch *touch;
	struct known_page known[2];	/* of reads, of writes: at first what the exit has told */
	gpa_t absent;		/* of INTERP_ABSENT */
	uint64_t begun;		/* TSC; of repeated strings */
	uint64_t rsp, rflags;	/* as they were */
	bool watched;		/* some breakpoint is on */
	uint32_t hits;		/* those that were met, as in DR6 */
};

/*
 * Everything but what is executed: the virtual processor's registers and the executor's table. No page is known.
 * storage_close() gives back what has changed, but for RIP.
 */
void storage_open(struct run *m, struct vm *vm, const struct vm_exit *exit, struct storage_touch *touch);
void storage_close(struct run *m);
/* Neither done nor the guest's fault. */
enum verdict storage_absent(struct run *m);
/* x->fault becomes the exception that is pending. */
enum verdict storage_raise(struct run *m);

/* For the executor's table: see struct interp_ops. */
enum interp_result storage_prepare(struct interp *x, struct interp_place *place, uint64_t linear, uint32_t n, uint32_t access);
void storage_load(struct interp *x, const struct interp_place *place, void *to);
void storage_store(struct interp *x, const struct interp_place *place, const void *from);
uint32_t storage_run(struct interp *x, const struct interp_place *from, const struct interp_place *to, uint32_t most);
uint64_t storage_port_in(struct interp *x, uint16_t port, unsigned int size);
void storage_port_out(struct interp *x, uint16_t port, unsigned int size, uint64_t value);

/* Somebody answered at gpa, or nobody. */
void storage_met(struct storage_touch *touch, bool claimed, uint64_t gpa, bool write);

#endif
