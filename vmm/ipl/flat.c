/* Flat systems: the file as it is at 0x10000, entered in real mode at 1000:0000. */
/* Part: ipl/; what no other kind claims ends here. There is no BIOS: who wants one brings a boot sector. */
#include "vmm/ipl/tables.h"

#include "lib/string.h"

#define FLAT_ADDRESS 0x10000u
#define FLAT_SEGMENT 0x1000u
#define FLAT_MOST    (IPL_LOW_END - FLAT_ADDRESS) /* up to the extended BIOS data area */
#define FLAT_STACK   0x7c00u

static void set_segment(struct vm *vm, enum seg seg, uint16_t selector, uint32_t access)
{
	struct segment s = {selector, (uint64_t)selector << 4, 0xffff, access};

	arch_vcpu_set_segment(&vm->av, seg, &s);
}

int flat_load(const struct ipl_job *job)
{
	static const enum seg all[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
	struct vm *vm = job->vm;
	int result;
	size_t i;

	if (job->image->size > FLAT_MOST)
		return ipl_fail(job, IPL_FLAT_TOO_BIG, FLAT_MOST, job->image->size);
	if (vm->storage_size < IPL_HIGH_START)
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, IPL_HIGH_START >> 10, vm->storage_size >> 10);
	if (!ipl_put(job, FLAT_ADDRESS, job->image->data, job->image->size))
		return ipl_fail(job, IPL_NOT_STORED, job->image->size, FLAT_ADDRESS);
	result = tables_put(job);
	if (result != 0)
		return result;
	set_segment(vm, SEG_CS, FLAT_SEGMENT, 0x9b);
	set_segment(vm, SEG_SS, 0, 0x93);
	for (i = 0; i < ARRAY_LEN(all); i++)
		set_segment(vm, all[i], FLAT_SEGMENT, 0x93);
	arch_vcpu_set(&vm->av, VREG_CR0, 0x10);	/* caches on, as firmware leaves them: CD and NW clear */
	arch_vcpu_set(&vm->av, VREG_IDTR_BASE, 0);
	arch_vcpu_set(&vm->av, VREG_IDTR_LIMIT, 0x3ff);
	arch_vcpu_set(&vm->av, VREG_RFLAGS, 2);	/* nobody has set the controllers, so interrupts stay off */
	arch_vcpu_set(&vm->av, VREG_RSP, FLAT_STACK);
	arch_vcpu_set(&vm->av, VREG_RIP, 0);
	memset(vm->av.gpr, 0, sizeof(vm->av.gpr));
	return 0;
}
