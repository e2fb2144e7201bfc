/* Tests task switches: each way in, both formats, what is saved and loaded, and every fault before and after.
 * Part: unit tests, on the host.
 * UNIT: $(STORAGE)
 */
#include "tests/unit/core_fake.h"

#include "vmm/interpreter/interpreter.h"

#define GDT 0x1000u
#define LDT 0x1800u
#define OLD 0x2000u
#define NEW 0x3000u
#define NT (1u << 14)
#define VM86 (1u << 17)

/* The GDT's selectors. */
enum { CODE0 = 8, DATA0 = 0x10, CODE3 = 0x18, DATA3 = 0x20, THE_LDT = 0x28, OLD_TSS = 0x30, NEW_TSS = 0x38, CONFORMING = 0x40,
       CODE16 = 0x48, DATA16 = 0x50, ABSENT_CODE = 0x58, ABSENT_DATA = 0x60, EXECUTE = 0x68, READ_ONLY = 0x70, BEYOND = 0x78 };

static struct vm_exit e;

static void put(uint32_t at, uint64_t value, size_t n)
{
	memcpy(core_storage + at, &value, n);
}

static uint64_t get(uint32_t at, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, core_storage + at, n);
	return value;
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(access & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(access & 0xf000) << 40 | (uint64_t)(base >> 24) << 56;
}

static void new_tss(bool wide)
{
	static const uint16_t words[] = { 0x5000, 0x0246, 1, 2, 3, 4, 0x7f00, 6, 7, 8, DATA16, CODE16, DATA16, 0, THE_LDT };
	static const uint32_t longs[] = { 0x9000, 0x45000, 0x40203, 0x10001, 0x20002, 0x30003, 0x40004, 0x7f00, 0x60006, 0x70007,
					  0x80008, DATA0, CODE0, DATA0, DATA3 | 3, 0, 4, THE_LDT };

	memset(core_storage + NEW, 0, 256);
	put(GDT + NEW_TSS, descriptor(NEW, wide ? 103 : 43, wide ? 0x89 : 0x81), 8);
	if (wide)
		memcpy(core_storage + NEW + 28, longs, sizeof(longs));
	else
		memcpy(core_storage + NEW + 14, words, sizeof(words));
}

static void old_tss(bool wide)
{
	put(GDT + OLD_TSS, descriptor(OLD, wide ? 103 : 43, wide ? 0x8b : 0x83), 8);
	memset(core_storage + OLD, 0xee, 256);
	core_segments[SEG_TR] = (struct segment){ OLD_TSS, OLD, wide ? 103 : 43, wide ? 0x8b : 0x83 };
}

static int setup(void **state)
{
	(void)state;
	core_make(KIB(512));
	core_protected();
	core_regs[VREG_GDTR_BASE] = GDT;
	core_regs[VREG_GDTR_LIMIT] = BEYOND - 1;
	put(GDT + CODE0, descriptor(0, 0xfffff, 0xc09a), 8);
	put(GDT + DATA0, descriptor(0, 0xfffff, 0xc092), 8);
	put(GDT + CODE3, descriptor(0, 0xfffff, 0xc0fb), 8);
	put(GDT + DATA3, descriptor(0, 0xfffff, 0xc0f3), 8);
	put(GDT + THE_LDT, descriptor(LDT, 15, 0x82), 8);
	put(GDT + CONFORMING, descriptor(0, 0xfffff, 0xc09e), 8);
	put(GDT + CODE16, descriptor(0, 0xffff, 0x9a), 8);
	put(GDT + DATA16, descriptor(0x10000, 0xffff, 0x92), 8);
	put(GDT + ABSENT_CODE, descriptor(0, 0xfffff, 0xc01a), 8);
	put(GDT + ABSENT_DATA, descriptor(0, 0xfffff, 0xc012), 8);
	put(GDT + EXECUTE, descriptor(0, 0xfffff, 0xc098), 8);
	put(GDT + READ_ONLY, descriptor(0, 0xfffff, 0xc090), 8);
	put(LDT, descriptor(0x12340000, 0x123, 0x40f2), 8);
	old_tss(true);
	new_tss(true);
	for (unsigned int r = RAX; r <= RDI; r++)
		core.av.gpr[r] = 0xa0a0a0a0u + r;
	core_regs[VREG_RSP] = 0x8000;
	core_regs[VREG_RIP] = 0x7000;
	core_regs[VREG_RFLAGS] = 0x202;
	core_regs[VREG_DR6] = 0xffff0ff0;
	core_regs[VREG_DR7] = 0x7ff;
	core_blocking = BLOCKING_BY_STI;
	e = (struct vm_exit){ .kind = EXIT_TASK_SWITCH, .insn_len = 7, .rip = 0x7000 };
	return 0;
}

