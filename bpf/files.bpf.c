// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/task_file: one object for each open file of each task that has a table of its own. */
#include "socket.h"
#include "task_walk.h"
#include <asm/fcntl.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct dentry_operations {
	void *d_dname; /* a function */
};

struct super_block___s_d_op {
	struct dentry_operations *s_d_op;
};

/* Renamed by "new helper: set_default_d_op()", 6.17 */
struct super_block___private {
	struct dentry_operations *__s_d_op;
};

struct mount {
	struct vfsmount mnt;
	s32 mnt_id;
};

struct bpf_map {
	u32 id;
};

struct bpf_prog_aux {
	u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	u32 id;
};

struct btf {
	u32 id;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#include "files.gen.h"
#include "cgroup.h"
#include "comm.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/uapi/linux/magic.h */
enum { SOCKFS_MAGIC = 0x534f434b, ANON_INODE_FS_MAGIC = 0x09041934, PID_FS_MAGIC = 0x50494446 };

#define S_IFMT 0170000
#define FMODE_LSEEK 4
#define PATH_MAX 4096
#define ANON_NAME_MAX 64

/*
 * The kernel leaves out threads that share the table of their leader. But when the leader has
 * exited it has no table any more, and threads can share one that the leader never had: the first
 * thread that has a table stands for all. A thread that was asked for stands for itself.
 */
static __always_inline int is_repeated(struct bpf_iter_meta *meta, struct task_struct *task)
{
	if (task->pid == task->tgid || is_walk_of_thread(meta))
		return 0;
	if (task->group_leader->files == task->files)
		return 1;
	return first_thread(task, task->files) != task;
}

/* Is it the file of --path? The reader, this very process, holds that one open to compare with. */
static __always_inline int is_path(struct task_struct *task, struct file *file)
{
	struct task_struct *reader = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(reader, files, fdt);
	u64 fd = kiter_config.path;
	struct file *named = NULL;

	if (task->tgid == BPF_CORE_READ(reader, tgid) || fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&named, sizeof(named), BPF_CORE_READ(table, fd) + fd);
	return named && BPF_CORE_READ(named, f_inode) == file->f_inode;
}

/* What d_path() says of a file's place: fs/d_path.c. */
enum place { IN_DIRECTORY, DELETED, NOWHERE };

/*
 * Files that never had a name in a directory have an operation that makes one up. It is that of
 * their file system (sockets, pipes, anonymous inodes), or, where this has none, one that says
 * "/NAME (deleted)" (memfds).
 */
static __always_inline int place_by(const int is_cast, struct file *file)
{
	struct dentry *dentry = READ(is_cast, file, f_path.dentry);
	struct super_block *super = READ(is_cast, dentry, d_sb);
	struct dentry_operations *own = READ(is_cast, dentry, d_op), *usual;
	int is_root = READ(is_cast, dentry, d_parent) == dentry;

	if (!own || !READ(is_cast, own, d_dname) ||
	    (is_root && BPF_CORE_READ(file, f_path.mnt, mnt_root) == dentry))
		return is_root || READ(is_cast, dentry, d_hash.pprev) ? IN_DIRECTORY : DELETED;
	if (bpf_core_field_exists(struct super_block___private, __s_d_op))
		usual = READ(is_cast, (struct super_block___private *)super, __s_d_op);
	else
		usual = READ(is_cast, (struct super_block___s_d_op *)super, s_d_op);
	return own == usual ? NOWHERE : DELETED;
}

__noinline int place_of(u64 address)
{
	return bpf_rdonly_cast ? place_by(1, CAST(struct file, address))
			       : place_by(0, (struct file *)address);
}

/* The flags of open(2), with close-on-exec, which is the descriptor's and not the file's. */
static __always_inline u32 flags_of(struct kiter_writer *w, struct task_struct *task, u32 fd,
				    u32 flags)
{
	struct fdtable *table = task->files->fdt;
	u64 word = word_at(JOIN(w, table->close_on_exec) + fd / 64 * sizeof(word));

	flags &= ~O_CLOEXEC;
#if O_DIRECTORY == 040000
	/* arm64 has directory, nofollow, direct, largefile for direct, largefile, directory, nofollow. */
	flags = (flags & ~0740000) | (flags & 0140000) << 2 | (flags & 0600000) >> 2;
#endif
	return word >> (fd % 64) & 1 ? flags | O_CLOEXEC : flags;
}

static __always_inline int mount_id(struct vfsmount *vfsmount)
{
	u64 address = address_of(vfsmount) - bpf_core_field_offset(struct mount, mnt);
	struct mount *mount = (void *)address;

	return bpf_rdonly_cast ? CAST(struct mount, address)->mnt_id : BPF_CORE_READ(mount, mnt_id);
}

static __always_inline u32 type_of(u32 mode, u64 magic)
{
	if (magic == ANON_INODE_FS_MAGIC || magic == PID_FS_MAGIC)
		return KITER_file_type_anon;
	return (mode & S_IFMT) >> 12;
}

static __always_inline int put_type_by(const int is_cast, struct kiter_record *record,
				       struct inode *inode, u64 magic)
{
	struct kiter_writer w = { .record = record };
	u32 mode = READ(is_cast, inode, i_mode);
	u32 type = type_of(mode, magic);
	PUT(&w, type, type);
	switch (type) {
	case KITER_file_type_anon:
		/* Newer kernels take them for regular files, and stat(2) hides it. */
		mode &= ~S_IFMT;
		break;
	case KITER_file_type_regular:
	case KITER_file_type_directory:
	case KITER_file_type_symlink:
		PUT(&w, size_bytes, READ(is_cast, inode, i_size));
		break;
	case KITER_file_type_character:
	case KITER_file_type_block:
		PUT(&w, special_device, READ(is_cast, inode, i_rdev));
		break;
	}
	PUT(&w, mode, mode);
	return type;
}

/* What depends on the type; returns the type. */
__noinline int put_type(struct kiter_record *record, u64 inode_address, u64 magic)
{
	if (!record)
		return 0;
	return bpf_rdonly_cast ? put_type_by(1, record, CAST(struct inode, inode_address), magic)
			       : put_type_by(0, record, (struct inode *)inode_address, magic);
}

static __always_inline void put_file(struct kiter_writer *w, struct file *file)
{
	struct inode *inode = file->f_inode;

	PUT_IF(w, file->f_mode & FMODE_LSEEK, position, file->f_pos);
	PUT(w, inode, inode->i_ino);
	PUT(w, device, inode->i_sb->s_dev);
	PUT(w, links, inode->i_nlink);
	PUT(w, owner_uid, inode->i_uid.val);
	PUT(w, mount_id, mount_id(file->f_path.mnt));
}

/* The number by which bpf(2) knows what this file stands for; 0 if it stands for none. */
static __always_inline u32 bpf_id_of(struct file *file)
{
	const u8 *from = file->f_path.dentry->d_name.name;
	void *object = file->private_data;
	char name[9] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), from);
	if (!__builtin_memcmp(name, "bpf-map", 8))
		return BPF_CORE_READ((struct bpf_map *)object, id);
	if (!__builtin_memcmp(name, "bpf-prog", 9))
		return BPF_CORE_READ((struct bpf_prog *)object, aux, id);
	if (!__builtin_memcmp(name, "bpf_link", 9))
		return BPF_CORE_READ((struct bpf_link *)object, id);
	if (!__builtin_memcmp(name, "btf", 4))
		return BPF_CORE_READ((struct btf *)object, id);
	return 0;
}

