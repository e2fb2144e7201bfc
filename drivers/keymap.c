/* Scan codes to terminal bytes. */
/* Part: pure. Codes as in the IBM PS/2 technical reference, "Scan Code Set 1". */
#include "drivers/keymap.h"

#define RELEASED 0x80
#define PREFIX	 0xe0
#define PAUSE	 0xe1

enum {
	KEY_CONTROL = 0x1d,
	KEY_SHIFT_LEFT = 0x2a,
	KEY_SHIFT_RIGHT = 0x36,
	KEY_CAPS = 0x3a,
	KEY_F1 = 0x3b,
	KEY_SLASH = 0x35,
	KEY_ENTER = 0x1c,
};

/*
 * Codes 00-39, then the numeric pad 47-53 (as with Num Lock: CP has no use for a second set of
 * arrows).
 */
static const char plain[0x3a] =
	"\0\033" "1234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./"
	"\0*\0 ";
static const char shifted[0x3a] =
	"\0\033" "!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?"
	"\0*\0 ";
static const char pad[13] = "789-456+1230.";

static size_t text(char *to, const char *bytes)
{
	size_t n = 0;

	for (; bytes[n] != '\0'; n++)
		to[n] = bytes[n];
	return n;
}

static bool set_modifier(struct keymap *map, uint8_t key, bool extended, bool down)
{
	switch (key) {
	case KEY_SHIFT_LEFT:
	case KEY_SHIFT_RIGHT:
		/* With E0 these are made up by the keyboard around a cursor key. */
		if (!extended && key == KEY_SHIFT_LEFT)
			map->shift_left = down;
		else if (!extended)
			map->shift_right = down;
		return true;
	case KEY_CONTROL:
		if (extended)
			map->control_right = down;
		else
			map->control_left = down;
		return true;
	case KEY_CAPS:
		if (down && !map->caps_held)
			map->caps = !map->caps;
		map->caps_held = down;
		return true;
	default:
		return false;
	}
}

/* The keys between the letters and the numeric pad, and that pad's slash and Enter. */
static size_t extended_key(uint8_t key, char *to)
{
	switch (key) {
	case 0x48:
		return text(to, "\033[A");
	case 0x50:
		return text(to, "\033[B");
	case 0x4d:
		return text(to, "\033[C");
	case 0x4b:
		return text(to, "\033[D");
	case 0x47:
		return text(to, "\033[H");
	case 0x4f:
		return text(to, "\033[F");
	case 0x52:
		return text(to, "\033[2~");
	case 0x53:
		return text(to, "\033[3~");
	case 0x49:
		return text(to, "\033[5~");
	case 0x51:
		return text(to, "\033[6~");
	case KEY_SLASH:
		return text(to, "/");
	case KEY_ENTER:
		return text(to, "\r");
	default:
		return 0;
	}
}

/* Ctrl with @ A-Z [ \ ] ^ _ and ?, as on any terminal; Ctrl-space is Ctrl-@. */
static char controlled(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c & 0x1f);
	if (c >= '@' && c <= '_')
		return (char)(c & 0x1f);
	if (c == '2' || c == ' ')
		return '\0';
	if (c == '6')
		return 0x1e;
	if (c == '-' || c == '/')
		return 0x1f;
	return c == '?' ? 0x7f : c;
}

static size_t plain_key(const struct keymap *map, uint8_t key, char *to)
{
	bool shift = map->shift_left || map->shift_right;
	char c;

	if (key == KEY_F1) {
		to[0] = KEYMAP_ATTENTION;
		return 1;
	}
	if (key >= 0x47 && key < 0x47 + sizeof(pad)) {
		to[0] = pad[key - 0x47];
		return 1;
	}
	if (key >= sizeof(plain) || plain[key] == '\0')
		return 0;
	c = plain[key];
	if (c >= 'a' && c <= 'z' && map->caps)
		shift = !shift;
	if (shift)
		c = shifted[key];
	if (map->control_left || map->control_right)
		c = controlled(c);
	to[0] = c;
	return 1;
}

size_t keymap_translate(struct keymap *map, uint8_t scan_code, char to[KEYMAP_MAX_BYTES])
{
	bool extended = map->extended;
	bool down = (scan_code & RELEASED) == 0;
	uint8_t key = scan_code & 0x7f;

	map->extended = false;
	if (map->skip > 0) {
		map->skip--;
		return 0;
	}
	if (scan_code == PAUSE) { /* E1 1D 45 E1 9D C5 would look like Ctrl, Num Lock */
		map->skip = 2;
		return 0;
	}
	if (scan_code == PREFIX) {
		map->extended = true;
		return 0;
	}
	if (set_modifier(map, key, extended, down) || !down)
		return 0;
	return extended ? extended_key(key, to) : plain_key(map, key, to);
}
