/* The interpreter routines v_i: each simulates one sensitive instruction, or one access to a device. */
/* Part: interpreter/; called by the dispatcher through its routing table only. */
#ifndef VMM_INTERPRETER_INTERPRETER_H
#define VMM_INTERPRETER_INTERPRETER_H

#include "arch/api/cpu.h"
#include "vmm/dispatcher.h"

/* cpuid.c */
void cpuid_init(void);	/* reads the real processor once and applies the policy */
enum verdict interpret_cpuid(struct vm *vm, const struct vm_exit *exit);
/* msr.c */
enum verdict interpret_rdmsr(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_wrmsr(struct vm *vm, const struct vm_exit *exit);
/* cr.c */
enum verdict interpret_apic_write(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_apic_access(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_virtual_eoi(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_cr(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_xsetbv(struct vm *vm, const struct vm_exit *exit);
/* PAE paging's four entries at cr3 into the processor; false = one has a reserved bit set, and nothing has changed. */
bool cr_load_pdptes(struct vm *vm, uint64_t cr3);
/* io.c */
enum verdict interpret_io(struct vm *vm, const struct vm_exit *exit);
/* io_string.c: INS and OUTS, from there */
enum verdict interpret_io_string(struct vm *vm, const struct vm_exit *exit);
/* misc.c */
enum verdict interpret_hlt(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_cache(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_rdtsc(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_dr(struct vm *vm, const struct vm_exit *exit);
enum verdict interpret_exception(struct vm *vm, const struct vm_exit *exit);
/* task_switch.c */
enum verdict interpret_task_switch(struct vm *vm, const struct vm_exit *exit);
/* deliver.c: the event's whole delivery; exit->rip is where it came */
struct storage_touch;
enum verdict interpret_delivery(struct vm *vm, const struct vm_exit *exit, const struct event *event,
				struct storage_touch *touch);
/* diagnose.c */
enum verdict interpret_vmcall(struct vm *vm, const struct vm_exit *exit);

static inline uint32_t gpr32(const struct vm *vm, enum gpr r)
{
	return (uint32_t)vm->av.gpr[r];
}

/* RSP is the one general register that the hardware keeps. */
static inline uint64_t gpr_read(struct vm *vm, unsigned int r)
{
	return r == RSP ? arch_vcpu_get(&vm->av, VREG_RSP) : vm->av.gpr[r];
}

static inline void gpr_write(struct vm *vm, unsigned int r, uint64_t value)
{
	if (r == RSP)
		arch_vcpu_set(&vm->av, VREG_RSP, value);
	else
		vm->av.gpr[r] = value;
}

/* Current privilege level: SS.DPL. SDM, "Guest Register State". */
static inline unsigned int guest_cpl(struct vm *vm)
{
	struct segment ss;

	arch_vcpu_get_segment(&vm->av, SEG_SS, &ss);
	return ss.access >> 5 & 3;
}

/* 64-bit code right now? */
static inline bool guest_64bit(struct vm *vm)
{
	struct segment cs;

	if (!(arch_vcpu_get(&vm->av, VREG_EFER) & (1u << 10)))
		return false;
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	return (cs.access & 0x2000) != 0;
}

/*
 * A repeated string is interpreted element after element until something is due: a deadline, an interrupt or other work
 * that a device has left, at the latest after this many ticks. The guest is then entered, where it takes what is pending,
 * and goes on with what is left.
 */
#define STRING_TICKS 0x8000u

static inline bool string_due(const struct vm *vm, uint64_t begun)
{
	uint64_t now = cpu_tsc();

	return now >= vm->look_at || now - begun >= STRING_TICKS;
}

#endif
