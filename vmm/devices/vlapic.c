/* The virtual local APIC of a machine's one processor, whose APIC ID is 0. */
/* Part: devices/; decides which interrupt the processor takes next and carries out what a guest writes. */
#include "vmm/devices/vlapic_regs.h"

#include "lib/printf.h"
#include "lib/string.h"

/*
 * One path for all ways in: a write by MMIO or MSR first puts the value into the page, then vlapic_register_write()
 * takes the bits away that do not exist and does what follows. VT-x's APIC-write exits join there.
 */

/* Six LVT entries, version 14h as an integrated APIC has it, no suppression of EOI broadcasts. */
#define VERSION 0x00050014u

#define ICR_LOGICAL 0x800u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u

/* The 32-bit word of IRR, ISR or TMR that holds the vector. */
static uint32_t *word_of(const struct vlapic *l, uint32_t first, uint8_t vector)
{
	return vlapic_reg(l, first + (uint32_t)(vector >> 5) * 16);
}

static uint32_t bit_of(uint8_t vector)
{
	return 1u << (vector & 31);
}

/* The highest vector that is set; 0 = none. words: which words are not 0. */
static uint8_t highest(const struct vlapic *l, uint32_t first, uint8_t words)
{
	uint32_t i;

	if (words == 0)
		return 0;
	i = 31 - (uint32_t)__builtin_clz(words);
	return (uint8_t)(i * 32 + 31 - (uint32_t)__builtin_clz(*vlapic_reg(l, first + i * 16)));
}

static void clear(struct vlapic *l, uint32_t first, uint8_t vector, uint8_t *words)
{
	uint32_t *word = word_of(l, first, vector);

	*word &= ~bit_of(vector);
	if (*word == 0)
		*words &= (uint8_t)~(1u << (vector >> 5));
}

/* The same, of a register that the processor may have changed. */
static uint8_t words_of(const struct vlapic *l, uint32_t first)
{
	uint32_t words = 0;

	for (uint32_t i = 0; i < 8; i++)
		words |= (uint32_t)(*vlapic_reg(l, first + i * 16) != 0) << i;
	return (uint8_t)words;
}

uint32_t vlapic_ppr(const struct vlapic *l)
{
	uint32_t tpr = *vlapic_reg(l, VLAPIC_TPR) & 0xff;

	return (tpr >> 4) >= (l->isr >> 4) ? tpr : l->isr & 0xf0u;
}

/*
 * After a change of TPR or ISR: shows the priority, and lets in what waited for it. Even if that has to wait on, it may
 * be for another reason now, and the machine asks vlapic_cr8_threshold() again.
 */
static void priority_changed(struct vlapic *l)
{
	*vlapic_reg(l, VLAPIC_PPR) = vlapic_ppr(l);
	if (l->irr != 0)
		machine_interrupt_changed(l->dev.vm);
}

void vlapic_refresh(struct vlapic *l)
{
	l->irr_words = words_of(l, VLAPIC_IRR);
	l->isr_words = words_of(l, VLAPIC_ISR);
	l->irr = highest(l, VLAPIC_IRR, l->irr_words);
	l->isr = highest(l, VLAPIC_ISR, l->isr_words);
}

static void refresh_if_changed(struct vlapic *l)
{
	if (l->hardware_delivery)
		vlapic_refresh(l);
}

/* IRR, ISR and TMR have the same form: from the word of one to the word of another for the same vector. */
#define IRR_TO_TMR ((VLAPIC_IRR - VLAPIC_TMR) / 4)
#define IRR_TO_ISR ((VLAPIC_IRR - VLAPIC_ISR) / 4)

static void request(struct vlapic *l, uint8_t vector, bool level)
{
	uint32_t bit = bit_of(vector), *irr = word_of(l, VLAPIC_IRR, vector), *tmr = irr - IRR_TO_TMR;

	*tmr = level ? *tmr | bit : *tmr & ~bit;
	*irr |= bit;
	if (l->hardware_delivery) {
		machine_vector_requested(l->dev.vm, vector);
		return;
	}
	l->irr_words |= (uint8_t)(1u << (vector >> 5));
	if (vector > l->irr) {
		l->irr = vector;
		machine_interrupt_changed(l->dev.vm);
	}
}

