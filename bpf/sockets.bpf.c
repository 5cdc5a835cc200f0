// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/tcp and iter/udp: one object for each socket of the reader's network namespace. A TCP
 * socket is one of three kinds: a whole one, the small one that stays in TIME_WAIT after it, or
 * the request that came before it.
 */
#include "socket.h"
#include "sockets.gen.h"
#include "cgroup.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

#pragma clang attribute pop

/* ICSK_TIME_*: include/net/inet_connection_sock.h. */
enum { PENDING_RETRANSMIT = 1, PENDING_PROBE = 3, PENDING_LOSS_PROBE = 5, PENDING_REORDER = 6 };

/* TCP_INFINITE_SSTHRESH: include/net/tcp.h. */
#define INFINITE_SSTHRESH 0x7fffffff

static __always_inline int is_wanted(struct sock_common *sk, u32 listening_state)
{
	u32 port = kiter_config.port;

	if (kiter_config.listening && sk->skc_state != listening_state)
		return 0;
	return !port || sk->skc_num == port || bpf_ntohs(sk->skc_dport) == port;
}

/* What every kind of socket has. `trusted` is the same socket, as the helper wants it. */
static __always_inline void put_common(struct kiter_writer *w, struct sock_common *sk,
				       void *trusted, u32 protocol, u32 state)
{
	u32 family = sk->skc_family;
	/* A listener and an unconnected UDP socket have nobody on the other side. */
	int has_peer =
		JOIN(w, state != KITER_socket_state_listen && state != KITER_socket_state_close);

	PUT(w, protocol, protocol);
	PUT(w, family, family);
	PUT(w, state, state);
	PUT(w, local_port, sk->skc_num);
	PUT_IF(w, has_peer, remote_port, bpf_ntohs(sk->skc_dport));
	PUT_ADDRESS(w, local_address, family, sk->skc_rcv_saddr, sk->skc_v6_rcv_saddr);
	if (has_peer)
		PUT_ADDRESS(w, remote_address, family, sk->skc_daddr, sk->skc_v6_daddr);
	PUT(w, cookie, bpf_get_socket_cookie(trusted));
	PUT(w, net_ns, sk->skc_net.net->ns.inum);
}

/* That of who made it, in version 2's hierarchy. */
static __always_inline void put_cgroup(struct kiter_writer *w, struct sock *sk)
{
	if (!WANT_ANY(KITER_FIELD(cgroup_names) | KITER_FIELD(cgroup_id)) ||
	    !bpf_core_field_exists(struct sock_cgroup_data, cgroup))
		return;
	struct cgroup *cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);
	if (!node)
		return;
	PUT(w, cgroup_id, BPF_CORE_READ(node, id));
	PUT_CGROUP_NAMES(w, cgroup_names, node, CGROUP_MAX);
}

/* What sockets with buffers have, those of processes and those that outlive them. */
static __always_inline void put_owner(struct kiter_writer *w, struct sock *sk)
{
	u64 inode = WANT(inode) ? socket_inode(sk) : 0;

	PUT(w, uid, sk->sk_uid.val);
	PUT_IF(w, inode, inode, inode);
	put_cgroup(w, sk);
}

static __always_inline void put_timer(struct kiter_writer *w, struct sock_common *sk, u32 timer,
				      u64 expires)
{
	PUT(w, timer, timer);
	PUT(w, timer_jiffies, (s64)(expires - bpf_jiffies64()));
	PUT(w, fin_timeout_jiffies, sk->skc_net.net->ipv4.sysctl_tcp_fin_timeout);
}

/* When the timer of retransmissions and probes is due: three places in three generations. */
static __always_inline u64 retransmit_expires(struct tcp_sock *tcp)
{
	struct inet_connection_sock *icsk = &tcp->inet_conn;

	if (bpf_core_field_exists(struct sock, tcp_retransmit_timer))
		return icsk->icsk_inet.sk.tcp_retransmit_timer.expires;
	if (bpf_core_field_exists(struct inet_connection_sock, icsk_timeout))
		return icsk->icsk_timeout;
	if (bpf_core_field_exists(struct inet_connection_sock, icsk_retransmit_timer))
		return icsk->icsk_retransmit_timer.expires;
	return 0;
}

static __always_inline void put_keepalive(struct kiter_writer *w, struct tcp_sock *tcp)
{
	struct sock *sk = &tcp->inet_conn.icsk_inet.sk;
	struct hlist_node **pending;
	u64 expires;

	if (bpf_core_field_exists(struct inet_connection_sock, icsk_keepalive_timer)) {
		pending = tcp->inet_conn.icsk_keepalive_timer.entry.pprev;
		expires = tcp->inet_conn.icsk_keepalive_timer.expires;
	} else {
		pending = sk->sk_timer.entry.pprev;
		expires = sk->sk_timer.expires;
	}
	if (pending)
		put_timer(w, &sk->__sk_common, KITER_socket_timer_keepalive, expires);
}

/* The one timer that the kernel's own tables show: the first of these that is armed. */
static __always_inline void put_tcp_timer(struct kiter_writer *w, struct tcp_sock *tcp)
{
	struct sock_common *sk = &tcp->inet_conn.icsk_inet.sk.__sk_common;

	switch (tcp->inet_conn.icsk_pending) {
	case PENDING_RETRANSMIT:
	case PENDING_LOSS_PROBE:
	case PENDING_REORDER:
		return put_timer(w, sk, KITER_socket_timer_on, retransmit_expires(tcp));
	case PENDING_PROBE:
		return put_timer(w, sk, KITER_socket_timer_persist, retransmit_expires(tcp));
	default:
		return put_keepalive(w, tcp);
	}
}

