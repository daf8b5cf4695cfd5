/* SPDX-License-Identifier: Apache-2.0 */
#include "page_file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t wrote = write(fd, data, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		data += wrote;
		len -= (size_t)wrote;
	}
	return 0;
}

/* Piece by piece, so that the page is in memory once. */
static int write_page(struct page *page, uint64_t max, int fd, uint64_t *size)
{
	struct strbuf piece = STRBUF_INIT;
	int more = 1, err = 0;

	while (more > 0 && !err) {
		more = page__next(page, &piece);
		*size += piece.len;
		if (more < 0)
			err = more;
		else if (*size > max)
			err = -EFBIG;
		else
			err = write_all(fd, piece.data, piece.len);
		strbuf_clear(&piece);
	}
	strbuf_free(&piece);
	return err;
}

static int fill(const struct families_input *in, uint64_t max, int fd, uint64_t *size)
{
	struct page *page;
	int err = page__new(in, EXPOSITION_PROTOBUF, &page);

	if (err)
		return err;
	err = write_page(page, max, fd, size);
	page__free(page);
	return err;
}

int page_file_new(const struct families_input *in, uint64_t max, int *fd, uint64_t *size)
{
	int memfd = memfd_create("tapmeter-page", MFD_CLOEXEC | MFD_ALLOW_SEALING), err = 0;

	if (memfd < 0)
		return -errno;
	*size = 0;
	if (in)
		err = fill(in, max, memfd, size);
	if (!err &&
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		err = -errno;
	if (err) {
		close(memfd);
		return err;
	}
	*fd = memfd;
	return 0;
}
