/*
 * sandbox/gen-filter.c - writes our seccomp filters as C source, at build time
 *
 *	gen-filter container|server OUTPUT
 *
 * Building a filter with libseccomp takes 125 us, loading a ready one 43: so the program that starts containers
 * carries the bytes, for each architecture that libseccomp and we know.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fuse.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SUCCEED  SCMP_ACT_ERRNO(0)

/* One argument decides. */
struct rule {
	const char *name;
	struct scmp_arg_cmp condition;
};

/*
 * The container's: a user namespace maps one id, so every change of owner or identity would fail with EINVAL and
 * package managers with it. These calls succeed without effect instead. Calls of another ABI (32-bit programs) pass
 * untouched.
 */
static const char *const ids[] = { "chown", "lchown", "fchown", "fchownat", "setuid", "setgid", "setreuid",
	"setregid", "setresuid", "setresgid", "setgroups" };

/* setfsuid(-1) is the only way to ask for the current value: it must answer truly, whether the caller extended
 * the argument with zeros or with its sign. Hence "below", not "unequal". */
static const struct rule ids_unless_query[] = {
	{ "setfsuid", { 0, SCMP_CMP_LT, UINT32_MAX, 0 } },
	{ "setfsgid", { 0, SCMP_CMP_LT, UINT32_MAX, 0 } },
};

/*
 * The image server's: memory without PROT_EXEC, threads, reading the image, the requests and the answers. Anything
 * else fails with EPERM; clone3(2) with ENOSYS, so that the C library falls back to clone(2), whose flags can be seen.
 */
static const char *const serving[] = { "read", "write", "writev", "pread64", "preadv", "close", "lseek",
	"fstat", "fadvise64", "splice", "pipe2", "readahead", "futex", "poll", "ppoll", "recvmsg", "recvfrom",
	"sendto", "sendmsg", "brk", "munmap", "mremap", "madvise", "set_robust_list", "rseq",
	"rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "clock_gettime", "getrandom",
	"gettid", "getpid", "restart_syscall", "exit", "exit_group",
	/* where send(3) is a call of its own */
	"recv", "send" };

/* As pthread_create(3) of glibc and musl call it. */
#define GLIBC_THREAD                                                                                       \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | \
		CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define MUSL_THREAD (GLIBC_THREAD | 0x400000 /* CLONE_DETACHED */)

static const struct rule serving_if[] = {
	{ "mmap", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ "mprotect", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ "clone", { 0, SCMP_CMP_EQ, GLIBC_THREAD, 0 } }, { "clone", { 0, SCMP_CMP_EQ, MUSL_THREAD, 0 } },
	{ "ioctl", { 1, SCMP_CMP_EQ, FUSE_DEV_IOC_CLONE, 0 } },
	{ "fcntl", { 1, SCMP_CMP_EQ, F_SETPIPE_SZ, 0 } },
	{ "newfstatat", { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } },
	{ "sched_setaffinity", { 0, SCMP_CMP_EQ, 0, 0 } },  /* its own */
	{ "sched_setscheduler", { 0, SCMP_CMP_EQ, 0, 0 } }, /* the same */
};

static const char *const missing[] = { "clone3" };

static const struct filter {
	const char *name, *array;
	uint32_t otherwise, other_abi;

	uint32_t action; /* for these: */
	const char *const *calls;
	unsigned call_count, hot_count; /* the first ones are looked for first */
	const struct rule *rules;
	unsigned rule_count;

	const char *const *unknown; /* ENOSYS */
	unsigned unknown_count;
} filters[] = {
	{ "container", "filter_code", SCMP_ACT_ALLOW, SCMP_ACT_ALLOW, SUCCEED, ids, COUNT(ids), 0,
		ids_unless_query, COUNT(ids_unless_query), NULL, 0 },
	{ "server", "server_filter", SCMP_ACT_ERRNO(EPERM), SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, serving,
		COUNT(serving), 4, serving_if, COUNT(serving_if), missing, COUNT(missing) },
};

