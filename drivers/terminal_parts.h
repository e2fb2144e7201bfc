/* What terminal.c and terminal_csi.c share. */
/* Part: private to the screen model. */
#ifndef DRIVERS_TERMINAL_PARTS_H
#define DRIVERS_TERMINAL_PARTS_H

#include "drivers/terminal.h"

/* Blanks the cells FROM up to, not including, TO. */
void terminal_erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to);
/* Moves the rows FIRST..LAST by N; blank rows come in. */
void terminal_shift_rows(struct terminal *t, uint32_t first, uint32_t last, uint32_t n, bool up);
/* Deletes (left) or inserts N cells at the cursor. */
void terminal_shift_cells(struct terminal *t, uint32_t n, bool left);
/* Cut to the screen. */
void terminal_move(struct terminal *t, uint32_t row, uint32_t column);
/* Computes now.colours from the parts of the rendition. */
void terminal_rendition(struct terminal *t);
void terminal_restore(struct terminal *t);

/* Carries out ESC [ parameters FINAL; what is not known does nothing. */
void terminal_csi(struct terminal *t, uint8_t final);

#endif
