/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's queue does with verdict messages, in a few lines: the waiting packets
 * in order, a single verdict for one of them, a range verdict from the oldest on.
 * Source: nfqnl_recv_verdict(), nfqnl_recv_verdict_batch(), nfq_id_after().
 */
#ifndef NFQUEUE_TESTS_KERNEL_MODEL_H
#define NFQUEUE_TESTS_KERNEL_MODEL_H

#include <nfqueue/verdict.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_MAX 256

struct model_packet {
	uint32_t id;
	bool decided;
	struct nfqueue_verdict verdict;
};

struct kernel_model {
	struct model_packet packets[MODEL_MAX]; /* in order of arrival */
	size_t count;
	uint32_t left[MODEL_MAX]; /* ids that were not dropped, in the order they left */
	size_t left_count;
};

void model_add(struct kernel_model *model, uint32_t id);

/* The packet, waiting or decided; NULL if it never was there. */
struct model_packet *model_find(struct kernel_model *model, uint32_t id);

/* Return how many packets the message decided; 0: the kernel answers ENOENT. */
size_t model_verdict(struct kernel_model *model, uint32_t id,
		     struct nfqueue_verdict verdict);
size_t model_range_verdict(struct kernel_model *model, uint32_t id,
			   struct nfqueue_verdict verdict);

#endif
