/* The files of the boot volume, which kind an image is, and the frame around every IPL. */
/* Part: ipl/; the loaders of the kinds do the rest. */
#include "vmm/ipl/disk.h"

#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/pc.h"

#define FILES 64

/* Filled once at start by main(), never changed after: needs no lock. */
static struct ipl_file files[FILES];
static uint32_t file_count;

void ipl_add_file(const char *name, const void *data, uint64_t size, uint32_t status)
{
	struct ipl_file *f;

	if (file_count == FILES)
		return;
	f = &files[file_count++];
	str_copy(f->name, name, sizeof(f->name));
	f->data = status == 0 ? data : NULL;
	f->size = status == 0 ? size : 0;
	f->status = status;
}

const struct ipl_file *ipl_file_at(uint32_t i)
{
	return i < file_count ? &files[i] : NULL;
}

const struct ipl_file *ipl_find_file(const char *name)
{
	uint32_t i;

	if (!name || name[0] == '\0')
		return NULL;
	for (i = 0; i < file_count; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	/* FAT volumes fold the case of short names, so the second look does too. */
	for (i = 0; i < file_count; i++)
		if (str_same(files[i].name, name))
			return &files[i];
	return NULL;
}

static enum ipl_kind find_out(const struct ipl_file *f)
{
	if (linux_looks_like(f->data, f->size))
		return IPL_LINUX;
	/* Firmware that a multiboot loader could start as well needs to be in its place. */
	if (boot_looks_like_flash(f->data, f->size))
		return IPL_FIRMWARE;
	if (multiboot_looks_like(f->data, f->size))
		return IPL_MULTIBOOT;
	if (boot_looks_like_cd(f->data, f->size))
		return IPL_CD;
	if (boot_looks_like(f->data, f->size))
		return IPL_BOOT;
	return IPL_FLAT;
}

static bool to_guest(void *context, uint64_t address, const void *from, uint64_t n)
{
	return gmem_write(context, GPA(address), from, n);
}

static bool fill_guest(void *context, uint64_t address, uint8_t byte, uint64_t n)
{
	return gmem_fill(context, GPA(address), byte, n);
}

int ipl_find_files(struct ipl_job *job)
{
	const struct ipl_request *r = job->request;

	job->image = job->initrd = NULL;
	if (r->address != 0)
		return 0;
	if (!r->file || r->file[0] == '\0')
		return ipl_fail(job, IPL_NO_NAME, 0, 0);
	job->image = ipl_find_file(r->file);
	if (!job->image || job->image->status == 1)
		return ipl_fail(job, IPL_NO_FILE, 0, 0);
	if (job->image->status != 0 || !job->image->data)
		return ipl_fail(job, job->image->status == 2 ? IPL_FILE_TOO_BIG : IPL_FILE_UNREAD,
				0, 0);
	if (job->image->size == 0)
		return ipl_fail(job, IPL_FILE_EMPTY, 0, 0);
	job->initrd = NULL;
	if (!r->initrd || r->initrd[0] == '\0')
		return 0;
	job->initrd = ipl_find_file(r->initrd);
	if (!job->initrd || job->initrd->status == 1)
		return ipl_fail(job, IPL_NO_INITRD, 0, 0);
	if (job->initrd->status != 0 || !job->initrd->data)
		return ipl_fail(job, IPL_INITRD_UNREAD, 0, 0);
	return 0;
}

static bool is_firmwares(const struct ipl_job *job, enum ipl_kind kind)
{
	return job->request->address != 0 || kind == IPL_BOOT || kind == IPL_DISK || kind == IPL_CD ||
	       kind == IPL_FIRMWARE;
}

static int load_kind(const struct ipl_job *job)
{
	static int (*const loaders[])(const struct ipl_job *) = {
	    [IPL_LINUX] = linux_load,
	    [IPL_MULTIBOOT] = multiboot_load,
	    [IPL_BOOT] = disk_load_boot,
	    [IPL_FLAT] = flat_load,
	    [IPL_DISK] = disk_load,
	    [IPL_CD] = disk_load_cd,
	    [IPL_FIRMWARE] = firmware_flash,
	};
	enum ipl_kind kind = job->request->kind;

	if (kind == IPL_FIND_OUT && job->request->address == 0) {
		if (boot_looks_like_gzip(job->image->data, job->image->size))
			return ipl_fail(job, IPL_GZIP, 0, 0);
		kind = find_out(job->image);
	}
	CHECK((unsigned int)kind < ARRAY_LEN(loaders));
	if (job->initrd && kind != IPL_LINUX && kind != IPL_MULTIBOOT)
		return ipl_fail(job, IPL_INITRD_NOT_TAKEN, 0, 0);
	/* What an earlier IPL put into a drive is not this one's. */
	if (!is_firmwares(job, kind) || kind == IPL_FIRMWARE || job->request->address != 0)
		disk_forget(job->vm);
	if (!is_firmwares(job, kind)) {
		firmware_remove(job->vm);
		pc_firmware_work(job->vm);
	}
	return job->request->address != 0 ? disk_load_address(job) : loaders[kind](job);
}

/* What QUERY shows as the system: the file, or the disk's address. */
static void name_system(struct vm *vm, const struct ipl_job *job)
{
	if (job->image)
		str_copy(vm->system, job->image->name, sizeof(vm->system));
	else
		text_format(vm->system, sizeof(vm->system), "DISK %03X", job->request->address);
}

static void remember(struct vm *vm, const struct ipl_request *request)
{
	struct vm_loaded loaded = {
	    .kind = (uint8_t)request->kind, .uefi = request->uefi, .address = request->address};

	str_copy(loaded.file, request->file ? request->file : "", sizeof(loaded.file));
	str_copy(loaded.initrd, request->initrd ? request->initrd : "", sizeof(loaded.initrd));
	str_copy(loaded.parm, request->parm ? request->parm : "", sizeof(loaded.parm));
	vm->loaded = loaded;
}

/* clear: storage is zeroed first. */
static int load(struct vm *vm, const struct ipl_request *request, bool clear, char *why, size_t room)
{
	struct ipl_job job = {
	    .vm = vm,
	    .request = request,
	    .to = {to_guest, fill_guest, vm},
	    .why = why,
	    .room = room,
	};
	int result;

	if (room > 0)
		why[0] = '\0';
	vm_system_reset(vm, clear);
	vm->system[0] = '\0';
	result = ipl_find_files(&job);
	if (result == 0 && vm->storage_size > IPL_MAX_STORAGE)
		result = ipl_fail(&job, IPL_TOO_MUCH_STORAGE, vm->storage_size >> 20,
				  IPL_MAX_STORAGE >> 20);
	if (result == 0) {
		name_system(vm, &job);
		result = load_kind(&job);
	}
	if (result != 0) {
		/* Whatever was begun is taken back: no half-loaded system can be begun. */
		vm_system_reset(vm, true);
		vm->system[0] = '\0';
		vm->state = VM_NO_SYSTEM;
		return result;
	}
	remember(vm, request);
	vm->why[0] = '\0';
	vm->ended_told = false;
	vm->state = VM_STOPPED;
	vm->account.ipl_time = cpu_tsc();
	pc_start_tsc(vm, vm->account.ipl_time);
	vm_kick(vm, VM_WORK_START);
	vm_kick(vm, VM_WORK_EVENT | VM_WORK_DEADLINE);
	return 0;
}

int ipl_load(struct vm *vm, const struct ipl_request *request, char *why, size_t room)
{
	return load(vm, request, true, why, room);
}

/* A PC's reset leaves storage as it is, and a guest that resets itself all the time must not keep CP busy with it. */
int ipl_again(struct vm *vm, char *why, size_t room)
{
	struct vm_loaded loaded = vm->loaded;
	struct ipl_request request = { loaded.file, loaded.kind, loaded.initrd, loaded.parm, loaded.address, loaded.uefi };

	return load(vm, &request, false, why, room);
}

void ipl_flat_segments(struct vm *vm, bool code64)
{
	struct segment code = {0x10, 0, 0xffffffff, code64 ? 0xa09b : 0xc09b};
	struct segment data = {0x18, 0, 0xffffffff, 0xc093};
	struct segment task = {0x20, 0, 0x67, 0x8b};
	struct segment none = {0, 0, 0, SEGMENT_UNUSABLE};
	static const enum seg all[] = {SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS};
	size_t i;

	arch_vcpu_set_segment(&vm->av, SEG_CS, &code);
	for (i = 0; i < ARRAY_LEN(all); i++)
		arch_vcpu_set_segment(&vm->av, all[i], &data);
	arch_vcpu_set_segment(&vm->av, SEG_TR, &task);
	arch_vcpu_set_segment(&vm->av, SEG_LDTR, &none);
}
