/*
 * What comes with a listing. A full entry spares the request for a file's attributes, and costs the kernel an inode
 * and us the decoding of one: a fair deal for `ls -l` and tar, none for find and the shells' patterns, which look at
 * directories alone. Directories' entries are always full. Others are while the client looks such names up; as it cannot be
 * seen to use what it has been given, now and then a small directory is listed without, as a probe.
 */
#include "base/memory.h"
#include "sandbox/fuse/private.h"

#define PROBE_BYTES  512u /* of the listing: about twenty names */
#define PROBE_NAMES  2u   /* without attributes, at least, for a probe to tell something */
#define PROBE_AGE    2u   /* listings of others, after which nobody will ask about the names of a probe */
#define INTERVAL_MIN 4u /* full listings between two probes; twice as many after each that was asked about */
#define INTERVAL_MAX 64u

void interest_init(struct interest *i)
{
	*i = (struct interest){ .interval = INTERVAL_MIN, .since = INTERVAL_MIN };
}

static struct listed *find(struct interest *i, uint64_t node)
{
	for (unsigned k = 0; k < ARRAY_SIZE(i->listed); k++) {
		if (i->listed[k].node == node)
			return &i->listed[k];
	}
	return NULL;
}

static struct listed *record(struct interest *i, uint64_t node, bool bare)
{
	struct listed *l = find(i, node);
	if (l == NULL)
		l = &i->listed[i->next++ % ARRAY_SIZE(i->listed)];
	*l = (struct listed){ .node = node, .bare = bare };
	return l;
}

/* The probe is over once the client has gone on to other directories. */
static void age_probe(struct interest *i, uint64_t node)
{
	if (i->probe == 0 || i->probe == node || ++i->age < PROBE_AGE)
		return;
	i->probe = 0;
	i->bare = true;
}

bool interest_begin(struct fuse_server *s, uint64_t node, const struct sqfs_inode *dir)
{
	struct interest *i = &s->interest;
	pthread_mutex_lock(&s->lock);
	age_probe(i, node);
	bool bare = i->bare;
	if (!bare && i->probe == 0 && i->since >= i->interval && dir->size > 0 && dir->size <= PROBE_BYTES) {
		i->probe = node;
		i->age = 0;
		bare = true;
	}
	record(i, node, bare);
	pthread_mutex_unlock(&s->lock);
	return bare;
}

void interest_listed(struct fuse_server *s, uint64_t node, unsigned bare_names)
{
	struct interest *i = &s->interest;
	pthread_mutex_lock(&s->lock);
	if (i->probe == node && bare_names < PROBE_NAMES)
		i->probe = 0; /* nothing in there to ask about: the next one, then */
	else if (i->probe == node)
		i->since = 0;
	else
		i->since++;
	pthread_mutex_unlock(&s->lock);
}

bool interest_goes_on(struct fuse_server *s, uint64_t node)
{
	pthread_mutex_lock(&s->lock);
	const struct listed *l = find(&s->interest, node);
	bool bare = l != NULL ? l->bare && s->interest.bare : s->interest.bare;
	pthread_mutex_unlock(&s->lock);
	return bare;
}

void interest_asked(struct fuse_server *s, uint64_t parent)
{
	struct interest *i = &s->interest;
	pthread_mutex_lock(&s->lock);
	const struct listed *l = find(i, parent);
	if (l != NULL && l->bare) {
		if (i->probe == parent)
			i->interval = MIN(2 * i->interval, INTERVAL_MAX);
		else if (i->bare)
			i->interval = INTERVAL_MIN;
		i->bare = false;
		if (i->probe == parent || i->probe == 0)
			i->since = 0;
		i->probe = 0;
	}
	pthread_mutex_unlock(&s->lock);
}
