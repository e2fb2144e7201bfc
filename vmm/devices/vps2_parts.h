/* What the parts of the virtual 8042 share. */
/* Part: devices/; only vps2*.c include it. */
#ifndef VMM_DEVICES_VPS2_PARTS_H
#define VMM_DEVICES_VPS2_PARTS_H

#include "vmm/devices/vps2.h"

#define PS2_ACK		0xfau
#define PS2_RESEND	0xfeu
#define PS2_TEST_PASSED	0xaau

void vps2_answer(struct vps2_port *port, uint8_t byte);
void vps2_forget(struct vps2_port *port);	/* drops all that waits */

/* vps2_keyboard.c */
void vps2_keyboard_reset(struct vps2_state *s);
void vps2_keyboard_write(struct vps2_state *s, uint8_t byte);
uint8_t vps2_translate(uint8_t set2);	/* to set 1, as the controller does */

/* vps2_mouse.c */
void vps2_mouse_reset(struct vps2_state *s);
void vps2_mouse_write(struct vps2_state *s, uint8_t byte);
void vps2_mouse_moved(struct vps2_state *s, int dx, int dy, int dz, uint8_t buttons);
void vps2_mouse_report(struct vps2_state *s);	/* a packet, when one is due and the last one is gone */

#endif
