/*
 * The clock chip: dates against the C library's, setting, alarms against a slow model, CMOS.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vrtc.c vmm/devices/vrtc_date.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include <time.h>

#include "vmm/devices/vrtc.h"
#include "vmm/devices/vrtc_date.h"

#define IRQ 8

static struct vrtc rtc;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vrtc_init(&rtc, &fake);
	assert_int_equal(vrtc_claim(&rtc, &fake.bus), 0);
	return 0;
}

static uint8_t get(unsigned int index)
{
	outb(0x70, index);
	return inb(0x71);
}

static void set(unsigned int index, unsigned int value)
{
	outb(0x70, index);
	outb(0x71, value);
}

static uint64_t deadline(void)
{
	return rtc.dev.ops->deadline(&rtc.dev);
}

static void service(void)
{
	rtc.dev.ops->service(&rtc.dev, fake.now);
}

static void pass_seconds(uint64_t n)
{
	fake.now += n * fake.hz;
}

static unsigned int bcd(unsigned int v)
{
	return v / 10 << 4 | v % 10;
}

/* Do the date bytes show that second, in the form register B says? */
static void expect_date(int64_t second)
{
	unsigned int b = get(VRTC_B), hour;
	time_t t = (time_t)second;
	struct tm tm;

	assert_non_null(gmtime_r(&t, &tm));
#define SHOWN(v) ((b & 4) ? (unsigned int)(v) : bcd((unsigned int)(v)))
	hour = SHOWN(tm.tm_hour);
	if (!(b & 2)) {
		hour = SHOWN(tm.tm_hour % 12 ? tm.tm_hour % 12 : 12);
		if (tm.tm_hour >= 12)
			hour |= 0x80;
	}
	assert_int_equal(get(0), SHOWN(tm.tm_sec));
	assert_int_equal(get(2), SHOWN(tm.tm_min));
	assert_int_equal(get(4), hour);
	assert_int_equal(get(6), tm.tm_wday + 1);
	assert_int_equal(get(7), SHOWN(tm.tm_mday));
	assert_int_equal(get(8), SHOWN(tm.tm_mon + 1));
	assert_int_equal(get(9), SHOWN((tm.tm_year + 1900) % 100));
	assert_int_equal(get(0x32), bcd((unsigned int)(tm.tm_year + 1900) / 100));
#undef SHOWN
}

/* Writes that second into the date bytes as a driver does, with SET. */
static void set_date(int64_t second)
{
	unsigned int b = get(VRTC_B);
	uint8_t bytes[VRTC_BYTES] = { [VRTC_B] = (uint8_t)b };
	static const uint8_t order[] = { 9, 8, 7, 4, 2, 0, 0x32, 6 };
	unsigned int i;

	vrtc_date_show(bytes, second);
	set(VRTC_B, b | 0x80);
	for (i = 0; i < sizeof(order); i++)
		set(order[i], bytes[order[i]]);
	set(VRTC_B, b);
}

static void dates_agree_with_the_c_library(void **state)
{
	uint8_t bytes[VRTC_BYTES] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 300000; i++) {
		int64_t second = (int64_t)fake_below(VRTC_DATE_SPAN) - 62167219200ll;
		time_t t = (time_t)second;
		struct tm tm;

		if (i % 3 == 0)	/* the days around the turns of months and years */
			second = vrtc_date_wrap(second - second % (86400 * 365) +
						(int64_t)fake_below(86400 * 3));
		t = (time_t)second;
		bytes[VRTC_B] = 4 | 2;
		vrtc_date_show(bytes, second);
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(bytes[0], tm.tm_sec);
		assert_int_equal(bytes[2], tm.tm_min);
		assert_int_equal(bytes[4], tm.tm_hour);
		assert_int_equal(bytes[6], tm.tm_wday + 1);
		assert_int_equal(bytes[7], tm.tm_mday);
		assert_int_equal(bytes[8], tm.tm_mon + 1);
		assert_int_equal(bytes[9], (tm.tm_year + 1900) % 100);
		assert_true(vrtc_date_read(bytes) == second);
		bytes[VRTC_B] = (uint8_t)fake_below(8);
		vrtc_date_show(bytes, second);
		assert_true(vrtc_date_read(bytes) == second);
		assert_int_equal(vrtc_date_of_day(second),
				 tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
	}
	assert_true(vrtc_date_wrap(253402300800ll) == -62167219200ll);
	assert_true(vrtc_date_wrap(INT64_MAX) >= -62167219200ll);
	assert_true(vrtc_date_wrap(INT64_MIN) < 253402300800ll);
}

