/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_IDENTIFY_H
#define TAPMETER_TAP_IDENTIFY_H
/*
 * The text of a new stream's labels: the name of its process, the class and the endpoint of its object. From
 * what BPF read at the first call, or from the process if that got lost.
 */
#include "tap/probes.h"
#include "tap/profile.h"

struct aside;

struct stream_labels_text {
	char comm[TM_COMM_LEN]; /* "" = not known */
	char endpoint[TM_TEXT_LEN]; /* "none", "unknown"; "" if the profile's objects have no text */
	const char *socket_type; /* "unknown"; "" if the profile's objects have no class */
};

/* What BPF is to know of a profile's objects before one of them has been scanned. */
void object_class_fill(const struct profile_object *object, const struct profile_message *message,
		       struct tm_object_class *out);

/*
 * Fills in the labels of the stream in `slot`. `event` may be NULL (lost). The first object of a class also
 * shows where objects of the class keep their text: that is then told to the BPF programs. Returns 1; 0: the process had
 * gone before its labels were read; -EAGAIN: its memory cannot be read now, what is not known of it is "unknown". `aside`:
 * aside.h.
 */
int identify_stream(struct probes *probes, struct aside *aside, const struct profile *profile,
		    const struct tm_slot *slot, const struct tm_stream_event *event,
		    struct stream_labels_text *out);

#endif
