/* SPDX-License-Identifier: MIT */
#include "rules/flow.h"

#include <stdio.h>

/* Puts the bits of `number` into the bits of `mask`, the lowest into the lowest. */
static uint32_t spread(uint32_t number, uint32_t mask)
{
	uint32_t out = 0;

	for (; mask && number; number >>= 1, mask &= mask - 1)
		if (number & 1)
			out |= mask & -mask;
	return out;
}

uint32_t rules_flow_epochs(uint32_t mask)
{
	int bits = __builtin_popcount(mask);

	return bits < (int)RULES_FLOW_MASK_BITS ? 0 : (1u << (bits - 1)) - 1;
}

uint32_t rules_flow_next_epoch(const struct rules_flows *flows)
{
	return flows->epoch >= rules_flow_epochs(flows->mask) ? 1 : flows->epoch + 1;
}

uint32_t rules_flow_drop_bit(uint32_t mask)
{
	return mask & -mask;
}

struct nfqueue_flow_marks rules_flow_marks(const struct rules_flows *flows)
{
	const uint32_t mask = flows->mask;

	if (!mask || !flows->epoch)
		return (struct nfqueue_flow_marks){0};
	return (struct nfqueue_flow_marks){
		.mask = mask,
		.accept = spread(flows->epoch << 1, mask),
		.drop = spread(flows->epoch << 1 | 1, mask),
	};
}

void rules_flow_set_name(const char *set, uint32_t generation, char *name, size_t size)
{
	snprintf(name, size, "%s-%u", set, generation);
}
