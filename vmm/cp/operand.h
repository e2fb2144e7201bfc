/* Operands: how CP takes a typed line apart. */
/* Part: cp/; pure, tested on the host; it gets what people type and must refuse the bad. */
#ifndef VMM_CP_OPERAND_H
#define VMM_CP_OPERAND_H

#include "lib/types.h"

#define OPERAND_ROOM 64	/* a longer word is cut, and then fits nothing */

/* Takes the next blank-separated word; returns its length, 0 = none. What does not fit is cut. */
size_t operand_word(const char **at, char *to, size_t room);
/* The rest of the line without its leading blanks. */
const char *operand_rest(const char *at);
/* Is there nothing left but blanks? */
bool operand_end(const char *at);

/* Is `word` the name or an abbreviation of it of at least `least` letters, in any case? */
bool operand_is(const char *word, const char *name, size_t least);

/* All of `text` as a number; false when empty, wrong or larger than `most`. */
bool operand_hex(const char *text, uint64_t most, uint64_t *value);
bool operand_decimal(const char *text, uint64_t most, uint64_t *value);
/* nnnK, nnnM, nnnG, or 0, up to a tebibyte. */
bool operand_size(const char *text, uint64_t *bytes);

/*
 * hex, hex-hex, hex:hex or hex.length (length in hex). One address alone: *last = *first.
 * An empty text is the whole of [0, end). The last may be left out after - or : and is `end` - 1.
 */
bool operand_range(const char *text, uint64_t end, uint64_t *first, uint64_t *last);

/* 1-8 of A-Z 0-9 $ @ _ -, not a word that means something else; `to` gets it in upper case. */
bool operand_userid(const char *text, char to[9]);
/* 1-47 of A-Z a-z 0-9 . _ - and not only dots. */
bool operand_file_name(const char *text);

#endif
