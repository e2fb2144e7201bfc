/* The virtual serial port: a 16550A with its two FIFOs, whose other end is the guest's console. */
/* Part: devices/; an interpreter of I/O; the guest's only terminal. */
#ifndef VMM_DEVICES_VUART_H
#define VMM_DEVICES_VUART_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VUART_FIFO 16u

struct vuart {
	struct vdev dev;
	unsigned int unit;	/* 0 = COM1, 1 = COM2: also the console's number at the machine */
	uint16_t base;
	uint8_t irq;
	bool line;		/* the interrupt line as last told to the machine */
	bool more;		/* the console holds input that was not pulled yet */
	uint64_t char_ticks;	/* TSC ticks that one character lasts at the programmed speed */
	uint64_t rx_deadline;	/* character time-out; absolute TSC */
	uint64_t tx_deadline;	/* next look whether the console has room */
	uint64_t deadline;	/* the nearer of the two */
	uint64_t polled_at;	/* TSC at which the guest has last been seen to poll for input; 0 = not yet */
	uint8_t polls;		/* reads of LSR since a byte was sent */
	uint64_t tx_lost;	/* bytes written by the guest to a full transmitter */
	struct vuart_state {
		uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
		uint8_t msr;		/* with its delta bits */
		uint8_t overrun;	/* LSR bit 1; the only error this line can have */
		uint8_t thre_event;	/* the transmitter became empty and nobody was told yet */
		uint8_t rx_timeout;	/* characters wait below the trigger level for too long */
		uint8_t rx_first, rx_count, tx_first, tx_count;
		uint8_t rx[VUART_FIFO], tx[VUART_FIFO];
	} s;
};

/* unit 0 is COM1 (3F8h, IRQ 4), unit 1 is COM2 (2F8h, IRQ 3). */
void vuart_init(struct vuart *u, struct vm *vm, unsigned int unit);
int vuart_claim(struct vuart *u, struct bus *bus);

/* New input was typed at the console: takes what fits and interrupts the guest if it wants that. */
void vuart_kick(struct vuart *u);
/* Does the guest take input from here: by interrupt, or has it polled lately? */
bool vuart_listens(const struct vuart *u, uint64_t now);
/* Input waits at the console, for whoever asks first: taken as soon as the guest listens here. */
void vuart_offer(struct vuart *u);

#endif
