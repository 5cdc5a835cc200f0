/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The state of a task, for tables that have one (task_state). Included behind the generated header. */
#pragma once

/* include/linux/sched.h */
#define TASK_IDLE 0x0402
#define TASK_WAKING 0x0200
#define TASK_RTLOCK_WAIT 0x1000
#define TASK_FROZEN 0x8000
#define TASK_REPORT 0x007f

/* As the kernel reports it (task_state_index()): the highest bit of those that have a letter. */
static __always_inline u8 state_of(struct task_struct *task)
{
	u32 running = task->__state, state = (running | task->exit_state) & TASK_REPORT;

	if ((running & TASK_IDLE) == TASK_IDLE)
		return KITER_task_state_idle;
	if (running & (TASK_RTLOCK_WAIT | TASK_FROZEN))
		return KITER_task_state_disk_sleep;
	/* Its highest bit: all below it are set, then taken away. No bit is running. */
	state |= state >> 1;
	state |= state >> 2;
	state |= state >> 4;
	return state ^ state >> 1;
}

/* Does it stand still, so that its stack is what it waits in? */
static __always_inline int is_asleep(struct task_struct *task)
{
	u32 state = task->__state;

	return state && state != TASK_WAKING && !task->on_rq && !task->exit_state;
}
