/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Symbols as the kernel prints them (kernel/kallsyms.c, __sprint_symbol()), and what to find there. */
#pragma once

#include "kernel.h"

#define SYMBOL_MAX 1024u

struct symbol_search {
	const char *text;
	u64 length;
	char wanted;
	u64 found;
};

static int look_from_end(u32 step, struct symbol_search *search)
{
	u64 at = (search->length - step) & (SYMBOL_MAX - 1);

	if (search->text[at] != search->wanted)
		return 0;
	search->found = at;
	return 1;
}

/* Where a character last is in a text of so many bytes, with its end; 0 if it is not there. */
static __always_inline u64 find_last(const char *text, u64 length, char wanted)
{
	struct symbol_search search = { .text = text, .length = length - 1, .wanted = wanted };

	bpf_loop(length, look_from_end, &search, 0);
	return search.found & (SYMBOL_MAX - 1);
}
