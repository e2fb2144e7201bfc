/* What the judges of the interpreter share: cases, their generator, and the table of known disagreements. */
/* Part: tests, on the host; outside judges are Capstone for the decoder and Unicorn for the executor. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/interpreter/decode.h"

#define CASE_BYTES 24u

struct fuzz_case {
	unsigned int bits;	/* 16, 32, 64 */
	unsigned int room;	/* bytes that are there */
	uint8_t code[CASE_BYTES];
};

/* The same numbers on every run with the same seed. */
struct fuzz_random {
	uint64_t state;
};
uint64_t fuzz_random(struct fuzz_random *r);
uint32_t fuzz_below(struct fuzz_random *r, uint32_t n);

/* All maps, all prefixes, all modes. */
void fuzz_any(struct fuzz_random *r, struct fuzz_case *c);
/* Instructions the executor does, in one mode. */
void fuzz_executable(struct fuzz_random *r, unsigned int bits, struct fuzz_case *c);

/* What came before the opcode. */
struct fuzz_head {
	bool lock, rep, f2, f3, operand_size, rex, rex_not_last, two_rex, null_override, far_override;
	unsigned int length;	/* of the prefixes */
	uint8_t opcode[3];	/* and what follows */
};
void fuzz_look(const struct fuzz_case *c, struct fuzz_head *h);

/* True = agreed, or the disagreement is in the table; else it is told. */
bool decode_judge_init(void);
bool decode_judge(const struct fuzz_case *c);
bool execute_judge_init(void);
bool execute_judge(struct fuzz_random *r, const struct fuzz_case *c);
/* Counts and reasons of what was excused. */
void decode_judge_report(FILE *to);
void execute_judge_report(FILE *to);

#endif
