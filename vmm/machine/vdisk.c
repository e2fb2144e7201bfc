/* The virtual disk: a file of the boot volume, and over it the blocks that its machine has written. */
/* Part: machine/; copy-on-write, since many machines may have the same file. */
#include "vmm/machine/vdisk.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/machine/vdev.h"

#define BLOCK	    PAGE_SIZE
#define FANOUT	    512u /* pointers in one block of the tree */
#define FANOUT_BITS 9u
#define LEVELS	    3u
#define MOST_BLOCKS ((uint64_t)FANOUT * FANOUT * FANOUT)

/* A tree of pointers to changed blocks: two levels of nodes, then leaves; what is missing is unchanged. */
struct node {
	void *to[FANOUT];
};

_Static_assert(sizeof(struct node) == BLOCK, "a node takes one block");

void vdisk_pool_init(struct vdisk_pool *pool, struct vm *vm, const char *userid)
{
	*pool = (struct vdisk_pool){ .vm = vm, .userid = userid };
}

/* Small at first, for a guest that writes a few log lines; few runs in the end, for one that fills its disk. */
static bool grow(struct vdisk_pool *pool)
{
	static const uint64_t sizes[] = { MIB(32), MIB(4), MIB(1), KIB(256), KIB(64) };
	size_t i = pool->extents == 0 ? 3 : pool->extents < 4 ? 2 : pool->extents < 32 ? 1 : 0;

	/* The last storage of a full machine is in small runs. */
	for (; i < ARRAY_LEN(sizes); i++) {
		/* No guest takes it all: a machine has at most as much for its changes as it leaves for the others. */
		if (pool->bytes + 2 * sizes[i] > machine_storage_left(pool->vm))
			continue;
		pool->at = machine_storage(pool->vm, sizes[i]);
		if (pool->at != NULL) {
			pool->left = sizes[i];
			pool->bytes += sizes[i];
			pool->extents++;
			return true;
		}
	}
	return false;
}

/* Zeroed only if `clear`: most blocks are about to be overwritten. NULL = none left. */
static void *take_block(struct vdisk_pool *pool, bool clear)
{
	uint8_t *block = pool->spare;

	if (block != NULL) {
		memcpy(&pool->spare, block, sizeof(pool->spare));
		if (clear)
			memset(block, 0, BLOCK);
	} else {
		if (pool->left == 0 && !grow(pool)) {
			cp_note(pool->vm, "V64DSK480W %s NO STORAGE FOR CHANGED BLOCKS OF ITS DISKS; ITS WRITES FAIL",
				pool->userid);
			return NULL;
		}
		block = pool->at;
		pool->at += BLOCK;
		pool->left -= BLOCK;
	}
	pool->used++;
	return block;
}

static void give_block(struct vdisk_pool *pool, void *block)
{
	memcpy(block, &pool->spare, sizeof(pool->spare));
	pool->spare = block;
	pool->used--;
}

static unsigned int slot(uint64_t block, unsigned int level)
{
	return (unsigned int)(block >> (LEVELS - 1 - level) * FANOUT_BITS) % FANOUT;
}

/* The changed block, or NULL. *unchanged: at least so many blocks from here on are the file's. */
static uint8_t *find_changed(const struct vdisk *disk, uint64_t block, uint64_t *unchanged)
{
	struct node *n = disk->changed;

	for (unsigned int level = 0; level < LEVELS; level++) {
		uint64_t span = 1ull << (LEVELS - level) * FANOUT_BITS;

		if (n == NULL) {
			*unchanged = span - block % span;
			return NULL;
		}
		n = n->to[slot(block, level)];
	}
	*unchanged = 1;
	return (uint8_t *)n;
}

/* Puts the file's bytes from `offset` on into `to`; behind its end there are zeros. */
static void read_file(const struct vdisk *disk, uint64_t offset, void *to, uint64_t n)
{
	uint64_t there = offset < disk->size ? disk->size - offset : 0;

	if (there > n)
		there = n;
	if (there > 0)
		memcpy(to, disk->data + offset, there);
	if (there < n)
		memset((uint8_t *)to + there, 0, n - there);
}

/* The block as the machine's own copy. `whole`: it is about to be overwritten. NULL = no storage. */
static uint8_t *own_block(struct vdisk *disk, uint64_t block, bool whole)
{
	void **at = &disk->changed;

	for (unsigned int level = 0; level < LEVELS; level++) {
		if (*at == NULL)
			*at = take_block(disk->pool, true);
		if (*at == NULL)
			return NULL;
		at = &((struct node *)*at)->to[slot(block, level)];
	}
	if (*at == NULL) {
		uint8_t *own = take_block(disk->pool, false);

		if (own == NULL)
			return NULL;
		if (!whole)
			read_file(disk, block * BLOCK, own, BLOCK);
		*at = own;
		disk->changed_blocks++;
	}
	return *at;
}

