/* The whole PC on the host: machines are logged on, driven wildly at every port and page, and logged off again.
 * Part: unit tests, on the host; everything of machine/ and devices/ is the real code, only the processor is not.
 * UNIT: $(MACHINE) vmm/allocator/storage.c vmm/allocator/msrs.c lib/string.c lib/printf.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"

static bool fake_invalidate(uint64_t kind, struct vmx_descriptor d)
{
	(void)kind;
	(void)d;
	return true;
}

#define vmx_invept fake_invalidate
#define vmx_invvpid fake_invalidate
#include "arch/x86/vmx/ept.c"

#include "vmm/allocator/storage.h"
#include "vmm/cp/directory.h"
#include "vmm/ipl/ipl.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/net.h"
#include "vmm/machine/pc.h"

struct vmx_capabilities vmx_caps = { .page_2m = true, .page_1g = true };

#define ARENA MIB(160)
#define R_BYTES MIB(4)

static uint8_t *arena;
static uint64_t now = GIB(1), regs[VM_MAX][VREGS];
static enum apic_mode modes[VM_MAX];
static uint64_t multipliers[VM_MAX];	/* 0 = never told */
static bool delivery, scales, tsc_passes[VM_MAX];
static uint64_t seed = 88172645463325252ull;

static uint64_t number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t below(uint64_t n)
{
	return number() % n;
}

void cpu_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	abort();
}

void *cpu_direct(hpa_t address)
{
	assert_true(address.v < ARENA);
	return arena + address.v;
}

hpa_t cpu_direct_address(const void *p)
{
	return HPA((uint64_t)((const uint8_t *)p - arena));
}

int mtrr_type(hpa_t base, uint64_t size) { (void)base; (void)size; return TYPE_WB; }
uint64_t cpu_tsc(void) { return now += 100; }
uint64_t cpu_tsc_hz(void) { return 2000000000; }
uint64_t cpu_wall_seconds(void) { return 1700000000; }
uint64_t cpu_random(void) { return number(); }
unsigned int cpu_physical_bits(void) { return 52; }
bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value) { (void)msr; *value = 1; return true; }
struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf) { (void)leaf; (void)subleaf; return (struct cpuid_regs){ 0 }; }
static unsigned int woken;
void dispatcher_woken(void) { woken++; }
void cp_say(const char *format, ...) { (void)format; }
void cp_note(struct vm *vm, const char *format, ...) { (void)vm; (void)format; }

/* The processor: an event that is injected has been taken. */
static struct vm *of(struct arch_vcpu *av) { return (struct vm *)av; }
size_t arch_vcpu_storage(void) { return PAGE_SIZE; }
int arch_vcpu_create(struct arch_vcpu *av, void *storage, const struct npt *npt, uint16_t vpid)
{
	(void)npt;
	(void)vpid;
	av->vmx = storage;
	return 0;
}
void arch_vcpu_destroy(struct arch_vcpu *av) { av->vmx = NULL; }
void arch_vcpu_reset(struct arch_vcpu *av) { memset(regs[of(av)->number], 0, sizeof(regs[0])); }
uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg) { return regs[of(av)->number][reg]; }
void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value) { regs[of(av)->number][reg] = value; }
uint64_t arch_vcpu_get_pdpte(struct arch_vcpu *av, unsigned int n) { (void)av; (void)n; return 0; }
uint32_t arch_vcpu_blocking(struct arch_vcpu *av) { (void)av; return 0; }
bool arch_vcpu_open(struct arch_vcpu *av) { return regs[of(av)->number][VREG_RFLAGS] >> 9 & 1; }
void arch_vcpu_set_blocking(struct arch_vcpu *av, uint32_t blocking) { (void)av; (void)blocking; }
void arch_vcpu_inject(struct arch_vcpu *av, const struct event *event) { (void)av; (void)event; }
void arch_vcpu_inject_interrupt(struct arch_vcpu *av, int vector) { (void)av; (void)vector; }
void arch_vcpu_want_window(struct arch_vcpu *av, bool interrupt, bool nmi) { (void)av; (void)interrupt; (void)nmi; }
void arch_vcpu_pass_msr(struct arch_vcpu *av, uint32_t msr, bool read, bool write)
{
	(void)write;
	if (msr == 0x10)
		tsc_passes[of(av)->number] = read;
}
bool arch_vcpu_has_rdtscp(void) { return true; }
bool arch_has_tsc_scaling(void) { return scales; }
void arch_vcpu_scale_tsc(struct arch_vcpu *av, uint64_t multiplier) { multipliers[of(av)->number] = multiplier; }
void arch_vcpu_set_apic(struct arch_vcpu *av, void *page, void *access) { (void)av; (void)page; (void)access; }
void arch_vcpu_apic_mode(struct arch_vcpu *av, enum apic_mode mode) { modes[of(av)->number] = mode; }
bool arch_apic_has_registers(void) { return true; }
bool arch_vcpu_delivers(const struct arch_vcpu *av) { return delivery && modes[of((struct arch_vcpu *)av)->number] != APIC_MODE_OFF; }
void arch_vcpu_request_vector(struct arch_vcpu *av, uint8_t vector) { (void)av; assert_true(vector >= 16); }
void arch_vcpu_set_vectors(struct arch_vcpu *av, uint8_t requested, uint8_t service) { (void)av; (void)requested; (void)service; }
void arch_vcpu_eoi_exits(struct arch_vcpu *av, const uint64_t vectors[4]) { (void)av; (void)vectors; }

