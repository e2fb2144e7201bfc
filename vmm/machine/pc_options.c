/* What the directory adds to a PC: display, virtio devices, second serial port, debug ports. */
/* Part: machine/; made at logon after the devices that every PC has. */
#include "vmm/machine/pc_options.h"

#include "lib/errno.h"
#include "vmm/machine/pc.h"

#define FIRST_SPECIAL 3u	/* PCI device number of the first SPECIAL; 8 and up are the disks' */

static uint32_t count_special(const struct directory_user *user, enum special_type type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < user->special_count; i++)
		n += user->specials[i].type == type;
	return n;
}

/* As vm_own() places it. */
static uint64_t room(bool wanted, size_t size)
{
	return wanted ? align_up(size, 64) : 0;
}

uint64_t pc_options_size(const struct directory_user *user)
{
	uint64_t bytes = room(!user->no_vga, sizeof(struct vvga)) + room(!user->no_vga, sizeof(struct screen)) +
			 room(count_special(user, SPECIAL_COM2) != 0, sizeof(struct vuart)) +
			 room(user->debug_exit || user->debug_console, sizeof(struct vdebug)) +
			 room(count_special(user, SPECIAL_CONSOLE) != 0, sizeof(struct virtio_console)) +
			 count_special(user, SPECIAL_NET) * room(true, sizeof(struct virtio_net)) +
			 room(count_special(user, SPECIAL_RNG) != 0, sizeof(struct virtio_rng)) +
			 room(count_special(user, SPECIAL_BALLOON) != 0, sizeof(struct virtio_balloon));

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
	o->screen = make(vm, sizeof(*o->screen));
	if (o->vga == NULL || o->screen == NULL)
		return -ENOMEM;
	screen_init(o->screen);
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

	if (o->com2 != NULL)
		return 0;
	o->com2 = make(vm, sizeof(*o->com2));
	if (o->com2 == NULL)
		return -ENOMEM;
	vuart_init(o->com2, vm, 1);
	pc_add(vm, &o->com2->dev);
	vm->devices->platform.com2 = true;
	return vuart_claim(o->com2, &vm->bus);
}

/* Cards have numbers of their own, which their addresses are made of: the machine's first one has the machine's. */
static int make_net(struct vm *vm, uint8_t devfn)
{
	struct pc_options *o = &vm->devices->options;
	struct virtio_net *n = make(vm, sizeof(*n));
	int e;

	if (n == NULL)
		return -ENOMEM;
	e = virtio_net_init(n, vm, &vm->devices->pci, devfn, net_common(), o->nets << 8 | vm->number);
	o->net[o->nets++] = n;
	if (e == 0)
		pc_add(vm, &n->t.pci.dev);
	return e;
}

/*
 * One SPECIAL of a kind: a second one is another user's mistake to find in the directory, and changes nothing here.
 * The three look alike but for their types, which C wants spelt out.
 */
#define MAKE_VIRTIO(field, init)                                                 \
	do {                                                                     \
		if (o->field != NULL)                                            \
			return 0;                                                \
		o->field = make(vm, sizeof(*o->field));                          \
		e = o->field == NULL ? -ENOMEM : init(o->field, vm, pci, devfn); \
		if (e == 0)                                                      \
			pc_add(vm, &o->field->t.pci.dev);                        \
		return e;                                                        \
	} while (0)

static int make_special(struct vm *vm, enum special_type type, uint8_t devfn)
{
	struct pc_options *o = &vm->devices->options;
	struct vpci *pci = &vm->devices->pci;
	int e;

	switch (type) {
	case SPECIAL_NET:
		return make_net(vm, devfn);
	case SPECIAL_RNG:
		MAKE_VIRTIO(rng, virtio_rng_init);
	case SPECIAL_BALLOON:
		MAKE_VIRTIO(balloon, virtio_balloon_init);
	case SPECIAL_CONSOLE:
		MAKE_VIRTIO(console, virtio_console_init);
	case SPECIAL_COM2:
		return make_com2(vm);
	}
	return -EINVAL;
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
		/* the disks have 8 to 15 whatever else there is: firmware's paths to them are known */
		if (device == PC_VIRTIO_DISK)
			device = PC_VIRTIO_DISK + DIRECTORY_DISKS;
		e = make_special(vm, (enum special_type)user->specials[i].type, VPCI_DEVFN(device, 0));
		if (user->specials[i].type != SPECIAL_COM2)
			device++;
	}
	return e != 0 ? e : make_disks(vm);
}

void pc_options_fini(struct vm *vm)
{
	struct pc_options *o = &vm->devices->options;

	for (uint32_t i = 0; i < o->nets; i++)
		virtio_net_fini(o->net[i]);
}
