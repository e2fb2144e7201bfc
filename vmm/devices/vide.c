/* The virtual IDE controller: its ports, its drives' registers, interrupts, reset, and its place on the PCI bus. */
/* Part: devices/; PIIX3's function 1 in compatibility mode. Everything is immediate: a drive is never seen busy. */
#include "vmm/devices/vide_drive.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VIDE_KIND 0x31454449u

#define CONTROL_NIEN 0x02u
#define CONTROL_SRST 0x04u
#define CONTROL_HOB  0x80u

/* Regions of the bus; the bus master's is VPCI_REGION_BAR + 4. */
enum { REGION_COMMAND0, REGION_CONTROL0, REGION_COMMAND1, REGION_CONTROL1 };

#define BM_BAR	 4u
#define BM_PORTS 16u
#define IDETIM	 0x40u	/* configuration space: a word of timing for each channel */
#define IDETIM_DECODE 0x80u	/* in its upper byte */

static struct vide_drive *drive_of(struct vide *ide, unsigned int channel, unsigned int unit)
{
	return &ide->drive[channel * 2 + unit];
}

static struct vide_drive *selected(struct vide *ide, unsigned int channel)
{
	return drive_of(ide, channel, ide->s.channel[channel].selected);
}

/* The line is driven by the drive that is selected, and not while nIEN holds it off. */
static void update_line(struct vide *ide, unsigned int channel)
{
	struct vide_channel_state *c = &ide->s.channel[channel];
	const struct vide_drive *d = selected(ide, channel);
	bool up = d->disk != NULL && d->s->irq && !(c->control & CONTROL_NIEN);

	if (up == ide->raised[channel])
		return;
	ide->raised[channel] = up;
	if (up)
		c->bm_status |= BM_INTERRUPT;
	machine_irq(ide->function.dev.vm, 14 + channel, up);
}

void vide_irq(struct vide_drive *d, bool pending)
{
	d->s->irq = pending;
	update_line(d->ide, d->channel);
}

void vide_stop(struct vide_drive *d)
{
	struct vide_drive_state *s = d->s;

	s->transfer = VIDE_IDLE;
	s->at = s->end = s->left = s->block_left = 0;
}

void vide_done(struct vide_drive *d)
{
	vide_stop(d);
	d->s->status = STATUS_IDLE;
	if (d->s->packet)
		d->s->reg[REG_COUNT][0] = REASON_COMMAND | REASON_IN;
	vide_irq(d, true);
}

void vide_fail(struct vide_drive *d, uint8_t error)
{
	vide_stop(d);
	d->s->status = STATUS_IDLE | STATUS_ERR;
	d->s->error = error;
	vide_irq(d, true);
}

void vide_signature(struct vide_drive *d)
{
	bool cd = vide_is_cd(d);

	d->s->device = DEVICE_ALWAYS;
	d->s->reg[REG_COUNT][0] = d->s->reg[REG_LBA_LOW][0] = 1;
	d->s->reg[REG_LBA_MID][0] = cd ? 0x14 : 0;
	d->s->reg[REG_LBA_HIGH][0] = cd ? 0xeb : 0;
}

/* What a drive shows after any reset: its self-test found nothing wrong. An ATAPI drive is not "ready" yet. */
static void after_reset(struct vide_drive *d)
{
	vide_stop(d);
	vide_signature(d);
	d->s->irq = d->s->packet = 0;
	d->s->error = 1;
	d->s->status = vide_is_cd(d) ? 0 : STATUS_IDLE;
}

/* EXECUTE DEVICE DIAGNOSTIC goes to both drives, whichever is selected. */
static void diagnose(struct vide *ide, unsigned int channel)
{
	for (unsigned int unit = 0; unit < 2; unit++)
		after_reset(drive_of(ide, channel, unit));
	ide->s.channel[channel].selected = drive_of(ide, channel, 0)->disk == NULL;
	vide_irq(selected(ide, channel), true);
}

