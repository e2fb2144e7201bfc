/* The executor against Unicorn: registers, flags, memory, ports and faults of one instruction at a time. */
/* Part: tests, on the host. Flags that the SDM leaves undefined are not compared; other differences stand in a table. */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "tests/fuzz/execute_judge.h"

#define CODE 0x8000u		/* within what 16-bit code reaches */
#define DATA 0x10000u
#define LOW_BYTES 0x20000u	/* 16-bit code: all of it is one run */
#define DATA_BYTES 0x6000u	/* 32- and 64-bit code: DATA on, the page after it is read-only, then nothing */
#define READ_ONLY (DATA + DATA_BYTES)

#define HLT 0xf4

#define FLAG_CF 1u
#define FLAG_PF 4u
#define FLAG_AF 0x10u
#define FLAG_ZF 0x40u
#define FLAG_SF 0x80u
#define FLAG_DF 0x400u
#define FLAG_OF 0x800u
#define ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)
#define COMPARED (ARITHMETIC | FLAG_DF)

static struct world worlds[3];	/* 16, 32, 64 bit */
static unsigned long executed, faulted, unknown, aborted;
static sigjmp_buf after_abort;

static const int segment_registers[6] = { UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS, UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS };
static int gpr_registers[3][18];

#include "tests/fuzz/execute_exceptions.h"

/* ---- the executor's machine ---- */

static bool reaches(const struct world *w, uint64_t at, uint32_t n, bool write)
{
	if (w->bits == 16)
		return at + n <= LOW_BYTES;
	if (at >= CODE && at + n <= CODE + 0x1000)
		return true;
	return at >= DATA && at + n <= READ_ONLY + (write ? 0 : 0x1000);
}

static enum interp_result prepare(struct interp *x, struct interp_place *p, uint64_t linear, uint32_t n, uint32_t access)
{
	struct world *w = x->machine;

	*p = (struct interp_place){ .linear = linear, .n = n, .access = access };
	if (linear + n < linear || !reaches(w, linear, n, (access & INTERP_WRITE) != 0)) {
		x->fault = (struct interp_fault){ .vector = 14, .has_error = true, .address = linear };
		return INTERP_FAULT;
	}
	return INTERP_DONE;
}

static void load(struct interp *x, const struct interp_place *p, void *to)
{
	memcpy(to, ((struct world *)x->machine)->mine + p->linear, p->n);
}

static void store(struct interp *x, const struct interp_place *p, const void *from)
{
	struct world *w = x->machine;

	memcpy(w->mine + p->linear, from, p->n);
	w->stored = true;
}

/* Some of the elements, as a machine with devices does them; none now and then. */
static uint32_t run(struct interp *x, const struct interp_place *from, const struct interp_place *to, uint32_t most)
{
	struct world *w = x->machine;
	uint32_t n = most * 2654435761u >> 16 & 15;

	n = n < most ? n : most;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *source = from != NULL ? w->mine + from->linear + i * to->n : (const uint8_t *)&x->gpr[RAX];

		memmove(w->mine + to->linear + i * to->n, source, to->n);
		w->stored = true;
	}
	return n;
}

static uint64_t port_value(uint32_t port, unsigned int size)
{
	return (0x9e3779b1u * (port + 77)) & (size >= 4 ? 0xffffffffu : (1u << 8 * size) - 1);
}

static uint64_t in(struct interp *x, uint16_t port, unsigned int size)
{
	(void)x;
	return port_value(port, size);
}

static void note_out(uint64_t *sum, uint32_t port, unsigned int size, uint64_t value)
{
	*sum = *sum * 31 + port * 7 + size + value;
}

static void out(struct interp *x, uint16_t port, unsigned int size, uint64_t value)
{
	note_out(&((struct world *)x->machine)->my_ports, port, size, value);
}

