// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/kmem_cache: one object for each cache of the kernel's allocator of objects (SLUB). */
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic_long_t;

/* The order of a slab's pages in the upper half, how many objects it has in the lower. */
struct kmem_cache_order_objects {
	u32 x;
};

struct slab {
	struct list_head slab_list;
	u32 inuse : 16;
	u32 objects : 15;
};

struct kmem_cache_node {
	u64 nr_partial;
	struct list_head partial;
	atomic_long_t nr_slabs, total_objects; /* CONFIG_SLUB_DEBUG */
};

struct kmem_cache {
	u32 flags;
	u64 min_partial;
	u32 size, object_size;
	u32 cpu_partial; /* CONFIG_SLUB_CPU_PARTIAL; until 7.1 */
	u32 sheaf_capacity; /* 6.18 */
	struct kmem_cache_order_objects oo;
	s32 refcount;
	void *ctor;
	u32 align;
	const char *name;
	u32 usersize; /* CONFIG_HARDENED_USERCOPY */
	struct kmem_cache_node *node[1];
};

/* 7.1 */
struct kmem_cache_per_node_ptrs {
	struct kmem_cache_node *node;
};

struct kmem_cache___per_node {
	struct kmem_cache_per_node_ptrs per_node[1];
};

struct bpf_iter__kmem_cache {
	struct bpf_iter_meta *meta;
	struct kmem_cache *s;
};

#pragma clang attribute pop

/* As new as the iterator. */
extern struct kmem_cache *bpf_get_kmem_cache(u64 address) __ksym __weak;

#include "slabs.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NODES_MAX 1024 /* MAX_NUMNODES: include/linux/numa.h */
#define SLABS_MAX (1 << 20)
#define SYMBOL_MAX 1024
#define TRIES 10

/* A function and its module. */
static const char symbol[] SEC(".rodata.format") = "%ps";

/* Where a cache has its parts, one for each node of memory, and how many there may be. */
struct node_table {
	u64 address;
	u32 stride, count;
};

/*
 * The kernel takes as many parts as it has nodes, and tells that number in the size of caches: they
 * are objects of a cache, too.
 */
static __always_inline struct node_table nodes_of(struct kmem_cache *cache, u64 address)
{
	struct kmem_cache___per_node *newer = (void *)cache;
	u32 offset, stride;

	if (bpf_core_field_exists(newer->per_node)) {
		offset = bpf_core_field_offset(newer->per_node);
		stride = bpf_core_type_size(struct kmem_cache_per_node_ptrs);
	} else {
		offset = bpf_core_field_offset(cache->node);
		stride = sizeof(void *);
	}
	struct kmem_cache *caches = bpf_get_kmem_cache ? bpf_get_kmem_cache(address) : NULL;
	u32 count = caches ? (caches->object_size - offset) / stride : 0;
	struct node_table table = {
		.address = address + offset +
			   (bpf_core_field_exists(newer->per_node)
				    ? bpf_core_field_offset(struct kmem_cache_per_node_ptrs, node)
				    : 0),
		.stride = stride,
		.count = count < NODES_MAX ? count : NODES_MAX,
	};

	return table;
}

/* Counts lie in the slot, behind all that a record may have: the verifier follows none of them. */
#define COUNTS_AT 0xf000

struct counts {
	struct node_table nodes;
	u64 slabs, objects, partial_slabs, free;
	u64 torn; /* 0 if each list was the same all the time */
	/* Of one node. */
	u64 node, position, left, found;
};

static __always_inline struct counts *counts_of(struct kiter_slot *slot)
{
	return (struct counts *)(slot->bytes + COUNTS_AT);
}

static __always_inline u64 head_of(const struct counts *counts)
{
	return counts->node + bpf_core_field_offset(struct kmem_cache_node, partial);
}

static int add_free_of_slab(u32 index, struct kiter_slot **slot)
{
	struct counts *counts = counts_of(*slot);
	u64 position = counts->position;
	struct slab *slab = (void *)(position - bpf_core_field_offset(struct slab, slab_list));

	(void)index;
	if (position == head_of(counts))
		return 1;
	counts->left--;
	counts->found += BPF_CORE_READ_BITFIELD_PROBED(slab, objects);
	counts->found -= BPF_CORE_READ_BITFIELD_PROBED(slab, inuse);
	counts->position = (u64)BPF_CORE_READ(slab, slab_list.next);
	return 0;
}

