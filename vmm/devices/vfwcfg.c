/* The virtual firmware configuration device: QEMU's fw_cfg at ports 510h, 511h and 514h (DMA). */
/* Part: devices/; an interpreter of I/O; its items are pointers to what the IPL has prepared. */
#include "vmm/devices/vfwcfg.h"

#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/devices/state.h"

#define VFWCFG_KIND 0x31435746u

#define PORT_SELECT 0x510u
#define PORT_DATA   0x511u
#define PORT_DMA    0x514u

enum { REGION_PORTS, REGION_DMA };

#define ID_PORTS 0x1u
#define ID_DMA	 0x2u

/* Control word of a DMA request. */
#define DMA_ERROR  0x01u
#define DMA_READ   0x02u
#define DMA_SKIP   0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE  0x10u

#define REQUEST_SIZE 16u
/* Reads behind an item's end give zeros; more than this in one request is refused, to bound the work for one exit. */
#define MOST_ZEROS 0x10000u

static const struct vfwcfg_item *find(const struct vfwcfg *f, uint16_t key)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (f->items[i].key == key)
			return &f->items[i];
	return NULL;
}

/* How many bytes of the selected item are left from the offset on. */
static uint32_t left(const struct vfwcfg *f, const struct vfwcfg_item *item)
{
	return item && f->s.offset < item->size ? item->size - f->s.offset : 0;
}

static void choose(struct vfwcfg *f, uint16_t key)
{
	f->s.key = key;
	f->s.offset = 0;
}

static uint8_t next_byte(struct vfwcfg *f)
{
	const struct vfwcfg_item *item = find(f, f->s.key);

	return left(f, item) != 0 ? item->data[f->s.offset++] : 0;
}

static void ports_access(struct vfwcfg *f, struct io_access *a)
{
	uint64_t value = 0;

	if (a->write) {
		/* Writes to the data register do nothing since QEMU 2.4; a selector is a word. */
		if (a->addr == PORT_SELECT && a->size == 2)
			choose(f, (uint16_t)a->value);
		return;
	}
	for (unsigned int i = 0; i < a->size; i++)
		if (a->addr + i == PORT_DATA)
			value |= (uint64_t)next_byte(f) << 8 * i;
	a->value = value;
}

static bool read_item(struct vfwcfg *f, const struct vfwcfg_item *item, uint64_t to, uint32_t length)
{
	static const uint8_t zeros[256];
	uint32_t n = left(f, item), done;

	if (n > length)
		n = length;
	if (length - n > MOST_ZEROS || to > UINT64_MAX - length)
		return false;
	if (n != 0 && !machine_dma_write(f->dev.vm, to, item->data + f->s.offset, n))
		return false;
	f->s.offset += n;
	for (; n < length; n += done) {
		done = length - n < sizeof(zeros) ? length - n : (uint32_t)sizeof(zeros);
		if (!machine_dma_write(f->dev.vm, to + n, zeros, done))
			return false;
	}
	return true;
}

static bool write_item(struct vfwcfg *f, const struct vfwcfg_item *item, uint64_t from, uint32_t length)
{
	if (!item || !item->writable || length > left(f, item))
		return false;
	if (length != 0 && !machine_dma_read(f->dev.vm, from, (uint8_t *)(uintptr_t)item->data + f->s.offset, length))
		return false;
	f->s.offset += length;
	return true;
}

static bool carry_out(struct vfwcfg *f, uint32_t control, uint32_t length, uint64_t address)
{
	const struct vfwcfg_item *item;

	if (control & DMA_SELECT)
		choose(f, (uint16_t)(control >> 16));
	item = find(f, f->s.key);
	if (control & DMA_READ)
		return read_item(f, item, address, length);
	if (control & DMA_WRITE)
		return write_item(f, item, address, length);
	if (control & DMA_SKIP)
		f->s.offset = length > UINT32_MAX - f->s.offset ? UINT32_MAX : f->s.offset + length;
	return true;
}

