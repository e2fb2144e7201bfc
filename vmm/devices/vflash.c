/* The virtual flash: one writable bank of NOR flash with Intel's command set, which ends where the IPL says. */
/* Part: devices/; reads go to storage directly while it is an array, everything else traps to here. */
#include "vmm/devices/vflash.h"

#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/devices/state.h"

#define VFLASH_KIND 0x32534c46u

/* The bank is a chip one byte wide; "JEDEC Common Flash Interface" and Intel's basic and extended command sets. */
enum mode {
	MODE_ARRAY,
	MODE_STATUS,
	MODE_ID,
	MODE_QUERY,
	MODE_PROGRAM,		/* the next write is the byte */
	MODE_ERASE,		/* the next write confirms */
	MODE_LOCK,		/* the next write says lock or unlock: accepted, there are no locks */
	MODE_BUFFER_COUNT,	/* the next write is the count less one */
	MODE_BUFFER_DATA,
	MODE_BUFFER_CONFIRM,
	MODES
};

enum command {
	PROGRAM_OLD = 0x10, ERASE = 0x20, PROGRAM = 0x40, CLEAR_STATUS = 0x50, LOCK = 0x60, READ_STATUS = 0x70,
	READ_ID = 0x90, QUERY = 0x98, CONFIRM = 0xd0, BUFFER = 0xe8, READ_ARRAY = 0xff,
};

#define STATUS_READY	  0x80u
#define STATUS_ERASE_BAD  0x20u
#define STATUS_PROGRAM_BAD 0x10u

#define RIGHT_READ    1u
#define RIGHT_EXECUTE 4u

static const uint8_t identity[] = { 0x89, 0x18 };	/* Intel */

/* From the query address 10h on; size and sectors are filled in by query(). */
static const uint8_t query_table[] = {
	'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00, 0x00,	/* 10h: command set 1, extended table at 31h */
	0x45, 0x55, 0x00, 0x00,						/* 1Bh: voltages */
	0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00,			/* 1Fh: times, powers of two */
	0x00, 0x00, 0x00, 0x06, 0x00,					/* 27h: size; x8; buffer of 2^6 bytes */
	0x01, 0x00, 0x00, 0x00, 0x00,					/* 2Ch: one region of equal sectors */
	'P', 'R', 'I', '1', '0', 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,	/* 31h */
};
#define QUERY_FIRST   0x10u
#define QUERY_SIZE    0x27u
#define QUERY_SECTORS 0x2du

static void show(struct vflash *f)
{
	uint32_t rights = f->size != 0 && f->s.mode == MODE_ARRAY ? RIGHT_READ | RIGHT_EXECUTE : 0;

	if (f->storage && f->size != 0)
		machine_map(f->dev.vm, ROW_FLASH, f->base, f->storage, f->size, rights);
}

static void set_mode(struct vflash *f, enum mode mode)
{
	bool was_array = f->s.mode == MODE_ARRAY;

	f->s.mode = (uint8_t)mode;
	if (was_array != (mode == MODE_ARRAY))
		show(f);
}

static uint8_t query(const struct vflash *f, uint64_t at)
{
	uint64_t sectors = f->size / VFLASH_SECTOR - 1;
	uint8_t power = 0;

	at &= 0xff;
	if (at < QUERY_FIRST || at - QUERY_FIRST >= sizeof(query_table))
		return 0;
	while (power < 32 && 1ull << power < f->size)
		power++;
	switch (at) {
	case QUERY_SIZE:
		return power;
	case QUERY_SECTORS:
		return (uint8_t)sectors;
	case QUERY_SECTORS + 1:
		return (uint8_t)(sectors >> 8);
	case QUERY_SECTORS + 2:
		return (uint8_t)VFLASH_SECTOR;
	case QUERY_SECTORS + 3:
		return (uint8_t)(VFLASH_SECTOR >> 8);
	default:
		return query_table[at - QUERY_FIRST];
	}
}

static uint8_t read_byte(const struct vflash *f, uint64_t at)
{
	switch (f->s.mode) {
	case MODE_ARRAY:
		return f->storage[at];
	case MODE_ID:
		return (at & 0xff) < sizeof(identity) ? identity[at & 0xff] : 0;
	case MODE_QUERY:
		return query(f, at);
	default:
		return f->s.status;
	}
}

/* Programming can only clear bits; an erase sets them again. */
static void program(struct vflash *f, uint64_t at, uint8_t byte)
{
	f->storage[at] &= byte;
}

