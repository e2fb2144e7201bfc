/* The virtual processor as the monitor sees it: registers, events, and arch_vcpu_run(), which returns. */
/* Part: contract header owned by the monitor; arch/x86/vmx implements it; policy never sees a VMCS. */
#ifndef ARCH_API_VCPU_H
#define ARCH_API_VCPU_H

#include "arch/api/exit.h"
#include "arch/api/npt.h"
#include "lib/timebase.h"

/* x86's encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15. */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, GPRS };

enum vreg {
	VREG_RIP, VREG_RSP, VREG_RFLAGS,
	VREG_CR0, VREG_CR2, VREG_CR3, VREG_CR4, VREG_CR8,	/* CR0, CR4: as the guest reads them; CR8: the class in its APIC's TPR */
	VREG_EFER, VREG_XCR0,
	VREG_DR0, VREG_DR1, VREG_DR2, VREG_DR3, VREG_DR6, VREG_DR7,
	VREG_GDTR_BASE, VREG_GDTR_LIMIT, VREG_IDTR_BASE, VREG_IDTR_LIMIT,
	VREG_SYSENTER_CS, VREG_SYSENTER_ESP, VREG_SYSENTER_EIP,
	VREG_STAR, VREG_LSTAR, VREG_CSTAR, VREG_FMASK, VREG_KERNEL_GS_BASE, VREG_TSC_AUX, VREG_PAT,
	VREG_DEBUGCTL,
	VREG_TSC_OFFSET,
	VREGS
};

struct segment {
	uint16_t selector;
	uint64_t base;
	uint32_t limit;
	uint32_t access;	/* VMCS access-rights format: bits 0-15 as in a descriptor's bytes 5-6, 16 = unusable */
};

#define SEGMENT_UNUSABLE 0x10000u

/* Interruptibility as the SDM's section "Guest Non-Register State" orders its bits. */
#define BLOCKING_BY_STI 0x1u
#define BLOCKING_BY_MOV_SS 0x2u
#define BLOCKING_BY_NMI 0x8u

/*
 * The part of a virtual processor that entry code and interpreter both touch on every exit. gpr[RSP] is
 * not kept here (use VREG_RSP): the hardware keeps it.
 */
struct arch_vcpu {
	uint64_t gpr[GPRS];	/* loaded and saved by vmx/entry.asm: keep first */
	struct vmx_vcpu *vmx;	/* the back end's own part */
	bool fast;		/* the back end's: the next entry needs no preparation */
	/*
	 * The next entry delivers a debug trap of the instruction before, and must not inject an interrupt, which would
	 * take its place. SDM, "Delivery of Pending Debug Exceptions after VM Entry".
	 */
	bool trapped;
};

/* Bytes of page-aligned storage the back end needs for one virtual processor. */
size_t arch_vcpu_storage(void);

/*
 * Makes a virtual processor in zeroed `storage` (direct-mapped, arch_vcpu_storage() bytes) that runs
 * under `npt`. 0 or -EINVAL. The state is arch_vcpu_reset()'s.
 */
int arch_vcpu_create(struct arch_vcpu *av, void *storage, const struct npt *npt, uint16_t vpid);
/* Gives the processor up: no processor holds any of its state afterwards. */
void arch_vcpu_destroy(struct arch_vcpu *av);

/* The state after INIT (SDM, "Processor State After Reset"): real mode, CS:IP F000:FFF0. */
void arch_vcpu_reset(struct arch_vcpu *av);

/*
 * Enters the guest until the next exit, at the latest when the TSC passes `deadline` (absolute). `now` is the
 * TSC as the caller has just read it, for its account. Interrupts are off before and after. Fills *exit completely. Loads lazily what differs from the
 * processor's last guest. True = an event was being delivered to the guest and must be queued again:
 * exit->vectoring, which is not filled otherwise.
 */
bool arch_vcpu_run(struct arch_vcpu *av, uint64_t now, uint64_t deadline, struct vm_exit *exit);

/* Registers. May be called at any time the guest is not running, on the processor that last ran it. */
uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg);
void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value);
void arch_vcpu_get_segment(struct arch_vcpu *av, enum seg seg, struct segment *s);
void arch_vcpu_set_segment(struct arch_vcpu *av, enum seg seg, const struct segment *s);
/* PDPTEs for PAE paging, which a MOV to CR0 or CR4 that we interpret must load ourselves. */
void arch_vcpu_set_pdpte(struct arch_vcpu *av, unsigned int n, uint64_t value);
/* The same four as the processor uses them; they mean something while PAE paging is on. */
uint64_t arch_vcpu_get_pdpte(struct arch_vcpu *av, unsigned int n);

/* Bits of CR0 and CR4 a guest may set at all on this machine. */
uint64_t arch_vcpu_cr0_allowed(void);
uint64_t arch_vcpu_cr4_allowed(void);

uint32_t arch_vcpu_blocking(struct arch_vcpu *av);	/* BLOCKING_ bits */
/* Would the guest take an interrupt now: IF set, no STI or MOV SS shadow? */
bool arch_vcpu_open(struct arch_vcpu *av);
void arch_vcpu_set_blocking(struct arch_vcpu *av, uint32_t blocking);

/* Effect of one instruction done: RIP on, STI/MOV SS shadow off. insn_len 1-15. Dispatcher only. */
void arch_vcpu_advance(struct arch_vcpu *av, const struct vm_exit *exit);
/*
 * The same for an instruction that the executor has done, so that it alone knows where it leads: RIP is `rip`. stepped =
 * RFLAGS.TF was on when it began; branched = it is not simply the next one; hits = data or I/O breakpoints that it met,
 * as in DR6.
 */
