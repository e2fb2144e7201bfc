/* The decoder: prefixes, opcode, ModR/M, displacement, immediate, in the order in which they stand. */
/* Part: interpreter/; pure. SDM volume 2, "Instruction Format", and for VEX "AVX Instruction Format". */
#include "vmm/interpreter/decode.h"

struct stream {
	const uint8_t *code;
	size_t room, at;
	bool failed;
	enum decode_result why;	/* when failed */
	bool address_prefix;
	int8_t seg;	/* override, -1 = none */
};

static void fail(struct stream *s, enum decode_result why)
{
	if (!s->failed)
		s->why = why;
	s->failed = true;
}

static uint64_t take(struct stream *s, unsigned int bytes)
{
	uint64_t v = 0;

	if (s->at + bytes > INSN_MAX) {
		fail(s, DECODE_LONG);
		return 0;
	}
	if (s->room - s->at < bytes) {
		fail(s, DECODE_SHORT);
		return 0;
	}
	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)s->code[s->at++] << 8 * i;
	return v;
}

static int64_t take_signed(struct stream *s, unsigned int bytes)
{
	unsigned int unused = 64 - 8 * bytes;

	return (int64_t)(take(s, bytes) << unused) >> unused;
}

/* The byte after the ones taken, without taking it. */
static uint8_t peek(struct stream *s)
{
	uint8_t b = (uint8_t)take(s, 1);

	if (!s->failed)
		s->at--;
	return b;
}

/* Is the byte a prefix other than REX? */
static bool take_prefix(struct stream *s, struct insn *i, uint8_t b)
{
	switch (b) {
	case 0x66: i->operand_prefix = true; return true;
	case 0x67: s->address_prefix = true; return true;
	case 0xf0: i->lock = true; return true;
	case 0xf2: case 0xf3: i->rep = b; return true;
	case 0x64: s->seg = SEG_FS; return true;
	case 0x65: s->seg = SEG_GS; return true;
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		/* in 64-bit code these are there and mean nothing: SDM, "Segment Registers in 64-Bit Mode" */
		if (i->bits != 64)
			s->seg = (int8_t)(b >> 3 & 3);
		return true;
	default:
		return false;
	}
}

/* Returns the first byte that is no prefix. REX counts only right before the opcode. */
static uint8_t take_prefixes(struct stream *s, struct insn *i)
{
	for (;;) {
		uint8_t b = (uint8_t)take(s, 1);

		if (s->failed)
			return 0;
		if (take_prefix(s, i, b))
			i->rex = 0;
		else if (i->bits == 64 && (b & 0xf0) == 0x40)
			i->rex = b;
		else
			return b;
	}
}

static void set_sizes(const struct stream *s, struct insn *i, uint16_t flags)
{
	if (i->bits == 64) {
		i->address_size = s->address_prefix ? 4 : 8;
		if ((i->rex & REX_W) || (flags & ROW_F64))
			i->operand_size = 8;
		else
			i->operand_size = i->operand_prefix ? 2 : flags & ROW_D64 ? 8 : 4;
	} else {
		i->address_size = (i->bits == 16) != s->address_prefix ? 2 : 4;
		i->operand_size = (i->bits == 16) != i->operand_prefix ? 2 : 4;
	}
	i->width = flags & ROW_BYTE ? 1 : i->operand_size;
}

static void address_16(struct stream *s, struct insn *i)
{
	static const int8_t bases[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const int8_t indexes[8] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };

	i->base = bases[i->rm];
	i->index = indexes[i->rm];
	if (i->mod == 0 && i->rm == 6) {
		i->base = -1;
		i->disp = take_signed(s, 2);
	} else if (i->mod != 0) {
		i->disp = take_signed(s, i->mod);
	}
	i->seg = i->base == RBP ? SEG_SS : SEG_DS;
}

