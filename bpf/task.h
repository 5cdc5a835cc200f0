/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What tables of tasks, and of what belongs to tasks, have in common. */
#pragma once

#include "kernel.h"

#define MAX_PID_NS_LEVEL 32 /* include/linux/pid_namespace.h */

/* Where a pid keeps its number in the namespace that is so many deep. */
static __always_inline u64 upid_offset(u64 level)
{
	u64 offset = level * bpf_core_type_size(struct upid);

	/* Linux 6.1 loses the product's bounds, and adds no unbounded number to a pointer. */
	asm volatile("%0 &= 0xfff" : "+r"(offset));
	return offset + bpf_core_field_offset(struct pid, numbers);
}

/* The number at a level; 0 if the pid is of another namespace than the reader's. */
static __always_inline u32 number_at(u64 level, struct pid *pid, struct pid *reader)
{
	u64 offset = upid_offset(level);
	struct upid *upid = (void *)pid + offset, *reader_upid = (void *)reader + offset;

	if (BPF_CORE_READ(upid, ns) != BPF_CORE_READ(reader_upid, ns))
		return 0;
	return BPF_CORE_READ(upid, nr);
}

static __always_inline u32 pid_number_by(const int is_cast, struct pid *pid, struct pid *reader)
{
	u64 level = READ(is_cast, reader, level);

	/* All are in the first namespace; further down, two may be at the same level. */
	if (!level)
		return READ(is_cast, pid, numbers[0].nr);
	if (level >= MAX_PID_NS_LEVEL || READ(is_cast, pid, level) < level)
		return 0;
	return number_at(level, pid, reader);
}

/*
 * The number of a pid, which is given as an address, in the reader's namespace: what kill(2) takes;
 * 0 if it is not in there. A pid has a number in its own namespace and in each that this one is
 * nested in.
 */
__noinline u32 pid_in_reader_namespace(u64 address)
{
	void *current = (void *)bpf_get_current_task();

	if (bpf_rdonly_cast) {
		struct pid *reader = CAST(struct task_struct, current)->thread_pid;
		return pid_number_by(1, CAST(struct pid, address), reader);
	}
	struct pid *reader = BPF_CORE_READ((struct task_struct *)current, thread_pid);
	return pid_number_by(0, (struct pid *)address, reader);
}

/* Those of a task, as pid_in_reader_namespace() has them; zeros if it was reaped. */
static __always_inline u64 task_numbers_by(const int is_cast, struct task_struct *task,
					   struct pid *reader)
{
	struct pid *pid = READ(is_cast, task, thread_pid);

	if (!pid)
		return 0;
	/* In the first namespace they are in the task itself: two pieces of memory less to fetch. */
	if (!READ(is_cast, reader, level))
		return (u64)READ(is_cast, task, tgid) << 32 | (u32)READ(is_cast, task, pid);
	struct signal_struct *signal = READ(is_cast, task, signal);
	struct pid *process = READ(is_cast, signal, pids[PID_OF_PROCESS]);

	return (u64)pid_in_reader_namespace(address_of(process)) << 32 |
	       pid_in_reader_namespace(address_of(pid));
}

/* The process's number in the reader's namespace in the upper half, the thread's in the lower. */
__noinline u64 task_numbers(u64 address)
{
	void *current = (void *)bpf_get_current_task();

	if (bpf_rdonly_cast)
		return task_numbers_by(1, CAST(struct task_struct, address),
				       CAST(struct task_struct, current)->thread_pid);
	return task_numbers_by(0, (struct task_struct *)address,
			       BPF_CORE_READ((struct task_struct *)current, thread_pid));
}
