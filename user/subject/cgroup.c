/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/cgroup.h"
#include <errno.h>
#include <string.h>

/* A piece of text; not NUL-terminated. */
struct slice {
	const char *s;
	size_t len;
};

/*
 * How a container's directory is called around its id. Prefix and suffix alone do not make a
 * container: what is between them must be hex digits, which is why crio-conmon-<id> and libpod-
 * conmon-<id>, the engines' own helper processes, are none.
 */
static const struct pattern {
	const char *prefix;
	const char *suffix;
} patterns[] = {
	{ "docker-", ".scope" },
	{ "cri-containerd-", ".scope" },
	{ "crio-", ".scope" },
	{ "crio-", "" },
	{ "libpod-", ".scope" },
	{ "libpod-", "" },
	{ "libpod-payload-", "" }, /* podman --cgroups=split */
	{ "nerdctl-", ".scope" },
	{ "", "" }, /* cgroupfs driver: docker/<id>, pod<uid>/<id>, default/<id> */
	{ "", ".scope" },
	/* slice:prefix:id: an engine set up for systemd on a runtime that is not, one directory */
	{ "cri-containerd:", "" },
	{ "crio:", "" },
	{ "docker:", "" },
	{ "libpod:", "" },
	{ "nerdctl:", "" },
};

/* Lower case only, as the engines write them; isxdigit() takes capitals too. */
static int is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static int all_hex(struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (!is_hex(text.s[i]))
			return 0;
	}
	return 1;
}

static int strip_suffix(struct slice *text, const char *suffix)
{
	size_t len = strlen(suffix);

	if (text->len < len || memcmp(text->s + text->len - len, suffix, len) != 0)
		return 0;
	text->len -= len;
	return 1;
}

static int strip_prefix(struct slice *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text->len < len || memcmp(text->s, prefix, len) != 0)
		return 0;
	text->s += len;
	text->len -= len;
	return 1;
}

/* Cuts `text` before the first `c`; what follows it goes to *rest. */
static int cut_at(struct slice *text, char c, struct slice *rest)
{
	const char *at = text->len ? memchr(text->s, c, text->len) : NULL;

	if (!at)
		return 0;
	rest->s = at + 1;
	rest->len = text->len - (size_t)(at - text->s) - 1;
	text->len = (size_t)(at - text->s);
	return 1;
}

/*
 * Engines' ids are 64 digits long. A shorter name of hex digits is an id only where an engine's own directory says so:
 * other programs name cgroups by hex digits, too.
 */
static int is_engine_directory(struct slice name)
{
	static const char *const engines[] = { "docker", "kubepods", "k8s.io", "containerd",
					       "podman" };
	size_t i;

	for (i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (name.len == strlen(engines[i]) && !memcmp(name.s, engines[i], name.len))
			return 1;
	return name.len > 3 && !memcmp(name.s, "pod", 3);
}

/* `parent` is the directory that `name` lies in. */
static int find_container(struct slice name, struct slice parent, struct cgroup_identity *id)
{
	struct slice slice = name, rest;
	size_t i;

	if (cut_at(&slice, ':', &rest))
		name = rest;
	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct slice text = name;

		if (!strip_prefix(&text, patterns[i].prefix) ||
		    !strip_suffix(&text, patterns[i].suffix))
			continue;
		if (text.len < CGROUP_CONTAINER_MIN || text.len > CGROUP_CONTAINER_MAX ||
		    !all_hex(text))
			continue;
		if (!patterns[i].prefix[0] && text.len < CGROUP_CONTAINER_MAX &&
		    !is_engine_directory(parent))
			continue;
		memcpy(id->container, text.s, text.len);
		id->container[text.len] = '\0';
		return 1;
	}
	return 0;
}

/*
 * 8-4-4-4-12 hex digits; systemd's slices have '_' where the UID has '-', which there parts parent
 * and child.
 */
