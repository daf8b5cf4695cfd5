/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/slow.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "serve/exchange.h"
#include "util/privileges.h"
#include "util/thread.h"

#define LOOK_EVERY_NS 250000000ull
#define NS_PER_S 1000000000ull
#define CROWDED_DIVISOR 10

enum state {
	STATE_WAITING, /* for a request's line */
	STATE_RECEIVING, /* the rest of the request */
	STATE_ANSWERING, /* it is complete */
	STATE_REFUSED, /* it was too slow */
};

struct slow_client {
	struct slow_clients *clients;
	struct slow_client *next, **place;
	int fd;
	bool tls;
	enum state state;
	uint64_t begun_ns; /* 0 = nothing of a request has come */
	uint64_t moved_ns; /* while waiting: since when */
	uint64_t bytes; /* the connection had received when it last was seen to wait */
};

struct slow_clients {
	uint64_t idle_ns, whole_ns;
	pthread_mutex_t lock; /* of all that follows, and of all clients */
	pthread_cond_t stop;
	bool stopping;
	struct slow_client *first;
	unsigned count, crowd;
	pthread_t thread;
	char answer[512];
	int answer_len;
};

static uint64_t now_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static int make_answer(struct slow_clients *clients)
{
	struct http_response response = { 0 };

	http_response_error(
		&response, 408, "timeout",
		"the request must be complete after %llu s, and not stand still for %llu s",
		(unsigned long long)(clients->whole_ns / NS_PER_S),
		(unsigned long long)(clients->idle_ns / NS_PER_S));
	if (!response.body.err)
		clients->answer_len =
			snprintf(clients->answer, sizeof(clients->answer),
				 "HTTP/1.1 408 Request Timeout\r\nContent-Type: %s\r\n"
				 "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
				 "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
				 response.content_type, response.body.len, response.body.data);
	http_response_free(&response);
	return clients->answer_len > 0 && (size_t)clients->answer_len < sizeof(clients->answer) ?
		       0 :
		       -ENOMEM;
}

/* Never waits: whoever does not even take this gets nothing. */
static void refuse(struct slow_client *client)
{
	const struct slow_clients *clients = client->clients;

	client->state = STATE_REFUSED;
	if (!client->tls)
		send(client->fd, clients->answer, (size_t)clients->answer_len,
		     MSG_DONTWAIT | MSG_NOSIGNAL);
	/* the library reads the end of the connection now, and closes it */
	shutdown(client->fd, SHUT_RDWR);
}

/* ---- looking -------------------------------------------------------------------------------- */

static uint64_t bytes_received(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_received;
}

/* A part of a request's line: the library does not tell of it. With TLS it may as well be a handshake. */
static void look_for_begin(struct slow_client *client, uint64_t now)
{
	if (client->tls || client->begun_ns || bytes_received(client->fd) == client->bytes)
		return;
	client->begun_ns = client->moved_ns = now;
}

static void look(struct slow_client *client, uint64_t now)
{
	const struct slow_clients *clients = client->clients;
	bool crowded = clients->count > clients->crowd;
	uint64_t divisor = crowded ? CROWDED_DIVISOR : 1;

	if (client->state > STATE_RECEIVING)
		return;
	if (client->state == STATE_WAITING)
		look_for_begin(client, now);
	if (client->begun_ns && (now - client->moved_ns >= clients->idle_ns / divisor ||
				 now - client->begun_ns >= clients->whole_ns / divisor))
		refuse(client);
	else if (crowded && !client->begun_ns &&
		 now - client->moved_ns >= clients->idle_ns / divisor)
		shutdown(client->fd, SHUT_RDWR);
}

static void *watch(void *arg)
{
	struct slow_clients *clients = arg;

	pthread_mutex_lock(&clients->lock);
	while (!clients->stopping) {
		uint64_t now = now_ns(), next = now + LOOK_EVERY_NS;
		struct timespec until = { (time_t)(next / NS_PER_S), (long)(next % NS_PER_S) };

		for (struct slow_client *client = clients->first; client; client = client->next)
			look(client, now);
		pthread_cond_clockwait(&clients->stop, &clients->lock, CLOCK_MONOTONIC, &until);
	}
	pthread_mutex_unlock(&clients->lock);
	return NULL;
}

