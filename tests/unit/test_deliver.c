/* Tests the delivery of events, IRET, gates and returns with tables and stacks at a device or nowhere.
 * Part: unit tests, on the host.
 * UNIT: vmm/allocator/memory_trap.c $(STORAGE)
 */
#include "tests/unit/core_fake.h"

#include "vmm/allocator/memory_trap.h"

#define B KIB(256)		/* the guest's bound; behind it the device's memory, and then nothing */
#define DEVICE_BYTES KIB(64)
#define GDT 0x5000u
#define LDT 0x5800u
#define IDT 0x6000u
#define TSS 0x7000u
#define NEW 0x7400u
#define CODE 0x8000u
#define STACK 0x9000u
#define STACK0 0xa000u
#define HANDLER 0x12345u

#define NT (1u << 14)
#define IOPL3 (3u << 12)
#define VM86 (1u << 17)
#define AC (1u << 18)
#define VIF (1u << 19)

enum { CODE0 = 8, DATA0 = 0x10, CODE3 = 0x18, DATA3 = 0x20, THE_TSS = 0x28, CONFORMING = 0x38, CODE1 = 0x40, DATA1 = 0x48,
       ABSENT = 0x50, NEW_TSS = 0x58, TIGHT = 0x60, GATE = 0x68, GATE_HIGH = 0x70, CODE64 = 0x78, DATA16 = 0x80, BEYOND = 0x88 };

static struct vm_exit trap;
static uint8_t device_bytes[DEVICE_BYTES];
static uint32_t moved;		/* added to an address of a table: 0, or B for the device's memory */

static void device_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	(void)d;
	(void)region;
	assert_in_range(a->addr, B, B + DEVICE_BYTES - a->size);
	if (a->write)
		memcpy(device_bytes + (a->addr - B), &a->value, a->size);
	else
		memcpy(&a->value, device_bytes + (a->addr - B), a->size);
}

static const struct vdev_ops device_ops = { .name = "PLANES", .access = device_access };
static struct vdev device = { .ops = &device_ops };

static uint8_t *at(uint64_t address)
{
	return address >= B ? device_bytes + (address - B) : core_storage + address;
}

static void put(uint64_t address, uint64_t value, size_t n)
{
	memcpy(at(address), &value, n);
}

static uint64_t get(uint64_t address, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, at(address), n);
	return value;
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(access & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(access & 0xf000) << 40 | (uint64_t)(base >> 24) << 56;
}

static void gdt(uint16_t selector, uint64_t value)
{
	put(GDT + moved + (selector & ~7u), value, 8);
}

static uint64_t gate(uint16_t selector, uint32_t offset, uint32_t type)
{
	return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)type << 32 | (uint64_t)(offset >> 16) << 48;
}

static void idt(uint8_t vector, uint16_t selector, uint32_t offset, uint32_t type)
{
	bool wide = (core_regs[VREG_EFER] & EFER_LONG) == EFER_LONG;

	put(IDT + moved + vector * (wide ? 16u : 8u), gate(selector, offset, type), 8);
	if (wide)
		put(IDT + moved + vector * 16u + 8, 0, 8);
}

static void level(unsigned int cpl)
{
	core_segments[SEG_SS].access = (core_segments[SEG_SS].access & ~0x60u) | cpl << 5;
	core_segments[SEG_SS].selector = cpl == 0 ? DATA0 : DATA3 | 3;
	core_segments[SEG_CS].access = (core_segments[SEG_CS].access & ~0x60u) | cpl << 5;
	core_segments[SEG_CS].selector = cpl == 0 ? CODE0 : CODE3 | 3;
}

/* bits: 16 = real mode. All tables lie `moved` behind where they usually do. */
static void machine(unsigned int bits)
{
	core_make(B);
	memset(device_bytes, 0, sizeof(device_bytes));
	if (bits == 32)
		core_protected();
	if (bits == 64)
		core_long();
	assert_int_equal(bus_claim(&core.bus, BUS_MMIO, B, B + DEVICE_BYTES - 1, &device, 0, false), 0);
	core_regs[VREG_GDTR_BASE] = GDT + moved;
	core_regs[VREG_GDTR_LIMIT] = BEYOND - 1;
	core_regs[VREG_IDTR_BASE] = bits == 16 ? moved : IDT + moved;
	core_regs[VREG_IDTR_LIMIT] = bits == 16 ? 0x3ff : bits == 32 ? 0x7ff : 0xfff;
	gdt(CODE0, descriptor(0, 0xfffff, bits == 64 ? 0xa09a : 0xc09a));
	gdt(DATA0, descriptor(0, 0xfffff, 0xc092));
	gdt(CODE3, descriptor(0, 0xfffff, bits == 64 ? 0xa0fa : 0xc0fa));
	gdt(DATA3, descriptor(0, 0xfffff, 0xc0f2));
	gdt(CONFORMING, descriptor(0, 0xfffff, bits == 64 ? 0xa09e : 0xc09e));
	gdt(CODE1, descriptor(0, 0xfffff, bits == 64 ? 0xa0ba : 0xc0ba));
	gdt(DATA1, descriptor(0, 0xfffff, 0xc0b2));
	gdt(ABSENT, descriptor(0, 0xfffff, 0xc01a));
	gdt(NEW_TSS, descriptor(NEW + moved, 103, 0x89));
	gdt(TIGHT, descriptor(0, 0xff, 0x409a));
	gdt(CODE64, descriptor(0, 0xfffff, 0xc0fa));	/* in long mode: compatibility mode */
	gdt(DATA16, descriptor(0, 0xffff, 0xb2));
	gdt(THE_TSS, descriptor(TSS + moved, 0xff, 0x8b));
	core_segments[SEG_TR] = (struct segment){ THE_TSS, TSS + moved, 0xff, 0x8b };
	core_segments[SEG_LDTR] = (struct segment){ .access = SEGMENT_UNUSABLE };
	if (bits == 64) {
		put(TSS + moved + 4, STACK0 + moved + 8, 8);
		put(TSS + moved + 12, STACK0 + moved - 0x200, 8);
		put(TSS + moved + 28 + 8 * 3, STACK0 + moved - 0x400, 8);
	} else {
		put(TSS + moved + 4, STACK0 + moved, 4);
		put(TSS + moved + 8, DATA0, 2);
		put(TSS + moved + 12, STACK0 + moved - 0x200, 4);
		put(TSS + moved + 16, DATA1 | 1, 2);
	}
	core_regs[VREG_RSP] = bits == 16 ? STACK : STACK + moved;
	core_regs[VREG_RIP] = CODE;
	core_regs[VREG_RFLAGS] = 0x202;
	trap = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
}

