/* The opcode maps as tables. */
/* Part: interpreter/; SDM volume 2, "Opcode Map"; Intel's processors, so what only AMD's have is not there. */
#include "vmm/interpreter/decode.h"

#define M ROW_MODRM
#define B ROW_BYTE
#define LK ROW_LOCK
#define N64 ROW_NO64
#define O64 ROW_ONLY64
#define D64 ROW_D64
#define F64 ROW_F64
#define MEM ROW_MEM
#define REG ROW_REG
#define SPECIAL ROW_SPECIAL

#define R(op, form, imm, what) { OP_##op, FORM_##form, IMM_##imm, 0, (what) }
#define BAD { .flags = ROW_BAD }
#define BAD_M { .flags = ROW_BAD | M }
#define X(what) { .op = OP_NONE, .flags = (what) }	/* valid, not executed */
#define XI(imm, flags) { OP_NONE, FORM_NONE, IMM_##imm, 0, (flags) }
#define G(group, form, imm, flags) { G_##group, FORM_##form, IMM_##imm, 0, (uint16_t)(M | ROW_GROUP | (flags)) }
#define PREFIX { .flags = ROW_BAD }	/* never looked up: taken before */

/* The eight of 00-3F: r/m,r  r,r/m  A,imm; CMP writes nothing and so may not be locked. */
#define ALU(op, lk)                                                                               \
	R(op, RM_R, NONE, M | B | (lk)), R(op, RM_R, NONE, M | (lk)), R(op, R_RM, NONE, M | B),    \
	R(op, R_RM, NONE, M), R(op, A_I, 8, B), R(op, A_I, Z, 0)

#define EIGHT(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define SIXTEEN(...) EIGHT(__VA_ARGS__), EIGHT(__VA_ARGS__)

