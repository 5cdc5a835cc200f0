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

#include "percpu.h"
#include "symbol.h"
#include "tasks.gen.h"
#include "cgroup.h"
#include "comm.h"
#include "direct.h"
#include "state.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define MAX_RT_PRIO 100
#define DEFAULT_PRIO 120

/* What the other texts leave to a command line, as promised. */
#define CMDLINE_MIN (20480 + SYMBOL_MAX) /* what follows the groups */
#define PATH_SIZE 4096

/* A relative's number, null if it has none here. */
#define PUT_PID(w, field, pid)                                                                     \
	do {                                                                                       \
		if (WANT(field)) {                                                                 \
			u32 __number = pid_in_reader_namespace(JOIN(w, pid));                               \
			PUT_IF(w, __number, field, __number);                                      \
		}                                                                                  \
	} while (0)

#define RELATIVES                                                                                  \
	(KITER_FIELD(pgid) | KITER_FIELD(sid) | KITER_FIELD(tracer_pid) | KITER_FIELD(host_pid))

static __always_inline void put_family(struct kiter_writer *w, struct task_struct *task)
{
	if (WANT(ppid)) {
		u32 parent = task_numbers(JOIN(w, task->real_parent)) >> 32;
		PUT_IF(w, parent, ppid, parent);
	}
	if (!WANT_ANY(RELATIVES))
		return;
	PUT_PID(w, pgid, task->signal->pids[PID_OF_GROUP]);
	PUT_PID(w, sid, task->signal->pids[PID_OF_SESSION]);
	if (WANT(tracer_pid) && task->ptrace)
		PUT_PID(w, tracer_pid, task->parent->thread_pid);
	PUT(w, host_pid, task->tgid);
}

#define CAPABILITIES(cred, set)                                                                    \
	({                                                                                         \
		u64 __mask = 0;                                                                    \
		bpf_probe_read_kernel(&__mask, sizeof(__mask),                                     \
				      (void *)(cred) + bpf_core_field_offset(struct cred, set));   \
		__mask;                                                                            \
	})

#define OTHER_IDS                                                                                  \
	(KITER_FIELD(euid) | KITER_FIELD(suid) | KITER_FIELD(fsuid) | KITER_FIELD(egid) |          \
	 KITER_FIELD(sgid) | KITER_FIELD(fsgid))

static __always_inline void put_ids(struct kiter_writer *w, const struct cred *cred)
{
	PUT(w, uid, cred->uid.val);
	PUT(w, gid, cred->gid.val);
	if (!WANT_ANY(OTHER_IDS))
		return;
	PUT(w, euid, cred->euid.val);
	PUT(w, suid, cred->suid.val);
	PUT(w, fsuid, cred->fsuid.val);
	PUT(w, egid, cred->egid.val);
	PUT(w, sgid, cred->sgid.val);
	PUT(w, fsgid, cred->fsgid.val);
}

#define RIGHTS                                                                                     \
	(KITER_FIELD(cap_effective) | KITER_FIELD(cap_permitted) | KITER_FIELD(cap_inheritable) |  \
	 KITER_FIELD(cap_bounding) | KITER_FIELD(cap_ambient) | KITER_FIELD(user_ns) |             \
	 KITER_FIELD(loginuid) | KITER_FIELD(seccomp) | KITER_FIELD(no_new_privs))

