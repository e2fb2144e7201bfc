/* Starting a machine by firmware: ROM and flash below 4 GiB, and what fw_cfg tells; the rest is the firmware's. */
/* Part: ipl/; the processor is left as RESET leaves it, at F000:FFF0 with its base at FFFF0000h. */
#include "vmm/ipl/firmware.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "vmm/firmware/memory_map.h"
#include "vmm/ipl/tables.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/pc.h"

#define TOP	     GIB(4)
#define SHADOW	     0x20000u	/* so much of the ROM's end is seen below 1 MiB too */
#define LEAST_ROM    0x10000u
#define MOST_ROM     MIB(16)
#define READ_EXECUTE 5u

/* CMOS memory: where SeaBIOS reads boot order and processor count ("on emulators, get boot order from nvram"). */
#define CMOS_BOOT_FLAGS1 0x38u
#define CMOS_BOOT_FLAGS2 0x3du
#define CMOS_CPUS	 0x5fu
#define BOOT_DISK	 0x2u
#define BOOT_CD		 0x3u

static const struct ipl_file *usable(const char *name)
{
	const struct ipl_file *f = ipl_find_file(name);

	return f && f->status == 0 && f->data && f->size != 0 ? f : NULL;
}

bool firmware_has_bios(void)
{
	return usable(FIRMWARE_BIOS) != NULL;
}

/* Pages, and not more than fits between the interrupt controllers and 4 GiB. */
static bool good_size(uint64_t size)
{
	return size >= LEAST_ROM && size <= MOST_ROM && size % PAGE_SIZE == 0;
}

static void remove_rom(struct vm *vm)
{
	struct platform *p = &vm->devices->platform;

	/* without rights it would still hide a flash bank that lies where it was */
	if (p->rom_size != 0)
		machine_map(vm, ROW_ROM, 0, p->rom, 0, 0);
	p->rom_base = p->rom_size = 0;
}

/* The file's bytes at `base`, read and executed only. */
static bool put_rom(struct vm *vm, uint64_t base, const struct ipl_file *file)
{
	struct platform *p = &vm->devices->platform;

	remove_rom(vm);
	if (file->size > p->rom_room) {
		void *rom = machine_storage(vm, file->size);

		if (!rom)
			return false;
		p->rom = rom;
		p->rom_room = file->size;
	}
	memcpy(p->rom, file->data, file->size);
	p->rom_base = base;
	p->rom_size = file->size;
	machine_map(vm, ROW_ROM, base, p->rom, file->size, READ_EXECUTE);
	return true;
}

/* As the chipset decodes it after a reset: real mode's last 128 KiB are the ROM's. Here they are storage at once. */
static bool put_shadow(const struct ipl_job *job, const struct ipl_file *file)
{
	uint64_t n = file->size < SHADOW ? file->size : SHADOW;

	return ipl_put(job, FIRMWARE_HIGH - n, file->data + file->size - n, n);
}

/*
 * The storage as one run: the firmware knows what a PC has below 1 MiB. SeaBIOS is told of PCI configuration space too;
 * OVMF would find that it lies in the addresses that it gives to PCI, and finds it in the DSDT instead.
 */
static void describe_storage(struct vm *vm, bool uefi)
{
	struct platform *p = &vm->devices->platform;

	memory_range_put(p->e820, &(struct memory_range){ 0, vm->storage_size, E820_USABLE });
	memory_range_put(p->e820 + PLATFORM_E820, &(struct memory_range){ 0xe0000000, 0x10000000, E820_RESERVED });
	vfwcfg_add_file(&vm->devices->fwcfg, "etc/e820", p->e820, uefi ? PLATFORM_E820 : 2 * PLATFORM_E820);
}

