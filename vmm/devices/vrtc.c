/* The virtual clock and CMOS memory: an MC146818 at ports 70h and 71h. */
/* Part: devices/; keeps a guest's date, raises IRQ 8, and tells a guest how much storage it has. */
#include "vmm/devices/vrtc.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vrtc_date.h"

#define VRTC_KIND 0x31435452u
#define VRTC_IRQ  8u

/*
 * Nothing runs in the background. `second` and `second_start` say which second began when; every
 * look at the chip first moves them on (vrtc_sync) and sets the flags of register C for what
 * happened since. The machine is asked for a deadline only when an event could raise the interrupt
 * line.
 */

#define A_RATE		 0x0fu
#define A_DIVIDER	 0x60u	/* both set: the divider chain is held in reset, the clock stands */
#define A_WRITABLE	 0x7fu
#define A_UPDATING	 0x80u
#define B_HOUR24	 0x02u
#define B_BINARY	 0x04u
#define B_UPDATE_IRQ	 0x10u
#define B_ALARM_IRQ	 0x20u
#define B_PERIODIC_IRQ	 0x40u
#define B_SET		 0x80u
#define C_UPDATE	 0x10u
#define C_ALARM		 0x20u
#define C_PERIODIC	 0x40u
#define C_FLAGS		 0x70u
#define C_IRQ		 0x80u
#define D_VALID		 0x80u

#define CRYSTAL_HZ	 32768u
#define NANOSECONDS	 1000000000u
/* "Update in progress" shows 244 us before the update cycle and through its 1984 us. */
#define UPDATING_US	 2228u

static bool divider_stopped(const struct vrtc *r)
{
	return (r->s.bytes[VRTC_A] & A_DIVIDER) == A_DIVIDER;
}

static bool date_runs(const struct vrtc *r)
{
	return !divider_stopped(r) && !(r->s.bytes[VRTC_B] & B_SET);
}

/* Time since the second began; 0 when another processor's TSC is a little behind. */
static uint64_t into_second(const struct vrtc *r, uint64_t now)
{
	uint64_t elapsed = now - r->second_start;

	return (int64_t)elapsed < 0 ? 0 : elapsed;
}

/* Takes over what the guest wrote into the date bytes. */
static void commit_date(struct vrtc *r)
{
	if (r->s.written)
		r->s.second = vrtc_date_read(r->s.bytes);
	r->s.written = 0;
}

static void advance_date(struct vrtc *r, uint64_t seconds)
{
	int delay;

	commit_date(r);
	delay = vrtc_date_alarm_delay(r->s.bytes, vrtc_date_of_day(r->s.second + 1));
	if (delay >= 0 && (uint64_t)delay < seconds)
		r->s.bytes[VRTC_C] |= C_ALARM;
	r->s.bytes[VRTC_C] |= C_UPDATE;
	r->s.second = vrtc_date_wrap(r->s.second + (int64_t)(seconds % VRTC_DATE_SPAN));
	vrtc_date_show(r->s.bytes, r->s.second);
}

/*
 * The next edge of the rate that register A selects: a whole number of crystal ticks into the
 * second.
 */
static void schedule_periodic(struct vrtc *r, uint64_t now)
{
	unsigned int rate = r->s.bytes[VRTC_A] & A_RATE;
	uint64_t period, edge;

	r->next_periodic = TIME_NEVER;
	if (!rate || divider_stopped(r))
		return;
	/* Rates 1 and 2 repeat 8 and 9 with the 32768 Hz crystal. */
	period = 1ull << (rate <= 2 ? rate + 6 : rate - 1);
	edge = (muldiv64(into_second(r, now), CRYSTAL_HZ, r->hz) | (period - 1)) + 1;
	/* Rounded up, so that at the deadline the edge has been reached. */
	r->next_periodic = r->second_start + muldiv64(edge, r->hz, CRYSTAL_HZ) + 1;
}

