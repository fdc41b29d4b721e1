/* SPDX-License-Identifier: MIT */
/* libipq: what is told of a packet, and what comes of its verdict. IPv4 and IPv6. */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <cmocka.h>

#include "ipq_fixture.h"

static uint32_t family; /* of the running test: see main() */

static bool is_ipv6(void)
{
	return family == PF_INET6;
}

static size_t header_length(void)
{
	return is_ipv6() ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
}

/* Of a datagram of netns_udp_send(). */
static size_t packet_length(void)
{
	return header_length() + sizeof(struct udphdr) + 16;
}

/* --- what is told ----------------------------------------------------------------- */

static void a_packet_that_comes_in_is_told_of(void **state)
{
	ipq_packet_msg_t *packet;
	time_t began = time(NULL);

	ipq_begin_input(family);
	ipq_rule(family, "INPUT -t mangle -p udp -j MARK --set-mark 0x81223344");
	netns_sleep(100); /* the kernel's switch for timestamps is thrown by a worker */
	netns_udp_send(udp_client, 0, 1);
	packet = ipq_next();
	assert_int_not_equal(packet->packet_id, 0);
	assert_int_equal(packet->mark, 0x81223344);
	assert_in_range(packet->timestamp_sec, began, time(NULL));
	assert_in_range(packet->timestamp_usec, 0, 999999);
	assert_int_equal(packet->hook, NF_INET_LOCAL_IN);
	assert_string_equal(packet->indev_name, "lo");
	assert_string_equal(packet->outdev_name, "");
	assert_int_equal(packet->hw_protocol, htons(is_ipv6() ? ETH_P_IPV6 : ETH_P_IP));
	assert_int_equal(packet->hw_type, ARPHRD_LOOPBACK);
	assert_int_equal(packet->hw_addrlen, ETH_ALEN);
	assert_memory_equal(packet->hw_addr, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(packet->data_len, packet_length());
	assert_int_equal(packet->payload[0] >> 4, is_ipv6() ? 6 : 4);
	assert_true(ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, 0, NULL) > 0);
	assert_came(1);
}

static void a_packet_that_goes_out_has_no_hardware_yet(void **state)
{
	ipq_packet_msg_t *packet;

	ipq_begin(family, IPQ_COPY_PACKET, 0);
	ipq_rule(family, "OUTPUT -p udp --dport 5000 -j NFQUEUE");
	udp_client = netns_udp_client(NULL, is_ipv6() ? "::1" : "127.0.0.1", PORT);
	netns_udp_send(udp_client, 0, 1);
	packet = ipq_next();
	assert_int_equal(packet->hook, NF_INET_LOCAL_OUT);
	assert_string_equal(packet->indev_name, "");
	assert_string_equal(packet->outdev_name, "lo");
	assert_int_equal(packet->mark, 0);
	assert_int_equal(packet->timestamp_sec, 0);
	assert_int_equal(packet->hw_type, 0);
	assert_int_equal(packet->hw_addrlen, 0);
}

static void device_address(const char *device, unsigned char *address)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	memcpy(address, request.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
}

static struct netns_pair from, to;

static int end_pairs(void **state)
{
	netns_pair_close(&from);
	netns_pair_close(&to);
	return ipq_end(state);
}

static void a_forwarded_packet_has_both_devices(void **state)
{
	unsigned char address[ETH_ALEN];
	ipq_packet_msg_t *packet;

	netns_pair_at(&from, 98);
	netns_pair_at(&to, 99);
	netns_forward();
	ipq_begin(family, IPQ_COPY_PACKET, 0);
	ipq_rule(family, "FORWARD -p udp --dport 5000 -j NFQUEUE");
	udp_server = netns_udp_server(&to, is_ipv6() ? "fd99::2" : "10.99.0.2", PORT);
	udp_client = netns_udp_client(&from, is_ipv6() ? "fd99::2" : "10.99.0.2", PORT);
	netns_udp_send(udp_client, 0, 1);
	packet = ipq_next();
	assert_int_equal(packet->hook, NF_INET_FORWARD);
	assert_string_equal(packet->indev_name, "here98");
	assert_string_equal(packet->outdev_name, "here99");
	assert_int_equal(packet->hw_type, ARPHRD_ETHER);
	assert_int_equal(packet->hw_addrlen, ETH_ALEN);
	netns_peer_enter(&from);
	device_address("peer98", address);
	netns_peer_leave(&from);
	assert_memory_equal(packet->hw_addr, address, ETH_ALEN);
	assert_true(ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, 0, NULL) > 0);
	assert_came(1);
}

