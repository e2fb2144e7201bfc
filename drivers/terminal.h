/* A screen of character cells that understands the useful part of a VT100's control sequences. */
/* Part: pure model of the operator's screen; framebuffer.c and vgatext.c show it. */
#ifndef DRIVERS_TERMINAL_H
#define DRIVERS_TERMINAL_H

#include "lib/types.h"

#define TERMINAL_MAX_COLUMNS 160
#define TERMINAL_MAX_ROWS    64	/* with the status line; dirty rows are bits of a 64-bit word */
#define TERMINAL_PARAMETERS  16

/* Colours as in a VGA attribute byte: bits 0-3 foreground, bits 4-6 background. */
#define TERMINAL_NORMAL 0x07
#define TERMINAL_STATUS 0x0a

/* The status area starts 20 columns from the right end, like a 3270's. */
#define TERMINAL_STATUS_WIDTH 20

struct terminal_cell {
	uint8_t character;	/* Latin-1 */
	uint8_t colours;
};

struct terminal_place {
	uint32_t row, column;
	uint8_t colours;
	bool bright, reverse;	/* rendition not yet in `colours` */
	uint8_t foreground, background;
};

struct terminal {
	uint32_t columns;
	uint32_t rows;		/* rows of text; the status line is row number `rows` */
	uint32_t top, bottom;	/* the scrolling region, both inside it */
	struct terminal_place now, saved;
	bool wrap_next;		/* the last column was written: the next character starts a line */
	bool autowrap;
	bool cursor_shown;

	uint8_t state;		/* enum state in terminal.c */
	uint8_t private_mark;	/* '?', '>' ... after ESC [ */
	uint32_t parameter_count;
	uint32_t parameters[TERMINAL_PARAMETERS];
	uint32_t utf8_left;	/* continuation bytes still to come */
	uint32_t utf8_value, utf8_least;

	uint64_t dirty;		/* bit r: row r has changed since terminal_take_row(r) */
	uint32_t next_row;	/* terminal_take_row() goes on here: no row may starve */
	uint8_t row_at[TERMINAL_MAX_ROWS];	/* permuted by scrolling; the cells stay */
	struct terminal_cell cells[TERMINAL_MAX_ROWS][TERMINAL_MAX_COLUMNS];
	struct terminal_cell status[TERMINAL_MAX_COLUMNS];
};

/* ROWS counts the status line; both are cut to what the model can hold and to at least 20 by 2. */
void terminal_init(struct terminal *t, uint32_t columns, uint32_t rows);
/* Keeps what is on the screen, as far as it fits; the lines around the cursor stay. */
void terminal_resize(struct terminal *t, uint32_t columns, uint32_t rows);
void terminal_write(struct terminal *t, const char *text, size_t n);
/* Shows TEXT (one line, Latin-1) at the bottom right. */
void terminal_status(struct terminal *t, const char *text);

/*
 * For renderers: the next dirty row, going round, is copied to LINE (columns cells), marked clean,
 * and its number returned; -1 when no row is dirty. CURSOR: show the cursor as a cell with its
 * colours swapped.
 */
int terminal_take_row(struct terminal *t, struct terminal_cell *line, bool cursor);
void terminal_dirty_all(struct terminal *t);

static inline bool terminal_is_dirty(const struct terminal *t)
{
	return t->dirty != 0;
}

#endif