static enum verdict go(enum task_source source)
{
	e.task.source = (uint8_t)source;
	e.task.selector = NEW_TSS;
	return interpret_task_switch(&core, &e);
}

/* The dispatcher has queued the event again before. */
static enum verdict go_by_event(uint8_t vector, uint8_t type, bool has_error)
{
	e.vectoring = (struct event){ .valid = true, .vector = vector, .type = type, .has_error = has_error, .error = 0x1238,
				      .insn_len = 2 };
	core.pending.requeued = e.vectoring;
	core.pending.requeued_valid = true;
	return go(TASK_GATE);
}

static void expect_new_task(void)
{
	assert_false(core.pending.exception.valid);
	assert_int_equal(core_regs[VREG_RIP], 0x45000);
	assert_int_equal(core.av.gpr[RAX], 0x10001);
	assert_int_equal(core.av.gpr[RCX], 0x20002);
	assert_int_equal(core.av.gpr[RBX], 0x40004);
	assert_int_equal(core.av.gpr[RDI], 0x80008);
	assert_int_equal(core_segments[SEG_CS].selector, CODE0);
	assert_int_equal(core_segments[SEG_CS].access, 0xc09b);
	assert_int_equal(core_segments[SEG_CS].limit, 0xffffffff);
	assert_int_equal(core_segments[SEG_SS].access, 0xc093);
	assert_int_equal(core_segments[SEG_DS].selector, DATA3 | 3);
	assert_true(core_segments[SEG_FS].access & SEGMENT_UNUSABLE);
	assert_int_equal(core_segments[SEG_GS].base, 0x12340000);	/* in the new LDT */
	assert_int_equal(core_segments[SEG_GS].access, 0x40f3);
	assert_int_equal(core_segments[SEG_LDTR].base, LDT);
	assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
	assert_int_equal(core_segments[SEG_TR].access, 0x8b);
	assert_int_equal(core_segments[SEG_TR].base, NEW);
	assert_true(core_regs[VREG_CR0] & 8);
	assert_int_equal(core_regs[VREG_DR7], 0x7ff & ~0x155);
	assert_int_equal(get(GDT + CODE0 + 5, 1), 0x9b);	/* accessed */
	assert_int_equal(get(LDT + 5, 1), 0xf3);
	assert_int_equal(core_blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS), 0);
}

static void expect_saved(uint32_t eip, uint32_t flags)
{
	assert_int_equal(get(OLD + 32, 4), eip);
	assert_int_equal(get(OLD + 36, 4), flags);
	assert_int_equal(get(OLD + 40, 4), 0xa0a0a0a0u);
	assert_int_equal(get(OLD + 56, 4), 0x8000);
	assert_int_equal(get(OLD + 68, 4), 0xa0a0a0a7u);
	assert_int_equal(get(OLD + 72, 4), 0xeeee0010u);	/* the upper half is the program's */
	assert_int_equal(get(OLD + 76, 4), 0xeeee0008u);
	assert_int_equal(get(OLD + 92, 4), 0xeeee0010u);
	assert_int_equal(get(OLD + 96, 4), 0xeeeeeeeeu);	/* nothing else is written */
	assert_int_equal(get(OLD + 28, 4), 0xeeeeeeeeu);
}

static void test_call(void **state)
{
	(void)state;
	assert_int_equal(go(TASK_CALL), V_RESUME);
	expect_new_task();
	expect_saved(0x7007, 0x202);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x40203 | NT);
	assert_int_equal(core_regs[VREG_RSP], 0x7f00);
	assert_int_equal(get(NEW, 4), OLD_TSS);
	assert_int_equal(get(GDT + OLD_TSS + 5, 1), 0x8b);
	assert_int_equal(get(GDT + NEW_TSS + 5, 1), 0x8b);
}

