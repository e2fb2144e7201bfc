/*
 * The bus: claims, routing, accesses that straddle; checked against a byte-by-byte model.
 * Part: unit test on the host.
 * UNIT: vmm/machine/bus.c
 */
#include "tests/unit/vdev_fake.h"

#include "lib/errno.h"

/* A device that is plain memory, and notes how it was asked. */
struct ram {
	struct vdev dev;
	uint8_t bytes[65536];
	unsigned int calls;
	struct io_access last;
	uint32_t last_region;
	unsigned int widest;
	bool rubbish;	/* answer ones above the size */
};

static void ram_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct ram *r = (struct ram *)d;
	unsigned int i;

	assert_true(a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
	r->calls++;
	r->last_region = region;
	if (a->size > r->widest)
		r->widest = a->size;
	if (a->write) {
		for (i = 0; i < a->size; i++)
			r->bytes[(a->addr + i) & 0xffff] = (uint8_t)(a->value >> i * 8);
		if (a->size < 8)
			assert_int_equal(a->value >> a->size * 8, 0);
	} else {
		/* preset to all ones of the size */
		assert_true(a->value == (a->size == 8 ? UINT64_MAX : (1ull << a->size * 8) - 1));
		a->value = 0;
		for (i = 0; i < a->size; i++)
			a->value |= (uint64_t)r->bytes[(a->addr + i) & 0xffff] << i * 8;
		if (r->rubbish && a->size < 8)
			a->value |= UINT64_MAX << a->size * 8;
	}
	r->last = *a;
}

static const struct vdev_ops ram_ops = { .name = "RAM", .access = ram_access };
static struct ram ram = { .dev = { .ops = &ram_ops } };

static int setup(void **state)
{
	(void)state;
	fake_init();
	memset(ram.bytes, 0, sizeof(ram.bytes));
	ram.calls = 0;
	ram.widest = 0;
	return 0;
}

static int claim(uint64_t first, uint64_t last, uint32_t region, bool bytes)
{
	return bus_claim(&fake.bus, BUS_PORT, first, last, &ram.dev, region, bytes);
}

static void claims_are_checked(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(claim(0x40, 0x3f, 0, true), -EINVAL);
	assert_int_equal(claim(0xfff0, 0x10000, 0, true), -EINVAL);
	assert_int_equal(bus_claim(&fake.bus, BUS_PORT, 1, 2, NULL, 0, true), -EINVAL);
	assert_int_equal(claim(0x40, 0x43, 0, true), 0);
	assert_int_equal(claim(0x20, 0x21, 0, true), 0);
	assert_int_equal(claim(0x43, 0x50, 0, true), -EBUSY);
	assert_int_equal(claim(0x30, 0x40, 0, true), -EBUSY);
	assert_int_equal(claim(0x30, 0x50, 0, true), -EBUSY);
	assert_int_equal(claim(0x41, 0x42, 0, true), -EBUSY);
	assert_int_equal(claim(0x22, 0x3f, 0, true), 0);
	assert_int_equal(claim(0xffff, 0xffff, 0, true), 0);
	assert_int_equal(fake.bus.count[BUS_PORT], 4);
	assert_int_equal(fake.bus.count[BUS_MMIO], 0);
	for (i = 0; i < BUS_CLAIMS - 4; i++)
		assert_int_equal(claim(0x8000 - 16 * i, 0x8003 - 16 * i, 0, true), 0);
	assert_int_equal(claim(0x9000, 0x9000, 0, true), -ENOSPC);
	for (i = 1; i < BUS_CLAIMS; i++)
		assert_true(fake.bus.claims[BUS_PORT][i - 1].last <
			    fake.bus.claims[BUS_PORT][i].first);
}

static void a_claim_is_reached(void **state)
{
	(void)state;
	assert_int_equal(claim(0x100, 0x107, 7, false), 0);
	assert_int_equal(claim(0x200, 0x207, 9, true), 0);
	fake_out(0x104, 4, 0xffffffff12345678);
	assert_int_equal(ram.calls, 1);
	assert_int_equal(ram.last_region, 7);
	assert_int_equal(ram.last.value, 0x12345678);
	assert_int_equal(fake_in(0x104, 4), 0x12345678);
	assert_int_equal(fake_in(0x106, 2), 0x1234);
	/* a device that answers more than it was asked is cut down */
	ram.rubbish = true;
	assert_int_equal(fake_in(0x106, 2), 0x1234);
	assert_int_equal(fake_in(0x107, 2), 0xff12);
	ram.rubbish = false;
	ram.calls = 0;
	fake_out(0x200, 4, 0xa1b2c3d4);
	assert_int_equal(ram.calls, 4);	/* an 8-bit device sees bytes */
	assert_int_equal(ram.last_region, 9);
	assert_int_equal(ram.last.addr, 0x203);
	assert_int_equal(ram.last.value, 0xa1);
	assert_int_equal(fake_in(0x200, 4), 0xa1b2c3d4);
	assert_int_equal(fake.bus.unclaimed_reads, 1);	/* the one at 107h and 108h */
	assert_int_equal(fake.bus.unclaimed_writes, 0);
}

