/* The byte ring: order, fullness, and the turn of its indices. */
/* UNIT: drivers/ring.c lib/string.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/ring.h"

static uint8_t bytes[16];
static struct ring ring;

static int start(void **state)
{
	(void)state;
	ring_init(&ring, bytes, sizeof(bytes));
	return 0;
}

static void order_and_limits(void **state)
{
	(void)state;
	assert_int_equal(ring_get(&ring), -1);
	for (uint8_t i = 0; i < 16; i++)
		assert_true(ring_put(&ring, (uint8_t)(200 + i)));
	assert_false(ring_put(&ring, 1));
	assert_int_equal(ring_free(&ring), 0);
	for (uint8_t i = 0; i < 16; i++)
		assert_int_equal(ring_get(&ring), 200 + i);
	assert_int_equal(ring_get(&ring), -1);
}

static void writes_turn_round(void **state)
{
	const uint8_t *run;

	(void)state;
	assert_int_equal(ring_write(&ring, "0123456789", 10), 10);
	ring_drop(&ring, 8);
	assert_int_equal(ring_write(&ring, "abcdefghijklmnopqrst", 20), 14);
	assert_int_equal(ring_used(&ring), 16);
	assert_int_equal(ring_peek(&ring, &run), 8);
	assert_memory_equal(run, "89abcdef", 8);
	ring_drop(&ring, 8);
	assert_int_equal(ring_peek(&ring, &run), 8);
	assert_memory_equal(run, "ghijklmn", 8);
	ring_drop(&ring, 100);
	assert_int_equal(ring_used(&ring), 0);
	assert_int_equal(ring_write(&ring, "", 0), 0);
}

/* The indices run through 2^32 in the life of a busy console. */
static void indices_overflow(void **state)
{
	uint32_t in = 0, out = 0;

	(void)state;
	ring.head = ring.tail = UINT32_MAX - 20;
	for (uint32_t i = 0; i < 1000; i++) {
		for (uint32_t k = 0; k < i % 7; k++)
			in += ring_put(&ring, (uint8_t)in);
		for (uint32_t k = 0; k < i % 5; k++) {
			int byte = ring_get(&ring);

			if (byte >= 0)
				assert_int_equal(byte, (uint8_t)out++);
		}
		assert_int_equal(ring_used(&ring), in - out);
		assert_true(ring_used(&ring) <= 16);
	}
	assert_true(out > 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(order_and_limits, start),
		cmocka_unit_test_setup(writes_turn_round, start),
		cmocka_unit_test_setup(indices_overflow, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
