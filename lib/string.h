/* Memory and string routines for code that has no C library. */
/* Part: leaf; the compiler itself may call the mem* ones. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/types.h"

#ifdef HOST_TEST
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
#endif

/* Copies at most room - 1 bytes and always ends with NUL. Returns strlen(from). */
size_t str_copy(char *to, const char *from, size_t room);
/* Equal without regard to the case of ASCII letters. */
bool str_same(const char *a, const char *b);
char str_upper(char c);

#endif
