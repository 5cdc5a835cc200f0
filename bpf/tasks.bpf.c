// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task: one object for each thread on the system. */
#include "task.h"
#include "tasks.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void put_exe(struct kiter_writer *w, struct task_struct *trusted)
{
	/* The walk itself, too, costs load time: 0.9 ms for each pointer that must stay trusted. */
	if (!WANT(exe))
		return;
	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock();
	struct mm_struct *mm = trusted->mm;
	struct file *file = mm ? mm->exe_file : NULL;
	u8 *to = TAIL(w, 4096);
	if (file && to) {
		s64 size = bpf_d_path(&file->f_path, (char *)to, 4096);
		TAIL_PUT(w, exe, size > 0 ? size - 1 : size);
	} else if (file) {
		UNREADABLE(w, exe);
	}
	if (bpf_rcu_read_unlock)
		bpf_rcu_read_unlock();
}

/* The last text takes the room that is left; a longer command line is cut there. */
static __always_inline void put_cmdline(struct kiter_writer *w, struct task_struct *task,
					struct task_struct *trusted)
{
	if (!WANT(cmdline))
		return;
	struct mm_struct *mm = task->mm;
	if (!mm)
		return;
	u64 start = mm->arg_start, whole = mm->arg_end - start, size = whole;
	u64 at = w->at;
	if (at > KITER_RECORD_MAX)
		at = KITER_RECORD_MAX;
	if (size > KITER_RECORD_MAX - at)
		size = KITER_RECORD_MAX - at;
	if (size > KITER_WRITE_MAX)
		size = KITER_WRITE_MAX;
	s64 error = 0;
	if (size)
		error = bpf_copy_from_user_task(w->slot->bytes + at, size, (void *)start, trusted, 0);
	TAIL_PUT(w, cmdline, error ? error : (s64)size);
	if (!error && size < whole)
		CUT(w, cmdline);
}

SEC("iter.s/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *trusted = ctx->task;
	struct kiter_writer w;

	kiter_preamble(ctx->meta, trusted);
	if (!trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted);
	if (!kiter_config.threads && task->pid != task->tgid)
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_tasks))
		return KITER_RETRY;
	u32 pid = pid_in_reader_namespace(task->signal->pids[PID_OF_PROCESS]);
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, tid, pid_in_reader_namespace(task->thread_pid));
	u32 ppid = pid_in_reader_namespace(task->real_parent->signal->pids[PID_OF_PROCESS]);
	PUT_IF(&w, ppid, ppid, ppid);
	PUT(&w, uid, task->cred->uid.val);
	PUT(&w, start_time_ns, task->start_boottime);
	PUT_STRING(&w, comm, task->comm, sizeof(task->comm));
	put_exe(&w, trusted);
	put_cmdline(&w, task, trusted);
	return kiter_emit(&w, ctx->meta);
}
