# Builds, runs and tests VM/64; `make help` lists what can be asked for.
# Part in the monitor: none.

BUILD := build
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/sh

# What is missing from Debian's packages is installed before anything is compiled. With nothing missing this is one
# question to dpkg, so it is asked every time rather than remembered in a file that may have grown untrue.
GOALS := $(or $(MAKECMDGOALS),all)
SETUP_FOR := $(if $(filter test test-% fuzz% format,$(GOALS)),test,$(if $(filter run bench,$(GOALS)),run,build))
ifneq ($(filter-out clean help setup,$(GOALS)),)
ifneq ($(shell scripts/setup $(SETUP_FOR) 1>&2 && echo done),done)
$(error scripts/setup $(SETUP_FOR) failed)
endif
endif

-include mk/kernel.mk
-include boot/efi/efi.mk
-include guests/guests.mk
-include tests/unit/unit.mk
-include tests/fuzz/fuzz.mk

KERNEL := $(BUILD)/vm64.elf
EFI_APP := $(BUILD)/BOOTX64.EFI
DIRECTORY ?= guests/demo.directory
IMAGE_INPUTS = $(KERNEL) $(GUESTS_ALL) $(DIRECTORY) scripts/vm64 $(wildcard scripts/vm64lib/*.py boot/grub/*)

.PHONY: all kernel efi guests iso usb run bench test test-long test-unit test-system check clean help format setup
all: kernel efi guests
kernel: $(KERNEL)
efi: $(EFI_APP)
iso: $(BUILD)/vm64.iso
usb: $(BUILD)/vm64-usb.img

$(BUILD)/vm64.iso: $(IMAGE_INPUTS)
	scripts/vm64 image iso $@ --directory $(DIRECTORY)

$(BUILD)/vm64-usb.img: $(IMAGE_INPUTS) $(EFI_APP)
	scripts/vm64 image usb $@ --directory $(DIRECTORY)

run: all
	scripts/vm64 run --directory $(DIRECTORY) $(RUN)

bench: all
	scripts/vm64 bench $(BENCH)

test: check test-unit test-fuzz test-system

# Every processor model with the whole demonstration, a pass of memtest86+, a minute of clocks; takes some minutes more.
test-long: export VM64_LONG := 1
test-long: test

check:
	scripts/check-includes

test-system: all guests-foreign iso usb
	scripts/test-system $(TESTS)

setup:
	scripts/setup test

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)

help:
	@echo 'make           the kernel, the UEFI loader and the guests, in $(BUILD)/'
	@echo 'make run       the same, then the demonstration, its operator console in this terminal'
	@echo '               (RUN="--engine tcg --boot bios ..." gives options to scripts/vm64 run)'
	@echo 'make test      unit tests and system tests (TESTS="-k name" gives options to pytest)'
	@echo 'make fuzz      the interpreter against Capstone and Unicorn, FUZZ_CASES=N cases; make fuzz-coverage: under libFuzzer'
	@echo 'make test-long the same on every processor model with the whole demonstration'
	@echo 'make iso       $(BUILD)/vm64.iso: hybrid, started by GRUB from BIOS and from UEFI'
	@echo 'make usb       $(BUILD)/vm64-usb.img: GPT, started by our own loader from UEFI'
	@echo 'make guests-foreign  the guests of docs/guests.md, out of packages of Debian'
	@echo 'make bench     measures, as a table (BENCH="--json" as JSON)'
	@echo 'make format    clang-format over the C sources'
	@echo 'make clean     removes $(BUILD)/'
	@echo 'Other directory of users: make run DIRECTORY=FILE. See also scripts/vm64 --help.'
