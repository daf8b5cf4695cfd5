/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq */
/*
 * A ZeroMQ program that does what it is told and says what it did. Commands come on stdin, a line
 * each, and go to an actor, a thread with one socket that exists from its first command on:
 *
 *	ACTOR VERB [ARGUMENT...]	a verb of actor_verbs, below
 *	main VERB [ARGUMENT...]		a verb of main_verbs
 *
 * The first line it prints is {"actor": "main", "verb": "start", "pid": PID}. Every command of an
 * actor is answered by a line of JSON: what the socket is, and how many messages, frames and bytes
 * it has moved, how many calls ended with EAGAIN ("again") or failed otherwise ("failed", and the
 * last of their errnos by name, "error"), and how long all calls took together ("seconds").
 *
 * A message of P frames and size S has frames of S, S + 1, ... S + P - 1 bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_ACTORS 16
#define MAX_ARGS 8
#define MAX_SIZE 65536
#define MAX_LINE 1024

struct actor {
	char name[16];
	pthread_t thread;
	FILE *from_main;
	int to_actor;
	void *socket;
	const char *direction, *socket_type;
	char endpoint[256];
	long messages, frames, bytes, again, failed;
	const char *error;
	double seconds;
};

static void *context;
static struct actor actors[MAX_ACTORS];
static size_t actor_count;

static void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, zmq_strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The C library knows the system's names, not ZeroMQ's own. */
static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	if (error == ETERM)
		return "ETERM";
	if (error == EFSM)
		return "EFSM";
	return name ? name : "unknown";
}

/* ---- sockets --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int type;
} socket_types[] = { { "pair", ZMQ_PAIR }, { "pub", ZMQ_PUB },	     { "sub", ZMQ_SUB },
		     { "req", ZMQ_REQ },   { "rep", ZMQ_REP },	     { "push", ZMQ_PUSH },
		     { "pull", ZMQ_PULL }, { "dealer", ZMQ_DEALER }, { "router", ZMQ_ROUTER } };

static const struct {
	const char *name;
	int option;
} options[] = { { "rcvtimeo", ZMQ_RCVTIMEO },
		{ "sndtimeo", ZMQ_SNDTIMEO },
		{ "mandatory", ZMQ_ROUTER_MANDATORY } };

static void *open_socket(void *in, const char *type, const char **name)
{
	int none = 0;
	void *socket;

	for (size_t i = 0; i < sizeof(socket_types) / sizeof(socket_types[0]); i++) {
		if (strcmp(socket_types[i].name, type) != 0)
			continue;
		*name = socket_types[i].name;
		socket = zmq_socket(in, socket_types[i].type);
		if (!socket)
			die("zmq_socket");
		/* nothing is held back for want of a reader, nothing outlives the socket */
		zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof(none));
		zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof(none));
		zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
		if (socket_types[i].type == ZMQ_SUB)
			zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
		return socket;
	}
	errno = EINVAL;
	die(type);
	return NULL;
}

static void read_endpoint(struct actor *actor)
{
	size_t size = sizeof(actor->endpoint);
	char endpoint[sizeof(actor->endpoint)];

	if (actor->socket && !zmq_getsockopt(actor->socket, ZMQ_LAST_ENDPOINT, endpoint, &size))
		memcpy(actor->endpoint, endpoint, size);
}

static void say(const struct actor *actor, const char *verb)
{
	printf("{\"actor\": \"%s\", \"verb\": \"%s\", \"direction\": \"%s\", "
	       "\"socket_type\": \"%s\", \"endpoint\": \"%s\", \"messages\": %ld, \"frames\": %ld, \"bytes\": %ld, "
	       "\"again\": %ld, \"failed\": %ld, \"error\": \"%s\", \"seconds\": %.9f}\n",
	       actor->name, verb, actor->direction, actor->socket_type,
	       actor->endpoint[0] ? actor->endpoint : "none", actor->messages, actor->frames,
	       actor->bytes, actor->again, actor->failed, actor->error, actor->seconds);
	fflush(stdout);
}

static void say_in_main(const char *verb)
{
	printf("{\"actor\": \"main\", \"verb\": \"%s\", \"pid\": %d}\n", verb, getpid());
	fflush(stdout);
}

/* ---- frames: each function makes one call of ZeroMQ, counts it, returns what the call did ---- */

typedef int (*frame_fn)(struct actor *actor, void *socket, size_t size, int flags);

static int count(struct actor *actor, double start, int result)
{
	int error = errno;

	actor->seconds += now() - start;
	if (result >= 0) {
		actor->frames++;
		actor->bytes += result;
	} else if (error == EAGAIN) {
		actor->again++;
	} else {
		actor->failed++;
		actor->error = error_name(error);
	}
	return result;
}

