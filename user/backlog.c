/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct end {
	uint32_t live; /* streams */
	uint64_t retired; /* messages of streams that have ended */
	uint64_t messages; /* of live ones, while a snapshot is made */
	char *endpoint, *socket_type; /* of the first stream; NULL = none yet */
};

struct flow {
	char key[ENDPOINT_KEY_SIZE + 2]; /* first, and its first byte says which direction */
	struct end sender, receiver;
	uint64_t in_flight; /* see backlog__count() */
	int64_t aside;
	uint32_t waiting; /* receivers that find nothing */
	uint32_t unseen; /* receives that may not have been seen */
	struct series_labels labels; /* the receiver's; strings are owned */
	struct series *series; /* once both ends were seen */
};

struct backlog {
	struct series_table *series;
	void *flows; /* by key */
	struct snapshot_builder *builder; /* while a snapshot is made */
	int err;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct flow *)a)->key, ((const struct flow *)b)->key);
}

int backlog__new(struct series_table *series, struct backlog **out)
{
	struct backlog *backlog = calloc(1, sizeof(*backlog));

	if (!backlog)
		return -ENOMEM;
	backlog->series = series;
	*out = backlog;
	return 0;
}

static void flow_free(void *arg)
{
	struct flow *flow = arg;

	free(flow->sender.endpoint);
	free(flow->sender.socket_type);
	free(flow->receiver.endpoint);
	free(flow->receiver.socket_type);
	free((char *)flow->labels.kernel_id);
	free((char *)flow->labels.container);
	free((char *)flow->labels.pod);
	free((char *)flow->labels.namespace);
	free((char *)flow->labels.comm);
	free((char *)flow->labels.system);
	free(flow);
}

void backlog__free(struct backlog *backlog)
{
	if (!backlog)
		return;
	tdestroy(backlog->flows, flow_free);
	free(backlog);
}

/* To the server, to the client, or between equals; 0 if it cannot be told. */
static char direction_mark(enum endpoint_side side, enum series_direction direction)
{
	if (direction == DIRECTION_NONE || side == SIDE_NONE)
		return 0;
	if (side == SIDE_EQUAL)
		return '=';
	return (side == SIDE_CLIENT) == (direction == DIRECTION_SEND) ? '>' : '<';
}

static int find_or_add(struct backlog *backlog, const struct flow *wanted, struct flow **out)
{
	void **found = tfind(wanted, &backlog->flows, compare);
	struct flow *flow;

	if (found) {
		*out = *found;
		return 0;
	}
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return -ENOMEM;
	memcpy(flow->key, wanted->key, sizeof(flow->key));
	if (!tsearch(flow, &backlog->flows, compare)) {
		free(flow);
		return -ENOMEM;
	}
	*out = flow;
	return 0;
}

static int know_end(struct end *end, const struct series_labels *labels)
{
	if (!end->endpoint)
		end->endpoint = strdup(labels->endpoint);
	if (!end->socket_type)
		end->socket_type = strdup(labels->socket_type);
	return end->endpoint && end->socket_type ? 0 : -ENOMEM;
}

static int know_subject(struct flow *flow, const struct series_labels *labels)
{
	struct series_labels *own = &flow->labels;

	if (own->kernel_id)
		return 0;
	own->internal = labels->internal;
	own->container = strdup(labels->container);
	own->pod = strdup(labels->pod);
	own->namespace = strdup(labels->namespace);
	own->comm = strdup(labels->comm);
	own->system = strdup(labels->system);
	own->kernel_id = strdup(labels->kernel_id);
	return own->kernel_id && own->container && own->pod && own->namespace && own->comm &&
			       own->system ?
		       0 :
		       -ENOMEM;
}

/* Both ends are known: from now on there is something to show. */
static int flow_show(struct backlog *backlog, struct flow *flow)
{
	const struct endpoint_end receiver = { flow->receiver.endpoint,
					       flow->receiver.socket_type };
	const struct endpoint_end sender = { flow->sender.endpoint, flow->sender.socket_type };
	struct series_labels labels = flow->labels;

	labels.kind = SERIES_BACKLOG;
	labels.endpoint = endpoint_bound(&receiver, &sender);
	labels.socket_type = "";
	labels.side = "";
	labels.operation = "";
	return series_table__open(backlog->series, &labels, &flow->series);
}