static void shows_the_machines_date(void **state)
{
	unsigned int form;
	int64_t want;

	(void)state;
	want = (int64_t)machine_wall_seconds(&fake);
	expect_date(want);
	for (form = 0; form < 8; form += 2) {
		set(VRTC_B, form);
		pass_seconds(3600 * 7 + 11);
		want += 3600 * 7 + 11;
		expect_date(want);
	}
	pass_seconds(86400 * 400);
	expect_date(want + 86400 * 400);
	assert_int_equal(get(VRTC_D), 0x80);
	assert_int_equal(get(VRTC_A), 0x26);
	assert_int_equal(inb(0x70), 0xff);
}

static void guest_sets_the_date(void **state)
{
	(void)state;
	set_date(951782399);	/* 2000-02-28 23:59:59 */
	expect_date(951782399);
	pass_seconds(1);
	expect_date(951782400);
	pass_seconds(86400);
	expect_date(951782400 + 86400);
	set(VRTC_B, 0x00);
	set_date(4102444799);	/* the last second of 2099 in BCD and 12 hours */
	pass_seconds(1);
	expect_date(4102444800);
	/* SET stops the date but not the chain behind it */
	set(VRTC_B, 0x86);
	pass_seconds(100);
	expect_date(4102444800);
	set(VRTC_B, 0x06);
	fake.now += fake.hz / 2;
	pass_seconds(1);
	expect_date(4102444801);
	/* bytes written while it runs count from the next update on */
	set(0, 30);
	assert_int_equal(get(0), 30);
	pass_seconds(1);
	assert_int_equal(get(0), 31);
	/* the form may be changed while the date stands, before anything is written, not after */
	set(VRTC_B, 0x86);
	set(2, 47);
	set(VRTC_B, 0x82);
	assert_int_equal(get(2), 47);
	set(VRTC_B, 0x86);
	set(VRTC_B, 0x06);
	pass_seconds(1);
	assert_int_equal(get(2), 47);
	/* nonsense gives some date, and it goes on from there */
	set(VRTC_B, 0x86);
	set(0, 0xff);
	set(2, 0xff);
	set(4, 0xff);
	set(7, 0);
	set(8, 0xee);
	set(9, 0xff);
	set(0x32, 0xff);
	set(VRTC_B, 0x06);
	pass_seconds(1);
	assert_int_equal(get(0), 0);
	assert_int_equal(get(2), 0);
	/* 31 February is 3 March */
	set_date(1706745600);	/* 2024-02-01 00:00:00 */
	set(VRTC_B, 0x86);
	set(7, 31);
	set(VRTC_B, 0x06);
	pass_seconds(1);
	assert_int_equal(get(7), 2);
	assert_int_equal(get(8), 3);
}

static void divider_reset_gives_half_a_second(void **state)
{
	int64_t before;

	(void)state;
	set(VRTC_A, 0x76);
	before = rtc.s.second;
	pass_seconds(5);
	expect_date(before);
	assert_int_equal(get(VRTC_A), 0x76);
	set(VRTC_A, 0x26);
	fake.now += fake.hz / 2 - 100;
	expect_date(before);
	fake.now += 200;
	expect_date(before + 1);
}

static void update_in_progress_comes_before_the_update(void **state)
{
	uint64_t steps = 0, seen = 0;
	uint8_t second;

	(void)state;
	while (get(VRTC_A) & 0x80)
		fake.now += 1000;
	second = get(0);
	while (get(0) == second) {
		fake.now += fake.hz / 100000;	/* 10 us */
		steps++;
		seen += get(VRTC_A) >> 7;
	}
	assert_in_range(steps, 50000, 100010);
	assert_in_range(seen, 221, 224);
	assert_int_equal(get(VRTC_A) & 0x80, 0);
}

