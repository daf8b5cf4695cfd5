/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "subject/cgroup.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID3 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11"
#define UID_ "2d3bbb23_0b4a_4b0c_9a3e_5f5a1f0c7a11"
#define STATIC_UID "c4fb8bbf09e3ab4d5b2f4e8b1a7c6d5e"
#define USER "/user.slice/user-1000.slice/user@1000.service"

struct path_case {
	const char *path;
	const char *container; /* NULL = none */
	const char *pod_uid;
};

static const struct path_case paths[] = {
	/* docker */
	{ "/docker/" ID, ID, "" },
	{ "/docker/0123456789ab", "0123456789ab", "" },
	{ "/system.slice/docker-" ID ".scope", ID, "" },
	{ "/system.slice/docker-" ID ".scope/init", ID, "" },
	{ "/system.slice/docker-" ID ".scope/system.slice/sshd.service", ID, "" },
	{ "/batch.slice/docker-" ID ".scope", ID, "" },
	{ USER "/user.slice/docker-" ID ".scope", ID, "" },
	{ "/docker-" ID ".scope", ID, "" },
	{ "/ecs/" STATIC_UID "/" ID, ID, "" },
	{ "/ecstasks.slice/ecstasks-" STATIC_UID ".slice/docker-" ID ".scope", ID, "" },
	{ "/actions_job/" ID, ID, "" },
	/* docker in docker: the innermost */
	{ "/docker/" ID "/docker/" ID2, ID2, "" },
	{ "/system.slice/docker-" ID ".scope/docker/" ID2, ID2, "" },
	/* containerd and CRI */
	{ "/kubepods/burstable/pod" UID "/" ID, ID, UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, ID, UID },
	{ "/kubepods/pod" UID "/" ID, ID, UID },
	{ "/kubepods/burstable/pod" STATIC_UID "/" ID, ID, STATIC_UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, UID },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", ID, UID },
	{ "/kubepods.slice/kubepods-pod" STATIC_UID ".slice/cri-containerd-" ID ".scope", ID,
	  STATIC_UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/docker-" ID
	  ".scope",
	  ID, UID },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_
	  ".slice:cri-containerd:" ID,
	  ID, UID },
	{ "/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID, ID, UID },
	{ "/system.slice:docker:" ID, ID, "" },
	{ "/k8s.io/" ID, ID, "" },
	{ "/default/" ID, ID, "" },
	{ "/system.slice/nerdctl-" ID ".scope", ID, "" },
	/* a cluster in a container (kind, minikube), a container inside a pod */
	{ "/docker/" ID "/kubelet/kubepods/burstable/pod" UID "/" ID2, ID2, UID },
	{ "/system.slice/docker-" ID ".scope/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" ID2 ".scope",
	  ID2, UID },
	{ "/kubepods/burstable/pod" UID "/" ID "/docker/" ID2, ID2, UID },
	/* what is below the container says nothing of the pod around it */
	{ "/docker/" ID "/kubepods/pod" UID "/tasks", ID, "" },
	/* CRI-O */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" ID
	  ".scope",
	  ID, UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container", ID, UID },
	{ "/kubepods/burstable/pod" UID "/crio-" ID, ID, UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", NULL, "" },
	{ "/kubepods/burstable/pod" UID "/crio-conmon-" ID, NULL, "" },
	/* podman */
	{ "/machine.slice/libpod-" ID ".scope", ID, "" },
	{ "/machine.slice/libpod-" ID ".scope/container", ID, "" },
	{ USER "/user.slice/libpod-" ID ".scope/container", ID, "" },
	{ "/libpod_parent/libpod-" ID, ID, "" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", ID, "" },
	{ "/system.slice/web.service/libpod-payload-" ID, ID, "" },
	{ "/system.slice/web.service/supervisor", NULL, "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", NULL, "" },
	{ "/libpod_parent/conmon", NULL, "" },
	/* no container */
	{ "/", NULL, "" },
	{ "", NULL, "" },
	{ "/init.scope", NULL, "" },
	{ "/system.slice/docker.service", NULL, "" },
	{ "/system.slice/containerd.service", NULL, "" },
	{ USER "/app.slice/app-gnome-terminal-4711.scope", NULL, "" },
	{ "/user.slice/user-1000.slice/session-12.scope", NULL, "" },
	{ "/kubepods.slice/kubepods-burstable.slice", NULL, "" },
	{ "/kubepods/burstable/pod" UID, NULL, "" },
	{ "/system.slice/run-r" STATIC_UID ".scope", NULL, "" },
	{ "/lxc.payload.web", NULL, "" },
	{ "/machine.slice/machine-web.scope", NULL, "" },
	/* seen from another cgroup namespace; the directory removed */
	{ "/../docker-" ID ".scope", ID, "" },
	{ "/../../kubepods/pod" UID "/" ID, ID, UID },
	{ "/..", NULL, "" },
	{ "/system.slice/docker-" ID ".scope (deleted)", ID, "" },
	/* not quite an id */
	{ "/docker/0123456789a", NULL, "" },
	{ "/docker/" ID "0", NULL, "" },
	{ "/docker/0123456789AB", NULL, "" },
	{ "/docker/0123456789ag", NULL, "" },
	/* hex digits of another length, of no engine */
	{ "/process_api/" STATIC_UID, NULL, "" },
	{ "/" STATIC_UID ".scope", NULL, "" },
	{ "/web/0123456789ab", NULL, "" },
	{ "/docker/buildkit/qjqvpq2ee8zs1bwpjbcs9axs2", NULL, "" },
	{ "/docker-" ID ".service", NULL, "" },
	{ "/docker-.scope", NULL, "" },
	{ "/docker-", NULL, "" },
	{ "/.scope", NULL, "" },
	{ "/foo:bar:" ID, NULL, "" },
	{ "/:", NULL, "" },
	{ "/:::" ID, NULL, "" },
	/* not quite a pod UID */
	{ "/kubepods/pod2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a1/" ID, ID, "" },
	{ "/kubepods/pod2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a1112/" ID, ID, "" },
	{ "/kubepods/pod2d3bbb2300b4a-4b0c-9a3e-5f5a1f0c7a11/" ID, ID, "" },
	{ "/kubepods/pod" ID2 "/" ID, ID, "" },
	{ "/pod/" ID, ID, "" },
	{ "/pod-/" ID, ID, "" },
	{ "/-pod/" ID, ID, "" },
	{ "/pod.slice/" ID, ID, "" },
	/* slashes where none are needed */
	{ "//docker//" ID "//", ID, "" },
	{ "/docker/../" ID "/../../etc/passwd", ID, "" },
};

static void assert_identity(const struct cgroup_identity *id, int err, const struct path_case *c)
{
	if (err != (c->container ? 0 : -ENOENT) ||
	    strcmp(id->container, c->container ? c->container : "") != 0 ||
	    strcmp(id->pod_uid, c->pod_uid) != 0)
		fail_msg("%s: %d container '%s' pod '%s'", c->path, err, id->container,
			 id->pod_uid);
}

/* fills it with something to see that failures empty it */
static struct cgroup_identity junk(void)
{
	struct cgroup_identity id;

	memset(&id, 'x', sizeof(id));
	return id;
}

static void paths_of_all_engines_are_known_in_text(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct cgroup_identity id = junk();
		char text[1024];
		int err;

		snprintf(text, sizeof(text), "0::%s\n", paths[i].path);
		err = cgroup_container_from_text(text, &id);
		assert_identity(&id, err, &paths[i]);
		id = junk();
		snprintf(text, sizeof(text), "4:cpu,cpuacct:%s", paths[i].path);
		err = cgroup_container_from_text(text, &id);
		assert_identity(&id, err, &paths[i]);
	}
}

/* Splits as the Linux kernel's directories are: leaf first. Returns how many, -1 if they do not fit. */
static int split(const char *path, char names[TM_CGROUP_DEPTH][TM_CGROUP_NAME])
{
	const char *end = path + strlen(path);
	int n = 0;

	while (end > path) {
		const char *start = end;

		while (start > path && start[-1] != '/')
			start--;
		if (n == TM_CGROUP_DEPTH || end - start >= TM_CGROUP_NAME - 1)
			return -1;
		memset(names[n], 0, TM_CGROUP_NAME);
		memcpy(names[n++], start, (size_t)(end - start));
		end = start > path ? start - 1 : path;
	}
	return n;
}

static void paths_of_all_engines_are_known_as_names(void **state)
{
	size_t i, used = 0;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char names[TM_CGROUP_DEPTH][TM_CGROUP_NAME];
		struct cgroup_identity id = junk();
		int err, n = split(paths[i].path, names);

		/* " (deleted)" is a matter of /proc */
		if (n < 0 || strchr(paths[i].path, '('))
			continue;
		err = cgroup_container_from_names((const char(*)[TM_CGROUP_NAME])names, (size_t)n,
						  &id);
		assert_identity(&id, err, &paths[i]);
		used++;
	}
	assert_true(used > 60);
}