static void describe_basics(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	struct vfwcfg *f = &d->fwcfg;

	vfwcfg_clear(f);
	vfwcfg_add(f, VFWCFG_UUID, d->platform.uuid, sizeof(d->platform.uuid));
	vfwcfg_add_number(f, VFWCFG_RAM_SIZE, vm->storage_size, 8);
	vfwcfg_add_number(f, VFWCFG_NOGRAPHIC, !d->platform.vga, 2);
	vfwcfg_add_number(f, VFWCFG_CPUS, 1, 2);
	vfwcfg_add_number(f, VFWCFG_MAX_CPUS, 1, 2);
	vfwcfg_add_number(f, VFWCFG_BOOT_MENU, 0, 2);
	vfwcfg_add_number(f, VFWCFG_IRQ0_OVERRIDE, 1, 1);
}

/* All that firmware asks for. There is room for every item: the unit test adds them all. */
static void describe(struct vm *vm, bool uefi, const struct firmware_boot *boot)
{
	/* S0, S3, S4 and S5 by index; bit 7 = may be used. No sleeping here. */
	static const uint8_t states[6] = { 0x80, 0, 0, 1, 2, 0x80 };
	struct vm_devices *d = vm->devices;
	struct platform *p = &d->platform;
	struct vfwcfg *f = &d->fwcfg;
	const struct ipl_file *vga = usable(FIRMWARE_VGABIOS);

	tables_build(vm, uefi);
	describe_basics(vm);
	describe_storage(vm, uefi);
	vfwcfg_add_file(f, ACPI_FILE_TABLES, p->acpi.run, p->acpi.size);
	vfwcfg_add_file(f, ACPI_FILE_RSDP, p->acpi.rsdp, ACPI_RSDP_SIZE);
	vfwcfg_add_file(f, ACPI_FILE_SCRIPT, p->script, acpi_script(&p->acpi, p->script, sizeof(p->script)));
	vfwcfg_add_file(f, "etc/smbios/smbios-tables", p->smbios.run, p->smbios.size);
	vfwcfg_add_file(f, "etc/smbios/smbios-anchor", p->smbios.entry, SMBIOS_ENTRY_SIZE);
	vfwcfg_add_file(f, "etc/system-states", states, sizeof(states));
	str_copy(p->boot_path, boot->path, sizeof(p->boot_path));
	if (p->boot_path[0] != '\0')
		vfwcfg_add_file(f, "bootorder", p->boot_path, (uint32_t)strlen(p->boot_path) + 1);
	/* No menu, no wait; without a system to boot SeaBIOS says so and stays, instead of a reset each minute. */
	vfwcfg_add_number_file(f, "etc/show-boot-menu", 0, 8);
	vfwcfg_add_number_file(f, "etc/boot-fail-wait", 0xffffffff, 4);
	/* The console of the machine is its first serial port: what the BIOS prints is seen there too. */
	if (!p->vga)	/* without a display what it prints goes to COM1 */
		vfwcfg_add_number_file(f, "etc/sercon-port", 0x3f8, 8);
	/* By its PCI name, so that SeaBIOS tells the VGA BIOS which function it belongs to. */
	if (p->vga && vga && vga->size <= 0x10000)
		vfwcfg_add_file(f, "pci1234,1111.rom", vga->data, (uint32_t)vga->size);
	vrtc_set_cmos(&d->rtc, CMOS_CPUS, 0);
	vrtc_set_cmos(&d->rtc, CMOS_BOOT_FLAGS1, 0);
	vrtc_set_cmos(&d->rtc, CMOS_BOOT_FLAGS2, boot->cd ? BOOT_DISK << 4 | BOOT_CD : BOOT_CD << 4 | BOOT_DISK);
}

/* A file of the firmware's own: messages name it instead of the system. */
static int fail_file(const struct ipl_job *job, enum ipl_message message, const char *file, uint64_t a, uint64_t b)
{
	return ipl_tell(job->why, job->room, message, file, a, b);
}

