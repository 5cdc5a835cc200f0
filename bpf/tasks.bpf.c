// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/task: one object for each thread on the system.
 *
 * A task may exit while it is looked at, and parts of it be freed. Reads never fault, but what they
 * find then is not the task's. So the program remembers where the parts were, compares at the end,
 * and begins again when one has gone. Where the kernel has bpf_rcu_read_lock() (6.2), that also
 * keeps whatever the kernel frees by RCU: parents, credentials, pids, threads.
 */
#include "task.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Since Linux 6.2 (f1a7941243c1), with parts of the processors that are not in `count` yet. */
struct percpu_counter {
	s64 count;
	s32 *counters;
};

struct mm_struct___percpu {
	struct percpu_counter rss_stat[4];
};

/* Before: one number each (atomic_long_t). */
struct mm_rss_stat {
	s64 count[4];
};

struct mm_struct___plain {
	struct mm_rss_stat rss_stat;
};

struct bpf_array {
	void *pptrs[1];
};

struct group_info {
	s32 ngroups;
	kgid_t gid[1];
};

struct sigaction {
	void *sa_handler;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

struct tty_struct {
	char name[64];
};

struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	u64 id;
};

/* Before Linux 6.15 (633488947ef6). */
struct kernfs_node___plain {
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct cgroup_namespace *cgroup_ns;
};

#pragma clang attribute pop

#include "tasks.gen.h"
#include "direct.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define TASK_IDLE 0x0402
#define TASK_WAKING 0x0200
#define TASK_RTLOCK_WAIT 0x1000
#define TASK_FROZEN 0x8000
#define TASK_REPORT 0x007f
#define MAX_RT_PRIO 100
#define DEFAULT_PRIO 120

/* What the other texts leave to a command line, as promised. */
#define STACK_SIZE 32
#define CMDLINE_MIN (20480 + STACK_SIZE) /* what follows the groups */
#define CGROUP_MAX 2048
#define NAME_SIZE 256
#define PATH_SIZE 4096

/* MM_*PAGES: include/linux/mm_types_task.h */
enum { FILE_PAGES, ANON_PAGES, SWAP_ENTRIES, SHMEM_PAGES, RSS_COUNTERS };

#define WANT_RSS(field) (WANT(field) || WANT(rss_bytes))
#define WANT_COUNTER(index)                                                                        \
	((index) == FILE_PAGES	  ? WANT_RSS(rss_file_bytes)                                       \
	 : (index) == ANON_PAGES  ? WANT_RSS(rss_anon_bytes)                                       \
	 : (index) == SHMEM_PAGES ? WANT_RSS(rss_shmem_bytes)                                      \
				  : !!WANT(swap_bytes))
#define WANT_COUNTERS                                                                              \
	(WANT_COUNTER(FILE_PAGES) || WANT_COUNTER(ANON_PAGES) || WANT_COUNTER(SHMEM_PAGES) ||      \
	 WANT_COUNTER(SWAP_ENTRIES))

/* Which parts of a task the wanted fields are in. */
#define WANT_MM                                                                                    \
	(WANT(vsz_bytes) || WANT_COUNTERS || WANT(cmdline) || WANT(exe))
#define WANT_USAGE                                                                                 \
	(WANT(utime) || WANT(minor_faults) || WANT(major_faults) || WANT(voluntary_switches) ||    \
	 WANT(involuntary_switches) || WANT(read_bytes) || WANT(write_bytes))
#define WANT_SIGNALS                                                                               \
	(WANT(signals_pending) || WANT(signals_blocked) || WANT(signals_ignored) ||                \
	 WANT(signals_caught))
#define WANT_NAMESPACES                                                                            \
	(WANT(net_ns) || WANT(mnt_ns) || WANT(uts_ns) || WANT(ipc_ns) || WANT(cgroup_ns) ||        \
	 WANT(time_ns))

/* What may be gone when the walk over a task ends. */
struct parts {
	struct mm_struct *mm;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct sighand_struct *sighand;
	struct tty_struct *tty;
	u32 sums; /* the count of changes to the sums of threads that have exited */
	/* For bpf_d_path(), which wants pointers that the verifier trusts. */
	struct file *exe;
	struct fs_struct *fs;
};

