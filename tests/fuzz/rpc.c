/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a message that may be a request: the rules look at no more than the bytes they are given. */
#include "fuzz.h"
#include <tapmeter/rpc.h>

/* As BPF has it: the first bytes of the frame, and how long the whole is. */
static void read_frame(const uint8_t *frame, uint64_t size)
{
	unsigned char *head = calloc(1, TM_RPC_HEAD);
	uint64_t hash = RPC_NAME_HASH;
	__u64 uid = 0;
	uint32_t at;

	fuzz_expect(head != NULL);
	memcpy(head, frame, size < TM_RPC_HEAD ? size : TM_RPC_HEAD);
	/* an integer is a value, too; so is a name */
	if (rpc_uid(head, size, &uid))
		fuzz_expect(rpc_value_fits(head, size));
	at = rpc_name_at(head, size);
	fuzz_expect(!at || (at < size && size - at < TM_RPC_NAME && rpc_value_fits(head, size)));
	for (uint64_t i = at; at && i < size && hash; i++)
		hash = rpc_name_add(hash, frame[i]);
	free(head);
}

/* The input is frames, each behind a byte that is its length; the rest is one of any length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char tail[8] = { 0 };

	while (size) {
		size_t length = data[0] < size - 1 ? data[0] : size - 1;

		read_frame(data + 1, length);
		memcpy(tail, data + 1, length < 8 ? length : 8);
		fuzz_expect(rpc_port(tail) <= 999999);
		data += 1 + length;
		size -= 1 + length;
	}
	return 0;
}