const struct opcode_row decode_one[256] = {
	/* 00 */ ALU(ADD, LK), R(PUSH_SEG, NONE, NONE, N64), R(POP_SEG, NONE, NONE, N64),
	/* 08 */ ALU(OR, LK), R(PUSH_SEG, NONE, NONE, N64), PREFIX,
	/* 10 */ ALU(ADC, LK), R(PUSH_SEG, NONE, NONE, N64), R(POP_SEG, NONE, NONE, N64),
	/* 18 */ ALU(SBB, LK), R(PUSH_SEG, NONE, NONE, N64), R(POP_SEG, NONE, NONE, N64),
	/* 20 */ ALU(AND, LK), PREFIX, R(DAA, NONE, NONE, N64),
	/* 28 */ ALU(SUB, LK), PREFIX, R(DAS, NONE, NONE, N64),
	/* 30 */ ALU(XOR, LK), PREFIX, R(AAA, NONE, NONE, N64),
	/* 38 */ ALU(CMP, 0), PREFIX, R(AAS, NONE, NONE, N64),
	/* 40 */ EIGHT(R(INC, O, NONE, N64)), EIGHT(R(DEC, O, NONE, N64)),
	/* 50 */ EIGHT(R(PUSH, O, NONE, D64)), EIGHT(R(POP, O, NONE, D64)),
	/* 60 */ R(PUSHA, NONE, NONE, N64), R(POPA, NONE, NONE, N64), R(BOUND, R_RM, NONE, M | N64 | MEM),
	/* 63 */ { OP_NONE, FORM_NONE, IMM_NONE, 0, M | SPECIAL },
	/* 64 */ PREFIX, PREFIX, PREFIX, PREFIX,
	/* 68 */ R(PUSH, I, Z, D64), R(IMUL, R_RM_I, Z, M), R(PUSH, I, 8, D64), R(IMUL, R_RM_I, 8, M),
	/* 6C */ R(INS, NONE, NONE, B), R(INS, NONE, NONE, 0), R(OUTS, NONE, NONE, B), R(OUTS, NONE, NONE, 0),
	/* 70 */ SIXTEEN(R(JCC, NONE, REL8, F64)),
	/* 80 */ { OP_ADD, FORM_RM_I, IMM_8, 0, M | B | SPECIAL }, { OP_ADD, FORM_RM_I, IMM_Z, 0, M | SPECIAL },
	{ OP_ADD, FORM_RM_I, IMM_8, 0, M | B | N64 | SPECIAL }, { OP_ADD, FORM_RM_I, IMM_8, 0, M | SPECIAL },
	/* 84 */ R(TEST, RM_R, NONE, M | B), R(TEST, RM_R, NONE, M), R(XCHG, RM_R, NONE, M | B | LK), R(XCHG, RM_R, NONE, M | LK),
	/* 88 */ R(MOV, RM_R, NONE, M | B), R(MOV, RM_R, NONE, M), R(MOV, R_RM, NONE, M | B), R(MOV, R_RM, NONE, M),
	/* 8C */ R(MOV_FROM_SEG, RM, NONE, M | SPECIAL), R(LEA, R_RM, NONE, M | MEM), R(MOV_TO_SEG, RM, NONE, M | SPECIAL),
	/* 8F */ G(1A, RM, NONE, D64),
	/* 90 */ R(NOP, NONE, NONE, SPECIAL), R(XCHG, A_O, NONE, 0), R(XCHG, A_O, NONE, 0), R(XCHG, A_O, NONE, 0),
	R(XCHG, A_O, NONE, 0), R(XCHG, A_O, NONE, 0), R(XCHG, A_O, NONE, 0), R(XCHG, A_O, NONE, 0),
	/* 98 */ R(CBW, NONE, NONE, 0), R(CWD, NONE, NONE, 0), R(CALLF, FAR, FAR, N64), X(0),
	R(PUSHF, NONE, NONE, D64), R(POPF, NONE, NONE, D64), R(SAHF, NONE, NONE, 0), R(LAHF, NONE, NONE, 0),
	/* A0 */ R(MOV, A_M, MOFFS, B), R(MOV, A_M, MOFFS, 0), R(MOV, M_A, MOFFS, B), R(MOV, M_A, MOFFS, 0),
	/* A4 */ R(MOVS, NONE, NONE, B), R(MOVS, NONE, NONE, 0), R(CMPS, NONE, NONE, B), R(CMPS, NONE, NONE, 0),
	/* A8 */ R(TEST, A_I, 8, B), R(TEST, A_I, Z, 0), R(STOS, NONE, NONE, B), R(STOS, NONE, NONE, 0),
	R(LODS, NONE, NONE, B), R(LODS, NONE, NONE, 0), R(SCAS, NONE, NONE, B), R(SCAS, NONE, NONE, 0),
	/* B0 */ EIGHT(R(MOV, O_I, 8, B)), EIGHT(R(MOV, O_I, V, 0)),
	/* C0 */ G(2, RM_I, 8, B), G(2, RM_I, 8, 0), R(RET, NONE, 16, F64), R(RET, NONE, NONE, F64),
	/* C4 */ R(LFP, R_RM, NONE, M | N64 | MEM), R(LFP, R_RM, NONE, M | N64 | MEM), G(11B, RM_I, 8, B), G(11, RM_I, Z, 0),
	/* C8 */ R(ENTER, NONE, ENTER, D64), R(LEAVE, NONE, NONE, D64), R(RETF, NONE, 16, 0), R(RETF, NONE, NONE, 0),
	X(0), R(INT, NONE, 8, 0), X(N64), R(IRET, NONE, NONE, 0),
	/* D0 */ G(2, RM_1, NONE, B), G(2, RM_1, NONE, 0), G(2, RM_CL, NONE, B), G(2, RM_CL, NONE, 0),
	/* D4 */ R(AAM, NONE, 8, N64), R(AAD, NONE, 8, N64), R(SALC, NONE, NONE, N64), R(XLAT, NONE, NONE, B),
	/* D8 */ EIGHT(X(M | SPECIAL)),
	/* E0 */ R(LOOPNE, NONE, REL8, F64), R(LOOPE, NONE, REL8, F64), R(LOOP, NONE, REL8, F64), R(JCXZ, NONE, REL8, F64),
	R(IN, A_I, 8, B), R(IN, A_I, 8, 0), R(OUT, A_I, 8, B), R(OUT, A_I, 8, 0),
	/* E8 */ R(CALL, I, RELZ, F64), R(JMP, I, RELZ, F64), R(JMPF, FAR, FAR, N64), R(JMP, I, REL8, F64),
	R(IN, A_DX, NONE, B), R(IN, A_DX, NONE, 0), R(OUT, A_DX, NONE, B), R(OUT, A_DX, NONE, 0),
	/* F0 */ PREFIX, X(0), PREFIX, PREFIX, X(0), R(CMC, NONE, NONE, 0), G(3B, RM, NONE, B), G(3, RM, NONE, 0),
	/* F8 */ R(CLC, NONE, NONE, 0), R(STC, NONE, NONE, 0), R(CLI, NONE, NONE, 0), R(STI, NONE, NONE, 0),
	R(CLD, NONE, NONE, 0), R(STD, NONE, NONE, 0), G(4, RM, NONE, B), G(5, RM, NONE, 0),
};

