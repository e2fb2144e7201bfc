/* Task switches by the hardware's rules, which VT-x leaves to the monitor: CALL, JMP, IRET and task gates of the IDT. */
/* Part: interpreter/; the steps are those of the SDM's section "Task Switching", in its order. */
#include "lib/string.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage_run.h"
#include "vmm/machine/event.h"

#define CR0_TS (1ull << 3)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LMA (1ull << 10)
#define FLAGS_NT (1u << 14)
#define FLAGS_VM (1u << 17)
#define FLAGS_16 0x7fd5u
#define FLAGS_32 0x3f7fd5u
#define DR6_BT 0x8000ull
#define DR6_FIXED 0xffff0ff0ull
#define DR7_LOCAL 0x155ull	/* L0-L3, LE */

/* Of a descriptor's access rights as struct segment holds them. */
#define ACCESSED 0x1u
#define WRITABLE 0x2u	/* of code: readable */
#define CONFORMING 0x4u	/* of data: expands down */
#define CODE 0x8u
#define NOT_SYSTEM 0x10u
#define PRESENT 0x80u
#define BIG 0x4000u
#define TSS_BUSY 0x2u
#define TSS_WIDE 0x8u
#define TYPE_TSS 0x1u	/* with TSS_BUSY and TSS_WIDE masked out */
#define TYPE_LDT 0x2u

/* SDM, figures "32-Bit Task-State Segment (TSS)" and "16-Bit TSS Format". */
struct layout {
	unsigned int size;		/* bytes a TSS has at least */
	unsigned int ip, flags, gpr, es, ldt;
	unsigned int word;		/* bytes from one register to the next, and in a register */
	unsigned int segments;		/* ES, CS, SS, DS and, if wide, FS, GS */
};

static const struct layout layouts[2] = {
	{ .size = 44, .ip = 14, .flags = 16, .gpr = 18, .es = 34, .ldt = 42, .word = 2, .segments = 4 },
	{ .size = 104, .ip = 32, .flags = 36, .gpr = 40, .es = 72, .ldt = 96, .word = 4, .segments = 6 },
};

#define TSS_SIZE 104
#define TSS_CR3 28
#define TSS_TRAP 100	/* bit 0 = T */

struct task {
	struct vm *vm;
	const struct vm_exit *exit;
	enum verdict verdict;		/* when a step has failed */
	uint32_t outside;		/* EXT of error codes: the switch is for an event outside the program */
	bool nested;			/* CALL or an event: the new task has a way back */
	struct segment old, new;	/* the two TSSs; new: as TR will hold it */
	const struct layout *from, *to;
	uint8_t image[TSS_SIZE];	/* the new TSS */
	uint16_t selectors[SEGS];	/* of the new task */
	unsigned int cpl;
	struct run run;			/* the way to memory: any of the tables may lie at a device, or nowhere */
	struct storage_touch touch;
};

static bool is_exception(const struct event *e)
{
	return e->type == EVENT_EXCEPTION || e->type == EVENT_SOFT_EXCEPTION || e->type == EVENT_PRIV_SOFT_EXCEPTION;
}

/*
 * A fault of the switch. An exception that was being delivered stays queued, for the clash of the two (#DF); an interrupt
 * is lost, as the processor loses it.
 */
static void drop_event(struct task *t)
{
	if (t->exit->vectoring.valid && !is_exception(&t->exit->vectoring))
		t->vm->pending.requeued_valid = false;
}

static bool refuse(struct task *t, uint8_t vector, uint32_t error)
{
	drop_event(t);
	t->verdict = event_raise_error(t->vm, vector, error | t->outside);
	return false;
}

static bool refuse_selector(struct task *t, uint8_t vector, uint16_t selector)
{
	return refuse(t, vector, selector & 0xfffcu);
}

static bool prepare(struct task *t, struct interp_place *place, uint64_t at, uint32_t n, uint32_t access)
{
	switch (storage_prepare(&t->run.x, place, (uint32_t)at, n, access)) {
	case INTERP_DONE:
		return true;
	case INTERP_FAULT:
		drop_event(t);
		t->verdict = storage_raise(&t->run);
		return false;
	default:
		t->verdict = storage_absent(&t->run);
		return false;
	}
}

static bool read_tables(struct task *t, uint64_t at, void *to, uint32_t n)
{
	struct interp_place place;

	if (!prepare(t, &place, at, n, INTERP_READ | INTERP_SYSTEM))
		return false;
	storage_load(&t->run.x, &place, to);
	return true;
}

