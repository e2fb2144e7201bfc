/* The stack protector's two names, which only the compiler calls. */
/* Part: arch/x86; compiled without link-time optimization, which would not see that they are used. */
#include "arch/api/cpu.h"

extern uintptr_t __stack_chk_guard;
void __stack_chk_fail(void) __attribute__((noreturn));

uintptr_t __stack_chk_guard = 0x595e9fbd94fda766ull;

void __stack_chk_fail(void)
{
	cpu_panic("A STACK FRAME WAS OVERWRITTEN, CALLER %p", __builtin_return_address(0));
}
