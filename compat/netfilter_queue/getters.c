/* SPDX-License-Identifier: MIT */
/* nfq_get_*(): what a packet message says, one attribute each. */
#include <sys/time.h>

#include "data.h"
#include "handle.h"

/* The API hands out pointers to what it says it only reads. */
static void *writable(const uint8_t *bytes)
{
	return (void *)(uintptr_t)bytes;
}

static uint32_t get_u32(const struct nfq_data *data, enum wire_attr type)
{
	const uint8_t *bytes = data_get(data, type, 4);

	return bytes ? load_be32(bytes) : 0;
}

struct nfqnl_msg_packet_hdr *nfq_get_msg_packet_hdr(struct nfq_data *data)
{
	return writable(
		data_get(data, WIRE_PACKET_HDR, sizeof(struct nfqnl_msg_packet_hdr)));
}

uint32_t nfq_get_nfmark(struct nfq_data *data)
{
	return get_u32(data, WIRE_MARK);
}

int nfq_get_timestamp(struct nfq_data *data, struct timeval *time)
{
	const uint8_t *bytes = data_get(data, WIRE_TIMESTAMP, 16);

	if (!bytes)
		return -1;
	time->tv_sec = (time_t)load_be64(bytes);
	time->tv_usec = (suseconds_t)load_be64(bytes + 8);
	return 0;
}

uint32_t nfq_get_indev(struct nfq_data *data)
{
	return get_u32(data, WIRE_INDEV);
}

uint32_t nfq_get_physindev(struct nfq_data *data)
{
	return get_u32(data, WIRE_PHYSINDEV);
}

uint32_t nfq_get_outdev(struct nfq_data *data)
{
	return get_u32(data, WIRE_OUTDEV);
}

uint32_t nfq_get_physoutdev(struct nfq_data *data)
{
	return get_u32(data, WIRE_PHYSOUTDEV);
}

int nfq_get_indev_name(struct nlif_handle *names, struct nfq_data *data, char *name)
{
	return nlif_index2name(names, nfq_get_indev(data), name);
}

int nfq_get_physindev_name(struct nlif_handle *names, struct nfq_data *data, char *name)
{
	return nlif_index2name(names, nfq_get_physindev(data), name);
}

int nfq_get_outdev_name(struct nlif_handle *names, struct nfq_data *data, char *name)
{
	return nlif_index2name(names, nfq_get_outdev(data), name);
}

int nfq_get_physoutdev_name(struct nlif_handle *names, struct nfq_data *data, char *name)
{
	return nlif_index2name(names, nfq_get_physoutdev(data), name);
}

struct nfqnl_msg_packet_hw *nfq_get_packet_hw(struct nfq_data *data)
{
	return writable(data_get(data, WIRE_HWADDR, sizeof(struct nfqnl_msg_packet_hw)));
}

uint32_t nfq_get_skbinfo(struct nfq_data *data)
{
	return get_u32(data, WIRE_SKB_INFO);
}

/* 1 and the number, or 0 and nothing: 0 is somebody's number. */
static int get_owner(const struct nfq_data *data, enum wire_attr type, uint32_t *number)
{
	if (!data_get(data, type, 4))
		return 0;
	*number = get_u32(data, type);
	return 1;
}

int nfq_get_uid(struct nfq_data *data, uint32_t *uid)
{
	return get_owner(data, WIRE_UID, uid);
}

int nfq_get_gid(struct nfq_data *data, uint32_t *gid)
{
	return get_owner(data, WIRE_GID, gid);
}

int nfq_get_secctx(struct nfq_data *data, unsigned char **context)
{
	const uint8_t *bytes = data_get(data, WIRE_SECCTX, 0);

	if (!bytes)
		return -1;
	*context = writable(bytes);
	return data_length(bytes);
}

int nfq_get_payload(struct nfq_data *data, unsigned char **payload)
{
	const uint8_t *bytes = data_get(data, WIRE_PAYLOAD, 0);

	*payload = writable(bytes);
	return bytes ? data_length(bytes) : -1;
}
