/* The memory trap: a guest touched an address at or beyond its bound b, or one that is not its storage. */
/* Part: the allocator A; Popek & Goldberg's trap on a >= b, where EPT is the relocation-bounds register. */
#ifndef VMM_ALLOCATOR_MEMORY_TRAP_H
#define VMM_ALLOCATOR_MEMORY_TRAP_H

#include "vmm/dispatcher.h"

/*
 * The answer is a PC's: nobody drives the bus, so a read gives all ones and a write goes nowhere, each counted
 * and said once. An instruction fetched from there, or page tables that lie there, end the guest.
 */
enum verdict memory_trap(struct vm *vm, const struct vm_exit *exit);

#endif
