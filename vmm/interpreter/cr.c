/* MOV to and from control registers, CLTS, LMSW, XSETBV. */
/* Part: interpreter/; the rules are those of the SDM's "MOV - Move to/from Control Registers" and "XSETBV". */
#include "arch/api/cpu.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

#define CR0_PE (1ull << 0)
#define CR0_TS (1ull << 3)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define CR4_PCIDE (1ull << 17)
#define CR4_PAGING ((1ull << 4) | CR4_PAE | (1ull << 7) | (1ull << 20))	/* PSE PAE PGE SMEP */
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

#define PDPTE_RESERVED 0x1e6ull	/* bits 1:2 and 5:8; and everything from the physical-address width up */

/*
 * PAE paging reads its four PDPTEs when it is switched on, and faults on reserved bits. SDM, "PDPTE Registers".
 * All or nothing: nothing has changed when this says false.
 */
bool cr_load_pdptes(struct vm *vm, uint64_t cr3)
{
	uint64_t pdpte[4], reserved = PDPTE_RESERVED | ~0ull << cpu_physical_bits();

	if (!gmem_read(vm, GPA(cr3 & 0xffffffe0), pdpte, sizeof(pdpte)))
		return false;
	for (unsigned int i = 0; i < 4; i++)
		if ((pdpte[i] & 1) && (pdpte[i] & reserved))
			return false;
	for (unsigned int i = 0; i < 4; i++)
		arch_vcpu_set_pdpte(&vm->av, i, pdpte[i]);
	return true;
}

static bool long_mode_refused(struct vm *vm, uint64_t cr4)
{
	struct segment cs;

	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	return !(cr4 & CR4_PAE) || (cs.access & 0x2000) != 0;
}

/* Real mode's CS is writable data to the hardware; protected mode's may not be. SDM, "Switching to Protected Mode". */
static enum verdict write_cr0(struct vm *vm, uint64_t value)
{
	uint64_t old = arch_vcpu_get(&vm->av, VREG_CR0), cr4 = arch_vcpu_get(&vm->av, VREG_CR4);
	uint64_t efer = arch_vcpu_get(&vm->av, VREG_EFER);
	bool paging_on = (value & CR0_PG) && !(old & CR0_PG);

	if (value >> 32)
		return event_raise_error(vm, EXC_GP, 0);
	value &= arch_vcpu_cr0_allowed();	/* undefined bits are ignored */
	if ((value & CR0_PG) && !(value & CR0_PE))
		return event_raise_error(vm, EXC_GP, 0);
	if ((value & CR0_NW) && !(value & CR0_CD))
		return event_raise_error(vm, EXC_GP, 0);
	if (!(value & CR0_PG) && (old & CR0_PG) && ((cr4 & CR4_PCIDE) || ((efer & EFER_LMA) && guest_64bit(vm))))
		return event_raise_error(vm, EXC_GP, 0);
	if (paging_on && (efer & EFER_LME) && long_mode_refused(vm, cr4))
		return event_raise_error(vm, EXC_GP, 0);
	if ((value & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME) &&
	    ((value ^ old) & (CR0_PG | CR0_CD | CR0_NW)) &&
	    !cr_load_pdptes(vm, arch_vcpu_get(&vm->av, VREG_CR3)))
		return event_raise_error(vm, EXC_GP, 0);
	arch_vcpu_set(&vm->av, VREG_CR0, value);
	return V_NEXT;
}

static enum verdict write_cr4(struct vm *vm, uint64_t value)
{
	uint64_t old = arch_vcpu_get(&vm->av, VREG_CR4), efer = arch_vcpu_get(&vm->av, VREG_EFER);

