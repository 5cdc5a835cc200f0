/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel's sockets, as far as kiter reads them, and what tables of sockets have in common. */
#pragma once

#include "net.h"
#include <bpf/bpf_endian.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
};

typedef struct {
	s32 counter;
} atomic_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct sock_common {
	u32 skc_daddr; /* network order, as all addresses and skc_dport */
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num; /* the local port, in the order of the host */
	u16 skc_family;
	u8 skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct sock *skc_listener;
};

struct socket {
	struct sock *sk;
};

/* Every socket of a process lies beside its inode. */
struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sk_buff {
	struct sk_buff *next;
	char cb[48];
	u32 len;
};

struct sk_buff_head {
	struct sk_buff *next;
	u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	struct sk_buff_head sk_receive_queue;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	struct socket *sk_socket;
	refcount_t sk_wmem_alloc;
	struct timer_list sk_timer;
	/* 9a5e5334adc0 ("tcp: remove icsk->icsk_retransmit_timer"), 6.19 */
	struct timer_list tcp_retransmit_timer;
	kuid_t sk_uid;
	u16 sk_type, sk_protocol;
	u8 sk_shutdown;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	struct sock sk;
};

struct udp_sock {
	struct inet_sock inet;
	s32 forward_deficit;
};

struct tcp_congestion_ops {
	char name[16];
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	/* a7c428ee8f59 ("tcp/dccp: remove icsk->icsk_timeout"), 6.15 */
	unsigned long icsk_timeout;
	struct timer_list icsk_retransmit_timer;
	/* 08dfe370239e ("tcp: introduce icsk->icsk_keepalive_timer"), 6.19 and stable releases */
	struct timer_list icsk_keepalive_timer;
	const struct tcp_congestion_ops *icsk_ca_ops;
	u8 icsk_retransmits;
	u8 icsk_pending;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 mss_cache;
	u32 snd_cwnd;
	u32 snd_ssthresh;
	u32 srtt_us; /* eight times the smoothed round-trip time */
	u32 mdev_us; /* four times its deviation */
	u32 rcv_nxt, copied_seq;
	u32 write_seq, snd_una;
	u32 total_retrans;
	u64 bytes_sent, bytes_received, bytes_acked;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	s32 len; /* of the whole name, its family included */
	struct sockaddr_un name[];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
	s32 inq_len;
};

/* What lies in sk_buff.cb of a unix socket's buffers. */
struct unix_skb_parms {
	u32 consumed;
};

struct netlink_sock {
	struct sock sk;
	u32 portid;
	unsigned long *groups;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	u8 tw_substate;
	struct timer_list tw_timer;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
};

struct request_sock {
	struct sock_common __req_common;
	u8 num_retrans;
	struct timer_list rsk_timer;
};

struct inet_request_sock {
	struct request_sock req;
};

struct tcp_request_sock {
	struct inet_request_sock req;
};

#pragma clang attribute pop

/* The address of one end; `v6` is read only if `family` is not inet. */
#define PUT_ADDRESS(w, field, family, v4, v6)                                                      \
	do {                                                                                       \
		if (!WANT(field))                                                                  \
			break;                                                                     \
		if (bpf_core_field_exists(v6)) {                                                   \
			put_address((struct address *)&(w)->record->field, family, v4,             \
				    JOIN(w, &(v6)));                                           \
			PRESENT(w, field);                                                         \
		} else if ((family) == AF_INET) {                                 \
			put_address((struct address *)&(w)->record->field, family, v4, 0);         \
			PRESENT(w, field);                                                         \
		}                                                                                  \
	} while (0)

/* The inode of the socket that a process holds; 0 for one that none does. */
static __always_inline u64 socket_inode(struct sock *sk)
{
	struct socket_alloc *socket = (void *)sk->sk_socket;

	return socket ? BPF_CORE_READ(socket, vfs_inode.i_ino) : 0;
}
