/* The PC of a machine: which devices it has, and the wires between them. */
/* Part: machine/; implements what vdev.h says a device may ask of its machine. */
#include "vmm/machine/pc.h"
#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "vmm/machine/gmem.h"

void pc_add(struct vm *vm, struct vdev *dev)
{
	struct vm_devices *d = vm->devices;

	CHECK(d->count < PC_DEVICES);
	d->all[d->count++] = dev;
	if (dev->ops->deadline != NULL && dev != &d->lapic.dev)
		d->timed[d->timed_count++] = dev;
}

/* The interrupt controllers, which the others' wires end at. */
static int make_controllers(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	int e;

	d->apic_page = vm_own(vm, PAGE_SIZE, PAGE_SIZE);
	d->apic_access = vm_own(vm, PAGE_SIZE, PAGE_SIZE);
	if (d->apic_page == NULL || d->apic_access == NULL)
		return -ENOMEM;
	/* In the direction of the wires, against which each tells the next one of its reset. */
	vlapic_init(&d->lapic, vm, d->apic_page);
	d->lapic.address_bits = (uint8_t)cpu_physical_bits();
	vioapic_init(&d->ioapic, vm, &d->lapic);
	vpic_init(&d->pic, vm);
	pc_add(vm, &d->pic.dev);
	pc_add(vm, &d->lapic.dev);
	pc_add(vm, &d->ioapic.dev);
	e = vpic_claim(&d->pic, &vm->bus);
	e = e != 0 ? e : vlapic_claim(&d->lapic, &vm->bus);
	return e != 0 ? e : vioapic_claim(&d->ioapic, &vm->bus);
}

/* What every PC has had since the AT. */
static int make_board(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	int e;

	vpit_init(&d->pit, vm);
	vrtc_init(&d->rtc, vm);
	vuart_init(&d->com1, vm, 0);
	vps2_init(&d->ps2, vm);
	typing_init(&d->typing, &vm->console, &d->com1, &d->ps2);
	vreset_init(&d->reset, vm);
	vacpi_init(&d->acpi, vm);
	vhpet_init(&d->hpet, vm);
	vdelay_init(&d->delay, vm);
	vdma_init(&d->dma, vm);
	vferr_init(&d->ferr, vm);
	vfwcfg_init(&d->fwcfg, vm);
	vflash_init(&d->flash, vm, &vm->bus);
	pc_add(vm, &d->com1.dev);
	pc_add(vm, &d->ps2.dev);
	pc_add(vm, &d->hpet.dev);	/* restored before those whose place it may have taken */
	pc_add(vm, &d->pit.dev);
	pc_add(vm, &d->rtc.dev);
	pc_add(vm, &d->acpi.dev);
	pc_add(vm, &d->reset.dev);
	pc_add(vm, &d->delay.dev);
	pc_add(vm, &d->dma.dev);
	pc_add(vm, &d->ferr.dev);
	pc_add(vm, &d->fwcfg.dev);
	pc_add(vm, &d->flash.dev);
	vpit_attach(&d->pit, &d->pic);
	vioapic_watch(&d->ioapic, VIOAPIC_TIMER_PIN, vpit_free, &d->pit);
	e = vpit_claim(&d->pit, &vm->bus);
	e = e != 0 ? e : vrtc_claim(&d->rtc, &vm->bus);
	e = e != 0 ? e : vuart_claim(&d->com1, &vm->bus);
	e = e != 0 ? e : vps2_claim(&d->ps2, &vm->bus);
	e = e != 0 ? e : vreset_claim(&d->reset, &vm->bus);
	e = e != 0 ? e : vacpi_claim(&d->acpi, &vm->bus);
	e = e != 0 ? e : vhpet_claim(&d->hpet, &vm->bus);
	e = e != 0 ? e : vfwcfg_claim(&d->fwcfg, &vm->bus);
	e = e != 0 ? e : vdma_claim(&d->dma, &vm->bus);
	e = e != 0 ? e : vferr_claim(&d->ferr, &vm->bus);
	return e != 0 ? e : vdelay_claim(&d->delay, &vm->bus);
}

static void pm_moved(void *acpi, uint16_t base, bool enabled)
{
	vacpi_set_base(acpi, base, enabled);
}

