/* Who is logged on: LOGON, LOGOFF and IPL of machines, and CP's own part of each. */
/* Part: cp/; asks machine/ and ipl/ to do it, and tells the operator how it went. */
#include "vmm/cp/users.h"

#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/clock.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/typewriter.h"

static struct directory directory;
static struct user_machine machines[VM_MAX]; /* by vm->number */
static uint8_t order[VM_MAX]; /* numbers of those in use */
static uint32_t in_use;
static char general_notes[USERS_NOTES][USERS_NOTE];
static uint32_t general_count;

static const struct directory_user built_in_operator = {
	.userid = "OPERATOR",
	.password = "OPERATOR",
	.classes = "ABCDEFG",
	.console = 0x009,
};

static void say_finding(void *context, const char *text)
{
	(void)context;
	typewriter_say(text);
}

void users_init(const char *text, size_t size)
{
	in_use = 0;
	general_count = 0;
	memset(machines, 0, sizeof(machines));
	if (text == NULL) {
		memset(&directory, 0, sizeof(directory));
		cp_say(MSG_CPI781E);
		return;
	}
	directory_read(&directory, text, size, say_finding, NULL);
}

const struct directory_user *users_find(const char *userid)
{
	const struct directory_user *u = directory_find(&directory, userid);

	/* Errors in OPERATOR's entry must not lock everybody out. */
	if (str_same(userid, built_in_operator.userid) && (u == NULL || u->bad))
		return &built_in_operator;
	return u;
}

const struct directory_user *users_operator(void)
{
	return users_find(built_in_operator.userid);
}

const struct directory_user *users_directory_at(uint32_t i)
{
	return i < directory.count ? &directory.users[i] : NULL;
}

uint32_t users_in_directory(void)
{
	return directory.count;
}

uint32_t users_directory_errors(void)
{
	return directory.errors;
}

struct user_machine *users_at(uint32_t i)
{
	return i < in_use ? &machines[order[i]] : NULL;
}

uint32_t users_machines(void)
{
	return in_use;
}

struct user_machine *users_of(const struct vm *vm)
{
	CHECK(vm->number < VM_MAX && machines[vm->number].vm == vm);
	return &machines[vm->number];
}

struct vm *users_logon(const struct directory_user *user)
{
	char why[VM_WHY_LEN];
	struct user_machine *m;
	struct vm *vm;

	if (user->bad) {
		typewriter_error(MSG_LOG714E, user->userid, user->line);
		return NULL;
	}
	if (str_same(user->password, "NOLOG")) {
		typewriter_error(MSG_LOG715E, user->userid);
		return NULL;
	}
	if (user->storage == 0) {
		typewriter_error(MSG_LOG717E, user->userid);
		return NULL;
	}
	why[0] = '\0';
	if (vm_logon(user, &vm, why, sizeof(why)) != 0) {
		typewriter_error("%s", why);
		return NULL;
	}
	CHECK(vm->number < VM_MAX && in_use < VM_MAX);
	m = &machines[vm->number];
	memset(m, 0, sizeof(*m));
	m->vm = vm;
	order[in_use++] = (uint8_t)vm->number;
	return vm;
}

void users_account(const struct vm *vm)
{
	char connect[CLOCK_ROOM], virtual[CLOCK_ROOM], total[CLOCK_ROOM];
	uint64_t hz = cpu_tsc_hz();

	clock_span(connect, sizeof(connect), (cpu_tsc() - vm->account.logon_time) / hz);
	clock_processor(virtual, sizeof(virtual), vm->account.guest_ticks, hz);
	clock_processor(total, sizeof(total), vm->account.total_ticks, hz);
	cp_say("CONNECT= %s VIRTCPU= %s TOTCPU= %s", connect, virtual, total);
}

void users_logoff(struct vm *vm)
{
	uint32_t i = 0;

	users_account(vm);
	while (i < in_use && order[i] != vm->number)
		i++;
	CHECK(i < in_use);
	for (in_use--; i < in_use; i++)
		order[i] = order[i + 1];
	memset(users_of(vm), 0, sizeof(struct user_machine));
	vm_logoff(vm);
}

/* What every IPL ends with: the machine runs, or the reason is said. */
static bool begin(struct vm *vm, int result, const char *why)
{
	users_of(vm)->held = false;
	if (result != 0) {
		typewriter_error("%s", why);
		return false;
	}
	users_of(vm)->ipled = true;
	if (vm_begin(vm) != 0) {
		typewriter_error(MSG_CFM721E, vm->userid, vm_state_name(vm->state));
		return false;
	}
	return true;
}

bool users_ipl(struct vm *vm, const struct ipl_request *request)
{
	char why[256] = "";
	int result = ipl_load(vm, request, why, sizeof(why));

	return begin(vm, result, why);
}

bool users_ipl_directory(struct vm *vm)
{
	const struct directory_user *u = vm->user;
	struct ipl_request request = { .file = u->ipl_file,
				       .kind = (enum ipl_kind)u->ipl_kind,
				       .initrd = u->ipl_initrd,
				       .parm = u->parm,
				       .address = u->ipl_address,
				       .uefi = u->ipl_uefi };

	if (u->ipl_file[0] == '\0' && u->ipl_address == 0) {
		typewriter_error(MSG_IPL791E, u->userid);
		return false;
	}
	return users_ipl(vm, &request);
}

bool users_ipl_again(struct vm *vm)
{
	char why[256] = "";
	int result;

	if (!users_of(vm)->ipled)
		return users_ipl_directory(vm);
	result = ipl_again(vm, why, sizeof(why));
	return begin(vm, result, why);
}

bool users_note_is_new(const struct vm *vm, const char *message)
{
	/* A machine that is still being made has no place of its own here yet. */
	bool known = vm != NULL && vm->number < VM_MAX && machines[vm->number].vm == vm;
	char(*notes)[USERS_NOTE] = known ? machines[vm->number].notes : general_notes;
	uint32_t *count = known ? &machines[vm->number].note_count : &general_count;
	char number[USERS_NOTE];
	size_t n = 0;

	for (; n + 1 < sizeof(number) && message[n] != '\0' && message[n] != ' '; n++)
		number[n] = message[n];
	number[n] = '\0';
	for (uint32_t i = 0; i < *count; i++)
		if (strcmp(notes[i], number) == 0)
			return false;
	if (*count == USERS_NOTES)
		return false;
	str_copy(notes[(*count)++], number, USERS_NOTE);
	return true;
}