static uint64_t get(struct interp *x, enum vreg reg)
{
	struct world *w = x->machine;

	switch (reg) {
	case VREG_CR0: return w->cr0;
	case VREG_CR4: return 0x600;
	case VREG_XCR0: return 7;
	case VREG_EFER: return w->bits == 64 ? 0x500 : 0;
	default: return 0;
	}
}

static void get_segment(struct interp *x, enum seg seg, struct segment *s)
{
	*s = ((struct world *)x->machine)->seg[seg];
}

static void set_segment(struct interp *x, enum seg seg, const struct segment *s)
{
	struct world *w = x->machine;

	w->seg[seg] = *s;
	w->segments_changed = true;
}

static void get_vector(struct interp *x, unsigned int n, void *to, unsigned int bytes)
{
	memcpy(to, ((struct world *)x->machine)->xmm[n], bytes > 16 ? 16 : bytes);
}

static void set_vector(struct interp *x, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	(void)zero_rest;
	memcpy(((struct world *)x->machine)->xmm[n], from, bytes > 16 ? 16 : bytes);
}

static const struct interp_ops ops = {
	.prepare = prepare, .load = load, .store = store, .run = run, .in = in, .out = out, .get = get, .get_segment = get_segment,
	.set_segment = set_segment, .get_vector = get_vector, .set_vector = set_vector,
};

/* ---- Unicorn's ---- */

static void on_interrupt(uc_engine *uc, uint32_t vector, void *user)
{
	struct world *w = user;

	w->their_vector = (int)vector;
	uc_emu_stop(uc);
}

static uint32_t on_in(uc_engine *uc, uint32_t port, int size, void *user)
{
	(void)uc;
	(void)user;
	return (uint32_t)port_value(port & 0xffff, (unsigned int)size);
}

static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *user)
{
	(void)uc;
	note_out(&((struct world *)user)->their_ports, port & 0xffff, (unsigned int)size,
		 value & (size >= 4 ? 0xffffffffu : (1u << 8 * size) - 1));
}

static bool map_memory(struct world *w)
{
	const uint32_t data = UC_PROT_READ | UC_PROT_WRITE;	/* Unicorn's translator aborts on some bytes: no jumps to there */

	if (w->bits == 16)
		return uc_mem_map_ptr(w->uc, 0, CODE, data, w->theirs) == UC_ERR_OK &&
		       uc_mem_map_ptr(w->uc, CODE, 0x1000, UC_PROT_ALL, w->theirs + CODE) == UC_ERR_OK &&
		       uc_mem_map_ptr(w->uc, CODE + 0x1000, LOW_BYTES - CODE - 0x1000, data, w->theirs + CODE + 0x1000) == UC_ERR_OK;
	return uc_mem_map_ptr(w->uc, CODE, 0x1000, UC_PROT_ALL, w->theirs + CODE) == UC_ERR_OK &&
	       uc_mem_map_ptr(w->uc, DATA, DATA_BYTES, data, w->theirs + DATA) == UC_ERR_OK &&
	       uc_mem_map_ptr(w->uc, READ_ONLY, 0x1000, UC_PROT_READ, w->theirs + READ_ONLY) == UC_ERR_OK;
}

static void init_segments(struct world *w)
{
	for (unsigned int n = 0; n < SEGS; n++) {
		uint32_t access = w->bits == 16 ? 0x93 : 0xc093;
		uint64_t selector = 0;

		if (n == SEG_CS)
			access = w->bits == 64 ? 0xa09b : w->bits == 32 ? 0xc09b : 0x93;
		if (n < 6)
			uc_reg_read(w->uc, segment_registers[n], &selector);
		w->seg[n] = (struct segment){ .selector = (uint16_t)selector, .limit = w->bits == 16 ? 0xffff : 0xffffffff,
					      .access = access };
	}
	if (w->bits == 64) {
		w->seg[SEG_FS].base = 0x40;
		w->seg[SEG_GS].base = 0x80;
		uc_reg_write(w->uc, UC_X86_REG_FS_BASE, &w->seg[SEG_FS].base);
		uc_reg_write(w->uc, UC_X86_REG_GS_BASE, &w->seg[SEG_GS].base);
	}
	memcpy(w->seg_start, w->seg, sizeof(w->seg));
}

