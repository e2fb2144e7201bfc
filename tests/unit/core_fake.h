/* A machine for tests of the monitor's routines: registers in arrays, storage of exact size, notes of what was asked. */
/* Part: unit tests, on the host; included by one test file each; bus, events and guest memory are the real ones. */
#ifndef TESTS_UNIT_CORE_FAKE_H
#define TESTS_UNIT_CORE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/api/cpu.h"
#include "arch/api/vcpu.h"
#include "vmm/dispatcher.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/event.h"
#include "vmm/machine/vm.h"

#define CORE_REAL 0x40000000ull	/* real address of the guest's storage */

#define CR0_PE_PG 0x80000001ull
#define EFER_LONG 0x500ull	/* LME and LMA */
#define FLAGS_IF (1ull << 9)
#define FLAGS_TF (1ull << 8)
#define FLAGS_DF (1ull << 10)
#define FLAGS_RF (1ull << 16)

static struct vm core;
static uint8_t *core_storage;	/* malloc'ed to the byte: the sanitizer sees the first wild one */
static uint64_t core_bytes;
static uint64_t core_regs[VREGS];
static struct segment core_segments[SEGS];
static uint64_t core_pdptes[4];
static unsigned int core_pdpte_loads;
static uint32_t core_blocking;
static struct event core_injected;
static unsigned int core_injections;
static bool core_interrupt_window, core_nmi_window;
static uint64_t core_tsc, core_tsc_step;
static uint64_t core_cr0_allowed, core_cr4_allowed, core_xcr0_allowed;
static int core_pic_vector;		/* what the 8259s answer */
static bool core_pic_more;		/* and whether they still hold another one */
static unsigned int core_pic_asked;
static unsigned int core_notes, core_advances, core_steps, core_branches;
static uint32_t core_hits;	/* breakpoints met, as in DR6 */
static uint8_t core_vectors[16][32];
static char core_note[200];

void *cpu_direct(hpa_t address)
{
	assert_true(address.v >= CORE_REAL && address.v - CORE_REAL < core_bytes);
	return core_storage + (address.v - CORE_REAL);
}

void cpu_panic(const char *format, ...)
{
	print_error("cpu_panic: %s\n", format);
	abort();
}

unsigned int cpu_physical_bits(void)
{
	return 40;
}

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	return (struct cpuid_regs){ .edx = leaf == 1 ? 1u << 17 : leaf == 0x80000001 ? 1u << 26 : 0 };
}

uint64_t cpu_tsc(void)
{
	return core_tsc += core_tsc_step;
}

uint64_t arch_vcpu_get(struct arch_vcpu *av, enum vreg reg)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(reg, 0, VREGS - 1);
	return core_regs[reg];
}

void arch_vcpu_set(struct arch_vcpu *av, enum vreg reg, uint64_t value)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(reg, 0, VREGS - 1);
	core_regs[reg] = value;
}

void arch_vcpu_get_segment(struct arch_vcpu *av, enum seg seg, struct segment *s)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(seg, 0, SEGS - 1);
	*s = core_segments[seg];
}

void arch_vcpu_set_segment(struct arch_vcpu *av, enum seg seg, const struct segment *s)
{
	assert_ptr_equal(av, &core.av);
	core_segments[seg] = *s;
}

void arch_vcpu_set_pdpte(struct arch_vcpu *av, unsigned int n, uint64_t value)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(n, 0, 3);
	core_pdptes[n] = value;
	core_pdpte_loads++;
}

uint64_t arch_vcpu_get_pdpte(struct arch_vcpu *av, unsigned int n)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(n, 0, 3);
	return core_pdptes[n];
}

uint64_t arch_vcpu_cr0_allowed(void)
{
	return core_cr0_allowed;
}

uint64_t arch_vcpu_cr4_allowed(void)
{
	return core_cr4_allowed;
}

uint64_t arch_vcpu_xcr0_allowed(void)
{
	return core_xcr0_allowed;
}

uint32_t arch_vcpu_blocking(struct arch_vcpu *av)
{
	assert_ptr_equal(av, &core.av);
	return core_blocking;
}

