// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/bpf_map: one object for each BPF map of the system. */
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct btf {
	u32 id;
};

typedef struct {
	s64 counter;
} atomic64_t;

struct bpf_map {
	enum bpf_map_type map_type; /* CO-RE does not take it for a u32 */
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 id;
	struct btf *btf;
	char name[16];
	atomic64_t refcnt, usercnt;
	bool frozen;
	s64 *elem_count; /* per CPU; not of every type */
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};

#pragma clang attribute pop

/* 6.6, commits 25954730461a and 515ee52b2224 */
extern s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym __weak;

#include "maps.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void put_entries(struct kiter_writer *w, struct bpf_map *map,
					struct bpf_map *trusted)
{
	if (!WANT(entries) || !bpf_core_field_exists(map->elem_count) || !bpf_map_sum_elem_count)
		return;
	if (!map->elem_count)
		return;
	s64 entries = bpf_map_sum_elem_count(trusted);
	/* Parts of the sum are read one after the other, while others add and delete. */
	PUT(w, entries, entries > 0 ? entries : 0);
}

SEC("iter/bpf_map")
int maps(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *trusted = ctx->map;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct bpf_map *map = UNTRUSTED(struct bpf_map, trusted);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_maps))
		return KITER_RETRY;
	PUT(&w, id, map->id);
	PUT(&w, type, map->map_type);
	PUT(&w, key_size, map->key_size);
	PUT(&w, value_size, map->value_size);
	PUT(&w, max_entries, map->max_entries);
	PUT(&w, flags, map->map_flags);
	struct btf *btf = map->btf;
	if (btf)
		PUT(&w, btf_id, btf->id);
	PUT(&w, frozen, map->frozen);
	/* The walk itself holds one. */
	PUT(&w, refcount, map->refcnt.counter - 1);
	PUT(&w, user_refcount, map->usercnt.counter);
	put_entries(&w, map, trusted);
	if (map->name[0])
		PUT_STRING(&w, name, map->name, sizeof(map->name));
	return kiter_emit(&w);
}
