#include "squashfs/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "squashfs/format.h"

/* What a word stands for before all of them are known. */
struct parse {
	struct sqfs_options *options;
	const char *compression; /* of -comp */
	uint64_t level;          /* of -Xcompression-level; 0: not given */
	bool high_compression;   /* -Xhc, for LZ4 */
};

typedef int (*word_fn)(struct parse *p, const char *word, const char *value, struct error *err);

static int bad_value(struct error *err, const char *word, const char *value, const char *wanted)
{
	error_set(err, EINVAL, "Invalid argument: squashfs option %s %s", word, value);
	return error_hint(err, "it takes %s", wanted);
}

static int set_compression(struct parse *p, const char *word, const char *value, struct error *err)
{
	int c = sqfs_compression_from_name(value);
	if (c < 0 || c == SQFS_LZMA)
		return bad_value(err, word, value, "one of gzip, lzo, lz4, xz, zstd, none");
	p->compression = value;
	return 0;
}

static int set_level(struct parse *p, const char *word, const char *value, struct error *err)
{
	if (!str_parse_u64(value, &p->level) || p->level == 0 || p->level > 22)
		return bad_value(err, word, value, "a level from 1 to 22 (gzip: 9)");
	return 0;
}

static int set_block_size(struct parse *p, const char *word, const char *value, struct error *err)
{
	uint64_t n;
	if (!str_parse_size(value, &n) || n < SQFS_BLOCK_SIZE_MIN || n > SQFS_BLOCK_SIZE_MAX ||
		(n & (n - 1)) != 0)
		return bad_value(err, word, value, "a power of two from 4K to 1M");
	p->options->block_size = (uint32_t)n;
	return 0;
}

static int parse_time(const char *word, const char *value, uint32_t *seconds, struct error *err)
{
	uint64_t n;
	if (!str_parse_u64(value, &n) || n > UINT32_MAX)
		return bad_value(err, word, value, "seconds since 1970, as date +%s prints them");
	*seconds = (uint32_t)n;
	return 0;
}

static int set_mkfs_time(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->has_mkfs_time = true;
	return parse_time(word, value, &p->options->mkfs_time, err);
}

static int set_all_time(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->has_all_time = true;
	return parse_time(word, value, &p->options->all_time, err);
}

static int set_processors(struct parse *p, const char *word, const char *value, struct error *err)
{
	uint64_t n;
	if (!str_parse_u64(value, &n) || n == 0 || n > 4096)
		return bad_value(err, word, value, "a number of threads from 1 on");
	p->options->processors = (unsigned)n;
	return 0;
}

static int set_plain_inodes(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->plain_inodes = true;
	return 0;
}

static int set_plain_data(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->plain_data = true;
	return 0;
}

static int set_plain_fragments(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->plain_fragments = true;
	return 0;
}

static int set_plain_xattrs(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->plain_xattrs = true;
	return 0;
}

static int set_no_duplicates(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->no_duplicates = true;
	return 0;
}

static int set_no_fragments(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->no_fragments = true;
	return 0;
}

static int set_no_xattrs(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->options->no_xattrs = true;
	return 0;
}

static int set_high_compression(struct parse *p, const char *word, const char *value, struct error *err)
{
	p->high_compression = true;
	return 0;
}

/* What is done anyway. */
static int accept(struct parse *p, const char *word, const char *value, struct error *err)
{
	return 0;
}

static int ignore(struct parse *p, const char *word, const char *value, struct error *err)
{
	log_warn("The squashfs option %s%s%s is ignored", word, *value != '\0' ? " " : "", value);
	return 0;
}

/* mksquashfs(1), with its longer spellings. */
static const struct {
	const char *word;
	bool has_value;
	word_fn set;
} words[] = {
	{ "-comp", true, set_compression },
	{ "-Xcompression-level", true, set_level },
	{ "-Xhc", false, set_high_compression },
	{ "-b", true, set_block_size },
	{ "-noI", false, set_plain_inodes },
	{ "-noInodeCompression", false, set_plain_inodes },
	{ "-noD", false, set_plain_data },
	{ "-noDataCompression", false, set_plain_data },
	{ "-noF", false, set_plain_fragments },
	{ "-noFragmentCompression", false, set_plain_fragments },
	{ "-noX", false, set_plain_xattrs },
	{ "-noXattrCompression", false, set_plain_xattrs },
	{ "-noId", false, accept }, /* one id does not shrink */
	{ "-noIdTableCompression", false, accept },
	{ "-no-duplicates", false, set_no_duplicates },
	{ "-no-fragments", false, set_no_fragments },
	{ "-no-xattrs", false, set_no_xattrs },
	{ "-xattrs", false, accept },
	{ "-all-time", true, set_all_time },
	{ "-mkfs-time", true, set_mkfs_time },
	{ "-fstime", true, set_mkfs_time },
	{ "-processors", true, set_processors },
	{ "-exit-on-error", false, accept },
	{ "-noappend", false, accept },
	{ "-all-root", false, accept },
	{ "-root-owned", false, accept },
	{ "-exports", false, accept },
	{ "-reproducible", false, accept },
	{ "-no-progress", false, accept },
	{ "-progress", false, accept },
	{ "-quiet", false, accept },
	/* Known, so that their values are not taken for words of their own. */
	{ "-mem", true, ignore },
	{ "-Xdict-size", true, ignore },
	{ "-Xbcj", true, ignore },
	{ "-Xalgorithm", true, ignore },
	{ "-Xwindow-size", true, ignore },
	{ "-Xstrategy", true, ignore },
	{ "-read-queue", true, ignore },
	{ "-write-queue", true, ignore },
	{ "-fragment-queue", true, ignore },
};

