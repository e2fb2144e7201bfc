/* The tiny BIOS: POST, stubs in the guest's storage, and the way from a stub to its service. */
/* Part: ipl/; one disk, read only; no screen of its own, no VBE, no APM. Goes when SeaBIOS runs. */
#include "vmm/ipl/bios.h"

#include "arch/api/cpu.h"
#include "lib/string.h"
#include "vmm/ipl/job.h"
#include "vmm/machine/gmem.h"

#define BIOS_SEGMENT 0xf000u
#define BIOS_BASE    0xf0000u
#define STUBS	     0xe000u /* one of 16 bytes for each of 256 interrupts */
#define STUB_SIZE    16u
#define STUBS_END    (STUBS + 256u * STUB_SIZE)
#define ROUTINES     0xf000u
#define IRQ_LOW	     (ROUTINES + 0x40u)
#define IRQ_HIGH     (ROUTINES + 0x50u)
#define ONLY_IRET    (ROUTINES + 0x60u)
#define MARK	     0xdff0u
#define TICKS_A_DAY  0x1800b0u

static const uint8_t mark[12] = "VM/64 BIOS 1";

/*
 * CP answers through the arithmetic flags at the VMCALL: carry = wait for an interrupt and ask
 * again, zero = ask again at once, neither = done. The caller's flags are on the stack.
 */
static const uint8_t stub[] = {
    0x0f, 0x01, 0xc1, /* 0  vmcall */
    0x72, 0x03,	      /* 3  jc 8 */
    0x74, 0xf9,	      /* 5  jz 0 */
    0xcf,	      /* 7  iret */
    0xfb,	      /* 8  sti */
    0xf4,	      /* 9  hlt */
    0xeb, 0xf4,	      /* A  jmp 0 */
};

/* INT 08h: counts the tick at 0:46C, notes midnight, calls INT 1Ch, ends the interrupt. */
static const uint8_t irq0[] = {
    0x50, 0x1e, 0x53,					  /* push ax; push ds; push bx */
    0x31, 0xdb, 0x8e, 0xdb,				  /* xor bx, bx; mov ds, bx */
    0x66, 0xff, 0x06, 0x6c, 0x04,			  /* inc dword [46Ch] */
    0x66, 0x81, 0x3e, 0x6c, 0x04, 0xb0, 0x00, 0x18, 0x00, /* cmp dword [46Ch], 1800B0h */
    0x72, 0x0a,						  /* jb over the next two */
    0x66, 0x83, 0x26, 0x6c, 0x04, 0x00,			  /* and dword [46Ch], 0 */
    0xfe, 0x06, 0x70, 0x04,				  /* inc byte [470h] */
    0xcd, 0x1c,						  /* int 1Ch */
    0xb0, 0x20, 0xe6, 0x20,				  /* mov al, 20h; out 20h, al */
    0x5b, 0x1f, 0x58, 0xcf,				  /* pop bx; pop ds; pop ax; iret */
};

/* push ax; mov al, 20h; out 20h, al; pop ax; iret */
static const uint8_t irq_low[] = {0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};
/* the same with out 0A0h, al before */
static const uint8_t irq_high[] = {0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf};
static const uint8_t only_iret[] = {0xcf};

uint64_t bios_peek(struct vm *vm, uint64_t address, size_t n)
{
	uint64_t value = 0;

	if (n > sizeof(value) || !gmem_read(vm, GPA(address), &value, n))
		return 0;
	return value;
}

void bios_poke(struct vm *vm, uint64_t address, uint64_t value, size_t n)
{
	if (n <= sizeof(value))
		gmem_write(vm, GPA(address), &value, n);
}

uint8_t bios_in(struct vm *vm, uint16_t port)
{
	struct io_access a = {.addr = port, .value = 0xff, .size = 1};

	bus_access(&vm->bus, BUS_PORT, &a);
	return (uint8_t)a.value;
}

void bios_out(struct vm *vm, uint16_t port, uint8_t value)
{
	struct io_access a = {.addr = port, .value = value, .size = 1, .write = true};

	bus_access(&vm->bus, BUS_PORT, &a);
}

uint64_t bios_address(struct bios_call *c, enum seg seg, uint16_t offset)
{
	struct segment s;

	arch_vcpu_get_segment(&c->vm->av, seg, &s);
	return s.base + offset;
}

static bool served(unsigned int interrupt)
{
	switch (interrupt) {
	case 0x00:
	case 0x06:
	case 0x0d:
	case 0x10:
	case 0x11:
	case 0x12:
	case 0x13:
	case 0x15:
	case 0x16:
	case 0x18:
	case 0x19:
	case 0x1a:
		return true;
	default:
		return false;
	}
}

