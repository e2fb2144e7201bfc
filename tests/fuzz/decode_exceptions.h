/* Where Capstone 4 and the decoder disagree, and why the decoder stays as it is. */
/* Part: tests, on the host; included by decode_judge.c only. Each row is asked only about a disagreement. */

static bool only_capstone(const struct look *l)
{
	return l->known && l->mine != DECODE_OK;
}

static bool only_mine(const struct look *l)
{
	return !l->known && l->mine == DECODE_OK;
}

static bool vector_validity(const struct look *l)
{
	uint8_t b = l->h.opcode[0];
	bool escape = b == 0xc4 || b == 0xc5 || b == 0x62;

	return escape && (l->known ? l->mine != DECODE_OK && (l->c->bits == 64 || l->h.opcode[1] >= 0xc0) : l->i.vex);
}

static bool rex_before_prefix(const struct look *l)
{
	return l->h.rex_not_last || l->h.two_rex;
}

static bool null_and_far(const struct look *l)
{
	return l->c->bits == 64 && l->h.null_override && l->h.far_override;
}

static bool is_0f(const struct look *l)
{
	return l->h.opcode[0] == 0x0f;
}

/* A row of the tables where prefixes are part of the opcode. */
static bool sse_opcode(const struct look *l)
{
	uint8_t op = l->h.opcode[1];

	if (!is_0f(l))
		return false;
	return op == 0x38 || op == 0x3a || decode_0f[op].pp != 0 || op == 0xb8 || op == 0xbc || op == 0xbd || op == 0xae ||
	       op == 0xc7 || op == 0x01;
}

static bool mandatory_ignored(const struct look *l)
{
	return only_capstone(l) && sse_opcode(l) && (l->h.rep || l->h.operand_size || l->h.rex);
}

static bool mandatory_apart(const struct look *l)
{
	return sse_opcode(l) && (l->h.rep || l->h.operand_size) && (l->h.length > 1 || l->c->bits == 16);
}

static bool hint_nop(const struct look *l)
{
	return only_mine(l) && is_0f(l) && (l->h.opcode[1] == 0x0d || (l->h.opcode[1] & 0xf8) == 0x18);
}

static bool undefined_opcodes(const struct look *l)
{
	return is_0f(l) && (l->h.opcode[1] == 0xff || l->h.opcode[1] == 0xb9);
}

static bool amd_only(const struct look *l)
{
	uint8_t op = l->h.opcode[1];

	if (is_0f(l) && l->known && op == 0x78)	/* EXTRQ has two immediates */
		return true;
	if (!only_capstone(l))
		return false;
	if (l->h.opcode[0] == 0x8f)
		return true;
	return is_0f(l) && (op == 0x0e || op == 0x0f || op == 0x78 || op == 0x79 || op == 0xa6 || op == 0xa7 || op == 0x01 ||
			    (l->c->bits != 64 && (op == 0x05 || op == 0x07)));
}

static bool control_registers(const struct look *l)
{
	return is_0f(l) && l->h.opcode[1] >= 0x20 && l->h.opcode[1] <= 0x26;
}

static bool lock_legality(const struct look *l)
{
	return only_capstone(l) && l->h.lock;
}

static bool mov_to_cs(const struct look *l)
{
	return only_capstone(l) && l->h.opcode[0] == 0x8e && (l->h.opcode[1] >> 3 & 7) == 1;
}

static bool near_branch_16(const struct look *l)
{
	const struct insn *i = &l->i;

	return l->c->bits == 64 && (l->h.operand_size || l->h.rex) && i->operand_size == 8 &&
	       (i->op == OP_JCC || i->op == OP_JMP || i->op == OP_CALL || i->op == OP_RET);
}

static bool push_sign(const struct look *l)
{
	return l->c->bits == 64 && l->i.op == OP_PUSH && l->i.form == FORM_I;
}

static bool size_and_rep(const struct look *l)
{
	return l->h.operand_size && l->h.rep && l->known && l->mine == DECODE_OK;
}

static bool newer(const struct look *l)
{
	const uint8_t *op = l->h.opcode;

	if (!only_mine(l) || !is_0f(l))
		return false;
	switch (op[1]) {
	case 0x38: return (op[2] & 0xfe) == 0xf8 || op[2] == 0xcf;	/* MOVDIRI, MOVDIR64B, GFNI */
	case 0x3a: return op[2] == 0xce || op[2] == 0xcf;		/* GFNI */
	case 0x01:	/* ENCLV, PCONFIG, RDPKRU, WRPKRU, shadow stacks */
		return op[2] == 0xc0 || op[2] == 0xc5 || op[2] == 0xee || op[2] == 0xef || (op[2] >> 3 & 7) == 5;
	case 0xae:	/* WAITPKG, shadow stacks, PTWRITE */
		return l->h.rep || l->h.operand_size;
	default: return false;
	}
}

static bool rex_r_segment(const struct look *l)
{
	return only_mine(l) && (l->h.opcode[0] == 0x8c || l->h.opcode[0] == 0x8e) && l->i.reg >= 8;
}

static bool status_word(const struct look *l)
{
	return l->i.map == MAP_ONE && l->i.opcode == 0xdd && (l->i.reg & 7) == 7 && l->i.memory;
}

static bool movsxd_16(const struct look *l)
{
	return l->h.opcode[0] == 0x63 && l->c->bits == 64 && l->i.operand_size == 2;
}

static bool evex_length(const struct look *l)
{
	return l->i.evex && l->known && l->mine == DECODE_OK;
}