static void vrtc_sync(struct vrtc *r, uint64_t now)
{
	uint64_t elapsed;

	if (divider_stopped(r))
		return;
	elapsed = into_second(r, now);
	if (elapsed >= r->hz) {
		uint64_t seconds = elapsed / r->hz;

		r->second_start += seconds * r->hz;
		if (date_runs(r))
			advance_date(r, seconds);
	}
	if (now >= r->next_periodic) {
		r->s.bytes[VRTC_C] |= C_PERIODIC;
		schedule_periodic(r, now);
	}
}

static uint64_t next_event(const struct vrtc *r)
{
	uint8_t enabled = r->s.bytes[VRTC_B];
	uint64_t next = TIME_NEVER;
	uint64_t update = r->second_start + r->hz;

	if (enabled & B_PERIODIC_IRQ)
		next = r->next_periodic;
	if (!date_runs(r))
		return next;
	if (enabled & B_ALARM_IRQ) {
		int delay = vrtc_date_alarm_delay(r->s.bytes, vrtc_date_of_day(r->s.second + 1));

		/* Bytes written without the SET bit count from the next update on. */
		if (r->s.written)
			delay = 0;
		if (delay >= 0 && update + (uint64_t)delay * r->hz < next)
			next = update + (uint64_t)delay * r->hz;
	}
	if ((enabled & B_UPDATE_IRQ) && update < next)
		next = update;
	return next;
}

/* Brings the interrupt line and the deadline in step with registers B and C. */
static void vrtc_update(struct vrtc *r)
{
	uint8_t *c = &r->s.bytes[VRTC_C];
	bool up = *c & r->s.bytes[VRTC_B] & C_FLAGS;
	uint64_t deadline;

	*c = (uint8_t)((*c & C_FLAGS) | (up ? C_IRQ : 0));
	if (up != r->line) {
		r->line = up;
		machine_irq(r->dev.vm, VRTC_IRQ, up);
	}
	/* While the line is up nothing can change it but the guest's read of register C. */
	deadline = up ? TIME_NEVER : next_event(r);
	if (deadline != r->deadline) {
		r->deadline = deadline;
		machine_deadline_changed(r->dev.vm);
	}
}

static void a_write(struct vrtc *r, uint8_t value, uint64_t now)
{
	bool stopped = divider_stopped(r);

	r->s.bytes[VRTC_A] = value & A_WRITABLE;
	/* The first update comes half a second after the divider chain is let go. */
	if (stopped && !divider_stopped(r))
		r->second_start = now - r->hz / 2;
	schedule_periodic(r, now);
}

static void b_write(struct vrtc *r, uint8_t value)
{
	uint8_t changed = value ^ r->s.bytes[VRTC_B];

	if (changed & value & B_SET)
		value &= (uint8_t)~B_UPDATE_IRQ;
	r->s.bytes[VRTC_B] = value;
	if (changed & ~value & B_SET)
		commit_date(r);
	/* The real chip would leave the bytes in the old form; nobody can want to read that. */
	if ((changed & (B_BINARY | B_HOUR24)) && !r->s.written)
		vrtc_date_show(r->s.bytes, r->s.second);
}

static void data_write(struct vrtc *r, uint8_t value)
{
	uint64_t now = machine_now(r->dev.vm);
	unsigned int index = r->s.index;

	if (index > VRTC_D && index != VRTC_CENTURY) {
		r->s.bytes[index] = value;
		return;
	}
	vrtc_sync(r, now);
	switch (index) {
	case VRTC_A:
		a_write(r, value, now);
		break;
	case VRTC_B:
		b_write(r, value);
		break;
	case VRTC_C:
	case VRTC_D:
		break;
	default:
		r->s.bytes[index] = value;
		if (!vrtc_date_is_alarm(index))
			r->s.written = 1;
		break;
	}
	vrtc_update(r);
}

static uint8_t a_read(const struct vrtc *r, uint64_t now)
{
	uint8_t a = r->s.bytes[VRTC_A];

	if (date_runs(r) &&
	    r->hz - into_second(r, now) <= muldiv64(r->hz, UPDATING_US, 1000000))
		a |= A_UPDATING;
	return a;
}

