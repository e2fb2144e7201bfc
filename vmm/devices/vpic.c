/* The virtual pair of 8259A interrupt controllers. */
/* Part: devices/; decides which interrupt a guest's processor takes next. */
#include "vmm/devices/vpic.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VPIC_KIND 0x31434950u

/*
 * Three things differ from the bare 8259A on purpose, as PC chip sets or other virtual machines
 * have it:
 * - ICW1's level bit (LTIM) is ignored; the edge/level register (ELCR) decides line by line
 *   instead.
 * - A latched edge stays requested when its line drops before the acknowledge. Devices may pulse a
 *   line while the guest's processor is not running, and that must not decay into a spurious
 *   interrupt.
 * - The cascade input follows the slave's INT as a level, so nothing is lost between the two
 *   chips.
 */

enum { REGION_MASTER, REGION_SLAVE, REGION_ELCR };

#define CASCADE		2u
#define CASCADE_BIT	(1u << CASCADE)
#define SPURIOUS_LINE	7u

#define ICW1_MARK	0x10u
#define ICW1_SINGLE	0x02u
#define ICW1_WANTS_ICW4 0x01u
#define ICW4_AUTO_EOI	0x02u
#define ICW4_NESTED	0x10u
#define OCW3_MARK	0x08u
#define OCW3_SET_SMM	0x40u
#define OCW3_SMM	0x20u
#define OCW3_POLL	0x04u
#define OCW3_READ	0x02u
#define OCW3_READ_ISR	0x01u

/* Lines 0, 1, 2, 8 and 13 are always edge-triggered. */
static const uint8_t elcr_writable[2] = { 0xf8, 0xde };

/* Turns the lines so that the one of the highest priority is bit 0. */
static unsigned int by_priority(const struct vpic_chip *c, unsigned int lines)
{
	unsigned int first = (c->lowest + 1u) & 7;

	return (lines >> first | lines << (8 - first)) & 0xff;
}

static unsigned int chip_requests(const struct vpic_chip *c)
{
	return (c->edges & ~c->elcr) | (c->lines & c->elcr);
}

/* In-service lines that count: in special mask mode those masked do not. */
static unsigned int chip_serving(const struct vpic_chip *c)
{
	return c->special_mask ? c->isr & ~c->imr : c->isr;
}

/*
 * The line that this chip asks to interrupt for, or -1. With SFNM nested_line may interrupt
 * itself.
 */
static int chip_winner(const struct vpic_chip *c, unsigned int requests, unsigned int nested_line)
{
	unsigned int asking = requests & ~(unsigned int)c->imr & 0xff;
	unsigned int serving = chip_serving(c);
	unsigned int place, line;

	if (!asking || c->icw_wanted)
		return -1;
	place = (unsigned int)__builtin_ctz(by_priority(c, asking));
	line = (place + c->lowest + 1u) & 7;
	if (serving) {
		unsigned int served = (unsigned int)__builtin_ctz(by_priority(c, serving));

		if (place > served || (place == served && !(c->nested && line == nested_line)))
			return -1;
	}
	return (int)line;
}

static int slave_winner(const struct vpic *pic)
{
	const struct vpic_chip *slave = &pic->s.chip[1];

	return chip_winner(slave, chip_requests(slave), 8);
}

static unsigned int master_requests(const struct vpic *pic)
{
	unsigned int requests = chip_requests(&pic->s.chip[0]) & ~CASCADE_BIT;

	return slave_winner(pic) >= 0 ? requests | CASCADE_BIT : requests;
}

static int master_winner(const struct vpic *pic)
{
	return chip_winner(&pic->s.chip[0], master_requests(pic), CASCADE);
}

/* Most writes come when nothing asks at all: then there is no priority to work out. */
static bool nobody_asks(const struct vpic *pic)
{
	const struct vpic_chip *c = pic->s.chip;

	return !((chip_requests(&c[0]) & ~c[0].imr) | (chip_requests(&c[1]) & ~c[1].imr));
}

static void update(struct vpic *pic)
{
	bool intr = !nobody_asks(pic) && master_winner(pic) >= 0;

	if (intr != pic->intr) {
		pic->intr = intr;
		machine_intr(pic->dev.vm, intr);
	}
}

/* The chip's part in an acknowledge of one of its lines. */
static void chip_take(struct vpic_chip *c, unsigned int line)
{
	uint8_t bit = (uint8_t)(1u << line);

	c->edges &= (uint8_t)~bit;
	if (!c->auto_eoi)
		c->isr |= bit;
	else if (c->rotate_auto)
		c->lowest = (uint8_t)line;
}

/* Last of all, because the timer may raise its line again from inside. */
static void tell_timer(const struct vpic *pic, unsigned int edges_before)
{
	if ((edges_before & ~pic->s.chip[0].edges & 1) && pic->timer_free)
		pic->timer_free(pic->timer);
}

