/* The virtual serial port: a 16550A with its two FIFOs. */
/* Part: devices/; carries a guest's console to and from the machine's console hooks. */
#include "vmm/devices/vuart.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VUART_KIND 0x31545255u

/*
 * Time on this line: a sent byte is gone at once, so the transmitter is empty again before the
 * next instruction of the guest, unless the console has no room. Then bytes wait in the
 * transmitter and THRE stays clear, as on a line held by flow control, until room returns; the
 * guest sees no loss unless it ignores THRE. Received bytes also come at once, but only as many as
 * fit: the console keeps the rest, so a receiver overrun can only happen in loopback.
 */

/* Registers, by offset from the base. */
enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX		0x01u
#define IER_THRE	0x02u
#define IER_LINE	0x04u
#define IER_MODEM	0x08u
#define IER_ALL		0x0fu

#define IIR_MODEM	0x00u
#define IIR_NONE	0x01u
#define IIR_THRE	0x02u
#define IIR_RX		0x04u
#define IIR_LINE	0x06u
#define IIR_TIMEOUT	0x0cu
#define IIR_FIFO_ON	0xc0u

#define FCR_ENABLE	0x01u
#define FCR_CLEAR_RX	0x02u
#define FCR_CLEAR_TX	0x04u
#define FCR_KEPT	0xc9u	/* enable, DMA mode, trigger level */

#define LCR_DLAB	0x80u

#define MCR_DTR		0x01u
#define MCR_RTS		0x02u
#define MCR_OUT1	0x04u
#define MCR_OUT2	0x08u
#define MCR_LOOP	0x10u
#define MCR_ALL		0x1fu

#define LSR_READY	0x01u
#define LSR_OVERRUN	0x02u
#define LSR_THRE	0x20u
#define LSR_EMPTY	0x40u

#define MSR_DELTAS	0x0fu
#define MSR_DCTS	0x01u
#define MSR_DDSR	0x02u
#define MSR_TERI	0x04u
#define MSR_DDCD	0x08u
#define MSR_CTS		0x10u
#define MSR_DSR		0x20u
#define MSR_RI		0x40u
#define MSR_DCD		0x80u

#define CLOCK_HZ	1843200u	/* over 16 and over the divisor latch: the bit rate */
#define TX_POLLS_HZ	1000u		/* looks for room in a full console, each second */
#define TIMEOUT_CHARS	4u
#define POLLS_MANY	4u		/* a guest that only sends looks at LSR once or twice for each byte */
#define POLLED_SECONDS	2u

static unsigned int rx_trigger(const struct vuart *u)
{
	static const uint8_t levels[4] = { 1, 4, 8, 14 };

	return u->s.fcr & FCR_ENABLE ? levels[u->s.fcr >> 6] : 1;
}

static unsigned int fifo_depth(const struct vuart *u)
{
	return u->s.fcr & FCR_ENABLE ? VUART_FIFO : 1;
}

/* The interrupt of the highest priority, as IIR codes it. */
static uint8_t interrupt_cause(const struct vuart *u)
{
	const struct vuart_state *s = &u->s;

	if ((s->ier & IER_LINE) && s->overrun)
		return IIR_LINE;
	if ((s->ier & IER_RX) && s->rx_count) {
		if (s->rx_count >= rx_trigger(u))
			return IIR_RX;
		if (s->rx_timeout)
			return IIR_TIMEOUT;
	}
	if ((s->ier & IER_THRE) && s->thre_event)
		return IIR_THRE;
	if ((s->ier & IER_MODEM) && (s->msr & MSR_DELTAS))
		return IIR_MODEM;
	return IIR_NONE;
}

/*
 * On a PC the OUT2 pin opens the driver of the interrupt line, and loopback forces that pin off.
 * The line must be seen to fall between two causes, or an edge-triggered 8259 misses the second.
 */
