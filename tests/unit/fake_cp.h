/* What CP stands on, faked: clock, console, machines, storage, dispatcher; included by its tests. */
/* Part: tests; the rings of a machine's console are the real ones. */
#ifndef TESTS_UNIT_FAKE_CP_H
#define TESTS_UNIT_FAKE_CP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/api/cpu.h"
#include "drivers/console.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/directory.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"
#include "vmm/ipl/ipl.h"
#include "vmm/machine/gmem.h"
#include "vmm/machine/pc.h"

#define FAKE_HZ	     1000000000ull
#define FAKE_STORAGE 0x10000u

const char kernel_start[1], kernel_end[1];

static uint64_t fake_now;
static char fake_shown[4u << 20]; /* all that reached the console */
static size_t fake_shown_length;
static size_t fake_room; /* console_room() */
static bool fake_slow; /* what is written stays in the driver until it is serviced */
static size_t fake_in_driver;
static char fake_typed[1u << 16];
static size_t fake_typed_at, fake_typed_end;
static const char *fake_status;
static jmp_buf fake_exit;
static bool fake_may_exit; /* fake_exit is set: CP may end */
static int fake_exit_code; /* 0 = power off, 2 = reboot */
static struct vm *fake_table[VM_MAX];
static uint8_t *fake_bytes[VM_MAX];
static uint64_t fake_regs[VM_MAX][VREGS];
static const char *fake_ipl_fault; /* what ipl_load() says; NULL = it works */
static struct ipl_request fake_ipl; /* the last one */
static char fake_ipl_parm[256], fake_ipl_file[64], fake_ipl_initrd[64];
static unsigned int fake_ipls;
static struct trace_entry fake_traces[TRACE_ENTRIES];
static uint32_t fake_trace_count;
static bool fake_scales; /* the processor has TSC scaling */

bool arch_has_tsc_scaling(void)
{
	return fake_scales;
}

uint64_t cpu_tsc(void)
{
	return fake_now += 100;
}

uint64_t cpu_tsc_hz(void)
{
	return FAKE_HZ;
}

uint64_t cpu_wall_seconds(void)
{
	return 1786312105; /* 2026-08-09 21:48:25, a Sunday */
}

void cpu_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	abort();
}

void cpu_power_off(int code)
{
	if (!fake_may_exit)
		fail_msg("CP ended");
	fake_exit_code = code;
	longjmp(fake_exit, 1);
}

void cpu_reboot(void)
{
	if (!fake_may_exit)
		fail_msg("CP ended");
	fake_exit_code = 2;
	longjmp(fake_exit, 1);
}

size_t console_room(void)
{
	return fake_room - fake_in_driver;
}

void console_write_raw(const char *text, size_t n)
{
	assert_true(n <= console_room());
	if (fake_shown_length + n + 1 > sizeof(fake_shown))
		fake_shown_length = 0;
	memcpy(fake_shown + fake_shown_length, text, n);
	fake_shown_length += n;
	fake_shown[fake_shown_length] = '\0';
	if (fake_slow)
		fake_in_driver += n;
}

void console_write(const char *text, size_t n)
{
	console_write_raw(text, n);
}

int console_read(void)
{
	return fake_typed_at < fake_typed_end ? (uint8_t)fake_typed[fake_typed_at++] : -1;
}

void console_service(void)
{
	fake_in_driver -= fake_in_driver < 16 ? fake_in_driver : 16;
}

bool console_busy(void)
{
	return fake_in_driver > 0;
}

void console_status(const char *word)
{
	fake_status = word;
}

