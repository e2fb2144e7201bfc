/* The virtual high-precision event timer, after the IA-PC HPET specification 1.0a. */
/* Part: devices/; a function of the TSC: nothing counts in the background. */
#include "vmm/devices/vhpet.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VHPET_KIND 0x31545048u

/* Offsets; each register has 64 bits. */
#define REG_CAPABILITIES 0x000u
#define REG_CONFIG 0x010u
#define REG_STATUS 0x020u
#define REG_COUNTER 0x0f0u
#define REG_TIMERS 0x100u	/* 20h bytes each: configuration, comparator, (message route: not offered) */

/* Period in femtoseconds, Intel, legacy replacement, 64 bits, three timers, revision 1. */
#define CAPABILITIES (1000000000000000ull / VHPET_HZ << 32 | 0x80860000u | 0xa001u | (VHPET_TIMERS - 1) << 8)

#define CONFIG_RUN 0x1u
#define CONFIG_LEGACY 0x2u

#define TIMER_LEVEL 0x2u
#define TIMER_ENABLE 0x4u
#define TIMER_PERIODIC 0x8u
#define TIMER_CAN 0x30u		/* periodic, 64 bits */
#define TIMER_SET_VALUE 0x40u
#define TIMER_32BIT 0x100u
#define TIMER_ROUTE 0x3e00u
#define TIMER_WRITABLE 0x3f4eu

#define LINE_LEGACY 24u
#define LEAST_HZ 1000000u
#define LOOKS_A_SECOND 20000u
#define TICK_FAR (1ull << 56)	/* no deadline is that far away: 22 years */

static bool runs(const struct vhpet *h)
{
	return h->s.config & CONFIG_RUN;
}

static bool legacy(const struct vhpet *h)
{
	return (h->s.config & (CONFIG_RUN | CONFIG_LEGACY)) == (CONFIG_RUN | CONFIG_LEGACY);
}

/* Ticks since the epoch. */
static uint64_t tick_at(const struct vhpet *h, uint64_t now)
{
	return runs(h) && now > h->epoch ? muldiv64(now - h->epoch, VHPET_HZ, h->hz) : 0;
}

/* The first TSC value at which tick_at() answers at least tick. */
static uint64_t time_of(const struct vhpet *h, uint64_t tick)
{
	return tick < TICK_FAR ? h->epoch + muldiv64_up(tick, h->hz, VHPET_HZ) : TIME_NEVER;
}

static uint64_t width(const struct vhpet_timer *t)
{
	return t->config & TIMER_32BIT ? UINT32_MAX : UINT64_MAX;
}

static bool is_periodic(const struct vhpet_timer *t)
{
	return (t->config & TIMER_PERIODIC) && t->period != 0;
}

static uint64_t later(uint64_t tick, uint64_t ticks)
{
	uint64_t sum;

	return __builtin_add_overflow(tick, ticks, &sum) ? TIME_NEVER : sum;
}

/* Where a timer's interrupt goes, as a bit of `lines`; 0 = nowhere. */
static uint32_t line_of(const struct vhpet *h, unsigned int n)
{
	uint32_t pin = h->s.timer[n].config >> 9 & 31;

	if (n < 2 && legacy(h))
		return 1u << (LINE_LEGACY + n);
	return VHPET_ROUTES & 1u << pin;
}

static void drive(struct vhpet *h, unsigned int line, bool asserted)
{
	if (line >= LINE_LEGACY)
		machine_irq_legacy(h->dev.vm, (line - LINE_LEGACY) * 8, asserted);
	else
		machine_gsi(h->dev.vm, line, asserted);
}

/* Brings the lines in step with the status of the timers that are set to levels. */
static void update_lines(struct vhpet *h)
{
	uint32_t lines = 0, changed;

	for (unsigned int n = 0; n < VHPET_TIMERS; n++)
		if ((h->s.status >> n & 1) && (h->s.timer[n].config & TIMER_ENABLE) &&
		    (h->s.timer[n].config & TIMER_LEVEL))
			lines |= line_of(h, n);
	changed = lines ^ h->lines;
	h->lines = lines;
	for (unsigned int line = 0; changed >> line != 0; line++)
		if (changed >> line & 1)
			drive(h, line, lines >> line & 1);
}