static unsigned int handler_of(unsigned int interrupt)
{
	if (served(interrupt))
		return STUBS + interrupt * STUB_SIZE;
	if (interrupt == 0x08)
		return ROUTINES;
	if (interrupt > 0x08 && interrupt <= 0x0f)
		return IRQ_LOW;
	if (interrupt >= 0x70 && interrupt <= 0x77)
		return IRQ_HIGH;
	return ONLY_IRET;
}

static void put_code(struct vm *vm)
{
	/* F000:FFF0: a jump to the stub of INT 19h; then the date and the model byte of an AT. */
	uint8_t top[16] = {0xea, 0,   0,   0x00, 0xf0, '0', '1',  '/',
			   '0',	 '1', '/', '2',	 '6',  0,   0xfc, 0};
	unsigned int i;

	for (i = 0; i < 256; i++) {
		bios_poke(vm, i * 4, BIOS_SEGMENT << 16 | handler_of(i), 4);
		gmem_write(vm, GPA(BIOS_BASE + STUBS + i * STUB_SIZE), stub, sizeof(stub));
	}
	gmem_write(vm, GPA(BIOS_BASE + ROUTINES), irq0, sizeof(irq0));
	gmem_write(vm, GPA(BIOS_BASE + IRQ_LOW), irq_low, sizeof(irq_low));
	gmem_write(vm, GPA(BIOS_BASE + IRQ_HIGH), irq_high, sizeof(irq_high));
	gmem_write(vm, GPA(BIOS_BASE + ONLY_IRET), only_iret, sizeof(only_iret));
	gmem_write(vm, GPA(BIOS_BASE + MARK), mark, sizeof(mark));
	ipl_set16(top + 1, STUBS + 0x19 * STUB_SIZE);
	gmem_write(vm, GPA(BIOS_BASE + 0xfff0), top, sizeof(top));
}

static void put_data_area(struct vm *vm)
{
	uint64_t seconds = machine_wall_seconds(vm) % 86400;

	bios_poke(vm, BDA_COM1, 0x3f8, 2);
	bios_poke(vm, BDA_EBDA, IPL_LOW_END >> 4, 2);
	bios_poke(vm, IPL_LOW_END, 1, 1);	 /* the extended area's size in KiB */
	bios_poke(vm, BDA_EQUIPMENT, 0x0222, 2); /* one serial port, 80x25 colour, FPU */
	bios_poke(vm, BDA_MEMORY, IPL_LOW_END >> 10, 2);
	bios_poke(vm, BDA_KEYS, 0x001e001e, 4); /* key buffer empty */
	bios_poke(vm, 0x480, 0x003e001e, 4);	/* ... and where it is */
	bios_poke(vm, 0x496, 0x10, 1);		/* a keyboard of 101 keys */
	bios_poke(vm, BDA_VIDEO, 0x005003, 3);	/* mode 3, 80 columns */
	bios_poke(vm, 0x44c, 0x1000, 2);	/* page size */
	bios_poke(vm, 0x460, 0x0607, 2);	/* cursor shape */
	bios_poke(vm, 0x463, 0x3d4, 2);
	bios_poke(vm, 0x484, 24, 1); /* rows less one */
	bios_poke(vm, 0x485, 16, 2); /* character height */
	bios_poke(vm, BDA_DISKS, 1, 1);
	bios_poke(vm, BDA_TICKS, seconds * TICKS_A_DAY / 86400, 4);
}

/* 8259s at 08h and 70h with only the timer and the cascade let through; timer 0 at 18.2 Hz. */
static void set_up_devices(struct vm *vm)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} steps[] = {
	    {0x20, 0x11}, {0x21, 0x08}, {0x21, 0x04}, {0x21, 0x01}, {0xa0, 0x11},
	    {0xa1, 0x70}, {0xa1, 0x02}, {0xa1, 0x01}, {0x21, 0xfa}, {0xa1, 0xff},
	    {0x43, 0x36}, {0x40, 0x00}, {0x40, 0x00},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(steps); i++)
		bios_out(vm, steps[i].port, steps[i].value);
}

bool ipl_bios_post(struct vm *vm)
{
	if (!gmem_window(vm, GPA(0), IPL_HIGH_START))
		return false;
	vm->has_bios = true;
	put_code(vm);
	put_data_area(vm);
	set_up_devices(vm);
	return true;
}

