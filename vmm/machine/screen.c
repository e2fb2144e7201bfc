/* The screen reader: what appears on a machine's text screen, as lines on its console. */
/* Part: machine/; looks from time to time; never makes the guest wait, and drops what the console cannot take. */
#include "vmm/machine/screen.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "lib/timebase.h"

#define LOOKS_HZ	10u
#define FAST_HZ		40u	/* while text scrolls by quickly */
#define SLOWEST		4u	/* looks' intervals between two while the guest does not run */
#define STABLE		2u	/* looks for which a row must stand still */
#define BUSY_SECONDS	2u	/* a row that never does is shown this often */
#define PUT_OFF		20u	/* looks that may wait for the end of the serial port's line */
#define HOT		3u	/* changes in short order until a row counts as such */
#define RESERVE		(CONSOLE_OUT / 2)	/* of the console's ring, for the guest's serial port */

/* Code page 437 as a plain terminal can show it: frames of + - |, letters without their accents. */
static const char ascii[256] =
	" oo*****" "*oooo***" "><|!PS-|" "^v><L-^v"
	" !\"#$%&'" "()*+,-./" "01234567" "89:;<=>?" "@ABCDEFG" "HIJKLMNO" "PQRSTUVW" "XYZ[\\]^_"
	"`abcdefg" "hijklmno" "pqrstuvw" "xyz{|}~^"
	"Cueaaaac" "eeeiiiAA" "EaAooouu" "yOUcLYPf" "aiounNao" "?--//!<>" ".:#|++++" "++|+++++"
	"++++-+++" "+++++-++" "++++++++" "+++#_||-" "aBGpSsut" "OOOdooen" "=+><||/~" "o..vn2# ";

static bool blank(const struct screen_text *t)
{
	for (unsigned int i = 0; i < t->length; i++)
		if (t->text[i] != ' ')
			return false;
	return true;
}

/* The same but for blanks at the end. */
static bool same(const struct screen_text *a, const struct screen_text *b)
{
	const struct screen_text *longer = a->length > b->length ? a : b;
	unsigned int common = a->length < b->length ? a->length : b->length;

	if (memcmp(a->text, b->text, common) != 0)
		return false;
	for (unsigned int i = common; i < longer->length; i++)
		if (longer->text[i] != ' ')
			return false;
	return true;
}

static bool begins_with(const struct screen_text *t, const struct screen_text *beginning)
{
	return t->length >= beginning->length && memcmp(t->text, beginning->text, beginning->length) == 0;
}

static void read_rows(struct screen *sc, const struct vvga *vga, const struct vvga_screen *seen)
{
	uint16_t cells[VVGA_COLUMNS];

	for (unsigned int y = 0; y < seen->rows; y++) {
		struct screen_text *t = &sc->now[y];
		unsigned int length = 0;

		vvga_screen_row(vga, seen, y, cells);
		for (unsigned int x = 0; x < seen->columns; x++) {
			t->text[x] = ascii[cells[x] & 0xff];
			if (t->text[x] != ' ')
				length = x + 1;
		}
		/* a question ends with a blank before the cursor; a cursor far to the right is only parked there */
		if (y == seen->cursor_y && length > 0 && seen->cursor_x > length && seen->cursor_x <= length + 2)
			length = seen->cursor_x;
		t->length = (uint8_t)length;
	}
}

static void put(struct vm_console *c, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vm_console_put(c, (uint8_t)text[i]);
}

/* Room for one row and what surrounds it, beside what is kept for the serial port. */
static bool has_room(const struct vm_console *c)
{
	return c->out_head - c->out_tail + VVGA_COLUMNS + 16 <= CONSOLE_OUT - RESERVE;
}

static bool still_open(const struct screen *sc, const struct vm_console *c)
{
	return sc->open_row >= 0 && c->out_total == sc->open_total;
}

static bool at_line_start(const struct vm_console *c)
{
	return c->out_total == 0 || c->out[(c->out_head - 1) % CONSOLE_OUT] == '\n';
}

/* Ends whatever line the console's output stands in, ours or the serial port's. */
static void new_line(struct screen *sc, struct vm_console *c)
{
	if (!at_line_start(c))
		put(c, "\r\n", 2);
	sc->open_row = -1;
}

/* False = the console has no room: it will be shown as it is then. */
static bool say(struct screen *sc, struct vm_console *c, const char *text)
{
	if (!has_room(c))
		return false;
	new_line(sc, c);
	put(c, text, strlen(text));
	put(c, "\r\n", 2);
	return true;
}

