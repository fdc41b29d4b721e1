/* SPDX-License-Identifier: MIT */
/*
 * nfnetlink_queue messages <-> structs. Bytes in, bytes out: no socket, no malloc, no
 * clock. Host byte order in every struct, network byte order only in the bytes.
 * Numbers are our own, from the UAPI of kernel 6.18, so that an old set of kernel headers
 * builds the whole library.
 *
 * Decoders return 0 or -EBADMSG: a length is short or lies. Attributes of an unknown type
 * are skipped. Encoders append at a cursor; one that does not fit sets the cursor's
 * sticky error and writes nothing: check once, at the end (wire_writer.error).
 */
#ifndef NFQUEUE_WIRE_H
#define NFQUEUE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nfnetlink: uapi/linux/netfilter/nfnetlink.h */
#define WIRE_SUBSYSTEM_QUEUE 3

/* uapi/linux/netfilter/nfnetlink_queue.h, enum nfqnl_msg_types */
enum wire_message_type {
	WIRE_MSG_PACKET = 0,
	WIRE_MSG_VERDICT = 1,
	WIRE_MSG_CONFIG = 2,
	WIRE_MSG_VERDICT_BATCH = 3,
};

/* enum nfqnl_attr_type; a present bit is 1 << the number */
enum wire_attr {
	WIRE_PACKET_HDR = 1,
	WIRE_VERDICT_HDR = 2,
	WIRE_MARK = 3,
	WIRE_TIMESTAMP = 4,
	WIRE_INDEV = 5,
	WIRE_OUTDEV = 6,
	WIRE_PHYSINDEV = 7,
	WIRE_PHYSOUTDEV = 8,
	WIRE_HWADDR = 9,
	WIRE_PAYLOAD = 10,
	WIRE_CT = 11,
	WIRE_CT_INFO = 12,
	WIRE_CAP_LEN = 13,
	WIRE_SKB_INFO = 14,
	WIRE_EXP = 15,
	WIRE_UID = 16,
	WIRE_GID = 17,
	WIRE_SECCTX = 18,
	WIRE_VLAN = 19,
	WIRE_L2HDR = 20,
	WIRE_PRIORITY = 21,
	WIRE_CGROUP_CLASSID = 22,
};

/* A range of bytes inside somebody else's buffer. */
struct wire_bytes {
	const uint8_t *data;
	uint32_t length;
};

/* ---- decode -------------------------------------------------------------------- */

/* The header of any netlink message, with the attributes behind nfgenmsg if any. */
struct wire_message {
	uint32_t length; /* of the message, unpadded */
	uint16_t type;   /* subsystem << 8 | wire_message_type, or NLMSG_ERROR ... */
	uint16_t flags;
	uint32_t sequence;
	uint32_t port_id;
	struct wire_bytes body; /* behind nlmsghdr */
};

/* The next message in `buffer`; call with what wire_message_next left of it.
 * Returns 1 and advances `buffer`, 0 at its end, -EBADMSG. */
int wire_message_next(struct wire_bytes *buffer, struct wire_message *message);

/* One NFQNL_MSG_PACKET. Pointers point into the message. */
struct wire_packet {
	uint32_t present; /* bit 1 << enum wire_attr for each attribute decoded */
	uint32_t id;
	uint16_t queue;
	uint16_t hw_protocol;
	uint8_t family;
	uint8_t hook;
	uint8_t hw_address_length; /* 0..8 */
	uint8_t hw_address[8];
	uint32_t mark;
	uint32_t indev, outdev, physindev, physoutdev;
	uint32_t cap_len;  /* original length, if the copy range cut it */
	uint32_t skb_info; /* 1 checksum not ready, 2 GSO, 4 checksum not verified */
	uint32_t ct_info;
	uint32_t uid, gid;
	uint32_t priority;
	uint32_t cgroup_classid;
	uint16_t vlan_protocol, vlan_tci;
	uint64_t timestamp_sec, timestamp_usec;
	struct wire_bytes payload;
	struct wire_bytes ct;
	struct wire_bytes expectation;
	struct wire_bytes secctx;
	struct wire_bytes l2_header;
};

/* True if the message is NFQNL_MSG_PACKET. */
bool wire_is_packet(const struct wire_message *message);

/* Decodes the body of a packet message. -EBADMSG also when the packet header is missing.
 * Fields of attributes that are absent are 0. An attribute that comes twice: the last.
 * After an error, `packet` holds what was decoded until then. */
int wire_packet_decode(const struct wire_message *message, struct wire_packet *packet);

/* The id of a packet message that was cut short or makes no sense, from the first
 * `length` bytes of it. Returns 0, or -EBADMSG: not even the packet header is there. */
int wire_packet_id(const void *data, size_t length, uint32_t *id);

