/* Draws characters into an RGB frame buffer: changed cells only, a few at a time. */
/* Part: the operator's screen; writes the frame buffer, never reads it (which is slow). */
#include "drivers/framebuffer.h"
#include "arch/api/cpu.h"
#include "lib/string.h"

#define MAX_SCALE 8
#define MAX_BYTES 4	/* of a pixel */

/* A screen that could hold more than these characters twice over gets its characters enlarged. */
#define ROOMY_COLUMNS 100
#define ROOMY_ROWS    30

/* Comparing this many unchanged cells counts as drawing one. */
#define CELLS_PER_LOOK 32

typedef uint64_t __attribute__((may_alias, aligned(1))) word_anywhere;
typedef uint32_t __attribute__((may_alias, aligned(1))) pixel_anywhere;

static struct {
	volatile uint8_t *pixels;	/* NULL = no frame buffer */
	const struct font *font;
	uint32_t pitch, pixel_bytes, scale;
	uint32_t cell_bytes;		/* a row of pixels of one character, in bytes */
	uint32_t left, top;		/* of the text area, in pixels */
	uint32_t palette[16];
	int pending;			/* row whose drawing ran out of budget, -1 = none */
	uint32_t pending_column;
	struct terminal_cell line[TERMINAL_MAX_COLUMNS];	/* that row */
	struct terminal_cell shown[TERMINAL_MAX_ROWS][TERMINAL_MAX_COLUMNS];
} screen;

/* Red, green, blue of the sixteen VGA colours. */
static const uint8_t vga_palette[16][3] = {
	{ 0x00, 0x00, 0x00 }, { 0x00, 0x00, 0xaa }, { 0x00, 0xaa, 0x00 }, { 0x00, 0xaa, 0xaa },
	{ 0xaa, 0x00, 0x00 }, { 0xaa, 0x00, 0xaa }, { 0xaa, 0x55, 0x00 }, { 0xaa, 0xaa, 0xaa },
	{ 0x55, 0x55, 0x55 }, { 0x55, 0x55, 0xff }, { 0x55, 0xff, 0x55 }, { 0x55, 0xff, 0xff },
	{ 0xff, 0x55, 0x55 }, { 0xff, 0x55, 0xff }, { 0xff, 0xff, 0x55 }, { 0xff, 0xff, 0xff },
};

