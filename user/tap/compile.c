/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/compile.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tap/code.h"

/*
 * When a function has returned, the Linux kernel's trampoline pushes three registers before our program runs: on the
 * return address and the 16 bytes below it (6.11: ff474a78cef5, "uprobe: Add uretprobe syscall to speed up
 * return probe").
 */
#define OVERWRITTEN_AT_RETURN 16

struct compiling {
	const struct profile *profile;
	struct elf_file *elf;
	const struct elf_symbol *symbol;
	const struct compile_context *context;
	struct compiled *out;
};

static void put_number(struct tm_value *value, enum expr_place place, int64_t number)
{
	switch (place) {
	case EXPR_HOP:
		value->hop = (int32_t)number;
		break;
	case EXPR_OFFSET:
		value->offset = (int32_t)number;
		break;
	case EXPR_MASK:
		value->mask = (uint64_t)number;
		break;
	default:
		value->operand = number;
	}
}

static int is_offset(enum expr_place place)
{
	return place == EXPR_HOP || place == EXPR_OFFSET;
}

/* The numbers that are constants, as they are in this file's build. */
static void resolve_constants(struct compiling *c, const struct profile_value *from,
			      struct tm_value *to)
{
	for (int place = 0; place < EXPR_PLACES; place++) {
		size_t index = from->constants[place];
		int64_t number;

		if (!index)
			continue;
		if (!c->context->build || !c->context->build->constant_known[index - 1]) {
			snprintf(c->out->why, sizeof(c->out->why),
				 "the constant %s is not known for this build",
				 c->profile->constants[index - 1].name);
			continue;
		}
		number = c->context->build->constants[index - 1];
		if (is_offset(place) && (number > EXPR_OFFSET_MAX || number < -EXPR_OFFSET_MAX))
			snprintf(c->out->why, sizeof(c->out->why),
				 "the constant %s is no offset: over 0xffffff",
				 c->profile->constants[index - 1].name);
		else
			put_number(to, place, from->negative >> place & 1 ? -number : number);
	}
}

/*
 * Fills in what depends on the file: constants, and the stack offset of a value that lies in a local variable.
 * Returns whether the value is usable.
 */
static int resolve(struct compiling *c, const struct profile_value *from, struct tm_value *to)
{
	int32_t offset;

	*to = from->value;
	resolve_constants(c, from, to);
	if (!from->local_callee)
		return 1;
	if (!code_local_offset(c->elf, c->symbol, from->local_callee, from->local_arg, &offset)) {
		to->offset += offset;
		if (to->offset + to->width <= -OVERWRITTEN_AT_RETURN)
			return 1;
	}
	memset(to, 0, sizeof(*to));
	return 0;
}

/* `probe` is the probed address. */
static void resolve_errno(struct elf_file *elf, uint64_t probe, struct tm_spec *out)
{
	uint64_t slot;
	int64_t tpoff;

	if (!elf_file__got_slot(elf, "__errno_location", &slot))
		out->errno_got = (int64_t)(slot - probe);
	else if (!code_errno_offset(elf, &tpoff))
		out->errno_tpoff = tpoff;
}

static uint32_t max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* How many bytes the fields are in, of the object and of what a pointer in it points to. */
static void measure_forms(struct tm_payload *payload)
{
	payload->object_bytes = payload->type_at + 1u;
	for (size_t i = 0; i < payload->form_count; i++) {
		struct tm_form *form = &payload->forms[i];
		uint32_t bytes = max(form->size_at + (uint32_t)form->size_width,
				     form->embedded ? 0 : form->data_at + 8u);

		if (form->behind)
			form->behind_bytes = (uint8_t)bytes;
		else
			payload->object_bytes = max(payload->object_bytes, bytes);
		if (form->behind)
			payload->object_bytes = max(payload->object_bytes, form->behind_at + 8u);
	}
}

/* Which bytes are the message's; of functions whose `more` is not known for this file none. */
static void compile_payload(struct compiling *c, const struct profile_function *function)
{
	const struct profile *profile = c->profile;
	enum operation_direction direction = profile->operations[function->operation].direction;
	struct tm_spec *out = &c->out->spec;
	struct tm_payload *payload = &out->payload;

	if (direction == OPERATION_NO_DIRECTION || (out->has_more && !out->more_known))
		return;
	payload->receive = direction == OPERATION_RECEIVE;
	if (function->data.value.base) {
		payload->kind = TM_PAYLOAD_BUFFER;
		resolve(c, &function->data, &payload->data);
		resolve(c, &function->size, &payload->size);
	} else if (function->message.value.base) {
		payload->kind = TM_PAYLOAD_MESSAGE;
		resolve(c, &function->message, &payload->data);
		payload->type_at = profile->message.type_at;
		payload->form_count = profile->message.form_count;
		memcpy(payload->forms, profile->message.forms, sizeof(payload->forms));
		measure_forms(payload);
	}
}

