/* The virtual local APIC of a machine's one processor: xAPIC page, x2APIC MSRs, timer. */
/* Part: devices/; between the I/O APIC, MSIs, IPIs and the processor's event engine. */
#ifndef VMM_DEVICES_VLAPIC_H
#define VMM_DEVICES_VLAPIC_H

#include "vmm/devices/vlapic_timer.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VLAPIC_DEFAULT_BASE 0xfee00000u

/* IA32_APIC_BASE. */
#define VLAPIC_BASE_BSP 0x100u
#define VLAPIC_BASE_X2APIC 0x400u
#define VLAPIC_BASE_ENABLE 0x800u

/* Offsets in the register page; MSR 800h + offset / 16. */
#define VLAPIC_ID 0x020u
#define VLAPIC_VERSION 0x030u
#define VLAPIC_TPR 0x080u
#define VLAPIC_PPR 0x0a0u
#define VLAPIC_EOI 0x0b0u
#define VLAPIC_LDR 0x0d0u
#define VLAPIC_DFR 0x0e0u
#define VLAPIC_SVR 0x0f0u
#define VLAPIC_ISR 0x100u
#define VLAPIC_TMR 0x180u
#define VLAPIC_IRR 0x200u
#define VLAPIC_ESR 0x280u
#define VLAPIC_ICR 0x300u
#define VLAPIC_ICR_HIGH 0x310u
#define VLAPIC_LVT_TIMER 0x320u
#define VLAPIC_LVT_THERMAL 0x330u
#define VLAPIC_LVT_PMC 0x340u
#define VLAPIC_LVT_LINT0 0x350u
#define VLAPIC_LVT_LINT1 0x360u
#define VLAPIC_LVT_ERROR 0x370u
#define VLAPIC_TIMER_INITIAL 0x380u
#define VLAPIC_TIMER_CURRENT 0x390u
#define VLAPIC_TIMER_DIVIDE 0x3e0u
#define VLAPIC_SELF_IPI 0x3f0u

#define VLAPIC_MSR_BASE 0x1bu
#define VLAPIC_MSR_TSC_DEADLINE 0x6e0u
#define VLAPIC_MSR_X2APIC 0x800u	/* to 8FFh */

enum vlapic_mode { VLAPIC_FIXED, VLAPIC_LOWEST, VLAPIC_SMI, VLAPIC_RESERVED, VLAPIC_NMI, VLAPIC_INIT, VLAPIC_STARTUP,
		   VLAPIC_EXTINT };

struct vlapic {
	struct vdev dev;
	/*
	 * The register page: each register at its architectural offset. It may be the virtual-APIC page of VT-x at the
	 * same time, so it always holds what a guest may read, but for PPR and the timer's current count. In x2APIC mode
	 * the upper half of the 64-bit ICR lies at 304h, where RDMSR finds it when the processor virtualizes it.
	 */
	uint32_t *regs;
	struct bus *bus;
	uint64_t base;		/* IA32_APIC_BASE */
	uint64_t claimed;	/* where the page is claimed on the bus, 0 = nowhere */
	uint8_t address_bits;	/* MAXPHYADDR of the guest, bounds the base; 39 unless set after vlapic_init() */
	/* Highest vector in IRR and in ISR, 0 = none (vectors below 16 never get there). */
	uint8_t irr, isr;
	uint8_t irr_words, isr_words;	/* which of the eight words of each are not 0: the next highest without a search */
	/* Set it when the processor delivers virtual interrupts: the two above are then found anew when needed. */
	bool hardware_delivery;
	bool enabled;		/* the software enable in SVR */
	uint8_t eoi_vector;	/* what vlapic_eoi_vector() answers */
	bool lint0, lint0_serving;	/* the pin; a level of it was accepted and not yet ended */
	uint32_t errors;	/* what the next write of ESR will show */
	struct vlapic_timer timer;
};

/* page: 4 KiB, page aligned. */
void vlapic_init(struct vlapic *l, struct vm *vm, void *page);
int vlapic_claim(struct vlapic *l, struct bus *bus);

/* A message from the I/O APIC, an MSI or an IPI that is for this APIC. mode: enum vlapic_mode. */
void vlapic_deliver(struct vlapic *l, unsigned int mode, uint8_t vector, bool level);
/* Is a message of the I/O APIC's or an MSI's (8-bit destination) for this APIC? */
bool vlapic_matches(const struct vlapic *l, uint32_t destination, bool logical);
/* A write of `data` to FEExxxxxh by a device; other addresses are nobody's interrupt. */
void vlapic_msi(struct vlapic *l, uint64_t address, uint32_t data);

/* Does it take fixed interrupts at all? */
static inline bool vlapic_listens(const struct vlapic *l)
{
	return l->enabled && (l->base & VLAPIC_BASE_ENABLE);
}

/* The vector that the processor would get now if it is open to interrupts; -1 = none. */
static inline int vlapic_pending(const struct vlapic *l)
{
	unsigned int tpr = l->regs[VLAPIC_TPR / 4] & 0xf0, isr = l->isr & 0xf0u;

	return (l->irr & 0xf0u) > (tpr > isr ? tpr : isr) ? l->irr : -1;
}

/* The processor takes it, where vlapic_pending() has just said that there is one: IRR -> ISR. */
int vlapic_take(struct vlapic *l);

/* Takes IRR and ISR over from the page, which the processor has changed by itself (virtual-interrupt delivery). */
void vlapic_refresh(struct vlapic *l);
/* The guest (VT-x: an APIC-write exit) has written this register in the page: what follows from it. */
void vlapic_register_write(struct vlapic *l, uint32_t offset);
/* The processor has carried out an EOI for this vector by itself: tells the I/O APIC. */
void vlapic_eoi_virtualized(struct vlapic *l, uint8_t vector);

/* The 8259s' INT output, which is wired to LINT0. */
void vlapic_lint0(struct vlapic *l, bool asserted);
/* The vector whose end LINT0 waits for where it is set to levels, 0 = none. machine_eoi_map_changed() tells of changes. */
static inline uint8_t vlapic_eoi_vector(const struct vlapic *l)
{
	return l->eoi_vector;
}

/* Does that output reach the processor as it stands? LINT0 is ExtINT and unmasked, or the APIC is globally off. */
bool vlapic_accepts_pic(const struct vlapic *l);

/* CR8 is bits 7 to 4 of the TPR. */
static inline uint64_t vlapic_cr8(const struct vlapic *l)
{
	return l->regs[VLAPIC_TPR / 4] >> 4 & 0xf;
}

/* For VT-x's TPR threshold: below this value of CR8 a pending interrupt can be taken; 0 = CR8 is not what stops one. */
unsigned int vlapic_cr8_threshold(const struct vlapic *l);

static inline uint64_t vlapic_base(const struct vlapic *l)
{
	return l->base;
}

static inline bool vlapic_is_x2apic(const struct vlapic *l)
{
	return (l->base & VLAPIC_BASE_X2APIC) != 0;
}

/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 800h-8FFh; false = #GP (any other number, too). */
bool vlapic_read_msr(struct vlapic *l, uint32_t msr, uint64_t *value);
bool vlapic_write_msr(struct vlapic *l, uint32_t msr, uint64_t value);

/* Lets the timer do what is due at `now` (TSC): what the device's service() does, for the exit path. */
static inline void vlapic_expire(struct vlapic *l, uint64_t now)
{
	vlapic_timer_service(l, now);
}

/* guest's TSC = host's + offset, from now on. */
void vlapic_set_tsc(struct vlapic *l, uint64_t offset, uint64_t multiplier);

#endif
