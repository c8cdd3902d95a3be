/* Data, links and extended attributes, by the protocol. */
#include "served.h"

static void test_read(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t size, want;
	} rows[] = {
		{ 0, 131072, 131072 },
		{ 131072, 131072, 131072 },
		{ 393216, 131072, 131072 }, /* ahead */
		{ 0, 4096, 4096 },          /* back */
		{ 131000, 200, 200 },       /* across a border of blocks */
		{ 100, 600000, 600000 },
		{ 655360, 131072, BIG_FILE_BYTES - 655360 }, /* into the fragment, and over the end */
		{ BIG_FILE_BYTES - 1, 4096, 1 },
		{ BIG_FILE_BYTES, 4096, 0 },
		{ 1ull << 62, 4096, 0 },
		{ UINT64_MAX, 4096, 0 },
		{ 0, UINT32_MAX, BIG_FILE_BYTES },
	};
	uint64_t big = lookup(*state, FUSE_ROOT_ID, "big");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(read_at(*state, big, rows[i].offset, rows[i].size), rows[i].want);
		const uint8_t *data = body();
		for (uint32_t k = 0; k < rows[i].want; k++) {
			if (data[k] != big_byte(rows[i].offset + k))
				fail_msg("row %zu, byte %u", i, k);
		}
	}
	assert_int_equal(read_at(*state, lookup(*state, FUSE_ROOT_ID, "empty"), 0, 4096), 0);
}

static void test_readlink(void **state)
{
	uint64_t link = lookup(*state, FUSE_ROOT_ID, "link");
	assert_int_equal(ask(*state, FUSE_READLINK, link, "", 0), 3);
	assert_memory_equal(body(), "big", 3);
}

static ssize_t get_xattr(struct fixture *f, uint64_t node, const char *name, uint32_t size)
{
	uint8_t arg[300];
	const struct fuse_getxattr_in in = { .size = size };
	memcpy(arg, &in, sizeof(in));
	memcpy(arg + sizeof(in), name, strlen(name) + 1);
	return ask(f, FUSE_GETXATTR, node, arg, sizeof(in) + strlen(name) + 1);
}

static void test_xattrs(void **state)
{
	uint64_t attr = lookup(*state, FUSE_ROOT_ID, "attr"), big = lookup(*state, FUSE_ROOT_ID, "big");
	const struct fuse_getxattr_in all = { .size = 100 }, none = { 0 };
	assert_int_equal(get_xattr(*state, attr, "user.a", 100), 5);
	assert_memory_equal(body(), "value", 5);
	assert_int_equal(get_xattr(*state, attr, "user.a", 0), sizeof(struct fuse_getxattr_out));
	assert_int_equal(((const struct fuse_getxattr_out *)body())->size, 5);
	assert_int_equal(get_xattr(*state, attr, "user.a", 4), -ERANGE);
	assert_int_equal(get_xattr(*state, attr, "user.b", 4), -ENODATA);
	assert_int_equal(
		get_xattr(*state, attr, "user.overlay.opaque", 10), -ENODATA); /* would rule the overlay */
	assert_int_equal(get_xattr(*state, big, "user.a", 4), -ENODATA);
	assert_int_equal(ask(*state, FUSE_LISTXATTR, attr, &all, sizeof(all)), 7);
	assert_memory_equal(body(), "user.a", 7);
	assert_int_equal(
		ask(*state, FUSE_LISTXATTR, attr, &none, sizeof(none)), sizeof(struct fuse_getxattr_out));
	assert_int_equal(ask(*state, FUSE_LISTXATTR, big, &all, sizeof(all)), 0);
	assert_int_equal(ask(*state, FUSE_GETXATTR, attr, &all, sizeof(all)), -EINVAL); /* no name */
}

static void test_no_xattrs(void **state)
{
	(void)state;
	struct fixture *f = xcalloc(1, sizeof(*f));
	start(f, make_image(false));
	assert_int_equal(get_xattr(f, FUSE_ROOT_ID, "user.a", 10), -ENOSYS);
	void *own = f;
	teardown(&own);
}

