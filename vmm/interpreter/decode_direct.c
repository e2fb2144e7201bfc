/* MMX, SSE, AVX, BMI and their kin with an operand in memory, but for moves: how wide it is, and what it works with. */
/* Part: interpreter/; pure. The processor executes these itself (execute_direct.c), so their names are of no interest. */
#include "vmm/interpreter/decode.h"

/* Mandatory prefixes, as bits. */
#define P_N (1u << PP_NONE)
#define P_66 (1u << PP_66)
#define P_F3 (1u << PP_F3)
#define P_F2 (1u << PP_F2)
#define P_N66 (P_N | P_66)
#define P_ALL (P_N | P_66 | P_F3 | P_F2)

/* Bytes of memory: up to 16 as they are, or by what the instruction's prefixes say. */
enum {
	W_FULL = 64,	/* the vector's length; 8 for MMX */
	W_HALF, W_QUARTER, W_EIGHTH,	/* of it */
	W_SCALAR,	/* 4 with F3, 8 with F2, else the vector's */
	W_DUP,		/* MOVDDUP: half of 16 bytes, but all of 32 */
	W_GPR,		/* 8 with W in 64-bit code, else 4; elsewhere W means nothing */
	W_BY_W,		/* 8 with W in any code, else 4 */
	W_OPERAND,	/* CRC32: a byte with an even opcode, else as integer instructions have it */
};

#define STORE 0x1u	/* memory is written */
#define VEX 0x2u	/* only with VEX */
#define LEGACY 0x4u	/* only without */
#define M 0x8u		/* without a prefix it is MMX */
#define LOOSE 0x10u	/* 16 bytes of memory may lie anywhere, without VEX too */
#define GPR 0x20u	/* its registers are general ones */
#define TO_GPR 0x40u	/* the one it writes is */
#define MMX 0x80u	/* with any prefix */

struct row { uint8_t first, last, pp, width, flags; };

/* SDM volume 2, "Opcode Map": map 0F. */
static const struct row rows_0f[] = {
	{ 0x12, 0x12, P_F3, W_FULL, 0 }, { 0x12, 0x12, P_F2, W_DUP, 0 }, { 0x16, 0x16, P_F3, W_FULL, 0 },
	{ 0x14, 0x15, P_N66, W_FULL, 0 },
	{ 0x2a, 0x2a, P_N, 8, M | LEGACY }, { 0x2a, 0x2a, P_66, 8, LEGACY }, { 0x2a, 0x2a, P_F3 | P_F2, W_GPR, 0 },
	{ 0x2c, 0x2d, P_N, 8, M | LEGACY }, { 0x2c, 0x2d, P_66, 16, MMX | LEGACY },
	{ 0x2c, 0x2d, P_F3, 4, TO_GPR }, { 0x2c, 0x2d, P_F2, 8, TO_GPR },
	{ 0x2e, 0x2f, P_N, 4, 0 }, { 0x2e, 0x2f, P_66, 8, 0 },
	{ 0x51, 0x51, P_ALL, W_SCALAR, 0 }, { 0x52, 0x53, P_N | P_F3, W_SCALAR, 0 }, { 0x54, 0x57, P_N66, W_FULL, 0 },
	{ 0x58, 0x59, P_ALL, W_SCALAR, 0 }, { 0x5a, 0x5a, P_N, W_HALF, 0 }, { 0x5a, 0x5a, P_66 | P_F3 | P_F2, W_SCALAR, 0 },
	{ 0x5b, 0x5b, P_N66 | P_F3, W_FULL, 0 }, { 0x5c, 0x5f, P_ALL, W_SCALAR, 0 },
	{ 0x60, 0x62, P_N, 4, M }, { 0x60, 0x62, P_66, W_FULL, 0 }, { 0x63, 0x6b, P_N66, W_FULL, M },
	{ 0x6c, 0x6d, P_66, W_FULL, 0 }, { 0x6e, 0x6e, P_N, W_GPR, M }, { 0x6f, 0x6f, P_N, 8, M },
	{ 0x70, 0x70, P_ALL, W_FULL, M }, { 0x74, 0x76, P_N66, W_FULL, M }, { 0x7c, 0x7d, P_66 | P_F2, W_FULL, 0 },
	{ 0x7e, 0x7e, P_N, W_GPR, M | STORE }, { 0x7f, 0x7f, P_N, 8, M | STORE },
	{ 0xc2, 0xc2, P_ALL, W_SCALAR, 0 }, { 0xc4, 0xc4, P_N66, 2, M }, { 0xc6, 0xc6, P_N66, W_FULL, 0 },
	{ 0xd0, 0xd0, P_66 | P_F2, W_FULL, 0 },
	/* shifts: the count has 16 bytes, whatever the vector's length is */
	{ 0xd1, 0xd3, P_N, 8, M }, { 0xd1, 0xd3, P_66, 16, 0 }, { 0xe1, 0xe2, P_N, 8, M }, { 0xe1, 0xe2, P_66, 16, 0 },
	{ 0xf1, 0xf3, P_N, 8, M }, { 0xf1, 0xf3, P_66, 16, 0 },
	{ 0xd4, 0xd5, P_N66, W_FULL, M }, { 0xd8, 0xe0, P_N66, W_FULL, M }, { 0xe3, 0xe5, P_N66, W_FULL, M },
	{ 0xe6, 0xe6, P_66 | P_F2, W_FULL, 0 }, { 0xe6, 0xe6, P_F3, W_HALF, 0 }, { 0xe7, 0xe7, P_N, 8, M | STORE },
	{ 0xe8, 0xef, P_N66, W_FULL, M }, { 0xf4, 0xf6, P_N66, W_FULL, M }, { 0xf8, 0xfe, P_N66, W_FULL, M },
};

