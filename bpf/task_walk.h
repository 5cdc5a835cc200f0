/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What walks over what belongs to tasks have in common: which of a process's threads stands for it. */
#pragma once

#include "task.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum bpf_iter_task_type {
	BPF_TASK_ITER_ALL,
	BPF_TASK_ITER_TID,
	BPF_TASK_ITER_TGID,
};

/* What the kernel keeps for a walk over tasks begins with this. */
struct bpf_iter_seq_task_common {
	enum bpf_iter_task_type type;
};

struct seq_file___private {
	struct bpf_iter_seq_task_common *private;
};

#pragma clang attribute pop

static __always_inline enum bpf_iter_task_type walk_type(struct bpf_iter_meta *meta)
{
	struct seq_file___private *seq = (void *)meta->seq;
	struct bpf_iter_seq_task_common *walk = BPF_CORE_READ(seq, private);

	return BPF_CORE_READ(walk, type);
}

/* Was one thread asked for (--tid)? */
static __always_inline int is_walk_of_thread(struct bpf_iter_meta *meta)
{
	return walk_type(meta) == BPF_TASK_ITER_TID;
}

/* Are neither processes nor threads asked for? */
static __always_inline int is_walk_of_all(struct bpf_iter_meta *meta)
{
	return walk_type(meta) == BPF_TASK_ITER_ALL;
}

/* PID_MAX_LIMIT: no process has more threads. */
#define THREADS_MAX (4 << 20)

struct thread_search {
	struct list_head *head, *at;
	struct files_struct *files;
	struct task_struct *found;
};

static int look_at_thread(u32 index, struct thread_search *search)
{
	struct list_head *at = search->at;

	(void)index;
	search->at = BPF_CORE_READ(at, next);
	if (search->at == search->head)
		return 1;
	struct task_struct *task =
		(void *)search->at - bpf_core_field_offset(struct task_struct, thread_node);
	if (search->files ? BPF_CORE_READ(task, files) != search->files : !BPF_CORE_READ(task, mm))
		return 0;
	search->found = task;
	return 1;
}

/* The first thread of a process with this table of files or, if NULL, with memory; NULL if none. */
static __always_inline struct task_struct *first_thread(struct task_struct *task,
							struct files_struct *files)
{
	struct list_head *threads = &task->signal->thread_head;
	struct thread_search search = { .head = threads, .at = threads, .files = files };

	bpf_loop(THREADS_MAX, look_at_thread, &search, 0);
	return search.found;
}
