/* RDMSR and WRMSR that exit: a table of what a guest finds, #GP for everything else. */
/* Part: interpreter/; MSRs that pass without an exit are the allocator's (allocator/msrs.c). */
#include "arch/api/cpu.h"
#include "vmm/cp/cp.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/machine/event.h"
#include "vmm/machine/pc.h"

/* true = done; false = #GP. */
typedef bool (*msr_read)(struct vm *vm, uint64_t *value);
typedef bool (*msr_write)(struct vm *vm, uint64_t value);

struct msr_row {
	uint32_t msr;
	const char *name;
	msr_read read;
	msr_write write;
	uint64_t constant;	/* what a read gives where `read` is NULL */
};

static bool ignore(struct vm *vm, uint64_t value)
{
	(void)vm;
	(void)value;
	return true;
}

static bool write_tsc(struct vm *vm, uint64_t value)
{
	uint64_t old = arch_vcpu_get(&vm->av, VREG_TSC_OFFSET);
	uint64_t offset = value - tsc_scaled(cpu_tsc(), vm->tsc_multiplier);

	vm->tsc_adjust += offset - old;	/* SDM, "Time-Stamp Counter Adjustment": a write of the TSC moves it too */
	arch_vcpu_set(&vm->av, VREG_TSC_OFFSET, offset);
	pc_tsc_moved(vm);
	return true;
}

static bool read_tsc(struct vm *vm, uint64_t *value)
{
	*value = vm_tsc(vm, cpu_tsc());
	return true;
}

static bool read_tsc_adjust(struct vm *vm, uint64_t *value)
{
	*value = vm->tsc_adjust;
	return true;
}

static bool write_tsc_adjust(struct vm *vm, uint64_t value)
{
	uint64_t offset = arch_vcpu_get(&vm->av, VREG_TSC_OFFSET);

	arch_vcpu_set(&vm->av, VREG_TSC_OFFSET, offset + (value - vm->tsc_adjust));
	vm->tsc_adjust = value;
	pc_tsc_moved(vm);
	return true;
}

static bool read_misc_enable(struct vm *vm, uint64_t *value)
{
	*value = vm->misc_enable;
	return true;
}

/* Fast strings (bit 0) are all that may change. */
static bool write_misc_enable(struct vm *vm, uint64_t value)
{
	if ((value ^ vm->misc_enable) & ~1ull)
		return false;
	vm->misc_enable = value;
	return true;
}

#define DEBUGCTL_LBR (1ull << 0)
#define DEBUGCTL_BTF (1ull << 1)

static bool read_debugctl(struct vm *vm, uint64_t *value)
{
	*value = arch_vcpu_get(&vm->av, VREG_DEBUGCTL);
	return true;
}

