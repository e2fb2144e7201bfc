/* Scan codes to terminal bytes. */
/* UNIT: drivers/keymap.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/keymap.h"

static struct keymap map;

static int start(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	return 0;
}

/* What the codes give together, as a string (a NUL byte as "<0>"). */
static const char *typed(const char *codes, size_t n)
{
	static char out[256];
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		char bytes[KEYMAP_MAX_BYTES];
		size_t got = keymap_translate(&map, (uint8_t)codes[i], bytes);

		assert_true(got <= KEYMAP_MAX_BYTES);
		for (size_t k = 0; k < got; k++) {
			if (bytes[k] == '\0') {
				memcpy(out + length, "<0>", 3);
				length += 3;
			} else {
				out[length++] = bytes[k];
			}
		}
	}
	out[length] = '\0';
	return out;
}

#define TYPED(codes) typed(codes, sizeof(codes) - 1)

static void letters(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\x23\xa3\x12\x92\x26\xa6\x26\xa6\x18\x98\x1c\x9c"), "hello\r");
	assert_string_equal(TYPED("\x02\x0b\x39\x0f\x01\x0e\x2b\x29\x28\x33\x34\x35"),
			    "10 \t\033\177\\`',./");
}

static void shift(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\x2a\x1e\xaa\x1e"), "Aa");
	assert_string_equal(TYPED("\x36\x02\x35\x28\x2b\xb6\x02"), "!?\"|1");
	/* both held, one let go */
	assert_string_equal(TYPED("\x2a\x36\x1e\xaa\x1e\xb6\x1e"), "AAa");
}

static void caps_lock(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\x3a\x3a\x3a\xba\x1e\x02\x2a\x1e\x02\xaa\x3a\xba\x1e"), "A1a!a");
}

static void control_keys(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\x1d\x2e\x1b\x1a\x2b\x9d\x2e"), "\x03\x1d\x1b\x1c" "c");
	assert_string_equal(TYPED("\xe0\x1d\x2e\x39\x03\x07\xe0\x9d\x2e"), "\x03<0><0>\x1e" "c");
	assert_string_equal(TYPED("\x1d\x2a\x1e\x35\xaa\x9d"), "\x01\x7f");
	assert_string_equal(TYPED("\x3b"), "\x1d");
}

static void cursor_keys(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4d\xe0\x4b"),
			    "\033[A\033[B\033[C\033[D");
	assert_string_equal(TYPED("\xe0\x47\xe0\x4f\xe0\x49\xe0\x51\xe0\x52\xe0\x53"),
			    "\033[H\033[F\033[5~\033[6~\033[2~\033[3~");
	/* the shifts that a keyboard makes up around them */
	assert_string_equal(TYPED("\xe0\x2a\xe0\x4b\xe0\xcb\xe0\xaa\x1e"), "\033[Da");
	assert_string_equal(TYPED("\x2a\xe0\xaa\xe0\x4b\xe0\xcb\xe0\x2a\x1e\xaa"), "\033[DA");
}

static void numeric_pad(void **state)
{
	(void)state;
	assert_string_equal(TYPED("\x47\x48\x49\x4a\x4b\x4c\x4d"
				  "\x4e\x4f\x50\x51\x52\x53\x37\xe0\x35\xe0\x1c"),
			    "789-456+1230.*/\r");
}

static void silent_keys(void **state)
{
	(void)state;
	/* Alt, Num Lock, F2, F12, Pause, Print Screen, Windows, 00 and FF */
	assert_string_equal(TYPED("\x38\xb8\x45\xc5\x3c\x58\xe1\x1d\x45\xe1\x9d\xc5"
				  "\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa\xe0\x5b\xe0\xdb\x00\xff\x2e"),
			    "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(letters, start),
		cmocka_unit_test_setup(shift, start),
		cmocka_unit_test_setup(caps_lock, start),
		cmocka_unit_test_setup(control_keys, start),
		cmocka_unit_test_setup(cursor_keys, start),
		cmocka_unit_test_setup(numeric_pad, start),
		cmocka_unit_test_setup(silent_keys, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
