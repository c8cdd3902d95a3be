#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define REDRAW_MS 100
#define BAR_CELLS 24
#define NEVER     (-1)

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const char *label, uint64_t total)
{
	*p = (struct progress){ .label = label, .total = total, .started_ms = now_ms() };
	if (!log_is_terminal() || log_is_quiet())
		p->drawn_ms = NEVER;
}

static unsigned terminal_width(void)
{
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void draw(const struct progress *p, uint64_t done, int64_t now)
{
	char bar[BAR_CELLS + 1] = "";
	unsigned percent = 0;
	if (p->total != 0) {
		percent = (unsigned)(MIN(done, p->total) * 100.0 / (double)p->total);
		unsigned cells = percent * BAR_CELLS / 100;
		memset(bar, '=', cells);
		memset(bar + cells, ' ', BAR_CELLS - cells);
	}
	int64_t elapsed = now - p->started_ms;
	uint64_t rate = elapsed > 0 ? done * 1000 / (uint64_t)elapsed : 0;
	_cleanup_free_ char *line = NULL;
	if (p->total != 0)
		line = xasprintf("%s [%s] %3u%%  %s of %s  %s/s", p->label, bar, percent, str_bytes(done),
			str_bytes(p->total), str_bytes(rate));
	else
		line = xasprintf("%s  %s  %s/s", p->label, str_bytes(done), str_bytes(rate));
	_cleanup_free_ char *text = xasprintf("\r%.*s\033[K", (int)terminal_width() - 1, line);
	(void)fd_write_full(STDERR_FILENO, text, strlen(text));
}

void progress_add(struct progress *p, uint64_t bytes)
{
	uint64_t done = atomic_fetch_add(&p->done, bytes) + bytes;
	int64_t last = atomic_load(&p->drawn_ms);
	if (last == NEVER || p->label == NULL)
		return;
	int64_t now = now_ms();
	/* Whoever moves the time of the last drawing on, draws. */
	if (now - last >= REDRAW_MS && atomic_compare_exchange_strong(&p->drawn_ms, &last, now))
		draw(p, done, now);
}

void progress_end(struct progress *p)
{
	if (p->label != NULL && atomic_load(&p->drawn_ms) > 0)
		(void)fd_write_full(STDERR_FILENO, "\r\033[K", 4);
	*p = (struct progress){ 0 };
}
