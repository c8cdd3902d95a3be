#include "../unit.h"

#include <sched.h>

#include "base/processors.h"

static cpu_set_t where(void)
{
	cpu_set_t set;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return set;
}

static void test_stay_and_roam(void **state)
{
	(void)state;
	const cpu_set_t before = where();
	processors_roam(); /* was nowhere else */
	cpu_set_t now = where();
	assert_true(CPU_EQUAL(&now, &before));
	assert_int_equal(processors_count(), CPU_COUNT(&before));

	processors_stay(-1);
	now = where();
	assert_int_equal(CPU_COUNT(&now), 1);
	processors_stay(-1); /* still there */
	processors_roam();
	now = where();
	assert_true(CPU_EQUAL(&now, &before));
}

static void test_a_narrow_set_stays_narrow(void **state)
{
	(void)state;
	cpu_set_t before = where(), one;
	int cpu = sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	processors_stay(-1);
	processors_roam();
	cpu_set_t now = where();
	assert_true(CPU_EQUAL(&now, &one));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_what_there_is_not(void **state)
{
	(void)state;
	const cpu_set_t before = where();
	int absent = 0;
	while (absent < CPU_SETSIZE && CPU_ISSET(absent, &before))
		absent++;
	processors_stay(absent);
	processors_stay(CPU_SETSIZE + 1);
	cpu_set_t now = where();
	assert_true(CPU_EQUAL(&now, &before));
	processors_roam();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stay_and_roam),
		cmocka_unit_test(test_a_narrow_set_stays_narrow),
		cmocka_unit_test(test_what_there_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