static void update_line(struct vuart *u)
{
	bool up = u->s.ier && (u->s.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 &&
		  interrupt_cause(u) != IIR_NONE;

	if (up != u->line) {
		u->line = up;
		machine_irq(u->dev.vm, u->irq, up);
	}
}

static void update_deadline(struct vuart *u)
{
	uint64_t next = u->rx_deadline < u->tx_deadline ? u->rx_deadline : u->tx_deadline;

	if (next != u->deadline) {
		u->deadline = next;
		machine_deadline_changed(u->dev.vm);
	}
}

/*
 * Starts the character time-out anew when something waits that the trigger level does not report.
 */
static void restart_rx_timeout(struct vuart *u)
{
	const struct vuart_state *s = &u->s;

	u->rx_deadline = TIME_NEVER;
	if ((s->ier & IER_RX) && s->rx_count && s->rx_count < rx_trigger(u) && !s->rx_timeout)
		u->rx_deadline = machine_now(u->dev.vm) + TIMEOUT_CHARS * u->char_ticks;
	update_deadline(u);
}

static void rx_put(struct vuart *u, uint8_t byte)
{
	struct vuart_state *s = &u->s;

	s->rx[(s->rx_first + s->rx_count) % VUART_FIFO] = byte;
	s->rx_count++;
}

/* Takes from the console as much as fits, and notes whether something is left there. */
static void rx_pull(struct vuart *u)
{
	unsigned int depth = fifo_depth(u);
	uint8_t before = u->s.rx_count;

	if (u->s.mcr & MCR_LOOP) {
		u->more = true;	/* the input pin is cut off */
		return;
	}
	while (u->s.rx_count < depth) {
		int byte = machine_console_get(u->dev.vm, u->unit);

		if (byte < 0)
			break;
		rx_put(u, (uint8_t)byte);
	}
	u->more = u->s.rx_count >= depth && machine_console_pending(u->dev.vm, u->unit);
	if (u->s.rx_count != before) {
		u->s.rx_timeout = 0;
		restart_rx_timeout(u);
		update_line(u);
	}
}

static uint8_t rx_read(struct vuart *u)
{
	struct vuart_state *s = &u->s;
	uint8_t byte = s->rx[s->rx_first % VUART_FIFO];	/* an empty receiver shows its last byte */

	if (!s->rx_count)
		return byte;
	s->rx_count--;
	if (s->rx_count)
		s->rx_first = (s->rx_first + 1) % VUART_FIFO;
	s->rx_timeout = 0;
	restart_rx_timeout(u);
	update_line(u);
	if (!s->rx_count && u->more)
		rx_pull(u);
	return byte;
}

static void rx_clear(struct vuart *u)
{
	u->s.rx_count = 0;
	u->s.rx_timeout = 0;
	/* What the guest throws away is what it was given; the console may hold more for later. */
	u->more = machine_console_pending(u->dev.vm, u->unit);
	restart_rx_timeout(u);
}

/* In loopback a byte arrives where the console's would; a full receiver loses it, and says so. */
static void tx_loop(struct vuart *u, uint8_t byte)
{
	struct vuart_state *s = &u->s;

	if (s->rx_count < fifo_depth(u)) {
		rx_put(u, byte);
	} else {
		s->overrun = 1;
		if (!(s->fcr & FCR_ENABLE))
			s->rx[s->rx_first % VUART_FIFO] = byte;
	}
	s->rx_timeout = 0;
	restart_rx_timeout(u);
}

/* Sends what waits, as far as the console has room. */
static void tx_drain(struct vuart *u)
{
	struct vuart_state *s = &u->s;
	bool loop = s->mcr & MCR_LOOP;

	while (s->tx_count && (loop || machine_console_room(u->dev.vm, u->unit))) {
		uint8_t byte = s->tx[s->tx_first % VUART_FIFO];

		s->tx_first = (s->tx_first + 1) % VUART_FIFO;
		s->tx_count--;
		if (loop)
			tx_loop(u, byte);
		else
			machine_console_put(u->dev.vm, u->unit, byte);
	}
	if (s->tx_count) {
		u->tx_deadline = machine_now(u->dev.vm) + machine_tsc_hz(u->dev.vm) / TX_POLLS_HZ;
	} else {
		u->tx_deadline = TIME_NEVER;
		s->thre_event = 1;
	}
	update_deadline(u);
	update_line(u);
}

static void tx_write(struct vuart *u, uint8_t byte)
{
	struct vuart_state *s = &u->s;

	u->polls = 0;
	s->thre_event = 0;
	if (!s->tx_count && !(s->mcr & MCR_LOOP) && machine_console_room(u->dev.vm, u->unit)) {
		if (u->line)
			update_line(u);
		machine_console_put(u->dev.vm, u->unit, byte);
		s->thre_event = 1;
		update_line(u);
		return;
	}
	update_line(u);
	if (s->tx_count >= fifo_depth(u)) {
		u->tx_lost++;
		return;
	}
	s->tx[(s->tx_first + s->tx_count) % VUART_FIFO] = byte;
	s->tx_count++;
	tx_drain(u);
}

static void tx_clear(struct vuart *u)
{
	if (u->s.tx_count)
		u->s.thre_event = 1;
	u->s.tx_count = 0;
	u->tx_deadline = TIME_NEVER;
	update_deadline(u);
}

static void update_char_ticks(struct vuart *u)
{
	const struct vuart_state *s = &u->s;
	uint32_t divisor = (uint32_t)s->dlm << 8 | s->dll;
	uint32_t bits = 1u + 5u + (s->lcr & 3u) + (s->lcr & 8 ? 1u : 0u) + (s->lcr & 4 ? 2u : 1u);

	/*
	 * A divisor of 0 stops the real chip's clock; a time-out that never comes would help
	 * nobody.
	 */
	u->char_ticks = muldiv64(machine_tsc_hz(u->dev.vm), 16 * bits * (divisor ? divisor : 1),
				 CLOCK_HZ);
}

static void ier_write(struct vuart *u, uint8_t value)
{
	uint8_t raised = value & ~u->s.ier & IER_ALL;

	u->s.ier = value & IER_ALL;
	/*
	 * Enabling the transmitter's interrupt while it is empty asks at once: drivers start up by
	 * that.
	 */
	if ((raised & IER_THRE) && !u->s.tx_count)
		u->s.thre_event = 1;
	if ((raised & IER_RX) && u->more)
		rx_pull(u);
	restart_rx_timeout(u);
	update_line(u);
}

static uint8_t iir_read(struct vuart *u)
{
	uint8_t cause = interrupt_cause(u);

	if (cause == IIR_THRE) {
		u->s.thre_event = 0;
		update_line(u);
	}
	return u->s.fcr & FCR_ENABLE ? cause | IIR_FIFO_ON : cause;
}

static void fcr_write(struct vuart *u, uint8_t value)
{
	bool switched = (value ^ u->s.fcr) & FCR_ENABLE;

	/* The other bits are programmed only together with the enable bit. */
	u->s.fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (switched || (value & FCR_CLEAR_RX))
		rx_clear(u);
	if (switched || (value & FCR_CLEAR_TX))
		tx_clear(u);
	restart_rx_timeout(u);
	update_line(u);
}

/* The modem's lines: a terminal that is always there, or in loopback our own outputs. */
static void update_modem(struct vuart *u)
{
	uint8_t mcr = u->s.mcr, old = u->s.msr;
	uint8_t now = MSR_CTS | MSR_DSR | MSR_DCD;
	uint8_t changed;

	if (mcr & MCR_LOOP)
		now = (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
				(mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
	changed = (old ^ now) & (uint8_t)~MSR_DELTAS;
	now |= old & MSR_DELTAS;
	if (changed & MSR_CTS)
		now |= MSR_DCTS;
	if (changed & MSR_DSR)
		now |= MSR_DDSR;
	if (changed & old & MSR_RI)
		now |= MSR_TERI;
	if (changed & MSR_DCD)
		now |= MSR_DDCD;
	u->s.msr = now;
}

static void mcr_write(struct vuart *u, uint8_t value)
{
	bool leaves_loop = u->s.mcr & ~value & MCR_LOOP;
	bool enters_loop = value & ~u->s.mcr & MCR_LOOP;

	u->s.mcr = value & MCR_ALL;
	update_modem(u);
	if (enters_loop && u->s.tx_count)
		tx_drain(u);
	if (leaves_loop && u->more)
		rx_pull(u);
	update_line(u);
}

bool vuart_listens(const struct vuart *u, uint64_t now)
{
	return (u->s.ier & IER_RX) ||
	       (u->polled_at && (int64_t)(now - u->polled_at) < (int64_t)(POLLED_SECONDS * machine_tsc_hz(u->dev.vm)));
}

/* Looks at LSR that no sending explains are a guest's that waits for input. */
static void count_poll(struct vuart *u)
{
	if (u->s.tx_count || ++u->polls < POLLS_MANY)
		return;
	u->polls = 0;
	u->polled_at = machine_now(u->dev.vm);
}

static uint8_t lsr_read(struct vuart *u)
{
	struct vuart_state *s = &u->s;
	uint8_t lsr;

	count_poll(u);
	if (s->tx_count)
		tx_drain(u);
	/* Without this a guest that only prints here would swallow what is typed for its keyboard. */
	if (u->more && !s->rx_count && vuart_listens(u, machine_now(u->dev.vm)))
		rx_pull(u);
	lsr = s->tx_count ? 0 : LSR_THRE | LSR_EMPTY;
	if (s->rx_count)
		lsr |= LSR_READY;
	if (s->overrun) {
		lsr |= LSR_OVERRUN;
		s->overrun = 0;
		update_line(u);
	}
	return lsr;
}

static uint8_t msr_read(struct vuart *u)
{
	uint8_t msr = u->s.msr;

	u->s.msr &= (uint8_t)~MSR_DELTAS;
	update_line(u);
	return msr;
}

static uint8_t reg_read(struct vuart *u, unsigned int reg)
{
	bool latch = u->s.lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (latch)
			return u->s.dll;
		if (u->s.rx_count)
			u->polled_at = machine_now(u->dev.vm);
		return rx_read(u);
	case REG_IER:
		return latch ? u->s.dlm : u->s.ier;
	case REG_IIR_FCR:
		return iir_read(u);
	case REG_LCR:
		return u->s.lcr;
	case REG_MCR:
		return u->s.mcr;
	case REG_LSR:
		return lsr_read(u);
	case REG_MSR:
		return msr_read(u);
	default:
		return u->s.scr;
	}
}

static void reg_write(struct vuart *u, unsigned int reg, uint8_t value)
{
	bool latch = u->s.lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (!latch) {
			tx_write(u, value);
			return;
		}
		u->s.dll = value;
		update_char_ticks(u);
		return;
	case REG_IER:
		if (!latch) {
			ier_write(u, value);
			return;
		}
		u->s.dlm = value;
		update_char_ticks(u);
		return;
	case REG_IIR_FCR:
		fcr_write(u, value);
		return;
	case REG_LCR:
		u->s.lcr = value;
		update_char_ticks(u);
		return;
	case REG_MCR:
		mcr_write(u, value);
		return;
	case REG_SCR:
		u->s.scr = value;
		return;
	default:	/* LSR and MSR: writing is for the factory */
		return;
	}
}

static void vuart_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vuart *u = (struct vuart *)d;
	unsigned int reg = a->addr & 7;

	(void)region;
	if (a->write)
		reg_write(u, reg, (uint8_t)a->value);
	else
		a->value = reg_read(u, reg);
}

