/* SPDX-License-Identifier: MIT */
/* The functions for programs that use libmnl: messages built and read. */
#include "cases.h"
#include "fixture.h"
#include "packet.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TYPES 26 /* more than 1.0.5 knows */
#define GUARD ((struct nlattr *)8)

static char buffer[200000] __attribute__((aligned(8)));

static struct nlmsghdr *begin(int type, uint32_t queue)
{
	memset(buffer, 0xee, 4096);
	return nfq_nlmsg_put(buffer, type, queue);
}

static void tell_message(const char *function, const struct nlmsghdr *nlh,
			 const char *label)
{
	tell_bytes(function, nlh, nlh->nlmsg_len, "%s: message", label);
}

static void put(void)
{
	static const uint32_t queues[] = {0, 1, 65535, 65536, 0x01020304};
	char label[40];

	for (int type = 0; type < 4; type++)
		for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++) {
			memset(buffer, 0xee, 100);
			snprintf(label, sizeof(label), "type %d queue %u", type,
				 queues[i]);
			POINTER(nfq_nlmsg_put(buffer, type, queues[i]), "%s", label);
			tell_bytes("nfq_nlmsg_put", buffer, 24, "%s: bytes", label);
		}
	tell_int("nfq_nlmsg_put", (char *)begin(0, 0) - buffer, "place");
}

static void config(void)
{
	struct nlmsghdr *nlh = begin(NFQNL_MSG_CONFIG, 7);

	DO(nfq_nlmsg_cfg_put_cmd(nlh, AF_INET6, NFQNL_CFG_CMD_BIND), "bind");
	tell_message("nfq_nlmsg_cfg_put_cmd", nlh, "bind");
	DO(nfq_nlmsg_cfg_put_cmd(nlh, 0x0102, NFQNL_CFG_CMD_UNBIND), "unbind");
	tell_message("nfq_nlmsg_cfg_put_cmd", nlh, "unbind");
	nlh = begin(NFQNL_MSG_CONFIG, 7);
	DO(nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, 0x01020304), "packet");
	tell_message("nfq_nlmsg_cfg_put_params", nlh, "packet");
	DO(nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_META, -1), "meta");
	tell_message("nfq_nlmsg_cfg_put_params", nlh, "meta");
	nlh = begin(NFQNL_MSG_CONFIG, 7);
	DO(nfq_nlmsg_cfg_put_qmaxlen(nlh, 0x01020304), "length");
	tell_message("nfq_nlmsg_cfg_put_qmaxlen", nlh, "length");
}

static void verdicts(void)
{
	struct nlmsghdr *nlh = begin(NFQNL_MSG_VERDICT, 7);
	char label[40];

	DO(nfq_nlmsg_verdict_put(nlh, 0x01020304, NF_QUEUE_NR(9)), "to queue 9");
	tell_message("nfq_nlmsg_verdict_put", nlh, "to queue 9");
	DO(nfq_nlmsg_verdict_put(nlh, -1, -2), "negative");
	tell_message("nfq_nlmsg_verdict_put", nlh, "negative");
	DO(nfq_nlmsg_verdict_put_mark(nlh, 0x11223344), "mark");
	tell_message("nfq_nlmsg_verdict_put_mark", nlh, "mark");
	for (uint32_t length = 0; length < 6; length++) {
		snprintf(label, sizeof(label), "%u bytes", length);
		nlh = begin(NFQNL_MSG_VERDICT, 7);
		DO(nfq_nlmsg_verdict_put_pkt(nlh, "abcdef", length), "%s", label);
		tell_message("nfq_nlmsg_verdict_put_pkt", nlh, label);
	}
	DO(nfq_nlmsg_verdict_put_pkt(nlh, buffer + 100000, 60000), "large");
	tell_message("nfq_nlmsg_verdict_put_pkt", nlh, "large");
}

static void tell_attributes(struct nlattr *const *attributes, const char *label)
{
	char present[400] = "";
	size_t used = 0;

	for (int i = 0; i <= TYPES; i++) {
		if (attributes[i] == GUARD)
			continue;
		used += (size_t)snprintf(present + used, sizeof(present) - used, "%d:%u ",
					 i, attributes[i]->nla_len);
	}
	tell("nfq_nlmsg_parse", present, "%s: attributes", label);
}

static void clear(struct nlattr **attributes)
{
	for (int i = 0; i <= TYPES; i++)
		attributes[i] = GUARD;
}

static void parse_all(void)
{
	struct nlattr *attributes[TYPES + 1];
	struct nlmsghdr *nlh = begin(NFQNL_MSG_PACKET, 7);

	clear(attributes);
	INT(nfq_nlmsg_parse(nlh, attributes), "no attribute");
	tell_attributes(attributes, "no attribute");
	for (uint16_t type = 1; type <= TYPES; type++)
		mnl_attr_put(nlh, type, 16, buffer + 100000);
	INT(nfq_nlmsg_parse(nlh, attributes), "each has 16 bytes");
	tell_attributes(attributes, "each has 16 bytes");
}

