/* SPDX-License-Identifier: MIT */
/* The loop that every program on the classic API has, on traffic. */
#include "cases.h"
#include "fixture.h"
#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *open_loop(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(RULES);
	fixture_open(fixture);
	nfq_unbind_pf(fixture->handle, AF_INET);
	nfq_bind_pf(fixture->handle, AF_INET);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	return fixture;
}

static void close_loop(struct fixture *fixture)
{
	net_tell_queues("in the end");
	fixture_close(fixture);
	free(fixture);
}

static void accept_and_drop(int family)
{
	static const uint32_t verdicts[] = {NF_ACCEPT, NF_DROP, NF_STOP, NF_ACCEPT};
	struct fixture *fixture = open_loop();
	int server = net_server(family, 5000);
	char text[40];

	for (int i = 0; i < 4; i++) {
		fixture->verdict = verdicts[i];
		snprintf(text, sizeof(text), "packet %d", i);
		net_send(family, 5000, text);
		fixture_receive(fixture, text);
	}
	net_tell_datagrams(server, 3, "of four");
	close_loop(fixture);
}

static void ipv4(void)
{
	accept_and_drop(AF_INET);
}

static void ipv6(void)
{
	accept_and_drop(AF_INET6);
}

/* One handle, four queues, each with a callback's data of its own. */
static void many_queues(void)
{
	static const uint16_t numbers[] = {1, 2, 65535};
	static const char *const labels[] = {"of 1", "of 2", "of 65535", "of 0"};
	struct fixture *fixture = open_loop();
	struct fixture *others[3];
	struct nfq_q_handle *queues[3];
	int server = net_server(AF_INET, 5003);

	for (int i = 0; i < 3; i++) {
		others[i] = calloc(1, sizeof(*others[i]));
		others[i]->verdict = NF_ACCEPT;
		others[i]->label = labels[i];
		queues[i] =
			fixture_queue(fixture, numbers[i], fixture_callback, others[i]);
	}
	for (uint16_t i = 0; i < 4; i++)
		net_send(AF_INET, (uint16_t)(5003 - i), "to all");
	for (int i = 0; i < 4; i++) /* the last one first */
		fixture_receive(fixture, labels[i == 3 ? 3 : 2 - i]);
	for (int i = 0; i < 3; i++) {
		tell_int("callback", others[i]->count, "of queue %u", numbers[i]);
		INT(nfq_destroy_queue(queues[i]), "queue %u", numbers[i]);
		free(others[i]);
	}
	net_tell_datagrams(server, 1, "of queue 65535");
	close_loop(fixture);
}

/* Several messages in one buffer, as recvmmsg() programs and nfq_handle_packet() know. */
static void one_buffer(void)
{
	struct fixture *fixture = open_loop();
	ssize_t length = 0;

	for (int i = 0; i < 3; i++)
		net_send(AF_INET, 5000, "abcd");
	for (int i = 0; i < 3; i++)
		length += net_receive(nfq_fd(fixture->handle), fixture->buffer + length,
				      sizeof(fixture->buffer) - (size_t)length);
	tell_int("recv", length, "three messages");
	fixture->silent = true;
	INT(nfq_handle_packet(fixture->handle, fixture->buffer, (int)length), "three");
	tell_int("callback", fixture->count, "times");
	close_loop(fixture);
}

static void copy_ranges(void)
{
	static const struct {
		uint8_t mode;
		unsigned int range;
	} rows[] = {{NFQNL_COPY_META, 0},
		    {NFQNL_COPY_PACKET, 1},
		    {NFQNL_COPY_PACKET, 20},
		    {NFQNL_COPY_PACKET, 31},
		    {NFQNL_COPY_PACKET, 0}};
	struct fixture *fixture = open_loop();
	char text[40];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		nfq_set_mode(fixture->queue, rows[i].mode, rows[i].range);
		snprintf(text, sizeof(text), "mode %u range %u", rows[i].mode,
			 rows[i].range);
		net_send(AF_INET, 5000, "some bytes");
		fixture_receive(fixture, text);
	}
	close_loop(fixture);
}

static void large(void)
{
	static uint8_t packet[PACKET_MAX], payload[60000];
	struct fixture *fixture = open_loop();
	int server = net_server(AF_INET6, 5000);

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	net_send_bytes(AF_INET6, packet,
		       packet_udp(packet, AF_INET6, 5000, payload, sizeof(payload)));
	fixture_receive(fixture, "60000 bytes");
	net_tell_datagrams(server, 1, "60000 bytes");
	close_loop(fixture);
}

