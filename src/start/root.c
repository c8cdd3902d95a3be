/* The stages that make the root filesystem: a bind of a directory or an image, and an overlay where one is due. */
#include <errno.h>
#include <unistd.h>

#include "sandbox/cover.h"
#include "sandbox/mount.h"
#include "sandbox/root.h"
#include "start/state.h"

static int mount_image(struct start *s, struct error *err)
{
	const struct image_overlay overlay = {
		.scratch = scratch_open(&s->scratch, err),
		.scratch_path = scratch_path(&s->scratch),
		.native = start_is_on(s, SETTING_NATIVE_OVERLAYFS),
		.shell = s->caller.user.shell,
		.size = settings_get(s->settings, SETTING_OVERLAY_SIZE),
	};
	if (overlay.scratch < 0)
		return -1;
	s->has_overlay = true;
	return image_root_mount(&s->image, &overlay, &s->rootfs, err);
}

static int prepare(struct start *s, struct error *err)
{
	if (s->req->prepare == NULL)
		return 0;
	int scratch = scratch_open(&s->scratch, err);
	return scratch < 0 ? -1 : s->req->prepare(s->req->prepare_arg, scratch, err);
}

int start_mount_root(struct start *s, struct error *err)
{
	if (prepare(s, err) < 0)
		return -1;
	s->root = s->req->image >= 0 ? mount_image(s, err) : root_bind(s->req->rootfs, &s->rootfs, err);
	return s->root < 0 ? -1 : 0;
}

/* Will this start want to write into the root filesystem? */
static bool adds_to_root(struct start *s)
{
	const struct hooks_context hooks = start_hooks_context(s);
	if (start_is_on(s, SETTING_ROOTFS_WRITABLE) || s->req->conf != NULL || s->req->mounts->count > 0 ||
		!root_is_marked(s->root) || hooks_have_files(&hooks) || hooks_add_files(&hooks))
		return true;
	for (size_t i = 0; i < s->fstab.count; i++) {
		if (mount_entry_creates(s->root, &s->fstab.entries[i]))
			return true;
	}
	return false;
}

/* What the caller cannot write is shared: nothing that happens here may reach it. */
int start_cover_root(struct start *s, struct error *err)
{
	if (!root_is_writable(s->root) && adds_to_root(s)) {
		int scratch = scratch_open(&s->scratch, err);
		int overlay = scratch < 0 ? -1 : cover_mount(s->root, s->rootfs, scratch, err);
		if (overlay < 0)
			return -1;
		close(s->root);
		s->root = overlay;
		s->has_overlay = true;
	}
	return root_mark(s->root, err);
}