static int start_watching(void *arg)
{
	struct slow_clients *clients = arg;

	return thread_start(&clients->thread, watch, clients);
}

/* ---- all of them ----------------------------------------------------------------------------- */

int slow_clients__new(unsigned idle_s, unsigned whole_s, unsigned crowd, struct slow_clients **out)
{
	struct slow_clients *clients = calloc(1, sizeof(*clients));
	int err;

	if (!clients)
		return -ENOMEM;
	clients->idle_ns = idle_s * NS_PER_S;
	clients->whole_ns = whole_s * NS_PER_S;
	clients->crowd = crowd;
	err = make_answer(clients);
	pthread_mutex_init(&clients->lock, NULL);
	pthread_cond_init(&clients->stop, NULL);
	if (!err)
		err = privileges_without(start_watching, clients);
	if (err) {
		pthread_mutex_destroy(&clients->lock);
		pthread_cond_destroy(&clients->stop);
		free(clients);
		return err;
	}
	*out = clients;
	return 0;
}

void slow_clients__free(struct slow_clients *clients)
{
	if (!clients)
		return;
	pthread_mutex_lock(&clients->lock);
	clients->stopping = true;
	pthread_cond_signal(&clients->stop);
	pthread_mutex_unlock(&clients->lock);
	pthread_join(clients->thread, NULL);
	pthread_mutex_destroy(&clients->lock);
	pthread_cond_destroy(&clients->stop);
	free(clients);
}

struct slow_client *slow_clients__add(struct slow_clients *clients, int fd, bool tls)
{
	struct slow_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->clients = clients;
	client->fd = fd;
	client->tls = tls;
	client->moved_ns = now_ns();
	pthread_mutex_lock(&clients->lock);
	client->next = clients->first;
	client->place = &clients->first;
	if (client->next)
		client->next->place = &client->next;
	clients->first = client;
	clients->count++;
	pthread_mutex_unlock(&clients->lock);
	return client;
}

void slow_client__remove(struct slow_client *client)
{
	pthread_mutex_t *lock;

	if (!client)
		return;
	lock = &client->clients->lock;
	pthread_mutex_lock(lock);
	*client->place = client->next;
	if (client->next)
		client->next->place = client->place;
	client->clients->count--;
	pthread_mutex_unlock(lock);
	free(client);
}

/* ---- one of them ----------------------------------------------------------------------------- */

void slow_client__begin(struct slow_client *client)
{
	if (!client)
		return;
	pthread_mutex_lock(&client->clients->lock);
	if (client->state == STATE_WAITING) {
		client->state = STATE_RECEIVING;
		client->moved_ns = now_ns();
		if (!client->begun_ns)
			client->begun_ns = client->moved_ns;
	}
	pthread_mutex_unlock(&client->clients->lock);
}

void slow_client__progress(struct slow_client *client)
{
	if (!client)
		return;
	pthread_mutex_lock(&client->clients->lock);
	client->moved_ns = now_ns();
	pthread_mutex_unlock(&client->clients->lock);
}

bool slow_client__complete(struct slow_client *client)
{
	bool refused;

	if (!client)
		return true;
	pthread_mutex_lock(&client->clients->lock);
	refused = client->state == STATE_REFUSED;
	if (!refused)
		client->state = STATE_ANSWERING;
	pthread_mutex_unlock(&client->clients->lock);
	return !refused;
}

void slow_client__end(struct slow_client *client)
{
	if (!client)
		return;
	pthread_mutex_lock(&client->clients->lock);
	client->begun_ns = 0;
	client->moved_ns = now_ns();
	client->bytes = bytes_received(client->fd);
	if (client->state != STATE_REFUSED)
		client->state = STATE_WAITING;
	pthread_mutex_unlock(&client->clients->lock);
}
