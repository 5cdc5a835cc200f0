/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Cgroups: where they are, and how their names are written. Included behind the generated header. */
#pragma once

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	u64 id;
};

/* Before Linux 6.15 (633488947ef6). */
struct kernfs_node___plain {
	struct kernfs_node *parent;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct css_rstat_cpu *rstat_cpu;
};

struct cgroup_root {
	s32 hierarchy_id; /* 0: version 2 */
	char name[64];
};

struct task_cputime {
	u64 stime, utime, sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct cgroup {
	struct cgroup_subsys_state self;
	unsigned long flags;
	s32 level;
	s32 nr_descendants;
	s32 nr_populated_csets, nr_populated_domain_children, nr_populated_threaded_children;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[1];
	struct cgroup_root *root;
	struct list_head cset_links;
	struct cgroup_base_stat bstat;
	struct prev_cputime prev_cputime;
};

/* 7.3 */
struct cgroup_subsys_state___moved {
	s32 nr_populated_csets;
};

struct cgroup___moved {
	struct cgroup_subsys_state___moved self;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

/* In a kernel they have other numbers, and those that it was built without are missing. */
enum cgroup_subsys_id {
	cpuset_cgrp_id, cpu_cgrp_id, cpuacct_cgrp_id, io_cgrp_id, memory_cgrp_id, devices_cgrp_id,
	freezer_cgrp_id, net_cls_cgrp_id, perf_event_cgrp_id, net_prio_cgrp_id, hugetlb_cgrp_id,
	pids_cgrp_id, rdma_cgrp_id, misc_cgrp_id, dmem_cgrp_id,
};

#pragma clang attribute pop

#define CGROUP_MAX 2048
/* A path as long as runtimes make them, some levels deep. */
#define CONTAINER_MAX 1024
#define CGROUP_NAME_MAX 256

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, __parent))
		return (void *)POINTER_AT(node, kernfs_node, __parent);
	return (void *)POINTER_AT(node, kernfs_node___plain, parent);
}

struct cgroup_walk {
	struct kiter_slot *slot;
	struct kernfs_node *node;
	u32 field, max;
};

/* Where a field keeps its text's place; the length is kept there: the verifier follows no memory. */
static __always_inline struct kiter_text *text_at(struct kiter_slot *slot, u64 field)
{
	if (field > sizeof(struct kiter_record) - sizeof(struct kiter_text))
		field = 0;
	return (struct kiter_text *)(slot->bytes + field);
}

static int add_name(u32 index, struct cgroup_walk *walk)
{
	struct kernfs_node *node = walk->node, *parent = parent_of(node);
	struct kiter_slot *slot = walk->slot;
	struct kiter_text *names = text_at(slot, walk->field);
	u64 length = names->length, at = names->offset + length;

	(void)index;
	if (!parent || length > walk->max - CGROUP_NAME_MAX || at > KITER_RECORD_MAX - CGROUP_NAME_MAX)
		return 1;
	s64 size = bpf_probe_read_kernel_str(slot->bytes + at, CGROUP_NAME_MAX,
					     (void *)POINTER_AT(node, kernfs_node, name));
	if (size < 1 || size > CGROUP_NAME_MAX)
		return 1;
	slot->bytes[at + size - 1] = '/';
	names->length = length + size;
	walk->node = parent;
	return 0;
}

/* Names from the leaf to the root, each with a slash behind it; verified but once. */
__noinline int put_cgroup_names(struct kiter_slot *slot, u64 node, u32 max, u32 field, u32 bit)
{
	if (!slot || max < CGROUP_NAME_MAX || max > CGROUP_MAX || bit >= 64 * KITER_WORDS)
		return 0;
	struct kiter_record *record = (struct kiter_record *)slot->bytes;
	struct cgroup_walk walk = { .slot = slot, .node = (void *)node, .field = field, .max = max };
	struct kiter_text *names = text_at(slot, field);

	names->offset = record->record_size;
	names->length = 0;
	bpf_loop(CGROUP_MAX / 2, add_name, &walk, 0);
	record->record_size += names->length;
	record->present[bit / 64] |= 1ULL << (bit % 64);
	if (parent_of(walk.node))
		record->partial[bit / 64] |= 1ULL << (bit % 64);
	return 0;
}

#define PUT_CGROUP_NAMES(w, field, node, max)                                                      \
	do {                                                                                       \
		if (WANT(field))                                                                   \
			put_cgroup_names((w)->slot, JOIN(w, node), max,                            \
					 __builtin_offsetof(struct kiter_record, field),           \
					 KITER_BIT_##field);                                       \
	} while (0)

/*
 * The node of the cgroup that tells a task's container. Where the memory controller has a hierarchy
 * of its own (version 1), runtimes make their cgroups there, and may leave the task in the root, or
 * in its starter's cgroup, of version 2. A task in that hierarchy's root has only the other.
 */
__noinline u64 container_node(u64 task)
{
	u64 set = POINTER_AT(task, task_struct, cgroups);
	u64 unified = POINTER_AT(set, css_set, dfl_cgrp), node = POINTER_AT(unified, cgroup, kn);

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return node;
	u64 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	u64 css = word_at(set + bpf_core_field_offset(struct css_set, subsys) + 8 * index);
	u64 memory = POINTER_AT(css, cgroup_subsys_state, cgroup);
	u64 other = POINTER_AT(memory, cgroup, kn);

	if (!other || !parent_of((void *)other) ||
	    POINTER_AT(memory, cgroup, root) == POINTER_AT(unified, cgroup, root))
		return node;
	return other;
}