/* Nobody uses it: what it was shows 0 until it expires. */
static void flow_end(struct backlog *backlog, struct flow *flow, uint64_t now_ns)
{
	struct counters none = { 0 };

	if (flow->series && series_table__retire(backlog->series, flow->series, &none, now_ns))
		return; /* no memory: it stays */
	tdelete(flow, &backlog->flows, compare);
	flow_free(flow);
}

static int flow_join(struct backlog *backlog, struct flow *flow, const struct series_labels *labels)
{
	int receives = labels->direction == DIRECTION_RECEIVE;
	int err = know_end(receives ? &flow->receiver : &flow->sender, labels);

	if (!err && receives)
		err = know_subject(flow, labels);
	if (!err && !flow->series && flow->sender.endpoint && flow->receiver.endpoint)
		err = flow_show(backlog, flow);
	return err;
}

int backlog__open(struct backlog *backlog, const struct series_labels *labels,
		  const struct endpoint_scope *scope, struct flow **out)
{
	struct flow wanted = { 0 }, *flow;
	char key[ENDPOINT_KEY_SIZE];
	int err;

	*out = NULL;
	wanted.key[0] = direction_mark(endpoint_side(labels->socket_type), labels->direction);
	if (!wanted.key[0] || endpoint_key(labels->endpoint, scope, key))
		return 0;
	snprintf(wanted.key + 1, sizeof(wanted.key) - 1, "%s", key);
	err = find_or_add(backlog, &wanted, &flow);
	if (err)
		return err;
	err = flow_join(backlog, flow, labels);
	if (err) {
		if (!flow->sender.live && !flow->receiver.live)
			flow_end(backlog, flow, 0);
		return err;
	}
	if (labels->direction == DIRECTION_RECEIVE) {
		flow->receiver.live++;
		flow->unseen++;
	} else {
		flow->sender.live++;
	}
	*out = flow;
	return 0;
}

void backlog__close(struct backlog *backlog, struct flow *flow, enum series_direction direction,
		    uint64_t messages, uint64_t now_ns)
{
	struct end *end;

	if (!flow)
		return;
	end = direction == DIRECTION_RECEIVE ? &flow->receiver : &flow->sender;
	end->retired += messages;
	end->live--;
	if (!flow->sender.live && !flow->receiver.live)
		flow_end(backlog, flow, now_ns);
}

static void flow_begin(const void *node, VISIT which, void *closure)
{
	struct flow *flow = *(struct flow *const *)node;

	(void)closure;
	if (which != postorder && which != leaf)
		return;
	flow->sender.messages = flow->sender.retired;
	flow->receiver.messages = flow->receiver.retired;
	flow->in_flight = 0;
	flow->waiting = 0;
}

void backlog__begin(struct backlog *backlog)
{
	twalk_r(backlog->flows, flow_begin, NULL);
}

void backlog__count(struct flow *flow, enum series_direction direction, uint64_t messages,
		    uint32_t in_flight)
{
	if (!flow)
		return;
	flow->in_flight += in_flight;
	if (direction == DIRECTION_RECEIVE)
		flow->receiver.messages += messages;
	else
		flow->sender.messages += messages;
}

void backlog__waits(struct flow *flow)
{
	if (flow)
		flow->waiting++;
}

static void put_aside(struct flow *flow, int64_t under_way)
{
	int64_t most = under_way + (int64_t)flow->in_flight;

	if (most < flow->aside)
		flow->aside = most;
	under_way -= flow->aside;
	if (under_way <= 0 || flow->waiting < flow->receiver.live || under_way > flow->unseen)
		return;
	flow->aside += under_way;
	flow->unseen -= (uint32_t)under_way;
}

static void flow_finish(const void *node, VISIT which, void *closure)
{
	struct flow *flow = *(struct flow *const *)node;
	struct backlog *backlog = closure;
	int64_t under_way;

	if ((which != postorder && which != leaf) || !flow->series || backlog->err)
		return;
	under_way = (int64_t)(flow->sender.messages - flow->receiver.messages);
	put_aside(flow, under_way);
	under_way -= flow->aside;
	backlog->err = snapshot_builder__add_backlog(backlog->builder, flow->series,
						     under_way > 0 ? (uint64_t)under_way : 0);
}

int backlog__end(struct backlog *backlog, struct snapshot_builder *builder)
{
	backlog->builder = builder;
	backlog->err = 0;
	twalk_r(backlog->flows, flow_finish, backlog);
	backlog->builder = NULL;
	return backlog->err;
}