static void command(struct vide *ide, unsigned int channel, uint8_t value)
{
	struct vide_drive *d = selected(ide, channel);

	if (d->disk == NULL && drive_of(ide, channel, 0)->disk == NULL && drive_of(ide, channel, 1)->disk == NULL)
		return;
	if (value == 0x90) {
		diagnose(ide, channel);
		return;
	}
	if (d->disk == NULL)
		return;
	/* A drive that has not got all its data, or not got rid of them, gives up and takes the new command. */
	vide_stop(d);
	d->s->packet = 0;
	d->s->error = 0;
	d->s->status = STATUS_IDLE;
	vide_irq(d, false);
	if (vide_is_cd(d))
		vatapi_command(d, value);
	else
		vata_command(d, value);
}

static void write_register(struct vide *ide, unsigned int channel, unsigned int reg, uint8_t value)
{
	struct vide_channel_state *c = &ide->s.channel[channel];

	if (c->control & CONTROL_SRST)
		return;
	c->control &= (uint8_t)~CONTROL_HOB;
	if (reg == REG_COMMAND) {
		command(ide, channel, value);
		return;
	}
	/* Both drives see what is written. */
	for (unsigned int unit = 0; unit < 2; unit++) {
		struct vide_drive_state *s = drive_of(ide, channel, unit)->s;

		if (reg == REG_DEVICE) {
			s->device = value | DEVICE_ALWAYS;
		} else {
			s->reg[reg][1] = s->reg[reg][0];
			s->reg[reg][0] = value;
		}
	}
	if (reg == REG_DEVICE) {
		c->selected = (value & DEVICE_UNIT) != 0;
		update_line(ide, channel);
	}
}

/* An empty place reads as 0; where there is only a master, it answers for the slave but shows no status. */
static uint8_t read_register(struct vide *ide, unsigned int channel, unsigned int reg, bool alternate)
{
	struct vide_drive *d = selected(ide, channel);
	unsigned int hob = ide->s.channel[channel].control & CONTROL_HOB ? 1 : 0;

	if (d->disk == NULL) {
		if (drive_of(ide, channel, 0)->disk == NULL || reg == REG_COMMAND)
			return 0;
		d = drive_of(ide, channel, 0);
	}
	switch (reg) {
	case REG_FEATURES:
		return d->s->error;
	case REG_DEVICE:
		return d->s->device;
	case REG_COMMAND:
		if (!alternate)
			vide_irq(d, false);
		return d->s->status;
	default:
		return d->s->reg[reg][hob];
	}
}

static void command_access(struct vide *ide, unsigned int channel, struct io_access *a)
{
	unsigned int reg = a->addr & 7;
	uint64_t value = 0;

	if (reg == REG_DATA) {
		vide_data_access(selected(ide, channel), a);
		return;
	}
	for (unsigned int i = 0; i < a->size; i++, reg++) {
		if (a->write)
			write_register(ide, channel, reg & 7, (uint8_t)(a->value >> 8 * i));
		else
			value |= (uint64_t)read_register(ide, channel, reg & 7, false) << 8 * i;
	}
	if (!a->write)
		a->value = value;
}

static void write_control(struct vide *ide, unsigned int channel, uint8_t value)
{
	struct vide_channel_state *c = &ide->s.channel[channel];
	bool was = c->control & CONTROL_SRST, is = value & CONTROL_SRST;

	c->control = value;
	for (unsigned int unit = 0; unit < 2 && was != is; unit++) {
		struct vide_drive *d = drive_of(ide, channel, unit);

		after_reset(d);
		if (is)
			d->s->status = STATUS_BSY;
	}
	if (was != is)
		c->selected = 0;
	update_line(ide, channel);
}

static void vide_access(struct vdev *dev, uint32_t region, struct io_access *a)
{
	struct vide *ide = (struct vide *)dev;

	switch (region) {
	case REGION_COMMAND0:
	case REGION_COMMAND1:
		command_access(ide, region == REGION_COMMAND1, a);
		return;
	case REGION_CONTROL0:
	case REGION_CONTROL1:
		if (a->write)
			write_control(ide, region == REGION_CONTROL1, (uint8_t)a->value);
		else
			a->value = read_register(ide, region == REGION_CONTROL1, REG_COMMAND, true);
		return;
	case VPCI_REGION_BAR + BM_BAR:
		vide_dma_access(ide, a);
		return;
	}
}

static uint32_t vide_block(struct vdev *dev, uint32_t region, const struct io_block *b)
{
	struct vide *ide = (struct vide *)dev;

	if ((region != REGION_COMMAND0 && region != REGION_COMMAND1) || (b->addr & 7) != REG_DATA || b->fill)
		return 0;
	return vide_data_block(selected(ide, region == REGION_COMMAND1), b);
}