/* What a listener has. Its sequence numbers, window and round-trip time stand for nothing. */
static __always_inline void put_listener(struct kiter_writer *w, struct sock *sk)
{
	PUT(w, accept_queue, sk->sk_ack_backlog);
	PUT(w, backlog, sk->sk_max_ack_backlog);
}

static __always_inline void put_connection(struct kiter_writer *w, struct tcp_sock *tcp)
{
	/* A FIN is counted in rcv_nxt, but not in copied_seq until it has been read. */
	s32 unread = tcp->rcv_nxt - tcp->copied_seq;
	u32 rtt = tcp->srtt_us, ssthresh = tcp->snd_ssthresh;

	PUT(w, receive_queue, unread > 0 ? unread : 0);
	PUT(w, send_queue, tcp->write_seq - tcp->snd_una);
	PUT_IF(w, rtt, rtt_us, rtt >> 3);
	PUT_IF(w, rtt, rtt_variance_us, tcp->mdev_us >> 2);
	PUT(w, cwnd, tcp->snd_cwnd);
	PUT_IF(w, ssthresh < INFINITE_SSTHRESH, ssthresh, ssthresh);
	PUT(w, mss, tcp->mss_cache);
	PUT(w, retransmits, tcp->inet_conn.icsk_retransmits);
	PUT(w, retransmits_total, tcp->total_retrans);
	PUT(w, bytes_sent, tcp->bytes_sent);
	PUT(w, bytes_received, tcp->bytes_received);
	PUT(w, bytes_acked, tcp->bytes_acked);
}

static __always_inline void put_tcp(struct kiter_writer *w, struct tcp_sock *tcp)
{
	struct sock *sk = &tcp->inet_conn.icsk_inet.sk;

	put_owner(w, sk);
	if (sk->__sk_common.skc_state == KITER_socket_state_listen)
		put_listener(w, sk);
	else
		put_connection(w, tcp);
	put_tcp_timer(w, tcp);
	PUT_STRING(w, congestion, tcp->inet_conn.icsk_ca_ops->name, 16);
}

static __always_inline void put_time_wait(struct kiter_writer *w, struct inet_timewait_sock *tw)
{
	put_timer(w, &tw->__tw_common, KITER_socket_timer_timewait, tw->tw_timer.expires);
}

static __always_inline void put_request(struct kiter_writer *w, struct request_sock *request)
{
	struct sock_common *sk = &request->__req_common;
	/* In a union whose first member is a number: the verifier takes the pointer for one. */
	struct sock *listener = BPF_CORE_READ(sk, skc_listener);

	PUT_IF(w, listener, uid, BPF_CORE_READ(listener, sk_uid.val));
	PUT(w, retransmits, request->num_retrans);
	put_timer(w, sk, KITER_socket_timer_on, request->rsk_timer.expires);
}

/* The state as ss says it: the kernel's 12 is SYN_RECV too, and a small socket may be FIN_WAIT2. */
static __always_inline u32 tcp_state(struct sock_common *sk, struct tcp_timewait_sock *tw)
{
	if (tw)
		return tw->tw_sk.tw_substate;
	if (sk->skc_state == KITER_socket_state_new_syn_recv)
		return KITER_socket_state_syn_recv;
	return sk->skc_state;
}

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *trusted = ctx->sk_common;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct sock_common *sk = UNTRUSTED(struct sock_common, trusted);
	if (!is_wanted(sk, KITER_socket_state_listen))
		return 0;
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(trusted);
	struct tcp_timewait_sock *tw = tcp ? NULL : bpf_skc_to_tcp_timewait_sock(trusted);
	struct tcp_request_sock *request =
		tcp || tw ? NULL : bpf_skc_to_tcp_request_sock(trusted);
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_tcp))
		return KITER_RETRY;
	put_common(&w, sk, trusted, KITER_socket_protocol_tcp, JOIN(&w, tcp_state(sk, tw)));
	if (tcp)
		put_tcp(&w, UNTRUSTED(struct tcp_sock, tcp));
	else if (tw)
		put_time_wait(&w, UNTRUSTED(struct inet_timewait_sock, tw));
	else if (request)
		put_request(&w, UNTRUSTED(struct request_sock, request));
	return kiter_emit(&w);
}

SEC("iter/udp")
int udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *trusted = ctx->udp_sk;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct udp_sock *udp = UNTRUSTED(struct udp_sock, trusted);
	struct sock *sk = &udp->inet.sk;
	if (!is_wanted(&sk->__sk_common, KITER_socket_state_close))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_udp))
		return KITER_RETRY;
	put_common(&w, &sk->__sk_common, trusted, KITER_socket_protocol_udp,
		   sk->__sk_common.skc_state);
	put_owner(&w, sk);
	/* Bytes that the reader took but has not given back to the socket's account yet. */
	s32 unread = sk->sk_backlog.rmem_alloc.counter - udp->forward_deficit;
	PUT(&w, receive_queue, unread > 0 ? unread : 0);
	/* The socket itself counts as one. */
	PUT(&w, send_queue, sk->sk_wmem_alloc.refs.counter - 1);
	return kiter_emit(&w);
}
