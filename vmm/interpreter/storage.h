/* Instructions that touch memory where the hardware finds none: fetched, decoded, and executed by the monitor. */
/* Part: interpreter/; called by the allocator's memory trap and by string I/O. */
#ifndef VMM_INTERPRETER_STORAGE_H
#define VMM_INTERPRETER_STORAGE_H

#include "vmm/dispatcher.h"

/* What the instruction met, for the account and the operator. */
struct storage_touch {
	bool device;		/* some device answered */
	bool nobody;		/* some part was nobody's: read as ones, or dropped */
	bool write;		/* the first such part was written */
	gpa_t gpa;		/* and where it was */
};

/*
 * Executes the instruction at exit->rip. Storage in its operands is storage; the rest goes to the bus. V_RESUME: done, or
 * a fault of the guest's is pending, or a repeated string goes on; V_CRASH: the guest is stopped and told why.
 */
enum verdict interpret_storage(struct vm *vm, const struct vm_exit *exit, struct storage_touch *touch);

#endif
