/* Who is logged on: each machine with what CP keeps about it, and how machines come and go. */
/* Part: cp/; the directory on one side, machine/ and ipl/ on the other. */
#ifndef VMM_CP_USERS_H
#define VMM_CP_USERS_H

#include "vmm/cp/directory.h"
#include "vmm/cp/guest_output.h"
#include "vmm/ipl/ipl.h"

#define USERS_NOTES 32		/* different messages about one machine that cp_note() says */
#define USERS_NOTE 11		/* "V64MSR301I" */

/* CP's own part of a machine. Everything is forgotten at LOGOFF. */
struct user_machine {
	struct vm *vm;			/* NULL = this place is free */
	struct guest_line line;		/* its output, being made into lines */
	uint64_t line_since;		/* TSC of the last byte of it */
	uint64_t line_ticks;		/* and the processor time the machine had had then */
	uint32_t dropped;		/* bytes of output that were thrown away unseen */
	bool run_on;			/* SET RUN ON: runs while its console is in CP */
	bool deaf_msg, deaf_wng;	/* SET MSG OFF, SET WNG OFF */
	bool held;			/* stopped by the attention key, not by STOP */
	bool hinted;			/* has been told what the attention key does */
	bool autologged;
	bool ipled;			/* something was loaded: ipl_again() has what to do */
	uint64_t seen_ticks;		/* INDICATE: processor time at the last look */
	char notes[USERS_NOTES][USERS_NOTE];
	uint32_t note_count;
};

void users_init(const char *directory, size_t size);
const struct directory_user *users_find(const char *userid);	/* NULL = there is none */
/* the directory's, else a built-in one; never NULL */
const struct directory_user *users_operator(void);
const struct directory_user *users_directory_at(uint32_t i);	/* NULL past the last */
uint32_t users_in_directory(void);
uint32_t users_directory_errors(void);

/* Machines that are logged on, in the order of their logon; NULL past the last. */
struct user_machine *users_at(uint32_t i);
uint32_t users_machines(void);
struct user_machine *users_of(const struct vm *vm);

/* Logs on and says why when it cannot. NULL = not logged on. */
struct vm *users_logon(const struct directory_user *user);
/* Prints the account and takes the machine away; its pointer is dead afterwards. */
void users_logoff(struct vm *vm);
/* Three lines' worth: CONNECT= VIRTCPU= TOTCPU= */
void users_account(const struct vm *vm);

/* Loads and starts; false = the reason has been said. */
bool users_ipl(struct vm *vm, const struct ipl_request *request);
/* As the directory says; false also when it has no IPL statement. */
bool users_ipl_directory(struct vm *vm);
bool users_ipl_again(struct vm *vm);

/* The first time this message number is said about this machine? NULL = about none. */
bool users_note_is_new(const struct vm *vm, const char *message);

#endif
