#include "export/documents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "source/json.h"

static void dump(json_t *value, struct buffer *out)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		abort(); /* out of memory */
	buffer_puts(out, text);
	free(text);
	json_decref(value);
}

static void name_digest(const struct buffer *data, char digest[LAYER_DIGEST_SIZE])
{
	char hex[SHA256_HEX_SIZE];
	sha256_hex_of(data->data, data->len, hex);
	snprintf(digest, LAYER_DIGEST_SIZE, "sha256:%s", hex);
}

static void format_time(int64_t seconds, char text[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(text, "1970-01-01T00:00:00Z", 21);
}

/* ---- the configuration ---- */

static int put_words(json_t *object, const char *key, const struct strv *words, struct error *err)
{
	if (words->count == 0)
		return 0;
	json_t *array = json_array();
	json_object_set_new(object, key, array);
	for (size_t i = 0; i < words->count; i++) {
		json_t *word = json_string(words->items[i]);
		if (word == NULL)
			return error_set(
				err, EILSEQ, "the %s of the image is no UTF-8: %s", key, words->items[i]);
		json_array_append_new(array, word);
	}
	return 0;
}

static void put_env(json_t *object, const struct strv *env)
{
	json_t *array = json_array();
	for (size_t i = 0; i < env->count; i++) {
		json_t *entry = json_string(env->items[i]);
		if (entry == NULL)
			log_warn("Environment variable left out, since it is no UTF-8: %s", env->items[i]);
		else
			json_array_append_new(array, entry);
	}
	if (json_array_size(array) != 0)
		json_object_set_new(object, "Env", array);
	else
		json_decref(array);
}

static void put_labels(json_t *object, const struct image_config *config)
{
	json_t *labels = json_object();
	for (size_t i = 0; i < config->label_count; i++) {
		const struct source_label *l = &config->labels[i];
		json_t *value = json_string(l->value);
		if (value == NULL || json_object_set_new(labels, l->key, value) < 0)
			log_warn("Label left out, since it is no UTF-8: %s", l->key);
	}
	if (json_object_size(labels) != 0)
		json_object_set_new(object, "Labels", labels);
	else
		json_decref(labels);
}

static int put_volumes(json_t *object, const struct strv *volumes, struct error *err)
{
	if (volumes->count == 0)
		return 0;
	json_t *set = json_object();
	json_object_set_new(object, "Volumes", set);
	for (size_t i = 0; i < volumes->count; i++)
		if (json_object_set_new(set, volumes->items[i], json_object()) < 0)
			return error_set(
				err, EILSEQ, "a volume of the image is no UTF-8: %s", volumes->items[i]);
	return 0;
}

static int put_process(json_t *root, const struct image_config *config, struct error *err)
{
	json_t *process = json_object();
	json_object_set_new(root, "config", process);
	put_env(process, &config->env);
	put_labels(process, config);
	if (config->working_dir != NULL) {
		json_t *dir = json_string(config->working_dir);
		if (dir == NULL)
			return error_set(err, EILSEQ, "the working directory of the image is no UTF-8: %s",
				config->working_dir);
		json_object_set_new(process, "WorkingDir", dir);
	}
	if (put_words(process, "Entrypoint", &config->entrypoint, err) < 0 ||
		put_words(process, "Cmd", &config->cmd, err) < 0)
		return -1;
	return put_volumes(process, &config->volumes, err);
}

static int make_config(
	struct export_image *image, const struct image_config *config, int64_t created, struct error *err)
{
	char time[32];
	format_time(created, time);
	json_t *root = json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:{s:s, s:[s]}}", "architecture",
		image->architecture, "os", "linux", "created", time, "history", "created", time, "created_by",
		"enroot export", "rootfs", "type", "layers", "diff_ids", image->layer.diff_id);
	if (root == NULL)
		abort(); /* out of memory */
	if (put_process(root, config, err) < 0) {
		json_decref(root);
		return -1;
	}
	dump(root, &image->config);
	name_digest(&image->config, image->config_digest);
	return 0;
}

/* ---- the others ---- */

static json_t *descriptor(const char *type, const char *digest, uint64_t size)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size", (json_int_t)size);
}

int documents_make(
	struct export_image *image, const struct image_config *config, int64_t created, struct error *err)
{
	static const char *const layer_types[] = {
		[LAYER_PLAIN] = "application/vnd.oci.image.layer.v1.tar",
		[LAYER_GZIP] = "application/vnd.oci.image.layer.v1.tar+gzip",
		[LAYER_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd",
	};
	if (make_config(image, config, created, err) < 0)
		return -1;
	json_t *root = json_pack("{s:i, s:s, s:o, s:[o]}", "schemaVersion", 2, "mediaType",
		DOCUMENTS_MANIFEST_TYPE, "config",
		descriptor(DOCUMENTS_CONFIG_TYPE, image->config_digest, image->config.len), "layers",
		descriptor(layer_types[image->compression], image->layer.digest, image->layer.bytes));
	if (root == NULL)
		abort(); /* out of memory */
	dump(root, &image->manifest);
	name_digest(&image->manifest, image->manifest_digest);
	return 0;
}

void documents_index(const struct export_image *image, const char *tag, struct buffer *out)
{
	json_t *entry = descriptor(DOCUMENTS_MANIFEST_TYPE, image->manifest_digest, image->manifest.len);
	json_object_set_new(entry, "platform",
		json_pack("{s:s, s:s}", "architecture", image->architecture, "os", "linux"));
	if (tag != NULL)
		json_object_set_new(
			entry, "annotations", json_pack("{s:s}", "org.opencontainers.image.ref.name", tag));
	json_t *root = json_pack("{s:i, s:s, s:[o]}", "schemaVersion", 2, "mediaType",
		"application/vnd.oci.image.index.v1+json", "manifests", entry);
	if (root == NULL)
		abort(); /* out of memory */
	dump(root, out);
}

void documents_docker(const char *config, const char *layer, const char *tag, struct buffer *out)
{
	json_t *tags = tag != NULL ? json_pack("[s]", tag) : json_null();
	json_t *root = json_pack("[{s:s, s:o, s:[s]}]", "Config", config, "RepoTags", tags, "Layers", layer);
	if (root == NULL)
		abort(); /* out of memory */
	dump(root, out);
}