static void power_on(struct vide_drive *d)
{
	memset(d->s, 0, sizeof(*d->s));
	vata_power_on(d);
	vatapi_reset(d);
	after_reset(d);
}

/* What is on the disks stays. */
static void vide_reset(struct vdev *dev)
{
	struct vide *ide = (struct vide *)dev;

	for (unsigned int i = 0; i < VIDE_DRIVES; i++)
		power_on(&ide->drive[i]);
	memset(ide->s.channel, 0, sizeof(ide->s.channel));
	for (unsigned int i = 0; i < VIDE_CHANNELS; i++)
		update_line(ide, i);
	vpci_function_reset(&ide->function);
	/* As firmware leaves it, since some guests are loaded without any: both channels decode. */
	for (unsigned int i = 0; i < VIDE_CHANNELS; i++) {
		ide->function.config[IDETIM + 2 * i] = 0;
		ide->function.config[IDETIM + 2 * i + 1] = IDETIM_DECODE;
	}
}

static void vide_dump(const struct vdev *dev, char *text, size_t room)
{
	const struct vide *ide = (const struct vide *)dev;
	size_t at = 0;

	for (unsigned int i = 0; i < VIDE_DRIVES && at < room; i++) {
		const struct vide_drive *d = &ide->drive[i];
		int n;

		if (d->disk == NULL)
			continue;
		n = text_format(text + at, room - at, "%s%u: %s status=%02x error=%02x left=%u", at > 0 ? "; " : "", i,
				vdisk_name(d->disk), d->s->status, d->s->error, d->s->left);
		at += n > 0 ? (size_t)n : 0;
	}
	if (at == 0)
		text_format(text, room, "no drives");
}

struct saved {
	struct state_header header;
	struct vpci_function_state function;
};

#define SAVED_SIZE (sizeof(struct saved) + sizeof(struct vide_state))

static size_t vide_save(const struct vdev *dev, void *to, size_t room)
{
	const struct vide *ide = (const struct vide *)dev;
	struct saved saved = { .header = { VIDE_KIND, SAVED_SIZE - sizeof(struct state_header) } };

	if (to == NULL || room < SAVED_SIZE)
		return SAVED_SIZE;
	vpci_function_save(&ide->function, &saved.function);
	memcpy(to, &saved, sizeof(saved));
	memcpy((uint8_t *)to + sizeof(saved), &ide->s, sizeof(ide->s));
	return SAVED_SIZE;
}

/* A region has at most 64 KiB, and half of one may have been moved. */
static bool channel_valid(const uint8_t *state, unsigned int i)
{
	struct vide_channel_state c;

	memcpy(&c, state + i * sizeof(c), sizeof(c));
	return c.selected <= 1 && c.prd_left <= 0x10000 && c.prd_last <= 1;
}

/* Could a drive of this sort and size be in that state? */
static bool drive_valid(const struct vide_drive *d, const struct vide_drive_state *s)
{
	uint32_t unit = vide_unit(d);
	uint64_t bytes = s->end - s->at + (uint64_t)s->left * unit;

	if (s->transfer >= VIDE_TRANSFERS || s->at > s->end || s->end > VIDE_BUFFER || s->heads - 1u > 15 ||
	    s->sectors == 0 || s->multiple > 16 || (s->multiple & (s->multiple - 1)) != 0 || s->address > 2)
		return false;
	if (s->transfer == VIDE_IDLE)
		return true;
	if (d->disk == NULL || s->lba > d->sectors || s->left > d->sectors - s->lba)
		return false;
	switch (s->transfer) {
	case VIDE_PACKET:
		return vide_is_cd(d) && s->packet && s->end == 12 && s->at < 12;
	case VIDE_PIO_IN:
		return s->limit >= 2 && s->limit % 2 == 0 && s->at < s->end && s->block_left > 0 && s->block_left <= bytes;
	case VIDE_DMA_IN:
		return bytes > 0;
	case VIDE_PIO_OUT:
		return !vide_is_cd(d) && s->at < s->end && s->end % unit == 0 && s->limit >= unit &&
		       s->limit % unit == 0 && s->block_left % unit == 0 && s->block_left >= s->end &&
		       s->block_left / unit <= s->left;
	default:
		return !vide_is_cd(d) && s->left > 0 && s->at < unit;
	}
}

