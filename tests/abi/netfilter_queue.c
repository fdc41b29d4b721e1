/* SPDX-License-Identifier: MIT */
/*
 * The interface as a compiler sees it: each function's type, each struct's layout, each
 * constant. Compiled against our headers and against upstream's, if they are there: what
 * holds for both is the same interface. UPSTREAM: without what 1.0.5 does not have.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>
#include <libnetfilter_queue/libnetfilter_queue_tcp.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

struct nlattr;

#define IS(name, ...)                                                               \
	_Static_assert(__builtin_types_compatible_p(__typeof__(name), __VA_ARGS__), \
		       #name " has another type")
#define FIELD(type, field, offset, size)                                    \
	_Static_assert(offsetof(struct type, field) == (offset) &&          \
			       sizeof(((struct type *)0)->field) == (size), \
		       #type "." #field " is elsewhere")
#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

IS(nfq_errno, int);
IS(nfq_callback,
   int(struct nfq_q_handle *, struct nfgenmsg *, struct nfq_data *, void *));
IS(nfq_open, struct nfq_handle *(void));
IS(nfq_open_nfnl, struct nfq_handle *(struct nfnl_handle *));
IS(nfq_close, int(struct nfq_handle *));
IS(nfq_nfnlh, struct nfnl_handle *(struct nfq_handle *));
IS(nfq_fd, int(struct nfq_handle *));
IS(nfq_bind_pf, int(struct nfq_handle *, uint16_t));
IS(nfq_unbind_pf, int(struct nfq_handle *, uint16_t));
IS(nfq_create_queue,
   struct nfq_q_handle *(struct nfq_handle *, uint16_t, nfq_callback *, void *));
IS(nfq_destroy_queue, int(struct nfq_q_handle *));
IS(nfq_set_mode, int(struct nfq_q_handle *, uint8_t, unsigned int));
IS(nfq_set_queue_maxlen, int(struct nfq_q_handle *, uint32_t));
IS(nfq_set_queue_flags, int(struct nfq_q_handle *, uint32_t, uint32_t));
IS(nfq_handle_packet, int(struct nfq_handle *, char *, int));
IS(nfq_set_verdict,
   int(struct nfq_q_handle *, uint32_t, uint32_t, uint32_t, const unsigned char *));
IS(nfq_set_verdict2, int(struct nfq_q_handle *, uint32_t, uint32_t, uint32_t, uint32_t,
			 const unsigned char *));
IS(nfq_set_verdict_batch, int(struct nfq_q_handle *, uint32_t, uint32_t));
IS(nfq_set_verdict_batch2, int(struct nfq_q_handle *, uint32_t, uint32_t, uint32_t));
IS(nfq_set_verdict_mark, int(struct nfq_q_handle *, uint32_t, uint32_t, uint32_t,
			     uint32_t, const unsigned char *));
IS(nfq_get_msg_packet_hdr, struct nfqnl_msg_packet_hdr *(struct nfq_data *));
IS(nfq_get_packet_hw, struct nfqnl_msg_packet_hw *(struct nfq_data *));
IS(nfq_get_nfmark, uint32_t(struct nfq_data *));
IS(nfq_get_indev, uint32_t(struct nfq_data *));
IS(nfq_get_physindev, uint32_t(struct nfq_data *));
IS(nfq_get_outdev, uint32_t(struct nfq_data *));
IS(nfq_get_physoutdev, uint32_t(struct nfq_data *));
IS(nfq_get_skbinfo, uint32_t(struct nfq_data *));
IS(nfq_get_uid, int(struct nfq_data *, uint32_t *));
IS(nfq_get_gid, int(struct nfq_data *, uint32_t *));
IS(nfq_get_timestamp, int(struct nfq_data *, struct timeval *));
IS(nfq_get_secctx, int(struct nfq_data *, unsigned char **));
IS(nfq_get_payload, int(struct nfq_data *, unsigned char **));
IS(nfq_get_indev_name, int(struct nlif_handle *, struct nfq_data *, char *));
IS(nfq_get_physindev_name, int(struct nlif_handle *, struct nfq_data *, char *));
IS(nfq_get_outdev_name, int(struct nlif_handle *, struct nfq_data *, char *));
IS(nfq_get_physoutdev_name, int(struct nlif_handle *, struct nfq_data *, char *));
IS(nfq_snprintf_xml, int(char *, size_t, struct nfq_data *, int));
IS(nfq_nlmsg_put, struct nlmsghdr *(char *, int, uint32_t));
IS(nfq_nlmsg_cfg_put_cmd, void(struct nlmsghdr *, uint16_t, uint8_t));
IS(nfq_nlmsg_cfg_put_params, void(struct nlmsghdr *, uint8_t, int));
IS(nfq_nlmsg_cfg_put_qmaxlen, void(struct nlmsghdr *, uint32_t));
IS(nfq_nlmsg_verdict_put, void(struct nlmsghdr *, int, int));
IS(nfq_nlmsg_verdict_put_mark, void(struct nlmsghdr *, uint32_t));
IS(nfq_nlmsg_verdict_put_pkt, void(struct nlmsghdr *, const void *, uint32_t));
IS(nfq_nlmsg_parse, int(const struct nlmsghdr *, struct nlattr **));
IS(pktb_alloc, struct pkt_buff *(int, void *, size_t, size_t));
IS(pktb_free, void(struct pkt_buff *));
IS(pktb_data, uint8_t *(struct pkt_buff *));
IS(pktb_len, uint32_t(struct pkt_buff *));
IS(pktb_push, void(struct pkt_buff *, unsigned int));
IS(pktb_pull, void(struct pkt_buff *, unsigned int));
IS(pktb_put, void(struct pkt_buff *, unsigned int));
IS(pktb_trim, void(struct pkt_buff *, unsigned int));
IS(pktb_tailroom, unsigned int(struct pkt_buff *));
IS(pktb_mac_header, uint8_t *(struct pkt_buff *));
IS(pktb_network_header, uint8_t *(struct pkt_buff *));
IS(pktb_transport_header, uint8_t *(struct pkt_buff *));
IS(pktb_mangle,
   int(struct pkt_buff *, int, unsigned int, unsigned int, const char *, unsigned int));
IS(pktb_mangled, bool(const struct pkt_buff *));
IS(nfq_ip_get_hdr, struct iphdr *(struct pkt_buff *));
IS(nfq_ip_set_transport_header, int(struct pkt_buff *, struct iphdr *));
IS(nfq_ip_set_checksum, void(struct iphdr *));
IS(nfq_ip_mangle, int(struct pkt_buff *, unsigned int, unsigned int, unsigned int,
		      const char *, unsigned int));
IS(nfq_ip_snprintf, int(char *, size_t, const struct iphdr *));
IS(nfq_ip6_get_hdr, struct ip6_hdr *(struct pkt_buff *));
IS(nfq_ip6_set_transport_header, int(struct pkt_buff *, struct ip6_hdr *, uint8_t));
IS(nfq_ip6_mangle, int(struct pkt_buff *, unsigned int, unsigned int, unsigned int,
		       const char *, unsigned int));
IS(nfq_ip6_snprintf, int(char *, size_t, const struct ip6_hdr *));
IS(nfq_tcp_get_hdr, struct tcphdr *(struct pkt_buff *));
IS(nfq_tcp_get_payload, void *(struct tcphdr *, struct pkt_buff *));
IS(nfq_tcp_get_payload_len, unsigned int(struct tcphdr *, struct pkt_buff *));
IS(nfq_tcp_compute_checksum_ipv4, void(struct tcphdr *, struct iphdr *));
IS(nfq_tcp_compute_checksum_ipv6, void(struct tcphdr *, struct ip6_hdr *));
IS(nfq_tcp_mangle_ipv4,
   int(struct pkt_buff *, unsigned int, unsigned int, const char *, unsigned int));
IS(nfq_tcp_mangle_ipv6,
   int(struct pkt_buff *, unsigned int, unsigned int, const char *, unsigned int));
IS(nfq_tcp_snprintf, int(char *, size_t, const struct tcphdr *));
IS(nfq_udp_get_hdr, struct udphdr *(struct pkt_buff *));
IS(nfq_udp_get_payload, void *(struct udphdr *, struct pkt_buff *));
IS(nfq_udp_get_payload_len, unsigned int(struct udphdr *, struct pkt_buff *));
IS(nfq_udp_compute_checksum_ipv4, void(struct udphdr *, struct iphdr *));
IS(nfq_udp_compute_checksum_ipv6, void(struct udphdr *, struct ip6_hdr *));
IS(nfq_udp_mangle_ipv4,
   int(struct pkt_buff *, unsigned int, unsigned int, const char *, unsigned int));
IS(nfq_udp_mangle_ipv6,
   int(struct pkt_buff *, unsigned int, unsigned int, const char *, unsigned int));
IS(nfq_udp_snprintf, int(char *, size_t, const struct udphdr *));

#ifndef UPSTREAM
#include <libnetfilter_queue/libnetfilter_queue_icmp.h>

IS(nfq_nlmsg_put2, struct nlmsghdr *(char *, int, uint32_t, uint16_t));
IS(pktb_setup_raw, struct pkt_buff *(void *, int, void *, size_t, size_t));
IS(pktb_head_size, size_t(void));
IS(nfq_icmp_get_hdr, struct icmphdr *(struct pkt_buff *));
#endif

SIZE(nfqnl_msg_packet_hdr, 7);
FIELD(nfqnl_msg_packet_hdr, packet_id, 0, 4);
FIELD(nfqnl_msg_packet_hdr, hw_protocol, 4, 2);
FIELD(nfqnl_msg_packet_hdr, hook, 6, 1);
SIZE(nfqnl_msg_packet_hw, 12);
FIELD(nfqnl_msg_packet_hw, hw_addrlen, 0, 2);
FIELD(nfqnl_msg_packet_hw, hw_addr, 4, 8);
SIZE(nfqnl_msg_packet_timestamp, 16);
FIELD(nfqnl_msg_packet_timestamp, sec, 0, 8);
FIELD(nfqnl_msg_packet_timestamp, usec, 8, 8);
SIZE(nfqnl_msg_verdict_hdr, 8);
FIELD(nfqnl_msg_verdict_hdr, verdict, 0, 4);
FIELD(nfqnl_msg_verdict_hdr, id, 4, 4);
SIZE(nfqnl_msg_config_cmd, 4);
FIELD(nfqnl_msg_config_cmd, command, 0, 1);
FIELD(nfqnl_msg_config_cmd, pf, 2, 2);
SIZE(nfqnl_msg_config_params, 5);
FIELD(nfqnl_msg_config_params, copy_range, 0, 4);
FIELD(nfqnl_msg_config_params, copy_mode, 4, 1);

VALUE(NFQNL_MSG_PACKET, 0);
VALUE(NFQNL_MSG_VERDICT, 1);
VALUE(NFQNL_MSG_CONFIG, 2);
VALUE(NFQNL_MSG_VERDICT_BATCH, 3);
VALUE(NFQNL_MSG_MAX, 4);
VALUE(NFQA_UNSPEC, 0);
VALUE(NFQA_PACKET_HDR, 1);
VALUE(NFQA_VERDICT_HDR, 2);
VALUE(NFQA_MARK, 3);
VALUE(NFQA_TIMESTAMP, 4);
VALUE(NFQA_IFINDEX_INDEV, 5);
VALUE(NFQA_IFINDEX_OUTDEV, 6);
VALUE(NFQA_IFINDEX_PHYSINDEV, 7);
VALUE(NFQA_IFINDEX_PHYSOUTDEV, 8);
VALUE(NFQA_HWADDR, 9);
VALUE(NFQA_PAYLOAD, 10);
VALUE(NFQA_CT, 11);
VALUE(NFQA_CT_INFO, 12);
VALUE(NFQA_CAP_LEN, 13);
VALUE(NFQA_SKB_INFO, 14);
VALUE(NFQA_EXP, 15);
VALUE(NFQA_UID, 16);
VALUE(NFQA_GID, 17);
VALUE(NFQA_SECCTX, 18);
VALUE(NFQA_MAX, 18);
VALUE(NFQNL_CFG_CMD_NONE, 0);
VALUE(NFQNL_CFG_CMD_BIND, 1);
VALUE(NFQNL_CFG_CMD_UNBIND, 2);
VALUE(NFQNL_CFG_CMD_PF_BIND, 3);
VALUE(NFQNL_CFG_CMD_PF_UNBIND, 4);
VALUE(NFQNL_COPY_NONE, 0);
VALUE(NFQNL_COPY_META, 1);
VALUE(NFQNL_COPY_PACKET, 2);
VALUE(NFQA_CFG_UNSPEC, 0);
VALUE(NFQA_CFG_CMD, 1);
VALUE(NFQA_CFG_PARAMS, 2);
VALUE(NFQA_CFG_QUEUE_MAXLEN, 3);
VALUE(NFQA_CFG_MASK, 4);
VALUE(NFQA_CFG_FLAGS, 5);
VALUE(NFQA_CFG_MAX, 5);
VALUE(NFQA_CFG_F_FAIL_OPEN, 1);
VALUE(NFQA_CFG_F_CONNTRACK, 2);
VALUE(NFQA_CFG_F_GSO, 4);
VALUE(NFQA_CFG_F_UID_GID, 8);
VALUE(NFQA_CFG_F_SECCTX, 16);
VALUE(NFQA_CFG_F_MAX, 32);
VALUE(NFQA_SKB_CSUMNOTREADY, 1);
VALUE(NFQA_SKB_GSO, 2);
VALUE(NFQA_SKB_CSUM_NOTVERIFIED, 4);
VALUE(NFQ_XML_HW, 1);
VALUE(NFQ_XML_MARK, 2);
VALUE(NFQ_XML_DEV, 4);
VALUE(NFQ_XML_PHYSDEV, 8);
VALUE(NFQ_XML_PAYLOAD, 16);
VALUE(NFQ_XML_TIME, 32);
VALUE(NFQ_XML_UID, 64);
VALUE(NFQ_XML_GID, 128);
VALUE(NFQ_XML_SECCTX, 256);
VALUE(NFQ_XML_ALL, ~0U);
