/*
 * Random images against a slow merger that keeps full paths in a list and looks at nothing but strings.
 *
 * ENROOT_TEST_ROUNDS: how many images (default 2000); ENROOT_TEST_SEED: the first one's number.
 */
#include "../unit.h"

#include "base/str.h"
#include "base/strv.h"
#include "image.h"

#define ENTRIES_MAX 12
#define NODES_MAX   400

/* An entry in the tar, and what became of its bytes. */
struct model_inode {
	char type; /* d f l p x(skipped) */
	char text[64];
	unsigned mode, mtime, nlink;
	int layer;
	bool alive_in_own_layer;
};

struct model_node {
	char path[200];
	struct model_inode *inode;
};

struct model {
	struct model_node nodes[NODES_MAX];
	size_t count;
	struct model_inode inodes[NODES_MAX];
	size_t inode_count;
};

struct plan {
	struct item items[LAYERS_MAX][ENTRIES_MAX + 1];
	char names[LAYERS_MAX][ENTRIES_MAX][80], data[LAYERS_MAX][ENTRIES_MAX][80];
	size_t layers;
	bool has_links;
};

static struct model_node *model_find(struct model *m, const char *path)
{
	for (size_t i = 0; i < m->count; i++)
		if (str_eq(m->nodes[i].path, path))
			return &m->nodes[i];
	return NULL;
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);
	return len == 0 ? *path != '\0' : strncmp(path, top, len) == 0 && path[len] == '/';
}

static void model_remove_below(struct model *m, const char *path)
{
	char top[200];
	strcpy(top, path);
	size_t kept = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (is_below(m->nodes[i].path, top))
			m->nodes[i].inode->nlink--;
		else
			m->nodes[kept++] = m->nodes[i];
	}
	m->count = kept;
}

static void model_remove(struct model *m, const char *path)
{
	model_remove_below(m, path);
	struct model_node *n = model_find(m, path);
	if (n != NULL) {
		n->inode->nlink--;
		*n = m->nodes[--m->count];
	}
}

static struct model_inode *model_inode(struct model *m, char type)
{
	assert_true(m->inode_count < NODES_MAX);
	struct model_inode *i = &m->inodes[m->inode_count++];
	*i = (struct model_inode){ .type = type, .mode = 0755 };
	return i;
}

static void model_put(struct model *m, const char *path, struct model_inode *inode)
{
	inode->nlink++;
	model_remove(m, path);
	assert_true(m->count < NODES_MAX);
	snprintf(m->nodes[m->count].path, sizeof(m->nodes[0].path), "%s", path);
	m->nodes[m->count++].inode = inode;
}

/* Where the directory PATH leads: 1, 0 if it is not there, -1 for too many links. */
static int model_walk(struct model *m, const char *path, bool create, char *at)
{
	char rest[4096], joined[4096];
	int links = 0;
	snprintf(rest, sizeof(rest), "%s", path);
	at[0] = '\0';
	while (rest[0] != '\0') {
		char name[200];
		size_t n = strcspn(rest, "/");
		snprintf(name, sizeof(name), "%.*s", (int)n, rest);
		memmove(rest, rest + n + (rest[n] == '/'), strlen(rest + n + (rest[n] == '/')) + 1);
		if (name[0] == '\0' || str_eq(name, "."))
			continue;
		if (str_eq(name, "..")) {
			char *slash = strrchr(at, '/');
			*(slash != NULL ? slash : at) = '\0';
			continue;
		}
		char next[200];
		snprintf(next, sizeof(next), "%.90s%s%.90s", at, at[0] ? "/" : "", name);
		struct model_node *node = model_find(m, next);
		if (node != NULL && node->inode->type == 'l') {
			if (++links > 40)
				return -1;
			if (node->inode->text[0] == '/')
				at[0] = '\0';
			snprintf(joined, sizeof(joined), "%s/%.2000s", node->inode->text, rest);
			strcpy(rest, joined);
			continue;
		}
		if (node == NULL || node->inode->type != 'd') {
			if (!create)
				return 0;
			model_put(m, next, model_inode(m, 'd'));
		}
		strcpy(at, next);
	}
	return 1;
}

