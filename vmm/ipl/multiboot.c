/* Multiboot 1 images ("Multiboot Specification version 0.6.96"), ELF or a.out-kludge. */
/* Part: ipl/; the machine is left in 32-bit flat protected mode at the image's entry. */
#include "vmm/ipl/image.h"

#include "lib/string.h"
#include "vmm/firmware/memory_map.h"
#include "vmm/ipl/tables.h"
#include "vmm/machine/pc.h"

#define SEARCH	       8192u /* the header lies wholly in these first bytes */
#define HEADER_MAGIC   0x1badb002u
#define LOADED_MAGIC   0x2badb002u
#define FLAG_ALIGN     0x1u
#define FLAG_MEMORY    0x2u
#define FLAG_VIDEO     0x4u
#define FLAG_REQUIRED  0xffffu /* what is set here has to be known to us */
#define FLAG_ADDRESSES 0x10000u
#define VIDEO_TEXT     1u
#define HEADER_VIDEO   32u /* kind, width, height, bits a pixel */

/* The information area: structure, map, one module, then the strings. */
#define INFO_VBE_CONTROL	  72u
#define INFO_VBE_MODE	  76u
#define INFO_VBE_NUMBER	  80u
#define INFO_SCREEN	  88u
#define INFO_COLOURS	  110u
#define INFO_MAP	  0x80u
#define INFO_MODULE	  0x100u
#define INFO_NAME	  0x110u
#define INFO_TEXT	  0x120u
#define INFO_MEM	  0x1u
#define INFO_COMMAND_LINE 0x4u
#define INFO_MODULES	  0x8u
#define INFO_MMAP	  0x40u
#define INFO_LOADER_NAME  0x200u
#define INFO_VBE	  0x800u
#define INFO_FRAMEBUFFER  0x1000u
#define INFO_GDT	  0x900u /* after the strings */
#define INFO_VBE_AT	  0xa00u
#define INFO_SIZE	  0x1000u

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
	return (size >= 4 && ipl_u32(data) == IMAGE_ELF_MAGIC) ||
	       find_header(data, size, &wrong) != UINT64_MAX || multiboot2_looks_like(data, size);
}

/* That a program is for another machine is the better reason. */
static int no_header(const struct ipl_job *job)
{
	int result = image_check_machine(job);

	if (result == 0 || job->image->size < 64 || ipl_u32(job->image->data) != IMAGE_ELF_MAGIC)
		result = ipl_fail(job, IPL_MB_NO_HEADER, search_end(job->image->size), 0);
	return result;
}

static int check_header(const struct ipl_job *job, struct image *im)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, wrong;

	im->header = find_header(d, size, &wrong);
	if (im->header == UINT64_MAX && wrong != UINT64_MAX)
		return ipl_fail(job, IPL_MB_CHECKSUM, wrong, ipl_u32(d + wrong + 8));
	if (im->header == UINT64_MAX)
		return no_header(job);
	im->flags = ipl_u32(d + im->header + 4);
	if ((im->flags & (FLAG_ADDRESSES | FLAG_VIDEO)) && im->header + 48 > search_end(size) &&
	    (im->header + 32 > search_end(size) || (im->flags & FLAG_VIDEO)))
		return ipl_fail(job, IPL_MB_CUT_HEADER, im->header, size);
	if ((im->flags & FLAG_VIDEO) && !job->vm->devices->platform.vga)
		return ipl_fail(job, IPL_MB_VIDEO, im->header, 0);
	if (im->flags & FLAG_REQUIRED & ~(FLAG_ALIGN | FLAG_MEMORY | FLAG_VIDEO))
		return ipl_fail(job, IPL_MB_FEATURE, im->header, im->flags);
	return 0;
}

static int read_addresses(const struct ipl_job *job, struct image *im)
{
	const uint8_t *h = job->image->data + im->header;

	im->entry = ipl_u32(h + 28);
	return image_read_addresses(job, im, ipl_u32(h + 12), ipl_u32(h + 16), ipl_u32(h + 20), ipl_u32(h + 24));
}

static int read_image(const struct ipl_job *job, struct image *im)
{
	int result = check_header(job, im);

	if (result == 0)
		result = im->flags & FLAG_ADDRESSES ? read_addresses(job, im) : image_read_elf(job, im);
	return result != 0 ? result : image_check_entry(job, im);
}

static uint32_t put_map(uint8_t *to, uint64_t b)
{
	struct memory_range map[MEMORY_MAP_RANGES];
	uint32_t i, count = memory_map(map, b);

	for (i = 0; i < count; i++, to += 24) {
		ipl_set32(to, 20);
		memory_range_put(to + 4, &map[i]);
	}
	return count * 24;
}

