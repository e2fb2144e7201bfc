/* The PCI transport of virtio 1.x: the capabilities, the common configuration, notifications and interrupts. */
/* Part: devices/; "Virtio Over PCI Bus" of the OASIS standard, without the legacy interface. */
#include "vmm/devices/virtio_pci.h"

#include "lib/printf.h"
#include "lib/string.h"

#define VENDOR 0x1af4u
#define DEVICE_BASE 0x1040u
#define SUBSYSTEM 0x1100u

#define CAPABILITY_VENDOR 0x09u
enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_PCI };
#define CAP_BYTES 16u
#define CAP_EXTENDED 20u
#define CAP_BAR 4u
#define CAP_OFFSET 8u
#define CAP_LENGTH 12u
#define CAP_DATA 16u

#define PAGE 0x1000u
#define MSIX_PENDING 0x800u

/* The common configuration ("Common configuration structure layout"). */
enum {
	DEVICE_SELECT = 0x00, DEVICE_FEATURE = 0x04, DRIVER_SELECT = 0x08, DRIVER_FEATURE = 0x0c,
	CONFIG_VECTOR = 0x10, NUM_QUEUES = 0x12, STATUS = 0x14, GENERATION = 0x15, QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18, QUEUE_VECTOR = 0x1a, QUEUE_ENABLE = 0x1c, QUEUE_NOTIFY = 0x1e, QUEUE_DESC = 0x20,
	QUEUE_DRIVER = 0x28, QUEUE_DEVICE = 0x30, COMMON_BYTES = 0x38,
};

#define ISR_QUEUE 0x1u
#define ISR_CONFIG 0x2u

static void put(uint8_t *view, unsigned int at, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		view[at + i] = (uint8_t)(value >> i * 8);
}

static uint64_t get(const uint8_t *view, unsigned int at, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)view[at + i] << i * 8;
	return value;
}

static struct virtqueue *selected(struct virtio *v)
{
	return v->s.queue_select < v->queues ? &v->s.queue[v->s.queue_select] : NULL;
}

/* The structure as bytes, so that a read of any width finds its part. */
static void common_view(struct virtio *v, uint8_t view[COMMON_BYTES])
{
	const struct virtqueue *q = selected(v);

	memset(view, 0, COMMON_BYTES);
	put(view, DEVICE_SELECT, v->s.device_select, 4);
	if (v->s.device_select < 2)
		put(view, DEVICE_FEATURE, v->offered >> 32 * v->s.device_select, 4);
	put(view, DRIVER_SELECT, v->s.driver_select, 4);
	if (v->s.driver_select < 2)
		put(view, DRIVER_FEATURE, v->s.accepted >> 32 * v->s.driver_select, 4);
	put(view, CONFIG_VECTOR, v->s.config_vector, 2);
	put(view, NUM_QUEUES, v->queues, 2);
	put(view, STATUS, v->s.status, 1);
	put(view, GENERATION, v->s.generation, 1);
	put(view, QUEUE_SELECT, v->s.queue_select, 2);
	if (q == NULL)
		return;		/* a queue that is not there has size 0 */
	put(view, QUEUE_SIZE, q->size, 2);
	put(view, QUEUE_VECTOR, q->vector, 2);
	put(view, QUEUE_ENABLE, q->ready, 2);
	put(view, QUEUE_NOTIFY, v->s.queue_select, 2);
	put(view, QUEUE_DESC, q->descriptors, 8);
	put(view, QUEUE_DRIVER, q->available, 8);
	put(view, QUEUE_DEVICE, q->used, 8);
}

static void common_read(struct virtio *v, unsigned int at, struct io_access *a)
{
	uint8_t view[COMMON_BYTES];

	if (at + a->size > COMMON_BYTES) {
		a->value = 0;
		return;
	}
	common_view(v, view);
	a->value = get(view, at, a->size);
}

