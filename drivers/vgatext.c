/* The VGA text screen: setting the mode, loading the font, and copying changed cells. */
/* Part: the operator's screen where there are no pixels; registers as in IBM's VGA manual. */
#include "drivers/vgatext.h"
#include "arch/api/cpu.h"
#include "lib/string.h"

#define TEXT_BASE    0xb8000
#define TEXT_SIZE    0x8000
#define FONT_BASE    0xa0000
#define FONT_SIZE    0x2000	/* 256 characters of 32 bytes */
#define FONT_STEP    32
#define CELL_HEIGHT  16

#define PORT_ATTR    0x3c0
#define PORT_MISC    0x3c2
#define PORT_MISC_IN 0x3cc
#define PORT_SEQ     0x3c4
#define PORT_DAC_AT  0x3c8
#define PORT_DAC     0x3c9
#define PORT_GC      0x3ce
#define PORT_CRTC    0x3d4
#define PORT_STATUS  0x3da

#define CRTC_MAX_SCAN	  0x09
#define CRTC_CURSOR_START 0x0a
#define CRTC_CURSOR_END	  0x0b
#define CRTC_START_HIGH	  0x0c
#define CRTC_START_LOW	  0x0d
#define CRTC_CURSOR_HIGH  0x0e
#define CRTC_CURSOR_LOW	  0x0f
#define CRTC_PROTECT	  0x11

static struct {
	volatile uint16_t *cells;	/* NULL = no text screen */
	uint32_t columns, rows;
	uint32_t cursor;		/* as last told to the VGA; CURSOR_NONE = hidden */
	struct terminal_cell line[TERMINAL_MAX_COLUMNS];
	struct terminal_cell shown[TERMINAL_MAX_ROWS][TERMINAL_MAX_COLUMNS];
} screen;

#define CURSOR_NONE 0xffffffffu

/* The registers of mode 3: 80x25 characters of 9x16 pixels, colour. */
static const uint8_t mode3_misc = 0x67;
static const uint8_t mode3_seq[5] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t mode3_crtc[25] = {
	0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
	0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
};
static const uint8_t mode3_gc[9] = { 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff };
static const uint8_t mode3_attr[21] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
	0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
};

static void put(uint16_t port, uint8_t index, uint8_t value)
{
	cpu_out8(port, index);
	cpu_out8((uint16_t)(port + 1), value);
}

static uint8_t get(uint16_t port, uint8_t index)
{
	cpu_out8(port, index);
	return cpu_in8((uint16_t)(port + 1));
}

/* The first 64 colours are the EGA's: two bits each of red, green and blue. */
static void load_palette(void)
{
	cpu_out8(0x3c6, 0xff);
	cpu_out8(PORT_DAC_AT, 0);
	for (uint32_t i = 0; i < 64; i++) {
		for (uint32_t c = 3; c-- > 0;) {
			uint32_t strong = (i >> c) & 1, weak = (i >> (c + 3)) & 1;

			cpu_out8(PORT_DAC, (uint8_t)(strong * 0x2a + weak * 0x15));
		}
	}
}

static void set_mode3(void)
{
	cpu_out8(PORT_MISC, mode3_misc);
	put(PORT_SEQ, 0, 0x01); /* hold while the clocks change */
	for (uint8_t i = 1; i < sizeof(mode3_seq); i++)
		put(PORT_SEQ, i, mode3_seq[i]);
	put(PORT_SEQ, 0, mode3_seq[0]);
	put(PORT_CRTC, CRTC_PROTECT, (uint8_t)(get(PORT_CRTC, CRTC_PROTECT) & 0x7f));
	for (uint8_t i = 0; i < sizeof(mode3_crtc); i++)
		put(PORT_CRTC, i, mode3_crtc[i]);
	for (uint8_t i = 0; i < sizeof(mode3_gc); i++)
		put(PORT_GC, i, mode3_gc[i]);
	/*
	 * One port takes index and value in turn; reading the status makes the next one an index.
	 */
	(void)cpu_in8(PORT_STATUS);
	for (uint8_t i = 0; i < sizeof(mode3_attr); i++) {
		cpu_out8(PORT_ATTR, i);
		cpu_out8(PORT_ATTR, mode3_attr[i]);
	}
	load_palette();
	(void)cpu_in8(PORT_STATUS);
	cpu_out8(PORT_ATTR, 0x20); /* give the palette back to the display */
}

/*
 * Our own font replaces the BIOS's code page 437, so that Latin-1 needs no translation. The font
 * lies in plane 2, which is opened at A0000 for the time being. False: the adapter's window cannot
 * be mapped.
 */
