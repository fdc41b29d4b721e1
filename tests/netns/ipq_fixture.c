/* SPDX-License-Identifier: MIT */
#include "ipq_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ipq_handle *ipq;
unsigned char buffer[66000];
int udp_server = -1, udp_client = -1;

static void close_socket(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int ipq_end(void **state)
{
	assert_int_equal(ipq_destroy_handle(ipq), 0);
	ipq = NULL;
	close_socket(&udp_server);
	close_socket(&udp_client);
	netns_sh("for table in filter mangle; do iptables -t $table -F; "
		 "ip6tables -t $table -F; done");
	assert_false(netns_kernel_warned());
	return 0;
}

void ipq_begin(uint32_t protocol, uint8_t mode, size_t range)
{
	netns_need_queue();
	ipq = ipq_create_handle(0, protocol);
	if (!ipq)
		fail_msg("no handle: %s: %s", ipq_errstr(), strerror(errno));
	assert_true(ipq_set_mode(ipq, mode, range) > 0);
}

void ipq_rule(uint32_t protocol, const char *arguments)
{
	netns_sh("%s -w -A %s", protocol == PF_INET6 ? "ip6tables" : "iptables",
		 arguments);
}

void ipq_begin_input(uint32_t protocol)
{
	const char *ip = protocol == PF_INET6 ? "::1" : "127.0.0.1";

	ipq_begin(protocol, IPQ_COPY_PACKET, 0);
	ipq_rule(protocol, "INPUT -p udp --dport 5000 -j NFQUEUE");
	udp_server = netns_udp_server(NULL, ip, PORT);
	udp_client = netns_udp_client(NULL, ip, PORT);
}

ipq_packet_msg_t *ipq_next(void)
{
	ssize_t length = ipq_read(ipq, buffer, sizeof(buffer), WAIT_US);

	if (length <= 0)
		fail_msg("%zd: %s: %s", length, ipq_errstr(), strerror(errno));
	assert_int_equal(ipq_message_type(buffer), IPQM_PACKET);
	assert_int_equal(length, 16 + 96 + ipq_get_packet(buffer)->data_len);
	return ipq_get_packet(buffer);
}

int ipq_next_error(void)
{
	assert_int_equal(ipq_read(ipq, buffer, sizeof(buffer), WAIT_US), 16 + 20);
	assert_int_equal(ipq_message_type(buffer), NLMSG_ERROR);
	return ipq_get_msgerr(buffer);
}

void ipq_accept(uint32_t count)
{
	while (count-- > 0)
		assert_true(ipq_set_verdict(ipq, ipq_next()->packet_id, NF_ACCEPT, 0,
					    NULL) > 0);
}

void assert_came(uint32_t count)
{
	struct netns_tally tally;

	netns_udp_collect(udp_server, 0, count ? count : 1, count ? WAIT_MS : QUIET_MS,
			  &tally, NULL);
	assert_int_equal(tally.received, count);
	assert_int_equal(tally.foreign, 0);
	assert_int_equal(tally.duplicate, 0);
}

void assert_error(const char *text)
{
	assert_string_equal(ipq_errstr(), text);
}

void assert_queue_empty(void)
{
	assert_true(netns_queue_waits(0, 0, WAIT_MS));
}
