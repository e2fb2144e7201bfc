/*
 * The I/O APIC: windows, edges and levels against a slow model, EOI, the 8254 that waits for it.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vioapic.c vmm/devices/vlapic.c vmm/devices/vlapic_regs.c vmm/devices/vlapic_timer.c vmm/devices/vpit.c vmm/devices/vpit_channel.c vmm/devices/vpic.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vlapic_fake.h"

#include "vmm/devices/vioapic.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"

#define BASE VIOAPIC_BASE
#define MASKED 0x10000u
#define LEVEL 0x8000u
#define REMOTE 0x4000u

static struct vioapic io;
static struct vpic pic;
static struct vpit pit;

static uint32_t get(unsigned int index)
{
	fake_write(BASE, 4, index);
	return (uint32_t)fake_read(BASE + 0x10, 4);
}

static void set(unsigned int index, uint32_t value)
{
	fake_write(BASE, 4, index);
	fake_write(BASE + 0x10, 4, value);
}

static void entry(unsigned int pin, uint32_t low)
{
	set(0x10 + pin * 2, low);
}

static void eoi_hook(struct vm *vm, uint8_t vector)
{
	(void)vm;
	vioapic_eoi(&io, vector);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	fake.eoi_hook = eoi_hook;
	apic_start();
	vioapic_init(&io, &fake, &apic);
	assert_int_equal(vioapic_claim(&io, &fake.bus), 0);
	return 0;
}

static void eoi(void)
{
	apic_set(VLAPIC_EOI, 0);
}

static bool mapped(unsigned int vector)
{
	return vioapic_eoi_map(&io)[vector / 64] >> vector % 64 & 1;
}

static void windows(void **state)
{
	unsigned int pin, i;

	(void)state;
	assert_int_equal(get(0), 0);
	assert_int_equal(get(1), 0x170020);
	set(1, 0);
	assert_int_equal(get(1), 0x170020);
	set(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	assert_int_equal(get(2), 0x0f000000);
	for (pin = 0; pin < 24; pin++) {
		assert_int_equal(get(0x10 + pin * 2), MASKED);
		assert_int_equal(get(0x11 + pin * 2), 0);
	}
	for (pin = 0; pin < 24; pin++) {
		set(0x11 + pin * 2, 0xffffffff - pin);
		set(0x10 + pin * 2, 0xffffffff);
		assert_int_equal(get(0x11 + pin * 2), 0xff000000);
		assert_int_equal(get(0x10 + pin * 2), 0x1afff);
	}
	for (i = 0; i < 256; i++) {
		unsigned int place = i - 0x10;

		if (i > 2 && place >= 48) {
			set(i, 0xffffffff);
			assert_int_equal(get(i), 0);
		}
	}
	fake_write(BASE, 4, 0x01);
	assert_int_equal(fake_read(BASE, 4), 1);
	assert_int_equal(fake_read(BASE + 0x12, 1), 0x17);
	assert_int_equal(fake_read(BASE + 0x14, 4), 0);
	assert_int_equal(fake_read(BASE + 0x80, 4), 0);
	fake_write(BASE, 1, 0x10);
	fake_write(BASE + 1, 1, 0x55);
	assert_int_equal(fake_read(BASE, 1), 0x10);
	fake_write(BASE + 0x10, 2, 0x1111);	/* not by halves */
	assert_int_equal(fake_read(BASE + 0x10, 4), 0x1afff);
	io.dev.ops->reset(&io.dev);
	assert_int_equal(get(0x10), MASKED);
	assert_int_equal(get(0), 0);
}

static void edges(void **state)
{
	(void)state;
	entry(5, 0x45);
	vioapic_set(&io, 5, true);
	vioapic_set(&io, 5, true);
	assert_int_equal(apic_take(), 0x45);
	assert_int_equal(apic_take(), -1);
	vioapic_set(&io, 5, false);
	entry(5, MASKED | 0x45);
	vioapic_set(&io, 5, true);	/* lost */
	entry(5, 0x45);
	assert_int_equal(apic_take(), -1);
	vioapic_set(&io, 5, false);
	vioapic_set(&io, 5, true);
	assert_int_equal(apic_take(), 0x45);
	entry(6, 0x2046);	/* active low is the same to us */
	vioapic_set(&io, 6, true);
	assert_int_equal(apic_take(), 0x46);
	vioapic_set(&io, 24, true);
	vioapic_set(&io, 1000, true);
	assert_int_equal(io.s.lines, 3 << 5);
	assert_false(mapped(0x45));
}