static void address_32(struct stream *s, struct insn *i)
{
	unsigned int rm = i->rm & 7, extend_base = i->rex & REX_B ? 8 : 0;

	i->base = (int8_t)(rm | extend_base);
	if (rm == 4) {
		uint8_t sib = (uint8_t)take(s, 1);
		unsigned int index = (sib >> 3 & 7u) | (i->rex & REX_X ? 8u : 0);

		i->scale = (uint8_t)(1u << (sib >> 6));
		i->index = index == 4 ? -1 : (int8_t)index;
		i->base = (int8_t)((sib & 7u) | extend_base);
		rm = sib & 7;
		if (rm == 5 && i->mod == 0)
			i->base = -1;
	} else if (rm == 5 && i->mod == 0) {
		i->base = -1;
		i->rip_relative = i->bits == 64;
	}
	if (i->mod == 1)
		i->disp = take_signed(s, 1);
	else if (i->mod == 2 || (rm == 5 && i->mod == 0))
		i->disp = take_signed(s, 4);
	i->seg = i->base == RSP || i->base == RBP ? SEG_SS : SEG_DS;
}

static void take_modrm(struct stream *s, struct insn *i, uint16_t flags)
{
	uint8_t modrm = (uint8_t)take(s, 1);

	i->modrm = true;
	i->mod = flags & ROW_MOD3 ? 3 : modrm >> 6;
	i->reg = (uint8_t)((modrm >> 3 & 7u) | (i->rex & REX_R ? 8u : 0));
	i->rm = modrm & 7;
	i->memory = i->mod != 3;
	if (!i->memory)
		i->rm |= i->rex & REX_B ? 8 : 0;
	else if (i->address_size == 2)
		address_16(s, i);
	else
		address_32(s, i);
	if (s->seg >= 0)
		i->seg = (uint8_t)s->seg;
}

static void take_immediate(struct stream *s, struct insn *i, unsigned int kind)
{
	unsigned int z = i->operand_size == 2 ? 2 : 4;

	switch (kind) {
	case IMM_8: case IMM_REL8: i->imm = (uint64_t)take_signed(s, 1); break;
	case IMM_16: i->imm = take(s, 2); break;
	case IMM_Z: case IMM_RELZ: i->imm = (uint64_t)take_signed(s, z); break;
	case IMM_V: i->imm = take(s, i->operand_size); break;
	case IMM_MOFFS:
		i->disp = (int64_t)take(s, i->address_size);
		i->memory = true;
		break;
	case IMM_FAR:
		i->imm = take(s, z);
		i->imm2 = (uint16_t)take(s, 2);
		break;
	case IMM_ENTER:
		i->imm = take(s, 2);
		i->imm2 = (uint16_t)take(s, 1);
		break;
	default: break;
	}
}

static void set_mandatory(struct insn *i)
{
	i->pp = i->rep == 0xf3 ? PP_F3 : i->rep == 0xf2 ? PP_F2 : i->operand_prefix ? PP_66 : PP_NONE;
}

/* 0F 01 between registers: each ModR/M byte is an instruction of its own. AMD's are none here. */
static bool group_7(struct insn *i)
{
	unsigned int rm = i->rm & 7;

	if (i->memory) {
		if ((i->reg & 7) < 4)
			i->op = (uint8_t)(OP_SGDT + (i->reg & 7));
		return (i->reg & 7) != 5 || i->rep == 0xf3;	/* RSTORSSP */
	}
	switch (i->reg & 7) {
	case 0: return rm <= 5;			/* ENCLV, VMCALL .. VMXOFF, PCONFIG */
	case 1: return rm <= 3 || rm == 7;	/* MONITOR, MWAIT, CLAC, STAC, ENCLS */
	case 2: return rm <= 1 || rm >= 4;	/* XGETBV, XSETBV, VMFUNC, XEND, XTEST, ENCLU */
	case 5: return i->pp == PP_F3 ? rm == 0 || rm == 2 : rm >= 6;	/* SETSSBSY, SAVEPREVSSP, RDPKRU, WRPKRU */
	case 7: return (rm == 0 && i->bits == 64) || rm == 1;	/* SWAPGS, RDTSCP */
	default: return false;
	}
}

static bool group_9(const struct insn *i)
{
	switch (i->reg & 7) {
	case 1: return true;
	case 6: return i->memory ? i->pp != PP_F2 : i->pp == PP_NONE || i->pp == PP_66;
	case 7: return i->memory ? i->pp == PP_NONE : i->pp != PP_F2;
	default: return i->pp == PP_NONE;
	}
}