static bool load_font(const struct font *font)
{
	volatile uint8_t *at = cpu_map_mmio(HPA(FONT_BASE), FONT_SIZE, CPU_MAP_UC);

	if (!at || font->width != 8 || font->height > CELL_HEIGHT)
		return false;
	put(PORT_SEQ, 2, 0x04);
	put(PORT_SEQ, 4, 0x07);
	put(PORT_GC, 4, 0x02);
	put(PORT_GC, 5, 0x00);
	put(PORT_GC, 6, 0x04);
	for (uint32_t c = 0; c < 256; c++) {
		const uint8_t *bits = font_glyph(font, (uint8_t)c);

		for (uint32_t y = 0; y < CELL_HEIGHT; y++)
			at[c * FONT_STEP + y] = y < font->height ? bits[y] : 0;
	}
	put(PORT_SEQ, 2, mode3_seq[2]);
	put(PORT_SEQ, 3, 0x00);
	put(PORT_SEQ, 4, mode3_seq[4]);
	put(PORT_GC, 4, mode3_gc[4]);
	put(PORT_GC, 5, mode3_gc[5]);
	put(PORT_GC, 6, mode3_gc[6]);
	return true;
}

/* Colour text at B8000, as the BIOS leaves it? */
static bool shows_text(void)
{
	return (cpu_in8(PORT_MISC_IN) & 1) != 0 && (get(PORT_GC, 6) & 0x0d) == 0x0c &&
	       (get(PORT_CRTC, CRTC_MAX_SCAN) & 0x1f) == CELL_HEIGHT - 1;
}

bool vgatext_init(const struct boot_framebuffer *fb, const struct font *font,
		  uint32_t *columns, uint32_t *rows)
{
	bool told = fb->kind == BOOT_FB_TEXT && fb->base == TEXT_BASE && fb->width >= 40 &&
		    fb->width <= TERMINAL_MAX_COLUMNS && fb->height >= 2 &&
		    fb->height <= TERMINAL_MAX_ROWS;

	screen.cells = NULL;
	if (cpu_in8(PORT_MISC_IN) == 0xff)
		return false;
	if (!told && !shows_text())
		set_mode3();
	screen.cells = cpu_map_mmio(HPA(TEXT_BASE), TEXT_SIZE, CPU_MAP_UC);
	if (!screen.cells || !load_font(font)) {
		screen.cells = NULL;
		return false;
	}
	screen.columns = told ? fb->width : 80;
	screen.rows = told ? fb->height : 25;
	put(PORT_CRTC, CRTC_START_HIGH, 0);
	put(PORT_CRTC, CRTC_START_LOW, 0);
	put(PORT_CRTC, CRTC_CURSOR_END, CELL_HEIGHT - 2);
	screen.cursor = 0;
	memset(screen.shown, 0xff, sizeof(screen.shown));
	*columns = screen.columns;
	*rows = screen.rows;
	return true;
}

static void place_cursor(const struct terminal *t)
{
	uint32_t at = t->cursor_shown ? t->now.row * screen.columns + t->now.column : CURSOR_NONE;

	if (at == screen.cursor)
		return;
	screen.cursor = at;
	put(PORT_CRTC, CRTC_CURSOR_START, at == CURSOR_NONE ? 0x20 : CELL_HEIGHT - 3);
	if (at == CURSOR_NONE)
		return;
	put(PORT_CRTC, CRTC_CURSOR_HIGH, (uint8_t)(at >> 8));
	put(PORT_CRTC, CRTC_CURSOR_LOW, (uint8_t)at);
}

/* A row is cheap enough to be finished once begun, so the budget is looked at between rows. */
bool vgatext_flush(struct terminal *t, uint32_t budget)
{
	uint32_t spent = 0;

	if (!screen.cells)
		return false;
	while (spent < budget && terminal_is_dirty(t)) {
		uint32_t row = (uint32_t)terminal_take_row(t, screen.line, false);
		struct terminal_cell *shown = screen.shown[row];

		for (uint32_t i = 0; i < screen.columns; i++) {
			struct terminal_cell cell = screen.line[i];

			if (cell.character == shown[i].character &&
			    cell.colours == shown[i].colours)
				continue;
			shown[i] = cell;
			screen.cells[row * screen.columns + i] =
				(uint16_t)(cell.colours << 8 | cell.character);
			spent++;
		}
		spent++;
	}
	place_cursor(t);
	return terminal_is_dirty(t);
}
