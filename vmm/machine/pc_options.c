/* What the directory adds to a PC: display, virtio devices, second serial port, debug ports. */
/* Part: machine/; made at logon after the devices that every PC has. */
#include "vmm/machine/pc_options.h"

#include "lib/errno.h"
#include "vmm/cp/directory.h"
#include "vmm/machine/pc.h"

#define FIRST_SPECIAL 3u	/* PCI device number of the first SPECIAL */
/* The disks have theirs whatever else there is: firmware's paths to them are known. */
_Static_assert(FIRST_SPECIAL + DIRECTORY_SPECIALS <= PC_VIRTIO_DISK, "the SPECIALs end before the disks");

static bool has_special(const struct directory_user *user, enum special_type type)
{
	for (uint32_t i = 0; i < user->special_count; i++)
		if (user->specials[i].type == type)
			return true;
	return false;
}

/* As vm_own() places it. */
static uint64_t room(bool wanted, size_t size)
{
	return wanted ? align_up(size, 64) : 0;
}

uint64_t pc_options_size(const struct directory_user *user)
{
	uint64_t bytes = room(!user->no_vga, sizeof(struct vvga)) +
			 room(!user->no_vga && !user->no_screen, sizeof(struct screen)) +
			 room(has_special(user, SPECIAL_COM2), sizeof(struct vuart)) +
			 room(user->debug_exit || user->debug_console, sizeof(struct vdebug)) +
			 room(has_special(user, SPECIAL_CONSOLE), sizeof(struct virtio_console)) +
			 room(has_special(user, SPECIAL_NET), sizeof(struct virtio_net)) +
			 room(has_special(user, SPECIAL_RNG), sizeof(struct virtio_rng)) +
			 room(has_special(user, SPECIAL_BALLOON), sizeof(struct virtio_balloon));

	for (uint32_t i = 0; i < user->disk_count; i++)
		bytes += room(user->disks[i].bus == DISK_BUS_VIRTIO, sizeof(struct virtio_blk));
	return bytes;
}

static void *make(struct vm *vm, size_t size)
{
	return vm_own(vm, size, 64);
}

static int make_display(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	struct pc_options *o = &d->options;
	int e;

	if (vm->user->no_vga)
		return 0;
	o->vga = make(vm, sizeof(*o->vga));
	if (!vm->user->no_screen) {
		o->screen = make(vm, sizeof(*o->screen));
		if (o->screen == NULL)
			return -ENOMEM;
		screen_init(o->screen);
	}
	if (o->vga == NULL)
		return -ENOMEM;
	e = vvga_init(o->vga, vm);
	e = e != 0 ? e : vvga_claim(o->vga, &vm->bus, &d->pci);
	if (e == 0)
		pc_add(vm, &o->vga->pci.dev);
	d->platform.vga = true;
	return e;
}

static int make_debug(struct vm *vm)
{
	struct pc_options *o = &vm->devices->options;

	if (!vm->user->debug_exit && !vm->user->debug_console)
		return 0;
	o->debug = make(vm, sizeof(*o->debug));
	if (o->debug == NULL)
		return -ENOMEM;
	vdebug_init(o->debug, vm);
	pc_add(vm, &o->debug->dev);
	return vdebug_claim(o->debug, &vm->bus, vm->user->debug_exit, vm->user->debug_console);
}

static int make_com2(struct vm *vm)
{
	struct pc_options *o = &vm->devices->options;

	o->com2 = make(vm, sizeof(*o->com2));
	if (o->com2 == NULL)
		return -ENOMEM;
	vuart_init(o->com2, vm, 1);
	pc_add(vm, &o->com2->dev);
	vm->devices->platform.com2 = true;
	return vuart_claim(o->com2, &vm->bus);
}

/* The directory lets a user have one of each. */
static int make_special(struct vm *vm, enum special_type type, uint8_t devfn)
{
	struct pc_options *o = &vm->devices->options;
	struct vpci *pci = &vm->devices->pci;
	struct virtio_pci *made = NULL;
	int e = -ENOMEM;

	switch (type) {
	case SPECIAL_NET:
		if ((o->net = make(vm, sizeof(*o->net))) != NULL)
			e = virtio_net_init(o->net, vm, pci, devfn, net_common(), vm->number);
		made = &o->net->t;
		break;
	case SPECIAL_RNG:
		if ((o->rng = make(vm, sizeof(*o->rng))) != NULL)
			e = virtio_rng_init(o->rng, vm, pci, devfn);
		made = &o->rng->t;
		break;
	case SPECIAL_BALLOON:
		if ((o->balloon = make(vm, sizeof(*o->balloon))) != NULL)
			e = virtio_balloon_init(o->balloon, vm, pci, devfn);
		made = &o->balloon->t;
		break;
	case SPECIAL_CONSOLE:
		if ((o->console = make(vm, sizeof(*o->console))) != NULL)
			e = virtio_console_init(o->console, vm, pci, devfn);
		made = &o->console->t;
		break;
	case SPECIAL_COM2:
		return make_com2(vm);
	}
	if (e == 0)
		pc_add(vm, &made->pci.dev);
	return e;
}

static int make_disks(struct vm *vm)
{
	struct machine_disk *disk;
	int e = 0;

	for (uint32_t i = 0; e == 0 && (disk = disks_virtio(&vm->devices->disks, i)) != NULL; i++) {
		struct virtio_blk *b = make(vm, sizeof(*b));

		if (b == NULL)
			return -ENOMEM;
		e = virtio_blk_init(b, vm, &vm->devices->pci, VPCI_DEVFN(PC_VIRTIO_DISK + i, 0), &disk->disk);
		if (e == 0)
			pc_add(vm, &b->t.pci.dev);
	}
	return e;
}

int pc_options_init(struct vm *vm)
{
	const struct directory_user *user = vm->user;
	uint8_t device = FIRST_SPECIAL;
	int e = make_display(vm);

	e = e != 0 ? e : make_debug(vm);
	for (uint32_t i = 0; i < user->special_count && e == 0; i++) {
		e = make_special(vm, (enum special_type)user->specials[i].type, VPCI_DEVFN(device, 0));
		if (user->specials[i].type != SPECIAL_COM2)
			device++;
	}
	return e != 0 ? e : make_disks(vm);
}

void pc_options_fini(struct vm *vm)
{
	struct pc_options *o = &vm->devices->options;

	if (o->net != NULL)
		virtio_net_fini(o->net);
}
