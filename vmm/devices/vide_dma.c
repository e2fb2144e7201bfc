/* The IDE controller's bus master: moves a drive's data along a table of regions of the guest's storage. */
/* Part: devices/; "Programming Interface for Bus Master IDE Controller" 1.0; tables may be wild, moves are bounded. */
#include "vmm/devices/vide_drive.h"

#include "lib/string.h"

#define PRD_LAST   0x80000000u
#define PRD_MOST   8192u /* a table does not cross 64 KiB */
#define BYTES_MOST MIB(64) /* of one start; ATA's longest command has 32, and others wait while bytes are moved */
#define STEP	   4096u /* storage that is no single run is tried by pages */

/* Offsets of a channel's registers. */
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };

#define BM_WRITABLE_COMMAND 0x09u
#define BM_DRIVE_CAPABLE    0x60u

/* Makes a region the current one. False: the table has come to its end, as it says or because it is too long. */
static bool next_region(struct vide *ide, struct vide_channel_state *c)
{
	uint32_t entry[2];

	if (c->prd_left > 0)
		return true;
	if (c->prd_last || c->prd_count >= PRD_MOST || c->prd_bytes >= BYTES_MOST)
		return false;
	/* Where there is no storage a PC's bus reads ones. */
	if (!machine_dma_read(ide->function.dev.vm, c->prd_next, entry, sizeof(entry)))
		entry[0] = entry[1] = UINT32_MAX;
	c->prd_next += sizeof(entry);
	c->prd_count++;
	c->prd_at = entry[0] & ~1u;
	c->prd_left = entry[1] & 0xfffe;
	if (c->prd_left == 0)
		c->prd_left = 0x10000;
	c->prd_bytes += c->prd_left;
	c->prd_last = (entry[1] & PRD_LAST) != 0;
	return true;
}

static void advance(struct vide_channel_state *c, uint32_t n)
{
	c->prd_at += n;
	c->prd_left -= n;
}

/* A piece of the current region that is either storage or not as a whole. */
static uint32_t piece(const struct vide_channel_state *c, uint32_t most)
{
	uint32_t n = most < c->prd_left ? most : c->prd_left, page = STEP - c->prd_at % STEP;

	return n < page ? n : page;
}

/* Copies up to n bytes; returns how many regions there were for. What is not storage takes nothing and reads ones. */
static uint32_t copy_in(struct vide *ide, struct vide_channel_state *c, const uint8_t *from, uint32_t n)
{
	uint32_t done = 0;

	while (done < n && next_region(ide, c)) {
		uint32_t step = piece(c, n - done);

		(void)machine_dma_write(ide->function.dev.vm, c->prd_at, from + done, step);
		advance(c, step);
		done += step;
	}
	return done;
}

static uint32_t copy_out(struct vide *ide, struct vide_channel_state *c, uint8_t *to, uint32_t n)
{
	uint32_t done = 0;

	while (done < n && next_region(ide, c)) {
		uint32_t step = piece(c, n - done);

		if (!machine_dma_read(ide->function.dev.vm, c->prd_at, to + done, step))
			memset(to + done, 0xff, step);
		advance(c, step);
		done += step;
	}
	return done;
}

/* The rest of the current region as one run of the guest's storage that holds whole sectors, else NULL. */
static void *window(struct vide *ide, struct vide_channel_state *c, uint32_t unit, uint32_t *sectors)
{
	if (!next_region(ide, c) || c->prd_left < unit)
		return NULL;
	*sectors = c->prd_left / unit < *sectors ? c->prd_left / unit : *sectors;
	return machine_dma_window(ide->function.dev.vm, c->prd_at, *sectors * unit);
}

/* Moves until the drive has no more (true) or the table ends (false). */
static bool run_in(struct vide_drive *d, struct vide_channel_state *c)
{
	struct vide_drive_state *s = d->s;
	uint32_t unit = vide_unit(d);

	for (;;) {
		uint32_t n = s->left;
		void *to;

		if (s->at < s->end) {
			s->at += copy_in(d->ide, c, s->buffer + s->at, s->end - s->at);
			if (s->at < s->end)
				return false;
		}
		if (s->left == 0)
			return true;
		to = window(d->ide, c, unit, &n);
		if (to == NULL) {
			vide_fill(d);
			continue;
		}
		/* Straight into the guest's storage. */
		if (vdisk_read(d->disk, s->lba * (unit / VDISK_SECTOR), n * (unit / VDISK_SECTOR), to) != VDISK_DONE)
			memset(to, 0, n * unit);
		s->lba += n;
		s->left -= n;
		advance(c, n * unit);
	}
}

