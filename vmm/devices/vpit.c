/* The virtual timer: an 8254 with the system control port 61h. */
/* Part: devices/; gives a guest its ticks, in step with real time although it is often not run. */
#include "vmm/devices/vpit.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vpic.h"

#define VPIT_KIND 0x31544950u

enum { REGION_COUNTERS, REGION_PORT61 };

#define PORT_CONTROL 3u	/* offset from 40h */

#define CONTROL_READ_BACK   3u		/* in the place of the channel */
#define READ_BACK_NO_COUNT  0x20u
#define READ_BACK_NO_STATUS 0x10u

#define PORT61_GATE2	0x01u
#define PORT61_WRITABLE 0x0fu
#define PORT61_REFRESH	0x10u
#define PORT61_OUT2	0x20u
#define REFRESH_TICKS	18u	/* a PC refreshes its memory every 15 us; bit 4 turns over */

#define TICK_BASE     (1ull << 20)	/* so that no start of a period lies before tick 0 */
#define TICK_HIGHEST  (1ull << 62)
#define TICK_FAR      (1ull << 32)	/* no deadline is that far away */
#define SPACING_TICKS 16u

static uint64_t tick_at(const struct vpit *p, uint64_t now)
{
	if (now <= p->epoch)
		return p->s.tick;
	return p->s.tick + muldiv64(now - p->epoch, VPIT_HZ, p->hz);
}

/* The first TSC value at which tick_at() answers at least tick. */
static uint64_t time_of(const struct vpit *p, uint64_t tick)
{
	return p->epoch + (tick > p->s.tick ? muldiv64_up(tick - p->s.tick, p->hz, VPIT_HZ) : 0);
}

/* Counts the rising edges of channel 0 up to tick t. */
static void count_edges(struct vpit *p, uint64_t t)
{
	struct vpit_state *s = &p->s;
	const struct vpit_channel *c = &s->channel[0];
	uint64_t edges, limit;

	if (t < s->next_edge)
		return;
	if (!vpit_channel_is_periodic(c)) {
		s->next_edge = TIME_NEVER;
		s->owed = 1;
		return;
	}
	edges = 1;
	if (t - s->next_edge >= c->count)
		edges += (t - s->next_edge) / c->count;
	s->next_edge += edges * c->count;
	if (edges + s->owed == 1) {	/* the usual case needs no division */
		s->owed = 1;
		return;
	}
	limit = c->count < VPIT_HZ ? VPIT_HZ / c->count : 1;
	edges += s->owed;
	if (edges > limit) {
		s->dropped += edges - limit;
		edges = limit;
	}
	s->owed = (uint32_t)edges;
}

/* Channel 0 begins to count anew, or with another count. */
static void follow_channel0(struct vpit *p)
{
	const struct vpit_channel *c = &p->s.channel[0];
	uint32_t least = c->count / 4 > SPACING_TICKS ? c->count / 4 : SPACING_TICKS;

	p->s.next_edge = vpit_channel_first_edge(c);
	p->spacing = vpit_channel_is_periodic(c) ? muldiv64(least, p->hz, VPIT_HZ) : 0;
}

/* Brings channel 0 up to tick t, across a planned change of its count. */
static void account(struct vpit *p, uint64_t t)
{
	struct vpit_channel *c = &p->s.channel[0];

	if (t >= c->swap) {
		count_edges(p, c->swap);
		vpit_channel_sync(c, t);
		follow_channel0(p);
	}
	count_edges(p, t);
}

static void deliver(struct vpit *p, uint64_t now)
{
	if (!p->s.owed || p->s.asked || now < p->not_before)
		return;
	p->s.owed--;
	p->s.asked = 1;
	p->s.delivered++;
	p->not_before = now + p->spacing;
	/* The 8259 wants an edge, whatever its line was before. */
	machine_irq(p->dev.vm, 0, false);
	machine_irq(p->dev.vm, 0, true);
}

static uint64_t next_deadline(const struct vpit *p)
{
	const struct vpit_channel *c = &p->s.channel[0];
	uint64_t tick = p->s.next_edge < c->swap ? p->s.next_edge : c->swap;
	uint64_t time;

	/*
	 * Edges are counted when they are asked for; nothing can be delivered before the
	 * acknowledge.
	 */
	if (p->s.asked)
		return TIME_NEVER;
	if (p->s.owed)
		return p->not_before;
	if (tick == TIME_NEVER)
		return TIME_NEVER;
	time = time_of(p, tick);
	return time > p->not_before ? time : p->not_before;
}