void vuart_kick(struct vuart *u)
{
	u->more = true;
	rx_pull(u);
}

void vuart_offer(struct vuart *u)
{
	u->more = true;
}

static uint64_t vuart_deadline(const struct vdev *d)
{
	return ((const struct vuart *)d)->deadline;
}

static void vuart_service(struct vdev *d, uint64_t now)
{
	struct vuart *u = (struct vuart *)d;

	if (now >= u->rx_deadline) {
		u->rx_deadline = TIME_NEVER;
		u->s.rx_timeout = 1;
		update_line(u);
	}
	if (now >= u->tx_deadline)
		tx_drain(u);
	update_deadline(u);
}

static void vuart_reset(struct vdev *d)
{
	struct vuart *u = (struct vuart *)d;

	u->s = (struct vuart_state){ .dll = 1, .lcr = 3, .msr = MSR_CTS | MSR_DSR | MSR_DCD };
	u->rx_deadline = TIME_NEVER;
	u->tx_deadline = TIME_NEVER;
	u->polled_at = 0;
	u->polls = 0;
	u->more = machine_console_pending(u->dev.vm, u->unit);
	update_char_ticks(u);
	update_deadline(u);
	update_line(u);
}

static void vuart_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vuart *u = (const struct vuart *)d;
	const struct vuart_state *s = &u->s;

	text_format(text, room,
		    "ier=%02x iir=%02x fcr=%02x lcr=%02x mcr=%02x msr=%02x div=%u rx=%u tx=%u "
		    "irq=%u lost=%llu",
		    s->ier, interrupt_cause(u), s->fcr, s->lcr, s->mcr, s->msr,
		    (unsigned int)s->dlm << 8 | s->dll, s->rx_count, s->tx_count, u->line,
		    (unsigned long long)u->tx_lost);
}