static const struct {
	const char *text;
	const char *container;
} texts[] = {
	/* v2 only */
	{ "0::/system.slice/docker-" ID ".scope\n", ID },
	/* hybrid: v2 has the answer, or has not */
	{ "1:memory:/docker/" ID2 "\n0::/docker/" ID "\n", ID },
	{ "12:pids:/docker/" ID3 "\n5:memory:/docker/" ID2
	  "\n0::/system.slice/containerd.service\n",
	  ID2 },
	{ "5:memory:/docker/" ID2 "\n12:pids:/docker/" ID3 "\n0::/\n", ID2 },
	/* v1 only, as docker makes it */
	{ "12:hugetlb:/docker/" ID "\n11:memory:/docker/" ID "\n10:cpu,cpuacct:/docker/" ID
	  "\n9:net_cls,net_prio:/docker/" ID "\n1:name=systemd:/docker/" ID "\n",
	  ID },
	{ "3:cpu,memory,pids:/docker/" ID "\n2:cpuset:/docker/" ID2 "\n", ID },
	{ "2:cpuset:/docker/" ID2 "\n3:cpu,memory:/docker/" ID "\n", ID },
	{ "2:memory:/\n3:devices:/docker/" ID "\n4:pids:/docker/" ID2 "\n", ID },
	{ "2:memory_but_not_quite:/docker/" ID "\n3:memory:/docker/" ID2 "\n", ID2 },
	{ "1:name=systemd:/docker/" ID "\n", ID },
	/* a path may contain colons */
	{ "0::/kubepods-pod" UID_ ".slice:cri-containerd:" ID "\n", ID },
	/* no newline at the end, none at all, empty lines, carriage return */
	{ "0::/docker/" ID, ID },
	{ "\n\n0::/docker/" ID "\n\n", ID },
	{ "0::/docker/" ID "\r\n", NULL },
	/* no lines of this file */
	{ "", NULL },
	{ "\n", NULL },
	{ ":", NULL },
	{ "::", NULL },
	{ ":::", NULL },
	{ "0:", NULL },
	{ "0::docker/" ID "\n", NULL },
	{ "0::", NULL },
	{ "garbage", NULL },
	{ "/docker/" ID "\n", NULL },
	{ "0:/docker/" ID "\n", NULL },
	{ "5:memory\n", NULL },
	{ "5:,,,memory,:/docker/" ID "\n", ID },
};