static void update_deadline(struct vpit *p)
{
	uint64_t next = next_deadline(p);

	if (next != p->deadline) {
		p->deadline = next;
		machine_deadline_changed(p->dev.vm);
	}
}

static void catch_up(struct vpit *p, uint64_t now)
{
	account(p, tick_at(p, now));
	deliver(p, now);
	update_deadline(p);
}

void vpit_irq0_taken(struct vpit *pit, uint64_t now)
{
	if (!pit->s.asked)
		return;
	pit->s.asked = 0;
	catch_up(pit, now);
}

void vpit_free(void *who)
{
	struct vpit *p = who;

	vpit_irq0_taken(p, machine_now(p->dev.vm));
}

void vpit_attach(struct vpit *pit, struct vpic *pic)
{
	vpic_watch_timer(pic, vpit_free, pit);
}

static void control_channel(struct vpit *p, unsigned int which, uint64_t t, uint8_t word)
{
	struct vpit_channel *c = &p->s.channel[which];

	if (!(word >> 4 & 3)) {
		vpit_channel_latch_count(c, t);
		return;
	}
	vpit_channel_control(c, t, word);
	if (which == 0) {
		p->s.dropped += p->s.owed;
		p->s.owed = 0;
		p->s.next_edge = TIME_NEVER;
		if (c->mode == 0)
			machine_irq(p->dev.vm, 0, false);
	}
}

static void control_write(struct vpit *p, uint64_t t, uint8_t word)
{
	unsigned int which = word >> 6, i;

	if (which != CONTROL_READ_BACK) {
		control_channel(p, which, t, word);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (!(word >> (i + 1) & 1))
			continue;
		if (!(word & READ_BACK_NO_COUNT))
			vpit_channel_latch_count(&p->s.channel[i], t);
		if (!(word & READ_BACK_NO_STATUS))
			vpit_channel_latch_status(&p->s.channel[i], t);
	}
}

static void count_write(struct vpit *p, unsigned int which, uint64_t t, uint8_t byte)
{
	struct vpit_channel *c = &p->s.channel[which];
	bool complete = vpit_channel_write(c, t, byte);

	if (which != 0)
		return;
	/* The first of two bytes matters only in mode 0, where it stops the count. */
	if (!complete && c->mode != 0)
		return;
	/* A shot that was never seen is replaced by the new one; a periodic count goes on. */
	if (!vpit_channel_is_periodic(c))
		p->s.owed = 0;
	/* A periodic count that has begun is replaced later: account() sees to that. */
	if (c->swap == TIME_NEVER)
		follow_channel0(p);
}

static void counters_access(struct vpit *p, struct io_access *a, uint64_t now)
{
	uint64_t t = tick_at(p, now);
	unsigned int port = a->addr & 3;

	/* What fell due before this access counts as before it. */
	if (t >= p->s.next_edge || t >= p->s.channel[0].swap) {
		account(p, t);
		deliver(p, now);
		update_deadline(p);
	}
	vpit_channel_sync(&p->s.channel[1], t);
	vpit_channel_sync(&p->s.channel[2], t);
	if (!a->write) {
		a->value = 0;	/* the control register is only written */
		if (port != PORT_CONTROL)
			a->value = vpit_channel_read(&p->s.channel[port], t);
		return;
	}
	if (port == PORT_CONTROL) {
		control_write(p, t, (uint8_t)a->value);
	} else {
		count_write(p, port, t, (uint8_t)a->value);
	}
	update_deadline(p);
}

static void port61_access(struct vpit *p, struct io_access *a, uint64_t now)
{
	struct vpit_channel *c = &p->s.channel[2];
	uint64_t t = tick_at(p, now);

	vpit_channel_sync(c, t);
	if (a->write) {
		p->s.port61 = (uint8_t)a->value & PORT61_WRITABLE;
		vpit_channel_set_gate(c, t, a->value & PORT61_GATE2);
		return;
	}
	a->value = p->s.port61;
	if (t / REFRESH_TICKS & 1)
		a->value |= PORT61_REFRESH;
	if (vpit_channel_out(c, t))
		a->value |= PORT61_OUT2;
}

static void vpit_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vpit *p = (struct vpit *)d;
	uint64_t now = machine_now(p->dev.vm);

	if (region == REGION_PORT61)
		port61_access(p, a, now);
	else
		counters_access(p, a, now);
}

