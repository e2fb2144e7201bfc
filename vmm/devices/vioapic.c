/* The virtual I/O APIC: turns lines into messages to the local APIC. */
/* Part: devices/; index and data windows, redirection entries, EOI. */
#include "vmm/devices/vioapic.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vlapic.h"

#define VIOAPIC_KIND 0x31504149u

/*
 * Polarity is kept and shown but changes nothing. Devices say "asserted"; the machine's tables tell the guest whether
 * that is high or low on the wire, the guest repeats it here, and the two cancel out.
 */

#define ENTRY_VECTOR 0xffull
#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_STATUS (1ull << 12)
#define ENTRY_REMOTE (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_WRITABLE (0xff000000ull << 32 | 0x1afff)

#define REG_SELECT 0x00u
#define REG_DATA 0x10u
#define REG_EOI 0x40u

#define INDEX_ID 0u
#define INDEX_VERSION 1u
#define INDEX_ARBITRATION 2u
#define INDEX_TABLE 0x10u
#define VERSION ((VIOAPIC_PINS - 1) << 16 | 0x20)

static unsigned int mode_of(uint64_t entry)
{
	return entry >> 8 & 7;
}

/* Will the local APIC end it? Only what goes through its IRR and ISR. */
static bool is_ended(uint64_t entry)
{
	return mode_of(entry) == VLAPIC_FIXED || mode_of(entry) == VLAPIC_LOWEST;
}

static bool is_for_us(const struct vioapic *io, uint64_t entry)
{
	return vlapic_matches(io->lapic, (uint32_t)(entry >> 56), (entry & ENTRY_LOGICAL) != 0);
}

static void send(struct vioapic *io, uint64_t entry, bool level)
{
	if (is_for_us(io, entry))
		vlapic_deliver(io->lapic, mode_of(entry), (uint8_t)(entry & ENTRY_VECTOR), level);
}

/* A level that stands is sent once and again after each EOI. Other modes than these two are always edges. */
static void send_level(struct vioapic *io, unsigned int pin)
{
	uint64_t entry = io->s.entry[pin];

	if (!(io->s.lines >> pin & 1) || (entry & (ENTRY_MASKED | ENTRY_REMOTE | ENTRY_LEVEL)) != ENTRY_LEVEL ||
	    !is_ended(entry))
		return;
	if (!is_for_us(io, entry) || !vlapic_listens(io->lapic))
		return;		/* nobody accepts it, so nobody will end it */
	io->s.entry[pin] |= ENTRY_REMOTE;
	send(io, entry, true);
}

void vioapic_set(struct vioapic *io, unsigned int pin, bool asserted)
{
	uint64_t entry;

	if (pin >= VIOAPIC_PINS || (io->s.lines >> pin & 1) == (uint32_t)asserted)
		return;
	io->s.lines ^= 1u << pin;
	entry = io->s.entry[pin];
	if (!asserted || (entry & ENTRY_MASKED))
		return;		/* an edge at a masked pin is lost */
	if ((entry & ENTRY_LEVEL) && is_ended(entry)) {
		send_level(io, pin);
		return;
	}
	send(io, entry, false);
	if (!is_ended(entry) && io->watch[pin].fn != NULL)
		io->watch[pin].fn(io->watch[pin].who);
}

void vioapic_eoi(struct vioapic *io, uint8_t vector)
{
	if (!(io->eoi_map[vector >> 6] >> (vector & 63) & 1))
		return;
	for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++) {
		uint64_t entry = io->s.entry[pin];

		if ((entry & ENTRY_VECTOR) != vector || !is_ended(entry))
			continue;
		if (entry & ENTRY_LEVEL) {
			io->s.entry[pin] &= ~ENTRY_REMOTE;
			send_level(io, pin);
		}
		if (io->watch[pin].fn != NULL)
			io->watch[pin].fn(io->watch[pin].who);
	}
}

/* After a change of an entry or a watch. */
static void update_maps(struct vioapic *io)
{
	uint64_t map[4] = { 0 };

	for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++) {
		uint64_t entry = io->s.entry[pin];
		bool cares = (entry & ENTRY_LEVEL) || io->watch[pin].fn != NULL;

		/* One that was sent before its pin was masked still waits for its end. */
		if (cares && is_ended(entry) && (entry & ENTRY_VECTOR) >= 16)
			map[entry >> 6 & 3] |= 1ull << (entry & 63);
	}
	if (memcmp(map, io->eoi_map, sizeof(map)) != 0) {
		memcpy(io->eoi_map, map, sizeof(map));
		machine_eoi_map_changed(io->dev.vm);
	}
}

void vioapic_watch(struct vioapic *io, unsigned int pin, void (*fn)(void *who), void *who)
{
	if (pin >= VIOAPIC_PINS)
		return;
	io->watch[pin].fn = fn;
	io->watch[pin].who = who;
	update_maps(io);
}

static void entry_write(struct vioapic *io, unsigned int pin, bool high, uint32_t value)
{
	uint64_t old = io->s.entry[pin], entry;

	entry = high ? (old & 0xffffffffu) | (uint64_t)value << 32 : (old & ~0xffffffffull) | value;
	entry = (entry & ENTRY_WRITABLE) | (old & ENTRY_REMOTE);
	/* Systems without an EOI register here end a level by making it an edge for a moment. */
	if (!(entry & ENTRY_LEVEL) || !is_ended(entry))
		entry &= ~ENTRY_REMOTE;
	io->s.entry[pin] = entry;
	update_maps(io);
	if (pin == 0)
		machine_interrupt_changed(io->dev.vm);	/* whether the 8259s come through may be another now */
	send_level(io, pin);
	if (io->watch[pin].fn != NULL)
		io->watch[pin].fn(io->watch[pin].who);
}

