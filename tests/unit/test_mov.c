/* Tests the decoder of moves against Capstone, on millions of instructions of all three code sizes.
 * Part: unit tests, on the host; Capstone (libcapstone-dev) is the judge.
 * UNIT: vmm/interpreter/mov.c -lcapstone
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <capstone/capstone.h>

#include "vmm/interpreter/mov.h"

#define CASES 1500000u
#define BYTES 24u

static const unsigned int bits_of[3] = { 16, 32, 64 };
static csh handles[3];
static cs_insn *insn;

static uint64_t seed = 0x853c49e6748fea9bull;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* Names of the general registers by width: 1, 2, 4, 8 bytes, in x86's order. */
static const x86_reg registers[4][16] = {
	{ X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL, X86_REG_SIL, X86_REG_DIL, X86_REG_R8B,
	  X86_REG_R9B, X86_REG_R10B, X86_REG_R11B, X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B },
	{ X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI, X86_REG_DI, X86_REG_R8W,
	  X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W },
	{ X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI, X86_REG_EDI,
	  X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D },
	{ X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
	  X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15 },
};
static const x86_reg high_bytes[4] = { X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH };
static const x86_reg segments[6] = { X86_REG_ES, X86_REG_CS, X86_REG_SS, X86_REG_DS, X86_REG_FS, X86_REG_GS };

static unsigned int log2_of(unsigned int width)
{
	return width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3;
}

static x86_reg register_name(int number, unsigned int width, bool high)
{
	if (number < 0)
		return X86_REG_INVALID;
	return high ? high_bytes[number & 3] : registers[log2_of(width)][number & 15];
}

static uint64_t cut(uint64_t v, unsigned int bytes)
{
	return bytes >= 8 ? v : v & ((1ull << 8 * bytes) - 1);
}

static bool is_lock_or_prefix(uint8_t b, bool *lock)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

	if (b == 0xf0) {
		*lock = true;
		return true;
	}
	return memchr(prefixes, b, sizeof(prefixes)) != NULL;
}

/*
 * What came before the opcode. `tangled`: what Capstone does not follow and tests further down know: prefixes after
 * REX, which void it, and overrides without effect beside FS or GS in 64-bit mode.
 */
struct head {
	bool lock, tangled, rep, operand_size;
	unsigned int prefixes;
	uint8_t opcode;
};

static struct head head_of(const uint8_t *code, unsigned int n, unsigned int bits)
{
	struct head h = { 0 };
	bool rex = false, null = false, far = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (is_lock_or_prefix(code[i], &h.lock)) {
			h.tangled |= rex;
			h.rep |= code[i] == 0xf2 || code[i] == 0xf3;
			h.operand_size |= code[i] == 0x66;
			null |= (code[i] & 0xe7) == 0x26;
			far |= code[i] == 0x64 || code[i] == 0x65;
		} else if (bits == 64 && (code[i] & 0xf0) == 0x40) {
			h.tangled |= rex;
			rex = true;
		} else {
			break;
		}
	}
	h.opcode = i < n ? code[i] : 0x90;
	h.prefixes = i;
	h.tangled |= bits == 64 && null && far;
	return h;
}

/*
 * With 66 and F2 or F3 together Capstone takes the 66 for a mandatory prefix and forgets what it does to the operand
 * size. F2 and F3 do nothing to a MOV, so Capstone is asked without them. Returns how many bytes were left out.
 */
static unsigned int without_rep(uint8_t *to, const uint8_t *code, unsigned int room, const struct head *h)
{
	unsigned int n = 0, leave = h->rep && h->operand_size;

	for (unsigned int i = 0; i < room; i++)
		if (!leave || i >= h->prefixes || (code[i] != 0xf2 && code[i] != 0xf3))
			to[n++] = code[i];
	return room - n;
}

static const cs_x86_op *memory_operand(const cs_x86 *x)
{
	for (uint8_t i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM)
			return &x->operands[i];
	return NULL;
}

static const cs_x86_op *other_operand(const cs_x86 *x)
{
	for (uint8_t i = 0; i < x->op_count; i++)
		if (x->operands[i].type != X86_OP_MEM)
			return &x->operands[i];
	return NULL;
}

/* By Capstone's own word: one of the instructions the decoder is for, with a memory operand? */
static bool is_covered(const cs_insn *in, const struct head *h)
{
	if (memory_operand(&in->detail->x86) == NULL)
		return false;
	switch (in->id) {
	case X86_INS_MOV:	/* not MOV Sreg */
		return h->opcode != 0x8c && h->opcode != 0x8e;
	case X86_INS_MOVABS:
	case X86_INS_MOVZX:
	case X86_INS_MOVSX:
	case X86_INS_STOSB:
	case X86_INS_STOSW:
	case X86_INS_STOSD:
	case X86_INS_STOSQ:
		return true;
	default:
		return false;
	}
}

