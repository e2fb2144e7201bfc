/* The real-mode beginning that boot sectors and flat systems share. */
/* Part: ipl/, private. */
#ifndef VMM_IPL_BOOT_H
#define VMM_IPL_BOOT_H

#include "vmm/ipl/job.h"

/* BIOS in storage, devices set up, registers for cs:ip with DS = ES = data and DL = drive. */
int boot_real_mode(const struct ipl_job *job, uint16_t cs, uint16_t ip, uint16_t data,
		   uint8_t drive);

#endif
