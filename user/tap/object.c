/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an object reaches beyond its end, for nobody outside of the library knows its size.
 * There lie other objects, living and freed ones, full of texts that look like the wanted one:
 * libzmq's table of a socket's endpoints often follows right behind it. What saves us is the
 * order of the members: in all versions of libzmq since 4.0 the last endpoint is the first string
 * behind the tag, and a string that is empty is known by pointing at itself.
 */
#include <errno.h>
#include <string.h>
#include "tap/object.h"

/* libstdc++'s std::string. Texts that are short enough lie in the string itself. */
struct string {
	uint64_t data;
	uint64_t length;
	uint64_t capacity; /* if not short; else the text begins here */
	uint64_t rest;
};

#define SHORT_OFFSET offsetof(struct string, capacity)
#define SHORT_MAX 15 /* bytes, without the NUL */

/* Exactly `size` bytes, from the head as far as they are part of it. */
static int fetch(const struct object_scan *scan, uint64_t address, void *buf, size_t size)
{
	uint64_t offset = address - scan->address;
	long n;

	if (offset < scan->size && size <= scan->size - offset) {
		memcpy(buf, (const char *)scan->head + offset, size);
		return 0;
	}
	n = scan->read(scan->arg, address, buf, size);
	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EFAULT;
}

static int has_prefix(const struct object_scan *scan, const char *text)
{
	for (size_t i = 0; i < scan->prefix_count; i++)
		if (strncmp(text, scan->prefixes[i], strlen(scan->prefixes[i])) == 0)
			return 1;
	return 0;
}

/* Whether the numbers at `address` can be a std::string's, before its text is read. */
static int is_plausible(const struct string *string, uint64_t address)
{
	if (string->length >= OBJECT_TEXT_SIZE)
		return 0;
	if (string->data == address + SHORT_OFFSET)
		return string->length <= SHORT_MAX;
	return string->data && string->capacity > SHORT_MAX && string->capacity >= string->length;
}

/* The text of the std::string at `offset`: its length or -errno. */
static int read_string(const struct object_scan *scan, uint32_t offset, char *text)
{
	uint64_t address = scan->address + offset;
	struct string string;
	int err;

	err = fetch(scan, address, &string, sizeof(string));
	if (err)
		return err;
	if (!is_plausible(&string, address))
		return -EINVAL;
	err = fetch(scan, string.data, text, string.length + 1);
	if (err)
		return err;
	/* neither a NUL inside nor one missing at the end */
	if (memchr(text, 0, string.length + 1) != text + string.length)
		return -EINVAL;
	if (string.length && !has_prefix(scan, text))
		return -EINVAL;
	return (int)string.length;
}

static int find_tag(const struct object_scan *scan, uint32_t *place)
{
	uint32_t value;

	for (uint32_t offset = 0; offset + sizeof(value) <= scan->size; offset += sizeof(value)) {
		memcpy(&value, (const char *)scan->head + offset, sizeof(value));
		if (value == scan->tag) {
			*place = offset;
			return 0;
		}
	}
	return -ENOENT;
}

/* An empty string that never was long; others cannot be told from other members. */
static int is_empty_string(const struct object_scan *scan, uint32_t offset)
{
	uint64_t address = scan->address + offset;
	struct string string;

	memcpy(&string, (const char *)scan->head + offset, sizeof(string));
	return string.data == address + SHORT_OFFSET && !string.length && !(string.capacity & 0xff);
}

/* The first string from `start` on. What lies behind one that cannot be read now may be one, too, but not the first. */
static int find_text(const struct object_scan *scan, uint32_t start, uint32_t *place)
{
	char text[OBJECT_TEXT_SIZE];

	for (uint32_t at = start; at + sizeof(struct string) <= scan->size; at += 8) {
		int length = scan->tag && is_empty_string(scan, at) ? 1 :
								      read_string(scan, at, text);

		if (length > 0) {
			*place = at;
			return 0;
		}
		/* no string, or an address that leads nowhere */
		if (length && length != -EINVAL && length != -EFAULT)
			return length;
	}
	return -EAGAIN;
}

int object_layout_find(const struct object_scan *scan, struct object_layout *layout)
{
	struct object_layout result = { 0 };
	uint32_t start = 0;
	int err;

	if (scan->tag) {
		err = find_tag(scan, &result.tag_offset);
		if (err)
			return err;
		start = (result.tag_offset + sizeof(scan->tag) + 7) & ~7u;
	}
	err = find_text(scan, start, &result.text_offset);
	if (!err)
		*layout = result;
	return err;
}

int object_text_read(const struct object_scan *scan, const struct object_layout *layout,
		     char text[OBJECT_TEXT_SIZE])
{
	uint32_t tag;
	int length;

	text[0] = '\0';
	if (scan->tag) {
		length = fetch(scan, scan->address + layout->tag_offset, &tag, sizeof(tag));
		if (length)
			return length;
		if (tag != scan->tag)
			return -ESTALE;
	}
	length = read_string(scan, layout->text_offset, text);
	if (length < 0)
		text[0] = '\0';
	return length;
}
