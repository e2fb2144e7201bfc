/* The pair of 8259s, in the mode every PC uses: edge triggered, slave on line 2, normal EOI. */
/* Part: drivers/; names as in Intel's 8259A data sheet. */
#include "drivers/pic.h"
#include "arch/api/cpu.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA    0x21
#define SLAVE_COMMAND  0xa0
#define SLAVE_DATA     0xa1

#define ICW1_INIT      0x11 /* edge triggered, cascade, ICW4 follows */
#define ICW4_8086      0x01
#define OCW2_SPECIFIC  0x60 /* EOI for the line in bits 2-0 */
#define OCW3_READ_ISR  0x0b
#define CASCADE	       2

/* One byte of masks each; a bit set = line masked. Kept here because reading the ports is slow. */
static uint8_t masks[2] = { 0xff, 0xff };

static void write_masks(void)
{
	cpu_out8(MASTER_DATA, masks[0]);
	cpu_out8(SLAVE_DATA, masks[1]);
}

/* A write to an unused port gives old controllers time between two commands. */
static void command(uint16_t port, uint8_t value)
{
	cpu_out8(port, value);
	cpu_out8(0x80, 0);
}

void pic_init(void)
{
	command(MASTER_COMMAND, ICW1_INIT);
	command(SLAVE_COMMAND, ICW1_INIT);
	command(MASTER_DATA, PIC_VECTOR_BASE);
	command(SLAVE_DATA, PIC_VECTOR_BASE + 8);
	command(MASTER_DATA, 1 << CASCADE);
	command(SLAVE_DATA, CASCADE);
	command(MASTER_DATA, ICW4_8086);
	command(SLAVE_DATA, ICW4_8086);
	pic_mask_all();
}

void pic_mask_all(void)
{
	masks[0] = 0xff;
	masks[1] = 0xff;
	write_masks();
}

void pic_unmask(unsigned int irq)
{
	masks[(irq >> 3) & 1] &= (uint8_t)~(1u << (irq & 7));
	if (irq >= 8)
		masks[0] &= (uint8_t)~(1u << CASCADE);
	write_masks();
}

/*
 * When a line falls before the processor has acknowledged it, the controller answers with its
 * lowest line, 7, without setting that line's in-service bit (8259A data sheet, "Interrupt
 * sequence").
 */
bool pic_is_spurious(unsigned int irq)
{
	uint16_t port = irq >= 8 ? SLAVE_COMMAND : MASTER_COMMAND;

	if ((irq & 7) != 7)
		return false;
	cpu_out8(port, OCW3_READ_ISR);
	if ((cpu_in8(port) & 0x80) != 0)
		return false;
	/* The master did see a genuine interrupt on line 2. */
	if (irq >= 8)
		cpu_out8(MASTER_COMMAND, OCW2_SPECIFIC | CASCADE);
	return true;
}

void pic_eoi(unsigned int irq)
{
	if (irq >= 8) {
		cpu_out8(SLAVE_COMMAND, (uint8_t)(OCW2_SPECIFIC | (irq & 7)));
		irq = CASCADE;
	}
	cpu_out8(MASTER_COMMAND, (uint8_t)(OCW2_SPECIFIC | irq));
}