static __always_inline void put_rights(struct kiter_writer *w, struct task_struct *task,
				       const struct cred *cred)
{
	if (!WANT_ANY(RIGHTS))
		return;
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

/* The others leave what the fair scheduler keeps as it was. */
static __always_inline int is_fair(u32 policy)
{
	const u32 fair = 1 << KITER_scheduling_policy_other | 1 << KITER_scheduling_policy_batch |
			 1 << KITER_scheduling_policy_idle;

	return fair >> (policy & 31) & 1;
}

#define SCHEDULING                                                                                 \
	(KITER_FIELD(nice) | KITER_FIELD(priority) | KITER_FIELD(policy) |                         \
	 KITER_FIELD(rt_priority) | KITER_FIELD(cpu) | KITER_FIELD(vruntime_ns) |                  \
	 KITER_FIELD(load_weight) | KITER_FIELD(run_delay_ns) | KITER_FIELD(oom_score_adj) |       \
	 KITER_FIELD(kernel_thread))

static __always_inline void put_scheduling(struct kiter_writer *w, struct task_struct *task)
{
	u32 policy = task->policy;

	PUT(w, state, state_of(task));
	PUT(w, threads, task->signal->nr_threads);
	PUT(w, start_time_ns, task->start_boottime);
	if (!WANT_ANY(SCHEDULING))
		return;
	PUT(w, nice, task->static_prio - DEFAULT_PRIO);
	PUT(w, priority, task->prio - MAX_RT_PRIO);
	PUT(w, policy, policy);
	PUT_IF(w, task->rt_priority, rt_priority, task->rt_priority);
	if (bpf_core_field_exists(struct thread_info, cpu))
		PUT(w, cpu, task->thread_info.cpu);
	if ((WANT(vruntime_ns) || WANT(load_weight)) && is_fair(policy)) {
		PUT(w, vruntime_ns, task->se.vruntime);
		PUT(w, load_weight, task->se.load.weight);
	}
	if (bpf_core_field_exists(struct sched_info, run_delay))
		PUT(w, run_delay_ns, task->sched_info.run_delay);
	PUT(w, oom_score_adj, task->signal->oom_score_adj);
	PUT(w, kernel_thread, !!(task->flags & PF_KTHREAD));
}

#define TIMES (KITER_FIELD(utime) | KITER_FIELD(stime) | KITER_FIELD(sum_exec_runtime))
#define COUNTS                                                                                     \
	(KITER_FIELD(minor_faults) | KITER_FIELD(major_faults) | KITER_FIELD(voluntary_switches) | \
	 KITER_FIELD(involuntary_switches) | KITER_FIELD(read_bytes) | KITER_FIELD(write_bytes))

#define ADD(w, field, value)                                                                       \
	do {                                                                                       \
		if (WANT(field))                                                                   \
			(w)->record->field += (value);                                             \
	} while (0)

/*
 * Adds what a thread has used up. A thread, and the sums of those that have exited, differ in the
 * name of the run time alone.
 */
#define ADD_USAGE(w, is_cast, object, runtime)                                                     \
	do {                                                                                       \
		ADD(w, utime, READ(is_cast, object, utime));                                       \
		ADD(w, stime, READ(is_cast, object, stime));                                       \
		ADD(w, sum_exec_runtime, READ(is_cast, object, runtime));                          \
		if (!WANT_ANY(COUNTS))                                                             \
			break;                                                                     \
		ADD(w, minor_faults, READ(is_cast, object, min_flt));                              \
		ADD(w, major_faults, READ(is_cast, object, maj_flt));                              \
		ADD(w, voluntary_switches, READ(is_cast, object, nvcsw));                          \
		ADD(w, involuntary_switches, READ(is_cast, object, nivcsw));                       \
		if (bpf_core_field_exists(struct task_io_accounting, read_bytes)) {                \
			ADD(w, read_bytes, READ(is_cast, object, ioac.read_bytes));                \
			ADD(w, write_bytes, READ(is_cast, object, ioac.write_bytes));              \
		}                                                                                  \
	} while (0)

/* Returns where the next thread's node is. */
__noinline u64 add_thread(struct kiter_record *record, u64 address)
{
	struct kiter_writer writer = { .record = record }, *w = &writer;
	struct task_struct *thread = (void *)address;

	if (!record)
		return 0;
	if (bpf_rdonly_cast) {
		thread = CAST(struct task_struct, address);
		ADD_USAGE(w, 1, thread, se.sum_exec_runtime);
	} else {
		ADD_USAGE(w, 0, thread, se.sum_exec_runtime);
	}
	return (u64)BPF_CORE_READ((struct task_struct *)address, thread_node.next);
}

struct thread_walk {
	struct kiter_record *record;
	u64 head, node;
};

static int add_next_thread(u32 index, struct thread_walk *walk)
{
	u64 node = walk->node;

	(void)index;
	if (!node || node == walk->head)
		return 1;
	walk->node = add_thread(walk->record,
				node - bpf_core_field_offset(struct task_struct, thread_node));
	return 0;
}

/*
 * The process's sums, as thread_group_cputime() has them; 0 if its list of threads changed. One
 * that was reaped is in the sums already, and no longer in the list.
 */
static __always_inline int add_process(struct kiter_writer *w, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	u64 head = JOIN(w, signal) + bpf_core_field_offset(struct signal_struct, thread_head);
	struct thread_walk walk = { .record = w->record, .head = head };

	ADD_USAGE(w, 1, signal, sum_sched_runtime);
	walk.node = JOIN(w, signal->thread_head.next);
	/* Some more, for threads that have started since. */
	bpf_loop(signal->nr_threads + 64, add_next_thread, &walk, 0);
	return walk.node == head;
}

#define PUT_USAGE(w, field)                                                                        \
	do {                                                                                       \
		if (WANT(field))                                                                   \
			PRESENT(w, field);                                                         \
	} while (0)

/* 0 if the list of threads changed meanwhile: what was read is not a sum then. */
static __always_inline int put_usage(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT_ANY(TIMES | COUNTS))
		return 1;
	if (kiter_config.threads) {
		ADD_USAGE(w, 1, task, se.sum_exec_runtime);
		PUT(w, prev_utime, task->prev_cputime.utime);
		PUT(w, prev_stime, task->prev_cputime.stime);
	} else {
		if (!add_process(w, task))
			return 0;
		PUT(w, prev_utime, task->signal->prev_cputime.utime);
		PUT(w, prev_stime, task->signal->prev_cputime.stime);
	}
	PUT_USAGE(w, utime);
	PUT_USAGE(w, stime);
	PUT_USAGE(w, sum_exec_runtime);
	if (!WANT_ANY(COUNTS))
		return 1;
	PUT_USAGE(w, minor_faults);
	PUT_USAGE(w, major_faults);
	PUT_USAGE(w, voluntary_switches);
	PUT_USAGE(w, involuntary_switches);
	if (bpf_core_field_exists(struct task_io_accounting, read_bytes)) {
		PUT_USAGE(w, read_bytes);
		PUT_USAGE(w, write_bytes);
	}
	return 1;
}