/* SDM, "Checks on VMX Controls": never above the guest's priority. */
void arch_vcpu_tpr_threshold(struct arch_vcpu *av, uint8_t threshold)
{
	assert_true(threshold <= of(av)->devices->apic_page[VLAPIC_TPR] >> 4);
}

static uint8_t disk_file[MIB(1)], cd_file[MIB(1)];
static const struct ipl_file files[] = {
	{ .name = "disk", .data = disk_file, .size = sizeof(disk_file) - 100 },
	{ .name = "cd", .data = cd_file, .size = sizeof(cd_file) },
};

const struct ipl_file *ipl_find_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

/* One with everything, one with a network card, one that has nothing to do with the others. */
static const struct directory_user users[] = {
	{ .userid = "ALL", .storage = R_BYTES, .debug_exit = true, .debug_console = true, .disk_count = 5, .special_count = 5,
	  .disks = { { .address = 0x190, .file = "disk" }, { .address = 0x191, .file = "cd", .bus = DISK_BUS_CD },
		     { .address = 0x192, .file = "disk", .bus = DISK_BUS_VIRTIO }, { .address = 0x193, .file = "gone" },
		     { .address = 0x194, .file = "disk", .read_only = true } },
	  .specials = { { .type = SPECIAL_NET }, { .type = SPECIAL_RNG }, { .type = SPECIAL_BALLOON }, { .type = SPECIAL_CONSOLE },
			{ .type = SPECIAL_COM2 } } },
	{ .userid = "NET", .storage = R_BYTES, .special_count = 1, .specials = { { .type = SPECIAL_NET } } },
	{ .userid = "OTHER", .storage = R_BYTES, .no_vga = true },
	{ .userid = "SLOW", .storage = R_BYTES, .no_vga = true, .tsc_mhz = 500 },
	{ .userid = "SAME", .storage = R_BYTES, .no_vga = true, .tsc_mhz = 2000 },
};

static struct vm *logon(unsigned int i)
{
	char why[VM_WHY_LEN];
	struct vm *vm;

