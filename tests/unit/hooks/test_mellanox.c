#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/mellanox.h"

/* Two functions; the first has two devices, whose interfaces say whose they are, in no order. */
static const char make_tree[] =
	"set -e; cd \"$ENROOT_TEST_HOST_PATH\"; d=sys/bus/pci/drivers; f=$d/mlx5_core/0000:17:00.0; "
	"mkdir -p $f/infiniband/mlx5_10 $f/infiniband/mlx5_2 $f/infiniband_verbs/uverbs0 "
	"$f/infiniband_verbs/uverbs1 "
	"$f/infiniband_mad/umad0 $f/infiniband_mad/umad1 $f/infiniband_mad/issm0 $f/infiniband_mad/issm1; "
	"echo mlx5_10 >$f/infiniband_verbs/uverbs0/ibdev; echo mlx5_2 >$f/infiniband_verbs/uverbs1/ibdev; "
	"for k in umad issm; do echo mlx5_2 >$f/infiniband_mad/${k}0/ibdev; echo mlx5_10 "
	">$f/infiniband_mad/${k}1/ibdev; "
	"done; g=$d/mlx4_core/0000:65:00.0; mkdir -p $g/infiniband/mlx4_0 $g/infiniband_verbs/uverbs7; "
	"mkdir -p $d/mlx5_ib/x/infiniband/no $d/mlx5_core/0000:18:00.0";

static char folder[] = "/tmp/enroot-test-XXXXXX";

static int setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	setenv(GPU_TEST_HOST, folder, 1);
	return system(make_tree);
}

static int teardown(void **state)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void assert_device(
	const struct mellanox_device *d, const char *name, const char *verbs, const char *umad)
{
	assert_string_equal(d->name, name);
	assert_string_equal(d->interfaces[MELLANOX_VERBS], verbs);
	if (umad != NULL)
		assert_string_equal(d->interfaces[MELLANOX_UMAD], umad);
	else
		assert_null(d->interfaces[MELLANOX_UMAD]);
}

static void test_pairs(void **state)
{
	struct mellanox_devices d __attribute__((cleanup(mellanox_devices_cleanup))) = { 0 };
	mellanox_find(&d);
	assert_int_equal(d.count, 3);
	assert_device(&d.items[0], "mlx4_0", "uverbs7", NULL);
	assert_device(&d.items[1], "mlx5_2", "uverbs1", "umad0");
	assert_device(&d.items[2], "mlx5_10", "uverbs0", "umad1");
}

static void test_choice(void **state)
{
	static const struct {
		const char *devices;
		unsigned want; /* bits; 0: an error */
	} rows[] = {
		{ "all", 7 },
		{ "0", 1 },
		{ "2,0", 5 },
		{ "1 1", 2 },
		{ "3", 0 },
		{ "0,x", 0 },
		{ "-1", 0 },
		{ "mlx5_2", 0 },
	};
	struct mellanox_devices d __attribute__((cleanup(mellanox_devices_cleanup))) = { 0 };
	mellanox_find(&d);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		bool chosen[3] = { false };
		int r = mellanox_choose(&d, rows[i].devices, chosen, &err);
		assert_int_equal(r, rows[i].want == 0 ? -1 : 0);
		if (r < 0)
			assert_non_null(strstr(err.message, "Unknown MELLANOX device id: "));
		for (unsigned k = 0; r == 0 && k < 3; k++)
			assert_int_equal(chosen[k], (rows[i].want >> k) & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pairs), cmocka_unit_test(test_choice) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
