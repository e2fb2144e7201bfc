/*
 * The 16550A: registers, FIFOs, interrupts by priority, loopback, flow control, Linux' probes.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vuart.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vuart.h"

#define COM1 0x3f8
enum { DATA = COM1, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

#define IRQ 4

static struct vuart uart;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vuart_init(&uart, &fake, 0);
	assert_int_equal(vuart_claim(&uart, &fake.bus), 0);
	return 0;
}

/* As a driver opens it: FIFOs with trigger level 8, 115200 8N1, interrupts through OUT2. */
static void open_port(unsigned int ier)
{
	outb(LCR, 0x83);
	outb(DATA, 1);
	outb(IER, 0);
	outb(LCR, 0x03);
	outb(FCR, 0x87);
	outb(MCR, 0x0b);
	outb(IER, ier);
}

static void type(const char *text)
{
	fake_type(text);
	vuart_kick(&uart);
}

static void pass_time(uint64_t microseconds)
{
	fake.now += fake.hz * microseconds / 1000000;
	if (uart.dev.ops->deadline(&uart.dev) <= fake.now)
		uart.dev.ops->service(&uart.dev, fake.now);
}

static void two_units(void **state)
{
	static struct vuart second;

	(void)state;
	vuart_init(&second, &fake, 1);
	assert_int_equal(vuart_claim(&second, &fake.bus), 0);
	outb(0x2ff, 0x5a);
	assert_int_equal(inb(0x2ff), 0x5a);
	assert_int_equal(inb(SCR), 0);
	outb(0x2fc, 0x08);
	outb(0x2f9, 0x02);
	assert_int_equal(fake.rises[3], 1);
	assert_int_equal(fake.rises[4], 0);
}

static void after_reset(void **state)
{
	(void)state;
	assert_int_equal(inb(IER), 0);
	assert_int_equal(inb(IIR), 0x01);
	assert_int_equal(inb(LSR), 0x60);
	assert_int_equal(inb(MSR), 0xb0);
	assert_int_equal(inb(MCR), 0);
	assert_true(uart.dev.ops->deadline(&uart.dev) == TIME_NEVER);
}

/* What Linux' drivers/tty/serial/8250 does to find out what this is. */
static void linux_autoconfig(void **state)
{
	uint8_t iir1, iir2, status1, status2;

	(void)state;
	outb(IER, 0);
	outb(0x80, 0xff);
	assert_int_equal(inb(IER) & 0x0f, 0);
	outb(IER, 0x0f);
	assert_int_equal(inb(IER) & 0x0f, 0x0f);
	outb(IER, 0);
	outb(MCR, 0x10 | 0x0a);
	assert_int_equal(inb(MSR) & 0xf0, 0x90);
	outb(MCR, 0);
	outb(LCR, 0xbf);
	outb(IIR, 0);	/* the place of a later chip's EFR */
	outb(LCR, 0);
	outb(FCR, 0x01);
	assert_int_equal(inb(IIR) >> 6, 3);	/* a 16550A */
	outb(LCR, 0xbf);
	assert_int_not_equal(inb(IIR), 0);	/* and no 16650 */
	outb(LCR, 0);
	outb(FCR, 0x21);
	status1 = inb(IIR) >> 5;
	outb(FCR, 0x01);
	outb(LCR, 0x80);
	outb(FCR, 0x21);
	status2 = inb(IIR) >> 5;
	assert_int_equal(status1, 6);
	assert_int_equal(status2, 6);	/* 7 would be a 16750 */
	outb(LCR, 0);
	outb(IER, 0x40);
	assert_int_equal(inb(IER), 0);	/* no XScale unit */
	/* the test of the transmitter's interrupt */
	outb(IER, 0x02);
	iir1 = inb(IIR);
	outb(IER, 0);
	outb(IER, 0x02);
	iir2 = inb(IIR);
	outb(IER, 0);
	assert_int_equal(iir1 & 0x0f, 0x02);
	assert_int_equal(iir2 & 0x0f, 0x02);
	outb(IER, 0x02);
	assert_int_equal(inb(LSR) & 0x40, 0x40);
	assert_int_equal(inb(IIR) & 1, 0);
	outb(IER, 0);
	assert_int_equal(fake.out_length, 0);
}

