/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Network namespaces, and addresses of the internet. */
#pragma once

#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	u8 in6_u[16];
};

struct netns_ipv4 {
	s32 sysctl_tcp_fin_timeout;
};

struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

#pragma clang attribute pop

/* include/linux/socket.h */
#define AF_INET 2
#define AF_INET6 10

/* A generated header's struct kiter_ip, which is not known here yet. */
struct address {
	u8 version;
	u8 pad[3];
	u8 bytes[16];
};

/* `v6` is where the other kind of address is. A function, so that it is verified but once. */
__noinline int put_address(struct address *ip, u32 family, u32 v4, u64 v6)
{
	if (!ip)
		return 0;
	if (family == AF_INET) {
		__builtin_memcpy(ip->bytes, &v4, sizeof(v4));
		ip->version = 4;
		return 1;
	}
	bpf_probe_read_kernel(ip->bytes, sizeof(ip->bytes), (void *)v6);
	ip->version = 6;
	return 1;
}
