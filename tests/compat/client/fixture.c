/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* Queue rules by iptables, since not every kernel has nft's. Changed marks show in the
 * port. */
const char RULES[] = "for program in iptables ip6tables; do $program-restore <<-EOF\n"
		     "	*filter\n"
		     "	-A OUTPUT -m mark --mark 0x77 -j ACCEPT\n"
		     "	-A OUTPUT -p udp --dport 5000 -j NFQUEUE --queue-num 0\n"
		     "	-A OUTPUT -p udp --dport 5001 -j NFQUEUE --queue-num 1\n"
		     "	-A OUTPUT -p udp --dport 5002 -j NFQUEUE --queue-num 2\n"
		     "	-A OUTPUT -p udp --dport 5003 -j NFQUEUE --queue-num 65535\n"
		     "	-A OUTPUT -p tcp --dport 5009 -j NFQUEUE --queue-num 0\n"
		     "	-A INPUT -p udp --dport 5010 -j NFQUEUE --queue-num 0\n"
		     "	COMMIT\n"
		     "	EOF\n"
		     "done\n"
		     "nft -f - <<-EOF\n"
		     "	table inet compat {\n"
		     "	chain marks {\n"
		     "		type filter hook output priority 10;\n"
		     "		meta mark 0x11223344 udp dport set 6000\n"
		     "		meta mark 0x44332211 udp dport set 6001\n"
		     "	}\n"
		     "	}\n"
		     "	EOF\n";

void fixture_open(struct fixture *fixture)
{
	fixture->handle = nfq_open();
	if (!fixture->handle)
		give_up("nfq_open");
	fixture->verdict = NF_ACCEPT;
}

void fixture_close(struct fixture *fixture)
{
	if (fixture->queue && nfq_destroy_queue(fixture->queue) < 0)
		give_up("nfq_destroy_queue");
	if (fixture->names)
		nlif_close(fixture->names);
	nfq_close(fixture->handle);
}

struct nfq_q_handle *fixture_queue(struct fixture *fixture, uint16_t number,
				   nfq_callback *callback, void *data)
{
	struct nfq_q_handle *queue =
		nfq_create_queue(fixture->handle, number, callback, data);

	if (!queue)
		give_up("nfq_create_queue");
	if (nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		give_up("nfq_set_mode");
	return queue;
}

uint32_t fixture_id(struct nfq_data *packet)
{
	struct nfqnl_msg_packet_hdr *head = nfq_get_msg_packet_hdr(packet);

	return head ? ntohl(head->packet_id) : 0;
}

static void tell_packet(const struct fixture *fixture, struct nfgenmsg *nfgen,
			struct nfq_data *packet)
{
	const char *label = fixture->label;
	unsigned char *payload;
	long long length;

	tell_bytes("callback", nfgen, sizeof(*nfgen), "%s: nfgenmsg", label);
	tell_bytes("nfq_get_msg_packet_hdr", nfq_get_msg_packet_hdr(packet), 7, "%s",
		   label);
	length = INT(nfq_get_payload(packet, &payload), "%s", label);
	if (length > 0)
		tell_bytes("nfq_get_payload", payload, (size_t)length, "%s: data", label);
}

int fixture_callback(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
		     struct nfq_data *packet, void *data)
{
	struct fixture *fixture = data;

	fixture->count++;
	fixture->last_id = fixture_id(packet);
	if (!fixture->silent)
		tell_packet(fixture, nfgen, packet);
	if (fixture->undecided)
		return fixture->result;
	if (fixture->silent)
		nfq_set_verdict(queue, fixture->last_id, fixture->verdict, 0, NULL);
	else
		INT(nfq_set_verdict(queue, fixture->last_id, fixture->verdict, 0, NULL),
		    "%s", fixture->label);
	return fixture->result;
}

ssize_t fixture_receive(struct fixture *fixture, const char *label)
{
	ssize_t length = net_receive(nfq_fd(fixture->handle), fixture->buffer,
				     sizeof(fixture->buffer));

	tell_int("recv", length, "%s", label);
	if (length <= 0)
		return length;
	fixture->label = label;
	INT(nfq_handle_packet(fixture->handle, fixture->buffer, (int)length), "%s",
	    label);
	return length;
}
