/* The dispatcher D of the monitor <D, A, {v_i}>: every trap arrives here and is routed by one table. */
/* Part: vmm/; one loop for each processor: pick, merge events, run, account, route, apply the verdict. */
#include "vmm/dispatcher.h"
#include "arch/api/cpu.h"
#include "vmm/allocator/memory_trap.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/directory.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/ipl/ipl.h"
#include "vmm/machine/event.h"
#include "vmm/machine/pc.h"

#define SLICE_PER_SECOND 50u	/* a slice is at most 20 ms */
#define WAKE_PER_SECOND 2000u	/* another machine's deadline cuts a slice short, but not below 0.5 ms */

static struct dispatcher_load load;
static struct trace_entry trace[TRACE_ENTRIES];
static uint8_t trace_next;	/* goes round by itself */
_Static_assert(TRACE_ENTRIES == 256, "one byte counts the entries");
static uint64_t slice_ticks, wake_ticks;
static uint64_t cp_due;
static struct {
	struct vm *vm;		/* NULL = nobody is on the processor */
	uint64_t start, end;
} stay;

static enum verdict take_interrupt(struct vm *vm, const struct vm_exit *exit)
{
	(void)vm;
	cpu_take_interrupt(exit->interrupt.vector);
	return V_YIELD;
}

static enum verdict take_nmi(struct vm *vm, const struct vm_exit *exit)
{
	(void)exit;
	/* Bochs 2.7 saves "blocked by NMI" for the guest here, which the SDM does not; the NMI was ours. A guest that
	 * has had an NMI of its own may be in its handler still: its blocking stays. */
	if (!vm->nmi_delivered)
		arch_vcpu_set_blocking(&vm->av, arch_vcpu_blocking(&vm->av) & ~BLOCKING_BY_NMI);
	cpu_take_nmi();
	return V_RESUME;
}

static enum verdict window(struct vm *vm, const struct vm_exit *exit)
{
	(void)exit;
	vm_kick(vm, VM_WORK_EVENT);
	return V_RESUME;
}

/* Time is a resource too: the slice is over, or a device's deadline is here. run_slice() looks which. */
static enum verdict time_out(struct vm *vm, const struct vm_exit *exit)
{
	(void)vm;
	(void)exit;
	return V_RESUME;
}

/* A processor in shutdown does nothing more; a PC's chipset resets it, and here the directory says whether this one does. */
static enum verdict triple_fault(struct vm *vm, const struct vm_exit *exit)
{
	struct segment cs;

	if (vm->user->triple_reset) {
		vm_kick(vm, VM_WORK_RESET);
		return V_RESUME;
	}
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	vm_ended(vm, "DMKDSP453W CP ENTERED; TRIPLE FAULT, PSW '%04X %016lX %08lX'", cs.selector, exit->rip,
		 arch_vcpu_get(&vm->av, VREG_RFLAGS));
	return V_CRASH;
}

static enum verdict bad_entry(struct vm *vm, const struct vm_exit *exit)
{
	vm_ended(vm, "DMKDSP451W CP ENTERED; INVALID PSW, VM ENTRY FAILED (%08X): %s", exit->raw_reason,
		 exit->bad_state.rule != NULL ? exit->bad_state.rule : "NO RULE KNOWN TO THE AUDIT IS BROKEN");
	return V_CRASH;
}

/* Of the real machine: nothing we know can be trusted. */
static enum verdict machine_check(struct vm *vm, const struct vm_exit *exit)
{
	cpu_panic("MACHINE CHECK ON ENTRY TO %s AT %lx", vm->userid, exit->rip);
}

static enum verdict bad_map(struct vm *vm, const struct vm_exit *exit)
{
	vm_ended(vm, "V64DSP464W %s STOPPED: EPT MISCONFIGURATION AT RIP %lX, AN ERROR OF CP'S OWN", vm->userid, exit->rip);
	return V_CRASH;
}

static enum verdict reflect_ud(struct vm *vm, const struct vm_exit *exit)
{
	(void)exit;
	return event_raise(vm, EXC_UD);
}

static enum verdict reflect_gp(struct vm *vm, const struct vm_exit *exit)
{
	(void)exit;
	return event_raise_error(vm, EXC_GP, 0);
}

