/* The user directory: who may log on, with how much storage, and what is loaded. */
/* Part: cp/; VM/370's statements with our additions (docs/directory.md). Pure: tested on the host. */
#ifndef VMM_CP_DIRECTORY_H
#define VMM_CP_DIRECTORY_H

#include "lib/types.h"

#define DIRECTORY_USERS 64
#define DIRECTORY_PARM 256
#define DIRECTORY_FILE 48

struct directory_user {
	char userid[9];
	char password[9];
	uint64_t storage;	/* bytes; 0 = the user has no machine (the operator) */
	uint64_t max_storage;	/* bytes */
	char classes[9];	/* letters A-H */
	char ipl_file[DIRECTORY_FILE];	/* "" = none */
	char ipl_initrd[DIRECTORY_FILE];
	char parm[DIRECTORY_PARM];
	uint8_t ipl_kind;	/* enum ipl_kind */
	uint16_t console;	/* virtual address, 0x009 */
	bool autolog;
	bool bad;		/* an error was found in it: it cannot log on */
	uint32_t line;		/* of its USER statement, from 1 */
};

struct directory {
	struct directory_user users[DIRECTORY_USERS];
	uint32_t count;
	uint32_t errors;
};

/* Called for every finding; text is a complete message: "V64DIR751E DIRECTORY LINE 12: ...". */
typedef void (*directory_say)(void *context, const char *text);

/*
 * Reads the whole text; never stops at an error: the user it belongs to is marked bad, the others stand.
 * Returns the number of errors.
 */
uint32_t directory_read(struct directory *d, const char *text, size_t size, directory_say say, void *context);
const struct directory_user *directory_find(const struct directory *d, const char *userid);

#endif
