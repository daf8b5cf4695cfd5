/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_OBJECT_H
#define TAPMETER_TAP_OBJECT_H
/*
 * Where a tapped library keeps things inside its objects (sockets): a tag that live objects hold,
 * and a libstdc++ std::string (the endpoint). The places differ by build of the library; they are
 * found by looking at one object, and each later reading is checked. Pure functions: the tapped
 * process' memory is an argument, and whatever it holds is not trusted.
 */
#include <stddef.h>
#include <stdint.h>

#define OBJECT_TEXT_SIZE 256 /* of a text that can be read, NUL included */

struct object_scan {
	uint64_t address; /* of the object in the tapped process */
	const void *head; /* its first bytes; what lies beyond may be other objects */
	size_t size; /* of head; with 0 everything is read from the process */
	uint32_t tag; /* 0: objects of this kind have none */
	size_t prefix_count; /* a text starts with one of these */
	const char *const *prefixes;
	/* Reads memory of the tapped process. Returns the number of bytes read, -EFAULT: nothing is there, -errno: not now. */
	long (*read)(void *arg, uint64_t address, void *buf, size_t size);
	void *arg;
};

/* Offsets in the object. */
struct object_layout {
	uint32_t tag_offset; /* 0 if there is no tag */
	uint32_t text_offset;
};

/*
 * Finds both places in the head of one object. The text is the first string behind the tag that
 * is empty or starts with a prefix; without a tag it is the first that starts with a prefix.
 * -ENOENT: the tag is not there, so this is no such object; -EAGAIN: the text is not, try another
 * object; the errno of `read`, but -EFAULT. *layout changes only if 0 is returned.
 */
int object_layout_find(const struct object_scan *scan, struct object_layout *layout);

/*
 * Reads the object's text; "" if it has none. Returns its length, or
 * -ESTALE: the tag is not there, the object has been closed;
 * -EINVAL: not a text that starts with a prefix and is shorter than OBJECT_TEXT_SIZE;
 * -EFAULT: not readable; or the errno of `read`. `text` is then "".
 */
int object_text_read(const struct object_scan *scan, const struct object_layout *layout,
		     char text[OBJECT_TEXT_SIZE]);

#endif
