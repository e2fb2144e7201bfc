# Builds the guests: our own (NASM, one file each) and those from Debian's packages (fetched, put together, unmodified).
# Part in the monitor: none; what is built here is what the monitor carries.

BUILD ?= build
GUESTS_BUILD := $(BUILD)/guests
GUESTS_LINUX := $(GUESTS_BUILD)/linux
GUESTS_DEBIAN := $(GUESTS_BUILD)/debian
GUESTS_OTHER := $(GUESTS_BUILD)/other

GUESTS_DEMO := hello ticker bounds
GUESTS_HOSTILE := triple wait loop ports msrs vmxall space walker writer stormac stormdb
GUESTS_HOSTILE += keeper sensitive interp direct tasks fuzzpci fuzzmmio fuzzvirtio fuzzfwcfg fuzzcode
GUESTS_NAMES := $(GUESTS_DEMO) $(GUESTS_HOSTILE) bench diskbench multiboot2 clocks many lan

# Programs that print the same on the machine itself (tests/system/test_equivalence.py).
GUESTS_EQUIV := $(addprefix $(GUESTS_BUILD)/equiv/,initial.bin cpu64.bin cpu32.bin random64.bin random32.bin pages.bin tasks.bin \
	gates.bin gates64.bin apic.bin devices.bin priority.bin board.bin video.bin optical.bin walk.bin walkbus.bin walkvideo.bin \
	restart.bin bios.img drives.img)
