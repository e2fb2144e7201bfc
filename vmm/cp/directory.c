/* The user directory: reads VM/370's statements and our additions, says what is wrong with them. */
/* Part: cp/; pure, tested on the host; its text is as little to be trusted as a guest. Devices: directory_devices.c. */
#include "vmm/cp/directory_reader.h"

#include <stdarg.h>

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/ipl/ipl.h"

#define LINE_MOST    512u /* characters of one statement */
#define SAID_MOST    40u /* messages before the rest is only counted: think of a binary file */
#define MESSAGE_ROOM 256

struct statement {
	const char *name;
	void (*take)(struct directory_reader *r, const char *name, const char *at);
	bool anywhere; /* may come before the first USER */
};

static void say(struct directory_reader *r, const char *format, va_list args)
{
	char text[MESSAGE_ROOM];

	if (r->said == SAID_MOST) {
		r->unsaid++;
		return;
	}
	r->said++;
	text_vformat(text, sizeof(text), format, args);
	r->say(r->context, text);
}

void directory_fault(struct directory_reader *r, const char *format, ...)
{
	va_list args;

	r->d->errors++;
	if (r->user != NULL)
		r->user->bad = true;
	va_start(args, format);
	say(r, format, args);
	va_end(args);
}

void directory_inform(struct directory_reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, format, args);
	va_end(args);
}

struct directory_shown directory_shorten(const char *text)
{
	struct directory_shown s;

	str_copy(s.text, text, sizeof(s.text));
	return s;
}

static void show_size(char *to, size_t room, uint64_t bytes)
{
	if (bytes != 0 && bytes % MIB(1) == 0)
		text_format(to, room, "%lluM", (unsigned long long)(bytes >> 20));
	else
		text_format(to, room, "%lluK", (unsigned long long)(bytes >> 10));
}

void directory_expect_end(struct directory_reader *r, const char *name, const char *at)
{
	char word[OPERAND_ROOM];

	if (operand_word(&at, word, sizeof(word)) != 0)
		directory_fault(r, MSG_DIR771E, r->line, directory_shorten(word).text, name);
}

/* The operand of IPL is a disk's address where the user has such a disk and no kind of file was named. */
static void choose_ipl(struct directory_reader *r)
{
	struct directory_user *u = r->user;
	uint64_t address;

	if (!r->has_ipl || r->ipl_file_meant || u->ipl_file[0] == '\0')
		return;
	if (strlen(u->ipl_file) <= 3 && operand_hex(u->ipl_file, 0xfff, &address) &&
	    directory_disk_at(u, (uint16_t)address) != NULL) {
		if (u->parm[0] != '\0')
			directory_fault(r, MSG_DIR771E, r->ipl_line, "PARM", "IPL OF A DISK");
		u->ipl_address = (uint16_t)address;
		u->ipl_file[0] = '\0';
	} else if (r->ipl_device) {
		directory_fault(r, MSG_DIR783E, r->ipl_line, u->userid,
				directory_shorten(u->ipl_file).text);
	}
}

/* What can only be judged when all of a user's statements have been read. */
static void close_user(struct directory_reader *r)
{
	struct directory_user *u = r->user;

	if (u == NULL || u == &r->spare)
		return;
	if (u->storage == 0 && !r->bad_size && (r->has_ipl || u->autolog))
		directory_fault(r, MSG_DIR756E, u->line, u->userid);
	choose_ipl(r);
	directory_check_devices(r);
	if (r->has_initrd && (!r->has_ipl || u->ipl_address != 0))
		directory_fault(r, MSG_DIR772E, u->line, u->userid);
}

static bool take_size(struct directory_reader *r, const char *word, uint64_t *bytes)
{
	r->bad_size = true;
	if (!operand_size(word, bytes)) {
		directory_fault(r, MSG_DIR755E, r->line, directory_shorten(word).text);
		return false;
	}
	if (*bytes % PAGE_SIZE != 0) {
		directory_fault(r, MSG_DIR775E, r->line, directory_shorten(word).text);
		return false;
	}
	r->bad_size = false;
	return true;
}