int vpic_acknowledge(struct vpic *pic)
{
	struct vpic_chip *master = &pic->s.chip[0], *slave = &pic->s.chip[1];
	unsigned int before = master->edges;
	int line = master_winner(pic), slave_line;
	int vector;

	if (line < 0) {
		pic->spurious++;
		return master->base + (int)SPURIOUS_LINE;
	}
	if (line != (int)CASCADE) {
		chip_take(master, (unsigned int)line);
		vector = master->base + line;
	} else {
		/* There is one, or the master would not have asked. */
		slave_line = slave_winner(pic);
		chip_take(master, CASCADE);
		chip_take(slave, (unsigned int)slave_line & 7);
		vector = slave->base + (slave_line & 7);
	}
	update(pic);
	tell_timer(pic, before);
	return vector;
}

void vpic_set(struct vpic *pic, unsigned int line, bool asserted)
{
	struct vpic_chip *c;
	uint8_t bit = (uint8_t)(1u << (line & 7));

	if (line > 15 || line == CASCADE)
		return;
	c = &pic->s.chip[line >> 3];
	if (!(c->lines & bit) == !asserted)
		return;
	c->lines ^= bit;
	if (asserted && !(c->elcr & bit))
		c->edges |= bit;
	update(pic);
}

void vpic_watch_timer(struct vpic *pic, void (*timer_free)(void *who), void *who)
{
	pic->timer_free = timer_free;
	pic->timer = who;
}

/* ICW1 wipes out everything but the level of the pins, the ELCR and the vectors. */
static void chip_initialize(struct vpic_chip *c, uint8_t icw1)
{
	c->icw1 = icw1;
	c->icw_wanted = 2;
	c->edges = 0;
	c->imr = 0;
	c->isr = 0;
	c->lowest = 7;
	c->auto_eoi = 0;
	c->rotate_auto = 0;
	c->special_mask = 0;
	c->nested = 0;
	c->read_isr = 0;
	c->poll = 0;
}

static void chip_icw(struct vpic_chip *c, uint8_t value)
{
	switch (c->icw_wanted) {
	case 2:
		c->base = value & 0xf8;
		if (!(c->icw1 & ICW1_SINGLE))
			c->icw_wanted = 3;
		else
			c->icw_wanted = c->icw1 & ICW1_WANTS_ICW4 ? 4 : 0;
		break;
	case 3:	/* who is connected to whom is wired in a PC */
		c->icw_wanted = c->icw1 & ICW1_WANTS_ICW4 ? 4 : 0;
		break;
	default:
		c->auto_eoi = !!(value & ICW4_AUTO_EOI);
		c->nested = !!(value & ICW4_NESTED);
		c->icw_wanted = 0;
		break;
	}
}

/* OCW2: its three high bits are rotate, specific and end of interrupt. */
static void chip_ocw2(struct vpic_chip *c, uint8_t value)
{
	unsigned int line = value & 7;
	unsigned int serving = by_priority(c, chip_serving(c));

	switch (value >> 5) {
	case 0:
		c->rotate_auto = 0;
		break;
	case 4:
		c->rotate_auto = 1;
		break;
	case 1:	/* non-specific: the highest in service */
	case 5:
		if (!serving)
			break;
		line = ((unsigned int)__builtin_ctz(serving) + c->lowest + 1u) & 7;
		c->isr &= (uint8_t)~(1u << line);
		if (value & 0x80)
			c->lowest = (uint8_t)line;
		break;
	case 3:	/* specific */
	case 7:
		c->isr &= (uint8_t)~(1u << line);
		if (value & 0x80)
			c->lowest = (uint8_t)line;
		break;
	case 6:
		c->lowest = (uint8_t)line;
		break;
	default:
		break;
	}
}

static void chip_ocw3(struct vpic_chip *c, uint8_t value)
{
	if (value & OCW3_SET_SMM)
		c->special_mask = !!(value & OCW3_SMM);
	c->poll = !!(value & OCW3_POLL);
	if (value & OCW3_READ)
		c->read_isr = value & OCW3_READ_ISR;
}

static void chip_write(struct vpic *pic, unsigned int which, unsigned int port, uint8_t value)
{
	struct vpic_chip *c = &pic->s.chip[which];
	unsigned int before = pic->s.chip[0].edges;

	if (port & 1) {
		if (c->icw_wanted)
			chip_icw(c, value);
		else
			c->imr = value;
	} else if (value & ICW1_MARK) {
		chip_initialize(c, value);
		update(pic);
		tell_timer(pic, before);
		return;
	} else if (value & OCW3_MARK) {
		chip_ocw3(c, value);
	} else {
		chip_ocw2(c, value);
	}
	update(pic);
}

/* Poll mode: the read itself acknowledges, for this chip alone. */
static uint8_t chip_poll(struct vpic *pic, unsigned int which)
{
	struct vpic_chip *c = &pic->s.chip[which];
	unsigned int before = pic->s.chip[0].edges;
	int line = which ? slave_winner(pic) : master_winner(pic);

	c->poll = 0;
	if (line < 0)
		return 0;
	chip_take(c, (unsigned int)line);
	update(pic);
	tell_timer(pic, before);
	return (uint8_t)(0x80 | line);
}

