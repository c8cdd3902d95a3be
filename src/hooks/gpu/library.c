/* What a shared library says about itself: ELF headers and the dynamic section, elf(5). */
#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "hooks/gpu/ldcache.h"

#define MAX_SEGMENTS      256u
#define MAX_DYNAMIC_BYTES (64u << 10)
#define MAX_SONAME        256u
#define FLAG_LIBC6        3u

static const struct {
	uint16_t machine;
	uint8_t class;
	uint32_t flags; /* the cache's word for it */
} machines[] = {
	{ EM_X86_64, ELFCLASS64, 0x0300 },
	{ EM_X86_64, ELFCLASS32, 0x0800 },
	{ EM_386, ELFCLASS32, 0x0000 },
	{ EM_AARCH64, ELFCLASS64, 0x0a00 },
	{ EM_ARM, ELFCLASS32, 0x0900 },
	{ EM_PPC64, ELFCLASS64, 0x0500 },
	{ EM_S390, ELFCLASS64, 0x0400 },
	{ EM_RISCV, ELFCLASS64, 0x1000 },
};

uint32_t library_native_flags(void)
{
#if defined(__x86_64__)
	return 0x0300 | FLAG_LIBC6;
#elif defined(__aarch64__)
	return 0x0a00 | FLAG_LIBC6;
#elif defined(__powerpc64__)
	return 0x0500 | FLAG_LIBC6;
#elif defined(__riscv)
	return 0x1000 | FLAG_LIBC6;
#else
	return FLAG_LIBC6;
#endif
}

uint32_t library_compat32_flags(void)
{
#if defined(__x86_64__)
	return FLAG_LIBC6;
#elif defined(__aarch64__)
	return 0x0900 | FLAG_LIBC6;
#else
	return 0;
#endif
}

/* The parts of the headers that are wanted, of either class. */
struct image {
	int fd;
	bool is_64;
	uint16_t segments, segment_bytes;
	uint64_t segment_offset;
};

struct segment {
	uint32_t type;
	uint64_t offset, address, bytes;
};

static bool read_header(struct image *image, uint32_t *flags)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr h64;
		Elf32_Ehdr h32;
	} h;
	if (fd_pread_full(image->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
		memcmp(h.ident, ELFMAG, SELFMAG) != 0 || h.ident[EI_DATA] != ELFDATA2LSB)
		return false;
	image->is_64 = h.ident[EI_CLASS] == ELFCLASS64;
	image->segments = image->is_64 ? h.h64.e_phnum : h.h32.e_phnum;
	image->segment_bytes = image->is_64 ? h.h64.e_phentsize : h.h32.e_phentsize;
	image->segment_offset = image->is_64 ? h.h64.e_phoff : h.h32.e_phoff;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) { /* .e_machine is in the same place in both */
		if (h.h64.e_machine == machines[i].machine && h.ident[EI_CLASS] == machines[i].class) {
			*flags = machines[i].flags | FLAG_LIBC6;
			return h.h64.e_type == ET_DYN && image->segments <= MAX_SEGMENTS;
		}
	}
	return false;
}

static bool read_segment(const struct image *image, unsigned i, struct segment *s)
{
	union {
		Elf64_Phdr p64;
		Elf32_Phdr p32;
	} p;
	size_t size = image->is_64 ? sizeof(p.p64) : sizeof(p.p32);
	if (image->segment_bytes < size ||
		fd_pread_full(image->fd, &p, size,
			image->segment_offset + (uint64_t)i * image->segment_bytes) != (ssize_t)size)
		return false;
	*s = image->is_64 ? (struct segment){ p.p64.p_type, p.p64.p_offset, p.p64.p_vaddr, p.p64.p_filesz }
			  : (struct segment){ p.p32.p_type, p.p32.p_offset, p.p32.p_vaddr, p.p32.p_filesz };
	return true;
}

/* Where in the file an address is. */
static bool find_offset(const struct image *image, uint64_t address, uint64_t *offset)
{
	struct segment s;
	for (unsigned i = 0; i < image->segments; i++) {
		if (read_segment(image, i, &s) && s.type == PT_LOAD && address >= s.address &&
			address - s.address < s.bytes) {
			*offset = s.offset + (address - s.address);
			return true;
		}
	}
	return false;
}

static void scan_dynamic(
	const struct image *image, const char *data, size_t len, uint64_t *strings, uint64_t *soname)
{
	size_t size = image->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	for (size_t at = 0; at + size <= len; at += size) {
		Elf64_Dyn d;
		Elf32_Dyn d32;
		if (image->is_64) {
			memcpy(&d, data + at, sizeof(d));
		} else {
			memcpy(&d32, data + at, sizeof(d32));
			d.d_tag = d32.d_tag;
			d.d_un.d_val = d32.d_un.d_val;
		}
		if (d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_STRTAB)
			*strings = d.d_un.d_val;
		if (d.d_tag == DT_SONAME)
			*soname = d.d_un.d_val;
	}
}

static char *read_soname(const struct image *image, const struct segment *dynamic)
{
	char text[MAX_SONAME + 1];
	uint64_t strings = 0, soname = UINT64_MAX, offset;
	size_t len = MIN(dynamic->bytes, (uint64_t)MAX_DYNAMIC_BYTES);
	_cleanup_free_ char *data = xmalloc(len + 1);
	ssize_t n = fd_pread_full(image->fd, data, len, dynamic->offset);
	if (n < 0)
		return NULL;
	scan_dynamic(image, data, (size_t)n, &strings, &soname);
	if (soname > UINT32_MAX || !find_offset(image, strings + soname, &offset))
		return NULL;
	n = fd_pread_full(image->fd, text, MAX_SONAME, offset);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	size_t name = strlen(text);
	return name == 0 || name == (size_t)n || strchr(text, '/') != NULL ? NULL : xstrdup(text);
}

bool library_identify(int fd, char **soname, uint32_t *flags)
{
	struct image image = { .fd = fd };
	struct segment s;
	*soname = NULL;
	if (!read_header(&image, flags))
		return false;
	for (unsigned i = 0; i < image.segments; i++) {
		if (read_segment(&image, i, &s) && s.type == PT_DYNAMIC) {
			*soname = read_soname(&image, &s);
			return true;
		}
	}
	return false;
}
