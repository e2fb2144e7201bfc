/* A PSF console font (version 1 or 2), looked at where it lies. */
/* Part: pure; gives the frame buffer and the VGA text screen their glyphs. */
#ifndef DRIVERS_FONT_H
#define DRIVERS_FONT_H

#include "lib/types.h"

#define FONT_MAX_WIDTH	32
#define FONT_MAX_HEIGHT 64

struct font {
	const uint8_t *glyphs;
	uint32_t count;
	uint32_t width, height;		/* pixels */
	uint32_t row_bytes;		/* a row of pixels, the leftmost in bit 7 of the first */
	uint32_t glyph_bytes;
	uint16_t glyph_of[256];		/* Latin-1 character -> glyph */
};

/* False when DATA is not a PSF font that is whole and of a size the renderers can draw. */
bool font_parse(struct font *font, const uint8_t *data, size_t size);

static inline const uint8_t *font_glyph(const struct font *font, uint8_t character)
{
	return font->glyphs + (size_t)font->glyph_of[character] * font->glyph_bytes;
}

#endif
