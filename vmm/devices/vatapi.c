/* The virtual CD drive: ATAPI's packet commands over an ISO 9660 image. */
/* Part: devices/; MMC-5 and SFF-8020i's command set; data move by vide_pio.c and vide_dma.c. */
#include "vmm/devices/vide_drive.h"

#include "lib/bytes.h"
#include "lib/printf.h"
#include "lib/string.h"

#define PACKET 12u

/* Sense: key, additional code, qualifier (SPC-3, "Sense data"). */
#define SENSE(key, code, qualifier) ((uint32_t)(key) << 16 | (code) << 8 | (qualifier))
#define NOT_READY_NO_MEDIUM SENSE(2, 0x3a, 0)
#define ILLEGAL_OPCODE	    SENSE(5, 0x20, 0)
#define ILLEGAL_ADDRESS	    SENSE(5, 0x21, 0)
#define ILLEGAL_FIELD	    SENSE(5, 0x24, 0)
#define ILLEGAL_SAVING	    SENSE(5, 0x39, 0)
#define ILLEGAL_LOCKED	    SENSE(5, 0x53, 2)
#define ATTENTION_MEDIUM    SENSE(6, 0x28, 0)

#define LEAD_OUT 0xaau
#define CD_MOST	 (80u * 60 * 75)	/* sectors; more is a DVD */

enum { PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };
enum { EVENT_NONE, EVENT_EJECT, EVENT_NEW, EVENT_REMOVED };	/* media class */

void vatapi_reset(struct vide_drive *d)
{
	d->s->media_event = d->disk != NULL ? EVENT_NEW : EVENT_NONE;
}

/* CHECK CONDITION: the key in the error register, the rest for REQUEST SENSE. */
static void refuse(struct vide_drive *d, uint32_t sense)
{
	d->s->sense[0] = (uint8_t)(sense >> 16);
	d->s->sense[1] = (uint8_t)(sense >> 8);
	d->s->sense[2] = (uint8_t)sense;
	vide_fail(d, (uint8_t)(d->s->sense[0] << 4 | (d->s->sense[0] == 5 ? ERROR_ABRT : 0)));
	d->s->reg[REG_COUNT][0] = REASON_COMMAND | REASON_IN;
}

static void good(struct vide_drive *d)
{
	memset(d->s->sense, 0, sizeof(d->s->sense));
	vide_done(d);
}

/* Sends `n` bytes of the buffer, or as many as the host has allocated. */
static void reply(struct vide_drive *d, uint32_t n, uint32_t allocated)
{
	struct vide_drive_state *s = d->s;

	s->at = 0;
	s->end = n < allocated ? n : allocated;
	s->left = 0;
	vide_send(d, s->packet_dma);
}

static bool has_medium(struct vide_drive *d)
{
	if (!d->s->ejected)
		return true;
	refuse(d, NOT_READY_NO_MEDIUM);
	return false;
}

static void test_unit_ready(struct vide_drive *d, const uint8_t *p)
{
	(void)p;
	if (has_medium(d))
		good(d);
}

static void request_sense(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer;

	memset(b, 0, 18);
	b[0] = 0x70;
	b[2] = d->s->sense[0];
	b[7] = 10;
	b[12] = d->s->sense[1];
	b[13] = d->s->sense[2];
	memset(d->s->sense, 0, sizeof(d->s->sense));
	reply(d, 18, p[4]);
}

static void inquiry(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer;

	if ((p[1] & 1) || p[2] != 0) {	/* no vital product data */
		refuse(d, ILLEGAL_FIELD);
		return;
	}
	memset(b, 0, 36);
	b[0] = 5;	/* CD or DVD */
	b[1] = 0x80;	/* removable */
	b[3] = 0x21;	/* ATAPI, format 1 */
	b[4] = 31;
	memcpy(b + 8, "VM/64   VIRTUAL CD      1.0 ", 28);
	reply(d, 36, get_be16(p + 3));
}

static void read_capacity(struct vide_drive *d, const uint8_t *p)
{
	(void)p;
	if (!has_medium(d))
		return;
	put_be32(d->s->buffer, (uint32_t)d->sectors - 1);
	put_be32(d->s->buffer + 4, VDISK_CD_SECTOR);
	reply(d, 8, 8);
}

