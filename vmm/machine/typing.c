/* What is typed at a machine's console: to the serial port, or as key strokes to the keyboard. */
/* Part: machine/; a terminal's bytes and escape sequences become make and break codes of a US keyboard. */
#include "vmm/machine/typing.h"

#include "lib/string.h"

#define KEY_SHIFT 0x12u
#define KEY_CTRL  0x14u
#define KEY_ENTER 0x5au
#define KEY_BACK  0x66u
#define KEY_TAB	  0x0du
#define KEY_ESC	  0x76u
#define KEY_SPACE 0x29u
#define EXTENDED  0xe000u	/* the key's codes follow E0h */
#define BREAK	  0xf0u
#define ESC	  0x1bu

#define LOOKS_HZ	100u	/* while keys wait for the guest to take the ones before */
#define IDLE_HZ		20u	/* while nobody listens */
#define ESCAPE_HZ	20u	/* an Esc followed by nothing for this long is the key */

enum { PLAIN, ESCAPED, BRACKET, MODIFIED, SINGLE, LINUX };

/* The keys of each row, unshifted and shifted, and their codes. */
static const char unshifted[] = "`1234567890-=\\qwertyuiop[]asdfghjkl;'zxcvbnm,./";
static const char shifted[] = "~!@#$%^&*()_+|QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?";
static const uint8_t places[] = {
	0x0e, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x5d, 0x15, 0x1d,
	0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33,
	0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x1a, 0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a,
};

_Static_assert(sizeof(places) == sizeof(unshifted) - 1 && sizeof(places) == sizeof(shifted) - 1, "a code for each key");

/* Arrow and other keys by the letter that ends their sequence, and by the number before a tilde. */
static const struct { char letter; uint16_t key; } letters[] = {
	{ 'A', EXTENDED | 0x75 }, { 'B', EXTENDED | 0x72 }, { 'C', EXTENDED | 0x74 }, { 'D', EXTENDED | 0x6b },
	{ 'H', EXTENDED | 0x6c }, { 'F', EXTENDED | 0x69 }, { 'P', 0x05 }, { 'Q', 0x06 }, { 'R', 0x04 }, { 'S', 0x0c },
};
static const uint16_t numbers[] = {
	[1] = EXTENDED | 0x6c, [2] = EXTENDED | 0x70, [3] = EXTENDED | 0x71, [4] = EXTENDED | 0x69, [5] = EXTENDED | 0x7d,
	[6] = EXTENDED | 0x7a, [7] = EXTENDED | 0x6c, [8] = EXTENDED | 0x69,
	[11] = 0x05, [12] = 0x06, [13] = 0x04, [14] = 0x0c, [15] = 0x03, [17] = 0x0b, [18] = 0x83, [19] = 0x0a,
	[20] = 0x01, [21] = 0x09, [23] = 0x78, [24] = 0x07,
};

static size_t key_codes(uint16_t key, uint8_t modifier, uint8_t *codes)
{
	size_t n = 0;

	if (modifier != 0)
		codes[n++] = modifier;
	if (key & EXTENDED)
		codes[n++] = EXTENDED >> 8;
	codes[n++] = (uint8_t)key;
	if (key & EXTENDED)
		codes[n++] = EXTENDED >> 8;
	codes[n++] = BREAK;
	codes[n++] = (uint8_t)key;
	if (modifier != 0) {
		codes[n++] = BREAK;
		codes[n++] = modifier;
	}
	return n;
}

static size_t character_codes(uint8_t byte, uint8_t *codes)
{
	switch (byte) {
	case '\r':
	case '\n':
		return key_codes(KEY_ENTER, 0, codes);
	case '\b':
	case 0x7f:
		return key_codes(KEY_BACK, 0, codes);
	case '\t':
		return key_codes(KEY_TAB, 0, codes);
	case ESC:
		return key_codes(KEY_ESC, 0, codes);
	case ' ':
		return key_codes(KEY_SPACE, 0, codes);
	case 0:
		return key_codes(KEY_SPACE, KEY_CTRL, codes);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(places); i++) {
		if ((uint8_t)unshifted[i] == byte)
			return key_codes(places[i], 0, codes);
		if ((uint8_t)shifted[i] == byte)
			return key_codes(places[i], KEY_SHIFT, codes);
		/* a control character is the key of the letter or sign 40h above it */
		if (byte < 0x20 && ((uint8_t)unshifted[i] == (byte | 0x60) || (uint8_t)unshifted[i] == (byte | 0x40)))
			return key_codes(places[i], KEY_CTRL, codes);
	}
	return 0;
}

