/* DISPLAY and DUMP: storage, registers, rights, as bytes in the order of their addresses. */
/* Part: cp/; looks only, at a machine in any state. */
#include "vmm/cp/display.h"

#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/cp/command.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/operand.h"
#include "vmm/cp/typewriter.h"
#include "vmm/dispatcher.h"
#include "vmm/machine/gmem.h"

#define MOST_BYTES  0x800u /* one DISPLAY: 128 lines */
#define MOST_RIGHTS 65536u /* pages looked at by one DISPLAY K */
#define MOST_RUNS   64u /* lines it prints */

static const char *const gpr_names[GPRS] = {
	"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
	"R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15",
};

const struct display_register display_registers[] = {
	{ "CR0", VREG_CR0 },	    { "CR2", VREG_CR2 },
	{ "CR3", VREG_CR3 },	    { "CR4", VREG_CR4 },
	{ "CR8", VREG_CR8 },	    { "EFER", VREG_EFER },
	{ "XCR0", VREG_XCR0 },	    { "PAT", VREG_PAT },
	{ "DR6", VREG_DR6 },	    { "DR7", VREG_DR7 },
	{ "GDTR", VREG_GDTR_BASE }, { "GDTL", VREG_GDTR_LIMIT },
	{ "IDTR", VREG_IDTR_BASE }, { "IDTL", VREG_IDTR_LIMIT },
	{ "LSTAR", VREG_LSTAR },    { "KGSBASE", VREG_KERNEL_GS_BASE },
};
const size_t display_registers_count = ARRAY_LEN(display_registers);

static uint64_t get_gpr(struct vm *vm, unsigned int n)
{
	return n == RSP ? arch_vcpu_get(&vm->av, VREG_RSP) : vm->av.gpr[n];
}

static const char *mode_name(struct vm *vm, const struct segment *cs)
{
	uint64_t efer = arch_vcpu_get(&vm->av, VREG_EFER), cr0 = arch_vcpu_get(&vm->av, VREG_CR0);

	if (!(cr0 & 1))
		return "REAL";
	if (arch_vcpu_get(&vm->av, VREG_RFLAGS) & 1u << 17)
		return "VIRTUAL-8086";
	if (efer & 1u << 10) /* IA32_EFER.LMA, and the L bit of the code segment */
		return cs->access & 1u << 13 ? "64-BIT" : "COMPATIBILITY";
	return cs->access & 1u << 14 ? "32-BIT" : "16-BIT";
}

void display_psw(struct vm *vm)
{
	struct segment cs, ss;

	arch_vcpu_get_segment(&vm->av, SEG_CS, &cs);
	arch_vcpu_get_segment(&vm->av, SEG_SS, &ss);
	cp_say("PSW = CS %04X RIP %016llX RFLAGS %08llX CPL %u %s%s%s", cs.selector,
	       (unsigned long long)arch_vcpu_get(&vm->av, VREG_RIP),
	       (unsigned long long)arch_vcpu_get(&vm->av, VREG_RFLAGS), ss.access >> 5 & 3,
	       mode_name(vm, &cs),
	       arch_vcpu_blocking(&vm->av) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS) ? " SHADOW"
										    : "",
	       vm->state == VM_WAITING ? " WAIT" : "");
}

void display_general(struct vm *vm, unsigned int first, unsigned int last)
{
	char line[128];
	size_t n = 0;

	for (unsigned int i = first; i <= last; i++) {
		n += (size_t)text_format(line + n, sizeof(line) - n, "%s%-3s = %016llX",
					 n > 0 ? "  " : "", gpr_names[i],
					 (unsigned long long)get_gpr(vm, i));
		if ((i - first) % 4 == 3 || i == last) {
			cp_say("%s", line);
			n = 0;
		}
	}
}

void display_control(struct vm *vm, size_t first, size_t last)
{
	char line[128];
	size_t n = 0;

	for (size_t i = first; i <= last; i++) {
		const struct display_register *r = &display_registers[i];

		n += (size_t)text_format(line + n, sizeof(line) - n, "%s%-7s = %016llX",
					 n > 0 ? "  " : "", r->name,
					 (unsigned long long)arch_vcpu_get(&vm->av, r->reg));
		if ((i - first) % 3 == 2 || i == last) {
			cp_say("%s", line);
			n = 0;
		}
	}
}

