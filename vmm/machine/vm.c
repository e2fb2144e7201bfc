/* The virtual machine's life: logon, reset, stop, begin, end, logoff. */
/* Part: machine/; storage comes from the allocator, the processor from arch/. */
#include "vmm/machine/vm.h"
#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/msrs.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/directory.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/pc.h"

static struct vm *table[VM_MAX];
static uint32_t table_end;

#define CPUID_FSRM (1u << 4)	/* leaf 7, EDX */
#define MSR_MISC_ENABLE 0x1a0u
#define DEVICE_ROW MIB(16)	/* the largest row of a device: video RAM, flash */
#define REACH (1ull << 48)	/* guest-physical addresses that four levels of tables tell apart */

/*
 * EPT's tables: R cut in two by the rows of devices that lie over it, and those rows wherever the guest puts them. A20's
 * row is in the two megabytes that the display's window has cut already.
 */
static uint64_t tables_needed(uint64_t storage)
{
	return npt_pages_needed(storage) + (MACHINE_ROWS - 1) * npt_pages_needed(DEVICE_ROW);
}

/* Room for struct vm, its devices, the virtual processor and EPT's tables; guest_bytes of the bench. */
static uint64_t own_size(const struct directory_user *user)
{
	uint64_t storage = user->storage;

	return align_up(sizeof(struct vm) + sizeof(struct vm_devices) + 64, PAGE_SIZE) + PC_PAGES * PAGE_SIZE +
	       align_up(pc_options_size(user), PAGE_SIZE) + arch_vcpu_storage() + tables_needed(storage) * PAGE_SIZE;
}

void *vm_own(struct vm *vm, size_t size, size_t align)
{
	uint64_t at = align_up(vm->own_used, align < 16 ? 16 : align);

	if (at > vm->own_bytes || size > vm->own_bytes - at)
		return NULL;
	vm->own_used = at + size;
	return (uint8_t *)cpu_direct(vm->own_pages) + at;
}

static hpa_t table_page(void *context)
{
	struct vm *vm = context;

	if (vm->tables_used == vm->tables_room)
		return HPA(0);
	return HPA(vm->tables.v + vm->tables_used++ * PAGE_SIZE);
}

/* EPT from the rows; again whenever a row has moved. The root stays where it is. */
static int build_tables(struct vm *vm)
{
	memset(cpu_direct(vm->tables), 0, vm->tables_used * PAGE_SIZE);
	vm->tables_used = 0;
	gmem_rows_changed(vm);
	return npt_prepare(&vm->npt, vm->rows, vm->row_count, table_page, vm);
}

void *machine_storage(struct vm *vm, uint64_t bytes)
{
	hpa_t run = storage_grant(bytes, bytes >= MIB(2) ? MIB(2) : PAGE_SIZE, (uint16_t)vm->number, true);

	return run.v != 0 ? cpu_direct(run) : NULL;
}

uint64_t machine_storage_left(const struct vm *vm)
{
	(void)vm;
	return storage_free_bytes();
}

/* A guest may want its devices anywhere: some of that is nowhere, and there only the bus answers. */
static bool has_place(const struct vm *vm, enum machine_row row, uint64_t gpa, uint64_t bytes)
{
	if (bytes > REACH || gpa > REACH - bytes)
		return false;
	return row != ROW_VIDEO || gpa >= vm->storage_size;	/* the chipset decodes storage before PCI */
}

void machine_map(struct vm *vm, enum machine_row row, uint64_t gpa, void *storage, uint64_t bytes, uint32_t rights)
{
	struct npt_row *r = &vm->rows[1 + row];
	struct npt_row next = { .guest = GPA(gpa), .base = cpu_direct_address(storage), .rights = rights,
				.bound = has_place(vm, row, gpa, bytes) ? bytes : 0 };
	bool moved = r->guest.v != next.guest.v || r->base.v != next.base.v || r->bound != next.bound;

	CHECK(bytes <= DEVICE_ROW);
	if (!moved && r->rights == rights)
		return;
	*r = next;
	r->device = row == ROW_APIC;	/* nobody but the processor makes anything of what is there */
	if (vm->npt.root.v == 0)
		return;		/* still being made: vm_logon() builds the tables when the devices are there */
	vm_kick(vm, 0);		/* a string that is being interpreted looks again where its operands lie */
	if (!moved) {
		npt_set_rights(&vm->npt, next.guest, next.bound, rights);
		return;
	}
	/* tables_needed() counts the worst place of every row; but a guest chose it, so it is the guest that would stop. */
	if (build_tables(vm) != 0)
		vm_ended(vm, "V64STO469W %s STOPPED: NO PAGE IS LEFT FOR ITS NESTED TABLES, AN ERROR OF CP'S OWN", vm->userid);
	npt_flush(&vm->npt);
}

