/* SPDX-License-Identifier: MIT */
#include "capture/link.h"

#include <errno.h>
#include <pcap/dlt.h>
#include <stddef.h>
#include <string.h>

#include <nfqueue/packet.h>

#define TAGS_MAX 8u /* no network nests more */
#define PPP_IPV4 0x0021u
#define PPP_IPV6 0x0057u

static uint16_t load16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)load16(bytes) << 16 | load16(bytes + 2);
}

/* The bytes that are left, from the link-layer header's next field on. */
struct cursor {
	const uint8_t *data;
	uint32_t at, end;
};

static const uint8_t *take(struct cursor *cursor, uint32_t length)
{
	const uint8_t *bytes;

	if (length > cursor->end - cursor->at)
		return NULL;
	bytes = cursor->data + cursor->at;
	cursor->at += length;
	return bytes;
}

/* The version is what the IP header says; the link layer must not say otherwise. */
static int find_ip(struct cursor *cursor, uint16_t protocol, struct link_found *found)
{
	uint8_t version;

	if (cursor->at == cursor->end)
		return -ENOENT;
	version = cursor->data[cursor->at] >> 4;
	if ((version != 4 && version != 6) ||
	    (protocol && protocol != LINK_IPV4 && version == 4) ||
	    (protocol && protocol != LINK_IPV6 && version == 6))
		return -ENOENT;
	found->offset = cursor->at;
	found->protocol = version == 4 ? LINK_IPV4 : LINK_IPV6;
	return 0;
}

/* Source: RFC 1661 section 2: a compressed protocol field is one odd byte. */
static int find_ppp_protocol(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *bytes = take(cursor, 1);
	uint16_t protocol;

	if (!bytes)
		return -ENOENT;
	protocol = bytes[0];
	if (!(protocol & 1)) {
		bytes = take(cursor, 1);
		if (!bytes)
			return -ENOENT;
		protocol = (uint16_t)(protocol << 8 | bytes[0]);
	}
	if (protocol == PPP_IPV4)
		return find_ip(cursor, LINK_IPV4, found);
	return protocol == PPP_IPV6 ? find_ip(cursor, LINK_IPV6, found) : -ENOENT;
}

/* Source: RFC 2516 section 4. */
static int find_pppoe(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *header = take(cursor, 6);

	if (!header || header[0] != 0x11 || header[1] != 0)
		return -ENOENT;
	return find_ppp_protocol(cursor, found);
}

static bool is_tag(uint16_t protocol)
{
	return protocol == LINK_VLAN || protocol == LINK_QINQ ||
	       protocol == LINK_QINQ_OLD;
}

/* What an EtherType and the bytes behind it are. */
static int find_ethertype(struct cursor *cursor, uint16_t protocol,
			  struct link_found *found)
{
	for (uint32_t tags = 0; is_tag(protocol) && tags < TAGS_MAX; tags++) {
		const uint8_t *tag = take(cursor, 4);

		if (!tag)
			return -ENOENT;
		if (tags == 0) {
			found->vlan_protocol = protocol;
			found->vlan_tci = load16(tag);
		}
		protocol = load16(tag + 2);
	}
	if (protocol == LINK_PPPOE)
		return find_pppoe(cursor, found);
	if (protocol != LINK_IPV4 && protocol != LINK_IPV6)
		return -ENOENT;
	return find_ip(cursor, protocol, found);
}

static void keep_address(struct link_found *found, const uint8_t *address,
			 uint32_t length)
{
	found->hw_address_length =
		(uint8_t)(length < sizeof(found->hw_address) ? length
							     : sizeof(found->hw_address));
	memcpy(found->hw_address, address, found->hw_address_length);
}

static int find_ethernet(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *header = take(cursor, 14);

	if (!header)
		return -ENOENT;
	keep_address(found, header + 6, 6);
	return find_ethertype(cursor, load16(header + 12), found);
}

static int find_raw(struct cursor *cursor, struct link_found *found)
{
	return find_ip(cursor, 0, found);
}

static int find_raw4(struct cursor *cursor, struct link_found *found)
{
	return find_ip(cursor, LINK_IPV4, found);
}

static int find_raw6(struct cursor *cursor, struct link_found *found)
{
	return find_ip(cursor, LINK_IPV6, found);
}

/* An address family of any BSD, in the byte order of any machine (NULL), or in network
 * byte order (LOOP): the IP version behind it is sure. */
