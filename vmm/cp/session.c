/* The session: typed lines become commands, or every byte goes to the guest whose console it is. */
/* Part: cp/; knows the one terminal's modes: nobody, CP's, a guest's, password, echo, sleep. */
#include "vmm/cp/session.h"

#include "arch/api/cpu.h"
#include "drivers/console.h"
#include "lib/string.h"
#include "lib/timebase.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/command.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/logon.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/typewriter.h"

#define AHEAD	     1024u /* power of two */
#define BYTES_A_CALL 128 /* typed bytes looked at in one call: paste must not hold the guests up */

enum mode { MODE_CP, MODE_GUEST, MODE_PASSWORD, MODE_ECHO };

static struct {
	enum mode mode;
	const struct directory_user *user; /* NULL = nobody */
	const struct directory_user
		*back; /* who gets the terminal when `user` leaves; NULL = nobody */
	const struct directory_user *asked; /* whose password is being asked for */
	struct vm *vm;
	uint64_t since, back_since;
	bool connecting; /* wants MODE_GUEST when CP has said all */
	bool operator_on;
	uint8_t ahead[AHEAD]; /* typed while CP sleeps or the guest's console is full */
	uint32_t ahead_head, ahead_tail; /* free running */
	uint64_t asleep_until; /* 0 = awake */
	bool waiting; /* line[] still has commands in it */
	char line[TYPEWRITER_LINE];
	const char *at; /* the next of them */
} s;

void session_init(void)
{
	memset(&s, 0, sizeof(s));
	typewriter_echo(true);
}

const struct directory_user *session_user(void)
{
	return s.user;
}

struct vm *session_vm(void)
{
	return s.vm;
}

struct vm *session_connected(void)
{
	return s.mode == MODE_GUEST ? s.vm : NULL;
}

bool session_connecting(void)
{
	return s.connecting;
}

bool session_operator_on(void)
{
	return s.operator_on;
}

uint64_t session_since(void)
{
	return s.since;
}

uint32_t session_users(void)
{
	bool bare = s.user != NULL && s.vm == NULL && s.user != users_operator();

	return users_machines() + (s.operator_on ? 1 : 0) + (bare ? 1 : 0);
}

void session_begin_operator(void)
{
	char stamp[CLOCK_ROOM];

	s.user = users_operator();
	s.since = cpu_tsc();
	s.operator_on = true;
	clock_stamp(stamp, sizeof(stamp), cpu_wall_seconds());
	cp_say("LOGON AT %s", stamp);
}

void session_enter(const struct directory_user *user, struct vm *vm)
{
	if (s.vm == NULL) {
		s.back = s.user;
		s.back_since = s.since;
	}
	s.since = vm != NULL ? vm->account.logon_time : cpu_tsc();
	/* One terminal, one place to go back to: it is never the user himself. */
	if (s.back == user) {
		s.back = NULL;
		s.since = s.back_since;
	}
	s.user = user;
	s.vm = vm;
	s.mode = MODE_CP;
	s.connecting = false;
	if (user == users_operator())
		s.operator_on = true;
}

void session_leave(bool logged_off)
{
	if (logged_off && s.user == users_operator())
		s.operator_on = false;
	if (s.mode == MODE_GUEST)
		s.ahead_tail = s.ahead_head;
	s.user = s.back;
	s.since = s.back_since;
	s.back = NULL;
	s.vm = NULL;
	s.mode = MODE_CP;
	s.connecting = false;
	if (s.user == NULL)
		cp_say("VM/64 Online");
	else
		cp_say("CONS %03X RECONNECTED AS %s", SESSION_ADDRESS, s.user->userid);
}

void session_connect(void)
{
	s.connecting = s.vm != NULL;
}

void session_forget(const struct vm *vm)
{
	if (s.vm == vm)
		session_leave(true);
}

void session_ask_password(const struct directory_user *user)
{
	s.asked = user;
	s.mode = MODE_PASSWORD;
	typewriter_echo(false);
	cp_say("ENTER PASSWORD:");
}

void session_begin_echo(void)
{
	s.mode = MODE_ECHO;
	cp_say("ECHO ENTERED; TO TERMINATE TEST, TYPE END");
}

void session_sleep(uint64_t until)
{
	s.asleep_until = until;
}

/*
 * The end of what the guest has said so far, so that whoever comes to its console sees where it
 * is.
 */
static void show_tail(const struct vm_console *c)
{
	uint32_t pending = c->out_head - c->out_tail, n = CONSOLE_OUT - pending, at;
	struct guest_line line = { .length = 0 };
	uint8_t text[256];
	size_t out = 0;
	bool whole = false;

	if (n > c->out_total - pending)
		n = (uint32_t)(c->out_total - pending);
	if (n > sizeof(text))
		n = sizeof(text);
	else
		whole = true;
	/* Through the line maker first: a question like ESC[6n must not be asked a second time. */
	for (at = c->out_tail - n; at != c->out_tail; at++) {
		uint8_t byte = c->out[at % CONSOLE_OUT];
		enum guest_line_state state = guest_output_byte(&line, byte);

		if (state == GUEST_LINE_OPEN)
			continue;
		if (whole && out + line.length + 2 <= sizeof(text)) {
			memcpy(text + out, line.text, line.length);
			out += line.length;
			text[out++] = '\r';
			text[out++] = '\n';
		}
		whole = true;
		guest_output_next(&line, false);
	}
	if (out + line.length <= sizeof(text)) {
		memcpy(text + out, line.text, line.length);
		out += line.length;
	}
	typewriter_raw(text, out);
}

