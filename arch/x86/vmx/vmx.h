/* The VT-x back end's own structures. */
/* Part: arch/x86/vmx; never included outside this folder but by the kernel's start. */
#ifndef ARCH_X86_VMX_VMX_H
#define ARCH_X86_VMX_VMX_H

#include "arch/api/vcpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/gate.h"

/* Storage of one virtual processor: this structure, then VMCS, MSR bitmap and extended state, a page each or more. */
#define VMX_EXIT_REASONS 128u	/* basic exit reasons, of which the SDM has defined about 80 */
#define VMX_EXIT_MORE 0x80u	/* this kind has more to decode than RIP and instruction length */

struct vmx_vcpu {
	struct arch_vcpu *av;
	bool launched;		/* VMLAUNCH done since the last VMCLEAR */
	uint16_t vpid;
	hpa_t vmcs;
	uint32_t *msr_bitmap;
	uint8_t *extended;	/* XSAVE or FXSAVE area */
	uint32_t proc, proc2, entry, exceptions;	/* what the VMCS's control words hold now */
	uint64_t cr0_shadow, cr4_shadow;	/* as the VMCS holds them: the masked bits as the guest wrote them */
	uint64_t tsc_offset;
	uint8_t *apic;		/* the virtual-APIC page; NULL = none yet */
	enum apic_mode apic_mode;
	uint8_t tpr_threshold;	/* as the VMCS holds it */
	/* Registers the VMCS does not hold. Valid here while the virtual processor is not resident. */
	uint64_t cr2, xcr0;
	uint64_t dr[4], dr6;
	uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
};

extern struct vmx_capabilities vmx_caps;

/* Where the kernel image lies: vmx.c needs it. Before vmx_init(). */
void vmx_set_image_base(uint64_t kernel_base);

/* Judges the machine; on success VMX operation is entered on this processor. */
void vmx_init(struct gate_report *report);

/* Makes v's VMCS the current one of this processor, without its extended state. */
void vmx_change_current(struct vmx_vcpu *v);
static inline void vmx_make_current(struct vmx_vcpu *v)
{
	if (__builtin_expect(percpu()->current != v, 0))
		vmx_change_current(v);
}

/* Puts v's extended state and MSRs into the registers, saving the last guest's. Implies vmx_make_current(). */
void vmx_make_resident(struct vmx_vcpu *v);
/* Saves v's extended state, if it is here. */
void vmx_evict(struct vmx_vcpu *v);

/* Changes one of the primary controls. */
void vmx_set_proc(struct vmx_vcpu *v, uint32_t bit, bool on);

/* Extended state (x87, SSE, AVX, ...): extended.c */
bool direct_init(void);	/* false: no room in CP's page tables */
void extended_init(void);
size_t extended_size(void);
uint64_t extended_allowed(void);	/* XCR0 bits a guest may have; 0 = no XSAVE here */
void extended_reset(uint8_t *area);
void extended_save(uint8_t *area);
void extended_load(const uint8_t *area);
void extended_set_xcr0(uint64_t xcr0);

/* Memory types from the MTRRs: mtrr.c */
enum memory_type { TYPE_UC = 0, TYPE_WC = 1, TYPE_WT = 4, TYPE_WP = 5, TYPE_WB = 6, TYPE_MIXED = -1 };
void mtrr_read(void);
int mtrr_type(hpa_t base, uint64_t size);	/* enum memory_type */

/* Forget what the processor keeps of these translations. */
void ept_invalidate(uint64_t eptp);
void vpid_invalidate(uint16_t vpid);

/* entry.asm. A function may come back in two ways: the exit clears CF, the failure to enter sets it. */
#define VMX_ENTER(how)                                                                           \
	__asm__ goto("call " how "\n\tjc %l[failed]"                                             \
		     :                                                                           \
		     : "D"(gpr)                                                                  \
		     : "rax", "rbx", "rcx", "rdx", "rbp", "rsi", "r8", "r9", "r10", "r11", "r12", \
		       "r13", "r14", "r15", "memory", "cc"                                       \
		     : failed)

/* 0 = a VM exit came; 1 = VM entry failed: VMCS_INSTRUCTION_ERROR says why if there is a current VMCS. */
static inline uint64_t vmx_enter_resume(uint64_t *gpr)
{
	VMX_ENTER("vmx_resume");
	return 0;
failed:
	return 1;
}

static inline uint64_t vmx_enter_launch(uint64_t *gpr)
{
	VMX_ENTER("vmx_launch");
	return 0;
failed:
	return 1;
}

extern char vmx_exit_entry[];

/* exit.c: the rest of the decoding for the kinds that have more to say than where and how long. */
extern uint8_t vmx_exit_kinds[VMX_EXIT_REASONS];	/* enum exit_kind by basic reason, with VMX_EXIT_MORE */
void vmx_exit_init(void);
void vmx_decode_string(struct vm_exit *exit);
bool vmx_decode_more(struct vmx_vcpu *v, enum exit_kind kind, struct vm_exit *exit);	/* as arch_vcpu_run() */

#endif
