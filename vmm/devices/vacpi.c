/* The virtual ACPI power-management block of the PIIX4. */
/* Part: devices/; the registers that the FADT of a guest's firmware points to. */
#include "vmm/devices/vacpi.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VACPI_KIND 0x31504341u

enum { REGION_PM, REGION_GPE, REGION_SMI };

#define PM_PORTS 64u
#define SMI_DATA 0xb3u

/* Offsets in the block. ACPI specification, "PM1 Event Grouping" and those that follow it. */
#define PM1_STATUS 0u
#define PM1_ENABLE 2u
#define PM1_CONTROL 4u
#define PM_TIMER 8u

#define STATUS_TIMER 0x0001u
#define STATUS_BUTTON 0x0100u
#define STATUS_CLEARS 0x8531u	/* timer, bus master, global lock, button, RTC, wake */
#define ENABLE_BITS 0x0521u	/* timer, global lock, button, RTC */
#define CONTROL_SCI 0x0001u
#define CONTROL_BITS 0x1c03u	/* SCI enable, bus master reload, sleep type */
#define CONTROL_SLEEP 0x2000u	/* write-only */

static uint64_t ticks_at(const struct vacpi *a, uint64_t now)
{
	return a->s.ticks + (now > a->epoch ? muldiv64(now - a->epoch, VACPI_PM_HZ, a->hz) : 0);
}

/* The first TSC value at which ticks_at() answers at least ticks. */
static uint64_t time_of(const struct vacpi *a, uint64_t ticks)
{
	uint64_t left = ticks > a->s.ticks ? ticks - a->s.ticks : 0;

	return a->epoch + muldiv64_up(left, a->hz, VACPI_PM_HZ);
}

/* The status bit is set whenever the timer's highest bit changes. */
static void sync(struct vacpi *a, uint64_t now)
{
	uint64_t halves = ticks_at(a, now) >> 31;

	/* Never back, when another processor's TSC is a little behind. */
	if (halves > a->s.halves) {
		a->s.halves = halves;
		a->s.status |= STATUS_TIMER;
	}
}

/* Brings the SCI and the deadline in step with the registers. Without SCI_EN these events would be the firmware's. */
static void update(struct vacpi *a)
{
	bool on = (a->s.control & CONTROL_SCI) != 0;
	bool sci = on && ((a->s.status & a->s.enable) || (a->s.gpe_status & a->s.gpe_enable));
	uint64_t deadline = TIME_NEVER;

	if (on && (a->s.enable & STATUS_TIMER) && !(a->s.status & STATUS_TIMER))
		deadline = time_of(a, (a->s.halves + 1) << 31);
	if (sci != a->sci) {
		a->sci = sci;
		machine_irq(a->dev.vm, VACPI_SCI, sci);
	}
	if (deadline != a->deadline) {
		a->deadline = deadline;
		machine_deadline_changed(a->dev.vm);
	}
}

static uint8_t byte_of(uint32_t value, unsigned int n)
{
	return (uint8_t)(value >> n * 8);
}

static void set_byte(uint16_t *word, unsigned int n, uint8_t value, uint16_t bits)
{
	uint16_t mask = (uint16_t)(0xffu << n * 8);

	*word = (uint16_t)((*word & ~mask) | ((uint16_t)(value << n * 8) & mask & bits));
}

static uint8_t pm_read(const struct vacpi *a, unsigned int offset, uint32_t timer)
{
	switch (offset & ~1u) {
	case PM1_STATUS:
		return byte_of(a->s.status, offset & 1);
	case PM1_ENABLE:
		return byte_of(a->s.enable, offset & 1);
	case PM1_CONTROL:
		return byte_of(a->s.control, offset & 1);
	case PM_TIMER:
	case PM_TIMER + 2:
		return byte_of(timer, offset - PM_TIMER);
	default:
		return 0;
	}
}

/*
 * There is one sleeping state, soft-off, and the sleep type of it does not matter: the tables offer no other, and
 * systems without a look into tables write various ones.
 */
