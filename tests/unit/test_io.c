/* Tests IN, OUT, INS and OUTS: widths, counts, directions, address sizes, limits, and faults in the middle.
 * Part: unit tests, on the host; the bus, the events and the guest memory are the real ones.
 * UNIT: vmm/interpreter/io.c vmm/interpreter/io_string.c $(STORAGE)
 */
#include "tests/unit/core_fake.h"

#include "vmm/interpreter/interpreter.h"

#define STORAGE KIB(256)
#define PORT 0x80u	/* below BUS_LOW_PORTS: the quick way */
#define HIGH_PORT 0x1800u
#define BYTE_PORT 0x60u	/* an 8-bit device */

/* A device that notes what it gets and counts what it gives. */
struct tape {
	struct vdev dev;
	uint32_t next;
	unsigned int count;
	struct io_access log[4096];
};

static void tape_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct tape *t = (struct tape *)d;

	(void)region;
	assert_true(t->count < ARRAY_LEN(t->log));
	if (!a->write)
		a->value = (a->value & ~0xffffffffull) | (0x80c0f0a1u + t->next++);
	t->log[t->count++] = *a;
}

static const struct vdev_ops tape_ops = { .name = "TAPE", .access = tape_access };
static struct tape tape;
static struct vm_exit e;

static int setup(void **state)
{
	(void)state;
	core_make(STORAGE);
	core_protected();
	memset(&tape, 0, sizeof(tape));
	tape.dev.ops = &tape_ops;
	assert_int_equal(bus_claim(&core.bus, BUS_PORT, PORT, PORT + 3, &tape.dev, 0, false), 0);
	assert_int_equal(bus_claim(&core.bus, BUS_PORT, HIGH_PORT, HIGH_PORT + 3, &tape.dev, 0, false), 0);
	assert_int_equal(bus_claim(&core.bus, BUS_PORT, BYTE_PORT, BYTE_PORT + 3, &tape.dev, 0, true), 0);
	e = (struct vm_exit){ .kind = EXIT_IO, .insn_len = 2, .rip = 0x1000 };
	return 0;
}

static void simple(uint16_t port, uint8_t size, bool in)
{
	e.io.port = port;
	e.io.size = size;
	e.io.in = in;
	e.io.string = e.io.rep = false;
	core_expect_done(interpret_io(&core, &e));
}

static void test_in(void **state)
{
	static const uint16_t ports[] = { PORT, HIGH_PORT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		tape.next = 0;
		core.av.gpr[RAX] = 0x1122334455667788;
		simple(ports[i], 1, true);
		assert_true(core.av.gpr[RAX] == 0x11223344556677a1);
		simple(ports[i], 2, true);
		assert_true(core.av.gpr[RAX] == 0x112233445566f0a2);
		simple(ports[i], 4, true);	/* EAX: the upper half goes */
		assert_true(core.av.gpr[RAX] == 0x80c0f0a3);
	}
	core.av.gpr[RAX] = 0;
	simple(BYTE_PORT, 4, true);
	assert_true(core.av.gpr[RAX] == 0xa7a6a5a4);
}

static void test_out(void **state)
{
	static const uint8_t sizes[] = { 1, 2, 4 };

	(void)state;
	core.av.gpr[RAX] = 0x1122334455667788;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		simple(i & 1 ? HIGH_PORT : PORT, sizes[i], false);
		assert_int_equal(tape.count, i + 1);
		assert_true(tape.log[i].write);
		assert_int_equal(tape.log[i].size, sizes[i]);
		assert_int_equal(tape.log[i].addr, i & 1 ? HIGH_PORT : PORT);
		assert_true(tape.log[i].value == (0x55667788u & (UINT32_MAX >> (32 - 8 * sizes[i]))));
	}
	simple(BYTE_PORT, 2, false);
	assert_int_equal(tape.count, 5);
	assert_int_equal(tape.log[3].value, 0x88);
	assert_int_equal(tape.log[4].value, 0x77);
	assert_int_equal(tape.log[4].addr, BYTE_PORT + 1);
	assert_true(core.av.gpr[RAX] == 0x1122334455667788);
}

