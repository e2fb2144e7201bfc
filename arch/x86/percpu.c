/* The area of one processor: descriptor tables, exception stacks, GS base. */
/* Part: arch/x86. */
#include "arch/x86/percpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/traps.h"

static struct percpu first;	/* further processors get theirs from the allocator */

#define DESCRIPTOR_CODE64 0x00af9b000000ffffull
#define DESCRIPTOR_DATA 0x00cf93000000ffffull

static void load_segments(void)
{
	__asm__ volatile("pushq %0\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %1, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 :
			 : "i"(SEL_CODE), "i"(SEL_DATA)
			 : "rax", "memory");
}

void percpu_init(uint32_t number)
{
	struct percpu *p = &first;
	struct descriptor_table table = { .limit = sizeof(p->gdt) - 1, .base = (uint64_t)p->gdt };
	uint64_t tss = (uint64_t)&p->tss;

	CHECK(number == 0);
	p->self = p;
	p->number = number;
	for (unsigned int i = 0; i < ISTS; i++)
		p->tss.ist[i] = (uint64_t)&p->ist[i][IST_STACK];
	p->tss.iomap_base = sizeof(p->tss);
	p->gdt[SEL_CODE / 8] = DESCRIPTOR_CODE64;
	p->gdt[SEL_DATA / 8] = DESCRIPTOR_DATA;
	/* SDM, "TSS Descriptor in 64-bit mode": available 64-bit TSS, limit 67h */
	p->gdt[SEL_TSS / 8] = (sizeof(p->tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
			      (tss >> 24 & 0xff) << 56;
	p->gdt[SEL_TSS / 8 + 1] = tss >> 32;
	__asm__ volatile("lgdt %0" : : "m"(table));
	load_segments();
	wrmsr(MSR_GS_BASE, (uint64_t)p);
	wrmsr(MSR_FS_BASE, 0);
	__asm__ volatile("lldt %w0" : : "r"(0));
	__asm__ volatile("ltr %w0" : : "r"((uint16_t)SEL_TSS));
	traps_load();
}
