/* SPDX-License-Identifier: MIT */
/* struct nfq_data: where the attributes of one packet message are. */
#ifndef NFQUEUE_COMPAT_DATA_H
#define NFQUEUE_COMPAT_DATA_H

#include <linux/netlink.h>
#include <stdint.h>

#include "wire/bytes.h"
#include "wire/wire.h"

#define DATA_MAX WIRE_SECCTX /* newer ones have no getter here */

struct nfq_data {
	uint32_t present; /* bit 1 << type for each that is there; the others are unset */
	const uint8_t *attribute[DATA_MAX + 1]; /* struct nlattr, not aligned */
};

/* How many bytes an attribute has, which are these. */
static inline uint16_t data_length(const uint8_t *bytes)
{
	return (uint16_t)(load_host16(bytes - NLA_HDRLEN) - NLA_HDRLEN);
}

/* The bytes of an attribute, or NULL: absent, or shorter than it must be. */
static inline const uint8_t *data_get(const struct nfq_data *data, enum wire_attr type,
				      uint16_t min_length)
{
	const uint8_t *bytes;

	if (!(data->present & 1u << type))
		return NULL;
	bytes = data->attribute[type] + NLA_HDRLEN;
	return data_length(bytes) < min_length ? NULL : bytes;
}

#endif
