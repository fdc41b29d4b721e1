/* SPDX-License-Identifier: MIT */
/* struct nfq_data: where the attributes of one packet message are. */
#ifndef NFQUEUE_COMPAT_DATA_H
#define NFQUEUE_COMPAT_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/attr.h"

#define DATA_MAX WIRE_SECCTX /* newer ones have no getter here */

struct nfq_data {
	uint32_t present; /* bit 1 << type for each that is there; the others are unset */
	struct wire_attribute attribute[DATA_MAX + 1];
};

/* The attribute, or NULL: absent, or shorter than it must be. */
static inline const struct wire_attribute *data_get(const struct nfq_data *data,
						    enum wire_attr type,
						    uint16_t min_length)
{
	const struct wire_attribute *attribute = &data->attribute[type];

	if (!(data->present & 1u << type) || attribute->length < min_length)
		return NULL;
	return attribute;
}

#endif
