/* The VGA text screen: 80 by 25 characters at B8000. */
/* Part: the operator's screen where there are no pixels. */
#ifndef DRIVERS_VGATEXT_H
#define DRIVERS_VGATEXT_H

#include "boot/boot_info.h"
#include "drivers/font.h"
#include "drivers/terminal.h"

/*
 * FB describes the text screen the boot left (kind BOOT_FB_TEXT), or is of any other kind: then the
 * VGA is asked whether it shows text, and, if it does not but is there, put into 80x25 mode. False:
 * no VGA.
 */
bool vgatext_init(const struct boot_framebuffer *fb, const struct font *font,
		  uint32_t *columns, uint32_t *rows);

/* Copies changed cells, about BUDGET of them at most; true when more are left. */
bool vgatext_flush(struct terminal *t, uint32_t budget);

#endif
