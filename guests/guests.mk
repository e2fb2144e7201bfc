# Builds the guests: our own (NASM, one file each) and the Linux ones (fetched kernel, made initrd).
# Part in the monitor: none; what is built here is what the monitor carries.

BUILD ?= build
GUESTS_BUILD := $(BUILD)/guests
GUESTS_LINUX := $(GUESTS_BUILD)/linux

GUESTS_DEMO := hello ticker bounds
GUESTS_HOSTILE := triple wait loop ports msrs vmxall space walker writer stormac stormdb
GUESTS_HOSTILE += keeper sensitive interp
GUESTS_NAMES := $(GUESTS_DEMO) $(GUESTS_HOSTILE) bench

GUESTS_LIB := $(wildcard guests/lib/*.inc)
GUESTS_BINS := $(GUESTS_NAMES:%=$(GUESTS_BUILD)/%.bin)
GUESTS_ALL := $(GUESTS_BINS) $(GUESTS_LINUX)/vmlinuz $(GUESTS_LINUX)/initrd

.PHONY: guests guests-own guests-linux
guests: guests-own guests-linux
guests-own: $(GUESTS_BINS)
guests-linux: $(GUESTS_LINUX)/vmlinuz $(GUESTS_LINUX)/initrd

$(GUESTS_BUILD)/%.bin: guests/%.asm $(GUESTS_LIB) guests/guests.mk
	@mkdir -p $(@D)
	nasm -f bin -Wall -Wno-unknown-warning -Werror -Iguests/ -o $@ $<

# The kernel is fetched once; `make clean` is the way to ask for a newer one.
$(GUESTS_LINUX)/vmlinuz: guests/linux/kernel.sh
	guests/linux/kernel.sh $(@D)
	@touch $@

$(GUESTS_LINUX)/busybox: guests/linux/busybox.sh
	guests/linux/busybox.sh $@
	@touch $@

$(GUESTS_LINUX)/vmtool: guests/linux/vmtool.c
	@mkdir -p $(@D)
	gcc -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wconversion -Werror -ffreestanding -fno-pic \
		-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
		-fno-tree-loop-distribute-patterns -nostdlib -static -no-pie -s \
		-Wl,--build-id=none -o $@ $<

$(GUESTS_LINUX)/initrd: guests/linux/mkinitrd.py guests/linux/init guests/linux/profile \
		$(GUESTS_LINUX)/busybox $(GUESTS_LINUX)/vmtool
	guests/linux/mkinitrd.py --busybox $(GUESTS_LINUX)/busybox --tool $(GUESTS_LINUX)/vmtool \
		--init guests/linux/init --profile guests/linux/profile $@
