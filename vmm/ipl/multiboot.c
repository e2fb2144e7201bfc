/* Multiboot 1 images ("Multiboot Specification version 0.6.96"), ELF or a.out-kludge. */
/* Part: ipl/; the machine is left in 32-bit flat protected mode at the image's entry. */
#include "vmm/ipl/job.h"

#include "lib/string.h"

#define SEARCH	       8192u /* the header lies wholly in these first bytes */
#define HEADER_MAGIC   0x1badb002u
#define LOADED_MAGIC   0x2badb002u
#define FLAG_ALIGN     0x1u
#define FLAG_MEMORY    0x2u
#define FLAG_VIDEO     0x4u
#define FLAG_REQUIRED  0xffffu /* what is set here has to be known to us */
#define FLAG_ADDRESSES 0x10000u

#define ELF_MAGIC   0x464c457fu
#define ELF_LOAD    1u
#define PIECES	    32u /* program headers that load something */
#define MAX_ADDRESS GIB(4)

/* The information area: structure, map, one module, then the strings. */
#define INFO_MAP	  0x80u
#define INFO_MODULE	  0xe0u
#define INFO_NAME	  0xf0u
#define INFO_TEXT	  0x100u
#define INFO_MEM	  0x1u
#define INFO_COMMAND_LINE 0x4u
#define INFO_MODULES	  0x8u
#define INFO_MMAP	  0x40u
#define INFO_LOADER_NAME  0x200u
#define INFO_GDT	  0x900u /* after the strings */
#define INFO_SIZE	  0x1000u
#define TEXT_ROOM	  0x200u /* each of the two strings; a PARM has 255 characters at most */

struct piece {
	uint64_t at, file, bytes, zeros;
};

struct image {
	uint64_t header; /* file offset */
	uint32_t flags;
	uint64_t entry;
	struct piece pieces[PIECES];
	uint32_t count;
};

static uint64_t search_end(uint64_t size)
{
	return size < SEARCH ? size : SEARCH;
}

/* File offset of the first header with a right sum; UINT64_MAX = none, *wrong = a magic whose sum
 * is wrong. */
static uint64_t find_header(const uint8_t *d, uint64_t size, uint64_t *wrong)
{
	uint64_t end = search_end(size), at;

	*wrong = UINT64_MAX;
	for (at = 0; at + 12 <= end; at += 4) {
		if (ipl_u32(d + at) != HEADER_MAGIC)
			continue;
		if (ipl_u32(d + at) + ipl_u32(d + at + 4) + ipl_u32(d + at + 8) == 0)
			return at;
		if (*wrong == UINT64_MAX)
			*wrong = at;
	}
	return UINT64_MAX;
}

bool multiboot_looks_like(const uint8_t *data, uint64_t size)
{
	uint64_t wrong;

	/* Nothing but multiboot can be done with an ELF file, so a broken one is told about here.
	 */
	return (size >= 4 && ipl_u32(data) == ELF_MAGIC) ||
	       find_header(data, size, &wrong) != UINT64_MAX;
}

static int check_header(const struct ipl_job *job, struct image *im)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, wrong;

	im->header = find_header(d, size, &wrong);
	if (im->header == UINT64_MAX && wrong != UINT64_MAX)
		return ipl_fail(job, IPL_MB_CHECKSUM, wrong, ipl_u32(d + wrong + 8));
	if (im->header == UINT64_MAX)
		return ipl_fail(job, IPL_MB_NO_HEADER, search_end(size), 0);
	im->flags = ipl_u32(d + im->header + 4);
	if (im->flags & FLAG_VIDEO)
		return ipl_fail(job, IPL_MB_VIDEO, im->header, 0);
	if (im->flags & FLAG_REQUIRED & ~(FLAG_ALIGN | FLAG_MEMORY))
		return ipl_fail(job, IPL_MB_FEATURE, im->header, im->flags);
	if ((im->flags & FLAG_ADDRESSES) && im->header + 32 > search_end(size))
		return ipl_fail(job, IPL_MB_CUT_HEADER, im->header, size);
	return 0;
}

