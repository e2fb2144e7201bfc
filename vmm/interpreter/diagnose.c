/* VMCALL is this machine's DIAGNOSE: a guest asks CP for something by a code in EAX. */
/* Part: interpreter/; codes are multiples of 4 as VM/370's. */
#include "arch/api/cpu.h"
#include "lib/string.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/event.h"

#define NOT_KNOWN UINT64_MAX

enum diagnose { DIAG_IDENTIFICATION = 0x00, DIAG_TIMER = 0x0c, DIAG_STORAGE = 0x60 };

/* Extended identification: "VM/64   " in RBX, the userid in RCX, the level below in RDX (1 = on the machine itself). */
static void __attribute__((noinline)) identification(struct vm *vm)
{
	memcpy(&vm->av.gpr[RBX], "VM/64   ", 8);
	vm->av.gpr[RCX] = 0x2020202020202020ull;
	memcpy(&vm->av.gpr[RCX], vm->userid, strlen(vm->userid));
	vm->av.gpr[RDX] = 1;
	vm->av.gpr[RAX] = 0;
}

/*
 * Pseudo timer: seconds since 1970 in RBX, virtual and total processor time in microseconds in RCX and RDX. Ours: traps
 * so far in RSI, this one included.
 */
static void __attribute__((noinline)) timer(struct vm *vm)
{
	uint64_t hz = cpu_tsc_hz();

	vm->av.gpr[RBX] = cpu_wall_seconds();
	vm->av.gpr[RCX] = muldiv64(vm->account.guest_ticks, 1000000, hz);
	vm->av.gpr[RDX] = muldiv64(vm->account.total_ticks, 1000000, hz);
	vm->av.gpr[RSI] = vm_exit_count(&vm->account);
	vm->av.gpr[RAX] = 0;
}

static void diagnose(struct vm *vm, uint32_t code)
{
	switch (code) {
	case DIAG_IDENTIFICATION:
		identification(vm);
		break;
	case DIAG_TIMER:
		timer(vm);
		break;
	case DIAG_STORAGE:
		vm->av.gpr[RAX] = 0;
		vm->av.gpr[RBX] = vm->storage_size;
		break;
	default:
		vm->av.gpr[RAX] = NOT_KNOWN;
	}
}

enum verdict interpret_vmcall(struct vm *vm, const struct vm_exit *exit)
{
	(void)exit;
	diagnose(vm, gpr32(vm, RAX));
	return V_NEXT;
}