	if (value & ~arch_vcpu_cr4_allowed())
		return event_raise_error(vm, EXC_GP, 0);
	if ((efer & EFER_LMA) && !(value & CR4_PAE))
		return event_raise_error(vm, EXC_GP, 0);
	if ((value & ~old & CR4_PCIDE) &&
	    (!(efer & EFER_LMA) || (arch_vcpu_get(&vm->av, VREG_CR3) & 0xfff)))
		return event_raise_error(vm, EXC_GP, 0);
	if ((value & CR4_PAE) && !(efer & EFER_LMA) && ((value ^ old) & CR4_PAGING) &&
	    (arch_vcpu_get(&vm->av, VREG_CR0) & CR0_PG) &&
	    !cr_load_pdptes(vm, arch_vcpu_get(&vm->av, VREG_CR3)))
		return event_raise_error(vm, EXC_GP, 0);
	arch_vcpu_set(&vm->av, VREG_CR4, value);
	return V_NEXT;
}

/* CR8 is the class of the APIC's task priority; what it held back may come now. SDM, "Task Priority in IA-32e Mode". */
static enum verdict write_cr8(struct vm *vm, uint64_t value)
{
	if (value & ~15ull)
		return event_raise_error(vm, EXC_GP, 0);
	arch_vcpu_set(&vm->av, VREG_CR8, value);
	vm_kick(vm, VM_WORK_EVENT);
	return V_NEXT;
}

static enum verdict write_cr(struct vm *vm, unsigned int cr, uint64_t value)
{
	switch (cr) {
	case 0:
		return write_cr0(vm, value);
	case 3:
		arch_vcpu_set(&vm->av, VREG_CR3, value & ~(1ull << 63));
		return V_NEXT;
	case 4:
		return write_cr4(vm, value);
	case 8:
		return write_cr8(vm, value);
	default:
		return event_raise(vm, EXC_UD);
	}
}

static enum verdict read_cr(struct vm *vm, unsigned int cr, unsigned int gpr)
{
	static const enum vreg regs[9] = { [0] = VREG_CR0, [3] = VREG_CR3, [4] = VREG_CR4, [8] = VREG_CR8 };

	if (cr != 0 && cr != 3 && cr != 4 && cr != 8)
		return event_raise(vm, EXC_UD);
	gpr_write(vm, gpr, arch_vcpu_get(&vm->av, regs[cr]));
	return V_NEXT;
}

enum verdict interpret_cr(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t cr0;

	switch ((enum cr_operation)exit->cr.operation) {
	case CR_WRITE: {
		uint64_t value = gpr_read(vm, exit->cr.gpr);

		return write_cr(vm, exit->cr.cr, guest_64bit(vm) ? value : (uint32_t)value);
	}
	case CR_READ:
		return read_cr(vm, exit->cr.cr, exit->cr.gpr);
	case CR_CLTS:
		cr0 = arch_vcpu_get(&vm->av, VREG_CR0);
		arch_vcpu_set(&vm->av, VREG_CR0, cr0 & ~CR0_TS);
		return V_NEXT;
	case CR_LMSW:
	default:
		/* LMSW sets PE and cannot clear it. SDM, "LMSW". */
		cr0 = arch_vcpu_get(&vm->av, VREG_CR0);
		return write_cr0(vm, (cr0 & ~0xeull) | (exit->cr.lmsw & 0xf));
	}
}

#define XCR0_AVX 6ull		/* SSE and AVX state */
#define XCR0_AVX512 0xe0ull

/* SDM, "XSETBV": which values raise #GP. */
static bool xcr0_valid(uint64_t value)
{
	if (!(value & 1) || (value & ~arch_vcpu_xcr0_allowed()))
		return false;
	if ((value & 4) && (value & XCR0_AVX) != XCR0_AVX)
		return false;
	if ((value & XCR0_AVX512) && (value & (XCR0_AVX512 | XCR0_AVX)) != (XCR0_AVX512 | XCR0_AVX))
		return false;
	return true;
}

enum verdict interpret_xsetbv(struct vm *vm, const struct vm_exit *exit)
{
	uint64_t value = (uint64_t)gpr32(vm, RDX) << 32 | gpr32(vm, RAX);

	(void)exit;
	if (guest_cpl(vm) != 0 || gpr32(vm, RCX) != 0 || !xcr0_valid(value))
		return event_raise_error(vm, EXC_GP, 0);
	arch_vcpu_set(&vm->av, VREG_XCR0, value);
	return V_NEXT;
}
