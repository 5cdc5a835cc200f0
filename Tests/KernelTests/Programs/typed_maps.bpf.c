// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Maps with keys and values of every shape that C has, for MapElementsTests. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 7, DARK = -3 };
enum wide : unsigned long long { FAR = 1ull << 40 };
typedef const unsigned short port_t;

struct shape {
	char name[8];
	char raw[4];
	unsigned char bytes[3];
	_Bool yes;
	enum color color;
	enum wide wide;
	signed char small;
	port_t port;
	int negative;
	unsigned long long large;
	struct {
		int inside;
		union {
			unsigned int whole;
			unsigned short half[2];
		};
	};
	union {
		int number;
		unsigned char first;
	} either;
	int grid[2][3];
	void *pointer;
};

struct real {
	float single;
	double twice;
	unsigned int low : 3, middle : 7;
	int sign : 5;
};

struct pair {
	int first;
	unsigned short second, third;
};

#define MAP(name, kind, key_type, value_type)                                                      \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##kind);                                                 \
		__uint(max_entries, 4);                                                            \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

MAP(kt_hash, HASH, struct pair, struct shape);
MAP(kt_array, ARRAY, int, struct pair);
MAP(kt_real, HASH, int, struct real);
MAP(kt_lru, LRU_HASH, unsigned long long, int);
MAP(kt_cpu_hash, PERCPU_HASH, int, struct pair);
MAP(kt_cpu_array, PERCPU_ARRAY, int, int);
MAP(kt_cpu_lru, LRU_PERCPU_HASH, int, unsigned long long);

struct huge {
	char bytes[40000];
};

MAP(kt_huge, ARRAY, int, struct huge);

const volatile int threshold = 42;
int counter = 5;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("socket")
int kt_program(void *ctx)
{
	struct pair key = {};

	bpf_map_lookup_elem(&kt_hash, &key);
	bpf_map_lookup_elem(&kt_array, &key);
	bpf_map_lookup_elem(&kt_real, &key);
	bpf_map_lookup_elem(&kt_lru, &key);
	bpf_map_lookup_elem(&kt_cpu_hash, &key);
	bpf_map_lookup_elem(&kt_cpu_array, &key);
	bpf_map_lookup_elem(&kt_cpu_lru, &key);
	bpf_map_lookup_elem(&kt_huge, &key);
	return counter + threshold;
}
