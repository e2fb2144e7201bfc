/* Joins serial line, screen and keyboard to one terminal. */
/* Part: CP's console; a ring before the serial line, the screen model at once. */
#include "drivers/console.h"
#include "arch/api/cpu.h"
#include "drivers/bochsvbe.h"
#include "drivers/framebuffer.h"
#include "drivers/keyboard.h"
#include "drivers/ring.h"
#include "drivers/serial.h"
#include "drivers/terminal.h"
#include "drivers/vgatext.h"
#include "lib/printf.h"
#include "lib/string.h"

#define RING_SIZE 65536

/* Cells drawn in one call: some 20 microseconds on a real machine. */
#define SCREEN_BUDGET 32
/*
 * While guests run the screen may take one part in this many of the time; the picture may lag a
 * little.
 */
#define SCREEN_SHARE 16
/* An emulated transmitter may be empty again at once; so many times it is filled in one call. */
#define SEND_ROUNDS 8
/* Panics write in pieces that surely fit the empty ring. */
#define PANIC_PIECE 1024

#define BITS_A_BYTE 10 /* on the line */
#define LINE_RATE   115200

static struct {
	bool ready;
	bool last_was_cr;
	bool drawing;		/* the renderer ran out of budget in the middle of something */
	bool typed;		/* the next console_read() looks at the devices in any case */
	bool waiting;		/* there was something to send at the last look */
	bool stuck;		/* the line took nothing for two seconds: it is not waited for */
	bool (*flush)(struct terminal *t, uint32_t budget);	/* NULL = no screen */
	uint32_t irqs;
	uint64_t lost;
	uint64_t hz;		/* 0 = not known yet: then every call looks at the devices */
	uint64_t byte_ticks;	/* time of a byte on the line */
	uint64_t sent_at;	/* TSC when the line last took or was first offered something */
	uint64_t next_send;	/* before this TSC the transmitter cannot be empty */
	uint64_t next_draw;
	uint64_t next_poll;
	char status[TERMINAL_STATUS_WIDTH + 1];
	struct ring out;	/* to the serial line */
	struct font font;
	struct terminal terminal;
	uint8_t bytes[RING_SIZE];
} console;

/* build/font.o, see drivers.mk */
extern const uint8_t _binary_font_psf_start[];
extern const uint8_t _binary_font_psf_end[];

void console_early_init(void)
{
	if (console.ready)
		return;
	ring_init(&console.out, console.bytes, sizeof(console.bytes));
	terminal_init(&console.terminal, 80, 25);
	if (serial_init())
		console.irqs |= 1u << serial_irq();
	console.ready = true;
}

/* Does PARM have the word NAME=VALUE? */
static bool parm_says(const char *parm, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = parm; *at != '\0';) {
		size_t n = 0;

		while (at[n] != '\0' && at[n] != ' ')
			n++;
		if (n == length && strncmp(at, word, n) == 0)
			return true;
		at += n;
		while (*at == ' ')
			at++;
	}
	return false;
}

static bool use_pixels(const struct boot_framebuffer *fb, uint32_t *columns, uint32_t *rows)
{
	if (!framebuffer_init(fb, &console.font, columns, rows))
		return false;
	console.flush = framebuffer_flush;
	return true;
}

static bool use_vbe(uint32_t *columns, uint32_t *rows)
{
	struct boot_framebuffer fb;

	if (!bochsvbe_init(&fb))
		return false;
	if (use_pixels(&fb, columns, rows))
		return true;
	bochsvbe_off();
	return false;
}

/*
 * The frame buffer the boot handed over, else the Bochs/QEMU display interface, else VGA text. But
 * Bochs with its rfb display library ends the whole machine with a panic when 32-bit pixels are
 * switched on, and a guest cannot see which display library Bochs has. Therefore the interface is
 * used without being asked for only on QEMU; on Bochs whoever started it with another library says
 * display=vbe.
 */
static bool choose_screen(const struct boot_framebuffer *given, const char *parm, uint32_t *columns,
			  uint32_t *rows)
{
	bool text = parm_says(parm, "display=text"), vbe = parm_says(parm, "display=vbe");

	if (vbe && use_vbe(columns, rows))
		return true;
	if (!text && use_pixels(given, columns, rows))
		return true;
	if (!text && bochsvbe_present() && bochsvbe_is_qemu() && use_vbe(columns, rows))
		return true;
	if (bochsvbe_present())
		bochsvbe_off(); /* the firmware may have used it: VGA text would stay hidden */
	if (!vgatext_init(given, &console.font, columns, rows))
		return false;
	console.flush = vgatext_flush;
	return true;
}

void console_init(const struct boot_info *info, const char *parm)
{
	size_t font_size = (size_t)(_binary_font_psf_end - _binary_font_psf_start);
	uint32_t columns, rows;

	console_early_init();
	if (!parm)
		parm = "";
	console.hz = cpu_tsc_hz();
	console.byte_ticks = console.hz * BITS_A_BYTE / LINE_RATE;
	if (keyboard_init())
		console.irqs |= 1u << KEYBOARD_IRQ;
	if (parm_says(parm, "display=none") ||
	    !font_parse(&console.font, _binary_font_psf_start, font_size) ||
	    !choose_screen(&info->fb, parm, &columns, &rows))
		return;
	terminal_resize(&console.terminal, columns, rows);
	terminal_status(&console.terminal, console.status);
}

