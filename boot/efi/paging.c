/* Builds the page tables with which the kernel is entered. */
/* Part: boot/efi; pure, so it is tested on the host. */
#include "boot/efi/paging.h"

#include "boot/boot_info.h"
#include "boot/efi/elf.h"

/* SDM, "4-Level Paging and 5-Level Paging": the bits of an entry that are used here. */
#define PRESENT 0x001ull
#define WRITE 0x002ull
#define LARGE 0x080ull

#define ENTRIES 512u
#define SIZE_2M (1ull << 21)
#define SIZE_1G (1ull << 30)
#define SIZE_512G (1ull << 39)

/*
 * Below 4 GiB lie the devices and the fixed MTRRs, so memory types change there often. SDM, "Large
 * Page Size Considerations": a large page should not span two types. So: small steps there.
 */
#define FINE_TOP (1ull << 32)

struct builder {
	uint64_t *next;
};

static uint64_t honoured_top(const struct paging_wish *wish)
{
	uint64_t top = wish->top;

	if (top < FINE_TOP)
		top = FINE_TOP;
	if (top > PAGING_TOP_MAX)
		top = PAGING_TOP_MAX;
	return (top + SIZE_1G - 1) & ~(SIZE_1G - 1);
}

uint64_t paging_pages_needed(const struct paging_wish *wish)
{
	uint64_t top = honoured_top(wish);
	uint64_t directories = (wish->large_gib ? FINE_TOP : top) / SIZE_1G;
	uint64_t pointer_tables = (top + SIZE_512G - 1) / SIZE_512G;

	/* Two roots, and for the kernel one table on each of two levels. */
	return 2 + pointer_tables + directories + 2;
}

static uint64_t *new_table(struct builder *b)
{
	uint64_t *table = b->next;
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		table[i] = 0;
	b->next += ENTRIES;
	return table;
}

static uint64_t entry_for(const uint64_t *table)
{
	return (uint64_t)(uintptr_t)table | PRESENT | WRITE;
}

static void map_one_to_one(struct builder *b, uint64_t *level4, uint64_t top, bool large_gib)
{
	uint64_t *pointers = 0;
	uint64_t at;
	unsigned int i;

	for (at = 0; at < top; at += SIZE_1G) {
		if (at % SIZE_512G == 0) {
			pointers = new_table(b);
			level4[at / SIZE_512G] = entry_for(pointers);
		}
		if (large_gib && at >= FINE_TOP) {
			pointers[at / SIZE_1G % ENTRIES] = at | PRESENT | WRITE | LARGE;
		} else {
			uint64_t *directory = new_table(b);

			for (i = 0; i < ENTRIES; i++)
				directory[i] = (at + i * SIZE_2M) | PRESENT | WRITE | LARGE;
			pointers[at / SIZE_1G % ENTRIES] = entry_for(directory);
		}
	}
}

/* Only the kernel itself, so that a wild pointer near it meets a page fault. */
static void map_kernel(struct builder *b, uint64_t *level4, const struct paging_wish *wish)
{
	uint64_t virt = KERNEL_VIRT_BASE + ELF_KERNEL_LINK;
	uint64_t *pointers = new_table(b);
	uint64_t *directory = new_table(b);
	uint64_t at;

	level4[virt / SIZE_512G % ENTRIES] = entry_for(pointers);
	pointers[virt / SIZE_1G % ENTRIES] = entry_for(directory);
	for (at = 0; at < wish->kernel_size; at += SIZE_2M)
		directory[(virt + at) / SIZE_2M % ENTRIES] =
			(wish->kernel_base + at) | PRESENT | WRITE | LARGE;
}

struct paging_roots paging_build(const struct paging_wish *wish, void *tables)
{
	struct builder b = { .next = tables };
	uint64_t *level5 = new_table(&b);
	uint64_t *level4 = new_table(&b);

	map_one_to_one(&b, level4, honoured_top(wish), wish->large_gib);
	map_kernel(&b, level4, wish);
	/* The lowest and the highest 256 TiB are where four levels have their two halves. */
	level5[0] = entry_for(level4);
	level5[ENTRIES - 1] = entry_for(level4);
	return (struct paging_roots){
		.level4 = (uint64_t)(uintptr_t)level4,
		.level5 = (uint64_t)(uintptr_t)level5,
	};
}
