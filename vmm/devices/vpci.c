/* The virtual PCI bus: who is on it, how configuration space is reached, and where INTx ends. */
/* Part: devices/; configuration mechanism 1 (CF8h/CFCh), ECAM, and the four PIRQ lines. */
#include "vmm/devices/vpci.h"

#include "lib/errno.h"
#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VPCI_KIND 0x31494350u

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT 0xcfcu
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_WRITABLE 0x80fffffcu	/* reserved bits and the low two read 0 */
#define ECAM_FUNCTION 0x1000u		/* bytes of each function's extended configuration space */

/* ISA lines that a PIRQ may be routed to; the others belong to the board (PIIX3, "PIRQx Route Control"). */
#define ROUTABLE_LINES 0xdef8u

struct vpci_function *vpci_find(struct vpci *pci, uint8_t devfn)
{
	uint8_t number = pci->at[devfn];

	return number != 0 ? pci->functions[number - 1] : NULL;
}

int vpci_attach(struct vpci *bus, struct vpci_function *f, uint8_t devfn)
{
	if (bus->at[devfn] != 0)
		return -EBUSY;
	if (bus->count == VPCI_FUNCTIONS)
		return -ENOSPC;
	bus->functions[bus->count++] = f;
	bus->at[devfn] = (uint8_t)bus->count;
	f->bus = bus;
	f->devfn = devfn;
	vpci_decode(f);
	vpci_intx_update(f);
	return 0;
}

/* Brings the ISA lines in step with the PIRQs: each line is the OR of all that are routed to it. */
static void update_lines(struct vpci *pci)
{
	unsigned int wanted = 0, changed, line;

	for (unsigned int i = 0; i < VPCI_PIRQS; i++)
		if (pci->pirq[i] != 0 && pci->route[i] < 16)
			wanted |= 1u << pci->route[i];
	changed = wanted ^ pci->lines;
	pci->lines = (uint16_t)wanted;
	for (line = 0; changed != 0; line++, changed >>= 1)
		if (changed & 1)
			machine_irq(pci->dev.vm, line, wanted >> line & 1);
}

void vpci_set_route(struct vpci *pci, unsigned int pirq, uint8_t line)
{
	if (pirq >= VPCI_PIRQS)
		return;
	pci->route[pirq] = line < 16 && (ROUTABLE_LINES >> line & 1) ? line : VPCI_NO_LINE;
	update_lines(pci);
}

void vpci_intx_update(struct vpci_function *f)
{
	uint8_t pin = f->config[VPCI_INTERRUPT_PIN];
	/* PCI specification, "MSI Capability": who may send messages does not use the pin */
	bool up = f->intx && pin != 0 && !(vpci_get16(f, VPCI_COMMAND) & VPCI_COMMAND_NO_INTX) && !vpci_msi_enabled(f);
	unsigned int pirq;

	/* The status bit shows the request itself, whether or not the pin may carry it. */
	f->config[VPCI_STATUS] &= (uint8_t)~VPCI_STATUS_INTX;
	if (f->intx)
		f->config[VPCI_STATUS] |= VPCI_STATUS_INTX;
	if (f->bus == NULL || up == f->driven)
		return;
	f->driven = up;
	/* Pins are turned by one from slot to slot; slot 1's INTA# is PIRQA#, as on QEMU's board. */
	pirq = ((f->devfn >> 3) + pin + 2u) & 3;
	if (up)
		f->bus->pirq[pirq]++;
	else
		f->bus->pirq[pirq]--;
	update_lines(f->bus);
}

void vpci_intx(struct vpci_function *f, bool asserted)
{
	if (asserted == f->intx)
		return;
	f->intx = asserted;
	vpci_intx_update(f);
}

/* Each piece is naturally aligned and at most a doubleword: devices need not think about others. */
static unsigned int next_piece(unsigned int offset, unsigned int left)
{
	if (left >= 4 && !(offset & 3))
		return 4;
	return left >= 2 && !(offset & 1) ? 2 : 1;
}

