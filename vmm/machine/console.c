/* The two rings of a machine's console. */
/* Part: machine/; CP drains `out` as the real console takes it, so a chatty guest waits, not CP. */
#include "vmm/machine/console.h"

bool vm_console_room(const struct vm_console *c)
{
	return c->out_head - c->out_tail < CONSOLE_OUT;
}

void vm_console_put(struct vm_console *c, uint8_t byte)
{
	if (!vm_console_room(c))
		return;
	c->out[c->out_head % CONSOLE_OUT] = byte;
	c->out_head++;
	c->out_total++;
}

int vm_console_take(struct vm_console *c)
{
	uint8_t byte;

	if (c->out_head == c->out_tail)
		return -1;
	byte = c->out[c->out_tail % CONSOLE_OUT];
	c->out_tail++;
	return byte;
}

int vm_console_get(struct vm_console *c)
{
	uint8_t byte;

	if (!vm_console_pending(c))
		return -1;
	byte = c->in[c->in_tail % CONSOLE_IN];
	c->in_tail++;
	return byte;
}

bool vm_console_pending(const struct vm_console *c)
{
	return c->in_head != c->in_tail;
}

bool vm_console_type(struct vm_console *c, uint8_t byte)
{
	if (c->in_head - c->in_tail >= CONSOLE_IN)
		return false;
	c->in[c->in_head % CONSOLE_IN] = byte;
	c->in_head++;
	return true;
}
