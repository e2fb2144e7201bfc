/* Draws the screen model into a frame buffer of packed RGB pixels. */
/* Part: the operator's screen where the firmware, or bochsvbe.c, gave pixels. */
#ifndef DRIVERS_FRAMEBUFFER_H
#define DRIVERS_FRAMEBUFFER_H

#include "boot/boot_info.h"
#include "drivers/font.h"
#include "drivers/terminal.h"

/*
 * False when the description is not one we can draw on. Sets how many characters fit. FONT is kept.
 */
bool framebuffer_init(const struct boot_framebuffer *fb, const struct font *font,
		      uint32_t *columns, uint32_t *rows);

/* Draws changed cells, about BUDGET of them at most; true when more are left. */
bool framebuffer_flush(struct terminal *t, uint32_t budget);

#endif
