/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a program walks by itself (SEC("syscall"), with the kernel's open-coded iterators, Linux 6.7)
 * and stores records in memory that the reader has mapped: several times faster than the seq_file,
 * which begins and ends a program for each object.
 *
 *	struct kiter_writer w;
 *	if (!kiter_direct_begin(&w, walk))
 *		return KITER_RETRY;
 *	for each object:
 *		kiter_clear(&w, KITER_PROGRAM_name);
 *		PUT(&w, pid, …);
 *		kiter_store(&w, walk, pid);
 *	return kiter_drop(&w);
 */
#pragma once

/* How often one object is looked at that changes each time. */
#define KITER_TRIES 100
/* What a record without a command line takes at most. */
#define KITER_STORE_MAX 0x3000u
#define KITER_CHUNK_BYTES (0x20000u - sizeof(u64))

/* A part of the mapped memory: whole records, one behind the other. */
struct kiter_chunk {
	u64 used;
	u8 bytes[KITER_CHUNK_BYTES];
};

/* The loader says how many there are: none where no program walks by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 0);
	__type(key, u32);
	__type(value, struct kiter_chunk);
} kiter_chunks SEC(".maps");

/* What a walk says of itself: the program's context. All zero at the start. */
struct kiter_walk {
	u64 at; /* bytes of the latest chunk in use */
	u32 chunk; /* its number; it goes on where there are no more of them, to say how many it takes */
	u32 records;
	u32 torn; /* objects that changed whenever they were looked at: not among the records */
	u32 too_long; /* records longer than KITER_STORE_MAX, and so not there */
};

/* A loop that the verifier does not unroll (Linux 6.4). */
struct bpf_iter_num {
	u64 opaque;
};

extern int bpf_iter_num_new(struct bpf_iter_num *loop, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *loop) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *loop) __ksym __weak;

/* Takes `size` bytes of the mapped memory; NULL where there is none any more, which is counted. */
static __always_inline u8 *kiter_room(struct kiter_walk *walk, u64 size)
{
	u64 at = walk->at;

	if (at > KITER_CHUNK_BYTES - KITER_STORE_MAX) {
		at = 0;
		walk->chunk++;
	}
	u32 key = walk->chunk;
	struct kiter_chunk *chunk = bpf_map_lookup_elem(&kiter_chunks, &key);

	walk->at = at + size;
	if (!chunk)
		return NULL;
	chunk->used = at + size;
	return chunk->bytes + at;
}

/* Claims a slot, and writes the preamble. */
static __always_inline int kiter_direct_begin(struct kiter_writer *w, struct kiter_walk *walk)
{
	if (!kiter_claim(w, 0))
		return 0;
	u8 *to = kiter_room(walk, sizeof(struct kiter_preamble));

	if (to)
		*(struct kiter_preamble *)to = kiter_make_preamble();
	return 1;
}

/* Stores the record. Rows are shown by rising `order`, where a walk has another one. */
static __always_inline void kiter_store(struct kiter_writer *w, struct kiter_walk *walk, u32 order)
{
	u64 size = w->at;

	if (size > KITER_STORE_MAX) {
		walk->too_long++;
		return;
	}
	w->record->record_size = size;
	w->record->order = order;
	u8 *to = kiter_room(walk, size);

	if (to)
		bpf_probe_read_kernel(to, size, w->slot->bytes);
	walk->records++;
}
