/* Makes instructions: every map, every prefix, every mode, and bytes that are none. */
/* Part: tests, on the host. */
#include <string.h>

#include "tests/fuzz/fuzz.h"

uint64_t fuzz_random(struct fuzz_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

uint32_t fuzz_below(struct fuzz_random *r, uint32_t n)
{
	return (uint32_t)((fuzz_random(r) >> 32) * n >> 32);
}

static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0x66, 0x67 };

static void fill(struct fuzz_random *r, struct fuzz_case *c)
{
	for (unsigned int i = 0; i < CASE_BYTES; i += 8) {
		uint64_t v = fuzz_random(r);

		memcpy(c->code + i, &v, 8);
	}
}

static unsigned int put_prefixes(struct fuzz_random *r, struct fuzz_case *c, unsigned int count)
{
	unsigned int n = 0;

	while (n < count)
		c->code[n++] = prefixes[fuzz_below(r, sizeof(prefixes))];
	if (c->bits == 64 && fuzz_below(r, 2))
		c->code[n++] = (uint8_t)(0x40 | fuzz_below(r, 16));
	return n;
}

static unsigned int put_map(struct fuzz_random *r, struct fuzz_case *c, unsigned int n)
{
	unsigned int which = fuzz_below(r, 32);

	if (which < 14)
		return n;	/* one byte, whatever it is */
	if (which < 28) {
		c->code[n++] = 0x0f;
		if (which >= 24)
			c->code[n++] = which < 26 ? 0x38 : 0x3a;
		return n;
	}
	if (which < 30) {
		c->code[n++] = 0xc5;
		return n + 1;
	}
	c->code[n++] = which == 30 ? 0xc4 : 0x62;
	c->code[n] = (uint8_t)((c->code[n] & 0xf0) | (1 + fuzz_below(r, 3)));
	if (which == 31)
		c->code[n + 1] |= 4;
	return n + (which == 30 ? 2 : 3);
}

void fuzz_any(struct fuzz_random *r, struct fuzz_case *c)
{
	static const unsigned int bits[3] = { 16, 32, 64 };
	unsigned int n;

	c->bits = bits[fuzz_below(r, 3)];
	fill(r, c);
	n = put_prefixes(r, c, fuzz_below(r, 64) == 0 ? fuzz_below(r, 15) : fuzz_below(r, 2) ? 0 : fuzz_below(r, 4));
	put_map(r, c, n);
	c->room = fuzz_below(r, 16) ? CASE_BYTES : 1 + fuzz_below(r, 15);
}

void fuzz_executable(struct fuzz_random *r, unsigned int bits, struct fuzz_case *c)
{
	struct insn insn;

	c->bits = bits;
	c->room = CASE_BYTES;
	do {
		unsigned int n, which = fuzz_below(r, 16);

		fill(r, c);
		n = put_prefixes(r, c, fuzz_below(r, 2) ? 0 : fuzz_below(r, 3));
		if (which >= 8 && which < 14)
			c->code[n] = 0x0f;
	} while (decode_insn(c->code, c->room, bits, &insn) != DECODE_OK || insn.op == OP_NONE || insn.vex);
}

static bool look_prefix(struct fuzz_head *h, uint8_t b)
{
	switch (b) {
	case 0xf0: h->lock = true; return true;
	case 0xf2: h->f2 = h->rep = true; return true;
	case 0xf3: h->f3 = h->rep = true; return true;
	case 0x66: h->operand_size = true; return true;
	case 0x67: return true;
	case 0x64: case 0x65: h->far_override = true; return true;
	case 0x26: case 0x2e: case 0x36: case 0x3e: h->null_override = true; return true;
	default: return false;
	}
}

void fuzz_look(const struct fuzz_case *c, struct fuzz_head *h)
{
	unsigned int i;

	memset(h, 0, sizeof(*h));
	for (i = 0; i < c->room; i++) {
		if (look_prefix(h, c->code[i])) {
			h->rex_not_last |= h->rex;
		} else if (c->bits == 64 && (c->code[i] & 0xf0) == 0x40) {
			h->two_rex |= h->rex;
			h->rex = true;
		} else {
			break;
		}
	}
	h->length = i;
	for (unsigned int n = 0; n < 3; n++)
		h->opcode[n] = i + n < c->room ? c->code[i + n] : 0;
}