static int check_machine(const struct ipl_job *job)
{
	uint64_t b = job->vm->storage_size;

	return b < FIRMWARE_LEAST ? ipl_fail(job, IPL_TOO_LITTLE_STORAGE, FIRMWARE_LEAST >> 10, b >> 10) : 0;
}

int firmware_bios(const struct ipl_job *job, const struct firmware_boot *boot)
{
	const struct ipl_file *bios = usable(FIRMWARE_BIOS);
	int result = check_machine(job);

	if (result != 0)
		return result;
	if (!bios)
		return ipl_fail(job, IPL_FW_NO_BIOS, 0, 0);
	if (!good_size(bios->size))
		return fail_file(job, IPL_FW_SIZE, bios->name, bios->size, MOST_ROM);
	vflash_remove(&job->vm->devices->flash);
	if (!put_rom(job->vm, TOP - bios->size, bios))
		return fail_file(job, IPL_FW_NO_STORAGE, bios->name, bios->size >> 10, 0);
	if (!put_shadow(job, bios))
		return ipl_fail(job, IPL_NOT_STORED, SHADOW, FIRMWARE_HIGH - SHADOW);
	describe(job->vm, false, boot);
	return 0;
}

/* The same file at the same place keeps what the guest has written into it since logon. */
static int put_flash(const struct ipl_job *job, const struct ipl_file *file, uint64_t base)
{
	struct platform *p = &job->vm->devices->platform;
	bool fresh = strcmp(p->flash_file, file->name) != 0;
	int e = vflash_insert(&job->vm->devices->flash, base, file->data, file->size, fresh);

	if (e == -ENOMEM)
		return fail_file(job, IPL_FW_NO_STORAGE, file->name, file->size >> 10, 0);
	if (e != 0)
		return fail_file(job, IPL_FW_NO_PLACE, file->name, base, 0);
	str_copy(p->flash_file, file->name, sizeof(p->flash_file));
	return 0;
}

int firmware_uefi(const struct ipl_job *job, const struct firmware_boot *boot)
{
	const struct ipl_file *code = usable(FIRMWARE_OVMF_CODE), *vars = usable(FIRMWARE_OVMF_VARS);
	int result = check_machine(job);

	if (result != 0)
		return result;
	if (!code || !vars)
		return ipl_fail(job, IPL_FW_NO_OVMF, 0, 0);
	if (!good_size(code->size))
		return fail_file(job, IPL_FW_SIZE, code->name, code->size, MOST_ROM);
	if (!good_size(vars->size) || vars->size > MOST_ROM - code->size)
		return fail_file(job, IPL_FW_SIZE, vars->name, vars->size, MOST_ROM);
	result = put_flash(job, vars, TOP - code->size - vars->size);
	if (result != 0)
		return result;
	if (!put_rom(job->vm, TOP - code->size, code))
		return fail_file(job, IPL_FW_NO_STORAGE, code->name, code->size >> 10, 0);
	describe(job->vm, true, boot);
	return 0;
}

/* A UEFI firmware volume begins with its header, the signature 28h bytes on. */
static bool is_uefi(const struct ipl_file *file)
{
	return memcmp(file->data + 0x28, "_FVH", 4) == 0;
}

int firmware_flash(const struct ipl_job *job)
{
	const struct ipl_file *file = job->image;
	const struct firmware_boot boot = { 0 };
	int result = check_machine(job);

	if (result != 0)
		return result;
	if (!good_size(file->size))
		return ipl_fail(job, IPL_FW_SIZE, file->size, MOST_ROM);
	remove_rom(job->vm);
	result = put_flash(job, file, TOP - file->size);
	if (result != 0)
		return result;
	if (!put_shadow(job, file))
		return ipl_fail(job, IPL_NOT_STORED, SHADOW, FIRMWARE_HIGH - SHADOW);
	describe(job->vm, is_uefi(file), &boot);
	return 0;
}

void firmware_remove(struct vm *vm)
{
	remove_rom(vm);
	vflash_remove(&vm->devices->flash);
	describe_basics(vm);
}
