/* Drives a 16550 by its eight ports. */
/* Part: drivers/; every function returns at once, except serial_write_sync(). */
#include "drivers/serial.h"
#include "drivers/ring.h"
#include "arch/api/cpu.h"

#define COM1 0x3f8
#define COM2 0x2f8

/* Registers; with LCR_DLAB the first two hold the divisor. */
enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define IER_RX	     0x01
#define IER_TX	     0x02
#define IIR_NONE     0x01
#define IIR_CAUSE    0x0e
#define IIR_CAUSE_TX 0x02
#define IIR_FIFO     0xc0
#define FCR_ON	     0x81 /* FIFO on, receive interrupt at 8 bytes: 6 more fit while we are late */
#define FCR_CLEAR    0x06
#define LCR_8N1	     0x03
#define LCR_DLAB     0x80
#define MCR_DTR	     0x01
#define MCR_RTS	     0x02
#define MCR_OUT2     0x08 /* in a PC it connects the interrupt line */
#define MCR_LOOP     0x10
#define LSR_READY    0x01
#define LSR_TEMT     0x40
#define LSR_THRE     0x20

#define DIVISOR_115200 1

/* A FIFO of 16 bytes takes 1.4 ms to send; some 100000 reads of a port take 100 ms at least. */
#define SYNC_SPINS 100000

/* A device that shows the same cause for ever must not hold us in the interrupt handler. */
#define MAX_CAUSES 64

static struct {
	uint16_t base;		/* 0 = none */
	uint8_t ier;
	size_t fifo;		/* bytes the transmitter takes when empty */
	struct ring received;
	uint8_t bytes[256];
} port;

static uint8_t in(unsigned int reg)
{
	return cpu_in8((uint16_t)(port.base + reg));
}

static void out(unsigned int reg, uint8_t value)
{
	cpu_out8((uint16_t)(port.base + reg), value);
}

/*
 * The scratch register remembers, and in loopback mode RTS and OUT2 come back as CTS and DCD: ports
 * where nothing answers, or something else does, fail one of the two.
 */
static bool answers(uint16_t base)
{
	bool same;

	port.base = base;
	out(SCR, 0x5a);
	same = in(SCR) == 0x5a;
	out(SCR, 0xa5);
	same = same && in(SCR) == 0xa5;
	if (!same)
		return false;
	out(MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
	same = (in(MSR) & 0xf0) == 0x90;
	out(MCR, 0);
	return same;
}

bool serial_init(void)
{
	ring_init(&port.received, port.bytes, sizeof(port.bytes));
	if (!answers(COM1) && !answers(COM2)) {
		port.base = 0;
		return false;
	}
	out(IER, 0);
	out(LCR, LCR_DLAB);
	out(DATA, DIVISOR_115200 & 0xff);
	out(IER, DIVISOR_115200 >> 8);
	out(LCR, LCR_8N1);
	out(FCR, FCR_ON | FCR_CLEAR);
	port.fifo = (in(IIR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
	out(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
	port.ier = IER_RX;
	out(IER, port.ier);
	return true;
}

bool serial_present(void)
{
	return port.base != 0;
}

unsigned int serial_irq(void)
{
	return port.base == COM2 ? 3 : 4;
}

size_t serial_write_some(const char *text, size_t n)
{
	size_t done = 0;

	if (port.base == 0 || n == 0 || (in(LSR) & LSR_THRE) == 0)
		return 0;
	while (done < n && done < port.fifo)
		out(DATA, (uint8_t)text[done++]);
	return done;
}

/*
 * When our ring is full the bytes are dropped: left in the FIFO they would hold the interrupt line.
 */
static void receive(void)
{
	for (unsigned int i = 0; i < MAX_CAUSES && (in(LSR) & LSR_READY) != 0; i++)
		(void)ring_put(&port.received, in(DATA));
}

int serial_read(void)
{
	if (port.base == 0)
		return -1;
	if (ring_used(&port.received) == 0)
		receive();
	return ring_get(&port.received);
}

void serial_want_tx(bool want)
{
	uint8_t ier = want ? IER_RX | IER_TX : IER_RX;

	if (port.base == 0 || ier == port.ier)
		return;
	port.ier = ier;
	out(IER, ier);
}

/*
 * The 8259 sees edges, so the line must have fallen before we return: every cause is taken until
 * the port says that there is none. Reading IIR takes the transmitter's, reading LSR and DATA the
 * receiver's.
 */
void serial_interrupt(void)
{
	if (port.base == 0)
		return;
	for (unsigned int i = 0; i < MAX_CAUSES; i++) {
		uint8_t cause = in(IIR);

		if ((cause & IIR_NONE) != 0)
			return;
		if ((cause & IIR_CAUSE) == IIR_CAUSE_TX)
			continue;
		if ((cause & IIR_CAUSE) == 0)
			(void)in(MSR);
		receive();
	}
}

void serial_write_sync(const char *text, size_t n)
{
	size_t done = 0;

	if (port.base == 0)
		return;
	while (done < n) {
		unsigned int spins = 0;

		while ((in(LSR) & LSR_THRE) == 0) {
			if (++spins == SYNC_SPINS)
				return;
			cpu_pause();
		}
		done += serial_write_some(text + done, n - done);
	}
	/* The FIFO is empty before the last character has left; whoever comes back from here may cut the power. */
	for (unsigned int spins = 0; (in(LSR) & LSR_TEMT) == 0 && spins < SYNC_SPINS; spins++)
		cpu_pause();
}
