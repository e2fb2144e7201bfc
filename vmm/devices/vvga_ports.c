/* The VGA's registers: sequencer, CRTC, graphics and attribute controllers, palette, status. */
/* Part: devices/; a part of vvga.c: what one byte at ports 3B4h to 3DAh does. */
#include "lib/string.h"
#include "vmm/devices/vvga_parts.h"

#define FRAMES_HZ	70u
#define LINES		449u	/* of a frame, 400 of them shown */
#define LINES_SHOWN	400u
#define LINE_RETRACE	412u
#define STATUS_BLANK	0x01u
#define STATUS_RETRACE	0x08u
#define SWITCH_SENSE	0x10u	/* input status 0: a colour monitor is there */

static const uint8_t seq_masks[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gc_masks[16] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };

/*
 * The beam moves with time. What lies between the last line and the next frame all counts as vertical retrace from its
 * beginning on: a guest that looks seldom would miss the two lines of the real signal.
 */
static uint8_t input_status(const struct vvga *v)
{
	struct vm *vm = v->pci.dev.vm;
	uint64_t frame = machine_tsc_hz(vm) / FRAMES_HZ, part, line;

	if (frame == 0)
		frame = 1;
	part = machine_now(vm) % frame * LINES;
	line = part / frame;
	if (line >= LINE_RETRACE)
		return STATUS_RETRACE | STATUS_BLANK;
	/* the last fifth of each line is blank */
	return line >= LINES_SHOWN || part % frame >= frame / 5 * 4 ? STATUS_BLANK : 0;
}

static uint8_t dac_read(struct vvga_state *s)
{
	uint8_t value = s->dac[s->dac_read * 3u + s->dac_part];

	s->dac_part++;
	if (s->dac_part == 3) {
		s->dac_part = 0;
		s->dac_read++;
	}
	return value;
}

static void dac_write(struct vvga_state *s, uint8_t value)
{
	s->dac_new[s->dac_part] = s->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC ? value : value & 0x3f;
	s->dac_part++;
	if (s->dac_part == 3) {
		memcpy(&s->dac[s->dac_write * 3u], s->dac_new, 3);
		s->dac_part = 0;
		s->dac_write++;
	}
}

static void attr_write(struct vvga_state *s, uint8_t value)
{
	unsigned int index = s->attr_index & 0x1f;

	if (!s->attr_data)
		s->attr_index = value & 0x3f;
	/* while the palette drives the screen the processor cannot write to it */
	else if (index >= 0x10 ? index < ATTR_COUNT : !(s->attr_index & ATTR_VIDEO_ON))
		s->attr[index] = value & (index == 0x10 ? 0xefu : index == 0x11 ? 0xffu : index < 0x10 ? 0x3fu : 0x0fu);
	s->attr_data ^= 1;
}

static void crtc_write(struct vvga_state *s, uint8_t value)
{
	unsigned int index = s->crtc_index;

	if (index >= CRTC_COUNT)
		return;
	if (index <= CRTC_OVERFLOW && (s->crtc[CRTC_RETRACE_END] & 0x80)) {
		/* protected, but for the highest bit of the line compare register */
		if (index == CRTC_OVERFLOW)
			s->crtc[index] = (uint8_t)((s->crtc[index] & ~0x10u) | (value & 0x10u));
		return;
	}
	s->crtc[index] = value;
}

/* The CRTC is at 3D4h or at 3B4h, and so is what belongs to it. */
static bool selected(const struct vvga_state *s, uint32_t port)
{
	bool colour = port >= 0x3d0;

	return port >= 0x3c0 && port < 0x3d0 ? true : colour == ((s->misc & MISC_COLOUR) != 0);
}

