/* Names and listings, by the protocol. */
#include "served.h"

/* List DIR with answers of SIZE bytes; from time to time resume where an answer was not taken whole. */
static unsigned list(struct fixture *f, uint64_t dir, uint32_t opcode, uint32_t size, bool partly)
{
	uint64_t offset = 0;
	unsigned count = 0, turn = 0;
	size_t head = opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	for (;;) {
		const struct fuse_read_in in = { .offset = offset, .size = size };
		ssize_t n = ask(f, opcode, dir, &in, sizeof(in));
		assert_true(n >= 0 && n <= (ssize_t)size);
		if (n == 0)
			return count;
		unsigned taken = 0;
		for (ssize_t at = 0; at < n;) {
			const struct fuse_dirent *e =
				(const struct fuse_dirent *)((const uint8_t *)body() + at + head);
			char want[32] = ".";
			if (count > 0)
				snprintf(want, sizeof(want), count == 1 ? ".." : "entry-%05u", count - 2);
			assert_int_equal(e->namelen, strlen(want));
			assert_memory_equal(e->name, want, e->namelen);
			offset = e->off;
			count++;
			at += (ssize_t)FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + e->namelen);
			if (partly && ++taken == 3 && turn++ % 2 == 0)
				break;
		}
	}
}

static void test_listing(void **state)
{
	uint64_t dir = lookup(*state, FUSE_ROOT_ID, "dir");
	static const uint32_t sizes[] = { 200, 512, 4096, 65536, 1u << 20, UINT32_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(list(*state, dir, FUSE_READDIR, sizes[i], false), MANY_ENTRIES + 2);
		assert_int_equal(list(*state, dir, FUSE_READDIRPLUS, sizes[i], false), MANY_ENTRIES + 2);
	}
	assert_int_equal(list(*state, dir, FUSE_READDIR, 4096, true), MANY_ENTRIES + 2);
	assert_int_equal(list(*state, dir, FUSE_READDIRPLUS, 4096, true), MANY_ENTRIES + 2);
	static const uint64_t beyond[] = { 1ull << 31, 1ull << 32, INT64_MAX, UINT64_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		const struct fuse_read_in in = { .offset = beyond[i], .size = 4096 };
		assert_int_equal(ask(*state, FUSE_READDIR, dir, &in, sizeof(in)), 0);
		assert_int_equal(ask(*state, FUSE_READDIRPLUS, dir, &in, sizeof(in)), 0);
	}
	const struct fuse_read_in small = { .size = 10 }; /* no entry fits: as at the end */
	assert_int_equal(ask(*state, FUSE_READDIR, dir, &small, sizeof(small)), 0);
}

static void test_listed_nodes_are_good(void **state)
{
	const struct fuse_read_in in = { .size = 65536 };
	ssize_t n = ask(*state, FUSE_READDIRPLUS, FUSE_ROOT_ID, &in, sizeof(in));
	assert_true(n > 0);
	uint64_t nodes[16];
	unsigned count = 0;
	for (ssize_t at = 0; at < n && count < 16;) {
		const struct fuse_direntplus *e =
			(const struct fuse_direntplus *)((const uint8_t *)body() + at);
		nodes[count++] = e->entry_out.nodeid;
		if (e->entry_out.nodeid != 0)
			assert_int_equal(e->entry_out.attr.mode >> 12, e->dirent.type);
		at += (ssize_t)FUSE_DIRENTPLUS_SIZE(e);
	}
	assert_int_equal(count, 10); /* with "." and "..", which have no node */
	for (unsigned i = 0; i < count; i++) {
		const struct fuse_getattr_in get = { 0 };
		if (nodes[i] != 0)
			assert_true(ask(*state, FUSE_GETATTR, nodes[i], &get, sizeof(get)) > 0);
	}
}

