/* SPDX-License-Identifier: Apache-2.0 */
#include "relay_feed.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay_feed {
	struct relay_settings settings;
	int listener;
	pid_t pid; /* the relay that has got them; the agent's thread only */
	pthread_mutex_t lock; /* of all below */
	int socket; /* -1: no relay */
	uint64_t number;
	uint64_t oldest; /* number of the oldest page that has not been taken */
	uint64_t full, gone;
	uint64_t before[RELAY_LOST_COUNT]; /* of relays that have ended */
	uint64_t now[RELAY_LOST_COUNT]; /* of this one */
};

int relay_feed__new(const struct relay_settings *settings, int listener, struct relay_feed **out)
{
	struct relay_feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return -ENOMEM;
	feed->settings = *settings;
	feed->listener = listener;
	feed->socket = -1;
	feed->oldest = 1;
	pthread_mutex_init(&feed->lock, NULL);
	*out = feed;
	return 0;
}

void relay_feed__free(struct relay_feed *feed)
{
	if (!feed)
		return;
	relay_feed__close(feed);
	pthread_mutex_destroy(&feed->lock);
	/* there are secrets in it */
	explicit_bzero(&feed->settings, sizeof(feed->settings));
	free(feed);
}

/* ---- under the lock ------------------------------------------------------------------------------ */

static void hang_up(struct relay_feed *feed)
{
	if (feed->socket < 0)
		return;
	close(feed->socket);
	feed->socket = -1;
	feed->oldest = feed->number + 1;
	for (int i = 0; i < RELAY_LOST_COUNT; i++) {
		feed->before[i] += feed->now[i];
		feed->now[i] = 0;
	}
}

/* The relay has no privileges: what it says must fit, and its counts cannot go back. */
static int check_taken(const struct relay_feed *feed, const struct relay_taken *taken, ssize_t size)
{
	if (size != sizeof(*taken) || taken->header.size != sizeof(*taken) ||
	    taken->header.version != RELAY_PROTO_VERSION || taken->header.kind != RELAY_TAKEN ||
	    taken->number != feed->oldest || taken->number > feed->number)
		return -EPROTO;
	for (int i = 0; i < RELAY_LOST_COUNT; i++)
		if (taken->lost[i] < feed->now[i])
			return -EPROTO;
	return 0;
}

static void read_taken(struct relay_feed *feed)
{
	struct relay_taken taken;
	ssize_t got;

	while (feed->socket >= 0) {
		got = recv(feed->socket, &taken, sizeof(taken), MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 || check_taken(feed, &taken, got)) {
			hang_up(feed);
			return;
		}
		feed->oldest++;
		memcpy(feed->now, taken.lost, sizeof(feed->now));
	}
}

static int send_page(struct relay_feed *feed, struct relay_page *page, int memfd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = page, .iov_len = sizeof(*page) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(memfd));
	memcpy(CMSG_DATA(header), &memfd, sizeof(memfd));
	return sendmsg(feed->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int try_to_send(struct relay_feed *feed, struct relay_page *page, int memfd)
{
	int err;

	read_taken(feed);
	if (feed->socket < 0)
		return -ENOTCONN;
	if (feed->number + 1 - feed->oldest >= RELAY_WINDOW)
		return -EAGAIN;
	page->number = feed->number + 1;
	err = send_page(feed, page, memfd);
	if (!err)
		feed->number++;
	else if (err != -EAGAIN)
		hang_up(feed);
	return !err || err == -EAGAIN ? err : -ENOTCONN;
}

static void fill_header(struct relay_page *page)
{
	page->header = (struct relay_header){
		.version = RELAY_PROTO_VERSION,
		.kind = RELAY_PAGE,
		.size = sizeof(*page),
	};
}

/* ---- all ---------------------------------------------------------------------------------------- */

int relay_feed__tend(struct relay_feed *feed, struct relay_link *link)
{
	pid_t pid = relay_link__pid(link);
	int pair[2], err;

	if (!pid || pid == feed->pid)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	err = relay_link__settings(link, &feed->settings, pair[1], feed->listener);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	feed->pid = pid;
	pthread_mutex_lock(&feed->lock);
	hang_up(feed);
	feed->socket = pair[0];
	pthread_mutex_unlock(&feed->lock);
	return 0;
}

int relay_feed__send(struct relay_feed *feed, struct relay_page *page, int memfd)
{
	int err;

	fill_header(page);
	pthread_mutex_lock(&feed->lock);
	err = try_to_send(feed, page, memfd);
	feed->full += err == -EAGAIN;
	feed->gone += err == -ENOTCONN;
	pthread_mutex_unlock(&feed->lock);
	return err;
}

void relay_feed__drop(struct relay_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->full++;
	pthread_mutex_unlock(&feed->lock);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Waits until the relay has said something, or has ended. */
static int wait_for_relay(struct relay_feed *feed, uint64_t deadline_ms)
{
	struct pollfd said = { .fd = feed->socket, .events = POLLIN };
	uint64_t now = now_ms();

	if (now >= deadline_ms)
		return -ETIMEDOUT;
	if (poll(&said, 1, (int)(deadline_ms - now)) < 0 && errno != EINTR)
		return -errno;
	read_taken(feed);
	return 0;
}

int relay_feed__send_last(struct relay_feed *feed, struct relay_page *page, int memfd,
			  uint64_t timeout_ns)
{
	uint64_t deadline_ms = now_ms() + timeout_ns / 1000000;
	int err;

	fill_header(page);
	pthread_mutex_lock(&feed->lock);
	while ((err = try_to_send(feed, page, memfd)) == -EAGAIN &&
	       !wait_for_relay(feed, deadline_ms))
		;
	feed->full += err == -EAGAIN;
	feed->gone += err == -ENOTCONN;
	while (!err && feed->socket >= 0 && feed->oldest <= feed->number)
		err = wait_for_relay(feed, deadline_ms);
	pthread_mutex_unlock(&feed->lock);
	return err == -EAGAIN ? -ETIMEDOUT : err;
}

uint64_t relay_feed__next(struct relay_feed *feed)
{
	uint64_t number;

	pthread_mutex_lock(&feed->lock);
	number = feed->number + 1;
	pthread_mutex_unlock(&feed->lock);
	return number;
}

void relay_feed__close(struct relay_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	hang_up(feed);
	pthread_mutex_unlock(&feed->lock);
}

void relay_feed__losses(struct relay_feed *feed, struct relay_feed_losses *out)
{
	pthread_mutex_lock(&feed->lock);
	read_taken(feed);
	out->full = feed->full;
	out->gone = feed->gone;
	for (int i = 0; i < RELAY_LOST_COUNT; i++)
		out->relay[i] = feed->before[i] + feed->now[i];
	pthread_mutex_unlock(&feed->lock);
}
