/* The virtual ATA disk: its commands, from IDENTIFY to FLUSH CACHE EXT. */
/* Part: devices/; ATA/ATAPI-7 ("Command descriptions"); data move by vide_pio.c and vide_dma.c. */
#include "vmm/devices/vide_drive.h"

#include "lib/printf.h"
#include "lib/string.h"

#define MULTIPLE_MOST 16u
#define HEADS	      16u
#define SECTORS	      63u
#define CYLINDERS     16383u
#define LBA28_END     (1ull << 28)
#define LBA48_END     (1ull << 48)

/* How a command names its sector. */
enum { ADDRESS_CHS, ADDRESS_LBA28, ADDRESS_LBA48 };

void vata_power_on(struct vide_drive *d)
{
	d->s->multiple = MULTIPLE_MOST;
	d->s->heads = HEADS;
	d->s->sectors = SECTORS;
	d->s->mode = 0x45; /* Ultra DMA 5, as firmware would have set it */
	d->s->write_cache = 1;
}

void vata_text(uint16_t *words, size_t count, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < count; i++) {
		uint8_t first = 2 * i < length ? (uint8_t)text[2 * i] : ' ';
		uint8_t second = 2 * i + 1 < length ? (uint8_t)text[2 * i + 1] : ' ';

		words[i] = (uint16_t)(first << 8 | second);
	}
}

/* The sector that the registers name; false = there is none of that name. */
static bool take_lba(struct vide_drive *d, bool ext, uint64_t *lba)
{
	struct vide_drive_state *s = d->s;
	const uint8_t(*r)[2] = s->reg;
	uint64_t low = r[REG_LBA_LOW][0] | (uint64_t)r[REG_LBA_MID][0] << 8 | (uint64_t)r[REG_LBA_HIGH][0] << 16;
	uint64_t head = s->device & 15;

	if (ext) {
		s->address = ADDRESS_LBA48;
		*lba = low | (uint64_t)r[REG_LBA_LOW][1] << 24 | (uint64_t)r[REG_LBA_MID][1] << 32 |
		       (uint64_t)r[REG_LBA_HIGH][1] << 40;
		return true;
	}
	if (s->device & DEVICE_LBA) {
		s->address = ADDRESS_LBA28;
		*lba = low | head << 24;
		return true;
	}
	s->address = ADDRESS_CHS;
	*lba = ((low >> 8) * s->heads + head) * s->sectors + (low & 0xff) - 1;
	return (low & 0xff) != 0 && (low & 0xff) <= s->sectors && head < s->heads;
}

void vata_show_lba(struct vide_drive *d, uint64_t lba)
{
	struct vide_drive_state *s = d->s;
	uint64_t head = lba >> 24, low = lba;

	if (s->address == ADDRESS_CHS) {
		head = lba / s->sectors % s->heads;
		low = lba % s->sectors + 1;
		low |= lba / s->sectors / s->heads << 8;
	}
	for (unsigned int i = 0; i < 3; i++) {
		if (s->address == ADDRESS_LBA48)
			s->reg[REG_LBA_LOW + i][1] = (uint8_t)(lba >> (24 + 8 * i));
		s->reg[REG_LBA_LOW + i][0] = (uint8_t)(low >> 8 * i);
	}
	if (s->address != ADDRESS_LBA48)
		s->device = (uint8_t)((s->device & 0xf0) | (head & 15));
}

static uint32_t take_count(const struct vide_drive *d, bool ext)
{
	uint32_t low = d->s->reg[REG_COUNT][0], count = ext ? low | (uint32_t)d->s->reg[REG_COUNT][1] << 8 : low;

	if (count == 0)
		return ext ? 0x10000 : 0x100;
	return count;
}

/* Commands that move sectors, or (VIDE_IDLE) only look whether they can be read. */
struct move {
	uint8_t command;
	uint8_t transfer;
	bool ext, multiple;
};

static const struct move moves[] = {
	{ 0x20, VIDE_PIO_IN, false, false },  { 0x21, VIDE_PIO_IN, false, false },  { 0x24, VIDE_PIO_IN, true, false },
	{ 0x25, VIDE_DMA_IN, true, false },   { 0x29, VIDE_PIO_IN, true, true },    { 0x30, VIDE_PIO_OUT, false, false },
	{ 0x31, VIDE_PIO_OUT, false, false }, { 0x34, VIDE_PIO_OUT, true, false },  { 0x35, VIDE_DMA_OUT, true, false },
	{ 0x39, VIDE_PIO_OUT, true, true },   { 0x3c, VIDE_PIO_OUT, false, false }, { 0x3d, VIDE_DMA_OUT, true, false },
	{ 0x40, VIDE_IDLE, false, false },    { 0x41, VIDE_IDLE, false, false },    { 0x42, VIDE_IDLE, true, false },
	{ 0xc4, VIDE_PIO_IN, false, true },   { 0xc5, VIDE_PIO_OUT, false, true },  { 0xc8, VIDE_DMA_IN, false, false },
	{ 0xc9, VIDE_DMA_IN, false, false },  { 0xca, VIDE_DMA_OUT, false, false }, { 0xcb, VIDE_DMA_OUT, false, false },
	{ 0xce, VIDE_PIO_OUT, true, true },
};

