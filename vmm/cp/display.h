/* Registers and storage of a machine, as lines for the operator. */
/* Part: cp/; shared by DISPLAY, STORE and DUMP. */
#ifndef VMM_CP_DISPLAY_H
#define VMM_CP_DISPLAY_H

#include "vmm/machine/vm.h"

struct display_register {
	const char *name;
	enum vreg reg;
};
/* What X means, by number. */
extern const struct display_register display_registers[];
extern const size_t display_registers_count;

void display_psw(struct vm *vm);
void display_general(struct vm *vm, unsigned int first, unsigned int last);
void display_control(struct vm *vm, size_t first, size_t last);
void display_segments(struct vm *vm);

#endif
