/* SPDX-License-Identifier: MIT */
/*
 * Views: read-only, bounds-checked looks into the bytes of one IP packet. Nothing is
 * copied and nothing allocated; a view lives as long as the bytes it was made from.
 * Every getter fills a struct in host byte order (addresses stay bytes) and returns 0,
 * or a negative errno: -ENOENT the packet has no such header, -EBADMSG the header is
 * there but cut short or its lengths lie. Any thread, one view per thread or read-only.
 */
#ifndef NFQUEUE_VIEW_H
#define NFQUEUE_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NFQUEUE_VIEW_FRAGMENT (1u << 0) /**< a fragment, but no atomic one (RFC 6946) */
#define NFQUEUE_VIEW_LATER_FRAGMENT (1u << 1) /**< offset > 0: no transport header */
#define NFQUEUE_VIEW_TRUNCATED (1u << 2)      /**< fewer bytes here than the IP length */
#define NFQUEUE_VIEW_BAD (1u << 3) /**< a header's length lies: see each getter */

/**
 * Where the layers of a packet are. Fill it with nfqueue_view_parse(); offsets are bytes
 * from `data` and never exceed `length`.
 */
struct nfqueue_view {
	const uint8_t *data;   /**< the IP header */
	uint32_t length;       /**< bytes at `data` that belong to the IP packet: what was
				* captured, less anything after the IP total length */
	uint32_t total_length; /**< the packet's length as its IP header tells it; for a
				* length of 0 (jumbo, big TCP) what was captured */
	uint8_t ip_version;    /**< 4, 6, or 0: not IP */
	uint8_t protocol;      /**< IPPROTO_* of the transport header */
	uint16_t flags;        /**< NFQUEUE_VIEW_* */
	uint32_t transport_offset; /**< the transport header; == length if none */
	uint32_t payload_offset;   /**< behind the transport header; == length if none, or
				    * if it is neither TCP, UDP, ICMP nor ICMPv6 */
};

struct nfqueue_ipv4 {
	uint8_t header_length; /**< bytes, 20..60 */
	uint8_t dscp;          /**< 0..63 */
	uint8_t ecn;           /**< 0..3 */
	uint8_t ttl;
	uint8_t protocol;
	uint8_t dont_fragment;  /**< 0 or 1 */
	uint8_t more_fragments; /**< 0 or 1 */
	uint8_t reserved;
	uint16_t total_length;
	uint16_t id;
	uint16_t fragment_offset; /**< bytes */
	uint16_t checksum;
	uint8_t source[4];
	uint8_t destination[4];
};

struct nfqueue_ipv6 {
	uint8_t traffic_class;
	uint8_t next_header; /**< as in the fixed header, an extension header perhaps */
	uint8_t hop_limit;
	uint8_t reserved;
	uint32_t flow_label;
	uint16_t payload_length;
	uint16_t reserved2;
	uint8_t source[16];
	uint8_t destination[16];
};

/** One IPv4 or TCP option, or one IPv6 extension header, with its bytes. */
struct nfqueue_option {
	uint8_t type; /**< option kind, or extension header number */
	uint8_t reserved[3];
	uint32_t offset;     /**< of the option's first byte, from view->data */
	uint32_t length;     /**< whole, with its type and length bytes */
	const uint8_t *data; /**< its first byte */
};

struct nfqueue_tcp {
	uint16_t source_port;
	uint16_t destination_port;
	uint32_t sequence;
	uint32_t acknowledgement;
	uint8_t header_length; /**< bytes, 20..60 */
	uint8_t flags;         /**< NFQUEUE_TCP_* */
	uint16_t window;
	uint16_t checksum;
	uint16_t urgent;
};

/** TCP flags. Source: RFC 9293 section 3.1. */
#define NFQUEUE_TCP_FIN 0x01
#define NFQUEUE_TCP_SYN 0x02
#define NFQUEUE_TCP_RST 0x04
#define NFQUEUE_TCP_PSH 0x08
#define NFQUEUE_TCP_ACK 0x10
#define NFQUEUE_TCP_URG 0x20
#define NFQUEUE_TCP_ECE 0x40
#define NFQUEUE_TCP_CWR 0x80

struct nfqueue_udp {
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t length;
	uint16_t checksum;
};

/** ICMP and ICMPv6: type and code of their own number spaces. */
struct nfqueue_icmp {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t id;       /**< echo messages; else the bytes that stand there */
	uint16_t sequence; /**< echo messages; else the bytes that stand there */
};

/** Who talks to whom: the 5-tuple. Compare with nfqueue_flow_equal(), not memcmp. */
struct nfqueue_flow {
	uint8_t ip_version;   /**< 4 or 6; IPv4 addresses fill the first four bytes */
	uint8_t protocol;     /**< IPv6 fragments: what their fragment header names */
	uint16_t source_port; /**< 0 for fragments and protocols without ports; */
	uint16_t destination_port; /**< ICMP echo: both the echo id */
	uint16_t reserved;
	uint8_t source[16];
	uint8_t destination[16];
};

/**
 * Finds the layers of the IP packet at `data`.
 *
 * @param view   filled in any case; on an error only what stands before the fault is set
 * @param data   the packet from its IP header on; must outlive the view
 * @param length bytes at `data`
 * @return 0, or -EBADMSG: not IPv4 or IPv6, or shorter than its IP header.
 * A fault behind the IP header is no error here: it sets NFQUEUE_VIEW_BAD.
 * Source: RFC 791 section 3.1, RFC 8200 section 4.
 */
