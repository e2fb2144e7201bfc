/* QUERY about machines and the real machine: storage, devices, files, traps, routes. */
/* Part: cp/; shows what dispatcher, allocator and machine/ keep, and keeps nothing itself. */
#include "vmm/cp/query_system.h"

#include "arch/api/cpu.h"
#include "boot/boot_info.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/query.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"

extern const char kernel_start[], kernel_end[];

#define ALLOC_LINES 256u /* what the queue of lines surely has room for */

static void owner_name(char *to, size_t room, const struct storage_run *run)
{
	const struct vm *vm;

	if (run->owner == STORAGE_FREE)
		str_copy(to, "FREE", room);
	else if (run->owner == STORAGE_OWNER_CP)
		str_copy(to, "CP", room);
	else if (run->owner == STORAGE_OWNER_MODULE)
		str_copy(to, "FILE", room);
	else if (run->owner < VM_MAX && (vm = vm_at(run->owner)) != NULL)
		text_format(to, room, "%s%s", run->system ? "CP FOR " : "", vm->userid);
	else
		text_format(to, room, "MACHINE %u", run->owner);
}

void query_alloc(struct command_call *c)
{
	const struct storage_run *run;
	char owner[32];
	uint32_t i;

	if (!command_no_operands(c))
		return;
	for (i = 0; i < ALLOC_LINES && (run = storage_run_at(i)) != NULL; i++) {
		owner_name(owner, sizeof(owner), run);
		cp_say("%012llX TO %012llX %10lluK %s", (unsigned long long)run->base.v,
		       (unsigned long long)(run->base.v + run->size - 1),
		       (unsigned long long)(run->size >> 10), owner);
	}
	if (storage_run_at(i) != NULL)
		cp_say("AND MORE");
	/* CP's fixed part: the nucleus, and what it took for itself since. */
	cp_say("STORAGE %lluK, FREE %lluK, LARGEST %lluK, CP %lluK",
	       (unsigned long long)(storage_total() >> 10),
	       (unsigned long long)(storage_free_bytes() >> 10),
	       (unsigned long long)(storage_largest() >> 10),
	       (unsigned long long)((uintptr_t)kernel_end - (uintptr_t)kernel_start +
				    storage_owned(STORAGE_OWNER_CP, true) +
				    storage_owned(STORAGE_OWNER_CP, false)) >> 10);
}

void query_files(struct command_call *c)
{
	static const char *const faults[] = { "", "MISSING", "TOO BIG", "READ ERROR" };
	const struct ipl_file *f;
	uint32_t i;

	if (!command_no_operands(c))
		return;
	for (i = 0; (f = ipl_file_at(i)) != NULL; i++) {
		if (f->status == BOOT_MODULE_OK)
			cp_say("%-32s %12llu BYTES", f->name, (unsigned long long)f->size);
		else
			cp_say("%-32s %s", f->name,
			       f->status < ARRAY_LEN(faults) ? faults[f->status] : "UNUSABLE");
	}
	if (i == 0)
		cp_say("FILES: NONE");
}

void query_reloc(struct command_call *c)
{
	struct vm *vm = command_only_target(c);

	if (vm == NULL)
		return;
	cp_say("RELOC %s R = (L, B) = (%012llX, %012llX)", vm->userid,
	       (unsigned long long)vm->storage_base.v, (unsigned long long)vm->storage_size);
	for (uint32_t i = 0; i < vm->row_count && i < VM_ROWS; i++) {
		const struct npt_row *r = &vm->rows[i];

		if (r->bound == 0)
			continue;
		cp_say("  ROW %u: %012llX TO %012llX AT REAL %012llX %c%c%c%s", i,
		       (unsigned long long)r->guest.v,
		       (unsigned long long)(r->guest.v + r->bound - 1),
		       (unsigned long long)r->base.v, r->rights & NPT_READ ? 'R' : '-',
		       r->rights & NPT_WRITE ? 'W' : '-', r->rights & NPT_EXECUTE ? 'X' : '-',
		       r->device ? " DEVICE" : "");
	}
	cp_say("  PAGES: %llu OF 1G, %llu OF 2M, %llu OF 4K; %u TABLES",
	       (unsigned long long)vm->npt.leaves[2], (unsigned long long)vm->npt.leaves[1],
	       (unsigned long long)vm->npt.leaves[0], vm->npt.page_count);
	cp_say("  CP'S OWN STORAGE FOR IT: %lluK, %lluK IN USE; STORAGE FAULTS INSIDE R: %llu",
	       (unsigned long long)(vm->own_bytes >> 10), (unsigned long long)(vm->own_used >> 10),
	       (unsigned long long)vm->account.storage_faults);
}

