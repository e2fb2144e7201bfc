/* The end of CP: machines stop, the console is drained, the real machine goes off or restarts. */
/* Part: cp/; the only place that leaves. */
#include "vmm/cp/shutdown.h"

#include "arch/api/cpu.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/messages.h"
#include "vmm/cp/typewriter.h"
#include "vmm/cp/users.h"

#define DRAIN_SECONDS 10 /* 64 KiB of lines take 6 seconds at 115200 baud */

void shutdown_now(bool reipl)
{
	struct user_machine *m;

	for (uint32_t i = 0; (m = users_at(i)) != NULL; i++)
		vm_stop(m->vm);
	cp_say(MSG_CPI961W);
	typewriter_flush(DRAIN_SECONDS);
	if (reipl)
		cpu_reboot();
	cpu_power_off(0);
}
