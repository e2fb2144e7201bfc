/* Initial program load: how a file from the boot volume becomes a machine ready to run. */
/* Part: ipl/; each kind of image has a file of its own beside this. */
#ifndef VMM_IPL_IPL_H
#define VMM_IPL_IPL_H

#include "vmm/machine/vm.h"

enum ipl_kind { IPL_FIND_OUT, IPL_LINUX, IPL_MULTIBOOT, IPL_BOOT, IPL_FLAT, IPL_DISK, IPL_CD, IPL_FIRMWARE };

struct ipl_request {
	const char *file;	/* name in the boot volume */
	enum ipl_kind kind;
	const char *initrd;	/* NULL or "" = none */
	const char *parm;	/* command line, "" = none */
	uint16_t address;	/* of one of the user's disks, to boot from by firmware; then file is "". 0 = by file */
	bool uefi;		/* OVMF boots the disk, not SeaBIOS */
};

/*
 * Resets the machine (storage cleared), loads and leaves it VM_STOPPED, ready for vm_begin(). On failure the
 * machine is VM_NO_SYSTEM and `why` has a complete message text, number included, that names file and reason.
 * 0, -ENOENT (no such file), -EINVAL (image broken), -E2BIG (does not fit storage).
 */
int ipl_load(struct vm *vm, const struct ipl_request *request, char *why, size_t room);

/* The last ipl_load() of this machine once more. -ENOENT when there was none. */
int ipl_again(struct vm *vm, char *why, size_t room);

/* Files of the boot volume. */
struct ipl_file {
	char name[48];
	const uint8_t *data;	/* NULL when status is not 0 */
	uint64_t size;
	uint32_t status;	/* enum boot_module_fault */
};
void ipl_add_file(const char *name, const void *data, uint64_t size, uint32_t status);
const struct ipl_file *ipl_find_file(const char *name);
const struct ipl_file *ipl_file_at(uint32_t i);	/* NULL past the end */

#endif
