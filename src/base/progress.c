#include "base/progress.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

#define REDRAW_MS 100
#define BAR_CELLS 24
#define NEVER     (-1)

void progress_begin(struct progress *p, const char *label, uint64_t total)
{
	*p = (struct progress){ .label = label, .total = total, .started_ms = clock_ms() };
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

void progress_begin_entries(struct progress *p, const char *label, uint64_t total)
{
	progress_begin(p, label, total);
	p->has_entries = true;
}

/* " [=====     ]  50%", or nothing where the total is not known. */
static char *format_bar(uint64_t done, uint64_t total)
{
	char bar[BAR_CELLS + 1] = "";
	if (total == 0)
		return xstrdup("");
	unsigned percent = (unsigned)(MIN(done, total) * 100.0 / (double)total);
	unsigned cells = percent * BAR_CELLS / 100;
	memset(bar, '=', cells);
	memset(bar + cells, ' ', BAR_CELLS - cells);
	return xasprintf(" [%s] %3u%%", bar, percent);
}

static char *format_line(const struct progress *p, uint64_t done, int64_t now)
{
	uint64_t entries = p->entries;
	int64_t elapsed = now - p->started_ms;
	uint64_t rate = elapsed > 0 ? done * 1000 / (uint64_t)elapsed : 0;
	_cleanup_free_ char *bar = format_bar(p->has_entries ? entries : done, p->total);
	if (p->has_entries && p->total != 0)
		return xasprintf("%s%s  %" PRIu64 " of %" PRIu64 " files  %s  %s/s", p->label, bar, entries,
			MAX(p->total, entries), str_bytes(done), str_bytes(rate));
	if (p->has_entries)
		return xasprintf("%s  %" PRIu64 " files  %s  %s/s", p->label, entries, str_bytes(done),
			str_bytes(rate));
	if (p->total != 0)
		return xasprintf("%s%s  %s of %s  %s/s", p->label, bar, str_bytes(done), str_bytes(p->total),
			str_bytes(rate));
	return xasprintf("%s  %s  %s/s", p->label, str_bytes(done), str_bytes(rate));
}

static void draw(const struct progress *p, uint64_t done, int64_t now)
{
	_cleanup_free_ char *line = format_line(p, done, now);
	_cleanup_free_ char *text = xasprintf("\r%.*s\033[K", (int)terminal_width() - 1, line);
	(void)fd_write_full(STDERR_FILENO, text, strlen(text));
}

static void draw_sometimes(struct progress *p, uint64_t done)
{
	int64_t last = atomic_load(&p->drawn_ms);
	if (last == NEVER || p->label == NULL)
		return;
	int64_t now = clock_ms();
	/* Whoever moves the time of the last drawing on, draws. */
	if (now - last >= REDRAW_MS && atomic_compare_exchange_strong(&p->drawn_ms, &last, now))
		draw(p, done, now);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	if (p != NULL)
		draw_sometimes(p, atomic_fetch_add(&p->done, bytes) + bytes);
}

void progress_add_entry(struct progress *p)
{
	if (p == NULL)
		return;
	p->entries++;
	draw_sometimes(p, p->done);
}

void progress_end(struct progress *p)
{
	if (p->label != NULL && atomic_load(&p->drawn_ms) > 0)
		(void)fd_write_full(STDERR_FILENO, "\r\033[K", 4);
	*p = (struct progress){ 0 };
}