static void v2_is_believed_first_then_memory_then_any(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cgroup_identity id = junk();
		int err = cgroup_container_from_text(texts[i].text, &id);
		const struct path_case c = { texts[i].text, texts[i].container, id.pod_uid };

		assert_identity(&id, err, &c);
	}
}

static void a_pod_of_another_hierarchy_is_not_mixed_in(void **state)
{
	struct cgroup_identity id;

	(void)state;
	assert_int_equal(cgroup_container_from_text(
				 "3:memory:/kubepods/pod" UID "/" ID2 "\n0::/docker/" ID "\n", &id),
			 0);
	assert_string_equal(id.container, ID);
	assert_string_equal(id.pod_uid, "");
}

static void text_ends_at_an_embedded_nul(void **state)
{
	struct cgroup_identity id;

	(void)state;
	assert_int_equal(cgroup_container_from_text("0::/docker/\0" ID "\n", &id), -ENOENT);
	assert_int_equal(cgroup_container_from_text("0::/docker/" ID "\0ff\n", &id), 0);
	assert_string_equal(id.container, ID);
}

static void a_very_long_path_is_read_to_its_end(void **state)
{
	size_t i, len = 1 << 20;
	char *text = malloc(len + 256);
	struct cgroup_identity id;

	(void)state;
	assert_non_null(text);
	i = (size_t)snprintf(text, len, "0::/docker/" ID "/");
	for (; i < len; i++)
		text[i] = i % 7 ? 'a' : '/';
	text[len] = '\0';
	assert_int_equal(cgroup_container_from_text(text, &id), 0);
	assert_string_equal(id.container, ID);
	/* one name of hex digits without end */
	memset(text + 4, 'a', len - 4);
	assert_int_equal(cgroup_container_from_text(text, &id), -ENOENT);
	free(text);
}

static void a_name_that_may_be_cut_off_is_not_read_as_a_shorter_id(void **state)
{
	char names[3][TM_CGROUP_NAME] = { "", "docker-" ID2 ".scope", "" };
	struct cgroup_identity id = junk();

	(void)state;
	/* 144 bytes when whole; what is left of the id looks like one */
	memcpy(names[0], "kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
	       TM_CGROUP_NAME - 1);
	assert_int_equal(cgroup_container_from_names((const char(*)[TM_CGROUP_NAME])names, 3, &id),
			 -ENAMETOOLONG);
	assert_string_equal(id.container, "");
	/* above the container it does not matter */
	memcpy(names[2], names[0], sizeof(names[0]));
	memcpy(names[0], "init", sizeof("init"));
	assert_int_equal(cgroup_container_from_names((const char(*)[TM_CGROUP_NAME])names, 3, &id),
			 0);
	assert_string_equal(id.container, ID2);
}

