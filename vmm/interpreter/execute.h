/* The executor: does what a struct insn says, on registers in memory and through a table of functions. */
/* Part: interpreter/; touches nothing else, so the same code runs in the monitor, under the fuzzer and against Unicorn. */
#ifndef VMM_INTERPRETER_EXECUTE_H
#define VMM_INTERPRETER_EXECUTE_H

#include "vmm/interpreter/decode.h"

/* What became of one instruction. */
enum interp_result {
	INTERP_DONE,	/* complete: registers, flags and rip are the next instruction's */
	INTERP_AGAIN,	/* a repeated string: some elements are done, the registers say so, rip is still here */
	INTERP_FAULT,	/* x->fault says which; nothing has changed but by the elements of a repeated string before it */
	INTERP_UNKNOWN,	/* valid, but not for this executor; nothing has changed */
	INTERP_ABSENT,	/* prepare() could not: not the guest's fault; as for INTERP_FAULT nothing has changed */
	INTERP_TASK,	/* a task switch, by x->task_source to x->task; it is the caller's to do, nothing has changed */
};

/* Bits of an access. */
#define INTERP_READ 1u
#define INTERP_WRITE 2u
#define INTERP_SYSTEM 4u	/* a descriptor table's: with the supervisor's rights whoever runs */
#define INTERP_SUPERVISOR 8u	/* the stack of an inner level, which is not yet the one that runs */

struct interp_fault {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t address;	/* #PF */
};

/* Memory that may be accessed now: every fault is behind it. Filled by ops->prepare(), which owns `at`. */
struct interp_place {
	uint64_t linear;
	uint32_t n;		/* bytes */
	uint32_t first;		/* of these in the first page */
	uint32_t access;	/* INTERP_ bits */
	uint64_t at[2];		/* where the two parts are */
};

struct interp;

struct interp_ops {
	/*
	 * Fallible: translates for the access, fills *place and changes nothing that can be seen (but a page table's
	 * accessed and dirty flags). Other than INTERP_DONE: INTERP_FAULT with x->fault, INTERP_ABSENT.
	 */
	enum interp_result (*prepare)(struct interp *x, struct interp_place *place, uint64_t linear, uint32_t n,
				      uint32_t access);
	/* Cannot fail: at most once each for one place, load before store, n at most 32. */
	void (*load)(struct interp *x, const struct interp_place *place, void *to);
	void (*store)(struct interp *x, const struct interp_place *place, const void *from);
	uint64_t (*in)(struct interp *x, uint16_t port, unsigned int size);
	void (*out)(struct interp *x, uint16_t port, unsigned int size, uint64_t value);
	/*
	 * Elements of a repeated MOVS or STOS, upwards from the first one, whose places these are (`from` NULL: STOS, of RAX);
	 * `most` of them lie in the same pages. Returns how many were done, each as if it had been loaded and stored alone;
	 * 0 = they are to be. May be NULL.
	 */
	uint32_t (*run)(struct interp *x, const struct interp_place *from, const struct interp_place *to, uint32_t most);
	bool (*due)(struct interp *x);	/* should a repeated string end for now? May be NULL: batch alone counts */
	uint64_t (*get)(struct interp *x, enum vreg reg);	/* control registers, descriptor tables */
	void (*set)(struct interp *x, enum vreg reg, uint64_t value);	/* GDTR and IDTR */
	void (*get_segment)(struct interp *x, enum seg seg, struct segment *s);
	void (*set_segment)(struct interp *x, enum seg seg, const struct segment *s);
	/* A vector register's lower bytes: 16 or 32. zero_rest: what lies above the bytes written becomes 0 (VEX). */
	void (*get_vector)(struct interp *x, unsigned int n, void *to, unsigned int bytes);
	void (*set_vector)(struct interp *x, unsigned int n, const void *from, unsigned int bytes, bool zero_rest);
	/* x->insn, whose operand has this effective address, on 16 bytes in its place. NULL = x87 is not executed. */
	enum x87_result (*x87)(struct interp *x, uint64_t offset, void *operand);
	/* What has been composed of x->insn, with 32 bytes for its operand. NULL = such are not executed. */
	enum direct_result (*direct)(struct interp *x, struct direct_insn *d, void *operand);
};

#define INTERP_HAS_TZCNT 1u	/* else F3 0F BC is BSF */
#define INTERP_HAS_LZCNT 2u	/* else F3 0F BD is BSR */

struct interp {
	const struct interp_ops *ops;
	void *machine;		/* ops' own */
	uint64_t *gpr;		/* 16 of them, RSP among them */
	uint64_t rip, rflags;	/* before; after INTERP_DONE and INTERP_AGAIN the new ones */
	uint32_t features;	/* INTERP_HAS_ bits */
	uint32_t batch;		/* elements of a repeated string done at most before INTERP_AGAIN; not 0 */
	/* answers */
	struct interp_fault fault;
	uint32_t shadow;	/* BLOCKING_ bits that begin with this instruction */
	bool branched;		/* rip is not simply the next one (LBR, BTF) */
	bool nmi_over;		/* NMIs are let in again, even if it faulted: IRET */
	uint8_t task_source;	/* of INTERP_TASK: enum task_source */
	uint16_t task;		/* and the selector of the TSS */
	/* the executor's own */
	const struct insn *insn;
	uint32_t outside;	/* EXT of error codes: not 0 where an event is delivered that is no instruction's */
	uint64_t cr0;
	uint32_t known;		/* bits: segments that seg[] holds; KNOWN_CR0 */
	struct segment seg[SEGS];
};

enum interp_result interp_execute(struct interp *x, const struct insn *insn);

#endif
