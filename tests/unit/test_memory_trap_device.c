/* Tests the memory trap where devices are: what they are asked, and where it leads.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/memory_trap_fake.h"

#include "vmm/machine/gmem.h"

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
		TEST(test_device), TEST(test_device_strings_and_edges), TEST(test_device_x87),
		TEST(test_where_it_leads), TEST(test_changed_code), TEST(test_read_only_row), TEST(test_plain_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
