/* A small decoder: the moves with which programs touch memory that may not be there. */
/* Part: interpreter/; SDM, "Instruction Format" and "ModR/M and SIB Bytes". */
#include "vmm/interpreter/mov.h"

struct stream {
	const uint8_t *code;
	size_t room, at;
	bool short_of;
	unsigned int bits;
	bool operand_prefix, address_prefix;
	uint8_t rex;
	int8_t seg;	/* override, -1 = none */
	bool rep;
};

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

static uint64_t take(struct stream *s, unsigned int bytes)
{
	uint64_t v = 0;

	if (s->room - s->at < bytes) {
		s->short_of = true;
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

/* Returns the first byte that is no prefix. */
static uint8_t take_prefixes(struct stream *s)
{
	static const struct { uint8_t byte, seg; } overrides[] = {
		{ 0x26, SEG_ES }, { 0x2e, SEG_CS }, { 0x36, SEG_SS }, { 0x3e, SEG_DS }, { 0x64, SEG_FS }, { 0x65, SEG_GS },
	};

	for (;;) {
		uint8_t b = (uint8_t)take(s, 1);
		bool prefix = b == 0x66 || b == 0x67 || b == 0xf2 || b == 0xf3;

		s->operand_prefix |= b == 0x66;
		s->address_prefix |= b == 0x67;
		s->rep |= b == 0xf2 || b == 0xf3;
		for (size_t i = 0; i < ARRAY_LEN(overrides); i++)
			if (overrides[i].byte == b) {
				/* in 64-bit code only FS and GS override; the others are there and mean nothing */
				if (s->bits != 64 || overrides[i].seg >= SEG_FS)
					s->seg = (int8_t)overrides[i].seg;
				prefix = true;
			}
		if (prefix) {
			s->rex = 0;	/* REX counts only right before the opcode */
		} else if (s->bits == 64 && (b & 0xf0) == 0x40) {
			s->rex = b;
		} else {
			return b;
		}
		if (s->short_of)
			return 0;
	}
}

static uint8_t operand_width(const struct stream *s)
{
	if (s->rex & REX_W)
		return 8;
	return (s->bits == 16) != s->operand_prefix ? 2 : 4;
}

static uint8_t address_width(const struct stream *s)
{
	if (s->bits == 64)
		return s->address_prefix ? 4 : 8;
	return (s->bits == 16) != s->address_prefix ? 2 : 4;
}

static void address_16(struct stream *s, struct mov *m, unsigned int mod, unsigned int rm)
{
	static const int8_t bases[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const int8_t indexes[8] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };

	m->base = bases[rm];
	m->index = indexes[rm];
	if (mod == 0 && rm == 6) {
		m->base = -1;
		m->displacement = take_signed(s, 2);
	} else if (mod == 1) {
		m->displacement = take_signed(s, 1);
	} else if (mod == 2) {
		m->displacement = take_signed(s, 2);
	}
	m->seg = m->base == RBP ? SEG_SS : SEG_DS;
}

static void address_32(struct stream *s, struct mov *m, unsigned int mod, unsigned int rm)
{
	unsigned int base = rm | (s->rex & REX_B ? 8u : 0);

	m->base = (int8_t)base;
	if (rm == 4) {
		uint8_t sib = (uint8_t)take(s, 1);
		unsigned int index = (sib >> 3 & 7u) | (s->rex & REX_X ? 8u : 0);

		m->scale = (uint8_t)(1u << (sib >> 6));
		m->index = index == 4 ? -1 : (int8_t)index;
		m->base = (int8_t)((sib & 7) | (s->rex & REX_B ? 8u : 0));
		if ((sib & 7) == 5 && mod == 0) {
			m->base = -1;
			m->displacement = take_signed(s, 4);
		}
	} else if (rm == 5 && mod == 0) {
		m->base = -1;
		m->rip_relative = s->bits == 64;
		m->displacement = take_signed(s, 4);
	}
	m->seg = m->base == RSP || m->base == RBP ? SEG_SS : SEG_DS;
	if (mod == 1)
		m->displacement = take_signed(s, 1);
	else if (mod == 2)
		m->displacement = take_signed(s, 4);
}

/* Returns ModR/M's reg field extended; *memory false = a register operand, which touches no memory. */
static unsigned int take_modrm(struct stream *s, struct mov *m, bool *memory)
{
	uint8_t modrm = (uint8_t)take(s, 1);
	unsigned int mod = modrm >> 6, rm = modrm & 7;

	*memory = mod != 3;
	if (*memory) {
		if (m->address_width == 2)
			address_16(s, m, mod, rm);
		else
			address_32(s, m, mod, rm);
	}
	return (modrm >> 3 & 7u) | (s->rex & REX_R ? 8u : 0);
}

static void name_register(const struct stream *s, struct mov *m, unsigned int reg, unsigned int width)
{
	m->gpr = (uint8_t)reg;
	if (width == 1 && s->rex == 0 && reg >= 4 && reg <= 7) {
		m->gpr = (uint8_t)(reg - 4);
		m->high_byte = true;
	}
}

static bool decode_two_byte(struct stream *s, struct mov *m)
{
	uint8_t op = (uint8_t)take(s, 1);
	bool memory;

	if (op != 0xb6 && op != 0xb7 && op != 0xbe && op != 0xbf)
		return false;
	m->kind = MOV_LOAD;
	m->width = op & 1 ? 2 : 1;
	m->to_width = operand_width(s);
	m->sign = op >= 0xbe;
	m->gpr = (uint8_t)take_modrm(s, m, &memory);
	return memory;
}

static bool decode_immediate(struct stream *s, struct mov *m)
{
	unsigned int reg;
	bool memory;

	m->kind = MOV_STORE_IMMEDIATE;
	reg = take_modrm(s, m, &memory) & 7;
	m->immediate = (uint64_t)take_signed(s, m->width == 8 ? 4 : m->width);
	return memory && reg == 0;
}

static bool decode_opcode(struct stream *s, struct mov *m, uint8_t op)
{
	bool memory = true;
	unsigned int reg;

	m->width = op & 1 ? operand_width(s) : 1;
	m->to_width = m->width;
	switch (op) {
	case 0x0f:
		return decode_two_byte(s, m);
	case 0x88: case 0x89: case 0x8a: case 0x8b:
		m->kind = op & 2 ? MOV_LOAD : MOV_STORE;
		reg = take_modrm(s, m, &memory);
		name_register(s, m, reg, m->width);
		return memory;
	case 0xa0: case 0xa1: case 0xa2: case 0xa3:
		m->kind = op & 2 ? MOV_STORE : MOV_LOAD;
		m->gpr = RAX;
		m->displacement = (int64_t)take(s, m->address_width);
		return true;
	case 0xaa: case 0xab:
		m->kind = MOV_STRING_STORE;
		m->base = RDI;
		m->gpr = RAX;
		m->seg = SEG_ES;
		m->rep = s->rep;
		return true;
	case 0xc6: case 0xc7:
		return decode_immediate(s, m);
	default:
		return false;
	}
}

bool mov_decode(const uint8_t *code, size_t room, unsigned int code_bits, struct mov *m)
{
	struct stream s = { .code = code, .room = room, .bits = code_bits, .seg = -1 };
	uint8_t op = take_prefixes(&s);

	*m = (struct mov){ .base = -1, .index = -1, .scale = 1, .seg = SEG_DS, .address_width = address_width(&s) };
	if (s.short_of || !decode_opcode(&s, m, op) || s.short_of || s.at > 15)
		return false;
	if (s.seg >= 0 && m->kind != MOV_STRING_STORE)
		m->seg = (uint8_t)s.seg;
	m->length = (uint8_t)s.at;
	return true;
}
