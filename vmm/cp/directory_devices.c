/* The directory's device statements: MDISK of files as RAM disks, LINK, SPECIAL. */
/* Part: cp/; pure, tested on the host; beside directory.c, which reads the rest. */
#include "vmm/cp/directory_reader.h"

#include "lib/string.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"

const struct directory_disk *directory_disk_at(const struct directory_user *u, uint16_t address)
{
	for (uint32_t i = 0; i < u->disk_count; i++)
		if (u->disks[i].address == address)
			return &u->disks[i];
	return NULL;
}

/* Three digits at most: 0190 is no address. */
static bool to_address(const char *word, uint16_t *address)
{
	uint64_t value;

	if (strlen(word) > 3 || !operand_hex(word, 0xfff, &value) || value == 0)
		return false;
	*address = (uint16_t)value;
	return true;
}

static bool take_address(struct directory_reader *r, const char *word, uint16_t *address)
{
	if (to_address(word, address))
		return true;
	directory_fault(r, MSG_DIR776E, r->line, directory_shorten(word).text);
	return false;
}

static void add_disk(struct directory_reader *r, const struct directory_disk *disk)
{
	struct directory_user *u = r->user;

	if (u->disk_count == DIRECTORY_DISKS) {
		directory_fault(r, MSG_DIR778E, r->line, DIRECTORY_DISKS, "DISKS");
		return;
	}
	u->disks[u->disk_count] = *disk;
	u->disks[u->disk_count++].line = r->line;
}

/* R, RR, W, WR, M, MR, MW: nobody shares what another writes, so only the first letter counts. */
static bool take_mode(const char *word, bool *read_only)
{
	static const char *const modes[] = { "R", "RR", "W", "WR", "M", "MR", "MW" };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_same(word, modes[i])) {
			*read_only = modes[i][0] == 'R';
			return true;
		}
	return false;
}

static bool take_bus(const char *word, uint8_t *bus)
{
	static const struct {
		const char *name;
		uint8_t bus;
	} buses[] = {
		{ "ATA", DISK_BUS_ATA },
		{ "VIRTIO", DISK_BUS_VIRTIO },
		{ "CD", DISK_BUS_CD },
	};

	for (size_t i = 0; i < ARRAY_LEN(buses); i++)
		if (str_same(word, buses[i].name)) {
			*bus = buses[i].bus;
			return true;
		}
	return false;
}

/* MDISK cuu RAM file [mode] [bus]; any other device type is one of VM/370's. */
void directory_take_mdisk(struct directory_reader *r, const char *name, const char *at)
{
	struct directory_disk disk = { 0 };
	char address[OPERAND_ROOM], word[OPERAND_ROOM];
	const char *rest = at;
	bool has_mode = false;

	operand_word(&rest, address, sizeof(address));
	operand_word(&rest, word, sizeof(word));
	if (!str_same(word, "RAM")) {
		r->user->idle_disks = true;
		directory_take_idle(r, name, at);
		return;
	}
	if (!take_address(r, address, &disk.address) || !directory_take_file(r, name, &rest, disk.file))
		return;
	while (operand_word(&rest, word, sizeof(word)) != 0) {
		if (!has_mode && take_mode(word, &disk.read_only)) {
			has_mode = true;
		} else if (disk.bus != DISK_BUS_AUTO || !take_bus(word, &disk.bus)) {
			directory_fault(r, MSG_DIR779E, r->line, directory_shorten(word).text);
			return;
		}
	}
	if (disk.bus == DISK_BUS_CD)
		disk.read_only = true;
	add_disk(r, &disk);
}

/* LINK userid vaddr1 [vaddr2 [mode]] */
void directory_take_link(struct directory_reader *r, const char *name, const char *at)
{
	struct directory_disk disk = { .as_owner = true };
	char word[OPERAND_ROOM];

	if (operand_word(&at, word, sizeof(word)) == 0 || operand_end(at)) {
		directory_fault(r, MSG_DIR760E, r->line, name);
		return;
	}
	if (!operand_userid(word, disk.owner)) {
		directory_fault(r, MSG_DIR753E, r->line, directory_shorten(word).text);
		return;
	}
	operand_word(&at, word, sizeof(word));
	if (!take_address(r, word, &disk.owner_address))
		return;
	disk.address = disk.owner_address;
	if (operand_word(&at, word, sizeof(word)) != 0 && !take_address(r, word, &disk.address))
		return;
	if (operand_word(&at, word, sizeof(word)) != 0) {
		disk.as_owner = false;
		if (!take_mode(word, &disk.read_only)) {
			directory_fault(r, MSG_DIR780E, r->line, directory_shorten(word).text);
			return;
		}
		/* VM/370 has the passwords' mode there; ours has nothing. */
		directory_expect_end(r, name, at);
	}
	add_disk(r, &disk);
}

