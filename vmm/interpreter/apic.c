/* Exits that the processor makes about the local APIC's page. */
/* Part: interpreter/; SDM, "APIC Virtualization and Virtual Interrupts". */
#include "vmm/allocator/memory_trap.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/pc.h"

/* The page has the new value already and RIP is past the instruction: only the effect is owed. */
enum verdict interpret_apic_write(struct vm *vm, const struct vm_exit *exit)
{
	pc_apic_written(vm, exit->apic_write.offset);
	arch_vcpu_completed(&vm->av);
	return V_RESUME;
}

/* An end of interrupt that somebody beside the APIC waits for: a level-triggered line, or the 8254's next tick. */
enum verdict interpret_virtual_eoi(struct vm *vm, const struct vm_exit *exit)
{
	pc_apic_eoi(vm, exit->eoi.vector);
	arch_vcpu_completed(&vm->av);
	return V_RESUME;
}

/* An access that the processor does not virtualize (odd size or place): the instruction is interpreted as any other. */
enum verdict interpret_apic_access(struct vm *vm, const struct vm_exit *exit)
{
	struct vm_exit storage = {
		.kind = EXIT_STORAGE,
		.rip = exit->rip,
		.qualification = exit->qualification,
		.vectoring = exit->vectoring,
		.storage = {
			.gpa = GPA(pc_apic_page(vm) + exit->apic.offset),
			.read = !exit->apic.write && !exit->apic.fetch,
			.write = exit->apic.write,
			.fetch = exit->apic.fetch,
			.walk = !exit->apic.linear && !exit->apic.fetch,
		},
	};

	return memory_trap(vm, &storage);
}
