/* The memory trap: a guest touched an address at or beyond its bound b, or one that is not its storage. */
/* Part: the allocator A; Popek & Goldberg's trap on a >= b, where EPT is the relocation-bounds register. */
#include "vmm/allocator/memory_trap.h"
#include "lib/printf.h"
#include "vmm/cp/cp.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/interpreter/mov.h"
#include "vmm/machine/event.h"
#include "vmm/machine/gmem.h"

#define RFLAGS_DF (1ull << 10)
#define STRING_BATCH 64u

static uint64_t mask_of(unsigned int bytes)
{
	return bytes >= 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
}

static unsigned int code_bits(struct vm *vm)
{
	struct segment cs;

	if (guest_64bit(vm))
		return 64;
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	return cs.access & 0x4000 ? 32 : 16;
}

static gva_t linear(struct vm *vm, const struct mov *m, const struct vm_exit *exit, bool long_mode)
{
	uint64_t offset = (uint64_t)m->displacement;
	struct segment s;

	if (m->base >= 0)
		offset += gpr_read(vm, (unsigned int)m->base);
	if (m->index >= 0)
		offset += gpr_read(vm, (unsigned int)m->index) * m->scale;
	if (m->rip_relative)
		offset += exit->rip + m->length;
	offset &= mask_of(m->address_width);
	if (long_mode && m->seg != SEG_FS && m->seg != SEG_GS)
		return GVA(offset);
	arch_vcpu_get_segment(&vm->av, m->seg, &s);
	return GVA(long_mode ? s.base + offset : (uint32_t)(s.base + offset));
}

/* Byte by byte, so that an access across b finds storage on one side and nothing on the other. */
static bool access_bytes(struct vm *vm, gva_t at, uint64_t *value, unsigned int width, uint32_t intent,
			 struct gmem_fault *fault)
{
	bool write = (intent & GMEM_WRITE) != 0;
	uint64_t result = mask_of(width);
	gpa_t unused;

	for (unsigned int i = 0; i < width; i++)
		if (!gmem_translate(vm, GVA(at.v + i), intent, &unused, fault) && fault->page_fault)
			return false;
	for (unsigned int i = 0; i < width; i++) {
		uint8_t byte = (uint8_t)(*value >> 8 * i);
		struct gmem_fault absent;

		if (write)
			gmem_write_linear(vm, GVA(at.v + i), &byte, 1, intent, &absent);
		else if (gmem_read_linear(vm, GVA(at.v + i), &byte, 1, intent, &absent))
			result = (result & ~(0xffull << 8 * i)) | (uint64_t)byte << 8 * i;
	}
	if (!write)
		*value = result;
	return true;
}

static uint64_t register_value(struct vm *vm, const struct mov *m)
{
	uint64_t v = gpr_read(vm, m->gpr);

	return (m->high_byte ? v >> 8 : v) & mask_of(m->width);
}

static void load_register(struct vm *vm, const struct mov *m, uint64_t value)
{
	uint64_t old = gpr_read(vm, m->gpr);
	unsigned int unused = 64 - 8u * m->width;

	if (m->sign)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	value &= mask_of(m->to_width);
	if (m->high_byte)
		value = (old & ~0xff00ull) | value << 8;
	else if (m->to_width < 4)
		value |= old & ~mask_of(m->to_width);
	gpr_write(vm, m->gpr, value);
}

/* 16 bits keep what is above them; 32 bits clear it, as every 32-bit result does. */
static void step_register(struct vm *vm, enum gpr r, unsigned int bytes, uint64_t by)
{
	uint64_t mask = mask_of(bytes), value = (vm->av.gpr[r] + by) & mask;

	vm->av.gpr[r] = bytes == 2 ? (vm->av.gpr[r] & ~mask) | value : value;
}

