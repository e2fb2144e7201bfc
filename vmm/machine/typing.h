/* What is typed at a machine's console: to the serial port, or as key strokes to the keyboard. */
/* Part: machine/; between the console's ring and the two devices that a guest may listen to. */
#ifndef VMM_MACHINE_TYPING_H
#define VMM_MACHINE_TYPING_H

#include "vmm/devices/vps2.h"
#include "vmm/devices/vuart.h"
#include "vmm/machine/console.h"

#define TYPING_CODES 20u	/* the most that one byte becomes */

struct typing {
	uint8_t state;		/* within an escape sequence */
	uint8_t number;		/* its parameter */
	uint64_t escape_at;	/* TSC of its beginning */
	uint64_t due;		/* next look; TIME_NEVER = nothing waits */
	struct vm_console *console;
	struct vuart *uart;
	struct vps2 *keyboard;
};

void typing_init(struct typing *t, struct vm_console *console, struct vuart *uart, struct vps2 *keyboard);
/*
 * Something has been typed, or it is due: hands on what can be handed on. The serial port has it if the guest listens
 * there, else the keyboard if the guest listens to that; else it waits.
 */
void typing_service(struct typing *t, uint64_t now);
uint64_t typing_deadline(const struct typing *t);
void typing_reset(struct typing *t);

/*
 * The key strokes (set 2, US layout) for the next byte of a terminal's input; returns how many codes, 0 in the middle
 * of an escape sequence. codes: room for TYPING_CODES. Pure.
 */
size_t typing_codes(struct typing *t, uint8_t byte, uint8_t *codes);
/* Nothing followed an Esc: then the key itself was meant. */
size_t typing_flush(struct typing *t, uint8_t *codes);

#endif