/* offset is below ECAM_FUNCTION; of the extended space there is only "no capability": zeros. */
static void config_access(struct vpci_function *f, unsigned int offset, struct io_access *a)
{
	unsigned int size, done;
	uint64_t value = 0;

	if (f == NULL)
		return;		/* nobody answers: reads keep their ones */
	if (a->size - 1u > 7)
		return;
	for (done = 0; done < a->size; done += size) {
		unsigned int at = offset + done;

		size = next_piece(at, a->size - done);
		if (at >= VPCI_CONFIG)
			continue;
		if (a->write)
			vpci_config_write(f, at, size, (uint32_t)(a->value >> done * 8));
		else
			value |= (uint64_t)vpci_config_read(f, at, size) << done * 8;
	}
	if (!a->write)
		a->value = value;
}

/* CF8h takes doublewords only; anything else there is an ordinary I/O cycle that nobody answers. */
static void address_access(struct vpci *pci, struct io_access *a)
{
	if (a->addr != ADDRESS_PORT || a->size != 4)
		return;
	if (a->write)
		pci->s.address = (uint32_t)a->value & ADDRESS_WRITABLE;
	else
		a->value = pci->s.address;
}

static void data_access(struct vpci *pci, struct io_access *a)
{
	uint32_t address = pci->s.address;

	if (!(address & ADDRESS_ENABLE) || (address >> 16 & 0xff) != 0)
		return;
	config_access(vpci_find(pci, (uint8_t)(address >> 8)), (address & 0xfc) + ((unsigned int)a->addr & 3), a);
}

static void ecam_access(struct vpci *pci, struct io_access *a)
{
	uint64_t offset = a->addr - VPCI_ECAM_BASE;

	if (offset >= ECAM_FUNCTION * 256u)
		return;		/* there is no other bus */
	config_access(vpci_find(pci, (uint8_t)(offset / ECAM_FUNCTION)), offset % ECAM_FUNCTION, a);
}

static void vpci_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vpci *pci = (struct vpci *)d;

	if (region == VPCI_REGION_ADDRESS)
		address_access(pci, a);
	else if (region == VPCI_REGION_DATA)
		data_access(pci, a);
	else if (region == VPCI_REGION_ECAM)
		ecam_access(pci, a);
}

/* The functions are devices of their own and reset themselves; so does the router. */
static void vpci_reset(struct vdev *d)
{
	((struct vpci *)d)->s.address = 0;
}

static void vpci_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vpci *pci = (const struct vpci *)d;

	text_format(text, room, "functions=%u address=%08x route=%02x %02x %02x %02x asserted=%u %u %u %u lines=%04x",
		    pci->count, pci->s.address, pci->route[0], pci->route[1], pci->route[2], pci->route[3],
		    pci->pirq[0], pci->pirq[1], pci->pirq[2], pci->pirq[3], pci->lines);
}

static size_t vpci_save(const struct vdev *d, void *to, size_t room)
{
	const struct vpci *pci = (const struct vpci *)d;

	return state_save(VPCI_KIND, &pci->s, sizeof(pci->s), to, room);
}

static bool vpci_restore(struct vdev *d, const void *from, size_t size)
{
	struct vpci *pci = (struct vpci *)d;
	struct vpci_state s;

	if (!state_load(VPCI_KIND, &s, sizeof(s), from, size) || (s.address & ~ADDRESS_WRITABLE))
		return false;
	pci->s = s;
	return true;
}

static const struct vdev_ops vpci_bus_ops = {
	.name = "PCI",
	.reset = vpci_reset,
	.access = vpci_access,
	.dump = vpci_dump,
	.save = vpci_save,
	.restore = vpci_restore,
};

void vpci_init(struct vpci *pci, struct vm *vm)
{
	memset(pci, 0, sizeof(*pci));
	pci->dev.ops = &vpci_bus_ops;
	pci->dev.vm = vm;
	memset(pci->route, VPCI_NO_LINE, sizeof(pci->route));
}

int vpci_claim(struct vpci *pci, struct bus *bus)
{
	int e = bus_claim(bus, BUS_PORT, DATA_PORT, DATA_PORT + 3, &pci->dev, VPCI_REGION_DATA, false);

	if (e == 0)
		e = bus_claim(bus, BUS_MMIO, VPCI_ECAM_BASE, VPCI_ECAM_BASE + (uint64_t)VPCI_ECAM_SIZE - 1,
			      &pci->dev, VPCI_REGION_ECAM, false);
	if (e != 0)
		return e;
	pci->bus = bus;
	for (uint32_t i = 0; i < pci->count; i++)
		vpci_decode(pci->functions[i]);
	return 0;
}
