/* An image that multiboot loads: pieces of a file and where in storage they go; ELF of both classes. */
/* Part: ipl/; shared by both versions of multiboot. */
#include "vmm/ipl/image.h"

#include "lib/string.h"
#include "vmm/machine/pc.h"

#define ELF_LOAD    1u
#define MAX_ADDRESS GIB(4)

/* For images that do not mind. */
#define USUAL_WIDTH  1024u
#define USUAL_HEIGHT 768u
#define USUAL_BITS   32u

#define SCREEN_RGB  1u
#define SCREEN_TEXT 2u

int image_add(const struct ipl_job *job, struct image *im, const struct piece *p)
{
	uint64_t total = p->bytes + p->zeros;
	bool somewhere = p->at < MAX_ADDRESS && (im->floating || ipl_inside(p->at, total, job->vm->storage_size));

	if (total < p->bytes || total > MAX_ADDRESS || !somewhere)
		return ipl_fail(job, IPL_MB_OUTSIDE, total, p->at);
	if (!ipl_inside(p->file, p->bytes, job->image->size))
		return ipl_fail(job, IPL_MB_DATA_CUT, p->bytes, p->file);
	if (im->count == IMAGE_PIECES)
		return ipl_fail(job, IPL_MB_ELF_HEADERS, im->count, p->file);
	im->pieces[im->count++] = *p;
	return 0;
}

int image_check_entry(const struct ipl_job *job, const struct image *im)
{
	uint32_t i;

	for (i = 0; i < im->count; i++)
		if (im->entry >= im->pieces[i].at && im->entry - im->pieces[i].at < im->pieces[i].bytes)
			return 0;
	return ipl_fail(job, IPL_MB_ENTRY, im->entry, 0);
}

