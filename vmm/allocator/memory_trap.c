/* The memory trap: a guest touched an address at or beyond its bound b, or one that is not its storage. */
/* Part: the allocator A; Popek & Goldberg's trap on a >= b, where EPT is the relocation-bounds register. */
#include "vmm/allocator/memory_trap.h"
#include "vmm/cp/cp.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/storage.h"

static enum verdict stop(struct vm *vm, const struct vm_exit *exit, const char *what)
{
	vm_ended(vm, "V64STO461W %s STOPPED: %s %010lX, BOUND %010lX, RIP %lX", vm->userid, what,
		 exit->storage.gpa.v, vm->storage_size, exit->rip);
	return V_CRASH;
}

static void count(struct vm *vm, const struct vm_exit *exit)
{
	if (exit->storage.gpa.v < vm->storage_size)
		vm->account.storage_faults++;
	else
		vm->account.memory_traps++;
}

enum verdict memory_trap(struct vm *vm, const struct vm_exit *exit)
{
	struct storage_touch touch = { 0 };
	enum verdict v;

	if (exit->storage.walk || (exit->storage.fetch && !exit->vectoring.valid))
		count(vm, exit);
	if (exit->storage.walk)
		return stop(vm, exit, "ITS PAGE TABLES LIE IN ABSENT STORAGE");
	if (exit->vectoring.valid)	/* the touch was not an instruction's, but of the stack or a table for an event */
		v = interpret_delivery(vm, exit, &exit->vectoring, &touch);
	else if (exit->storage.fetch)
		return stop(vm, exit, "INSTRUCTION FETCHED FROM ABSENT STORAGE");
	else
		v = interpret_storage(vm, exit, &touch);
	if (touch.device && !touch.nobody)
		vm->account.device_touches++;
	else
		count(vm, exit);
	if (touch.nobody)
		cp_note(vm, "V64STO460I %s MEMORY TRAP: %s %010lX, BOUND %010lX; FURTHER ONES ARE COUNTED, NOT SHOWN", vm->userid,
			touch.write ? "WRITE" : "READ", touch.gpa.v, vm->storage_size);
	return v;
}
