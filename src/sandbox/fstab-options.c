#include "sandbox/fstab-options.h"

#include <string.h>
#include <sys/mount.h>

#include "base/buffer.h"
#include "base/memory.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum kind { KIND_FLAG, KIND_PROPAGATION, KIND_CREATE, KIND_ACTION, KIND_ACTION_OFF, KIND_IGNORED };

/* mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS", and our own. */
static const struct option {
	const char *name;
	unsigned long set;   /* MS_*, enum fstab_create or enum fstab_action */
	unsigned long clear; /* MS_* */
	enum kind kind;
} options[] = {
	{ "ro", MS_RDONLY, 0, KIND_FLAG },
	{ "rw", 0, MS_RDONLY, KIND_FLAG },
	{ "nosuid", MS_NOSUID, 0, KIND_FLAG },
	{ "suid", 0, MS_NOSUID, KIND_FLAG },
	{ "nodev", MS_NODEV, 0, KIND_FLAG },
	{ "dev", 0, MS_NODEV, KIND_FLAG },
	{ "noexec", MS_NOEXEC, 0, KIND_FLAG },
	{ "exec", 0, MS_NOEXEC, KIND_FLAG },
	{ "nosymfollow", MS_NOSYMFOLLOW, 0, KIND_FLAG },
	{ "symfollow", 0, MS_NOSYMFOLLOW, KIND_FLAG },
	{ "sync", MS_SYNCHRONOUS, 0, KIND_FLAG },
	{ "async", 0, MS_SYNCHRONOUS, KIND_FLAG },
	{ "dirsync", MS_DIRSYNC, 0, KIND_FLAG },
	{ "mand", MS_MANDLOCK, 0, KIND_FLAG },
	{ "nomand", 0, MS_MANDLOCK, KIND_FLAG },
	{ "noatime", MS_NOATIME, 0, KIND_FLAG },
	{ "atime", 0, MS_NOATIME, KIND_FLAG },
	{ "nodiratime", MS_NODIRATIME, 0, KIND_FLAG },
	{ "diratime", 0, MS_NODIRATIME, KIND_FLAG },
	{ "relatime", MS_RELATIME, 0, KIND_FLAG },
	{ "norelatime", 0, MS_RELATIME, KIND_FLAG },
	{ "strictatime", MS_STRICTATIME, 0, KIND_FLAG },
	{ "nostrictatime", 0, MS_STRICTATIME, KIND_FLAG },
	{ "lazytime", MS_LAZYTIME, 0, KIND_FLAG },
	{ "nolazytime", 0, MS_LAZYTIME, KIND_FLAG },
	{ "iversion", MS_I_VERSION, 0, KIND_FLAG },
	{ "noiversion", 0, MS_I_VERSION, KIND_FLAG },
	{ "remount", MS_REMOUNT, 0, KIND_FLAG },
	{ "bind", MS_BIND, 0, KIND_FLAG },
	{ "rbind", MS_BIND | MS_REC, 0, KIND_FLAG },

	{ "shared", MS_SHARED, 0, KIND_PROPAGATION },
	{ "slave", MS_SLAVE, 0, KIND_PROPAGATION },
	{ "private", MS_PRIVATE, 0, KIND_PROPAGATION },
	{ "unbindable", MS_UNBINDABLE, 0, KIND_PROPAGATION },
	{ "rshared", MS_SHARED | MS_REC, 0, KIND_PROPAGATION },
	{ "rslave", MS_SLAVE | MS_REC, 0, KIND_PROPAGATION },
	{ "rprivate", MS_PRIVATE | MS_REC, 0, KIND_PROPAGATION },
	{ "runbindable", MS_UNBINDABLE | MS_REC, 0, KIND_PROPAGATION },

	{ "x-create=auto", FSTAB_CREATE_AUTO, 0, KIND_CREATE },
	{ "x-create=dir", FSTAB_CREATE_DIR, 0, KIND_CREATE },
	{ "x-create=file", FSTAB_CREATE_FILE, 0, KIND_CREATE },
	{ "x-move", FSTAB_MOVE, 0, KIND_ACTION },
	{ "x-detach", FSTAB_DETACH, 0, KIND_ACTION },
	{ "nofail", FSTAB_NOFAIL, 0, KIND_ACTION },
	{ "silent", FSTAB_SILENT, 0, KIND_ACTION },
	{ "loud", FSTAB_SILENT, 0, KIND_ACTION_OFF },

	{ "defaults", 0, 0, KIND_IGNORED },
	{ "auto", 0, 0, KIND_IGNORED },
	{ "noauto", 0, 0, KIND_IGNORED },
	{ "user", 0, 0, KIND_IGNORED },
	{ "nouser", 0, 0, KIND_IGNORED },
	{ "users", 0, 0, KIND_IGNORED },
	{ "nousers", 0, 0, KIND_IGNORED },
	{ "owner", 0, 0, KIND_IGNORED },
	{ "noowner", 0, 0, KIND_IGNORED },
	{ "group", 0, 0, KIND_IGNORED },
	{ "nogroup", 0, 0, KIND_IGNORED },
	{ "_netdev", 0, 0, KIND_IGNORED },
};

/* Comments for other programs (x-systemd.automount, comment=…). */
static const char *const ignored_prefixes[] = { "x-", "X-", "comment=", "helper=", "uhelper=" };

static const struct option *find(const char *word, size_t len)
{
	static const struct option ignored = { "", 0, 0, KIND_IGNORED };
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strncmp(options[i].name, word, len) == 0 && options[i].name[len] == '\0')
			return &options[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored_prefixes); i++) {
		size_t n = strlen(ignored_prefixes[i]);
		if (len > n && memcmp(word, ignored_prefixes[i], n) == 0)
			return &ignored;
	}
	return NULL;
}

bool fstab_option_is_known(const char *word, size_t len)
{
	return find(word, len) != NULL;
}

static void apply(struct fstab_entry *e, const struct option *o)
{
	switch (o->kind) {
	case KIND_FLAG:
		e->flags = (e->flags & ~o->clear) | o->set;
		e->cleared = (e->cleared & ~o->set) | o->clear;
		break;
	case KIND_PROPAGATION:
		e->propagation |= o->set & ~MS_REC;
		if ((o->set & MS_REC) != 0)
			e->recursive |= o->set & ~MS_REC;
		break;
	case KIND_CREATE: /* file beats dir beats auto */
		e->create = MAX(e->create, (enum fstab_create)o->set);
		break;
	case KIND_ACTION:
		e->actions |= (unsigned)o->set;
		break;
	case KIND_ACTION_OFF:
		e->actions &= ~(unsigned)o->set;
		break;
	case KIND_IGNORED:
		break;
	}
}

void fstab_options_apply(struct fstab_entry *entry, const char *text)
{
	struct buffer data = BUFFER_INIT;
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const struct option *o = find(text, len);
		if (o != NULL) {
			apply(entry, o);
		} else if (len > 0) {
			if (data.len > 0)
				buffer_putc(&data, ',');
			buffer_append(&data, text, len);
		}
		text += len + (text[len] == ',');
	}
	if (data.len > 0)
		entry->data = buffer_steal(&data);
}
