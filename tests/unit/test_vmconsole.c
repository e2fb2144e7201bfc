/* Tests the two rings of a machine's console.
 * Part: unit tests, on the host.
 * UNIT: vmm/machine/console.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vmm/machine/console.h"

static void test_output_keeps_order_and_room(void **state)
{
	struct vm_console c = {.out_head = UINT32_MAX - 5, .out_tail = UINT32_MAX - 5};
	uint32_t i;

	(void)state;
	assert_int_equal(vm_console_take(&c), -1);
	for (i = 0; i < CONSOLE_OUT; i++) {
		assert_true(vm_console_room(&c));
		vm_console_put(&c, (uint8_t)(i * 7));
	}
	assert_false(vm_console_room(&c));
	vm_console_put(&c, 0xee); /* dropped */
	assert_int_equal(c.out_total, CONSOLE_OUT);
	for (i = 0; i < CONSOLE_OUT; i++)
		assert_int_equal(vm_console_take(&c), (uint8_t)(i * 7));
	assert_int_equal(vm_console_take(&c), -1);
	assert_true(vm_console_room(&c));
}

static void test_input_refuses_when_full(void **state)
{
	struct vm_console c = {.in_head = UINT32_MAX - 2, .in_tail = UINT32_MAX - 2};
	uint32_t i;

	(void)state;
	assert_false(vm_console_pending(&c));
	assert_int_equal(vm_console_get(&c), -1);
	for (i = 0; i < CONSOLE_IN; i++)
		assert_true(vm_console_type(&c, (uint8_t)(i ^ 0x5a)));
	assert_false(vm_console_type(&c, 1));
	assert_true(vm_console_pending(&c));
	for (i = 0; i < CONSOLE_IN; i++)
		assert_int_equal(vm_console_get(&c), (uint8_t)(i ^ 0x5a));
	assert_int_equal(vm_console_get(&c), -1);
}

/* 0xff is a byte like any other, not the "none" of the callers. */
static void test_all_bytes(void **state)
{
	struct vm_console c = {0};

	(void)state;
	vm_console_put(&c, 0xff);
	assert_true(vm_console_type(&c, 0xff));
	assert_int_equal(vm_console_take(&c), 0xff);
	assert_int_equal(vm_console_get(&c), 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output_keeps_order_and_room),
	    cmocka_unit_test(test_input_refuses_when_full),
	    cmocka_unit_test(test_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