void display_segments(struct vm *vm)
{
	static const char *const names[SEGS] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };
	struct segment s;

	for (unsigned int i = 0; i < SEGS; i++) {
		arch_vcpu_get_segment(&vm->av, (enum seg)i, &s);
		cp_say("%-4s = %04X BASE %016llX LIMIT %08X RIGHTS %05X%s", names[i], s.selector,
		       (unsigned long long)s.base, s.limit, s.access,
		       s.access & SEGMENT_UNUSABLE ? " UNUSABLE" : "");
	}
}

static bool read_line(struct vm *vm, bool linear, uint64_t address, uint8_t to[16])
{
	struct gmem_fault fault;

	if (linear)
		return gmem_read_linear(vm, GVA(address), to, 16, GMEM_READ | GMEM_PEEK, &fault);
	return gmem_read(vm, GPA(address), to, 16);
}

static void show_line(uint64_t address, const uint8_t bytes[16], bool with_text)
{
	char line[96];
	size_t at;

	at = (size_t)text_format(line, sizeof(line), address >> 32 ? "%016llX " : "%08llX ",
				 (unsigned long long)address);
	for (size_t i = 0; i < 16; i++)
		at += (size_t)text_format(line + at, sizeof(line) - at, "%02X%s", bytes[i],
					  i % 4 == 3 && i < 15 ? " " : "");
	if (with_text) {
		line[at++] = ' ';
		line[at++] = '*';
		for (size_t i = 0; i < 16; i++)
			line[at++] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
		line[at++] = '*';
	}
	line[at] = '\0';
	cp_say("%s", line);
}

static void list_storage(struct vm *vm, uint64_t first, uint64_t last, bool linear, bool with_text)
{
	bool cut = last - first >= MOST_BYTES;
	uint8_t bytes[16];

	if (cut)
		last = first + (MOST_BYTES - 1);
	/*
	 * As on VM/370 whole lines are shown; the difference last - at cannot wrap, last + 1
	 * could.
	 */
	for (uint64_t at = first & ~15ull;; at += 16) {
		if (!read_line(vm, linear, at, bytes)) {
			typewriter_error(MSG_CDB742E, (unsigned long long)(at < first ? first : at),
					 vm->userid,
					 linear ? "LINEAR ADDRESS" : "GUEST-PHYSICAL ADDRESS");
			return;
		}
		show_line(at, bytes, with_text);
		if (last - at < 16)
			break;
	}
	if (cut)
		cp_say(MSG_CDB743I, (unsigned long long)last, MOST_BYTES);
}

static void show_rights(uint64_t first, uint64_t next, uint32_t rights, uint64_t page)
{
	cp_say("%08llX TO %08llX KEY = %c%c%c, PAGES OF %lluK", (unsigned long long)first,
	       (unsigned long long)(next - 1), rights & NPT_READ ? 'R' : '-',
	       rights & NPT_WRITE ? 'W' : '-', rights & NPT_EXECUTE ? 'X' : '-',
	       (unsigned long long)(page >> 10));
}

/* What the nested page tables themselves say, page by page, equal neighbours as one line. */
static void list_rights(struct vm *vm, uint64_t first, uint64_t last)
{
	uint64_t at = first & ~(PAGE_SIZE - 1), start = at, run_page = 0;
	uint32_t run_rights = 0, lines = 0;

	for (uint32_t n = 0; n < MOST_RIGHTS && at <= last && lines < MOST_RUNS; n++) {
		uint64_t page = PAGE_SIZE;
		uint32_t rights = 0;
		hpa_t real;

		if (!npt_lookup(&vm->npt, GPA(at), &real, &rights, &page) || page < PAGE_SIZE) {
			rights = 0;
			page = PAGE_SIZE;
		}
		if (at != start && (rights != run_rights || page != run_page)) {
			show_rights(start, at, run_rights, run_page);
			lines++;
			start = at;
		}
		run_rights = rights;
		run_page = page;
		at = (at & ~(page - 1)) + page;
		if (at == 0) /* the end of the address space */
			break;
	}
	if (at != start)
		show_rights(start, at, run_rights, run_page);
	if (at != 0 && at <= last)
		cp_say(MSG_CDB743I, (unsigned long long)(at - 1), MOST_RIGHTS);
}

