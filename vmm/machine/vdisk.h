/* The virtual disk: sectors that a drive of a guest reads and writes, wherever they are kept. */
/* Part: machine/; between the drives in devices/ (ATA, ATAPI, virtio) and the files of the boot volume. */
#ifndef VMM_MACHINE_VDISK_H
#define VMM_MACHINE_VDISK_H

#include "lib/types.h"

#define VDISK_SECTOR 512u
#define VDISK_CD_SECTOR 2048u

enum vdisk_result {
	VDISK_DONE,		/* every sector was moved */
	VDISK_OUTSIDE,		/* some sector does not exist; nothing was moved */
	VDISK_READ_ONLY,	/* a write to a disk that takes none; nothing was moved */
	VDISK_NO_STORAGE,	/* a write found no storage for the copies of what it changes; part may have been moved */
};

struct vdisk;

/* Sectors of VDISK_SECTOR bytes, also of a CD. count may be 0. `to` and `from` are CP's or a window of the guest's. */
enum vdisk_result vdisk_read(struct vdisk *disk, uint64_t sector, uint32_t count, void *to);
enum vdisk_result vdisk_write(struct vdisk *disk, uint64_t sector, uint32_t count, const void *from);

uint64_t vdisk_sectors(const struct vdisk *disk);	/* how many of VDISK_SECTOR bytes; a multiple of 4 for a CD */
bool vdisk_is_read_only(const struct vdisk *disk);
bool vdisk_is_cd(const struct vdisk *disk);
const char *vdisk_name(const struct vdisk *disk);	/* the file's name, for serial numbers and messages */

#endif