static void test_nobody(void **state)
{
	(void)state;
	core.av.gpr[RAX] = 0x1122334455667788;
	simple(0x200, 1, true);
	assert_true(core.av.gpr[RAX] == 0x11223344556677ff);
	simple(0x2000, 2, true);
	assert_true(core.av.gpr[RAX] == 0x112233445566ffff);
	simple(0xffff, 4, true);	/* beyond the last port there is nothing either */
	assert_true(core.av.gpr[RAX] == 0xffffffff);
	simple(0x200, 1, false);
	simple(0xfffe, 4, false);
	assert_true(core.bus.unclaimed_reads == 3 && core.bus.unclaimed_writes == 2);
	assert_int_equal(tape.count, 0);
	core.av.gpr[RAX] = 0;
	simple(PORT + 2, 4, true);	/* half in the device: it answers two bytes */
	assert_true(core.av.gpr[RAX] == 0xfffff0a1);
}

static void string(bool in, uint8_t size, bool rep, uint8_t address_size, uint8_t seg)
{
	e.io.port = PORT;
	e.io.in = in;
	e.io.size = size;
	e.io.string = true;
	e.io.rep = rep;
	e.io.address_size = address_size;
	e.io.seg = seg;
}

static uint64_t peek(uint64_t at, unsigned int n)
{
	uint64_t v = 0;

	memcpy(&v, core_storage + at, n);
	return v;
}