GUESTS_LIB := $(wildcard guests/lib/*.inc guests/equiv/*.inc)
GUESTS_BINS := $(GUESTS_NAMES:%=$(GUESTS_BUILD)/%.bin)
GUESTS_ALL := $(GUESTS_BINS) $(GUESTS_LINUX)/vmlinuz $(GUESTS_LINUX)/initrd
# What only the tests of foreign guests need; not on the demonstration's boot media.
GUESTS_FOREIGN := $(addprefix $(GUESTS_DEBIAN)/,vmlinuz-amd64 initrd-amd64 vmlinuz-686 initrd-686 root.squashfs) \
	$(addprefix $(GUESTS_OTHER)/,memtest64.bin memtest32.bin memtest.img rescue.iso ipxe.iso ipxe.lkrn \
	xen.gz example.elf u-boot.rom)

.PHONY: guests guests-own guests-linux guests-foreign
guests: guests-own guests-linux
guests-foreign: $(GUESTS_FOREIGN)
guests-own: $(GUESTS_BINS) $(GUESTS_EQUIV)
guests-linux: $(GUESTS_LINUX)/vmlinuz $(GUESTS_LINUX)/initrd

$(GUESTS_BUILD)/%.bin: guests/%.asm $(GUESTS_LIB) guests/guests.mk
	@mkdir -p $(@D)
	nasm -f bin -Wall -Wno-unknown-warning -Werror -Iguests/ -o $@ $<

# A disk image.
$(GUESTS_BUILD)/equiv/%.img: guests/equiv/%.asm $(GUESTS_LIB) guests/guests.mk
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

# Debian's full kernels, the 32-bit one from the i386 archive, each with an initial RAM disk of its own modules.
GUESTS_RECIPE := guests/fetch.sh guests/debian/kernel.sh guests/debian/modules.list
$(GUESTS_DEBIAN)/amd64/vmlinuz: $(GUESTS_RECIPE)
	guests/debian/kernel.sh amd64 linux-image-amd64 $(@D)
$(GUESTS_DEBIAN)/i386/vmlinuz: $(GUESTS_RECIPE)
	guests/debian/kernel.sh i386 linux-image-686-pae $(@D)

$(GUESTS_DEBIAN)/vmlinuz-amd64: $(GUESTS_DEBIAN)/amd64/vmlinuz
	cp $< $@
$(GUESTS_DEBIAN)/vmlinuz-686: $(GUESTS_DEBIAN)/i386/vmlinuz
	cp $< $@

$(GUESTS_DEBIAN)/i386/bin/busybox: guests/fetch.sh
	guests/fetch.sh --arch i386 $(GUESTS_DEBIAN)/i386 busybox-static ./bin/busybox
	@touch $@

GUESTS_INITRD := guests/linux/mkinitrd.py guests/debian/init guests/debian/profile $(GUESTS_LINUX)/busybox
GUESTS_MKINITRD = guests/linux/mkinitrd.py --init guests/debian/init --profile guests/debian/profile
$(GUESTS_DEBIAN)/initrd-amd64: $(GUESTS_INITRD) $(GUESTS_LINUX)/vmtool $(GUESTS_DEBIAN)/amd64/vmlinuz
	$(GUESTS_MKINITRD) --busybox $(GUESTS_LINUX)/busybox --tool $(GUESTS_LINUX)/vmtool \
		--modules $(GUESTS_DEBIAN)/amd64/modules $@
$(GUESTS_DEBIAN)/initrd-686: $(GUESTS_INITRD) $(GUESTS_DEBIAN)/i386/bin/busybox $(GUESTS_DEBIAN)/i386/vmlinuz
	$(GUESTS_MKINITRD) --busybox $(GUESTS_DEBIAN)/i386/bin/busybox --applets $(GUESTS_LINUX)/busybox \
		--modules $(GUESTS_DEBIAN)/i386/modules $@

$(GUESTS_DEBIAN)/root.squashfs: $(wildcard guests/rootfs/*)
	guests/rootfs/make.sh $@

# memtest86+ as Linux-protocol images and on a BIOS disk, GRUB's rescue shell and iPXE on CDs.
$(GUESTS_OTHER)/memtest/package: guests/fetch.sh
	guests/fetch.sh $(@D) memtest86+ './boot/memtest86+*.bin'
	@touch $@
$(GUESTS_OTHER)/memtest64.bin: $(GUESTS_OTHER)/memtest/package
	cp $(GUESTS_OTHER)/memtest/boot/memtest86+x64.bin $@
$(GUESTS_OTHER)/memtest32.bin: $(GUESTS_OTHER)/memtest/package
	cp $(GUESTS_OTHER)/memtest/boot/memtest86+ia32.bin $@
$(GUESTS_OTHER)/memtest.img: $(GUESTS_OTHER)/memtest64.bin guests/memtest/disk.sh
	guests/memtest/disk.sh $< $@
$(GUESTS_OTHER)/rescue.iso: guests/grub/rescue.sh
	guests/grub/rescue.sh $@
$(GUESTS_OTHER)/ipxe/package: guests/fetch.sh
	guests/fetch.sh $(@D) ipxe ./usr/lib/ipxe/ipxe.iso ./boot/ipxe.lkrn
	@touch $@
$(GUESTS_OTHER)/ipxe.iso: $(GUESTS_OTHER)/ipxe/package
	cp $(GUESTS_OTHER)/ipxe/usr/lib/ipxe/ipxe.iso $@
$(GUESTS_OTHER)/ipxe.lkrn: $(GUESTS_OTHER)/ipxe/package
	cp $(GUESTS_OTHER)/ipxe/boot/ipxe.lkrn $@

# Xen, the kernel that the multiboot specification has as its example, U-Boot as a PC's firmware.
$(GUESTS_OTHER)/xen/package: guests/fetch.sh
	guests/fetch.sh --follow $(@D) xen-system-amd64 './boot/xen-*-amd64.gz'
	@touch $@
$(GUESTS_OTHER)/xen.gz: $(GUESTS_OTHER)/xen/package
	cp $(GUESTS_OTHER)/xen/boot/xen-*-amd64.gz $@
$(GUESTS_OTHER)/multiboot/package: guests/fetch.sh
	guests/fetch.sh $(@D) multiboot ./usr/lib/multiboot/examples/kernel
	@touch $@
$(GUESTS_OTHER)/example.elf: $(GUESTS_OTHER)/multiboot/package
	cp $(GUESTS_OTHER)/multiboot/usr/lib/multiboot/examples/kernel $@
$(GUESTS_OTHER)/u-boot/package: guests/fetch.sh
	guests/fetch.sh $(@D) u-boot-qemu ./usr/lib/u-boot/qemu-x86/u-boot.rom
	@touch $@
$(GUESTS_OTHER)/u-boot.rom: $(GUESTS_OTHER)/u-boot/package
	cp $(GUESTS_OTHER)/u-boot/usr/lib/u-boot/qemu-x86/u-boot.rom $@
