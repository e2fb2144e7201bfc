/* The entry-state audit: which rule of the SDM the guest's state breaks first. */
/* Part: arch/x86/vmx; SDM, "Checking and Loading Guest State", in its order. */
#include "arch/x86/vmx/audit.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx/vmcs.h"
#include "arch/x86/vmx/vmx.h"

static bool canonical(uint64_t a)
{
	return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}

static const char *audit_control(uint64_t cr0, uint64_t cr4, uint64_t efer, bool ia32e)
{
	uint64_t fixed0 = vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	if ((cr0 & fixed0) != fixed0 || (cr0 & 0xffffffff & ~vmx_caps.cr0_fixed1))
		return "CR0 has a bit that VMX operation does not allow";
	if ((cr0 & CR0_PG) && !(cr0 & CR0_PE))
		return "CR0.PG is 1 and CR0.PE is 0";
	if ((cr4 & vmx_caps.cr4_fixed0) != vmx_caps.cr4_fixed0 || (cr4 & ~vmx_caps.cr4_fixed1))
		return "CR4 has a bit that VMX operation does not allow";
	if (ia32e && (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE)))
		return "IA-32e-mode guest without CR0.PG and CR4.PAE";
	if (!ia32e && (cr4 & CR4_PCIDE))
		return "CR4.PCIDE outside IA-32e mode";
	if (vmcs_read(VMCS_GUEST_CR3) >> cpu_physical_bits())
		return "CR3 beyond the physical-address width";
	if (vmcs_read(VMCS_GUEST_DR7) >> 32)
		return "DR7 has bits 63:32 set";
	if (((efer & EFER_LMA) != 0) != ia32e)
		return "EFER.LMA differs from the IA-32e-mode-guest control";
	if ((cr0 & CR0_PG) && ((efer & EFER_LMA) != 0) != ((efer & EFER_LME) != 0))
		return "EFER.LMA differs from EFER.LME with paging on";
	if (efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return "EFER has a reserved bit set";
	if (!canonical(vmcs_read(VMCS_GUEST_SYSENTER_ESP)) || !canonical(vmcs_read(VMCS_GUEST_SYSENTER_EIP)))
		return "IA32_SYSENTER_ESP or _EIP is not canonical";
	return NULL;
}

static const char *audit_v86(struct arch_vcpu *av)
{
	for (enum seg s = SEG_ES; s <= SEG_GS; s++) {
		struct segment x;

		arch_vcpu_get_segment(av, s, &x);
		if (x.base != (uint64_t)x.selector << 4 || x.limit != 0xffff || x.access != 0xf3)
			return "virtual-8086 mode: a segment is not base = selector x 16, limit FFFF, access F3";
	}
	return NULL;
}

static const char *audit_code(const struct segment *cs, const struct segment *ss, bool ia32e)
{
	uint32_t type = cs->access & 15;

	if (!(cs->access & 0x10))
		return "CS is a system segment";
	if (!(cs->access & 0x80))
		return "CS is not present";
	if (type != 3 && type != 9 && type != 11 && type != 13 && type != 15)
		return "CS has a type that is not accessed code (or 3 for real mode)";
	if (type == 3 && (cs->access >> 5 & 3) != 0)
		return "CS of type 3 with DPL not 0";
	if ((type == 9 || type == 11) && (cs->access >> 5 & 3) != (ss->access >> 5 & 3))
		return "CS.DPL differs from SS.DPL";
	if (ia32e && (cs->access & 0x2000) && (cs->access & 0x4000))
		return "CS.L and CS.D are both 1";
	if (cs->base >> 32)
		return "CS base has bits 63:32 set";
	return NULL;
}

static const char *audit_limit(const struct segment *s)
{
	bool granular = (s->access & 0x8000) != 0;

	if ((s->limit & 0xfff) != 0xfff && granular)
		return "a segment's G is 1 and its limit's low bits are not all 1";
	if ((s->limit >> 20) != 0 && !granular)
		return "a segment's G is 0 and its limit has bits 31:20 set";
	if (s->access & 0xfffe0f00)
		return "a segment's access rights have a reserved bit set";
	return NULL;
}

