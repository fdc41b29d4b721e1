/* SPDX-License-Identifier: MIT */
/* The messages of ip_queue in a program's buffer, which may have any alignment. */
#include "ipq.h"

#include <arpa/inet.h>
#include <string.h>

_Static_assert(offsetof(ipq_packet_msg_t, payload) == sizeof(ipq_packet_msg_t),
	       "the payload follows the struct");

static void put_header(unsigned char *buf, uint16_t type, size_t length)
{
	struct nlmsghdr header = {.nlmsg_len = (uint32_t)length, .nlmsg_type = type};

	memcpy(buf, &header, sizeof(header));
}

size_t ipq_packet_length(const struct wire_packet *packet)
{
	return NLMSG_HDRLEN + sizeof(ipq_packet_msg_t) + packet->payload.length;
}

void ipq_put_packet(unsigned char *buf, const struct wire_packet *packet,
		    const struct ipq_devices *devices)
{
	ipq_packet_msg_t message = {
		.packet_id = packet->id,
		.mark = packet->mark,
		.timestamp_sec = (long)packet->timestamp_sec,
		.timestamp_usec = (long)packet->timestamp_usec,
		.hook = packet->hook,
		.hw_protocol = htons(packet->hw_protocol),
		.hw_type = devices->in_type,
		.hw_addrlen = packet->hw_address_length,
		.data_len = packet->payload.length,
	};

	memcpy(message.indev_name, devices->in, sizeof(message.indev_name));
	memcpy(message.outdev_name, devices->out, sizeof(message.outdev_name));
	memcpy(message.hw_addr, packet->hw_address, sizeof(message.hw_addr));
	put_header(buf, IPQM_PACKET, ipq_packet_length(packet));
	buf += NLMSG_HDRLEN;
	memcpy(buf, &message, sizeof(message));
	if (packet->payload.length > 0)
		memcpy(buf + sizeof(message), packet->payload.data,
		       packet->payload.length);
}

/* The request that failed, as a program knows it. */
static uint16_t old_type(uint16_t type)
{
	if (type == (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_CONFIG))
		return IPQM_MODE;
	return IPQM_VERDICT;
}

void ipq_put_error(unsigned char *buf, const struct wire_error *error)
{
	struct nlmsgerr message = {
		.error = error->error,
		.msg.nlmsg_type = old_type(error->request_type),
	};

	put_header(buf, NLMSG_ERROR, IPQ_ERROR_LENGTH);
	memcpy(buf + NLMSG_HDRLEN, &message, sizeof(message));
}

int ipq_message_type(const unsigned char *buf)
{
	struct nlmsghdr header;

	memcpy(&header, buf, sizeof(header));
	return header.nlmsg_type;
}

ipq_packet_msg_t *ipq_get_packet(const unsigned char *buf)
{
	/* The interface takes a const away. */
	return (ipq_packet_msg_t *)(uintptr_t)(buf + NLMSG_HDRLEN);
}

int ipq_get_msgerr(const unsigned char *buf)
{
	struct nlmsgerr message;

	memcpy(&message, buf + NLMSG_HDRLEN, sizeof(message));
	return -message.error;
}