static void read_sectors(struct vide_drive *d, uint32_t lba, uint32_t count)
{
	struct vide_drive_state *s = d->s;

	if (!has_medium(d))
		return;
	if (lba > d->sectors || count > d->sectors - lba) {
		refuse(d, ILLEGAL_ADDRESS);
		return;
	}
	memset(s->sense, 0, sizeof(s->sense));
	s->lba = lba;
	s->left = count;
	s->at = s->end = 0;
	vide_send(d, s->packet_dma);
}

static void read_10(struct vide_drive *d, const uint8_t *p)
{
	read_sectors(d, get_be32(p + 2), get_be16(p + 7));
}

static void read_12(struct vide_drive *d, const uint8_t *p)
{
	read_sectors(d, get_be32(p + 2), get_be32(p + 6));
}

/* Only the user data of a sector are there, and only data sectors. */
static void read_cd(struct vide_drive *d, const uint8_t *p)
{
	uint32_t type = p[1] >> 2 & 7, count = get_be16(p + 7) | (uint32_t)p[6] << 16;

	if ((type != 0 && type != 2 && type != 4) || (p[9] != 0 && p[9] != 0x10) || (p[10] & 7) != 0)
		refuse(d, ILLEGAL_FIELD);
	else
		read_sectors(d, get_be32(p + 2), p[9] == 0 ? 0 : count);
}

static void seek(struct vide_drive *d, const uint8_t *p)
{
	if (!has_medium(d))
		return;
	if (get_be32(p + 2) >= d->sectors)
		refuse(d, ILLEGAL_ADDRESS);
	else
		good(d);
}

/* An address as LBA or as minute, second, frame; the first two seconds are the lead-in. */
static void put_address(uint8_t *at, uint32_t lba, bool msf)
{
	if (!msf) {
		put_be32(at, lba);
		return;
	}
	lba += 150;
	at[0] = 0;
	at[1] = (uint8_t)(lba / 75 / 60);
	at[2] = (uint8_t)(lba / 75 % 60);
	at[3] = (uint8_t)(lba % 75);
}

static uint8_t *toc_track(uint8_t *at, uint8_t track, uint32_t lba, bool msf)
{
	memset(at, 0, 8);
	at[1] = 0x14;	/* a data track */
	at[2] = track;
	put_address(at + 4, lba, msf);
	return at + 8;
}

/* Format 2: the entries as they stand in the lead-in's Q channel. */
static uint8_t *toc_raw(uint8_t *at, uint8_t point, const uint8_t *address)
{
	memset(at, 0, 11);
	at[0] = 1;	/* session */
	at[1] = 0x14;
	at[3] = point;
	memcpy(at + 8, address, 3);
	return at + 11;
}

static uint8_t *toc_full(struct vide_drive *d, uint8_t *at, bool msf)
{
	uint8_t address[4];

	at = toc_raw(at, 0xa0, (const uint8_t[]){ 1, 0, 0 });	/* first track */
	at = toc_raw(at, 0xa1, (const uint8_t[]){ 1, 0, 0 });	/* last track */
	put_address(address, (uint32_t)d->sectors, msf);
	at = toc_raw(at, 0xa2, address + 1);
	put_address(address, 0, msf);
	return toc_raw(at, 1, address + 1);
}

/* READ TOC/PMA/ATIP: one session with one data track. The format was once in the last byte. */
static void read_toc(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer, *at = b + 4;
	unsigned int format = (p[2] & 15) != 0 ? p[2] & 15 : p[9] >> 6;
	bool msf = p[1] & 2;

	if (!has_medium(d))
		return;
	b[2] = b[3] = 1;	/* first and last track or session */
	if (format == 0 && (p[6] <= 1 || p[6] == LEAD_OUT)) {
		if (p[6] <= 1)
			at = toc_track(at, 1, 0, msf);
		at = toc_track(at, LEAD_OUT, (uint32_t)d->sectors, msf);
	} else if (format == 1) {
		at = toc_track(at, 1, 0, msf);
	} else if (format == 2) {
		at = toc_full(d, at, msf);
	} else {
		refuse(d, ILLEGAL_FIELD);
		return;
	}
	put_be16(b, (uint32_t)(at - b) - 2);
	reply(d, (uint32_t)(at - b), get_be16(p + 7));
}