static char story[600];

static const char *tell(const uint8_t *code, unsigned int room, unsigned int bits, bool known)
{
	int n = snprintf(story, sizeof(story), "%u bit:", bits);

	for (unsigned int i = 0; i < room; i++)
		n += snprintf(story + n, sizeof(story) - (size_t)n, " %02x", code[i]);
	if (known)
		snprintf(story + n, sizeof(story) - (size_t)n, " = %s %s, %u bytes", insn->mnemonic, insn->op_str, insn->size);
	return story;
}

static const char *wrong;

#define AGREE(what)                     \
	do {                            \
		if (!(what)) {          \
			wrong = #what;  \
			return;         \
		}                       \
	} while (0)

static void compare_address(const struct mov *m, const cs_x86_op *op, unsigned int bits)
{
	x86_reg base = register_name(m->base, m->address_width, false);
	x86_reg index = register_name(m->index, m->address_width, false);
	bool stack = m->base == RSP || m->base == RBP;

	if (m->rip_relative)
		base = m->address_width == 8 ? X86_REG_RIP : X86_REG_EIP;
	/* an SIB byte without an index: Capstone invents a register that is always zero */
	AGREE(op->mem.base == base);
	AGREE(op->mem.index == index ||
	      (index == X86_REG_INVALID && (op->mem.index == X86_REG_EIZ || op->mem.index == X86_REG_RIZ)));
	AGREE(index == X86_REG_INVALID || op->mem.scale == m->scale);
	AGREE(cut((uint64_t)op->mem.disp, m->address_width) == cut((uint64_t)m->displacement, m->address_width));
	if (m->kind == MOV_STRING_STORE) {
		AGREE(m->seg == SEG_ES);
		AGREE(bits == 64 || op->mem.segment == X86_REG_ES);
		return;
	}
	if (bits == 64 && op->mem.segment != X86_REG_FS && op->mem.segment != X86_REG_GS) {
		AGREE(m->seg != SEG_FS && m->seg != SEG_GS);	/* the others do nothing there */
		return;
	}
	if (op->mem.segment == X86_REG_INVALID)
		AGREE(m->seg == (stack ? SEG_SS : SEG_DS));
	else
		AGREE(segments[m->seg] == op->mem.segment);
}

static void compare_operands(const struct mov *m, const cs_insn *in)
{
	const cs_x86 *x = &in->detail->x86;
	const cs_x86_op *memory = memory_operand(x), *other = other_operand(x);

	AGREE(memory != NULL && memory->size == m->width);
	AGREE(other != NULL);
	if (m->kind == MOV_STORE_IMMEDIATE) {
		AGREE(other->type == X86_OP_IMM);
		AGREE(cut((uint64_t)other->imm, m->width) == cut(m->immediate, m->width));
		return;
	}
	AGREE(other->type == X86_OP_REG);
	AGREE(m->gpr < GPRS && (!m->high_byte || m->gpr < 4));
	AGREE(other->reg == register_name(m->gpr, m->kind == MOV_LOAD ? m->to_width : m->width, m->high_byte));
	AGREE(m->kind != MOV_LOAD || other->size == m->to_width);
	/* the first operand is what is written */
	AGREE(m->kind == MOV_LOAD ? x->operands[0].type == X86_OP_REG : x->operands[0].type == X86_OP_MEM);
}

static void compare(const struct mov *m, const cs_insn *in, const struct head *h, unsigned int bits,
		    unsigned int left_out)
{
	bool extends = m->kind == MOV_LOAD && h->opcode == 0x0f;

	AGREE(in->size + left_out == m->length && m->length <= 15);
	AGREE((in->id == X86_INS_MOVZX) == (extends && !m->sign));
	AGREE((in->id == X86_INS_MOVSX) == (extends && m->sign));
	if (m->kind == MOV_STRING_STORE) {
		static const unsigned int ids[4] = { X86_INS_STOSB, X86_INS_STOSW, X86_INS_STOSD, X86_INS_STOSQ };

		AGREE(in->id == ids[log2_of(m->width)]);
		AGREE(m->rep == h->rep);
	} else {
		AGREE(extends || in->id == X86_INS_MOV || in->id == X86_INS_MOVABS);
		AGREE(!m->rep);
	}
	AGREE(in->detail->x86.addr_size == m->address_width);
	compare_operands(m, in);
	if (wrong == NULL)
		compare_address(m, memory_operand(&in->detail->x86), bits);
}

