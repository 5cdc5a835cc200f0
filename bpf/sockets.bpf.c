// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * iter/tcp, udp, unix and netlink: one object for each socket of the reader's network namespace. A
 * TCP socket is one of three kinds: a whole one, the small one that stays in TIME_WAIT after it, or
 * the request that came before it.
 */
#include "socket.h"
#include "sockets.gen.h"
#include "cgroup.h"
#include "socket_fields.h"

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

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};

struct bpf_iter__netlink {
	struct bpf_iter_meta *meta;
	struct netlink_sock *sk;
};

#pragma clang attribute pop

/* ICSK_TIME_*: include/net/inet_connection_sock.h. */
enum { PENDING_RETRANSMIT = 1, PENDING_PROBE = 3, PENDING_LOSS_PROBE = 5, PENDING_REORDER = 6 };

/* `len` of a name without its family, with room for the NUL of the longest path. */
#define UNIX_NAME_MAX 109
/* As many buffers of a queue are counted; the kernel's default lets a few hundred wait. */
#define UNIX_BUFFERS_MAX (1 << 16)

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
static __always_inline void put_identity(struct kiter_writer *w, struct sock_common *sk,
					 void *trusted, u32 protocol, u32 type, u32 state)
{
	PUT(w, protocol, protocol);
	PUT(w, type, type);
	PUT(w, family, sk->skc_family);
	PUT(w, state, state);
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

/*
 * What a socket's state has told it to be. Linux 6.1 believes only a helper, which may say NULL;
 * where there is a cast there is no such case, and the verifier has fewer ways to follow.
 */
#define AS(type, trusted)                                                                          \
	(bpf_rdonly_cast ? UNTRUSTED(struct type, trusted) : bpf_skc_to_##type(trusted))

/* The state as ss says it: the kernel's 12 is SYN_RECV too, and a small socket may be FIN_WAIT2. */
static __always_inline u32 tcp_state(struct sock_common *trusted, u32 state)
{
	if (state == KITER_socket_state_new_syn_recv)
		return KITER_socket_state_syn_recv;
	if (state != KITER_socket_state_time_wait)
		return state;
	struct tcp_timewait_sock *tw = AS(tcp_timewait_sock, trusted);

	return bpf_rdonly_cast || tw ? tw->tw_sk.tw_substate : state;
}

static __always_inline void put_tcp_kind(struct kiter_writer *w, struct sock_common *trusted,
					 u32 state)
{
	if (state == KITER_socket_state_time_wait) {
		struct tcp_timewait_sock *tw = AS(tcp_timewait_sock, trusted);

		if (bpf_rdonly_cast || tw)
			put_time_wait(w, &tw->tw_sk);
	} else if (state == KITER_socket_state_new_syn_recv) {
		struct tcp_request_sock *request = AS(tcp_request_sock, trusted);

		if (bpf_rdonly_cast || request)
			put_request(w, &request->req.req);
	} else {
		struct tcp_sock *tcp = AS(tcp_sock, trusted);

		if (bpf_rdonly_cast || tcp)
			put_tcp(w, tcp);
	}
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
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_tcp))
		return KITER_RETRY;
	u32 state = JOIN(&w, tcp_state(trusted, sk->skc_state));
	put_identity(&w, sk, trusted, KITER_socket_protocol_tcp, KITER_socket_type_stream, state);
	put_ends(&w, sk, state);
	put_tcp_kind(&w, trusted, JOIN(&w, sk->skc_state));
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
	put_identity(&w, &sk->__sk_common, trusted, KITER_socket_protocol_udp,
		     KITER_socket_type_dgram, sk->__sk_common.skc_state);
	put_ends(&w, &sk->__sk_common, sk->__sk_common.skc_state);
	put_owner(&w, sk);
	/* Bytes that the reader took but has not given back to the socket's account yet. */
	s32 unread = sk->sk_backlog.rmem_alloc.counter - udp->forward_deficit;
	PUT(&w, receive_queue, unread > 0 ? unread : 0);
	/* The socket itself counts as one. */
	PUT(&w, send_queue, sk->sk_wmem_alloc.refs.counter - 1);
	return kiter_emit(&w);
}

/* A socket waits for anyone if it listens, or by its name alone: a datagram may come. */
static __always_inline int is_unix_wanted(struct unix_sock *unix_sk)
{
	u32 state = unix_sk->sk.__sk_common.skc_state;

	if (kiter_config.port)
		return 0;
	return !kiter_config.listening || state == KITER_socket_state_listen ||
	       (state == KITER_socket_state_close && unix_sk->addr);
}

/* A path ends at its NUL; an abstract name begins with one, shown as @, and may have others. */
static __always_inline void put_unix_path(struct kiter_writer *w, struct unix_sock *unix_sk)
{
	struct unix_address *address = WANT(path) ? unix_sk->addr : NULL;
	u8 *to = address ? TAIL(w, UNIX_NAME_MAX) : NULL;

	if (!to)
		return;
	u32 length = address->len - sizeof(address->name[0].sun_family);
	s64 size = bpf_probe_read_kernel_str(to, UNIX_NAME_MAX, address->name[0].sun_path) - 1;
	if (size == 0) {
		if (length > UNIX_NAME_MAX)
			length = UNIX_NAME_MAX;
		size = bpf_probe_read_kernel(to, length, address->name[0].sun_path);
		*to = '@';
		size = size ? -1 : (s64)length;
	}
	TAIL_PUT(w, path, (s64)JOIN(w, size));
}

