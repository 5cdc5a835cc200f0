// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/ipv6_route: one object for each IPv6 route of the opener's network namespace, in all tables; of
 * a multipath route one for each path, unless the paths are a group of nexthops.
 *
 * With each buffer the kernel walks from the first route to where it was, by their count, and when a
 * table changes it begins with that again. So there is a second program, which stores records in
 * memory, in one walk, and drops those that come again: 100,000 routes do not take seconds, and none is
 * there twice, or missed, because others changed. The first program is for pins.
 */
#include "net.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ipv6_devconf {
	s32 ignore_routes_with_linkdown;
};

struct inet6_dev {
	struct ipv6_devconf cnf;
};

struct net_device {
	u32 ifindex;
	possible_net_t nd_net;
	char name[16];
	struct inet6_dev *ip6_ptr;
};

struct lwtunnel_state {
	u16 type;
};

struct fib_nh_common {
	struct net_device *nhc_dev;
	u8 nhc_gw_family, nhc_flags;
	struct lwtunnel_state *nhc_lwtstate;
	struct in6_addr nhc_gw;
	s32 nhc_weight;
};

struct fib6_nh {
	struct fib_nh_common nh_common;
};

struct nh_info {
	bool reject_nh;
	struct fib6_nh fib6_nh;
};

struct nexthop {
	u32 id;
	bool is_group;
	struct nh_info *nh_info;
	struct nh_group *nh_grp;
};

struct nh_grp_entry {
	struct nexthop *nh;
	u16 weight; /* a byte before 6.12 (b72a6a7ab957) */
};

struct nh_group {
	u16 num_nh;
	struct nh_grp_entry nh_entries[];
};

struct dst_metrics {
	u32 metrics[17]; /* RTAX_*, from 1; 0 says nothing */
};

struct fib6_table {
	u32 tb6_id;
};

struct rt6key {
	struct in6_addr addr;
	s32 plen;
};

struct fib6_info {
	struct fib6_table *fib6_table;
	u32 fib6_nsiblings;
	struct refcount_struct fib6_ref;
	unsigned long expires;
	struct dst_metrics *fib6_metrics;
	struct rt6key fib6_dst, fib6_src, fib6_prefsrc;
	u32 fib6_flags, fib6_metric;
	u8 fib6_protocol, fib6_type;
	struct nexthop *nh;
	struct fib6_nh fib6_nh[];
};

/* Where the kernel's walk is: at another version of the table it begins with that again. */
struct ipv6_route_iter {
	struct fib6_table *tbl;
	s32 sernum;
};

struct seq_file___private {
	struct ipv6_route_iter *private;
};

struct bpf_iter__ipv6_route {
	struct bpf_iter_meta *meta;
	struct fib6_info *rt;
};

#pragma clang attribute pop

#include "routes.gen.h"
#include "stored.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/uapi/linux/ipv6_route.h */
#define RTF_GATEWAY 0x2
#define RTF_EXPIRES 0x400000
#define RTF_PREF(flags) ((flags) >> 27 & 3)
#define RTF_PREF_MASK 0x18000000

/* include/uapi/linux/rtnetlink.h */
enum {
	RTAX_LOCK = 1,
	RTAX_MTU,
	RTAX_WINDOW,
	RTAX_RTT,
	RTAX_RTTVAR,
	RTAX_SSTHRESH,
	RTAX_CWND,
	RTAX_ADVMSS,
	RTAX_REORDERING,
	RTAX_HOPLIMIT,
	RTAX_INITCWND,
	RTAX_FEATURES,
	RTAX_RTO_MIN,
	RTAX_INITRWND,
	RTAX_QUICKACK,
	RTAX_FASTOPEN_NO_COOKIE = 17,
};

/* A route, and what all of its paths share. */
struct route {
	struct bpf_iter_meta *meta;
	struct seq_file *seq;
	u64 address;
	u64 nexthop; /* the one that it names, and others may; or 0 */
	u64 group; /* if that is one */
	u32 paths, is_multipath;
	u32 is_busy;
};