/* How many of `left` bytes from `offset` on lie in one piece of storage, and where (NULL: in the file). */
static uint64_t find_run(const struct vdisk *disk, uint64_t offset, uint64_t left, const uint8_t **from)
{
	uint64_t block = offset / BLOCK, unchanged, run;
	const uint8_t *changed = find_changed(disk, block, &unchanged);

	*from = changed != NULL ? changed + offset % BLOCK : NULL;
	run = (changed != NULL ? 1 : unchanged) * BLOCK - offset % BLOCK;
	while (run < left) {
		const uint8_t *next;

		block = (offset + run) / BLOCK;
		next = find_changed(disk, block, &unchanged);
		/* Blocks written one after the other lie one after the other. */
		if (changed != NULL ? next != *from + run : next != NULL)
			break;
		run += (changed != NULL ? 1 : unchanged) * BLOCK;
	}
	return run < left ? run : left;
}

static bool inside(const struct vdisk *disk, uint64_t sector, uint32_t count)
{
	return sector <= disk->sectors && count <= disk->sectors - sector;
}

enum vdisk_result vdisk_read(struct vdisk *disk, uint64_t sector, uint32_t count, void *to)
{
	uint64_t offset = sector * VDISK_SECTOR, left = (uint64_t)count * VDISK_SECTOR;
	uint8_t *at = to;

	if (!inside(disk, sector, count))
		return VDISK_OUTSIDE;
	while (left > 0) {
		const uint8_t *from;
		uint64_t n = find_run(disk, offset, left, &from);

		if (from != NULL)
			memcpy(at, from, n);
		else
			read_file(disk, offset, at, n);
		at += n;
		offset += n;
		left -= n;
	}
	return VDISK_DONE;
}

enum vdisk_result vdisk_write(struct vdisk *disk, uint64_t sector, uint32_t count, const void *from)
{
	uint64_t offset = sector * VDISK_SECTOR, left = (uint64_t)count * VDISK_SECTOR;
	const uint8_t *at = from;

	if (!inside(disk, sector, count))
		return VDISK_OUTSIDE;
	if (disk->read_only)
		return VDISK_READ_ONLY;
	while (left > 0) {
		uint64_t skip = offset % BLOCK, n = left < BLOCK - skip ? left : BLOCK - skip;
		uint8_t *own = own_block(disk, offset / BLOCK, n == BLOCK);

		if (own == NULL)
			return VDISK_NO_STORAGE;
		memcpy(own + skip, at, n);
		at += n;
		offset += n;
		left -= n;
	}
	return VDISK_DONE;
}

bool vdisk_looks_like_cd(const void *data, uint64_t size)
{
	return size >= 0x8800 && memcmp((const uint8_t *)data + 0x8001, "CD001", 5) == 0;
}

int vdisk_init(struct vdisk *disk, struct vdisk_pool *pool, const char *name, const void *data, uint64_t size,
	       enum vdisk_kind kind, bool read_only, uint32_t *padding)
{
	bool cd = kind == VDISK_IS_CD || (kind == VDISK_FIND_OUT && vdisk_looks_like_cd(data, size));
	uint64_t whole = align_up(size, cd ? VDISK_CD_SECTOR : VDISK_SECTOR);

	if (size == 0)
		return -EINVAL;
	if (size > MOST_BLOCKS * BLOCK)
		return -E2BIG;
	*disk = (struct vdisk){ .pool = pool, .data = data, .size = size, .sectors = whole / VDISK_SECTOR,
				.read_only = read_only || cd, .cd = cd };
	str_copy(disk->name, name, sizeof(disk->name));
	if (padding != NULL)
		*padding = (uint32_t)(whole - size);
	return 0;
}

static void give_tree(struct vdisk_pool *pool, struct node *top)
{
	for (unsigned int i = 0; i < FANOUT; i++) {
		struct node *middle = top->to[i];

		for (unsigned int j = 0; middle != NULL && j < FANOUT; j++) {
			struct node *leaf = middle->to[j];

			for (unsigned int k = 0; leaf != NULL && k < FANOUT; k++)
				if (leaf->to[k] != NULL)
					give_block(pool, leaf->to[k]);
			if (leaf != NULL)
				give_block(pool, leaf);
		}
		if (middle != NULL)
			give_block(pool, middle);
	}
	give_block(pool, top);
}

void vdisk_discard(struct vdisk *disk)
{
	if (disk->changed != NULL)
		give_tree(disk->pool, disk->changed);
	disk->changed = NULL;
	disk->changed_blocks = 0;
}

uint64_t vdisk_sectors(const struct vdisk *disk)
{
	return disk->sectors;
}

bool vdisk_is_read_only(const struct vdisk *disk)
{
	return disk->read_only;
}

bool vdisk_is_cd(const struct vdisk *disk)
{
	return disk->cd;
}

const char *vdisk_name(const struct vdisk *disk)
{
	return disk->name;
}
