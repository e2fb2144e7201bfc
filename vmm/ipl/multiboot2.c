/* Multiboot 2 images ("Multiboot2 Specification version 2.0"): ELF or by the addresses in the header, movable or not. */
/* Part: ipl/; multiboot.c chooses between the versions. */
#include "vmm/ipl/image.h"

#include "lib/string.h"
#include "vmm/firmware/memory_map.h"
#include "vmm/ipl/tables.h"
#include "vmm/machine/pc.h"

#define SEARCH	     32768u
#define HEADER_MAGIC 0xe85250d6u
#define LOADED_MAGIC 0x36d76289u
#define HEADER_SIZE  16u
#define OPTIONAL     0x1u

enum header_tag {
	TAG_END, TAG_REQUEST, TAG_ADDRESSES, TAG_ENTRY, TAG_CONSOLE, TAG_FRAMEBUFFER, TAG_MODULE_ALIGN, TAG_EFI_SERVICES,
	TAG_EFI32_ENTRY, TAG_EFI64_ENTRY, TAG_RELOCATABLE, HEADER_TAGS
};

/* Bytes that a tag of each kind has at least. */
static const uint8_t least[HEADER_TAGS] = { 8, 8, 24, 12, 12, 20, 8, 8, 12, 12, 24 };

enum info_tag {
	INFO_END = 0, INFO_COMMAND_LINE = 1, INFO_LOADER_NAME = 2, INFO_MODULE = 3, INFO_MEMORY = 4, INFO_MAP = 6,
	INFO_VBE = 7, INFO_FRAMEBUFFER = 8, INFO_SECTIONS = 9, INFO_RSDP_OLD = 14, INFO_RSDP_NEW = 15, INFO_LOAD_BASE = 21,
};

#define CONSOLE_REQUIRED 0x1u
#define CONSOLE_TEXT	 0x2u
#define MOST_COLUMNS	 132u

#define MOST_SECTIONS 1024u
#define MOST_PLACED   8u /* symbols, strings, and what else a debugger wants */
#define SECTION_NOBITS 8u

/* All tags but the sections: strings, map, module, screen, RSDPs. */
#define FIXED_INFO 0xc00u
#define GDT_ROOM   64u
#define STACK_ROOM 0x400u

struct wishes {
	const uint8_t *addresses, *relocatable, *entry, *framebuffer;
	uint32_t console;
	bool framebuffer_optional;
	uint64_t load_base;	/* of a movable image, when it has its place */
};

/* The section headers of an ELF file, and where those that nobody loads otherwise have been put. count 0 = none. */
struct sections {
	const uint8_t *table;
	uint32_t count, size, names;
	bool wide;
	struct { uint32_t number; uint64_t at; } placed[MOST_PLACED];
	uint32_t placed_count;
};

static uint64_t search_end(uint64_t size)
{
	return size < SEARCH ? size : SEARCH;
}

static uint64_t find_header(const uint8_t *d, uint64_t size, uint64_t *wrong)
{
	uint64_t end = search_end(size), at;

	*wrong = UINT64_MAX;
	for (at = 0; at + HEADER_SIZE <= end; at += 8) {
		if (ipl_u32(d + at) != HEADER_MAGIC)
			continue;
		if (ipl_u32(d + at) + ipl_u32(d + at + 4) + ipl_u32(d + at + 8) + ipl_u32(d + at + 12) == 0)
			return at;
		if (*wrong == UINT64_MAX)
			*wrong = at;
	}
	return UINT64_MAX;
}

bool multiboot2_looks_like(const uint8_t *data, uint64_t size)
{
	uint64_t wrong;

	return find_header(data, size, &wrong) != UINT64_MAX || wrong != UINT64_MAX;
}

/* Can we tell the image this? */
static bool can_tell(const struct ipl_job *job, uint32_t type, bool movable)
{
	switch (type) {
	case INFO_COMMAND_LINE:
	case INFO_LOADER_NAME:
	case INFO_MODULE:
	case INFO_MEMORY:
	case INFO_MAP:
	case INFO_RSDP_OLD:
	case INFO_RSDP_NEW:
		return true;
	case INFO_SECTIONS:
		return ipl_u32(job->image->data) == IMAGE_ELF_MAGIC;
	case INFO_FRAMEBUFFER:
		return job->vm->devices->platform.vga;
	case INFO_LOAD_BASE:
		return movable;
	default:
		return false;
	}
}