/* Nobody asked for such an exit: unknown never means continue. */
static enum verdict nobodys(struct vm *vm, const struct vm_exit *exit)
{
	vm_ended(vm, "V64DSP467W %s STOPPED: EXIT REASON %08X (%s) AT RIP %lX IS NOBODY'S", vm->userid, exit->raw_reason,
		 exit_kind_name(exit->kind), exit->rip);
	return V_CRASH;
}

#define NOBODY(text) { text, R_NONE, nobodys, "not asked for; stops the guest" }

static const struct exit_route routes[EXIT_KINDS] = {
	[EXIT_EXCEPTION] = { "EXCEPT", R_INTERPRETER, interpret_exception, "#DB and #AC: given back to the guest; #MF with CR0.NE off: line 13; #MC: the real machine's" },
	[EXIT_NMI] = { "NMI", R_DISPATCHER, take_nmi, "the real machine's" },
	[EXIT_INTERRUPT] = { "EXTINT", R_DISPATCHER, take_interrupt, "the real machine's; acknowledged by the exit" },
	[EXIT_TRIPLE_FAULT] = { "TRIPLE", R_DISPATCHER, triple_fault, "the guest is stopped with its PSW, or reset by OPTION TRIPLERESET" },
	[EXIT_INIT] = NOBODY("INIT"),
	[EXIT_SIPI] = NOBODY("SIPI"),
	[EXIT_SMI] = NOBODY("SMI"),
	[EXIT_INTERRUPT_WINDOW] = { "INTWIN", R_DISPATCHER, window, "a waiting interrupt can be delivered now" },
	[EXIT_NMI_WINDOW] = { "NMIWIN", R_DISPATCHER, window, "a waiting NMI can be delivered now" },
	[EXIT_TASK_SWITCH] = { "TASKSW", R_INTERPRETER, interpret_task_switch, "CALL, JMP, IRET and IDT task gates: TSS to TSS" },
	[EXIT_CPUID] = { "CPUID", R_INTERPRETER, interpret_cpuid, "by the policy table" },
	[EXIT_GETSEC] = { "GETSEC", R_REFLECT, reflect_ud, "SMX is not offered: #UD" },
	[EXIT_HLT] = { "HLT", R_INTERPRETER, interpret_hlt, "waits for an event; with interrupts off a disabled wait" },
	[EXIT_INVD] = { "INVD", R_INTERPRETER, interpret_cache, "nothing to do: storage is coherent" },
	[EXIT_INVLPG] = NOBODY("INVLPG"),
	[EXIT_RDPMC] = { "RDPMC", R_REFLECT, reflect_gp, "the PMU is hidden: #GP" },
	[EXIT_RDTSC] = { "RDTSC", R_INTERPRETER, interpret_rdtsc, "OPTION TSC on a processor without TSC scaling" },
	[EXIT_RSM] = { "RSM", R_REFLECT, reflect_ud, "outside SMM: #UD" },
	[EXIT_VMCALL] = { "VMCALL", R_INTERPRETER, interpret_vmcall, "DIAGNOSE" },
	[EXIT_VMX_INSTRUCTION] = { "VMX", R_REFLECT, reflect_ud, "VMX is not offered: #UD" },
	[EXIT_CR] = { "CR", R_INTERPRETER, interpret_cr, "MOV CR, CLTS, LMSW" },
	[EXIT_DR] = { "DR", R_INTERPRETER, interpret_dr, "MOV DR" },
	[EXIT_IO] = { "IO", R_INTERPRETER, interpret_io, "IN, OUT, INS, OUTS: the bus and its devices" },
	[EXIT_RDMSR] = { "RDMSR", R_INTERPRETER, interpret_rdmsr, "by the MSR table; #GP for the rest" },
	[EXIT_WRMSR] = { "WRMSR", R_INTERPRETER, interpret_wrmsr, "by the MSR table; #GP for the rest" },
	[EXIT_BAD_GUEST_STATE] = { "BADPSW", R_DISPATCHER, bad_entry, "the audit names the first broken rule" },
	[EXIT_BAD_MSR_LOAD] = { "BADMSR", R_DISPATCHER, bad_entry, "no MSRs are loaded at entry: our own error" },
	[EXIT_MWAIT] = { "MWAIT", R_REFLECT, reflect_ud, "MONITOR/MWAIT are not offered: #UD" },
	[EXIT_MONITOR_TRAP] = NOBODY("MTF"),
	[EXIT_MONITOR] = { "MONITOR", R_REFLECT, reflect_ud, "MONITOR/MWAIT are not offered: #UD" },
	[EXIT_PAUSE] = NOBODY("PAUSE"),
	[EXIT_MACHINE_CHECK] = { "MCENTRY", R_DISPATCHER, machine_check, "a machine check of the real machine: CP stops" },
	[EXIT_TPR_THRESHOLD] = { "TPR", R_DISPATCHER, window, "the task priority has fallen: a waiting interrupt can be delivered now" },
	[EXIT_APIC_ACCESS] = { "APICACC", R_INTERPRETER, interpret_apic_access, "the access is interpreted as any other to a device" },
	[EXIT_VIRTUAL_EOI] = { "VEOI", R_INTERPRETER, interpret_virtual_eoi, "done by the processor; the I/O APIC is told" },
	[EXIT_GDTR_IDTR] = NOBODY("GDTIDT"),
	[EXIT_LDTR_TR] = NOBODY("LDTTR"),
	[EXIT_STORAGE] = { "STORAGE", R_ALLOCATOR, memory_trap, "the memory trap: a touch at or beyond b; devices' memory through the interpreter" },
	[EXIT_STORAGE_MISMAP] = { "EPTCFG", R_DISPATCHER, bad_map, "our own error: stops the guest" },
	[EXIT_RDTSCP] = { "RDTSCP", R_INTERPRETER, interpret_rdtsc, "OPTION TSC on a processor without TSC scaling" },
	[EXIT_TIME] = { "TIME", R_ALLOCATOR, time_out, "slice over or a device's deadline" },
	[EXIT_WBINVD] = { "WBINVD", R_INTERPRETER, interpret_cache, "nothing to do: storage is coherent" },
	[EXIT_XSETBV] = { "XSETBV", R_INTERPRETER, interpret_xsetbv, "checked against what the machine offers" },
	[EXIT_APIC_WRITE] = { "APICWR", R_INTERPRETER, interpret_apic_write, "written by the processor; the register's effect is owed" },
	[EXIT_RDRAND] = NOBODY("RDRAND"),
	[EXIT_INVPCID] = NOBODY("INVPCID"),
	[EXIT_VMFUNC] = { "VMFUNC", R_REFLECT, reflect_ud, "not offered: #UD" },
	[EXIT_ENCLS] = { "ENCLS", R_REFLECT, reflect_ud, "SGX is not offered: #UD" },
	[EXIT_RDSEED] = NOBODY("RDSEED"),
	[EXIT_PML_FULL] = NOBODY("PML"),
	[EXIT_XSAVES] = { "XSAVES", R_REFLECT, reflect_ud, "supervisor state is not offered: #UD" },
	[EXIT_XRSTORS] = { "XRSTORS", R_REFLECT, reflect_ud, "supervisor state is not offered: #UD" },
	[EXIT_UNKNOWN] = NOBODY("UNKNOWN"),
};

