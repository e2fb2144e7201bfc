/* The virtual debug ports: QEMU's isa-debug-exit at F4h and the debug console at E9h. */
/* Part: devices/; they have no state but what they have handed on. */
#include "vmm/devices/vdebug.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VDEBUG_KIND  0x31474244u
#define PORT_CONSOLE 0xe9u
#define PORT_EXIT    0xf4u
#define PORT_EXIT_LAST 0xf7u

enum { REGION_EXIT, REGION_CONSOLE };

static void vdebug_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vdebug *debug = (struct vdebug *)d;

	if (region == REGION_EXIT) {
		if (a->write)	/* QEMU ends its process so; an odd code tells it from an end without one */
			machine_exit_code(d->vm, (uint32_t)(a->value << 1) | 1);
		else
			a->value = 0;
		return;
	}
	if (!a->write) {
		a->value = PORT_CONSOLE;	/* Bochs' sign that the port is there */
		return;
	}
	/* The port cannot make its guest wait: what does not fit is lost. */
	if (machine_console_room(d->vm, VDEBUG_UNIT))
		machine_console_put(d->vm, VDEBUG_UNIT, (uint8_t)a->value);
	else
		debug->lost++;
}

static void vdebug_reset(struct vdev *d)
{
	((struct vdebug *)d)->lost = 0;
}

static void vdebug_dump(const struct vdev *d, char *text, size_t room)
{
	text_format(text, room, "lost=%lu", ((const struct vdebug *)d)->lost);
}

static size_t vdebug_save(const struct vdev *d, void *to, size_t room)
{
	return state_save(VDEBUG_KIND, &((const struct vdebug *)d)->lost, sizeof(uint64_t), to, room);
}

static bool vdebug_restore(struct vdev *d, const void *from, size_t size)
{
	return state_load(VDEBUG_KIND, &((struct vdebug *)d)->lost, sizeof(uint64_t), from, size);
}

static const struct vdev_ops vdebug_ops = {
	.name = "DEBUG",
	.reset = vdebug_reset,
	.access = vdebug_access,
	.dump = vdebug_dump,
	.save = vdebug_save,
	.restore = vdebug_restore,
};

void vdebug_init(struct vdebug *debug, struct vm *vm)
{
	memset(debug, 0, sizeof(*debug));
	debug->dev.ops = &vdebug_ops;
	debug->dev.vm = vm;
}

int vdebug_claim(struct vdebug *debug, struct bus *bus, bool exit_port, bool console_port)
{
	int e = 0;

	if (exit_port)
		e = bus_claim(bus, BUS_PORT, PORT_EXIT, PORT_EXIT_LAST, &debug->dev, REGION_EXIT, false);
	if (e == 0 && console_port)
		e = bus_claim(bus, BUS_PORT, PORT_CONSOLE, PORT_CONSOLE, &debug->dev, REGION_CONSOLE, true);
	return e;
}
