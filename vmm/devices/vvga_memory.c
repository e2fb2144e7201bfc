/* The aperture at A0000h: the four planes behind the graphics controller, or a bank of a VBE mode. */
/* Part: devices/; a part of vvga.c: what a byte read or written there does, and a string of them. */
#include "vmm/devices/vvga_parts.h"

#include "lib/string.h"

#define BANKS		(VVGA_VRAM / VGA_BANK)
#define PLANE_BANKS	(BANKS / 4)

static uint32_t linear_at(const struct vvga *v, uint32_t offset)
{
	return (uint32_t)(v->s.dispi[DISPI_BANK] % BANKS) * VGA_BANK + offset;
}

/*
 * The part of the aperture that the memory map of graphics register 6 opens; false = not decoded. Bit 1 of 3C2h, which
 * closes an IBM VGA's memory to the processor, does nothing in Bochs' and QEMU's: GRUB as a ROM lives by that.
 */
static bool decode(const struct vvga *v, uint32_t offset, uint32_t *within)
{
	static const struct { uint32_t first, size; } maps[4] = {
		{ 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 },
	};
	unsigned int map = v->s.gc[GC_MISC] >> 2 & 3;

	if (offset < maps[map].first || offset - maps[map].first >= maps[map].size)
		return false;
	*within = offset - maps[map].first;
	return true;
}

/*
 * What the registers make of the planes, with all four as bytes of one word: plane p is byte p. Nothing that an access to
 * the aperture does changes any of it.
 */
struct planes {
	uint8_t *vram;
	uint32_t bank;		/* above the address; of a planar VBE mode */
	bool chain4, chain2, sequential, compare, odd_even;
	uint8_t write_mode, function, rotate, read_map;
	uint32_t map;		/* planes that are written */
	uint32_t set, set_on;	/* set/reset, and where it counts */
	uint32_t bits;		/* the bit mask */
	uint32_t colour, care;	/* of read mode 1 */
};

#define EACH_PLANE 0x01010101u

/* A bit for each plane to a byte for each. */
static inline uint32_t spread(unsigned int bits)
{
	return ((bits & 1) | (bits & 2) << 7 | (bits & 4) << 14 | (bits & 8) << 21) * 0xffu;
}

static struct planes look(const struct vvga *v)
{
	const struct vvga_state *s = &v->s;
	const uint8_t *gc = s->gc;
	struct planes p = {
		.vram = v->vram,
		.chain4 = s->seq[SEQ_MEMORY] & MEMORY_CHAIN4,
		.chain2 = gc[GC_MISC] & GC_MISC_CHAIN,
		.sequential = s->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL,
		.compare = gc[GC_MODE] & GC_MODE_COMPARE,
		.odd_even = gc[GC_MODE] & GC_MODE_ODD_EVEN,
		.write_mode = gc[GC_MODE] & GC_MODE_WRITE,
		.function = gc[GC_ROTATE] >> 3 & 3,
		.rotate = gc[GC_ROTATE] & 7,
		.read_map = gc[GC_READ_MAP] & 3,
		.map = spread(s->seq[SEQ_MAP_MASK]),
		.set = spread(gc[GC_SET_RESET]),
		.set_on = spread(gc[GC_SET_RESET_ON]),
		.bits = gc[GC_BIT_MASK] * EACH_PLANE,
		.colour = spread(gc[GC_COMPARE]),
		.care = spread(gc[GC_CARE]),
	};

	if (s->dispi[DISPI_ENABLE] & DISPI_ENABLED)
		p.bank = (uint32_t)(s->dispi[DISPI_BANK] % PLANE_BANKS) << 16;
	return p;
}

/* The address that all planes get. */
static inline uint32_t plane_address(const struct planes *p, uint32_t within)
{
	uint32_t a = within & 0xffff;

	if (p->chain4)
		a &= ~3u;
	else if (p->chain2)
		a = (a & ~1u) | within >> 16;	/* bit 16 is there only when the map is the whole aperture */
	return a | p->bank;
}

/* Two planes lie side by side: vvga_at(). */
static inline uint32_t load_planes(const struct planes *p, uint32_t a)
{
	uint16_t low, high;

	__builtin_memcpy(&low, p->vram + vvga_at(0, a), 2);
	__builtin_memcpy(&high, p->vram + vvga_at(2, a), 2);
	return low | (uint32_t)high << 16;
}

static inline void store_planes(const struct planes *p, uint32_t a, uint32_t data, uint32_t map)
{
	uint16_t low, high;

	data = map == UINT32_MAX ? data : (load_planes(p, a) & ~map) | (data & map);
	low = (uint16_t)data;
	high = (uint16_t)(data >> 16);
	__builtin_memcpy(p->vram + vvga_at(0, a), &low, 2);
	__builtin_memcpy(p->vram + vvga_at(2, a), &high, 2);
}