static int add_piece(const struct ipl_job *job, struct image *im, const struct piece *p)
{
	uint64_t total = p->bytes + p->zeros;

	if (total < p->bytes || p->at >= MAX_ADDRESS ||
	    !ipl_inside(p->at, total, job->vm->storage_size))
		return ipl_fail(job, IPL_MB_OUTSIDE, total, p->at);
	if (!ipl_inside(p->file, p->bytes, job->image->size))
		return ipl_fail(job, IPL_MB_DATA_CUT, p->bytes, p->file);
	if (im->count == PIECES)
		return ipl_fail(job, IPL_MB_ELF_HEADERS, im->count, p->file);
	im->pieces[im->count++] = *p;
	return 0;
}

static bool loaded(const struct image *im, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < im->count; i++)
		if (address >= im->pieces[i].at && address - im->pieces[i].at < im->pieces[i].bytes)
			return true;
	return false;
}

/* The address fields of the header ("a.out kludge"): where one run of the file goes. */
static int read_addresses(const struct ipl_job *job, struct image *im)
{
	const uint8_t *h = job->image->data + im->header;
	uint64_t header = ipl_u32(h + 12), load = ipl_u32(h + 16), load_end = ipl_u32(h + 20);
	uint64_t bss_end = ipl_u32(h + 24), offset;
	struct piece p;
	int result;

	/* The header must lie at header_addr, so the load begins that much before it in the file.
	 */
	if (header < load || header - load > im->header)
		return ipl_fail(job, IPL_MB_ADDRESSES, load, header);
	offset = im->header - (header - load);
	p.at = load;
	p.file = offset;
	p.bytes = load_end ? load_end - load : job->image->size - offset;
	if (load_end != 0 && load_end < load)
		return ipl_fail(job, IPL_MB_ADDRESSES, load, header);
	if (bss_end != 0 && bss_end < load + p.bytes)
		return ipl_fail(job, IPL_MB_ADDRESSES, load, header);
	p.zeros = bss_end ? bss_end - (load + p.bytes) : 0;
	result = add_piece(job, im, &p);
	im->entry = ipl_u32(h + 28);
	return result;
}

/* One program header, of either class, in one shape. */
struct program_header {
	uint32_t type;
	uint64_t offset, virtual, physical, file_size, memory_size;
};

static struct program_header program_header(const uint8_t *p, bool wide)
{
	struct program_header h = {.type = ipl_u32(p)};

	if (wide) {
		h.offset = ipl_u64(p + 8);
		h.virtual = ipl_u64(p + 16);
		h.physical = ipl_u64(p + 24);
		h.file_size = ipl_u64(p + 32);
		h.memory_size = ipl_u64(p + 40);
	} else {
		h.offset = ipl_u32(p + 4);
		h.virtual = ipl_u32(p + 8);
		h.physical = ipl_u32(p + 12);
		h.file_size = ipl_u32(p + 16);
		h.memory_size = ipl_u32(p + 20);
	}
	return h;
}

/* e_entry is a virtual address; where the image is linked elsewhere than loaded, it is brought
 * down. */
static uint64_t entry_of(uint64_t entry, const struct program_header *h)
{
	if (entry >= h->virtual && entry - h->virtual < h->memory_size)
		return h->physical + (entry - h->virtual);
	return UINT64_MAX;
}

static int read_elf(const struct ipl_job *job, struct image *im)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, table, entry, step, found = UINT64_MAX;
	uint32_t count, i, machine;
	bool wide;
	int result;

	if (size < 64 || ipl_u32(d) != ELF_MAGIC)
		return ipl_fail(job, IPL_MB_NO_ELF, 0, 0);
	wide = d[4] == 2;
	machine = ipl_u16(d + 18);
	/* Data encoding 1: little-endian. Machines 3 and 62: 386 and x86-64. */
	if ((d[4] != 1 && d[4] != 2) || d[5] != 1 || (machine != 3 && machine != 62))
		return ipl_fail(job, IPL_MB_ELF_MACHINE, d[4], machine);
	entry = wide ? ipl_u64(d + 24) : ipl_u32(d + 24);
	table = wide ? ipl_u64(d + 32) : ipl_u32(d + 28);
	step = ipl_u16(d + (wide ? 54 : 42));
	count = ipl_u16(d + (wide ? 56 : 44));
	if (step < (wide ? 56u : 32u) || !ipl_inside(table, step * count, size))
		return ipl_fail(job, IPL_MB_ELF_HEADERS, count, table);
	for (i = 0; i < count; i++) {
		struct program_header h = program_header(d + table + i * step, wide);
		struct piece p = {h.physical, h.offset, h.file_size, h.memory_size - h.file_size};

		if (h.type != ELF_LOAD || h.memory_size == 0)
			continue;
		if (h.memory_size < h.file_size)
			return ipl_fail(job, IPL_MB_ELF_HEADERS, count, table);
		result = add_piece(job, im, &p);
		if (result != 0)
			return result;
		if (found == UINT64_MAX)
			found = entry_of(entry, &h);
	}
	if (im->count == 0)
		return ipl_fail(job, IPL_MB_ELF_NOTHING, 0, 0);
	/* Some images name the physical entry although they are linked high. */
	im->entry = found != UINT64_MAX ? found : entry;
	return 0;
}