static void name_registers(void)
{
	static const int r64[16] = { UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX, UC_X86_REG_RSP,
				     UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI, UC_X86_REG_R8, UC_X86_REG_R9,
				     UC_X86_REG_R10, UC_X86_REG_R11, UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14,
				     UC_X86_REG_R15 };
	static const int r32[8] = { UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX, UC_X86_REG_ESP,
				    UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI };

	for (unsigned int n = 0; n < 16; n++)
		gpr_registers[2][n] = r64[n];
	for (unsigned int m = 0; m < 2; m++)
		for (unsigned int n = 0; n < 8; n++)
			gpr_registers[m][n] = r32[n];
}

static bool open_engine(struct world *w, unsigned int m)
{
	static const uc_mode modes[3] = { UC_MODE_16, UC_MODE_32, UC_MODE_64 };
	uint64_t cr4 = 0;
	uc_hook hook;

	if (uc_open(UC_ARCH_X86, modes[m], &w->uc) != UC_ERR_OK || !map_memory(w))
		return false;
	uc_reg_read(w->uc, UC_X86_REG_CR0, &w->cr0);
	uc_reg_read(w->uc, UC_X86_REG_CR4, &cr4);
	cr4 |= 0x600;
	uc_reg_write(w->uc, UC_X86_REG_CR4, &cr4);
	if (m == 2)
		w->cr0 |= 1;
	init_segments(w);
	if (uc_context_alloc(w->uc, &w->start) != UC_ERR_OK || uc_context_save(w->uc, w->start) != UC_ERR_OK)
		return false;
	uc_hook_add(w->uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, w, 1, 0);
	uc_hook_add(w->uc, &hook, UC_HOOK_INSN, (void *)on_in, w, 1, 0, UC_X86_INS_IN);
	uc_hook_add(w->uc, &hook, UC_HOOK_INSN, (void *)on_out, w, 1, 0, UC_X86_INS_OUT);
	return true;
}

/* Unicorn's translator calls abort() on some instructions; the engine is lost then, the run is not. */
static void on_abort(int signal)
{
	(void)signal;
	siglongjmp(after_abort, 1);
}

bool execute_judge_init(void)
{
	name_registers();
	signal(SIGABRT, on_abort);
	for (unsigned int m = 0; m < 3; m++) {
		struct world *w = &worlds[m];

		w->bits = 16u << m;
		w->regs = m == 2 ? 16 : 8;
		w->mine = calloc(1, LOW_BYTES + 0x1000);
		w->theirs = aligned_alloc(4096, LOW_BYTES);
		if (w->mine == NULL || w->theirs == NULL || !open_engine(w, m))
			return false;
		memset(w->theirs, 0, LOW_BYTES);
		memset(w->mine + CODE, HLT, 0x1000);
		memset(w->theirs + CODE, HLT, 0x1000);
	}
	return true;
}

/* ---- one case ---- */

static uint64_t interesting(struct fuzz_random *r)
{
	static const uint64_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
					   0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX };
	uint32_t which = fuzz_below(r, 4);

	return which == 0 ? values[fuzz_below(r, ARRAY_LEN(values))] : which == 1 ? fuzz_below(r, 256) : fuzz_random(r);
}

/* Somewhere in data, now and then across an edge. */
static uint64_t data_address(struct fuzz_random *r, const struct world *w)
{
	if (w->bits == 16)
		return 0x200 + fuzz_below(r, 0x7000);
	switch (fuzz_below(r, 32)) {
	case 0: return READ_ONLY - 1 - fuzz_below(r, 20);
	case 1: return READ_ONLY + fuzz_below(r, 0x1000);
	case 2: return READ_ONLY + 0x1000 - 1 - fuzz_below(r, 20);
	default: return DATA + 0x100 + fuzz_below(r, DATA_BYTES - 0x200);
	}
}

