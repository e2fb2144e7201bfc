/* What the dispatcher stands on, faked: routines that note their call, CP, devices, and a processor with a script. */
/* Part: unit tests, on the host; included by the two tests of the dispatcher. */
#ifndef TESTS_UNIT_DISPATCHER_FAKE_H
#define TESTS_UNIT_DISPATCHER_FAKE_H

#include "tests/unit/core_fake.h"

#include "arch/x86/vmx/audit.h"
#include "lib/printf.h"
#include "lib/timebase.h"
#include "vmm/allocator/memory_trap.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/directory.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/ipl/ipl.h"
#include "vmm/machine/pc.h"

#define HZ 1000000000u
#define SLICE (HZ / 50)	/* 20 ms */
#define WAKE (HZ / 2000)

/* Which routine was called last, and what it shall answer. */
static const char *called;
static enum verdict answer;
static bool wakes_another;

#define ROUTINE(name)                                                  \
	enum verdict name(struct vm *vm, const struct vm_exit *exit)   \
	{                                                              \
		(void)exit;                                            \
		assert_non_null(vm);                                   \
		called = #name;                                        \
		if (wakes_another)                                     \
			dispatcher_woken();                            \
		return answer;                                         \
	}

ROUTINE(interpret_cpuid)
ROUTINE(interpret_rdmsr)
ROUTINE(interpret_wrmsr)
ROUTINE(interpret_cr)
ROUTINE(interpret_xsetbv) ROUTINE(interpret_apic_access) ROUTINE(interpret_apic_write) ROUTINE(interpret_virtual_eoi)
ROUTINE(interpret_io)
ROUTINE(interpret_hlt)
ROUTINE(interpret_cache)
ROUTINE(interpret_rdtsc)
ROUTINE(interpret_dr)
ROUTINE(interpret_exception)
ROUTINE(interpret_task_switch)
ROUTINE(interpret_vmcall)
ROUTINE(memory_trap)

const char *audit_guest_state(struct arch_vcpu *av)
{
	(void)av;
	return NULL;
}

static unsigned int interrupts_taken, nmis_taken;
static uint8_t interrupt_taken;

void cpu_take_interrupt(uint8_t vector)
{
	interrupts_taken++;
	interrupt_taken = vector;
}

void cpu_take_nmi(void)
{
	nmis_taken++;
}

uint64_t cpu_tsc_hz(void)
{
	return HZ;
}

/* The loop runs for ever: the fakes leave it when their script is at its end. */
static jmp_buf out;
static unsigned int services, services_left, idles;
static uint64_t idle_until, service_due;
static const struct directory_user plain_user;
static struct vm *table[VM_MAX];
static unsigned int says, ipls, deadline_looks, device_services;
static int ipl_answer;

uint64_t cp_service(void)
{
	services++;
	if (services_left-- == 0)
		longjmp(out, 1);
	return service_due;
}

void cp_say(const char *format, ...)
{
	(void)format;
	says++;
}

void cpu_idle(uint64_t until)
{
	idles++;
	idle_until = until;
	core_tsc += 100;
}

struct vm *vm_at(uint32_t number)
{
	assert_in_range(number, 0, VM_MAX - 1);
	return table[number];
}

uint32_t vm_end(void)
{
	return 6;	/* 0 and 5 are used here */
}

int vm_begin(struct vm *vm)
{
	vm->state = VM_RUNNABLE;
	return 0;
}

int ipl_again(struct vm *vm, char *why, size_t room)
{
	(void)vm;
	ipls++;
	snprintf(why, room, "%s", ipl_answer != 0 ? "NO FILE" : "");
	return ipl_answer;
}

static uint64_t device_deadline;

void pc_find_deadline(struct vm *vm)
{
	deadline_looks++;
	vm->work &= ~VM_WORK_DEADLINE;
	vm->deadline = vm->device_deadline = device_deadline;
}

/* The local APIC's timer: the tests' machines have none under way. */
void pc_expire_apic(struct vm *vm, uint64_t now)
{
	(void)now;
	vm->apic_deadline = TIME_NEVER;
}

/* The timer's interrupt: one, and then nothing more is due. */
void pc_finish_screen(struct vm *vm)
{
	(void)vm;
}

void pc_service(struct vm *vm, uint64_t now)
{
	assert_true(device_deadline <= now);
	device_services++;
	device_deadline = TIME_NEVER;
	vm->deadline = vm->device_deadline = TIME_NEVER;
	vm->pending.intr = true;
	vm_kick(vm, VM_WORK_EVENT);
}

/* What the processor does at each entry. */
struct step {
	enum exit_kind kind;
	enum verdict verdict;	/* what the routine shall answer */
	uint32_t length;
	bool vectoring;
	uint64_t ticks;		/* in the guest */
};

static const struct step *script;
static unsigned int script_length, entries, injected_entries;
static struct event entered_with;
static uint64_t first_deadline, last_deadline, repeat_ticks;
static unsigned int entries_of[2];
static struct vm other;

bool arch_vcpu_run(struct arch_vcpu *av, uint64_t now, uint64_t deadline, struct vm_exit *exit)
{
	struct step s = { .kind = EXIT_TIME, .ticks = repeat_ticks };

	assert_true(now <= core_tsc);
	if (entries < script_length)
		s = script[entries];
	else if (repeat_ticks == 0)
		longjmp(out, 2);
	if (entries == 0)
		first_deadline = deadline;
	last_deadline = deadline;
	entries++;
	entries_of[av == &other.av]++;
	entered_with = core_injected;
	injected_entries += core_injected.valid;
	core_injected.valid = false;	/* the processor has delivered it */
	*exit = (struct vm_exit){ .kind = s.kind, .insn_len = s.length, .rip = core_regs[VREG_RIP],
				  .raw_reason = 100 + (uint32_t)s.kind };
	if (s.kind == EXIT_INTERRUPT)
		exit->interrupt.vector = 0xec;
	if (s.vectoring)
		exit->vectoring = (struct event){ .valid = true, .vector = 0x31, .type = EVENT_SOFT_INTERRUPT,
						  .insn_len = 2 };
	core_tsc += s.ticks;
	called = NULL;
	answer = s.verdict;
	return s.vectoring;
}

static inline int setup(void **state)
{
	(void)state;
	core_make(4096);
	core_protected();
	core_tsc_step = 10;
	core_tsc = 5000000000u;
	core.user = &plain_user;
	core.deadline = core.device_deadline = core.apic_deadline = TIME_NEVER;
	device_deadline = TIME_NEVER;
	memset(&other, 0, sizeof(other));
	memset(table, 0, sizeof(table));
	memset(entries_of, 0, sizeof(entries_of));
	table[0] = &core;
	services = idles = entries = injected_entries = says = ipls = deadline_looks = device_services = 0;
	interrupts_taken = nmis_taken = 0;
	services_left = 1;
	service_due = TIME_NEVER;
	ipl_answer = 0;
	script = NULL;
	script_length = 0;
	repeat_ticks = 0;
	wakes_another = false;
	return 0;
}

/* Runs the loop until CP has been asked `turns` + 1 times, or the script is done. */
static inline void loop(const struct step *steps, unsigned int count, unsigned int turns)
{
	script = steps;
	script_length = count;
	services_left = turns;
	if (setjmp(out) == 0)
		dispatcher_loop();
}

#define LOOP(steps, turns) loop(steps, ARRAY_LEN(steps), turns)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, core_teardown)

#endif
