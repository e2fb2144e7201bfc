/* The disks of a machine: which files they are, which bus they are on, and which place there. */
/* Part: machine/; the changes that a guest makes live in the pool until it logs off. */
#include "vmm/machine/disks.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/machine/vm.h"

static void tell_padding(const struct machine_disks *d, const struct machine_disk *m, uint32_t padding)
{
	if (padding != 0)
		cp_say(MSG_LOG706W, d->vm->userid, m->address, vdisk_name(&m->disk),
		       vdisk_is_cd(&m->disk) ? VDISK_CD_SECTOR : VDISK_SECTOR, padding);
}

static const char *make_disk(struct machine_disks *d, struct machine_disk *m, const struct directory_disk *from)
{
	static const enum vdisk_kind kinds[] = {
		[DISK_BUS_AUTO] = VDISK_FIND_OUT,
		[DISK_BUS_ATA] = VDISK_IS_DISK,
		[DISK_BUS_VIRTIO] = VDISK_IS_DISK,
		[DISK_BUS_CD] = VDISK_IS_CD,
	};
	const struct ipl_file *file = ipl_find_file(from->file);
	uint32_t padding = 0;
	int e;

	m->address = from->address;
	m->virtio = from->bus == DISK_BUS_VIRTIO;
	if (file == NULL || file->status == 1)
		return "IS NOT ON THE VOLUME";
	if (file->status != 0 || file->data == NULL)
		return "COULD NOT BE READ";
	e = vdisk_init(&m->disk, &d->pool, file->name, file->data, file->size, kinds[from->bus], from->read_only,
		       &padding);
	if (e != 0)
		return e == -EINVAL ? "IS EMPTY" : "IS TOO LARGE";
	tell_padding(d, m, padding);
	m->there = true;
	return NULL;
}

void disks_init(struct machine_disks *d, struct vm *vm, const struct directory_user *user)
{
	memset(d, 0, sizeof(*d));
	d->vm = vm;
	vdisk_pool_init(&d->pool, vm, vm->userid);
	for (uint32_t i = 0; i < ARRAY_LEN(d->all); i++)
		d->all[i].drive = DISKS_NO_DRIVE;
	d->count = 1;
	for (uint32_t i = 0; i < user->disk_count && i < DIRECTORY_DISKS; i++) {
		const char *why = make_disk(d, &d->all[d->count++], &user->disks[i]);

		if (why != NULL)
			cp_say(MSG_LOG705E, vm->userid, user->disks[i].address, user->disks[i].file, why);
	}
}

int disks_ipl(struct machine_disks *d, const struct ipl_file *file, bool cd)
{
	struct machine_disk *m = &d->all[0];
	uint32_t padding = 0;
	int e;

	if (file != NULL && m->there && m->disk.data == file->data && vdisk_is_cd(&m->disk) == cd)
		return 0;
	if (m->there)
		vdisk_discard(&m->disk);
	m->there = false;
	if (file == NULL)
		return 0;
	e = vdisk_init(&m->disk, &d->pool, file->name, file->data, file->size, cd ? VDISK_IS_CD : VDISK_IS_DISK, false,
		       &padding);
	if (e != 0)
		return e;
	tell_padding(d, m, padding);
	m->there = true;
	return 0;
}

/* The next free place that suits a drive of this sort best. */
static int8_t choose_place(const struct vdisk *const places[VIDE_DRIVES], bool cd)
{
	static const int8_t order[2][VIDE_DRIVES] = { { 0, 1, 2, 3 }, { 2, 3, 1, 0 } };

	for (unsigned int i = 0; i < VIDE_DRIVES; i++)
		if (places[order[cd][i]] == NULL)
			return order[cd][i];
	return DISKS_NO_DRIVE;
}

void disks_connect(struct machine_disks *d, struct vide *ide)
{
	const struct vdisk *places[VIDE_DRIVES] = { NULL };

	for (uint32_t i = 0; i < d->count; i++) {
		struct machine_disk *m = &d->all[i];

		m->drive = DISKS_NO_DRIVE;
		if (!m->there || m->virtio)
			continue;
		m->drive = choose_place(places, vdisk_is_cd(&m->disk));
		if (m->drive == DISKS_NO_DRIVE)
			cp_say(MSG_LOG707W, d->vm->userid, m->address, vdisk_name(&m->disk), VIDE_DRIVES);
		else
			places[m->drive] = &m->disk;
	}
	for (unsigned int place = 0; place < VIDE_DRIVES; place++) {
		struct vdisk *disk = NULL;

		for (uint32_t i = 0; i < d->count; i++)
			if (d->all[i].drive == (int8_t)place)
				disk = &d->all[i].disk;
		vide_attach(ide, place, disk);
	}
}

struct machine_disk *disks_find(struct machine_disks *d, uint16_t address)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->all[i].there && d->all[i].address == address)
			return &d->all[i];
	return NULL;
}

struct machine_disk *disks_virtio(struct machine_disks *d, uint32_t i)
{
	for (uint32_t k = 0; k < d->count; k++)
		if (d->all[k].there && d->all[k].virtio && i-- == 0)
			return &d->all[k];
	return NULL;
}