/* MM_*PAGES: include/linux/mm_types_task.h */
enum { FILE_PAGES, ANON_PAGES, SWAP_ENTRIES, SHMEM_PAGES };

#define COUNTERS                                                                                   \
	(KITER_FIELD(rss_bytes) | KITER_FIELD(rss_file_bytes) | KITER_FIELD(rss_anon_bytes) |      \
	 KITER_FIELD(rss_shmem_bytes) | KITER_FIELD(swap_bytes))

struct counter_sum {
	u64 counter; /* its address */
	u64 anchor; /* that of the base of the anchor's copies */
	u64 percpu;
	s64 sum;
};

static int add_cpu(u32 cpu, struct counter_sum *sum)
{
	u64 distance;

	if (!distance_to(cpu, sum->anchor, &distance))
		return 1;
	sum->sum += int_at(sum->percpu + distance);
	return 0;
}

static int sum_counter(u32 index, struct counter_sum *sum)
{
	u64 place = sum->counter + bpf_core_field_offset(struct percpu_counter, count);
	u64 count = word_at(place);

	(void)index;
	sum->sum = count;
	/* A kernel for one processor has nothing but the count. */
	if (bpf_core_field_exists(struct percpu_counter, counters)) {
		sum->percpu = word_at(sum->counter +
				      bpf_core_field_offset(struct percpu_counter, counters));
		bpf_loop(kiter_config.cpus, add_cpu, sum, 0);
	}
	asm volatile("" ::: "memory"); /* read it now, not what was read before */
	return word_at(place) == count;
}

/*
 * The sum that the kernel would give. A CPU moves its part into the count when it has grown: if the
 * count has changed, this was not read at one moment, and is read again. One that changes so fast
 * has no one number; what comes last is among those it went through.
 */
__noinline s64 counter_pages(u64 address, u64 anchor)
{
	struct counter_sum sum = { .counter = address, .anchor = anchor };

	bpf_loop(4, sum_counter, &sum, 0);
	return sum.sum;
}

static __always_inline s64 pages_of(u64 mm, u64 anchor, u64 index)
{
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		u64 counts = mm + bpf_core_field_offset(struct mm_struct___plain, rss_stat);
		s64 pages = 0;

		bpf_probe_read_kernel(&pages, sizeof(pages), (void *)(counts + 8 * index));
		return pages;
	}
	return counter_pages(mm + bpf_core_field_offset(struct mm_struct___percpu, rss_stat) +
				     index * bpf_core_type_size(struct percpu_counter),
			     anchor);
}

