/* CP: its start, and what it does between the guests' slices. */
/* Part: cp/; the dispatcher calls in here; sessions, commands, consoles are the files beside it. */
#include "vmm/cp/cp.h"

#include <stdarg.h>

#include "arch/api/cpu.h"
#include "drivers/console.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/guest_console.h"
#include "vmm/cp/logon.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/query_system.h"
#include "vmm/cp/session.h"
#include "vmm/cp/shutdown.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"

#define LINES_A_CALL  8 /* guests' lines shown in one call */
#define BUSY_RATE     2000 /* calls a second while the console is being drained */
#define STATUS_RATE   4 /* looks a second at the status word */
#define START_SECONDS 2 /* for which the start waits for a slow console at each step */

extern const char kernel_start[], kernel_end[];

static struct {
	bool autoquit;
	uint64_t next_status;
} cp;

void cp_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	typewriter_vsay(format, args);
	va_end(args);
}

void cp_note(struct vm *vm, const char *format, ...)
{
	va_list args;

	if (!users_note_is_new(vm, format))
		return;
	va_start(args, format);
	typewriter_vsay(format, args);
	va_end(args);
}

static void greet(void)
{
	cp_say("%s", QUERY_SYSTEM_LEVEL);
	cp_say(MSG_CPI971I);
}

static void tell_storage(void)
{
	cp_say(MSG_CPI957I, (unsigned long long)(storage_total() >> 10),
	       (unsigned long long)((uintptr_t)kernel_end - (uintptr_t)kernel_start) >> 10,
	       (unsigned long long)(storage_free_bytes() >> 10),
	       (unsigned long long)(TRACE_ENTRIES * sizeof(struct trace_entry)) >> 10);
}

static void read_directory(const char *directory, size_t size)
{
	users_init(directory, size);
	if (directory == NULL)
		return;
	cp_say(MSG_UDR476I, "VM64");
	if (users_directory_errors() > 0)
		cp_say(MSG_CPI784I, users_in_directory(), users_directory_errors());
}

static void autolog(const struct directory_user *user)
{
	struct vm *vm = logon_automatic(user);

	if (vm != NULL)
		users_of(vm)->autologged = true;
	/* Loading takes time; whoever watches sees how far it is, also when it never ends. */
	typewriter_flush(START_SECONDS);
}

/* console=USERID: the terminal begins at that user's console. */
static void take_console(const char *userid)
{
	const struct directory_user *user = users_find(userid);
	struct vm *vm;

	if (user == NULL) {
		typewriter_error(MSG_LOG712E, userid);
		return;
	}
	if (vm_find(user->userid) == NULL && !user->autolog)
		autolog(user);
	vm = vm_find(user->userid);
	if (vm != NULL && (vm->state == VM_RUNNABLE || vm->state == VM_WAITING))
		logon_take_console(vm);
}

/*
 * Other words of the line belong to those who read them: drivers (display=) and the kernel's main
 * (bare=).
 */
static bool is_others(const char *word)
{
	static const char *const others[] = { "display=", "bare=", "without=" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strncmp(word, others[i], strlen(others[i])) == 0)
			return true;
	return false;
}

/* Finds console=; `userid` gets its value, "" = there is none. */
static void read_parm(const char *parm, char *userid, size_t room)
{
	char word[OPERAND_ROOM];

	userid[0] = '\0';
	while (operand_word(&parm, word, sizeof(word)) != 0) {
		if (str_same(word, "autoquit"))
			cp.autoquit = true;
		else if (strncmp(word, "console=", 8) == 0 && word[8] != '\0')
			str_copy(userid, word + 8, room);
		else if (!is_others(word))
			typewriter_error(MSG_CPI785E, word);
	}
}

