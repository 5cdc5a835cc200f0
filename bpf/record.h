/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a program writes a record. Included by the generated NAME.gen.h, which defines the table's
 * own names: struct kiter_record, KITER_BIT_*, KITER_WORDS, kiter_config and kiter_lacking().
 *
 * The shape of every program:
 *
 *	struct kiter_writer w;
 *	kiter_open(&w, ctx->meta);
 *	if (!object || !wanted_by_scope)
 *		return 0;
 *	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_name))
 *		return KITER_RETRY;
 *	PUT(&w, pid, …);
 *	return kiter_emit(&w);
 */
#pragma once

/* The kernel takes at most 32,767 bytes from one object; the preamble may precede the first. */
#define KITER_RECORD_MAX 0x7e00u
/* A write may start anywhere in a record and be as long as this: the slot has room for both. */
#define KITER_WRITE_MAX 0x7fffu
#define KITER_SLOTS_MAX 8
/* A program that returns this is called again for the same object; the reader sees EAGAIN. */
#define KITER_RETRY 1

/* Opens a stream, so that a pin, a pipe and a snapshot file describe themselves. */
struct kiter_preamble {
	u16 size;
	u16 program; /* KITER_PREAMBLE: no record has this number */
	u32 magic;
	u64 layout; /* hash of names, types and offsets */
	u64 boot_ns; /* CLOCK_BOOTTIME when the stream was opened */
	char table[16];
	u64 wanted[KITER_WORDS];
	u64 lacking[KITER_WORDS]; /* fields that this kernel does not have */
};

#define KITER_PREAMBLE 0xffff
#define KITER_MAGIC 0x3152544b /* "KTR1" */

/*
 * Scratch for one record. A program may be preempted or sleep, and a pinned link has many readers
 * at once, so scratch belongs neither to a CPU nor to the program: a run claims a slot and
 * releases it before it returns. max_entries is set at load (kiter_config.slots).
 */
struct kiter_slot {
	u32 busy;
	u32 pid; /* of the task that the run looks at, for whoever wonders why it takes so long */
	u64 joined; /* JOIN */
	union {
		u8 bytes[0x7fff + KITER_WRITE_MAX + 2];
		struct kiter_record record; /* so that the object's BTF tells its layout */
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kiter_slot);
} kiter_slots SEC(".maps");

struct kiter_writer {
	struct seq_file *seq;
	struct kiter_slot *slot;
	struct kiter_record *record; /* the start of slot->bytes */
};

/*
 * What the verifier knows of a number in a register or on the stack it keeps apart for each way on
 * which it came by, and follows each to the end. A number that comes from memory is any number, the
 * same on all ways: so this sends one through memory, and the record's end is kept there. A pointer
 * comes back as a number, too.
 */
#define JOIN(w, value)                                                                             \
	({                                                                                         \
		volatile u64 *__joined = &(w)->slot->joined;                                       \
		*__joined = (u64)(value);                                                          \
		*__joined;                                                                         \
	})
#define END(w) (*(volatile u16 *)&(w)->record->record_size)

#define KITER_WORD(field) (KITER_BIT_##field / 64)
#define KITER_MASK(field) (1ULL << (KITER_BIT_##field % 64))

/* Was this field asked for? A constant: the verifier removes the code behind an unasked one. */
#define WANT(field) (kiter_config.asked[KITER_BIT_##field])

/*
 * Was any of these asked for? Around a group of fields that are seldom asked for, it costs one look,
 * and the verifier removes them all at once; each removal costs as much as the program is long.
 */
#define KITER_FIELD(field) ((unsigned __int128)1 << KITER_BIT_##field)
#define WANT_ANY(fields)                                                                           \
	((kiter_config.want[0] & (u64)(fields)) ||                                                 \
	 (KITER_WORDS > 1 && kiter_config.want[KITER_WORDS - 1] & (u64)((fields) >> 64)))
_Static_assert(KITER_WORDS <= 2, "WANT_ANY looks at two words");

/* The two bits of a field: 10 a value, 11 a value that was cut, 00 does not apply, 01 unreadable. */
#define PRESENT(w, field) ((w)->record->present[KITER_WORD(field)] |= KITER_MASK(field))
#define CUT(w, field) ((w)->record->partial[KITER_WORD(field)] |= KITER_MASK(field))
#define UNREADABLE(w, field) CUT(w, field)

