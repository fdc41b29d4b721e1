/* SPDX-License-Identifier: MIT */
/* Attributes that are shorter than what they should hold: nobody but a broken kernel
 * sends them. Each getter in a process of its own, with memory that ends there. */
#include "cases.h"
#include "fixture.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

struct row {
	const char *name;
	uint16_t type;
	uint16_t length;
};

static const struct row rows[] = {
	{"nfq_get_msg_packet_hdr", NFQA_PACKET_HDR, 6},
	{"nfq_get_nfmark", NFQA_MARK, 3},
	{"nfq_get_timestamp", NFQA_TIMESTAMP, 15},
	{"nfq_get_indev", NFQA_IFINDEX_INDEV, 0},
	{"nfq_get_outdev", NFQA_IFINDEX_OUTDEV, 2},
	{"nfq_get_physindev", NFQA_IFINDEX_PHYSINDEV, 1},
	{"nfq_get_physoutdev", NFQA_IFINDEX_PHYSOUTDEV, 3},
	{"nfq_get_packet_hw", NFQA_HWADDR, 11},
	{"nfq_get_skbinfo", NFQA_SKB_INFO, 3},
	{"nfq_get_uid", NFQA_UID, 3},
	{"nfq_get_gid", NFQA_GID, 0},
};

static int get(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
	       struct nfq_data *packet, void *data)
{
	struct timeval when = {7, 8};
	uint32_t id = 99;

	POINTER(nfq_get_msg_packet_hdr(packet), "%s", (char *)data);
	INT(nfq_get_nfmark(packet), "%s", (char *)data);
	INT(nfq_get_timestamp(packet, &when), "%s", (char *)data);
	INT(nfq_get_indev(packet), "%s", (char *)data);
	INT(nfq_get_outdev(packet), "%s", (char *)data);
	INT(nfq_get_physindev(packet), "%s", (char *)data);
	INT(nfq_get_physoutdev(packet), "%s", (char *)data);
	POINTER(nfq_get_packet_hw(packet), "%s", (char *)data);
	INT(nfq_get_skbinfo(packet), "%s", (char *)data);
	INT(nfq_get_uid(packet, &id), "%s", (char *)data);
	INT(nfq_get_gid(packet, &id), "%s", (char *)data);
	return 0;
}

static void run(const void *ctx)
{
	static const uint8_t zero[16];
	const struct row *row = ctx;
	struct nfq_handle *handle = nfq_open();
	struct message message;
	char label[60], *copy;
	struct nfq_q_handle *queue;

	snprintf(label, sizeof(label), "%s has %u bytes", row->name, row->length);
	queue = nfq_create_queue(handle, 5, get, label);
	message_begin(&message, NFQNL_MSG_PACKET, 5);
	message_put(&message, row->type, zero, row->length);
	copy = malloc((size_t)message.length);
	memcpy(copy, message.bytes, (size_t)message.length);
	INT(nfq_handle_packet(handle, copy, message.length), "%s", label);
	free(copy);
	nfq_destroy_queue(queue);
	nfq_close(handle);
}

static void too_short(void)
{
	net_enter(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tell_child(rows[i].name, run, &rows[i], "too short");
}

const struct compat_case short_cases[] = {
	{"getter-too-short", too_short},
	{0},
};
