#include "sandbox/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "build-config.h"
#include "filter-code.h" /* filter_code, generated */

#if ENROOT_HARDENED
#define FILTER_FLAGS 0
#else
/* Without it the kernel turns speculation off for every filtered process, which costs HPC codes dearly. */
#define FILTER_FLAGS SECCOMP_FILTER_FLAG_SPEC_ALLOW
#endif

int filter_install(struct error *err)
{
	const struct sock_fprog program = {
		.len = ARRAY_SIZE(filter_code),
		.filter = (struct sock_filter *)filter_code, /* the kernel only reads it */
	};
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FILTER_FLAGS, &program);
	if (r < 0 && errno == EINVAL) /* SPEC_ALLOW came with Linux 4.17 */
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	if (r < 0)
		return error_errno(err, "failed to install the seccomp filter");
	return 0;
}
