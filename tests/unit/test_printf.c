/* Tests formatted text against the C library's, over conversions made at random.
 * Part: unit tests, on the host.
 * UNIT: lib/printf.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/printf.h"

#define CASES 300000u
#define ROOM 256u

/* The formats are made while the test runs: the compiler cannot look at them. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

static uint64_t seed = 0x2545f4914f6cdd1dull;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x9e3779b97f4a7c15ull;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)(random64() >> 33) % n;
}

/* Of every length: few bits are the usual case, and all of them the hard one. */
static uint64_t number(void)
{
	uint64_t v = random64() >> below(64);

	return below(8) == 0 ? 0 : below(4) == 0 ? -v : v;
}

static const char *const sizes[] = { "", "l", "ll", "z" };

/* Puts flags, width and precision; -1 = given as an argument. Widths stay below what put_number() has room for. */
static size_t put_spec(char *f, bool may_be_zero, int *width, int *precision)
{
	size_t n = 0;

	*width = *precision = -2;
	f[n++] = '%';
	for (unsigned int i = below(3); i > 0; i--)
		f[n++] = may_be_zero && below(2) ? '0' : '-';
	if (below(2)) {
		*width = (int)below(40);
		/* a leading zero would be a flag */
		n += (size_t)sprintf(f + n, below(4) && *width ? "%d" : "*", *width);
		if (f[n - 1] != '*')
			*width = -2;
	}
	if (below(3) == 0) {
		*precision = (int)below(40) - 2;
		f[n++] = '.';
		if (*precision < 0 || below(4) == 0) {
			f[n++] = '*';
		} else {
			n += (size_t)sprintf(f + n, "%d", *precision);
			*precision = -2;
			return n;
		}
		if (*precision == -2)
			*precision = -1;
	}
	return n;
}

/* Both with the arguments that the format's stars ask for. */
#define BOTH(value)                                                                                        \
	do {                                                                                               \
		if (width >= -1 && precision >= -1) {                                                      \
			expected = snprintf(theirs, room, format, width, precision, value);                \
			length = text_format(ours, room, format, width, precision, value);                 \
		} else if (width >= -1) {                                                                  \
			expected = snprintf(theirs, room, format, width, value);                           \
			length = text_format(ours, room, format, width, value);                            \
		} else if (precision >= -1) {                                                              \
			expected = snprintf(theirs, room, format, precision, value);                       \
			length = text_format(ours, room, format, precision, value);                        \
		} else {                                                                                   \
			expected = snprintf(theirs, room, format, value);                                  \
			length = text_format(ours, room, format, value);                                   \
		}                                                                                          \
	} while (0)

static void one_case(void)
{
	static const char letters[] = "duxXcs";
	static const char *const texts[] = { "", "a", "LINUX1", "a somewhat longer text that is cut", "\xff\x01" };
	char format[64], theirs[ROOM], ours[ROOM];
	char letter = letters[below(sizeof(letters) - 1)];
	size_t room = below(3) ? ROOM : below(20), n;
	unsigned int size = below(4);
	int width, precision, expected, length;
	uint64_t v = number();
	const char *text = texts[below(5)];

	memset(theirs, 0x5a, sizeof(theirs));
	memset(ours, 0x5a, sizeof(ours));
	n = strlen(strcpy(format, below(2) ? "" : "x%%y "));
	n += put_spec(format + n, letter != 'c' && letter != 's', &width, &precision);
	if (letter == 'c' || letter == 's')
		size = 0;
	if (letter == 'c') {	/* a precision means nothing to it */
		n = (size_t)(strchr(format + (format[0] == 'x' ? 5 : 0), '%') - format) + 1;
		width = precision = -2;
	}
	sprintf(format + n, "%s%c|", sizes[size], letter);
	if (letter == 's')
		BOTH(text);
	else if (letter == 'c')
		BOTH((int)(v & 255));
	else if (size == 0)
		BOTH((unsigned int)v);
	else
		BOTH((unsigned long)v);
	if (expected != length || memcmp(theirs, ours, sizeof(ours)) != 0)
		fail_msg("format \"%s\", room %zu: \"%.*s\" (%d), but C has \"%.*s\" (%d)", format, room, (int)room, ours,
			 length, (int)room, theirs, expected);
}

static void test_against_c(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CASES; i++)
		one_case();
}

#define SAME(...)                                                              \
	do {                                                                   \
		char theirs[200], ours[200];                                   \
		int n = snprintf(theirs, sizeof(theirs), __VA_ARGS__);         \
		assert_int_equal(text_format(ours, sizeof(ours), __VA_ARGS__), n); \
		assert_string_equal(ours, theirs);                             \
	} while (0)