/* SDM, "Error Handling": errors gather until ESR is written; the first of a kind since then interrupts. */
void vlapic_error(struct vlapic *l, uint32_t error)
{
	uint32_t lvt = *vlapic_reg(l, VLAPIC_LVT_ERROR);

	if (!(error & ~l->errors))
		return;
	l->errors |= error;
	if (!(lvt & VLAPIC_LVT_MASKED) && l->enabled && (lvt & 0xff) >= VLAPIC_LOWEST_VECTOR)
		request(l, (uint8_t)lvt, false);
}

static void __attribute__((noinline)) deliver_other(struct vlapic *l, unsigned int mode)
{
	switch (mode) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		if (l->enabled)
			vlapic_error(l, VLAPIC_ESR_RECEIVE_ILLEGAL);
		return;
	case VLAPIC_NMI:
		machine_nmi(l->dev.vm);
		return;
	case VLAPIC_INIT:
		machine_init(l->dev.vm);
		return;
	default:
		/*
		 * There is no SMM for an SMI; a start-up message means something only after INIT on a processor that waits
		 * for it; ExtINT is a question of who accepts the 8259s (vlapic_accepts_pic, vioapic_accepts_pic).
		 */
		return;
	}
}

void vlapic_deliver(struct vlapic *l, unsigned int mode, uint8_t vector, bool level)
{
	if (!(l->base & VLAPIC_BASE_ENABLE))
		return;
	if (mode <= VLAPIC_LOWEST && l->enabled && vector >= VLAPIC_LOWEST_VECTOR)
		request(l, vector, level);
	else
		deliver_other(l, mode);
}

/* Flat or cluster model; in x2APIC mode the logical ID is cluster 0, bit 0. */
static bool matches_logical(const struct vlapic *l, uint32_t destination)
{
	uint32_t ldr = *vlapic_reg(l, VLAPIC_LDR) >> 24;

	if (vlapic_is_x2apic(l))
		return destination >> 16 == 0 && (destination & 1);
	if (*vlapic_reg(l, VLAPIC_DFR) >> 28 == 0xf)
		return (destination & ldr) != 0;
	if (*vlapic_reg(l, VLAPIC_DFR) >> 28 != 0)
		return false;
	return (destination >> 4 == ldr >> 4 || destination >> 4 == 0xf) && (destination & ldr & 0xf);
}

bool vlapic_matches(const struct vlapic *l, uint32_t destination, bool logical)
{
	destination &= 0xff;
	if (destination == 0xff)
		return true;	/* everybody */
	return logical ? matches_logical(l, destination) : destination == 0;
}

void vlapic_msi(struct vlapic *l, uint64_t address, uint32_t data)
{
	bool level = (data & 0x8000) != 0;

	/* SDM, "Message Signalled Interrupts"; without interrupt remapping the upper half is 0. */
	if (address >> 20 != 0xfee || (level && !(data & 0x4000)))
		return;
	if (vlapic_matches(l, (uint32_t)(address >> 12) & 0xff, (address & 4) != 0))
		vlapic_deliver(l, data >> 8 & 7, (uint8_t)data, level);
}

/* In x2APIC mode only all ones is everybody. */
static bool ipi_matches(const struct vlapic *l, uint32_t icr)
{
	bool logical = (icr & ICR_LOGICAL) != 0;
	uint32_t destination;

	switch (icr >> 18 & 3) {
	case 1:		/* self */
	case 2:		/* all including self */
		return true;
	case 3:		/* all but self: nobody */
		return false;
	}
	if (!vlapic_is_x2apic(l))
		return vlapic_matches(l, *vlapic_reg(l, VLAPIC_ICR_HIGH) >> 24, logical);
	destination = *vlapic_reg(l, VLAPIC_ICR + 4);
	if (destination == 0xffffffffu)
		return true;
	return logical ? matches_logical(l, destination) : destination == 0;
}