/*
 * Objects are free only in slabs of this list. The kernel counts them under a lock; without it slabs
 * may come and go meanwhile, so a count that was disturbed is taken again, some times. Whoever strays
 * from the list goes no further than it was long.
 */
static int count_free(u32 index, struct kiter_slot **slot)
{
	struct counts *counts = counts_of(*slot);
	struct kmem_cache_node *node = (void *)counts->node;
	u64 slabs = BPF_CORE_READ(node, nr_partial) & (SLABS_MAX - 1);

	(void)index;
	counts->position = (u64)BPF_CORE_READ(node, partial.next);
	counts->left = slabs;
	counts->found = 0;
	bpf_loop(slabs, add_free_of_slab, slot, 0);
	return counts->position == head_of(counts) && !counts->left &&
	       BPF_CORE_READ(node, nr_partial) == slabs;
}

static int add_node(u32 index, struct kiter_slot **slot)
{
	struct counts *counts = counts_of(*slot);
	u64 address = word_at(counts->nodes.address + (u64)index * counts->nodes.stride);
	struct kmem_cache_node *node = (void *)address;

	if (!address)
		return 0;
	counts->partial_slabs += BPF_CORE_READ(node, nr_partial);
	if (!bpf_core_field_exists(node->nr_slabs))
		return 0;
	counts->slabs += BPF_CORE_READ(node, nr_slabs.counter);
	counts->objects += BPF_CORE_READ(node, total_objects.counter);
	if (!WANT(active_objects))
		return 0;
	counts->node = address;
	/* One more than is needed if it was never the same. */
	counts->torn |= bpf_loop(TRIES + 1, count_free, slot, 0) > TRIES;
	counts->free += counts->found;
	return 0;
}

#define SUMS                                                                                       \
	(KITER_FIELD(slabs) | KITER_FIELD(partial_slabs) | KITER_FIELD(objects) |                  \
	 KITER_FIELD(active_objects) | KITER_FIELD(memory_bytes))

static __always_inline void put_sums(struct kiter_writer *w, struct kmem_cache *cache,
				     u64 slab_bytes)
{
	struct kiter_slot *slot = w->slot;
	struct counts *counts = counts_of(slot);

	if (!WANT_ANY(SUMS))
		return;
	__builtin_memset(counts, 0, sizeof(*counts));
	counts->nodes = nodes_of(cache, JOIN(w, cache));
	bpf_loop(counts->nodes.count, add_node, &slot, 0);
	PUT(w, partial_slabs, counts->partial_slabs);
	if (!bpf_core_field_exists(struct kmem_cache_node, nr_slabs))
		return;
	PUT(w, slabs, counts->slabs);
	PUT(w, memory_bytes, counts->slabs * slab_bytes);
	PUT(w, objects, counts->objects);
	if (!WANT(active_objects))
		return;
	if (counts->torn || counts->free > counts->objects)
		UNREADABLE(w, active_objects);
	else
		PUT(w, active_objects, counts->objects - counts->free);
}

#define ADD_FLAG(mask, flags, kernels, name)                                                       \
	do {                                                                                       \
		if (bpf_core_enum_value_exists(enum _slab_flag_bits, kernels) &&                   \
		    flags >> bpf_core_enum_value(enum _slab_flag_bits, kernels) & 1)               \
			mask |= KITER_slab_flag_##name;                                            \
	} while (0)

/* Which bit is which depends on how the kernel was made. */
enum _slab_flag_bits {
	_SLAB_CONSISTENCY_CHECKS,
	_SLAB_RED_ZONE,
	_SLAB_POISON,
	_SLAB_KMALLOC,
	_SLAB_HWCACHE_ALIGN,
	_SLAB_CACHE_DMA,
	_SLAB_CACHE_DMA32,
	_SLAB_STORE_USER,
	_SLAB_PANIC,
	_SLAB_TYPESAFE_BY_RCU,
	_SLAB_TRACE,
	_SLAB_NOLEAKTRACE,
	_SLAB_NO_MERGE,
	_SLAB_ACCOUNT,
	_SLAB_RECLAIM_ACCOUNT,
};

