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

struct group {
	u64 address;
	u32 level, hierarchy;
};

/*
 * What is put of a cgroup is put by functions that are not static: the verifier looks at each once,
 * and not once for each way through those before it. They take but numbers, and all of them: what
 * clang sees unused it does not pass, and the verifier misses it.
 */
#define PUT_FUNCTION(name)                                                                         \
	static __always_inline void name##_of(struct kiter_writer *w, const struct group *group);  \
	__noinline int name(struct kiter_slot *slot, u64 cgroup, u32 level, u32 hierarchy)         \
	{                                                                                          \
		asm volatile("" : "+r"(level), "+r"(hierarchy));                                   \
		struct group group = { cgroup, level, hierarchy };                                 \
                                                                                                   \
		if (!slot)                                                                         \
			return 0;                                                                  \
		struct kiter_writer w = { .slot = slot, .record = (void *)slot->bytes };           \
		name##_of(&w, &group);                                                             \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_of(struct kiter_writer *w, const struct group *group)

static __always_inline u64 part_at(u64 address, u64 index)
{
	return word_at(address + bpf_core_field_offset(struct cgroup, subsys) + 8 * index);
}

/* What a controller keeps of the cgroup; 0 if it is not enabled there, or not in this kernel. */
#define PART(cgroup, controller)                                                                   \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, controller##_cgrp_id)                   \
		 ? part_at(cgroup,                                                                 \
			   bpf_core_enum_value(enum cgroup_subsys_id, controller##_cgrp_id))       \
		 : 0)

/* Without a jump: the verifier would follow both ways, for each of them. */
#define ADD_CONTROLLER(mask, cgroup, controller)                                                   \
	(mask |= is_set(PART(cgroup, controller)) * KITER_controller_##controller)

static __always_inline u64 is_set(u64 word)
{
	return (word | -word) >> 63;
}

#define ONLY_IN_VERSION_1                                                                          \
	(KITER_controller_cpuacct | KITER_controller_devices | KITER_controller_freezer |          \
	 KITER_controller_net_cls | KITER_controller_net_prio | KITER_controller_perf_event)

PUT_FUNCTION(put_controllers)
{
	u32 mask = 0;

	if (!WANT(controllers))
		return;
	ADD_CONTROLLER(mask, group->address, cpuset);
	ADD_CONTROLLER(mask, group->address, cpu);
	ADD_CONTROLLER(mask, group->address, cpuacct);
	ADD_CONTROLLER(mask, group->address, io);
	ADD_CONTROLLER(mask, group->address, memory);
	ADD_CONTROLLER(mask, group->address, devices);
	ADD_CONTROLLER(mask, group->address, freezer);
	ADD_CONTROLLER(mask, group->address, net_cls);
	ADD_CONTROLLER(mask, group->address, perf_event);
	ADD_CONTROLLER(mask, group->address, net_prio);
	ADD_CONTROLLER(mask, group->address, hugetlb);
	ADD_CONTROLLER(mask, group->address, pids);
	ADD_CONTROLLER(mask, group->address, rdma);
	ADD_CONTROLLER(mask, group->address, misc);
	ADD_CONTROLLER(mask, group->address, dmem);
	/* Version 2 keeps those that it does not have in its root, and one that it does not show. */
	if (!group->hierarchy)
		mask &= ~ONLY_IN_VERSION_1;
	PUT(w, controllers, mask);
}

/* A list of a set's tasks, and how far it has been walked. */
struct task_list {
	u64 head, node;
	u32 tasks, processes;
	u32 is_dying;
};

static int count_task(u32 index, struct task_list *list)
{
	u64 node = list->node;
	struct task_struct *task =
		OBJECT(struct task_struct,
		       node - bpf_core_field_offset(struct task_struct___cg_list, cg_list));

	(void)index;
	if (!node || node == list->head)
		return 1;
	list->node = word_at(node);
	list->tasks++;
	/* Also a process of which the first thread alone has exited. */
	u32 is_process = LOAD(task, pid) == LOAD(task, tgid);
	if (list->is_dying) {
		struct signal_struct___live *signal = (void *)LOAD(task, signal);

		is_process &= LOAD(signal, live.counter) != 0;
	}
	list->processes += is_process;
	return 0;
}

/*
 * A count of tasks as one number: 31 bits of processes, 32 of threads, and whether a list changed
 * while it was walked.
 */
#define TORN 1ULL
#define PROCESS (1ULL << 1)
#define THREAD (1ULL << 32)

/* The processes in a list of a set, verified once for both. */
__noinline u64 count_list(u64 head, u32 tasks, u32 is_dying)
{
	struct task_list list = { .head = head, .node = word_at(head), .is_dying = is_dying };

	bpf_loop(is_dying ? THREADS_MAX : tasks + 64, count_task, &list, 0);
	u64 is_torn = list.node != head || (!is_dying && list.tasks != tasks);

	return list.processes * PROCESS | is_torn;
}

struct set_list {
	u64 head, node, count;
};

static int add_set(u32 index, struct set_list *list)
{
	u64 node = list->node;

	(void)index;
	if (!node || node == list->head)
		return 1;
	list->node = word_at(node);
	u64 address = word_at(node - bpf_core_field_offset(struct cgrp_cset_link, cset_link) +
			      bpf_core_field_offset(struct cgrp_cset_link, cset));
	struct css_set___tasks *set = (void *)address;
	u32 threads = int_at(address + bpf_core_field_offset(set->nr_tasks));

	list->count += threads * THREAD;
	if (!WANT(processes))
		return 0;
	u64 live = count_list(address + bpf_core_field_offset(set->tasks), threads, 0);
	u64 dying = count_list(address + bpf_core_field_offset(set->dying_tasks), 0, 1);

	list->count += (live & ~TORN) + (dying & ~TORN);
	list->count |= (live | dying) & TORN;
	return 0;
}

static int count_tasks(u32 index, struct set_list *list)
{
	(void)index;
	list->node = word_at(list->head);
	list->count = 0;
	bpf_loop(THREADS_MAX, add_set, list, 0);
	return !(list->count & TORN);
}

/*
 * Tasks come and go while they are counted, because that takes another lock than the walk's. A
 * count that was disturbed is taken again, some times.
 */
__noinline u64 count_tasks_of(u64 cgroup)
{
	struct set_list list = { .head = cgroup + bpf_core_field_offset(struct cgroup, cset_links) };

	bpf_loop(10, count_tasks, &list, 0);
	return list.count;
}

PUT_FUNCTION(put_tasks)
{
	if (!WANT_ANY(KITER_FIELD(threads) | KITER_FIELD(processes)))
		return;
	u64 count = count_tasks_of(group->address);

	PUT(w, threads, count / THREAD);
	if (WANT(processes) && count & TORN)
		UNREADABLE(w, processes);
	else
		PUT(w, processes, (u32)count / PROCESS);
}

PUT_FUNCTION(put_memory)
{
	u64 address = PART(group->address, memory);
	struct mem_cgroup *memory = OBJECT(struct mem_cgroup, address);
	u32 shift = kiter_config.page_shift;

	/* The root's is that of the host, and not counted here. */
	if (!address || !group->level)
		return;
	u64 limit = LOAD(memory, memory.max);

	PUT(w, memory_bytes, LOAD(memory, memory.usage.counter) << shift);
	PUT(w, memory_peak_bytes, LOAD(memory, memory.watermark) << shift);
	/* PAGE_COUNTER_MAX: as many pages as a signed number of bytes can tell. */
	PUT_IF(w, limit < 0x7fffffffffffffff >> shift, memory_limit_bytes, limit << shift);
	/* In version 1 the same place has memory and swap together. */
	if (!group->hierarchy)
		PUT(w, swap_bytes, LOAD(memory, swap.usage.counter) << shift);
	if (bpf_core_enum_value_exists(enum memcg_memory_event, MEMCG_OOM_KILL)) {
		u64 kind = bpf_core_enum_value(enum memcg_memory_event, MEMCG_OOM_KILL);

		PUT(w, oom_kills,
		    word_at(address + bpf_core_field_offset(memory->memory_events) + 8 * kind));
	}
}

PUT_FUNCTION(put_pids)
{
	u64 address = PART(group->address, pids);
	struct pids_cgroup *pids = OBJECT(struct pids_cgroup, address);

	if (!address || !group->level)
		return;
	u64 limit = LOAD(pids, limit.counter);

	PUT(w, pids, LOAD(pids, counter.counter));
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
PUT_FUNCTION(put_cpu)
{
	struct cgroup *cgroup = OBJECT(struct cgroup, group->address);

	if (!WANT_ANY(CPU_TIMES))
		return;
	if (!group->hierarchy) {
		if (!group->level)
			return;
		PUT(w, usage_ns, LOAD(cgroup, bstat.cputime.sum_exec_runtime));
		PUT(w, utime, LOAD(cgroup, bstat.cputime.utime));
		PUT(w, stime, LOAD(cgroup, bstat.cputime.stime));
		PUT(w, prev_utime, LOAD(cgroup, prev_cputime.utime));
		PUT(w, prev_stime, LOAD(cgroup, prev_cputime.stime));
		return;
	}
	u64 account = PART(group->address, cpuacct);
	if (!account || !WANT(usage_ns))
		return;
	struct usage_sum sum = { .usage = POINTER_AT(account, cpuacct, cpuusage),
				 .anchor = anchor_base() };

	bpf_loop(kiter_config.cpus, add_usage, &sum, 0);
	PUT(w, usage_ns, JOIN(w, sum.nanoseconds));
}

/* Those with processes in it, without its children. */
static __always_inline s32 populated_sets(struct cgroup *cgroup)
{
	struct cgroup___moved *newer = (void *)cgroup;

	if (bpf_core_field_exists(cgroup->nr_populated_csets))
		return LOAD(cgroup, nr_populated_csets);
	return LOAD(newer, self.nr_populated_csets);
}

PUT_FUNCTION(put_place)
{
	struct cgroup *cgroup = OBJECT(struct cgroup, group->address);
	struct kernfs_node *node = LOAD(cgroup, kn);
	u64 parent = (u64)parent_of(node);

	PUT(w, id, LOAD(node, id));
	if (parent)
		PUT(w, parent_id, POINTER_AT(parent, kernfs_node, id));
	PUT(w, hierarchy, group->hierarchy);
	PUT(w, level, group->level);
	PUT(w, descendants, LOAD(cgroup, nr_descendants));
	PUT(w, populated,
	    is_set(populated_sets(cgroup) | LOAD(cgroup, nr_populated_domain_children) |
		   LOAD(cgroup, nr_populated_threaded_children)));
	/* Version 1 has a controller for that, and the root is never frozen. */
	if (!group->hierarchy && group->level)
		PUT(w, frozen, LOAD(cgroup, flags) >> CGRP_FROZEN & 1);
	PUT_CGROUP_NAMES(w, cgroup_names, node, CGROUP_MAX);
	struct cgroup_root *root = LOAD(cgroup, root);
	if (WANT(name) && LOAD(root, name[0]))
		PUT_STRING(w, name, root->name, 64);
}

static __always_inline void put_fields(struct kiter_writer *w, struct cgroup *trusted)
{
	u64 cgroup = JOIN(w, trusted);
	struct cgroup *group = OBJECT(struct cgroup, cgroup);
	u32 level = LOAD(group, level);
	struct cgroup_root *root = LOAD(group, root);
	u32 hierarchy = LOAD(root, hierarchy_id);

	put_place(w->slot, cgroup, level, hierarchy);
	put_controllers(w->slot, cgroup, level, hierarchy);
	put_tasks(w->slot, cgroup, level, hierarchy);
	put_memory(w->slot, cgroup, level, hierarchy);
	put_pids(w->slot, cgroup, level, hierarchy);
	put_cpu(w->slot, cgroup, level, hierarchy);
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
