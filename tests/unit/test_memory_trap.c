/* Tests the memory trap: what a guest finds at and beyond its bound b, and when that stops it.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/core_fake.h"

#include "vmm/allocator/memory_trap.h"
#include "vmm/machine/gmem.h"

#define B KIB(64)	/* the guest's bound */
#define CODE 0x8000u
#define PT 0x4000u	/* a page table for the first 2 MiB */

static struct vm_exit trap;

/* The instruction at RIP, and an exit as EPT gives it. */
static void code(const char *bytes, size_t n, uint64_t gpa, bool write)
{
	memcpy(core_storage + CODE, bytes, n);
	core_regs[VREG_RIP] = CODE;
	trap = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
	trap.storage.gpa = GPA(gpa);
	trap.storage.read = !write;
	trap.storage.write = write;
	trap.storage.gva = GVA(gpa);
	trap.storage.gva_valid = true;
}

#define CODE_AT(bytes, gpa, write) code(bytes, sizeof(bytes) - 1, gpa, write)

static void protected(void)
{
	core_make(B);
	core_protected();
}

static void run(unsigned int length)
{
	unsigned int before = core_advances;

	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_false(core.pending.exception.valid);
	assert_int_equal(core_advances, before + 1);
	assert_int_equal(core_regs[VREG_RIP], CODE + length);
}

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

/* A device of 4 KiB at 100000h that notes what it gets. */
#define DEVICE 0x100000u

struct tape {
	struct vdev dev;
	unsigned int count;
	struct io_access log[200];
};

static void tape_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct tape *t = (struct tape *)d;

	assert_int_equal(region, 3);
	assert_true(t->count < ARRAY_LEN(t->log));
	if (!a->write)
		a->value = 0x8877665544332210 + t->count;
	t->log[t->count++] = *a;
}

static const struct vdev_ops tape_ops = { .name = "TAPE", .access = tape_access };
static struct tape tape;

static void with_device(void)
{
	protected();
	memset(&tape, 0, sizeof(tape));
	tape.dev.ops = &tape_ops;
	assert_int_equal(bus_claim(&core.bus, BUS_MMIO, DEVICE, DEVICE + 0xfff, &tape.dev, 3, false), 0);
	core.av.gpr[RBX] = DEVICE + 8;
}

static void logged(unsigned int n, uint64_t addr, unsigned int size, bool write, uint64_t value)
{
	assert_true(n < tape.count);
	assert_true(tape.log[n].addr == addr && tape.log[n].size == size && tape.log[n].write == write);
	if (write)
		assert_true(tape.log[n].value == value);
}

static void test_device(void **state)
{
	(void)state;
	with_device();
	CODE_AT("\x8b\x03", DEVICE + 8, false);
	run(2);
	assert_true(core.av.gpr[RAX] == 0x44332210);
	CODE_AT("\x66\x89\x43\x04", DEVICE + 12, true);
	run(4);
	logged(0, DEVICE + 8, 4, false, 0);
	logged(1, DEVICE + 12, 2, true, 0x2210);
	CODE_AT("\x01\x03", DEVICE + 8, true);	/* one read, one write */
	run(2);
	logged(2, DEVICE + 8, 4, false, 0);
	logged(3, DEVICE + 8, 4, true, 0x44332212u + 0x44332210u);
	CODE_AT("\xc6\x03\x7f", DEVICE + 8, true);
	run(3);
	logged(4, DEVICE + 8, 1, true, 0x7f);
	assert_int_equal(tape.count, 5);
	CODE_AT("\x0f\x11\x0b", DEVICE + 8, true);	/* movups: two accesses of 8 bytes */
	core_regs[VREG_CR4] = 0x200;
	for (unsigned int i = 0; i < 16; i++)
		core_vectors[1][i] = (uint8_t)i;
	run(3);
	logged(5, DEVICE + 8, 8, true, 0x0706050403020100);
	logged(6, DEVICE + 16, 8, true, 0x0f0e0d0c0b0a0908);
	CODE_AT("\x0f\x10\x13", DEVICE + 8, false);
	run(3);
	assert_int_equal(core_vectors[2][0], 0x17);
	/* a device is no memory trap */
	assert_int_equal(core.account.device_touches, 6);
	assert_int_equal(core.account.memory_traps, 0);
	assert_int_equal(core_notes, 0);
	assert_int_equal(core.bus.unclaimed_reads + core.bus.unclaimed_writes, 0);
}

