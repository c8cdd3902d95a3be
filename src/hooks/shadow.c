/*
 * 10-shadow: the user exists inside
 *
 * passwd and group begin with root, nobody and the user as the host knows him; the image's other entries follow.
 * His home is made from the image's skeleton where it is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "config/user.h"
#include "hooks/builtin.h"
#include "hooks/place.h"
#include "hooks/skeleton.h"
#include "rootfs/resolve.h"
#include "sandbox/defs.h"
#include "sandbox/passwd.h"
#include "sandbox/rootfile.h"

#define DEFAULT_UMASK 077

struct account {
	const struct user *user; /* as the host knows the caller */
	const char *group;       /* the name of his group */
	unsigned overflow_uid, overflow_gid;
	const char *shell; /* for root and him; borrowed */
	struct defs defs;  /* the image's */
};

static void account_cleanup(struct account *a)
{
	defs_cleanup(&a->defs);
}

static unsigned read_number(const char *path, unsigned fallback)
{
	char text[16];
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned value;
	if (n <= 0)
		return fallback;
	text[n] = '\0';
	return sscanf(text, "%u", &value) == 1 ? value : fallback;
}

static bool is_executable(int root, const char *path)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int fd = *path == '/' ? resolve_open(root, path, O_PATH, &ignored) : -1;
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

/* A value goes into a line of fields: what would end either is left out. */
static bool is_field(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == ':' || (unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	}
	return true;
}

/*
 * What ids without a mapping are called. In a namespace of one id, whatever belongs to somebody else shows them: one
 * look at "/" instead of two at /proc/sys.
 */
static void find_overflow_ids(struct account *a, const struct hooks_context *ctx)
{
	struct stat st;
	bool has_namespace = !settings_is_true(ctx->settings, SETTING_ALLOW_SUPERUSER);
	if (has_namespace && stat("/", &st) == 0 && st.st_uid != ctx->ids->inner_uid &&
		st.st_gid != ctx->ids->inner_gid) {
		a->overflow_uid = st.st_uid;
		a->overflow_gid = st.st_gid;
		return;
	}
	a->overflow_uid = read_number("/proc/sys/kernel/overflowuid", 65534);
	a->overflow_gid = read_number("/proc/sys/kernel/overflowgid", 65534);
}

static void account_load(struct account *a, const struct hooks_context *ctx)
{
	static const char *const files[] = { "/etc/login.defs", "/etc/default/useradd" };
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = rootfile_read_optional(ctx->root, files[i]);
		if (text != NULL)
			defs_parse(&a->defs, text);
	}
	find_overflow_ids(a, ctx);

	const char *fallback = a->defs.values[DEF_SHELL];
	if (is_executable(ctx->root, a->user->shell))
		a->shell = a->user->shell;
	else
		a->shell = fallback != NULL && is_field(fallback) && is_executable(ctx->root, fallback)
				   ? fallback
				   : "/bin/sh";
}

/* Append the image's own entries but those whose names are taken; ours stand in front of them. */
static void append_others(struct buffer *out, const char *image, const char *const taken[], unsigned count)
{
	size_t len;
	for (const char *line; (line = passwd_next_line(&image, &len)) != NULL;) {
		const char *colon = memchr(line, ':', len);
		size_t name_len = colon != NULL ? (size_t)(colon - line) : len;
		bool skip = len == 0 || memchr(line, '\0', len) != NULL;
		for (unsigned i = 0; i < count && !skip; i++)
			skip = strlen(taken[i]) == name_len && memcmp(taken[i], line, name_len) == 0;
		if (skip)
			continue;
		buffer_append(out, line, len);
		buffer_putc(out, '\n');
	}
}

/* NOW is what the file reads as; NULL: it is missing, or none. */
static int place_unless_same(struct hooks_context *ctx, const char *path, const char *now,
	const struct buffer *text, struct error *err)
{
	if (now != NULL && str_eq(now, text->data))
		return 0;
	return place_changed_file(ctx, path, text->data, text->len, 0644, err);
}

static int write_passwd(struct hooks_context *ctx, const struct account *a, struct error *err)
{
	const char *const taken[] = { "root", "nobody", a->user->name, "_apt" };
	_cleanup_free_ char *image = rootfile_read_optional(ctx->root, "/etc/passwd");
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	buffer_printf(&out, "root:x:0:0:root:/root:%s\n", a->shell);
	buffer_printf(&out, "nobody:x:%u:%u:nobody:/:/sbin/nologin\n", a->overflow_uid, a->overflow_gid);
	if (!str_eq(a->user->name, "root") && !str_eq(a->user->name, "nobody"))
		buffer_printf(&out, "%s:x:%u:%u:%s:%s:%s\n", a->user->name, ctx->ids->outer_uid,
			ctx->ids->outer_gid, a->user->gecos, a->user->home, a->shell);
	append_others(&out, image != NULL ? image : "", taken, ARRAY_SIZE(taken));
	return place_unless_same(ctx, "/etc/passwd", image, &out, err);
}

static int write_group(struct hooks_context *ctx, const struct account *a, struct error *err)
{
	const char *const taken[] = { "root", "nogroup", a->group, "_apt" };
	_cleanup_free_ char *image = rootfile_read_optional(ctx->root, "/etc/group");
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	buffer_puts(&out, "root:x:0:\n");
	buffer_printf(&out, "nogroup:x:%u:\n", a->overflow_gid);
	if (!str_eq(a->group, "root") && !str_eq(a->group, "nogroup"))
		buffer_printf(&out, "%s:x:%u:\n", a->group, ctx->ids->outer_gid);
	append_others(&out, image != NULL ? image : "", taken, ARRAY_SIZE(taken));
	return place_unless_same(ctx, "/etc/group", image, &out, err);
}

/* useradd(8): the home by UMASK from SKEL, and an empty mailbox where the image wants one. */
static int make_home(struct hooks_context *ctx, const struct account *a, struct error *err)
{
	const char *home = ids_are_root(ctx->ids) ? "/root" : a->user->home;
	const char *skel = a->defs.values[DEF_SKEL];
	long mask;
	if (!defs_is_true(&a->defs, DEF_CREATE_HOME, true))
		return 0;
	if (!defs_number(&a->defs, DEF_UMASK, &mask) || mask < 0 || mask > 0777)
		mask = DEFAULT_UMASK;
	mode_t mode = 0777 & ~(mode_t)mask;
	return skeleton_make_home(ctx->root, home, skel != NULL ? skel : "/etc/skel", mode | 0700, err);
}

static int make_mailbox(struct hooks_context *ctx, const struct account *a, struct error *err)
{
	const char *dir = a->defs.values[DEF_MAIL_DIR];
	if (!ctx->writable || !defs_is_true(&a->defs, DEF_CREATE_MAIL_SPOOL, false))
		return 0;
	_cleanup_free_ char *path = xasprintf("%s/%s", dir != NULL ? dir : "/var/mail", a->user->name);
	_cleanup_close_ int fd = resolve_create_file(ctx->root, path, 0660, err);
	if (fd >= 0 || err->code == EEXIST) {
		error_clear(err);
		return 0;
	}
	return -1;
}

int hook_shadow(struct hooks_context *ctx, struct error *err)
{
	struct account a __attribute__((cleanup(account_cleanup))) = {
		.user = &ctx->caller->user,
		.group = ctx->caller->group,
	};
	account_load(&a, ctx);
	if (write_passwd(ctx, &a, err) < 0 || write_group(ctx, &a, err) < 0 || make_home(ctx, &a, err) < 0)
		return -1;
	return make_mailbox(ctx, &a, err);
}
