/* The user directory: reads VM/370's statements and our additions, says what is wrong with them. */
/* Part: cp/; pure, tested on the host; its text is as little to be trusted as a guest. */
#include "vmm/cp/directory.h"

#include <stdarg.h>

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/ipl/ipl.h"

#define LINE_MOST    512u /* characters of one statement */
#define SAID_MOST    40u /* messages before the rest is only counted: think of a binary file */
#define MESSAGE_ROOM 256

struct reader {
	struct directory *d;
	struct directory_user *user; /* the one statements belong to; NULL before the first USER */
	struct directory_user spare; /* takes the statements of a user that cannot be kept */
	bool has_ipl, has_initrd, has_console;
	bool bad_size; /* told already: the storage of 0 that is left is not what was written */
	directory_say say;
	void *context;
	uint32_t line, said, unsaid;
};

struct statement {
	const char *name;
	void (*take)(struct reader *r, const char *name, const char *at);
	bool anywhere; /* may come before the first USER */
};

static void say(struct reader *r, const char *format, va_list args)
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

__attribute__((format(printf, 2, 3))) static void fault(struct reader *r, const char *format, ...)
{
	va_list args;

	r->d->errors++;
	if (r->user != NULL)
		r->user->bad = true;
	va_start(args, format);
	say(r, format, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void inform(struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, format, args);
	va_end(args);
}

/* What was typed, short enough for a message. */
struct shown {
	char text[25];
};

static struct shown shorten(const char *text)
{
	struct shown s;

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

static void expect_end(struct reader *r, const char *name, const char *at)
{
	char word[OPERAND_ROOM];

	if (operand_word(&at, word, sizeof(word)) != 0)
		fault(r, MSG_DIR771E, r->line, shorten(word).text, name);
}

/* What can only be judged when all of a user's statements have been read. */
static void close_user(struct reader *r)
{
	struct directory_user *u = r->user;

	if (u == NULL || u == &r->spare)
		return;
	if (u->storage == 0 && !r->bad_size && (r->has_ipl || u->autolog))
		fault(r, MSG_DIR756E, u->line, u->userid);
	if (r->has_initrd && !r->has_ipl)
		fault(r, MSG_DIR772E, u->line, u->userid);
}

static bool take_size(struct reader *r, const char *word, uint64_t *bytes)
{
	r->bad_size = true;
	if (!operand_size(word, bytes)) {
		fault(r, MSG_DIR755E, r->line, shorten(word).text);
		return false;
	}
	if (*bytes % PAGE_SIZE != 0) {
		fault(r, MSG_DIR775E, r->line, shorten(word).text);
		return false;
	}
	r->bad_size = false;
	return true;
}

static void take_classes(struct reader *r, const char *word)
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
		fault(r, MSG_DIR764E, r->line, shorten(word).text);
}

/*
 * Storage, maximum, classes; what VM/370 has after them (priority, editing characters) is let
 * pass.
 */
static void take_user_sizes(struct reader *r, const char *at)
{
	struct directory_user *u = r->user;
	char word[OPERAND_ROOM], want[24], most[24];

	str_copy(u->classes, "G", sizeof(u->classes));
	if (operand_word(&at, word, sizeof(word)) == 0) {
		fault(r, MSG_DIR755E, r->line, "");
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
		fault(r, MSG_DIR757E, r->line, want, most);
	}
	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	take_classes(r, word);
	if (!operand_end(at))
		inform(r, MSG_DIR770I, r->line, "WHAT FOLLOWS THE PRIVILEGE CLASSES");
}

static void take_user(struct reader *r, const char *name, const char *at)
{
	const struct directory_user *other;
	char word[OPERAND_ROOM], userid[9];
	struct directory_user *u;

	(void)name;
	close_user(r);
	r->has_ipl = r->has_initrd = r->has_console = r->bad_size = false;
	memset(&r->spare, 0, sizeof(r->spare));
	r->user = &r->spare;
	if (operand_word(&at, word, sizeof(word)) == 0 || !operand_userid(word, userid)) {
		fault(r, MSG_DIR753E, r->line, shorten(word).text);
		return;
	}
	other = directory_find(r->d, userid);
	if (other != NULL) {
		fault(r, MSG_DIR754E, r->line, userid, other->line);
		return;
	}
	if (r->d->count == DIRECTORY_USERS) {
		fault(r, MSG_DIR758E, r->line, (unsigned int)DIRECTORY_USERS, userid);
		return;
	}
	u = &r->d->users[r->d->count++];
	memset(u, 0, sizeof(*u));
	r->user = u;
	u->line = r->line;
	u->console = 0x009;
	str_copy(u->userid, userid, sizeof(u->userid));
	if (operand_word(&at, word, sizeof(word)) == 0 || strlen(word) >= sizeof(u->password)) {
		fault(r, MSG_DIR765E, r->line);
		return;
	}
	str_copy(u->password, word, sizeof(u->password));
	take_user_sizes(r, at);
}

static void take_console(struct reader *r, const char *name, const char *at)
{
	static const char *const types[] = { "3215", "3210", "1052", "3270" };
	char word[OPERAND_ROOM], type[OPERAND_ROOM];
	uint64_t address;
	bool known = false;

	if (r->has_console) {
		fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_console = true;
	operand_word(&at, word, sizeof(word));
	operand_word(&at, type, sizeof(type));
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		known = known || str_same(type, types[i]);
	if (!known || !operand_hex(word, 0xfff, &address) || address == 0) {
		fault(r, MSG_DIR766E, r->line, shorten(word).text);
		return;
	}
	r->user->console = (uint16_t)address;
	if (!operand_end(at))
		inform(r, MSG_DIR770I, r->line, "THE SPOOL CLASS OF A CONSOLE");
}

static void take_option(struct reader *r, const char *name, const char *at)
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
		fault(r, MSG_DIR760E, r->line, name);
	while (operand_word(&at, word, sizeof(word)) != 0) {
		if (str_same(word, "AUTOLOG")) {
			r->user->autolog = true;
			continue;
		}
		for (i = 0; i < ARRAY_LEN(idle); i++)
			if (str_same(word, idle[i].name))
				break;
		if (i == ARRAY_LEN(idle) ||
		    (idle[i].operand && operand_word(&at, operand, sizeof(operand)) == 0)) {
			fault(r, MSG_DIR767E, r->line, shorten(word).text);
			return;
		}
		inform(r, MSG_DIR770I, r->line, idle[i].name);
	}
}

static bool take_file(struct reader *r, const char *name, const char **at, char to[DIRECTORY_FILE])
{
	char word[OPERAND_ROOM];

	if (operand_word(at, word, sizeof(word)) == 0) {
		fault(r, MSG_DIR760E, r->line, name);
		return false;
	}
	if (!operand_file_name(word)) {
		fault(r, MSG_DIR761E, r->line, shorten(word).text);
		return false;
	}
	str_copy(to, word, DIRECTORY_FILE);
	return true;
}

static void take_parm(struct reader *r, const char *at)
{
	const char *text = operand_rest(at);
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	if (n >= DIRECTORY_PARM) {
		fault(r, MSG_DIR763E, r->line, DIRECTORY_PARM - 1u);
		return;
	}
	memcpy(r->user->parm, text, n);
	r->user->parm[n] = '\0';
}

static void take_ipl(struct reader *r, const char *name, const char *at)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {
		{ "LINUX", IPL_LINUX },
		{ "MULTIBOOT", IPL_MULTIBOOT },
		{ "BOOT", IPL_BOOT },
		{ "FLAT", IPL_FLAT },
	};
	char word[OPERAND_ROOM];
	size_t i;

	if (r->has_ipl) {
		fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_ipl = true;
	if (!take_file(r, name, &at, r->user->ipl_file))
		return;
	if (operand_word(&at, word, sizeof(word)) == 0)
		return;
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_same(word, kinds[i].name))
			break;
	if (i < ARRAY_LEN(kinds)) {
		r->user->ipl_kind = kinds[i].kind;
		if (operand_word(&at, word, sizeof(word)) == 0)
			return;
		if (!str_same(word, "PARM")) {
			fault(r, MSG_DIR771E, r->line, shorten(word).text, name);
			return;
		}
	} else if (!str_same(word, "PARM")) {
		fault(r, MSG_DIR762E, r->line, shorten(word).text);
		return;
	}
	take_parm(r, at);
}