static void levels(void **state)
{
	unsigned int changes = fake.eoi_map_changes;

	(void)state;
	entry(10, LEVEL | 0x5a);
	assert_true(mapped(0x5a));
	assert_int_equal(fake.eoi_map_changes, changes + 1);
	entry(11, LEVEL | 0x5a);	/* two pins, one vector */
	assert_int_equal(fake.eoi_map_changes, changes + 1);
	vioapic_set(&io, 10, true);
	assert_int_equal(get(0x10 + 20), LEVEL | REMOTE | 0x5a);
	assert_int_equal(apic_acknowledge(), 0x5a);
	vioapic_set(&io, 10, false);
	vioapic_set(&io, 10, true);
	assert_int_equal(vlapic_pending(&apic), -1);
	eoi();
	assert_int_equal(apic_acknowledge(), 0x5a);	/* it still stands */
	vioapic_set(&io, 11, true);
	vioapic_set(&io, 10, false);
	eoi();
	assert_int_equal(get(0x10 + 20), LEVEL | 0x5a);
	assert_int_equal(apic_take(), 0x5a);
	entry(11, MASKED | LEVEL | 0x5a);
	assert_int_equal(apic_take(), 0x5a);		/* was under way */
	assert_int_equal(apic_take(), -1);
	entry(11, LEVEL | 0x5b);		/* a level is not lost */
	assert_int_equal(apic_acknowledge(), 0x5b);
	/* for a moment an edge: that ends it as well */
	entry(11, MASKED | 0x5b);
	assert_int_equal(get(0x10 + 22), MASKED | 0x5b);
	entry(11, LEVEL | 0x5b);
	assert_int_equal(get(0x10 + 22), LEVEL | REMOTE | 0x5b);
	eoi();
	vioapic_set(&io, 11, false);
	assert_int_equal(apic_take(), 0x5b);
	/* the EOI register */
	vioapic_set(&io, 11, true);
	apic_acknowledge();
	vioapic_set(&io, 11, false);
	fake_write(BASE + 0x40, 4, 0x5b);
	assert_int_equal(get(0x10 + 22), LEVEL | 0x5b);
	/* nobody who listens: it waits */
	eoi();
	set(0x11 + 22, 0x05000000);
	vioapic_set(&io, 11, true);
	assert_int_equal(apic_take(), -1);
	assert_int_equal(get(0x10 + 22), LEVEL | 0x5b);
	set(0x11 + 22, 0);
	assert_int_equal(vlapic_pending(&apic), 0x5b);
}

static void other_modes(void **state)
{
	(void)state;
	entry(3, 0x400);
	vioapic_set(&io, 3, true);
	assert_int_equal(fake.nmis, 1);
	entry(3, LEVEL | 0x400);	/* always an edge */
	vioapic_set(&io, 3, false);
	vioapic_set(&io, 3, true);
	assert_int_equal(fake.nmis, 2);
	assert_int_equal(get(0x16), LEVEL | 0x400);
	entry(4, 0x500);
	vioapic_set(&io, 4, true);
	assert_int_equal(fake.inits, 1);
	entry(4, 0x200);
	vioapic_set(&io, 4, false);
	vioapic_set(&io, 4, true);
	assert_int_equal(apic_take(), -1);
	entry(7, 0x147);	/* lowest priority */
	vioapic_set(&io, 7, true);
	assert_int_equal(apic_take(), 0x47);
	assert_false(vioapic_accepts_pic(&io));
	entry(0, 0x700);
	assert_true(vioapic_accepts_pic(&io));
	set(0x11, 0x03000000);
	assert_false(vioapic_accepts_pic(&io));
	set(0x11, 0);
	entry(0, 0x10700);
	assert_false(vioapic_accepts_pic(&io));
	entry(8, 0x08);		/* an illegal vector is the local APIC's error */
	vioapic_set(&io, 8, true);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(page[VLAPIC_ESR / 4], 0x40);
	assert_false(mapped(8));
	/* logical destinations */
	apic_set(VLAPIC_LDR, 0x01000000);
	set(0x11 + 18, 0x01000000);
	entry(9, 0x849);
	vioapic_set(&io, 9, true);
	assert_int_equal(apic_take(), 0x49);
}