/* Each lies elsewhere in memory, so only what the wanted fields lead to is looked at. */
static __always_inline struct parts parts_of(struct task_struct *task)
{
	struct parts parts = {};

	asm volatile("" ::: "memory"); /* read it now, not what was read before */
	if (WANT_MM)
		parts.mm = task->mm;
	if (WANT(fds))
		parts.files = task->files;
	if (WANT_NAMESPACES)
		parts.nsproxy = task->nsproxy;
	if (WANT_SIGNALS)
		parts.sighand = task->sighand;
	if (WANT(tty_name))
		parts.tty = task->signal->tty;
	if (WANT_USAGE)
		parts.sums = task->signal->stats_lock.seqcount.seqcount.sequence;
	return parts;
}

/*
 * Each pointer followed from a trusted one costs a millisecond of loading for each way on which the
 * verifier comes by: so only if wanted, and first of all.
 */
static __always_inline void walk_trusted(struct parts *parts, struct task_struct *trusted)
{
	if (WANT(exe)) {
		struct mm_struct *mm = trusted->mm;
		parts->exe = mm ? mm->exe_file : NULL;
	}
	if (WANT(cwd))
		parts->fs = trusted->fs;
}

static __always_inline int is_whole(struct task_struct *task, const struct parts *before)
{
	struct parts now = parts_of(task);

	return now.mm == before->mm && now.files == before->files &&
	       now.nsproxy == before->nsproxy && now.sighand == before->sighand &&
	       now.tty == before->tty && now.sums == before->sums && !(now.sums & 1);
}

/* As the kernel reports it (task_state_index()): the highest bit of those that have a letter. */
static __always_inline u8 state_of(struct task_struct *task)
{
	u32 running = task->__state, state = (running | task->exit_state) & TASK_REPORT;

	if ((running & TASK_IDLE) == TASK_IDLE)
		return KITER_task_state_idle;
	if (running & (TASK_RTLOCK_WAIT | TASK_FROZEN))
		return KITER_task_state_disk_sleep;
	for (u32 bit = KITER_task_state_parked; bit; bit >>= 1) {
		if (state & bit)
			return bit;
	}
	return KITER_task_state_running;
}

/* A relative's number, null if it has none here. */
#define PUT_PID(w, field, number)                                                                  \
	do {                                                                                       \
		if (WANT(field)) {                                                                 \
			u32 __number = (number);                                                   \
			PUT_IF(w, __number, field, __number);                                      \
		}                                                                                  \
	} while (0)

static __always_inline void put_family(struct kiter_writer *w, struct task_struct *task)
{
	PUT_PID(w, ppid, tgid_in_reader_namespace(task->real_parent));
	PUT_PID(w, pgid, pid_in_reader_namespace(task->signal->pids[PID_OF_GROUP]));
	PUT_PID(w, sid, pid_in_reader_namespace(task->signal->pids[PID_OF_SESSION]));
	if (WANT(tracer_pid) && task->ptrace)
		PUT_PID(w, tracer_pid, tid_in_reader_namespace(task->parent));
	PUT(w, host_pid, task->tgid);
}

#define CAPABILITIES(cred, set)                                                                    \
	({                                                                                         \
		u64 __mask = 0;                                                                    \
		bpf_probe_read_kernel(&__mask, sizeof(__mask),                                     \
				      (void *)(cred) + bpf_core_field_offset(struct cred, set));   \
		__mask;                                                                            \
	})

static __always_inline void put_identity(struct kiter_writer *w, struct task_struct *task)
{
	const struct cred *cred = task->real_cred;

	PUT(w, uid, cred->uid.val);
	PUT(w, euid, cred->euid.val);
	PUT(w, suid, cred->suid.val);
	PUT(w, fsuid, cred->fsuid.val);
	PUT(w, gid, cred->gid.val);
	PUT(w, egid, cred->egid.val);
	PUT(w, sgid, cred->sgid.val);
	PUT(w, fsgid, cred->fsgid.val);
	PUT(w, cap_effective, CAPABILITIES(cred, cap_effective));
	PUT(w, cap_permitted, CAPABILITIES(cred, cap_permitted));
	PUT(w, cap_inheritable, CAPABILITIES(cred, cap_inheritable));
	PUT(w, cap_bounding, CAPABILITIES(cred, cap_bset));
	PUT(w, cap_ambient, CAPABILITIES(cred, cap_ambient));
	if (bpf_core_field_exists(struct user_namespace, ns))
		PUT(w, user_ns, cred->user_ns->ns.inum);
	if (bpf_core_field_exists(struct task_struct, loginuid))
		PUT_IF(w, task->loginuid.val != (u32)-1, loginuid, task->loginuid.val);
	if (bpf_core_field_exists(struct seccomp, mode))
		PUT(w, seccomp, task->seccomp.mode);
	PUT(w, no_new_privs, task->atomic_flags & 1);
}