static void take_initrd(struct reader *r, const char *name, const char *at)
{
	if (r->has_initrd) {
		fault(r, MSG_DIR768E, r->line, name);
		return;
	}
	r->has_initrd = true;
	if (take_file(r, name, &at, r->user->ipl_initrd))
		expect_end(r, name, at);
}

static void take_idle(struct reader *r, const char *name, const char *at)
{
	if (operand_end(at))
		fault(r, MSG_DIR760E, r->line, name);
	else
		inform(r, MSG_DIR770I, r->line, name);
}

static const struct statement statements[] = {
	{ "USER", take_user, true },
	{ "CONSOLE", take_console, false },
	{ "OPTION", take_option, false },
	{ "IPL", take_ipl, false },
	{ "INITRD", take_initrd, false },
	/* VM/370's, accepted so that its directories can be read. */
	{ "DIRECTORY", take_idle, true },
	{ "ACCOUNT", take_idle, false },
	{ "SPOOL", take_idle, false },
	{ "MDISK", take_idle, false },
	{ "LINK", take_idle, false },
	{ "DEDICATE", take_idle, false },
	{ "SPECIAL", take_idle, false },
};

static void take_line(struct reader *r, const char *line)
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
		fault(r, MSG_DIR751E, r->line, shorten(word).text);
	else if (r->user == NULL && !statements[i].anywhere)
		fault(r, MSG_DIR752E, r->line, statements[i].name);
	else
		statements[i].take(r, statements[i].name, at);
}

/* Copies one line out if it is text of a bearable length; comments may hold anything. */
static void check_line(struct reader *r, const char *from, size_t n)
{
	char line[LINE_MOST + 1];
	size_t i = 0;

	while (i < n && (from[i] == ' ' || from[i] == '\t'))
		i++;
	if (i == n || from[i] == '*')
		return;
	if (n > LINE_MOST) {
		fault(r, MSG_DIR759E, r->line, LINE_MOST);
		return;
	}
	for (i = 0; i < n; i++) {
		uint8_t c = (uint8_t)from[i];

		if (c != '\t' && (c < 0x20 || c > 0x7e)) {
			fault(r, MSG_DIR769E, r->line, c, (unsigned int)i + 1);
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
	struct reader r = { .d = d, .say = to, .context = context };
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
	if (d->count == 0) {
		r.user = NULL;
		r.said = 0;	/* however much was said before: this explains why nobody can log on */
		fault(&r, MSG_DIR773E);
	}
	if (r.unsaid > 0) {
		r.said = 0;
		inform(&r, MSG_DIR774I, r.unsaid);
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
