// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/sockmap: one object for each key of one map of sockets; an array's may have no socket. */
#include "map.h"
#include "socket.h"

struct bpf_iter__sockmap {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	struct sock *sk;
} __attribute__((preserve_access_index));

#include "sockmaps.gen.h"
#include "socket_fields.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/sockmap")
int sockmaps(struct bpf_iter__sockmap *ctx)
{
	struct sock *trusted = ctx->sk;
	void *key = ctx->key;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!key || !trusted)
		return 0;
	struct bpf_map *map = UNTRUSTED(struct bpf_map, ctx->map);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_sockmaps))
		return KITER_RETRY;
	PUT(&w, map_id, map->id);
	PUT_SOCKET(&w, trusted);
	PUT_IF(&w, JOIN(&w, map->map_type == BPF_MAP_TYPE_SOCKMAP), index,
	       int_at(JOIN(&w, address_of(key))));
	PUT_BYTES(&w, key_hex, JOIN(&w, address_of(key)), map->key_size);
	return kiter_emit(&w);
}