static void test_jmp(void **state)
{
	(void)state;
	assert_int_equal(go(TASK_JMP), V_RESUME);
	expect_new_task();
	expect_saved(0x7007, 0x202);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x40203);
	assert_int_equal(get(NEW, 2), 0);			/* no way back */
	assert_int_equal(get(GDT + OLD_TSS + 5, 1), 0x89);
	assert_int_equal(get(GDT + NEW_TSS + 5, 1), 0x8b);
}

static void test_iret(void **state)
{
	(void)state;
	put(GDT + NEW_TSS + 5, 0x8b, 1);
	core_regs[VREG_RFLAGS] = 0x202 | NT;
	core_blocking = BLOCKING_BY_NMI;
	e.insn_len = 1;
	assert_int_equal(go(TASK_IRET), V_RESUME);
	expect_new_task();
	expect_saved(0x7001, 0x202);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x40203);
	assert_int_equal(core_blocking, 0);
	assert_int_equal(get(GDT + OLD_TSS + 5, 1), 0x89);
	assert_int_equal(get(GDT + NEW_TSS + 5, 1), 0x8b);
}

static void test_exception_with_error(void **state)
{
	(void)state;
	core_regs[VREG_RFLAGS] = 0x10202;
	assert_int_equal(go_by_event(EXC_GP, EVENT_EXCEPTION, true), V_RESUME);
	expect_new_task();
	expect_saved(0x7000, 0x10202);		/* the faulting instruction is done again */
	assert_int_equal(core_regs[VREG_RSP], 0x7efc);
	assert_int_equal(get(0x7efc, 4), 0x1238);
	assert_false(core.pending.requeued_valid);
	assert_int_equal(get(NEW, 2), OLD_TSS);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x40203 | NT);
}

static void test_interrupts(void **state)
{
	assert_int_equal(go_by_event(0x80, EVENT_SOFT_INTERRUPT, false), V_RESUME);
	expect_new_task();
	expect_saved(0x7002, 0x202);
	assert_int_equal(core_regs[VREG_RSP], 0x7f00);
	assert_false(core.pending.requeued_valid);

	setup(state);
	assert_int_equal(go_by_event(0x20, EVENT_INTERRUPT, false), V_RESUME);
	expect_new_task();
	expect_saved(0x7000, 0x202);
	assert_false(core_blocking & BLOCKING_BY_NMI);

	setup(state);
	assert_int_equal(go_by_event(2, EVENT_NMI, false), V_RESUME);
	expect_new_task();
	assert_int_equal(core_blocking, BLOCKING_BY_NMI);
	assert_false(core.pending.requeued_valid);
}

static void test_16_bit(void **state)
{
	(void)state;
	new_tss(false);
	assert_int_equal(go_by_event(EXC_GP, EVENT_EXCEPTION, true), V_RESUME);
	assert_false(core.pending.exception.valid);
	expect_saved(0x7000, 0x202);
	assert_int_equal(core_regs[VREG_RIP], 0x5000);
	assert_int_equal(core_regs[VREG_RFLAGS], 0x246 | NT);
	assert_int_equal((uint32_t)core.av.gpr[RAX], 0xffff0001);	/* its upper half is not in the TSS */
	assert_int_equal((uint32_t)core.av.gpr[RDI], 0xffff0008);
	assert_int_equal(core_segments[SEG_CS].access, 0x9b);
	assert_int_equal(core_segments[SEG_SS].base, 0x10000);
	assert_true(core_segments[SEG_FS].access & SEGMENT_UNUSABLE);
	assert_int_equal(core_segments[SEG_FS].selector, 0);
	assert_int_equal(core_segments[SEG_TR].access, 0x83);
	assert_int_equal(core_segments[SEG_LDTR].base, LDT);
	assert_int_equal((uint32_t)core_regs[VREG_RSP], 0xffff7efe);		/* a word, by SP */
	assert_int_equal(get(0x17efe, 2), 0x1238);

	/* and out of it again */
	old_tss(false);
	new_tss(true);
	core_regs[VREG_RSP] = 0x12348000;
	memset(&e.vectoring, 0, sizeof(e.vectoring));
	e.rip = 0x5000;
	e.insn_len = 5;
	assert_int_equal(go(TASK_JMP), V_RESUME);
	assert_false(core.pending.exception.valid);
	assert_int_equal(get(OLD + 14, 2), 0x5005);
	assert_int_equal(get(OLD + 16, 2), 0x246 | NT);
	assert_int_equal(get(OLD + 18, 2), 1);
	assert_int_equal(get(OLD + 26, 2), 0x8000);
	assert_int_equal(get(OLD + 34, 2), DATA16);
	assert_int_equal(get(OLD + 42, 2), 0xeeee);
	assert_int_equal(get(GDT + OLD_TSS + 5, 1), 0x81);
}

