/* The operator's screen model: what is where after text and control sequences. */
/* UNIT: drivers/terminal.c drivers/terminal_csi.c lib/string.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/terminal.h"

static struct terminal t;

static void say(const char *text)
{
	terminal_write(&t, text, strlen(text));
}

static int start(void **state)
{
	(void)state;
	terminal_init(&t, 40, 11); /* ten rows of text and the status line */
	return 0;
}

static struct terminal_cell cell(uint32_t row, uint32_t column)
{
	return t.cells[t.row_at[row]][column];
}

/* A row without the blanks at its end, as the renderer gets it. */
static const char *row_text(uint32_t row)
{
	static char text[TERMINAL_MAX_COLUMNS + 1];
	uint32_t end = t.columns;

	for (uint32_t i = 0; i < t.columns; i++)
		text[i] = (char)(row == t.rows ? t.status[i] : cell(row, i)).character;
	while (end > 0 && text[end - 1] == ' ')
		end--;
	text[end] = '\0';
	return text;
}

static void at(uint32_t row, uint32_t column)
{
	assert_int_equal(t.now.row, row);
	assert_int_equal(t.now.column, column);
}

static void plain_text(void **state)
{
	(void)state;
	say("one\r\ntwo\nthree\b\bX\ttab");
	assert_string_equal(row_text(0), "one");
	assert_string_equal(row_text(1), "two");
	assert_string_equal(row_text(2), "   thrXetab");
	at(2, 11);
}

static void a_full_line_does_not_scroll(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		say("x");
	at(0, 39);
	say("\r\nnext");
	assert_string_equal(row_text(1), "next");
	say("\033[1;40Hyz");
	assert_string_equal(row_text(1), "zext");
	say("\033[?7l\033[1;40Hab");
	assert_int_equal(cell(0, 39).character, 'b');
	at(0, 39);
}

static void scrolling(void **state)
{
	char line[16];

	(void)state;
	for (int i = 0; i < 25; i++) {
		line[0] = '\n';
		line[1] = (char)('a' + i);
		line[2] = '\r';
		terminal_write(&t, line, 3);
	}
	for (uint32_t r = 0; r < 10; r++) {
		assert_int_equal(cell(r, 0).character, 'a' + 15 + (int)r);
		assert_int_equal(cell(r, 1).character, ' ');
	}
	say("\033[1;1H\033M");
	assert_string_equal(row_text(0), "");
	assert_string_equal(row_text(1), "p");
	assert_string_equal(row_text(9), "x");
}

static void scroll_region(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		char line[3] = { (char)('0' + i), '\r', '\n' };

		terminal_write(&t, line, i < 9 ? 3 : 1);
	}
	say("\033[3;5r");
	at(0, 0);
	say("\033[5;1H\nnew");
	assert_string_equal(row_text(1), "1");
	assert_string_equal(row_text(2), "3");
	assert_string_equal(row_text(4), "new");
	assert_string_equal(row_text(5), "5");
	say("\033[99A");
	at(2, 3);
	say("\033[L");
	assert_string_equal(row_text(2), "");
	assert_string_equal(row_text(3), "3");
	assert_string_equal(row_text(5), "5");
	say("\033[2M");
	assert_string_equal(row_text(2), "4");
	assert_string_equal(row_text(3), "");
	say("\033[r\033[2S");
	assert_string_equal(row_text(0), "4");
	assert_string_equal(row_text(7), "9");
	say("\033[999T");
	for (uint32_t r = 0; r < 10; r++)
		assert_string_equal(row_text(r), "");
}

static void cursor_moves(void **state)
{
	(void)state;
	say("\033[5;7H");
	at(4, 6);
	say("\033[A");
	at(3, 6);
	say("\033[2B\033[3C\033[D");
	at(5, 8);
	say("\033[200;200H");
	at(9, 39);
	say("\033[H");
	at(0, 0);
	say("\033[4G\033[3d");
	at(2, 3);
	say("\0337\033[H\0338");
	at(2, 3);
	say("\033[s\033[9;9f\033[u");
	at(2, 3);
	say("\033[0;0H");
	at(0, 0);
	say("\b\033[9A\033[9D");
	at(0, 0);
}