void arch_vcpu_arrive(struct arch_vcpu *av, uint64_t rip, bool stepped, bool branched, uint32_t hits);
/* After an exit that came when its instruction was through (of the APIC's page): where the guest steps, its trap is due. */
void arch_vcpu_completed(struct arch_vcpu *av);
/* Bits 0-7 of DR7: which breakpoints are on. Quicker than arch_vcpu_get(). */
uint32_t arch_vcpu_breakpoints(struct arch_vcpu *av);

/*
 * Vector register n (0 to 15), its lower 16 or 32 bytes; 32 only where the guest's XCR0 has AVX. zero_rest: what lies
 * above the bytes written becomes 0, as VEX has it.
 */
void arch_vcpu_get_vector(struct arch_vcpu *av, unsigned int n, void *to, unsigned int bytes);
void arch_vcpu_set_vector(struct arch_vcpu *av, unsigned int n, const void *from, unsigned int bytes, bool zero_rest);

/* An x87 instruction with an operand in memory, as the guest has it. */
struct x87_insn {
	uint8_t opcode;		/* D8h to DFh */
	uint8_t modrm;
	bool store;		/* the operand is written */
	bool wide;		/* 64-bit code: the last instruction's and operand's addresses have no selectors */
	uint64_t ip, dp;	/* these addresses */
	uint16_t cs, ds;
};

enum x87_result {
	X87_DONE,
	X87_NOT_STORED,		/* done, but an error that is not masked keeps the operand from being written */
	X87_WAITS,		/* nothing is done: an error of an instruction before is due first, #MF */
};

/* Executes it on the guest's x87 registers; `operand`, 16 bytes, stands for its memory. Not for whole environments. */
enum x87_result arch_vcpu_x87(struct arch_vcpu *av, const struct x87_insn *i, void *operand);

/*
 * A vector instruction that the interpreter has composed: its operand in memory is at [RDI], general registers are those
 * here and no others. Nothing but what the decoder's tables know gets here: it is executed with CP's rights.
 */
struct direct_insn {
	uint64_t rax, rcx, rdx, r8, r9, rflags;	/* in this order for direct_run.asm; of the flags the arithmetic ones */
	uint8_t code[15], length;
	bool vector;		/* errors of MXCSR may come of it */
};

enum direct_result {
	DIRECT_DONE,
	DIRECT_WAITS,		/* an x87 error of an instruction before is due first: nothing is done, #MF */
	DIRECT_ERROR,		/* an error that MXCSR does not mask: its flags are set, else nothing is done */
	DIRECT_REFUSED,		/* the processor raised #UD or #GP: nothing is done */
};

/* Executes it with the guest's vector registers; `operand`, 32 bytes on a multiple of that, stands for its memory. */
enum direct_result arch_vcpu_direct(struct arch_vcpu *av, struct direct_insn *d, void *operand);

/* The event to deliver at the next entry; valid = false takes it back. */
void arch_vcpu_inject(struct arch_vcpu *av, const struct event *event);
/* The same for an external interrupt; -1 takes it back. */
void arch_vcpu_inject_interrupt(struct arch_vcpu *av, int vector);
/* Ask for an exit as soon as the guest could take an interrupt / NMI. */
void arch_vcpu_want_window(struct arch_vcpu *av, bool interrupt, bool nmi);

/*
 * The local APIC as far as the processor keeps it: its registers lie in a page, the virtual-APIC page, at their
 * architectural offsets. SDM, "APIC Virtualization and Virtual Interrupts". What the processor cannot do exits.
 */
enum apic_mode { APIC_MODE_OFF, APIC_MODE_MMIO, APIC_MODE_X2 };

/* `page`: the registers, page aligned; `access`: the page that stands at the APIC's address in the guest's storage. */
void arch_vcpu_set_apic(struct arch_vcpu *av, void *page, void *access);
void arch_vcpu_apic_mode(struct arch_vcpu *av, enum apic_mode mode);
bool arch_apic_has_registers(void);	/* the access page is of use */
/* In the APIC's present mode: pending vectors in the page's IRR are delivered by the processor. */
bool arch_vcpu_delivers(const struct arch_vcpu *av);
/* A vector has been set in the page's IRR: the processor delivers it when the guest lets it. Only with delivery. */
void arch_vcpu_request_vector(struct arch_vcpu *av, uint8_t vector);
/* The highest vectors in IRR and ISR (0 = none), after the page was changed otherwise: by a reset, a restore. */
void arch_vcpu_set_vectors(struct arch_vcpu *av, uint8_t requested, uint8_t service);
/* An exit when the guest's task priority class falls below `threshold` (0-15). Not with delivery. */
void arch_vcpu_tpr_threshold(struct arch_vcpu *av, uint8_t threshold);
/* Vectors whose EOI exits (EXIT_VIRTUAL_EOI). Only with delivery. */
void arch_vcpu_eoi_exits(struct arch_vcpu *av, const uint64_t vectors[4]);

/* Lets a guest read or write one MSR of the real processor's without an exit. At first all exit. */
void arch_vcpu_pass_msr(struct arch_vcpu *av, uint32_t msr, bool read, bool write);

/*
 * The guest's TSC, before VREG_TSC_OFFSET is added, is the real one times multiplier / 2^48 (lib/timebase.h). Where the
 * processor has no scaling RDTSC and RDTSCP exit instead, and RDMSR of the TSC must not be passed.
 */
void arch_vcpu_scale_tsc(struct arch_vcpu *av, uint64_t multiplier);
bool arch_has_tsc_scaling(void);

/* What the back end can do, for the CPUID policy: a feature is hidden where its control is missing. */
bool arch_vcpu_has_invpcid(void);
bool arch_vcpu_has_rdtscp(void);
uint64_t arch_vcpu_xcr0_allowed(void);	/* 0 = no XSAVE on this machine */

#endif