static int check_request(const struct ipl_job *job, const uint8_t *tag, uint32_t size, bool movable)
{
	for (uint32_t i = 8; i + 4 <= size; i += 4)
		if (!can_tell(job, ipl_u32(tag + i), movable))
			return ipl_fail(job, IPL_MB2_REQUEST, ipl_u32(tag + i), 0);
	return 0;
}

/* Notes one tag. `request` is judged at the end, when all the others are known. */
static int take_tag(const struct ipl_job *job, const uint8_t *tag, uint32_t size, struct wishes *w)
{
	uint32_t type = ipl_u16(tag), flags = ipl_u16(tag + 2);

	if (type >= HEADER_TAGS)
		return flags & OPTIONAL ? 0 : ipl_fail(job, IPL_MB2_TAG, type, size);
	if (size < least[type])
		return ipl_fail(job, IPL_MB2_BROKEN, type, size);
	switch (type) {
	case TAG_ADDRESSES:
		w->addresses = tag;
		break;
	case TAG_ENTRY:
		w->entry = tag;
		break;
	case TAG_CONSOLE:
		w->console = ipl_u32(tag + 8);
		break;
	case TAG_FRAMEBUFFER:
		w->framebuffer = tag;
		w->framebuffer_optional = flags & OPTIONAL;
		break;
	case TAG_RELOCATABLE:
		w->relocatable = tag;
		break;
	default:
		/* Modules lie on pages anyway; there is no EFI in this machine, and an image that knows EFI minds that. */
		break;
	}
	return 0;
}

/* Goes over the tags; with `requests` only the information requests are looked at, else all others. */
static int read_tags(const struct ipl_job *job, uint64_t at, uint64_t end, struct wishes *w, bool requests)
{
	const uint8_t *d = job->image->data;
	int result = 0;

	while (result == 0) {
		uint32_t size;

		if (at + 8 > end)
			return ipl_fail(job, IPL_MB2_BROKEN, TAG_END, 0);
		size = ipl_u32(d + at + 4);
		if (size < 8 || size > end - at)
			return ipl_fail(job, IPL_MB2_BROKEN, ipl_u16(d + at), size);
		if (ipl_u16(d + at) == TAG_END)
			break;
		if (!requests)
			result = take_tag(job, d + at, size, w);
		else if (ipl_u16(d + at) == TAG_REQUEST && !(ipl_u16(d + at + 2) & OPTIONAL))
			result = check_request(job, d + at, size, w->relocatable != NULL);
		at = align_up(at + size, 8);
	}
	return result;
}

/* A text mode is wanted by a size in characters. */
static bool wants_graphics(const struct wishes *w)
{
	uint32_t width = w->framebuffer ? ipl_u32(w->framebuffer + 8) : 0;

	return w->framebuffer && (width == 0 || width > MOST_COLUMNS || ipl_u32(w->framebuffer + 16) != 0);
}

/* What cannot be done without. The display can do both, text and graphics. */
static int check_screen(const struct ipl_job *job, const struct image *im, const struct wishes *w)
{
	bool needs = (w->console & CONSOLE_REQUIRED) ||
		     (wants_graphics(w) && !w->framebuffer_optional && !(w->console & CONSOLE_TEXT));

	return needs && !job->vm->devices->platform.vga ? ipl_fail(job, IPL_MB_VIDEO, im->header, 0) : 0;
}

static int check_header(const struct ipl_job *job, struct image *im, struct wishes *w)
{
	const uint8_t *d = job->image->data;
	uint64_t end = search_end(job->image->size), wrong, length;
	int result;

	im->header = find_header(d, job->image->size, &wrong);
	if (im->header == UINT64_MAX && wrong != UINT64_MAX)
		return ipl_fail(job, IPL_MB_CHECKSUM, wrong, ipl_u32(d + wrong + 12));
	if (im->header == UINT64_MAX)
		return ipl_fail(job, IPL_MB_NO_HEADER, end, 0);
	if (ipl_u32(d + im->header + 4) != 0)
		return ipl_fail(job, IPL_MB2_ARCHITECTURE, ipl_u32(d + im->header + 4), 0);
	length = ipl_u32(d + im->header + 8);
	if (length < HEADER_SIZE || !ipl_inside(im->header, length, end))
		return ipl_fail(job, IPL_MB_CUT_HEADER, im->header, job->image->size);
	result = read_tags(job, im->header + HEADER_SIZE, im->header + length, w, false);
	if (result == 0)
		result = read_tags(job, im->header + HEADER_SIZE, im->header + length, w, true);
	return result != 0 ? result : check_screen(job, im, w);
}