/* What kind of anonymous inode; most names have brackets around them, and not all. */
static __always_inline void put_anon(struct kiter_writer *w, struct file *file, u64 magic)
{
	u8 *to = WANT(anon) ? TAIL(w, ANON_NAME_MAX) : NULL;

	if (!to)
		return;
	/* Files of processes moved to a file system of their own, without names, in 6.9. */
	if (magic == PID_FS_MAGIC) {
		__builtin_memcpy(to, "pidfd", 5);
		TAIL_PUT(w, anon, 5);
		return;
	}
	const u8 *name = file->f_path.dentry->d_name.name;
	u8 first = 0;
	bpf_probe_read_kernel(&first, 1, name);
	int brackets = first == '[';
	PUT_STRING(w, anon, name + brackets, ANON_NAME_MAX);
	if (brackets && w->record->anon.length < ANON_NAME_MAX - 1) {
		w->record->anon.length--;
		END(w)--;
	}
}

static __always_inline int is_inet(u32 family)
{
	return family == KITER_socket_family_inet || family == KITER_socket_family_inet6;
}

/* Those that count their states as TCP does. */
static __always_inline int has_state(u32 family)
{
	return is_inet(family) || family == KITER_socket_family_unix ||
	       family == KITER_socket_family_vsock;
}

/* Others keep something else in the place of a port: raw ones the protocol, pings an identifier. */
static __always_inline int has_ports(u32 type, u32 protocol)
{
	return type != KITER_socket_type_raw &&
	       (protocol == KITER_ip_protocol_tcp || protocol == KITER_ip_protocol_udp ||
		protocol == KITER_ip_protocol_dccp || protocol == KITER_ip_protocol_sctp ||
		protocol == KITER_ip_protocol_udplite || protocol == KITER_ip_protocol_mptcp);
}

