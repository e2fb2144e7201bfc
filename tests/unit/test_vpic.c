/*
 * The 8259 pair: initialization, priorities, ends of interrupt, masks, polling, edges and levels.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vpic.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vpic.h"

static struct vpic pic;
static unsigned int timer_calls;

static void timer_free(void *who)
{
	assert_ptr_equal(who, &timer_calls);
	timer_calls++;
}

/* As Linux sets the pair up, with the vectors at 30h and 38h. */
static void initialize(unsigned int master_icw4, unsigned int slave_icw4)
{
	outb(0x20, 0x11);
	outb(0x21, 0x30);
	outb(0x21, 0x04);
	outb(0x21, master_icw4);
	outb(0xa0, 0x11);
	outb(0xa1, 0x38);
	outb(0xa1, 0x02);
	outb(0xa1, slave_icw4);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpic_init(&pic, &fake);
	assert_int_equal(vpic_claim(&pic, &fake.bus), 0);
	timer_calls = 0;
	return 0;
}

static int setup_ready(void **state)
{
	setup(state);
	initialize(1, 1);
	return 0;
}

static void pulse(unsigned int line)
{
	vpic_set(&pic, line, true);
	vpic_set(&pic, line, false);
}

static uint8_t read_irr(uint16_t port)
{
	outb(port, 0x0a);
	return inb(port);
}

static uint8_t read_isr(uint16_t port)
{
	outb(port, 0x0b);
	return inb(port);
}

static void after_reset_all_is_masked(void **state)
{
	(void)state;
	assert_int_equal(inb(0x21), 0xff);
	assert_int_equal(inb(0xa1), 0xff);
	pulse(0);
	pulse(9);
	assert_false(vpic_pending(&pic));
	outb(0x21, 0xfa);
	outb(0xa1, 0xfd);
	assert_true(fake.intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x08);	/* where a PC's firmware puts them */
	outb(0x20, 0x20);
	assert_int_equal(vpic_acknowledge(&pic), 0x71);
}

static void linux_finds_the_pair(void **state)
{
	(void)state;
	outb(0xa1, 0xff);
	outb(0x21, 0xfb);
	assert_int_equal(inb(0x21), 0xfb);
	initialize(1, 1);
	assert_int_equal(inb(0x21), 0);	/* ICW1 unmasks */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	outb(0x21, 0xea);
	vpic_set(&pic, 4, true);
	assert_true(vpic_pending(&pic));
	assert_true(fake.intr);
	assert_int_equal(read_irr(0x20), 0x10);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	assert_false(fake.intr);
	assert_int_equal(read_irr(0x20), 0);
	assert_int_equal(read_isr(0x20), 0x10);
	outb(0x21, 0xfa);	/* mask, then specific end, as its mask_and_ack does */
	outb(0x20, 0x64);
	assert_int_equal(read_isr(0x20), 0);
}

static void no_interrupt_in_mid_initialization(void **state)
{
	(void)state;
	outb(0x20, 0x11);
	pulse(1);
	assert_false(vpic_pending(&pic));
	assert_int_equal(vpic_acknowledge(&pic), 0x0f);
	assert_int_equal(pic.spurious, 1);
	outb(0x21, 0x57);
	outb(0x21, 0x04);
	assert_false(vpic_pending(&pic));
	outb(0x21, 0x01);
	assert_true(vpic_pending(&pic));
	assert_int_equal(vpic_acknowledge(&pic), 0x51);	/* ICW2 has five bits */
	/* single, without ICW4: one more byte is enough */
	outb(0x20, 0x12);
	outb(0x21, 0x60);
	outb(0x21, 0xa5);
	assert_int_equal(inb(0x21), 0xa5);
	/* cascaded, without ICW4 */
	outb(0x20, 0x10);
	outb(0x21, 0x60);
	outb(0x21, 0x04);
	outb(0x21, 0x5a);
	assert_int_equal(inb(0x21), 0x5a);
}