/* The same for the other direction; the drive may also have failed, and then it is idle. */
static bool run_out(struct vide_drive *d, struct vide_channel_state *c)
{
	struct vide_drive_state *s = d->s;

	while (s->left > 0) {
		uint32_t n = s->left;
		const void *from = s->at == 0 ? window(d->ide, c, VDISK_SECTOR, &n) : NULL;

		if (from != NULL) {
			if (!vide_store(d, from, n))
				return true;
			advance(c, n * VDISK_SECTOR);
			continue;
		}
		s->at += copy_out(d->ide, c, s->buffer + s->at, VDISK_SECTOR - s->at);
		if (s->at < VDISK_SECTOR)
			return false;
		s->at = 0;
		if (!vide_store(d, s->buffer, 1))
			return true;
	}
	return true;
}

void vide_dma_run(struct vide *ide, unsigned int channel)
{
	struct vide_channel_state *c = &ide->s.channel[channel];
	struct vide_drive *d = &ide->drive[channel * 2 + c->selected];
	struct vide_drive_state *s = d->s;
	bool over;

	if (!(c->bm_command & BM_START) || !(c->bm_status & BM_ACTIVE) || !vpci_bus_master(&ide->function))
		return;
	if (s->transfer == VIDE_DMA_IN)
		over = run_in(d, c);
	else if (s->transfer == VIDE_DMA_OUT)
		over = run_out(d, c);
	else
		return;
	/* A table that is longer than the transfer leaves the master active, one that is shorter leaves the drive waiting. */
	if (!over || (c->prd_last && c->prd_left == 0))
		c->bm_status &= (uint8_t)~BM_ACTIVE;
	if (over && s->transfer != VIDE_IDLE)
		vide_done(d);
}

static void write_command(struct vide *ide, unsigned int channel, uint8_t value)
{
	struct vide_channel_state *c = &ide->s.channel[channel];
	bool was = c->bm_command & BM_START;

	c->bm_command = value & BM_WRITABLE_COMMAND;
	if (!(value & BM_START)) {
		c->bm_status &= (uint8_t)~BM_ACTIVE;
	} else if (!was) {
		c->bm_status |= BM_ACTIVE;
		c->prd_next = c->bm_table;
		c->prd_count = c->prd_bytes = c->prd_left = c->prd_at = 0;
		c->prd_last = 0;
		vide_dma_run(ide, channel);
	}
}

static void write_byte(struct vide *ide, unsigned int channel, unsigned int reg, uint8_t value)
{
	struct vide_channel_state *c = &ide->s.channel[channel];
	unsigned int shift = (reg & 3) * 8;

	if (reg == BM_COMMAND) {
		write_command(ide, channel, value);
	} else if (reg == BM_STATUS) {
		c->bm_status = (uint8_t)((c->bm_status & ~(value & (BM_ERROR | BM_INTERRUPT)) & ~BM_DRIVE_CAPABLE) |
					 (value & BM_DRIVE_CAPABLE));
	} else if (reg >= BM_TABLE) {
		c->bm_table = ((c->bm_table & ~(0xffu << shift)) | (uint32_t)value << shift) & ~3u;
	}
}

static uint8_t read_byte(const struct vide_channel_state *c, unsigned int reg)
{
	if (reg == BM_COMMAND)
		return c->bm_command;
	if (reg == BM_STATUS)
		return c->bm_status;
	return reg >= BM_TABLE ? (uint8_t)(c->bm_table >> (reg & 3) * 8) : 0;
}

void vide_dma_access(struct vide *ide, struct io_access *a)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < a->size; i++) {
		unsigned int port = (unsigned int)(a->addr + i) & 15, channel = port / 8;

		if (a->write)
			write_byte(ide, channel, port & 7, (uint8_t)(a->value >> 8 * i));
		else
			value |= (uint64_t)read_byte(&ide->s.channel[channel], port & 7) << 8 * i;
	}
	if (!a->write)
		a->value = value;
}