static bool group_15(struct insn *i)
{
	unsigned int reg = i->reg & 7;

	if (!i->memory) {
		if (i->pp == PP_F3)
			return reg < 4 ? i->bits == 64 : reg <= 6;	/* RDFSBASE .. WRGSBASE, PTWRITE, INCSSP, UMONITOR */
		if (i->pp != PP_NONE)
			return reg == 6;	/* TPAUSE, UMWAIT */
		i->op = reg >= 5 ? OP_NOP : OP_NONE;	/* fences */
		return reg >= 5;
	}
	if (reg >= 6)
		i->op = i->pp == PP_66 || (i->pp == PP_NONE && reg == 7) ? OP_NOP : OP_NONE;	/* CLWB, CLFLUSH, CLFLUSHOPT */
	switch (i->pp) {
	case PP_NONE: return true;
	case PP_66: return reg >= 6;
	case PP_F3: return reg == 4 || reg == 6;	/* PTWRITE, CLRSSBSY */
	default: return false;
	}
}

static bool mov_cr(const struct insn *i)
{
	if (i->opcode & 1)
		return i->reg < 8;
	return i->reg == 0 || (i->reg >= 2 && i->reg <= 4) || i->reg == 8;
}

/* What the tables leave to code: false = no such instruction. */
static bool special_0f(struct insn *i)
{
	switch (i->opcode) {
	case 0x01: return group_7(i);
	case 0x12: case 0x16: case 0xd6: return decode_sse_operand(i->opcode, i->pp, i->memory);
	case 0x20: case 0x21: case 0x22: case 0x23: return mov_cr(i);
	case 0xb8: return i->rep == 0xf3;	/* JMPE is Itanium's */
	case 0xbc: case 0xbd:
		if (i->rep == 0xf3)
			i->op = i->opcode == 0xbc ? OP_TZCNT : OP_LZCNT;
		return true;
	case 0xc3:	/* MOVNTI: no 16-bit form */
		i->width = i->operand_size == 8 ? 8 : 4;
		return true;
	case 0xae: return group_15(i);
	case 0xc7: return group_9(i);
	default: return true;
	}
}

static bool special_one(struct insn *i, uint16_t *flags)
{
	switch (i->opcode) {
	case 0x63:	/* MOVSXD; outside 64-bit mode ARPL */
		if (i->bits != 64)
			i->op = OP_ARPL;
		if (i->bits == 64) {
			i->op = OP_MOVSX;
			i->form = FORM_R_RM;
			i->from_width = i->operand_size == 2 ? 2 : 4;
		}
		return true;
	case 0x80: case 0x81: case 0x82: case 0x83:
		i->op = (uint8_t)(OP_ADD + (i->reg & 7));
		if (i->op != OP_CMP)
			*flags |= ROW_LOCK;
		return true;
	case 0x8c: return (i->reg & 7) <= SEG_GS;
	case 0x8e: return (i->reg & 7) <= SEG_GS && (i->reg & 7) != SEG_CS;
	case 0x90:
		if (i->rex & REX_B) {
			i->op = OP_XCHG;
			i->form = FORM_A_O;
		}
		return true;
	case 0xc6: case 0xc7:	/* XABORT, XBEGIN */
		return (i->reg & 7) == 0 || (!i->memory && (i->rm & 7) == 0);
	default:
		if (i->memory)
			decode_x87_memory(i);
		return decode_x87(i->opcode, (uint8_t)((i->mod << 6) | ((i->reg & 7) << 3) | (i->rm & 7)));
	}
}

static void apply_row(struct insn *i, const struct opcode_row *row, uint16_t flags)
{
	i->op = row->op;
	i->form = row->form;
	if (flags & ROW_GROUP)
		i->op = OP_NONE;
	/* ports are doublewords at most: SDM, "IN", "INS" */
	if (i->op >= OP_INS && i->op <= OP_OUT && i->width == 8)
		i->width = 4;
}

/* From the row of the opcode to the end of the instruction. */
static enum decode_result decode_row(struct stream *s, struct insn *i, const struct opcode_row *row)
{
	uint16_t flags = row->flags;
	unsigned int imm = row->imm, pp = row->pp;