static uint64_t vpit_deadline(const struct vdev *d)
{
	return ((const struct vpit *)d)->deadline;
}

static void vpit_service(struct vdev *d, uint64_t now)
{
	catch_up((struct vpit *)d, now);
}

/*
 * No channel counts until the guest programs it: firmware's 18.2 ticks a second would go to no
 * handler.
 */
static void vpit_reset(struct vdev *d)
{
	struct vpit *p = (struct vpit *)d;
	unsigned int i;

	memset(&p->s, 0, sizeof(p->s));
	for (i = 0; i < 3; i++)
		vpit_channel_reset(&p->s.channel[i], i != 2);
	p->s.tick = TICK_BASE;
	p->s.next_edge = TIME_NEVER;
	p->epoch = machine_now(p->dev.vm);
	p->not_before = 0;
	p->spacing = 0;
	machine_irq(p->dev.vm, 0, false);
	update_deadline(p);
}

static void vpit_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vpit *p = (const struct vpit *)d;
	const struct vpit_channel *c = &p->s.channel[0];

	text_format(text, room,
		    "ch0 mode=%u count=%u phase=%u owed=%u asked=%u ticks=%llu dropped=%llu "
		    "ch2 mode=%u count=%u port61=%02x",
		    c->mode, c->count, c->phase, p->s.owed, p->s.asked,
		    (unsigned long long)p->s.delivered, (unsigned long long)p->s.dropped,
		    p->s.channel[2].mode, p->s.channel[2].count, p->s.port61);
}

/* The clock is saved as a number of ticks and goes on from there when it is put back. */
static size_t vpit_save(const struct vdev *d, void *to, size_t room)
{
	const struct vpit *p = (const struct vpit *)d;
	struct vpit_state s = p->s;

	s.tick = tick_at(p, machine_now(p->dev.vm));
	return state_save(VPIT_KIND, &s, sizeof(s), to, room);
}

static bool state_is_sound(const struct vpit_state *s)
{
	unsigned int i;

	if (s->tick < TICK_BASE || s->tick > TICK_HIGHEST || s->owed > VPIT_HZ || s->asked > 1 ||
	    (s->port61 & ~PORT61_WRITABLE) ||
	    s->channel[2].gate != (s->port61 & PORT61_GATE2) ||
	    (s->next_edge != TIME_NEVER && s->next_edge > s->tick + TICK_FAR))
		return false;
	for (i = 0; i < 3; i++)
		if (!vpit_channel_is_sound(&s->channel[i], s->tick))
			return false;
	return true;
}

static bool vpit_restore(struct vdev *d, const void *from, size_t size)
{
	struct vpit *p = (struct vpit *)d;
	struct vpit_state s;
	uint64_t next_edge;

	if (!state_load(VPIT_KIND, &s, sizeof(s), from, size) || !state_is_sound(&s))
		return false;
	p->s = s;
	p->epoch = machine_now(p->dev.vm);
	p->not_before = 0;
	next_edge = s.next_edge;
	follow_channel0(p);	/* for the spacing; the edges counted so far stay counted */
	p->s.next_edge = next_edge;
	update_deadline(p);
	return true;
}

static const struct vdev_ops vpit_ops = {
	.name = "8254",
	.reset = vpit_reset,
	.access = vpit_access,
	.deadline = vpit_deadline,
	.service = vpit_service,
	.dump = vpit_dump,
	.save = vpit_save,
	.restore = vpit_restore,
};

void vpit_init(struct vpit *pit, struct vm *vm)
{
	memset(pit, 0, sizeof(*pit));
	pit->dev.ops = &vpit_ops;
	pit->dev.vm = vm;
	pit->hz = machine_tsc_hz(vm);
	/*
	 * No processor with VT-x is that slow; this keeps the quotients of tick_at() within 64
	 * bits.
	 */
	if (pit->hz < VPIT_HZ)
		pit->hz = VPIT_HZ;
	pit->deadline = TIME_NEVER;
	vpit_reset(&pit->dev);
}

int vpit_claim(struct vpit *pit, struct bus *bus)
{
	int error = bus_claim(bus, BUS_PORT, 0x40, 0x43, &pit->dev, REGION_COUNTERS, true);

	if (!error)
		error = bus_claim(bus, BUS_PORT, 0x61, 0x61, &pit->dev, REGION_PORT61, true);
	return error;
}
