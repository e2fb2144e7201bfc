/* The capability gate: what VM/64 needs of a processor, and what it takes where it is offered. */
/* Part: arch/x86/vmx; pure, on a snapshot of CPUID and MSRs, so that the host tests feed it any machine. */
#ifndef ARCH_X86_VMX_GATE_H
#define ARCH_X86_VMX_GATE_H

#include "lib/types.h"

/* What was read. have_* false = the MSR does not exist on this processor. */
struct vmx_snapshot {
	char vendor[13];
	bool cpuid_vmx;
	bool hypervisor;	/* CPUID.1:ECX[31]: we are a guest ourselves */
	bool feature_control_readable;
	uint64_t feature_control;
	uint64_t basic;
	uint64_t pin, proc, proc2, exit, entry;	/* the TRUE ones where basic bit 55 is set */
	uint64_t ept_vpid;
	uint64_t misc;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/* What the back end will use: the control words clamped to the machine, and the options taken. */
struct vmx_capabilities {
	uint32_t revision;
	uint32_t pin, proc, proc2, exit, entry;
	uint64_t ept_vpid;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	unsigned int preemption_shift;
	bool preemption_timer, vpid, virtual_nmi, page_1g, page_2m, ept_ad, invpcid, rdtscp;
	bool tpr_shadow;	/* CR8 and the task priority without an exit */
	bool apic_registers;	/* a guest's reads of its APIC's page without an exit, writes told after the fact */
	bool x2apic_registers;	/* the same for x2APIC's MSRs */
	bool virtual_interrupts;	/* the processor delivers what is pending in the virtual APIC by itself */
	bool tsc_scaling;	/* a guest's TSC may run at another rate without an exit */
};

#define GATE_FINDINGS 48
struct gate_finding {
	const char *what;	/* the missing thing, in the SDM's words */
	const char *advice;	/* what to do about it */
};

struct gate_report {
	struct gate_finding missing[GATE_FINDINGS];
	uint32_t count;		/* 0 = the machine will do */
};

/* Reads this processor. */
void gate_read(struct vmx_snapshot *s);

/* Judges a snapshot. *caps is filled only when report->count is 0. */
void gate_judge(const struct vmx_snapshot *s, struct vmx_capabilities *caps, struct gate_report *report);

/*
 * Gives up what `words` names (separated by commas), as if this machine did not have it: timer, vpid, 1g, 2m,
 * tpr (TPR shadow and what builds on it), apicv (APIC-register virtualization), vid (virtual-interrupt delivery), scale
 * (TSC scaling). For trying the ways that older machines take. Returns the first word that is none of these; NULL = all understood.
 */
const char *gate_without(struct vmx_capabilities *caps, const char *words);

/* Bits of IA32_FEATURE_CONTROL. SDM, "Enabling and Entering VMX Operation". */
#define FEATURE_CONTROL_LOCK (1ull << 0)
#define FEATURE_CONTROL_VMXON (1ull << 2)

#endif
