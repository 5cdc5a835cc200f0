// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task_vma: one object for each mapping of each task that has files of its own. */
#include "task_walk.h"

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

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct fs_struct___root {
	struct path root;
};

struct backing_file {
	struct path user_path; /* 6.7, commit def3ae83da02 */
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

#include "vmas.gen.h"
#include "cgroup.h"
#include "comm.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4, VM_MAYSHARE = 0x80 };

/*
 * The kernel walks the memory of each process, and again that of each thread that does not share
 * the files of its leader: of every thread, when the leader has exited. The leader stands for all
 * or, if it has no memory any more, the first thread that has. A thread that was asked for stands
 * for itself.
 */
static __always_inline int is_repeated(struct bpf_iter_meta *meta, struct task_struct *task)
{
	if (task->pid == task->tgid || is_walk_of_thread(meta))
		return 0;
	if (task->group_leader->mm)
		return 1;
	struct task_struct *first = first_thread(task, NULL);
	/* None: this one has just let go of it, but the walk still shows it. */
	return first && first != task;
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

static const char heap[] SEC(".rodata.names") = "[heap]";
static const char stack[] SEC(".rodata.names") = "[stack]";

/* What /proc/PID/maps shows in brackets; fs/proc/task_mmu.c, get_vma_name(). */
static __always_inline void put_name(struct kiter_writer *w, struct vm_area_struct *vma)
{
	if (!WANT(name))
		return;
	struct mm_struct *mm = vma->vm_mm;
	const struct vm_operations_struct *ops = vma->vm_ops;
	const char *name;
	/* Of mappings without a file, only the special ones have this operation. */
	if (ops && ops->name) {
		struct vm_special_mapping *special = vma->vm_private_data;
		name = BPF_CORE_READ(special, name);
	} else if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk) {
		name = heap;
	} else if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack) {
		name = stack;
	} else {
		return;
	}
	PUT_STRING(w, name, name, 64);
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

/* A file as its user sees it, by addresses. */
struct seen_file {
	u64 path, inode;
	bool is_backing;
};

/* FMODE_BACKING: bit 25, since 6.12 bit 24 */
#define MAY_BE_BACKING (3u << 24)

/*
 * Overlayfs maps a file of a layer in place of the one that was asked for, which the kernel keeps
 * behind the layer's. That the mode's bit means it is known by a path that fits together.
 */
static __always_inline struct seen_file see(struct file *file)
{
	struct seen_file seen = { .path = address_of(file) + bpf_core_field_offset(file->f_path),
				  .inode = address_of(file->f_inode) };

	if (!bpf_core_type_exists(struct backing_file) ||
	    !bpf_core_field_exists(struct backing_file, user_path) ||
	    !(file->f_mode & MAY_BE_BACKING))
		return seen;
	u64 address = address_of(file) + bpf_core_field_offset(struct backing_file, user_path);
	struct path *path = (void *)address;
	struct vfsmount *mount = BPF_CORE_READ(path, mnt);
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct super_block *super = BPF_CORE_READ(dentry, d_sb);
	if (!super || BPF_CORE_READ(mount, mnt_sb) != super || BPF_CORE_READ(inode, i_sb) != super)
		return seen;
	seen.path = address;
	seen.inode = (u64)inode;
	seen.is_backing = 1;
	return seen;
}

/* Files that never had a name, such as memfds, have a dentry without parent and no link. */
static __always_inline int is_deleted(const int is_cast, struct path *path, struct inode *inode)
{
	struct dentry *dentry = READ(is_cast, path, dentry);

	if (READ(is_cast, dentry, d_hash.pprev))
		return 0;
	return READ(is_cast, dentry, d_parent) != dentry || !READ(is_cast, inode, i_nlink);
}

static __always_inline void put_inode_by(const int is_cast, struct kiter_writer *w,
					 struct path *path, struct inode *inode)
{
	struct super_block *super = READ(is_cast, inode, i_sb);

	PUT(w, device, READ(is_cast, super, s_dev));
	PUT(w, inode, READ(is_cast, inode, i_ino));
	PUT(w, deleted, is_deleted(is_cast, path, inode));
}

__noinline int put_inode(struct kiter_record *record, u64 path, u64 inode)
{
	struct kiter_writer w = { .record = record };

	if (!record)
		return 0;
	if (bpf_rdonly_cast)
		put_inode_by(1, &w, CAST(struct path, path), CAST(struct inode, inode));
	else
		put_inode_by(0, &w, (struct path *)path, (struct inode *)inode);
	return 0;
}

#define PATH_MAX 4096

/*
 * A path is written from its end, towards the root. Where it begins so far is kept in the record:
 * of a number on the stack the verifier would follow every value.
 */
struct path_walk {
	u8 *to;
	u16 *begin; /* above PATH_MAX: it is too long */
	struct dentry *dentry, *root_dentry;
	struct mount *mount, *root_mount;
};

static int climb(u32 index, struct path_walk *walk)
{
	struct dentry *dentry = walk->dentry;
	struct mount *mount = walk->mount;

	(void)index;
	if (dentry == walk->root_dentry && mount == walk->root_mount)
		return 1;
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = BPF_CORE_READ(mount, mnt_parent);
		return walk->mount == mount;
	}
	const u8 *name = BPF_CORE_READ(dentry, d_name.name);
	u64 length = BPF_CORE_READ(dentry, d_name.len) & 0xff; /* NAME_MAX */
	u64 at = *walk->begin - length - 1;
	*walk->begin = at;
	if (at >= PATH_MAX)
		return 1;
	walk->to[at] = '/';
	bpf_probe_read_kernel(walk->to + at + 1, length, name);
	walk->dentry = BPF_CORE_READ(dentry, d_parent);
	return walk->dentry == dentry;
}

