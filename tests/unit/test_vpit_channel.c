/*
 * The 8254: every mode of a channel against a model that runs pulse by pulse.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vpit.c vmm/devices/vpit_channel.c vmm/devices/vpic.c vmm/machine/bus.c
 * UNIT: lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vpit.h"

static struct vpit pit;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpit_init(&pit, &fake);
	assert_int_equal(vpit_claim(&pit, &fake.bus), 0);
	return 0;
}

/* Exact time of a number of clock pulses, rounded up. */
static uint64_t pulses(uint64_t n)
{
	return (uint64_t)(((unsigned __int128)n * fake.hz + VPIT_HZ - 1) / VPIT_HZ);
}

/* One channel by the data sheet, stepped once for each clock pulse. */

struct model {
	int mode, ce, cr, odd;
	int written;	/* the mode as it was written: 6 and 7 are 2 and 3 */
	bool bcd, gate, out, null, counting, load, trigger, zeroed;
};

static int model_down(const struct model *m, int by)
{
	int range = m->bcd ? 10000 : 65536;

	return (m->ce - by + range) % range;
}

static void model_load(struct model *m)
{
	m->ce = m->mode == 3 ? m->cr & ~1 : m->cr;
	m->odd = m->cr & 1;
	m->null = false;
	m->load = false;
	m->trigger = false;
	m->counting = true;
	m->zeroed = false;
	if (m->mode == 1)
		m->out = false;
	else if (m->mode != 0)
		m->out = true;
}

static void model_count(struct model *m)
{
	switch (m->mode) {
	case 0:
	case 1:
		m->ce = model_down(m, 1);
		if (m->ce == 0)
			m->out = true;
		break;
	case 2:
		if (m->ce == 1) {
			model_load(m);
		} else {
			m->ce = model_down(m, 1);
			m->out = m->ce != 1;
		}
		break;
	case 3:
		if (m->ce == 0 || (m->ce == 2 && !(m->odd && m->out))) {
			bool out = !m->out;

			model_load(m);
			m->out = out;
		} else {
			m->ce = model_down(m, 2);
		}
		break;
	default:
		m->ce = model_down(m, 1);
		m->out = true;
		if (m->ce == 0 && !m->zeroed) {
			m->out = false;
			m->zeroed = true;
		}
		break;
	}
}

static void model_pulse(struct model *m)
{
	bool by_gate = m->mode == 1 || m->mode == 5;

	if (m->load || m->trigger)
		model_load(m);
	else if (m->counting && (m->gate || by_gate))
		model_count(m);
}

static void model_control(struct model *m, int mode, bool bcd)
{
	m->mode = mode;
	m->bcd = bcd;
	m->counting = false;
	m->load = false;
	m->trigger = false;
	m->null = true;
	m->out = mode != 0;
}

/* First of the two bytes. */
static void model_low_byte(struct model *m)
{
	if (m->mode == 0) {
		m->counting = false;
		m->load = false;
		m->out = false;
	}
}

static bool model_armed;	/* modes 1 and 5: a count was written, so a trigger may act */

static void model_write(struct model *m, int count)
{
	m->cr = count;
	m->null = true;
	model_armed = true;
	if (m->mode == 0 || m->mode == 4 || ((m->mode == 2 || m->mode == 3) && !m->counting))
		m->load = true;
}

static void model_gate(struct model *m, bool gate)
{
	bool periodic = m->mode == 2 || m->mode == 3;

	if (gate && !m->gate) {
		if ((m->mode == 1 || m->mode == 5) && model_armed)
			m->trigger = true;
		if (periodic && (m->counting || m->load))
			m->trigger = true;
	}
	if (!gate && m->gate && periodic)
		m->out = true;
	m->gate = gate;
}

static int to_bcd(int v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static uint64_t pulse_now;

static void go(struct model *m, unsigned int n)
{
	while (n--) {
		pulse_now++;
		model_pulse(m);
	}
	fake.now = pit.epoch + pulses(pulse_now);
}

/* Reads status and count of channel 2 by read-back and compares. */
static void compare(const struct model *m)
{
	unsigned int status, count, want;

	outb(0x43, 0xc8);
	status = inb(0x42);
	count = inb(0x42);
	count |= (unsigned int)inb(0x42) << 8;
	want = (unsigned int)(m->bcd ? to_bcd(m->ce) : m->ce & 0xffff);
	assert_int_equal(status, (m->out ? 0x80 : 0) | (m->null ? 0x40 : 0) | 0x30 | m->written << 1 |
				 m->bcd);
	if (m->counting)	/* before the load the data sheet leaves it open */
		assert_int_equal(count, want);
	assert_int_equal(inb(0x61) >> 5 & 1, m->out);
}

static int random_count(const struct model *m)
{
	int highest = m->bcd ? 10000 : 65536;

	switch (fake_below(8)) {
	case 0:
		return highest;
	case 1:
		return 2 + (int)fake_below((uint64_t)highest - 2);
	default:
		return 2 + (int)fake_below(30);
	}
}

static void every_mode_agrees_with_the_model(void **state)
{
	struct model m = { .ce = 0 };
	unsigned int program, op;

	(void)state;
	pulse_now = 0;
	for (program = 0; program < 4000; program++) {
		unsigned int mode = (unsigned int)fake_below(8);
		bool bcd = fake_below(2);

		outb(0x43, 0xb0 | mode << 1 | bcd);
		model_control(&m, (int)(mode > 5 ? mode - 4 : mode), bcd);
		m.written = (int)mode;
		model_armed = false;
		for (op = 0; op < 40; op++) {
			int count = random_count(&m), raw;

			switch (fake_below(6)) {
			case 0:
				raw = m.bcd ? to_bcd(count % 10000) : count & 0xffff;
				outb(0x42, (unsigned int)raw & 0xff);
				model_low_byte(&m);
				if (fake_below(4) == 0) {
					go(&m, 1 + (unsigned int)fake_below(9));
					compare(&m);
				}
				outb(0x42, (unsigned int)raw >> 8);
				model_write(&m, count);
				break;
			case 1:
				outb(0x61, !m.gate);
				model_gate(&m, !m.gate);
				break;
			case 2:
				if (fake_below(20) == 0)
					go(&m, (unsigned int)fake_below(70000));
				break;
			default:
				break;
			}
			go(&m, 1 + (unsigned int)fake_below(12));
			compare(&m);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_mode_agrees_with_the_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