/* Where a movable image goes: [min, max], aligned, lowest or highest or where it would like to be. */
static int move(const struct ipl_job *job, struct image *im, struct wishes *w)
{
	const uint8_t *tag = w->relocatable;
	uint64_t least_at = ipl_u32(tag + 8), most = (uint64_t)ipl_u32(tag + 12) + 1, align = ipl_u32(tag + 16);
	uint32_t preference = ipl_u32(tag + 20);
	uint64_t start, end, size, top = job->vm->storage_size, at;

	if (align == 0)
		align = 1;
	if (align & (align - 1))
		return ipl_fail(job, IPL_MB2_BROKEN, TAG_RELOCATABLE, align);
	image_extent(im, &start, &end);
	size = end - start;
	if (top > most)
		top = most;
	if (least_at < IPL_HIGH_START)
		least_at = IPL_HIGH_START;
	at = align_up(least_at, align);
	if (preference == 2 && top >= size)
		at = align_down(top - size, align);
	else if (preference == 0 && start >= least_at && start % align == 0 && ipl_inside(start, size, top))
		at = start;
	if (at < least_at || !ipl_inside(at, size, top))
		return ipl_fail(job, IPL_MB_OUTSIDE, size, at);
	image_move(im, at - start);
	im->floating = false;
	w->load_base = at;
	return 0;
}

static int read_image(const struct ipl_job *job, struct image *im, struct wishes *w)
{
	int result = check_header(job, im, w);
	const uint8_t *a = w->addresses;

	if (result != 0)
		return result;
	im->floating = w->relocatable != NULL;
	/* The whole file, when no place in it is said. */
	if (a && ipl_u32(a + 12) == UINT32_MAX)
		result = im->header > ipl_u32(a + 8) ? ipl_fail(job, IPL_MB_ADDRESSES, UINT32_MAX, ipl_u32(a + 8)) :
			 image_read_addresses(job, im, ipl_u32(a + 8), ipl_u32(a + 8) - im->header, ipl_u32(a + 16),
					      ipl_u32(a + 20));
	else if (a)
		result = image_read_addresses(job, im, ipl_u32(a + 8), ipl_u32(a + 12), ipl_u32(a + 16), ipl_u32(a + 20));
	else
		result = image_read_elf(job, im);
	if (result != 0)
		return result;
	if (w->entry)
		im->entry = ipl_u32(w->entry + 8);
	else if (a)
		return ipl_fail(job, IPL_MB2_NO_ENTRY, 0, 0);
	result = image_check_entry(job, im);
	return result == 0 && w->relocatable ? move(job, im, w) : result;
}

static uint64_t section_field(const struct sections *s, const uint8_t *h, uint32_t narrow, uint32_t wide)
{
	return s->wide ? ipl_u64(h + wide) : ipl_u32(h + narrow);
}

/* ELF's section headers, if the file has good ones; the image does without them if not. */
static void find_sections(const struct ipl_job *job, struct sections *s)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, table;

	memset(s, 0, sizeof(*s));
	if (size < 64 || ipl_u32(d) != IMAGE_ELF_MAGIC)
		return;
	s->wide = d[4] == 2;
	table = s->wide ? ipl_u64(d + 40) : ipl_u32(d + 32);
	s->size = ipl_u16(d + (s->wide ? 58 : 46));
	s->count = ipl_u16(d + (s->wide ? 60 : 48));
	s->names = ipl_u16(d + (s->wide ? 62 : 50));
	if (table == 0 || s->size < (s->wide ? 64u : 40u) || s->count > MOST_SECTIONS ||
	    !ipl_inside(table, (uint64_t)s->size * s->count, size))
		s->count = 0;
	s->table = d + (s->count != 0 ? table : 0);
}

