/* The directory's reader: what its files share while the text is taken apart. */
/* Part: cp/, private to directory.c and directory_devices.c. */
#ifndef VMM_CP_DIRECTORY_READER_H
#define VMM_CP_DIRECTORY_READER_H

#include "vmm/cp/directory.h"

struct directory_reader {
	struct directory *d;
	struct directory_user *user; /* the one statements belong to; NULL before the first USER */
	struct directory_user spare; /* takes the statements of a user that cannot be kept */
	bool has_ipl, has_initrd, has_console;
	bool ipl_device;	/* IPL names BIOS or UEFI: its operand must be a disk */
	bool ipl_file_meant;	/* IPL names a kind of file: its operand is no disk */
	bool bad_size; /* told already: the storage of 0 that is left is not what was written */
	directory_say say;
	void *context;
	uint32_t line, said, unsaid, ipl_line;
};

/* What was typed, short enough for a message. */
struct directory_shown {
	char text[25];
};

struct directory_shown directory_shorten(const char *text);
/* An error: told, counted, and the user it belongs to cannot log on. */
void directory_fault(struct directory_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void directory_inform(struct directory_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells when something is left of the statement `name`. */
void directory_expect_end(struct directory_reader *r, const char *name, const char *at);
bool directory_take_file(struct directory_reader *r, const char *name, const char **at, char to[DIRECTORY_FILE]);
/* A statement of VM/370's without effect here. */
void directory_take_idle(struct directory_reader *r, const char *name, const char *at);

/* directory_devices.c */
void directory_take_mdisk(struct directory_reader *r, const char *name, const char *at);
void directory_take_link(struct directory_reader *r, const char *name, const char *at);
void directory_take_special(struct directory_reader *r, const char *name, const char *at);
/* When all statements of a user have been read: no two devices at one address. */
void directory_check_devices(struct directory_reader *r);
/* When all users have been read: finds the disks that LINK statements name. */
void directory_link_disks(struct directory_reader *r);

#endif
