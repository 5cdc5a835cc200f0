/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel's types, as far as kiter reads them: CO-RE finds each member by name in the running
 * kernel, so neither order nor completeness matters, and no generated vmlinux.h is needed. A type
 * that only one program reads lives in that program.
 */
#pragma once

#include <linux/bpf.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef u8 bool;

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define NULL ((void *)0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct list_head {
	struct list_head *next;
};

struct ns_common {
	u32 inum;
};

struct upid {
	s32 nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct qstr {
	u32 len;
	const u8 *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct super_block {
	u32 s_dev;
	u64 s_magic;
	struct file_system_type *s_type;
};

struct file_system_type {
	const char *name;
};

struct inode {
	u16 i_mode;
	kuid_t i_uid;
	u32 i_nlink;
	u32 i_rdev;
	s64 i_size;
	u64 i_ino;
	struct super_block *i_sb;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct super_block *d_sb;
	struct dentry *d_parent;
	struct qstr d_name;
	struct dentry_operations *d_op;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	u32 f_mode;
	u32 f_flags;
	s64 f_pos;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
	unsigned long *open_fds;
	unsigned long *close_on_exec;
};

struct files_struct {
	struct fdtable *fdt;
};

struct cred {
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	/* Eight bytes, whose inside changed in Linux 6.3 (f122a08b197d): read them as bytes. */
	struct {
	} cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long start_brk, brk, start_stack;
	unsigned long total_vm;
	struct file *exe_file;
	struct task_struct *owner; /* CONFIG_MEMCG */
};

struct fs_struct {
	struct path root, pwd;
};

typedef struct {
	u64 sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

struct prev_cputime {
	u64 utime, stime;
};

struct task_io_accounting {
	u64 read_bytes, write_bytes;
};

struct signal_struct {
	s32 nr_threads;
	struct list_head thread_head;
	struct sigpending shared_pending;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct {
		struct {
			struct {
				u32 sequence;
			} seqcount;
		} seqcount;
	} stats_lock;
	u64 utime, stime;
	u64 sum_sched_runtime;
	struct prev_cputime prev_cputime;
	unsigned long nvcsw, nivcsw;
	unsigned long min_flt, maj_flt;
	struct task_io_accounting ioac;
	s16 oom_score_adj;
};

struct load_weight {
	unsigned long weight;
};

struct sched_entity {
	struct load_weight load;
	u64 sum_exec_runtime;
	s64 vruntime; /* unsigned there, but compared as if it were signed */
};

struct sched_info {
	u64 run_delay;
};

struct seccomp {
	s32 mode;
};

struct thread_info {
	u32 cpu;
};

struct task_struct {
	struct thread_info thread_info;
	u32 __state;
	s32 exit_state;
	u32 flags;
	u32 ptrace;
	u32 on_rq; /* signed until 7.3; not negative */
	s32 prio, static_prio;
	u32 rt_priority;
	u32 policy;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned long atomic_flags;
	u64 start_boottime;
	const struct cred *real_cred; /* whom others see; the other is whom it acts as */
	const struct cred *cred;
	s32 pid;
	s32 tgid;
	char comm[16];
	struct pid *thread_pid;
	struct list_head thread_node; /* in signal_struct.thread_head */
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct task_struct *parent; /* the tracer, while there is one */
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	u64 utime, stime;
	struct prev_cputime prev_cputime;
	unsigned long nvcsw, nivcsw;
	unsigned long min_flt, maj_flt;
	struct task_io_accounting ioac;
	struct sigpending pending;
	sigset_t blocked;
	struct seccomp seccomp;
	kuid_t loginuid;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* PIDTYPE_*: include/linux/pid_types.h */
enum { PID_OF_TASK, PID_OF_PROCESS, PID_OF_GROUP, PID_OF_SESSION };

#pragma clang attribute pop

extern void *bpf_rdonly_cast(const void *object, u32 btf_id) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

/*
 * The same object without the verifier's trust: loads through it stay direct and fault-safe, but
 * the verifier no longer searches the kernel's BTF by name for each pointer (4.2 -> 0.5 ms of load
 * time). Keep the trusted pointer for helpers that want one.
 */
#define UNTRUSTED(type, pointer)                                                                   \
	(bpf_rdonly_cast ? (type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type))         \
			 : (type *)(pointer))

/*
 * Functions that are not static are verified once and by themselves: of the others, the verifier
 * follows each combination of what they found. They take addresses as numbers, and cast them back
 * or, where there is no bpf_rdonly_cast(), read through the helper. `is_cast` is a constant.
 */
#define CAST(type, address) ((type *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(type)))
#define READ(is_cast, object, member)                                                              \
	({                                                                                         \
		typeof((object)->member) __value;                                                  \
		if (is_cast)                                                                       \
			__value = (object)->member;                                                \
		else                                                                               \
			bpf_core_read(&__value, sizeof(__value), &(object)->member);               \
		__value;                                                                           \
	})

/* What is at an address, for LOAD(). */
#define OBJECT(type, address) (bpf_rdonly_cast ? CAST(type, address) : (type *)(address))
#define LOAD(object, member) READ(bpf_rdonly_cast, object, member)

/* A pointer as a number: the difference of two pointers is one, and the other is 0. */
static __always_inline u64 address_of(const void *object)
{
	u64 address = 0;

	if (bpf_rdonly_cast) {
		address = (u64)object;
		/* Not reordered: the verifier takes no other sum with pointers. */
		asm volatile("%0 -= %1" : "+r"(address) : "r"(CAST(struct list_head, 0)));
		return address;
	}
	/* Read back from the stack it is like any other. */
	bpf_probe_read_kernel(&address, sizeof(address), &object);
	return address;
}

struct timespec64 {
	s64 tv_sec;
} __attribute__((preserve_access_index));

struct refcount_struct {
	s32 refs; /* refcount_t, an int in two wrappings */
};

/* Four bytes anywhere, as word_at() has eight. */
static __always_inline s32 int_at(u64 address)
{
	s32 value = 0;

	if (bpf_rdonly_cast)
		return CAST(struct refcount_struct, address)->refs;
	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

/* Eight bytes anywhere, without a helper's call where a structure that begins with them will do. */
static __always_inline u64 word_at(u64 address)
{
	u64 word = 0;

	if (bpf_rdonly_cast)
		return CAST(struct timespec64, address)->tv_sec;
	bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
	return word;
}

/* Where a member is of a structure at an address; and one of eight bytes, as a number. */
#define AT(address, type, member) ((u64)(address) + bpf_core_field_offset(struct type, member))
#define POINTER_AT(address, type, member) word_at(AT(address, type, member))
