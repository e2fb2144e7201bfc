/* The decoder: bytes and a mode become one plain struct insn. Pure; the executor reads nothing else. */
/* Part: interpreter/; judged on the host against Capstone. SDM volume 2, "Instruction Format" and "Opcode Map". */
#ifndef VMM_INTERPRETER_DECODE_H
#define VMM_INTERPRETER_DECODE_H

#include "arch/api/vcpu.h"

#define INSN_MAX 15u	/* bytes; SDM, "Instruction Format" */

enum decode_result {
	DECODE_OK,	/* *insn is complete; its `op` may still be OP_NONE: valid, but nothing the executor does */
	DECODE_UD,	/* #UD: no such instruction, or LOCK where it may not be */
	DECODE_LONG,	/* #GP(0): more than 15 bytes */
	DECODE_SHORT,	/* the bytes given end within the instruction */
};

/* What the executor does. The order of the first rows is the encoding's: see decode_table.c. */
enum insn_op {
	OP_NONE,
	OP_UD,		/* UD0, UD1, UD2: valid, and #UD */
	OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP,
	OP_ROL, OP_ROR, OP_RCL, OP_RCR, OP_SHL, OP_SHR, OP_SAL, OP_SAR,
	OP_TEST, OP_NOT, OP_NEG, OP_MUL, OP_IMUL1, OP_DIV, OP_IDIV, OP_INC, OP_DEC, OP_IMUL,
	OP_BT, OP_BTS, OP_BTR, OP_BTC,
	OP_SHLD, OP_SHRD, OP_BSF, OP_BSR, OP_TZCNT, OP_LZCNT, OP_POPCNT,
	OP_MOV, OP_MOVZX, OP_MOVSX, OP_MOVBE, OP_LEA, OP_XCHG, OP_XADD, OP_CMPXCHG, OP_CMPXCHG8B, OP_BSWAP,
	OP_SETCC, OP_CMOVCC, OP_XLAT, OP_BOUND,
	OP_CBW, OP_CWD, OP_LAHF, OP_SAHF, OP_SALC, OP_DAA, OP_DAS, OP_AAA, OP_AAS, OP_AAM, OP_AAD,
	OP_CLC, OP_STC, OP_CMC, OP_CLD, OP_STD, OP_CLI, OP_STI, OP_NOP,
	OP_PUSH, OP_POP, OP_PUSH_SEG, OP_POP_SEG, OP_PUSHA, OP_POPA, OP_PUSHF, OP_POPF, OP_ENTER, OP_LEAVE,
	OP_MOVS, OP_CMPS, OP_STOS, OP_LODS, OP_SCAS, OP_INS, OP_OUTS, OP_IN, OP_OUT,
	OP_JCC, OP_JMP, OP_CALL, OP_RET, OP_LOOPNE, OP_LOOPE, OP_LOOP, OP_JCXZ,
	OP_INT,	/* INT n: in virtual-8086 mode, where it is no event to the processor */
	OP_JMPF, OP_CALLF, OP_RETF, OP_IRET, OP_MOV_FROM_SEG, OP_MOV_TO_SEG, OP_LFP, OP_SMSW, OP_SLDT, OP_STR, OP_LLDT, OP_LTR,
	OP_VERR, OP_VERW, OP_LAR, OP_LSL, OP_ARPL, OP_SGDT, OP_SIDT, OP_LGDT, OP_LIDT,	/* executed with an operand in memory */
	OP_X87_LOAD, OP_X87_STORE,	/* x87 with an operand in memory, which is read or written; but for whole environments */
	/* SSE and AVX moves; width is that of memory */
	OP_MOVV,	/* a whole register: alignment is asked for by `aligned` */
	OP_MOVSCALAR,	/* MOVSS, MOVSD */
	OP_MOVLOW, OP_MOVHIGH,	/* MOVLPS, MOVHPS and PD; between registers MOVHLPS, MOVLHPS */
	OP_MOVD,	/* MOVD, MOVQ between XMM and r/m */
	OP_MOVQ,	/* MOVQ between XMM and XMM/m64 */
	OP_DIRECT_LOAD, OP_DIRECT_STORE,	/* whatever else works on vectors, with an operand in memory: see `direct` */
	OP_COUNT,
};

/* Where the operands are: the first is what is written. */
enum insn_form {
	FORM_NONE,	/* none, or as the operation knows them */
	FORM_RM, FORM_RM_R, FORM_R_RM, FORM_RM_I, FORM_R_RM_I, FORM_RM_1, FORM_RM_CL, FORM_RM_R_I, FORM_RM_R_CL,
	FORM_A_I, FORM_A_M, FORM_M_A,	/* accumulator with immediate; with an absolute address (moffs) */
	FORM_O, FORM_O_I, FORM_A_O,	/* register in the opcode */
	FORM_I, FORM_FAR,
	FORM_A_DX,	/* ports: DX instead of an immediate */
};

enum insn_map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A };
enum insn_mandatory { PP_NONE, PP_66, PP_F3, PP_F2 };	/* as VEX numbers them */

