/* struct vm_exit: one trap from a guest, decoded once. */
/* Part: contract header; made by arch/x86/vmx/exit.c only, read by everything in vmm/. */
#ifndef ARCH_API_EXIT_H
#define ARCH_API_EXIT_H

#include "lib/types.h"

/* Dense, so that the dispatcher's routing table is an array. The order is that of the SDM, Appendix
 * "VMX Basic Exit Reasons". */
enum exit_kind {
	EXIT_EXCEPTION,
	EXIT_NMI,
	EXIT_INTERRUPT,
	EXIT_TRIPLE_FAULT,
	EXIT_INIT,
	EXIT_SIPI,
	EXIT_SMI,
	EXIT_INTERRUPT_WINDOW,
	EXIT_NMI_WINDOW,
	EXIT_TASK_SWITCH,
	EXIT_CPUID,
	EXIT_GETSEC,
	EXIT_HLT,
	EXIT_INVD,
	EXIT_INVLPG,
	EXIT_RDPMC,
	EXIT_RDTSC,
	EXIT_RSM,
	EXIT_VMCALL,
	EXIT_VMX_INSTRUCTION,
	EXIT_CR,
	EXIT_DR,
	EXIT_IO,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_BAD_GUEST_STATE,
	EXIT_BAD_MSR_LOAD,
	EXIT_MWAIT,
	EXIT_MONITOR_TRAP,
	EXIT_MONITOR,
	EXIT_PAUSE,
	EXIT_MACHINE_CHECK,
	EXIT_TPR_THRESHOLD,
	EXIT_APIC_ACCESS,
	EXIT_VIRTUAL_EOI,
	EXIT_GDTR_IDTR,
	EXIT_LDTR_TR,
	EXIT_STORAGE,		/* EPT violation: the memory trap */
	EXIT_STORAGE_MISMAP,	/* EPT misconfiguration: our own bug */
	EXIT_RDTSCP,
	EXIT_TIME,		/* preemption timer */
	EXIT_WBINVD,
	EXIT_XSETBV,
	EXIT_APIC_WRITE,
	EXIT_RDRAND,
	EXIT_INVPCID,
	EXIT_VMFUNC,
	EXIT_ENCLS,
	EXIT_RDSEED,
	EXIT_PML_FULL,
	EXIT_XSAVES,
	EXIT_XRSTORS,
	EXIT_UNKNOWN,
	EXIT_KINDS
};

/* Segment registers in the order x86 encodes them. */
enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEGS };

enum cr_operation { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };

enum event_type {	/* as the VM-entry interruption-information field numbers them */
	EVENT_INTERRUPT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFT_INTERRUPT = 4,	/* INT n */
	EVENT_PRIV_SOFT_EXCEPTION = 5,	/* INT1 */
	EVENT_SOFT_EXCEPTION = 6,	/* INT3, INTO */
};

struct event {
	bool valid;
	uint8_t vector;
	uint8_t type;		/* enum event_type */
	bool has_error;
	uint32_t error;
	uint8_t insn_len;	/* for the soft ones */
};

struct vm_exit {
	enum exit_kind kind;
	uint32_t insn_len;	/* bytes; 0 = undefined for this exit */
	uint64_t rip;
	/* As the hardware gave them, for messages and traces; not filled where exit_is_plain(kind). */
	uint64_t qualification;
	uint32_t raw_reason;
	struct event vectoring;	/* an event that was being delivered: see arch_vcpu_run() */
	union {
		struct {	/* EXIT_EXCEPTION */
			uint8_t vector;
			uint8_t type;	/* enum event_type */
			bool has_error;
			uint32_t error;
			uint64_t address;	/* #PF: what goes to CR2; #DB: what goes to DR6 */
		} exception;
		struct { uint8_t vector; } interrupt;	/* EXIT_INTERRUPT: of the real machine */
		struct {	/* EXIT_IO */
			uint16_t port;
			uint8_t size;	/* 1, 2, 4 */
			bool in, string, rep;
			uint8_t address_size;	/* bytes: 2, 4, 8; string only */
			uint8_t seg;	/* enum seg of the source; ES for INS; string only */
		} io;
		struct {	/* EXIT_CR */
			uint8_t cr;	/* 0, 3, 4, 8 */
			uint8_t operation;	/* enum cr_operation */
			uint8_t gpr;
			uint16_t lmsw;
		} cr;
		struct { uint8_t dr, gpr; bool write; } dr;	/* EXIT_DR */
		struct { uint16_t offset; } apic_write;	/* EXIT_APIC_WRITE: the register, written already; RIP is past it */
		struct { uint8_t vector; } eoi;		/* EXIT_VIRTUAL_EOI: done already; RIP is past it */
		struct {	/* EXIT_APIC_ACCESS: nothing done yet */
			uint16_t offset;
			bool write, fetch;
			bool linear;	/* an instruction's own access, or the delivery of an event: no page walk */
		} apic;
		struct {	/* EXIT_STORAGE */
			gpa_t gpa;
			gva_t gva;
			bool gva_valid;
			bool read, write, fetch;
			bool walk;	/* touched while walking the guest's page tables */
			bool mapped;	/* EPT had an entry: a matter of rights */
		} storage;
		struct {	/* EXIT_TASK_SWITCH; what came through a gate of the IDT is in `vectoring` */
			uint16_t selector;	/* of the new TSS */
			uint8_t source;		/* enum task_source */
			uint8_t gate_vector;
		} task;
		struct { const char *rule; } bad_state;	/* EXIT_BAD_GUEST_STATE: first rule broken */
	};
};

/* Instructions that exit with nothing to say but where they are and how long: most of all exits. */
#define EXIT_PLAIN                                                                                              \
	(1ull << EXIT_CPUID | 1ull << EXIT_RDMSR | 1ull << EXIT_WRMSR | 1ull << EXIT_VMCALL | 1ull << EXIT_HLT |  \
	 1ull << EXIT_GETSEC | 1ull << EXIT_INVD | 1ull << EXIT_WBINVD | 1ull << EXIT_INVLPG |                   \
	 1ull << EXIT_RDPMC | 1ull << EXIT_RDTSC | 1ull << EXIT_RDTSCP | 1ull << EXIT_RSM |                      \
	 1ull << EXIT_VMX_INSTRUCTION | 1ull << EXIT_MWAIT | 1ull << EXIT_MONITOR | 1ull << EXIT_PAUSE |         \
	 1ull << EXIT_GDTR_IDTR | 1ull << EXIT_LDTR_TR | 1ull << EXIT_XSETBV | 1ull << EXIT_RDRAND |             \
	 1ull << EXIT_RDSEED | 1ull << EXIT_INVPCID | 1ull << EXIT_VMFUNC | 1ull << EXIT_ENCLS |                 \
	 1ull << EXIT_XSAVES | 1ull << EXIT_XRSTORS)
_Static_assert(EXIT_KINDS <= 64, "the kinds fit one word");

static inline bool exit_is_plain(enum exit_kind kind)
{
	return EXIT_PLAIN >> kind & 1;
}

/* SDM names for messages; valid for every enum exit_kind. */
const char *exit_kind_name(enum exit_kind kind);

#endif