static uint8_t data_read(struct vrtc *r)
{
	uint64_t now;
	uint8_t value;

	if (r->s.index > VRTC_D && r->s.index != VRTC_CENTURY)
		return r->s.bytes[r->s.index];
	now = machine_now(r->dev.vm);
	vrtc_sync(r, now);
	vrtc_update(r);
	value = r->s.bytes[r->s.index];
	if (r->s.index == VRTC_A)
		return a_read(r, now);
	if (r->s.index == VRTC_C) {
		r->s.bytes[VRTC_C] = 0;
		vrtc_update(r);
	}
	return value;
}

static void vrtc_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vrtc *r = (struct vrtc *)d;

	(void)region;
	if (a->addr & 1) {
		if (a->write)
			data_write(r, (uint8_t)a->value);
		else
			a->value = data_read(r);
	} else if (a->write) {
		/* Bit 7 would mask NMI; nothing here ever raises one. */
		r->s.index = (uint8_t)a->value & (VRTC_BYTES - 1);
	} else {
		a->value = 0xff;
	}
}

static uint64_t vrtc_deadline(const struct vdev *d)
{
	return ((const struct vrtc *)d)->deadline;
}

static void vrtc_service(struct vdev *d, uint64_t now)
{
	struct vrtc *r = (struct vrtc *)d;

	vrtc_sync(r, now);
	vrtc_update(r);
}

static void put_word(uint8_t *bytes, unsigned int index, uint64_t value)
{
	uint64_t word = value > 0xffff ? 0xffff : value;

	bytes[index] = (uint8_t)word;
	bytes[index + 1] = (uint8_t)(word >> 8);
}

/* What a PC's firmware finds out and leaves in CMOS memory for those who ask there. */
static void describe_machine(struct vrtc *r)
{
	uint64_t size = machine_storage_size(r->dev.vm);
	uint64_t low = size < GIB(4) ? size : GIB(4);
	uint64_t high = (size - low) / KIB(64);
	uint64_t base = low / KIB(1) < 640 ? low / KIB(1) : 640;
	uint64_t extended = low > MIB(1) ? (low - MIB(1)) / KIB(1) : 0;
	uint8_t *b = r->s.bytes;
	unsigned int i, sum = 0;

	b[0x14] = 0x06;	/* equipment: a coprocessor, a mouse; no diskettes, a display with a BIOS of its own */
	put_word(b, 0x15, base);
	put_word(b, 0x17, extended);
	put_word(b, 0x30, extended);
	put_word(b, 0x34, low > MIB(16) ? (low - MIB(16)) / KIB(64) : 0);
	if (high > 0xffffff)
		high = 0xffffff;
	b[0x5b] = (uint8_t)high;
	b[0x5c] = (uint8_t)(high >> 8);
	b[0x5d] = (uint8_t)(high >> 16);
	for (i = 0x10; i <= 0x2d; i++)
		sum += b[i];
	b[0x2e] = (uint8_t)(sum >> 8);
	b[0x2f] = (uint8_t)sum;
}

/*
 * A reset does not touch the date or the memory, which a battery keeps; shutdown byte 0Fh lives by
 * that.
 */
static void vrtc_reset(struct vdev *d)
{
	struct vrtc *r = (struct vrtc *)d;

	vrtc_sync(r, machine_now(r->dev.vm));
	r->s.bytes[VRTC_B] &= (uint8_t)~(B_PERIODIC_IRQ | B_ALARM_IRQ | B_UPDATE_IRQ | 0x08);
	r->s.bytes[VRTC_C] = 0;
	describe_machine(r);
	vrtc_update(r);
}

static void vrtc_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vrtc *r = (const struct vrtc *)d;
	const uint8_t *b = r->s.bytes;

	text_format(text, room,
		    "date=%02x%02x-%02x-%02x %02x:%02x:%02x alarm=%02x:%02x:%02x a=%02x b=%02x "
		    "c=%02x index=%02x irq=%u",
		    b[VRTC_CENTURY], b[9], b[8], b[7], b[4], b[2], b[0], b[5], b[3], b[1],
		    b[VRTC_A], b[VRTC_B], b[VRTC_C], r->s.index, r->line);
}

