/* The capability gate: every requirement has a line, and everything missing is reported together. */
/* Part: arch/x86/vmx; SDM, "VMX Capability Reporting Facility". */
#include "arch/x86/vmx/gate.h"
#include "arch/x86/vmx/vmcs.h"
#include "lib/string.h"

#define ADVICE_PROCESSOR "this processor is too old for VM/64: Intel Westmere (2010) or newer has it"
#define ADVICE_NESTED \
	"the hypervisor below does not pass it on: give the virtual processor the host's model " \
	"(QEMU: -cpu host, and nested=1 for kvm_intel)"

struct requirement {
	size_t word;		/* offset of the capability MSR in struct vmx_snapshot */
	uint32_t bit;
	bool required;
	const char *what;
};

#define IN(field) offsetof(struct vmx_snapshot, field)

/*
 * Controls we ask for. The rule for each: bits 63:32 of the capability MSR say what may be 1, bits 31:0
 * what must be. Where `required` is false the back end does without.
 */
static const struct requirement requirements[] = {
	{ IN(pin), PIN_EXTERNAL_INTERRUPT, true, "external-interrupt exiting" },
	{ IN(pin), PIN_NMI, true, "NMI exiting" },
	{ IN(pin), PIN_VIRTUAL_NMI, false, "virtual NMIs" },
	{ IN(pin), PIN_PREEMPTION_TIMER, false, "VMX-preemption timer" },
	{ IN(proc), PROC_INTERRUPT_WINDOW, true, "interrupt-window exiting" },
	{ IN(proc), PROC_NMI_WINDOW, false, "NMI-window exiting" },
	{ IN(proc), PROC_TSC_OFFSETTING, true, "use TSC offsetting" },
	{ IN(proc), PROC_HLT, true, "HLT exiting" },
	{ IN(proc), PROC_MWAIT, true, "MWAIT exiting" },
	{ IN(proc), PROC_MONITOR, true, "MONITOR exiting" },
	{ IN(proc), PROC_RDPMC, true, "RDPMC exiting" },
	{ IN(proc), PROC_TPR_SHADOW, false, "use TPR shadow" },
	{ IN(proc), PROC_CR8_LOAD, true, "CR8-load exiting" },
	{ IN(proc), PROC_CR8_STORE, true, "CR8-store exiting" },
	{ IN(proc), PROC_IO_BITMAPS, true, "use I/O bitmaps" },
	{ IN(proc), PROC_MSR_BITMAPS, true, "use MSR bitmaps" },
	{ IN(proc), PROC_SECONDARY, true, "activate secondary controls" },
	{ IN(proc2), PROC2_APIC_ACCESSES, false, "virtualize APIC accesses" },
	{ IN(proc2), PROC2_X2APIC_MODE, false, "virtualize x2APIC mode" },
	{ IN(proc2), PROC2_APIC_REGISTERS, false, "APIC-register virtualization" },
	{ IN(proc2), PROC2_VIRTUAL_INTERRUPTS, false, "virtual-interrupt delivery" },
	{ IN(proc2), PROC2_EPT, true, "enable EPT (extended page tables)" },
	{ IN(proc2), PROC2_UNRESTRICTED_GUEST, true, "unrestricted guest" },
	{ IN(proc2), PROC2_VPID, false, "enable VPID" },
	{ IN(proc2), PROC2_RDTSCP, false, "enable RDTSCP" },
	{ IN(proc2), PROC2_WBINVD, false, "WBINVD exiting" },
	{ IN(proc2), PROC2_INVPCID, false, "enable INVPCID" },
	{ IN(proc2), PROC2_TSC_SCALING, false, "use TSC scaling" },
	{ IN(exit), EXIT_SAVE_DEBUG, true, "save debug controls" },
	{ IN(exit), EXIT_HOST_64BIT, true, "host address-space size (64-bit host)" },
	{ IN(exit), EXIT_ACK_INTERRUPT, true, "acknowledge interrupt on exit" },
	{ IN(exit), EXIT_SAVE_PAT, true, "save IA32_PAT" },
	{ IN(exit), EXIT_LOAD_PAT, true, "load IA32_PAT (exit)" },
	{ IN(exit), EXIT_SAVE_EFER, true, "save IA32_EFER" },
	{ IN(exit), EXIT_LOAD_EFER, true, "load IA32_EFER (exit)" },
	{ IN(entry), ENTRY_LOAD_DEBUG, true, "load debug controls" },
	{ IN(entry), ENTRY_LOAD_PAT, true, "load IA32_PAT (entry)" },
	{ IN(entry), ENTRY_LOAD_EFER, true, "load IA32_EFER (entry)" },
};

