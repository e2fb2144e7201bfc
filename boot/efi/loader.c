/* BOOTX64.EFI: reads VM/64's files from the volume it came from, and starts the kernel. */
/* Part: boot/efi, the way in from UEFI; this file is the order of events. */
#include "boot/efi/loader.h"

#include "boot/efi/elf.h"
#include "boot/efi/paging.h"
#include "lib/dirscan.h"

#define KERNEL_ALIGN 0x200000ull

_Static_assert(DIRSCAN_MAX_FILES < BOOT_MAX_MODULES, "room for the directory and all it names");
_Static_assert(DIRSCAN_NAME_LEN == BOOT_NAME_LEN, "names of one length");

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

static struct dirscan wanted;

static const CHAR16 *fault_text(uint32_t status)
{
	switch (status) {
	case BOOT_MODULE_MISSING:
		return L"is not on this volume";
	case BOOT_MODULE_TOO_BIG:
		return L"does not fit the storage";
	default:
		return L"cannot be read";
	}
}

static bool load_kernel(struct boot_info *bi, uint64_t *entry)
{
	struct boot_module file;
	struct elf_plan plan;
	const char *wrong;
	uint32_t i;

	volume_read("vm64.elf", &file);
	if (file.status != BOOT_MODULE_OK) {
		loader_say(L"the kernel \\vm64\\vm64.elf %s.", fault_text(file.status));
		return false;
	}
	wrong = elf_check((const void *)file.base, file.size, &plan);
	if (wrong) {
		loader_say(L"the kernel \\vm64\\vm64.elf %a.", wrong);
		return false;
	}
	bi->kernel_size = (plan.size + LOADER_PAGE - 1) & ~(LOADER_PAGE - 1);
	bi->kernel_base = storage_aligned(bi->kernel_size, KERNEL_ALIGN);
	if (bi->kernel_base == 0) {
		loader_say(L"no storage below 4 GiB for the kernel (%ld KiB).",
			   bi->kernel_size / 1024);
		return false;
	}
	BS->SetMem((void *)bi->kernel_base, bi->kernel_size, 0);
	for (i = 0; i < plan.count; i++) {
		const struct elf_segment *s = &plan.segments[i];

		BS->CopyMem((void *)(bi->kernel_base + s->offset),
			    (void *)(file.base + s->file_offset), s->file_size);
	}
	*entry = plan.entry;
	loader_say(L"kernel at %lx, %ld KiB.", bi->kernel_base, bi->kernel_size / 1024);
	storage_free(file.base, file.size);
	return true;
}

/* A file that cannot be had does not stop the start: the kernel tells the operator about it. */
static void load_module(struct boot_info *bi, const char *name, bool optional)
{
	struct boot_module *m = &bi->modules[bi->module_count];

	volume_read(name, m);
	if (optional && m->status == BOOT_MODULE_MISSING)
		return;
	bi->module_count++;
	if (m->status == BOOT_MODULE_OK)
		loader_say(L"%a, %ld bytes at %lx.", name, m->size, m->base);
	else
		loader_say(L"%a %s.", name, fault_text(m->status));
}

/* Disks are booted by firmware, files that no statement names: they are taken where they are on the volume. */
static void load_firmware(struct boot_info *bi)
{
	static const char *const names[] = { "seabios.bin", "vgabios.bin", "ovmf-code.fd", "ovmf-vars.fd" };

	_Static_assert(1 + DIRSCAN_MAX_FILES + sizeof(names) / sizeof(names[0]) <= BOOT_MAX_MODULES, "room for all");
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!dirscan_has(&wanted, names[i]))
			load_module(bi, names[i], true);
}

