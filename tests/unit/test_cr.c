/* Tests moves to and from control registers, CLTS, LMSW and XSETBV against the SDM's rules.
 * Part: unit tests, on the host.
 * UNIT: vmm/interpreter/cr.c vmm/machine/event.c vmm/machine/gmem.c vmm/machine/walk.c
 */
#include "tests/unit/core_fake.h"

#include "vmm/interpreter/interpreter.h"

#define PE 0x1ull
#define TS 0x8ull
#define NW (1ull << 29)
#define CD (1ull << 30)
#define PG (1ull << 31)
#define PSE 0x10ull
#define PAE 0x20ull
#define PGE 0x80ull
#define PCIDE (1ull << 17)
#define SMEP (1ull << 20)
#define LME 0x100ull
#define LMA 0x400ull
#define CS_LONG 0x2000u

static int setup(void **state)
{
	(void)state;
	core_make(KIB(64));
	core_protected();
	return 0;
}

static enum verdict cr(enum cr_operation operation, unsigned int number, unsigned int gpr)
{
	struct vm_exit e = { .kind = EXIT_CR, .insn_len = 3 };

	e.cr.cr = (uint8_t)number;
	e.cr.operation = (uint8_t)operation;
	e.cr.gpr = (uint8_t)gpr;
	return interpret_cr(&core, &e);
}

static enum verdict write_cr(unsigned int number, uint64_t value)
{
	core.av.gpr[RDX] = value;
	return cr(CR_WRITE, number, RDX);
}

static enum vreg reg_of(unsigned int number)
{
	return number == 0 ? VREG_CR0 : number == 3 ? VREG_CR3 : number == 4 ? VREG_CR4 : VREG_CR8;
}

static void put(unsigned int number, uint64_t value)
{
	core_expect_done(write_cr(number, value));
	assert_true(core_regs[reg_of(number)] == value);
}

static void refuse(unsigned int number, uint64_t value)
{
	uint64_t regs[VREGS];
	unsigned int loads = core_pdpte_loads;

	memcpy(regs, core_regs, sizeof(regs));
	core_expect_fault(write_cr(number, value), EXC_GP, 0);
	assert_memory_equal(regs, core_regs, sizeof(regs));	/* nothing has changed */
	assert_int_equal(core_pdpte_loads, loads);
}

static void test_cr0(void **state)
{
	(void)state;
	put(0, 0x10);
	put(0, 0x11);
	put(0, PE | PG | 0x10);
	put(0, PE | 0x10);
	refuse(0, PG | 0x10);		/* paging without protection */
	refuse(0, PE | NW | 0x10);	/* NW without CD */
	put(0, PE | NW | CD | 0x10);
	put(0, PE | CD | 0x10);
	core_expect_done(write_cr(0, PE | 0x1ffaffc0 | 0x10));	/* undefined bits are ignored */
	assert_true(core_regs[VREG_CR0] == ((PE | 0x1ffaffc0 | 0x10) & core_cr0_allowed));
}

/* Every combination of PE, PG, NW and CD over every other. */
static void test_cr0_combinations(void **state)
{
	static const uint64_t bits[4] = { PE, PG, NW, CD };

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		uint64_t old = 0x10, value = 0x10;
		bool good, was_good;

		for (unsigned int k = 0; k < 4; k++) {
			old |= i >> k & 1 ? bits[k] : 0;
			value |= i >> (4 + k) & 1 ? bits[k] : 0;
		}
		was_good = !((old & PG) && !(old & PE)) && !((old & NW) && !(old & CD));
		good = !((value & PG) && !(value & PE)) && !((value & NW) && !(value & CD));
		if (!was_good)
			continue;
		core_regs[VREG_CR0] = old;
		if (good)
			put(0, value);
		else
			refuse(0, value);
	}
}

static void test_cr0_upper_half(void **state)
{
	(void)state;
	core_long();
	refuse(0, core_regs[VREG_CR0] | 1ull << 32);
	refuse(0, core_regs[VREG_CR0] | 1ull << 63);
	/* A 32-bit program has no upper half to write. */
	setup(state);
	core_expect_done(write_cr(0, 0xffffffff00000011));
	assert_int_equal(core_regs[VREG_CR0], 0x11);
}

static void test_into_long_mode(void **state)
{
	(void)state;
	core_regs[VREG_EFER] = LME;
	refuse(0, PE | PG | 0x10);		/* without PAE */
	core_regs[VREG_CR4] = PAE;
	core_segments[SEG_CS].access |= CS_LONG;
	refuse(0, PE | PG | 0x10);		/* from a code segment that would be 64-bit at once */
	core_segments[SEG_CS].access &= ~CS_LONG;
	put(0, PE | PG | 0x10);
	assert_int_equal(core_pdpte_loads, 0);	/* 4-level paging has no PDPTE registers */
}

static void test_out_of_long_mode(void **state)
{
	(void)state;
	core_long();
	refuse(0, PE | 0x10);			/* not from 64-bit code */
	core_segments[SEG_CS].access = 0xc09b;
	core_regs[VREG_CR4] |= PCIDE;
	refuse(0, PE | 0x10);			/* not with PCIDs */
	core_regs[VREG_CR4] &= ~PCIDE;
	put(0, PE | 0x10);
}