static void move_sectors(struct vide_drive *d, const struct move *m)
{
	struct vide_drive_state *s = d->s;
	bool out = m->transfer == VIDE_PIO_OUT || m->transfer == VIDE_DMA_OUT;
	bool dma = m->transfer == VIDE_DMA_IN || m->transfer == VIDE_DMA_OUT;
	uint32_t count = take_count(d, m->ext);
	uint64_t lba;

	if ((m->multiple && s->multiple == 0) || (out && vdisk_is_read_only(d->disk))) {
		vide_fail(d, ERROR_ABRT);
		return;
	}
	if (!take_lba(d, m->ext, &lba) || lba > d->sectors || count > d->sectors - lba) {
		vide_fail(d, ERROR_IDNF);
		return;
	}
	if (m->transfer == VIDE_IDLE) {
		vide_done(d);
		return;
	}
	s->lba = lba;
	s->left = count;
	s->limit = VDISK_SECTOR * (m->multiple ? s->multiple : 1u);
	if (out)
		vide_receive(d, dma);
	else
		vide_send(d, dma);
}

static uint16_t cylinders(const struct vide_drive *d, unsigned int heads, unsigned int sectors)
{
	uint64_t n = d->sectors / (heads * sectors);

	return (uint16_t)(n > CYLINDERS ? CYLINDERS : n == 0 ? 1 : n);
}

/* Capacity, in the three ways that IDENTIFY tells it. */
static void identify_size(const struct vide_drive *d, uint16_t *w)
{
	const struct vide_drive_state *s = d->s;
	uint32_t lba28 = (uint32_t)(d->sectors < LBA28_END ? d->sectors : LBA28_END - 1);
	uint32_t current;

	w[1] = cylinders(d, HEADS, SECTORS);
	w[3] = HEADS;
	w[4] = SECTORS * VDISK_SECTOR;	/* bytes a track and a sector: ATA-1's, and some firmware reads the second still */
	w[5] = VDISK_SECTOR;
	w[6] = SECTORS;
	w[54] = cylinders(d, s->heads, s->sectors);
	w[55] = s->heads;
	w[56] = s->sectors;
	current = (uint32_t)w[54] * w[55] * w[56];
	w[57] = (uint16_t)current;
	w[58] = (uint16_t)(current >> 16);
	w[60] = (uint16_t)lba28;
	w[61] = (uint16_t)(lba28 >> 16);
	for (unsigned int i = 0; i < 4; i++)
		w[100 + i] = (uint16_t)(d->sectors >> 16 * i);
}

/* Words 63 and 88: modes offered, and the one that is set. */
static void identify_modes(const struct vide_drive *d, uint16_t *w)
{
	uint8_t mode = d->s->mode;

	w[63] = (uint16_t)(0x0007 | ((mode & 0xf8) == 0x20 ? 0x100u << (mode & 7) : 0));
	w[88] = (uint16_t)(0x003f | ((mode & 0xf8) == 0x40 ? 0x100u << (mode & 7) : 0));
	w[64] = 0x0003; /* PIO 3 and 4 */
	w[65] = w[66] = w[67] = w[68] = 120; /* cycle times, ns */
	w[53] = 0x0007;			     /* words 54-58, 64-70 and 88 mean something */
}

static void finish_identify(struct vide_drive *d, uint16_t *w)
{
	struct vide_drive_state *s = d->s;
	uint8_t sum = 0xa5;

	memcpy(s->buffer, w, 512);
	for (unsigned int i = 0; i < 510; i++)
		sum = (uint8_t)(sum + s->buffer[i]);
	s->buffer[510] = 0xa5;
	s->buffer[511] = (uint8_t)(0 - sum);
	s->at = 0;
	s->end = 512;
	s->left = 0;
	s->limit = 512;
	vide_send(d, false);
}

/* "IDENTIFY DEVICE"; the serial number is the drive's place and the file's name. */
static void identify(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint16_t w[256] = { 0 };
	char serial[21];

	w[0] = 0x0040; /* fixed, ATA */
	w[2] = 0xc837; /* complete without SET FEATURES to spin up */
	text_format(serial, sizeof(serial), "%u%u-%s", d->channel, d->unit, vdisk_name(d->disk));
	vata_text(w + 10, 10, serial);
	w[20] = 3;
	w[21] = 512;
	w[22] = 4;
	vata_text(w + 23, 4, "1.0");
	vata_text(w + 27, 20, "VM/64 VIRTUAL DISK");
	w[47] = 0x8000 | MULTIPLE_MOST;
	w[48] = 1;	/* 32-bit accesses to the data port */
	w[49] = 0x0f00; /* IORDY, LBA, DMA */
	w[50] = 0x4000;
	w[51] = w[52] = 0x0200;
	w[59] = s->multiple != 0 ? (uint16_t)(0x100 | s->multiple) : 0;
	identify_size(d, w);
	identify_modes(d, w);
	w[80] = 0x00f0; /* ATA-4 to 7 */
	w[81] = 0x001a; /* ATA/ATAPI-7 T13 1532D revision 1 */
	w[82] = 0x4028; /* NOP, write cache, power management */
	w[83] = 0x7400; /* FLUSH CACHE (EXT), 48-bit addresses */
	w[84] = w[87] = 0x4000;
	w[85] = (uint16_t)(0x4008 | (s->write_cache ? 0x20 : 0));
	w[86] = 0x3400;
	w[93] = d->unit == 0 ? 0x600b : 0x6b00; /* reset result: 80-conductor cable */
	finish_identify(d, w);
}

