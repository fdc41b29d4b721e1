/* SPDX-License-Identifier: MIT */
/* NLMSG_ERROR with its extended ACK, as netlink_ack() builds it. */
#include <errno.h>
#include <linux/netlink.h>

#include "attr.h"
#include "bytes.h"
#include "wire.h"

/* uapi/linux/netlink.h, there since 4.12 */
#define ERROR_CAPPED 0x100
#define ERROR_TLVS 0x200
#define ERROR_TEXT 1
#define ERROR_OFFSET 2

/* include/linux/err.h, MAX_ERRNO */
#define ERRNO_MAX 4095

/* Moves what is echoed of the request from `rest` into error->request. */
static int take_request(struct wire_error *error, struct wire_bytes *rest,
			const struct wire_message *message, uint32_t length)
{
	uint32_t padding;

	/*
	 * An ACK never echoes. Kernels before 4.12 cap without a flag, and without TLVs.
	 */
	if (message->flags & ERROR_CAPPED || error->error == 0 || rest->length == 0)
		return 0;
	if (length < NLMSG_HDRLEN || length - NLMSG_HDRLEN > rest->length)
		return -EBADMSG;
	error->request.data = rest->data;
	error->request.length = length - NLMSG_HDRLEN;
	padding = -length & (NLMSG_ALIGNTO - 1);
	if (padding > rest->length - error->request.length)
		padding = rest->length - error->request.length;
	rest->data += error->request.length + padding;
	rest->length -= error->request.length + padding;
	return 0;
}

static int decode_tlvs(struct wire_error *error, struct wire_bytes rest)
{
	struct wire_attribute attribute;
	int rc;

	while ((rc = wire_attribute_next(&rest, &attribute)) > 0) {
		if (attribute.type == ERROR_TEXT) {
			error->text.data = attribute.data;
			error->text.length = (uint32_t)strnlen(
				(const char *)attribute.data, attribute.length);
		} else if (attribute.type == ERROR_OFFSET) {
			if (attribute.length < 4)
				return -EBADMSG;
			error->offset = load_host32(attribute.data);
		}
	}
	return rc;
}

int wire_error_decode(const struct wire_message *message, struct wire_error *error)
{
	struct wire_bytes rest = message->body;
	uint32_t request_length;
	int rc;

	memset(error, 0, sizeof(*error));
	if (message->type != NLMSG_ERROR || rest.length < sizeof(struct nlmsgerr))
		return -EBADMSG;
	error->error = (int32_t)load_host32(rest.data);
	if (error->error > 0 || error->error < -ERRNO_MAX)
		return -EBADMSG;
	request_length = load_host32(rest.data + 4);
	error->request_type = load_host16(rest.data + 8);
	error->sequence = load_host32(rest.data + 12);
	rest.data += sizeof(struct nlmsgerr);
	rest.length -= sizeof(struct nlmsgerr);
	rc = take_request(error, &rest, message, request_length);
	if (rc < 0 || !(message->flags & ERROR_TLVS))
		return rc;
	return decode_tlvs(error, rest);
}
