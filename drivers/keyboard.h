/* The keyboard behind the PC's i8042 controller. */
/* Part: the operator's second way in. */
#ifndef DRIVERS_KEYBOARD_H
#define DRIVERS_KEYBOARD_H

#include "lib/types.h"

#define KEYBOARD_IRQ 1

/* False: no controller. Waits a bounded time (some 10 ms at worst) for its answers. */
bool keyboard_init(void);
/* The next byte of what a terminal would send for the keys pressed, -1 = none. */
int keyboard_read(void);
/* To be called for KEYBOARD_IRQ, interrupts off; the caller does the EOI. */
void keyboard_interrupt(void);

#endif
