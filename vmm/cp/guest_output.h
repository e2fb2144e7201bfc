/* A guest's output as lines of text: what its terminal would show, without control sequences. */
/* Part: cp/; pure, tested on the host and under fuzz: every byte comes from a guest. */
#ifndef VMM_CP_GUEST_OUTPUT_H
#define VMM_CP_GUEST_OUTPUT_H

#include "lib/types.h"

#define GUEST_LINE 240u

struct guest_line {
	char text[GUEST_LINE];
	uint16_t length;
	uint16_t at;		/* the cursor: where the next character goes; <= length */
	uint16_t swallowed;	/* bytes of the control sequence so far */
	uint16_t number;	/* its first number */
	uint8_t state;
	bool continued;		/* an earlier part of this line has been shown */
};

enum guest_line_state { GUEST_LINE_OPEN, GUEST_LINE_DONE, GUEST_LINE_FULL };

/* One byte of output. DONE and FULL: text[0 .. length) is to be shown, then comes _next(). */
enum guest_line_state guest_output_byte(struct guest_line *l, uint8_t byte);
/* Begins a new line, or the next part of the same one. */
void guest_output_next(struct guest_line *l, bool continued);

#endif