	set_sizes(s, i, flags);
	apply_row(i, row, flags);
	i->seg = (uint8_t)(s->seg >= 0 ? s->seg : SEG_DS);
	if (flags & ROW_MODRM)
		take_modrm(s, i, flags);
	if (s->failed)
		return s->why;
	if (flags & ROW_GROUP) {
		const struct opcode_row *in_group = &decode_groups[row->op][i->reg & 7];

		flags |= in_group->flags;
		i->op = in_group->op;
		i->form = in_group->form != FORM_NONE ? in_group->form : i->form;
		imm = in_group->imm != IMM_NONE ? in_group->imm : imm;
		pp = pp != 0 && in_group->pp != 0 ? in_group->pp : pp;
		set_sizes(s, i, flags);
	}
	if (flags & ROW_BAD)
		return DECODE_UD;
	take_immediate(s, i, imm);
	if (s->failed)
		return s->why;
	set_mandatory(i);
	if ((flags & ROW_SPECIAL) && !(i->map == MAP_ONE ? special_one(i, &flags) : special_0f(i)))
		return DECODE_UD;
	if (pp != 0 && !(pp >> i->pp & 1))
		return DECODE_UD;
	if ((flags & ROW_NO64 && i->bits == 64) || (flags & ROW_ONLY64 && i->bits != 64) ||
	    (flags & ROW_MEM && !i->memory) || (flags & ROW_REG && i->memory))
		return DECODE_UD;
	if (i->lock && !((flags & ROW_LOCK) && i->memory))
		return DECODE_UD;
	return DECODE_OK;
}

bool decode_vector_immediate(unsigned int map, uint8_t opcode)
{
	return map == MAP_0F3A || (map == MAP_0F && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
						     (opcode >= 0xc4 && opcode <= 0xc6)));
}

static void decode_vector(struct insn *i)
{
	decode_vector_move(i);
	if (i->op == OP_NONE)
		decode_direct(i);
}

static enum decode_result decode_three_byte(struct stream *s, struct insn *i, uint8_t map)
{
	struct opcode_row row = { .flags = ROW_MODRM };
	enum decode_result r;

	i->map = map;
	i->opcode = (uint8_t)take(s, 1);
	row.pp = map == MAP_0F38 ? decode_0f38_prefixes(i->opcode) : decode_0f3a_prefixes(i->opcode);
	row.imm = map == MAP_0F3A ? IMM_8 : IMM_NONE;
	if (s->failed)
		return s->why;
	if (row.pp == 0)
		return DECODE_UD;
	if (map == MAP_0F38 && ((i->opcode & 0xfe) == 0xf0) && i->rep == 0) {
		row.op = OP_MOVBE;
		row.form = i->opcode & 1 ? FORM_RM_R : FORM_R_RM;
		row.flags |= ROW_MEM;
	}
	if (map == MAP_0F38 && (i->opcode == 0x2a || (i->opcode & 0xfc) == 0x80 || (i->opcode & 0xfe) == 0xf8))
		row.flags |= ROW_MEM;
	r = decode_row(s, i, &row);
	if (r == DECODE_OK && i->op == OP_NONE)
		decode_vector(i);
	return r;
}

static enum decode_result decode_two_byte(struct stream *s, struct insn *i)
{
	const struct opcode_row *row;
	enum decode_result r;

	i->map = MAP_0F;
	i->opcode = (uint8_t)take(s, 1);
	if (s->failed)
		return s->why;
	if (i->opcode == 0x38 || i->opcode == 0x3a)
		return decode_three_byte(s, i, i->opcode == 0x38 ? MAP_0F38 : MAP_0F3A);
	row = &decode_0f[i->opcode];
	r = decode_row(s, i, row);
	if (r != DECODE_OK)
		return r;
	if ((i->opcode & 0xf6) == 0xb6)	/* MOVZX, MOVSX */
		i->from_width = i->opcode & 1 ? 2 : 1;
	if (i->op == OP_NONE)
		decode_vector(i);
	return DECODE_OK;
}

