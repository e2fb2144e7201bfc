/* The virtual ways out: reset by ports 92h and CF9h, power-off by port 8900h; and port 92h's gate of A20. */
/* Part: devices/; turns such writes into machine_reset_request(), machine_power_off() and machine_set_a20(). */
#include "vmm/devices/vreset.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VRESET_KIND 0x31525354u

/*
 * Regions of the bus. CF8h-CFBh is claimed as a whole although only the byte CF9h answers here: a
 * doubleword written to CF8h is a PCI configuration address, and must not be taken apart into a
 * byte for CF9h. All that is not the byte CF9h goes to the PCI bus.
 */
enum { REGION_PORT92, REGION_CF9, REGION_SHUTDOWN };

#define PORT_CF9	 0xcf9u

#define PORT92_RESET	 0x01u
#define PORT92_A20	 0x02u
#define CF9_RESET_CPU	 0x04u
#define CF9_WRITABLE	 0x0eu

static const char shutdown_word[] = "Shutdown";

static void port92_access(struct vreset *r, struct io_access *a)
{
	uint8_t value = (uint8_t)a->value;

	if (!a->write) {
		a->value = r->s.port92 | (machine_a20(r->dev.vm) ? PORT92_A20 : 0);
		return;
	}
	/*
	 * The reset bit works by its edge; it is kept, so that writing it a second time does
	 * nothing.
	 */
	if ((value & ~r->s.port92) & PORT92_RESET)
		machine_reset_request(r->dev.vm, "port 92h");
	r->s.port92 = value & (uint8_t)~PORT92_A20;
	machine_set_a20(r->dev.vm, (value & PORT92_A20) != 0);
}

static void cf9_access(struct vreset *r, struct io_access *a)
{
	uint8_t value = (uint8_t)a->value & CF9_WRITABLE;

	if (a->addr != PORT_CF9 || a->size != 1) {
		if (r->pci != NULL)
			r->pci->ops->access(r->pci, r->pci_region, a);
		return;
	}
	if (!a->write) {
		a->value = r->s.cf9;
		return;
	}
	if ((value & ~r->s.cf9) & CF9_RESET_CPU)
		machine_reset_request(r->dev.vm, "port CF9h");
	r->s.cf9 = value;
}

static void shutdown_write(struct vreset *r, uint8_t letter)
{
	if (letter != (uint8_t)shutdown_word[r->s.spelled])
		r->s.spelled = 0;
	if (letter == (uint8_t)shutdown_word[r->s.spelled])
		r->s.spelled++;
	if (r->s.spelled == sizeof(shutdown_word) - 1) {
		r->s.spelled = 0;
		machine_power_off(r->dev.vm, "port 8900h");
	}
}

static void vreset_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vreset *r = (struct vreset *)d;

	switch (region) {
	case REGION_PORT92:
		port92_access(r, a);
		return;
	case REGION_CF9:
		cf9_access(r, a);
		return;
		return;
	case REGION_SHUTDOWN:
		if (a->write)
			shutdown_write(r, (uint8_t)a->value);
		return;
	}
}

static void vreset_reset(struct vdev *d)
{
	struct vreset *r = (struct vreset *)d;

	r->s = (struct vreset_state){ 0 };
	machine_set_a20(r->dev.vm, true);	/* firmware would do that first, and multiboot says so */
}

static void vreset_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vreset *r = (const struct vreset *)d;

	text_format(text, room, "port92=%02x A20=%u cf9=%02x shutdown letters=%u", r->s.port92, machine_a20(d->vm), r->s.cf9,
		    r->s.spelled);
}

static size_t vreset_save(const struct vdev *d, void *to, size_t room)
{
	struct vreset_state s = ((const struct vreset *)d)->s;

	if (machine_a20(d->vm))
		s.port92 |= PORT92_A20;
	return state_save(VRESET_KIND, &s, sizeof(s), to, room);
}

static bool vreset_restore(struct vdev *d, const void *from, size_t size)
{
	struct vreset *r = (struct vreset *)d;
	struct vreset_state s;

	if (!state_load(VRESET_KIND, &s, sizeof(s), from, size) ||
	    s.spelled >= sizeof(shutdown_word) - 1)
		return false;
	machine_set_a20(d->vm, (s.port92 & PORT92_A20) != 0);
	s.port92 &= (uint8_t)~PORT92_A20;
	r->s = s;
	return true;
}

static const struct vdev_ops vreset_ops = {
	.name = "RESET",
	.reset = vreset_reset,
	.access = vreset_access,
	.dump = vreset_dump,
	.save = vreset_save,
	.restore = vreset_restore,
};

void vreset_init(struct vreset *reset, struct vm *vm)
{
	memset(reset, 0, sizeof(*reset));
	reset->dev.ops = &vreset_ops;
	reset->dev.vm = vm;
	vreset_reset(&reset->dev);
}

void vreset_attach_pci(struct vreset *reset, struct vdev *pci, uint32_t region)
{
	reset->pci = pci;
	reset->pci_region = region;
}

int vreset_claim(struct vreset *reset, struct bus *bus)
{
	static const struct {
		uint16_t first, last;
		uint8_t region;
		bool bytes;
	} ports[] = {
		{ 0x92, 0x92, REGION_PORT92, true },
		{ 0xcf8, 0xcfb, REGION_CF9, false },
		{ 0x8900, 0x8900, REGION_SHUTDOWN, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(ports); i++) {
		int error = bus_claim(bus, BUS_PORT, ports[i].first, ports[i].last, &reset->dev,
				      ports[i].region, ports[i].bytes);
		if (error)
			return error;
	}
	return 0;
}