static void take_classes(struct directory_reader *r, const char *word)
{
	unsigned int seen = 0;
	size_t n;

	for (n = 0; word[n] != '\0'; n++) {
		char c = str_upper(word[n]);
		unsigned int bit;

		if (c < 'A' || c > 'H')
			break;
		bit = 1u << (c - 'A');
		if (seen & bit)
			break;
		seen |= bit;
		r->user->classes[n] = c;
	}
	/* Eight different letters at most, so the array cannot be too short. */
	r->user->classes[n] = '\0';
	if (n == 0 || word[n] != '\0')
		directory_fault(r, MSG_DIR764E, r->line, directory_shorten(word).text);
}

/*
 * Storage, maximum, classes; what VM/370 has after them (priority, editing characters) is let
 * pass.
 */
static void take_user_sizes(struct directory_reader *r, const char *at)
{
	struct directory_user *u = r->user;
	char word[OPERAND_ROOM], want[24], most[24];

	str_copy(u->classes, "G", sizeof(u->classes));
	if (operand_word(&at, word, sizeof(word)) == 0) {
		directory_fault(r, MSG_DIR755E, r->line, "");
		return;
	}
	if (!take_size(r, word, &u->storage))
		return;
	u->max_storage = u->storage;
	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	if (!take_size(r, word, &u->max_storage))
		return;
	if (u->storage > u->max_storage) {
		show_size(want, sizeof(want), u->storage);
		show_size(most, sizeof(most), u->max_storage);
		directory_fault(r, MSG_DIR757E, r->line, want, most);
	}
	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	take_classes(r, word);
	if (!operand_end(at))
		directory_inform(r, MSG_DIR770I, r->line, "WHAT FOLLOWS THE PRIVILEGE CLASSES");
}

static void take_user(struct directory_reader *r, const char *name, const char *at)
{
	const struct directory_user *other;
	char word[OPERAND_ROOM], userid[9];
	struct directory_user *u;

	(void)name;
	close_user(r);
	r->has_ipl = r->has_initrd = r->has_console = r->bad_size = false;
	r->ipl_device = r->ipl_file_meant = false;
	memset(&r->spare, 0, sizeof(r->spare));
	r->user = &r->spare;
	if (operand_word(&at, word, sizeof(word)) == 0 || !operand_userid(word, userid)) {
		directory_fault(r, MSG_DIR753E, r->line, directory_shorten(word).text);
		return;
	}
	other = directory_find(r->d, userid);
	if (other != NULL) {
		directory_fault(r, MSG_DIR754E, r->line, userid, other->line);
		return;
	}
	if (r->d->count == DIRECTORY_USERS) {
		directory_fault(r, MSG_DIR758E, r->line, (unsigned int)DIRECTORY_USERS, userid);
		return;
	}
	u = &r->d->users[r->d->count++];
	memset(u, 0, sizeof(*u));
	r->user = u;
	u->line = r->line;
	u->console = 0x009;
	str_copy(u->userid, userid, sizeof(u->userid));
	if (operand_word(&at, word, sizeof(word)) == 0 || strlen(word) >= sizeof(u->password)) {
		directory_fault(r, MSG_DIR765E, r->line);
		return;
	}
	str_copy(u->password, word, sizeof(u->password));
	take_user_sizes(r, at);
}