/* Read mode 1: a one for each pixel whose colour is that of the compare register, in the planes that count. */
static inline uint8_t compare(const struct planes *p, uint32_t latch)
{
	uint32_t differs = (latch ^ p->colour) & p->care;

	differs |= differs >> 16;
	return (uint8_t)~(differs | differs >> 8);
}

static inline uint8_t read_planes(const struct planes *p, uint32_t *latch, uint32_t within)
{
	*latch = load_planes(p, plane_address(p, within));
	if (p->chain4)
		return (uint8_t)(*latch >> 8 * (within & 3));
	if (p->compare)
		return compare(p, *latch);
	if (p->odd_even)
		return (uint8_t)(*latch >> 8 * ((p->read_map & 2u) | (within & 1)));
	return (uint8_t)(*latch >> 8 * p->read_map);
}

/* The four functions of the graphics controller, and its bit mask. */
static inline uint32_t combine(const struct planes *p, uint32_t latch, uint32_t data, uint32_t mask)
{
	switch (p->function) {
	case 1:
		data &= latch;
		break;
	case 2:
		data |= latch;
		break;
	case 3:
		data ^= latch;
		break;
	default:
		break;
	}
	return (data & mask) | (latch & ~mask);
}

/* What a byte that is written says to each plane: a colour for all their bits in write mode 2, else the same to all. */
static inline uint32_t said(const struct planes *p, uint8_t value)
{
	if (p->write_mode == 2)
		return spread(value);
	return (uint8_t)(value >> p->rotate | value << (8 - p->rotate)) * EACH_PLANE;
}

/* What the planes get. Each bit depends on that bit of `saying` alone. */
static inline uint32_t plane_data(const struct planes *p, uint32_t latch, uint32_t saying)
{
	switch (p->write_mode) {
	case 0:
		return combine(p, latch, (saying & ~p->set_on) | (p->set & p->set_on), p->bits);
	case 1:
		return latch;
	case 2:
		return combine(p, latch, saying, p->bits);
	default:
		return combine(p, latch, p->set, p->bits & saying);
	}
}

static inline void put_planes(const struct planes *p, uint32_t within, uint32_t data)
{
	uint32_t map = p->map;

	if (p->chain4)
		map &= 0xffu << 8 * (within & 3);
	else if (!p->sequential)
		map &= within & 1 ? 0xff00ff00u : 0x00ff00ffu;
	store_planes(p, plane_address(p, within), data, map);
}

static uint32_t get_latch(const struct vvga *v)
{
	uint32_t latch;

	__builtin_memcpy(&latch, v->s.latch, sizeof(latch));
	return latch;
}

uint8_t vvga_memory_read(struct vvga *v, uint32_t offset)
{
	uint32_t within, latch;
	struct planes p;
	uint8_t value;

	if (vvga_linear(&v->s))
		return offset < VGA_BANK ? v->vram[linear_at(v, offset)] : 0xff;
	if (!decode(v, offset, &within))
		return 0xff;
	p = look(v);
	value = read_planes(&p, &latch, within);
	__builtin_memcpy(v->s.latch, &latch, sizeof(latch));
	return value;
}

void vvga_memory_write(struct vvga *v, uint32_t offset, uint8_t value)
{
	uint32_t within;
	struct planes p;

	if (vvga_linear(&v->s)) {
		if (offset < VGA_BANK)
			v->vram[linear_at(v, offset)] = value;
		return;
	}
	if (!decode(v, offset, &within))
		return;
	p = look(v);
	put_planes(&p, within, plane_data(&p, get_latch(v), said(&p, value)));
}

/* Both ends of a run in the planes, and so all between? */
static bool decode_run(const struct vvga *v, uint32_t offset, uint32_t bytes, uint32_t *within)
{
	uint32_t last;

	return !vvga_linear(&v->s) && decode(v, offset, within) && decode(v, offset + bytes - 1, &last);
}

/* Every second byte of a pair of planes from address `a` on: they are one run. */
static void fill_pair(const struct planes *p, unsigned int plane, uint32_t a, uint32_t count, uint16_t data, uint16_t map)
{
	uint8_t *at = p->vram + vvga_at(plane, a);
	const uint64_t four = 0x0001000100010001u, set = (data & map) * four, keep = (uint16_t)~map * four;
	uint64_t old;
	uint16_t one;

	if (map == 0)
		return;
	for (; count >= 4; count -= 4, at += 8) {
		__builtin_memcpy(&old, at, 8);
		old = (old & keep) | set;
		__builtin_memcpy(at, &old, 8);
	}
	for (; count != 0; count--, at += 2) {
		__builtin_memcpy(&one, at, 2);
		one = (uint16_t)((one & keep) | (uint16_t)set);
		__builtin_memcpy(at, &one, 2);
	}
}