/* The row's last text goes to the console; open = the cursor stands on it, more may come. */
static bool show(struct screen *sc, struct vm_console *c, unsigned int y, bool open, uint64_t now, uint64_t busy)
{
	struct screen_row *r = &sc->row[y];
	const struct screen_text *t = &r->last;
	bool again = sc->open_row != (int)y;

	if (!has_room(c))
		return false;
	if (still_open(sc, c) && sc->open_row == (int)y) {
		if (begins_with(t, &r->shown)) {
			put(c, t->text + r->shown.length, t->length - r->shown.length);
		} else {	/* edited: again from the left, and what is left over is erased */
			put(c, "\r", 1);
			put(c, t->text, t->length);
			put(c, "\033[K", 3);
		}
	} else {
		new_line(sc, c);
		put(c, t->text, t->length);
	}
	sc->open_row = open ? (int)y : -1;
	if (!open)
		put(c, "\r\n", 2);
	sc->open_total = c->out_total;
	if (again && r->heat < HOT)
		r->heat++;
	if (r->shown_at == 0 || now - r->shown_at >= busy)
		r->heat = 0;
	r->shown = *t;
	r->shown_at = now;
	r->waits = false;
	return true;
}

static unsigned int matches(const struct screen *sc, unsigned int by)
{
	unsigned int found = 0;

	for (unsigned int y = 0; y + by < sc->seen.rows; y++)
		if (sc->now[y].length > 0 && same(&sc->now[y], &sc->row[y + by].last) && !blank(&sc->now[y]))
			found++;
	return found;
}

static unsigned int text_rows(const struct screen *sc, bool now)
{
	unsigned int found = 0;

	for (unsigned int y = 0; y < sc->seen.rows; y++)
		found += (now ? sc->now[y].length : sc->row[y].last.length) > 0;
	return found;
}

/* By how many rows the text has moved up since the last look; rows = there is nothing left of what was there. */
static unsigned int scrolled(const struct screen *sc)
{
	unsigned int rows = sc->seen.rows, most = matches(sc, 0), by = 0;

	if (most == text_rows(sc, false))
		return 0;	/* nothing of the old text is gone */
	for (unsigned int k = 1; k < rows; k++) {
		unsigned int found = matches(sc, k);

		if (found > most) {
			most = found;
			by = k;
		}
	}
	/* A full screen without a line of the one before, and the cursor at the bottom: more has passed than was seen. */
	if (most == 0 && text_rows(sc, true) * 2 >= rows &&
	    sc->seen.cursor_y + 2u >= rows && sc->seen.cursor_y < rows)
		return rows;
	return by;
}

/* Rows that leave at the top are shown before they are forgotten. */
static void scroll(struct screen *sc, struct vm_console *c, unsigned int by, uint64_t now, uint64_t busy)
{
	unsigned int rows = sc->seen.rows;

	for (unsigned int y = 0; y < by; y++) {
		struct screen_row *r = &sc->row[y];

		if ((!same(&r->last, &r->shown) && !blank(&r->last)) || (still_open(sc, c) && sc->open_row == (int)y))
			show(sc, c, y, false, now, busy);
	}
	if (by == rows)
		say(sc, c, "...");
	for (unsigned int y = 0; y < rows; y++) {
		if (y + by < rows)
			sc->row[y] = sc->row[y + by];
		else
			memset(&sc->row[y], 0, sizeof(sc->row[y]));
	}
	if (sc->open_row >= 0)
		sc->open_row = sc->open_row >= (int)by ? sc->open_row - (int)by : -1;
}

/* Is it time for a row that differs from what has been shown? */
static bool ripe(const struct screen *sc, unsigned int y, uint64_t now, uint64_t busy)
{
	const struct screen_row *r = &sc->row[y];
	bool cursor = y == sc->seen.cursor_y, cooled = r->shown_at == 0 || now - r->shown_at >= busy;

	/* what is typed, as its echo comes; and the rest of a line that the cursor has left */
	if (sc->open_row == (int)y && (!cursor || r->stable > 0 || begins_with(&r->last, &r->shown)))
		return true;
	/* running text: what is above the cursor is complete, and might soon be gone */
	if (blank(&r->shown) && y < sc->seen.cursor_y && sc->seen.cursor_y < sc->seen.rows)
		return true;
	if (r->stable >= STABLE)
		return r->heat < HOT || cooled;
	return cooled && now - r->since >= busy;
}

static void look_at_row(struct screen *sc, struct vm_console *c, unsigned int y, uint64_t now, uint64_t busy, bool between)
{
	struct screen_row *r = &sc->row[y];
	const struct screen_text *t = &sc->now[y];
	bool cursor = y == sc->seen.cursor_y;

	if (same(t, &r->last)) {
		r->stable = (uint8_t)(r->stable < 255 && !between ? r->stable + 1 : r->stable);
		r->last.length = t->length;
		memcpy(r->last.text, t->text, t->length);
	} else {
		r->stable = 0;
		r->last = *t;
	}
	if (same(&r->last, &r->shown)) {
		r->waits = false;
		if (sc->open_row == (int)y && !cursor && has_room(c))
			new_line(sc, c);
		return;
	}
	if (!r->waits) {
		r->waits = true;
		r->since = now;
	}
	if (blank(&r->last)) {	/* erased: nothing to read, but the same text again would be news */
		if (r->stable >= STABLE) {
			memset(&r->shown, 0, sizeof(r->shown));
			r->waits = false;
		}
	} else if (ripe(sc, y, now, busy)) {
		show(sc, c, y, cursor, now, busy);
	}
	sc->waits = sc->waits || r->waits;
}

