/* The moves among SSE and AVX instructions. */
/* Part: interpreter/; what reaches a device with vector registers is one of them, nearly always. The rest: decode_direct.c. */
#include "vmm/interpreter/decode.h"

struct move {
	uint8_t opcode, pp, op, form;
	uint8_t width;		/* bytes of memory; 0 = the vector's */
	bool aligned, memory_only;
};

static const struct move moves_0f[] = {
	{ 0x10, PP_NONE, OP_MOVV, FORM_R_RM, 0, false, false }, { 0x11, PP_NONE, OP_MOVV, FORM_RM_R, 0, false, false },
	{ 0x10, PP_66, OP_MOVV, FORM_R_RM, 0, false, false }, { 0x11, PP_66, OP_MOVV, FORM_RM_R, 0, false, false },
	{ 0x10, PP_F3, OP_MOVSCALAR, FORM_R_RM, 4, false, false }, { 0x11, PP_F3, OP_MOVSCALAR, FORM_RM_R, 4, false, false },
	{ 0x10, PP_F2, OP_MOVSCALAR, FORM_R_RM, 8, false, false }, { 0x11, PP_F2, OP_MOVSCALAR, FORM_RM_R, 8, false, false },
	{ 0x12, PP_NONE, OP_MOVLOW, FORM_R_RM, 8, false, false }, { 0x13, PP_NONE, OP_MOVLOW, FORM_RM_R, 8, false, true },
	{ 0x12, PP_66, OP_MOVLOW, FORM_R_RM, 8, false, true }, { 0x13, PP_66, OP_MOVLOW, FORM_RM_R, 8, false, true },
	{ 0x16, PP_NONE, OP_MOVHIGH, FORM_R_RM, 8, false, false }, { 0x17, PP_NONE, OP_MOVHIGH, FORM_RM_R, 8, false, true },
	{ 0x16, PP_66, OP_MOVHIGH, FORM_R_RM, 8, false, true }, { 0x17, PP_66, OP_MOVHIGH, FORM_RM_R, 8, false, true },
	{ 0x28, PP_NONE, OP_MOVV, FORM_R_RM, 0, true, false }, { 0x29, PP_NONE, OP_MOVV, FORM_RM_R, 0, true, false },
	{ 0x28, PP_66, OP_MOVV, FORM_R_RM, 0, true, false }, { 0x29, PP_66, OP_MOVV, FORM_RM_R, 0, true, false },
	{ 0x2b, PP_NONE, OP_MOVV, FORM_RM_R, 0, true, true }, { 0x2b, PP_66, OP_MOVV, FORM_RM_R, 0, true, true },
	{ 0x6e, PP_66, OP_MOVD, FORM_R_RM, 4, false, false }, { 0x7e, PP_66, OP_MOVD, FORM_RM_R, 4, false, false },
	{ 0x6f, PP_66, OP_MOVV, FORM_R_RM, 0, true, false }, { 0x7f, PP_66, OP_MOVV, FORM_RM_R, 0, true, false },
	{ 0x6f, PP_F3, OP_MOVV, FORM_R_RM, 0, false, false }, { 0x7f, PP_F3, OP_MOVV, FORM_RM_R, 0, false, false },
	{ 0x7e, PP_F3, OP_MOVQ, FORM_R_RM, 8, false, false }, { 0xd6, PP_66, OP_MOVQ, FORM_RM_R, 8, false, false },
	{ 0xe7, PP_66, OP_MOVV, FORM_RM_R, 0, true, true }, { 0xf0, PP_F2, OP_MOVV, FORM_R_RM, 0, false, true },
};

/* MOVNTDQA */
static const struct move move_0f38 = { 0x2a, PP_66, OP_MOVV, FORM_R_RM, 0, true, true };

/* Those that read a second register in their VEX form name it in vvvv; the others must have 1111b there, and so 0 here. */
static bool vex_fits(const struct insn *i, const struct move *m)
{
	bool merges = (m->op == OP_MOVLOW || m->op == OP_MOVHIGH) ? m->form == FORM_R_RM : m->op == OP_MOVSCALAR && !i->memory;

	if (!merges && i->vvvv != 0)
		return false;
	return m->op == OP_MOVV || m->op == OP_MOVSCALAR || i->vector == 16;
}

void decode_vector_move(struct insn *i)
{
	const struct move *m = NULL;

	if (i->map == MAP_0F38 && i->opcode == move_0f38.opcode && i->pp == move_0f38.pp)
		m = &move_0f38;
	for (size_t n = 0; i->map == MAP_0F && m == NULL && n < ARRAY_LEN(moves_0f); n++)
		if (moves_0f[n].opcode == i->opcode && moves_0f[n].pp == i->pp)
			m = &moves_0f[n];
	if (m == NULL || (m->memory_only && !i->memory) || (i->vex && !vex_fits(i, m)))
		return;
	i->op = m->op;
	i->form = m->form;
	i->aligned = m->aligned;
	i->width = m->width != 0 ? m->width : i->vex ? i->vector : 16;
	if (m->op == OP_MOVD && (i->rex & REX_W))
		i->width = 8;
}