/* The answer replaces the control word: 0, or the error bit. */
static void request(struct vfwcfg *f, uint64_t at)
{
	uint8_t r[REQUEST_SIZE], answer[4];
	bool done = machine_dma_read(f->dev.vm, at, r, sizeof(r));

	if (done)
		done = carry_out(f, get_be32(r), get_be32(r + 4), (uint64_t)get_be32(r + 8) << 32 | get_be32(r + 12));
	if (!done)
		f->errors++;
	put_be32(answer, done ? 0 : DMA_ERROR);
	machine_dma_write(f->dev.vm, at, answer, sizeof(answer));
}

static void dma_access(struct vfwcfg *f, struct io_access *a)
{
	static const uint8_t signature[8] = "QEMU CFG";
	uint64_t value = 0;

	if (!a->write) {
		for (unsigned int i = 0; i < a->size; i++)
			value |= (uint64_t)signature[(a->addr - PORT_DMA + i) & 7] << 8 * i;
		a->value = value;
	} else if (a->size == 4 && a->addr == PORT_DMA) {
		f->s.address_high = __builtin_bswap32((uint32_t)a->value);
	} else if (a->size == 4 && a->addr == PORT_DMA + 4) {
		uint64_t at = (uint64_t)f->s.address_high << 32 | __builtin_bswap32((uint32_t)a->value);

		f->s.address_high = 0;
		request(f, at);
	}
}

static void vfwcfg_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vfwcfg *f = (struct vfwcfg *)d;

	if (region == REGION_DMA)
		dma_access(f, a);
	else
		ports_access(f, a);
}

/* Bytes of the selected item, and zeros behind its end. */
static uint32_t vfwcfg_block(struct vdev *d, uint32_t region, const struct io_block *b)
{
	struct vfwcfg *f = (struct vfwcfg *)d;
	const struct vfwcfg_item *item;
	uint32_t n;

	if (region != REGION_PORTS || b->addr != PORT_DATA || b->size != 1 || b->write)
		return 0;
	item = find(f, f->s.key);
	n = left(f, item);
	if (n > b->count)
		n = b->count;
	if (n != 0)
		memcpy(b->data, item->data + f->s.offset, n);
	memset((uint8_t *)b->data + n, 0, b->count - n);
	f->s.offset += n;
	return b->count;
}

static void vfwcfg_reset(struct vdev *d)
{
	struct vfwcfg *f = (struct vfwcfg *)d;

	f->s = (struct vfwcfg_state){ 0 };
}

static void vfwcfg_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vfwcfg *f = (const struct vfwcfg *)d;

	text_format(text, room, "key=%04x offset=%x items=%u files=%u errors=%lu", f->s.key, f->s.offset, f->count,
		    f->files, f->errors);
}

static size_t vfwcfg_save(const struct vdev *d, void *to, size_t room)
{
	const struct vfwcfg *f = (const struct vfwcfg *)d;

	return state_save(VFWCFG_KIND, &f->s, sizeof(f->s), to, room);
}

/* Any key and offset will do: each access judges them. */
static bool vfwcfg_restore(struct vdev *d, const void *from, size_t size)
{
	struct vfwcfg *f = (struct vfwcfg *)d;
	struct vfwcfg_state s;

	if (!state_load(VFWCFG_KIND, &s, sizeof(s), from, size) || s.unused != 0)
		return false;
	f->s = s;
	return true;
}

static const struct vdev_ops vfwcfg_ops = {
	.name = "FWCFG",
	.reset = vfwcfg_reset,
	.access = vfwcfg_access,
	.block = vfwcfg_block,
	.dump = vfwcfg_dump,
	.save = vfwcfg_save,
	.restore = vfwcfg_restore,
};

static int add_item(struct vfwcfg *f, uint16_t key, const void *data, uint32_t size, bool writable)
{
	if (find(f, key))
		return -EEXIST;
	if (f->count == VFWCFG_ITEMS)
		return -ENOSPC;
	f->items[f->count++] = (struct vfwcfg_item){ .data = data, .size = size, .key = key, .writable = writable };
	return 0;
}