static int64_t machine_date(const struct vrtc *r)
{
	return (int64_t)(machine_wall_seconds(r->dev.vm) % VRTC_DATE_SPAN);
}

/* The date is saved as a distance, so that a machine put back later shows a later date. */
static size_t vrtc_save(const struct vdev *d, void *to, size_t room)
{
	const struct vrtc *r = (const struct vrtc *)d;
	struct vrtc_state s = r->s;
	uint64_t now = machine_now(r->dev.vm);
	uint64_t into = into_second(r, now);

	/* An idle chip may not have been looked at for long: whole seconds go with the date. */
	if (into >= r->hz && date_runs(r) && !s.written)
		s.second = vrtc_date_wrap(s.second + (int64_t)(into / r->hz % VRTC_DATE_SPAN));
	s.offset = s.second - machine_date(r);
	s.phase = muldiv64(into % r->hz, NANOSECONDS, r->hz);
	return state_save(VRTC_KIND, &s, sizeof(s), to, room);
}

static bool vrtc_restore(struct vdev *d, const void *from, size_t size)
{
	struct vrtc *r = (struct vrtc *)d;
	uint64_t now = machine_now(r->dev.vm);
	struct vrtc_state s;

	if (!state_load(VRTC_KIND, &s, sizeof(s), from, size) || s.index >= VRTC_BYTES ||
	    s.phase >= NANOSECONDS || s.written > 1 || (s.bytes[VRTC_A] & ~A_WRITABLE) ||
	    s.offset >= (int64_t)VRTC_DATE_SPAN || s.offset <= -(int64_t)VRTC_DATE_SPAN ||
	    s.second != vrtc_date_wrap(s.second))
		return false;
	r->s = s;
	r->second_start = now - muldiv64(s.phase, r->hz, NANOSECONDS);
	if (date_runs(r) && !s.written) {
		r->s.second = vrtc_date_wrap(machine_date(r) + s.offset);
		vrtc_date_show(r->s.bytes, r->s.second);
	}
	schedule_periodic(r, now);
	r->line = false;
	machine_irq(r->dev.vm, VRTC_IRQ, false);
	vrtc_update(r);
	return true;
}

static const struct vdev_ops vrtc_ops = {
	.name = "RTC",
	.reset = vrtc_reset,
	.access = vrtc_access,
	.deadline = vrtc_deadline,
	.service = vrtc_service,
	.dump = vrtc_dump,
	.save = vrtc_save,
	.restore = vrtc_restore,
};

void vrtc_init(struct vrtc *rtc, struct vm *vm)
{
	memset(rtc, 0, sizeof(*rtc));
	rtc->dev.ops = &vrtc_ops;
	rtc->dev.vm = vm;
	rtc->hz = machine_tsc_hz(vm);
	rtc->second_start = machine_now(vm);
	rtc->next_periodic = TIME_NEVER;
	rtc->deadline = TIME_NEVER;
	rtc->s.bytes[VRTC_A] = 0x26;	/* 32768 Hz, periodic rate 1024 Hz: as firmware sets it */
	rtc->s.bytes[VRTC_B] = B_HOUR24;
	rtc->s.bytes[VRTC_D] = D_VALID;
	rtc->s.second = vrtc_date_wrap(machine_date(rtc));
	vrtc_date_show(rtc->s.bytes, rtc->s.second);
	schedule_periodic(rtc, rtc->second_start);
	vrtc_reset(&rtc->dev);
}

int vrtc_claim(struct vrtc *rtc, struct bus *bus)
{
	return bus_claim(bus, BUS_PORT, 0x70, 0x71, &rtc->dev, 0, true);
}

void vrtc_set_cmos(struct vrtc *rtc, uint8_t index, uint8_t value)
{
	if (index > VRTC_D && index < VRTC_BYTES && index != VRTC_CENTURY)
		rtc->s.bytes[index] = value;
}
