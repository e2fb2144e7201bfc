/* Where Unicorn 2 and the executor differ, and why the executor stays as it is. */
/* Part: tests, on the host; included by execute_judge.c only. */

/* What cannot be asked of Unicorn as it is set up here; unit tests look at these. */
static bool not_comparable(const struct world *w, const struct insn *i)
{
	switch (i->op) {
	case OP_MOV_TO_SEG: case OP_POP_SEG: case OP_LFP: case OP_JMPF: case OP_CALLF: case OP_RETF: case OP_IRET:
		return w->bits != 16;	/* no descriptor tables */
	case OP_CLI: case OP_STI: case OP_POPF: case OP_SMSW: case OP_SLDT: case OP_STR: case OP_LLDT: case OP_LTR:
	case OP_VERR: case OP_VERW: case OP_LAR: case OP_LSL: case OP_SGDT: case OP_SIDT: case OP_LGDT: case OP_LIDT:
	case OP_POPCNT: case OP_MOVBE:	/* #UD in every processor model it has */
		return true;
	case OP_BSWAP:	/* of 16 bits: undefined */
		return i->width == 2;
	default:	/* SSE is off there and cannot be switched on */
		return w->bits == 16 && i->op >= OP_MOVV;
	}
}

static bool not_checked(const struct world *w, const struct insn *i, const char *wrong)
{
	return strcmp(wrong, "only mine faults") == 0 && (w->x.fault.vector == 12 || w->x.fault.vector == 13) &&
	       (w->bits != 64 || i->aligned || i->op == OP_CMPXCHG8B);
}

static bool ah_with_rex(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	(void)wrong;
	return (i->op == OP_LAHF || i->op == OP_SAHF) && i->rex != 0;
}

static bool hint(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	return i->op == OP_NOP && i->map == MAP_0F && strcmp(wrong, "only Unicorn faults") == 0;
}

static bool branch_66(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)wrong;
	return w->bits == 64 && i->operand_prefix && (i->op == OP_JCC || i->op == OP_JMP || i->op == OP_CALL || i->op == OP_RET ||
						       (i->op >= OP_LOOPNE && i->op <= OP_JCXZ));
}

static bool rex_before_prefix(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)i;
	(void)wrong;
	return w->head.rex_not_last || w->head.two_rex;
}

static bool null_and_far(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)i;
	(void)wrong;
	return w->bits == 64 && w->head.null_override && w->head.far_override;
}

static bool scan_of_zero(const struct world *w, const struct insn *i, const char *wrong)
{
	return (i->op == OP_BSF || i->op == OP_BSR) && strcmp(wrong, "register") == 0 && (w->x.rflags & FLAG_ZF);
}

static bool ret_signed(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	return (i->op == OP_RET || i->op == OP_RETF) && (i->imm & 0x8000) && strcmp(wrong, "register") == 0;
}

static bool test_alias(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	return i->op == OP_TEST && (i->reg & 7) == 1 && i->form == FORM_RM_I && strcmp(wrong, "only Unicorn faults") == 0;
}

static bool rex_r_extension(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	return i->op == OP_MOV && i->form == FORM_RM_I && (i->rex & REX_R) && strcmp(wrong, "only Unicorn faults") == 0;
}

static bool target_not_canonical(const struct world *w, const struct insn *i, const char *wrong)
{
	return i->op >= OP_JCC && i->op <= OP_JCXZ && w->x.fault.vector == 13 && strcmp(wrong, "only mine faults") == 0;
}

static bool size_and_rep(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)wrong;
	return ((w->head.operand_size && w->head.rep) || (w->head.f2 && w->head.f3)) && i->op >= OP_MOVV;
}

static bool both_reps(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)wrong;
	return w->head.f2 && w->head.f3 &&
	       (i->op == OP_CMPS || i->op == OP_SCAS || (i->op >= OP_BSF && i->op <= OP_LZCNT));
}

static bool accumulator(const struct world *w, const struct insn *i, const char *wrong)
{
	return i->op == OP_CMPXCHG && i->width == 4 && (w->x.rflags & FLAG_ZF) && strcmp(wrong, "register") == 0;
}

static bool movsxd_16(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	(void)wrong;
	return i->map == MAP_ONE && i->opcode == 0x63 && i->operand_size == 2;
}

static bool lock_neg(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	return i->op == OP_NEG && i->lock && strcmp(wrong, "flags") == 0;
}

static struct {
	const char *name;
	bool (*applies)(const struct world *w, const struct insn *i, const char *wrong);
	const char *reason;
	unsigned long count;
} exceptions[] = {
	{ "protection and alignment", not_checked,
	  "SDM: segment types and limits, MOVAPS, CMPXCHG16B: #GP, #SS; Unicorn's translator looks at neither", 0 },
	{ "LAHF, SAHF with REX", ah_with_rex, "REX changes the names of byte operands, not of these: Unicorn takes SPL for AH", 0 },
	{ "hint NOPs", hint, "the decoder's table says why", 0 },
	{ "REX not last", rex_before_prefix, "the decoder's table says why", 0 },
	{ "null override beside FS, GS", null_and_far, "the decoder's table says why", 0 },
	{ "BSF, BSR of 0", scan_of_zero, "the register is undefined; Intel's processors leave it, Unicorn clears its upper half", 0 },
	{ "RET n", ret_signed, "the count is unsigned; Unicorn extends its sign", 0 },
	{ "TEST by F6 /1, F7 /1", test_alias, "an alias that processors have; Unicorn has not", 0 },
	{ "REX.R and an opcode in ModR/M", rex_r_extension, "SDM, \"REX Prefixes\": ignored there; #UD for Unicorn", 0 },
	{ "target not canonical", target_not_canonical, "#GP of the branch itself; Unicorn goes there", 0 },
	{ "66 with F2 or F3", size_and_rep, "F2 and F3 go before 66 among mandatory prefixes; Unicorn takes 66", 0 },
	{ "F2 and F3 together", both_reps, "the last one counts (tried on an AMD EPYC); for Unicorn F2 does with strings, F3 with scans", 0 },
	{ "CMPXCHG of equals", accumulator, "EAX is not written then, and RAX keeps its upper half (tried on an AMD EPYC); Unicorn clears it", 0 },
	{ "MOVSXD of 16 bits", movsxd_16, "the decoder's table says why", 0 },
	{ "LOCK NEG", lock_neg, "Unicorn makes the flags from something else than the result; without LOCK both agree", 0 },
	{ "near branch with 66", branch_66, "Intel's processors ignore the prefix in 64-bit mode, Unicorn follows AMD's", 0 },
};
