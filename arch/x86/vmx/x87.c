/* A guest's x87 registers, for instructions that the interpreter executes: the processor itself does them. */
/* Part: arch/x86/vmx; CP is compiled without x87, so what the processor holds after an exit is the guest's still. */
#include "arch/x86/vmx/vmx.h"

#include "lib/string.h"

#define STUB_SIZE 4u
extern const uint8_t vmx_x87_stubs[64 * STUB_SIZE];	/* x87_stubs.asm */

#define SW_IE 0x01u
#define SW_OE 0x08u
#define SW_UE 0x10u
#define SW_ES 0x80u	/* an error that is not masked waits for the next instruction */

/* Places in the FXSAVE area. SDM, "Layout of the 64-bit Mode FXSAVE64 Map" and its neighbour. */
#define AT_FOP 6u
#define AT_FIP 8u
#define AT_FCS 12u
#define AT_FDP 16u
#define AT_FDS 20u

static uint16_t status_word(void)
{
	uint16_t word;

	__asm__ volatile("fnstsw %0" : "=m"(word));
	return word;
}

static uint16_t control_word(void)
{
	uint16_t word;

	__asm__ volatile("fnstcw %0" : "=m"(word));
	return word;
}

/* FLDCW, FNSTCW and FNSTSW leave no trace in the addresses of the last instruction. */
static bool is_control(const struct x87_insn *i, unsigned int reg)
{
	return (i->opcode == 0xd9 && (reg == 5 || reg == 7)) || (i->opcode == 0xdd && reg == 7);
}

static uint64_t get(const uint8_t *at, unsigned int bytes)
{
	uint64_t v = 0;

	memcpy(&v, at, bytes);
	return v;
}

/*
 * What the processor has noted of the instruction and of its operand is CP's stub and buffer: here the guest's come in
 * their place. What it has not noted (newer ones note some of it only with errors, or never a selector) stays as it is.
 */
static void tell_addresses(const struct x87_insn *i, const uint8_t *stub, const void *operand)
{
	uint8_t area[512] __attribute__((aligned(16)));
	unsigned int bytes = i->wide ? 8 : 4;
	uint64_t mask = i->wide ? UINT64_MAX : UINT32_MAX, stub_fop = (uint64_t)(stub[0] & 7) << 8 | stub[1];
	uint64_t fop = (uint64_t)(i->opcode & 7) << 8 | i->modrm;

	if (i->wide)
		__asm__ volatile("fxsave64 %0" : "=m"(area));
	else
		__asm__ volatile("fxsave %0" : "=m"(area));
	if (get(area + AT_FIP, bytes) == ((uint64_t)(uintptr_t)stub & mask)) {
		memcpy(area + AT_FIP, &i->ip, bytes);
		if (!i->wide && get(area + AT_FCS, 2) != 0)
			memcpy(area + AT_FCS, &i->cs, 2);
		if (get(area + AT_FOP, 2) == stub_fop)
			memcpy(area + AT_FOP, &fop, 2);
	}
	if (get(area + AT_FDP, bytes) == ((uint64_t)(uintptr_t)operand & mask)) {
		memcpy(area + AT_FDP, &i->dp, bytes);
		if (!i->wide && get(area + AT_FDS, 2) != 0)
			memcpy(area + AT_FDS, &i->ds, 2);
	}
	if (i->wide)
		__asm__ volatile("fxrstor64 %0" : : "m"(area));
	else
		__asm__ volatile("fxrstor %0" : : "m"(area));
}

enum x87_result arch_vcpu_x87(struct arch_vcpu *av, const struct x87_insn *i, void *operand)
{
	unsigned int reg = i->modrm >> 3 & 7;
	const uint8_t *stub = vmx_x87_stubs + ((i->opcode & 7u) * 8 + reg) * STUB_SIZE;
	bool control = is_control(i, reg);
	uint16_t status;

	vmx_make_resident(av->vmx);
	if (!(control && i->store) && (status_word() & SW_ES))
		return X87_WAITS;
	((void (*)(void *))(uintptr_t)stub)(operand);
	if (control)
		return X87_DONE;
	tell_addresses(i, stub, operand);
	status = status_word();
	/* nothing that is not masked was there before, so what is now has come of this instruction */
	if (i->store && (status & SW_ES) && (status & (uint16_t)~control_word() & (SW_IE | SW_OE | SW_UE)))
		return X87_NOT_STORED;
	return X87_DONE;
}