/* One path of it. */
struct path_of_route {
	u64 address; /* fib_nh_common */
	u32 weight;
	u32 rejects;
};

#define PUT_IPV6(w, field, from)                                                                   \
	do {                                                                                       \
		if (WANT(field)) {                                                                 \
			put_address((struct address *)&(w)->record->field, AF_INET6, 0, from);     \
			PRESENT(w, field);                                                         \
		}                                                                                  \
	} while (0)

#define PUT_METRIC(w, field, metrics, number, per_unit)                                            \
	do {                                                                                       \
		if (WANT(field)) {                                                                 \
			u32 __metric = LOAD(metrics, metrics[(number) - 1]);                       \
			PUT_IF(w, __metric, field, __metric / (per_unit));                         \
		}                                                                                  \
	} while (0)

#define METRICS                                                                                    \
	(KITER_FIELD(mtu) | KITER_FIELD(window_bytes) | KITER_FIELD(rtt_ms) |                      \
	 KITER_FIELD(rtt_variance_ms) | KITER_FIELD(rto_min_ms) | KITER_FIELD(ssthresh) |          \
	 KITER_FIELD(cwnd) | KITER_FIELD(initcwnd) | KITER_FIELD(initrwnd) |                       \
	 KITER_FIELD(advmss) | KITER_FIELD(reordering) | KITER_FIELD(hop_limit) |                  \
	 KITER_FIELD(features) | KITER_FIELD(quickack) | KITER_FIELD(fastopen_no_cookie) |         \
	 KITER_FIELD(locked))

static __always_inline void put_metrics(struct kiter_writer *w, u64 route)
{
	struct dst_metrics *metrics;

	if (!WANT_ANY(METRICS))
		return;
	metrics = OBJECT(struct dst_metrics, POINTER_AT(route, fib6_info, fib6_metrics));
	PUT_METRIC(w, mtu, metrics, RTAX_MTU, 1);
	PUT_METRIC(w, window_bytes, metrics, RTAX_WINDOW, 1);
	PUT_METRIC(w, rtt_ms, metrics, RTAX_RTT, 8);
	PUT_METRIC(w, rtt_variance_ms, metrics, RTAX_RTTVAR, 4);
	PUT_METRIC(w, rto_min_ms, metrics, RTAX_RTO_MIN, 1);
	PUT_METRIC(w, ssthresh, metrics, RTAX_SSTHRESH, 1);
	PUT_METRIC(w, cwnd, metrics, RTAX_CWND, 1);
	PUT_METRIC(w, initcwnd, metrics, RTAX_INITCWND, 1);
	PUT_METRIC(w, initrwnd, metrics, RTAX_INITRWND, 1);
	PUT_METRIC(w, advmss, metrics, RTAX_ADVMSS, 1);
	PUT_METRIC(w, reordering, metrics, RTAX_REORDERING, 1);
	PUT_METRIC(w, hop_limit, metrics, RTAX_HOPLIMIT, 1);
	PUT_METRIC(w, features, metrics, RTAX_FEATURES, 1);
	PUT_METRIC(w, quickack, metrics, RTAX_QUICKACK, 1);
	PUT_METRIC(w, fastopen_no_cookie, metrics, RTAX_FASTOPEN_NO_COOKIE, 1);
	PUT(w, locked, LOAD(metrics, metrics[RTAX_LOCK - 1]));
}

static __always_inline void put_source(struct kiter_writer *w, u64 route)
{
	struct fib6_info *rt = OBJECT(struct fib6_info, route);

	if (WANT_ANY(KITER_FIELD(source) | KITER_FIELD(source_prefix_length))) {
		u32 length = LOAD(rt, fib6_src.plen);

		if (length)
			PUT_IPV6(w, source, AT(route, fib6_info, fib6_src.addr));
		PUT_IF(w, length, source_prefix_length, length);
	}
	if (WANT(preferred_source) && LOAD(rt, fib6_prefsrc.plen))
		PUT_IPV6(w, preferred_source, AT(route, fib6_info, fib6_prefsrc.addr));
}

