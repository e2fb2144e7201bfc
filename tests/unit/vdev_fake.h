/* A machine for the unit tests of virtual devices: it notes what a device asks of it. */
/* Part: tests only; implements the machine_ functions of vmm/machine/vdev.h. */
#ifndef TESTS_UNIT_VDEV_FAKE_H
#define TESTS_UNIT_VDEV_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define FAKE_TEXT 4096

struct vm {
	uint64_t now, hz, wall_base, storage;
	bool line[16];
	unsigned int rises[16];	/* how often each line went up */
	bool gsi[24];
	struct { uint64_t gpa, bytes; void *storage; uint32_t rights; unsigned int changes; } row[MACHINE_ROWS];
	unsigned int msis;
	uint64_t msi_address;	/* the last one's */
	uint32_t msi_data;
	uint64_t own_limit, own_used;	/* of machine_storage(), bytes; 0 = no limit */
	uint64_t shared;	/* what machines share of it, bytes; 0 = plenty */
	uint8_t *memory;	/* the machine's storage for DMA: `storage` bytes, NULL = none */
	bool intr;
	unsigned int intr_changes, resets, power_offs, deadline_changes;
	unsigned int interrupt_changes, apic_changes, nmis, inits, eoi_map_changes, eois, attended;
	uint8_t eoi_vector;	/* the last one's */
	bool legacy_replacement, a20_off;
	bool legacy_line[16];
	unsigned int legacy_rises[16], gsi_rises[24];
	void (*gsi_hook)(struct vm *vm, unsigned int pin, bool asserted);
	void (*eoi_hook)(struct vm *vm, uint8_t vector);
	const char *by;
	unsigned int exit_codes;
	uint32_t exit_code;	/* the last one */
	uint8_t out[FAKE_TEXT], in[FAKE_TEXT];
	unsigned int out_length, in_length, in_taken;
	unsigned int room;	/* bytes that the console still takes */
	void (*irq_hook)(struct vm *vm, unsigned int line, bool asserted);
	struct bus bus;
};

static struct vm fake;

/* An odd rate, so that no conversion is exact by luck. */
static inline void fake_init(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.hz = 2394459371u;
	fake.now = 77777777777u;
	fake.wall_base = 1700000000u;
	fake.storage = MIB(96);
	fake.room = 1u << 30;
}

uint64_t machine_now(const struct vm *vm)
{
	return vm->now;
}

uint64_t machine_tsc_hz(const struct vm *vm)
{
	return vm->hz;
}

void machine_irq(struct vm *vm, unsigned int line, bool asserted)
{
	assert_in_range(line, 0, 15);
	if (asserted && !vm->line[line])
		vm->rises[line]++;
	vm->line[line] = asserted;
	if (vm->irq_hook)
		vm->irq_hook(vm, line, asserted);
}

void machine_gsi(struct vm *vm, unsigned int pin, bool asserted)
{
	assert_in_range(pin, 0, 23);
	if (asserted && !vm->gsi[pin])
		vm->gsi_rises[pin]++;
	vm->gsi[pin] = asserted;
	if (vm->gsi_hook)
		vm->gsi_hook(vm, pin, asserted);
}

void machine_msi(struct vm *vm, uint64_t address, uint32_t data)
{
	vm->msis++;
	vm->msi_address = address;
	vm->msi_data = data;
}

void *machine_dma_window(struct vm *vm, uint64_t gpa, size_t n)
{
	if (vm->memory == NULL || n == 0 || gpa > vm->storage || n > vm->storage - gpa)
		return NULL;
	return vm->memory + gpa;
}

bool machine_dma_read(struct vm *vm, uint64_t gpa, void *to, size_t n)
{
	void *p = machine_dma_window(vm, gpa, n);

	if (n != 0 && p == NULL)
		return false;
	memcpy(to, p, n);
	return true;
}

bool machine_dma_write(struct vm *vm, uint64_t gpa, const void *from, size_t n)
{
	void *p = machine_dma_window(vm, gpa, n);

	if (n != 0 && p == NULL)
		return false;
	memcpy(p, from, n);
	return true;
}

/* Plain storage that lives as long as the test program; kept here so that it is no leak. */
static void *fake_owned[4096];
static unsigned int fake_owned_count;

