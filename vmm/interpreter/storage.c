/* Instructions that touch memory where the hardware finds none: fetched, decoded, and executed by the monitor. */
/* Part: interpreter/; the executor's table of functions for a real machine: guest memory, bus, virtual processor. */
#include "vmm/interpreter/storage_run.h"
#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

#define FLAGS_TF (1ull << 8)
#define FLAGS_IF (1ull << 9)
#define FLAGS_RF (1ull << 16)
#define FLAGS_AC (1ull << 18)
#define SLOTS 64u

/*
 * Instructions decoded before. Decoding is pure, so a slot is right whenever its bytes and the mode are those at RIP,
 * whoever's they are.
 */
struct slot {
	uint64_t bytes[2];	/* cut to the instruction's length */
	uint64_t mask[2];
	struct insn insn;	/* insn.bits 0 = empty */
	bool plain;		/* move_plainly() can do it */
};
static struct slot slots[SLOTS];

static struct arch_vcpu *processor(struct interp *x)
{
	return &((struct run *)x->machine)->vm->av;
}

static bool due(struct interp *x)
{
	const struct run *m = x->machine;

	return string_due(m->vm, m->begun);
}

static uint64_t get(struct interp *x, enum vreg reg)
{
	return arch_vcpu_get(processor(x), reg);
}

static void set(struct interp *x, enum vreg reg, uint64_t value)
{
	arch_vcpu_set(processor(x), reg, value);
}

static void get_segment(struct interp *x, enum seg seg, struct segment *s)
{
	arch_vcpu_get_segment(processor(x), seg, s);
}

static void set_segment(struct interp *x, enum seg seg, const struct segment *s)
{
	arch_vcpu_set_segment(processor(x), seg, s);
}

static void get_vector(struct interp *x, unsigned int n, void *to, unsigned int bytes)
{
	arch_vcpu_get_vector(processor(x), n, to, bytes);
}

static void set_vector(struct interp *x, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	arch_vcpu_set_vector(processor(x), n, from, bytes, zero_rest);
}

static enum x87_result x87(struct interp *x, uint64_t offset, void *operand)
{
	const struct insn *i = x->insn;
	struct x87_insn insn = { .opcode = i->opcode, .store = i->op == OP_X87_STORE, .wide = i->bits == 64, .ip = x->rip,
				 .dp = offset };
	struct segment cs, ds;

	insn.modrm = (uint8_t)(i->mod << 6 | (i->reg & 7) << 3 | (i->rm & 7));
	get_segment(x, SEG_CS, &cs);
	get_segment(x, i->seg, &ds);
	insn.cs = cs.selector;
	insn.ds = ds.selector;
	return arch_vcpu_x87(processor(x), &insn, operand);
}

static enum direct_result direct(struct interp *x, struct direct_insn *d, void *operand)
{
	return arch_vcpu_direct(processor(x), d, operand);
}

static const struct interp_ops ops = {
	.prepare = storage_prepare, .load = storage_load, .store = storage_store, .run = storage_run,
	.in = storage_port_in, .out = storage_port_out, .due = due, .get = get, .set = set, .get_segment = get_segment,
	.set_segment = set_segment, .get_vector = get_vector, .set_vector = set_vector, .x87 = x87, .direct = direct,
};

/* TZCNT and LZCNT do not exit, and where they are missing they are other instructions: so the real processor's word counts. */
static uint32_t features(void)
{
	static uint32_t known;

	if (known == 0) {
		known = 1u << 31;
		if (cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).ebx >> 3 & 1))
			known |= INTERP_HAS_TZCNT;
		if (cpu_cpuid(0x80000001, 0).ecx >> 5 & 1)
			known |= INTERP_HAS_LZCNT;
	}
	return known;
}

/* The rest of an instruction beyond its page; what is not there leaves `n` as it is. */
static void fetch_second_page(struct vm *vm, uint64_t linear, bool wide, uint8_t code[16], size_t *n)
{
	struct gmem_fault fault;
	uint64_t next = linear + *n;
	size_t more = INSN_MAX - *n;

	if (gmem_read_linear(vm, GVA(wide ? next : (uint32_t)next), code + *n, more, GMEM_FETCH | GMEM_PEEK, &fault))
		*n += more;
}

