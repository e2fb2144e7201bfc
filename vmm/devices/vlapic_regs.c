/* The ways into the virtual local APIC: its page, its MSRs, IA32_APIC_BASE, saved state. */
/* Part: devices/; decides what a guest may read and write, the rest of vlapic.c does it. */
#include "vmm/devices/vlapic_regs.h"

#include "vmm/devices/state.h"

#define VLAPIC_KIND 0x3150414cu

/* What may be done with a register. SDM, "Local APIC Register Address Map" and "x2APIC Register Address Space". */
#define R 1u	/* xAPIC read */
#define W 2u	/* xAPIC write that does something */
#define XR 4u	/* x2APIC read */
#define XW 8u	/* x2APIC write */
#define ALL (R | W | XR | XW)

static const struct {
	uint8_t may;
	uint32_t bits;	/* those a guest can set; in x2APIC mode others fault */
} table[64] = {
	[VLAPIC_ID >> 4] = { R | XR, 0 },
	[VLAPIC_VERSION >> 4] = { R | XR, 0 },
	[VLAPIC_TPR >> 4] = { ALL, 0xff },
	[0x09] = { R, 0 },	/* arbitration priority: 0 */
	[VLAPIC_PPR >> 4] = { R | XR, 0 },
	[VLAPIC_EOI >> 4] = { R | W | XW, 0 },
	[VLAPIC_LDR >> 4] = { R | W | XR, 0xff000000u },
	[VLAPIC_DFR >> 4] = { R | W, 0xffffffffu },
	[VLAPIC_SVR >> 4] = { ALL, 0x1ff },
	[0x10] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[0x14] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[0x18] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[0x1c] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[0x20] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[0x24] = { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 }, { R | XR, 0 },
	[VLAPIC_ESR >> 4] = { ALL, 0 },
	[VLAPIC_ICR >> 4] = { ALL, 0xcdfff },
	[VLAPIC_ICR_HIGH >> 4] = { R | W, 0xff000000u },
	/* Delivery status and remote IRR may be written; they are read-only and stay as they are. */
	[VLAPIC_LVT_TIMER >> 4] = { ALL, 0x710ff },
	[VLAPIC_LVT_THERMAL >> 4] = { ALL, 0x117ff },
	[VLAPIC_LVT_PMC >> 4] = { ALL, 0x117ff },
	[VLAPIC_LVT_LINT0 >> 4] = { ALL, 0x1f7ff },
	[VLAPIC_LVT_LINT1 >> 4] = { ALL, 0x1f7ff },
	[VLAPIC_LVT_ERROR >> 4] = { ALL, 0x110ff },
	[VLAPIC_TIMER_INITIAL >> 4] = { ALL, 0xffffffffu },
	[VLAPIC_TIMER_CURRENT >> 4] = { R | XR, 0 },
	[VLAPIC_TIMER_DIVIDE >> 4] = { ALL, 0xb },
	[VLAPIC_SELF_IPI >> 4] = { XW, 0xff },
};

uint32_t vlapic_writable(uint32_t offset)
{
	return table[offset >> 4 & 63].bits;
}

static uint32_t read_register(struct vlapic *l, uint32_t offset)
{
	if (offset == VLAPIC_PPR) {
		if (l->hardware_delivery)
			vlapic_refresh(l);
		return vlapic_ppr(l);
	}
	if (offset == VLAPIC_TIMER_CURRENT)
		return vlapic_timer_count(l, machine_now(l->dev.vm));
	return *vlapic_reg(l, offset);
}

/* The xAPIC's page. Registers are 4 bytes at every 16th; the bytes between them are nobody's. */
void vlapic_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vlapic *l = (struct vlapic *)d;
	uint32_t offset = (uint32_t)a->addr & 0xff0, byte = (uint32_t)a->addr & 0xf;
	uint8_t may = a->addr & 0xc00 ? 0 : table[offset >> 4 & 63].may;

	(void)region;
	if (!(may & (a->write ? R | W : R))) {
		vlapic_error(l, VLAPIC_ESR_ILLEGAL_REGISTER);
		a->value = a->write ? a->value : 0;
	} else if (!a->write) {
		a->value = byte < 4 ? (uint64_t)read_register(l, offset) >> byte * 8 : 0;
	} else if ((may & W) && byte == 0 && a->size >= 4) {
		*vlapic_reg(l, offset) = (uint32_t)a->value;
		vlapic_register_write(l, offset);
	}
}