/* Room for the CR that each LF may bring with it. */
size_t console_room(void)
{
	return console.ready ? ring_free(&console.out) / 2 : 0;
}

/* Only what the serial line will show may be on the screen. */
static void emit(const char *text, size_t n)
{
	size_t taken = serial_present() ? ring_write(&console.out, text, n) : n;

	console.lost += n - taken;
	if (taken > 0)
		console.last_was_cr = text[taken - 1] == '\r';
	terminal_write(&console.terminal, text, taken);
}

void console_write_raw(const char *text, size_t n)
{
	console_early_init();
	emit(text, n);
}

void console_write(const char *text, size_t n)
{
	console_early_init();
	while (n > 0) {
		size_t run = 0;

		if (text[0] == '\n' && !console.last_was_cr)
			emit("\r", 1);
		while (run < n && (run == 0 || text[run] != '\n'))
			run++;
		emit(text, run);
		text += run;
		n -= run;
	}
}

uint64_t console_lost(void)
{
	return console.lost;
}

/* The line may be dead (nobody behind an emulated one): then output must not stop the guests. */
static void note_stuck(uint64_t now)
{
	if (!console.stuck && (console.hz == 0 || now - console.sent_at < 2 * console.hz))
		return;
	console.stuck = true;
	console.lost += ring_used(&console.out);
	ring_drop(&console.out, ring_used(&console.out));
}

static void send(uint64_t now)
{
	const uint8_t *run;
	size_t sent = 0, n;

	if (!console.waiting)
		console.sent_at = now;
	console.waiting = true;
	if (now < console.next_send)
		return;
	for (unsigned int round = 0; round < SEND_ROUNDS; round++) {
		n = ring_peek(&console.out, &run);
		n = n == 0 ? 0 : serial_write_some((const char *)run, n);
		if (n == 0)
			break;
		ring_drop(&console.out, n);
		sent = n;
	}
	if (sent == 0) {
		note_stuck(now);
	} else {
		console.stuck = false;
		console.sent_at = now;
		/* The transmitter is "empty" while its last byte is still being sent. */
		console.next_send = now + (sent - 1) * console.byte_ticks;
	}
	console.waiting = ring_used(&console.out) != 0;
	serial_want_tx(console.waiting);
}

static bool screen_waits(void)
{
	return console.flush && (console.drawing || terminal_is_dirty(&console.terminal));
}

static void draw(uint64_t now)
{
	uint64_t after;

	console.drawing = console.flush(&console.terminal, SCREEN_BUDGET);
	after = cpu_tsc();
	console.next_draw = after + (after - now) * (SCREEN_SHARE - 1);
}

/* Not inlined, so that the functions below do nothing but two comparisons when nothing waits. */
static __attribute__((noinline)) void service(void)
{
	bool line = ring_used(&console.out) != 0, screen = screen_waits();
	uint64_t now = cpu_tsc();

	if (line)
		send(now);
	if (screen && now >= console.next_draw)
		draw(now);
}

bool console_busy(void)
{
	return ring_used(&console.out) != 0 || screen_waits();
}

void console_service(void)
{
	if (console_busy())
		service();
}

int console_read(void)
{
	uint64_t now = cpu_tsc();
	int c;

	if (!console.typed && now < console.next_poll)
		return -1;
	c = serial_read();
	if (c < 0)
		c = keyboard_read();
	console.typed = c >= 0;
	console.next_poll = now + console.hz / 2000;
	return c;
}

uint32_t console_irqs(void)
{
	return console.irqs;
}

void console_interrupt(unsigned int irq)
{
	if (irq == KEYBOARD_IRQ)
		keyboard_interrupt();
	else
		serial_interrupt();
	console.typed = true;
	console.next_send = 0;
}

void console_status(const char *word)
{
	char text[sizeof(console.status)];

	console_early_init();
	(void)text_format(text, sizeof(text), "%-9s VM64", word);
	if (strcmp(text, console.status) == 0)
		return;
	(void)str_copy(console.status, text, sizeof(console.status));
	terminal_status(&console.terminal, console.status);
}

static void drain_line(void)
{
	const uint8_t *run;
	size_t n;

	while ((n = ring_peek(&console.out, &run)) != 0) {
		serial_write_sync((const char *)run, n);
		ring_drop(&console.out, n);
	}
	/* What console_service() gave to the port before is out of the ring, but not yet out of the port. */
	serial_write_sync("", 0);
}

void console_panic_write(const char *text, size_t n)
{
	console_early_init();
	drain_line();
	while (n > 0) {
		size_t piece = n < PANIC_PIECE ? n : PANIC_PIECE;

		console_write(text, piece);
		drain_line();
		text += piece;
		n -= piece;
	}
	if (console.flush)
		console.drawing = console.flush(&console.terminal, UINT32_MAX);
}

void console_panic_line(const char *text, size_t n)
{
	serial_write_sync(text, n);
}