static int make_pci(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	int e;

	vpci_init(&d->pci, vm);
	e = vpiix_init(&d->piix, vm, &d->pci);
	pc_add(vm, &d->pci.dev);
	pc_add(vm, &d->piix.host.pci.dev);
	pc_add(vm, &d->piix.isa.pci.dev);
	pc_add(vm, &d->piix.pm.pci.dev);
	vide_init(&d->ide, vm);
	pc_add(vm, &d->ide.function.dev);
	disks_init(&d->disks, vm, vm->user);
	disks_connect(&d->disks, &d->ide);
	e = e != 0 ? e : vpci_claim(&d->pci, &vm->bus);
	e = e != 0 ? e : vide_claim(&d->ide, &vm->bus, &d->pci);
	vreset_attach_pci(&d->reset, &d->pci.dev, VPCI_REGION_ADDRESS);
	vpiix_attach_pm(&d->piix, pm_moved, &d->acpi);
	return e;
}

int pc_init(struct vm *vm)
{
	int e = make_controllers(vm);

	e = e != 0 ? e : make_board(vm);
	e = e != 0 ? e : make_pci(vm);
	return e != 0 ? e : pc_options_init(vm);
}

void pc_fini(struct vm *vm)
{
	pc_options_fini(vm);
}

struct vdev *pc_device(struct vm *vm, uint32_t i)
{
	return i < vm->devices->count ? vm->devices->all[i] : NULL;
}

void pc_reset(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	for (uint32_t i = 0; i < d->count; i++)
		d->all[i]->ops->reset(d->all[i]);
	if (d->options.screen != NULL)
		screen_init(d->options.screen);
	typing_reset(&d->typing);
	pc_reset_interrupts(vm);
	vm->apic_deadline = d->lapic.dev.ops->deadline(&d->lapic.dev);
	pc_find_deadline(vm);
}

void pc_finish_screen(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	if (d != NULL && d->options.screen != NULL)
		screen_finish(d->options.screen, d->options.vga, &vm->console, cpu_tsc());
}

void pc_find_deadline(struct vm *vm)
{
	const struct vm_devices *d = vm->devices;
	uint64_t nearest = typing_deadline(&d->typing);

	if (d->options.screen != NULL && screen_deadline(d->options.screen) < nearest)
		nearest = screen_deadline(d->options.screen);
	vm->work &= ~VM_WORK_DEADLINE;
	for (uint32_t i = 0; i < d->timed_count; i++) {
		uint64_t t = d->timed[i]->ops->deadline(d->timed[i]);

		if (t < nearest)
			nearest = t;
	}
	vm->device_deadline = nearest;
	vm->deadline = vm->apic_deadline < nearest ? vm->apic_deadline : nearest;
}

void pc_service(struct vm *vm, uint64_t now)
{
	struct vm_devices *d = vm->devices;

	for (uint32_t i = 0; i < d->timed_count; i++)
		if (d->timed[i]->ops->deadline(d->timed[i]) <= now)
			d->timed[i]->ops->service(d->timed[i], now);
	if (typing_deadline(&d->typing) <= now)
		typing_service(&d->typing, now);
	if (d->options.screen != NULL)
		screen_service(d->options.screen, d->options.vga, &vm->console, vm->account.guest_ticks, now, cpu_tsc_hz());
	pc_find_deadline(vm);
}

void pc_expire_apic(struct vm *vm, uint64_t now)
{
	vlapic_expire(&vm->devices->lapic, now);
}

void pc_float_error(struct vm *vm)
{
	vferr_assert(&vm->devices->ferr);
}

static void set_register(struct vlapic *l, uint32_t offset, uint32_t value)
{
	l->regs[offset / 4] = value;
	vlapic_register_write(l, offset);
}

#define LVT_EXTINT 0x700u
#define LVT_NMI 0x400u
#define SVR_ENABLED 0x1ffu

/*
 * As a PC's BIOS leaves them. Kernels that only move the 8259s' vectors find the timer at 18.2 Hz and the keyboard let
 * through, and everything else masked.
 */
static const struct {
	uint16_t port;
	uint8_t value;
} firmware_ports[] = {
	{ 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 },	/* first 8259: vectors from 08h */
	{ 0xa0, 0x11 }, { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 },	/* second: from 70h */
	{ 0x21, 0xb8 }, { 0xa1, 0x8f },		/* lines 0, 1, 2 and 6; 12, 13 and 14 */
	{ 0x4d1, 0x0e },			/* lines 9 (ACPI), 10 and 11 (PCI) are sensitive to levels */
	{ 0x43, 0x34 }, { 0x40, 0 }, { 0x40, 0 },	/* 8254: periodic, from 65536 */
	{ 0xd6, 0xc0 }, { 0xd4, 0x00 },		/* the second DMA controller passes the first one on */
};