void *machine_storage(struct vm *vm, uint64_t bytes)
{
	if (vm->own_limit != 0 && vm->own_used + bytes > vm->own_limit)
		return NULL;
	vm->own_used += bytes;
	fake_owned[fake_owned_count % 4096] = calloc(1, bytes);
	return fake_owned[fake_owned_count++ % 4096];
}

uint64_t machine_storage_left(const struct vm *vm)
{
	return vm->shared == 0 ? UINT64_MAX : vm->shared - vm->own_used;
}

void machine_map(struct vm *vm, enum machine_row row, uint64_t gpa, void *storage, uint64_t bytes, uint32_t rights)
{
	assert_in_range(row, 0, MACHINE_ROWS - 1);
	assert_int_equal((gpa | bytes) & 4095, 0);
	vm->row[row].gpa = gpa;
	vm->row[row].storage = storage;
	vm->row[row].bytes = bytes;
	vm->row[row].rights = rights;
	vm->row[row].changes++;
}

void machine_intr(struct vm *vm, bool asserted)
{
	vm->intr = asserted;
	vm->intr_changes++;
}

void machine_interrupt_changed(struct vm *vm)
{
	vm->interrupt_changes++;
}

void machine_apic_changed(struct vm *vm)
{
	vm->apic_changes++;
}

void machine_nmi(struct vm *vm)
{
	vm->nmis++;
}

void machine_init(struct vm *vm)
{
	vm->inits++;
}

void machine_eoi(struct vm *vm, uint8_t vector)
{
	vm->eois++;
	vm->eoi_vector = vector;
	if (vm->eoi_hook)
		vm->eoi_hook(vm, vector);
}

void machine_eoi_map_changed(struct vm *vm)
{
	vm->eoi_map_changes++;
}

void machine_attend(struct vm *vm)
{
	vm->attended++;
}

void machine_legacy_replacement(struct vm *vm, bool on)
{
	vm->legacy_replacement = on;
}

void machine_irq_legacy(struct vm *vm, unsigned int line, bool asserted)
{
	assert_true(line == 0 || line == 8);
	if (asserted && !vm->legacy_line[line])
		vm->legacy_rises[line]++;
	vm->legacy_line[line] = asserted;
}

void machine_set_a20(struct vm *vm, bool on)
{
	vm->a20_off = !on;
}

bool machine_a20(const struct vm *vm)
{
	return !vm->a20_off;
}

void machine_reset_request(struct vm *vm, const char *by)
{
	vm->resets++;
	vm->by = by;
}

void machine_power_off(struct vm *vm, const char *by)
{
	vm->power_offs++;
	vm->by = by;
}

void machine_exit_code(struct vm *vm, uint32_t code)
{
	vm->exit_codes++;
	vm->exit_code = code;
}

bool machine_console_room(const struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm->room > 0;
}

void machine_console_put(struct vm *vm, unsigned int unit, uint8_t byte)
{
	(void)unit;
	assert_true(vm->room > 0);
	vm->room--;
	vm->out[vm->out_length++ % FAKE_TEXT] = byte;
}

int machine_console_get(struct vm *vm, unsigned int unit)
{
	(void)unit;
	if (vm->in_taken == vm->in_length)
		return -1;
	return vm->in[vm->in_taken++ % FAKE_TEXT];
}

bool machine_console_pending(const struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm->in_taken != vm->in_length;
}

void machine_deadline_changed(struct vm *vm)
{
	vm->deadline_changes++;
}

void machine_vector_requested(struct vm *vm, uint8_t vector)
{
	(void)vector;
	vm->interrupt_changes++;
}

void machine_apic_deadline(struct vm *vm, uint64_t deadline)
{
	(void)deadline;
	vm->deadline_changes++;
}

uint64_t machine_wall_seconds(const struct vm *vm)
{
	return vm->wall_base + vm->now / vm->hz;
}

/* Not the tests' own generator, so that what devices take does not change what comes next there. */
uint64_t machine_random(const struct vm *vm)
{
	static uint64_t state = 1;

	(void)vm;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state ^ state >> 29;
}

uint64_t machine_storage_size(const struct vm *vm)
{
	return vm->storage;
}

static inline void fake_type(const char *text)
{
	for (; *text; text++)
		fake.in[fake.in_length++ % FAKE_TEXT] = (uint8_t)*text;
}

