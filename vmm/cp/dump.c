/* DUMP: everything about one machine that helps to see why it stands where it stands. */
/* Part: cp/; looks only. */
#include "vmm/cp/command.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/display.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/query.h"
#include "vmm/cp/typewriter.h"
#include "vmm/machine/gmem.h"

#define TRAPS	     8u
#define OUTPUT_LINES 8u

/* Code and stack are shown through the page tables; where those lead nowhere the line says so. */
static void dump_linear(struct vm *vm, const char *what, uint64_t address, size_t n)
{
	uint8_t bytes[32];
	struct gmem_fault fault;
	char text[80];
	size_t at = 0;

	if (!gmem_read_linear(vm, GVA(address), bytes, n, GMEM_READ | GMEM_PEEK, &fault)) {
		cp_say("%-5s %016llX: NOT IN STORAGE", what, (unsigned long long)address);
		return;
	}
	for (size_t i = 0; i < n; i++)
		at += (size_t)text_format(text + at, sizeof(text) - at, "%02X%s", bytes[i],
					  i % 4 == 3 ? " " : "");
	cp_say("%-5s %016llX: %s", what, (unsigned long long)address, text);
}

static uint64_t linear(struct vm *vm, enum seg seg, uint64_t offset)
{
	struct segment s;

	arch_vcpu_get_segment(&vm->av, seg, &s);
	return s.base + offset;
}

static void dump_devices(struct vm *vm)
{
	const struct vdev *shown[BUS_CLAIMS];
	uint32_t count = 0, k;
	char text[160];

	for (uint32_t i = 0; i < vm->bus.count[BUS_PORT] && i < BUS_CLAIMS; i++) {
		const struct vdev *d = vm->bus.claims[BUS_PORT][i].dev;

		for (k = 0; k < count && shown[k] != d; k++)
			;
		if (k < count || d == NULL)
			continue;
		shown[count++] = d;
		if (d->ops->dump == NULL)
			continue;
		text[0] = '\0';
		d->ops->dump(d, text, sizeof(text));
		cp_say("DEV   %-8s %s", d->ops->name, text);
	}
}

/* The last lines the machine wrote, from the ring they went through. */
static void dump_output(const struct vm_console *c)
{
	char lines[OUTPUT_LINES][GUEST_LINE];
	uint16_t lengths[OUTPUT_LINES];
	struct guest_line line = { .length = 0 };
	uint32_t count = 0, n = c->out_total < CONSOLE_OUT ? (uint32_t)c->out_total : CONSOLE_OUT;

	for (uint32_t at = c->out_head - n;; at++) {
		bool end = at == c->out_head;

		if (!end && guest_output_byte(&line, c->out[at % CONSOLE_OUT]) == GUEST_LINE_OPEN)
			continue;
		if (line.length > 0) {
			memcpy(lines[count % OUTPUT_LINES], line.text, line.length);
			lengths[count % OUTPUT_LINES] = line.length;
			count++;
		}
		guest_output_next(&line, false);
		if (end)
			break;
	}
	for (uint32_t i = count > OUTPUT_LINES ? count - OUTPUT_LINES : 0; i < count; i++)
		cp_say("OUT   %.*s", (int)lengths[i % OUTPUT_LINES], lines[i % OUTPUT_LINES]);
}

void dump_command(struct command_call *c)
{
	struct vm *vm = command_only_target(c);

	if (vm == NULL)
		return;
	cp_say("DUMP OF %s: %s, SYSTEM %s%s%s", vm->userid, vm_state_name(vm->state),
	       vm->system[0] != '\0' ? vm->system : "NONE", vm->why[0] != '\0' ? ", " : "",
	       vm->why);
	display_psw(vm);
	display_general(vm, 0, GPRS - 1);
	display_control(vm, 0, display_registers_count - 1);
	display_segments(vm);
	dump_linear(vm, "CODE", linear(vm, SEG_CS, arch_vcpu_get(&vm->av, VREG_RIP)), 16);
	dump_linear(vm, "STACK", linear(vm, SEG_SS, arch_vcpu_get(&vm->av, VREG_RSP)), 32);
	dump_devices(vm);
	query_show_traps(vm, TRAPS);
	dump_output(&vm->console);
}