/* What the route has. */
static __always_inline void put_route(struct kiter_writer *w, const struct route *route)
{
	struct fib6_info *rt = OBJECT(struct fib6_info, route->address);
	u64 nexthop = route->nexthop;
	u32 flags = LOAD(rt, fib6_flags);

	PUT_IPV6(w, destination, AT(route->address, fib6_info, fib6_dst.addr));
	PUT(w, prefix_length, LOAD(rt, fib6_dst.plen));
	put_source(w, route->address);
	PUT(w, metric, LOAD(rt, fib6_metric));
	PUT(w, table_id, int_at(AT(POINTER_AT(route->address, fib6_info, fib6_table), fib6_table,
				   tb6_id)));
	PUT(w, protocol, LOAD(rt, fib6_protocol));
	PUT(w, preference, RTF_PREF(flags));
	PUT_IF(w, flags & RTF_EXPIRES, expires_jiffies, LOAD(rt, expires) - bpf_jiffies64());
	PUT(w, paths, route->paths);
	PUT_IF(w, nexthop, nexthop_id, int_at(AT(nexthop, nexthop, id)));
	PUT(w, refcount, int_at(AT(route->address, fib6_info, fib6_ref)));
	put_metrics(w, route->address);
}

static __always_inline void put_device(struct kiter_writer *w, u64 address)
{
	struct net_device *device = OBJECT(struct net_device, address);
	struct net *net;

	PUT(w, ifindex, LOAD(device, ifindex));
	PUT_STRING(w, interface, AT(address, net_device, name), 16);
	if (!WANT_ANY(KITER_FIELD(net_ns) | KITER_FIELD(fin_timeout_jiffies)))
		return;
	net = OBJECT(struct net, POINTER_AT(address, net_device, nd_net.net));
	PUT(w, net_ns, LOAD(net, ns.inum));
	PUT(w, fin_timeout_jiffies, LOAD(net, ipv4.sysctl_tcp_fin_timeout));
}

/* As ip shows them: a path whose link is down is not taken if that is what the device is set to. */
static __always_inline u32 flags_of(struct fib_nh_common *common, u64 device)
{
	u32 flags = LOAD(common, nhc_flags);
	u64 settings;

	if (!(flags & KITER_nexthop_flags_linkdown))
		return flags;
	settings = POINTER_AT(device, net_device, ip6_ptr);
	if (!settings || int_at(AT(settings, inet6_dev, cnf.ignore_routes_with_linkdown)))
		flags |= KITER_nexthop_flags_dead;
	return flags;
}

/* What one of its paths has. */
static __always_inline void put_path(struct kiter_writer *w, const struct route *route,
				     const struct path_of_route *path)
{
	struct fib6_info *rt = OBJECT(struct fib6_info, route->address);
	struct fib_nh_common *common = OBJECT(struct fib_nh_common, path->address);
	u64 device = POINTER_AT(path->address, fib_nh_common, nhc_dev);
	u32 has_gateway = JOIN(w, LOAD(common, nhc_gw_family) != 0);
	u32 is_blackhole = JOIN(w, path->rejects && route->paths == 1);

	PUT(w, type, is_blackhole ? KITER_route_type_blackhole : LOAD(rt, fib6_type));
	PUT(w, flags, (LOAD(rt, fib6_flags) & ~RTF_PREF_MASK) | has_gateway * RTF_GATEWAY);
	if (has_gateway)
		PUT_IPV6(w, gateway, AT(path->address, fib_nh_common, nhc_gw));
	PUT_IF(w, route->is_multipath, weight, path->weight);
	PUT(w, nexthop_flags, flags_of(common, device));
	if (device)
		put_device(w, device);
	if (WANT(encapsulation)) {
		u64 tunnel = POINTER_AT(path->address, fib_nh_common, nhc_lwtstate);

		PUT_IF(w, tunnel, encapsulation,
		       LOAD(OBJECT(struct lwtunnel_state, tunnel), type));
	}
}

