/* Reads PSF fonts: the header, and the table that says which characters a glyph stands for. */
/* Part: pure; the font comes from the distribution at build time and is checked like any input. */
#include "drivers/font.h"
#include "lib/string.h"

/* Version 1: two magic bytes, mode, height; 8 pixels wide, 256 or 512 glyphs. */
#define PSF1_MAGIC0   0x36
#define PSF1_MAGIC1   0x04
#define PSF1_HEADER   4
#define PSF1_MODE_512 0x01
#define PSF1_MODE_TAB 0x06 /* either of two bits: a Unicode table follows */
#define PSF1_SEQUENCE 0xfffe
#define PSF1_END      0xffff

/*
 * Version 2: magic, version, header size, flags, count, bytes a glyph, height, width (all 32 bit).
 */
#define PSF2_MAGIC    0x864ab572u
#define PSF2_HEADER   32
#define PSF2_FLAG_TAB 0x01
#define PSF2_SEQUENCE 0xfe
#define PSF2_END      0xff

#define FONT_MAX_COUNT 4096
#define NO_GLYPH       0xffff

static uint32_t read16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t read32(const uint8_t *at)
{
	return read16(at) | read16(at + 2) << 16;
}

/* The first glyph that claims a character keeps it. */
static void claim(struct font *font, uint32_t character, uint32_t glyph)
{
	if (character < 256 && font->glyph_of[character] == NO_GLYPH)
		font->glyph_of[character] = (uint16_t)glyph;
}

/*
 * Each glyph has a list of characters, ended by PSF1_END; after PSF1_SEQUENCE come combinations of
 * several characters, which a terminal of single cells has no use for.
 */
static void read_table1(struct font *font, const uint8_t *table, size_t size)
{
	uint32_t glyph = 0;
	bool single = true;

	for (size_t at = 0; at + 2 <= size && glyph < font->count; at += 2) {
		uint32_t word = read16(table + at);

		if (word == PSF1_END) {
			glyph++;
			single = true;
		} else if (word == PSF1_SEQUENCE) {
			single = false;
		} else if (single) {
			claim(font, word, glyph);
		}
	}
}

/* The same in UTF-8; only one-byte and two-byte forms can be Latin-1. */
static void read_table2(struct font *font, const uint8_t *table, size_t size)
{
	uint32_t glyph = 0;
	bool single = true;

	for (size_t at = 0; at < size && glyph < font->count; at++) {
		uint32_t byte = table[at];

		if (byte == PSF2_END) {
			glyph++;
			single = true;
		} else if (byte == PSF2_SEQUENCE) {
			single = false;
		} else if (single && byte < 0x80) {
			claim(font, byte, glyph);
		} else if (single && (byte == 0xc2 || byte == 0xc3) && at + 1 < size &&
			   (table[at + 1] & 0xc0) == 0x80) {
			claim(font, (byte & 0x03) << 6 | (table[at + 1] & 0x3fu), glyph);
			at++;
		}
	}
}

/* Without a table a glyph stands for the character of its own number. */
static void number_glyphs(struct font *font)
{
	for (uint32_t glyph = 0; glyph < font->count && glyph < 256; glyph++)
		claim(font, glyph, glyph);
}

/* What has no glyph of its own looks like '?', or like the first glyph in a font without one. */
static void fill_gaps(struct font *font)
{
	uint16_t other = font->glyph_of['?'] == NO_GLYPH ? 0 : font->glyph_of['?'];

	for (uint32_t i = 0; i < 256; i++) {
		if (font->glyph_of[i] == NO_GLYPH)
			font->glyph_of[i] = other;
	}
}

static void parse1(struct font *font, const uint8_t *data, size_t *glyphs_at, bool *table)
{
	font->count = data[2] & PSF1_MODE_512 ? 512 : 256;
	font->width = 8;
	font->height = data[3];
	font->glyph_bytes = data[3];
	*glyphs_at = PSF1_HEADER;
	*table = (data[2] & PSF1_MODE_TAB) != 0;
}

static bool parse2(struct font *font, const uint8_t *data, size_t size, size_t *glyphs_at,
		   bool *table)
{
	uint32_t header = read32(data + 8);

	if (read32(data + 4) != 0 || header < PSF2_HEADER || header > size)
		return false;
	font->count = read32(data + 16);
	font->glyph_bytes = read32(data + 20);
	font->height = read32(data + 24);
	font->width = read32(data + 28);
	*glyphs_at = header;
	*table = (read32(data + 12) & PSF2_FLAG_TAB) != 0;
	return true;
}

bool font_parse(struct font *font, const uint8_t *data, size_t size)
{
	bool table = false, known = false;
	bool first = size >= PSF1_HEADER && data[0] == PSF1_MAGIC0 && data[1] == PSF1_MAGIC1;
	size_t at = 0, bytes;

	if (first) {
		parse1(font, data, &at, &table);
		known = true;
	} else if (size >= PSF2_HEADER && read32(data) == PSF2_MAGIC) {
		known = parse2(font, data, size, &at, &table);
	}
	if (!known || font->count == 0 || font->count > FONT_MAX_COUNT || font->width == 0 ||
	    font->width > FONT_MAX_WIDTH || font->height == 0 || font->height > FONT_MAX_HEIGHT)
		return false;
	font->row_bytes = (font->width + 7) / 8;
	if (font->glyph_bytes != font->row_bytes * font->height)
		return false;
	bytes = (size_t)font->count * font->glyph_bytes;
	if (bytes > size - at)
		return false;
	font->glyphs = data + at;
	for (uint32_t i = 0; i < 256; i++)
		font->glyph_of[i] = NO_GLYPH;
	if (!table)
		number_glyphs(font);
	else if (first)
		read_table1(font, data + at + bytes, size - at - bytes);
	else
		read_table2(font, data + at + bytes, size - at - bytes);
	fill_gaps(font);
	return true;
}