static __always_inline void put_scheduling(struct kiter_writer *w, struct task_struct *task)
{
	u32 policy = task->policy;
	/* The others leave what the fair scheduler keeps as it was. */
	int is_fair = policy == KITER_scheduling_policy_other ||
		      policy == KITER_scheduling_policy_batch ||
		      policy == KITER_scheduling_policy_idle;

	PUT(w, state, state_of(task));
	PUT(w, nice, task->static_prio - DEFAULT_PRIO);
	PUT(w, priority, task->prio - MAX_RT_PRIO);
	PUT(w, policy, policy);
	PUT_IF(w, task->rt_priority, rt_priority, task->rt_priority);
	if (bpf_core_field_exists(struct thread_info, cpu))
		PUT(w, cpu, task->thread_info.cpu);
	PUT_IF(w, is_fair, vruntime_ns, task->se.vruntime);
	PUT_IF(w, is_fair, load_weight, task->se.load.weight);
	if (bpf_core_field_exists(struct sched_info, run_delay))
		PUT(w, run_delay_ns, task->sched_info.run_delay);
	PUT(w, threads, task->signal->nr_threads);
	PUT(w, oom_score_adj, task->signal->oom_score_adj);
	PUT(w, kernel_thread, !!(task->flags & PF_KTHREAD));
	PUT(w, start_time_ns, task->start_boottime);
}

/* What threads have used up. */
struct usage {
	u64 utime, stime, sum_exec_runtime;
	u64 minor_faults, major_faults;
	u64 voluntary_switches, involuntary_switches;
	u64 read_bytes, write_bytes;
};

#define ADD(usage, field, object, member)                                                          \
	do {                                                                                       \
		if (WANT(field))                                                                   \
			(usage)->field += BPF_CORE_READ(object, member);                           \
	} while (0)

/* A thread, and the sums of those that have exited, differ in the name of the run time alone. */
#define ADD_ALL(usage, object, runtime)                                                            \
	do {                                                                                       \
		ADD(usage, utime, object, utime);                                                  \
		ADD(usage, stime, object, stime);                                                  \
		ADD(usage, sum_exec_runtime, object, runtime);                                     \
		ADD(usage, minor_faults, object, min_flt);                                         \
		ADD(usage, major_faults, object, maj_flt);                                         \
		ADD(usage, voluntary_switches, object, nvcsw);                                     \
		ADD(usage, involuntary_switches, object, nivcsw);                                  \
		if (bpf_core_field_exists(struct task_io_accounting, read_bytes)) {                \
			ADD(usage, read_bytes, object, ioac.read_bytes);                           \
			ADD(usage, write_bytes, object, ioac.write_bytes);                         \
		}                                                                                  \
	} while (0)

struct thread_walk {
	struct usage usage;
	struct list_head *head, *node;
};

static int add_next_thread(u32 index, struct thread_walk *walk)
{
	struct list_head *node = walk->node;
	struct task_struct *thread =
		(void *)node - bpf_core_field_offset(struct task_struct, thread_node);

	(void)index;
	if (!node || node == walk->head)
		return 1;
	ADD_ALL(&walk->usage, thread, se.sum_exec_runtime);
	walk->node = BPF_CORE_READ(node, next);
	return 0;
}

/* The process's sums, as thread_group_cputime() has them; 0 if its list of threads changed. */
static __always_inline int add_process(struct usage *usage, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	u32 threads = signal->nr_threads;

	ADD_ALL(usage, signal, sum_sched_runtime);
	if (threads <= 1) {
		/* One that was reaped is in the sums already, and has no signal handlers. */
		if (task->sighand)
			ADD_ALL(usage, task, se.sum_exec_runtime);
		return 1;
	}
	struct thread_walk walk = { .usage = *usage };

	walk.head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	walk.node = BPF_CORE_READ(signal, thread_head.next);
	/* Some more, for threads that have started since. */
	bpf_loop(threads + 64, add_next_thread, &walk, 0);
	*usage = walk.usage;
	return walk.node == walk.head;
}