/* A group's row adds to the one that leads to it: its flags count beside those, its form and immediate if there are any. */
const struct opcode_row decode_groups[GROUPS][8] = {
	[G_1A] = { R(POP, NONE, NONE, 0), BAD, BAD, BAD, BAD, BAD, BAD, BAD },
	[G_2] = { R(ROL, NONE, NONE, 0), R(ROR, NONE, NONE, 0), R(RCL, NONE, NONE, 0), R(RCR, NONE, NONE, 0),
		  R(SHL, NONE, NONE, 0), R(SHR, NONE, NONE, 0), R(SAL, NONE, NONE, 0), R(SAR, NONE, NONE, 0) },
	[G_3B] = { R(TEST, RM_I, 8, 0), R(TEST, RM_I, 8, 0), R(NOT, NONE, NONE, LK), R(NEG, NONE, NONE, LK),
		   R(MUL, NONE, NONE, 0), R(IMUL1, NONE, NONE, 0), R(DIV, NONE, NONE, 0), R(IDIV, NONE, NONE, 0) },
	[G_3] = { R(TEST, RM_I, Z, 0), R(TEST, RM_I, Z, 0), R(NOT, NONE, NONE, LK), R(NEG, NONE, NONE, LK),
		  R(MUL, NONE, NONE, 0), R(IMUL1, NONE, NONE, 0), R(DIV, NONE, NONE, 0), R(IDIV, NONE, NONE, 0) },
	[G_4] = { R(INC, NONE, NONE, LK), R(DEC, NONE, NONE, LK), BAD, BAD, BAD, BAD, BAD, BAD },
	[G_5] = { R(INC, NONE, NONE, LK), R(DEC, NONE, NONE, LK), R(CALL, NONE, NONE, F64), R(CALLF, NONE, NONE, MEM),
		  R(JMP, NONE, NONE, F64), R(JMPF, NONE, NONE, MEM), R(PUSH, NONE, NONE, D64), BAD },
	/* C6 and C7: MOV, and XABORT, XBEGIN */
	[G_11B] = { R(MOV, NONE, NONE, 0), BAD, BAD, BAD, BAD, BAD, BAD, X(SPECIAL) },
	[G_11] = { R(MOV, NONE, NONE, 0), BAD, BAD, BAD, BAD, BAD, BAD, X(SPECIAL) },
	[G_6] = { R(SLDT, RM, NONE, ROW_PE), R(STR, RM, NONE, ROW_PE), R(LLDT, RM, NONE, ROW_PE), R(LTR, RM, NONE, ROW_PE),
		  R(VERR, RM, NONE, ROW_PE), R(VERW, RM, NONE, ROW_PE), BAD, BAD },
	[G_7] = { X(SPECIAL), X(SPECIAL), X(SPECIAL), X(SPECIAL), R(SMSW, RM, NONE, 0), X(SPECIAL), X(0), X(SPECIAL) },
	[G_8] = { BAD, BAD, BAD, BAD, R(BT, NONE, NONE, 0), R(BTS, NONE, NONE, LK), R(BTR, NONE, NONE, LK), R(BTC, NONE, NONE, LK) },
	[G_9] = { BAD, R(CMPXCHG8B, RM, NONE, MEM | LK), BAD, X(MEM | SPECIAL), X(MEM | SPECIAL), X(MEM | SPECIAL), X(SPECIAL),
		  X(SPECIAL) },
	/* shifts of vector registers by an immediate */
	[G_12] = { BAD, BAD, { .pp = 3 }, BAD, { .pp = 3 }, BAD, { .pp = 3 }, BAD },
	[G_13] = { BAD, BAD, { .pp = 3 }, BAD, { .pp = 3 }, BAD, { .pp = 3 }, BAD },
	[G_14] = { BAD, BAD, { .pp = 3 }, { .pp = 2 }, BAD, BAD, { .pp = 3 }, { .pp = 2 } },
	[G_15] = { EIGHT(X(SPECIAL)) },
	[G_16] = { EIGHT(R(NOP, NONE, NONE, 0)) },
};

