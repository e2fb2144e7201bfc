/* STORE: the operator changes storage and registers, as bytes in the order of their addresses. */
/* Part: cp/; everything is checked before anything is changed. */
#include "vmm/cp/command.h"

#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/display.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/typewriter.h"
#include "vmm/machine/gmem.h"

#define MOST_BYTES     128u /* a typed line holds fewer */
#define RFLAGS_ONE     0x2ull /* bit 1 reads as one; SDM, "EFLAGS Register" */
#define RFLAGS_ALLOWED 0x3f7fd7ull
#define EFER_ALLOWED   0xd01ull /* SCE, LME, LMA, NXE */

/* Pairs of digits to bytes, from left to right. */
static size_t take_bytes(const char *digits, size_t n, uint8_t *to)
{
	char pair[3] = "";
	uint64_t value;

	for (size_t i = 0; i < n; i += 2) {
		pair[0] = digits[i];
		pair[1] = digits[i + 1];
		if (!operand_hex(pair, 0xff, &value))
			return 0;
		to[i / 2] = (uint8_t)value;
	}
	return n / 2;
}

/*
 * Lhex word...: each word of up to 8 digits fills 4 bytes, with zeros on its left, as on VM/370.
 * Shex digits...: an even number of digits each, one byte for two.
 */
static void store_storage(struct vm *vm, bool words, uint64_t address, const char *at)
{
	uint8_t bytes[MOST_BYTES];
	char word[OPERAND_ROOM], digits[2 * MOST_BYTES + 1];
	size_t n, count = 0, taken;

	while ((n = operand_word(&at, word, sizeof(word))) != 0) {
		const char *from = word;

		if (words && n <= 8) {
			memset(digits, '0', 8);
			memcpy(digits + 8 - n, word, n);
			from = digits;
			n = 8;
		}
		if (n >= sizeof(word) || (words && n > 8) || n % 2 != 0 ||
		    count + n / 2 > MOST_BYTES) {
			typewriter_error(MSG_CDS745E, word);
			return;
		}
		taken = take_bytes(from, n, bytes + count);
		if (taken == 0) {
			typewriter_error(MSG_CDS745E, word);
			return;
		}
		count += taken;
	}
	if (count == 0)
		typewriter_error(MSG_CFC026E);
	else if (!gmem_write(vm, GPA(address), bytes, count))
		typewriter_error(MSG_CDB742E, (unsigned long long)address, vm->userid,
				 "GUEST-PHYSICAL ADDRESS");
	else
		cp_say("STORE COMPLETE");
}

/* Up to `room` numbers; false = the error has been said. */
static bool take_values(const char *at, uint64_t *values, size_t room, size_t *count)
{
	char word[OPERAND_ROOM];

	for (*count = 0; operand_word(&at, word, sizeof(word)) != 0; (*count)++) {
		if (*count == room || !operand_hex(word, UINT64_MAX, &values[*count])) {
			typewriter_error(MSG_CDS745E, word);
			return false;
		}
	}
	if (*count == 0)
		typewriter_error(MSG_CFC026E);
	return *count > 0;
}