static void test_trap_flag(void **state)
{
	(void)state;
	put(NEW + 100, 1, 2);
	assert_int_equal(go(TASK_JMP), V_RESUME);
	core_expect_fault(V_RESUME, EXC_DB, -1);
	expect_new_task();
	assert_int_equal(core_regs[VREG_DR6], 0xffff8ff0);
}

static void test_virtual_8086(void **state)
{
	(void)state;
	put(NEW + 36, 0x20202 | VM86, 4);
	put(NEW + 32, 0x100, 4);
	for (unsigned int i = 0; i < 6; i++)
		put(NEW + 72 + 4 * i, 0x1000 * (i + 1), 4);
	assert_int_equal(go(TASK_CALL), V_RESUME);
	assert_false(core.pending.exception.valid);
	for (enum seg s = SEG_ES; s <= SEG_GS; s++) {
		assert_int_equal(core_segments[s].base, 0x10000 * (s + 1));
		assert_int_equal(core_segments[s].access, 0xf3);
		assert_int_equal(core_segments[s].limit, 0xffff);
	}
	assert_true(core_regs[VREG_RFLAGS] & VM86);
	setup(state);
	put(NEW + 36, VM86, 4);			/* EIP beyond 64 KiB */
	go(TASK_CALL);
	core_expect_fault(V_RESUME, EXC_GP, 0);
}

/* Before the switch: nothing of the machine has changed. */
static void refuse(enum task_source source, uint8_t vector, int error)
{
	static uint8_t before[KIB(512)];
	uint64_t regs[VREGS];
	struct segment segments[SEGS];
	enum verdict v;

	memcpy(before, core_storage, sizeof(before));
	memcpy(regs, core_regs, sizeof(regs));
	memcpy(segments, core_segments, sizeof(segments));
	v = e.vectoring.valid ? go_by_event(e.vectoring.vector, e.vectoring.type, false) : go(source);
	core_expect_fault(v, vector, error);
	assert_memory_equal(before, core_storage, sizeof(before));
	assert_memory_equal(segments, core_segments, sizeof(segments));
	regs[VREG_CR2] = core_regs[VREG_CR2];
	assert_memory_equal(regs, core_regs, sizeof(regs));
}

static void test_refused(void **state)
{
	put(GDT + NEW_TSS + 5, 0x8b, 1);	/* busy */
	refuse(TASK_CALL, EXC_GP, NEW_TSS);
	refuse(TASK_JMP, EXC_GP, NEW_TSS);
	put(GDT + NEW_TSS + 5, 0x89, 1);	/* not busy */
	refuse(TASK_IRET, EXC_TS, NEW_TSS);
	put(GDT + NEW_TSS + 5, 0x99, 1);	/* no system segment */
	refuse(TASK_CALL, EXC_GP, NEW_TSS);
	put(GDT + NEW_TSS + 5, 0x09, 1);	/* not present */
	refuse(TASK_CALL, EXC_NP, NEW_TSS);
	put(GDT + NEW_TSS, descriptor(NEW, 102, 0x89), 8);
	refuse(TASK_JMP, EXC_TS, NEW_TSS);
	put(GDT + NEW_TSS, descriptor(NEW, 42, 0x81), 8);
	refuse(TASK_JMP, EXC_TS, NEW_TSS);
	setup(state);
	core_segments[SEG_TR].limit = 94;	/* no room for the old state */
	refuse(TASK_JMP, EXC_TS, OLD_TSS);
	setup(state);
	core_regs[VREG_GDTR_LIMIT] = NEW_TSS + 6;
	refuse(TASK_CALL, EXC_GP, NEW_TSS);
	refuse(TASK_IRET, EXC_TS, NEW_TSS);
	setup(state);
	e.task.source = TASK_CALL;
	e.task.selector = 3;
	core_expect_fault(interpret_task_switch(&core, &e), EXC_GP, 0);
	e.task.selector = NEW_TSS | 4;
	core_expect_fault(interpret_task_switch(&core, &e), EXC_GP, NEW_TSS | 4);
	core_regs[VREG_EFER] = EFER_LONG;
	e.task.selector = NEW_TSS;
	core_expect_fault(interpret_task_switch(&core, &e), EXC_GP, NEW_TSS);
}