/* 0 if the list of threads changed meanwhile: what was read is not a sum then. */
static __always_inline int put_usage(struct kiter_writer *w, struct task_struct *task)
{
	struct usage usage = {};

	if (!WANT_USAGE)
		return 1;
	if (kiter_config.threads) {
		ADD_ALL(&usage, task, se.sum_exec_runtime);
		PUT(w, prev_utime, task->prev_cputime.utime);
		PUT(w, prev_stime, task->prev_cputime.stime);
	} else {
		if (!add_process(&usage, task))
			return 0;
		PUT(w, prev_utime, task->signal->prev_cputime.utime);
		PUT(w, prev_stime, task->signal->prev_cputime.stime);
	}
	PUT(w, utime, usage.utime);
	PUT(w, stime, usage.stime);
	PUT(w, sum_exec_runtime, usage.sum_exec_runtime);
	PUT(w, minor_faults, usage.minor_faults);
	PUT(w, major_faults, usage.major_faults);
	PUT(w, voluntary_switches, usage.voluntary_switches);
	PUT(w, involuntary_switches, usage.involuntary_switches);
	if (bpf_core_field_exists(struct task_io_accounting, read_bytes)) {
		PUT(w, read_bytes, usage.read_bytes);
		PUT(w, write_bytes, usage.write_bytes);
	}
	return 1;
}

/* Any per-CPU map: from the base to a CPU's copy it is as far as for every per-CPU object. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} percpu_anchor SEC(".maps");

struct rss {
	struct mm_struct *mm;
	s64 pages[RSS_COUNTERS];
	s32 *percpu[RSS_COUNTERS];
	u64 anchor; /* the base of the anchor's copies */
};

/* That base, as a number. */
static __always_inline u64 anchor_base(void)
{
	void *map = &percpu_anchor;
	u64 address = 0, base = 0;

	/* Read back from the stack, a pointer to a map is a number like any other. */
	bpf_probe_read_kernel(&address, sizeof(address), &map);
	bpf_probe_read_kernel(&base, sizeof(base),
			      (void *)address + bpf_core_field_offset(struct bpf_array, pptrs));
	return base;
}

static int add_cpu(u32 cpu, struct rss *rss)
{
	u32 zero = 0;
	void *copy = bpf_map_lookup_percpu_elem(&percpu_anchor, &zero, cpu);
	u64 address = 0;

	if (!copy)
		return 1;
	bpf_probe_read_kernel(&address, sizeof(address), &copy);
	for (u32 i = 0; i < RSS_COUNTERS; i++) {
		s32 part = 0;

		if (!WANT_COUNTER(i))
			continue;
		bpf_probe_read_kernel(&part, sizeof(part),
				      (void *)rss->percpu[i] + (address - rss->anchor));
		rss->pages[i] += part;
	}
	return 0;
}

static __always_inline struct percpu_counter *counter_of(struct mm_struct *mm, u32 index)
{
	return (void *)mm + bpf_core_field_offset(struct mm_struct___percpu, rss_stat) +
	       index * bpf_core_type_size(struct percpu_counter);
}

/*
 * The sums that the kernel would give. A CPU moves its part into the count when it has grown: where
 * a count has changed, this was not read at one moment, and is read again.
 */
static int sum_counters(u32 index, struct rss *rss)
{
	s64 counts[RSS_COUNTERS] = {}, changes = 0;

	(void)index;
	for (u32 i = 0; i < RSS_COUNTERS; i++) {
		struct percpu_counter *counter = counter_of(rss->mm, i);

		if (!WANT_COUNTER(i))
			continue;
		counts[i] = BPF_CORE_READ(counter, count);
		rss->pages[i] = counts[i];
		/* A kernel for one processor has nothing but the count. */
		if (bpf_core_field_exists(struct percpu_counter, counters))
			rss->percpu[i] = BPF_CORE_READ(counter, counters);
	}
	if (bpf_core_field_exists(struct percpu_counter, counters))
		bpf_loop(kiter_config.cpus, add_cpu, rss, 0);
	for (u32 i = 0; i < RSS_COUNTERS; i++) {
		struct percpu_counter *counter = counter_of(rss->mm, i);

		if (WANT_COUNTER(i))
			changes |= BPF_CORE_READ(counter, count) ^ counts[i];
	}
	return changes == 0;
}

