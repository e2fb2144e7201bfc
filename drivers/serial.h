/* The real machine's serial port (16550), the operator's first terminal. */
/* Part: bytes in and out without ever waiting; console.c has the rings. */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include "lib/types.h"

/* Takes COM1, or COM2 where there is no COM1; 115200 baud, 8N1. False: no serial port. */
bool serial_init(void);
bool serial_present(void);
/* 4 or 3; meaningful after serial_init() said true. */
unsigned int serial_irq(void);

/* Takes as many bytes as the FIFO has room for just now, often 0. */
size_t serial_write_some(const char *text, size_t n);
/* -1 when nothing has been received. */
int serial_read(void);
/* An interrupt when the transmitter has become empty, as long as there is something to send. */
void serial_want_tx(bool want);
/* To be called for serial_irq(), interrupts off; the caller does the EOI. */
void serial_interrupt(void);
/* For panics only: waits for the transmitter, but not for ever. */
void serial_write_sync(const char *text, size_t n);

#endif
