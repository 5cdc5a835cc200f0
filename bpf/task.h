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

static __always_inline struct pid *reader_pid(void)
{
	return UNTRUSTED(struct task_struct, bpf_get_current_task_btf())->thread_pid;
}

/* As below, in a namespace that is not the first. */
static __always_inline u32 pid_further_down(struct pid *pid, struct pid *reader, u64 level)
{
	u64 offset = upid_offset(level);
	/* Two namespaces may be at the same level. */
	struct upid *upid = (void *)pid + offset, *reader_upid = (void *)reader + offset;
	struct pid_namespace *ns = BPF_CORE_READ(upid, ns);

	return ns == BPF_CORE_READ(reader_upid, ns) ? BPF_CORE_READ(upid, nr) : 0;
}

/*
 * A pid's number in the reader's namespace, which is what kill(2) takes; 0 if it is not in there.
 * A pid has a number in its own namespace and in each that this one is nested in.
 */
static __always_inline u32 pid_in_reader_namespace(struct pid *pid)
{
	struct pid *reader = reader_pid();
	u64 level = reader->level;

	if (!pid || level >= MAX_PID_NS_LEVEL)
		return 0;
	if (!level)
		return pid->numbers[0].nr;
	return pid->level >= level ? pid_further_down(pid, reader, level) : 0;
}

/* A thread's number there; 0 also if it was reaped. A task has those of the first namespace. */
static __always_inline u32 tid_in_reader_namespace(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;

	if (!reader_pid()->level)
		return pid ? task->pid : 0;
	return pid_in_reader_namespace(pid);
}

/* A thread's process's number there. */
static __always_inline u32 tgid_in_reader_namespace(struct task_struct *task)
{
	if (!reader_pid()->level)
		return task->thread_pid ? task->tgid : 0;
	return pid_in_reader_namespace(task->signal->pids[PID_OF_PROCESS]);
}
