/* Data and I/O breakpoints of instructions that are interpreted: the processor does not see their accesses. */
/* Part: interpreter/; SDM, "Debug Control Register (DR7)" and "Breakpoint Field Recognition". */
#include "vmm/interpreter/breakpoints.h"
#include "arch/api/vcpu.h"
#include "vmm/machine/vm.h"

#define CR4_DE (1ull << 3)

/* R/W fields. 0 is for instructions, which the processor itself looks at. */
enum { ON_WRITE = 1, ON_IO = 2, ON_ACCESS = 3 };

static bool concerns(struct vm *vm, unsigned int rw, enum breakpoint_access access)
{
	switch (access) {
	case BREAKPOINT_READ:
		return rw == ON_ACCESS;
	case BREAKPOINT_WRITE:
		return rw == ON_ACCESS || rw == ON_WRITE;
	case BREAKPOINT_IO:
	default:
		return rw == ON_IO && (arch_vcpu_get(&vm->av, VREG_CR4) & CR4_DE);
	}
}

uint32_t breakpoints_met(struct vm *vm, uint64_t address, uint32_t n, enum breakpoint_access access)
{
	static const uint8_t bytes[] = { 1, 2, 8, 4 };	/* LEN fields */
	uint64_t dr7 = arch_vcpu_get(&vm->av, VREG_DR7);
	uint32_t met = 0, on = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t field = dr7 >> (16 + 4 * i) & 15;
		uint64_t length = bytes[field >> 2], first;

		if (!concerns(vm, field & 3, access))
			continue;
		first = arch_vcpu_get(&vm->av, (enum vreg)(VREG_DR0 + i)) & ~(length - 1);
		/* do [first, + length) and [address, + n) overlap? */
		if (address - first >= length && first - address >= n)
			continue;
		met |= 1u << i;
		on |= dr7 >> 2 * i & 3;
	}
	return on != 0 ? met : 0;	/* what is off is told too, but only beside one that is on */
}