static void periodic_interrupts(void **state)
{
	unsigned int rate;

	(void)state;
	for (rate = 3; rate <= 15; rate++) {
		unsigned int hz = 32768u >> (rate - 1), n;
		uint64_t start;

		setup(NULL);
		start = rtc.second_start;
		set(VRTC_A, 0x20 | rate);
		set(VRTC_B, 0x42);
		get(VRTC_C);
		for (n = 1; n <= 3 * hz; n++) {
			uint64_t due = start + (uint64_t)((unsigned __int128)n * fake.hz / hz);

			assert_in_range(deadline(), due, due + 2);
			fake.now = deadline();
			service();
			assert_true(fake.line[IRQ]);
			assert_true(deadline() == TIME_NEVER);	/* the line is up */
			assert_int_equal(get(VRTC_C) & 0xc0, 0xc0);
			assert_false(fake.line[IRQ]);
		}
	}
	set(VRTC_A, 0x20);
	assert_true(deadline() == TIME_NEVER);
	set(VRTC_A, 0x22);
	assert_in_range(deadline() - fake.now, 1, fake.hz / 128 + 2);
	/* the flag comes without the interrupt too */
	set(VRTC_B, 0x02);
	get(VRTC_C);
	fake.now += fake.hz / 100;
	assert_int_equal(get(VRTC_C) & 0xc0, 0x40);
	assert_int_equal(get(VRTC_C) & 0x40, 0);
}

static void update_interrupts(void **state)
{
	unsigned int n;

	(void)state;
	set(VRTC_B, 0x12);
	get(VRTC_C);
	for (n = 1; n < 100; n++) {
		assert_true(deadline() == rtc.second_start + fake.hz);
		fake.now = deadline();
		service();
		assert_int_equal(fake.rises[IRQ], n);
		assert_int_equal(get(VRTC_C) & 0x90, 0x90);
	}
	set(VRTC_B, 0x92);	/* SET takes the enable back */
	assert_int_equal(get(VRTC_B), 0x82);
	pass_seconds(3);
	assert_int_equal(get(VRTC_C) & 0x10, 0);
	set(VRTC_B, 0x02);
	assert_true(deadline() == TIME_NEVER);
}

static bool alarm_matches(const uint8_t *b)
{
	return (b[1] >= 0xc0 || b[1] == b[0]) && (b[3] >= 0xc0 || b[3] == b[2]) &&
	       (b[5] >= 0xc0 || b[5] == b[4]);
}

static void alarms_agree_with_a_slow_model(void **state)
{
	unsigned int round;

	(void)state;
	for (round = 0; round < 600; round++) {
		uint8_t bytes[VRTC_BYTES] = { [VRTC_B] = (uint8_t)(fake_below(4) << 1) };
		int64_t second = 1700000000 + (int64_t)fake_below(86400);
		int wait, got;

		vrtc_date_show(bytes, 1700000000 + (int64_t)fake_below(86400));
		bytes[1] = fake_below(3) ? bytes[0] : (uint8_t)fake_random();
		bytes[3] = fake_below(3) ? bytes[2] : (uint8_t)fake_random();
		bytes[5] = fake_below(3) ? bytes[4] : (uint8_t)fake_random();
		if (fake_below(3) == 0)
			bytes[fake_below(3) * 2 + 1] |= 0xc0;
		got = vrtc_date_alarm_delay(bytes, vrtc_date_of_day(second));
		for (wait = 0; wait < 86400; wait++) {
			vrtc_date_show(bytes, second + wait);
			if (alarm_matches(bytes))
				break;
		}
		assert_int_equal(got, wait < 86400 ? wait : -1);
	}
}

