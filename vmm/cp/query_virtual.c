/* QUERY VIRTUAL: what a machine consists of, from its storage to its last port. */
/* Part: cp/; VM/370's lines where it had such a device; the rest as the devices in machine/ have claimed their places. */
#include "vmm/cp/query_system.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/session.h"
#include "vmm/cp/typewriter.h"
#include "vmm/machine/pc.h"

#define LINE_ROOM 80u
#define COLUMN 14u	/* where a device's places begin, also in a second line */

enum { SHOW_STORAGE = 1, SHOW_CPU = 2, SHOW_CONSOLE = 4, SHOW_DASD = 8, SHOW_SPECIAL = 16, SHOW_DEVICES = 32,
       SHOW_ALL = 63 };

/* What is asked for: some kinds of things, or whatever stands at one address. */
struct wanted {
	uint32_t kinds;
	uint16_t address;	/* 0 = all of them */
	uint32_t found;		/* things at the address */
};

static bool wants(struct wanted *w, uint32_t kind, uint16_t address)
{
	if (w->address == 0)
		return (w->kinds & kind) != 0;
	if (w->address != address)
		return false;
	w->found++;
	return true;
}

/* "VIRTIO 00:08.0": where the guest finds a function. */
static void pci_place(char *to, size_t room, const char *what, uint8_t devfn)
{
	text_format(to, room, "%s 00:%02x.%u", what, devfn >> 3, devfn & 7u);
}

static void show_console(const struct vm *vm, struct wanted *w)
{
	char place[24] = "DISCONNECTED";

	if (!wants(w, SHOW_CONSOLE, vm->user->console))
		return;
	if (vm == session_vm())
		text_format(place, sizeof(place), "ON CONS %03X", SESSION_ADDRESS);
	cp_say("CONS %03X %s", vm->user->console, place);
}

/* The drive's place as the guest names it: channel and unit, or PCI device. */
static void disk_place(char *to, size_t room, const struct machine_disks *all, const struct machine_disk *m)
{
	uint32_t before = 0;

	if (m->virtio) {
		for (const struct machine_disk *k = all->all; k < m; k++)
			before += k->there && k->virtio;
		pci_place(to, room, "VIRTIO", VPCI_DEVFN(PC_VIRTIO_DISK + before, 0));
	} else if (m->drive == DISKS_NO_DRIVE) {
		str_copy(to, "NOT CONNECTED", room);
	} else {
		text_format(to, room, "%s %u:%u", m->disk.cd ? "CD" : "ATA", (unsigned int)m->drive / 2,
			    (unsigned int)m->drive % 2);
	}
}

static void show_disk(const struct machine_disks *all, const struct machine_disk *m, const char *address)
{
	char place[24], changed[40] = "";

	disk_place(place, sizeof(place), all, m);
	if (m->disk.changed_blocks != 0)
		text_format(changed, sizeof(changed), ", %lluK CHANGED",
			    (unsigned long long)(m->disk.changed_blocks * (PAGE_SIZE >> 10)));
	cp_say("DASD %s RAM  %-16s %s %9lluK %s%s", address, m->disk.name, m->disk.read_only ? "R/O" : "R/W",
	       (unsigned long long)(m->disk.sectors / 2 + m->disk.sectors % 2), place, changed);
}

/* The machine's disks are the directory's, in its order, after the place for a file that was IPLed. */
static void show_disks(const struct vm *vm, struct wanted *w)
{
	const struct machine_disks *d = &vm->devices->disks;
	char address[8];

	if (d->all[0].there && wants(w, SHOW_DASD, 0))
		show_disk(d, &d->all[0], "IPL");
	for (uint32_t i = 1; i < d->count; i++) {
		const struct machine_disk *m = &d->all[i];

		if (!wants(w, SHOW_DASD, m->address))
			continue;
		text_format(address, sizeof(address), "%03X", m->address);
		if (m->there)
			show_disk(d, m, address);
		else
			cp_say("DASD %s NOT LINKED; FILE %s", address, vm->user->disks[i - 1].file);
	}
}

static void show_net(uint16_t address, const struct virtio_net *n)
{
	char place[24];
	const uint8_t *mac = n->config;

	pci_place(place, sizeof(place), "VIRTIO", n->t.pci.devfn);
	cp_say("NIC  %03X %s MAC %02X:%02X:%02X:%02X:%02X:%02X, %llu SENT, %llu RECEIVED, %llu LOST", address, place,
	       mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], (unsigned long long)n->port.sent,
	       (unsigned long long)n->port.received, (unsigned long long)n->port.lost);
}

static void show_balloon(uint16_t address, const struct virtio_balloon *b)
{
	char place[24];

	pci_place(place, sizeof(place), "VIRTIO", b->t.pci.devfn);
	cp_say("BALL %03X %s HOLDS %lluK", address, place, (unsigned long long)b->s.pages * (PAGE_SIZE >> 10));
}

static void show_function(const char *name, uint16_t address, uint8_t devfn)
{
	char place[24];

	pci_place(place, sizeof(place), "VIRTIO", devfn);
	cp_say("%-4s %03X %s", name, address, place);
}

static void show_special(const struct pc_options *o, const struct directory_special *s)
{
	switch (s->type) {
	case SPECIAL_NET:
		if (o->net != NULL)
			show_net(s->address, o->net);
		break;
	case SPECIAL_RNG:
		if (o->rng != NULL)
			show_function("RNG", s->address, o->rng->t.pci.devfn);
		break;
	case SPECIAL_BALLOON:
		if (o->balloon != NULL)
			show_balloon(s->address, o->balloon);
		break;
	case SPECIAL_CONSOLE:
		if (o->console != NULL)
			show_function("CONS", s->address, o->console->t.pci.devfn);
		break;
	default:
		cp_say("CONS %03X COM2", s->address);
		break;
	}
}

