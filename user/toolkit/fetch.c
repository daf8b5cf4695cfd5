/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run borrows one of libcurl's "multi" handles, which keeps the connections, from a stack of
 * them: so each thread has its own, and the most recently used connections are used again.
 */
#include "toolkit/fetch.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MULTIS_KEPT 16
#define CONNECTIONS_PER_HOST 8L
#define CONNECTIONS_KEPT 32L
#define POLL_MS 1000

struct fetcher {
	struct fetch_config config;
	char *texts[5]; /* what the config's texts point to */
	struct curl_slist *headers;
	pthread_mutex_t lock; /* of what follows */
	CURLM *multis[MULTIS_KEPT];
	size_t multi_count;
};

/* One call of fetcher__run(). */
struct run {
	size_t bytes_left;
};

/* One request of it. */
struct transfer {
	struct run *run;
	struct fetch *fetch;
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	int done;
};

static uint64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The reason may quote the server, its certificate's names for example. */
static void fail(struct fetch *fetch, int err, const char *why)
{
	fetch->err = err;
	snprintf(fetch->why, sizeof(fetch->why), "%s", why);
	for (char *c = fetch->why; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
}

/* ---- the handles ------------------------------------------------------------------------- */

static CURLM *take_multi(struct fetcher *fetcher)
{
	CURLM *multi = NULL;

	pthread_mutex_lock(&fetcher->lock);
	if (fetcher->multi_count)
		multi = fetcher->multis[--fetcher->multi_count];
	pthread_mutex_unlock(&fetcher->lock);
	if (multi)
		return multi;
	multi = curl_multi_init();
	if (multi) {
		curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_PER_HOST);
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	}
	return multi;
}

static void give_multi_back(struct fetcher *fetcher, CURLM *multi)
{
	pthread_mutex_lock(&fetcher->lock);
	if (fetcher->multi_count < MULTIS_KEPT) {
		fetcher->multis[fetcher->multi_count++] = multi;
		multi = NULL;
	}
	pthread_mutex_unlock(&fetcher->lock);
	curl_multi_cleanup(multi);
}

/* ---- one request --------------------------------------------------------------------------- */

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;

	if (len > transfer->run->bytes_left) {
		transfer->fetch->answer.err = -E2BIG;
		return 0;
	}
	strbuf_add(&transfer->fetch->answer, data, len);
	if (transfer->fetch->answer.err)
		return 0;
	transfer->run->bytes_left -= len;
	return len;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *header, int *err)
{
	struct curl_slist *longer = curl_slist_append(list, header);

	if (!longer)
		*err = -ENOMEM;
	return longer ? longer : list;
}

/* The fetcher's headers and those of this request. */
static int make_headers(const struct fetcher *fetcher, struct transfer *transfer)
{
	int err = 0;

	for (const struct curl_slist *h = fetcher->headers; h; h = h->next)
		transfer->headers = add_header(transfer->headers, h->data, &err);
	/* or libcurl waits a second for leave to send a large body */
	transfer->headers = add_header(transfer->headers, "Expect:", &err);
	if (transfer->fetch->body_type)
		transfer->headers = add_header(transfer->headers, transfer->fetch->body_type, &err);
	return err;
}

/* libcurl copies texts. Without one of them the request would be another one: to whom, by whom, whom to trust. */
static void set_text(CURL *easy, CURLoption option, const char *text, int *err)
{
	if (curl_easy_setopt(easy, option, text))
		*err = -ENOMEM;
}

static int set_credentials(const struct fetch_config *config, CURL *easy)
{
	int err = 0;

	if (config->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		set_text(easy, CURLOPT_USERNAME, config->user, &err);
		set_text(easy, CURLOPT_PASSWORD, config->password ? config->password : "", &err);
	}
	if (config->ca_file)
		set_text(easy, CURLOPT_CAINFO, config->ca_file, &err);
	if (config->cert_file)
		set_text(easy, CURLOPT_SSLCERT, config->cert_file, &err);
	if (config->key_file)
		set_text(easy, CURLOPT_SSLKEY, config->key_file, &err);
	return err;
}

static int set_up(const struct fetcher *fetcher, struct transfer *transfer, unsigned timeout_ms)
{
	struct fetch *fetch = transfer->fetch;
	CURL *easy = curl_easy_init();
	int err;

	transfer->easy = easy;
	if (!easy || make_headers(fetcher, transfer))
		return -ENOMEM;
	err = set_credentials(&fetcher->config, easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a name server that does not answer is waited for by a thread, but not by us */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https", &err);
	set_text(easy, CURLOPT_PROXY, "", &err);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_text(easy, CURLOPT_ACCEPT_ENCODING, "gzip", &err);
	set_text(easy, CURLOPT_USERAGENT, "tapmeter", &err);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (fetch->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
	}
	set_text(easy, CURLOPT_URL, fetch->url, &err);
	return err;
}

static void tear_down(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
}

/* What libcurl says about the end of a request, in our words. */
static void finish(struct transfer *transfer, CURLcode code)
{
	struct fetch *fetch = transfer->fetch;
	long os_error = 0;
	curl_off_t retry_after = 0;

	transfer->done = 1;
	if (!code) {
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &fetch->status);
		if (!curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after) &&
		    retry_after > 0)
			fetch->retry_after_s = (uint64_t)retry_after;
		return;
	}
	if (fetch->answer.err == -E2BIG) {
		fail(fetch, -E2BIG, "the answer is too large");
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		fail(fetch, -ETIMEDOUT, "no answer in time");
	} else if (code == CURLE_OUT_OF_MEMORY || fetch->answer.err) {
		fail(fetch, -ENOMEM, "out of memory");
	} else if (code == CURLE_COULDNT_CONNECT &&
		   !curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error) && os_error) {
		const char *why = strerrordesc_np((int)os_error);

		fail(fetch, -(int)os_error, why ? why : "cannot connect");
	} else {
		fail(fetch, -EIO, *transfer->error ? transfer->error : curl_easy_strerror(code));
	}
}

