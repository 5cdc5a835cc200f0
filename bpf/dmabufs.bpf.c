// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/dmabuf: one object for each buffer that devices share, whoever made it.
 *
 * The kernel does not go on with such a walk behind the first buffer of its file, and does not say
 * so (dma_buf_iter_seq_start()). So there is a second program, which stores records in memory,
 * and the first one serves nobody but --engine seq on a host with few buffers.
 */
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic_long_t;

/* References but for the first one. */
typedef struct {
	atomic_long_t refcnt;
} file_ref_t;

struct file___ref {
	file_ref_t f_ref;
};

struct module {
	char name[56];
};

struct dma_buf {
	u64 size;
	struct file *file;
	const char *exp_name;
	const char *name;
	struct module *owner; /* NULL: built into the kernel */
};

struct bpf_iter__dmabuf {
	struct bpf_iter_meta *meta;
	struct dma_buf *dmabuf;
};

#pragma clang attribute pop

#include "dmabufs.gen.h"
#include "stored.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void put_fields(struct kiter_writer *w, struct dma_buf *trusted)
{
	struct dma_buf *buffer = UNTRUSTED(struct dma_buf, trusted);
	struct file *file = buffer->file;

	PUT(w, inode, BPF_CORE_READ(file, f_inode, i_ino));
	PUT(w, device, BPF_CORE_READ(file, f_inode, i_sb, s_dev));
	PUT(w, size_bytes, buffer->size);
	/* The walk itself holds another one. */
	PUT(w, refcount, BPF_CORE_READ((struct file___ref *)file, f_ref.refcnt.counter));
	PUT_STRING(w, exporter, buffer->exp_name, 64);
	if (buffer->name)
		PUT_STRING(w, name, buffer->name, 32);
	if (buffer->owner)
		PUT_STRING(w, module, buffer->owner->name, 56);
}

SEC("iter/dmabuf")
int dmabufs(struct bpf_iter__dmabuf *ctx)
{
	struct dma_buf *buffer = ctx->dmabuf;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!buffer)
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_dmabufs))
		return KITER_RETRY;
	put_fields(&w, buffer);
	return kiter_emit(&w);
}

SEC("iter/dmabuf")
int dmabufs_direct(struct bpf_iter__dmabuf *ctx)
{
	struct dma_buf *buffer = ctx->dmabuf;
	struct kiter_writer w;

	if (!buffer || !kiter_stored_begin(&w, KITER_PROGRAM_dmabufs))
		return 0;
	put_fields(&w, buffer);
	return kiter_stored_emit(&w);
}
