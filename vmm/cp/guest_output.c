/* A guest's output as lines of text: escape sequences out, CR, BS and tabs as on a terminal. */
/* Part: cp/; pure; a guest can neither garble the terminal nor hide behind an endless sequence. */
#include "vmm/cp/guest_output.h"

#include "lib/string.h"

#define ESC	     0x1b
#define SWALLOW_MOST 128u /* a sequence that has not ended by then was none */

enum { TEXT, ESCAPE, CONTROL, STRING, STRING_ESCAPE, ONE_MORE };

static void place(struct guest_line *l, char c)
{
	l->text[l->at++] = c;
	if (l->at > l->length)
		l->length = l->at;
}

static void move_to(struct guest_line *l, uint32_t column)
{
	if (column >= GUEST_LINE)
		column = GUEST_LINE - 1;
	while (l->length < column)
		l->text[l->length++] = ' ';
	l->at = (uint16_t)column;
}

static enum guest_line_state text_byte(struct guest_line *l, uint8_t byte)
{
	switch (byte) {
	case '\n':
		return GUEST_LINE_DONE;
	case '\r':
		l->at = 0;
		return GUEST_LINE_OPEN;
	case '\b':
		if (l->at > 0)
			l->at--;
		return GUEST_LINE_OPEN;
	case '\t':
		move_to(l, (l->at + 8u) & ~7u);
		return GUEST_LINE_OPEN;
	case ESC:
		l->state = ESCAPE;
		l->swallowed = 0;
		l->number = 0;
		return GUEST_LINE_OPEN;
	default:
		break;
	}
	if (byte < 0x20 || byte == 0x7f)
		return GUEST_LINE_OPEN;
	/* Bytes beyond ASCII could be controls of an 8-bit terminal. */
	place(l, byte < 0x7f ? (char)byte : '.');
	return l->at == GUEST_LINE ? GUEST_LINE_FULL : GUEST_LINE_OPEN;
}

/*
 * The final byte of ESC [ ...: cursor movement within the line and erasing to its end matter, the
 * rest not.
 */
static void control_end(struct guest_line *l, uint8_t byte)
{
	uint32_t n = l->number > 0 ? l->number : 1;

	l->state = TEXT;
	switch (byte) {
	case 'C':
		move_to(l, l->at + n);
		break;
	case 'D':
		l->at = (uint16_t)(l->at > n ? l->at - n : 0);
		break;
	case 'G':
		move_to(l, n - 1);
		break;
	case 'J':
	case 'K':
		if (l->number == 0)
			l->length = l->at;
		break;
	default:
		break;
	}
}

static void control_byte(struct guest_line *l, uint8_t byte)
{
	if (byte >= '0' && byte <= '9') {
		if (l->number < 1000)
			l->number = (uint16_t)(l->number * 10 + (byte - '0'));
	} else if (byte >= 0x40 && byte <= 0x7e) {
		control_end(l, byte);
	} else if (byte < 0x20) {
		l->state = TEXT;
	}
}

static void escape_byte(struct guest_line *l, uint8_t byte)
{
	if (byte == '[')
		l->state = CONTROL;
	else if (byte == ']' || byte == 'P' || byte == '^' || byte == '_' || byte == 'X')
		l->state = STRING;
	else if (byte >= 0x20 && byte <= 0x2f)
		l->state = ONE_MORE;
	else
		l->state = TEXT;
}

enum guest_line_state guest_output_byte(struct guest_line *l, uint8_t byte)
{
	if (l->state == TEXT)
		return text_byte(l, byte);
	if (++l->swallowed > SWALLOW_MOST) {
		l->state = TEXT;
		return text_byte(l, byte);
	}
	/* A line end ends every sequence: text after it is not lost. */
	if (byte == '\n') {
		l->state = TEXT;
		return GUEST_LINE_DONE;
	}
	switch (l->state) {
	case ESCAPE:
		escape_byte(l, byte);
		break;
	case CONTROL:
		control_byte(l, byte);
		break;
	case STRING:
		if (byte == ESC)
			l->state = STRING_ESCAPE;
		else if (byte == '\a')
			l->state = TEXT;
		break;
	case STRING_ESCAPE:
		l->state = byte == '\\' ? TEXT : STRING;
		break;
	default:
		l->state = TEXT;
	}
	return GUEST_LINE_OPEN;
}

void guest_output_next(struct guest_line *l, bool continued)
{
	l->length = 0;
	l->at = 0;
	l->continued = continued;
}
