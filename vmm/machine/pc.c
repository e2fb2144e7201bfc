/* The PC of a machine: which devices it has, and the wires between them. */
/* Part: machine/; implements what vdev.h says a device may ask of its machine. */
#include "vmm/machine/pc.h"
#include "arch/api/cpu.h"
#include "vmm/machine/gmem.h"

int pc_init(struct vm *vm)
{
	struct vm_devices *d = vm->devices;
	int e = 0;

	vpic_init(&d->pic, vm);
	vpit_init(&d->pit, vm);
	vrtc_init(&d->rtc, vm);
	vuart_init(&d->com1, vm, 0);
	vreset_init(&d->reset, vm);
	vdelay_init(&d->delay, vm);
	vfwcfg_init(&d->fwcfg, vm);
	vflash_init(&d->flash, vm, &vm->bus);
	vide_init(&d->ide, vm);
	disks_init(&d->disks, vm, vm->user);
	vpit_attach(&d->pit, &d->pic);
	e = e != 0 ? e : vpic_claim(&d->pic, &vm->bus);
	e = e != 0 ? e : vpit_claim(&d->pit, &vm->bus);
	e = e != 0 ? e : vrtc_claim(&d->rtc, &vm->bus);
	e = e != 0 ? e : vuart_claim(&d->com1, &vm->bus);
	e = e != 0 ? e : vreset_claim(&d->reset, &vm->bus);
	e = e != 0 ? e : vdelay_claim(&d->delay, &vm->bus);
	e = e != 0 ? e : vfwcfg_claim(&d->fwcfg, &vm->bus);
	return e;
}

struct vdev *pc_device(struct vm *vm, uint32_t i)
{
	struct vm_devices *d = vm->devices;
	struct vdev *all[] = { &d->com1.dev, &d->pic.dev, &d->pit.dev, &d->rtc.dev, &d->reset.dev,
			       &d->delay.dev, &d->fwcfg.dev, &d->flash.dev };

	return i < ARRAY_LEN(all) ? all[i] : NULL;
}

void pc_reset(struct vm *vm)
{
	struct vdev *d;

	for (uint32_t i = 0; (d = pc_device(vm, i)) != NULL; i++)
		d->ops->reset(d);
	pc_find_deadline(vm);
}

void pc_find_deadline(struct vm *vm)
{
	struct vdev *d;

	vm->deadline = TIME_NEVER;
	vm->work &= ~VM_WORK_DEADLINE;
	for (uint32_t i = 0; (d = pc_device(vm, i)) != NULL; i++) {
		uint64_t t = d->ops->deadline != NULL ? d->ops->deadline(d) : TIME_NEVER;

		if (t < vm->deadline)
			vm->deadline = t;
	}
}

void pc_service(struct vm *vm, uint64_t now)
{
	struct vdev *d;

	for (uint32_t i = 0; (d = pc_device(vm, i)) != NULL; i++)
		if (d->ops->service != NULL && d->ops->deadline(d) <= now)
			d->ops->service(d, now);
	pc_find_deadline(vm);
}

int pc_acknowledge(struct vm *vm)
{
	return vpic_acknowledge(&vm->devices->pic);
}

void pc_console_input(struct vm *vm)
{
	vuart_kick(&vm->devices->com1);
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

void machine_irq(struct vm *vm, unsigned int line, bool asserted)
{
	vpic_set(&vm->devices->pic, line, asserted);
}

/* There is no APIC in the machine: nobody hears of its pins and messages. */
void machine_gsi(struct vm *vm, unsigned int pin, bool asserted)
{
	(void)vm;
	(void)pin;
	(void)asserted;
}

void machine_msi(struct vm *vm, uint64_t address, uint32_t data)
{
	(void)vm;
	(void)address;
	(void)data;
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

void machine_intr(struct vm *vm, bool asserted)
{
	vm->pending.intr = asserted;
	vm_kick(vm, VM_WORK_EVENT);
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

bool machine_console_room(const struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm_console_room(&vm->console);
}

void machine_console_put(struct vm *vm, unsigned int unit, uint8_t byte)
{
	(void)unit;
	vm_console_put(&vm->console, byte);
}

int machine_console_get(struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm_console_get(&vm->console);
}

bool machine_console_pending(const struct vm *vm, unsigned int unit)
{
	(void)unit;
	return vm_console_pending(&vm->console);
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