static __always_inline void read_counters(struct rss *rss)
{
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		void *counts =
			(void *)rss->mm + bpf_core_field_offset(struct mm_struct___plain, rss_stat);

		bpf_probe_read_kernel(rss->pages, sizeof(rss->pages), counts);
		return;
	}
	rss->anchor = anchor_base();
	/* One that faults so fast has no one number; what comes last is among those it went through. */
	bpf_loop(4, sum_counters, rss, 0);
}

/* Parts are read while they change: a sum may come out below nothing. */
static __always_inline u64 bytes_of(s64 pages)
{
	return (pages > 0 ? pages : 0) << kiter_config.page_shift;
}

/* A kernel thread may borrow an address space; that is not its own. */
static __always_inline void put_memory(struct kiter_writer *w, struct task_struct *task,
				       struct mm_struct *mm)
{
	struct rss rss = { .mm = mm };

	if (!mm || task->flags & PF_KTHREAD)
		return;
	PUT(w, vsz_bytes, mm->total_vm << kiter_config.page_shift);
	if (!WANT_COUNTERS)
		return;
	read_counters(&rss);
	u64 file = bytes_of(rss.pages[FILE_PAGES]);
	u64 anon = bytes_of(rss.pages[ANON_PAGES]);
	u64 shmem = bytes_of(rss.pages[SHMEM_PAGES]);
	PUT(w, rss_bytes, file + anon + shmem);
	PUT(w, rss_file_bytes, file);
	PUT(w, rss_anon_bytes, anon);
	PUT(w, rss_shmem_bytes, shmem);
	PUT(w, swap_bytes, bytes_of(rss.pages[SWAP_ENTRIES]));
}

struct dispositions {
	u64 ignored, caught;
	const void *handlers;
};

static int add_action(u32 index, struct dispositions *dispositions)
{
	u64 handler = 0, offset = index * bpf_core_type_size(struct k_sigaction);

	/* Linux 6.1 loses the product's bounds, and adds no unbounded number to a pointer. */
	asm volatile("%0 &= 0xfff" : "+r"(offset));
	bpf_probe_read_kernel(&handler, sizeof(handler), dispositions->handlers + offset);
	if (handler == 1) /* SIG_IGN */
		dispositions->ignored |= 1ULL << (index & 63);
	else if (handler)
		dispositions->caught |= 1ULL << (index & 63);
	return 0;
}

static __always_inline void put_signals(struct kiter_writer *w, struct task_struct *task,
					struct sighand_struct *sighand)
{
	/* A task that was reaped has none. */
	if (!sighand)
		return;
	PUT(w, signals_pending,
	    task->pending.signal.sig[0] | task->signal->shared_pending.signal.sig[0]);
	PUT(w, signals_blocked, task->blocked.sig[0]);
	if (!WANT(signals_ignored) && !WANT(signals_caught))
		return;
	struct dispositions dispositions = {
		.handlers = (void *)sighand + bpf_core_field_offset(struct sighand_struct, action) +
			    bpf_core_field_offset(struct k_sigaction, sa) +
			    bpf_core_field_offset(struct sigaction, sa_handler),
	};

	bpf_loop(64, add_action, &dispositions, 0);
	PUT(w, signals_ignored, dispositions.ignored);
	PUT(w, signals_caught, dispositions.caught);
}

/* Not the pid namespace of nsproxy: that is for children. */
static __always_inline void put_pid_namespace(struct kiter_writer *w, struct task_struct *task)
{
	struct pid *pid = task->signal->pids[PID_OF_PROCESS];

	if ((!WANT(pid_ns) && !WANT(ns_pid)) || !pid)
		return;
	struct upid *upid = (void *)pid + upid_offset(BPF_CORE_READ(pid, level));

	PUT(w, ns_pid, BPF_CORE_READ(upid, nr));
	PUT(w, pid_ns, BPF_CORE_READ(upid, ns, ns.inum));
}

/* A kind of namespace that the kernel was built without has no number. */
#define PUT_NAMESPACE(w, nsproxy, field, type)                                                     \
	do {                                                                                       \
		if (bpf_core_field_exists(struct type, ns))                                        \
			PUT(w, field, (nsproxy)->field->ns.inum);                                  \
	} while (0)