static int free_number(void)
{
	for (uint32_t i = 0; i < VM_MAX; i++)
		if (table[i] == NULL)
			return (int)i;
	return -ENOSPC;
}

/* R = (l, b): aligned as well as the size allows, so that EPT can use its largest pages. */
static hpa_t grant_storage(uint64_t size, uint16_t owner)
{
	hpa_t base = HPA(0);

	if (size >= GIB(1))
		base = storage_grant(size, GIB(1), owner, false);
	if (base.v == 0)
		base = storage_grant(size, size >= MIB(2) ? MIB(2) : PAGE_SIZE, owner, false);
	return base;
}

/* The directory's limits keep the quotient within what a processor's multiplier holds. */
static void set_rate(struct vm *vm)
{
	uint64_t real = cpu_tsc_hz();

	vm->tsc_hz = vm->user->tsc_mhz != 0 ? vm->user->tsc_mhz * 1000000ull : real;
	vm->tsc_multiplier = vm->tsc_hz == real ? TSC_SAME_RATE : muldiv64(vm->tsc_hz, TSC_SAME_RATE, real);
	if (vm->tsc_multiplier != TSC_SAME_RATE)
		arch_vcpu_scale_tsc(&vm->av, vm->tsc_multiplier);
}

static int take_resources(struct vm *vm, const struct directory_user *user, char *why, size_t room)
{
	void *tables;
	int e = 0;

	vm->storage_size = align_down(user->storage, PAGE_SIZE);
	vm->storage_base = grant_storage(vm->storage_size, (uint16_t)vm->number);
	if (vm->storage_base.v == 0) {
		text_format(why, room, "V64LOG701E %s NOT LOGGED ON; NO %luK OF CONTIGUOUS STORAGE, LARGEST FREE RUN IS %luK",
			    user->userid, user->storage >> 10, storage_largest() >> 10);
		return -ENOMEM;
	}
	vm->rows[0] = (struct npt_row){ .guest = GPA(0), .base = vm->storage_base,
					.bound = vm->storage_size, .rights = NPT_ALL };
	vm->row_count = VM_ROWS;
	vm->tables_room = (uint32_t)tables_needed(vm->storage_size);
	tables = vm_own(vm, vm->tables_room * PAGE_SIZE, PAGE_SIZE);
	if (tables == NULL)
		e = -ENOMEM;
	else
		vm->tables = cpu_direct_address(tables);
	if (e == 0)
		e = pc_init(vm);
	if (e == 0)
		e = build_tables(vm);
	if (e == 0) {
		void *own = vm_own(vm, arch_vcpu_storage(), PAGE_SIZE);

		e = own == NULL ? -ENOMEM : arch_vcpu_create(&vm->av, own, &vm->npt, (uint16_t)(vm->number + 1));
	}
	if (e != 0) {
		text_format(why, room, "V64LOG702E %s NOT LOGGED ON; ITS MACHINE OF %luK CANNOT BE MADE (ERROR %d)",
			    user->userid, user->storage >> 10, -e);
		return e;
	}
	set_rate(vm);
	msrs_grant(vm);
	pc_connect_processor(vm);
	return 0;
}

static struct vm *new_vm(uint32_t number, const struct directory_user *user)
{
	uint64_t bytes = own_size(user);
	hpa_t own = storage_grant(bytes, PAGE_SIZE, (uint16_t)number, true);
	struct vm *vm;

	if (own.v == 0)
		return NULL;
	vm = cpu_direct(own);
	vm->number = number;
	vm->own_pages = own;
	vm->own_bytes = bytes;
	vm->own_used = align_up(sizeof(*vm), 64);
	vm->devices = vm_own(vm, sizeof(*vm->devices), 64);
	vm->user = user;
	str_copy(vm->userid, user->userid, sizeof(vm->userid));
	return vm;
}

