#include "../unit.h"

#include <string.h>
#include <sys/mount.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "sandbox/fstab.h"

static char *host[] = { "PWD=/work/dir", "BLANK=/a b", "LINE=/x\n/etc /m", "ESCAPED=/p\\040q", NULL };

/* What an entry means, in one line: "SOURCE TARGET TYPE FLAGS… [data=…] [pass=N]". */
static char *describe(const struct fstab_entry *e)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} flags[] = {
		{ MS_REMOUNT, "remount" },
		{ MS_BIND, "bind" },
		{ MS_REC, "rec" },
		{ MS_RDONLY, "ro" },
		{ MS_NOSUID, "nosuid" },
		{ MS_NODEV, "nodev" },
		{ MS_NOEXEC, "noexec" },
		{ MS_NOATIME, "noatime" },
	};
	static const struct {
		unsigned long kind;
		const char *name;
	} kinds[] = {
		{ MS_SHARED, "shared" },
		{ MS_SLAVE, "slave" },
		{ MS_PRIVATE, "private" },
		{ MS_UNBINDABLE, "unbindable" },
	};
	static const char *const creates[] = { "", " create=auto", " create=dir", " create=file" };
	struct buffer b = BUFFER_INIT;
	buffer_printf(&b, "%s%s %s %s", e->source_in_root ? "root:" : "", e->source, e->target, e->type);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if ((e->flags & flags[i].flag) != 0)
			buffer_printf(&b, " %s", flags[i].name);
		if ((e->cleared & flags[i].flag) != 0)
			buffer_printf(&b, " !%s", flags[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if ((e->propagation & kinds[i].kind) != 0)
			buffer_printf(
				&b, " %s%s", (e->recursive & kinds[i].kind) != 0 ? "r" : "", kinds[i].name);
	}
	buffer_puts(&b, creates[e->create]);
	buffer_puts(&b, (e->actions & FSTAB_MOVE) != 0 ? " move" : "");
	buffer_puts(&b, (e->actions & FSTAB_DETACH) != 0 ? " detach" : "");
	buffer_puts(&b, (e->actions & FSTAB_NOFAIL) != 0 ? " nofail" : "");
	buffer_puts(&b, (e->actions & FSTAB_SILENT) != 0 ? " silent" : "");
	if (e->data != NULL)
		buffer_printf(&b, " data=%s", e->data);
	if (e->pass != 0)
		buffer_printf(&b, " pass=%d", e->pass);
	return buffer_steal(&b);
}

static void check(const struct fstab *t, const char *line, const char *want)
{
	if (want == NULL) {
		assert_int_equal(t->count, 0);
		return;
	}
	assert_int_equal(t->count, 1);
	_cleanup_free_ char *got = describe(&t->entries[0]);
	if (!str_eq(got, want))
		fail_msg("%s gave %s instead of %s", line, got, want);
}

