/* The virtual DMA controllers: two 8237s in cascade with their page registers, and no device that asks them. */
/* Part: devices/; programs find the registers where every PC has them; nothing ever moves. */
#ifndef VMM_DEVICES_VDMA_H
#define VMM_DEVICES_VDMA_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VDMA_CHANNELS 4u
#define VDMA_PAGES 16u	/* ports 80h-8Fh; 80h itself is the POST port's */

struct vdma_chip {
	uint16_t base_address[VDMA_CHANNELS], address[VDMA_CHANNELS];
	uint16_t base_count[VDMA_CHANNELS], count[VDMA_CHANNELS];
	uint8_t mode[VDMA_CHANNELS];	/* bits 2-7; the lower two say which channel */
	uint8_t command, mask, request;
	uint8_t high;	/* the flip-flop: 1 = the upper byte is next */
};

struct vdma_state {
	struct vdma_chip chip[2];	/* channels 0-3, then 4-7 */
	uint8_t page[VDMA_PAGES];
};

struct vdma {
	struct vdev dev;
	struct vdma_state s;
};

void vdma_init(struct vdma *dma, struct vm *vm);
int vdma_claim(struct vdma *dma, struct bus *bus);

#endif