/* A path is a part of the route, or in a nexthop. */
static __always_inline struct path_of_route path_of(const struct route *route, u32 index)
{
	struct path_of_route path = {};
	u64 nexthop = route->nexthop;

	if (route->group) {
		u64 entry = AT(route->group, nh_group, nh_entries) +
			    (u64)index * bpf_core_type_size(struct nh_grp_entry);

		nexthop = POINTER_AT(entry, nh_grp_entry, nh);
		path.weight = BPF_CORE_READ_BITFIELD_PROBED((struct nh_grp_entry *)entry, weight);
	}
	if (nexthop) {
		u64 info = POINTER_AT(nexthop, nexthop, nh_info);

		path.address = AT(info, nh_info, fib6_nh.nh_common);
		path.rejects = LOAD(OBJECT(struct nh_info, info), reject_nh);
	} else {
		path.address = AT(route->address, fib6_info, fib6_nh) +
			       bpf_core_field_offset(struct fib6_nh, nh_common);
		path.weight = int_at(AT(path.address, fib_nh_common, nhc_weight));
	}
	return path;
}

static __always_inline void put_fields(struct kiter_writer *w, const struct route *route, u32 index)
{
	struct path_of_route path = path_of(route, index);

	put_route(w, route);
	put_path(w, route, &path);
}

/* Finds out how many paths there are; 0 for what a table without a route has, which is no route. */
static __always_inline u32 find_paths(struct route *route, struct fib6_info *trusted)
{
	u64 address = address_of(trusted);
	struct fib6_info *rt = OBJECT(struct fib6_info, address);
	u64 nexthop = POINTER_AT(address, fib6_info, nh);
	struct nexthop *object = OBJECT(struct nexthop, nexthop);
	u32 siblings = LOAD(rt, fib6_nsiblings);

	if (!POINTER_AT(address, fib6_info, fib6_table))
		return 0;
	route->address = address;
	route->nexthop = nexthop;
	route->paths = siblings + 1;
	route->is_multipath = siblings > 0;
	if (!nexthop || !LOAD(object, is_group))
		return 1;
	u64 group = POINTER_AT(nexthop, nexthop, nh_grp);
	struct nh_group *members = OBJECT(struct nh_group, group);

	route->group = group;
	route->paths = LOAD(members, num_nh);
	route->is_multipath = 1;
	return route->paths;
}

static int show_path(u32 index, struct route *route)
{
	struct kiter_writer w = { .seq = route->seq };

	if (!kiter_begin(&w, route->meta, KITER_PROGRAM_routes)) {
		route->is_busy = 1;
		return 1;
	}
	put_fields(&w, route, index);
	return kiter_emit(&w);
}

SEC("iter/ipv6_route")
int routes(struct bpf_iter__ipv6_route *ctx)
{
	struct route route = { .meta = ctx->meta };
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!ctx->rt)
		return 0;
	route.seq = w.seq;
	bpf_loop(find_paths(&route, ctx->rt), show_path, &route, 0);
	return route.is_busy ? KITER_RETRY : 0;
}

static int store_path(u32 index, struct route *route)
{
	struct kiter_writer w;

	if (!kiter_stored_begin(&w, KITER_PROGRAM_routes))
		return 1;
	put_fields(&w, route, index);
	return kiter_stored_emit(&w);
}

SEC("iter/ipv6_route")
int routes_direct(struct bpf_iter__ipv6_route *ctx)
{
	struct route route = {};
	struct seq_file___private *seq;
	struct ipv6_route_iter *walk;

	if (!ctx->rt)
		return 0;
	seq = (void *)ctx->meta->seq;
	walk = BPF_CORE_READ(seq, private);
	kiter_stored_part(ctx->meta, (u64)BPF_CORE_READ(walk, tbl), BPF_CORE_READ(walk, sernum));
	bpf_loop(find_paths(&route, ctx->rt), store_path, &route, 0);
	return 0;
}
