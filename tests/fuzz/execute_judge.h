/* One code size's pair of machines: the executor's and Unicorn's. */
/* Part: tests, on the host; used by execute_judge.c and its table of exceptions. */
#ifndef TESTS_FUZZ_EXECUTE_JUDGE_H
#define TESTS_FUZZ_EXECUTE_JUDGE_H

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/interpreter/execute.h"

struct uc_struct;
struct uc_context;

struct world {
	struct uc_struct *uc;
	struct uc_context *start;	/* its state at first */
	unsigned int bits, regs;
	uint64_t cr0;
	struct segment seg[SEGS], seg_start[SEGS];
	uint8_t *mine, *theirs;	/* memory, by linear address */
	/* mine */
	struct fuzz_head head;
	struct interp x;
	enum interp_result result;
	uint64_t gpr[16], before[16], rflags;
	uint64_t xmm[16][2];
	uint64_t my_ports;
	bool stored, segments_changed;
	/* theirs */
	uint64_t their_gpr[16], their_rflags, their_rip, their_xmm[16][2], their_ports;
	int their_error, their_vector;
};

#endif