static uint64_t wrap_of(const struct insn *i)
{
	return i->address_size == 8 ? UINT64_MAX : i->address_size == 4 ? 0xffffffff : 0xffff;
}

/* Moves the base register, or changes the displacement, so that the operand lies in memory. */
static void aim(struct fuzz_random *r, struct world *w, struct fuzz_case *c, const struct insn *i)
{
	uint64_t target = data_address(r, w), at = (uint64_t)i->disp;
	bool align = i->aligned || (i->op == OP_CMPXCHG8B && fuzz_below(r, 4));

	if (w->bits == 64 && i->seg >= SEG_FS)
		target -= w->seg[i->seg].base;
	if (align && fuzz_below(r, 8))
		target &= ~15ull;
	if (i->form == FORM_RM_R && i->op >= OP_BT && i->op <= OP_BTC)
		w->x.gpr[i->reg] = (uint64_t)(int64_t)(int16_t)fuzz_random(r) >> fuzz_below(r, 2);
	if (i->index >= 0 && i->index != i->base)
		w->x.gpr[i->index] = fuzz_below(r, 64);
	if (i->base >= 0) {
		if (i->index >= 0)
			at += w->x.gpr[i->index] * i->scale;
		w->x.gpr[i->base] = target - at;
		if (i->base == i->index)
			w->x.gpr[i->base] = (target - (uint64_t)i->disp) / (i->scale + 1u);
		if (i->address_size < 8 && fuzz_below(r, 2))
			w->x.gpr[i->base] = (w->x.gpr[i->base] & wrap_of(i)) | (w->bits == 64 && i->address_size == 4 ? fuzz_random(r) << 32 : 0);
	} else if (i->index < 0 && !i->rip_relative && (i->form == FORM_R_RM || i->form == FORM_RM_R || i->form == FORM_RM ||
							i->form == FORM_A_M || i->form == FORM_M_A || i->form == FORM_RM_CL ||
							i->form == FORM_RM_1)) {
		unsigned int bytes = i->form == FORM_A_M || i->form == FORM_M_A ? i->address_size : i->address_size == 2 ? 2 : 4;

		memcpy(c->code + i->length - bytes, &target, bytes);
	}
}

static void set_up(struct fuzz_random *r, struct world *w, struct fuzz_case *c, const struct insn *i)
{
	uint64_t *gpr = w->gpr;

	for (unsigned int n = 0; n < w->regs; n++)
		gpr[n] = interesting(r) & (w->bits == 64 ? UINT64_MAX : 0xffffffff);
	gpr[RSP] = w->bits == 16 ? 0x4000 + 2 * fuzz_below(r, 64) : DATA + 0x3000 + 8 * fuzz_below(r, 64);
	if (i->op >= OP_MOVS && i->op <= OP_OUTS) {
		gpr[RCX] = fuzz_below(r, 20) | (fuzz_below(r, 4) ? 0 : fuzz_random(r) & ~wrap_of(i));
		gpr[RSI] = data_address(r, w);
		gpr[RDI] = data_address(r, w);
		if (w->bits == 64 && i->seg >= SEG_FS)
			gpr[RSI] -= w->seg[i->seg].base;
	}
	if (i->op == OP_XLAT)
		gpr[RBX] = data_address(r, w);
	if (i->op == OP_LEAVE || i->op == OP_ENTER)
		gpr[RBP] = w->bits == 16 ? 0x4400 + 2 * fuzz_below(r, 64) : DATA + 0x3400 + 8 * fuzz_below(r, 64);
	if (i->memory)
		aim(r, w, c, i);
	if (w->bits != 64)
		for (unsigned int n = 0; n < w->regs; n++)
			gpr[n] &= 0xffffffff;
	w->rflags = 2 | (fuzz_random(r) & COMPARED);
	for (unsigned int n = 0; n < 16 && i->op >= OP_MOVV; n++)
		for (unsigned int k = 0; k < 2; k++)
			w->xmm[n][k] = fuzz_random(r);
	for (unsigned int n = 0; n < 8; n++) {	/* a few fresh bytes */
		uint64_t at = (w->bits == 16 ? 0x200 : DATA) + 8 * fuzz_below(r, 0x400), v = interesting(r);

		memcpy(w->mine + at, &v, 8);
		memcpy(w->theirs + at, &v, 8);
	}
}

