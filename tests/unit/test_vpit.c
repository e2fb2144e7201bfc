/*
 * The 8254: its bytes and latches, port 61h, and channel 0 as a guest's clock.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vpit.c vmm/devices/vpit_channel.c vmm/devices/vpic.c vmm/machine/bus.c
 * UNIT: lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"

static struct vpit pit;
static struct vpic pic;

static void into_pic(struct vm *vm, unsigned int line, bool asserted)
{
	(void)vm;
	vpic_set(&pic, line, asserted);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpic_init(&pic, &fake);
	vpit_init(&pit, &fake);
	assert_int_equal(vpic_claim(&pic, &fake.bus), 0);
	assert_int_equal(vpit_claim(&pit, &fake.bus), 0);
	vpit_attach(&pit, &pic);
	fake.irq_hook = into_pic;
	outb(0x21, 0xfe);
	return 0;
}

static uint64_t deadline(void)
{
	return pit.dev.ops->deadline(&pit.dev);
}

static void service(void)
{
	pit.dev.ops->service(&pit.dev, fake.now);
}

/* Exact time of a number of clock pulses, rounded up. */
static uint64_t pulses(uint64_t n)
{
	return (uint64_t)(((unsigned __int128)n * fake.hz + VPIT_HZ - 1) / VPIT_HZ);
}

/* ---- Reading and writing ---- */

static void bytes_and_latches(void **state)
{
	(void)state;
	outb(0x43, 0x34);
	outb(0x40, 0x34);
	outb(0x40, 0x12);
	fake.now += pulses(1 + 0x33);
	assert_int_equal(inb(0x40), 0x01);
	assert_int_equal(inb(0x40), 0x12);
	outb(0x43, 0x00);
	fake.now += pulses(0x100);
	outb(0x43, 0x00);	/* the second latch does not count */
	assert_int_equal(inb(0x40), 0x01);
	assert_int_equal(inb(0x40), 0x12);
	assert_int_equal(inb(0x40), 0x01);	/* live again */
	assert_int_equal(inb(0x40), 0x11);
	outb(0x43, 0xe2);	/* status only */
	assert_int_equal(inb(0x40), 0xb4);
	outb(0x43, 0xd2);	/* count only */
	assert_int_equal(inb(0x40), 0x01);
	assert_int_equal(inb(0x40), 0x11);
	outb(0x43, 0x10);	/* low byte only, mode 0 */
	outb(0x40, 0x50);
	fake.now += pulses(0x11);
	assert_int_equal(inb(0x40), 0x40);
	assert_int_equal(inb(0x40), 0x40);
	outb(0x43, 0x34);	/* a control word begins with the low byte again */
	outb(0x40, 0x34);
	outb(0x40, 0x12);
	fake.now += pulses(1);
	assert_int_equal(inb(0x40), 0x34);
	outb(0x43, 0x34);
	outb(0x40, 0x78);
	outb(0x43, 0x34);
	outb(0x40, 0x34);
	outb(0x40, 0x12);
	outb(0x43, 0xe2);
	assert_int_equal(inb(0x40), 0xf4);	/* OUT is high, the count not loaded yet */
	fake.now += pulses(1);
	assert_int_equal(inb(0x40), 0x34);
	assert_int_equal(inb(0x40), 0x12);
	outb(0x43, 0x20);	/* high byte only */
	outb(0x40, 0x50);
	fake.now += pulses(0x1001);
	assert_int_equal(inb(0x40), 0x40);
	assert_int_equal(inb(0x43), 0);
	outb(0x43, 0xb6);
	outb(0x43, 0xfe);	/* nothing latched: bits 5 and 4 are inverse */
	outb(0x43, 0xc0);	/* nobody addressed */
	assert_int_equal(inb(0x42), inb(0x42));
}

/* Linux' quick_pit_calibrate() and pit_calibrate_tsc() in their essentials. */
static void linux_calibrates(void **state)
{
	uint64_t start = fake.now;
	unsigned int msb, loops = 0;

	(void)state;
	outb(0x61, (inb(0x61) & ~2u) | 1);
	outb(0x43, 0xb0);
	outb(0x42, 0xff);
	outb(0x42, 0xff);
	for (msb = 0xff; msb >= 0xf0; msb--) {
		do {
			inb(0x42);
			fake.now += 1000;
			assert_true(++loops < 1000000);
		} while (inb(0x42) >= msb);
	}
	/* 16 * 256 pulses less the first few; the loop looks every 1000 ticks */
	assert_in_range(fake.now - start, pulses(4095), pulses(4096 + 3) + 2000);
	start = fake.now;
	outb(0x43, 0xb0);
	outb(0x42, (VPIT_HZ / 20) & 0xff);
	outb(0x42, (VPIT_HZ / 20) >> 8);
	while (!(inb(0x61) & 0x20))
		fake.now += 100;
	assert_in_range(fake.now - start, pulses(VPIT_HZ / 20), pulses(VPIT_HZ / 20 + 2) + 100);
}

