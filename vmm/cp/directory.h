/* The user directory: who may log on, with how much storage, and what is loaded. */
/* Part: cp/; VM/370's statements with our additions (docs/directory.md). Pure: tested on the host. */
#ifndef VMM_CP_DIRECTORY_H
#define VMM_CP_DIRECTORY_H

#include "lib/types.h"

#define DIRECTORY_USERS 64
#define DIRECTORY_PARM 256
#define DIRECTORY_FILE 48
#define DIRECTORY_DISKS 8	/* of one user */
#define DIRECTORY_DRIVES 4	/* of these on the ATA bus: two channels, master and slave */
#define DIRECTORY_SPECIALS 5	/* one of each type */
#define DIRECTORY_TSC_MHZ 9999

/* AUTO: a CD when the file is an ISO 9660 image, else an ATA disk. */
enum directory_bus { DISK_BUS_AUTO, DISK_BUS_ATA, DISK_BUS_VIRTIO, DISK_BUS_CD };

/* A file of the boot volume as a disk. Writes go to copies of the user's own. */
struct directory_disk {
	uint16_t address;	/* 001-FFF */
	uint8_t bus;		/* enum directory_bus */
	bool read_only;
	char file[DIRECTORY_FILE];
	char owner[9];		/* LINK: whose MDISK it is; "" = an MDISK */
	uint16_t owner_address;
	bool as_owner;		/* LINK without a mode: read-only when the MDISK is */
	uint32_t line;
};

enum special_type { SPECIAL_NET, SPECIAL_RNG, SPECIAL_BALLOON, SPECIAL_CONSOLE, SPECIAL_COM2 };

struct directory_special {
	uint16_t address;
	uint8_t type;		/* enum special_type */
	uint32_t line;
};

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
	uint16_t ipl_address;	/* of the disk to IPL; then ipl_file is "". 0 = by file */
	bool ipl_uefi;		/* the disk is booted by OVMF, not by SeaBIOS */
	struct directory_disk disks[DIRECTORY_DISKS];
	uint32_t disk_count;
	struct directory_special specials[DIRECTORY_SPECIALS];
	uint32_t special_count;
	uint32_t tsc_mhz;	/* rate of the time-stamp counter, 1 to DIRECTORY_TSC_MHZ; 0 = the processor's own */
	bool debug_exit;	/* isa-debug-exit at port F4h */
	bool debug_console;	/* the debug console at port E9h */
	bool no_vga;		/* no display adapter */
	bool no_screen;		/* what the display shows is not told at the console */
	bool triple_reset;	/* a triple fault resets the machine instead of stopping it */
	bool idle_disks;	/* has MDISKs of VM/370's forms, which are without effect */
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
/* NULL = the user has no disk there. */
const struct directory_disk *directory_disk_at(const struct directory_user *u, uint16_t address);

#endif
