/* The aperture at A0000h: the four planes behind the graphics controller, or a bank of a VBE mode. */
/* Part: devices/; a part of vvga.c: what one byte read or written there does. */
#include "vmm/devices/vvga_parts.h"

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

/* The address that all planes get. In a planar VBE mode the bank is above it. */
static uint32_t plane_address(const struct vvga *v, uint32_t within)
{
	uint32_t a = within & 0xffff;

	if (v->s.seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		a &= ~3u;
	else if (v->s.gc[GC_MISC] & GC_MISC_CHAIN)
		a = (a & ~1u) | within >> 16;	/* bit 16 is there only when the map is the whole aperture */
	if (v->s.dispi[DISPI_ENABLE] & DISPI_ENABLED)
		a |= (uint32_t)(v->s.dispi[DISPI_BANK] % PLANE_BANKS) << 16;
	return a;
}

/* Read mode 1: a one for each pixel whose colour is that of the compare register, in the planes that count. */
static uint8_t compare(const struct vvga_state *s)
{
	unsigned int differs = 0;

	for (unsigned int p = 0; p < 4; p++)
		if (s->gc[GC_CARE] >> p & 1)
			differs |= s->latch[p] ^ (s->gc[GC_COMPARE] >> p & 1 ? 0xffu : 0u);
	return (uint8_t)~differs;
}

uint8_t vvga_memory_read(struct vvga *v, uint32_t offset)
{
	struct vvga_state *s = &v->s;
	uint32_t within, a;

	if (vvga_linear(s))
		return offset < VGA_BANK ? v->vram[linear_at(v, offset)] : 0xff;
	if (!decode(v, offset, &within))
		return 0xff;
	a = plane_address(v, within);
	for (unsigned int p = 0; p < 4; p++)
		s->latch[p] = v->vram[vvga_at(p, a)];
	if (s->seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		return s->latch[within & 3];
	if (s->gc[GC_MODE] & GC_MODE_COMPARE)
		return compare(s);
	if (s->gc[GC_MODE] & GC_MODE_ODD_EVEN)
		return s->latch[(s->gc[GC_READ_MAP] & 2u) | (within & 1)];
	return s->latch[s->gc[GC_READ_MAP] & 3];
}

static uint8_t rotated(const struct vvga_state *s, uint8_t value)
{
	unsigned int by = s->gc[GC_ROTATE] & 7;

	return (uint8_t)(value >> by | value << (8 - by));
}

/* The four functions of the graphics controller, and its bit mask. */
static uint8_t combine(const struct vvga_state *s, unsigned int p, uint8_t data, uint8_t mask)
{
	uint8_t latch = s->latch[p];

	switch (s->gc[GC_ROTATE] >> 3 & 3) {
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
	return (uint8_t)((data & mask) | (latch & ~mask));
}

/* What plane p gets when the processor writes `value`. */
static uint8_t plane_data(const struct vvga_state *s, unsigned int p, uint8_t value)
{
	uint8_t mask = s->gc[GC_BIT_MASK], set = s->gc[GC_SET_RESET] >> p & 1 ? 0xff : 0;

	switch (s->gc[GC_MODE] & GC_MODE_WRITE) {
	case 0:
		return combine(s, p, s->gc[GC_SET_RESET_ON] >> p & 1 ? set : rotated(s, value), mask);
	case 1:
		return s->latch[p];
	case 2:
		return combine(s, p, value >> p & 1 ? 0xff : 0, mask);
	default:
		return combine(s, p, set, mask & rotated(s, value));
	}
}

void vvga_memory_write(struct vvga *v, uint32_t offset, uint8_t value)
{
	struct vvga_state *s = &v->s;
	unsigned int planes = s->seq[SEQ_MAP_MASK];
	uint32_t within, a;

	if (vvga_linear(s)) {
		if (offset < VGA_BANK)
			v->vram[linear_at(v, offset)] = value;
		return;
	}
	if (!decode(v, offset, &within))
		return;
	a = plane_address(v, within);
	if (s->seq[SEQ_MEMORY] & MEMORY_CHAIN4)
		planes &= 1u << (within & 3);
	else if (!(s->seq[SEQ_MEMORY] & MEMORY_SEQUENTIAL))
		planes &= within & 1 ? 0x0au : 0x05u;
	for (unsigned int p = 0; p < 4; p++)
		if (planes >> p & 1)
			v->vram[vvga_at(p, a)] = plane_data(s, p, value);
}
