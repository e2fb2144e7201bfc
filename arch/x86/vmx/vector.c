/* A guest's vector registers, for instructions that the interpreter executes. */
/* Part: arch/x86/vmx; CP is compiled without them, so what the processor holds after an exit is the guest's still. */
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/vmx.h"

struct bytes16 { uint8_t b[16]; };
struct bytes32 { uint8_t b[32]; };

#define SIXTEEN(ONE) ONE(0) ONE(1) ONE(2) ONE(3) ONE(4) ONE(5) ONE(6) ONE(7) ONE(8) ONE(9) ONE(10) ONE(11) ONE(12) ONE(13) ONE(14) ONE(15)

#define GET_XMM(n) case n: __asm__ volatile("movdqu %%xmm" #n ", %0" : "=m"(*(struct bytes16 *)to)); break;
#define GET_YMM(n) case n: __asm__ volatile("vmovdqu %%ymm" #n ", %0" : "=m"(*(struct bytes32 *)to)); break;
#define SET_XMM(n) case n: __asm__ volatile("movdqu %0, %%xmm" #n : : "m"(*(const struct bytes16 *)from)); break;
#define SET_XMM_ZERO(n) case n: __asm__ volatile("vmovdqu %0, %%xmm" #n : : "m"(*(const struct bytes16 *)from)); break;
#define SET_YMM(n) case n: __asm__ volatile("vmovdqu %0, %%ymm" #n : : "m"(*(const struct bytes32 *)from)); break;

/* The compiler does not know these registers, so nothing need be told about their change. */
void arch_vcpu_get_vector(struct arch_vcpu *av, unsigned int n, void *to, unsigned int bytes)
{
	vmx_make_resident(av->vmx);
	if (bytes == 32)
		switch (n & 15) { SIXTEEN(GET_YMM) }
	else
		switch (n & 15) { SIXTEEN(GET_XMM) }
}

void arch_vcpu_set_vector(struct arch_vcpu *av, unsigned int n, const void *from, unsigned int bytes, bool zero_rest)
{
	vmx_make_resident(av->vmx);
	if (bytes == 32)
		switch (n & 15) { SIXTEEN(SET_YMM) }
	else if (zero_rest)
		switch (n & 15) { SIXTEEN(SET_XMM_ZERO) }
	else
		switch (n & 15) { SIXTEEN(SET_XMM) }
}
