/* The virtual POST port 80h: keeps the last byte and nothing else. */
/* Part: devices/; Linux writes here after each access to a slow device: the path is short. */
#include "vmm/devices/vdelay.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VDELAY_PORT 0x80u
#define VDELAY_KIND 0x31444c59u

static void vdelay_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vdelay *delay = (struct vdelay *)d;

	(void)region;
	if (a->write)
		delay->code = (uint8_t)a->value;
	else
		a->value = delay->code;
}

static void vdelay_reset(struct vdev *d)
{
	((struct vdelay *)d)->code = 0;
}

static void vdelay_dump(const struct vdev *d, char *text, size_t room)
{
	text_format(text, room, "code=%02x", ((const struct vdelay *)d)->code);
}

static size_t vdelay_save(const struct vdev *d, void *to, size_t room)
{
	return state_save(VDELAY_KIND, &((const struct vdelay *)d)->code, 1, to, room);
}

static bool vdelay_restore(struct vdev *d, const void *from, size_t size)
{
	return state_load(VDELAY_KIND, &((struct vdelay *)d)->code, 1, from, size);
}

static const struct vdev_ops vdelay_ops = {
	.name = "POST",
	.reset = vdelay_reset,
	.access = vdelay_access,
	.dump = vdelay_dump,
	.save = vdelay_save,
	.restore = vdelay_restore,
};

void vdelay_init(struct vdelay *delay, struct vm *vm)
{
	memset(delay, 0, sizeof(*delay));
	delay->dev.ops = &vdelay_ops;
	delay->dev.vm = vm;
}

int vdelay_claim(struct vdelay *delay, struct bus *bus)
{
	return bus_claim(bus, BUS_PORT, VDELAY_PORT, VDELAY_PORT, &delay->dev, 0, true);
}