/* An event whose task cannot be entered: exceptions clash, interrupts are lost; EXT tells of those from outside. */
static void test_refused_events(void **state)
{
	put(GDT + NEW_TSS + 5, 0x8b, 1);
	e.vectoring = (struct event){ .valid = true, .vector = EXC_GP, .type = EVENT_EXCEPTION };
	refuse(TASK_GATE, EXC_GP, NEW_TSS | 1);
	assert_true(core.pending.requeued_valid);
	core.pending.exception.valid = true;
	core.pending.exception.type = EVENT_EXCEPTION;
	assert_true(event_prepare(&core));
	assert_int_equal(core_injected.vector, EXC_DF);
	setup(state);
	put(GDT + NEW_TSS + 5, 0x8b, 1);
	e.vectoring = (struct event){ .valid = true, .vector = 0x20, .type = EVENT_INTERRUPT };
	refuse(TASK_GATE, EXC_GP, NEW_TSS | 1);
	assert_false(core.pending.requeued_valid);
	e.vectoring = (struct event){ .valid = true, .vector = 0x80, .type = EVENT_SOFT_INTERRUPT };
	refuse(TASK_GATE, EXC_GP, NEW_TSS);
	assert_false(core.pending.requeued_valid);
}

/* In the new task: it is entered, at level 3 without segments, and the fault is its own. */
static void refuse_inside(uint32_t at, uint16_t selector, uint8_t vector, int error)
{
	setup(NULL);
	put(NEW + at, selector, 2);
	core_expect_fault(go(TASK_JMP), vector, error);
	assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
	assert_int_equal(get(GDT + NEW_TSS + 5, 1), 0x8b);
	assert_int_equal(core_regs[VREG_RIP], 0x45000);
	expect_saved(0x7007, 0x202);
	assert_int_equal(core_segments[SEG_SS].access >> 5 & 3, core_segments[SEG_CS].access >> 5 & 3);
	assert_true(core_segments[SEG_CS].access & 1);
}