static int send_buffer(struct actor *actor, void *socket, size_t size, int flags)
{
	static const char buffer[MAX_SIZE];
	double start = now();

	actor->direction = "send";
	return count(actor, start, zmq_send(socket, buffer, size, flags));
}

static int send_message(struct actor *actor, void *socket, size_t size, int flags)
{
	zmq_msg_t message;
	double start;
	int result;

	actor->direction = "send";
	if (zmq_msg_init_size(&message, size))
		die("zmq_msg_init_size");
	start = now();
	result = count(actor, start, zmq_msg_send(&message, socket, flags));
	if (result < 0)
		zmq_msg_close(&message);
	return result;
}

static int receive_buffer(struct actor *actor, void *socket, size_t size, int flags)
{
	/* too small for most frames: the result is the frame's size all the same */
	char buffer[16];
	double start = now();

	(void)size;
	actor->direction = "receive";
	return count(actor, start, zmq_recv(socket, buffer, sizeof(buffer), flags));
}

static int receive_message(struct actor *actor, void *socket, size_t size, int flags)
{
	zmq_msg_t message;
	double start;
	int result;

	(void)size;
	actor->direction = "receive";
	zmq_msg_init(&message);
	start = now();
	result = count(actor, start, zmq_msg_recv(&message, socket, flags));
	zmq_msg_close(&message);
	return result;
}

/* ---- messages -------------------------------------------------------------------------------- */

static void send_all(struct actor *actor, frame_fn send, char **args, int flags)
{
	long messages = atol(args[0]), size = atol(args[1]), parts = atol(args[2]);

	for (long i = 0; i < messages; i++) {
		long part = 0;

		while (part < parts && send(actor, actor->socket, (size_t)(size + part),
					    flags | (part < parts - 1 ? ZMQ_SNDMORE : 0)) >= 0)
			part++;
		actor->messages += part == parts;
	}
}

/* Whether a message is complete is asked of the socket, by another way than the taps'. */
static void receive_all(struct actor *actor, frame_fn receive, char **args, int flags)
{
	long messages = atol(args[0]);

	for (long i = 0; i < messages; i++) {
		size_t size = sizeof(int);
		int more = 1;

		while (more && receive(actor, actor->socket, 0, flags) >= 0)
			zmq_getsockopt(actor->socket, ZMQ_RCVMORE, &more, &size);
		actor->messages += !more;
	}
}

static void do_send(struct actor *actor, char **args)
{
	send_all(actor, send_buffer, args, 0);
}

static void do_send_msg(struct actor *actor, char **args)
{
	send_all(actor, send_message, args, 0);
}

static void do_send_now(struct actor *actor, char **args)
{
	send_all(actor, send_buffer, args, ZMQ_DONTWAIT);
}

static void do_send_msg_now(struct actor *actor, char **args)
{
	send_all(actor, send_message, args, ZMQ_DONTWAIT);
}

static void do_recv(struct actor *actor, char **args)
{
	receive_all(actor, receive_buffer, args, 0);
}

static void do_recv_msg(struct actor *actor, char **args)
{
	receive_all(actor, receive_message, args, 0);
}

static void do_recv_now(struct actor *actor, char **args)
{
	receive_all(actor, receive_buffer, args, ZMQ_DONTWAIT);
}

static void do_recv_msg_now(struct actor *actor, char **args)
{
	receive_all(actor, receive_message, args, ZMQ_DONTWAIT);
}

/* pace MESSAGES MICROSECONDS: one message per interval, whatever the sending takes */
static void do_pace(struct actor *actor, char **args)
{
	long messages = atol(args[0]), interval_ns = atol(args[1]) * 1000;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < messages; i++) {
		next.tv_nsec += interval_ns;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
			;
		actor->messages += send_buffer(actor, actor->socket, 8, 0) >= 0;
	}
}

/* ---- misuse ---------------------------------------------------------------------------------- */

/* junk_send, junk_recv CALLS: on pointers to what is no socket, a different one each time */
static void junk(struct actor *actor, frame_fn frame, char **args)
{
	long calls = atol(args[0]);
	char *memory = calloc((size_t)calls, 8192);

	if (!memory)
		die("calloc");
	for (long i = 0; i < calls; i++)
		frame(actor, i ? memory + i * 8192 : NULL, 8, 0);
	free(memory);
}

static void do_junk_send(struct actor *actor, char **args)
{
	junk(actor, send_buffer, args);
}

static void do_junk_recv(struct actor *actor, char **args)
{
	junk(actor, receive_message, args);
}