/* Page 2Ah, "CD/DVD Capabilities and Mechanical Status". */
static uint8_t *page_capabilities(const struct vide_drive *d, uint8_t *at)
{
	memset(at, 0, 22);
	at[0] = 0x2a;
	at[1] = 20;
	at[2] = 0x03;	/* reads CD-R and CD-RW */
	at[4] = 0x70;	/* multisession, mode 2 forms 1 and 2 */
	at[5] = 0;
	at[6] = (uint8_t)(0x29 | (d->s->locked ? 2 : 0));	/* tray, ejects, locks */
	put_be16(at + 8, 706);	/* KB/s: 4x */
	put_be16(at + 12, 512);
	put_be16(at + 14, 706);
	return at + 22;
}

static uint8_t *page_recovery(uint8_t *at)
{
	memset(at, 0, 8);
	at[0] = 0x01;
	at[1] = 6;
	at[3] = 5;	/* retries */
	return at + 8;
}

static void mode_sense(struct vide_drive *d, const uint8_t *p, unsigned int header, uint32_t allocated)
{
	uint8_t *b = d->s->buffer, *at = b + header;
	unsigned int page = p[2] & 0x3f, control = p[2] >> 6;

	if (control == 3 || (page != 0x01 && page != 0x2a && page != 0x3f)) {
		refuse(d, control == 3 ? ILLEGAL_SAVING : ILLEGAL_FIELD);
		return;
	}
	memset(b, 0, header);
	if (page != 0x2a)
		at = page_recovery(at);
	if (page != 0x01)
		at = page_capabilities(d, at);
	if (control == 1)	/* what could be changed: nothing */
		for (uint8_t *each = b + header; each < at; each += each[1] + 2)
			memset(each + 2, 0, each[1]);
	if (header == 8)
		put_be16(b, (uint32_t)(at - b) - 2);
	else
		b[0] = (uint8_t)(at - b - 1);
	b[header == 8 ? 2 : 1] = d->s->ejected ? 0x70 : 0x01;	/* medium: none, 120 mm data */
	reply(d, (uint32_t)(at - b), allocated);
}

static void mode_sense_6(struct vide_drive *d, const uint8_t *p)
{
	mode_sense(d, p, 4, p[4]);
}

static void mode_sense_10(struct vide_drive *d, const uint8_t *p)
{
	mode_sense(d, p, 8, get_be16(p + 7));
}

static void prevent_allow(struct vide_drive *d, const uint8_t *p)
{
	d->s->locked = p[4] & 1;
	good(d);
}

/* LoEj moves the tray. The disc is still in it when it comes in again. */
static void start_stop(struct vide_drive *d, const uint8_t *p)
{
	struct vide_drive_state *s = d->s;
	bool eject = (p[4] & 3) == 2, load = (p[4] & 3) == 3;

	if (eject && s->locked) {
		refuse(d, s->ejected ? NOT_READY_NO_MEDIUM : ILLEGAL_LOCKED);
		return;
	}
	if (eject && !s->ejected) {
		s->ejected = 1;
		s->media_event = EVENT_REMOVED;
	} else if (load && s->ejected) {
		s->ejected = 0;
		s->media_event = EVENT_NEW;
		s->attention = 1;
	}
	good(d);
}

static uint8_t *feature(uint8_t *at, uint32_t code, uint8_t flags, uint8_t length)
{
	memset(at, 0, 4u + length);
	put_be16(at, code);
	at[2] = flags;	/* version, persistent, current */
	at[3] = length;
	return at + 4;
}

struct feature_row {
	uint16_t code;
	uint8_t flags, length;
	uint8_t data[8];
};

/* Features and their data (MMC-5, "Features and Profiles"); current ones that need a disc lose that bit without it. */
static const struct feature_row features[] = {
	{ 0x0000, 0x03, 8, { 0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0 } },	/* profile list */
	{ 0x0001, 0x0b, 8, { 0, 0, 0, 2, 1, 0, 0, 0 } },			/* core: ATAPI */
	{ 0x0003, 0x03, 4, { 0x29, 0, 0, 0 } },					/* removable medium: tray */
	{ 0x0010, 0x01, 8, { 0, 0, VDISK_CD_SECTOR >> 8, 0, 0, 1, 0, 0 } },	/* random readable */
	{ 0x001e, 0x09, 4, { 0 } },						/* CD read */
	{ 0x001f, 0x00, 4, { 0 } },						/* DVD read */
	{ 0x0100, 0x03, 0, { 0 } },						/* power management */
	{ 0x0105, 0x03, 4, { 0 } },						/* time-out */
};

