/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How an iterator stores records in memory, and writes nothing to its file: for walks of which the
 * kernel gives no more than one buffer. Included behind the generated header.
 *
 *	SEC("iter/name")
 *	int name_direct(struct bpf_iter__name *ctx)
 *	{
 *		struct kiter_writer w;
 *		if (!ctx->object || !kiter_stored_begin(&w, KITER_PROGRAM_name))
 *			return 0;
 *		PUT(&w, id, …);
 *		return kiter_stored_emit(&w);
 *	}
 *
 * For one reader, whose walk no other run may disturb.
 */
#pragma once

#define KITER_CHUNK_BYTES (0x20000u - sizeof(u64))

/* Whole records, one behind the other. */
struct kiter_chunk {
	u64 used;
	u8 bytes[KITER_CHUNK_BYTES];
};

/* The loader says how many there are: none for the other program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 0);
	__type(key, u32);
	__type(value, struct kiter_chunk);
} kiter_chunks SEC(".maps");

/* Kept from one object to the next; the reader clears it, and finds here what the walk took. */
struct kiter_walk {
	u32 chunk; /* the one in use; it goes on where there are no more, to say how many it takes */
	u32 at; /* bytes of it */
	/* Where a part of the walk began, for kiter_stored_part(). */
	u32 part_chunk, part_at;
	u64 part, version;
	u32 has_returned; /* to the begin of a part */
	u32 is_torn; /* and then left objects out */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kiter_walk);
} kiter_walks SEC(".maps");

/* Room for a record, or the preamble; NULL where there is none any more, which is counted. */
static __always_inline u8 *kiter_room(u64 size)
{
	u32 first = 0;
	struct kiter_walk *walk = bpf_map_lookup_elem(&kiter_walks, &first);
	if (!walk)
		return NULL;
	u64 at = walk->at;
	if (at > KITER_CHUNK_BYTES - KITER_RECORD_MAX) {
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

/* An empty record; the preamble is before the first. */
static __always_inline int kiter_stored_begin(struct kiter_writer *w, u16 program)
{
	u32 first = 0;
	struct kiter_walk *walk = bpf_map_lookup_elem(&kiter_walks, &first);

	if (walk && !walk->chunk && !walk->at) {
		u8 *to = kiter_room(sizeof(struct kiter_preamble));

		if (to)
			*(struct kiter_preamble *)to = kiter_make_preamble();
	}
	w->slot = bpf_map_lookup_elem(&kiter_slots, &first);
	if (!w->slot)
		return 0;
	kiter_start(w, program);
	return 1;
}

/* After so many objects that wrote nothing, the kernel leaves off, and goes on from their count. */
#define KITER_OBJECTS_MAX 1000000

/*
 * Says which part of the walk an object belongs to, and its version: where the kernel begins with the
 * part again when that changes, so that what was stored of it comes once more and is dropped here.
 */
static __always_inline void kiter_stored_part(struct bpf_iter_meta *meta, u64 part, u64 version)
{
	u32 first = 0;
	struct kiter_walk *walk = bpf_map_lookup_elem(&kiter_walks, &first);

	if (!walk)
		return;
	if (walk->part != part) {
		walk->part = part;
		walk->part_chunk = walk->chunk;
		walk->part_at = walk->at;
	} else if (walk->version != version) {
		u32 key = walk->part_chunk;
		struct kiter_chunk *chunk = bpf_map_lookup_elem(&kiter_chunks, &key);

		walk->chunk = walk->part_chunk;
		walk->at = walk->part_at;
		if (chunk)
			chunk->used = walk->at;
		walk->has_returned = 1;
	}
	walk->version = version;
	if (walk->has_returned && meta->seq_num >= KITER_OBJECTS_MAX - 1)
		walk->is_torn = 1;
}

/* Stores the record. */
static __always_inline int kiter_stored_emit(struct kiter_writer *w)
{
	u64 size = END(w);

	if (!kiter_matches(w))
		return 0;
	if (size > KITER_RECORD_MAX)
		size = KITER_RECORD_MAX;
	u8 *to = kiter_room(size);

	if (to)
		bpf_probe_read_kernel(to, size, w->slot->bytes);
	return 0;
}