/* Takes one word, and its value if it has one. Returns how many, or -1. */
static int parse_word(struct parse *p, char *const *list, struct error *err)
{
	const char *word = list[0], *value = list[1] != NULL ? list[1] : "";
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_eq(word, words[i].word))
			continue;
		if (words[i].has_value && *value == '\0')
			return error_set(
				err, EINVAL, "Invalid argument: squashfs option %s needs a value", word);
		if (words[i].set(p, word, words[i].has_value ? value : "", err) < 0)
			return -1;
		return words[i].has_value ? 2 : 1;
	}
	log_warn("The squashfs option %s is not known and is ignored", word);
	return 1;
}

/* What depends on more than one word. */
static int resolve(struct parse *p, struct error *err)
{
	struct sqfs_options *o = p->options;
	if (p->compression != NULL) {
		o->compression = (enum sqfs_compression)sqfs_compression_from_name(p->compression);
		o->level = 0;
	}
	if (o->compression == SQFS_LZO) {
		log_info("Images are written with zstd instead of lzo");
		o->compression = SQFS_ZSTD;
		return 0; /* the level is lzo's */
	}
	if (p->high_compression && o->compression == SQFS_LZ4)
		o->level = 12; /* LZ4HC_CLEVEL_MAX, as mksquashfs */
	if (p->level == 0)
		return 0;
	if (o->compression != SQFS_ZSTD && o->compression != SQFS_GZIP) {
		log_warn("The squashfs option -Xcompression-level is ignored with %s",
			sqfs_compression_name(o->compression));
		return 0;
	}
	if (o->compression == SQFS_GZIP && p->level > 9)
		return error_set(err, EINVAL,
			"Invalid argument: squashfs option -Xcompression-level: gzip's end at 9");
	o->level = (int)p->level;
	return 0;
}

int sqfs_options_parse(const char *text, struct sqfs_options *options, struct error *err)
{
	_cleanup_strv_ struct strv list = STRV_INIT;
	_cleanup_free_ char *copy = xstrdup(text != NULL ? text : "");
	for (char *save = NULL, *word = strtok_r(copy, " \t\n", &save); word != NULL;
		word = strtok_r(NULL, " \t\n", &save))
		strv_push(&list, word);

	struct parse p = { .options = options };
	for (size_t i = 0; i < list.count;) {
		int n = parse_word(&p, list.items + i, err);
		if (n < 0)
			return -1;
		i += (size_t)n;
	}
	return resolve(&p, err);
}

/* The level that 0 stands for, spelled out so that an image says what it was made with. */
static int effective_level(const struct sqfs_options *o)
{
	static const int defaults[] = { [SQFS_GZIP] = 9, [SQFS_ZSTD] = 1 };
	if (o->level != 0)
		return o->level;
	return (size_t)o->compression < ARRAY_SIZE(defaults) ? defaults[o->compression] : 0;
}

char *sqfs_options_format(const struct sqfs_options *o)
{
	const struct {
		bool on;
		const char *word;
	} flags[] = {
		{ o->plain_inodes, "-noI" },
		{ o->plain_data, "-noD" },
		{ o->plain_fragments, "-noF" },
		{ o->plain_xattrs, "-noX" },
		{ o->no_duplicates, "-no-duplicates" },
		{ o->no_fragments, "-no-fragments" },
		{ o->no_xattrs, "-no-xattrs" },
	};
	struct buffer b = BUFFER_INIT;
	buffer_printf(&b, "-comp %s", sqfs_compression_name(o->compression));
	if (o->compression == SQFS_LZ4 && o->level != 0)
		buffer_puts(&b, " -Xhc");
	else if (effective_level(o) != 0)
		buffer_printf(&b, " -Xcompression-level %d", effective_level(o));
	buffer_printf(&b, " -b %u", o->block_size);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].on)
			buffer_printf(&b, " %s", flags[i].word);
	if (o->has_mkfs_time)
		buffer_printf(&b, " -mkfs-time %u", o->mkfs_time);
	if (o->has_all_time)
		buffer_printf(&b, " -all-time %u", o->all_time);
	return buffer_steal(&b);
}