static void a_device_with_a_new_name_is_told_by_it(void **state)
{
	netns_pair_at(&from, 98);
	ipq_begin(family, IPQ_COPY_META, 0);
	ipq_rule(family, "INPUT -p udp --dport 5000 -j NFQUEUE");
	udp_client = netns_udp_client(&from, is_ipv6() ? "fd98::1" : "10.98.0.1", PORT);
	netns_udp_send(udp_client, 0, 1);
	assert_string_equal(ipq_next()->indev_name, "here98");
	netns_udp_send(udp_client, 1, 1);
	assert_true(netns_queue_waits(0, 2, WAIT_MS));
	netns_need("a new name for a device that is up",
		   "ip link set here98 name fifteen-letters");
	assert_string_equal(ipq_next()->indev_name, "fifteen-letters");
	netns_sh("ip link set fifteen-letters name here98");
}

static void the_range_cuts(void **state)
{
	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	assert_int_equal(ipq_next()->data_len, packet_length());
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, 33) > 0);
	netns_udp_send(udp_client, 1, 1);
	assert_int_equal(ipq_next()->data_len, 33);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_META, 1500) > 0);
	netns_udp_send(udp_client, 2, 1);
	assert_int_equal(ipq_next()->data_len, 0);
}

/* --- verdicts --------------------------------------------------------------------- */

static void decide(unsigned int verdict)
{
	assert_true(ipq_set_verdict(ipq, ipq_next()->packet_id, verdict, 0, NULL) > 0);
}

static void a_dropped_packet_does_not_arrive(void **state)
{
	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	decide(NF_DROP);
	assert_came(0);
	assert_queue_empty();
}

static void a_repeated_packet_comes_again(void **state)
{
	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	decide(NF_REPEAT);
	decide(NF_ACCEPT);
	assert_came(1);
}

static void a_packet_goes_on_in_the_same_queue(void **state)
{
	unsigned long id;

	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	id = ipq_next()->packet_id;
	assert_true(ipq_set_verdict(ipq, id, NF_QUEUE, 0, NULL) > 0);
	assert_int_not_equal(ipq_next()->packet_id, id);
	assert_true(ipq_set_verdict(ipq, ipq_get_packet(buffer)->packet_id, NF_ACCEPT, 0,
				    NULL) > 0);
	assert_came(1);
}

/* With its last ones first, each is decided by its own id. */
static void packets_are_decided_in_any_order(void **state)
{
	unsigned long ids[100];

	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 100);
	for (int i = 0; i < 100; i++) {
		ids[i] = ipq_next()->packet_id;
		assert_true(i == 0 || ids[i] > ids[i - 1]);
	}
	for (int i = 99; i >= 0; i--)
		assert_true(ipq_set_verdict(ipq, ids[i], i % 4 ? NF_ACCEPT : NF_DROP, 0,
					    NULL) > 0);
	assert_queue_empty();
	for (int i = 99; i >= 0; i--) {
		uint32_t number;

		if (i % 4 == 0)
			continue;
		assert_int_equal(recv(udp_server, &number, sizeof(number), 0), 4);
		assert_int_equal(ntohl(number), i);
	}
}

static void a_verdict_without_a_packet_is_answered(void **state)
{
	struct nlmsgerr error;

	ipq_begin_input(family);
	assert_true(ipq_set_verdict(ipq, 4711, NF_ACCEPT, 0, NULL) > 0);
	assert_int_equal(ipq_next_error(), ENOENT);
	memcpy(&error, buffer + 16, sizeof(error));
	assert_int_equal(error.error, -ENOENT);
	assert_int_equal(error.msg.nlmsg_type, IPQM_VERDICT);
	netns_udp_send(udp_client, 0, 1);
	decide(NF_ACCEPT);
	assert_came(1);
}

