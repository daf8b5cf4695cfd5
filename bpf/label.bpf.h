/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_LABEL_BPF_H
#define TAPMETER_LABEL_BPF_H
/*
 * What a new stream's labels are made of, read while the process certainly is there: the class and
 * the text of its object, the process's name and its cgroups.
 */
#include "maps.bpf.h"

/*
 * Itanium C++ ABI: the first word of an object points into its vtable, the word before that place to
 * the type_info, whose second word is the mangled name. The name is "" if its page is not there: it lies with
 * constants that the process, a forked one say, may not have touched yet.
 */
static __always_inline int class_name_read(__u64 object, char *name, __u32 size)
{
	__u64 vtable, type_info, text;

	if (bpf_probe_read_user(&vtable, sizeof(vtable), (void *)object) ||
	    bpf_probe_read_user(&type_info, sizeof(type_info), (void *)(vtable - 8)) ||
	    bpf_probe_read_user(&text, sizeof(text), (void *)(type_info + 8)))
		return -1;
	bpf_probe_read_user_str(name, size, (void *)text);
	return 0;
}

static __always_inline bool class_matches(const char *prefix, const char *name)
{
	int i;

	for (i = 0; i < 24; i++) {
		if (!prefix[i])
			return true;
		if (prefix[i] != name[i])
			return false;
	}
	return true;
}

/* Is this pointer a live object of the spec's class? Always true for functions without a class. */
static __noinline bool object_valid(const struct tm_spec *spec, __u64 object)
{
	char name[TM_CLASS_LEN] = {};
	struct tm_object_class *class;
	__u32 index = spec->object_class, tag;

	if (!index)
		return true;
	class = bpf_map_lookup_elem(&object_classes, &index);
	if (!class)
		return true;
	if (class->known && class->tag)
		return !bpf_probe_read_user(&tag, sizeof(tag),
					    (void *)(object + class->tag_offset)) &&
		       tag == class->tag;
	if (!class->class_prefix[0])
		return true;
	return !class_name_read(object, name, sizeof(name)) &&
	       (!name[0] || class_matches(class->class_prefix, name));
}

static __always_inline void cgroup_names(struct cgroup *cgroup, char names[][TM_CGROUP_NAME])
{
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);
	const char *name;
	int i;

	for (i = 0; i < TM_CGROUP_DEPTH && node; i++) {
		name = BPF_CORE_READ(node, name);
		bpf_probe_read_kernel_str(names[i], TM_CGROUP_NAME, name);
		if (bpf_core_field_exists(node->__parent)) {
			node = BPF_CORE_READ(node, __parent);
		} else {
			struct kernfs_node___before_6_15 *old = (void *)node;

			node = BPF_CORE_READ(old, parent);
		}
	}
}

/* The task's cgroup in the hierarchy of the memory controller, which is v2's or a v1 one. */
static __always_inline struct cgroup *memory_cgroup(struct css_set *css)
{
	int memory;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	memory = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	if (memory < 0 || memory >= 16)
		return 0;
	return BPF_CORE_READ(css, subsys[memory], cgroup);
}

#define CGROUP_ROOT_ID 1 /* kernfs id of a hierarchy's root */
#define CGROUP_KEY_V1 (1ull << 63)

/* A number for the task's cgroup: the v2 one unless that is the root, else the memory controller's. */
static __always_inline __u64 cgroup_key(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = bpf_get_current_cgroup_id();
	struct cgroup *v1;

	if (id != CGROUP_ROOT_ID)
		return id;
	v1 = memory_cgroup(BPF_CORE_READ(task, cgroups));
	return v1 ? BPF_CORE_READ(v1, kn, id) | CGROUP_KEY_V1 : id;
}

static __always_inline void process_labels(struct tm_stream_event *event)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct css_set *css = BPF_CORE_READ(task, cgroups);
	struct cgroup *v1 = memory_cgroup(css);

	BPF_CORE_READ_INTO(&event->comm, task, group_leader, comm);
	cgroup_names(BPF_CORE_READ(css, dfl_cgrp), event->cgroup[0]);
	if (v1)
		cgroup_names(v1, event->cgroup[1]);
}

/* The text is a std::string of libstdc++: pointer, length. */
static __always_inline void object_text(struct tm_stream_event *event,
					const struct tm_object_class *class, __u64 object)
{
	struct {
		__u64 data;
		__u64 length;
	} text = {};
	__u32 length;

	if (bpf_probe_read_user(&text, sizeof(text), (void *)(object + class->text_offset)) ||
	    text.length >= TM_TEXT_LEN)
		return;
	length = text.length & (TM_TEXT_LEN - 1);
	if (bpf_probe_read_user(event->text, length, (void *)text.data))
		return;
	event->text[length] = 0;
	event->text_ok = 1;
}

/* Only strings' first bytes: the ring's memory holds older records of ours, and nobody reads past a NUL. */
static __always_inline void event_blank(struct tm_stream_event *event)
{
	int i;

	for (i = 0; i < TM_CGROUP_DEPTH; i++) {
		event->cgroup[0][i][0] = 0;
		event->cgroup[1][i][0] = 0;
	}
	event->class_name[0] = 0;
	event->text[0] = 0;
	event->text_ok = 0;
	event->head_len = 0;
}

static __always_inline void event_fill(struct tm_stream_event *event,
				       const struct tm_stream_key *key,
				       const struct stream_ref *ref)
{
	event_blank(event);
	event->event.kind = TM_EVENT_STREAM;
	event->event.slot = ref->slot;
	event->event.process = key->process;
	event->generation = ref->generation;
	process_labels(event);
}

/* The layout of its objects is known, or there are none: without the head, which is most of an event. */
static __always_inline bool announce_known(const struct tm_stream_key *key,
					   const struct stream_ref *ref,
					   const struct tm_object_class *class)
{
	struct tm_stream_event *event =
		bpf_ringbuf_reserve(&events, __builtin_offsetof(struct tm_stream_event, head), 0);

	if (!event)
		return false;
	event_fill(event, key, ref);
	if (class) {
		class_name_read(key->object, event->class_name, sizeof(event->class_name));
		object_text(event, class, key->object);
	}
	bpf_ringbuf_submit(event, 0);
	return true;
}

static __always_inline bool announce_unknown(const struct tm_stream_key *key,
					     const struct stream_ref *ref)
{
	struct tm_stream_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	const void *object = (const void *)key->object;

	if (!event)
		return false;
	event_fill(event, key, ref);
	class_name_read(key->object, event->class_name, sizeof(event->class_name));
	if (!bpf_probe_read_user(event->head, TM_OBJECT_HEAD, object))
		event->head_len = TM_OBJECT_HEAD;
	else if (!bpf_probe_read_user(event->head, TM_OBJECT_HEAD / 2, object))
		event->head_len = TM_OBJECT_HEAD / 2; /* near the end of its mapping */
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* Tells the agent of a new stream. If the ring is full, it finds the slot itself and asks /proc. */
static __always_inline void stream_announce(const struct tm_stream_key *key,
					    const struct tm_spec *spec,
					    const struct stream_ref *ref)
{
	struct tm_object_class *class = 0;
	__u32 index = spec->object_class;

	if (index && key->object)
		class = bpf_map_lookup_elem(&object_classes, &index);
	if (class && !class->known ? !announce_unknown(key, ref) : !announce_known(key, ref, class))
		lost(TM_LOST_EVENTS_FULL);
}

#endif
