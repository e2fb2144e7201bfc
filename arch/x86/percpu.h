/* The area of one processor: found through GS, so that nothing here assumes there is only one. */
/* Part: arch/x86; also holds that processor's descriptor tables and exception stacks. */
#ifndef ARCH_X86_PERCPU_H
#define ARCH_X86_PERCPU_H

#include "lib/types.h"

#define PERCPU_MAX 64
#define IST_STACK 4096

enum selector { SEL_NULL = 0, SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_TSS = 0x18 };
enum ist { IST_DF = 1, IST_NMI = 2, IST_MC = 3, ISTS = 3 };

/* SDM, "Task Management in 64-bit Mode". */
struct tss64 {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss64) == 104, "TSS layout");

struct arch_vcpu;
struct vmx_vcpu;

struct percpu {
	struct percpu *self;		/* read as gs:0 */
	uint32_t number;
	uint32_t apic_id;
	uint64_t fixup;			/* where #UD, #GP and #MF continue while an instruction may fault; 0 = nowhere */
	uint8_t fixup_vector;		/* which it was */
	struct vmx_vcpu *current;	/* whose VMCS is current and active here */
	struct vmx_vcpu *resident;	/* whose extended state is in the registers */
	uint8_t *code_written;		/* a page of instructions for vmx/direct.c: written here, */
	const uint8_t *code_run;	/* and executed there */
	uint64_t interrupts;		/* real ones taken */
	uint64_t nmis;
	uint64_t gdt[5];
	struct tss64 tss;
	uint8_t ist[ISTS][IST_STACK] __attribute__((aligned(16)));
};

static inline struct percpu *percpu(void)
{
	struct percpu *p;

	__asm__("movq %%gs:0, %0" : "=r"(p));
	return p;
}

/* Makes `number`'s area, loads its GDT, TSS, IDT and GS base on this processor. */
void percpu_init(uint32_t number);

#endif
