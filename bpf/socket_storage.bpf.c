// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/bpf_sk_storage_map: one object for each socket with which one map stores something. */
#include "map.h"
#include "socket.h"

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} __attribute__((preserve_access_index));

#include "socket_storage.gen.h"
#include "socket_fields.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/bpf_sk_storage_map")
int socket_storage(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *trusted = ctx->sk;
	void *value = ctx->value;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted || !value)
		return 0;
	struct bpf_map *map = UNTRUSTED(struct bpf_map, ctx->map);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_socket_storage))
		return KITER_RETRY;
	PUT(&w, map_id, map->id);
	PUT_SOCKET(&w, trusted);
	PUT_BYTES(&w, value_hex, JOIN(&w, address_of(value)), map->value_size);
	return kiter_emit(&w);
}
