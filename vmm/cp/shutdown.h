/* The end of CP. */
/* Part: cp/. */
#ifndef VMM_CP_SHUTDOWN_H
#define VMM_CP_SHUTDOWN_H

#include "lib/types.h"

/* Stops every machine, shows what is still to be shown, ends or restarts the real machine. */
void shutdown_now(bool reipl) __attribute__((noreturn));

#endif
