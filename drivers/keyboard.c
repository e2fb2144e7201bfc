/* Drives the i8042: sets it up once, then takes scan codes by interrupt or by polling. */
/* Part: drivers/. Names as in the IBM PS/2 technical reference, "Keyboard and Auxiliary Device". */
#include "drivers/keyboard.h"
#include "drivers/keymap.h"
#include "drivers/ring.h"
#include "arch/api/cpu.h"

#define PORT_DATA    0x60
#define PORT_STATUS  0x64
#define PORT_COMMAND 0x64

#define STATUS_OUT_FULL 0x01
#define STATUS_IN_FULL	0x02
#define STATUS_AUX	0x20 /* the byte comes from the mouse */

#define COMMAND_READ_CONFIG  0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_AUX_OFF	     0xa7
#define COMMAND_KEYBOARD_OFF 0xad
#define COMMAND_KEYBOARD_ON  0xae
#define CONFIG_IRQ1	     0x01
#define CONFIG_IRQ12	     0x02
#define CONFIG_KEYBOARD_OFF  0x10
#define CONFIG_TRANSLATE     0x40 /* set 2, which keyboards send, becomes set 1 */

#define KEYBOARD_SCAN_ON 0xf4
#define KEYBOARD_ACK	 0xfa

/* Reads of the status port; about a microsecond each on a real machine. */
#define SPINS 50000

static struct {
	bool present;
	struct keymap map;
	struct ring keys;
	uint8_t bytes[128];
} keyboard;

static bool wait_ready(void)
{
	for (unsigned int i = 0; i < SPINS; i++) {
		if ((cpu_in8(PORT_STATUS) & STATUS_IN_FULL) == 0)
			return true;
		cpu_pause();
	}
	return false;
}

static bool send(uint16_t port, uint8_t byte)
{
	if (!wait_ready())
		return false;
	cpu_out8(port, byte);
	return true;
}

static int receive(void)
{
	for (unsigned int i = 0; i < SPINS; i++) {
		if ((cpu_in8(PORT_STATUS) & STATUS_OUT_FULL) != 0)
			return cpu_in8(PORT_DATA);
		cpu_pause();
	}
	return -1;
}

static void throw_away(void)
{
	for (unsigned int i = 0; i < 32 && (cpu_in8(PORT_STATUS) & STATUS_OUT_FULL) != 0; i++)
		(void)cpu_in8(PORT_DATA);
}

/*
 * No self-test and no reset: on machines where the firmware plays an i8042 for a USB keyboard these
 * take long or end the play. Nothing depends on them.
 */
bool keyboard_init(void)
{
	int config;

	keyboard.present = false;
	ring_init(&keyboard.keys, keyboard.bytes, sizeof(keyboard.bytes));
	if (cpu_in8(PORT_STATUS) == 0xff)
		return false;
	if (!send(PORT_COMMAND, COMMAND_KEYBOARD_OFF) || !send(PORT_COMMAND, COMMAND_AUX_OFF) ||
	    !wait_ready())
		return false;
	throw_away();
	if (!send(PORT_COMMAND, COMMAND_READ_CONFIG))
		return false;
	config = receive();
	if (config < 0)
		return false;
	config |= CONFIG_IRQ1 | CONFIG_TRANSLATE;
	config &= ~(CONFIG_IRQ12 | CONFIG_KEYBOARD_OFF);
	if (!send(PORT_COMMAND, COMMAND_WRITE_CONFIG) || !send(PORT_DATA, (uint8_t)config) ||
	    !send(PORT_COMMAND, COMMAND_KEYBOARD_ON))
		return false;
	/* Without a keyboard nothing acknowledges; one may be plugged in later. */
	if (send(PORT_DATA, KEYBOARD_SCAN_ON) && receive() >= 0)
		throw_away();
	keyboard.present = true;
	return true;
}

/* What no longer fits is dropped, but all bytes of one key together. */
static void take(void)
{
	char bytes[KEYMAP_MAX_BYTES];

	for (unsigned int i = 0; i < 32; i++) {
		uint8_t status = cpu_in8(PORT_STATUS), code;
		size_t n;

		if ((status & STATUS_OUT_FULL) == 0)
			return;
		code = cpu_in8(PORT_DATA);
		if ((status & STATUS_AUX) != 0 || code == KEYBOARD_ACK)
			continue;
		n = keymap_translate(&keyboard.map, code, bytes);
		if (n > ring_free(&keyboard.keys))
			continue;
		for (size_t k = 0; k < n; k++)
			(void)ring_put(&keyboard.keys, (uint8_t)bytes[k]);
	}
}

int keyboard_read(void)
{
	if (!keyboard.present)
		return -1;
	if (ring_used(&keyboard.keys) == 0)
		take();
	return ring_get(&keyboard.keys);
}

void keyboard_interrupt(void)
{
	if (keyboard.present)
		take();
}
