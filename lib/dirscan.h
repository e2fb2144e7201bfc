/* Finds the names of the files that a user directory wants: the operands of IPL and INITRD. */
/* Part: the UEFI loader reads these files; it does not judge the directory, CP does. */
#ifndef LIB_DIRSCAN_H
#define LIB_DIRSCAN_H

#include <stddef.h>
#include <stdint.h>

#define DIRSCAN_NAME_LEN 48	/* with the closing zero */
#define DIRSCAN_MAX_FILES 63	/* BOOT_MAX_MODULES less the directory itself */

struct dirscan {
	uint32_t count;
	uint32_t bad_names;	/* statements whose file name is missing, too long or ill-formed */
	uint32_t left_out;	/* good new names for which there was no room */
	char names[DIRSCAN_MAX_FILES][DIRSCAN_NAME_LEN];
};

/* TEXT need not end in a zero; names come in the order of their first mention, each once. */
void dirscan_files(const char *text, size_t length, struct dirscan *out);

#endif