/* Storage to device and back, and across the device's end. */
static void test_device_strings_and_edges(void **state)
{
	(void)state;
	with_device();
	memcpy(core_storage + 0x9000, "\1\0\0\0\2\0\0\0\3\0\0\0", 12);
	core.av.gpr[RSI] = 0x9000;
	core.av.gpr[RDI] = DEVICE;
	core.av.gpr[RCX] = 3;
	CODE_AT("\xf3\xa5", DEVICE, true);
	run(2);
	for (unsigned int i = 0; i < 3; i++)
		logged(i, DEVICE + 4 * i, 4, true, i + 1);
	assert_true(core.av.gpr[RCX] == 0 && core.av.gpr[RSI] == 0x900c && core.av.gpr[RDI] == DEVICE + 12);
	core.av.gpr[RSI] = DEVICE;
	core.av.gpr[RDI] = 0xa000;
	core.av.gpr[RCX] = 100;		/* what the time is enough for, then the rest */
	core_nothing_due(64);
	CODE_AT("\xf3\xa4", DEVICE, false);
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_true(core.av.gpr[RCX] == 36 && core_regs[VREG_RIP] == CODE);
	run(2);
	assert_int_equal(tape.count, 103);
	assert_int_equal(core_storage[0xa001], 0x14);
	core.av.gpr[RBX] = DEVICE + 0xffe;
	CODE_AT("\x8b\x03", DEVICE + 0xffe, false);	/* two bytes of four */
	run(2);
	assert_true(core.av.gpr[RAX] == 0xffff2277);
	assert_int_equal(core.account.memory_traps, 1);
	assert_int_equal(core_notes, 1);
	assert_non_null(strstr(core_note, "0000101000"));
}

/* x87: the operand goes to the processor and back, in the device's pieces; what an error leaves undone is left. */
static void test_device_x87(void **state)
{
	(void)state;
	with_device();
	core_x87_result = X87_DONE;
	core_segments[SEG_DS].selector = 0x23;
	core.av.gpr[RBX] = DEVICE + 6;
	CODE_AT("\xdb\x6b\x02", DEVICE + 8, false);	/* fld tword [ebx + 2] */
	run(3);
	assert_int_equal(tape.count, 2);
	assert_int_equal(core_x87[0], 0x10);
	assert_true(core_x87_insn.opcode == 0xdb && core_x87_insn.modrm == 0x6b && !core_x87_insn.store && !core_x87_insn.wide);
	assert_true(core_x87_insn.ip == CODE && core_x87_insn.dp == DEVICE + 8 && core_x87_insn.ds == 0x23);
	memcpy(core_x87, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	CODE_AT("\xdd\x5b\x0a", DEVICE + 16, true);	/* fstp qword [ebx + 10] */
	run(3);
	logged(2, DEVICE + 16, 8, true, 0x0807060504030201);
	CODE_AT("\xdf\x13", DEVICE + 6, true);		/* fist word [ebx] */
	core_x87_result = X87_NOT_STORED;
	run(2);
	assert_int_equal(tape.count, 3);
	core_x87_result = X87_WAITS;
	CODE_AT("\xdf\x13", DEVICE + 6, true);
	core_expect_fault(memory_trap(&core, &trap), 16, -1);
	core_x87_result = X87_DONE;
	core_regs[VREG_CR0] |= 8;
	core_expect_fault(memory_trap(&core, &trap), 7, -1);
	assert_true(tape.count == 3 && core_regs[VREG_RIP] == CODE);
	core_regs[VREG_CR0] &= ~8ull;
	CODE_AT("\xd9\x33", DEVICE + 6, true);		/* fnstenv [ebx]: not interpreted */
	assert_int_equal(memory_trap(&core, &trap), V_CRASH);
	assert_non_null(strstr(core.why, "D933"));
}

/* Branches and pushes by what a device says; the shadow of STI ends; a step is told. */
static void test_where_it_leads(void **state)
{
	(void)state;
	with_device();
	CODE_AT("\xff\x23", DEVICE + 8, false);		/* jmp [ebx] */
	core_blocking = BLOCKING_BY_STI;
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_int_equal(core_regs[VREG_RIP], 0x44332210);
	assert_true(core_branches == 1 && core_steps == 0 && core_blocking == 0);
	core_regs[VREG_RSP] = 0x9000;
	CODE_AT("\xff\x13", DEVICE + 8, false);		/* call [ebx] */
	core_regs[VREG_RFLAGS] |= 0x10100;		/* TF, RF */
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_true(core_regs[VREG_RIP] == 0x44332211 && core_regs[VREG_RSP] == 0x8ffc && core_steps == 1);
	assert_memory_equal(core_storage + 0x8ffc, "\x02\x80\0\0", 4);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x102);
	core_regs[VREG_RFLAGS] = 0x102;			/* a guest that steps sees each element of a string */
	core.av.gpr[RDI] = DEVICE;
	core.av.gpr[RCX] = 2;
	CODE_AT("\xf3\xaa", DEVICE, true);
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_true(core.av.gpr[RCX] == 1 && core_regs[VREG_RIP] == CODE && core_steps == 2);
	core_regs[VREG_RFLAGS] = 2;
	core_regs[VREG_RSP] = DEVICE + 0x100;
	core.av.gpr[RAX] = 0x10;
	core_storage[0x1000] = 0;
	CODE_AT("\x50", DEVICE + 0xfc, true);
	run(1);
	assert_int_equal(core_regs[VREG_RSP], DEVICE + 0xfc);
	/* 32-bit code that ends at 4 GiB */
	core.av.gpr[RBX] = DEVICE;
	core_segments[SEG_CS].base = CODE + 2;
	CODE_AT("\x8b\x03", DEVICE, false);
	trap.rip = 0xfffffffe;
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_int_equal(core_regs[VREG_RIP], 0);
}

