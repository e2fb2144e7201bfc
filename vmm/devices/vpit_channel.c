/* One counter of an 8254, as a function of the clock. */
/* Part: devices/; pure arithmetic for vpit.c. Modes and numbers as in Intel's 8254 data sheet. */
#include "vmm/devices/vpit_channel.h"

#include "lib/string.h"

#define ACCESS_LOW  1u
#define ACCESS_HIGH 2u
#define ACCESS_BOTH 3u

#define BCD_RANGE 10000u
#define BINARY_RANGE 65536u
/*
 * Four decimal digits of at most 15: what a guest can write in BCD mode although it makes no
 * sense.
 */
#define BCD_HIGHEST 16665u

#define STATUS_OUT  0x80u
#define STATUS_NULL 0x40u

static uint16_t to_bcd(uint32_t v)
{
	return (uint16_t)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}

static uint32_t from_bcd(uint16_t v)
{
	return (v >> 12) * 1000u + (v >> 8 & 15) * 100u + (v >> 4 & 15) * 10u + (v & 15u);
}

/* The value of a count register; 0 is the largest count. */
static uint32_t decode(const struct vpit_channel *c, uint16_t raw)
{
	if (!raw)
		return c->bcd ? BCD_RANGE : BINARY_RANGE;
	return c->bcd ? from_bcd(raw) : raw;
}

static uint16_t encode(const struct vpit_channel *c, uint32_t value)
{
	return c->bcd ? to_bcd(value % BCD_RANGE) : (uint16_t)value;
}

/* Mode 3: OUT is high for the greater half of an odd count. */
static uint32_t high_half(uint32_t count)
{
	return (count + 1) / 2;
}

/* What the counting element shows. */
static uint16_t element(const struct vpit_channel *c, uint64_t t)
{
	uint64_t elapsed;
	uint32_t at, half;

	if (c->phase != VPIT_RUN || t < c->start)
		return c->held;
	elapsed = t - c->start;
	switch (c->mode) {
	case 2:
		return encode(c, c->count - (uint32_t)(elapsed % c->count));
	case 3:	/* counts twice through the even part of the count, by twos */
		at = (uint32_t)(elapsed % c->count);
		half = high_half(c->count);
		return encode(c, (c->count & ~1u) - 2 * (at < half ? at : at - half));
	default:	/* goes on below zero */
		if (!c->bcd)
			return (uint16_t)(c->count - elapsed);
		return encode(c, c->count + BCD_RANGE - (uint32_t)(elapsed % BCD_RANGE));
	}
}

bool vpit_channel_out(const struct vpit_channel *c, uint64_t t)
{
	uint64_t elapsed = c->phase == VPIT_PAUSED ? c->paused : t - c->start;

	if (c->phase == VPIT_IDLE)
		return c->mode != 0;
	if (c->phase == VPIT_ARMED)
		return true;
	if (c->phase == VPIT_RUN && t < c->start)
		return c->out_before;
	switch (c->mode) {
	case 0:
	case 1:
		return elapsed >= c->count;
	case 2:
		return c->phase == VPIT_PAUSED || elapsed % c->count != c->count - 1;
	case 3:
		return c->phase == VPIT_PAUSED || elapsed % c->count < high_half(c->count);
	default:
		return elapsed != c->count;
	}
}

/* From the next clock pulse on, the element counts down from what the guest wrote last. */
static void load(struct vpit_channel *c, uint64_t t, bool out_before)
{
	c->held = element(c, t);
	c->out_before = out_before;
	c->count = c->reload;
	c->start = t + 1;
	c->swap = TIME_NEVER;
	c->fresh = 0;
	c->phase = VPIT_RUN;
}

static void pause(struct vpit_channel *c, uint64_t t)
{
	if (c->phase == VPIT_RUN && t < c->start) {
		/* The load still happens, the gate stops only the counting. */
		c->held = encode(c, c->mode == 3 ? c->count & ~1u : c->count);
		c->paused = 0;
	} else {
		c->held = element(c, t);
		c->paused = t - c->start;
	}
	c->phase = VPIT_PAUSED;
	c->swap = TIME_NEVER;
}

/* Modes 2 and 3 finish what they are at: the period, or in mode 3 the half of it. */
static void plan_swap(struct vpit_channel *c, uint64_t t)
{
	uint32_t at = (uint32_t)((t - c->start) % c->count);
	uint32_t half = high_half(c->count);

	c->fresh = 1;
	c->swap_in_half = c->mode == 3 && at < half && c->count > 1;
	c->swap = t - at + (c->swap_in_half ? half : c->count);
}

void vpit_channel_sync(struct vpit_channel *c, uint64_t t)
{
	if (t < c->swap)
		return;
	c->count = c->reload;
	c->start = c->swap - (c->swap_in_half ? high_half(c->count) : 0);
	c->swap = TIME_NEVER;
	c->fresh = 0;
}

uint64_t vpit_channel_first_edge(const struct vpit_channel *c)
{
	if (c->phase != VPIT_RUN)
		return TIME_NEVER;
	switch (c->mode) {
	case 0:
	case 2:
	case 3:
		return c->start + c->count;
	case 4:
		return c->start + c->count + 1;	/* the strobe is low for one pulse */
	default:
		return TIME_NEVER;	/* modes 1 and 5 need a gate, and channel 0's is tied */
	}
}

