/* A machine for tests: storage of exact size, registers in arrays, a bus that listens. */
/* Part: unit tests, on the host; included by one test file each. */
#ifndef TESTS_UNIT_IPL_FAKE_H
#define TESTS_UNIT_IPL_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/pc.h"

static struct vm fake_vm;
static uint64_t fake_size;    /* of what follows; a test may pretend more in fake_vm.storage_size */
static uint8_t *fake_storage; /* malloc'ed to the byte: the sanitizer sees the first wild one */
static uint64_t fake_regs[VREGS];
static struct segment fake_segments[SEGS];
static unsigned int fake_bits = 40;
static bool fake_pse36 = true, fake_1g_pages = true;
static uint64_t fake_tsc = 1000;
static uint8_t fake_ports[0x10000];
static uint32_t fake_port_writes;
static unsigned int fake_resets;
static struct vm_devices fake_devices;
static struct directory_user fake_user;
static uint8_t fake_cmos[128];
static struct { uint64_t gpa, bytes; void *storage; uint32_t rights; } fake_row[MACHINE_ROWS];
static void *fake_grants[16];	/* what machine_storage() gave */
static unsigned int fake_granted;
static bool fake_no_storage;
static char fake_note[256];

#define FAKE_REAL 0x40000000ull /* real address of the guest's storage */

void *cpu_direct(hpa_t address)
{
	assert_true(address.v >= FAKE_REAL && address.v - FAKE_REAL < fake_size);
	return fake_storage + (address.v - FAKE_REAL);
}

void cpu_panic(const char *format, ...)
{
	fail_msg("cpu_panic: %s", format);
	abort();
}

unsigned int cpu_physical_bits(void)
{
	return fake_bits;
}

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = {0};

	(void)subleaf;
	if (leaf == 1)
		r.edx = fake_pse36 ? 1u << 17 : 0;
	if (leaf == 0x80000001)
		r.edx = fake_1g_pages ? 1u << 26 : 0;
	return r;
}

uint64_t cpu_tsc(void)
{
	return fake_tsc;
}

uint64_t cpu_tsc_hz(void)
{
	return 1000000000;
}

uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg)
{
	assert_ptr_equal(av, &fake_vm.av);
	return fake_regs[reg];
}

void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value)
{
	assert_ptr_equal(av, &fake_vm.av);
	fake_regs[reg] = value;
}

void arch_vcpu_get_segment(struct arch_vcpu *av, enum seg seg, struct segment *s)
{
	(void)av;
	*s = fake_segments[seg];
}

void arch_vcpu_set_segment(struct arch_vcpu *av, enum seg seg, const struct segment *s)
{
	(void)av;
	fake_segments[seg] = *s;
}

/* As MOV CR3 has loaded them, in a machine whose program has not changed them since. */
uint64_t arch_vcpu_get_pdpte(struct arch_vcpu *av, unsigned int n)
{
	uint64_t at = (fake_regs[VREG_CR3] & 0xffffffe0) + 8 * n, pdpte = 0;

	assert_ptr_equal(av, &fake_vm.av);
	if (at + 8 <= fake_size)
		memcpy(&pdpte, fake_storage + at, 8);
	return pdpte;
}

int bus_claim(struct bus *bus, enum bus_space space, uint64_t first, uint64_t last, struct vdev *dev, uint32_t region,
	      bool bytes)
{
	(void)bus;
	(void)dev;
	(void)region;
	(void)bytes;
	assert_int_equal(space, BUS_MMIO);
	assert_true(last >= first);
	return 0;
}

void bus_release(struct bus *bus, enum bus_space space, const struct vdev *dev, uint32_t region)
{
	(void)bus;
	(void)space;
	(void)dev;
	(void)region;
}

void *machine_storage(struct vm *vm, uint64_t bytes)
{
	(void)vm;
	if (fake_no_storage)
		return NULL;
	assert_true(fake_granted < ARRAY_LEN(fake_grants));
	return fake_grants[fake_granted++] = calloc(1, bytes);
}

uint64_t machine_storage_left(const struct vm *vm)
{
	(void)vm;
	return UINT64_MAX;
}

/* A display that can do two sizes. What it was asked for last stays. */
static struct vvga fake_vga;
static struct { uint32_t width, height, bits; } fake_picture;

bool vvga_set_mode(struct vvga *v, uint32_t width, uint32_t height, uint32_t bits, struct vvga_mode *mode)
{
	assert_ptr_equal(v, &fake_vga);
	if ((bits != 16 && bits != 24 && bits != 32) || ((width != 640 || height != 480) && (width != 1024 || height != 768)))
		return false;
	fake_picture.width = width;
	fake_picture.height = height;
	fake_picture.bits = bits;
	*mode = (struct vvga_mode){ 0xf1000000, width, height, width * bits / 8, bits, { 11, 5 }, { 6, 7 }, { 1, 3 } };
	return true;
}

static inline void fake_make_display(void)
{
	memset(&fake_picture, 0, sizeof(fake_picture));
	fake_devices.platform.vga = true;
	fake_devices.options.vga = &fake_vga;
}

