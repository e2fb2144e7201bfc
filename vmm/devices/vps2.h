/* The virtual keyboard controller: an 8042 with a keyboard and a wheel mouse, at ports 60h and 64h. */
/* Part: devices/; an interpreter of I/O; what is typed at a machine reaches its guest here or by the UART. */
#ifndef VMM_DEVICES_VPS2_H
#define VMM_DEVICES_VPS2_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VPS2_QUEUE 16u	/* bytes that the keyboard keeps, as real ones do */
#define VPS2_REPLY 4u
#define VPS2_RAM 32u

/* Bytes on their way out of the keyboard or the mouse. An answer goes before what keys and motion have queued. */
struct vps2_port {
	uint8_t reply_first, reply_count, first, count;
	uint8_t reply[VPS2_REPLY], queue[VPS2_QUEUE];
	uint8_t last;		/* sent last: the Resend command wants it again */
	uint8_t expects;	/* the command whose parameter comes next, 0 = none */
};

struct vps2 {
	struct vdev dev;
	bool line_keyboard, line_mouse;	/* IRQ 1 and IRQ 12 as last told to the machine */
	uint64_t ready_at;	/* before this the keyboard's and the mouse's next own byte is not there yet */
	uint64_t deadline;
	uint64_t polled_at;	/* TSC at which the guest has last been seen to poll; 0 = not yet */
	uint32_t polls;		/* reads since the last write */
	struct vps2_state {
		uint8_t ram[VPS2_RAM];	/* [0] is the command byte */
		uint8_t expects;	/* the controller's command whose data come next, 0 = none */
		uint8_t data, full, from_mouse;		/* the output buffer */
		uint8_t held_data, held, held_mouse;	/* what an answer of the controller's has displaced */
		uint8_t system, command_last;		/* status bits 2 and 3 */
		uint8_t broken;		/* translation has seen F0h */
		uint8_t driven;		/* the guest has programmed controller or keyboard */
		struct vps2_port keyboard, mouse;
		uint8_t set, leds, rate, scanning;
		uint8_t reporting, remote, wrap, scaled, resolution, sample_rate, wheel, knock;
		uint8_t buttons, moved;
		int16_t dx, dy, dz;	/* not reported yet */
	} s;
};

void vps2_init(struct vps2 *p, struct vm *vm);
int vps2_claim(struct vps2 *p, struct bus *bus);

/* A key's codes, of scan-code set 2. False = the keyboard has no room for all of them, or is switched off. */
bool vps2_key(struct vps2 *p, const uint8_t *codes, size_t n);
/* Has the guest taken all that was typed before? */
bool vps2_idle(const struct vps2 *p);
/* Motion to the right, up, and of the wheel towards the user; buttons: 1 left, 2 right, 4 middle. */
void vps2_mouse(struct vps2 *p, int dx, int dy, int dz, uint8_t buttons);
/* Does the guest take keys from here: has it a driver that asks for them, or does it poll? */
bool vps2_listens(const struct vps2 *p, uint64_t now);

#endif
