// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/bpf_link: one object for each BPF link of the system. What a type keeps is around its link. */
#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic64_t;

struct btf {
	u32 id;
};

struct bpf_map {
	u32 id;
	char name[16];
};

struct bpf_prog_aux {
	u32 id;
	const char *attach_func_name;
};

struct bpf_prog {
	enum bpf_attach_type expected_attach_type;
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	atomic64_t refcnt;
	u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
	enum bpf_attach_type attach_type; /* 6.18; before it is the types' own */
	u32 flags; /* of probes of many places; theirs before */
};

struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};

struct tracepoint {
	const char *name;
};

struct bpf_raw_event_map {
	struct tracepoint *tp;
};

struct bpf_raw_tp_link {
	struct bpf_link link;
	struct bpf_raw_event_map *btp;
	u64 cookie; /* 6.10 */
};

struct bpf_tramp_link {
	struct bpf_link link;
	u64 cookie;
};

/* 7.3 */
struct bpf_tramp_node {
	u64 cookie;
};

struct bpf_tramp_link___node {
	struct bpf_tramp_node node;
};

struct bpf_trampoline {
	u64 key;
};

struct bpf_tracing_link {
	struct bpf_tramp_link link;
	struct bpf_trampoline *trampoline;
};

struct bpf_tracing_link___attach_type {
	enum bpf_attach_type attach_type;
};

struct bpf_iter_reg {
	const char *target;
};