/* As gmem.c would find it. */
void machine_map(struct vm *vm, enum machine_row row, uint64_t gpa, void *storage, uint64_t bytes, uint32_t rights)
{
	(void)vm;
	assert_int_equal((gpa | bytes) & 4095, 0);
	fake_row[row].gpa = gpa;
	fake_row[row].storage = storage;
	fake_row[row].bytes = bytes;
	fake_row[row].rights = rights;
}

bool machine_dma_read(struct vm *vm, uint64_t gpa, void *to, size_t n)
{
	return gmem_read(vm, GPA(gpa), to, n);
}

bool machine_dma_write(struct vm *vm, uint64_t gpa, const void *from, size_t n)
{
	return gmem_write(vm, GPA(gpa), from, n);
}

void vrtc_set_cmos(struct vrtc *rtc, uint8_t index, uint8_t value)
{
	assert_ptr_equal(rtc, &fake_devices.rtc);
	fake_cmos[index] = value;
}

void vide_attach(struct vide *ide, unsigned int number, struct vdisk *disk)
{
	assert_ptr_equal(ide, &fake_devices.ide);
	assert_in_range(number, 0, VIDE_DRIVES - 1);
	ide->drive[number].disk = disk;
}

void cp_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake_note, sizeof(fake_note), format, args);
	va_end(args);
}

void cp_note(struct vm *vm, const char *format, ...)
{
	va_list args;

	(void)vm;
	va_start(args, format);
	vsnprintf(fake_note, sizeof(fake_note), format, args);
	va_end(args);
}

bool bus_access(struct bus *bus, enum bus_space space, struct io_access *a)
{
	assert_ptr_equal(bus, &fake_vm.bus);
	assert_int_equal(space, BUS_PORT);
	assert_true(a->addr < sizeof(fake_ports) && a->size == 1);
	if (a->write) {
		fake_ports[a->addr] = (uint8_t)a->value;
		fake_port_writes++;
	} else {
		a->value = fake_ports[a->addr];
	}
	return true;
}

uint64_t machine_wall_seconds(const struct vm *vm)
{
	(void)vm;
	return 86400 * 20000ull + 43200; /* noon */
}

uint64_t machine_storage_size(const struct vm *vm)
{
	return vm->storage_size;
}

void machine_reset_request(struct vm *vm, const char *by)
{
	(void)vm;
	(void)by;
	fake_resets++;
}

void vm_ended(struct vm *vm, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vm->why, sizeof(vm->why), format, args);
	va_end(args);
	vm->state = VM_ENDED;
}

void vm_system_reset(struct vm *vm, bool clear)
{
	if (clear)
		memset(fake_storage, 0, fake_size);
	memset(fake_regs, 0, sizeof(fake_regs));
	memset(fake_segments, 0, sizeof(fake_segments));
	memset(vm->av.gpr, 0, sizeof(vm->av.gpr));
	vm->state = VM_NO_SYSTEM;
}

static void fake_take_back(void)
{
	while (fake_granted > 0)
		free(fake_grants[--fake_granted]);
}

static void fake_machine(uint64_t b)
{
	free(fake_storage);
	fake_take_back();
	fake_no_storage = false;
	memset(fake_row, 0, sizeof(fake_row));
	memset(fake_cmos, 0xcc, sizeof(fake_cmos));
	memset(&fake_devices, 0, sizeof(fake_devices));
	memset(&fake_user, 0, sizeof(fake_user));
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(fake_regs, 0, sizeof(fake_regs));
	memset(fake_segments, 0, sizeof(fake_segments));
	memset(fake_ports, 0, sizeof(fake_ports));
	fake_storage = calloc(1, b ? b : 1);
	assert_non_null(fake_storage);
	fake_size = b;
	fake_vm.storage_size = b;
	fake_vm.tsc_multiplier = TSC_SAME_RATE;
	fake_vm.storage_base = HPA(FAKE_REAL);
	fake_vm.rows[0] = (struct npt_row){GPA(0), HPA(FAKE_REAL), b, NPT_ALL, false};
	fake_vm.row_count = 1;
	fake_vm.devices = &fake_devices;
	fake_vm.user = &fake_user;
	memcpy(fake_vm.userid, "TESTER", 7);
	fake_bits = 40;
	fake_pse36 = true;
	fake_1g_pages = true;
	fake_port_writes = 0;
	fake_resets = 0;
}

/* The devices that an IPL talks to itself. */
static inline void fake_make_devices(void)
{
	vfwcfg_init(&fake_devices.fwcfg, &fake_vm);
	vflash_init(&fake_devices.flash, &fake_vm, &fake_vm.bus);
	disks_init(&fake_devices.disks, &fake_vm, &fake_user);
}

/* Firmware's work is checked where it is done; here it only must be done when there is no firmware. */
static unsigned int fake_firmware_works;

void pc_firmware_work(struct vm *vm)
{
	assert_ptr_equal(vm, &fake_vm);
	fake_firmware_works++;
}

void pc_tsc_moved(struct vm *vm)
{
	assert_ptr_equal(vm, &fake_vm);
}

static int fake_teardown(void **state)
{
	(void)state;
	free(fake_storage);
	fake_storage = NULL;
	fake_take_back();
	return 0;
}

#endif