/* Parts are read while they change: a sum may come out below nothing, which is nothing. */
static __always_inline u64 bytes_of(s64 pages)
{
	return (pages & ~(pages >> 63)) << kiter_config.page_shift;
}

#define ADD_PAGES(w, field, index)                                                                 \
	do {                                                                                       \
		if (WANT(field) || WANT(rss_bytes)) {                                              \
			u64 __bytes = bytes_of(pages_of(mm, anchor, index));                       \
			PUT(w, field, __bytes);                                                    \
			sum += __bytes;                                                            \
		}                                                                                  \
	} while (0)

static __always_inline void put_rss(struct kiter_writer *w, u64 mm)
{
	u64 anchor = anchor_base(), sum = 0;

	ADD_PAGES(w, rss_file_bytes, FILE_PAGES);
	ADD_PAGES(w, rss_anon_bytes, ANON_PAGES);
	ADD_PAGES(w, rss_shmem_bytes, SHMEM_PAGES);
	PUT(w, rss_bytes, sum);
	PUT(w, swap_bytes, bytes_of(pages_of(mm, anchor, SWAP_ENTRIES)));
}

/* A kernel thread may borrow an address space; that is not its own. */
static __always_inline void put_memory(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT_ANY(KITER_FIELD(vsz_bytes) | COUNTERS))
		return;
	struct mm_struct *mm = task->mm;
	if (!mm || task->flags & PF_KTHREAD)
		return;
	PUT(w, vsz_bytes, mm->total_vm << kiter_config.page_shift);
	if (WANT_ANY(COUNTERS))
		put_rss(w, JOIN(w, mm));
}

#define SIGNALS                                                                                    \
	(KITER_FIELD(signals_pending) | KITER_FIELD(signals_blocked) |                             \
	 KITER_FIELD(signals_ignored) | KITER_FIELD(signals_caught))

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

static __always_inline void put_signals(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT_ANY(SIGNALS))
		return;
	struct sighand_struct *sighand = task->sighand;
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
	if (!WANT(pid_ns) && !WANT(ns_pid))
		return;
	u64 pid = JOIN(w, task->signal->pids[PID_OF_PROCESS]);
	if (!pid)
		return;
	struct upid *upid = (void *)pid + upid_offset(BPF_CORE_READ((struct pid *)pid, level));

	PUT(w, ns_pid, BPF_CORE_READ(upid, nr));
	PUT(w, pid_ns, BPF_CORE_READ(upid, ns, ns.inum));
}

/* A kind of namespace that the kernel was built without has no number. */
#define PUT_NAMESPACE(w, nsproxy, field, type)                                                     \
	do {                                                                                       \
		if (bpf_core_field_exists(struct type, ns))                                        \
			PUT(w, field, (nsproxy)->field->ns.inum);                                  \
	} while (0)

#define NAMESPACES                                                                                 \
	(KITER_FIELD(net_ns) | KITER_FIELD(mnt_ns) | KITER_FIELD(uts_ns) | KITER_FIELD(ipc_ns) |   \
	 KITER_FIELD(cgroup_ns) | KITER_FIELD(time_ns))

static __always_inline void put_namespaces(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT_ANY(NAMESPACES))
		return;
	struct nsproxy *nsproxy = task->nsproxy;
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

static __always_inline void put_fds(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(fds))
		return;
	struct files_struct *files = task->files;
	if (!files)
		return;
	struct fdtable *table = files->fdt;
	struct open_files open = { .words = table->open_fds };

	if (bpf_loop(table->max_fds / 64, count_files, &open, 0) >= 0)
		PUT(w, fds, open.count);
	else
		UNREADABLE(w, fds);
}

static __always_inline void put_cgroup(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(cgroup_names) && !WANT(cgroup_id))
		return;
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;

	PUT(w, cgroup_id, node->id);
	PUT_CGROUP_NAMES(w, cgroup_names, node, CGROUP_MAX);
}

static const char symbol[] SEC(".rodata.format") = "%ps";