static int read_image(const struct ipl_job *job, struct image *im)
{
	int result = check_header(job, im);

	if (result == 0)
		result = im->flags & FLAG_ADDRESSES ? read_addresses(job, im) : read_elf(job, im);
	if (result == 0 && !loaded(im, im->entry))
		result = ipl_fail(job, IPL_MB_ENTRY, im->entry, 0);
	return result;
}

static bool touches(const struct image *im, uint64_t at, uint64_t size)
{
	uint32_t i;

	for (i = 0; i < im->count; i++) {
		const struct piece *p = &im->pieces[i];

		if (at < p->at + p->bytes + p->zeros && p->at < at + size)
			return true;
	}
	return false;
}

/* Highest page-aligned place in [from, end) that the image leaves free; 0 = none. */
static uint64_t place(const struct image *im, uint64_t from, uint64_t end, uint64_t size)
{
	uint64_t at;

	if (end < size)
		return 0;
	at = align_down(end - size, PAGE_SIZE);
	while (at >= from && at != 0) {
		uint64_t lowest = at;
		uint32_t i;

		if (!touches(im, at, size))
			return at;
		/* Go below everything that is in the way here. */
		for (i = 0; i < im->count; i++) {
			const struct piece *p = &im->pieces[i];
			uint64_t below = p->at < size ? 0 : align_down(p->at - size, PAGE_SIZE);

			if (at < p->at + p->bytes + p->zeros && p->at < at + size && below < lowest)
				lowest = below;
		}
		at = lowest;
	}
	return 0;
}

static bool put_image(const struct ipl_job *job, const struct image *im, struct piece *failed)
{
	uint32_t i;

	for (i = 0; i < im->count; i++) {
		const struct piece *p = &im->pieces[i];

		*failed = *p;
		if (!ipl_put(job, p->at, job->image->data + p->file, p->bytes) ||
		    !ipl_clear(job, p->at + p->bytes, p->zeros))
			return false;
	}
	return true;
}

static uint32_t put_map(uint8_t *to, uint64_t b)
{
	const uint64_t map[3][3] = {
	    {0, IPL_LOW_END, 1},
	    {IPL_LOW_END, IPL_HIGH_START - IPL_LOW_END, 2},
	    {IPL_HIGH_START, b - IPL_HIGH_START, 1},
	};
	uint32_t i;

	for (i = 0; i < 3; i++, to += 24) {
		ipl_set32(to, 20);
		ipl_set64(to + 4, map[i][0]);
		ipl_set64(to + 12, map[i][1]);
		ipl_set32(to + 20, map[i][2]);
	}
	return 3 * 24;
}

/* "FILE PARM", as GRUB hands it over. */
static void command_line(char *to, size_t room, const char *file, const char *parm)
{
	size_t n = strlen(file);

	str_copy(to, file, room);
	if (parm && parm[0] != '\0' && n + 1 < room) {
		to[n] = ' ';
		str_copy(to + n + 1, parm, room - n - 1);
	}
}