struct bpf_iter_target_info {
	struct bpf_iter_reg *reg_info;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct bpf_iter_aux_info {
	struct bpf_map *map;
	struct {
		struct cgroup *start;
	} cgroup;
};

struct bpf_iter_link {
	struct bpf_link link;
	struct bpf_iter_aux_info aux;
	struct bpf_iter_target_info *tinfo;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	u32 ifindex;
	possible_net_t nd_net;
	char name[16];
};

struct bpf_xdp_link {
	struct bpf_link link;
	struct net_device *dev; /* NULL once the device has gone, as in those below */
	u32 flags;
};

struct tcx_link {
	struct bpf_link link;
	struct net_device *dev;
};

struct tcx_link___attach_type {
	u32 location;
};

struct netkit_link {
	struct bpf_link link;
	struct net_device *dev;
};

struct netkit_link___attach_type {
	u32 location;
};

struct bpf_netns_link {
	struct bpf_link link;
	struct net *net;
};

struct bpf_netns_link___attach_type {
	enum bpf_attach_type type;
};

struct bpf_cgroup_link {
	struct bpf_link link;
	struct cgroup *cgroup;
};

struct bpf_cgroup_link___attach_type {
	enum bpf_attach_type type;
};

struct nf_hook_ops {
	u8 pf;
	u32 hooknum;
	s32 priority;
};

struct bpf_nf_link {
	struct bpf_link link;
	struct nf_hook_ops hook_ops;
	struct net *net;
};

struct bpf_kprobe_multi_link {
	struct bpf_link link;
	u32 cnt;
	u32 flags;
};

struct bpf_uprobe_multi_link {
	struct path path;
	struct bpf_link link;
	u32 cnt;
	u32 flags;
	struct task_struct *task;
};

struct bpf_struct_ops_link {
	struct bpf_link link;
	struct bpf_map *map;
};

struct sockmap_link {
	struct bpf_link link;
	struct bpf_map *map;
};

struct sockmap_link___attach_type {
	enum bpf_attach_type attach_type;
};

struct trace_probe_event;

struct trace_event_call {
	const char *name; /* in a union with the tracepoint */
	struct tracepoint *tp;
	u32 flags;
};

struct trace_probe_event {
	struct trace_event_call call;
	struct list_head probes;
};

struct trace_probe {
	struct list_head list;
};

struct kprobe {
	u32 offset;
};

struct kretprobe {
	struct kprobe kp;
	void *handler;
};

struct trace_kprobe {
	struct kretprobe rp;
	const char *symbol;
	struct trace_probe tp;
};

struct uprobe_consumer {
	void *ret_handler;
};

struct trace_uprobe {
	struct uprobe_consumer consumer;
	const char *filename;
	unsigned long offset;
	struct trace_probe tp;
};

struct perf_event_attr {
	u32 type;
	u64 config;
};

struct perf_event {
	struct perf_event_attr attr;
	struct trace_event_call *tp_event;
	u64 bpf_cookie;
};

struct bpf_perf_link {
	struct bpf_link link;
	struct file *perf_file;
};

#pragma clang attribute pop

#include "links.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* TRACE_EVENT_FL_*: include/linux/trace_events.h */
enum { EVENT_OF_TRACEPOINT = 1 << 3, EVENT_OF_KPROBE = 1 << 5, EVENT_OF_UPROBE = 1 << 6 };

/* The structure around a member, whose place in it the running kernel knows. */
#define AROUND(type, member, address)                                                              \
	((type *)((u64)(address) - bpf_core_field_offset(type, member)))

#define NAME_MAX_BYTES 256

static __always_inline void put_name(struct kiter_writer *w, const void *name)
{
	u64 address = (u64)name;

	if (address)
		PUT_STRING(w, target, address, NAME_MAX_BYTES);
}

/* No cookie is the cookie 0. */
static __always_inline void put_cookie(struct kiter_writer *w, u64 cookie)
{
	PUT_IF(w, cookie, cookie, cookie);
}

static __always_inline void put_net_ns(struct kiter_writer *w, struct net *net)
{
	if (net)
		PUT(w, net_ns, BPF_CORE_READ(net, ns.inum));
}

static __always_inline void put_device(struct kiter_writer *w, struct net_device *device)
{
	if (!device)
		return;
	PUT(w, ifindex, BPF_CORE_READ(device, ifindex));
	put_net_ns(w, BPF_CORE_READ(device, nd_net.net));
	put_name(w, &device->name);
}

static __always_inline void put_map(struct kiter_writer *w, struct bpf_map *map)
{
	if (map)
		PUT(w, map_id, BPF_CORE_READ(map, id));
}

static __always_inline void put_named_map(struct kiter_writer *w, struct bpf_map *map)
{
	put_map(w, map);
	if (map)
		put_name(w, &map->name);
}

static __always_inline void put_cgroup(struct kiter_writer *w, struct cgroup *cgroup)
{
	if (cgroup)
		PUT(w, cgroup_id, BPF_CORE_READ(cgroup, kn, id));
}

static __always_inline void put_raw_tracepoint(struct kiter_writer *w, u64 address)
{
	struct bpf_raw_tp_link *link = AROUND(struct bpf_raw_tp_link, link, address);

	put_name(w, BPF_CORE_READ(link, btp, tp, name));
	if (bpf_core_field_exists(link->cookie))
		put_cookie(w, BPF_CORE_READ(link, cookie));
}

/* bpf_trampoline_unpack_key(): the object, a program if the high bit is not set, and its type. */
static __always_inline void put_tracing(struct kiter_writer *w, u64 address, struct bpf_prog *prog)
{
	struct bpf_tramp_link *tramp = AROUND(struct bpf_tramp_link, link, address);
	struct bpf_tracing_link *link = AROUND(struct bpf_tracing_link, link, tramp);
	u64 key = BPF_CORE_READ(link, trampoline, key);

	if (bpf_core_field_exists(tramp->cookie))
		put_cookie(w, BPF_CORE_READ(tramp, cookie));
	else
		put_cookie(w, BPF_CORE_READ((struct bpf_tramp_link___node *)tramp, node.cookie));
	PUT_IF(w, key, target_id, key >> 32);
	PUT_IF(w, key, target_btf_id, key & 0x7fffffff);
	put_name(w, BPF_CORE_READ(prog, aux, attach_func_name));
}

static __always_inline void put_iterator(struct kiter_writer *w, u64 address)
{
	struct bpf_iter_link *link = AROUND(struct bpf_iter_link, link, address);

	put_name(w, BPF_CORE_READ(link, tinfo, reg_info, target));
	put_map(w, BPF_CORE_READ(link, aux.map));
	put_cgroup(w, BPF_CORE_READ(link, aux.cgroup.start));
}

static __always_inline void put_kprobe(struct kiter_writer *w, struct trace_probe *probe)
{
	struct trace_kprobe *kprobe = AROUND(struct trace_kprobe, tp, probe);

	PUT(w, event,
	    BPF_CORE_READ(kprobe, rp.handler) ? KITER_link_event_kretprobe : KITER_link_event_kprobe);
	PUT(w, offset, BPF_CORE_READ(kprobe, rp.kp.offset));
	put_name(w, BPF_CORE_READ(kprobe, symbol));
}

static __always_inline void put_uprobe(struct kiter_writer *w, struct trace_probe *probe)
{
	struct trace_uprobe *uprobe = AROUND(struct trace_uprobe, tp, probe);

	PUT(w, event,
	    BPF_CORE_READ(uprobe, consumer.ret_handler) ? KITER_link_event_uretprobe
							: KITER_link_event_uprobe);
	PUT(w, offset, BPF_CORE_READ(uprobe, offset));
	put_name(w, BPF_CORE_READ(uprobe, filename));
}

/* trace_probe_primary_from_call(): the first of the event's probes. */
static __always_inline struct trace_probe *first_probe(struct trace_event_call *call)
{
	struct trace_probe_event *event = AROUND(struct trace_probe_event, call, call);

	return AROUND(struct trace_probe, list, BPF_CORE_READ(event, probes.next));
}

static __always_inline void put_traced_event(struct kiter_writer *w, struct trace_event_call *call)
{
	u32 flags = JOIN(w, BPF_CORE_READ(call, flags));

	if (flags & EVENT_OF_TRACEPOINT) {
		PUT(w, event, KITER_link_event_tracepoint);
		put_name(w, BPF_CORE_READ(call, tp, name));
	} else if (flags & EVENT_OF_KPROBE) {
		if (bpf_core_type_exists(struct trace_kprobe))
			put_kprobe(w, first_probe(call));
	} else if (flags & EVENT_OF_UPROBE) {
		if (bpf_core_type_exists(struct trace_uprobe))
			put_uprobe(w, first_probe(call));
	} else {
		PUT(w, event, KITER_link_event_tracepoint);
		put_name(w, BPF_CORE_READ(call, name));
	}
}

static __always_inline void put_perf_event(struct kiter_writer *w, u64 address)
{
	struct bpf_perf_link *link = AROUND(struct bpf_perf_link, link, address);
	struct perf_event *event = BPF_CORE_READ(link, perf_file, private_data);
	struct trace_event_call *call = NULL;

	if (!event)
		return;
	PUT(w, perf_type, BPF_CORE_READ(event, attr.type));
	PUT(w, perf_config, BPF_CORE_READ(event, attr.config));
	put_cookie(w, BPF_CORE_READ(event, bpf_cookie));
	if (bpf_core_field_exists(event->tp_event))
		call = BPF_CORE_READ(event, tp_event);
	if (call)
		put_traced_event(w, call);
	else
		PUT(w, event, KITER_link_event_event);
}

static __always_inline void put_netfilter(struct kiter_writer *w, u64 address)
{
	struct bpf_nf_link *link = AROUND(struct bpf_nf_link, link, address);

	PUT(w, pf, BPF_CORE_READ(link, hook_ops.pf));
	PUT(w, hook, BPF_CORE_READ(link, hook_ops.hooknum));
	PUT(w, priority, BPF_CORE_READ(link, hook_ops.priority));
	put_net_ns(w, BPF_CORE_READ(link, net));
}

/* What a type keeps itself, before all links do. */
#define PUT_PROBE_FLAGS(w, link)                                                                   \
	do {                                                                                       \
		if (bpf_core_field_exists((link)->link.flags))                                     \
			PUT(w, flags, BPF_CORE_READ(link, link.flags));                            \
		else if (bpf_core_field_exists((link)->flags))                                     \
			PUT(w, flags, BPF_CORE_READ(link, flags));                                 \
	} while (0)

static __always_inline void put_kprobe_multi(struct kiter_writer *w, u64 address)
{
	struct bpf_kprobe_multi_link *link = AROUND(struct bpf_kprobe_multi_link, link, address);

	PUT(w, count, BPF_CORE_READ(link, cnt));
	PUT_PROBE_FLAGS(w, link);
}

static __always_inline void put_uprobe_multi(struct kiter_writer *w, u64 address)
{
	struct bpf_uprobe_multi_link *link = AROUND(struct bpf_uprobe_multi_link, link, address);
	struct task_struct *task = BPF_CORE_READ(link, task);

	PUT(w, count, BPF_CORE_READ(link, cnt));
	PUT_PROBE_FLAGS(w, link);
	PUT_IF(w, task, host_pid, BPF_CORE_READ(task, tgid));
	put_name(w, BPF_CORE_READ(link, path.dentry, d_name.name));
}

/* Where a link is attached, of the types of 6.1; a kernel may be built without any of them. */
static __always_inline void put_first_types(struct kiter_writer *w, u64 address, u32 type,
					    struct bpf_prog *prog)
{
	switch (type) {
	case KITER_link_type_raw_tracepoint:
		if (bpf_core_type_exists(struct bpf_raw_tp_link))
			put_raw_tracepoint(w, address);
		break;
	case KITER_link_type_tracing:
		if (bpf_core_type_exists(struct bpf_tracing_link))
			put_tracing(w, address, prog);
		break;
	case KITER_link_type_cgroup:
		if (bpf_core_type_exists(struct bpf_cgroup_link))
			put_cgroup(w, BPF_CORE_READ(
					      AROUND(struct bpf_cgroup_link, link, address), cgroup));
		break;
	case KITER_link_type_iter:
		put_iterator(w, address);
		break;
	case KITER_link_type_netns:
		if (bpf_core_type_exists(struct bpf_netns_link))
			put_net_ns(w,
				   BPF_CORE_READ(AROUND(struct bpf_netns_link, link, address), net));
		break;
	case KITER_link_type_xdp:
		if (bpf_core_type_exists(struct bpf_xdp_link)) {
			struct bpf_xdp_link *xdp = AROUND(struct bpf_xdp_link, link, address);

			PUT(w, flags, BPF_CORE_READ(xdp, flags));
			put_device(w, BPF_CORE_READ(xdp, dev));
		}
		break;
	case KITER_link_type_perf_event:
		if (bpf_core_type_exists(struct bpf_perf_link))
			put_perf_event(w, address);
		break;
	case KITER_link_type_kprobe_multi:
		if (bpf_core_type_exists(struct bpf_kprobe_multi_link))
			put_kprobe_multi(w, address);
		break;
	}
}

/* And of those that came later. */
static __always_inline void put_later_types(struct kiter_writer *w, u64 address, u32 type)
{
	switch (type) {
	case KITER_link_type_struct_ops:
		if (bpf_core_field_exists(struct bpf_struct_ops_link, map))
			put_named_map(w, BPF_CORE_READ(AROUND(struct bpf_struct_ops_link, link,
							      address), map));
		break;
	case KITER_link_type_netfilter:
		if (bpf_core_type_exists(struct bpf_nf_link))
			put_netfilter(w, address);
		break;
	case KITER_link_type_tcx:
		if (bpf_core_type_exists(struct tcx_link))
			put_device(w, BPF_CORE_READ(AROUND(struct tcx_link, link, address), dev));
		break;
	case KITER_link_type_uprobe_multi:
		if (bpf_core_type_exists(struct bpf_uprobe_multi_link))
			put_uprobe_multi(w, address);
		break;
	case KITER_link_type_netkit:
		if (bpf_core_type_exists(struct netkit_link))
			put_device(w, BPF_CORE_READ(AROUND(struct netkit_link, link, address), dev));
		break;
	case KITER_link_type_sockmap:
		if (bpf_core_type_exists(struct sockmap_link))
			put_named_map(w, BPF_CORE_READ(AROUND(struct sockmap_link, link, address),
						       map));
		break;
	}
}

#define OWN_ATTACH_TYPE(type, member, address)                                                     \
	do {                                                                                       \
		if (bpf_core_field_exists(struct type, member))                                    \
			attach_type = BPF_CORE_READ((struct type *)(address), member);             \
	} while (0)

static __always_inline u32 attach_type_of(struct bpf_link *link, u64 address, u32 type)
{
	u32 attach_type = 0;

	if (bpf_core_field_exists(link->attach_type))
		return BPF_CORE_READ((struct bpf_link *)address, attach_type);
	if (type == KITER_link_type_tracing)
		OWN_ATTACH_TYPE(bpf_tracing_link___attach_type, attach_type, address);
	else if (type == KITER_link_type_cgroup)
		OWN_ATTACH_TYPE(bpf_cgroup_link___attach_type, type, address);
	else if (type == KITER_link_type_netns)
		OWN_ATTACH_TYPE(bpf_netns_link___attach_type, type, address);
	else if (type == KITER_link_type_tcx)
		OWN_ATTACH_TYPE(tcx_link___attach_type, location, address);
	else if (type == KITER_link_type_netkit)
		OWN_ATTACH_TYPE(netkit_link___attach_type, location, address);
	else if (type == KITER_link_type_sockmap)
		OWN_ATTACH_TYPE(sockmap_link___attach_type, attach_type, address);
	else if (type == KITER_link_type_xdp)
		attach_type = KITER_attach_type_xdp;
	else if (type == KITER_link_type_perf_event)
		attach_type = KITER_attach_type_perf_event;
	else if (type == KITER_link_type_struct_ops)
		attach_type = KITER_attach_type_struct_ops;
	else if (type != KITER_link_type_raw_tracepoint)
		/* Those of one program each: it was loaded for that. */
		attach_type = BPF_CORE_READ(link, prog, expected_attach_type);
	return attach_type;
}

static __always_inline void put_attach_type(struct kiter_writer *w, struct bpf_link *link,
					    u64 address, u32 type)
{
	if (!WANT(attach_type))
		return;
	u32 attach_type = JOIN(w, attach_type_of(link, address, type));
	/* 0 is the name of one, and of none. */
	PUT_IF(w, attach_type || type == KITER_link_type_cgroup, attach_type, attach_type);
}

SEC("iter/bpf_link")
int links(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *trusted = ctx->link;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct bpf_link *link = UNTRUSTED(struct bpf_link, trusted);
	struct bpf_prog *prog = link->prog;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_links))
		return KITER_RETRY;
	u64 address = JOIN(&w, address_of(trusted));
	u32 type = JOIN(&w, link->type);
	PUT(&w, id, link->id);
	PUT(&w, type, type);
	if (prog)
		PUT(&w, prog_id, BPF_CORE_READ(prog, aux, id));
	/* The walk itself holds one. */
	PUT(&w, refcount, link->refcnt.counter - 1);
	put_attach_type(&w, link, address, type);
	put_first_types(&w, address, type, prog);
	put_later_types(&w, address, type);
	return kiter_emit(&w);
}