const struct exit_route *dispatcher_route(enum exit_kind kind)
{
	return &routes[kind];
}

const char *dispatcher_to_name(enum exit_to to)
{
	static const char *const names[] = { [R_NONE] = "none", [R_DISPATCHER] = "D", [R_ALLOCATOR] = "A",
					     [R_INTERPRETER] = "v", [R_REFLECT] = "reflect" };

	return names[to];
}

const struct dispatcher_load *dispatcher_load(void)
{
	return &load;
}

const struct trace_entry *dispatcher_trace(uint32_t i)
{
	/* An entry that was never written has no time: then the oldest is the first of all. */
	uint32_t oldest = trace[trace_next].tsc != 0 ? trace_next : 0;
	uint32_t kept = trace[trace_next].tsc != 0 ? TRACE_ENTRIES : trace_next;

	return i < kept ? &trace[(oldest + i) % TRACE_ENTRIES] : NULL;
}

static uint64_t nearest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The guest asked for a reset: on a PC that starts the boot again. */
static bool restart(struct vm *vm)
{
	char why[VM_WHY_LEN];

	vm->work &= ~VM_WORK_RESET;
	pc_finish_screen(vm);
	if (ipl_again(vm, why, sizeof(why)) != 0 || vm_begin(vm) != 0) {
		vm_ended(vm, "%s", why);
		return false;
	}
	cp_note(vm, "V64DSP466I %s RESET ITSELF; %s LOADED AGAIN; FURTHER ONES ARE NOT SHOWN", vm->userid, vm->system);
	return true;
}

