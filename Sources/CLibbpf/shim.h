/* SPDX-License-Identifier: Apache-2.0 */
/* libbpf for Swift. A wrapper is here only where Swift cannot import the original: why is said. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* LIBBPF_OPTS is a macro with a statement in it. `types` may be NULL. */
static inline struct bpf_object *kiter_object_open(const void *image, size_t size,
						   const char *name, const char *types)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name, .btf_custom_path = types);

	return bpf_object__open_mem(image, size, &opts);
}

/* BTF_LOAD, MAP_CREATE and PROG_LOAD: libbpf's own wrappers load probes first. */
static inline int kiter_bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	int result = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return result < 0 ? -errno : result;
}

/* union bpf_attr has anonymous members. */
static inline int kiter_types_load(const void *types, __u32 size)
{
	union bpf_attr attributes = { .btf = (__u64)(unsigned long)types, .btf_size = size };

	return kiter_bpf(BPF_BTF_LOAD, &attributes);
}

static inline int kiter_map_create(const char *name, __u32 type, __u32 key_size, __u32 value_size,
				   __u32 entries, __u32 flags)
{
	union bpf_attr attributes = {
		.map_type = type,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = entries,
		.map_flags = flags,
	};

	strncpy(attributes.map_name, name, sizeof(attributes.map_name) - 1);
	return kiter_bpf(BPF_MAP_CREATE, &attributes);
}

struct kiter_program {
	const char *name, *license;
	__u32 type, attach_type, attach_id, flags;
	const void *instructions, *functions;
	__u32 instruction_count, function_count, function_size;
	int types;
};

static inline int kiter_program_load(const struct kiter_program *program)
{
	union bpf_attr attributes = {
		.prog_type = program->type,
		.expected_attach_type = program->attach_type,
		.attach_btf_id = program->attach_id,
		.prog_flags = program->flags,
		.insns = (__u64)(unsigned long)program->instructions,
		.insn_cnt = program->instruction_count,
		.license = (__u64)(unsigned long)program->license,
		.prog_btf_fd = program->types,
		.func_info = (__u64)(unsigned long)program->functions,
		.func_info_cnt = program->function_count,
		.func_info_rec_size = program->function_size,
	};

	strncpy(attributes.prog_name, program->name, sizeof(attributes.prog_name) - 1);
	return kiter_bpf(BPF_PROG_LOAD, &attributes);
}

/*
 * Has libbpf call `prepare` for each iterator or syscall program before it loads it; this replaces
 * what libbpf does then by itself, which is to say what it attaches to and that it may sleep.
 */
static inline int kiter_handler_register(const char *section, int is_iterator,
					 libbpf_prog_prepare_load_fn_t prepare, void *cookie)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)cookie,
		    .prog_prepare_load_fn = prepare);

	return libbpf_register_prog_handler(
		section, is_iterator ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_SYSCALL,
		is_iterator ? BPF_TRACE_ITER : 0, &opts);
}

/* Runs a syscall program once, which finds and leaves its context in `context`. */
static inline int kiter_program_run(int program, void *context, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = context, .ctx_size_in = size);
	int error = bpf_prog_test_run_opts(program, &opts);

	return error ? error : (int)opts.retval;
}

/* union bpf_iter_link_info has anonymous members; 0 is no restriction. */
static inline int kiter_iterator_attach(int program, __u32 pid, __u32 tid)
{
	union bpf_iter_link_info info = { .task = { .tid = tid, .pid = pid } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));

	return bpf_link_create(program, 0, BPF_TRACE_ITER, pid || tid ? &opts : NULL);
}

/* The cgroup of a directory and all below it; 0 is the root of version 2. */
static inline int kiter_cgroup_iterator_attach(int program, int directory)
{
	union bpf_iter_link_info info = {
		.cgroup = { .order = BPF_CGROUP_ITER_DESCENDANTS_PRE, .cgroup_fd = (__u32)directory },
	};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));

	return bpf_link_create(program, 0, BPF_TRACE_ITER, &opts);
}

static inline int kiter_iterator_attach_map(int program, int map)
{
	union bpf_iter_link_info info = { .map = { .map_fd = (__u32)map } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));

	return bpf_link_create(program, 0, BPF_TRACE_ITER, &opts);
}

/*
 * By number: sys/mount.h would bring struct timespec, which is Glibc's to declare. Returns an error
 * number, 0 if good.
 */
static inline int kiter_mount_bpffs(const char *path)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return syscall(SYS_mount, "kiter", path, "bpf", flags, "mode=0755") ? errno : 0;
}

/* struct statfs is declared where Swift's Glibc does not look. */
static inline int kiter_is_on_bpffs(int descriptor)
{
	struct statfs system;

	return fstatfs(descriptor, &system) == 0 && system.f_type == BPF_FS_MAGIC;
}

/* syscall(2) is variadic, and glibc 2.35 was the first with a wrapper. */
static inline int kiter_pidfd_open(int pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

/* Only libcap has a wrapper for capget(2). 0 if the kernel does not answer. */
static inline __u64 kiter_effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (__u64)data[1].effective << 32 | data[0].effective;
}

/* Gives up all other capabilities, for good. Keeps those that it has if the kernel refuses. */
static inline void kiter_keep_capabilities(__u64 wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return;
	for (int half = 0; half < 2; half++) {
		__u32 kept = half ? wanted >> 32 : wanted;

		data[half].effective &= kept;
		data[half].permitted &= kept;
		data[half].inheritable &= kept;
	}
	syscall(SYS_capset, &header, data);
}

/* BTF_KIND_FUNC is an enumerator and a macro of the same name. */
static inline int kiter_btf_find_function(const struct btf *types, const char *name)
{
	return btf__find_by_name_kind(types, name, BTF_KIND_FUNC);
}

static inline int kiter_btf_find_struct(const struct btf *types, const char *name)
{
	return btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
}

/* The members lie behind the type itself, where Swift sees none. */
struct kiter_btf_member {
	__u32 name, type, bit_offset;
};

static inline __u32 kiter_btf_member_count(const struct btf_type *type)
{
	return btf_vlen(type);
}

static inline struct kiter_btf_member kiter_btf_member(const struct btf_type *type, __u32 index)
{
	const struct btf_member *member = btf_members(type) + index;

	return (struct kiter_btf_member){ member->name_off, member->type,
					  btf_member_bit_offset(type, index) };
}

static inline int kiter_btf_is_struct(const struct btf_type *type)
{
	return btf_is_struct(type);
}

/* A va_list cannot be read twice in Swift. The caller frees the text. */
static inline char *kiter_format(const char *format, va_list arguments)
{
	va_list copy;

	va_copy(copy, arguments);
	int length = vsnprintf(NULL, 0, format, copy);
	va_end(copy);
	char *text = length < 0 ? NULL : (char *)malloc((size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

/* In no header that Swift has, or variadic. They return a negative error number. */
static inline int kiter_pidfd_getfd(int process, __u32 number)
{
	int descriptor = (int)syscall(SYS_pidfd_getfd, process, number, 0);

	return descriptor < 0 ? -errno : descriptor;
}

static inline int kiter_network_of_socket(int socket)
{
	int descriptor = (int)syscall(SYS_ioctl, socket, SIOCGSKNS);

	return descriptor < 0 ? -errno : descriptor;
}

static inline int kiter_enter_network(int network)
{
	return syscall(SYS_setns, network, CLONE_NEWNET) < 0 ? -errno : 0;
}