static void command(struct vflash *f, uint64_t at, uint8_t byte)
{
	switch (byte) {
	case PROGRAM:
	case PROGRAM_OLD:
		set_mode(f, MODE_PROGRAM);
		break;
	case ERASE:
		set_mode(f, MODE_ERASE);
		break;
	case LOCK:
		set_mode(f, MODE_LOCK);
		break;
	case CLEAR_STATUS:
		/* To the array, and the ready bit goes too: OVMF tells flash from storage by status 0 after this. */
		f->s.status = 0;
		set_mode(f, MODE_ARRAY);
		break;
	case READ_STATUS:
		set_mode(f, MODE_STATUS);
		break;
	case READ_ID:
		set_mode(f, MODE_ID);
		break;
	case QUERY:
		set_mode(f, MODE_QUERY);
		break;
	case BUFFER:
		f->s.status |= STATUS_READY;	/* the buffer is free */
		set_mode(f, MODE_BUFFER_COUNT);
		break;
	default:
		set_mode(f, MODE_ARRAY);
		break;
	}
	f->s.first = at;
}

static void erase(struct vflash *f, uint8_t byte)
{
	if (byte == CONFIRM)
		memset(f->storage + align_down(f->s.first, VFLASH_SECTOR), 0xff, VFLASH_SECTOR);
	else
		f->s.status |= STATUS_ERASE_BAD | STATUS_PROGRAM_BAD;	/* "command sequence error" */
	f->s.status |= STATUS_READY;
	set_mode(f, byte == READ_ARRAY ? MODE_ARRAY : MODE_STATUS);
}

static void buffer_count(struct vflash *f, uint8_t byte)
{
	if (byte >= VFLASH_BUFFER) {
		f->s.status |= STATUS_READY | STATUS_ERASE_BAD | STATUS_PROGRAM_BAD;
		set_mode(f, MODE_STATUS);
		return;
	}
	f->s.count = f->s.expected = (uint8_t)(byte + 1);
	memset(f->s.filled, 0, sizeof(f->s.filled));
	set_mode(f, MODE_BUFFER_DATA);
}

/* The bytes lie in one aligned buffer's width from the first on; one that does not is an error at the end. */
static void buffer_data(struct vflash *f, uint64_t at, uint8_t byte)
{
	if (f->s.expected == f->s.count)
		f->s.first = at;
	if (at >= f->s.first && at - f->s.first < VFLASH_BUFFER) {
		f->s.buffer[at - f->s.first] = byte;
		f->s.filled[at - f->s.first] = 1;
	} else {
		f->s.status |= STATUS_PROGRAM_BAD;
	}
	if (--f->s.expected == 0)
		set_mode(f, MODE_BUFFER_CONFIRM);
}

static void buffer_confirm(struct vflash *f, uint8_t byte)
{
	if (byte == CONFIRM && !(f->s.status & STATUS_PROGRAM_BAD)) {
		for (uint64_t i = 0; i < VFLASH_BUFFER && f->s.first + i < f->size; i++)
			if (f->s.filled[i])
				program(f, f->s.first + i, f->s.buffer[i]);
	} else {
		f->s.status |= STATUS_ERASE_BAD | STATUS_PROGRAM_BAD;
	}
	f->s.status |= STATUS_READY;
	set_mode(f, MODE_STATUS);
}

static void write_byte(struct vflash *f, uint64_t at, uint8_t byte)
{
	switch (f->s.mode) {
	case MODE_PROGRAM:
		program(f, at, byte);
		f->s.status |= STATUS_READY;
		set_mode(f, MODE_STATUS);
		break;
	case MODE_ERASE:
		erase(f, byte);
		break;
	case MODE_LOCK:
		f->s.status |= STATUS_READY;
		set_mode(f, byte == READ_ARRAY ? MODE_ARRAY : MODE_STATUS);
		break;
	case MODE_BUFFER_COUNT:
		buffer_count(f, byte);
		break;
	case MODE_BUFFER_DATA:
		buffer_data(f, at, byte);
		break;
	case MODE_BUFFER_CONFIRM:
		buffer_confirm(f, byte);
		break;
	default:
		command(f, at, byte);
		break;
	}
}

/* A wider access is one of as many bytes, lowest address first: the chip is a byte wide. */
static void vflash_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vflash *f = (struct vflash *)d;
	uint64_t at = a->addr - f->base, value = 0;

	(void)region;
	if (f->size == 0 || at >= f->size || a->size - 1u > 7)
		return;
	for (unsigned int i = 0; i < a->size && at + i < f->size; i++) {
		if (a->write)
			write_byte(f, at + i, (uint8_t)(a->value >> 8 * i));
		else
			value |= (uint64_t)read_byte(f, at + i) << 8 * i;
	}
	if (!a->write)
		a->value = value;
}

