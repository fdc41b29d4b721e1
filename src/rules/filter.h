/* SPDX-License-Identifier: MIT */
/* pcap-filter(7) text -> classic BPF for a packet that begins with its IP header. */
#ifndef NFQUEUE_RULES_FILTER_H
#define NFQUEUE_RULES_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_FILTER_MAX 64 /* XT_BPF_MAX_NUM_INSTR */

struct rules_filter {
	uint16_t length; /* 0: every packet */
	struct sock_filter code[RULES_FILTER_MAX];
};

/* Returns 0; -EINVAL, -E2BIG or -ENOMEM with words. */
int rules_filter_compile(struct rules_filter *filter, const char *match, char *error,
			 size_t error_size);

#endif
