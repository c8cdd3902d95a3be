/* The conversation itself: its beginning, what is refused, what has no answer. */
#include "served.h"

static void test_init(void **state)
{
	const struct fuse_init_in in = { .major = 7, .minor = 38, .max_readahead = 131072, .flags = ~0u };
	assert_int_equal(ask(*state, FUSE_INIT, 0, &in, sizeof(in)), sizeof(struct fuse_init_out));
	const struct fuse_init_out *out = body();
	assert_int_equal(out->major, 7);
	assert_int_equal(out->minor, 38);
	assert_true(out->flags & FUSE_DO_READDIRPLUS);
	assert_true(out->flags & FUSE_CACHE_SYMLINKS);
	assert_false(out->flags &
		     (FUSE_WRITEBACK_CACHE | FUSE_POSIX_ACL | FUSE_EXPORT_SUPPORT | FUSE_AUTO_INVAL_DATA));
	const struct fuse_init_in old = { .major = 6 };
	assert_int_equal(ask(*state, FUSE_INIT, 0, &old, sizeof(old)), -EPROTO);
}

static void test_refusals(void **state)
{
	static const uint8_t arg[200];
	static const struct {
		uint32_t opcode;
		int want;
	} rows[] = {
		{ FUSE_FLUSH, -ENOSYS },
		{ FUSE_ACCESS, -ENOSYS },
		{ FUSE_IOCTL, -ENOSYS },
		{ FUSE_POLL, -ENOSYS },
		{ FUSE_BMAP, -ENOSYS },
		{ FUSE_FSYNC, -ENOSYS },
		{ FUSE_SYNCFS, -ENOSYS },
		{ 52 /* FUSE_STATX */, -ENOSYS },
		{ FUSE_WRITE, -EROFS },
		{ FUSE_UNLINK, -EROFS },
		{ FUSE_SETATTR, -EROFS },
		{ FUSE_CREATE, -EROFS },
		{ 0, -ENOSYS },
		{ 7, -ENOSYS },
		{ 5000, -ENOSYS },
		{ UINT32_MAX, -ENOSYS },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(ask(*state, rows[i].opcode, FUSE_ROOT_ID, arg, sizeof(arg)), rows[i].want);
	assert_int_equal(ask(*state, FUSE_READ, FUSE_ROOT_ID, arg, 4), -EINVAL); /* cut short */
	assert_int_equal(ask(*state, FUSE_LOOKUP, FUSE_ROOT_ID, "", 0), -EINVAL);
	char name[257];
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_int_equal(ask(*state, FUSE_LOOKUP, FUSE_ROOT_ID, name, 257), -ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(lookup(*state, FUSE_ROOT_ID, name), 0);
	memset(name, 'x', sizeof(name)); /* without an end */
	assert_int_equal(ask(*state, FUSE_LOOKUP, FUSE_ROOT_ID, name, 255), sizeof(struct fuse_entry_out));
}

/* What INIT offers decides: ENOSYS would be the answer to every opendir(2) before Linux 5.1. */
static void test_open(void **state)
{
	static const struct {
		uint32_t flags;
		bool open, opendir; /* are answered */
	} rows[] = {
		{ 0, true, true },
		{ FUSE_NO_OPEN_SUPPORT, false, true },
		{ FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT, false, false },
	};
	const struct fuse_open_in arg = { 0 };
	uint64_t big = lookup(*state, FUSE_ROOT_ID, "big");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct fuse_init_in in = { .major = 7, .minor = 27, .flags = rows[i].flags };
		assert_int_equal(ask(*state, FUSE_INIT, 0, &in, sizeof(in)), sizeof(struct fuse_init_out));
		const ssize_t size = sizeof(struct fuse_open_out);
		assert_int_equal(
			ask(*state, FUSE_OPEN, big, &arg, sizeof(arg)), rows[i].open ? size : -ENOSYS);
		assert_int_equal(ask(*state, FUSE_OPENDIR, FUSE_ROOT_ID, &arg, sizeof(arg)),
			rows[i].opendir ? size : -ENOSYS);
		if (rows[i].opendir)
			assert_true(((const struct fuse_open_out *)body())->open_flags & FOPEN_CACHE_DIR);
	}
}

static void test_forget_has_no_answer(void **state)
{
	struct fixture *f = *state;
	const struct fuse_forget_in in = { 1 };
	uint8_t request[64];
	static const uint32_t opcodes[] = { FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT };
	for (unsigned i = 0; i < 100 * ARRAY_SIZE(opcodes); i++) {
		struct fuse_in_header head = {
			.len = sizeof(head) + sizeof(in),
			.opcode = opcodes[i % ARRAY_SIZE(opcodes)],
			.unique = 9,
			.nodeid = 5 + i,
		};
		memcpy(request, &head, sizeof(head));
		memcpy(request + sizeof(head), &in, sizeof(in));
		assert_int_equal(send(f->device, request, head.len, 0), head.len);
	}
	assert_true(lookup(f, FUSE_ROOT_ID, "big") > 1); /* the next answer is this one's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_init, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget_has_no_answer, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