static __always_inline void put_flags(struct kiter_writer *w, u32 flags)
{
	u32 mask = 0;

	if (!WANT(flags))
		return;
	ADD_FLAG(mask, flags, _SLAB_CONSISTENCY_CHECKS, consistency_checks);
	ADD_FLAG(mask, flags, _SLAB_RED_ZONE, red_zone);
	ADD_FLAG(mask, flags, _SLAB_POISON, poison);
	ADD_FLAG(mask, flags, _SLAB_KMALLOC, kmalloc);
	ADD_FLAG(mask, flags, _SLAB_HWCACHE_ALIGN, hwcache_align);
	ADD_FLAG(mask, flags, _SLAB_CACHE_DMA, cache_dma);
	ADD_FLAG(mask, flags, _SLAB_CACHE_DMA32, cache_dma32);
	ADD_FLAG(mask, flags, _SLAB_STORE_USER, store_user);
	ADD_FLAG(mask, flags, _SLAB_PANIC, panic);
	ADD_FLAG(mask, flags, _SLAB_TYPESAFE_BY_RCU, typesafe_by_rcu);
	ADD_FLAG(mask, flags, _SLAB_TRACE, trace);
	ADD_FLAG(mask, flags, _SLAB_NOLEAKTRACE, noleaktrace);
	ADD_FLAG(mask, flags, _SLAB_NO_MERGE, no_merge);
	ADD_FLAG(mask, flags, _SLAB_ACCOUNT, account);
	ADD_FLAG(mask, flags, _SLAB_RECLAIM_ACCOUNT, reclaim_account);
	PUT(w, flags, JOIN(w, mask));
}

static __always_inline void put_constructor(struct kiter_writer *w, u64 function)
{
	char *to = WANT(constructor) && function ? (char *)TAIL(w, SYMBOL_MAX) : NULL;

	if (!to)
		return;
	s64 length = bpf_snprintf(to, SYMBOL_MAX, symbol, &function, sizeof(function));
	/* The end counts as a byte; an address is no name. */
	if (length < 2 || length > SYMBOL_MAX || to[0] == '0')
		length = 0;
	TAIL_PUT(w, constructor, (s64)JOIN(w, length - 1));
}

SEC("iter/kmem_cache")
int slabs(struct bpf_iter__kmem_cache *ctx)
{
	struct kmem_cache *trusted = ctx->s;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct kmem_cache *cache = UNTRUSTED(struct kmem_cache, trusted);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_slabs))
		return KITER_RETRY;
	u32 shape = JOIN(&w, cache->oo.x);
	u64 slab_bytes = JOIN(&w, 1ULL << (kiter_config.page_shift + (shape >> 16)));
	s32 references = JOIN(&w, cache->refcount);
	PUT(&w, object_bytes, cache->object_size);
	PUT(&w, slot_bytes, cache->size);
	PUT(&w, objects_per_slab, shape & 0xffff);
	PUT(&w, slab_bytes, slab_bytes);
	put_sums(&w, cache, slab_bytes);
	put_flags(&w, JOIN(&w, cache->flags));
	PUT(&w, align_bytes, cache->align);
	PUT(&w, min_partial, cache->min_partial);
	if (WANT(cpu_partial) && bpf_core_field_exists(cache->cpu_partial))
		PUT(&w, cpu_partial, cache->cpu_partial);
	if (WANT(sheaf_capacity) && bpf_core_field_exists(cache->sheaf_capacity))
		PUT(&w, sheaf_capacity, cache->sheaf_capacity);
	if (WANT(user_bytes) && bpf_core_field_exists(cache->usersize))
		PUT(&w, user_bytes, cache->usersize);
	/* One is its own, the walk itself holds another; two caches are never shared, and have none. */
	PUT(&w, aliases, references > 2 ? references - 2 : 0);
	PUT_STRING(&w, name, cache->name, 256);
	put_constructor(&w, JOIN(&w, cache->ctor));
	return kiter_emit(&w);
}
