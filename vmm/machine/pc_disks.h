/* The disks of a machine: which file of the boot volume is in which drive, and where firmware finds it. */
/* Part: machine/; between the directory, the IPL and the drives in devices/. */
#ifndef VMM_MACHINE_PC_DISKS_H
#define VMM_MACHINE_PC_DISKS_H

#include "vmm/cp/directory.h"
#include "vmm/devices/vide.h"
#include "vmm/machine/vdisk.h"

#define PC_DISK_PATH 64u	/* an Open Firmware device path, as firmware's boot order has it */
#define PC_NO_DRIVE 0xffu

struct pc_disk {
	struct vdisk disk;
	uint16_t address;	/* 0 = an image put in by the IPL, or nothing */
	uint8_t drive;		/* of the ATA bus, PC_NO_DRIVE = on no drive there */
	char path[PC_DISK_PATH];
};

struct pc_disks {
	struct vdisk_pool pool;
	struct pc_disk disk[DIRECTORY_DISKS];
	uint32_t count;
	struct pc_disk image;	/* what the last IPL of a file put in; drive PC_NO_DRIVE = nothing */
};

/* Before anything else. userid lives as long as the machine. */
void pc_disks_init(struct pc_disks *d, struct vm *vm, const char *userid);

/*
 * A disk of the user's with this file's contents. On the ATA bus it gets the first free drive; elsewhere the caller
 * attaches (*out)->disk and writes (*out)->path. 0, -ENOSPC (no drive, or no room for more), or vdisk_init()'s error.
 */
int pc_disks_add(struct pc_disks *d, struct vide *ide, const struct directory_disk *entry, const void *data, uint64_t size,
		 struct pc_disk **out);
struct pc_disk *pc_disks_find(struct pc_disks *d, uint16_t address);	/* NULL = there is none */

/*
 * Puts a file into the first free drive, in the place of what was put in before; the same file again keeps what the
 * machine has written to it. 0, -ENOSPC, or vdisk_init()'s error.
 */
int pc_disks_insert(struct pc_disks *d, struct vide *ide, const char *name, const void *data, uint64_t size, bool cd);
void pc_disks_eject(struct pc_disks *d, struct vide *ide);

#endif
