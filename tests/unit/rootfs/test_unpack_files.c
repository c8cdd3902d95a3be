/* Files that are unpacked: where they are written, their names, their holes. */
#include "unpacked.h"

/* The ordinary case: what is written stays where it is, inode and all. */
static void files_stay_where_they_are_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(thread_rows); i++) {
		struct fixture f;
		fixture_init(&f, thread_rows[i]);
		uint32_t ids[1000];
		char path[32];
		for (unsigned n = 0; n < 1000; n++) {
			snprintf(path, sizeof(path), "d%u/e/f%u", n % 7, n);
			ids[n] = write_text(&f, path, path);
		}
		for (unsigned n = 0; n < 7; n++) {
			snprintf(path, sizeof(path), "d%u", n);
			add_other(&f, path, TREE_DIRECTORY, 0750);
			snprintf(path, sizeof(path), "d%u/e", n);
			add_other(&f, path, TREE_DIRECTORY, 0700);
		}
		for (unsigned n = 0; n < 1000; n++) {
			snprintf(path, sizeof(path), "d%u/e/f%u", n % 7, n);
			add_file(&f, path, ids[n]);
		}
		tree_node(f.tree, TREE_ROOT)->mode = 0711;
		finish(&f);
		for (unsigned n = 0; n < 1000; n++) {
			char text[40];
			snprintf(path, sizeof(path), "d%u/e/f%u", n % 7, n);
			snprintf(text, sizeof(text), "t/%s", path);
			assert_text(text, path);
		}
		struct stat st = stat_of("t/d3/e/f3");
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(st.st_mtime, 1000);
		st = stat_of("t/d3");
		assert_int_equal(st.st_mode & 07777, 0750);
		assert_int_equal(st.st_mtime, 2000);
		assert_int_equal(stat_of("t").st_mode & 07777, geteuid() == 0 ? 0711 : 0711 | 0400);
		assert_int_equal(stat_of("t").st_mtime, 0);
		assert_int_equal(count_entries("t"), 7);
		fixture_cleanup(&f);
	}
}

/* What was written differs from the tree in every way that it can. */
static void the_tree_has_the_last_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(thread_rows); i++) {
		struct fixture f;
		fixture_init(&f, thread_rows[i]);
		uint32_t twice_first = write_text(&f, "twice", "first");
		uint32_t twice_second = write_text(&f, "twice", "second");
		uint32_t again_first = write_text(&f, "again", "first");
		uint32_t again_second = write_text(&f, "again", "second");
		(void)again_second;
		(void)twice_first;
		uint32_t through = write_text(&f, "link/new/file", "through");
		uint32_t gone = write_text(&f, "gone/deep/er", "gone");
		(void)gone;
		uint32_t was_file = write_text(&f, "file-dir", "file");
		uint32_t under_file = write_text(&f, "file-dir/under", "under");
		uint32_t in_dir = write_text(&f, "dir-file/inside", "inside");
		(void)in_dir;
		uint32_t now_file = write_text(&f, "dir-file", "now a file");
		uint32_t moved = write_text(&f, "first-name", "moved");
		uint32_t swapped = write_text(&f, "swap", "swapped");
		uint32_t with = write_text(&f, "with", "with");
		(void)was_file;

		add_file(&f, "twice", twice_second);
		add_file(&f, "again", again_first);
		add_other(&f, "link", TREE_SYMLINK, 0777);
		add_other(&f, "real", TREE_DIRECTORY, 0755);
		add_other(&f, "real/new", TREE_DIRECTORY, 0755);
		add_file(&f, "real/new/file", through);
		add_other(&f, "file-dir", TREE_DIRECTORY, 0755);
		add_file(&f, "file-dir/under", under_file);
		add_file(&f, "dir-file", now_file);
		add_file(&f, "second-name", moved);
		add_file(&f, "swap", with);
		add_file(&f, "with", swapped);
		add_other(&f, "fifo", TREE_FIFO, 0622);
		finish(&f);
		assert_text("t/twice", "second");
		assert_text("t/again", "first");
		assert_text("t/real/new/file", "through");
		assert_text("t/file-dir/under", "under");
		assert_text("t/dir-file", "now a file");
		assert_text("t/second-name", "moved");
		assert_text("t/swap", "with");
		assert_text("t/with", "swapped");
		assert_true(S_ISFIFO(stat_of("t/fifo").st_mode));
		assert_int_equal(stat_of("t/link").st_mtime, 2000);
		assert_int_equal(stat_of("t/second-name").st_mtime, 1000);
		assert_int_equal(count_entries("t"), 10);
		fixture_cleanup(&f);
	}
}

static void hard_links_are_one_file(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 2);
	uint32_t id = write_text(&f, "d/one", "same");
	add_other(&f, "d", TREE_DIRECTORY, 0755);
	add_other(&f, "e", TREE_DIRECTORY, 0755);
	uint32_t inode = file_inode(&f, id);
	add_node(&f, "d/one", inode);
	add_node(&f, "d/two", inode);
	add_node(&f, "e/three", inode);
	add_other(&f, "s", TREE_SYMLINK, 0777);
	uint32_t link = tree_node_inode(f.tree, tree_lookup(f.tree, TREE_ROOT, "s", 1));
	add_node(&f, "e/s", link);
	finish(&f);
	struct stat one = stat_of("t/d/one"), s = stat_of("t/s");
	assert_int_equal(one.st_nlink, 3);
	assert_int_equal(stat_of("t/d/two").st_ino, one.st_ino);
	assert_int_equal(stat_of("t/e/three").st_ino, one.st_ino);
	assert_int_equal(s.st_nlink, 2);
	assert_int_equal(stat_of("t/e/s").st_ino, s.st_ino);
	assert_int_equal(one.st_mtime, 1000);
	assert_text("t/e/three", "same");
	fixture_cleanup(&f);
}

