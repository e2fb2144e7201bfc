/* Formatted text without a C library. */
/* Part: leaf; used by everything that speaks. */
#include "lib/printf.h"
#include "lib/string.h"

struct out {
	char *to;
	size_t room, length;
};

struct spec {
	bool left, zero, upper;
	int width, precision;	/* precision -1 = none */
	int size;		/* bytes of the integer argument */
};

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->room)
		o->to[o->length] = c;
	o->length++;
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t n)
{
	size_t pad = s->width > 0 && (size_t)s->width > n ? (size_t)s->width - n : 0;

	if (!s->left)
		for (; pad > 0; pad--)
			put(o, ' ');
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	for (; pad > 0; pad--)
		put(o, ' ');
}

/* Sign, zeros and 64 digits: more than put_number()'s text holds. */
static void put_wide(struct out *o, const struct spec *s, const char *digits, size_t zeros, bool minus)
{
	size_t length = minus + zeros + 64;
	size_t pad = s->width > 0 && (size_t)s->width > length ? (size_t)s->width - length : 0;

	for (size_t i = 0; !s->left && i < pad; i++)
		put(o, ' ');
	if (minus)
		put(o, '-');
	while (zeros-- > 0)
		put(o, '0');
	for (size_t i = 0; i < 64; i++)
		put(o, digits[i]);
	for (size_t i = 0; s->left && i < pad; i++)
		put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned int base, bool minus)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[72];
	size_t at = sizeof(text), least = 1, zeros = 0;

	if (s->precision >= 0)
		least = (size_t)s->precision;
	else if (s->zero && !s->left && s->width > 0)
		least = (size_t)s->width - (minus ? 1 : 0);
	if (least > 64) {	/* wider than any number: the rest is put one by one */
		zeros = least - 64;
		least = 64;
	}
	for (; v != 0 || sizeof(text) - at < least; v /= base)
		text[--at] = digits[v % base];
	if (zeros == 0) {
		if (minus)
			text[--at] = '-';
		put_padded(o, s, text + at, sizeof(text) - at);
		return;
	}
	put_wide(o, s, text + at, zeros, minus);
}

static uint64_t take_unsigned(int size, va_list *args)
{
	unsigned int v;

	if (size == 8)
		return va_arg(*args, uint64_t);
	v = va_arg(*args, unsigned int);
	return size == 4 ? v : size == 2 ? (uint16_t)v : (uint8_t)v;
}

static int64_t take_signed(int size, va_list *args)
{
	int v;

	if (size == 8)
		return va_arg(*args, int64_t);
	v = va_arg(*args, int);
	return size == 4 ? v : size == 2 ? (int16_t)v : (int8_t)v;
}

static const char *read_spec(const char *f, struct spec *s, va_list *args)
{
	*s = (struct spec){ .precision = -1, .size = 4 };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(*args, int);
		f++;
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (*f - '0');
	if (*f == '.') {
		s->precision = 0;
		if (*++f == '*') {
			s->precision = va_arg(*args, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			s->precision = s->precision * 10 + (*f - '0');
	}
	for (; *f == 'l' || *f == 'z' || *f == 'h'; f++)
		s->size = *f != 'h' ? 8 : s->size == 2 ? 1 : 2;
	return f;
}

static void put_conversion(struct out *o, char kind, struct spec *s, va_list *args)
{
	switch (kind) {
	case 'd': {
		int64_t v = take_signed(s->size, args);

		put_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0);
		break;
	}
	case 'u':
		put_number(o, s, take_unsigned(s->size, args), 10, false);
		break;
	case 'X':
		s->upper = true;
		put_number(o, s, take_unsigned(s->size, args), 16, false);
		break;
	case 'x':
		put_number(o, s, take_unsigned(s->size, args), 16, false);
		break;
	case 'p':
		put_number(o, s, (uintptr_t)va_arg(*args, void *), 16, false);
		break;
	case 'c': {
		char c = (char)va_arg(*args, int);

		put_padded(o, s, &c, 1);
		break;
	}
	case 's': {
		const char *text = va_arg(*args, const char *);
		size_t n = 0;

		if (text == NULL)
			text = "(null)";
		while ((s->precision < 0 || n < (size_t)s->precision) && text[n] != '\0')
			n++;
		put_padded(o, s, text, n);
		break;
	}
	default:
		put(o, kind);
	}
}

int text_vformat(char *to, size_t room, const char *format, va_list args)
{
	struct out o = { .to = to, .room = room };
	struct spec s;
	va_list list;

	va_copy(list, args);
	for (const char *f = format; *f != '\0'; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = read_spec(f + 1, &s, &list);
		if (*f == '\0')
			break;
		put_conversion(&o, *f, &s, &list);
	}
	va_end(list);
	if (room > 0)
		to[o.length < room ? o.length : room - 1] = '\0';
	return (int)o.length;
}

int text_format(char *to, size_t room, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(to, room, format, args);
	va_end(args);
	return n;
}