	if (vm_logon(&users[i], &vm, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	if (i == 0) {
		assert_int_equal(vflash_insert(&vm->devices->flash, GIB(4) - KIB(256), disk_file, KIB(256), true), 0);
		assert_int_equal(vfwcfg_add_file(&vm->devices->fwcfg, "etc/file", cd_file, 100000), 0);
	}
	pc_firmware_work(vm);
	return vm;
}

static void port(struct vm *vm, uint64_t at, unsigned int size, bool write, uint64_t value)
{
	struct io_access a = { .addr = at & 0xffff, .size = (uint8_t)size, .write = write, .value = value & (UINT64_MAX >> (64 - 8 * size)) };

	bus_access_port(&vm->bus, &a);
}

static uint64_t any_port(struct vm *vm)
{
	const struct bus *bus = &vm->bus;
	const struct bus_claim *c = &bus->claims[BUS_PORT][below(bus->count[BUS_PORT])];

	return below(16) == 0 ? number() : c->first + below(c->last - c->first + 1);
}

static void memory(struct vm *vm, bool write)
{
	const struct bus *bus = &vm->bus;
	const struct bus_claim *c = &bus->claims[BUS_MMIO][below(bus->count[BUS_MMIO])];
	uint64_t within = below(4) == 0 ? below(c->last - c->first + 1) : below(c->last - c->first + 1) & 0xfff;
	unsigned int size = 1u << below(4);
	struct io_access a = { .addr = c->first + (within & ~(uint64_t)(below(8) ? size - 1 : 0)), .size = (uint8_t)size, .write = write };

	/* values that drivers write, and any */
	a.value = below(3) == 0 ? number() : below(2) ? below(R_BYTES) & ~0xfffull : below(256);
	bus_access(&vm->bus, BUS_MMIO, &a);
}

static void configuration(struct vm *vm)
{
	const struct vpci *pci = &vm->devices->pci;
	const struct vpci_function *f = pci->functions[below(pci->count)];
	uint64_t value = below(3) == 0 ? number() : below(2) ? below(R_BYTES) & ~0xfffull : 0x407;

	port(vm, 0xcf8, 4, true, 0x80000000u | (uint32_t)f->devfn << 8 | ((below(3) == 0 ? 4 : 0x10 + below(64)) & 0xfc));
	port(vm, 0xcfc + below(2) * 2, 1u << below(3), below(4) != 0, value);
}

/* Header, data, status: in the first three descriptors of a ring. */
static void disk_request(struct vm *vm, uint64_t ring, uint16_t *available)
{
	uint32_t type = (uint32_t)below(2), header[4] = { below(4) ? type : (uint32_t)below(10), 0, (uint32_t)below(2000), 0 };
	uint64_t at = below(R_BYTES - MIB(1)), data = 512 * (1 + below(below(4) ? 16 : 1500));
	const struct { uint64_t at; uint32_t length; uint16_t flags, next; } d[3] = {
		{ at, 16, 1, 1 }, { at + 16, (uint32_t)data, (uint16_t)(1 | (type == 0 ? 2 : 0)), 2 }, { at + 16 + data, 1, 2, 0 },
	};

	gmem_write(vm, GPA(at), header, sizeof(header));
	gmem_write(vm, GPA(ring), d, sizeof(d));
	for (unsigned int i = 0; i < 256; i++)
		available[2 + i] = (uint16_t)(below(4) ? 0 : below(256));
	available[1] = (uint16_t)below(4);
}

/* A virtio device as its driver sets it up, with rings that begin well and hold anything. */
static void virtio(struct vm *vm)
{
	const struct vpci *pci = &vm->devices->pci;
	const struct vpci_function *f = pci->functions[below(pci->count)];
	uint64_t at = f->bar[4].at, ring = below(R_BYTES / 4096 - 4) * 4096;
	static const struct { uint8_t at, size; } fields[] = { { 0x08, 4 }, { 0x0c, 4 }, { 0x16, 2 }, { 0x18, 2 }, { 0x1a, 2 },
							       { 0x20, 8 }, { 0x28, 8 }, { 0x30, 8 }, { 0x1c, 2 } };
	uint64_t values[ARRAY_LEN(fields)] = { 1, 1, below(3), 1u << below(9), below(3), ring, ring + 4096, ring + 8192, 1 };
	uint16_t available[2 + 256];

	if (f->bar[4].io || !f->bar[4].mapped || f->msix.capability == 0)
		return;
	for (unsigned int i = 0; i < 256; i++) {
		uint64_t d[2] = { below(R_BYTES), below(2) ? below(3000) : number() };

		((uint32_t *)d)[3] = (uint32_t)(below(4) | (below(20) == 0 ? 4 : 0) | below(256) << 16);
		gmem_write(vm, GPA(ring + 16 * i), d, 16);
		available[2 + i] = (uint16_t)below(256);
	}
	available[0] = 0;
	available[1] = (uint16_t)below(256);
	if (below(2))
		disk_request(vm, ring, available);
	gmem_write(vm, GPA(ring + 4096), available, sizeof(available));
	for (unsigned int i = 0; i < ARRAY_LEN(fields) + 4; i++) {
		static const uint8_t status[4] = { 0, 3, 11, 15 };
		unsigned int k = i < 3 ? i : i - 3;
		bool is_status = i < 3 || i == ARRAY_LEN(fields) + 3;
		struct io_access a = { .addr = at + (is_status ? 0x14 : fields[k].at), .size = is_status ? 1 : fields[k].size, .write = true,
				       .value = i < 3 ? status[i] : is_status ? 15 : values[k] };

		if (i == 2) {	/* features before they are fixed */
			struct io_access s = { .addr = at + 8, .size = 4, .write = true, .value = 1 };

			bus_access(&vm->bus, BUS_MMIO, &s);
			s.addr = at + 12;
			bus_access(&vm->bus, BUS_MMIO, &s);
		}
		bus_access(&vm->bus, BUS_MMIO, &a);
	}
	for (unsigned int q = 0; q < 3; q++) {
		struct io_access a = { .addr = at + 0x3000 + below(2) * 4 * q, .size = 2, .write = true, .value = q };

		bus_access(&vm->bus, BUS_MMIO, &a);
	}
}

/* A command to a drive with the registers set, its data by the port or by the bus master. */
static void ide(struct vm *vm)
{
	static const uint8_t commands[] = { 0x20, 0x24, 0x25, 0x30, 0x34, 0x35, 0x39, 0xa0, 0xa1, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xec, 0xef, 0x91 };
	static const uint8_t packets[] = { 0x00, 0x03, 0x12, 0x1a, 0x1b, 0x25, 0x28, 0x43, 0x46, 0x4a, 0x51, 0x5a, 0xa8, 0xbd, 0xbe };
	uint64_t base = below(2) ? 0x1f0 : 0x170, master = vm->devices->ide.function.bar[4].at + (base == 0x170 ? 8 : 0);
	uint32_t table = (uint32_t)below(R_BYTES) & ~0xfffu, regions[16];

	for (unsigned int i = 0; i < 16; i += 2) {
		regions[i] = below(8) ? (uint32_t)below(R_BYTES) : (uint32_t)number();
		regions[i + 1] = (uint32_t)below(0x10000) | (below(4) == 0 ? 0x80000000u : 0);
	}
	gmem_write(vm, GPA(table), regions, sizeof(regions));
	port(vm, master + 4, 4, true, table);
	port(vm, master, 1, true, below(2) ? 0 : 8);
	port(vm, base + 6, 1, true, 0xe0 | below(2) << 4);
	for (unsigned int i = 1; i < 6; i++)
		port(vm, base + i, 1, true, below(3) ? below(4) : below(256));
	port(vm, base + 7, 1, true, below(8) ? commands[below(sizeof(commands))] : below(256));
	if (below(2)) {
		port(vm, base, 4, true, packets[below(sizeof(packets))] | (below(3) ? 0 : number() << 8));
		port(vm, base, 4, true, below(2) ? below(8) << 24 : number());
		port(vm, base, 4, true, below(2) ? below(8) : number());
	}
	port(vm, master, 1, true, 1 | below(2) << 3);
	for (unsigned int i = below(600); i > 0; i--)
		port(vm, base, 1u << below(3), below(8) == 0, number());
}

/* A request of fw_cfg's DMA: big-endian control word, length, address. */
static void fw_cfg(struct vm *vm)
{
	uint32_t at = (uint32_t)below(R_BYTES) & ~3u, r[4] = { (uint32_t)below(below(8) ? 32 : 1ull << 32) | (uint32_t)below(64) << 16,
							       (uint32_t)below(below(4) ? 5000 : 1ull << 32), 0, (uint32_t)below(R_BYTES) };

	if (below(16) == 0)
		r[2] = (uint32_t)number();
	for (unsigned int i = 0; i < 4; i++)
		r[i] = __builtin_bswap32(r[i]);
	gmem_write(vm, GPA(at), r, sizeof(r));
	port(vm, 0x518, 4, true, __builtin_bswap32(at));
}

static void time_passes(struct vm *vm)
{
	regs[vm->number][VREG_RFLAGS] = below(4) ? 1u << 9 : 0;
	now += below(3) ? below(100000) : below(4000000000);
	if (vm->work & VM_WORK_DEADLINE)
		pc_find_deadline(vm);
	if (vm->apic_deadline <= now)
		pc_expire_apic(vm, now);
	if (vm->device_deadline <= now)
		pc_service(vm, now);
	for (unsigned int i = below(4); i > 0; i--)
		event_prepare(vm);
	event_wakes(vm);
	while (below(3) && vm_console_take(&vm->console) >= 0)
		;
}

/* The ways in are tried with whatever devices the machine has; every byte of its storage may be anything. */
static void step(struct vm *vm)
{
	static const uint32_t msrs[] = { 0x1b, 0x6e0, 0x808, 0x80b, 0x80f, 0x830, 0x832, 0x835, 0x838, 0x83e, 0x83f };
	uint64_t value[8];

	switch (below(13)) {
	case 0: case 1: case 2:
		port(vm, any_port(vm), 1u << below(3), below(3) != 0, below(2) ? number() : below(R_BYTES));
		return;
	case 3: case 4: case 5:
		memory(vm, below(3) != 0);
		return;
	case 6:
		configuration(vm);
		return;
	case 7:
		for (unsigned int i = 0; i < 8; i++)
			value[i] = below(3) ? below(R_BYTES) | below(16) << 32 : number();
		gmem_write(vm, GPA(below(R_BYTES)), value, 1 + below(sizeof(value)));
		return;
	case 8:
		virtio(vm);
		return;
	case 9:
		pc_write_apic_msr(vm, msrs[below(ARRAY_LEN(msrs))], below(3) == 0 ? number() :
				  below(2) ? 0xfee00800 | below(2) << 10 : below(256));
		return;
	case 10:
		if (below(3))
			ide(vm);
		else
			fw_cfg(vm);
		return;
	case 11:
		vm_type(vm, "abc\033[A\r", 1 + below(7));
		return;
	default:
		time_passes(vm);
	}
}

static uint64_t sum_of(const void *p, uint64_t n)
{
	const uint64_t *words = p;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n / 8; i++)
		sum = (sum ^ words[i]) * 1099511628211u + (sum >> 29);
	return sum;
}

static void fill(struct vm *vm)
{
	uint64_t *words = cpu_direct(vm->storage_base);

	for (uint64_t i = 0; i < vm->storage_size / 8; i += 3)
		words[i] = number();
}

static void wild_guests_stay_in_their_machines(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		uint64_t sum, files_sum = sum_of(disk_file, sizeof(disk_file)) ^ sum_of(cd_file, sizeof(cd_file));
		struct vm *vm[3];

		delivery = round & 1;
		for (unsigned int i = 0; i < 3; i++)
			vm[i] = logon(i);
		fill(vm[2]);
		sum = sum_of(cpu_direct(vm[2]->storage_base), R_BYTES);
		for (unsigned int i = 0; i < 200000; i++) {
			struct vm *one = vm[below(2)];

			step(one);
			if (below(100) == 0)
				pc_firmware_work(one);	/* places its functions where they can be reached */
			/* what the guest has made of itself is mostly worth going on with */
			if (one->state != VM_ENDED && !(one->work & VM_WORK_RESET) && below(20000) != 0)
				continue;
			one->work &= ~VM_WORK_RESET;
			one->state = VM_NO_SYSTEM;
			if (below(500) == 0)
				vm_system_reset(one, below(2));
		}
		assert_int_equal(sum_of(cpu_direct(vm[2]->storage_base), R_BYTES), sum);
		assert_int_equal(sum_of(disk_file, sizeof(disk_file)) ^ sum_of(cd_file, sizeof(cd_file)), files_sum);
		assert_int_equal(vm[2]->state, VM_NO_SYSTEM);
		for (unsigned int i = 0; i < 3; i++)
			vm_logoff(vm[i]);
	}
}

