/* Times as VM/370 writes them. */
/* Part: cp/; pure, tested on the host. */
#ifndef VMM_CP_CLOCK_H
#define VMM_CP_CLOCK_H

#include "lib/types.h"

#define CLOCK_ROOM 48	/* enough for any of these */

/* "21:48:25 GMT MONDAY 08/17/26"; seconds since 1970-01-01 00:00 UTC. */
void clock_stamp(char *to, size_t room, uint64_t seconds);
/* "21:48:25" */
void clock_time(char *to, size_t room, uint64_t seconds);
/* "00:00:02": a span; hours go past 99 when they must */
void clock_span(char *to, size_t room, uint64_t seconds);
/* "000:00.10": minutes, seconds, hundredths of processor time; hz is never 0 */
void clock_processor(char *to, size_t room, uint64_t ticks, uint64_t hz);

#endif
