/* Finds and programs the display interface of Bochs and QEMU. */
/* Part: drivers/; registers as in QEMU's docs/specs/standard-vga and Bochs' VBE documentation. */
#include "drivers/bochsvbe.h"
#include "arch/api/cpu.h"

#define PORT_INDEX 0x1ce
#define PORT_DATA  0x1cf

enum { VBE_ID, VBE_WIDTH, VBE_HEIGHT, VBE_DEPTH, VBE_ENABLE, VBE_BANK, VBE_VIRTUAL_WIDTH };

#define VBE_ID_FIRST	0xb0c0
#define VBE_ID_LINEAR	0xb0c2 /* the first version with 32-bit pixels and a linear frame buffer */
#define VBE_ID_LAST	0xb0c5
#define ENABLE_ON	0x01
#define ENABLE_LINEAR	0x40

#define WIDTH  1024
#define HEIGHT 768

/* Without PCI, Bochs puts the frame buffer at a fixed place. */
#define DEFAULT_BASE 0xe0000000u

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_DISPLAY 0x11111234u	/* device 1111, vendor 1234 */
#define PCI_COMMAND_MEMORY 0x2

#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511

static uint16_t read_register(uint16_t index)
{
	cpu_out16(PORT_INDEX, index);
	return cpu_in16(PORT_DATA);
}

static void write_register(uint16_t index, uint16_t value)
{
	cpu_out16(PORT_INDEX, index);
	cpu_out16(PORT_DATA, value);
}

static uint32_t pci_address(uint32_t device, uint32_t function, uint32_t offset)
{
	return 0x80000000u | device << 11 | function << 8 | offset;
}

static uint32_t pci_read(uint32_t address)
{
	cpu_out32(PCI_ADDRESS, address);
	return cpu_in32(PCI_DATA);
}

/*
 * The configuration address of the display on bus 0, 0 = none. Mechanism 1 keeps what is written.
 */
static uint32_t find_on_pci(void)
{
	cpu_out32(PCI_ADDRESS, 0x80000000u);
	if (cpu_in32(PCI_ADDRESS) != 0x80000000u)
		return 0;
	for (uint32_t device = 0; device < 32; device++) {
		for (uint32_t function = 0; function < 8; function++) {
			if (pci_read(pci_address(device, function, 0)) == PCI_DISPLAY)
				return pci_address(device, function, 0);
		}
	}
	return 0;
}

static uint64_t find_base(void)
{
	uint32_t address = find_on_pci(), bar;

	if (address == 0)
		return DEFAULT_BASE;
	bar = pci_read(address + 0x10);
	/* Bit 0: a port. Bits 2-1 = 2: the upper half is in the next register. */
	if ((bar & 1) != 0 || (bar & ~0xfu) == 0)
		return 0;
	/*
	 * Nobody may have switched the window on. Only the command half is written: status is W1C.
	 */
	cpu_out32(PCI_ADDRESS, address + 4);
	cpu_out16(PCI_DATA, (uint16_t)(cpu_in16(PCI_DATA) | PCI_COMMAND_MEMORY));
	if ((bar & 6) == 4)
		return (uint64_t)pci_read(address + 0x14) << 32 | (bar & ~0xfu);
	return bar & ~0xfu;
}

bool bochsvbe_present(void)
{
	uint16_t id = read_register(VBE_ID);

	return id >= VBE_ID_FIRST && id <= VBE_ID_LAST;
}

bool bochsvbe_is_qemu(void)
{
	static const char signature[4] = { 'Q', 'E', 'M', 'U' };

	cpu_out16(FW_CFG_SELECT, 0);
	for (uint32_t i = 0; i < sizeof(signature); i++) {
		if (cpu_in8(FW_CFG_DATA) != (uint8_t)signature[i])
			return false;
	}
	return true;
}

bool bochsvbe_init(struct boot_framebuffer *fb)
{
	uint64_t base;
	uint32_t pitch_pixels;

	if (!bochsvbe_present() || read_register(VBE_ID) < VBE_ID_LINEAR)
		return false;
	base = find_base();
	if (base == 0)
		return false;
	write_register(VBE_ENABLE, 0); /* the size can only be set while it is off */
	write_register(VBE_WIDTH, WIDTH);
	write_register(VBE_HEIGHT, HEIGHT);
	write_register(VBE_DEPTH, 32);
	write_register(VBE_ENABLE, ENABLE_ON | ENABLE_LINEAR);
	pitch_pixels = read_register(VBE_VIRTUAL_WIDTH);
	if (read_register(VBE_WIDTH) != WIDTH || read_register(VBE_DEPTH) != 32 ||
	    pitch_pixels < WIDTH) {
		bochsvbe_off();
		return false;
	}
	*fb = (struct boot_framebuffer){
		.base = base, .kind = BOOT_FB_RGB, .width = WIDTH, .height = HEIGHT,
		.pitch = pitch_pixels * 4, .bits_per_pixel = 32,
		.red_shift = 16, .green_shift = 8, .blue_shift = 0,
	};
	return true;
}

void bochsvbe_off(void)
{
	write_register(VBE_ENABLE, 0);
}
