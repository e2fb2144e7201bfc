/* The multiboot2 information's translation into struct boot_info. */
/* Part: the way in for GRUB; pure, so it is tested on the host. */
#include "boot/multiboot2/multiboot2.h"

#include "boot/memmap.h"

/* Multiboot2 Specification, "Boot information format". */
enum tag_type {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI32_TABLE = 11,
	TAG_EFI64_TABLE = 12,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	TAG_EFI_MEMORY_MAP = 17,
	TAG_EFI32_HANDLE = 19,
	TAG_EFI64_HANDLE = 20,
};

struct tag {
	uint32_t type;
	uint32_t size;	/* with this header, without the padding to a multiple of 8 */
};

struct tag_module {
	struct tag tag;
	uint32_t start, end;
	char name[];
};

struct tag_memory_map {
	struct tag tag;
	uint32_t entry_size, entry_version;
};

struct memory_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};

enum memory_type { MEMORY_FREE = 1, MEMORY_ACPI_RECLAIM = 3, MEMORY_ACPI_NVS = 4 };

struct tag_framebuffer {
	struct tag tag;
	uint64_t base;
	uint32_t pitch, width, height;
	uint8_t bits_per_pixel, type;
	uint16_t reserved;
	/* for FRAMEBUFFER_RGB, where each colour lies in a pixel: */
	uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits;
};

enum framebuffer_type { FRAMEBUFFER_RGB = 1, FRAMEBUFFER_TEXT = 2 };

struct tag_efi64_table {
	struct tag tag;
	uint64_t system_table;
};

struct tag_efi32_table {
	struct tag tag;
	uint32_t system_table;
};

/* Sizes as the specification has them; sizeof may be larger by the padding at the end. */
#define FRAMEBUFFER_SIZE 32u
#define FRAMEBUFFER_RGB_SIZE 38u
#define EFI32_TABLE_SIZE 12u

struct translation {
	const uint8_t *info;
	uint32_t total;
	struct boot_info *out;
	struct memmap *map;
	bool have_memory_map;
	bool from_uefi;
	bool have_new_rsdp;
};

static struct memmap work_map;

static void clear_out(struct boot_info *out)
{
	uint64_t base = out->kernel_base;
	uint64_t size = out->kernel_size;

	*out = (struct boot_info){
		.magic = BOOT_INFO_MAGIC,
		.version = BOOT_INFO_VERSION,
		.size = sizeof(*out),
		.kernel_base = base,
		.kernel_size = size,
	};
}

/* Copies at most ROOM - 1 characters of the LEN at FROM, up to a zero. */
static void copy_text(char *to, size_t room, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < room - 1 && i < len && from[i] != '\0'; i++)
		to[i] = from[i];
	to[i] = '\0';
}

/* The first word of the module's command line is the name the directory knows it by. */
static void copy_name(char *to, const char *from, size_t len)
{
	size_t end;

	while (len > 0 && *from == ' ') {
		from++;
		len--;
	}
	for (end = 0; end < len && from[end] != '\0' && from[end] != ' '; end++)
		;
	copy_text(to, BOOT_NAME_LEN, from, end);
}

static int take_module(struct translation *t, const struct tag *tag)
{
	const struct tag_module *m = (const struct tag_module *)tag;
	struct boot_module *to;
	uint64_t size;

	if (tag->size < sizeof(*m) || m->end < m->start)
		return MULTIBOOT2_BAD_TAG;
	size = m->end - m->start;
	if (t->out->module_count == BOOT_MAX_MODULES) {
		memmap_add(t->map, m->start, size, BOOT_MEM_LOADER);
		return MULTIBOOT2_OK;
	}
	memmap_add(t->map, m->start, size, BOOT_MEM_MODULE);
	to = &t->out->modules[t->out->module_count++];
	to->base = m->start;
	to->size = size;
	to->status = BOOT_MODULE_OK;
	copy_name(to->name, m->name, tag->size - sizeof(*m));
	return MULTIBOOT2_OK;
}