int image_read_addresses(const struct ipl_job *job, struct image *im, uint64_t header, uint64_t load, uint64_t load_end,
			 uint64_t bss_end)
{
	uint64_t offset;
	struct piece p;

	/* The header must lie at header_addr, so the load begins that much before it in the file. */
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
	return image_add(job, im, &p);
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

/* e_entry is a virtual address; where the image is linked elsewhere than loaded, it is brought down. */
static uint64_t entry_of(uint64_t entry, const struct program_header *h)
{
	if (entry >= h->virtual && entry - h->virtual < h->memory_size)
		return h->physical + (entry - h->virtual);
	return UINT64_MAX;
}

int image_check_machine(const struct ipl_job *job)
{
	const uint8_t *d = job->image->data;
	uint32_t machine;

	if (job->image->size < 64 || ipl_u32(d) != IMAGE_ELF_MAGIC)
		return ipl_fail(job, IPL_MB_NO_ELF, 0, 0);
	machine = ipl_u16(d + 18);
	/* Data encoding 1: little-endian. Machines 3 and 62: 386 and x86-64. */
	if ((d[4] != 1 && d[4] != 2) || d[5] != 1 || (machine != 3 && machine != 62))
		return ipl_fail(job, IPL_MB_ELF_MACHINE, d[4], machine);
	return 0;
}

int image_read_elf(const struct ipl_job *job, struct image *im)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, table, entry, step, found = UINT64_MAX;
	uint32_t count, i;
	bool wide;
	int result = image_check_machine(job);

	if (result != 0)
		return result;
	wide = d[4] == 2;
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
		result = image_add(job, im, &p);
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

void image_extent(const struct image *im, uint64_t *start, uint64_t *end)
{
	uint32_t i;

	*start = UINT64_MAX;
	*end = 0;
	for (i = 0; i < im->count; i++) {
		const struct piece *p = &im->pieces[i];
		uint64_t last = p->at + p->bytes + p->zeros;

		if (p->at < *start)
			*start = p->at;
		if (last > *end)
			*end = last;
	}
}

void image_move(struct image *im, uint64_t by)
{
	uint32_t i;

	for (i = 0; i < im->count; i++)
		im->pieces[i].at += by;
	im->entry += by;
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

uint64_t image_place(const struct image *im, uint64_t from, uint64_t end, uint64_t size)
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

int image_put(const struct ipl_job *job, const struct image *im)
{
	uint32_t i;

	for (i = 0; i < im->count; i++) {
		const struct piece *p = &im->pieces[i];

		if (!ipl_put(job, p->at, job->image->data + p->file, p->bytes) ||
		    !ipl_clear(job, p->at + p->bytes, p->zeros))
			return ipl_fail(job, IPL_NOT_STORED, p->bytes + p->zeros, p->at);
	}
	return 0;
}

void image_command_line(const struct ipl_job *job, char *to, size_t room)
{
	const char *file = job->image->name, *parm = job->request->parm;
	size_t n = strlen(file);

	str_copy(to, file, room);
	if (parm && parm[0] != '\0' && n + 1 < room) {
		to[n] = ' ';
		str_copy(to + n + 1, parm, room - n - 1);
	}
}

/* As GRUB does: the size that is wanted in any depth, and else whatever there is. */
bool image_graphics(const struct ipl_job *job, uint32_t width, uint32_t height, uint32_t bits, struct vvga_mode *mode)
{
	struct vvga *vga = job->vm->devices->options.vga;
	const uint32_t depths[] = { bits, 32, 24, 16 };
	size_t i;

	if (vga == NULL)
		return false;
	for (i = 0; i < ARRAY_LEN(depths); i++)
		if (vvga_set_mode(vga, width, height, depths[i], mode))
			return true;
	return vvga_set_mode(vga, USUAL_WIDTH, USUAL_HEIGHT, USUAL_BITS, mode);
}

void image_screen(uint8_t *to, const struct vvga_mode *mode)
{
	static const struct vvga_mode text = { .at = 0xb8000, .pitch = 160, .width = 80, .height = 25, .bits = 16 };
	const struct vvga_mode *m = mode ? mode : &text;

	ipl_set64(to, m->at);
	ipl_set32(to + 8, m->pitch);
	ipl_set32(to + 12, m->width);
	ipl_set32(to + 16, m->height);
	to[20] = (uint8_t)m->bits;
	to[21] = mode ? SCREEN_RGB : SCREEN_TEXT;
}

void image_colours(uint8_t *to, const struct vvga_mode *mode)
{
	to[0] = mode->red.at;
	to[1] = mode->red.bits;
	to[2] = mode->green.at;
	to[3] = mode->green.bits;
	to[4] = mode->blue.at;
	to[5] = mode->blue.bits;
}

/* VESA BIOS Extension Core Functions 3.0, "VbeInfoBlock" and "ModeInfoBlock". */
void image_vbe(uint8_t to[IMAGE_VBE], uint64_t at, const struct vvga_mode *mode)
{
	uint8_t *m = to + IMAGE_VBE_MODE;

	memset(to, 0, IMAGE_VBE);
	memcpy(to, "VESA", 4);
	ipl_set16(to + 4, 0x300);
	if (at < IPL_HIGH_START) {
		ipl_set16(to + 14, at % 16 + 34);	/* the list of modes, as offset and segment: it is empty */
		ipl_set16(to + 16, at / 16);
	}
	ipl_set16(to + 18, VVGA_VRAM >> 16);
	ipl_set16(to + 34, 0xffff);
	ipl_set16(m, 0x9b);			/* can be set, with this table, colour, graphics, linear */
	ipl_set16(m + 16, mode->pitch);
	ipl_set16(m + 18, mode->width);
	ipl_set16(m + 20, mode->height);
	m[22] = 8;				/* a character's size */
	m[23] = 16;
	m[24] = 1;				/* planes */
	m[25] = (uint8_t)mode->bits;
	m[26] = 1;				/* banks */
	m[27] = 6;				/* direct colour */
	ipl_set32(m + 40, mode->at);
	ipl_set16(m + 50, mode->pitch);		/* of the linear mode */
	for (uint32_t i = 0; i < 2; i++) {	/* banked, linear */
		uint8_t *c = m + (i ? 54 : 31);

		c[0] = mode->red.bits;
		c[1] = mode->red.at;
		c[2] = mode->green.bits;
		c[3] = mode->green.at;
		c[4] = mode->blue.bits;
		c[5] = mode->blue.at;
	}
}

/* Specification of either version, "Machine state". */
bool image_start(const struct ipl_job *job, const struct image *im, uint64_t gdt, uint64_t stack, uint32_t magic,
		 uint64_t info)
{
	struct arch_vcpu *av = &job->vm->av;
	uint8_t table[32] = {0};

	ipl_set64(table + 0x10, 0x00cf9b000000ffffull);
	ipl_set64(table + 0x18, 0x00cf93000000ffffull);
	if (!ipl_put(job, gdt, table, sizeof(table)))
		return false;
	arch_vcpu_set(av, VREG_CR0, 0x11); /* ET, PE */
	ipl_flat_segments(job->vm, false);
	arch_vcpu_set(av, VREG_GDTR_BASE, gdt);
	arch_vcpu_set(av, VREG_GDTR_LIMIT, sizeof(table) - 1);
	arch_vcpu_set(av, VREG_RFLAGS, 2);
	arch_vcpu_set(av, VREG_RSP, stack);
	arch_vcpu_set(av, VREG_RIP, im->entry);
	memset(av->gpr, 0, sizeof(av->gpr));
	av->gpr[RAX] = magic;
	av->gpr[RBX] = info;
	return true;
}
