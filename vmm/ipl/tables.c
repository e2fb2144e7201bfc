/* What firmware leaves in storage, for systems that are loaded without any: ACPI, SMBIOS, BIOS data area, vectors. */
/* Part: ipl/; the tables themselves are firmware/'s. */
#include "vmm/ipl/tables.h"

#include "arch/api/cpu.h"
#include "lib/string.h"
#include "vmm/firmware/memory_map.h"
#include "vmm/firmware/mptable.h"
#include "vmm/machine/pc.h"

/* The BIOS data area, as every PC has had it. */
#define BDA_COM1	0x400u
#define BDA_EBDA	0x40eu
#define BDA_EQUIPMENT	0x410u
#define BDA_MEMORY	0x413u
#define BDA_VIDEO	0x449u

/*
 * Real mode's interrupt vectors. A BIOS is not there, but a system that calls one has to come back and be told so, or it
 * would run through the vectors as if they were code: no service is carry and AH = 86h, for those that ask whether a key
 * is there also zero. Storage and equipment are answered. Devices' interrupts are ended.
 */
#define VECTORS	    256u
#define CODE_OFFSET 0xf000u	/* in segment F000 */
#define CODE_ROOM   16u		/* for each of the routines */

enum routine { NO_SERVICE, INTERRUPT, EQUIPMENT, STORAGE, ROUTINES };

static const uint8_t routines[ROUTINES][CODE_ROOM] = {
	[NO_SERVICE] = {
		0x55, 0x89, 0xe5,		/* push bp; mov bp, sp */
		0x80, 0x4e, 0x06, 0x41,		/* or byte [bp + 6], 41h: the flags that IRET brings back */
		0x5d, 0xb4, 0x86, 0xcf,		/* pop bp; mov ah, 86h; iret */
	},
	[INTERRUPT] = {
		0x50, 0xb0, 0x20,		/* push ax; mov al, 20h */
		0xe6, 0xa0, 0xe6, 0x20,		/* out 0A0h, al; out 20h, al */
		0x58, 0xcf,			/* pop ax; iret */
	},
	[EQUIPMENT] = {
		0x1e, 0x31, 0xc0, 0x8e, 0xd8,	/* push ds; xor ax, ax; mov ds, ax */
		0xa1, 0x10, 0x04, 0x1f, 0xcf,	/* mov ax, [410h]; pop ds; iret */
	},
	[STORAGE] = {
		0x1e, 0x31, 0xc0, 0x8e, 0xd8,	/* the same with [413h] */
		0xa1, 0x13, 0x04, 0x1f, 0xcf,
	},
};

static enum routine routine_of(uint32_t vector)
{
	if ((vector >= 0x08 && vector <= 0x0f) || (vector >= 0x70 && vector <= 0x77))
		return INTERRUPT;
	return vector == 0x11 ? EQUIPMENT : vector == 0x12 ? STORAGE : NO_SERVICE;
}

static bool put_vectors(const struct ipl_job *job)
{
	uint8_t vectors[VECTORS * 4];

	for (uint32_t i = 0; i < VECTORS; i++) {
		ipl_set16(vectors + 4 * i, CODE_OFFSET + routine_of(i) * CODE_ROOM);
		ipl_set16(vectors + 4 * i + 2, 0xf000);
	}
	return ipl_put(job, 0, vectors, sizeof(vectors)) &&
	       ipl_put(job, 0xf0000 + CODE_OFFSET, routines, sizeof(routines));
}

void tables_build(struct vm *vm, bool uefi)
{
	struct platform *p = &vm->devices->platform;
	const struct acpi_machine acpi = {
		.storage = vm->storage_size,
		.pm_base = ACPI_PM_BASE,
		.uefi = uefi,
		.com2 = p->com2,
		.vga = p->vga,
	};
	struct cpuid_regs id = cpu_cpuid(1, 0);
	const struct smbios_machine smbios = {
		.userid = vm->userid,
		.uuid = p->uuid,
		.storage = vm->storage_size,
		.cpu_signature = id.eax,
		.cpu_features = id.edx,
		.uefi = uefi,
	};

	smbios_uuid(p->uuid, vm->userid);
	acpi_build(&p->acpi, &acpi);
	smbios_build(&p->smbios, &smbios);
}

/* "BIOS Data Area": what kernels still read there. */
static bool put_data_area(const struct ipl_job *job)
{
	const struct platform *p = &job->vm->devices->platform;
	const struct { uint32_t at; uint32_t value; uint8_t bytes; } words[] = {
		{ BDA_COM1, 0x3f8, 2 },
		{ BDA_COM1 + 2, p->com2 ? 0x2f8 : 0, 2 },
		{ BDA_EBDA, IPL_LOW_END >> 4, 2 },
		{ IPL_LOW_END, 1, 1 },
		{ BDA_EQUIPMENT, 0x0006u | (p->com2 ? 0x400u : 0x200u) | (p->vga ? 0x20u : 0x30u), 2 },
		{ BDA_MEMORY, IPL_LOW_END >> 10, 2 },
		{ BDA_VIDEO, p->vga ? 0x005003 : 0, 3 },
		{ 0x44c, p->vga ? 0x1000 : 0, 2 },
		{ 0x460, 0x0607, 2 },
		{ 0x463, p->vga ? 0x3d4 : 0, 2 },
		{ 0x484, p->vga ? 24 : 0, 1 },
		{ 0x485, p->vga ? 16 : 0, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!ipl_put(job, words[i].at, &words[i].value, words[i].bytes))
			return false;
	return true;
}

static bool put_mptable(const struct ipl_job *job)
{
	struct cpuid_regs id = cpu_cpuid(1, 0);
	uint8_t table[MPTABLE_ROOM];
	uint32_t size = mptable_build(table, FIRMWARE_MPTABLE, id.eax, id.edx);

	return ipl_put(job, FIRMWARE_MPTABLE, table, size);
}

int tables_put(const struct ipl_job *job)
{
	struct platform *p = &job->vm->devices->platform;

	tables_build(job->vm, false);
	acpi_link(&p->acpi, FIRMWARE_ACPI);
	smbios_link(&p->smbios, FIRMWARE_SMBIOS);
	if (!ipl_put(job, FIRMWARE_RSDP, p->acpi.rsdp, ACPI_RSDP_SIZE) ||
	    !ipl_put(job, FIRMWARE_ACPI, p->acpi.run, p->acpi.size) ||
	    !ipl_put(job, FIRMWARE_SMBIOS, p->smbios.run, p->smbios.size) ||
	    !ipl_put(job, FIRMWARE_SMBIOS_ENTRY, p->smbios.entry, SMBIOS_ENTRY_SIZE) ||
	    !ipl_put(job, FIRMWARE_SMBIOS_ENTRY + 32, p->smbios.entry64, SMBIOS_ENTRY64_SIZE))
		return ipl_fail(job, IPL_NOT_STORED, p->acpi.size, FIRMWARE_ACPI);
	if (!put_mptable(job))
		return ipl_fail(job, IPL_NOT_STORED, MPTABLE_ROOM, FIRMWARE_MPTABLE);
	if (!put_vectors(job) || !put_data_area(job))
		return ipl_fail(job, IPL_NOT_STORED, 0x100, BDA_COM1);
	return 0;
}
