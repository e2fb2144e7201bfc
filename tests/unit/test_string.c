/* Tests the freestanding memory and string routines against the C library's; they are compiled here under other names.
 * Part: unit tests, on the host.
 * UNIT:
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The C library's own, before the names are taken. */
static void *(*const host_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*const host_memmove)(void *, const void *, size_t) = memmove;
static void *(*const host_memset)(void *, int, size_t) = memset;
static int (*const host_memcmp)(const void *, const void *, size_t) = memcmp;
static size_t (*const host_strlen)(const char *) = strlen;
static int (*const host_strcmp)(const char *, const char *) = strcmp;
static int (*const host_strncmp)(const char *, const char *, size_t) = strncmp;

#undef HOST_TEST
#define memcpy plain_memcpy
#define memmove plain_memmove
#define memset plain_memset
#define memcmp plain_memcmp
#define strlen plain_strlen
#define strcmp plain_strcmp
#define strncmp plain_strncmp
#include "lib/string.c"

#define AREA 512u
#define GUARD 64u

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 24);
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random32();
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Every length and alignment, and not a byte before or behind. */
static void test_copy_and_set(void **state)
{
	static uint8_t from[AREA], one[AREA], two[AREA];

	(void)state;
	for (size_t n = 0; n <= AREA - 2 * GUARD; n++)
		for (size_t shift = 0; shift < 16; shift++) {
			size_t to = GUARD - shift, at = random32() % GUARD;

			fill(from, AREA);
			fill(one, AREA);
			host_memcpy(two, one, AREA);
			assert_ptr_equal(plain_memcpy(one + to, from + at, n), one + to);
			host_memcpy(two + to, from + at, n);
			assert_int_equal(host_memcmp(one, two, AREA), 0);
			assert_ptr_equal(plain_memset(one + to, 0x1c0 | (int)shift, n), one + to);
			host_memset(two + to, 0x1c0 | (int)shift, n);
			assert_int_equal(host_memcmp(one, two, AREA), 0);
		}
}

static void test_move(void **state)
{
	static uint8_t one[AREA], two[AREA];

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		size_t n = random32() % 200, from = random32() % (AREA - 200), to = random32() % (AREA - 200);

		if (i & 1)	/* near each other: they overlap */
			to = from < 20 ? from + random32() % 20 : from - 20 + random32() % 40;
		if (to + n > AREA)
			continue;
		fill(one, AREA);
		host_memcpy(two, one, AREA);
		assert_ptr_equal(plain_memmove(one + to, one + from, n), one + to);
		host_memmove(two + to, two + from, n);
		assert_int_equal(host_memcmp(one, two, AREA), 0);
	}
}

static void test_compare(void **state)
{
	uint8_t a[40], b[40];

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		size_t n = random32() % 40;

		fill(a, sizeof(a));
		host_memcpy(b, a, sizeof(b));
		if (i % 4)
			b[random32() % 40] = (uint8_t)random32();
		assert_int_equal(sign(plain_memcmp(a, b, n)), sign(host_memcmp(a, b, n)));
	}
	assert_int_equal(plain_memcmp("\x80", "\x7f", 1) > 0, 1);	/* bytes have no sign */
	assert_int_equal(plain_memcmp("a", "b", 0), 0);
}

/* Texts from few letters, so that many are equal for a while; allocated to the byte. */
static char *text(size_t length)
{
	static const char letters[] = "aAbB\x80\xff";
	char *s = test_malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		s[i] = letters[random32() % (i < 4 ? 2 : 6)];
	s[length] = '\0';
	return s;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_without_case(const char *a, const char *b)
{
	size_t n = host_strlen(a);

	if (n != host_strlen(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static void test_strings(void **state)
{
	unsigned int same = 0;

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		size_t n = random32() % 8;
		char *a = text(random32() % 7), *b = text(random32() % 7);

		assert_int_equal(plain_strlen(a), host_strlen(a));
		assert_int_equal(sign(plain_strcmp(a, b)), sign(host_strcmp(a, b)));
		assert_int_equal(sign(plain_strncmp(a, b, n)), sign(host_strncmp(a, b, n)));
		assert_int_equal(str_same(a, b), same_without_case(a, b));
		same += str_same(a, b);
		test_free(a);
		test_free(b);
	}
	assert_true(same > 100);
	assert_int_equal(plain_strncmp("abc", "abd", 0), 0);
}

static void test_str_upper(void **state)
{
	(void)state;
	for (int c = -128; c < 128; c++)
		assert_int_equal(str_upper((char)c), c >= 'a' && c <= 'z' ? c - 32 : c);
}

static void test_str_copy(void **state)
{
	(void)state;
	for (size_t length = 0; length < 12; length++)
		for (size_t room = 0; room < 14; room++) {
			char to[16], *from = text(length);
			size_t taken = room == 0 ? 0 : length < room ? length : room - 1;

			host_memset(to, '#', sizeof(to));
			assert_int_equal(str_copy(to, from, room), length);
			assert_int_equal(host_memcmp(to, from, taken), 0);
			if (room > 0)
				assert_int_equal(to[taken], '\0');
			for (size_t i = room == 0 ? 0 : taken + 1; i < sizeof(to); i++)
				assert_int_equal(to[i], '#');
			test_free(from);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_set), cmocka_unit_test(test_move), cmocka_unit_test(test_compare),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_str_upper), cmocka_unit_test(test_str_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
