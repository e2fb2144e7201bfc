/* QUERY's answers about machines and the real machine. */
/* Part: cp/; rows of the table in query.c, in query_system.c and query_virtual.c. */
#ifndef VMM_CP_QUERY_SYSTEM_H
#define VMM_CP_QUERY_SYSTEM_H

#include "vmm/cp/command.h"

#define QUERY_SYSTEM_LEVEL "VM/64 Version 0 Release 1"

void query_alloc(struct command_call *c);
void query_dasd(struct command_call *c);
void query_files(struct command_call *c);
void query_reloc(struct command_call *c);
void query_storage(struct command_call *c);
void query_trace(struct command_call *c);
void query_virtual(struct command_call *c);

#endif