static bool run_theirs(struct world *w, const struct insn *i)
{
	void *pointers[18];
	unsigned int m = w->bits == 16 ? 0 : w->bits == 32 ? 1 : 2;
	uint64_t rip = 0;

	for (unsigned int n = 0; n < w->regs; n++) {
		w->their_gpr[n] = w->gpr[n];
		pointers[n] = &w->their_gpr[n];
	}
	w->their_rflags = w->rflags;
	w->their_vector = -1;
	w->their_ports = 0;
	uc_reg_write_batch(w->uc, gpr_registers[m], pointers, (int)w->regs);
	uc_reg_write(w->uc, UC_X86_REG_EFLAGS, &w->their_rflags);
	for (unsigned int n = 0; n < w->regs && i->op >= OP_MOVV; n++)
		uc_reg_write(w->uc, UC_X86_REG_XMM0 + (int)n, w->xmm[n]);
	if (sigsetjmp(after_abort, 1)) {
		aborted++;
		return false;
	}
	/* one instruction for Unicorn is one element of a repeated string */
	if (i->rep != 0 && i->op >= OP_MOVS && i->op <= OP_OUTS)
		w->their_error = uc_emu_start(w->uc, CODE, CODE + i->length, 0, 0);
	else
		w->their_error = uc_emu_start(w->uc, CODE, w->bits == 16 ? 0xfffff : UINT64_MAX >> 8, 0, 1);
	memset(w->their_gpr, 0, sizeof(w->their_gpr));
	uc_reg_read_batch(w->uc, gpr_registers[m], pointers, (int)w->regs);
	w->their_rflags = 0;
	uc_reg_read(w->uc, UC_X86_REG_EFLAGS, &w->their_rflags);
	uc_reg_read(w->uc, w->bits == 64 ? UC_X86_REG_RIP : w->bits == 32 ? UC_X86_REG_EIP : UC_X86_REG_EIP, &rip);
	w->their_rip = rip;
	for (unsigned int n = 0; n < w->regs && i->op >= OP_MOVV; n++)
		uc_reg_read(w->uc, UC_X86_REG_XMM0 + (int)n, w->their_xmm[n]);
	return true;
}

static void run_mine(struct world *w, const struct insn *i)
{
	w->x.ops = &ops;
	w->x.machine = w;
	w->x.gpr = w->gpr;
	w->x.rip = CODE;
	w->x.rflags = w->rflags;
	w->x.features = INTERP_HAS_TZCNT | INTERP_HAS_LZCNT;
	w->x.batch = 1000;
	w->my_ports = 0;
	w->stored = w->segments_changed = false;
	w->result = interp_execute(&w->x, i);
}

static unsigned int bits_of(const struct insn *i)
{
	return 8u * i->width;
}