static void erasing(void **state)
{
	(void)state;
	say("abcdef\r\nghijkl\r\nmnopqr\033[2;3H\033[K");
	assert_string_equal(row_text(1), "gh");
	say("\033[1;3H\033[1K");
	assert_string_equal(row_text(0), "   def");
	say("\033[3;2H\033[2P\033[@");
	assert_string_equal(row_text(2), "m pqr");
	say("\033[3X");
	assert_string_equal(row_text(2), "m   r");
	say("\033[2;1H\033[J");
	assert_string_equal(row_text(0), "   def");
	assert_string_equal(row_text(1), "");
	assert_string_equal(row_text(2), "");
	say("\033[2J");
	assert_string_equal(row_text(0), "");
	at(1, 0);
}

static void colours(void **state)
{
	(void)state;
	say("a\033[31mb\033[1;44mc\033[0md\033[7me\033[m"
	    "\033[38;5;196;32mf\033[38;2;1;2;3;33mg\033[94;105mh");
	assert_int_equal(cell(0, 0).colours, 0x07);
	assert_int_equal(cell(0, 1).colours, 0x04);
	assert_int_equal(cell(0, 2).colours, 0x1c);
	assert_int_equal(cell(0, 3).colours, 0x07);
	assert_int_equal(cell(0, 4).colours, 0x70);
	assert_int_equal(cell(0, 5).colours, 0x02);
	assert_int_equal(cell(0, 6).colours, 0x06);
	assert_int_equal(cell(0, 7).colours, 0x59);
}

static void unknown_sequences_are_swallowed(void **state)
{
	(void)state;
	say("a\033[6nb\033[?2004hc\033]0;a title\007d\033]0;other\033\\e\033(Bf\033[>4;1mg"
	    "\033[!ph\033=i"
	    "\033Pdata\033\\j\033[12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29;30;31zk");
	assert_string_equal(row_text(0), "abcdefghijk");
	/* CAN ends a sequence, a control inside one acts. */
	say("\033[3\030l\033[1\r;1Hm");
	assert_string_equal(row_text(0), "mbcdefghijkl");
	at(0, 1);
}

static void utf8(void **state)
{
	(void)state;
	say("\xc3\xa4|\xe2\x82\xac|\xf0\x9f\x98\x80|\xc2\x85|\xff|\xc3|"
	    "\xe2\x82|\xc0\xaf|\xe0\x80\x81|\x80");
	assert_string_equal(row_text(0), "\xe4|?|?||?|?|?|??|?|?");
	/* cut in two by separate writes */
	say("\r\n\xc3");
	say("\xbc");
	assert_string_equal(row_text(1), "\xfc");
}

static void status_line(void **state)
{
	(void)state;
	terminal_status(&t, "RUNNING   VM64");
	assert_string_equal(row_text(10), "                    RUNNING   VM64");
	say("\033[99;99H\n\n\n\n\n\n\n\n\n\n\nX");
	assert_string_equal(row_text(10), "                    RUNNING   VM64");
	terminal_status(&t, "a text that is longer than the status area");
	assert_int_equal(strlen(row_text(10)), 40);
	terminal_status(&t, "");
	assert_string_equal(row_text(10), "");
}

static uint64_t taken(void)
{
	struct terminal_cell line[TERMINAL_MAX_COLUMNS];
	uint64_t rows = 0;
	int row;

	while ((row = terminal_take_row(&t, line, false)) >= 0) {
		assert_true(row <= (int)t.rows);
		rows |= 1ull << row;
	}
	return rows;
}

static void dirty_rows(void **state)
{
	(void)state;
	assert_int_equal(taken(), 0x7ff);
	assert_int_equal(taken(), 0);
	say("x");
	assert_int_equal(taken(), 1);
	say("\033[4;1H");
	assert_int_equal(taken(), 1 | 8);
	say("\033[10;1H");
	(void)taken();
	say("\n");
	assert_int_equal(taken(), 0x3ff);
	terminal_status(&t, "X");
	assert_int_equal(taken(), 0x400);
}

