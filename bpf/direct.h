/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a program walks over tasks by itself (SEC("syscall"), with what Linux 6.7 has for it) and stores
 * records in memory that the reader has mapped: several times faster than the seq_file, for which the
 * kernel begins and ends the program for each object. There are two forms, for the same fields:
 *
 * NAME_whole looks at every task in one run, which is one RCU section: for what never sleeps.
 * NAME_parts lists the tasks in one run, and in each other one goes through a part of the list, so
 * that several readers can do so at once; between tasks it may sleep.
 *
 *	int name_store(struct kiter_run *run)
 *	{
 *		struct kiter_writer w;
 *		if (!run || !kiter_resume(&w, run, KITER_PROGRAM_name))
 *			return 1;
 *		PUT(&w, pid, …);	from run->task, or, in parts, bpf_task_from_pid(run->tid)
 *		return kiter_store(&w, run);
 *	}
 *
 *	SEC("syscall")
 *	int name_whole(struct kiter_run *context)
 *	{
 *		struct kiter_run run = *context;
 *		kiter_store_whole(&run, WALK_PROCESSES, name_store);
 *		*context = run;
 *		return 0;
 *	}
 *
 *	SEC("syscall")
 *	int name_parts(struct kiter_run *context)
 *	{
 *		struct kiter_run run = *context;
 *		kiter_store_part(&run, WALK_PROCESSES, name_store_part);
 *		*context = run;
 *		return 0;
 *	}
 *
 * What is done with a task is a function that is not static: the verifier looks at it once, by
 * itself. Inside the loop it would follow each way through one task into the next (5,000
 * instructions to verify become a million).
 */
#pragma once

#include "task.h"

/* How often one task is looked at that changes each time. */
#define KITER_TRIES 100
#define KITER_CHUNK_BYTES (0x20000u - sizeof(u64))
#define KITER_LIST_TASKS 1024

/* A part of the mapped memory: whole records, one behind the other. */
struct kiter_chunk {
	u64 used;
	u8 bytes[KITER_CHUNK_BYTES];
};

/* A part of the list: a thread's number in the reader's namespace above the one in the first. */
struct kiter_list {
	u64 tasks[KITER_LIST_TASKS];
};

/* The loader says how many there are: none where no program walks by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 0);
	__type(key, u32);
	__type(value, struct kiter_chunk);
} kiter_chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 0);
	__type(key, u32);
	__type(value, struct kiter_list);
} kiter_lists SEC(".maps");

/* What a run is to do, and has done. */
struct kiter_run {
	void *task; /* that the program looks at; no pointer any more to the verifier */
	u32 tid; /* or its number in the first namespace */
	u32 order; /* and in the reader's */
	u32 first; /* in the list: the task to begin with; afterwards, to go on with */
	u32 end; /* where to stop; not behind `first`: list the tasks, and say here how many there are */
	u32 chunk; /* to store in; goes on where there are no more, to say how many it takes */
	u32 slot; /* the reader's */
	u32 torn; /* tasks that changed whenever they were looked at: not stored */
	u32 at; /* bytes of the chunk in use */
};

/* A loop that the verifier does not unroll (Linux 6.4). */
struct bpf_iter_num {
	u64 opaque;
};

extern int bpf_iter_num_new(struct bpf_iter_num *loop, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *loop) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *loop) __ksym __weak;

/* Open-coded walks over tasks (Linux 6.7, c68a78ffe2cb): kernel/bpf/task_iter.c. */
enum { WALK_PROCESSES, WALK_THREADS };

struct bpf_iter_task {
	u64 opaque[3];
};

extern int bpf_iter_task_new(struct bpf_iter_task *walk, struct task_struct *task,
			     u32 flags) __ksym __weak;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *walk) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task *walk) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* Has `store` look at the task, again if it says 0: that the task changed meanwhile. */
static __always_inline int kiter_visit(struct kiter_run *run, int (*store)(struct kiter_run *run))
{
	struct bpf_iter_num tries;
	int is_done = 0;

	/* Nearly always: a loop costs more than what is in it. */
	if (store(run))
		return 1;
	bpf_iter_num_new(&tries, 1, KITER_TRIES);
	while (!is_done && bpf_iter_num_next(&tries))
		is_done = store(run);
	bpf_iter_num_destroy(&tries);
	run->torn += !is_done;
	return is_done;
}

/* Begins with an empty chunk, or one that has the preamble. */
static __always_inline void kiter_begin_chunk(struct kiter_run *run, int is_first)
{
	u32 number = run->chunk;
	struct kiter_chunk *chunk = bpf_map_lookup_elem(&kiter_chunks, &number);

	run->at = 0;
	if (!chunk)
		return;
	if (is_first) {
		*(struct kiter_preamble *)chunk->bytes = kiter_make_preamble();
		run->at = sizeof(struct kiter_preamble);
	}
	chunk->used = run->at;
}