static uint32_t profile(const struct vide_drive *d)
{
	if (d->s->ejected)
		return 0;
	return d->sectors > CD_MOST ? PROFILE_DVD : PROFILE_CD;
}

static uint8_t *put_feature(const struct vide_drive *d, uint8_t *at, const struct feature_row *f)
{
	uint8_t flags = f->flags, *data = feature(at, f->code, flags, f->length);
	uint32_t now = profile(d);

	memcpy(data, f->data, f->length);
	if (f->code == 0x0000) {
		data[2] = now == PROFILE_DVD;
		data[6] = now == PROFILE_CD;
	} else if (f->code == 0x001f) {
		flags |= now == PROFILE_DVD;
	} else if (f->code == 0x001e && now != PROFILE_CD) {
		flags &= 0xfe;
	} else if (f->code == 0x0010 && now == 0) {
		flags &= 0xfe;
	}
	at[2] = flags;
	return data + f->length;
}

static void get_configuration(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer, *at = b + 8;
	unsigned int which = p[1] & 3;
	uint32_t from = get_be16(p + 2);

	if (which == 3) {
		refuse(d, ILLEGAL_FIELD);
		return;
	}
	memset(b, 0, 8);
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		uint8_t *next;

		if (which == 2 ? features[i].code != from : features[i].code < from)
			continue;
		next = put_feature(d, at, &features[i]);
		if (which != 1 || (at[2] & 1))	/* 1: only the current ones */
			at = next;
	}
	put_be32(b, (uint32_t)(at - b) - 4);
	put_be16(b + 6, profile(d));
	reply(d, (uint32_t)(at - b), get_be16(p + 7));
}

/* Polled only; the one class that has events here is the medium's. */
static void get_event_status(struct vide_drive *d, const uint8_t *p)
{
	struct vide_drive_state *s = d->s;
	uint8_t *b = s->buffer;

	if (!(p[1] & 1)) {
		refuse(d, ILLEGAL_FIELD);
		return;
	}
	memset(b, 0, 8);
	b[3] = 1u << 4;	/* classes supported */
	if (!(p[4] & 1u << 4)) {
		b[1] = 2;
		b[2] = 0x80;	/* no event available */
		reply(d, 4, get_be16(p + 7));
		return;
	}
	b[1] = 6;
	b[2] = 4;
	b[4] = s->media_event;
	b[5] = s->ejected ? 1 : 2;	/* tray open; medium present */
	s->media_event = EVENT_NONE;
	reply(d, 8, get_be16(p + 7));
}

static void mechanism_status(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer;

	memset(b, 0, 8);
	b[1] = d->s->ejected ? 0x10 : 0;	/* door open */
	reply(d, 8, get_be16(p + 8));
}

/* A closed disc of one complete session, not erasable. */
static void read_disc_information(struct vide_drive *d, const uint8_t *p)
{
	uint8_t *b = d->s->buffer;

	if (!has_medium(d))
		return;
	if ((p[1] & 7) != 0) {
		refuse(d, ILLEGAL_FIELD);
		return;
	}
	memset(b, 0, 34);
	put_be16(b, 32);
	b[2] = 0x0e;
	b[3] = b[4] = b[5] = b[6] = 1;
	b[7] = 0x20;	/* unrestricted use */
	put_be32(b + 16, UINT32_MAX);
	put_be32(b + 20, UINT32_MAX);
	reply(d, 34, get_be16(p + 7));
}

static void set_speed(struct vide_drive *d, const uint8_t *p)
{
	(void)p;
	good(d);
}