/* Each type with each size: who accepts what. */
static void parse_sizes(void)
{
	static const size_t sizes[] = {0, 1, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17};
	struct nlattr *attributes[TYPES + 1];
	char label[40];

	for (uint16_t type = 0; type <= TYPES; type++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct nlmsghdr *nlh = begin(NFQNL_MSG_PACKET, 7);

			clear(attributes);
			mnl_attr_put(nlh, type, sizes[i], buffer + 100000);
			mnl_attr_put_u32(nlh, NFQA_MARK, 1);
			snprintf(label, sizeof(label), "type %u, %zu bytes", type,
				 sizes[i]);
			INT(nfq_nlmsg_parse(nlh, attributes), "%s", label);
			tell_attributes(attributes, label);
		}
}

static void parse_flagged(void)
{
	struct nlattr *attributes[TYPES + 1];
	struct nlmsghdr *nlh = begin(NFQNL_MSG_PACKET, 7);

	clear(attributes);
	mnl_attr_put_u32(nlh, NFQA_MARK | NLA_F_NET_BYTEORDER, 1);
	mnl_attr_put_u32(nlh, NFQA_CT | NLA_F_NESTED, 1);
	mnl_attr_put_u32(nlh, NFQA_UID, 1);
	mnl_attr_put_u32(nlh, NFQA_UID, 2);
	INT(nfq_nlmsg_parse(nlh, attributes), "flagged types");
	tell_attributes(attributes, "flagged types");
	tell_int("nfq_nlmsg_parse",
		 attributes[NFQA_UID] != GUARD ? (char *)attributes[NFQA_UID] - buffer
					       : -1,
		 "flagged types: place");
}

/* --- traffic ---------------------------------------------------------------------- */

static void send_to_kernel(struct mnl_socket *socket, const struct nlmsghdr *nlh,
			   const char *label)
{
	tell_int("mnl_socket_sendto", mnl_socket_sendto(socket, nlh, nlh->nlmsg_len),
		 "%s", label);
}

static void configure(struct mnl_socket *socket)
{
	struct nlmsghdr *nlh = begin(NFQNL_MSG_CONFIG, 0);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_INET, NFQNL_CFG_CMD_BIND);
	send_to_kernel(socket, nlh, "bind");
	nlh = begin(NFQNL_MSG_CONFIG, 0);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, 0xffff);
	send_to_kernel(socket, nlh, "mode");
	nlh = begin(NFQNL_MSG_CONFIG, 0);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, 100);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	send_to_kernel(socket, nlh, "length and flags");
	net_tell_queues("configured");
}

/* One packet: read, and sent on with other bytes and a mark. */
static int change_packet(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attributes[NFQA_MAX + 1] = {NULL};
	const struct nfqnl_msg_packet_hdr *head;
	uint8_t packet[200];

	INT(nfq_nlmsg_parse(nlh, attributes), "of traffic");
	if (!attributes[NFQA_PACKET_HDR] || !attributes[NFQA_PAYLOAD])
		return MNL_CB_ERROR;
	head = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	tell_bytes("nfq_nlmsg_parse", mnl_attr_get_payload(attributes[NFQA_PAYLOAD]),
		   mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]),
		   "of traffic: payload");
	nlh = begin(NFQNL_MSG_VERDICT, 0);
	nfq_nlmsg_verdict_put((struct nlmsghdr *)buffer, (int)ntohl(head->packet_id),
			      NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark((struct nlmsghdr *)buffer, 0x11223344);
	nfq_nlmsg_verdict_put_pkt(
		(struct nlmsghdr *)buffer, packet,
		(uint32_t)packet_udp(packet, AF_INET, 5000, "by libmnl", 9));
	send_to_kernel(data, nlh, "verdict");
	return MNL_CB_OK;
}

static void traffic(void)
{
	static char message[70000] __attribute__((aligned(8)));
	struct mnl_socket *socket;
	ssize_t length;
	int server;

	net_enter(RULES);
	server = net_server(AF_INET, 6000);
	socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		give_up("no mnl socket");
	configure(socket);
	net_send(AF_INET, 5000, "original");
	length = net_receive(mnl_socket_get_fd(socket), message, sizeof(message));
	tell_int("mnl_cb_run",
		 mnl_cb_run(message, (size_t)length, 0, mnl_socket_get_portid(socket),
			    change_packet, socket),
		 "of traffic");
	net_tell_datagrams(server, 1, "changed");
	mnl_socket_close(socket);
}

const struct compat_case mnl_cases[] = {
	{"mnl-put", put},
	{"mnl-config", config},
	{"mnl-verdicts", verdicts},
	{"mnl-parse-all", parse_all},
	{"mnl-parse-sizes", parse_sizes},
	{"mnl-parse-flagged", parse_flagged},
	{"mnl-traffic", traffic},
	{0},
};
