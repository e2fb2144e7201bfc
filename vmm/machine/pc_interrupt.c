/* The PC's interrupt wires: lines, messages, the controllers, and what they have for the processor. */
/* Part: machine/; implements what vdev.h says a device may ask of its machine. */
#include "vmm/machine/pc.h"

#include "arch/api/cpu.h"
#include "vmm/machine/event.h"

void machine_irq(struct vm *vm, unsigned int line, bool asserted)
{
	struct vm_devices *d = vm->devices;

	if (line == 0 || line == 8) {
		d->legacy_levels = (uint16_t)((d->legacy_levels & ~(1u << line)) | (unsigned int)asserted << line);
		if (d->legacy_replaced)
			return;		/* the HPET has taken the place of the 8254 and the clock */
	}
	machine_irq_legacy(vm, line, asserted);
}

void machine_irq_legacy(struct vm *vm, unsigned int line, bool asserted)
{
	struct vm_devices *d = vm->devices;

	vm_kick(vm, 0);		/* a string that is being interpreted ends: the processor may deliver it by itself */
	vpic_set(&d->pic, line, asserted);
	vioapic_set(&d->ioapic, line == 0 ? VIOAPIC_TIMER_PIN : line, asserted);
}

/*
 * As a switch would do it: the lines go down with those who leave them, and come up again at the levels of those who
 * return. The HPET's own levels are the HPET's business. Neither state is saved here: the HPET restores the one, the
 * 8254 and the clock drive their lines anew.
 */
void machine_legacy_replacement(struct vm *vm, bool on)
{
	struct vm_devices *d = vm->devices;

	if (d->legacy_replaced == on)
		return;
	d->legacy_replaced = on;
	if (!on)
		vpit_reconnect(&d->pit);
	for (unsigned int line = 0; line <= 8; line += 8)
		machine_irq_legacy(vm, line, !on && (d->legacy_levels >> line & 1));
}

void machine_gsi(struct vm *vm, unsigned int pin, bool asserted)
{
	vm_kick(vm, 0);		/* the same */
	vioapic_set(&vm->devices->ioapic, pin, asserted);
}

void machine_msi(struct vm *vm, uint64_t address, uint32_t data)
{
	vm_kick(vm, 0);
	vlapic_msi(&vm->devices->lapic, address, data);
}

void machine_intr(struct vm *vm, bool asserted)
{
	vlapic_lint0(&vm->devices->lapic, asserted);
	vioapic_set(&vm->devices->ioapic, 0, asserted);	/* the MultiProcessor Specification's other way */
	vm_kick(vm, VM_WORK_EVENT);
}

/* All that is owed is to tell the processor; a machine that waits is looked at by the dispatcher. */
void machine_vector_requested(struct vm *vm, uint8_t vector)
{
	arch_vcpu_request_vector(&vm->av, vector);
}

void machine_interrupt_changed(struct vm *vm)
{
	vm_kick(vm, VM_WORK_EVENT);
}

void machine_attend(struct vm *vm)
{
	if (vm->state == VM_WAITING && event_wakes(vm))
		dispatcher_woken();
}

void machine_nmi(struct vm *vm)
{
	vm->pending.nmi = true;
	vm_kick(vm, VM_WORK_EVENT);
}

/* INIT to the only processor there is: it starts again where a PC does. */
void machine_init(struct vm *vm)
{
	machine_reset_request(vm, "INIT");
}

void machine_eoi(struct vm *vm, uint8_t vector)
{
	vioapic_eoi(&vm->devices->ioapic, vector);
}

void machine_eoi_map_changed(struct vm *vm)
{
	const struct vm_devices *d = vm->devices;
	const uint64_t *pins = vioapic_eoi_map(&d->ioapic);
	uint64_t map[4] = { pins[0], pins[1], pins[2], pins[3] };
	uint8_t vector = vlapic_eoi_vector(&d->lapic);

	if (vm->av.vmx == NULL)
		return;		/* still being made: pc_connect_processor() tells it */
	if (vector != 0)
		map[vector >> 6] |= 1ull << (vector & 63);
	arch_vcpu_eoi_exits(&vm->av, map);
}

/* The moment at which the fast path must end is all that changes: no need to look at the other devices. */
void machine_apic_deadline(struct vm *vm, uint64_t deadline)
{
	vm->apic_deadline = deadline;
	vm->deadline = deadline < vm->device_deadline ? deadline : vm->device_deadline;
	if (deadline < vm->look_at)
		vm->look_at = deadline;
}

/* Virtual wire mode: the 8259s' output reaches the processor through LINT0, or past an APIC that is switched off. */
static bool pic_has_one(const struct vm_devices *d)
{
	return vpic_pending(&d->pic) && (vlapic_accepts_pic(&d->lapic) || vioapic_accepts_pic(&d->ioapic));
}

static void release_delivery(struct vm *vm)
{
	struct vlapic *l = &vm->devices->lapic;

	vm->devices->delivery_held = false;
	vlapic_refresh(l);
	arch_vcpu_set_vectors(&vm->av, l->irr, l->isr);
}