static size_t vuart_save(const struct vdev *d, void *to, size_t room)
{
	const struct vuart *u = (const struct vuart *)d;

	return state_save(VUART_KIND, &u->s, sizeof(u->s), to, room);
}

/* Deadlines are not saved: both are waits that may begin again. */
static bool vuart_restore(struct vdev *d, const void *from, size_t size)
{
	struct vuart *u = (struct vuart *)d;
	struct vuart_state s;
	unsigned int depth;

	if (!state_load(VUART_KIND, &s, sizeof(s), from, size))
		return false;
	depth = s.fcr & FCR_ENABLE ? VUART_FIFO : 1;
	if ((s.fcr & ~FCR_KEPT) || (s.ier & ~IER_ALL) || (s.mcr & ~MCR_ALL) || s.overrun > 1 ||
	    s.thre_event > 1 || s.rx_timeout > 1 || s.rx_count > depth || s.tx_count > depth ||
	    s.rx_first >= VUART_FIFO || s.tx_first >= VUART_FIFO)
		return false;
	u->s = s;
	u->more = true;
	update_char_ticks(u);
	u->tx_deadline = s.tx_count ? machine_now(u->dev.vm) : TIME_NEVER;
	restart_rx_timeout(u);
	/* The machine's idea of the line may be older than the saved one: say it in any case. */
	u->line = false;
	machine_irq(u->dev.vm, u->irq, false);
	update_line(u);
	return true;
}

static const struct vdev_ops vuart_ops = {
	.name = "16550A",
	.reset = vuart_reset,
	.access = vuart_access,
	.deadline = vuart_deadline,
	.service = vuart_service,
	.dump = vuart_dump,
	.save = vuart_save,
	.restore = vuart_restore,
};

void vuart_init(struct vuart *u, struct vm *vm, unsigned int unit)
{
	memset(u, 0, sizeof(*u));
	u->dev.ops = &vuart_ops;
	u->dev.vm = vm;
	u->unit = unit;
	u->base = unit ? 0x2f8 : 0x3f8;
	u->irq = unit ? 3 : 4;
	u->deadline = TIME_NEVER;
	vuart_reset(&u->dev);
}

int vuart_claim(struct vuart *u, struct bus *bus)
{
	return bus_claim(bus, BUS_PORT, u->base, u->base + 7u, &u->dev, 0, true);
}
