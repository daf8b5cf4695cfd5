/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcurl -lzmq */
/*
 * tapmeter-relay: the agent's child without privileges, which reads what container engines and runtimes write, and puts
 * out what the agent counts where it is asked to. The agent
 * has taken its privileges away before this program begins (user/relay_link.c).
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/lookups.h"
#include "relay/outputs.h"
#include "util/exit_code.h"
#include "util/log.h"
#include "util/relay_proto.h"
#include "util/relay_settings.h"

#define MAX_MEMORY (256ul << 20) /* address space: what a hostile answer may cost */
#define MAX_FILES (RELAY_MAX_LOOKUPS + 16)
#define OUTPUTS_MEMORY (768ul << 20) /* as well; pages of the feed are part of it */
#define OUTPUTS_FILES 512 /* as well: connections */
#ifdef __SANITIZE_THREAD__
#define THREAD_STACK (4ul << 20) /* its variables of each thread are part of it */
#else
#define THREAD_STACK (256ul << 10) /* of each thread, of libraries too: they do not recurse */
#endif

static int is_link(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_SEQPACKET;
}

static int confine(void)
{
	const struct rlimit files = { MAX_FILES, MAX_FILES + OUTPUTS_FILES };
	const struct rlimit none = { 0, 0 };
	sigset_t no_signals;

	sigemptyset(&no_signals);
	/* executed by its descriptor, it would be called by that number */
	prctl(PR_SET_NAME, "tapmeter-relay");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    /* not before: a change of the user clears it. If the agent has gone already, the link is at its end. */
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || setrlimit(RLIMIT_NOFILE, &files) ||
	    setrlimit(RLIMIT_CORE, &none) || sigprocmask(SIG_SETMASK, &no_signals, NULL))
		return -errno;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* not with sanitizers, whose shadow memory is larger */
	const struct rlimit memory = { MAX_MEMORY, MAX_MEMORY + OUTPUTS_MEMORY };

	if (setrlimit(RLIMIT_AS, &memory))
		return -errno;
#endif
	/* a terminal's Ctrl-C is for the agent, and so is what a service manager sends to all; then the link ends */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Up to the hard limit, which leaves room for outputs. */
static int raise_limit(__rlimit_resource_t resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) ? -errno : 0;
}

/* Threads are cheap in address space, which is limited: small stacks, and no heap for each. */
static int make_room_for_outputs(void)
{
	pthread_attr_t attr;
	int err;

	mallopt(M_ARENA_MAX, 1);
	err = raise_limit(RLIMIT_NOFILE);
	if (!err)
		err = raise_limit(RLIMIT_AS);
	if (err)
		return err;
	err = -pthread_attr_init(&attr);
	if (err)
		return err;
	err = -pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (!err)
		err = -pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return err;
}

static int start_outputs(void *arg, const struct relay_settings *settings, int feed, int listener)
{
	struct outputs **outputs = arg;
	int err = *outputs ? -EPROTO : relay_settings_check(settings);

	if (!err)
		err = make_room_for_outputs();
	if (err)
		return err;
	log_setup((enum log_level)relay_settings_get_u64(settings, "log.level"),
		  (enum log_format)relay_settings_get_u64(settings, "log.format"));
	return outputs__start(settings, feed, listener, RELAY_FD, outputs);
}

int main(void)
{
	struct outputs *outputs = NULL;
	int err;

	if (!is_link(RELAY_FD)) {
		fprintf(stderr, "tapmeter-relay is started by `tapmeter run`\n");
		return EXIT_CODE_USAGE;
	}
	err = confine();
	if (!err)
		err = lookups_serve(RELAY_FD, start_outputs, &outputs);
	outputs__join(outputs);
	if (err)
		log_msg(LOG_ERROR, "relay stopped", LOG_STR("error", strerror(-err)));
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
