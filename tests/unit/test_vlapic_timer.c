/*
 * The local APIC's timer: one-shot, periodic, TSC deadline.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vlapic.c vmm/devices/vlapic_regs.c vmm/devices/vlapic_timer.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vlapic_fake.h"

static int setup(void **state)
{
	(void)state;
	fake_init();
	apic_start();
	return 0;
}

static const unsigned int divisors[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };

static void one_shot(void **state)
{
	unsigned int i;

	(void)state;
	apic_set(VLAPIC_LVT_TIMER, 0x51);
	for (i = 0; i < 8; i++) {
		uint64_t start = fake.now;

		apic_set(VLAPIC_TIMER_DIVIDE, divisors[i]);
		apic_set(VLAPIC_TIMER_INITIAL, 1000);
		assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 1000);
		assert_true(apic_deadline() == start + (1000ull << i));
		fake.now = start + (700ull << i);
		assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 300);
		fake.now = start + (1000ull << i) - 1;
		assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 1);
		apic_service();
		assert_int_equal(vlapic_pending(&apic), -1);
		fake.now++;
		assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 0);
		apic_service();
		assert_int_equal(apic_take(), 0x51);
		assert_true(apic_deadline() == TIME_NEVER);
	}
	/* a new division keeps the count */
	apic_set(VLAPIC_TIMER_DIVIDE, 0xb);
	apic_set(VLAPIC_TIMER_INITIAL, 1000);
	fake.now += 400;
	apic_set(VLAPIC_TIMER_DIVIDE, 0x0);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 600);
	assert_true(apic_deadline() == fake.now + 1200);
	/* masked: lost; and 0 stops it */
	apic_set(VLAPIC_LVT_TIMER, 0x10051);
	assert_true(apic_deadline() == TIME_NEVER);
	fake.now += 1300;
	apic_set(VLAPIC_LVT_TIMER, 0x51);
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_TIMER_INITIAL, 1000);
	apic_set(VLAPIC_TIMER_INITIAL, 0);
	assert_true(apic_deadline() == TIME_NEVER);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 0);
	apic_set(VLAPIC_TIMER_INITIAL, UINT32_MAX);
	apic_set(VLAPIC_TIMER_DIVIDE, 0xa);
	apic_set(VLAPIC_TIMER_INITIAL, UINT32_MAX);
	assert_true(apic_deadline() == fake.now + ((uint64_t)UINT32_MAX << 7));
	/* what was due when a register is written has happened before */
	apic_set(VLAPIC_TIMER_INITIAL, 1);
	fake.now += 1000;
	apic_set(VLAPIC_TIMER_INITIAL, 5);
	assert_int_equal(apic_take(), 0x51);
	/* an illegal vector is an error */
	apic_set(VLAPIC_ESR, 0);
	apic_set(VLAPIC_LVT_TIMER, 0x05);
	fake.now += 1000;
	apic_service();
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0x40);
}

static void periodic(void **state)
{
	uint64_t start, n, length = 1234567;

	(void)state;
	apic_set(VLAPIC_TIMER_DIVIDE, 0xb);
	apic_set(VLAPIC_LVT_TIMER, 0x20052);
	start = fake.now;
	apic_set(VLAPIC_TIMER_INITIAL, (uint32_t)length);
	for (n = 1; n < 10000; n++) {
		assert_true(apic_deadline() == start + n * length);
		fake.now = apic_deadline() + fake_below(length / 2);	/* late, but without drift */
		assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), length - (fake.now - start) % length);
		apic_service();
		assert_int_equal(apic_take(), 0x52);
		assert_int_equal(vlapic_pending(&apic), -1);
	}
	/* away for long: one interrupt, and the grid is the same */
	fake.now += 1000 * length + 77;
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), length - (fake.now - start) % length);
	apic_service();
	assert_int_equal(apic_take(), 0x52);
	apic_service();
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal((apic_deadline() - start) % length, 0);
	assert_in_range(apic_deadline(), fake.now + 1, fake.now + length);
	/* the shortest period there is */
	apic_set(VLAPIC_TIMER_INITIAL, 1);
	fake.now += 10;
	apic_service();
	assert_int_equal(apic_take(), 0x52);
	assert_true(apic_deadline() >= fake.now + fake.hz / 20001);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 1);
	/* one-shot and back: the count goes on */
	apic_set(VLAPIC_TIMER_INITIAL, 100000);
	start = fake.now;
	apic_set(VLAPIC_LVT_TIMER, 0x53);
	apic_set(VLAPIC_LVT_TIMER, 0x20053);
	fake.now += 250000;
	apic_service();
	assert_int_equal(apic_take(), 0x53);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 50000);
}

