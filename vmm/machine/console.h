/* A machine's console: a ring each way between its UART and whoever looks at it. */
/* Part: machine/; CP drains `out` as fast as the real console takes it, so a chatty guest waits, not CP. */
#ifndef VMM_MACHINE_CONSOLE_H
#define VMM_MACHINE_CONSOLE_H

#include "lib/types.h"

#define CONSOLE_IN 512u		/* powers of two */
#define CONSOLE_OUT 4096u

struct vm_console {
	uint32_t in_head, in_tail;	/* free running; in[] holds in_head - in_tail bytes */
	uint32_t out_head, out_tail;
	uint64_t out_total;
	uint8_t in[CONSOLE_IN];
	uint8_t out[CONSOLE_OUT];	/* also what DUMP shows as the last output */
};

bool vm_console_room(const struct vm_console *c);
void vm_console_put(struct vm_console *c, uint8_t byte);	/* dropped when there is no room */
int vm_console_take(struct vm_console *c);	/* CP's side: next byte of output, -1 = none */
int vm_console_get(struct vm_console *c);	/* the UART's side: next byte typed, -1 = none */
bool vm_console_pending(const struct vm_console *c);
bool vm_console_type(struct vm_console *c, uint8_t byte);	/* false = full */

#endif
