/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed's thread leaves the newest page in a place for one; the thread here makes requests of it, packs them into the
 * queue, and sends what is in the queue. So no page is held for longer than one request takes. One that comes while the
 * place is taken is left out: the next one has it all.
 */
#include "relay/otlp.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "relay/otlp_queue.h"
#include "relay/otlp_reply.h"
#include "relay/otlp_request.h"
#include "serve/gzip.h"
#include "toolkit/fetch.h"
#include "util/log.h"
#include "util/otlp_settings.h"
#include "util/relay_state.h"
#include "util/thread.h"
#include "version.h"

#define SECOND_NS 1000000000ull
#define MAX_ANSWER ((size_t)64 << 10)
#define MAX_HEADERS 70
#define MAX_RESOURCE 70
#define MESSAGE_SIZE 256
#define END_NS (OUTPUT_END_NS / 10 * 8) /* a little is left for what comes after */

struct otlp {
	/* constant */
	char *url;
	unsigned timeout_ms;
	uint64_t interval_ns;
	int gzip;
	struct otlp_pair
		resource[MAX_RESOURCE]; /* the names are ours, with their values behind them */
	size_t resource_count;
	struct fetcher *fetcher;
	struct feed_losses *losses;
	int cancel_fd; /* readable: the request under way is given up */
	pthread_t thread;
	/* the feed's thread */
	uint64_t feed_interval_ns; /* between two pages; constant */
	uint64_t next_ns; /* when one is to be pushed */
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct feed_page *page;
	uint64_t end_ns; /* 0 = not yet: when to give up */
	/* the thread */
	struct otlp_queue queue;
	unsigned failed; /* tries in a row */
	uint64_t again_ns;
	char message[MESSAGE_SIZE]; /* what was last said to be wrong; "" = nothing */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* ---- what is told --------------------------------------------------------------------------------------- */

/* Once, until it is another. */
static void complain(struct otlp *otlp, const char *what, const char *why)
{
	char message[MESSAGE_SIZE];

	snprintf(message, sizeof(message), "%s: %.200s", what, why);
	if (!strcmp(message, otlp->message))
		return;
	memcpy(otlp->message, message, sizeof(message));
	log_msg(LOG_WARN, "otlp: not all is pushed", LOG_STR("reason", message),
		LOG_STR("url", otlp->url));
}

static void recovered(struct otlp *otlp)
{
	if (*otlp->message)
		log_msg(LOG_INFO, "otlp: all is pushed again", LOG_STR("url", otlp->url));
	otlp->message[0] = '\0';
}

static void lost(struct otlp *otlp, enum relay_lost how, uint64_t requests, uint64_t points)
{
	feed_lost(otlp->losses, how, requests);
	feed_lost(otlp->losses, RELAY_LOST_OTLP, points);
}

static void tell_dropped(struct otlp *otlp)
{
	if (!otlp->queue.dropped)
		return;
	lost(otlp, RELAY_OTLP_DROPPED, otlp->queue.dropped, otlp->queue.dropped_points);
	otlp->queue.dropped = otlp->queue.dropped_points = 0;
}

/* ---- requests ---------------------------------------------------------------------------------------------- */

static int compress(const struct strbuf *body, struct strbuf *out)
{
	struct gzip *gzip;
	int err = gzip__new(out, &gzip);

	if (err)
		return err;
	gzip__add(gzip, body->data, body->len);
	err = gzip__finish(gzip);
	gzip__free(gzip);
	return err ? err : out->err;
}

static int queue_body(void *arg, struct strbuf *body, uint64_t points)
{
	struct otlp *otlp = arg;
	struct strbuf packed = STRBUF_INIT;
	int err = otlp->gzip ? compress(body, &packed) : 0;

	if (!err)
		otlp_queue_add(&otlp->queue, otlp->gzip ? &packed : body, points);
	strbuf_free(&packed);
	tell_dropped(otlp);
	return err;
}

static void queue_page(struct otlp *otlp, const struct feed_page *page)
{
	const struct otlp_source source = {
		.page = page->data,
		.len = page->size,
		.start_real_ns = page->head.start_real_ns,
		.real_ns = page->head.real_ns,
		.resource = otlp->resource,
		.resource_count = otlp->resource_count,
		.version = TAPMETER_VERSION,
	};
	int err = otlp_request_make(&source, queue_body, otlp);

	if (!err)
		return;
	complain(otlp, "a snapshot could not be written", strerror(-err));
	lost(otlp, RELAY_OTLP_DROPPED, 1, otlp_request_points(page->data, page->size));
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static unsigned timeout_ms(const struct otlp *otlp, uint64_t end_ns)
{
	uint64_t now = now_ns(), left_ms;

	if (!end_ns)
		return otlp->timeout_ms;
	left_ms = end_ns > now ? (end_ns - now) / 1000000 : 0;
	if (!left_ms) /* which would be no limit */
		left_ms = 1;
	return left_ms < otlp->timeout_ms ? (unsigned)left_ms : otlp->timeout_ms;
}

static void sent(struct otlp *otlp, const struct fetch *fetch, uint64_t points)
{
	char message[200];
	uint64_t rejected = otlp_rejected(fetch->answer.data, fetch->answer.len, points, message,
					  sizeof(message));

	feed_lost(otlp->losses, RELAY_OTLP_SENT, 1);
	lost(otlp, RELAY_OTLP_REJECTED, rejected, rejected);
	if (rejected || *message)
		complain(otlp, "the receiver says", *message ? message : "data points rejected");
	else
		recovered(otlp);
}

static void describe(const struct fetch *fetch, char *text, size_t size)
{
	if (fetch->err)
		snprintf(text, size, "%s", fetch->why);
	else
		snprintf(text, size, "HTTP status %ld", fetch->status);
}

static void try_again(struct otlp *otlp, const struct fetch *fetch, const char *why)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	otlp->failed++;
	otlp->again_ns = now_ns() + otlp_wait_ns(otlp->failed, random, fetch->retry_after_s);
	complain(otlp, "trying again", why);
}

/* What the answer means for the request, the first one in the queue. */
static void take_answer(struct otlp *otlp, const struct fetch *fetch, uint64_t points)
{
	enum otlp_verdict verdict = otlp_verdict(fetch->status, fetch->err);
	char why[MESSAGE_SIZE];

	describe(fetch, why, sizeof(why));
	if (verdict == OTLP_AGAIN) {
		if (fetch->err != -ECANCELED)
			try_again(otlp, fetch, why);
		return;
	}
	otlp->failed = 0;
	if (verdict == OTLP_SENT) {
		sent(otlp, fetch, points);
	} else {
		lost(otlp, RELAY_OTLP_FAILED, 1, points);
		complain(otlp, "the receiver refuses", why);
	}
	otlp_queue_remove(&otlp->queue);
}

static void send_first(struct otlp *otlp, uint64_t end_ns)
{
	const struct otlp_request *request = otlp_queue_first(&otlp->queue);
	struct fetch fetch = {
		.url = otlp->url,
		.body = request->body.data,
		.body_len = request->body.len,
		.body_type = "Content-Type: application/x-protobuf",
		.max_answer = MAX_ANSWER,
	};

	fetcher__run(otlp->fetcher, &fetch, 1, timeout_ms(otlp, end_ns));
	take_answer(otlp, &fetch, request->points);
	fetch_free(&fetch);
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

static void wait_until(struct otlp *otlp, uint64_t time_ns)
{
	const struct timespec time = {
		.tv_sec = (time_t)(time_ns / SECOND_NS),
		.tv_nsec = (long)(time_ns % SECOND_NS),
	};

	if (time_ns)
		pthread_cond_timedwait(&otlp->changed, &otlp->lock, &time);
	else
		pthread_cond_wait(&otlp->changed, &otlp->lock);
}

/* Under the lock: waits for something to do. At the end, what failed before is tried at once, but only once. */
static void wait_for_work(struct otlp *otlp)
{
	while (!otlp->page && !otlp->end_ns && !(otlp->queue.count && now_ns() >= otlp->again_ns))
		wait_until(otlp, otlp->queue.count ? otlp->again_ns : 0);
}

static int is_over(const struct otlp *otlp, uint64_t end_ns, unsigned failed_before)
{
	return end_ns && (!otlp->queue.count || now_ns() >= end_ns || otlp->failed > failed_before);
}

static void work_to_end(struct otlp *otlp, uint64_t end_ns)
{
	unsigned failed = otlp->failed;
	eventfd_t value;

	/* it was for the request that was under way */
	eventfd_read(otlp->cancel_fd, &value);
	while (!is_over(otlp, end_ns, failed)) {
		if (!otlp->failed)
			failed = 0;
		send_first(otlp, end_ns);
	}
	otlp_queue_drop_all(&otlp->queue);
	tell_dropped(otlp);
}

static void *run(void *arg)
{
	struct otlp *otlp = arg;
	struct feed_page *page;
	uint64_t end_ns;

	do {
		pthread_mutex_lock(&otlp->lock);
		wait_for_work(otlp);
		page = otlp->page;
		otlp->page = NULL;
		end_ns = otlp->end_ns;
		pthread_mutex_unlock(&otlp->lock);
		if (page)
			queue_page(otlp, page);
		feed_page__unref(page);
		if (!end_ns && otlp->queue.count && now_ns() >= otlp->again_ns)
			send_first(otlp, 0);
	} while (!end_ns);
	work_to_end(otlp, end_ns);
	return NULL;
}

/* ---- the output ---------------------------------------------------------------------------------------------------- */

/* Pages may come more often, for another output's sake: of these, the one closest to the time. */
static int is_due(struct otlp *otlp, const struct relay_page *page)
{
	uint64_t now = now_ns(), early_ns = otlp->feed_interval_ns / 2;

	if (!relay_state_is_final(page->state) && now + early_ns < otlp->next_ns)
		return 0;
	otlp->next_ns += otlp->interval_ns;
	/* what was missed is not made up for */
	if (otlp->next_ns < now + early_ns)
		otlp->next_ns = now + otlp->interval_ns;
	return 1;
}

/* The last page takes the place of one that waits. */
static void take(void *arg, struct feed_page *page)
{
	struct otlp *otlp = arg;
	struct feed_page *left_out = NULL;

	if (!page->size || !is_due(otlp, &page->head))
		return;
	pthread_mutex_lock(&otlp->lock);
	left_out = otlp->page;
	otlp->page = feed_page__ref(page);
	pthread_cond_signal(&otlp->changed);
	pthread_mutex_unlock(&otlp->lock);
	if (left_out)
		lost(otlp, RELAY_OTLP_DROPPED, 1,
		     otlp_request_points(left_out->data, left_out->size));
	feed_page__unref(left_out);
}

static void free_otlp(struct otlp *otlp)
{
	for (size_t i = 0; i < otlp->resource_count; i++)
		free((void *)(uintptr_t)otlp->resource[i].name);
	fetcher__free(otlp->fetcher);
	if (otlp->cancel_fd >= 0)
		close(otlp->cancel_fd);
	feed_page__unref(otlp->page);
	otlp_queue_drop_all(&otlp->queue);
	pthread_cond_destroy(&otlp->changed);
	pthread_mutex_destroy(&otlp->lock);
	free(otlp->url);
	free(otlp);
}

static void end(void *arg)
{
	struct otlp *otlp = arg;

	pthread_mutex_lock(&otlp->lock);
	otlp->end_ns = now_ns() + END_NS;
	pthread_cond_signal(&otlp->changed);
	pthread_mutex_unlock(&otlp->lock);
	eventfd_write(otlp->cancel_fd, 1);
	pthread_join(otlp->thread, NULL);
	free_otlp(otlp);
}

/* ---- start ------------------------------------------------------------------------------------------------------------- */

static int has_attribute(const struct otlp *otlp, const char *name)
{
	for (size_t i = 0; i < otlp->resource_count; i++)
		if (!strcmp(otlp->resource[i].name, name))
			return 1;
	return 0;
}

/* Of two with one name the first counts: OTEL_SERVICE_NAME before what else names the service. */
static int copy_resource(const struct relay_settings *settings, struct otlp *otlp)
{
	const char *name, *value;
	size_t len;

	for (unsigned i = 0; otlp->resource_count < MAX_RESOURCE &&
			     otlp_settings_resource(settings, i, &name, &len, &value);
	     i++) {
		char *copy = strdup(name);

		if (!copy)
			return -ENOMEM;
		copy[len] = '\0';
		if (has_attribute(otlp, copy)) {
			free(copy);
			continue;
		}
		otlp->resource[otlp->resource_count++] =
			(struct otlp_pair){ .name = copy, .value = copy + len + 1 };
	}
	return 0;
}

static int new_fetcher(const struct relay_settings *settings, struct otlp *otlp)
{
	const char *headers[MAX_HEADERS];
	struct fetch_config config = {
		.ca_file = relay_settings_get(settings, "otlp.ca"),
		.cert_file = relay_settings_get(settings, "otlp.cert"),
		.key_file = relay_settings_get(settings, "otlp.key"),
		.headers = headers,
		.max_total = MAX_ANSWER,
		.cancel_fd = otlp->cancel_fd,
	};

	for (unsigned i = 0; i < MAX_HEADERS - 1 && otlp_settings_header(settings, i); i++)
		headers[config.header_count++] = otlp_settings_header(settings, i);
	if (otlp->gzip)
		headers[config.header_count++] = "Content-Encoding: gzip";
	return fetcher__new(&config, &otlp->fetcher);
}

static int init_lock(struct otlp *otlp)
{
	int err = thread_cond_init(&otlp->changed);

	return err ? err : -pthread_mutex_init(&otlp->lock, NULL);
}

static int set_up(const struct relay_settings *settings, struct otlp *otlp)
{
	int err = copy_resource(settings, otlp);

	otlp->url = strdup(relay_settings_get(settings, "otlp.url"));
	otlp->timeout_ms = (unsigned)relay_settings_get_u64(settings, "otlp.timeout_ms");
	otlp->interval_ns = relay_settings_get_u64(settings, "otlp.interval_ns");
	otlp->feed_interval_ns = relay_settings_get_u64(settings, "feed.interval_ns");
	otlp->gzip = relay_settings_get_u64(settings, "otlp.gzip") != 0;
	otlp->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!err && otlp->cancel_fd < 0)
		err = -errno;
	if (!err && !otlp->url)
		err = -ENOMEM;
	if (!err)
		err = new_fetcher(settings, otlp);
	return err ? err : -pthread_create(&otlp->thread, NULL, run, otlp);
}

int otlp_open(const struct relay_settings *settings, struct feed_losses *losses, struct output *out)
{
	struct otlp *otlp;
	int err;

	if (!relay_settings_get(settings, "otlp.url"))
		return -ENOENT;
	otlp = calloc(1, sizeof(*otlp));
	err = otlp ? init_lock(otlp) : -ENOMEM;
	if (err) {
		free(otlp);
	} else {
		otlp->losses = losses;
		err = set_up(settings, otlp);
		if (err)
			free_otlp(otlp);
	}
	if (err) {
		log_msg(LOG_ERROR, "otlp: cannot push", LOG_STR("error", strerror(-err)));
		return err;
	}
	*out = (struct output){ .arg = otlp, .take = take, .end = end };
	return 0;
}
