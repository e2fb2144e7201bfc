/* Storage under UEFI: pages, the memory map, and the end of boot services. */
/* Part: boot/efi, the way in from UEFI. */
#include "boot/efi/loader.h"

#include "boot/memmap.h"

/* The map may grow between asking for its size and having a place for it. */
#define SPARE_DESCRIPTORS 8
#define EXIT_ATTEMPTS 3

static struct memmap work_map;

static UINTN page_count(uint64_t bytes)
{
	uint64_t pages = bytes / LOADER_PAGE + (bytes % LOADER_PAGE != 0);

	return pages ? pages : 1;
}

uint64_t storage_pages(uint64_t bytes, bool must_be_low)
{
	EFI_PHYSICAL_ADDRESS at = LOADER_4GIB - 1;

	if (!EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, page_count(bytes),
					 &at)))
		return at;
	if (must_be_low || EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData,
						       page_count(bytes), &at)))
		return 0;
	return at;
}

void storage_free(uint64_t base, uint64_t bytes)
{
	BS->FreePages(base, page_count(bytes));
}

uint64_t storage_aligned(uint64_t bytes, uint64_t align)
{
	uint64_t pages = page_count(bytes);
	uint64_t spare = align / LOADER_PAGE;
	uint64_t raw = storage_pages((pages + spare) * LOADER_PAGE, true);
	uint64_t base;

	if (raw == 0)
		return 0;
	base = (raw + align - 1) & ~(align - 1);
	if (base > raw)
		BS->FreePages(raw, (base - raw) / LOADER_PAGE);
	BS->FreePages(base + pages * LOADER_PAGE, spare - (base - raw) / LOADER_PAGE);
	return base;
}

struct firmware_map {
	EFI_MEMORY_DESCRIPTOR *first;
	UINTN room, size, step, key;
	UINT32 version;
};

static bool map_room(struct firmware_map *m)
{
	m->room = 0;
	m->step = sizeof(EFI_MEMORY_DESCRIPTOR);
	if (BS->GetMemoryMap(&m->room, 0, &m->key, &m->step, &m->version) != EFI_BUFFER_TOO_SMALL)
		return false;
	m->room += SPARE_DESCRIPTORS * m->step;
	m->room = page_count(m->room) * LOADER_PAGE;
	m->first = (EFI_MEMORY_DESCRIPTOR *)storage_pages(m->room, false);
	return m->first != 0;
}

static EFI_STATUS map_read(struct firmware_map *m)
{
	m->size = m->room;
	return BS->GetMemoryMap(&m->size, m->first, &m->key, &m->step, &m->version);
}

static EFI_MEMORY_DESCRIPTOR *map_entry(const struct firmware_map *m, UINTN i)
{
	return (EFI_MEMORY_DESCRIPTOR *)((uint8_t *)m->first + i * m->step);
}

/* UEFI Specification, "Memory Type Usage after ExitBootServices()". */
static enum boot_mem_kind kind_of(UINT32 type)
{
	switch (type) {
	case EfiConventionalMemory:
	case EfiBootServicesCode:
	case EfiBootServicesData:
		return BOOT_MEM_FREE;
	case EfiLoaderCode:
	case EfiLoaderData:
		return BOOT_MEM_LOADER;
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
		return BOOT_MEM_ACPI;
	case EfiMemoryMappedIO:
	case EfiMemoryMappedIOPortSpace:
		return BOOT_MEM_MMIO;
	default:
		return BOOT_MEM_RESERVED;
	}
}

static bool is_ram(UINT32 type)
{
	enum boot_mem_kind kind = kind_of(type);

	return kind == BOOT_MEM_FREE || kind == BOOT_MEM_LOADER || kind == BOOT_MEM_ACPI ||
	       type == EfiRuntimeServicesCode || type == EfiRuntimeServicesData;
}

uint64_t storage_top(void)
{
	struct firmware_map m;
	uint64_t top = 0;
	UINTN i;

	if (!map_room(&m))
		return 0;
	if (!EFI_ERROR(map_read(&m))) {
		for (i = 0; i < m.size / m.step; i++) {
			const EFI_MEMORY_DESCRIPTOR *d = map_entry(&m, i);
			uint64_t end = d->PhysicalStart + d->NumberOfPages * LOADER_PAGE;

			if (is_ram(d->Type) && end > top)
				top = end;
		}
	}
	storage_free((uint64_t)m.first, m.room);
	return top;
}

static bool translate(const struct firmware_map *m, struct boot_info *bi)
{
	UINTN i;

	memmap_reset(&work_map);
	for (i = 0; i < m->size / m->step; i++) {
		const EFI_MEMORY_DESCRIPTOR *d = map_entry(m, i);

		memmap_add(&work_map, d->PhysicalStart, d->NumberOfPages * LOADER_PAGE,
			   kind_of(d->Type));
	}
	memmap_add(&work_map, bi->kernel_base, bi->kernel_size, BOOT_MEM_KERNEL);
	for (i = 0; i < bi->module_count; i++) {
		const struct boot_module *module = &bi->modules[i];

		/* An empty file has a page of its own, too. */
		if (module->status == BOOT_MODULE_OK)
			memmap_add(&work_map, module->base, module->size ? module->size : 1,
				   BOOT_MEM_MODULE);
	}
	return memmap_finish(&work_map, bi);
}

bool storage_leave_firmware(EFI_HANDLE image, struct boot_info *bi)
{
	struct firmware_map m;
	EFI_STATUS status = EFI_OUT_OF_RESOURCES;
	unsigned int attempt;

	if (!map_room(&m)) {
		loader_say(L"no storage for the firmware's memory map.");
		return false;
	}
	/*
	 * UEFI Specification, "EFI_BOOT_SERVICES.ExitBootServices()": a call with a stale key fails
	 * and may already have stopped part of the firmware, so nothing but the map and the call
	 * itself is repeated. Nothing here prints before the last attempt has failed.
	 */
	for (attempt = 0; attempt < EXIT_ATTEMPTS; attempt++) {
		status = map_read(&m);
		if (EFI_ERROR(status))
			break;
		if (!translate(&m, bi)) {
			loader_say(L"the firmware's memory map has too many pieces.");
			return false;
		}
		status = BS->ExitBootServices(image, m.key);
		if (!EFI_ERROR(status))
			return true;
	}
	loader_say(L"the firmware does not let go of the machine: %r.", status);
	return false;
}
