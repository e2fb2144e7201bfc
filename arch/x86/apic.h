/* The local APIC of the real processor, xAPIC or x2APIC as the firmware left it. */
/* Part: arch/x86; CP needs its timer while it waits, and ExtINT for the 8259s. */
#ifndef ARCH_X86_APIC_H
#define ARCH_X86_APIC_H

#include "lib/types.h"

/* Takes the APIC over on this processor; false = there is none. */
bool apic_init(void);
void apic_eoi(void);
/* Measures the timer against the TSC (apic_init() first). */
void apic_calibrate(void);
/* Is there a timer that apic_timer() can set? */
bool apic_has_timer(void);
/* An interrupt on VECTOR_TIMER when the TSC passes `until`, or earlier; TIME_NEVER switches it off. */
void apic_timer(uint64_t until);

#endif
