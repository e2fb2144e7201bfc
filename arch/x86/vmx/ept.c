/* EPT: the nested page table, derived from the rows of the relocation table and from nothing else. */
/* Part: arch/x86/vmx; SDM, "The Extended Page Table Mechanism (EPT)". */
#include "arch/api/npt.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"
#include "lib/errno.h"

#define EPT_LARGE (1ull << 7)
#define EPT_ADDRESS 0x000ffffffffff000ull
#define EPTP_WALK_4 (3ull << 3)

struct build {
	struct npt *npt;
	npt_page_source source;
	void *context;
};

static uint64_t *table_at(hpa_t page)
{
	return cpu_direct(page);
}

static hpa_t take_page(struct build *b)
{
	hpa_t page = b->source(b->context);

	b->npt->page_count += page.v != 0;
	return page;
}

/* The entry for `guest` at `level` (4 = PML4 ... 1), making tables on the way; NULL = no page left. */
static uint64_t *entry_at(struct build *b, uint64_t guest, int level)
{
	uint64_t *table = table_at(b->npt->root);

	for (int l = 4;; l--) {
		uint64_t *entry = &table[guest >> (12 + 9 * (l - 1)) & 511];

		if (l == level)
			return entry;
		if (*entry == 0) {
			hpa_t page = take_page(b);

			if (page.v == 0)
				return NULL;
			*entry = page.v | NPT_ALL;
		}
		table = table_at(HPA(*entry & EPT_ADDRESS));
	}
}

/* A stretch of one row that no later row covers. */
struct piece {
	uint64_t guest, base, left;	/* bytes left */
};

/* The largest page that fits at this place: alignment of both sides, what is left, one memory type. */
static int level_for(const struct npt_row *row, const struct piece *p, int *type)
{
	static const uint64_t sizes[] = { 0, PAGE_SIZE, MIB(2), GIB(1) };

	for (int level = 3; level >= 1; level--) {
		uint64_t size = sizes[level];

		if ((level == 3 && !vmx_caps.page_1g) || (level == 2 && !vmx_caps.page_2m))
			continue;
		if (p->left < size || (p->guest | p->base) & (size - 1))
			continue;
		*type = row->device ? TYPE_UC : mtrr_type(HPA(p->base), size);
		if (*type != TYPE_MIXED)
			return level;
	}
	*type = TYPE_UC;	/* a 4 KiB page is never mixed; the compiler cannot know */
	return 1;
}

/* An entry without rights is absent to the processor, but keeps its address: npt_set_rights() finds it again. */
static int map_piece(struct build *b, const struct npt_row *row, struct piece p)
{
	while (p.left != 0) {
		int type, level = level_for(row, &p, &type);
		uint64_t *entry = entry_at(b, p.guest, level), size = 1ull << (12 + 9 * (level - 1));

		if (entry == NULL)
			return -ENOMEM;
		*entry = p.base | (uint64_t)type << 3 | row->rights | (level > 1 ? EPT_LARGE : 0);
		b->npt->leaves[level - 1]++;
		p.guest += size;
		p.base += size;
		p.left -= size;
	}
	return 0;
}

/* Bytes from `at` to `end` that no row of later[] covers, or 0 and *skip = where the one that covers `at` ends. */
static uint64_t uncovered(const struct npt_row *later, size_t count, uint64_t at, uint64_t end, uint64_t *skip)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t first = later[i].guest.v, last = first + later[i].bound;

		if (at >= first && at < last) {
			*skip = last;
			return 0;
		}
		if (first > at && first < end && last != first)
			end = first;
	}
	return end - at;
}

static int map_row(struct build *b, const struct npt_row *row, const struct npt_row *later, size_t count)
{
	uint64_t end = row->guest.v + row->bound, at = row->guest.v, skip = end;

	if ((row->guest.v | row->base.v | row->bound) & (PAGE_SIZE - 1))
		return -EINVAL;
	while (at < end) {
		uint64_t n = uncovered(later, count, at, end, &skip);
		struct piece p = { at, row->base.v + (at - row->guest.v), n };
		int e = map_piece(b, row, p);

		if (e != 0)
			return e;
		at = n != 0 ? at + n : skip;
	}
	return 0;
}

uint64_t npt_pages_needed(uint64_t bound)
{
	/* each level: one table for what it spans, and one more where the row lies across a border */
	uint64_t directories = bound / GIB(1) + 2, tables = vmx_caps.page_2m ? 2 : bound / MIB(2) + 2;

	return 1 + bound / GIB(512) + 2 + directories + tables;
}

int npt_prepare(struct npt *npt, const struct npt_row *rows, size_t count, npt_page_source source,
		void *context)
{
	struct build b = { .npt = npt, .source = source, .context = context };

	*npt = (struct npt){ 0 };
	npt->root = take_page(&b);
	if (npt->root.v == 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int e = map_row(&b, &rows[i], &rows[i + 1], count - i - 1);

		if (e != 0)
			return e;
	}
	/* Accessed and dirty flags stay off: nothing reads them, and the processor saves their writes. */
	npt->pointer = npt->root.v | TYPE_WB | EPTP_WALK_4;
	return 0;
}

void npt_set_rights(struct npt *npt, gpa_t guest, uint64_t bound, uint32_t rights)
{
	uint64_t at = guest.v, end = guest.v + bound;

	while (at < end) {
		uint64_t *table = table_at(npt->root), *entry;
		int l = 4;

		for (;; l--) {
			entry = &table[at >> (12 + 9 * (l - 1)) & 511];
			CHECK(*entry != 0);	/* the row was mapped when the tables were made */
			if (l == 1 || (*entry & EPT_LARGE))
				break;
			table = table_at(HPA(*entry & EPT_ADDRESS));
		}
		*entry = (*entry & ~(uint64_t)NPT_ALL) | rights;
		at += 1ull << (12 + 9 * (l - 1));
	}
	npt_flush(npt);
}

void npt_flush(const struct npt *npt)
{
	ept_invalidate(npt->pointer);
}

bool npt_lookup(const struct npt *npt, gpa_t guest, hpa_t *real, uint32_t *rights, uint64_t *page_size)
{
	uint64_t *table;

	if (npt->root.v == 0 || guest.v >> 48 != 0)
		return false;
	table = table_at(npt->root);
	for (int l = 4; l >= 1; l--) {
		uint64_t size = 1ull << (12 + 9 * (l - 1));
		uint64_t entry = table[guest.v / size & 511];

		if ((entry & NPT_ALL) == 0)
			return false;
		if (l == 1 || (entry & EPT_LARGE)) {
			*real = HPA((entry & EPT_ADDRESS & ~(size - 1)) | (guest.v & (size - 1)));
			*rights = (uint32_t)(entry & NPT_ALL);
			*page_size = size;
			return true;
		}
		table = table_at(HPA(entry & EPT_ADDRESS));
	}
	return false;
}

void ept_invalidate(uint64_t eptp)
{
	bool single = (vmx_caps.ept_vpid & EPT_CAP_INVEPT_SINGLE) != 0;

	CHECK(vmx_invept(single ? 1 : 2, (struct vmx_descriptor){ single ? eptp : 0, 0 }));
}

void vpid_invalidate(uint16_t vpid)
{
	bool single = (vmx_caps.ept_vpid & VPID_CAP_SINGLE) != 0;

	if (vmx_caps.vpid)
		CHECK(vmx_invvpid(single ? 1 : 2, (struct vmx_descriptor){ single ? vpid : 0, 0 }));
}
