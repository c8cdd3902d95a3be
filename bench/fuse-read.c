/* fuse-read FILE [THREADS]: read a file in pieces of 1 MiB, cut between THREADS threads. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE       (1 << 20)
#define MAX_THREADS 64

struct part {
	const char *path;
	off_t from, to;
	pthread_t thread;
};

static void *read_part(void *arg)
{
	struct part *p = arg;
	char *buffer = malloc(PIECE);
	int fd = open(p->path, O_RDONLY | O_CLOEXEC);
	for (off_t at = p->from; at < p->to;) {
		size_t want = p->to - at < PIECE ? (size_t)(p->to - at) : PIECE;
		ssize_t n = pread(fd, buffer, want, at);
		if (n <= 0) {
			perror(p->path);
			exit(1);
		}
		at += n;
	}
	close(fd);
	free(buffer);
	return NULL;
}

int main(int argc, char *argv[])
{
	struct part parts[MAX_THREADS];
	int count = argc > 2 ? atoi(argv[2]) : 1;
	struct stat st;
	if (argc < 2 || count < 1 || count > MAX_THREADS || stat(argv[1], &st) < 0) {
		fprintf(stderr, "usage: fuse-read FILE [THREADS]\n");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		parts[i] = (struct part){ .path = argv[1], .from = st.st_size / count * i };
		parts[i].to = i == count - 1 ? st.st_size : st.st_size / count * (i + 1);
		pthread_create(&parts[i].thread, NULL, read_part, &parts[i]);
	}
	for (int i = 0; i < count; i++)
		pthread_join(parts[i].thread, NULL);
	return 0;
}
