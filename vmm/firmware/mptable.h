/* The MultiProcessor table of a machine: processor, buses and interrupt lines, for kernels older than ACPI. */
/* Part: firmware/; pure: the IPL puts it into storage where no firmware of the guest's makes its own. */
#ifndef VMM_FIRMWARE_MPTABLE_H
#define VMM_FIRMWARE_MPTABLE_H

#include "lib/types.h"

#define MPTABLE_ROOM 0x600u

/* The floating pointer and the table behind it, for `base`; returns their size. */
uint32_t mptable_build(uint8_t to[MPTABLE_ROOM], uint32_t base, uint32_t cpu_signature, uint32_t cpu_features);

#endif
