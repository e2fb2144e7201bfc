/* Tests the decoder where Capstone does not follow the SDM, and its edges. make fuzz compares the rest with Capstone.
 * Part: unit tests, on the host.
 * UNIT: $(INTERPRETER)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/interpreter/decode.h"

static struct insn i;

static enum decode_result decode(const char *bytes, size_t n, unsigned int bits)
{
	uint8_t *exact = malloc(n ? n : 1);	/* the sanitizer sees the first byte beyond */
	enum decode_result r;

	memcpy(exact, bytes, n);
	memset(&i, 0x5a, sizeof(i));
	r = decode_insn(exact, n, bits, &i);
	free(exact);
	return r;
}

#define DECODE(bytes, bits) decode(bytes, sizeof(bytes) - 1, bits)
#define GOOD(bytes, bits) assert_int_equal(DECODE(bytes, bits), DECODE_OK)
#define BAD(bytes, bits) assert_int_equal(DECODE(bytes, bits), DECODE_UD)

/* REX counts only right before the opcode. SDM, "REX Prefixes". */
static void test_tangled_prefixes(void **state)
{
	(void)state;
	GOOD("\x48\x66\x89\x07", 64);	/* REX.W is void: mov [rdi], ax */
	assert_true(i.width == 2 && i.length == 4);
	GOOD("\x49\x48\x89\x07", 64);	/* the second one counts: mov [rdi], rax */
	assert_true(i.width == 8 && i.base == RDI);
	GOOD("\x40\x64\x88\x27", 64);	/* mov fs:[rdi], ah */
	assert_true(i.rex == 0 && i.seg == SEG_FS && i.reg == 4);
	GOOD("\x40\x88\x27", 64);	/* mov [rdi], spl */
	assert_int_equal(i.rex, 0x40);
	GOOD("\x66\x48\x05\x01\x02\x03\x04", 64);	/* REX.W goes before 66 */
	assert_true(i.operand_size == 8 && i.length == 7);
}

/* SDM, "Segment Registers in 64-Bit Mode": in 64-bit mode CS, DS, ES and SS are ignored, so an FS before them stays. */
static void test_null_overrides(void **state)
{
	static const char nulls[] = "\x26\x2e\x36\x3e";

	(void)state;
	for (unsigned int n = 0; n < 4; n++) {
		char code[] = { 0x65, nulls[n], (char)0x8b, 0x07 };

		assert_int_equal(decode(code, 4, 64), DECODE_OK);
		assert_true(i.seg == SEG_GS && i.length == 4);
		assert_int_equal(decode(code + 1, 3, 64), DECODE_OK);
		assert_int_equal(i.seg, SEG_DS);
		assert_int_equal(decode(code, 4, 32), DECODE_OK);	/* elsewhere the last one counts */
		assert_int_equal(i.seg, SEG_ES + n);
	}
}

static void test_lock(void **state)
{
	(void)state;
	GOOD("\xf0\x01\x03", 32);
	GOOD("\xf0\x0f\xb1\x03", 32);
	GOOD("\xf0\x0f\xc7\x0b", 32);
	GOOD("\xf0\x86\x03", 32);
	GOOD("\xf0\xf7\x1b", 32);
	GOOD("\xf0\x83\x0c\x24\x00", 32);
	BAD("\xf0\x03\x03", 32);		/* the destination is a register */
	BAD("\xf0\x01\xc3", 32);
	BAD("\xf0\x39\x03", 32);		/* CMP writes nothing */
	BAD("\xf0\x89\x03", 32);
	BAD("\xf0\xf3\xaa", 32);
	BAD("\xf0\xf7\x03\0\0\0\0", 32);	/* TEST */
	BAD("\xf0\x0f\xba\x23\x01", 32);	/* BT; BTS may */
	GOOD("\xf0\x0f\xba\x2b\x01", 32);
	BAD("\xf0\x90", 32);
	BAD("\xf0\x0f\x1f\x00", 32);
}

static void test_validity(void **state)
{
	(void)state;
	BAD("\x8e\x08", 32);			/* MOV CS */
	BAD("\x8e\xf0", 32);			/* a seventh segment register */
	BAD("\x8d\xc0", 32);			/* LEA of a register */
	BAD("\x8f\xc8", 32);			/* 8F /1 */
	BAD("\xfe\xd0", 32);
	BAD("\xff\xf8", 32);
	BAD("\xff\xd8", 32);			/* far CALL by register */
	BAD("\x0f\x04", 32);
	BAD("\x0f\xb8\xc0", 32);		/* POPCNT without F3 */
	BAD("\xf3\x0f\xd5\xc0", 32);		/* a prefix that makes no instruction of it */
	BAD("\x0f\x05", 32);			/* SYSCALL */
	GOOD("\x0f\x05", 64);
	BAD("\x06", 64);
	BAD("\x60", 64);
	BAD("\xd4\x0a", 64);
	BAD("\x82\x00\x00", 64);
	GOOD("\x82\x00\x00", 32);
	BAD("\x0f\x20\x28", 64);		/* MOV from CR5 */
	GOOD("\x0f\x20\x18", 64);		/* CR3; mod means nothing */
	assert_int_equal(i.length, 3);
	BAD("\xdb\xe5", 32);
	BAD("\xd9\x0f", 32);
	GOOD("\x0f\x0b", 32);			/* UD2 is an instruction */
	assert_int_equal(i.op, OP_UD);
	GOOD("\x0f\xc3\x07", 16);		/* MOVNTI knows no 16 bits */
	assert_int_equal(i.width, 4);
}

