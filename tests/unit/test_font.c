/* Reading PSF fonts: made ones of both versions, damaged ones, and the distribution's own. */
/* UNIT: drivers/font.c lib/string.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "drivers/font.h"

static uint8_t file[65536];
static size_t length;
static struct font font;

static void add(const void *bytes, size_t n)
{
	memcpy(file + length, bytes, n);
	length += n;
}

static void add32(uint32_t value)
{
	uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			     (uint8_t)(value >> 24) };

	add(bytes, 4);
}

/* From an allocation of just this size, so that ASan sees a read beyond the end. */
static bool parse(size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	bool good;

	memcpy(copy, file, n);
	good = font_parse(&font, copy, n);
	if (good) {
		for (int c = 0; c < 256; c++) {
			volatile uint8_t last = font_glyph(&font, (uint8_t)c)[font.glyph_bytes - 1];

			(void)last;
		}
	}
	free(copy);
	return good;
}

/* Every byte of a glyph is the glyph's number, so that a glyph can be told. */
static void add_glyphs(uint32_t count, uint32_t bytes)
{
	for (uint32_t g = 0; g < count; g++) {
		for (uint32_t i = 0; i < bytes; i++)
			file[length++] = (uint8_t)g;
	}
}

static int version1(void **state)
{
	/* glyph 0: 'A' and a combination with 'B'; glyph 1: e4, '?'; glyph 2: 'A' again */
	static const uint8_t table[] = { 'A', 0, 0xfe, 0xff, 'B', 0,	0x01, 0x03, 0xff, 0xff,
					 0xe4, 0, '?', 0,    0xff, 0xff, 'A', 0,    0xff, 0xff };

	(void)state;
	length = 0;
	add("\x36\x04\x02\x10", 4);
	add_glyphs(256, 16);
	add(table, sizeof(table));
	return 0;
}

static int version2(void **state)
{
	static const uint8_t table[] = { 'A', 0xc3, 0xa4, 0xfe, 'B', 0xcc, 0x81, 0xff, '?', 0xe2,
					 0x82, 0xac, 0xff, 'A', 'C', 0xff };

	(void)state;
	length = 0;
	add32(0x864ab572);
	add32(0);
	add32(40); /* a longer header than today's */
	add32(1);
	add32(3);
	add32(2 * 24);
	add32(24);
	add32(12);
	add32(0xdeadbeef);
	add32(0xdeadbeef);
	add_glyphs(3, 48);
	add(table, sizeof(table));
	return 0;
}

static void psf1(void **state)
{
	(void)state;
	assert_true(font_parse(&font, file, length));
	assert_int_equal(font.width, 8);
	assert_int_equal(font.height, 16);
	assert_int_equal(font.glyph_bytes, 16);
	assert_int_equal(font.count, 256);
	assert_int_equal(font.glyph_of['A'], 0);
	assert_int_equal(font.glyph_of[0xe4], 1);
	assert_int_equal(font.glyph_of['?'], 1);
	assert_int_equal(font.glyph_of['B'], 1); /* as '?' */
	assert_int_equal(font_glyph(&font, 0xe4)[15], 1);
	assert_ptr_equal(font_glyph(&font, 'A'), file + 4);
}

static void psf1_without_table(void **state)
{
	(void)state;
	file[2] = 1; /* 512 glyphs, no table */
	length = 4;
	add_glyphs(512, 16);
	assert_true(parse(length));
	assert_int_equal(font.count, 512);
	assert_int_equal(font.glyph_of['A'], 'A');
	assert_int_equal(font.glyph_of[0xff], 0xff);
}

static void psf2(void **state)
{
	(void)state;
	assert_true(font_parse(&font, file, length));
	assert_int_equal(font.width, 12);
	assert_int_equal(font.height, 24);
	assert_int_equal(font.row_bytes, 2);
	assert_int_equal(font.glyph_of['A'], 0);
	assert_int_equal(font.glyph_of[0xe4], 0);
	assert_int_equal(font.glyph_of['?'], 1);
	assert_int_equal(font.glyph_of['C'], 2);
	assert_int_equal(font.glyph_of['B'], 1);
	assert_int_equal(font_glyph(&font, 'C')[47], 2);
	assert_ptr_equal(font_glyph(&font, 'A'), file + 40);
}

/* A table that is cut short maps less; a glyph that is cut short makes the font unusable. */
static void truncated(void **state)
{
	size_t glyphs_end = file[0] == 0x36 ? 4 + 256 * 16 : 40 + 3 * 48;

	(void)state;
	for (size_t n = 0; n <= length; n++)
		assert_int_equal(parse(n), n >= glyphs_end);
}

static void absurd_headers(void **state)
{
	static const struct {
		uint32_t at, value;
	} changes[] = {
		{ 0, 0x12345678 }, { 4, 1 },	   { 8, 31 },	   { 8, 0xffffffff }, { 16, 0 },
		{ 16, 4097 },	   { 16, 4 },	   { 16, 0xffffffff }, { 20, 47 },    { 20, 0 },
		{ 20, 0xffffffff }, { 24, 0 },	   { 24, 65 },	   { 24, 0x80000018 }, { 28, 0 },
		{ 28, 33 },	   { 28, 8 },	   { 28, 0xfffffff9 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		(void)version2(NULL);
		length = changes[i].at;
		add32(changes[i].value);
		length = 40 + 3 * 48 + 16;
		assert_false(parse(length));
	}
	(void)version1(NULL);
	file[3] = 0;
	assert_false(parse(length));
	file[3] = 65;
	assert_false(parse(length));
}

static void distribution_font(void **state)
{
	static const char path[] = "/usr/share/consolefonts/Lat15-Terminus16.psf.gz";
	static const uint8_t different[] = { 'A', 'a', '0', '?', ' ', '~', 0xe4, 0xdf, 0xe9, 0xa7 };
	FILE *pipe;

	(void)state;
	if (access(path, R_OK) != 0)
		skip();
	pipe = popen("gzip -dc /usr/share/consolefonts/Lat15-Terminus16.psf.gz", "r");
	assert_non_null(pipe);
	length = fread(file, 1, sizeof(file), pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_true(font_parse(&font, file, length));
	assert_int_equal(font.width, 8);
	assert_int_equal(font.height, 16);
	for (uint32_t y = 0; y < 16; y++)
		assert_int_equal(font_glyph(&font, ' ')[y], 0);
	for (size_t i = 0; i < ARRAY_LEN(different); i++) {
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(font_glyph(&font, different[i]),
						font_glyph(&font, different[k]), 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(psf1, version1),
		cmocka_unit_test_setup(psf1_without_table, version1),
		cmocka_unit_test_setup(psf2, version2),
		{ "truncated_psf1", truncated, version1, NULL, NULL },
		{ "truncated_psf2", truncated, version2, NULL, NULL },
		cmocka_unit_test(absurd_headers),
		cmocka_unit_test(distribution_font),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
