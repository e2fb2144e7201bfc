/* The PC of a machine: which devices it has, and the wires between them. */
/* Part: machine/; implements what vdev.h says a device may ask of its machine. */
#ifndef VMM_MACHINE_PC_H
#define VMM_MACHINE_PC_H

#include "vmm/devices/vacpi.h"
#include "vmm/devices/vdelay.h"
#include "vmm/devices/vdma.h"
#include "vmm/devices/vferr.h"
#include "vmm/devices/vhpet.h"
#include "vmm/devices/vioapic.h"
#include "vmm/devices/vlapic.h"
#include "vmm/devices/vpiix.h"
#include "vmm/devices/vflash.h"
#include "vmm/devices/vfwcfg.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"
#include "vmm/devices/vps2.h"
#include "vmm/devices/vreset.h"
#include "vmm/devices/vrtc.h"
#include "vmm/devices/vuart.h"
#include "vmm/firmware/platform.h"
#include "vmm/machine/disks.h"
#include "vmm/machine/pc_options.h"
#include "vmm/machine/typing.h"
#include "vmm/machine/vm.h"

#define PC_PAGES 2u	/* of the machine's own storage, beside struct vm_devices */
#define PC_DEVICES 48u
#define PC_VIRTIO_DISK 8u	/* PCI device number of the first virtio disk; the others follow it */

struct vm_devices {
	struct vdev *all[PC_DEVICES];	/* in the order of QUERY VIRTUAL */
	struct vdev *timed[PC_DEVICES];	/* those with deadlines, but for the local APIC */
	uint32_t count, timed_count;
	uint8_t *apic_page;	/* the local APIC's registers: the virtual-APIC page */
	uint8_t *apic_access;	/* stands at the APIC's address; nothing is ever read or written in it */
	bool delivery_held;	/* the processor has not been told of the APIC's pending vectors: pc_hold_delivery() */
	bool a20_off;
	bool legacy_replaced;	/* the HPET drives lines 0 and 8 in the place of 8254 and clock */
	uint16_t legacy_levels;	/* what those two drive their lines to, whether it leads anywhere or not */
	struct vpic pic;
	struct vpit pit;
	struct vrtc rtc;
	struct vuart com1;
	struct vps2 ps2;
	struct typing typing;	/* what is typed, on its way to com1 or ps2 */
	struct vreset reset;
	struct vacpi acpi;
	struct vdelay delay;
	struct vdma dma;
	struct vferr ferr;
	struct vlapic lapic;
	struct vioapic ioapic;
	struct vhpet hpet;
	struct vpci pci;
	struct vpiix piix;
	struct vfwcfg fwcfg;
	struct vflash flash;
	struct vide ide;
	struct machine_disks disks;
	struct pc_options options;
	struct platform platform;	/* what firmware tells of all these */
};

/* Makes the devices in vm->devices and gives each its ports. 0 or bus_claim()'s error. */
int pc_init(struct vm *vm);
/* Before the machine's storage goes: nothing outside it knows it any more. */
void pc_fini(struct vm *vm);
/* Into the list of the machine's devices; those with deadlines into a second one, which is looked at often. */
void pc_add(struct vm *vm, struct vdev *dev);
void pc_reset(struct vm *vm);
/* The virtual processor has been made: it gets to know the APIC's page. */
void pc_connect_processor(struct vm *vm);
/* The interrupt wires' part of pc_reset(). */
void pc_reset_interrupts(struct vm *vm);

/* Every device of the machine, in the order of QUERY VIRTUAL; NULL past the end. */
struct vdev *pc_device(struct vm *vm, uint32_t i);

/* Before the machine ends or is reset: what its screen shows goes to its console. */
void pc_finish_screen(struct vm *vm);
/* The nearest deadline of all devices into vm->deadline. */
void pc_find_deadline(struct vm *vm);
/* Lets the devices do what is due at `now`; the local APIC's timer has a way of its own, which is short. */
void pc_service(struct vm *vm, uint64_t now);
void pc_expire_apic(struct vm *vm, uint64_t now);

/* Is there an interrupt that has to be injected? Into vm->pending.intr; what the processor delivers is told to it. */
void pc_poll_interrupts(struct vm *vm);
/* May a device send an NMI, as programs that watch themselves have it? It ends a HLT with interrupts off. */
bool pc_nmi_may_come(const struct vm *vm);
/*
 * The next entry injects an exception or an NMI: what the processor itself would deliver waits until the guest lets
 * interrupts in behind it. True = something waits; an interrupt window brings it back.
 */
bool pc_hold_delivery(struct vm *vm);
/* Is there any interrupt, however it will be delivered? */
bool pc_interrupt_waits(struct vm *vm);
/* The INTA cycle: the vector of the interrupt to be injected; -1 = there was none after all. */
int pc_acknowledge(struct vm *vm);

uint64_t pc_apic_page(const struct vm *vm);	/* guest-physical address of the APIC's registers */
/* The guest's processor has written a register of the APIC's page by itself, or has done an EOI. */
void pc_apic_written(struct vm *vm, uint32_t offset);
void pc_apic_eoi(struct vm *vm, uint8_t vector);

/*
 * Where no firmware of the guest's runs, its work: virtual wire mode of the APIC (SDM, "Virtual Wire Mode" of the
 * MultiProcessor Specification), memory types, addresses of PCI functions. After a reset.
 */
void pc_firmware_work(struct vm *vm);

/*
 * The MSRs of the local APIC: APIC_BASE, TSC_DEADLINE and those of x2APIC mode (800h-8FFh). False = #GP.
 */
bool pc_read_apic_msr(struct vm *vm, uint32_t msr, uint64_t *value);
bool pc_write_apic_msr(struct vm *vm, uint32_t msr, uint64_t value);
/* The guest's TSC has moved against the host's: deadlines told in it mean another moment now. */
void pc_tsc_moved(struct vm *vm);
/* It is 0 when the processor's is `now`. */
static inline void pc_start_tsc(struct vm *vm, uint64_t now)
{
	arch_vcpu_set(&vm->av, VREG_TSC_OFFSET, -tsc_scaled(now, vm->tsc_multiplier));
	pc_tsc_moved(vm);
}

/* A floating-point error with CR0.NE off: line 13 goes up. */
void pc_float_error(struct vm *vm);

/* Typed input has come: the device that the guest listens to has it. */
void pc_console_input(struct vm *vm);

#endif
