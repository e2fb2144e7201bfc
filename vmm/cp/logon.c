/* LOGON, LOGOFF, DISCONN, AUTOLOG, FORCE: users and their machines come and go. */
/* Part: cp/; the session says who has the terminal, users.c has the machines. */
#include "vmm/cp/logon.h"

#include "arch/api/cpu.h"
#include "lib/string.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/command.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/logmsg.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"

static void say_stamp(const char *what, const char *after)
{
	char stamp[CLOCK_ROOM];

	clock_stamp(stamp, sizeof(stamp), cpu_wall_seconds());
	cp_say("%s AT %s%s", what, stamp, after);
}

/* A machine that only stands still because its console was in CP goes on when nobody sits there. */
static void release(struct vm *vm)
{
	struct user_machine *m;

	if (vm == NULL)
		return;
	m = users_of(vm);
	if (m->held && vm->state == VM_STOPPED)
		(void)vm_begin(vm);
	m->held = false;
}

/* The user has been let in: his machine is made, or found again, and the terminal is his. */
static void enter(const struct directory_user *user)
{
	struct vm *vm = vm_find(user->userid);
	bool again = vm != NULL || (user == users_operator() && session_operator_on());

	if (vm == NULL && user->storage > 0) {
		vm = users_logon(user);
		if (vm == NULL)
			return;
	}
	release(session_vm());
	session_enter(user, vm);
	say_stamp(again ? "RECONNECTED" : "LOGON", "");
	logmsg_show(false);
	if (vm == NULL)
		return;
	if (!again && (user->ipl_file[0] != '\0' || user->ipl_address != 0) && !users_ipl_directory(vm))
		return;
	if (vm->state == VM_ENDED)
		cp_say("%s", vm->why);
	if (vm->state == VM_RUNNABLE || vm->state == VM_WAITING)
		session_connect();
	else
		cp_say("CP");
}

void logon_take_console(struct vm *vm)
{
	release(session_vm());
	session_enter(vm->user, vm);
	session_connect();
}

void logon_password(const struct directory_user *user, const char *typed)
{
	char word[OPERAND_ROOM];

	operand_word(&typed, word, sizeof(word));
	if (!str_same(word, user->password) || !operand_end(typed)) {
		typewriter_error(MSG_LOG711E);
		return;
	}
	enter(user);
}

struct vm *logon_automatic(const struct directory_user *user)
{
	struct vm *vm = users_logon(user);

	if (vm == NULL)
		return NULL;
	cp_say("AUTO LOGON *** %s USERS = %03u", user->userid, session_users());
	if (user->ipl_file[0] != '\0' || user->ipl_address != 0)
		users_ipl_directory(vm);
	return vm;
}

void logon_command(struct command_call *c)
{
	char word[OPERAND_ROOM];
	const struct directory_user *user;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	user = users_find(word);
	if (user == NULL) {
		typewriter_error(MSG_LOG712E, word);
		return;
	}
	if (user == c->user) {
		typewriter_error(MSG_LOG713E, user->userid);
		return;
	}
	if (user->bad) {
		typewriter_error(MSG_LOG714E, user->userid, user->line);
		return;
	}
	if (str_same(user->password, "NOLOG")) {
		typewriter_error(MSG_LOG715E, user->userid);
		return;
	}
	if (!operand_end(c->at))
		logon_password(user, c->at);
	else if (command_may(c, "A"))
		enter(user);
	else
		session_ask_password(user);
}

static void leave(struct command_call *c, const char *how, bool logoff)
{
	struct vm *vm = session_vm();

	if (!command_no_operands(c))
		return;
	if (vm != NULL && logoff)
		users_logoff(vm);
	else
		release(vm);
	say_stamp(how, "");
	session_leave(logoff);
	if (logoff && session_user() != NULL)
		cp_say("CONS %03X LOGOFF AS %s USERS = %03u", SESSION_ADDRESS, c->user->userid,
		       session_users());
}

void logon_disconn(struct command_call *c)
{
	leave(c, "DISCONNECT", false);
}

void logon_logoff(struct command_call *c)
{
	leave(c, "LOGOFF", true);
}

void logon_autolog(struct command_call *c)
{
	char word[OPERAND_ROOM];
	const struct directory_user *user;

	if (operand_word(&c->at, word, sizeof(word)) == 0 || !operand_end(c->at)) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	user = users_find(word);
	if (user == NULL)
		typewriter_error(MSG_LOG712E, word);
	else if (vm_find(user->userid) != NULL)
		typewriter_error(MSG_LOG713E, user->userid);
	else
		logon_automatic(user);
}

void logon_force(struct command_call *c)
{
	char word[OPERAND_ROOM], userid[VM_USERID_LEN + 1];
	struct vm *vm;

	if (operand_word(&c->at, word, sizeof(word)) == 0 || !operand_end(c->at)) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	if (users_find(word) == NULL) {
		typewriter_error(MSG_LOG712E, word);
		return;
	}
	vm = vm_find(word);
	if (vm == NULL) {
		if (users_find(word)->storage == 0)
			typewriter_error(MSG_LOG718E, users_find(word)->userid);
		else
			typewriter_error(MSG_CQG045E, users_find(word)->userid);
		return;
	}
	str_copy(userid, vm->userid, sizeof(userid));
	vm_stop(vm);
	if (session_vm() == vm)
		say_stamp("LOGOFF", " BY SYSTEM");
	session_forget(vm);
	if (c->vm == vm)
		c->vm = NULL;
	users_logoff(vm);
	cp_say("USER DSC LOGOFF AS %s USERS = %03u FORCED", userid, session_users());
}
