/* SPDX-License-Identifier: MIT */
/* pktb_*(): packet buffers. */
#include "pktbuff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_ether.h>

#include "wire/bytes.h"

/* Finds the network header. Returns 0, or -EPROTONOSUPPORT. */
static int find_network(struct pkt_buff *pktb, int family)
{
	uint16_t protocol;

	if (family == AF_INET || family == AF_INET6)
		pktb->network = pktb->data;
	if (family != AF_BRIDGE)
		return 0;
	if (pktb->length < ETH_HLEN)
		return -EPROTONOSUPPORT;
	protocol = load_be16(pktb->data + 2 * ETH_ALEN);
	if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
		return -EPROTONOSUPPORT;
	pktb->mac = pktb->data;
	pktb->network = pktb->data + ETH_HLEN;
	return 0;
}

struct pkt_buff *pktb_setup_raw(void *head, int family, void *data, size_t length,
				size_t extra)
{
	struct pkt_buff *pktb = head;

	if (length > UINT32_MAX || extra > UINT32_MAX - length) {
		errno = EMSGSIZE;
		return NULL;
	}
	*pktb = (struct pkt_buff){.head = data,
				  .data = data,
				  .end = (uint8_t *)data + length + extra,
				  .length = (uint32_t)length};
	if (find_network(pktb, family) < 0) {
		errno = EPROTONOSUPPORT;
		return NULL;
	}
	return pktb;
}

struct pkt_buff *pktb_alloc(int family, void *data, size_t length, size_t extra)
{
	struct pkt_buff *pktb = NULL;
	uint8_t *bytes;

	if (length <= UINT32_MAX && extra <= UINT32_MAX - length)
		pktb = malloc(sizeof(*pktb) + length + extra);
	if (!pktb) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = (uint8_t *)(pktb + 1);
	if (length)
		memcpy(bytes, data, length);
	memset(bytes + length, 0, extra);
	if (pktb_setup_raw(pktb, family, bytes, length, extra))
		return pktb;
	free(pktb);
	return NULL;
}

void pktb_free(struct pkt_buff *pktb)
{
	free(pktb);
}

size_t pktb_head_size(void)
{
	return sizeof(struct pkt_buff);
}

uint8_t *pktb_data(struct pkt_buff *pktb)
{
	return pktb->data;
}

uint32_t pktb_len(struct pkt_buff *pktb)
{
	return pktb->length;
}

static unsigned int at_most(unsigned int length, size_t limit)
{
	return length < limit ? length : (unsigned int)limit;
}

unsigned int pktb_tailroom(struct pkt_buff *pktb)
{
	return (unsigned int)(pktb->end - pktb->data) - pktb->length;
}

void pktb_push(struct pkt_buff *pktb, unsigned int length)
{
	length = at_most(length, (size_t)(pktb->data - pktb->head));
	pktb->data -= length;
	pktb->length += length;
}

void pktb_pull(struct pkt_buff *pktb, unsigned int length)
{
	length = at_most(length, pktb->length);
	pktb->data += length;
	pktb->length -= length;
}

void pktb_put(struct pkt_buff *pktb, unsigned int length)
{
	pktb->length += at_most(length, pktb_tailroom(pktb));
}

/* Longer, too, as upstream does, but not longer than the buffer. */
void pktb_trim(struct pkt_buff *pktb, unsigned int length)
{
	pktb->length = at_most(length, (size_t)(pktb->end - pktb->data));
}

uint8_t *pktb_mac_header(struct pkt_buff *pktb)
{
	return pktb->mac;
}

uint8_t *pktb_network_header(struct pkt_buff *pktb)
{
	return pktb->network;
}

uint8_t *pktb_transport_header(struct pkt_buff *pktb)
{
	return pktb->transport;
}

bool pktb_mangled(const struct pkt_buff *pktb)
{
	return pktb->is_mangled;
}

uint32_t pktb_left(const struct pkt_buff *pktb, const uint8_t *at)
{
	if (!at || at < pktb->data || at > pktb->data + pktb->length)
		return 0;
	return pktb->length - (uint32_t)(at - pktb->data);
}

void *pktb_transport(const struct pkt_buff *pktb, uint32_t size)
{
	return pktb_left(pktb, pktb->transport) >= size ? pktb->transport : NULL;
}

int pktb_mangle(struct pkt_buff *pktb, int header, unsigned int offset,
		unsigned int length, const char *bytes, unsigned int count)
{
	int64_t start, behind;

	if (!pktb->network)
		return 0;
	start = pktb->network - pktb->data + (int64_t)header + offset;
	behind = (int64_t)pktb->length - start - length;
	if (start < 0 || behind < 0)
		return 0;
	if (count > length && count - length > pktb_tailroom(pktb))
		return 0;
	memmove(pktb->data + start + count, pktb->data + start + length, (size_t)behind);
	if (count)
		memcpy(pktb->data + start, bytes, count);
	pktb->length += count - length;
	pktb->is_mangled = true;
	return 1;
}
