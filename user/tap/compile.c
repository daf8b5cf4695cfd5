/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/compile.h"
#include <string.h>
#include "tap/code.h"

/*
 * When a function has returned, the Linux kernel's trampoline pushes three registers before our program runs: on the
 * return address and the 16 bytes below it (6.11: ff474a78cef5, "uprobe: Add uretprobe syscall to speed up
 * return probe").
 */
#define OVERWRITTEN_AT_RETURN 16

/* Fills in the stack offset of a value that lies in a local variable. Returns whether the value is usable. */
static int resolve_local(const struct profile_value *from, struct elf_file *elf,
			 const struct elf_symbol *symbol, struct tm_value *to)
{
	int32_t offset;

	*to = from->value;
	if (from->value.base != TM_BASE_STACK)
		return 1;
	if (!code_local_offset(elf, symbol, from->local_callee, from->local_arg, &offset)) {
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
static void compile_payload(const struct profile *profile, const struct profile_function *function,
			    struct tm_spec *out)
{
	enum operation_direction direction = profile->operations[function->operation].direction;
	struct tm_payload *payload = &out->payload;

	if (direction == OPERATION_NO_DIRECTION || (out->has_more && !out->more_known))
		return;
	payload->receive = direction == OPERATION_RECEIVE;
	if (function->data.value.base) {
		payload->kind = TM_PAYLOAD_BUFFER;
		payload->data = function->data.value;
		payload->size = function->size.value;
	} else if (function->message.value.base) {
		payload->kind = TM_PAYLOAD_MESSAGE;
		payload->data = function->message.value;
		payload->type_at = profile->message.type_at;
		payload->form_count = profile->message.form_count;
		memcpy(payload->forms, profile->message.forms, sizeof(payload->forms));
		measure_forms(payload);
	}
}

void spec_compile(const struct profile *profile, const struct profile_function *function,
		  struct elf_file *elf, const struct elf_symbol *symbol,
		  const struct compile_context *context, struct tm_spec *out)
{
	memset(out, 0, sizeof(*out));
	out->action = (uint8_t)function->action;
	out->file = context->file;
	out->object_class = (uint16_t)context->object_class;
	if (function->action == TM_ACTION_COUNT) {
		out->op = (uint16_t)(context->first_op + (uint32_t)function->operation);
	} else {
		out->op = UINT16_MAX; /* never nested in an operation */
		out->close_op_first = (uint16_t)context->first_op;
		out->close_op_last = (uint16_t)(context->first_op + profile->operation_count - 1);
	}
	resolve_local(&function->object, elf, symbol, &out->object);
	resolve_local(&function->bytes, elf, symbol, &out->bytes);
	resolve_local(&function->failed[0], elf, symbol, &out->failed[0]);
	resolve_local(&function->failed[1], elf, symbol, &out->failed[1]);
	resolve_local(&function->nonblocking, elf, symbol, &out->nonblocking);
	out->has_more = function->more.value.base != TM_BASE_NONE;
	out->more_known = (uint8_t)resolve_local(&function->more, elf, symbol, &out->more);
	if (context->transit && function->action == TM_ACTION_COUNT)
		compile_payload(profile, function, out);
	out->has_errno = function->has_errno != 0;
	if (function->has_errno)
		resolve_errno(elf, symbol->value + context->skipped, out);
}