/* SSE: the mandatory prefixes that make an instruction. */
#define P_N 1	/* none */
#define P_66 2
#define P_F3 4
#define P_F2 8
#define P_N66 3
#define P_ALL 15
#define S(prefixes) { .pp = (prefixes), .flags = M }
#define SF(prefixes, what) { .pp = (prefixes), .flags = M | (what) }
#define SI(prefixes, f) { OP_NONE, FORM_NONE, IMM_8, (prefixes), (uint16_t)(M | (f)) }
#define HINT R(NOP, RM, NONE, M)

const struct opcode_row decode_0f[256] = {
	/* 00 */ G(6, NONE, NONE, 0), G(7, NONE, NONE, 0), R(LAR, R_RM, NONE, M | ROW_PE), R(LSL, R_RM, NONE, M | ROW_PE), BAD, X(O64), X(0), X(O64),
	/* 08 */ X(0), X(0), BAD, R(UD, NONE, NONE, 0), BAD, HINT, BAD, BAD_M,
	/* 10 */ S(P_ALL), S(P_ALL), SF(P_ALL, SPECIAL), SF(P_N66, MEM), S(P_N66), S(P_N66), SF(7, SPECIAL), SF(P_N66, MEM),
	/* 18 */ G(16, RM, NONE, 0), HINT, HINT, HINT, HINT, HINT, HINT, HINT,
	/* 20 */ X(M | ROW_MOD3 | SPECIAL), X(M | ROW_MOD3 | SPECIAL), X(M | ROW_MOD3 | SPECIAL), X(M | ROW_MOD3 | SPECIAL), BAD, BAD, BAD, BAD,
	/* 28 */ S(P_N66), S(P_N66), S(P_ALL), SF(P_N66, MEM), S(P_ALL), S(P_ALL), S(P_N66), S(P_N66),
	/* 30 */ X(0), X(0), X(0), X(0), X(0), X(0), BAD, X(0),
	/* 38 */ PREFIX, BAD, PREFIX, BAD, BAD, BAD, BAD, BAD,
	/* 40 */ SIXTEEN(R(CMOVCC, R_RM, NONE, M)),
	/* 50 */ SF(P_N66, REG), S(P_ALL), S(5), S(5), S(P_N66), S(P_N66), S(P_N66), S(P_N66),
	/* 58 */ S(P_ALL), S(P_ALL), S(P_ALL), S(7), S(P_ALL), S(P_ALL), S(P_ALL), S(P_ALL),
	/* 60 */ EIGHT(S(P_N66)), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_66), S(P_66), S(P_N66), S(7),
	/* 70 */ SI(P_ALL, 0), { G_12, FORM_NONE, IMM_8, P_N66, M | ROW_GROUP | REG }, { G_13, FORM_NONE, IMM_8, P_N66, M | ROW_GROUP | REG },
	{ G_14, FORM_NONE, IMM_8, P_N66, M | ROW_GROUP | REG }, S(P_N66), S(P_N66), S(P_N66), { .pp = P_N },
	/* 78 */ SF(P_N, D64), SF(P_N, D64), BAD, BAD, S(P_66 | P_F2), S(P_66 | P_F2), S(7), S(7),
	/* 80 */ SIXTEEN(R(JCC, NONE, RELZ, F64)),
	/* 90 */ SIXTEEN(R(SETCC, RM, NONE, M | B)),
	/* A0 */ R(PUSH_SEG, NONE, NONE, D64), R(POP_SEG, NONE, NONE, D64), X(0), R(BT, RM_R, NONE, M),
	R(SHLD, RM_R_I, 8, M), R(SHLD, RM_R_CL, NONE, M), BAD, BAD,
	/* A8 */ R(PUSH_SEG, NONE, NONE, D64), R(POP_SEG, NONE, NONE, D64), X(0), R(BTS, RM_R, NONE, M | LK),
	R(SHRD, RM_R_I, 8, M), R(SHRD, RM_R_CL, NONE, M), G(15, NONE, NONE, 0), R(IMUL, R_RM, NONE, M),
	/* B0 */ R(CMPXCHG, RM_R, NONE, M | B | LK), R(CMPXCHG, RM_R, NONE, M | LK), R(LFP, R_RM, NONE, M | MEM),
	R(BTR, RM_R, NONE, M | LK), R(LFP, R_RM, NONE, M | MEM), R(LFP, R_RM, NONE, M | MEM),
	R(MOVZX, R_RM, NONE, M), R(MOVZX, R_RM, NONE, M),
	/* B8 */ R(POPCNT, R_RM, NONE, M | SPECIAL), R(UD, NONE, NONE, M), G(8, RM_I, 8, 0), R(BTC, RM_R, NONE, M | LK),
	R(BSF, R_RM, NONE, M | SPECIAL), R(BSR, R_RM, NONE, M | SPECIAL), R(MOVSX, R_RM, NONE, M), R(MOVSX, R_RM, NONE, M),
	/* C0 */ R(XADD, RM_R, NONE, M | B | LK), R(XADD, RM_R, NONE, M | LK), SI(P_ALL, 0), { OP_MOV, FORM_RM_R, IMM_NONE, P_N, M | MEM | SPECIAL },
	SI(P_N66, 0), SI(P_N66, REG), SI(P_N66, 0), G(9, NONE, NONE, 0),
	/* C8 */ EIGHT(R(BSWAP, O, NONE, 0)),
	/* D0 */ S(P_66 | P_F2), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), SF(14, SPECIAL), SF(P_N66, REG),
	/* D8 */ EIGHT(S(P_N66)),
	/* E0 */ S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(14), SF(P_N66, MEM),
	/* E8 */ EIGHT(S(P_N66)),
	/* F0 */ SF(P_F2, MEM), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), SF(P_N66, REG),
	/* F8 */ S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), S(P_N66), R(UD, NONE, NONE, M),
};

