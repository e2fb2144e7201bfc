/* QUERY about users, time and the session; the table of everything QUERY answers. */
/* Part: cp/; answers in VM/370's words where it had the question. query_system.c has the rest. */
#include "vmm/cp/command.h"

#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/logmsg.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/query_system.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"

#define NAMES_A_LINE 4

/*
 * "LINUX1   - DSC": where the user sits; the one terminal has an address, the others are
 * disconnected.
 */
static void name_and_place(char *to, size_t room, const char *userid)
{
	const struct directory_user *here = session_user();

	if (here != NULL && str_same(here->userid, userid))
		text_format(to, room, "%-8s - %03X", userid, SESSION_ADDRESS);
	else
		text_format(to, room, "%-8s - DSC", userid);
}

struct name_line {
	char text[96];
	size_t length;
	unsigned int count;
};

static void add_name(struct name_line *l, const char *userid)
{
	char name[24];

	if (l->count == NAMES_A_LINE) {
		cp_say("%s,", l->text);
		l->length = l->count = 0;
	}
	name_and_place(name, sizeof(name), userid);
	l->length += (size_t)text_format(l->text + l->length, sizeof(l->text) - l->length, "%s%s",
					 l->count > 0 ? ", " : "", name);
	l->count++;
}

static void query_names(struct command_call *c)
{
	struct name_line line = { .length = 0 };
	const struct user_machine *m;

	if (!command_no_operands(c))
		return;
	if (session_operator_on())
		add_name(&line, users_operator()->userid);
	if (session_vm() == NULL && session_user() != users_operator())
		add_name(&line, c->user->userid);
	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++)
		add_name(&line, m->vm->userid);
	if (line.count > 0)
		cp_say("%s", line.text);
}

static void query_users(struct command_call *c)
{
	if (command_no_operands(c))
		cp_say("%03u USERS, 000 DIALED", session_users());
}

static void query_userid(struct command_call *c)
{
	if (command_no_operands(c))
		cp_say("%s AT VM64", c->user->userid);
}

static void query_priv(struct command_call *c)
{
	if (command_no_operands(c))
		cp_say("PRIVILEGE CLASSES %s", c->user->classes);
}

static void query_logmsg(struct command_call *c)
{
	if (command_no_operands(c))
		logmsg_show(true);
}

static void query_cplevel(struct command_call *c)
{
	if (command_no_operands(c))
		cp_say("%s", QUERY_SYSTEM_LEVEL);
}

static void query_time(struct command_call *c)
{
	char stamp[CLOCK_ROOM], total[CLOCK_ROOM];
	const struct vm *vm = c->vm;

	if (!operand_end(c->at)) {
		vm = command_only_target(c);
		if (vm == NULL)
			return;
	}
	clock_stamp(stamp, sizeof(stamp), cpu_wall_seconds());
	cp_say("TIME IS %s", stamp);
	if (vm != NULL) {
		users_account(vm);
		return;
	}
	/*
	 * Without a machine there is no virtual processor time; the total is what CP itself used.
	 */
	clock_span(stamp, sizeof(stamp), (cpu_tsc() - session_since()) / cpu_tsc_hz());
	clock_processor(total, sizeof(total), dispatcher_load()->cp_ticks, cpu_tsc_hz());
	cp_say("CONNECT= %s VIRTCPU= 000:00.00 TOTCPU= %s", stamp, total);
}

static void query_set(struct command_call *c)
{
	static const char *const emsg[] = { "ON", "OFF", "CODE", "TEXT" };
	const struct user_machine *m;
	const struct vm *vm = c->vm;

	if (!operand_end(c->at)) {
		vm = command_only_target(c);
		if (vm == NULL)
			return;
	}
	m = vm != NULL ? users_of(vm) : NULL;
	cp_say("MSG %s, WNG %s, EMSG %s, RUN %s", m != NULL && m->deaf_msg ? "OFF" : "ON",
	       m != NULL && m->deaf_wng ? "OFF" : "ON", emsg[typewriter_emsg()],
	       m != NULL && m->run_on ? "ON" : "OFF");
}

/* In alphabetical order; a userid may be asked for as well, see query_command(). */
const struct command query_table[] = {
	{ "ALLOC", 5, "ABCE", query_alloc, "", "real storage: who has which run of it" },
	{ "CPLEVEL", 3, "", query_cplevel, "", "version and release of CP" },
	{ "DASD", 2, "GACE", query_dasd, "[userid]", "a machine's disks" },
	{ "FILES", 1, "", query_files, "", "the files of the boot volume, which IPL can load" },
	{ "LOGMSG", 3, "", query_logmsg, "", "the operator's line of news" },
	{ "NAMES", 1, "", query_names, "", "who is logged on, and where" },
	{ "PRIV", 4, "", query_priv, "", "your privilege classes" },
	{ "RELOC", 3, "GACE", query_reloc, "[userid]",
	  "R = (l, b): where a machine's storage lies, and how it is mapped" },
	{ "ROUTES", 3, "", query_routes, "", "the dispatcher's routing table" },
	{ "SET", 3, "", query_set, "[userid]", "what SET has set" },
	{ "STORAGE", 4, "", query_storage, "[userid]",
	  "size of a machine's storage, or of the real storage" },
	{ "TIME", 1, "", query_time, "[userid]", "time of day, time connected, processor time" },
	{ "TRACE", 2, "GACE", query_trace, "[userid] [nnn]", "the last traps" },
	{ "USERID", 5, "", query_userid, "", "who you are" },
	{ "USERS", 1, "", query_users, "", "how many users are logged on" },
	{ "VIRTUAL", 1, "GACE", query_virtual, "[userid] [kind|address]",
	  "a machine's storage, processor and devices" },
};
const size_t query_table_count = ARRAY_LEN(query_table);

void query_command(struct command_call *c)
{
	const struct directory_user *user;
	char word[OPERAND_ROOM], place[24];
	const char *at = c->at;

	/* QUERY userid, where the word is no operand of QUERY's own. */
	if (operand_word(&at, word, sizeof(word)) != 0 && operand_end(at) &&
	    command_find(query_table, query_table_count, word, c->user->classes) == NULL &&
	    (user = users_find(word)) != NULL) {
		if (vm_find(user->userid) == NULL && user != session_user() &&
		    !(user == users_operator() && session_operator_on())) {
			typewriter_error(MSG_CQG045E, user->userid);
			return;
		}
		name_and_place(place, sizeof(place), user->userid);
		cp_say("%s", place);
		return;
	}
	command_sub(c, "QUERY", query_table, query_table_count);
}