static bool write_tables(struct task *t, uint64_t at, const void *from, uint32_t n)
{
	struct interp_place place;

	if (!prepare(t, &place, at, n, INTERP_WRITE | INTERP_SYSTEM))
		return false;
	storage_store(&t->run.x, &place, from);
	return true;
}

/* May all n bytes, at most a page, be written? Asked before the first is. */
static bool writable(struct task *t, uint64_t at, uint32_t n)
{
	struct interp_place unused;

	return prepare(t, &unused, at, n, INTERP_WRITE | INTERP_SYSTEM);
}

static void unpack(uint64_t descriptor, uint16_t selector, struct segment *s)
{
	s->selector = selector;
	s->base = (descriptor >> 16 & 0xffffff) | (descriptor >> 32 & 0xff000000);
	s->limit = (uint32_t)((descriptor & 0xffff) | (descriptor >> 32 & 0xf0000));
	s->access = descriptor >> 40 & 0xf0ff;
	if (s->access & 0x8000)
		s->limit = s->limit << 12 | 0xfff;
}

/* Where the descriptor of a selector lies; false = beyond its table's end. */
static bool place_of(struct task *t, uint16_t selector, uint64_t *at)
{
	struct segment ldt;
	uint64_t limit;

	if (selector & 4) {
		arch_vcpu_get_segment(&t->vm->av, SEG_LDTR, &ldt);
		limit = ldt.limit;
		*at = ldt.base;
		if (ldt.access & SEGMENT_UNUSABLE)
			return false;
	} else {
		limit = arch_vcpu_get(&t->vm->av, VREG_GDTR_LIMIT);
		*at = arch_vcpu_get(&t->vm->av, VREG_GDTR_BASE);
	}
	*at += selector & 0xfff8u;
	return (selector | 7u) <= limit;
}

static uint64_t gdt_place(struct task *t, uint16_t selector)
{
	return arch_vcpu_get(&t->vm->av, VREG_GDTR_BASE) + (selector & 0xfff8u);
}

/* SDM, table "Exception Conditions Checked During a Task Switch", down to the new TSS's limit. */
static bool find_new_tss(struct task *t)
{
	bool back = t->exit->task.source == TASK_IRET;
	uint8_t wrong = back ? EXC_TS : EXC_GP;
	uint16_t selector = t->exit->task.selector;
	uint64_t at, descriptor;

	if ((selector & 4) || selector < 4 || !place_of(t, selector, &at))
		return refuse_selector(t, wrong, selector);
	if (!read_tables(t, at, &descriptor, sizeof(descriptor)))
		return false;
	unpack(descriptor, selector, &t->new);
	if ((t->new.access & (NOT_SYSTEM | 0xfu) & ~(TSS_BUSY | TSS_WIDE)) != TYPE_TSS ||
	    ((t->new.access & TSS_BUSY) != 0) != back)
		return refuse_selector(t, wrong, selector);
	if (!(t->new.access & PRESENT))
		return refuse_selector(t, EXC_NP, selector);
	t->to = &layouts[(t->new.access & TSS_WIDE) != 0];
	if (t->new.limit < t->to->size - 1)
		return refuse_selector(t, EXC_TS, selector);
	t->new.access |= TSS_BUSY;
	return true;
}

static unsigned int saved_bytes(const struct layout *l)
{
	return l->es + l->segments * l->word - l->ip;
}

/* What will be read and written can be: after this the switch has no fault left in the old task. */
static bool all_reachable(struct task *t)
{
	if (t->old.limit < t->from->es + t->from->segments * t->from->word - 1)
		return refuse_selector(t, EXC_TS, t->old.selector);
	return read_tables(t, t->new.base, t->image, t->to->size) &&
	       writable(t, t->old.base + t->from->ip, saved_bytes(t->from)) &&
	       (t->nested ? writable(t, t->new.base, 2) : writable(t, gdt_place(t, t->old.selector) + 5, 1)) &&
	       (t->exit->task.source == TASK_IRET || writable(t, gdt_place(t, t->new.selector) + 5, 1));
}

/* Where the old task goes on: behind the instruction that switched; an interrupted or faulting one is done again. */
static uint64_t return_ip(struct task *t)
{
	const struct event *e = &t->exit->vectoring;
	uint64_t ip = t->exit->rip;
	struct segment cs;

	if (t->exit->task.source != TASK_GATE)
		ip += t->exit->insn_len;
	else if (e->type >= EVENT_SOFT_INTERRUPT)
		ip += e->insn_len;
	arch_vcpu_get_segment(&t->vm->av, SEG_CS, &cs);
	return cs.access & BIG ? (uint32_t)ip : (uint16_t)ip;
}