static int is_uuid(struct slice text)
{
	size_t i;

	if (text.len != CGROUP_POD_UID_LEN)
		return 0;
	for (i = 0; i < text.len; i++) {
		int separator = i == 8 || i == 13 || i == 18 || i == 23;

		if (separator ? text.s[i] != '-' && text.s[i] != '_' : !is_hex(text.s[i]))
			return 0;
	}
	return 1;
}

/*
 * pod<uid>, kubepods-pod<uid>.slice, kubepods-burstable-pod<uid>.slice, kubelet-kubepods-…; perhaps
 * with ":…"
 */
static void find_pod(struct slice name, struct cgroup_identity *id)
{
	struct slice rest;
	size_t i;

	cut_at(&name, ':', &rest);
	strip_suffix(&name, ".slice");
	while (!strip_prefix(&name, "pod")) {
		do {
			if (!name.len)
				return;
			name.s++;
			name.len--;
		} while (name.s[-1] != '-');
	}
	if (!is_uuid(name) && (name.len != 32 || !all_hex(name)))
		return;
	for (i = 0; i < name.len; i++)
		id->pod_uid[i] = name.s[i] == '_' ? '-' : name.s[i];
	id->pod_uid[name.len] = '\0';
}

/* Takes the next name on the way up; first the container, from there on the pod. */
static void look_at(struct slice name, struct slice parent, struct cgroup_identity *id)
{
	if (!id->container[0] && !find_container(name, parent, id))
		return;
	if (!id->pod_uid[0])
		find_pod(name, id);
}

int cgroup_container_from_names(const char names[][TM_CGROUP_NAME], size_t n,
				struct cgroup_identity *out)
{
	struct cgroup_identity id = { 0 };
	size_t i;

	*out = id;
	for (i = 0; i < n; i++) {
		struct slice name = { names[i], strnlen(names[i], TM_CGROUP_NAME) };
		struct slice parent = { "", 0 };

		/* an id that has lost its end would look like a shorter id */
		if (name.len >= TM_CGROUP_NAME - 1 && !id.container[0])
			return -ENAMETOOLONG;
		if (i + 1 < n)
			parent = (struct slice){ names[i + 1],
						 strnlen(names[i + 1], TM_CGROUP_NAME) };
		look_at(name, parent, &id);
	}
	if (!id.container[0])
		return -ENOENT;
	*out = id;
	return 0;
}

/* The last directory name of a path; cuts it and its slash off. */
static struct slice cut_last(struct slice *path)
{
	struct slice name = *path;

	while (path->len && path->s[path->len - 1] != '/')
		path->len--;
	name.s += path->len;
	name.len -= path->len;
	if (path->len)
		path->len--;
	return name;
}

/* From the leaf up through the path's directories. */
static int from_path(struct slice path, struct cgroup_identity *out)
{
	struct cgroup_identity id = { 0 };

	strip_suffix(&path, CGROUP_DELETED);
	while (path.len) {
		struct slice name = cut_last(&path), above = path;

		look_at(name, cut_last(&above), &id);
	}
	if (!id.container[0])
		return -ENOENT;
	*out = id;
	return 0;
}

static int has_controller(struct slice controllers, const char *wanted)
{
	struct slice rest = controllers;

	while (rest.len) {
		struct slice one = rest;

		if (!cut_at(&one, ',', &rest))
			rest.len = 0;
		if (one.len == strlen(wanted) && !memcmp(one.s, wanted, one.len))
			return 1;
	}
	return 0;
}

/* Hierarchies by how much they are to be believed; lower is better. */
enum hierarchy {
	HIERARCHY_V2,
	HIERARCHY_MEMORY,
	HIERARCHY_OTHER,
	HIERARCHY_NONE,
};

/* One line is "number:controllers:path" (cgroups(7)); v2 has the number 0 and no controllers. 0 if it is none. */
static int split_line(struct slice line, struct slice *controllers, struct slice *path)
{
	return cut_at(&line, ':', controllers) && cut_at(controllers, ':', path) && path->len &&
	       path->s[0] == '/';
}

static enum hierarchy hierarchy_of(struct slice line, struct slice *path)
{
	struct slice controllers;

