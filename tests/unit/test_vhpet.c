/*
 * The HPET: registers, counter, one-shot and periodic timers, levels, legacy replacement, saved state.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vhpet.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vhpet.h"

#define CONFIG 0x10u
#define STATUS 0x20u
#define COUNTER 0xf0u
#define TIMER(n) (0x100u + (n) * 0x20u)
#define COMPARATOR(n) (0x108u + (n) * 0x20u)
#define ROUTE(pin) ((uint64_t)(pin) << 9)

static struct vhpet hpet;

static uint64_t get(uint32_t offset, unsigned int size)
{
	return fake_read(VHPET_BASE + offset, size);
}

static void set(uint32_t offset, unsigned int size, uint64_t value)
{
	fake_write(VHPET_BASE + offset, size, value);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	vhpet_init(&hpet, &fake);
	assert_int_equal(vhpet_claim(&hpet, &fake.bus), 0);
	return 0;
}

static uint64_t deadline(void)
{
	return hpet.dev.ops->deadline(&hpet.dev);
}

static void service(void)
{
	hpet.dev.ops->service(&hpet.dev, fake.now);
}

static uint64_t tsc(uint64_t ticks)	/* rounded up */
{
	return (uint64_t)(((unsigned __int128)ticks * fake.hz + VHPET_HZ - 1) / VHPET_HZ);
}

static void registers(void **state)
{
	unsigned int n, pin;

	(void)state;
	assert_true(get(0, 8) == 0x009896808086a201);
	assert_int_equal(get(4, 4), 10000000);
	assert_int_equal(get(1, 1), 0xa2);
	set(0, 8, 0);
	assert_int_equal(get(0, 4), 0x8086a201);
	for (n = 0; n < 3; n++) {
		assert_true(get(TIMER(n), 8) == 0x00f0000000000030);
		set(TIMER(n), 4, 0xffffffff & ~0x3e40u);
		assert_int_equal(get(TIMER(n), 4), 0x13e);
		assert_int_equal(get(COMPARATOR(n), 8), 0xffffffff);
		set(TIMER(n), 4, ROUTE(20));
		for (pin = 0; pin < 32; pin++) {
			set(TIMER(n), 4, ROUTE(pin));
			assert_int_equal((get(TIMER(n), 4) >> 9 & 31) == pin, pin >= 20 && pin < 24);
		}
	}
	assert_int_equal(get(0x160, 8), 0);
	assert_int_equal(get(0x118, 8), 0);	/* no messages */
	assert_int_equal(get(0x3f8, 8), 0);
	set(0x3f8, 8, 1);
	set(CONFIG, 1, 1);	/* not by bytes */
	assert_int_equal(get(CONFIG, 4), 0);
	assert_true(deadline() == TIME_NEVER);
}

static void counter(void **state)
{
	uint64_t start, i, ticks = 0;

	(void)state;
	fake.now += 1000000;
	assert_int_equal(get(COUNTER, 8), 0);
	set(COUNTER, 8, 0xfffffffff0);
	set(COUNTER + 4, 4, 0x12);
	assert_true(get(COUNTER, 8) == 0x12fffffff0);
	set(CONFIG, 4, 1);
	start = fake.now;
	for (i = 0; i < 100000; i++) {
		fake.now += fake_below(1ull << fake_below(34));
		ticks = (uint64_t)((unsigned __int128)(fake.now - start) * VHPET_HZ / fake.hz);
		assert_true(get(COUNTER, 8) == 0x12fffffff0 + ticks);
		assert_int_equal(get(COUNTER, 4), (uint32_t)(0x12fffffff0 + ticks));
	}
	set(CONFIG, 4, 0);
	fake.now += 1000000;
	assert_true(get(COUNTER, 8) == 0x12fffffff0 + ticks);
	fake.now -= 2000000;	/* another processor's TSC */
	set(CONFIG, 4, 1);
	fake.now -= 10;
	assert_true(get(COUNTER, 8) == 0x12fffffff0 + ticks);
}

