/* What the loader asks of, and does to, the machine: ACPI, PCI, the processor. */
/* Part: boot/efi, the way in from UEFI. */
#include "boot/efi/loader.h"

#include <efipciio.h>

/* PCI Local Bus Specification, "Configuration Space Organization". */
#define PCI_COMMAND 0x04
#define PCI_COMMAND_BUS_MASTER 0x0004u
#define PCI_BASE_CLASS 0x0b
#define PCI_CLASS_BRIDGE 0x06

#define CPUID_EXTENDED_MAX 0x80000000u
#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_EDX_1GIB_PAGES (1u << 26)

static uint64_t find_table(EFI_SYSTEM_TABLE *table, EFI_GUID wanted)
{
	UINTN i;

	for (i = 0; i < table->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *entry = &table->ConfigurationTable[i];

		if (CompareGuid(&entry->VendorGuid, &wanted) == 0)
			return (uint64_t)entry->VendorTable;
	}
	return 0;
}

uint64_t machine_find_rsdp(EFI_SYSTEM_TABLE *table)
{
	EFI_GUID acpi_2 = ACPI_20_TABLE_GUID;
	EFI_GUID acpi_1 = ACPI_TABLE_GUID;
	uint64_t rsdp = find_table(table, acpi_2);

	return rsdp ? rsdp : find_table(table, acpi_1);
}

/*
 * A device that still writes to storage would hit whatever the kernel has put there. Bridges stay
 * as they are: with their bit clear the devices behind them could not be used again by themselves.
 */
static bool stop_one(EFI_PCI_IO_PROTOCOL *pci)
{
	UINT16 command = 0;
	UINT8 base_class = 0;

	if (EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint8, PCI_BASE_CLASS, 1, &base_class)) ||
	    base_class == PCI_CLASS_BRIDGE)
		return false;
	if (EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint16, PCI_COMMAND, 1, &command)) ||
	    (command & PCI_COMMAND_BUS_MASTER) == 0)
		return false;
	command &= (UINT16)~PCI_COMMAND_BUS_MASTER;
	return !EFI_ERROR(pci->Pci.Write(pci, EfiPciIoWidthUint16, PCI_COMMAND, 1, &command));
}

uint32_t machine_stop_bus_masters(void)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles = 0;
	UINTN count = 0;
	uint32_t stopped = 0;
	UINTN i;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &guid, 0, &count, &handles)))
		return 0;
	for (i = 0; i < count; i++) {
		EFI_PCI_IO_PROTOCOL *pci = 0;

		if (!EFI_ERROR(BS->HandleProtocol(handles[i], &guid, (void **)&pci)) &&
		    stop_one(pci))
			stopped++;
	}
	BS->FreePool(handles);
	return stopped;
}

bool machine_has_gib_pages(void)
{
	uint32_t a = CPUID_EXTENDED_MAX, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (a < CPUID_EXTENDED_FEATURES)
		return false;
	a = CPUID_EXTENDED_FEATURES;
	c = 0;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (d & CPUID_EDX_1GIB_PAGES) != 0;
}