/* The dispatcher has queued the event again before it routes. */
static enum verdict deliver(uint8_t vector, uint8_t type, int error)
{
	trap.vectoring = (struct event){ .valid = true, .vector = vector, .type = type, .has_error = error >= 0,
					 .error = error >= 0 ? (uint32_t)error : 0, .insn_len = 2 };
	core.pending.requeued = trap.vectoring;
	core.pending.requeued_valid = true;
	return memory_trap(&core, &trap);
}

static void delivered(uint8_t vector, uint8_t type, int error)
{
	unsigned int before = core_advances;

	assert_int_equal(deliver(vector, type, error), V_RESUME);
	assert_false(core.pending.exception.valid);
	assert_false(core.pending.requeued_valid);
	assert_int_equal(core_advances, before + 1);
}

static enum verdict execute(const char *bytes, size_t n)
{
	memcpy(core_storage + CODE, bytes, n);
	trap = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
	return memory_trap(&core, &trap);
}

#define EXECUTE(bytes) execute(bytes, sizeof(bytes) - 1)

static void done(enum verdict v)
{
	assert_int_equal(v, V_RESUME);
	assert_false(core.pending.exception.valid);
}

static void expect_frame(uint64_t from, unsigned int width, unsigned int count, const uint64_t *words)
{
	for (unsigned int n = 0; n < count; n++)
		assert_int_equal(get(from + n * width, width), words[n] & (UINT64_MAX >> (64 - 8 * width)));
}

#define FRAME(from, width, ...) expect_frame((from), (width), sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ })

static void test_real_mode(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(16);
		if (moved == 0) {	/* the stack alone */
			core_segments[SEG_SS] = (struct segment){ .selector = B >> 4, .base = B, .limit = 0xffff, .access = 0x93 };
		}
		put(moved + 4 * 0x21, 0x12345678, 4);
		core_regs[VREG_RFLAGS] = 0x302 | AC;
		core_blocking = BLOCKING_BY_STI;
		delivered(0x21, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RIP], 0x5678);
		assert_int_equal(core_segments[SEG_CS].base, 0x12340);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		assert_int_equal(core_regs[VREG_RSP], STACK - 6);
		assert_int_equal(core_blocking, 0);
		FRAME((moved == 0 ? B : 0) + STACK - 6, 2, CODE + 2, 0, 0x302);
		/* back again */
		if (moved == 0) {
			trap.rip = 0x5678;
			core_storage[0x12340 + 0x5678] = 0xcf;
			trap.vectoring.valid = false;
			done(memory_trap(&core, &trap));
			assert_int_equal(core_regs[VREG_RIP], CODE + 2);
			assert_int_equal(core_regs[VREG_RFLAGS], 0x302);
			assert_int_equal(core_regs[VREG_RSP], STACK);
		}
	}
	moved = B;
	machine(16);
	core_regs[VREG_IDTR_LIMIT] = 0x86;
	core_expect_fault(deliver(0x21, EVENT_INTERRUPT, -1), EXC_GP, 1);
	machine(16);
	core_regs[VREG_RSP] = 3;
	core_expect_fault(deliver(0x21, EVENT_INTERRUPT, -1), EXC_SS, 1);
	machine(16);
	core_segments[SEG_CS].limit = 0xfff;
	put(moved + 4 * 0x21, 0x1000, 4);
	core_expect_fault(deliver(0x21, EVENT_EXCEPTION, -1), EXC_GP, 1);
	moved = 0;
}