static void missing(struct gate_report *r, const char *what, const char *advice)
{
	if (r->count < GATE_FINDINGS)
		r->missing[r->count++] = (struct gate_finding){ what, advice };
}

static uint64_t word_of(const struct vmx_snapshot *s, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)s + offset);
}

/* The control word: all that is wanted and allowed, and all that must be. */
static uint32_t clamp(const struct vmx_snapshot *s, size_t offset)
{
	uint64_t word = word_of(s, offset);
	uint32_t want = 0;

	for (size_t i = 0; i < ARRAY_LEN(requirements); i++)
		if (requirements[i].word == offset)
			want |= requirements[i].bit;
	return (want & (uint32_t)(word >> 32)) | (uint32_t)word;
}

static const char *advice_of(const struct vmx_snapshot *s)
{
	return s->hypervisor ? ADVICE_NESTED : ADVICE_PROCESSOR;
}

static void judge_controls(const struct vmx_snapshot *s, struct gate_report *r)
{
	for (size_t i = 0; i < ARRAY_LEN(requirements); i++) {
		const struct requirement *q = &requirements[i];

		if (q->required && !(word_of(s, q->word) >> 32 & q->bit))
			missing(r, q->what, advice_of(s));
	}
	/* These must be free to be 0: the monitor does not take such exits. */
	if ((uint32_t)s->proc & (PROC_CR3_LOAD | PROC_CR3_STORE))
		missing(r, "CR3 accesses without an exit (TRUE controls)", advice_of(s));
	if (!(s->proc2 >> 32 & PROC2_EPT))
		return;
	if (!(s->ept_vpid & EPT_CAP_WALK_4))
		missing(r, "EPT page-walk length 4", advice_of(s));
	if (!(s->ept_vpid & EPT_CAP_WB))
		missing(r, "EPT paging structures of memory type WB", advice_of(s));
	if (!(s->ept_vpid & EPT_CAP_INVEPT) ||
	    !(s->ept_vpid & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)))
		missing(r, "INVEPT", advice_of(s));
}

static bool judge_presence(const struct vmx_snapshot *s, struct gate_report *r)
{
	if (!s->cpuid_vmx) {
		if (s->hypervisor)
			missing(r, "VT-x: CPUID.1:ECX.VMX[bit 5] is 0 in this virtual machine",
				ADVICE_NESTED ", or use Bochs, which emulates VT-x (scripts/vm64 run "
					      "--engine bochs)");
		else
			missing(r, "VT-x: CPUID.1:ECX.VMX[bit 5] is 0",
				"this processor has no Intel VT-x; AMD's SVM is not supported. Bochs emulates "
				"VT-x on any machine (scripts/vm64 run --engine bochs)");
		return false;
	}
	if (!s->feature_control_readable) {
		missing(r, "IA32_FEATURE_CONTROL cannot be read", advice_of(s));
		return false;
	}
	if ((s->feature_control & FEATURE_CONTROL_LOCK) && !(s->feature_control & FEATURE_CONTROL_VMXON)) {
		missing(r, "VT-x is switched off and locked in IA32_FEATURE_CONTROL",
			"switch 'Intel Virtualization Technology' (VMX, Vanderpool) on in the firmware's "
			"set-up, then switch the machine off and on");
		return true;	/* what else is missing is worth knowing before somebody enters the set-up */
	}
	return true;
}

static void give_up_tpr_shadow(struct vmx_capabilities *caps)
{
	caps->tpr_shadow = false;
	caps->proc &= ~PROC_TPR_SHADOW;
}

static void give_up_apic_registers(struct vmx_capabilities *caps)
{
	caps->apic_registers = caps->x2apic_registers = caps->virtual_interrupts = false;
	caps->proc2 &= ~(PROC2_APIC_ACCESSES | PROC2_X2APIC_MODE | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPTS);
}

static void give_up_virtual_interrupts(struct vmx_capabilities *caps)
{
	caps->virtual_interrupts = false;
	caps->proc2 &= ~PROC2_VIRTUAL_INTERRUPTS;
}

