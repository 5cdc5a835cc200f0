// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task_vma: one object for each mapping of each task that has files of its own. */
#include "task.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct anon_vma_name {
	char name[0];
};

struct vm_special_mapping {
	const char *name;
};

struct vm_operations_struct {
	const char *(*name)(void *vma);
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;
	struct file *vm_file;
	void *vm_private_data;
	struct {
		unsigned long rb_subtree_last;
	} shared;
	struct anon_vma_name *anon_name; /* CONFIG_ANON_VMA_NAME */
};

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

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

#include "vmas.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4, VM_MAYSHARE = 0x80 };

/* PID_MAX_LIMIT: no process has more threads. */
#define THREADS_MAX (4 << 20)

struct thread_search {
	struct list_head *head, *at;
	struct task_struct *found;
};

static int find_thread_with_memory(u32 index, struct thread_search *search)
{
	struct list_head *at = search->at;

	(void)index;
	search->at = BPF_CORE_READ(at, next);
	if (search->at == search->head)
		return 1;
	struct task_struct *task =
		(void *)search->at - bpf_core_field_offset(struct task_struct, thread_node);
	if (!BPF_CORE_READ(task, mm))
		return 0;
	search->found = task;
	return 1;
}

/*
 * The kernel walks the memory of each process, and again that of each thread that does not share
 * the files of its leader: of every thread, when the leader has exited. The leader stands for all
 * or, if it has no memory any more, the first thread that has. A thread that was asked for stands
 * for itself.
 */
static __always_inline int is_repeated(struct bpf_iter_meta *meta, struct task_struct *task)
{
	if (task->pid == task->tgid)
		return 0;
	struct seq_file___private *seq = (void *)meta->seq;
	struct bpf_iter_seq_task_common *walk = BPF_CORE_READ(seq, private);
	if (BPF_CORE_READ(walk, type) == BPF_TASK_ITER_TID)
		return 0;
	if (task->group_leader->mm)
		return 1;
	struct list_head *threads = &task->signal->thread_head;
	struct thread_search search = { .head = threads, .at = threads };
	bpf_loop(THREADS_MAX, find_thread_with_memory, &search, 0);
	/* None: this one has just let go of it, but the walk still shows it. */
	return search.found && search.found != task;
}

static __always_inline void put_permissions(struct kiter_writer *w, u64 flags)
{
	u8 *to = WANT(permissions) ? TAIL(w, 4) : NULL;

	if (!to)
		return;
	to[0] = flags & VM_READ ? 'r' : '-';
	to[1] = flags & VM_WRITE ? 'w' : '-';
	to[2] = flags & VM_EXEC ? 'x' : '-';
	to[3] = flags & VM_MAYSHARE ? 's' : 'p';
	TAIL_PUT(w, permissions, 4);
}

#define PUT_LITERAL(w, field, literal)                                                             \
	do {                                                                                       \
		u8 *__to = WANT(field) ? TAIL(w, sizeof(literal)) : NULL;                          \
		if (__to) {                                                                        \
			__builtin_memcpy(__to, literal, sizeof(literal));                          \
			TAIL_PUT(w, field, sizeof(literal) - 1);                                   \
		}                                                                                  \
	} while (0)

/* What /proc/PID/maps shows in brackets; fs/proc/task_mmu.c, get_vma_name(). */
static __always_inline void put_name(struct kiter_writer *w, struct vm_area_struct *vma)
{
	if (!WANT(name) || vma->vm_file)
		return;
	struct mm_struct *mm = vma->vm_mm;
	const struct vm_operations_struct *ops = vma->vm_ops;
	/* Of mappings without a file, only the special ones have this operation. */
	if (ops && ops->name) {
		struct vm_special_mapping *special = vma->vm_private_data;
		const char *name = BPF_CORE_READ(special, name);
		PUT_STRING(w, name, name, 64);
	} else if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk) {
		PUT_LITERAL(w, name, "[heap]");
	} else if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack) {
		PUT_LITERAL(w, name, "[stack]");
	}
}

/* Before 6.2, commit d09e8ca6cb93, it shared its place with what mappings of files need. */
static __always_inline void put_anon_name(struct kiter_writer *w, struct vm_area_struct *vma)
{
	if (!WANT(anon_name) || !bpf_core_field_exists(vma->anon_name))
		return;
	if (vma->vm_file && bpf_core_field_offset(vma->anon_name) == bpf_core_field_offset(vma->shared))
		return;
	struct anon_vma_name *anon = vma->anon_name;
	if (anon)
		PUT_STRING(w, anon_name, anon->name, 128);
}

/* Files that never had a name, such as memfds, have a dentry without parent and no link. */
static __always_inline int is_deleted(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;

	if (dentry->d_hash.pprev)
		return 0;
	return dentry->d_parent != dentry || !dentry->d_inode->i_nlink;
}

static __always_inline void put_path(struct kiter_writer *w, struct vm_area_struct *trusted)
{
	const char deleted[] = " (deleted)";
	const s64 extra = sizeof(deleted) - 1;

	/* The walk itself, too, costs load time: 0.9 ms for each pointer that must stay trusted. */
	if (!WANT(path))
		return;
	struct file *file = trusted->vm_file;
	if (!file)
		return;
	u8 *to = TAIL(w, 4096);
	s64 size = to ? bpf_d_path(&file->f_path, (char *)to, 4096) : -1;
	if (size > extra + 1 && size <= 4096 && !file->f_path.dentry->d_hash.pprev) {
		char end[sizeof(deleted)];
		bpf_probe_read_kernel(end, sizeof(end), to + size - sizeof(end));
		if (!__builtin_memcmp(end, deleted, sizeof(end)))
			size -= extra;
	}
	TAIL_PUT(w, path, size > 0 ? size - 1 : size);
}

SEC("iter/task_vma")
int vmas(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *trusted_task = ctx->task;
	struct vm_area_struct *trusted = ctx->vma;
	struct kiter_writer w;

	kiter_preamble(ctx->meta, trusted);
	if (!trusted_task || !trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted_task);
	struct vm_area_struct *vma = UNTRUSTED(struct vm_area_struct, trusted);
	if (is_repeated(ctx->meta, task))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_vmas))
		return KITER_RETRY;
	u32 pid = pid_in_reader_namespace(task->signal->pids[PID_OF_PROCESS]);
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, start, vma->vm_start);
	PUT(&w, end, vma->vm_end);
	PUT(&w, size_bytes, vma->vm_end - vma->vm_start);
	PUT(&w, flags, vma->vm_flags);
	struct file *file = vma->vm_file;
	if (file) {
		PUT(&w, offset, (u64)vma->vm_pgoff << kiter_config.page_shift);
		PUT(&w, device, file->f_inode->i_sb->s_dev);
		PUT(&w, inode, file->f_inode->i_ino);
		PUT(&w, deleted, is_deleted(file));
	}
	put_permissions(&w, vma->vm_flags);
	PUT_STRING(&w, comm, task->group_leader->comm, sizeof(task->comm));
	put_name(&w, vma);
	put_anon_name(&w, vma);
	put_path(&w, trusted);
	return kiter_emit(&w, ctx->meta);
}
