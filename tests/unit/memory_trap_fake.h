/* A guest whose instruction at CODE has touched something: the exit as EPT gives it, and what comes of it. */
/* Part: unit tests, on the host; included by one test file each, shared by the tests of the memory trap. */
#ifndef TESTS_UNIT_MEMORY_TRAP_FAKE_H
#define TESTS_UNIT_MEMORY_TRAP_FAKE_H

#include "tests/unit/core_fake.h"

#include "vmm/allocator/memory_trap.h"

#define B KIB(64)	/* the guest's bound */
#define CODE 0x8000u

static struct vm_exit trap;

/* The instruction at RIP, and an exit as EPT gives it. */
static inline void code(const char *bytes, size_t n, uint64_t gpa, bool write)
{
	memcpy(core_storage + CODE, bytes, n);
	core_regs[VREG_RIP] = CODE;
	trap = (struct vm_exit){ .kind = EXIT_STORAGE, .rip = CODE };
	trap.storage.gpa = GPA(gpa);
	trap.storage.read = !write;
	trap.storage.write = write;
	trap.storage.gva = GVA(gpa);
	trap.storage.gva_valid = true;
}

#define CODE_AT(bytes, gpa, write) code(bytes, sizeof(bytes) - 1, gpa, write)

static inline void protected(void)
{
	core_make(B);
	core_protected();
}

static inline void run(unsigned int length)
{
	unsigned int before = core_advances;

	assert_int_equal(memory_trap(&core, &trap), V_RESUME);
	assert_false(core.pending.exception.valid);
	assert_int_equal(core_advances, before + 1);
	assert_int_equal(core_regs[VREG_RIP], CODE + length);
}

#endif