/* Selectors keep what a program has in the unused half of their fields. */
static bool save_old_state(struct task *t)
{
	const struct layout *l = t->from;
	uint64_t flags = arch_vcpu_get(&t->vm->av, VREG_RFLAGS), ip = return_ip(t);
	uint8_t bytes[TSS_SIZE];
	struct segment s;

	if (!read_tables(t, t->old.base + l->ip, bytes + l->ip, saved_bytes(l)))
		return false;
	if (t->exit->task.source == TASK_IRET)
		flags &= ~(uint64_t)FLAGS_NT;
	memcpy(bytes + l->ip, &ip, l->word);
	memcpy(bytes + l->flags, &flags, l->word);
	for (unsigned int r = RAX; r <= RDI; r++) {
		uint64_t value = gpr_read(t->vm, r);

		memcpy(bytes + l->gpr + r * l->word, &value, l->word);
	}
	for (unsigned int i = 0; i < l->segments; i++) {
		arch_vcpu_get_segment(&t->vm->av, (enum seg)i, &s);
		memcpy(bytes + l->es + i * l->word, &s.selector, 2);
	}
	return write_tables(t, t->old.base + l->ip, bytes + l->ip, saved_bytes(l));
}

static bool set_busy(struct task *t, uint16_t selector, bool busy)
{
	uint64_t at = gdt_place(t, selector) + 5;
	uint8_t access;

	if (!read_tables(t, at, &access, 1))
		return false;
	access = busy ? access | TSS_BUSY : access & (uint8_t)~TSS_BUSY;
	return write_tables(t, at, &access, 1);
}

/* Busy flags, back link, and TR: from here on it is the new task. The image is read again, should the two overlap. */
static bool enter_new_task(struct task *t)
{
	struct vm *vm = t->vm;
	uint32_t blocking = arch_vcpu_blocking(&vm->av) & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);

	if (!t->nested && !set_busy(t, t->old.selector, false))
		return false;
	if (t->nested && !write_tables(t, t->new.base, &t->old.selector, 2))
		return false;
	if (t->exit->task.source != TASK_IRET && !set_busy(t, t->new.selector, true))
		return false;
	if (!read_tables(t, t->new.base, t->image, t->to->size))
		return false;
	arch_vcpu_set_segment(&vm->av, SEG_TR, &t->new);
	arch_vcpu_set(&vm->av, VREG_CR0, arch_vcpu_get(&vm->av, VREG_CR0) | CR0_TS);
	arch_vcpu_set(&vm->av, VREG_DR7, arch_vcpu_get(&vm->av, VREG_DR7) & ~DR7_LOCAL);
	if (t->exit->task.source == TASK_IRET)	/* as every IRET does */
		blocking &= ~BLOCKING_BY_NMI;
	if (t->exit->task.source == TASK_GATE && t->exit->vectoring.type == EVENT_NMI)
		blocking |= BLOCKING_BY_NMI;
	arch_vcpu_set_blocking(&vm->av, blocking);
	return true;
}

static uint32_t field(const struct task *t, unsigned int at)
{
	uint32_t value = 0;

	memcpy(&value, t->image + at, t->to->word);
	return value;
}

/*
 * The new task's registers. Until its segments have been checked it has none but their selectors, at level 3, so that a
 * fault's handler gets the stack that the new TSS names for it; CS's selector says so too, since VM entry may compare.
 */
static void load_registers(struct task *t)
{
	const struct layout *l = t->to;
	struct vm *vm = t->vm;
	uint32_t flags = (field(t, l->flags) & (l->word == 4 ? FLAGS_32 : FLAGS_16)) | 2;

	for (unsigned int r = RAX; r <= RDI; r++)	/* a 16-bit TSS has no upper halves: ones, as the 80386 does it */
		gpr_write(vm, r, field(t, l->gpr + r * l->word) | (l->word == 2 ? 0xffff0000 : 0));
	arch_vcpu_set(&vm->av, VREG_RIP, field(t, l->ip));
	arch_vcpu_set(&vm->av, VREG_RFLAGS, flags | (t->nested ? FLAGS_NT : 0));
	memset(t->selectors, 0, sizeof(t->selectors));
	for (unsigned int i = 0; i < l->segments; i++)
		t->selectors[i] = (uint16_t)field(t, l->es + i * l->word);
	t->selectors[SEG_LDTR] = (uint16_t)field(t, l->ldt);
	for (enum seg i = SEG_ES; i <= SEG_LDTR; i++) {
		struct segment s = { .selector = t->selectors[i], .access = SEGMENT_UNUSABLE | 3u << 5 };

		if (flags & FLAGS_VM && i != SEG_LDTR)
			s = (struct segment){ .selector = s.selector, .base = (uint64_t)s.selector << 4, .limit = 0xffff,
					      .access = 0xf3 };
		else if (i == SEG_CS)
			s = (struct segment){ .selector = s.selector | 3, .limit = 0xffff, .access = 0xfb };
		else if (i == SEG_LDTR)
			s.access = SEGMENT_UNUSABLE;
		arch_vcpu_set_segment(&vm->av, i, &s);
	}
	t->cpl = flags & FLAGS_VM ? 3 : t->selectors[SEG_CS] & 3;
}