bool arch_vcpu_open(struct arch_vcpu *av)
{
	assert_ptr_equal(av, &core.av);
	return (core_regs[VREG_RFLAGS] & FLAGS_IF) && !(core_blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
}

void arch_vcpu_set_blocking(struct arch_vcpu *av, uint32_t blocking)
{
	assert_ptr_equal(av, &core.av);
	core_blocking = blocking;
}

void arch_vcpu_advance(struct arch_vcpu *av, const struct vm_exit *exit)
{
	assert_ptr_equal(av, &core.av);
	assert_in_range(exit->insn_len, 1, 15);
	core_regs[VREG_RIP] = exit->rip + exit->insn_len;
	core_blocking &= ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
	core_advances++;
}

void arch_vcpu_arrive(struct arch_vcpu *av, uint64_t rip, bool stepped, bool branched, uint32_t hits)
{
	assert_ptr_equal(av, &core.av);
	core_regs[VREG_RIP] = rip;
	core_blocking &= ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
	core_steps += stepped;
	core_branches += branched;
	core_hits |= hits;
	core_advances++;
}

uint32_t arch_vcpu_breakpoints(struct arch_vcpu *av)
{
	assert_ptr_equal(av, &core.av);
	return core_regs[VREG_DR7] & 0xff;
}

void arch_vcpu_get_vector(struct arch_vcpu *av, unsigned int n, void *to, unsigned int bytes)
{
	assert_ptr_equal(av, &core.av);
	assert_true(n < 16 && (bytes == 16 || bytes == 32));
	memcpy(to, core_vectors[n], bytes);
}

void arch_vcpu_set_vector(struct arch_vcpu *av, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	assert_ptr_equal(av, &core.av);
	assert_true(n < 16 && (bytes == 16 || bytes == 32));
	if (zero_rest)
		memset(core_vectors[n], 0, sizeof(core_vectors[n]));
	memcpy(core_vectors[n], from, bytes);
}

/* The x87 of this machine is one number. */
static uint8_t core_x87[16];
static enum x87_result core_x87_result;
static struct x87_insn core_x87_insn;

enum x87_result arch_vcpu_x87(struct arch_vcpu *av, const struct x87_insn *i, void *operand)
{
	assert_ptr_equal(av, &core.av);
	core_x87_insn = *i;
	if (core_x87_result == X87_DONE)
		memcpy(i->store ? operand : core_x87, i->store ? core_x87 : operand, 16);
	return core_x87_result;
}

/* What the processor was given to execute, and the operand that it found. */
static struct direct_insn core_direct_insn;
static uint8_t core_direct[32];

enum direct_result arch_vcpu_direct(struct arch_vcpu *av, struct direct_insn *d, void *operand)
{
	assert_ptr_equal(av, &core.av);
	core_direct_insn = *d;
	memcpy(core_direct, operand, 32);
	d->rcx = 0xc1;
	return DIRECT_DONE;
}

void arch_vcpu_inject(struct arch_vcpu *av, const struct event *event)
{
	assert_ptr_equal(av, &core.av);
	core_injected = *event;
	core_injections++;
}

void arch_vcpu_inject_interrupt(struct arch_vcpu *av, int vector)
{
	struct event e = { .valid = vector >= 0, .vector = vector >= 0 ? (uint8_t)vector : 0, .type = EVENT_INTERRUPT };

	arch_vcpu_inject(av, &e);
}

void arch_vcpu_want_window(struct arch_vcpu *av, bool interrupt, bool nmi)
{
	assert_ptr_equal(av, &core.av);
	core_interrupt_window = interrupt;
	core_nmi_window = nmi;
}

int pc_acknowledge(struct vm *vm)
{
	assert_ptr_equal(vm, &core);
	core_pic_asked++;
	vm->pending.intr = core_pic_more;
	vm_kick(vm, VM_WORK_EVENT);	/* as the 8259s do when their output falls */
	return core_pic_vector;
}

/* The APIC's MSRs: any value is taken, but for one with bit 63 set; what was written is read back. */
static uint64_t core_apic_msr;
static uint32_t core_apic_asked;
static unsigned int core_tsc_moves;

bool pc_read_apic_msr(struct vm *vm, uint32_t msr, uint64_t *value)
{
	assert_ptr_equal(vm, &core);
	core_apic_asked = msr;
	*value = core_apic_msr;
	return true;
}

bool pc_write_apic_msr(struct vm *vm, uint32_t msr, uint64_t value)
{
	assert_ptr_equal(vm, &core);
	core_apic_asked = msr;
	if (value >> 63)
		return false;
	core_apic_msr = value;
	return true;
}

void pc_tsc_moved(struct vm *vm)
{
	assert_ptr_equal(vm, &core);
	core_tsc_moves++;
}

/* The tests say themselves what is pending. */
bool pc_hold_delivery(struct vm *vm)
{
	(void)vm;
	return false;
}

void pc_poll_interrupts(struct vm *vm)
{
	assert_ptr_equal(vm, &core);
}

void vm_ended(struct vm *vm, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vm->why, sizeof(vm->why), format, args);
	va_end(args);
	vm->state = VM_ENDED;
}

void cp_note(struct vm *vm, const char *format, ...)
{
	va_list args;

	assert_ptr_equal(vm, &core);
	va_start(args, format);
	vsnprintf(core_note, sizeof(core_note), format, args);
	va_end(args);
	core_notes++;
}

bool pc_interrupt_waits(struct vm *vm)
{
	assert_ptr_equal(vm, &core);
	return vm->pending.intr;
}

