/* Vector instructions of a guest's that the processor executes for CP, with the guest's registers and CP's memory. */
/* Part: arch/x86/vmx; CP is compiled without vector registers, so what they hold after an exit is the guest's still. */
#include "arch/api/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/vmx.h"
#include "lib/string.h"

#define RET 0xc3

/* MXCSR: flags 0 to 5, their masks 7 to 12. */
#define MX_FLAGS 0x3fu
#define MX_MASKS 0x1f80u
#define MX_BEFORE 0x07u	/* invalid, denormal, divide by zero: found before anything is computed */
#define EXC_MF 16

static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

extern const uint8_t vmx_direct_refused[];
bool vmx_direct_run(struct direct_insn *d, void *operand, const uint8_t *code);

bool direct_init(void)
{
	struct percpu *p = percpu();

	p->code_written = page;
	p->code_run = paging_map_code(page);
	return p->code_run != NULL;
}

static uint32_t mxcsr(void)
{
	uint32_t v;

	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v;
}

static void set_mxcsr(uint32_t v)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(v));
}

/* SDM, "Handling Self- and Cross-Modifying Code": written at one address and fetched at another, so CPUID is between. */
static void compose(const struct direct_insn *d)
{
	uint8_t *to = percpu()->code_written;

	memcpy(to, d->code, d->length);
	to[d->length] = RET;
	cpu_cpuid(0, 0);
}

static enum direct_result run(struct direct_insn *d, void *operand)
{
	struct percpu *p = percpu();
	bool done;

	p->fixup = (uint64_t)(uintptr_t)vmx_direct_refused;
	done = vmx_direct_run(d, operand, p->code_run);
	p->fixup = 0;
	return done ? DIRECT_DONE : p->fixup_vector == EXC_MF ? DIRECT_WAITS : DIRECT_REFUSED;
}

/*
 * An error without a mask would be an exception of CP's. So all are masked, and what MXCSR says afterwards is judged by the
 * guest's masks; the registers from before come back where an exception would have kept them. SDM, "SIMD Floating-Point
 * Exception Conditions": those that are found before computing leave no others to be found.
 */
static enum direct_result run_masked(struct vmx_vcpu *v, struct direct_insn *d, void *operand)
{
	uint32_t before = mxcsr(), unmasked = ~(before >> 7) & MX_FLAGS, raised;
	enum direct_result r;

	if (unmasked != 0) {
		extended_save(v->extended);
		extended_set_xcr0(v->xcr0);
	}
	set_mxcsr((before | MX_MASKS) & ~MX_FLAGS);
	r = run(d, operand);
	raised = r == DIRECT_DONE ? mxcsr() & MX_FLAGS : 0;
	if (raised & unmasked & MX_BEFORE)
		raised &= MX_BEFORE;
	if (raised & unmasked) {
		extended_load(v->extended);
		extended_set_xcr0(v->xcr0);
		r = DIRECT_ERROR;
	}
	set_mxcsr(before | raised);
	return r;
}

enum direct_result arch_vcpu_direct(struct arch_vcpu *av, struct direct_insn *d, void *operand)
{
	vmx_make_resident(av->vmx);
	compose(d);
	return d->vector ? run_masked(av->vmx, d, operand) : run(d, operand);
}
