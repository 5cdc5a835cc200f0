// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task: one object for each thread, here with the functions of its kernel stack. */
#include "symbol.h"
#include "task.h"

#include "stacks.gen.h"
#include "comm.h"
#include "state.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define FRAMES_MAX 64 /* MAX_STACK_TRACE_DEPTH: fs/proc/base.c */
/* Where the addresses are meanwhile: in the slot, behind all that a record may have. */
#define FRAMES_AT 0xf000

/* A function with offset and size, and its module, as /proc/PID/stack has it. */
static const char frame[] SEC(".rodata.format") = "%pB";

/* Adds a frame; an address that the kernel has no name for is not shown. */
static int add_frame(u32 index, struct kiter_slot **walk)
{
	struct kiter_slot *slot = *walk;
	struct kiter_record *record = (struct kiter_record *)slot->bytes;
	u64 at = record->record_size;

	if (index >= FRAMES_MAX || at > KITER_RECORD_MAX - SYMBOL_MAX)
		return 1;
	u64 address = ((u64 *)(slot->bytes + FRAMES_AT))[index];
	char *to = (char *)slot->bytes + at;
	if (index)
		*to++ = ';';
	s64 length = bpf_snprintf(to, SYMBOL_MAX - 1, frame, &address, sizeof(address));
	if (length < 2 || length > SYMBOL_MAX - 1 || to[0] == '0') {
		__builtin_memcpy(to, "[unknown]", 10);
		length = 10;
	}
	/* The end counts as a byte. */
	length += (index != 0) - 1;
	record->stack.length += length;
	record->record_size = at + length;
	return 0;
}

/* How often the task has been put aside: it has run if that has changed. */
static __always_inline u64 switches_of(struct task_struct *task)
{
	asm volatile("" ::: "memory");
	return task->nvcsw + task->nivcsw;
}

/*
 * Of a task that sleeps, and that has slept on until all was read; no stack of one that runs can be
 * known. One that has exited has none.
 */
static __always_inline void put_stack(struct kiter_writer *w, struct task_struct *task,
				      struct task_struct *trusted)
{
	if (!WANT(stack) || task->exit_state)
		return;
	u64 switches = switches_of(task);
	struct kiter_slot *slot = w->slot;
	s64 size = -1;

	if (is_asleep(task))
		size = bpf_get_task_stack(trusted, slot->bytes + FRAMES_AT,
					  FRAMES_MAX * sizeof(u64), 0);
	if (size < 0 || !is_asleep(task) || switches_of(task) != switches) {
		UNREADABLE(w, stack);
		return;
	}
	w->record->stack.offset = END(w);
	bpf_loop((u64)size / sizeof(u64), add_frame, &slot, 0);
	PRESENT(w, stack);
	if (size == FRAMES_MAX * sizeof(u64))
		CUT(w, stack);
}

SEC("iter.s/task")
int stacks(struct bpf_iter__task *ctx)
{
	struct task_struct *trusted = ctx->task;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_stacks))
		return KITER_RETRY;
	u64 numbers = task_numbers(JOIN(&w, task));
	u32 pid = numbers >> 32, tid = numbers;
	if (!pid || !tid)
		return kiter_drop(&w); /* reaped since the kernel found it */
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	PUT(&w, state, state_of(task));
	put_comm(&w, task);
	if (!kiter_matches(&w))
		return kiter_drop(&w);
	put_stack(&w, task, trusted);
	return kiter_emit(&w);
}
