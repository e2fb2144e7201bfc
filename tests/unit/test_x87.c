/* Tests x87 instructions that CP executes for a guest against the same instructions executed directly, on this processor.
 * Part: unit tests, on the host; everything with an operand in memory, any numbers, any masks.
 * UNIT: arch/x86/vmx/x87.c $(INTERPRETER)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/vmx/vmx.h"
#include "vmm/interpreter/decode.h"

#define TEXT(x) #x
#define SAME_STUBS(opcode) \
	".byte " TEXT(opcode) ", 0x07; ret; int3; .byte " TEXT(opcode) ", 0x0f; ret; int3; .byte " TEXT(opcode) ", 0x17; ret; int3;" \
	".byte " TEXT(opcode) ", 0x1f; ret; int3; .byte " TEXT(opcode) ", 0x27; ret; int3; .byte " TEXT(opcode) ", 0x2f; ret; int3;" \
	".byte " TEXT(opcode) ", 0x37; ret; int3; .byte " TEXT(opcode) ", 0x3f; ret; int3;"
#define STUBS(name) \
	__asm__(".text; .globl " name "; .balign 4; " name ":" SAME_STUBS(0xd8) SAME_STUBS(0xd9) SAME_STUBS(0xda) \
		SAME_STUBS(0xdb) SAME_STUBS(0xdc) SAME_STUBS(0xdd) SAME_STUBS(0xde) SAME_STUBS(0xdf))

/* What x87_stubs.asm has for the kernel, and the same again for the reference. */
STUBS("vmx_x87_stubs");
STUBS("reference_stubs");
extern const uint8_t vmx_x87_stubs[256], reference_stubs[256];

static struct vmx_vcpu vcpu;
static struct arch_vcpu av = { .vmx = &vcpu };
static unsigned int made_resident;

void vmx_make_resident(struct vmx_vcpu *v)
{
	assert_ptr_equal(v, &vcpu);
	made_resident++;
}

static uint64_t seed = 3;

static uint64_t any(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed ^ seed >> 29;
}

struct area { uint8_t b[512] __attribute__((aligned(16))); };

static void take(struct area *a)
{
	__asm__ volatile("fxsave64 %0" : "=m"(*a));
}

static void give(const struct area *a)
{
	__asm__ volatile("fnclex; fxrstor64 %0" : : "m"(*a));
}

/* Registers with numbers of all kinds, some of them empty; errors masked or not; none waits. */
static void random_state(struct area *a)
{
	uint16_t control = (uint16_t)(0x40 | (any() & 0xf3f)), status = (uint16_t)(any() & 0x3800);
	static const uint16_t exponents[] = { 0, 0x7fff, 0x3fff, 0x400e, 0x3ff0, 0x43fe, 0x1, 0xc01d };

	if (any() & 1)
		control |= 0x3f;
	take(a);
	memcpy(a->b, &control, 2);
	memcpy(a->b + 2, &status, 2);
	a->b[4] = any() & 3 ? (uint8_t)0xff : (uint8_t)any();
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t mantissa = any() & 3 ? any() | 1ull << 63 : any();
		uint16_t exponent = any() & 7 ? exponents[any() % 8] : (uint16_t)any();

		if (any() % 5 == 0)
			mantissa = 1ull << 63;
		memcpy(a->b + 32 + 16 * i, &mantissa, 8);
		memcpy(a->b + 40 + 16 * i, &exponent, 2);
	}
	memset(a->b + 8, 0, 16);
}

static bool executes(const struct insn *i)
{
	return i->op == OP_X87_LOAD || i->op == OP_X87_STORE;
}

#define IP 0x123456789abcull
#define DP 0x23456789abcdull