/* An instruction decoded before is not taken for another that is there now, or that other code size reads there. */
static void test_changed_code(void **state)
{
	(void)state;
	with_device();
	for (unsigned int i = 0; i < 3; i++) {
		CODE_AT("\x8b\x03", DEVICE + 8, false);
		core.av.gpr[RAX] = core.av.gpr[RCX] = 0;
		run(2);
		assert_true(core.av.gpr[RAX] != 0 && core.av.gpr[RCX] == 0);
		CODE_AT("\x8b\x0b", DEVICE + 8, false);
		run(2);
		assert_true(core.av.gpr[RCX] != 0);
	}
	core_segments[SEG_CS].access &= ~0x4000u;	/* 16-bit code: [bp + di], 16 bits wide */
	core_segments[SEG_SS].base = DEVICE;
	core.av.gpr[RAX] = 0x77770000;
	core.av.gpr[RBP] = 4;
	core.av.gpr[RDI] = 4;
	CODE_AT("\x8b\x03", DEVICE + 8, false);
	run(2);
	assert_int_equal(core.av.gpr[RAX] >> 16, 0x7777);
	assert_int_equal(tape.log[tape.count - 1].size, 2);
}

/* Firmware that may be read and not written: reads are storage, writes go to the bus. */
static void test_read_only_row(void **state)
{
	(void)state;
	with_device();
	core.rows[1] = (struct npt_row){ GPA(DEVICE), HPA(CORE_REAL + 0x3000), 0x1000, NPT_READ | NPT_EXECUTE, false };
	core.row_count = 2;
	core_storage[0x3008] = 0x41;
	CODE_AT("\x80\x03\x01", DEVICE + 8, true);	/* add byte [ebx], 1 */
	trap.storage.mapped = true;
	run(3);
	assert_int_equal(tape.count, 1);
	logged(0, DEVICE + 8, 1, true, 0x42);
	assert_int_equal(core_storage[0x3008], 0x41);
}

#define PLAIN_DEVICE 0x20000u

/* A device that tells what it was asked. */
static struct io_access asked[2];
static unsigned int asks;

static void device_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	(void)d;
	(void)region;
	if (!a->write)
		a->value = 0x8192a3b4c5d6e7f8 + a->addr;
	asked[asks++ % 2] = *a;
}

static const struct vdev_ops device_ops = { .name = "PLAIN_DEVICE", .access = device_access };
static struct vdev device = { .ops = &device_ops };

struct outcome {
	uint64_t gpr[GPRS], rsp, rip;
	struct io_access a;
	unsigned int asks;
};

