/* When to answer a client on its own processor: from made-up times. */
#include "../unit.h"

#include "sandbox/fuse/pairing.h"

#define US 1000u

/* Answers to PID, each US later than the one before; returns the last verdict. */
static uint32_t answers(struct run *r, uint32_t pid, int64_t *now, unsigned count, unsigned us)
{
	uint32_t usual = 0;
	for (unsigned i = 0; i < count; i++)
		usual = run_count(r, pid, *now += us * US);
	return usual;
}

static void test_run(void **state)
{
	(void)state;
	struct run r = { 0 };
	int64_t now = 1;
	assert_int_equal(answers(&r, 7, &now, PAIRING_RUN, 50), 0);
	assert_int_equal(answers(&r, 7, &now, 1, 50), 50 * US);
	/* the next one takes as many */
	assert_int_equal(answers(&r, 7, &now, PAIRING_RUN - 1, 60), 0);
	assert_int_equal(answers(&r, 7, &now, 1, 60), 60 * US);
}

static void test_another_client_begins_anew(void **state)
{
	(void)state;
	struct run r = { 0 };
	int64_t now = 1;
	assert_int_equal(answers(&r, 7, &now, PAIRING_RUN, 50), 0);
	assert_int_equal(answers(&r, 8, &now, PAIRING_RUN, 50), 0);
	run_break(&r);
	assert_int_equal(answers(&r, 8, &now, PAIRING_RUN, 50), 0);
	assert_int_equal(answers(&r, 8, &now, 1, 50), 50 * US);
}

/* A pause in between is no reason; a client that always pauses gains nothing. */
static void test_usual_time(void **state)
{
	(void)state;
	struct run r = { 0 };
	int64_t now = 1;
	answers(&r, 7, &now, PAIRING_RUN - 1, 50);
	answers(&r, 7, &now, 1, 5000000);
	assert_int_equal(answers(&r, 7, &now, 1, 50), 50 * US);
	assert_int_equal(answers(&r, 7, &now, 4 * PAIRING_RUN, 1000), 0);
}

static enum verdict try_answers(struct trial *t, int64_t *now, unsigned count, unsigned us, bool at_once)
{
	enum verdict v = TRIAL_GOES_ON;
	for (unsigned i = 0; i < count && v == TRIAL_GOES_ON; i++)
		v = trial_count(t, *now += us * US, at_once);
	return v;
}

static void test_trial_is_faster(void **state)
{
	(void)state;
	struct trial t = { .usual = 60 * US };
	int64_t now = 1;
	trial_begin(&t);
	assert_int_equal(t.usual, 60 * US);
	assert_int_equal(try_answers(&t, &now, 1, 900, false), TRIAL_GOES_ON); /* the move itself */
	assert_int_equal(try_answers(&t, &now, 8, 20, false), TRIAL_GOES_ON);
	assert_true(t.accepted);
	assert_int_equal(try_answers(&t, &now, 1000, 20, false), TRIAL_GOES_ON);
	/* the client goes somewhere else */
	assert_int_equal(try_answers(&t, &now, 100, 60, false), TRIAL_LOST);
}

static void test_trial_is_not_faster(void **state)
{
	(void)state;
	struct trial t = { .usual = 60 * US };
	int64_t now = 1;
	trial_begin(&t);
	assert_int_equal(try_answers(&t, &now, 8, 41, false), TRIAL_GOES_ON);
	assert_int_equal(try_answers(&t, &now, 1, 41, false), TRIAL_LOST);
	assert_false(t.accepted);
}

/* Slow answers on the right processor: what tells is that the next request is there at once. */
static void test_trial_at_once(void **state)
{
	(void)state;
	struct trial t = { .usual = 60 * US };
	int64_t now = 1;
	trial_begin(&t);
	assert_int_equal(try_answers(&t, &now, 1000, 500, true), TRIAL_GOES_ON);
	assert_true(t.accepted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_another_client_begins_anew),
		cmocka_unit_test(test_usual_time),
		cmocka_unit_test(test_trial_is_faster),
		cmocka_unit_test(test_trial_is_not_faster),
		cmocka_unit_test(test_trial_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
