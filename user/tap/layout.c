/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/layout.h"
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <tapmeter/abi.h>

#define MAX_DEPTH 16 /* of types in types */

uint64_t layout_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3ull;
	return hash;
}

uint64_t layout_add_text(uint64_t hash, const char *text)
{
	return text ? layout_add(hash, text, strlen(text) + 1) : layout_add(hash, "", 1);
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	return layout_add(hash, &number, sizeof(number));
}

static uint64_t add_type(uint64_t hash, const struct btf *btf, uint32_t id, int depth);

static uint64_t add_members(uint64_t hash, const struct btf *btf, const struct btf_type *type,
			    int depth)
{
	const struct btf_member *member = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		hash = layout_add_text(hash, btf__name_by_offset(btf, member[i].name_off));
		hash = add_number(hash, btf_member_bit_offset(type, i));
		hash = add_type(hash, btf, member[i].type, depth);
	}
	return hash;
}

static uint64_t add_variables(uint64_t hash, const struct btf *btf, const struct btf_type *type,
			      int depth)
{
	const struct btf_var_secinfo *variable = btf_var_secinfos(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		hash = add_number(hash, variable[i].offset);
		hash = add_type(hash, btf, variable[i].type, depth);
	}
	return hash;
}

/* Names of types are left out, those of members are not: a member that means something else has another name. */
static uint64_t add_type(uint64_t hash, const struct btf *btf, uint32_t id, int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	if (!type || depth == MAX_DEPTH)
		return hash;
	hash = add_number(hash, btf_kind(type));
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return add_members(add_number(hash, type->size), btf, type, depth + 1);
	case BTF_KIND_DATASEC:
		return add_variables(hash, btf, type, depth + 1);
	case BTF_KIND_ARRAY:
		hash = add_number(hash, btf_array(type)->nelems);
		return add_type(hash, btf, btf_array(type)->type, depth + 1);
	case BTF_KIND_VAR:
		hash = layout_add_text(hash, btf__name_by_offset(btf, type->name_off));
		return add_type(hash, btf, type->type, depth + 1);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
		return add_type(hash, btf, type->type, depth + 1);
	case BTF_KIND_INT:
		return add_number(add_number(hash, type->size), btf_int_encoding(type));
	default:
		return add_number(hash, type->size);
	}
}

/* Events wait in the ring buffer, which has no type of its own. */
static uint64_t add_events(uint64_t hash, const struct btf *btf)
{
	static const char *const events[] = { "tm_event", "tm_stream_event", "tm_slow_event" };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		int id = btf__find_by_name_kind(btf, events[i], BTF_KIND_STRUCT);

		hash = add_type(add_number(hash, id > 0), btf, id > 0 ? (uint32_t)id : 0, 0);
	}
	return hash;
}

uint64_t layout_of(const struct bpf_object *object)
{
	const struct btf *btf = bpf_object__btf(object);
	uint64_t hash = add_number(add_number(LAYOUT_START, TM_ABI_VERSION), TM_LOST_COUNT);
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		hash = layout_add_text(hash, bpf_map__name(map));
		hash = add_number(hash, bpf_map__type(map));
		hash = add_number(hash, bpf_map__key_size(map));
		hash = add_number(hash, bpf_map__value_size(map));
		hash = add_number(hash, bpf_map__map_flags(map));
		hash = add_type(hash, btf, bpf_map__btf_key_type_id(map), 0);
		hash = add_type(hash, btf, bpf_map__btf_value_type_id(map), 0);
	}
	return add_events(hash, btf);
}
