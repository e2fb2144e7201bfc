/* The pair of 8259 interrupt controllers of the real machine. */
/* Part: takes the legacy interrupt lines of the devices that CP owns. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

#include "lib/types.h"

#define PIC_VECTOR_BASE	 0x20
#define PIC_VECTOR_COUNT 16

/* Lines 0-15 become vectors 20-2F; all are masked. */
void pic_init(void);
void pic_unmask(unsigned int irq);
/*
 * To be called first in the handler of line 7 or 15 (any line may be asked): true when the line
 * only seemed to ask. Then there is nothing to do, and pic_eoi() must not be called.
 */
bool pic_is_spurious(unsigned int irq);
void pic_eoi(unsigned int irq);
/* Masks everything: before the machine is handed to somebody else or switched off. */
void pic_mask_all(void);

#endif
