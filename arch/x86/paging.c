/* The kernel's own page tables: image W^X, a direct map of storage, device windows. */
/* Part: arch/x86; tables come from a fixed pool, so CP's size is known when it is linked. */
#include "arch/x86/paging.h"
#include "arch/x86/regs.h"
#include "lib/string.h"

/* SDM, "4-Level Paging and 5-Level Paging". */
#define PTE_P (1ull << 0)
#define PTE_W (1ull << 1)
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_LARGE (1ull << 7)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define PAT_WC_BITS PTE_PWT	/* entry 1 of our PAT is WC: see PAT_OURS */
/* WB, WC, UC-, UC, then the same again. SDM, "Page Attribute Table (PAT)". */
#define PAT_OURS 0x0007010600070106ull

#define POOL_PAGES 160

extern char kernel_start[], kernel_end[], text_start[], text_end[], rodata_start[], rodata_end[];

static uint64_t pool[POOL_PAGES][512] __attribute__((aligned(4096)));
static uint32_t pool_used;
static uint64_t *root;
static uint64_t kernel_delta;	/* linked address - real address */
static uint64_t mmio_next = MMIO_BASE;
static bool have_1g;

static hpa_t real_of(const void *kernel_pointer)
{
	return HPA((uint64_t)kernel_pointer - kernel_delta);
}

static uint64_t *new_table(void)
{
	return pool_used < POOL_PAGES ? pool[pool_used++] : NULL;
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)((entry & PTE_ADDRESS) + kernel_delta);
}

/* Level 4 = PML4 ... 1 = page table. Returns the entry for `address` at `level`, making tables on the way. */
static uint64_t *entry_at(uint64_t address, int level)
{
	uint64_t *table = root;

	for (int l = 4;; l--) {
		uint64_t *entry = &table[address >> (12 + 9 * (l - 1)) & 511];

		if (l == level)
			return entry;
		if (!(*entry & PTE_P)) {
			uint64_t *next = new_table();

			if (next == NULL)
				return NULL;
			*entry = real_of(next).v | PTE_P | PTE_W;
		}
		if (*entry & PTE_LARGE)
			return NULL;
		table = table_of(*entry);
	}
}

static bool map(uint64_t address, uint64_t real, uint64_t size, uint64_t bits)
{
	while (size > 0) {
		int level = 1;
		uint64_t step = PAGE_SIZE;
		uint64_t *entry;

		if (have_1g && size >= GIB(1) && ((address | real) & (GIB(1) - 1)) == 0) {
			level = 3;
			step = GIB(1);
		} else if (size >= MIB(2) && ((address | real) & (MIB(2) - 1)) == 0) {
			level = 2;
			step = MIB(2);
		}
		entry = entry_at(address, level);
		if (entry == NULL)
			return false;
		*entry = real | bits | PTE_P | (level > 1 ? PTE_LARGE : 0);
		address += step;
		real += step;
		size -= step;
	}
	return true;
}

static void map_image(const char *from, const char *to, uint64_t bits)
{
	uint64_t start = align_down((uint64_t)from, PAGE_SIZE);
	uint64_t end = align_up((uint64_t)to, PAGE_SIZE);

	CHECK(map(start, start - kernel_delta, end - start, bits));
}

static bool is_memory(uint32_t kind)
{
	return kind == BOOT_MEM_FREE || kind == BOOT_MEM_LOADER || kind == BOOT_MEM_MODULE ||
	       kind == BOOT_MEM_ACPI;
}

/* The kernel's own range is left out: its pages have one mapping each (but see paging_map_code()), with their section's rights. */
static void map_storage(const struct boot_info *bi)
{
	for (uint32_t i = 0; i < bi->range_count;) {
		uint64_t base = bi->ranges[i].base, end = base;

		if (!is_memory(bi->ranges[i].kind)) {
			i++;
			continue;
		}
		for (; i < bi->range_count && is_memory(bi->ranges[i].kind) &&
		       bi->ranges[i].base == end; i++)
			end += bi->ranges[i].size;
		if (!map(DIRECT_BASE + base, base, end - base, PTE_W | PTE_NX))
			break;	/* storage beyond this is not used: storage_add() asks paging_is_direct() */
	}
}

void paging_init(const struct boot_info *bi)
{
	struct cpuid_regs extended = cpu_cpuid(0x80000001, 0);

	have_1g = (extended.edx & (1u << 26)) != 0;
	kernel_delta = (uint64_t)kernel_start - bi->kernel_base;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	wrmsr(MSR_PAT, PAT_OURS);
	root = new_table();
	map_image(kernel_start, text_start, PTE_NX);
	map_image(text_start, text_end, 0);
	map_image(rodata_start, rodata_end, PTE_NX);
	map_image(rodata_end, kernel_end, PTE_W | PTE_NX);
	map_storage(bi);
	write_cr3(real_of(root).v);
	write_cr4((read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE | CR4_MCE) &
		  ~(CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_CET));
	write_cr0((read_cr0() | CR0_WP | CR0_NE | CR0_MP) & ~(CR0_TS | CR0_EM | CR0_AM | CR0_CD | CR0_NW));
}

bool paging_is_direct(hpa_t address)
{
	uint64_t *table = root;

	for (int l = 4; l >= 1; l--) {
		uint64_t entry = table[(DIRECT_BASE + address.v) >> (12 + 9 * (l - 1)) & 511];

		if (!(entry & PTE_P))
			return false;
		if (l == 1 || (entry & PTE_LARGE))
			return true;
		table = table_of(entry);
	}
	return false;
}

void *cpu_direct(hpa_t address)
{
	return (void *)(DIRECT_BASE + address.v);
}

hpa_t cpu_direct_address(const void *p)
{
	return HPA((uint64_t)p - DIRECT_BASE);
}

void *cpu_map_mmio(hpa_t base, uint64_t size, enum cpu_map_type type)
{
	uint64_t start = align_down(base.v, PAGE_SIZE);
	uint64_t bytes = align_up(base.v + size, PAGE_SIZE) - start;
	/* keep the offset in a 2 MiB page, so that large pages fit frame buffers */
	uint64_t at = align_up(mmio_next, MIB(2)) + (start & (MIB(2) - 1));

	if (!map(at, start, bytes, PTE_W | PTE_NX | (type == CPU_MAP_WC ? PAT_WC_BITS : PTE_PCD | PTE_PWT)))
		return NULL;
	mmio_next = at + bytes;
	return (void *)(at + (base.v - start));
}

const void *paging_map_code(const void *page)
{
	uint64_t at = align_up(mmio_next, MIB(2));

	if (!map(at, (uint64_t)page - kernel_delta, PAGE_SIZE, 0))
		return NULL;
	mmio_next = at + PAGE_SIZE;
	return (const void *)at;
}

uint64_t paging_identity_root(void)
{
	uint64_t *low = new_table(), *copy = new_table();

	CHECK(low != NULL && copy != NULL);
	memcpy(copy, root, PAGE_SIZE);
	copy[0] = real_of(low).v | PTE_P | PTE_W;
	for (uint64_t g = 0; g < 4; g++) {
		uint64_t *directory = new_table();

		CHECK(directory != NULL);
		low[g] = real_of(directory).v | PTE_P | PTE_W;
		for (uint64_t i = 0; i < 512; i++)
			directory[i] = (g << 30 | i << 21) | PTE_P | PTE_W | PTE_LARGE;
	}
	return real_of(copy).v;
}
