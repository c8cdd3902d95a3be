#include "start/image.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "rootfs/resolve.h"
#include "start/image_private.h"

int image_root_begin(struct image_root *r, const struct image_request *req, struct error *err)
{
	if (req->keep != NULL) {
		r->kept = kept_open(req->keep, req->fd, req->offset, err);
		if (r->kept < 0)
			return -1;
		r->kept_path = req->keep;
	}
	const struct image_source source = {
		.fd = req->fd,
		.offset = req->offset,
		.name = req->name,
		.lock = r->kept,
	};
	return image_server_begin(&r->server, &source, err);
}

void image_root_cleanup(struct image_root *r)
{
	image_server_abort(&r->server);
	if (r->kept >= 0)
		close(r->kept);
	r->kept = -1;
}

/* The server makes what is looked up now ready to be run. What is not there is nobody's failure yet. */
static void announce(int lower, const char *shell)
{
	const char *const shells[] = { shell != NULL ? shell : "/bin/sh", "/bin/sh" };
	int fd = -1;
	for (unsigned i = 0; fd < 0 && i < ARRAY_SIZE(shells); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		fd = resolve_open(lower, shells[i], O_PATH, &err);
	}
	if (fd >= 0)
		close(fd);
}

int image_root_mount(
	struct image_root *r, const struct image_overlay *overlay, char **path, struct error *err)
{
	struct assembly a = {
		.overlay = overlay, .top = -1, .lower = -1, .kept = r->kept, .kept_path = r->kept_path
	};
	int root = -1;

	a.top = assembly_make(overlay->scratch, "image", err);
	_cleanup_close_ int place = a.top >= 0 ? assembly_make(a.top, LOWER, err) : -1;
	if (place >= 0 && image_server_mount(&r->server, place, err) == 0) {
		a.lower = openat(a.top, LOWER, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (a.lower >= 0)
			announce(a.lower, overlay->shell);
		root = a.lower >= 0 ? assembly_mount(&a, path, err)
				    : error_errno(err, "cannot open the image");
	}
	cleanup_close(&a.lower);
	cleanup_close(&a.top);
	return root;
}
