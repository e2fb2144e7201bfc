/* Starting a machine by firmware: SeaBIOS, OVMF, or any flash image. */
/* Part: ipl/, private. */
#ifndef VMM_IPL_FIRMWARE_H
#define VMM_IPL_FIRMWARE_H

#include "vmm/ipl/job.h"

/* Files of the boot volume. */
#define FIRMWARE_BIOS	   "seabios.bin"
#define FIRMWARE_VGABIOS   "vgabios.bin"
#define FIRMWARE_OVMF_CODE "ovmf-code.fd"
#define FIRMWARE_OVMF_VARS "ovmf-vars.fd"

/* Storage that a machine needs to run any. */
#define FIRMWARE_LEAST MIB(2)

/* What is to be booted, as the firmware's boot order has it. */
struct firmware_boot {
	bool cd;
	char path[64];	/* Open Firmware device path, "" = the firmware's own order */
};

/* The machine starts at SeaBIOS' (OVMF's) first instruction. 0 or what ipl_fail() gave. */
int firmware_bios(const struct ipl_job *job, const struct firmware_boot *boot);
int firmware_uefi(const struct ipl_job *job, const struct firmware_boot *boot);
/* The same with job->image as the flash's contents. */
int firmware_flash(const struct ipl_job *job);

/* Is SeaBIOS on the boot volume? */
bool firmware_has_bios(void);

/* Takes firmware out of a machine that will be started without it: ROM and flash vanish, fw_cfg tells the least. */
void firmware_remove(struct vm *vm);

#endif
