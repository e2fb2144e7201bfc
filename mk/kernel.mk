# The kernel, build/vm64.elf: one list of objects for each layer, so that the layering shows.
# Part: included by the Makefile at the root.

BUILD ?= build
KERNEL_CC ?= gcc
NASM ?= nasm

KERNEL_BOOT := boot/multiboot2/entry.asm boot/multiboot2/multiboot2.c boot/multiboot2/start.c boot/memmap.c

KERNEL_ARCH := arch/x86/main.c arch/x86/processor.c arch/x86/stack_guard.c arch/x86/percpu.c arch/x86/paging.c arch/x86/apic.c \
	arch/x86/traps.asm arch/x86/traps.c arch/x86/random.c

KERNEL_VMX := arch/x86/vmx/entry.asm arch/x86/vmx/run.c arch/x86/vmx/exit.c arch/x86/vmx/vmx.c \
	arch/x86/vmx/state.c arch/x86/vmx/ept.c arch/x86/vmx/mtrr.c arch/x86/vmx/extended.c arch/x86/vmx/vector.c \
	arch/x86/vmx/x87_stubs.asm arch/x86/vmx/x87.c arch/x86/vmx/direct_run.asm arch/x86/vmx/direct.c \
	arch/x86/vmx/audit.c arch/x86/vmx/vapic.c arch/x86/vmx/gate.c arch/x86/vmx/gate_read.c

KERNEL_VMM := vmm/dispatcher.c \
	$(sort $(wildcard vmm/allocator/*.c)) $(sort $(wildcard vmm/interpreter/*.c)) \
	$(sort $(wildcard vmm/machine/*.c)) $(sort $(wildcard vmm/devices/*.c)) \
	$(sort $(wildcard vmm/firmware/*.c)) $(sort $(wildcard vmm/ipl/*.c)) $(sort $(wildcard vmm/cp/*.c))

KERNEL_DRIVERS := $(sort $(wildcard drivers/*.c))

KERNEL_LIB := lib/string.c lib/printf.c

KERNEL_SOURCES := $(KERNEL_BOOT) $(KERNEL_ARCH) $(KERNEL_VMX) $(KERNEL_VMM) $(KERNEL_DRIVERS) $(KERNEL_LIB)
KERNEL_OUT := $(BUILD)/kernel
KERNEL_OBJS := $(patsubst %.c,$(KERNEL_OUT)/%.o,$(filter %.c,$(KERNEL_SOURCES))) \
	$(patsubst %.asm,$(KERNEL_OUT)/%.asm.o,$(filter %.asm,$(KERNEL_SOURCES)))

KERNEL_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -Wall -Wextra -Wshadow -Wundef -Wmissing-prototypes \
	-Wstrict-prototypes -Wconversion -Werror -mno-red-zone -mgeneral-regs-only -mcmodel=kernel -fno-pic -fno-pie \
	-fstack-protector-strong -mstack-protector-guard=global -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing -fno-common -ffunction-sections -flto=auto -I.

# Link-time optimization, because the exit path crosses layers (dispatcher, arch, back) and should not pay for it.
KERNEL_LDFLAGS := -static -no-pie -nostdlib -Wl,-T,linker.ld,--orphan-handling=error,-z,max-page-size=4096 \
	-Wl,-z,noexecstack,--build-id=none,--fatal-warnings,--gc-sections

include drivers/drivers.mk
include vmm/firmware/firmware.mk

$(BUILD)/vm64.elf: $(KERNEL_OBJS) $(BUILD)/font.o $(BUILD)/firmware/dsdt.o linker.ld
	$(KERNEL_CC) $(KERNEL_CFLAGS) $(KERNEL_LDFLAGS) $(KERNEL_OBJS) $(BUILD)/font.o $(BUILD)/firmware/dsdt.o -o $@

$(KERNEL_OUT)/%.o: %.c mk/kernel.mk
	@mkdir -p $(@D)
	$(KERNEL_CC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(KERNEL_OUT)/%.asm.o: %.asm mk/kernel.mk
	@mkdir -p $(@D)
	$(NASM) -f elf64 -Wall -Werror $< -o $@

# The compiler itself calls these, after link-time optimization has looked who is called.
$(KERNEL_OUT)/arch/x86/stack_guard.o $(KERNEL_OUT)/lib/string.o: KERNEL_CFLAGS += -fno-lto

-include $(patsubst %.o,%.d,$(KERNEL_OBJS))
