/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_OPERATION_BPF_H
#define TAPMETER_OPERATION_BPF_H
/*
 * Which operation a call is, when one function does many: the name or number that the call has with
 * it is looked up in the profile's list. What is not in the list is one operation more, so a
 * process cannot make operations.
 */
#include "value.bpf.h"

/* The character as a command's name may have it, in lower case; else 0. */
static __always_inline char word_character(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
			       c == '.' ?
		       c :
		       0;
}

/* The text's first word, in lower case. `name` is zero before. */
static __always_inline int first_word(__u64 place, char name[TM_NAME_LEN])
{
	char text[TM_NAME_LEN] = {};
	__u32 i;

	if (bpf_probe_read_user_str(text, sizeof(text), (void *)place) < 0)
		return -1;
	/* ends early, as most names do */
	for (i = 0; i < TM_NAME_LEN; i++) {
		char c = word_character(text[i]);

		if (!c)
			break;
		name[i] = c;
	}
	return 0;
}

static __always_inline int name_read(const struct tm_result_spec *result, __s64 value,
				     char name[TM_NAME_LEN])
{
	struct tm_number_name *number = (struct tm_number_name *)name;

	if (result->name_kind == TM_NAME_NUMBER) {
		number->number = value;
		number->function = result->function;
		number->mark = TM_NUMBER_MARK;
		return 0;
	}
	if (result->name_kind == TM_NAME_FIRST_WORD)
		return first_word(value, name);
	return bpf_probe_read_user_str(name, TM_NAME_LEN, (void *)value) < 0 ? -1 : 0;
}

/* The number of the call's operation. */
static __noinline __u32 operation_choose(const struct tm_result_spec *result,
					 const struct tm_spec *spec, const struct tm_frame *frame)
{
	struct tm_name_key key = { .table = result->table };
	__s64 value = 0;
	__u32 *op;

	if (value_read(&result->name, frame, 0, &value) || name_read(result, value, key.name)) {
		lost(TM_LOST_UNREADABLE);
		return spec->op;
	}
	op = bpf_map_lookup_elem(&operation_names, &key);
	return op ? *op : spec->op;
}

#endif
