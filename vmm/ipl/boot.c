/* Boot sectors and disk images: the first sector at 0000:7C00, real mode, a tiny BIOS around it. */
/* Part: ipl/; flat.c shares the real-mode beginning. */
#include "vmm/ipl/boot.h"

#include "lib/string.h"
#include "vmm/ipl/bios.h"
#include "vmm/ipl/tables.h"

#define SECTOR		512u
#define SIGNATURE	510u
#define BOOT_ADDRESS	0x7c00u
#define FIRST_HARD_DISK 0x80u

bool boot_looks_like(const uint8_t *data, uint64_t size)
{
	return size >= SECTOR && ipl_u16(data + SIGNATURE) == 0xaa55;
}

static void set_segment(struct vm *vm, enum seg seg, uint16_t selector, uint32_t access)
{
	struct segment s = {selector, (uint64_t)selector << 4, 0xffff, access};

	arch_vcpu_set_segment(&vm->av, seg, &s);
}

int boot_real_mode(const struct ipl_job *job, uint16_t cs, uint16_t ip, uint16_t data,
		   uint8_t drive)
{
	static const enum seg all[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
	struct vm *vm = job->vm;
	size_t i;

	if (!ipl_bios_post(vm))
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, IPL_HIGH_START >> 10,
				vm->storage_size >> 10);
	set_segment(vm, SEG_CS, cs, 0x9b);
	set_segment(vm, SEG_SS, 0, 0x93);
	for (i = 0; i < ARRAY_LEN(all); i++)
		set_segment(vm, all[i], data, 0x93);
	arch_vcpu_set(&vm->av, VREG_CR0, 0x10);	/* a BIOS switches the caches on: CD and NW clear */
	arch_vcpu_set(&vm->av, VREG_IDTR_BASE, 0);
	arch_vcpu_set(&vm->av, VREG_IDTR_LIMIT, 0x3ff);
	arch_vcpu_set(&vm->av, VREG_RFLAGS, 0x202); /* a BIOS leaves interrupts on */
	arch_vcpu_set(&vm->av, VREG_RSP, BOOT_ADDRESS);
	arch_vcpu_set(&vm->av, VREG_RIP, ip);
	memset(vm->av.gpr, 0, sizeof(vm->av.gpr));
	vm->av.gpr[RDX] = drive;
	return tables_put(job, false);
}

int boot_load(const struct ipl_job *job)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size;
	int result;

	if (size < SECTOR)
		return ipl_fail(job, IPL_BOOT_SHORT, size, 0);
	if (ipl_u16(d + SIGNATURE) != 0xaa55)
		return ipl_fail(job, IPL_BOOT_SIGNATURE, ipl_u16(d + SIGNATURE), 0);
	result = boot_real_mode(job, 0, BOOT_ADDRESS, 0, FIRST_HARD_DISK);
	if (result == 0 && !ipl_put(job, BOOT_ADDRESS, d, SECTOR))
		result = ipl_fail(job, IPL_NOT_STORED, SECTOR, BOOT_ADDRESS);
	return result;
}