/*
 * Bochs 2.7 delivers a pending virtual interrupt right behind an event that the entry injects, although its gate has
 * cleared RFLAGS.IF.
 * Other processors do not mind.
 */
bool pc_hold_delivery(struct vm *vm)
{
	struct vlapic *l = &vm->devices->lapic;

	if (!l->hardware_delivery)
		return false;
	vlapic_refresh(l);
	if (l->irr == 0)
		return false;
	arch_vcpu_set_vectors(&vm->av, 0, l->isr);
	vm->devices->delivery_held = true;
	return true;
}

inline void pc_poll_interrupts(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	vm->pending.intr = pic_has_one(d);
	if (d->lapic.hardware_delivery) {
		if (__builtin_expect(d->delivery_held, 0))
			release_delivery(vm);
		return;
	}
	/*
	 * The threshold goes where the priority lets one in: with one above it there is an exit after every entry, or, where
	 * the APIC's page is not virtualized, no entry. SDM, "Checks on VMX Controls" and "TPR-Threshold VM Exits".
	 */
	if (vlapic_pending(&d->lapic) >= 0) {
		vm->pending.intr = true;
		arch_vcpu_tpr_threshold(&vm->av, 0);
	} else {
		arch_vcpu_tpr_threshold(&vm->av, (uint8_t)vlapic_cr8_threshold(&d->lapic));
	}
}

#define LVT_MASKED 0x10000u
#define LVT_MODE 0x700u
#define LVT_NMI 0x400u

/* LINT1 is the wire for it, but nothing hangs on that. */
bool pc_nmi_may_come(const struct vm *vm)
{
	const struct vm_devices *d = vm->devices;

	return vioapic_may_nmi(&d->ioapic) || (d->lapic.regs[VLAPIC_LVT_LINT0 / 4] & (LVT_MASKED | LVT_MODE)) == LVT_NMI;
}

bool pc_interrupt_waits(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	if (d->lapic.hardware_delivery)
		vlapic_refresh(&d->lapic);
	return pic_has_one(d) || vlapic_pending(&d->lapic) >= 0;
}

/* The 8259s first, as a processor takes ExtINT when it takes an interrupt at all. */
inline int pc_acknowledge(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	if (__builtin_expect(pic_has_one(d), 0)) {
		int vector = vpic_acknowledge(&d->pic);

		pc_poll_interrupts(vm);
		return vector;
	}
	/* pc_poll_interrupts() has found one there. What the APIC holds besides is not above what it has just given: its end must come first. */
	vm->pending.intr = false;
	return vlapic_take(&d->lapic);
}

uint64_t pc_apic_page(const struct vm *vm)
{
	return vlapic_base(&vm->devices->lapic) & ~0xfffull;
}

void pc_apic_written(struct vm *vm, uint32_t offset)
{
	vlapic_register_write(&vm->devices->lapic, offset);
}

void pc_apic_eoi(struct vm *vm, uint8_t vector)
{
	vlapic_eoi_virtualized(&vm->devices->lapic, vector);
}

bool pc_read_apic_msr(struct vm *vm, uint32_t msr, uint64_t *value)
{
	return vlapic_read_msr(&vm->devices->lapic, msr, value);
}

bool pc_write_apic_msr(struct vm *vm, uint32_t msr, uint64_t value)
{
	return vlapic_write_msr(&vm->devices->lapic, msr, value);
}

/* The mode and the place of the APIC's page follow APIC_BASE. SDM, "Local APIC Status and Location". */
void machine_apic_changed(struct vm *vm)
{
	struct vlapic *l = &vm->devices->lapic;
	uint64_t base = vlapic_base(l);
	enum apic_mode mode = !(base & VLAPIC_BASE_ENABLE) ? APIC_MODE_OFF
			      : vlapic_is_x2apic(l)	    ? APIC_MODE_X2
							    : APIC_MODE_MMIO;

	if (vm->av.vmx == NULL)
		return;		/* still being made */
	arch_vcpu_apic_mode(&vm->av, mode);
	l->hardware_delivery = arch_vcpu_delivers(&vm->av);
	if (arch_apic_has_registers())
		machine_map(vm, ROW_APIC, base & ~0xfffull, vm->devices->apic_access,
			    mode == APIC_MODE_MMIO ? PAGE_SIZE : 0, NPT_READ | NPT_WRITE);
	vlapic_refresh(l);
	arch_vcpu_set_vectors(&vm->av, l->irr, l->isr);
	vm_kick(vm, VM_WORK_EVENT);
}

void pc_connect_processor(struct vm *vm)
{
	arch_vcpu_set_apic(&vm->av, vm->devices->apic_page, vm->devices->apic_access);
	machine_eoi_map_changed(vm);
}

void pc_reset_interrupts(struct vm *vm)
{
	vm->devices->legacy_replaced = false;
	vm->devices->delivery_held = false;
	machine_apic_changed(vm);
}

void pc_tsc_moved(struct vm *vm)
{
	vlapic_set_tsc(&vm->devices->lapic, arch_vcpu_get(&vm->av, VREG_TSC_OFFSET), vm->tsc_multiplier);
}