int vlapic_place(struct vlapic *l)
{
	uint64_t at = l->base & ~(PAGE_SIZE - 1);
	int error;

	if ((l->base & (VLAPIC_BASE_ENABLE | VLAPIC_BASE_X2APIC)) != VLAPIC_BASE_ENABLE)
		at = 0;
	if (l->bus == NULL || at == l->claimed)
		return 0;
	bus_release(l->bus, BUS_MMIO, &l->dev, 0);
	l->claimed = 0;
	if (at == 0)
		return 0;
	error = bus_claim(l->bus, BUS_MMIO, at, at + PAGE_SIZE - 1, &l->dev, 0, false);
	if (error == 0)
		l->claimed = at;
	return error;
}

/* Bits 0 to 7 and 9 are reserved, so are those above the address. */
static bool base_is_legal(const struct vlapic *l, uint64_t base)
{
	if ((base & 0x2ff) || base >> l->address_bits != 0)
		return false;
	return (base & (VLAPIC_BASE_ENABLE | VLAPIC_BASE_X2APIC)) != VLAPIC_BASE_X2APIC;
}

static bool set_base(struct vlapic *l, uint64_t value)
{
	uint64_t modes = VLAPIC_BASE_ENABLE | VLAPIC_BASE_X2APIC, old = l->base & modes, new = value & modes;

	/* SDM, "x2APIC State Transitions": from x2APIC only to disabled, from disabled only to xAPIC. */
	if (!base_is_legal(l, value) || (old == modes && new == VLAPIC_BASE_ENABLE) || (old == 0 && new == modes))
		return false;
	if (value == l->base)
		return true;
	l->base = value;
	if (old != 0 && new == 0) {
		vlapic_reset_registers(l);
	} else if (old == VLAPIC_BASE_ENABLE && new == modes) {
		*vlapic_reg(l, VLAPIC_LDR) = 1;
		*vlapic_reg(l, VLAPIC_ICR_HIGH) = 0;
		*vlapic_reg(l, VLAPIC_ICR + 4) = 0;
	}
	/* Where something else is claimed already the page cannot be reached: the guest's own doing. */
	vlapic_place(l);
	vlapic_find_eoi_vector(l);
	machine_apic_changed(l->dev.vm);
	machine_interrupt_changed(l->dev.vm);
	return true;
}

bool vlapic_read_msr(struct vlapic *l, uint32_t msr, uint64_t *value)
{
	uint32_t index = msr - VLAPIC_MSR_X2APIC;

	if (msr == VLAPIC_MSR_BASE) {
		*value = l->base;
		return true;
	}
	if (msr == VLAPIC_MSR_TSC_DEADLINE) {
		*value = vlapic_timer_read_tsc_deadline(l);
		return true;
	}
	if (index >= ARRAY_LEN(table) || !vlapic_is_x2apic(l) || !(table[index].may & XR))
		return false;
	*value = read_register(l, index << 4);
	if (index == VLAPIC_ICR >> 4)
		*value |= (uint64_t)*vlapic_reg(l, VLAPIC_ICR + 4) << 32;
	return true;
}

bool vlapic_write_msr(struct vlapic *l, uint32_t msr, uint64_t value)
{
	uint32_t index = msr - VLAPIC_MSR_X2APIC;

	if (msr == VLAPIC_MSR_BASE)
		return set_base(l, value);
	if (msr == VLAPIC_MSR_TSC_DEADLINE) {
		vlapic_timer_write_tsc_deadline(l, value);
		return true;
	}
	if (index >= ARRAY_LEN(table) || !vlapic_is_x2apic(l) || !(table[index].may & XW) ||
	    ((uint32_t)value & ~table[index].bits))
		return false;
	if (index == VLAPIC_ICR >> 4)
		*vlapic_reg(l, VLAPIC_ICR + 4) = (uint32_t)(value >> 32);
	else if (value >> 32 != 0)
		return false;
	*vlapic_reg(l, index << 4) = (uint32_t)value;
	vlapic_register_write(l, index << 4);
	return true;
}

struct vlapic_state {
	uint64_t base, timer_left, tsc_deadline;
	uint32_t regs[64];
	uint32_t icr_high, errors;
	uint8_t lint0, lint0_serving, unused[6];
};