int vm_logon(const struct directory_user *user, struct vm **out, char *why, size_t room)
{
	struct vm *vm;
	int e, number = free_number();

	*out = NULL;
	if (vm_find(user->userid) != NULL) {
		text_format(why, room, "DMKLOG054E ALREADY LOGGED ON %s", user->userid);
		return -EEXIST;
	}
	if (number < 0) {
		text_format(why, room, "V64LOG703E %s NOT LOGGED ON; %u MACHINES ARE LOGGED ON ALREADY", user->userid, VM_MAX);
		return number;
	}
	vm = user->storage == 0 ? NULL : new_vm((uint32_t)number, user);
	if (vm == NULL) {
		text_format(why, room, "V64LOG704E %s NOT LOGGED ON; %s", user->userid,
			    user->storage == 0 ? "THE DIRECTORY GIVES IT NO STORAGE" : "NO STORAGE FOR CP'S OWN TABLES");
		return user->storage == 0 ? -EINVAL : -ENOMEM;
	}
	vm->user = user;
	str_copy(vm->userid, user->userid, sizeof(vm->userid));
	e = take_resources(vm, user, why, room);
	if (e != 0) {
		pc_fini(vm);
		arch_vcpu_destroy(&vm->av);
		storage_revoke((uint16_t)number);
		return e;
	}
	vm->state = VM_NO_SYSTEM;
	vm->account.logon_time = cpu_tsc();
	table[number] = vm;
	if ((uint32_t)number >= table_end)
		table_end = (uint32_t)number + 1;
	vm_system_reset(vm, false);	/* granted storage is zero already */
	*out = vm;
	return 0;
}

void vm_logoff(struct vm *vm)
{
	uint32_t number = vm->number;

	pc_fini(vm);
	arch_vcpu_destroy(&vm->av);
	table[number] = NULL;
	while (table_end > 0 && table[table_end - 1] == NULL)
		table_end--;
	storage_revoke((uint16_t)number);
}

struct vm *vm_find(const char *userid)
{
	for (uint32_t i = 0; i < VM_MAX; i++)
		if (table[i] != NULL && str_same(table[i]->userid, userid))
			return table[i];
	return NULL;
}

uint32_t vm_end(void)
{
	return table_end;
}

struct vm *vm_at(uint32_t number)
{
	return number < VM_MAX ? table[number] : NULL;
}

/*
 * As the real machine has it: where fast strings are off, or have no bit to say that they are on, a system that is told
 * otherwise clears its pages byte by byte. SDM, "IA32_MISC_ENABLE", bit 0. But a processor with fast short REP MOVSB
 * never has them off, and Linux's memmove() never ends where it does.
 */
static uint64_t fast_strings(void)
{
	bool short_ones = cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).edx & CPUID_FSRM);
	uint64_t real;

	return !short_ones && cpu_rdmsr_safe(MSR_MISC_ENABLE, &real) ? real & 1 : 1;
}

void vm_system_reset(struct vm *vm, bool clear)
{
	arch_vcpu_reset(&vm->av);
	vm->pending = (struct pending){ 0 };
	vm->tsc_adjust = 0;
	vm->misc_enable = fast_strings();
	mtrr_reset(&vm->mtrr);
	vm->halted = false;
	vm->nmi_delivered = false;
	vm->system[0] = '\0';
	vm->why[0] = '\0';
	vm->ended_told = false;
	vm->state = VM_NO_SYSTEM;
	pc_reset(vm);
	vm->work = VM_WORK_EVENT | VM_WORK_DEADLINE;
	if (clear)
		memset(cpu_direct(vm->storage_base), 0, vm->storage_size);
}

void vm_stop(struct vm *vm)
{
	if (vm->state == VM_RUNNABLE || vm->state == VM_WAITING) {
		vm->halted = vm->state == VM_WAITING;
		vm->state = VM_STOPPED;
		vm_kick(vm, VM_WORK_STATE);
	}
}

int vm_begin(struct vm *vm)
{
	if (vm->state != VM_STOPPED)
		return -EINVAL;
	vm->state = vm->halted ? VM_WAITING : VM_RUNNABLE;
	vm->halted = false;
	vm_kick(vm, VM_WORK_EVENT | VM_WORK_DEADLINE);
	return 0;
}

void vm_ended(struct vm *vm, const char *format, ...)
{
	va_list args;

	if (vm->state == VM_ENDED)
		return;
	va_start(args, format);
	text_vformat(vm->why, sizeof(vm->why), format, args);
	va_end(args);
	pc_finish_screen(vm);
	vm->state = VM_ENDED;
	vm->ended_told = false;
	vm_kick(vm, VM_WORK_STATE);
}

size_t vm_type(struct vm *vm, const char *bytes, size_t n)
{
	size_t taken = 0;

	while (taken < n && vm_console_type(&vm->console, (uint8_t)bytes[taken]))
		taken++;
	if (taken > 0)
		pc_console_input(vm);
	return taken;
}

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_NO_SYSTEM] = "NO SYSTEM", [VM_STOPPED] = "CP READ", [VM_RUNNABLE] = "RUNNING",
		[VM_WAITING] = "WAITING", [VM_ENDED] = "ENDED",
	};

	return names[state];
}