static int model_place(struct model *m, const char *path, bool create, char *place)
{
	char dir[200], at[200];
	const char *slash = strrchr(path, '/');
	snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	int rc = model_walk(m, dir, create, at);
	if (rc > 0)
		snprintf(place, 200, "%.90s%s%.90s", at, at[0] ? "/" : "", slash != NULL ? slash + 1 : path);
	return rc;
}

static int model_whiteout(struct model *m, const struct item *item)
{
	char path[200], place[200];
	snprintf(path, sizeof(path), "%s", item->path);
	char *mark = strstr(path, ".wh.");
	if (mark == NULL)
		return 0;
	int rc;
	if (str_eq(mark, ".wh..wh..opq")) {
		*mark = '\0';
		rc = model_walk(m, path, false, place);
		if (rc > 0)
			model_remove_below(m, place);
	} else {
		memmove(mark, mark + 4, strlen(mark + 4) + 1);
		rc = model_place(m, path, false, place);
		if (rc > 0)
			model_remove(m, place);
	}
	return rc < 0 ? -1 : 0;
}

static int model_hardlink(struct model *m, const struct item *item, struct model_inode *below)
{
	char target[200], place[200];
	struct model_inode *inode = below;
	int rc = model_place(m, item->data, false, target);
	if (rc < 0 || str_eq(item->data, item->path))
		return -1;
	struct model_node *node = rc > 0 ? model_find(m, target) : NULL;
	if (node != NULL)
		inode = node->inode;
	if (inode == NULL || inode->type == 'd')
		return -1;
	if (model_place(m, item->path, true, place) < 0)
		return -1;
	/* The directories on the way may have taken the target's place. */
	if (node != NULL && str_eq(place, target) && model_find(m, place) != NULL)
		return -1;
	inode->nlink++;
	model_put(m, place, inode);
	inode->nlink--;
	return 0;
}

static int model_entry(struct model *m, const struct item *item, int layer)
{
	char place[200];
	if (model_place(m, item->path, true, place) < 0)
		return -1;
	struct model_node *node = model_find(m, place);
	struct model_inode *inode;
	if (item->type == '5' && node != NULL && node->inode->type == 'd') {
		inode = node->inode;
	} else {
		inode = model_inode(m, item->type == '5'   ? 'd'
				       : item->type == '2' ? 'l'
				       : item->type == '6' ? 'p'
				       : item->type == '3' ? 'x'
							   : 'f');
		model_put(m, place, inode);
	}
	inode->layer = layer;
	inode->mtime = item->mtime;
	inode->mode = item->mode | 0400;
	if (inode->type == 'd')
		inode->mode |= 0700;
	else if ((item->mode & 0111) != 0)
		inode->mode |= 0100;
	if (item->data != NULL)
		snprintf(inode->text, sizeof(inode->text), "%s", item->data);
	return 0;
}

