/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and tapmeter-relay say to each other, what is made of a page, and what a receiver of OTLP answers. The
 * first byte says which.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include "fuzz.h"
#include "relay/feed.h"
#include "relay/lookups.h"
#include "relay/otlp_reply.h"
#include "relay/otlp_request.h"
#include "relay/snapshot_pack.h"
#include "relay_feed.h"
#include "relay_link.h"
#include "relay_starter.h"
#include "util/log.h"
#include "util/otlp_settings.h"
#include "util/plausible.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define CONTAINER "0123456789ab"

static void send_message(int socket, const void *message, size_t size, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = size };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	fuzz_expect(sendmsg(socket, &header, MSG_NOSIGNAL) == (ssize_t)size);
}

/* Lays the input over a good message: two bytes say where. What follows those of the message makes it too long. */
static size_t lay_over(void *message, size_t size, size_t room, const uint8_t *data, size_t len)
{
	size_t at = len >= 2 ? (size_t)(data[0] | data[1] << 8) % size : 0;

	if (len <= 2)
		return size;
	len -= 2;
	if (len > room - at)
		len = room - at;
	memcpy((char *)message + at, data + 2, len);
	return at + len > size ? at + len : size;
}

/* ---- pages -------------------------------------------------------------------------------------- */

static int on_body(void *arg, struct strbuf *body, uint64_t points)
{
	uint64_t *count = arg;

	fuzz_expect(points && body->len && !body->err);
	*count += points;
	return 0;
}

static void read_page(const uint8_t *data, size_t size)
{
	const struct otlp_pair resource[] = { { "host.name", "host" } };
	const struct otlp_source source = {
		.page = data,
		.len = size,
		.start_real_ns = 1,
		.real_ns = 2,
		.resource = resource,
		.resource_count = 1,
		.version = "1",
	};
	const struct feed_page page = { .data = data, .size = size, .refs = 1 };
	uint64_t points = 0;
	char *frame;
	size_t len;

	otlp_request_points(data, size);
	if (!otlp_request_make(&source, on_body, &points))
		fuzz_expect(points <= size);
	if (!snapshot_pack(&page, &frame, &len)) {
		fuzz_expect(len > SNAPSHOT_TOPIC_LEN);
		free(frame);
	}
}

static void read_reply(const uint8_t *data, size_t size)
{
	char message[64];

	fuzz_expect(otlp_rejected(data, size, 100, message, sizeof(message)) <= 100);
	fuzz_expect(memchr(message, 0, sizeof(message)) != NULL);
}

static void read_settings(const uint8_t *data, size_t size)
{
	struct relay_settings *settings = malloc(sizeof(*settings));
	const char *name, *value;
	size_t name_len;

	fuzz_expect(settings != NULL);
	relay_settings_init(settings);
	settings->len = size < sizeof(settings->text) ? (uint32_t)size : sizeof(settings->text);
	lay_over(settings, sizeof(*settings), sizeof(*settings), data, size);
	if (!relay_settings_check(settings)) {
		relay_settings_get_u64(settings, "otlp.timeout_ms");
		for (unsigned i = 0; otlp_settings_resource(settings, i, &name, &name_len, &value);
		     i++)
			fuzz_expect(name[name_len] == '=' && value == name + name_len + 1);
		for (unsigned i = 0; otlp_settings_header(settings, i); i++)
			;
	}
	free(settings);
}

/* ---- the agent's ends ----------------------------------------------------------------------------- */

static int relays_end;

/* The relay, as far as the agent can tell. */
int relay_starter__new(int program, struct relay_starter **out)
{
	(void)program;
	*out = (struct relay_starter *)&relays_end;
	return 0;
}

void relay_starter__free(struct relay_starter *starter)
{
	(void)starter;
}

int relay_starter__start(struct relay_starter *starter, int socket)
{
	(void)starter;
	relays_end = dup(socket);
	return 1;
}

int relay_starter__end(struct relay_starter *starter)
{
	(void)starter;
	return 0;
}

static void on_answer(void *arg, const struct relay_answer *answer)
{
	size_t *count = arg;

	++*count;
	fuzz_expect(!strcmp(answer->container, CONTAINER));
	fuzz_expect(!*answer->name || plausible_name(answer->name, sizeof(answer->name)));
	fuzz_expect(!*answer->pod || plausible_name(answer->pod, sizeof(answer->pod)));
}

static struct relay_link *open_link(void)
{
	struct relay_link *link;

	log_setup(LOG_ERROR, LOG_LOGFMT);
	fuzz_expect(!relay_link__new(open("/dev/null", O_RDONLY | O_CLOEXEC), 0, &link));
	return link;
}