/* The function around an address, without its module; unreadable if the kernel does not know it. */
__noinline int put_wchan_symbol(struct kiter_slot *slot, u64 address)
{
	if (!slot)
		return 0;
	struct kiter_writer writer = { .slot = slot, .record = (void *)slot->bytes }, *w = &writer;
	char *to = (char *)slot->bytes + (END(w) & 0x7fff);
	s64 length = bpf_snprintf(to, SYMBOL_MAX, symbol, &address, sizeof(address));

	if (length < 2 || length > SYMBOL_MAX || to[0] == '0')
		length = 0;
	else if (to[length - 2] == ']')
		length = find_last(to, length, ' ');
	else
		length--;
	TAIL_PUT(w, wchan, (s64)JOIN(w, length) ?: -1);
	return 0;
}

/* As get_wchan(), only of a task that sleeps; the helper leaves the scheduler's frames out. */
static __always_inline void put_wchan(struct kiter_writer *w, struct task_struct *task,
				      struct task_struct *trusted)
{
	u64 innermost = 0;

	if (!WANT(wchan) || !is_asleep(task))
		return;
	s64 size = bpf_get_task_stack(trusted, &innermost, sizeof(innermost), 0);
	if (size > 0)
		put_wchan_symbol(w->slot, innermost);
	else if (size < 0 && !task->exit_state)
		UNREADABLE(w, wchan);
}

/*
 * bpf_d_path() wants pointers that the verifier trusts. For each one followed from a trusted one it
 * searches the kernel's types by name, which takes half a millisecond, on each way on which it comes
 * by: so they are followed only if wanted, and before all else. What follows from these is searched
 * no more, and read as 0 behind NULL.
 */
static __always_inline void put_paths(struct kiter_writer *w, struct task_struct *trusted,
				      struct task_struct *task)
{
	struct mm_struct *mm = WANT(exe) ? trusted->mm : NULL;
	struct fs_struct *fs = WANT(cwd) ? trusted->fs : NULL;

	if (WANT(exe) && !(task->flags & PF_KTHREAD)) {
		struct file *file = mm->exe_file;
		u8 *to = TAIL(w, PATH_SIZE);

		if (file && to)
			TAIL_PUT(w, exe, JOIN(w, bpf_d_path(&file->f_path, (char *)to, PATH_SIZE) - 1));
	}
	if (WANT(cwd)) {
		u8 *to = TAIL(w, PATH_SIZE);

		if (fs && to)
			TAIL_PUT(w, cwd, JOIN(w, bpf_d_path(&fs->pwd, (char *)to, PATH_SIZE) - 1));
	}
}

/* As many as leave the command line its room: at least 190. */
static __always_inline void put_groups(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(groups))
		return;
	struct group_info *info = task->real_cred->group_info;
	u64 at = END(w) & KITER_WRITE_MAX, whole = (u64)info->ngroups * sizeof(u32), size = whole;

	if (at > KITER_RECORD_MAX - CMDLINE_MIN)
		at = KITER_RECORD_MAX - CMDLINE_MIN;
	if (size > KITER_RECORD_MAX - CMDLINE_MIN - at)
		size = (KITER_RECORD_MAX - CMDLINE_MIN - at) & ~3ULL;
	at = JOIN(w, at) & KITER_WRITE_MAX;
	size = JOIN(w, size) & KITER_WRITE_MAX;
	s64 error = bpf_probe_read_kernel(w->slot->bytes + at, size,
					  (void *)info + bpf_core_field_offset(struct group_info, gid));
	TAIL_PUT(w, groups, (s64)JOIN(w, error ? error : (s64)size));
	if (!error && size < whole)
		CUT(w, groups);
}

/*
 * What may be gone when the walk over a task ends, of that which was looked at. Each is memory of
 * its own, which has to be fetched: so only what the columns need.
 */
struct parts {
	u64 mm, files, nsproxy, sighand, tty; /* addresses */
	u32 sums; /* the count of changes to the sums of threads that have exited */
};

#define OF_MM (KITER_FIELD(exe) | KITER_FIELD(cmdline) | KITER_FIELD(vsz_bytes) | COUNTERS)