/* List DIR; returns how many of its names come without attributes. */
static unsigned count_bare(struct fixture *f, uint64_t dir)
{
	const struct fuse_read_in in = { .size = 65536 };
	ssize_t n = ask(f, FUSE_READDIRPLUS, dir, &in, sizeof(in));
	unsigned bare = 0;
	assert_true(n > 0);
	for (ssize_t at = 0; at < n;) {
		const struct fuse_direntplus *e =
			(const struct fuse_direntplus *)((const uint8_t *)body() + at);
		bare += e->entry_out.nodeid == 0 && e->dirent.name[0] != '.';
		assert_int_equal(
			e->dirent.type, e->dirent.name[0] == 'd' || e->dirent.name[0] == '.' ? 4 : 8);
		at += (ssize_t)FUSE_DIRENTPLUS_SIZE(e);
	}
	return bare;
}

static void test_attributes_come_to_those_who_use_them(void **state)
{
	uint64_t small = lookup(*state, FUSE_ROOT_ID, "small"), dirs[SMALL_DIRECTORIES];
	for (unsigned i = 0; i < SMALL_DIRECTORIES; i++) {
		char name[8];
		snprintf(name, sizeof(name), "d%u", i);
		dirs[i] = lookup(*state, small, name);
	}
	assert_int_equal(count_bare(*state, small), 0);   /* directories have them in any case: no probe */
	assert_int_equal(count_bare(*state, dirs[0]), 3); /* a probe */
	assert_int_equal(count_bare(*state, dirs[1]), 0);
	assert_int_equal(count_bare(*state, dirs[2]), 3); /* nobody asked */
	assert_int_equal(count_bare(*state, dirs[3]), 3);
	assert_int_equal(count_bare(*state, small), 0);
	assert_true(lookup(*state, dirs[3], "a") != 0);
	for (unsigned i = 4; i < 8; i++)
		assert_int_equal(count_bare(*state, dirs[i]), 0);
	assert_int_equal(count_bare(*state, dirs[8]), 3); /* the next probe */
	assert_true(lookup(*state, dirs[8], "b") != 0);
	for (unsigned i = 9; i < 12; i++)
		assert_int_equal(count_bare(*state, dirs[i]), 0);
	assert_true(lookup(*state, dirs[0], "a") != 0); /* long ago */
}

static void test_attributes(void **state)
{
	uint64_t big = lookup(*state, FUSE_ROOT_ID, "big");
	const struct fuse_entry_out entry = *(const struct fuse_entry_out *)body();
	assert_true(big > FUSE_ROOT_ID);
	assert_int_equal(entry.attr.size, BIG_FILE_BYTES);
	assert_int_equal(entry.attr.mode, S_IFREG | 0644);
	assert_int_equal(entry.attr.uid, 123);
	assert_int_equal(entry.attr.gid, 456);
	assert_int_equal(entry.attr.mtime, 5);
	const struct fuse_getattr_in in = { 0 };
	assert_int_equal(ask(*state, FUSE_GETATTR, big, &in, sizeof(in)), sizeof(struct fuse_attr_out));
	const struct fuse_attr_out *attr = body();
	assert_memory_equal(&attr->attr, &entry.attr, sizeof(entry.attr));
	assert_int_equal(
		ask(*state, FUSE_GETATTR, FUSE_ROOT_ID, &in, sizeof(in)), sizeof(struct fuse_attr_out));
	attr = body();
	assert_true(S_ISDIR(attr->attr.mode));
	assert_int_equal(lookup(*state, FUSE_ROOT_ID, "nothing"), 0);
}

static void test_bad_nodes(void **state)
{
	const struct fuse_getattr_in in = { 0 };
	static const uint64_t nodes[] = { 0, 3, 0xffff, 1u << 20, UINT64_MAX, UINT64_MAX - 1, 1ull << 48 };
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		assert_true(ask(*state, FUSE_GETATTR, nodes[i], &in, sizeof(in)) < 0);
		assert_true(ask(*state, FUSE_LOOKUP, nodes[i], "x", 2) < 0);
		assert_true(read_at(*state, nodes[i], 0, 100) < 0);
	}
	uint64_t big = lookup(*state, FUSE_ROOT_ID, "big");
	assert_int_equal(ask(*state, FUSE_LOOKUP, big, "x", 2), -ENOTDIR);
	assert_int_equal(read_at(*state, FUSE_ROOT_ID, 0, 100), -EISDIR);
	assert_int_equal(ask(*state, FUSE_READLINK, big, "", 0), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_listing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listed_nodes_are_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attributes_come_to_those_who_use_them, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_nodes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
