// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/bpf_prog: one object for each BPF program of the system. */
#include "kernel.h"
#include "percpu.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic64_t;

struct btf {
	u32 id;
};

struct bpf_map {
	u32 id;
};

struct user_struct {
	kuid_t uid;
};

/* Each is a local64_t: eight bytes, however they are wrapped. */
struct bpf_prog_stats {
	struct {
		u64 bytes;
	} cnt, nsecs, misses;
};

struct bpf_prog {
	u16 gpl_compatible : 1;
	u16 sleepable : 1; /* 6.9, commit 66c8473135c6; before it is the auxiliary part's */
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	u32 len;
	u32 jited_len;
	u8 tag[8];
	struct bpf_prog_stats *stats;
	struct bpf_prog_aux *aux;
};

struct bpf_prog_aux {
	atomic64_t refcnt;
	u32 used_map_cnt;
	u32 id;
	u32 func_cnt;
	const char *attach_func_name;
	struct bpf_prog **func;
	struct bpf_map **used_maps;
	struct user_struct *user;
	u64 load_time;
	u32 verified_insns;
	char name[16];
	struct btf *btf;
};

struct bpf_prog_aux___sleepable {
	bool sleepable;
};

struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
};

#pragma clang attribute pop

#include "progs.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define INSTRUCTION_SIZE 8
#define TAG_SIZE 8
#define MAPS_MAX 64 /* MAX_USED_MAPS: include/linux/bpf_verifier.h */
#define FUNCTIONS_MAX 1024 /* the verifier takes 256, and lets exception callbacks be added */

static __always_inline void put_tag(struct kiter_writer *w, struct bpf_prog *prog)
{
	u8 *to = WANT(tag) ? TAIL(w, 2 * TAG_SIZE) : NULL;

	if (!to)
		return;
	for (u32 i = 0; i < TAG_SIZE; i++) {
		u8 high = prog->tag[i] >> 4, low = prog->tag[i] & 15;

		to[2 * i] = high + (high < 10 ? '0' : 'a' - 10);
		to[2 * i + 1] = low + (low < 10 ? '0' : 'a' - 10);
	}
	TAIL_PUT(w, tag, 2 * TAG_SIZE);
}

struct code_sum {
	struct bpf_prog **functions;
	u64 bytes;
};

static int add_function(u32 index, struct code_sum *sum)
{
	struct bpf_prog *function = NULL;

	bpf_probe_read_kernel(&function, sizeof(function), sum->functions + index);
	sum->bytes += function ? BPF_CORE_READ(function, jited_len) : 0;
	return 0;
}

/* The first function is the program itself: bpf_prog_get_info_by_fd(). */
static __always_inline void put_jited_bytes(struct kiter_writer *w, struct bpf_prog *prog)
{
	struct bpf_prog_aux *aux = prog->aux;
	struct code_sum sum = { .functions = aux->func };
	u32 count = JOIN(w, aux->func_cnt);

	if (!WANT(jited_bytes))
		return;
	if (count > FUNCTIONS_MAX)
		count = FUNCTIONS_MAX;
	if (count)
		bpf_loop(count, add_function, &sum, 0);
	else
		sum.bytes = prog->jited_len;
	PUT(w, jited_bytes, JOIN(w, sum.bytes));
}

struct map_list {
	struct bpf_map **maps;
	u8 *to;
};

static int add_map(u32 index, struct map_list *list)
{
	struct bpf_map *map = NULL;
	u32 id = 0;

	bpf_probe_read_kernel(&map, sizeof(map), list->maps + index);
	if (map)
		id = BPF_CORE_READ(map, id);
	bpf_probe_read_kernel(list->to + (index & (MAPS_MAX - 1)) * sizeof(id), sizeof(id), &id);
	return 0;
}