static void test_same_level(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		idt(13, CODE0, HANDLER, 0x8e00);
		idt(0x40, CODE0, HANDLER, 0x8f00);
		idt(0x41, CODE0, 0xffff1234, 0x8600);
		core_regs[VREG_RFLAGS] = 0x10302 | NT;
		delivered(13, EVENT_EXCEPTION, 0x1238);
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 16);
		assert_int_equal(core_segments[SEG_CS].access, 0xc09b);
		assert_int_equal(get(GDT + moved + CODE0 + 5, 1), 0x9b);
		FRAME(STACK + moved - 16, 4, 0x1238, CODE, CODE0, 0x10302 | NT);
		core_regs[VREG_RFLAGS] = 0x202;
		core_regs[VREG_RSP] = STACK + moved;
		delivered(0x40, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		FRAME(STACK + moved - 12, 4, CODE + 2, CODE0, 0x202);
		core_regs[VREG_RSP] = STACK + moved;
		delivered(0x41, EVENT_INTERRUPT, -1);
		assert_int_equal(core_regs[VREG_RIP], 0x1234);
		assert_int_equal(core_regs[VREG_RFLAGS], 2);
		FRAME(STACK + moved - 6, 2, CODE, CODE0, 0x202);
	}
	moved = 0;
}

static void test_to_inner_level(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		level(3);
		idt(2, CODE0, HANDLER, 0x8e00);
		idt(0x30, CODE1, HANDLER, 0xee00);
		idt(0x31, CONFORMING, HANDLER, 0xee00);
		delivered(2, EVENT_NMI, -1);
		assert_int_equal(core_blocking, BLOCKING_BY_NMI);
		assert_int_equal(core_segments[SEG_SS].selector, DATA0);
		assert_int_equal(core_segments[SEG_SS].access, 0xc093);
		assert_int_equal(core_segments[SEG_CS].selector, CODE0);
		assert_int_equal(core_regs[VREG_RSP], STACK0 + moved - 20);
		FRAME(STACK0 + moved - 20, 4, CODE, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		machine(32);
		level(3);
		idt(0x30, CODE1, HANDLER, 0xee00);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_CS].selector, CODE1 | 1);
		assert_int_equal(core_segments[SEG_SS].selector, DATA1 | 1);
		FRAME(STACK0 + moved - 0x214, 4, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		machine(32);
		level(3);
		idt(0x31, CONFORMING, HANDLER, 0xee00);
		delivered(0x31, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_CS].selector, CONFORMING | 3);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 12);
	}
	moved = 0;
}

/* Each wrong thing is in what comes after the right ones: the SDM's order. */
static void test_faults_in_order(void **state)
{
	const uint16_t code = 0x30 * 8 + 2;

	(void)state;
	moved = B;
	machine(32);
	level(3);
	core_regs[VREG_IDTR_LIMIT] = 0x30 * 8 + 6;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, code);
	assert_false(core.pending.requeued_valid);
	core_regs[VREG_IDTR_LIMIT] = 0x30 * 8 + 7;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, code + 1);	/* no gate at all */
	idt(0x30, 0, 0, 0x0e00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, code);	/* DPL */
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_NP, code + 1);
	core_expect_fault(deliver(0x30, EVENT_PRIV_SOFT_EXCEPTION, -1), EXC_NP, code + 1);
	idt(0x30, 3, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_EXCEPTION, -1), EXC_GP, 0);
	core_expect_fault(deliver(0x30, EVENT_EXCEPTION, -1), EXC_GP, 1);
	assert_true(core.pending.requeued_valid);
	idt(0x30, BEYOND, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, BEYOND | 1);
	idt(0x30, 4, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 5);
	idt(0x30, DATA3, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, DATA3 | 1);
	idt(0x30, ABSENT, 0, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_NP, ABSENT | 1);
	idt(0x30, TIGHT, 0x100, 0xee00);
	core_segments[SEG_TR].limit = 8;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, THE_TSS | 1);
	core_segments[SEG_TR].limit = 9;
	put(TSS + B + 8, 3, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, 1);
	put(TSS + B + 8, BEYOND, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, BEYOND | 1);
	put(TSS + B + 8, DATA0 | 1, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, DATA0 | 1);
	put(TSS + B + 8, DATA3, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, DATA3 | 1);
	put(TSS + B + 8, CODE0, 2);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_TS, CODE0 | 1);
	put(TSS + B + 8, DATA0, 2);
	gdt(DATA0, descriptor(0, 0xfffff, 0xc012));
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, DATA0 | 1);
	gdt(DATA0, descriptor(0, STACK0 + B - 21, 0x4096));	/* expand-down: 20 bytes */
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, 5), EXC_SS, DATA0 | 1);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 1);	/* and the offset */
	assert_int_equal(get(GDT + B + TIGHT + 5, 1), 0x9a);	/* nothing has been marked */
	idt(0x30, TIGHT, 0xff, 0xee00);
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(get(GDT + B + TIGHT + 5, 1), 0x9b);
	assert_int_equal(get(GDT + B + DATA0 + 5, 1), 0x97);
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_segments[SEG_SS].limit = core_regs[VREG_RSP] - 2;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, 1);
	moved = 0;
}

/* The second exception, and the third. */
static void test_clashes(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	idt(8, CODE0, HANDLER, 0x8e00);
	assert_int_equal(deliver(EXC_GP, EVENT_EXCEPTION, 0), V_RESUME);
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.vector, EXC_DF);
	assert_true(core_injected.has_error && core_injected.error == 0);
	delivered(EXC_DF, EVENT_EXCEPTION, 0);
	machine(32);
	assert_int_equal(deliver(EXC_DF, EVENT_EXCEPTION, 0), V_RESUME);
	assert_false(event_prepare(&core));
	machine(32);
	assert_int_equal(deliver(EXC_UD, EVENT_EXCEPTION, -1), V_RESUME);
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.vector, EXC_GP);
	assert_int_equal(core_injected.error, EXC_UD * 8 + 3);
	assert_false(core.pending.requeued_valid);
	moved = 0;
}