/* "Gn", "Gn-m", "G": the numbers after the letter, decimal as on VM/370. */
static bool take_numbers(const char *text, uint64_t most, uint64_t *first, uint64_t *last)
{
	char left[8];
	size_t n = 0;

	if (*text == '\0') {
		*first = 0;
		*last = most;
		return true;
	}
	while (n + 1 < sizeof(left) && text[n] != '\0' && text[n] != '-') {
		left[n] = text[n];
		n++;
	}
	left[n] = '\0';
	if (!operand_decimal(left, most, first))
		return false;
	*last = *first;
	if (text[n] == '\0')
		return true;
	return text[n] == '-' && operand_decimal(text + n + 1, most, last) && *last >= *first;
}

static void display_letter(struct vm *vm, const char *word)
{
	uint64_t first, last;
	char letter = str_upper(word[0]);
	bool hex = (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'F');

	if (letter == 'G' || letter == 'X') {
		if (!take_numbers(word + 1, letter == 'G' ? GPRS - 1u : display_registers_count - 1,
				  &first, &last))
			typewriter_error(MSG_CDB744E, word);
		else if (letter == 'G')
			display_general(vm, (unsigned int)first, (unsigned int)last);
		else
			display_control(vm, (size_t)first, (size_t)last);
		return;
	}
	if (!hex && letter != 'L' && letter != 'T' && letter != 'K' && letter != 'V') {
		typewriter_error(MSG_CDB741E, word);
		return;
	}
	if (!operand_range(hex ? word : word + 1, vm->storage_size, &first, &last))
		typewriter_error(MSG_CDB741E, word);
	else if (letter == 'K')
		list_rights(vm, first, last);
	else
		list_storage(vm, first, last, letter == 'V', letter == 'T');
}

/* Only for HELP, hence without routines: DISPLAY's operands are letters with numbers, not words. */
const struct command display_table[] = {
	{ "L", 1, "GACE", NULL, "hex[-hex|:hex|.length]",
	  "storage, in lines of 16 bytes; L may be left out" },
	{ "T", 1, "GACE", NULL, "hex[-hex|:hex|.length]", "storage, and the same as text" },
	{ "V", 1, "GACE", NULL, "hex[-hex|:hex|.length]",
	  "storage by linear address, through the page tables" },
	{ "K", 1, "GACE", NULL, "[hex[-hex|:hex|.length]]",
	  "rights to storage, as the nested page tables have them" },
	{ "G", 1, "GACE", NULL, "[n[-m]]",
	  "general registers, RAX RCX RDX RBX RSP RBP RSI RDI R8-R15" },
	{ "X", 1, "GACE", NULL, "[n[-m]]", "control registers and the like" },
	{ "PSW", 3, "GACE", NULL, "", "CS:RIP, RFLAGS, privilege level, mode" },
	{ "SEG", 3, "GACE", NULL, "", "segment registers" },
	{ "ROUTES", 3, "", NULL, "", "the dispatcher's routing table (as QUERY ROUTES)" },
};
const size_t display_table_count = ARRAY_LEN(display_table);

void display_command(struct command_call *c)
{
	char word[OPERAND_ROOM];
	const char *at = c->at;
	struct vm *vm;

	if (operand_word(&at, word, sizeof(word)) != 0 && operand_is(word, "ROUTES", 3)) {
		c->at = at;
		query_routes(c);
		return;
	}
	vm = command_target(c);
	if (vm == NULL)
		return;
	if (operand_end(c->at))
		typewriter_error(MSG_CDB741E, "");
	/* Several at once, as on VM/370; each has its own bound, all together that of the queue. */
	while (typewriter_calm() && operand_word(&c->at, word, sizeof(word)) != 0) {
		if (operand_is(word, "PSW", 3))
			display_psw(vm);
		else if (operand_is(word, "SEG", 3))
			display_segments(vm);
		else
			display_letter(vm, word);
	}
}