int vm_logon(const struct directory_user *user, struct vm **out, char *why, size_t room)
{
	uint32_t i = 0;
	struct vm *vm;

	*out = NULL;
	while (i < VM_MAX && fake_table[i] != NULL)
		i++;
	if (i == VM_MAX || user->storage > GIB(4)) {
		text_format(why, room, "V64LOG701E %s NOT LOGGED ON; NO STORAGE", user->userid);
		return -ENOMEM;
	}
	vm = calloc(1, sizeof(*vm));
	fake_bytes[i] = calloc(1, FAKE_STORAGE);
	memset(fake_regs[i], 0, sizeof(fake_regs[i]));
	vm->number = i;
	vm->user = user;
	vm->devices = calloc(1, sizeof(*vm->devices));
	vm->devices->disks.count = 1 + user->disk_count;
	vm->storage_size = FAKE_STORAGE;
	vm->tsc_multiplier = user->tsc_mhz == 0 ? TSC_SAME_RATE : TSC_SAME_RATE / 2;
	vm->account.logon_time = cpu_tsc();
	str_copy(vm->userid, user->userid, sizeof(vm->userid));
	fake_table[i] = vm;
	*out = vm;
	return 0;
}

void vm_logoff(struct vm *vm)
{
	fake_table[vm->number] = NULL;
	free(fake_bytes[vm->number]);
	free(vm->devices);
	free(vm);
}

struct vdev *pc_device(struct vm *vm, uint32_t i)
{
	return i < vm->devices->count ? vm->devices->all[i] : NULL;
}

/* The guest listens when its enable register says so. */
bool vacpi_power_button(struct vacpi *a)
{
	a->s.status |= 0x100;
	return (a->s.enable & 0x100) != 0;
}

struct vm *vm_find(const char *userid)
{
	for (uint32_t i = 0; i < VM_MAX; i++)
		if (fake_table[i] != NULL && str_same(fake_table[i]->userid, userid))
			return fake_table[i];
	return NULL;
}

struct vm *vm_at(uint32_t number)
{
	return number < VM_MAX ? fake_table[number] : NULL;
}

void vm_system_reset(struct vm *vm, bool clear)
{
	vm->state = VM_NO_SYSTEM;
	vm->system[0] = '\0';
	if (clear)
		memset(fake_bytes[vm->number], 0, FAKE_STORAGE);
}

void vm_stop(struct vm *vm)
{
	if (vm->state == VM_RUNNABLE || vm->state == VM_WAITING)
		vm->state = VM_STOPPED;
}

int vm_begin(struct vm *vm)
{
	if (vm->state != VM_STOPPED)
		return -EINVAL;
	vm->state = VM_RUNNABLE;
	return 0;
}

size_t vm_type(struct vm *vm, const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && vm_console_type(&vm->console, (uint8_t)bytes[i]))
		i++;
	return i;
}

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = { "NO SYSTEM", "CP READ", "RUNNING", "WAITING",
					     "ENDED" };

	return names[state];
}

int ipl_load(struct vm *vm, const struct ipl_request *request, char *why, size_t room)
{
	fake_ipls++;
	fake_ipl = *request;
	if (request->file != fake_ipl_file) {
		str_copy(fake_ipl_file, request->file, sizeof(fake_ipl_file));
		str_copy(fake_ipl_parm, request->parm, sizeof(fake_ipl_parm));
		str_copy(fake_ipl_initrd, request->initrd, sizeof(fake_ipl_initrd));
	}
	fake_now += 1000000;
	vm_system_reset(vm, true);
	if (fake_ipl_fault != NULL) {
		text_format(why, room, "%s", fake_ipl_fault);
		return -EINVAL;
	}
	str_copy(vm->system, request->file, sizeof(vm->system));
	vm->state = VM_STOPPED;
	return 0;
}

int ipl_again(struct vm *vm, char *why, size_t room)
{
	struct ipl_request last = { fake_ipl_file, fake_ipl.kind, fake_ipl_initrd,
				    fake_ipl_parm, fake_ipl.address, fake_ipl.uefi };

	return ipl_load(vm, &last, why, room);
}

const struct ipl_file *ipl_file_at(uint32_t i)
{
	static const struct ipl_file files[] = {
		{ .name = "vmlinuz", .size = 8000000, .data = (const uint8_t *)"" },
		{ .name = "initrd", .status = 1 },
	};

	return i < ARRAY_LEN(files) ? &files[i] : NULL;
}

