/* kernel_main: from the loader's hand-over to the dispatcher's loop. */
/* Part: arch/x86; the only function that knows every layer, and the order in which they come up. */
#include "arch/x86/apic.h"
#include "arch/x86/main.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/processor.h"
#include "arch/x86/regs.h"
#include "arch/x86/traps.h"
#include "arch/x86/vmx/vmx.h"
#include "drivers/console.h"
#include "drivers/pic.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/storage.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/directory.h"
#include "vmm/dispatcher.h"
#include "vmm/interpreter/interpreter.h"
#include "vmm/ipl/bare.h"
#include "vmm/ipl/ipl.h"

static struct boot_info boot;	/* our copy: the loader's memory is given to the allocator */
static const char *directory_text;
static size_t directory_size;

/* Storage below 1 MiB is left alone: firmware data, and the start of further processors. */
#define LOWEST_STORAGE MIB(1)

static bool is_storage(uint32_t kind)
{
	return kind == BOOT_MEM_FREE || kind == BOOT_MEM_LOADER || kind == BOOT_MEM_MODULE;
}

static void take_storage(void)
{
	for (uint32_t i = 0; i < boot.range_count;) {
		uint64_t base = boot.ranges[i].base, end = base;

		if (!is_storage(boot.ranges[i].kind)) {
			i++;
			continue;
		}
		for (; i < boot.range_count && is_storage(boot.ranges[i].kind) && boot.ranges[i].base == end; i++)
			end += boot.ranges[i].size;
		if (base < LOWEST_STORAGE)
			base = LOWEST_STORAGE;
		while (end > base && !paging_is_direct(HPA(end - PAGE_SIZE)))
			end -= PAGE_SIZE;	/* the direct map ran out of tables: a machine of many TiB */
		if (end > base)
			storage_add(HPA(base), end - base);
	}
}

