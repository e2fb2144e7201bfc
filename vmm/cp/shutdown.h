/* The end of CP. */
/* Part: cp/. */
#ifndef VMM_CP_SHUTDOWN_H
#define VMM_CP_SHUTDOWN_H

#include "lib/types.h"

/* Stops every machine, says so, shows everything that is still to be shown, and ends or restarts the real machine. */
void shutdown_now(bool reipl) __attribute__((noreturn));

#endif