/* The deadline is in the guest's ticks, the machine's moment in the processor's: never early, at most a tick late. */
static void tsc_deadline_scaled(void **state)
{
	static const uint64_t multipliers[] = { TSC_SAME_RATE / 3, TSC_SAME_RATE * 7, TSC_SAME_RATE + 1, TSC_SAME_RATE / 60000,
					       UINT64_MAX };

	(void)state;
	apic_set(VLAPIC_LVT_TIMER, 0x40054);
	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t m = multipliers[fake_random() % 5], offset = fake_random() & 0xffffffff, at;

		fake.now += fake_random() & 0xfffff;
		assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 0));
		vlapic_set_tsc(&apic, offset, m);
		at = tsc_scaled(fake.now, m) + offset + 1 + (fake_random() & 0xffffff);
		assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, at));
		assert_true(tsc_scaled(apic_deadline(), m) + offset >= at && tsc_scaled(apic_deadline() - 1, m) + offset < at);
		fake.now = apic_deadline();
		apic_service();
		assert_int_equal(apic_take(), 0x54);
	}
	/* beyond what the processor's TSC will ever show */
	vlapic_set_tsc(&apic, 0, 1);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 1 << 20));
	assert_true(apic_deadline() == TIME_NEVER);
	/* another rate while it waits: another moment */
	vlapic_set_tsc(&apic, 0, TSC_SAME_RATE);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 3 * fake.now));
	assert_true(apic_deadline() == 3 * fake.now);
	vlapic_set_tsc(&apic, 0, 2 * TSC_SAME_RATE);
	assert_true(apic_deadline() == (3 * fake.now + 1) / 2);
}

static void tsc_deadline(void **state)
{
	uint64_t guest = 5000;	/* the guest's TSC now */

	(void)state;
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 77));	/* another mode: ignored */
	assert_true(apic_msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	apic_set(VLAPIC_LVT_TIMER, 0x40054);
	vlapic_set_tsc(&apic, guest - fake.now, TSC_SAME_RATE);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 9000));
	assert_true(apic_msr(VLAPIC_MSR_TSC_DEADLINE) == 9000);
	assert_true(apic_deadline() == fake.now + 4000);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 0);
	fake.now += 3999;
	apic_service();
	assert_int_equal(vlapic_pending(&apic), -1);
	fake.now++;
	assert_true(apic_msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	assert_int_equal(apic_take(), 0x54);
	assert_true(apic_deadline() == TIME_NEVER);
	apic_service();
	assert_int_equal(vlapic_pending(&apic), -1);
	/* the past fires at once */
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 9000));
	assert_int_equal(apic_take(), 0x54);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 1));
	assert_int_equal(apic_take(), 0x54);
	/* the guest's TSC moves: so does the moment */
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 20000));
	assert_true(apic_deadline() == fake.now + 11000);
	vlapic_set_tsc(&apic, 15000 - fake.now, TSC_SAME_RATE);
	assert_true(apic_deadline() == fake.now + 5000);
	vlapic_set_tsc(&apic, 1000 - fake.now, TSC_SAME_RATE);
	assert_true(apic_deadline() == fake.now + 19000);
	vlapic_set_tsc(&apic, 20000 - fake.now, TSC_SAME_RATE);
	assert_int_equal(apic_take(), 0x54);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, UINT64_MAX));
	assert_true(apic_deadline() == TIME_NEVER || apic_deadline() > 1ull << 63);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 0));
	assert_true(apic_deadline() == TIME_NEVER);
	/* a change of mode disarms, both ways */
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 50000));
	apic_set(VLAPIC_LVT_TIMER, 0x20054);
	assert_true(apic_deadline() == TIME_NEVER);
	apic_set(VLAPIC_TIMER_INITIAL, 12345);
	apic_set(VLAPIC_LVT_TIMER, 0x40054);
	assert_true(apic_deadline() == TIME_NEVER);
	assert_true(apic_msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	/* masked it expires all the same, in silence */
	apic_set(VLAPIC_LVT_TIMER, 0x50054);
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, 50000));
	assert_true(apic_deadline() == TIME_NEVER);
	fake.now += 60000;
	assert_true(apic_msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	apic_set(VLAPIC_LVT_TIMER, 0x40054);
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void a_fast_tsc_is_divided_by_eight(void **state)
{
	(void)state;
	fake.hz = 5200000000u;
	vlapic_init(&apic, &fake, page);	/* measures */
	apic_set(VLAPIC_SVR, 0x1ff);
	apic_set(VLAPIC_LVT_TIMER, 0x55);
	apic_set(VLAPIC_TIMER_DIVIDE, 0xb);
	apic_set(VLAPIC_TIMER_INITIAL, 1000);
	assert_true(apic_deadline() == fake.now + 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_shot, setup),
		cmocka_unit_test_setup(periodic, setup),
		cmocka_unit_test_setup(tsc_deadline, setup),
		cmocka_unit_test_setup(tsc_deadline_scaled, setup),
		cmocka_unit_test_setup(a_fast_tsc_is_divided_by_eight, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
