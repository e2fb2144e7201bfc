/* What the files of the virtual local APIC share. */
/* Part: devices/; vlapic.c (delivery), vlapic_regs.c (ways in, state) and nobody else. */
#ifndef VMM_DEVICES_VLAPIC_REGS_H
#define VMM_DEVICES_VLAPIC_REGS_H

#include "vmm/devices/vlapic.h"

#define VLAPIC_SVR_ENABLE 0x100u
#define VLAPIC_LVT_MODE 0x700u
#define VLAPIC_LVT_STATUS 0x1000u
#define VLAPIC_LVT_REMOTE 0x4000u
#define VLAPIC_LVT_LEVEL 0x8000u
#define VLAPIC_LVT_EXTINT 0x700u
#define VLAPIC_ICR_STATUS 0x1000u
#define VLAPIC_ESR_SEND_ILLEGAL 0x20u
#define VLAPIC_ESR_RECEIVE_ILLEGAL 0x40u
#define VLAPIC_ESR_ILLEGAL_REGISTER 0x80u
#define VLAPIC_LOWEST_VECTOR 16u

static inline uint32_t *vlapic_reg(const struct vlapic *l, uint32_t offset)
{
	return &l->regs[offset / 4];
}

/* The bits of a register that a guest can set. */
uint32_t vlapic_writable(uint32_t offset);
void vlapic_access(struct vdev *d, uint32_t region, struct io_access *a);
/* Claims the page where IA32_APIC_BASE puts it, if it does. 0 or bus_claim()'s error. */
int vlapic_place(struct vlapic *l);
size_t vlapic_save(const struct vdev *d, void *to, size_t room);
bool vlapic_restore(struct vdev *d, const void *from, size_t size);

/* After a change of LINT0's entry: whose EOI it waits for. */
void vlapic_find_eoi_vector(struct vlapic *l);
void vlapic_error(struct vlapic *l, uint32_t error);
uint32_t vlapic_ppr(const struct vlapic *l);
/* The registers after power-on or INIT. */
void vlapic_reset_registers(struct vlapic *l);

#endif