static void transmitter_interrupt(void **state)
{
	(void)state;
	open_port(0);
	outb(IER, 0x02);
	assert_int_equal(fake.rises[IRQ], 1);
	assert_true(fake.line[IRQ]);
	assert_int_equal(inb(IIR), 0xc2);	/* reading takes it back */
	assert_false(fake.line[IRQ]);
	assert_int_equal(inb(IIR), 0xc1);
	outb(IER, 0x02);	/* no new event: the bit was on */
	assert_int_equal(inb(IIR), 0xc1);
	outb(DATA, 'x');
	assert_int_equal(fake.rises[IRQ], 2);
	outb(DATA, 'y');	/* without looking at IIR: still an edge for each */
	assert_int_equal(fake.rises[IRQ], 3);
	outb(IER, 0);
	assert_false(fake.line[IRQ]);
	outb(IER, 0x02);
	assert_true(fake.line[IRQ]);
	assert_memory_equal(fake.out, "xy", 2);
}

static void no_room_holds_the_transmitter(void **state)
{
	unsigned int i;

	(void)state;
	open_port(0x02);
	inb(IIR);
	fake.room = 2;
	for (i = 0; i < 10; i++)
		outb(DATA, '0' + i);
	assert_int_equal(fake.out_length, 2);
	assert_int_equal(inb(LSR) & 0x60, 0);
	inb(IIR);
	assert_false(fake.line[IRQ]);
	assert_true(uart.dev.ops->deadline(&uart.dev) <= fake.now + fake.hz / 100);
	pass_time(2000);
	assert_int_equal(inb(LSR) & 0x60, 0);
	fake.room = 3;
	pass_time(2000);
	assert_int_equal(fake.out_length, 5);
	assert_false(fake.line[IRQ]);
	for (i = 10; i < 30; i++)
		outb(DATA, '0' + i);
	assert_int_equal(uart.tx_lost, 9);	/* 5 + 20 into 16 */
	fake.room = 1000;
	i = fake.rises[IRQ];
	pass_time(2000);
	assert_int_equal(fake.out_length, 21);
	assert_int_equal(fake.rises[IRQ], i + 1);	/* one event, when it became empty */
	for (i = 0; i < 21; i++)
		assert_int_equal(fake.out[i], '0' + i);
	assert_int_equal(inb(LSR), 0x60);
	assert_true(uart.dev.ops->deadline(&uart.dev) == TIME_NEVER);
	/* a guest that polls need not wait for the deadline; clearing the FIFO drops what waits */
	fake.room = 0;
	outb(DATA, 'a');
	fake.room = 1;
	assert_int_equal(inb(LSR), 0x60);
	inb(IIR);
	fake.room = 0;
	outb(DATA, 'b');
	assert_false(fake.line[IRQ]);
	outb(FCR, 0x05);	/* emptied is empty: that is an event */
	assert_true(fake.line[IRQ]);
	fake.room = 10;
	assert_int_equal(inb(LSR), 0x60);
	assert_int_equal(fake.out_length, 22);
	/* without FIFOs there is room for one */
	outb(FCR, 0);
	fake.room = 0;
	outb(DATA, 'c');
	outb(DATA, 'd');
	fake.room = 10;
	pass_time(2000);
	assert_int_equal(fake.out[22], 'c');
	assert_int_equal(fake.out_length, 23);
}