void pc_firmware_work(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	set_register(&d->lapic, VLAPIC_SVR, SVR_ENABLED);
	set_register(&d->lapic, VLAPIC_LVT_LINT0, LVT_EXTINT);
	set_register(&d->lapic, VLAPIC_LVT_LINT1, LVT_NMI);
	mtrr_firmware(&vm->mtrr, cpu_physical_bits());
	vpci_assign(&d->pci);
	for (size_t i = 0; i < ARRAY_LEN(firmware_ports); i++) {
		struct io_access a = { .addr = firmware_ports[i].port, .value = firmware_ports[i].value, .size = 1,
				       .write = true };

		bus_access_port(&vm->bus, &a);
	}
}

/* A guest with a virtio console listens there, unless it listens to its serial port. */
static bool virtio_listens(const struct vm *vm)
{
	const struct vm_devices *d = vm->devices;

	return d->options.console != NULL && !vuart_listens(&d->com1, cpu_tsc());
}

void pc_console_input(struct vm *vm)
{
	struct vm_devices *d = vm->devices;

	if (virtio_listens(vm))
		virtio_console_kick(d->options.console);
	else
		typing_service(&d->typing, cpu_tsc());
	if (d->options.screen != NULL)
		screen_wake(d->options.screen);
	vm_kick(vm, VM_WORK_DEADLINE);
}

uint64_t machine_now(const struct vm *vm)
{
	(void)vm;
	return cpu_tsc();
}

uint64_t machine_tsc_hz(const struct vm *vm)
{
	(void)vm;
	return cpu_tsc_hz();
}

bool machine_dma_read(struct vm *vm, uint64_t gpa, void *to, size_t n)
{
	return gmem_read(vm, GPA(gpa), to, n);
}

bool machine_dma_write(struct vm *vm, uint64_t gpa, const void *from, size_t n)
{
	return gmem_write(vm, GPA(gpa), from, n);
}

void *machine_dma_window(struct vm *vm, uint64_t gpa, size_t n)
{
	return gmem_window(vm, GPA(gpa), n);
}

#define A20_AT MIB(1)
#define A20_BYTES 0xa0000u	/* all that is storage, and nobody's window, a megabyte below */
#define READ_WRITE_EXECUTE 7u

void machine_set_a20(struct vm *vm, bool on)
{
	uint64_t bytes = vm->storage_size < A20_BYTES ? vm->storage_size : A20_BYTES;

	vm->devices->a20_off = !on;
	machine_map(vm, ROW_A20, A20_AT, cpu_direct(vm->storage_base), on ? 0 : bytes, READ_WRITE_EXECUTE);
}

bool machine_a20(const struct vm *vm)
{
	return !vm->devices->a20_off;
}

void machine_reset_request(struct vm *vm, const char *by)
{
	(void)by;
	vm_kick(vm, VM_WORK_RESET);
}

void machine_power_off(struct vm *vm, const char *by)
{
	vm_ended(vm, "V64DSP460I %s POWERED OFF BY %s", vm->userid, by);
}

/* Numbers of the devices that share the machine's console. COM2 (1) and the debug console (2) only print. */
#define UNIT_COM1 0u

void machine_exit_code(struct vm *vm, uint32_t code)
{
	vm_ended(vm, "V64DSP468I %s ENDED BY ISA-DEBUG-EXIT, CODE %u", vm->userid, code);
}

bool machine_console_room(const struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm_console_room(&vm->console);
}

void machine_console_put(struct vm *vm, unsigned int unit, uint8_t byte)
{
	const struct pc_options *o = &vm->devices->options;

	(void)unit;
	if (o->screen != NULL)
		screen_before_serial(o->screen, o->vga, &vm->console, cpu_tsc(), cpu_tsc_hz());
	vm_console_put(&vm->console, byte);
}

int machine_console_get(struct vm *vm, unsigned int unit)
{
	return machine_console_pending(vm, unit) ? vm_console_get(&vm->console) : -1;
}

bool machine_console_pending(const struct vm *vm, unsigned int unit)
{
	bool here = unit == VIRTIO_CONSOLE_UNIT ? virtio_listens(vm) : unit == UNIT_COM1 && !virtio_listens(vm);

	return here && vm_console_pending(&vm->console);
}

void machine_deadline_changed(struct vm *vm)
{
	vm_kick(vm, VM_WORK_DEADLINE);
}

uint64_t machine_wall_seconds(const struct vm *vm)
{
	(void)vm;
	return cpu_wall_seconds();
}

uint64_t machine_random(const struct vm *vm)
{
	(void)vm;
	return cpu_random();
}

uint64_t machine_storage_size(const struct vm *vm)
{
	return vm->storage_size;
}