static void port_61(void **state)
{
	unsigned int toggles = 0, i, last;

	(void)state;
	assert_int_equal(inb(0x61) & 0xcf, 0);
	outb(0x61, 0xff);
	assert_int_equal(inb(0x61) & 0xcf, 0x0f);
	last = inb(0x61) & 0x10;
	for (i = 0; i < 100000; i++) {
		fake.now += fake.hz / 1000000;
		toggles += (inb(0x61) & 0x10) != last;
		last = inb(0x61) & 0x10;
	}
	/* 100 ms at one each 18 pulses */
	assert_in_range(toggles, VPIT_HZ / 10 / 18 - 2, VPIT_HZ / 10 / 18 + 2);
}

/* ---- Channel 0 as a guest's clock ---- */

static void start_periodic(unsigned int mode, unsigned int count)
{
	outb(0x43, 0x30 | mode << 1);
	outb(0x40, count & 0xff);
	outb(0x40, count >> 8);
}

/* The guest takes the interrupt if there is one. */
static bool take(void)
{
	if (!vpic_pending(&pic))
		return false;
	assert_int_equal(vpic_acknowledge(&pic), 0x08);
	outb(0x20, 0x20);
	return true;
}

static void no_ticks_before_programming(void **state)
{
	(void)state;
	assert_true(deadline() == TIME_NEVER);
	outb(0x43, 0x34);
	assert_true(deadline() == TIME_NEVER);
	outb(0x40, 0x00);
	assert_true(deadline() == TIME_NEVER);
	outb(0x40, 0x10);
	assert_true(deadline() == fake.now + pulses(0x1001));
}

static void periodic_never_drifts(void **state)
{
	static const unsigned int modes[] = { 2, 3 }, counts[] = { 11932, 1193, 4773, 65535, 64 };
	unsigned int m, c;

	(void)state;
	for (m = 0; m < ARRAY_LEN(modes); m++) {
		for (c = 0; c < ARRAY_LEN(counts); c++) {
			uint64_t start, n;

			setup(NULL);
			start = fake.now;
			start_periodic(modes[m], counts[c]);
			for (n = 1; n <= 20000; n++) {
				/* loaded one pulse after it was written */
				uint64_t due = start + pulses(1 + n * counts[c]);

				assert_true(deadline() == due);
				fake.now = due - 1;
				service();
				assert_false(vpic_pending(&pic));
				fake.now = due + fake_below(pulses(counts[c] / 8));
				service();
				/* nothing to do until it is taken */
				assert_true(deadline() == TIME_NEVER);
				assert_true(take());
				assert_false(take());
				assert_int_equal(pit.s.delivered, n);
			}
			assert_int_equal(pit.s.dropped, 0);
		}
	}
}

static void one_shots(void **state)
{
	uint64_t start;

	(void)state;
	start = fake.now;
	start_periodic(4, 1000);
	assert_true(deadline() == start + pulses(1002));	/* the strobe's rising edge */
	fake.now = deadline();
	service();
	assert_true(take());
	assert_true(deadline() == TIME_NEVER);
	fake.now += fake.hz;
	service();
	assert_false(take());
	/* as Linux arms its next event: only the count */
	start = fake.now;
	outb(0x40, 0x20);
	assert_true(deadline() == TIME_NEVER);
	outb(0x40, 0x00);
	assert_in_range(deadline(), start + pulses(0x21), start + pulses(0x22));
	/* a shot that fell due while nobody looked comes at the next look, once */
	fake.now += fake.hz / 10;
	inb(0x40);
	assert_true(take());
	assert_false(take());
	/* mode 0, with the first byte of a new count stopping the old one */
	start = fake.now;
	start_periodic(0, 500);
	assert_in_range(deadline(), start + pulses(500), start + pulses(501));
	outb(0x40, 0x10);
	assert_true(deadline() == TIME_NEVER);
	outb(0x40, 0x00);
	fake.now = deadline();
	service();
	assert_true(take());
	/* modes 1 and 5 wait for a gate that never rises */
	start_periodic(1, 50);
	assert_true(deadline() == TIME_NEVER);
	start_periodic(5, 50);
	assert_true(deadline() == TIME_NEVER);
}

