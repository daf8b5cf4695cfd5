/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RPC_H
#define TAPMETER_RPC_H
/*
 * The rules by which frames are taken for requests and responses (docs/rpc.md); the same code in BPF and in the agent,
 * so that it can be tested there. Functions look at no more than the bytes they are given.
 */
#include <tapmeter/abi.h>

#define RPC_INLINE static inline __attribute__((always_inline))

/* A big-endian number of `width` bytes at `bytes`. */
RPC_INLINE __u64 rpc_number(const unsigned char *bytes, __u32 width)
{
	__u64 value = 0;
	__u32 i;

	for (i = 0; i < 8; i++)
		if (i < width)
			value = value << 8 | bytes[i];
	return value;
}

/* Whether a frame of `size` bytes that begins so is one unsigned msgpack integer, and which. */
RPC_INLINE int rpc_uid(const unsigned char head[TM_RPC_HEAD], __u64 size, __u64 *out)
{
	if (size == 1 && head[0] < 0x80)
		*out = head[0];
	else if (size == 2 && head[0] == 0xcc)
		*out = head[1];
	else if (size == 3 && head[0] == 0xcd)
		*out = rpc_number(head + 1, 2);
	else if (size == 5 && head[0] == 0xce)
		*out = rpc_number(head + 1, 4);
	else if (size == 9 && head[0] == 0xcf)
		*out = rpc_number(head + 1, 8);
	else
		return 0;
	return 1;
}

/* Where the name begins in a frame that is one msgpack string of 1 to TM_RPC_NAME - 1 bytes; 0 = it is none. */
RPC_INLINE __u32 rpc_name_at(const unsigned char head[TM_RPC_HEAD], __u64 size)
{
	if (size >= 2 && size <= 32 && head[0] == (0xa0 | (size - 1)))
		return 1;
	if (size >= 3 && size < 2 + TM_RPC_NAME && head[0] == 0xd9 && head[1] == size - 2)
		return 2;
	return 0;
}

/*
 * One more byte of a name (a-z, then a-z, 0-9 and _) into its number, which begins with RPC_NAME_HASH. 0 = this is no
 * name; never the number of an operation that has none.
 */
#define RPC_NAME_HASH 0xcbf29ce484222325ull
RPC_INLINE __u64 rpc_name_add(__u64 hash, unsigned char c)
{
	int letter = c >= 'a' && c <= 'z';

	if (!letter && (hash == RPC_NAME_HASH || ((c < '0' || c > '9') && c != '_')))
		return 0;
	return ((hash ^ c) * 0x100000001b3ull) | 1ull << 63;
}

/* Of a value that begins so (c0 to df): the bytes that it has at least; 0 = never used. */
RPC_INLINE __u32 rpc_value_size(unsigned char type)
{
	if (type >= 0xdc) /* arrays, maps */
		return type & 1 ? 5 : 3;
	if (type >= 0xd9) /* strings */
		return 1 + (1u << (type - 0xd9));
	if (type >= 0xd4) /* extensions of a fixed size */
		return 2 + (1u << (type - 0xd4));
	if (type >= 0xcc) /* integers */
		return 1 + (1u << (type & 3));
	if (type >= 0xca) /* floating-point numbers */
		return type == 0xca ? 5 : 9;
	if (type >= 0xc7) /* extensions */
		return 2 + (1u << (type - 0xc7));
	if (type >= 0xc4) /* binaries */
		return 1 + (1u << (type - 0xc4));
	return type != 0xc1;
}

/*
 * Whether a frame of `size` bytes can be one msgpack value, by its first bytes (as many as there are, up to
 * TM_RPC_HEAD): scalars, strings and binaries have just their size, maps, arrays and extensions at least that.
 */
RPC_INLINE int rpc_value_fits(const unsigned char head[TM_RPC_HEAD], __u64 size)
{
	unsigned char type = head[0];
	__u64 length;
	__u32 width;

	if (!size)
		return 0;
	if (type < 0x80 || type >= 0xe0)
		return size == 1;
	if (type < 0x90)
		return size >= 1 + 2 * (__u64)(type & 15);
	if (type < 0xa0)
		return size >= 1 + (__u64)(type & 15);
	if (type < 0xc0)
		return size == 1 + (__u64)(type & 31);
	length = rpc_value_size(type);
	if (!length || size < length)
		return 0;
	if (type >= 0xdc) { /* arrays and maps */
		length = rpc_number(head + 1, type & 1 ? 4u : 2u);
		return size >= (type & 1 ? 5u : 3u) + (type >= 0xde ? 2 * length : length);
	}
	if ((type < 0xc4 || type > 0xc9) && (type < 0xd9 || type > 0xdb))
		return size == length;
	/* strings, binaries, extensions: 8, 16, 32 bits of length */
	width = 1u << (type >= 0xd9 ? type - 0xd9u : (type - 0xc4u) % 3u);
	return size == length + rpc_number(head + 1, width);
}

/* The port at the end of an endpoint, of which these are the last 8 bytes: ":5555". 0 = there is none. */
RPC_INLINE __u32 rpc_port(const char tail[8])
{
	__u32 port = 0, scale = 1;
	int i;

	for (i = 7; i >= 2; i--) {
		__u32 digit = (unsigned char)tail[i] - (__u32)'0';

		if (tail[i] == ':')
			return port;
		if (digit > 9)
			return 0;
		port += digit * scale;
		scale *= 10;
	}
	return 0;
}

#endif
