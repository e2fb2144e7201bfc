/* The virtual keyboard controller: the 8042's commands, its output buffer, translation and interrupts. */
/* Part: devices/; what the keyboard and the mouse do is in vps2_keyboard.c and vps2_mouse.c. */
#include "vmm/devices/vps2.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vps2_parts.h"

#define VPS2_KIND 0x32325350u

/*
 * Time: an answer to a command is there at once. A key's or the mouse's own next byte comes some time after the last
 * one has been read, as on the real serial line: there are interrupt handlers that read port 60h twice and expect to
 * find the same byte.
 */
#define GAP_HZ 3000u

#define PORT_DATA   0x60u
#define PORT_STATUS 0x64u

#define COMMAND_IRQ_KEYBOARD	0x01u
#define COMMAND_IRQ_MOUSE	0x02u
#define COMMAND_SYSTEM		0x04u
#define COMMAND_NO_KEYBOARD	0x10u
#define COMMAND_NO_MOUSE	0x20u
#define COMMAND_TRANSLATE	0x40u
/* As a BIOS leaves it, for guests that come without one. */
#define COMMAND_RESET (COMMAND_IRQ_KEYBOARD | COMMAND_SYSTEM | COMMAND_NO_MOUSE | COMMAND_TRANSLATE)

#define STATUS_FULL	0x01u
#define STATUS_UNLOCKED	0x10u
#define STATUS_MOUSE	0x20u

#define OUTPUT_RESET	0x01u	/* low resets the processor */
#define OUTPUT_A20	0x02u

enum {
	CTL_READ_RAM = 0x20, CTL_WRITE_RAM = 0x60, CTL_PASSWORD = 0xa4, CTL_MOUSE_OFF = 0xa7, CTL_MOUSE_ON = 0xa8,
	CTL_MOUSE_TEST = 0xa9, CTL_SELF_TEST = 0xaa, CTL_KEYBOARD_TEST = 0xab, CTL_KEYBOARD_OFF = 0xad,
	CTL_KEYBOARD_ON = 0xae, CTL_READ_INPUT = 0xc0, CTL_READ_OUTPUT = 0xd0, CTL_WRITE_OUTPUT = 0xd1,
	CTL_AS_KEYBOARD = 0xd2, CTL_AS_MOUSE = 0xd3, CTL_TO_MOUSE = 0xd4, CTL_A20_OFF = 0xdd,
	CTL_A20_ON = 0xdf, CTL_PULSE = 0xf0,
};

#define POLLS_MANY 32u		/* reads without a write between them: that is a guest that waits for a key */
#define POLLED_SECONDS 2u

void vps2_answer(struct vps2_port *port, uint8_t byte)
{
	if (port->reply_count < VPS2_REPLY) {
		port->reply[(port->reply_first + port->reply_count) % VPS2_REPLY] = byte;
		port->reply_count++;
	}
}

/* The next byte out of it, -1 = none. */
static int next(struct vps2_port *port)
{
	if (port->reply_count > 0) {
		port->last = port->reply[port->reply_first % VPS2_REPLY];
		port->reply_first = (port->reply_first + 1) % VPS2_REPLY;
		port->reply_count--;
	} else if (port->count > 0) {
		port->last = port->queue[port->first % VPS2_QUEUE];
		port->first = (port->first + 1) % VPS2_QUEUE;
		port->count--;
	} else {
		return -1;
	}
	return port->last;
}

void vps2_forget(struct vps2_port *port)
{
	port->reply_count = 0;
	port->count = 0;
	port->expects = 0;
}

static void set_line(struct vps2 *p, unsigned int irq, bool *line, bool up)
{
	if (*line != up) {
		*line = up;
		machine_irq(p->dev.vm, irq, up);
	}
}

static void update_lines(struct vps2 *p)
{
	const struct vps2_state *s = &p->s;

	set_line(p, 1, &p->line_keyboard, s->full && !s->from_mouse && (s->ram[0] & COMMAND_IRQ_KEYBOARD));
	set_line(p, 12, &p->line_mouse, s->full && s->from_mouse && (s->ram[0] & COMMAND_IRQ_MOUSE));
}

static void fill(struct vps2 *p, uint8_t byte, bool from_mouse)
{
	p->s.data = byte;
	p->s.full = 1;
	p->s.from_mouse = from_mouse;
	update_lines(p);
}

