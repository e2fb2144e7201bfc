/* The entry-state audit: which rule of the SDM the guest's state breaks first. */
/* Part: arch/x86/vmx; run when a VM entry failed, never on the exit path. */
#ifndef ARCH_X86_VMX_AUDIT_H
#define ARCH_X86_VMX_AUDIT_H

#include "arch/api/vcpu.h"

/* NULL = no rule known here is broken. Reads the current VMCS of `av`. */
const char *audit_guest_state(struct arch_vcpu *av);

#endif
