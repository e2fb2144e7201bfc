/* Booting from a disk or CD by firmware. */
/* Part: ipl/, private. */
#ifndef VMM_IPL_DISK_H
#define VMM_IPL_DISK_H

#include "vmm/ipl/firmware.h"

/* From the user's disk at request->address. Each: 0 or what ipl_fail() gave. */
int disk_load_address(const struct ipl_job *job);
/* job->image becomes a disk, or a CD, in a free drive. */
int disk_load(const struct ipl_job *job);
int disk_load_boot(const struct ipl_job *job);	/* a boot sector, alone or with more behind it */
int disk_load_cd(const struct ipl_job *job);
/* The file of an earlier IPL is no drive any more; the user's disks are in theirs. */
void disk_forget(struct vm *vm);

#endif
