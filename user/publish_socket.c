/* SPDX-License-Identifier: Apache-2.0 */
#include "publish_socket.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "serve/listen.h"

#define BACKLOG 128
#define IPC "ipc://"
#define TCP "tcp://"

static int starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Nobody listens there any more: as after a crash. What is no socket is left alone. */
static int is_left_over(const struct sockaddr_un *address, socklen_t len)
{
	struct stat st;
	int fd, refused;

	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	refused = connect(fd, (const struct sockaddr *)address, len) && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_ipc(int fd, const struct sockaddr_un *address, socklen_t len)
{
	const struct sockaddr *any = (const struct sockaddr *)address;

	if (!bind(fd, any, len))
		return 0;
	if (errno != EADDRINUSE || !is_left_over(address, len))
		return -errno;
	return unlink(address->sun_path) || bind(fd, any, len) ? -errno : 0;
}

static int open_ipc(const char *name, struct publish_socket *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd, err;

	if (!*name || strlen(name) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, name, strlen(name));
	if (*name == '@')
		address.sun_path[0] = 0;
	else
		len++;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = bind_ipc(fd, &address, len);
	if (err) {
		close(fd);
		return err;
	}
	out->fd = fd;
	/* from now on it is ours to remove */
	_Static_assert(sizeof(out->path) == sizeof(address.sun_path), "the same room");
	memcpy(out->path, address.sun_path, sizeof(out->path));
	if (!listen(fd, BACKLOG))
		return 0;
	err = -errno;
	publish_socket_close(out);
	return err;
}

static int open_tcp(const char *address, struct publish_socket *out, char *err, size_t err_len)
{
	struct listen_socket opened;
	/* all addresses: "*:PORT" to ZeroMQ, ":PORT" to us */
	int ret = listen_open(address + (*address == '*'), &opened, err, err_len);

	if (!ret)
		out->fd = opened.fd;
	return ret;
}

int publish_socket_open(const char *endpoint, struct publish_socket *out, char *err, size_t err_len)
{
	int ret = -EINVAL;

	*out = (struct publish_socket)PUBLISH_SOCKET_NONE;
	if (starts_with(endpoint, TCP))
		return open_tcp(endpoint + strlen(TCP), out, err, err_len);
	if (starts_with(endpoint, IPC))
		ret = open_ipc(endpoint + strlen(IPC), out);
	if (ret)
		snprintf(err, err_len, "cannot publish at %.200s: %s", endpoint, strerror(-ret));
	return ret;
}

void publish_socket_close(struct publish_socket *socket)
{
	if (socket->fd < 0)
		return;
	close(socket->fd);
	if (socket->path[0])
		unlink(socket->path);
	*socket = (struct publish_socket)PUBLISH_SOCKET_NONE;
}
