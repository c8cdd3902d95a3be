#include "sandbox/fuse/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "server-filter.h" /* server_filter, generated */

/* The server takes 10 to 30 MiB; threads' stacks and the image's tables of a hostile size are in this, too. */
#define ADDRESS_SPACE_BYTES (512ul << 20)
#define HEAP_BYTES          (16ul << 20)
#define HUGE_PAGE           (2ul << 20)

static bool is_kept(unsigned fd, const int *kept, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (kept[i] >= 0 && (unsigned)kept[i] == fd)
			return true;
	}
	return false;
}

/* Before Linux 5.9 there is no close_range(2). */
static void close_from_to(unsigned first, unsigned last)
{
	if (close_range(first, last, 0) == 0)
		return;
	struct rlimit limit;
	unsigned end = last;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < end)
		end = (unsigned)limit.rlim_cur;
	for (unsigned fd = first; fd <= end; fd++)
		close((int)fd);
}

static void close_others(const int *kept, unsigned count)
{
	unsigned highest = 0;
	for (unsigned i = 0; i < count; i++)
		highest = kept[i] > (int)highest ? (unsigned)kept[i] : highest;
	for (unsigned first = 0; first <= highest; first++) {
		unsigned last = first;
		if (is_kept(first, kept, count))
			continue;
		while (!is_kept(last + 1, kept, count))
			last++;
		close_from_to(first, last);
		first = last;
	}
	close_from_to(highest + 1, ~0u);
}

void confine_detach(const int *kept, unsigned count)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "enroot-server");
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (chdir("/") < 0) {
		/* then the caller's directory stays busy: no more than that */
	}
	close_others(kept, count);
}

/*
 * One heap, since each further arena would reserve 128 MiB of the address space. In huge pages where the kernel has
 * them: page by page it takes longer to touch the cache for the first time than to decode what goes there. But from the
 * first border of such a page on: to clear one takes 200 us, for which the start would wait.
 */
static void prepare_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that it takes */
	mallopt(M_TRIM_THRESHOLD, ADDRESS_SPACE_BYTES);
	mallopt(M_TOP_PAD, HEAP_BYTES);
	/* volatile: a compiler may leave out what is allocated for nothing. */
	void *volatile extend = malloc(HEAP_BYTES / 2);
	uintptr_t top = (uintptr_t)extend;
	free(extend);
	uintptr_t begin = (top + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	uintptr_t end = (uintptr_t)sbrk(0) / HUGE_PAGE * HUGE_PAGE;
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

static int limit_memory(struct error *err)
{
	const struct rlimit limit = { ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES };
	if (setrlimit(RLIMIT_AS, &limit) < 0 && errno != EPERM)
		return error_errno(err, "failed to limit the image server's memory");
	return 0;
}

static int install_filter(struct error *err)
{
	const struct sock_fprog program = {
		.len = ARRAY_SIZE(server_filter),
		.filter = (struct sock_filter *)server_filter,
	};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return error_errno(err, "failed to install the image server's seccomp filter");
	return 0;
}

int confine(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
		return error_errno(err, "failed to drop the image server's privileges");
	if (IS_SANITIZED)
		return 0;
	prepare_heap();
	if (limit_memory(err) < 0)
		return -1;
	return install_filter(err);
}