static void nobody_answers_with_ones(void **state)
{
	struct io_access a = { .addr = 0x300, .size = 2, .value = 5 };

	(void)state;
	assert_false(bus_access(&fake.bus, BUS_PORT, &a));
	assert_int_equal(a.value, 0xffff);
	assert_int_equal(fake.bus.unclaimed_reads, 1);
	assert_int_equal(fake.bus.last_unclaimed_port, 0x300);
	a = (struct io_access){ .addr = 0x301, .size = 1, .write = true };
	assert_false(bus_access(&fake.bus, BUS_PORT, &a));
	assert_int_equal(fake.bus.unclaimed_writes, 1);
	a = (struct io_access){ .addr = 0xfee00000, .size = 8 };
	assert_false(bus_access(&fake.bus, BUS_MMIO, &a));
	assert_true(a.value == UINT64_MAX);
	assert_int_equal(fake.bus.last_unclaimed_port, 0x301);
	a.size = 0;
	assert_false(bus_access(&fake.bus, BUS_MMIO, &a));
	a.size = 9;
	assert_false(bus_access(&fake.bus, BUS_MMIO, &a));
}

static void an_access_may_straddle(void **state)
{
	struct io_access a = { .addr = 0x3fe, .size = 4, .value = 0x44332211, .write = true };

	(void)state;
	assert_int_equal(claim(0x400, 0x400, 1, false), 0);
	assert_int_equal(claim(0x401, 0x410, 2, false), 0);
	assert_true(bus_access(&fake.bus, BUS_PORT, &a));
	assert_int_equal(ram.bytes[0x400], 0x33);
	assert_int_equal(ram.bytes[0x401], 0x44);
	assert_int_equal(fake.bus.unclaimed_writes, 1);
	assert_int_equal(fake_in(0x3ff, 4), 0x004433ff);
	assert_int_equal(fake_in(0x410, 2), 0xff00);
	/* no wrap at the end of either space */
	assert_int_equal(bus_claim(&fake.bus, BUS_MMIO, 0, 15, &ram.dev, 0, false), 0);
	assert_int_equal(bus_claim(&fake.bus, BUS_MMIO, UINT64_MAX - 7, UINT64_MAX, &ram.dev, 0,
				   false),
			 0);
	a = (struct io_access){ .addr = UINT64_MAX - 1, .size = 8 };
	ram.calls = 0;
	assert_true(bus_access(&fake.bus, BUS_MMIO, &a));
	assert_true(a.value == 0xffffffffffff0000u);
	assert_int_equal(ram.calls, 1);	/* one piece of two bytes */
}

static void random_accesses_agree_with_a_model(void **state)
{
	static uint8_t model[65536 + 16];
	static bool claimed[65536 + 16];
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 40; round++) {
		memset(&fake.bus, 0, sizeof(fake.bus));
		memset(claimed, 0, sizeof(claimed));
		for (i = 0; i < 60; i++) {
			uint64_t first = fake_below(300), last = first + fake_below(12);
			bool free = true;
			uint64_t b;

			for (b = first; b <= last; b++)
				free = free && !claimed[b];
			if (fake.bus.count[BUS_PORT] == BUS_CLAIMS)
				break;
			assert_int_equal(claim(first, last, 0, fake_below(2)), free ? 0 : -EBUSY);
			for (b = first; free && b <= last; b++)
				claimed[b] = true;
		}
		memcpy(model, ram.bytes, 65536);
		for (i = 0; i < 50000; i++) {
			unsigned int size = 1u << fake_below(4), b;
			struct io_access a = { .addr = fake_below(320), .size = (uint8_t)size,
					       .write = fake_below(2), .value = fake_random() };
			uint64_t value = a.value, want = 0;
			bool any = false;

			for (b = 0; b < size; b++) {
				bool here = claimed[a.addr + b];

				any = any || here;
				if (a.write && here)
					model[a.addr + b] = (uint8_t)(value >> b * 8);
				want |= (uint64_t)(here ? model[a.addr + b] : 0xff) << b * 8;
			}
			assert_true(bus_access(&fake.bus, BUS_PORT, &a) == any);
			if (!a.write)
				assert_true(a.value == want);
		}
		assert_memory_equal(model, ram.bytes, 65536);
	}
}

static void a_region_can_be_given_up(void **state)
{
	(void)state;
	memset(&fake.bus, 0, sizeof(fake.bus));
	assert_int_equal(claim(0x100, 0x107, 1, 0), 0);
	assert_int_equal(claim(0x200, 0x20f, 2, 0), 0);
	assert_int_equal(claim(0x300, 0x30f, 1, 0), 0);
	bus_release(&fake.bus, BUS_PORT, &ram.dev, 1);
	assert_int_equal(fake.bus.count[BUS_PORT], 1);
	assert_int_equal(fake_in(0x100, 1), 0xff);
	ram.bytes[0x205] = 0x5a;
	assert_int_equal(fake_in(0x205, 1), 0x5a);
	assert_int_equal(claim(0x100, 0x30f, 3, 0), -EBUSY);
	bus_release(&fake.bus, BUS_PORT, &ram.dev, 7);	/* no claim is no error */
	bus_release(&fake.bus, BUS_PORT, &ram.dev, 2);
	assert_int_equal(claim(0x100, 0x30f, 3, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(claims_are_checked, setup),
		cmocka_unit_test_setup(a_claim_is_reached, setup),
		cmocka_unit_test_setup(nobody_answers_with_ones, setup),
		cmocka_unit_test_setup(an_access_may_straddle, setup),
		cmocka_unit_test_setup(a_region_can_be_given_up, setup),
		cmocka_unit_test_setup(random_accesses_agree_with_a_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