static int take_memory_map(struct translation *t, const struct tag *tag)
{
	const struct tag_memory_map *m = (const struct tag_memory_map *)tag;
	uint32_t at;

	if (tag->size < sizeof(*m) || m->entry_size < sizeof(struct memory_entry) ||
	    m->entry_size % 8 != 0)
		return MULTIBOOT2_BAD_TAG;
	for (at = sizeof(*m); tag->size - at >= m->entry_size; at += m->entry_size) {
		const struct memory_entry *e =
			(const struct memory_entry *)((const uint8_t *)tag + at);
		enum boot_mem_kind kind = BOOT_MEM_RESERVED;

		if (e->type == MEMORY_FREE)
			kind = BOOT_MEM_FREE;
		else if (e->type == MEMORY_ACPI_RECLAIM || e->type == MEMORY_ACPI_NVS)
			kind = BOOT_MEM_ACPI;
		memmap_add(t->map, e->base, e->size, kind);
	}
	t->have_memory_map = true;
	return MULTIBOOT2_OK;
}

static int take_framebuffer(struct translation *t, const struct tag *tag)
{
	const struct tag_framebuffer *f = (const struct tag_framebuffer *)tag;
	struct boot_framebuffer *to = &t->out->fb;

	if (tag->size < FRAMEBUFFER_SIZE - 2)
		return MULTIBOOT2_BAD_TAG;
	if (f->type == FRAMEBUFFER_RGB) {
		if (tag->size < FRAMEBUFFER_RGB_SIZE)
			return MULTIBOOT2_BAD_TAG;
		/* boot_info has no room for colours of other than 8 bits; GRUB was asked for 32. */
		if (f->red_bits != 8 || f->green_bits != 8 || f->blue_bits != 8)
			return MULTIBOOT2_OK;
		to->kind = BOOT_FB_RGB;
		to->red_shift = f->red_shift;
		to->green_shift = f->green_shift;
		to->blue_shift = f->blue_shift;
	} else if (f->type == FRAMEBUFFER_TEXT) {
		to->kind = BOOT_FB_TEXT;
	} else {
		return MULTIBOOT2_OK;
	}
	to->base = f->base;
	to->width = f->width;
	to->height = f->height;
	to->pitch = f->pitch;
	to->bits_per_pixel = f->bits_per_pixel;
	return MULTIBOOT2_OK;
}

static bool sums_to_zero(const uint8_t *p, uint32_t len)
{
	unsigned int sum = 0;

	while (len-- > 0)
		sum += *p++;
	return (sum & 0xff) == 0;
}

/*
 * A copy that is damaged is passed over: the kernel then looks for the RSDP itself. So is a new one
 * cut down to the old size, as its revision would promise 16 bytes that are not there.
 */
static void take_rsdp(struct translation *t, const struct tag *tag)
{
	static const char signature[8] = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' };
	const uint8_t *rsdp = (const uint8_t *)(tag + 1);
	uint32_t need = tag->type == TAG_ACPI_NEW ? MULTIBOOT2_RSDP_MAX : MULTIBOOT2_RSDP_OLD;
	unsigned int i;

	if (tag->size - sizeof(*tag) < need || t->have_new_rsdp)
		return;
	for (i = 0; i < sizeof(signature); i++) {
		if (rsdp[i] != (uint8_t)signature[i])
			return;
	}
	if (!sums_to_zero(rsdp, need) ||
	    (rsdp[MULTIBOOT2_RSDP_REVISION] >= 2) != (need == MULTIBOOT2_RSDP_MAX))
		return;
	t->out->rsdp = (uint64_t)(uintptr_t)rsdp;
	t->have_new_rsdp = tag->type == TAG_ACPI_NEW;
}

