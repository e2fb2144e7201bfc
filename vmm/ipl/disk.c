/* Booting from a disk or CD by firmware: is there something to boot, and which drive is it in? */
/* Part: ipl/; looks at the medium so that the operator is told here what firmware would only hint at. */
#include "vmm/ipl/disk.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/machine/pc.h"

#define SIGNATURE      510u
#define CD_SECTORS     (VDISK_CD_SECTOR / VDISK_SECTOR)
#define CD_DESCRIPTORS 16u	/* the CD's own sector of the first volume descriptor */
#define CD_BOOT_RECORD 17u
#define CATALOG_AT     0x47u

/* The first 512 bytes of a sector; false = there is no such sector. */
static bool look(struct vdisk *disk, uint64_t sector, uint8_t *to)
{
	return vdisk_read(disk, sector, 1, to) == VDISK_DONE;
}

static bool is_descriptor(const uint8_t *s, uint8_t type)
{
	return s[0] == type && memcmp(s + 1, "CD001", 5) == 0;
}

/* "El Torito Bootable CD-ROM Format Specification 1.0", "Boot Record Volume Descriptor" and "Booting Catalog". */
static int check_cd(const struct ipl_job *job, struct vdisk *disk)
{
	uint8_t s[VDISK_SECTOR];
	uint32_t catalog, sum = 0;

	if (!look(disk, CD_DESCRIPTORS * CD_SECTORS, s) || !is_descriptor(s, 1))
		return ipl_fail(job, IPL_CD_SIZE, disk->size, 0);
	if (!look(disk, CD_BOOT_RECORD * CD_SECTORS, s) || !is_descriptor(s, 0) ||
	    memcmp(s + 7, "EL TORITO SPECIFICATION", 24) != 0)
		return ipl_fail(job, IPL_CD_NO_RECORD, 0, 0);
	catalog = ipl_u32(s + CATALOG_AT);
	if (!look(disk, (uint64_t)catalog * CD_SECTORS, s))
		return ipl_fail(job, IPL_CD_NO_CATALOG, catalog, 0);
	for (uint32_t i = 0; i < 32; i += 2)
		sum += ipl_u16(s + i);
	/* The validation entry, and then the default one, bootable. */
	if (s[0] != 1 || ipl_u16(s + 30) != 0xaa55 || (sum & 0xffff) != 0 || s[32] != 0x88)
		return ipl_fail(job, IPL_CD_NO_CATALOG, catalog, 0);
	return 0;
}

static int check_disk(const struct ipl_job *job, struct vdisk *disk)
{
	uint8_t s[VDISK_SECTOR];

	if (!look(disk, 0, s))
		return ipl_fail(job, IPL_BOOT_SHORT, disk->size, 0);
	if (ipl_u16(s + SIGNATURE) != 0xaa55)
		return ipl_fail(job, IPL_DISK_SIGNATURE, ipl_u16(s + SIGNATURE), 0);
	return 0;
}

/*
 * Where firmware finds the drive, as an Open Firmware device path: the PIIX3's IDE function with channel and unit, or the PCI
 * device of a virtio disk.
 */
static void find_path(struct machine_disks *d, const struct machine_disk *m, char *path, size_t room)
{
	uint32_t i = 0;

	if (!m->virtio) {
		text_format(path, room, "/pci@i0cf8/ide@1,1/drive@%x/disk@%x", (unsigned int)m->drive / 2,
			    (unsigned int)m->drive % 2);
		return;
	}
	while (disks_virtio(d, i) != NULL && disks_virtio(d, i) != m)
		i++;
	text_format(path, room, "/pci@i0cf8/scsi@%x/disk@0,0", PC_VIRTIO_DISK + i);
}

/* UEFI wants files, not sectors, and says itself that it has found none. */
static int start(const struct ipl_job *job, struct machine_disk *m)
{
	struct vm_devices *d = job->vm->devices;
	struct firmware_boot boot = { .cd = vdisk_is_cd(&m->disk) };
	int result;

	disks_connect(&d->disks, &d->ide);
	if (!m->virtio && m->drive == DISKS_NO_DRIVE)
		return ipl_fail(job, IPL_DISK_NO_DRIVE, 0, 0);
	find_path(&d->disks, m, boot.path, sizeof(boot.path));
	if (job->request->uefi)
		return firmware_uefi(job, &boot);
	if (!firmware_has_bios())
		return ipl_fail(job, IPL_FW_NO_BIOS, 0, 0);
	result = boot.cd ? check_cd(job, &m->disk) : check_disk(job, &m->disk);
	return result != 0 ? result : firmware_bios(job, &boot);
}

int disk_load_address(const struct ipl_job *job)
{
	struct machine_disk *m = disks_find(&job->vm->devices->disks, job->request->address);

	if (!m)
		return ipl_fail(job, IPL_DISK_NONE, job->request->address, 0);
	return start(job, m);
}

static int load_file(const struct ipl_job *job, bool cd)
{
	struct machine_disks *d = &job->vm->devices->disks;

	/* Empty files do not come so far. */
	if (disks_ipl(d, job->image, cd) != 0)
		return ipl_fail(job, IPL_FILE_TOO_BIG, 0, 0);
	return start(job, disks_find(d, 0));
}

int disk_load(const struct ipl_job *job)
{
	return load_file(job, false);
}

int disk_load_boot(const struct ipl_job *job)
{
	if (job->image->size < VDISK_SECTOR)
		return ipl_fail(job, IPL_BOOT_SHORT, job->image->size, 0);
	return load_file(job, false);
}

int disk_load_cd(const struct ipl_job *job)
{
	return load_file(job, true);
}

void disk_forget(struct vm *vm)
{
	disks_ipl(&vm->devices->disks, NULL, false);
	disks_connect(&vm->devices->disks, &vm->devices->ide);
}