/* Has the longest record no room in the chunk? */
static __always_inline int kiter_is_full(struct kiter_run *run)
{
	return run->at > KITER_CHUNK_BYTES - KITER_RECORD_MAX;
}

/* Stores all tasks, in the kernel's order. */
static __always_inline void kiter_store_whole(struct kiter_run *run, u32 flags,
					      int (*store)(struct kiter_run *run))
{
	struct bpf_iter_task tasks;
	struct task_struct *task;

	kiter_begin_chunk(run, 1);
	bpf_rcu_read_lock();
	bpf_iter_task_new(&tasks, NULL, flags);
	while ((task = bpf_iter_task_next(&tasks))) {
		run->task = task;
		kiter_visit(run, store);
	}
	bpf_iter_task_destroy(&tasks);
	bpf_rcu_read_unlock();
	run->task = NULL;
}

/* Puts a task on the list; goes on to count them where there is no more room. */
__noinline int kiter_list_task(struct kiter_run *run)
{
	if (!run || !run->order)
		return 0;
	u32 at = run->end++, key = at / KITER_LIST_TASKS;
	struct kiter_list *list = bpf_map_lookup_elem(&kiter_lists, &key);

	if (list)
		list->tasks[at % KITER_LIST_TASKS] = (u64)run->order << 32 | run->tid;
	return 0;
}

/* Lists the tasks of the reader's namespace, in one RCU section, as the kernel wants it. */
static __always_inline void kiter_list_tasks(struct kiter_run *run, u32 flags)
{
	struct bpf_iter_task tasks;
	struct task_struct *task;

	run->end = 0;
	bpf_rcu_read_lock();
	bpf_iter_task_new(&tasks, NULL, flags);
	while ((task = bpf_iter_task_next(&tasks))) {
		run->order = task_numbers(address_of(task));
		run->tid = task->pid;
		kiter_list_task(run);
	}
	bpf_iter_task_destroy(&tasks);
	bpf_rcu_read_unlock();
}

/* Finds the task at a place of the list. */
static __always_inline void kiter_look_up(struct kiter_run *run, u32 index)
{
	u32 key = index / KITER_LIST_TASKS;
	struct kiter_list *list = bpf_map_lookup_elem(&kiter_lists, &key);
	u64 task = list ? list->tasks[index % KITER_LIST_TASKS] : 0;

	run->first = index;
	run->tid = task;
	run->order = task >> 32;
}

/*
 * Stores the tasks from `first` to `end`, as many as there is room for, or lists them all. The first
 * part begins with the preamble.
 */
static __always_inline void kiter_store_part(struct kiter_run *run, u32 flags,
					     int (*store)(struct kiter_run *run))
{
	struct bpf_iter_num loop;
	int *index;

	if (run->first >= run->end) {
		kiter_list_tasks(run, flags);
		return;
	}
	kiter_begin_chunk(run, !run->first);
	bpf_iter_num_new(&loop, run->first, run->end);
	while ((index = bpf_iter_num_next(&loop))) {
		kiter_look_up(run, *index);
		if (kiter_is_full(run) || !kiter_visit(run, store))
			break;
		run->first++;
	}
	bpf_iter_num_destroy(&loop);
}

/* An empty record for the run's task. */
static __always_inline int kiter_resume(struct kiter_writer *w, struct kiter_run *run, u16 program)
{
	u32 slot = run->slot;

	w->slot = bpf_map_lookup_elem(&kiter_slots, &slot);
	if (!w->slot)
		return 0;
	w->slot->busy = 1;
	kiter_start(w, program);
	return 1;
}

/* Stores the record; in the next chunk, if this one is full. */
static __always_inline int kiter_store(struct kiter_writer *w, struct kiter_run *run, u32 order)
{
	u64 size = END(w);

	if (!kiter_matches(w))
		return 1;
	w->record->order = order;
	if (kiter_is_full(run)) {
		run->chunk++;
		run->at = 0;
	}
	u64 at = run->at;
	u32 key = run->chunk;
	struct kiter_chunk *chunk = bpf_map_lookup_elem(&kiter_chunks, &key);

	if (size > KITER_RECORD_MAX || at > KITER_CHUNK_BYTES - KITER_RECORD_MAX)
		return 1;
	run->at = at + size;
	if (!chunk)
		return 1;
	bpf_probe_read_kernel(chunk->bytes + at, size, w->slot->bytes);
	chunk->used = at + size;
	return 1;
}
