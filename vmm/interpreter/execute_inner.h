/* What the executor's files share: operands, addresses, stack, arithmetic. */
/* Part: interpreter/; included by execute*.c only. */
#ifndef VMM_INTERPRETER_EXECUTE_INNER_H
#define VMM_INTERPRETER_EXECUTE_INNER_H

#include "vmm/interpreter/execute.h"

enum { FLAG_CF = 1u << 0, FLAG_PF = 1u << 2, FLAG_AF = 1u << 4, FLAG_ZF = 1u << 6, FLAG_SF = 1u << 7, FLAG_TF = 1u << 8,
       FLAG_IF = 1u << 9, FLAG_DF = 1u << 10, FLAG_OF = 1u << 11, FLAG_IOPL = 3u << 12, FLAG_NT = 1u << 14,
       FLAG_RF = 1u << 16, FLAG_VM = 1u << 17, FLAG_AC = 1u << 18, FLAG_VIF = 1u << 19, FLAG_VIP = 1u << 20, FLAG_ID = 1u << 21 };
#define FLAGS_ARITHMETIC (uint64_t)(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

enum { VECTOR_DE = 0, VECTOR_BR = 5, VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_TS = 10, VECTOR_NP = 11, VECTOR_SS = 12,
       VECTOR_GP = 13, VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_XM = 19 };

#define CR0_PE_BIT 1u
#define CR0_EM_BIT (1u << 2)
#define CR0_TS_BIT (1u << 3)
#define CR0_AM_BIT (1u << 18)

static inline uint64_t interp_mask(unsigned int bytes)
{
	return UINT64_MAX >> (64 - 8 * bytes);
}

static inline uint64_t interp_sign_extend(uint64_t v, unsigned int bytes)
{
	unsigned int unused = 64 - 8 * bytes;

	return (uint64_t)((int64_t)(v << unused) >> unused);
}

static inline bool interp_canonical(uint64_t a)
{
	return interp_sign_extend(a, 6) == a;
}

/* The lower bytes change; 4 of them clear the upper half, as every 32-bit result does. */
static inline void interp_merge(uint64_t *r, unsigned int bytes, uint64_t value)
{
	if (bytes >= 4)
		*r = value & interp_mask(bytes);
	else
		*r = (*r & ~interp_mask(bytes)) | (value & interp_mask(bytes));
}

/* AH, CH, DH, BH are bytes 4 to 7 where no REX is. */
static inline bool interp_high_byte(const struct interp *x, unsigned int n, unsigned int width)
{
	return width == 1 && x->insn->rex == 0 && n >= 4 && n < 8;
}

static inline uint64_t interp_gpr(const struct interp *x, unsigned int n, unsigned int width)
{
	if (interp_high_byte(x, n, width))
		return x->gpr[n - 4] >> 8 & 0xff;
	return x->gpr[n] & interp_mask(width);
}

static inline void interp_set_gpr(struct interp *x, unsigned int n, unsigned int width, uint64_t value)
{
	if (interp_high_byte(x, n, width))
		x->gpr[n - 4] = (x->gpr[n - 4] & ~0xff00ull) | (value & 0xff) << 8;
	else
		interp_merge(&x->gpr[n], width, value);
}

/* execute_operand.c */
enum interp_result interp_raise(struct interp *x, uint8_t vector);
enum interp_result interp_raise_error(struct interp *x, uint8_t vector, uint32_t error);
const struct segment *interp_segment(struct interp *x, enum seg seg);
void interp_put_segment(struct interp *x, enum seg seg, const struct segment *s);
uint64_t interp_cr0(struct interp *x);
bool interp_protected(struct interp *x);	/* protected mode proper: neither real nor virtual-8086 mode */
unsigned int interp_cpl(struct interp *x);
uint64_t interp_offset(const struct interp *x);	/* the effective address */
/* Do n bytes from the offset lie within the segment's limit? */
bool interp_within(const struct segment *s, uint64_t offset, uint32_t n);
/* Segment, canonical, alignment and page checks; fills *place. */
enum interp_result interp_prepare(struct interp *x, struct interp_place *place, enum seg seg, uint64_t offset, uint32_t n,
				  uint32_t access);