static const struct row rows_0f38[] = {
	{ 0x00, 0x0b, P_N66, W_FULL, M }, { 0x0c, 0x0f, P_66, W_FULL, VEX }, { 0x10, 0x10, P_66, W_FULL, LEGACY },
	{ 0x13, 0x13, P_66, W_HALF, VEX }, { 0x14, 0x15, P_66, W_FULL, LEGACY }, { 0x16, 0x16, P_66, W_FULL, VEX },
	{ 0x17, 0x17, P_66, W_FULL, 0 }, { 0x18, 0x18, P_66, 4, VEX }, { 0x19, 0x19, P_66, 8, VEX },
	{ 0x1a, 0x1a, P_66, 16, VEX }, { 0x1c, 0x1e, P_N66, W_FULL, M },
	/* PMOVSX, PMOVZX: from bytes, words, doublewords to wider ones */
	{ 0x20, 0x20, P_66, W_HALF, 0 }, { 0x21, 0x21, P_66, W_QUARTER, 0 }, { 0x22, 0x22, P_66, W_EIGHTH, 0 },
	{ 0x23, 0x23, P_66, W_HALF, 0 }, { 0x24, 0x24, P_66, W_QUARTER, 0 }, { 0x25, 0x25, P_66, W_HALF, 0 },
	{ 0x30, 0x30, P_66, W_HALF, 0 }, { 0x31, 0x31, P_66, W_QUARTER, 0 }, { 0x32, 0x32, P_66, W_EIGHTH, 0 },
	{ 0x33, 0x33, P_66, W_HALF, 0 }, { 0x34, 0x34, P_66, W_QUARTER, 0 }, { 0x35, 0x35, P_66, W_HALF, 0 },
	{ 0x28, 0x29, P_66, W_FULL, 0 }, { 0x2b, 0x2b, P_66, W_FULL, 0 }, { 0x36, 0x36, P_66, W_FULL, VEX },
	{ 0x37, 0x41, P_66, W_FULL, 0 }, { 0x45, 0x47, P_66, W_FULL, VEX },
	{ 0x58, 0x58, P_66, 4, VEX }, { 0x59, 0x59, P_66, 8, VEX }, { 0x5a, 0x5a, P_66, 16, VEX },
	{ 0x78, 0x78, P_66, 1, VEX }, { 0x79, 0x79, P_66, 2, VEX },
	/* FMA: of its odd opcodes those from x9 on are scalar */
	{ 0x96, 0x98, P_66, W_FULL, VEX }, { 0x99, 0x99, P_66, W_BY_W, VEX }, { 0x9a, 0x9a, P_66, W_FULL, VEX },
	{ 0x9b, 0x9b, P_66, W_BY_W, VEX }, { 0x9c, 0x9c, P_66, W_FULL, VEX }, { 0x9d, 0x9d, P_66, W_BY_W, VEX },
	{ 0x9e, 0x9e, P_66, W_FULL, VEX }, { 0x9f, 0x9f, P_66, W_BY_W, VEX },
	{ 0xa6, 0xa8, P_66, W_FULL, VEX }, { 0xa9, 0xa9, P_66, W_BY_W, VEX }, { 0xaa, 0xaa, P_66, W_FULL, VEX },
	{ 0xab, 0xab, P_66, W_BY_W, VEX }, { 0xac, 0xac, P_66, W_FULL, VEX }, { 0xad, 0xad, P_66, W_BY_W, VEX },
	{ 0xae, 0xae, P_66, W_FULL, VEX }, { 0xaf, 0xaf, P_66, W_BY_W, VEX },
	{ 0xb6, 0xb8, P_66, W_FULL, VEX }, { 0xb9, 0xb9, P_66, W_BY_W, VEX }, { 0xba, 0xba, P_66, W_FULL, VEX },
	{ 0xbb, 0xbb, P_66, W_BY_W, VEX }, { 0xbc, 0xbc, P_66, W_FULL, VEX }, { 0xbd, 0xbd, P_66, W_BY_W, VEX },
	{ 0xbe, 0xbe, P_66, W_FULL, VEX }, { 0xbf, 0xbf, P_66, W_BY_W, VEX },
	{ 0xc8, 0xcd, P_N, W_FULL, LEGACY }, { 0xcf, 0xcf, P_66, W_FULL, 0 }, { 0xdb, 0xdf, P_66, W_FULL, 0 },
	{ 0xf0, 0xf1, P_F2, W_OPERAND, LEGACY | GPR }, { 0xf6, 0xf6, P_66 | P_F3, W_GPR, LEGACY | GPR },
	{ 0xf2, 0xf3, P_N, W_GPR, VEX | GPR }, { 0xf5, 0xf5, P_N | P_F3 | P_F2, W_GPR, VEX | GPR },
	{ 0xf6, 0xf6, P_F2, W_GPR, VEX | GPR }, { 0xf7, 0xf7, P_ALL, W_GPR, VEX | GPR },
};