/* The same byte to a run of addresses, each of which is every plane's: what is stored is the same everywhere. */
static void fill_planes(const struct planes *p, uint32_t latch, uint32_t within, uint32_t bytes, uint8_t value)
{
	uint32_t data = plane_data(p, latch, said(p, value)), a = plane_address(p, within);

	for (unsigned int odd = 0; odd < 2; odd++) {
		uint32_t first = (a & 1) == odd ? a : a + 1, count = (bytes + ((a & 1) == odd)) / 2;

		fill_pair(p, 0, first, count, (uint16_t)data, (uint16_t)p->map);
		fill_pair(p, 2, first, count, (uint16_t)(data >> 16), (uint16_t)(p->map >> 16));
	}
}

static bool all_same(const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

/* Bytes at once: what is due meanwhile waits some thousand instructions. */
#define RUN_BYTES 256u
#define FILL_BYTES 1024u

/* The loops work on a copy of what the registers make, which no store into the planes can be thought to change. */
static void write_bytes(const struct planes *registers, uint32_t latch, uint32_t within, const struct io_block *b)
{
	const struct planes p = *registers;
	const uint32_t base = plane_data(&p, latch, 0), changes = plane_data(&p, latch, UINT32_MAX) ^ base;
	const uint8_t *data = b->data;

	for (uint32_t i = 0, at = 0; i < b->count * b->size; i++) {
		put_planes(&p, within + i, (said(&p, data[at++]) & changes) ^ base);
		if (b->fill && at == b->size)
			at = 0;
	}
}

static uint32_t read_bytes(const struct planes *registers, uint32_t latch, uint32_t within, uint8_t *to, uint32_t n)
{
	const struct planes p = *registers;

	for (uint32_t i = 0; i < n; i++)
		to[i] = read_planes(&p, &latch, within + i);
	return latch;
}

static uint32_t copy_elements(const struct planes *registers, uint32_t latch, uint32_t to, uint32_t from, uint8_t size,
			      uint32_t n)
{
	const struct planes p = *registers;
	uint8_t element[8];

	for (uint32_t i = 0; i < n; i += size) {
		for (uint32_t j = 0; j < size; j++)
			element[j] = read_planes(&p, &latch, from + i + j);
		for (uint32_t j = 0; j < size; j++)
			put_planes(&p, to + i + j, plane_data(&p, latch, said(&p, element[j])));
	}
	return latch;
}

/* Bytes in write mode 1, as scrolling does it: what goes from address to address is the latches. */
static uint32_t copy_latches(const struct planes *registers, uint32_t latch, uint32_t to, uint32_t from, uint32_t n)
{
	const struct planes p = *registers;

	for (uint32_t i = 0; i < n; i++) {
		latch = load_planes(&p, plane_address(&p, from + i));
		put_planes(&p, to + i, latch);
	}
	return latch;
}

/* The part of a block that is done at once. */
static uint32_t part_of(uint32_t count, uint32_t size, uint32_t bytes)
{
	return count < bytes / size ? count : bytes / size;
}

static bool fills(const struct planes *p, uint32_t within, const struct io_block *b)
{
	return b->fill && p->sequential && !p->chain4 && !p->chain2 && all_same(b->data, b->size) &&
	       (within & 0xffff) + b->count * b->size <= VGA_BANK;
}

uint32_t vvga_memory_block(struct vvga *v, uint32_t offset, const struct io_block *block)
{
	uint32_t within, latch = get_latch(v);
	struct io_block b = *block;
	struct planes p;

	b.count = part_of(b.count, b.size, b.fill ? FILL_BYTES : RUN_BYTES);
	if (!decode_run(v, offset, b.count * b.size, &within))
		return 0;
	p = look(v);
	if (!b.write) {
		latch = read_bytes(&p, latch, within, b.data, b.count * b.size);
		__builtin_memcpy(v->s.latch, &latch, sizeof(latch));
	} else if (fills(&p, within, &b)) {
		fill_planes(&p, latch, within, b.count * b.size, *(const uint8_t *)b.data);
	} else {
		b.count = part_of(b.count, b.size, RUN_BYTES);
		write_bytes(&p, latch, within, &b);
	}
	return b.count;
}

uint32_t vvga_memory_copy(struct vvga *v, uint32_t to, uint32_t from, uint8_t size, uint32_t count)
{
	uint32_t latch, target, source;
	struct planes p;

	count = part_of(count, size, RUN_BYTES);
	if (!decode_run(v, to, count * size, &target) || !decode_run(v, from, count * size, &source))
		return 0;
	p = look(v);
	latch = get_latch(v);
	latch = size == 1 && p.write_mode == 1 ? copy_latches(&p, latch, target, source, count)
					       : copy_elements(&p, latch, target, source, size, count * size);
	__builtin_memcpy(v->s.latch, &latch, sizeof(latch));
	return count;
}
