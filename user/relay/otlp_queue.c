/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/otlp_queue.h"

struct otlp_request *otlp_queue_first(struct otlp_queue *queue)
{
	return queue->count ? &queue->items[queue->first] : NULL;
}

void otlp_queue_remove(struct otlp_queue *queue)
{
	struct otlp_request *first = &queue->items[queue->first];

	queue->bytes -= first->body.cap;
	strbuf_free(&first->body);
	*first = (struct otlp_request){ .points = 0 };
	queue->first = (queue->first + 1) % OTLP_QUEUE_LENGTH;
	queue->count--;
}

static void drop(struct otlp_queue *queue)
{
	queue->dropped++;
	queue->dropped_points += queue->items[queue->first].points;
	otlp_queue_remove(queue);
}

void otlp_queue_add(struct otlp_queue *queue, struct strbuf *body, uint64_t points)
{
	struct otlp_request *last;

	while (queue->count &&
	       (queue->count == OTLP_QUEUE_LENGTH || queue->bytes + body->cap > OTLP_QUEUE_BYTES))
		drop(queue);
	last = &queue->items[(queue->first + queue->count) % OTLP_QUEUE_LENGTH];
	*last = (struct otlp_request){ .body = *body, .points = points };
	*body = (struct strbuf)STRBUF_INIT;
	queue->bytes += last->body.cap;
	queue->count++;
}

void otlp_queue_drop_all(struct otlp_queue *queue)
{
	while (queue->count)
		drop(queue);
}