/* An inner level's stack is the supervisor's, and a page fault has CR2. */
static void test_pages(void **state)
{
	enum { DIRECTORY = 0x1000, TABLE = 0x2000 };

	(void)state;
	moved = B;
	machine(32);
	level(3);
	idt(0x30, CODE0, HANDLER, 0xee00);
	put(DIRECTORY, TABLE | 7, 4);
	for (uint32_t i = 0; i < 1024; i++)
		put(TABLE + 4 * i, i << 12 | 3, 4);
	core_regs[VREG_CR0] = CR0_PE_PG;
	core_regs[VREG_CR3] = DIRECTORY;
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	FRAME(STACK0 + moved - 20, 4, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
	for (unsigned int i = 0; i < 2; i++) {	/* a stack that is not there; and not the user's own */
		machine(32);
		level(3);
		idt(0x30, i == 0 ? CODE0 : CONFORMING, HANDLER, 0xee00);
		put(DIRECTORY, TABLE | 7, 4);
		for (uint32_t n = 0; n < 1024; n++)
			put(TABLE + 4 * n, n << 12 | 3, 4);
		if (i == 0)
			put(TABLE + 4 * ((STACK0 + B - 1) >> 12), 0, 4);
		core_regs[VREG_CR0] = CR0_PE_PG;
		core_regs[VREG_CR3] = DIRECTORY;
		core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_PF, i == 0 ? 2 : 7);
		assert_int_equal(core_regs[VREG_CR2], i == 0 ? STACK0 + B - 4 : STACK + B - 4);
		assert_int_equal(core_segments[SEG_SS].selector, DATA3 | 3);
	}
	/* page tables are no device's business */
	put(TABLE + 4 * ((IDT + B) >> 12), 7, 4);
	put(DIRECTORY, B | 7, 4);
	assert_int_equal(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), V_CRASH);
	moved = 0;
}

static void virtual_8086(uint64_t flags)
{
	static const uint16_t selectors[] = { 0x11, 0x800, 0x900, 0x22, 0x33, 0x44 };

	for (enum seg s = SEG_ES; s <= SEG_GS; s++)
		core_segments[s] = (struct segment){ selectors[s], (uint64_t)selectors[s] << 4, 0xffff, 0xf3 };
	core_regs[VREG_RFLAGS] = 2 | VM86 | flags;
	core_regs[VREG_RSP] = 0x100;
	trap.rip = core_regs[VREG_RIP] = 0x20;
}

static void test_virtual_8086(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		idt(0x30, CODE0, HANDLER, 0xee00);
		virtual_8086(IOPL3 | 0x200);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		FRAME(STACK0 + moved - 36, 4, 0x22, 0x800, 0x202 | IOPL3 | VM86, 0x100, 0x900, 0x11, 0x22, 0x33, 0x44);
		assert_int_equal(core_regs[VREG_RFLAGS], 2 | IOPL3);
		for (enum seg s = SEG_ES; s <= SEG_GS; s++)
			assert_true(s == SEG_CS || s == SEG_SS || (core_segments[s].access == SEGMENT_UNUSABLE && core_segments[s].selector == 0));
		assert_int_equal(core_segments[SEG_SS].access, 0xc093);
		/* and back */
		done(EXECUTE("\xcf"));
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202 | IOPL3 | VM86);
		assert_int_equal(core_regs[VREG_RIP], 0x22);
		assert_int_equal(core_regs[VREG_RSP], 0x100);
		assert_int_equal(core_segments[SEG_SS].base, 0x9000);
		assert_int_equal(core_segments[SEG_GS].base, 0x440);
		assert_int_equal(core_segments[SEG_CS].access, 0xf3);
	}
	idt(0x30, CONFORMING, HANDLER, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, CONFORMING);
	idt(0x30, CODE1, HANDLER, 0xee00);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, CODE1);
	moved = 0;
}

/* VME: the map in the TSS, then the program's own table; or the IDT, or #GP. */
static void test_redirection(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	core_regs[VREG_CR4] = 1;
	put(TSS + B + 102, 0xa0, 2);
	put(4 * 0x30, 0x12345678, 4);
	virtual_8086(VIF | 0x100);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RIP], 0x5678);
	assert_int_equal(core_segments[SEG_CS].selector, 0x1234);
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86);
	FRAME(0x9000 + 0x100 - 6, 2, 0x22, 0x800, 0x302 | IOPL3);
	virtual_8086(IOPL3 | 0x200);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86 | IOPL3);
	/* as an instruction, where the processor calls it none of its events */
	core.pending.requeued = (struct event){ .valid = true, .vector = 0x77, .type = EVENT_INTERRUPT };
	core.pending.requeued_valid = true;
	virtual_8086(IOPL3);
	memcpy(core_storage + 0x8020, "\xcd\x30", 2);
	trap.vectoring.valid = false;
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RIP], 0x5678);
	assert_true(core.pending.requeued_valid);
	core.pending.requeued_valid = false;
	put(TSS + B + 0x80 + 0x30 / 8, 1, 1);
	virtual_8086(0);
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	idt(0x30, CODE0, HANDLER, 0xee00);
	virtual_8086(IOPL3);
	delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
	assert_int_equal(core_regs[VREG_RIP], HANDLER);
	virtual_8086(IOPL3);
	core_segments[SEG_TR].limit = 102;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	core_segments[SEG_TR].limit = 0x85;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	put(TSS + B + 102, 0, 2);		/* before the TSS: beyond its end */
	core_segments[SEG_TR].limit = 0xff;
	core_expect_fault(deliver(0x30, EVENT_SOFT_INTERRUPT, -1), EXC_GP, 0);
	moved = 0;
}