static void one_shot(void **state)
{
	uint64_t start, base;

	(void)state;
	set(TIMER(2), 4, 0x004 | ROUTE(21));
	set(CONFIG, 4, 1);
	start = fake.now;
	set(COMPARATOR(2), 8, 5000);
	assert_true(deadline() == start + tsc(5000));
	fake.now = deadline() - 1;
	service();
	assert_int_equal(fake.gsi_rises[21], 0);
	fake.now++;
	service();
	assert_int_equal(fake.gsi_rises[21], 1);
	assert_false(fake.gsi[21]);
	assert_int_equal(get(STATUS, 4), 0);
	assert_true(deadline() == TIME_NEVER);
	/* too late: at once */
	set(COMPARATOR(2), 8, 4000);
	assert_int_equal(fake.gsi_rises[21], 2);
	/* by halves it may only look late */
	set(COMPARATOR(2), 4, 100);
	set(COMPARATOR(2) + 4, 4, 1);
	assert_int_equal(fake.gsi_rises[21], 2);
	assert_true(deadline() == start + tsc(0x100000064));
	/* 32 bits: again each time they have gone round */
	set(TIMER(2), 4, 0x104 | ROUTE(21));
	set(COMPARATOR(2), 4, 7000);
	base = fake.gsi_rises[21];
	fake.now = start + tsc(7000);
	service();
	assert_int_equal(fake.gsi_rises[21], base + 1);
	assert_true(deadline() == start + tsc(7000 + (1ull << 32)));
	fake.now = deadline();
	service();
	assert_int_equal(fake.gsi_rises[21], base + 2);
	set(COMPARATOR(2), 4, 6000);
	assert_int_equal(fake.gsi_rises[21], base + 3);
	/* not enabled: no interrupt and no deadline */
	set(TIMER(2), 4, 0x100 | ROUTE(21));
	set(COMPARATOR(2), 4, 8000);
	assert_true(deadline() == TIME_NEVER);
	fake.now = start + tsc(8000 + (1ull << 32));
	service();
	set(TIMER(2), 4, 0x104 | ROUTE(21));
	assert_int_equal(fake.gsi_rises[21], base + 3);
	set(CONFIG, 4, 0);
	assert_true(deadline() == TIME_NEVER);
	set(COMPARATOR(2), 4, 0);
	assert_int_equal(fake.gsi_rises[21], base + 3);
}

static void periodic(void **state)
{
	uint64_t start, n, length = 12345, ticks;

	(void)state;
	set(TIMER(0), 4, 0x14c | ROUTE(20));
	set(CONFIG, 4, 1);
	start = fake.now;
	set(COMPARATOR(0), 4, 1000);	/* the first */
	set(COMPARATOR(0), 4, (uint32_t)length);	/* and how far to the next */
	assert_int_equal(get(COMPARATOR(0), 4), 1000);
	for (n = 0; n < 20000; n++) {
		assert_true(deadline() == start + tsc(1000 + n * length));
		fake.now = deadline() + fake_below(tsc(length / 2));
		service();
		assert_int_equal(fake.gsi_rises[20], n + 1);
		assert_int_equal(get(COMPARATOR(0), 4), (uint32_t)(1000 + (n + 1) * length));
	}
	/* away for long: one, and the steps stay where they were */
	fake.now += tsc(length * 100000);
	service();
	assert_int_equal(fake.gsi_rises[20], n + 1);
	ticks = get(COUNTER, 8);
	n = (ticks - 1000) / length + 1;
	assert_true(deadline() == start + tsc(1000 + n * length));
	assert_int_equal(get(COMPARATOR(0), 4), (uint32_t)(1000 + n * length));
	/* the shortest period must not keep the machine busy */
	set(COMPARATOR(0), 4, 1);
	fake.now += 1000000;
	service();
	assert_true(deadline() >= fake.now + fake.hz / 20001);
	/* no period at all */
	set(TIMER(0), 4, 0x14c | ROUTE(20));
	set(COMPARATOR(0), 4, 0);
	fake.now += fake.hz;
	service();
	/* a first match that lies behind: now, then in step */
	set(CONFIG, 4, 0);
	set(COUNTER, 8, 50000);
	set(CONFIG, 4, 1);
	set(TIMER(0), 4, 0x14c | ROUTE(20));
	start = fake.gsi_rises[20];
	set(COMPARATOR(0), 4, 12000);
	assert_int_equal(fake.gsi_rises[20], start + 1);
	assert_int_equal(get(COMPARATOR(0), 4), 60000);
	assert_true(deadline() == fake.now + tsc(10000));
}

