/* Parts of QUERY that other commands show as well. */
/* Part: cp/; the commands themselves are declared in command.h. */
#ifndef VMM_CP_QUERY_H
#define VMM_CP_QUERY_H

#include "vmm/machine/vm.h"

/* The last traps; vm = NULL: of all machines. */
void query_show_traps(const struct vm *vm, uint32_t most);

#endif