static void new_task(void)
{
	put(NEW + moved + 32, 0x4444, 4);
	put(NEW + moved + 36, 2, 4);
	put(NEW + moved + 56, STACK0 + moved, 4);
	put(NEW + moved + 72, DATA0, 2);
	put(NEW + moved + 76, CODE0, 2);
	put(NEW + moved + 80, DATA0, 2);
	put(NEW + moved + 84, DATA0, 2);
}

static void test_tasks(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		new_task();
		idt(13, NEW_TSS, 0, 0x8500);
		delivered(13, EVENT_EXCEPTION, 0x1238);
		assert_int_equal(core_regs[VREG_RIP], 0x4444);
		assert_int_equal(core_segments[SEG_TR].base, NEW + moved);
		assert_int_equal(get(STACK0 + moved - 4, 4), 0x1238);
		assert_int_equal(get(TSS + moved + 32, 4), CODE);
		assert_int_equal(get(NEW + moved, 2), THE_TSS);
		assert_true(core_regs[VREG_RFLAGS] & NT);
		/* back by IRET */
		done(EXECUTE("\xcf"));
		assert_int_equal(core_segments[SEG_TR].selector, THE_TSS);
		assert_int_equal(core_regs[VREG_RIP], CODE);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		gdt(GATE, gate(NEW_TSS, 0, 0x8500));
		new_task();
		done(EXECUTE("\x9a\x00\x00\x00\x00\x68\x00"));
		assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
		assert_int_equal(get(TSS + moved + 32, 4), CODE + 7);
		machine(32);
		new_task();
		done(EXECUTE("\xea\x00\x00\x00\x00\x58\x00"));
		assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
		assert_int_equal(get(GDT + moved + THE_TSS + 5, 1), 0x89);
	}
	moved = B;
	machine(32);
	idt(13, NEW_TSS, 0, 0x8500);
	gdt(NEW_TSS, descriptor(NEW + B, 103, 0x09));
	core_expect_fault(deliver(13, EVENT_EXCEPTION, 0), EXC_NP, NEW_TSS | 1);
	assert_true(core.pending.requeued_valid);
	core_expect_fault(deliver(13, EVENT_SOFT_INTERRUPT, -1), EXC_NP, NEW_TSS);
	assert_false(core.pending.requeued_valid);
	moved = 0;
}

static void test_long_mode(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(64);
		idt(14, CODE0, HANDLER, 0x8e00);
		core_regs[VREG_RSP] += 5;
		delivered(14, EVENT_EXCEPTION, 7);
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 48);
		assert_int_equal(core_segments[SEG_SS].selector, 0x10);
		FRAME(STACK + moved - 48, 8, 7, CODE, CODE0, 0x202, STACK + moved + 5, DATA0);
		core_regs[VREG_RSP] += 8;
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved + 5);
		assert_int_equal(core_regs[VREG_RFLAGS], 0x202);
		/* to level 0, whose SS is null; and back */
		machine(64);
		level(3);
		idt(0x30, CODE0, HANDLER, 0xee00);
		delivered(0x30, EVENT_SOFT_INTERRUPT, -1);
		assert_int_equal(core_segments[SEG_SS].selector, 0);
		assert_int_equal(core_segments[SEG_SS].access, SEGMENT_UNUSABLE);
		FRAME(STACK0 + moved - 40, 8, CODE + 2, CODE3 | 3, 0x202, STACK + moved, DATA3 | 3);
		core_segments[SEG_FS] = core_segments[SEG_GS] = (struct segment){ .selector = DATA3, .limit = 0xffffffff, .access = 0xc0f3 };
		core_segments[SEG_FS].access = 0xc093;
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_segments[SEG_CS].selector, CODE3 | 3);
		assert_int_equal(core_segments[SEG_SS].access, 0xc0f3);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved);
		assert_int_equal(core_segments[SEG_FS].selector, 0);
		assert_true(core_segments[SEG_FS].access & SEGMENT_UNUSABLE);
		assert_int_equal(core_segments[SEG_GS].selector, DATA3);
		/* IST, at the same level and from another */
		machine(64);
		idt(2, CODE0, HANDLER, 0x8e03);
		delivered(2, EVENT_NMI, -1);
		assert_int_equal(core_segments[SEG_SS].selector, 0x10);
		FRAME(STACK0 + moved - 0x400 - 40, 8, CODE, CODE0, 0x202, STACK + moved, DATA0);
		assert_int_equal(core_blocking, BLOCKING_BY_NMI);
		done(EXECUTE("\x48\xcf"));
		assert_int_equal(core_blocking, 0);
	}
	moved = B;
	machine(64);
	idt(0x30, CODE0, HANDLER, 0x8500);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 0x30 * 8 + 3);
	idt(0x30, CODE64, HANDLER, 0x8e00);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, CODE64 | 1);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	put(IDT + B + 0x30 * 16 + 8, 0x8000, 4);
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 1);
	core_regs[VREG_RSP] = 0x800000000000;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_SS, 1);
	core_regs[VREG_RFLAGS] |= NT;
	core_expect_fault(EXECUTE("\x48\xcf"), EXC_GP, 0);
	moved = 0;
}