static void a_name_without_nul_is_not_read_beyond_its_end(void **state)
{
	char(*names)[TM_CGROUP_NAME] = malloc(sizeof(*names));
	struct cgroup_identity id;

	(void)state;
	assert_non_null(names);
	memset(names, 'a', sizeof(*names));
	assert_int_equal(cgroup_container_from_names((const char(*)[TM_CGROUP_NAME])names, 1, &id),
			 -ENAMETOOLONG);
	assert_int_equal(cgroup_container_from_names((const char(*)[TM_CGROUP_NAME])names, 0, &id),
			 -ENOENT);
	free(names);
}

#define SCOPE "/system.slice/docker-" ID ".scope"

static void a_container_s_directory_is_found_in_each_hierarchy(void **state)
{
	static const struct {
		const char *text, *controller, *name, *path; /* NULL: none */
	} cases[] = {
		{ "0::" SCOPE "\n", "", ID, SCOPE },
		/* a systemd inside the container has cgroups of its own */
		{ "0::" SCOPE "/init.scope\n", "", ID, SCOPE },
		{ "0::" SCOPE "/system.slice/nginx.service\n", "", ID, SCOPE },
		{ "0::" SCOPE " (deleted)\n", "", ID, SCOPE },
		{ "5:cpu,cpuacct:/docker/" ID "\n4:memory:/other\n0::/\n", "cpuacct", ID,
		  "/docker/" ID },
		{ "5:cpu,cpuacct:/docker/" ID "\n4:memory:/other\n0::/\n", "memory", ID, NULL },
		{ "5:cpu,cpuacct:/docker/" ID "\n4:memory:/other\n0::/\n", "", ID, NULL },
		{ "5:cpu,cpuacct:/docker/" ID "\n", "cpu", ID, "/docker/" ID },
		{ "5:cpuset:/docker/" ID "\n", "cpu", ID, NULL },
		{ "1:name=systemd:/docker/" ID "\n", "", ID, NULL },
		/* docker in docker */
		{ "0::/docker/" ID "/docker/" ID2 "\n", "", ID2, "/docker/" ID "/docker/" ID2 },
		{ "0::/docker/" ID "/docker/" ID2 "\n", "", ID, "/docker/" ID },
		{ "0::/docker/" ID "\n", "", ID2, NULL },
		{ "0::/system.slice/nginx.service\n", "", "nginx.service",
		  "/system.slice/nginx.service" },
		{ "0::/system.slice/nginx.service/worker\n", "", "nginx.service",
		  "/system.slice/nginx.service" },
		{ "0::/system.slice/nginx.service2\n", "", "nginx.service", NULL },
		{ "0::/system.slice\n", "", "", NULL },
		{ "0::/\n", "", "", NULL },
		{ "", "", ID, NULL },
		{ "0:", "", ID, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[256] = "untouched";
		int err = cgroup_container_path(cases[i].text, cases[i].controller, cases[i].name,
						path, sizeof(path));

		if (err != (cases[i].path ? 0 : -ENOENT))
			fail_msg("%s: %d", cases[i].text, err);
		assert_string_equal(path, cases[i].path ? cases[i].path : "untouched");
	}
}

static void a_directory_that_does_not_fit_is_not_cut_off(void **state)
{
	char path[sizeof(SCOPE)] = "untouched";

	(void)state;
	assert_int_equal(cgroup_container_path("0::" SCOPE "\n", "", ID, path, sizeof(path) - 1),
			 -ENAMETOOLONG);
	assert_string_equal(path, "untouched");
	assert_int_equal(cgroup_container_path("0::" SCOPE "\n", "", ID, path, sizeof(path)), 0);
	assert_string_equal(path, SCOPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_all_engines_are_known_in_text),
		cmocka_unit_test(paths_of_all_engines_are_known_as_names),
		cmocka_unit_test(v2_is_believed_first_then_memory_then_any),
		cmocka_unit_test(a_pod_of_another_hierarchy_is_not_mixed_in),
		cmocka_unit_test(text_ends_at_an_embedded_nul),
		cmocka_unit_test(a_very_long_path_is_read_to_its_end),
		cmocka_unit_test(a_name_that_may_be_cut_off_is_not_read_as_a_shorter_id),
		cmocka_unit_test(a_name_without_nul_is_not_read_beyond_its_end),
		cmocka_unit_test(a_container_s_directory_is_found_in_each_hierarchy),
		cmocka_unit_test(a_directory_that_does_not_fit_is_not_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