/* A machine has one of each: there is one network, and a second card on it would be of no use. */
static bool second_of(const struct directory_user *u, uint8_t type)
{
	for (uint32_t i = 0; i < u->special_count; i++)
		if (u->specials[i].type == type)
			return true;
	return false;
}

/* SPECIAL cuu type; any other type is one of VM/370's. */
void directory_take_special(struct directory_reader *r, const char *name, const char *at)
{
	static const struct {
		const char *name, *statement;
	} types[] = {
		[SPECIAL_NET] = { "NET", "SPECIAL NET" },
		[SPECIAL_RNG] = { "RNG", "SPECIAL RNG" },
		[SPECIAL_BALLOON] = { "BALLOON", "SPECIAL BALLOON" },
		[SPECIAL_CONSOLE] = { "CONSOLE", "SPECIAL CONSOLE" },
		[SPECIAL_COM2] = { "COM2", "SPECIAL COM2" },
	};
	struct directory_special special = { .line = r->line };
	char address[OPERAND_ROOM], word[OPERAND_ROOM];
	const char *rest = at;
	size_t i;

	operand_word(&rest, address, sizeof(address));
	operand_word(&rest, word, sizeof(word));
	for (i = 0; i < ARRAY_LEN(types); i++)
		if (str_same(word, types[i].name))
			break;
	if (i == ARRAY_LEN(types)) {
		directory_take_idle(r, name, at);
		return;
	}
	special.type = (uint8_t)i;
	if (!take_address(r, address, &special.address))
		return;
	directory_expect_end(r, name, rest);
	if (second_of(r->user, special.type)) {
		directory_fault(r, MSG_DIR768E, r->line, types[i].statement);
		return;
	}
	r->user->specials[r->user->special_count++] = special;
}

struct place {
	uint16_t address;
	uint32_t line;
};

void directory_check_devices(struct directory_reader *r)
{
	const struct directory_user *u = r->user;
	struct place places[1 + DIRECTORY_DISKS + DIRECTORY_SPECIALS];
	uint32_t n = 0;

	places[n++] = (struct place){ u->console, u->line };
	for (uint32_t i = 0; i < u->disk_count; i++)
		places[n++] = (struct place){ u->disks[i].address, u->disks[i].line };
	for (uint32_t i = 0; i < u->special_count; i++)
		places[n++] = (struct place){ u->specials[i].address, u->specials[i].line };
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t j = 0; j < i; j++)
			if (places[i].address == places[j].address) {
				uint32_t line = places[i].line > places[j].line ? places[i].line
										: places[j].line;

				directory_fault(r, MSG_DIR777E, line, places[i].address);
				break;
			}
}

/* Takes the file of the disk that a LINK names. False: it has no effect, since what it names has none. */
static bool resolve(struct directory_reader *r, struct directory_disk *disk)
{
	const struct directory_user *owner = directory_find(r->d, disk->owner);
	const struct directory_disk *own;

	if (owner == NULL) {
		directory_fault(r, MSG_DIR781E, disk->line, disk->owner);
		return true;
	}
	own = directory_disk_at(owner, disk->owner_address);
	if (own != NULL && own->owner[0] == '\0') {
		str_copy(disk->file, own->file, sizeof(disk->file));
		disk->bus = own->bus;
		disk->read_only = (disk->as_owner ? own->read_only : disk->read_only) ||
				  own->bus == DISK_BUS_CD;
		return true;
	}
	if (own == NULL && owner->idle_disks && r->user->ipl_address != disk->address) {
		directory_inform(r, MSG_DIR770I, disk->line, "LINK");
		return false;
	}
	directory_fault(r, MSG_DIR782E, disk->line, owner->userid, disk->owner_address);
	return true;
}

static void link_user(struct directory_reader *r)
{
	struct directory_user *u = r->user;
	uint32_t kept = 0, drives = 0;

	for (uint32_t i = 0; i < u->disk_count; i++) {
		struct directory_disk disk = u->disks[i];

		if (disk.owner[0] != '\0' && !resolve(r, &disk))
			continue;
		if (disk.bus != DISK_BUS_VIRTIO && drives++ == DIRECTORY_DRIVES)
			directory_fault(r, MSG_DIR778E, disk.line, DIRECTORY_DRIVES, "ATA AND CD DRIVES");
		u->disks[kept++] = disk;
	}
	u->disk_count = kept;
}

void directory_link_disks(struct directory_reader *r)
{
	for (uint32_t i = 0; i < r->d->count; i++) {
		r->user = &r->d->users[i];
		link_user(r);
	}
}
