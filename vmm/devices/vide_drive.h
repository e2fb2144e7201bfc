/* What the parts of the IDE controller share: status bits, transfers, and what a drive may ask of its channel. */
/* Part: devices/, private to vide.c, vide_dma.c, vata.c and vatapi.c. */
#ifndef VMM_DEVICES_VIDE_DRIVE_H
#define VMM_DEVICES_VIDE_DRIVE_H

#include "vmm/devices/vide.h"

/* Command block registers, by offset. */
enum { REG_DATA, REG_FEATURES, REG_COUNT, REG_LBA_LOW, REG_LBA_MID, REG_LBA_HIGH, REG_DEVICE, REG_COMMAND };

#define STATUS_ERR  0x01u
#define STATUS_DRQ  0x08u
#define STATUS_DSC  0x10u
#define STATUS_DRDY 0x40u
#define STATUS_BSY  0x80u
#define STATUS_IDLE (STATUS_DRDY | STATUS_DSC)

#define ERROR_ABRT 0x04u
#define ERROR_IDNF 0x10u
#define ERROR_UNC  0x40u

#define DEVICE_ALWAYS 0xa0u	/* bits that once told the sector size */
#define DEVICE_LBA    0x40u
#define DEVICE_UNIT   0x10u

/* ATAPI's interrupt reason, in the count register. */
#define REASON_COMMAND 0x01u
#define REASON_IN      0x02u

/* Bus master status. */
#define BM_ACTIVE    0x01u
#define BM_ERROR     0x02u
#define BM_INTERRUPT 0x04u
#define BM_START     0x01u	/* command */

enum vide_transfer { VIDE_IDLE, VIDE_PIO_IN, VIDE_PIO_OUT, VIDE_PACKET, VIDE_DMA_IN, VIDE_DMA_OUT, VIDE_TRANSFERS };

static inline bool vide_is_cd(const struct vide_drive *d)
{
	return d->disk != NULL && vdisk_is_cd(d->disk);
}

/* Bytes of one of the drive's sectors. */
static inline uint32_t vide_unit(const struct vide_drive *d)
{
	return vide_is_cd(d) ? VDISK_CD_SECTOR : VDISK_SECTOR;
}

/* vide.c: sets INTRQ of the drive. */
void vide_irq(struct vide_drive *d, bool pending);
/* The command is done, well or with `error`; an interrupt tells it. */
void vide_done(struct vide_drive *d);
void vide_fail(struct vide_drive *d, uint8_t error);
/* Whatever was being transferred ends here. */
void vide_stop(struct vide_drive *d);
/* The registers by which software tells what drive this is. */
void vide_signature(struct vide_drive *d);

/* vide_pio.c: begins a transfer in of what is in the buffer (s->at, s->end) and of s->left sectors from s->lba on. */
void vide_send(struct vide_drive *d, bool dma);
/* Begins a transfer out of s->left sectors to s->lba. */
void vide_receive(struct vide_drive *d, bool dma);
/* The data port. */
void vide_data_access(struct vide_drive *d, struct io_access *a);
/* Words of a repeated string there, as far as the buffer has whole ones of them; how many. */
uint32_t vide_data_block(struct vide_drive *d, const struct io_block *b);
/* Takes the next sectors into the empty buffer. */
void vide_fill(struct vide_drive *d);
/* Puts sectors on the disk. False: it has failed and told so. */
bool vide_store(struct vide_drive *d, const void *from, uint32_t count);

/* vide_dma.c: moves what can be moved now, if both the drive and the bus master want it. */
void vide_dma_run(struct vide *ide, unsigned int channel);
void vide_dma_access(struct vide *ide, struct io_access *a);

/* vata.c and vatapi.c: a command; a packet of 12 bytes in the buffer. */
void vata_command(struct vide_drive *d, uint8_t command);
void vatapi_command(struct vide_drive *d, uint8_t command);
void vatapi_packet(struct vide_drive *d);
void vatapi_reset(struct vide_drive *d);	/* power-on */
/* Writes the failing sector's address into the registers, as the last command named it. */
void vata_show_lba(struct vide_drive *d, uint64_t lba);
/* Commands that both sorts of drives know. False: it is none. */
bool vata_common(struct vide_drive *d, uint8_t command);
/* `room` bytes of words' order: each two letters change places; filled up with blanks. */
void vata_text(uint16_t *words, size_t count, const char *text);
void vata_power_on(struct vide_drive *d);

#endif
