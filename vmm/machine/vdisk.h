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

#define VDISK_NAME 48u

/*
 * Storage for the blocks that a machine's disks have changed: taken from CP in extents that grow, never given back
 * before logoff, shared by all disks of the machine.
 */
struct vdisk_pool {
	struct vm *vm;
	const char *userid;	/* for the message when storage runs out; lives as long as the pool */
	uint8_t *at;		/* what is left of the newest extent */
	uint64_t left;
	uint8_t *spare;		/* blocks given up, chained through their first bytes */
	uint32_t extents;
	uint64_t bytes;		/* of all extents */
	uint64_t used;		/* blocks in use */
};

/* A file of the boot volume, which never changes, and over it the blocks that have been written. */
struct vdisk {
	struct vdisk_pool *pool;
	const uint8_t *data;
	uint64_t size;		/* of the file, bytes */
	uint64_t sectors;
	void *changed;		/* tree of blocks, NULL = none was written */
	uint64_t changed_blocks;
	bool read_only, cd;
	char name[VDISK_NAME];
};

void vdisk_pool_init(struct vdisk_pool *pool, struct vm *vm, const char *userid);

enum vdisk_kind { VDISK_FIND_OUT, VDISK_IS_DISK, VDISK_IS_CD };

/*
 * The disk lives as long as `data`, `pool` and `name`'s copy. A size that is no multiple of the sector is filled up
 * with zeros: *padding (may be NULL) gets how many. A CD is always read-only. -EINVAL: the file is empty; -E2BIG.
 */
int vdisk_init(struct vdisk *disk, struct vdisk_pool *pool, const char *name, const void *data, uint64_t size,
	       enum vdisk_kind kind, bool read_only, uint32_t *padding);
/* Forgets every change: the disk is the file again. */
void vdisk_discard(struct vdisk *disk);
/* An ISO 9660 image ("CD001" in its first volume descriptor, ECMA-119 section 8.1)? */
bool vdisk_looks_like_cd(const void *data, uint64_t size);

/* Sectors of VDISK_SECTOR bytes, also of a CD. count may be 0. `to` and `from` are CP's or a window of the guest's. */
enum vdisk_result vdisk_read(struct vdisk *disk, uint64_t sector, uint32_t count, void *to);
enum vdisk_result vdisk_write(struct vdisk *disk, uint64_t sector, uint32_t count, const void *from);

uint64_t vdisk_sectors(const struct vdisk *disk);	/* how many of VDISK_SECTOR bytes; a multiple of 4 for a CD */
bool vdisk_is_read_only(const struct vdisk *disk);
bool vdisk_is_cd(const struct vdisk *disk);
const char *vdisk_name(const struct vdisk *disk);	/* the file's name, for serial numbers and messages */

#endif