static void store_general(struct vm *vm, uint64_t first, const char *at)
{
	uint64_t values[GPRS];
	size_t count;

	if (!take_values(at, values, GPRS - (size_t)first, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		size_t n = (size_t)first + i;

		if (n == RSP)
			arch_vcpu_set(&vm->av, VREG_RSP, values[i]);
		else
			vm->av.gpr[n] = values[i];
	}
	cp_say("STORE COMPLETE");
}

/* Bits of a register that may be set at all; the rest of the rules is the entry-state audit's. */
static uint64_t allowed(enum vreg reg)
{
	switch (reg) {
	case VREG_CR0:
		return arch_vcpu_cr0_allowed();
	case VREG_CR4:
		return arch_vcpu_cr4_allowed();
	case VREG_CR8:
		return 0xf;
	case VREG_EFER:
		return EFER_ALLOWED;
	case VREG_CR3:
		return (1ull << 52) - 1;
	case VREG_GDTR_LIMIT:
	case VREG_IDTR_LIMIT:
		return 0xffff;
	case VREG_DR6:
	case VREG_DR7:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

/* Some of these are loaded into the real processor, which faults on what it does not like: in CP, not in the guest. */
static bool may_be(enum vreg reg, uint64_t value)
{
	switch (reg) {
	case VREG_XCR0:
	case VREG_PAT:
		return false;	/* not from the keyboard */
	case VREG_LSTAR:
	case VREG_CSTAR:
	case VREG_KERNEL_GS_BASE:
	case VREG_GDTR_BASE:
	case VREG_IDTR_BASE:
	case VREG_SYSENTER_ESP:
	case VREG_SYSENTER_EIP:
		return (uint64_t)((int64_t)(value << 16) >> 16) == value;	/* canonical */
	case VREG_TSC_AUX:
	case VREG_FMASK:
		return value >> 32 == 0;
	default:
		return (value & ~allowed(reg)) == 0;
	}
}

static void store_control(struct vm *vm, uint64_t first, const char *at)
{
	uint64_t values[32];
	size_t count, room = display_registers_count - (size_t)first;

	if (!take_values(at, values, room < ARRAY_LEN(values) ? room : ARRAY_LEN(values), &count))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct display_register *r = &display_registers[(size_t)first + i];

		if (!may_be(r->reg, values[i])) {
			typewriter_error(MSG_CDS747E, r->name, (unsigned long long)values[i]);
			return;
		}
	}
	for (size_t i = 0; i < count; i++)
		arch_vcpu_set(&vm->av, display_registers[(size_t)first + i].reg, values[i]);
	cp_say("STORE COMPLETE");
}

/* PSW rip, or PSW rflags rip: as on VM/370 a single word is the address half. */
static void store_psw(struct vm *vm, const char *at)
{
	uint64_t values[2];
	size_t count;

	if (!take_values(at, values, 2, &count))
		return;
	if (count == 2) {
		if (values[0] & ~RFLAGS_ALLOWED) {
			typewriter_error(MSG_CDS747E, "RFLAGS", (unsigned long long)values[0]);
			return;
		}
		arch_vcpu_set(&vm->av, VREG_RFLAGS, values[0] | RFLAGS_ONE);
	}
	arch_vcpu_set(&vm->av, VREG_RIP, values[count - 1]);
	cp_say("STORE COMPLETE");
}

static void store_registers(struct vm *vm, const char *word, const char *at)
{
	bool general = str_upper(word[0]) == 'G';
	uint64_t first;

	if (vm->state == VM_RUNNABLE || vm->state == VM_WAITING)
		typewriter_error(MSG_CDS746E, vm->userid);
	else if (operand_is(word, "PSW", 3))
		store_psw(vm, at);
	else if (!operand_decimal(word + 1, general ? GPRS - 1u : display_registers_count - 1,
				  &first))
		typewriter_error(MSG_CDB744E, word);
	else if (general)
		store_general(vm, first, at);
	else
		store_control(vm, first, at);
}

void store_command(struct command_call *c)
{
	struct vm *vm = command_target(c);
	char word[OPERAND_ROOM], letter;
	uint64_t address;

	if (vm == NULL)
		return;
	if (operand_word(&c->at, word, sizeof(word)) == 0) {
		typewriter_error(MSG_CDB741E, "");
		return;
	}
	letter = str_upper(word[0]);
	if (letter == 'G' || letter == 'X' || operand_is(word, "PSW", 3))
		store_registers(vm, word, c->at);
	else if ((letter == 'L' || letter == 'S') && operand_hex(word + 1, UINT64_MAX, &address))
		store_storage(vm, letter == 'L', address, c->at);
	else if (operand_hex(word, UINT64_MAX, &address))
		store_storage(vm, true, address, c->at);
	else
		typewriter_error(MSG_CDB741E, word);
}
