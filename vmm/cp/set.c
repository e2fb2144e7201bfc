/* SET: how a session and its machine behave. */
/* Part: cp/. */
#include "vmm/cp/command.h"

#include "vmm/cp/cp.h"
#include "vmm/cp/logmsg.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"

/* ON or OFF and nothing after it. */
static bool take_switch(struct command_call *c, bool *on)
{
	char word[OPERAND_ROOM];

	if (operand_word(&c->at, word, sizeof(word)) != 0 && operand_end(c->at)) {
		if (operand_is(word, "ON", 2)) {
			*on = true;
			return true;
		}
		if (operand_is(word, "OFF", 3)) {
			*on = false;
			return true;
		}
	}
	typewriter_error(MSG_CFC026E);
	return false;
}

static void set_run(struct command_call *c)
{
	struct vm *vm = command_target(c);
	bool on;

	if (vm != NULL && take_switch(c, &on))
		users_of(vm)->run_on = on;
}

static void set_msg(struct command_call *c)
{
	struct vm *vm = command_target(c);
	bool on;

	if (vm != NULL && take_switch(c, &on))
		users_of(vm)->deaf_msg = !on;
}

static void set_wng(struct command_call *c)
{
	struct vm *vm = command_target(c);
	bool on;

	if (vm != NULL && take_switch(c, &on))
		users_of(vm)->deaf_wng = !on;
}

static void set_emsg(struct command_call *c)
{
	static const struct {
		const char *name;
		enum typewriter_emsg emsg;
	} words[] = {
		{ "ON", EMSG_ON },
		{ "OFF", EMSG_OFF },
		{ "CODE", EMSG_CODE },
		{ "TEXT", EMSG_TEXT },
	};
	char word[OPERAND_ROOM];

	operand_word(&c->at, word, sizeof(word));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (operand_is(word, words[i].name, 2) && operand_end(c->at)) {
			typewriter_set_emsg(words[i].emsg);
			return;
		}
	}
	typewriter_error(MSG_CFC026E);
}

static void set_logmsg(struct command_call *c)
{
	logmsg_set(operand_rest(c->at));
}

const struct command set_table[] = {
	{ "EMSG", 2, "", set_emsg, "ON|OFF|CODE|TEXT",
	  "error messages whole, not at all, number only, text only" },
	{ "LOGMSG", 3, "AB", set_logmsg, "[text]",
	  "the line shown at LOGON; without text there is none" },
	{ "MSG", 1, "GACE", set_msg, "[userid] ON|OFF", "whether the user receives MESSAGE" },
	{ "RUN", 1, "GACE", set_run, "[userid] ON|OFF",
	  "whether the machine runs while its console is in CP" },
	{ "WNG", 1, "GACE", set_wng, "[userid] ON|OFF",
	  "whether the user receives WARNING from class B" },
};
const size_t set_table_count = ARRAY_LEN(set_table);

void set_command(struct command_call *c)
{
	command_sub(c, "SET", set_table, set_table_count);
}
