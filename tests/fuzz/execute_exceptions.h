/* Where Unicorn 2 and the executor differ, and why the executor stays as it is. */
/* Part: tests, on the host; included by execute_judge.c only. */

/* What cannot be asked of Unicorn as it is set up here; unit tests look at these. */
static bool not_comparable(const struct world *w, const struct insn *i)
{
	switch (i->op) {
	case OP_MOV_TO_SEG: case OP_POP_SEG: case OP_LFP: case OP_JMPF: case OP_CALLF: case OP_RETF:
		return w->bits != 16;	/* no descriptor tables */
	case OP_CLI: case OP_STI: case OP_POPF: case OP_SMSW:
		return true;
	default:
		return false;
	}
}

static bool never(const struct world *w, const struct insn *i, const char *wrong)
{
	(void)w;
	(void)i;
	(void)wrong;
	return false;
}

static struct {
	const char *name;
	bool (*applies)(const struct world *w, const struct insn *i, const char *wrong);
	const char *reason;
	unsigned long count;
} exceptions[] = {
	{ "none", never, "", 0 },
};
