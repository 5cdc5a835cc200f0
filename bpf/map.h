/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Maps as far as their elements need them, and how the bytes of those are written. */
#pragma once

#include "kernel.h"

struct bpf_map {
	enum bpf_map_type map_type;
	u32 key_size;
	u32 value_size;
	u32 id;
} __attribute__((preserve_access_index));

/*
 * The sizes are the map's, so that one program serves all maps: the verifier would want constants,
 * but not of what the helper reads. The address is a number for the same reason.
 */
#define PUT_BYTES(w, field, address, size)                                                         \
	do {                                                                                       \
		u8 *__to = WANT(field) ? TAIL(w, 0) : NULL;                                        \
		u64 __size = (size), __room = KITER_RECORD_MAX - END(w);                           \
		if (!__to)                                                                         \
			break;                                                                     \
		if (__size > __room)                                                               \
			CUT(w, field);                                                             \
		__size = JOIN(w, __size > __room ? __room : __size);                               \
		if (__size > KITER_RECORD_MAX)                                                     \
			__size = KITER_RECORD_MAX;                                                 \
		if (bpf_probe_read_kernel(__to, __size, (void *)(address)))                        \
			UNREADABLE(w, field);                                                      \
		else                                                                               \
			TAIL_PUT(w, field, (s64)JOIN(w, __size));                                  \
	} while (0)
