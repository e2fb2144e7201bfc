/* The local APIC of the real processor, xAPIC or x2APIC as the firmware left it. */
/* Part: arch/x86; CP needs its timer while it waits, and ExtINT for the 8259s. */
#include "arch/x86/apic.h"
#include "arch/x86/regs.h"
#include "arch/x86/traps.h"
#include "lib/timebase.h"

/* SDM, "Local APIC Register Address Map"; the x2APIC MSR is 800h + offset / 10h. */
#define APIC_TPR 0x80u
#define APIC_EOI 0xb0u
#define APIC_SVR 0xf0u
#define APIC_LVT_CMCI 0x2f0u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_THERMAL 0x330u
#define APIC_LVT_PMC 0x340u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LINT1 0x360u
#define APIC_LVT_ERROR 0x370u
#define APIC_INITIAL 0x380u
#define APIC_CURRENT 0x390u
#define APIC_DIVIDE 0x3e0u

#define LVT_MASKED 0x10000u
#define LVT_EXTINT 0x700u
#define LVT_NMI 0x400u
#define DIVIDE_BY_1 0xbu

static volatile uint32_t *page;	/* NULL = x2APIC */
static bool present;
static uint64_t timer_hz;

static uint32_t get(uint32_t reg)
{
	return page != NULL ? page[reg / 4] : (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
}

static void put(uint32_t reg, uint32_t v)
{
	if (page != NULL)
		page[reg / 4] = v;
	else
		wrmsr(MSR_X2APIC + reg / 16, v);
}

bool apic_init(void)
{
	uint64_t base;

	if (!(cpu_cpuid(1, 0).edx & (1u << 9)))
		return false;
	base = rdmsr(MSR_APIC_BASE);
	if (!(base & (1ull << 11)))
		return false;	/* switched off by the firmware; switching it on again is not sure to work */
	if (!(base & (1ull << 10))) {
		page = cpu_map_mmio(HPA(base & 0xffffff000ull), PAGE_SIZE, CPU_MAP_UC);
		if (page == NULL)
			return false;
	}
	present = true;
	put(APIC_TPR, 0);
	put(APIC_SVR, 0x100u | VECTOR_SPURIOUS);
	put(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	put(APIC_LVT_LINT0, LVT_EXTINT);
	put(APIC_LVT_LINT1, LVT_NMI);
	put(APIC_LVT_ERROR, LVT_MASKED | 0xfe);
	put(APIC_DIVIDE, DIVIDE_BY_1);
	return true;
}

void apic_eoi(void)
{
	if (present)
		put(APIC_EOI, 0);
}

void apic_calibrate(void)
{
	uint64_t start, ticks = cpu_tsc_hz() / 1000;
	uint32_t counted;

	if (!present)
		return;
	put(APIC_INITIAL, UINT32_MAX);
	start = cpu_tsc();
	while (cpu_tsc() - start < ticks)
		cpu_pause();
	counted = UINT32_MAX - get(APIC_CURRENT);
	ticks = cpu_tsc() - start;
	put(APIC_INITIAL, 0);
	timer_hz = muldiv64(counted, cpu_tsc_hz(), ticks);
}

bool apic_has_timer(void)
{
	return present && timer_hz != 0;
}

void apic_timer(uint64_t until)
{
	uint64_t now, count;

	if (!apic_has_timer())
		return;
	if (until == TIME_NEVER) {
		put(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
		put(APIC_INITIAL, 0);
		return;
	}
	now = cpu_tsc();
	/* at most ten seconds: the product then fits, and waking early costs nothing */
	if (until > now + 10 * cpu_tsc_hz())
		until = now + 10 * cpu_tsc_hz();
	count = until > now ? muldiv64(until - now, timer_hz, cpu_tsc_hz()) : 1;
	if (count > UINT32_MAX)
		count = UINT32_MAX;
	put(APIC_LVT_TIMER, VECTOR_TIMER);
	put(APIC_INITIAL, count == 0 ? 1 : (uint32_t)count);
}
