/* What firmware leaves in storage, for systems that are loaded without any. */
/* Part: ipl/, private. */
#ifndef VMM_IPL_TABLES_H
#define VMM_IPL_TABLES_H

#include "vmm/ipl/job.h"

/* Makes the machine's tables anew: for a start by OVMF or not. Their addresses are still relative. */
void tables_build(struct vm *vm, bool uefi);

/* ACPI and SMBIOS tables in the E and F segments, the BIOS data area, and vectors that say that there is no BIOS. 0 or what ipl_fail() gave. */
int tables_put(const struct ipl_job *job);

#endif