static void take_modules(void)
{
	for (uint32_t i = 0; i < boot.module_count; i++) {
		const struct boot_module *m = &boot.modules[i];
		const void *data = m->status == BOOT_MODULE_OK ? cpu_direct(HPA(m->base)) : NULL;

		uint64_t base = m->base, end = align_up(m->base + m->size, PAGE_SIZE);

		if (base < LOWEST_STORAGE)
			base = LOWEST_STORAGE;	/* nobody is granted what lies below */
		if (data != NULL && end > base)
			CHECK(storage_reserve(HPA(base), end - base, STORAGE_OWNER_MODULE));
		if (str_same(m->name, "directory")) {
			directory_text = data;
			directory_size = m->size;
		} else {
			ipl_add_file(m->name, data, m->size, m->status);
		}
	}
}

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *format, ...)
{
	char text[400];
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(text, sizeof(text), format, args);
	va_end(args);
	console_panic_write(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* Everything missing at once, in plain words, and then a way on: never a hang. */
static void __attribute__((noreturn)) refuse(const struct gate_report *report)
{
	print("\nV64GAT801W VM/64 CANNOT RUN ON THIS MACHINE. WHAT IS MISSING:\n");
	for (uint32_t i = 0; i < report->count; i++) {
		bool said = i + 1 < report->count && report->missing[i].advice == report->missing[i + 1].advice;

		print("  - %s\n", report->missing[i].what);
		if (!said)
			print("      what to do: %s\n", report->missing[i].advice);
	}
	print("V64GAT802A PRESS R TO RESTART THE MACHINE, P TO SWITCH IT OFF\n");
	for (;;) {
		int c = console_read();

		if (c == 'r' || c == 'R') {
			print("RESTARTING\n");
			cpu_reboot();
		}
		if (c == 'p' || c == 'P') {
			print("SWITCHING OFF\n");
			cpu_power_off(2);
		}
		console_service();
		cpu_pause();
	}
}

/* The last traps, for the screen of a panic. */
static void panic_report(void)
{
	const struct trace_entry *t;
	uint32_t n = 0;

	while (dispatcher_trace(n) != NULL)
		n++;
	print("LAST TRAPS, NEWEST LAST:\n");
	for (uint32_t i = n > 16 ? n - 16 : 0; (t = dispatcher_trace(i)) != NULL; i++)
		print("  VM %u %-8s RIP %016lx QUAL %lx\n", t->vm, dispatcher_route(t->exit.kind)->name,
		      t->exit.rip, exit_is_plain(t->exit.kind) ? 0 : t->exit.qualification);
}

static void ignore_finding(void *context, const char *text)
{
	(void)context;
	print("%s\n", text);
}

static void say_bare(const char *text)
{
	print("%s", text);
}

/* The word `name=` of the command line into value; false = it is not there. */
static bool parm_word(const char *name, char *value, size_t room)
{
	size_t length = strlen(name);

	for (const char *p = boot.command_line; *p != '\0';) {
		size_t n = 0;

		while (*p == ' ')
			p++;
		while (p[n] != '\0' && p[n] != ' ')
			n++;
		if (n > length && strncmp(p, name, length) == 0 && p[length] == '=') {
			size_t take = n - length - 1 < room - 1 ? n - length - 1 : room - 1;

			memcpy(value, p + length + 1, take);
			value[take] = '\0';
			return true;
		}
		p += n;
	}
	return false;
}

static void start_processor(void)
{
	traps_init();
	percpu_init(0);
	vmx_set_image_base(boot.kernel_base);
	paging_init(&boot);
	pic_init();
	apic_init();
}

/* Which real interrupts CP wants: the keyboard and the serial ports. */
static void start_interrupts(void)
{
	uint32_t wanted = console_irqs();

	for (unsigned int irq = 0; irq < 16; irq++)
		if (wanted >> irq & 1)
			pic_unmask(irq);
}

/* The parm word bare=USERID: no monitor; that user's system gets the machine itself. The other side of a comparison. */
static void __attribute__((noreturn)) bare(const char *userid)
{
	static struct directory directory;
	const struct directory_user *user = NULL;
	char why[VM_WHY_LEN] = "NO DIRECTORY ON THE VOLUME";

	if (directory_text != NULL) {
		directory_read(&directory, directory_text, directory_size, ignore_finding, NULL);
		user = directory_find(&directory, userid);
		text_format(why, sizeof(why), "%s IS NOT IN THE DIRECTORY", userid);
	}
	if (user != NULL) {
		struct ipl_request request = { .file = user->ipl_file, .kind = user->ipl_kind, .initrd = user->ipl_initrd,
						.parm = user->parm };

		pic_mask_all();
		ipl_bare(&request, &boot, paging_identity_root(), say_bare, why, sizeof(why));
	}
	print("V64BAR803W BARE IPL OF %s FAILED: %s\n", userid, why);
	cpu_power_off(2);
}

void kernel_main(struct boot_info *bi)
{
	struct gate_report report;
	char userid[16], words[32];
	const char *unknown;

	boot = *bi;
	start_processor();
	console_early_init();
	processor_init_time();
	apic_calibrate();
	console_init(&boot, boot.command_line);
	processor_set_panic_hook(panic_report);
	CHECK(boot.magic == BOOT_INFO_MAGIC && boot.version == BOOT_INFO_VERSION);
	take_storage();
	take_modules();
	if (parm_word("bare", userid, sizeof(userid)))
		bare(userid);
	vmx_init(&report);
	if (report.count != 0)
		refuse(&report);
	if (parm_word("without", words, sizeof(words)) && (unknown = gate_without(&vmx_caps, words)) != NULL)
		print("V64GAT804E WITHOUT=%s IS NONE OF timer, vpid, tpr, apicv, vid, 1g, 2m\n", unknown);
	cpuid_init();
	start_interrupts();
	cp_start(directory_text, directory_size, boot.command_line);
	dispatcher_loop();
}
