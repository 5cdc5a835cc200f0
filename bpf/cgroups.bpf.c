// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/cgroup: one object for each cgroup of a hierarchy, each before those in it.
 *
 * The kernel gives such a walk one buffer, of 32 KiB, and cannot go on with a second: 5,000 cgroups
 * do not fit. So there is a second program, which stores records in memory, and writes nothing to
 * the file. The kernel holds cgroup_mutex from the first object to the last: no other walk runs
 * meanwhile, no cgroup is made or removed, and no slot is ever busy.
 */
#include "kernel.h"
#include "percpu.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic_long_t;

/* On 64 bits a long as well, under another name. */
typedef struct {
	s64 counter;
} atomic64_t;

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
	unsigned long max;
};

struct mem_cgroup {
	struct page_counter memory;
	struct page_counter swap;
	atomic_long_t memory_events[1];
};

enum memcg_memory_event {
	MEMCG_OOM_KILL,
};

struct pids_cgroup {
	atomic64_t counter;
	atomic64_t limit;
};

struct cpuacct {
	u64 *cpuusage;
};

struct task_struct___cg_list {
	struct list_head cg_list;
};

/* Of a process, the threads that have not exited. */
struct signal_struct___live {
	struct {
		s32 counter;
	} live;
};

struct cgrp_cset_link {
	struct css_set___tasks *cset;
	struct list_head cset_link;
};