static void levels(void **state)
{
	(void)state;
	set(TIMER(1), 4, 0x00e | ROUTE(22));
	set(TIMER(1), 4, 0x04e | ROUTE(22));
	set(CONFIG, 4, 1);
	set(COMPARATOR(1), 8, 10000);
	fake.now = deadline();
	service();
	assert_true(fake.gsi[22]);
	assert_int_equal(get(STATUS, 4), 2);
	assert_true(deadline() == TIME_NEVER);	/* until it is cleared */
	fake.now += tsc(100000);
	set(STATUS, 4, 5);
	assert_true(fake.gsi[22]);
	set(STATUS, 8, 2);
	assert_false(fake.gsi[22]);
	assert_true(deadline() > fake.now && deadline() <= fake.now + tsc(10000));
	/* two timers on one pin */
	set(TIMER(2), 4, 0x006 | ROUTE(22));
	set(COMPARATOR(2), 8, get(COUNTER, 8));
	fake.now += tsc(20000);
	service();
	assert_int_equal(get(STATUS, 4), 6);
	set(STATUS, 4, 2);
	assert_true(fake.gsi[22]);
	set(TIMER(2), 4, 0x006 | ROUTE(23));	/* moves */
	assert_false(fake.gsi[22]);
	assert_true(fake.gsi[23]);
	set(TIMER(2), 4, 0x002 | ROUTE(23));	/* disabled: the status stays */
	assert_false(fake.gsi[23]);
	assert_int_equal(get(STATUS, 4), 4);
	set(TIMER(2), 4, 0x006 | ROUTE(23));
	assert_true(fake.gsi[23]);
	set(TIMER(2), 4, 0x004 | ROUTE(23));	/* an edge has none */
	assert_false(fake.gsi[23]);
	set(TIMER(1), 4, 0x002 | ROUTE(22));
	fake.now += tsc(20000);
	assert_int_equal(get(STATUS, 4), 2);	/* without the interrupt, too */
}

static void legacy_replacement(void **state)
{
	(void)state;
	set(TIMER(0), 4, 0x04c);
	set(TIMER(1), 4, 0x006);
	set(CONFIG, 4, 2);
	assert_false(fake.legacy_replacement);
	set(CONFIG, 4, 3);
	assert_true(fake.legacy_replacement);
	set(COMPARATOR(0), 8, 100000);
	set(COMPARATOR(1), 8, 150000);
	fake.now = deadline();
	service();
	assert_int_equal(fake.legacy_rises[0], 1);
	assert_false(fake.legacy_line[0]);
	fake.now = deadline();
	service();
	assert_true(fake.legacy_line[8]);
	set(CONFIG, 4, 1);
	assert_false(fake.legacy_replacement);
	assert_false(fake.legacy_line[8]);
	assert_int_equal(get(STATUS, 4), 2);
	set(CONFIG, 4, 3);
	assert_true(fake.legacy_line[8]);
	set(CONFIG, 4, 0);
	assert_false(fake.legacy_replacement);
	assert_false(fake.legacy_line[8]);
	set(CONFIG, 4, 3);
	hpet.dev.ops->reset(&hpet.dev);
	assert_false(fake.legacy_replacement);
	assert_false(fake.legacy_line[8]);
}

static void state_goes_round(void **state)
{
	char text[256];
	size_t size;
	uint8_t *bytes;

	(void)state;
	set(TIMER(0), 4, 0x04c);
	set(TIMER(1), 4, 0x006 | ROUTE(21));
	set(CONFIG, 4, 3);
	set(COMPARATOR(0), 8, 100000);
	set(COMPARATOR(1), 8, 30000);
	fake.now += tsc(130000);
	service();
	bytes = fake_save(&hpet.dev, &size);
	hpet.dev.ops->dump(&hpet.dev, text, sizeof(text));
	assert_string_equal(text, "counter=1fbd0 config=3 status=2 t0=c/30d40+186a0 t1=2a06/7530 t2=0/ffffffffffffffff");
	hpet.dev.ops->reset(&hpet.dev);
	fake.now += 123456789;
	assert_true(hpet.dev.ops->restore(&hpet.dev, bytes, size));
	assert_true(fake.legacy_replacement && fake.legacy_line[8]);
	assert_int_equal(get(COUNTER, 8), 130000);
	assert_true(deadline() == fake.now + tsc(70000));
	free(bytes);
	fake_check_bad_restore(&hpet.dev);
}

static void anything_may_be_written(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		static const uint8_t sizes[] = { 1, 2, 4, 4, 8, 8 };
		static const uint32_t often[] = { CONFIG, STATUS, COUNTER, TIMER(0), COMPARATOR(0), TIMER(1), COMPARATOR(1) };
		uint32_t offset = fake_below(4) ? often[fake_below(7)] + (uint32_t)fake_below(2) * 4 :
				  (uint32_t)fake_below(0x400);
		unsigned int size = sizes[fake_below(6)];

		if (fake_below(3))
			set(offset, size, fake_random() >> fake_below(64));
		else
			get(offset, size);
		fake.now += fake_below(1u << fake_below(31));
		if (deadline() <= fake.now)
			service();
		assert_true(deadline() > fake.now);
		if (i % 1000 == 0)
			hpet.dev.ops->reset(&hpet.dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(counter, setup),
		cmocka_unit_test_setup(one_shot, setup),
		cmocka_unit_test_setup(periodic, setup),
		cmocka_unit_test_setup(levels, setup),
		cmocka_unit_test_setup(legacy_replacement, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