static void fire(struct vhpet *h, unsigned int n)
{
	struct vhpet_timer *t = &h->s.timer[n];
	uint32_t line = line_of(h, n);

	if (t->config & TIMER_LEVEL) {
		h->s.status |= (uint8_t)(1u << n);
	} else if ((t->config & TIMER_ENABLE) && line != 0 && !(h->lines & line)) {
		drive(h, (unsigned int)__builtin_ctz(line), true);
		drive(h, (unsigned int)__builtin_ctz(line), false);
	}
}

/* One interrupt for whatever fell due, and the next match behind `now`. */
static void sync(struct vhpet *h, uint64_t now)
{
	uint64_t tick = tick_at(h, now);

	for (unsigned int n = 0; n < VHPET_TIMERS; n++) {
		struct vhpet_timer *t = &h->s.timer[n];
		uint64_t advance;

		if (tick < t->next)
			continue;
		if (is_periodic(t)) {
			advance = ((tick - t->next) / t->period + 1) * t->period;
			t->comparator = (t->comparator + advance) & width(t);
			t->next = later(t->next, advance);
		} else {
			/* The same value comes again when 32 bits have gone round. */
			advance = (((tick - t->next) >> 32) + 1) << 32;
			t->next = t->config & TIMER_32BIT ? later(t->next, advance) : TIME_NEVER;
		}
		h->not_before = now + h->spacing;
		fire(h, n);
	}
	update_lines(h);
}

static void update_deadline(struct vhpet *h)
{
	uint64_t deadline = TIME_NEVER;

	for (unsigned int n = 0; n < VHPET_TIMERS; n++) {
		const struct vhpet_timer *t = &h->s.timer[n];
		uint64_t time;

		/* While the line is up, or without an interrupt, it is early enough to look when the guest looks. */
		if (!(t->config & TIMER_ENABLE) || ((t->config & TIMER_LEVEL) && (h->s.status >> n & 1)))
			continue;
		time = time_of(h, t->next);
		if (is_periodic(t) && time < h->not_before)
			time = h->not_before;
		if (time < deadline)
			deadline = time;
	}
	if (deadline != h->deadline) {
		h->deadline = deadline;
		machine_deadline_changed(h->dev.vm);
	}
}

/*
 * Works out when a timer matches. `late`: a comparator that lies a little in the past matches at once, where the
 * hardware would wait until the counter has gone round: a virtual processor may have been stopped between its reading
 * of the counter and this write.
 */
static void plan(struct vhpet *h, unsigned int n, uint64_t tick, bool late)
{
	struct vhpet_timer *t = &h->s.timer[n];
	uint64_t ahead = (t->comparator - (h->s.counter + tick)) & width(t), behind;

	if (late && ahead > width(t) / 2) {
		behind = (0 - ahead) & width(t);
		ahead = 0;
		if (is_periodic(t) && runs(h)) {	/* now, and then where its steps lead it */
			ahead = t->period - behind % t->period;
			t->comparator = (t->comparator + behind + ahead) & width(t);
			fire(h, n);
		}
	}
	t->next = runs(h) ? later(tick, ahead) : TIME_NEVER;
}

/* The counter starts, stops or is set: everything is planned anew from here. */
static void restart(struct vhpet *h, uint64_t counter, uint64_t now)
{
	h->s.counter = counter;
	h->epoch = now;
	for (unsigned int n = 0; n < VHPET_TIMERS; n++)
		plan(h, n, 0, false);
}

static void config_write(struct vhpet *h, uint64_t value, uint64_t now)
{
	uint64_t counter = h->s.counter + tick_at(h, now);
	bool was_legacy = legacy(h), ran = runs(h);

	h->s.config = value & (CONFIG_RUN | CONFIG_LEGACY);
	if (ran != runs(h))
		restart(h, counter, now);
	if (legacy(h) == was_legacy)
		return;
	if (was_legacy)
		update_lines(h);	/* lets go of the legacy lines while they still are its own */
	machine_legacy_replacement(h->dev.vm, legacy(h));
}

