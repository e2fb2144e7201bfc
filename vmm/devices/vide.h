/* The virtual IDE controller: PIIX3's two channels with up to four ATA disks and ATAPI CDs. */
/* Part: devices/; ports, bus mastering and drives; what the drives hold is in machine/vdisk.h. */
#ifndef VMM_DEVICES_VIDE_H
#define VMM_DEVICES_VIDE_H

#include "vmm/devices/vpci.h"
#include "vmm/machine/vdisk.h"

#define VIDE_CHANNELS 2u
#define VIDE_DRIVES 4u	/* primary master, primary slave, secondary master, secondary slave */
#define VIDE_BUFFER 2048u

struct vide;

/* Everything about a drive but its disk; saved as it is. */
struct vide_drive_state {
	uint8_t reg[6][2];	/* by port: [1] features, [2] count, [3] to [5] LBA or CHS; [1] is the value before (HOB) */
	uint8_t device, status, error;
	uint8_t irq;		/* INTRQ is pending */
	uint8_t transfer;	/* enum vide_transfer */
	uint8_t multiple;	/* sectors of a block of READ MULTIPLE; 0 = not allowed */
	uint8_t mode;		/* transfer mode as SET FEATURES gave it */
	uint8_t write_cache;
	uint8_t address;	/* enum of vata.c: how the last command named its sector */
	uint8_t sectors, heads;	/* of the geometry that CHS addresses count in */
	uint8_t packet;		/* ATAPI: the command is PACKET, whose phases the count register tells */
	uint8_t packet_dma;	/* ATAPI: this packet's data go by bus mastering */
	uint8_t sense[3];	/* ATAPI: key, code, qualifier */
	uint8_t locked, ejected, media_event, attention;
	uint32_t limit;		/* bytes of a DRQ block, even */
	uint32_t block_left;	/* bytes of this DRQ block still to be moved */
	uint32_t at, end;	/* what is in the buffer */
	uint32_t left;		/* sectors (2048 bytes for a CD) that are not in the buffer yet; for writes: not on the disk */
	uint64_t lba;		/* of the first of these */
	uint8_t buffer[VIDE_BUFFER + 8];	/* slack, so that every access can load 8 bytes */
};

struct vide_channel_state {
	uint8_t selected;	/* drive 0 or 1 */
	uint8_t control;
	uint8_t bm_command, bm_status;
	uint32_t bm_table;
	/* The walk along the table of physical region descriptors. */
	uint32_t prd_next;
	uint32_t prd_count;	/* read since the start */
	uint32_t prd_at, prd_left;
	uint32_t prd_bytes;	/* of all regions since the start */
	uint8_t prd_last;
	uint8_t reserved[3];
};

struct vide_drive {
	struct vdisk *disk;	/* NULL = there is no drive */
	struct vide *ide;
	uint8_t channel, unit;
	uint64_t sectors;	/* of the drive's own size */
	struct vide_drive_state *s;
};

struct vide {
	struct vpci_function function;	/* first */
	struct vide_drive drive[VIDE_DRIVES];
	bool raised[VIDE_CHANNELS];	/* the interrupt lines as the machine knows them */
	struct vide_state {
		struct vide_channel_state channel[VIDE_CHANNELS];
		struct vide_drive_state drive[VIDE_DRIVES];
	} s;
};

void vide_init(struct vide *ide, struct vm *vm);
/* Puts a drive in place `number` (0-3), a CD drive when the disk is one; NULL takes it out. Resets that drive. */
void vide_attach(struct vide *ide, unsigned int number, struct vdisk *disk);
/* Claims the ports of both channels and puts the function on the bus as 00:01.1. */
int vide_claim(struct vide *ide, struct bus *bus, struct vpci *pci);

#endif