struct css_set___tasks {
	s32 nr_tasks;
	struct list_head tasks;
	struct list_head dying_tasks;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

#include "cgroups.gen.h"
#include "cgroup.h"
#include "stored.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Brings the sums of a cgroup, and of those in it, up to date; the second before Linux 6.16
 * (a97915559f5c), which moved what they work on.
 */
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym __weak;
extern void cgroup_rstat_flush(struct cgroup *cgroup) __ksym __weak;

#define CGRP_FROZEN 3 /* include/linux/cgroup-defs.h, an enum without a name */
#define PIDS_MAX (4194304 + 1) /* PID_MAX_LIMIT + 1: kernel/cgroup/pids.c */
#define THREADS_MAX (4 << 20)

/* A cgroup, by addresses; what is behind them is read by helper, which every kernel allows. */
struct group {
	u64 address;
	u32 level, hierarchy;
};

static __always_inline u64 part_at(u64 address, u64 index)
{
	return word_at(address + bpf_core_field_offset(struct cgroup, subsys) + 8 * index);
}

/* What a controller keeps of the cgroup; 0 if it is not enabled there, or not in this kernel. */
#define PART(group, controller)                                                                    \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, controller##_cgrp_id)                   \
		 ? part_at((group)->address,                                                       \
			   bpf_core_enum_value(enum cgroup_subsys_id, controller##_cgrp_id))       \
		 : 0)

#define ADD_CONTROLLER(mask, group, controller)                                                    \
	do {                                                                                       \
		if (PART(group, controller))                                                       \
			mask |= KITER_controller_##controller;                                     \
	} while (0)

#define ONLY_IN_VERSION_1                                                                          \
	(KITER_controller_cpuacct | KITER_controller_devices | KITER_controller_freezer |          \
	 KITER_controller_net_cls | KITER_controller_net_prio | KITER_controller_perf_event)

static __always_inline void put_controllers(struct kiter_writer *w, const struct group *group)
{
	u32 mask = 0;

	if (!WANT(controllers))
		return;
	ADD_CONTROLLER(mask, group, cpuset);
	ADD_CONTROLLER(mask, group, cpu);
	ADD_CONTROLLER(mask, group, cpuacct);
	ADD_CONTROLLER(mask, group, io);
	ADD_CONTROLLER(mask, group, memory);
	ADD_CONTROLLER(mask, group, devices);
	ADD_CONTROLLER(mask, group, freezer);
	ADD_CONTROLLER(mask, group, net_cls);
	ADD_CONTROLLER(mask, group, perf_event);
	ADD_CONTROLLER(mask, group, net_prio);
	ADD_CONTROLLER(mask, group, hugetlb);
	ADD_CONTROLLER(mask, group, pids);
	ADD_CONTROLLER(mask, group, rdma);
	ADD_CONTROLLER(mask, group, misc);
	ADD_CONTROLLER(mask, group, dmem);
	/* Version 2 keeps those that it does not have in its root, and one that it does not show. */
	if (!group->hierarchy)
		mask &= ~ONLY_IN_VERSION_1;
	PUT(w, controllers, mask);
}

struct task_count {
	u64 head, node;
	u32 tasks, processes;
	u32 is_dying;
};

static int count_task(u32 index, struct task_count *count)
{
	u64 node = count->node;
	struct task_struct *task =
		(void *)(node - bpf_core_field_offset(struct task_struct___cg_list, cg_list));

	(void)index;
	if (!node || node == count->head)
		return 1;
	count->node = (u64)BPF_CORE_READ((struct list_head *)node, next);
	count->tasks++;
	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	if (count->is_dying) {
		struct signal_struct___live *signal = (void *)BPF_CORE_READ(task, signal);

		if (!BPF_CORE_READ(signal, live.counter))
			return 0;
	}
	count->processes++;
	return 0;
}

struct task_sum {
	u64 head, node;
	u32 threads, processes;
	u32 is_torn; /* a list changed while it was walked */
};

/* The tasks of one set, and its processes: also those whose first thread alone has exited. */
static int add_set(u32 index, struct task_sum *sum)
{
	u64 node = sum->node;
	struct cgrp_cset_link *link =
		(void *)(node - bpf_core_field_offset(struct cgrp_cset_link, cset_link));

	(void)index;
	if (!node || node == sum->head)
		return 1;
	sum->node = (u64)BPF_CORE_READ((struct list_head *)node, next);
	struct css_set___tasks *set = BPF_CORE_READ(link, cset);
	u32 threads = BPF_CORE_READ(set, nr_tasks);

	sum->threads += threads;
	if (!WANT(processes))
		return 0;
	struct task_count count = { .head = (u64)set + bpf_core_field_offset(set->tasks) };
	count.node = (u64)BPF_CORE_READ(set, tasks.next);
	bpf_loop(threads + 64, count_task, &count, 0);
	sum->is_torn |= count.node != count.head || count.tasks != threads;
	sum->processes += count.processes;
	struct task_count dying = { .head = (u64)set + bpf_core_field_offset(set->dying_tasks) };
	dying.node = (u64)BPF_CORE_READ(set, dying_tasks.next);
	dying.is_dying = 1;
	bpf_loop(THREADS_MAX, count_task, &dying, 0);
	sum->is_torn |= dying.node != dying.head;
	sum->processes += dying.processes;
	return 0;
}

/*
 * Tasks come and go while they are counted, because that takes another lock than the walk's. A
 * count that was disturbed is taken again, some times.
 */
static int count_tasks(u32 index, struct task_sum *sum)
{
	struct list_head *head = (void *)sum->head;

	(void)index;
	sum->node = (u64)BPF_CORE_READ(head, next);
	sum->threads = sum->processes = sum->is_torn = 0;
	bpf_loop(THREADS_MAX, add_set, sum, 0);
	return !sum->is_torn;
}

static __always_inline void put_tasks(struct kiter_writer *w, const struct group *group)
{
	if (!WANT_ANY(KITER_FIELD(threads) | KITER_FIELD(processes)))
		return;
	struct task_sum sum = { .head = group->address +
					bpf_core_field_offset(struct cgroup, cset_links) };

	bpf_loop(10, count_tasks, &sum, 0);
	PUT(w, threads, JOIN(w, sum.threads));
	if (WANT(processes) && sum.is_torn)
		UNREADABLE(w, processes);
	else
		PUT(w, processes, JOIN(w, sum.processes));
}

static __always_inline void put_memory(struct kiter_writer *w, const struct group *group)
{
	struct mem_cgroup *memory = (void *)PART(group, memory);
	u32 shift = kiter_config.page_shift;

	/* The root's is that of the host, and not counted here. */
	if (!memory || !group->level)
		return;
	u64 limit = BPF_CORE_READ(memory, memory.max);

	PUT(w, memory_bytes, BPF_CORE_READ(memory, memory.usage.counter) << shift);
	PUT(w, memory_peak_bytes, BPF_CORE_READ(memory, memory.watermark) << shift);
	/* PAGE_COUNTER_MAX: as many pages as a signed number of bytes can tell. */
	PUT_IF(w, limit < 0x7fffffffffffffff >> shift, memory_limit_bytes, limit << shift);
	/* In version 1 the same place has memory and swap together. */
	if (!group->hierarchy)
		PUT(w, swap_bytes, BPF_CORE_READ(memory, swap.usage.counter) << shift);
	if (bpf_core_enum_value_exists(enum memcg_memory_event, MEMCG_OOM_KILL)) {
		u64 kind = bpf_core_enum_value(enum memcg_memory_event, MEMCG_OOM_KILL);

		PUT(w, oom_kills,
		    word_at((u64)memory + bpf_core_field_offset(memory->memory_events) + 8 * kind));
	}
}

static __always_inline void put_pids(struct kiter_writer *w, const struct group *group)
{
	struct pids_cgroup *pids = (void *)PART(group, pids);

	if (!pids || !group->level)
		return;
	u64 limit = BPF_CORE_READ(pids, limit.counter);

	PUT(w, pids, BPF_CORE_READ(pids, counter.counter));
	PUT_IF(w, limit < PIDS_MAX, pids_limit, limit);
}

struct usage_sum {
	u64 usage, anchor, nanoseconds;
};

static int add_usage(u32 cpu, struct usage_sum *sum)
{
	u64 distance;

	if (!distance_to(cpu, sum->anchor, &distance))
		return 1;
	sum->nanoseconds += word_at(sum->usage + distance);
	return 0;
}

#define CPU_TIMES                                                                                  \
	(KITER_FIELD(usage_ns) | KITER_FIELD(utime) | KITER_FIELD(stime) |                         \
	 KITER_FIELD(prev_utime) | KITER_FIELD(prev_stime))

/* Version 2 counts for each cgroup but the root; version 1 where cpuacct is. */
static __always_inline void put_cpu(struct kiter_writer *w, const struct group *group)
{
	struct cgroup *cgroup = (void *)group->address;

	if (!WANT_ANY(CPU_TIMES))
		return;
	if (!group->hierarchy) {
		if (!group->level)
			return;
		PUT(w, usage_ns, BPF_CORE_READ(cgroup, bstat.cputime.sum_exec_runtime));
		PUT(w, utime, BPF_CORE_READ(cgroup, bstat.cputime.utime));
		PUT(w, stime, BPF_CORE_READ(cgroup, bstat.cputime.stime));
		PUT(w, prev_utime, BPF_CORE_READ(cgroup, prev_cputime.utime));
		PUT(w, prev_stime, BPF_CORE_READ(cgroup, prev_cputime.stime));
		return;
	}
	struct cpuacct *account = (void *)PART(group, cpuacct);
	if (!account || !WANT(usage_ns))
		return;
	struct usage_sum sum = { .usage = (u64)BPF_CORE_READ(account, cpuusage),
				 .anchor = anchor_base() };

	bpf_loop(kiter_config.cpus, add_usage, &sum, 0);
	PUT(w, usage_ns, JOIN(w, sum.nanoseconds));
}

static __always_inline void put_place(struct kiter_writer *w, const struct group *group)
{
	struct cgroup *cgroup = (void *)group->address;
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn), *parent = parent_of(node);

	PUT(w, id, BPF_CORE_READ(node, id));
	if (parent)
		PUT(w, parent_id, BPF_CORE_READ(parent, id));
	PUT(w, hierarchy, group->hierarchy);
	PUT(w, level, group->level);
	PUT(w, descendants, BPF_CORE_READ(cgroup, nr_descendants));
	PUT(w, populated,
	    BPF_CORE_READ(cgroup, nr_populated_csets) ||
		    BPF_CORE_READ(cgroup, nr_populated_domain_children) ||
		    BPF_CORE_READ(cgroup, nr_populated_threaded_children));
	/* Version 1 has a controller for that, and the root is never frozen. */
	if (!group->hierarchy && group->level)
		PUT(w, frozen, BPF_CORE_READ(cgroup, flags) >> CGRP_FROZEN & 1);
	PUT_CGROUP_NAMES(w, cgroup_names, node, CGROUP_MAX);
	struct cgroup_root *root = BPF_CORE_READ(cgroup, root);
	if (WANT(name) && BPF_CORE_READ(root, name[0]))
		PUT_STRING(w, name, root->name, 64);
}

static __always_inline void put_fields(struct kiter_writer *w, struct cgroup *cgroup)
{
	struct group group = { .address = JOIN(w, cgroup) };

	cgroup = (void *)group.address;
	group.level = BPF_CORE_READ(cgroup, level);
	group.hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	put_place(w, &group);
	put_controllers(w, &group);
	put_tasks(w, &group);
	put_memory(w, &group);
	put_pids(w, &group);
	put_cpu(w, &group);
}

/* The first of a walk is above all others. */
static __always_inline void flush(struct bpf_iter_meta *meta, struct cgroup *cgroup)
{
	if (!WANT_ANY(CPU_TIMES) || meta->seq_num)
		return;
	/* Not by the function's address: Linux 6.1 takes none of functions. */
	if (bpf_core_field_exists(cgroup->self.rstat_cpu))
		css_rstat_flush(&cgroup->self);
	else
		cgroup_rstat_flush(cgroup);
}

SEC("iter.s/cgroup")
int cgroups(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgroup = ctx->cgroup;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!cgroup)
		return 0;
	flush(ctx->meta, cgroup);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_cgroups))
		return KITER_RETRY;
	put_fields(&w, cgroup);
	return kiter_emit(&w);
}

SEC("iter.s/cgroup")
int cgroups_direct(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgroup = ctx->cgroup;
	struct kiter_writer w;

	if (!cgroup)
		return 0;
	flush(ctx->meta, cgroup);
	if (!kiter_stored_begin(&w, KITER_PROGRAM_cgroups))
		return 0;
	put_fields(&w, cgroup);
	return kiter_stored_emit(&w);
}
