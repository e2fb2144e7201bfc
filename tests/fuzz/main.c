/* Runs generated cases past the judges. Arguments: cases to decode, cases to execute, seed. */
/* Part: tests, on the host. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

#define WRONG_MAX 40u	/* told before giving up */

int main(int argc, char **argv)
{
	unsigned long decode = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, execute = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	struct fuzz_random r = { 0x9e3779b97f4a7c15ull * (2 * seed + 1) };
	unsigned int wrong = 0;
	struct fuzz_case c;

	if (!decode_judge_init() || (execute != 0 && !execute_judge_init())) {
		fprintf(stderr, "fuzz: a judge cannot be started\n");
		return 2;
	}
	for (unsigned long n = 0; n < decode && wrong < WRONG_MAX; n++) {
		fuzz_any(&r, &c);
		wrong += !decode_judge(&c);
	}
	for (unsigned long n = 0; n < execute && wrong < WRONG_MAX; n++) {
		static const unsigned int bits[3] = { 16, 32, 64 };

		fuzz_executable(&r, bits[n % 3], &c);
		wrong += !execute_judge(&r, &c);
	}
	decode_judge_report(stdout);
	if (execute != 0)
		execute_judge_report(stdout);
	printf("fuzz: %lu decoded, %lu executed, seed %llu: %u disagreements\n", decode, execute, (unsigned long long)seed, wrong);
	return wrong != 0;
}
