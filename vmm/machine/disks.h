/* The disks of a machine: the directory's MDISK and LINK statements, and a file that was IPLed, as virtual disks. */
/* Part: machine/; between the directory, the files of the boot volume, and the drives. */
#ifndef VMM_MACHINE_DISKS_H
#define VMM_MACHINE_DISKS_H

#include "vmm/cp/directory.h"
#include "vmm/devices/vide.h"
#include "vmm/ipl/ipl.h"
#include "vmm/machine/vdisk.h"

#define DISKS_NO_DRIVE (-1)

struct machine_disks {
	struct vm *vm;
	struct vdisk_pool pool;
	struct machine_disk {
		struct vdisk disk;
		uint16_t address;	/* 0 = the file that was IPLed */
		bool there;		/* its file is on the volume and can be a disk */
		bool virtio;
		int8_t drive;		/* place on the IDE controller, or DISKS_NO_DRIVE */
	} all[1 + DIRECTORY_DISKS];	/* [0] is the file that was IPLed */
	uint32_t count;
};

/* At logon. A file that cannot be had is told and left out: the machine is made without that disk. */
void disks_init(struct machine_disks *d, struct vm *vm, const struct directory_user *user);
/*
 * At IPL, before disks_connect(): the file becomes a drive, NULL = there is none any more. The same file again keeps
 * what was written. -EINVAL: it is empty; -E2BIG.
 */
int disks_ipl(struct machine_disks *d, const struct ipl_file *file, bool cd);
/*
 * Puts ATA disks and CDs into the controller's places: disks from the primary master on, CDs from the secondary
 * master on, the IPLed file first. Resets the drives that change.
 */
void disks_connect(struct machine_disks *d, struct vide *ide);
/* The disk at an address (0 = the IPLed file); NULL = none. */
struct machine_disk *disks_find(struct machine_disks *d, uint16_t address);
/* The i-th disk for virtio; NULL past the last. */
struct machine_disk *disks_virtio(struct machine_disks *d, uint32_t i);

#endif