/* Prefixes, then mostly an opcode the decoder knows, then anything; the first REX stands before the opcode. */
static unsigned int make(uint8_t *code, unsigned int bits)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67 };
	static const uint8_t known[] = { 0x88, 0x89, 0x8a, 0x8b, 0xa0, 0xa1, 0xa2, 0xa3, 0xaa, 0xab, 0xc6, 0xc7 };
	static const uint8_t extending[] = { 0xb6, 0xb7, 0xbe, 0xbf };
	unsigned int n = 0, count = random32() % 4, which = random32() % 16;

	for (unsigned int i = 0; i < BYTES; i++)
		code[i] = (uint8_t)random32();
	if (random32() % 64 == 0)
		count = random32() % 14;
	while (n < count)
		code[n++] = prefixes[random32() % sizeof(prefixes)];
	if (bits == 64 && random32() % 2)
		code[n++] = (uint8_t)(0x40 | (random32() & 15));
	if (which < 10) {
		code[n++] = known[random32() % sizeof(known)];
		/* C6 and C7 have one instruction only */
		if ((code[n - 1] & 0xfe) == 0xc6 && random32() % 4)
			code[n] &= 0xc7;
	} else if (which < 14) {
		code[n++] = 0x0f;
		code[n++] = extending[random32() % 4];
	}
	if (random32() % 4)	/* a memory operand */
		code[n] &= random32() % 2 ? 0x7f : 0xbf;
	return random32() % 8 ? 15 + random32() % (BYTES - 15) : 1 + random32() % 15;
}

static unsigned int accepted, judged, refused;

static void try(const uint8_t *code, unsigned int room, unsigned int mode)
{
	unsigned int bits = bits_of[mode], left_out;
	struct head h = head_of(code, room, bits);
	uint8_t shown[BYTES];
	const uint8_t *at = shown;
	uint64_t address = 0x1000;
	size_t left;
	struct mov m;
	bool mine, known;

	memset(&m, 0x5a, sizeof(m));
	mine = mov_decode(code, room, bits, &m);
	if (h.tangled)
		return;
	left_out = without_rep(shown, code, room, &h);
	left = room - left_out;
	known = cs_disasm_iter(handles[mode], &at, &left, &address, insn);
	wrong = NULL;
	if (mine) {
		accepted++;
		if (!known)
			wrong = "Capstone knows no such instruction";
		else
			compare(&m, insn, &h, bits, left_out);
	} else if (known && insn->size + left_out <= 15 && !h.lock && is_covered(insn, &h)) {
		refused++;
		wrong = "the decoder must accept this";
	}
	judged += known && is_covered(insn, &h);
	if (wrong != NULL)
		fail_msg("%s: %s", tell(code, room, bits, known), wrong);
}

static void test_against_capstone(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CASES; i++) {
		uint8_t code[BYTES];
		unsigned int room = make(code, bits_of[i % 3]);

		try(code, room, i % 3);
	}
	/* the generator makes what it is there for */
	assert_true(accepted > CASES / 3 && judged > CASES / 3);
	assert_int_equal(refused, 0);
}

/* Every ModR/M and SIB byte of one instruction, in every mode and address size. */
static void test_every_modrm(void **state)
{
	static const uint8_t opcodes[] = { 0x88, 0x89, 0x8a, 0x8b };

	(void)state;
	for (unsigned int mode = 0; mode < 3; mode++)
		for (unsigned int i = 0; i < 4 * 2 * 256 * 256; i++) {
			uint8_t code[BYTES] = { 0 };
			unsigned int n = 0;

			if (i >> 16 & 1)
				code[n++] = 0x67;
			if (mode == 2 && (i & 0x300) == 0x300)
				code[n++] = (uint8_t)(0x40 | (i >> 4 & 15));
			code[n++] = opcodes[i >> 17];
			code[n++] = (uint8_t)(i >> 8);
			code[n++] = (uint8_t)i;
			memcpy(code + n, "\x84\x93\xa2\xf1", 4);
			try(code, 15, mode);
		}
}

static bool decode(const char *bytes, unsigned int n, unsigned int bits, struct mov *m)
{
	return mov_decode((const uint8_t *)bytes, n, bits, m);
}

#define DECODE(bytes, bits, m) decode(bytes, sizeof(bytes) - 1, bits, m)

