/* Tests what the processor is given to execute for the interpreter, and what the interpreter makes of its answer.
 * Part: unit tests, on the host; the guest DIRECT does it all on a processor, `make fuzz` compares widths with Capstone.
 * UNIT: $(INTERPRETER)
 */
#include "tests/unit/execute_fake.h"

#include "vmm/interpreter/execute_inner.h"

static struct direct_insn given, answer;
static enum direct_result result;
static uint8_t operand_given[32], operand_answer[32];
static unsigned int calls;

static enum direct_result direct(struct interp *m, struct direct_insn *d, void *operand)
{
	(void)m;
	assert_int_equal((uintptr_t)operand % 32, 0);
	calls++;
	given = *d;
	memcpy(operand_given, operand, 32);
	if (result != DIRECT_DONE)
		return result;
	*d = answer;
	memcpy(operand, operand_answer, 32);
	return DIRECT_DONE;
}

static struct interp_ops with_direct;

static void processor(unsigned int bits, enum direct_result r)
{
	machine(bits);
	with_direct = ops;
	with_direct.direct = direct;
	x.ops = &with_direct;
	result = r;
	answer = (struct direct_insn){ .rcx = 0xc1, .r8 = 0x81, .r9 = 0x91, .rflags = CF | OF };
	memset(operand_answer, 0x5a, 32);
	gpr[RBX] = DATA;
	for (unsigned int n = 0; n < 32; n++)
		memory[DATA + n] = (uint8_t)(n + 1);
}

/* Whatever the tables know is composed so that it decodes to the same, at [RDI]. */
static unsigned int composed(unsigned int bits, const uint8_t *bytes, size_t n)
{
	struct insn a, b;
	uint8_t code[INSN_MAX];
	unsigned int length;
	bool reg;

	if (decode_insn(bytes, n, bits, &a) != DECODE_OK || (a.op != OP_DIRECT_LOAD && a.op != OP_DIRECT_STORE))
		return 0;
	length = interp_direct_code(&a, code);
	assert_true(length <= INSN_MAX);
	assert_int_equal(decode_insn(code, length, 64, &b), DECODE_OK);
	assert_int_equal(b.length, length);
	reg = a.direct == DIRECT_TO_GPR || (a.direct == DIRECT_GPR && !(a.vex && a.map == MAP_0F38 && a.opcode == 0xf3));
	assert_true(b.op == a.op && b.direct == a.direct && b.width == a.width && b.aligned == a.aligned);
	assert_true(b.map == a.map && b.opcode == a.opcode && b.pp == a.pp && b.vex == a.vex && b.vector == a.vector);
	assert_true(b.w == a.w && (uint8_t)b.imm == (uint8_t)a.imm);
	assert_true(b.base == RDI && b.index == -1 && b.disp == 0 && b.seg == SEG_DS);
	assert_int_equal(b.reg, reg ? 8 : a.reg);
	assert_int_equal(b.vvvv, a.direct == DIRECT_GPR && a.vex && a.map == MAP_0F38 ? 9 : a.vvvv);
	return 1;
}

static void everything_composed(void **state)
{
	static const uint8_t mandatory[] = { 0, 0x66, 0xf3, 0xf2 };
	static const unsigned int modes[] = { 16, 32, 64 };
	unsigned int found = 0;

	(void)state;
	for (unsigned int n = 0; n < 4 * 3 * 256 * 8 * 3; n++) {
		unsigned int opcode = n & 255, pp = n >> 8 & 3, reg = n >> 10 & 7, map = 1 + (n >> 13) % 3, bits = modes[(n >> 13) / 3];
		uint8_t legacy[16] = { 0 }, vex[16] = { 0xc4, 0, 0, (uint8_t)opcode, (uint8_t)(reg << 3 | 7), 0x5c, 0x5d };
		unsigned int at = 0;

		if (pp != 0)
			legacy[at++] = mandatory[pp];
		if (bits == 64)
			legacy[at++] = (uint8_t)(0x40 | (opcode * 7 & 0x0f));
		legacy[at++] = 0x0f;
		if (map > 1)
			legacy[at++] = map == 2 ? 0x38 : 0x3a;
		legacy[at++] = (uint8_t)opcode;
		legacy[at++] = (uint8_t)(0x40 | reg << 3 | 3);
		found += composed(bits, legacy, sizeof(legacy));
		for (unsigned int w = 0; w < 4; w++) {
			vex[1] = (uint8_t)(0xe0 ^ (bits == 64 && reg & 1 ? 0x80 : 0) | map);
			vex[2] = (uint8_t)((w & 1) << 7 | (reg * 3 & 15) << 3 | (w & 2) << 1 | pp);
			found += composed(bits, vex, sizeof(vex));
		}
	}
	assert_true(found > 20000);
}