static size_t escape_end(struct typing *t, uint8_t byte, uint8_t *codes)
{
	uint8_t state = t->state;

	t->state = PLAIN;
	if (state == LINUX && byte >= 'A' && byte <= 'E')
		return key_codes(numbers[11 + byte - 'A'], 0, codes);
	if (byte == '~' && t->number < ARRAY_LEN(numbers) && numbers[t->number] != 0)
		return key_codes(numbers[t->number], 0, codes);
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if ((uint8_t)letters[i].letter == byte)
			return key_codes(letters[i].key, 0, codes);
	return 0;	/* a key that this keyboard does not have */
}

size_t typing_codes(struct typing *t, uint8_t byte, uint8_t *codes)
{
	size_t n;

	switch (t->state) {
	case PLAIN:
		if (byte != ESC)
			return character_codes(byte, codes);
		t->state = ESCAPED;
		t->number = 0;
		return 0;
	case ESCAPED:
		if (byte == '[' || byte == 'O') {
			t->state = byte == '[' ? BRACKET : SINGLE;
			return 0;
		}
		/* Esc itself, and then another key; a second Esc may begin a sequence */
		n = key_codes(KEY_ESC, 0, codes);
		t->state = byte == ESC ? ESCAPED : PLAIN;
		return byte == ESC ? n : n + character_codes(byte, codes + n);
	case BRACKET:
		if (byte == '[' && t->number == 0) {
			t->state = LINUX;
			return 0;
		}
		if (byte >= '0' && byte <= '9') {
			t->number = (uint8_t)(t->number < 20 ? t->number * 10 + (byte - '0') : 255);
			return 0;
		}
		if (byte == ';') {
			t->state = MODIFIED;
			return 0;
		}
		return escape_end(t, byte, codes);
	case MODIFIED:	/* the shift keys that were down are not looked at */
		if ((byte >= '0' && byte <= '9') || byte == ';')
			return 0;
		return escape_end(t, byte, codes);
	default:
		return escape_end(t, byte, codes);
	}
}

size_t typing_flush(struct typing *t, uint8_t *codes)
{
	uint8_t state = t->state;
	size_t n = state == PLAIN ? 0 : key_codes(KEY_ESC, 0, codes);

	t->state = PLAIN;
	if (state == BRACKET || state == MODIFIED || state == LINUX)
		n += character_codes('[', codes + n);
	if (state == SINGLE)
		n += character_codes('O', codes + n);
	return n;
}

/* One key at a time: the next when the guest has taken the last. A BIOS keeps only a few for its program. */
static void strike(struct typing *t, uint64_t now)
{
	uint64_t hz = machine_tsc_hz(t->keyboard->dev.vm);
	uint8_t codes[TYPING_CODES];
	size_t n = 0;
	int byte;

	if (!vps2_idle(t->keyboard))
		return;
	while (n == 0 && (byte = vm_console_get(t->console)) >= 0) {
		n = typing_codes(t, (uint8_t)byte, codes);
		if (n == 0 && t->state == ESCAPED)
			t->escape_at = now;
	}
	if (n == 0 && t->state != PLAIN && (int64_t)(now - t->escape_at) >= (int64_t)(hz / ESCAPE_HZ))
		n = typing_flush(t, codes);
	if (n > 0)
		vps2_key(t->keyboard, codes, n);
}

void typing_service(struct typing *t, uint64_t now)
{
	uint64_t hz = machine_tsc_hz(t->uart->dev.vm);
	bool keys;

	if (vuart_listens(t->uart, now)) {
		t->state = PLAIN;
		if (vm_console_pending(t->console))
			vuart_kick(t->uart);
		t->due = vm_console_pending(t->console) ? now + hz / IDLE_HZ : TIME_NEVER;
		return;
	}
	keys = vps2_listens(t->keyboard, now);
	if (vm_console_pending(t->console))
		vuart_offer(t->uart);
	if (keys)
		strike(t, now);
	t->due = vm_console_pending(t->console) || t->state != PLAIN ? now + hz / (keys ? LOOKS_HZ : IDLE_HZ) : TIME_NEVER;
}

uint64_t typing_deadline(const struct typing *t)
{
	return t->due;
}

void typing_reset(struct typing *t)
{
	t->state = PLAIN;
	t->due = vm_console_pending(t->console) ? 0 : TIME_NEVER;
}

void typing_init(struct typing *t, struct vm_console *console, struct vuart *uart, struct vps2 *keyboard)
{
	memset(t, 0, sizeof(*t));
	t->console = console;
	t->uart = uart;
	t->keyboard = keyboard;
	t->due = TIME_NEVER;
}