static const struct {
	const char *line, *want; /* NULL: no entry */
} lines[] = {
	/* the guesses */
	{ "/src", "/src /src none bind rec create=auto" },
	{ "/src bind", "/src /src none bind" },
	{ "/src ro,bind", "/src /src none bind ro" },
	{ "/src /dst", "/src /dst none bind rec create=auto" },
	{ "/src mnt", "/src mnt none bind rec create=auto" },
	{ "tmpfs /dst", "tmpfs /dst tmpfs" },
	{ "tmpfs /a mode=711", "tmpfs /a mode=711" }, /* a type, as users found out */
	{ "tmpfs /a mode=711,size=4k", "tmpfs /a tmpfs data=mode=711,size=4k" },
	{ "/src /dst bind", "/src /dst none bind" },
	{ "/src /dst rbind,ro", "/src /dst none bind rec ro" },
	{ "/etc /m ro", "/etc /m none ro" }, /* explicit options: no implied rbind */
	{ "/src /dst none", "/src /dst none bind rec create=auto" },
	{ "none /dst devpts", "none /dst devpts" },
	{ "/src /dst none bind", "/src /dst none bind" },
	{ "umount /root x-detach", "umount /root none detach" },
	{ "/a /b x-move", "/a /b none move" },
	{ "none /x none rslave", "none /x none rslave" },
	{ "none /x rslave", "none /x none rslave" },
	{ "none /x none unbindable,slave,shared,private", "none /x none shared slave private unbindable" },
	/* passes */
	{ "/a /b none bind 0 -1", "/a /b none bind pass=-1" },
	{ "/a /b none bind -1", "/a /b none bind pass=-1" },
	{ "/a /b none bind 0 0", "/a /b none bind" },
	{ "UUID=x / ext4 defaults 0 1", "UUID=x / ext4 pass=1" },
	{ "/a /b none bind 7 0 rest is ignored", "/a /b none bind" },
	/* options */
	{ "/a /b none x-create=auto,rbind,x-create=file,bind,ro,nosuid,nodev,private",
		"/a /b none bind rec ro nosuid nodev private create=file" },
	{ "/a /b none x-create=file,x-create=dir,bind", "/a /b none bind create=file" },
	{ "/a /b none bind,ro,rw", "/a /b none bind !ro" },
	{ "/a /b none bind,rw,ro", "/a /b none bind ro" },
	{ "/a /b none bind,noexec,exec,nodev", "/a /b none bind nodev !noexec" },
	{ "/a /b none bind,nofail,silent", "/a /b none bind nofail silent" },
	{ "/a /b none bind,silent,loud", "/a /b none bind" },
	{ "/a /b none defaults,noauto,user,owner,_netdev,x-systemd.automount,bind", "/a /b none bind" },
	{ "/a /b none remount,bind,ro", "/a /b none remount bind ro" },
	{ "x /b overlay lowerdir=/a:/b,,userxattr", "x /b overlay data=lowerdir=/a:/b,userxattr" },
	/* escapes and variables */
	{ "/a\\040b /c\\011d\\134 none bind", "/a b /c\td\\ none bind" },
	{ "/a\\\\b /c none bind", "/a\\b /c none bind" },
	{ "/a\\000b /c\\9 none bind", "/a\\000b /c\\9 none bind" },
	{ "${PWD} /mnt none x-create=dir,bind", "/work/dir /mnt none bind create=dir" },
	{ "${BLANK} /mnt none bind", "/a b /mnt none bind" },
	{ "${ESCAPED} /mnt none bind", "/p q /mnt none bind" },
	{ "${LINE} /mnt none bind", "/x\n/etc /m /mnt none bind" }, /* one field, whatever is in it */
	{ "${UNSET} /a /b none bind", "/a /b none bind" },
	{ "\\044{PWD} /a none bind", "${PWD} /a none bind" },
	{ "$PWD /a none bind", "$PWD /a none bind" },
	{ "${ENROOT_ROOTFS}/data /data none x-create=dir,bind,rw,nosuid,nodev",
		"root:/data /data none bind !ro nosuid nodev create=dir" },
	{ "${ENROOT_ROOTFS} /data none bind", "root:/ /data none bind" },
	{ "x${ENROOT_ROOTFS}/a /data none bind", "x/a /data none bind" },
	/* nothing there */
	{ "", NULL },
	{ "   \t", NULL },
	{ "# /a /b", NULL },
	{ "  # /a /b", NULL },
	{ "${UNSET}", NULL },
};

static void lines_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_fstab_ struct fstab t = FSTAB_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		if (fstab_parse(&t, lines[i].line, strlen(lines[i].line), "f", host, &err) < 0)
			fail_msg("%s: %s", lines[i].line, err.message);
		check(&t, lines[i].line, lines[i].want);
	}
}

