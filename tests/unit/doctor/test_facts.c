/* What the doctor reads out of the kernel's files. */
#include <string.h>

#include "../unit.h"
#include "base/memory.h"
#include "doctor/facts.h"

static void test_kernel_version(void **state)
{
	(void)state;
	static const struct {
		const char *release;
		bool good;
		unsigned major, minor;
	} rows[] = {
		{ "6.18.44-fc-v669", true, 6, 18 },
		{ "4.18.0-553.el8_10.x86_64", true, 4, 18 },
		{ "5.11", true, 5, 11 },
		{ "", false, 0, 0 },
		{ "six.one", false, 0, 0 },
		{ "-6.1", false, 0, 0 },
		{ "6", false, 0, 0 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned major = 0, minor = 0;
		assert_int_equal(facts_kernel_version(rows[i].release, &major, &minor), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(major, rows[i].major);
			assert_int_equal(minor, rows[i].minor);
		}
	}
}

#define EXT4    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
#define ROOTFS  "1 1 0:2 / / rw - rootfs rootfs rw,size=1k\n"
#define PROC    "23 22 0:5 / /proc rw,nosuid - proc proc rw\n"
#define CGROUP1 "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
#define CGROUP2 "32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void test_root_type(void **state)
{
	(void)state;
	static const struct {
		const char *mountinfo, *type; /* NULL: none */
	} rows[] = {
		{ EXT4 PROC, "ext4" }, { ROOTFS PROC, "rootfs" },
		{ ROOTFS EXT4 PROC, "ext4" },          /* the topmost counts */
		{ PROC EXT4, "ext4" }, { PROC, NULL }, /* a chroot */
		{ "", NULL }, { "22 1 254:0 / / rw", NULL },
		{ "22 1 254:0 / /\n" PROC, NULL }, /* the next line's type is not this one's */
		{ "22 1 254:0 /a - b /x rw - ext4 d rw\n", NULL },
		{ "22 1 254:0 / / rw - ext4 /dev/vda rw", "ext4" }, /* no newline at the end */
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char type[32] = "";
		assert_int_equal(
			facts_root_type(rows[i].mountinfo, type, sizeof(type)), rows[i].type != NULL);
		if (rows[i].type != NULL)
			assert_string_equal(type, rows[i].type);
	}
	char small[4];
	assert_true(facts_root_type(ROOTFS, small, sizeof(small)));
	assert_string_equal(small, "roo");
}

static void test_cgroups(void **state)
{
	(void)state;
	assert_null(facts_cgroups(EXT4 PROC));
	assert_string_equal(facts_cgroups(EXT4 CGROUP1), "v1");
	assert_string_equal(facts_cgroups(EXT4 CGROUP2), "v2");
	assert_string_equal(facts_cgroups(CGROUP2 CGROUP1), "v1 and v2");
	/* A path is no type. */
	assert_null(facts_cgroups("31 30 0:27 / /cgroup2 rw - tmpfs cgroup rw\n"));
}

static void test_status(void **state)
{
	(void)state;
	static const char status[] =
		"Name:\tCapEff:\t9\nSeccomp_filters:\t7\nSeccomp:\t2\nCapEff:\t000001ffffffffff\n"
		"Empty:\t\nBig:\tffffffffffffffffff\nMinus:\t-1\n";
	static const struct {
		const char *key;
		int base;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "Seccomp", 10, true, 2 },
		{ "CapEff", 16, true, 0x1ffffffffff },
		{ "Seccom", 10, false, 0 },
		{ "Empty", 10, false, 0 }, /* not what stands on the next line */
		{ "Big", 16, false, 0 },
		{ "Minus", 10, false, 0 },
		{ "Nothing", 10, false, 0 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;
		assert_int_equal(
			facts_status_number(status, rows[i].key, rows[i].base, &value), rows[i].good);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_nvidia(void **state)
{
	(void)state;
	char version[32];
	assert_true(facts_nvidia_version(
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n",
		version, sizeof(version)));
	assert_string_equal(version, "550.54.15");
	assert_true(facts_nvidia_version("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15 "
					 " Release Build\nGCC version:  gcc 12.2.0\n",
		version, sizeof(version)));
	assert_string_equal(version, "570.86.15");
	assert_false(facts_nvidia_version("", version, sizeof(version)));
	assert_false(facts_nvidia_version("NVRM version: none\n12.2.0\n", version, sizeof(version)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_version),
		cmocka_unit_test(test_root_type),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_nvidia),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
