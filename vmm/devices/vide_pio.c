/* The IDE controller's data port: blocks of data between a drive's buffer and the guest, word by word. */
/* Part: devices/; one access is one exit or one element of a string, so the usual one does very little. */
#include "vmm/devices/vide_drive.h"

#include "lib/string.h"

void vide_fill(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint32_t unit = vide_unit(d), most = VIDE_BUFFER / unit, n = s->left < most ? s->left : most;

	/* The range was judged when the command came. */
	if (vdisk_read(d->disk, s->lba * (unit / VDISK_SECTOR), n * (unit / VDISK_SECTOR), s->buffer) != VDISK_DONE)
		memset(s->buffer, 0, VIDE_BUFFER);
	s->lba += n;
	s->left -= n;
	s->at = 0;
	s->end = n * unit;
}

bool vide_store(struct vide_drive *d, const void *from, uint32_t count)
{
	struct vide_drive_state *s = d->s;

	if (vdisk_write(d->disk, s->lba, count, from) != VDISK_DONE) {
		uint64_t lba = s->lba;

		vide_fail(d, ERROR_UNC);
		vata_show_lba(d, lba);
		return false;
	}
	s->lba += count;
	s->left -= count;
	return true;
}

/* The next DRQ block to the guest: an interrupt says that it is there. */
static void begin_in(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint64_t total;

	if (s->at == s->end)
		vide_fill(d);
	total = s->end - s->at + (uint64_t)s->left * vide_unit(d);
	s->block_left = total < s->limit ? (uint32_t)total : s->limit;
	s->status = STATUS_IDLE | STATUS_DRQ;
	if (s->packet) {
		s->reg[REG_COUNT][0] = REASON_IN;
		s->reg[REG_LBA_MID][0] = (uint8_t)s->block_left;
		s->reg[REG_LBA_HIGH][0] = (uint8_t)(s->block_left >> 8);
	}
	vide_irq(d, true);
}

static void begin_out(struct vide_drive *d, bool interrupt)
{
	struct vide_drive_state *s = d->s;
	uint64_t total = (uint64_t)s->left * VDISK_SECTOR;

	s->block_left = total < s->limit ? (uint32_t)total : s->limit;
	s->at = 0;
	s->end = s->block_left < VIDE_BUFFER ? s->block_left : VIDE_BUFFER;
	s->status = STATUS_IDLE | STATUS_DRQ;
	if (interrupt)
		vide_irq(d, true);
}

void vide_send(struct vide_drive *d, bool dma)
{
	struct vide_drive_state *s = d->s;

	if (s->at == s->end && s->left == 0) {
		vide_done(d);
		return;
	}
	s->transfer = dma ? VIDE_DMA_IN : VIDE_PIO_IN;
	if (!dma) {
		begin_in(d);
		return;
	}
	s->status = STATUS_IDLE | STATUS_DRQ;
	vide_dma_run(d->ide, d->channel);
}

void vide_receive(struct vide_drive *d, bool dma)
{
	struct vide_drive_state *s = d->s;

	s->transfer = dma ? VIDE_DMA_OUT : VIDE_PIO_OUT;
	if (!dma) {
		begin_out(d, false);
		return;
	}
	s->at = s->end = 0;
	s->status = STATUS_IDLE | STATUS_DRQ;
	vide_dma_run(d->ide, d->channel);
}

/* The buffer or the DRQ block has been read to its end. */
static void next_in(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;

	if (s->block_left > 0) {
		vide_fill(d);
	} else if (s->at != s->end || s->left > 0) {
		begin_in(d);
	} else if (s->packet) {
		vide_done(d);
	} else {
		/* Only a packet command has an interrupt after its last data. */
		vide_stop(d);
		s->status = STATUS_IDLE;
	}
}

/* The buffer is full. */
static void next_out(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint32_t bytes = s->end;

	if (s->transfer == VIDE_PACKET) {
		vatapi_packet(d);
		return;
	}
	if (!vide_store(d, s->buffer, bytes / VDISK_SECTOR))
		return;
	s->block_left -= bytes;
	s->at = 0;
	s->end = s->block_left < VIDE_BUFFER ? s->block_left : VIDE_BUFFER;
	if (s->block_left > 0)
		return;
	if (s->left > 0)
		begin_out(d, true);
	else
		vide_done(d);
}

static uint64_t read_data(struct vide_drive *d, unsigned int size)
{
	struct vide_drive_state *s = d->s;
	uint32_t there = s->end - s->at < s->block_left ? s->end - s->at : s->block_left;
	uint32_t n = size < there ? size : there;
	uint64_t value, rest;

	/* at <= VIDE_BUFFER, and there are 8 bytes of slack behind it. */
	memcpy(&value, s->buffer + s->at, sizeof(value));
	value &= UINT64_MAX >> (64 - 8 * n);
	s->at += n;
	s->block_left -= n;
	if (s->at != s->end && s->block_left != 0)
		return value;
	/* A wide access may need the rest from the next sectors, but never from the next block. */
	if (n < size && s->block_left > 0) {
		vide_fill(d);
		rest = read_data(d, size - n);
		return value | rest << 8 * n;
	}
	next_in(d);
	return value;
}

static void write_data(struct vide_drive *d, uint64_t value, unsigned int size)
{
	struct vide_drive_state *s = d->s;
	uint32_t room = s->end - s->at, n = size < room ? size : room;
	bool same_block = s->block_left > s->end;

	/* The slack again; what is written too far is overwritten or never looked at. */
	memcpy(s->buffer + s->at, &value, sizeof(value));
	s->at += n;
	if (s->at != s->end)
		return;
	next_out(d);
	if (n < size && same_block && s->transfer == VIDE_PIO_OUT)
		write_data(d, value >> 8 * n, size - n);
}

void vide_data_access(struct vide_drive *d, struct io_access *a)
{
	const struct vide_drive_state *s = d->s;

	if (a->write) {
		if (s->transfer == VIDE_PIO_OUT || s->transfer == VIDE_PACKET)
			write_data(d, a->value, a->size);
	} else {
		a->value = s->transfer == VIDE_PIO_IN ? read_data(d, a->size) : 0;
	}
}

static uint32_t read_block(struct vide_drive *d, const struct io_block *b)
{
	struct vide_drive_state *s = d->s;
	uint32_t there = s->end - s->at < s->block_left ? s->end - s->at : s->block_left;
	uint32_t n = there / b->size < b->count ? there / b->size : b->count;

	if (n == 0)
		return 0;
	memcpy(b->data, s->buffer + s->at, (size_t)n * b->size);
	s->at += n * b->size;
	s->block_left -= n * b->size;
	if (s->at == s->end || s->block_left == 0)
		next_in(d);
	return n;
}

static uint32_t write_block(struct vide_drive *d, const struct io_block *b)
{
	struct vide_drive_state *s = d->s;
	uint32_t room = (s->end - s->at) / b->size, n = room < b->count ? room : b->count;

	if (n == 0)
		return 0;
	memcpy(s->buffer + s->at, b->data, (size_t)n * b->size);
	s->at += n * b->size;
	if (s->at == s->end)
		next_out(d);
	return n;
}

uint32_t vide_data_block(struct vide_drive *d, const struct io_block *b)
{
	uint8_t transfer = d->s->transfer;

	if (b->write)
		return transfer == VIDE_PIO_OUT || transfer == VIDE_PACKET ? write_block(d, b) : 0;
	return transfer == VIDE_PIO_IN ? read_block(d, b) : 0;
}
