/* The screen model: printing, scrolling and the control sequences. */
/* Part: pure; fed with exactly the bytes that go to the serial line. terminal_csi.c has ESC [. */
#include "drivers/terminal.h"
#include "drivers/terminal_parts.h"
#include "lib/string.h"

enum state {
	STATE_TEXT,
	STATE_ESCAPE,		/* after ESC */
	STATE_SKIP_ONE,		/* after ESC ( and its like: one byte names a character set */
	STATE_CSI,		/* after ESC [ */
	STATE_CSI_IGNORE,	/* a sequence with intermediate bytes, none of which we know */
	STATE_STRING,		/* OSC, DCS ...: up to BEL or ESC \ */
	STATE_STRING_ESCAPE,
};

static void mark(struct terminal *t, uint32_t row)
{
	t->dirty |= 1ull << row;
}

static struct terminal_cell *row_cells(struct terminal *t, uint32_t row)
{
	return t->cells[t->row_at[row]];
}

void terminal_erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to)
{
	struct terminal_cell blank = { ' ', (uint8_t)(t->now.colours & 0x7f) };
	struct terminal_cell *cells = row_cells(t, row);

	for (uint32_t i = from; i < to && i < t->columns; i++)
		cells[i] = blank;
	mark(t, row);
}

void terminal_shift_rows(struct terminal *t, uint32_t first, uint32_t last, uint32_t n, bool up)
{
	uint32_t height = last - first + 1;

	if (n > height)
		n = height;
	for (; n > 0; n--) {
		uint32_t gone = up ? first : last, fresh = up ? last : first;
		uint8_t kept = t->row_at[gone];

		if (up)
			memmove(&t->row_at[first], &t->row_at[first + 1], height - 1);
		else
			memmove(&t->row_at[first + 1], &t->row_at[first], height - 1);
		t->row_at[fresh] = kept;
		terminal_erase(t, fresh, 0, t->columns);
	}
	for (uint32_t row = first; row <= last; row++)
		mark(t, row);
}

void terminal_shift_cells(struct terminal *t, uint32_t n, bool left)
{
	struct terminal_cell *cells = row_cells(t, t->now.row);
	uint32_t at = t->now.column, rest = t->columns - at;

	if (n > rest)
		n = rest;
	if (left)
		memmove(cells + at, cells + at + n, (rest - n) * sizeof(*cells));
	else
		memmove(cells + at + n, cells + at, (rest - n) * sizeof(*cells));
	if (left)
		terminal_erase(t, t->now.row, t->columns - n, t->columns);
	else
		terminal_erase(t, t->now.row, at, at + n);
}

void terminal_move(struct terminal *t, uint32_t row, uint32_t column)
{
	mark(t, t->now.row);
	t->now.row = row < t->rows ? row : t->rows - 1;
	t->now.column = column < t->columns ? column : t->columns - 1;
	t->wrap_next = false;
	mark(t, t->now.row);
}

void terminal_rendition(struct terminal *t)
{
	uint8_t fore = t->now.foreground, back = t->now.background;

	if (t->now.bright && fore < 8)
		fore |= 8;
	if (t->now.reverse) {
		uint8_t swap = fore;

		fore = back;
		back = swap & 7;
	}
	t->now.colours = (uint8_t)(back << 4 | fore);
}

static void line_feed(struct terminal *t)
{
	if (t->now.row == t->bottom)
		terminal_shift_rows(t, t->top, t->bottom, 1, true);
	else
		terminal_move(t, t->now.row + 1, t->now.column);
	t->wrap_next = false;
}

static void reverse_line_feed(struct terminal *t)
{
	if (t->now.row == t->top)
		terminal_shift_rows(t, t->top, t->bottom, 1, false);
	else if (t->now.row > 0)
		terminal_move(t, t->now.row - 1, t->now.column);
	t->wrap_next = false;
}

/*
 * The last column is filled without moving on, as a VT100 does: else a full line would scroll
 * early.
 */
static void print(struct terminal *t, uint8_t character)
{
	struct terminal_cell *cell;

	if (t->wrap_next && t->autowrap) {
		terminal_move(t, t->now.row, 0);
		line_feed(t);
	}
	cell = row_cells(t, t->now.row) + t->now.column;
	cell->character = character;
	cell->colours = t->now.colours;
	mark(t, t->now.row);
	if (t->now.column + 1 < t->columns)
		t->now.column++;
	else
		t->wrap_next = true;
}

