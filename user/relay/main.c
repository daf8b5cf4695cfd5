/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tapmeter-relay: the agent's child without privileges, which reads what container engines and runtimes write. The agent
 * has taken its privileges away before this program begins (user/relay_link.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/lookups.h"
#include "util/exit_code.h"
#include "util/log.h"
#include "util/relay_proto.h"

#define MAX_MEMORY (256ul << 20) /* address space: what a hostile answer may cost */

static int is_link(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_SEQPACKET;
}

static int confine(void)
{
	const struct rlimit files = { RELAY_MAX_LOOKUPS + 16, RELAY_MAX_LOOKUPS + 16 };
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
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory is larger */
	const struct rlimit memory = { MAX_MEMORY, MAX_MEMORY };

	if (setrlimit(RLIMIT_AS, &memory))
		return -errno;
#endif
	/* a terminal's Ctrl-C is for the agent; then the link ends */
	signal(SIGINT, SIG_IGN);
	return 0;
}

int main(void)
{
	int err;

	if (!is_link(RELAY_FD)) {
		fprintf(stderr, "tapmeter-relay is started by `tapmeter run`\n");
		return EXIT_CODE_USAGE;
	}
	err = confine();
	if (!err)
		err = lookups_serve(RELAY_FD);
	if (err)
		log_msg(LOG_ERROR, "relay stopped", LOG_STR("error", strerror(-err)));
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
