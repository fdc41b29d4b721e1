/* SPDX-License-Identifier: MIT */
#include "kernel_model.h"

#include <stdlib.h>

void model_add(struct kernel_model *model, uint32_t id)
{
	if (model->count == MODEL_MAX)
		abort();
	model->packets[model->count++] = (struct model_packet){.id = id};
}

struct model_packet *model_find(struct kernel_model *model, uint32_t id)
{
	for (size_t i = 0; i < model->count; i++)
		if (model->packets[i].id == id)
			return &model->packets[i];
	return NULL;
}

static void reinject(struct kernel_model *model, struct model_packet *packet,
		     struct nfqueue_verdict verdict)
{
	packet->decided = true;
	packet->verdict = verdict;
	if (verdict.code != NFQUEUE_VERDICT_DROP)
		model->left[model->left_count++] = packet->id;
}

size_t model_verdict(struct kernel_model *model, uint32_t id,
		     struct nfqueue_verdict verdict)
{
	struct model_packet *packet = model_find(model, id);

	if (!packet || packet->decided)
		return 0;
	reinject(model, packet, verdict);
	return 1;
}

size_t model_range_verdict(struct kernel_model *model, uint32_t id,
			   struct nfqueue_verdict verdict)
{
	size_t decided = 0;

	for (size_t i = 0; i < model->count; i++) {
		struct model_packet *packet = &model->packets[i];

		if (packet->decided)
			continue;
		if ((int32_t)(packet->id - id) > 0)
			break;
		reinject(model, packet, verdict);
		decided++;
	}
	return decided;
}
