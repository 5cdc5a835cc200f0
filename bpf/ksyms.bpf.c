// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* iter/ksym: one object for each symbol of the kernel, its modules and its BPF programs. */
#include "kernel.h"
#include "symbol.h"
#include "ksyms.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kallsym_iter {
	s64 pos, pos_bpf_end;
	unsigned long value;
	char type;
	char name[512];
	char module_name[56];
	s32 exported;
	s32 show_value; /* by the credentials of whoever opened this walk */
};

struct bpf_iter__ksym {
	struct bpf_iter_meta *meta;
	struct kallsym_iter *ksym;
};

#pragma clang attribute pop

/* As the kernel's own listing: of a module's symbols, those not exported are local ones. */
static __always_inline void put_type(struct kiter_writer *w, struct kallsym_iter *ksym)
{
	if (!WANT(type))
		return;
	char type = ksym->type, letter = type | 0x20;

	if (ksym->module_name[0] && letter >= 'a' && letter <= 'z')
		type = ksym->exported ? letter & ~0x20 : letter;
	u8 *to = TAIL(w, 1);
	if (!to)
		return;
	*to = type;
	TAIL_PUT(w, type, 1);
}

#define SHORT_NAME 64

/* Most names are short: by words, and not by a helper that goes from byte to byte. */
static __always_inline void put_name(struct kiter_writer *w, struct kallsym_iter *ksym)
{
	u64 *to = WANT(name) ? (u64 *)TAIL(w, SHORT_NAME) : NULL, length = 0;

	if (!to)
		return;
	for (u32 i = 0; i < SHORT_NAME / 8; i++) {
		u64 word = ((u64 *)ksym->name)[i], more = length_in(word);

		to[i] = word;
		length += more;
		if (more < 8) {
			TAIL_PUT(w, name, JOIN(w, length));
			return;
		}
	}
	PUT_STRING(w, name, ksym->name, sizeof(ksym->name));
}

static const char with_size[] SEC(".rodata.format") = "%pS";

/*
 * The walk does not know sizes, but the kernel's lookup does, and can print them. The name that it
 * prints may be another one of the same address, so the size is looked for from the end.
 */
static __always_inline void put_size(struct kiter_writer *w, struct kallsym_iter *ksym)
{
	if (!WANT(size))
		return;
	char *text = (char *)TAIL(w, SYMBOL_MAX);
	if (!text)
		return;
	u64 address = ksym->value;
	s64 length = bpf_snprintf(text, SYMBOL_MAX, with_size, &address, sizeof(address));
	if (length < 0 || length > SYMBOL_MAX)
		return;
	/* "name+0x0/0x2b0 [module]"; an address that is no symbol's is printed as a plain number. */
	u64 slash = find_last(text, length, '/');
	unsigned long size = 0;
	if (slash && text[slash - 1] == '0' &&
	    bpf_strtoul(text + slash + 1, sizeof("0x0123456789abcdef"), 16, &size) > 0)
		PUT(w, size, size);
}

/*
 * After the last symbol the kernel calls once more, not with NULL, but with what is left of the
 * last: its position is then one on. The last symbols are those of kprobes, behind BPF's.
 */
static __always_inline int is_after_last(struct bpf_iter_meta *meta, struct kallsym_iter *ksym)
{
	return ksym->pos_bpf_end && ksym->pos != (s64)meta->seq_num;
}

SEC("iter/ksym")
int ksyms(struct bpf_iter__ksym *ctx)
{
	struct kallsym_iter *ksym = ctx->ksym;
	struct kiter_writer w;

	kiter_open(&w, ctx->meta);
	/* Some debugging symbols have no name. */
	if (!ksym || !ksym->name[0] || is_after_last(ctx->meta, ksym))
		return 0;
	if (!kiter_begin(&w, ctx->meta, KITER_PROGRAM_ksyms))
		return KITER_RETRY;
	if (ksym->show_value)
		PUT(&w, address, ksym->value);
	else if (WANT(address))
		UNREADABLE(&w, address);
	put_type(&w, ksym);
	put_name(&w, ksym);
	if (ksym->module_name[0])
		PUT_STRING(&w, module, ksym->module_name, sizeof(ksym->module_name));
	put_size(&w, ksym);
	return kiter_emit(&w);
}
