/* Tests the memory trap: what a guest finds at and beyond its bound b, and when that stops it.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/memory_trap_fake.h"

#define PT 0x4000u	/* a page table for the first 2 MiB */

static void crash(const char *text)
{
	assert_int_equal(memory_trap(&core, &trap), V_CRASH);
	assert_int_equal(core.state, VM_ENDED);
	assert_non_null(strstr(core.why, text));
	assert_non_null(strstr(core.why, "TEST"));
	assert_int_equal(core_advances, 0);
}

static void test_read_gives_ones(void **state)
{
	(void)state;
	protected();
	core.av.gpr[RBX] = B;
	core.av.gpr[RAX] = 0x1122334455667788;
	CODE_AT("\x8b\x03", B, false);		/* mov eax, [ebx] */
	run(2);
	assert_true(core.av.gpr[RAX] == 0xffffffff);
	CODE_AT("\x8a\x23", B, false);		/* mov ah, [ebx] */
	core.av.gpr[RAX] = 0x1122334455660088;
	run(2);
	assert_true(core.av.gpr[RAX] == 0x112233445566ff88);
	CODE_AT("\x66\x8b\x03", B, false);
	core.av.gpr[RAX] = 0x1122334455660088;
	run(3);
	assert_true(core.av.gpr[RAX] == 0x112233445566ffff);
	CODE_AT("\x0f\xb6\x03", B, false);	/* movzx eax, byte [ebx] */
	run(3);
	assert_true(core.av.gpr[RAX] == 0xff);
	CODE_AT("\x0f\xbe\x03", B, false);	/* movsx */
	run(3);
	assert_true(core.av.gpr[RAX] == 0xffffffff);
	CODE_AT("\x66\x0f\xbe\x03", B, false);
	core.av.gpr[RAX] = 0;
	run(4);
	assert_true(core.av.gpr[RAX] == 0xffff);
	CODE_AT("\x0f\xb7\x03", B, false);
	run(3);
	assert_true(core.av.gpr[RAX] == 0xffff);
	CODE_AT("\xa1\x00\x00\x01\x00", B, false);	/* mov eax, [10000h] */
	run(5);
	assert_true(core.av.gpr[RAX] == 0xffffffff);
	CODE_AT("\x8b\x23", B, false);		/* mov esp, [ebx]: RSP is not among the saved registers */
	run(2);
	assert_true(core_regs[VREG_RSP] == 0xffffffff);
	assert_int_equal(core.account.memory_traps, 9);
	assert_int_equal(core.account.storage_faults, 0);
}

static void test_write_is_dropped(void **state)
{
	uint8_t *before = test_malloc(B);

	(void)state;
	protected();
	memset(core_storage, 0x77, B);
	core.av.gpr[RBX] = B + 8;
	core.av.gpr[RAX] = 0x12345678;
	CODE_AT("\x89\x03", B + 8, true);
	memcpy(before, core_storage, B);
	run(2);
	assert_memory_equal(before, core_storage, B);
	CODE_AT("\xc7\x03\x01\x02\x03\x04", B + 8, true);
	memcpy(before, core_storage, B);
	run(6);
	assert_memory_equal(before, core_storage, B);
	assert_int_equal(core.account.memory_traps, 2);
	assert_true(core_notes >= 1);	/* the operator hears of it */
	assert_non_null(strstr(core_note, "WRITE"));
	test_free(before);
}

/* Across b: storage on one side, nothing on the other. */
static void test_straddle(void **state)
{
	(void)state;
	protected();
	memcpy(core_storage + B - 3, "\x11\x22\x33", 3);
	core.av.gpr[RBX] = B - 3;
	CODE_AT("\x8b\x03", B, false);
	run(2);
	assert_true(core.av.gpr[RAX] == 0xff332211);
	core.av.gpr[RAX] = 0xa4a3a2a1;
	CODE_AT("\x89\x03", B, true);
	run(2);
	assert_memory_equal(core_storage + B - 3, "\xa1\xa2\xa3", 3);
	core.av.gpr[RBX] = B - 1;
	CODE_AT("\x66\xc7\x03\x5a\xa5", B, true);
	run(5);
	assert_int_equal(core_storage[B - 1], 0x5a);
	CODE_AT("\x66\x0f\xbe\x03", B, false);	/* one byte, all of it storage */
	core_storage[B - 1] = 0x80;
	core.av.gpr[RAX] = 0x99990000;
	run(4);
	assert_true(core.av.gpr[RAX] == 0x9999ff80);
}