/* The controller's own byte: it is what the guest reads next. A byte that was there comes again after it. */
static void put(struct vps2 *p, uint8_t byte, bool from_mouse)
{
	struct vps2_state *s = &p->s;

	if (s->full && !s->held) {
		s->held = 1;
		s->held_data = s->data;
		s->held_mouse = s->from_mouse;
	}
	/* the line must be seen to fall, or the second byte has no edge */
	s->full = 0;
	update_lines(p);
	fill(p, byte, from_mouse);
}

/* One byte of the keyboard's line, through the translation. False = it was the prefix F0h, and more must come. */
static bool from_keyboard(struct vps2 *p, uint8_t byte)
{
	struct vps2_state *s = &p->s;

	if (!(s->ram[0] & COMMAND_TRANSLATE)) {
		fill(p, byte, false);
		return true;
	}
	if (byte == 0xf0) {
		s->broken = 1;
		return false;
	}
	byte = vps2_translate(byte);
	fill(p, s->broken ? byte | 0x80 : byte, false);
	s->broken = 0;
	return true;
}

static bool keyboard_open(const struct vps2_state *s)
{
	return !(s->ram[0] & COMMAND_NO_KEYBOARD);
}

static bool mouse_open(const struct vps2_state *s)
{
	return !(s->ram[0] & COMMAND_NO_MOUSE);
}

/* Is there a byte of a key or of the mouse's own that waits only for its time? */
static bool waits(const struct vps2_state *s)
{
	if (s->full)
		return false;
	return (keyboard_open(s) && s->keyboard.count > 0) ||
	       (mouse_open(s) && (s->mouse.count > 0 || (s->moved && s->reporting && !s->remote && !s->wrap)));
}

static void update_deadline(struct vps2 *p)
{
	uint64_t next = waits(&p->s) ? p->ready_at : TIME_NEVER;

	if (next != p->deadline) {
		p->deadline = next;
		machine_deadline_changed(p->dev.vm);
	}
}

/* Moves the next byte into the output buffer, if that is free: answers first, then keys, then the mouse. */
static void fetch(struct vps2 *p)
{
	struct vps2_state *s = &p->s;
	bool ready = machine_now(p->dev.vm) >= p->ready_at;

	if (!s->full && s->held) {
		s->held = 0;
		fill(p, s->held_data, s->held_mouse);
	}
	while (!s->full && keyboard_open(s) && (s->keyboard.reply_count > 0 || (ready && s->keyboard.count > 0)))
		from_keyboard(p, (uint8_t)next(&s->keyboard));
	if (!s->full && mouse_open(s)) {
		if (ready)
			vps2_mouse_report(s);
		if (s->mouse.reply_count > 0 || (ready && s->mouse.count > 0))
			fill(p, (uint8_t)next(&s->mouse), true);
	}
	update_deadline(p);
}

static uint8_t data_read(struct vps2 *p)
{
	struct vps2_state *s = &p->s;

	fetch(p);
	if (s->full) {
		s->full = 0;
		p->ready_at = machine_now(p->dev.vm) + machine_tsc_hz(p->dev.vm) / GAP_HZ;
		update_lines(p);
	}
	/* an empty buffer still shows its last byte; the next one may already be on its way into it */
	uint8_t byte = s->data;

	fetch(p);
	return byte;
}

static uint8_t status_read(struct vps2 *p)
{
	const struct vps2_state *s = &p->s;

	fetch(p);
	return (uint8_t)((s->full ? STATUS_FULL : 0) | s->system << 2 | s->command_last << 3 | STATUS_UNLOCKED |
			 (s->full && s->from_mouse ? STATUS_MOUSE : 0));
}

static uint8_t output_port(const struct vps2 *p)
{
	const struct vps2_state *s = &p->s;

	return (uint8_t)(OUTPUT_RESET | (machine_a20(p->dev.vm) ? OUTPUT_A20 : 0) | (s->full && !s->from_mouse ? 0x10 : 0) |
			 (s->full && s->from_mouse ? 0x20 : 0));
}

static void ram_write(struct vps2 *p, unsigned int at, uint8_t value)
{
	struct vps2_state *s = &p->s;

	s->ram[at % VPS2_RAM] = value;
	if (at != 0)
		return;
	s->system = (value & COMMAND_SYSTEM) != 0;
	s->driven = 1;
	update_lines(p);
}