size_t vlapic_save(const struct vdev *d, void *to, size_t room)
{
	const struct vlapic *l = (const struct vlapic *)d;
	struct vlapic_state s = { .base = l->base, .errors = l->errors, .icr_high = *vlapic_reg(l, VLAPIC_ICR + 4),
				  .lint0 = l->lint0, .lint0_serving = l->lint0_serving };

	s.timer_left = vlapic_timer_left(l, machine_now(l->dev.vm));
	s.tsc_deadline = l->timer.tsc_deadline;
	for (uint32_t i = 0; i < ARRAY_LEN(s.regs); i++)
		s.regs[i] = *vlapic_reg(l, i << 4);
	return state_save(VLAPIC_KIND, &s, sizeof(s), to, room);
}

static bool state_is_sound(const struct vlapic *l, const struct vlapic_state *s)
{
	if (!base_is_legal(l, s->base) || s->lint0 > 1 || s->lint0_serving > 1 || s->errors > 0xff)
		return false;
	for (uint32_t i = VLAPIC_LVT_TIMER >> 4; i <= VLAPIC_LVT_ERROR >> 4; i++)
		if ((s->regs[i] & ~table[i].bits) ||
		    (!(s->regs[VLAPIC_SVR >> 4] & VLAPIC_SVR_ENABLE) && i != VLAPIC_LVT_LINT0 >> 4 &&
		     !(s->regs[i] & VLAPIC_LVT_MASKED)))
			return false;
	/* Vectors 0 to 15 are never requested. */
	for (uint32_t first = VLAPIC_ISR >> 4; first <= VLAPIC_IRR >> 4; first += 8)
		if (s->regs[first] & 0xffff)
			return false;
	return !(s->regs[VLAPIC_TPR >> 4] & ~0xffu) && !(s->regs[VLAPIC_SVR >> 4] & ~0x1ffu) &&
	       !(s->regs[VLAPIC_TIMER_DIVIDE >> 4] & ~0xbu) &&
	       (s->regs[VLAPIC_LVT_TIMER >> 4] & VLAPIC_TIMER_MODE) != VLAPIC_TIMER_MODE &&
	       !(s->regs[VLAPIC_ESR >> 4] & ~0xffu);
}

bool vlapic_restore(struct vdev *d, const void *from, size_t size)
{
	struct vlapic *l = (struct vlapic *)d;
	struct vlapic_state s;

	if (!state_load(VLAPIC_KIND, &s, sizeof(s), from, size) || !state_is_sound(l, &s))
		return false;
	l->base = s.base;
	vlapic_place(l);
	vlapic_reset_registers(l);
	for (uint32_t i = 0; i < ARRAY_LEN(s.regs); i++)
		if (table[i].may & (W | XW) || (i >= VLAPIC_ISR >> 4 && i < VLAPIC_ESR >> 4))
			*vlapic_reg(l, i << 4) = s.regs[i];
	for (uint32_t offset = VLAPIC_LVT_TIMER; offset <= VLAPIC_LVT_ERROR; offset += 16)
		*vlapic_reg(l, offset) &= ~VLAPIC_LVT_STATUS;
	*vlapic_reg(l, VLAPIC_DFR) |= 0x0fffffffu;
	*vlapic_reg(l, VLAPIC_LDR) = vlapic_is_x2apic(l) ? 1 : s.regs[VLAPIC_LDR >> 4] & 0xff000000u;
	*vlapic_reg(l, VLAPIC_ICR) &= vlapic_writable(VLAPIC_ICR) & ~VLAPIC_ICR_STATUS;
	*vlapic_reg(l, VLAPIC_ICR + 4) = vlapic_is_x2apic(l) ? s.icr_high : 0;
	*vlapic_reg(l, VLAPIC_ICR_HIGH) &= 0xff000000u;
	*vlapic_reg(l, VLAPIC_EOI) = 0;
	*vlapic_reg(l, VLAPIC_SELF_IPI) = 0;
	l->enabled = (s.regs[VLAPIC_SVR >> 4] & VLAPIC_SVR_ENABLE) != 0;
	l->lint0 = s.lint0;
	l->lint0_serving = s.lint0_serving;
	l->errors = s.errors;
	vlapic_refresh(l);
	*vlapic_reg(l, VLAPIC_PPR) = vlapic_ppr(l);
	vlapic_timer_resume(l, s.timer_left, s.tsc_deadline);
	machine_apic_changed(l->dev.vm);
	machine_interrupt_changed(l->dev.vm);
	return true;
}