static void a_new_count_takes_over_at_the_end_of_the_period(void **state)
{
	uint64_t start = fake.now;

	(void)state;
	start_periodic(2, 1000);
	fake.now = start + pulses(1 + 300);
	outb(0x40, 400 & 0xff);
	assert_true(deadline() == start + pulses(1 + 1000));	/* half written */
	outb(0x40, 400 >> 8);
	assert_true(deadline() == start + pulses(1 + 1000));
	fake.now = deadline();
	service();
	assert_true(take());
	assert_true(deadline() == start + pulses(1 + 1400));
	fake.now = deadline();
	service();
	assert_true(take());
	/* mode 3: at the end of the half */
	setup(NULL);
	start = fake.now;
	start_periodic(3, 1001);
	fake.now = start + pulses(1 + 100);
	outb(0x40, 600 & 0xff);
	outb(0x40, 600 >> 8);
	assert_true(deadline() == start + pulses(1 + 501));
	fake.now = deadline();
	service();
	assert_false(take());
	assert_true(deadline() == start + pulses(1 + 501 + 300));
	fake.now = deadline();
	service();
	assert_true(take());
	assert_true(deadline() == start + pulses(1 + 501 + 300 + 600));
	/* and when nobody looked for long, both counts are reckoned with */
	outb(0x40, 100);
	outb(0x40, 0);
	fake.now = start + pulses(1 + 501 + 300 + 300 + 50 + 100 * 5);
	service();
	assert_true(take());
	assert_int_equal(pit.s.owed, 5);
}

static void a_sleeping_guest_keeps_its_second(void **state)
{
	const unsigned int count = 11932;	/* 100 Hz */
	uint64_t start = fake.now, last = 0, ticks = 0, closest = TIME_NEVER;

	(void)state;
	start_periodic(2, count);
	/* It runs for a while, then not at all for up to 0.9 s, for a minute. */
	while (fake.now - start < 60 * fake.hz) {
		uint64_t until = fake.now + fake_below(fake.hz / 2) + fake.hz;

		while (fake.now < until) {
			uint64_t next = deadline() < until ? deadline() : until;

			fake.now = next > fake.now ? next : fake.now;
			service();
			if (take()) {
				if (last && fake.now - last < closest)
					closest = fake.now - last;
				last = fake.now;
				ticks++;
			}
		}
		assert_int_equal(ticks, (fake.now - start) / pulses(count));	/* caught up */
		fake.now += fake_below(fake.hz * 9 / 10);
	}
	assert_int_equal(pit.s.dropped, 0);
	assert_in_range(closest, pulses(count / 4) - 2, pulses(count / 4) + 2);
}

static void more_than_a_second_is_dropped(void **state)
{
	const unsigned int count = 11932;
	uint64_t ticks = 0;

	(void)state;
	start_periodic(2, count);
	fake.now += 10 * fake.hz;
	service();
	assert_int_equal(pit.s.owed, 98);	/* 99 in a second, one of them asked for */
	assert_int_equal(pit.s.dropped, 999 - 99);
	while (pit.s.owed || pit.s.asked) {
		fake.now = deadline() == TIME_NEVER ? fake.now : deadline();
		service();
		assert_true(deadline() == TIME_NEVER || deadline() > fake.now);
		ticks += take();
	}
	/* 100 that were owed come at 4 times the speed; 1/3 as many fall due meanwhile */
	assert_in_range(ticks, 99 + 31, 99 + 34);
	/* a control word forgets */
	fake.now += fake.hz / 2;
	service();
	assert_true(pit.s.owed > 40);
	outb(0x43, 0x34);
	assert_int_equal(pit.s.owed, 0);
	assert_true(take());
	assert_false(take());
	assert_true(deadline() == TIME_NEVER);
}

static void shortest_periods_do_not_flood(void **state)
{
	uint64_t start, ticks = 0;

	(void)state;
	start_periodic(2, 1);
	start = fake.now;
	while (fake.now - start < fake.hz / 100) {
		fake.now = deadline();
		service();
		ticks += take();
		assert_true(deadline() > fake.now);
	}
	assert_in_range(ticks, VPIT_HZ / 100 / 16 - 2, VPIT_HZ / 100 / 16 + 2);
}

static void a_masked_or_polled_or_reset_pic_is_no_dead_end(void **state)
{
	(void)state;
	outb(0x21, 0xff);
	start_periodic(2, 60000);
	fake.now = deadline();
	service();
	assert_true(deadline() == TIME_NEVER);
	fake.now += pulses(20000);
	assert_false(take());
	outb(0x21, 0xfe);
	assert_true(take());
	assert_true(deadline() > fake.now && deadline() != TIME_NEVER);
	fake.now = deadline();
	service();
	outb(0x20, 0x0c);
	assert_int_equal(inb(0x20), 0x80);
	assert_true(deadline() > fake.now && deadline() != TIME_NEVER);
	outb(0x20, 0x20);
	fake.now = deadline();
	service();
	assert_true(vpic_pending(&pic));
	outb(0x20, 0x11);
	outb(0x21, 0x08);
	outb(0x21, 0x04);
	outb(0x21, 0x01);
	assert_false(take());	/* ICW1 wiped the request out; the next tick must come */
	assert_true(deadline() > fake.now && deadline() != TIME_NEVER);
	fake.now = deadline();
	service();
	assert_true(take());
	vpit_irq0_taken(&pit, fake.now);	/* a call too many */
	vpit_irq0_taken(&pit, fake.now);
	assert_false(vpic_pending(&pic));
}