static void one(unsigned int opcode, unsigned int reg)
{
	uint8_t code[2] = { (uint8_t)opcode, (uint8_t)(reg << 3 | 3) }, mine[16], theirs[16], before[16];
	struct x87_insn i = { .opcode = (uint8_t)opcode, .modrm = code[1], .wide = true, .ip = IP, .dp = DP };
	struct area start, first, second, now;
	enum x87_result r;
	struct insn insn;
	uint16_t status;
	uint64_t ip, dp;

	assert_int_equal(decode_insn(code, 2, 64, &insn), DECODE_OK);
	if (!executes(&insn))
		return;
	i.store = insn.op == OP_X87_STORE;
	random_state(&start);
	for (unsigned int n = 0; n < 16; n++)
		mine[n] = (uint8_t)any();
	if (any() & 1)
		memset(mine + insn.width - 2, any() & 1 ? 0x7f : 0x40, 1);
	memcpy(before, mine, 16);
	memcpy(theirs, mine, 16);
	take(&now);
	give(&start);
	((void (*)(void *))(uintptr_t)(reference_stubs + ((opcode & 7) * 8 + reg) * 4))(theirs);
	take(&first);
	give(&start);
	r = arch_vcpu_x87(&av, &i, mine);
	take(&second);
	give(&now);
	assert_int_not_equal(r, X87_WAITS);
	if (r == X87_NOT_STORED)	/* only the memory as it was can be the answer */
		memcpy(mine, before, 16);
	assert_memory_equal(mine, theirs, 16);
	/* the processor has written exactly what is said to be stored */
	if (i.store && r == X87_NOT_STORED)
		assert_memory_equal(theirs, before, 16);
	memcpy(&status, second.b + 2, 2);
	if (i.store && insn.width > 2 && r == X87_DONE && (status & 0x80))
		assert_true((status & 0x20) != 0);	/* precision alone lets it be stored */
	memcpy(&ip, second.b + 8, 8);
	memcpy(&dp, second.b + 16, 8);
	assert_true(ip == IP || ip == 0);
	assert_true(dp == DP || dp == 0);
	assert_true((ip == 0) == (memcmp(first.b + 8, "\0\0\0\0\0\0\0", 8) == 0));
	assert_true((dp == 0) == (memcmp(first.b + 16, "\0\0\0\0\0\0\0", 8) == 0));
	memset(first.b + 6, 0, 18);
	memset(second.b + 6, 0, 18);
	assert_memory_equal(first.b, second.b, 416);
}

static void test_same_as_directly(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 400; n++)
		for (unsigned int opcode = 0xd8; opcode <= 0xdf; opcode++)
			for (unsigned int reg = 0; reg < 8; reg++)
				if (!(opcode == 0xd9 && reg == 1) && !(opcode == 0xdb && (reg == 4 || reg == 6)) &&
				    !(opcode == 0xdd && reg == 5))
					one(opcode, reg);
	assert_true(made_resident > 10000);
}

/* An error that waits comes before everything but what only looks. */
static void test_waits(void **state)
{
	struct x87_insn load = { .opcode = 0xd9, .modrm = 0x03, .wide = true }, look = { .opcode = 0xdd, .modrm = 0x3b, .store = true };
	struct x87_insn control = { .opcode = 0xd9, .modrm = 0x2b };
	uint8_t operand[16] = { 0 };
	struct area start, now, after;
	enum x87_result r[3];
	uint16_t seen;

	(void)state;
	random_state(&start);
	memcpy(start.b, "\x7e\x03\x81\x80", 4);		/* IE, not masked */
	take(&now);
	give(&start);
	r[0] = arch_vcpu_x87(&av, &load, operand);
	r[1] = arch_vcpu_x87(&av, &control, operand);
	r[2] = arch_vcpu_x87(&av, &look, operand);
	take(&after);
	give(&now);
	assert_int_equal(r[0], X87_WAITS);
	assert_int_equal(r[1], X87_WAITS);
	assert_int_equal(r[2], X87_DONE);
	memcpy(&seen, operand, 2);
	assert_int_equal(seen & 0x81, 0x81);
	assert_memory_equal(after.b + 32, start.b + 32, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_as_directly), cmocka_unit_test(test_waits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