static void alarm_interrupts(void **state)
{
	uint64_t start;

	(void)state;
	set_date(1700000000);	/* 22:13:20 */
	set(VRTC_B, 0x22);
	get(VRTC_C);
	set(1, 0x20);
	set(3, 0x13);
	set(5, 0x22);
	start = rtc.second_start;
	assert_true(deadline() == start + 86400 * fake.hz);	/* not now: tomorrow */
	set(3, 0x14);
	assert_true(deadline() == start + 60 * fake.hz);
	fake.now = deadline() - 1;
	service();
	assert_false(fake.line[IRQ]);
	fake.now++;
	service();
	assert_true(fake.line[IRQ]);
	assert_int_equal(get(VRTC_C) & 0xa0, 0xa0);
	set(3, 0x60);	/* never */
	assert_true(deadline() == TIME_NEVER);
	/* the flag comes without the interrupt, even when nobody looked for long */
	set(VRTC_B, 0x02);
	set(3, 0x30);
	get(VRTC_C);
	pass_seconds(900);
	assert_int_equal(get(VRTC_C) & 0x30, 0x10);
	pass_seconds(900);
	assert_int_equal(get(VRTC_C) & 0x30, 0x30);
	set(1, 0xff);
	set(3, 0xff);
	set(5, 0xff);
	get(VRTC_C);
	pass_seconds(1);
	assert_int_equal(get(VRTC_C) & 0x30, 0x30);
}

/* However long the guest was away: one interrupt of each kind, and the next one where it would have been anyway. */
static void away_for_long_there_is_one_interrupt(void **state)
{
	static const struct { uint8_t enable, flag; uint64_t period_of; } kinds[] = {
		{ 0x42, 0x40, 1024 }, { 0x12, 0x10, 1 }, { 0x22, 0x20, 1 },
	};
	unsigned int k, i;

	(void)state;
	for (k = 0; k < ARRAY_LEN(kinds); k++) {
		uint64_t start;

		setup(NULL);
		start = rtc.second_start;
		set(1, 0xff);	/* the alarm: each second */
		set(3, 0xff);
		set(5, 0xff);
		set(VRTC_B, kinds[k].enable);
		get(VRTC_C);
		for (i = 1; i <= 200; i++) {
			uint64_t n;

			fake.now += fake_below(fake.hz * 100) + fake.hz;
			service();
			service();
			assert_int_equal(fake.rises[IRQ], i);
			fake.now += fake_below(fake.hz / 5000);
			assert_int_equal(get(VRTC_C) & (0x80 | kinds[k].flag), 0x80 | kinds[k].flag);
			assert_false(fake.line[IRQ]);
			service();
			assert_int_equal(fake.rises[IRQ], i);
			n = (uint64_t)((unsigned __int128)(fake.now - start) * kinds[k].period_of / fake.hz) + 1;
			n = (uint64_t)((unsigned __int128)n * fake.hz / kinds[k].period_of);
			assert_in_range(deadline(), start + n, start + n + 2);
		}
	}
}

static unsigned int word(unsigned int index)
{
	return get(index) | (unsigned int)get(index + 1) << 8;
}

static void cmos_tells_the_storage(void **state)
{
	unsigned int i, sum = 0;

	(void)state;
	assert_int_equal(word(0x15), 640);
	assert_int_equal(word(0x17), 95 * 1024 > 65535 ? 65535 : 95 * 1024);
	assert_int_equal(word(0x30), 65535);
	assert_int_equal(word(0x34), 80 * 16);
	assert_int_equal(get(0x5b) | get(0x5c) | get(0x5d), 0);
	assert_int_equal(get(0x14) & 0x02, 0x02);
	for (i = 0x10; i <= 0x2d; i++)
		sum += get(i);
	assert_int_equal(get(0x2e) << 8 | get(0x2f), sum);
	fake.storage = GIB(4) + MIB(640);
	rtc.dev.ops->reset(&rtc.dev);
	assert_int_equal(word(0x34), (4096 - 16) * 16);
	assert_int_equal(word(0x5b), 10240);
	assert_int_equal(get(0x5d), 0);
	fake.storage = MIB(8);
	rtc.dev.ops->reset(&rtc.dev);
	assert_int_equal(word(0x17), 7168);
	assert_int_equal(word(0x34), 0);
	fake.storage = KIB(256);
	rtc.dev.ops->reset(&rtc.dev);
	assert_int_equal(word(0x15), 256);
	assert_int_equal(word(0x17), 0);
	fake.storage = UINT64_MAX;
	rtc.dev.ops->reset(&rtc.dev);
	assert_int_equal(get(0x5d), 0xff);
}