static void test_single_strings(void **state)
{
	static const uint8_t sizes[] = { 1, 2, 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (unsigned int down = 0; down < 2; down++) {
			uint64_t step = down ? -(uint64_t)sizes[i] : sizes[i];
			uint32_t mask = UINT32_MAX >> (32 - 8 * sizes[i]);

			tape.next = tape.count = 0;
			core_regs[VREG_RFLAGS] = 2 | (down ? FLAGS_DF : 0);
			core.av.gpr[RDI] = 0x3000;
			core.av.gpr[RSI] = 0x5000;
			core.av.gpr[RCX] = 9;
			memset(core_storage + 0x3000, 0, 8);
			string(true, sizes[i], false, 4, SEG_ES);
			core_expect_done(interpret_io(&core, &e));
			assert_true(peek(0x3000, 8) == (0x80c0f0a1u & mask));
			assert_true(core.av.gpr[RDI] == 0x3000 + step && core.av.gpr[RSI] == 0x5000);
			memcpy(core_storage + 0x5000, "\x88\x77\x66\x55\x44", 5);
			string(false, sizes[i], false, 4, SEG_DS);
			core_expect_done(interpret_io(&core, &e));
			assert_true(tape.log[1].value == (0x55667788u & mask) && tape.log[1].write);
			assert_true(core.av.gpr[RSI] == 0x5000 + step && core.av.gpr[RDI] == 0x3000 + step);
			assert_int_equal(core.av.gpr[RCX], 9);
		}
}

static void test_rep(void **state)
{
	(void)state;
	core.av.gpr[RCX] = 5;
	core.av.gpr[RDI] = 0x3000;
	string(true, 2, true, 4, SEG_ES);
	core_expect_done(interpret_io(&core, &e));
	assert_true(core.av.gpr[RCX] == 0 && core.av.gpr[RDI] == 0x300a);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(peek(0x3000 + 2 * i, 2), 0xf0a1 + i);
	assert_int_equal(peek(0x300a, 2), 0);
	core_expect_done(interpret_io(&core, &e));	/* count 0: nothing at all */
	assert_true(core.av.gpr[RCX] == 0 && core.av.gpr[RDI] == 0x300a);
	assert_int_equal(tape.count, 5);
	core_regs[VREG_RFLAGS] |= FLAGS_DF;
	core.av.gpr[RCX] = 3;
	core.av.gpr[RSI] = 0x6008;
	memcpy(core_storage + 0x6000, "\1\0\0\0\2\0\0\0\3\0\0\0", 12);
	string(false, 4, true, 4, SEG_DS);
	core_expect_done(interpret_io(&core, &e));
	assert_true(core.av.gpr[RCX] == 0 && core.av.gpr[RSI] == 0x5ffc);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(tape.log[5 + i].value, 3 - i);
}

/* A long string comes back after STRING_TICKS, so that it cannot hold the processor. */
static void test_batches(void **state)
{
	static const unsigned int lengths[] = { 63, 64, 65, 128, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		uint64_t left = lengths[i];
		enum verdict v = V_RESUME;

		tape.count = tape.next = 0;
		core_nothing_due(64);
		core.av.gpr[RCX] = lengths[i];
		core.av.gpr[RSI] = 0x10000;
		for (unsigned int n = 0; n < lengths[i]; n++)
			core_storage[0x10000 + n] = (uint8_t)(n * 7);
		string(false, 1, true, 4, SEG_DS);
		for (unsigned int turns = 0; v == V_RESUME; turns++) {
			assert_true(turns <= lengths[i] / 64 + 1);
			v = interpret_io(&core, &e);
			assert_false(core.pending.exception.valid);
			if (v == V_RESUME)
				assert_true(left - core.av.gpr[RCX] == 64);
			left = core.av.gpr[RCX];
		}
		core_expect_done(v);
		assert_int_equal(left, 0);
		assert_int_equal(tape.count, lengths[i]);
		for (unsigned int n = 0; n < lengths[i]; n++)
			assert_int_equal(tape.log[n].value, (uint8_t)(n * 7));
	}
}

static void test_address_sizes(void **state)
{
	(void)state;
	core_make(STORAGE);		/* real mode */
	assert_int_equal(bus_claim(&core.bus, BUS_PORT, PORT, PORT, &tape.dev, 0, false), 0);
	core_segments[SEG_ES] = (struct segment){ .selector = 0x1000, .base = 0x10000, .limit = 0xffff, .access = 0x93 };
	core.av.gpr[RDI] = 0x5555aaaa6666fffe;
	core.av.gpr[RCX] = 0x7777bbbb88880003;
	string(true, 1, true, 2, SEG_ES);
	core_expect_done(interpret_io(&core, &e));
	assert_true(core.av.gpr[RDI] == 0x5555aaaa66660001);	/* DI wraps, the rest stays */
	assert_true(core.av.gpr[RCX] == 0x7777bbbb88880000);
	assert_int_equal(core_storage[0x1fffe], 0xa1);
	assert_int_equal(core_storage[0x1ffff], 0xa2);
	assert_int_equal(core_storage[0x10000], 0xa3);

	setup(state);
	core_long();
	core.av.gpr[RDI] = 0xaaaaaaaa00005000;
	core.av.gpr[RCX] = 0xbbbbbbbb00000002;
	string(true, 1, true, 4, SEG_ES);
	core_expect_done(interpret_io(&core, &e));
	assert_true(core.av.gpr[RDI] == 0x5002 && core.av.gpr[RCX] == 0);
	core.av.gpr[RSI] = 0x5000;
	core.av.gpr[RCX] = 2;
	string(false, 1, true, 8, SEG_DS);
	core_segments[SEG_DS].base = 0x20000;	/* does not count in 64-bit mode */
	core_segments[SEG_DS].access |= SEGMENT_UNUSABLE;	/* nor does this */
	core_expect_done(interpret_io(&core, &e));
	assert_int_equal(tape.log[2].value, 0xa1);
	core_segments[SEG_FS].base = 0x4000;	/* but FS's does */
	core_storage[0x4000 + 0x1002] = 0x3c;
	core.av.gpr[RSI] = 0x1002;
	string(false, 1, false, 8, SEG_FS);
	core_expect_done(interpret_io(&core, &e));
	assert_int_equal(tape.log[4].value, 0x3c);
}

/* #GP(0), or #SS(0) where the stack segment is meant; the device has not been asked and no register has moved. */
static void refused(uint8_t vector)
{
	unsigned int asked = tape.count;
	uint64_t gpr[GPRS];

	memcpy(gpr, core.av.gpr, sizeof(gpr));
	core_expect_fault(interpret_io(&core, &e), vector, 0);
	assert_int_equal(tape.count, asked);
	assert_memory_equal(gpr, core.av.gpr, sizeof(gpr));
}

static void test_limits(void **state)
{
	(void)state;
	core_segments[SEG_ES].limit = 0x2fff;
	core.av.gpr[RDI] = 0x2ffc;
	string(true, 4, false, 4, SEG_ES);
	core_expect_done(interpret_io(&core, &e));
	core.av.gpr[RDI] = 0x2ffd;
	refused(EXC_GP);
	string(true, 2, false, 4, SEG_ES);
	core_expect_done(interpret_io(&core, &e));
	core.av.gpr[RDI] = 0xffffffff;	/* the sum must not wrap */
	refused(EXC_GP);
	core_segments[SEG_SS].limit = 0x1fff;
	core.av.gpr[RSI] = 0x2000;
	string(false, 1, false, 4, SEG_SS);
	refused(EXC_SS);
	core_segments[SEG_GS].limit = 0x1fff;
	string(false, 1, false, 4, SEG_GS);
	refused(EXC_GP);

	core_segments[SEG_ES] = (struct segment){ .limit = 0x2fff, .access = 0xc097 };	/* expand-down */
	string(true, 1, false, 4, SEG_ES);
	core.av.gpr[RDI] = 0x2fff;
	refused(EXC_GP);
	core.av.gpr[RDI] = 0x3000;
	core_expect_done(interpret_io(&core, &e));
	core_segments[SEG_ES].access = 0x97;	/* of 16 bits: ends at FFFF */
	core.av.gpr[RDI] = 0xffff;
	core_expect_done(interpret_io(&core, &e));
	refused(EXC_GP);
	core.av.gpr[RDI] = 0xffff;
	string(true, 2, false, 4, SEG_ES);
	refused(EXC_GP);

	core_segments[SEG_ES] = (struct segment){ .limit = 0xffffffff, .access = 0xc093 | SEGMENT_UNUSABLE };
	core.av.gpr[RDI] = 0x1000;
	refused(EXC_GP);	/* a null selector */
	core_segments[SEG_ES].access = 0xc091;
	refused(EXC_GP);	/* not writable */
	core_segments[SEG_ES].access = 0xc09b;
	refused(EXC_GP);	/* code */
	core.av.gpr[RSI] = 0x1000;
	core_segments[SEG_DS].access = 0xc091;	/* reading it is allowed */
	string(false, 1, false, 4, SEG_DS);
	core_expect_done(interpret_io(&core, &e));
	string(false, 1, false, 4, SEG_CS);	/* so it is for readable code */
	core_expect_done(interpret_io(&core, &e));
}

/* Code that may only be executed cannot be read through a CS override. SDM, "Type Checking". */
static void test_execute_only(void **state)
{
	(void)state;
	core_segments[SEG_CS].access = 0xc099;
	core.av.gpr[RSI] = 0x1000;
	string(false, 1, false, 4, SEG_CS);
	refused(EXC_GP);
}

/* The limit is reached in the middle of a string: what is done stays done. */
static void test_limit_within(void **state)
{
	(void)state;
	core_segments[SEG_ES].limit = 0x3003;
	core.av.gpr[RDI] = 0x3000;
	core.av.gpr[RCX] = 10;
	string(true, 2, true, 4, SEG_ES);
	core_expect_fault(interpret_io(&core, &e), EXC_GP, 0);
	assert_true(core.av.gpr[RDI] == 0x3004 && core.av.gpr[RCX] == 8);
	assert_int_equal(tape.count, 2);
}

/* 4 KiB pages at 200000h: the first is there, the second as asked for. */
static void paging(uint64_t second)
{
	uint64_t entry = 0x8007;

	core_long();
	memcpy(core_storage + 0x3008, &entry, 8);
	memset(core_storage + 0x8000, 0, 0x1000);
	entry = 0x9007;
	memcpy(core_storage + 0x8000, &entry, 8);
	memcpy(core_storage + 0x8008, &second, 8);
}

static void test_page_faults(void **state)
{
	(void)state;
	paging(0);
	core.av.gpr[RDI] = 0x200ffc;
	core.av.gpr[RCX] = 8;
	string(true, 2, true, 8, SEG_ES);
	core_expect_fault(interpret_io(&core, &e), EXC_PF, 2);
	assert_int_equal(core_regs[VREG_CR2], 0x201000);
	assert_true(core.av.gpr[RDI] == 0x201000 && core.av.gpr[RCX] == 6);
	assert_int_equal(tape.count, 2);	/* the device keeps what could not be stored */
	assert_int_equal(peek(0x9ffc, 4), 0xf0a2f0a1);
	core_expect_fault(interpret_io(&core, &e), EXC_PF, 2);
	assert_int_equal(tape.count, 2);
	paging(0xa007);				/* the guest brings the page, and the string goes on */
	core_nothing_due(0);
	core_expect_done(interpret_io(&core, &e));
	assert_true(core.av.gpr[RDI] == 0x20100c && core.av.gpr[RCX] == 0);
	assert_int_equal(peek(0xa000, 4), 0xf0a4f0a3);
	assert_int_equal(tape.count, 8);

	paging(0);				/* one element across the border: nothing is taken from the device */
	core.av.gpr[RDI] = 0x200fff;
	string(true, 2, false, 8, SEG_ES);
	core_expect_fault(interpret_io(&core, &e), EXC_PF, 2);
	assert_int_equal(tape.count, 8);
	assert_true(core.av.gpr[RDI] == 0x200fff);
	core.av.gpr[RSI] = 0x200ffd;
	string(false, 4, false, 8, SEG_DS);
	core_expect_fault(interpret_io(&core, &e), EXC_PF, 0);
	assert_int_equal(tape.count, 8);

	paging(0xa005);				/* a user program with the right to ports, but not to that page */
	core_segments[SEG_SS].access |= 0x60;
	core.av.gpr[RDI] = 0x201000;
	string(true, 1, false, 8, SEG_ES);
	core_expect_fault(interpret_io(&core, &e), EXC_PF, 7);
	core.av.gpr[RSI] = 0x201000;
	string(false, 1, false, 8, SEG_DS);
	core_expect_done(interpret_io(&core, &e));
}

/* Beyond the storage the string goes on as on a PC: ones are read, what is written is lost. */
static void test_absent_storage(void **state)
{
	(void)state;
	memcpy(core_storage + 0x1000, "\x66\x6f\x66\x6d\xf3\x6c", 6);	/* outsw, insw, rep insb */
	core_storage[STORAGE - 1] = 0x12;
	core.av.gpr[RDX] = PORT;
	core.av.gpr[RSI] = STORAGE - 1;
	string(false, 2, false, 4, SEG_DS);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(tape.count, 1);
	assert_true(tape.log[0].value == 0xff12 && tape.log[0].write);
	assert_true(core.av.gpr[RSI] == STORAGE + 1 && core_regs[VREG_RIP] == 0x1002);
	assert_int_equal(core.account.memory_traps, 1);
	assert_int_equal(core_notes, 1);

	e.rip = 0x1002;
	core.av.gpr[RDI] = STORAGE - 1;
	string(true, 2, false, 4, SEG_ES);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(tape.count, 2);
	assert_int_equal(core_storage[STORAGE - 1], 0xa1);
	assert_true(core.av.gpr[RDI] == STORAGE + 1 && core_regs[VREG_RIP] == 0x1004);

	e.rip = core_regs[VREG_RIP] = 0x1004;	/* half of it in storage; the time ends, RIP stays */
	core_nothing_due(64);
	core.av.gpr[RDI] = STORAGE - 3;
	core.av.gpr[RCX] = 100;
	string(true, 1, true, 4, SEG_ES);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(core_regs[VREG_RIP], 0x1004);
	assert_int_equal(core.av.gpr[RCX], 33);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(core_regs[VREG_RIP], 0x1006);
	assert_true(core.av.gpr[RCX] == 0 && core.av.gpr[RDI] == STORAGE + 97);
	assert_int_equal(tape.count, 102);
	assert_int_equal(core.state, VM_RUNNABLE);
}

/* An address that is not canonical is the guest's own fault, and a user program's: #GP(0), the guest lives on. */
static void test_not_canonical(void **state)
{
	(void)state;
	core_long();
	core.av.gpr[RDI] = 0x0000800000000000;
	string(true, 1, false, 8, SEG_ES);
	refused(EXC_GP);
	core.av.gpr[RSI] = 0x7fffffffffffffff;
	string(false, 2, false, 8, SEG_DS);
	refused(EXC_GP);
	string(false, 2, false, 8, SEG_SS);
	refused(EXC_SS);
	assert_int_equal(core.state, VM_RUNNABLE);
}

/* A program that steps has a trap after each element; the last one's comes behind the instruction. */
static void test_stepping(void **state)
{
	(void)state;
	core_regs[VREG_RFLAGS] |= FLAGS_TF;
	core.av.gpr[RCX] = 3;
	core.av.gpr[RSI] = 0x3000;
	string(false, 1, true, 4, SEG_DS);
	for (uint64_t left = 2;; left--) {
		assert_int_equal(interpret_io(&core, &e), V_RESUME);
		assert_int_equal(core.av.gpr[RCX], left);
		assert_int_equal(core_steps, 3 - left);
		assert_int_equal(core_regs[VREG_RIP], left != 0 ? 0x1000 : 0x1002);
		if (left == 0)
			break;
	}
	assert_int_equal(tape.count, 3);
	assert_int_equal(interpret_io(&core, &e), V_NEXT);	/* nothing to do: the dispatcher sees to the trap */
	string(false, 1, false, 4, SEG_DS);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_true(core.av.gpr[RCX] == 0 && core_regs[VREG_RIP] == 0x1002);
}

/* DR7: breakpoint n on, with its R/W and LEN fields. */
static uint64_t dr7(unsigned int n, uint64_t rw, uint64_t len)
{
	return 2ull << 2 * n | (rw | len << 2) << (16 + 4 * n);
}

static void test_port_breakpoints(void **state)
{
	static const struct { uint16_t port; uint8_t size; bool hit; } accesses[] = {
		{ PORT, 1, false }, { PORT + 1, 1, false }, { PORT + 2, 1, true }, { PORT + 3, 1, true },
		{ PORT, 2, false }, { PORT + 2, 2, true }, { PORT, 4, true }, { PORT + 4, 1, false }, { PORT + 1, 2, true },
	};

	(void)state;
	core_regs[VREG_DR2] = PORT + 3;		/* two bytes: the lowest bit does not count */
	core_regs[VREG_DR7] = dr7(2, 2, 1);
	for (unsigned int de = 0; de < 2; de++) {
		core_regs[VREG_CR4] = de ? 1u << 3 : 0;
		for (size_t i = 0; i < ARRAY_LEN(accesses); i++) {
			bool hit = accesses[i].hit && de;

			core_hits = 0;
			e.io.port = accesses[i].port;
			e.io.size = accesses[i].size;
			e.io.in = i % 2 != 0;
			e.io.string = e.io.rep = false;
			core_regs[VREG_RIP] = 0;
			assert_int_equal(interpret_io(&core, &e), hit ? V_RESUME : V_NEXT);
			assert_int_equal(core_hits, hit ? 4 : 0);
			assert_int_equal(core_regs[VREG_RIP], hit ? 0x1002 : 0);
		}
	}
}

static void test_string_breakpoints(void **state)
{
	(void)state;
	core_regs[VREG_DR0] = 0x3002;
	core_regs[VREG_DR1] = 0x3002;
	core_regs[VREG_DR7] = dr7(0, 1, 0) | dr7(1, 3, 0);
	core.av.gpr[RCX] = 4;
	core.av.gpr[RDI] = 0x3000;
	string(true, 1, true, 4, SEG_ES);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);	/* the third element */
	assert_true(core.av.gpr[RCX] == 1 && core_hits == 3 && core_regs[VREG_RIP] == 0x1000);
	core_hits = 0;
	core_expect_done(interpret_io(&core, &e));
	core.av.gpr[RSI] = 0x3002;	/* read: DR0 is for writes alone */
	string(false, 1, false, 4, SEG_DS);
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(core_hits, 2);
	core_hits = 0;
	core_regs[VREG_DR7] = dr7(0, 3, 0) ^ 2;		/* none is on */
	core.av.gpr[RSI] = 0x3002;
	core_expect_done(interpret_io(&core, &e));
	core_regs[VREG_DR7] = dr7(1, 3, 0) | 3 << 16;	/* DR0 is off, and told beside DR1 */
	core.av.gpr[RSI] = 0x3002;
	assert_int_equal(interpret_io(&core, &e), V_RESUME);
	assert_int_equal(core_hits, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in), TEST(test_out), TEST(test_nobody), TEST(test_single_strings), TEST(test_rep),
		TEST(test_batches), TEST(test_address_sizes), TEST(test_limits), TEST(test_execute_only),
		TEST(test_limit_within), TEST(test_page_faults), TEST(test_absent_storage), TEST(test_not_canonical), TEST(test_stepping),
		TEST(test_port_breakpoints), TEST(test_string_breakpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