static __always_inline void put_namespaces(struct kiter_writer *w, struct nsproxy *nsproxy)
{
	if (!nsproxy)
		return;
	PUT_NAMESPACE(w, nsproxy, net_ns, net);
	PUT_NAMESPACE(w, nsproxy, mnt_ns, mnt_namespace);
	PUT_NAMESPACE(w, nsproxy, uts_ns, uts_namespace);
	PUT_NAMESPACE(w, nsproxy, ipc_ns, ipc_namespace);
	PUT_NAMESPACE(w, nsproxy, cgroup_ns, cgroup_namespace);
	PUT_NAMESPACE(w, nsproxy, time_ns, time_namespace);
}

struct open_files {
	unsigned long *words;
	u64 count;
};

static int count_files(u32 index, struct open_files *open)
{
	unsigned long word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), open->words + index);
	open->count += __builtin_popcountl(word);
	return 0;
}

static __always_inline void put_fds(struct kiter_writer *w, struct files_struct *files)
{
	if (!WANT(fds) || !files)
		return;
	struct fdtable *table = files->fdt;
	struct open_files open = { .words = table->open_fds };

	if (bpf_loop(table->max_fds / 64, count_files, &open, 0) >= 0)
		PUT(w, fds, open.count);
	else
		UNREADABLE(w, fds);
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, __parent))
		return BPF_CORE_READ(node, __parent);
	struct kernfs_node___plain *plain = (void *)node;
	return BPF_CORE_READ(plain, parent);
}

struct cgroup_walk {
	struct kiter_slot *slot;
	struct kernfs_node *node;
};

/* The length is kept in the record: there the verifier need not follow how it grows. */
static int add_name(u32 index, struct cgroup_walk *walk)
{
	struct kernfs_node *node = walk->node, *parent = parent_of(node);
	struct kiter_slot *slot = walk->slot;
	struct kiter_text *names = &((struct kiter_record *)slot->bytes)->cgroup_names;
	u64 length = names->length, at = names->offset + length;

	(void)index;
	if (!parent || length > CGROUP_MAX - NAME_SIZE || at > KITER_RECORD_MAX - NAME_SIZE)
		return 1;
	s64 size = bpf_probe_read_kernel_str(slot->bytes + at, NAME_SIZE, BPF_CORE_READ(node, name));
	if (size < 1 || size > NAME_SIZE)
		return 1;
	slot->bytes[at + size - 1] = '/';
	names->length = length + size;
	walk->node = parent;
	return 0;
}

/* Names from the leaf to the root, each with a slash behind it. */
static __always_inline void put_cgroup(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(cgroup_names) && !WANT(cgroup_id))
		return;
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;

	PUT(w, cgroup_id, node->id);
	if (!WANT(cgroup_names))
		return;
	struct cgroup_walk walk = { .slot = w->slot, .node = node };

	w->record->cgroup_names.offset = w->at;
	bpf_loop(CGROUP_MAX / 2, add_name, &walk, 0);
	w->at += w->record->cgroup_names.length;
	PRESENT(w, cgroup_names);
	if (parent_of(walk.node))
		CUT(w, cgroup_names);
}

/* As get_wchan(), only of a task that sleeps; the helper leaves the scheduler's frames out. */
static __always_inline void put_stack(struct kiter_writer *w, struct task_struct *task,
				      struct task_struct *trusted)
{
	u32 state = task->__state;

	if (!WANT(wait_stack) || !state || state == TASK_WAKING || task->on_rq || task->exit_state)
		return;
	u8 *to = TAIL(w, STACK_SIZE);
	s64 size = to ? bpf_get_task_stack(trusted, to, STACK_SIZE, 0) : -1;
	if (size > 0 || !task->exit_state)
		TAIL_PUT(w, wait_stack, size);
}

static __always_inline void put_exe(struct kiter_writer *w, struct task_struct *task,
				    struct file *file)
{
	if (!WANT(exe) || !file || task->flags & PF_KTHREAD)
		return;
	u8 *to = TAIL(w, PATH_SIZE);
	s64 size = to ? bpf_d_path(&file->f_path, (char *)to, PATH_SIZE) : -1;
	TAIL_PUT(w, exe, size > 0 ? size - 1 : size);
}

static __always_inline void put_cwd(struct kiter_writer *w, struct fs_struct *fs)
{
	if (!WANT(cwd) || !fs)
		return;
	u8 *to = TAIL(w, PATH_SIZE);
	s64 size = to ? bpf_d_path(&fs->pwd, (char *)to, PATH_SIZE) : -1;
	TAIL_PUT(w, cwd, size > 0 ? size - 1 : size);
}