/* SDM, "PDPTE Registers": read again if the switch changes CR3. */
static bool load_cr3(struct task *t)
{
	struct vm *vm = t->vm;
	uint64_t cr3;

	if (t->to->word != 4 || !(arch_vcpu_get(&vm->av, VREG_CR0) & CR0_PG))
		return true;
	cr3 = field(t, TSS_CR3);
	if ((arch_vcpu_get(&vm->av, VREG_CR4) & CR4_PAE) && cr3 != arch_vcpu_get(&vm->av, VREG_CR3) &&
	    !cr_load_pdptes(vm, cr3))
		return refuse(t, EXC_GP, 0);
	arch_vcpu_set(&vm->av, VREG_CR3, cr3);
	return true;
}

/* A descriptor of the new task's; its faults are the new task's, but for a missing one all are #TS. */
static bool read_segment(struct task *t, enum seg seg, struct segment *s, uint64_t *at)
{
	uint16_t selector = t->selectors[seg];
	uint64_t descriptor;

	if (selector < 4 || !place_of(t, selector, at))
		return refuse_selector(t, EXC_TS, selector);
	if (!read_tables(t, *at, &descriptor, sizeof(descriptor)))
		return false;
	unpack(descriptor, selector, s);
	return true;
}

/* The accessed flag, in the register and in the table. SDM, "Code- and Data-Segment Descriptor Types". */
static bool mark_accessed(struct task *t, struct segment *s, uint64_t at)
{
	uint8_t access;

	if (s->access & ACCESSED)
		return true;
	s->access |= ACCESSED;
	access = (uint8_t)s->access;
	return write_tables(t, at + 5, &access, 1);
}

static bool load_ldt(struct task *t)
{
	uint16_t selector = t->selectors[SEG_LDTR];
	struct segment s;
	uint64_t at;

	if (selector < 4)
		return true;
	if (selector & 4)
		return refuse_selector(t, EXC_TS, selector);
	if (!read_segment(t, SEG_LDTR, &s, &at))
		return false;
	if ((s.access & (NOT_SYSTEM | 0xfu)) != TYPE_LDT || !(s.access & PRESENT))
		return refuse_selector(t, EXC_TS, selector);
	arch_vcpu_set_segment(&t->vm->av, SEG_LDTR, &s);
	return true;
}

/* Both are set when both are good: CS alone would run at its level without a stack. */
static bool load_code_and_stack(struct task *t)
{
	uint16_t code = t->selectors[SEG_CS], stack = t->selectors[SEG_SS];
	struct segment cs, ss;
	uint64_t cs_at, ss_at;
	unsigned int dpl;

	if (!read_segment(t, SEG_CS, &cs, &cs_at))
		return false;
	dpl = cs.access >> 5 & 3;
	if ((cs.access & (NOT_SYSTEM | CODE)) != (NOT_SYSTEM | CODE) ||
	    (cs.access & CONFORMING ? dpl > t->cpl : dpl != t->cpl))
		return refuse_selector(t, EXC_TS, code);
	if (!(cs.access & PRESENT))
		return refuse_selector(t, EXC_NP, code);
	if (!read_segment(t, SEG_SS, &ss, &ss_at))
		return false;
	if ((ss.access & (NOT_SYSTEM | CODE | WRITABLE)) != (NOT_SYSTEM | WRITABLE) || (ss.access >> 5 & 3) != t->cpl ||
	    (stack & 3) != t->cpl)
		return refuse_selector(t, EXC_TS, stack);
	if (!(ss.access & PRESENT))
		return refuse_selector(t, EXC_SS, stack);
	if (!mark_accessed(t, &cs, cs_at) || !mark_accessed(t, &ss, ss_at))
		return false;
	arch_vcpu_set_segment(&t->vm->av, SEG_CS, &cs);
	arch_vcpu_set_segment(&t->vm->av, SEG_SS, &ss);
	return true;
}