/* Everything comes back, whatever was done; and a logon for which there is no room leaves nothing behind. */
static void logons_leave_nothing_behind(void **state)
{
	struct directory_user large = users[0];
	uint64_t free_bytes = storage_free_bytes();
	char why[VM_WHY_LEN];
	struct vm *vm;

	(void)state;
	for (unsigned int i = 0; i < 30; i++) {
		vm = logon(i % 3);
		for (unsigned int k = 0; k < 200; k++)
			step(vm);
		vm_logoff(vm);
		assert_int_equal(storage_free_bytes(), free_bytes);
		assert_int_equal(vm_end(), 0);
	}
	for (uint64_t size = ARENA - MIB(60); size < ARENA + MIB(1); size += MIB(1)) {
		large.storage = size;
		if (vm_logon(&large, &vm, why, sizeof(why)) == 0)
			vm_logoff(vm);
		else
			assert_true(vm == NULL && strstr(why, "NOT LOGGED ON") != NULL);
		assert_int_equal(storage_free_bytes(), free_bytes);
	}
	for (unsigned int i = 0; i < NET_PORTS; i++)
		assert_null(net_common()->ports[i]);
}

static void hpet(struct vm *vm, uint64_t config)
{
	struct io_access a = { .addr = VHPET_BASE + 0x10, .size = 4, .write = true, .value = config };

	bus_access(&vm->bus, BUS_MMIO, &a);
}

