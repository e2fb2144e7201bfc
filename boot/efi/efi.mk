# Builds build/BOOTX64.EFI, the UEFI loader, with Debian's gnu-efi.
# Part: included by the Makefile at the root.

BUILD ?= build
EFI_CC ?= gcc
EFI_LD ?= ld
EFI_OBJCOPY ?= objcopy
EFI_NASM ?= nasm
GNU_EFI_INCLUDE ?= /usr/include/efi
GNU_EFI_LIB ?= /usr/lib

EFI_OUT := $(BUILD)/efi
EFI_C := boot/efi/loader.c boot/efi/volume.c boot/efi/storage.c boot/efi/screen.c \
	boot/efi/machine.c boot/efi/handoff.c boot/efi/paging.c boot/efi/elf.c \
	boot/memmap.c lib/dirscan.c
EFI_ASM := boot/efi/trampoline.asm
EFI_OBJS := $(EFI_C:%.c=$(EFI_OUT)/%.o) $(EFI_ASM:%.asm=$(EFI_OUT)/%.o)

# UEFI has 16-bit characters and its own calling convention; the file is a relocatable PE.
EFI_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wundef -Wmissing-prototypes \
	-Wstrict-prototypes -Werror -ffreestanding -fpic -fshort-wchar -mno-red-zone \
	-fno-stack-protector -fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI -I. \
	-isystem $(GNU_EFI_INCLUDE) -isystem $(GNU_EFI_INCLUDE)/x86_64
EFI_LDFLAGS := -nostdlib -znocombreloc -znoexecstack -shared -Bsymbolic \
	--no-undefined --fatal-warnings --no-warn-rwx-segments \
	-T $(GNU_EFI_LIB)/elf_x86_64_efi.lds -L $(GNU_EFI_LIB)
EFI_SECTIONS := .text .sdata .data .dynamic .dynsym .rel .rela .rel.* .rela.* .reloc

$(BUILD)/BOOTX64.EFI: $(EFI_OUT)/loader.so
	$(EFI_OBJCOPY) $(addprefix -j ,$(EFI_SECTIONS)) --target=efi-app-x86_64 $< $@

$(EFI_OUT)/loader.so: $(EFI_OBJS)
	$(EFI_LD) $(EFI_LDFLAGS) $(GNU_EFI_LIB)/crt0-efi-x86_64.o $(EFI_OBJS) -o $@ -lefi -lgnuefi

$(EFI_OUT)/%.o: %.c boot/efi/efi.mk
	@mkdir -p $(@D)
	$(EFI_CC) $(EFI_CFLAGS) -MMD -MP -c $< -o $@

$(EFI_OUT)/%.o: %.asm boot/efi/efi.mk
	@mkdir -p $(@D)
	$(EFI_NASM) -f elf64 -Wall -Werror $< -o $@

-include $(EFI_OBJS:.o=.d)
