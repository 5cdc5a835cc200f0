/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The name of a task, for tables that have one (comm). Included behind the generated header. */
#pragma once

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

/* Two words, of which the last byte is 0 (__set_task_comm()): a helper call less for each task. */
static __always_inline void put_comm(struct kiter_writer *w, struct task_struct *task)
{
	if (!WANT(comm))
		return;
	u64 *to = (u64 *)TAIL(w, sizeof(task->comm)), *name = (u64 *)task->comm;

	if (!to)
		return;
	u64 first = name[0], second = name[1], length = length_in(first);

	to[0] = first;
	to[1] = second;
	TAIL_PUT(w, comm, length + (length_in(second) & -(length >> 3)));
}