static void send_ipi(struct vlapic *l)
{
	uint32_t icr = *vlapic_reg(l, VLAPIC_ICR) & vlapic_writable(VLAPIC_ICR) & ~VLAPIC_ICR_STATUS;
	unsigned int mode = icr >> 8 & 7;

	*vlapic_reg(l, VLAPIC_ICR) = icr;
	if ((mode == VLAPIC_FIXED || mode == VLAPIC_LOWEST) && (icr & 0xff) < VLAPIC_LOWEST_VECTOR)
		vlapic_error(l, VLAPIC_ESR_SEND_ILLEGAL);
	if (mode == VLAPIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
		return;		/* INIT level de-assert: only old processors' arbitration IDs cared */
	if (ipi_matches(l, icr))
		vlapic_deliver(l, mode, (uint8_t)icr, false);
}

inline int vlapic_take(struct vlapic *l)
{
	uint8_t vector = l->irr;
	uint32_t bit = bit_of(vector), word = vector >> 5, *irr = word_of(l, VLAPIC_IRR, vector);

	irr[-(ptrdiff_t)IRR_TO_ISR] |= bit;
	l->isr_words |= (uint8_t)(1u << word);
	l->isr = vector;
	*irr &= ~bit;
	if (*irr == 0)
		l->irr_words &= (uint8_t)~(1u << word);
	l->irr = highest(l, VLAPIC_IRR, l->irr_words);
	*vlapic_reg(l, VLAPIC_PPR) = vlapic_ppr(l);
	return vector;
}

/* A level at LINT0 with delivery mode Fixed behaves as a pin of the I/O APIC. */
static void lint0_level(struct vlapic *l)
{
	uint32_t *lvt = vlapic_reg(l, VLAPIC_LVT_LINT0);

	if (l->lint0 && !l->lint0_serving && (*lvt & (VLAPIC_LVT_MODE | VLAPIC_LVT_LEVEL | VLAPIC_LVT_MASKED)) == VLAPIC_LVT_LEVEL &&
	    l->enabled && (*lvt & 0xff) >= VLAPIC_LOWEST_VECTOR) {
		l->lint0_serving = true;
		*lvt |= VLAPIC_LVT_REMOTE;
		vlapic_deliver(l, VLAPIC_FIXED, (uint8_t)*lvt, true);
	}
}

/* Masked or not: a level that was sent before still waits for its end. */
void vlapic_find_eoi_vector(struct vlapic *l)
{
	uint32_t lvt = *vlapic_reg(l, VLAPIC_LVT_LINT0);
	uint8_t vector = (lvt & (VLAPIC_LVT_MODE | VLAPIC_LVT_LEVEL)) == VLAPIC_LVT_LEVEL ? (uint8_t)lvt : 0;

	if (vector == l->eoi_vector)
		return;
	l->eoi_vector = vector;
	machine_eoi_map_changed(l->dev.vm);
}

void vlapic_lint0(struct vlapic *l, bool asserted)
{
	uint32_t lvt = *vlapic_reg(l, VLAPIC_LVT_LINT0);
	bool rises = asserted && !l->lint0;
	unsigned int mode = lvt >> 8 & 7;

	l->lint0 = asserted;
	if ((lvt & VLAPIC_LVT_MASKED) || mode == VLAPIC_EXTINT)
		return;
	if (mode == VLAPIC_FIXED && (lvt & VLAPIC_LVT_LEVEL))
		lint0_level(l);
	else if (rises && (mode == VLAPIC_FIXED || mode == VLAPIC_NMI || mode == VLAPIC_INIT))
		vlapic_deliver(l, mode, (uint8_t)lvt, false);
}

bool vlapic_accepts_pic(const struct vlapic *l)
{
	if (!(l->base & VLAPIC_BASE_ENABLE))
		return true;
	return (*vlapic_reg(l, VLAPIC_LVT_LINT0) & (VLAPIC_LVT_MODE | VLAPIC_LVT_MASKED)) == VLAPIC_LVT_EXTINT;
}

void vlapic_eoi_virtualized(struct vlapic *l, uint8_t vector)
{
	uint32_t *lvt = vlapic_reg(l, VLAPIC_LVT_LINT0);

	if (l->lint0_serving && vector == (uint8_t)*lvt) {
		l->lint0_serving = false;
		*lvt &= ~VLAPIC_LVT_REMOTE;
		lint0_level(l);
	}
	machine_eoi(l->dev.vm, vector);
}

static void end_of_interrupt(struct vlapic *l)
{
	uint8_t vector;

	*vlapic_reg(l, VLAPIC_EOI) = 0;
	refresh_if_changed(l);
	vector = l->isr;
	if (vector == 0)
		return;
	clear(l, VLAPIC_ISR, vector, &l->isr_words);
	l->isr = highest(l, VLAPIC_ISR, l->isr_words);
	vlapic_eoi_virtualized(l, vector);
	priority_changed(l);
}

unsigned int vlapic_cr8_threshold(const struct vlapic *l)
{
	unsigned int wants = l->irr >> 4;

	return wants > (l->isr >> 4) && vlapic_cr8(l) >= wants ? wants : 0;
}

/* A local vector table entry has been written. A software-disabled APIC keeps every mask set. */
static void lvt_written(struct vlapic *l, uint32_t offset)
{
	uint32_t *lvt = vlapic_reg(l, offset);

	*lvt &= vlapic_writable(offset) & ~(VLAPIC_LVT_STATUS | VLAPIC_LVT_REMOTE);
	if (!l->enabled)
		*lvt |= VLAPIC_LVT_MASKED;
	if (offset == VLAPIC_LVT_TIMER) {
		if ((*lvt & VLAPIC_TIMER_MODE) == VLAPIC_TIMER_MODE)
			*lvt &= ~VLAPIC_TIMER_MODE;	/* reserved: one-shot */
		vlapic_timer_lvt_written(l);
	} else if (offset == VLAPIC_LVT_LINT0) {
		if ((*lvt & (VLAPIC_LVT_MODE | VLAPIC_LVT_LEVEL)) != VLAPIC_LVT_LEVEL)
			l->lint0_serving = false;
		if (l->lint0_serving)
			*lvt |= VLAPIC_LVT_REMOTE;
		vlapic_find_eoi_vector(l);
		lint0_level(l);
		machine_interrupt_changed(l->dev.vm);	/* whether the 8259s come through may be another now */
	}
}

static void svr_written(struct vlapic *l)
{
	uint32_t *svr = vlapic_reg(l, VLAPIC_SVR);
	bool was = l->enabled;

	*svr &= vlapic_writable(VLAPIC_SVR);
	l->enabled = (*svr & VLAPIC_SVR_ENABLE) != 0;
	if (!was || l->enabled)
		return;
	for (uint32_t offset = VLAPIC_LVT_TIMER; offset <= VLAPIC_LVT_ERROR; offset += 16)
		lvt_written(l, offset);
}

void vlapic_register_write(struct vlapic *l, uint32_t offset)
{
	bool x2apic = vlapic_is_x2apic(l);

	switch (offset) {
	case VLAPIC_ID:
		*vlapic_reg(l, VLAPIC_ID) = 0;
		return;
	case VLAPIC_TPR:
		*vlapic_reg(l, VLAPIC_TPR) &= 0xff;
		refresh_if_changed(l);
		priority_changed(l);
		return;
	case VLAPIC_EOI:
		end_of_interrupt(l);
		return;
	case VLAPIC_LDR:
		*vlapic_reg(l, VLAPIC_LDR) = x2apic ? 1 : *vlapic_reg(l, VLAPIC_LDR) & 0xff000000u;
		return;
	case VLAPIC_DFR:
		*vlapic_reg(l, VLAPIC_DFR) |= 0x0fffffffu;
		return;
	case VLAPIC_SVR:
		svr_written(l);
		return;
	case VLAPIC_ESR:
		*vlapic_reg(l, VLAPIC_ESR) = l->errors;
		l->errors = 0;
		return;
	case VLAPIC_ICR:
		send_ipi(l);
		return;
	case VLAPIC_ICR_HIGH:
		*vlapic_reg(l, VLAPIC_ICR_HIGH) &= 0xff000000u;
		return;
	case VLAPIC_LVT_TIMER: case VLAPIC_LVT_THERMAL: case VLAPIC_LVT_PMC: case VLAPIC_LVT_LINT0: case VLAPIC_LVT_LINT1:
	case VLAPIC_LVT_ERROR:
		lvt_written(l, offset);
		return;
	case VLAPIC_TIMER_INITIAL:
		vlapic_timer_initial_written(l);
		return;
	case VLAPIC_TIMER_DIVIDE:
		*vlapic_reg(l, VLAPIC_TIMER_DIVIDE) &= 0xb;
		vlapic_timer_divide_written(l);
		return;
	case VLAPIC_SELF_IPI: {
		uint8_t vector = (uint8_t)*vlapic_reg(l, VLAPIC_SELF_IPI);

		*vlapic_reg(l, VLAPIC_SELF_IPI) = 0;
		if (vector < VLAPIC_LOWEST_VECTOR)
			vlapic_error(l, VLAPIC_ESR_SEND_ILLEGAL);
		vlapic_deliver(l, VLAPIC_FIXED, vector, false);
		return;
	}
	}
}

/* The registers after power-on or INIT. */
void vlapic_reset_registers(struct vlapic *l)
{
	memset(l->regs, 0, PAGE_SIZE);
	*vlapic_reg(l, VLAPIC_VERSION) = VERSION;
	*vlapic_reg(l, VLAPIC_DFR) = 0xffffffffu;
	*vlapic_reg(l, VLAPIC_SVR) = 0xff;
	*vlapic_reg(l, VLAPIC_LDR) = vlapic_is_x2apic(l);
	for (uint32_t offset = VLAPIC_LVT_TIMER; offset <= VLAPIC_LVT_ERROR; offset += 16)
		*vlapic_reg(l, offset) = VLAPIC_LVT_MASKED;
	/* As a PC's firmware leaves it ("virtual wire"): systems that know of no APIC get the 8259s' interrupts. */
	*vlapic_reg(l, VLAPIC_LVT_LINT0) = VLAPIC_LVT_EXTINT;
	l->irr = l->irr_words = 0;
	l->isr = l->isr_words = 0;
	l->enabled = false;
	l->lint0_serving = false;
	l->errors = 0;
	vlapic_timer_reset(l);
	vlapic_find_eoi_vector(l);
	machine_interrupt_changed(l->dev.vm);
}

static void vlapic_reset(struct vdev *d)
{
	struct vlapic *l = (struct vlapic *)d;

	l->base = VLAPIC_DEFAULT_BASE | VLAPIC_BASE_ENABLE | VLAPIC_BASE_BSP;
	vlapic_place(l);
	vlapic_reset_registers(l);
	machine_apic_changed(l->dev.vm);
}

static uint64_t vlapic_deadline(const struct vdev *d)
{
	return ((const struct vlapic *)d)->timer.deadline;
}

static void vlapic_service(struct vdev *d, uint64_t now)
{
	vlapic_timer_service((struct vlapic *)d, now);
}

static void vlapic_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vlapic *l = (const struct vlapic *)d;

	text_format(text, room, "base=%llx svr=%x tpr=%02x irr=%02x isr=%02x lint0=%x/%u timer=%x count=%u/%u esr=%x/%x",
		    (unsigned long long)l->base, *vlapic_reg(l, VLAPIC_SVR), *vlapic_reg(l, VLAPIC_TPR), highest(l, VLAPIC_IRR, words_of(l, VLAPIC_IRR)),
		    highest(l, VLAPIC_ISR, words_of(l, VLAPIC_ISR)), *vlapic_reg(l, VLAPIC_LVT_LINT0), l->lint0, l->timer.lvt,
		    vlapic_timer_count(l, machine_now(l->dev.vm)), l->timer.initial, *vlapic_reg(l, VLAPIC_ESR), l->errors);
}

static const struct vdev_ops vlapic_ops = {
	.name = "APIC",
	.reset = vlapic_reset,
	.access = vlapic_access,
	.deadline = vlapic_deadline,
	.service = vlapic_service,
	.dump = vlapic_dump,
	.save = vlapic_save,
	.restore = vlapic_restore,
};

void vlapic_init(struct vlapic *l, struct vm *vm, void *page)
{
	memset(l, 0, sizeof(*l));
	l->dev.ops = &vlapic_ops;
	l->dev.vm = vm;
	l->regs = page;
	l->address_bits = 39;
	vlapic_timer_init(l);
	vlapic_reset(&l->dev);
}

int vlapic_claim(struct vlapic *l, struct bus *bus)
{
	l->bus = bus;
	return vlapic_place(l);
}