/* Sections without an address (symbols, strings) are loaded as well, as high as there is room. */
static void place_sections(const struct ipl_job *job, struct image *im, struct sections *s)
{
	for (uint32_t i = 0; i < s->count && s->placed_count < MOST_PLACED && im->count + 1 < IMAGE_PIECES; i++) {
		const uint8_t *h = s->table + (uint64_t)i * s->size;
		uint64_t bytes = section_field(s, h, 20, 32), file = section_field(s, h, 16, 24), at;

		if (section_field(s, h, 12, 16) != 0 || ipl_u32(h + 4) == SECTION_NOBITS || bytes == 0 ||
		    !ipl_inside(file, bytes, job->image->size))
			continue;
		at = image_place(im, IPL_HIGH_START, job->vm->storage_size, bytes);
		if (at == 0)
			continue;
		im->pieces[im->count++] = (struct piece){ at, file, bytes, 0 };
		s->placed[s->placed_count].number = i;
		s->placed[s->placed_count++].at = at;
	}
}

/* Writes the information, tag by tag. */
struct writer {
	const struct ipl_job *job;
	uint64_t start, at;
	bool bad;
};

static void write(struct writer *w, const void *from, uint64_t n)
{
	if (!ipl_put(w->job, w->at, from, n))
		w->bad = true;
	w->at += n;
}

static void write32(struct writer *w, uint64_t value)
{
	uint8_t bytes[4];

	ipl_set32(bytes, value);
	write(w, bytes, sizeof(bytes));
}

/* Storage is zero where nothing is written: gaps are. */
static void write_tag(struct writer *w, uint32_t type, uint64_t size)
{
	w->at = align_up(w->at, 8);
	write32(w, type);
	write32(w, 8 + size);
}

static void write_string(struct writer *w, uint32_t type, const char *text)
{
	write_tag(w, type, strlen(text) + 1);
	write(w, text, strlen(text) + 1);
}

static void write_module(struct writer *w, uint64_t module)
{
	const struct ipl_file *f = w->job->initrd;

	write_tag(w, INFO_MODULE, 8 + strlen(f->name) + 1);
	write32(w, module);
	write32(w, module + f->size);
	write(w, f->name, strlen(f->name) + 1);
}

static void write_memory(struct writer *w)
{
	uint64_t b = w->job->vm->storage_size;
	struct memory_range map[MEMORY_MAP_RANGES];
	uint32_t count = memory_map(map, b);

	write_tag(w, INFO_MEMORY, 8);
	write32(w, IPL_LOW_END >> 10);
	write32(w, (b - IPL_HIGH_START) >> 10);
	write_tag(w, INFO_MAP, 8 + count * 24);
	write32(w, 24);
	write32(w, 0);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t entry[24] = { 0 };

		memory_range_put(entry, &map[i]);
		write(w, entry, sizeof(entry));
	}
}

static void write_vbe(struct writer *w, const struct vvga_mode *mode)
{
	uint8_t vbe[IMAGE_VBE];

	write_tag(w, INFO_VBE, 8 + sizeof(vbe));
	write32(w, IMAGE_VBE_NO_NUMBER);	/* and a segment of 0: there is no interface to call */
	write32(w, 0);
	image_vbe(vbe, w->at, mode);
	write(w, vbe, sizeof(vbe));
}

static void write_screen(struct writer *w, const struct wishes *wishes)
{
	const uint8_t *wish = wishes->framebuffer;
	uint8_t f[IMAGE_SCREEN + 2 + IMAGE_COLOURS] = { 0 };
	struct vvga_mode mode;
	bool graphics = wants_graphics(wishes) &&
			image_graphics(w->job, ipl_u32(wish + 8), ipl_u32(wish + 12), ipl_u32(wish + 16), &mode);

	image_screen(f, graphics ? &mode : NULL);
	if (graphics)
		image_colours(f + IMAGE_SCREEN + 2, &mode);
	write_tag(w, INFO_FRAMEBUFFER, graphics ? sizeof(f) : IMAGE_SCREEN + 2);
	write(w, f, graphics ? sizeof(f) : IMAGE_SCREEN + 2);
	if (graphics)
		write_vbe(w, &mode);
}

static void write_sections(struct writer *w, const struct sections *s)
{
	uint32_t next = 0;

	write_tag(w, INFO_SECTIONS, 12 + (uint64_t)s->size * s->count);
	write32(w, s->count);
	write32(w, s->size);
	write32(w, s->names);
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t at = w->at;

		write(w, s->table + (uint64_t)i * s->size, s->size);
		if (next == s->placed_count || s->placed[next].number != i)
			continue;
		/* Only the address is ours: sh_addr. */
		if (!ipl_put(w->job, at + (s->wide ? 16 : 12), &s->placed[next].at, s->wide ? 8 : 4))
			w->bad = true;
		next++;
	}
}

