/* Tests strings at devices: done in blocks they leave just what they leave element by element, and they end when something is due.
 * Part: unit tests, on the host; the reference is the same instruction with RFLAGS.TF on, one element for each exit.
 * UNIT: vmm/interpreter/io.c vmm/interpreter/io_string.c $(STORAGE)
 */
#include "tests/unit/core_fake.h"

#include "vmm/interpreter/storage.h"

#define STORAGE KIB(256)
#define PORT 0x1f0u
#define DEVICE 0x100000u	/* two pages, behind the storage */
#define DEVICE_BYTES 0x2000u
#define CODE 0x6000u
#define PAGES 0x200000u		/* 16 pages of 4 KiB, each something else */
#define PAGE_ENTRIES 16u
#define DATA 0x10000u

/* A device whose memory and port remember; every access changes the sum, so that order counts. */
struct thing {
	struct vdev dev;
	uint8_t memory[DEVICE_BYTES];
	uint64_t sum, reads;
	unsigned int accesses, blocks;
	uint32_t most;		/* elements it takes at once; 0 = no blocks */
	unsigned int kick;	/* one in so many accesses leaves work; 0 = none */
};
static struct thing thing;

static void thing_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct thing *t = (struct thing *)d;
	uint64_t at = a->addr - DEVICE;

	assert_true(a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
	if (region == 1)
		assert_true(at <= DEVICE_BYTES - a->size);
	if (a->write) {
		assert_true(a->size == 8 || a->value >> 8 * a->size == 0);
		if (region == 1)
			memcpy(t->memory + at, &a->value, a->size);
	} else {
		a->value = 0x0123456789abcdefull * ++t->reads;
		if (region == 1)
			memcpy(&a->value, t->memory + at, a->size);
		a->value &= UINT64_MAX >> (64 - 8 * a->size);
	}
	t->sum = (t->sum ^ a->addr ^ a->value << 1 ^ (uint64_t)a->write << 40 ^ (uint64_t)a->size << 41) * 0x9e3779b97f4a7c15ull;
	t->accesses++;
	if (t->kick != 0 && t->accesses % t->kick == 0)
		vm_kick(&core, VM_WORK_EVENT);
}

static uint32_t some(struct thing *t, uint32_t count)
{
	t->blocks += t->most != 0;
	return count < t->most ? count : t->most;
}

static uint32_t thing_block(struct vdev *d, uint32_t region, const struct io_block *b)
{
	struct thing *t = (struct thing *)d;
	uint32_t n = some(t, b->count);

	assert_true(b->count != 0);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *at = (uint8_t *)b->data + (b->fill ? 0 : i * b->size);
		struct io_access a = { .addr = b->addr + (region == 1 ? i * b->size : 0), .size = b->size, .write = b->write };

		if (b->write)
			memcpy(&a.value, at, b->size);
		thing_access(d, region, &a);
		if (!b->write)
			memcpy(at, &a.value, b->size);
	}
	return n;
}

static uint32_t thing_copy(struct vdev *d, uint32_t region, uint64_t to, uint64_t from, uint8_t size, uint32_t count)
{
	uint32_t n = some((struct thing *)d, count);

	for (uint32_t i = 0; i < n; i++) {
		struct io_access a = { .addr = from + i * size, .size = size };

		thing_access(d, region, &a);
		a.addr = to + i * size;
		a.write = true;
		thing_access(d, region, &a);
	}
	return n;
}

static const struct vdev_ops thing_ops = { .name = "THING", .access = thing_access, .block = thing_block, .copy = thing_copy };
static struct vm_exit e;

static void make(void)
{
	core_make(STORAGE);
	core_protected();
	memset(&thing, 0, sizeof(thing));
	thing.dev.ops = &thing_ops;
	assert_int_equal(bus_claim(&core.bus, BUS_PORT, PORT, PORT + 7, &thing.dev, 0, false), 0);
	assert_int_equal(bus_claim(&core.bus, BUS_MMIO, DEVICE, DEVICE + DEVICE_BYTES - 1, &thing.dev, 1, false), 0);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(core_random() >> 33) % n;
}

/* Present storage mostly; the device's pages, absent storage, nothing, and read-only pages too. */
static void make_pages(void)
{
	uint64_t entry = 0x8007;

	core_long();
	memcpy(core_storage + 0x3008, &entry, 8);
	for (uint32_t i = 0; i < PAGE_ENTRIES; i++) {
		uint64_t page = DATA + below(32) * 0x1000u, flags = 7;

		switch (below(10)) {
		case 0: flags = 0; break;
		case 1: flags = 5; break;
		case 2: page = 0x180000; break;
		case 3: case 4: case 5: page = DEVICE + below(2) * 0x1000u; break;
		default: break;
		}
		entry = page | flags;
		memcpy(core_storage + 0x8000 + 8 * i, &entry, 8);
	}
	if (below(3) == 0)
		core_segments[SEG_SS].access |= 0x60;
	core_regs[VREG_CR0] |= below(2) ? 1u << 16 : 0;
}