static void a_reset_leaves_the_battery_in(void **state)
{
	(void)state;
	set_date(1234567890);
	set(0x0f, 0x0a);
	set(0x40 | 0x80, 0x55);	/* with the NMI bit */
	set(VRTC_B, 0x76);
	pass_seconds(2);
	service();
	assert_true(fake.line[IRQ]);
	rtc.dev.ops->reset(&rtc.dev);
	assert_false(fake.line[IRQ]);
	assert_int_equal(get(0x0f), 0x0a);
	assert_int_equal(get(0x40), 0x55);
	assert_int_equal(get(0xc0), 0x55);
	assert_int_equal(get(VRTC_B), 0x06);
	assert_true(deadline() == TIME_NEVER);
	set(VRTC_B, 0x02);
	expect_date(1234567892);
}

static void state_goes_round(void **state)
{
	size_t size;
	void *bytes;

	(void)state;
	set_date(1234567890);
	set(0x50, 0xab);
	set(VRTC_B, 0x42);
	pass_seconds(500);	/* nobody looks at it all that time */
	bytes = fake_save(&rtc.dev, &size);
	pass_seconds(3600);
	fake.line[IRQ] = true;
	vrtc_init(&rtc, &fake);
	assert_true(rtc.dev.ops->restore(&rtc.dev, bytes, size));
	assert_int_equal(get(0x50), 0xab);
	assert_true(rtc.s.second >= 1234567890 + 500 + 3600 - 1);
	assert_true(rtc.s.second <= 1234567890 + 500 + 3600 + 1);
	expect_date(rtc.s.second);
	fake.now += fake.hz / 1000;
	service();
	assert_true(fake.line[IRQ]);
	/* a date that stands is put back standing */
	free(bytes);
	set(VRTC_B, 0x82);
	set(0, 0x59);
	bytes = fake_save(&rtc.dev, &size);
	pass_seconds(100);
	vrtc_init(&rtc, &fake);
	assert_true(rtc.dev.ops->restore(&rtc.dev, bytes, size));
	assert_int_equal(get(0), 0x59);
	free(bytes);
	fake_check_bad_restore(&rtc.dev);
}

static void anything_may_be_written(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 1500000; i++) {
		if (fake_below(1000) == 0)
			fake.now += fake_below(fake.hz * 100000);
		fake.now += fake_below(fake_below(20) ? 5000 : fake.hz);
		if (fake_below(4) == 0)
			outb(0x70, (unsigned int)fake_below(16));
		fake_random_access(&rtc.dev, 2, 0x6f, 4);
		if (deadline() <= fake.now) {
			service();
			assert_true(deadline() > fake.now);
		}
		assert_true(fake.line[IRQ] == !!(rtc.s.bytes[VRTC_C] & rtc.s.bytes[VRTC_B] & 0x70));
		assert_true(fake.line[IRQ] == !!(rtc.s.bytes[VRTC_C] & 0x80));
		assert_true(rtc.s.second == vrtc_date_wrap(rtc.s.second));
	}
	assert_true(fake.rises[IRQ] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(dates_agree_with_the_c_library, setup),
		cmocka_unit_test_setup(shows_the_machines_date, setup),
		cmocka_unit_test_setup(guest_sets_the_date, setup),
		cmocka_unit_test_setup(divider_reset_gives_half_a_second, setup),
		cmocka_unit_test_setup(update_in_progress_comes_before_the_update, setup),
		cmocka_unit_test_setup(periodic_interrupts, setup),
		cmocka_unit_test_setup(update_interrupts, setup),
		cmocka_unit_test_setup(alarms_agree_with_a_slow_model, setup),
		cmocka_unit_test_setup(alarm_interrupts, setup),
		cmocka_unit_test_setup(away_for_long_there_is_one_interrupt, setup),
		cmocka_unit_test_setup(cmos_tells_the_storage, setup),
		cmocka_unit_test_setup(a_reset_leaves_the_battery_in, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