/* What lies at RIP; how many bytes of it are there, 0 = none. The rest of `code` is 0. */
static size_t fetch(struct vm *vm, uint64_t linear, bool wide, uint8_t code[16])
{
	uint64_t in_page = PAGE_SIZE - (linear & (PAGE_SIZE - 1));
	size_t n = in_page < 16 ? (size_t)in_page : 16;
	struct gmem_fault fault;
	const uint8_t *p;
	gpa_t gpa;

	p = wide ? gmem_code(vm, linear) : NULL;
	if (__builtin_expect(p != NULL, 1)) {
		__builtin_memcpy(code, p, 16);
		return INSN_MAX;
	}
	if (!gmem_translate(vm, GVA(linear), GMEM_FETCH | GMEM_PEEK, &gpa, &fault))
		return 0;
	if (n == 16) {
		p = gmem_window(vm, gpa, 16);
		if (p != NULL) {
			__builtin_memcpy(code, p, 16);
			return INSN_MAX;
		}
	}
	memset(code, 0, 16);
	if (!gmem_read(vm, gpa, code, n))
		return 0;
	if (n < INSN_MAX)
		fetch_second_page(vm, linear, wide, code, &n);
	return n < INSN_MAX ? n : INSN_MAX;
}

/*
 * MOV, MOVZX and MOVSX of 64-bit code between memory and a register that lies in av.gpr: nearly all that drivers do with
 * the registers of devices.
 */
static bool is_plain(const struct insn *i)
{
	if (i->bits != 64 || i->address_size != 8 || !i->memory || i->seg >= SEG_FS || i->base == RSP)
		return false;
	if (i->op == OP_MOVZX || i->op == OP_MOVSX)
		return i->reg != RSP;
	if (i->op != OP_MOV)
		return false;
	switch (i->form) {
	case FORM_RM_R: case FORM_R_RM: return i->reg != RSP && !(i->width == 1 && i->rex == 0 && i->reg > RSP);
	case FORM_RM_I: case FORM_M_A: case FORM_A_M: return true;
	default: return false;
	}
}

static void fill_slot(struct slot *s, const uint64_t bytes[2])
{
	unsigned int n = s->insn.length;

	s->mask[0] = n >= 8 ? UINT64_MAX : (1ull << 8 * n) - 1;
	s->mask[1] = n <= 8 ? 0 : (1ull << 8 * (n - 8)) - 1;
	s->bytes[0] = bytes[0] & s->mask[0];
	s->bytes[1] = bytes[1] & s->mask[1];
	s->plain = is_plain(&s->insn);
}

/* NULL = not an instruction, or not wholly there; then *got has what was found. */
static const struct slot *find_insn(struct vm *vm, uint64_t rip, unsigned int bits, uint8_t code[16], size_t *got)
{
	struct slot *s = &slots[(rip ^ rip >> 6) % SLOTS];
	uint64_t linear = rip, bytes[2];
	struct segment cs;

	if (bits != 64) {
		arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
		linear = (uint32_t)(cs.base + rip);
	}
	*got = fetch(vm, linear, bits == 64, code);
	if (*got == 0)
		return NULL;
	__builtin_memcpy(bytes, code, 16);
	if (s->insn.bits == bits && s->insn.length <= *got && (bytes[0] & s->mask[0]) == s->bytes[0] &&
	    (bytes[1] & s->mask[1]) == s->bytes[1])
		return s;
	if (decode_insn(code, *got, bits, &s->insn) != DECODE_OK) {
		s->insn.bits = 0;
		return NULL;
	}
	fill_slot(s, bytes);
	return s;
}

static unsigned int code_bits(struct vm *vm)
{
	struct segment cs;

	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	if ((cs.access & 0x2000) && (arch_vcpu_get(&vm->av, VREG_EFER) >> 10 & 1))
		return 64;
	return cs.access & 0x4000 ? 32 : 16;
}

/* The processor found the instruction good: what the interpreter does not know of it must not go on as if it were done. */
static enum verdict stop(struct vm *vm, const struct vm_exit *exit, const uint8_t *code, size_t n)
{
	char text[2 * INSN_MAX + 1] = "";