uint64_t interp_load(struct interp *x, const struct interp_place *place);	/* n <= 8 */
void interp_store(struct interp *x, const struct interp_place *place, uint64_t value);

/* The two operands of most instructions: a is the one written, b the other. */
struct operands {
	struct interp_place place;
	bool in_memory;		/* a is */
	uint8_t reg;		/* a, if it is a register */
	uint64_t a, b;
};
/* access: of a. */
enum interp_result interp_operands(struct interp *x, struct operands *o, uint32_t access);
void interp_result_to(struct interp *x, const struct operands *o, uint64_t value);

/* execute_alu.c: pure. a and b are cut to width; so are results. */
uint64_t alu_binary(unsigned int op, uint64_t a, uint64_t b, unsigned int width, uint64_t *flags);
uint64_t alu_shift(unsigned int op, uint64_t a, unsigned int count, unsigned int width, uint64_t *flags);
uint64_t alu_double_shift(bool left, uint64_t a, uint64_t b, unsigned int count, unsigned int width, uint64_t *flags);
uint64_t alu_step(bool up, uint64_t a, unsigned int width, uint64_t *flags);	/* INC, DEC */
void alu_logic_flags(uint64_t result, unsigned int width, uint64_t *flags);
void alu_result_flags(uint64_t result, unsigned int width, uint64_t *flags);	/* SF, ZF, PF */
bool alu_condition(unsigned int condition, uint64_t flags);

/* Each executes the operations of its kind. */
enum interp_result interp_multiply(struct interp *x);	/* MUL IMUL DIV IDIV: execute_muldiv.c */
enum interp_result interp_decimal(struct interp *x);	/* DAA .. AAD */
enum interp_result interp_bits(struct interp *x);	/* BT .. POPCNT: execute_bits.c */
enum interp_result interp_stack(struct interp *x);	/* execute_stack.c */
enum interp_result interp_flag(struct interp *x);	/* CLC .. STI, LAHF, PUSHF's are the stack's */
enum interp_result interp_string(struct interp *x);	/* execute_string.c */
enum interp_result interp_port(struct interp *x);	/* IN, OUT */
enum interp_result interp_branch(struct interp *x);	/* execute_branch.c */
enum interp_result interp_far(struct interp *x);	/* execute_far.c */
enum interp_result interp_iret(struct interp *x);	/* execute_iret.c */
enum interp_result interp_segment_move(struct interp *x);	/* MOV Sreg, LES and the like, POP Sreg: execute_segment.c */
enum interp_result interp_table(struct interp *x);	/* LAR, LGDT and their kind: execute_table.c */
enum interp_result interp_vector(struct interp *x);	/* execute_vector.c */
/* For vector instructions at all: #UD and #NM; and for x->insn with its operand there: #GP. */
enum interp_result interp_vector_usable(struct interp *x);
enum interp_result interp_aligned(struct interp *x, uint64_t offset);
enum interp_result interp_direct(struct interp *x);	/* execute_direct.c */
/* Composes x->insn anew with its operand at [RDI]; returns its length. Pure. */
unsigned int interp_direct_code(const struct insn *i, uint8_t code[INSN_MAX]);
enum interp_result interp_x87(struct interp *x);	/* execute_x87.c */

/* execute_stack.c, for those who push and pop besides. */
unsigned int interp_stack_size(struct interp *x);	/* bytes of the stack pointer */
/* The place `delta` bytes from the top of the stack. */
enum interp_result interp_stack_place(struct interp *x, struct interp_place *place, int64_t delta, unsigned int width,
				      uint32_t access);
void interp_move_stack(struct interp *x, int64_t delta);

/* execute_branch.c */
void interp_jump(struct interp *x, uint64_t target);
uint64_t interp_next(const struct interp *x);	/* the address after this instruction */