/* Runs of opcodes with the same prefixes. */
struct run {
	uint8_t first, last, prefixes;
};

static uint8_t find_run(const struct run *runs, size_t count, uint8_t opcode)
{
	for (size_t i = 0; i < count; i++)
		if (opcode >= runs[i].first && opcode <= runs[i].last)
			return runs[i].prefixes;
	return 0;
}

uint8_t decode_0f38_prefixes(uint8_t opcode)
{
	static const struct run runs[] = {
		{ 0x00, 0x0b, P_N66 }, { 0x10, 0x10, P_66 }, { 0x14, 0x15, P_66 }, { 0x17, 0x17, P_66 },
		{ 0x1c, 0x1e, P_N66 }, { 0x20, 0x25, P_66 }, { 0x28, 0x2b, P_66 }, { 0x30, 0x35, P_66 },
		{ 0x37, 0x41, P_66 }, { 0x80, 0x82, P_66 }, { 0xc8, 0xcd, P_N }, { 0xcf, 0xcf, P_66 },
		{ 0xdb, 0xdf, P_66 }, { 0xf0, 0xf1, P_N66 | P_F2 }, { 0xf6, 0xf6, P_66 | P_F3 },
		{ 0xf8, 0xf8, P_66 }, { 0xf9, 0xf9, P_N },
	};

	return find_run(runs, ARRAY_LEN(runs), opcode);
}

