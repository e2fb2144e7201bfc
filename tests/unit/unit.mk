# Builds and runs the unit tests: every tests/unit/test_NAME.c, with the sources its line `UNIT: a.c b.c` names.
# Part in the monitor: none; what is pure in the monitor is proved here, on the host, under ASan and UBSan.

UNIT_BUILD := $(BUILD)/unit
UNIT_CC ?= gcc
UNIT_CFLAGS := -std=gnu11 -g -O1 -Wall -Wextra -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -DHOST_TEST -I.
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))

# The decoder and the executor, which are tested in several places.
INTERPRETER := $(sort $(wildcard vmm/interpreter/decode*.c vmm/interpreter/execute*.c))
# What executes instructions and delivers events at devices' memory, and what that needs of the rest.
STORAGE := $(addprefix vmm/interpreter/,storage.c storage_memory.c breakpoints.c deliver.c task_switch.c cr.c) $(INTERPRETER) \
	$(addprefix vmm/machine/,bus.c event.c gmem.c walk.c) lib/printf.c
# All of machine/ and devices/.
MACHINE := $(sort $(wildcard vmm/machine/*.c vmm/devices/*.c))

# The sources under test stand in the test's first comment, so that a new test needs no line here.
unit_sources = $(shell sed -n '1,20s/.*UNIT:[[:space:]]*//p' tests/unit/$(1).c | sed 's,[*]/,,')

define UNIT_RULE
$(UNIT_BUILD)/$(1): tests/unit/$(1).c $(call unit_sources,$(1)) tests/unit/unit.mk
	@mkdir -p $$(@D)
	$$(UNIT_CC) $$(UNIT_CFLAGS) -MM -MP -MT $$@ $$(filter %.c,$$^) >$$@.d
	$$(UNIT_CC) $$(UNIT_CFLAGS) -o $$@ tests/unit/$(1).c $(call unit_sources,$(1)) -lcmocka
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call UNIT_RULE,$(t))))

# Every test runs, even after one has failed, so that one look shows all that is wrong.
.PHONY: test-unit
test-unit: $(UNIT_TESTS:%=$(UNIT_BUILD)/%)
	@failed=; for t in $(UNIT_TESTS); do \
		if ASAN_OPTIONS=detect_leaks=1 timeout 120 $(UNIT_BUILD)/$$t >$(UNIT_BUILD)/$$t.out 2>&1; then \
			echo "unit: $$t: $$(grep -c '^\[       OK' $(UNIT_BUILD)/$$t.out) passed"; \
		else \
			grep -v '^\[ RUN\|^\[       OK' $(UNIT_BUILD)/$$t.out; echo "unit: $$t: FAILED"; failed="$$failed $$t"; \
		fi; \
	done; \
	if [ -n "$$failed" ]; then echo "unit: failed:$$failed"; exit 1; fi

-include $(UNIT_TESTS:%=$(UNIT_BUILD)/%.d)
