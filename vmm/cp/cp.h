/* CP, the control program's face, as the rest of the monitor sees it. */
/* Part: cp/; the dispatcher calls cp_service() between slices; everything said to the operator goes through here. */
#ifndef VMM_CP_CP_H
#define VMM_CP_CP_H

#include "vmm/machine/vm.h"

/* Reads the directory (text of `size` bytes, NULL = none on the volume), greets, logs the operator and AUTOLOG users on. */
void cp_start(const char *directory, size_t size, const char *parm);

/*
 * Everything CP does that is not for one guest: typed input, guests' output to the screen, news of guests that ended,
 * draining the real console. Never blocks. Called between slices and about every CP_SERVICE_MS when idle.
 * Returns the absolute TSC at which it wants to be called again (TIME_NEVER = only on an interrupt).
 */
uint64_t cp_service(void);

/* A line for the operator, with a message number or without: "DMKCPI966I Initialization complete". */
void cp_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A word about a guest, said once for each (machine, number): "V64MSR301I LINUX1 RDMSR 00000345 ..." */
void cp_note(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
