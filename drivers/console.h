/* The operator's terminal: serial line and screen show the same, either may be typed at. */
/* Part: CP's only way to people. Nothing here waits, except console_panic_write(). */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include "boot/boot_info.h"
#include "lib/types.h"

/*
 * Serial line only: needs ports and nothing else, so it can come first of all. What is written
 * before console_init() is on the screen afterwards. May be left out.
 */
void console_early_init(void);

/*
 * Screen and keyboard; needs cpu_map_mmio() and cpu_tsc_hz(). PARM is the kernel's command line
 * (NULL = empty); its word display= says which screen:
 *   display=vbe   the Bochs/QEMU display interface
 *   display=text  VGA text
 *   display=none  no screen
 * Without the word: see console.c, choose_screen().
 */
void console_init(const struct boot_info *info, const char *parm);

/* How many bytes console_write() will surely take just now. */
size_t console_room(void);
/* LF becomes CR LF. What does not fit is lost and counted; look at console_room() first. */
void console_write(const char *text, size_t n);
/*
 * The same with the bytes as they are: for a guest's console, whose terminal driver has done that.
 */
void console_write_raw(const char *text, size_t n);
uint64_t console_lost(void);

/*
 * -1 = nothing was typed. Looks at the devices only after an interrupt or when 0.5 ms have passed.
 */
int console_read(void);

/* Moves output on, within a budget; cheap when there is nothing to do. To be called often. */
void console_service(void);
/* Something has not reached the serial line or the screen yet. */
bool console_busy(void);

/* Interrupt lines: to be unmasked are those in the mask; the handler calls console_interrupt(). */
uint32_t console_irqs(void);
void console_interrupt(unsigned int irq);

/* The status area: CP READ, RUNNING, MORE... */
void console_status(const char *word);

/* For panics: everything still waiting, and TEXT, are written before it returns (or given up). */
void console_panic_write(const char *text, size_t n);
/* For a panic while that was at work: TEXT goes to the serial line and nowhere else. */
void console_panic_line(const char *text, size_t n);

#endif
