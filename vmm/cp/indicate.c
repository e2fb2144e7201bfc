/* INDICATE: who uses the processor, and which traps cost what. */
/* Part: cp/; shares are of the time since the INDICATE before, so that one can watch a change. */
#include "vmm/cp/command.h"

#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/timebase.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"

#define TOP 3

static uint64_t last_look; /* TSC of the INDICATE before; 0 = none yet */
static uint64_t last_idle;

/* part of whole in tenths of a percent, at most 1000: counts may be taken a moment apart. */
static unsigned int per_mille(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return part >= whole ? 1000 : (unsigned int)muldiv64(part, 1000, whole);
}

static uint64_t per_exit(uint64_t ticks, uint64_t exits)
{
	return exits != 0 ? ticks / exits : 0;
}

/* "IO 45%, CPUID 20%, HLT 3%" */
static void top_reasons(const struct vm *vm, char *to, size_t room)
{
	bool taken[EXIT_KINDS] = { false };
	size_t at = 0;

	to[0] = '\0';
	for (unsigned int n = 0; n < TOP; n++) {
		unsigned int best = EXIT_KINDS;

		for (unsigned int k = 0; k < EXIT_KINDS; k++)
			if (!taken[k] && vm->account.exits[k] > 0 &&
			    (best == EXIT_KINDS || vm->account.exits[k] > vm->account.exits[best]))
				best = k;
		if (best == EXIT_KINDS || at >= room)
			return;
		taken[best] = true;
		at += (size_t)text_format(
			to + at, room - at, "%s%s %u%%", n > 0 ? ", " : "",
			exit_kind_name((enum exit_kind)best),
			per_mille(vm->account.exits[best], vm_exit_count(&vm->account)) / 10);
	}
}

static void show_machine(struct user_machine *m, uint64_t interval)
{
	const struct vm *vm = m->vm;
	const struct vm_account *a = &vm->account;
	char virtual[CLOCK_ROOM], total[CLOCK_ROOM], reasons[96];
	uint64_t lived = cpu_tsc() - a->logon_time;
	unsigned int share = per_mille(a->total_ticks - m->seen_ticks,
				       interval < lived ? interval : lived);

	m->seen_ticks = a->total_ticks;
	clock_processor(virtual, sizeof(virtual), a->guest_ticks, cpu_tsc_hz());
	clock_processor(total, sizeof(total), a->total_ticks, cpu_tsc_hz());
	top_reasons(vm, reasons, sizeof(reasons));
	cp_say("%-8s %-9s %3u.%u%% %9s %9s %10llu %10llu %8llu %s", vm->userid,
	       vm_state_name(vm->state), share / 10, share % 10, virtual, total,
	       (unsigned long long)vm_exit_count(a),
	       (unsigned long long)per_exit(a->guest_ticks, vm_exit_count(a)),
	       (unsigned long long)per_exit(a->total_ticks - a->guest_ticks, vm_exit_count(a)),
	       reasons);
}

static void show_all(void)
{
	const struct dispatcher_load *load = dispatcher_load();
	uint64_t now = cpu_tsc(), since = last_look != 0 ? last_look : load->since;
	uint64_t interval = now - since, idle = load->idle_ticks - (last_look != 0 ? last_idle : 0);
	unsigned int active = 0, storage, i;
	struct user_machine *m;

	for (i = 0; (m = users_at(i)) != NULL; i++)
		active += m->vm->state == VM_RUNNABLE || m->vm->state == VM_WAITING;
	storage = per_mille(storage_total() - storage_free_bytes(), storage_total());
	/*
	 * One queue and nobody waits for storage, so Q2 and the eligible list are empty and RATIO
	 * is 1.
	 */
	cp_say("CPU-%03u%% APU-000%% Q1-%02u Q2-00 STORAGE-%03u%% RATIO-01.0",
	       (1000 - per_mille(idle, interval)) / 10, active, storage / 10);
	last_look = now;
	last_idle = load->idle_ticks;
	if (users_machines() == 0)
		return;
	cp_say("%-8s %-9s %6s %9s %9s %10s %10s %8s %s", "USERID", "STATE", "SHARE", "VIRTCPU",
	       "TOTCPU", "EXITS", "GUEST/EXIT", "CP/EXIT", "MOST OFTEN");
	for (i = 0; (m = users_at(i)) != NULL; i++)
		show_machine(m, interval);
}

static void show_one(const struct vm *vm)
{
	const struct vm_account *a = &vm->account;

	users_account(vm);
	cp_say("EXITS=%llu GUEST/EXIT=%llu CP/EXIT=%llu EVENTS=%llu MEMORY TRAPS=%llu STORAGE "
	       "FAULTS=%llu "
	       "UNKNOWN MSRS=%llu",
	       (unsigned long long)vm_exit_count(a),
	       (unsigned long long)per_exit(a->guest_ticks, vm_exit_count(a)),
	       (unsigned long long)per_exit(a->total_ticks - a->guest_ticks, vm_exit_count(a)),
	       (unsigned long long)a->events, (unsigned long long)a->memory_traps,
	       (unsigned long long)a->storage_faults, (unsigned long long)a->unknown_msrs);
	cp_say("UNCLAIMED PORTS: READS=%llu WRITES=%llu LAST=%04X DEVICE MEMORY: EXITS=%llu",
	       (unsigned long long)vm->bus.unclaimed_reads,
	       (unsigned long long)vm->bus.unclaimed_writes, vm->bus.last_unclaimed_port,
	       (unsigned long long)a->device_touches);
	for (unsigned int kind = 0; kind < EXIT_KINDS; kind++) {
		const struct exit_route *r = dispatcher_route((enum exit_kind)kind);
		unsigned int share = per_mille(a->exits[kind], vm_exit_count(a));

		if (a->exits[kind] == 0)
			continue;
		cp_say("%-24s %-11s %12llu %3u.%u%%", exit_kind_name((enum exit_kind)kind),
		       r != NULL ? dispatcher_to_name(r->to) : "-",
		       (unsigned long long)a->exits[kind], share / 10, share % 10);
	}
}

void indicate_command(struct command_call *c)
{
	struct vm *vm;

	/* LOAD and USER are VM/370's words for the two forms. */
	char word[OPERAND_ROOM];
	const char *at = c->at;

	if (operand_word(&at, word, sizeof(word)) == 0 ||
	    (operand_is(word, "LOAD", 2) && operand_end(at))) {
		show_all();
		return;
	}
	if (operand_is(word, "USER", 4))
		c->at = at;
	vm = command_only_target(c);
	if (vm != NULL)
		show_one(vm);
}