int vfwcfg_add(struct vfwcfg *f, uint16_t key, const void *data, uint32_t size)
{
	return add_item(f, key, data, size, false);
}

/* Room for a small item of the device's own; NULL = used up. */
static uint8_t *keep_number(struct vfwcfg *f, uint64_t value, unsigned int bytes)
{
	uint8_t *at = f->numbers + f->numbers_used;

	if (bytes > sizeof(value) || bytes > VFWCFG_NUMBERS - f->numbers_used)
		return NULL;
	memcpy(at, &value, bytes);
	f->numbers_used += bytes;
	return at;
}

int vfwcfg_add_number(struct vfwcfg *f, uint16_t key, uint64_t value, unsigned int bytes)
{
	const uint8_t *at = keep_number(f, value, bytes);

	return at ? add_item(f, key, at, bytes, false) : -ENOSPC;
}

static int add_file(struct vfwcfg *f, const char *name, const void *data, uint32_t size, bool writable)
{
	uint8_t *entry = f->directory + 4 + f->files * VFWCFG_ENTRY;
	uint16_t key = (uint16_t)(VFWCFG_FIRST_FILE + f->files);
	size_t length = strlen(name);
	int e;

	if (length == 0 || length >= VFWCFG_NAME)
		return -EINVAL;
	for (uint32_t i = 0; i < f->files; i++)
		if (strcmp((const char *)f->directory + 4 + i * VFWCFG_ENTRY + 8, name) == 0)
			return -EEXIST;
	if (f->files == VFWCFG_FILES)
		return -ENOSPC;
	e = add_item(f, key, data, size, writable);
	if (e != 0)
		return e;
	memset(entry, 0, VFWCFG_ENTRY);
	put_be32(entry, size);
	put_be32(entry + 4, (uint32_t)key << 16);
	memcpy(entry + 8, name, length);
	f->files++;
	put_be32(f->directory, f->files);
	return 0;
}

int vfwcfg_add_file(struct vfwcfg *f, const char *name, const void *data, uint32_t size)
{
	return add_file(f, name, data, size, false);
}

int vfwcfg_add_writable(struct vfwcfg *f, const char *name, void *data, uint32_t size)
{
	return add_file(f, name, data, size, true);
}

int vfwcfg_add_number_file(struct vfwcfg *f, const char *name, uint64_t value, unsigned int bytes)
{
	const uint8_t *at = keep_number(f, value, bytes);

	return at ? add_file(f, name, at, bytes, false) : -ENOSPC;
}

void vfwcfg_clear(struct vfwcfg *f)
{
	static const uint8_t signature[4] = { 'Q', 'E', 'M', 'U' }, id[4] = { ID_PORTS | ID_DMA };

	f->count = 0;
	f->files = 0;
	f->numbers_used = 0;
	memset(f->directory, 0, sizeof(f->directory));
	vfwcfg_add(f, VFWCFG_SIGNATURE, signature, sizeof(signature));
	vfwcfg_add(f, VFWCFG_ID, id, sizeof(id));
	vfwcfg_add(f, VFWCFG_DIRECTORY, f->directory, sizeof(f->directory));
}

void vfwcfg_init(struct vfwcfg *f, struct vm *vm)
{
	memset(f, 0, sizeof(*f));
	f->dev.ops = &vfwcfg_ops;
	f->dev.vm = vm;
	vfwcfg_clear(f);
}

int vfwcfg_claim(struct vfwcfg *f, struct bus *bus)
{
	int e = bus_claim(bus, BUS_PORT, PORT_SELECT, PORT_DATA, &f->dev, REGION_PORTS, false);

	return e != 0 ? e : bus_claim(bus, BUS_PORT, PORT_DMA, PORT_DMA + 7, &f->dev, REGION_DMA, false);
}
