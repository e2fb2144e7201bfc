/* Commands: one table of what can be typed, who may type it, and which routine does it. */
/* Part: cp/; HELP and docs/commands.md come from the table. */
#ifndef VMM_CP_COMMAND_H
#define VMM_CP_COMMAND_H

#include "vmm/cp/users.h"

/* What a routine gets. When it returns the session may have changed, the machine may be gone. */
struct command_call {
	const struct directory_user *user;	/* who asks; NULL = nobody (LOGON only) */
	struct vm *vm;		/* the machine when no userid is named; NULL = none */
	const char *at;		/* the operands */
	bool is_for;		/* came through FOR */
};

struct command {
	const char *name;
	uint8_t least;		/* letters of the shortest abbreviation */
	const char *classes;	/* any of these may; "" = everybody */
	void (*routine)(struct command_call *c);
	const char *operands;
	const char *help;	/* one line */
};

/*
 * The first command of a line to `to`; returns where the next begins, NULL = that was the last.
 * They are separated by '#', for which "# stands; #CP at the very beginning is no separator.
 */
const char *command_split(const char *line, char *to, size_t room);
/* Does one command for the session. */
void command_run(const char *text);

/* The tables; NULL past the end. Which: 0 commands, 1 QUERY, 2 SET, 3 DISPLAY. */
const struct command *command_at(unsigned int which, uint32_t i);
/* The row a word means among those its user may use; NULL = none. */
const struct command *command_find(const struct command *table, size_t count, const char *word,
				   const char *classes);

bool command_may(const struct command_call *c, const char *classes);
/*
 * The machine a command is about: the first operand where that is a userid and the user may name
 * one (classes A, C, E), else c->vm. NULL = the error has been said.
 */
struct vm *command_target(struct command_call *c);
/* Is there no operand (left)? false = the error has been said. */
bool command_no_operands(const struct command_call *c);
/* The machine and nothing after it; NULL = the error has been said. */
struct vm *command_only_target(struct command_call *c);
/* Runs a sub-command (QUERY x, SET x). */
void command_sub(struct command_call *c, const char *of, const struct command *table, size_t count);

extern const struct command query_table[], set_table[], display_table[];
extern const size_t query_table_count, set_table_count, display_table_count;

/* The routines of the table, by file. */
void control_begin(struct command_call *c);
void control_external(struct command_call *c);
void control_ipl(struct command_call *c);
void control_shutdown(struct command_call *c);
void control_signal(struct command_call *c);
void control_stop(struct command_call *c);
void control_system(struct command_call *c);
void display_command(struct command_call *c);
void dump_command(struct command_call *c);
void indicate_command(struct command_call *c);
void logon_autolog(struct command_call *c);
void logon_command(struct command_call *c);
void logon_disconn(struct command_call *c);
void logon_force(struct command_call *c);
void logon_logoff(struct command_call *c);
void query_command(struct command_call *c);
void query_routes(struct command_call *c);
void set_command(struct command_call *c);
void store_command(struct command_call *c);
void talk_echo(struct command_call *c);
void talk_message(struct command_call *c);
void talk_send(struct command_call *c);
void talk_sleep(struct command_call *c);
void talk_warning(struct command_call *c);

#endif