static void test_faults_in_the_new_task(void **state)
{
	enum { ES = 72, CS = 76, SS = 80, DS = 84, FS = 88, GS = 92, LDTR = 96 };

	(void)state;
	refuse_inside(LDTR, 4, EXC_TS, 4);
	refuse_inside(LDTR, BEYOND, EXC_TS, BEYOND);
	refuse_inside(LDTR, DATA0, EXC_TS, DATA0);
	refuse_inside(CS, 0, EXC_TS, 0);
	refuse_inside(CS, DATA0, EXC_TS, DATA0);
	refuse_inside(CS, CODE0 | 3, EXC_TS, CODE0);
	refuse_inside(CS, CODE3, EXC_TS, CODE3);
	refuse_inside(CS, ABSENT_CODE, EXC_NP, ABSENT_CODE);
	refuse_inside(CS, BEYOND, EXC_TS, BEYOND);
	refuse_inside(CS, CODE3 | 3, EXC_TS, DATA0);		/* and the stack is of level 0 */
	refuse_inside(SS, 0, EXC_TS, 0);
	refuse_inside(SS, DATA3, EXC_TS, DATA3);
	refuse_inside(SS, DATA0 | 3, EXC_TS, DATA0);
	refuse_inside(SS, READ_ONLY, EXC_TS, READ_ONLY);
	refuse_inside(SS, CODE0, EXC_TS, CODE0);
	refuse_inside(SS, ABSENT_DATA, EXC_SS, ABSENT_DATA);
	refuse_inside(DS, EXECUTE, EXC_TS, EXECUTE);
	refuse_inside(DS, ABSENT_DATA, EXC_NP, ABSENT_DATA);
	refuse_inside(DS, DATA0 | 3, EXC_TS, DATA0);
	refuse_inside(DS, NEW_TSS, EXC_TS, NEW_TSS);
	refuse_inside(ES, BEYOND, EXC_TS, BEYOND);
	refuse_inside(FS, 12, EXC_TS, 12);			/* the LDT has two, and this one is empty */
	refuse_inside(GS, 20, EXC_TS, 20);
	setup(NULL);
	put(NEW + DS, CONFORMING | 3, 2);
	go(TASK_JMP);
	assert_false(core.pending.exception.valid);
	setup(NULL);
	put(GDT + CODE0, descriptor(0, 0x44fff, 0x409a), 8);	/* EIP behind the limit */
	core_expect_fault(go(TASK_JMP), EXC_GP, 0);
	setup(NULL);
	put(GDT + DATA0, descriptor(0, 0x7e00, 0x4092), 8);	/* no room for the error code */
	core_expect_fault(go_by_event(EXC_GP, EVENT_EXCEPTION, true), EXC_SS, 1);
	assert_true(core.pending.requeued_valid);
}

#define TABLES 0x40000u

static void paging(uint32_t root)
{
	core_regs[VREG_CR0] |= 1ull << 31 | 1ull << 16;
	core_regs[VREG_CR3] = root;
	for (unsigned int i = 0; i < 0x80; i++)
		put(root + 0x1000 + 4 * i, i << 12 | 3, 4);
	put(root, (root + 0x1000) | 3, 4);
	put(NEW + 28, root, 4);
}

static void test_paging(void **state)
{
	(void)state;
	paging(TABLES);
	paging(TABLES + 0x2000);
	core_regs[VREG_CR3] = TABLES;
	assert_int_equal(go(TASK_CALL), V_RESUME);
	expect_new_task();
	assert_int_equal(core_regs[VREG_CR3], TABLES + 0x2000);
	setup(state);				/* a TSS that is not paged in: #PF, in the old task */
	paging(TABLES);
	put(TABLES + 0x1000 + 4 * (NEW >> 12), 0, 4);
	core_expect_fault(go(TASK_CALL), EXC_PF, 0);
	assert_int_equal(core_regs[VREG_CR2], NEW);
	assert_int_equal(core_segments[SEG_TR].selector, OLD_TSS);
	setup(state);				/* or may not be written */
	paging(TABLES);
	put(TABLES + 0x1000 + 4 * (OLD >> 12), OLD | 1, 4);
	core_expect_fault(go(TASK_CALL), EXC_PF, 3);
	assert_int_equal(core_regs[VREG_CR2], OLD + 32);
	assert_int_equal(core_segments[SEG_TR].selector, OLD_TSS);
	setup(state);				/* the processor's own accesses are the supervisor's */
	paging(TABLES);
	core_segments[SEG_SS].access = 0xc0f3;
	assert_int_equal(go(TASK_CALL), V_RESUME);
	expect_new_task();
	setup(state);				/* the new task's page tables do not hold the LDT: its #PF */
	paging(TABLES);
	paging(TABLES + 0x2000);
	core_regs[VREG_CR3] = TABLES;
	put(TABLES + 0x3000 + 4, 0, 4);
	core_expect_fault(go(TASK_CALL), EXC_PF, 0);
	assert_int_equal(core_segments[SEG_TR].selector, NEW_TSS);
	assert_int_equal(core_regs[VREG_CR2], GDT + THE_LDT);
}

