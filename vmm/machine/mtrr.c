/* Memory-type range registers as a guest expects to read and write them. */
/* Part: machine/; SDM, "Memory Type Range Registers (MTRRs)". */
#include "vmm/machine/mtrr.h"

#include "lib/string.h"

#define MSR_CAP 0xfeu
#define MSR_BASE 0x200u		/* base and mask of each variable range in turn */
#define MSR_DEF_TYPE 0x2ffu

#define CAP_FIXED (1u << 8)
#define CAP_WC (1u << 10)
#define DEF_FIXED (1u << 10)
#define DEF_ENABLE (1u << 11)
#define MASK_VALID (1u << 11)

#define UC 0u
#define WB 6u
#define EIGHT(type) ((type) * 0x0101010101010101ull)

/* In the order of the addresses they speak of: 64K pieces up to 80000h, 16K up to C0000h, 4K up to 1 MiB. */
static const uint16_t fixed_msrs[MTRR_FIXED] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
						 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
#define FIXED_A0000 2u

static int fixed_index(uint32_t msr)
{
	for (unsigned int i = 0; i < MTRR_FIXED; i++)
		if (fixed_msrs[i] == msr)
			return (int)i;
	return -1;
}

void mtrr_reset(struct mtrr *m)
{
	memset(m, 0, sizeof(*m));
}

void mtrr_firmware(struct mtrr *m, unsigned int physical_bits)
{
	mtrr_reset(m);
	for (unsigned int i = 0; i < MTRR_FIXED; i++)
		m->fixed[i] = i == FIXED_A0000 ? EIGHT(UC) : EIGHT((uint64_t)WB);
	m->base[0] = 0xc0000000 | UC;
	m->mask[0] = ((1ull << physical_bits) - GIB(1)) | MASK_VALID;
	m->def_type = DEF_ENABLE | DEF_FIXED | WB;
}

bool mtrr_is(uint32_t msr)
{
	return msr == MSR_CAP || msr == MSR_DEF_TYPE || msr - MSR_BASE < 2 * MTRR_VARIABLE || fixed_index(msr) >= 0;
}

uint64_t mtrr_get(const struct mtrr *m, uint32_t msr)
{
	int fixed = fixed_index(msr);

	if (fixed >= 0)
		return m->fixed[fixed];
	if (msr == MSR_DEF_TYPE)
		return m->def_type;
	if (msr - MSR_BASE < 2 * MTRR_VARIABLE)
		return msr & 1 ? m->mask[(msr - MSR_BASE) / 2] : m->base[(msr - MSR_BASE) / 2];
	return CAP_WC | CAP_FIXED | MTRR_VARIABLE;
}

static bool type_exists(uint64_t type)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

bool mtrr_set(struct mtrr *m, uint32_t msr, uint64_t value, unsigned int physical_bits)
{
	uint64_t beyond = ~((1ull << physical_bits) - 1);
	int fixed = fixed_index(msr);

	if (fixed >= 0) {
		for (unsigned int i = 0; i < 64; i += 8)
			if (!type_exists(value >> i & 0xff))
				return false;
		m->fixed[fixed] = value;
		return true;
	}
	if (msr == MSR_DEF_TYPE) {
		if ((value & ~(uint64_t)(DEF_ENABLE | DEF_FIXED | 0xff)) || !type_exists(value & 0xff))
			return false;
		m->def_type = value;
		return true;
	}
	if (msr == MSR_CAP)
		return false;
	if (msr & 1) {
		if (value & (beyond | 0x7ff))
			return false;
		m->mask[(msr - MSR_BASE) / 2] = value;
		return true;
	}
	if ((value & (beyond | 0xf00)) || !type_exists(value & 0xff))
		return false;
	m->base[(msr - MSR_BASE) / 2] = value;
	return true;
}