/* Behind VEX, EVEX: opcode, ModR/M, and an immediate for those opcodes that have one. Validity is not looked at further. */
static enum decode_result decode_vex_rest(struct stream *s, struct insn *i)
{
	i->operand_prefix = i->pp == PP_66;
	set_sizes(s, i, 0);
	i->opcode = (uint8_t)take(s, 1);
	if (!(i->map == MAP_0F && i->opcode == 0x77 && !i->evex))	/* VZEROUPPER */
		take_modrm(s, i, 0);
	take_immediate(s, i, decode_vector_immediate(i->map, i->opcode) ? IMM_8 : IMM_NONE);
	if (s->failed)
		return s->why;
	if (!i->evex)
		decode_vector(i);
	return DECODE_OK;
}

/* SDM, "The VEX Prefix": two or three bytes, the register bits inverted. */
static enum decode_result decode_vex(struct stream *s, struct insn *i, unsigned int bytes)
{
	uint8_t first = (uint8_t)take(s, 1), last = bytes == 3 ? (uint8_t)take(s, 1) : first;
	unsigned int map = bytes == 3 ? first & 31 : 1;

	if (s->failed)
		return s->why;
	if (i->rex != 0 || i->lock || i->rep != 0 || i->operand_prefix || map < 1 || map > 3)
		return DECODE_UD;
	i->vex = true;
	i->map = (uint8_t)map;
	if (i->bits == 64) {
		i->rex = 0x40 | (first & 0x80 ? 0 : REX_R);
		if (bytes == 3)
			i->rex |= (uint8_t)((first & 0x40 ? 0 : REX_X) | (first & 0x20 ? 0 : REX_B) | (last & 0x80 ? REX_W : 0));
	}
	i->w = bytes == 3 && (last & 0x80);
	i->vvvv = (uint8_t)(~last >> 3 & (i->bits == 64 ? 15 : 7));
	i->vector = last & 4 ? 32 : 16;
	i->pp = last & 3;
	return decode_vex_rest(s, i);
}

/* SDM, "Instruction Format and EVEX": only its length is of interest, since nothing of it is executed here. */
static enum decode_result decode_evex(struct stream *s, struct insn *i)
{
	uint8_t p0 = (uint8_t)take(s, 1), p1 = (uint8_t)take(s, 1), p2 = (uint8_t)take(s, 1);

	if (s->failed)
		return s->why;
	if (i->rex != 0 || i->lock || i->rep != 0 || i->operand_prefix || (p0 & 0x0c) != 0 || (p0 & 3) == 0 || !(p1 & 4))
		return DECODE_UD;
	i->vex = i->evex = true;
	i->map = p0 & 3;
	i->pp = p1 & 3;
	i->vector = (uint8_t)(16u << (p2 >> 5 & 3));
	if (i->bits == 64)
		i->rex = (uint8_t)(0x40 | (p0 & 0x80 ? 0 : REX_R) | (p0 & 0x40 ? 0 : REX_X) | (p0 & 0x20 ? 0 : REX_B) |
				   (p1 & 0x80 ? REX_W : 0));
	return decode_vex_rest(s, i);
}

/* C4, C5 and 62 are LES, LDS and BOUND outside 64-bit mode, unless what follows would name a register. */
static bool is_escape(struct stream *s, const struct insn *i)
{
	return i->bits == 64 || peek(s) >= 0xc0;
}

enum decode_result decode_insn(const uint8_t *code, size_t room, unsigned int bits, struct insn *i)
{
	struct stream s = { .code = code, .room = room, .seg = -1 };
	enum decode_result r;

	*i = (struct insn){ .base = -1, .index = -1, .scale = 1, .bits = (uint8_t)bits };
	i->opcode = take_prefixes(&s, i);
	set_sizes(&s, i, 0);
	if (s.failed)
		r = s.why;
	else if (i->opcode == 0x0f)
		r = decode_two_byte(&s, i);
	else if ((i->opcode & 0xfe) == 0xc4 && is_escape(&s, i))
		r = decode_vex(&s, i, i->opcode == 0xc4 ? 3 : 2);
	else if (i->opcode == 0x62 && is_escape(&s, i))
		r = decode_evex(&s, i);
	else
		r = decode_row(&s, i, &decode_one[i->opcode]);
	i->length = (uint8_t)s.at;
	return r;
}
