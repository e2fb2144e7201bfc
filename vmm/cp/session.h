/* The session at the one real terminal: whose commands are typed, and whose console it is. */
/* Part: cp/; between typed bytes and the command table, or the guest's own console. */
#ifndef VMM_CP_SESSION_H
#define VMM_CP_SESSION_H

#include "vmm/cp/users.h"

#define SESSION_ADDRESS 0x009	/* of the real terminal, in QUERY NAMES and the like */

/* Nobody logged on, nothing typed. */
void session_init(void);
/* Logs the operator on with the greeting VM/370 gives. */
void session_begin_operator(void);

/* Who has the terminal; NULL = nobody is logged on. */
const struct directory_user *session_user(void);
/* His machine; NULL = he has none. */
struct vm *session_vm(void);
/* The machine whose console the terminal is now, byte for byte; NULL = the terminal is CP's. */
struct vm *session_connected(void);
bool session_connecting(void);		/* is it about to be? */
bool session_operator_on(void);		/* is OPERATOR logged on, here or disconnected? */
uint64_t session_since(void);		/* TSC of the logon */
uint32_t session_users(void);		/* machines, and users without one */

/* Gives the terminal to a user who has been let in; vm = NULL when he has no machine. */
void session_enter(const struct directory_user *user, struct vm *vm);
/* Ends it: the terminal goes back to who had it before, or to nobody. */
void session_leave(bool logged_off);
/* The terminal becomes the machine's console as soon as what CP has to say has been shown. */
void session_connect(void);

/* Asks for a password; `user` enters when it is right. */
void session_ask_password(const struct directory_user *user);
void session_begin_echo(void);
void session_sleep(uint64_t until);	/* TSC; the attention key ends it */

/* What was typed, and the commands in it. Returns when it wants to be called again. */
uint64_t session_service(void);
/* The machine under the session goes away. */
void session_forget(const struct vm *vm);

#endif
