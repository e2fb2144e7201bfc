/* What the directory adds to a PC: display, virtio devices, second serial port, debug ports. */
/* Part: machine/; made at logon after the devices that every PC has. */
#ifndef VMM_MACHINE_PC_OPTIONS_H
#define VMM_MACHINE_PC_OPTIONS_H

#include "vmm/cp/directory.h"
#include "vmm/devices/vdebug.h"
#include "vmm/devices/virtio_balloon.h"
#include "vmm/devices/virtio_blk.h"
#include "vmm/devices/virtio_console.h"
#include "vmm/devices/virtio_net.h"
#include "vmm/devices/virtio_rng.h"
#include "vmm/devices/vuart.h"
#include "vmm/devices/vvga.h"
#include "vmm/machine/screen.h"

/* NULL or 0 = the machine has none. Each lies in CP's own storage for the machine. */
struct pc_options {
	struct vvga *vga;
	struct screen *screen;
	struct vuart *com2;
	struct vdebug *debug;
	struct virtio_console *console;
	struct virtio_net *net[DIRECTORY_SPECIALS];
	uint32_t nets;
	struct virtio_rng *rng;
	struct virtio_balloon *balloon;
};

/* Bytes of the machine's own storage that these need for this user. */
uint64_t pc_options_size(const struct directory_user *user);
/* 0, -ENOMEM, or what a claim or a bus says. vm->user is set, vm->devices is made. */
int pc_options_init(struct vm *vm);
/* Before the machine's storage goes. */
void pc_options_fini(struct vm *vm);

#endif
