/* The decoder against Capstone: validity, length, effective address, operand width, immediate. */
/* Part: tests, on the host. What disagrees and is excused stands in the table below, each row with its reason. */
#include <capstone/capstone.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static csh handles[3];
static cs_insn *insn;
static unsigned long agreed, both_refused;

struct look {
	const struct fuzz_case *c;
	struct fuzz_head h;
	enum decode_result mine;
	struct insn i;
	bool known;		/* Capstone's word; *insn is its */
	const char *wrong;
};

static bool is_direct(const struct insn *i)
{
	return i->op == OP_DIRECT_LOAD || i->op == OP_DIRECT_STORE;
}

#define EXCEPTIONS_HERE
#include "tests/fuzz/decode_exceptions.h"

static unsigned int mode_of(unsigned int bits)
{
	return bits == 16 ? 0 : bits == 32 ? 1 : 2;
}

bool decode_judge_init(void)
{
	static const cs_mode modes[3] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };

	for (unsigned int n = 0; n < 3; n++)
		if (cs_open(CS_ARCH_X86, modes[n], &handles[n]) != CS_ERR_OK ||
		    cs_option(handles[n], CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
			return false;
	insn = cs_malloc(handles[0]);
	return insn != NULL;
}

static x86_reg register_name(int number, unsigned int width)
{
	static const x86_reg names[3][16] = {
		{ X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI, X86_REG_DI, X86_REG_R8W,
		  X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W },
		{ X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI, X86_REG_EDI,
		  X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D },
		{ X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
		  X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15 },
	};

	return number < 0 ? X86_REG_INVALID : names[width == 2 ? 0 : width == 4 ? 1 : 2][number & 15];
}

static uint64_t cut(uint64_t v, unsigned int bytes)
{
	return bytes >= 8 ? v : v & ((1ull << 8 * bytes) - 1);
}

static const cs_x86_op *operand(const cs_x86 *x, x86_op_type type)
{
	for (uint8_t n = 0; n < x->op_count; n++)
		if (x->operands[n].type == type)
			return &x->operands[n];
	return NULL;
}

#define AGREE(what)                        \
	do {                               \
		if (!(what)) {             \
			l->wrong = #what;  \
			return;            \
		}                          \
	} while (0)

static void compare_address(struct look *l, const cs_x86_op *op)
{
	static const x86_reg segments[6] = { X86_REG_ES, X86_REG_CS, X86_REG_SS, X86_REG_DS, X86_REG_FS, X86_REG_GS };
	const struct insn *i = &l->i;
	x86_reg base = register_name(i->base, i->address_size), index = register_name(i->index, i->address_size);
	bool stack = i->base == RSP || i->base == RBP;

	if (i->rip_relative)
		base = i->address_size == 8 ? X86_REG_RIP : X86_REG_EIP;
	AGREE(op->mem.base == base);
	/* an SIB byte without an index: Capstone invents a register that is always zero */
	AGREE(op->mem.index == index ||
	      (index == X86_REG_INVALID && (op->mem.index == X86_REG_EIZ || op->mem.index == X86_REG_RIZ)));
	AGREE(index == X86_REG_INVALID || op->mem.scale == i->scale);
	AGREE(cut((uint64_t)op->mem.disp, i->address_size) == cut((uint64_t)i->disp, i->address_size));
	if (i->bits == 64 && op->mem.segment != X86_REG_FS && op->mem.segment != X86_REG_GS) {
		AGREE(i->seg != SEG_FS && i->seg != SEG_GS);	/* the others do nothing there */
		return;
	}
	if (op->mem.segment == X86_REG_INVALID)
		AGREE(i->seg == (stack ? SEG_SS : SEG_DS));
	else
		AGREE(i->seg < 6 && segments[i->seg] == op->mem.segment);
}

/* Immediates of instructions that are executed. Ports, counts and vectors are bytes, whatever their sign. */
static void compare_immediate(struct look *l, const cs_x86_op *op)
{
	const struct insn *i = &l->i;
	unsigned int width = i->width;

	if (op == NULL || i->form == FORM_FAR || i->op == OP_JCC || i->op == OP_JMP || i->op == OP_CALL || i->op == OP_ENTER ||
	    (i->op >= OP_LOOPNE && i->op <= OP_JCXZ))
		return;
	if (i->form == FORM_RM_1 || i->op == OP_RET || i->op == OP_RETF)
		return;
	if (i->op == OP_INT || i->op == OP_IN || i->op == OP_OUT || i->op == OP_AAM || i->op == OP_AAD ||
	    i->form == FORM_RM_R_I || (i->op >= OP_ROL && i->op <= OP_SAR) || (i->op >= OP_BT && i->op <= OP_BTC) || is_direct(i))
		width = 1;
	AGREE(cut((uint64_t)op->imm, width) == cut(i->imm, width));
}

static bool is_string(const struct insn *i)
{
	return i->op >= OP_MOVS && i->op <= OP_OUTS;
}

static void compare(struct look *l)
{
	const cs_x86 *x = &insn->detail->x86;
	const cs_x86_op *memory = operand(x, X86_OP_MEM);
	const struct insn *i = &l->i;

	AGREE(insn->size == i->length);
	if (i->vex) {
		if (is_direct(i) && memory != NULL)
			AGREE(memory->size == i->width);
		return;
	}
	if (i->modrm && i->memory && memory != NULL) {
		compare_address(l, memory);
		if (l->wrong != NULL)
			return;
	}
	if (i->op == OP_NONE || i->op == OP_NOP)
		return;
	AGREE(x->addr_size == i->address_size);
	if (memory != NULL && !is_string(i) && i->op != OP_LEA && i->op != OP_XLAT) {
		unsigned int width = i->op == OP_MOVZX || i->op == OP_MOVSX ? i->from_width :
				     i->op == OP_CMPXCHG8B ? (i->operand_size == 8 ? 16 : 8) : i->width;

		if (i->op == OP_MOV_FROM_SEG || i->op == OP_MOV_TO_SEG ||
		    (i->op >= OP_SMSW && i->op <= OP_ARPL))
			width = 2;
		if (i->op != OP_LFP && i->op != OP_JMPF && i->op != OP_CALLF && i->op != OP_BOUND &&
		    !(i->op >= OP_SGDT && i->op <= OP_LIDT))
			AGREE(memory->size == width);
	}
	compare_immediate(l, operand(x, X86_OP_IMM));
}

static void tell(const struct look *l)
{
	printf("decode, %u bit, %u bytes:", l->c->bits, l->c->room);
	for (unsigned int n = 0; n < l->c->room && n < 16; n++)
		printf(" %02x", l->c->code[n]);
	if (l->known)
		printf(" = %s %s, %u bytes;", insn->mnemonic, insn->op_str, insn->size);
	else
		printf(" = nothing;");
	printf(" mine: result %d, length %u, op %u, width %u: %s\n", (int)l->mine, l->i.length, l->i.op, l->i.width, l->wrong);
}

bool decode_judge(const struct fuzz_case *c)
{
	struct look l = { .c = c };
	const uint8_t *at = c->code;
	uint64_t address = 0x1000;
	size_t left = c->room;
	bool mine;

	l.mine = decode_insn(c->code, c->room, c->bits, &l.i);
	mine = l.mine == DECODE_OK;
	l.known = cs_disasm_iter(handles[mode_of(c->bits)], &at, &left, &address, insn);
	if (l.known && insn->size > INSN_MAX)
		l.known = false;	/* Capstone does not count */
	if (!mine && !l.known) {
		both_refused++;
		return true;
	}
	if (mine != l.known)
		l.wrong = mine ? "only mine knows it" : "only Capstone knows it";
	else
		compare(&l);
	if (l.wrong == NULL) {
		agreed++;
		return true;
	}
	fuzz_look(c, &l.h);
	for (size_t n = 0; n < ARRAY_LEN(exceptions); n++)
		if (exceptions[n].applies(&l)) {
			exceptions[n].count++;
			return true;
		}
	tell(&l);
	return false;
}

void decode_judge_report(FILE *to)
{
	fprintf(to, "decode: %lu agreed, %lu refused by both\n", agreed, both_refused);
	for (size_t n = 0; n < ARRAY_LEN(exceptions); n++)
		fprintf(to, "  %9lu  %s: %s\n", exceptions[n].count, exceptions[n].name, exceptions[n].reason);
}
