/* The tiny BIOS's disk (INT 13h): the file that was IPLed, as a write-protected disk. */
/* Part: ipl/; by cylinder, head and sector, and by the first functions of the EDD extensions. */
#include "vmm/ipl/bios.h"

#include "lib/string.h"
#include "vmm/ipl/ipl.h"
#include "vmm/ipl/job.h"
#include "vmm/machine/gmem.h"

#define SECTOR		512u
#define OK		0x00
#define BAD_COMMAND	0x01
#define WRITE_PROTECTED 0x03
#define NOT_FOUND	0x04
#define DMA_OVERRUN	0x09

struct disk {
	const uint8_t *data;
	uint64_t bytes, sectors;
	uint32_t cylinders, heads, per_track;
	bool floppy;
};

static bool floppy_size(struct disk *d)
{
	static const struct {
		uint32_t bytes;
		uint8_t cylinders, heads, per_track;
	} kinds[] = {
	    {163840, 40, 1, 8}, {184320, 40, 1, 9},   {327680, 40, 2, 8},   {368640, 40, 2, 9},
	    {737280, 80, 2, 9}, {1228800, 80, 2, 15}, {1474560, 80, 2, 18}, {2949120, 80, 2, 36},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].bytes != d->bytes)
			continue;
		d->cylinders = kinds[i].cylinders;
		d->heads = kinds[i].heads;
		d->per_track = kinds[i].per_track;
		return true;
	}
	return false;
}

/* A partitioned disk says its geometry by the end of its first partition, which fdisk puts on a
 * boundary. */
static void hard_disk_geometry(struct disk *d)
{
	const uint8_t *entry = d->data + 446;

	d->heads = 16;
	d->per_track = 63;
	if (d->sectors > 1023u * 16 * 63)
		d->heads = 255;
	if (d->bytes >= SECTOR && entry[4] != 0 && (entry[0] & 0x7f) == 0 &&
	    (entry[6] & 0x3f) != 0) {
		d->heads = entry[5] + 1u;
		d->per_track = entry[6] & 0x3f;
	}
	d->cylinders =
	    (uint32_t)((d->sectors + d->heads * d->per_track - 1) / (d->heads * d->per_track));
	if (d->cylinders > 1024)
		d->cylinders = 1024;
}

/* false = the drive that DL names is not there. */
static bool find_disk(struct bios_call *c, struct disk *d)
{
	const struct ipl_file *f = ipl_find_file(c->vm->system);
	uint8_t drive = bios_low(c, RDX);

	if (!f || !f->data || f->size == 0)
		return false;
	d->data = f->data;
	d->bytes = f->size;
	d->sectors = (f->size + SECTOR - 1) / SECTOR;
	d->floppy = floppy_size(d);
	if (!d->floppy)
		hard_disk_geometry(d);
	/* A diskette's own loader may ask for drive 0 whatever DL was. */
	return drive == 0x80 || (drive == 0 && d->floppy);
}

static void finish(struct bios_call *c, uint8_t status)
{
	bios_set_high(c, RAX, status);
	bios_poke(c->vm, BDA_DISK_STATUS, status, 1);
	bios_carry(c, status != OK);
}

/* How many of `count` sectors from `first` were read to guest address `to`. The last one may be a
 * part. */
static uint32_t read_sectors(struct bios_call *c, const struct disk *d, uint64_t first,
			     uint32_t count, uint64_t to, uint8_t *status)
{
	uint32_t done;

	*status = OK;
	for (done = 0; done < count; done++, to += SECTOR) {
		uint64_t at, part;

		if (first >= d->sectors || done >= d->sectors - first) {
			*status = NOT_FOUND;
			break;
		}
		at = (first + done) * SECTOR;
		part = d->bytes - at < SECTOR ? d->bytes - at : SECTOR;
		if (!gmem_write(c->vm, GPA(to), d->data + at, part) ||
		    !gmem_fill(c->vm, GPA(to + part), 0, SECTOR - part)) {
			*status = DMA_OVERRUN;
			break;
		}
	}
	return done;
}

/* AH = 02h reads, 04h verifies: the same addresses, no data. */
static void by_geometry(struct bios_call *c, const struct disk *d, bool read)
{
	uint32_t count = bios_low(c, RAX), done = 0;
	uint32_t sector = bios_low(c, RCX) & 0x3f, head = bios_high(c, RDX);
	uint32_t cylinder = bios_high(c, RCX) | (uint32_t)(bios_low(c, RCX) & 0xc0) << 2;
	uint64_t first = ((uint64_t)cylinder * d->heads + head) * d->per_track + sector - 1;
	uint8_t status = NOT_FOUND;

	if (sector != 0 && sector <= d->per_track && head < d->heads) {
		if (read)
			done = read_sectors(c, d, first, count,
					    bios_address(c, SEG_ES, bios_word(c, RBX)), &status);
		else
			status = first + count <= d->sectors ? OK : NOT_FOUND;
	}
	if (read)
		bios_set_low(c, RAX, (uint8_t)done);
	finish(c, status);
}

