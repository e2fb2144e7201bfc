/* The operator's terminal: queue of lines, editing with echo, and the way to the real console. */
/* Part: cp/; what comes from elsewhere is shown by whole lines, around the line being typed. */
#include "vmm/cp/typewriter.h"

#include "arch/api/cpu.h"
#include "drivers/console.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/timebase.h"
#include "vmm/cp/messages.h"

#define QUEUE	 65536u /* power of two */
#define LONGEST	 400u /* characters of one line that is said */
#define AHEAD	 1024u /* bytes the driver may hold: more would only delay answers */
#define ERASABLE 72u /* a longer typed line may have wrapped and cannot be wiped from its row */
#define HOLD_SECONDS 10 /* after the last key of an unfinished line */
#define BS	 0x08
#define DEL	 0x7f
#define CTRL_C	 0x03
#define CTRL_U	 0x15

static struct {
	char queue[QUEUE]; /* lines, each ended by LF */
	uint32_t head, tail; /* free running */
	uint32_t lost; /* lines there was no room for */
	char stage[1024]; /* on its way to the driver */
	size_t stage_at, stage_end;
	char typed[TYPEWRITER_LINE];
	size_t typed_length;
	size_t drawn; /* characters of the typed line that stand on the terminal */
	uint64_t last_key; /* TSC */
	bool line_done; /* typed[] was handed out and is forgotten at the next key */
	bool after_cr; /* a LF now belongs to the CR before it */
	bool silent;
	enum typewriter_emsg emsg;
	const char *status;
	size_t most_room; /* what console_room() says when the driver holds nothing */
} t;

static void enqueue(const char *text, size_t n)
{
	if (QUEUE - (t.head - t.tail) < n + 1) {
		t.lost++;
		return;
	}
	for (size_t i = 0; i < n; i++)
		t.queue[t.head++ % QUEUE] = (uint8_t)text[i] < 0x20 || text[i] == DEL ? '.'
										      : text[i];
	t.queue[t.head++ % QUEUE] = '\n';
}

void typewriter_say(const char *text)
{
	size_t n = strlen(text);

	enqueue(text, n < LONGEST ? n : LONGEST);
}

void typewriter_vsay(const char *format, va_list args)
{
	char text[LONGEST + 1];

	text_vformat(text, sizeof(text), format, args);
	typewriter_say(text);
}

void typewriter_error(const char *format, ...)
{
	char text[LONGEST + 1];
	va_list args;
	size_t number = 0;

	if (t.emsg == EMSG_OFF)
		return;
	va_start(args, format);
	text_vformat(text, sizeof(text), format, args);
	va_end(args);
	while (text[number] != '\0' && text[number] != ' ')
		number++;
	if (t.emsg == EMSG_CODE)
		text[number] = '\0';
	typewriter_say(t.emsg == EMSG_TEXT && text[number] == ' ' ? text + number + 1 : text);
}

void typewriter_set_emsg(enum typewriter_emsg emsg)
{
	t.emsg = emsg;
}

enum typewriter_emsg typewriter_emsg(void)
{
	return t.emsg;
}

bool typewriter_calm(void)
{
	return t.head - t.tail < QUEUE / 8;
}

bool typewriter_waiting(void)
{
	return t.head != t.tail || t.lost > 0;
}

/* Bytes that may be handed to the driver now. */
static size_t room_ahead(void)
{
	size_t room = console_room(), held;

	if (room > t.most_room)
		t.most_room = room;
	held = t.most_room - room;
	if (held >= AHEAD)
		return 0;
	return room < AHEAD - held ? room : AHEAD - held;
}

bool typewriter_pump(void)
{
	size_t n = t.stage_end - t.stage_at, room;

	if (n > 0) {
		room = room_ahead();
		if (n > room)
			n = room;
		if (n > 0)
			console_write_raw(t.stage + t.stage_at, n);
		t.stage_at += n;
	}
	if (t.stage_at < t.stage_end)
		return false;
	t.stage_at = t.stage_end = 0;
	return true;
}

static void put(const char *text, size_t n)
{
	if (n > sizeof(t.stage) - t.stage_end)
		n = sizeof(t.stage) - t.stage_end;
	memcpy(t.stage + t.stage_end, text, n);
	t.stage_end += n;
}

static void put_char(char c)
{
	put(&c, 1);
}