void query_storage(struct command_call *c)
{
	struct vm *vm;

	if (c->vm == NULL && operand_end(c->at)) {
		cp_say("STORAGE = %lluK", (unsigned long long)(storage_total() >> 10));
		return;
	}
	vm = command_only_target(c);
	if (vm != NULL)
		cp_say("STORAGE = %lluK", (unsigned long long)(vm->storage_size >> 10));
}

static void show_trap(const struct trace_entry *t)
{
	static const char *const verdicts[] = {
		"RESUME", "NEXT", "YIELD", "BLOCK", "STOP", "CRASH"
	};
	const struct vm *vm = t->vm < VM_MAX ? vm_at(t->vm) : NULL;
	const struct exit_route *route =
		t->exit.kind < EXIT_KINDS ? dispatcher_route((enum exit_kind)t->exit.kind) : NULL;

	cp_say("%014llX %-8s %-24s RIP %016llX Q %016llX %s %s", (unsigned long long)t->tsc,
	       vm != NULL ? vm->userid : "-",
	       t->exit.kind < EXIT_KINDS ? exit_kind_name((enum exit_kind)t->exit.kind) : "?",
	       (unsigned long long)t->exit.rip,
	       exit_is_plain(t->exit.kind) ? 0ull : (unsigned long long)t->exit.qualification,
	       route != NULL ? dispatcher_to_name(route->to) : "-",
	       t->verdict < ARRAY_LEN(verdicts) ? verdicts[t->verdict] : "?");
}

void query_show_traps(const struct vm *vm, uint32_t most)
{
	const struct trace_entry *t;
	uint32_t total = 0, seen = 0;

	/* Counted first, so that the last ones are shown and not the first. */
	for (uint32_t i = 0; i < TRACE_ENTRIES && (t = dispatcher_trace(i)) != NULL; i++)
		total += vm == NULL || t->vm == vm->number;
	for (uint32_t i = 0; i < TRACE_ENTRIES && (t = dispatcher_trace(i)) != NULL; i++) {
		if (vm != NULL && t->vm != vm->number)
			continue;
		if (seen++ + most >= total)
			show_trap(t);
	}
}

void query_trace(struct command_call *c)
{
	const struct vm *vm = c->vm;
	const struct directory_user *user;
	char word[OPERAND_ROOM];
	uint64_t most = 20;
	const char *at = c->at;

	if (operand_word(&at, word, sizeof(word)) != 0 && (user = users_find(word)) != NULL) {
		vm = command_target(c);
		if (vm == NULL)
			return;
	} else if (vm == NULL && !command_may(c, "ACE")) {
		typewriter_error(MSG_CFC701E, c->user->userid);
		return;
	}
	if (operand_word(&c->at, word, sizeof(word)) != 0 &&
	    (!operand_decimal(word, TRACE_ENTRIES, &most) || !operand_end(c->at))) {
		typewriter_error(MSG_CFC026E);
		return;
	}
	query_show_traps(vm, (uint32_t)most);
}

void query_routes(struct command_call *c)
{
	if (!command_no_operands(c))
		return;
	for (unsigned int kind = 0; kind < EXIT_KINDS; kind++) {
		const struct exit_route *r = dispatcher_route((enum exit_kind)kind);

		if (r != NULL)
			cp_say("%-24s %-11s %s", r->name, dispatcher_to_name(r->to),
			       r->what != NULL ? r->what : "");
	}
}