bool gmem_read(struct vm *vm, gpa_t from, void *to, size_t n)
{
	if (from.v > FAKE_STORAGE || n > FAKE_STORAGE - from.v)
		return false;
	memcpy(to, fake_bytes[vm->number] + from.v, n);
	return true;
}

bool gmem_write(struct vm *vm, gpa_t to, const void *from, size_t n)
{
	if (to.v > FAKE_STORAGE || n > FAKE_STORAGE - to.v)
		return false;
	memcpy(fake_bytes[vm->number] + to.v, from, n);
	return true;
}

bool gmem_read_linear(struct vm *vm, gva_t from, void *to, size_t n, uint32_t intent,
		      struct gmem_fault *fault)
{
	(void)intent;
	(void)fault;
	return gmem_read(vm, GPA(from.v), to, n);
}

bool npt_lookup(const struct npt *npt, gpa_t guest, hpa_t *real, uint32_t *rights,
		uint64_t *page_size)
{
	(void)npt;
	if (guest.v >= FAKE_STORAGE)
		return false;
	*real = HPA(0x100000 + guest.v);
	*rights = guest.v < 0x1000 ? NPT_READ : NPT_ALL;
	*page_size = PAGE_SIZE;
	return true;
}

static struct vm *fake_of(struct arch_vcpu *av)
{
	return (struct vm *)av;
}

uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg)
{
	return fake_regs[fake_of(av)->number][reg];
}

void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value)
{
	fake_regs[fake_of(av)->number][reg] = value;
}

void arch_vcpu_get_segment(struct arch_vcpu *av, enum seg seg, struct segment *s)
{
	(void)av;
	*s = (struct segment){ (uint16_t)(8 * (unsigned int)seg), 0, 0xffff, 0x93 };
}

uint32_t arch_vcpu_blocking(struct arch_vcpu *av)
{
	(void)av;
	return 0;
}

uint64_t arch_vcpu_cr0_allowed(void)
{
	return 0xe005003f;
}

uint64_t arch_vcpu_cr4_allowed(void)
{
	return 0x3667ff;
}

const struct storage_run *storage_run_at(uint32_t i)
{
	static const struct storage_run runs[] = {
		{ { 0x100000 }, 0x100000, STORAGE_OWNER_CP, false },
		{ { 0x200000 }, 0x100000, 0, false },
		{ { 0x300000 }, 0x100000, STORAGE_FREE, false },
	};

	return i < ARRAY_LEN(runs) ? &runs[i] : NULL;
}

uint64_t storage_total(void)
{
	return MIB(512);
}

uint64_t storage_free_bytes(void)
{
	return MIB(256);
}

uint64_t storage_largest(void)
{
	return MIB(200);
}

uint64_t storage_owned(uint16_t owner, bool system)
{
	(void)owner;
	(void)system;
	return MIB(1);
}

const struct exit_route *dispatcher_route(enum exit_kind kind)
{
	static const struct exit_route route = { "NAME", R_INTERPRETER, NULL, "does something" };

	return kind == EXIT_UNKNOWN ? NULL : &route;
}

const char *dispatcher_to_name(enum exit_to to)
{
	(void)to;
	return "INTERPRETER";
}

const struct dispatcher_load *dispatcher_load(void)
{
	static struct dispatcher_load load;

	return &load;
}

const struct trace_entry *dispatcher_trace(uint32_t i)
{
	return i < fake_trace_count ? &fake_traces[i] : NULL;
}

const char *exit_kind_name(enum exit_kind kind)
{
	static char name[16];

	snprintf(name, sizeof(name), "KIND%u", (unsigned int)kind);
	return name;
}

/* Tools for the tests. */

static inline void fake_forget_shown(void)
{
	fake_shown_length = 0;
	fake_shown[0] = '\0';
}