static int take_tag(struct translation *t, const struct tag *tag)
{
	switch (tag->type) {
	case TAG_COMMAND_LINE:
		copy_text(t->out->command_line, sizeof(t->out->command_line),
			  (const char *)(tag + 1), tag->size - sizeof(*tag));
		return MULTIBOOT2_OK;
	case TAG_MODULE:
		return take_module(t, tag);
	case TAG_MEMORY_MAP:
		return take_memory_map(t, tag);
	case TAG_FRAMEBUFFER:
		return take_framebuffer(t, tag);
	case TAG_ACPI_OLD:
	case TAG_ACPI_NEW:
		take_rsdp(t, tag);
		return MULTIBOOT2_OK;
	case TAG_EFI64_TABLE:
		if (tag->size < sizeof(struct tag_efi64_table))
			return MULTIBOOT2_BAD_TAG;
		t->from_uefi = true;
		t->out->efi_system_table = ((const struct tag_efi64_table *)tag)->system_table;
		return MULTIBOOT2_OK;
	case TAG_EFI32_TABLE:
		if (tag->size < EFI32_TABLE_SIZE)
			return MULTIBOOT2_BAD_TAG;
		t->from_uefi = true;
		t->out->efi_system_table = ((const struct tag_efi32_table *)tag)->system_table;
		return MULTIBOOT2_OK;
	case TAG_EFI_MEMORY_MAP:
	case TAG_EFI32_HANDLE:
	case TAG_EFI64_HANDLE:
		t->from_uefi = true;
		return MULTIBOOT2_OK;
	default:
		return MULTIBOOT2_OK;	/* the specification wants unknown tags passed over */
	}
}

static int take_all_tags(struct translation *t)
{
	uint32_t at = 8;

	while (t->total - at >= sizeof(struct tag)) {
		const struct tag *tag = (const struct tag *)(t->info + at);
		uint32_t step;
		int result;

		if (tag->size < sizeof(*tag) || tag->size > t->total - at)
			return MULTIBOOT2_BAD_TAG;
		if (tag->type == TAG_END)
			return MULTIBOOT2_OK;
		result = take_tag(t, tag);
		if (result != MULTIBOOT2_OK)
			return result;
		step = (tag->size + 7) & ~7u;
		if (step > t->total - at)
			break;
		at += step;
	}
	return MULTIBOOT2_NO_END;
}

int multiboot2_translate(const void *info, size_t len, struct boot_info *out)
{
	struct translation t = { .info = info, .out = out, .map = &work_map };
	int result;

	if (((uintptr_t)info & 7) != 0)
		return MULTIBOOT2_BAD_ADDRESS;
	if (len < 2 * sizeof(struct tag))
		return MULTIBOOT2_BAD_SIZE;
	t.total = *(const uint32_t *)info;
	if (t.total < 2 * sizeof(struct tag) || t.total > len || t.total > INT32_MAX)
		return MULTIBOOT2_BAD_SIZE;

	clear_out(out);
	memmap_reset(t.map);
	result = take_all_tags(&t);
	if (result != MULTIBOOT2_OK)
		return result;
	if (!t.have_memory_map)
		return MULTIBOOT2_NO_MEMORY_MAP;
	out->source = t.from_uefi ? BOOT_FROM_GRUB_UEFI : BOOT_FROM_GRUB_BIOS;
	memmap_add(t.map, out->kernel_base, out->kernel_size, BOOT_MEM_KERNEL);
	memmap_add(t.map, (uint64_t)(uintptr_t)info, t.total, BOOT_MEM_LOADER);
	if (!memmap_finish(t.map, out))
		return MULTIBOOT2_TOO_MANY_RANGES;
	return MULTIBOOT2_OK;
}

const char *multiboot2_result_text(int result)
{
	switch (result) {
	case MULTIBOOT2_OK:
		return "no fault";
	case MULTIBOOT2_BAD_ADDRESS:
		return "the multiboot2 information is not on a multiple of 8";
	case MULTIBOOT2_BAD_SIZE:
		return "the multiboot2 information gives an impossible size for itself";
	case MULTIBOOT2_BAD_TAG:
		return "a tag of the multiboot2 information has an impossible size";
	case MULTIBOOT2_NO_END:
		return "the multiboot2 information has no closing tag";
	case MULTIBOOT2_NO_MEMORY_MAP:
		return "the multiboot2 information has no memory map";
	case MULTIBOOT2_TOO_MANY_RANGES:
		return "the memory map has more ranges than VM/64 can hold";
	default:
		return "unknown fault";
	}
}
