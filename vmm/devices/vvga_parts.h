/* What the parts of the virtual display share: register bits, and each other's routines. */
/* Part: devices/; only vvga*.c include it. */
#ifndef VMM_DEVICES_VVGA_PARTS_H
#define VMM_DEVICES_VVGA_PARTS_H

#include "vmm/devices/vvga.h"

#define VGA_APERTURE	 0xa0000u
#define VGA_APERTURE_END 0xbffffu
#define VGA_BANK	 0x10000u	/* the 64 KiB that a bank or a plane has */

#define MISC_COLOUR	 0x01u	/* the CRTC answers at 3D4h, not at 3B4h */

enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_FONTS, SEQ_MEMORY };
#define CLOCKING_DOTS8	 0x01u
#define CLOCKING_OFF	 0x20u
#define MEMORY_SEQUENTIAL 0x04u	/* clear: even addresses go to planes 0 and 2, odd ones to 1 and 3 */
#define MEMORY_CHAIN4	 0x08u

enum { GC_SET_RESET, GC_SET_RESET_ON, GC_COMPARE, GC_ROTATE, GC_READ_MAP, GC_MODE, GC_MISC, GC_CARE, GC_BIT_MASK };
#define GC_MODE_WRITE	 0x03u
#define GC_MODE_COMPARE	 0x08u	/* read mode 1 */
#define GC_MODE_ODD_EVEN 0x10u
#define GC_MODE_SHIFT2	 0x20u
#define GC_MODE_SHIFT256 0x40u
#define GC_MISC_GRAPHICS 0x01u
#define GC_MISC_CHAIN	 0x02u	/* odd/even: address bit 0 is taken away from the planes' address */

enum {
	CRTC_TOTAL, CRTC_END, CRTC_OVERFLOW = 7, CRTC_MAX_SCAN = 9, CRTC_CURSOR_START, CRTC_CURSOR_END, CRTC_START_HIGH,
	CRTC_START_LOW, CRTC_CURSOR_HIGH, CRTC_CURSOR_LOW, CRTC_RETRACE_END = 0x11, CRTC_DISPLAY_END, CRTC_OFFSET,
	CRTC_MODE = 0x17, CRTC_COMPARE, CRTC_COUNT,
};

#define ATTR_COUNT	 0x15u
#define ATTR_VIDEO_ON	 0x20u	/* bit of the index register: the palette drives the screen */

#define DISPI_ENABLED	 0x01u
#define DISPI_GETCAPS	 0x02u
#define DISPI_8BIT_DAC	 0x20u
#define DISPI_LFB	 0x40u
#define DISPI_NOCLEAR	 0x80u

/*
 * Where a byte of a plane lies in the video RAM. Planes 0 and 1 are woven byte by byte, the even addresses first: there
 * odd/even addressing puts characters and attributes, and so text mode's 32 KiB are plain storage in the guest's own
 * order. Planes 2 and 3 (fonts are in 2) follow in the same manner. Linear modes see the same RAM as it lies.
 */
static inline uint32_t vvga_at(unsigned int plane, uint32_t a)
{
	return (a >> 16) << 18 | (plane >> 1) << 17 | (a & 1) << 16 | (a & 0xfffe) | (plane & 1);
}

/* A VBE mode of 8 or more bits a pixel: the aperture is a linear bank. */
static inline bool vvga_linear(const struct vvga_state *s)
{
	return (s->dispi[DISPI_ENABLE] & DISPI_ENABLED) && s->dispi[DISPI_BPP] != 4;
}

/* vvga.c: registers have changed that decide whether the aperture can be plain storage. */
void vvga_window(struct vvga *v);

/* vvga_ports.c: one byte, port 3B0h-3DFh. */
uint8_t vvga_port_read(struct vvga *v, uint32_t port);
void vvga_port_write(struct vvga *v, uint32_t port, uint8_t value);
void vvga_ports_reset(struct vvga_state *s);	/* as the BIOS leaves them in mode 3 */

/* vvga_dispi.c */
uint16_t vvga_dispi_read(const struct vvga *v, uint32_t index);
void vvga_dispi_write(struct vvga *v, uint32_t index, uint16_t value);
void vvga_dispi_reset(struct vvga_state *s);
bool vvga_dispi_sane(const struct vvga_state *s);	/* could vvga_dispi_write() have left this? */

/* vvga_memory.c: one byte, offset from A0000h. */
uint8_t vvga_memory_read(struct vvga *v, uint32_t offset);
void vvga_memory_write(struct vvga *v, uint32_t offset, uint8_t value);
/* Strings, as struct vdev_ops has them. 0 = byte by byte: not all of it is in the planes. */
uint32_t vvga_memory_block(struct vvga *v, uint32_t offset, const struct io_block *b);
uint32_t vvga_memory_copy(struct vvga *v, uint32_t to, uint32_t from, uint8_t size, uint32_t count);

#endif