static inline void fake_reset(void)
{
	for (uint32_t i = 0; i < VM_MAX; i++)
		if (fake_table[i] != NULL)
			vm_logoff(fake_table[i]);
	fake_room = 32768;
	fake_slow = false;
	fake_in_driver = 0;
	fake_typed_at = fake_typed_end = 0;
	fake_ipl_fault = NULL;
	fake_ipls = 0;
	fake_may_exit = false;
	fake_trace_count = 0;
	fake_forget_shown();
}

static inline void fake_type(const char *text)
{
	size_t n = strlen(text);

	if (fake_typed_at == fake_typed_end)
		fake_typed_at = fake_typed_end = 0;
	assert_true(fake_typed_end + n <= sizeof(fake_typed));
	memcpy(fake_typed + fake_typed_end, text, n);
	fake_typed_end += n;
}

/* Lets CP work until it has nothing more to do at once; time goes on by `ms`. */
static inline void fake_run(unsigned int ms)
{
	for (int i = 0; i < 400; i++) {
		cp_service();
		fake_now += ms * (FAKE_HZ / 1000) / 400;
	}
}

static inline void fake_guest_says(const char *userid, const char *text)
{
	struct vm *vm = vm_find(userid);

	assert_non_null(vm);
	for (; *text != '\0'; text++)
		vm_console_put(&vm->console, (uint8_t)*text);
}

static const char fake_directory[] =
	"USER LINUX1 PASS1 96M 128M G\n CONSOLE 009 3215\n OPTION AUTOLOG\n"
				" IPL vmlinuz LINUX PARM console=ttyS0 quiet\n INITRD initrd\n"
				"USER LINUX2 PASS2 96M 128M G\n OPTION AUTOLOG\n IPL vmlinuz\n"
				"USER HELLO HELLO 1M 1M G\n IPL hello.bin\n"
				"USER BROKEN B 1M 1M G\n FOO\n OPTION AUTOLOG\n"
				"USER LOCKED NOLOG 1M\n"
				"USER NOSYS X 1M\n"
				"USER HELPER H 0 0 BEG\n"
				"USER DISKS D 64M 64M G\n MDISK 190 RAM root.img RR\n MDISK 191 RAM cd.iso CD\n"
				" MDISK 192 RAM data.img VIRTIO\n MDISK 193 RAM gone.img\n MDISK 194 RAM more.img\n"
				" SPECIAL 600 NET\n SPECIAL 601 BALLOON\n SPECIAL 602 COM2\n SPECIAL 603 RNG\n"
				" SPECIAL 604 CONSOLE\n IPL 190\n"
				"USER OPERATOR SECRET 0 0 ABCDEFG\n";

static inline void fake_start(const char *parm)
{
	typewriter_set_emsg(EMSG_ON);
	fake_reset();
	cp_start(fake_directory, sizeof(fake_directory) - 1, parm);
	fake_run(0);
}

static inline int fake_setup(void **state)
{
	(void)state;
	fake_start("");
	return 0;
}

static inline void fake_end_guest(const char *userid, const char *why)
{
	struct vm *vm = vm_find(userid);

	vm->state = VM_ENDED;
	vm->ended_told = false;
	str_copy(vm->why, why, sizeof(vm->why));
}

/* What CP answers to one typed line. */
static inline const char *fake_answer(const char *line)
{
	fake_run(0);
	fake_forget_shown();
	fake_type(line);
	fake_type("\r");
	fake_run(0);
	return fake_shown;
}

#define SHOWN(part)                                                                                \
	do {                                                                                       \
		if (strstr(fake_shown, (part)) == NULL)                                            \
			fail_msg("wanted \"%s\", got \"%s\"", (part), fake_shown);                 \
	} while (0)
#define NOT_SHOWN(part)                                                                            \
	do {                                                                                       \
		if (strstr(fake_shown, (part)) != NULL)                                            \
			fail_msg("did not want \"%s\", got \"%s\"", (part), fake_shown);           \
	} while (0)
#define ANSWERS(line, part)                                                                        \
	do {                                                                                       \
		fake_answer(line);                                                                 \
		SHOWN(part);                                                                       \
	} while (0)

#endif