static int model_layer(struct model *m, const struct item *items, int layer)
{
	struct model_inode *below[ENTRIES_MAX] = { 0 };
	for (int i = 0; items[i].type != 0; i++) {
		char target[200];
		if (items[i].type == '1' && model_place(m, items[i].data, false, target) > 0) {
			struct model_node *n = model_find(m, target);
			below[i] = n != NULL ? n->inode : NULL;
		}
	}
	bool whiteouts = false;
	for (int i = 0; items[i].type != 0; i++) {
		whiteouts |= strstr(items[i].path, ".wh.") != NULL;
		if (model_whiteout(m, &items[i]) < 0)
			return -1;
	}
	for (int i = 0; items[i].type != 0; i++) {
		int rc = 0;
		if (strstr(items[i].path, ".wh.") != NULL)
			continue;
		if (items[i].type == '1')
			rc = model_hardlink(m, &items[i], whiteouts ? below[i] : NULL);
		else
			rc = model_entry(m, &items[i], layer);
		if (rc < 0)
			return -1;
	}
	for (size_t i = 0; i < m->inode_count; i++)
		if (m->inodes[i].layer == layer)
			m->inodes[i].alive_in_own_layer = m->inodes[i].nlink > 0;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join_sorted(struct strv *lines)
{
	struct buffer out = BUFFER_INIT;
	if (lines->count != 0)
		qsort(lines->items, lines->count, sizeof(char *), compare_lines);
	for (size_t i = 0; i < lines->count; i++)
		buffer_printf(&out, "%s\n", lines->items[i]);
	strv_cleanup(lines);
	return buffer_steal(&out);
}

static char *model_describe(struct model *m)
{
	struct strv lines = STRV_INIT;
	for (size_t i = 0; i < m->count; i++) {
		const struct model_inode *in = m->nodes[i].inode;
		if (in->type == 'x')
			continue;
		strv_push_owned(&lines, xasprintf("%s %c %o %u %u %s", m->nodes[i].path, in->type,
						in->type == 'l' ? 0777 : in->mode, in->mtime, in->nlink,
						in->type == 'f' || in->type == 'l' ? in->text : ""));
	}
	return join_sorted(&lines);
}

static void describe_below(const struct image *im, uint32_t dir, struct strv *lines)
{
	static const char letters[] = "?dflbcps";
	const struct tree *t = im->merged.tree;
	tree_for_each_child(t, dir, node) {
		const struct tree_inode *i = tree_node(t, node);
		_cleanup_free_ char *path = tree_path(t, node);
		const char *text = "";
		size_t len = 0;
		if (i->type == TREE_SYMLINK)
			text = tree_symlink_target(t, i, &len);
		if (i->type == TREE_FILE) {
			assert_true(i->data < im->sink.count);
			text = im->sink.files[i->data].data;
			len = im->sink.files[i->data].len;
			assert_int_equal(len, i->size);
		}
		strv_push_owned(lines, xasprintf("%s %c %o %u %u %.*s", path, letters[i->type], i->mode,
					       i->mtime, i->nlink, (int)len, text));
		if (i->type == TREE_DIRECTORY)
			describe_below(im, node, lines);
	}
}

static char *tree_describe(const struct image *im)
{
	struct strv lines = STRV_INIT;
	describe_below(im, TREE_ROOT, &lines);
	return join_sorted(&lines);
}

static unsigned random_state;
static unsigned pick(unsigned n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void random_path(char *out, size_t size, unsigned max_depth)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	unsigned depth = 1 + pick(max_depth);
	out[0] = '\0';
	for (unsigned i = 0; i < depth; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "/" : "", names[pick(4)]);
}

static void random_target(char *out, size_t size)
{
	static const char *const starts[] = { "", "", "/", "../", "../../", "./" };
	snprintf(out, size, "%s", starts[pick(6)]);
	random_path(out + strlen(out), size - strlen(out), 2);
}

/* Mostly to something that was there once. */
static void random_link(const struct plan *p, size_t layer, size_t n, char *out, size_t size)
{
	size_t l = pick((unsigned)layer + 1);
	size_t count = 0;
	while (p->items[l][count].type != 0 && (l < layer || count < n))
		count++;
	const struct item *item = count != 0 ? &p->items[l][pick((unsigned)count)] : NULL;
	if (item != NULL && (item->type == '0' || item->type == '2') && strstr(item->path, ".wh.") == NULL)
		snprintf(out, size, "%s", item->path);
	else
		random_path(out, size, 3);
}

/* Every fifth entry of an upper layer is a whiteout; links come only in every other image. */
static void random_entry(struct plan *p, size_t layer, size_t n, bool links)
{
	static const char types[] = "0000005555631122";
	struct item *item = &p->items[layer][n];
	char *name = p->names[layer][n], *data = p->data[layer][n];
	item->path = name;
	item->data = NULL;
	item->mtime = 1 + pick(1000);
	item->mode = 1 + pick(07777);
	random_path(name, 80, 3);
	if (layer > 0 && pick(5) == 0) {
		char *slash = strrchr(name, '/'), base[8];
		char *last = slash != NULL ? slash + 1 : name;
		snprintf(base, sizeof(base), "%s", last);
		snprintf(last, 20, ".wh.%s", pick(3) == 0 ? ".wh..opq" : base);
		item->type = '0';
		return;
	}
	item->type = types[pick(links ? 16 : 12)];
	if (item->type == '0')
		snprintf(data, 80, "L%zuE%zu", layer, n);
	else if (item->type == '1')
		random_link(p, layer, n, data, 80);
	else if (item->type == '2')
		random_target(data, 80);
	if (strchr("012", item->type) != NULL)
		item->data = data;
	p->has_links |= item->type == '1' || item->type == '2';
}

static void random_plan(struct plan *p)
{
	*p = (struct plan){ .layers = 1 + pick(4) };
	bool links = pick(2) == 0;
	for (size_t l = 0; l < p->layers; l++) {
		size_t n = 1 + pick(ENTRIES_MAX);
		for (size_t i = 0; i < n; i++)
			random_entry(p, l, i, links);
	}
}

static void print_plan(const struct plan *p)
{
	for (size_t l = 0; l < p->layers; l++)
		for (const struct item *i = p->items[l]; i->type != 0; i++)
			print_message("  layer %zu: %c %s %s\n", l, i->type, i->path,
				i->data != NULL ? i->data : "");
}

/* Without links the mask is exact: it writes all that lives, and nothing that a layer above hides. */
static void check_mask(struct model *m, const struct image *im)
{
	assert_int_equal(im->repaired, 0);
	for (size_t i = 0; i < m->inode_count; i++) {
		const struct model_inode *in = &m->inodes[i];
		bool written = false;
		for (size_t f = 0; f < im->written_first; f++)
			written |= str_eq(im->sink.files[f].data, in->text);
		if (in->type == 'f' && in->alive_in_own_layer && in->nlink == 0 && written)
			fail_msg("%s was written, but is hidden by a layer above", in->text);
		if (in->type == 'f' && in->nlink > 0)
			assert_true(written);
	}
}

static void one_round(unsigned seed)
{
	static struct plan p;
	static struct model m;
	struct image im = { .threads = 1 + seed % 32 / 31 };
	random_state = seed;
	random_plan(&p);
	memset(&m, 0, sizeof(m));
	int want_rc = 0;
	for (size_t l = 0; l < p.layers; l++) {
		tar_items(&im.tars[im.count++], p.items[l]);
		if (want_rc == 0)
			want_rc = model_layer(&m, p.items[l], (int)l + 1);
	}
	int rc = image_build(&im);
	if (rc != want_rc) {
		print_plan(&p);
		fail_msg("seed %u: got %d (%s), want %d", seed, rc, rc < 0 ? im.err.message : "", want_rc);
	}
	if (rc == 0) {
		_cleanup_free_ char *want = model_describe(&m), *got = tree_describe(&im);
		if (!str_eq(want, got)) {
			print_plan(&p);
			fail_msg("seed %u: got\n%swant\n%s", seed, got, want);
		}
		if (!p.has_links)
			check_mask(&m, &im);
	}
	image_cleanup(&im);
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
	const char *s = getenv(name);
	return s != NULL ? (unsigned)strtoul(s, NULL, 10) : otherwise;
}

static void random_images(void **state)
{
	unsigned seed = from_environment("ENROOT_TEST_SEED", 1);
	unsigned rounds = from_environment("ENROOT_TEST_ROUNDS", 2000);
	for (unsigned i = 0; i < rounds; i++)
		one_round(seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_images),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
