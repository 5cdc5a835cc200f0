// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task: one object for each thread; a row for each process. */
#include "task.h"

/* What kiter's kernel.h lacks is added as a flavour: CO-RE takes the name up to the underscores. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rlimit {
	unsigned long rlim_cur, rlim_max;
};

struct signal_struct___limits {
	struct rlimit rlim[16];
};

#pragma clang attribute pop

enum { LIMIT_OF_STACK = 3, LIMIT_OF_FILES = 7 }; /* RLIMIT_*: asm-generic/resource.h */
#define UNLIMITED (~0UL) /* RLIM_INFINITY */

#include "limits.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int limits(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!task || task->pid != task->tgid)
		return 0;
	struct signal_struct___limits *signal = (void *)task->signal;
	struct rlimit files = BPF_CORE_READ(signal, rlim[LIMIT_OF_FILES]);
	unsigned long stack = BPF_CORE_READ(signal, rlim[LIMIT_OF_STACK].rlim_cur);
	u32 pid = task_numbers((u64)address_of(task)) >> 32;

	/* A pid of 0: the process ended while it was looked at. */
	if (!pid || (kiter_config.tight && files.rlim_cur >= 1024))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_limits))
		return KITER_RETRY;
	PUT(&w, pid, pid);
	PUT(&w, uid, task->real_cred->uid.val);
	PUT_IF(&w, files.rlim_cur != UNLIMITED, files_soft, files.rlim_cur);
	PUT_IF(&w, files.rlim_max != UNLIMITED, files_hard, files.rlim_max);
	PUT_IF(&w, stack != UNLIMITED, stack_soft_bytes, stack);
	PUT_STRING(&w, comm, task->comm, sizeof(task->comm));
	return kiter_emit(&w);
}