/* NLMSG_ERROR: the answer to a request, an ACK when error is 0. */
struct wire_error {
	int error;             /* 0, or a negative errno */
	uint32_t sequence;     /* of the request */
	uint16_t request_type; /* nlmsg_type of the request */
	struct wire_bytes
		text;    /* kernel's words (extended ACK), unterminated; or empty */
	uint32_t offset; /* of the bad attribute in the request; 0: not told */
	struct wire_bytes
		request; /* the request as echoed behind its header; often empty */
};

/* Decodes an NLMSG_ERROR. -EBADMSG also for a message of another type, and for an error
 * that is no errno (above 0, below -4095). */
int wire_error_decode(const struct wire_message *message, struct wire_error *error);

/* ---- encode -------------------------------------------------------------------- */

/* Appends to `data`. A message is begun, filled, ended; several may follow each other. */
struct wire_writer {
	uint8_t *data;
	size_t size;    /* of the buffer */
	size_t length;  /* written so far; after the end of a message a multiple of 4 */
	size_t message; /* where the open message began */
	int error;      /* 0, or -EMSGSIZE once something did not fit: sticky */
};

void wire_writer_init(struct wire_writer *writer, void *data, size_t size);

/* What a verdict says; `present` has a bit 1 << enum wire_attr for each optional part. */
struct wire_verdict {
	uint16_t queue;
	uint32_t id;
	uint32_t code;    /* NF_* word, whole */
	uint32_t present; /* of WIRE_MARK, PRIORITY, PAYLOAD, VLAN, L2HDR, CT, EXP */
	uint32_t mark;
	uint32_t priority;
	uint16_t vlan_protocol, vlan_tci; /* VLAN present with protocol 0: tag removed */
	struct wire_bytes l2_header;
	struct wire_bytes payload;
	struct wire_bytes expectation; /* nested CTA_EXPECT_* attributes, ready made */
	/* inside WIRE_CT: */
	uint32_t ct_present; /* WIRE_CT_HAS_* */
	uint32_t ct_mark, ct_mark_mask;
	struct wire_bytes ct_labels,
		ct_labels_mask; /* at most 16 bytes, multiples of 4 */
};
#define WIRE_CT_HAS_MARK 1u
#define WIRE_CT_HAS_MARK_MASK 2u
#define WIRE_CT_HAS_LABELS 4u
#define WIRE_CT_HAS_LABELS_MASK 8u

/* Appends NFQNL_MSG_VERDICT. Payload comes last, its length exact. */
void wire_put_verdict(struct wire_writer *writer, const struct wire_verdict *verdict,
		      uint32_t sequence);

/* The same, but of the payload only its length is looked at: whoever sends puts its
 * bytes, padded to a multiple of 4, behind what was written until now. */
void wire_put_verdict_head(struct wire_writer *writer, const struct wire_verdict *verdict,
			   uint32_t sequence);

/* Appends NFQNL_MSG_VERDICT_BATCH: every waiting id up to verdict->id. Only mark and
 * priority are sent of the optional parts. */
void wire_put_range_verdict(struct wire_writer *writer,
			    const struct wire_verdict *verdict, uint32_t sequence);

/* enum nfqnl_msg_config_cmds; 0: none */
enum wire_command {
	WIRE_CMD_NONE = 0,
	WIRE_CMD_BIND = 1,
	WIRE_CMD_UNBIND = 2,
	WIRE_CMD_PF_BIND = 3,
	WIRE_CMD_PF_UNBIND = 4,
};

/* enum nfqnl_config_mode */
enum wire_copy_mode { WIRE_COPY_NONE = 0, WIRE_COPY_META = 1, WIRE_COPY_PACKET = 2 };

#define WIRE_CONFIG_HAS_PARAMS 1u
#define WIRE_CONFIG_HAS_MAXLEN 2u
#define WIRE_CONFIG_HAS_FLAGS 4u

/* One NFQNL_MSG_CONFIG: any of the parts together. */
struct wire_config {
	uint16_t queue;
	uint8_t command;      /* enum wire_command */
	uint8_t copy_mode;    /* HAS_PARAMS */
	uint16_t family;      /* of the command: AF_* */
	uint32_t present;     /* WIRE_CONFIG_HAS_* */
	uint32_t copy_range;  /* HAS_PARAMS */
	uint32_t max_length;  /* HAS_MAXLEN */
	uint32_t flags, mask; /* HAS_FLAGS */
};

/* Appends NFQNL_MSG_CONFIG; with `ack` the kernel answers each, else errors only. */
void wire_put_config(struct wire_writer *writer, const struct wire_config *config,
		     uint32_t sequence, bool ack);

/* The largest plain verdict: header, nfgenmsg, verdict header, mark, priority. */
#define WIRE_VERDICT_PLAIN_MAX 48

/* The most that a payload may have. Source: nla_len. */
#define WIRE_PAYLOAD_MAX 65531

/* Bytes that stand before the payload of a packet at the most, conntrack and security
 * context left out: what a receive slot needs beside the copy range. */
#define WIRE_PACKET_OVERHEAD 512

#endif
