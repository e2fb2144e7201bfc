/* The PC of a machine: which devices it has, and the wires between them. */
/* Part: machine/; implements what vdev.h says a device may ask of its machine. */
#ifndef VMM_MACHINE_PC_H
#define VMM_MACHINE_PC_H

#include "vmm/devices/vdelay.h"
#include "vmm/devices/vflash.h"
#include "vmm/devices/vfwcfg.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"
#include "vmm/devices/vreset.h"
#include "vmm/devices/vrtc.h"
#include "vmm/devices/vuart.h"
#include "vmm/firmware/platform.h"
#include "vmm/machine/disks.h"
#include "vmm/machine/vm.h"

#define PC_VIRTIO_DISK 8u	/* PCI device number of the first virtio disk; the others follow it */

struct vm_devices {
	struct vpic pic;
	struct vpit pit;
	struct vrtc rtc;
	struct vuart com1;
	struct vreset reset;
	struct vdelay delay;
	struct vfwcfg fwcfg;
	struct vflash flash;
	struct vide ide;
	struct machine_disks disks;
	struct platform platform;	/* what firmware tells of all these */
};

/* Makes the devices in vm->devices and gives each its ports. 0 or bus_claim()'s error. */
int pc_init(struct vm *vm);
void pc_reset(struct vm *vm);

/* Every device of the machine, in the order of QUERY VIRTUAL; NULL past the end. */
struct vdev *pc_device(struct vm *vm, uint32_t i);

/* The nearest deadline of all devices into vm->deadline. */
void pc_find_deadline(struct vm *vm);
/* Lets the devices do what is due at `now`. */
void pc_service(struct vm *vm, uint64_t now);

/* The INTA cycle: the vector of the interrupt the 8259s give; -1 = they gave none after all. */
int pc_acknowledge(struct vm *vm);

/* Typed input has come: the UART looks. */
void pc_console_input(struct vm *vm);

#endif