uint8_t vvga_port_read(struct vvga *v, uint32_t port)
{
	struct vvga_state *s = &v->s;

	if (!selected(s, port))
		return 0xff;
	switch (port) {
	case 0x3c0:
		return s->attr_index;
	case 0x3c1:
		return (s->attr_index & 0x1f) < ATTR_COUNT ? s->attr[s->attr_index & 0x1f] : 0;
	case 0x3c2:
		return SWITCH_SENSE;
	case 0x3c3:
		return 1;	/* the adapter is enabled, always */
	case 0x3c4:
		return s->seq_index;
	case 0x3c5:
		return s->seq[s->seq_index & 7];
	case 0x3c6:
		return s->dac_mask;
	case 0x3c7:
		return s->dac_state;
	case 0x3c8:
		return s->dac_write;
	case 0x3c9:
		return dac_read(s);
	case 0x3ca:
		return s->feature;
	case 0x3cc:
		return s->misc;
	case 0x3ce:
		return s->gc_index;
	case 0x3cf:
		return s->gc[s->gc_index & 15];
	case 0x3b4:
	case 0x3d4:
		return s->crtc_index;
	case 0x3b5:
	case 0x3d5:
		return s->crtc_index < CRTC_COUNT ? s->crtc[s->crtc_index] : 0;
	case 0x3ba:
	case 0x3da:
		s->attr_data = 0;
		return input_status(v);
	default:
		return 0xff;
	}
}

/* These registers say what the aperture is. */
static void memory_register_write(struct vvga *v, uint8_t *reg, uint8_t value)
{
	if (*reg == value)
		return;
	*reg = value;
	vvga_window(v);
}

void vvga_port_write(struct vvga *v, uint32_t port, uint8_t value)
{
	struct vvga_state *s = &v->s;

	if (!selected(s, port))
		return;
	switch (port) {
	case 0x3c0:
		attr_write(s, value);
		return;
	case 0x3c2:
		memory_register_write(v, &s->misc, value & 0xef);
		return;
	case 0x3c4:
		s->seq_index = value & 7;
		return;
	case 0x3c5:
		memory_register_write(v, &s->seq[s->seq_index & 7], value & seq_masks[s->seq_index & 7]);
		return;
	case 0x3c6:
		s->dac_mask = value;
		return;
	case 0x3c7:
		s->dac_read = value;
		s->dac_part = 0;
		s->dac_state = 3;
		return;
	case 0x3c8:
		s->dac_write = value;
		s->dac_part = 0;
		s->dac_state = 0;
		return;
	case 0x3c9:
		dac_write(s, value);
		return;
	case 0x3ce:
		s->gc_index = value & 15;
		return;
	case 0x3cf:
		memory_register_write(v, &s->gc[s->gc_index & 15], value & gc_masks[s->gc_index & 15]);
		return;
	case 0x3b4:
	case 0x3d4:
		s->crtc_index = value;
		return;
	case 0x3b5:
	case 0x3d5:
		crtc_write(s, value);
		return;
	case 0x3ba:
	case 0x3da:
		s->feature = value & 0x0b;
		return;
	default:
		return;
	}
}

/* The sixty-four colours of the EGA, two bits for each of red, green and blue. */
static void ega_palette(uint8_t *dac)
{
	for (unsigned int i = 0; i < 64; i++)
		for (unsigned int part = 0; part < 3; part++) {
			unsigned int strong = i >> (2 - part) & 1, weak = i >> (5 - part) & 1;

			dac[i * 3 + part] = (uint8_t)(strong * 0x2a + weak * 0x15);
		}
}

void vvga_ports_reset(struct vvga_state *s)
{
	static const uint8_t crtc[CRTC_COUNT] = {
		0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
		0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
	};
	static const uint8_t attr[ATTR_COUNT] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
		0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
	};

	s->misc = 0x67;
	s->seq[SEQ_RESET] = 3;
	s->seq[SEQ_MAP_MASK] = 3;
	s->seq[SEQ_MEMORY] = 2;
	s->gc[GC_MODE] = GC_MODE_ODD_EVEN;
	s->gc[GC_MISC] = 0x0e;
	s->gc[GC_BIT_MASK] = 0xff;
	memcpy(s->crtc, crtc, sizeof(crtc));
	memcpy(s->attr, attr, sizeof(attr));
	s->attr_index = ATTR_VIDEO_ON;
	s->dac_mask = 0xff;
	ega_palette(s->dac);
}