static void test_addresses(void **state)
{
	(void)state;
	core_make(B);		/* real mode: DS:[BX+SI+disp8], FFFF:0010 is 100000h */
	core_segments[SEG_DS].base = 0xffff0;
	core.av.gpr[RBX] = 0x12340008;
	core.av.gpr[RSI] = 0xabcd0007;
	CODE_AT("\x8a\x40\x01", 0x100000, false);
	run(3);
	assert_int_equal(core.av.gpr[RAX], 0xff);
	core.av.gpr[RSI] = 0xfff9;	/* wraps at 64 KiB: 8 + FFF9 + 1 = 2, in storage where DS is low */
	core_segments[SEG_DS].base = 0x100;
	core_storage[0x102] = 0x42;
	run(3);
	assert_int_equal(core.av.gpr[RAX], 0x42);

	core_make(B);
	core_long();
	core_segments[SEG_DS].base = 0x5000;	/* does not count in 64-bit mode */
	core_segments[SEG_GS].base = 0x20000;
	core_storage[0x6004] = 0x66;
	core.av.gpr[R9] = 0x6000;
	CODE_AT("\x41\x8a\x41\x04", B, false);	/* mov al, [r9 + 4] */
	run(4);
	assert_int_equal(core.av.gpr[RAX], 0x66);
	CODE_AT("\x65\x41\x8a\x41\x04", B, false);
	run(5);
	assert_int_equal(core.av.gpr[RAX], 0xff);	/* gs: 26004h is beyond b */
	core_storage[0x8106] = 0x99;
	CODE_AT("\x8a\x05\x00\x01\x00\x00", B, false);	/* mov al, [rip + 100h] */
	run(6);
	assert_int_equal(core.av.gpr[RAX], 0x99);
	core_storage[0x7000] = 0x17;
	core.av.gpr[RBX] = 0xffffffff00007000;
	CODE_AT("\x67\x8a\x03", B, false);	/* mov al, [ebx] */
	run(3);
	assert_int_equal(core.av.gpr[RAX], 0x17);
	core_regs[VREG_RSP] = 0x7000;
	CODE_AT("\x8a\x04\x24", B, false);	/* mov al, [rsp] */
	run(3);
	assert_int_equal(core.av.gpr[RAX], 0x17);
	core.av.gpr[RBX] = B;
	CODE_AT("\x48\x8b\x03", B, false);
	run(3);
	assert_true(core.av.gpr[RAX] == UINT64_MAX);
}

static void stos(const char *bytes, size_t n, uint64_t rdi, uint64_t rcx)
{
	code(bytes, n, B, true);
	core.av.gpr[RDI] = rdi;
	core.av.gpr[RCX] = rcx;
	core.av.gpr[RAX] = 0xcafe5a;
}

static void test_stos(void **state)
{
	(void)state;
	protected();
	stos("\xaa", 1, B - 1, 7);		/* no REP: RCX does not count */
	run(1);
	assert_true(core.av.gpr[RDI] == B && core.av.gpr[RCX] == 7);
	assert_int_equal(core_storage[B - 1], 0x5a);
	core_regs[VREG_RFLAGS] |= FLAGS_DF;
	stos("\xab", 1, B - 2, 7);
	run(1);
	assert_true(core.av.gpr[RDI] == B - 6);
	assert_memory_equal(core_storage + B - 2, "\x5a\xfe", 2);
}

/* REP goes for a time, so that nobody holds the processor; RIP stays until the count is used up. */
static void test_rep_stos(void **state)
{
	unsigned int turns = 0;

	(void)state;
	protected();
	stos("\xf3\xaa", 2, B - 100, 1000);
	core_nothing_due(64);
	while (core_regs[VREG_RIP] == CODE) {
		uint64_t count = core.av.gpr[RCX];

		assert_int_equal(memory_trap(&core, &trap), V_RESUME);
		assert_false(core.pending.exception.valid);
		assert_true(count - core.av.gpr[RCX] <= 64);
		assert_true(core.av.gpr[RDI] == B - 100 + (1000 - core.av.gpr[RCX]));
		assert_true(++turns < 100);
	}
	assert_true(turns >= 1000 / 64);
	assert_int_equal(core_regs[VREG_RIP], CODE + 2);
	assert_int_equal(core.av.gpr[RCX], 0);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(core_storage[B - 100 + i], 0x5a);
	stos("\xf3\xab", 2, B, 0);	/* a count of 0 does nothing */
	core_regs[VREG_RIP] = CODE;
	run(2);
	assert_true(core.av.gpr[RDI] == B);
}

/* Registers of 16 bits keep what is above. */
static void test_stos_16(void **state)
{
	(void)state;
	core_make(B);
	core_segments[SEG_ES].base = 0x100000;
	stos("\xf3\xaa", 2, 0x5555ffff, 0x66660002);
	run(2);
	assert_true(core.av.gpr[RDI] == 0x55550001 && core.av.gpr[RCX] == 0x66660000);
}

/* In 64-bit mode a 32-bit write of a register clears its upper half: EDI and ECX are no exception. */
static void test_stos_32_in_64(void **state)
{
	(void)state;
	core_make(B);
	core_long();
	stos("\x67\xf3\xaa", 3, 0xaaaaaaaa00000000ull | B, 0xbbbbbbbb00000003ull);
	run(3);
	assert_true(core.av.gpr[RDI] == B + 3);
	assert_true(core.av.gpr[RCX] == 0);
}

/* Two pages of paging: the first is beyond b, the second is not present. */
static void paging(uint64_t second)
{
	uint64_t entry = PT | 7;

	core_make(B);
	core_long();
	memcpy(core_storage + 0x3000, &entry, 8);
	for (uint64_t i = 0; i < 512; i++) {
		entry = i << 12 | 7;
		if (i == 0x20)
			entry = 0x50000 | 7;
		if (i == 0x21)
			entry = second;
		memcpy(core_storage + PT + 8 * i, &entry, 8);
	}
}