static void priorities_nest(void **state)
{
	(void)state;
	vpic_set(&pic, 5, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	vpic_set(&pic, 6, true);
	assert_false(vpic_pending(&pic));	/* lower */
	vpic_set(&pic, 5, false);
	vpic_set(&pic, 5, true);
	assert_false(vpic_pending(&pic));	/* the same, in service */
	vpic_set(&pic, 1, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	assert_int_equal(read_isr(0x20), 0x22);
	outb(0x20, 0x20);
	assert_int_equal(read_isr(0x20), 0x20);	/* the higher one ends first */
	outb(0x20, 0x20);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	outb(0x20, 0x65);
	assert_int_equal(vpic_acknowledge(&pic), 0x36);
}

static void slave_comes_through_line_2(void **state)
{
	(void)state;
	vpic_set(&pic, 2, true);	/* not a line that can be driven */
	assert_false(vpic_pending(&pic));
	vpic_set(&pic, 3, true);
	vpic_set(&pic, 14, true);
	assert_int_equal(read_irr(0x20), 0x0c);
	assert_int_equal(vpic_acknowledge(&pic), 0x3e);
	assert_int_equal(read_isr(0x20), 0x04);
	assert_int_equal(read_isr(0xa0), 0x40);
	vpic_set(&pic, 8, true);
	assert_false(vpic_pending(&pic));	/* the master still serves its line 2 */
	outb(0x20, 0x62);
	assert_int_equal(vpic_acknowledge(&pic), 0x38);
	outb(0xa0, 0x20);
	assert_int_equal(read_isr(0xa0), 0x40);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	vpic_set(&pic, 16, true);
	vpic_set(&pic, 1000, true);
}

static void special_fully_nested(void **state)
{
	(void)state;
	initialize(0x11, 1);
	pulse(12);
	assert_int_equal(vpic_acknowledge(&pic), 0x3c);
	pulse(13);
	assert_false(vpic_pending(&pic));
	pulse(9);
	assert_int_equal(vpic_acknowledge(&pic), 0x39);	/* higher within the slave */
	pulse(3);
	assert_false(vpic_pending(&pic));
	pulse(1);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
}

static void edges_and_levels(void **state)
{
	(void)state;
	outb(0x4d0, 0xff);
	outb(0x4d1, 0xff);
	assert_int_equal(inb(0x4d0), 0xf8);
	assert_int_equal(inb(0x4d1), 0xde);
	outb(0x4d0, 0x20);
	vpic_set(&pic, 5, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	assert_int_equal(read_irr(0x20), 0x20);	/* a level stays */
	outb(0x20, 0x20);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	vpic_set(&pic, 5, false);
	outb(0x20, 0x20);
	assert_false(vpic_pending(&pic));
	vpic_set(&pic, 5, true);
	vpic_set(&pic, 5, false);
	assert_false(vpic_pending(&pic));
	assert_int_equal(vpic_acknowledge(&pic), 0x37);	/* gone before the acknowledge: spurious */
	assert_int_equal(read_isr(0x20), 0);
	/* an edge is one interrupt, held until it is taken */
	vpic_set(&pic, 6, true);
	vpic_set(&pic, 6, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x36);
	outb(0x20, 0x20);
	assert_false(vpic_pending(&pic));
	vpic_set(&pic, 6, false);
	pulse(6);
	assert_int_equal(vpic_acknowledge(&pic), 0x36);
	/* ICW1 forgets edges, and a line that is up must rise again */
	outb(0x20, 0x20);
	vpic_set(&pic, 3, true);
	initialize(1, 1);
	assert_false(vpic_pending(&pic));
	vpic_set(&pic, 3, false);
	vpic_set(&pic, 3, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	/* nor does it leave anything in service */
	initialize(1, 1);
	assert_int_equal(read_isr(0x20), 0);
}

static void automatic_end(void **state)
{
	(void)state;
	initialize(3, 3);
	pulse(10);
	assert_int_equal(vpic_acknowledge(&pic), 0x3a);
	assert_int_equal(read_isr(0x20) | read_isr(0xa0), 0);
	outb(0x20, 0x80);	/* rotate at each automatic end */
	pulse(3);
	pulse(4);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	pulse(3);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	outb(0x20, 0x00);
	pulse(5);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	pulse(3);
	pulse(4);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);	/* 3 is still the lowest */
}

static void rotation(void **state)
{
	(void)state;
	outb(0x20, 0xc3);	/* line 3 becomes the lowest */
	pulse(0);
	pulse(4);
	pulse(3);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	outb(0x20, 0xa0);	/* rotating end: now 4 */
	pulse(4);
	assert_int_equal(vpic_acknowledge(&pic), 0x30);
	outb(0x20, 0xe0);	/* specific and rotating: now 0 */
	pulse(0);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	pulse(1);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	outb(0x20, 0x40);	/* does nothing */
	assert_int_equal(read_isr(0x20), 0x0a);
	outb(0x20, 0x20);
	assert_int_equal(read_isr(0x20), 0x08);	/* 1 is the higher after 0 */
	outb(0x20, 0x63);
	outb(0x20, 0x20);	/* nothing in service: no harm */
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
}

static void special_mask(void **state)
{
	(void)state;
	pulse(1);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	pulse(5);
	outb(0x21, 0x02);
	assert_false(vpic_pending(&pic));
	outb(0x20, 0x68);
	assert_true(vpic_pending(&pic));	/* what is masked in service blocks nobody */
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	outb(0x20, 0x20);
	assert_int_equal(read_isr(0x20), 0x02);	/* nor does a non-specific end reach it */
	outb(0x20, 0x20);
	assert_int_equal(read_isr(0x20), 0x02);
	outb(0x20, 0x48);
	outb(0x20, 0x20);
	assert_int_equal(read_isr(0x20), 0);
}

static void polling(void **state)
{
	(void)state;
	outb(0x20, 0x0c);
	assert_int_equal(inb(0x20), 0);
	pulse(6);
	pulse(11);
	outb(0x20, 0x0c);
	assert_int_equal(inb(0x20), 0x82);
	outb(0xa0, 0x0c);
	assert_int_equal(inb(0xa1), 0x83);	/* at either port */
	outb(0xa1, 0x81);
	assert_int_equal(inb(0xa1), 0x81);	/* once */
	outb(0xa1, 0);
	assert_int_equal(read_isr(0x20), 0x04);
	assert_int_equal(read_isr(0xa0), 0x08);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	outb(0x20, 0x0c);
	assert_int_equal(inb(0x20), 0x86);
}

static void spurious(void **state)
{
	(void)state;
	pulse(4);
	assert_true(fake.intr);
	outb(0x21, 0x10);
	assert_false(fake.intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x37);
	assert_int_equal(pic.spurious, 1);
	assert_int_equal(read_isr(0x20), 0);
	outb(0x21, 0);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
}

static void timer_is_told(void **state)
{
	(void)state;
	vpic_watch_timer(&pic, timer_free, &timer_calls);
	pulse(0);
	pulse(1);
	assert_int_equal(timer_calls, 0);
	assert_int_equal(vpic_acknowledge(&pic), 0x30);
	assert_int_equal(timer_calls, 1);
	outb(0x20, 0x20);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	outb(0x20, 0x20);
	pulse(0);
	outb(0x21, 0x01);
	assert_int_equal(timer_calls, 1);	/* masked is still pending */
	outb(0x21, 0x00);
	outb(0x20, 0x0c);
	assert_int_equal(inb(0x20), 0x80);
	assert_int_equal(timer_calls, 2);
	pulse(0);
	outb(0x20, 0x11);
	assert_int_equal(timer_calls, 3);
}

static void state_goes_round(void **state)
{
	size_t size;
	void *bytes;
	char before[256], after[256];

	(void)state;
	outb(0x4d1, 0x08);
	vpic_set(&pic, 11, true);
	pulse(7);
	assert_int_equal(vpic_acknowledge(&pic), 0x3b);
	outb(0x20, 0x62);
	outb(0x21, 0x40);
	outb(0xa0, 0x68);
	pic.dev.ops->dump(&pic.dev, before, sizeof(before));
	bytes = fake_save(&pic.dev, &size);
	pic.dev.ops->reset(&pic.dev);
	assert_false(fake.intr);
	assert_true(pic.dev.ops->restore(&pic.dev, bytes, size));
	pic.dev.ops->dump(&pic.dev, after, sizeof(after));
	assert_string_equal(before, after);
	assert_true(fake.intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x37);
	assert_int_equal(read_isr(0x20), 0x80);	/* the real line 7 */
	free(bytes);
	fake_check_bad_restore(&pic.dev);
}

/* The rules of the data sheet for one chip, line by line from the highest. -1 = no interrupt. */
static int slow_winner(const struct vpic_chip *c, uint8_t requests, bool master)
{
	unsigned int i;

	if (c->icw_wanted)
		return -1;
	for (i = 1; i <= 8; i++) {
		unsigned int line = (c->lowest + i) % 8;
		bool serving = c->isr >> line & 1, masked = c->imr >> line & 1;

		if (c->special_mask && masked)
			serving = false;
		if (serving && !(master && line == 2 && c->nested))
			return -1;
		if ((requests >> line & 1) && !masked)
			return (int)line;
		if (serving)
			return -1;
	}
	return -1;
}

static uint8_t slow_requests(const struct vpic_chip *c)
{
	return (uint8_t)((c->edges & ~c->elcr) | (c->lines & c->elcr));
}

static void anything_may_be_written(void **state)
{
	static const uint16_t ports[] = { 0x1f, 0x20, 0x21, 0x9f, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	unsigned int i, taken = 0, idle = 0, before, want_calls;

	(void)state;
	vpic_watch_timer(&pic, timer_free, &timer_calls);
	for (i = 0; i < 1500000; i++) {
		struct vpic_state *s = &pic.s;
		uint8_t requests;
		int slave, master, want;

		switch (fake_below(4)) {
		case 0:
			vpic_set(&pic, (unsigned int)fake_below(20), fake_below(2));
			break;
		case 1:
			outb(fake_below(2) ? 0x20 : 0xa0, (unsigned int)fake_below(256));
			break;
		default:
			fake_random_access(&pic.dev, 4, ports[fake_below(ARRAY_LEN(ports))], 2);
			break;
		}
		slave = slow_winner(&s->chip[1], slow_requests(&s->chip[1]), false);
		requests = (uint8_t)(slow_requests(&s->chip[0]) & ~4);
		if (slave >= 0)
			requests |= 4;
		master = slow_winner(&s->chip[0], requests, true);
		assert_true(vpic_pending(&pic) == (master >= 0));
		assert_true(fake.intr == (master >= 0));
		if (fake_below(3))
			continue;
		want = master < 0    ? s->chip[0].base + 7 :
		       master == 2 ? s->chip[1].base + slave :
				     s->chip[0].base + master;
		before = timer_calls;
		want_calls = master == 0;
		assert_int_equal(vpic_acknowledge(&pic), want);
		assert_int_equal(timer_calls - before, want_calls);
		taken += master >= 0;
		idle += master < 0;
	}
	assert_true(taken > 10000 && idle > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(after_reset_all_is_masked, setup),
		cmocka_unit_test_setup(linux_finds_the_pair, setup),
		cmocka_unit_test_setup(no_interrupt_in_mid_initialization, setup),
		cmocka_unit_test_setup(priorities_nest, setup_ready),
		cmocka_unit_test_setup(slave_comes_through_line_2, setup_ready),
		cmocka_unit_test_setup(special_fully_nested, setup_ready),
		cmocka_unit_test_setup(edges_and_levels, setup_ready),
		cmocka_unit_test_setup(automatic_end, setup_ready),
		cmocka_unit_test_setup(rotation, setup_ready),
		cmocka_unit_test_setup(special_mask, setup_ready),
		cmocka_unit_test_setup(polling, setup_ready),
		cmocka_unit_test_setup(spurious, setup_ready),
		cmocka_unit_test_setup(timer_is_told, setup_ready),
		cmocka_unit_test_setup(state_goes_round, setup_ready),
		cmocka_unit_test_setup(anything_may_be_written, setup_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
