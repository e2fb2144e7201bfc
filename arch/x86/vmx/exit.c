/* Decodes a VM exit once, into the plain struct that everything in vmm/ reads. */
/* Part: arch/x86/vmx; SDM, "VM-Exit Information Fields" and "Exit Qualification". */
#include "arch/x86/regs.h"
#include "arch/x86/vmx/audit.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"

/* Indexed by basic exit reason. SDM, appendix "VMX Basic Exit Reasons". 0 = EXIT_EXCEPTION is reason 0 itself. */
static const uint8_t kinds[] = {
	[0] = EXIT_EXCEPTION, [1] = EXIT_INTERRUPT, [2] = EXIT_TRIPLE_FAULT, [3] = EXIT_INIT,
	[4] = EXIT_SIPI, [5] = EXIT_SMI, [6] = EXIT_SMI, [7] = EXIT_INTERRUPT_WINDOW,
	[8] = EXIT_NMI_WINDOW, [9] = EXIT_TASK_SWITCH, [10] = EXIT_CPUID, [11] = EXIT_GETSEC,
	[12] = EXIT_HLT, [13] = EXIT_INVD, [14] = EXIT_INVLPG, [15] = EXIT_RDPMC, [16] = EXIT_RDTSC,
	[17] = EXIT_RSM, [18] = EXIT_VMCALL, [19] = EXIT_VMX_INSTRUCTION, [20] = EXIT_VMX_INSTRUCTION,
	[21] = EXIT_VMX_INSTRUCTION, [22] = EXIT_VMX_INSTRUCTION, [23] = EXIT_VMX_INSTRUCTION,
	[24] = EXIT_VMX_INSTRUCTION, [25] = EXIT_VMX_INSTRUCTION, [26] = EXIT_VMX_INSTRUCTION,
	[27] = EXIT_VMX_INSTRUCTION, [28] = EXIT_CR, [29] = EXIT_DR, [30] = EXIT_IO, [31] = EXIT_RDMSR,
	[32] = EXIT_WRMSR, [33] = EXIT_BAD_GUEST_STATE, [34] = EXIT_BAD_MSR_LOAD, [35] = EXIT_UNKNOWN,
	[36] = EXIT_MWAIT, [37] = EXIT_MONITOR_TRAP, [38] = EXIT_UNKNOWN, [39] = EXIT_MONITOR,
	[40] = EXIT_PAUSE, [41] = EXIT_MACHINE_CHECK, [42] = EXIT_UNKNOWN, [43] = EXIT_TPR_THRESHOLD,
	[44] = EXIT_APIC_ACCESS, [45] = EXIT_VIRTUAL_EOI, [46] = EXIT_GDTR_IDTR, [47] = EXIT_LDTR_TR,
	[48] = EXIT_STORAGE, [49] = EXIT_STORAGE_MISMAP, [50] = EXIT_VMX_INSTRUCTION, [51] = EXIT_RDTSCP,
	[52] = EXIT_TIME, [53] = EXIT_VMX_INSTRUCTION, [54] = EXIT_WBINVD, [55] = EXIT_XSETBV,
	[56] = EXIT_APIC_WRITE, [57] = EXIT_RDRAND, [58] = EXIT_INVPCID, [59] = EXIT_VMFUNC,
	[60] = EXIT_ENCLS, [61] = EXIT_RDSEED, [62] = EXIT_PML_FULL, [63] = EXIT_XSAVES, [64] = EXIT_XRSTORS,
};

#define REASON_ENTRY_FAILED (1u << 31)

uint8_t vmx_exit_kinds[VMX_EXIT_REASONS];

void vmx_exit_init(void)
{
	_Static_assert(EXIT_KINDS <= VMX_EXIT_MORE, "a kind fits beside the flag");
	for (uint32_t i = 0; i < VMX_EXIT_REASONS; i++) {
		uint8_t kind = i < ARRAY_LEN(kinds) ? kinds[i] : (uint8_t)EXIT_UNKNOWN;

		vmx_exit_kinds[i] = kind | (exit_is_plain(kind) ? 0 : VMX_EXIT_MORE);
	}
}

