/* The virtual display: a VGA with Bochs' VBE interface, as QEMU's "std" adapter (1234:1111) has it. */
/* Part: devices/; an interpreter of I/O; text is plain storage of the guest's, the rest goes access by access. */
#ifndef VMM_DEVICES_VVGA_H
#define VMM_DEVICES_VVGA_H

#include "vmm/devices/vpci.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VVGA_VRAM MIB(4)
#define VVGA_DEVFN VPCI_DEVFN(2, 0)
#define VVGA_VRAM_BAR 0u
#define VVGA_COLUMNS 132u	/* the most a snapshot shows */
#define VVGA_ROWS 60u

/* Bochs' VBE registers, by index. */
enum vvga_dispi {
	DISPI_ID, DISPI_XRES, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK, DISPI_VIRT_WIDTH, DISPI_VIRT_HEIGHT,
	DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_MEMORY_64K, DISPI_REGISTERS,
};

struct vvga {
	struct vpci_function pci;	/* first: its first member is the vdev */
	uint8_t *vram;			/* VVGA_VRAM bytes of machine_storage() */
	/* The row ROW_VGA_WINDOW as last set: guest address, size, place in the RAM, rights. */
	uint32_t window, window_size, window_from, window_rights;
	struct vvga_state {
		uint8_t misc, feature;
		uint8_t seq_index, seq[8];
		uint8_t gc_index, gc[16];
		uint8_t crtc_index, crtc[32];
		uint8_t attr_index, attr[32];
		uint8_t attr_data;		/* flip-flop: the next write to 3C0h is data */
		uint8_t dac_mask, dac_read, dac_write, dac_part, dac_state;
		uint8_t dac_new[3];		/* red and green of an entry being written */
		uint8_t dac[768];
		uint8_t latch[4];
		uint16_t dispi_index;
		uint16_t dispi[DISPI_REGISTERS];
	} s;
};

/* What is on the screen. */
struct vvga_screen {
	bool blank;		/* switched off: there is nothing to see */
	bool graphics;
	uint16_t width, height, bits;	/* graphics: pixels, and bits a pixel */
	uint16_t columns, rows;		/* text */
	uint16_t cursor_x, cursor_y;	/* text; cursor_y = rows when it is on another page */
	bool cursor_on;
	uint16_t start, pitch;		/* of the visible page, in characters */
};

/* A linear mode, as whoever draws has to know it: where, and how a pixel lies in its bytes. */
struct vvga_mode {
	uint64_t at;
	uint32_t width, height, pitch, bits;
	struct { uint8_t at, bits; } red, green, blue;
};

/* 0, or -ENOMEM when there is no storage for the video RAM. */
int vvga_init(struct vvga *v, struct vm *vm);
/* Ports, the aperture at A0000h, and the function on the PCI bus. 0 or the error of those. */
int vvga_claim(struct vvga *v, struct bus *bus, struct vpci *pci);

/*
 * What a video BIOS is asked for by function 4F02h: that picture, cleared. bits: 15, 16, 24 or 32. false = it does not
 * fit, or the video RAM has no place among the guest's addresses; the screen is then as it was.
 */
bool vvga_set_mode(struct vvga *v, uint32_t width, uint32_t height, uint32_t bits, struct vvga_mode *mode);

void vvga_screen(const struct vvga *v, struct vvga_screen *screen);
/* The cells of one text row, character below attribute; cells: screen->columns of them. y < screen->rows. */
void vvga_screen_row(const struct vvga *v, const struct vvga_screen *screen, unsigned int y, uint16_t *cells);
/* The same cells of all rows in one piece, to see quickly whether any has changed. NULL = they do not lie so. */
const uint8_t *vvga_screen_page(const struct vvga *v, const struct vvga_screen *screen, size_t *bytes);

#endif