static void timer_config_write(struct vhpet *h, unsigned int n, uint64_t value, uint64_t tick)
{
	struct vhpet_timer *t = &h->s.timer[n];
	uint32_t config = (uint32_t)value & TIMER_WRITABLE, changed;

	/* A route that is not offered does not stick; that is how a guest finds out. */
	if (!(VHPET_ROUTES >> (config >> 9 & 31) & 1))
		config = (config & ~TIMER_ROUTE) | (t->config & TIMER_ROUTE);
	if (!(config & TIMER_PERIODIC))
		config &= ~TIMER_SET_VALUE;
	changed = config ^ t->config;
	t->config = config;
	t->comparator &= width(t);
	t->period &= width(t);
	if (changed & TIMER_LEVEL)
		h->s.status &= (uint8_t)~(1u << n);
	if (changed & TIMER_32BIT)
		plan(h, n, tick, false);
}

/* Periodic: with VAL_SET the value is the next match and the period, without it the period alone. */
static void comparator_write(struct vhpet *h, unsigned int n, uint64_t value, uint64_t tick, bool whole)
{
	struct vhpet_timer *t = &h->s.timer[n];

	value &= width(t);
	if (t->config & TIMER_PERIODIC)
		t->period = value;
	if (!(t->config & TIMER_PERIODIC) || (t->config & TIMER_SET_VALUE)) {
		t->comparator = value;
		plan(h, n, tick, whole || (t->config & TIMER_32BIT));
	}
	t->config &= ~TIMER_SET_VALUE;
}

static uint64_t read_register(const struct vhpet *h, uint32_t offset, uint64_t now)
{
	unsigned int n = (offset - REG_TIMERS) / 0x20;

	switch (offset) {
	case REG_CAPABILITIES:
		return CAPABILITIES;
	case REG_CONFIG:
		return h->s.config;
	case REG_STATUS:
		return h->s.status;
	case REG_COUNTER:
		return h->s.counter + tick_at(h, now);
	}
	if (offset < REG_TIMERS || n >= VHPET_TIMERS)
		return 0;
	switch (offset & 0x1f) {
	case 0x00:
		return (uint64_t)VHPET_ROUTES << 32 | TIMER_CAN | h->s.timer[n].config;
	case 0x08:
		return h->s.timer[n].comparator;
	default:
		return 0;
	}
}

static void write_register(struct vhpet *h, uint32_t offset, uint64_t value, uint64_t now, bool whole)
{
	unsigned int n = (offset - REG_TIMERS) / 0x20;

	switch (offset) {
	case REG_CONFIG:
		config_write(h, value, now);
		return;
	case REG_STATUS:
		h->s.status &= (uint8_t)~value;
		return;
	case REG_COUNTER:
		restart(h, value, now);
		return;
	}
	if (offset < REG_TIMERS || n >= VHPET_TIMERS)
		return;
	if ((offset & 0x1f) == 0x00)
		timer_config_write(h, n, value, tick_at(h, now));
	else if ((offset & 0x1f) == 0x08)
		comparator_write(h, n, value, tick_at(h, now), whole);
}

static void vhpet_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vhpet *h = (struct vhpet *)d;
	uint64_t now = machine_now(h->dev.vm), value;
	uint32_t offset = (uint32_t)a->addr & 0x3f8, shift = (uint32_t)(a->addr & 7) * 8;

	(void)region;
	/* The counter is read often, and matches do not change it. */
	if (!a->write && offset == REG_COUNTER) {
		a->value = read_register(h, offset, now) >> shift;
		return;
	}
	sync(h, now);
	if (!a->write) {
		a->value = read_register(h, offset, now) >> shift;
	} else if (a->size == 8 && shift == 0) {
		write_register(h, offset, a->value, now, true);
	} else if (a->size == 4 && (shift & 31) == 0) {
		value = offset == REG_STATUS ? 0 : read_register(h, offset, now);
		value = (value & ~(0xffffffffull << shift)) | (uint32_t)a->value * (1ull << shift);
		write_register(h, offset, value, now, false);
	}
	sync(h, now);
	update_deadline(h);
}

static uint64_t vhpet_deadline(const struct vdev *d)
{
	return ((const struct vhpet *)d)->deadline;
}

static void vhpet_service(struct vdev *d, uint64_t now)
{
	struct vhpet *h = (struct vhpet *)d;

	sync(h, now);
	update_deadline(h);
}

