/* SPDX-License-Identifier: MIT */
/* What the kernel told about a packet. */
#include "queue/queue.h"

#include <errno.h>

static bool has(const struct nfqueue_packet *packet, enum wire_attr attr)
{
	return packet->wire.present & (1u << attr);
}

static const uint8_t *bytes(const struct wire_bytes *bytes, size_t *length)
{
	*length = bytes->length;
	return bytes->length ? bytes->data : NULL;
}

static int number(const struct nfqueue_packet *packet, enum wire_attr attr,
		  uint32_t value, uint32_t *out)
{
	if (!has(packet, attr))
		return -ENOENT;
	*out = value;
	return 0;
}

uint32_t nfqueue_packet_id(const struct nfqueue_packet *packet)
{
	return packet->wire.id;
}

struct nfqueue *nfqueue_packet_queue(const struct nfqueue_packet *packet)
{
	return packet->queue;
}

uint16_t nfqueue_packet_queue_number(const struct nfqueue_packet *packet)
{
	return packet->queue->number;
}

uint8_t nfqueue_packet_family(const struct nfqueue_packet *packet)
{
	return packet->wire.family;
}

uint8_t nfqueue_packet_hook(const struct nfqueue_packet *packet)
{
	return packet->wire.hook;
}

uint16_t nfqueue_packet_hw_protocol(const struct nfqueue_packet *packet)
{
	return packet->wire.hw_protocol;
}

uint32_t nfqueue_packet_mark(const struct nfqueue_packet *packet)
{
	return packet->wire.mark;
}

uint32_t nfqueue_packet_priority(const struct nfqueue_packet *packet)
{
	return packet->wire.priority;
}

uint32_t nfqueue_packet_in_interface(const struct nfqueue_packet *packet)
{
	return packet->wire.indev;
}

uint32_t nfqueue_packet_out_interface(const struct nfqueue_packet *packet)
{
	return packet->wire.outdev;
}

uint32_t nfqueue_packet_physical_in_interface(const struct nfqueue_packet *packet)
{
	return packet->wire.physindev;
}

uint32_t nfqueue_packet_physical_out_interface(const struct nfqueue_packet *packet)
{
	return packet->wire.physoutdev;
}

int nfqueue_packet_timestamp(const struct nfqueue_packet *packet, uint64_t *nanoseconds)
{
	if (!has(packet, WIRE_TIMESTAMP))
		return -ENOENT;
	*nanoseconds = packet->wire.timestamp_sec * 1000000000u +
		       packet->wire.timestamp_usec * 1000u;
	return 0;
}

const uint8_t *nfqueue_packet_hw_address(const struct nfqueue_packet *packet,
					 size_t *length)
{
	*length = packet->wire.hw_address_length;
	return *length ? packet->wire.hw_address : NULL;
}

const uint8_t *nfqueue_packet_data(const struct nfqueue_packet *packet, size_t *length)
{
	return bytes(&packet->wire.payload, length);
}

uint32_t nfqueue_packet_length(const struct nfqueue_packet *packet)
{
	return has(packet, WIRE_CAP_LEN) ? packet->wire.cap_len
					 : packet->wire.payload.length;
}

uint32_t nfqueue_packet_skb_info(const struct nfqueue_packet *packet)
{
	return packet->wire.skb_info;
}

int nfqueue_packet_uid(const struct nfqueue_packet *packet, uint32_t *uid)
{
	return number(packet, WIRE_UID, packet->wire.uid, uid);
}

int nfqueue_packet_gid(const struct nfqueue_packet *packet, uint32_t *gid)
{
	return number(packet, WIRE_GID, packet->wire.gid, gid);
}

const char *nfqueue_packet_security_context(const struct nfqueue_packet *packet,
					    size_t *length)
{
	return (const char *)bytes(&packet->wire.secctx, length);
}

int nfqueue_packet_conntrack_state(const struct nfqueue_packet *packet, uint32_t *state)
{
	return number(packet, WIRE_CT_INFO, packet->wire.ct_info, state);
}

const uint8_t *nfqueue_packet_conntrack(const struct nfqueue_packet *packet,
					size_t *length)
{
	return bytes(&packet->wire.ct, length);
}

int nfqueue_packet_vlan(const struct nfqueue_packet *packet, uint16_t *protocol,
			uint16_t *tci)
{
	if (!has(packet, WIRE_VLAN))
		return -ENOENT;
	*protocol = packet->wire.vlan_protocol;
	*tci = packet->wire.vlan_tci;
	return 0;
}

const uint8_t *nfqueue_packet_l2_header(const struct nfqueue_packet *packet,
					size_t *length)
{
	return bytes(&packet->wire.l2_header, length);
}

int nfqueue_packet_cgroup_class(const struct nfqueue_packet *packet, uint32_t *class_id)
{
	return number(packet, WIRE_CGROUP_CLASSID, packet->wire.cgroup_classid, class_id);
}