static bool usable(const struct boot_framebuffer *fb)
{
	uint32_t bytes = fb->bits_per_pixel / 8;

	return fb->kind == BOOT_FB_RGB && fb->base != 0 &&
	       (fb->bits_per_pixel == 24 || fb->bits_per_pixel == 32) &&
	       fb->width <= 16384 && fb->height <= 16384 && fb->pitch >= fb->width * bytes &&
	       fb->pitch <= 16384 * MAX_BYTES * 2 && fb->red_shift <= fb->bits_per_pixel - 8 &&
	       fb->green_shift <= fb->bits_per_pixel - 8 &&
	       fb->blue_shift <= fb->bits_per_pixel - 8;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void choose_layout(const struct boot_framebuffer *fb, uint32_t *columns, uint32_t *rows)
{
	const struct font *font = screen.font;
	uint32_t scale = smaller(fb->width / (font->width * ROOMY_COLUMNS),
				 fb->height / (font->height * ROOMY_ROWS));

	if (scale < 1)
		scale = 1;
	screen.scale = smaller(scale, MAX_SCALE);
	*columns = smaller(fb->width / (font->width * screen.scale), TERMINAL_MAX_COLUMNS);
	*rows = smaller(fb->height / (font->height * screen.scale), TERMINAL_MAX_ROWS);
	screen.left = (fb->width - *columns * font->width * screen.scale) / 2;
	screen.top = (fb->height - *rows * font->height * screen.scale) / 2;
	screen.cell_bytes = font->width * screen.scale * screen.pixel_bytes;
}

/* Once, at start: what the firmware left around the text area would stay for ever. */
static void clear(const struct boot_framebuffer *fb)
{
	uint32_t bytes = fb->width * screen.pixel_bytes;

	for (uint32_t y = 0; y < fb->height; y++) {
		volatile uint8_t *at = screen.pixels + (size_t)y * screen.pitch;
		uint32_t x = 0;

		for (; x + 8 <= bytes; x += 8)
			*(volatile word_anywhere *)(at + x) = 0;
		for (; x < bytes; x++)
			at[x] = 0;
	}
}

bool framebuffer_init(const struct boot_framebuffer *fb, const struct font *font,
		      uint32_t *columns, uint32_t *rows)
{
	screen.pixels = NULL;
	if (!usable(fb))
		return false;
	screen.font = font;
	screen.pitch = fb->pitch;
	screen.pixel_bytes = fb->bits_per_pixel / 8;
	choose_layout(fb, columns, rows);
	if (*columns < TERMINAL_STATUS_WIDTH || *rows < 2)
		return false;
	screen.pixels = cpu_map_mmio(HPA(fb->base), (uint64_t)fb->pitch * fb->height, CPU_MAP_WC);
	if (!screen.pixels)
		return false;
	for (uint32_t i = 0; i < 16; i++)
		screen.palette[i] = (uint32_t)vga_palette[i][0] << fb->red_shift |
				    (uint32_t)vga_palette[i][1] << fb->green_shift |
				    (uint32_t)vga_palette[i][2] << fb->blue_shift;
	/* No cell looks like this, so everything is drawn the first time. */
	memset(screen.shown, 0xff, sizeof(screen.shown));
	screen.pending = -1;
	clear(fb);
	return true;
}

/*
 * One row of pixels of a character, enlarged sideways, as bytes for the frame buffer. A pixel of
 * three bytes is written as four: the next one covers the fourth, and TO has a byte more than it
 * needs.
 */
static void compose(uint8_t *to, const uint8_t *bits, uint32_t fore, uint32_t back)
{
	for (uint32_t x = 0; x < screen.font->width; x++) {
		uint32_t colour = bits[x / 8] & (0x80u >> (x & 7)) ? fore : back;

		for (uint32_t copy = 0; copy < screen.scale; copy++) {
			*(pixel_anywhere *)to = colour;
			to += screen.pixel_bytes;
		}
	}
}

static void copy_out(volatile uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint32_t i = 0;

	for (; i + 8 <= n; i += 8)
		*(volatile word_anywhere *)(to + i) = *(const word_anywhere *)(from + i);
	for (; i < n; i++)
		to[i] = from[i];
}

static void draw(uint32_t row, uint32_t column, struct terminal_cell cell)
{
	uint8_t pixels[FONT_MAX_WIDTH * MAX_SCALE * MAX_BYTES + 1];
	const struct font *font = screen.font;
	const uint8_t *bits = font_glyph(font, cell.character);
	const uint8_t *composed = NULL;
	uint32_t y = screen.top + row * font->height * screen.scale;
	uint32_t x = screen.left * screen.pixel_bytes + column * screen.cell_bytes;
	volatile uint8_t *to = screen.pixels + (size_t)y * screen.pitch + x;

	for (uint32_t line = 0; line < font->height; line++, bits += font->row_bytes) {
		/* Most rows of a glyph equal the one above: then the bytes are already there. */
		if (!composed || memcmp(composed, bits, font->row_bytes) != 0) {
			compose(pixels, bits, screen.palette[cell.colours & 0x0f],
				screen.palette[(cell.colours >> 4) & 0x07]);
			composed = bits;
		}
		for (uint32_t copy = 0; copy < screen.scale; copy++, to += screen.pitch)
			copy_out(to, pixels, screen.cell_bytes);
	}
}

/* Draws what differs in the pending row; false when the budget ended first. */
static bool draw_row(const struct terminal *t, uint32_t *budget)
{
	uint32_t row = (uint32_t)screen.pending, column = screen.pending_column;
	struct terminal_cell *shown = screen.shown[row];

	for (; column < t->columns; column++) {
		struct terminal_cell cell = screen.line[column];

		if (cell.character == shown[column].character &&
		    cell.colours == shown[column].colours)
			continue;
		if (*budget == 0) {
			screen.pending_column = column;
			return false;
		}
		--*budget;
		draw(row, column, cell);
		shown[column] = cell;
	}
	screen.pending = -1;
	return true;
}

bool framebuffer_flush(struct terminal *t, uint32_t budget)
{
	const uint32_t look = t->columns / CELLS_PER_LOOK;

	if (!screen.pixels)
		return false;
	for (;;) {
		if (screen.pending < 0) {
			if (!terminal_is_dirty(t))
				return false;
			if (budget == 0)
				return true;
			screen.pending = terminal_take_row(t, screen.line, true);
			screen.pending_column = 0;
			budget -= smaller(look, budget);
		}
		if (!draw_row(t, &budget))
			return true;
	}
}
