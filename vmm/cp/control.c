/* IPL, BEGIN, STOP, SYSTEM, EXTERNAL, SIGNAL, SHUTDOWN: what makes machines run and stand still. */
/* Part: cp/; operator's words to machine/ and ipl/. */
#include "vmm/cp/command.h"

#include "arch/api/cpu.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/logon.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/shutdown.h"
#include "vmm/cp/typewriter.h"
#include "vmm/machine/pc.h"

static bool is_running(const struct vm *vm)
{
	return vm->state == VM_RUNNABLE || vm->state == VM_WAITING;
}

/* The terminal follows its own machine when that begins to run, not somebody else's. */
static void follow(const struct command_call *c, const struct vm *vm)
{
	if (vm == session_vm() && !c->is_for && is_running(vm))
		session_connect();
}

void control_begin(struct command_call *c)
{
	struct vm *vm = command_target(c);
	char word[OPERAND_ROOM];
	uint64_t address;

	if (vm == NULL)
		return;
	if (operand_word(&c->at, word, sizeof(word)) != 0) {
		if (!operand_hex(word, UINT64_MAX, &address) || !operand_end(c->at)) {
			typewriter_error(MSG_CDB741E, word);
			return;
		}
		if (is_running(vm)) {
			typewriter_error(MSG_CDS746E, vm->userid);
			return;
		}
		if (vm->state == VM_STOPPED)
			arch_vcpu_set(&vm->av, VREG_RIP, address);
	}
	if (is_running(vm)) {
		if (vm != session_vm())
			cp_say(MSG_CFM722I, vm->userid);
		follow(c, vm);
		return;
	}
	if (vm_begin(vm) != 0) {
		typewriter_error(MSG_CFM721E, vm->userid, vm_state_name(vm->state));
		return;
	}
	users_of(vm)->held = false;
	follow(c, vm);
}

void control_stop(struct command_call *c)
{
	struct vm *vm = command_only_target(c);

	if (vm == NULL)
		return;
	users_of(vm)->held = false;
	if (is_running(vm))
		vm_stop(vm);
	else
		cp_say(MSG_CFM723I, vm->userid, vm_state_name(vm->state));
}

static bool take_file(const char **at, char to[DIRECTORY_FILE])
{
	char word[OPERAND_ROOM];

	if (operand_word(at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_CFC026E);
		return false;
	}
	if (!operand_file_name(word)) {
		typewriter_error(MSG_IPL792E, word);
		return false;
	}
	str_copy(to, word, DIRECTORY_FILE);
	return true;
}

/* What may stand after the file: [kind] [INITRD file] [PARM text] */
static bool take_ipl_rest(const char *at, enum ipl_kind *kind, char initrd[DIRECTORY_FILE],
			  char parm[DIRECTORY_PARM])
{
	static const struct {
		const char *name;
		enum ipl_kind kind;
	} kinds[] = {
		{ "LINUX", IPL_LINUX },
		{ "MULTIBOOT", IPL_MULTIBOOT },
		{ "BOOT", IPL_BOOT },
		{ "FLAT", IPL_FLAT },
		{ "DISK", IPL_DISK },
		{ "CD", IPL_CD },
		{ "FIRMWARE", IPL_FIRMWARE },
	};
	char word[OPERAND_ROOM];
	size_t i;

	while (operand_word(&at, word, sizeof(word)) != 0) {
		for (i = 0; i < ARRAY_LEN(kinds) && !str_same(word, kinds[i].name); i++)
			;
		if (i < ARRAY_LEN(kinds) && *kind == IPL_FIND_OUT) {
			*kind = kinds[i].kind;
		} else if (str_same(word, "INITRD") && initrd[0] == '\0') {
			if (!take_file(&at, initrd))
				return false;
		} else if (str_same(word, "PARM")) {
			/* A typed line is never longer than this has room for. */
			str_copy(parm, operand_rest(at), DIRECTORY_PARM);
			return true;
		} else {
			typewriter_error(MSG_CFC703E, word, "IPL");
			return false;
		}
	}
	return true;
}

enum operand_is_a { A_FILE, A_DISK, NO_SUCH_DISK };

/*
 * One to three hexadecimal digits are a disk where the user has one there, unless a kind of file follows; with BIOS or
 * UEFI after them a disk was meant.
 */
static enum operand_is_a take_disk(const struct vm *vm, const char *at, struct ipl_request *request)
{
	char word[OPERAND_ROOM], firmware[OPERAND_ROOM];
	uint64_t address;
	bool bare;

