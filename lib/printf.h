/* Formatted text without a C library. */
/* Part: leaf. Conversions: %d %u %x %X %c %s %p %% with -, 0, width, precision and l, ll, z, h, hh. */
#ifndef LIB_PRINTF_H
#define LIB_PRINTF_H

#include <stdarg.h>
#include "lib/types.h"

/* Both write at most room bytes with the ending NUL and return the length the whole text would have. */
int text_vformat(char *to, size_t room, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int text_format(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