/* Of an absolute MOV it knows nothing then; of others it wants more bytes than there are. */
static bool size_and_rep_refused(const struct look *l)
{
	return only_mine(l) && l->h.operand_size && l->h.rep && ((l->h.opcode[0] & 0xfc) == 0xa0 || l->c->room < CASE_BYTES || l->i.length + 2u > INSN_MAX);
}

static bool size_and_rex_w(const struct look *l)
{
	return (l->h.operand_size || l->i.op == OP_PUSH || l->i.op == OP_POP) && (l->i.rex & REX_W) && l->known &&
	       l->mine == DECODE_OK;
}

static bool fence_alias(const struct look *l)
{
	return only_mine(l) && is_0f(l) && l->h.opcode[1] == 0xae && l->i.mod == 3 && l->i.op == OP_NOP;
}

static bool half_operand(const struct look *l)
{
	return l->i.direct == DIRECT_MMX && l->i.map == MAP_0F && l->i.opcode >= 0x60 && l->i.opcode <= 0x62;
}

static bool lsl(const struct look *l)
{
	return l->i.op == OP_LSL && l->i.memory;
}

static bool comiss(const struct look *l)
{
	return l->i.op == OP_DIRECT_LOAD && l->i.map == MAP_0F && l->i.opcode == 0x2f;
}

static bool vex_w(const struct look *l)
{
	return is_direct(&l->i) && l->i.vex && l->c->bits != 64;
}

static bool address_and_rex_w(const struct look *l)
{
	return is_direct(&l->i) && l->i.pp == PP_NONE && (l->i.rex & REX_W) && l->i.address_size == 4;
}

static struct {
	const char *name;
	bool (*applies)(const struct look *l);
	const char *reason;
	unsigned long count;
} exceptions[] = {
	{ "VEX and EVEX validity", vector_validity,
	  "the decoder looks at length only: the processor itself has found these instructions good before they reach it", 0 },
	{ "REX not last", rex_before_prefix, "SDM, \"REX Prefixes\": one that is not right before the opcode is void; Capstone lets it count", 0 },
	{ "null override beside FS, GS", null_and_far,
	  "SDM: in 64-bit mode CS, DS, ES, SS overrides are ignored; Capstone lets the last of all count", 0 },
	{ "prefix that is no part of any instruction", mandatory_ignored,
	  "such an SSE opcode is #UD; Capstone takes the instruction without the prefix", 0 },
	{ "mandatory prefix not next to the opcode", mandatory_apart,
	  "order among prefixes means nothing, F2 and F3 go before 66; Capstone looks at the last prefix only", 0 },
	{ "hint NOPs", hint_nop, "0F 0D and 0F 18 to 0F 1F are NOPs with ModR/M in all forms; Capstone knows some", 0 },
	{ "UD0, UD1", undefined_opcodes, "have ModR/M on Intel's processors, and UD0 none to Capstone", 0 },
	{ "AMD's", amd_only, "3DNow!, SSE4A, XOP, SVM, SYSCALL outside 64-bit mode: none on Intel's processors", 0 },
	{ "LOCK", lock_legality,
	  "legal only with a destination in memory, wherever it stands; Capstone looks at the opcode, and only if no REP follows", 0 },
	{ "MOV to CS", mov_to_cs, "#UD; Capstone prints it", 0 },
	{ "near branch with 66", near_branch_16, "Intel's processors ignore the prefix in 64-bit mode, Capstone follows AMD's", 0 },
	{ "PUSH immediate", push_sign, "32 bits are extended with their sign; Capstone shows them without", 0 },
	{ "66 with F2 or F3", size_and_rep, "the operand size is 66's; Capstone takes 66 for a mandatory prefix and forgets it", 0 },
	{ "newer", newer, "MOVDIRI, MOVDIR64B, GFNI, ENCLV, PCONFIG, protection keys, WAITPKG, shadow stacks: not in Capstone 4", 0 },
	{ "REX.R and segment registers", rex_r_segment, "SDM, \"REX Prefixes\": ignored there; Capstone knows no such register", 0 },
	{ "MOVSXD of 16 bits", movsxd_16, "SDM, \"MOVSXD\": r16, r/m16; Capstone reads 32 bits", 0 },
	{ "FNSTSW", status_word, "SDM, \"FSTSW/FNSTSW\": m2byte; Capstone writes 32 bits", 0 },
	{ "EVEX length", evex_length, "Capstone counts a byte too many with embedded rounding, and too few with an RIP-relative address", 0 },
	{ "66 with F2 or F3, refused", size_and_rep_refused, "the prefixes are allowed; Capstone finds nothing, or misses bytes", 0 },
	{ "REX.W", size_and_rex_w, "SDM: 66 is ignored then, and PUSH and POP are 64 bits wide anyhow; Capstone takes them for 16", 0 },
	{ "fences", fence_alias, "processors ignore ModR/M's last three bits there; Capstone wants them 0", 0 },
	{ "PUNPCKL of MMX", half_operand, "SDM: m32; Capstone shows the register's width", 0 },
	{ "COMISS, COMISD", comiss, "SDM: m32 and m64; Capstone shows the register's width", 0 },
	{ "LSL", lsl, "SDM: m16; Capstone shows the register's width", 0 },
	{ "VEX.W outside 64-bit code", vex_w, "SDM: ignored by what names general registers, as VPINSRD; Capstone lets it count", 0 },
	{ "67 and REX.W", address_and_rex_w, "neither is a mandatory prefix; Capstone takes both together for 66", 0 },
	{ "control registers", control_registers, "CR1, CR5 to CR7 and so on do not exist: #UD; Capstone prints them", 0 },
};
