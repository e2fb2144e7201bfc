/* The jump from UEFI's tables to the kernel's. */
/* Part: boot/efi, the last thing that the loader does. */
#include "boot/efi/loader.h"

#include <stddef.h>

#include "boot/efi/paging.h"

#define CR4_LA57 (1ull << 12)

/* The head of the page that trampoline.asm describes; it knows these offsets. */
struct handoff_page {
	uint64_t entry;
	uint64_t boot_info;
	uint32_t level4;
	uint32_t reserved;
};
_Static_assert(offsetof(struct handoff_page, entry) == 0, "PAGE_ENTRY of trampoline.asm");
_Static_assert(offsetof(struct handoff_page, boot_info) == 8, "PAGE_BOOT_INFO of trampoline.asm");
_Static_assert(offsetof(struct handoff_page, level4) == 16, "PAGE_LEVEL4 of trampoline.asm");

extern const uint8_t trampoline_start[], trampoline_end[];
void trampoline_enter(uint64_t page, uint64_t root) __attribute__((noreturn));

static uint64_t page;

bool handoff_prepare(void)
{
	page = storage_pages(LOADER_PAGE, true);
	if (page == 0)
		return false;
	BS->CopyMem((void *)page, (void *)(uintptr_t)trampoline_start,
		    (UINTN)(trampoline_end - trampoline_start));
	return true;
}

void handoff_go(const struct paging_roots *roots, uint64_t entry, struct boot_info *bi)
{
	struct handoff_page *head = (struct handoff_page *)page;
	uint64_t cr4;

	head->entry = entry;
	head->boot_info = (uint64_t)bi;
	head->level4 = (uint32_t)roots->level4;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	/* In 64-bit mode the number of levels is fixed, so the first tables must have as many. */
	trampoline_enter(page, cr4 & CR4_LA57 ? roots->level5 : roots->level4);
}
