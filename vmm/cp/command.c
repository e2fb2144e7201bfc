/* Commands: the table, abbreviations, privilege classes, several commands on a line. */
/* Part: cp/; from a typed line to the routine that does it. */
#include "vmm/cp/command.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"

static void command_help(struct command_call *c);
static void command_for(struct command_call *c);

/*
 * Where names share an abbreviation the first row wins, as in VM/370 (LOG is LOGOFF, L is LOGON).
 * What cannot be undone has no abbreviation.
 */
static const struct command table[] = {
	{ "AUTOLOG", 4, "AB", logon_autolog, "userid",
	  "logs a user on without a terminal and IPLs its machine" },
	{ "BEGIN", 1, "GACE", control_begin, "[userid] [hexaddr]",
	  "lets a stopped machine go on, at hexaddr" },
	{ "DISCONN", 4, "", logon_disconn, "",
	  "gives the terminal back and leaves the machine running" },
	{ "DISPLAY", 1, "GACE", display_command, "[userid] what",
	  "shows storage, registers, storage rights (HELP DISPLAY)" },
	{ "DUMP", 2, "GACE", dump_command, "[userid]",
	  "shows registers, code, stack, devices, last traps and last output" },
	{ "ECHO", 2, "", talk_echo, "", "types back what you type, until END" },
	{ "EXTERNAL", 3, "GACE", control_external, "[userid]",
	  "presents a non-maskable interrupt" },
	{ "FORCE", 5, "A", logon_force, "userid", "logs a user off and takes the machine away" },
	{ "FOR", 3, "ACE", command_for, "userid CMD command",
	  "does the command as if userid's machine were yours" },
	{ "HELP", 1, "", command_help, "[QUERY|SET|DISPLAY]", "lists the commands you may use" },
	{ "INDICATE", 3, "", indicate_command, "[userid]",
	  "shows who uses the processor, and which traps cost it" },
	{ "IPL", 1, "GACE", control_ipl, "[userid] [cuu [BIOS|UEFI]|file [kind] [INITRD file] [PARM text]]",
	  "loads a system and starts it" },
	{ "LOGOFF", 3, "", logon_logoff, "", "ends the session and takes the machine away" },
	{ "LOGOUT", 5, "", logon_logoff, "", "the same as LOGOFF" },
	{ "LOGON", 1, "", logon_command, "userid [password]",
	  "takes the terminal to a user's machine" },
	{ "LOGIN", 4, "", logon_command, "userid [password]", "the same as LOGON" },
	{ "MESSAGE", 1, "", talk_message, "userid|OPERATOR|ALL|* text",
	  "shows text at a user's console" },
	{ "MSG", 2, "", talk_message, "userid|OPERATOR|ALL|* text", "the same as MESSAGE" },
	{ "QUERY", 1, "", query_command, "what", "answers questions (HELP QUERY)" },
	{ "SEND", 3, "ACE", talk_send, "userid text",
	  "types text and ENTER at a machine's console" },
	{ "SET", 3, "", set_command, "what value", "changes how your session behaves (HELP SET)" },
	{ "SHUTDOWN", 8, "A", control_shutdown, "[REIPL]", "stops all machines and CP" },
	{ "SIGNAL", 3, "GACE", control_signal, "SHUTDOWN [userid]", "presses a machine's power button" },
	{ "SLEEP", 2, "", talk_sleep, "[nn [SEC|MIN]]",
	  "takes no commands for a time; the attention key ends it" },
	{ "STORE", 2, "GACE", store_command, "[userid] what data...",
	  "changes storage (Lhex, Shex) and registers (Gn, Xn, PSW)" },
	{ "STOP", 4, "GACE", control_stop, "[userid]", "stops a machine until BEGIN" },
	{ "SYSTEM", 3, "GACE", control_system, "[userid] RESET|CLEAR|RESTART",
	  "resets a machine, clears its storage, or IPLs it again" },
	{ "WARNING", 1, "AB", talk_warning, "userid|ALL text", "like MESSAGE, past SET MSG OFF" },
	{ "WNG", 2, "AB", talk_warning, "userid|ALL text", "the same as WARNING" },
};

const struct command *command_at(unsigned int which, uint32_t i)
{
	const struct command *tables[] = { table, query_table, set_table, display_table };
	size_t counts[] = { ARRAY_LEN(table), query_table_count, set_table_count,
			    display_table_count };

	return which < ARRAY_LEN(tables) && i < counts[which] ? &tables[which][i] : NULL;
}

static bool share_letter(const char *a, const char *b)
{
	for (; *a != '\0'; a++)
		for (const char *p = b; *p != '\0'; p++)
			if (*a == *p)
				return true;
	return false;
}

bool command_may(const struct command_call *c, const char *classes)
{
	return *classes == '\0' || (c->user != NULL && share_letter(c->user->classes, classes));
}

const struct command *command_find(const struct command *rows, size_t count, const char *word,
				   const char *classes)
{
	for (size_t i = 0; i < count; i++)
		if (operand_is(word, rows[i].name, rows[i].least) &&
		    (rows[i].classes[0] == '\0' || share_letter(classes, rows[i].classes)))
			return &rows[i];
	return NULL;
}

/* What was typed, in capitals and short enough for a message. */
static const char *capitals(char *word)
{
	for (char *p = word; *p != '\0'; p++)
		*p = str_upper(*p);
	return word;
}