/* More names than ext4 gives one inode: some get another one, with the same bytes. */
static void a_file_may_have_any_number_of_names(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	uint32_t inode = file_inode(&f, write_text(&f, "d/n0", "many"));
	add_other(&f, "d", TREE_DIRECTORY, 0755);
	char path[32];
	uint64_t names = 0;
	for (unsigned n = 0; n < 65010; n++) {
		snprintf(path, sizeof(path), "d/n%u", n);
		add_node(&f, path, inode);
	}
	finish(&f);
	struct stat first = stat_of("t/d/n0"), last = { 0 };
	for (unsigned n = 0; n < 65010; n++) {
		snprintf(path, sizeof(path), "t/d/n%u", n);
		struct stat st = stat_of(path);
		if (st.st_ino != first.st_ino)
			last = st;
		names += st.st_ino == first.st_ino;
		assert_int_equal(st.st_size, 4);
		assert_int_equal(st.st_mtime, 1000);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(names, first.st_nlink);
	assert_int_equal(names + last.st_nlink, 65010);
	fixture_cleanup(&f);
}

static void large_and_sparse_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(thread_rows); i++) {
		struct fixture f;
		fixture_init(&f, thread_rows[i]);
		size_t size = 3 * 1024 * 1024 + 77;
		_cleanup_free_ char *data = xmalloc(size);
		for (size_t n = 0; n < size; n++)
			data[n] = (char)(n * 7 >> 3);
		memset(data + 1024 * 1024, 0, 1024 * 1024);
		uint32_t large = write_file(&f, "large", data, size), id;

		/* Data, hole, data, hole: in odd parts. */
		struct tree_file sparse = file_at("sparse", 1ull << 30);
		assert_int_equal(unpack_file_begin(f.u, &sparse, &f.err), 0);
		assert_int_equal(unpack_file_data(f.u, "abc", 3, &f.err), 0);
		assert_int_equal(unpack_file_hole(f.u, 500000000, &f.err), 0);
		assert_int_equal(unpack_file_data(f.u, "def", 3, &f.err), 0);
		assert_int_equal(unpack_file_hole(f.u, (1u << 30) - 500000006, &f.err), 0);
		assert_int_equal(unpack_file_end(f.u, &id, &f.err), 0);

		/* Small, in more pieces than a batch takes. */
		struct tree_file pieces = file_at("pieces", 4000);
		uint32_t many, empty;
		assert_int_equal(unpack_file_begin(f.u, &pieces, &f.err), 0);
		for (unsigned n = 0; n < 1000; n++) {
			assert_int_equal(unpack_file_data(f.u, "xyz", 3, &f.err), 0);
			assert_int_equal(unpack_file_hole(f.u, 1, &f.err), 0);
		}
		assert_int_equal(unpack_file_end(f.u, &many, &f.err), 0);
		struct tree_file hole = file_at("hole", 100);
		assert_int_equal(unpack_file_begin(f.u, &hole, &f.err), 0);
		assert_int_equal(unpack_file_hole(f.u, 100, &f.err), 0);
		assert_int_equal(unpack_file_end(f.u, &empty, &f.err), 0);
		uint32_t nothing = write_text(&f, "nothing", "");

		add_file(&f, "large", large);
		add_file(&f, "sparse", id);
		add_file(&f, "pieces", many);
		add_file(&f, "hole", empty);
		add_file(&f, "nothing", nothing);
		finish(&f);

		_cleanup_free_ char *back = xmalloc(size + 1);
		_cleanup_close_ int fd = open("t/large", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read_full(fd, back, size + 1), (ssize_t)size);
		assert_memory_equal(back, data, size);
		assert_true(stat_of("t/large").st_blocks * 512 < 3 * 1024 * 1024);

		struct stat st = stat_of("t/sparse");
		assert_int_equal(st.st_size, 1 << 30);
		assert_true(st.st_blocks * 512 < 1 << 20);
		_cleanup_close_ int s = open("t/sparse", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_pread_full(s, back, 8, 499999999), 8);
		assert_memory_equal(back, "\0\0\0\0def\0", 8);

		_cleanup_close_ int p = open("t/pieces", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read_full(p, back, 5000), 4000);
		for (unsigned n = 0; n < 1000; n++)
			assert_memory_equal(back + 4 * n, "xyz", 4);
		assert_int_equal(stat_of("t/hole").st_size, 100);
		assert_int_equal(stat_of("t/nothing").st_size, 0);
		assert_int_equal(unpack_bytes(f.u), size + 6 + 3000);
		fixture_cleanup(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_stay_where_they_are_written),
		cmocka_unit_test(the_tree_has_the_last_word),
		cmocka_unit_test(hard_links_are_one_file),
		cmocka_unit_test(a_file_may_have_any_number_of_names),
		cmocka_unit_test(large_and_sparse_files),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
