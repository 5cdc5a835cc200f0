/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a program walks by itself (SEC("syscall"), with the kernel's open-coded iterators, Linux 6.7)
 * and stores records in memory that the reader has mapped: several times faster than the seq_file,
 * for which the kernel begins and ends the program for each object.
 *
 *	int name_store(struct kiter_walk *walk)
 *	{
 *		struct kiter_writer w;
 *		if (!walk || !kiter_resume(&w, KITER_PROGRAM_name))
 *			return 1;
 *		PUT(&w, pid, …);	from walk->object
 *		return kiter_store(&w, walk, pid);
 *	}
 *
 *	struct kiter_walk walk = {};
 *	kiter_direct_begin(&walk);
 *	for each object:
 *		kiter_visit(&walk, object, name_store);
 *	return kiter_direct_end(context, &walk);
 *
 * What is done with an object is a function that is not static: the verifier looks at it once, by
 * itself. Inside the loop it would follow each way through one object into the next (5,000
 * instructions to verify become a million).
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

/* A walk, and what the reader learns of it. */
struct kiter_walk {
	void *object; /* no pointer any more to the verifier, in another function */
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

/* Writes the preamble. */
static __always_inline void kiter_direct_begin(struct kiter_walk *walk)
{
	u8 *to = kiter_room(walk, sizeof(struct kiter_preamble));

	if (to)
		*(struct kiter_preamble *)to = kiter_make_preamble();
}

/* Tells the reader. */
static __always_inline int kiter_direct_end(struct kiter_walk *context, struct kiter_walk *walk)
{
	walk->object = NULL;
	*context = *walk;
	return 0;
}

/* Has `store` look at an object, again if it says 0: that the object changed meanwhile. */
static __always_inline void kiter_visit(struct kiter_walk *walk, void *object,
					int (*store)(struct kiter_walk *walk))
{
	struct bpf_iter_num tries;
	int is_done = 0;

	walk->object = object;
	/* Nearly always: a loop costs more than what is in it. */
	if (store(walk))
		return;
	bpf_iter_num_new(&tries, 1, KITER_TRIES);
	while (!is_done && bpf_iter_num_next(&tries))
		is_done = store(walk);
	bpf_iter_num_destroy(&tries);
	if (!is_done)
		walk->torn++;
}

/* An empty record for the walk's object. The one reader has the one slot to itself. */
static __always_inline int kiter_resume(struct kiter_writer *w, u16 program)
{
	u32 first = 0;

	w->slot = bpf_map_lookup_elem(&kiter_slots, &first);
	if (!w->slot)
		return 0;
	kiter_start(w, program);
	return 1;
}

/* Stores the record. Rows are shown by rising `order`, where a walk has another one. */
static __always_inline int kiter_store(struct kiter_writer *w, struct kiter_walk *walk, u32 order)
{
	u64 size = END(w);

	if (!kiter_matches(w))
		return 1;
	if (size > KITER_STORE_MAX) {
		walk->too_long++;
		return 1;
	}
	w->record->order = order;
	u8 *to = kiter_room(walk, size);

	if (to)
		bpf_probe_read_kernel(to, size, w->slot->bytes);
	walk->records++;
	return 1;
}