/* Stores a value, if it was asked for; the expression is not evaluated otherwise. */
#define PUT(w, field, value)                                                                       \
	do {                                                                                       \
		if (WANT(field)) {                                                                 \
			(w)->record->field = (value);                                              \
			PRESENT(w, field);                                                         \
		}                                                                                  \
	} while (0)

/* As PUT, for a value that applies only where `condition` holds. */
#define PUT_IF(w, condition, field, value)                                                         \
	do {                                                                                       \
		if (WANT(field) && (condition)) {                                                  \
			(w)->record->field = (value);                                              \
			PRESENT(w, field);                                                         \
		}                                                                                  \
	} while (0)

/*
 * Where the next text goes: `bytes` of the record's end, or NULL when fewer than `max` are left.
 * Write there, then say with TAIL_PUT how much it was.
 */
#define TAIL(w, max)                                                                               \
	({                                                                                         \
		u64 __at = END(w);                                                                 \
		__at <= KITER_RECORD_MAX - (max) ? (w)->slot->bytes + __at : (u8 *)0;              \
	})

/* `n` bytes were written at the tail for this field; n < 0: they could not be read. */
#define TAIL_PUT(w, field, n)                                                                      \
	do {                                                                                       \
		s64 __n = (n);                                                                     \
		if (__n < 0) {                                                                     \
			UNREADABLE(w, field);                                                      \
		} else {                                                                           \
			(w)->record->field.offset = END(w);                                        \
			(w)->record->field.length = __n;                                           \
			END(w) += __n;                                                             \
			PRESENT(w, field);                                                         \
		}                                                                                  \
	} while (0)

#define KITER_STRING_MAX 512

/* Verified once, not with each string; `field` and `bit` say where the string's place in it is. */
__noinline int kiter_put_string(struct kiter_slot *slot, u64 from, u32 max, u32 field, u32 bit)
{
	if (!slot || max > KITER_STRING_MAX || bit >= 64 * KITER_WORDS ||
	    field > sizeof(struct kiter_record) - sizeof(struct kiter_text))
		return 0;
	struct kiter_record *record = (struct kiter_record *)slot->bytes;
	struct kiter_text *text = (struct kiter_text *)(slot->bytes + field);
	u64 mask = 1ULL << (bit % 64), at = record->record_size & 0x7fff;
	s64 got = -1;

	if (at <= KITER_RECORD_MAX - max)
		got = bpf_probe_read_kernel_str(slot->bytes + at, max, (void *)from);
	if (got < 0) {
		record->partial[bit / 64] |= mask;
		return 0;
	}
	text->offset = at;
	text->length = got - (got > 0);
	record->record_size = at + text->length;
	record->present[bit / 64] |= mask;
	if (got == max) {
		/* It filled its room: it was cut if the byte in place of the NUL is none. */
		char last = 0;

		bpf_probe_read_kernel(&last, 1, (void *)(from + max - 1));
		if (last)
			record->partial[bit / 64] |= mask;
	}
	return 0;
}

/* Bytes of a word, in the order of memory, before the first that is 0; 8 if none is. */
static __always_inline u64 length_in(u64 word)
{
	const u64 ones = 0x0101010101010101;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	/* Bit 0 of each byte that is 0; those above the first may be wrong, but only those. */
	u64 zeros = ((word - ones) & ~word & ones << 7) >> 7;

	/* The bits below the first one: a sum of those that begin a byte. */
	return ((zeros - 1) & ~zeros & ones) * ones >> 56;
}

