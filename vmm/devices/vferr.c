/* The wire from the floating-point unit's FERR output to line 13, and the latch that port F0h clears. */
/* Part: devices/; SDM, "MS-DOS Compatibility Sub-mode" in "Guidelines for Writing x87 FPU Exception Handlers". */
#include "vmm/devices/vferr.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VFERR_KIND 0x31524546u
#define VFERR_LINE 13u
#define PORT_CLEAR 0xf0u	/* clears the latch */
#define PORT_RESET 0xf1u	/* reset the coprocessor when it was one */

static void set_latch(struct vferr *ferr, uint8_t latched)
{
	if (ferr->latched == latched)
		return;
	ferr->latched = latched;
	machine_irq(ferr->dev.vm, VFERR_LINE, latched != 0);
}

void vferr_assert(struct vferr *ferr)
{
	set_latch(ferr, 1);
}

static void vferr_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	(void)region;
	if (a->write)
		set_latch((struct vferr *)d, 0);
}

static void vferr_reset(struct vdev *d)
{
	set_latch((struct vferr *)d, 0);
}

static void vferr_dump(const struct vdev *d, char *text, size_t room)
{
	text_format(text, room, "latched=%u", ((const struct vferr *)d)->latched);
}

static size_t vferr_save(const struct vdev *d, void *to, size_t room)
{
	return state_save(VFERR_KIND, &((const struct vferr *)d)->latched, 1, to, room);
}

static bool vferr_restore(struct vdev *d, const void *from, size_t size)
{
	uint8_t latched;

	if (!state_load(VFERR_KIND, &latched, 1, from, size) || latched > 1)
		return false;
	set_latch((struct vferr *)d, latched);
	return true;
}

static const struct vdev_ops vferr_ops = {
	.name = "FERR",
	.reset = vferr_reset,
	.access = vferr_access,
	.dump = vferr_dump,
	.save = vferr_save,
	.restore = vferr_restore,
};

void vferr_init(struct vferr *ferr, struct vm *vm)
{
	memset(ferr, 0, sizeof(*ferr));
	ferr->dev.ops = &vferr_ops;
	ferr->dev.vm = vm;
}

int vferr_claim(struct vferr *ferr, struct bus *bus)
{
	return bus_claim(bus, BUS_PORT, PORT_CLEAR, PORT_RESET, &ferr->dev, 0, true);
}
