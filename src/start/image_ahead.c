/* What the first exec will want, into the page cache: the image's top directory, the shell, its loader and libc. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "rootfs/resolve.h"
#include "start/image_private.h"

#define SHELL      "/bin/sh"
#define LIBC       "libc.so.6"
#define FILE_BYTES (4u << 20) /* of one file */
#define HEAD_BYTES 4096       /* of a program: its headers, and in practice the name of its loader */

/* One request of READDIRPLUS in place of one for each name at the top that the start will touch. */
static void look_at_top(int lower)
{
	char entries[8192];
	_cleanup_close_ int dir = openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && getdents64(dir, entries, sizeof(entries)) < 0)
		return; /* whoever needs it will meet the failure again */
}

/* Have a file read; does not wait. Returns a descriptor that the caller owns, or -1. */
static int read_ahead(int lower, const char *path)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct stat st;
	_cleanup_close_ int fd = resolve_open(lower, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &err);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	(void)readahead(fd, 0, (size_t)MIN((uint64_t)st.st_size, (uint64_t)FILE_BYTES));
	return steal_fd(&fd);
}

int ahead_begin(int lower)
{
	look_at_top(lower);
	return read_ahead(lower, SHELL);
}

/* PT_INTERP of a program of this machine's kind, from its first LEN bytes. PATH holds PATH_MAX bytes. */
static bool find_loader(const uint8_t *head, size_t len, char *path)
{
	Elf64_Ehdr elf;
	if (len < sizeof(elf))
		return false;
	memcpy(&elf, head, sizeof(elf));
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
		elf.e_phoff > len)
		return false;
	for (size_t i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr p;
		if ((i + 1) * sizeof(p) > len - elf.e_phoff)
			return false;
		memcpy(&p, head + elf.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_offset > len || p.p_filesz > len - p.p_offset || p.p_filesz == 0 ||
			p.p_filesz >= PATH_MAX)
			return false;
		memcpy(path, head + p.p_offset, p.p_filesz);
		path[p.p_filesz] = '\0';
		return true;
	}
	return false;
}

void ahead_finish(int lower, int shell)
{
	uint8_t head[HEAD_BYTES];
	char path[PATH_MAX + sizeof(LIBC)];
	ssize_t len = pread(shell, head, sizeof(head), 0);
	close(shell);
	if (len < 0 || !find_loader(head, (size_t)len, path))
		return;
	int loader = read_ahead(lower, path);
	if (loader < 0)
		return;
	close(loader);
	/* glibc's loader has libc beside it, or its link has; musl's is the libc. */
	static const char *const places[] = { "/lib/x86_64-linux-gnu/", "/lib/aarch64-linux-gnu/", "/lib64/",
		"/usr/lib/" };
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		strcpy(path, places[i]);
		strcat(path, LIBC);
		int libc = read_ahead(lower, path);
		if (libc < 0)
			continue;
		close(libc);
		break;
	}
}