/* As numbers, and not as pointers: whether one is NULL is no reason to follow two ways. */
static __always_inline struct parts parts_of(struct kiter_writer *w, struct task_struct *task)
{
	struct parts parts = {};

	asm volatile("" ::: "memory"); /* read it now, not what was read before */
	if (WANT_ANY(OF_MM))
		parts.mm = JOIN(w, task->mm);
	if (WANT(fds))
		parts.files = JOIN(w, task->files);
	if (WANT_ANY(NAMESPACES))
		parts.nsproxy = JOIN(w, task->nsproxy);
	if (WANT_ANY(SIGNALS))
		parts.sighand = JOIN(w, task->sighand);
	if (WANT(tty_name))
		parts.tty = JOIN(w, task->signal->tty);
	if (WANT_ANY(TIMES | COUNTS))
		parts.sums = task->signal->stats_lock.seqcount.seqcount.sequence;
	return parts;
}

/* Without a jump for each there is but one way. */
static __always_inline int is_whole(struct kiter_writer *w, struct task_struct *task,
				    const struct parts *before)
{
	struct parts now = parts_of(w, task);

	return !(now.mm - before->mm | now.files - before->files |
		 now.nsproxy - before->nsproxy | now.sighand - before->sighand |
		 now.tty - before->tty | now.sums - before->sums | (now.sums & 1));
}

/* Copies from the task's memory to the tail: bytes, or an error. */
static __always_inline s64 copy_arguments(struct kiter_writer *w, u64 at, u64 start, u64 size,
					  struct task_struct *trusted)
{
	s64 error = bpf_copy_from_user_task(w->slot->bytes + at, size, (void *)start, trusted, 0);

	return JOIN(w, error ? error : (s64)size);
}

static __always_inline u64 room_for(struct kiter_writer *w, u64 at, u64 size)
{
	u64 room = KITER_RECORD_MAX - at;

	return JOIN(w, size < room ? size : room) & KITER_WRITE_MAX;
}

/* Is the last byte of the arguments none that ends one? Then setproctitle(3) wrote over them. */
static __always_inline int is_title(struct kiter_writer *w, u64 at, u64 size, u64 end, int is_cut,
				    struct task_struct *trusted)
{
	u8 last = w->slot->bytes[(at + size - 1) & 0xffff];

	if (is_cut)
		bpf_copy_from_user_task(&last, 1, (void *)(end - 1), trusted, 0);
	return last != 0;
}

/*
 * A title is one string of a page at most, which may go on where the environment was. Reading a
 * string on top of itself gives its length.
 */
static __always_inline s64 copy_title(struct kiter_writer *w, struct mm_struct *mm,
				      struct task_struct *trusted)
{
	u64 start = mm->arg_start, end = mm->arg_end, at = END(w) & KITER_WRITE_MAX;
	u64 page = 1ULL << kiter_config.page_shift;

	if (mm->env_start == end && mm->env_end > end)
		end = mm->env_end;
	u64 size = room_for(w, at, end - start < page ? end - start : page);
	s64 length = copy_arguments(w, at, start, size, trusted);
	if (length < 0)
		return length;
	w->slot->bytes[at + size] = 0;
	length = bpf_probe_read_kernel_str(w->slot->bytes + at, size + 1, w->slot->bytes + at);
	return length > (s64)size ? (s64)size : length;
}

/* The last text takes the room that is left; a longer command line is cut there. */
static __always_inline void put_cmdline(struct kiter_writer *w, struct task_struct *task,
					struct task_struct *trusted, const struct parts *parts)
{
	if (!WANT(cmdline) || task->flags & PF_KTHREAD)
		return;
	struct mm_struct *mm = task->mm;
	if (!mm)
		return;
	u64 start = mm->arg_start, end = mm->arg_end, at = END(w) & KITER_WRITE_MAX;
	/* An image that is still being made has none. */
	u64 whole = JOIN(w, mm->env_end && end > start ? end - start : 0);
	u64 size = room_for(w, at, whole);
	int is_cut = size < whole;
	s64 length = copy_arguments(w, at, start, size, trusted);

	if (length > 0 && is_title(w, at, size, end, is_cut, trusted)) {
		length = copy_title(w, mm, trusted);
		is_cut = 0;
	}
	asm volatile("" ::: "memory");
	if (JOIN(w, task->mm) != parts->mm)
		return; /* it has exited, or executes another program */
	length = (s64)JOIN(w, length);
	TAIL_PUT(w, cmdline, length);
	if (length >= 0 && is_cut)
		CUT(w, cmdline);
}

