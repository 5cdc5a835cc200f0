/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What tables show of sockets alike, by columns of the same names. Included behind socket.h and the
 * generated header.
 */
#pragma once

/* Both ends of a socket of the internet. */
static __always_inline void put_ends(struct kiter_writer *w, struct sock_common *sk, u32 state)
{
	u32 family = sk->skc_family;
	/* A listener and an unconnected UDP socket have nobody on the other side. */
	int has_peer =
		JOIN(w, state != KITER_socket_state_listen && state != KITER_socket_state_close);

	PUT(w, local_port, sk->skc_num);
	PUT_IF(w, has_peer, remote_port, bpf_ntohs(sk->skc_dport));
	PUT_ADDRESS(w, local_address, family, sk->skc_rcv_saddr, sk->skc_v6_rcv_saddr);
	if (has_peer)
		PUT_ADDRESS(w, remote_address, family, sk->skc_daddr, sk->skc_v6_daddr);
}

/* A socket that is part of something else. `trusted` is the same one, as the helper wants it. */
#define PUT_SOCKET(w, trusted)                                                                     \
	do {                                                                                       \
		struct sock *__sk = UNTRUSTED(struct sock, trusted);                               \
		struct sock_common *__common = &__sk->__sk_common;                                 \
		u32 __family = JOIN(w, __common->skc_family);                                      \
		u32 __is_inet = JOIN(w, __family == AF_INET || __family == AF_INET6);              \
		u64 __inode = WANT(inode) ? socket_inode(__sk) : 0;                                \
                                                                                                   \
		PUT(w, family, __family);                                                          \
		PUT(w, type, __sk->sk_type);                                                       \
		PUT_IF(w, __is_inet, protocol, __sk->sk_protocol);                                 \
		PUT(w, state, __common->skc_state);                                                \
		PUT(w, cookie, bpf_get_socket_cookie(trusted));                                    \
		PUT(w, net_ns, __common->skc_net.net->ns.inum);                                    \
		PUT(w, uid, __sk->sk_uid.val);                                                     \
		PUT_IF(w, __inode, inode, __inode);                                                \
		if (__is_inet)                                                                     \
			put_ends(w, __common, JOIN(w, __common->skc_state));                       \
	} while (0)
