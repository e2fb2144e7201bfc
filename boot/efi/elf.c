/* Checks the kernel's ELF file and says what goes where. */
/* Part: boot/efi; pure, so it is tested on the host. */
#include "boot/efi/elf.h"

#include <stdbool.h>

#include "boot/boot_info.h"

/* System V ABI, "Object Files": the parts of the format that a 64-bit program needs. */
struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_offset, section_offset;
	uint32_t flags;
	uint16_t header_size, program_entry_size, program_count;
	uint16_t section_entry_size, section_count, section_names;
};

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, virt, phys, file_size, mem_size, align;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF header");
_Static_assert(sizeof(struct elf_program) == 56, "ELF program header");

enum { CLASS_64 = 2, LITTLE_ENDIAN = 1, VERSION_1 = 1, TYPE_EXEC = 2, MACHINE_X86_64 = 62 };
enum { PROGRAM_LOAD = 1, PROGRAM_DYNAMIC = 2, PROGRAM_INTERPRETER = 3 };
enum { FLAG_EXECUTE = 1, FLAG_WRITE = 2 };

#define PAGE 4096ull

static const char *check_header(const struct elf_header *h, uint64_t size)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };
	unsigned int i;

	if (size < sizeof(*h))
		return "is too short for an ELF file";
	for (i = 0; i < sizeof(magic); i++) {
		if (h->ident[i] != magic[i])
			return "is not an ELF file";
	}
	if (h->ident[4] != CLASS_64)
		return "is not a 64-bit ELF file";
	if (h->ident[5] != LITTLE_ENDIAN || h->machine != MACHINE_X86_64)
		return "is not for x86-64";
	if (h->ident[6] != VERSION_1 || h->version != VERSION_1)
		return "is of an unknown ELF version";
	if (h->type != TYPE_EXEC)
		return "is not linked at a fixed address";
	if (h->header_size != sizeof(*h) || h->program_entry_size != sizeof(struct elf_program))
		return "has ELF headers of an unexpected size";
	if (h->program_count == 0)
		return "has nothing to load";
	if (h->program_offset > size || h->program_offset % 8 != 0 ||
	    h->program_count * sizeof(struct elf_program) > size - h->program_offset)
		return "is cut off in its program headers";
	return 0;
}

static const char *check_segment(const struct elf_program *p, uint64_t size,
				 const struct elf_plan *plan)
{
	if (p->file_size > p->mem_size)
		return "has a segment that is larger in the file than in storage";
	if (p->offset > size || p->file_size > size - p->offset)
		return "is cut off: a segment reaches beyond the end of the file";
	if (p->phys % PAGE != 0 || p->virt != p->phys + KERNEL_VIRT_BASE)
		return "is linked at another address than this loader expects";
	if (plan->count == 0 ? p->phys != ELF_KERNEL_LINK
			     : p->phys < ELF_KERNEL_LINK + plan->size)
		return "has segments in a wrong order or place";
	if (p->phys - ELF_KERNEL_LINK > ELF_KERNEL_MAX ||
	    p->mem_size > ELF_KERNEL_MAX - (p->phys - ELF_KERNEL_LINK))
		return "is larger than a kernel may be";
	if ((p->flags & FLAG_WRITE) && (p->flags & FLAG_EXECUTE))
		return "has a segment that is both writable and executable";
	if (plan->count == ELF_MAX_SEGMENTS)
		return "has too many segments";
	return 0;
}

const char *elf_check(const void *file, uint64_t size, struct elf_plan *plan)
{
	const struct elf_header *h = file;
	const struct elf_program *p;
	const char *wrong = check_header(h, size);
	bool entry_found = false;
	unsigned int i;

	if (wrong)
		return wrong;
	plan->entry = h->entry;
	plan->size = 0;
	plan->count = 0;
	p = (const struct elf_program *)((const uint8_t *)file + h->program_offset);
	for (i = 0; i < h->program_count; i++, p++) {
		if (p->type == PROGRAM_DYNAMIC || p->type == PROGRAM_INTERPRETER)
			return "wants a dynamic linker";
		if (p->type != PROGRAM_LOAD || p->mem_size == 0)
			continue;
		wrong = check_segment(p, size, plan);
		if (wrong)
			return wrong;
		plan->segments[plan->count++] = (struct elf_segment){
			.file_offset = p->offset,
			.file_size = p->file_size,
			.offset = p->phys - ELF_KERNEL_LINK,
			.size = p->mem_size,
		};
		plan->size = p->phys - ELF_KERNEL_LINK + p->mem_size;
		if ((p->flags & FLAG_EXECUTE) && h->entry >= p->virt &&
		    h->entry - p->virt < p->file_size)
			entry_found = true;
	}
	if (plan->count == 0)
		return "has nothing to load";
	if (!entry_found)
		return "starts outside its own code";
	return 0;
}