const char *command_split(const char *line, char *to, size_t room)
{
	const char *at = operand_rest(line);
	size_t n = 0;

	/* "#CP" asks for CP from wherever one is: here one is there already. */
	if (at[0] == '#' && str_upper(at[1]) == 'C' && str_upper(at[2]) == 'P' &&
	    (at[3] == '\0' || at[3] == ' ' || at[3] == '\t'))
		at += 3;
	for (; *at != '\0'; at++) {
		if (*at == '#')
			break;
		if (at[0] == '"' && at[1] == '#')
			at++;
		if (n + 1 < room)
			to[n++] = *at;
	}
	to[n] = '\0';
	return *at == '#' ? at + 1 : NULL;
}

/* FOR is about a machine: commands about the session itself would end the wrong one. */
static bool for_may(const struct command *row)
{
	return strncmp(row->operands, "[userid]", 8) == 0 || row->routine == query_command ||
	       row->routine == set_command || row->routine == control_signal || row->routine == command_for;
}

static void run(struct command_call *c)
{
	char word[OPERAND_ROOM];
	const char *classes = c->user != NULL ? c->user->classes : "";
	const struct command *row;

	do {
		if (operand_word(&c->at, word, sizeof(word)) == 0)
			return;
	} while (str_same(word, "CP"));
	if (word[0] == '*')
		return;
	row = command_find(table, ARRAY_LEN(table), word, classes);
	if (c->user == NULL && (row == NULL || row->routine != logon_command)) {
		typewriter_error(MSG_CFC702E);
		return;
	}
	if (row == NULL) {
		typewriter_error(MSG_CFC001E, capitals(word));
		return;
	}
	if (c->is_for && !for_may(row)) {
		typewriter_error(MSG_CFC703E, capitals(word), "FOR");
		return;
	}
	row->routine(c);
}

void command_run(const char *text)
{
	struct command_call c = { .user = session_user(), .vm = session_vm(), .at = text };

	run(&c);
}

void command_sub(struct command_call *c, const char *of, const struct command *rows, size_t count)
{
	char word[OPERAND_ROOM];
	const struct command *row;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_CFC026E);
		return;
	}
	row = command_find(rows, count, word, c->user->classes);
	if (row != NULL)
		row->routine(c);
	else
		typewriter_error(MSG_CFC703E, capitals(word), of);
}

struct vm *command_target(struct command_call *c)
{
	const struct directory_user *named;
	char word[OPERAND_ROOM];
	const char *at = c->at;
	struct vm *vm;

	if (command_may(c, "ACE") && !c->is_for && operand_word(&at, word, sizeof(word)) != 0) {
		named = users_find(word);
		if (named != NULL) {
			c->at = at;
			vm = vm_find(named->userid);
			if (vm == NULL)
				typewriter_error(MSG_CQG045E, named->userid);
			return vm;
		}
	}
	if (c->vm == NULL)
		typewriter_error(MSG_CFC701E, c->user->userid);
	return c->vm;
}

bool command_no_operands(const struct command_call *c)
{
	if (operand_end(c->at))
		return true;
	typewriter_error(MSG_CFC026E);
	return false;
}

struct vm *command_only_target(struct command_call *c)
{
	struct vm *vm = command_target(c);

	return vm != NULL && command_no_operands(c) ? vm : NULL;
}

/* FOR userid CMD command */
static void command_for(struct command_call *c)
{
	char word[OPERAND_ROOM];
	const struct directory_user *named;
	struct command_call inner;

	if (c->is_for) {
		typewriter_error(MSG_CFC704E);
		return;
	}
	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	named = users_find(word);
	if (named == NULL) {
		typewriter_error(MSG_LOG712E, capitals(word));
		return;
	}
	inner = (struct command_call){ .user = c->user,
				       .vm = vm_find(named->userid),
				       .is_for = true };
	if (inner.vm == NULL) {
		typewriter_error(MSG_CQG045E, named->userid);
		return;
	}
	if (operand_word(&c->at, word, sizeof(word)) == 0 || !operand_is(word, "CMD", 3) ||
	    operand_end(c->at)) {
		typewriter_error(MSG_CFC026E);
		return;
	}
	inner.at = c->at;
	run(&inner);
}

static void command_help(struct command_call *c)
{
	static const struct {
		const char *name;
		size_t least;
	} lists[] = {
		{ "COMMANDS", 3 },
		{ "QUERY", 1 },
		{ "SET", 3 },
		{ "DISPLAY", 1 },
	};
	const struct command *row;
	char word[OPERAND_ROOM], left[96];
	unsigned int which = 0;
	bool one = false;

	if (operand_word(&c->at, word, sizeof(word)) != 0) {
		while (which < ARRAY_LEN(lists) &&
		       !operand_is(word, lists[which].name, lists[which].least))
			which++;
		/* HELP with a command's name is about that one. */
		one = which == ARRAY_LEN(lists);
		if (one)
			which = 0;
		if (one && command_find(table, ARRAY_LEN(table), word, c->user->classes) == NULL) {
			typewriter_error(MSG_CFC703E, capitals(word), "HELP");
			return;
		}
	}
	for (uint32_t i = 0; (row = command_at(which, i)) != NULL; i++) {
		if (!command_may(c, row->classes) ||
		    (one && !operand_is(word, row->name, row->least)))
			continue;
		text_format(left, sizeof(left), "%s%s%s", row->name,
			    row->operands[0] != '\0' ? " " : "", row->operands);
		cp_say("%-32s %s", left, row->help);
	}
}