/* Each pin as a small machine of its own, looked at pin by pin. */
static void agrees_with_a_slow_model(void **state)
{
	struct { bool line, masked, level, remote; uint8_t vector; } m[24] = { 0 };
	bool irr[256] = { 0 }, isr[256] = { 0 };
	unsigned int i, pin, v;

	(void)state;
	for (pin = 0; pin < 24; pin++)
		m[pin].masked = true;
	for (i = 0; i < 300000; i++) {
		pin = (unsigned int)fake_below(24);
		switch (fake_below(4)) {
		case 0: {
			bool up = fake_below(2);

			vioapic_set(&io, pin, up);
			if (up && !m[pin].line && !m[pin].masked && !m[pin].level)
				irr[m[pin].vector] = true;
			m[pin].line = up;
			break;
		}
		case 1:
			m[pin].masked = fake_below(3) == 0;
			m[pin].level = fake_below(2);
			m[pin].vector = (uint8_t)(0x20 + fake_below(20) * 10);
			m[pin].remote &= m[pin].level;
			entry(pin, (m[pin].masked ? MASKED : 0) | (m[pin].level ? LEVEL : 0) | m[pin].vector);
			break;
		case 2:
			if (vlapic_pending(&apic) >= 0) {
				v = (unsigned int)apic_acknowledge();
				assert_true(irr[v]);
				irr[v] = false;
				isr[v] = true;
			}
			break;
		default:
			for (v = 255; v > 0 && !isr[v]; v--)
				;
			isr[v] = false;
			for (pin = 0; pin < 24; pin++)
				m[pin].remote &= m[pin].vector != v;
			eoi();
			break;
		}
		for (pin = 0; pin < 24; pin++) {
			if (m[pin].line && m[pin].level && !m[pin].masked && !m[pin].remote) {
				m[pin].remote = true;
				irr[m[pin].vector] = true;
			}
			assert_int_equal(io.s.entry[pin] >> 14 & 1, m[pin].remote);
		}
		v = 0x20 + (unsigned int)fake_below(20) * 10;
		assert_int_equal(page[(0x200 + v / 32 * 16) / 4] >> v % 32 & 1, irr[v]);
	}
}

static unsigned int calls;

static void count_call(void *who)
{
	assert_ptr_equal(who, &calls);
	calls++;
}

static void a_watched_pin(void **state)
{
	(void)state;
	calls = 0;
	vioapic_watch(&io, 8, count_call, &calls);
	vioapic_watch(&io, 24, count_call, &calls);
	entry(8, 0x77);
	assert_int_equal(calls, 1);
	assert_true(mapped(0x77));
	vioapic_set(&io, 8, true);
	assert_int_equal(calls, 1);
	assert_int_equal(apic_take(), 0x77);
	assert_int_equal(calls, 2);
	vioapic_set(&io, 8, false);
	entry(8, 0x400);
	vioapic_set(&io, 8, true);
	assert_int_equal(calls, 4);
	assert_false(mapped(0x77));
	vioapic_watch(&io, 8, NULL, NULL);
	entry(8, 0x77);
	assert_false(mapped(0x77));
}

static void pit_hook(struct vm *vm, unsigned int line, bool asserted)
{
	(void)vm;
	vpic_set(&pic, line, asserted);
	vioapic_set(&io, line == 0 ? VIOAPIC_TIMER_PIN : line, asserted);
}