	for (size_t i = 0; i < n && i < INSN_MAX; i++)
		text_format(text + 2 * i, sizeof(text) - 2 * i, "%02X", code[i]);
	vm_ended(vm, "V64STO461W %s STOPPED: INSTRUCTION %s TOUCHED ABSENT STORAGE, NOT INTERPRETED; BOUND %010lX, RIP %lX",
		 vm->userid, n == 0 ? "NOT FOUND" : text, vm->storage_size, exit->rip);
	return V_CRASH;
}

/* Not for instructions that touch descriptor tables as well: these have other rights. */
static void tell_known_page(struct run *m, const struct insn *insn)
{
	const struct vm_exit *exit = m->exit;

	if (exit->kind != EXIT_STORAGE || !exit->storage.gva_valid || (insn->op >= OP_JMPF && insn->op <= OP_LIDT))
		return;
	m->known[0].linear = exit->storage.gva.v & ~(PAGE_SIZE - 1);
	m->known[0].gpa = exit->storage.gpa.v & ~(PAGE_SIZE - 1);
	m->known[0].absent = !exit->storage.mapped;
	if (exit->storage.write)
		m->known[1] = m->known[0];
}

/* Registers that are not in av.gpr go back where they changed. */
void storage_close(struct run *m)
{
	struct arch_vcpu *av = &m->vm->av;

	if (av->gpr[RSP] != m->rsp)
		arch_vcpu_set(av, VREG_RSP, av->gpr[RSP]);
	if (m->x.rflags != m->rflags)
		arch_vcpu_set(av, VREG_RFLAGS, m->x.rflags);
	if (m->x.rflags & ~m->rflags & FLAGS_IF)
		vm_kick(m->vm, VM_WORK_EVENT);
}

enum verdict storage_absent(struct run *m)
{
	vm_ended(m->vm, "V64STO461W %s STOPPED: ITS PAGE TABLES LIE IN ABSENT STORAGE %010lX, BOUND %010lX, RIP %lX",
		 m->vm->userid, m->absent.v, m->vm->storage_size, m->exit->rip);
	return V_CRASH;
}

enum verdict storage_raise(struct run *m)
{
	const struct interp_fault *f = &m->x.fault;
	struct vm *vm = m->vm;

	if (f->vector == EXC_PF)
		return event_page_fault(vm, GVA(f->address), f->error);
	return f->has_error ? event_raise_error(vm, f->vector, f->error) : event_raise(vm, f->vector);
}

static uint64_t cut(uint64_t v, unsigned int bytes)
{
	return v & UINT64_MAX >> (64 - 8 * bytes);
}

/* What is written: register, immediate or accumulator. */
static uint64_t plain_source(const struct vm *vm, const struct insn *i)
{
	return i->form == FORM_RM_I ? i->imm : vm->av.gpr[i->form == FORM_M_A ? RAX : i->reg];
}

static void plain_result(struct vm *vm, const struct insn *i, uint64_t value)
{
	uint64_t *r = &vm->av.gpr[i->form == FORM_A_M ? RAX : i->reg];
	unsigned int unused = 64 - 8u * i->from_width;

	if (i->op == OP_MOVSX)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	value = cut(value, i->width);
	*r = i->width >= 4 ? value : (*r - cut(*r, i->width)) | value;
}

/*
 * The executor's work for the usual access to a register of a device, without its generality: the exit has told the
 * address, nothing is mapped there, and no check is left that the processor has not made. False = nothing is done.
 */
static bool move_plainly(struct vm *vm, const struct vm_exit *exit, const struct insn *i, struct storage_touch *touch)
{
	struct io_access a = { .addr = exit->storage.gpa.v, .size = i->op == OP_MOV ? i->width : i->from_width };
	uint64_t linear = (uint64_t)i->disp;

	a.write = i->op == OP_MOV && (i->form == FORM_RM_R || i->form == FORM_RM_I || i->form == FORM_M_A);
	if (i->base >= 0)
		linear += vm->av.gpr[i->base];
	if (i->index >= 0)
		linear += vm->av.gpr[i->index] * i->scale;
	if (i->rip_relative)
		linear += exit->rip + i->length;
	/* of an operand that lies in two pages the exit tells only one */
	if (!exit->storage.gva_valid || exit->storage.mapped || linear != exit->storage.gva.v ||
	    a.write != exit->storage.write || (linear & (PAGE_SIZE - 1)) + a.size > PAGE_SIZE)
		return false;
	if ((arch_vcpu_get(&vm->av, VREG_RFLAGS) & (FLAGS_TF | FLAGS_RF | FLAGS_AC)) || arch_vcpu_breakpoints(&vm->av) != 0)
		return false;
	a.value = a.write ? cut(plain_source(vm, i), a.size) : UINT64_MAX;
	storage_met(touch, bus_access(&vm->bus, BUS_MMIO, &a), exit->storage.gpa.v, a.write);
	if (!a.write)
		plain_result(vm, i, a.value);
	arch_vcpu_arrive(&vm->av, exit->rip + i->length, false, false, 0);
	return true;
}

