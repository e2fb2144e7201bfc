/* A local APIC on the fake machine's bus, with what a driver and the processor do to it. */
/* Part: tests only; shared by the tests of the APICs and of the clocks. */
#ifndef TESTS_UNIT_VLAPIC_FAKE_H
#define TESTS_UNIT_VLAPIC_FAKE_H

#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vlapic.h"

static struct vlapic apic;
static uint32_t page[1024] __attribute__((aligned(4096)));

static inline uint32_t apic_get(uint32_t offset)
{
	return (uint32_t)fake_read(VLAPIC_DEFAULT_BASE + offset, 4);
}

static inline void apic_set(uint32_t offset, uint32_t value)
{
	fake_write(VLAPIC_DEFAULT_BASE + offset, 4, value);
}

/* Claimed and switched on. */
static inline void apic_start(void)
{
	vlapic_init(&apic, &fake, page);
	assert_int_equal(vlapic_claim(&apic, &fake.bus), 0);
	apic_set(VLAPIC_SVR, 0x1ff);
}

static inline uint64_t apic_msr(uint32_t number)
{
	uint64_t value = 0;

	assert_true(vlapic_read_msr(&apic, number, &value));
	return value;
}

static inline bool apic_write_msr(uint32_t number, uint64_t value)
{
	return vlapic_write_msr(&apic, number, value);
}

static inline uint64_t apic_deadline(void)
{
	return apic.dev.ops->deadline(&apic.dev);
}

static inline void apic_service(void)
{
	apic.dev.ops->service(&apic.dev, fake.now);
}

/* The processor takes the highest vector, if there is one for it; -1 = none. */
static inline int apic_acknowledge(void)
{
	if (apic.hardware_delivery)
		vlapic_refresh(&apic);
	return vlapic_pending(&apic) < 0 ? -1 : vlapic_take(&apic);
}

static inline int apic_take(void)
{
	int vector = apic_acknowledge();

	if (vector >= 0)
		apic_set(VLAPIC_EOI, 0);
	return vector;
}

#endif