static void take_console(struct directory_reader *r, const char *name, const char *at)
{
	static const char *const types[] = { "3215", "3210", "1052", "3270" };
	char word[OPERAND_ROOM], type[OPERAND_ROOM];
	uint64_t address;
	bool known = false;

	if (r->has_console) {
		directory_fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_console = true;
	operand_word(&at, word, sizeof(word));
	operand_word(&at, type, sizeof(type));
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		known = known || str_same(type, types[i]);
	if (!known || !operand_hex(word, 0xfff, &address) || address == 0) {
		directory_fault(r, MSG_DIR766E, r->line, directory_shorten(word).text);
		return;
	}
	r->user->console = (uint16_t)address;
	if (!operand_end(at))
		directory_inform(r, MSG_DIR770I, r->line, "THE SPOOL CLASS OF A CONSOLE");
}

/* The options of ours: each is a word alone. */
static bool take_switch(struct directory_user *u, const char *word)
{
	const struct {
		const char *name;
		bool *set;
	} switches[] = {
		{ "AUTOLOG", &u->autolog },
		{ "DEBUGEXIT", &u->debug_exit },
		{ "DEBUGCON", &u->debug_console },
		{ "NOVGA", &u->no_vga },
		{ "NOSCREEN", &u->no_screen },
		{ "TRIPLERESET", &u->triple_reset },
	};

	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (str_same(word, switches[i].name)) {
			*switches[i].set = true;
			return true;
		}
	return false;
}

static bool take_tsc(struct directory_user *u, const char **at)
{
	char word[OPERAND_ROOM];
	uint64_t mhz;

	if (operand_word(at, word, sizeof(word)) == 0 || !operand_decimal(word, DIRECTORY_TSC_MHZ, &mhz) || mhz == 0)
		return false;
	u->tsc_mhz = (uint32_t)mhz;
	return true;
}

static void take_option(struct directory_reader *r, const char *name, const char *at)
{
	/* VM/370's own: read, and without effect until there is something for them to do. */
	static const struct {
		const char *name;
		bool operand;
	} idle[] = {
		{ "REALTIMER", false }, { "ECMODE", false }, { "ISAM", false },
		{ "VIRT=REAL", false }, { "ACCT", false },   { "SVCOFF", false },
		{ "BMX", false },	{ "CPUID", true },   { "AFFINITY", true },
	};
	char word[OPERAND_ROOM], operand[OPERAND_ROOM];
	size_t i;

	if (operand_end(at))
		directory_fault(r, MSG_DIR760E, r->line, name);
	while (operand_word(&at, word, sizeof(word)) != 0) {
		if (take_switch(r->user, word))
			continue;
		if (str_same(word, "TSC")) {
			if (take_tsc(r->user, &at))
				continue;
			directory_fault(r, MSG_DIR784E, r->line, (unsigned int)DIRECTORY_TSC_MHZ);
			return;
		}
		for (i = 0; i < ARRAY_LEN(idle); i++)
			if (str_same(word, idle[i].name))
				break;
		if (i == ARRAY_LEN(idle) ||
		    (idle[i].operand && operand_word(&at, operand, sizeof(operand)) == 0)) {
			directory_fault(r, MSG_DIR767E, r->line, directory_shorten(word).text);
			return;
		}
		directory_inform(r, MSG_DIR770I, r->line, idle[i].name);
	}
}

bool directory_take_file(struct directory_reader *r, const char *name, const char **at,
			 char to[DIRECTORY_FILE])
{
	char word[OPERAND_ROOM];

	if (operand_word(at, word, sizeof(word)) == 0) {
		directory_fault(r, MSG_DIR760E, r->line, name);
		return false;
	}
	if (!operand_file_name(word)) {
		directory_fault(r, MSG_DIR761E, r->line, directory_shorten(word).text);
		return false;
	}
	str_copy(to, word, DIRECTORY_FILE);
	return true;
}

static void take_parm(struct directory_reader *r, const char *at)
{
	const char *text = operand_rest(at);
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	if (n >= DIRECTORY_PARM) {
		directory_fault(r, MSG_DIR763E, r->line, DIRECTORY_PARM - 1u);
		return;
	}
	memcpy(r->user->parm, text, n);
	r->user->parm[n] = '\0';
}

/* The word after the file or address. Returns false when it is none that belongs there. */
static bool take_ipl_kind(struct directory_reader *r, const char *word)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {
		{ "LINUX", IPL_LINUX }, { "MULTIBOOT", IPL_MULTIBOOT }, { "BOOT", IPL_BOOT },
		{ "FLAT", IPL_FLAT },	{ "DISK", IPL_DISK },		{ "CD", IPL_CD },
		{ "FIRMWARE", IPL_FIRMWARE },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_same(word, kinds[i].name)) {
			r->user->ipl_kind = kinds[i].kind;
			r->ipl_file_meant = true;
			return true;
		}
	r->user->ipl_uefi = str_same(word, "UEFI");
	r->ipl_device = r->user->ipl_uefi || str_same(word, "BIOS");
	return r->ipl_device;
}