void storage_open(struct run *m, struct vm *vm, const struct vm_exit *exit, struct storage_touch *touch)
{
	m->vm = vm;
	m->exit = exit;
	m->touch = touch;
	m->known[0].linear = m->known[1].linear = UINT64_MAX;
	m->known[0].absent = m->known[1].absent = false;
	m->rsp = arch_vcpu_get(&vm->av, VREG_RSP);
	m->rflags = arch_vcpu_get(&vm->av, VREG_RFLAGS);
	vm->av.gpr[RSP] = m->rsp;
	m->x.ops = &ops;
	m->x.machine = m;
	m->x.gpr = vm->av.gpr;
	m->x.rip = exit->rip;
	m->x.rflags = m->rflags;
	m->x.known = 0;
	m->x.outside = 0;
	m->x.features = features();
	m->hits = 0;
	m->watched = arch_vcpu_breakpoints(&vm->av) != 0;
}

/* INT n of virtual-8086 mode with the program's own handlers (VME) is no event to the processor. */
static enum verdict deliver_software(struct run *m, const struct insn *insn)
{
	struct event e = { .valid = true, .vector = (uint8_t)insn->imm, .type = EVENT_SOFT_INTERRUPT, .insn_len = insn->length };

	return interpret_delivery(m->vm, m->exit, &e, m->touch);
}

static enum verdict switch_task(struct run *m, const struct insn *insn)
{
	struct vm_exit task = { .kind = EXIT_TASK_SWITCH, .rip = m->exit->rip, .insn_len = insn->length };

	task.task.source = m->x.task_source;
	task.task.selector = m->x.task;
	return interpret_task_switch(m->vm, &task);
}

enum verdict interpret_storage(struct vm *vm, const struct vm_exit *exit, struct storage_touch *touch)
{
	uint8_t code[16];
	size_t got;
	const struct slot *slot = find_insn(vm, exit->rip, code_bits(vm), code, &got);
	const struct insn *insn;
	enum interp_result r;
	struct run m;

	*touch = (struct storage_touch){ 0 };
	if (slot == NULL)
		return stop(vm, exit, code, got);
	insn = &slot->insn;
	if (slot->plain && exit->kind == EXIT_STORAGE && move_plainly(vm, exit, insn, touch))
		return V_RESUME;
	storage_open(&m, vm, exit, touch);
	tell_known_page(&m, insn);
	if (insn->op == OP_INT)
		return deliver_software(&m, insn);
	m.begun = insn->rep != 0 ? cpu_tsc() : 0;
	m.x.batch = (m.rflags & FLAGS_TF) || m.watched ? 1 : UINT32_MAX;	/* a guest that steps sees each element */
	r = interp_execute(&m.x, insn);
	if (r == INTERP_UNKNOWN)
		return stop(vm, exit, code, insn->length);
	if (r == INTERP_ABSENT)
		return storage_absent(&m);
	if (r == INTERP_TASK)
		return switch_task(&m, insn);
	storage_close(&m);
	if (m.x.nmi_over)
		arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) & ~BLOCKING_BY_NMI);
	if (r == INTERP_FAULT)
		return storage_raise(&m);
	if (r == INTERP_AGAIN && !(m.rflags & FLAGS_TF) && m.hits == 0)
		return V_RESUME;	/* RIP is still at the instruction: it goes on with what is left */
	arch_vcpu_arrive(&vm->av, m.x.rip, (m.rflags & FLAGS_TF) != 0, m.x.branched, m.hits);
	if (m.x.shadow != 0)
		arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) | m.x.shadow);
	return V_RESUME;
}
