/* The disks of a machine: which file of the boot volume is in which drive, and where firmware finds it. */
/* Part: machine/; the drives themselves are devices/' own. */
#include "vmm/machine/pc_disks.h"

#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"

static uint8_t free_drive(const struct vide *ide)
{
	for (uint8_t i = 0; i < VIDE_DRIVES; i++)
		if (ide->drive[i].disk == NULL)
			return i;
	return PC_NO_DRIVE;
}

/* "Open Firmware" unit addresses: the PIIX3's second function, its channel, its master or slave. */
static void attach(struct pc_disk *p, struct vide *ide, uint8_t drive)
{
	p->drive = drive;
	text_format(p->path, sizeof(p->path), "/pci@i0cf8/ide@1,1/drive@%x/disk@%x", drive / 2u, drive % 2u);
	vide_attach(ide, drive, &p->disk);
}

void pc_disks_init(struct pc_disks *d, struct vm *vm, const char *userid)
{
	memset(d, 0, sizeof(*d));
	vdisk_pool_init(&d->pool, vm, userid);
	d->image.drive = PC_NO_DRIVE;
}

int pc_disks_add(struct pc_disks *d, struct vide *ide, const struct directory_disk *entry, const void *data, uint64_t size,
		 struct pc_disk **out)
{
	enum vdisk_kind kind = entry->bus == DISK_BUS_AUTO ? VDISK_FIND_OUT :
			       entry->bus == DISK_BUS_CD ? VDISK_IS_CD : VDISK_IS_DISK;
	uint8_t drive = free_drive(ide);
	struct pc_disk *p;
	int e;

	if (d->count == DIRECTORY_DISKS || (entry->bus != DISK_BUS_VIRTIO && drive == PC_NO_DRIVE))
		return -ENOSPC;
	p = &d->disk[d->count];
	e = vdisk_init(&p->disk, &d->pool, entry->file, data, size, kind, entry->read_only, NULL);
	if (e != 0)
		return e;
	d->count++;
	p->address = entry->address;
	p->drive = PC_NO_DRIVE;
	if (entry->bus != DISK_BUS_VIRTIO)
		attach(p, ide, drive);
	*out = p;
	return 0;
}

struct pc_disk *pc_disks_find(struct pc_disks *d, uint16_t address)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->disk[i].address == address)
			return &d->disk[i];
	return NULL;
}

void pc_disks_eject(struct pc_disks *d, struct vide *ide)
{
	if (d->image.drive != PC_NO_DRIVE)
		vide_attach(ide, d->image.drive, NULL);
	d->image.drive = PC_NO_DRIVE;
}

int pc_disks_insert(struct pc_disks *d, struct vide *ide, const char *name, const void *data, uint64_t size, bool cd)
{
	struct pc_disk *p = &d->image;
	uint8_t drive;
	int e;

	pc_disks_eject(d, ide);
	drive = free_drive(ide);
	if (drive == PC_NO_DRIVE)
		return -ENOSPC;
	if (p->disk.data != data || p->disk.size != size || p->disk.cd != cd) {
		if (p->disk.pool != NULL)
			vdisk_discard(&p->disk);
		e = vdisk_init(&p->disk, &d->pool, name, data, size, cd ? VDISK_IS_CD : VDISK_IS_DISK, false, NULL);
		if (e != 0)
			return e;
	}
	attach(p, ide, drive);
	return 0;
}