/* "SET FEATURES", subcommand in the features register. */
static bool set_features(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint8_t value = s->reg[REG_COUNT][0];

	switch (s->reg[REG_FEATURES][0]) {
	case 0x02:
	case 0x82:
		s->write_cache = s->reg[REG_FEATURES][0] == 0x02;
		return true;
	case 0x03: /* PIO default, PIO 0-4, multiword DMA 0-2, Ultra DMA 0-5 */
		if (value > 1 && !((value & 0xf8) == 0x08 && (value & 7) <= 4) &&
		    !((value & 0xf8) == 0x20 && (value & 7) <= 2) && !((value & 0xf8) == 0x40 && (value & 7) <= 5))
			return false;
		if (value & 0x60)
			s->mode = value;
		return true;
	case 0x55: /* read look-ahead off, on; power-on defaults kept or not at a reset */
	case 0xaa:
	case 0x66:
	case 0xcc:
		return true;
	}
	return false;
}

bool vata_common(struct vide_drive *d, uint8_t command)
{
	switch (command) {
	case 0xef:
		if (set_features(d))
			vide_done(d);
		else
			vide_fail(d, ERROR_ABRT);
		return true;
	case 0x98: /* CHECK POWER MODE: active */
	case 0xe5:
		vide_done(d);
		d->s->reg[REG_COUNT][0] = 0xff;
		return true;
	case 0x94: /* STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE, SLEEP: nothing turns here */
	case 0x95:
	case 0x96:
	case 0x97:
	case 0x99:
	case 0xe0:
	case 0xe1:
	case 0xe2:
	case 0xe3:
	case 0xe6:
		vide_done(d);
		return true;
	}
	return false;
}

static bool set_multiple(struct vide_drive *d)
{
	uint8_t n = d->s->reg[REG_COUNT][0];

	if (n > MULTIPLE_MOST || (n & (n - 1)) != 0)
		return false;
	d->s->multiple = n;
	return true;
}

static bool set_geometry(struct vide_drive *d)
{
	if (d->s->reg[REG_COUNT][0] == 0)
		return false;
	d->s->sectors = d->s->reg[REG_COUNT][0];
	d->s->heads = (uint8_t)((d->s->device & 15) + 1);
	return true;
}

static bool seek(struct vide_drive *d)
{
	uint64_t lba;

	return take_lba(d, false, &lba) && lba < d->sectors;
}

static void show_last(struct vide_drive *d, bool ext)
{
	uint64_t end = ext ? LBA48_END : LBA28_END, n = d->sectors < end ? d->sectors : end;

	d->s->address = ext ? ADDRESS_LBA48 : ADDRESS_LBA28;
	vata_show_lba(d, n - 1);
	vide_done(d);
}

static void done_if(struct vide_drive *d, bool good, uint8_t error)
{
	if (good)
		vide_done(d);
	else
		vide_fail(d, error);
}

void vata_command(struct vide_drive *d, uint8_t command)
{
	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (moves[i].command == command) {
			move_sectors(d, &moves[i]);
			return;
		}
	if (vata_common(d, command))
		return;
	switch (command) {
	case 0xec:
		identify(d);
		return;
	case 0x91: /* INITIALIZE DEVICE PARAMETERS */
		done_if(d, set_geometry(d), ERROR_ABRT);
		return;
	case 0xc6: /* SET MULTIPLE MODE */
		done_if(d, set_multiple(d), ERROR_ABRT);
		return;
	case 0xe7: /* FLUSH CACHE, FLUSH CACHE EXT: what is written is on the disk */
	case 0xea:
		vide_done(d);
		return;
	case 0xf8: /* READ NATIVE MAX ADDRESS (EXT) */
	case 0x27:
		show_last(d, command == 0x27);
		return;
	}
	if ((command & 0xf0) == 0x10) /* RECALIBRATE */
		vide_done(d);
	else if ((command & 0xf0) == 0x70) /* SEEK */
		done_if(d, seek(d), ERROR_IDNF);
	else /* NOP, which always does; DEVICE RESET and PACKET, which are a CD's; SMART and security, which are not offered */
		vide_fail(d, ERROR_ABRT);
}