/* execute_segment.c: fetched and checked, but not loaded yet. */
struct interp_descriptor {
	struct segment s;
	bool mark;		/* the accessed flag is still to be set: */
	struct interp_place place;	/* the descriptor's byte 5 */
};
enum interp_result interp_fetch_segment(struct interp *x, enum seg seg, uint16_t selector, struct interp_descriptor *d);
void interp_load_segment(struct interp *x, enum seg seg, const struct interp_descriptor *d);
/* The eight bytes of a descriptor and where they are; `vector` (selector) if they lie beyond the table's end. */
enum interp_result interp_read_descriptor(struct interp *x, uint16_t selector, uint8_t vector, uint64_t *raw, uint64_t *at);
void interp_make_segment(struct segment *s, uint16_t selector, uint64_t raw);
/* Both, into d->s; a null selector is a fault. *at: where the descriptor lies. */
enum interp_result interp_find_segment(struct interp *x, struct interp_descriptor *d, uint16_t selector, uint8_t vector, uint64_t *at);
/* UMIP keeps SGDT, SIDT, SLDT, SMSW and STR from programs. SDM, "User-Mode Instruction Prevention". */
bool interp_user_prevented(struct interp *x);
/* Prepares the setting of the accessed flag, where it is not set yet. */
enum interp_result interp_mark_segment(struct interp *x, struct interp_descriptor *d, uint64_t at);

/* Of a descriptor's access rights as struct segment holds them. */
#define ACCESS_BUSY 2u		/* of a TSS */
#define ACCESS_WRITABLE 2u	/* of code: readable */
#define ACCESS_CONFORMING 4u
#define ACCESS_CODE 8u
#define ACCESS_S 0x10u		/* no system segment */
#define ACCESS_P 0x80u
#define ACCESS_L 0x2000u
#define ACCESS_D 0x4000u

static inline unsigned int interp_dpl(const struct segment *s)
{
	return s->access >> 5 & 3;
}

/*
 * execute_level.c: ways from one privilege level to another. A frame is what a gate leaves on the stack where its handler
 * begins: the same stack, or an inner level's, which the TSS names.
 */
#define FRAME_WORDS 36u		/* a call gate's: SS, ESP, 31 parameters, CS, EIP */

struct interp_frame {
	struct interp_descriptor ss;
	uint64_t sp;		/* before the first word */
	unsigned int size;	/* bytes of the stack pointer */
	unsigned int width;	/* of a word */
	uint32_t access;
	bool changed;		/* SS is another one */
	unsigned int count;
	uint64_t word[FRAME_WORDS];	/* in the order they are pushed */
};

bool interp_long(struct interp *x);	/* IA-32e mode, 64-bit or compatibility */
void interp_frame_here(struct interp *x, struct interp_frame *f, unsigned int width);
/* SDM, "Stack Switching": the descriptor of an inner or outer level's stack. vector: of its faults, but for a missing one's. */
enum interp_result interp_fetch_stack(struct interp *x, struct interp_descriptor *d, uint16_t selector, unsigned int level,
				      uint8_t vector);
/* ist: 0 = the stack of that level. */
enum interp_result interp_frame_inner(struct interp *x, struct interp_frame *f, unsigned int width, unsigned int level,
				      unsigned int ist);
/* Room for so many words by the limit? Otherwise #SS, of the new stack if it is one. */
enum interp_result interp_frame_room(struct interp *x, const struct interp_frame *f, unsigned int words);
void interp_frame_word(struct interp_frame *f, uint64_t value);
/* All words or, with a fault, none; then SS and the stack pointer. */
enum interp_result interp_frame_push(struct interp *x, struct interp_frame *f);
/* The code segment that a gate leads to, at its level; inward: which may be an inner one. */
enum interp_result interp_gate_code(struct interp *x, uint16_t selector, bool inward, struct interp_descriptor *d);
/* execute_gate.c: far CALL or JMP to a descriptor that is no code segment's */
enum interp_result interp_gate(struct interp *x, bool call, uint16_t selector);
/* RETF and IRET to the address that was popped, at the level of its selector. */
struct interp_return {
	unsigned int words;	/* on the stack below the stack pointer and SS, if these are there */
	uint32_t release;	/* bytes that RETF n gives up besides, on either stack */
	bool always_stack;	/* 64-bit mode's IRET: SS and the stack pointer are there even for the same level */
};
enum interp_result interp_return(struct interp *x, const struct interp_return *back, uint64_t offset, uint16_t selector);
/* May code there begin at the offset? */
enum interp_result interp_check_entry(struct interp *x, const struct segment *cs, uint64_t offset);

#endif
