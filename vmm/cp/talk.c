/* MESSAGE, WARNING, SEND, ECHO, SLEEP: words between people, and keys for machines. */
/* Part: cp/. */
#include "vmm/cp/command.h"

#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"

/* A line at a user's console; where nobody sits at it, it appears here under the user's name. */
static void show_at(const char *userid, bool here, const char *text)
{
	if (here)
		cp_say("%s", text);
	else
		cp_say("%s: %s", userid, text);
}

static void tell(const struct command_call *c, const char *word, bool warning, const char *text)
{
	const struct directory_user *user = str_same(word, "*") ? c->user : users_find(word);
	char line[TYPEWRITER_LINE + 64], time[CLOCK_ROOM];
	struct vm *vm;

	if (user == NULL) {
		typewriter_error(MSG_LOG712E, word);
		return;
	}
	vm = vm_find(user->userid);
	if (vm == NULL && user != session_user() &&
	    !(user == users_operator() && session_operator_on())) {
		typewriter_error(MSG_CQG045E, user->userid);
		return;
	}
	if (vm != NULL &&
	    (warning ? users_of(vm)->deaf_wng && !command_may(c, "A") : users_of(vm)->deaf_msg)) {
		typewriter_error(MSG_MSG791E, user->userid);
		return;
	}
	clock_time(time, sizeof(time), cpu_wall_seconds());
	text_format(line, sizeof(line), "%s %s FROM %s: %s", time, warning ? "WNG" : "MSG",
		    c->user->userid, text);
	show_at(user->userid, user == session_user() || vm == NULL, line);
}

static void tell_all(const struct command_call *c, bool warning, const char *text)
{
	char userid[VM_USERID_LEN + 1];
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++) {
		str_copy(userid, m->vm->userid, sizeof(userid));
		tell(c, userid, warning, text);
	}
	if (session_operator_on() || session_vm() == NULL)
		tell(c, session_operator_on() ? users_operator()->userid : "*", warning, text);
}

static void talk(struct command_call *c, bool warning)
{
	char word[OPERAND_ROOM];
	const char *text;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	text = operand_rest(c->at);
	if (*text == '\0')
		typewriter_error(MSG_CFC026E);
	else if (str_same(word, "ALL") && (warning || command_may(c, "AB")))
		tell_all(c, warning, text);
	else
		tell(c, word, warning, text);
}

void talk_message(struct command_call *c)
{
	talk(c, false);
}

void talk_warning(struct command_call *c)
{
	talk(c, true);
}

/* One key of SEND's text, 0-255; -1 = end; -2 = \c, no ENTER; -3 = an escape that is none. */
static int take_key(const char **at)
{
	static const char names[] = "nrte\\", keys[] = "\n\r\t\033\\";
	uint64_t value;
	char hex[3];
	int byte = (uint8_t) * *at;

	if (byte == '\0')
		return -1;
	(*at)++;
	if (byte != '\\')
		return byte;
	for (size_t i = 0; i + 1 < sizeof(names); i++) {
		if (**at == names[i]) {
			(*at)++;
			return keys[i];
		}
	}
	if (**at == 'c') {
		(*at)++;
		return -2;
	}
	if (**at != 'x' || (*at)[1] == '\0' || (*at)[2] == '\0')
		return -3;
	hex[0] = (*at)[1];
	hex[1] = (*at)[2];
	hex[2] = '\0';
	if (!operand_hex(hex, 0xff, &value))
		return -3;
	*at += 3;
	return (int)value;
}

/* SEND userid text: blanks after the first one belong to the text. */
void talk_send(struct command_call *c)
{
	char keys[TYPEWRITER_LINE + 1], word[OPERAND_ROOM];
	const struct directory_user *user;
	size_t n = 0, typed;
	bool enter = true;
	struct vm *vm;
	int key;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_LOG020E);
		return;
	}
	user = users_find(word);
	vm = user != NULL ? vm_find(user->userid) : NULL;
	if (vm == NULL) {
		if (user == NULL)
			typewriter_error(MSG_LOG712E, word);
		else
			typewriter_error(MSG_CQG045E, user->userid);
		return;
	}
	if (*c->at != '\0')
		c->at++;
	while ((key = take_key(&c->at)) != -1) {
		if (key == -3) {
			operand_word(&c->at, word, sizeof(word));
			typewriter_error(MSG_MSG793E, word);
			return;
		}
		if (key == -2)
			enter = false;
		else
			keys[n++] = (char)key;
	}
	if (enter)
		keys[n++] = '\r';
	typed = vm_type(vm, keys, n);
	if (typed < n)
		typewriter_error(MSG_MSG792E, (unsigned int)typed, (unsigned int)n, vm->userid);
}

void talk_echo(struct command_call *c)
{
	if (command_no_operands(c))
		session_begin_echo();
}

void talk_sleep(struct command_call *c)
{
	char word[OPERAND_ROOM];
	uint64_t n, unit = 60;

	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		session_sleep(TIME_NEVER);
		return;
	}
	if (!operand_decimal(word, 99999, &n)) {
		typewriter_error(MSG_CFC026E);
		return;
	}
	if (operand_word(&c->at, word, sizeof(word)) != 0) {
		if (operand_is(word, "SEC", 3)) {
			unit = 1;
		} else if (!operand_is(word, "MIN", 3)) {
			typewriter_error(MSG_CFC703E, word, "SLEEP");
			return;
		}
	}
	session_sleep(cpu_tsc() + n * unit * cpu_tsc_hz());
}