/* STOS, with REP up to a batch; RIP stays until the count is used up. */
static enum verdict store_string(struct vm *vm, const struct mov *m, const struct vm_exit *exit, bool long_mode,
				 uint32_t intent)
{
	bool down = (arch_vcpu_get(&vm->av, VREG_RFLAGS) & RFLAGS_DF) != 0;
	uint64_t mask = mask_of(m->address_width), value = register_value(vm, m);

	for (uint32_t i = 0; i < STRING_BATCH; i++) {
		struct gmem_fault fault = { 0 };

		if (m->rep && (vm->av.gpr[RCX] & mask) == 0)
			return V_NEXT;
		if (!access_bytes(vm, linear(vm, m, exit, long_mode), &value, m->width, intent, &fault))
			return event_page_fault(vm, fault.address, fault.error);
		step_register(vm, RDI, m->address_width, down ? -(uint64_t)m->width : m->width);
		if (!m->rep)
			return V_NEXT;
		step_register(vm, RCX, m->address_width, -1ull);
	}
	return V_RESUME;
}

static enum verdict do_move(struct vm *vm, const struct mov *m, const struct vm_exit *exit, unsigned int bits)
{
	uint32_t intent = (m->kind == MOV_LOAD ? GMEM_READ : GMEM_WRITE) | (guest_cpl(vm) == 3 ? GMEM_USER : 0);
	uint64_t value = m->kind == MOV_STORE ? register_value(vm, m) : m->immediate;
	struct gmem_fault fault = { 0 };

	if (m->kind == MOV_STRING_STORE)
		return store_string(vm, m, exit, bits == 64, intent);
	if (!access_bytes(vm, linear(vm, m, exit, bits == 64), &value, m->width, intent, &fault))
		return event_page_fault(vm, fault.address, fault.error);
	if (m->kind == MOV_LOAD)
		load_register(vm, m, value);
	return V_NEXT;
}

static enum verdict stop(struct vm *vm, const struct vm_exit *exit, const char *what)
{
	vm_ended(vm, "V64STO461W %s STOPPED: %s %010lX, BOUND %010lX, RIP %lX", vm->userid, what,
		 exit->storage.gpa.v, vm->storage_size, exit->rip);
	return V_CRASH;
}

/* What the instruction is, read as the processor read it. */
static bool fetch(struct vm *vm, const struct vm_exit *exit, struct mov *m, unsigned int bits)
{
	uint8_t code[15];
	struct gmem_fault fault;
	size_t n = sizeof(code);
	struct segment cs;
	uint64_t at = exit->rip;

	if (bits != 64) {
		arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
		at = (uint32_t)(cs.base + at);
	}
	/* the last instruction before a page that is not there has fewer bytes behind it */
	while (n > 0 && !gmem_read_linear(vm, GVA(at), code, n, GMEM_FETCH | GMEM_PEEK, &fault))
		n--;
	return mov_decode(code, n, bits, m);
}

enum verdict memory_trap(struct vm *vm, const struct vm_exit *exit)
{
	unsigned int bits;
	enum verdict v;
	struct mov m;

	if (exit->storage.gpa.v < vm->storage_size)
		vm->account.storage_faults++;
	else
		vm->account.memory_traps++;
	if (exit->storage.walk)
		return stop(vm, exit, "ITS PAGE TABLES LIE IN ABSENT STORAGE");
	if (exit->vectoring.valid)	/* the touch was not an instruction's: it must not be done twice */
		return stop(vm, exit, "THE STACK OR A TABLE FOR AN EVENT LIES IN ABSENT STORAGE");
	if (exit->storage.fetch)
		return stop(vm, exit, "INSTRUCTION FETCHED FROM ABSENT STORAGE");
	bits = code_bits(vm);
	if (!fetch(vm, exit, &m, bits))
		return stop(vm, exit, "AN INSTRUCTION THE MONITOR DOES NOT INTERPRET TOUCHED ABSENT STORAGE");
	cp_note(vm, "V64STO460I %s MEMORY TRAP: %s %010lX, BOUND %010lX; FURTHER ONES ARE COUNTED, NOT SHOWN", vm->userid,
		exit->storage.write ? "WRITE" : "READ", exit->storage.gpa.v, vm->storage_size);
	v = do_move(vm, &m, exit, bits);
	if (v == V_NEXT) {	/* the length is the decoder's: the hardware gives none for this exit */
		struct vm_exit done = *exit;

		done.insn_len = m.length;
		arch_vcpu_advance(&vm->av, &done);
		return V_RESUME;
	}
	return v;
}