/* Flags that the SDM leaves undefined after this instruction. */
static uint64_t undefined(const struct world *w, const struct insn *i)
{
	unsigned int count = (unsigned int)(i->form == FORM_RM_1 ? 1 : i->form == FORM_RM_CL || i->form == FORM_RM_R_CL ?
					    w->before[RCX] : i->imm) & (i->width == 8 ? 63 : 31);

	switch (i->op) {
	case OP_AND: case OP_OR: case OP_XOR: case OP_TEST: return FLAG_AF;
	case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR: return count == 1 ? 0 : FLAG_OF;
	case OP_SHL: case OP_SAL: case OP_SHR: case OP_SAR:
		if (count == 0)
			return 0;
		return FLAG_AF | (count == 1 ? 0 : FLAG_OF) | (count >= bits_of(i) && i->op != OP_SAR ? FLAG_CF : 0);
	case OP_SHLD: case OP_SHRD:
		return count == 0 ? 0 : count > bits_of(i) ? ARITHMETIC : FLAG_AF | (count == 1 ? 0 : FLAG_OF);
	case OP_MUL: case OP_IMUL1: case OP_IMUL: return FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF;
	case OP_DIV: case OP_IDIV: return ARITHMETIC;
	case OP_BSF: case OP_BSR: return ARITHMETIC & ~FLAG_ZF;
	case OP_TZCNT: case OP_LZCNT: return ARITHMETIC & ~(FLAG_ZF | FLAG_CF);
	case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC: return FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF;
	case OP_AAM: case OP_AAD: return FLAG_OF | FLAG_AF | FLAG_CF;
	case OP_AAA: case OP_AAS: return FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF;
	case OP_DAA: case OP_DAS: return FLAG_OF;
	default: return 0;
	}
}

static bool same_memory(const struct world *w)
{
	if (w->bits == 16)
		return memcmp(w->mine, w->theirs, LOW_BYTES) == 0;
	return memcmp(w->mine + DATA, w->theirs + DATA, DATA_BYTES) == 0 && memcmp(w->mine + CODE, w->theirs + CODE, 0x1000) == 0;
}

static const char *compare(struct world *w, const struct insn *i)
{
	/* what lies beyond a branch need not be there; the instruction itself was done */
	bool their_fault = w->their_vector >= 0 || (w->their_error != UC_ERR_OK && w->their_error != UC_ERR_FETCH_UNMAPPED &&
						  w->their_error != UC_ERR_FETCH_PROT);

	if (w->result == INTERP_FAULT) {
		if (memcmp(w->gpr, w->before, sizeof(w->gpr)) != 0 && !(i->op >= OP_MOVS && i->op <= OP_OUTS))
			return "registers changed by a fault";
		return their_fault ? NULL : "only mine faults";
	}
	if (their_fault)
		return "only Unicorn faults";
	if (w->result != INTERP_DONE)
		return "result";
	for (unsigned int n = 0; n < w->regs; n++)
		if (w->gpr[n] != w->their_gpr[n])
			return "register";
	if ((w->x.rflags ^ w->their_rflags) & COMPARED & ~undefined(w, i))
		return "flags";
	/* Unicorn tells 16-bit code's address now with CS's base, now without */
	if (w->x.rip != w->their_rip && w->x.rip + w->seg[SEG_CS].base != w->their_rip)
		return "rip";
	if (!same_memory(w))
		return "memory";
	if (i->op >= OP_MOVV && memcmp(w->xmm, w->their_xmm, 16 * w->regs) != 0)
		return "vector register";
	return w->my_ports == w->their_ports ? NULL : "ports";
}

static void tell(const struct world *w, const struct fuzz_case *c, const struct insn *i, const char *wrong)
{
	printf("execute, %u bit:", c->bits);
	for (unsigned int n = 0; n < i->length; n++)
		printf(" %02x", c->code[n]);
	printf(" (op %u form %u width %u rep %02x): %s\n   mine: result %d vector %u at %llx, rip %llx flags %llx; theirs: error %d vector %d rip %llx flags %llx (before %llx)\n",
	       i->op, i->form, i->width, i->rep, wrong, (int)w->result, w->x.fault.vector, (unsigned long long)w->x.fault.address,
	       (unsigned long long)w->x.rip, (unsigned long long)w->x.rflags, (int)w->their_error, w->their_vector,
	       (unsigned long long)w->their_rip, (unsigned long long)w->their_rflags, (unsigned long long)w->rflags);
	for (unsigned int n = 0; n < w->regs; n++)
		if (w->gpr[n] != w->their_gpr[n] || w->gpr[n] != w->before[n])
			printf("   gpr %u: before %llx mine %llx theirs %llx\n", n, (unsigned long long)w->before[n],
			       (unsigned long long)w->gpr[n], (unsigned long long)w->their_gpr[n]);
}

