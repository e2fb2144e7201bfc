/* The display interface of Bochs and QEMU ("VBE dispi"): pixels without a BIOS. */
/* Part: gives framebuffer.c something to draw on where the boot handed over no frame buffer. */
#ifndef DRIVERS_BOCHSVBE_H
#define DRIVERS_BOCHSVBE_H

#include "boot/boot_info.h"
#include "lib/types.h"

/* Is there such a display? Changes nothing that can be seen. */
bool bochsvbe_present(void);
/* Is the machine QEMU, whose displays all take 32-bit pixels? See console.c on why this matters. */
bool bochsvbe_is_qemu(void);
/* Sets 1024x768 with 32-bit pixels and describes the frame buffer. */
bool bochsvbe_init(struct boot_framebuffer *fb);
/* Back to what the VGA's own registers say. */
void bochsvbe_off(void);

#endif
