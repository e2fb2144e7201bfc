/* The virtio block device over a virtual disk. */
/* Part: devices/; "Block Device" of the OASIS standard: read, write, flush, get ID. */
#include "vmm/devices/virtio_blk.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define BLK_KIND 0x314b4c42u
#define BLK_TYPE 2u
#define BLK_CLASS 0x010000u

#define F_SEG_MAX (1ull << 2)
#define F_RO (1ull << 5)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH (1ull << 9)

#define CONFIG_CAPACITY 0u
#define CONFIG_SEG_MAX 12u
#define CONFIG_BLK_SIZE 20u

enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_GET_ID = 8 };
enum { STATUS_OK, STATUS_IOERR, STATUS_UNSUPPORTED };

#define HEADER_BYTES 16u
/* The largest piece moved between two looks at the budget. */
#define PORTION (1u << 20)

struct request {
	uint32_t type, reserved;
	uint64_t sector;
};

_Static_assert(sizeof(struct request) == HEADER_BYTES, "the standard's layout");

static uint8_t status_of(enum vdisk_result r)
{
	return r == VDISK_DONE ? STATUS_OK : STATUS_IOERR;
}

/* The part of a sector that lies in this segment, and the next: through a sector of our own. */
static uint8_t move_split_sector(struct virtio_blk *b, const struct virtio_chain *c, bool write, uint64_t sector,
				 uint64_t offset)
{
	enum vdisk_result r;

	if (write) {
		virtio_read(c, offset, b->sector, VDISK_SECTOR);
		return status_of(vdisk_write(b->disk, sector, 1, b->sector));
	}
	r = vdisk_read(b->disk, sector, 1, b->sector);
	if (r == VDISK_DONE)
		virtio_write(c, offset, b->sector, VDISK_SECTOR);
	return status_of(r);
}

/* Moves the next piece of a transfer; b->progress says how far it is. */
static uint8_t move_piece(struct virtio_blk *b, const struct virtio_chain *c, bool write, uint64_t first, uint64_t left)
{
	uint64_t offset = b->progress + (write ? HEADER_BYTES : 0), sector = first + b->progress / VDISK_SECTOR;
	uint32_t length;
	uint8_t *at = virtio_piece(c, !write, offset, &length);
	uint8_t status;

	if (length > left)
		length = (uint32_t)left;
	if (length > PORTION)
		length = PORTION;
	if (length < VDISK_SECTOR) {
		status = move_split_sector(b, c, write, sector, offset);
		length = VDISK_SECTOR;
	} else {
		length -= length % VDISK_SECTOR;
		status = status_of(write ? vdisk_write(b->disk, sector, length / VDISK_SECTOR, at)
					 : vdisk_read(b->disk, sector, length / VDISK_SECTOR, at));
	}
	b->progress += length;
	b->bytes += length;
	virtio_spend(&b->t.v, length);
	return status;
}

/* False: not finished, more of it later. */
static bool transfer(struct virtio_blk *b, const struct virtio_chain *c, const struct request *q, uint8_t *status)
{
	bool write = q->type == TYPE_OUT;
	uint64_t total = write ? c->out_bytes - HEADER_BYTES : c->in_bytes - 1;
	uint64_t sectors = vdisk_sectors(b->disk);

	if (total % VDISK_SECTOR != 0 || q->sector > sectors || total / VDISK_SECTOR > sectors - q->sector) {
		*status = STATUS_IOERR;
		return true;
	}
	*status = STATUS_OK;
	/* The guest may have changed the request since the last portion: progress is judged anew. */
	while (b->progress < total && *status == STATUS_OK) {
		if (!virtio_spend(&b->t.v, 0)) {
			virtio_again(&b->t.v, 0, 0);
			return false;
		}
		*status = move_piece(b, c, write, q->sector, total - b->progress);
	}
	return true;
}

/* One request from its chain to its status byte. False: it stays at the front, to go on with. */
static bool serve(struct virtio_blk *b, const struct virtio_chain *c)
{
	struct virtio *v = &b->t.v;
	struct request q;
	uint8_t status = STATUS_OK;
	uint64_t written = 0;

	if (virtio_read(c, 0, &q, sizeof(q)) != sizeof(q) || c->in_bytes == 0) {
		virtio_break(v);	/* there is nowhere to put a status */
		return false;
	}
	switch (q.type) {
	case TYPE_IN:
	case TYPE_OUT:
		if (!transfer(b, c, &q, &status))
			return false;
		if (q.type == TYPE_IN && status == STATUS_OK)
			written = c->in_bytes - 1;
		break;
	case TYPE_FLUSH:
		break;		/* what was written is where it stays */
	case TYPE_GET_ID:
		written = virtio_write(c, 0, b->id, c->in_bytes - 1 < VIRTIO_BLK_ID ? c->in_bytes - 1 : VIRTIO_BLK_ID);
		break;
	default:
		status = STATUS_UNSUPPORTED;
		break;
	}
	virtio_write(c, c->in_bytes - 1, &status, 1);
	b->requests++;
	b->progress = 0;
	virtio_used(v, written < UINT32_MAX ? (uint32_t)written + 1 : UINT32_MAX);
	return true;
}