static uint16_t vector_of(const struct virtio_pci *t, uint64_t value)
{
	return value < t->pci.msix.count ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

static void accept_features(struct virtio *v, uint32_t value)
{
	unsigned int shift = 32 * v->s.driver_select;

	/* After FEATURES_OK they stand. */
	if (v->s.driver_select > 1 || (v->s.status & VIRTIO_FEATURES_OK))
		return;
	v->s.accepted = (v->s.accepted & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

/* Half of one of the three addresses; an enabled queue stays where it is. */
static void address_write(struct virtqueue *q, unsigned int at, uint32_t value)
{
	uint64_t *address = at < QUEUE_DRIVER ? &q->descriptors : at < QUEUE_DEVICE ? &q->available : &q->used;

	if (q->ready)
		return;
	if (at & 4)
		*address = (*address & 0xffffffffu) | (uint64_t)value << 32;
	else
		*address = (*address & ~0xffffffffull) | value;
}

static void word_write(struct virtio_pci *t, unsigned int at, uint16_t value)
{
	struct virtio *v = &t->v;
	struct virtqueue *q = selected(v);

	if (at == CONFIG_VECTOR)
		v->s.config_vector = vector_of(t, value);
	else if (at == QUEUE_SELECT)
		v->s.queue_select = value;
	else if (q == NULL)
		return;
	else if (at == QUEUE_SIZE && !q->ready && value <= v->size[v->s.queue_select])
		q->size = value;
	else if (at == QUEUE_VECTOR)
		q->vector = vector_of(t, value);
	else if (at == QUEUE_ENABLE && value == 1)
		virtio_enable_queue(v, v->s.queue_select);
}

/* A field is written with its own width, the 64-bit ones also by halves; anything else is not for us. */
static void common_write(struct virtio_pci *t, unsigned int at, const struct io_access *a)
{
	struct virtio *v = &t->v;
	uint32_t value = (uint32_t)a->value;

	if (a->size == 1 && at == STATUS) {
		virtio_set_status(v, (uint8_t)value);
		/* A reset has taken back what the driver had not seen. */
		if (v->s.isr == 0)
			vpci_intx(&t->pci, false);
	} else if (a->size == 2) {
		word_write(t, at, (uint16_t)value);
	} else if (a->size == 4 || (a->size == 8 && at >= QUEUE_DESC && !(at & 7))) {
		if (at == DEVICE_SELECT)
			v->s.device_select = value;
		else if (at == DRIVER_SELECT)
			v->s.driver_select = value;
		else if (at == DRIVER_FEATURE)
			accept_features(v, value);
		else if (at >= QUEUE_DESC && at < COMMON_BYTES && !(at & 3) && selected(v) != NULL) {
			address_write(selected(v), at, value);
			if (a->size == 8)
				address_write(selected(v), at + 4, (uint32_t)(a->value >> 32));
		}
	}
}

static void device_access(struct virtio *v, unsigned int at, struct io_access *a)
{
	bool changed = false;

	if (!a->write) {
		a->value = at + a->size <= v->config_bytes ? get(v->config, at, a->size) : 0;
		return;
	}
	if (at + a->size > v->config_bytes || v->config_writable == NULL)
		return;
	for (unsigned int i = 0; i < a->size; i++) {
		uint8_t mask = v->config_writable[at + i];

		v->config[at + i] = (uint8_t)((v->config[at + i] & ~mask) | ((uint8_t)(a->value >> i * 8) & mask));
		changed = changed || mask != 0;
	}
	if (changed && v->ops->config_written != NULL)
		v->ops->config_written(v, at, a->size);
}

/* offset is below VIRTIO_PCI_BAR_SIZE; a->size is 1, 2, 4 or 8. */
static void bar_access(struct virtio_pci *t, unsigned int offset, struct io_access *a)
{
	unsigned int at = offset % PAGE;

	switch (offset - at) {
	case VIRTIO_PCI_NOTIFY:
		if (a->write)
			virtio_notify(&t->v, at / VIRTIO_PCI_NOTIFY_STEP);
		else
			a->value = 0;
		return;
	case VIRTIO_PCI_ISR:
		if (a->write)
			return;
		a->value = at == 0 ? t->v.s.isr : 0;
		if (at == 0) {
			t->v.s.isr = 0;
			vpci_intx(&t->pci, false);
		}
		return;
	case VIRTIO_PCI_DEVICE:
		device_access(&t->v, at, a);
		return;
	default:
		if (a->write)
			common_write(t, at, a);
		else
			common_read(&t->v, at, a);
		return;
	}
}

void virtio_pci_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct virtio_pci *t = (struct virtio_pci *)d;
	uint64_t offset;

	if (a->size - 1u > 7)
		return;
	if (region == VPCI_REGION_BAR + VIRTIO_PCI_MSIX_BAR) {
		if (!vpci_msix_access(&t->pci, VIRTIO_PCI_MSIX_BAR, a) && !a->write)
			a->value = 0;
		return;
	}
	offset = a->addr - t->pci.bar[VIRTIO_PCI_BAR].at;
	if (region == VPCI_REGION_BAR + VIRTIO_PCI_BAR && offset < VIRTIO_PCI_BAR_SIZE)
		bar_access(t, (unsigned int)offset, a);
}

void virtio_pci_interrupt(struct virtio *v, uint16_t vector, bool config)
{
	struct virtio_pci *t = (struct virtio_pci *)((uint8_t *)v - offsetof(struct virtio_pci, v));

	if (vpci_msix_enabled(&t->pci)) {
		vpci_msix_raise(&t->pci, vector);	/* VIRTIO_NO_VECTOR is beyond the last */
		return;
	}
	v->s.isr |= config ? ISR_CONFIG : ISR_QUEUE;
	vpci_intx(&t->pci, true);
	vpci_msi_raise(&t->pci);	/* in the pin's place, for a driver that knows MSI and no MSI-X */
}

bool virtio_pci_reach(const struct virtio *v)
{
	return vpci_bus_master(&((const struct virtio_pci *)((const uint8_t *)v - offsetof(struct virtio_pci, v)))->pci);
}

/* "PCI configuration access capability": a way to the BAR for those who cannot reach it. */
static bool window_access(struct virtio_pci *t, struct io_access *a)
{
	struct vpci_function *f = &t->pci;
	uint32_t offset = vpci_get32(f, t->window + CAP_OFFSET), length = vpci_get32(f, t->window + CAP_LENGTH);

	if (f->config[t->window + CAP_BAR] != VIRTIO_PCI_BAR || (length != 1 && length != 2 && length != 4) ||
	    offset >= VIRTIO_PCI_BAR_SIZE || offset % length != 0)
		return false;
	a->size = (uint8_t)length;
	bar_access(t, offset, a);
	return true;
}

static void config_read(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	struct virtio_pci *t = (struct virtio_pci *)f;
	struct io_access a = { .value = UINT64_MAX };

	(void)size;
	if (t->window != 0 && offset == t->window + CAP_DATA && window_access(t, &a))
		put(f->config, offset, a.value, a.size);
}

static void config_written(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	struct virtio_pci *t = (struct virtio_pci *)f;
	struct io_access a = { .write = true };

	(void)size;
	if (t->window == 0 || offset != t->window + CAP_DATA)
		return;
	a.value = get(f->config, offset, 4);
	if (vpci_get32(f, t->window + CAP_LENGTH) < 4)
		a.value &= (1ull << 8 * vpci_get32(f, t->window + CAP_LENGTH)) - 1;
	window_access(t, &a);
}

static uint8_t add_structure(struct virtio_pci *t, uint8_t type, uint8_t bytes, uint32_t offset, uint32_t length)
{
	struct vpci_function *f = &t->pci;
	uint8_t at = vpci_add_capability(f, CAPABILITY_VENDOR, bytes);

	f->config[at + 2] = bytes;
	f->config[at + 3] = type;
	if (type != CFG_PCI)
		f->config[at + CAP_BAR] = VIRTIO_PCI_BAR;
	vpci_set32(f, at + CAP_OFFSET, offset);
	vpci_set32(f, at + CAP_LENGTH, length);
	return at;
}

static void add_structures(struct virtio_pci *t)
{
	struct vpci_function *f = &t->pci;
	uint8_t at;

	at = add_structure(t, CFG_PCI, CAP_EXTENDED, 0, 0);
	f->writable[at + CAP_BAR] = 0xff;
	memset(&f->writable[at + CAP_OFFSET], 0xff, 12);	/* offset, length, data */
	t->window = at;
	at = add_structure(t, CFG_NOTIFY, CAP_EXTENDED, VIRTIO_PCI_NOTIFY, PAGE);
	vpci_set32(f, at + CAP_DATA, VIRTIO_PCI_NOTIFY_STEP);
	add_structure(t, CFG_DEVICE, CAP_BYTES, VIRTIO_PCI_DEVICE, PAGE);
	add_structure(t, CFG_ISR, CAP_BYTES, VIRTIO_PCI_ISR, PAGE);
	/* Added last, so that it stands first in the list. */
	add_structure(t, CFG_COMMON, CAP_BYTES, VIRTIO_PCI_COMMON, PAGE);
}

int virtio_pci_init(struct virtio_pci *t, struct vpci *bus, uint8_t devfn, uint16_t type, uint32_t class_code)
{
	static const struct vpci_ops pci_ops = { .config_read = config_read, .config_written = config_written };
	const struct vpci_identity id = {
		.vendor = VENDOR, .device = (uint16_t)(DEVICE_BASE + type), .subsystem_vendor = VENDOR,
		.subsystem = SUBSYSTEM, .class_code = class_code, .revision = 1, .intx_pin = 1,
	};
	struct vpci_function *f = &t->pci;

	f->pci_ops = &pci_ops;
	vpci_function_init(f, &id);
	vpci_add_bar(f, VIRTIO_PCI_MSIX_BAR, PAGE, false, false, false);
	vpci_add_bar(f, VIRTIO_PCI_BAR, VIRTIO_PCI_BAR_SIZE, false, false, false);
	vpci_add_msix(f, VIRTIO_PCI_MSIX_BAR, 0, MSIX_PENDING, (uint16_t)(t->v.queues + 1), t->table);
	add_structures(t);
	vpci_add_msi(f);
	t->v.vm = f->dev.vm;
	t->v.resume_at = TIME_NEVER;
	virtio_reset(&t->v);
	return vpci_attach(bus, f, devfn);
}

void virtio_pci_reset(struct vdev *d)
{
	struct virtio_pci *t = (struct virtio_pci *)d;

	virtio_reset(&t->v);
	vpci_function_reset(&t->pci);
}

uint64_t virtio_pci_deadline(const struct vdev *d)
{
	return ((const struct virtio_pci *)d)->v.resume_at;
}

void virtio_pci_service(struct vdev *d, uint64_t now)
{
	virtio_service(&((struct virtio_pci *)d)->v, now);
}

int virtio_pci_dump(const struct virtio_pci *t, char *text, size_t room)
{
	const struct virtio_state *s = &t->v.s;
	int n = text_format(text, room, "status=%02x features=%lx msi-x=%s", s->status, s->accepted,
			    vpci_msix_enabled(&t->pci) ? "on" : "off");

	for (uint32_t q = 0; q < t->v.queues && n >= 0 && (size_t)n < room; q++)
		n += text_format(text + n, room - (size_t)n, " q%u=%u/%u", q, s->queue[q].next,
				 s->queue[q].used_index);
	return n;
}

void virtio_pci_save(const struct virtio_pci *t, struct virtio_pci_state *to)
{
	vpci_function_save(&t->pci, &to->pci);
	to->virtio = t->v.s;
	memcpy(to->table, t->table, sizeof(to->table));
}

bool virtio_pci_good(const struct virtio_pci *t, const struct virtio_pci_state *from)
{
	return virtio_state_good(&t->v, &from->virtio);
}

void virtio_pci_restore(struct virtio_pci *t, const struct virtio_pci_state *from)
{
	memcpy(t->table, from->table, sizeof(t->table));
	t->v.s = from->virtio;
	vpci_function_restore(&t->pci, &from->pci);
	virtio_restored(&t->v);
}