/* Last-branch records are hidden: the bit is taken and has no effect, as on processors without them. */
static bool write_debugctl(struct vm *vm, uint64_t value)
{
	if (value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
		return false;
	arch_vcpu_set(&vm->av, VREG_DEBUGCTL, value & DEBUGCTL_BTF);
	return true;
}

#define EFER_SCE_BIT (1ull << 0)
#define EFER_LME_BIT (1ull << 8)
#define EFER_LMA_BIT (1ull << 10)
#define EFER_NXE_BIT (1ull << 11)
#define CR0_PG_BIT (1ull << 31)

static bool read_efer(struct vm *vm, uint64_t *value)
{
	*value = arch_vcpu_get(&vm->av, VREG_EFER);
	return true;
}

/* SDM, "Extended Feature Enable Register": LME may not change while paging is on; LMA is read only. */
static bool write_efer(struct vm *vm, uint64_t value)
{
	uint64_t old = arch_vcpu_get(&vm->av, VREG_EFER);

	value &= ~EFER_LMA_BIT;
	if (value & ~(EFER_SCE_BIT | EFER_LME_BIT | EFER_NXE_BIT))
		return false;
	if (((value ^ old) & EFER_LME_BIT) && (arch_vcpu_get(&vm->av, VREG_CR0) & CR0_PG_BIT))
		return false;
	arch_vcpu_set(&vm->av, VREG_EFER, value);
	return true;
}

static bool refuse(struct vm *vm, uint64_t value)
{
	(void)vm;
	(void)value;
	return false;
}

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u

static bool read_apic_base(struct vm *vm, uint64_t *value)
{
	return pc_read_apic_msr(vm, MSR_APIC_BASE, value);
}

static bool write_apic_base(struct vm *vm, uint64_t value)
{
	return pc_write_apic_msr(vm, MSR_APIC_BASE, value);
}

static bool read_tsc_deadline(struct vm *vm, uint64_t *value)
{
	return pc_read_apic_msr(vm, MSR_TSC_DEADLINE, value);
}

static bool write_tsc_deadline(struct vm *vm, uint64_t value)
{
	return pc_write_apic_msr(vm, MSR_TSC_DEADLINE, value);
}

/* The ratio of the TSC to a bus clock of 100 MHz, as processors since Nehalem tell it in bits 15:8. */
static bool read_platform_info(struct vm *vm, uint64_t *value)
{
	(void)vm;
	*value = (vm->tsc_hz / 100000000 & 0xff) << 8;
	return true;
}

/* Sorted by number. MTRRs and x2APIC's are ranges: see other(). */
static const struct msr_row rows[] = {
	/* Where a Pentium kept its last machine check; since then there is never one in them. */
	{ 0x000, "IA32_P5_MC_ADDR", NULL, ignore, 0 },
	{ 0x001, "IA32_P5_MC_TYPE", NULL, ignore, 0 },
	{ 0x010, "IA32_TIME_STAMP_COUNTER", read_tsc, write_tsc, 0 },
	{ 0x017, "IA32_PLATFORM_ID", NULL, refuse, 0 },
	{ MSR_APIC_BASE, "IA32_APIC_BASE", read_apic_base, write_apic_base, 0 },
	{ 0x02a, "MSR_EBL_CR_POWERON", NULL, ignore, 0 },	/* clock ratios of old buses, which drivers of old ask for */
	/* Locked with VMX off: what a firmware does that does not want VMX. */
	{ 0x03a, "IA32_FEATURE_CONTROL", NULL, refuse, 1 },
	{ 0x03b, "IA32_TSC_ADJUST", read_tsc_adjust, write_tsc_adjust, 0 },
	{ 0x079, "IA32_BIOS_UPDT_TRIG", NULL, ignore, 0 },	/* microcode is the real machine's */
	{ 0x08b, "IA32_BIOS_SIGN_ID", NULL, ignore, 0x1ull << 32 },
	{ 0x0ce, "MSR_PLATFORM_INFO", read_platform_info, refuse, 0 },
	{ 0x179, "IA32_MCG_CAP", NULL, refuse, 0 },	/* no banks: machine checks are the real machine's */
	{ 0x17a, "IA32_MCG_STATUS", NULL, ignore, 0 },
	{ 0x1a0, "IA32_MISC_ENABLE", read_misc_enable, write_misc_enable, 0 },
	{ 0x1d9, "IA32_DEBUGCTL", read_debugctl, write_debugctl, 0 },
	{ MSR_TSC_DEADLINE, "IA32_TSC_DEADLINE", read_tsc_deadline, write_tsc_deadline, 0 },
	{ 0xc0000080, "IA32_EFER", read_efer, write_efer, 0 },
};

static const struct msr_row *search(uint32_t msr)
{
	size_t low = 0, high = ARRAY_LEN(rows);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows[middle].msr == msr)
			return &rows[middle];
		if (rows[middle].msr < msr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Guests ask for the same MSR again and again. A race for the hint only costs a search. */
static const struct msr_row *find(uint32_t msr)
{
	static const struct msr_row *hint = rows;

	if (__builtin_expect(hint->msr != msr, 0)) {
		const struct msr_row *row = search(msr);

		if (row == NULL)
			return NULL;
		hint = row;
	}
	return hint;
}

static enum verdict __attribute__((noinline)) unknown(struct vm *vm, const char *what, uint32_t msr)
{
	vm->account.unknown_msrs++;
	cp_note(vm, "V64MSR301I %s %s %08X ANSWERED WITH #GP; FURTHER ONES ARE COUNTED, NOT SHOWN", vm->userid, what, msr);
	return event_raise_error(vm, EXC_GP, 0);
}

static bool is_x2apic(uint32_t msr)
{
	return msr >> 8 == 8;
}

/* The ranges. True = one of them, and *done says whether it was carried out (else #GP). */
static bool other(struct vm *vm, uint32_t msr, bool write, uint64_t *value, bool *done)
{
	if (is_x2apic(msr)) {
		*done = write ? pc_write_apic_msr(vm, msr, *value) : pc_read_apic_msr(vm, msr, value);
		return true;
	}
	if (!mtrr_is(msr))
		return false;
	*done = true;
	if (write)
		*done = mtrr_set(&vm->mtrr, msr, *value, cpu_physical_bits());
	else
		*value = mtrr_get(&vm->mtrr, msr);
	return true;
}

static enum verdict give(struct vm *vm, uint64_t value)
{
	vm->av.gpr[RAX] = (uint32_t)value;
	vm->av.gpr[RDX] = value >> 32;
	return V_NEXT;
}

enum verdict interpret_rdmsr(struct vm *vm, const struct vm_exit *exit)
{
	uint32_t msr = gpr32(vm, RCX);
	const struct msr_row *row = is_x2apic(msr) ? NULL : find(msr);
	uint64_t value = 0;
	bool done;

	(void)exit;
	if (row == NULL) {
		if (!other(vm, msr, false, &value, &done))
			return unknown(vm, "RDMSR", msr);
		return done ? give(vm, value) : event_raise_error(vm, EXC_GP, 0);
	}
	value = row->constant;
	if (row->read != NULL && !row->read(vm, &value))
		return unknown(vm, "RDMSR", row->msr);
	return give(vm, value);
}

enum verdict interpret_wrmsr(struct vm *vm, const struct vm_exit *exit)
{
	uint32_t msr = gpr32(vm, RCX);
	const struct msr_row *row = is_x2apic(msr) ? NULL : find(msr);
	uint64_t value = (uint64_t)gpr32(vm, RDX) << 32 | gpr32(vm, RAX);
	bool done;

	(void)exit;
	if (row != NULL)
		done = row->write(vm, value);
	else if (!other(vm, msr, true, &value, &done))
		return unknown(vm, "WRMSR", msr);
	return done ? V_NEXT : event_raise_error(vm, EXC_GP, 0);
}
