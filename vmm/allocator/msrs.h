/* MSRs as a resource: which of the real processor's a guest may touch without the monitor. */
/* Part: the allocator A; the others trap and are interpreted by interpreter/msr.c. */
#ifndef VMM_ALLOCATOR_MSRS_H
#define VMM_ALLOCATOR_MSRS_H

#include "vmm/machine/vm.h"

void msrs_grant(struct vm *vm);

#endif