static bool write_info(struct writer *w, const struct wishes *wishes, const struct sections *s, uint64_t module)
{
	const struct platform *p = &w->job->vm->devices->platform;
	char text[IMAGE_TEXT];
	uint64_t end;

	w->at = w->start + 8;
	image_command_line(w->job, text, sizeof(text));
	write_string(w, INFO_COMMAND_LINE, text);
	write_string(w, INFO_LOADER_NAME, "VM/64");
	if (w->job->initrd)
		write_module(w, module);
	write_memory(w);
	if (p->vga)
		write_screen(w, wishes);
	write_tag(w, INFO_RSDP_OLD, 20);
	write(w, p->acpi.rsdp, 20);
	write_tag(w, INFO_RSDP_NEW, ACPI_RSDP_SIZE);
	write(w, p->acpi.rsdp, ACPI_RSDP_SIZE);
	if (wishes->relocatable) {
		write_tag(w, INFO_LOAD_BASE, 4);
		write32(w, wishes->load_base);
	}
	if (s->count != 0)
		write_sections(w, s);
	write_tag(w, INFO_END, 0);
	end = w->at;
	w->at = w->start;
	write32(w, end - w->start);
	write32(w, 0);
	return !w->bad;
}

/* Below 640 KiB if it fits there, as GRUB has it; else anywhere. */
static uint64_t place_info(const struct ipl_job *job, const struct image *im, uint64_t size)
{
	uint64_t at = image_place(im, 0x8000, IPL_LOW_END, size);

	return at != 0 ? at : image_place(im, IPL_HIGH_START, job->vm->storage_size, size);
}

static int put_all(const struct ipl_job *job, const struct image *im, const struct wishes *wishes, const struct sections *s,
		   uint64_t area, uint64_t module)
{
	struct writer w = { .job = job, .start = area + STACK_ROOM + GDT_ROOM };
	int result = tables_put(job);

	if (result == 0)
		result = image_put(job, im);
	if (result != 0)
		return result;
	if (!write_info(&w, wishes, s, module) ||
	    !image_start(job, im, area + STACK_ROOM, area + STACK_ROOM, LOADED_MAGIC, w.start))
		return ipl_fail(job, IPL_NOT_STORED, w.at - area, area);
	if (job->initrd && !ipl_put(job, module, job->initrd->data, job->initrd->size))
		return ipl_fail(job, IPL_NOT_STORED, job->initrd->size, module);
	return 0;
}

/* Stack, descriptor table, information: one area, zeroed with the image, so that nothing else is put there. */
static int take_area(const struct ipl_job *job, struct image *im, const struct sections *s, uint64_t *area)
{
	struct piece p = { .zeros = STACK_ROOM + GDT_ROOM + FIXED_INFO + (uint64_t)s->size * s->count };

	p.at = *area = place_info(job, im, p.zeros);
	return *area == 0 ? ipl_fail(job, IPL_MB_NO_PLACE, p.zeros, 0) : image_add(job, im, &p);
}

int multiboot2_load(const struct ipl_job *job)
{
	uint64_t b = job->vm->storage_size, area, module = 0;
	const char *parm = job->request->parm ? job->request->parm : "";
	struct wishes w = { 0 };
	struct image im = { 0 };
	struct sections s;
	int result;

	if (b <= IPL_HIGH_START)
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, (IPL_HIGH_START >> 10) + 1, b >> 10);
	if (strlen(job->image->name) + 1 + strlen(parm) >= IMAGE_TEXT)
		return ipl_fail(job, IPL_PARM_TOO_LONG, strlen(parm), IMAGE_TEXT - 49);
	result = read_image(job, &im, &w);
	if (result != 0)
		return result;
	find_sections(job, &s);
	place_sections(job, &im, &s);
	result = take_area(job, &im, &s, &area);
	if (result != 0)
		return result;
	if (job->initrd) {
		module = image_place(&im, IPL_HIGH_START, b, job->initrd->size);
		if (module == 0)
			return ipl_fail(job, IPL_INITRD_TOO_BIG, (job->initrd->size + 1023) >> 10, b >> 10);
	}
	return put_all(job, &im, &w, &s, area, module);
}
