/* x87 instructions with an operand in memory: the interpreter moves the operand, the processor does the rest. */
/* Part: interpreter/; SDM volume 1, "x87 FPU Exception Conditions" for what an error leaves undone. */
#include "vmm/interpreter/execute_inner.h"

enum interp_result interp_x87(struct interp *x)
{
	const struct insn *i = x->insn;
	bool store = i->op == OP_X87_STORE;
	uint64_t offset = interp_offset(x);
	struct interp_place place;
	uint8_t operand[16] = { 0 };
	enum interp_result r;

	if (x->ops->x87 == NULL)
		return INTERP_UNKNOWN;
	if (interp_cr0(x) & (CR0_EM_BIT | CR0_TS_BIT))
		return interp_raise(x, VECTOR_NM);
	r = interp_prepare(x, &place, i->seg, offset, i->width, store ? INTERP_WRITE : INTERP_READ);
	if (r != INTERP_DONE)
		return r;
	if (!store)
		x->ops->load(x, &place, operand);
	switch (x->ops->x87(x, offset, operand)) {
	case X87_WAITS:
		return interp_raise(x, VECTOR_MF);
	case X87_DONE:
		if (store)
			x->ops->store(x, &place, operand);
		break;
	case X87_NOT_STORED:
		break;
	}
	return INTERP_DONE;
}
