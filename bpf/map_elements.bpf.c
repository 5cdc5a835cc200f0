// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/bpf_map_elem: one object for each element of one map; of per-CPU maps with all its values. */
#include "map.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

#pragma clang attribute pop

#include "map_elements.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline bool is_per_cpu(u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

SEC("iter/bpf_map_elem")
int map_elements(struct bpf_iter__bpf_map_elem *ctx)
{
	void *key = ctx->key, *value = ctx->value;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!key || !value)
		return 0;
	struct bpf_map *map = UNTRUSTED(struct bpf_map, ctx->map);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_map_elements))
		return KITER_RETRY;
	u64 value_size = JOIN(&w, map->value_size);
	/* A walk hands over the values of all possible processors, each at a multiple of 8 bytes. */
	if (is_per_cpu(JOIN(&w, map->map_type)))
		value_size = JOIN(&w, (value_size + 7) / 8 * 8 * kiter_config.cpus);
	PUT(&w, map_id, map->id);
	PUT_BYTES(&w, key_hex, JOIN(&w, address_of(key)), map->key_size);
	PUT_BYTES(&w, value_hex, JOIN(&w, address_of(value)), value_size);
	return kiter_emit(&w);
}