/* What the processor needs for an instruction that it executes with memory of CP's in the place of the guest's. */
enum insn_direct {
	DIRECT_VECTOR,	/* XMM and YMM registers */
	DIRECT_TO_GPR,	/* besides, a general register is written: ModR/M's */
	DIRECT_GPR,	/* general registers only: BMI, ADX, CRC32 */
	DIRECT_MMX,	/* x87's registers; perhaps others as well */
	DIRECT_CONTROL,	/* MXCSR */
};

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

struct insn {
	uint8_t op, form;	/* enum insn_op, insn_form */
	uint8_t length;
	uint8_t bits;		/* of the code segment: 16, 32, 64 */
	uint8_t map, opcode;	/* the last opcode byte */
	uint8_t operand_size, address_size;	/* bytes: 2, 4, 8 */
	uint8_t width;		/* of the operands in bytes: 1, 2, 4, 8; 10 for x87, 16 and 32 for vectors */
	uint8_t from_width;	/* MOVZX, MOVSX: of the source */
	uint8_t rex;		/* 0 = none; else 4xh; for VEX the bits it stands for */
	uint8_t rep;		/* F2h, F3h (the last one), or 0 */
	uint8_t pp;		/* enum insn_mandatory */
	bool operand_prefix, lock, vex, evex;
	bool w;			/* VEX.W or REX.W */
	uint8_t direct;		/* enum insn_direct, for OP_DIRECT_ */
	uint8_t vvvv, vector;	/* VEX, EVEX: second source register; vector length in bytes */
	bool modrm;		/* there is one, and: */
	uint8_t mod, reg, rm;	/* extended to 4 bits */
	bool memory;		/* an operand is in memory: effective address = base + index * scale + disp */
	bool rip_relative;
	bool aligned;		/* the operand must lie on its own size: MOVAPS and the like */
	int8_t base, index;	/* enum gpr, -1 = none */
	uint8_t scale;
	uint8_t seg;		/* enum seg of the memory operand, overrides applied */
	int64_t disp;
	uint64_t imm;		/* sign-extended where the instruction does; offset of a far pointer */
	uint16_t imm2;		/* selector of a far pointer; ENTER's level */
};

/* `room` bytes are there; at most 15 count. bits: 16, 32, 64. */
enum decode_result decode_insn(const uint8_t *code, size_t room, unsigned int bits, struct insn *insn);

/* The tables: decode_table.c. */
struct opcode_row {
	uint8_t op, form;	/* with ROW_GROUP: op is the group */
	uint8_t imm;		/* enum row_imm */
	uint8_t pp;		/* mandatory prefixes that make an instruction, bits 1 << PP_; 0 = prefixes are no part of the opcode */
	uint16_t flags;
};

enum row_imm { IMM_NONE, IMM_8, IMM_16, IMM_Z, IMM_V, IMM_MOFFS, IMM_FAR, IMM_ENTER, IMM_REL8, IMM_RELZ };

#define ROW_MODRM 0x1u
#define ROW_BYTE 0x2u
#define ROW_NO64 0x4u	/* not in 64-bit mode */
#define ROW_ONLY64 0x8u
#define ROW_D64 0x10u	/* operand size in 64-bit mode is 64, or 16 by prefix */
#define ROW_F64 0x20u	/* always 64 there */
#define ROW_LOCK 0x40u
#define ROW_MEM 0x80u	/* the operand must be in memory */
#define ROW_REG 0x100u	/* must be a register */
#define ROW_GROUP 0x200u
#define ROW_BAD 0x400u
#define ROW_SPECIAL 0x800u	/* decode.c knows more */
#define ROW_MOD3 0x1000u	/* mod is taken for 3 whatever it is: MOV CR, MOV DR */
#define ROW_PE 0x2000u	/* not in real mode: the executor's to see */

enum row_group { G_1A, G_2, G_3B, G_3, G_4, G_5, G_11B, G_11, G_6, G_7, G_8, G_9, G_12, G_13, G_14, G_15, G_16, GROUPS };

extern const struct opcode_row decode_one[256], decode_0f[256], decode_groups[GROUPS][8];
/* Mandatory prefixes (bits as row.pp) that make an instruction in the maps 0F 38 and 0F 3A. */
uint8_t decode_0f38_prefixes(uint8_t opcode);
uint8_t decode_0f3a_prefixes(uint8_t opcode);
/* Registers and memory that SSE opcodes do not take with every prefix. */
bool decode_sse_operand(uint8_t opcode, unsigned int pp, bool memory);
bool decode_x87(uint8_t opcode, uint8_t modrm);
/* x87 opcodes with an operand in memory: what becomes of it and how wide it is; op stays OP_NONE for environments. */
void decode_x87_memory(struct insn *i);
/* Turns the moves among SSE and AVX opcodes into something to execute; op stays OP_NONE for others. */
void decode_vector_move(struct insn *i);
/* The rest of those with an operand in memory. */
void decode_direct(struct insn *i);
/* Has an opcode of these maps, with any prefix, an immediate byte? */
bool decode_vector_immediate(unsigned int map, uint8_t opcode);

#endif