static void load_modules(struct boot_info *bi)
{
	const struct boot_module *directory = &bi->modules[0];
	uint32_t i;

	load_module(bi, "directory", false);
	if (directory->status != BOOT_MODULE_OK)
		return;
	dirscan_files((const char *)directory->base, directory->size, &wanted);
	for (i = 0; i < wanted.count; i++)
		load_module(bi, wanted.names[i], dirscan_is_address(wanted.names[i]));
	load_firmware(bi);
	if (wanted.bad_names)
		loader_say(L"the directory has %d IPL, INITRD or MDISK statements without a proper file name.",
			   wanted.bad_names);
	if (wanted.left_out)
		loader_say(L"the directory names %d files too many; they are left out.",
			   wanted.left_out);
}

static void load_command_line(struct boot_info *bi)
{
	struct boot_module parm;
	const char *text;
	uint32_t n = 0;
	uint64_t i;

	volume_read("parm", &parm);
	if (parm.status == BOOT_MODULE_MISSING)
		return;
	if (parm.status != BOOT_MODULE_OK) {
		loader_say(L"parm %s.", fault_text(parm.status));
		return;
	}
	text = (const char *)parm.base;
	for (i = 0; i < parm.size && n < BOOT_COMMAND_LINE - 1; i++) {
		if (text[i] == '\n' || text[i] == '\r' || text[i] == '\0')
			break;
		bi->command_line[n++] = text[i] == '\t' ? ' ' : text[i];
	}
	storage_free(parm.base, parm.size);
}

static bool build_tables(const struct boot_info *bi, struct paging_roots *roots)
{
	struct paging_wish wish = {
		.top = storage_top(),
		.large_gib = machine_has_gib_pages(),
		.kernel_base = bi->kernel_base,
		.kernel_size = bi->kernel_size,
	};
	uint64_t fb_end = bi->fb.base + (uint64_t)bi->fb.pitch * bi->fb.height;
	uint64_t tables;

	if (bi->fb.kind != BOOT_FB_NONE && fb_end > wish.top)
		wish.top = fb_end;
	/* CR3 is loaded by 32-bit code, see trampoline.asm. */
	tables = storage_pages(paging_pages_needed(&wish) * LOADER_PAGE, true);
	if (tables == 0)
		return false;
	*roots = paging_build(&wish, (void *)tables);
	return true;
}

static struct boot_info *new_boot_info(EFI_SYSTEM_TABLE *table)
{
	struct boot_info *bi = (struct boot_info *)storage_pages(sizeof(*bi), true);

	if (bi == 0)
		return 0;
	BS->SetMem(bi, sizeof(*bi), 0);
	bi->magic = BOOT_INFO_MAGIC;
	bi->version = BOOT_INFO_VERSION;
	bi->size = sizeof(*bi);
	bi->source = BOOT_FROM_UEFI;
	bi->efi_system_table = (uint64_t)table;
	bi->rsdp = machine_find_rsdp(table);
	return bi;
}

/* Returns only when the kernel cannot be started, after having said why. */
static void start(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	struct boot_info *bi = new_boot_info(table);
	struct paging_roots roots;
	uint64_t entry;

	if (bi == 0) {
		loader_say(L"no storage below 4 GiB.");
		return;
	}
	if (!volume_open(image))
		return;
	if (!load_kernel(bi, &entry))
		return;
	load_modules(bi);
	load_command_line(bi);
	volume_close();
	loader_say(L"ACPI's RSDP at %lx; taking the machine over.", bi->rsdp);
	screen_choose(&bi->fb);
	if (!handoff_prepare() || !build_tables(bi, &roots)) {
		loader_say(L"no storage below 4 GiB for the page tables.");
		return;
	}
	machine_stop_bus_masters();
	if (storage_leave_firmware(image, bi))
		handoff_go(&roots, entry, bi);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	UINTN which;

	InitializeLib(image, table);
	/* The firmware resets the machine after five minutes of an application otherwise. */
	BS->SetWatchdogTimer(0, 0, 0, 0);
	loader_say(L"reading \\vm64.");
	start(image, table);
	loader_say(L"VM/64 has not been started. Press any key to go back to the firmware.");
	ST->ConIn->Reset(ST->ConIn, FALSE);
	BS->WaitForEvent(1, &ST->ConIn->WaitForKey, &which);
	return EFI_LOAD_ERROR;
}