struct trial {
	unsigned int bits;
	uint8_t op;		/* second byte of the opcode: A4 MOVS, AA STOS, 6C INS, 6E OUTS, +1 = wider */
	uint8_t size, address_size;
	uint64_t rsi, rdi, rcx, rflags;
	uint8_t code[4];
	uint8_t length;
};

static void make_segments(void)
{
	static const enum seg data[] = { SEG_DS, SEG_ES };

	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		struct segment *s = &core_segments[data[i]];

		switch (below(4)) {
		case 0:
			s->limit = 0x1000 + below(0x3000);
			s->base = DATA;
			break;
		case 1:		/* expand-down */
			*s = (struct segment){ .selector = 0x10, .limit = below(0x2000), .base = DATA, .access = 0xc097 };
			break;
		default:
			break;
		}
	}
}

static uint64_t place(const struct trial *t, enum seg seg)
{
	uint32_t near_edge = (below(4) + 1) * 0x1000u - below(64), base = (uint32_t)core_segments[seg].base;

	if (t->bits == 64)
		return PAGES + below(PAGE_ENTRIES) * 0x1000u + (below(2) ? below(0x1000) : 0x1000 - below(64));
	if (t->bits == 16)
		return below(3) ? below(0x10000) : 0x10000 - below(64);
	if (base != 0)
		return below(0x4000);
	return below(2) ? DEVICE + (below(2) ? below(DEVICE_BYTES) : near_edge) : DATA + (below(2) ? below(0x20000) : near_edge);
}

static void make_trial(struct trial *t)
{
	static const uint8_t ops[] = { 0xa4, 0xaa, 0x6c, 0x6e }, all[] = { 16, 32, 64 };
	bool wide = below(3) != 0;

	memset(t, 0, sizeof(*t));
	t->bits = all[below(3)];
	make();
	if (t->bits == 64) {
		make_pages();
	} else if (t->bits == 32) {
		make_segments();
	} else {
		for (unsigned int i = 0; i < SEGS; i++)
			core_segments[i] = (struct segment){ .limit = 0xffff, .access = 0x93 };
		core_regs[VREG_CR0] = 0x10;
		core_segments[SEG_ES].base = below(2) ? DEVICE - 0x4000 : DATA;
		core_segments[SEG_DS].base = below(2) ? DEVICE - 0x4000 : DATA;
	}
	for (uint32_t i = DATA; i < STORAGE; i += 8) {
		uint64_t r = core_random();

		memcpy(core_storage + i, &r, 8);
	}
	t->op = ops[below(4)];
	t->address_size = t->bits == 64 ? 8 : (uint8_t)(t->bits / 8);
	if (t->bits == 64 && below(4) == 0) {
		t->address_size = 4;
		t->code[t->length++] = 0x67;
	}
	t->size = !wide ? 1 : t->bits == 16 ? 2 : 4;
	if (wide && below(2)) {
		t->size = (uint8_t)(6 - t->size);
		t->code[t->length++] = 0x66;
	}
	t->code[t->length++] = 0xf3;
	t->code[t->length++] = (uint8_t)(t->op + wide);
	t->rsi = place(t, SEG_DS);
	t->rdi = place(t, SEG_ES);
	t->rcx = below(2) ? below(20) : below(3000);
	t->rflags = 2 | (below(5) == 0 ? FLAGS_DF : 0);
}

/* From the state that has been made; to the instruction's end or its fault. */
static void run(const struct trial *t, uint64_t flags, uint32_t most, unsigned int kick, unsigned int elements)
{
	struct storage_touch touch;
	unsigned int exits = 0;

	memset(core.av.gpr, 0, sizeof(core.av.gpr));
	core.av.gpr[RSI] = t->rsi;
	core.av.gpr[RDI] = t->rdi;
	core.av.gpr[RCX] = t->rcx;
	core.av.gpr[RAX] = 0x1122334455667788;
	core.av.gpr[RDX] = PORT;
	core_regs[VREG_RFLAGS] = t->rflags | flags;
	core_regs[VREG_RIP] = CODE;
	core_segments[SEG_CS].access = t->bits == 64 ? 0xa09b : t->bits == 32 ? 0xc09b : 0x93;
	memcpy(core_storage + CODE, t->code, 4);
	thing.most = most;
	thing.kick = kick;
	do {
		uint64_t left = core.av.gpr[RCX];

		core_nothing_due(elements);
		if ((t->op & 0xf0) == 0x60) {
			e = (struct vm_exit){ .kind = EXIT_IO, .rip = CODE, .insn_len = t->length };
			e.io.port = PORT;
			e.io.size = t->size;
			e.io.in = t->op == 0x6c;
			e.io.string = e.io.rep = true;
			e.io.address_size = t->address_size;
			e.io.seg = e.io.in ? SEG_ES : SEG_DS;
			if (interpret_io(&core, &e) == V_NEXT)
				core_regs[VREG_RIP] = CODE + t->length;
		} else {
			e = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
			assert_int_equal(interpret_storage(&core, &e, &touch), V_RESUME);
		}
		assert_int_equal(core.state, VM_RUNNABLE);
		assert_true(core.av.gpr[RCX] != left || core.pending.exception.valid || core_regs[VREG_RIP] != CODE);
		assert_true(++exits < 10000);
	} while (core_regs[VREG_RIP] == CODE && !core.pending.exception.valid);
}