static void without_an_environment_nothing_is_expanded(void **state)
{
	(void)state;
	_cleanup_fstab_ struct fstab t = FSTAB_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *line = "${PWD} ${ENROOT_ROOTFS} none bind";
	assert_int_equal(fstab_parse(&t, line, strlen(line), "f", NULL, &err), 0);
	check(&t, line, "${PWD} ${ENROOT_ROOTFS} none bind");
}

static void places_are_numbered(void **state)
{
	(void)state;
	_cleanup_fstab_ struct fstab t = FSTAB_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *text = "# comment\n\n/a /b\n/c /d"; /* the last line without a newline counts */
	assert_int_equal(fstab_parse(&t, text, strlen(text), "/etc/fstab", host, &err), 0);
	assert_int_equal(t.count, 2);
	assert_string_equal(t.entries[0].where, "/etc/fstab:3");
	assert_string_equal(t.entries[1].where, "/etc/fstab:4");
}

static void long_lines_are_whole(void **state)
{
	(void)state;
	_cleanup_fstab_ struct fstab t = FSTAB_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct buffer b = BUFFER_INIT;
	buffer_puts(&b, "/a /b none bind,x=");
	for (int i = 0; i < 10000; i++)
		buffer_putc(&b, 'y');
	buffer_puts(&b, ",ro\n/c /d\n");
	assert_int_equal(fstab_parse(&t, b.data, b.len, "f", host, &err), 0);
	buffer_cleanup(&b);
	assert_int_equal(t.count, 2);
	assert_true((t.entries[0].flags & MS_RDONLY) != 0);
}

static void bad_lines_are_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "/a /b none bind 0 x", 19 },
		{ "/a /b none bind 0 --1", 21 },
		{ "/a /b none bind x", 17 },
		{ "/a /b\0 none bind", 16 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_fstab_ struct fstab t = FSTAB_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		assert_int_equal(fstab_parse(&t, rows[i].text, rows[i].len, "file", host, &err), -1);
		assert_true(str_starts_with(err.message, "file:1: "));
		assert_true(str_ends_with(err.message, ": Invalid argument"));
	}
}

static void options_of_the_command_line(void **state)
{
	(void)state;
	static const struct {
		const char *option, *want; /* NULL: refused */
	} rows[] = {
		{ ".:mnt", ". mnt none bind rec create=auto" },
		{ "/a:/b:none:ro,bind", "/a /b none bind ro" },
		{ "/a", "/a /a none bind rec create=auto" },
		{ "SRC:DST::ro", "SRC DST none ro" },
		{ "tmpfs:/x:tmpfs:size=1M,mode=755", "tmpfs /x tmpfs data=size=1M,mode=755" },
		{ "/a\\040b:/c\\072d", "/a b /c:d none bind rec create=auto" },
		{ "${PWD}:/c", "${PWD} /c none bind rec create=auto" },
		{ "/a b:/c", NULL },
		{ "/a\t:/c", NULL },
		{ "/a\n/etc:/c", NULL },
		{ "::", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_fstab_ struct fstab t = FSTAB_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		int r = fstab_add_option(&t, rows[i].option, &err);
		assert_int_equal(r, rows[i].want != NULL ? 0 : -1);
		check(&t, rows[i].option, rows[i].want);
		if (r < 0)
			assert_true(str_starts_with(err.message, "Invalid argument: "));
	}
}

static void entries_of_hooks(void **state)
{
	(void)state;
	_cleanup_fstab_ struct fstab t = FSTAB_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(fstab_add(&t, "10-home.sh", "/home/a b", "/root", "none", "bind,nosuid", &err), 0);
	check(&t, "hook", "/home/a b /root none bind nosuid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_understood),
		cmocka_unit_test(without_an_environment_nothing_is_expanded),
		cmocka_unit_test(places_are_numbered),
		cmocka_unit_test(long_lines_are_whole),
		cmocka_unit_test(bad_lines_are_errors),
		cmocka_unit_test(options_of_the_command_line),
		cmocka_unit_test(entries_of_hooks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