static const struct row rows_0f3a[] = {
	{ 0x00, 0x02, P_66, W_FULL, VEX }, { 0x04, 0x06, P_66, W_FULL, VEX }, { 0x08, 0x09, P_66, W_FULL, 0 },
	{ 0x0a, 0x0a, P_66, 4, 0 }, { 0x0b, 0x0b, P_66, 8, 0 }, { 0x0c, 0x0e, P_66, W_FULL, 0 }, { 0x0f, 0x0f, P_N66, W_FULL, M },
	{ 0x14, 0x14, P_66, 1, STORE }, { 0x15, 0x15, P_66, 2, STORE }, { 0x16, 0x16, P_66, W_GPR, STORE },
	{ 0x17, 0x17, P_66, 4, STORE }, { 0x18, 0x18, P_66, 16, VEX }, { 0x19, 0x19, P_66, 16, VEX | STORE },
	{ 0x1d, 0x1d, P_66, W_HALF, VEX | STORE }, { 0x20, 0x20, P_66, 1, 0 }, { 0x21, 0x21, P_66, 4, 0 },
	{ 0x22, 0x22, P_66, W_GPR, 0 }, { 0x38, 0x38, P_66, 16, VEX }, { 0x39, 0x39, P_66, 16, VEX | STORE },
	{ 0x40, 0x42, P_66, W_FULL, 0 }, { 0x44, 0x44, P_66, W_FULL, 0 }, { 0x46, 0x46, P_66, W_FULL, VEX },
	{ 0x4a, 0x4c, P_66, W_FULL, VEX }, { 0x60, 0x63, P_66, W_FULL, LOOSE }, { 0xcc, 0xcc, P_N, W_FULL, LEGACY },
	{ 0xce, 0xcf, P_66, W_FULL, 0 }, { 0xdf, 0xdf, P_66, W_FULL, 0 }, { 0xf0, 0xf0, P_F2, W_GPR, VEX | GPR },
};

