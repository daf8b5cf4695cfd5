/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_STARTER_H
#define TAPMETER_RELAY_STARTER_H
/*
 * A small child that has given up all privileges and does nothing but start and end the relay, so that the agent itself
 * needs neither to change users, nor to kill another user's process, nor to execute anything. It ends when the agent does,
 * whichever way, and takes the relay along. One thread.
 */
struct relay_starter;

/*
 * `program` is a descriptor of the relay's executable, which stays the caller's. Call it while the process has one
 * thread and little to inherit. -errno.
 */
int relay_starter__new(int program, struct relay_starter **out);
/* Ends the relay, too. Accepts NULL. */
void relay_starter__free(struct relay_starter *starter);

/* Starts a relay that has a copy of `socket` as its link. Its pid, or -errno; -EPIPE: the starter is gone, for good. */
int relay_starter__start(struct relay_starter *starter, int socket);
/* Ends the relay. Returns its status, as of waitpid(), or -errno. */
int relay_starter__end(struct relay_starter *starter);

#endif
