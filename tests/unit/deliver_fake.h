/* A machine whose tables and stacks lie in storage, in the memory of a device that keeps what is written, or nowhere. */
/* Part: unit tests, on the host; included by those of delivery and of gates. */
#ifndef TESTS_UNIT_DELIVER_FAKE_H
#define TESTS_UNIT_DELIVER_FAKE_H

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

static inline void device_access(struct vdev *d, uint32_t region, struct io_access *a)
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

static inline uint8_t *at(uint64_t address)
{
	return address >= B ? device_bytes + (address - B) : core_storage + address;
}

static inline void put(uint64_t address, uint64_t value, size_t n)
{
	memcpy(at(address), &value, n);
}

static inline uint64_t get(uint64_t address, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, at(address), n);
	return value;
}

static inline uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(access & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(access & 0xf000) << 40 | (uint64_t)(base >> 24) << 56;
}

static inline void gdt(uint16_t selector, uint64_t value)
{
	put(GDT + moved + (selector & ~7u), value, 8);
}

static inline uint64_t gate(uint16_t selector, uint32_t offset, uint32_t type)
{
	return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)type << 32 | (uint64_t)(offset >> 16) << 48;
}

static inline void idt(uint8_t vector, uint16_t selector, uint32_t offset, uint32_t type)
{
	bool wide = (core_regs[VREG_EFER] & EFER_LONG) == EFER_LONG;

	put(IDT + moved + vector * (wide ? 16u : 8u), gate(selector, offset, type), 8);
	if (wide)
		put(IDT + moved + vector * 16u + 8, 0, 8);
}

static inline void level(unsigned int cpl)
{
	core_segments[SEG_SS].access = (core_segments[SEG_SS].access & ~0x60u) | cpl << 5;
	core_segments[SEG_SS].selector = cpl == 0 ? DATA0 : DATA3 | 3;
	core_segments[SEG_CS].access = (core_segments[SEG_CS].access & ~0x60u) | cpl << 5;
	core_segments[SEG_CS].selector = cpl == 0 ? CODE0 : CODE3 | 3;
}

/* bits: 16 = real mode. All tables lie `moved` behind where they usually do. */
static inline void machine(unsigned int bits)
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
static inline enum verdict deliver(uint8_t vector, uint8_t type, int error)
{
	trap.vectoring = (struct event){ .valid = true, .vector = vector, .type = type, .has_error = error >= 0,
					 .error = error >= 0 ? (uint32_t)error : 0, .insn_len = 2 };
	core.pending.requeued = trap.vectoring;
	core.pending.requeued_valid = true;
	return memory_trap(&core, &trap);
}

static inline void delivered(uint8_t vector, uint8_t type, int error)
{
	unsigned int before = core_advances;

	assert_int_equal(deliver(vector, type, error), V_RESUME);
	assert_false(core.pending.exception.valid);
	assert_false(core.pending.requeued_valid);
	assert_int_equal(core_advances, before + 1);
}

static inline enum verdict execute(const char *bytes, size_t n)
{
	memcpy(core_storage + CODE, bytes, n);
	trap = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
	return memory_trap(&core, &trap);
}

#define EXECUTE(bytes) execute(bytes, sizeof(bytes) - 1)

static inline void done(enum verdict v)
{
	if (core.pending.exception.valid)
		print_error("exception %u(%x)\n", core.pending.exception.vector, core.pending.exception.error);
	assert_int_equal(v, V_RESUME);
	assert_false(core.pending.exception.valid);
}

static inline void expect_frame(uint64_t from, unsigned int width, unsigned int count, const uint64_t *words)
{
	for (unsigned int n = 0; n < count; n++)
		assert_int_equal(get(from + n * width, width), words[n] & (UINT64_MAX >> (64 - 8 * width)));
}

#define FRAME(from, width, ...) expect_frame((from), (width), sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ })

static inline void virtual_8086(uint64_t flags)
{
	static const uint16_t selectors[] = { 0x11, 0x800, 0x900, 0x22, 0x33, 0x44 };

	for (enum seg s = SEG_ES; s <= SEG_GS; s++)
		core_segments[s] = (struct segment){ selectors[s], (uint64_t)selectors[s] << 4, 0xffff, 0xf3 };
	core_regs[VREG_RFLAGS] = 2 | VM86 | flags;
	core_regs[VREG_RSP] = 0x100;
	trap.rip = core_regs[VREG_RIP] = 0x20;
}

static inline void new_task(void)
{
	put(NEW + moved + 32, 0x4444, 4);
	put(NEW + moved + 36, 2, 4);
	put(NEW + moved + 56, STACK0 + moved, 4);
	put(NEW + moved + 72, DATA0, 2);
	put(NEW + moved + 76, CODE0, 2);
	put(NEW + moved + 80, DATA0, 2);
	put(NEW + moved + 84, DATA0, 2);
}

#endif