static void test_page_fault_of_the_guest(void **state)
{
	(void)state;
	paging(0);
	core.av.gpr[RBX] = 0x20ffe;
	core.av.gpr[RAX] = 0x1234;
	CODE_AT("\x8b\x03", 0x50ffe, false);
	core_expect_fault(memory_trap(&core, &trap), EXC_PF, 0);
	assert_int_equal(core_regs[VREG_CR2], 0x21000);
	assert_int_equal(core.av.gpr[RAX], 0x1234);
	assert_int_equal(core_regs[VREG_RIP], CODE);
	CODE_AT("\x89\x03", 0x50ffe, true);
	core_expect_fault(memory_trap(&core, &trap), EXC_PF, 2);

	paging(0x9000 | 5);	/* present, not writable: for user programs a fault */
	core_segments[SEG_SS].access |= 0x60;
	core.av.gpr[RBX] = 0x20ffe;
	CODE_AT("\x89\x03", 0x50ffe, true);
	core_expect_fault(memory_trap(&core, &trap), EXC_PF, 7);
	assert_int_equal(core_storage[0x9000], 0);	/* nothing was written */
	CODE_AT("\x8b\x03", 0x50ffe, false);
	memcpy(core_storage + 0x9000, "\xab\xcd", 2);
	run(2);
	assert_true(core.av.gpr[RAX] == 0xcdabffff);
}

/* A string stops where the fault is, with the registers that far. */
static void test_fault_within_a_string(void **state)
{
	(void)state;
	paging(0);
	stos("\xf3\x48\xab", 3, 0x20fe0, 40);
	core_expect_fault(memory_trap(&core, &trap), EXC_PF, 2);
	assert_int_equal(core_regs[VREG_CR2], 0x21000);
	assert_true(core.av.gpr[RDI] == 0x21000 && core.av.gpr[RCX] == 36);
	assert_int_equal(core_regs[VREG_RIP], CODE);
}

static void test_stops(void **state)
{
	(void)state;
	protected();
	CODE_AT("\x8b\x03", B, false);
	trap.storage.fetch = true;
	trap.storage.read = false;
	crash("FETCHED");
	protected();
	CODE_AT("\x8b\x03", B, false);
	trap.storage.walk = true;
	crash("PAGE TABLES");
	protected();
	core.av.gpr[RBX] = B;
	CODE_AT("\x0f\xae\x03", B, true);	/* fxsave [ebx] */
	crash("INSTRUCTION 0FAE03 TOUCHED ABSENT STORAGE, NOT INTERPRETED");
	assert_int_equal(core.account.memory_traps, 1);
	protected();
	CODE_AT("\x8b\x03", B - 1, false);	/* below b: nothing a guest did wrong */
	core.av.gpr[RBX] = B - 4;
	run(2);
	assert_int_equal(core.account.storage_faults, 1);
	assert_int_equal(core.account.memory_traps, 0);
}

/*
 * The touch was not the instruction's: an interrupt was being delivered, and the stack lies beyond b. The instruction
 * at RIP has not begun; doing it would do it twice. There is no IDT here, which is the fault.
 */
static void test_delivery_is_no_instruction(void **state)
{
	(void)state;
	protected();
	core_regs[VREG_RSP] = B + 0x100;
	core.av.gpr[RBX] = 0x9000;
	core.av.gpr[RAX] = 0x12345678;
	CODE_AT("\x89\x03", B + 0xfc, true);
	trap.vectoring = (struct event){ .valid = true, .vector = 0x30, .type = EVENT_INTERRUPT };
	core.pending.requeued = trap.vectoring;	/* as the dispatcher does before it routes */
	core.pending.requeued_valid = true;
	core_expect_fault(memory_trap(&core, &trap), EXC_GP, 0x30 * 8 + 3);
	assert_false(core.pending.requeued_valid);
	assert_int_equal(core_advances, 0);
	assert_int_equal(core_storage[0x9000], 0);
}

/* The instruction may be the last thing in storage: fewer than 15 bytes can be read behind it. */
static void test_code_at_the_end(void **state)
{
	(void)state;
	protected();
	core.av.gpr[RBX] = B;
	CODE_AT("\x8b\x03", B, false);
	memcpy(core_storage + B - 2, "\x8b\x03", 2);
	trap.rip = B - 2;
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_true(core.av.gpr[RAX] == 0xffffffff);
	assert_int_equal(core_regs[VREG_RIP], B);
}

#define TEST(name) cmocka_unit_test_teardown(name, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_gives_ones), TEST(test_write_is_dropped), TEST(test_straddle), TEST(test_addresses),
		TEST(test_stos), TEST(test_rep_stos), TEST(test_stos_16), TEST(test_stos_32_in_64),
		TEST(test_page_fault_of_the_guest), TEST(test_fault_within_a_string), TEST(test_stops),
		TEST(test_delivery_is_no_instruction), TEST(test_code_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
