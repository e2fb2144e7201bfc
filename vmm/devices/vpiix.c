/* The virtual chipset on the PCI bus: i440FX host bridge, PIIX3 ISA bridge, PIIX4 power management. */
/* Part: devices/; registers that firmware sets and reads back; those that do something are few. */
#include "vmm/devices/vpiix.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define HOST_KIND 0x31584934u
#define ISA_KIND 0x33584950u
#define PM_KIND 0x34584950u

#define INTEL 0x8086u
/* How firmware made for virtual machines knows that this is such a board (SeaBIOS looks for it). */
#define BOARD_VENDOR 0x1af4u
#define BOARD 0x1100u

#define HOST_SLOT VPCI_DEVFN(0, 0)
#define ISA_SLOT VPCI_DEVFN(1, 0)
#define PM_SLOT VPCI_DEVFN(1, 3)

#define ISA_ROUTE 0x60u
#define ROUTE_OFF 0x80u
#define PM_BASE 0x40u
#define PM_BASE_MASK 0xffc0u
#define PM_MISC 0x80u
#define PM_MISC_ENABLE 0x01u
#define PM_LINE 9u		/* the SCI: hard-wired */

/*
 * The registers that a guest may change beside the common ones, with the values after reset (82441FX, 82371SB and
 * 82371AB data sheets). Storage is one run and always writable, so the PAM and SMRAM registers are only kept.
 */
struct piix_register { uint8_t offset, count, value, writable; };

static const struct piix_register host_registers[] = {
	{ 0x50, 2, 0x00, 0xff },	/* PMC configuration */
	{ 0x59, 7, 0x00, 0x33 },	/* PAM0-PAM6 */
	{ 0x60, 8, 0x00, 0xff },	/* row boundaries */
	{ 0x72, 1, 0x02, 0x78 },	/* SMRAM */
};

static const struct piix_register isa_registers[] = {
	{ 0x4c, 1, 0x4d, 0xff },	/* I/O recovery */
	{ 0x4e, 1, 0x03, 0xff },	/* X-bus chip select */
	{ 0x4f, 1, 0x00, 0x01 },
	{ ISA_ROUTE, 4, ROUTE_OFF, 0x8f },
	{ 0x69, 1, 0x02, 0xfe },	/* top of memory */
	{ 0x6a, 2, 0x00, 0xff },
	{ 0x70, 1, 0x80, 0xef },	/* motherboard interrupt */
	{ 0x76, 2, 0x0c, 0x8f },	/* motherboard DMA */
	{ 0x78, 1, 0x02, 0xff },
	{ 0xa0, 1, 0x08, 0x1f },	/* SMI control: nothing raises one here */
	{ 0xa2, 1, 0x00, 0xff },
	{ 0xa8, 1, 0x0f, 0xff },
};

static const struct piix_register pm_registers[] = {
	{ PM_BASE, 1, (VPIIX_PM_BASE & 0xc0) | 1, 0xc0 },
	{ PM_BASE + 1, 1, VPIIX_PM_BASE >> 8, 0xff },
	{ 0x48, 4, 0x00, 0xff },	/* count and general-purpose input control */
	{ 0x4c, 12, 0x00, 0xff },
	{ 0x58, 3, 0x00, 0xff },	/* device activity; its top byte says below that SMM is set up */
	{ 0x5b, 1, 0x02, 0xff },
	{ 0x5c, 36, 0x00, 0xff },	/* device resources */
	{ PM_MISC, 1, PM_MISC_ENABLE, 0x01 },
	{ 0x90, 1, 0x01, 0xf0 },	/* SMBus base: kept, there is no SMBus */
	{ 0x91, 1, 0x00, 0xff },
	{ 0xd2, 1, 0x00, 0x0f },
	{ 0xd3, 3, 0x00, 0xff },
};

static void set_registers(struct vpci_function *f, const struct piix_register *r, size_t count)
{
	for (; count > 0; count--, r++)
		for (unsigned int i = 0; i < r->count; i++) {
			f->config[r->offset + i] = r->value;
			f->writable[r->offset + i] = r->writable;
		}
}

static void host_reset(struct vdev *d)
{
	struct vpci_function *f = (struct vpci_function *)d;

	vpci_function_reset(f);
	set_registers(f, host_registers, ARRAY_LEN(host_registers));
}

static void update_routes(struct vpci_function *f)
{
	for (unsigned int i = 0; i < VPCI_PIRQS; i++) {
		uint8_t route = f->config[ISA_ROUTE + i];

		if (f->bus != NULL)
			vpci_set_route(f->bus, i, route & ROUTE_OFF ? VPCI_NO_LINE : route);
	}
}

static void isa_written(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	if (offset < ISA_ROUTE + VPCI_PIRQS && offset + size > ISA_ROUTE)
		update_routes(f);
}

static void isa_reset(struct vdev *d)
{
	struct vpci_function *f = (struct vpci_function *)d;

	vpci_function_reset(f);
	set_registers(f, isa_registers, ARRAY_LEN(isa_registers));
	update_routes(f);
}

static void pm_tell(struct vpci_function *f)
{
	struct vpiix *x = ((struct vpiix_function *)f)->chipset;

	if (x->pm_moved != NULL)
		x->pm_moved(x->pm_context, vpci_get16(f, PM_BASE) & PM_BASE_MASK, f->config[PM_MISC] & PM_MISC_ENABLE);
}

static void pm_written(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	if ((offset < PM_BASE + 2 && offset + size > PM_BASE) || (offset <= PM_MISC && offset + size > PM_MISC))
		pm_tell(f);
}