uint8_t decode_0f3a_prefixes(uint8_t opcode)
{
	static const struct run runs[] = {
		{ 0x08, 0x0e, P_66 }, { 0x0f, 0x0f, P_N66 }, { 0x14, 0x17, P_66 }, { 0x20, 0x22, P_66 },
		{ 0x40, 0x42, P_66 }, { 0x44, 0x44, P_66 }, { 0x60, 0x63, P_66 }, { 0xcc, 0xcc, P_N },
		{ 0xce, 0xcf, P_66 }, { 0xdf, 0xdf, P_66 },
	};

	return find_run(runs, ARRAY_LEN(runs), opcode);
}

/* Opcodes of map 0F marked SPECIAL with prefixes. */
bool decode_sse_operand(uint8_t opcode, unsigned int pp, bool memory)
{
	switch (opcode) {
	case 0x12: case 0x16:	/* with 66 MOVLPD, MOVHPD: memory only; without any, registers are MOVHLPS, MOVLHPS */
		return memory || pp != PP_66;
	case 0xd6:	/* MOVQ; MOVQ2DQ and MOVDQ2Q are between registers */
		return pp == PP_66 || !memory;
	default:
		return true;
	}
}

/* SDM, "Escape Opcode Instructions": what is left open there is #UD. Aliases that every x87 has executed are not. */
bool decode_x87(uint8_t opcode, uint8_t modrm)
{
	unsigned int reg = modrm >> 3 & 7;

	if (modrm < 0xc0)
		return !(opcode == 0xd9 && reg == 1) && !(opcode == 0xdb && (reg == 4 || reg == 6)) &&
		       !(opcode == 0xdd && reg == 5);
	switch (opcode) {
	case 0xd9:
		return !(modrm >= 0xd1 && modrm <= 0xd7) && modrm != 0xe2 && modrm != 0xe3 && modrm != 0xe6 && modrm != 0xe7 &&
		       modrm != 0xef;
	case 0xda:
		return modrm < 0xe0 || modrm == 0xe9;
	case 0xdb:
		return modrm < 0xe5 || (modrm >= 0xe8 && modrm < 0xf8);
	case 0xdd:
		return modrm < 0xf0;
	case 0xde:
		return modrm < 0xd8 || modrm == 0xd9 || modrm >= 0xe0;
	case 0xdf:
		return modrm <= 0xe0 || (modrm >= 0xe8 && modrm < 0xf8);
	default:
		return true;
	}
}

#define WRITES 0x80u

void decode_x87_memory(struct insn *i)
{
	/* By opcode from D8 on and ModR/M's reg. SDM, "x87 Instructions": the operands' sizes; 0 = an environment, or nothing. */
	static const uint8_t bytes[8][8] = {
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 0, 4 | WRITES, 4 | WRITES, 0, 2, 0, 2 | WRITES },
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 4 | WRITES, 4 | WRITES, 4 | WRITES, 0, 10, 0, 10 | WRITES },
		{ 8, 8, 8, 8, 8, 8, 8, 8 },
		{ 8, 8 | WRITES, 8 | WRITES, 8 | WRITES, 0, 0, 0, 2 | WRITES },
		{ 2, 2, 2, 2, 2, 2, 2, 2 },
		{ 2, 2 | WRITES, 2 | WRITES, 2 | WRITES, 10, 8, 10 | WRITES, 8 | WRITES },
	};
	uint8_t found = bytes[i->opcode & 7][i->reg & 7];

	if (found == 0)
		return;
	i->op = found & WRITES ? OP_X87_STORE : OP_X87_LOAD;
	i->width = (uint8_t)(found & ~WRITES);
}
