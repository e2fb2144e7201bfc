/* Traps and interrupts of the real processor. */
/* Part: arch/x86; exceptions are our own bugs (panic), interrupts go to one hook. */
#ifndef ARCH_X86_TRAPS_H
#define ARCH_X86_TRAPS_H

#include "lib/types.h"

#define VECTOR_PIC 0x20u	/* 0x20 - 0x2f */
#define VECTOR_TIMER 0xe0u	/* local APIC timer */
#define VECTOR_SPURIOUS 0xffu

/* What trap_common pushed, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

void traps_init(void);	/* fills the IDT; every processor loads it in percpu_init() */
void traps_load(void);
void traps_handle(struct trap_frame *frame);

#endif