static void vhpet_reset(struct vdev *d)
{
	struct vhpet *h = (struct vhpet *)d;
	bool was_legacy = legacy(h);

	h->s.status = 0;
	update_lines(h);
	memset(&h->s, 0, sizeof(h->s));
	for (unsigned int n = 0; n < VHPET_TIMERS; n++) {
		h->s.timer[n].comparator = UINT64_MAX;
		h->s.timer[n].next = TIME_NEVER;
	}
	h->not_before = 0;
	if (was_legacy)
		machine_legacy_replacement(h->dev.vm, false);
	update_deadline(h);
}

static void vhpet_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vhpet *h = (const struct vhpet *)d;
	const struct vhpet_timer *t = h->s.timer;

	text_format(text, room, "counter=%llx config=%x status=%x t0=%x/%llx+%llx t1=%x/%llx t2=%x/%llx",
		    (unsigned long long)(h->s.counter + tick_at(h, machine_now(h->dev.vm))), h->s.config, h->s.status,
		    t[0].config, (unsigned long long)t[0].comparator, (unsigned long long)t[0].period, t[1].config,
		    (unsigned long long)t[1].comparator, t[2].config, (unsigned long long)t[2].comparator);
}

/* Saved with the present as the epoch; the counter goes on from there when it is put back. */
static size_t vhpet_save(const struct vdev *d, void *to, size_t room)
{
	const struct vhpet *h = (const struct vhpet *)d;
	uint64_t tick = tick_at(h, machine_now(h->dev.vm));
	struct vhpet_state s = h->s;

	s.counter += tick;
	for (unsigned int n = 0; n < VHPET_TIMERS; n++)
		if (s.timer[n].next != TIME_NEVER)
			s.timer[n].next -= s.timer[n].next < tick ? s.timer[n].next : tick;
	return state_save(VHPET_KIND, &s, sizeof(s), to, room);
}

static bool vhpet_restore(struct vdev *d, const void *from, size_t size)
{
	struct vhpet *h = (struct vhpet *)d;
	struct vhpet_state s;
	bool was_legacy = legacy(h);

	if (!state_load(VHPET_KIND, &s, sizeof(s), from, size) || s.config & ~(CONFIG_RUN | CONFIG_LEGACY) ||
	    s.status >> VHPET_TIMERS != 0)
		return false;
	for (unsigned int n = 0; n < VHPET_TIMERS; n++) {
		const struct vhpet_timer *t = &s.timer[n];

		if ((t->config & ~TIMER_WRITABLE) || (t->comparator | t->period) & ~width(t) ||
		    (!(s.config & CONFIG_RUN) && t->next != TIME_NEVER))
			return false;
	}
	h->s.status = 0;
	update_lines(h);
	h->s = s;
	h->epoch = machine_now(h->dev.vm);
	h->not_before = 0;
	if (legacy(h) != was_legacy)
		machine_legacy_replacement(h->dev.vm, legacy(h));
	update_lines(h);
	update_deadline(h);
	return true;
}

static const struct vdev_ops vhpet_ops = {
	.name = "HPET",
	.reset = vhpet_reset,
	.access = vhpet_access,
	.deadline = vhpet_deadline,
	.service = vhpet_service,
	.dump = vhpet_dump,
	.save = vhpet_save,
	.restore = vhpet_restore,
};

void vhpet_init(struct vhpet *h, struct vm *vm)
{
	memset(h, 0, sizeof(*h));
	h->dev.ops = &vhpet_ops;
	h->dev.vm = vm;
	h->hz = machine_tsc_hz(vm);
	/* Nothing is that slow; this keeps tick_at()'s quotients within 64 bits for years. */
	if (h->hz < LEAST_HZ)
		h->hz = LEAST_HZ;
	h->spacing = h->hz / LOOKS_A_SECOND;
	h->deadline = TIME_NEVER;
	vhpet_reset(&h->dev);
}

int vhpet_claim(struct vhpet *h, struct bus *bus)
{
	return bus_claim(bus, BUS_MMIO, VHPET_BASE, VHPET_BASE + 0x3ff, &h->dev, 0, false);
}