struct outcome {
	uint64_t gpr[GPRS], cr2, rip;
	struct event exception;
	uint64_t sum;
	uint8_t device[DEVICE_BYTES];
	uint8_t storage[STORAGE];
};

static void note(struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	memcpy(o->gpr, core.av.gpr, sizeof(o->gpr));
	o->cr2 = core_regs[VREG_CR2];
	o->rip = core_regs[VREG_RIP];
	o->exception = core.pending.exception;
	o->sum = thing.sum;
	memcpy(o->device, thing.memory, DEVICE_BYTES);
	memcpy(o->storage, core_storage, STORAGE);
}

static void test_same_as_elements(void **state)
{
	static struct outcome before, first, second;
	unsigned int blocks = 0, faults = 0;
	uint64_t sum = 0;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		struct trial t;

		make_trial(&t);
		note(&before);
		run(&t, FLAGS_TF, 0, 0, 0);
		note(&first);
		faults += core.pending.exception.valid;
		memcpy(core_storage, before.storage, STORAGE);
		memcpy(thing.memory, before.device, DEVICE_BYTES);
		thing.sum = thing.reads = thing.accesses = 0;
		core_regs[VREG_CR2] = before.cr2;
		core.pending.exception = (struct event){ 0 };
		run(&t, 0, 1 + below(below(2) ? 8 : 4096), below(3) ? 0 : 1 + below(50), below(3) ? 0 : 1 + below(200));
		note(&second);
		blocks += thing.blocks;
		sum += thing.accesses;
		if (memcmp(&first, &second, sizeof(first)) != 0)
			print_error("trial %u: %u bits, %02x, size %u, address size %u, RSI %lx, RDI %lx, RCX %lx, flags %lx\n"
				    "RSI %lx %lx, RDI %lx %lx, RCX %lx %lx, CR2 %lx %lx\n", i, t.bits, t.op, t.size, t.address_size,
				    t.rsi, t.rdi, t.rcx, t.rflags, first.gpr[RSI], second.gpr[RSI], first.gpr[RDI],
				    second.gpr[RDI], first.gpr[RCX], second.gpr[RCX], first.cr2, second.cr2);
		assert_memory_equal(&first, &second, sizeof(first));
	}
	assert_true(blocks > 1500 && faults > 200 && sum > 100000);
	core_free();
}

static void begin(uint8_t op, uint64_t count)
{
	bool port = op < 0x80;

	core_storage[CODE] = 0xf3;
	core_storage[CODE + 1] = op;
	core.av.gpr[RSI] = port ? DATA : DEVICE;
	core.av.gpr[RDI] = port ? DATA : DEVICE + 0x800;
	core.av.gpr[RCX] = count;
	core.av.gpr[RDX] = PORT;
	e = (struct vm_exit){ .kind = port ? EXIT_IO : EXIT_STORAGE, .rip = CODE, .insn_len = 2 };
	e.io.port = PORT;
	e.io.size = 1;
	e.io.in = op == 0x6c;
	e.io.string = e.io.rep = true;
	e.io.address_size = 4;
	e.io.seg = e.io.in ? SEG_ES : SEG_DS;
}

static void resumes(void)
{
	struct storage_touch touch;

	assert_int_equal(e.kind == EXIT_IO ? interpret_io(&core, &e) : interpret_storage(&core, &e, &touch), V_RESUME);
}

/* What it may do at one exit: until the deadline, until there is work, until its time is over; but always one element. */
static void test_ends_when_due(void **state)
{
	static const uint8_t ops[] = { 0xaa, 0xa4, 0x6c, 0x6e };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		for (uint32_t most = 0; most < 2; most++) {
			make();
			thing.most = most * 16;
			begin(ops[i], 3000);
			core_nothing_due(64);
			resumes();
			assert_in_range(3000 - core.av.gpr[RCX], 64, most ? 64 * 16 : 64);
			begin(ops[i], 3000);
			core_nothing_due(0);
			core.look_at = core_tsc;
			resumes();
			assert_int_equal(3000 - core.av.gpr[RCX], most ? 16 : 1);
			begin(ops[i], 3000);
			core_nothing_due(0);
			thing.kick = 10;
			thing.most = thing.accesses = 0;
			resumes();
			assert_int_equal(thing.accesses, 10);
		}
	core_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_as_elements), cmocka_unit_test(test_ends_when_due) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