static void pdpte(unsigned int i, uint64_t value)
{
	memcpy(core_storage + 0x7020 + 8 * i, &value, 8);
}

static void test_pdptes(void **state)
{
	(void)state;
	core_regs[VREG_CR3] = 0x7038;	/* bits 4:0 do not count */
	for (unsigned int i = 0; i < 4; i++)
		pdpte(i, 0x1000 * (i + 1) | 1);
	core_regs[VREG_CR4] = PAE;
	put(0, PE | PG | 0x10);
	assert_int_equal(core_pdpte_loads, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(core_pdptes[i], 0x1000 * (i + 1) | 1);
	put(0, PE | PG | 0x10 | TS);		/* nothing that makes the processor load them */
	assert_int_equal(core_pdpte_loads, 4);
	put(0, PE | PG | 0x10 | CD);
	assert_int_equal(core_pdpte_loads, 8);
	put(0, PE | 0x10);
	assert_int_equal(core_pdpte_loads, 8);

	for (unsigned int bit = 1; bit < 9; bit++) {	/* reserved in a present one */
		bool reserved = bit == 1 || bit == 2 || bit >= 5;

		pdpte(2, 0x3001 | 1ull << bit);
		core_regs[VREG_CR0] = PE | 0x10;
		if (reserved)
			refuse(0, PE | PG | 0x10);
		else
			put(0, PE | PG | 0x10);
		pdpte(2, (0x3000 | 1ull << bit) & ~1ull);
		core_regs[VREG_CR0] = PE | 0x10;
		put(0, PE | PG | 0x10);		/* no matter in an absent one */
	}
	core_regs[VREG_CR0] = PE | 0x10;
	core_regs[VREG_CR3] = KIB(64);		/* where there is no storage */
	refuse(0, PE | PG | 0x10);
}

/* Bits from the processor's physical-address width up are reserved too. SDM, "PDPTE Registers". */
static void test_pdpte_address_width(void **state)
{
	(void)state;
	core_regs[VREG_CR3] = 0x7020;
	core_regs[VREG_CR4] = PAE;
	pdpte(0, 1ull << 39 | 1);
	put(0, PE | PG | 0x10);
	pdpte(0, 1ull << 40 | 1);		/* the fake processor has 40 bits */
	core_regs[VREG_CR0] = PE | 0x10;
	refuse(0, PE | PG | 0x10);
	pdpte(0, 1ull << 63 | 1);
	refuse(0, PE | PG | 0x10);
}

static void test_cr4(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (bit == 17)
			continue;
		core_regs[VREG_CR4] = 0;
		if (core_cr4_allowed >> bit & 1)
			put(4, 1ull << bit);
		else
			refuse(4, 1ull << bit);
	}
	refuse(4, 1u << 13);	/* VMXE */
	core_long();
	refuse(4, PAE | 1ull << 32);
	refuse(4, 0);		/* PAE stays on in long mode */
	put(4, PAE | PGE);
	assert_int_equal(core_pdpte_loads, 0);
}

static void test_pcid(void **state)
{
	(void)state;
	refuse(4, PCIDE);		/* only in long mode */
	core_long();
	put(4, PAE | PCIDE);
	put(4, PAE);
	core_regs[VREG_CR3] = 0x1005;
	refuse(4, PAE | PCIDE);		/* only from PCID 0 */
	core_regs[VREG_CR4] = PAE | PCIDE;
	put(4, PAE | PCIDE | PGE);	/* already on: CR3 may hold any */
	core_segments[SEG_CS].access = 0xc09b;
	put(4, PAE | PGE);
}

static void test_cr4_loads_pdptes(void **state)
{
	static const uint64_t loading[] = { PSE, PGE, SMEP };

	(void)state;
	core_regs[VREG_CR3] = 0x7020;
	pdpte(0, 0x1001);
	core_regs[VREG_CR0] = PE | PG | 0x10;
	put(4, PAE);			/* 32-bit paging becomes PAE paging */
	assert_int_equal(core_pdpte_loads, 4);
	for (size_t i = 0; i < ARRAY_LEN(loading); i++) {
		core_pdpte_loads = 0;
		put(4, PAE | loading[i]);
		assert_int_equal(core_pdpte_loads, 4);
		put(4, PAE);
		assert_int_equal(core_pdpte_loads, 8);
	}
	put(4, PAE | 0x200);		/* OSFXSR */
	assert_int_equal(core_pdpte_loads, 8);
	pdpte(0, 0x1003);
	refuse(4, PAE | PGE);
	core_pdpte_loads = 0;
	core_regs[VREG_CR0] = PE | 0x10;
	put(4, PAE | PGE);		/* without paging they do not matter */
	assert_int_equal(core_pdpte_loads, 0);
}

