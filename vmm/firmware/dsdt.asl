/* The differentiated system description table: what devices the PC has, for operating systems that ask ACPI. */
/* Part: firmware/; compiled by iasl at build time. An SSDT made by acpi.c gives the names that differ by machine. */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "VM64  ", "VM64PC  ", 1)
{
	External (\VMEM, IntObj)	// first address above storage that PCI may use
	External (\VUEF, IntObj)	// 1 = started by UEFI, which gives PCI addresses above 4 GiB too
	External (\VCM2, IntObj)	// 1 = there is a second serial port

	Scope (\_SB)
	{
		Processor (CPU0, 0, 0, 0) {}

		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_BBN, 0)

			Name (LOW4, ResourceTemplate () {
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xff, 0, 0x100)
				IO (Decode16, 0x0cf8, 0x0cf8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0, 0x0cf7, 0, 0x0cf8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x0d00, 0xffff, 0, 0xf300)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
					0, 0xa0000, 0xbffff, 0, 0x20000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
					0, 0x80000000, 0xdfffffff, 0, 0x60000000,,, BARS)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
					0, 0xf0000000, 0xfebfffff, 0, 0x0ec00000)
			})
			Name (HIGH, ResourceTemplate () {
				QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
					0, 0x800000000, 0xfffffffff, 0, 0x800000000)
			})

			Method (_CRS, 0, Serialized)
			{
				CreateDWordField (LOW4, \_SB.PCI0.BARS._MIN, BMIN)
				CreateDWordField (LOW4, \_SB.PCI0.BARS._LEN, BLEN)
				BMIN = \VMEM
				BLEN = 0xe0000000 - \VMEM
				If (\VUEF)
				{
					Return (ConcatenateResTemplate (LOW4, HIGH))
				}
				Return (LOW4)
			}

			/* The host bridge's routing: pin and slot choose one of the four lines; the power management
			   function has the SCI for itself. */
			Method (_PRT, 0, Serialized)
			{
				Local0 = Package (128) {}
				Local1 = 0
				While (Local1 < 128)
				{
					Local2 = Local1 >> 2		// slot
					Local3 = Local1 & 3		// pin
					Local4 = (Local2 + Local3 + 3) & 3
					If (Local1 == 4) { Local5 = Package () { 0, 0, LNKS, 0 } }
					ElseIf (Local4 == 0) { Local5 = Package () { 0, 0, LNKA, 0 } }
					ElseIf (Local4 == 1) { Local5 = Package () { 0, 0, LNKB, 0 } }
					ElseIf (Local4 == 2) { Local5 = Package () { 0, 0, LNKC, 0 } }
					Else { Local5 = Package () { 0, 0, LNKD, 0 } }
					Local5 [0] = (Local2 << 16) | 0xffff
					Local5 [1] = Local3
					Local0 [Local1] = Local5
					Local1++
				}
				Return (Local0)
			}

			Device (VGA) { Name (_ADR, 0x00020000) }
			Device (IDE) { Name (_ADR, 0x00010001) }
			Device (PM) { Name (_ADR, 0x00010003) }

			Device (ISA)
			{
				Name (_ADR, 0x00010000)

				Device (PIC)
				{
					Name (_HID, EisaId ("PNP0000"))
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x20, 0x20, 1, 2)
						IO (Decode16, 0xa0, 0xa0, 1, 2)
						IO (Decode16, 0x4d0, 0x4d0, 1, 2)
						IRQNoFlags () { 2 }
					})
				}
				Device (TIMR)
				{
					Name (_HID, EisaId ("PNP0100"))
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x40, 0x40, 1, 4)
						IRQNoFlags () { 0 }
					})
				}
				Device (DMAC)
				{
					Name (_HID, EisaId ("PNP0200"))
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x00, 0x00, 1, 0x10)
						IO (Decode16, 0x80, 0x80, 1, 0x10)
						IO (Decode16, 0xc0, 0xc0, 1, 0x20)
						DMA (Compatibility, NotBusMaster, Transfer8_16) { 4 }
					})
				}
				Device (FPU)
				{
					Name (_HID, EisaId ("PNP0C04"))
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0xf0, 0xf0, 1, 0x10)
						IRQNoFlags () { 13 }
					})
				}
				Device (SPKR)
				{
					Name (_HID, EisaId ("PNP0800"))
					Name (_CRS, ResourceTemplate () { IO (Decode16, 0x61, 0x61, 1, 1) })
				}
				Device (RTC)
				{
					Name (_HID, EisaId ("PNP0B00"))
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x70, 0x70, 1, 8)
						IRQNoFlags () { 8 }
					})
				}
				Device (KBD)
				{
					Name (_HID, EisaId ("PNP0303"))
					Method (_STA) { Return (0x0f) }
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x60, 0x60, 1, 1)
						IO (Decode16, 0x64, 0x64, 1, 1)
						IRQNoFlags () { 1 }
					})
				}
				Device (MOU)
				{
					Name (_HID, EisaId ("PNP0F13"))
					Method (_STA) { Return (0x0f) }
					Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
				}
				Device (COM1)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 1)
					Method (_STA) { Return (0x0f) }
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x3f8, 0x3f8, 1, 8)
						IRQNoFlags () { 4 }
					})
				}
				Device (COM2)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 2)
					Method (_STA)
					{
						If (\VCM2) { Return (0x0f) }
						Return (0)
					}
					Name (_CRS, ResourceTemplate () {
						IO (Decode16, 0x2f8, 0x2f8, 1, 8)
						IRQNoFlags () { 3 }
					})
				}
			}
		}

		Device (LNKA)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 0)
			Name (_STA, 0x0b)
			Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 10 } })
			Method (_CRS) { Return (_PRS) }
			Method (_SRS, 1) {}
			Method (_DIS) {}
		}
		Device (LNKB)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 1)
			Name (_STA, 0x0b)
			Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 10 } })
			Method (_CRS) { Return (_PRS) }
			Method (_SRS, 1) {}
			Method (_DIS) {}
		}
		Device (LNKC)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 2)
			Name (_STA, 0x0b)
			Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 11 } })
			Method (_CRS) { Return (_PRS) }
			Method (_SRS, 1) {}
			Method (_DIS) {}
		}
		Device (LNKD)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 3)
			Name (_STA, 0x0b)
			Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 11 } })
			Method (_CRS) { Return (_PRS) }
			Method (_SRS, 1) {}
			Method (_DIS) {}
		}
		Device (LNKS)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 4)
			Name (_STA, 0x0b)
			Name (_PRS, ResourceTemplate () { Interrupt (, Level, ActiveHigh, Shared) { 9 } })
			Method (_CRS) { Return (_PRS) }
			Method (_SRS, 1) {}
			Method (_DIS) {}
		}

		Device (HPET)
		{
			Name (_HID, EisaId ("PNP0103"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xfed00000, 0x400) })
		}
		Device (FWCF)
		{
			Name (_HID, "QEMU0002")
			Name (_STA, 0x0b)
			Name (_CRS, ResourceTemplate () { IO (Decode16, 0x510, 0x510, 1, 0x0c) })
		}
		/* What is nobody's to give away: configuration space, interrupt controllers, flash, power management. */
		Device (MRES)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate () {
				Memory32Fixed (ReadWrite, 0xe0000000, 0x10000000)
				Memory32Fixed (ReadWrite, 0xfec00000, 0x1000)
				Memory32Fixed (ReadWrite, 0xfee00000, 0x1000)
				Memory32Fixed (ReadOnly, 0xffc00000, 0x400000)
				IO (Decode16, 0x92, 0x92, 1, 1)
				IO (Decode16, 0xb2, 0xb2, 1, 2)
				IO (Decode16, 0x600, 0x600, 1, 0x40)
				IO (Decode16, 0xafe0, 0xafe0, 1, 4)
			})
		}
	}

	Name (\_S5, Package () { 0, 0, 0, 0 })
}