static void read_answer(const uint8_t *data, size_t size)
{
	struct {
		struct relay_answer answer;
		char more[64];
	} said = { .answer = { .header = { RELAY_PROTO_VERSION, RELAY_ANSWER, 1,
					   sizeof(struct relay_answer) },
			       .source = RELAY_ENGINE,
			       .container = CONTAINER } };
	struct relay_link *link = open_link();
	size_t count = 0;

	fuzz_expect(!relay_link__ask(link, RELAY_ENGINE, CONTAINER, dup(relays_end), 0));
	size = lay_over(&said, sizeof(said.answer), sizeof(said), data, size);
	fuzz_expect(send(relays_end, &said, size, 0) == (ssize_t)size);
	close(relays_end);
	relay_link__read(link, on_answer, &count, 0);
	fuzz_expect(count == 1); /* with an answer, or without one */
	relay_link__free(link);
}

/* The relay's end of the feed, which the agent has sent it. */
static int take_feed(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = &(char){ 0 }, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	int fd = -1;

	fuzz_expect(recvmsg(relays_end, &message, 0) == 1);
	header = CMSG_FIRSTHDR(&message);
	fuzz_expect(header != NULL);
	if (header)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void read_taken(const uint8_t *data, size_t size)
{
	struct {
		struct relay_taken taken;
		char more[64];
	} said = { .taken = { .header = { RELAY_PROTO_VERSION, RELAY_TAKEN, 0,
					  sizeof(struct relay_taken) },
			      .number = 1 } };
	static struct relay_settings settings;
	struct relay_link *link = open_link();
	struct relay_feed_losses losses;
	struct relay_page page = { 0 };
	struct relay_feed *feed;
	int end;

	relay_settings_init(&settings);
	fuzz_expect(!relay_feed__new(&settings, -1, &feed) && !relay_feed__tend(feed, link));
	end = take_feed();
	fuzz_expect(!relay_feed__send(feed, &page, relays_end));
	size = lay_over(&said, sizeof(said.taken), sizeof(said), data, size);
	fuzz_expect(send(end, &said, size, 0) == (ssize_t)size);
	relay_feed__losses(feed, &losses);
	fuzz_expect(relay_feed__next(feed) == 2);
	close(end);
	close(relays_end);
	relay_feed__free(feed);
	relay_link__free(link);
}

/* ---- the relay's ends ------------------------------------------------------------------------------ */

static void on_page(void *arg, struct feed_page *page)
{
	size_t *count = arg;

	++*count;
	fuzz_expect(page->head.state < RELAY_STATE_COUNT && page->size == page->head.size);
	if (page->size)
		fuzz_expect(page->data[page->size - 1] == 'x');
}

static void serve_page(const uint8_t *data, size_t size)
{
	struct {
		struct relay_page page;
		char more[64];
	} said = { .page = { .header = { RELAY_PROTO_VERSION, RELAY_PAGE, 0,
					 sizeof(struct relay_page) },
			     .number = 1,
			     .size = 1 } };
	const struct feed_losses losses = { 0 };
	int pair[2], memfd = memfd_create("page", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	size_t count = 0;

	fuzz_expect(memfd >= 0 && write(memfd, "x", 1) == 1 && !fcntl(memfd, F_ADD_SEALS, SEALS));
	fuzz_expect(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	size = lay_over(&said, sizeof(said.page), sizeof(said), data, size);
	send_message(pair[0], &said, size, memfd);
	close(memfd);
	close(pair[0]);
	if (!feed_serve(pair[1], on_page, &count, &losses))
		fuzz_expect(count == 1);
	close(pair[1]);
}

static int on_settings(void *arg, const struct relay_settings *settings, int feed, int listener)
{
	(void)arg;
	(void)settings;
	(void)feed;
	(void)listener;
	return -EPROTO;
}

static void serve_lookup(const uint8_t *data, size_t size)
{
	struct {
		struct relay_lookup lookup;
		char more[sizeof(struct relay_settings)];
	} said = { .lookup = { .header = { RELAY_PROTO_VERSION, RELAY_LOOKUP, 1,
					   sizeof(struct relay_lookup) },
			       .source = RELAY_ENGINE,
			       .container = CONTAINER } };
	int pair[2], answer = fuzz_file((const uint8_t *)"", 0);

	fuzz_expect(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	size = lay_over(&said, sizeof(said.lookup), sizeof(said), data, size);
	send_message(pair[0], &said, size, answer);
	close(answer);
	shutdown(pair[0], SHUT_WR);
	lookups_serve(pair[1], on_settings, NULL);
	close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *data, size_t size) = {
		read_page,  read_reply, read_settings, read_answer,
		read_taken, serve_page, serve_lookup,
	};
	uint8_t *input;

	if (!size || data[0] >= sizeof(readers) / sizeof(readers[0]))
		return -1;
	/* of its own, so that a read beyond is found */
	input = malloc(size > 1 ? size - 1 : 1);
	fuzz_expect(input != NULL);
	memcpy(input, data + 1, size - 1);
	readers[data[0]](input, size - 1);
	free(input);
	return 0;
}
