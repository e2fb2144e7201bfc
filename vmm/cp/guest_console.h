/* Guests' consoles where nobody sits: their output at the operator's terminal. */
/* Part: cp/; one line at a time, each guest in its turn. */
#ifndef VMM_CP_GUEST_CONSOLE_H
#define VMM_CP_GUEST_CONSOLE_H

#include "vmm/cp/users.h"

/* Puts the next guest's line on its way (typewriter_pump() has said true); false = none. */
bool guest_console_next(uint64_t now);
/* Output of the machine whose console the terminal is, as it comes; false = there is none. */
bool guest_console_raw(struct vm *vm);
/* While the terminal is one guest's, the others' output is kept short: they need not wait. */
void guest_console_discard(const struct vm *connected);
/* When guest_console_next() wants to be asked again because of a line that has not been ended. */
uint64_t guest_console_deadline(uint64_t now);

#endif