static void blk_notify(struct virtio *v, unsigned int q)
{
	struct virtio_blk *b = (struct virtio_blk *)((uint8_t *)v - offsetof(struct virtio_blk, t.v));
	const struct virtio_chain *c;

	if (!virtio_begin(v, q))
		return;
	while ((c = virtio_next(v)) != NULL && serve(b, c))
		;
	virtio_end(v);
}

static void blk_reset(struct virtio *v)
{
	((struct virtio_blk *)((uint8_t *)v - offsetof(struct virtio_blk, t.v)))->progress = 0;
}

static void blk_dump(const struct vdev *d, char *text, size_t room)
{
	const struct virtio_blk *b = (const struct virtio_blk *)d;
	int n = virtio_pci_dump(&b->t, text, room);

	if (n >= 0 && (size_t)n < room)
		text_format(text + n, room - (size_t)n, " requests=%lu bytes=%lu", b->requests, b->bytes);
}

struct blk_state {
	struct virtio_pci_state t;
	uint64_t progress;
};

static size_t blk_save(const struct vdev *d, void *to, size_t room)
{
	const struct virtio_blk *b = (const struct virtio_blk *)d;
	struct blk_state s;

	virtio_pci_save(&b->t, &s.t);
	s.progress = b->progress;
	return state_save(BLK_KIND, &s, sizeof(s), to, room);
}

static bool blk_restore(struct vdev *d, const void *from, size_t size)
{
	struct virtio_blk *b = (struct virtio_blk *)d;
	struct blk_state s;

	if (!state_load(BLK_KIND, &s, sizeof(s), from, size) || !virtio_pci_good(&b->t, &s.t) ||
	    s.progress % VDISK_SECTOR != 0)
		return false;
	b->progress = s.progress;
	virtio_pci_restore(&b->t, &s.t);
	return true;
}

static const struct vdev_ops blk_vdev_ops = {
	.name = "VIRTBLK",
	.reset = virtio_pci_reset,
	.access = virtio_pci_access,
	.deadline = virtio_pci_deadline,
	.service = virtio_pci_service,
	.dump = blk_dump,
	.save = blk_save,
	.restore = blk_restore,
};

static const struct virtio_ops blk_ops = {
	.reset = blk_reset,
	.notify = blk_notify,
	.interrupt = virtio_pci_interrupt,
	.reach = virtio_pci_reach,
};

static void put(uint8_t *to, uint64_t value, unsigned int size)
{
	memcpy(to, &value, size);
}

int virtio_blk_init(struct virtio_blk *b, struct vm *vm, struct vpci *bus, uint8_t devfn, struct vdisk *disk)
{
	struct virtio *v = &b->t.v;

	memset(b, 0, sizeof(*b));
	b->t.pci.dev.ops = &blk_vdev_ops;
	b->t.pci.dev.vm = vm;
	b->disk = disk;
	/* The ID is no text: it ends in a zero only where it is shorter than its room. */
	for (unsigned int i = 0; i < VIRTIO_BLK_ID && vdisk_name(disk)[i] != '\0'; i++)
		b->id[i] = vdisk_name(disk)[i];
	put(b->config + CONFIG_CAPACITY, vdisk_sectors(disk), 8);
	put(b->config + CONFIG_SEG_MAX, VIRTIO_SEGMENTS - 2, 4);	/* header and status take one each */
	put(b->config + CONFIG_BLK_SIZE, VDISK_SECTOR, 4);
	v->ops = &blk_ops;
	v->offered = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (vdisk_is_read_only(disk) ? F_RO : 0) | VIRTIO_F_INDIRECT |
		     VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
	v->queues = 1;
	v->size[0] = VIRTIO_QUEUE_SIZE;
	v->config = b->config;
	v->config_bytes = sizeof(b->config);
	return virtio_pci_init(&b->t, bus, devfn, BLK_TYPE, BLK_CLASS);
}