static void control(struct terminal *t, uint8_t byte)
{
	uint32_t column = t->now.column;

	switch (byte) {
	case '\b':
		terminal_move(t, t->now.row, column > 0 ? column - 1 : 0);
		break;
	case '\t':
		terminal_move(t, t->now.row, (column | 7) + 1);
		break;
	case '\n':
	case '\v':
	case '\f':
		line_feed(t);
		break;
	case '\r':
		terminal_move(t, t->now.row, 0);
		break;
	case 0x18: /* CAN and SUB end a sequence */
	case 0x1a:
		t->state = STATE_TEXT;
		break;
	case 0x1b:
		t->state = STATE_ESCAPE;
		break;
	default:
		break;
	}
}

/* Latin-1 is shown; anything beyond it as '?'; the C1 controls (80-9F) not at all. */
static void print_code(struct terminal *t, uint32_t code)
{
	if (code >= 0x80 && code < 0xa0)
		return;
	print(t, code < 0x100 ? (uint8_t)code : '?');
}

static void text_byte(struct terminal *t, uint8_t byte)
{
	if (t->utf8_left > 0 && (byte & 0xc0) != 0x80) {
		t->utf8_left = 0; /* cut short */
		print(t, '?');
	}
	if (byte < 0x20) {
		control(t, byte);
	} else if (byte < 0x7f) {
		print(t, byte);
	} else if (byte == 0x7f) {
		return;
	} else if (t->utf8_left > 0) {
		t->utf8_value = t->utf8_value << 6 | (byte & 0x3fu);
		if (--t->utf8_left == 0)
			print_code(t, t->utf8_value < t->utf8_least ? 0xfffd : t->utf8_value);
	} else if (byte >= 0xc2 && byte < 0xf5) {
		t->utf8_left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
		t->utf8_value = byte & (0x3fu >> t->utf8_left);
		t->utf8_least = byte < 0xe0 ? 0x80 : byte < 0xf0 ? 0x800 : 0x10000;
	} else {
		print(t, '?');
	}
}

static void reset(struct terminal *t)
{
	struct terminal_place home = { .colours = TERMINAL_NORMAL,
				       .foreground = TERMINAL_NORMAL & 0xf,
				       .background = TERMINAL_NORMAL >> 4 };

	t->now = home;
	t->saved = home;
	t->top = 0;
	t->bottom = t->rows - 1;
	t->state = STATE_TEXT;
	t->utf8_left = 0;
	t->wrap_next = false;
	t->autowrap = true;
	t->cursor_shown = true;
	for (uint32_t row = 0; row < t->rows; row++)
		terminal_erase(t, row, 0, t->columns);
}

static void escape_byte(struct terminal *t, uint8_t byte)
{
	t->state = STATE_TEXT;
	switch (byte) {
	case '[':
		t->state = STATE_CSI;
		t->private_mark = 0;
		t->parameter_count = 0;
		memset(t->parameters, 0, sizeof(t->parameters));
		break;
	case ']': /* OSC, DCS, SOS, PM, APC: a string follows */
	case 'P':
	case 'X':
	case '^':
	case '_':
		t->state = STATE_STRING;
		break;
	case '(':
	case ')':
	case '*':
	case '+':
	case '#':
	case '%':
	case ' ':
		t->state = STATE_SKIP_ONE;
		break;
	case '7':
		t->saved = t->now;
		break;
	case '8':
		terminal_restore(t);
		break;
	case 'D':
		line_feed(t);
		break;
	case 'E':
		terminal_move(t, t->now.row, 0);
		line_feed(t);
		break;
	case 'M':
		reverse_line_feed(t);
		break;
	case 'c':
		reset(t);
		break;
	default:
		break;
	}
}

static void csi_byte(struct terminal *t, uint8_t byte)
{
	uint32_t *last;

	if (byte >= '0' && byte <= '9') {
		if (t->parameter_count == 0)
			t->parameter_count = 1;
		last = &t->parameters[t->parameter_count - 1];
		if (*last < 10000)
			*last = *last * 10 + (byte - '0');
	} else if (byte == ';' || byte == ':') {
		if (t->parameter_count == 0)
			t->parameter_count = 1;
		if (t->parameter_count < TERMINAL_PARAMETERS)
			t->parameters[t->parameter_count++] = 0;
	} else if (byte >= '<' && byte <= '?') {
		t->private_mark = byte;
	} else if (byte >= 0x20 && byte < 0x30) {
		t->state = STATE_CSI_IGNORE;
	} else if (byte >= 0x40 && byte < 0x7f) {
		t->state = STATE_TEXT;
		terminal_csi(t, byte);
	}
}

