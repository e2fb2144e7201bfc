/* The virtual ACPI power-management block, as the PIIX4 has it: PM1, power-management timer, GPE0, SMI command. */
/* Part: devices/; clock, power-off and power button of a guest with ACPI. */
#ifndef VMM_DEVICES_VACPI_H
#define VMM_DEVICES_VACPI_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VACPI_PM_HZ 3579545u
#define VACPI_PM_BASE 0x600u	/* until set elsewhere; 64 ports */
#define VACPI_GPE0 0xafe0u	/* 4 ports: 16 status bits, 16 enable bits */
#define VACPI_SMI_COMMAND 0xb2u
#define VACPI_ENABLE 0xf1u	/* written to the SMI command port: the guest takes over */
#define VACPI_DISABLE 0xf0u
#define VACPI_SCI 9u		/* ISA line, level */

struct vacpi {
	struct vdev dev;
	struct bus *bus;
	uint64_t hz;		/* TSC ticks a second */
	uint64_t epoch;		/* TSC at which the timer stood at s.ticks */
	uint64_t deadline;
	bool sci;		/* the line as last told to the machine */
	char by[16];		/* which port switched it off */
	struct vacpi_state {
		uint64_t ticks;	/* of the timer, without end; the guest sees 32 bits */
		uint64_t halves;	/* times bit 31 had changed when somebody last looked */
		uint16_t base;
		uint16_t status, enable, control;	/* PM1 */
		uint16_t gpe_status, gpe_enable;
		uint8_t on;		/* the block is decoded at `base` */
		uint8_t command, data;	/* ports B2h and B3h */
		uint8_t unused;
	} s;
};

void vacpi_init(struct vacpi *a, struct vm *vm);
int vacpi_claim(struct vacpi *a, struct bus *bus);

/* What PMBASE and PMREGMISC of the PIIX4's function 3 say. The low six bits of base do not count. */
void vacpi_set_base(struct vacpi *a, uint16_t base, bool enabled);
/* The operator presses the power button. False: the guest has not asked to hear of it. */
bool vacpi_power_button(struct vacpi *a);

#endif