static const char *const names[EXIT_KINDS] = {
	[EXIT_EXCEPTION] = "exception", [EXIT_NMI] = "NMI", [EXIT_INTERRUPT] = "external interrupt",
	[EXIT_TRIPLE_FAULT] = "triple fault", [EXIT_INIT] = "INIT", [EXIT_SIPI] = "SIPI", [EXIT_SMI] = "SMI",
	[EXIT_INTERRUPT_WINDOW] = "interrupt window", [EXIT_NMI_WINDOW] = "NMI window",
	[EXIT_TASK_SWITCH] = "task switch", [EXIT_CPUID] = "CPUID", [EXIT_GETSEC] = "GETSEC",
	[EXIT_HLT] = "HLT", [EXIT_INVD] = "INVD", [EXIT_INVLPG] = "INVLPG", [EXIT_RDPMC] = "RDPMC",
	[EXIT_RDTSC] = "RDTSC", [EXIT_RSM] = "RSM", [EXIT_VMCALL] = "VMCALL",
	[EXIT_VMX_INSTRUCTION] = "VMX instruction", [EXIT_CR] = "control-register access",
	[EXIT_DR] = "MOV DR", [EXIT_IO] = "I/O instruction", [EXIT_RDMSR] = "RDMSR",
	[EXIT_WRMSR] = "WRMSR", [EXIT_BAD_GUEST_STATE] = "entry failure, guest state",
	[EXIT_BAD_MSR_LOAD] = "entry failure, MSR loading", [EXIT_MWAIT] = "MWAIT",
	[EXIT_MONITOR_TRAP] = "monitor trap flag", [EXIT_MONITOR] = "MONITOR", [EXIT_PAUSE] = "PAUSE",
	[EXIT_MACHINE_CHECK] = "entry failure, machine check", [EXIT_TPR_THRESHOLD] = "TPR below threshold",
	[EXIT_APIC_ACCESS] = "APIC access", [EXIT_VIRTUAL_EOI] = "virtualized EOI",
	[EXIT_GDTR_IDTR] = "access to GDTR or IDTR", [EXIT_LDTR_TR] = "access to LDTR or TR",
	[EXIT_STORAGE] = "EPT violation", [EXIT_STORAGE_MISMAP] = "EPT misconfiguration",
	[EXIT_RDTSCP] = "RDTSCP", [EXIT_TIME] = "preemption timer", [EXIT_WBINVD] = "WBINVD",
	[EXIT_XSETBV] = "XSETBV", [EXIT_APIC_WRITE] = "APIC write", [EXIT_RDRAND] = "RDRAND",
	[EXIT_INVPCID] = "INVPCID", [EXIT_VMFUNC] = "VMFUNC", [EXIT_ENCLS] = "ENCLS",
	[EXIT_RDSEED] = "RDSEED", [EXIT_PML_FULL] = "page-modification log full",
	[EXIT_XSAVES] = "XSAVES", [EXIT_XRSTORS] = "XRSTORS", [EXIT_UNKNOWN] = "unknown reason",
};

const char *exit_kind_name(enum exit_kind kind)
{
	return kind < EXIT_KINDS && names[kind] != NULL ? names[kind] : "unknown reason";
}

static void decode_vectoring(struct vm_exit *e)
{
	uint32_t info = (uint32_t)vmcs_read(VMCS_IDT_VECTORING_INFO);

	if (!(info & INTR_INFO_VALID))
		return;
	e->vectoring.valid = true;
	e->vectoring.vector = (uint8_t)info;
	e->vectoring.type = (uint8_t)INTR_INFO_TYPE(info);
	e->vectoring.has_error = (info & INTR_INFO_ERROR) != 0;
	e->vectoring.error = e->vectoring.has_error ? (uint32_t)vmcs_read(VMCS_IDT_VECTORING_ERROR) : 0;
	e->vectoring.insn_len = (uint8_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/*
 * An NMI whose IRET faulted or was interrupted by this exit is no longer blocked in the processor's eyes;
 * the saved state must say it is. SDM, "Resuming Guest Software after Handling an Exception".
 */
static void restore_nmi_blocking(const struct vm_exit *e, bool unblocked_by_iret)
{
	if (unblocked_by_iret && !e->vectoring.valid)
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
			   vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_BY_NMI);
}

static void decode_exception(struct vm_exit *e)
{
	uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_INTERRUPTION_INFO);

	if (INTR_INFO_TYPE(info) == EVENT_NMI) {
		e->kind = EXIT_NMI;
		return;
	}
	e->qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);
	e->exception.vector = (uint8_t)info;
	e->exception.type = (uint8_t)INTR_INFO_TYPE(info);
	e->exception.has_error = (info & INTR_INFO_ERROR) != 0;
	e->exception.error = e->exception.has_error ? (uint32_t)vmcs_read(VMCS_EXIT_INTERRUPTION_ERROR) : 0;
	e->exception.address = e->qualification;
	if (e->exception.type >= EVENT_SOFT_INTERRUPT)
		e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
	restore_nmi_blocking(e, (info & INTR_INFO_NMI_UNBLOCKED) != 0);
}