/* A row that changes all the time must not keep the renderer from the others. */
static void rows_take_turns(void **state)
{
	struct terminal_cell line[TERMINAL_MAX_COLUMNS];
	uint64_t seen = 0;

	(void)state;
	for (int i = 0; i < 11; i++) {
		seen |= 1ull << terminal_take_row(&t, line, false);
		terminal_dirty_all(&t);
	}
	assert_int_equal(seen, 0x7ff);
}

static void cursor_cell(void **state)
{
	struct terminal_cell line[TERMINAL_MAX_COLUMNS];

	(void)state;
	say("ab");
	assert_int_equal(terminal_take_row(&t, line, true), 0);
	assert_int_equal(line[1].colours, 0x07);
	assert_int_equal(line[2].colours, 0x70);
	say("\033[?25l");
	terminal_dirty_all(&t);
	t.next_row = 0;
	assert_int_equal(terminal_take_row(&t, line, true), 0);
	assert_int_equal(line[2].colours, 0x07);
}

static void resizing(void **state)
{
	(void)state;
	say("first\r\nsecond");
	terminal_resize(&t, 128, 48);
	assert_int_equal(t.rows, 47);
	assert_string_equal(row_text(0), "first");
	at(1, 6);
	say("\033[47;120Hlow\0337");
	terminal_resize(&t, 30, 6);
	assert_int_equal(t.rows, 5);
	at(4, 29);
	assert_int_equal(t.dirty, 0x3f);
	say("\0338");
	assert_int_equal(taken(), 0x3f);
	/* absurd sizes are cut */
	terminal_resize(&t, 100000, 100000);
	assert_int_equal(t.columns, TERMINAL_MAX_COLUMNS);
	assert_int_equal(t.rows, TERMINAL_MAX_ROWS - 1);
	assert_int_equal(t.dirty, UINT64_MAX);
	terminal_resize(&t, 0, 0);
	assert_int_equal(t.columns, 20);
	assert_int_equal(t.rows, 1);
	say("x\r\ny\r\n");
	at(0, 0);
}

/*
 * Whatever arrives, nothing is written outside (ASan watches) and the cursor stays on the screen.
 */
static void noise(void **state)
{
	static const char likely[] = "\033[;0123456789?ABCDHJKLMPXSTmrhlsu@78cDEM\n\r\t\b\xc3\xe2 ";
	static const uint32_t sizes[][2] = { { 80, 25 }, { 128, 48 }, { 160, 64 },
					     { 20, 2 }, { 100, 37 } };
	uint32_t seed = 12345;

	(void)state;
	for (uint32_t i = 0; i < 400000; i++) {
		char c;

		seed = seed * 1664525u + 1013904223u;
		c = seed >> 31 ? likely[(seed >> 16) % (sizeof(likely) - 1)] : (char)(seed >> 20);
		terminal_write(&t, &c, 1);
		assert_true(t.now.row < t.rows && t.now.column < t.columns);
		assert_true(t.top <= t.bottom && t.bottom < t.rows);
		if (i % 997 == 0)
			(void)taken();
		if (i % 10007 == 0)
			terminal_resize(&t, sizes[(seed >> 8) % 5][0], sizes[(seed >> 8) % 5][1]);
	}
	for (uint32_t r = 0; r < TERMINAL_MAX_ROWS; r++) {
		uint32_t times = 0;

		for (uint32_t k = 0; k < TERMINAL_MAX_ROWS; k++)
			times += t.row_at[k] == r;
		assert_int_equal(times, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(plain_text, start),
		cmocka_unit_test_setup(a_full_line_does_not_scroll, start),
		cmocka_unit_test_setup(scrolling, start),
		cmocka_unit_test_setup(scroll_region, start),
		cmocka_unit_test_setup(cursor_moves, start),
		cmocka_unit_test_setup(erasing, start),
		cmocka_unit_test_setup(colours, start),
		cmocka_unit_test_setup(unknown_sequences_are_swallowed, start),
		cmocka_unit_test_setup(utf8, start),
		cmocka_unit_test_setup(status_line, start),
		cmocka_unit_test_setup(dirty_rows, start),
		cmocka_unit_test_setup(rows_take_turns, start),
		cmocka_unit_test_setup(cursor_cell, start),
		cmocka_unit_test_setup(resizing, start),
		cmocka_unit_test_setup(noise, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
