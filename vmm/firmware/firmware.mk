# The DSDT: compiled by iasl (package acpica-tools) and made an array, so that unit tests link it too.
# Part: gives mk/kernel.mk the file build/firmware/dsdt.o.

build/firmware/dsdt.c: vmm/firmware/dsdt.asl vmm/firmware/firmware.mk
	@mkdir -p build/firmware
	@command -v iasl >/dev/null || { echo "no iasl: install acpica-tools" >&2; exit 1; }
	iasl -oa -p build/firmware/dsdt $< >build/firmware/dsdt.log 2>&1 || { cat build/firmware/dsdt.log >&2; exit 1; }
	@{ echo '/* Made from vmm/firmware/dsdt.asl. */'; echo '#include "vmm/firmware/acpi.h"'; \
	echo 'const uint8_t acpi_dsdt[] = {'; od -An -v -tu1 build/firmware/dsdt.aml | sed 's/\([0-9][0-9]*\)/\1,/g'; \
	echo '};'; echo 'const uint32_t acpi_dsdt_size = sizeof(acpi_dsdt);'; } >$@

build/firmware/dsdt.o: build/firmware/dsdt.c mk/kernel.mk
	$(KERNEL_CC) $(KERNEL_CFLAGS) -c $< -o $@