static void parameters(struct bios_call *c, const struct disk *d)
{
	uint32_t last = d->cylinders ? d->cylinders - 1 : 0;

	bios_set_word(c, RCX, (last & 0xff) << 8 | (last >> 2 & 0xc0) | d->per_track);
	bios_set_word(c, RDX, (d->heads - 1) << 8 | 1);
	bios_set_low(c, RBX, d->floppy ? 4 : 0);
	bios_set_low(c, RAX, 0);
	finish(c, OK);
}

static void disk_type(struct bios_call *c, const struct disk *d)
{
	bios_carry(c, false);
	if (d->floppy && bios_low(c, RDX) == 0) {
		bios_set_high(c, RAX, 1);
		return;
	}
	bios_set_high(c, RAX, 3);
	bios_set_word(c, RCX, d->sectors >> 16);
	bios_set_word(c, RDX, d->sectors);
}

/* AH = 42h, 44h: the packet at DS:SI says what and whereto; its count comes back as what was done.
 */
static void by_packet(struct bios_call *c, const struct disk *d, bool read)
{
	uint64_t at = bios_address(c, SEG_DS, bios_word(c, RSI)), first, to;
	uint8_t packet[16], status = OK;
	uint32_t count;

	if (!gmem_read(c->vm, GPA(at), packet, sizeof(packet)) || packet[0] < 16) {
		finish(c, BAD_COMMAND);
		return;
	}
	count = ipl_u16(packet + 2);
	first = ipl_u64(packet + 8);
	to = ((uint64_t)ipl_u16(packet + 6) << 4) + ipl_u16(packet + 4);
	if (read)
		count = read_sectors(c, d, first, count, to, &status);
	else if (!ipl_inside(first, count, d->sectors))
		status = NOT_FOUND;
	bios_poke(c->vm, at + 2, count, 2);
	finish(c, status);
}

static void extended_parameters(struct bios_call *c, const struct disk *d)
{
	uint64_t at = bios_address(c, SEG_DS, bios_word(c, RSI));
	uint8_t table[26] = {0};

	if (bios_peek(c->vm, at, 2) < sizeof(table)) {
		finish(c, BAD_COMMAND);
		return;
	}
	ipl_set16(table, sizeof(table));
	ipl_set16(table + 2, 2); /* the geometry counts */
	ipl_set32(table + 4, d->cylinders);
	ipl_set32(table + 8, d->heads);
	ipl_set32(table + 12, d->per_track);
	ipl_set64(table + 16, d->sectors);
	ipl_set16(table + 24, SECTOR);
	gmem_write(c->vm, GPA(at), table, sizeof(table));
	finish(c, OK);
}

static void extensions(struct bios_call *c)
{
	if (bios_word(c, RBX) != 0x55aa) {
		finish(c, BAD_COMMAND);
		return;
	}
	bios_set_word(c, RBX, 0xaa55);
	bios_set_word(c, RCX, 1); /* packet functions only */
	finish(c, OK);
	bios_set_high(c, RAX, 0x21); /* version 1.1 */
}

void bios_disk(struct bios_call *c)
{
	uint8_t function = bios_high(c, RAX);
	struct disk d;

	if (function == 0x01) {
		finish(c, (uint8_t)bios_peek(c->vm, BDA_DISK_STATUS, 1));
		return;
	}
	if (!find_disk(c, &d)) {
		/* AH = 15h: type 0 = there is no such drive, which is not an error. */
		finish(c, function == 0x15 ? OK : BAD_COMMAND);
		return;
	}
	switch (function) {
	case 0x00:
	case 0x0d:
	case 0x10:
	case 0x11: /* reset, ready, recalibrate */
		finish(c, OK);
		break;
	case 0x02:
	case 0x04:
		by_geometry(c, &d, function == 0x02);
		break;
	case 0x03:
	case 0x05:
	case 0x43:
		finish(c, WRITE_PROTECTED);
		break;
	case 0x08:
		parameters(c, &d);
		break;
	case 0x15:
		disk_type(c, &d);
		break;
	case 0x41:
		extensions(c);
		break;
	case 0x42:
	case 0x44:
		by_packet(c, &d, function == 0x42);
		break;
	case 0x48:
		extended_parameters(c, &d);
		break;
	default:
		c->unknown = true;
		break;
	}
}
