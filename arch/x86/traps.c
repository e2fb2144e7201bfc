/* Traps and interrupts of the real processor. */
/* Part: arch/x86; exceptions are our own bugs (panic), interrupts go to one hook. */
#include "arch/x86/traps.h"
#include "arch/x86/percpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/apic.h"
#include "drivers/pic.h"
#include "drivers/console.h"

/* SDM, "64-Bit Mode IDT". */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct gate) == 16, "IDT gate layout");

extern const uint64_t trap_table[256];

static struct gate idt[256] __attribute__((aligned(16)));

static const char *const exception_names[32] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",   "#TS",
	"#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

static uint8_t ist_of(unsigned int vector)
{
	switch (vector) {
	case 2:
		return IST_NMI;
	case 8:
		return IST_DF;
	case 18:
		return IST_MC;
	default:
		return 0;
	}
}

void traps_init(void)
{
	for (unsigned int v = 0; v < 256; v++) {
		uint64_t to = trap_table[v];

		idt[v] = (struct gate){
			.offset_low = (uint16_t)to,
			.selector = SEL_CODE,
			.ist = ist_of(v),
			.type = 0x8e,	/* present, DPL 0, interrupt gate */
			.offset_middle = (uint16_t)(to >> 16),
			.offset_high = (uint32_t)(to >> 32),
		};
	}
}

void traps_load(void)
{
	struct descriptor_table table = { .limit = sizeof(idt) - 1, .base = (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(table));
}

static void exception(struct trap_frame *f)
{
	struct percpu *p = percpu();

	if (p->fixup != 0 && (f->vector == 6 || f->vector == 13 || f->vector == 16)) {
		p->fixup_vector = (uint8_t)f->vector;
		f->rip = p->fixup;
		p->fixup = 0;
		return;
	}
	cpu_panic("EXCEPTION %s ERROR %lx AT %lx CR2 %lx RSP %lx RFLAGS %lx\n"
		  "  RAX %lx RBX %lx RCX %lx RDX %lx RSI %lx RDI %lx RBP %lx R8 %lx",
		  f->vector < 32 && exception_names[f->vector] ? exception_names[f->vector] : "?",
		  f->error, f->rip, read_cr2(), f->rsp, f->rflags, f->rax, f->rbx, f->rcx, f->rdx,
		  f->rsi, f->rdi, f->rbp, f->r8);
}

/* An interrupt of the real machine, taken here or acknowledged by a VM exit. */
static void interrupt(uint8_t vector)
{
	percpu()->interrupts++;
	if (vector >= VECTOR_PIC && vector < VECTOR_PIC + 16) {
		uint8_t irq = (uint8_t)(vector - VECTOR_PIC);

		if (pic_is_spurious(irq))
			return;
		console_interrupt(irq);
		pic_eoi(irq);
	} else if (vector == VECTOR_TIMER) {
		apic_eoi();
	} else if (vector != VECTOR_SPURIOUS) {
		apic_eoi();	/* nobody's: the firmware left a source armed */
	}
}

void cpu_take_interrupt(uint8_t vector)
{
	interrupt(vector);
}

/* INT 2 runs the host's handler, whose IRET ends the blocking that the NMI began. */
void cpu_take_nmi(void)
{
	__asm__ volatile("int $2");
}

void traps_handle(struct trap_frame *frame)
{
	if (frame->vector == 2) {
		percpu()->nmis++;
		return;
	}
	if (frame->vector < 32)
		exception(frame);
	else
		interrupt((uint8_t)frame->vector);
}