/* An id has 64 bits here and 32 in the kernel. */
static void an_id_that_is_too_long_decides_nothing(void **state)
{
	unsigned long id;

	if (sizeof(id) == 4)
		netns_skip("here no id is too long");
	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	id = ipq_next()->packet_id;
	assert_int_equal(
		ipq_set_verdict(ipq, id | (unsigned long)1 << 32, NF_DROP, 0, NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_error("Failed to send netlink message");
	assert_true(ipq_set_verdict(ipq, id, NF_ACCEPT, 0, NULL) > 0);
	assert_came(1);
}

static void waiting_packets_are_dropped_with_the_handle(void **state)
{
	struct netns_queue_row row;

	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 3);
	ipq_next();
	ipq_destroy_handle(ipq);
	ipq = NULL;
	assert_false(netns_queue_row(0, &row));
	assert_came(0);
}

/* --- other bytes ------------------------------------------------------------------ */

static uint32_t sum_of(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Both checksums and lengths of a UDP packet of `length` bytes. */
static void mend(unsigned char *packet, size_t length)
{
	size_t at = header_length(), udp_length = length - at;
	struct iphdr *ip = (struct iphdr *)packet;
	struct ip6_hdr *ip6 = (struct ip6_hdr *)packet;
	struct udphdr *udp = (struct udphdr *)(packet + at);
	uint32_t pseudo = IPPROTO_UDP + (uint32_t)udp_length;

	udp->len = htons((uint16_t)udp_length);
	udp->check = 0;
	if (is_ipv6()) {
		ip6->ip6_plen = htons((uint16_t)udp_length);
		pseudo += sum_of(packet + 8, 32);
	} else {
		ip->tot_len = htons((uint16_t)length);
		ip->check = 0;
		ip->check = fold(sum_of(ip, sizeof(*ip)));
		pseudo += sum_of(packet + 12, 8);
	}
	udp->check = fold(pseudo + sum_of(udp, udp_length));
}

/* The waiting packet, with these bytes in its datagram. */
static void send_other(const char *text, size_t length)
{
	_Alignas(8) unsigned char packet[4096];
	size_t at = header_length() + sizeof(struct udphdr);
	ipq_packet_msg_t *old = ipq_next();

	memcpy(packet, old->payload, at);
	memcpy(packet + at, text, length);
	mend(packet, at + length);
	assert_true(ipq_set_verdict(ipq, old->packet_id, NF_ACCEPT, at + length, packet) >
		    0);
}

static void changed_packets_arrive_changed(void **state)
{
	static const char *const texts[] = {"sixteen letters.", "short", "x",
					    "a text that is longer than it was", ""};
	char text[4096], got[4096];

	netns_need_real_root();
	ipq_begin_input(family);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		netns_udp_send(udp_client, 0, 1);
		send_other(texts[i], strlen(texts[i]));
		assert_int_equal(recv(udp_server, got, sizeof(got), 0), strlen(texts[i]));
		assert_memory_equal(got, texts[i], strlen(texts[i]));
	}
	memset(text, 'm', sizeof(text));
	netns_udp_send(udp_client, 0, 1);
	send_other(text, 3001);
	assert_int_equal(recv(udp_server, got, sizeof(got), 0), 3001);
	assert_memory_equal(got, text, 3001);
}

static void bytes_without_a_header_change_nothing(void **state)
{
	ipq_packet_msg_t *packet;

	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 4);
	packet = ipq_next();
	ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, header_length() - 1,
			packet->payload);
	packet = ipq_next();
	ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, 0, packet->payload);
	packet = ipq_next();
	ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, packet->data_len, NULL);
	packet = ipq_next();
	ipq_set_verdict(ipq, packet->packet_id, NF_ACCEPT, packet->data_len,
			packet->payload);
	assert_came(4);
}

static void bytes_that_no_message_holds_are_refused(void **state)
{
	unsigned long id;

	ipq_begin_input(family);
	netns_udp_send(udp_client, 0, 1);
	id = ipq_next()->packet_id;
	assert_int_equal(ipq_set_verdict(ipq, id, NF_ACCEPT, 65532, buffer), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_error("Failed to send netlink message");
	assert_true(ipq_set_verdict(ipq, id, NF_ACCEPT, 0, NULL) > 0);
	assert_came(1);
}

/* --- rules ------------------------------------------------------------------------ */

static void the_target_of_old_rules_works(void **state)
{
	const char *program = is_ipv6() ? "ip6tables-legacy" : "iptables-legacy";
	char probe[128];

	netns_need_command(program);
	ipq_begin_input(family);
	netns_sh("%s -F INPUT", is_ipv6() ? "ip6tables" : "iptables");
	snprintf(probe, sizeof(probe), "%s -A INPUT -p udp -j QUEUE", program);
	netns_need("the target QUEUE", probe);
	netns_udp_send(udp_client, 0, 1);
	decide(NF_ACCEPT);
	netns_sh("%s -F", program);
	assert_came(1);
}

#define TEST(name) cmocka_unit_test_teardown(name, ipq_end)
#define TEST_PAIRS(name) cmocka_unit_test_teardown(name, end_pairs)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_that_comes_in_is_told_of),
		TEST(a_packet_that_goes_out_has_no_hardware_yet),
		TEST_PAIRS(a_forwarded_packet_has_both_devices),
		TEST_PAIRS(a_device_with_a_new_name_is_told_by_it),
		TEST(the_range_cuts),
		TEST(a_dropped_packet_does_not_arrive),
		TEST(a_repeated_packet_comes_again),
		TEST(a_packet_goes_on_in_the_same_queue),
		TEST(packets_are_decided_in_any_order),
		TEST(a_verdict_without_a_packet_is_answered),
		TEST(an_id_that_is_too_long_decides_nothing),
		TEST(waiting_packets_are_dropped_with_the_handle),
		TEST(changed_packets_arrive_changed),
		TEST(bytes_without_a_header_change_nothing),
		TEST(bytes_that_no_message_holds_are_refused),
		TEST(the_target_of_old_rules_works),
	};

	family = argc > 1 && strcmp(argv[1], "--ipv6") == 0 ? PF_INET6 : PF_INET;
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