static void control_write(struct vacpi *a, unsigned int n, uint8_t value)
{
	set_byte(&a->s.control, n, value, CONTROL_BITS);
	if (n == 1 && (value & CONTROL_SLEEP >> 8)) {
		text_format(a->by, sizeof(a->by), "port %Xh", a->s.base + PM1_CONTROL);
		machine_power_off(a->dev.vm, a->by);
	}
}

static void pm_write(struct vacpi *a, unsigned int offset, uint8_t value)
{
	unsigned int n = offset & 1;

	switch (offset & ~1u) {
	case PM1_STATUS:
		a->s.status &= (uint16_t)~((unsigned int)value << n * 8 & STATUS_CLEARS);
		return;
	case PM1_ENABLE:
		set_byte(&a->s.enable, n, value, ENABLE_BITS);
		return;
	case PM1_CONTROL:
		control_write(a, n, value);
		return;
	default:
		return;
	}
}

static uint8_t gpe_read(const struct vacpi *a, unsigned int offset)
{
	return byte_of(offset & 2 ? a->s.gpe_enable : a->s.gpe_status, offset & 1);
}

static void gpe_write(struct vacpi *a, unsigned int offset, uint8_t value)
{
	unsigned int n = offset & 1;

	if (offset & 2)
		set_byte(&a->s.gpe_enable, n, value, 0xffff);
	else
		a->s.gpe_status &= (uint16_t)~((unsigned int)value << n * 8);
}

/* Where there would be a firmware with SMM that hands over the power management to the guest. */
static void smi_access(struct vacpi *a, struct io_access *access)
{
	uint8_t *port = access->addr == SMI_DATA ? &a->s.data : &a->s.command;

	if (!access->write) {
		access->value = *port;
		return;
	}
	*port = (uint8_t)access->value;
	if (access->addr == SMI_DATA)
		return;
	if (*port == VACPI_ENABLE)
		a->s.control |= CONTROL_SCI;
	else if (*port == VACPI_DISABLE)
		a->s.control &= (uint16_t)~CONTROL_SCI;
	update(a);
}

static void vacpi_access(struct vdev *d, uint32_t region, struct io_access *access)
{
	struct vacpi *a = (struct vacpi *)d;
	uint64_t now, value = 0;
	uint32_t timer;

	if (region == REGION_SMI) {
		smi_access(a, access);
		return;
	}
	now = machine_now(d->vm);
	timer = (uint32_t)ticks_at(a, now);
	/* The usual access; nothing comes of it. */
	if (region == REGION_PM && !access->write && access->size == 4 && (access->addr & (PM_PORTS - 1)) == PM_TIMER) {
		access->value = timer;
		return;
	}
	sync(a, now);
	for (unsigned int i = 0; i < access->size && i < 8; i++) {
		unsigned int offset = ((uint32_t)access->addr + i) & (region == REGION_PM ? PM_PORTS - 1 : 3);
		uint8_t byte = (uint8_t)(access->value >> i * 8);

		if (!access->write)
			value |= (uint64_t)(region == REGION_PM ? pm_read(a, offset, timer) : gpe_read(a, offset)) << i * 8;
		else if (region == REGION_PM)
			pm_write(a, offset, byte);
		else
			gpe_write(a, offset, byte);
	}
	if (!access->write)
		access->value = value;
	update(a);
}

bool vacpi_power_button(struct vacpi *a)
{
	sync(a, machine_now(a->dev.vm));
	a->s.status |= STATUS_BUTTON;
	update(a);
	return (a->s.control & CONTROL_SCI) && (a->s.enable & STATUS_BUTTON);
}

/* Claims the block where it is decoded. Where others are already it cannot be reached: the guest's own doing. */
static int place(struct vacpi *a)
{
	if (a->bus == NULL)
		return 0;
	bus_release(a->bus, BUS_PORT, &a->dev, REGION_PM);
	if (!a->s.on || a->s.base == 0)
		return 0;
	return bus_claim(a->bus, BUS_PORT, a->s.base, a->s.base + PM_PORTS - 1u, &a->dev, REGION_PM, false);
}

