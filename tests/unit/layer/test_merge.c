#include "../unit.h"

#include "image.h"

#define LAYER(...)           \
	{                    \
		__VA_ARGS__, \
		{            \
			0    \
		}            \
	}

/* Layers bottom first, and the tree, or the end of the message. */
static const struct row {
	const char *what;
	struct item layers[4][10];
	const char *want, *error;
} rows[] = {
	{ "whiteout", { LAYER({ '0', "a", "1" }, { '0', "b", "2" }), LAYER({ '0', ".wh.a" }) }, "b:f=2", 0 },
	{ "whiteout of a directory",
		{ LAYER({ '5', "d" }, { '0', "d/x", "1" }), LAYER({ '0', ".wh.d" }, { '0', "e", "2" }) },
		"e:f=2", 0 },
	{ "a whiteout never hits its own layer, whatever the order",
		{ LAYER({ '0', "d/old", "1" }), LAYER({ '0', "d/new", "2" }, { '0', ".wh.d" }) },
		"d:d d/new:f=2", 0 },
	{ "whiteout first, then the same name",
		{ LAYER({ '0', "a", "1" }), LAYER({ '0', ".wh.a" }, { '0', "a", "2" }) }, "a:f=2", 0 },
	{ "opaque hides lower children only",
		{ LAYER({ '0', "d/old", "1" }),
			LAYER({ '5', "d" }, { '0', "d/new", "2" }, { '0', "d/.wh..wh..opq" }) },
		"d:d d/new:f=2", 0 },
	{ "opaque without an entry for its directory",
		{ LAYER({ '0', "d/old", "1" }), LAYER({ '0', "d/.wh..wh..opq" }) }, "d:d", 0 },
	{ "opaque root", { LAYER({ '0', "d/old", "1" }), LAYER({ '0', ".wh..wh..opq" }, { '0', "x", "2" }) },
		"x:f=2", 0 },
	{ "a whiteout may be a directory",
		{ LAYER({ '0', "a", "1" }, { '0', "b", "1" }),
			LAYER({ '5', ".wh.a/" }, { '2', ".wh.b", "x" }) },
		"", 0 },
	{ "a whiteout may have content", { LAYER({ '0', "a", "1" }), LAYER({ '0', ".wh.a", "text" }) }, "",
		0 },
	{ ".wh. counts only in the last component", { LAYER({ '0', ".wh.d/x", "1" }) }, ".wh.d:d .wh.d/x:f=1",
		0 },
	{ "bare whiteout", { LAYER({ '0', "d/.wh." }) }, 0, "a whiteout of nothing, \".\" or \"..\"" },
	{ "whiteout of .", { LAYER({ '0', ".wh.." }) }, 0, "a whiteout of nothing, \".\" or \"..\"" },
	{ "whiteout of ..", { LAYER({ '0', "d/.wh..." }) }, 0, "a whiteout of nothing, \".\" or \"..\"" },
	{ "whiteout of ... is ordinary", { LAYER({ '0', "...", "1" }), LAYER({ '0', ".wh...." }) }, "", 0 },
	{ "aufs' own are ignored",
		{ LAYER({ '0', ".wh..wh.aufs" }, { '5', ".wh..wh.plnk" }, { '0', ".wh..wh.plnk/1.2", "x" },
			{ '0', "a", "1" }) },
		"a:f=1", 0 },
	{ "whiteout of what is not there", { LAYER({ '0', "x/.wh.a" }, { '0', ".wh.b" }, { '0', "c", "1" }) },
		"c:f=1", 0 },
	{ "char device 0/0 is no whiteout, but takes the place",
		{ LAYER({ '0', "a", "1" }, { '0', "b/c", "2" }), LAYER({ '3', "a" }, { '4', "b" }) }, "", 0 },
	{ "fifos are kept", { LAYER({ '6', "p" }) }, "p:p", 0 },
	{ "dev/* is dropped, dev stays",
		{ LAYER({ '5', "dev" }, { '3', "dev/null" }, { '0', "./dev/file", "1" },
			{ '2', "/dev/fd", "x" }, { '0', "device", "2" }) },
		"dev:d device:f=2", 0 },
	{ "what comes into dev through a symlink is dropped as well",
		{ LAYER({ '5', "dev" }, { '2', "x", "dev" }, { '0', "x/f", "1" }) }, "dev:d x:l=dev", 0 },

	{ "a file replaces a directory", { LAYER({ '0', "d/x", "1" }), LAYER({ '0', "d", "2" }) }, "d:f=2",
		0 },
	{ "a directory replaces a file", { LAYER({ '0', "d", "1" }), LAYER({ '5', "d" }) }, "d:d", 0 },
	{ "a directory keeps what is inside", { LAYER({ '0', "d/x", "1" }), LAYER({ '5', "d" }) },
		"d:d d/x:f=1", 0 },
	{ "a child makes its file parent a directory",
		{ LAYER({ '0', "d", "1" }), LAYER({ '0', "d/x", "2" }) }, "d:d d/x:f=2", 0 },
	{ "the same path twice: the last",
		{ LAYER({ '0', "a", "1" }, { '0', "./a", "2" }, { '0', "a//", "3" }) }, "a:f=3", 0 },
	{ "the last of two files", { LAYER({ '0', "a", "1" }, { '0', "/a", "2" }) }, "a:f=2", 0 },
	{ "a directory over a lower symlink is real",
		{ LAYER({ '5', "d" }, { '2', "l", "d" }), LAYER({ '5', "l" }, { '0', "l/x", "1" }) },
		"d:d l:d l/x:f=1", 0 },
	{ "a child through a lower symlink follows it",
		{ LAYER({ '5', "d" }, { '2', "l", "d" }), LAYER({ '0', "l/x", "1" }) }, "d:d d/x:f=1 l:l=d",
		0 },
	{ "through a symlink of the same layer", { LAYER({ '2', "l", "/a/../d" }, { '0', "l/x", "1" }) },
		"a:d d:d d/x:f=1 l:l=/a/../d", 0 },
	{ "a whiteout through a lower symlink",
		{ LAYER({ '0', "d/x", "1" }, { '0', "d/y", "2" }, { '2', "l", "d" }),
			LAYER({ '0', "l/.wh.x" }) },
		"d:d d/y:f=2 l:l=d", 0 },
	{ "an opaque mark through a lower symlink",
		{ LAYER({ '0', "d/x", "1" }, { '2', "l", "d" }), LAYER({ '0', "l/.wh..wh..opq" }) },
		"d:d l:l=d", 0 },
	{ ".. is clamped at the root", { LAYER({ '0', "../../x", "1" }, { '0', "/a/../../y", "2" }) },
		"x:f=1 y:f=2", 0 },
	{ ".. in a symlink is clamped", { LAYER({ '2', "l", "../../../d" }, { '0', "l/x", "1" }) },
		"d:d d/x:f=1 l:l=../../../d", 0 },
	{ "symlink loop", { LAYER({ '2', "a", "b" }, { '2', "b", "a" }, { '0', "a/x", "1" }) }, 0,
		"more than 40 symlinks in the path" },
	{ "the last component is not followed",
		{ LAYER({ '0', "t", "1" }, { '2', "l", "t" }), LAYER({ '0', "l", "2" }) }, "l:f=2 t:f=1", 0 },
	{ "/etc as a symlink out", { LAYER({ '2', "etc", "/../../etc" }, { '0', "etc/passwd", "1" }) }, 0,
		"more than 40 symlinks in the path" },

	{ "hard link", { LAYER({ '0', "a", "1" }, { '1', "b", "a" }) }, "a:f=1*2 b:f=1*2", 0 },
	{ "hard link to a lower layer", { LAYER({ '0', "a", "1" }), LAYER({ '1', "b", "./a" }) },
		"a:f=1*2 b:f=1*2", 0 },
	{ "the first name goes, the data stay",
		{ LAYER({ '0', "a", "1" }, { '1', "b", "a" }), LAYER({ '0', ".wh.a" }) }, "b:f=1", 0 },
	{ "lower links resolve before this layer's whiteouts",
		{ LAYER({ '0', "a", "1" }), LAYER({ '0', ".wh.a" }, { '1', "b", "a" }) }, "b:f=1", 0 },
	{ "a link made before its target is replaced keeps the old bytes",
		{ LAYER({ '0', "a", "1" }, { '1', "b", "a" }, { '0', "a", "2" }) }, "a:f=2 b:f=1", 0 },
	{ "the same across layers", { LAYER({ '0', "a", "1" }), LAYER({ '1', "b", "a" }, { '0', "a", "2" }) },
		"a:f=2 b:f=1", 0 },
	{ "hard link to a symlink is the symlink", { LAYER({ '2', "l", "x" }, { '1', "m", "l" }) },
		"l:l=x m:l=x", 0 },
	{ "hard link through a symlinked directory",
		{ LAYER({ '0', "d/f", "1" }, { '2', "l", "d" }, { '1', "m", "l/f" }) },
		"d:d d/f:f=1*2 l:l=d m:f=1*2", 0 },
	{ "a link into the directory that it replaces", { LAYER({ '0', "d/f", "1" }, { '1', "d", "d/f" }) },
		"d:f=1", 0 },
	{ "forward link", { LAYER({ '1', "b", "a" }, { '0', "a", "1" }) }, 0,
		"hard link target a does not exist (yet)" },
	{ "self link", { LAYER({ '0', "a", "1" }, { '1', "a", "a" }) }, 0, "a hard link to itself" },
	{ "self link through a symlink", { LAYER({ '2', "s", "." }, { '0', "a", "1" }, { '1', "a", "s/a" }) },
		0, "a hard link to itself" },
	{ "missing target", { LAYER({ '1', "b", "/etc/passwd" }) }, 0,
		"entry b: hard link target etc/passwd does not exist (yet)" },
	{ "escaping target", { LAYER({ '1', "b", "../etc/passwd" }) }, 0,
		"hard link target ../etc/passwd leads out of the image" },
	{ "link to a directory", { LAYER({ '5', "d" }, { '1', "b", "d" }) }, 0,
		"hard link target d is a directory" },
	{ "link to the root", { LAYER({ '1', "b", "." }) }, 0, "a hard link to the root directory" },
	{ "link to a device is skipped with it",
		{ LAYER({ '3', "c" }, { '1', "b", "c" }, { '0', "a", "1" }) }, "a:f=1", 0 },
	{ "link into dev is skipped with it",
		{ LAYER({ '3', "dev/c" }, { '1', "b", "dev/c" }, { '0', "a", "1" }) }, "a:f=1", 0 },
	{ "a file for the root", { LAYER({ '0', "./", "1" }, { '2', ".", "x" }) }, 0,
		"an entry that would replace the root directory" },
	{ "a swapped directory: file through a symlink that came later",
		{ LAYER({ '5', "d" }, { '2', "d", "/e" }, { '0', "d/x", "1" }) }, "d:l=/e e:d e/x:f=1", 0 },
	{ "an empty symlink", { LAYER({ '2', "l", "" }) }, 0, "a symlink without a target" },
	{ "what a path led through is replaced by the path's own entry",
		{ LAYER({ '5', "d" }, { '2', "d/s", ".." }, { '0', "d/s/d", "1" }, { '0', "d/s/y", "2" }) },
		"d:d d/s:d d/s/y:f=2", 0 },
	{ "names that look alike",
		{ LAYER({ '0', "foo", "1" }, { '0', "FOO", "2" }, { '0', "./bar//", "3" },
			{ '0', "bar/.", "4" }) },
		"FOO:f=2 bar:f=4 foo:f=1", 0 },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned threads = 1; threads <= 2; threads++) {
			struct image im = { .threads = threads };
			for (size_t l = 0; l < 4 && rows[i].layers[l][0].type != 0; l++)
				tar_items(&im.tars[im.count++], rows[i].layers[l]);
			int rc = image_build(&im);
			_cleanup_free_ char *got = rc == 0 ? image_describe(&im) : NULL;
			if (rows[i].error != NULL) {
				if (rc == 0 || strstr(im.err.message, rows[i].error) == NULL)
					fail_msg("%s: %s", rows[i].what, rc == 0 ? got : im.err.message);
			} else if (rc < 0) {
				fail_msg("%s: %s", rows[i].what, im.err.message);
			} else if (rows[i].want != NULL && strcmp(got, rows[i].want) != 0) {
				fail_msg("%s: got  %s\nwant %s", rows[i].what, got, rows[i].want);
			} else if (rows[i].want == NULL) {
				print_message("%s: %s\n", rows[i].what, got);
			}
			image_cleanup(&im);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
