/* What is on the virtual display's screen: its mode, and the text of the visible page. */
/* Part: devices/; a part of vvga.c; people look at it through machine/screen.c. */
#include "lib/string.h"
#include "vmm/devices/vvga_parts.h"

/* Lines that are shown: the vertical display end, with its two bits in the overflow register. */
static unsigned int lines_shown(const struct vvga_state *s)
{
	unsigned int overflow = s->crtc[CRTC_OVERFLOW];

	return (s->crtc[CRTC_DISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1;
}

static unsigned int lines_of_row(const struct vvga_state *s)
{
	unsigned int lines = (s->crtc[CRTC_MAX_SCAN] & 0x1fu) + 1;

	return s->crtc[CRTC_MAX_SCAN] & 0x80 ? lines * 2 : lines;
}

static void graphics_screen(const struct vvga_state *s, struct vvga_screen *screen)
{
	uint8_t mode = s->gc[GC_MODE];
	unsigned int width = (s->crtc[CRTC_END] + 1u) * 8, height = lines_shown(s) / lines_of_row(s);

	screen->graphics = true;
	screen->width = (uint16_t)(mode & GC_MODE_SHIFT256 ? width / 2 : width);
	screen->height = (uint16_t)height;
	screen->bits = mode & GC_MODE_SHIFT256 ? 8 : mode & GC_MODE_SHIFT2 ? 2 : 4;
}

static void text_screen(const struct vvga_state *s, struct vvga_screen *screen)
{
	unsigned int columns = s->crtc[CRTC_END] + 1u, rows = lines_shown(s) / lines_of_row(s);
	unsigned int cursor = (unsigned int)s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW];
	unsigned int at;

	screen->columns = (uint16_t)(columns < VVGA_COLUMNS ? columns : VVGA_COLUMNS);
	screen->rows = (uint16_t)(rows < VVGA_ROWS ? rows : VVGA_ROWS);
	screen->start = (uint16_t)(s->crtc[CRTC_START_HIGH] << 8 | s->crtc[CRTC_START_LOW]);
	screen->pitch = (uint16_t)(s->crtc[CRTC_OFFSET] * 2u);
	if (screen->pitch == 0)
		screen->pitch = screen->columns;
	at = (cursor - screen->start) & 0xffff;
	screen->cursor_x = (uint16_t)(at % screen->pitch);
	screen->cursor_y = (uint16_t)(at / screen->pitch);
	screen->cursor_on = !(s->crtc[CRTC_CURSOR_START] & 0x20) &&
			    (s->crtc[CRTC_CURSOR_START] & 0x1f) <= (s->crtc[CRTC_CURSOR_END] & 0x1f);
	if (screen->cursor_y >= screen->rows || screen->cursor_x >= screen->columns) {
		screen->cursor_y = screen->rows;
		screen->cursor_x = 0;
		screen->cursor_on = false;
	}
}

void vvga_screen(const struct vvga *v, struct vvga_screen *screen)
{
	const struct vvga_state *s = &v->s;

	memset(screen, 0, sizeof(*screen));
	if (s->dispi[DISPI_ENABLE] & DISPI_ENABLED) {
		screen->graphics = true;
		screen->width = s->dispi[DISPI_XRES];
		screen->height = s->dispi[DISPI_YRES];
		screen->bits = s->dispi[DISPI_BPP];
		return;
	}
	screen->blank = (s->seq[SEQ_CLOCKING] & CLOCKING_OFF) || !(s->attr_index & ATTR_VIDEO_ON);
	if (s->gc[GC_MISC] & GC_MISC_GRAPHICS)
		graphics_screen(s, screen);
	else
		text_screen(s, screen);
}

/*
 * The planes' address of a character as the CRTC makes it: in word mode the counter is moved up by one, and bit 13 or
 * bit 15 of it comes in below.
 */
static uint32_t crtc_address(const struct vvga_state *s, uint32_t counter)
{
	uint8_t mode = s->crtc[CRTC_MODE];

	counter &= 0xffff;
	if (mode & 0x40)
		return counter;
	return (counter << 1 & 0xffff) | (mode & 0x20 ? counter >> 15 : counter >> 13 & 1);
}

void vvga_screen_row(const struct vvga *v, const struct vvga_screen *screen, unsigned int y, uint16_t *cells)
{
	uint32_t counter = screen->start + (uint32_t)y * screen->pitch;

	for (unsigned int x = 0; x < screen->columns; x++) {
		uint32_t a = crtc_address(&v->s, counter + x);

		cells[x] = (uint16_t)(v->vram[vvga_at(0, a)] | v->vram[vvga_at(1, a)] << 8);
	}
}