/* ---- life of a socket ------------------------------------------------------------------------ */

static void do_open(struct actor *actor, char **args)
{
	actor->socket = open_socket(context, args[0], &actor->socket_type);
	actor->endpoint[0] = 0;
}

static void do_set(struct actor *actor, char **args)
{
	int value = atoi(args[1]);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(options[i].name, args[0]) &&
		    !zmq_setsockopt(actor->socket, options[i].option, &value, sizeof(value)))
			return;
	die(args[0]);
}

static void do_bind(struct actor *actor, char **args)
{
	if (zmq_bind(actor->socket, args[0]))
		die(args[0]);
}

static void do_connect(struct actor *actor, char **args)
{
	if (zmq_connect(actor->socket, args[0]))
		die(args[0]);
}

static void do_close(struct actor *actor, char **args)
{
	(void)args;
	zmq_close(actor->socket);
	actor->socket = NULL;
}

static long count_different(void *const *places, long all)
{
	long different = 0;

	for (long i = 0, j; i < all; i++) {
		for (j = 0; j < i && places[j] != places[i]; j++)
			;
		different += j == i;
	}
	return different;
}

/* One socket's whole life, in a context of its own: the end of that waits for the socket's. */
static void *one_life(struct actor *actor, char **type_and_address, char **message)
{
	void *own = zmq_ctx_new(),
	     *place = open_socket(own, type_and_address[0], &actor->socket_type);

	actor->socket = place;
	if (strcmp(type_and_address[1], "none") != 0)
		do_connect(actor, type_and_address + 1);
	do_send(actor, message);
	read_endpoint(actor);
	do_close(actor, NULL);
	zmq_ctx_term(own);
	return place;
}

/*
 * cycle TIMES TYPE ADDRESS TYPE ADDRESS: so many sockets, one after the other, each of the one type
 * and address ("none": nowhere) or the other; the ones send a message, the others three longer
 * ones. An answer for each of both, then one that says in how many places of the memory the sockets
 * were: "messages".
 */
static void do_cycle(struct actor *actor, char **args)
{
	char *messages[2][3] = { { "1", "10", "1" }, { "3", "1000", "1" } };
	struct actor at[2] = { *actor, *actor };
	long times = atol(args[0]);
	void **places = calloc((size_t)times, sizeof(*places));

	if (!places)
		die("calloc");
	for (long i = 0; i < times; i++) {
		long which = i * i % 7 % 2; /* no step that the places could keep, too */

		places[i] = one_life(&at[which], &args[1 + 2 * which], messages[which]);
	}
	say(&at[0], "first");
	say(&at[1], "second");
	actor->messages = count_different(places, times);
	free(places);
}

/* ---- life of the process --------------------------------------------------------------------- */

/* fork MESSAGES ADDRESS: sent by a child with a context of its own, which ends at once */
static void do_fork(struct actor *actor, char **args)
{
	char *message[] = { args[0], "8", "1" };
	pid_t child = fork();
	int status;

	if (!child) {
		actor->socket = open_socket(zmq_ctx_new(), "pub", &actor->socket_type);
		do_connect(actor, &args[1]);
		do_send(actor, message);
		read_endpoint(actor);
		say(actor, "child");
		_exit(EXIT_SUCCESS);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
}

static struct actor *find_actor(const char *name)
{
	for (size_t i = 0; i < actor_count; i++)
		if (!strcmp(actors[i].name, name))
			return &actors[i];
	return NULL;
}

static struct actor *need_actor(const char *name)
{
	struct actor *actor = find_actor(name);

	if (!actor) {
		errno = ESRCH;
		die(name);
	}
	return actor;
}

/* A signal for an actor that is blocked; unanswered, since it may be too early. */
static void main_interrupt(char **args)
{
	pthread_kill(need_actor(args[0])->thread, SIGUSR1);
}

static void main_cancel(char **args)
{
	struct actor *actor = need_actor(args[0]);

	pthread_cancel(actor->thread);
	pthread_join(actor->thread, NULL);
	say_in_main("cancel");
}

/* The calls on the context's sockets return with ETERM from now on. */
static void main_shutdown(char **args)
{
	(void)args;
	zmq_ctx_shutdown(context);
	say_in_main("shutdown");
}

static void main_exec(char **args)
{
	execl(args[0], args[0], (char *)NULL);
	die(args[0]);
}

/* Ends all threads, wherever they are. */
static void main_exit(char **args)
{
	(void)args;
	_exit(EXIT_SUCCESS);
}

/* ---- commands -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int args;
	void (*run)(struct actor *actor, char **args);
} actor_verbs[] = {
	{ "open", 1, do_open }, /* TYPE */
	{ "set", 2, do_set }, /* OPTION NUMBER */
	{ "bind", 1, do_bind }, /* ADDRESS */
	{ "connect", 1, do_connect },
	{ "send", 3, do_send }, /* MESSAGES SIZE PARTS: zmq_send */
	{ "send_msg", 3, do_send_msg }, /* zmq_msg_send */
	{ "send_now", 3, do_send_now }, /* the same, not blocking */
	{ "send_msg_now", 3, do_send_msg_now },
	{ "recv", 1, do_recv }, /* MESSAGES: zmq_recv */
	{ "recv_msg", 1, do_recv_msg }, /* zmq_msg_recv */
	{ "recv_now", 1, do_recv_now },
	{ "recv_msg_now", 1, do_recv_msg_now },
	{ "pace", 2, do_pace },
	{ "junk_send", 1, do_junk_send },
	{ "junk_recv", 1, do_junk_recv },
	{ "cycle", 5, do_cycle },
	{ "fork", 2, do_fork },
	{ "close", 0, do_close },
};