static void test_iret_faults(void **state)
{
	static const struct {
		uint64_t word[5];
		uint8_t vector;
		uint16_t error;
	} cases[] = {
		{ { CODE, 0, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, BEYOND, 2, 0, 0 }, EXC_GP, BEYOND },
		{ { CODE, DATA0, 2, 0, 0 }, EXC_GP, DATA0 },
		{ { CODE, CODE0 | 3, 2, 0, 0 }, EXC_GP, CODE0 },
		{ { CODE, CODE3, 2, 0, 0 }, EXC_GP, CODE3 },
		{ { CODE, ABSENT, 2, 0, 0 }, EXC_NP, ABSENT },
		{ { 0x100, TIGHT, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, CODE3 | 3, 2, 0, 0 }, EXC_GP, 0 },
		{ { CODE, CODE3 | 3, 2, 0, BEYOND | 3 }, EXC_GP, BEYOND },
		{ { CODE, CODE3 | 3, 2, 0, DATA0 | 3 }, EXC_GP, DATA0 },
		{ { CODE, CODE3 | 3, 2, 0, DATA3 }, EXC_GP, DATA3 },
		{ { CODE, CODE3 | 3, 2, 0, CODE3 | 3 }, EXC_GP, CODE3 },
		{ { 0x10000, 0x1000, 2 | VM86, 0, 0 }, EXC_GP, 0 },
	};

	(void)state;
	moved = B;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine(32);
		for (unsigned int n = 0; n < 5; n++)
			put(STACK + B + 4 * n, cases[i].word[n], 4);
		core_blocking = BLOCKING_BY_NMI;
		core_expect_fault(EXECUTE("\xcf"), cases[i].vector, cases[i].error);
		assert_int_equal(core_regs[VREG_RSP], STACK + B);
		assert_int_equal(core_blocking, 0);	/* even so */
	}
	/* what a program may change, and that RF stays */
	machine(32);
	level(3);
	put(STACK + B, HANDLER, 4);
	put(STACK + B + 4, CODE3 | 3, 4);
	put(STACK + B + 8, 0x3f7fd7 & ~VM86, 4);
	core_regs[VREG_RFLAGS] = 2;
	done(EXECUTE("\xcf"));
	assert_int_equal(core_regs[VREG_RFLAGS], 0x3f7fd7 & ~(VM86 | 0x200 | IOPL3 | 0x180000));
	assert_int_equal(core_regs[VREG_RSP], STACK + B + 12);
	moved = 0;
}

static void test_virtual_iret(void **state)
{
	(void)state;
	machine(32);
	virtual_8086(IOPL3);
	core_segments[SEG_SS].base = B;
	put(B + 0x100, 0x00080123, 4);
	put(B + 0x104, 0xffff, 2);
	memcpy(core_storage + 0x8020, "\xcf", 1);
	trap.vectoring.valid = false;
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RIP], 0x123);
	assert_int_equal(core_segments[SEG_CS].base, 0x80);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x7fd7 | VM86);
	virtual_8086(0);
	core_segments[SEG_SS].base = B;
	core_expect_fault(memory_trap(&core, &trap), EXC_GP, 0);
	core_regs[VREG_CR4] = 1;
	core_expect_fault(memory_trap(&core, &trap), EXC_GP, 0);	/* TF */
	put(B + 0x104, 0x202, 2);
	done(memory_trap(&core, &trap));
	assert_int_equal(core_regs[VREG_RFLAGS], 2 | VM86 | VIF);
}