static void receiver_levels_and_time_out(void **state)
{
	uint64_t due;

	(void)state;
	open_port(0x01);
	type("abc");
	assert_int_equal(inb(IIR), 0xc1);
	assert_int_equal(inb(LSR), 0x61);
	due = uart.dev.ops->deadline(&uart.dev);
	/* 4 characters of 10 bits at 115200 */
	assert_in_range(due - fake.now, fake.hz * 347 / 1000000, fake.hz * 348 / 1000000);
	pass_time(340);
	assert_int_equal(inb(IIR), 0xc1);
	type("d");	/* an arrival starts the wait anew */
	assert_true(uart.dev.ops->deadline(&uart.dev) > due);
	pass_time(350);
	assert_int_equal(inb(IIR), 0xcc);
	assert_int_equal(fake.rises[IRQ], 1);
	assert_int_equal(inb(DATA), 'a');
	assert_int_equal(inb(IIR), 0xc1);	/* a read takes it back and starts the wait anew */
	assert_false(fake.line[IRQ]);
	pass_time(350);
	assert_int_equal(inb(IIR), 0xcc);
	assert_int_equal(inb(DATA), 'b');
	type("efghij");
	assert_int_equal(inb(IIR), 0xc4);	/* 8 of them */
	assert_true(uart.dev.ops->deadline(&uart.dev) == TIME_NEVER);
	assert_int_equal(inb(DATA), 'c');
	assert_int_equal(inb(IIR), 0xc1);
	while (inb(LSR) & 1)
		inb(DATA);
	assert_true(uart.dev.ops->deadline(&uart.dev) == TIME_NEVER);
	outb(FCR, 0x41);
	type("1234");
	assert_int_equal(inb(IIR), 0xc4);
	outb(FCR, 0xc1);	/* level 14 */
	assert_int_equal(inb(IIR), 0xc1);
	outb(FCR, 0x01);
	assert_int_equal(inb(IIR), 0xc4);
	outb(FCR, 0x03);
	assert_int_equal(inb(LSR), 0x60);
}

static void long_input_waits_in_the_console(void **state)
{
	char text[101];
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++)
		text[i] = (char)(' ' + i % 90);
	text[100] = 0;
	open_port(0x01);
	type(text);
	assert_int_equal(fake.in_taken, 16);
	for (i = 0; i < 100; i++) {
		assert_int_equal(inb(LSR), 0x61);
		assert_int_equal(inb(DATA), text[i]);
	}
	assert_int_equal(inb(LSR), 0x60);
	assert_int_equal(inb(DATA), text[99]);
	/* without FIFOs, each byte is an edge of its own */
	outb(FCR, 0);
	i = fake.rises[IRQ];
	type("xyz");
	assert_int_equal(inb(IIR), 0x04);
	assert_int_equal(inb(DATA), 'x');
	assert_int_equal(inb(DATA), 'y');
	assert_int_equal(inb(DATA), 'z');
	assert_int_equal(fake.rises[IRQ], i + 3);
	/* what is left after the guest cleared its FIFO comes when it asks */
	type("uvw");
	outb(FCR, 0x01);
	assert_int_equal(inb(LSR), 0x61);
	assert_int_equal(inb(DATA), 'v');
	assert_int_equal(inb(DATA), 'w');
	outb(IER, 0);
	type("12");
	outb(FCR, 0x02);
	type("3");
	outb(IER, 0x01);
	assert_true(fake.line[IRQ]);
	assert_int_equal(inb(DATA), '3');
}

static void interrupts_by_priority(void **state)
{
	unsigned int i;

	(void)state;
	open_port(0x0f);
	outb(MCR, 0x1a);	/* loopback, to make errors, and a modem change (DTR is off) */
	for (i = 0; i < 17; i++)
		outb(DATA, i);
	assert_int_equal(inb(IIR), 0xc6);
	assert_int_equal(inb(LSR), 0x63);
	assert_int_equal(inb(IIR), 0xc4);
	assert_int_equal(inb(LSR), 0x61);	/* reading took the error back */
	for (i = 0; i < 16; i++)
		assert_int_equal(inb(DATA), i);
	assert_int_equal(inb(IIR), 0xc2);
	assert_int_equal(inb(IIR), 0xc0);
	inb(MSR);
	assert_int_equal(inb(IIR), 0xc1);
}