static void loads_and_stores(void **state)
{
	(void)state;
	processor(64, DIRECT_DONE);
	DONE("\x66\x0f\xfe\x03");		/* paddd xmm0, [rbx] */
	assert_memory_equal(operand_given, memory + DATA, 16);
	assert_int_equal(operand_given[16], 0);
	assert_true(given.vector && loads == 1 && stores == 0);
	assert_true(gpr[RCX] == 0xc1 && (x.rflags & FLAGS_ARITHMETIC) == (CF | OF));
	processor(64, DIRECT_DONE);
	DONE("\x66\x0f\x3a\x15\x03\x02");	/* pextrw [rbx], xmm0, 2 */
	assert_true(loads == 0 && stores == 1 && memory[DATA + 1] == 0x5a && memory[DATA + 2] == 3);
	FAULT("\x66\x0f\xfe\x43\x08", GP, 0);	/* 16 bytes on a multiple, */
	DONE("\xc5\xf9\xfe\x43\x08");		/* but not with VEX */
	DONE("\x66\x0f\x3a\x63\x43\x08\x01");	/* and not for PCMPISTRI */
	gpr[RBX] = HOLE;
	calls = 0;
	FAULT("\x66\x0f\xfe\x03", PF, 0);
	FAULT("\x66\x0f\x3a\x15\x03\x02", PF, INTERP_WRITE);
	assert_int_equal(calls, 0);
}

/* General registers are given as R8 and R9, and come back where they belong; CP's stack pointer is not touched. */
static void registers(void **state)
{
	(void)state;
	processor(64, DIRECT_DONE);
	gpr[RSP] = 0x1111;
	gpr[RBP] = 0x2222;
	gpr[RDX] = 0x3333;
	DONE("\xc4\xe2\xd3\xf6\x23");		/* mulx rsp, rbp, [rbx] */
	assert_true(given.r8 == 0x1111 && given.r9 == 0x2222 && given.rdx == 0x3333 && !given.vector);
	assert_true(gpr[RSP] == 0x81 && gpr[RBP] == 0x91 && gpr[RCX] == 0);
	DONE("\xc4\xe2\xdb\xf6\x23");		/* mulx rsp, rsp, [rbx]: the upper half stays */
	assert_true(gpr[RSP] == 0x81);
	processor(64, DIRECT_DONE);
	gpr[RSI] = 7;
	DONE("\xc4\xe2\xc8\xf3\x13");		/* blsmsk rsi, [rbx]: ModR/M's reg is no register */
	assert_true(given.r9 == 7 && gpr[RSI] == 0x91 && gpr[RDX] == 0);
	processor(64, DIRECT_DONE);
	DONE("\xf2\x4c\x0f\x2d\x23");		/* cvtsd2si r12, [rbx] */
	assert_true(gpr[R12] == 0x81 && given.vector);
	processor(16, DIRECT_DONE);
	gpr[RDI] = DATA;
	DONE("\xf2\x0f\x38\xf1\x05");		/* crc32 eax, word [di] */
	assert_true(gpr[RAX] == 0x81 && operand_given[1] == 2 && operand_given[2] == 0 && given.code[0] == 0x66);
	DONE("\x66\xf2\x0f\x38\xf1\x05");	/* crc32 eax, dword [di] */
	assert_true(operand_given[3] == 4 && given.code[0] == 0xf2);
}

static void refusals(void **state)
{
	(void)state;
	processor(64, DIRECT_ERROR);
	FAULT("\x0f\x58\x03", 19, -1);		/* addps xmm0, [rbx] */
	assert_int_equal(gpr[RCX], 0);
	control[VREG_CR4] &= ~0x400ull;		/* OSXMMEXCPT */
	FAULT("\x0f\x58\x03", UD, -1);
	processor(64, DIRECT_WAITS);
	FAULT("\x0f\xfc\x03", 16, -1);		/* paddb mm0, [rbx] */
	processor(64, DIRECT_REFUSED);
	FAULT("\x0f\x58\x03", UD, -1);
	FAULT("\x0f\xae\x13", GP, 0);		/* ldmxcsr [rbx] */
	FAULT("\x0f\xae\x1b", UD, -1);		/* stmxcsr [rbx] */
	assert_int_equal(stores, 0);
	processor(64, DIRECT_DONE);
	control[VREG_CR0] |= 8;			/* TS */
	calls = 0;
	FAULT("\x0f\x58\x03", NM, -1);
	FAULT("\x0f\xfc\x03", NM, -1);
	control[VREG_CR0] |= 4;			/* EM */
	FAULT("\x0f\x58\x03", UD, -1);
	FAULT("\x0f\xfc\x03", UD, -1);
	assert_int_equal(calls, 0);
	DONE("\xc4\xe2\xe0\xf2\x03");		/* andn rax, rbx, [rbx]: neither is of interest */
	assert_int_equal(calls, 1);
	machine(64);				/* where the processor cannot be asked */
	assert_int_equal(decode_insn((const uint8_t *)"\x0f\x58\x03", 3, 64, &insn), DECODE_OK);
	assert_int_equal(interp_execute(&x, &insn), INTERP_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_composed), cmocka_unit_test(loads_and_stores), cmocka_unit_test(registers),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
