/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_FILE ((size_t)64 * 1024)

/* The first part of the file, at most `room` bytes. Returns how many, or -errno. */
static ssize_t read_part(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + len, room - len);
		err = n < 0 ? -errno : 0;
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < room) || err == -EINTR);
	close(fd);
	return err ? err : (ssize_t)len;
}

static int read_text(const char *path, char **out)
{
	char *text = malloc(MAX_FILE + 1);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = read_part(path, text, MAX_FILE);
	if (len < 0 || (size_t)len == MAX_FILE) {
		free(text);
		return len < 0 ? (int)len : -E2BIG;
	}
	text[len] = '\0';
	for (ssize_t i = 0; i < len; i++) {
		if (((unsigned char)text[i] < ' ' && !strchr("\t\r\n", text[i])) ||
		    text[i] == 0x7f || !text[i]) {
			free(text);
			return -EINVAL;
		}
	}
	*out = text;
	return 0;
}

static int split_lines(char *text, const char **lines, size_t max)
{
	size_t count = 0;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\r\n"))) {
		if (!*line)
			continue;
		if (count == max)
			return -E2BIG;
		lines[count++] = line;
	}
	return (int)count;
}

int secret_read_lines(const char *path, char **text, const char **lines, size_t max, char *err,
		      size_t err_len)
{
	const char *why;
	int ret;

	*text = NULL;
	ret = read_text(path, text);
	if (!ret)
		ret = split_lines(*text, lines, max);
	if (ret >= 0)
		return ret;
	why = ret == -E2BIG  ? "too large" :
	      ret == -EINVAL ? "control characters in it" :
			       strerrordesc_np(-ret);
	snprintf(err, err_len, "%s: %s", path, why);
	return ret;
}

int is_basic_auth(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && colon > text && colon[1];
}

int basic_auth_read(const char *text, struct basic_auth *out, char *err, size_t err_len)
{
	const char *colon = strchr(text, ':'), *line = NULL;
	char *file;
	int lines;

	*out = (struct basic_auth){ 0 };
	lines = secret_read_lines(colon + 1, &file, &line, 1, err, err_len);
	if (lines == 1 && line) {
		out->user = strndup(text, (size_t)(colon - text));
		out->password = strdup(line);
	}
	if (file)
		explicit_bzero(file, strlen(file));
	free(file);
	if (lines == 1 && out->user && out->password)
		return 0;
	if (lines >= 0)
		snprintf(err, err_len, "%s: %s", colon + 1,
			 lines ? "out of memory" : "it is empty, expected a password");
	return lines < 0 ? lines : lines ? -ENOMEM : -EINVAL;
}

void basic_auth_free(struct basic_auth *auth)
{
	if (auth->password)
		explicit_bzero(auth->password, strlen(auth->password));
	free(auth->user);
	free(auth->password);
	*auth = (struct basic_auth){ 0 };
}

void secret_keep(void)
{
	const struct rlimit none = { 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
}