void vacpi_set_base(struct vacpi *a, uint16_t base, bool enabled)
{
	base &= (uint16_t)~(PM_PORTS - 1);
	if (base == a->s.base && enabled == a->s.on)
		return;
	a->s.base = base;
	a->s.on = enabled;
	place(a);
}

static uint64_t vacpi_deadline(const struct vdev *d)
{
	return ((const struct vacpi *)d)->deadline;
}

static void vacpi_service(struct vdev *d, uint64_t now)
{
	struct vacpi *a = (struct vacpi *)d;

	sync(a, now);
	update(a);
}

/* The timer runs on: nothing stops it but the loss of power. */
static void vacpi_reset(struct vdev *d)
{
	struct vacpi *a = (struct vacpi *)d;
	uint64_t ticks = ticks_at(a, machine_now(d->vm));

	a->s = (struct vacpi_state){ .ticks = a->s.ticks, .halves = ticks >> 31, .base = VACPI_PM_BASE, .on = 1 };
	place(a);
	update(a);
}

static void vacpi_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vacpi *a = (const struct vacpi *)d;

	text_format(text, room, "base=%x/%u status=%04x enable=%04x control=%04x timer=%08x gpe=%04x/%04x sci=%u smi=%02x",
		    a->s.base, a->s.on, a->s.status, a->s.enable, a->s.control,
		    (uint32_t)ticks_at(a, machine_now(d->vm)), a->s.gpe_status, a->s.gpe_enable, a->sci, a->s.command);
}

static size_t vacpi_save(const struct vdev *d, void *to, size_t room)
{
	const struct vacpi *a = (const struct vacpi *)d;
	struct vacpi_state s = a->s;

	s.ticks = ticks_at(a, machine_now(d->vm));
	return state_save(VACPI_KIND, &s, sizeof(s), to, room);
}

static bool vacpi_restore(struct vdev *d, const void *from, size_t size)
{
	struct vacpi *a = (struct vacpi *)d;
	struct vacpi_state s;

	if (!state_load(VACPI_KIND, &s, sizeof(s), from, size) || s.ticks >> 56 != 0 || s.halves > s.ticks >> 31 ||
	    s.on > 1 || (s.base & (PM_PORTS - 1)) || (s.status & ~STATUS_CLEARS) || (s.enable & ~ENABLE_BITS) ||
	    (s.control & ~CONTROL_BITS))
		return false;
	a->s = s;
	a->epoch = machine_now(d->vm);
	place(a);
	sync(a, a->epoch);
	update(a);
	return true;
}

static const struct vdev_ops vacpi_ops = {
	.name = "ACPI",
	.reset = vacpi_reset,
	.access = vacpi_access,
	.deadline = vacpi_deadline,
	.service = vacpi_service,
	.dump = vacpi_dump,
	.save = vacpi_save,
	.restore = vacpi_restore,
};

void vacpi_init(struct vacpi *a, struct vm *vm)
{
	memset(a, 0, sizeof(*a));
	a->dev.ops = &vacpi_ops;
	a->dev.vm = vm;
	a->hz = machine_tsc_hz(vm);
	/* Nothing is that slow; this keeps the quotients of ticks_at() within 64 bits. */
	if (a->hz < VACPI_PM_HZ)
		a->hz = VACPI_PM_HZ;
	a->epoch = machine_now(vm);
	a->deadline = TIME_NEVER;
	vacpi_reset(&a->dev);
}

int vacpi_claim(struct vacpi *a, struct bus *bus)
{
	int error = bus_claim(bus, BUS_PORT, VACPI_GPE0, VACPI_GPE0 + 3, &a->dev, REGION_GPE, false);

	if (error == 0)
		error = bus_claim(bus, BUS_PORT, VACPI_SMI_COMMAND, SMI_DATA, &a->dev, REGION_SMI, true);
	a->bus = bus;
	return error != 0 ? error : place(a);
}