static __always_inline void put_map_ids(struct kiter_writer *w, struct bpf_prog *prog)
{
	u8 *to = WANT(map_ids) ? TAIL(w, MAPS_MAX * sizeof(u32)) : NULL;
	struct map_list list = { .maps = prog->aux->used_maps, .to = to };
	u64 count = JOIN(w, prog->aux->used_map_cnt);

	if (!to || !count)
		return;
	if (count > MAPS_MAX)
		count = MAPS_MAX;
	bpf_loop(count, add_map, &list, 0);
	TAIL_PUT(w, map_ids, (s64)JOIN(w, count * sizeof(u32)));
}

struct stats_sum {
	u64 stats, anchor;
	u64 count, nanoseconds, misses;
};

static int add_stats(u32 cpu, struct stats_sum *sum)
{
	u64 distance;

	if (!distance_to(cpu, sum->anchor, &distance))
		return 1;
	u64 stats = sum->stats + distance;
	sum->count += word_at(stats + bpf_core_field_offset(struct bpf_prog_stats, cnt));
	sum->nanoseconds += word_at(stats + bpf_core_field_offset(struct bpf_prog_stats, nsecs));
	sum->misses += word_at(stats + bpf_core_field_offset(struct bpf_prog_stats, misses));
	return 0;
}

#define STATS (KITER_FIELD(run_count) | KITER_FIELD(run_time_ns) | KITER_FIELD(recursion_misses))

/* Runs are counted only while kernel.bpf_stats_enabled says so: none counted is not none. */
static __always_inline void put_stats(struct kiter_writer *w, struct bpf_prog *prog)
{
	if (!WANT_ANY(STATS))
		return;
	struct stats_sum sum = { .stats = address_of(prog->stats), .anchor = anchor_base() };
	if (!JOIN(w, sum.stats))
		return;
	bpf_loop(kiter_config.cpus, add_stats, &sum, 0);
	u64 count = JOIN(w, sum.count);
	PUT_IF(w, count, run_count, count);
	PUT_IF(w, count, run_time_ns, JOIN(w, sum.nanoseconds));
	PUT(w, recursion_misses, JOIN(w, sum.misses));
}

static __always_inline bool is_sleepable(struct bpf_prog *prog)
{
	if (bpf_core_field_exists(prog->sleepable))
		return BPF_CORE_READ_BITFIELD_PROBED(prog, sleepable);
	return BPF_CORE_READ((struct bpf_prog_aux___sleepable *)prog->aux, sleepable);
}

SEC("iter/bpf_prog")
int progs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *trusted = ctx->prog;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct bpf_prog *prog = UNTRUSTED(struct bpf_prog, trusted);
	struct bpf_prog_aux *aux = prog->aux;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_progs))
		return KITER_RETRY;
	PUT(&w, id, aux->id);
	PUT(&w, type, prog->type);
	/* 0 is the name of one, and of none. */
	u32 attach_type = JOIN(&w, prog->expected_attach_type), type = JOIN(&w, prog->type);
	PUT_IF(&w, attach_type || type == KITER_prog_type_cgroup_skb, attach_type, attach_type);
	PUT(&w, uid, BPF_CORE_READ(aux, user, uid.val));
	PUT(&w, load_time_ns, aux->load_time);
	PUT(&w, verified_instructions, aux->verified_insns);
	PUT(&w, xlated_bytes, prog->len * INSTRUCTION_SIZE);
	put_jited_bytes(&w, prog);
	put_stats(&w, prog);
	struct btf *btf = aux->btf;
	if (btf)
		PUT(&w, btf_id, btf->id);
	if (WANT(gpl))
		PUT(&w, gpl, BPF_CORE_READ_BITFIELD_PROBED(prog, gpl_compatible));
	if (WANT(sleepable))
		PUT(&w, sleepable, is_sleepable(prog));
	/* The walk itself holds one. */
	PUT(&w, refcount, aux->refcnt.counter - 1);
	if (aux->name[0])
		PUT_STRING(&w, name, aux->name, sizeof(aux->name));
	put_tag(&w, prog);
	if (aux->attach_func_name)
		PUT_STRING(&w, function, aux->attach_func_name, 128);
	put_map_ids(&w, prog);
	return kiter_emit(&w);
}
