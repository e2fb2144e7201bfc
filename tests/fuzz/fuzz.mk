# The judges of the interpreter: Capstone for the decoder, Unicorn for the executor, libFuzzer for what neither thinks of.
# Part in the monitor: none.

FUZZ_BUILD := $(BUILD)/fuzz
FUZZ_CASES ?= 1000000
FUZZ_SEED ?= 1
FUZZ_CFLAGS := -std=gnu11 -g -O2 -Wall -Wextra -DHOST_TEST -I.
FUZZ_SOURCES := tests/fuzz/main.c tests/fuzz/generate.c tests/fuzz/decode_judge.c tests/fuzz/execute_judge.c
FUZZ_HEADERS := $(wildcard tests/fuzz/*.h vmm/interpreter/decode.h vmm/interpreter/execute*.h) arch/api/vcpu.h

$(FUZZ_BUILD)/judge: $(FUZZ_SOURCES) $(INTERPRETER) $(FUZZ_HEADERS) tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(UNIT_CC) $(FUZZ_CFLAGS) -o $@ $(FUZZ_SOURCES) $(INTERPRETER) -lcapstone -lunicorn

# Any bytes, any registers: nothing may be read or written that is not there, and a fault may change nothing.
$(FUZZ_BUILD)/libfuzzer: tests/fuzz/libfuzzer.c $(INTERPRETER) $(FUZZ_HEADERS) tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	clang -std=gnu11 -g -O1 -Wall -Wextra -DHOST_TEST -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ tests/fuzz/libfuzzer.c $(INTERPRETER)

# FUZZ_CASES cases: four of five are decoded, one is executed.
.PHONY: fuzz fuzz-coverage test-fuzz
fuzz: $(FUZZ_BUILD)/judge
	$(FUZZ_BUILD)/judge $$(($(FUZZ_CASES) * 4 / 5)) $$(($(FUZZ_CASES) / 5)) $(FUZZ_SEED)

fuzz-coverage: $(FUZZ_BUILD)/libfuzzer
	@mkdir -p $(FUZZ_BUILD)/corpus
	$(FUZZ_BUILD)/libfuzzer -runs=$(FUZZ_CASES) -seed=$(FUZZ_SEED) -max_len=64 $(FUZZ_BUILD)/corpus

# What make test has time for.
test-fuzz: $(FUZZ_BUILD)/judge $(FUZZ_BUILD)/libfuzzer
	@$(FUZZ_BUILD)/judge 300000 200000 $(FUZZ_SEED) >$(FUZZ_BUILD)/judge.out || { cat $(FUZZ_BUILD)/judge.out; exit 1; }
	@tail -1 $(FUZZ_BUILD)/judge.out
	@$(FUZZ_BUILD)/libfuzzer -runs=100000 -seed=$(FUZZ_SEED) -max_len=64 >$(FUZZ_BUILD)/libfuzzer.out 2>&1 || \
		{ tail -40 $(FUZZ_BUILD)/libfuzzer.out; exit 1; }
	@echo "fuzz: libfuzzer: 100000 runs, nothing found"