/* Contents stay: that is what flash is for. */
static void vflash_reset(struct vdev *d)
{
	struct vflash *f = (struct vflash *)d;

	f->s = (struct vflash_state){ .mode = MODE_ARRAY, .status = STATUS_READY };
	show(f);
}

static void vflash_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vflash *f = (const struct vflash *)d;

	if (f->size == 0)
		text_format(text, room, "none");
	else
		text_format(text, room, "at %lx, %lu KiB, mode=%u status=%02x", f->base, f->size >> 10, f->s.mode,
			    f->s.status);
}

/* The contents follow the registers. */
static size_t vflash_save(const struct vdev *d, void *to, size_t room)
{
	const struct vflash *f = (const struct vflash *)d;
	size_t need = sizeof(struct state_header) + sizeof(f->s) + f->size;
	struct state_header header = { VFLASH_KIND, (uint32_t)(need - sizeof(header)) };
	uint8_t *at = to;

	if (!at || room < need)
		return need;
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), &f->s, sizeof(f->s));
	if (f->size != 0)
		memcpy(at + sizeof(header) + sizeof(f->s), f->storage, f->size);
	return need;
}

static bool is_good(const struct vflash *f, const struct vflash_state *s)
{
	bool buffered = s->mode == MODE_BUFFER_DATA || s->mode == MODE_BUFFER_CONFIRM;

	for (size_t i = 0; i < sizeof(s->reserved); i++)
		if (s->reserved[i] != 0)
			return false;
	if (s->mode >= MODES || s->count > VFLASH_BUFFER || s->expected > s->count)
		return false;
	if (buffered && (s->count == 0 || (s->expected == 0) != (s->mode == MODE_BUFFER_CONFIRM)))
		return false;
	return f->size == 0 ? s->mode == MODE_ARRAY : s->first < f->size;
}

static bool vflash_restore(struct vdev *d, const void *from, size_t size)
{
	struct vflash *f = (struct vflash *)d;
	const uint8_t *at = from;
	struct state_header header;
	struct vflash_state s;

	if (!at || size != sizeof(header) + sizeof(s) + f->size)
		return false;
	memcpy(&header, at, sizeof(header));
	memcpy(&s, at + sizeof(header), sizeof(s));
	if (header.kind != VFLASH_KIND || header.size != size - sizeof(header) || !is_good(f, &s))
		return false;
	f->s = s;
	if (f->size != 0)
		memcpy(f->storage, at + sizeof(header) + sizeof(s), f->size);
	show(f);
	return true;
}

static const struct vdev_ops vflash_ops = {
	.name = "FLASH",
	.reset = vflash_reset,
	.access = vflash_access,
	.dump = vflash_dump,
	.save = vflash_save,
	.restore = vflash_restore,
};

void vflash_init(struct vflash *f, struct vm *vm, struct bus *bus)
{
	memset(f, 0, sizeof(*f));
	f->dev.ops = &vflash_ops;
	f->dev.vm = vm;
	f->bus = bus;
	f->s.status = STATUS_READY;
}

static bool make_room(struct vflash *f, uint64_t size)
{
	uint8_t *storage;

	if (size <= f->room)
		return true;
	/* What CP gave before cannot be given back before logoff; a bank grows at most as often as there are files. */
	storage = machine_storage(f->dev.vm, size);
	if (!storage)
		return false;
	f->storage = storage;
	f->room = size;
	return true;
}

void vflash_remove(struct vflash *f)
{
	if (f->size == 0)
		return;
	bus_release(f->bus, BUS_MMIO, &f->dev, 0);
	machine_map(f->dev.vm, ROW_FLASH, 0, f->storage, 0, 0);
	f->base = 0;
	f->size = 0;
	vflash_reset(&f->dev);
}

int vflash_insert(struct vflash *f, uint64_t base, const void *contents, uint64_t size, bool fresh)
{
	int e;

	if (size == 0 || size > VFLASH_MOST || (size | base) & (VFLASH_SECTOR - 1) || base > UINT64_MAX - size)
		return -EINVAL;
	if (base == f->base && size == f->size && !fresh) {
		vflash_reset(&f->dev);
		return 0;
	}
	vflash_remove(f);
	if (!make_room(f, size))
		return -ENOMEM;
	e = bus_claim(f->bus, BUS_MMIO, base, base + size - 1, &f->dev, 0, false);
	if (e != 0)
		return e;
	memcpy(f->storage, contents, size);
	f->base = base;
	f->size = size;
	vflash_reset(&f->dev);
	return 0;
}
