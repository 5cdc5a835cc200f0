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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
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

/* union bpf_iter_link_info has anonymous members; 0 is no restriction. */
static inline int kiter_iterator_attach(int program, __u32 pid, __u32 tid)
{
	union bpf_iter_link_info info = { .task = { .tid = tid, .pid = pid } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));

	return bpf_link_create(program, 0, BPF_TRACE_ITER, pid || tid ? &opts : NULL);
}

/* The flags are enumerators and macros of the same names. Returns an error number, 0 if good. */
static inline int kiter_mount_bpffs(const char *path)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return mount("kiter", path, "bpf", flags, "mode=0755") ? errno : 0;
}

/* struct statfs is declared where Swift's Glibc does not look. */
static inline int kiter_is_on_bpffs(int descriptor)
{
	struct statfs system;

	return fstatfs(descriptor, &system) == 0 && system.f_type == BPF_FS_MAGIC;
}

/* syscall(2) is variadic. The effective capabilities of this thread. */
static inline __u64 kiter_effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (__u64)data[1].effective << 32 | data[0].effective;
}

/* syscall(2) is variadic, and glibc 2.35 was the first with a wrapper. */
static inline int kiter_pidfd_open(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* BTF_KIND_FUNC is an enumerator and a macro of the same name. */
static inline int kiter_btf_find_function(const struct btf *types, const char *name)
{
	return btf__find_by_name_kind(types, name, BTF_KIND_FUNC);
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
