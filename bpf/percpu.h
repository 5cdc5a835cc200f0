/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Per-CPU objects of the kernel: where each CPU's copy is. */
#pragma once

#include "kernel.h"

struct bpf_array {
	void *pptrs[1];
} __attribute__((preserve_access_index));

/* Any per-CPU map: from the base to a CPU's copy it is as far as for every per-CPU object. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} percpu_anchor SEC(".maps");

/* That base, as a number. */
static __always_inline u64 anchor_base(void)
{
	u64 base = 0, pointers = bpf_core_field_offset(struct bpf_array, pptrs);

	bpf_probe_read_kernel(&base, sizeof(base), (void *)(address_of(&percpu_anchor) + pointers));
	return base;
}

/* How far a CPU's copy is from the base, which is as far as the anchor's; 0 if there is no such CPU. */
static __always_inline int distance_to(u32 cpu, u64 anchor, u64 *distance)
{
	u32 zero = 0;
	void *copy = bpf_map_lookup_percpu_elem(&percpu_anchor, &zero, cpu);

	if (!copy)
		return 0;
	*distance = address_of(copy) - anchor;
	return 1;
}