struct unread {
	u64 queue, buffer;
	s64 bytes;
};

/* The queue is not locked: a buffer may have left it. Loads from it are fault-safe. */
static int add_buffer(u32 index, struct unread *unread)
{
	struct sk_buff *buffer = (void *)unread->buffer;
	struct unix_skb_parms *control =
		(void *)(unread->buffer + bpf_core_field_offset(buffer->cb));

	(void)index;
	if (!buffer || unread->buffer == unread->queue)
		return 1;
	unread->bytes += (s64)BPF_CORE_READ(buffer, len) - BPF_CORE_READ(control, consumed);
	unread->buffer = (u64)BPF_CORE_READ(buffer, next);
	return 0;
}

/* Bytes that can be read at once, as ioctl(SIOCINQ) says; -1 if the queue changed meanwhile. */
static __always_inline s64 unix_unread(struct unix_sock *unix_sk)
{
	u64 sk = address_of(unix_sk);
	struct unread unread = { .queue = sk + bpf_core_field_offset(struct sock, sk_receive_queue) };
	struct sk_buff *first = unix_sk->sk.sk_receive_queue.next;

	/* f4e1fb04c123 ("af_unix: Use cached value for SOCK_STREAM in unix_inq_len()."), 6.17 */
	if (bpf_core_field_exists(struct unix_sock, inq_len) &&
	    unix_sk->sk.sk_type == KITER_socket_type_stream)
		return unix_sk->inq_len;
	unread.buffer = address_of(first);
	if (unix_sk->sk.sk_type == KITER_socket_type_dgram)
		return unread.buffer == unread.queue ? 0 : BPF_CORE_READ(first, len);
	bpf_loop(UNIX_BUFFERS_MAX, add_buffer, &unread, 0);
	return unread.buffer == unread.queue ? unread.bytes : -1;
}

static __always_inline void put_unix_queues(struct kiter_writer *w, struct unix_sock *unix_sk)
{
	struct sock *sk = &unix_sk->sk;

	if (sk->__sk_common.skc_state == KITER_socket_state_listen) {
		PUT(w, accept_queue, sk->sk_receive_queue.qlen);
		PUT(w, backlog, sk->sk_max_ack_backlog);
		return;
	}
	if (WANT(receive_queue)) {
		s64 unread = JOIN(w, unix_unread(unix_sk));

		if (unread < 0)
			UNREADABLE(w, receive_queue);
		else
			PUT(w, receive_queue, unread);
	}
	/* The socket itself counts as one. */
	PUT(w, send_queue, sk->sk_wmem_alloc.refs.counter - 1);
}

static __always_inline void put_unix_peer(struct kiter_writer *w, struct unix_sock *unix_sk)
{
	struct sock *peer = WANT(peer_inode) ? unix_sk->peer : NULL;

	if (!peer)
		return;
	struct socket_alloc *socket = (void *)BPF_CORE_READ(peer, sk_socket);
	u64 inode = socket ? BPF_CORE_READ(socket, vfs_inode.i_ino) : 0;
	PUT_IF(w, inode, peer_inode, inode);
}

SEC("iter/unix")
int unix(struct bpf_iter__unix *ctx)
{
	struct unix_sock *trusted = ctx->unix_sk;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	if (!trusted)
		return 0;
	struct unix_sock *unix_sk = UNTRUSTED(struct unix_sock, trusted);
	struct sock *sk = &unix_sk->sk;
	if (!is_unix_wanted(unix_sk))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_unix))
		return KITER_RETRY;
	put_identity(&w, &sk->__sk_common, trusted, KITER_socket_protocol_unix, sk->sk_type,
		     sk->__sk_common.skc_state);
	put_owner(&w, sk);
	put_unix_queues(&w, unix_sk);
	put_unix_peer(&w, unix_sk);
	PUT(&w, shutdown, sk->sk_shutdown);
	put_unix_path(&w, unix_sk);
	return kiter_emit(&w);
}

SEC("iter/netlink")
int netlink(struct bpf_iter__netlink *ctx)
{
	struct netlink_sock *trusted = ctx->sk;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	/* A netlink socket has no port of this kind, and waits for nobody to connect. */
	if (!trusted || kiter_config.port || kiter_config.listening)
		return 0;
	struct netlink_sock *nlk = UNTRUSTED(struct netlink_sock, trusted);
	struct sock *sk = &nlk->sk;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_netlink))
		return KITER_RETRY;
	put_identity(&w, &sk->__sk_common, trusted, KITER_socket_protocol_netlink, sk->sk_type,
		     sk->__sk_common.skc_state);
	put_owner(&w, sk);
	PUT(&w, netlink_protocol, sk->sk_protocol);
	PUT(&w, port_id, nlk->portid);
	PUT(&w, receive_queue, sk->sk_backlog.rmem_alloc.counter);
	PUT(&w, send_queue, sk->sk_wmem_alloc.refs.counter - 1);
	/* Of a pointer to no structure the verifier knows but the number. */
	u64 groups = WANT(groups) ? (u64)nlk->groups : 0;
	PUT(&w, groups, groups ? word_at(groups) : 0);
	PUT(&w, drops, sk->sk_drops.counter);
	return kiter_emit(&w);
}