/* Whether the operand is a file or one of the user's disks is known when all of them are: choose_ipl(). */
static void take_ipl(struct directory_reader *r, const char *name, const char *at)
{
	char word[OPERAND_ROOM];

	if (r->has_ipl) {
		directory_fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_ipl = true;
	r->ipl_line = r->line;
	if (!directory_take_file(r, name, &at, r->user->ipl_file))
		return;
	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	if (!str_same(word, "PARM")) {
		if (!take_ipl_kind(r, word)) {
			directory_fault(r, MSG_DIR762E, r->line, directory_shorten(word).text);
			return;
		}
		if (operand_word(&at, word, sizeof(word)) == 0)
			return;
		/* Firmware has no command line. */
		if (!str_same(word, "PARM") || r->ipl_device) {
			directory_fault(r, MSG_DIR771E, r->line, directory_shorten(word).text, name);
			return;
		}
	}
	take_parm(r, at);
}

static void take_initrd(struct directory_reader *r, const char *name, const char *at)
{
	if (r->has_initrd) {
		directory_fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_initrd = true;
	if (directory_take_file(r, name, &at, r->user->ipl_initrd))
		directory_expect_end(r, name, at);
}

void directory_take_idle(struct directory_reader *r, const char *name, const char *at)
{
	if (operand_end(at))
		directory_fault(r, MSG_DIR760E, r->line, name);
	else
		directory_inform(r, MSG_DIR770I, r->line, name);
}

static const struct statement statements[] = {
	{ "USER", take_user, true },
	{ "CONSOLE", take_console, false },
	{ "OPTION", take_option, false },
	{ "IPL", take_ipl, false },
	{ "INITRD", take_initrd, false },
	{ "MDISK", directory_take_mdisk, false },
	{ "LINK", directory_take_link, false },
	{ "SPECIAL", directory_take_special, false },
	/* VM/370's, accepted so that its directories can be read. */
	{ "DIRECTORY", directory_take_idle, true },
	{ "ACCOUNT", directory_take_idle, false },
	{ "SPOOL", directory_take_idle, false },
	{ "DEDICATE", directory_take_idle, false },
};

static void take_line(struct directory_reader *r, const char *line)
{
	char word[OPERAND_ROOM];
	const char *at = line;
	size_t i;

	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	for (i = 0; i < ARRAY_LEN(statements); i++)
		if (str_same(word, statements[i].name))
			break;
	if (i == ARRAY_LEN(statements))
		directory_fault(r, MSG_DIR751E, r->line, directory_shorten(word).text);
	else if (r->user == NULL && !statements[i].anywhere)
		directory_fault(r, MSG_DIR752E, r->line, statements[i].name);
	else
		statements[i].take(r, statements[i].name, at);
}

/* Copies one line out if it is text of a bearable length; comments may hold anything. */
static void check_line(struct directory_reader *r, const char *from, size_t n)
{
	char line[LINE_MOST + 1];
	size_t i = 0;

	while (i < n && (from[i] == ' ' || from[i] == '\t'))
		i++;
	if (i == n || from[i] == '*')
		return;
	if (n > LINE_MOST) {
		directory_fault(r, MSG_DIR759E, r->line, LINE_MOST);
		return;
	}
	for (i = 0; i < n; i++) {
		uint8_t c = (uint8_t)from[i];

		if (c != '\t' && (c < 0x20 || c > 0x7e)) {
			directory_fault(r, MSG_DIR769E, r->line, c, (unsigned int)i + 1);
			return;
		}
		line[i] = from[i];
	}
	line[n] = '\0';
	take_line(r, line);
}

uint32_t directory_read(struct directory *d, const char *text, size_t size, directory_say to,
			void *context)
{
	struct directory_reader r = { .d = d, .say = to, .context = context };
	size_t at = 0;

	memset(d, 0, sizeof(*d));
	/* Some editors put a UTF-8 byte order mark before the first line. */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	while (at < size) {
		size_t n = 0;

		while (at + n < size && text[at + n] != '\n' && text[at + n] != '\r')
			n++;
		r.line++;
		check_line(&r, text + at, n);
		at += n;
		if (at + 1 < size && text[at] == '\r' && text[at + 1] == '\n')
			at++;
		at++;
	}
	close_user(&r);
	directory_link_disks(&r);
	if (d->count == 0) {
		r.user = NULL;
		r.said = 0;	/* however much was said before: this explains why nobody can log on */
		directory_fault(&r, MSG_DIR773E);
	}
	if (r.unsaid > 0) {
		r.said = 0;
		directory_inform(&r, MSG_DIR774I, r.unsaid);
	}
	return d->errors;
}

const struct directory_user *directory_find(const struct directory *d, const char *userid)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (str_same(d->users[i].userid, userid))
			return &d->users[i];
	return NULL;
}