static void test_call_gates(void **state)
{
	(void)state;
	for (moved = 0; moved <= B; moved += B) {
		machine(32);
		level(3);
		gdt(GATE, gate(CODE0, HANDLER, 0xec02));
		put(STACK + moved, 0x1111, 4);
		put(STACK + moved + 4, 0x2222, 4);
		done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));
		assert_int_equal(core_regs[VREG_RIP], HANDLER);
		assert_int_equal(core_segments[SEG_CS].selector, CODE0);
		FRAME(STACK0 + moved - 24, 4, CODE + 7, CODE3 | 3, 0x1111, 0x2222, STACK + moved, DATA3 | 3);
		/* RETF 8 drops them on both stacks, and what level 3 may not have */
		core_segments[SEG_ES].access = 0xc093;
		done(EXECUTE("\xca\x08\x00"));
		assert_int_equal(core_regs[VREG_RIP], CODE + 7);
		assert_int_equal(core_regs[VREG_RSP], STACK + moved + 8);
		assert_int_equal(core_segments[SEG_SS].selector, DATA3 | 3);
		assert_int_equal(core_segments[SEG_ES].selector, 0);
		/* 16 bits */
		machine(32);
		level(3);
		gdt(GATE, gate(CODE1, 0x1234, 0xe401));
		put(STACK + moved, 0x3333, 2);
		done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));
		FRAME(STACK0 + moved - 0x20a, 2, CODE + 7, CODE3 | 3, 0x3333, STACK + moved, DATA3 | 3);
		/* the same level, and JMP */
		machine(32);
		gdt(GATE, gate(CODE0, HANDLER, 0x8c1f));
		done(EXECUTE("\x9a\x00\x00\x00\x00\x68\x00"));
		FRAME(STACK + moved - 8, 4, CODE + 7, CODE0);
		done(EXECUTE("\xea\x00\x00\x00\x00\x68\x00"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved - 8);
		/* 64 bits */
		machine(64);
		level(3);
		gdt(GATE, gate(CODE0, HANDLER, 0xec00));
		gdt(GATE_HIGH, 1);
		put(0x8100, 0x6b00000000, 8);
		core.av.gpr[RBX] = 0x8100;
		done(EXECUTE("\xff\x1b"));
		assert_int_equal(core_regs[VREG_RIP], 0x100000000 | HANDLER);
		assert_int_equal(core_segments[SEG_SS].selector, 0);
		FRAME(STACK0 + moved + 8 - 32, 8, CODE + 2, CODE3 | 3, STACK + moved, DATA3 | 3);
		done(EXECUTE("\x48\xcb"));
		assert_int_equal(core_regs[VREG_RSP], STACK + moved);
	}
	moved = 0;
}