static void attention(void)
{
	struct user_machine *m;

	if (s.asleep_until != 0) {
		s.asleep_until = 0;
		return;
	}
	if (s.mode == MODE_PASSWORD) {
		typewriter_echo(true);
		s.mode = MODE_CP;
		return;
	}
	if (s.mode == MODE_ECHO)
		s.mode = MODE_CP;
	if (s.mode == MODE_GUEST) {
		m = users_of(s.vm);
		s.mode = MODE_CP;
		s.ahead_tail = s.ahead_head; /* meant for the guest, not for CP */
		if (!m->run_on && (s.vm->state == VM_RUNNABLE || s.vm->state == VM_WAITING)) {
			vm_stop(s.vm);
			m->held = true;
		}
		typewriter_say("");
		if (!m->hinted) {
			if (m->run_on)
				cp_say(MSG_CFM726I, s.vm->userid);
			else
				cp_say(MSG_CFM724I, s.vm->userid);
		}
		m->hinted = true;
	}
	cp_say("CP");
}

static void take_line(const char *line)
{
	char copy[TYPEWRITER_LINE];

	switch (s.mode) {
	case MODE_PASSWORD:
		typewriter_echo(true);
		s.mode = MODE_CP;
		logon_password(s.asked, line);
		break;
	case MODE_ECHO:
		str_copy(copy, line, sizeof(copy));
		if (str_same(copy, "END"))
			s.mode = MODE_CP;
		else
			cp_say("%s", copy);
		break;
	default:
		str_copy(s.line, line, sizeof(s.line));
		s.at = s.line;
		s.waiting = true;
		break;
	}
}

static int next_byte(void)
{
	if (s.ahead_head != s.ahead_tail)
		return s.ahead[s.ahead_tail++ % AHEAD];
	return console_read();
}

/* Typed bytes go to the guest in their order, as far as its console has room. */
static void deliver(void)
{
	while (s.mode == MODE_GUEST && s.ahead_head != s.ahead_tail) {
		char byte = (char)s.ahead[s.ahead_tail % AHEAD];

		if (vm_type(s.vm, &byte, 1) == 0)
			return;
		s.ahead_tail++;
	}
}

/*
 * Reads on where nothing can be done with it now: only the attention key must always get through.
 */
static void take_ahead(void)
{
	int byte;

	while ((byte = console_read()) >= 0) {
		if (byte == TYPEWRITER_ATTENTION) {
			deliver();
			attention();
			return;
		}
		if (s.ahead_head - s.ahead_tail < AHEAD)
			s.ahead[s.ahead_head++ % AHEAD] = (uint8_t)byte;
	}
}

static void take_for_cp(void)
{
	int byte;

	/* Echo has its place in the output, so nothing may be half shown. */
	for (int n = 0; n < BYTES_A_CALL && !s.waiting && !s.connecting && s.mode != MODE_GUEST;
	     n++) {
		if (!typewriter_pump())
			return;
		byte = next_byte();
		if (byte < 0)
			return;
		switch (typewriter_type((uint8_t)byte)) {
		case TYPED_LINE:
			take_line(typewriter_line());
			break;
		case TYPED_ATTENTION:
			attention();
			break;
		default:
			break;
		}
	}
}

/* One command of the line at a time: the next one may find the terminal somewhere else. */
static void run_commands(void)
{
	while (s.waiting && s.asleep_until == 0 && s.mode == MODE_CP && typewriter_calm()) {
		char command[TYPEWRITER_LINE];

		s.at = command_split(s.at, command, sizeof(command));
		if (s.at == NULL)
			s.waiting = false;
		command_run(command);
		/*
		 * What follows a command that gave the terminal away was not meant for the guest.
		 */
		if (s.mode != MODE_CP)
			s.waiting = false;
	}
}

static void begin_connection(void)
{
	if (!s.connecting || typewriter_waiting() || !typewriter_pump())
		return;
	s.connecting = false;
	s.mode = MODE_GUEST;
	guest_output_next(&users_of(s.vm)->line, false);
	show_tail(&s.vm->console);
}

uint64_t session_service(void)
{
	if (s.asleep_until != 0) {
		take_ahead();
		if (s.asleep_until != 0 && cpu_tsc() >= s.asleep_until)
			s.asleep_until = 0;
	} else if (s.mode == MODE_GUEST) {
		take_ahead();
		deliver();
	} else {
		take_for_cp();
	}
	if (s.waiting)
		run_commands();
	if (s.connecting)
		begin_connection();
	return s.asleep_until != 0 ? s.asleep_until : TIME_NEVER;
}
