/* Translates the scan codes of a PC keyboard (set 1, US layout) to what a terminal would send. */
/* Part: pure; keyboard.c feeds it. */
#ifndef DRIVERS_KEYMAP_H
#define DRIVERS_KEYMAP_H

#include "lib/types.h"

#define KEYMAP_ATTENTION 0x1d	/* Ctrl-], and the F1 key */
#define KEYMAP_MAX_BYTES 8

struct keymap {
	bool shift_left, shift_right, control_left, control_right, caps, caps_held;
	bool extended;		/* the last byte was E0 */
	uint8_t skip;		/* bytes of a Pause (E1 ...) still to come */
};

/* Returns how many bytes the key gives (0 for a release, a modifier, an unknown key). */
size_t keymap_translate(struct keymap *map, uint8_t scan_code, char to[KEYMAP_MAX_BYTES]);

#endif