static bool do_event(struct vm *vm)
{
	if (__builtin_expect(!event_prepare(vm), 0)) {
		struct vm_exit none = { .rip = arch_vcpu_get(&vm->av, VREG_RIP) };

		triple_fault(vm, &none);
		return false;
	}
	if (vm->work & VM_WORK_DEADLINE)	/* an interrupt taken may have started the timer's next period */
		pc_find_deadline(vm);
	return true;
}

/* What has gathered outside the fast path. False = this machine does not run on. */
static bool do_work(struct vm *vm, uint64_t now)
{
	if ((vm->work & VM_WORK_RESET) && (vm->state == VM_ENDED || !restart(vm)))
		return false;
	vm->work &= ~VM_WORK_STATE;
	if (vm->state != VM_RUNNABLE)
		return false;
	if (vm->work & VM_WORK_START) {
		vm->work &= ~VM_WORK_START;
		vm->account.ipl_time = cpu_tsc();
		pc_start_tsc(vm, vm->account.ipl_time);
	}
	if (vm->work & VM_WORK_DEADLINE)
		pc_find_deadline(vm);
	if (vm->device_deadline <= now)
		pc_service(vm, now);
	if ((vm->work & VM_WORK_EVENT) && !do_event(vm))
		return false;
	return true;
}

/* The verdicts that leave the fast path. True = go on with this machine. */
static bool apply(struct vm *vm, const struct vm_exit *exit, enum verdict verdict)
{
	switch (verdict) {
	case V_RESUME:
	case V_NEXT:
		return true;
	case V_BLOCK:
		arch_vcpu_advance(&vm->av, exit);
		if (vm->state == VM_RUNNABLE)
			vm->state = VM_WAITING;
		return false;
	case V_YIELD:
	case V_STOP:
	case V_CRASH:
		break;
	}
	return false;
}

/* The next entry of the trace. The compiler must not work its address out again after every entry to the guest. */
static inline struct trace_entry *trace_slot(void)
{
	struct trace_entry *t = &trace[trace_next];

	__asm__("" : "+r"(t));
	return t;
}

/* The exit came while an event was being delivered: the event is not lost. */
static void __attribute__((noinline)) queue_again(struct vm *vm, const struct event *event)
{
	/* an interrupt that still waits, acknowledged long ago, stays behind this one; an NMI comes when it can */
	if (vm->pending.requeued_valid && vm->pending.requeued.type == EVENT_INTERRUPT)
		vm->pending.held = vm->pending.requeued;
	else if (vm->pending.requeued_valid && vm->pending.requeued.type == EVENT_NMI)
		vm->pending.nmi = true;
	vm->pending.requeued = *event;
	vm->pending.requeued_valid = true;
	vm_kick(vm, VM_WORK_EVENT);
}

/* Not below half a millisecond, as for a deadline: one that sends much to one that sleeps gets some of it done at a time. */
void dispatcher_woken(void)
{
	if (stay.vm == NULL)
		return;
	stay.end = nearest(stay.end, stay.start + wake_ticks);
	stay.vm->look_at = 0;
}

/*
 * One stay of a machine on the processor, over many exits. The loop is what every trap costs besides its routine;
 * scripts/vm64 bench counts it.
 */
