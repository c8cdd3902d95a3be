/* The protocol, spoken over a socket pair in place of /dev/fuse. */
#include "../unit.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/processors.h"
#include "image.h"

struct fixture {
	int image, device; /* our end */
	int theirs;
	struct fuse_server *server;
	pthread_t thread;
	uint64_t unique;
};

static void *serve(void *arg)
{
	struct fixture *f = arg;
	fuse_server_run(f->server, &f->theirs, 1, 123, 456);
	return NULL;
}

static void start(struct fixture *f, int image)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	int room = 4 << 20;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*f = (struct fixture){ .image = image, .device = pair[0], .theirs = pair[1] };
	const struct fuse_server_options options = {
		.image = image, .name = "test", .notices = -1, .threads = 1
	};
	f->server = fuse_server_new(&options, &err);
	assert_non_null(f->server);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	start(f, make_image(true));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	shutdown(f->device, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->device);
	close(f->theirs);
	close(f->image);
	fuse_server_free(f->server);
	free(f);
	return 0;
}

static uint8_t reply[2 << 20];

static void ask_only(struct fixture *f, uint32_t opcode, uint64_t node, const void *arg, size_t len)
{
	uint8_t request[8192];
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + len),
		.opcode = opcode,
		.unique = ++f->unique,
		.nodeid = node,
	};
	memcpy(request, &in, sizeof(in));
	memcpy(request + sizeof(in), arg, len);
	assert_int_equal(send(f->device, request, in.len, 0), in.len);
}

/* Send a request; returns the bytes behind the header, or the (negative) error. */
static ssize_t ask(struct fixture *f, uint32_t opcode, uint64_t node, const void *arg, size_t len)
{
	ask_only(f, opcode, node, arg, len);
	ssize_t n = recv(f->device, reply, sizeof(reply), 0);
	const struct fuse_out_header *out = (const struct fuse_out_header *)reply;
	assert_true(n >= (ssize_t)sizeof(*out));
	assert_int_equal(out->len, n);
	assert_int_equal(out->unique, f->unique);
	if (out->error != 0)
		assert_int_equal(n, sizeof(*out));
	return out->error != 0 ? out->error : n - (ssize_t)sizeof(*out);
}

static const void *body(void)
{
	return reply + sizeof(struct fuse_out_header);
}

static uint64_t lookup(struct fixture *f, uint64_t parent, const char *name)
{
	assert_int_equal(ask(f, FUSE_LOOKUP, parent, name, strlen(name) + 1), sizeof(struct fuse_entry_out));
	const struct fuse_entry_out *entry = body();
	assert_true(entry->entry_valid > 1000000);
	return entry->nodeid;
}

static ssize_t read_at(struct fixture *f, uint64_t node, uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = { .offset = offset, .size = size };
	return ask(f, FUSE_READ, node, &in, sizeof(in));
}

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
		cmocka_unit_test_setup_teardown(test_init, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listed_nodes_are_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attributes_come_to_those_who_use_them, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, setup, teardown),
		cmocka_unit_test(test_no_xattrs),
		cmocka_unit_test(test_programs_come_ahead),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget_has_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_statfs_and_lseek, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