static void loopback(void **state)
{
	(void)state;
	open_port(0x01);
	outb(MCR, 0x1f);
	assert_int_equal(inb(MSR) & 0xf0, 0xf0);
	outb(MCR, 0x10);
	assert_int_equal(inb(MSR), 0x0f);	/* all four changed; RI fell */
	assert_int_equal(inb(MSR), 0x00);
	outb(MCR, 0x14);
	assert_int_equal(inb(MSR), 0x40);	/* RI rising is no event */
	outb(MCR, 0x1a);
	outb(DATA, 0x00);
	pass_time(350);
	assert_int_equal(inb(IIR), 0xcc);
	outb(DATA, 0xa5);	/* an arrival takes the time-out back */
	assert_int_equal(inb(IIR), 0xc1);
	assert_int_equal(inb(DATA), 0x00);
	type("k");
	assert_int_equal(inb(LSR), 0x61);
	assert_int_equal(inb(DATA), 0xa5);
	assert_int_equal(inb(LSR), 0x60);
	assert_int_equal(fake.out_length, 0);
	assert_int_equal(fake.rises[IRQ], 0);	/* OUT2 is forced off */
	outb(MCR, 0x0b);
	assert_int_equal(inb(DATA), 'k');
	/* without FIFOs the newer byte overwrites the older */
	outb(FCR, 0);
	outb(MCR, 0x10);
	outb(DATA, 1);
	outb(DATA, 2);
	assert_int_equal(inb(LSR), 0x63);
	assert_int_equal(inb(DATA), 2);
	/* what waits for room when loopback begins goes round */
	outb(MCR, 0);
	fake.room = 0;
	outb(DATA, 9);
	outb(MCR, 0x10);
	assert_int_equal(inb(DATA), 9);
}

static void out2_opens_the_line(void **state)
{
	(void)state;
	open_port(0x02);
	assert_true(fake.line[IRQ]);
	outb(MCR, 0x03);
	assert_false(fake.line[IRQ]);
	outb(MCR, 0x08);
	assert_true(fake.line[IRQ]);
	uart.dev.ops->reset(&uart.dev);
	assert_false(fake.line[IRQ]);
}

static void divisor_latch(void **state)
{
	(void)state;
	open_port(0);
	outb(LCR, 0x9b);
	outb(DATA, 0x34);
	outb(IER, 0x12);
	assert_int_equal(inb(DATA), 0x34);
	assert_int_equal(inb(IER), 0x12);
	assert_int_equal(inb(LCR), 0x9b);
	outb(LCR, 0x1b);
	assert_int_equal(inb(IER), 0);
	assert_int_equal(fake.out_length, 0);
	/* 8E1 is 11 bits; at divisor 1234h */
	assert_in_range(uart.char_ticks, fake.hz * 11 * 0x1234 / 115200 - 1,
			fake.hz * 11 * 0x1234 / 115200 + 1);
	/* wider accesses are taken apart */
	outb(SCR, 0x77);
	assert_int_equal(fake_in(COM1 + 4, 4), 0x77b0600b);
	outb(LSR, 0);
	outb(MSR, 0xff);
	assert_int_equal(inb(LSR), 0x60);
	assert_int_equal(inb(MSR), 0xb0);
}

static void state_goes_round(void **state)
{
	size_t size;
	uint64_t ticks;
	void *bytes;
	char before[256], after[256];

	(void)state;
	open_port(0x01);
	type("hello");
	outb(SCR, 0x99);
	fake.room = 0;
	outb(DATA, '1');
	outb(DATA, '2');
	uart.dev.ops->dump(&uart.dev, before, sizeof(before));
	bytes = fake_save(&uart.dev, &size);
	uart.dev.ops->reset(&uart.dev);
	inb(DATA);
	assert_true(uart.dev.ops->restore(&uart.dev, bytes, size));
	uart.dev.ops->dump(&uart.dev, after, sizeof(after));
	assert_string_equal(before, after);
	fake.room = 10;
	pass_time(2000);
	assert_memory_equal(fake.out, "12", 2);
	assert_int_equal(inb(IIR), 0xcc);
	assert_true(fake.line[IRQ]);
	assert_int_equal(inb(SCR), 0x99);
	assert_int_equal(inb(DATA), 'h');
	free(bytes);
	bytes = fake_save(&uart.dev, &size);
	while (inb(LSR) & 1)
		inb(DATA);
	assert_true(uart.dev.ops->restore(&uart.dev, bytes, size));
	assert_int_equal(inb(DATA), 'e');
	free(bytes);
	/* with an error and a transmitter event pending, at another speed, the line up or not */
	outb(LCR, 0x83);
	outb(DATA, 12);
	outb(LCR, 0x03);
	outb(FCR, 0);
	outb(IER, 0x07);
	outb(MCR, 0x1b);
	outb(DATA, 'p');
	outb(DATA, 'q');
	outb(MCR, 0x0b);
	assert_true(fake.line[IRQ]);
	ticks = uart.char_ticks;
	bytes = fake_save(&uart.dev, &size);
	outb(LCR, 0x83);
	outb(DATA, 1);
	outb(LCR, 0x03);
	uart.dev.ops->reset(&uart.dev);
	fake.line[IRQ] = false;
	assert_true(uart.dev.ops->restore(&uart.dev, bytes, size));
	assert_true(fake.line[IRQ]);
	assert_true(uart.char_ticks == ticks);
	assert_int_equal(inb(IIR), 0x06);
	assert_int_equal(inb(LSR), 0x63);
	assert_int_equal(inb(IIR), 0x04);
	assert_int_equal(inb(DATA), 'q');
	assert_int_equal(inb(IIR), 0x02);
	outb(IER, 0);
	bytes = (free(bytes), fake_save(&uart.dev, &size));
	fake.line[IRQ] = true;	/* the machine remembers an interrupt that is no more */
	assert_true(uart.dev.ops->restore(&uart.dev, bytes, size));
	assert_false(fake.line[IRQ]);
	free(bytes);
	fake_check_bad_restore(&uart.dev);
}