/* Lets time pass with interrupts on, in steps of a millisecond; how many of them the 8259s gave with this vector. */
static unsigned int listen(struct vm *vm, unsigned int ms, int vector)
{
	unsigned int n = 0;

	for (; ms > 0; ms--) {
		now += cpu_tsc_hz() / 1000;
		if (vm->work & VM_WORK_DEADLINE)
			pc_find_deadline(vm);
		if (vm->device_deadline <= now)
			pc_service(vm, now);
		pc_poll_interrupts(vm);
		if (!vm->pending.intr)
			continue;
		n += pc_acknowledge(vm) == vector;
		port(vm, 0x20, 1, true, 0x20);
		port(vm, 0xa0, 1, true, 0x20);
	}
	return n;
}

static uint8_t requested(struct vm *vm, uint16_t base)
{
	struct io_access a = { .addr = base, .size = 1 };

	port(vm, base, 1, true, 0x0a);
	bus_access_port(&vm->bus, &a);
	return (uint8_t)a.value;
}

/* The clock's update interrupt. */
static void start_updates(struct vm *vm)
{
	port(vm, 0x70, 1, true, 0x0b);
	port(vm, 0x71, 1, true, 0x12);
}

/* 100 a second. */
static void start_ticks(struct vm *vm)
{
	port(vm, 0x43, 1, true, 0x34);
	port(vm, 0x40, 1, true, 11932 & 255);
	port(vm, 0x40, 1, true, 11932 >> 8);
}