bool vioapic_accepts_pic(const struct vioapic *io)
{
	uint64_t entry = io->s.entry[0];

	return !(entry & ENTRY_MASKED) && mode_of(entry) == VLAPIC_EXTINT && vlapic_listens(io->lapic) &&
	       is_for_us(io, entry);
}

bool vioapic_may_nmi(const struct vioapic *io)
{
	for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++) {
		uint64_t entry = io->s.entry[pin];

		if (!(entry & ENTRY_MASKED) && (mode_of(entry) == VLAPIC_NMI || mode_of(entry) == VLAPIC_INIT))
			return true;
	}
	return false;
}

static uint32_t data_read(const struct vioapic *io)
{
	unsigned int index = io->s.select, place = index - INDEX_TABLE;

	if (index == INDEX_ID || index == INDEX_ARBITRATION)
		return io->s.id;
	if (index == INDEX_VERSION)
		return VERSION;
	if (index >= INDEX_TABLE && place < VIOAPIC_PINS * 2)
		return (uint32_t)(io->s.entry[place / 2] >> (place & 1) * 32);
	return 0;
}

static void data_write(struct vioapic *io, uint32_t value)
{
	unsigned int index = io->s.select, place = index - INDEX_TABLE;

	if (index == INDEX_ID)
		io->s.id = value & 0x0f000000u;
	else if (index >= INDEX_TABLE && place < VIOAPIC_PINS * 2)
		entry_write(io, place / 2, place & 1, value);
}

/* Registers are 32 bits wide. Reads of a part give that part; only the select register can be written by bytes. */
static void vioapic_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vioapic *io = (struct vioapic *)d;
	uint32_t offset = (uint32_t)a->addr & 0xff0, byte = (uint32_t)a->addr & 0xf;

	(void)region;
	if (!a->write) {
		uint64_t value = offset == REG_SELECT ? io->s.select : offset == REG_DATA ? data_read(io) : 0;

		a->value = byte < 4 ? value >> byte * 8 : 0;
		return;
	}
	if (byte != 0)
		return;
	if (offset == REG_SELECT)
		io->s.select = (uint8_t)a->value;
	else if (offset == REG_DATA && a->size >= 4)
		data_write(io, (uint32_t)a->value);
	else if (offset == REG_EOI)
		vioapic_eoi(io, (uint8_t)a->value);
}

static void vioapic_reset(struct vdev *d)
{
	struct vioapic *io = (struct vioapic *)d;

	io->s.id = 0;
	io->s.select = 0;
	for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++)
		io->s.entry[pin] = ENTRY_MASKED;	/* the pins belong to the other devices */
	update_maps(io);
}

static void vioapic_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vioapic *io = (const struct vioapic *)d;
	size_t n = (size_t)text_format(text, room, "lines=%06x", io->s.lines);

	for (unsigned int pin = 0; pin < VIOAPIC_PINS && n < room; pin++)
		if (!(io->s.entry[pin] & ENTRY_MASKED))
			n += (size_t)text_format(text + n, room - n, " %u=%llx", pin,
						 (unsigned long long)io->s.entry[pin]);
}

static size_t vioapic_save(const struct vdev *d, void *to, size_t room)
{
	const struct vioapic *io = (const struct vioapic *)d;

	return state_save(VIOAPIC_KIND, &io->s, sizeof(io->s), to, room);
}

static bool vioapic_restore(struct vdev *d, const void *from, size_t size)
{
	struct vioapic *io = (struct vioapic *)d;
	struct vioapic_state s;

	if (!state_load(VIOAPIC_KIND, &s, sizeof(s), from, size) || s.lines >> VIOAPIC_PINS != 0 ||
	    (s.id & ~0x0f000000u))
		return false;
	for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++)
		if ((s.entry[pin] & ~(ENTRY_WRITABLE | ENTRY_REMOTE)) ||
		    ((s.entry[pin] & ENTRY_REMOTE) && (!(s.entry[pin] & ENTRY_LEVEL) || !is_ended(s.entry[pin]))))
			return false;
	io->s = s;
	update_maps(io);
	return true;
}

static const struct vdev_ops vioapic_ops = {
	.name = "IOAPIC",
	.reset = vioapic_reset,
	.access = vioapic_access,
	.dump = vioapic_dump,
	.save = vioapic_save,
	.restore = vioapic_restore,
};

void vioapic_init(struct vioapic *io, struct vm *vm, struct vlapic *lapic)
{
	memset(io, 0, sizeof(*io));
	io->dev.ops = &vioapic_ops;
	io->dev.vm = vm;
	io->lapic = lapic;
	vioapic_reset(&io->dev);
}

int vioapic_claim(struct vioapic *io, struct bus *bus)
{
	return bus_claim(bus, BUS_MMIO, VIOAPIC_BASE, VIOAPIC_BASE + PAGE_SIZE - 1, &io->dev, 0, false);
}