static __always_inline void put_texts(struct kiter_writer *w, struct task_struct *task)
{
	put_comm(w, task);
	if (WANT(tty_name)) {
		struct tty_struct *tty = task->signal->tty;

		if (tty)
			PUT_STRING(w, tty_name, tty->name, sizeof(tty->name));
	}
	put_cgroup(w, task);
	PUT_CGROUP_NAMES(w, container_names, container_node(JOIN(w, task)), CONTAINER_MAX);
	put_groups(w, task);
}

/* All that is not copied from user space; 0 if the task changed meanwhile. */
static __always_inline int put_fields(struct kiter_writer *w, struct task_struct *task,
				      const struct parts *parts)
{
	put_family(w, task);
	put_ids(w, task->real_cred);
	put_rights(w, task, task->real_cred);
	put_scheduling(w, task);
	if (!put_usage(w, task))
		return 0;
	put_memory(w, task);
	put_signals(w, task);
	put_pid_namespace(w, task);
	put_namespaces(w, task);
	put_fds(w, task);
	put_texts(w, task);
	return is_whole(w, task, parts);
}

SEC("iter.s/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct bpf_iter_meta *meta = ctx->meta;
	struct task_struct *trusted = ctx->task;
	struct kiter_writer w;

	kiter_open(&w, meta);
	if (!trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted);
	if (!kiter_config.threads && task->pid != task->tgid)
		return 0;
	if (!kiter_begin(&w, meta, KITER_PROGRAM_tasks))
		return KITER_RETRY;
	u64 numbers = task_numbers(JOIN(&w, task));
	u32 pid = numbers >> 32, tid = numbers;
	if (!pid || !tid)
		return kiter_drop(&w); /* reaped since the kernel found it */
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock();
	struct parts parts = parts_of(&w, task);

	put_paths(&w, trusted, task);
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
	put_wchan(&w, task, trusted);
	put_cmdline(&w, task, trusted, &parts);
	return kiter_emit(&w);
}

/* 0 if the task changed meanwhile. */
int tasks_store(struct kiter_run *run)
{
	struct kiter_writer w;

	if (!run || !kiter_resume(&w, run, KITER_PROGRAM_tasks))
		return 1;
	struct task_struct *task = CAST(struct task_struct, run->task);
	u64 numbers = task_numbers(JOIN(&w, task));
	u32 pid = numbers >> 32, tid = numbers;
	struct parts parts = parts_of(&w, task);

	if (!pid || !tid)
		return 1; /* reaped since the kernel found it, or outside the namespace */
	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	if (!put_fields(&w, task, &parts))
		return 0;
	return kiter_store(&w, run, tid);
}

/* The same, with what may sleep. */
int tasks_store_part(struct kiter_run *run)
{
	struct kiter_writer w;
	int is_good;

	if (!run || !kiter_resume(&w, run, KITER_PROGRAM_tasks))
		return 1;
	struct task_struct *trusted = bpf_task_from_pid(run->tid);
	if (!trusted)
		return 1; /* gone since it was listed */
	struct task_struct *task = CAST(struct task_struct, trusted);
	u64 numbers = task_numbers(JOIN(&w, task));
	u32 pid = numbers >> 32, tid = numbers;

	w.slot->pid = pid;
	bpf_rcu_read_lock();
	struct parts parts = parts_of(&w, task);

	PUT(&w, pid, pid);
	PUT(&w, tid, tid);
	is_good = put_fields(&w, task, &parts);
	bpf_rcu_read_unlock();
	/* One that was reaped since has no numbers any more. */
	if (is_good && pid && tid) {
		put_wchan(&w, task, trusted);
		put_cmdline(&w, task, trusted, &parts);
		kiter_store(&w, run, tid);
	}
	bpf_task_release(trusted);
	return is_good;
}

#define WALK (kiter_config.threads ? WALK_THREADS : WALK_PROCESSES)

SEC("syscall")
int tasks_whole(struct kiter_run *context)
{
	struct kiter_run run = *context;

	kiter_store_whole(&run, WALK, tasks_store);
	*context = run;
	return 0;
}

SEC("syscall")
int tasks_parts(struct kiter_run *context)
{
	struct kiter_run run = *context;

	kiter_store_part(&run, WALK, tasks_store_part);
	*context = run;
	return 0;
}