/* Text where the image does not ask for a screen, or asks for that. *vbe = what stands in the information of it. */
static uint32_t put_screen(const struct ipl_job *job, const struct image *im, uint64_t at, uint8_t *info,
			   uint8_t vbe[IMAGE_VBE])
{
	const uint8_t *wish = job->image->data + im->header + HEADER_VIDEO;
	struct vvga_mode mode;
	bool graphics = (im->flags & FLAG_VIDEO) && ipl_u32(wish) != VIDEO_TEXT &&
			image_graphics(job, ipl_u32(wish + 4), ipl_u32(wish + 8), ipl_u32(wish + 12), &mode);

	image_screen(info + INFO_SCREEN, graphics ? &mode : NULL);
	if (!graphics)
		return INFO_FRAMEBUFFER;
	image_colours(info + INFO_COLOURS, &mode);
	image_vbe(vbe, at + INFO_VBE_AT, &mode);
	ipl_set32(info + INFO_VBE_CONTROL, at + INFO_VBE_AT);
	ipl_set32(info + INFO_VBE_MODE, at + INFO_VBE_AT + IMAGE_VBE_MODE);
	ipl_set16(info + INFO_VBE_NUMBER, IMAGE_VBE_NO_NUMBER);
	return INFO_FRAMEBUFFER | INFO_VBE;
}

static bool put_info(const struct ipl_job *job, const struct image *im, uint64_t at, uint64_t module)
{
	uint64_t b = job->vm->storage_size;
	uint8_t info[INFO_TEXT] = {0}, vbe[IMAGE_VBE] = {0};
	uint32_t flags = INFO_MEM | INFO_COMMAND_LINE | INFO_MMAP | INFO_LOADER_NAME;
	char text[IMAGE_TEXT];

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
		ipl_set32(info + INFO_MODULE + 8, at + INFO_TEXT + IMAGE_TEXT);
		str_copy(text, job->initrd->name, sizeof(text));
		if (!ipl_put(job, at + INFO_TEXT + IMAGE_TEXT, text, strlen(text) + 1))
			return false;
	}
	if (job->vm->devices->platform.vga)
		flags |= put_screen(job, im, at, info, vbe);
	ipl_set32(info, flags);
	image_command_line(job, text, sizeof(text));
	return ipl_put(job, at, info, sizeof(info)) && ipl_put(job, at + INFO_VBE_AT, vbe, sizeof(vbe)) &&
	       ipl_put(job, at + INFO_TEXT, text, strlen(text) + 1);
}

/* An image with headers of both versions gets the first; a wrong sum is told of the version that it has. */
static bool is_second(const struct ipl_file *f)
{
	uint64_t wrong;

	return find_header(f->data, f->size, &wrong) == UINT64_MAX && multiboot2_looks_like(f->data, f->size);
}

int multiboot_load(const struct ipl_job *job)
{
	uint64_t b = job->vm->storage_size, info, module = 0;
	struct image im = {0};
	const char *parm = job->request->parm ? job->request->parm : "";
	int result;

	if (is_second(job->image))
		return multiboot2_load(job);

	if (b <= IPL_HIGH_START)
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, (IPL_HIGH_START >> 10) + 1, b >> 10);
	if (strlen(job->image->name) + 1 + strlen(parm) >= IMAGE_TEXT)
		return ipl_fail(job, IPL_PARM_TOO_LONG, strlen(parm), IMAGE_TEXT - 49);
	result = read_image(job, &im);
	if (result != 0)
		return result;
	info = image_place(&im, 0x8000, IPL_LOW_END, INFO_SIZE);
	if (info == 0)
		return ipl_fail(job, IPL_MB_NO_PLACE, INFO_SIZE, 0);
	if (job->initrd) {
		module = image_place(&im, IPL_HIGH_START, b, job->initrd->size);
		if (module == 0)
			return ipl_fail(job, IPL_INITRD_TOO_BIG, (job->initrd->size + 1023) >> 10,
					b >> 10);
	}
	result = tables_put(job);
	if (result == 0)
		result = image_put(job, &im);
	if (result != 0)
		return result;
	if (!put_info(job, &im, info, module) ||
	    !image_start(job, &im, info + INFO_GDT, info + INFO_SIZE, LOADED_MAGIC, info))
		return ipl_fail(job, IPL_NOT_STORED, INFO_SIZE, info);
	if (job->initrd && !ipl_put(job, module, job->initrd->data, job->initrd->size))
		return ipl_fail(job, IPL_NOT_STORED, job->initrd->size, module);
	return 0;
}
