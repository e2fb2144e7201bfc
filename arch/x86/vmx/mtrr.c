/* Memory types of the real machine, from its MTRRs, for the leaves of EPT. */
/* Part: arch/x86/vmx; SDM, "Memory Type Range Registers (MTRRs)". */
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmx.h"

#define VARIABLE_MAX 32
#define DEF_TYPE_FIXED (1ull << 10)
#define DEF_TYPE_ENABLE (1ull << 11)
#define MASK_VALID (1ull << 11)

static struct {
	uint64_t base, mask;
	int type;
} variable[VARIABLE_MAX];
static uint32_t variable_count;
static int default_type = TYPE_WB;
static bool enabled, fixed_on;
static uint64_t width_mask;

void mtrr_read(void)
{
	uint64_t cap, def;

	width_mask = (1ull << cpu_physical_bits()) - 1;
	if (!(cpu_cpuid(1, 0).edx & (1u << 12)) || !cpu_rdmsr_safe(MSR_MTRRCAP, &cap) ||
	    !cpu_rdmsr_safe(MSR_MTRR_DEF_TYPE, &def))
		return;		/* no MTRRs: everything is as the default says */
	enabled = (def & DEF_TYPE_ENABLE) != 0;
	fixed_on = (def & DEF_TYPE_FIXED) != 0;
	default_type = enabled ? (int)(def & 0xff) : TYPE_UC;
	variable_count = 0;
	for (uint32_t i = 0; i < (cap & 0xff) && i < VARIABLE_MAX; i++) {
		uint64_t base, mask;

		if (!cpu_rdmsr_safe(MSR_MTRR_PHYSBASE0 + 2 * i, &base) ||
		    !cpu_rdmsr_safe(MSR_MTRR_PHYSBASE0 + 2 * i + 1, &mask) || !(mask & MASK_VALID))
			continue;
		variable[variable_count].base = base & ~0xfffull & width_mask;
		variable[variable_count].mask = mask & ~0xfffull & width_mask;
		variable[variable_count++].type = (int)(base & 0xff);
	}
}

/* The SDM's rule for overlaps: UC wins, WT beats WB; anything else is undefined and called UC. */
static int combine(int a, int b)
{
	if (a == b)
		return a;
	if ((a == TYPE_WT && b == TYPE_WB) || (a == TYPE_WB && b == TYPE_WT))
		return TYPE_WT;
	return TYPE_UC;
}

int mtrr_type(hpa_t base, uint64_t size)
{
	uint64_t last = base.v + size - 1;
	int type = TYPE_MIXED;

	/* All MTRRs off makes memory UC, which some virtual machines do by way of not having any:
	 * there the type of storage is the host's business, so WB is right and UC would be slow. */
	if (!enabled)
		return TYPE_WB;
	if (fixed_on && base.v < MIB(1))
		return last < MIB(1) ? TYPE_UC : TYPE_MIXED;
	for (uint32_t i = 0; i < variable_count; i++) {
		uint64_t mask = variable[i].mask, want = variable[i].base & mask;
		bool first_in = (base.v & mask) == want, last_in = (last & mask) == want;

		/* a naturally aligned power-of-two piece is inside, outside, or larger than the range */
		if (first_in != last_in || (!first_in && (want & ~(size - 1)) == base.v))
			return TYPE_MIXED;
		if (first_in)
			type = type == TYPE_MIXED ? variable[i].type : combine(type, variable[i].type);
	}
	return type == TYPE_MIXED ? default_type : type;
}