static bool vide_restore(struct vdev *dev, const void *from, size_t size)
{
	struct vide *ide = (struct vide *)dev;
	const uint8_t *state = (const uint8_t *)from + sizeof(struct saved);
	struct vide_drive_state s;
	struct saved saved;

	if (from == NULL || size != SAVED_SIZE)
		return false;
	memcpy(&saved, from, sizeof(saved));
	if (saved.header.kind != VIDE_KIND || saved.header.size != SAVED_SIZE - sizeof(struct state_header))
		return false;
	for (unsigned int i = 0; i < VIDE_DRIVES; i++) {
		memcpy(&s, state + offsetof(struct vide_state, drive) + i * sizeof(s), sizeof(s));
		if (!drive_valid(&ide->drive[i], &s))
			return false;
	}
	for (unsigned int i = 0; i < VIDE_CHANNELS; i++)
		if (!channel_valid(state, i))
			return false;
	memcpy(&ide->s, state, sizeof(ide->s));
	vpci_function_restore(&ide->function, &saved.function);
	for (unsigned int i = 0; i < VIDE_CHANNELS; i++)
		update_line(ide, i);
	return true;
}

static const struct vdev_ops vide_ops = {
	.name = "IDE",
	.reset = vide_reset,
	.access = vide_access,
	.block = vide_block,
	.dump = vide_dump,
	.save = vide_save,
	.restore = vide_restore,
};

/* A guest may allow bus mastering after it has started a transfer. */
static void config_written(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	(void)size;
	for (unsigned int i = 0; i < VIDE_CHANNELS && offset < 8; i++)
		vide_dma_run((struct vide *)f, i);
}

static const struct vpci_ops pci_ops = { .config_written = config_written };

void vide_init(struct vide *ide, struct vm *vm)
{
	/* PIIX3's: compatibility mode only, bus master (Intel 82371SB, "Class Code Register"). */
	static const struct vpci_identity identity = { .vendor = 0x8086, .device = 0x7010, .class_code = 0x010180 };

	memset(ide, 0, sizeof(*ide));
	ide->function.dev.ops = &vide_ops;
	ide->function.dev.vm = vm;
	ide->function.pci_ops = &pci_ops;
	vpci_function_init(&ide->function, &identity);
	ide->function.config[VPCI_STATUS] |= VPCI_STATUS_BACK_TO_BACK;
	vpci_add_bar(&ide->function, BM_BAR, BM_PORTS, true, false, false);
	for (unsigned int i = 0; i < 4; i++)
		ide->function.writable[IDETIM + i] = 0xff;
	for (unsigned int i = 0; i < VIDE_DRIVES; i++) {
		ide->drive[i].ide = ide;
		ide->drive[i].channel = (uint8_t)(i / 2);
		ide->drive[i].unit = (uint8_t)(i % 2);
		ide->drive[i].s = &ide->s.drive[i];
	}
	vide_reset(&ide->function.dev);
}

void vide_attach(struct vide *ide, unsigned int number, struct vdisk *disk)
{
	struct vide_drive *d;

	if (number >= VIDE_DRIVES)
		return;
	d = &ide->drive[number];
	d->disk = disk;
	d->sectors = disk == NULL ? 0 : vdisk_sectors(disk) / (vide_unit(d) / VDISK_SECTOR);
	power_on(d);
	update_line(ide, d->channel);
}

int vide_claim(struct vide *ide, struct bus *bus, struct vpci *pci)
{
	static const struct {
		uint16_t first, last;
		uint8_t region;
	} ports[] = {
		{ 0x1f0, 0x1f7, REGION_COMMAND0 },
		{ 0x3f6, 0x3f6, REGION_CONTROL0 },
		{ 0x170, 0x177, REGION_COMMAND1 },
		{ 0x376, 0x376, REGION_CONTROL1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		int error = bus_claim(bus, BUS_PORT, ports[i].first, ports[i].last, &ide->function.dev,
				      ports[i].region, false);
		if (error)
			return error;
	}
	return vpci_attach(pci, &ide->function, VPCI_DEVFN(1, 1));
}
