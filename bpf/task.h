/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What tables of tasks, and of what belongs to tasks, have in common. */
#pragma once

#include "kernel.h"

#define MAX_PID_NS_LEVEL 32 /* include/linux/pid_namespace.h */

/* A pid's number in the reader's namespace, which is what kill(2) takes; 0 if it is not in there. */
static __always_inline u32 pid_in_reader_namespace(struct pid *pid)
{
	struct task_struct *reader = (void *)bpf_get_current_task();
	struct pid *reader_pid = BPF_CORE_READ(reader, thread_pid);
	u64 level = BPF_CORE_READ(reader_pid, level);
	u32 number = 0;

	if (!pid || level >= MAX_PID_NS_LEVEL || BPF_CORE_READ(pid, level) < level)
		return 0;
	u64 offset = level * bpf_core_type_size(struct upid);
	/* Linux 6.1 loses the product's bounds, and adds no unbounded number to a pointer. */
	asm volatile("%0 &= 0xfff" : "+r"(offset));
	void *upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) + offset;
	bpf_probe_read_kernel(&number, sizeof(number),
			      upid + bpf_core_field_offset(struct upid, nr));
	return number;
}
