/*
 * All clocks of a machine side by side for ten minutes in odd steps: 8254, HPET, power-management timer, date, APIC timer, TSC.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vlapic.c vmm/devices/vlapic_regs.c vmm/devices/vlapic_timer.c vmm/devices/vhpet.c vmm/devices/vacpi.c vmm/devices/vrtc.c vmm/devices/vrtc_date.c vmm/devices/vpit.c vmm/devices/vpit_channel.c vmm/devices/vpic.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vlapic_fake.h"

#include "vmm/devices/vacpi.h"
#include "vmm/devices/vhpet.h"
#include "vmm/devices/vpit.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vrtc.h"
#include "vmm/devices/vrtc_date.h"

#define MINUTES 10u
#define APIC_VECTOR 0x40u
#define APIC_COUNT 250000007u	/* about a tenth of a second */
#define HPET_PERIOD 123457u	/* 1.2 ms */
#define PIT_COUNT 11932u	/* 10 ms */

static struct vhpet hpet;
static struct vacpi acpi;
static struct vrtc rtc;
static struct vpit pit;
static struct vpic pic;

/* A counter that is read often enough goes on for ever. */
struct counter {
	uint64_t total, last;
};

static void follow(struct counter *c, uint64_t value, unsigned int bits)
{
	uint64_t mask = (1ull << bits) - 1;

	c->total += (value - c->last) & mask;
	c->last = value & mask;
}

static uint64_t pit_value(void)	/* counts down from 65536 */
{
	unsigned int low;

	outb(0x43, 0x80);
	low = inb(0x42);
	return (uint64_t)-(int64_t)(low | (unsigned int)inb(0x42) << 8);
}

static void irq_hook(struct vm *vm, unsigned int line, bool asserted)
{
	(void)vm;
	vpic_set(&pic, line, asserted);
}

static void setup_devices(void)
{
	vpic_init(&pic, &fake);
	vpit_init(&pit, &fake);
	vpit_attach(&pit, &pic);
	vrtc_init(&rtc, &fake);
	vacpi_init(&acpi, &fake);
	vhpet_init(&hpet, &fake);
	assert_int_equal(vpit_claim(&pit, &fake.bus), 0);
	assert_int_equal(vpic_claim(&pic, &fake.bus), 0);
	assert_int_equal(vrtc_claim(&rtc, &fake.bus), 0);
	assert_int_equal(vacpi_claim(&acpi, &fake.bus), 0);
	assert_int_equal(vhpet_claim(&hpet, &fake.bus), 0);
	apic_start();
}

static void program(void)
{
	/* 8254: channel 0 ticks, channel 2 counts 65536 with its gate open */
	outb(0x61, 1);
	outb(0x43, 0xb4);
	outb(0x42, 0);
	outb(0x42, 0);
	outb(0x43, 0x34);
	outb(0x40, PIT_COUNT & 255);
	outb(0x40, PIT_COUNT >> 8);
	outb(0x21, 0xfe);
	/* the date's update interrupt */
	outb(0x70, VRTC_B);
	outb(0x71, 0x12);
	/* HPET: timer 2 periodic */
	fake_write(VHPET_BASE + 0x140, 4, 0x14c | 20 << 9);
	fake_write(VHPET_BASE + 0x148, 4, HPET_PERIOD);
	fake_write(VHPET_BASE + 0x10, 4, 1);
	/* APIC timer, periodic */
	apic_set(VLAPIC_TIMER_DIVIDE, 0xb);
	apic_set(VLAPIC_LVT_TIMER, 0x20000 | APIC_VECTOR);
	apic_set(VLAPIC_TIMER_INITIAL, APIC_COUNT);
}

static uint64_t service_all(void)
{
	struct vdev *all[] = { &apic.dev, &hpet.dev, &acpi.dev, &rtc.dev, &pit.dev };
	uint64_t next = TIME_NEVER;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i]->ops->deadline(all[i]) <= fake.now)
			all[i]->ops->service(all[i], fake.now);
		if (all[i]->ops->deadline(all[i]) < next)
			next = all[i]->ops->deadline(all[i]);
	}
	return next;
}

/* Do `count` of `hz` take as long as `ticks` of the TSC, but for a millionth and `slack` counts? */
static void expect(const char *name, double count, double hz, uint64_t ticks, double slack)
{
	double want = (double)ticks / (double)fake.hz, got = count / hz, allowed = want * 1e-6 + slack / hz;

	if (got < want - allowed || got > want + allowed)
		fail_msg("%s: %.9f s instead of %.9f s", name, got, want);
}

static void run(uint64_t hz)
{
	struct counter chip = { 0 }, pm = { 0 };
	uint64_t start, rtc_start, updates = 0, ticks = 0, apic_ticks = 0, next, passed;
	uint64_t hpet_start;

	fake_init();
	fake.hz = hz;
	fake.irq_hook = irq_hook;
	setup_devices();
	program();
	start = fake.now;
	rtc_start = rtc.second_start;
	chip.last = pit_value() & 0xffff;
	pm.last = fake_in(0x608, 4);
	hpet_start = fake_read(VHPET_BASE + 0xf0, 8);
	while (fake.now - start < MINUTES * 60 * fake.hz) {
		uint64_t step = fake_below(1ull << fake_below(26)) + 1;	/* under 54 ms, the 8254's round */

		next = service_all();
		fake.now = next - fake.now < step && next > fake.now ? next : fake.now + step;
		service_all();
		while (pic.intr)
			ticks += vpic_acknowledge(&pic) == 8, outb(0x20, 0x20);
		if (fake.line[8]) {
			outb(0x70, VRTC_C);
			updates += inb(0x71) >> 4 & 1;
		}
		if (vlapic_pending(&apic) >= 0) {
			assert_int_equal(apic_take(), APIC_VECTOR);
			apic_ticks++;
		}
		follow(&chip, pit_value(), 16);
		follow(&pm, fake_in(0x608, 4), 32);
	}
	passed = fake.now - start;
	expect("8254 channel 2", (double)chip.total, 1193181.666, passed, 2);
	expect("8254 ticks", (double)(ticks + pit.s.owed) * PIT_COUNT, 1193181.666, passed, PIT_COUNT + 2);
	expect("power-management timer", (double)pm.total, 3579545, passed, 2);
	expect("HPET", (double)(fake_read(VHPET_BASE + 0xf0, 8) - hpet_start), VHPET_HZ, passed, 2);
	expect("HPET interrupts", (double)fake.gsi_rises[20] * HPET_PERIOD, VHPET_HZ, passed, HPET_PERIOD + 2);
	expect("date", (double)updates, 1, fake.now - rtc_start, 1);
	/* to the tick: the second begins where it should */
	assert_true(rtc.second_start == rtc_start + updates * fake.hz);
	passed -= (uint64_t)APIC_COUNT * (hz > UINT32_MAX ? 8 : 1) * apic_ticks;
	assert_true(passed < (uint64_t)APIC_COUNT * (hz > UINT32_MAX ? 8 : 1));
	assert_in_range(fake_read(VLAPIC_DEFAULT_BASE + VLAPIC_TIMER_CURRENT, 4),
			APIC_COUNT - passed / (hz > UINT32_MAX ? 8 : 1), APIC_COUNT - passed / (hz > UINT32_MAX ? 8 : 1));
}

static void all_clocks_agree(void **state)
{
	(void)state;
	run(2394459371u);
}

static void on_a_fast_processor_too(void **state)
{
	(void)state;
	run(5123456789u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_clocks_agree),
		cmocka_unit_test(on_a_fast_processor_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