static void once(bool told, const uint64_t gpr[GPRS], struct outcome *o)
{
	memcpy(core.av.gpr, gpr, sizeof(core.av.gpr));
	core_regs[VREG_RSP] = gpr[RSP];
	core_regs[VREG_RIP] = CODE;
	asks = 0;
	trap.storage.gva_valid = told;
	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_false(core.pending.exception.valid);
	memset(o, 0, sizeof(*o));
	memcpy(o->gpr, core.av.gpr, sizeof(o->gpr));
	o->rsp = core_regs[VREG_RSP];
	o->gpr[RSP] = 0;	/* a register of the hardware's */
	o->rip = core_regs[VREG_RIP];
	o->a.addr = asked[0].addr;
	o->a.value = asked[0].value;
	o->a.size = asked[0].size;
	o->a.write = asked[0].write;
	o->asks = asks;
}

/* With the address from the exit the usual moves go a shorter way: it must lead to the same place as the longer one. */
static void test_plain_moves(void **state)
{
	static const char moves[][12] = {
		"\x89\x03", "\x8b\x03", "\x88\x03", "\x8a\x03", "\x88\x23", "\x8a\x23", "\x48\x89\x0b", "\x48\x8b\x0b", "\x66\x89\x0b",
		"\x66\x8b\x0b", "\x40\x88\x33", "\x40\x8a\x33", "\x8b\x23", "\x89\x23", "\x8a\x63\x10", "\x44\x89\x7b\x10",
		"\x0f\xb6\x03", "\x0f\xb7\x03", "\x0f\xbe\x03", "\x0f\xbf\x03", "\x66\x0f\xb6\x03", "\x48\x0f\xbe\x03", "\x48\x0f\xb7\x23",
		"\x48\x63\x03", "\xc6\x03\x85", "\xc7\x03\x01\x02\x03\x84", "\x48\xc7\x03\x01\x02\x03\x84", "\x66\xc7\x03\x01\x82",
		"\x8b\x04\x33", "\x89\x04\xb3", "\x8b\x05\xfa\x7f\x01", "\x0f\xc3\x03", "\x48\x0f\xc3\x03", "\x67\x8b\x03", "\x65\x8b\x03",
		"\x03\x03", "\x87\x03", "\x8b\x44\x24\x08", "\xf3\xa4",
	};

	(void)state;
	core_make(B);
	core_long();
	gmem_rows_changed(&core);
	assert_int_equal(bus_claim(&core.bus, BUS_MMIO, PLAIN_DEVICE, PLAIN_DEVICE + 0xfff, &device, 0, false), 0);
	for (unsigned int i = 0; i < 20 * ARRAY_LEN(moves); i++) {
		const char *move = moves[i % ARRAY_LEN(moves)];
		uint64_t gpr[GPRS], at = PLAIN_DEVICE + (i * 8 & 0xff);
		struct outcome plain, general;

		for (unsigned int r = 0; r < GPRS; r++)
			gpr[r] = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();
		gpr[RBX] = at;
		gpr[RSI] = 8;
		gpr[RSP] = at;
		gpr[RCX] = 1;
		gpr[RDI] = 0x9000;
		code(move, sizeof(moves[0]), at, false);
		once(false, gpr, &general);
		trap.storage.gpa = GPA(general.asks != 0 ? general.a.addr : at);
		trap.storage.gva = GVA(trap.storage.gpa.v);
		trap.storage.write = general.a.write;
		once(true, gpr, &plain);
		assert_memory_equal(&plain, &general, sizeof(plain));
		trap.storage.gva.v += 8;	/* another operand's: must not be believed */
		once(true, gpr, &plain);
		assert_memory_equal(&plain, &general, sizeof(plain));
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_gives_ones), TEST(test_write_is_dropped), TEST(test_straddle), TEST(test_addresses),
		TEST(test_stos), TEST(test_rep_stos), TEST(test_stos_16), TEST(test_stos_32_in_64),
		TEST(test_page_fault_of_the_guest), TEST(test_fault_within_a_string), TEST(test_stops),
		TEST(test_delivery_is_no_instruction), TEST(test_code_at_the_end), TEST(test_device),
		TEST(test_device_strings_and_edges), TEST(test_where_it_leads), TEST(test_changed_code), TEST(test_read_only_row),
		TEST(test_plain_moves), TEST(test_device_x87),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