/* Takes the line being typed off the terminal, so that another can stand in its place. */
static void wipe_typed(void)
{
	if (t.drawn > ERASABLE) {
		put("\r\n", 2);
	} else if (t.drawn > 0) {
		put_char('\r');
		for (size_t i = 0; i < t.drawn; i++)
			put_char(' ');
		put_char('\r');
	}
	t.drawn = 0;
}

static void draw_typed(void)
{
	if (t.silent || t.line_done)
		return;
	put(t.typed, t.typed_length);
	t.drawn = t.typed_length;
}

bool typewriter_next(void)
{
	char text[64];

	if (!typewriter_waiting())
		return false;
	wipe_typed();
	if (t.head == t.tail) {
		/*
		 * The queue has run dry after a loss: this is the place in the order where lines
		 * are missing.
		 */
		text_format(text, sizeof(text), MSG_CPI782W, t.lost);
		t.lost = 0;
		put(text, strlen(text));
	} else {
		while (t.queue[t.tail % QUEUE] != '\n')
			put_char(t.queue[t.tail++ % QUEUE]);
		t.tail++;
	}
	put("\r\n", 2);
	draw_typed();
	return true;
}

void typewriter_show(const char *name, char mark, const char *text, size_t n)
{
	wipe_typed();
	if (name != NULL) {
		put(name, strlen(name));
		put_char(mark);
		put_char(' ');
	}
	put(text, n < LONGEST ? n : LONGEST);
	put("\r\n", 2);
	draw_typed();
}

void typewriter_raw(const uint8_t *bytes, size_t n)
{
	wipe_typed();
	put((const char *)bytes, n < TYPEWRITER_RAW ? n : TYPEWRITER_RAW);
}

static void rub_out(size_t characters)
{
	for (; characters > 0 && t.typed_length > 0; characters--) {
		t.typed_length--;
		if (t.drawn > 0) {
			t.drawn--;
			put("\b \b", 3);
		}
	}
}

static enum typewriter_typed end_line(void)
{
	t.typed[t.typed_length] = '\0';
	t.line_done = true;
	t.drawn = 0;
	put("\r\n", 2);
	return TYPED_LINE;
}

uint64_t typewriter_typing(uint64_t now)
{
	uint64_t until = t.last_key + HOLD_SECONDS * cpu_tsc_hz();

	return t.drawn > 0 && now < until && typewriter_calm() ? until : 0;
}

enum typewriter_typed typewriter_type(uint8_t byte)
{
	bool lf_of_cr = t.after_cr && byte == '\n';

	t.last_key = cpu_tsc();
	t.after_cr = byte == '\r';
	if (lf_of_cr)
		return TYPED_NOTHING;
	if (t.line_done) {
		t.line_done = false;
		t.typed_length = 0;
	}
	switch (byte) {
	case '\r':
	case '\n':
		return end_line();
	case TYPEWRITER_ATTENTION:
		return TYPED_ATTENTION;
	case BS:
	case DEL:
		rub_out(1);
		return TYPED_NOTHING;
	case CTRL_C:
		t.typed_length = 0;
		t.drawn = 0;
		put("^C\r\n", 4);
		return TYPED_NOTHING;
	case CTRL_U:
		rub_out(t.typed_length);
		return TYPED_NOTHING;
	case '\t':
		byte = ' ';
		break;
	default:
		break;
	}
	if (byte < 0x20 || byte > 0x7e)
		return TYPED_NOTHING;
	if (t.typed_length + 1 >= TYPEWRITER_LINE) {
		put("\a", 1);
		return TYPED_NOTHING;
	}
	t.typed[t.typed_length++] = (char)byte;
	if (!t.silent) {
		put_char((char)byte);
		t.drawn++;
	}
	return TYPED_NOTHING;
}

const char *typewriter_line(void)
{
	return t.typed;
}

void typewriter_echo(bool on)
{
	t.silent = !on;
}

void typewriter_status(const char *word)
{
	if (t.status == word)
		return;
	t.status = word;
	console_status(word);
}

void typewriter_flush(unsigned int seconds)
{
	uint64_t until = cpu_tsc() + seconds * cpu_tsc_hz();

	for (;;) {
		if (typewriter_pump() && !typewriter_next() && !console_busy())
			return;
		/* A real console that takes nothing must not keep the machine from going on. */
		if (cpu_tsc() > until)
			return;
		console_service();
		cpu_pause();
	}
}