/* ---- many ---------------------------------------------------------------------------------- */

static void start_all(const struct fetcher *fetcher, CURLM *multi, struct run *run,
		      struct transfer *transfers, struct fetch *fetches, size_t count,
		      unsigned timeout_ms)
{
	for (size_t i = 0; i < count; i++) {
		struct transfer *transfer = &transfers[i];

		transfer->run = run;
		transfer->fetch = &fetches[i];
		fetches[i].status = 0;
		fetches[i].retry_after_s = 0;
		fetches[i].err = 0;
		fetches[i].answer = (struct strbuf){ .max = fetches[i].max_answer };
		if (set_up(fetcher, transfer, timeout_ms) ||
		    curl_multi_add_handle(multi, transfer->easy)) {
			fail(transfer->fetch, -ENOMEM, "out of memory");
			transfer->done = 1;
		}
	}
}

static void collect_finished(CURLM *multi)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left))) {
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		finish((struct transfer *)(void *)private, message->data.result);
	}
}

/* 0: all have ended; -ETIMEDOUT, -ECANCELED, -ENOMEM: not all. */
static int wait_for_all(const struct fetcher *fetcher, CURLM *multi, uint64_t deadline_ms)
{
	struct curl_waitfd cancel = { .fd = fetcher->config.cancel_fd, .events = CURL_WAIT_POLLIN };
	unsigned extra = cancel.fd >= 0;

	for (;;) {
		uint64_t now = now_ms();
		int running = 0, wait = POLL_MS;

		if (curl_multi_perform(multi, &running))
			return -ENOMEM;
		collect_finished(multi);
		if (!running)
			return 0;
		if (now >= deadline_ms)
			return -ETIMEDOUT;
		if (deadline_ms - now < POLL_MS)
			wait = (int)(deadline_ms - now);
		if (curl_multi_poll(multi, &cancel, extra, wait, NULL))
			return -ENOMEM;
		if (extra && cancel.revents)
			return -ECANCELED;
	}
}

static const char *reason(int err)
{
	if (err == -ETIMEDOUT)
		return "no answer in time";
	return err == -ECANCELED ? "given up" : "out of memory";
}

static void fail_all(struct fetch *fetches, size_t count, int err)
{
	for (size_t i = 0; i < count; i++) {
		fetches[i].answer = (struct strbuf)STRBUF_INIT;
		fail(&fetches[i], err, reason(err));
	}
}

void fetcher__run(struct fetcher *fetcher, struct fetch *fetches, size_t count, unsigned timeout_ms)
{
	struct transfer *transfers = calloc(count + 1, sizeof(*transfers));
	struct run run = { .bytes_left = fetcher->config.max_total };
	uint64_t deadline_ms = now_ms() + timeout_ms;
	CURLM *multi = transfers ? take_multi(fetcher) : NULL;
	int err;

	if (!multi) {
		free(transfers);
		fail_all(fetches, count, -ENOMEM);
		return;
	}
	start_all(fetcher, multi, &run, transfers, fetches, count, timeout_ms);
	err = wait_for_all(fetcher, multi, deadline_ms);
	for (size_t i = 0; i < count; i++) {
		if (!transfers[i].done)
			fail(&fetches[i], err ? err : -EIO, reason(err));
		if (transfers[i].easy)
			curl_multi_remove_handle(multi, transfers[i].easy);
		tear_down(&transfers[i]);
	}
	give_multi_back(fetcher, multi);
	free(transfers);
}

void fetch_free(struct fetch *fetch)
{
	strbuf_free(&fetch->answer);
}

/* ---- start and stop ------------------------------------------------------------------------ */

static int copy_texts(struct fetcher *fetcher)
{
	struct fetch_config *config = &fetcher->config;
	const char **fields[] = { &config->user, &config->password, &config->ca_file,
				  &config->cert_file, &config->key_file };
	int err = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!*fields[i])
			continue;
		fetcher->texts[i] = strdup(*fields[i]);
		if (!fetcher->texts[i])
			err = -ENOMEM;
		*fields[i] = fetcher->texts[i];
	}
	for (size_t i = 0; i < config->header_count; i++)
		fetcher->headers = add_header(fetcher->headers, config->headers[i], &err);
	config->headers = NULL;
	return err;
}

int fetcher__new(const struct fetch_config *config, struct fetcher **out)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (!fetcher)
		return -ENOMEM;
	pthread_mutex_init(&fetcher->lock, NULL);
	fetcher->config = *config;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		pthread_mutex_destroy(&fetcher->lock);
		free(fetcher);
		return -ENOMEM; /* it does not say why; it needs nothing else */
	}
	if (copy_texts(fetcher)) {
		fetcher__free(fetcher);
		return -ENOMEM;
	}
	*out = fetcher;
	return 0;
}

void fetcher__free(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	while (fetcher->multi_count)
		curl_multi_cleanup(fetcher->multis[--fetcher->multi_count]);
	curl_slist_free_all(fetcher->headers);
	if (fetcher->texts[1])
		explicit_bzero(fetcher->texts[1], strlen(fetcher->texts[1]));
	for (size_t i = 0; i < sizeof(fetcher->texts) / sizeof(fetcher->texts[0]); i++)
		free(fetcher->texts[i]);
	pthread_mutex_destroy(&fetcher->lock);
	free(fetcher);
	curl_global_cleanup();
}