static const char *audit_segments(struct arch_vcpu *av, bool ia32e)
{
	struct segment cs, ss, x;
	const char *rule;

	arch_vcpu_get_segment(av, SEG_CS, &cs);
	arch_vcpu_get_segment(av, SEG_SS, &ss);
	rule = audit_code(&cs, &ss, ia32e);
	if (rule != NULL)
		return rule;
	if (!(ss.access & SEGMENT_UNUSABLE) && (ss.access & 15) != 3 && (ss.access & 15) != 7)
		return "SS is not writable accessed data";
	for (enum seg s = SEG_ES; s <= SEG_GS; s++) {
		arch_vcpu_get_segment(av, s, &x);
		if (x.access & SEGMENT_UNUSABLE)
			continue;
		if (s != SEG_CS && (!(x.access & 1) || !(x.access & 0x10) || !(x.access & 0x80)))
			return "a data segment is not accessed, not code or data, or not present";
		if ((s == SEG_SS || s == SEG_DS || s == SEG_ES) && x.base >> 32)
			return "SS, DS or ES base has bits 63:32 set";
		rule = audit_limit(&x);
		if (rule != NULL)
			return rule;
	}
	arch_vcpu_get_segment(av, SEG_TR, &x);
	if ((x.access & SEGMENT_UNUSABLE) || !(x.access & 0x80) || (x.access & 0x10) || (x.selector & 4))
		return "TR is unusable, not present, no system segment, or in the LDT";
	if ((x.access & 15) != 11 && !((x.access & 15) == 3 && !ia32e))
		return "TR is not a busy TSS";
	if (!canonical(x.base))
		return "TR base is not canonical";
	rule = audit_limit(&x);
	if (rule != NULL)
		return rule;
	arch_vcpu_get_segment(av, SEG_LDTR, &x);
	if (!(x.access & SEGMENT_UNUSABLE) && ((x.access & 0x9f) != 0x82 || (x.selector & 4)))
		return "LDTR is usable and not a present LDT in the GDT";
	return NULL;
}

static const char *audit_rip_and_flags(struct arch_vcpu *av, uint64_t cr0, bool ia32e)
{
	uint64_t rip = vmcs_read(VMCS_GUEST_RIP), flags = vmcs_read(VMCS_GUEST_RFLAGS);
	uint64_t blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	uint64_t event = vmcs_read(VMCS_ENTRY_INTERRUPTION_INFO);
	struct segment cs;

	arch_vcpu_get_segment(av, SEG_CS, &cs);
	if ((!ia32e || !(cs.access & 0x2000)) && rip >> 32)
		return "RIP has bits 63:32 set outside 64-bit code";
	if (ia32e && (cs.access & 0x2000) && !canonical(rip))
		return "RIP is not canonical";
	if ((flags & 0xffffffffffc08028ull) || !(flags & 2))
		return "RFLAGS has a reserved bit wrong";
	if ((flags & RFLAGS_VM) && (ia32e || !(cr0 & CR0_PE)))
		return "RFLAGS.VM in IA-32e or real mode";
	if ((event & INTR_INFO_VALID) && INTR_INFO_TYPE(event) == EVENT_INTERRUPT && !(flags & RFLAGS_IF))
		return "an external interrupt is injected with RFLAGS.IF = 0";
	if (vmcs_read(VMCS_GUEST_ACTIVITY) > 3)
		return "activity state is not defined";
	if (blocking >> 5)
		return "interruptibility has a reserved bit set";
	if ((blocking & 3) == 3)
		return "blocking by STI and by MOV SS together";
	if ((blocking & BLOCKING_BY_STI) && !(flags & RFLAGS_IF))
		return "blocking by STI with RFLAGS.IF = 0";
	if ((blocking & 3) && (flags & RFLAGS_TF) && !(vmcs_read(VMCS_GUEST_DEBUGCTL) & 2) &&
	    !(vmcs_read(VMCS_GUEST_PENDING_DEBUG) >> 14 & 1))
		return "a single step in an STI or MOV SS shadow without pending debug exception BS";
	if ((event & INTR_INFO_VALID) && INTR_INFO_TYPE(event) == EVENT_INTERRUPT && (blocking & 3))
		return "an external interrupt is injected in an STI or MOV SS shadow";
	return NULL;
}

const char *audit_guest_state(struct arch_vcpu *av)
{
	uint64_t cr0, cr4, efer, flags;
	const char *rule;
	bool ia32e;

	vmx_make_current(av->vmx);
	cr0 = vmcs_read(VMCS_GUEST_CR0);
	cr4 = vmcs_read(VMCS_GUEST_CR4);
	efer = vmcs_read(VMCS_GUEST_EFER);
	flags = vmcs_read(VMCS_GUEST_RFLAGS);
	ia32e = (av->vmx->entry & ENTRY_IA32E) != 0;
	rule = audit_control(cr0, cr4, efer, ia32e);
	if (rule == NULL)
		rule = (flags & RFLAGS_VM) ? audit_v86(av) : audit_segments(av, ia32e);
	if (rule == NULL)
		rule = audit_rip_and_flags(av, cr0, ia32e);
	if (rule == NULL && vmcs_read(VMCS_LINK_POINTER) != UINT64_MAX)
		rule = "VMCS link pointer is not all ones";
	return rule;
}