static bool is_mmx(const struct insn *i, const struct row *r)
{
	return (r->flags & MMX) || ((r->flags & M) && i->pp == PP_NONE);
}

static const struct row *find(const struct insn *i)
{
	const struct row *rows = i->map == MAP_0F ? rows_0f : i->map == MAP_0F38 ? rows_0f38 : rows_0f3a;
	size_t count = i->map == MAP_0F ? ARRAY_LEN(rows_0f) : i->map == MAP_0F38 ? ARRAY_LEN(rows_0f38) : ARRAY_LEN(rows_0f3a);

	for (size_t n = 0; n < count; n++) {
		const struct row *r = &rows[n];

		if (i->opcode >= r->first && i->opcode <= r->last && (r->pp >> i->pp & 1) &&
		    !(r->flags & (i->vex ? LEGACY : VEX)) && !(i->vex && is_mmx(i, r)))
			return r;
	}
	return NULL;
}

static uint8_t bytes(const struct insn *i, unsigned int width)
{
	unsigned int vector = i->vex ? i->vector : i->direct == DIRECT_MMX ? 8 : 16;

	switch (width) {
	case W_FULL: return (uint8_t)vector;
	case W_HALF: return (uint8_t)(vector / 2);
	case W_QUARTER: return (uint8_t)(vector / 4);
	case W_EIGHTH: return (uint8_t)(vector / 8);
	case W_SCALAR: return (uint8_t)(i->pp == PP_F3 ? 4 : i->pp == PP_F2 ? 8 : vector);
	case W_DUP: return (uint8_t)(vector == 16 ? 8 : vector);
	case W_GPR: case W_BY_W: return i->w ? 8 : 4;
	case W_OPERAND: return i->opcode & 1 ? i->operand_size : 1;
	default: return (uint8_t)width;
	}
}

/* LDMXCSR, STMXCSR and their VEX forms: of group 15. */
static bool control(struct insn *i)
{
	unsigned int reg = i->reg & 7;

	if (i->map != MAP_0F || i->opcode != 0xae || i->pp != PP_NONE || (reg != 2 && reg != 3))
		return false;
	i->op = reg == 2 ? OP_DIRECT_LOAD : OP_DIRECT_STORE;
	i->direct = DIRECT_CONTROL;
	i->width = 4;
	return true;
}

void decode_direct(struct insn *i)
{
	const struct row *r;

	if (!i->memory || i->map == MAP_ONE || control(i))
		return;
	r = find(i);
	if (r == NULL)
		return;
	i->op = r->flags & STORE ? OP_DIRECT_STORE : OP_DIRECT_LOAD;
	i->direct = is_mmx(i, r) ? DIRECT_MMX : r->flags & GPR ? DIRECT_GPR : r->flags & TO_GPR ? DIRECT_TO_GPR : DIRECT_VECTOR;
	if (!i->vex)
		i->w = (i->rex & REX_W) != 0;
	if (i->bits != 64 && (r->width == W_GPR || r->width == W_OPERAND || i->direct == DIRECT_TO_GPR))
		i->w = false;
	i->width = bytes(i, r->width);
	i->aligned = i->width == 16 && !i->vex && !(r->flags & LOOSE);
}