static const struct {
	const char *macro;
	uint32_t token;
} architectures[] = {
	{ "defined(__x86_64__) && defined(__LP64__)", SCMP_ARCH_X86_64 },
	{ "defined(__aarch64__)", SCMP_ARCH_AARCH64 },
	{ "defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)", SCMP_ARCH_PPC64LE },
	{ "defined(__riscv) && __riscv_xlen == 64", SCMP_ARCH_RISCV64 },
};

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "gen-filter: %s failed\n", what);
	exit(1);
}

/* Calls that an architecture lacks are no rule there. */
static void add(scmp_filter_ctx ctx, uint32_t arch, uint32_t action, const char *name,
	const struct scmp_arg_cmp *condition)
{
	if (seccomp_syscall_resolve_name_arch(arch, name) < 0)
		return;
	int call = seccomp_syscall_resolve_name(name);
	check(seccomp_rule_add_array(ctx, action, call, condition != NULL ? 1 : 0, condition), name);
}

static scmp_filter_ctx build_filter(const struct filter *f, uint32_t arch)
{
	scmp_filter_ctx ctx = seccomp_init(f->otherwise);
	check(ctx != NULL ? 0 : -1, "seccomp_init");
	if (arch != seccomp_arch_native()) {
		check(seccomp_arch_add(ctx, arch), "seccomp_arch_add");
		check(seccomp_arch_remove(ctx, seccomp_arch_native()), "seccomp_arch_remove");
	}
	check(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, f->other_abi), "SCMP_FLTATR_ACT_BADARCH");
	for (unsigned i = 0; i < f->call_count; i++)
		add(ctx, arch, f->action, f->calls[i], NULL);
	for (unsigned i = 0; i < f->hot_count; i++)
		(void)seccomp_syscall_priority(ctx, seccomp_syscall_resolve_name(f->calls[i]), 255);
	for (unsigned i = 0; i < f->rule_count; i++)
		add(ctx, arch, f->action, f->rules[i].name, &f->rules[i].condition);
	for (unsigned i = 0; i < f->unknown_count; i++)
		add(ctx, arch, SCMP_ACT_ERRNO(ENOSYS), f->unknown[i], NULL);
	return ctx;
}

static void print_filter(scmp_filter_ctx ctx, const char *array, FILE *out)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	check(fd, "memfd_create");
	check(seccomp_export_bpf(ctx, fd), "seccomp_export_bpf");
	check((int)lseek(fd, 0, SEEK_SET), "lseek");
	fprintf(out, "static const struct sock_filter %s[] = {\n", array);
	struct sock_filter insn;
	while (read(fd, &insn, sizeof(insn)) == (ssize_t)sizeof(insn))
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", insn.code, insn.jt, insn.jf, insn.k);
	fputs("};\n", out);
	close(fd);
}

static void print_source(const struct filter *f, FILE *out)
{
	fputs("/* Generated by gen-filter.c. */\n#include <linux/filter.h>\n\n", out);
	for (unsigned i = 0; i < COUNT(architectures); i++) {
		fprintf(out, "#%s %s\n", i == 0 ? "if" : "elif", architectures[i].macro);
		scmp_filter_ctx ctx = build_filter(f, architectures[i].token);
		print_filter(ctx, f->array, out);
		seccomp_release(ctx);
	}
	fputs("#else\n#error \"no seccomp filter for this architecture: add it to gen-filter.c\"\n#endif\n",
		out);
}

static const struct filter *find_filter(const char *name)
{
	for (unsigned i = 0; i < COUNT(filters); i++) {
		if (strcmp(filters[i].name, name) == 0)
			return &filters[i];
	}
	return NULL;
}

int main(int argc, char *argv[])
{
	const struct filter *f = argc == 3 ? find_filter(argv[1]) : NULL;
	FILE *out = f != NULL ? fopen(argv[2], "we") : NULL;
	if (out == NULL) {
		fprintf(stderr, "usage: gen-filter container|server OUTPUT\n");
		return 1;
	}
	print_source(f, out);
	return fclose(out) == 0 ? 0 : 1;
}
