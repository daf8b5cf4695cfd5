/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answer.h"
#include <stdio.h>
#include <string.h>
#include "util/json.h"
#include "util/plausible.h"

static void copy_name(const json_t *from, char *to, size_t size)
{
	const char *text = json_string_value(from);

	/* jansson refuses strings with a NUL inside */
	if (text && plausible_name(text, size))
		snprintf(to, size, "%s", text);
}

/* The first of the names that is there. */
static void copy_first(const json_t *object, const char *const names[], char *to, size_t size)
{
	for (; *names && !to[0]; names++)
		copy_name(json_object_get(object, *names), to, size);
}

static const char *const pod_names[] = {
	"io.kubernetes.pod.name", /* kubelet's label of docker containers; CRI-O */
	"io.kubernetes.cri.sandbox-name", /* containerd */
	NULL,
};
static const char *const namespaces[] = {
	"io.kubernetes.pod.namespace",
	"io.kubernetes.cri.sandbox-namespace",
	NULL,
};
static const char *const container_names[] = {
	"io.kubernetes.container.name",
	"io.kubernetes.cri.container-name",
	"nerdctl/name",
	NULL,
};

static void take_pod(const json_t *labels, struct relay_answer *answer)
{
	copy_first(labels, pod_names, answer->pod, sizeof(answer->pod));
	copy_first(labels, namespaces, answer->namespace, sizeof(answer->namespace));
}

/* GET /containers/ID/json: {"Id": …, "Name": "/name", "Config": {"Labels": {…}}} */
static int take_inspected(const json_t *root, struct relay_answer *answer)
{
	const char *id = json_string_value(json_object_get(root, "Id"));
	const json_t *labels = json_object_get(json_object_get(root, "Config"), "Labels");
	const char *name = json_string_value(json_object_get(root, "Name"));

	/* the cgroup may have shown an abbreviated id */
	if (!id || strncmp(id, answer->container, strlen(answer->container)) != 0)
		return RELAY_BAD;
	if (name && *name == '/')
		name++;
	if (name && plausible_name(name, sizeof(answer->name)))
		snprintf(answer->name, sizeof(answer->name), "%s", name);
	copy_name(json_object_get(labels, "ai.backend.kernel-id"), answer->kernel_id,
		  sizeof(answer->kernel_id));
	take_pod(labels, answer);
	return RELAY_OK;
}

static int take_state_file(const json_t *root, struct relay_answer *answer)
{
	const json_t *annotations = json_object_get(root, "annotations");

	if (!json_is_object(root))
		return RELAY_BAD;
	copy_first(annotations, container_names, answer->name, sizeof(answer->name));
	take_pod(annotations, answer);
	return RELAY_OK;
}

/*
 * Cuts the head off an answer to an HTTP/1.0 request. Such an answer is never in chunks and ends with the connection.
 */
static int cut_head(const char **data, size_t *len)
{
	const char *body = memmem(*data, *len, "\r\n\r\n", 4);
	unsigned int minor, status;
	char line[32] = "";

	memcpy(line, *data, *len < sizeof(line) - 1 ? *len : sizeof(line) - 1);
	if (!body || sscanf(line, "HTTP/1.%1u %3u ", &minor, &status) != 2)
		return RELAY_BAD;
	if (status == 404)
		return RELAY_UNKNOWN;
	if (status != 200)
		return RELAY_BAD;
	body += 4;
	*len -= (size_t)(body - *data);
	*data = body;
	return RELAY_OK;
}

static int parse(const char *data, size_t len, struct relay_answer *answer)
{
	json_t *root;
	int status = answer->source == RELAY_ENGINE ? cut_head(&data, &len) : RELAY_OK;

	if (status)
		return status;
	root = json_read(data, len, JSON_REJECT_DUPLICATES, NULL);
	if (!root)
		return RELAY_BAD;
	if (answer->source == RELAY_ENGINE)
		status = take_inspected(root, answer);
	else
		status = take_state_file(root, answer);
	json_decref(root);
	return status;
}

void answer_parse(const char *data, size_t len, struct relay_answer *answer)
{
	answer->status = (uint32_t)(len > ANSWER_MAX ? RELAY_BAD : parse(data, len, answer));
}