static void time_that_steps_back_is_harmless(void **state)
{
	(void)state;
	start_periodic(3, 1000);
	fake.now -= fake.hz;
	service();
	inb(0x40);
	inb(0x61);
	outb(0x40, 9);
	assert_false(take());
}

static void state_goes_round(void **state)
{
	uint64_t left, left_after;
	size_t size;
	void *bytes;
	unsigned int count, owed;

	(void)state;
	start_periodic(2, 11932);
	outb(0x61, 0x01);
	outb(0x43, 0xb6);
	outb(0x42, 0x00);
	outb(0x42, 0x40);
	fake.now += fake.hz / 5;
	service();
	assert_true(take());
	owed = pit.s.owed + pit.s.asked;
	outb(0x43, 0x80);
	count = inb(0x42);
	count |= (unsigned int)inb(0x42) << 8;
	bytes = fake_save(&pit.dev, &size);
	fake.now += 1000 * fake.hz;
	pit.dev.ops->reset(&pit.dev);
	assert_true(deadline() == TIME_NEVER);
	assert_true(pit.dev.ops->restore(&pit.dev, bytes, size));
	outb(0x43, 0x80);
	assert_int_equal(inb(0x42), count & 0xff);
	assert_int_equal(inb(0x42), count >> 8);
	assert_int_equal(pit.s.owed + pit.s.asked, owed);
	assert_true(owed > 10);
	assert_int_equal(inb(0x61) & 0x0f, 1);
	free(bytes);

	setup(NULL);
	start_periodic(2, 11932);
	fake.now += fake.hz / 300;
	left = deadline() - fake.now;
	fake.now += left;
	service();
	bytes = fake_save(&pit.dev, &size);	/* with the request pending */
	assert_true(pit.dev.ops->restore(&pit.dev, bytes, size));
	assert_true(deadline() == TIME_NEVER);
	assert_true(take());
	assert_true(deadline() != TIME_NEVER);
	free(bytes);
	left = deadline() - fake.now;
	bytes = fake_save(&pit.dev, &size);
	fake.now += 5 * fake.hz;
	assert_true(pit.dev.ops->restore(&pit.dev, bytes, size));
	left_after = deadline() - fake.now;
	assert_in_range(left_after, left - pulses(1), left + pulses(1));
	free(bytes);
	fake_check_bad_restore(&pit.dev);
}

static void anything_may_be_written(void **state)
{
	unsigned int i, ticks = 0;

	(void)state;
	for (i = 0; i < 1500000; i++) {
		if (fake_below(1000) == 0)
			fake.now += fake_below(fake.hz * 3);
		fake.now += fake_below(fake_below(10) ? 5000 : 5000000);
		fake_random_access(&pit.dev, 3, fake_below(4) ? 0x3f : 0x60, 6);
		/* An unmasked, initialized 8259 most of the time */
		if (fake_below(50) == 0)
			outb(0x20, (unsigned int)fake_below(16));
		if (deadline() <= fake.now) {
			service();
			assert_true(deadline() > fake.now);
		}
		assert_true(pit.s.owed <= VPIT_HZ);
		assert_true(!pit.s.owed || pit.s.asked || deadline() != TIME_NEVER);
		if (fake_below(4) == 0)
			ticks += take();
		if (fake_below(20000) == 0)
			pit.dev.ops->reset(&pit.dev);
	}
	assert_true(ticks > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_and_latches, setup),
		cmocka_unit_test_setup(linux_calibrates, setup),
		cmocka_unit_test_setup(port_61, setup),
		cmocka_unit_test_setup(no_ticks_before_programming, setup),
		cmocka_unit_test_setup(periodic_never_drifts, setup),
		cmocka_unit_test_setup(one_shots, setup),
		cmocka_unit_test_setup(a_new_count_takes_over_at_the_end_of_the_period, setup),
		cmocka_unit_test_setup(a_sleeping_guest_keeps_its_second, setup),
		cmocka_unit_test_setup(more_than_a_second_is_dropped, setup),
		cmocka_unit_test_setup(shortest_periods_do_not_flood, setup),
		cmocka_unit_test_setup(a_masked_or_polled_or_reset_pic_is_no_dead_end, setup),
		cmocka_unit_test_setup(time_that_steps_back_is_harmless, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