/* Devices' memory. */
static inline uint64_t fake_read(uint64_t addr, unsigned int size)
{
	struct io_access a = { .addr = addr, .size = (uint8_t)size };

	bus_access(&fake.bus, BUS_MMIO, &a);
	return a.value;
}

static inline void fake_write(uint64_t addr, unsigned int size, uint64_t value)
{
	struct io_access a = { .addr = addr, .value = value, .size = (uint8_t)size, .write = true };

	bus_access(&fake.bus, BUS_MMIO, &a);
}

static inline uint64_t fake_in(uint64_t port, unsigned int size)
{
	struct io_access a = { .addr = port, .size = (uint8_t)size };

	bus_access(&fake.bus, BUS_PORT, &a);
	return a.value;
}

static inline void fake_out(uint64_t port, unsigned int size, uint64_t value)
{
	struct io_access a = { .addr = port, .value = value, .size = (uint8_t)size, .write = true };

	bus_access(&fake.bus, BUS_PORT, &a);
}

static inline uint8_t inb(uint16_t port)
{
	return (uint8_t)fake_in(port, 1);
}

static inline void outb(uint16_t port, unsigned int value)
{
	fake_out(port, 1, value);
}

/* A xorshift generator: the same numbers in every run, so that a failure can be repeated. */
static uint64_t fake_seed = 0x9e3779b97f4a7c15u;

static inline uint64_t fake_random(void)
{
	fake_seed ^= fake_seed << 13;
	fake_seed ^= fake_seed >> 7;
	fake_seed ^= fake_seed << 17;
	return fake_seed * 0x2545f4914f6cdd1du >> 7;
}

static inline uint64_t fake_below(uint64_t bound)
{
	return fake_random() % bound;
}

/*
 * One access of random size and value somewhere in first to first + span - 1, past the bus if
 * asked.
 */
static inline void fake_random_access(struct vdev *dev, uint32_t regions, uint64_t first,
				      uint64_t span)
{
	static const uint8_t sizes[] = { 1, 1, 1, 1, 2, 4, 8 };
	struct io_access a = { .addr = first + fake_below(span), .value = fake_random(),
			       .size = sizes[fake_below(sizeof(sizes))],
			       .write = fake_below(2) };

	if (!a.write)
		a.value = UINT64_MAX;
	if (dev && fake_below(16) == 0)
		dev->ops->access(dev, (uint32_t)fake_below(regions), &a);
	else
		bus_access(&fake.bus, BUS_PORT, &a);
}

/*
 * Saves dev into a fresh buffer that is exactly as long as needed, so that ASan sees one byte too
 * many.
 */
static inline void *fake_save(struct vdev *dev, size_t *size)
{
	void *bytes;

	*size = dev->ops->save(dev, NULL, 0);
	bytes = calloc(1, *size);
	assert_int_equal(dev->ops->save(dev, bytes, *size - 1), *size);
	assert_int_equal(*(uint8_t *)bytes, 0);	/* too little room: nothing written */
	assert_int_equal(dev->ops->save(dev, bytes, *size), *size);
	return bytes;
}

/* Bytes of another length or kind are refused, and so random ones must be judged without harm. */
static inline void fake_check_bad_restore(struct vdev *dev)
{
	size_t size;
	uint8_t *bytes = fake_save(dev, &size);
	int i;

	assert_false(dev->ops->restore(dev, bytes, size - 1));
	assert_false(dev->ops->restore(dev, NULL, size));
	bytes[0] ^= 1;
	assert_false(dev->ops->restore(dev, bytes, size));
	bytes[0] ^= 1;
	for (i = 0; i < 20000; i++) {
		uint8_t *bad = malloc(size);
		unsigned int flips = 1 + (unsigned int)fake_below(4);

		memcpy(bad, bytes, size);
		while (flips--)
			bad[8 + fake_below(size - 8)] = (uint8_t)fake_random();
		if (dev->ops->restore(dev, bad, size)) {
			unsigned int port;

			for (port = 0; port < 0x100; port++)
				fake_in(port, 1);
			if (dev->ops->service)
				dev->ops->service(dev, fake.now);
		}
		free(bad);
	}
	assert_true(dev->ops->restore(dev, bytes, size));
	free(bytes);
}

#endif