static bool put_info(const struct ipl_job *job, uint64_t at, uint64_t module)
{
	uint64_t b = job->vm->storage_size;
	uint8_t info[INFO_TEXT] = {0};
	uint32_t flags = INFO_MEM | INFO_COMMAND_LINE | INFO_MMAP | INFO_LOADER_NAME;
	char text[TEXT_ROOM];

	ipl_set32(info + 4, IPL_LOW_END >> 10);
	ipl_set32(info + 8, (b - IPL_HIGH_START) >> 10);
	ipl_set32(info + 16, at + INFO_TEXT);
	ipl_set32(info + 44, put_map(info + INFO_MAP, b));
	ipl_set32(info + 48, at + INFO_MAP);
	ipl_set32(info + 64, at + INFO_NAME);
	memcpy(info + INFO_NAME, "VM/64", 6);
	if (job->initrd) {
		flags |= INFO_MODULES;
		ipl_set32(info + 20, 1);
		ipl_set32(info + 24, at + INFO_MODULE);
		ipl_set32(info + INFO_MODULE, module);
		ipl_set32(info + INFO_MODULE + 4, module + job->initrd->size);
		ipl_set32(info + INFO_MODULE + 8, at + INFO_TEXT + TEXT_ROOM);
		str_copy(text, job->initrd->name, sizeof(text));
		if (!ipl_put(job, at + INFO_TEXT + TEXT_ROOM, text, strlen(text) + 1))
			return false;
	}
	ipl_set32(info, flags);
	command_line(text, sizeof(text), job->image->name, job->request->parm);
	return ipl_put(job, at, info, sizeof(info)) &&
	       ipl_put(job, at + INFO_TEXT, text, strlen(text) + 1);
}

static bool put_gdt(const struct ipl_job *job, uint64_t at)
{
	uint8_t gdt[32] = {0};

	ipl_set64(gdt + 0x10, 0x00cf9b000000ffffull);
	ipl_set64(gdt + 0x18, 0x00cf93000000ffffull);
	return ipl_put(job, at, gdt, sizeof(gdt));
}

/* Specification, "Machine state". */
static void set_registers(struct vm *vm, const struct image *im, uint64_t info)
{
	struct arch_vcpu *av = &vm->av;

	arch_vcpu_set(av, VREG_CR0, 0x11); /* ET, PE */
	ipl_flat_segments(vm, false);
	arch_vcpu_set(av, VREG_GDTR_BASE, info + INFO_GDT);
	arch_vcpu_set(av, VREG_GDTR_LIMIT, 31);
	arch_vcpu_set(av, VREG_RFLAGS, 2);
	arch_vcpu_set(av, VREG_RSP, info + INFO_SIZE);
	arch_vcpu_set(av, VREG_RIP, im->entry);
	memset(av->gpr, 0, sizeof(av->gpr));
	av->gpr[RAX] = LOADED_MAGIC;
	av->gpr[RBX] = info;
}

int multiboot_load(const struct ipl_job *job)
{
	uint64_t b = job->vm->storage_size, info, module = 0;
	struct image im = {0};
	struct piece failed;
	const char *parm = job->request->parm ? job->request->parm : "";
	int result;

	if (b <= IPL_HIGH_START)
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, (IPL_HIGH_START >> 10) + 1, b >> 10);
	if (strlen(job->image->name) + 1 + strlen(parm) >= TEXT_ROOM)
		return ipl_fail(job, IPL_PARM_TOO_LONG, strlen(parm), TEXT_ROOM - 49);
	result = read_image(job, &im);
	if (result != 0)
		return result;
	info = place(&im, 0x8000, IPL_LOW_END, INFO_SIZE);
	if (info == 0)
		return ipl_fail(job, IPL_MB_NO_PLACE, INFO_SIZE, 0);
	if (job->initrd) {
		module = place(&im, IPL_HIGH_START, b, job->initrd->size);
		if (module == 0)
			return ipl_fail(job, IPL_INITRD_TOO_BIG, (job->initrd->size + 1023) >> 10,
					b >> 10);
	}
	if (!put_image(job, &im, &failed))
		return ipl_fail(job, IPL_NOT_STORED, failed.bytes + failed.zeros, failed.at);
	if (!put_info(job, info, module) || !put_gdt(job, info + INFO_GDT))
		return ipl_fail(job, IPL_NOT_STORED, INFO_SIZE, info);
	if (job->initrd && !ipl_put(job, module, job->initrd->data, job->initrd->size))
		return ipl_fail(job, IPL_NOT_STORED, job->initrd->size, module);
	set_registers(job->vm, &im, info);
	return 0;
}