static void forget(struct screen *sc)
{
	memset(sc->row, 0, sizeof(sc->row));
	sc->open_row = -1;
	sc->same_mode = 0;
	sc->graphics_told = false;
}

static void look_at_graphics(struct screen *sc, struct vm_console *c)
{
	char text[64];

	sc->waits = !sc->graphics_told;
	/* a mode that passes on the way to another is not worth a line */
	if (sc->graphics_told || sc->same_mode < STABLE)
		return;
	text_format(text, sizeof(text), "(GRAPHICS %ux%u, %u BITS A PIXEL)", sc->seen.width, sc->seen.height, sc->seen.bits);
	sc->graphics_told = say(sc, c, text);
}

static bool same_shape(const struct vvga_screen *a, const struct vvga_screen *b)
{
	return a->graphics == b->graphics && a->width == b->width && a->height == b->height && a->bits == b->bits &&
	       a->columns == b->columns && a->rows == b->rows;
}

static bool same_page(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x, y;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		__builtin_memcpy(&x, a + i, 8);
		__builtin_memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	return memcmp(a + i, b + i, n - i) == 0;
}

/*
 * Most looks find what the one before found, and reading a whole screen takes long. True = all of it has been shown,
 * and the rows have stood still long enough, if that counts; nothing can come of another look.
 */
static bool settled(struct screen *sc, const struct vvga *vga, const struct vvga_screen *seen, bool between)
{
	size_t bytes = 0;
	const uint8_t *page = vvga_screen_page(vga, seen, &bytes);

	if (page == NULL || bytes > sizeof(sc->page)) {
		sc->page_bytes = 0;
		return false;
	}
	if (bytes != sc->page_bytes || memcmp(seen, &sc->seen, sizeof(*seen)) != 0 || !same_page(page, sc->page, bytes)) {
		memcpy(sc->page, page, bytes);
		sc->page_bytes = bytes;
		sc->still = 0;
		return false;
	}
	if (sc->still <= STABLE && !between)
		sc->still++;
	return (sc->still > STABLE || between) && !sc->waits && (sc->open_row < 0 || sc->open_row == seen->cursor_y);
}

/*
 * between: two of the looks that come with time, by which is told what stands still. Returns whether text is scrolling by
 * faster than it is looked at.
 */
static bool look(struct screen *sc, const struct vvga *vga, struct vm_console *c, uint64_t now, uint64_t busy, bool between)
{
	struct vvga_screen seen;
	unsigned int by;

	vvga_screen(vga, &seen);
	if (seen.blank || settled(sc, vga, &seen, between))
		return false;
	if (!same_shape(&seen, &sc->seen))
		forget(sc);
	else if (sc->same_mode < 255 && !between)
		sc->same_mode++;
	sc->seen = seen;
	sc->waits = false;
	if (seen.graphics) {
		look_at_graphics(sc, c);
		return false;
	}
	read_rows(sc, vga, &seen);
	by = scrolled(sc);
	if (by > 0)
		scroll(sc, c, by, now, busy);
	for (unsigned int y = 0; y < seen.rows; y++)
		look_at_row(sc, c, y, now, busy, between);
	return by * 2 > seen.rows;
}

/* Is the serial port within a line that has grown since the last time? Such is not broken, unless it never ends. */
static bool interrupts(struct screen *sc, const struct vm_console *c)
{
	bool grows = !at_line_start(c) && !still_open(sc, c) && c->out_total != sc->last_total;

	sc->last_total = c->out_total;
	sc->put_off = (uint8_t)(grows && sc->put_off < PUT_OFF ? sc->put_off + 1 : 0);
	return sc->put_off > 0;
}

void screen_service(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t ran, uint64_t now,
		    uint64_t hz)
{
	uint64_t usual = hz / LOOKS_HZ + 1;
	bool fast = false;

	if (now < sc->due)
		return;
	if ((ran != sc->ran || sc->waits) && interrupts(sc, console)) {
		sc->waits = true;
		sc->interval = usual;
	} else if (ran != sc->ran || sc->waits) {
		fast = look(sc, vga, console, now, BUSY_SECONDS * hz, false);
		sc->interval = usual;
	} else if (sc->interval < SLOWEST * usual) {
		sc->interval += usual;
	}
	sc->ran = ran;
	sc->due = now + (fast ? hz / FAST_HZ + 1 : sc->interval);
}

void screen_finish(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t now)
{
	/* With no time to wait for, every row is ripe. */
	look(sc, vga, console, now, 0, false);
}

void screen_before_serial(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t now, uint64_t hz)
{
	if (!at_line_start(console) && !still_open(sc, console))
		return;
	look(sc, vga, console, now, BUSY_SECONDS * hz, true);
	if (still_open(sc, console))
		new_line(sc, console);
}

uint64_t screen_deadline(const struct screen *sc)
{
	return sc->due;
}

void screen_wake(struct screen *sc)
{
	sc->interval = 0;
	sc->due = 0;
}

void screen_init(struct screen *sc)
{
	memset(sc, 0, sizeof(*sc));
	sc->open_row = -1;
	sc->ran = UINT64_MAX;
}