/* REX counts only right before the opcode. SDM, "REX Prefixes". */
static void test_tangled_prefixes(void **state)
{
	struct mov m;

	(void)state;
	assert_true(DECODE("\x48\x66\x89\x07", 64, &m));	/* REX.W is void: mov [rdi], ax */
	assert_int_equal(m.width, 2);
	assert_int_equal(m.length, 4);
	assert_true(DECODE("\x49\x48\x89\x07", 64, &m));	/* the second one counts: mov [rdi], rax */
	assert_int_equal(m.width, 8);
	assert_int_equal(m.base, RDI);
	assert_true(DECODE("\x40\x64\x88\x27", 64, &m));	/* mov fs:[rdi], ah */
	assert_true(m.high_byte);
	assert_int_equal(m.seg, SEG_FS);
	assert_true(DECODE("\x40\x88\x27", 64, &m));		/* mov [rdi], spl */
	assert_false(m.high_byte);
	assert_int_equal(m.gpr, RSP);
}

/* SDM, "Segment Override Prefixes": in 64-bit mode CS, DS, ES and SS are ignored, so an FS before them stays. */
static void test_null_overrides(void **state)
{
	static const uint8_t nulls[] = { 0x26, 0x2e, 0x36, 0x3e };
	struct mov m;

	(void)state;
	for (size_t i = 0; i < sizeof(nulls); i++) {
		uint8_t code[] = { 0x65, nulls[i], 0x8b, 0x07 };

		assert_true(mov_decode(code, sizeof(code), 64, &m));
		assert_int_equal(m.seg, SEG_GS);
		assert_int_equal(m.length, 4);
		code[0] = 0x90;
		assert_true(mov_decode(code + 1, sizeof(code) - 1, 64, &m));
		assert_true(m.seg != SEG_FS && m.seg != SEG_GS);
		code[0] = 0x65;		/* elsewhere the last one counts */
		assert_true(mov_decode(code, sizeof(code), 32, &m));
		assert_int_equal(m.seg, SEG_ES + i);	/* ES CS SS DS */
	}
}

static void test_refused(void **state)
{
	static const struct { const char *bytes; unsigned int n, bits; } cases[] = {
		{ "\x89\xc0", 2, 32 },			/* register to register */
		{ "\xc7\x08\0\0\0\0", 6, 32 },		/* C7 /1 */
		{ "\xc6\xf8\x05", 3, 32 },		/* XABORT */
		{ "\xf0\x89\x07", 3, 32 },		/* LOCK MOV is #UD */
		{ "\x8c\x07", 2, 32 }, { "\x8e\x07", 2, 32 },	/* MOV Sreg */
		{ "\xa4", 1, 32 }, { "\xa5", 1, 32 },	/* MOVS has two operands in memory */
		{ "\x01\x07", 2, 32 }, { "\xff\x07", 2, 32 }, { "\x0f\xb1\x07", 3, 32 },
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07", 16, 32 },	/* 16 bytes */
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 15, 32 },
		{ "", 0, 64 },
	};
	struct mov m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_false(decode(cases[i].bytes, cases[i].n, cases[i].bits, &m));
	assert_true(DECODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07", 32, &m));	/* 15 bytes */
	assert_int_equal(m.length, 15);
}

/* Bytes run out anywhere: refused, and not one is read beyond the room (the sanitizer looks). */
static void test_short(void **state)
{
	static const char whole[] = "\x64\x67\x48\xc7\x84\x8d\x11\x22\x33\x44\x55\x66\x77\x88";
	struct mov m;

	(void)state;
	for (unsigned int n = 0; n < sizeof(whole); n++) {
		uint8_t *exact = test_malloc(n ? n : 1);

		memcpy(exact, whole, n);
		assert_int_equal(mov_decode(exact, n, 64, &m), n == sizeof(whole) - 1);
		test_free(exact);
	}
	assert_true(m.rip_relative == false && m.base == RBP && m.index == RCX && m.scale == 4);
	assert_true(m.displacement == 0x44332211 && m.immediate == 0xffffffff88776655ull);
	assert_int_equal(m.address_width, 4);
	assert_int_equal(m.seg, SEG_FS);
}

static int setup(void **state)
{
	static const cs_mode modes[3] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		if (cs_open(CS_ARCH_X86, modes[i], &handles[i]) != CS_ERR_OK ||
		    cs_option(handles[i], CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
			return -1;
	}
	insn = cs_malloc(handles[0]);
	return insn == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	cs_free(insn, 1);
	for (unsigned int i = 0; i < 3; i++)
		cs_close(&handles[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_capstone), cmocka_unit_test(test_every_modrm),
		cmocka_unit_test(test_tangled_prefixes), cmocka_unit_test(test_null_overrides),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