static void command_write(struct vps2 *p, uint8_t value)
{
	struct vps2_state *s = &p->s;

	s->command_last = 1;
	s->expects = 0;
	if (value >= CTL_READ_RAM && value < CTL_READ_RAM + VPS2_RAM) {
		put(p, s->ram[value - CTL_READ_RAM], false);
		return;
	}
	if (value >= CTL_WRITE_RAM && value < CTL_WRITE_RAM + VPS2_RAM) {
		s->expects = value;
		return;
	}
	if (value >= CTL_PULSE) {	/* each zero bit pulses a line of the output port; line 0 is the reset */
		if (!(value & OUTPUT_RESET))
			machine_reset_request(p->dev.vm, "port 64h");
		return;
	}
	switch (value) {
	case CTL_PASSWORD:
		put(p, 0xf1, false);	/* none is installed */
		return;
	case CTL_MOUSE_OFF:
		s->ram[0] |= COMMAND_NO_MOUSE;
		return;
	case CTL_MOUSE_ON:
		s->ram[0] &= (uint8_t)~COMMAND_NO_MOUSE;
		return;
	case CTL_KEYBOARD_OFF:
		s->ram[0] |= COMMAND_NO_KEYBOARD;
		return;
	case CTL_KEYBOARD_ON:
		s->ram[0] &= (uint8_t)~COMMAND_NO_KEYBOARD;
		return;
	case CTL_SELF_TEST:
		s->system = 1;
		put(p, 0x55, false);
		return;
	case CTL_MOUSE_TEST:
	case CTL_KEYBOARD_TEST:
		put(p, 0x00, false);
		return;
	case CTL_READ_INPUT:
		put(p, 0xa0, false);
		return;
	case CTL_READ_OUTPUT:
		put(p, output_port(p), false);
		return;
	case CTL_A20_OFF:
	case CTL_A20_ON:
		machine_set_a20(p->dev.vm, value == CTL_A20_ON);
		return;
	case CTL_WRITE_OUTPUT:
	case CTL_AS_KEYBOARD:
	case CTL_AS_MOUSE:
	case CTL_TO_MOUSE:
		s->expects = value;
		return;
	default:
		return;
	}
}

static void data_write(struct vps2 *p, uint8_t value)
{
	struct vps2_state *s = &p->s;
	uint8_t command = s->expects;

	s->command_last = 0;
	s->expects = 0;
	switch (command) {
	case 0:		/* speaking to a device opens its line again */
		s->ram[0] &= (uint8_t)~COMMAND_NO_KEYBOARD;
		s->driven = 1;
		s->broken = 0;
		vps2_keyboard_write(s, value);
		return;
	case CTL_TO_MOUSE:
		s->ram[0] &= (uint8_t)~COMMAND_NO_MOUSE;
		vps2_mouse_write(s, value);
		return;
	case CTL_WRITE_OUTPUT:
		machine_set_a20(p->dev.vm, (value & OUTPUT_A20) != 0);
		if (!(value & OUTPUT_RESET))
			machine_reset_request(p->dev.vm, "port 64h");
		return;
	case CTL_AS_KEYBOARD:
	case CTL_AS_MOUSE:
		put(p, value, command == CTL_AS_MOUSE);
		return;
	default:
		ram_write(p, command - CTL_WRITE_RAM, value);
		return;
	}
}

static void count_poll(struct vps2 *p)
{
	if (++p->polls < POLLS_MANY)
		return;
	p->polls = 0;
	p->polled_at = machine_now(p->dev.vm);
}

static void vps2_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vps2 *p = (struct vps2 *)d;

	(void)region;
	if (!a->write) {
		count_poll(p);
		a->value = a->addr == PORT_DATA ? data_read(p) : a->addr == PORT_STATUS ? status_read(p) : 0xff;
		return;
	}
	p->polls = 0;
	if (a->addr == PORT_DATA)
		data_write(p, (uint8_t)a->value);
	else if (a->addr == PORT_STATUS)
		command_write(p, (uint8_t)a->value);
	fetch(p);
}

bool vps2_idle(const struct vps2 *p)
{
	return p->s.keyboard.count == 0 && !p->s.full;
}

bool vps2_listens(const struct vps2 *p, uint64_t now)
{
	const struct vps2_state *s = &p->s;
	int64_t lately = (int64_t)(POLLED_SECONDS * machine_tsc_hz(p->dev.vm));
	bool polled = p->polled_at != 0 && (int64_t)(now - p->polled_at) < lately;

	return s->scanning && keyboard_open(s) && (polled || (s->driven && (s->ram[0] & COMMAND_IRQ_KEYBOARD)));
}

bool vps2_key(struct vps2 *p, const uint8_t *codes, size_t n)
{
	struct vps2_port *k = &p->s.keyboard;
	uint8_t broken = 0;

	if (!p->s.scanning || n > VPS2_QUEUE || k->count + n > VPS2_QUEUE)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = codes[i];

		if (p->s.set == 1) {	/* the keyboard itself speaks the older set */
			if (byte == 0xf0) {
				broken = 0x80;
				continue;
			}
			byte = vps2_translate(byte) | broken;
			broken = 0;
		}
		k->queue[(k->first + k->count) % VPS2_QUEUE] = byte;
		k->count++;
	}
	fetch(p);
	return true;
}