/* nfq_handle_packet() passes a callback's failure on. */
static void callback_results(void)
{
	static const int results[] = {0, 1, 32, -1, -2};
	struct fixture *fixture = open_loop();
	char text[40];

	fixture->silent = true;
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		fixture->result = results[i];
		snprintf(text, sizeof(text), "callback returns %d", results[i]);
		net_send(AF_INET, 5000, "result");
		fixture_receive(fixture, text);
	}
	close_loop(fixture);
}

/* TCP: a connection whose packets all pass the queue; its numbers are random. */
static void tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5009)};
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, server;
	char data[16] = "";

	close(listener);
	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	fixture->silent = true;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1) < 0)
		give_up("listen");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect(client, (struct sockaddr *)&address, sizeof(address));
	fixture_receive(fixture, "SYN");
	fixture_receive(fixture, "ACK");
	server = accept(listener, NULL, NULL);
	send(client, "over TCP", 8, 0);
	fixture_receive(fixture, "data");
	recv(server, data, 8, MSG_WAITALL);
	tell("datagram", data, "over TCP");
	fixture_close(fixture);
	free(fixture);
}

/* Programs of libnfnetlink hand packets to its handle. */
static void by_libnfnetlink(void)
{
	struct fixture *fixture = open_loop();
	struct nfnl_handle *nfnl = nfq_nfnlh(fixture->handle);
	int server = net_server(AF_INET, 5000);
	ssize_t length;

	fixture->label = "by nfnl_handle_packet";
	net_send(AF_INET, 5000, "by hand");
	length = net_receive(nfnl_fd(nfnl), fixture->buffer, sizeof(fixture->buffer));
	tell_int("nfnl_handle_packet",
		 nfnl_handle_packet(nfnl, fixture->buffer, (int)length), "it works");
	net_send(AF_INET, 5000, "process."); /* messages of a multiple of 4 bytes */
	net_send(AF_INET, 5000, "catch a packet..");
	fixture->label = "by nfnl_process";
	length = net_receive(nfnl_fd(nfnl), fixture->buffer, sizeof(fixture->buffer));
	tell_int("nfnl_process",
		 nfnl_process(nfnl, (unsigned char *)fixture->buffer, (size_t)length),
		 "it works");
	fixture->label = "by nfnl_catch";
	tell_int("nfnl_catch", nfnl_catch(nfnl), "it works");
	net_tell_datagrams(server, 2, "by libnfnetlink");
	close_loop(fixture);
}

/* What a program finds that asks for one more attribute of the kernel. */
static int tell_owner(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
		      struct nfq_data *packet, void *data)
{
	uint32_t user = 99, group = 99;

	INT(nfq_get_uid(packet, &user), "of traffic");
	INT(nfq_get_gid(packet, &group), "of traffic");
	tell_int("nfq_get_uid", user, "of traffic: value");
	tell_int("nfq_get_gid", group, "of traffic: value");
	INT(nfq_get_skbinfo(packet), "of traffic");
	INT(nfq_get_nfmark(packet), "of traffic");
	INT(nfq_get_outdev(packet), "of traffic");
	INT(nfq_get_indev(packet), "of traffic");
	return nfq_set_verdict(queue, fixture_id(packet), NF_ACCEPT, 0, NULL);
}

static void owner(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, tell_owner, fixture);
	INT(nfq_set_queue_flags(fixture->queue, NFQA_CFG_F_UID_GID, NFQA_CFG_F_UID_GID),
	    "user and group");
	net_send(AF_INET, 5000, "owned");
	fixture_receive(fixture, "owned");
	close_loop(fixture);
}

const struct compat_case loop_cases[] = {
	{"loop-ipv4", ipv4},
	{"loop-ipv6", ipv6},
	{"loop-many-queues", many_queues},
	{"loop-one-buffer", one_buffer},
	{"loop-copy-ranges", copy_ranges},
	{"loop-large", large},
	{"loop-callback-results", callback_results},
	{"loop-tcp", tcp},
	{"loop-by-libnfnetlink", by_libnfnetlink},
	{"loop-owner", owner},
	{0},
};
