/* Guests' consoles where nobody sits: whole lines, with the guest's name. */
/* Part: cp/; takes no more than the terminal can show: a guest that writes too much waits. */
#include "vmm/cp/guest_console.h"

#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/timebase.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/typewriter.h"

#define PATIENCE 4 /* a line without an end is shown after 1/4 second of silence */
#define BUSY_SECONDS 2 /* or after so much processor time without another byte */
#define KEEP	 (CONSOLE_OUT / 2) /* output kept of a guest that nobody looks at */

static uint32_t turn; /* whose line is next */

static bool has_output(const struct vm *vm)
{
	return vm->console.out_head != vm->console.out_tail;
}

static void show(struct user_machine *m, bool full)
{
	/*
	 * The first part of a line has a colon after the name, the rest of the same line a plus
	 * sign.
	 */
	typewriter_show(m->vm->userid, m->line.continued ? '+' : ':', m->line.text, m->line.length);
	guest_output_next(&m->line, full);
}

static bool is_silent(const struct user_machine *m, uint64_t now)
{
	if (m->line.length == 0)
		return false;
	/* A guest that merely waits for its turn on the processor has not fallen silent. */
	if (m->vm->state == VM_RUNNABLE)
		return m->vm->account.total_ticks - m->line_ticks >=
		       BUSY_SECONDS * cpu_tsc_hz();
	return now - m->line_since >= cpu_tsc_hz() / PATIENCE || m->vm->state == VM_ENDED;
}

static bool show_dropped(struct user_machine *m)
{
	char text[64];

	if (m->dropped == 0)
		return false;
	text_format(text, sizeof(text), MSG_CPI786I, m->dropped);
	typewriter_show(m->vm->userid, ':', text, strlen(text));
	m->dropped = 0;
	return true;
}

static bool show_next(struct user_machine *m, uint64_t now)
{
	int byte = -1;

	if (show_dropped(m))
		return true;
	if (has_output(m->vm)) {
		while ((byte = vm_console_take(&m->vm->console)) >= 0) {
			enum guest_line_state state = guest_output_byte(&m->line, (uint8_t)byte);

			if (state != GUEST_LINE_OPEN) {
				/*
				 * The end of a line whose text has all been shown needs no line of
				 * its own.
				 */
				if (state == GUEST_LINE_DONE && m->line.continued &&
				    m->line.length == 0) {
					guest_output_next(&m->line, false);
					continue;
				}
				show(m, state == GUEST_LINE_FULL);
				return true;
			}
		}
		m->line_since = now;
		m->line_ticks = m->vm->account.total_ticks;
	}
	if (!is_silent(m, now))
		return false;
	show(m, true);
	return true;
}

bool guest_console_next(uint64_t now)
{
	uint32_t n = users_machines();

	for (uint32_t i = 0; i < n; i++) {
		struct user_machine *m = users_at((turn + i) % n);

		if ((has_output(m->vm) || m->line.length > 0 || m->dropped > 0) &&
		    show_next(m, now)) {
			turn = (turn + i + 1) % n;
			return true;
		}
	}
	return false;
}

bool guest_console_raw(struct vm *vm)
{
	uint8_t bytes[TYPEWRITER_RAW];
	size_t n = 0;
	int byte;

	if (!has_output(vm))
		return false;
	while (n < sizeof(bytes) && (byte = vm_console_take(&vm->console)) >= 0)
		bytes[n++] = (uint8_t)byte;
	typewriter_raw(bytes, n);
	return true;
}

void guest_console_discard(const struct vm *connected)
{
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++) {
		struct vm_console *c = &m->vm->console;

		if (m->vm == connected || c->out_head - c->out_tail < CONSOLE_OUT - CONSOLE_OUT / 4)
			continue;
		guest_output_next(&m->line, false);
		while (c->out_head - c->out_tail > KEEP && vm_console_take(&m->vm->console) >= 0)
			m->dropped++;
	}
}

uint64_t guest_console_deadline(uint64_t now)
{
	uint64_t next = TIME_NEVER;
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++) {
		uint64_t due;

		if (m->line.length == 0 || m->vm->state == VM_RUNNABLE)
			continue;
		due = m->line_since + cpu_tsc_hz() / PATIENCE;
		if (due < next)
			next = due > now ? due : now;
	}
	return next;
}