static void resolve_amount(struct compiling *c, const struct profile_amount *from,
			   struct tm_amount *to)
{
	resolve(c, &from->value[0], &to->value[0]);
	resolve(c, &from->value[1], &to->value[1]);
	to->at = (uint8_t)from->at;
}

static void resolve_counters(struct compiling *c, unsigned wanted, struct tm_result_spec *out)
{
	uint64_t probe = c->symbol->value + c->context->skipped;

	for (size_t i = 0; i < TM_COUNTERS; i++) {
		if (!(wanted & 1u << i))
			continue;
		if (!c->context->build || !c->context->build->counter_known[i]) {
			snprintf(c->out->why, sizeof(c->out->why),
				 "%s does not show where this build keeps a counter",
				 c->profile->counters[i].function);
			continue;
		}
		out->counters[i] = (int32_t)(c->context->build->counters[i] - probe);
		out->counter_mask |= (uint8_t)(1u << i);
	}
}

static void compile_result(struct compiling *c, const struct profile_function *function)
{
	struct tm_result_spec *out = &c->out->result;
	uint32_t first_op = c->context->first_op;

	for (size_t i = 0; i < 2; i++)
		resolve(c, &function->when[i], &out->when[i]);
	resolve(c, &function->hits, &out->hits);
	resolve(c, &function->misses, &out->misses);
	resolve(c, &function->evictions, &out->evictions);
	resolve(c, &function->expirations, &out->expirations);
	resolve(c, &function->name, &out->name);
	resolve(c, &function->failed_growth, &out->failed_growth);
	resolve_amount(c, &function->sent, &out->sent);
	resolve_amount(c, &function->received, &out->received);
	resolve_counters(c, function->counters, out);
	out->lookups = function->lookups;
	out->table = first_op;
	out->function = (uint32_t)(function - c->profile->functions);
	out->name_kind = (uint8_t)function->name_kind;
	out->nested = (uint8_t)function->nested;
	out->first_op = (uint16_t)first_op;
	out->last_op = (uint16_t)(first_op + c->profile->operation_count - 1);
	if (c->profile->background >= 0)
		out->background_op = (uint16_t)(first_op + (uint32_t)c->profile->background);
}

static void compile_common(struct compiling *c, const struct profile_function *function)
{
	struct tm_spec *out = &c->out->spec;

	resolve(c, &function->object, &out->object);
	resolve(c, &function->bytes, &out->bytes);
	resolve(c, &function->failed[0], &out->failed[0]);
	resolve(c, &function->failed[1], &out->failed[1]);
	resolve(c, &function->nonblocking, &out->nonblocking);
	out->has_more = function->more.value.base != TM_BASE_NONE;
	out->more_known = (uint8_t)resolve(c, &function->more, &out->more);
	out->rpc = c->context->rpc;
	out->no_transit = !c->context->transit;
	if ((c->context->transit || c->context->rpc) && function->action == TM_ACTION_COUNT)
		compile_payload(c, function);
	out->has_errno = function->has_errno != 0;
	if (function->has_errno)
		resolve_errno(c->elf, c->symbol->value + c->context->skipped, out);
}

int spec_compile(const struct profile *profile, const struct profile_function *function,
		 struct elf_file *elf, const struct elf_symbol *symbol,
		 const struct compile_context *context, struct compiled *out)
{
	struct compiling c = { profile, elf, symbol, context, out };
	struct tm_spec *spec = &out->spec;

	memset(out, 0, sizeof(*out));
	spec->action = (uint8_t)function->action;
	if (function->action == TM_ACTION_COUNT && profile->kind == PROFILE_CACHE)
		spec->action = TM_ACTION_RESULT;
	if (function->action == TM_ACTION_COUNT && profile->kind == PROFILE_EVENT)
		spec->action = TM_ACTION_EVENT;
	if (function->operation >= 0) {
		spec->op = (uint16_t)(context->first_op + (uint32_t)function->operation);
		spec->waits = profile->operations[function->operation].direction ==
			      OPERATION_RECEIVE;
	} else {
		spec->op = UINT16_MAX; /* never nested in an operation */
		spec->close_op_first = (uint16_t)context->first_op;
		spec->close_op_last = (uint16_t)(context->first_op + profile->operation_count - 1);
	}
	compile_common(&c, function);
	if (spec->action == TM_ACTION_RESULT || spec->action == TM_ACTION_SAMPLE)
		compile_result(&c, function);
	return out->why[0] ? -ENOENT : 0;
}
