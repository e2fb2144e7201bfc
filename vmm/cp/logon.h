/* Coming and going: what the rest of CP needs of LOGON, AUTOLOG and DISCONN. */
/* Part: cp/; the commands themselves are declared in command.h. */
#ifndef VMM_CP_LOGON_H
#define VMM_CP_LOGON_H

#include "vmm/cp/users.h"

/* What was typed after ENTER PASSWORD: */
void logon_password(const struct directory_user *user, const char *typed);
/* Logs the user on without a terminal and IPLs it; NULL = the reason has been said. */
struct vm *logon_automatic(const struct directory_user *user);
/* Puts the terminal at the machine's console; its machine exists. */
void logon_take_console(struct vm *vm);

#endif