/* As many as leave the command line its room: at least 190. */
static __always_inline void put_groups(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(groups))
		return;
	struct group_info *info = task->real_cred->group_info;
	u64 at = w->at, whole = (u64)info->ngroups * sizeof(u32), size = whole;

	if (at > KITER_RECORD_MAX - CMDLINE_MIN)
		at = KITER_RECORD_MAX - CMDLINE_MIN;
	if (size > KITER_RECORD_MAX - CMDLINE_MIN - at)
		size = (KITER_RECORD_MAX - CMDLINE_MIN - at) & ~3ULL;
	if (size > KITER_WRITE_MAX)
		size = KITER_WRITE_MAX;
	s64 error = bpf_probe_read_kernel(w->slot->bytes + at, size,
					  (void *)info + bpf_core_field_offset(struct group_info, gid));
	TAIL_PUT(w, groups, error ? error : (s64)size);
	if (!error && size < whole)
		CUT(w, groups);
}

/* Is the last byte of the arguments none that ends one? Then setproctitle(3) wrote over them. */
static __always_inline int is_title(struct mm_struct *mm, struct task_struct *trusted)
{
	char last = 0;

	bpf_copy_from_user_task(&last, 1, (void *)(mm->arg_end - 1), trusted, 0);
	return last != 0;
}

/*
 * A title is one string of a page at most, which may go on where the environment was. Reading a
 * string on top of itself gives its length.
 */
static __always_inline s64 copy_title(struct kiter_writer *w, struct mm_struct *mm,
				      struct task_struct *trusted)
{
	u64 start = mm->arg_start, end = mm->arg_end, at = w->at;
	u64 page = 1ULL << kiter_config.page_shift;

	if (mm->env_start == end && mm->env_end > end)
		end = mm->env_end;
	u64 size = end - start;
	if (size > page)
		size = page;
	if (at > KITER_RECORD_MAX)
		at = KITER_RECORD_MAX;
	if (size > KITER_RECORD_MAX - at)
		size = KITER_RECORD_MAX - at;
	if (size > KITER_WRITE_MAX - 1)
		size = KITER_WRITE_MAX - 1;
	s64 error = bpf_copy_from_user_task(w->slot->bytes + at, size, (void *)start, trusted, 0);
	if (error)
		return error;
	w->slot->bytes[at + size] = 0;
	s64 length = bpf_probe_read_kernel_str(w->slot->bytes + at, size + 1, w->slot->bytes + at);
	return length > (s64)size ? (s64)size : length;
}

/* The last text takes the room that is left; a longer command line is cut there. */
static __always_inline void put_cmdline(struct kiter_writer *w, struct task_struct *task,
					struct task_struct *trusted, struct mm_struct *mm)
{
	if (!WANT(cmdline) || !mm || task->flags & PF_KTHREAD)
		return;
	u64 start = mm->arg_start, end = mm->arg_end, at = w->at;
	/* An image that is still being made has none. */
	u64 whole = mm->env_end && end > start ? end - start : 0, size = whole;

	if (at > KITER_RECORD_MAX)
		at = KITER_RECORD_MAX;
	if (size > KITER_RECORD_MAX - at)
		size = KITER_RECORD_MAX - at;
	if (size > KITER_WRITE_MAX)
		size = KITER_WRITE_MAX;
	s64 length = 0;
	if (size && is_title(mm, trusted)) {
		length = copy_title(w, mm, trusted);
		whole = size;
	} else if (size) {
		length = bpf_copy_from_user_task(w->slot->bytes + at, size, (void *)start, trusted, 0);
		length = length ? length : (s64)size;
	}
	asm volatile("" ::: "memory");
	if (task->mm != mm)
		return; /* it has exited, or executes another program */
	TAIL_PUT(w, cmdline, length);
	if (length >= 0 && size < whole)
		CUT(w, cmdline);
}

/*
 * What it knows of the tail's end the verifier keeps apart for each way through the texts before,
 * and takes each of them further; a number that comes from memory is the same on all ways.
 */
static __always_inline void join_ways(struct kiter_writer *w)
{
	w->record->record_size = w->at;
	asm volatile("" ::: "memory");
	w->at = w->record->record_size;
}

