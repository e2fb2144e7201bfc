/* The mouse behind the 8042: commands, packets of three bytes, or of four after the wheel's knock. */
/* Part: devices/; a part of vps2.c. */
#include "vmm/devices/vps2_parts.h"

enum {
	CMD_SCALE_1 = 0xe6, CMD_SCALE_2 = 0xe7, CMD_RESOLUTION = 0xe8, CMD_STATUS = 0xe9, CMD_STREAM = 0xea,
	CMD_READ = 0xeb, CMD_UNWRAP = 0xec, CMD_WRAP = 0xee, CMD_REMOTE = 0xf0, CMD_IDENTIFY = 0xf2, CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_RESEND = 0xfe, CMD_RESET = 0xff,
};

#define ID_WHEEL 3u
#define FARTHEST 2047	/* motion kept while nobody asks */

static void defaults(struct vps2_state *s)
{
	s->reporting = 0;
	s->remote = 0;
	s->wrap = 0;
	s->scaled = 0;
	s->resolution = 2;
	s->sample_rate = 100;
	s->dx = s->dy = s->dz = 0;
	s->moved = 0;
	s->mouse.count = 0;
	s->mouse.expects = 0;
}

void vps2_mouse_reset(struct vps2_state *s)
{
	vps2_forget(&s->mouse);
	defaults(s);
	s->wheel = 0;
	s->knock = 0;
}

static int at_most(int value, int most)
{
	return value > most ? most : value < -most ? -most : value;
}

void vps2_mouse_moved(struct vps2_state *s, int dx, int dy, int dz, uint8_t buttons)
{
	s->dx = (int16_t)at_most(s->dx + at_most(dx, FARTHEST), FARTHEST);
	s->dy = (int16_t)at_most(s->dy + at_most(dy, FARTHEST), FARTHEST);
	s->dz = (int16_t)at_most(s->dz + at_most(dz, FARTHEST), FARTHEST);
	s->buttons = buttons & 7;
	s->moved = 1;
}

/* Scaling 2:1 as the mouse's data sheet has it; only for what it reports by itself. */
static int scaled(const struct vps2_state *s, int value)
{
	static const uint8_t small[6] = { 0, 1, 1, 3, 6, 9 };
	int size = value < 0 ? -value : value;

	if (!s->scaled || s->remote)
		return value;
	size = size < 6 ? small[size] : at_most(size * 2, 255);
	return value < 0 ? -size : size;
}

static void queue(struct vps2_port *port, uint8_t byte)
{
	if (port->count < VPS2_QUEUE) {
		port->queue[(port->first + port->count) % VPS2_QUEUE] = byte;
		port->count++;
	}
}

/* At most what nine bits hold; the rest comes with the next packet. */
static void packet(struct vps2_state *s)
{
	int x = at_most(s->dx, 127), y = at_most(s->dy, 127), z = at_most(s->dz, 7), sx = scaled(s, x), sy = scaled(s, y);

	queue(&s->mouse, (uint8_t)(s->buttons | 0x08 | (sx < 0 ? 0x10 : 0) | (sy < 0 ? 0x20 : 0)));
	queue(&s->mouse, (uint8_t)sx);
	queue(&s->mouse, (uint8_t)sy);
	if (s->wheel)
		queue(&s->mouse, (uint8_t)z);
	s->dx = (int16_t)(s->dx - x);
	s->dy = (int16_t)(s->dy - y);
	s->dz = s->wheel ? (int16_t)(s->dz - z) : 0;
	s->moved = s->dx != 0 || s->dy != 0 || s->dz != 0;
}

void vps2_mouse_report(struct vps2_state *s)
{
	if (s->moved && s->reporting && !s->remote && !s->wrap && s->mouse.count == 0 && s->mouse.reply_count == 0)
		packet(s);
}

/* Rates 200, 100, 80 one after the other are Microsoft's knock: a wheel is looked for. */
static void set_rate(struct vps2_state *s, uint8_t rate)
{
	s->knock = rate == 200 ? 1 : rate == 100 && s->knock == 1 ? 2 : rate == 80 && s->knock == 2 ? 3 : 0;
	s->sample_rate = rate;
	if (s->knock == 3) {
		s->wheel = 1;
		s->knock = 0;
	}
}

static void status(struct vps2_state *s)
{
	vps2_answer(&s->mouse, (uint8_t)((s->remote ? 0x40 : 0) | (s->reporting ? 0x20 : 0) | (s->scaled ? 0x10 : 0) |
					 (s->buttons & 1) << 2 | (s->buttons & 4) >> 1 | (s->buttons & 2) >> 1));
	vps2_answer(&s->mouse, s->resolution);
	vps2_answer(&s->mouse, s->sample_rate);
}

static bool parameter(struct vps2_state *s, uint8_t byte)
{
	uint8_t command = s->mouse.expects;

	s->mouse.expects = 0;
	if (command == CMD_RATE && byte < CMD_SCALE_1)
		set_rate(s, byte);
	else if (command == CMD_RESOLUTION && byte < 4)
		s->resolution = byte;
	else
		return false;
	vps2_answer(&s->mouse, PS2_ACK);
	return true;
}

/* Commands that are acknowledged and change what the mouse does; false = it is none of them. */
static bool switched(struct vps2_state *s, uint8_t byte)
{
	switch (byte) {
	case CMD_SCALE_1:
	case CMD_SCALE_2:
		s->scaled = byte == CMD_SCALE_2;
		return true;
	case CMD_RESOLUTION:
	case CMD_RATE:
		s->mouse.expects = byte;
		return true;
	case CMD_STREAM:
		s->remote = 0;
		return true;
	case CMD_REMOTE:
		s->remote = 1;
		return true;
	case CMD_WRAP:
		s->wrap = 1;
		return true;
	case CMD_UNWRAP:
		s->wrap = 0;
		return true;
	case CMD_ENABLE:
	case CMD_DISABLE:
		s->reporting = byte == CMD_ENABLE;
		s->dx = s->dy = s->dz = 0;
		s->moved = 0;
		return true;
	case CMD_DEFAULTS:
		defaults(s);
		return true;
	default:
		return false;
	}
}

void vps2_mouse_write(struct vps2_state *s, uint8_t byte)
{
	struct vps2_port *m = &s->mouse;

	/* a command ends what was being sent */
	m->reply_count = 0;
	m->count = 0;
	if (s->wrap && byte != CMD_RESET && byte != CMD_UNWRAP) {
		vps2_answer(m, byte);
		return;
	}
	if (parameter(s, byte))
		return;
	if (byte == CMD_RESEND) {
		vps2_answer(m, m->last);
		return;
	}
	if (byte == CMD_RESET)
		vps2_mouse_reset(s);
	else if (!switched(s, byte) && byte != CMD_STATUS && byte != CMD_READ && byte != CMD_IDENTIFY) {
		vps2_answer(m, PS2_RESEND);
		return;
	}
	vps2_answer(m, PS2_ACK);
	if (byte == CMD_RESET) {
		vps2_answer(m, PS2_TEST_PASSED);
		vps2_answer(m, 0);
	} else if (byte == CMD_STATUS) {
		status(s);
	} else if (byte == CMD_IDENTIFY) {
		vps2_answer(m, s->wheel ? ID_WHEEL : 0);
	} else if (byte == CMD_READ) {
		packet(s);
	}
}
