/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "client.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>
#include <sys/socket.h>

static void put(struct message *message, const void *data, size_t length)
{
	const size_t padded = (length + 3) & ~(size_t)3;
	struct nlmsghdr *head = (struct nlmsghdr *)message->bytes;

	if (padded > sizeof(message->bytes) - (size_t)message->length)
		give_up("the message is too long");
	memset(message->bytes + message->length, 0, padded);
	if (length)
		memcpy(message->bytes + message->length, data, length);
	message->length += (int)padded;
	head->nlmsg_len = (uint32_t)message->length;
}

static void begin(struct message *message, uint16_t type)
{
	struct nlmsghdr head = {.nlmsg_type = type, .nlmsg_len = sizeof(head)};

	message->length = 0;
	put(message, &head, sizeof(head));
}

void message_begin(struct message *message, int type, uint16_t queue)
{
	struct nfgenmsg nfgen = {.nfgen_family = AF_INET, .res_id = htons(queue)};

	begin(message, (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type));
	put(message, &nfgen, sizeof(nfgen));
}

void message_put(struct message *message, uint16_t type, const void *data, size_t length)
{
	struct nfattr head = {.nfa_type = type, .nfa_len = (uint16_t)(4 + length)};

	put(message, &head, sizeof(head));
	put(message, data, length);
}

void message_put32(struct message *message, uint16_t type, uint32_t value)
{
	value = htonl(value);
	message_put(message, type, &value, sizeof(value));
}

void message_full(struct message *message, uint16_t queue, uint32_t id)
{
	const struct nfqnl_msg_packet_hdr head = {htonl(id), htons(0x0800), 3};
	const struct nfqnl_msg_packet_timestamp when = {htobe64(1700000001),
							htobe64(654321)};
	const struct nfqnl_msg_packet_hw hw = {htons(6), 0, {2, 4, 6, 0x8a, 0xcb, 0xff}};

	message_begin(message, NFQNL_MSG_PACKET, queue);
	message_put(message, NFQA_PACKET_HDR, &head, sizeof(head));
	message_put32(message, NFQA_MARK, 0x11223344);
	message_put(message, NFQA_TIMESTAMP, &when, sizeof(when));
	message_put32(message, NFQA_IFINDEX_INDEV, 1);
	message_put32(message, NFQA_IFINDEX_OUTDEV, 0x01020304);
	message_put32(message, NFQA_IFINDEX_PHYSINDEV, 5);
	message_put32(message, NFQA_IFINDEX_PHYSOUTDEV, 6);
	message_put(message, NFQA_HWADDR, &hw, sizeof(hw));
	message_put32(message, NFQA_SKB_INFO, 7);
	message_put32(message, NFQA_UID, 1234);
	message_put32(message, NFQA_GID, 5678);
	message_put(message, NFQA_SECCTX, "user_u:role", 11);
	message_put(message, NFQA_PAYLOAD, "payload", 7);
}

void message_error(struct message *message, int error)
{
	struct nlmsgerr body = {
		.error = -error,
		.msg = {.nlmsg_len = 32,
			.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT}};

	begin(message, NLMSG_ERROR);
	put(message, &body, sizeof(body));
	if (error) /* what was refused */
		put(message, "0123456789abcdef", 16);
}
