/* Finds the names of the files that a user directory wants: operands of IPL, INITRD and MDISK ... RAM. */
/* Part: the UEFI loader reads these files; it does not judge the directory, CP does. */
#ifndef LIB_DIRSCAN_H
#define LIB_DIRSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRSCAN_NAME_LEN 48	/* with the closing zero */
#define DIRSCAN_MAX_FILES 59	/* BOOT_MAX_MODULES less the directory itself and four files of guests' firmware */

struct dirscan {
	uint32_t count;
	uint32_t bad_names;	/* statements whose file name is missing, too long or ill-formed */
	uint32_t left_out;	/* good new names for which there was no room */
	char names[DIRSCAN_MAX_FILES][DIRSCAN_NAME_LEN];
};

/* TEXT need not end in a zero; names come in the order of their first mention, each once. */
void dirscan_files(const char *text, size_t length, struct dirscan *out);
bool dirscan_has(const struct dirscan *found, const char *name);
/* May an operand of IPL that is no file be the address of a disk: one to three hexadecimal digits? */
bool dirscan_is_address(const char *name);

#endif
