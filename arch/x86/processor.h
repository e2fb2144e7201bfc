/* The processor's identity, time, waiting, and the ways out. */
/* Part: arch/x86; what arch/x86 itself needs beyond arch/api/cpu.h. */
#ifndef ARCH_X86_PROCESSOR_H
#define ARCH_X86_PROCESSOR_H

#include "arch/api/cpu.h"

/* Measures the TSC and reads the clock. */
void processor_init_time(void);

/* Called once by a panic after its message: prints the monitor's last traps. Must not fail. */
typedef void (*processor_panic_hook)(void);
void processor_set_panic_hook(processor_panic_hook hook);

#endif