void cp_start(const char *directory, size_t size, const char *parm)
{
	char console[OPERAND_ROOM];
	const struct directory_user *user;

	memset(&cp, 0, sizeof(cp));
	session_init();
	greet();
	read_parm(parm != NULL ? parm : "", console, sizeof(console));
	read_directory(directory, size);
	tell_storage();
	session_begin_operator();
	typewriter_flush(START_SECONDS);
	for (uint32_t i = 0; (user = users_directory_at(i)) != NULL; i++)
		if (user->autolog)
			autolog(user);
	cp_say(MSG_CPI966I);
	if (console[0] != '\0')
		take_console(console);
}

/* The machine has ended and all it wrote has been shown: its last word comes from CP. */
static void tell_end(struct user_machine *m)
{
	struct vm *vm = m->vm;

	vm->ended_told = true;
	if (session_connected() == vm) {
		typewriter_say("");
		cp_say("%s", vm->why);
		session_leave(false);
	} else if (session_vm() == vm) {
		cp_say("%s", vm->why);
	} else {
		cp_say("%s: %s", vm->userid, vm->why);
	}
}

static bool is_alive(const struct vm *vm)
{
	return vm->state == VM_RUNNABLE || vm->state == VM_WAITING || vm->state == VM_STOPPED ||
	       (vm->work & VM_WORK_RESET) || (vm->state == VM_ENDED && !vm->ended_told);
}

static void look_for_end(void)
{
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++)
		if (m->autologged && is_alive(m->vm))
			return;
	cp_say(MSG_CPI783I);
	shutdown_now(false);
}

/* Has the machine ended, and has all that it wrote been shown? */
static bool is_end_news(const struct user_machine *m)
{
	const struct vm *vm = m->vm;

	if (vm->state != VM_ENDED || vm->ended_told || vm->console.out_head != vm->console.out_tail)
		return false;
	return session_connecting() ? session_vm() != vm
				    : m->line.length == 0 || session_connected() != NULL;
}

static void tell_news(void)
{
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++)
		if (is_end_news(m))
			tell_end(m);
}

/* A line of CP's own, else one of a guest, or what the connected guest writes. False = there is none. */
static bool show_one(uint64_t now)
{
	struct vm *connected = session_connected();

	if (connected != NULL) {
		guest_console_discard(connected);
		return guest_console_raw(connected);
	}
	return typewriter_next() || (!session_connecting() && guest_console_next(now));
}

/* Shows what there is to show until the driver has enough. Returns when it wants to be called again. */
static uint64_t show_output(uint64_t now)
{
	uint64_t typing = session_connected() == NULL ? typewriter_typing(now) : 0;
	bool more = false;

	for (int n = 0; n < LINES_A_CALL && typing == 0; n++) {
		more = typewriter_pump() && show_one(now);
		if (!more)
			break;
	}
	if (!typewriter_pump() || more || console_busy())
		return now + cpu_tsc_hz() / BUSY_RATE;
	if (typing != 0)
		return typing;
	/* Where a guest has the terminal, the others' unfinished lines wait without anybody looking. */
	return session_connected() == NULL ? guest_console_deadline(now) : TIME_NEVER;
}

static void show_status(uint64_t now)
{
	const struct vm *vm = session_connected();

	cp.next_status = now + cpu_tsc_hz() / STATUS_RATE;
	if (vm == NULL || vm->state == VM_STOPPED)
		typewriter_status("CP READ");
	else
		typewriter_status(vm->state == VM_RUNNABLE ? "RUNNING" : "VM READ");
}

uint64_t cp_service(void)
{
	uint64_t now = cpu_tsc(), next, at;

	console_service();
	next = session_service();
	at = show_output(now);
	tell_news();
	if (now >= cp.next_status)
		show_status(now);
	if (cp.autoquit)
		look_for_end();
	/* Something was said since: by the end of a machine, or by a command that had to wait. */
	if (session_connected() == NULL && typewriter_waiting() && at == TIME_NEVER)
		at = now + cpu_tsc_hz() / BUSY_RATE;
	return at < next ? at : next;
}
