/* kernel_main: what boot/multiboot2 and the EFI entry call. */
/* Part: arch/x86. */
#ifndef ARCH_X86_MAIN_H
#define ARCH_X86_MAIN_H

#include "boot/boot_info.h"

void kernel_main(struct boot_info *bi) __attribute__((noreturn));

#endif