static void test_cr3_cr8(void **state)
{
	(void)state;
	core_long();
	core_expect_done(write_cr(3, 1ull << 63 | 0x5001));	/* "do not flush" is not kept */
	assert_int_equal(core_regs[VREG_CR3], 0x5001);
	for (unsigned int i = 0; i < 16; i++)
		put(8, i);
	for (unsigned int bit = 4; bit < 64; bit++)
		refuse(8, 1ull << bit);
	assert_int_equal(core_regs[VREG_CR8], 15);
}

static void test_reads(void **state)
{
	static const unsigned int numbers[] = { 0, 3, 4, 8 };

	(void)state;
	core_long();
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		core_regs[reg_of(numbers[i])] = 0x1000 + i;
		for (unsigned int gpr = RAX; gpr < GPRS; gpr++) {
			core_expect_done(cr(CR_READ, numbers[i], gpr));
			assert_int_equal(gpr == RSP ? core_regs[VREG_RSP] : core.av.gpr[gpr], 0x1000 + i);
		}
	}
	setup(state);
	core_regs[VREG_RSP] = 0x31;	/* mov cr0, esp: the hardware keeps RSP */
	core.av.gpr[RSP] = 0xbad;
	core_expect_done(cr(CR_WRITE, 0, RSP));
	assert_int_equal(core_regs[VREG_CR0], 0x31);
}

static void test_no_such_register(void **state)
{
	(void)state;
	for (unsigned int number = 1; number < 16; number++) {
		if (number == 3 || number == 4 || number == 8)
			continue;
		core_expect_fault(write_cr(number, 0), EXC_UD, -1);
		core_expect_fault(cr(CR_READ, number, RAX), EXC_UD, -1);
	}
}

static void test_clts(void **state)
{
	(void)state;
	core_regs[VREG_CR0] = PE | 0x10 | TS | CD;
	core_expect_done(cr(CR_CLTS, 0, 0));
	assert_true(core_regs[VREG_CR0] == (PE | 0x10 | CD));
	core_expect_done(cr(CR_CLTS, 0, 0));
}

/* LMSW writes PE, MP, EM and TS only, and cannot clear PE. */
static void test_lmsw(void **state)
{
	(void)state;
	for (unsigned int old = 0; old < 16; old++)
		for (uint32_t value = 0; value < 0x10000; value += 7) {
			struct vm_exit e = { .kind = EXIT_CR, .insn_len = 3 };

			e.cr.operation = CR_LMSW;
			e.cr.lmsw = (uint16_t)value;
			core_regs[VREG_CR0] = old | 0x10 | CD;
			core_expect_done(interpret_cr(&core, &e));
			assert_true(core_regs[VREG_CR0] == ((old & 1) | (value & 15) | 0x10 | CD));
		}
}

static enum verdict xsetbv(uint32_t index, uint64_t value)
{
	struct vm_exit e = { .kind = EXIT_XSETBV, .insn_len = 3 };

	core.av.gpr[RCX] = 0x9999999900000000 | index;
	core.av.gpr[RAX] = 0x9999999900000000 | (uint32_t)value;
	core.av.gpr[RDX] = 0x9999999900000000 | value >> 32;
	return interpret_xsetbv(&core, &e);
}

/* SDM, "XSETBV": by its rules, for every value of the low ten bits. */
static bool good(uint64_t value, uint64_t allowed)
{
	bool avx = value & 4, avx512 = (value & 0xe0) != 0;

	if ((value & ~allowed) || !(value & 1))
		return false;
	if (avx && !(value & 2))
		return false;
	return !avx512 || ((value & 0xe0) == 0xe0 && avx);
}

static void test_xsetbv(void **state)
{
	static const uint64_t offered[] = { 0, 3, 7, 0xe7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offered); i++) {
		core_xcr0_allowed = offered[i];
		for (uint64_t value = 0; value < 1024; value++) {
			core_regs[VREG_XCR0] = 0x55;
			if (good(value, offered[i])) {
				core_expect_done(xsetbv(0, value));
				assert_int_equal(core_regs[VREG_XCR0], value);
			} else {
				core_expect_fault(xsetbv(0, value), EXC_GP, 0);
				assert_int_equal(core_regs[VREG_XCR0], 0x55);
			}
		}
	}
	for (unsigned int bit = 10; bit < 64; bit++)
		core_expect_fault(xsetbv(0, 7 | 1ull << bit), EXC_GP, 0);
	core_expect_fault(xsetbv(1, 7), EXC_GP, 0);
	core_expect_fault(xsetbv(UINT32_MAX, 7), EXC_GP, 0);
	core_expect_done(xsetbv(0, 7));
	for (unsigned int cpl = 1; cpl < 4; cpl++) {
		core_segments[SEG_SS].access = 0xc093 | cpl << 5;
		core_expect_fault(xsetbv(0, 7), EXC_GP, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cr0), TEST(test_cr0_combinations), TEST(test_cr0_upper_half), TEST(test_into_long_mode),
		TEST(test_out_of_long_mode), TEST(test_pdptes), TEST(test_pdpte_address_width), TEST(test_cr4),
		TEST(test_pcid), TEST(test_cr4_loads_pdptes), TEST(test_cr3_cr8), TEST(test_reads),
		TEST(test_no_such_register), TEST(test_clts), TEST(test_lmsw), TEST(test_xsetbv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