/* Copies a NUL-terminated kernel string of fewer than `max` bytes; a longer one is marked cut. */
#define PUT_STRING(w, field, pointer, max)                                                         \
	do {                                                                                       \
		_Static_assert((max) <= KITER_STRING_MAX, "longer than strings are");              \
		if (WANT(field))                                                                   \
			kiter_put_string((w)->slot, JOIN(w, pointer), max,                         \
					 __builtin_offsetof(struct kiter_record, field),           \
					 KITER_BIT_##field);                                       \
	} while (0)

#define IS_PRESENT(w, field) ((w)->record->present[KITER_WORD(field)] & KITER_MASK(field))

/* Is a filter's value that of the record? One that does not apply is equal to nothing. */
#define MATCHES(w, field)                                                                          \
	(IS_PRESENT(w, field) && (u64)(w)->record->field == kiter_config.match_##field)
#define MATCHES_TEXT(w, field)                                                                     \
	(IS_PRESENT(w, field) &&                                                                   \
	 kiter_is_text(w, &(w)->record->field, kiter_config.match_##field,                         \
		       kiter_config.match_##field##_length))

static __always_inline int kiter_is_text(const struct kiter_writer *w, const struct kiter_text *text,
					 const volatile char *match, u64 length)
{
	u64 bytes[KITER_MATCH_MAX / 8] = {}, at = text->offset;
	const volatile u64 *words = (const volatile u64 *)match;

	if (text->length != length || length > sizeof(bytes) || at > KITER_RECORD_MAX)
		return 0;
	bpf_probe_read_kernel(bytes, length, w->slot->bytes + at);
	for (u32 i = 0; i < KITER_MATCH_MAX / 8; i++) {
		if (bytes[i] != words[i])
			return 0;
	}
	return 1;
}

/* Generated: compares with the filters that were given. */
static __always_inline int kiter_matches(const struct kiter_writer *w);

static __always_inline struct kiter_preamble kiter_make_preamble(void)
{
	struct kiter_preamble preamble = {
		.size = sizeof(preamble),
		.program = KITER_PREAMBLE,
		.magic = KITER_MAGIC,
		.layout = KITER_LAYOUT,
		.boot_ns = bpf_ktime_get_boot_ns(),
		.table = KITER_TABLE,
	};

	for (int i = 0; i < KITER_WORDS; i++)
		preamble.wanted[i] = kiter_config.want[i];
	kiter_lacking(preamble.lacking);
	return preamble;
}

/*
 * Opens a stream: before the first object, or the end (-1 or 0) if there is none. The sequence file
 * is followed to but once: it is a trusted pointer, which costs the verifier a search for its type.
 */
static __always_inline void kiter_open(struct kiter_writer *w, struct bpf_iter_meta *meta)
{
	w->seq = meta->seq;
	if ((s64)meta->seq_num > 0)
		return;
	struct kiter_preamble preamble = kiter_make_preamble();

	bpf_seq_write(w->seq, &preamble, sizeof(preamble));
}

/*
 * Clears the fixed part, in steps of 32 bytes: a helper that clears as many as it is told takes
 * longer than all the other fields together. The tail is written behind this.
 */
static __always_inline void kiter_clear(struct kiter_slot *slot)
{
	u64 *words = (u64 *)slot->bytes;
	u32 fixed = kiter_config.fixed;

#pragma unroll
	for (u32 i = 0; i < (sizeof(struct kiter_record) + 31) / 32; i++) {
		if (fixed > 32 * i)
			words[4 * i] = words[4 * i + 1] = words[4 * i + 2] = words[4 * i + 3] = 0;
	}
}

/* An empty record in the slot. */
static __always_inline void kiter_start(struct kiter_writer *w, u16 program)
{
	w->record = (struct kiter_record *)w->slot->bytes;
	kiter_clear(w->slot);
	END(w) = kiter_config.fixed;
	w->record->program = program;
}

/* Claims a slot for this run. Starting at the session's own number spreads the readers. */
static __always_inline int kiter_begin(struct kiter_writer *w, struct bpf_iter_meta *meta,
				       u16 program)
{
	u32 first = meta->session_id;

	for (u32 i = 0; i < KITER_SLOTS_MAX && i < kiter_config.slots; i++) {
		u32 key = (first + i) % kiter_config.slots;
		struct kiter_slot *slot = bpf_map_lookup_elem(&kiter_slots, &key);

		if (!slot || __sync_lock_test_and_set(&slot->busy, 1))
			continue;
		w->slot = slot;
		kiter_start(w, program);
		return 1;
	}
	return 0;
}

/* Gives the slot back without a record. */
static __always_inline int kiter_drop(struct kiter_writer *w)
{
	__sync_fetch_and_and(&w->slot->busy, 0);
	return 0;
}

/*
 * Sends the record. When the kernel's buffer is full it discards these bytes and runs the program
 * again for the same object after the reader has taken the others.
 */
static __always_inline int kiter_emit(struct kiter_writer *w)
{
	u64 size = END(w);

	if (!kiter_matches(w))
		return kiter_drop(w);
	if (size > KITER_RECORD_MAX)
		size = KITER_RECORD_MAX;
	bpf_seq_write(w->seq, w->slot->bytes, size);
	return kiter_drop(w);
}