static __always_inline void put_texts(struct kiter_writer *w, struct task_struct *task,
				      const struct parts *parts)
{
	PUT_STRING(w, comm, task->comm, sizeof(task->comm));
	if (parts->tty)
		PUT_STRING(w, tty_name, parts->tty->name, sizeof(parts->tty->name));
	join_ways(w);
	put_cgroup(w, task);
	join_ways(w);
	put_exe(w, task, parts->exe);
	join_ways(w);
	put_cwd(w, parts->fs);
	join_ways(w);
	put_groups(w, task);
	join_ways(w);
}

/* All that is not copied from user space; 0 if the task changed meanwhile. */
static __always_inline int put_fields(struct kiter_writer *w, struct task_struct *task,
				      const struct parts *parts)
{
	put_family(w, task);
	put_identity(w, task);
	put_scheduling(w, task);
	if (!put_usage(w, task))
		return 0;
	put_memory(w, task, parts->mm);
	put_signals(w, task, parts->sighand);
	put_pid_namespace(w, task);
	put_namespaces(w, parts->nsproxy);
	put_fds(w, parts->files);
	put_texts(w, task, parts);
	return is_whole(task, parts);
}

SEC("iter.s/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct bpf_iter_meta *meta = ctx->meta;
	struct task_struct *trusted = ctx->task;
	struct kiter_writer w;

	kiter_preamble(meta, trusted);
	if (!trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted);
	if (!kiter_config.threads && task->pid != task->tgid)
		return 0;
	u32 pid = tgid_in_reader_namespace(task);
	u32 tid = tid_in_reader_namespace(task);
	if (!pid || !tid)
		return 0; /* reaped since the kernel found it */
	if (!kiter_begin(&w, meta, KITER_PROGRAM_tasks))
		return KITER_RETRY;
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock();
	struct parts parts = parts_of(task);
	walk_trusted(&parts, trusted);
	int is_good = put_fields(&w, task, &parts);
	if (bpf_rcu_read_unlock)
		bpf_rcu_read_unlock();
	if (!is_good) {
		kiter_drop(&w);
		return KITER_RETRY;
	}
	if (!kiter_matches(&w))
		return kiter_drop(&w);
	/* These two may sleep: Linux 6.12 says so of the stack, too. */
	put_stack(&w, task, trusted);
	join_ways(&w);
	put_cmdline(&w, task, trusted, parts.mm);
	return kiter_emit(&w);
}

/* Open-coded walks over tasks (Linux 6.7, c68a78ffe2cb): kernel/bpf/task_iter.c. */
enum { WALK_PROCESSES, WALK_THREADS };

struct bpf_iter_task {
	u64 opaque[3];
};

extern int bpf_iter_task_new(struct bpf_iter_task *walk, struct task_struct *task,
			     u32 flags) __ksym __weak;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *walk) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task *walk) __ksym __weak;

/* 0 if the task changed meanwhile. */
int tasks_store(struct kiter_walk *walk)
{
	struct kiter_writer w;

	if (!walk || !kiter_resume(&w, KITER_PROGRAM_tasks))
		return 1;
	struct task_struct *task = UNTRUSTED(struct task_struct, walk->object);
	u32 pid = tgid_in_reader_namespace(task);
	u32 tid = tid_in_reader_namespace(task);
	struct parts parts = parts_of(task);

	if (!pid || !tid)
		return 1; /* reaped since the kernel found it, or outside the namespace */
	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	if (!put_fields(&w, task, &parts))
		return 0;
	return kiter_store(&w, walk, tid);
}

/*
 * The same records, all in one run. The whole walk is one RCU section, as the kernel wants it: what
 * is freed meanwhile waits for some milliseconds where there are 100,000 tasks.
 */
SEC("syscall")
int tasks_direct(struct kiter_walk *context)
{
	struct kiter_walk walk = {};
	struct bpf_iter_task tasks;
	struct task_struct *task;

	kiter_direct_begin(&walk);
	bpf_rcu_read_lock();
	bpf_iter_task_new(&tasks, NULL, kiter_config.threads ? WALK_THREADS : WALK_PROCESSES);
	while ((task = bpf_iter_task_next(&tasks)))
		kiter_visit(&walk, task, tasks_store);
	bpf_iter_task_destroy(&tasks);
	bpf_rcu_read_unlock();
	return kiter_direct_end(context, &walk);
}
