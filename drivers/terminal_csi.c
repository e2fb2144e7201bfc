/* The screen model's control sequences that begin with ESC [. */
/* Part: pure; a subset of ECMA-48 that shells, editors and boot messages use. */
#include "drivers/terminal_parts.h"

/* Most sequences count from 1 and take an absent or zero parameter for 1. */
static uint32_t count_of(const struct terminal *t, uint32_t index)
{
	return t->parameters[index] > 0 ? t->parameters[index] : 1;
}

/* ANSI numbers colours red = 1, blue = 4; VGA has them the other way round. */
static uint8_t vga_colour(uint32_t ansi)
{
	return (uint8_t)((ansi & 0x0a) | (ansi & 1) << 2 | (ansi & 4) >> 2);
}

/*
 * 38 and 48 take ;5;n or ;2;r;g;b. Returns how many parameters follow; sets COLOUR only for n < 16.
 */
static uint32_t extended_colour(const struct terminal *t, uint32_t index, uint8_t *colour)
{
	if (index + 1 >= t->parameter_count)
		return 0;
	if (t->parameters[index + 1] == 2)
		return 4;
	if (t->parameters[index + 1] != 5)
		return 1;
	if (index + 2 < t->parameter_count && t->parameters[index + 2] < 16)
		*colour = vga_colour(t->parameters[index + 2]);
	return 2;
}

static void set_one(struct terminal *t, uint32_t value)
{
	struct terminal_place *p = &t->now;

	if (value == 0) {
		p->foreground = TERMINAL_NORMAL & 0xf;
		p->background = TERMINAL_NORMAL >> 4;
		p->bright = false;
		p->reverse = false;
	} else if (value == 1) {
		p->bright = true;
	} else if (value == 2 || value == 22) {
		p->bright = false;
	} else if (value == 7 || value == 27) {
		p->reverse = value == 7;
	} else if (value >= 30 && value <= 37) {
		p->foreground = vga_colour(value - 30);
	} else if (value == 39) {
		p->foreground = TERMINAL_NORMAL & 0xf;
	} else if (value >= 40 && value <= 47) {
		p->background = vga_colour(value - 40);
	} else if (value == 49) {
		p->background = TERMINAL_NORMAL >> 4;
	} else if (value >= 90 && value <= 97) {
		p->foreground = vga_colour(value - 90) | 8;
	} else if (value >= 100 && value <= 107) {
		p->background = vga_colour(value - 100);
	}
}

static void set_rendition(struct terminal *t)
{
	uint32_t n = t->parameter_count > 0 ? t->parameter_count : 1;

	for (uint32_t i = 0; i < n; i++) {
		if (t->parameters[i] == 38) {
			i += extended_colour(t, i, &t->now.foreground);
		} else if (t->parameters[i] == 48) {
			i += extended_colour(t, i, &t->now.background);
			t->now.background &= 7;
		} else {
			set_one(t, t->parameters[i]);
		}
	}
	terminal_rendition(t);
}

static void erase_screen(struct terminal *t)
{
	uint32_t row = t->now.row, column = t->now.column, what = t->parameters[0];

	if (what == 0)
		terminal_erase(t, row, column, t->columns);
	else if (what == 1)
		terminal_erase(t, row, 0, column + 1);
	else if (what > 3)
		return;
	for (uint32_t r = 0; r < t->rows; r++) {
		if ((what == 0 && r > row) || (what == 1 && r < row) || what >= 2)
			terminal_erase(t, r, 0, t->columns);
	}
}

static void erase_line(struct terminal *t)
{
	uint32_t column = t->now.column, what = t->parameters[0];

	if (what <= 2)
		terminal_erase(t, t->now.row, what == 0 ? column : 0,
			       what == 1 ? column + 1 : t->columns);
}

static void set_region(struct terminal *t)
{
	uint32_t top = count_of(t, 0) - 1;
	uint32_t bottom = t->parameters[1] > 0 ? t->parameters[1] - 1 : t->rows - 1;

	if (bottom >= t->rows)
		bottom = t->rows - 1;
	if (top >= bottom)
		return;
	t->top = top;
	t->bottom = bottom;
	terminal_move(t, 0, 0);
}

static void set_modes(struct terminal *t, bool on)
{
	if (t->private_mark != '?')
		return;
	for (uint32_t i = 0; i < t->parameter_count; i++) {
		if (t->parameters[i] == 7) {
			t->autowrap = on;
		} else if (t->parameters[i] == 25) {
			t->cursor_shown = on;
			terminal_move(t, t->now.row, t->now.column);
		}
	}
}

/* Up and down stop at the scrolling region's edge when they start inside it. */
static void move_vertically(struct terminal *t, uint32_t n, bool up, uint32_t column)
{
	uint32_t row = t->now.row;
	uint32_t edge_up = row >= t->top ? t->top : 0;
	uint32_t edge_down = row <= t->bottom ? t->bottom : t->rows - 1;

	if (up)
		row = row - edge_up > n ? row - n : edge_up;
	else
		row = edge_down - row > n ? row + n : edge_down;
	terminal_move(t, row, column);
}

static bool cursor_sequence(struct terminal *t, uint8_t final)
{
	uint32_t n = count_of(t, 0), row = t->now.row, column = t->now.column;

	switch (final) {
	case 'A':
	case 'F':
		move_vertically(t, n, true, final == 'A' ? column : 0);
		return true;
	case 'B':
	case 'E':
	case 'e':
		move_vertically(t, n, false, final == 'E' ? 0 : column);
		return true;
	case 'C':
	case 'a':
		terminal_move(t, row, column + n);
		return true;
	case 'D':
		terminal_move(t, row, column > n ? column - n : 0);
		return true;
	case 'G':
	case '`':
		terminal_move(t, row, n - 1);
		return true;
	case 'H':
	case 'f':
		terminal_move(t, n - 1, count_of(t, 1) - 1);
		return true;
	case 'd':
		terminal_move(t, n - 1, column);
		return true;
	default:
		return false;
	}
}

static void shift_sequence(struct terminal *t, uint8_t final)
{
	uint32_t n = count_of(t, 0), row = t->now.row;
	bool inside = row >= t->top && row <= t->bottom;

	switch (final) {
	case 'L':
	case 'M':
		if (inside)
			terminal_shift_rows(t, row, t->bottom, n, final == 'M');
		break;
	case 'S':
	case 'T':
		terminal_shift_rows(t, t->top, t->bottom, n, final == 'S');
		break;
	case 'P':
	case '@':
		terminal_shift_cells(t, n, final == 'P');
		break;
	case 'X':
		terminal_erase(t, row, t->now.column, t->now.column + n);
		break;
	default:
		break;
	}
}

/*
 * Requests for a report (n, c) are not answered: the answer would arrive as if the operator had
 * typed it, and the terminal at the serial line may answer too.
 */
void terminal_csi(struct terminal *t, uint8_t final)
{
	if (final == 'h' || final == 'l') {
		set_modes(t, final == 'h');
		return;
	}
	if (t->private_mark != 0 || cursor_sequence(t, final))
		return;
	switch (final) {
	case 'J':
		erase_screen(t);
		break;
	case 'K':
		erase_line(t);
		break;
	case 'm':
		set_rendition(t);
		break;
	case 'r':
		set_region(t);
		break;
	case 's':
		t->saved = t->now;
		break;
	case 'u':
		terminal_restore(t);
		break;
	default:
		shift_sequence(t, final);
		break;
	}
}