static void test_pae(void **state)
{
	for (unsigned int bad = 0; bad < 2; bad++) {
		setup(state);
		core_regs[VREG_CR0] |= 1ull << 31;
		core_regs[VREG_CR4] = 0x20;
		core_regs[VREG_CR3] = TABLES;
		core_pdptes[0] = (TABLES + 0x1000) | 1;
		put(TABLES + 0x1000, 0x83, 8);		/* 2 MiB */
		put(TABLES + 0x20, (TABLES + 0x1000) | 1 | (bad ? 0x20 : 0), 8);
		put(NEW + 28, TABLES + 0x20, 4);
		if (bad) {
			core_expect_fault(go(TASK_JMP), EXC_GP, 0);
			assert_int_equal(core_regs[VREG_CR3], TABLES);
		} else {
			go(TASK_JMP);
			expect_new_task();
			assert_int_equal(core_regs[VREG_CR3], TABLES + 0x20);
			assert_int_equal(core_pdpte_loads, 4);
		}
	}
}

static void test_absent_storage(void **state)
{
	(void)state;
	/* a TSS whose segments are ones: the switch is done, and the new task has no LDT */
	put(GDT + NEW_TSS, descriptor(KIB(512) - 74, 103, 0x89), 8);
	memcpy(core_storage + KIB(512) - 74, core_storage + NEW, 74);
	core_expect_fault(go(TASK_CALL), EXC_TS, 0xfffc);
	assert_int_equal(core_segments[SEG_TR].base, KIB(512) - 74);
	assert_int_equal(core.av.gpr[RAX], 0x10001);
	assert_int_equal(core_segments[SEG_CS].selector, 0xffff);
	/* page tables are another matter */
	setup(NULL);
	core_regs[VREG_CR0] = CR0_PE_PG;
	core_regs[VREG_CR3] = KIB(512);
	assert_int_equal(go(TASK_CALL), V_CRASH);
	assert_non_null(strstr(core.why, "PAGE TABLES LIE IN ABSENT STORAGE 0000080"));
	assert_int_equal(core.state, VM_ENDED);
}

/* Whatever stands in GDT and TSS: an end, one fault at most, and a state with one level. */
static void test_noise(void **state)
{
	unsigned int entered = 0, faults = 0;

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t r = core_random();
		enum task_source source = (enum task_source)(r & 3);

		setup(state);
		for (unsigned int n = 0; n < (r >> 8 & 7); n++)
			put(GDT + (uint32_t)(core_random() % 0x70), core_random(), 1);
		for (unsigned int n = 0; n < (r >> 16 & 7); n++)
			put(NEW + (uint32_t)(core_random() % 104), core_random() & (r & 0x100000 ? 0x7f : 0xff), 1);
		if (source == TASK_IRET)
			put(GDT + NEW_TSS + 5, 0x8b, 1);
		if (r & 0x200000)
			new_tss(false);
		if (source == TASK_GATE)
			go_by_event((uint8_t)(r >> 24 & 31), (uint8_t)(r >> 32) % 7, (r >> 40 & 1) != 0);
		else
			go(source);
		if (core.state == VM_ENDED)
			continue;
		entered += core_segments[SEG_TR].selector == NEW_TSS;
		faults += core.pending.exception.valid;
		if (core_regs[VREG_RFLAGS] & VM86) {
			assert_int_equal(core_segments[SEG_CS].access, 0xf3);
		} else {	/* what VM entry asks of them */
			assert_int_equal(core_segments[SEG_CS].access & 0x10099, 0x99);
			if (core_segments[SEG_CS].access & 4)
				assert_true((core_segments[SEG_CS].access & 0x60) <= (core_segments[SEG_SS].access & 0x60));
			else
				assert_int_equal(core_segments[SEG_CS].access & 0x60, core_segments[SEG_SS].access & 0x60);
		}
		assert_true(core_regs[VREG_RFLAGS] & 2);
	}
	assert_true(entered > 7000 && faults > 1700);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_call), TEST(test_jmp), TEST(test_iret), TEST(test_exception_with_error), TEST(test_interrupts),
		TEST(test_16_bit), TEST(test_trap_flag), TEST(test_virtual_8086), TEST(test_refused), TEST(test_refused_events),
		TEST(test_faults_in_the_new_task), TEST(test_paging), TEST(test_pae), TEST(test_absent_storage), TEST(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