/* The 8254 through the I/O APIC, with the 8259s masked: each of its ticks is delivered, none is lost. */
static void the_8254_ticks_by_pin_2(void **state)
{
	unsigned int ticks = 0, i;
	uint64_t start;

	(void)state;
	vpic_init(&pic, &fake);
	vpit_init(&pit, &fake);
	vpic_claim(&pic, &fake.bus);
	vpit_claim(&pit, &fake.bus);
	vpit_attach(&pit, &pic);
	vioapic_watch(&io, VIOAPIC_TIMER_PIN, vpit_free, &pit);
	fake.irq_hook = pit_hook;
	outb(0x43, 0x34);
	outb(0x40, 11932 & 255);
	outb(0x40, 11932 >> 8);
	start = fake.now;
	/* both masked for a while: one tick is asked for and goes nowhere */
	fake.now += fake.hz / 10;
	if (pit.dev.ops->deadline(&pit.dev) <= fake.now)
		pit.dev.ops->service(&pit.dev, fake.now);
	assert_int_equal(apic_take(), -1);
	entry(2, 0x30);
	for (i = 0; fake.now - start < fake.hz * 60; i++) {
		fake.now += fake_below(200) ? fake.hz / 1000 : fake_below(fake.hz / 2);	/* away for a while */
		if (pit.dev.ops->deadline(&pit.dev) <= fake.now)
			pit.dev.ops->service(&pit.dev, fake.now);
		if (vlapic_pending(&apic) >= 0) {
			assert_int_equal(apic_take(), 0x30);
			ticks++;
		}
	}
	/* let it catch up */
	for (i = 0; i < 1000 && pit.s.owed + pit.s.asked > 0; i++) {
		fake.now += fake.hz / 300;
		if (pit.dev.ops->deadline(&pit.dev) <= fake.now)
			pit.dev.ops->service(&pit.dev, fake.now);
		ticks += apic_take() == 0x30;
	}
	assert_int_equal(pit.s.dropped, 0);
	i = (unsigned int)((unsigned __int128)(fake.now - start) * VPIT_HZ / fake.hz / 11932);
	assert_in_range(ticks, i - 3, i + 1);
}

static void state_goes_round(void **state)
{
	char text[256];
	size_t size;
	uint8_t *bytes;

	(void)state;
	entry(9, LEVEL | 0x90);
	set(0x11 + 18, 0xff000000);
	vioapic_set(&io, 9, true);
	io.dev.ops->dump(&io.dev, text, sizeof(text));
	assert_string_equal(text, "lines=000200 9=ff0000000000c090");
	bytes = fake_save(&io.dev, &size);
	io.dev.ops->reset(&io.dev);
	assert_false(mapped(0x90));
	assert_true(io.dev.ops->restore(&io.dev, bytes, size));
	assert_true(mapped(0x90));
	assert_int_equal(get(0x10 + 18), LEVEL | REMOTE | 0x90);
	assert_int_equal(apic_take(), 0x90);
	assert_int_equal(apic_take(), 0x90);
	free(bytes);
	fake_check_bad_restore(&io.dev);
}

static void anything_may_be_written(void **state)
{
	unsigned int i;

	(void)state;
	vioapic_watch(&io, 2, count_call, &calls);
	for (i = 0; i < 1000000; i++) {
		static const uint8_t sizes[] = { 1, 2, 4, 4, 8 };
		uint64_t addr = BASE + (fake_below(8) ? fake_below(6) * 16 : fake_below(4096));
		unsigned int size = sizes[fake_below(sizeof(sizes))];

		if (fake_below(3) == 0)
			set(0x10 + (unsigned int)fake_below(50), (uint32_t)fake_random());
		else if (fake_below(2))
			fake_write(addr, size, fake_random());
		else
			fake_read(addr, size);
		vioapic_set(&io, (unsigned int)fake_below(26), fake_below(2));
		if (fake_below(4) == 0)
			apic_take();
	}
	assert_int_equal(io.s.lines >> 24, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(windows, setup),
		cmocka_unit_test_setup(edges, setup),
		cmocka_unit_test_setup(levels, setup),
		cmocka_unit_test_setup(other_modes, setup),
		cmocka_unit_test_setup(agrees_with_a_slow_model, setup),
		cmocka_unit_test_setup(a_watched_pin, setup),
		cmocka_unit_test_setup(the_8254_ticks_by_pin_2, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