static void pm_reset(struct vdev *d)
{
	struct vpci_function *f = (struct vpci_function *)d;

	vpci_function_reset(f);
	set_registers(f, pm_registers, ARRAY_LEN(pm_registers));
	pm_tell(f);
}

static void piix_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vpci_function *f = (const struct vpci_function *)d;

	if (f->devfn == ISA_SLOT)
		text_format(text, room, "routes=%02x %02x %02x %02x", f->config[ISA_ROUTE], f->config[ISA_ROUTE + 1],
			    f->config[ISA_ROUTE + 2], f->config[ISA_ROUTE + 3]);
	else if (f->devfn == PM_SLOT)
		text_format(text, room, "pm base=%03x %s", vpci_get16(f, PM_BASE) & PM_BASE_MASK,
			    f->config[PM_MISC] & PM_MISC_ENABLE ? "on" : "off");
	else
		text_format(text, room, "pam=%02x %02x %02x smram=%02x", f->config[0x59], f->config[0x5a],
			    f->config[0x5b], f->config[0x72]);
}

static uint32_t kind_of(const struct vpci_function *f)
{
	return f->devfn == HOST_SLOT ? HOST_KIND : f->devfn == ISA_SLOT ? ISA_KIND : PM_KIND;
}

static size_t piix_save(const struct vdev *d, void *to, size_t room)
{
	const struct vpci_function *f = (const struct vpci_function *)d;
	struct vpci_function_state s;

	vpci_function_save(f, &s);
	return state_save(kind_of(f), &s, sizeof(s), to, room);
}

static bool piix_restore(struct vdev *d, const void *from, size_t size)
{
	struct vpci_function *f = (struct vpci_function *)d;
	struct vpci_function_state s;

	if (!state_load(kind_of(f), &s, sizeof(s), from, size))
		return false;
	vpci_function_restore(f, &s);
	if (f->devfn == ISA_SLOT)
		update_routes(f);
	else if (f->devfn == PM_SLOT)
		pm_tell(f);
	return true;
}

/* None of the three has a BAR. */
static void piix_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	(void)d;
	(void)region;
	(void)a;
}

static const struct vdev_ops host_ops = {
	.name = "HOSTBRDG", .reset = host_reset, .access = piix_access, .dump = piix_dump,
	.save = piix_save, .restore = piix_restore,
};
static const struct vdev_ops isa_ops = {
	.name = "ISABRDG", .reset = isa_reset, .access = piix_access, .dump = piix_dump,
	.save = piix_save, .restore = piix_restore,
};
static const struct vdev_ops pm_ops = {
	.name = "PIIX4PM", .reset = pm_reset, .access = piix_access, .dump = piix_dump,
	.save = piix_save, .restore = piix_restore,
};
static const struct vpci_ops isa_pci_ops = { .config_written = isa_written };
static const struct vpci_ops pm_pci_ops = { .config_written = pm_written };

static int add(struct vpiix *x, struct vpiix_function *p, struct vm *vm, struct vpci *bus, uint8_t devfn,
	       const struct vdev_ops *ops, const struct vpci_ops *pci_ops, const struct vpci_identity *id)
{
	struct vpci_function *f = &p->pci;

	p->chipset = x;
	f->dev.ops = ops;
	f->dev.vm = vm;
	f->pci_ops = pci_ops;
	vpci_function_init(f, id);
	/* A bridge cannot be switched off its own board. */
	memset(&f->writable[VPCI_COMMAND], 0, 2);
	f->config[VPCI_COMMAND] = devfn == PM_SLOT ? 0x03 : devfn == HOST_SLOT ? 0x06 : 0x07;
	if (devfn != ISA_SLOT)
		f->config[VPCI_STATUS] |= VPCI_STATUS_BACK_TO_BACK;
	if (devfn == PM_SLOT) {
		f->config[VPCI_INTERRUPT_LINE] = PM_LINE;
		f->writable[VPCI_INTERRUPT_LINE] = 0;
	}
	return vpci_attach(bus, f, devfn);
}

int vpiix_init(struct vpiix *x, struct vm *vm, struct vpci *bus)
{
	static const struct vpci_identity host = {
		.vendor = INTEL, .device = 0x1237, .subsystem_vendor = BOARD_VENDOR, .subsystem = BOARD,
		.class_code = 0x060000, .revision = 0x02,
	};
	static const struct vpci_identity isa = {
		.vendor = INTEL, .device = 0x7000, .subsystem_vendor = BOARD_VENDOR, .subsystem = BOARD,
		.class_code = 0x060100, .header_type = 0x80,
	};
	static const struct vpci_identity pm = {
		.vendor = INTEL, .device = 0x7113, .subsystem_vendor = BOARD_VENDOR, .subsystem = BOARD,
		.class_code = 0x068000, .revision = 0x03, .intx_pin = 1,
	};
	int e;

	memset(x, 0, sizeof(*x));
	e = add(x, &x->host, vm, bus, HOST_SLOT, &host_ops, NULL, &host);
	if (e == 0)
		e = add(x, &x->isa, vm, bus, ISA_SLOT, &isa_ops, &isa_pci_ops, &isa);
	if (e == 0)
		e = add(x, &x->pm, vm, bus, PM_SLOT, &pm_ops, &pm_pci_ops, &pm);
	if (e != 0)
		return e;
	host_reset(&x->host.pci.dev);
	isa_reset(&x->isa.pci.dev);
	pm_reset(&x->pm.pci.dev);
	return 0;
}

void vpiix_attach_pm(struct vpiix *x, void (*moved)(void *context, uint16_t base, bool enabled), void *context)
{
	x->pm_moved = moved;
	x->pm_context = context;
	pm_tell(&x->pm.pci);
}