void vpit_channel_reset(struct vpit_channel *c, bool gate)
{
	memset(c, 0, sizeof(*c));
	c->access = ACCESS_BOTH;
	c->gate = gate;
	c->swap = TIME_NEVER;
	c->count = BINARY_RANGE;
	c->reload = BINARY_RANGE;
	c->fresh = 1;
}

void vpit_channel_control(struct vpit_channel *c, uint64_t t, uint8_t word)
{
	uint8_t mode = word >> 1 & 7;

	c->held = element(c, t);
	c->phase = VPIT_IDLE;
	c->swap = TIME_NEVER;
	c->alias = mode > 5 ? 4 : 0;	/* modes 6 and 7 are 2 and 3 */
	c->mode = (uint8_t)(mode & ~c->alias);
	c->access = word >> 4 & 3;
	c->bcd = word & 1;
	c->fresh = 1;
	c->write_high = 0;
	c->read_high = 0;
	c->latched = 0;
	c->status_latched = 0;
}

static void take_count(struct vpit_channel *c, uint64_t t, uint16_t raw)
{
	c->reload = decode(c, raw);
	c->fresh = 1;
	switch (c->mode) {
	case 0:
	case 4:
		load(c, t, c->mode == 4);
		if (!c->gate)
			pause(c, t);
		break;
	case 1:
	case 5:
		if (c->phase == VPIT_IDLE)
			c->phase = VPIT_ARMED;
		break;
	default:
		if (c->phase == VPIT_RUN && t >= c->start) {
			plan_swap(c, t);
		} else if (c->phase != VPIT_PAUSED) {
			load(c, t, true);
			if (!c->gate)
				pause(c, t);
		}
		break;
	}
}

bool vpit_channel_write(struct vpit_channel *c, uint64_t t, uint8_t byte)
{
	uint16_t raw;

	if (c->access == ACCESS_BOTH && !c->write_high) {
		c->low_byte = byte;
		c->write_high = 1;
		/* In mode 0 the first byte stops the count and lowers OUT. */
		if (c->mode == 0) {
			c->held = element(c, t);
			c->phase = VPIT_IDLE;
		}
		return false;
	}
	if (c->access == ACCESS_LOW)
		raw = byte;
	else
		raw = (uint16_t)(byte << 8 | (c->access == ACCESS_BOTH ? c->low_byte : 0));
	c->write_high = 0;
	take_count(c, t, raw);
	return true;
}

void vpit_channel_latch_count(struct vpit_channel *c, uint64_t t)
{
	if (c->latched)
		return;
	c->latch = element(c, t);
	c->latched = c->access == ACCESS_BOTH ? 2 : 1;
}

void vpit_channel_latch_status(struct vpit_channel *c, uint64_t t)
{
	bool null = c->fresh || (c->phase == VPIT_RUN && t < c->start);

	if (c->status_latched)
		return;
	c->status = (uint8_t)(c->access << 4 | (c->mode | c->alias) << 1 | c->bcd);
	if (vpit_channel_out(c, t))
		c->status |= STATUS_OUT;
	if (null)
		c->status |= STATUS_NULL;
	c->status_latched = 1;
}

uint8_t vpit_channel_read(struct vpit_channel *c, uint64_t t)
{
	uint16_t value;
	bool high = c->access == ACCESS_HIGH;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	value = c->latched ? c->latch : element(c, t);
	if (c->latched)
		c->latched--;
	if (c->access == ACCESS_BOTH) {
		high = c->read_high;
		c->read_high ^= 1;
	}
	return (uint8_t)(high ? value >> 8 : value);
}

void vpit_channel_set_gate(struct vpit_channel *c, uint64_t t, bool gate)
{
	bool counts_by_gate = c->mode == 1 || c->mode == 5;

	if (c->gate == gate)
		return;
	c->gate = gate;
	if (counts_by_gate) {
		if (gate && c->phase != VPIT_IDLE)
			load(c, t, vpit_channel_out(c, t));
	} else if (!gate) {
		if (c->phase == VPIT_RUN)
			pause(c, t);
	} else if (c->phase == VPIT_PAUSED) {
		if (vpit_channel_is_periodic(c)) {
			load(c, t, true);
		} else {
			/* Not before the load, if the gate fell and rose again ahead of it. */
			if (t - c->paused > c->start)
				c->start = t - c->paused;
			c->phase = VPIT_RUN;
		}
	}
}

bool vpit_channel_is_sound(const struct vpit_channel *c, uint64_t t)
{
	uint32_t highest = c->bcd ? BCD_HIGHEST : BINARY_RANGE;

	return c->mode <= 5 && (c->alias == 0 || (c->alias == 4 && vpit_channel_is_periodic(c))) && c->access >= ACCESS_LOW && c->access <= ACCESS_BOTH &&
	       c->phase <= VPIT_PAUSED && c->count >= 1 && c->reload >= 1 && c->count <= highest &&
	       c->reload <= highest && c->start <= t + 1 && c->paused <= t &&
	       (c->swap == TIME_NEVER ||
		(vpit_channel_is_periodic(c) && c->phase == VPIT_RUN && c->start <= t &&
		 c->swap <= t + BINARY_RANGE && c->swap >= BINARY_RANGE)) &&
	       (c->bcd | c->gate | c->fresh | c->swap_in_half | c->out_before | c->write_high |
		c->read_high | c->status_latched) < 2 && c->latched <= 2;
}