	operand_word(&at, word, sizeof(word));
	bare = operand_word(&at, firmware, sizeof(firmware)) == 0;
	if (!bare && !((str_same(firmware, "BIOS") || str_same(firmware, "UEFI")) && operand_end(at)))
		return A_FILE;
	if (strlen(word) > 3 || !operand_hex(word, 0xfff, &address) || address == 0)
		return A_FILE;
	if (directory_disk_at(vm->user, (uint16_t)address) == NULL) {
		if (bare)
			return A_FILE;
		typewriter_error(MSG_IPL790E, vm->userid, word);
		return NO_SUCH_DISK;
	}
	request->address = (uint16_t)address;
	request->uefi = str_same(firmware, "UEFI");
	return A_DISK;
}

static bool ipl_file(struct command_call *c, struct vm *vm)
{
	char file[DIRECTORY_FILE], initrd[DIRECTORY_FILE] = "", parm[DIRECTORY_PARM] = "";
	struct ipl_request request = { .file = file, .initrd = initrd, .parm = parm };

	if (!take_file(&c->at, file) || !take_ipl_rest(c->at, &request.kind, initrd, parm))
		return false;
	/* The directory's own file keeps its initrd and parm when nothing else is said. */
	if (str_same(file, vm->user->ipl_file) && operand_end(c->at))
		return users_ipl_directory(vm);
	return users_ipl(vm, &request);
}

void control_ipl(struct command_call *c)
{
	struct ipl_request disk = { .file = "", .initrd = "", .parm = "" };
	struct vm *vm = command_target(c);
	enum operand_is_a what;

	if (vm == NULL)
		return;
	if (operand_end(c->at)) {
		if (users_ipl_directory(vm))
			follow(c, vm);
		return;
	}
	what = take_disk(vm, c->at, &disk);
	if ((what == A_DISK && users_ipl(vm, &disk)) || (what == A_FILE && ipl_file(c, vm)))
		follow(c, vm);
}

void control_system(struct command_call *c)
{
	struct vm *vm = command_target(c);
	char word[OPERAND_ROOM];

	if (vm == NULL)
		return;
	if (operand_word(&c->at, word, sizeof(word)) == 0 || !operand_end(c->at)) {
		typewriter_error(MSG_CFC026E);
	} else if (operand_is(word, "RESET", 3)) {
		vm_system_reset(vm, false);
		cp_say("SYSTEM RESET");
	} else if (operand_is(word, "CLEAR", 3)) {
		vm_system_reset(vm, true);
		cp_say("STORAGE CLEARED - SYSTEM RESET");
	} else if (operand_is(word, "RESTART", 4)) {
		if (users_ipl_again(vm))
			follow(c, vm);
	} else {
		typewriter_error(MSG_CFC703E, word, "SYSTEM");
	}
}

void control_external(struct command_call *c)
{
	struct vm *vm = command_only_target(c);

	if (vm == NULL)
		return;
	if (vm->state == VM_NO_SYSTEM || vm->state == VM_ENDED) {
		typewriter_error(MSG_CFM721E, vm->userid, vm_state_name(vm->state));
		return;
	}
	vm->pending.nmi = true;
	vm_kick(vm, VM_WORK_EVENT);
	if (vm->state == VM_WAITING)
		vm->state = VM_RUNNABLE;
}

/* z/VM's SIGNAL SHUTDOWN: the guest is asked, by ACPI; whether it goes is its own affair. */
void control_signal(struct command_call *c)
{
	char word[OPERAND_ROOM];
	struct vm *vm;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_CFC026E);
		return;
	}
	if (!operand_is(word, "SHUTDOWN", 4)) {
		typewriter_error(MSG_CFC703E, word, "SIGNAL");
		return;
	}
	vm = command_only_target(c);
	if (vm == NULL)
		return;
	if (vm->state == VM_NO_SYSTEM || vm->state == VM_ENDED)
		typewriter_error(MSG_CFM721E, vm->userid, vm_state_name(vm->state));
	else if (!vacpi_power_button(&vm->devices->acpi))
		typewriter_error(MSG_CFM727W, vm->userid);
}

void control_shutdown(struct command_call *c)
{
	char word[OPERAND_ROOM];

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		shutdown_now(false);
	} else if (operand_is(word, "REIPL", 5) && operand_end(c->at)) {
		shutdown_now(true);
	} else {
		typewriter_error(MSG_CFC703E, word, "SHUTDOWN");
	}
}