void vps2_mouse(struct vps2 *p, int dx, int dy, int dz, uint8_t buttons)
{
	vps2_mouse_moved(&p->s, dx, dy, dz, buttons);
	fetch(p);
}

static uint64_t vps2_deadline(const struct vdev *d)
{
	return ((const struct vps2 *)d)->deadline;
}

static void vps2_service(struct vdev *d, uint64_t now)
{
	(void)now;
	fetch((struct vps2 *)d);
}

static void vps2_reset(struct vdev *d)
{
	struct vps2 *p = (struct vps2 *)d;

	memset(&p->s, 0, sizeof(p->s));
	p->s.ram[0] = COMMAND_RESET;
	p->s.system = 1;
	p->s.command_last = 1;
	vps2_keyboard_reset(&p->s);
	vps2_mouse_reset(&p->s);
	p->ready_at = 0;
	p->polled_at = 0;
	p->polls = 0;
	update_lines(p);
	update_deadline(p);
}

static void vps2_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vps2_state *s = &((const struct vps2 *)d)->s;

	text_format(text, room, "command=%02x full=%u data=%02x keys=%u set=%u scan=%u leds=%u mouse=%u wheel=%u",
		    s->ram[0], s->full, s->data, s->keyboard.count, s->set, s->scanning, s->leds, s->reporting, s->wheel);
}

static size_t vps2_save(const struct vdev *d, void *to, size_t room)
{
	const struct vps2 *p = (const struct vps2 *)d;

	return state_save(VPS2_KIND, &p->s, sizeof(p->s), to, room);
}

static bool port_sane(const struct vps2_port *port)
{
	return port->reply_first < VPS2_REPLY && port->reply_count <= VPS2_REPLY && port->first < VPS2_QUEUE &&
	       port->count <= VPS2_QUEUE;
}

static bool flags_sane(const struct vps2_state *s)
{
	const uint8_t flags[] = { s->full, s->from_mouse, s->held, s->held_mouse, s->system, s->command_last, s->broken,
				  s->driven, s->scanning, s->reporting, s->remote, s->wrap, s->scaled, s->wheel, s->moved };

	for (size_t i = 0; i < sizeof(flags); i++)
		if (flags[i] > 1)
			return false;
	return true;
}

static bool vps2_restore(struct vdev *d, const void *from, size_t size)
{
	struct vps2 *p = (struct vps2 *)d;
	struct vps2_state s;

	if (!state_load(VPS2_KIND, &s, sizeof(s), from, size) || !port_sane(&s.keyboard) || !port_sane(&s.mouse) ||
	    !flags_sane(&s) || s.set < 1 || s.set > 2 || s.knock > 2 || s.resolution > 3 || s.buttons > 7 ||
	    (s.expects != 0 && (s.expects < CTL_WRITE_RAM || s.expects >= CTL_WRITE_RAM + VPS2_RAM) &&
	     (s.expects < CTL_WRITE_OUTPUT || s.expects > CTL_TO_MOUSE)))
		return false;
	p->s = s;
	p->ready_at = machine_now(p->dev.vm);
	/* The machine's idea of the lines may be older than the saved one: say it in any case. */
	p->line_keyboard = p->line_mouse = true;
	set_line(p, 1, &p->line_keyboard, false);
	set_line(p, 12, &p->line_mouse, false);
	update_lines(p);
	update_deadline(p);
	return true;
}

static const struct vdev_ops vps2_ops = {
	.name = "8042",
	.reset = vps2_reset,
	.access = vps2_access,
	.deadline = vps2_deadline,
	.service = vps2_service,
	.dump = vps2_dump,
	.save = vps2_save,
	.restore = vps2_restore,
};

void vps2_init(struct vps2 *p, struct vm *vm)
{
	memset(p, 0, sizeof(*p));
	p->dev.ops = &vps2_ops;
	p->dev.vm = vm;
	p->deadline = TIME_NEVER;
	vps2_reset(&p->dev);
}

int vps2_claim(struct vps2 *p, struct bus *bus)
{
	int e = bus_claim(bus, BUS_PORT, PORT_DATA, PORT_DATA, &p->dev, 0, true);

	return e != 0 ? e : bus_claim(bus, BUS_PORT, PORT_STATUS, PORT_STATUS, &p->dev, 0, true);
}