/*
 * Whatever a guest does, the line says what IIR says, and no input is lost but by clearing a FIFO.
 */
static void anything_may_be_written(void **state)
{
	unsigned int i, rises = 0;

	(void)state;
	for (i = 0; i < 1500000; i++) {
		uint64_t deadline;
		bool up;

		fake.now += fake_below(fake.hz / 20000);
		fake.room = (unsigned int)fake_below(3);
		if (fake_below(8) == 0 && fake.in_length - fake.in_taken < FAKE_TEXT - 8)
			type("typed");
		fake_random_access(&uart.dev, 3, COM1 - 2, 11);
		deadline = uart.dev.ops->deadline(&uart.dev);
		if (deadline <= fake.now) {
			uart.dev.ops->service(&uart.dev, fake.now);
			assert_true(uart.dev.ops->deadline(&uart.dev) > fake.now);
		}
		assert_in_range(uart.s.rx_count, 0, uart.s.fcr & 1 ? 16 : 1);
		assert_in_range(uart.s.tx_count, 0, uart.s.fcr & 1 ? 16 : 1);
		up = (uart.s.mcr & 0x18) == 0x08 &&
		     ((uart.s.ier & 4 && uart.s.overrun) || (uart.s.ier & 2 && uart.s.thre_event) ||
		      (uart.s.ier & 8 && uart.s.msr & 15) ||
		      (uart.s.ier & 1 && (uart.s.rx_timeout ||
					  (uart.s.rx_count && !(uart.s.fcr & 0xc0)) ||
					  uart.s.rx_count >= 14)));
		if (up)
			assert_true(fake.line[IRQ]);
		if (!(uart.s.ier & 15))
			assert_false(fake.line[IRQ]);
		assert_true(fake.line[IRQ] == uart.line);
		if (uart.tx_deadline == TIME_NEVER)
			assert_int_equal(uart.s.tx_count, 0);
	}
	for (i = 0; i < 16; i++)
		rises += fake.rises[i];
	assert_int_equal(rises, fake.rises[IRQ]);
	assert_true(rises > 1000 && fake.out_length > 10000 && fake.in_taken > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_units, setup),
		cmocka_unit_test_setup(after_reset, setup),
		cmocka_unit_test_setup(linux_autoconfig, setup),
		cmocka_unit_test_setup(transmitter_interrupt, setup),
		cmocka_unit_test_setup(no_room_holds_the_transmitter, setup),
		cmocka_unit_test_setup(receiver_levels_and_time_out, setup),
		cmocka_unit_test_setup(long_input_waits_in_the_console, setup),
		cmocka_unit_test_setup(interrupts_by_priority, setup),
		cmocka_unit_test_setup(loopback, setup),
		cmocka_unit_test_setup(out2_opens_the_line, setup),
		cmocka_unit_test_setup(divisor_latch, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