/* Each step of APIC virtualization stands on the one before; the accesses alone, without registers, save nothing. */
static void judge_apic(struct vmx_capabilities *caps)
{
	caps->tpr_shadow = (caps->proc & PROC_TPR_SHADOW) != 0;
	caps->apic_registers = caps->tpr_shadow && (caps->proc2 & PROC2_APIC_ACCESSES) &&
			       (caps->proc2 & PROC2_APIC_REGISTERS);
	caps->x2apic_registers = caps->apic_registers && (caps->proc2 & PROC2_X2APIC_MODE);
	caps->virtual_interrupts = caps->apic_registers && (caps->proc2 & PROC2_VIRTUAL_INTERRUPTS);
	if (!caps->apic_registers)
		give_up_apic_registers(caps);
}

void gate_judge(const struct vmx_snapshot *s, struct vmx_capabilities *caps, struct gate_report *report)
{
	report->count = 0;
	if (!judge_presence(s, report))
		return;
	judge_controls(s, report);
	if (report->count != 0)
		return;
	*caps = (struct vmx_capabilities){
		.revision = (uint32_t)s->basic & 0x7fffffff,
		.pin = clamp(s, IN(pin)),
		.proc = clamp(s, IN(proc)),
		.proc2 = clamp(s, IN(proc2)),
		.exit = clamp(s, IN(exit)),
		.entry = clamp(s, IN(entry)),
		.ept_vpid = s->ept_vpid,
		.cr0_fixed0 = s->cr0_fixed0,
		.cr0_fixed1 = s->cr0_fixed1,
		.cr4_fixed0 = s->cr4_fixed0,
		.cr4_fixed1 = s->cr4_fixed1,
		.preemption_shift = (unsigned int)(s->misc & 0x1f),
		.page_2m = (s->ept_vpid & EPT_CAP_2M) != 0,
		.page_1g = (s->ept_vpid & EPT_CAP_1G) != 0,
		.ept_ad = (s->ept_vpid & EPT_CAP_AD) != 0,
	};
	caps->preemption_timer = (caps->pin & PIN_PREEMPTION_TIMER) != 0;
	caps->virtual_nmi = (caps->pin & PIN_VIRTUAL_NMI) != 0;
	caps->invpcid = (caps->proc2 & PROC2_INVPCID) != 0;
	caps->rdtscp = (caps->proc2 & PROC2_RDTSCP) != 0;
	caps->tsc_scaling = (caps->proc2 & PROC2_TSC_SCALING) != 0;
	/* Without INVVPID a VPID could never be reused after its guest has gone. */
	caps->vpid = (caps->proc2 & PROC2_VPID) && (s->ept_vpid & VPID_CAP_INVVPID) &&
		     (s->ept_vpid & (VPID_CAP_SINGLE | VPID_CAP_ALL));
	if (!caps->vpid)
		caps->proc2 &= ~PROC2_VPID;
	judge_apic(caps);
	caps->proc2 |= (uint32_t)s->proc2;	/* what must be stays, whatever it is good for */
}

static bool give_up(struct vmx_capabilities *caps, const char *word, size_t n)
{
	if (n == 5 && strncmp(word, "timer", n) == 0) {
		caps->preemption_timer = false;
		caps->pin &= ~PIN_PREEMPTION_TIMER;
	} else if (n == 4 && strncmp(word, "vpid", n) == 0) {
		caps->vpid = false;
		caps->proc2 &= ~PROC2_VPID;
	} else if (n == 3 && strncmp(word, "tpr", n) == 0) {
		give_up_tpr_shadow(caps);
		give_up_apic_registers(caps);
	} else if (n == 5 && strncmp(word, "apicv", n) == 0) {
		give_up_apic_registers(caps);
	} else if (n == 3 && strncmp(word, "vid", n) == 0) {
		give_up_virtual_interrupts(caps);
	} else if (n == 5 && strncmp(word, "scale", n) == 0) {
		caps->tsc_scaling = false;
		caps->proc2 &= ~PROC2_TSC_SCALING;
	} else if (n == 2 && strncmp(word, "1g", n) == 0) {
		caps->page_1g = false;
	} else if (n == 2 && strncmp(word, "2m", n) == 0) {
		caps->page_2m = caps->page_1g = false;
	} else {
		return false;
	}
	return true;
}

const char *gate_without(struct vmx_capabilities *caps, const char *words)
{
	while (*words != '\0') {
		size_t n = 0;

		while (words[n] != '\0' && words[n] != ',')
			n++;
		if (!give_up(caps, words, n))
			return words;
		words += n + (words[n] == ',');
	}
	return NULL;
}