static uint8_t chip_read(struct vpic *pic, unsigned int which, unsigned int port)
{
	const struct vpic_chip *c = &pic->s.chip[which];

	if (c->poll)
		return chip_poll(pic, which);
	if (port & 1)
		return c->imr;
	if (c->read_isr)
		return c->isr;
	return (uint8_t)(which ? chip_requests(c) : master_requests(pic));
}

static void elcr_write(struct vpic *pic, unsigned int which, uint8_t value)
{
	struct vpic_chip *c = &pic->s.chip[which];

	c->elcr = value & elcr_writable[which];
	c->edges &= (uint8_t)~c->elcr;
	update(pic);
}

static __attribute__((noinline)) void access_rest(struct vpic *pic, uint32_t region, struct io_access *a)
{
	unsigned int port = a->addr & 1;

	if (region == REGION_ELCR) {
		if (a->write)
			elcr_write(pic, port, (uint8_t)a->value);
		else
			a->value = pic->s.chip[port].elcr;
	} else if (a->write) {
		chip_write(pic, region & 1, port, (uint8_t)a->value);
	} else {
		a->value = chip_read(pic, region & 1, port);
	}
}

/* Masks first and alone: a guest writes them around every interrupt. */
static void vpic_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vpic *pic = (struct vpic *)d;
	struct vpic_chip *c = &pic->s.chip[region & 1];

	if ((a->addr & 1) && a->write && region != REGION_ELCR && !c->icw_wanted) {
		c->imr = (uint8_t)a->value;
		update(pic);
	} else {
		access_rest(pic, region, a);
	}
}

/*
 * As a PC's firmware would leave the pair, but with every line masked: nobody has installed
 * handlers.
 */
static void vpic_reset(struct vdev *d)
{
	struct vpic *pic = (struct vpic *)d;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		uint8_t lines = pic->s.chip[i].lines;	/* the pins belong to the other devices */

		pic->s.chip[i] = (struct vpic_chip){ .lines = lines, .imr = 0xff, .lowest = 7,
						     .base = i ? 0x70 : 0x08 };
	}
	pic->intr = false;
	machine_intr(pic->dev.vm, false);
}

static void vpic_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vpic *pic = (const struct vpic *)d;
	const struct vpic_chip *m = &pic->s.chip[0], *s = &pic->s.chip[1];

	text_format(text, room,
		    "irr=%02x/%02x isr=%02x/%02x imr=%02x/%02x base=%02x/%02x elcr=%02x/%02x "
		    "int=%u spurious=%llu",
		    master_requests(pic), chip_requests(s), m->isr, s->isr, m->imr, s->imr, m->base,
		    s->base, m->elcr, s->elcr, pic->intr, (unsigned long long)pic->spurious);
}

static size_t vpic_save(const struct vdev *d, void *to, size_t room)
{
	const struct vpic *pic = (const struct vpic *)d;

	return state_save(VPIC_KIND, &pic->s, sizeof(pic->s), to, room);
}

static bool chip_is_sound(const struct vpic_chip *c, unsigned int which)
{
	uint8_t flags = c->auto_eoi | c->rotate_auto | c->special_mask | c->nested | c->read_isr |
			c->poll;

	return !(c->elcr & ~elcr_writable[which]) && c->lowest < 8 && !(c->base & 7) &&
	       (c->icw_wanted == 0 || (c->icw_wanted >= 2 && c->icw_wanted <= 4)) &&
	       flags < 2;
}

static bool vpic_restore(struct vdev *d, const void *from, size_t size)
{
	struct vpic *pic = (struct vpic *)d;
	struct vpic_state s;

	if (!state_load(VPIC_KIND, &s, sizeof(s), from, size) || !chip_is_sound(&s.chip[0], 0) ||
	    !chip_is_sound(&s.chip[1], 1))
		return false;
	pic->s = s;
	pic->intr = master_winner(pic) >= 0;
	machine_intr(pic->dev.vm, pic->intr);
	return true;
}

static const struct vdev_ops vpic_ops = {
	.name = "8259",
	.reset = vpic_reset,
	.access = vpic_access,
	.dump = vpic_dump,
	.save = vpic_save,
	.restore = vpic_restore,
};

void vpic_init(struct vpic *pic, struct vm *vm)
{
	memset(pic, 0, sizeof(*pic));
	pic->dev.ops = &vpic_ops;
	pic->dev.vm = vm;
	vpic_reset(&pic->dev);
}

int vpic_claim(struct vpic *pic, struct bus *bus)
{
	int error = bus_claim(bus, BUS_PORT, 0x20, 0x21, &pic->dev, REGION_MASTER, true);

	if (!error)
		error = bus_claim(bus, BUS_PORT, 0xa0, 0xa1, &pic->dev, REGION_SLAVE, true);
	if (!error)
		error = bus_claim(bus, BUS_PORT, 0x4d0, 0x4d1, &pic->dev, REGION_ELCR, true);
	return error;
}