/* Legacy replacement on and off: the 8254 and the clock come back with the levels that they have by then. */
static void clocks_return_when_the_hpet_lets_go(void **state)
{
	struct vm *vm = logon(2);
	uint64_t dropped;

	(void)state;
	start_ticks(vm);
	assert_in_range(listen(vm, 1000, 0x08), 98, 102);
	hpet(vm, 3);
	start_updates(vm);
	assert_int_equal(requested(vm, 0x20) & 1, 0);
	assert_int_equal(listen(vm, 1500, 0x08), 0);
	assert_int_equal(requested(vm, 0xa0) & 1, 0);
	dropped = vm->devices->pit.s.dropped;
	hpet(vm, 0);
	assert_int_equal(requested(vm, 0xa0) & 1, 1);	/* an update has happened, and register C was not read */
	assert_true(vm->devices->pit.s.dropped - dropped + vm->devices->pit.s.owed >= 90);
	assert_in_range(listen(vm, 1000, 0x08), 98, 103);	/* none is made up for */
	/* A tick that was lost, and behind it a single shot whose control word lowers the line. */
	hpet(vm, 3);
	listen(vm, 30, 0x08);
	port(vm, 0x43, 1, true, 0x30);
	port(vm, 0x40, 1, true, 0xff);
	port(vm, 0x40, 1, true, 0x10);
	hpet(vm, 0);
	assert_int_equal(requested(vm, 0x20) & 1, 0);
	assert_int_equal(listen(vm, 100, 0x08), 1);
	vm_logoff(vm);
}

static void save(struct vdev *d, uint8_t *to, size_t *size)
{
	*size = d->ops->save(d, to, 512);
	assert_in_range(*size, 1, 512);
}

