/* SPDX-License-Identifier: MIT */
#include "uncut.h"

#include <errno.h>

#include "compat/exec/exec.h"
#include "wire/attr.h"

#define MESSAGE_HEAD (NLMSG_HDRLEN + sizeof(struct nfgenmsg))
#define PLACES 65536u /* more packets cannot wait in a queue */

/* Packets that did not fit, by queue and id: what is found here by mistake, years later,
 * passes unchanged. 0: none. */
static _Atomic uint64_t cut[PLACES];

static uint64_t name_of(uint16_t queue, uint32_t id)
{
	return 1ull << 63 | (uint64_t)queue << 32 | id;
}

static void note_cut(uint16_t queue, uint32_t id)
{
	atomic_store_explicit(&cut[id % PLACES], name_of(queue, id),
			      memory_order_relaxed);
}

void uncut_ask(struct nfq_q_handle *queue)
{
	static atomic_flag is_told = ATOMIC_FLAG_INIT;
	int err = errno;

	if (!exec_options.gso)
		return;
	if (nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		exec_warn(&is_told,
			  "this kernel does not send packets uncut: --gso is without "
			  "effect");
	errno = err;
}

/* The attribute whose end is missing begins here. */
static uint8_t *find_cut_attribute(uint8_t *bytes, uint32_t length)
{
	struct wire_bytes rest = {.data = bytes + MESSAGE_HEAD,
				  .length = length - MESSAGE_HEAD};
	struct wire_attribute attribute;

	while (wire_attribute_next(&rest, &attribute) > 0)
		;
	return rest.length < NLA_HDRLEN ? NULL : bytes + (rest.data - bytes);
}

bool uncut_fit(struct nlmsghdr *message, uint32_t length)
{
	uint8_t *bytes = (uint8_t *)message, *attribute;
	uint32_t id;

	if (!exec_options.gso || length < MESSAGE_HEAD || message->nlmsg_len <= length ||
	    message->nlmsg_type != (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_PACKET) ||
	    wire_packet_id(bytes, length, &id) < 0)
		return false;
	message->nlmsg_len = length;
	attribute = find_cut_attribute(bytes, length);
	if (attribute)
		store_host16(attribute, (uint16_t)(bytes + length - attribute));
	note_cut(load_be16(bytes + NLMSG_HDRLEN + 2), id);
	return true;
}

bool uncut_may_replace(struct nfq_q_handle *queue, uint32_t id)
{
	static atomic_flag is_told = ATOMIC_FLAG_INIT;
	uint64_t name = name_of(queue->number, id);

	if (!exec_options.gso)
		return true;
	exec_warn(&is_told,
		  "the program sends packets back: with --gso their checksums may be "
		  "unfinished, and some are longer than the network takes");
	return atomic_load_explicit(&cut[id % PLACES], memory_order_relaxed) != name;
}
