/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The name of a task, for tables that have one (comm). Included behind the generated header. */
#pragma once

/* Two words, of which the last byte is 0 (__set_task_comm()): a helper call less for each task. */
static __always_inline void put_comm(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(comm))
		return;
	u64 *to = (u64 *)TAIL(w, sizeof(task->comm)), *name = (u64 *)task->comm;

	if (!to)
		return;
	u64 first = name[0], second = name[1], length = length_in(first);

	to[0] = first;
	to[1] = second;
	TAIL_PUT(w, comm, length + (length_in(second) & -(length >> 3)));
}
