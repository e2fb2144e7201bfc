/* Data and I/O breakpoints of instructions that are interpreted: the processor does not see their accesses. */
/* Part: interpreter/; asked only while a guest has a breakpoint on. */
#ifndef VMM_INTERPRETER_BREAKPOINTS_H
#define VMM_INTERPRETER_BREAKPOINTS_H

#include "lib/types.h"

struct vm;

enum breakpoint_access { BREAKPOINT_READ, BREAKPOINT_WRITE, BREAKPOINT_IO };

/* Which of DR0-DR3 an access of n bytes meets, as DR6 tells it; 0 where none of these is on. */
uint32_t breakpoints_met(struct vm *vm, uint64_t address, uint32_t n, enum breakpoint_access access);

#endif
