/* Finds the names of the files that a user directory wants: operands of IPL, INITRD and MDISK ... RAM. */
/* Part: the UEFI loader reads these files; it does not judge the directory, CP does. */
#include "lib/dirscan.h"

struct word {
	const char *at;
	size_t length;
};

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\0';
}

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* Takes the next word of the line AT..END; its length is 0 at the end of the line. */
static struct word next_word(const char **at, const char *end)
{
	struct word w;

	while (*at < end && is_blank(**at))
		(*at)++;
	w.at = *at;
	while (*at < end && !is_blank(**at))
		(*at)++;
	w.length = (size_t)(*at - w.at);
	return w;
}

static bool is_keyword(struct word w, const char *keyword)
{
	size_t i;

	for (i = 0; i < w.length; i++) {
		char c = w.at[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (keyword[i] == '\0' || c != keyword[i])
			return false;
	}
	return keyword[w.length] == '\0';
}

static bool is_file_name(struct word w)
{
	size_t i;
	bool only_dots = true;

	if (w.length == 0 || w.length >= DIRSCAN_NAME_LEN)
		return false;
	for (i = 0; i < w.length; i++) {
		if (!is_name_char(w.at[i]))
			return false;
		if (w.at[i] != '.')
			only_dots = false;
	}
	/* "." and ".." name folders in a FAT volume: they must never reach the firmware. */
	return !only_dots;
}

static bool is_known(const struct dirscan *out, struct word w)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < out->count; i++) {
		for (k = 0; k < w.length && out->names[i][k] == w.at[k]; k++)
			;
		if (k == w.length && out->names[i][k] == '\0')
			return true;
	}
	return false;
}

bool dirscan_has(const struct dirscan *found, const char *name)
{
	struct word w = { name, 0 };

	while (name[w.length] != '\0')
		w.length++;
	return is_known(found, w);
}

bool dirscan_is_address(const char *name)
{
	size_t n = 0;

	for (; name[n] != '\0'; n++)
		if (!((name[n] >= '0' && name[n] <= '9') || (name[n] >= 'A' && name[n] <= 'F') ||
		      (name[n] >= 'a' && name[n] <= 'f')))
			return false;
	return n >= 1 && n <= 3;
}

static void take_line(const char *at, const char *end, struct dirscan *out)
{
	struct word w = next_word(&at, end);
	size_t k;

	if (is_keyword(w, "MDISK")) {
		next_word(&at, end);	/* its address */
		if (!is_keyword(next_word(&at, end), "RAM"))
			return;		/* one of VM/370's, on a real disk */
	} else if (!is_keyword(w, "IPL") && !is_keyword(w, "INITRD")) {
		return;
	}
	w = next_word(&at, end);
	if (!is_file_name(w)) {
		out->bad_names++;
		return;
	}
	if (is_known(out, w))
		return;
	if (out->count == DIRSCAN_MAX_FILES) {
		out->left_out++;
		return;
	}
	for (k = 0; k < w.length; k++)
		out->names[out->count][k] = w.at[k];
	out->names[out->count][k] = '\0';
	out->count++;
}

void dirscan_files(const char *text, size_t length, struct dirscan *out)
{
	const char *at = text;
	const char *end = text + length;

	out->count = 0;
	out->bad_names = 0;
	out->left_out = 0;
	/* Some editors put a UTF-8 byte order mark before the first line. */
	if (length >= 3 && at[0] == '\xef' && at[1] == '\xbb' && at[2] == '\xbf')
		at += 3;
	while (at < end) {
		const char *line = at;

		while (at < end && !is_line_end(*at))
			at++;
		take_line(line, at, out);
		if (at < end)
			at++;
	}
}
