/* Memory and string routines for code that has no C library. */
/* Part: leaf; string instructions, since every VT-x processor has fast ones: quadwords first, then what is left. */
#include "lib/string.h"

#ifndef HOST_TEST
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *d = to;
	size_t quads = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(quads) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	const uint8_t *s = (const uint8_t *)from + n;
	uint8_t *d = (uint8_t *)to + n;

	while (n-- > 0)
		*--d = *--s;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	void *d = to;
	size_t quads = n / 8, rest = n % 8;
	uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(quads) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	for (; n > 0; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (uint8_t)*a - (uint8_t)*b;
		if (*a == '\0')
			break;
	}
	return 0;
}
#endif

size_t str_copy(char *to, const char *from, size_t room)
{
	size_t n = strlen(from);

	if (room > 0) {
		size_t take = n < room ? n : room - 1;

		memcpy(to, from, take);
		to[take] = '\0';
	}
	return n;
}

char str_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool str_same(const char *a, const char *b)
{
	while (*a != '\0' && str_upper(*a) == str_upper(*b)) {
		a++;
		b++;
	}
	return str_upper(*a) == str_upper(*b);
}