static void clocks_return_in_a_restored_machine(void **state)
{
	struct vm *a = logon(1), *b = logon(2);
	struct vdev *from[] = { &a->devices->hpet.dev, &a->devices->pit.dev, &a->devices->rtc.dev };
	struct vdev *to[] = { &b->devices->hpet.dev, &b->devices->pit.dev, &b->devices->rtc.dev };
	uint8_t bytes[3][512];
	size_t size[3];

	(void)state;
	start_ticks(a);
	hpet(a, 3);
	start_updates(a);
	listen(a, 1500, 0x08);
	for (unsigned int i = 0; i < 3; i++)
		save(from[i], bytes[i], &size[i]);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(to[i]->ops->restore(to[i], bytes[i], size[i]));
	assert_int_equal(requested(b, 0x20) & 1, 0);
	assert_int_equal(requested(b, 0xa0) & 1, 0);
	assert_int_equal(listen(b, 500, 0x08), 0);
	hpet(b, 0);
	assert_int_equal(requested(b, 0xa0) & 1, 1);
	assert_in_range(listen(b, 1000, 0x08), 98, 103);
	vm_logoff(b);
	vm_logoff(a);
}

static uint32_t word_at(struct vm *vm, uint64_t at)
{
	uint32_t value = 0;

	assert_true(gmem_read(vm, GPA(at), &value, sizeof(value)));
	return value;
}

static void a20_folds_the_second_megabyte(void **state)
{
	uint32_t low = 0x11111111, high = 0x22222222, other = 0x33333333;
	struct vm *vm = logon(0);

	(void)state;
	gmem_write(vm, GPA(0x510), &low, 4);
	gmem_write(vm, GPA(0x100510), &high, 4);
	assert_int_equal(word_at(vm, 0x510), low);
	port(vm, 0x92, 1, true, 0);		/* off */
	assert_int_equal(word_at(vm, 0x100510), low);
	assert_int_equal(word_at(vm, 0x200510), 0);
	gmem_write(vm, GPA(0x100510), &other, 4);
	port(vm, 0x64, 1, true, 0xd1);		/* on, by the other gate */
	port(vm, 0x60, 1, true, 0xdf);
	assert_int_equal(word_at(vm, 0x510), other);
	assert_int_equal(word_at(vm, 0x100510), high);
	port(vm, 0x64, 1, true, 0xdd);
	assert_int_equal(word_at(vm, 0x100510), other);
	pc_reset(vm);
	assert_int_equal(word_at(vm, 0x100510), high);
	vm_logoff(vm);
}

static int begin(void **state)
{
	(void)state;
	arena = calloc(1, ARENA);
	if (arena == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(disk_file); i++) {
		disk_file[i] = (uint8_t)number();
		cd_file[i] = (uint8_t)(i >> 8);
	}
	storage_add(HPA(0x1000), ARENA - 0x1000);
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(arena);
	return 0;
}

/* Half a second of the processor's 2 GHz is a quarter of a thousand million ticks of a guest with 500 MHz. */
static void tsc_of_another_rate(void **state)
{
	(void)state;
	for (unsigned int pass = 0; pass < 2; pass++) {
		struct vm *slow, *same;
		uint64_t begin;

		scales = pass == 0;
		memset(multipliers, 0, sizeof(multipliers));
		slow = logon(3);
		same = logon(4);
		assert_true(multipliers[slow->number] == TSC_SAME_RATE / 4 && multipliers[same->number] == 0);
		assert_true(slow->tsc_hz == 500000000 && same->tsc_hz == 2000000000);
		/* RDMSR passes where the processor scales what it reads, else not */
		assert_true(tsc_passes[slow->number] == scales && tsc_passes[same->number]);
		begin = now;
		pc_start_tsc(slow, begin);
		assert_int_equal(vm_tsc(slow, begin), 0);
		assert_int_equal(vm_tsc(slow, begin + 1000000000), 250000000);
		vm_logoff(slow);
		vm_logoff(same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a20_folds_the_second_megabyte),
		cmocka_unit_test(wild_guests_stay_in_their_machines),
		cmocka_unit_test(clocks_return_when_the_hpet_lets_go),
		cmocka_unit_test(clocks_return_in_a_restored_machine),
		cmocka_unit_test(logons_leave_nothing_behind),
		cmocka_unit_test(tsc_of_another_rate),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