static void test_statfs_and_lseek(void **state)
{
	assert_int_equal(ask(*state, FUSE_STATFS, FUSE_ROOT_ID, "", 0), sizeof(struct fuse_statfs_out));
	const struct fuse_statfs_out *st = body();
	assert_int_equal(st->st.namelen, 255);
	assert_true(st->st.blocks > 0);
	uint64_t big = lookup(*state, FUSE_ROOT_ID, "big");
	static const struct {
		uint32_t whence;
		uint64_t offset, want;
	} rows[] = { { SEEK_DATA, 5, 5 }, { SEEK_HOLE, 5, BIG_FILE_BYTES }, { SEEK_DATA, 300000, 300000 } },
	  sparse[] = {
		  { SEEK_DATA, 0, 0 },
		  { SEEK_HOLE, 0, 131072 },
		  { SEEK_HOLE, 200000, 200000 },
		  { SEEK_DATA, 131072, HOLES_BYTES - 1 },
		  { SEEK_DATA, 5, 5 }, /* back */
		  { SEEK_HOLE, HOLES_BYTES - 1, HOLES_BYTES },
	  };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct fuse_lseek_in in = { .offset = rows[i].offset, .whence = rows[i].whence };
		assert_int_equal(
			ask(*state, FUSE_LSEEK, big, &in, sizeof(in)), sizeof(struct fuse_lseek_out));
		assert_int_equal(((const struct fuse_lseek_out *)body())->offset, rows[i].want);
	}
	const struct fuse_lseek_in beyond = { .offset = BIG_FILE_BYTES, .whence = SEEK_DATA };
	assert_int_equal(ask(*state, FUSE_LSEEK, big, &beyond, sizeof(beyond)), -ENXIO);
	const struct fuse_lseek_in negative = { .offset = UINT64_MAX, .whence = SEEK_HOLE };
	assert_int_equal(ask(*state, FUSE_LSEEK, big, &negative, sizeof(negative)), -ENXIO);
	const struct fuse_lseek_in odd = { .whence = 77 };
	assert_int_equal(ask(*state, FUSE_LSEEK, big, &odd, sizeof(odd)), -EINVAL);
	assert_int_equal(ask(*state, FUSE_LSEEK, FUSE_ROOT_ID, &beyond, sizeof(beyond)), -EISDIR);
	uint64_t holes = lookup(*state, FUSE_ROOT_ID, "holes");
	for (size_t i = 0; i < ARRAY_SIZE(sparse); i++) {
		const struct fuse_lseek_in in = { .offset = sparse[i].offset, .whence = sparse[i].whence };
		assert_int_equal(
			ask(*state, FUSE_LSEEK, holes, &in, sizeof(in)), sizeof(struct fuse_lseek_out));
		assert_int_equal(((const struct fuse_lseek_out *)body())->offset, sparse[i].want);
	}
}

/* What is looked up while a container starts, and can be run, comes unasked. */
static void test_programs_come_ahead(void **state)
{
	(void)state;
	static struct fixture f; /* never freed: its second thread lives on */
	_cleanup_error_ struct error err = ERROR_INIT;
	int pair[2], room = 4 << 20;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	f = (struct fixture){ .image = make_image(true), .device = pair[0], .theirs = pair[1] };
	const struct fuse_server_options options = {
		.image = f.image, .name = "test", .notices = -1, .threads = 2
	};
	f.server = fuse_server_new(&options, &err);
	assert_non_null(f.server);
	if (processors_count() == 1)
		skip();
	fuse_server_sit(f.server, sched_getcpu());
	assert_int_equal(pthread_create(&f.thread, NULL, serve, &f), 0);

	(void)lookup(&f, FUSE_ROOT_ID, "big"); /* is none */
	uint64_t program = 0, stored = 0, at = 0;
	ask_only(&f, FUSE_LOOKUP, FUSE_ROOT_ID, "program", sizeof("program"));
	/* The answer may come before the data or behind some. */
	while (program == 0 || at < PROGRAM_BYTES - PROGRAM_BYTES % 4096) { /* whole pages */
		ssize_t n = recv(f.device, reply, sizeof(reply), 0);
		const struct fuse_out_header *head = (const struct fuse_out_header *)reply;
		const struct fuse_notify_store_out *store = body();
		const uint8_t *data = (const uint8_t *)(store + 1);
		assert_int_equal(head->len, n);
		if (head->unique == f.unique) {
			program = ((const struct fuse_entry_out *)body())->nodeid;
			continue;
		}
		assert_int_equal(n, sizeof(*head) + sizeof(*store) + store->size);
		assert_int_equal(head->error, FUSE_NOTIFY_STORE);
		assert_int_equal(head->unique, 0);
		assert_true(at == 0 || store->nodeid == stored);
		stored = store->nodeid;
		assert_int_equal(store->offset, at);
		for (uint32_t i = 0; i < store->size; i++)
			assert_int_equal(data[i], big_byte(at + i));
		at += store->size;
	}
	assert_int_equal(stored, program);
	assert_int_equal(at, PROGRAM_BYTES - PROGRAM_BYTES % 4096);
	shutdown(f.device, SHUT_RDWR);
	pthread_join(f.thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, setup, teardown),
		cmocka_unit_test(test_no_xattrs),
		cmocka_unit_test_setup_teardown(test_statfs_and_lseek, setup, teardown),
		cmocka_unit_test(test_programs_come_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