static inline void core_free(void)
{
	free(core_storage);
	core_storage = NULL;
	core_bytes = 0;
}

/* Real mode, flags 2, segments of 64 KiB at 0. */
static inline void core_make(uint64_t storage)
{
	core_free();
	memset(&core, 0, sizeof(core));
	memset(core_regs, 0, sizeof(core_regs));
	memset(core_pdptes, 0, sizeof(core_pdptes));
	memset(&core_injected, 0, sizeof(core_injected));
	core_pdpte_loads = core_blocking = core_injections = core_pic_asked = core_notes = core_advances = 0;
	core_steps = core_branches = core_hits = 0;
	memset(core_vectors, 0, sizeof(core_vectors));
	core_interrupt_window = core_nmi_window = core_pic_more = false;
	core_tsc = 1000;
	core.tsc_multiplier = TSC_SAME_RATE;
	core_tsc_step = 0;
	core_pic_vector = -1;
	core_storage = calloc(1, storage ? storage : 1);
	assert_non_null(core_storage);
	core_bytes = storage;
	core.state = VM_RUNNABLE;
	core.look_at = UINT64_MAX;
	memcpy(core.userid, "TEST", 5);
	core.storage_size = storage;
	core.storage_base = HPA(CORE_REAL);
	core.rows[0] = (struct npt_row){ GPA(0), HPA(CORE_REAL), storage, NPT_ALL, false };
	core.row_count = storage != 0;
	core_regs[VREG_RFLAGS] = 2;
	core_regs[VREG_CR0] = 0x10;
	core_cr0_allowed = 0xe005003full;
	core_cr4_allowed = 0x3707ffull;
	core_xcr0_allowed = 7;
	for (unsigned int i = 0; i < SEGS; i++)
		core_segments[i] = (struct segment){ .limit = 0xffff, .access = 0x93 };
}

/* Strings go on from here on as long as they like, or, with elements, that many and then come back. */
static inline void core_nothing_due(unsigned int elements)
{
	core.work = 0;
	core.look_at = UINT64_MAX;
	core_tsc_step = elements != 0 ? STRING_TICKS / elements : 0;
}

/* Flat 32-bit protected mode at privilege level 0, no paging. */
static inline void core_protected(void)
{
	core_regs[VREG_CR0] = 0x11;
	for (unsigned int i = 0; i < SEGS; i++)
		core_segments[i] = (struct segment){ .selector = 0x10, .limit = 0xffffffff, .access = 0xc093 };
	core_segments[SEG_CS] = (struct segment){ .selector = 8, .limit = 0xffffffff, .access = 0xc09b };
}

/*
 * 64-bit mode at privilege level 0: 2 MiB pages map the first GiB to itself, tables at 1000h to 3fffh. The storage
 * must have four pages.
 */
static inline void core_long(void)
{
	uint64_t entry = 0x2007;

	core_protected();
	core_regs[VREG_CR0] = CR0_PE_PG | 0x10010;
	core_regs[VREG_CR3] = 0x1000;
	core_regs[VREG_CR4] = 0x20;
	core_regs[VREG_EFER] = EFER_LONG;
	core_segments[SEG_CS].access = 0xa09b;
	memcpy(core_storage + 0x1000, &entry, 8);
	entry = 0x3007;
	memcpy(core_storage + 0x2000, &entry, 8);
	for (uint64_t i = 0; i < 512; i++) {
		entry = i << 21 | 0x87;
		memcpy(core_storage + 0x3000 + 8 * i, &entry, 8);
	}
}

static inline int core_teardown(void **state)
{
	(void)state;
	core_free();
	return 0;
}

/* The routine ended with this exception pending, without an error code if `error` is -1. */
static inline void core_expect_fault(enum verdict v, uint8_t vector, int error)
{
	assert_int_equal(v, V_RESUME);
	assert_true(core.pending.exception.valid);
	assert_int_equal(core.pending.exception.type, EVENT_EXCEPTION);
	assert_int_equal(core.pending.exception.vector, vector);
	assert_int_equal(core.pending.exception.has_error, error >= 0);
	if (error >= 0)
		assert_int_equal(core.pending.exception.error, (uint32_t)error);
	assert_true(core.work & VM_WORK_EVENT);
	core.pending.exception.valid = false;
}

static inline void core_expect_done(enum verdict v)
{
	assert_int_equal(v, V_NEXT);
	assert_false(core.pending.exception.valid);
}

/* xorshift64*: the same numbers on every run. */
static uint64_t core_seed = 0x9e3779b97f4a7c15ull;

static inline uint64_t core_random(void)
{
	core_seed ^= core_seed >> 12;
	core_seed ^= core_seed << 25;
	core_seed ^= core_seed >> 27;
	return core_seed * 0x2545f4914f6cdd1dull;
}

#endif