/* SDM, "Exit Qualification for Control-Register Accesses". */
static void decode_cr(struct vm_exit *e)
{
	uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	e->qualification = q;
	e->cr.cr = q & 15;
	e->cr.operation = q >> 4 & 3;
	e->cr.gpr = q >> 8 & 15;
	e->cr.lmsw = (uint16_t)(q >> 16);
}

/* Address size and segment of INS and OUTS. SDM, "Information for VM Exits Due to Instruction Execution". */
void vmx_decode_string(struct vm_exit *e)
{
	uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_INFO);

	e->io.rep = (e->qualification & 32) != 0;
	e->io.address_size = (uint8_t)(2u << (info >> 7 & 7));
	e->io.seg = e->io.in ? SEG_ES : (uint8_t)(info >> 15 & 7);
}

/* SDM, "Exit Qualification for EPT Violations". */
static void decode_storage(struct vm_exit *e)
{
	uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	e->qualification = q;
	e->storage.gpa = GPA(vmcs_read(VMCS_GUEST_PHYSICAL_ADDRESS));
	e->storage.read = (q & 1) != 0;
	e->storage.write = (q & 2) != 0;
	e->storage.fetch = (q & 4) != 0;
	e->storage.mapped = (q & 0x38) != 0;
	e->storage.gva_valid = (q & 0x80) != 0;
	e->storage.walk = e->storage.gva_valid && !(q & 0x100);
	e->storage.gva = GVA(e->storage.gva_valid ? vmcs_read(VMCS_GUEST_LINEAR_ADDRESS) : 0);
	restore_nmi_blocking(e, (q & 0x1000) != 0);
}

/* SDM, "Exit Qualification for Task Switches". */
static void decode_task_switch(struct vm_exit *e)
{
	uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

	e->qualification = q;
	e->task.selector = (uint16_t)q;
	e->task.source = q >> 30 & 3;
	e->task.gate_vector = e->vectoring.valid ? e->vectoring.vector : 0;
}

/* SDM, "Exit Qualification for APIC-Access VM Exits from Linear Accesses and Guest-Physical Accesses". */
static void decode_apic_access(struct vm_exit *e)
{
	uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
	uint32_t type = q >> 12 & 15;

	e->qualification = q;
	e->apic.offset = q & 0xfff;
	e->apic.write = type == 1;
	e->apic.fetch = type == 2;
	e->apic.linear = type < 2 || type == 3;
}

static void decode_kind(struct vmx_vcpu *v, struct vm_exit *e)
{
	switch (e->kind) {
	case EXIT_CR:
		e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
		decode_cr(e);
		return;
	case EXIT_DR:
		e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
		e->qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);
		e->dr.dr = e->qualification & 7;
		e->dr.write = !(e->qualification & 16);
		e->dr.gpr = e->qualification >> 8 & 15;
		return;
	case EXIT_INTERRUPT:
		e->interrupt.vector = (uint8_t)vmcs_read(VMCS_EXIT_INTERRUPTION_INFO);
		decode_vectoring(e);
		return;
	case EXIT_EXCEPTION:
		decode_vectoring(e);
		decode_exception(e);
		return;
	case EXIT_STORAGE:
		decode_vectoring(e);
		decode_storage(e);
		return;
	case EXIT_TASK_SWITCH:
		e->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
		decode_vectoring(e);
		decode_task_switch(e);
		return;
	case EXIT_APIC_ACCESS:
		decode_vectoring(e);
		decode_apic_access(e);
		return;
	case EXIT_APIC_WRITE:
		e->qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);
		e->apic_write.offset = e->qualification & 0xfff;
		return;
	case EXIT_VIRTUAL_EOI:
		e->qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);
		e->eoi.vector = (uint8_t)e->qualification;
		return;
	case EXIT_BAD_GUEST_STATE:
	case EXIT_BAD_MSR_LOAD:
	case EXIT_MACHINE_CHECK:
		e->qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);
		e->bad_state.rule = (e->raw_reason & REASON_ENTRY_FAILED) ? audit_guest_state(v->av) : NULL;
		return;
	default:
		decode_vectoring(e);
	}
}

bool vmx_decode_more(struct vmx_vcpu *v, enum exit_kind kind, struct vm_exit *e)
{
	e->raw_reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);
	e->kind = (e->raw_reason & 0xffff) < VMX_EXIT_REASONS ? kind : EXIT_UNKNOWN;
	e->qualification = 0;
	e->insn_len = 0;
	e->vectoring.valid = false;
	decode_kind(v, e);
	return e->vectoring.valid;
}