static void test_corners(void **state)
{
	(void)state;
	SAME("%d %d %d", INT32_MIN, INT32_MAX, 0);
	SAME("%ld %ld", INT64_MIN, INT64_MAX);
	SAME("%lu %lx %lX", UINT64_MAX, UINT64_MAX, 0xabcdef0123456789ul);
	SAME("%u %x", UINT32_MAX, UINT32_MAX);
	SAME("[%08X] [%-8X] [%8X] [%016lX]", 0xbeefu, 0xbeefu, 0xbeefu, 0xffff800000001000ul);
	SAME("[%05d] [%-5d] [%5d] [%.5d] [%8.5d] [%-8.5d]", -42, -42, -42, -42, -42, -42);
	SAME("[%.0d] [%.0u] [%.0x] [%3.0d]", 0, 0u, 0u, 0);
	SAME("[%s] [%10s] [%-10s] [%.3s] [%10.3s] [%.0s]", "abcdef", "abcdef", "abcdef", "abcdef", "abcdef", "abcdef");
	SAME("%c%c%c", 'a', 'B', '%');
	SAME("100%%");
	SAME("[%3c] [%-3c]", 'x', 'y');
	SAME("%zu of %llu", (size_t)7, 8ull);
	SAME("%*d %-*d %.*s", 6, 42, 6, 42, 2, "xyz");
	SAME("%s", "");
}

/* A text without an end is not read beyond its precision. */
static void test_precision_bounds_reading(void **state)
{
	char *exact = test_malloc(4), to[16];

	(void)state;
	memcpy(exact, "abcd", 4);
	assert_int_equal(text_format(to, sizeof(to), "%.4s", exact), 4);
	assert_string_equal(to, "abcd");
	test_free(exact);
}

/* h and hh are in the list of what is known: they cut the value as C does. */
static void test_short_sizes(void **state)
{
	(void)state;
	SAME("%hhx %hx %hhu %hu", 0x77, 0x7777, 200, 60000);
	SAME("%hhd %hd", -1, -1);
	for (unsigned int i = 0; i < 1000; i++) {
		char format[] = "%hhx %hx %hhd %hd", theirs[80], ours[80];
		int v = (int)random64();

		snprintf(theirs, sizeof(theirs), format, v, v, v, v);
		text_format(ours, sizeof(ours), format, v, v, v, v);
		assert_string_equal(ours, theirs);
	}
}

/* Zeros to any width: a number may be wider than the longest one there is. */
static void test_wide_numbers(void **state)
{
	(void)state;
	SAME("[%064d] [%064x]", -1, 1u);
	SAME("[%70d] [%-70d]", 5, 5);
	SAME("[%080d]", -5);
	SAME("[%.70u]", 5u);
}

/* A negative width from the arguments means "to the left". */
static void test_negative_width(void **state)
{
	(void)state;
	SAME("[%*d] [%*s]", -6, 42, -6, "ab");
}

static void test_room(void **state)
{
	char to[8] = "#######";

	(void)state;
	assert_int_equal(text_format(to, 4, "%s", "abcdef"), 6);
	assert_memory_equal(to, "abc\0###", 8);
	assert_int_equal(text_format(to, 1, "%d", 12345), 5);
	assert_memory_equal(to, "\0bc\0###", 8);
	assert_int_equal(text_format(NULL, 0, "%010u", 1u), 10);
	assert_int_equal(text_format(to, 7, "%s", "abcdef"), 6);
	assert_string_equal(to, "abcdef");
}

/* What C leaves undefined must not harm: no text, an unknown letter, an end in the middle. */
static void test_bad_formats(void **state)
{
	const char *const bad[] = { "%", "a%", "%5", "%.", "%l", "%-0" };
	const char *volatile none = NULL, *volatile unseen = "[%s]";	/* the compiler would warn */
	char to[32];

	(void)state;
	text_format(to, sizeof(to), unseen, none);
	assert_string_equal(to, "[(null)]");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int n = text_format(to, sizeof(to), bad[i]);

		assert_int_equal(n, strlen(to));
		assert_true(n <= 1);
	}
	text_format(to, sizeof(to), "%p", (void *)0xdeadbeef);
	assert_string_equal(to, "deadbeef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_c), cmocka_unit_test(test_corners),
		cmocka_unit_test(test_precision_bounds_reading), cmocka_unit_test(test_short_sizes),
		cmocka_unit_test(test_wide_numbers), cmocka_unit_test(test_negative_width), cmocka_unit_test(test_room),
		cmocka_unit_test(test_bad_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