NFQUEUE_API int nfqueue_view_parse(struct nfqueue_view *view, const void *data,
				   size_t length);

/** The IPv4 header. Errors and thread rule: top of this file. Source: RFC 791
 * section 3.1. */
NFQUEUE_API int nfqueue_view_ipv4(const struct nfqueue_view *view,
				  struct nfqueue_ipv4 *out);

/** The fixed IPv6 header. Errors: top of this file. Source: RFC 8200 section 3. */
NFQUEUE_API int nfqueue_view_ipv6(const struct nfqueue_view *view,
				  struct nfqueue_ipv6 *out);

/** The TCP header. Errors: top of this file. Source: RFC 9293 section 3.1. */
NFQUEUE_API int nfqueue_view_tcp(const struct nfqueue_view *view,
				 struct nfqueue_tcp *out);

/** The UDP header. Errors: top of this file. Source: RFC 768. */
NFQUEUE_API int nfqueue_view_udp(const struct nfqueue_view *view,
				 struct nfqueue_udp *out);

/** The ICMP header (IPv4). Errors: top of this file. Source: RFC 792. */
NFQUEUE_API int nfqueue_view_icmp(const struct nfqueue_view *view,
				  struct nfqueue_icmp *out);

/** The ICMPv6 header (IPv6). Errors: top of this file. Source: RFC 4443 section 2.1. */
NFQUEUE_API int nfqueue_view_icmpv6(const struct nfqueue_view *view,
				    struct nfqueue_icmp *out);

/**
 * The IPv4 option behind `option`; start with `option->data = NULL`.
 *
 * @return 1 an option (end-of-list is none, no-operation is one of length 1), 0 no more,
 * -ENOENT not IPv4, -EBADMSG a length lies. Source: RFC 791 section 3.1.
 */
NFQUEUE_API int nfqueue_view_ipv4_option(const struct nfqueue_view *view,
					 struct nfqueue_option *option);

/**
 * The IPv6 extension header behind `option`; start with `option->data = NULL`.
 *
 * @return 1 a header, 0 no more, -ENOENT not IPv6, -EBADMSG a length lies.
 * Source: RFC 8200 section 4.
 */
NFQUEUE_API int nfqueue_view_ipv6_extension(const struct nfqueue_view *view,
					    struct nfqueue_option *option);

/**
 * The TCP option behind `option`; start with `option->data = NULL`.
 *
 * @return 1 an option, 0 no more, -ENOENT not TCP, -EBADMSG a length lies.
 * Source: RFC 9293 section 3.1.
 */
NFQUEUE_API int nfqueue_view_tcp_option(const struct nfqueue_view *view,
					struct nfqueue_option *option);

/**
 * The bytes behind the transport header.
 *
 * @param length out: bytes captured, 0 if none; for UDP no more than its length says
 * @return the first byte, or NULL if there is no transport header.
 * Source: RFC 768, RFC 9293 section 3.1.
 */
NFQUEUE_API const uint8_t *nfqueue_view_payload(const struct nfqueue_view *view,
						uint32_t *length);

/**
 * The packet's 5-tuple.
 *
 * @return 0, or -EBADMSG: not IP. Source: RFC 6146 section 2 (5-tuple).
 */
NFQUEUE_API int nfqueue_view_flow(const struct nfqueue_view *view,
				  struct nfqueue_flow *out);

/** 1 if both are the same flow in the same direction, else 0. Any thread. Source: RFC
 * 6146. */
NFQUEUE_API int nfqueue_flow_equal(const struct nfqueue_flow *a,
				   const struct nfqueue_flow *b);

/**
 * A hash that is the same for both directions of a flow, and for all fragments of one.
 * It is no secret and no defence: give a random `seed` where an enemy picks the flows.
 *
 * @param flow from nfqueue_view_flow()
 * @param seed any number
 * @return 32 well-mixed bits. Source: none (MurmurHash3's finaliser).
 */
NFQUEUE_API uint32_t nfqueue_flow_hash(const struct nfqueue_flow *flow, uint32_t seed);

/**
 * The packet in one line of text, as `tcpdump -n -S` prints it, without the time.
 *
 * It differs where tcpdump decodes what an IP packet carries: the line ends at the
 * transport header (no DNS, HTTP, ...: "UDP, length 30"), names SCTP and DCCP without
 * their chunks and types, shows IGMP, GRE, OSPF and such as " ip-proto-N LENGTH" and
 * MPTCP options in hex, and has no second line. A packet whose length field is 0 is read
 * to its end (big TCP), and bytes that are missing were not captured: "truncated-ip" is
 * said of the inner packet of a tunnel only.
 *
 * @param text out: always terminated if `size` > 0
 * @param size bytes at `text`; 256 hold nearly every packet
 * @return the length of the whole line as snprintf() returns it. Never an error: bytes
 * that are no packet give a line that says so. Source: tcpdump(1), OUTPUT FORMAT.
 */
NFQUEUE_API int nfqueue_view_text(const struct nfqueue_view *view, char *text,
				  size_t size);

#ifdef __cplusplus
}
#endif

#endif