static void test_lengths(void **state)
{
	static const struct { const char *bytes; unsigned int n, bits; } cases[] = {
		{ "\xa1\1\2", 3, 16 }, { "\xa1\1\2\3\4", 5, 32 }, { "\xa1\1\2\3\4\5\6\7\x8", 9, 64 }, { "\x67\xa1\1\2\3\4", 6, 64 },
		{ "\x48\xb8\1\2\3\4\5\6\7\x8", 10, 64 }, { "\xc8\1\2\3", 4, 32 }, { "\xea\1\2\3\4", 5, 16 },
		{ "\xea\1\2\3\4\5\6", 7, 32 }, { "\xf6\x05\1\2\3\4\5", 7, 32 }, { "\xf6\x1d\1\2\3\4", 6, 32 },
		{ "\xf7\x00\1\2\3\4", 6, 64 }, { "\x66\xf7\x00\1\2", 5, 64 }, { "\xe9\1\2", 3, 16 }, { "\x66\xe9\1\2\3\4", 6, 64 },
		{ "\x8b\x04\x25\1\2\3\4", 7, 64 }, { "\x8b\x44\x24\x08", 4, 64 }, { "\x8b\x84\x24\1\2\3\4", 7, 64 },
		{ "\x8b\x05\1\2\3\4", 6, 64 }, { "\x8b\x06\1\2", 4, 16 }, { "\x8b\x46\1", 3, 16 }, { "\x8b\x86\1\2", 4, 16 },
		{ "\x0f\x3a\x0f\xc1\x04", 5, 32 }, { "\x66\x0f\x38\x2a\x07", 5, 32 }, { "\x0f\xa4\xc1\x04", 4, 32 },
		{ "\x0f\xba\x20\x03", 4, 32 }, { "\xc5\xfe\x6f\x07", 4, 64 }, { "\xc4\xc1\x7e\x6f\x07", 5, 64 },
		{ "\xc5\xf8\x77", 3, 64 }, { "\xc5\xf9\x70\xc1\x04", 5, 64 }, { "\xc4\xe3\x7d\x18\xc1\x01", 6, 64 },
		{ "\x62\xf1\x7c\x48\x10\x47\x01", 7, 64 }, { "\xc5\x07", 2, 32 }, { "\xc4\x07", 2, 32 }, { "\x62\x07", 2, 32 },
		{ "\xc5\xfe\x6f\x07", 4, 32 }, { "\x9b", 1, 32 }, { "\xd9\x44\x24\x04", 4, 32 },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(cases); n++) {
		assert_int_equal(decode(cases[n].bytes, cases[n].n, cases[n].bits), DECODE_OK);
		assert_int_equal(i.length, cases[n].n);
		for (size_t less = 0; less < cases[n].n; less++)	/* bytes run out anywhere */
			assert_int_equal(decode(cases[n].bytes, less, cases[n].bits), DECODE_SHORT);
	}
}

static void test_too_long(void **state)
{
	(void)state;
	GOOD("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07", 32);
	assert_int_equal(i.length, 15);
	assert_int_equal(DECODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07", 32), DECODE_LONG);
	assert_int_equal(DECODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 32), DECODE_LONG);
	assert_int_equal(DECODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 32), DECODE_LONG);
}

static void test_operands(void **state)
{
	(void)state;
	GOOD("\x64\x67\x48\xc7\x84\x8d\x11\x22\x33\x44\x55\x66\x77\x88", 64);
	assert_true(!i.rip_relative && i.base == RBP && i.index == RCX && i.scale == 4 && i.disp == 0x44332211);
	assert_true(i.imm == 0xffffffff88776655ull && i.address_size == 4 && i.seg == SEG_FS && i.width == 8);
	GOOD("\x8b\x04\x65\0\0\0\0", 32);	/* no base, no index */
	assert_true(i.base == -1 && i.index == -1);
	GOOD("\x43\x8b\x04\x22", 64);		/* r12 is an index, r10 a base */
	assert_true(i.base == R10 && i.index == R12);
	GOOD("\x42\x8b\x04\x24", 64);
	assert_true(i.base == RSP && i.index == R12 && i.seg == SEG_SS);
	GOOD("\x8b\x42\xfe", 16);		/* [bp + si - 2] */
	assert_true(i.base == RBP && i.index == RSI && i.disp == -2 && i.seg == SEG_SS);
	GOOD("\x67\x8b\x04\x24", 16);
	assert_true(i.base == RSP && i.address_size == 4);
	GOOD("\xc4\xc1\x7e\x6f\x0f", 64);	/* vmovdqu ymm1, [r15] */
	assert_true(i.op == OP_MOVV && i.width == 32 && i.base == R15 && i.reg == 1 && i.vex);
	GOOD("\xc5\xe6\x6f\x0f", 64);		/* vvvv must be 1111b */
	assert_int_equal(i.op, OP_NONE);
	GOOD("\xf3\x48\xa5", 64);
	assert_true(i.op == OP_MOVS && i.width == 8 && i.rep == 0xf3);
	GOOD("\x48\x6d", 64);			/* ports are doublewords at most */
	assert_int_equal(i.width, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tangled_prefixes), cmocka_unit_test(test_null_overrides), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_validity), cmocka_unit_test(test_lengths), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