static void show_specials(const struct vm *vm, struct wanted *w)
{
	for (uint32_t i = 0; i < vm->user->special_count; i++)
		if (wants(w, SHOW_SPECIAL, vm->user->specials[i].address))
			show_special(&vm->devices->options, &vm->user->specials[i]);
}

struct device_line {
	char text[LINE_ROOM];
	size_t length;
};

static void begin_line(struct device_line *l, const char *name)
{
	l->length = (size_t)text_format(l->text, sizeof(l->text), "%-*s", (int)COLUMN, name);
}

/* A further place; into another line when this one is full. */
static void add_place(struct device_line *l, const char *place)
{
	if (l->length + 1 + strlen(place) >= sizeof(l->text)) {
		cp_say("%s", l->text);
		begin_line(l, "");
	}
	l->length += (size_t)text_format(l->text + l->length, sizeof(l->text) - l->length, "%s%s",
					 l->length > COLUMN ? " " : "", place);
}

static void add_claims(struct device_line *l, const struct bus *bus, enum bus_space space, const struct vdev *d)
{
	char place[40];

	for (uint32_t i = 0; i < bus->count[space] && i < BUS_CLAIMS; i++) {
		const struct bus_claim *c = &bus->claims[space][i];

		if (c->dev != d)
			continue;
		if (space == BUS_PORT && c->first == c->last)
			text_format(place, sizeof(place), "%03llX", (unsigned long long)c->first);
		else
			text_format(place, sizeof(place), space == BUS_PORT ? "%03llX-%03llX" : "%08llX-%08llX",
				    (unsigned long long)c->first, (unsigned long long)c->last);
		add_place(l, place);
	}
}

/* "DEV  8259     020-021 0A0-0A1 4D0-4D1": ports have three digits or four, addresses eight or more. */
static void show_device(const struct vm *vm, const struct vdev *d)
{
	const struct vpci *pci = &vm->devices->pci;
	struct device_line line;
	char text[24];

	text_format(text, sizeof(text), "DEV  %s", d->ops->name);
	begin_line(&line, text);
	for (uint32_t i = 0; i < pci->count && i < VPCI_FUNCTIONS; i++)
		if (&pci->functions[i]->dev == d) {
			pci_place(text, sizeof(text), "PCI", pci->functions[i]->devfn);
			add_place(&line, text);
		}
	add_claims(&line, &vm->bus, BUS_PORT, d);
	add_claims(&line, &vm->bus, BUS_MMIO, d);
	if (line.length == COLUMN)
		add_place(&line, "NOT MAPPED");
	cp_say("%s", line.text);
}

static void show_processor(const struct vm *vm)
{
	cp_say("CPU  00  %s, SYSTEM %s", vm_state_name(vm->state), vm->system[0] != '\0' ? vm->system : "NONE");
	if (vm->tsc_multiplier != TSC_SAME_RATE)
		cp_say("TSC  %u MHZ, %s", vm->user->tsc_mhz,
		       arch_has_tsc_scaling() ? "SCALED BY THE PROCESSOR" : "INTERPRETED");
}

static void show(struct vm *vm, struct wanted *w)
{
	const struct vdev *d;

	if (w->kinds & SHOW_STORAGE)
		cp_say("STORAGE = %lluK", (unsigned long long)(vm->storage_size >> 10));
	if (w->kinds & SHOW_CPU)
		show_processor(vm);
	show_console(vm, w);
	show_disks(vm, w);
	show_specials(vm, w);
	for (uint32_t i = 0; (w->kinds & SHOW_DEVICES) && (d = pc_device(vm, i)) != NULL; i++)
		show_device(vm, d);
	if ((w->kinds & SHOW_CPU) && vm->state == VM_ENDED)
		cp_say("%s", vm->why);
}

/* What stands after the userid: a kind, an address, or nothing. False = the error has been said. */
static bool take_wanted(struct command_call *c, struct wanted *w)
{
	static const struct {
		const char *name;
		uint8_t least;
		uint32_t kinds;
	} kinds[] = {
		{ "ALL", 3, SHOW_ALL },		{ "CONSOLE", 3, SHOW_CONSOLE },	  { "CPUS", 3, SHOW_CPU },
		{ "DASD", 3, SHOW_DASD },	{ "DEVICES", 3, SHOW_DEVICES },	  { "SPECIAL", 4, SHOW_SPECIAL },
		{ "STORAGE", 4, SHOW_STORAGE },
	};
	char word[OPERAND_ROOM];
	uint64_t address;

	w->kinds = SHOW_ALL;
	if (operand_word(&c->at, word, sizeof(word)) == 0)
		return true;
	w->kinds = 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (operand_is(word, kinds[i].name, kinds[i].least))
			w->kinds = kinds[i].kinds;
	if (w->kinds == 0 && operand_hex(word, 0xfff, &address))
		w->address = (uint16_t)address;
	if ((w->kinds != 0 || w->address != 0) && operand_end(c->at))
		return true;
	typewriter_error(MSG_CFC026E);
	return false;
}

void query_virtual(struct command_call *c)
{
	struct wanted w = { 0 };
	struct vm *vm = command_target(c);

	if (vm == NULL || !take_wanted(c, &w))
		return;
	show(vm, &w);
	if (w.address != 0 && w.found == 0)
		typewriter_error(MSG_CQG040E, w.address);
}

/* VM/370's is about the real disks, of which CP has none. */
void query_dasd(struct command_call *c)
{
	struct wanted w = { .kinds = SHOW_DASD };
	struct vm *vm = command_only_target(c);

	if (vm != NULL)
		show_disks(vm, &w);
}