bool ipl_bios_here(struct vm *vm, uint64_t rip)
{
	struct segment cs;
	uint8_t found[sizeof(mark)];

	if (rip < STUBS || rip >= STUBS_END || (rip - STUBS) % STUB_SIZE != 0)
		return false;
	if (arch_vcpu_get(&vm->av, VREG_CR0) & 1)
		return false;
	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	if (cs.selector != BIOS_SEGMENT || cs.base != BIOS_BASE)
		return false;
	/* A machine without this BIOS may have code of its own there. */
	return gmem_read(vm, GPA(BIOS_BASE + MARK), found, sizeof(found)) &&
	       memcmp(found, mark, sizeof(mark)) == 0;
}

uint8_t ipl_bios_interrupt(uint64_t rip)
{
	return (uint8_t)((rip - STUBS) / STUB_SIZE);
}

static void end_machine(struct bios_call *c, enum ipl_message message, uint64_t a, uint64_t b)
{
	char text[VM_WHY_LEN];

	ipl_tell(text, sizeof(text), message, c->vm->system, a, b);
	vm_ended(c->vm, "%s", text);
}

/* A processor exception that nobody handles: the BIOS of a PC would hang or loop here; CP says it.
 */
static void exception(struct bios_call *c, uint8_t interrupt)
{
	uint64_t stack = bios_address(c, SEG_SS, (uint16_t)arch_vcpu_get(&c->vm->av, VREG_RSP));

	end_machine(c, IPL_BIOS_EXCEPTION, interrupt, bios_peek(c->vm, stack, 4));
}

/* 0Dh is IRQ 5 and #GP at once; the 8259's in-service register tells which. */
static void irq5_or_protection(struct bios_call *c)
{
	bios_out(c->vm, 0x20, 0x0b);
	if (bios_in(c->vm, 0x20) & 0x20)
		bios_out(c->vm, 0x20, 0x20);
	else
		exception(c, 0x0d);
}

static void serve(struct bios_call *c, uint8_t interrupt)
{
	switch (interrupt) {
	case 0x00:
	case 0x06:
		exception(c, interrupt);
		break;
	case 0x0d:
		irq5_or_protection(c);
		break;
	case 0x10:
		bios_screen(c);
		break;
	case 0x11:
		bios_set_word(c, RAX, bios_peek(c->vm, BDA_EQUIPMENT, 2));
		break;
	case 0x12:
		bios_set_word(c, RAX, bios_peek(c->vm, BDA_MEMORY, 2));
		break;
	case 0x13:
		bios_disk(c);
		break;
	case 0x15:
		bios_system(c);
		break;
	case 0x16:
		bios_keyboard(c);
		break;
	case 0x18:
		end_machine(c, IPL_BIOS_NO_SYSTEM, 0, 0);
		break;
	case 0x19:
		machine_reset_request(c->vm, "INT 19H");
		break;
	case 0x1a:
		bios_clock(c);
		break;
	default:
		c->unknown = true;
		break;
	}
}

/* Waiting in HLT needs the tick to come; a system that has masked it gets the busy way. */
static void answer(struct bios_call *c)
{
	uint64_t flags =
	    arch_vcpu_get(&c->vm->av, VREG_RFLAGS) & ~(uint64_t)(BIOS_CARRY | BIOS_ZERO);

	if (c->again && !c->spin && (bios_in(c->vm, 0x21) & 1))
		c->spin = true;
	if (c->again)
		flags |= c->spin ? BIOS_ZERO : BIOS_CARRY;
	/* CP has to get its turn for what we wait for to happen. */
	if (c->again && c->spin)
		vm_kick(c->vm, VM_WORK_STATE);
	arch_vcpu_set(&c->vm->av, VREG_RFLAGS, flags);
}

bool ipl_bios_call(struct vm *vm, uint8_t interrupt)
{
	struct bios_call c = {.vm = vm, .gpr = vm->av.gpr};
	uint64_t image;
	uint16_t sp, flags;

	serve(&c, interrupt);
	if (c.unknown) {
		bios_set_high(&c, RAX, 0x86);
		bios_carry(&c, true);
	}
	if (!c.again && (c.flags_set | c.flags_clear)) {
		/* INT pushed FLAGS, CS, IP: the caller's flags are the third word. */
		sp = (uint16_t)arch_vcpu_get(&vm->av, VREG_RSP);
		image = bios_address(&c, SEG_SS, (uint16_t)(sp + 4));
		flags = (uint16_t)bios_peek(vm, image, 2);
		bios_poke(vm, image, (uint64_t)((flags & ~c.flags_clear) | c.flags_set), 2);
	}
	answer(&c);
	return !c.unknown;
}