/* As d_path(), which takes no path that the verifier does not trust. */
static __always_inline s64 write_path(u8 *to, u16 *begin, struct path *path)
{
	struct task_struct *reader = (void *)bpf_get_current_task();
	struct fs_struct___root *fs = (void *)BPF_CORE_READ(reader, fs);
	const u64 mnt = bpf_core_field_offset(struct mount, mnt);
	struct path_walk walk = {
		.to = to,
		.begin = begin,
		.dentry = BPF_CORE_READ(path, dentry),
		.mount = (void *)BPF_CORE_READ(path, mnt) - mnt,
		.root_dentry = BPF_CORE_READ(fs, root.dentry),
		.root_mount = (void *)BPF_CORE_READ(fs, root.mnt) - mnt,
	};

	*begin = PATH_MAX;
	bpf_loop(PATH_MAX, climb, &walk, 0);
	u64 at = *begin;
	if (at >= PATH_MAX)
		return -1;
	bpf_probe_read_kernel(to, PATH_MAX - at, to + at);
	return PATH_MAX - at;
}

/* The number of bytes without the " (deleted)" that d_path() adds. */
static __always_inline s64 without_deleted(const u8 *path, s64 size)
{
	const char deleted[] = " (deleted)";
	char end[sizeof(deleted)];

	if (size <= (s64)sizeof(end) || size > PATH_MAX)
		return size;
	u64 at = size - sizeof(end);
	/* Linux 6.1 has forgotten its bounds here. */
	asm volatile("%0 &= 0x1fff" : "+r"(at));
	bpf_probe_read_kernel(end, sizeof(end), path + at);
	return __builtin_memcmp(end, deleted, sizeof(end)) ? size : size - (s64)sizeof(end) + 1;
}

/* Does d_path() perhaps add something? */
static __always_inline int is_unhashed(u64 path)
{
	return bpf_rdonly_cast ? !CAST(struct path, path)->dentry->d_hash.pprev
			       : !BPF_CORE_READ((struct path *)path, dentry, d_hash.pprev);
}

static __always_inline void put_path(struct kiter_writer *w, struct seen_file *seen,
				     struct vm_area_struct *trusted)
{
	/* The walk itself, too, costs load time: 0.9 ms for each pointer that must stay trusted. */
	if (!WANT(path))
		return;
	struct file *file = trusted->vm_file;
	u8 *to = TAIL(w, PATH_MAX);
	if (!file)
		return;
	if (!to) {
		UNREADABLE(w, path);
	} else if (seen->is_backing) {
		TAIL_PUT(w, path,
			 write_path(to, &w->record->path.offset, (struct path *)seen->path));
	} else {
		s64 size = bpf_d_path(&file->f_path, (char *)to, PATH_MAX);
		if (is_unhashed(JOIN(w, seen->path)))
			size = without_deleted(to, size);
		TAIL_PUT(w, path, size > 0 ? size - 1 : size);
	}
}

SEC("iter/task_vma")
int vmas(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *trusted_task = ctx->task;
	struct vm_area_struct *trusted = ctx->vma;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted_task || !trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted_task);
	struct vm_area_struct *vma = UNTRUSTED(struct vm_area_struct, trusted);
	if (is_repeated(ctx->meta, task))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_vmas))
		return KITER_RETRY;
	u32 pid = task_numbers(JOIN(&w, task)) >> 32;
	if (!pid)
		return kiter_drop(&w); /* reaped since the kernel found it */
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, start, vma->vm_start);
	PUT(&w, end, vma->vm_end);
	PUT(&w, size_bytes, vma->vm_end - vma->vm_start);
	PUT(&w, flags, vma->vm_flags);
	/* The longest first: the verifier goes through it again for each end of what is before it. */
	if (vma->vm_file) {
		struct seen_file seen = see(vma->vm_file);

		put_path(&w, &seen, trusted);
		PUT(&w, offset, (u64)vma->vm_pgoff << kiter_config.page_shift);
		put_inode(w.record, JOIN(&w, seen.path), JOIN(&w, seen.inode));
	} else {
		put_name(&w, vma);
	}
	put_anon_name(&w, vma);
	put_permissions(&w, vma->vm_flags);
	put_comm(&w, task->group_leader);
	PUT_CGROUP_NAMES(&w, container_names, container_node(JOIN(&w, task)), CONTAINER_MAX);
	return kiter_emit(&w);
}
