/* Extended state of guests: x87, SSE, AVX and what XCR0 adds, by XSAVE, or FXSAVE where there is no other. */
/* Part: arch/x86/vmx; CP itself uses general registers only, so this changes hands only between guests. */
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmx.h"
#include "lib/string.h"

#define XCR0_X87 (1ull << 0)
#define XCR0_SSE (1ull << 1)
#define XCR0_AVX (1ull << 2)
#define XCR0_AVX512 (7ull << 5)
/* MPX (3, 4), PKRU (9) and AMX (17, 18) are hidden from guests: see the CPUID policy. */
#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

static uint64_t allowed;	/* 0 = FXSAVE */
static size_t size = 512;

void extended_init(void)
{
	struct cpuid_regs r;

	if (!(cpu_cpuid(1, 0).ecx & (1u << 26)))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	r = cpu_cpuid(0xd, 0);
	allowed = ((uint64_t)r.edx << 32 | r.eax) & XCR0_OFFERED;
	if ((allowed & XCR0_AVX512) != XCR0_AVX512)
		allowed &= ~XCR0_AVX512;
	xsetbv(allowed);
	size = cpu_cpuid(0xd, 0).ebx;	/* bytes for what XCR0 has on now */
}

size_t extended_size(void)
{
	return size;
}

uint64_t extended_allowed(void)
{
	return allowed;
}

/* SDM, "Processor State After Reset" (INIT leaves x87 and SSE; we give every IPL the power-on state). */
void extended_reset(uint8_t *area)
{
	memset(area, 0, size);
	area[0] = 0x40;		/* FCW 0040h; 037Fh comes with FNINIT, and with XRSTOR's init state: so this is none */
	if (allowed != 0)
		area[512] = 1;
	area[24] = 0x80;	/* MXCSR 1F80h */
	area[25] = 0x1f;
}

void extended_save(uint8_t *area)
{
	if (allowed == 0) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
		return;
	}
	xsetbv(allowed);
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((uint32_t)allowed), "d"(0) : "memory");
}

void extended_load(const uint8_t *area)
{
	if (allowed == 0) {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
		return;
	}
	xsetbv(allowed);
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((uint32_t)allowed), "d"(0) : "memory");
}

void extended_set_xcr0(uint64_t xcr0)
{
	if (allowed != 0)
		xsetbv(xcr0);
}