static bool load_data(struct task *t, enum seg seg)
{
	uint16_t selector = t->selectors[seg];
	struct segment s;
	unsigned int dpl;
	uint64_t at;

	if (selector < 4)
		return true;
	if (!read_segment(t, seg, &s, &at))
		return false;
	dpl = s.access >> 5 & 3;
	if (!(s.access & NOT_SYSTEM) || (s.access & (CODE | WRITABLE)) == CODE)
		return refuse_selector(t, EXC_TS, selector);
	if ((s.access & (CODE | CONFORMING)) != (CODE | CONFORMING) && (dpl < t->cpl || dpl < (selector & 3u)))
		return refuse_selector(t, EXC_TS, selector);
	if (!(s.access & PRESENT))
		return refuse_selector(t, EXC_NP, selector);
	if (!mark_accessed(t, &s, at))
		return false;
	arch_vcpu_set_segment(&t->vm->av, seg, &s);
	return true;
}

static bool load_segments(struct task *t)
{
	if (!load_ldt(t))
		return false;
	if (arch_vcpu_get(&t->vm->av, VREG_RFLAGS) & FLAGS_VM)
		return true;
	return load_code_and_stack(t) && load_data(t, SEG_DS) && load_data(t, SEG_ES) && load_data(t, SEG_FS) &&
	       load_data(t, SEG_GS);
}

/* The error code of the exception that came through the gate, on the new task's stack. */
static bool push_error(struct task *t)
{
	struct vm *vm = t->vm;
	unsigned int size = t->to->word;
	uint64_t mask, esp = arch_vcpu_get(&vm->av, VREG_RSP), at;
	struct interp_place place;
	struct segment ss;
	bool fits;

	arch_vcpu_get_segment(&vm->av, SEG_SS, &ss);
	mask = ss.access & BIG ? 0xffffffff : 0xffff;
	at = (esp - size) & mask;
	fits = ss.access & CONFORMING ? at > ss.limit && at + size - 1 <= mask : at + size - 1 <= ss.limit;
	if (!fits)
		return refuse(t, EXC_SS, 0);
	if (!prepare(t, &place, ss.base + at, size, INTERP_WRITE))
		return false;
	storage_store(&t->run.x, &place, &t->exit->vectoring.error);
	arch_vcpu_set(&vm->av, VREG_RSP, (esp & ~mask) | at);
	return true;
}

static bool start_new_task(struct task *t)
{
	struct vm *vm = t->vm;
	struct segment cs;

	if (t->exit->task.source == TASK_GATE && t->exit->vectoring.has_error && !push_error(t))
		return false;
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	if (arch_vcpu_get(&vm->av, VREG_RIP) > cs.limit)
		return refuse(t, EXC_GP, 0);
	if (t->exit->vectoring.valid)
		vm->pending.requeued_valid = false;	/* the switch was its delivery */
	if (t->to->word == 4 && (t->image[TSS_TRAP] & 1)) {	/* SDM, "Task-Switch Exception Condition" */
		arch_vcpu_set(&vm->av, VREG_DR6, arch_vcpu_get(&vm->av, VREG_DR6) | DR6_BT | DR6_FIXED);
		event_raise(vm, EXC_DB);
	}
	return true;
}

/*
 * The processor has checked privilege levels, the selector and the descriptor; some leave that to the monitor. SDM,
 * "Treatment of Task Switches".
 */
enum verdict interpret_task_switch(struct vm *vm, const struct vm_exit *exit)
{
	static const struct insn none = { .bits = 32 };	/* tells how wide linear addresses are */
	struct task t = { .vm = vm, .exit = exit, .verdict = V_RESUME };

	storage_open(&t.run, vm, exit, &t.touch);
	t.run.x.insn = &none;
	t.nested = exit->task.source == TASK_CALL || exit->task.source == TASK_GATE;
	t.outside = exit->task.source == TASK_GATE && exit->vectoring.type != EVENT_SOFT_INTERRUPT &&
		    exit->vectoring.type != EVENT_SOFT_EXCEPTION;
	arch_vcpu_get_segment(&vm->av, SEG_TR, &t.old);
	t.from = &layouts[(t.old.access & TSS_WIDE) != 0];
	if (arch_vcpu_get(&vm->av, VREG_EFER) & EFER_LMA) {	/* there are none in IA-32e mode */
		refuse_selector(&t, EXC_GP, exit->task.selector);
		return t.verdict;
	}
	if (!find_new_tss(&t) || !all_reachable(&t) || !save_old_state(&t) || !enter_new_task(&t))
		return t.verdict;
	load_registers(&t);
	if (load_cr3(&t) && load_segments(&t))
		start_new_task(&t);
	return t.verdict;
}