static void test_gate_faults(void **state)
{
	static const struct {
		uint16_t selector;
		uint32_t offset, type;
		uint8_t vector;
		uint16_t error;
		bool jump;
	} cases[] = {
		{ CODE0, 0, 0x8c00, EXC_GP, GATE, false }, { CODE0, 0, 0x6c00, EXC_NP, GATE, false },
		{ 3, 0, 0xec00, EXC_GP, 0, false }, { BEYOND, 0, 0xec00, EXC_GP, BEYOND, false },
		{ DATA3, 0, 0xec00, EXC_GP, DATA3, false }, { ABSENT, 0, 0xec00, EXC_NP, ABSENT, false },
		{ TIGHT, 0x100, 0xec00, EXC_GP, 0, false }, { CODE0, 0, 0xec00, EXC_GP, CODE0, true },
		{ ABSENT, 0, 0xec00, EXC_GP, ABSENT, true }, { NEW_TSS, 0, 0x8500, EXC_GP, GATE, false },
		{ NEW_TSS, 0, 0x6500, EXC_NP, GATE, false }, { THE_TSS, 0, 0xe500, EXC_GP, THE_TSS, true },
	};

	(void)state;
	moved = B;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum verdict v;

		machine(32);
		level(3);
		gdt(GATE, gate(cases[i].selector, cases[i].offset, cases[i].type));
		v = cases[i].jump ? EXECUTE("\xea\x00\x00\x00\x00\x6b\x00") : EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00");
		core_expect_fault(v, cases[i].vector, cases[i].error);
		assert_int_equal(core_regs[VREG_RSP], STACK + B);
	}
	machine(32);
	level(3);
	gdt(GATE, gate(CODE0, 0, 0xec1f));
	put(TSS + B + 8, DATA3, 2);
	core_expect_fault(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"), EXC_TS, DATA3);
	put(TSS + B + 8, DATA0, 2);
	put(TSS + B + 4, 35 * 4, 4);
	gdt(DATA0, descriptor(B, 0xffff, 0x4092));
	done(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"));	/* 35 words, to the last */
	assert_int_equal(core_regs[VREG_RSP], 0);
	machine(32);
	level(3);
	gdt(GATE, gate(CODE0, 0, 0xec1f));
	put(TSS + B + 4, 35 * 4 - 1, 4);
	gdt(DATA0, descriptor(B, 0xffff, 0x4092));
	core_expect_fault(EXECUTE("\x9a\x00\x00\x00\x00\x6b\x00"), EXC_SS, DATA0);
	machine(64);
	gdt(GATE, gate(CODE0, HANDLER, 0x8c00));
	gdt(GATE_HIGH, 0x0c0000000000);			/* type bits */
	put(0x8100, 0x6800000000, 8);
	core.av.gpr[RBX] = 0x8100;
	core_expect_fault(EXECUTE("\xff\x1b"), EXC_GP, GATE);
	core_regs[VREG_GDTR_LIMIT] = GATE + 14;
	core_expect_fault(EXECUTE("\xff\x1b"), EXC_GP, GATE);
	moved = 0;
}

/* Ones and zeros where there is nothing. */
static void test_nowhere(void **state)
{
	(void)state;
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_regs[VREG_RSP] = B + DEVICE_BYTES + 0x1000;
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(core.account.memory_traps, 1);
	assert_int_equal(core_notes, 1);
	core_expect_fault(EXECUTE("\x66\xcf"), EXC_GP, 0xfffc);
	machine(32);
	core_regs[VREG_IDTR_BASE] = B + DEVICE_BYTES;
	core_expect_fault(deliver(0x30, EVENT_INTERRUPT, -1), EXC_GP, 0x30 * 8 + 3);
}

/* A data breakpoint on the stack is met by the delivery. */
static void test_breakpoint(void **state)
{
	(void)state;
	moved = B;
	machine(32);
	idt(0x30, CODE0, HANDLER, 0x8e00);
	core_regs[VREG_DR0] = STACK + B - 8;
	core_regs[VREG_DR7] = 0xd0001;
	delivered(0x30, EVENT_INTERRUPT, -1);
	assert_int_equal(core_hits, 1);
	moved = 0;
}

/* Whatever stands in the tables and registers: an end, and a state with one level. */
static void test_noise(void **state)
{
	static const unsigned int widths[] = { 16, 32, 64 };
	static const char insns[][8] = { "\xcf", "\x48\xcf", "\x66\xcf", "\xcb", "\xca\x08\x00", "\x9a\x00\x00\x00\x00\x6b\x00",
					 "\xea\x00\x00\x00\x00\x68\x00", "\xff\x1b", "\xcd\x30" };
	unsigned int ok = 0, faults = 0;

	(void)state;
	for (unsigned int i = 0; i < 60000; i++) {
		uint64_t r = core_random();
		uint8_t vector = r & 1 ? 0x30 : (uint8_t)(r >> 56);
		enum verdict v;

		moved = r & 2 ? B : 0;
		machine(widths[r >> 8 & 0xff & 1 ? (r >> 9) % 3 : 1]);
		core_regs[VREG_CR4] |= r >> 20 & 1;
		if (r & 4)
			level(3);
		idt(vector, (uint16_t)((core_random() % 20 * 8) | (r >> 12 & 3)), (uint32_t)core_random() & 0x1ffff, 0x8400 | (r >> 16 & 0x6b07));
		gdt(GATE, gate((uint16_t)(core_random() % 20 * 8), HANDLER, 0x8400 | (r >> 24 & 0x6f1f)));
		for (unsigned int n = 0; n < (r >> 32 & 7); n++)
			put(GDT + moved + (uint32_t)(core_random() % 0x88), core_random(), 1);
		for (unsigned int n = 0; n < (r >> 35 & 3); n++)
			put(TSS + moved + (uint32_t)(core_random() % 0x100), core_random(), 1);
		for (unsigned int n = 0; n < 9; n++)
			put(STACK + moved + 4 * n, n == 1 || n == 4 ? core_random() % 20 * 8 | (r >> 40 & 3) : core_random() & 0x3ffff, 4);
		new_task();
		if (r >> 45 & 1)
			core_regs[VREG_RFLAGS] |= core_random() & 0x7fd5;
		if ((r >> 46 & 15) == 0 && (core_regs[VREG_CR0] & 1) && !core_regs[VREG_EFER])
			virtual_8086(core_random() & 0x187fd5);
		if ((r >> 50 & 15) == 0)
			core_regs[VREG_RSP] = core_random();
		if ((r >> 54 & 7) == 0)
			core_segments[SEG_TR].limit = (uint32_t)core_random() & 0xff;
		core.av.gpr[RBX] = 0x8100;
		if (r & 8) {
			v = deliver(vector, (uint8_t[]){ 0, 2, 3, 4, 5, 6, 3, 4 }[r >> 4 & 7], r & 0x80 ? (int)(r >> 44 & 0xffff) : -1);
		} else {
			uint64_t linear = core_segments[SEG_CS].base + trap.rip;

			memcpy(core_storage + linear, insns[(r >> 4 & 15) % 9], 8);
			v = memory_trap(&core, &trap);
		}
		if (v == V_RESUME && !core.pending.exception.valid && core_regs[VREG_CR0] & 1)
			assert_int_equal(core_regs[VREG_RFLAGS] & VM86 ? 3 : core_segments[SEG_CS].selector & 3,
					 core_segments[SEG_SS].access >> 5 & 3);
		ok += v == V_RESUME && !core.pending.exception.valid;
		faults += v == V_RESUME && core.pending.exception.valid;
	}
	moved = 0;
	assert_true(ok > 3000 && faults > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_real_mode, core_teardown), cmocka_unit_test_teardown(test_same_level, core_teardown),
		cmocka_unit_test_teardown(test_to_inner_level, core_teardown), cmocka_unit_test_teardown(test_faults_in_order, core_teardown),
		cmocka_unit_test_teardown(test_clashes, core_teardown), cmocka_unit_test_teardown(test_pages, core_teardown),
		cmocka_unit_test_teardown(test_virtual_8086, core_teardown), cmocka_unit_test_teardown(test_redirection, core_teardown),
		cmocka_unit_test_teardown(test_tasks, core_teardown), cmocka_unit_test_teardown(test_long_mode, core_teardown),
		cmocka_unit_test_teardown(test_iret_faults, core_teardown), cmocka_unit_test_teardown(test_virtual_iret, core_teardown),
		cmocka_unit_test_teardown(test_call_gates, core_teardown), cmocka_unit_test_teardown(test_gate_faults, core_teardown),
		cmocka_unit_test_teardown(test_nowhere, core_teardown), cmocka_unit_test_teardown(test_breakpoint, core_teardown),
		cmocka_unit_test_teardown(test_noise, core_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