	if (!split_line(line, &controllers, path))
		return HIERARCHY_NONE;
	if (!controllers.len)
		return HIERARCHY_V2;
	return has_controller(controllers, "memory") ? HIERARCHY_MEMORY : HIERARCHY_OTHER;
}

int cgroup_container_from_text(const char *proc_cgroup, struct cgroup_identity *out)
{
	struct slice line, rest = { proc_cgroup, strlen(proc_cgroup) }, path;
	enum hierarchy best = HIERARCHY_NONE;

	*out = (struct cgroup_identity){ 0 };
	while (rest.len) {
		enum hierarchy this;

		line = rest;
		if (!cut_at(&line, '\n', &rest))
			rest.len = 0;
		this = hierarchy_of(line, &path);
		if (this < best && !from_path(path, out))
			best = this;
	}
	return best == HIERARCHY_NONE ? -ENOENT : 0;
}

static int is_named(struct slice directory, struct slice parent, const char *name)
{
	struct cgroup_identity id;

	if (directory.len == strlen(name) && !memcmp(directory.s, name, directory.len))
		return 1;
	return find_container(directory, parent, &id) && !strcmp(id.container, name);
}

/* Cuts the path off behind the innermost directory of that name. */
static int cut_behind(struct slice *path, const char *name)
{
	strip_suffix(path, " (deleted)");
	while (path->len) {
		struct slice whole = *path, directory = cut_last(path), above = *path;

		if (is_named(directory, cut_last(&above), name)) {
			*path = whole;
			return 1;
		}
	}
	return 0;
}

/* Is the line of /proc/PID/cgroup about the controller ("" = v2)? */
static int is_line_of(struct slice line, const char *controller, struct slice *path)
{
	struct slice controllers;

	if (!split_line(line, &controllers, path))
		return 0;
	return *controller ? has_controller(controllers, controller) : !controllers.len;
}

int cgroup_container_path(const char *proc_cgroup, const char *controller, const char *name,
			  char *out, size_t size)
{
	struct slice line, rest = { proc_cgroup, strlen(proc_cgroup) }, path;

	while (*name && rest.len) {
		line = rest;
		if (!cut_at(&line, '\n', &rest))
			rest.len = 0;
		if (!is_line_of(line, controller, &path) || !cut_behind(&path, name))
			continue;
		if (path.len >= size)
			return -ENAMETOOLONG;
		memcpy(out, path.s, path.len);
		out[path.len] = '\0';
		return 0;
	}
	return -ENOENT;
}

int cgroup_each_line(const char *proc_cgroup, int (*fn)(void *arg, const struct cgroup_line *line),
		     void *arg)
{
	struct slice text, rest = { proc_cgroup, strlen(proc_cgroup) }, controllers, path;
	int err = 0;

	while (rest.len && !err) {
		struct cgroup_line line;

		text = rest;
		if (!cut_at(&text, '\n', &rest))
			rest.len = 0;
		if (!split_line(text, &controllers, &path))
			continue;
		line = (struct cgroup_line){
			.path = path.s,
			.path_len = path.len,
			.controllers = controllers.s,
			.controllers_len = controllers.len,
			.is_v2 = !controllers.len,
			.has_memory = has_controller(controllers, "memory"),
		};
		err = fn(arg, &line);
	}
	return err;
}

int cgroup_path_from_names(const char names[][TM_CGROUP_NAME], size_t n, char *path, size_t size)
{
	size_t depth = 0, at = 0, len;

	path[0] = 0;
	while (depth < n && names[depth][0])
		depth++;
	if (depth == n || size < 2)
		return -ENAMETOOLONG;
	path[0] = '/';
	path[1] = 0;
	while (depth--) {
		len = strnlen(names[depth], TM_CGROUP_NAME);
		if (len >= TM_CGROUP_NAME - 1 || at + 1 + len >= size) {
			path[0] = 0;
			return -ENAMETOOLONG;
		}
		path[at++] = '/';
		memcpy(path + at, names[depth], len);
		at += len;
		path[at] = 0;
	}
	return 0;
}