/* Both worlds are made equal again. */
static void settle(struct world *w)
{
	if (w->bits == 16)
		memcpy(w->theirs, w->mine, LOW_BYTES);
	else
		memcpy(w->theirs + DATA, w->mine + DATA, DATA_BYTES);
	memset(w->mine + CODE, HLT, 0x1000);
	memset(w->theirs + CODE, HLT, 0x1000);
	if (w->their_vector >= 0 || w->their_error != UC_ERR_OK)
		uc_context_restore(w->uc, w->start);	/* it remembers an exception that nobody delivered */
	if (w->segments_changed || w->bits == 16) {
		memcpy(w->seg, w->seg_start, sizeof(w->seg));
		for (unsigned int n = 0; n < 6 && w->bits == 16; n++) {
			uint64_t selector = w->seg[n].selector;

			uc_reg_write(w->uc, segment_registers[n], &selector);
		}
	}
}

bool execute_judge(struct fuzz_random *r, const struct fuzz_case *original)
{
	struct world *w = &worlds[original->bits == 16 ? 0 : original->bits == 32 ? 1 : 2];
	struct fuzz_case c = *original;
	const char *wrong;
	struct insn i;

	w->x.gpr = w->gpr;
	if (decode_insn(c.code, c.room, c.bits, &i) != DECODE_OK || not_comparable(w, &i))
		return true;
	set_up(r, w, &c, &i);
	if (decode_insn(c.code, c.room, c.bits, &i) != DECODE_OK)
		return true;
	fuzz_look(&c, &w->head);
	memcpy(w->before, w->gpr, sizeof(w->gpr));
	memset(c.code + i.length, HLT, CASE_BYTES - i.length);	/* what follows is translated, too: HLT ends that */
	memcpy(w->mine + CODE, c.code, CASE_BYTES);
	memcpy(w->theirs + CODE, c.code, CASE_BYTES);
	uc_ctl_remove_cache(w->uc, CODE, CODE + CASE_BYTES);
	if (!run_theirs(w, &i)) {
		if (getenv("FUZZ_VERBOSE"))
			tell(w, &c, &i, "Unicorn aborted");
		return open_engine(w, w->bits == 16 ? 0 : w->bits == 32 ? 1 : 2);
	}
	run_mine(w, &i);
	executed++;
	faulted += w->result == INTERP_FAULT;
	if (w->result == INTERP_UNKNOWN) {
		unknown++;
		wrong = NULL;
	} else {
		wrong = compare(w, &i);
	}
	for (size_t n = 0; wrong != NULL && n < ARRAY_LEN(exceptions); n++)
		if (exceptions[n].applies(w, &i, wrong)) {
			exceptions[n].count++;
			wrong = NULL;
		}
	if (wrong != NULL)
		tell(w, &c, &i, wrong);
	settle(w);
	return wrong == NULL;
}

void execute_judge_report(FILE *to)
{
	fprintf(to, "execute: %lu executed and compared, %lu of them faults, %lu not for the executor, %lu aborted by Unicorn\n", executed, faulted, unknown,
		aborted);
	for (size_t n = 0; n < ARRAY_LEN(exceptions); n++)
		fprintf(to, "  %9lu  %s: %s\n", exceptions[n].count, exceptions[n].name, exceptions[n].reason);
}
