/* SPDX-License-Identifier: Apache-2.0 */
/* What the Linux kernel and containers say of a process: /proc/PID/cgroup, environment, mountinfo, names of cgroups. */
#include <stdio.h>
#include "fuzz.h"
#include "subject/cgroup.h"
#include "subject/environ.h"
#include "subject/mounts.h"
#include "subject/process.h"
#include "subject/unit.h"
#include "util/plausible.h"

static void read_cgroups(const char *text)
{
	struct cgroup_identity identity;
	char path[512], unit[UNIT_MAX];

	if (!cgroup_container_from_text(text, &identity)) {
		size_t len = strspn(identity.container, "0123456789abcdef");

		fuzz_expect(!identity.container[len] && len >= CGROUP_CONTAINER_MIN);
		if (!cgroup_container_path(text, "memory", identity.container, path, sizeof(path)))
			fuzz_expect(path[0] == '/');
		cgroup_container_path(text, "", identity.container, path, sizeof(path));
	}
	if (!unit_from_text(text, unit))
		fuzz_expect(plausible_name(unit, sizeof(unit)));
}

static void read_names(const uint8_t *data, size_t size)
{
	char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { 0 };
	struct cgroup_identity identity;
	struct subject subject;
	char path[256];

	memcpy(names, data, size < sizeof(names) ? size : sizeof(names));
	cgroup_container_from_names(names[0], TM_CGROUP_DEPTH, &identity);
	cgroup_path_from_names(names[0], TM_CGROUP_DEPTH, path, sizeof(path));
	subject_from_names(names, &subject);
	fuzz_expect(memchr(subject.kernel_id, 0, sizeof(subject.kernel_id)) &&
		    subject.kernel_id[0]);
}

/* The environment comes in pieces: however it is cut, the same is found. */
static void read_environ(const uint8_t *data, size_t size)
{
	char whole[128], cut[128];
	struct environ_search one = { .name = "BACKENDAI_KERNEL_ID", .value = whole, .size = 128 };
	struct environ_search two = { .name = "BACKENDAI_KERNEL_ID", .value = cut, .size = 128 };
	const char *text = (const char *)data;

	environ_feed(&one, text, size);
	for (size_t at = 0; at < size; at += 3)
		if (environ_feed(&two, text + at, size - at < 3 ? size - at : 3))
			break;
	fuzz_expect(one.found == two.found);
	fuzz_expect(one.found != 1 || !strcmp(whole, cut));
}

static void read_mounts(const uint8_t *data, size_t size)
{
	struct cgroup_mounts *mounts;
	int fd = fuzz_file(data, size);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!cgroup_mounts__new(path, &mounts))
		cgroup_mounts__free(mounts);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	read_cgroups(text);
	read_names(data, size);
	read_environ(data, size);
	read_mounts(data, size);
	free(text);
	return 0;
}
