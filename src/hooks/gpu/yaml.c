/*
 * YAML into the tree of document.h, event by event
 *
 * An anchor counts once its node is complete, so that no alias can make a cycle; each node carries the number of
 * nodes that it stands for.
 */
#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "base/memory.h"
#include "base/str.h"
#include "hooks/gpu/document.h"

#define MAX_ANCHORS 1024

/* What a node stands for: how many, and how deep, since what frees or prints a tree recurses. */
struct extent {
	size_t nodes;
	unsigned height;
};

struct anchor {
	char *name;
	json_t *node;
	struct extent extent;
};

/* A collection that is not complete yet. */
struct level {
	json_t *node;
	char *anchor, *key; /* owned; the key waits for its value */
	struct extent extent;
};

struct builder {
	struct level levels[DOCUMENT_MAX_DEPTH];
	unsigned depth;
	struct anchor *anchors;
	size_t count, capacity;
	json_t *result;
	const char *problem;
};

static void builder_cleanup(struct builder *b)
{
	while (b->depth > 0) {
		struct level *top = &b->levels[--b->depth];
		json_decref(top->node);
		free(top->anchor);
		free(top->key);
	}
	for (size_t i = 0; i < b->count; i++) {
		free(b->anchors[i].name);
		json_decref(b->anchors[i].node);
	}
	free(b->anchors);
	json_decref(b->result);
}

static void remember(struct builder *b, const char *name, json_t *node, struct extent extent)
{
	if (name == NULL)
		return;
	if (b->count == MAX_ANCHORS) {
		b->problem = "too many anchors";
		return;
	}
	grow_array(&b->anchors, &b->capacity, b->count + 1);
	b->anchors[b->count++] = (struct anchor){ xstrdup(name), json_incref(node), extent };
}

static const struct anchor *recall(const struct builder *b, const char *name)
{
	for (size_t i = b->count; i-- > 0;) { /* the last of a name counts */
		if (str_eq(b->anchors[i].name, name))
			return &b->anchors[i];
	}
	return NULL;
}

static void add_to_mapping(struct builder *b, struct level *top, json_t *node)
{
	if (top->key == NULL) {
		if (json_is_string(node))
			top->key = xstrdup(json_string_value(node));
		else
			b->problem = "a key that is no text";
	} else if (json_object_get(top->node, top->key) != NULL) {
		b->problem = "a key twice";
	} else {
		if (json_object_set(top->node, top->key, node) < 0)
			b->problem = "text that is not UTF-8";
		free(steal_pointer(&top->key));
	}
	json_decref(node);
}

/* Put a complete node where it belongs; takes it over. */
static void add(struct builder *b, json_t *node, struct extent extent)
{
	if (node == NULL) {
		b->problem = "text that is not UTF-8";
	} else if (b->depth == 0) {
		b->result = node;
	} else {
		struct level *top = &b->levels[b->depth - 1];
		top->extent.nodes += extent.nodes;
		top->extent.height = MAX(top->extent.height, extent.height + 1);
		if (top->extent.nodes > DOCUMENT_MAX_NODES)
			b->problem = "too many nodes";
		if (b->depth + extent.height > DOCUMENT_MAX_DEPTH)
			b->problem = "nested too deeply";
		if (json_is_array(top->node))
			json_array_append_new(top->node, node);
		else
			add_to_mapping(b, top, node);
	}
}

static void add_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	bool null = plain && (*text == '\0' || str_eq(text, "~") || str_eq(text, "null"));
	json_t *node = null ? json_null() : json_stringn(text, e->data.scalar.length);
	const struct extent extent = { .nodes = 1 };
	if (node != NULL)
		remember(b, (const char *)e->data.scalar.anchor, node, extent);
	add(b, node, extent);
}

static void add_alias(struct builder *b, const yaml_event_t *e)
{
	const struct anchor *a = recall(b, (const char *)e->data.alias.anchor);
	if (a == NULL)
		b->problem = "an alias for nothing that came before";
	else
		add(b, json_incref(a->node), a->extent);
}

static void begin(struct builder *b, json_t *node, const yaml_char_t *anchor)
{
	if (b->depth == DOCUMENT_MAX_DEPTH) {
		b->problem = "nested too deeply";
		json_decref(node);
		return;
	}
	b->levels[b->depth++] = (struct level){
		.node = node,
		.anchor = anchor != NULL ? xstrdup((const char *)anchor) : NULL,
		.extent = { .nodes = 1, .height = 1 },
	};
}

static void end(struct builder *b)
{
	struct level top = b->levels[--b->depth];
	remember(b, top.anchor, top.node, top.extent);
	free(top.anchor);
	free(top.key);
	add(b, top.node, top.extent);
}

/* true: the document is complete. */
static bool take(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		add_scalar(b, e);
		break;
	case YAML_ALIAS_EVENT:
		add_alias(b, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		begin(b, json_array(), e->data.sequence_start.anchor);
		break;
	case YAML_MAPPING_START_EVENT:
		begin(b, json_object(), e->data.mapping_start.anchor);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		end(b);
		break;
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return true;
	default:
		break;
	}
	return false;
}

static int parse(struct builder *b, yaml_parser_t *parser, struct error *err)
{
	for (bool done = false; !done;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return error_set(err, EINVAL, "line %zu: %s", parser->problem_mark.line + 1,
				parser->problem != NULL ? parser->problem : "not YAML");
		size_t line = event.start_mark.line + 1;
		done = take(b, &event);
		yaml_event_delete(&event);
		if (b->problem != NULL)
			return error_set(err, EINVAL, "line %zu: %s", line, b->problem);
	}
	return b->result != NULL ? 0 : error_set(err, EINVAL, "there is nothing in it");
}

json_t *document_parse_yaml(const char *text, size_t len, struct error *err)
{
	yaml_parser_t parser;
	struct builder b __attribute__((cleanup(builder_cleanup))) = { .depth = 0 };
	if (len > DOCUMENT_MAX_BYTES || !yaml_parser_initialize(&parser)) {
		error_set(err, E2BIG, "too large");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	int r = parse(&b, &parser, err);
	yaml_parser_delete(&parser);
	return r == 0 ? steal_pointer(&b.result) : NULL;
}