static int find_null(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *family = take(cursor, 4);
	uint32_t value;

	if (!family)
		return -ENOENT;
	value = load32(family);
	if (value & 0xffff0000u && value & 0x0000ffffu)
		return -ENOENT;
	return find_ip(cursor, 0, found);
}

static void keep_direction(struct link_found *found, uint32_t packet_type)
{
	found->outgoing = packet_type == LINK_PACKET_OUTGOING;
	found->incoming = packet_type <= LINK_PACKET_MULTICAST;
}

static int find_sll(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *header = take(cursor, 16);

	if (!header)
		return -ENOENT;
	keep_direction(found, load16(header));
	keep_address(found, header + 6, load16(header + 4));
	return find_ethertype(cursor, load16(header + 14), found);
}

static int find_sll2(struct cursor *cursor, struct link_found *found)
{
	const uint8_t *header = take(cursor, 20);

	if (!header)
		return -ENOENT;
	found->interface = load32(header + 4);
	keep_direction(found, header[10]);
	keep_address(found, header + 12, header[11]);
	return find_ethertype(cursor, load16(header), found);
}

/* Address and control field may be there or not. Source: RFC 1662 section 3.1. */
static int find_ppp(struct cursor *cursor, struct link_found *found)
{
	if (cursor->end - cursor->at >= 2 && cursor->data[cursor->at] == 0xff &&
	    cursor->data[cursor->at + 1] == 0x03)
		cursor->at += 2;
	return find_ppp_protocol(cursor, found);
}

/* Source: uapi/linux/netfilter/nfnetlink_log.h, enum nfulnl_attr_type. */
enum {
	NFLOG_PACKET = 1,
	NFLOG_MARK = 2,
	NFLOG_IN = 4,
	NFLOG_HW_ADDRESS = 8,
	NFLOG_PAYLOAD = 9,
};

static void keep_nflog(struct link_found *found, uint16_t type, const uint8_t *value,
		       uint32_t length)
{
	if (type == NFLOG_PACKET && length >= 3 && value[2] <= NFQUEUE_HOOK_POSTROUTING)
		found->hook = value[2];
	else if (type == NFLOG_MARK && length >= 4)
		found->mark = load32(value);
	else if (type == NFLOG_IN && length >= 4)
		found->interface = load32(value);
	else if (type == NFLOG_HW_ADDRESS && length >= 12)
		keep_address(found, value + 4, load16(value));
}

/* Attributes, their numbers in this machine's byte order: libpcap has seen to it. What
 * the log message knows of the packet stands in front of it. */
static int find_nflog(struct cursor *cursor, struct link_found *found)
{
	uint16_t length, type;

	if (!take(cursor, 4))
		return -ENOENT;
	for (;;) {
		const uint8_t *header = take(cursor, 4), *value;

		if (!header)
			return -ENOENT;
		memcpy(&length, header, sizeof(length));
		memcpy(&type, header + 2, sizeof(type));
		if (length < 4)
			return -ENOENT;
		if (type == NFLOG_PAYLOAD)
			return find_ip(cursor, 0, found);
		value = take(cursor, length - 4u);
		if (!value || !take(cursor, -length & 3u))
			return -ENOENT;
		keep_nflog(found, type, value, length - 4u);
	}
}

static const struct {
	int link_type;
	int (*find)(struct cursor *cursor, struct link_found *found);
} types[] = {
	{DLT_EN10MB, find_ethernet}, {DLT_RAW, find_raw},
	{DLT_IPV4, find_raw4},       {DLT_IPV6, find_raw6},
	{DLT_LINUX_SLL, find_sll},   {DLT_LINUX_SLL2, find_sll2},
	{DLT_NULL, find_null},       {DLT_LOOP, find_null},
	{DLT_PPP, find_ppp},         {DLT_PPP_SERIAL, find_ppp},
	{DLT_PPP_ETHER, find_pppoe}, {DLT_NFLOG, find_nflog},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

bool link_is_known(int link_type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].link_type == link_type)
			return true;
	return false;
}

int link_find(int link_type, const uint8_t *data, uint32_t captured,
	      struct link_found *found)
{
	struct cursor cursor = {.data = data, .end = captured};

	*found = (struct link_found){.hook = LINK_NO_HOOK};
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].link_type == link_type)
			return types[i].find(&cursor, found);
	return -ENOENT;
}
