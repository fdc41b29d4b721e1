/* SPDX-License-Identifier: MIT */
/*
 * The attribute cursor: walks the attributes in a range of bytes. Inline, since every
 * packet passes here half a dozen times.
 */
#ifndef NFQUEUE_WIRE_ATTR_H
#define NFQUEUE_WIRE_ATTR_H

#include <errno.h>
#include <linux/netlink.h>

#include "bytes.h"
#include "wire.h"

struct wire_attribute {
	uint16_t type;   /* without the flags NLA_F_* */
	uint16_t length; /* of the data */
	const uint8_t *data;
};

/* The next attribute in `rest`, which then begins behind it and its padding.
 * Returns 1, 0 at the end, -EBADMSG. The padding of the last one may be missing: the
 * kernel sends the payload so (nfqnl_build_packet_message). */
static inline int wire_attribute_next(struct wire_bytes *rest,
				      struct wire_attribute *attribute)
{
	uint32_t length, step;

	if (rest->length == 0)
		return 0;
	if (rest->length < NLA_HDRLEN)
		return -EBADMSG;
	length = load_host16(rest->data);
	if (length < NLA_HDRLEN || length > rest->length)
		return -EBADMSG;
	attribute->type = load_host16(rest->data + 2) & NLA_TYPE_MASK;
	attribute->length = (uint16_t)(length - NLA_HDRLEN);
	attribute->data = rest->data + NLA_HDRLEN;
	step = NLA_ALIGN(length);
	if (step > rest->length)
		step = rest->length;
	rest->data += step;
	rest->length -= step;
	return 1;
}

#endif
