/* The keyboard behind the 8042: its commands, its scan-code sets 2 and 1, and the controller's translation. */
/* Part: devices/; a part of vps2.c. */
#include "vmm/devices/vps2_parts.h"

#define RATE_DEFAULT 0x2bu

enum {
	CMD_LEDS = 0xed, CMD_ECHO = 0xee, CMD_SET = 0xf0, CMD_IDENTIFY = 0xf2, CMD_RATE = 0xf3, CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_ALL_FIRST = 0xf7, CMD_ALL_LAST = 0xfa, CMD_KEY_LAST = 0xfd,
	CMD_RESEND = 0xfe, CMD_RESET = 0xff,
};

/* Scan-code set 2 to set 1. From 80h on a byte stands for itself, but for F7 and Alt-SysRq. */
static const uint8_t to_set1[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

uint8_t vps2_translate(uint8_t set2)
{
	if (set2 == 0x83)
		return 0x41;
	if (set2 == 0x84)
		return 0x54;
	return set2 < sizeof(to_set1) ? to_set1[set2] : set2;
}

static void defaults(struct vps2_state *s)
{
	s->set = 2;
	s->rate = RATE_DEFAULT;
	s->keyboard.count = 0;
	s->keyboard.expects = 0;
}

void vps2_keyboard_reset(struct vps2_state *s)
{
	vps2_forget(&s->keyboard);
	defaults(s);
	s->leds = 0;
	s->scanning = 1;
}

/* False = it is no parameter but the next command. */
static bool parameter(struct vps2_state *s, uint8_t byte)
{
	uint8_t command = s->keyboard.expects;

	if (command == 0 || byte >= CMD_LEDS)
		return false;
	s->keyboard.expects = 0;
	switch (command) {
	case CMD_LEDS:
		s->leds = byte & 7;
		break;
	case CMD_RATE:
		s->rate = byte & 0x7f;
		break;
	case CMD_SET:
		/* Set 3 is not offered, and many real keyboards do not have it either. */
		if (byte > 2) {
			vps2_answer(&s->keyboard, PS2_RESEND);
			return true;
		}
		vps2_answer(&s->keyboard, PS2_ACK);
		if (byte == 0)
			vps2_answer(&s->keyboard, s->set);
		else
			s->set = byte;
		return true;
	default:	/* a key whose type in set 3 shall be another: any number of them follow */
		s->keyboard.expects = command;
		break;
	}
	vps2_answer(&s->keyboard, PS2_ACK);
	return true;
}

void vps2_keyboard_write(struct vps2_state *s, uint8_t byte)
{
	struct vps2_port *k = &s->keyboard;

	/* a new command ends the old one's answer */
	k->reply_count = 0;
	if (parameter(s, byte))
		return;
	k->expects = 0;
	switch (byte) {
	case CMD_ECHO:
		vps2_answer(k, CMD_ECHO);
		return;
	case CMD_RESEND:
		vps2_answer(k, k->last);
		return;
	case CMD_IDENTIFY:
		vps2_answer(k, PS2_ACK);
		vps2_answer(k, 0xab);
		vps2_answer(k, 0x83);
		return;
	case CMD_RESET:
		vps2_keyboard_reset(s);
		vps2_answer(k, PS2_ACK);
		vps2_answer(k, PS2_TEST_PASSED);
		return;
	case CMD_ENABLE:
		s->scanning = 1;
		k->count = 0;
		break;
	case CMD_DISABLE:
		defaults(s);
		s->scanning = 0;
		break;
	case CMD_DEFAULTS:
		defaults(s);
		break;
	case CMD_LEDS:
	case CMD_SET:
	case CMD_RATE:
		k->expects = byte;
		break;
	default:
		if (byte < CMD_ALL_FIRST) {
			vps2_answer(k, PS2_RESEND);
			return;
		}
		if (byte > CMD_ALL_LAST)
			k->expects = byte;	/* CMD_KEY_LAST is the last that comes here */
		break;
	}
	vps2_answer(k, PS2_ACK);
}
