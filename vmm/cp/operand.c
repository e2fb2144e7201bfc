/* Operands: words, abbreviations, numbers, ranges, names. */
/* Part: cp/; pure, tested on the host; nothing typed may overflow anything here. */
#include "vmm/cp/operand.h"

#include "lib/string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *operand_rest(const char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

bool operand_end(const char *at)
{
	return *operand_rest(at) == '\0';
}

size_t operand_word(const char **at, char *to, size_t room)
{
	const char *from = operand_rest(*at);
	size_t n = 0;

	while (from[n] != '\0' && !is_blank(from[n])) {
		if (n + 1 < room)
			to[n] = from[n];
		n++;
	}
	to[n < room ? n : room - 1] = '\0';
	*at = from + n;
	return n;
}

bool operand_is(const char *word, const char *name, size_t least)
{
	size_t n = 0;

	for (; word[n] != '\0'; n++)
		if (name[n] == '\0' || str_upper(word[n]) != name[n])
			return false;
	return n > 0 && (n >= least || name[n] == '\0');
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits of `base` up to the first other character. Returns how many, 0 on overflow as well. */
static size_t take_number(const char *text, unsigned int base, uint64_t most, uint64_t *value)
{
	uint64_t v = 0;
	size_t n = 0;

	for (;; n++) {
		int d = digit(text[n]);

		if (d < 0 || (unsigned int)d >= base)
			break;
		if ((uint64_t)d > most || v > (most - (uint64_t)d) / base)
			return 0;
		v = v * base + (uint64_t)d;
	}
	if (n > 0)
		*value = v;
	return n;
}

bool operand_hex(const char *text, uint64_t most, uint64_t *value)
{
	size_t n = take_number(text, 16, most, value);

	return n > 0 && text[n] == '\0';
}

bool operand_decimal(const char *text, uint64_t most, uint64_t *value)
{
	size_t n = take_number(text, 10, most, value);

	return n > 0 && text[n] == '\0';
}

bool operand_size(const char *text, uint64_t *bytes)
{
	uint64_t v;
	unsigned int shift;
	size_t n = take_number(text, 10, GIB(1), &v);

	if (n == 0)
		return false;
	switch (str_upper(text[n])) {
	case '\0': /* a bare number would be bytes to some and pages to others: only 0 is clear */
		*bytes = 0;
		return v == 0;
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		return false;
	}
	if (text[n + 1] != '\0' || v > GIB(1024) >> shift)
		return false;
	*bytes = v << shift;
	return true;
}

bool operand_range(const char *text, uint64_t end, uint64_t *first, uint64_t *last)
{
	uint64_t a, b;
	size_t n;

	if (*text == '\0') {
		*first = 0;
		*last = end > 0 ? end - 1 : 0;
		return true;
	}
	n = take_number(text, 16, UINT64_MAX, &a);
	if (n == 0)
		return false;
	*first = *last = a;
	text += n;
	if (*text == '\0')
		return true;
	if (*text == '.') {
		if (!operand_hex(text + 1, UINT64_MAX, &b) || b == 0 || a > UINT64_MAX - (b - 1))
			return false;
		*last = a + (b - 1);
		return true;
	}
	if (*text != '-' && *text != ':')
		return false;
	if (text[1] == '\0' || str_same(text + 1, "END"))
		b = end > 0 ? end - 1 : 0;
	else if (!operand_hex(text + 1, UINT64_MAX, &b))
		return false;
	*last = b;
	return b >= a;
}

bool operand_userid(const char *text, char to[9])
{
	/* MSG takes ALL where a userid may stand, and so on: such names would never be reached. */
	static const char *const taken[] = { "ALL", "SYSTEM", "CP", "AUTO" };
	size_t n;

	for (n = 0; text[n] != '\0'; n++) {
		char c = str_upper(text[n]);

		if (n == 8 || !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '$' ||
				c == '@' || c == '_' || c == '-'))
			return false;
		to[n] = c;
	}
	to[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (str_same(to, taken[i]))
			return false;
	return n > 0;
}

bool operand_file_name(const char *text)
{
	bool only_dots = true;
	size_t n;

	for (n = 0; text[n] != '\0'; n++) {
		char c = str_upper(text[n]);

		if (n == 47 || !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
				 c == '_' || c == '-'))
			return false;
		if (c != '.')
			only_dots = false;
	}
	return n > 0 && !only_dots;
}