static void one_byte(struct terminal *t, uint8_t byte)
{
	bool in_sequence = t->state == STATE_ESCAPE || t->state == STATE_SKIP_ONE ||
			   t->state == STATE_CSI || t->state == STATE_CSI_IGNORE;

	if (in_sequence && byte < 0x20) { /* controls act even inside a sequence */
		control(t, byte);
		return;
	}
	switch ((enum state)t->state) {
	case STATE_TEXT:
		text_byte(t, byte);
		break;
	case STATE_ESCAPE:
		escape_byte(t, byte);
		break;
	case STATE_SKIP_ONE:
		t->state = STATE_TEXT;
		break;
	case STATE_CSI:
		csi_byte(t, byte);
		break;
	case STATE_CSI_IGNORE:
		if (byte >= 0x40 && byte < 0x7f)
			t->state = STATE_TEXT;
		break;
	case STATE_STRING:
		if (byte == 0x07 || byte == 0x18 || byte == 0x1a)
			t->state = STATE_TEXT;
		else if (byte == 0x1b)
			t->state = STATE_STRING_ESCAPE;
		break;
	case STATE_STRING_ESCAPE:
		t->state = STATE_TEXT;
		if (byte != '\\')
			escape_byte(t, byte);
		break;
	}
}

void terminal_write(struct terminal *t, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)text[i];

		if (t->state == STATE_TEXT && t->utf8_left == 0 && byte >= 0x20 && byte < 0x7f)
			print(t, byte);
		else
			one_byte(t, byte);
	}
}

void terminal_restore(struct terminal *t)
{
	uint32_t row = t->saved.row, column = t->saved.column;

	mark(t, t->now.row);
	t->now = t->saved;
	terminal_move(t, row, column);
}

static void set_size(struct terminal *t, uint32_t columns, uint32_t rows)
{
	if (columns < TERMINAL_STATUS_WIDTH)
		columns = TERMINAL_STATUS_WIDTH;
	if (rows < 2)
		rows = 2;
	t->columns = columns < TERMINAL_MAX_COLUMNS ? columns : TERMINAL_MAX_COLUMNS;
	t->rows = (rows < TERMINAL_MAX_ROWS ? rows : TERMINAL_MAX_ROWS) - 1;
}

void terminal_init(struct terminal *t, uint32_t columns, uint32_t rows)
{
	memset(t, 0, sizeof(*t));
	set_size(t, columns, rows);
	for (uint32_t row = 0; row < TERMINAL_MAX_ROWS; row++)
		t->row_at[row] = (uint8_t)row;
	reset(t);
	terminal_status(t, "");
}

void terminal_resize(struct terminal *t, uint32_t columns, uint32_t rows)
{
	uint32_t old_columns = t->columns, old_rows = t->rows;
	struct terminal sized = { 0 };

	set_size(&sized, columns, rows);
	if (t->now.row >= sized.rows)
		terminal_shift_rows(t, 0, old_rows - 1, t->now.row - sized.rows + 1, true);
	t->columns = sized.columns;
	t->rows = sized.rows;
	t->top = 0;
	t->bottom = t->rows - 1;
	for (uint32_t row = 0; row < t->rows; row++)
		terminal_erase(t, row, row < old_rows ? old_columns : 0, t->columns);
	terminal_move(t, t->now.row, t->now.column);
	t->saved = t->now;
	terminal_status(t, "");
	terminal_dirty_all(t); /* and no row that is gone */
}

void terminal_status(struct terminal *t, const char *text)
{
	uint32_t at = t->columns - TERMINAL_STATUS_WIDTH;

	for (uint32_t i = 0; i < t->columns; i++) {
		char c = i >= at && *text ? *text++ : ' ';

		t->status[i].character = (uint8_t)c;
		t->status[i].colours = TERMINAL_STATUS;
	}
	mark(t, t->rows);
}

void terminal_dirty_all(struct terminal *t)
{
	t->dirty = (1ull << t->rows << 1) - 1;
}

static void show_cursor(struct terminal *t, struct terminal_cell *line)
{
	uint8_t colours = line[t->now.column].colours;

	line[t->now.column].colours = (uint8_t)((colours & 0x07) << 4 | (colours & 0x70) >> 4);
}

int terminal_take_row(struct terminal *t, struct terminal_cell *line, bool cursor)
{
	uint64_t later;
	uint32_t row;

	if (t->dirty == 0)
		return -1;
	later = t->dirty >> t->next_row << t->next_row;
	row = (uint32_t)__builtin_ctzll(later != 0 ? later : t->dirty);
	t->dirty &= ~(1ull << row);
	t->next_row = (row + 1) % TERMINAL_MAX_ROWS;
	memcpy(line, row == t->rows ? t->status : row_cells(t, row), t->columns * sizeof(*line));
	if (cursor && t->cursor_shown && row == t->now.row)
		show_cursor(t, line);
	return (int)row;
}