static void run_slice(struct vm *vm, uint64_t slice_end)
{
	struct vm_account *account = &vm->account;
	uint64_t start = cpu_tsc(), now = start, entered;

	stay.vm = vm;
	stay.start = start;
	stay.end = slice_end;
	vm->look_at = 0;
	for (;;) {
		struct trace_entry *t = trace_slot();
		enum exit_kind kind;

		if (__builtin_expect(now >= vm->look_at, 0)) {
			/* The end of the slice comes first: an event that do_work() has armed must be entered with. */
			if (now >= stay.end)
				break;
			if (vm->apic_deadline <= now)
				pc_expire_apic(vm, now);
			/* Mostly there is an interrupt to deliver and nothing else, or not even that. */
			if (vm->device_deadline > now && (vm->work & ~VM_WORK_EVENT) == 0) {
				if (vm->work != 0 && !do_event(vm))
					break;
			} else if (!do_work(vm, now)) {
				break;
			}
			vm->look_at = nearest(vm->deadline, stay.end);
		}
		entered = cpu_tsc();
		account->guest_ticks -= entered;	/* and below += now: one instruction each */
		if (arch_vcpu_run(&vm->av, entered, vm->look_at, &t->exit))
			queue_again(vm, &t->exit.vectoring);
		now = cpu_tsc();
		trace_next++;
		t->tsc = now;
		t->vm = vm->number;
		kind = t->exit.kind;
		account->guest_ticks += now;
		account->exits[kind]++;
		t->verdict = routes[kind].routine(vm, &t->exit);
		if (__builtin_expect(t->verdict == V_NEXT, 1))
			arch_vcpu_advance(&vm->av, &t->exit);
		else if (t->verdict != V_RESUME && !apply(vm, &t->exit, t->verdict))
			break;
	}
	stay.vm = NULL;
	now = cpu_tsc();
	account->total_ticks += now - start;
	vm->turn += now - start;
	load.slices++;
}

/* What is due of a machine that waits. It pays for that as for what it does itself: disks may have much to move. */
static void serve_waiting(struct vm *vm, uint64_t now)
{
	uint64_t spent = cpu_tsc();

	if (vm->apic_deadline <= now)
		pc_expire_apic(vm, now);
	if (vm->device_deadline <= now)
		pc_service(vm, now);
	spent = cpu_tsc() - spent;
	vm->account.total_ticks += spent;
	vm->turn += spent;
}

/* Wakes the machines whose time has come; *next is when the nearest of the others does. */
static void wake(uint64_t now, uint64_t *next)
{
	*next = TIME_NEVER;
	for (uint32_t i = 0; i < vm_end(); i++) {
		struct vm *vm = vm_at(i);

		if (vm == NULL || vm->state != VM_WAITING)
			continue;
		if (vm->work & VM_WORK_DEADLINE)
			pc_find_deadline(vm);
		if (vm->deadline <= now)
			serve_waiting(vm, now);
		if (event_wakes(vm) || (vm->work & VM_WORK_RESET))
			vm->state = VM_RUNNABLE;
		else if (vm->deadline < *next)
			*next = vm->deadline;
	}
}

/*
 * Round robin by time used: whoever has had least is next. A machine that has waited does not save its time up
 * beyond one slice, so a sleeper is served at once and nobody starves.
 */
static struct vm *pick(void)
{
	struct vm *best = NULL;
	static uint64_t floor;

	for (uint32_t i = 0; i < vm_end(); i++) {
		struct vm *vm = vm_at(i);

		if (vm == NULL || vm->state != VM_RUNNABLE)
			continue;
		if (vm->turn + slice_ticks < floor)
			vm->turn = floor - slice_ticks;
		if (best == NULL || vm->turn < best->turn)
			best = vm;
	}
	if (best != NULL && best->turn > floor)
		floor = best->turn;
	return best;
}

/* The end of this stay: a slice, CP's next errand, or another machine's waking, but long enough to be of use. */
static uint64_t stay_until(uint64_t now, uint64_t next_wake)
{
	uint64_t end = nearest(now + slice_ticks, nearest(cp_due, next_wake));

	return end < now + wake_ticks ? now + wake_ticks : end;
}

void dispatcher_loop(void)
{
	slice_ticks = cpu_tsc_hz() / SLICE_PER_SECOND;
	wake_ticks = cpu_tsc_hz() / WAKE_PER_SECOND;
	load.since = cpu_tsc();
	for (;;) {
		uint64_t start = cpu_tsc(), next, now;
		struct vm *vm;

		cp_due = cp_service();
		now = cpu_tsc();
		load.cp_ticks += now - start;
		wake(now, &next);
		vm = pick();
		if (vm != NULL) {
			run_slice(vm, stay_until(now, next));
		} else {
			start = cpu_tsc();
			/* Typing interrupts; but where a board does not pass that interrupt on, CP looks by itself. */
			cpu_idle(nearest(nearest(next, cp_due), start + slice_ticks));
			load.idle_ticks += cpu_tsc() - start;
		}
	}
}