static const struct {
	uint8_t opcode;
	bool always;	/* answers even while a unit attention waits */
	void (*run)(struct vide_drive *d, const uint8_t *p);
} commands[] = {
	{ 0x00, false, test_unit_ready },  { 0x03, true, request_sense },    { 0x12, true, inquiry },
	{ 0x1a, false, mode_sense_6 },	   { 0x1b, false, start_stop },	     { 0x1e, false, prevent_allow },
	{ 0x25, false, read_capacity },	   { 0x28, false, read_10 },	     { 0x2b, false, seek },
	{ 0x43, false, read_toc },	   { 0x46, true, get_configuration }, { 0x4a, true, get_event_status },
	{ 0x51, false, read_disc_information }, { 0x5a, false, mode_sense_10 }, { 0xa8, false, read_12 },
	{ 0xbb, false, set_speed },	   { 0xbd, false, mechanism_status }, { 0xbe, false, read_cd },
};

void vatapi_packet(struct vide_drive *d)
{
	uint8_t p[PACKET];

	memcpy(p, d->s->buffer, sizeof(p));
	vide_stop(d);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].opcode == p[0]) {
			/* Told once: the disc may be another one. */
			if (d->s->attention && !commands[i].always) {
				d->s->attention = 0;
				refuse(d, ATTENTION_MEDIUM);
				return;
			}
			commands[i].run(d, p);
			return;
		}
	refuse(d, ILLEGAL_OPCODE);
}

/* "PACKET": the twelve bytes come by the data port, without an interrupt. */
static void begin_packet(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint32_t limit = s->reg[REG_LBA_MID][0] | (uint32_t)s->reg[REG_LBA_HIGH][0] << 8;

	/* Even, and not more than the 16 bits can say; 0 is what some write who use DMA. */
	limit = limit == 0 || limit == 0xffff ? 0xfffe : limit & ~1u;
	s->limit = limit == 0 ? 2 : limit;
	s->packet_dma = s->reg[REG_FEATURES][0] & 1;
	s->packet = 1;
	s->transfer = VIDE_PACKET;
	s->at = 0;
	s->end = PACKET;
	s->reg[REG_COUNT][0] = REASON_COMMAND;
	s->status = STATUS_IDLE | STATUS_DRQ;
}

static void identify_packet(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;
	uint16_t w[256] = { 0 };
	uint8_t mode = s->mode;
	char serial[21];

	w[0] = 0x85c0;	/* CD, removable, DRQ within 50 us, packets of 12 bytes */
	text_format(serial, sizeof(serial), "%u%u-%s", d->channel, d->unit, vdisk_name(d->disk));
	vata_text(w + 10, 10, serial);
	vata_text(w + 23, 4, "1.0");
	vata_text(w + 27, 20, "VM/64 VIRTUAL CD");
	w[48] = 1;
	w[49] = 0x0f00;	/* IORDY, LBA, DMA */
	w[53] = 0x0006;
	w[63] = (uint16_t)(0x0007 | ((mode & 0xf8) == 0x20 ? 0x100u << (mode & 7) : 0));
	w[64] = 0x0003;
	w[65] = w[66] = w[67] = w[68] = 120;
	w[80] = 0x00f0;	/* ATA/ATAPI-4 to 7 */
	w[81] = 0x001a;
	w[82] = w[85] = 0x4210;	/* NOP, DEVICE RESET, PACKET */
	w[83] = w[84] = w[87] = 0x4000;
	w[88] = (uint16_t)(0x003f | ((mode & 0xf8) == 0x40 ? 0x100u << (mode & 7) : 0));
	w[93] = d->unit == 0 ? 0x600b : 0x6b00;
	memcpy(s->buffer, w, sizeof(w));
	s->limit = 512;
	s->packet_dma = 0;
	reply(d, 512, 512);
}

void vatapi_command(struct vide_drive *d, uint8_t command)
{
	switch (command) {
	case 0x08:	/* DEVICE RESET: without an interrupt */
		vide_signature(d);
		d->s->error = 1;
		d->s->status = 0;
		return;
	case 0xa0:
		begin_packet(d);
		return;
	case 0xa1:
		identify_packet(d);
		return;
	case 0xec:	/* IDENTIFY DEVICE and READ SECTORS: refused so that a driver sees what this is */
	case 0x20:
		vide_signature(d);
		vide_fail(d, ERROR_ABRT);
		return;
	}
	if (!vata_common(d, command))
		vide_fail(d, ERROR_ABRT);
}