/* What there is of both ends; `address` is of the socket. */
__noinline int put_ends(struct kiter_slot *slot, u64 address)
{
	struct sock *sk = (void *)address;
	struct sock_common *common = &sk->__sk_common;

	if (!slot)
		return 0;
	struct kiter_writer writer = { .slot = slot, .record = (void *)slot->bytes }, *w = &writer;
	u32 family = BPF_CORE_READ(common, skc_family);
	u32 state = BPF_CORE_READ(common, skc_state);
	u32 protocol = BPF_CORE_READ(sk, sk_protocol);
	u32 port = BPF_CORE_READ(common, skc_num);
	int has_peer =
		JOIN(w, state != KITER_socket_state_listen && state != KITER_socket_state_close);
	int ports = JOIN(w, has_ports(BPF_CORE_READ(sk, sk_type), protocol));

	protocol = JOIN(w, protocol);
	PUT(w, socket_protocol, protocol);
	PUT_IF(w, ports && port, local_port, port);
	PUT_IF(w, ports && has_peer, remote_port, bpf_ntohs(BPF_CORE_READ(common, skc_dport)));
	/* SCTP's sockets have lists of addresses elsewhere. */
	if (protocol == KITER_ip_protocol_sctp)
		return 0;
	if (port)
		PUT_ADDRESS(w, local_address, family, BPF_CORE_READ(common, skc_rcv_saddr),
			    common->skc_v6_rcv_saddr);
	if (has_peer)
		PUT_ADDRESS(w, remote_address, family, BPF_CORE_READ(common, skc_daddr),
			    common->skc_v6_daddr);
	return 0;
}

static __always_inline void put_socket(struct kiter_writer *w, struct inode *inode)
{
	/* Beside the inode, and not the file's private data: a file opened with O_PATH has none. */
	struct socket_alloc *socket =
		(void *)inode - bpf_core_field_offset(struct socket_alloc, vfs_inode);
	struct sock *sk = BPF_CORE_READ(socket, socket.sk);
	if (!sk)
		return;
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	PUT(w, socket_family, family);
	PUT(w, socket_type, BPF_CORE_READ(sk, sk_type));
	PUT(w, net_ns, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	PUT_IF(w, has_state(family), socket_state, BPF_CORE_READ(sk, __sk_common.skc_state));
	if (is_inet(family))
		put_ends(w->slot, JOIN(w, sk));
}

/* False if the file lost its name meanwhile, so that nobody knows whether d_path() has seen that. */
static __always_inline int put_path(struct kiter_writer *w, struct file *trusted,
				    struct file *file, enum place place)
{
	if (!WANT(path))
		return 1;
	u8 *to = TAIL(w, PATH_MAX);
	if (!to) {
		UNREADABLE(w, path);
		return 1;
	}
	/* The end counts as a byte. */
	s64 size = bpf_d_path(&trusted->f_path, (char *)to, PATH_MAX) - 1;
	if (place == DELETED && size > 0)
		size -= sizeof(" (deleted)") - 1;
	TAIL_PUT(w, path, size);
	return place_of(address_of(file)) == (int)place;
}

/* What asks where a file is, and of what type it is. */
#define PLACE (KITER_FIELD(path) | KITER_FIELD(deleted))
#define TYPE                                                                                       \
	(KITER_FIELD(type) | KITER_FIELD(mode) | KITER_FIELD(size_bytes) |                         \
	 KITER_FIELD(special_device) | KITER_FIELD(anon) | KITER_FIELD(bpf_id))

SEC("iter/task_file")
int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *trusted_task = ctx->task;
	struct file *trusted = ctx->file;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted_task || !trusted)
		return 0;
	struct task_struct *task = UNTRUSTED(struct task_struct, trusted_task);
	struct file *file = UNTRUSTED(struct file, trusted);
	u64 magic = file->f_inode->i_sb->s_magic;
	if (kiter_config.magic && magic != kiter_config.magic)
		return 0;
	/* Without a table: the task has just closed all of its files. */
	if (!task->files || is_repeated(ctx->meta, task))
		return 0;
	if (kiter_config.path >= 0 && !is_path(task, file))
		return 0;
	enum place place = NOWHERE;
	if (kiter_config.deleted || WANT_ANY(PLACE))
		place = place_of(address_of(file));
	if (kiter_config.deleted && place != DELETED)
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_files))
		return KITER_RETRY;
	u64 numbers = task_numbers(JOIN(&w, task));
	u32 pid = numbers >> 32;
	if (!pid)
		return kiter_drop(&w); /* reaped since the kernel found it */
	u32 type = 0;
	if (WANT_ANY(TYPE))
		type = JOIN(&w, put_type(w.record, JOIN(&w, file->f_inode), magic));
	w.slot->pid = pid;
	PUT(&w, pid, pid);
	PUT(&w, tid, (u32)numbers);
	PUT(&w, uid, task->real_cred->euid.val);
	PUT(&w, fd, ctx->fd);
	PUT(&w, flags, flags_of(&w, task, ctx->fd, file->f_flags));
	PUT_IF(&w, place != NOWHERE, deleted, place == DELETED);
	put_file(&w, file);
	if (magic == SOCKFS_MAGIC)
		put_socket(&w, file->f_inode);
	put_comm(&w, task->group_leader);
	PUT_CGROUP_NAMES(&w, container_names, container_node(JOIN(&w, task)), CONTAINER_MAX);
	if (type == KITER_file_type_anon) {
		u32 id = WANT(bpf_id) ? bpf_id_of(file) : 0;

		PUT_IF(&w, id, bpf_id, id);
		put_anon(&w, file, magic);
	}
	if (!put_path(&w, trusted, file, place)) {
		kiter_drop(&w);
		return KITER_RETRY;
	}
	return kiter_emit(&w);
}