static const struct {
	const char *name;
	int args;
	void (*run)(char **args);
} main_verbs[] = {
	{ "interrupt", 1, main_interrupt }, /* ACTOR */
	{ "cancel", 1, main_cancel }, /* ACTOR */
	{ "shutdown", 0, main_shutdown },   { "exec", 1, main_exec }, /* PROGRAM */
	{ "exit", 0, main_exit },
};

/* Splits in place. Missing arguments are empty. */
static int split(char *line, char **words)
{
	int words_count = 0;

	for (int i = 0; i < MAX_ARGS; i++)
		words[i] = "";
	for (char *word = strtok(line, " \n"); word && words_count < MAX_ARGS;
	     word = strtok(NULL, " \n"))
		words[words_count++] = word;
	return words_count;
}

static void act(struct actor *actor, char *line)
{
	char *words[MAX_ARGS];
	int given = split(line, words) - 2;

	actor->messages = actor->frames = actor->bytes = actor->again = actor->failed = 0;
	actor->seconds = 0;
	actor->direction = actor->error = "";
	for (size_t i = 0; i < sizeof(actor_verbs) / sizeof(actor_verbs[0]); i++) {
		if (strcmp(actor_verbs[i].name, words[1]) != 0 || actor_verbs[i].args != given)
			continue;
		actor_verbs[i].run(actor, words + 2);
		read_endpoint(actor);
		say(actor, words[1]);
		return;
	}
	errno = EINVAL;
	die(words[1]);
}

static void *actor_main(void *arg)
{
	struct actor *actor = arg;
	char line[MAX_LINE];

	while (fgets(line, sizeof(line), actor->from_main))
		act(actor, line);
	return NULL;
}

static struct actor *new_actor(const char *name)
{
	struct actor *actor = &actors[actor_count++];
	int fds[2];

	if (actor_count > MAX_ACTORS || strlen(name) >= sizeof(actor->name) || pipe(fds))
		die(name);
	memcpy(actor->name, name, strlen(name));
	actor->from_main = fdopen(fds[0], "r");
	actor->to_actor = fds[1];
	actor->socket_type = "";
	if (!actor->from_main || pthread_create(&actor->thread, NULL, actor_main, actor))
		die(name);
	return actor;
}

static void command_main(char *line)
{
	char *words[MAX_ARGS];
	int given = split(line, words) - 2;

	for (size_t i = 0; i < sizeof(main_verbs) / sizeof(main_verbs[0]); i++) {
		if (strcmp(main_verbs[i].name, words[1]) != 0 || main_verbs[i].args != given)
			continue;
		main_verbs[i].run(words + 2);
		return;
	}
	errno = EINVAL;
	die(words[1]);
}

static void command(char *line)
{
	char name[16] = "";
	struct actor *actor;

	sscanf(line, "%15s", name);
	if (!strcmp(name, "main")) {
		command_main(line);
		return;
	}
	actor = find_actor(name);
	if (!actor)
		actor = new_actor(name);
	if (write(actor->to_actor, line, strlen(line)) < 0)
		die("write");
}

static void ignore(int number)
{
	(void)number;
}

int main(void)
{
	/* poll(), in which ZeroMQ blocks, is interrupted despite SA_RESTART; our reads are not */
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	char line[MAX_LINE];

	sigaction(SIGUSR1, &action, NULL);
	context = zmq_ctx_new();
	say_in_main("start");
	while (fgets(line, sizeof(line), stdin))
		command(line);
	_exit(EXIT_SUCCESS);
}
